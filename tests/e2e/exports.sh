#!/bin/bash
# What leaves a case: is it read by those that it is for, and does anything get out of it that should not?
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
export POSSE_HOME=$work/home

python3 "$here/findings.py" "$work/in" || exit 1
"$posse" case open 'The "botnet" <b>=1+1</b>' --subject "botnet rustock" --id t1 >/dev/null || exit 1
"$posse" case add t1 "$work"/in/m?.eml "$work/in/findings.json" >/dev/null || exit 1
check "what is not sealed does not leave" not "$posse" case export t1 --csv --to "$work/no"
check "and nothing was made" test ! -e "$work/no"
"$posse" case seal t1 >/dev/null 2>&1 || exit 1
printf 'allowed.example\n*.allowed.example\n10.2.0.0/24\n' >"$work/allow"
all="--stix --misp --csv --rpz --rbldnsd --nft --postfix --rspamd"
export_all() { TZ=$1 "$posse" case export t1 $all --to "$2" --at 2011-03-20T00:00Z --reserved --org 'Desk "x"' --contact desk@a.example --allow "$work/allow"; }
check "exports all" export_all UTC0 "$work/x"
check "again, elsewhere on the globe" export_all Pacific/Kiritimati "$work/y"
check "the same bytes" diff -r "$work/x" "$work/y"
check "nothing over an existing folder" not export_all UTC0 "$work/x"
check "it is in the log" grep -q "export of lists" "$work/home/cases/t1/log.jsonl"
check "a case of 2011 has nothing to block today" grep -q "too long ago" <("$posse" case export t1 --rpz --to "$work/now" --reserved >/dev/null 2>&1; cat "$work/now/left-out.csv")
"$posse" case export t1 --rpz --nft --to "$work/strict" --at 2011-03-20 >/dev/null 2>&1
check "private addresses are not listed unless asked for" not grep -q '10\.[0-9]*\.[0-9]*\.[0-9]* timeout' "$work/strict/posse.nft"

cd "$work/x" || exit 1
cat >"$work/read.py" <<'PY'
import csv, json, re, sys
rows = list(csv.reader(open("entries.csv", newline="")))
out = list(csv.reader(open("left-out.csv", newline="")))
assert len({len(r) for r in rows}) == 1 and len({len(r) for r in out}) == 1, "rows of one length"
assert not [c for r in rows + out for c in r if c[:1] in tuple("=+-@\t\r\n")], "no formula"
listed, left = {r[1] for r in rows[1:]}, {r[1].lstrip("'"): r[-1] for r in out[1:]}
never = {"google.com", "docs.google.com", "shop.github.io", "co.uk", "bit.ly", "rare.example", "allowed.example", "x.allowed.example",
         "a b.example", "-dash.example", "x" * 64 + ".example", "*.example", "a..example", "10.3.2.5", "10.2.0.3"}
assert never <= set(left), never - set(left)
assert not listed & never
assert {"pills.example", "evil-pills.example", "caps.example", "c2.bad.example", "10.1.2.3", "2001:db8::1:0", "under_score.example"} <= listed
assert "10.6.9.9" not in listed | set(left), "a host of our own"
assert all(left.values()), "a reason for each"
assert json.load(open("misp.json"))["Event"]["Attribute"]
assert len(json.load(open("misp.json"))["Event"]["Attribute"]) == len(rows) - 1
for name in ("posse.rpz", "posse.ip4set", "posse.ip6trie", "posse.dnset", "posse.nft", "postfix-clients.cidr", "postfix-names", "rspamd-ips.map",
             "rspamd-names.map"):
    text = open(name, "rb").read()
    assert all(c == 10 or 32 <= c < 127 for c in text), name
    assert not re.search(rb"script>|calc'|`|\$\(|google|github|allowed|co\.uk", text), name
    for line in text.decode().splitlines():
        body = line.split(":127.0.0")[0]
        assert line.startswith(("#", ";", "$", "@")) or not re.search(r"[^A-Za-z0-9._:*/ {}\"(),@%+;-]", body), line
PY
check "hostile texts stay texts, and who must not be listed is not" python3 "$work/read.py"

# All at once: apt takes seconds to begin.
tools="rbldnsd unbound nftables bind9-utils bind9-libs"
unpack_tools() {
    local deb=$build/e2e/deb/exports
    [ -f "$deb.done" ] && return 0
    mkdir -p "$deb" "$root"
    libs=$(apt-get install --simulate --no-install-recommends $tools 2>/dev/null | sed -n 's/^Inst \(lib[^ :]*\)[^ ]* (.*/\1/p')
    (cd "$deb" && timeout 200 apt-get download -q $tools $libs >/dev/null 2>&1) || return 1
    for p in "$deb"/*.deb; do dpkg -x "$p" "$root" || return 1; done
    touch "$deb.done"
}
have_tools=
unpack_tools && have_tools=1
unpacked_path=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu:$root/usr/lib
if [ "$have_tools" ]; then
    check "named-checkzone" run_unpacked usr/bin/named-checkzone -i none rpz.posse.example posse.rpz
else
    skip "named-checkzone, nft, rbldnsd, unbound" "their packages cannot be had"
fi
if [ "$have_tools" ]; then
    # in a network of its own: it looks at the kernel's tables even where it changes none
    if unshare -rn true 2>/dev/null; then
        check "nft" env LD_LIBRARY_PATH="$unpacked_path" unshare -rn "$root/usr/sbin/nft" -c -f posse.nft
        check "nft twice" env LD_LIBRARY_PATH="$unpacked_path" unshare -rn sh -c "$root/usr/sbin/nft -f posse.nft && $root/usr/sbin/nft -f posse.nft &&
            $root/usr/sbin/nft list set inet posse posse4 | grep -q '10.1.2.3 timeout'"
    else
        skip nft "no network namespaces here"
    fi
fi

# name servers, on ports that are free
free_port() { python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
free_tcp() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
ask() { python3 "$here/dnsask.py" "$@" 2>/dev/null; }
answers() { local wanted=$1; shift; local got; got=$(ask "$@"); case $got in $wanted) ;; *) echo "$* is answered $got, not $wanted"; return 1 ;; esac; }
up() { for _ in $(seq 50); do ask "$1" "$2" A >/dev/null && return 0; sleep 0.1; done; return 1; }
pids=
trap 'kill $pids 2>/dev/null; rm -rf "$work"' EXIT
if [ "$have_tools" ]; then
    printf '$SOA 300 localhost h.localhost 1 1 1 1 1\ncc A 10.1.2.3\nfine A 10.77.0.1\ncc6 A 10.77.0.2\n' >web
    chmod 711 "$work"; chmod 755 "$work/x"; chmod 644 "$work"/x/*
    bl=$(free_port)
    as=; [ "$(id -u)" = 0 ] && as="-u nobody"
    LD_LIBRARY_PATH=$unpacked_path "$root/usr/sbin/rbldnsd" -n $as -b "127.0.0.1/$bl" -w "$work/x" bl.example:ip4set:posse.ip4set \
        bl.example:ip6trie:posse.ip6trie dn.example:dnset:posse.dnset web.example:generic:web >"$work/rbldnsd.log" 2>&1 &
    pids=$!
    check "rbldnsd runs" up "$bl" 2.0.0.127.bl.example
    check "rbldnsd: its test entry" answers "NOERROR 127.0.0.2" "$bl" 2.0.0.127.bl.example A
    check "rbldnsd: what is never listed" answers NXDOMAIN "$bl" 1.0.0.127.bl.example A
    check "rbldnsd: a controller" answers "NOERROR 127.0.0.4*" "$bl" 3.2.1.10.bl.example A
    check "rbldnsd: a sender" answers "NOERROR 127.0.0.2" "$bl" 2.0.1.10.bl.example A
    check "rbldnsd: and why" answers "NOERROR sent spam* until 2011-04-15" "$bl" 2.0.1.10.bl.example TXT
    check "rbldnsd: who is allowed" answers NXDOMAIN "$bl" 3.0.2.10.bl.example A
    check "rbldnsd: IPv6" answers "NOERROR 127.0.0.2" "$bl" 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example A
    check "rbldnsd: a name" answers "NOERROR 127.0.0.3" "$bl" pills.example.dn.example A
    check "rbldnsd: below it" answers "NOERROR 127.0.0.3" "$bl" www.pills.example.dn.example A
    check "rbldnsd: a name's test entries" answers "NOERROR 127.0.0.2" "$bl" test.dn.example A
    check "rbldnsd: popular names" answers NXDOMAIN "$bl" google.com.dn.example A

    un=$(free_port)
    cat >"$work/unbound.conf" <<CONF
server:
    interface: 127.0.0.1@$un
    directory: "$work"
    chroot: ""
    username: ""
    pidfile: ""
    do-daemonize: no
    use-syslog: no
    do-not-query-localhost: no
    module-config: "respip iterator"
    local-zone: "test." static
    domain-insecure: "web.example"
remote-control:
    control-enable: no
stub-zone:
    name: "web.example"
    stub-addr: 127.0.0.1@$bl
rpz:
    name: "rpz.posse.example"
    zonefile: "$work/x/posse.rpz"
CONF
    LD_LIBRARY_PATH=$unpacked_path "$root/usr/sbin/unbound" -c "$work/unbound.conf" >"$work/unbound.log" 2>&1 &
    pids="$pids $!"
    check "unbound runs" up "$un" pills.example
    check "unbound: what is not listed resolves" answers "NOERROR 10.77.0.1" "$un" fine.web.example A
    check "unbound: what leads to a controller does not" answers NXDOMAIN "$un" cc.web.example A
    check "unbound: a name" answers NXDOMAIN "$un" pills.example A
    check "unbound: below it" answers NXDOMAIN "$un" a.b.pills.example A
    check "unbound took the whole zone" not grep -iE 'error|warn' "$work/unbound.log"
fi

# rspamd with the maps and nothing else: its own rules, and the 9,628 suffixes that it knows, take it minutes to compile
if (unpack rspamd libhyperscan5 libunwind8 libluajit-5.1-2 libluajit-5.1-common) >/dev/null 2>&1; then
    rs=$(free_tcp) r=$work/rspamd share=$root/usr/share/rspamd libs=$root/usr/lib/rspamd:$unpacked_path
    mkdir "$r"
    printf 'require "global_functions" ()\nrspamd_maps = {}\n' >"$r/first.lua"
    printf 'com\nexample\n' >"$r/suffixes"
    sed "s|/etc/rspamd/maps.d|$work/x|" multimap.conf >"$r/multimap.conf"
    cat >"$r/rspamd.conf" <<CONF
lua = "$r/first.lua";
options { filters = ""; pidfile = "$r/pid"; url_tld = "$r/suffixes"; hs_cache_dir = "$r"; dns { nameserver = ["127.0.0.1:9"]; timeout = 0.01s; } }
logging { type = "console"; level = "notice"; }
modules { path = "$share/plugins/multimap.lua"; }
multimap { .include "$r/multimap.conf" }
worker "normal" { bind_socket = "127.0.0.1:$rs"; count = 1; }
CONF
    set --
    for v in CONFDIR="$root/etc/rspamd" LOCAL_CONFDIR="$r" DBDIR="$r" RUNDIR="$r" LOGDIR="$r" SHAREDIR="$share" RULESDIR="$share/rules" \
        LUALIBDIR="$share/lualib" PLUGINSDIR="$share/plugins" WWWDIR="$share/www"; do set -- "$@" --var "$v"; done
    LD_LIBRARY_PATH=$libs "$root/usr/bin/rspamd" -f -i -c "$r/rspamd.conf" "$@" >"$r/log" 2>&1 &
    pids="$pids $!"
    judged() { # ADDRESS LINK: its symbols
        printf 'From: a@b.example\nTo: c@d.example\nMessage-ID: <1@b.example>\n\nsee http://www.%s/buy\n' "$2" |
            LD_LIBRARY_PATH=$libs timeout 20 "$root/usr/bin/rspamc" -h "127.0.0.1:$rs" -i "$1" 2>&1
    }
    for _ in $(seq 100); do judged 10.77.0.1 fine.example | grep -q '^Action' && break; sleep 0.2; done
    check "rspamd: who sent, and what is linked to" test "$(judged 10.0.0.1 pills.example | grep -c '^Symbol: POSSE_CASE_\(IP (4.00)\[10.0.0.1\]\|LINK (6.00)\[pills.example\]\)')" = 2
    check "rspamd: nobody else" test "$(judged 10.77.0.1 fine.example | grep -c '^Symbol: POSSE')" = 0
    check "rspamd: not who is allowed" test "$(judged 10.2.0.3 allowed.example | grep -c '^Symbol: POSSE')" = 0
else
    skip rspamd "its package cannot be had"
fi

schemas=$build/corpora/schemas
if [ -d "$schemas/stix21" ] && command -v npm >/dev/null; then
    . "$here/schemas/modules.sh"
    check "STIX is valid, and refused when spoilt" node "$modules/check.js" "$schemas" stix "$work/x/stix.json"
    tail -n 1 "$work/out"
else
    skip "the schemas" "no corpora, or no npm"
fi
exit $failed
