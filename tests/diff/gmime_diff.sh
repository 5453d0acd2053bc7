#!/bin/sh
# Our parser beside GMime on real mail: all of mime_torture and 5,000 messages of each corpus.
# Usage: gmime_diff.sh PROGRAM [--table]; the corpora are in $POSSE_CORPORA (index.tsv: label<TAB>path).
# --table prints the tables of DIFFERENCES.md. Passes when every corpus agrees on at least 99.5 % (mends that
# mend.h justifies included) and every difference that is left has its cause there.
set -eu
prog=$1
table=${2:-}
if [ -z "${POSSE_CORPORA:-}" ] || [ ! -d "$POSSE_CORPORA" ]; then
    echo "skipped: POSSE_CORPORA names no folder with corpora"
    exit 77
fi
run() {
    for name in mime_torture spamassassin lists lists2 enron_ham glitchy phishing csdmc; do
        dir=$POSSE_CORPORA/$name
        [ -f "$dir/index.tsv" ] || continue
        # Spread over the whole stream: every k-th message, 5,000 of them.
        line=$(awk -F'\t' -v dir="$dir" -v max=5000 -v all="$name" '
            { path[NR] = $2 }
            END { step = all == "mime_torture" || NR <= max ? 1 : NR / max
                  for (i = 1; i <= NR; i += step) print dir "/" path[int(i)] }' "$dir/index.tsv" | "$prog")
        printf '%s\t%s\n' "$name" "$line"
    done
}
run | awk -F'\t' -v table="$table" '
    {
        corpus[++n] = $1
        for (i = 2; i <= NF; i++) {
            split($i, kv, "=")
            if (n == 1) key[i] = kv[1]
            value[n, kv[1]] = kv[2]
            all[kv[1]] += kv[2]
        }
        fields = NF
        for (i = 2; i <= NF; i++)
            left[n] += key[i] ~ /^(parts|types|bodies|field-names|field-texts|refused)$/ ? value[n, key[i]] : 0
        if (value[n, "percent"] + 0 < 99.5) { print $1 ": under 99.5 %"; bad = 1 }
        if (left[n]) { print $1 ": " left[n] " differences without a cause in mend.h"; bad = 1 }
        if (table == "") print
    }
    END {
        if (!n) { print "no corpus has an index.tsv"; exit 1 }
        if (table != "") {
            print "| corpus | messages | same, untouched | same, mended | left |\n|---|---|---|---|---|"
            for (k = 1; k <= n; k++) {
                m = value[k, "messages"]; s = value[k, "same"]; u = value[k, "untouched"]
                printf "| %s | %d | %d (%.2f%%) | %d (%.2f%%) | %d |\n", corpus[k], m, u, 100 * u / m, s, 100 * s / m, m - s
            }
            printf "\n| kind |"
            for (k = 1; k <= n; k++) printf " %s |", corpus[k]
            printf "\n|---|"
            for (k = 1; k <= n; k++) printf "---|"
            print ""
            for (i = 6; i <= fields; i++) {
                if (!all[key[i]]) continue
                printf "| %s |", key[i]
                for (k = 1; k <= n; k++) printf " %s |", value[k, key[i]] ? value[k, key[i]] : ""
                print ""
            }
        }
        exit bad
    }'
