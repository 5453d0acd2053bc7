/* census_priv: what a census keeps, and its estimators. */
#ifndef POSSE_BOTNET_CENSUS_PRIV_H
#define POSSE_BOTNET_CENSUS_PRIV_H

#include "botnet/census.h"

enum { SLOTS = 12, WINDOWS_OPEN = 2, WINDOWS_LEAST = 4, WINDOWS_MOST = 24 * 366 };
/* Whom is counted: addresses, machines by their marks, and the addresses of sightings that have a mark. */
enum roll { ROLL_ADDRESSES, ROLL_MACHINES, ROLL_MARKED, ROLLS };

/* One address (or machine) in one window, in 64 bits: 41 of its hash, by which it is sampled, then whether it is dynamic, 10 bits of
 * messages (1023: that or more), a bit a slot in which it was seen. Sorting sorts by hash. */
typedef uint64_t entry;
#define ENTRY_KEY_SHIFT 23
#define ENTRY_DYNAMIC ((uint64_t)1 << 22)
#define ENTRY_N_SHIFT 12
#define ENTRY_N_MOST 1023u
#define ENTRY_KEYS ((uint64_t)1 << 41)
static inline uint64_t entry_key(entry e) { return e >> ENTRY_KEY_SHIFT; }
static inline unsigned entry_slots(entry e) { return (unsigned)(e & 0xfff); }
static inline unsigned entry_n(entry e) { return (unsigned)(e >> ENTRY_N_SHIFT & ENTRY_N_MOST); }

struct window {
    int64_t number;
    bool is_open;
    struct list { entry *e; size_t n, cap; } of[ROLLS]; /* open: a table, cap a power of two; closed: sorted */
};
struct census {
    int64_t window_ms;
    size_t max_windows, max_entries; /* of a roll */
    struct window *window;           /* oldest first */
    size_t n_windows, cap_windows, last;
    uint64_t limit[ROLLS];           /* keys below it are sampled */
    size_t n_entries[ROLLS];
    uint64_t late;
};

int list_put(struct list *l, bool is_open, entry e, size_t *n_out);
int entry_compare(const void *a, const void *b);

/* ---- census_law.c ---- */
enum { COUNTS = 100, CUT_MOST = COUNTS - 4, GRID = 128, PARTS = 24 };
/* How often each was seen in a block of so many slots, those never seen unknown, and in which slot first and last. COUNTS - 1: that often or
 * more. apart: from the block's beginning to the first, from the last to its end, in all of that part. */
struct counts { double by_times[COUNTS], of[COUNTS][PARTS][PARTS], apart[PARTS], n_apart[PARTS], n, sum; unsigned slots; };
/* What is fitted: those seen 1 to `cut` times. Times within the block in 1 / GRID of it. */
enum { CELLS = COUNTS * PARTS * PARTS };
struct cell { uint8_t times, u, v, between /* less what is filled */; float n; };
struct sample {
    double by_times[COUNTS], n;
    unsigned cut;
    uint8_t filled[COUNTS];            /* half of the slots that so many sightings fill */
    double ways[COUNTS][GRID + 1];     /* to be seen so often in so much time, all moments being alike */
    size_t n_cells;
    struct cell cell[CELLS];
};
struct law { double log_m, log_c, come, hazard; bool is_inverse; };
struct integrals { double g[COUNTS][GRID + 1], once[COUNTS][GRID + 1], twice[COUNTS][GRID + 1]; };

void counts_add(struct counts *c, unsigned times, unsigned first_slot, unsigned last_slot);
void sample_make(const struct counts *k, struct sample *out);
double law_full(const struct law *l);
/* Its logarithm, up to a constant of the sample; *unseen_out: how many were not seen, for each that is in the sample. */
double law_likelihood(const struct sample *s, const struct law *l, struct integrals *scratch, double *unseen_out);

/* ---- census_fit.c ---- */
struct range { double mid, lo, hi; };
/* In all blocks: all that were there for a time, seen or not, those there at a time, and those there at some moment of a window (means, times
 * blocks), with 95% intervals; how uneven the rates are (squared coefficient of variation), how many come and go in a block for each that
 * is there. */
struct fitted { struct range all, live, window; double uneven, come; };
/* window: its part of a block. */
int counts_fit(const struct counts *c, unsigned blocks, double window, struct fitted *out);

/* ---- census_live.c ---- */
enum { PAIRS_LEAST = 20 };
struct sighted { uint64_t key; uint32_t window; entry e; };
/* A roll within a period: sorted by key, then window. */
struct view {
    struct sighted *s;
    size_t n;
    double scale;              /* the sample stands for so many times as many */
    size_t n_windows;
    int64_t *number;           /* of the windows */
    double *distinct;          /* of each */
};
struct churn { double rate, deviation; }; /* per window: which part of machines has another address in the next */
/* Machines that are there at a time, those there at some moment of a window, and all that were there within a block. */
struct living {
    struct range live, window, block;
    struct range roster;       /* on or off, of those that come again; 0: it cannot be told */
    double uneven, come, seen_often;
    struct churn churn;
    int size, blocks;
    bool sleeps;
    uint64_t n;
};
int view_make(const struct census *c, size_t first, size_t end, unsigned roll, struct view *v);
void view_free(struct view *v);
/* is_whole: the period is one block, `block` is then all that ever were there. */
int living_ask(const struct view *v, bool is_whole, struct living *out);

#endif
