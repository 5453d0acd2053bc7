#!/bin/bash
# The daemon's life: it starts, says where it listens and tells systemd; a reload keeps connections, and a bad one everything;
# it stops gracefully, takes sockets from systemd, gives up root, and says clearly why it does not start.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/e2e
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
[ -f "$root/models/default.posse" ] || { echo "no model ships yet"; exit 77; }
pids=
trap 'for p in $pids; do kill -9 "$p" 2>/dev/null; done; rm -rf "$work"' EXIT
chmod 711 "$work" # whom root becomes has to get at these
POSSE_MODEL=$work/model
cp "$root/models/default.posse" "$work/model"
chmod 644 "$work/model"
export POSSE_MODEL
user=
[ "$(id -u)" -eq 0 ] && user=root
mail=$root/samples/spam/01-advance-fee-en.eml
any=--set\ spamd.listen=127.0.0.1:0

fail() {
    echo "$*"
    [ -s "$work/log" ] && tail -n 15 "$work/log"
    exit 1
}
# run [OPTION]...: in the background; $pid, $port, $work/ready, $work/log. Returns when it is ready. $before: what starts it.
before=()
run() {
    : >"$work/ready"
    "${before[@]}" "$posse" serve --home "$work/home" --set serve.user=$user --announce "$@" >"$work/ready" 2>"$work/log" &
    pid=$!
    pids="$pids $pid"
    for _ in $(seq 200); do
        grep -qx ready "$work/ready" && { port=$(sed -n 's/^spamd.listen 127.0.0.1://p' "$work/ready"); return 0; }
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}
# ends TENTHS STATUS: the daemon ends by itself within so many tenths of a second.
ends() {
    for _ in $(seq "$1"); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -0 "$pid" 2>/dev/null && return 1
    wait "$pid"
    [ $? -eq "$2" ]
}
stop() {
    kill -TERM "$pid"
    ends 100 0 || fail "does not end"
}
logged() {
    for _ in $(seq 100); do grep -q -- "$1" "$work/log" && return 0; sleep 0.05; done
    return 1
}
connect() { exec 3<>"/dev/tcp/127.0.0.1/$port"; }
head_of() { printf 'CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n' "$(wc -c <"$mail")"; }
answer() { # into $got
    got=$(timeout 20 sed -n 's/^Spam: //p' <&3 | tr -d '\r')
    exec 3>&-
}
# judges WHAT [REQUIRED]: the daemon answers, with what it requires for spam.
judges() {
    got=
    connect && head_of >&3 && cat "$mail" >&3 && answer
    case $got in "True ; "*" / ${2:-5.0}") ;; *) fail "$1: $got" ;; esac
}
# refused TEXT OPTION...: does not start, and says why.
refused() {
    local want=$1 status
    shift
    timeout 20 "$posse" serve "$@" >"$work/out" 2>"$work/err"
    status=$?
    [ $status -eq 2 ] && grep -q -- "$want" "$work/err" || fail "status $status, said: $(cat "$work/err"); not: $want"
}

# ---- it starts and judges; one home has one daemon, one address one listener ----
echo 'spamd { listen = {"127.0.0.1:0"} }' >"$work/conf"
chmod 644 "$work/conf"
run --config "$work/conf" || fail "does not start"
[ "$(stat -c %a "$work/home")" = 700 ] || fail "the home is open"
judges "no answer"
refused "another daemon serves this home already, process $pid" --home "$work/home" --set serve.user=$user $any
refused "spamd.listen: cannot listen on 127.0.0.1:$port: Address already in use; stop who has it" \
    --home "$work/other" --set serve.user=$user --set spamd.listen=127.0.0.1:$port
[ -e "$work/other" ] && fail "a daemon that did not start made its home"

# ---- a connection lives through a reload, and the next one sees what is new ----
connect
head_of >&3
head -c 300 "$mail" >&3
echo 'spamd { listen = {"127.0.0.1:0"} required = 7 }' >"$work/conf"
kill -HUP "$pid"
logged 'event=reloaded' || fail "did not reload"
tail -c +301 "$mail" >&3
answer
case $got in "True ; "*) ;; *) fail "a reload cost a connection" ;; esac
judges "a reload changed nothing" 7.0

# ---- a bad configuration changes nothing ----
printf 'spamd {\n  requird = 9\n}\n' >"$work/conf"
kill -HUP "$pid"
logged "event=reload_failed why=\"$work/conf:2: unknown key .*did you mean" || fail "says nothing of a bad configuration"
judges "a bad configuration changed something" 7.0
printf 'filter { rules = {"%s"} }\n' "$work/no-such.rules" >"$work/conf"
kill -HUP "$pid"
logged "event=reload_failed .*no-such.rules" || fail "says nothing of rules that are not there"
judges "bad rules changed something" 7.0
echo 'spamd { listen = {"127.0.0.1:1", "[::1]:0"} required = 6 }' >"$work/conf"
kill -HUP "$pid"
logged 'event=needs_restart key=spamd.listen' || fail "does not say what needs a restart"
for _ in $(seq 100); do [ "$(grep -c event=reloaded "$work/log")" -ge 2 ] && break; sleep 0.05; done
judges "no reload after a bad one" 6.0
kill -USR1 "$pid"
logged 'event=statistics .*messages=[1-9]' || fail "no statistics"

# ---- TERM: what has begun finishes, nothing new begins ----
connect
head_of >&3
sleep 0.2
kill -TERM "$pid"
logged 'event=stopping signal=TERM' || fail "does not stop"
sleep 0.2
(exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && fail "still listens after TERM"
kill -0 "$pid" || fail "did not wait for a request"
cat "$mail" >&3
answer
case $got in "True ; "*) ;; *) fail "TERM cost a request" ;; esac
ends 50 0 || fail "did not end when all was answered"
grep -q 'event=stopped' "$work/log" || fail "no last word"

# ---- grace has an end, and a second signal is one ----
run $any --set limits.grace=1s || fail "does not start again"
connect
head_of >&3
sleep 0.2
kill -TERM "$pid"
ends 50 0 || fail "grace has no end"
grep -q event=grace_over "$work/log" || fail "does not say that grace was over"
exec 3>&-
run $any --set limits.grace=1h || fail "does not start a third time"
connect
head_of >&3
sleep 0.2
kill -TERM "$pid"
logged event=stopping
kill -INT "$pid"
ends 50 0 || fail "a second signal does not end it"
exec 3>&-

# ---- SIGKILL leaves a lock that nobody holds and a socket that nobody serves ----
run --set spamd.listen=unix:"$work/door",127.0.0.1:0 --set serve.socket_mode=0622 || fail "no socket with a path"
[ "$(stat -c '%F %a' "$work/door")" = "socket 622" ] || fail "mode of the socket: $(stat -c %a "$work/door")"
refused "unix:$work/door: Address already in use" --home "$work/other" --set serve.user=$user --set spamd.listen=unix:"$work/door"
kill -9 "$pid"
wait "$pid" 2>/dev/null
run --set spamd.listen=unix:"$work/door",127.0.0.1:0 || fail "does not start after SIGKILL"
judges "no answer after SIGKILL"
stop
[ -e "$work/door" ] && fail "left its socket"

# ---- systemd: sockets by name and by address, and what it is told ----
python3 "$here/systemd.py" listen "$work/notify" >"$work/told" &
pids="$pids $!"
disown # its end is no news
told() {
    for _ in $(seq 100); do grep -q -- "$1" "$work/told" && return 0; sleep 0.05; done
    fail "systemd was not told $1: $(cat "$work/told")"
}
for _ in $(seq 100); do [ -S "$work/notify" ] && break; sleep 0.05; done
before=(env NOTIFY_SOCKET="$work/notify" WATCHDOG_USEC=400000 python3 "$here/systemd.py" start spamd.listen)
run --set spamd.listen=192.0.2.1:783 || fail "does not take a socket from systemd"
grep -q "event=listening key=spamd.listen address=127.0.0.1:$port from=systemd" "$work/log" || fail "not from systemd"
judges "a socket from systemd does not answer"
told "READY=1 MAINPID=$pid STATUS=spamd.listen 127.0.0.1:$port"
sleep 0.7
[ "$(grep -c WATCHDOG=1 "$work/told")" -ge 3 ] || fail "the watchdog was not fed"
before_reload=$(grep -c READY=1 "$work/told")
kill -HUP "$pid"
told 'RELOADING=1 MONOTONIC_USEC=[0-9]'
for _ in $(seq 100); do [ "$(grep -c READY=1 "$work/told")" -gt "$before_reload" ] && break; sleep 0.05; done
[ "$(grep -c READY=1 "$work/told")" -gt "$before_reload" ] || fail "systemd was not told that the reload is over"
kill -TERM "$pid"
told STOPPING=1
ends 50 0 || fail "does not end"
before=(python3 "$here/systemd.py" start posse.socket)
run --set spamd.listen=127.0.0.1:@PORT@ || fail "does not know a socket by its address"
stop
run $any && fail "took a socket that is for no door"
grep -q 'from systemd is for no door; give it FileDescriptorName=' "$work/log" || fail "does not say what is wrong with a socket"
before=()
if command -v systemd-socket-activate >/dev/null; then # it starts the daemon with the first connection
    port=$(python3 "$here/systemd.py" port)
    systemd-socket-activate -l "127.0.0.1:$port" --fdname=spamd.listen -E POSSE_MODEL="$POSSE_MODEL" "$posse" serve \
        --home "$work/home" --set serve.user=$user 2>"$work/log" &
    pid=$!
    pids="$pids $pid"
    logged Listening || fail "systemd-socket-activate does not listen"
    judges "systemd-socket-activate gets no answer"
    stop
fi

# ---- settings that make no sense, homes that cannot be served ----
refused 'no door is open: name addresses' --home "$work/other" --set serve.user=$user
refused 'is no address; write 127.0.0.1:783' --home "$work/other" --set serve.user=$user --set spamd.listen=localhost:783
refused 'this machine has no such address' --home "$work/other" --set serve.user=$user --set spamd.listen=192.0.2.1:0
: >"$work/file"
refused 'not a folder' --home "$work/file" --set serve.user=$user $any
mkdir -m 755 "$work/open"
: >"$work/open/x"
refused 'others may enter this folder' --home "$work/open" --set serve.user=$user $any
refused "/proc/sys/posse: cannot make this folder" --home /proc/sys/posse --set serve.user=$user $any
if [ -z "$user" ]; then # root may write anywhere
    mkdir -m 500 "$work/readonly"
    refused 'serve.lock: cannot open it for writing: Permission denied' --home "$work/readonly" $any
    exit 0
fi

# ---- root is given up ----
id nobody >/dev/null 2>&1 || exit 0
refused 'the daemon does not stay root: name a user' --home "$work/other" $any
mkdir -m 700 "$work/roots"
refused 'ermission denied' --home "$work/roots" --set serve.user=nobody $any
echo 'spamd { listen = {"127.0.0.1:0"} }' >"$work/secret"
chmod 600 "$work/secret"
refused "$work/secret: cannot open it: Permission denied" --home "$work/other" --set serve.user=nobody --config "$work/secret"
rm -rf "$work/home" "$work/other"
user=nobody
run $any || fail "does not become nobody"
uid=$(id -u nobody)
grep -qx "Uid:	$uid	$uid	$uid	$uid" "/proc/$pid/status" || fail "$(grep Uid "/proc/$pid/status")"
grep -qw 0 <(grep '^G[ir]' "/proc/$pid/status") && fail "kept root's groups: $(grep '^G[ir]' "/proc/$pid/status")"
for set in CapInh CapPrm CapEff CapAmb; do
    grep -qx "$set:	0000000000000000" "/proc/$pid/status" || fail "$(grep $set "/proc/$pid/status")"
done
grep -qx 'NoNewPrivs:	1' "/proc/$pid/status" || fail "new privileges are possible"
[ "$(stat -c '%U %a' "$work/home")" = "nobody 700" ] || fail "whose home: $(stat -c '%U %a' "$work/home")"
judges "nobody does not answer"
kill -HUP "$pid"
logged event=reloaded || fail "nobody cannot reload"
stop
exit 0
