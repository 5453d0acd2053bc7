#!/bin/sh
# Our parser beside GMime on real mail: all of mime_torture and 5,000 messages of each corpus.
# Usage: gmime_diff.sh PROGRAM; the corpora are in $POSSE_CORPORA (index.tsv: label<TAB>path).
# Passes when all corpora but mime_torture agree on at least 99.5 % once the three faults of the oracle
# that DIFFERENCES.md names are set aside, and mime_torture on at least 98 %.
set -eu
prog=$1
if [ -z "${POSSE_CORPORA:-}" ] || [ ! -d "$POSSE_CORPORA" ]; then
    echo "skipped: POSSE_CORPORA names no folder with corpora"
    exit 77
fi
bad=0
for name in mime_torture spamassassin lists lists2 enron_ham glitchy phishing csdmc; do
    dir=$POSSE_CORPORA/$name
    [ -f "$dir/index.tsv" ] || { echo "$name	skipped: not there"; continue; }
    # Spread over the whole stream: every k-th message, 5,000 of them.
    line=$(awk -F'\t' -v dir="$dir" -v max=5000 -v all="$name" '
        { path[NR] = $2 }
        END { step = all == "mime_torture" || NR <= max ? 1 : NR / max
              for (i = 1; i <= NR; i += step) print dir "/" path[int(i)] }' "$dir/index.tsv" | "$prog")
    echo "$name	$line"
    least=99.5
    [ "$name" = mime_torture ] && least=98
    echo "$line" | awk -F'\t' -v least=$least '{ exit ($4 + 0 < least) }' || { echo "$name: under $least %"; bad=1; }
done
exit $bad
