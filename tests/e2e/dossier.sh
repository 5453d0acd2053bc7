#!/bin/bash
# The dossier of a sealed case: the same bytes twice, nothing in it that acts, nobody named to whom it was sent, none of a case that was changed.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
export POSSE_HOME=$work/home

python3 "$here/findings.py" "$work/in" || exit 1
printf 'Received: from a.example (a.example [198.51.100.7]) by mx.trap.example; Tue, 15 Mar 2011 10:00:00 +0000
From: PayMark Support <x@other.example>\nTo: victim.person@trap.example\nSubject: Your PayMark account <script>alert(1)</script> \xe2\x80\xaegnp.exe
Content-Type: text/html\n\n<p>Dear victim.person@trap.example, <a href="http://evil.example/?v=victim.person@trap.example">https://paymark.example/</a>\n' >"$work/in/mark.eml"
printf 'PayMark\t\tpaymark.example\n' >"$work/marks.tsv"
"$posse" case open 'The "botnet" <b>=1+1</b><script>x</script>' --subject "botnet rustock" --id t1 >/dev/null || exit 1
"$posse" case add t1 "$work"/in/m?.eml "$work/in/findings.json" "$work/in/mark.eml" >/dev/null || exit 1
check "nothing is told of what is not sealed" not "$posse" case dossier t1 --out "$work/no.html"
"$posse" case seal t1 >/dev/null 2>&1 || exit 1
check "is written" "$posse" case dossier t1 --marks "$work/marks.tsv" --out "$work/a.html"
TZ=Pacific/Kiritimati "$posse" case dossier t1 --marks "$work/marks.tsv" >"$work/b.html"
check "the same bytes again, elsewhere on the globe" cmp "$work/a.html" "$work/b.html"
check "it is in the log" grep -q '"what":"dossier"' "$work/home/cases/t1/log.jsonl"
cat >"$work/read.py" <<'PY'
import html.parser, sys, unicodedata
text = open(sys.argv[1], encoding="utf-8").read()
known = set("html head meta title style body header p h1 h2 h3 b i a nav section ul li table thead tbody tr th td pre span code figure svg line path circle rect text "
            "figcaption".split())
class Reader(html.parser.HTMLParser):
    def handle_starttag(self, tag, attrs):
        assert tag in known, tag
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name not in ("src", "srcset", "action", "data") and (name != "href" or value.startswith("#")), (name, value)
Reader().feed(text)
assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"], "control or bidirectional characters"
assert "alert(1)" not in text or "&lt;script&gt;" in text
assert "evil.example" not in text, "a name that leads there"
print("sound")
PY
check "nothing in it acts or leads away" python3 "$work/read.py" "$work/a.html"
check "the mark is in the schedule" grep -q "<h3>PayMark</h3>" "$work/a.html"
check "with the exhibit" grep -q "shows the owner&#39;s domain\|shows the owner's domain" "$work/a.html"
check "who received it is not named" not grep -q "victim.person" "$work/a.html"
"$posse" case dossier t1 --marks "$work/marks.tsv" --recipients >"$work/c.html"
check "but where it is asked for, that is said" grep -q "this copy shows recipients" "$work/c.html"
check "no PDF without a name for it" not "$posse" case dossier t1 --pdf
if command -v weasyprint >/dev/null; then
    check "as a PDF" "$posse" case dossier t1 --out "$work/d.html" --pdf
    check "which is one" grep -q "^%PDF" "$work/d.pdf"
else
    echo "skip as a PDF: no weasyprint"
fi
printf 'X' | dd of="$work/home/cases/t1/exhibits/pack-0000" bs=1 seek=100 conv=notrunc 2>/dev/null
check "none of a case that was changed" not "$posse" case dossier t1 --out "$work/e.html"
check "and no page is left" test ! -e "$work/e.html"
exit $failed
