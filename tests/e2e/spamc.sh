#!/bin/bash
# SpamAssassin's own client against the spamd door, over TCP and a socket with a path: every mode, exit status, learning, sizes; and the
# bytes that Exim sends, and a compressed body, which Debian's spamc cannot make.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/side.sh"
command -v spamc >/dev/null || { echo "no spamc"; exit 77; }
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
pid=
trap '[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
user=
[ "$(id -u)" -eq 0 ] && user=root
cat >"$work/conf" <<END
serve { user = "$user" }
filter { rules = {"$work/rules"} }
spamd { listen = {"127.0.0.1:0", "unix:$work/sock"} tell = local }
limits { message_bytes = 1M }
policy "rewrite.test" { rewrite = 0.1 subject = "[spam] " }
END
printf 'deny domain spam.test "sells watches"\nallow domain good.test\n' >"$work/rules"
"$posse" serve --home "$work/home" --config "$work/conf" --announce >"$work/ready" 2>"$work/log" &
pid=$!
wait_for 100 grep -qx ready "$work/ready" || { cat "$work/log"; exit 1; }
port=$(sed -n 's/^spamd.listen 127.0.0.1://p' "$work/ready")

mail() { printf 'From: <x@%s>\nTo: <a@b.test>\nSubject: offer\nX-Spam-Status: No, forged\nMessage-ID: <1@%s>\n\nwatches\n' "$1" "$1"; }
mail spam.test >"$work/spam"
mail good.test >"$work/ham"
live() { "$posse" lessons --home "$work/home" 2>/dev/null | grep -cw live; }
bad=0
check() {
    if [ "$2" = 0 ]; then echo "ok spamc/$1"; else
        echo "not ok spamc/$1"
        head -n 20 "$work/out"
        tail -n 5 "$work/log"
        bad=1
    fi
}
for how in "-d 127.0.0.1 -p $port" "-U $work/sock"; do
    c() { timeout 20 spamc $how -x "$@"; }
    name=${how%% *}
    c -c <"$work/spam" >"$work/out" 2>&1
    [ $? = 1 ] && grep -qE '^[0-9]+\.[0-9]/5\.0$' "$work/out"
    check "$name/check-spam" $?
    c -c <"$work/ham" >"$work/out" 2>&1
    [ $? = 0 ] && grep -qE '^-[0-9]+\.[0-9]/5\.0$' "$work/out"
    check "$name/check-ham" $?
    c <"$work/spam" >"$work/out" 2>&1 && grep -q '^X-Spam-Flag: YES$' "$work/out" && grep -q '^X-Spam-Status: Yes, score=' "$work/out" &&
        ! grep -q forged "$work/out" && [ "$(tail -n 1 "$work/out")" = watches ]
    check "$name/process" $?
    c <"$work/ham" >"$work/out" 2>&1 && ! grep -q '^X-Spam-Flag' "$work/out" && grep -q '^X-Spam-Status: No, ' "$work/out"
    check "$name/process-ham" $?
    c --headers <"$work/spam" >"$work/out" 2>&1 && grep -q '^X-Spam-Flag: YES$' "$work/out" && [ "$(grep -c watches "$work/out")" = 1 ] &&
        c <"$work/spam" | diff - "$work/out" >/dev/null
    check "$name/headers" $?
    c -u a@rewrite.test <"$work/spam" >"$work/out" 2>&1 && grep -q '^Subject: \[spam\] offer$' "$work/out"
    check "$name/user" $?
    c -R <"$work/ham" >"$work/out" 2>&1 && grep -q '^Posse takes this mail for no spam' "$work/out"
    check "$name/report" $?
    c -r <"$work/ham" >"$work/out" 2>&1 && [ "$(wc -l <"$work/out")" -le 1 ] && c -r <"$work/spam" >"$work/out" && grep -q 'sells watches' "$work/out"
    check "$name/report-if-spam" $?
    # The lines add up to the score that is shown.
    awk '/^ -------/ { over = 1; next } over { total = $1; exit } /^ +[-+][0-9.]+ / { sum += $1 }
        END { exit !(over && sum - total < 0.001 && total - sum < 0.001) }' "$work/out"
    check "$name/report-adds-up" $?
    c -y <"$work/spam" >"$work/out" 2>&1 && grep -q 'POSSE_RULE_1' "$work/out"
    check "$name/symbols" $?
    c -K </dev/null >"$work/out" 2>&1 && grep -q 'SPAMD/1.5 0' "$work/out"
    check "$name/ping" $?
    c -E <"$work/spam" >"$work/out"
    [ $? = 1 ]
    check "$name/exit-code" $?
    printf 'EHLO x\nMAIL FROM:<x@spam.test>\nRCPT TO:<a@b.test>\nDATA\n%s\n.\nQUIT\n' "$(cat "$work/spam")" >"$work/bsmtp"
    c -B <"$work/bsmtp" >"$work/out" 2>&1 && grep -q '^X-Spam-Flag: YES' "$work/out" && grep -q '^QUIT' "$work/out"
    check "$name/bsmtp" $?
    # Learning: once, once only, and taken back.
    c -L spam <"$work/spam" >"$work/out" 2>&1
    [ $? -le 5 ] && grep -q 'successfully un/learned' "$work/out" && [ "$(live)" = 1 ]
    check "$name/learn" $?
    c -L spam <"$work/spam" >"$work/out" 2>&1
    grep -q 'already un/learned' "$work/out" && [ "$(live)" = 1 ]
    check "$name/learn-again" $?
    c <"$work/spam" | c -L forget >"$work/out" 2>&1
    grep -q 'successfully un/learned' "$work/out" && [ "$(live)" = 0 ]
    check "$name/forget-marked" $?
    c -L ham <"$work/ham" >"$work/out" 2>&1 && [ "$(live)" = 1 ] && c -L forget <"$work/ham" >/dev/null 2>&1
    check "$name/learn-ham" $?
    # Too big for spamc: it passes as it was, and the door hears nothing. Too big for the door: 65, and spamc passes it without -x.
    { cat "$work/spam"; head -c 2000000 /dev/zero | tr '\0' 'x' | fold -w 70; } >"$work/big"
    timeout 20 spamc $how -s 100 <"$work/spam" | cmp -s - "$work/spam"
    check "$name/max-size" $?
    timeout 20 spamc $how -s 9000000 <"$work/big" | cmp -s - "$work/big"
    check "$name/over-limit" $?
    c -s 9000000 <"$work/big" >"$work/out" 2>&1
    [ $? != 0 ]
    check "$name/over-limit-no-fallback" $?
done

# Exim 4's variant = spamd: REPORT SPAMC/1.2, then its half closed; and a zlib body, whole and as a bomb.
python3 - "$port" >"$work/out" 2>&1 <<'END'
import socket, sys, zlib
mail = b"From: <x@spam.test>\r\nSubject: offer\r\n\r\nwatches\r\n"
def ask(data, half=True):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
    s.settimeout(20)
    try:
        s.sendall(data)
        if half:
            s.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    got = b""
    while True:
        try:
            piece = s.recv(65536)
        except OSError:
            break
        if not piece:
            return got
        got += piece
    return got
got = ask(b"REPORT SPAMC/1.2\r\nUser: nobody\r\nContent-length: %d\r\n\r\n" % len(mail) + mail)
assert got.startswith(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; "), got
assert b"Content-length" not in got and b" / 5.0\r\n\r\n" in got, got
z = zlib.compress(mail)
head = b"%s SPAMC/1.5\r\nCompress: zlib\r\nUser: a\r\nContent-length: %d\r\n\r\n"
for half in True, False:
    got = ask(head % (b"CHECK", len(z)) + z, half)
    assert got.startswith(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; "), got
bomb = zlib.compress(b"a" * 50000000, 9)
got = ask(head % (b"CHECK", len(bomb)) + bomb)
assert got.startswith(b"SPAMD/1.0 65 "), got
got = ask(head % (b"CHECK", 5) + z[:5])
assert got.startswith(b"SPAMD/1.0 69 Service Unavailable: zlib"), got
got = ask(b"CHECK SPAMC/1.5\r\n" + b"X: y\r\n" * 300 + b"\r\n" + mail)
assert got.startswith(b"SPAMD/1.0 76 Bad header line: (too many headers)"), got
END
check exim-and-zlib $?
kill -TERM "$pid"
wait_for 100 eval '! kill -0 "$pid"'
check stops $?
pid=
exit $bad
