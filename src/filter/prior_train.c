#include "filter/prior_train.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/fmath.h"
#include "base/hash.h"

/* Experiments: bench/ablation.md, "prior". */
static const double RATE = 0.1, DECAY = 1e-3, DROP = 0.15, START_SQUARES = 1e-4;
static const double OWN_MOST = 0.9;  /* of a feature, in one source */
static const double STRANGERS = 0.1; /* weight, in the calibration, of scores by members that never saw the source */
enum { EPOCHS = 5, FOLDS = 3, SMALL_SOURCE = 2000, CALIB_MASS = 4000, NOBODY = 255 };

struct trainer {
    const struct train_example *ex;
    size_t n;
    unsigned n_sources, n_corpora;
    float *weight, *squares;
    float *sum;      /* of the members' weights */
    bool *may_teach; /* by slot */
    uint32_t *order;
    uint8_t member[TRAIN_SOURCES_MAX]; /* the source that each member never sees */
    unsigned n_members;
    double *strange; /* odds by the member that never saw the example's source; NULL: not wanted now */
    double bias, bias_squares;
    double share[TRAIN_CORPORA_MAX][2];
    uint64_t rng;
    void (*step)(void *ctx, double done);
    void *ctx;
    double done, per_pass;
};

static uint32_t next_random(struct trainer *t)
{
    t->rng += 0x9E3779B97F4A7C15ull;
    return (uint32_t)(mix64(t->rng) >> 32);
}

static bool is_masked(const struct train_example *e, unsigned v) { return !e->is_english && v <= VIEW_PAIR; }

/* ---- what may teach ---- */

/* Marks the slots that may teach: those that no one source has nearly to itself, by its share of messages. A name of a
 * person, a firm or a list is common in one source and rare in all others, even where it turns up there. */
static int mark_common(struct trainer *t)
{
    float *sum = calloc(PRIOR_SLOTS, sizeof *sum), *most = calloc(PRIOR_SLOTS, sizeof *most);
    uint32_t *count = malloc(PRIOR_SLOTS * sizeof *count);
    int err = sum && most && count ? POSSE_OK : POSSE_ENOMEM;
    for (unsigned s = 0; s < t->n_sources && !err; s++) {
        size_t messages = 0;
        memset(count, 0, PRIOR_SLOTS * sizeof *count);
        for (size_t i = 0; i < t->n; i++) {
            const struct train_example *e = &t->ex[i];
            size_t n = 0;
            for (unsigned v = 0; v < VIEW_GENERAL_N; v++)
                n += e->n[v];
            messages += e->source == s;
            for (size_t k = 0; e->source == s && k < n; k++)
                count[e->slot[k]]++;
        }
        for (size_t i = 0; i < PRIOR_SLOTS; i++) {
            float share = (float)count[i] / (float)(messages + SMALL_SOURCE);
            sum[i] += share;
            if (share > most[i])
                most[i] = share;
        }
    }
    for (size_t i = 0; i < PRIOR_SLOTS && !err; i++)
        t->may_teach[i] = t->n_sources < 2 || (sum[i] > 0 && most[i] <= (float)OWN_MOST * sum[i]);
    free(sum);
    free(most);
    free(count);
    return err;
}

/* What a fit does not see: a third of the senders, a source, neither or both. */
struct left_out {
    unsigned fold, source;
};

static bool is_left_out(const struct train_example *e, struct left_out out)
{
    return e->block % FOLDS == out.fold || e->source == out.source;
}

static void weigh_corpora(struct trainer *t, struct left_out out)
{
    double count[TRAIN_CORPORA_MAX][2] = {{0}}, parts[2] = {0};
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!is_left_out(&t->ex[i], out)) {
            count[t->ex[i].corpus][t->ex[i].is_spam]++;
            n++;
        }
    for (unsigned c = 0; c < t->n_corpora; c++)
        for (int y = 0; y < 2; y++)
            parts[y] += count[c][y] > 0;
    for (unsigned c = 0; c < t->n_corpora; c++)
        for (int y = 0; y < 2; y++)
            t->share[c][y] = count[c][y] > 0 ? (double)n / 2 / parts[y] / count[c][y] : 0;
}

/* ---- one pass ---- */

static double view_sum(const struct trainer *t, const uint32_t *slot, uint32_t n)
{
    double sum = 0;
    for (uint32_t k = 0; k < n; k++) {
        __builtin_prefetch(&t->weight[slot[k + 16 < n ? k + 16 : n - 1]]);
        sum += (double)t->weight[slot[k]];
    }
    return sum;
}

static void teach_one(struct trainer *t, const struct train_example *e)
{
    double scale[VIEW_GENERAL_N], odds = t->bias;
    const uint32_t *slot = e->slot;
    for (unsigned v = 0; v < VIEW_GENERAL_N; slot += e->n[v++]) {
        bool dropped = next_random(t) < DROP * 4294967296.0;
        scale[v] = e->n[v] && !dropped && !is_masked(e, v) ? 1 / sqrt((double)e->n[v]) : 0;
        if (scale[v] > 0)
            odds += scale[v] * view_sum(t, slot, e->n[v]);
    }
    double g = (fmath_sigmoid(odds) - e->is_spam) * t->share[e->corpus][e->is_spam];
    if (fabs(g) < 1e-4)
        return;
    t->bias_squares += g * g;
    t->bias -= RATE * g / sqrt(t->bias_squares);
    slot = e->slot;
    for (unsigned v = 0; v < VIEW_GENERAL_N; slot += e->n[v++]) {
        double step = g * scale[v];
        for (uint32_t k = 0; scale[v] > 0 && k < e->n[v]; k++) {
            uint32_t i = slot[k];
            if (!t->may_teach[i])
                continue;
            double slope = step + DECAY * (double)t->weight[i];
            t->squares[i] = (float)((double)t->squares[i] + slope * slope);
            t->weight[i] = (float)((double)t->weight[i] - RATE * slope / sqrt((double)t->squares[i]));
        }
    }
}

static void fit_member(struct trainer *t, struct left_out out)
{
    weigh_corpora(t, out);
    memset(t->weight, 0, PRIOR_SLOTS * sizeof *t->weight);
    for (size_t i = 0; i < PRIOR_SLOTS; i++)
        t->squares[i] = (float)START_SQUARES;
    t->bias = 0;
    t->bias_squares = 1e-2;
    t->rng = 1 + (uint64_t)out.source;
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (!is_left_out(&t->ex[i], out))
            t->order[n++] = (uint32_t)i;
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = n; i > 1; i--) {
            size_t j = next_random(t) % i;
            uint32_t swap = t->order[i - 1];
            t->order[i - 1] = t->order[j];
            t->order[j] = swap;
        }
        for (size_t i = 0; i < n; i++)
            teach_one(t, &t->ex[t->order[i]]);
        t->done += t->per_pass;
        if (t->step)
            t->step(t->ctx, t->done < 1 ? t->done : 1);
    }
}

static double score(const struct trainer *t, const struct train_example *e)
{
    double odds = t->bias;
    const uint32_t *slot = e->slot;
    for (unsigned v = 0; v < VIEW_GENERAL_N; slot += e->n[v++])
        if (e->n[v])
            odds += view_sum(t, slot, e->n[v]) / sqrt((double)e->n[v]);
    return odds;
}

static void score_strangers(struct trainer *t, unsigned source)
{
    for (size_t i = 0; t->strange && i < t->n; i++)
        if (t->ex[i].source == source)
            t->strange[i] = score(t, &t->ex[i]);
}

/* The mean of the members; without members, one fit to all. */
static void fit(struct trainer *t, unsigned fold)
{
    if (t->n_members == 0) {
        fit_member(t, (struct left_out){fold, NOBODY});
        return;
    }
    double bias = 0;
    memset(t->sum, 0, PRIOR_SLOTS * sizeof *t->sum);
    for (unsigned m = 0; m < t->n_members; m++) {
        fit_member(t, (struct left_out){fold, t->member[m]});
        score_strangers(t, t->member[m]);
        bias += t->bias;
        for (size_t i = 0; i < PRIOR_SLOTS; i++)
            t->sum[i] += t->weight[i];
    }
    t->bias = bias / t->n_members;
    for (size_t i = 0; i < PRIOR_SLOTS; i++)
        t->weight[i] = t->sum[i] / (float)t->n_members;
}

/* A member for each source that is not small, if there are two. */
static void find_members(struct trainer *t)
{
    size_t messages[TRAIN_SOURCES_MAX] = {0};
    for (size_t i = 0; i < t->n; i++)
        messages[t->ex[i].source]++;
    for (unsigned s = 0; s < t->n_sources; s++)
        if (messages[s] >= SMALL_SOURCE)
            t->member[t->n_members++] = (uint8_t)s;
    if (t->n_members < 2)
        t->n_members = 0;
}

/* ---- calibration on what was left out ---- */

/* The scores that it is fitted on: [0] of senders, [1] of sources left out, and what each weighs. */
struct held_out {
    double *odds[2], weight[2];
};

static bool is_scored(const struct held_out *h, int kind, size_t i)
{
    return h->weight[kind] > 0 && !isnan(h->odds[kind][i]);
}

/* slope and offset of the log-odds by Newton's method, every corpus and class weighing the same. */
static void fit_line(const struct trainer *t, const struct held_out *h, double *slope, double *offset)
{
    double a = 1, b = 0;
    for (int round = 0; round < 200; round++) {
        double ga = 0, gb = 0, haa = 1e-6, hab = 0, hbb = 1e-6;
        for (size_t k = 0; k < 2 * t->n; k++) {
            size_t i = k / 2;
            if (!is_scored(h, k % 2, i))
                continue;
            const struct train_example *e = &t->ex[i];
            double x = h->odds[k % 2][i], p = fmath_sigmoid(a * x + b);
            double w = h->weight[k % 2] * t->share[e->corpus][e->is_spam], d = w * (p - e->is_spam);
            ga += d * x;
            gb += d;
            haa += w * p * (1 - p) * x * x;
            hab += w * p * (1 - p) * x;
            hbb += w * p * (1 - p);
        }
        double det = haa * hbb - hab * hab;
        double da = (hbb * ga - hab * gb) / det, db = (haa * gb - hab * ga) / det;
        da = da > 0.25 ? 0.25 : da < -0.25 ? -0.25 : da; /* far from the solution a full step may leap away */
        db = db > 1 ? 1 : db < -1 ? -1 : db;
        a -= da;
        b -= db;
        if (fabs(da) < 1e-9 && fabs(db) < 1e-9)
            break;
    }
    *slope = a > 0.01 ? a : 0.01;
    *offset = b;
}

/* A sample of the scores in which each corpus and class has its share, CALIB_MASS in all. */
static void fit_calib(const struct trainer *t, const struct held_out *h, double slope, double offset, struct calib *out)
{
    double owed[TRAIN_CORPORA_MAX][2] = {{0}};
    calib_init(out);
    for (size_t k = 0; k < 2 * t->n; k++) {
        size_t i = k % t->n;
        int kind = k >= t->n;
        if (!is_scored(h, kind, i))
            continue;
        const struct train_example *e = &t->ex[i];
        double *o = &owed[e->corpus][e->is_spam];
        *o += h->weight[kind] * t->share[e->corpus][e->is_spam] * CALIB_MASS / (double)t->n;
        for (; *o >= 1; *o -= 1)
            calib_teach(out, slope * h->odds[kind][i] + offset, e->is_spam);
    }
}

struct scored {
    double odds;
    bool is_spam;
};

static int compare_scored(const void *va, const void *vb)
{
    const struct scored *a = va, *b = vb;
    return a->odds < b->odds ? -1 : a->odds > b->odds;
}

static double roca_of(const struct trainer *t, const double *odds, unsigned corpus)
{
    struct scored *s = malloc(t->n * sizeof *s + 1);
    size_t n = 0;
    double spam = 0, ham = 0, inversions = 0, below = 0;
    if (!s)
        return -1;
    for (size_t i = 0; i < t->n; i++)
        if (t->ex[i].corpus == corpus) {
            s[n++] = (struct scored){odds[i], t->ex[i].is_spam};
            spam += t->ex[i].is_spam;
            ham += !t->ex[i].is_spam;
        }
    qsort(s, n, sizeof *s, compare_scored);
    for (size_t i = 0; i < n;) {
        double ties[2] = {0};
        double at = s[i].odds;
        for (; i < n && s[i].odds == at; i++)
            ties[s[i].is_spam]++;
        inversions += ties[0] * (below + ties[1] / 2);
        below += ties[1];
    }
    free(s);
    return spam > 0 && ham > 0 ? 100 * inversions / spam / ham : -1;
}

/* Scores of senders left out; then the final fit, and its members' scores of the sources they never saw. */
static void fit_all(struct trainer *t, struct held_out *h)
{
    for (unsigned fold = 0; fold < FOLDS; fold++) {
        fit(t, fold);
        for (size_t i = 0; i < t->n; i++)
            if (t->ex[i].block % FOLDS == fold)
                h->odds[0][i] = score(t, &t->ex[i]);
    }
    for (size_t i = 0; i < t->n; i++)
        h->odds[1][i] = NAN;
    t->strange = h->odds[1];
    fit(t, NOBODY);
    h->weight[1] = t->n_members ? STRANGERS : 0;
    h->weight[0] = 1 - h->weight[1];
}

static int fit_and_calibrate(struct trainer *t, struct train_result *out)
{
    double *odds = malloc(2 * t->n * sizeof *odds + 1);
    if (!odds)
        return POSSE_ENOMEM;
    struct held_out h = {.odds = {odds, odds + t->n}};
    fit_all(t, &h);
    for (unsigned c = 0; c < t->n_corpora; c++)
        out->held_out[c] = roca_of(t, odds, c);
    weigh_corpora(t, (struct left_out){NOBODY, NOBODY});
    double slope, offset;
    fit_line(t, &h, &slope, &offset);
    fit_calib(t, &h, slope, offset, &out->calib);
    out->head.slope = slope;
    out->head.offset = offset;
    free(odds);
    return POSSE_OK;
}

static int quantise(const struct trainer *t, size_t slots, struct train_result *out)
{
    float most = 1e-6f;
    for (size_t i = 0; i < slots; i++)
        if (fabsf(t->weight[i]) > most)
            most = fabsf(t->weight[i]);
    out->weight = malloc(slots * sizeof *out->weight);
    if (!out->weight)
        return POSSE_ENOMEM;
    out->head.step = (double)most / 32767;
    for (size_t i = 0; i < slots; i++)
        out->weight[i] = (int16_t)((double)t->weight[i] / out->head.step + (t->weight[i] < 0 ? -0.5 : 0.5));
    out->head.offset += out->head.slope * t->bias;
    out->head.format = PRIOR_FORMAT;
    out->head.extractor = EXTRACTOR_VERSION;
    out->head.views = VIEW_GENERAL_N;
    out->head.lessons = (uint32_t)t->n;
    sha256(span_of(out->weight, slots * sizeof *out->weight), out->head.digest);
    return POSSE_OK;
}

int prior_train(const struct train_example *ex, size_t n, unsigned n_sources, unsigned n_corpora, unsigned bits,
                void (*step)(void *ctx, double done), void *ctx, struct train_result *out, struct report *why)
{
    *out = (struct train_result){.weight = NULL};
    size_t spam = 0;
    for (size_t i = 0; i < n; i++)
        spam += ex[i].is_spam;
    if (spam == 0 || spam == n)
        return report_set(why, POSSE_EINVAL, "training needs both ham and spam; this has %zu of %zu spam", spam, n);
    if (n_sources > TRAIN_SOURCES_MAX || n_corpora > TRAIN_CORPORA_MAX)
        return report_set(why, POSSE_EINVAL, "at most %d sources and %d indexes", TRAIN_SOURCES_MAX, TRAIN_CORPORA_MAX);
    struct trainer t = {.ex = ex,
                        .n = n,
                        .n_sources = n_sources,
                        .n_corpora = n_corpora,
                        .step = step,
                        .ctx = ctx,
                        .per_pass = 1.0 / (EPOCHS * (FOLDS + 1))};
    find_members(&t);
    if (t.n_members)
        t.per_pass /= t.n_members;
    t.weight = malloc(PRIOR_SLOTS * sizeof *t.weight);
    t.squares = malloc(PRIOR_SLOTS * sizeof *t.squares);
    t.sum = malloc(PRIOR_SLOTS * sizeof *t.sum);
    t.may_teach = malloc(PRIOR_SLOTS * sizeof *t.may_teach);
    t.order = malloc(n * sizeof *t.order);
    int err = t.weight && t.squares && t.sum && t.may_teach && t.order ? POSSE_OK : POSSE_ENOMEM;
    if (!err)
        err = mark_common(&t);
    if (!err)
        err = fit_and_calibrate(&t, out);
    if (!err)
        err = quantise(&t, (size_t)1 << bits, out);
    free(t.weight);
    free(t.squares);
    free(t.sum);
    free(t.may_teach);
    free(t.order);
    return err ? report_set(why, err, "out of memory while training") : POSSE_OK;
}
