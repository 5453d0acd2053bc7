# Slices of a world's changes into one: sums, means by what they are means of, and the worst.
BEGIN { FS = OFS = "\t" }
$1 == "years" {
    k = $1 FS $2 FS $4
    series[k] += $3
    for (i = 5; i <= 10; i++)
        if (i != 8)
            sum[k, i] += $i
    days[k] += $8 * $7
}
$1 == "fall" {
    k = $1 FS $2 FS $3
    for (i = 4; i <= 14; i++)
        if (i < 10 || i == 14)
            sum[k, i] += $i
        else if (i == 10 || i == 12)
            sum[k, i] += $i * $5
        else if ($i > sum[k, i])
            sum[k, i] = $i
}
!(k in seen) { seen[k]; order[++n] = k }
END {
    for (j = 1; j <= n; j++) {
        k = order[j]
        split(k, part, FS)
        if (part[1] == "years") {
            printf "years\t%s\t%d\t%s\t%d\t%d\t%d\t%.2f\t%d\t%d\n", part[2], series[k], part[3], sum[k, 5], sum[k, 6], sum[k, 7],
                   sum[k, 7] ? days[k] / sum[k, 7] : 0, sum[k, 9], sum[k, 10]
            continue
        }
        called = sum[k, 5] ? sum[k, 5] : 1
        printf "%s", k
        for (i = 4; i <= 14; i++)
            printf i == 10 || i == 11 ? "\t%.1f" : "\t%.0f", i == 10 || i == 12 ? sum[k, i] / called : sum[k, i]
        print ""
    }
}
