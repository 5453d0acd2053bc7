#!/bin/sh
# What the documents say, tried: an installation, the example built against it with pkg-config, and the examples of the
# manual pages.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/posse-docs.XXXXXX")
trap 'rm -rf "$work"' EXIT
unset POSSE_HOME POSSE_CONFIG
HOME=$work POSSE_MODEL=$root/models/default.posse
export HOME POSSE_MODEL
status=0
check() {
    name=$1
    shift
    if out=$("$@" 2>&1); then
        echo "ok docs/$name"
    else
        echo "$out" | tail -n 20 | sed 's/^/    /'
        echo "not ok docs/$name"
        status=1
    fi
}

installs() {
    DESTDIR=$work/root meson install -C "$build" --no-rebuild >/dev/null || return 1
    prefix=$(meson introspect --buildoptions "$build" | python3 -c 'import json, sys
print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
    for f in bin/posse include/posse/posse.h share/man/man1/posse.1 share/posse/models/default.posse share/posse/models/NOTICE \
        share/doc/posse/LICENSE; do
        [ -f "$work/root$prefix/$f" ] || { echo "not installed: $f"; return 1; }
    done
}

# GCC's LTO objects in the archive need the compiler that made them, which is the one here.
compiles() {
    pc=$(find "$work/root" -name posse.pc)
    [ -n "$pc" ] || { echo "no posse.pc"; return 1; }
    PKG_CONFIG_PATH=$(dirname "$pc")
    export PKG_CONFIG_PATH
    # the installation stands in a folder of its own, the system's libraries do not
    flags=$(pkg-config --define-variable=prefix="$work/root$prefix" --cflags --libs posse) || return 1
    ${CC:-cc} -O2 -Wall -Wextra "$root/docs/example.c" -o "$work/example" $flags
}
judges() {
    model=$work/root$prefix/share/posse/models/default.posse
    POSSE_MODEL=$model "$work/example" "$root/samples/spam/01-advance-fee-en.eml" | grep -q '^spam' || return 1
    POSSE_MODEL=$model POSSE_HOME=$work/taught "$work/example" --ham "$root/samples/spam/01-advance-fee-en.eml" | grep -q 'bits' &&
        [ "$("$build/posse" lessons --home "$work/taught" | wc -l)" -ge 1 ]
}

# Each line that follows `$ ` in a page's EXAMPLES, in a folder with what they name.
example() {
    page=$1
    mkdir -p "$work/$page" && cd "$work/$page" || return 1
    POSSE_HOME=$work/$page/home PATH=$build:$PATH
    export POSSE_HOME PATH
    mkdir -p mail Maildir/.Junk/cur Maildir/.Junk/new Maildir/.Archive/cur
    cp "$root"/samples/spam/0*.eml Maildir/.Junk/cur
    cp "$root"/samples/ham/0*.eml Maildir/.Archive/cur
    cp "$root"/samples/ham/01-*.eml message.eml
    cp "$root"/samples/rules/demo.rules office.rules
    cp "$root"/samples/rules/demo.rules my.rules
    sed "s,	,	$root/samples/," "$root/samples/index.tsv" >mail/index.tsv
    cp mail/index.tsv index.tsv
    mkdir -p models corpora/first corpora/second corpora/third
    cp "$POSSE_MODEL" models/
    cp mail/index.tsv corpora/first/
    cp mail/index.tsv corpora/second/
    cp mail/index.tsv corpora/third/
    cat Maildir/.Archive/cur/*.eml >inbox.mbox
    ln -sfn "$PWD/Maildir" "$HOME/Maildir"
    mkdir -p zeek/2026-11-21
    awk 'BEGIN {
        print "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn"
        print "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state"
        print "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring"
        for (i = 0; i < 50; i++)
            printf "%d.0\tC%d\t10.0.3.7\t%d\t203.0.113.9\t443\ttcp\tSF\n", 1700000000 + 60 * i, i, 40000 + i
    }' >conn.log
    cp conn.log zeek/2026-11-21
    echo '203.0.113.0,203.0.113.255,64500,Example,DE' >as.csv
    echo 'fine.example' >fine.txt
    posse learn --ham --teacher anna message.eml >/dev/null || return 1
    mkdir -p home/rdap
    net=00000000000000000000ffffc00002
    printf 'posse-rdap 1\t%s000\tanswer\thttps://registry.example/ip/192.0.2.0\n{"objectClassName":"ip network","startAddress":"192.0.2.0",%s}' \
        "$(date +%s)" '"endAddress":"192.0.2.255","name":"EXAMPLE-NET","country":"DE"' >"home/rdap/${net}00-${net}ff"
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/s/^\(\.Dl \)\{0,1\}\$ //p' "$root/docs/man/$page" | sed 's/\\(dq/"/g; s/\\e/\\/g; s/\\&//g; s/\\-/-/g' >lines
    while IFS= read -r line; do
        case $line in
        *jq*) command -v jq >/dev/null || continue ;;
        *--online*) continue ;; # no test asks anybody
        esac
        posse learn --ham --teacher anna message.eml >/dev/null # the line before may have taken it back
        id=$(posse lessons --json | sed -n 's/.*"id":\([0-9]*\).*"state":"live".*/\1/p' | sort -n | tail -n 1)
        line=$(echo "$line" | sed "s/4711/$id/")
        sh -c "$line" >out 2>&1 </dev/null
        code=$?
        # 1: the mail is spam
        [ $code -le 1 ] || { echo "\$ $line"; cat out; echo "exit status $code"; return 1; }
    done <lines
}

check install installs
installs >/dev/null 2>&1
if [ -f "$root/models/default.posse" ]; then
    check example-compiles compiles
    check example-runs judges
else
    echo "skip docs/example: no model ships yet"
fi
for page in "$root"/docs/man/*.1; do
    name=$(basename "$page")
    [ -f "$root/models/default.posse" ] && check "$name" example "$name"
done
exit $status
