#include "filter/calib.h"

#include <math.h>
#include <string.h>

#include "base/fmath.h"

enum { COUNT_LEAST = 10 }; /* hams beyond the threshold, for it to be more than a guess */
static const double KNOT_LEAST = -12, KNOT_GAP = 0.5;
/* bench/ablation.md, "calibration": with less trust, one odd message moves the map of its neighbours, which costs
 * accuracy across time; more gains nothing. The fusion alone is already true within 1% but on 1,200 comments. */
static const double CALIB_TRUST = 600;
static const double STRICT = 0.05;      /* share of the score itself in the map, so that no two scores tie */
static const double MEMORY = 262144; /* then all is halved: old scores come from a younger model */
/* bench/ablation.md, "threshold": every knot is drawn as if HUMBLE more messages had been seen there, and the first
 * hams count as if there had been HAMS_LEAST, or a young model would call nothing spam. */
static const double HUMBLE = 2, HAMS_LEAST = 1000;

/* ---- the map ---- */

static double knot_score(unsigned k) { return KNOT_LEAST + KNOT_GAP * k; }

/* Pools neighbours until the shares ascend, then writes their log-odds. */
static void map_make(struct calib *c)
{
    double spam[CALIB_KNOTS], mass[CALIB_KNOTS];
    unsigned size[CALIB_KNOTS], n = 0;
    for (unsigned k = 0; k < CALIB_KNOTS; k++, n++) {
        double own = fmath_sigmoid(knot_score(k));
        spam[n] = c->spam[k] + CALIB_TRUST * own;
        mass[n] = c->seen[k] + CALIB_TRUST;
        size[n] = 1;
        while (n > 0 && spam[n - 1] * mass[n] >= spam[n] * mass[n - 1]) {
            n--;
            spam[n] += spam[n + 1];
            mass[n] += mass[n + 1];
            size[n] += size[n + 1];
        }
    }
    for (unsigned i = 0, k = 0; i < n; i++) {
        double odds = fmath_log(spam[i] / (mass[i] - spam[i]));
        for (unsigned j = 0; j < size[i]; j++, k++)
            c->at[k] = (1 - STRICT) * odds + STRICT * knot_score(k);
    }
}

/* The knot below the score and how far the score is towards the next. */
static unsigned knot_below(double score, double *part_out)
{
    double place = (score - KNOT_LEAST) / KNOT_GAP;
    if (!(place > 0)) {
        *part_out = 0;
        return 0;
    }
    if (place >= CALIB_KNOTS - 1) {
        *part_out = 1;
        return CALIB_KNOTS - 2;
    }
    unsigned k = (unsigned)place;
    *part_out = place - k;
    return k;
}

static double map_odds(const struct calib *c, double score)
{
    double part, top = knot_score(CALIB_KNOTS - 1);
    if (score < KNOT_LEAST)
        return c->at[0] + (score - KNOT_LEAST);
    if (score > top)
        return c->at[CALIB_KNOTS - 1] + (score - top);
    unsigned k = knot_below(score, &part);
    return c->at[k] + (c->at[k + 1] - c->at[k]) * part;
}

void calib_init(struct calib *c)
{
    memset(c, 0, sizeof *c);
    map_make(c);
}

double calib_bits(const struct calib *c, double score) { return map_odds(c, score) / FMATH_LN2; }

static void forget_half(struct calib *c)
{
    for (unsigned k = 0; k < CALIB_KNOTS; k++) {
        c->seen[k] *= 0.5;
        c->spam[k] *= 0.5;
    }
    c->mass *= 0.5;
}

void calib_teach(struct calib *c, double score, bool is_spam)
{
    double part;
    unsigned k = knot_below(score, &part);
    c->seen[k] += 1 - part;
    c->seen[k + 1] += part;
    if (is_spam) {
        c->spam[k] += 1 - part;
        c->spam[k + 1] += part;
    }
    c->lessons++;
    c->mass += 1;
    if (c->mass >= MEMORY)
        forget_half(c);
    map_make(c);
}

/* ---- the threshold ---- */

/* Wilson's interval of a share, count of n. */
static void share_interval(double count, double n, double *lo, double *hi)
{
    double z = 1.96, p = count / n, denominator = 1 + z * z / n;
    double middle = p + z * z / (2 * n), half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    *lo = (middle - half) / denominator;
    *hi = (middle + half) / denominator;
    if (*lo < 0)
        *lo = 0;
}

void calib_threshold(const struct calib *c, double ham_loss, struct calib_threshold *out)
{
    double hams = 0, beyond = 0, before = 0, seen = 0, last = 0, above = 0;
    for (unsigned k = 0; k < CALIB_KNOTS; k++)
        hams += c->seen[k] - c->spam[k];
    double budget = ham_loss * (hams > HAMS_LEAST ? hams : HAMS_LEAST);
    unsigned k = CALIB_KNOTS;
    while (k > 0 && beyond <= budget) {
        k--;
        before = beyond;
        seen += last;
        above = last;
        last = c->seen[k] - c->spam[k];
        beyond += (c->seen[k] + HUMBLE) * fmath_sigmoid(-c->at[k]);
    }
    double part = beyond > budget ? (budget - before) / (beyond - before) : 1;
    out->bits = calib_bits(c, knot_score(k) + KNOT_GAP * (1 - part));
    out->is_extrapolated = budget < COUNT_LEAST;
    out->ham_loss = ham_loss;
    out->ham_loss_lo = 0;
    out->ham_loss_hi = 1;
    if (hams < 1)
        return;
    /* A ham counts at the knots on both sides of it: what stands at the next knot above may be less, at this one more. */
    double unused;
    if (!out->is_extrapolated)
        share_interval(seen - above, hams, &out->ham_loss_lo, &unused);
    share_interval(seen + last < hams ? seen + last : hams, hams, &unused, &out->ham_loss_hi);
}

bool calib_validate(const struct calib *c, const char **reason)
{
    *reason = "a number of the calibration is not sound";
    const double most = 1e15;
    double mass = 0;
    for (unsigned k = 0; k < CALIB_KNOTS; k++) {
        mass += c->seen[k];
        if (!(c->seen[k] >= 0 && c->seen[k] < most && c->spam[k] >= 0 && c->spam[k] <= c->seen[k] + 1e-6))
            return false;
        if (!(c->at[k] > -100 && c->at[k] < 100) || (k > 0 && c->at[k] <= c->at[k - 1]))
            return false;
    }
    if (!(mass - c->mass < 1e-3 && c->mass - mass < 1e-3))
        return false;
    *reason = NULL;
    return true;
}
