/* metrics: see metrics.h for what each number is and whose it is.
 *
 * All work is done over one order of the messages, by score. A bootstrap replicate is a vector of weights over
 * that order (how often each message was drawn), so no replicate sorts anything: thresholds, bins and sums come from
 * one walk, and a thousand replicates of 25,000 messages take a quarter of a second. */
#include "filter/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"

enum { BINS = 20, REPLICATES_MOST = 1000, REPLICATES_LEAST = 100 };
#define BOOTSTRAP_DRAWS 25e6 /* replicates are fewer where messages are many: their intervals are narrow anyway */
#define Z95 1.959963984540054

struct metrics {
    double *bits;
    uint8_t *label; /* bit 0: spam, bit 1: called spam */
    size_t n, cap;
};

enum { LABEL_SPAM = 1, LABEL_CALLED = 2 };

/* The messages in ascending order of score, and what the walk needs of each. */
struct ordered {
    size_t n, n_ham, n_spam;
    double *bits;
    uint8_t *is_spam;
    float *weight;        /* of this replicate */
    uint32_t *ham, *spam; /* ranks of the ham, of the spam */
};

struct sums {
    double missed_1e3, missed_1e4, log_loss, calibration;
};

struct metrics *metrics_new(void) { return calloc(1, sizeof(struct metrics)); }

void metrics_free(struct metrics **m)
{
    if (!*m)
        return;
    free((*m)->bits);
    free((*m)->label);
    free(*m);
    *m = NULL;
}

int metrics_add(struct metrics *m, bool is_spam, bool called_spam, double bits)
{
    if (m->n == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 4096;
        double *b = realloc(m->bits, cap * sizeof *b);
        if (!b)
            return POSSE_ENOMEM;
        m->bits = b;
        uint8_t *l = realloc(m->label, cap);
        if (!l)
            return POSSE_ENOMEM;
        m->label = l;
        m->cap = cap;
    }
    m->bits[m->n] = isnan(bits) ? 0 : bits;
    m->label[m->n++] = (uint8_t)((is_spam ? LABEL_SPAM : 0) | (called_spam ? LABEL_CALLED : 0));
    return 0;
}

static int by_bits(const void *a, const void *b, void *bits)
{
    const double *base = bits;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    if (base[i] != base[j])
        return base[i] < base[j] ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void ordered_deinit(struct ordered *o)
{
    free(o->bits);
    free(o->is_spam);
    free(o->weight);
    free(o->ham);
    free(o->spam);
}

static int ordered_init(struct ordered *o, struct metrics *m)
{
    *o = (struct ordered){.n = m->n};
    uint32_t *at = malloc(m->n * sizeof *at);
    o->bits = malloc(m->n * sizeof *o->bits);
    o->is_spam = malloc(m->n);
    o->weight = malloc(m->n * sizeof *o->weight);
    o->ham = malloc(m->n * sizeof *o->ham);
    o->spam = malloc(m->n * sizeof *o->spam);
    if (!at || !o->bits || !o->is_spam || !o->weight || !o->ham || !o->spam) {
        free(at);
        ordered_deinit(o);
        return POSSE_ENOMEM;
    }
    for (size_t i = 0; i < m->n; i++)
        at[i] = (uint32_t)i;
    qsort_r(at, m->n, sizeof *at, by_bits, m->bits);
    for (size_t i = 0; i < o->n; i++) {
        o->bits[i] = m->bits[at[i]];
        o->is_spam[i] = m->label[at[i]] & LABEL_SPAM;
        o->weight[i] = 1;
        if (o->is_spam[i])
            o->spam[o->n_spam++] = (uint32_t)i;
        else
            o->ham[o->n_ham++] = (uint32_t)i;
    }
    free(at);
    return 0;
}

static double logit(double p) { return log(p / (1 - p)); }
static double expit(double x) { return 1 / (1 + exp(-x)); }

static double wilson_end(double k, double n, double z)
{
    double p = k / n, zz = z * z;
    double end = (p + zz / (2 * n) + z * sqrt(p * (1 - p) / n + zz / (4 * n * n))) / (1 + zz / n);
    return end < 0 ? 0 : end > 1 ? 1 : end;
}

static struct estimate wilson_percent(uint64_t k, uint64_t n)
{
    struct estimate e = {.n = n, .method = "Wilson"};
    e.mid = 100.0 * (double)k / (double)n;
    e.lo = k == 0 ? 0 : 100 * wilson_end((double)k, (double)n, -Z95);
    e.hi = k == n ? 100 : 100 * wilson_end((double)k, (double)n, Z95);
    return e;
}

static struct estimate lam_percent(const struct metrics_result *r)
{
    double kh = (double)r->ham_lost_n + 0.5, nh = (double)r->n_ham + 1;
    double ks = (double)r->spam_missed_n + 0.5, ns = (double)r->n_spam + 1;
    double mid = (logit(kh / nh) + logit(ks / ns)) / 2;
    double se = sqrt(1 / kh + 1 / (nh - kh) + 1 / ks + 1 / (ns - ks)) / 2;
    struct estimate e = {.n = r->n_ham + r->n_spam, .method = "delta, logit scale"};
    e.mid = 100 * expit(mid);
    e.lo = 100 * expit(mid - Z95 * se);
    e.hi = 100 * expit(mid + Z95 * se);
    return e;
}

/* Running mean and sum of squared deviations (Welford). */
struct moments {
    double n, mean, m2;
};

static void moments_add(struct moments *s, double x)
{
    s->n++;
    double d = x - s->mean;
    s->mean += d / s->n;
    s->m2 += d * (x - s->mean);
}

/* Placement values: for each ham the share of spam below it, for each spam the share of ham above; ties half. */
static struct estimate roca_percent(const struct ordered *o)
{
    struct moments ham = {0}, spam = {0};
    double h = (double)o->n_ham, s = (double)o->n_spam, ham_below = 0, spam_below = 0;
    for (size_t i = 0; i < o->n;) {
        double bits = o->bits[i], ham_here = 0, spam_here = 0;
        size_t j = i;
        for (; j < o->n && o->bits[j] == bits; j++)
            *(o->is_spam[j] ? &spam_here : &ham_here) += 1;
        for (; i < j; i++) {
            if (o->is_spam[i])
                moments_add(&spam, (h - ham_below - ham_here + ham_here / 2) / h);
            else
                moments_add(&ham, (spam_below + spam_here / 2) / s);
        }
        ham_below += ham_here;
        spam_below += spam_here;
    }
    double q = ham.mean; /* equals spam.mean */
    double var = (h > 1 ? ham.m2 / (h - 1) / h : 0) + (s > 1 ? spam.m2 / (s - 1) / s : 0);
    struct estimate e = {.n = o->n, .mid = 100 * q, .method = "DeLong, logit scale"};
    if (q <= 0 || q >= 1 || var <= 0) {
        double end = 1 - pow(0.025, 1 / (h < s ? h : s));
        e.lo = q >= 1 ? 100 * (1 - end) : q <= 0 ? 0 : 100 * q;
        e.hi = q <= 0 ? 100 * end : q >= 1 ? 100 : 100 * q;
        e.method = "exact binomial";
        return e;
    }
    double se = sqrt(var) / (q * (1 - q));
    e.lo = 100 * expit(logit(q) - Z95 * se);
    e.hi = 100 * expit(logit(q) + Z95 * se);
    return e;
}

/* Share of spam at or below the score above which at most `loss` of the ham lies. */
static double missed_at(const struct ordered *o, double loss)
{
    double may_lose = floor(loss * (double)o->n_ham + 1e-9), lost = 0, caught = 0;
    size_t i = o->n;
    while (i > 0) {
        double bits = o->bits[i - 1], ham_here = 0, spam_here = 0;
        for (; i > 0 && o->bits[i - 1] == bits; i--)
            *(o->is_spam[i - 1] ? &spam_here : &ham_here) += o->weight[i - 1];
        lost += ham_here;
        if (lost > may_lose + 0.5)
            break;
        caught += spam_here;
    }
    return 1 - caught / (double)o->n_spam;
}

/* log2(1 + 2^x) without overflow. */
static double log2_1p_exp2(double x) { return x > 60 ? x : log1p(exp2(x)) / M_LN2; }

static void walk_calibration(const struct ordered *o, const double *prob, const double *loss, struct sums *out)
{
    double n = (double)o->n, edge = n / BINS, mass = 0, gap = 0, total = 0, error = 0;
    int bin = 1;
    for (size_t i = 0; i < o->n; i++) {
        double w = o->weight[i];
        if (w == 0)
            continue;
        total += w * loss[i];
        gap += w * (prob[i] - o->is_spam[i]);
        mass += w;
        if (mass + 1e-9 >= edge * bin) {
            error += fabs(gap);
            gap = 0;
            while (bin < BINS && mass + 1e-9 >= edge * bin)
                bin++;
        }
    }
    error += fabs(gap);
    out->log_loss = total / n;
    out->calibration = 100 * error / n;
}

static void walk(const struct ordered *o, const double *prob, const double *loss, struct sums *out)
{
    out->missed_1e3 = 100 * missed_at(o, 0.001);
    out->missed_1e4 = 100 * missed_at(o, 0.0001);
    walk_calibration(o, prob, loss, out);
}

static uint64_t next_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    return mix64(*state);
}

static void draw(struct ordered *o, const uint32_t *from, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++)
        o->weight[from[(size_t)(((__uint128_t)next_random(state) * n) >> 64)]] += 1;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The 2.5% and 97.5% points of the replicates, moved by `shift`. */
static struct estimate interval(double mid, double *replicate, size_t n, bool is_centred, uint64_t n_messages)
{
    struct estimate e = {.mid = mid, .lo = mid, .hi = mid, .n = n_messages};
    e.method = is_centred ? "bootstrap, centred" : "bootstrap";
    if (n == 0)
        return e;
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += replicate[i] / (double)n;
    qsort(replicate, n, sizeof *replicate, by_value);
    double shift = is_centred ? mid - mean : 0;
    e.lo = replicate[(size_t)(0.025 * (double)(n - 1) + 0.5)] + shift;
    e.hi = replicate[(size_t)(0.975 * (double)(n - 1) + 0.5)] + shift;
    e.lo = e.lo < 0 ? 0 : e.lo;
    return e;
}

static void bootstrap(struct ordered *o, const double *prob, const double *loss, uint64_t seed, double *replicate,
                      size_t n, struct metrics_result *out)
{
    struct sums all, one;
    double *r[4] = {replicate, replicate + n, replicate + 2 * n, replicate + 3 * n};
    walk(o, prob, loss, &all);
    for (size_t k = 0; k < n; k++) {
        memset(o->weight, 0, o->n * sizeof *o->weight);
        draw(o, o->ham, o->n_ham, &seed);
        draw(o, o->spam, o->n_spam, &seed);
        walk(o, prob, loss, &one);
        r[0][k] = one.missed_1e3;
        r[1][k] = one.missed_1e4;
        r[2][k] = one.log_loss;
        r[3][k] = one.calibration;
    }
    out->missed_1e3 = interval(all.missed_1e3, r[0], n, false, o->n_spam);
    out->missed_1e4 = interval(all.missed_1e4, r[1], n, false, o->n_spam);
    out->log_loss = interval(all.log_loss, r[2], n, false, o->n);
    out->calibration = interval(all.calibration, r[3], n, true, o->n);
}

static void count(const struct metrics *m, struct metrics_result *out)
{
    for (size_t i = 0; i < m->n; i++) {
        bool is_spam = m->label[i] & LABEL_SPAM, called = m->label[i] & LABEL_CALLED;
        out->n_spam += is_spam;
        out->n_ham += !is_spam;
        out->ham_lost_n += !is_spam && called;
        out->spam_missed_n += is_spam && !called;
    }
    out->few_1e3 = (double)out->n_ham * 0.001 < 10;
    out->few_1e4 = (double)out->n_ham * 0.0001 < 10;
}

int metrics_compute(struct metrics *m, uint64_t seed, struct metrics_result *out)
{
    memset(out, 0, sizeof *out);
    count(m, out);
    if (out->n_ham) /* these two need no other class */
        out->ham_lost = wilson_percent(out->ham_lost_n, out->n_ham);
    if (out->n_spam)
        out->spam_missed = wilson_percent(out->spam_missed_n, out->n_spam);
    if (out->n_ham == 0 || out->n_spam == 0 || m->n > UINT32_MAX)
        return POSSE_EINVAL;
    struct ordered o;
    if (ordered_init(&o, m))
        return POSSE_ENOMEM;
    double wanted = BOOTSTRAP_DRAWS / (double)m->n;
    size_t n = wanted > REPLICATES_MOST    ? REPLICATES_MOST
               : wanted < REPLICATES_LEAST ? REPLICATES_LEAST
                                           : (size_t)wanted;
    double *prob = malloc(m->n * sizeof *prob), *loss = malloc(m->n * sizeof *loss);
    double *replicate = malloc(4 * n * sizeof *replicate);
    int rc = prob && loss && replicate ? 0 : POSSE_ENOMEM;
    if (rc == 0) {
        for (size_t i = 0; i < m->n; i++) {
            double bits = o.bits[i];
            prob[i] = 1 / (1 + exp2(-bits));
            loss[i] = log2_1p_exp2(o.is_spam[i] ? -bits : bits);
        }
        out->roca = roca_percent(&o);
        out->lam = lam_percent(out);
        bootstrap(&o, prob, loss, seed, replicate, n, out);
    }
    free(prob);
    free(loss);
    free(replicate);
    ordered_deinit(&o);
    return rc;
}
