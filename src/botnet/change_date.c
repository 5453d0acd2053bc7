/* change_date: when a rate changed, from counts by the minute: the likelihood of two Poisson rates with a step between them, the rates at
 * their best for each place of the step (Hinkley, Biometrika 1970), all places equally likely before; counts that clump weigh less.
 * A fall may also take its time (machines notice one by one that nobody answers): the same with a straight slope between the two rates,
 * of one of some lengths, all as likely before. */
#include "base/fmath.h"
#include "botnet/change_priv.h"

enum { LOOK_BACK = 60, LEAST_AFTER = 5, SLOPES = 5 };

static double entropy(double sum, double n) { return sum > 0 ? sum * fmath_log(sum / n) : 0; }

bool date_step(const struct change_series *s, bool is_fall, int64_t since, int64_t from, int64_t to, int64_t *at, int64_t *lo, int64_t *hi)
{
    int64_t end = s->minute + 1, start = from - LOOK_BACK, kept = end - (int64_t)s->n_recent;
    if (kept > start)
        start = kept;
    if (since > start)
        start = since;
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
    bool is_found = false;
    for (int64_t m = from; m <= to; m++) { /* where a burst ends that had just begun, its beginning is the larger step */
        bool is_down = before / (double)(m - start) > (all - before) / (double)(end - m);
        likely[m - from] = is_down == is_fall ? (entropy(before, (double)(m - start)) + entropy(all - before, (double)(end - m))) / dispersion : -1e300;
        if (is_down == is_fall && (!is_found || likely[m - from] > best)) {
            is_found = true;
            best = likely[m - from];
            *at = m;
        }
        before += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    }
    if (!is_found)
        return false;
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

/* ---- slopes ---- */

static double recent_at(const struct change_series *s, int64_t m) { return (double)s->recent[(m % RECENT + RECENT) % RECENT]; }

struct stretch { int64_t start, end; double sum[RECENT + 1]; }; /* sum[i]: of what came before minute start + i */

static double came(const struct stretch *t, int64_t from, int64_t to) { return t->sum[to - t->start] - t->sum[from - t->start]; }

/* One rate until `from`, another since `from` + `length`, in between all rates between. */
static double slope_likely(const struct change_series *s, const struct stretch *t, int64_t from, int length)
{
    int64_t to = from + length;
    double n0 = (double)(from - t->start), n1 = (double)(t->end - to), x0 = came(t, t->start, from), x1 = came(t, to, t->end), sum = 0;
    double r0 = (x0 + 0.5) / (n0 + 1), r1 = (x1 + 0.05) / (n1 + 1);
    if (r1 >= r0)
        return -1e300;
    for (int k = 0; k < length; k++) {
        double x = recent_at(s, from + k), rate = r0 + (r1 - r0) * (k + 0.5) / length;
        sum += (x > 0 ? x * fmath_log(rate) : 0) - rate;
    }
    return sum + x0 * fmath_log(r0) - r0 * n0 + x1 * fmath_log(r1) - r1 * n1;
}

/* Where a cumulative share of `likely` is passed. */
static int64_t passed_at(const double *likely, int64_t n, double sum, double share)
{
    double passed = 0;
    for (int64_t i = 0; i < n; i++)
        if ((passed += likely[i] / sum) >= share)
            return i;
    return n - 1;
}

void date_slope(const struct change_series *s, int64_t from, int64_t to, int64_t *lo, int64_t *hi)
{
    static const int lengths[SLOPES] = {0, 5, 15, 30, 60};
    struct stretch t = {.end = s->minute + 1};
    double likely[SLOPES][RECENT], begins[RECENT] = {0}, ends[RECENT] = {0}, best = -1e300, sum = 0, dispersion = pattern_dispersion(&s->pattern);
    t.start = from - LOOK_BACK;
    if (t.end - (int64_t)s->n_recent > t.start)
        t.start = t.end - (int64_t)s->n_recent;
    from = from > t.start ? from : t.start + 1;
    to = to < t.end - LEAST_AFTER ? to : t.end - LEAST_AFTER;
    if (from > to || t.end - t.start > RECENT)
        return;
    for (int64_t m = t.start; m < t.end; m++)
        t.sum[m - t.start + 1] = t.sum[m - t.start] + recent_at(s, m);
    for (unsigned k = 0; k < SLOPES; k++)
        for (int64_t m = from; m + lengths[k] <= to; m++) {
            double x = likely[k][m - from] = slope_likely(s, &t, m, lengths[k]) / dispersion;
            best = x > best ? x : best;
        }
    if (best <= -1e299)
        return;
    for (unsigned k = 0; k < SLOPES; k++)
        for (int64_t m = from; m + lengths[k] <= to; m++) {
            double p = fmath_exp(likely[k][m - from] - best);
            begins[m - from] += p;
            ends[m - from + lengths[k]] += p;
            sum += p;
        }
    int64_t n = to - from + 1, first = from + passed_at(begins, n, sum, 0.025), last = from + passed_at(ends, n, sum, 0.975) + 1;
    *lo = first < *lo ? first : *lo;
    *hi = last > *hi ? last : *hi;
}
