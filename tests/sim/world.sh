#!/bin/sh
# world.sh POSSE_SIM ROOT: the closed world: the same bytes each time and everywhere, truth that adds up, errors that name a line.
# The writer is one run of one process: at its end the system takes back what it holds, which is no leak.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
sim=$(realpath "$1")
root=$2
here=$root/tests/sim
tiny=$root/sim/scenarios/tiny.scn
w=$(mktemp -d) || exit 2
trap 'rm -rf "$w"' EXIT
status=0
is() { # is NAME WANTED GOT
    if [ "$2" = "$3" ]; then
        echo "ok $1"
    else
        echo "not ok $1: expected '$2', got '$3'"
        status=1
    fi
}
digest() { (cd "$1" && cat as.csv trap.mbox private.mbox truth/*.tsv | sha256sum | cut -c1-64); }

# ---- determinism: by a digest that is the same on every machine (digests.txt; a change of the writer or the scenario changes it) ----
"$sim" --quiet --out "$w/a" "$tiny" || exit 1
"$sim" --quiet --out "$w/b" "$tiny" || exit 1
is "twice the same" "$(digest "$w/a")" "$(digest "$w/b")"
is "the digest that is known" "$(sed -n 's/^tiny //p' "$here/digests.txt")" "$(digest "$w/a")"
"$sim" --quiet --seed 8 --out "$w/c" "$tiny" || exit 1
[ "$(digest "$w/a")" != "$(digest "$w/c")" ]
is "another seed is another world" 0 $?
(cd "$w" && "$sim" --quiet --out d --from 2011-03-16T06:00 --to 2011-03-16T12:00 "$tiny") || exit 1
n=$(wc -c <"$w/d/trap.mbox")
at=$(grep -abF "$(head -1 "$w/d/trap.mbox")" "$w/a/trap.mbox" | head -1 | cut -d: -f1)
tail -c +$((at + 1)) "$w/a/trap.mbox" | head -c "$n" | cmp -s - "$w/d/trap.mbox"
is "a stretch of time is what it is in the whole" 0 $?

# ---- truth adds up with what was written ----
boxed=$(grep -ac '^From [^ ]*@[^ ]* [A-Z][a-z][a-z] [A-Z][a-z][a-z] ' "$w/a/trap.mbox")
is "a line of messages.tsv for each message" "$boxed" "$(tail -n +2 "$w/a/truth/messages.tsv" | wc -l | tr -d ' ')"
sum() { awk -F'\t' -v c="$2" 'NR > 1 { n += $c } END { print n + 0 }' "$1"; }
is "hours add up" "$boxed" "$(sum "$w/a/truth/hours.tsv" 4)"
is "campaigns add up" "$boxed" "$(sum "$w/a/truth/campaigns.tsv" 6)"
is "totals add up" "$boxed" "$(sum "$w/a/truth/totals.tsv" 4)"
is "bytes add up" "$(sum "$w/a/truth/hours.tsv" 6)" "$(awk -v n="$boxed" -v b="$(wc -c <"$w/a/trap.mbox")" \
    -v f="$(grep -a '^From [^ ]*@[^ ]* [A-Z][a-z][a-z] [A-Z][a-z][a-z] ' "$w/a/trap.mbox" | wc -c)" 'BEGIN { print b - f - n }')"
awk -F'\t' 'NR > 1 { print $8 }' "$w/a/truth/messages.tsv" >"$w/sources"
grep -aoE '\[(IPv6:)?[0-9a-f.:]+\]' "$w/a/trap.mbox" | tr -d '[]' | sed 's/IPv6://' >"$w/seen"
is "sources are those of the Received fields" "$(sort -u "$w/sources" | sha256sum)" "$(sort -u "$w/seen" | sha256sum)"
"$sim" --quiet --records --mail mbox --out "$w/r" "$tiny" || exit 1
is "records beside mail change nothing" "$(digest "$w/a")" "$(digest "$w/r")"
is "a record for each message" $((16 + 56 * boxed)) "$(wc -c <"$w/r/records.rec" | tr -d ' ')"
"$sim" --quiet --records --out - --truth "$w/p" "$tiny" >"$w/pipe.rec" || exit 1
is "records to a pipe are as many" $((16 + 56 * boxed)) "$(wc -c <"$w/pipe.rec" | tr -d ' ')"
"$sim" --quiet --mail maildir --out "$w/m" "$tiny" || exit 1
is "a file for each message" "$boxed" "$(ls "$w/m/trap/new" | wc -l | tr -d ' ')"

# ---- flows: a small campus; logs in order, connections and their applications with one id, truth that is in the logs ----
sed "s,^include parts,include $root/sim/scenarios/parts,; s/^  hosts 20000/  hosts 300/; s/infected 0.[34]%/infected 2%/" \
    "$root/sim/scenarios/campus.scn" >"$w/campus.scn"
"$sim" --quiet --flows --out "$w/f" "$w/campus.scn" || exit 1
is "the digest of flows that is known" "$(sed -n 's/^campus //p' "$here/digests.txt")" \
    "$(cd "$w/f" && cat ./*.log truth/*.tsv | sha256sum | cut -c1-64)"
is "flows in order" 0 "$(awk -F'\t' '!/^#/ { if ($1 < p) bad++; p = $1 } END { print bad + 0 }' "$w/f/conn.log")"
is "one id in all logs" 0 "$(awk -F'\t' '/^#/ { next } FILENAME ~ /conn.log/ { u[$2] = 1; next } !($2 in u) { bad++ }
    END { print bad + 0 }' "$w/f/conn.log" "$w/f/dns.log" "$w/f/http.log" "$w/f/ssl.log")"
is "controllers are spoken to by the infected only" 0 "$(awk -F'\t' 'FNR == 1 { next } FILENAME ~ /hosts/ { if ($2 == "infected") h[$1] = 1; next }
    FILENAME ~ /controllers/ { c[$2] = 1; next } /^#/ { next } ($9 in c) && !($3 in h) { bad++ } END { print bad + 0 }' \
    "$w/f/truth/hosts.tsv" "$w/f/truth/controllers.tsv" "$w/f/http.log")"
"$sim" --quiet --flows --out "$w/x" "$tiny" >/dev/null 2>&1
is "no campus" 2 $?

# ---- what is wrong is named by its line; nothing but reserved names is written ----
bad() { # bad NAME PATTERN: the scenario on standard input must end with status 2 and such a line
    cat >"$w/bad.scn"
    err=$("$sim" --quiet --out "$w/bad" "$w/bad.scn" 2>&1 >/dev/null)
    code=$?
    is "$1: status" 2 $code
    if ! echo "$err" | grep -qE "$2"; then
        echo "not ok $1: $err"
        status=1
    fi
}
base() { sed "s,^include parts,include $root/sim/scenarios/parts," "$tiny"; }
printf 'from 2011-03-15\nto yesterday\n' | bad "a time" 'bad.scn:2: "yesterday" is no time'
printf 'from 2011-03-15\nfamly x\n' | bad "a keyword" 'bad.scn:2: "famly" is not known'
printf '\n  machines 3\n' | bad "an orphan" 'bad.scn:2: .* belongs to no block'
base | sed 's/^  rate 60.min/  rate 60 a minute/' | bad "a rate" 'bad.scn:[0-9]+: "60" is no rate'
base | sed 's/^  mailer heron/  mailer herring/' | bad "a name" 'bad.scn:[0-9]+: no mailer is named "herring"'
base | sed 's/^  machines 900$/  machines 900 or so/' | bad "too much" 'bad.scn:[0-9]+: not understood from here on: or so'
base | sed 's,^  link http://{host}/?.*,  link http://{hots}/,' | bad "a macro" 'bad.scn:[0-9]+: \{hots\}: no such macro'
base | sed 's/^  duty 40%.*/  duty 140%/' | bad "a share" 'bad.scn:[0-9]+: .*0% to 100%'
base | sed 's/^  takedown .*/  takedown 2011-02-29/' | bad "a day that never was" 'bad.scn:[0-9]+: "2011-02-29" is no time'
base | sed 's,^  host \[hostword\]-\[noun\].test,  host [hostword]-[noun].com,' | bad "a name that is somebody's" '\.com" is not reserved'
base | sed 's,^  link http://{host}/?.*,  link http://192.0.2.7/{hex:4},' | bad "an address that is not ours" '"192.0.2.7" is not reserved'
base | sed 's,^  sender-name {first} .*,  sender-name +44 30 {num:1000000-9999999},' | bad "a telephone" 'is not reserved'
base | sed 's,^include .*world.scn,&\nnetwork out\n  within 11.0.0.0/9,' | bad "a network" 'bad.scn:[0-9]+: .*10.0.0.0/8'
"$sim" "$tiny" >/dev/null 2>&1
is "no --out" 2 $?
"$sim" --out "$w/x" "$w/none.scn" >/dev/null 2>&1
is "no scenario" 2 $?
"$sim" --help | grep -q -- --records
is "help" 0 $?
exit $status
