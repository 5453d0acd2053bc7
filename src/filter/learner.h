/* learner: five online learners side by side over the same hashed binary features.
 *
 * Every (view, learner) pair gives its own log-odds that a message is spam; fuse.h weighs them into one. Learners: plain
 * logistic regression; AdaGrad steps (Duchi, Hazan & Singer 2011); AROW, confidence-weighted (Crammer, Kulesza & Dredze
 * 2009); and two sets of counts read as naive Bayes, one taught only by what it finds hard and one by nearly all
 * ("train on or near error": Assis 2006; Yerazunis). A model is the fold of its lessons: state after learner_teach is a
 * function of the state before and the lesson, to the bit, on every machine (no libm, one order of operations).
 * Ownership: learner_new owns its table; learner_over borrows the caller's block, which must outlive it.
 * Units: natural log-odds, positive for spam.
 * Limits: 10 to FEATURE_BITS bits of table; 32 bytes a slot: 32 MiB at the default. A new table is zero pages.
 * Threads: judge and explain may run in parallel; teach alone.
 * Errors: POSSE_ENOMEM, POSSE_EINVAL, POSSE_EVERSION, POSSE_ECORRUPT.
 * Cost: 11 ns a feature to judge with the table in the cache, up to 30 without; as much again to teach. */
#ifndef POSSE_FILTER_LEARNER_H
#define POSSE_FILTER_LEARNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter/feature.h"

enum learner_kind {
    LEARNER_PLAIN, LEARNER_ADAGRAD, LEARNER_AROW, LEARNER_HARD_COUNTS, LEARNER_ALL_COUNTS, LEARNER_KINDS
};

/* Experiment "hash space", 83,709 messages of five streams interleaved: (1-ROCA)% .0033, .0022, .0020, .0018 at 18, 20,
 * 21, 22 bits; below 25,000 messages 20 and 22 are alike. */
enum { LEARNER_BITS_MIN = 10, LEARNER_BITS_DEFAULT = 20 };

struct learner;

/* What learner_judge found; learner_teach wants it back. */
struct learner_odds {
    double odds[LANE_N][LEARNER_KINDS]; /* 0 where the view is empty */
    double novelty[LANE_N];             /* mean AROW variance of the features: 1 all new, towards 0 well known */
    uint32_t counted[LANE_N][2];        /* features with any count, per set of counts */
};

int learner_new(unsigned bits, struct learner **out);
/* Over a block that learner_block gave, mapped or read; 8-byte aligned. To teach it, the block must be writable
 * (MAP_PRIVATE will do). Checks it first, as learner_validate. */
int learner_over(void *block, size_t n, struct learner **out);
/* Moves a borrowed table into memory of its own: 2 MiB pages, where the system has them, make judging a tenth cheaper than
 * a mapped file's small ones, for some 15 ms. The block may go then. POSSE_ENOMEM: it is as it was. */
int learner_own(struct learner *l);
void learner_free(struct learner **l);
void learner_clear(struct learner *l); /* to the state of learner_new */

void learner_judge(const struct learner *l, const struct feature_set *f, struct learner_odds *out);
/* `odds` must be what learner_judge gives for f just before. Slots: each at most once a view, in ascending order (the
 * order fixes the rounding). */
void learner_teach(struct learner *l, const struct feature_set *f, const struct learner_odds *odds, bool is_spam);
uint64_t learner_lessons(const struct learner *l, bool is_spam);

/* For every slot of f, what it adds to the sum over v, k of gain[v][k] * odds[v][k]. Exact: a view's shares add up to
 * that view's part of the sum, to rounding. */
void learner_explain(const struct learner *l, const struct feature_set *f, const struct learner_odds *odds,
                     double gain[LANE_N][LEARNER_KINDS], double *share_out);

/* The whole state as one flat little-endian block of fixed size, valid until the next teach. Equal states, equal bytes. */
const void *learner_block(const struct learner *l, size_t *n_out);
size_t learner_block_bytes(unsigned bits);
/* 0, POSSE_EVERSION, or POSSE_ECORRUPT with a reason in words. Reads every slot: about 20 ms at 32 MiB. */
int learner_validate(const void *block, size_t n, const char **reason);

#endif
