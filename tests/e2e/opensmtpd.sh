#!/bin/sh
# OpenSMTPD with posse smtpd-filter: mail is marked, refused, put off, and arrives to the byte. The server needs users and folders
# of its own: they are in a mount namespace, so this needs the right to make one.
. "$(dirname "$0")/lib.sh"
unshare -m true 2>/dev/null || { echo "no right to a mount namespace"; exit 77; }
unpack opensmtpd
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -m 700 "$work/home"
mkdir -p "$work/etc" "$work/mail"
chmod 755 "$work"
cp -r /etc/. "$work/etc/" 2>/dev/null
printf 'opensmtpd:x:799:799::/var/lib/opensmtpd/empty:/bin/false\nopensmtpq:x:798:798::/var/lib/opensmtpd/empty:/bin/false\nbob:x:797:797::/home/bob:/bin/sh\n' >>"$work/etc/passwd"
printf 'opensmtpd:x:799:\nopensmtpq:x:798:\nbob:x:797:\n' >>"$work/etc/group"
cat >"$work/etc/smtpd.conf" <<END
filter posse proc-exec "$posse smtpd-filter --empty --home $work/home" user root group root
listen on 127.0.0.1 port $port filter posse
action inbox maildir "$work/mail" junk
match from any for any action inbox
END
printf 'deny domain spam.test "sells watches"\nallow domain example.org\n' >"$work/r.rules"
policy() { printf 'filter { rules = {"%s/r.rules"} }\npolicy "local" { %s }\n' "$work" "$1" >"$work/home/posse.conf"; }

cat >"$work/inside" <<END
mount --bind "$work/etc" /etc
mount -t tmpfs -o mode=755 tmpfs /var/spool
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /usr/libexec
mount -t tmpfs -o mode=1777 tmpfs /var/mail
mkdir -p /var/lib/opensmtpd/empty /usr/libexec/opensmtpd /var/spool/smtpd
chmod 711 /var/spool/smtpd /var/lib/opensmtpd/empty
cp "$root"/usr/libexec/opensmtpd/* /usr/libexec/opensmtpd/ 2>/dev/null || cp "$root"/usr/lib/*/opensmtpd/* /usr/libexec/opensmtpd/
mkdir -p "$work/mail"
chown -R 797:797 "$work/mail"
exec env LD_LIBRARY_PATH="$unpacked_path" "$root/usr/sbin/smtpd" -d
END
start() {
    unshare -m sh "$work/inside" >"$work/smtpd.log" 2>&1 &
    server=$!
    trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$work"' EXIT
    for _ in $(seq 100); do
        python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()' "$port" 2>/dev/null && return 0
        kill -0 $server 2>/dev/null || break
        sleep 0.1
    done
    echo "smtpd does not start:"
    cat "$work/smtpd.log"
    return 1
}
stop() { kill $server; wait $server 2>/dev/null; }
# send FROM TEXT: prints the server's last word.
send() {
    python3 - "$port" "$1" "$2" <<'END'
import smtplib, sys
try:
    s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), timeout=20)
    s.sendmail(sys.argv[2], ["bob@localhost"], sys.argv[3].encode().replace(b"\\n", b"\r\n"))
    print(250)
except smtplib.SMTPResponseException as e:
    print(e.smtp_code, e.smtp_error.decode())
END
}
fail() { echo "$1"; cat "$work/smtpd.log"; exit 1; }
arrived() { find "$work/mail" -path '*new/*' -type f | wc -l; }
wait_for() { for _ in $(seq 100); do [ "$(arrived)" -ge "$1" ] && return 0; sleep 0.1; done; fail "$1 messages did not arrive"; }

policy 'tag = 0.001'
start || exit 1
[ "$(send ann@spam.test 'From: a@spam.test\nSubject: x\nX-Spam: No\n\n.dot\n..\nlast | line')" = 250 ] || fail "spam was to be marked"
[ "$(send carl@example.org 'From: c@example.org\nSubject: y\n\nhello')" = 250 ] || fail "ham was to pass"
wait_for 2
spam=$(grep -rl '^X-Spam: Yes' "$work/mail") || fail "nothing is marked"
case $spam in *.Junk/*) ;; *) fail "marked mail is not in Junk" ;; esac
grep -q '^X-Posse: class=spam; level=9' "$spam" && ! grep -q '^X-Spam: No' "$spam" || fail "the marks are wrong"
printf '.dot\n..\nlast | line\n' >"$work/want"
sed '1,/^\r*$/d' "$spam" | tr -d '\r' | cmp - "$work/want" || fail "the body changed"
stop
policy 'reject = 0.0001'
start || exit 1
case $(send ann@spam.test 'From: a@spam.test\nSubject: x\n\nx') in 554*5.7.1*) ;; *) fail "spam was to be refused" ;; esac
stop
policy 'defer = 0.0001'
start || exit 1
case $(send ann@spam.test 'From: a@spam.test\nSubject: x\n\nx') in 451*4.7.1*) ;; *) fail "spam was to be put off" ;; esac
stop
[ "$(arrived)" = 2 ] || fail "refused mail arrived"
[ "$("$posse" history --home "$work/home" --door smtpd | wc -l)" = 4 ] || fail "history does not tell of it"
