#!/bin/sh
# The program as a whole, in bad times: each *.sh here but lib.sh is a test, two at a time, for they mostly wait. Exit status 77:
# skipped.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd) || exit 2
if [ $# -eq 2 ]; then
    name=$2
    out=$("$here/$name.sh" "$build" 2>&1)
    case $? in
    0) echo "ok e2e/$name" ;;
    77) echo "skip e2e/$name: $(echo "$out" | tail -n 1)" ;;
    *)
        said=$(echo "$out" | tail -n 40 | sed 's/^/    /')
        printf '%s\n%s\n' "$said" "not ok e2e/$name"
        exit 1
        ;;
    esac
    exit 0
fi
long='badinput wordpress bounded'
others=$(for t in "$here"/*.sh; do basename "$t" .sh; done | grep -vxE "run|lib|side|postfix_conf|$(echo "$long" | tr ' ' '|')")
printf '%s\n' $long $others | xargs -P 2 -n 1 "$0" "$build"
