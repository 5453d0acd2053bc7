#!/bin/sh
# world.sh ROOT BUILD: the closed world and the detectors share no code: no include crosses, nothing of it is installed, and every name and
# address that its scenarios write is reserved. The writer aborts on any other by itself; this looks at the files with other eyes.
cd "$1" || exit 2
sim=$2/posse-sim
bad=0
if grep -nE '^[ \t]*#[ \t]*include[ \t]*"[^"]*/' sim/*.[ch]; then
    echo "sim/ includes its own files only, by their names"
    bad=1
fi
for f in $(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' sim/*.[ch] | sort -u); do
    [ -e "sim/$f" ] || { echo "sim/ includes $f, which is not its own"; bad=1; }
done
if grep -rnE '#[ \t]*include[ \t]*"([^"]*/)?sim/|posse-sim|sim/scenarios' src include; then
    echo "src/ knows of the closed world"
    bad=1
fi
for f in $(ls sim/*.h | sed 's,.*/,,'); do
    if ls src/*/"$f" >/dev/null 2>&1; then
        echo "sim/$f has the name of a file of src/"
        bad=1
    fi
done
[ -x "$sim" ] || { echo "$sim: not built"; exit 1; }
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
for s in sim/scenarios/*.scn; do
    "$sim" --check "$s" >/dev/null || bad=1
done
# A cut of some scenarios, small: whole names in header fields, links and addresses.
for s in tiny polymorphic-200 copycat poison; do
    [ -e sim/scenarios/$s.scn ] || continue
    "$sim" --quiet --out "$out/w" --scale 0.02 --sample 0.3 sim/scenarios/$s.scn || { bad=1; continue; }
    cat "$out/w/trap.mbox" "$out/w/private.mbox" |
        awk '/=$/ { printf "%s", substr($0, 1, length($0) - 1); next } { print }' |
        grep -aoE '(@|://)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+' | sed 's,.*[@/],,' | grep -avE '\.(example|test|invalid)$' |
        grep -avE '^10\.[0-9]+\.[0-9]+\.[0-9]+$' | sort -u | head >"$out/names"
    grep -ahE '^(Received|[[:space:]]+(by|for))' "$out/w/trap.mbox" "$out/w/private.mbox" |
        grep -aoE '\[[0-9A-Fa-f:.]+\]|\[IPv6:[^]]*\]' | grep -avE '^\[(10\.[0-9.]+|IPv6:2001:db8:[0-9a-f:]+)\]$' | sort -u | head >>"$out/names"
    cut -d, -f1,2 "$out/w/as.csv" | tr , '\n' | grep -vE '^(10\.|2001:db8:)' | head >>"$out/names"
    if [ -s "$out/names" ]; then
        echo "$s writes what is not reserved:"
        cat "$out/names"
        bad=1
    fi
done
exit $bad
