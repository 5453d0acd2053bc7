#!/bin/sh
# netflow.sh BUILD: one campus' NetFlow three ways: a file of packets, the same packets over the loopback to posse trace --listen, and
# what nfcapd made of them. The same incidents come out of all three.
. "$(dirname "$0")/lib.sh"
export POSSE_HOME="$work/home" # an observatory that stands elsewhere has no part in it
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
cat >"$work/packets.py" <<'END'
# Forty hosts that browse and keep telemetry, three of them told every ten minutes and sending spam; both directions of each connection.
import random, socket, struct, sys, time
r, rows = random.Random(7), []
def ip(text): return bytes(int(x) for x in text.split("."))
def line(t, src, dst, port, out, back, tried=False):
    sport = 20000 + len(rows) % 40000
    a, ms = int(t * 1000), r.randrange(1, 40)
    rows.append((a, ip(src), ip(dst), sport, port, 6, 5, out, 2 if tried else 0x1b))
    if not tried:
        rows.append((a + ms, ip(dst), ip(src), port, sport, 6, 6, back, 0x1b))
for h in range(1, 41):
    for i in range(150): line(80000 * r.random(), "10.0.0.%d" % h, "198.51.100.%d" % r.randrange(60), 443, 500 + r.randrange(1000), 9000)
    for i in range(90): line(900 * i + h, "10.0.0.%d" % h, "203.0.113.200", 443, 120, 300)
for h in range(1, 4):
    for i in range(130): line(600 * i + 100 * r.random() + h, "10.0.0.%d" % h, "203.0.113.9", 8080, 150, 300)
    for i in range(400): line(30000 + 3 * i + r.random(), "10.0.0.%d" % h, "192.0.%d.%d" % (i % 200, h * 7), 25, 2000, 300, i % 2 == 1)
rows.sort()
packets, seq, boot = [], 0, 1700000000
for i in range(0, len(rows), 30):
    part = rows[i:i + 30]
    up = part[-1][0] + 1000
    p = struct.pack(">HHIIIIBBH", 5, len(part), up, boot + up // 1000, up % 1000 * 1000000, seq, 0, 0, 0)
    for a, src, dst, sport, dport, proto, n, size, flags in part:
        p += src + dst + bytes(8) + struct.pack(">IIIIHHBBBBHHBBH", n, size, a, a + 500, sport, dport, 0, flags, proto, 0, 0, 0, 0, 0, 0)
    packets.append(p)
    seq += len(part)
if sys.argv[1] == "file":
    open(sys.argv[2], "wb").write(b"".join(packets))
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for p in packets:
        s.sendto(p, ("127.0.0.1", int(sys.argv[2])))
        time.sleep(0.0005)
END
python3 "$work/packets.py" file "$work/flows.bin" || exit 1
"$posse" trace "$work/flows.bin" >"$work/want" 2>"$work/err" || { cat "$work/err"; exit 1; }
[ -s "$work/err" ] && { cat "$work/err"; exit 1; }
grep -q 'controller.*203\.0\.113\.9' "$work/want" || { echo "the controller was not found"; cat "$work/want"; exit 1; }
grep -q '203\.0\.113\.200' "$work/want" && { echo "telemetry is no controller"; exit 1; }

"$posse" trace --listen 127.0.0.1:0 >"$work/heard" 2>"$work/err" &
pid=$!
trap 'kill $pid $pid2 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    port=$(sed -n 's/.*UDP port //p' "$work/err")
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || { echo "it does not listen"; cat "$work/err"; exit 1; }
python3 "$work/packets.py" send "$port" || exit 1
sleep 1
kill -TERM $pid
wait $pid || { echo "status $?"; cat "$work/err"; exit 1; }
diff "$work/want" "$work/heard" || { echo "over the loopback it says something else"; cat "$work/err"; exit 1; }

if ! command -v nfcapd >/dev/null; then
    unpack nfdump
    PATH=$root/usr/bin:$PATH LD_LIBRARY_PATH=$root/usr/lib/$(uname -m)-linux-gnu
    export PATH LD_LIBRARY_PATH
fi
port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$work/nf"
nfcapd -b 127.0.0.1 -p "$port" -w "$work/nf" -t 3600 -B 4000000 >"$work/nfcapd.log" 2>&1 &
pid2=$!
sleep 1
kill -0 $pid2 || { cat "$work/nfcapd.log"; exit 1; }
python3 "$work/packets.py" send "$port" || exit 1
sleep 1
kill -TERM $pid2
wait $pid2
"$posse" trace "$work/nf" >"$work/got" 2>"$work/err" || { cat "$work/err"; exit 1; }
diff "$work/want" "$work/got" || { echo "nfcapd's files say something else"; cat "$work/err"; exit 1; }
