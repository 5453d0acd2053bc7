# Slices of a census world, as many seeds each, into one row: means, but for the count of seeds and the root mean square.
BEGIN { FS = OFS = "\t" }
{
    for (i = 2; i <= NF; i++)
        sum[i] += i == 6 ? $i * $i : $i
    name = $1
    columns = NF
}
END {
    printf "%s\t%d", name, sum[2]
    for (i = 3; i <= columns; i++)
        printf "\t%.2f", i == 6 ? sqrt(sum[i] / NR) : sum[i] / NR
    print ""
}
