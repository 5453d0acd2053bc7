#!/bin/sh
# The Akismet door with real clients: npm's akismet-api and akismet, and requests as written by hand.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
command -v node >/dev/null && command -v npm >/dev/null || { echo "no node or npm"; exit 77; }
command -v curl >/dev/null || { echo "no curl"; exit 77; }

modules=$build/e2e/akismet
if [ ! -f "$modules/done" ]; then
    mkdir -p "$modules"
    cp "$here/akismet/package.json" "$here/akismet/package-lock.json" "$modules/"
    (cd "$modules" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1) || { echo "npm packages cannot be had"; exit 77; }
    touch "$modules/done"
fi
cp "$here/akismet/clients.js" "$modules/"

conf() { printf 'akismet { listen = {"127.0.0.1:0"} keys = {"0123456789ab"} %s }\nteach { per_hour = 20 }\n' "$1"; }
conf >"$work/first"
start_posse <"$work/first" || exit 1
p=$(port akismet.listen)
url=http://127.0.0.1:$p
bad=0
check() { # check NAME WANTED GOT
    if [ "$2" = "$3" ]; then echo "ok $1"; else echo "not ok $1: wanted '$2', got '$3'"; bad=1; fi
}
post() { curl -s -m 20 "$@"; }
status() { curl -s -m 20 -o /dev/null -w '%{http_code}' "$@"; }
header() { curl -s -m 20 -D - -o /dev/null "$@" | tr -d '\r' | sed -n "s/^$name: //Ip"; }

other=$("$posse" key add --home "$work/home" --site http://elsewhere.example/ | grep -o '[a-z0-9]\{12\}' | head -n 1)
sleep 1.2 # the daemon looks once a second
check "posse key add" valid "$(post $url/1.1/verify-key -d "key=$other&blog=http://elsewhere.example/page")"
check "its site only" invalid "$(post $url/1.1/verify-key -d "key=$other&blog=http://blog.example")"

(cd "$modules" && timeout 60 node clients.js "$p" 0123456789ab "$other" 2>"$work/node.err") >"$work/node.out" || bad=1
cat "$work/node.out"
grep -q '^ok akismet submitHam' "$work/node.out" || { echo "not ok the clients ran to their end"; cat "$work/node.err"; bad=1; }

# WordPress 6.1 with its plugin 5.0: the key in the body, HTTP/1.0, a question about a key that is not the stored one
wp() { post -0 -H "Host: rest.akismet.com" -H "User-Agent: WordPress/6.1 | Akismet/5.0.2" \
    -H "Content-Type: application/x-www-form-urlencoded; charset=UTF-8" "$@"; }
check "WordPress verifies a key" valid "$(wp $url/1.1/verify-key -d 'key=0123456789ab&blog=http%3A%2F%2Fblog.example&api_key=oldoldoldold')"
check "WordPress tests the line" connected "$(wp $url/1.1/test)"
check "WordPress asks of its subscription" 1 "$(wp $url/1.1/get-subscription -d 'key=0123456789ab&blog=http%3A%2F%2Fblog.example' | grep -c '"status":"active"')"
check "WordPress leaves" deactivated "$(wp $url/1.1/deactivate -d 'key=0123456789ab&blog=http%3A%2F%2Fblog.example')"

ask="api_key=0123456789ab&blog=http://blog.example&user_ip=198.51.100.20"
name=X-akismet-pro-tip
check "a honeypot is certain" discard "$(header $url/1.1/comment-check -d "$ask&comment_content=hello&honeypot_field_name=hp&hp=x")"
check "plain ham is not" "" "$(header $url/1.1/comment-check -d "$ask&comment_content=hello")"
name=X-akismet-debug-help
check "what is missing is said" "user_ip is missing: the address of who wrote the comment" \
    "$(header $url/1.1/comment-check -d 'api_key=0123456789ab&blog=http://blog.example')"
check "no key" invalid "$(post $url/1.1/comment-check -d 'blog=http://blog.example')"
check "GET is no way to ask" 405 "$(status "$url/1.1/comment-check?$ask")"
check "another path" 404 "$(status $url/1.1/nothing)"
head -c 1100000 /dev/zero | tr '\0' a >"$work/big"
check "too big" 413 "$(status $url/1.1/comment-check --data-binary "@$work/big")"
check "too many fields" 413 "$(status $url/1.1/comment-check -d "$(seq -s '&' 1 300)")"
check "usage" 1 "$(post "$url/1.2/usage-limit?api_key=0123456789ab" | grep -c '"limit":"none","usage":[1-9]')"
check "sites" 1 "$(post "$url/1.2/key-sites?api_key=0123456789ab" | grep -c '"site":"blog.example"')"
check "sites as csv" 1 "$(post "$url/1.2/key-sites?api_key=0123456789ab&format=csv" | grep -c '^blog.example,')"
check "numbers" 1 "$(post "$url/1.2/get-key-stats?api_key=0123456789ab" | grep -c '"missed_spam":')"

# a teacher's cap, then a caller's; a reload changes limits while the daemon runs
for i in $(seq 25); do
    code=$(status $url/1.1/submit-ham -d "$ask&comment_content=lesson number $i")
    [ "$code" = 200 ] || break
done
check "the cap on teaching" 429 "$code"
conf "per_hour = 2" >"$work/posse.conf"
printf 'serve { user = %s }\n' "$(id -un)" >>"$work/posse.conf"
kill -HUP $daemon
sleep 1
for i in 1 2 3; do code=$(status $url/1.1/comment-check -d "$ask&comment_content=hello $i"); done
check "the cap on asking" 429 "$code"
name=Retry-After
retry=$(header $url/1.1/comment-check -d "$ask&comment_content=hello")
check "when to come again" 1 "$([ "${retry:-0}" -gt 0 ] && [ "$retry" -le 3600 ] && echo 1)"

stop_posse || { echo "not ok stopping"; bad=1; }
check "history knows" 1 "$("$posse" history --home "$work/home" --door akismet --json 2>/dev/null | grep -c . | awk '{ print ($1 > 5) }')"
check "no key in the log" 0 "$(grep -c -e 0123456789ab -e "$other" "$work/log")"
exit $bad
