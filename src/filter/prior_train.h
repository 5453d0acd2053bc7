/* prior_train: weights for a prior from labelled mail of several sources.
 *
 * Logistic regression with AdaGrad steps (Duchi, Hazan & Singer 2011) over the general views. What makes it hold for
 * strangers' mail, each measured with a corpus left out (bench/ablation.md):
 *   every corpus and class has the same total weight, so none teaches by its size;
 *   whole views are dropped at random, so that no view leans on another that may be missing or lie;
 *   features that one source has nearly to itself are dropped: a list's or a person's name is no evidence;
 *   text in other languages than English teaches nothing: there is no ham in them to set against the spam;
 *   mail that never travelled (no Received field) does not teach what headers look like (shape.h);
 *   the model is the mean of members, each of which one source did not teach: what only two sources share weighs less.
 * Then a third of the senders is left out in turn and scored by what the others teach: slope, offset and calibration are
 * fitted on those scores, and with a tenth of the weight on each source as the member scores it that never saw it. (From
 * sources left out alone the scale is too pessimistic: bench/ablation.md, "strangers".)
 * Ownership: examples stay the caller's.  Threads: none.  Deterministic: same input, same bytes.
 * Cost: about 0.5 us a feature of all examples and member, in all; memory 25 bytes a slot of the prior. */
#ifndef POSSE_FILTER_PRIOR_TRAIN_H
#define POSSE_FILTER_PRIOR_TRAIN_H

#include "base/report.h"
#include "filter/calib.h"
#include "filter/prior.h"

enum { TRAIN_SOURCES_MAX = 32, TRAIN_CORPORA_MAX = 64 };

struct train_example {
    const uint32_t *slot;               /* prior slots, general views one after the other */
    uint16_t n[VIEW_GENERAL_N];
    uint8_t source, corpus;
    uint32_t block;                     /* hash of the sender's domain: one sender is never on both sides of a fold */
    bool is_spam, is_english;
};

struct train_result {
    struct prior_head head;
    int16_t *weight;                    /* 1 << bits; free() it */
    struct calib calib;
    double held_out[TRAIN_CORPORA_MAX]; /* (1-ROCA)% of each corpus, senders left out; negative: one class only */
};

/* bits: log2 of how many slots the examples have, PRIOR_BITS_LEAST to PRIOR_BITS. step is called now and then with the share done, 0 to 1; may be NULL. POSSE_ENOMEM, POSSE_EINVAL (no ham, no spam). */
int prior_train(const struct train_example *ex, size_t n, unsigned n_sources, unsigned n_corpora, unsigned bits,
                void (*step)(void *ctx, double done), void *ctx, struct train_result *out, struct report *why);

#endif
