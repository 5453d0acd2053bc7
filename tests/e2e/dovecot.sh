#!/bin/sh
# Dovecot's IMAPSieve teaches: into Junk is spam, out of it ham, but not into the bin; $Junk and $NotJunk; twice is once. Dovecot is
# unpacked and laid over /usr in a mount namespace, so this needs the right to make one.
. "$(dirname "$0")/lib.sh"
command -v setpriv >/dev/null || { echo "no setpriv"; exit 77; }
unshare -m true 2>/dev/null || { echo "no right to a mount namespace"; exit 77; }
root=$build/e2e/dovecot
mkdir -p "$root"
unpack dovecot-core dovecot-imapd dovecot-sieve
here=$(cd "$(dirname "$0")/../.." && pwd)/packaging/dovecot
chmod 755 "$work"
mkdir -m 700 "$work/home" "$work/mail"
mkdir -p "$work/sieve" "$work/run"
cp "$here"/*.sieve "$work/sieve/"
cp "$posse" "$work/posse"
# The script as it ships, but for where program, model and home are.
cp "$here/posse-learn.sh" "$work/sieve/posse-learn.sh"
sed -i "s,^POSSE_HOME=.*,POSSE_HOME=$work/home POSSE_MODEL=$work/model.posse POSSE=$work/posse; export POSSE_MODEL," "$work/sieve/posse-learn.sh"
cp "$(dirname "$0")/../../models/default.posse" "$work/model.posse" 2>/dev/null || { echo "no model ships"; exit 77; }
chmod 755 "$work/posse" "$work/sieve/posse-learn.sh"
cat >"$work/dovecot.conf" <<END
base_dir = $work/run
state_dir = $work/run
log_path = $work/dovecot.log
protocols = imap
ssl = no
mail_location = maildir:$work/mail
first_valid_uid = 1
mail_debug = yes
namespace inbox {
  inbox = yes
  separator = /
}
END
sed "s,/usr/lib/dovecot/sieve,$work/sieve,g" "$here/90-posse.conf" >>"$work/dovecot.conf"
cat >"$work/client.py" <<'END'
import imaplib, os, sys
m = imaplib.IMAP4_stream("exec /usr/lib/dovecot/imap -c %s/dovecot.conf" % sys.argv[1])
def ok(answer):
    if answer[0] != "OK":
        sys.exit("client: %r" % (answer,))
    return answer[1]
m.state = "AUTH"
for box in "Junk", "Trash", "Archive":
    ok(m.create(box))
def add(box, n, flags=None):
    text = "From: u%d@b.example\r\nSubject: number %d\r\n\r\nthis is the text of message %d\r\n" % (n, n, n)
    ok(m.append(box, flags, None, text.encode()))
def move(n, source, target):
    ok(m.select(source))
    number = ok(m.search(None, "SUBJECT", '"number %d"' % n))[0].split()[0]
    ok(m._simple_command("MOVE", number, target))
def flag(n, box, *flags):
    ok(m.select(box))
    number = ok(m.search(None, "SUBJECT", '"number %d"' % n))[0].split()[0]
    ok(m.store(number, "+FLAGS", "(%s)" % " ".join(flags)))
for n in range(1, 8):
    add("INBOX", n)
imaplib.Commands["MOVE"] = ("SELECTED",)
move(1, "INBOX", "Junk")     # 1 spam
move(2, "INBOX", "Junk")     # 2 spam
move(1, "Junk", "Archive")   # 1 ham after all
move(2, "Junk", "Trash")     # says nothing
move(3, "INBOX", "Archive")  # says nothing
flag(4, "INBOX", "$Junk")    # 4 spam
flag(5, "INBOX", "$NotJunk") # 5 ham
flag(6, "INBOX", "$Junk", "$NotJunk")  # says nothing
flag(7, "INBOX", "\\Seen")   # says nothing
move(4, "INBOX", "Junk")     # 4 is spam, known already
m.logout()
END
cat >"$work/inside" <<END
set -e
mount -t overlay overlay -o lowerdir="$root/usr:/usr" /usr
chown -R 65534:65534 "$work/home" "$work/mail" "$work/run" "$work/sieve"
: >"$work/dovecot.log"
chown 65534 "$work/dovecot.log"
as() { setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$work/mail" USER=bob LD_LIBRARY_PATH=/usr/lib/dovecot "\$@"; }
for s in spam ham flag; do
    as sievec -c "$work/dovecot.conf" -x "+vnd.dovecot.pipe +vnd.dovecot.environment +imapsieve" "$work/sieve/report-\$s.sieve"
done
as python3 "$work/client.py" "$work"
END
unshare -m sh "$work/inside" >"$work/out" 2>&1 || { cat "$work/out" "$work/dovecot.log"; exit 1; }
"$posse" lessons --home "$work/home" --json | sed -E 's/.*"id":([0-9]+).*"class":"([a-z]+)","state":"([a-z]+)","teacher":"([^"]*)".*/\1 \2 \3 \4/' >"$work/got"
printf '1 spam superseded bob\n2 spam live bob\n3 ham live bob\n4 spam live bob\n5 ham live bob\n' >"$work/want"
diff "$work/want" "$work/got" || { grep -i -E 'sieve|posse' "$work/dovecot.log" | tail -n 40; exit 1; }
