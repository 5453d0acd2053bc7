/* change_date: when a rate changed, from counts by the minute: the likelihood of two Poisson rates with a step between them, the rates at
 * their best for each place of the step (Hinkley, Biometrika 1970), all places equally likely before; counts that clump weigh less. */
#include "base/fmath.h"
#include "botnet/change_priv.h"

enum { LOOK_BACK = 60 };

static double entropy(double sum, double n) { return sum > 0 ? sum * fmath_log(sum / n) : 0; }

bool date_step(const struct change_series *s, int64_t from, int64_t to, int64_t *at, int64_t *lo, int64_t *hi)
{
    int64_t end = s->minute + 1, start = from - LOOK_BACK, kept = end - (int64_t)s->n_recent;
    if (kept > start)
        start = kept;
    if (from <= start)
        from = start + 1;
    if (to >= end)
        to = end - 1;
    if (from > to || end - start > RECENT)
        return false;
    double all = 0, before = 0, best = 0, sum = 0, likely[RECENT], dispersion = pattern_dispersion(&s->pattern);
    for (int64_t m = start; m < end; m++)
        all += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    for (int64_t m = start; m < from; m++)
        before += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    for (int64_t m = from; m <= to; m++) {
        likely[m - from] = (entropy(before, (double)(m - start)) + entropy(all - before, (double)(end - m))) / dispersion;
        if (m == from || likely[m - from] > best) {
            best = likely[m - from];
            *at = m;
        }
        before += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    }
    for (int64_t m = from; m <= to; m++)
        sum += likely[m - from] = fmath_exp(likely[m - from] - best);
    double passed = 0;
    *lo = from;
    *hi = to;
    for (int64_t m = from; m <= to; m++) {
        double next = passed + likely[m - from] / sum;
        if (passed < 0.025 && next >= 0.025)
            *lo = m;
        if (passed < 0.975 && next >= 0.975)
            *hi = m;
        passed = next;
    }
    ++*hi; /* within its minute */
    return true;
}
