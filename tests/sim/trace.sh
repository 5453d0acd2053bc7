#!/bin/sh
# trace.sh POSSE_SIM POSSE ROOT: trace on a small campus of the closed world, against its truth. Its constants were not fitted to this seed.
# The writer is one run of one process: at its end the system takes back what it holds, which is no leak.
sim=$(realpath "$1")
posse=$(realpath "$2")
w=$(mktemp -d) || exit 2
trap 'rm -rf "$w"' EXIT
sed "s,^include parts,include $3/sim/scenarios/parts,; s/^  hosts 20000/  hosts 400/; s/infected 0.[34]%/infected 1.25%/; s/mail-rate 12/mail-rate 2/
    s/scanners 6 90/scanners 1 20/; s/^seed 5/seed 6/" "$3/sim/scenarios/campus.scn" >"$w/campus.scn"
ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" "$sim" --quiet --flows --out "$w/f" "$w/campus.scn" || exit 1
POSSE_HOME=$w/home "$posse" trace --inside 10.240.0.0/16 "$w"/f/*.log >"$w/out" || exit 1
# Told hosts and controllers, beside those that are: a controller is known by its name.
awk -F'\t' 'FNR == 1 { next } FILENAME ~ /hosts/ { print "host", $1, $2, ($5 > 0 ? "acted" : "quiet") }
    FILENAME ~ /controllers/ { print "controller", $2, $1 }' "$w/f/truth/hosts.tsv" "$w/f/truth/controllers.tsv" | sort -u >"$w/truth"
awk '$1 == "host" || $1 == "controller" { print $1, $2 }' "$w/out" | sort -u >"$w/told"
awk 'NR == FNR { told[$1 " " $2] = 1; next }
    { is[$1 " " $2] = 1; t = ($1 " " $2) in told }
    $1 == "host" && $4 == "acted" { acted++; found += t }
    $1 == "controller" { gangs[$3] = gangs[$3] || t }
    END { for (x in told) if (!(x in is)) wrong = wrong " " x
        for (g in gangs) n += gangs[g]
        print acted + 0, found + 0, n + 0, wrong }' "$w/told" "$w/truth" >"$w/score"
read -r acted found gangs wrong <"$w/score"
status=0
is() { # is NAME WANTED GOT
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        echo "not ok $1: expected '$2', got '$3'"
        status=1
    fi
}
[ "$acted" -ge 12 ]
is "there are hosts that acted" 0 $?
is "all hosts that acted are told" "$acted" "$found"
is "a controller of each of the three gangs is told" 3 "$gangs"
is "nobody else is told" "" "$wrong"
[ $status = 0 ] || cat "$w/out"
exit $status
