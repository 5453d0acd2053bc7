#!/bin/sh
# names.sh ROOT: a file's name stands once in src/ (x.c and x.h are one pair), and says nothing of a machine.
cd "$1" || exit 2
bad=0
twice=$(ls src/*/*.[ch] | sed 's,.*/,,' | sort | uniq -d)
for f in $twice; do
    echo "$f: stands more than once:" src/*/"$f"
    bad=1
done
if grep -nE '"(/work|/home|/root|/mnt)/' src/*/*.[ch]; then
    echo "a path of somebody's machine"
    bad=1
fi
exit $bad
