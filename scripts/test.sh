#!/bin/sh
# test.sh [BUILD]: builds and runs every test; the last line is `N passed, N failed, N skipped`.
#
# A suite prints a line a test: `ok NAME`, `not ok NAME` or `skip NAME: why`. Suites are what meson knows (unit, fault,
# differential and replay tests) and every tests/*/run.sh, which is called with the build folder.
# POSSE_CORPORA: where the corpora are unpacked; without it they are unpacked into BUILD/corpora, if they are there
# to be unpacked. POSSE_TEST=quick leaves the builds with sanitizers out.
set -u
cd "$(dirname "$0")/.."
build=${1:-build}
log=$build/test.log
started=$(date +%s)

mkdir -p "$build"
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" -Dtests=true || exit 1
else
    meson configure "$build" -Dtests=true || exit 1
fi
ninja -C "$build" || { echo "0 passed, 1 failed (it does not build)"; exit 1; }
build=$(cd "$build" && pwd)
log=$build/test.log
: >"$log"

if [ -z "${POSSE_CORPORA:-}" ]; then
    if [ ! -e "$build/corpora/.done" ] && [ -x ../shared/corpora/unpack ] && command -v zstd >/dev/null; then
        ../shared/corpora/unpack "$build/corpora" mime_torture spamassassin lists lists2 csdmc enron_ham glitchy phishing flows schemas \
            >/dev/null && : >"$build/corpora/.done"
    fi
    [ -e "$build/corpora/.done" ] && POSSE_CORPORA=$build/corpora
fi
if [ -n "${POSSE_CORPORA:-}" ]; then
    export POSSE_CORPORA
else
    echo "no corpora here: tests over them are skipped"
fi

suite() {
    echo "== $1"
    shift
    "$@" 2>&1 | tee -a "$log" | grep -v '^ok '
}

# Most of the tests below wait for something: the builds with sanitizers are made meanwhile.
builds=
if [ "${POSSE_TEST:-}" != quick ]; then
    (for kind in address,undefined thread; do nice scripts/sanitize.sh --build $kind >/dev/null 2>&1; done) &
    builds=$!
fi

suite 'meson: unit, fault, differential, replay' scripts/meson-tests.sh "$build" ''
for run in tests/*/run.sh; do
    suite "$(basename "$(dirname "$run")")" "$run" "$build"
done
if [ "$builds" ]; then
    wait "$builds"
    suite 'address and undefined-behaviour sanitizers' scripts/sanitize.sh address,undefined
    suite 'thread sanitizer' scripts/sanitize.sh thread
fi

passed=$(grep -c '^ok ' "$log")
failed=$(grep -c '^not ok ' "$log")
skipped=$(grep -c '^skip ' "$log")
if [ "$failed" -gt 0 ]; then
    echo "== failed"
    grep '^not ok ' "$log"
fi
echo "== $(($(date +%s) - started)) seconds; all of it is in $log"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
