#!/bin/sh
# run.sh BUILD [--accept] [CASE]...: each case is a folder with `cmd`, a shell script, and what it must print and
# return: `out`, `err`, `status` (absent: nothing, nothing, 0). It runs in an empty folder with a home of its own.
# In cmd: $SRC is the source tree. `filter` is a sed script over both outputs, for what may differ between models.
# Exit status 77: skipped. --accept writes what came out into the case: read the diff before you commit it.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd)
[ $# -gt 0 ] && shift
accept=
[ "${1:-}" = --accept ] && { accept=1; shift; }
SRC=$(cd "$here/../.." && pwd)
PATH=$build:$PATH
LC_ALL=C TZ=UTC NO_COLOR=1
export SRC PATH LC_ALL TZ NO_COLOR
unset POSSE_MODEL POSSE_CONFIG XDG_STATE_HOME
[ $# -gt 0 ] || set -- $(cd "$here" && ls -d */ | tr -d /)

work=$(mktemp -d "${TMPDIR:-/tmp}/posse-golden.XXXXXX")
trap 'chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
failed=0
for name in "$@"; do
    case_dir=$here/$name
    mkdir -p "$work/$name/in"
    cd "$work/$name/in" || exit 2
    HOME=$work/$name POSSE_HOME=$work/$name/home
    export HOME POSSE_HOME
    sh "$case_dir/cmd" >../out.raw 2>../err.raw </dev/null
    echo $? >../status
    [ "$(cat ../status)" = 77 ] && { echo "skip golden/$name: $(tail -n 1 ../err.raw)"; continue; }
    for f in out err; do
        if [ -f "$case_dir/filter" ]; then
            sed -E -f "$case_dir/filter" ../$f.raw >../$f
        else
            cp ../$f.raw ../$f
        fi
    done
    if [ "$accept" ]; then
        for f in out err status; do
            rm -f "$case_dir/$f"
            [ -s ../$f ] && [ "$f$(cat ../$f)" != status0 ] && cp ../$f "$case_dir/$f"
        done
        continue
    fi
    is_good=1
    for f in out err status; do
        if [ -f "$case_dir/$f" ]; then
            cp "$case_dir/$f" ../want
        elif [ $f = status ]; then
            echo 0 >../want
        else
            : >../want
        fi
        diff -u --label "$name/$f, expected" --label "$name/$f, got" ../want ../$f >../diff || { is_good=; sed 's/^/    /' ../diff; }
    done
    if [ "$is_good" ]; then
        echo "ok golden/$name"
    else
        echo "not ok golden/$name"
        failed=1
    fi
done
exit $failed
