#!/bin/bash
# What the doors judge reaches the observatory, from the milter's process too, and comes back as a reason and in history; a reload turns
# it off and on; what a SIGKILL leaves is whole.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/side.sh"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
fail() {
    echo "$*"
    tail -n 15 "$work/log"
    exit 1
}
settings() {
    cat <<END
spamd { listen = {"127.0.0.1:0"} }
milter { listen = {"127.0.0.1:0"} }
http { listen = {"127.0.0.1:0"} }
observe { enabled = $1 }
END
}
live() { timeout 60 python3 "$here/live.py" "$@"; }
metric() { timeout 10 python3 -c 'import sys, urllib.request as u
print(sum(int(l.split()[1]) for l in u.urlopen("http://127.0.0.1:%s/metrics" % sys.argv[1]).read().decode().splitlines() if l.startswith(sys.argv[2])))' "$(port http.listen)" "$1"; }
counted() { [ "$(metric 'posse_observed_total{door="'"$1"'"}')" = "$2" ]; }
alike() { live spamd "$(port spamd.listen)" 150 151 | grep -q 'alike from'; }

start_posse < <(settings yes) || exit 1
live spamd "$(port spamd.listen)" 0 25 >/dev/null || fail "spamd does not answer"
[ "$(live milter "$(port milter.listen)" 25 40)" = a ] || [ "$(live milter "$(port milter.listen)" 40 41)" = c ] || fail "the milter does not answer"
wait_for 100 counted spamd 25 || fail "spamd's are not counted: $(metric posse_observe)"
wait_for 100 eval '[ "$(metric "posse_observed_total{door=\"milter\"}")" -ge 15 ]' || fail "the milter's are not counted: $(metric posse_observe)"
[ "$(metric posse_observe_dropped_total)" = 0 ] || fail "some were dropped"
wait_for 120 alike || fail "no evidence came back"
live spamd "$(port spamd.listen)" 151 152 | grep -Eq 'one of [0-9]+ alike from 4[0-9] machines in two hours' || fail "not as many as came"
id=$(wait_for 30 eval '"$posse" history --home "$work/home" --json | grep -q "\"campaign\":\"c"'; "$posse" history --home "$work/home" --json | sed -n 's/.*"campaign":"\(c[a-z0-9]*\)".*/\1/p' | head -n 1)
[ -n "$id" ] || fail "history has no campaign"
[ "$("$posse" history --home "$work/home" --campaign "$id" | wc -l)" -ge 1 ] || fail "history does not find $id"
[ "$("$posse" history --home "$work/home" --campaign cnosuchthing | wc -l)" = 0 ] || fail "history finds what is not there"

live mail 170 >"$work/one"
"$posse" scan --empty --home "$work/home" --explain "$work/one" | grep -q 'alike from' && fail "scan looks at live campaigns unasked"
"$posse" scan --empty --home "$work/home" --campaigns --explain "$work/one" | grep -q 'alike from' || fail "scan --campaigns does not look"

settings no >"$work/posse.conf"
printf 'serve { user = %s }\n' "$(id -un)" >>"$work/posse.conf"
kill -HUP $daemon
wait_for 50 eval '! alike' || fail "a reload does not turn it off"
settings yes >"$work/posse.conf"
printf 'serve { user = %s }\n' "$(id -un)" >>"$work/posse.conf"
kill -HUP $daemon
wait_for 50 alike || fail "a reload does not turn it on"

stop_posse || fail "it does not stop"
"$posse" campaigns --home "$work/home" >"$work/out" || fail "campaigns cannot be listed"
grep -q "^$id" "$work/out" || { cat "$work/out"; fail "what was observed was not saved on stopping"; }

# From here on it is killed: what was saved stays, and what came since is lost at most.
before=$("$posse" campaign --home "$work/home" --json "$id" | sed -n 's/.*"messages":\([0-9]*\).*/\1/p' | head -n 1)
for round in 1 2; do
    start_posse < <(settings yes) || exit 1
    live spamd "$(port spamd.listen)" $((round * 10)) $((round * 10 + 10)) >/dev/null 2>&1 &
    sleep "0.$((round * 3))"
    kill -9 $daemon
    wait $daemon 2>/dev/null
    wait
    sound "$work/home" || fail "round $round left something unsound"
    now=$("$posse" campaign --home "$work/home" --json "$id" | sed -n 's/.*"messages":\([0-9]*\).*/\1/p' | head -n 1)
    [ "${now:-0}" -ge "$before" ] || fail "round $round lost what was saved: $before, then ${now:-nothing}"
done
exit 0
