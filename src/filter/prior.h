/* prior: the model that ships: one weight a slot over the general views, read from a snapshot.
 *
 * log-odds = offset + slope x sum over views of 1/sqrt(features of the view) x sum of their weights.
 * slope and offset, and the calibration that comes with it, are fitted on mail of senders, and in part of sources, that
 * had not taught the weights it was scored with (prior_train.h).
 * Sections of the snapshot: "prior.head", "prior.weights" (int16, a power of two of them, PRIOR_SLOTS at
 * most: who trains on little needs no more than that fills), "prior.calib" (struct calib), "prior.notice".
 * Ownership: views into the snapshot, which must outlive it.  Threads: read-only.
 * Errors: POSSE_EVERSION for another extractor, POSSE_ECORRUPT.  Cost: about 3 ns a feature. */
#ifndef POSSE_FILTER_PRIOR_H
#define POSSE_FILTER_PRIOR_H

#include "base/report.h"
#include "filter/calib.h"
#include "filter/feature.h"

enum { PRIOR_BITS_LEAST = 12, PRIOR_BITS = 21, PRIOR_SLOTS = 1 << PRIOR_BITS, PRIOR_FORMAT = 1 };

struct prior_head {
    uint32_t format, extractor, views, lessons;
    double slope, offset, step; /* a weight is its int16 times step */
    uint8_t digest[32];         /* SHA-256 of the weights */
};

struct prior;

/* The sections by name; path is for messages. */
int prior_open(struct span head, struct span weights, struct span calib, const char *path, struct prior **out,
               struct report *why);
void prior_free(struct prior **p);
const uint8_t *prior_digest(const struct prior *p);
const struct calib *prior_calib(const struct prior *p);

double prior_odds(const struct prior *p, const struct feature_set *f);
/* Adds gain x what each slot adds to prior_odds to bits[]; local views add nothing. */
void prior_explain(const struct prior *p, const struct feature_set *f, double gain, double *bits);

#endif
