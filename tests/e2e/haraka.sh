#!/bin/bash
# Haraka with its rspamd plugin (haraka/package.json, pinned) against the rspamd door: ham is taken, spam refused, what is
# tagged gets our fields, and a forged one of ours goes.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
command -v npm >/dev/null || { echo "no npm"; exit 77; }
install=$build/e2e/haraka
if [ ! -f "$install/done" ]; then
    rm -rf "$install"
    mkdir -p "$install"
    cp "$here/haraka/package.json" "$here/haraka/package-lock.json" "$install"
    (cd "$install" && timeout 400 npm ci --omit=optional --ignore-scripts --no-audit --no-fund >npm.log 2>&1) ||
        { echo "npm cannot install Haraka: $(grep -m 1 'npm error' "$install/npm.log")"; exit 77; }
    touch "$install/done"
fi
start_posse <<'EOF' || exit 1
rspamd { listen = {"127.0.0.1:0"} }
policy "default" { reject = 0.0001 }
policy "tagged.example" {
    tag = 0.01
    reject = 0
}
policy "rewritten.example" {
    rewrite = 0.01
    tag = 0
    reject = 0
    subject = "[SPAM] "
}
policy "later.example" {
    defer = 0.01
    reject = 0
}
EOF
etc=$work/haraka
mkdir -p "$etc/config" "$etc/plugins" "$etc/queue"
cp "$here/haraka/plugins/sink.js" "$etc/plugins"
cp -r "$install/node_modules/Haraka/config/." "$etc/config"
smtp_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listen=127.0.0.1:%s\nnodes=0\n' "$smtp_port" >"$etc/config/smtp.ini"
printf 'rspamd\nsink\n' >"$etc/config/plugins"
printf 'mx.test.example\n' >"$etc/config/me"
printf 'LOGINFO\n' >"$etc/config/loglevel"
cat >"$etc/config/rspamd.ini" <<EOF
host = 127.0.0.1
port = $(port rspamd.listen)
add_headers = always
[check]
private_ip = true
local_ip = true
[defer]
error = true
timeout = true
[header]
report = X-Report
score = X-Score
EOF
export SINK=$work/sink
# The sender's address comes from loopback, where mail is local and nothing is done to it: the plugin's IP is made another one.
cat >"$etc/plugins/afar.js" <<'EOF'
'use strict';
exports.hook_connect = (next, connection) => { connection.set('remote.ip', '192.0.2.77'); next(); };
EOF
printf 'afar\nrspamd\nsink\n' >"$etc/config/plugins"
(cd "$install" && exec node node_modules/Haraka/bin/haraka -c "$etc") >"$work/haraka.log" 2>&1 &
haraka=$!
trap 'kill -9 $daemon $haraka 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$smtp_port") 2>/dev/null && break
    sleep 0.2
done
timeout 120 python3 - "$smtp_port" "$samples" "$SINK" <<'EOF' || { tail -n 15 "$work/haraka.log" "$work/log"; exit 1; }
import glob, json, os, smtplib, sys
port, samples, sink = int(sys.argv[1]), sys.argv[2], sys.argv[3]
ham = open(sorted(glob.glob(samples + "/ham/*"))[0], "rb").read()
spam = open(sorted(glob.glob(samples + "/spam/*"))[0], "rb").read()
def send(mail, to):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as s:
        try:
            s.sendmail("a@b.example", to, mail)
            return 250, b""
        except smtplib.SMTPDataError as e:
            return e.smtp_code, e.smtp_error
def last():
    return [l for l in json.loads(open(sink).readlines()[-1])["headers"]]
def field(lines, name):
    return [l.split(":", 1)[1].strip() for l in lines if l.lower().startswith(name.lower() + ":")]
code, text = send(ham, ["c@other.example"])
assert code == 250, (code, text)
assert "ham; level=" in field(last(), "X-Posse")[0], last()
assert field(last(), "X-Spam") == ["No"], last()
assert "POSSE_PRIOR(" in field(last(), "X-Report")[0], last()
code, text = send(spam, ["c@other.example"])
assert code == 550 and b"Message refused as spam" in text, (code, text)
code, text = send(b"X-Spam: No\r\nX-Posse: ham; level=0\r\n" + spam, ["c@tagged.example"])
assert code == 250, (code, text)
assert field(last(), "X-Spam") == ["Yes"], last()
assert len(field(last(), "X-Posse")) == 1 and "spam; level=" in field(last(), "X-Posse")[0], last()
code, text = send(spam, ["c@rewritten.example"])
assert code == 250 and field(last(), "Subject")[0].startswith("[SPAM] "), (code, text, last())
code, text = send(spam, ["c@later.example"])
assert code in (450, 451), (code, text)
EOF
kill $haraka
stop_posse || { echo "exit status $?"; exit 1; }
