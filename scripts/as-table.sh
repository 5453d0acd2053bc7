#!/bin/sh
# as-table.sh OUT [POSSE]: compiles the table of autonomous systems in npm's package @ip-location-db/asn into OUT, for
# `posse observe --as OUT`. One pinned release, the same for everybody. npm fetches it from the registry that it is set up for; nothing else
# here fetches anything, and nothing else runs this.
# The data are CC BY 4.0: where they are shown credit RouteViews (routeviews.org), DB-IP (db-ip.com) and the NRO (nro.net), put together
# by ip-location-db. Its makers say of their releases at npm that they hold errors; any other CSV of that form can be compiled as well, with
# `posse observe --as CSV --write-as OUT`.
set -e
version=2.3.2026061719
[ $# -ge 1 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
out=$1
posse=${2:-$(dirname "$0")/../build/posse}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "@ip-location-db/asn@$version" >/dev/null && tar xzf ./*.tgz)
cat "$work"/package/asn-ipv4.csv "$work"/package/asn-ipv6.csv >"$work/as.csv"
"$posse" observe --as "$work/as.csv" --write-as "$out"
echo "$out: $(wc -l <"$work/as.csv") ranges"
