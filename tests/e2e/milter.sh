#!/bin/bash
# The milter door without a mail server: Sendmail's dialogue and an old server's, replayed; a socket with a path; limits and a stop in
# the middle of a message.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/side.sh"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
pid=
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
user=
[ "$(id -u)" -eq 0 ] && user=root
port=$(free_port)
printf 'deny domain spam.test "sells watches"\n' >"$work/rules"
cat >"$work/conf" <<END
serve { user = "$user" }
filter { rules = {"$work/rules"} }
milter { listen = {"127.0.0.1:$port", "unix:$work/sock"} }
limits { message_bytes = 200000 }
policy "tag.test" { tag = 0.1 }
policy "rewrite.test" { rewrite = 0.1 subject = "[spam] " }
policy "defer.test" { tag = 0 defer = 0.1 }
policy "quarantine.test" { tag = 0 quarantine = 0.1 }
policy "reject.test" { tag = 0 reject = 0.1 }
END
"$posse" serve --home "$work/home" --config "$work/conf" --announce >"$work/ready" 2>"$work/log" &
pid=$!
wait_for 100 grep -qx ready "$work/ready" || { cat "$work/log"; exit 1; }
bad=0
check() {
    if [ "$2" = 0 ]; then echo "ok milter/$1"; else
        echo "not ok milter/$1"
        tail -n 12 "$work/out" "$work/log"
        bad=1
    fi
}
timeout 60 python3 "$here/milter_replay.py" "$port" >"$work/out" 2>&1
check replay $?
grep -q 'event=over_limit door=milter .*messages held' "$work/log"
check over-limit-is-logged $?
timeout 20 python3 - "$work/sock" >"$work/out" 2>&1 <<'END'
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(15)
s.connect(sys.argv[1])
s.sendall(struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF))
assert s.recv(5)[4:5] == b"O"
END
check unix $?
kill -TERM "$pid"
wait_for 100 eval '! kill -0 "$pid"'
check stops $?
pid=
[ "$(pgrep -f "milter-child.*$work" | wc -l)" = 0 ]
check no-child-left $?
exit $bad
