#!/bin/bash
# SIGKILL while learning: what stands is sound, nothing is counted twice, and learning again ends where one
# undisturbed run ends, bit for bit.
. "$(dirname "$0")/lib.sh"
n=1500
make_box "$work/box" $n
"$posse" learn --empty --spam --teacher t --home "$work/whole" "$work/box" >/dev/null || exit 1
want=$(model "$work/whole")
[ "$(lessons "$work/whole")" -eq $n ] || { echo "an undisturbed run taught $(lessons "$work/whole") of $n"; exit 1; }

before=0 killed=0
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
    "$posse" learn --empty --spam --teacher t --home "$work/home" "$work/box" >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$((round * 7 % 10))$((round % 3))"
    kill -9 $pid 2>/dev/null && killed=$((killed + 1))
    wait $pid 2>/dev/null
    [ -e "$work/home/lessons.db" ] || continue
    sound "$work/home" || { echo "round $round left something unsound"; exit 1; }
    now=$(lessons "$work/home")
    [ "$now" -ge "$before" ] || { echo "round $round lost lessons: $before, then $now"; exit 1; }
    before=$now
done
"$posse" learn --empty --spam --teacher t --home "$work/home" "$work/box" >/dev/null || exit 1
now=$(lessons "$work/home")
[ "$now" -eq $n ] || { echo "$now lessons of $n messages"; exit 1; }
[ "$(model "$work/home")" = "$want" ] || { echo "the model is not the one of an undisturbed run"; exit 1; }
[ $killed -gt 0 ] || { echo "nothing was killed in time"; exit 77; }
