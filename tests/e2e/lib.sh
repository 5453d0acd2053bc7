# Shared by the end-to-end tests: $posse, $work (removed at the end), mail to learn, and what a home holds.
build=$(cd "${1:?usage: $0 BUILD}" && pwd)
posse=$build/posse
work=$(mktemp -d "${TMPDIR:-/tmp}/posse-e2e.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset POSSE_HOME POSSE_MODEL POSSE_CONFIG
LC_ALL=C
export LC_ALL

# For scripts of many checks: check NAME COMMAND...; not COMMAND...; skip NAME WHY. $failed is the exit status then.
failed=0
check() { local name=$1; shift; if ! "$@" >"$work/out" 2>&1; then echo "not ok $name:"; tail -n 5 "$work/out"; failed=1; else echo "ok $name"; fi; }
not() { ! "$@"; }
skip() { echo "skip $1: $2"; }

# make_box FILE N: a box of N different messages.
make_box() {
    awk -v n="$2" 'BEGIN {
        srand(7)
        for (i = 1; i <= n; i++) {
            printf "From a@b.example Thu Jan  1 00:00:00 1970\nFrom: a%d@b.example\nSubject: offer %d\n\n", i, i
            for (j = 0; j < 12; j++) printf "word%d ", int(rand() * 5000)
            print "\n"
        } }' >"$1"
}
lessons() { "$posse" lessons --home "$1" 2>/dev/null | wc -l; }
model() { "$posse" check --empty --home "$1" | grep ' model '; }
sound() { "$posse" check --empty --home "$1" >"$work/check" 2>&1 || { sed 's/^/    /' "$work/check"; return 1; }; }

# The daemon: start_posse with settings on standard input sets $daemon; port KEY; stop_posse. What it logs is in $work/log.
start_posse() {
    cat >"$work/posse.conf"
    printf 'serve { user = %s }\n' "$(id -un)" >>"$work/posse.conf"
    "$posse" serve --config "$work/posse.conf" --home "$work/home" --announce >"$work/announced" 2>"$work/log" &
    daemon=$!
    trap 'kill -9 $daemon 2>/dev/null; rm -rf "$work"' EXIT
    for _ in $(seq 100); do
        grep -q '^ready' "$work/announced" && return 0
        kill -0 $daemon 2>/dev/null || break
        sleep 0.1
    done
    echo "posse serve does not start:"
    cat "$work/log"
    return 1
}
port() { sed -n "s/^$1 .*:\([0-9]*\)$/\1/p" "$work/announced" | head -n 1; }
stop_posse() {
    kill -TERM $daemon
    wait $daemon
}

# unpack PACKAGE...: Debian packages that cannot be installed beside others, with the libraries that they need and this machine lacks,
# into $build/e2e/root, once. Exit status 77 of the test when they cannot be had.
root=$build/e2e/root
unpack() {
    mkdir -p "$build/e2e/deb" "$root"
    exec 8>"$build/e2e/lock"
    flock 8
    for p; do
        [ -f "$build/e2e/deb/$p.done" ] && continue
        lacks=$(apt-get install --simulate --no-install-recommends "$p" 2>/dev/null |
            sed -n 's/^Inst \(lib[^ :]*\)[^ ]* (.*/\1/p' | grep -vFx "$p") || lacks=
        mkdir -p "$build/e2e/deb/$p"
        (cd "$build/e2e/deb/$p" && timeout 200 apt-get download -q "$p" $lacks >/dev/null 2>&1) ||
            { echo "package $p cannot be had"; exit 77; }
        for deb in "$build/e2e/deb/$p"/*.deb; do
            dpkg -x "$deb" "$root" || exit 1
        done
        touch "$build/e2e/deb/$p.done"
    done
    exec 8>&-
    unpacked_path=$root/usr/lib/rspamd:$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu:$root/usr/lib
}
# run_unpacked PROGRAM ARG...: one of them, with its libraries.
run_unpacked() {
    program=$1
    shift
    LD_LIBRARY_PATH=$unpacked_path "$root/$program" "$@"
}
samples=$(cd "$(dirname "$0")/../../samples" && pwd)
