#!/bin/sh
# man-conf.sh PROGRAM [--write]: docs/man/posse.conf.5 with the keys as PROGRAM knows them, to standard output or in place.
program=$1
page=$(cd "$(dirname "$0")/.." && pwd)/docs/man/posse.conf.5
make_page() {
    sed '/^\.\\" KEYS/q' "$page"
    "$program" config --mdoc || exit 1
    sed -n '/^\.\\" END OF KEYS/,$p' "$page"
}
if [ "${2:-}" = --write ]; then
    make_page >"$page.new" && cat "$page.new" >"$page"
    rm -f "$page.new"
else
    make_page
fi
