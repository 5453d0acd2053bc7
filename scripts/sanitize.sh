#!/bin/sh
# sanitize.sh [--build] address|undefined|address,undefined|thread: builds with it in a folder of its own and runs the unit
# tests; prints a line a test as the other suites do. --build: no tests, and nothing is said.
set -eu
cd "$(dirname "$0")/.."
only_build=
[ "$1" != --build ] || { only_build=1; shift; }
kind=$1
case $kind in
address) dir=build-asan ;;
undefined) dir=build-ubsan ;;
thread) dir=build-tsan ;;
*) dir=build-sanitized ;;
esac
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:suppressions=$PWD/tests/tsan.supp

if [ ! -f "$dir/build.ninja" ]; then
    meson setup "$dir" -Dbuildtype=debugoptimized -Doptimization=1 -Db_lto=false -Db_lundef=false \
        -Dtests=true -Db_sanitize="$kind" >"$dir.log" 2>&1 || { cat "$dir.log"; exit 1; }
fi
rm -f "$dir.log"
# Of threads only those tests can say something that have some.
only=
if [ "$kind" = thread ]; then
    only=$(grep -lE 'pthread|uv_|pool_run|threads' tests/unit/test_*.c | sed 's|.*/\(.*\)\.c$|\1|')
fi
targets=
for t in $only; do
    targets="$targets tests/$t"
done
[ -z "$only" ] || targets="$targets posse"
if [ "$only_build" ]; then
    ninja -C "$dir" --quiet $targets >"$dir/ninja.log" 2>&1 || true # what is wrong is told when the tests are to run
    exit 0
fi
if ! ninja -C "$dir" --quiet $targets >"$dir/ninja.log" 2>&1; then
    cat "$dir/ninja.log"
    echo "not ok $kind/build"
    exit 1
fi
if [ "$only" ]; then
    scripts/meson-tests.sh "$dir" "$kind/" $only
else
    scripts/meson-tests.sh "$dir" "$kind/" --suite unit
fi
if [ "$kind" = thread ]; then
    # the real pool over the real engine: four threads on two cores
    for cmd in 'scan' 'eval'; do
        case $cmd in
        scan) args='samples/ham samples/spam' ;;
        eval) args=samples/index.tsv ;;
        esac
        status=0
        "$dir/posse" $cmd --empty --threads 4 $args >"$dir/$cmd.out" 2>"$dir/$cmd.err" || status=$?
        if [ $status -le 1 ] && ! grep -q ThreadSanitizer "$dir/$cmd.err"; then
            echo "ok thread/$cmd"
        else
            cat "$dir/$cmd.err"
            echo "not ok thread/$cmd"
        fi
    done
else
    tests/golden/run.sh "$dir" | sed "s|ok |ok $kind/|" | grep -v '^skip'
fi
