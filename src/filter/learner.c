/* learner: see learner.h for what it is. How it is laid out and why the numbers are what they are:
 *
 * One slot holds the state of all learners, 32 bytes, so a feature costs one cache line whoever reads it. Views share
 * the table; their slots are hashes of (view, feature), so they only collide by chance. All-zero bytes are an untaught
 * slot (AROW's variance is stored as what was taken from 1), so an empty table is untouched zero pages.
 *
 * A message's features in a view have the value x = 1 / sqrt(n), n of them: long and short messages then move the model
 * alike. Both classes' errors are weighed by (1/2 / share of the class)^1/2.
 *
 * Naive Bayes adds log((spam + a) / (ham + a)) - log(spam messages / ham messages) over the features that have counts
 * and divides by sqrt of their number, for they are far from independent. The pseudo-count is not scaled with the
 * class totals, though theory asks for it: while one class is rare, features of the common class seen once then speak
 * for the rare one. Alone that is worse; in the fusion it balances the other learners, who lean to the common
 * class, and it wins (in the prototype spamassassin .048 against .066, lists2 list by list .050 against .063).
 *
 * Not done, for it did not help: shrinking margins by the share of unknown features ("novelty": spamassassin missed 13%
 * against 10%), replaying hard lessons, raw bytes as a view ("lanes").
 *
 * The names in quotation marks are sections of bench/ablation.md, with the figures and with what else was tried. The
 * constants were chosen on csdmc, lists2 list by list, comments, an interleaved stream and enron_text, and confirmed on
 * spamassassin, lists and lists2. */
#include "filter/learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/fmath.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the block is the memory: little-endian only"
#endif

static const double PLAIN_RATE = 10;    /* "rates" */
static const double ADAGRAD_RATE = 0.2; /* "rates" */
static const float ADAGRAD_FLOOR = 1e-7f;
static const double AROW_R = 0.3;               /* "rates" */
static const double AROW_GAIN = 3;              /* margin 1, where AROW stops learning, is log-odds 3 */
static const double CLASS_WEIGHT_MAX = 4;       /* "class balance" */
static const double PSEUDO[2] = {0.03, 0.2};    /* "naive Bayes", "pseudo-counts" */
static const double COUNT_GAIN[2] = {1, 0.5};   /* "rates" */
static const double COUNT_MARGIN[2] = {10, 20}; /* log-odds past which a count is not taught: "naive Bayes" */

enum { COUNT_MAX = UINT16_MAX, BLOCK_VERSION = 1, AHEAD = 16 /* cells fetched in advance */ };
static const char BLOCK_MAGIC[8] = "PoLearn";

struct cell {
    float plain, adagrad, adagrad_sum, arow, arow_taken; /* arow_taken: 1 - variance */
    uint16_t count[2][2];                                /* [set of counts][is spam] */
    uint32_t zero;
};
_Static_assert(sizeof(struct cell) == 32, "two cells a cache line");

struct head {
    char magic[8];
    uint32_t version, bits, views, kinds;
    uint64_t lessons[2];
    uint64_t counted[LANE_N][2][2]; /* lessons that taught [lane][set of counts][is spam] */
};

/* The table begins on a cache line, whatever the head's size. */
enum { HEAD_BYTES = (sizeof(struct head) + 63) / 64 * 64 };

struct learner {
    struct head *head;
    struct cell *cell;
    unsigned shift; /* from a feature's slot to a cell */
    bool owned, has_logs;
    float log_count[2][COUNT_MAX + 1]; /* log(n + PSEUDO); zeros until something is taught */
};

/* ---- life ---- */

size_t learner_block_bytes(unsigned bits) { return HEAD_BYTES + (sizeof(struct cell) << bits); }

/* 131,072 logarithms are 3 ms: a model that was never taught starts without them. */
static void make_logs(struct learner *l)
{
    for (unsigned set = 0; set < 2; set++)
        for (unsigned n = 0; n <= COUNT_MAX; n++)
            l->log_count[set][n] = (float)fmath_log(n + PSEUDO[set]);
    l->has_logs = true;
}

static int attach(void *block, bool owned, struct learner **out)
{
    struct learner *l = calloc(1, sizeof *l);
    if (!l)
        return POSSE_ENOMEM;
    l->head = block;
    l->cell = (struct cell *)((uint8_t *)block + HEAD_BYTES);
    l->shift = FEATURE_BITS - l->head->bits;
    l->owned = owned;
    if (l->head->lessons[0] + l->head->lessons[1])
        make_logs(l);
    *out = l;
    return POSSE_OK;
}

static void head_init(struct head *h, unsigned bits)
{
    memset(h, 0, sizeof *h);
    memcpy(h->magic, BLOCK_MAGIC, sizeof h->magic);
    h->version = BLOCK_VERSION;
    h->bits = bits;
    h->views = LANE_N;
    h->kinds = LEARNER_KINDS;
}

static void madvise_huge(void *block, size_t n)
{
    const uintptr_t page = 4096;
    uintptr_t from = ((uintptr_t)block + page - 1) & ~(page - 1), to = ((uintptr_t)block + n) & ~(page - 1);
    if (to > from)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

int learner_new(unsigned bits, struct learner **out)
{
    *out = NULL;
    if (bits < LEARNER_BITS_MIN || bits > FEATURE_BITS)
        return POSSE_EINVAL;
    void *block = calloc(1, learner_block_bytes(bits));
    if (!block)
        return POSSE_ENOMEM;
    /* A page table walk a feature costs as much as the learners: 2 MiB pages where the system has them. */
    madvise_huge(block, learner_block_bytes(bits));
    head_init(block, bits);
    int err = attach(block, true, out);
    if (err)
        free(block);
    return err;
}

int learner_over(void *block, size_t n, struct learner **out)
{
    *out = NULL;
    const char *reason;
    int err = learner_validate(block, n, &reason);
    return err ? err : attach(block, false, out);
}

int learner_own(struct learner *l)
{
    struct learner *own;
    if (l->owned)
        return POSSE_OK;
    int err = learner_new(l->head->bits, &own);
    if (err)
        return err;
    memcpy(own->head, l->head, learner_block_bytes(l->head->bits));
    l->head = own->head;
    l->cell = own->cell;
    l->owned = true;
    free(own);
    return POSSE_OK;
}

void learner_free(struct learner **l)
{
    if (!*l)
        return;
    if ((*l)->owned)
        free((*l)->head);
    free(*l);
    *l = NULL;
}

void learner_clear(struct learner *l)
{
    unsigned bits = l->head->bits;
    memset(l->head, 0, learner_block_bytes(bits));
    head_init(l->head, bits);
}

uint64_t learner_lessons(const struct learner *l, bool is_spam) { return l->head->lessons[is_spam]; }

const void *learner_block(const struct learner *l, size_t *n_out)
{
    *n_out = learner_block_bytes(l->head->bits);
    return l->head;
}

static bool cell_is_sound(const struct cell *c)
{
    /* A NaN fails every comparison. */
    const float most = 1e9f;
    return c->plain > -most && c->plain < most && c->adagrad > -most && c->adagrad < most && c->adagrad_sum >= 0 &&
           c->adagrad_sum < most && c->arow > -most && c->arow < most && c->arow_taken >= 0 && c->arow_taken <= 1 &&
           c->zero == 0;
}

int learner_validate(const void *block, size_t n, const char **reason)
{
    const struct head *h = block;
    *reason = "the learner's table is cut short";
    if (n < HEAD_BYTES)
        return POSSE_ECORRUPT;
    *reason = "not a learner's table";
    if (memcmp(h->magic, BLOCK_MAGIC, sizeof h->magic))
        return POSSE_ECORRUPT;
    *reason = "the learner's table is of another version";
    if (h->version != BLOCK_VERSION || h->views != LANE_N || h->kinds != LEARNER_KINDS)
        return POSSE_EVERSION;
    *reason = "the learner's table has a wrong size";
    if (h->bits < LEARNER_BITS_MIN || h->bits > FEATURE_BITS || n != learner_block_bytes(h->bits))
        return POSSE_ECORRUPT;
    *reason = "a weight in the learner's table is not a sound number";
    const struct cell *c = (const struct cell *)((const uint8_t *)block + HEAD_BYTES);
    for (size_t i = 0; i < (size_t)1 << h->bits; i++)
        if (!cell_is_sound(&c[i]))
            return POSSE_ECORRUPT;
    *reason = NULL;
    return POSSE_OK;
}

/* ---- judge ---- */

/* Log of the odds between the classes among the lessons that were counted: what a feature must beat. */
static double count_base(const struct learner *l, unsigned v, unsigned set)
{
    const uint64_t *n = l->head->counted[v][set];
    return fmath_log((double)(n[1] + 1) / (double)(n[0] + 1));
}

static inline double count_odds(const struct learner *l, const struct cell *c, unsigned set, double base)
{
    return (double)l->log_count[set][c->count[set][1]] - (double)l->log_count[set][c->count[set][0]] - base;
}

static inline unsigned is_counted(const struct cell *c, unsigned set)
{
    return (c->count[set][0] | c->count[set][1]) != 0;
}

/* The table is larger than the second-level cache and slots are hashes: without this every feature is a stall. */
static inline void fetch_ahead(const struct learner *l, const struct feature_set *f, uint32_t i, uint32_t to)
{
    __builtin_prefetch(&l->cell[f->slot[i + AHEAD < to ? i + AHEAD : to - 1] >> l->shift]);
}

static void judge_view(const struct learner *l, const struct feature_set *f, unsigned v, struct learner_odds *out)
{
    uint32_t from = f->start[lane_first[v]], to = f->start[lane_end[v]];
    memset(out->odds[v], 0, sizeof out->odds[v]);
    out->novelty[v] = 0;
    out->counted[v][0] = out->counted[v][1] = 0;
    if (from == to)
        return;
    double plain = 0, adagrad = 0, arow = 0, taken = 0, counts[2] = {0, 0};
    double base[2] = {count_base(l, v, 0), count_base(l, v, 1)};
    for (uint32_t i = from; i < to; i++) {
        fetch_ahead(l, f, i, f->start[VIEW_N]);
        const struct cell *c = &l->cell[f->slot[i] >> l->shift];
        plain += (double)c->plain;
        adagrad += (double)c->adagrad;
        arow += (double)c->arow;
        taken += (double)c->arow_taken;
        for (unsigned set = 0; set < 2; set++) {
            /* No branch: whether a feature was counted is a coin toss to the processor. */
            unsigned is = is_counted(c, set);
            counts[set] += is * count_odds(l, c, set, base[set]);
            out->counted[v][set] += is;
        }
    }
    double n = to - from, x = 1 / sqrt(n);
    out->novelty[v] = 1 - taken / n;
    out->odds[v][LEARNER_PLAIN] = plain * x;
    out->odds[v][LEARNER_ADAGRAD] = adagrad * x;
    out->odds[v][LEARNER_AROW] = arow * x * AROW_GAIN;
    for (unsigned set = 0; set < 2; set++)
        if (out->counted[v][set])
            out->odds[v][LEARNER_HARD_COUNTS + set] = COUNT_GAIN[set] * counts[set] /
                                                      sqrt((double)out->counted[v][set]);
}

void learner_judge(const struct learner *l, const struct feature_set *f, struct learner_odds *out)
{
    for (unsigned v = 0; v < LANE_N; v++)
        judge_view(l, f, v, out);
}

/* ---- teach ---- */

/* One lesson's steps in one view: the same for all its features. */
struct step {
    double plain, adagrad, arow, arow_shrink;
    float adagrad_square;
    bool count[2];
    unsigned is_spam;
};

static double class_weight(const struct learner *l, bool is_spam)
{
    double same = (double)(l->head->lessons[is_spam] + 2);
    double all = (double)(l->head->lessons[0] + l->head->lessons[1] + 4);
    double w = sqrt(all / (2 * same));
    return w < CLASS_WEIGHT_MAX ? w : CLASS_WEIGHT_MAX;
}

static struct step step_of(const struct learner_odds *o, unsigned v, uint32_t n, bool is_spam, double weight)
{
    double x = 1 / sqrt((double)n), sign = is_spam ? 1 : -1, label = is_spam ? 1 : 0;
    struct step s = {.is_spam = is_spam};
    s.plain = PLAIN_RATE * weight * (label - fmath_sigmoid(o->odds[v][LEARNER_PLAIN])) * x;
    double g = weight * (label - fmath_sigmoid(o->odds[v][LEARNER_ADAGRAD])) * x;
    s.adagrad = ADAGRAD_RATE * g;
    s.adagrad_square = (float)(g * g);
    double margin = sign * o->odds[v][LEARNER_AROW] / AROW_GAIN;
    if (margin < 1) {
        double beta = 1 / (o->novelty[v] + AROW_R);
        s.arow = (1 - margin) * beta * x * sign;
        s.arow_shrink = beta * x * x;
    }
    for (unsigned set = 0; set < 2; set++)
        s.count[set] = sign * o->odds[v][LEARNER_HARD_COUNTS + set] < COUNT_MARGIN[set];
    return s;
}

static inline void cell_teach(struct cell *c, const struct step *s)
{
    c->plain = (float)((double)c->plain + s->plain);
    c->adagrad_sum += s->adagrad_square;
    c->adagrad = (float)((double)c->adagrad + s->adagrad / (double)sqrtf(c->adagrad_sum + ADAGRAD_FLOOR));
    double variance = 1 - (double)c->arow_taken;
    c->arow = (float)((double)c->arow + s->arow * variance);
    c->arow_taken = (float)((double)c->arow_taken + s->arow_shrink * variance * variance);
    for (unsigned set = 0; set < 2; set++) {
        uint16_t *n = c->count[set];
        /* Both stand still when one is full: their ratio then stays what it was. */
        if (s->count[set] && n[0] < COUNT_MAX && n[1] < COUNT_MAX)
            n[s->is_spam]++;
    }
}

void learner_teach(struct learner *l, const struct feature_set *f, const struct learner_odds *odds, bool is_spam)
{
    double weight = class_weight(l, is_spam);
    if (!l->has_logs)
        make_logs(l);
    for (unsigned v = 0; v < LANE_N; v++) {
        uint32_t from = f->start[lane_first[v]], to = f->start[lane_end[v]];
        if (from == to)
            continue;
        struct step s = step_of(odds, v, to - from, is_spam, weight);
        for (unsigned set = 0; set < 2; set++)
            l->head->counted[v][set][is_spam] += s.count[set];
        for (uint32_t i = from; i < to; i++) {
            fetch_ahead(l, f, i, f->start[VIEW_N]);
            cell_teach(&l->cell[f->slot[i] >> l->shift], &s);
        }
    }
    l->head->lessons[is_spam]++;
}

/* ---- explain ---- */

void learner_explain(const struct learner *l, const struct feature_set *f, const struct learner_odds *odds,
                     double gain[LANE_N][LEARNER_KINDS], double *share_out)
{
    for (unsigned v = 0; v < LANE_N; v++) {
        uint32_t from = f->start[lane_first[v]], to = f->start[lane_end[v]];
        if (from == to)
            continue;
        double x = 1 / sqrt((double)(to - from)), per[2], base[2];
        for (unsigned set = 0; set < 2; set++) {
            uint32_t n = odds->counted[v][set];
            per[set] = n ? gain[v][LEARNER_HARD_COUNTS + set] * COUNT_GAIN[set] / sqrt((double)n) : 0;
            base[set] = count_base(l, v, set);
        }
        for (uint32_t i = from; i < to; i++) {
            const struct cell *c = &l->cell[f->slot[i] >> l->shift];
            double s = x * (gain[v][LEARNER_PLAIN] * (double)c->plain + gain[v][LEARNER_ADAGRAD] * (double)c->adagrad +
                            gain[v][LEARNER_AROW] * AROW_GAIN * (double)c->arow);
            for (unsigned set = 0; set < 2; set++)
                s += is_counted(c, set) * (per[set] * count_odds(l, c, set, base[set]));
            share_out[i] = s;
        }
    }
}
