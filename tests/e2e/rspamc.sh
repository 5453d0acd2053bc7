#!/bin/bash
# rspamc, rspamd's own client, against the rspamd door: scan, learn, stat, counters.
. "$(dirname "$0")/lib.sh"
unpack rspamd libluajit-5.1-2 libluajit-5.1-common
run_unpacked usr/bin/rspamc --help >/dev/null 2>&1 || { echo "rspamc does not run here"; exit 77; }
start_posse <<'EOF' || exit 1
rspamd {
    listen = {"127.0.0.1:0"}
    controller = {"127.0.0.1:0"}
    password = "secret"
}
policy "default" {
    tag = 0.01
    reject = 0.0001
}
EOF
worker=127.0.0.1:$(port rspamd.listen) controller=127.0.0.1:$(port rspamd.controller)
rspamc() { timeout 30 env LD_LIBRARY_PATH="$unpacked_path" "$root/usr/bin/rspamc" "$@"; }
want() { # want PATTERN COMMAND...
    pattern=$1
    shift
    "$@" >"$work/said" 2>&1
    grep -qE "$pattern" "$work/said" && return
    echo "$*: no '$pattern' in"
    cat "$work/said"
    tail -n 3 "$work/log"
    exit 1
}
ham=$(ls "$samples"/ham/* | head -n 1) spam=$(ls "$samples"/spam/* | head -n 1)
want '^Action: no action' rspamc -h "$worker" "$ham"
want '^Spam: false' rspamc -h "$worker" "$ham"
want '^Action: reject' rspamc -h "$worker" "$spam"
want '^Symbol: POSSE_WORDS_1 \([0-9.-]*\)\[' rspamc -h "$worker" symbols "$spam"
want '^Action: reject' rspamc -h "$worker" -i 192.0.2.1 --helo client.example -F a@b.example -r c@d.example -p "$spam"
want '^Action: reject' rspamc -h "$worker" --compressed "$spam"
want '"POSSE_PRIOR"' rspamc -h "$worker" -j "$spam"
want '401' rspamc -h "$controller" learn_spam "$spam"
want '401' rspamc -h "$controller" -P wrong learn_spam "$spam"
want 'success = true' rspamc -h "$controller" -P secret learn_spam "$spam"
want 'success = true' rspamc -h "$controller" -P secret learn_ham "$ham"
want '208|learned already' rspamc -h "$controller" -P secret learn_ham "$ham"
want '^Messages learned: 2' rspamc -h "$controller" stat
want '^Messages scanned: [5-9]' rspamc -h "$controller" stat
want 'POSSE_WORDS ' rspamc -h "$controller" counters
# All of samples/: the daemon and the command line give the same classes.
rspamc -h "$worker" -j "$samples"/ham/* "$samples"/spam/* >"$work/json" || { echo "scan of samples fails"; exit 1; }
n=$(grep -c '"action"' "$work/json")
[ "$n" -eq "$(ls "$samples"/ham/* "$samples"/spam/* | wc -l)" ] || { echo "$n answers"; exit 1; }
stop_posse || { echo "exit status $?"; exit 1; }
[ "$(lessons "$work/home")" -eq 2 ] || { echo "lessons: $(lessons "$work/home")"; exit 1; }
