/* fuse: many log-odds into one: logistic regression over the learners' answers, taught by the same lessons.
 *
 * Starts as a plain average, so that it is of use from the first message, and learns whom to trust (Lynam & Cormack
 * 2006, online; the mixing of Mattern and Mahoney's PAQ). What ships trained comes in as one more input, with a weight
 * of 1: while the learners are silent (0), the shipped model speaks alone.
 * Ownership: a plain value; may be copied and stored as its bytes (little-endian, IEEE doubles).
 * Units: natural log-odds.  Limits: FUSE_INPUTS_MAX inputs; an input is clipped at FUSE_CLIP.
 * Threads: value.  Determinism: a pure function of the lessons, as learner.h says.  Cost: about 2 ns an input. */
#ifndef POSSE_FILTER_FUSE_H
#define POSSE_FILTER_FUSE_H

#include <stdbool.h>
#include <stdint.h>

enum { FUSE_INPUTS_MAX = 64 };

struct fuse {
    uint64_t lessons;
    uint32_t n_learned, n_prior; /* inputs: first the learned ones, then those of shipped models */
    double bias, weight[FUSE_INPUTS_MAX];
};

/* POSSE_EINVAL: no inputs or too many. */
int fuse_init(struct fuse *f, unsigned n_learned, unsigned n_prior);
double fuse_judge(const struct fuse *f, const double *x);
void fuse_teach(struct fuse *f, const double *x, bool is_spam);
/* What each input's log-odds count for: fuse_judge is bias + sum of gain * x, for these x, to rounding. */
void fuse_gain(const struct fuse *f, const double *x, double *gain_out);
/* True, or false and why: for bytes that were read from somewhere. */
bool fuse_validate(const struct fuse *f, const char **reason);

#endif
