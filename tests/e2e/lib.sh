# Shared by the end-to-end tests: $posse, $work (removed at the end), mail to learn, and what a home holds.
build=$(cd "${1:?usage: $0 BUILD}" && pwd)
posse=$build/posse
work=$(mktemp -d "${TMPDIR:-/tmp}/posse-e2e.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset POSSE_HOME POSSE_MODEL POSSE_CONFIG
LC_ALL=C
export LC_ALL

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
