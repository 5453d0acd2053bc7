# postfix_make DIR MILTER_PORT SMTP_PORT SINK_PORT: a Postfix of its own in DIR, from the unpacked package, all of whose mail goes to
# the sink. postfix_start, postfix_stop: $postfix_pid. Sets LD_LIBRARY_PATH for its programs by $postfix_env.
postfix_make() {
    pf=$1
    pkg=$side/postfix
    postfix_env="env LD_LIBRARY_PATH=$pkg/usr/lib/postfix MAIL_CONFIG=$pf/etc"
    mkdir -p "$pf/etc" "$pf/data" "$pf/queue"
    (cd "$pf/queue" && mkdir -p active bounce corrupt defer deferred flush hold incoming maildrop pid private public saved trace)
    : >"$pf/log"
    chown daemon "$pf/log" "$pf/data" "$pf/queue"/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,saved,trace}
    chown daemon:mail "$pf/queue"/{maildrop,public}
    chmod 730 "$pf/queue/maildrop"
    chmod 710 "$pf/queue/public"
    chmod 700 "$pf/queue"/{active,bounce,corrupt,defer,deferred,flush,hold,incoming,private,saved,trace} "$pf/data"
    cat >"$pf/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $pf/queue
data_directory = $pf/data
daemon_directory = $pkg/usr/lib/postfix/sbin
command_directory = $pkg/usr/sbin
shlib_directory = $pkg/usr/lib/postfix
meta_directory = $pkg/usr/share/postfix
mail_owner = daemon
setgid_group = mail
default_privs = nobody
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LD_LIBRARY_PATH
export_environment = TZ MAIL_CONFIG LANG LD_LIBRARY_PATH
maillog_file = $pf/log
maillog_file_prefixes = $pf
myhostname = mx.posse.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = all
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:$4
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_bind_address = 127.0.0.1
relay_domains = tag.test rewrite.test defer.test quarantine.test reject.test discard.test observe.test
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_client_connection_count_limit = 0
default_process_limit = 200
default_destination_concurrency_limit = 20
default_database_type = hash
smtpd_milters = inet:127.0.0.1:$2
milter_default_action = tempfail
minimal_backoff_time = 1s
in_flow_delay = 0
END
    {
        echo "127.0.0.1:$3 inet n - n - - smtpd"
        printf '%s\n' "cleanup unix n - n - 0 cleanup" "qmgr unix n - n 300 1 qmgr" "rewrite unix - - n - - trivial-rewrite" \
            "bounce unix - - n - 0 bounce" "defer unix - - n - 0 bounce" "trace unix - - n - 0 bounce" "verify unix - - n - 1 verify" \
            "flush unix n - n 1000? 0 flush" "proxymap unix - - n - - proxymap" "smtp unix - - n - - smtp" "relay unix - - n - - smtp" \
            "showq unix n - n - - showq" "error unix - - n - - error" "retry unix - - n - - error" "discard unix - - n - - discard" \
            "anvil unix - - n - 1 anvil" "scache unix - - n - 1 scache" "tlsmgr unix - - n 1000? 1 tlsmgr" \
            "postlog unix-dgram n - n - 1 postlogd"
    } >"$pf/etc/master.cf"
}
postfix_start() {
    $postfix_env "$pkg/usr/lib/postfix/sbin/master" -c "$pf/etc" -d >"$pf/master.out" 2>&1 &
    postfix_pid=$!
}
postfix_stop() {
    [ -n "$postfix_pid" ] && kill "$postfix_pid" 2>/dev/null && wait "$postfix_pid"
    postfix_pid=
}
# How many messages are in its queue.
postfix_queued() { find "$pf/queue"/{maildrop,incoming,active,deferred,hold,corrupt} -type f | wc -l; }
