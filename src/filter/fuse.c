#include "filter/fuse.h"

#include <string.h>

#include "base/error.h"
#include "base/fmath.h"

/* bench/ablation.md, "fusion": half or double of RATE is as good within the noise. Sharing less than the whole
 * among the learners keeps the first hundred verdicts modest. */
static const double RATE = 0.03, BIAS_RATE = 0.006, START_SUM = 0.7;
static const double FUSE_CLIP = 12; /* beyond it one learner could outshout the others */
static const double PRIOR_CLIP = 60;
static const double PRIOR_START = 1;
static const double PRIOR_SHARE = 0.04; /* a prior's weight moves like one learner's of 25 */
static const double WEIGHT_MAX = 100;

int fuse_init(struct fuse *f, unsigned n_learned, unsigned n_prior)
{
    if (n_learned > FUSE_INPUTS_MAX || n_prior > FUSE_INPUTS_MAX - n_learned || n_learned + n_prior == 0)
        return POSSE_EINVAL;
    memset(f, 0, sizeof *f);
    f->n_learned = n_learned;
    f->n_prior = n_prior;
    for (unsigned i = 0; i < n_learned; i++)
        f->weight[i] = START_SUM / n_learned;
    for (unsigned i = 0; i < n_prior; i++)
        f->weight[n_learned + i] = PRIOR_START / n_prior;
    return POSSE_OK;
}

static double clipped_to(double x, double most) { return x > most ? most : x < -most ? -most : x; }

/* A prior may say more: alone it is nobody's rival, and clipping would make equals of all that is certain. */
static double clipped(const struct fuse *f, unsigned i, double x)
{
    return clipped_to(x, i < f->n_learned ? FUSE_CLIP : PRIOR_CLIP);
}

double fuse_judge(const struct fuse *f, const double *x)
{
    double z = f->bias;
    for (unsigned i = 0; i < f->n_learned + f->n_prior; i++)
        z += f->weight[i] * clipped(f, i, x[i]);
    return z;
}

static double bounded(double w) { return w > WEIGHT_MAX ? WEIGHT_MAX : w < -WEIGHT_MAX ? -WEIGHT_MAX : w; }

void fuse_teach(struct fuse *f, const double *x, bool is_spam)
{
    double error = (is_spam ? 1 : 0) - fmath_sigmoid(fuse_judge(f, x));
    double learned = f->n_learned ? RATE * error / f->n_learned : 0, prior = RATE * error * PRIOR_SHARE;
    for (unsigned i = 0; i < f->n_learned + f->n_prior; i++) {
        double step = i < f->n_learned ? learned : prior;
        f->weight[i] = bounded(f->weight[i] + step * clipped_to(x[i], FUSE_CLIP));
    }
    f->bias = bounded(f->bias + BIAS_RATE * error);
    f->lessons++;
}

void fuse_gain(const struct fuse *f, const double *x, double *gain_out)
{
    for (unsigned i = 0; i < f->n_learned + f->n_prior; i++) {
        double c = clipped(f, i, x[i]);
        gain_out[i] = c == x[i] ? f->weight[i] : f->weight[i] * (c / x[i]);
    }
}

bool fuse_validate(const struct fuse *f, const char **reason)
{
    *reason = "the fusion has an impossible number of inputs";
    if (f->n_learned > FUSE_INPUTS_MAX || f->n_prior > FUSE_INPUTS_MAX - f->n_learned || f->n_learned + f->n_prior == 0)
        return false;
    *reason = "a weight of the fusion is not a sound number";
    bool sound = f->bias >= -WEIGHT_MAX && f->bias <= WEIGHT_MAX;
    for (unsigned i = 0; i < FUSE_INPUTS_MAX; i++)
        sound = sound && f->weight[i] >= -WEIGHT_MAX && f->weight[i] <= WEIGHT_MAX;
    if (sound)
        *reason = NULL;
    return sound;
}
