#!/bin/sh
# meson-tests.sh BUILD PREFIX [MESON TEST OPTION]...: runs meson's tests and prints `ok NAME`, `not ok NAME` or
# `skip NAME` for each; of a failed one its output as well.
set -u
dir=$1 prefix=$2
shift 2
meson test -C "$dir" --no-rebuild --print-errorlogs --timeout-multiplier 3 "$@" >"$dir/meson-tests.log" 2>&1
log=$dir/meson-logs/testlog.json
[ -f "$log" ] || { cat "$dir/meson-tests.log"; echo "not ok ${prefix}meson-test"; exit 1; }
python3 - "$log" "$prefix" <<'PY'
import json, sys
for line in open(sys.argv[1]):
    t = json.loads(line)
    suite = (t.get("suite") or [""])[0].split(":")[-1]
    name = sys.argv[2] + (suite + "/" if suite else "") + t["name"].split(" / ")[-1]
    result = t["result"]
    if result in ("OK", "EXPECTEDFAIL"):
        print("ok " + name)
    elif result == "SKIP":
        print("skip " + name)
    else:
        for part in ("stdout", "stderr"):
            for row in (t.get(part) or "").splitlines()[-60:]:
                print("    " + row)
        print("not ok " + name + " (" + result + ")")
PY
