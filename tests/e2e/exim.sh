#!/bin/bash
# Exim 4 with `spam = nobody` in both variants: spamd's protocol against the spamd door, RSPAMC text against the rspamd door.
. "$(dirname "$0")/lib.sh"
unpack exim4-daemon-heavy libmariadb3 libidn12 libspf2-2 libnss-wrapper
wrapper=$(find "$root" -name 'libnss_wrapper.so*' | head -n 1)
[ "$(id -u)" -eq 0 ] || { echo "Exim takes SMTP from root only"; exit 77; }
# Exim wants a user of its own, which this machine need not have.
printf 'root:x:0:0::/root:/bin/sh\nDebian-exim:x:65534:65534::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$work/passwd"
printf 'root:x:0:\nDebian-exim:x:65534:\nnogroup:x:65534:\nmail:x:8:\n' >"$work/group"
exim() {
    timeout 60 env LD_LIBRARY_PATH="$unpacked_path" LD_PRELOAD="$wrapper" NSS_WRAPPER_PASSWD="$work/passwd" \
        NSS_WRAPPER_GROUP="$work/group" "$root/usr/sbin/exim4" "$@"
}
start_posse <<'EOF' || exit 1
rspamd { listen = {"127.0.0.1:0"} }
spamd { listen = {"127.0.0.1:0"} }
policy "default" {
    tag = 0.01
    reject = 0.0001
}
EOF
mkdir "$work/exim"
chmod 755 "$work" "$work/exim"
chown 65534:65534 "$work/exim"
settings() { # settings ADDRESS: of an Exim that asks there
    cat >"$work/exim.conf" <<EOF
queue_only = true
spool_directory = $work/exim
log_file_path = $work/exim/%slog
primary_hostname = mx.test.example
spamd_address = $1
acl_smtp_rcpt = accept
acl_smtp_data = check
host_lookup =
tls_advertise_hosts =
keep_environment =
begin acl
check:
  warn spam = nobody:true
       add_header = X-Scored: \$spam_action|\$spam_score|\$spam_bar
       set acl_m0 = \$spam_score_int
       add_header = X-Report: \$spam_report
  warn condition = \${if !eq{\$acl_m0}{}}
       !spam = nobody
       add_header = X-Class: ham
  deny spam = nobody
       message = refused \$spam_action
  accept
begin routers
all:
  driver = accept
  transport = none
begin transports
none:
  driver = appendfile
  file = /dev/null
begin retry
EOF
    chmod 644 "$work/exim.conf"
}
smtp() { # smtp MAIL: what Exim answers
    { printf 'EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@test.example>\r\nRCPT TO:<d@test.example>\r\nDATA\r\n'
        sed 's/\r$//; s/^\./../; s/$/\r/' "$1"
        printf '.\r\nQUIT\r\n'; } | exim -C "$work/exim.conf" -bs -oMa 192.0.2.1 -oMs client.example >"$work/smtp" 2>&1
    cat "$work/exim"/*log >"$work/exim.log" 2>/dev/null
}
fail() {
    echo "$1"
    tail -n 5 "$work/smtp" "$work/exim.log" "$work/log"
    exit 1
}
for variant in rspamd spamd; do
    case $variant in
    rspamd) settings "127.0.0.1 $(port rspamd.listen) variant=rspamd" ;;
    spamd) settings "127.0.0.1 $(port spamd.listen)" ;;
    esac
    for mail in "$samples"/ham/* "$samples"/spam/*; do
        rm -rf "$work/exim/input"
        smtp "$mail"
        action=$(grep event=verdict "$work/log" | tail -n 1 | sed 's/.* action=\([a-z]*\) .*/\1/')
        case $action in
        none)
            grep -q '^250 OK id=' "$work/smtp" || fail "$variant: ham is not taken: $mail"
            grep -q 'X-Class: ham' "$work/exim/input/"*-H || fail "$variant: ham is spam: $mail"
            grep -q 'X-Scored: [a-z ]*|[0-9.-]*|' "$work/exim/input/"*-H || fail "$variant: no score: $mail"
            ;;
        tag | reject) grep -q '^550 refused [ar]' "$work/smtp" || fail "$variant: spam is not refused: $mail" ;;
        *) fail "$variant: no verdict: $mail" ;;
        esac
    done
    [ "$(grep -c 'event=verdict.*action=reject' "$work/log")" -gt 5 ] || fail "hardly any spam"
    grep -qE 'spamd|panic|cannot parse' "$work/exim.log" && fail "$variant: Exim complains"
done
grep -q 'door=rspamd.*client=192.0.2.1 from=a@b.example' "$work/log" || fail "the envelope did not come through"
stop_posse || { echo "exit status $?"; exit 1; }
