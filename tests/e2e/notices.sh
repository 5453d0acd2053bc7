#!/bin/bash
# Notices to hosting firms: is each read by what receivers use, is nobody's address given away, and can nothing get out of its place?
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
export POSSE_HOME=$work/home

python3 "$here/findings.py" "$work/in" || exit 1
"$posse" case open "Test" --subject "botnet rustock" --id t1 >/dev/null || exit 1
"$posse" case add t1 "$work"/in/m?.eml "$work/in/findings.json" >/dev/null || exit 1
"$posse" case seal t1 >/dev/null 2>&1 || exit 1
cat >"$work/receivers" <<'R'
# who        form  how
abuse@host0.example  arf  single
@host1.example       arf  grouped   # all of that domain
AS64502              all  single
*                    all  grouped
R
printf '10.3.0.0/16 abuse@host3.example Third hosting\n10.3.2.5 noc@host3.example\nAS64503 nobody@host9.example\n' >"$work/contacts"
prepare() { # prepare DIR [OPTION]...
    local to=$1; shift
    "$posse" case notices t1 --out "$to" --org 'Desk "x" é' --contact desk@a.example --at 2011-03-20T00:00Z --receivers "$work/receivers" "$@"
}
check "prepares" prepare "$work/n" --contacts "$work/contacts"
cp "$work/out" "$work/said"
check "says that nothing was sent" grep -q "nothing was sent" "$work/said"
check "says who has no contact" grep -q "^n-.* no contact .*AS64505" "$work/said"
check "again, elsewhere on the globe" env TZ=Asia/Kathmandu "$posse" case notices t1 --out "$work/again" --org 'Desk "x" é' --contact desk@a.example \
    --at 2011-03-20T00:00Z --receivers "$work/receivers" --contacts "$work/contacts"
check "the same bytes" diff -r "$work/n" "$work/again"
check "who tells must be said" not "$posse" case notices t1 --out "$work/no"
check "and be one plain address" not "$posse" case notices t1 --out "$work/no" --org x --contact "$(printf 'a@b.example\nBcc: c@d.example')"
printf 'AS1 a@b.example, c@d.example\n' >"$work/wrong"
check "a table that is wrong is said where" not prepare "$work/no" --contacts "$work/wrong"
cp "$work/out" "$work/said"
check "in words" grep -q "wrong:1: a line wants a plain mail address" "$work/said"
check "and nothing was made" test ! -e "$work/no"

cat >"$work/read.py" <<'PY'
import csv, email, email.policy, glob, json, os, re, sys
out = sys.argv[1]
index = json.load(open(out + "/notices.json"))
to = {n["to"]: n for n in index}
assert set(to) == {"abuse@host0.example", "abuse@host1.example", "abuse@host2.example", "abuse@host3.example", "noc@host3.example", ""}, set(to)
assert to["abuse@host0.example"]["incidents"] == 5, "the address that was none is told of at the same network's contact"
drafts = {}
for path in glob.glob(out + "/Maildir/cur/*"):
    assert re.fullmatch(r"\d+\.n-[0-9a-f]{10}-\d{6}\.posse:2,D", os.path.basename(path)), path
    raw = open(path, "rb").read()
    head = raw.split(b"\n\n", 1)[0]
    assert b"\r" not in head and all(c < 128 for c in head), "fields in ASCII"
    assert max(map(len, raw.split(b"\n"))) <= 998, path
    m = email.message_from_bytes(raw, policy=email.policy.default)
    assert not m.defects, (path, m.defects)
    assert set(m.keys()) == {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"} and len(m.keys()) == 7, m.keys()
    assert str(m["From"]) == '"Desk \\"x\\" é" <desk@a.example>' and m["Date"].datetime.utcoffset() is not None, m["From"]
    assert b"victim" not in raw.lower(), "whom it was sent to"
    drafts.setdefault(str(m["To"]), []).append((path, m))
assert set(drafts) == set(to) - {""}, "a draft for whom there is a contact, and for nobody else"
arf = [(p, m) for all in drafts.values() for p, m in all if m.get_content_type() == "multipart/report"]
assert len(arf) == 3, len(arf)
for path, m in arf:
    text, report, original = m.iter_parts()
    assert m.get_param("report-type") == "feedback-report"
    assert text.get_content_type() == "text/plain" and "n-" in text.get_content()
    fields = report.get_payload()[0] if report.is_multipart() else email.message_from_string(report.get_content())
    for name, value in (("Feedback-Type", "abuse"), ("Version", "1")):
        assert fields.get_all(name) == [value], (name, fields.items())
    assert len(fields.get_all("User-Agent")) == 1 and len(fields.get_all("Source-IP")) == 1
    assert original.get_content_type() == "message/rfc822", original.get_content_type()
    inner = original.get_payload()[0]
    assert str(inner["Message-ID"]) == "<1@spam.example>" and str(fields["Source-IP"]) in str(inner["Received"]), fields.items()
    assert "recipient-1@redacted.invalid" in str(inner["To"])
    print(os.path.basename(path))
assert any("Source-Port: 4242" in open(p, errors="replace").read() for p, _ in arf)
single = drafts["abuse@host2.example"]
assert len(single) == to["abuse@host2.example"]["incidents"], "one mail each"
kinds = [[x.get_content_type() for x in m.iter_parts()] for _, m in single]
assert ["text/plain", "application/json", "text/rfc822-headers"] in kinds, kinds
for n in index:
    folder = out + "/" + n["notice"]
    rows = list(csv.reader(open(folder + "/incidents.csv", newline="", encoding="utf-8")))
    assert len(rows) == n["incidents"] + 1 and {len(r) for r in rows} == {12}
    assert not [c for r in rows for c in r if c[:1] in tuple("=+-@\t\r\n")]
    text = open(folder + "/notice.txt", encoding="utf-8").read()
    assert all(c == "\n" or c.isprintable() for c in text), "nothing that a terminal obeys"
    assert re.search(r"last seen  2011-03-1\dT14:45:00.000\+00:00", text)
    files = sorted(glob.glob(folder + "/xarf-*.json"))
    vague = [r for r in rows[1:] if r[-1] == "campaign's"]
    assert len(files) == n["incidents"] - len(vague), "a report of what has a time"
    assert not vague or (vague[0][0] == "10.1.0.77" and "its campaign was seen between\n             2011-03-10T14:45" in text)
    for f in files:
        assert "victim" not in open(f).read() and json.load(open(f))["xarf_version"] == "4.2.0"
        assert re.search(r"[+-]\d\d:\d\d$", json.load(open(f))["timestamp"])
types = {(r["category"], r["type"], r.get("protocol")) for r in map(json.load, map(open, glob.glob(out + "/n-*/xarf-*.json")))}
assert types == {("messaging", "spam", "smtp"), ("messaging", "spam", "other"), ("infrastructure", "botnet", None),
                 ("connection", "infected_host", "tcp")}, types
PY
check "Python reads every draft, and no recipient is in any" python3 "$work/read.py" "$work/n"
mapfile -t reports < <(sed "s|^|$work/n/Maildir/cur/|" "$work/out")
if pkg-config --exists gmime-3.0 2>/dev/null && cc -O1 -o "$work/read_report" "$here/read_report.c" $(pkg-config --cflags --libs gmime-3.0) 2>"$work/out"; then
    "$work/read_report" "${reports[@]}" | sort >"$work/gmime" || { failed=1; echo "not ok GMime"; cat "$work/gmime"; }
    head="feedback-report text/plain message/feedback-report message/rfc822 abuse 1"
    printf "$head %s 1@spam.example\n" 10.0.0.1 10.1.0.2 2001:db8::1 | sort >"$work/wanted"
    check "GMime reads all three parts" diff "$work/wanted" "$work/gmime"
else
    skip GMime "not here"
fi

# what became of them
id=$("$posse" case ledger t1 | awk '$4 == "abuse@host1.example" { print $1 }')
none=$("$posse" case ledger t1 | awk '/no contact/ { print $1; exit }')
state() { "$posse" case ledger t1 --json | grep "\"$id\"" | sed 's/.*"state":"\([^"]*\)".*/\1/'; }
check "a notice is prepared" test "$(state)" = prepared
check "what was not sent was not answered" not "$posse" case answered t1 "$id" "taken down"
check "is sent" "$posse" case sent t1 "$id" --at "2011-03-20 09:00"
check "the ledger says so" test "$(state)" = sent
check "is answered" "$posse" case answered t1 "$id" "they look into it"
check "the ledger says so" test "$(state)" = answered
check "came to something" "$posse" case outcome t1 "$id" "two servers are off"
check "the ledger says so" test "$(state)" = outcome
check "nobody can be sent to who is not known" not "$posse" case sent t1 "$none"
check "nor what there is not" not "$posse" case sent t1 n-0000000000
check "the log is sound with all that" "$posse" case verify t1
# new findings: who was told before is told so
cat >"$work/rdap.json" <<'R'
{"objectClassName":"ip network","startAddress":"10.5.0.0","endAddress":"10.5.255.255","name":"FIVE","entities":[{"objectClassName":"entity",
 "roles":["abuse"],"vcardArray":["vcard",[["version",{},"text","4.0"],["email",{},"text","abuse@host5.example"]]]}]}
R
"$posse" case add t1 --media application/rdap+json "$work/rdap.json" >/dev/null
"$posse" case add t1 --name findings.json --media application/json "$work/in/findings.json" >/dev/null
"$posse" case seal t1 >/dev/null 2>&1
prepare "$work/later" >"$work/out" 2>&1
check "a later notice names the earlier" grep -q "Follows: $id, sent 2011-03-20T09:00:00.000+00:00" "$work"/later/n-*/notice.txt
check "what a registry answered is believed, under the seal" grep -q '"to":"abuse@host5.example","firm":"FIVE"' "$work/later/notices.json"

# pages that the mails link to: who hosts them is what resolvers said, in the case and under the seal
cat >"$work/pills.dig" <<'D'

; <<>> DiG 9.18 <<>> www.pills.example
;; ANSWER SECTION:
www.pills.example.	300	IN	CNAME	shop.host.example.
shop.host.example.	60	IN	A	10.1.2.9
google.com.		60	IN	A	10.1.2.10
rare.example.		60	IN	A	10.1.2.11
evil-pills.example.	60	IN	A	127.0.0.1
D
printf '{"rrname":"evil-pills.example","rrtype":"AAAA","rdata":"2001:db8:5::1","time_first":1300200000,"time_last":1300286000}\n' >"$work/passive.json"
check "an answer of a resolver is known as one" "$posse" case add t1 --seen 2011-03-16T15:00:00.000+00:00 "$work/pills.dig" "$work/passive.json"
prepare "$work/unsealed" >"$work/said" 2>&1
check "what is not sealed is not told" not grep -rq pills.example "$work"/unsealed/n-*/notice.txt
"$posse" case seal t1 >/dev/null 2>&1
printf '10.1.0.0/16 abuse@pages.example Pages\n' >"$work/contacts2"
prepare "$work/pages" --contacts "$work/contacts2" >"$work/said" 2>&1 || { failed=1; cat "$work/said"; }
check "names that nobody asked about are counted" grep -q "linked names have no answer of a resolver" "$work/said"
cat >"$work/pages.py" <<'PY'
import csv, glob, json, sys
out = sys.argv[1]
index = {n["to"]: n for n in json.load(open(out + "/notices.json"))}
n = index["abuse@pages.example"]
assert n["pages"] == 1, n
folder = out + "/" + n["notice"]
row = [r for r in csv.DictReader(open(folder + "/incidents.csv", newline="")) if r["kind"] == "page that spam links to"]
assert [(r["address"], r["name"], r["last_seen"]) for r in row] == [("10.1.2.9", "www.pills.example", "2011-03-16T15:00:00.000+00:00")], row
text = open(folder + "/notice.txt").read()
assert "We ask you to look at what the pages' addresses serve" in text and "www.pills.example, to which the mails of campaign c1 link" in text
reports = [r for r in map(json.load, map(open, glob.glob(out + "/n-*/xarf-*.json"))) if r["type"] == "threat_intelligence"]
assert {(r["source_identifier"], r["domain"], r["timestamp"][:19]) for r in reports} == {
    ("10.1.2.9", "www.pills.example", "2011-03-16T15:00:00"), ("2001:db8:5::1", "evil-pills.example", "2011-03-16T14:33:20")}, reports
mine = [r for r in reports if r["source_identifier"] == "10.1.2.9"][0]
assert len(mine["evidence"]) == 2 and mine["evidence"][1]["description"].startswith("A message that links to it"), "a message that links to it"
PY
check "a page's hosting firm has its notice, with a message that links there" python3 "$work/pages.py" "$work/pages"
check "the log is sound with all that" "$posse" case verify t1

schemas=$build/corpora/schemas
if [ -d "$schemas/xarf" ] && command -v npm >/dev/null; then
    . "$here/schemas/modules.sh"
    check "XARF is valid, and refused when spoilt" node "$modules/check.js" "$schemas" xarf "$work"/n/n-*/xarf-*.json "$work"/pages/n-*/xarf-*.json "$schemas"/xarf/samples/v4/*.json
    tail -n 1 "$work/out"
else
    skip "the schemas" "no corpora, or no npm"
fi
exit $failed
