#!/bin/bash
# A real Postfix with the milter door: each action arrives as it should, also where a message's recipients have different ones; forged
# fields go; the milter's process may die, be reloaded and be stopped in the middle; nothing is left in the queue.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/side.sh"
. "$here/postfix_conf.sh"
[ "$(id -u)" -eq 0 ] || { echo "Postfix starts as root only"; exit 77; }
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
unpacked postfix swaks
chmod 755 "$work"
pid=
ends() {
    postfix_stop
    [ -n "$sink_pid" ] && kill "$sink_pid" 2>/dev/null
    [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
    rm -rf "$work"
}
trap ends EXIT
fail() {
    echo "$*"
    tail -n 12 "$work/log" "$pf/log" 2>/dev/null
    exit 1
}

milter=$(free_port) smtp=$(free_port) sinks=$(free_port)
mkdir "$work/sink"
chown daemon "$work/sink"
printf 'deny domain spam.test "sells watches"\nallow domain good.test\n' >"$work/rules"
cat >"$work/conf" <<END
serve { user = root }
filter { rules = {"$work/rules"} }
milter { listen = {"127.0.0.1:$milter"} authserv_id = "mx.posse.test" detail = {"relay"} }
policy "tag.test" { tag = 0.1 }
policy "rewrite.test" { rewrite = 0.1 subject = "[spam] " }
policy "defer.test" { tag = 0 defer = 0.1 }
policy "quarantine.test" { tag = 0 quarantine = 0.1 }
policy "reject.test" { tag = 0 reject = 0.1 }
policy "discard.test" { tag = 0 discard = 0.1 }
policy "observe.test" { reject = 0.1 mode = observe }
END
daemon_start() {
    "$posse" serve --home "$work/home" --config "$work/conf" --announce >"$work/ready" 2>>"$work/log" &
    pid=$!
    wait_for 100 grep -qx ready "$work/ready" || fail "the daemon does not start"
}
daemon_start
postfix_make "$work/pf" "$milter" "$smtp" "$sinks"
postfix_start
$postfix_env "$pkg/usr/sbin/smtp-sink" -u daemon -R "$work/sink" -d "m." "127.0.0.1:$sinks" 1000 >"$work/sink.out" 2>&1 &
sink_pid=$!
wait_for 100 listens "$smtp" || fail "Postfix does not listen"
wait_for 100 listens "$sinks" || fail "the sink does not listen"

n=0
# mail TO FROM [HEADER]...: one message from abroad; $said is the last reply, $code its code.
peer="ADDR=192.0.2.7 NAME=mail.spam.test"
mail() {
    local to=$1 from=$2
    shift 2
    n=$((n + 1))
    {
        printf '%s\n' "$@"
        printf 'From: <%s>\nTo: <%s>\nMessage-ID: <%s.e2e@posse.test>\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n\nMessage %s\n' \
            "$from" "${to%%,*}" "$n" "$n"
    } >"$work/mail"
    perl "$side/swaks/usr/bin/swaks" --server 127.0.0.1 --port "$smtp" ${peer:+--xclient "$peer"} --helo mail.spam.test --from "$from" --to "$to" \
        --timeout 15 --data "@$work/mail" >"$work/swaks" 2>&1
    said=$(sed -n '/^ -> \./,$p' "$work/swaks" | sed -n 's/^<[-~*]* *\([245][0-9][0-9] .*\)/\1/p' | head -n 1)
    code=${said%% *}
}
# The file in which message number $1 arrived, for the envelope recipient $2 if given.
arrived() {
    got=$(grep -ls "^Message-ID: <$1.e2e@posse.test>" "$work/sink"/m.* 2>/dev/null | head -n 1)
    [ -n "$got" ] && [ ! -s "$pf/.none" ]
}
has() { grep -q "$1" "$got"; }

bad=0
check() {
    if [ "$2" = 0 ]; then echo "ok postfix/$1"; else
        echo "not ok postfix/$1: $said"
        [ -f "$got" ] && head -n 30 "$got"
        tail -n 5 "$work/log" "$pf/log"
        bad=1
    fi
}

mail a@tag.test x@spam.test "Subject: one" "X-Spam: No" "x-posse: class=ham" "X-Posse-Foo: bar" "X-Spam: No" \
    "Authentication-Results: mx.posse.test; spf=pass" "Authentication-Results: other.test; spf=pass" "Authentication-Results: (c) MX.posse.test 1; dkim=pass"
wait_for 100 arrived $n && [ "$code" = 250 ] && has '^X-Spam: Yes' && has '^X-Posse: class=spam; level=' && has '^X-Posse-Detail: ' &&
    ! has '^X-Spam: No' && ! has '^X-Posse: class=ham' && ! has '^x-posse: ' && ! has 'X-Posse-Foo' &&
    [ "$(grep -c '^Authentication-Results: ' "$got")" = 1 ] && has '^Authentication-Results: other.test'
check tag $?
[ $bad = 0 ] || fail "not even that: $(tail -n 5 "$work/swaks")"
mail a@tag.test x@good.test "Subject: good"
wait_for 100 arrived $n && [ "$code" = 250 ] && has '^X-Spam: No' && has '^X-Posse: class=ham; level='
check ham $?
mail a@rewrite.test x@spam.test "Subject: two"
wait_for 100 arrived $n && has '^Subject: \[spam\] two$' && [ "$(grep -c '^Subject:' "$got")" = 1 ]
check rewrite $?
mail a@rewrite.test x@spam.test "X-None: of it"
wait_for 100 arrived $n && has '^Subject: \[spam\]'
check rewrite-none $?
mail a@reject.test x@spam.test "Subject: three"
[ "$code" = 554 ] && [ "${said#*5.7.1}" != "$said" ]
check reject $?
mail a@defer.test x@spam.test "Subject: four"
[ "$code" = 451 ] && [ "${said#*4.7.1}" != "$said" ]
check defer $?
mail a@quarantine.test x@spam.test "Subject: five"
q=$n
[ "$code" = 250 ]
check quarantine $?
mail a@discard.test x@spam.test "Subject: six"
[ "$code" = 250 ]
check discard $?
d=$n
mail a@observe.test x@spam.test "Subject: seven"
wait_for 100 arrived $n && [ "$code" = 250 ] && ! has '^X-Spam: Yes'
check observe $?
mail a@tag.test,b@quarantine.test,c@discard.test,d@reject.test x@spam.test "Subject: mixed"
wait_for 100 arrived $n && [ "$code" = 250 ] && grep -qi '^X-Rcpt-Args: <a@tag.test>' "$got" && ! grep -qiE '^X-Rcpt-Args: <[bcd]@' "$got"
check mixed $?
mail d@reject.test,e@defer.test x@spam.test "Subject: mixed two"
[ "$code" = 451 ]
check mixed-refused $?

# Whose mail it is: from this machine, and of somebody who logged in, it passes.
peer=
mail a@reject.test x@spam.test "Subject: local"
wait_for 100 arrived $n && [ "$code" = 250 ] && ! has '^X-Spam:'
check local $?
peer="ADDR=192.0.2.7 NAME=mail.spam.test LOGIN=ann"
mail a@reject.test x@spam.test "Subject: authenticated"
wait_for 100 arrived $n && [ "$code" = 250 ] && ! has '^X-Spam:'
check authenticated $?
peer="ADDR=IPV6:2001:db8::7 NAME=[UNAVAILABLE]"
mail a@reject.test x@spam.test "Subject: six"
[ "$code" = 554 ]
check ipv6 $?
peer="ADDR=192.0.2.7 NAME=mail.spam.test"

# 300 forged fields, and a hundred recipients.
fields=()
for i in $(seq 300); do fields+=("X-Spam: $i"); done
mail a@tag.test x@spam.test "${fields[@]}"
wait_for 100 arrived $n && [ "$(grep -c '^X-Spam:' "$got")" = 1 ]
check forged-300 $?
many=a0@tag.test
for i in $(seq 99); do many=$many,a$i@$([ $((i % 2)) = 0 ] && echo tag.test || echo quarantine.test); done
mail "$many" x@spam.test "Subject: many"
wait_for 100 arrived $n && sleep 1 && [ "$(cat $(grep -ls "^Message-ID: <$n.e2e@posse.test>" "$work/sink"/m.*) | grep -ci '^X-Rcpt-Args: <a[0-9]*@tag.test>')" = 50 ] &&
    [ "$(cat "$work/sink"/m.* | grep -ci '^X-Rcpt-Args: .*@quarantine.test')" = 0 ]
check recipients-100 $?

# The process dies: Postfix says 451 or the next one takes over; no message is lost and none is let through unjudged.
child() { pgrep -P "$pid" -f milter-child | head -n 1; }
was=$(child)
kill -9 "$was"
mail a@reject.test x@spam.test "Subject: after death"
[ "$code" = 451 ] || [ "$code" = 554 ] || [ -z "$code" ]
first=$?
wait_for 100 eval '[ -n "$(child)" ] && [ "$(child)" != "$was" ]'
wait_for 100 eval 'mail a@reject.test x@spam.test "Subject: again"; [ "$code" = 554 ]' && [ $first = 0 ]
check restarted $?

# A reload in the middle: what was rejected is tagged.
sed -i 's/tag = 0 reject = 0.1/tag = 0.1/' "$work/conf"
kill -HUP "$pid"
wait_for 100 eval 'mail a@reject.test x@spam.test "Subject: after reload"; [ "$code" = 250 ]' && wait_for 100 arrived $n && has '^X-Spam: Yes'
check reload $?

# Many at once, from this machine, where the policy says tag.
printf 'policy "local" { tag = 0.1 }\n' >>"$work/conf"
kill -HUP "$pid"
sleep 1
before=$(ls "$work/sink" | wc -l)
$postfix_env timeout 120 "$pkg/usr/sbin/smtp-source" -s 20 -m 400 -f x@spam.test -t a@tag.test "127.0.0.1:$smtp" >"$work/source" 2>&1
[ $? = 0 ] && wait_for 600 eval '[ "$(ls "$work/sink" | wc -l)" -ge $((before + 400)) ]' && sleep 0.5 &&
    [ "$(grep -ls "^X-Spam: Yes" $(ls -t "$work/sink"/m.* | head -n 400) | wc -l)" = 400 ]
check smtp-source $?

arrived $q && bad=1 && echo "not ok postfix/quarantined mail arrived"
arrived $d && bad=1 && echo "not ok postfix/discarded mail arrived"
# What was kept is released through the same Postfix, and its milter lets it pass.
export POSSE_CONFIG="$work/conf"
printf 'quarantine { release = "smtp://127.0.0.1:%s" }\n' "$smtp" >>"$work/conf"
"$posse" quarantine list --home "$work/home" --rcpt a@quarantine.test >"$work/list" 2>&1
id=$(awk 'NR == 1 { print $1 }' "$work/list")
"$posse" quarantine release --home "$work/home" "$id" >"$work/release" 2>&1 && wait_for 100 arrived $q && ! has '^X-Spam: Yes'
r=$?
[ $r = 0 ] || cat "$work/list" "$work/release"
check release $r
unset POSSE_CONFIG
wait_for 300 eval '[ "$(postfix_queued)" = 0 ]'
check queue-empty $?
kill -TERM "$pid"
wait_for 100 eval '! kill -0 "$pid"'
check stops $?
pid=
exit $bad
