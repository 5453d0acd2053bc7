#!/bin/sh
# fuzz.sh BUILD SECONDS: builds the libFuzzer harnesses with clang, ASan and UBSan, and runs each so long.
# Findings are left in BUILD/findings; new inputs in BUILD/corpus, to be minimised into fuzz/seeds.
set -eu
cd "$(dirname "$0")/.."
build=$1 seconds=$2
[ -f "$build/build.ninja" ] || CC=clang meson setup "$build" -Dfuzz=true -Dreplay=false -Dtests=false -Db_lto=false \
    -Db_lundef=false -Dbuildtype=debugoptimized -Db_sanitize=address,undefined
ninja -C "$build"
mkdir -p "$build/findings"
failed=0
for harness in "$build"/fuzz/fuzz_*; do
    [ -f "$harness" ] && [ -x "$harness" ] || continue
    name=$(basename "$harness")
    what=${name#fuzz_}
    mkdir -p "$build/corpus/$what"
    set -- "$build/corpus/$what"
    [ -d "fuzz/seeds/$what" ] && set -- "$@" "fuzz/seeds/$what"
    dict=
    [ -f "fuzz/$what.dict" ] && dict="-dict=fuzz/$what.dict"
    echo "== $name, $seconds s"
    "$harness" $dict -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$build/findings/$what-" "$@" >"$build/$name.log" 2>&1 || failed=$((failed + 1))
    tail -n 8 "$build/$name.log"
done
[ $failed -eq 0 ] || { echo "$failed harnesses with findings, see $build/findings" >&2; exit 1; }
