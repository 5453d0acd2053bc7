#!/bin/sh
# The program as a whole, in bad times: each *.sh here but lib.sh is a test. Exit status 77: skipped.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd)
failed=0
for t in "$here"/*.sh; do
    name=$(basename "$t" .sh)
    case $name in run | lib | side | postfix_conf) continue ;; esac
    out=$("$t" "$build" 2>&1)
    case $? in
    0) echo "ok e2e/$name" ;;
    77) echo "skip e2e/$name: $(echo "$out" | tail -n 1)" ;;
    *)
        echo "$out" | tail -n 40 | sed 's/^/    /'
        echo "not ok e2e/$name"
        failed=1
        ;;
    esac
done
exit $failed
