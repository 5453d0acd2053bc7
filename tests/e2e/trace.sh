#!/bin/bash
# trace joined with what else is known, on one world: a trap's mail into an observatory, the flows of the campus whose bots sent a part of it,
# registries that answer over HTTP. Who is named, when, and what is printed whom to write to; and a running sensor that learns both.
. "$(dirname "$0")/lib.sh"
scenarios=$(cd "$(dirname "$0")/../../sim/scenarios" && pwd)
sim=$build/posse-sim
[ -x "$sim" ] || { echo "posse-sim is not built"; exit 77; }
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
export POSSE_HOME=$work/empty
status=0
check() { local name=$1; shift; cp "$work/out" "$work/before" 2>/dev/null; if ! "$@" >"$work/out" 2>&1; then echo "not ok $name:"; tail -n 5 "$work/out"; status=1; else echo "ok $name"; fi; }
not() { ! "$@"; }

# ---- one world: the campus' rustock hosts are twelve of the sources that the trap saw ----
sed 's/^  hosts 500/  hosts 200/' "$scenarios/edge.scn" | sed "s,^include parts,include $scenarios/parts," >"$work/edge.scn"
"$sim" --quiet --flows --out "$work/flows" "$work/edge.scn" && "$sim" "$scenarios/tiny.scn" --out "$work/world" --seed 1 --mail mbox >/dev/null || exit 1
awk -F'\t' '$2 == "infected" && $3 == "rustock" && $5 > 0 { print $1 }' "$work/flows/truth/hosts.tsv" | sort | head -n 12 >"$work/bots"
awk -F'\t' '$4 == "rustock" && $8 ~ /^10\./ { n[$8]++ } END { for (a in n) print n[a], a }' "$work/world/truth/messages.tsv" | sort -k1,1nr -k2 | head -n "$(wc -l <"$work/bots")" |
    cut -d' ' -f2 | paste - "$work/bots" | awk '{ gsub(/\./, "\\.", $1); print "s/\\b" $1 "\\b/" $2 "/g" }' >"$work/moved"
[ "$(wc -l <"$work/moved")" -ge 5 ] || { echo "no world"; exit 1; }
sed -f "$work/moved" "$work/world/trap.mbox" >"$work/trap.mbox"
linked=$(grep -ao 'http://[a-z0-9.]*\.example' "$work/trap.mbox" | sed 's,http://,,' | sort | uniq -c | sort -nr | awk 'NR == 1 { print $2 }')
"$posse" observe --ours '!10.0.0.0/8' --home "$work/home" "$work/trap.mbox" >/dev/null || exit 1
logs=$(echo "$work"/flows/*.log)

# ---- who is named ----
trace() { "$posse" trace --inside 10.240.0.0/16 "$@" $logs; }
trap_hosts() { python3 -c 'import json, sys
for x in map(json.loads, sys.stdin):
    if "trap" in x["acts"]: print(x["ip"], x.get("botnet", ""))' | sort; }
trace --hosts --json --home "$work/home" >"$work/hosts.json"
trap_hosts <"$work/hosts.json" >"$work/seen"
check "the hosts whose mail came to the trap are named, and no others, as Rustock's" diff "$work/seen" <(sed 's/$/ Rustock/' "$work/bots")
trace --home "$work/home" >"$work/told"
check "their incident is the botnet's" grep -q 'botnet Rustock' "$work/told"
trace >"$work/without"
check "without the observatory there is no word of it" not grep -q botnet "$work/without"
mkfifo "$work/logs"
check "a home that is none is said before a line is read" bash -c "timeout 5 '$posse' trace --home '$work/nowhere' '$work/logs'; [ \$? = 2 ]"
check "in words" grep -q "nowhere: there is no such home" "$work/before"
mkdir "$work/bare"
check "and so is one that has nothing to tell" bash -c "timeout 5 '$posse' trace --home '$work/bare' '$work/logs'; [ \$? = 2 ]"

# ---- landing hosts: what the links of that mail led to, by the logs' own answers ----
printf '#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqtype_name\trcode_name\tanswers\tTTLs\n' >"$work/links.log"
printf '1300147200.0\tD1\t10.240.0.9\t4000\t10.240.0.1\t53\tudp\twww.%s\tA\tNOERROR\t10.176.1.7\t60\n' "$linked" >>"$work/links.log"
printf '1300147300.0\tD2\t10.240.0.9\t4000\t10.240.0.1\t53\tudp\tnot%s\tA\tNOERROR\t10.176.1.8\t60\n' "$linked" >>"$work/links.log"
echo '10.176.0.0,10.176.3.255,64500,Hosting Example,DE' >"$work/as.csv"
"$posse" trace --landing --home "$work/home" --as "$work/as.csv" "$work/links.log" >"$work/landing"
check "a name below a linked domain is a landing host, its neighbour is none" diff <(grep -o '^[^ ]* was [0-9.]*' "$work/landing") <(echo "www.$linked was 10.176.1.7")
check "with who hosts it" grep -q 'AS64500 Hosting Example DE, 10.176.0.0/22' "$work/landing"

# ---- whom to write to: registries are asked once, by posse rdap; trace reads what they said ----
cat >"$work/registry.py" <<'PY'
import http.server, ipaddress, json, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        net = ipaddress.ip_network(self.path.split("/")[-1] + "/24", strict=False)
        card = lambda fn, mail: ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", fn], ["email", {}, "text", mail]]]
        body = json.dumps({"objectClassName": "ip network", "startAddress": str(net[0]), "endAddress": str(net[-1]), "country": "DE", "entities": [
            {"objectClassName": "entity", "roles": ["registrant"], "vcardArray": card("Hosting Example", "office@hosting.example"), "entities": [
                {"objectClassName": "entity", "roles": ["abuse"], "vcardArray": card("Abuse desk", "abuse@hosting.example")}]}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/rdap+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): print("asked", self.path, flush=True)
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port, flush=True)
s.serve_forever()
PY
python3 "$work/registry.py" >"$work/registry" 2>&1 &
server=$!
trap 'kill $server $pid 2>/dev/null; rm -rf "$work"' EXIT
for _ in $(seq 100); do [ -s "$work/registry" ] && break; sleep 0.1; done
printf '{"services":[[["10.0.0.0/8"],["http://127.0.0.1:%s/"]]]}' "$(head -n 1 "$work/registry")" >"$work/ipv4.json"
printf '{"services":[]}' >"$work/ipv6.json"
controller=$(sed -n 's/^  controller .*(\(10[0-9.]*\)).*/\1/p' "$work/told" | head -n 1)
check "the controller's registry is asked" "$posse" rdap --online --bootstrap "$work" --home "$work/home" "$controller"
trace --home "$work/home" >"$work/told"
check "trace says who has the network" grep -qF "    registered: ${controller%.*}.0/24, Hosting Example, DE" "$work/told"
check "and whom to write to" grep -qxF '    write to abuse@hosting.example' "$work/told"
check "also to programs" bash -c "'$posse' trace --inside 10.240.0.0/16 --json --home '$work/home' $logs |
    grep -qF '\"registry\":{\"network\":\"${controller%.*}.0/24\",\"country\":\"DE\",\"firm\":\"Hosting Example\",\"contact\":\"abuse@hosting.example\"}'"
check "and asks nobody itself" test "$(grep -c '^asked' "$work/registry")" = 1

# ---- a running sensor: a list that changes and a trap that sees more act at once, and no log is read again ----
mkdir "$work/live"
cp $logs "$work/live"
quiet=$(awk -F'\t' 'FILENAME ~ /hosts/ { bad[$1]; next } $3 ~ /^10\.240\./ && !($3 in bad) { print $3 }' "$work/flows/truth/hosts.tsv" "$work/flows/conn.log" | sort | uniq | head -n 1)
: >"$work/deny"
"$posse" trace --follow --inside 10.240.0.0/16 --deny "$work/deny" --home "$work/later" "$work/live" >"$work/heard" 2>"$work/err" &
pid=$!
wait $pid
check "a sensor, too, wants a home that is one" grep -q "there is no such home" "$work/err"
mkdir -p -m 700 "$work/later" "$work/later/rdap"
"$posse" trace --follow --inside 10.240.0.0/16 --deny "$work/deny" --home "$work/later" "$work/live" >"$work/heard" 2>"$work/err" &
pid=$!
heard() { for _ in $(seq 450); do grep -q "$1" "$work/heard" && return 0; sleep 0.1; done; cat "$work/heard" "$work/err"; return 1; }
check "a running sensor tells" heard '^  controller'
check "of no botnet and not of a host that is clean" not grep -q "botnet\|host $quiet " "$work/heard"
"$posse" observe --ours '!10.0.0.0/8' --home "$work/later" "$work/trap.mbox" >/dev/null
echo "$quiet" >>"$work/deny"
check "what a complaint names is told when the list says so" heard "host $quiet "
check "and whose the bots are when the trap has seen them" heard 'botnet Rustock'
kill -TERM $pid
check "and ends well" wait $pid
exit $status
