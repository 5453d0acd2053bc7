/* metrics: how good a filter was on a stream with known labels, each number with a 95% interval.
 *
 *   roca    (1-ROCA)%: chance in percent that a ham outscores a spam, ties half; DeLong, DeLong & Clarke-Pearson
 *           (1988), the interval on the logit scale. Without an inversion the upper end is the exact binomial one
 *           over min(ham, spam).
 *   ham_lost, spam_missed   misclassified, in percent, at the class that the filter gave; Wilson (1927).
 *   lam     logistic average of these two (Cormack & Lynam, TREC 2005), of (k + 1/2) / (n + 1) so that a
 *           filter without errors has one too; the interval by the delta method on the logit scale.
 *   missed_1e3, missed_1e4  spam missed in percent at the score where at most 0.1% and 0.01% of ham is lost; bootstrap.
 *           `few` is set when under ten ham are expected beyond it: the number is then an anecdote.
 *   log_loss  mean of -log2 p(label), in bits; bootstrap.
 *   calibration  mean |predicted - observed| over 20 bins of equal mass, in percent; bootstrap, centred, because a
 *           resampled calibration error is biased upwards.
 * The bootstrap resamples ham and spam apart and is seeded: equal input gives equal output.
 * Ownership: metrics own their copy of the scores, 9 bytes a message.
 * Errors: ENOMEM; EINVAL without at least one ham and one spam.
 * Threads: one owner.  Cost: n log n, and replicates * n for the bootstrap, at most about a second. */
#ifndef POSSE_FILTER_METRICS_H
#define POSSE_FILTER_METRICS_H

#include <stdbool.h>

#include "base/estimate.h"

struct metrics;

struct metrics_result {
    uint64_t n_ham, n_spam, ham_lost_n, spam_missed_n;
    struct estimate roca, ham_lost, spam_missed, lam, missed_1e3, missed_1e4, log_loss, calibration;
    bool few_1e3, few_1e4;
};

struct metrics *metrics_new(void);
void metrics_free(struct metrics **m);
/* bits: log2 of the odds for spam; called_spam: the class that the filter gave. */
int metrics_add(struct metrics *m, bool is_spam, bool called_spam, double bits);
int metrics_compute(struct metrics *m, uint64_t seed, struct metrics_result *out);

#endif
