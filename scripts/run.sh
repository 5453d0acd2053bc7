#!/bin/bash
# run.sh BUILD: starts the daemon with every door on 127.0.0.1 and a home of its own in BUILD/run, sends samples/ through a door,
# says what to point where. On a terminal it runs until Ctrl-C; elsewhere it stops by itself, with exit status 0 if all was well.
build=$(cd "${1:?usage: $0 BUILD}" && pwd)
src=$(cd "$(dirname "$0")/.." && pwd)
run=$build/run
home=$run/home
declare -A address=([spamd.listen]=127.0.0.1:783 [rspamd.listen]=127.0.0.1:11333 [rspamd.controller]=127.0.0.1:11334
    [milter.listen]=127.0.0.1:8891 [akismet.listen]=127.0.0.1:8180 [http.listen]=127.0.0.1:9786)
mkdir -p "$run" || exit 1
unset POSSE_HOME POSSE_CONFIG
pid=

stop() {
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null
    wait "$pid"
    status=$?
    pid=
    return $status
}
trap stop EXIT

# Until it says that it is ready, or ends.
start() {
    local set=() key
    for key in "${!address[@]}"; do set+=(--set "$key=${address[$key]}"); done
    [ "$(id -u)" -eq 0 ] && set+=(--set serve.user=root) # a demonstration that only this machine reaches
    : >"$run/ready"
    # a session of its own: Ctrl-C is for this script, which then stops the daemon once
    setsid "$build/posse" serve --home "$home" --config "$run/posse.conf" --announce "${set[@]}" >"$run/ready" 2>"$run/log" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        grep -qx ready "$run/ready" && return 0
        sleep 0.05
    done
    wait "$pid"
    pid=
    return 1
}

# check FILE: "True" or "False" and the score, by the protocol of SpamAssassin's spamd.
check() {
    exec 3<>"/dev/tcp/${spamd%:*}/${spamd##*:}" || return 1
    printf 'CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n' "$(wc -c <"$1")" >&3
    cat "$1" >&3
    sed -n 's/^Spam: \([A-Z][a-z]*\) ; \(.*\)\r$/\1 \2/p' <&3
    exec 3>&-
}

: >>"$run/posse.conf"
until start; do
    key=$(sed -n 's/^posse: \([a-z]*\.[a-z]*\): cannot listen on .*/\1/p' "$run/log")
    if [ -z "$key" ] || [ "${address[$key]}" = 127.0.0.1:0 ]; then
        cat "$run/log" >&2
        exit 1
    fi
    address[$key]=127.0.0.1:0 # taken, or root's: any free one
done
where() { sed -n "s/^$1 //p" "$run/ready"; }
spamd=$(where spamd.listen)

bad=0
if [ -n "$spamd" ]; then
    echo
    echo "The daemon's verdicts on samples/, asked for at $spamd as spamc would:"
    for kind in ham spam; do
        n=0 spam=0 shown=
        for f in "$src/samples/$kind"/*.eml; do
            answer=$(check "$f") || answer=
            [ -n "$answer" ] || { echo "no answer about ${f##*/}; see $run/log" >&2; bad=1; continue; }
            n=$((n + 1))
            [ "${answer%% *}" = True ] && spam=$((spam + 1))
            [ $n -le 3 ] && shown="$shown    ${answer#* }  ${f##*/}"$'\n'
        done
        printf '  %s: %d judged, %d called spam; the first (score / from where on it is spam):\n%s' $kind $n $spam "$shown"
    done
fi

echo
echo "What to point where:"
tell() { # key, text with HOST and PORT in it
    local at
    at=$(where "$1")
    [ -n "$at" ] && printf '  %-20s %s\n' "$2" "$(echo "$3" | sed "s/HOST/${at%:*}/g; s/PORT/${at##*:}/g")"
}
tell milter.listen Postfix 'smtpd_milters = inet:HOST:PORT'
tell milter.listen Sendmail "INPUT_MAIL_FILTER(\`posse', \`S=inet:PORT@HOST')"
tell spamd.listen spamc 'spamc -d HOST -p PORT -R < message'
tell spamd.listen Exim 'spamd_address = HOST PORT'
tell rspamd.listen rspamc 'rspamc -h HOST:PORT message'
tell rspamd.listen 'Exim, as rspamd' 'spamd_address = HOST PORT variant=rspamd'
tell rspamd.listen Haraka 'config/rspamd.ini: host = HOST, port = PORT'
tell rspamd.controller 'teaching' 'rspamc -h HOST:PORT learn_spam message'
tell akismet.listen 'Akismet clients' 'http://HOST:PORT/1.1/'
tell http.listen metrics 'http://HOST:PORT/metrics'
echo "  its home             $home"
echo "  its log              $run/log"
echo "  settings             $run/posse.conf; then: kill -HUP $pid"
echo

if [ -t 0 ]; then
    echo "It runs until Ctrl-C."
    trap : INT TERM
    wait "$pid"
fi
stop || bad=1
trap - EXIT
[ $bad -eq 0 ] && echo "The daemon was stopped."
exit $bad
