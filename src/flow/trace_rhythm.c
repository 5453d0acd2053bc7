/* Neighbouring intervals first (a few microseconds); the spectrum only where they found nothing, for it costs thirty times that. */
#include "flow/trace_rhythm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { TRIALS = 9, WINDOW_BEATS = 300, CYCLES_LEAST = 8, SHUFFLES = 20, ALONGSIDE = 24 };

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

/* Intervals between beats: what follows within `apart_s` belongs to the same beat. */
static size_t intervals(const double *at_s, size_t n, double apart_s, double *out)
{
    size_t k = 0;
    double last = at_s[0];
    for (size_t i = 1; i < n; i++) {
        if (at_s[i] - last <= apart_s)
            continue;
        out[k++] = at_s[i] - last;
        last = at_s[i];
    }
    return k;
}

/* ln of a bound of P(sum of the m least of n squares of uniforms on [-1, 1] <= sum): the ball's volume over the cube's, times the number
 * of ways to choose them. */
static double ln_ball(size_t m, size_t n, double sum)
{
    if (m == 0)
        return 0;
    int sign;
    double half = (double)m / 2, ways = lgamma_r((double)n + 1, &sign) - lgamma_r((double)m + 1, &sign) - lgamma_r((double)(n - m) + 1, &sign);
    double p = half * log(M_PI * fmax(sum, 1e-12) / 4) - lgamma_r(half + 1, &sign) + ways;
    return p < 0 ? p : 0;
}

static double unlike(double a, double b)
{
    double u = a + b > 0 ? (a - b) / (a + b) : 1;
    return u * u;
}

struct neighbours { double ln_p, regularity; };

/* The disjoint pairs that begin at `from`: all of them, and without the worst eighth (a night, a lost beat). */
static double ln_pairs(const double *d, size_t n, size_t from, double *square, double *sum_out, size_t *m_out)
{
    size_t m = 0;
    double sum = 0, least = 0;
    for (size_t i = from; i + 1 < n; i += 2)
        square[m++] = unlike(d[i], d[i + 1]);
    qsort(square, m, sizeof *square, by_size);
    size_t keep = m - (m + 7) / 8;
    for (size_t i = 0; i < m; i++) {
        sum += square[i];
        least += i < keep ? square[i] : 0;
    }
    *sum_out += sum;
    *m_out += m;
    return fmin(ln_ball(m, m, sum), ln_ball(keep, m, least));
}

static struct neighbours neighbours_of(const double *d, size_t n, double *square)
{
    double sum = 0;
    size_t m = 0;
    struct neighbours r = {0};
    r.ln_p = fmin(ln_pairs(d, n, 0, square, &sum, &m), ln_pairs(d, n, 1, square, &sum, &m));
    r.regularity = m ? 1 - 3 * sum / (double)m : 0;
    return r;
}

/* Raw times and beats; the better one stays. What chance leaves between beats is longer than `apart` by what chance leaves anyhow, so
 * that much is taken off. */
static void by_neighbours(const double *at_s, size_t n, struct rhythm_scratch *w, struct rhythm *out)
{
    double apart = 0;
    for (int step = 0; step < 2; step++) {
        size_t k = intervals(at_s, n, apart, w->interval);
        if (k + 1 < RHYTHM_LEAST)
            return;
        for (size_t i = 0; i < k; i++)
            w->interval[i] -= apart;
        struct neighbours r = neighbours_of(w->interval, k, w->sorted);
        memcpy(w->sorted, w->interval, k * sizeof *w->sorted);
        qsort(w->sorted, k, sizeof *w->sorted, by_size);
        if (step == 0 || r.ln_p < out->ln_p) {
            double mid = quantile(w->sorted, k, .5) + apart;
            out->ln_p = r.ln_p;
            out->regularity = r.regularity;
            out->n_beats = k + 1;
            out->period_s = mid;
            out->jitter = mid > 0 ? (quantile(w->sorted, k, .75) - quantile(w->sorted, k, .25)) / 2 / mid : 1;
        }
        apart = quantile(w->sorted, k, .75) / 10;
    }
}

/* ---- the spectrum ---- */

static void fft(float *re, float *im, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            float x = re[i], y = im[i];
            re[i] = re[j], im[i] = im[j];
            re[j] = x, im[j] = y;
        }
    }
    for (size_t len = 2; len <= n; len <<= 1) {
        double turn = -2 * M_PI / (double)len;
        float wr = (float)cos(turn), wi = (float)sin(turn);
        for (size_t i = 0; i < n; i += len) {
            float cr = 1, ci = 0;
            for (size_t k = 0; k < len / 2; k++) {
                size_t a = i + k, b = a + len / 2;
                float xr = re[b] * cr - im[b] * ci, xi = re[b] * ci + im[b] * cr, t = cr * wr - ci * wi;
                re[b] = re[a] - xr, im[b] = im[a] - xi;
                re[a] += xr, im[a] += xi;
                ci = cr * wi + ci * wr;
                cr = t;
            }
        }
    }
}

/* The highest peak over the mean of what lies beside it, which takes out the slow swell of sessions and of day and night. */
static double highest_peak(struct rhythm_scratch *w, const float *count, size_t *at_out)
{
    float mean = 0;
    for (size_t i = 0; i < RHYTHM_BINS; i++)
        mean += count[i] / RHYTHM_BINS;
    for (size_t i = 0; i < RHYTHM_BINS; i++)
        w->re[i] = count[i] - mean, w->im[i] = 0;
    fft(w->re, w->im, RHYTHM_BINS);
    double before[RHYTHM_BINS / 2 + 1];
    before[0] = 0;
    for (size_t i = 0; i < RHYTHM_BINS / 2; i++) {
        w->power[i] = w->re[i] * w->re[i] + w->im[i] * w->im[i];
        before[i + 1] = before[i] + w->power[i];
    }
    double best = 0;
    for (size_t i = CYCLES_LEAST; i < RHYTHM_BINS / 2; i++) {
        size_t from = i > ALONGSIDE ? i - ALONGSIDE : 1, to = i + ALONGSIDE < RHYTHM_BINS / 2 ? i + ALONGSIDE : RHYTHM_BINS / 2 - 1;
        double beside = (before[to + 1] - before[from] - w->power[i]) / (double)(to - from);
        double ratio = beside > 0 ? w->power[i] / beside : 0;
        if (ratio > best) {
            best = ratio;
            *at_out = i;
        }
    }
    return best;
}

static double alike_at(const float *count, size_t lag)
{
    double mean = 0, together = 0, square = 0;
    for (size_t i = 0; i < RHYTHM_BINS; i++)
        mean += count[i] / RHYTHM_BINS;
    for (size_t i = 0; i < RHYTHM_BINS; i++) {
        double x = count[i] - mean;
        square += x * x;
        if (i + lag < RHYTHM_BINS)
            together += x * (count[i + lag] - mean);
    }
    return square > 0 ? together / square * RHYTHM_BINS / (double)(RHYTHM_BINS - lag) : 0;
}

/* A hill of the autocorrelation at the period, valleys half a period beside it. */
static bool has_hill(const float *count, double lag)
{
    double top = 0, low = 0;
    for (int off = -1; off <= 1; off++)
        top = fmax(top, alike_at(count, (size_t)fmax(1, lag + off)));
    low = fmax(alike_at(count, (size_t)fmax(1, lag / 2)), alike_at(count, (size_t)(lag * 1.5)));
    return top > .1 && top > 1.5 * low;
}

static void shuffle(float *x, uint64_t *seed)
{
    for (size_t i = RHYTHM_BINS - 1; i > 0; i--) {
        *seed += 0x9e3779b97f4a7c15ull;
        size_t j = (size_t)(mix64(*seed) % (i + 1));
        float t = x[i];
        x[i] = x[j], x[j] = t;
    }
}

static void by_spectrum(const double *at_s, size_t n, struct rhythm_scratch *w, struct rhythm *out)
{
    if (n < 2 * CYCLES_LEAST)
        return;
    if (n > WINDOW_BEATS)
        at_s += n - WINDOW_BEATS, n = WINDOW_BEATS;
    double from = at_s[0], width = (at_s[n - 1] - from) / RHYTHM_BINS;
    if (width <= 0)
        return;
    memset(w->count, 0, sizeof w->count);
    for (size_t i = 0; i < n; i++) {
        size_t bin = (size_t)((at_s[i] - from) / width);
        w->count[bin < RHYTHM_BINS ? bin : RHYTHM_BINS - 1] = 1; /* a page's connections do not count for more than a beat */
    }
    size_t at = 0;
    out->peak = highest_peak(w, w->count, &at);
    double ln_p = log(RHYTHM_BINS / 2.0) - out->peak; /* the mean of what lies beside it is nearly exact with 2 x 24 of them */
    if (ln_p > -7 || ln_p >= out->ln_p || !has_hill(w->count, RHYTHM_BINS / (double)at))
        return;
    double peak = out->peak;
    uint64_t seed = n;
    for (int i = 0; i < SHUFFLES; i++) {
        size_t unused = 0;
        shuffle(w->count, &seed);
        if (highest_peak(w, w->count, &unused) >= peak)
            return;
    }
    out->ln_p = ln_p;
    out->is_spectral = true;
    out->period_s = RHYTHM_BINS / (double)at * width;
}

void rhythm_of(const double *at_s, size_t n, struct rhythm_scratch *w, struct rhythm *out)
{
    *out = (struct rhythm){0};
    if (n > sizeof w->interval / sizeof *w->interval)
        at_s += n - sizeof w->interval / sizeof *w->interval, n = sizeof w->interval / sizeof *w->interval;
    if (n < RHYTHM_LEAST)
        return;
    by_neighbours(at_s, n, w, out);
    if (out->ln_p > -12)
        by_spectrum(at_s, n, w, out);
    out->ln_p = fmin(0, out->ln_p + log(TRIALS));
    if (out->ln_p > -3)
        out->period_s = out->jitter = 0;
}

/* ---- the score for reference ---- */

static double middle(const double *sorted, size_t n) { return n == 0 ? 0 : n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2; }

/* Quartiles are the medians of the halves, without the one in the middle. */
static double bowley(const double *sorted, size_t n)
{
    double q1 = middle(sorted, n / 2), q2 = middle(sorted, n), q3 = middle(sorted + n - n / 2, n / 2);
    return q3 - q1 >= 10 && q2 != q1 && q2 != q3 ? (q1 + q3 - 2 * q2) / (q3 - q1) : 0;
}

/* Half for symmetry, half for a small median of deviations. */
static double steadiness(double *x, size_t n, double *deviation, double if_small)
{
    qsort(x, n, sizeof *x, by_size);
    double skew = 1 - fabs(bowley(x, n)), mid = middle(x, n);
    for (size_t i = 0; i < n; i++)
        deviation[i] = fabs(x[i] - mid);
    qsort(deviation, n, sizeof *deviation, by_size);
    double spread = mid >= 1 ? fmax(0, (mid - middle(deviation, n)) / mid) : if_small;
    return (skew + spread) / 2;
}

static void rita_shape(const double *at_s, size_t n, double first_s, double last_s, struct rita *out)
{
    enum { PARTS = 24, IDEAL_RUN = 12, BARS_LEAST = 11, HOURS_LEAST = 6 };
    double bar[PARTS] = {0}, sum = 0, squares = 0, top = 0, width = (last_s - first_s) / PARTS;
    for (size_t i = 0; i < n; i++) {
        size_t k = width > 0 ? (size_t)fmax(0, (at_s[i] - first_s) / width) : 0;
        bar[k < PARTS ? k : PARTS - 1]++;
    }
    size_t filled = 0, run = 0, longest = 0, in_bucket[PARTS + 2] = {0};
    for (size_t k = 0; k < PARTS; k++) {
        sum += bar[k], squares += bar[k] * bar[k], top = fmax(top, bar[k]);
        filled += bar[k] > 0;
    }
    for (size_t k = 0; k < 2 * PARTS; k++) { /* a run goes on past the end at the beginning */
        run = bar[k % PARTS] > 0 ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    longest = longest > PARTS ? PARTS : longest;
    double mean = sum / PARTS, deviation = sqrt(fmax(0, squares / PARTS - mean * mean));
    double flat = mean > 0 ? fmax(0, 1 - deviation / mean) : 0, modes = 0, bucket = ceil(top * .05);
    if (filled >= BARS_LEAST && bucket > 0) {
        size_t first = 0, second = 0;
        for (size_t k = 0; k < PARTS; k++)
            if (bar[k] > 0)
                in_bucket[(size_t)fmin(PARTS + 1, bar[k] / bucket)]++;
        for (size_t k = 0; k < PARTS + 2; k++) {
            if (in_bucket[k] >= first)
                second = first, first = in_bucket[k];
            else if (in_bucket[k] > second)
                second = in_bucket[k];
        }
        modes = (double)(first + second) / (double)(filled - 1); /* one part may be odd */
    }
    out->histogram = fmin(1, fmax(flat, modes));
    double lasts = last_s > first_s ? (at_s[n - 1] - at_s[0]) / (last_s - first_s) : 0;
    out->duration = filled >= HOURS_LEAST ? fmin(1, fmax(lasts, (double)longest / IDEAL_RUN)) : 0;
}

void rita_of(const double *at_s, const double *bytes, size_t n, double first_s, double last_s, struct rhythm_scratch *w, struct rita *out)
{
    *out = (struct rita){0};
    if (n > 4096)
        at_s += n - 4096, bytes += n - 4096, n = 4096;
    if (n < 4)
        return;
    size_t k = 0;
    for (size_t i = 1; i < n; i++) { /* whole seconds; what falls into one counts once */
        double x = floor(at_s[i]) - floor(at_s[i - 1]);
        if (x > 0)
            w->interval[k++] = x;
    }
    if (k < 3)
        return;
    out->timestamp = steadiness(w->interval, k, w->sorted, 1);
    memcpy(w->interval, bytes, n * sizeof *bytes);
    out->bytes = steadiness(w->interval, n, w->sorted, 0);
    rita_shape(at_s, n, first_s, last_s, out);
    out->score = (out->timestamp + out->bytes + out->histogram + out->duration) / 4;
}
