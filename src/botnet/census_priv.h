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

/* ---- census_fit.c ---- */
enum { COUNTS = 128 };
/* How often each was seen, those never seen unknown. count[COUNTS - 1]: that or more. */
struct counts { double of[COUNTS]; double n, sum; };
/* All, seen or not, with its 95% interval, how uneven the rates are (squared coefficient of variation), and how surely that is told from
 * none: the ratio of the interval's ends that comes of it. */
struct fitted { double all, lo, hi, uneven; };
void counts_add(struct counts *c, unsigned times);
/* churn: how many come for each that lives at a time, while they are counted. */
struct fitted counts_fit(const struct counts *c, double churn);

#endif
