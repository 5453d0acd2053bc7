#!/bin/sh
# fuzz.sh BUILD SECONDS [NAME...]: builds the libFuzzer harnesses with clang, ASan and UBSan, and runs each (or those
# named) until it has used so many seconds of processor time, so that a busy machine does not cut it short.
# Findings are left in BUILD/findings; new inputs in BUILD/corpus, to be minimised into fuzz/seeds.
set -eu
cd "$(dirname "$0")/.."
build=$1 seconds=$2
shift 2
[ -f "$build/build.ninja" ] || CC=clang meson setup "$build" -Dfuzz=true -Dreplay=false -Dtests=false -Db_lto=false \
    -Db_lundef=false -Dbuildtype=debugoptimized -Db_sanitize=address,undefined
ninja -C "$build"
mkdir -p "$build/findings"
[ $# -gt 0 ] || set -- $(cd "$build/fuzz" && ls | sed -n 's/^fuzz_\([a-z0-9_]*\)$/\1/p')

# Sets `cpu` to the seconds of user time that the children of this shell have had; not for a subshell, which has its own.
read_cpu() {
    times >"$build/times.$$"
    cpu=$(sed -n '2s/\..*//p' "$build/times.$$") # children: "3m25.170s ..." to "3m25"
    cpu=$((${cpu%m*} * 60 + ${cpu#*m}))
}

run() {
    name=$1 executed=0 status=0
    corpus=$build/corpus/$name
    mkdir -p "$corpus"
    set -- "$corpus"
    [ -d "fuzz/seeds/$name" ] && set -- "$@" "fuzz/seeds/$name"
    [ -f "fuzz/$name.dict" ] && set -- "-dict=fuzz/$name.dict" "$@"
    read_cpu
    from=$cpu
    while [ $((cpu - from)) -lt "$seconds" ]; do
        slice=$((seconds - cpu + from))
        [ $slice -le 120 ] || slice=120
        "$build/fuzz/fuzz_$name" -max_total_time=$slice -rss_limit_mb=2048 -timeout=60 -print_final_stats=1 \
            -artifact_prefix="$build/findings/$name-" "$@" >"$build/$name.log" 2>&1 || status=1
        n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$name.log")
        executed=$((executed + ${n:-0}))
        [ $status -eq 0 ] || break
        read_cpu
    done
    [ $status -eq 0 ] && found="no finding" || found="a finding, see $build/findings and $build/$name.log"
    echo "$name: $((cpu - from)) s of processor time, $executed executions, $found"
    return $status
}

failed=0
for harness; do
    run "$harness" || failed=$((failed + 1))
done
rm -f "$build/times.$$"
[ $failed -eq 0 ] || { echo "$failed harnesses with findings" >&2; exit 1; }
