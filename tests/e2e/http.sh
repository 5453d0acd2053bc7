#!/bin/bash
# The HTTP doors under bad input (http_hostile.py), a reload between two requests of one connection, and a graceful stop.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
mail=$(ls "$here"/../../samples/spam/* | head -n 1)
cat >"$work/posse.conf" <<EOF
rspamd {
    listen = {"127.0.0.1:0"}
    controller = {"127.0.0.1:0"}
    password = "secret"
}
http { listen = {"127.0.0.1:0"} }
limits {
    time = 3s
    message_bytes = 1M
    connections = 64
    grace = 5s
}
teach { per_hour = 4 }
serve { user = $(id -un) }
EOF
"$posse" serve --config "$work/posse.conf" --home "$work/home" --announce >"$work/out" 2>"$work/log" &
pid=$!
trap 'kill -9 $pid 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    grep -q '^ready' "$work/out" && break
    sleep 0.1
done
port() { sed -n "s/^$1 .*:\([0-9]*\)$/\1/p" "$work/out"; }
timeout 200 python3 "$here/http_hostile.py" "$(port rspamd.listen)" "$(port rspamd.controller)" "$(port http.listen)" "$mail" || {
    tail -n 20 "$work/log"
    exit 1
}
grep -q 'queue_id=HEAD-APART .*from=apart@b.example rcpt=from-body@d.example ' "$work/log" || {
    echo "what a head said was forgotten when its body came later"
    exit 1
}

# Lessons and figures wait for whoever holds the journal; verdicts, big ones too, wait for neither.
timeout 60 python3 - "$(port rspamd.listen)" "$(port rspamd.controller)" "$work/home/lessons.db" <<'EOF' || { tail -n 20 "$work/log"; exit 1; }
import socket, sqlite3, sys, time
def send(port, path, body):
    s = socket.create_connection(("127.0.0.1", int(port)), timeout=20, source_address=("127.0.0.2", 0))  # his cap is not used up
    s.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nPassword: secret\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body)
    return s
journal = sqlite3.connect(sys.argv[3], isolation_level=None)
journal.execute("BEGIN IMMEDIATE")
waiting = [send(sys.argv[2], b"/learnspam", b"Subject: busy %d\r\n\r\nwords\r\n" % i) for i in range(3)]
time.sleep(0.3)
waiting += [send(sys.argv[2], b"/stat", b"") for i in range(3)]
time.sleep(0.3)
begun = time.time()
for n in (10, 10, 10, 60000):
    got = send(sys.argv[1], b"/checkv2", b"Subject: x\r\n\r\n" + b"word soup\r\n" * n).recv(65536)
    assert got.startswith(b"HTTP/1.1 200"), got
assert time.time() - begun < 3, "verdicts waited for lessons"
journal.execute("ROLLBACK")
for s in waiting:
    got = s.recv(65536)
    assert got.startswith(b"HTTP/1.1 200"), got
EOF

# A connection outlives a reload, and sees the new settings; a request that has begun outlives the order to stop.
sed -i 's/message_bytes = 1M/message_bytes = 4K/' "$work/posse.conf"
timeout 60 python3 - "$(port rspamd.listen)" $pid "$mail" <<'EOF' || { tail -n 20 "$work/log"; exit 1; }
import os, signal, socket, sys, time
port, pid, mail = int(sys.argv[1]), int(sys.argv[2]), open(sys.argv[3], "rb").read()[:3000]
def ask(s, body, pause=0):
    head = b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    s.sendall(head + body[:100])
    if pause:
        os.kill(pid, signal.SIGTERM)
        time.sleep(pause)
    s.sendall(body[100:])
    return s.recv(65536)
idle = socket.create_connection(("127.0.0.1", port), timeout=10)
with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
    assert ask(s, mail).startswith(b"HTTP/1.1 200"), "before"
    os.kill(pid, signal.SIGHUP)
    time.sleep(1)
    assert ask(s, mail).startswith(b"HTTP/1.1 200"), "after the reload"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as t:
        got = ask(t, b"a" * 5000)
        assert got.startswith(b"HTTP/1.1 413"), got
    got = ask(s, mail, 1)
    assert got.startswith(b"HTTP/1.1 200") and b"onnection: close" in got, got
assert idle.recv(10) == b"", "one on which nothing was asked is closed"
EOF
for _ in $(seq 50); do
    kill -0 $pid 2>/dev/null || break
    sleep 0.1
done
kill -0 $pid 2>/dev/null && { echo "does not stop"; exit 1; }
wait $pid
status=$?
[ $status -eq 0 ] || { echo "exit status $status"; tail -n 20 "$work/log"; exit 1; }
"$posse" check --home "$work/home" >"$work/check" 2>&1 || { cat "$work/check"; exit 1; }
