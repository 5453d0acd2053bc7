#!/bin/sh
# layers.sh ROOT: includes point to lower floors only, and siblings never meet (ARCHITECTURE.md, "The floors").
# Prints what breaks that; exit status 1 if anything does.
cd "$1" || exit 2
awk '
BEGIN {
    split("base 1 mail 2 net 2 store 2 sender 3 filter 4 campaign 4 flow 4 botnet 5 case 6 engine 7 serve 8 cli 9", w, " ")
    for (i = 1; i in w; i += 2)
        floor[w[i]] = w[i + 1]
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split(FILENAME, at, "/")
    from = at[2]
    name = $0
    sub(/^[^"]*"/, "", name)
    sub(/".*/, "", name)
    n = split(name, path, "/")
    if (n == 1) {
        printf "%s:%d: \"%s\": write the floor too, \"%s/%s\"\n", FILENAME, FNR, name, from, name
        bad = 1
        next
    }
    to = path[1]
    if (to == "posse" && floor[from] >= 7) # the public library, on top of the engine
        next
    if (!(to in floor) || !(from in floor)) {
        printf "%s:%d: \"%s\": no such floor\n", FILENAME, FNR, name
        bad = 1
    } else if (to != from && floor[to] >= floor[from]) {
        printf "%s:%d: %s may not include \"%s\"\n", FILENAME, FNR, from, name
        bad = 1
    } else if (to != from && name ~ /_priv\.h$/) {
        printf "%s:%d: \"%s\" is private to %s\n", FILENAME, FNR, name, to
        bad = 1
    }
}
END { exit bad }
' src/*/*.[ch]
