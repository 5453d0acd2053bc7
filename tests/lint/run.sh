#!/bin/sh
# The rules of the house that a script can check; a line each.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd)
status=0
lint() {
    name=$1
    shift
    out=$("$@" 2>&1)
    case $? in
    0) echo "ok lint/$name" ;;
    77) echo "skip lint/$name: nothing to look at" ;;
    *)
        echo "$out" | sed 's/^/    /'
        echo "not ok lint/$name"
        status=1
        ;;
    esac
}
lint layers "$here/layers.sh" "$root"
lint names "$here/names.sh" "$root"
lint globals "$here/globals.sh" "$build"
lint world "$here/world.sh" "$root" "$build"
lint manual "$here/manual.sh" "$root" "$build"
exit $status
