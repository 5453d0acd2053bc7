#!/bin/sh
# manual.sh ROOT BUILD: every command has a manual page, and every long option of its help stands there.
cd "$1" || exit 2
program=$2/posse bad=0
command -v mandoc >/dev/null || exit 77
ls docs/man/*.1 >/dev/null 2>&1 || exit 77
for cmd in $("$program" help | awk '/^  [a-z]/ { print $1 }'); do
    page=docs/man/posse-$cmd.1
    [ -f "$page" ] || page=$(grep -ls "^\.Nm posse $cmd\$" docs/man/*.1 | head -n 1)
    [ -n "$page" ] || page=docs/man/posse.1
    for option in $("$program" help "$cmd" | sed -n 's/^  \(-., \)\{0,1\}--\([a-z-]*\).*/\2/p'); do
        mandoc -Tascii "$page" 2>/dev/null | sed 's/.\x08//g' | grep -q -- "--$option" || {
            echo "$page: does not tell of posse $cmd --$option"
            bad=1
        }
    done
done
scripts/man-conf.sh "$program" | cmp -s - docs/man/posse.conf.5 || {
    echo "docs/man/posse.conf.5: not what the table of keys says; run scripts/man-conf.sh BUILD/posse --write"
    bad=1
}
mandoc -Tlint -Wwarning docs/man/*.[1-8] || bad=1
exit $bad
