#!/bin/bash
# Memory does not grow with the input: a box of 400 MB, from a file and through a pipe, in 150 MB.
. "$(dirname "$0")/lib.sh"
make_box "$work/part" 20000
for i in $(seq 100); do cat "$work/part"; done >"$work/box"
peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status" 2>/dev/null; }
for from in file pipe; do
    if [ $from = file ]; then
        "$posse" scan --empty "$work/box" >/dev/null 2>"$work/err" &
    else
        "$posse" scan --empty - < <(cat "$work/box") >/dev/null 2>"$work/err" &
    fi
    pid=$! most=0
    for _ in $(seq 100); do
        now=$(peak $pid)
        [ -n "$now" ] || break
        most=$now
        sleep 0.1
    done
    kill $pid 2>/dev/null # ten seconds of it are enough
    wait $pid 2>/dev/null
    [ -s "$work/err" ] && { cat "$work/err"; exit 1; }
    [ "$most" -gt 0 ] && [ "$most" -lt 153600 ] || { echo "$from: $most KB"; exit 1; }
done
