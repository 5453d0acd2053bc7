#!/bin/bash
# A disk that fills up while learning, at many places: a clear error, exit status 2, a sound home, and what was said
# to be taught is there; with room again the same command ends where an undisturbed run ends.
. "$(dirname "$0")/lib.sh"
cc -O1 -fPIC -shared -D_GNU_SOURCE -o "$work/nospace.so" "$(dirname "$0")/nospace.c" -ldl || exit 77
n=600
make_box "$work/box" $n
"$posse" learn --empty --spam --teacher t --home "$work/whole" "$work/box" >/dev/null || exit 1
want=$(model "$work/whole")
full=0
for bytes in 0 1 100 4096 20000 50000 100000 200000 300000 400000 500000 700000 900000 1200000 2000000; do
    home=$work/home$bytes
    mkdir -m 700 "$home"
    NOSPACE_DIR=$home NOSPACE_BYTES=$bytes LD_PRELOAD=$work/nospace.so \
        "$posse" learn --empty --spam --teacher t --home "$home" "$work/box" >"$work/out" 2>"$work/err"
    status=$?
    said=$(sed -n 's/^taught \([0-9]*\) as.*/\1/p' "$work/out")
    if [ $status -ne 0 ]; then
        full=$((full + 1))
        [ $status -eq 2 ] || { echo "$bytes bytes: exit status $status"; cat "$work/err"; exit 1; }
        grep -qiE 'no space|is full' "$work/err" || { echo "$bytes bytes: the error does not say why:"; cat "$work/err"; exit 1; }
    fi
    now=$(lessons "$home")
    [ "$now" -eq "${said:-0}" ] || { echo "$bytes bytes: said ${said:-0}, has $now"; exit 1; }
    "$posse" learn --empty --spam --teacher t --home "$home" "$work/box" >/dev/null || { echo "$bytes bytes: cannot go on"; exit 1; }
    sound "$home" || exit 1
    [ "$(lessons "$home")" -eq $n ] || { echo "$bytes bytes: $(lessons "$home") lessons of $n"; exit 1; }
    [ "$(model "$home")" = "$want" ] || { echo "$bytes bytes: another model"; exit 1; }
    rm -rf "$home"
done
[ $full -ge 4 ] || { echo "the disk was full only $full times"; exit 1; }
