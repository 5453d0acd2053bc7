#!/bin/bash
# What packaging/ holds is what the program and systemd take: the example of settings, and the units, whose sandbox does not
# get wider by accident.
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
"$posse" serve --check --config "$root/packaging/posse.conf" --set serve.user= --home "$work/home" || exit 1
[ -e "$work/home" ] && { echo "--check made the home"; exit 1; }
# every door has its section there
for key in $("$posse" config --mdoc | sed -n 's/^\.It Cm \([a-z]*\)\.listen$/\1/p'); do
    grep -q "^$key {" "$root/packaging/posse.conf" || { echo "packaging/posse.conf: nothing of $key"; exit 1; }
done
command -v systemd-analyze >/dev/null || { echo "the units were not verified: no systemd"; exit 77; }
sed "s|/usr/local/bin/posse|$posse|" "$root/packaging/systemd/posse.service" >"$work/posse.service"
cp "$root/packaging/systemd/posse.socket" "$work/"
cd "$work" || exit 1
systemd-analyze verify --man=no ./posse.service ./posse.socket >out 2>&1
[ -s out ] && { cat out; exit 1; }
systemd-analyze security --offline=true --threshold=20 ./posse.service >out 2>&1 || { tail -n 3 out; exit 1; }
