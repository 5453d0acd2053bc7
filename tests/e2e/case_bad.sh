#!/bin/bash
# A case in bad times: a disk that fills while exhibits are added or a head is written, two processes on one case, a lost key, a clock that
# is off, random tampering. Said clearly, exit status 2, and the case is never half-written.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
export POSSE_HOME=$work/home
cc -O1 -fPIC -shared -D_GNU_SOURCE -o "$work/nospace.so" "$here/nospace.c" -ldl || exit 77
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
failed=0
now=0
bad() { echo "$*"; tail -n 4 "$work/err" 2>/dev/null; failed=1; now=1; }
told() { if [ $now = 0 ]; then echo "ok $1"; else echo "not ok $1"; fi; now=0; } # what stood above it, under one name
sound_case() { "$posse" case verify "$1" >"$work/out" 2>"$work/err" || { cat "$work/out"; bad "$2"; }; }
for i in $(seq 1 30); do head -c $((i * 300)) /dev/urandom >"$work/x$i"; done

# a disk that fills: whatever there was room for, the case is whole, and goes on when there is room
full=0
for bytes in 0 1 200 3000 20000 50000 100000 139000 145000 150000 160000; do
    rm -rf "$work/home"
    "$posse" case open "A case" --id t >/dev/null && "$posse" case key >/dev/null || exit 1
    NOSPACE_DIR=$work/home NOSPACE_BYTES=$bytes LD_PRELOAD=$work/nospace.so "$posse" case add t "$work"/x* >"$work/out" 2>"$work/err"
    status=$?
    if [ $status -ne 0 ]; then
        full=$((full + 1))
        [ $status -eq 2 ] || bad "$bytes bytes: exit status $status"
        grep -qiE "no space|is full" "$work/err" || bad "$bytes bytes: it does not say why"
    fi
    sound_case t "$bytes bytes: not sound"
    lines=$("$posse" case show t | wc -l)
    [ $status -eq 0 ] || [ "$lines" -eq 1 ] || bad "$bytes bytes: $lines lines of a batch that failed"
    { "$posse" case add t "$work"/x* >/dev/null 2>"$work/err" && "$posse" case seal t >/dev/null 2>&1; } || bad "$bytes bytes: cannot go on"
    sound_case t "$bytes bytes: not sound afterwards"
done
[ $full -ge 6 ] || bad "the disk was full only $full times"
full=0
for bytes in 0 1 100 200 300 400; do # of the head itself
    cp -r "$work/home" "$work/again"
    POSSE_HOME=$work/again "$posse" case note t "one more" >/dev/null
    NOSPACE_DIR=$work/again NOSPACE_BYTES=$bytes LD_PRELOAD=$work/nospace.so POSSE_HOME=$work/again \
        "$posse" case seal t >"$work/out" 2>"$work/err" || full=$((full + 1))
    sound_case "$work/again/cases/t" "$bytes bytes for a head: not sound"
    POSSE_HOME=$work/again "$posse" case seal t >/dev/null 2>&1 || bad "$bytes bytes for a head: cannot be sealed with room again"
    [ "$(POSSE_HOME=$work/again "$posse" case verify t --json | tail -n 1 | grep -c '"sound":true')" = 1 ] || bad "$bytes bytes: sealed, not sound"
    rm -rf "$work/again"
done
[ $full -ge 3 ] || bad "no head failed for want of room"
told "a disk that fills while exhibits are added and heads are written"

# a folder that was handed over with pipes in place of files: nothing waits for a writer
cp -r "$work/home" "$work/again"
"$posse" case seal t >/dev/null 2>&1
for file in log.jsonl heads.jsonl exhibits/pack-0000; do
    rm -rf "$work/again"; cp -r "$work/home" "$work/again"
    rm "$work/again/cases/t/$file"; mkfifo "$work/again/cases/t/$file"
    for verb in verify show "add t $work/x1" "read t 1"; do
        [ "${verb% *}" = "$verb" ] && verb="$verb t"
        POSSE_HOME=$work/again timeout 20 "$posse" case $verb >"$work/out" 2>"$work/err" </dev/null
        [ $? -ne 124 ] || bad "case $verb hangs on a pipe in place of $file"
    done
    POSSE_HOME=$work/again timeout 20 "$posse" case verify t >/dev/null 2>&1 && bad "a pipe in place of $file is sound"
done
rm -rf "$work/again"
told "a case folder with pipes in place of files"

# two processes
mkfifo "$work/pipe"
"$posse" case add t - <"$work/pipe" >/dev/null 2>&1 &
pid=$!
exec 9>"$work/pipe"
for _ in 1 2 3 4 5 6 7 8 9; do
    sleep 0.2
    "$posse" case note t x >"$work/out" 2>"$work/err" || break
done
grep -q "another process is adding" "$work/err" || bad "two processes add to one case"
"$posse" case verify t >/dev/null || bad "it cannot be verified while somebody adds"
exec 9>&-
wait $pid
told "two processes on one case"

# a lost key
key=$("$posse" case key)
"$posse" case seal t >/dev/null 2>&1
mv "$work/home/keys/case.key" "$work/lost"
"$posse" case note t "after the key was lost" >/dev/null
"$posse" case seal t >"$work/out" 2>"$work/err" && bad "sealed with another key, silently"
grep -q "was sealed by key $key" "$work/err" || bad "it does not say which key is missing"
"$posse" case seal --new-key t >/dev/null 2>"$work/err" || bad "cannot be sealed with a new key"
"$posse" case show t --json | grep -q "\"kind\":\"key\".*\"was\":\"$key\"" || bad "the log does not say that the key is another"
"$posse" case verify t --key "$key" --json | grep -q '"finding":"other key"\|"finding":"other-key"' || bad "the new key is taken for the old one"
told "a lost key"

# a clock that is off
cat >"$work/clock.c" <<'C'
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(id, t);
    if (id == CLOCK_REALTIME)
        t->tv_sec += atol(getenv("CLOCK_OFF"));
    return rc;
}
C
cc -O1 -fPIC -shared -D_GNU_SOURCE -o "$work/clock.so" "$work/clock.c" -ldl || exit 77
CLOCK_OFF=864000 LD_PRELOAD=$work/clock.so "$posse" case note t "ten days ahead" >/dev/null || bad "no note"
"$posse" case note t "and now" >/dev/null 2>"$work/err" || bad "a clock that was ahead once makes the case useless"
grep -q "is the clock right" "$work/err" || bad "nobody says that the clock went back"
"$posse" case show t --json | grep -q '"kind":"clock"' || bad "the log does not say that the clock went back"
"$posse" case note t "again" >/dev/null 2>"$work/err"
grep -q "clock" "$work/err" && bad "it is said twice"
told "a clock that is off"

# messages of 100 MB, one of them encoded: memory has a bound, and what is too long to be handed on is said
cat >"$work/big.py" <<'PY'
import base64, json, subprocess, sys, resource
work, posse, here = sys.argv[1:]
subprocess.run([sys.executable, here + "/findings.py", work + "/in"], check=True)
head = (b"Return-Path: <bounce@spam.example>\nReceived: from evil (unknown [10.0.0.9])\n\tby mx.trap.example for <victim.person@trap.example>; "
        b"Wed, 16 Mar 2011 15:45:00 +0100\nFrom: a@spam.example\nTo: Victim <victim.person@trap.example>\nSubject: pills\n")
body = b"buy, victim.person@trap.example\n"
with open(work + "/in/plain.eml", "wb") as f:
    f.write(head + b"\n" + body + (b"x" * 76 + b"\n") * 1300000)
with open(work + "/in/coded.eml", "wb") as f:
    f.write(head + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(body + b"words and words\n" * 4700000))
findings = json.load(open(work + "/in/findings.json"))
findings["campaigns"][0]["samples"] = [{"exhibit": 1, "time": "2011-03-16T14:45:00.000+00:00"}, {"exhibit": 2, "time": "2011-03-16T14:45:00.000+00:00"}]
json.dump(findings, open(work + "/in/findings.json", "w"))
def run(*a):
    r = subprocess.run([posse, "case", *a], capture_output=True, text=True)
    assert r.returncode == 0, (a, r.stderr)
    return r.stdout
run("open", "Big", "--id", "big")
run("add", "big", work + "/in/plain.eml", work + "/in/coded.eml", work + "/in/findings.json")
run("seal", "big")
for n in "1", "2":
    redacted = json.loads(run("redact", "big", n, "--json"))
    assert redacted["mailboxes"] == 1
    text = run("read", "big", str(redacted["n"]))
    if n == "2":
        head, rest = text.split("\n\n", 1)
        text = head + base64.b64decode(rest).decode()
    assert "victim" not in text.lower() and "buy, recipient-1@redacted.invalid" in text, n
run("notices", "big", "--out", work + "/big-n", "--org", "Desk", "--contact", "desk@a.example", "--at", "2011-03-20")
said = subprocess.run(["grep", "-rh", "message    kept", work + "/big-n"], capture_output=True, text=True).stdout
assert "but not given away: too long to be sent" in said, said
run("dossier", "big", "--out", work + "/big.html")
assert "that could not be redacted with certainty are not shown at all" in open(work + "/big.html").read()
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
assert most < 1200, f"{most} MB"
PY
python3 "$work/big.py" "$work" "$posse" "$here" >"$work/out" 2>"$work/err" || bad "messages of 100 MB"
told "messages of 100 MB"
rm -rf "$work/in" "$work/big-n" "$work/home/cases/big"

# tampering, a few times; bench/case does it a thousand times
python3 "$here/../../bench/case/tamper.py" "$posse" 26 7 >"$work/out" 2>"$work/err" || bad "tampering was missed"
told "tampering"
exit $failed
