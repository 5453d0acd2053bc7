#!/bin/bash
# A case from its opening to its verification by others: posse itself, python3 with openssl, a timestamp authority of our own, and a thief.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
command -v openssl >/dev/null || { echo "no openssl"; exit 77; }
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
export POSSE_HOME=$work/home
failed=0
check() { local name=$1; shift; if ! "$@" >"$work/out" 2>&1; then echo "$name:"; tail -n 5 "$work/out"; failed=1; fi; }
not() { ! "$@"; }

id=$("$posse" case open "Test botnet" --subject "botnet example" --id t1) || exit 1
check "adds" "$posse" case add "$id" "$samples"/spam/0*.eml --source trap --seen "2011-03-16 14:45"
check "notes" "$posse" case note "$id" "read by two people"
check "seals" "$posse" case seal "$id"
tail -n 1 "$work/home/cases/$id/heads.jsonl" >"$work/held"
key=$("$posse" case key)
check "is sound" "$posse" case verify "$id" --key "$key" --head "$work/held"

# a timestamp authority (RFC 3161) of our own
mkdir "$work/tsa"
(
    cd "$work/tsa" || exit 1
    printf '01\n' >serial
    cat >conf <<'CONF'
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Test authority
[ca]
basicConstraints = critical, CA:true
[tsa]
extendedKeyUsage = critical, timeStamping
[ts]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
CONF
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -config conf -extensions ca &&
        openssl req -new -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -config conf -subj "/CN=Test stamps" &&
        openssl x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile conf -extensions tsa -out tsa.pem
) >"$work/tsa.log" 2>&1 || { tail -n 5 "$work/tsa.log"; exit 1; }
check "asks for a timestamp" "$posse" case stamp "$id" --request "$work/request"
check "an authority answers" env -C "$work/tsa" openssl ts -reply -config conf -section ts -queryfile "$work/request" -out "$work/token"
printf '%s' "$(cat "$work/held")" >"$work/line"
check "openssl accepts it" openssl ts -verify -data "$work/line" -in "$work/token" -CAfile "$work/tsa/ca.pem"
check "posse takes it" "$posse" case stamp "$id" --token "$work/token" --ca "$work/tsa/ca.pem"
check "and finds it again" grep -q "timestamps: 1" <("$posse" case verify "$id" --ca "$work/tsa/ca.pem")
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/o.key" -out "$work/other.pem" -days 30 -subj /CN=other >/dev/null 2>&1
check "not by whom one does not trust" not "$posse" case verify "$id" --ca "$work/other.pem"
check "a token held elsewhere" grep -q '"proves_time":true' <("$posse" case verify "$id" --token "$work/token" --ca "$work/tsa/ca.pem" --json)

# others verify what was exported
check "exports" "$posse" case export "$id" --to "$work/export"
check "python and openssl say the same" python3 "$samples/../docs/verify-case.py" "$work/export" "$key"
cp -r "$work/export" "$work/changed"
printf 'X' | dd of="$work/changed/exhibits/000003" bs=1 seek=100 conv=notrunc 2>/dev/null
check "and find what was changed" not python3 "$samples/../docs/verify-case.py" "$work/changed" "$key"

# a thief
cp -r "$work/home/cases/$id" "$work/stolen"
printf 'X' | dd of="$work/stolen/exhibits/pack-0000" bs=1 seek=100 conv=notrunc 2>/dev/null
check "exhibit 1 is named" grep -q "^changed.*exhibit 1:" <("$posse" case verify "$work/stolen")
check "and the status is 1" test "$("$posse" case verify "$work/stolen" >/dev/null; echo $?)" = 1
chmod 644 "$work/home/keys/case.key"
check "a key that others may read is refused" not "$posse" case seal "$id"
exit $failed
