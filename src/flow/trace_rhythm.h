/* trace_rhythm: does a row of times keep time? Pure functions of an array.
 *
 * Two tests, each with its own p-value:
 * - neighbours: u = (a - b) / (a + b) of two neighbouring intervals a, b is uniform on [-1, 1] when connections come at random, whatever
 *   the rate and however it drifts, and near 0 when something keeps time. Of m disjoint pairs the sum of u^2 lies below s with a
 *   probability of at most (the volume of a ball) / 2^m: exact for s <= 1, above the truth past it. It is Shinomoto's local variation
 *   (2003) with a null that is sure; gaps (a notebook that sleeps) touch two terms only, and the worst eighth may be left out at the
 *   price of the number of ways to choose it.
 * - spectrum: the periodogram's highest peak over bins, against the same counts in random order (BAYWATCH), and the autocorrelation
 *   must have a hill at that period. It sees a clock under other traffic and through lost beats, where neighbours fails.
 * Connections closer than a tenth of the upper quartile are one beat (a page's parallel connections), tried beside the raw times;
 * the smallest p-value is multiplied by the number of trials.
 * Threads: reentrant.  Memory: the caller's scratch.  Cost: n log n, the spectrum 60 us once and 20 times that when its peak is high. */
#ifndef POSSE_FLOW_TRACE_RHYTHM_H
#define POSSE_FLOW_TRACE_RHYTHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RHYTHM_LEAST = 6 /* beats below which nothing is said */, RHYTHM_BINS = 1024 };
struct rhythm_scratch { double interval[4096], sorted[4096]; float re[RHYTHM_BINS], im[RHYTHM_BINS], power[RHYTHM_BINS], count[RHYTHM_BINS]; };
struct rhythm {
    double period_s, jitter;   /* 0: none */
    double ln_p;               /* natural logarithm: p-values go far below what a double holds */
    double regularity;         /* 1 - local variation, 0 for chance, 1 for a clock */
    double peak;               /* the spectrum's highest, over its mean; 0: not looked at */
    size_t n_beats;
    bool is_spectral;          /* the spectrum found it */
};
/* at_s: ascending, at most 4096. */
void rhythm_of(const double *at_s, size_t n, struct rhythm_scratch *w, struct rhythm *out);

/* RITA v5's score of one pair as its documentation tells it: the mean of four scores, of intervals, bytes, the histogram of the data set's
 * 24 parts and how long the pair lasts. For comparison only: nothing here decides by it. */
struct rita { double timestamp, bytes, histogram, duration, score; };
void rita_of(const double *at_s, const double *bytes, size_t n, double first_s, double last_s, struct rhythm_scratch *w, struct rita *out);

#endif
