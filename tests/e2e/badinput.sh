#!/bin/bash
# Bad input and bad times at every door (badinput.py): each gets a clear error, a metric and a line in the log, and others notice
# nothing: hostile requests, 10,000 connections, databases that somebody holds, a home that cannot be written to, a full disk; and
# a daemon that was killed starts anew at once.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
[ -f "$samples/../models/default.posse" ] || { echo "no model ships yet"; exit 77; }
user=$(id -un)
if [ "$(id -u)" -eq 0 ] && id nobody >/dev/null 2>&1; then
    user=nobody # root may write anywhere
fi
chmod 711 "$work"
POSSE_MODEL=$work/model
cp "$samples/../models/default.posse" "$work/model"
echo 'deny domain spam.example' >"$work/rules"
chmod 644 "$work/model" "$work/rules"
export POSSE_MODEL
cc -O1 -fPIC -shared -D_GNU_SOURCE -o "$work/nospace.so" "$here/nospace.c" -ldl || exit 77
ulimit -n "$(ulimit -Hn)"
trap 'for p in $(cat "$work/pids" 2>/dev/null); do kill -9 "$p" 2>/dev/null; done; rm -rf "$work"' EXIT
timeout 400 python3 "$here/badinput.py" "$posse" "$work" "$user" "$samples/ham/03-business-en.eml"
