/* calib: from the fused log-odds to odds that mean what they say, and to thresholds with a promised cost.
 *
 * Progressive validation (Dawid 1984): every lesson was judged before it was taught, so its score is an honest forecast.
 * The map from score to odds is a monotone line through KNOTS points, each the spam share seen near it, drawn towards
 * the score's own word as if that had been seen CALIB_TRUST times, made monotone by pooling adjacent violators (Ayer
 * et al. 1955). It is strictly increasing, so it never changes which of two messages is more like spam.
 * The threshold for "lose at most this share of ham" is the lowest score beyond which the map expects no more ham than that
 * among the past lessons: sum of (1 - probability) over what scored higher. That uses spam and ham scores both, and needs no guess
 * about the form of a tail of which only four hams may have been seen.
 * Ownership: a plain value; may be copied and stored as its bytes (little-endian, IEEE doubles).
 * Units: score in natural log-odds, result in bits (log2 of odds).
 * Threads: value.  Determinism: a pure function of the lessons.  Cost: calib_bits 10 ns; calib_teach 0.5 us. */
#ifndef POSSE_FILTER_CALIB_H
#define POSSE_FILTER_CALIB_H

#include <stdbool.h>
#include <stdint.h>

enum { CALIB_KNOTS = 49 };

struct calib {
    uint64_t lessons;
    double seen[CALIB_KNOTS], spam[CALIB_KNOTS]; /* mass near each knot, and the spam in it */
    double at[CALIB_KNOTS];                      /* the map: log-odds at each knot */
    double mass;                                 /* sum of seen */
};

struct calib_threshold {
    double bits;                                /* mail of this many bits and more is called spam */
    double ham_loss_lo, ham_loss, ham_loss_hi;  /* share of ham beyond it: promised, and the 95% interval of what past lessons show */
    bool is_extrapolated;                       /* fewer than ten hams are expected beyond it */
};

void calib_init(struct calib *c);
double calib_bits(const struct calib *c, double score);
/* The score must be the one that the message got before it was taught. */
void calib_teach(struct calib *c, double score, bool is_spam);
void calib_threshold(const struct calib *c, double ham_loss, struct calib_threshold *out);
/* True, or false and why: for bytes that were read from somewhere. */
bool calib_validate(const struct calib *c, const char **reason);

#endif
