/* slices: how the programs of this folder are asked: `worlds` (how many there are), `head` (of the table), or N FIRST [WORLD]: so many seeds (or
 * years), the first of them, the world by number; without, all of them. */
#ifndef POSSE_TESTS_SLICES_H
#define POSSE_TESTS_SLICES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice {
    uint64_t n, first;
    unsigned from, end;
};

/* false: it was answered. */
static inline int slice_asked(int argc, char **argv, unsigned worlds, const char *head, struct slice *s)
{
    if (argc == 2 && !strcmp(argv[1], "worlds"))
        return printf("%u\n", worlds), 0;
    if (argc == 2 && !strcmp(argv[1], "head"))
        return printf("%s\n", head), 0;
    if (argc < 3) {
        fprintf(stderr, "usage: %s worlds | head | N FIRST [WORLD]\n", argv[0]);
        exit(2);
    }
    *s = (struct slice){strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10), 0, worlds};
    if (argc > 3)
        s->end = (s->from = (unsigned)atoi(argv[3])) + 1;
    if (s->end > worlds) {
        fprintf(stderr, "%s: worlds are 0 to %u\n", argv[0], worlds - 1);
        exit(2);
    }
    return 1;
}

#endif
