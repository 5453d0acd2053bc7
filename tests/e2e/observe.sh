#!/bin/bash
# posse observe, stopped and killed while it reads a trap's mbox: what stands is sound, nothing is counted twice or not at all, and going on
# ends where one undisturbed run ends: the same campaigns, botnets and shares, to the last digit.
. "$(dirname "$0")/lib.sh"
sim=$build/posse-sim scenario=$(dirname "$0")/../../sim/scenarios/tiny.scn
[ -x "$sim" ] || { echo "posse-sim is not built"; exit 77; }
"$sim" "$scenario" --out "$work/world" --seed 1 --mail mbox >/dev/null || exit 1
observe() { "$posse" observe --ours '!10.0.0.0/8' --home "$1" "$work/world/trap.mbox"; }
told() { "$posse" campaigns --home "$1" --bulk --least 1 --json; "$posse" botnets --home "$1" --since 2011-03-15 --json; }

observe "$work/whole" >/dev/null || exit 1
told "$work/whole" >"$work/want"
[ "$(wc -l <"$work/want")" -gt 5 ] || { echo "an undisturbed run found next to nothing"; exit 1; }
# From one campaign's senders to more of their botnet: what is found sends for the same family, by the world's own word.
id=$("$posse" campaigns --home "$work/whole" --limit 1 --json | sed 's/.*"id":"\([^"]*\)".*/\1/')
"$posse" campaign "$id" --magnify --json --home "$work/whole" | sed 's/.*"address":"\([^"]*\)".*/\1/' >"$work/found"
awk -F'\t' 'NR == FNR { family[$8] = family[$8] " " $4; n[$4]++; next } { n_found++; for (f in n) hit[f] += family[$1] ~ f }
    END { for (f in hit) best = hit[f] > best ? hit[f] : best; exit !(n_found >= 50 && best >= 0.99 * n_found) }' \
    "$work/world/truth/messages.tsv" "$work/found" || { echo "of $(wc -l <"$work/found") machines found from one campaign's not all are of one family"; exit 1; }
[ "$("$posse" campaign "$id" --magnify --limit 7 --home "$work/whole" | wc -l)" = 7 ] || { echo "--limit does not hold"; exit 1; }
# How a botnet's program writes is told with how many of its kept messages do, and with who described it.
"$posse" botnet Rustock --mailer --home "$work/whole" >"$work/how" && grep -Eq '^ *([0-9]+) of \1 +charset +utf-8' "$work/how" &&
    grep -q '^of those described most like Rustock' "$work/how" || { cat "$work/how"; echo "how Rustock writes is not told"; exit 1; }
"$posse" botnet Rustock --mailer --json --home "$work/whole" | grep -q '"trait":"charset","how":"utf-8"' || { echo "nor as JSON"; exit 1; }
stopped=0
for signal in INT KILL INT KILL INT KILL; do
    # not by the function: the signal would go to the shell that waits for it
    "$posse" observe --ours '!10.0.0.0/8' --home "$work/home" "$work/world/trap.mbox" >"$work/out" 2>&1 &
    pid=$!
    sleep "0.0$((stopped * 3 % 7 + 2))"
    kill -$signal $pid 2>/dev/null
    wait $pid
    status=$?
    [ $status -eq 137 ] || [ $status -eq 0 ] || { cat "$work/out"; echo "exit status $status after SIG$signal"; exit 1; }
    grep -q stopped "$work/out" && stopped=$((stopped + 1))
    [ $status -eq 137 ] && stopped=$((stopped + 1))
    [ ! -e "$work/home/observatory.db" ] || sound "$work/home" || exit 1
done
observe "$work/home" >/dev/null || exit 1
told "$work/home" >"$work/got"
diff "$work/want" "$work/got" >"$work/diff" || { head -c 2000 "$work/diff"; echo "broken off and gone on with, it tells something else"; exit 1; }
# Another home is observed beside it, this one is not.
mkfifo "$work/pipe"
for seconds in 0.3 1 3 9; do # who comes first has it: on a busy machine that takes a while
    "$posse" observe --home "$work/home" - <"$work/pipe" >/dev/null 2>&1 &
    pid=$!
    exec 9>"$work/pipe"
    sleep $seconds
    "$posse" observe --home "$work/home" /dev/null 2>&1 | grep -q "another process observes" && busy=1
    exec 9>&-
    wait $pid
    [ -z "${busy:-}" ] || break
done
[ "${busy:-}" ] || { echo "two processes observe one home"; exit 1; }
[ $stopped -gt 0 ] || { echo "nothing was stopped in time"; exit 77; }
