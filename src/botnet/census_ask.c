/* census_ask: from windows to numbers of machines. See census.h for what is done, census_fit.c for those never seen.
 *
 * Leases: of all pairs of windows d apart, how many were seen in both, over how many could have been, falls as exp(-d / time that a machine
 * keeps its address); rates and their unevenness do not enter. The slope is fitted over lags no longer than the block.
 * Block: as long as it takes to see most machines several times, but no longer than a part of that time. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/census_priv.h"

enum { LAG_MOST = 168, ENTRIES_MOST = 1 << 19, SEEN_ENOUGH = 8, PAIRS_LEAST = 20 };
static const double UNSEEN_UNSURE = 0.1, MARKED_MOST = 0.95, UNSURE = 1.5;
static const int BLOCK[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96, 120, 168};

struct sighted { uint64_t key; uint32_t window; entry e; };

/* A roll within a period: sorted by key, then window. */
struct view {
    struct sighted *s;
    size_t n;
    double scale;              /* the sample stands for so many times as many */
    size_t n_windows;
    int64_t *number;           /* of the windows */
    double *distinct;          /* of each */
};

static void view_free(struct view *v)
{
    free(v->s);
    free(v->number);
    free(v->distinct);
    *v = (struct view){0};
}

static int by_key(const void *a, const void *b)
{
    const struct sighted *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->window > y->window) - (x->window < y->window);
}

static size_t places(const struct window *w, unsigned roll) { return w->is_open ? w->of[roll].cap : w->of[roll].n; }

static void view_fill(struct view *v, const struct window *w, unsigned roll, uint64_t limit)
{
    v->n = 0;
    for (size_t i = 0; i < v->n_windows; i++) {
        v->number[i] = w[i].number;
        v->distinct[i] = 0;
        for (size_t j = 0; j < places(&w[i], roll); j++) {
            entry e = w[i].of[roll].e[j];
            if (!e || entry_key(e) >= limit)
                continue;
            v->s[v->n++] = (struct sighted){entry_key(e), (uint32_t)i, e};
            v->distinct[i]++;
        }
    }
}

static int view_make(const struct census *c, size_t first, size_t end, unsigned roll, struct view *v)
{
    size_t most = 0;
    uint64_t limit = c->limit[roll];
    for (size_t i = first; i < end; i++)
        most += c->window[i].of[roll].n;
    for (size_t left = most; left > ENTRIES_MOST; left /= 2)
        limit /= 2;
    *v = (struct view){.n_windows = end - first, .scale = (double)ENTRY_KEYS / (double)limit};
    v->s = malloc((most + 1) * sizeof *v->s);
    v->number = calloc(v->n_windows + 1, sizeof *v->number);
    v->distinct = calloc(v->n_windows + 1, sizeof *v->distinct);
    if (!v->s || !v->number || !v->distinct) {
        view_free(v);
        return POSSE_ENOMEM;
    }
    view_fill(v, c->window + first, roll, limit);
    qsort(v->s, v->n, sizeof *v->s, by_key);
    return POSSE_OK;
}

/* ---- leases ---- */

struct lags { double seen[LAG_MOST + 1], could[LAG_MOST + 1]; };

static void count_lags(const struct view *v, int most, struct lags *l)
{
    *l = (struct lags){0};
    for (size_t i = 0; i < v->n; i++)
        for (size_t j = i + 1; j < v->n && v->s[j].key == v->s[i].key; j++) {
            int64_t lag = v->number[v->s[j].window] - v->number[v->s[i].window];
            if (lag > most)
                break;
            l->seen[lag]++;
        }
    for (size_t i = 0; i < v->n_windows; i++)
        for (size_t j = i + 1; j < v->n_windows && v->number[j] - v->number[i] <= most; j++)
            l->could[v->number[j] - v->number[i]] += v->distinct[i] * v->distinct[j];
}

struct churn { double rate, deviation; }; /* per window: which part of machines has another address in the next */

/* Least squares of log(seen / could) on lag, each weighed by how many were seen. */
static struct churn churn_of(const struct lags *l, int most)
{
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int d = 1; d <= most; d++) {
        if (!(l->seen[d] > 0))
            continue;
        double at = log(l->seen[d] / l->could[d]), n = l->seen[d];
        w += n;
        x += n * d;
        y += n * at;
        xx += n * d * d;
        xy += n * d * at;
    }
    double spread = w > 0 ? xx - x * x / w : 0;
    if (!(spread > 0) || w < PAIRS_LEAST)
        return (struct churn){0, -1};
    struct churn c = {-(xy - x * y / w) / spread, 1 / sqrt(spread)};
    c.rate = c.rate > 0 ? c.rate : 0;
    return c;
}

/* ---- blocks ---- */

/* Blocks of `size` windows in a row, each in which something was seen; block[i]: of window i, or -1. Returns how many. */
static int cut_blocks(const struct view *v, int size, int *block)
{
    int n = 0;
    for (size_t i = 0; i < v->n_windows; i++)
        block[i] = -1;
    for (size_t i = 0; i + (size_t)size <= v->n_windows;) {
        size_t run = 1;
        while (run < (size_t)size && v->number[i + run] == v->number[i] + (int64_t)run)
            run++;
        if (run == (size_t)size) {
            for (size_t j = 0; j < run; j++)
                block[i + j] = n;
            n++;
        }
        i += run;
    }
    return n;
}

static void count_blocks(const struct view *v, const int *block, struct counts *c)
{
    *c = (struct counts){0};
    for (size_t i = 0; i < v->n;) {
        int at = block[v->s[i].window];
        unsigned times = 0;
        size_t j = i;
        for (; j < v->n && v->s[j].key == v->s[i].key && block[v->s[j].window] == at; j++)
            times += (unsigned)__builtin_popcount(entry_slots(v->s[j].e));
        if (at >= 0)
            counts_add(c, times);
        i = j;
    }
}

/* Machines living at a time, and all that were there within a block. */
struct living { double mid, lo, hi, block; struct churn churn; double uneven, seen_often; int size; uint64_t n; };

static struct living living_of(const struct view *v, const struct counts *c, int blocks, int size, struct churn churn)
{
    struct fitted f = counts_fit(c, churn.rate * size);
    struct living l = {.churn = churn, .uneven = f.uneven, .seen_often = c->sum / fmax(c->n, 1), .size = size, .n = (uint64_t)c->n};
    double come = 1 + churn.rate * size, each = f.all / blocks;
    double sampled = sqrt(1 - 1 / v->scale) / sqrt(fmax(each, 1));   /* which ones are in the sample */
    double by_churn = churn.deviation > 0 ? fmin(churn.deviation * size / come, 1) : 0;
    double by_law = UNSEEN_UNSURE * (f.all - c->n) / f.all;          /* rates are not quite gamma, stays not quite exponential */
    double other = 1.96 * sqrt(sampled * sampled + by_churn * by_churn + by_law * by_law);
    double down = log(f.all / f.lo), up = isfinite(f.hi) ? log(f.hi / f.all) : 20;
    l.block = each * v->scale;
    l.mid = l.block / come;
    l.lo = l.mid * exp(-sqrt(down * down + other * other));
    l.hi = l.mid * exp(sqrt(up * up + other * other));
    return l;
}

/* How many may come, for each that lives at a time, within a block: the fewer sightings, the more such error is worth its price. */
static double churn_most(double seen_often) { return seen_often < 2 ? 1 : seen_often < 3 ? 0.6 : 0.25; }

static int live_of(const struct view *v, struct living *out)
{
    *out = (struct living){0};
    int *block = malloc((v->n_windows + 1) * sizeof *block);
    struct lags *lags = malloc(sizeof *lags);
    if (!block || !lags || !v->n) {
        free(block);
        free(lags);
        return block && lags ? POSSE_OK : POSSE_ENOMEM;
    }
    count_lags(v, LAG_MOST, lags);
    for (unsigned i = 0; i < sizeof BLOCK / sizeof *BLOCK; i++) {
        int size = BLOCK[i], n = cut_blocks(v, size, block);
        struct churn churn = churn_of(lags, size < 3 ? 3 : size);
        if (i && (!n || churn.rate * size > churn_most(out->seen_often)))
            break;
        struct counts c;
        count_blocks(v, block, &c);
        *out = living_of(v, &c, n, size, churn);
        if (out->seen_often >= SEEN_ENOUGH)
            break;
    }
    free(block);
    free(lags);
    return POSSE_OK;
}

/* ---- answers ---- */

/* All distinct in the period that were seen, as far as the sample tells. */
static struct estimate distinct(const struct view *v, struct counts *c)
{
    *c = (struct counts){0};
    for (size_t i = 0; i < v->n;) {
        unsigned times = 0;
        size_t j = i;
        for (; j < v->n && v->s[j].key == v->s[i].key; j++)
            times += (unsigned)__builtin_popcount(entry_slots(v->s[j].e));
        counts_add(c, times);
        i = j;
    }
    double mid = c->n * v->scale, half = 1.96 * v->scale * sqrt(c->n * (1 - 1 / v->scale));
    return (struct estimate){fmax(mid - half, c->n), mid, mid + half, (uint64_t)c->n, v->scale > 1 ? "sampled by hash" : "counted"};
}

static double spread_of(const struct living *l) { return l->mid > 0 && l->lo > 0 && isfinite(l->hi) ? log(l->hi / l->lo) / 3.92 : 5; }

/* Views of one period, and what they say. */
struct period { struct view of[ROLLS]; struct living live[ROLLS]; struct counts seen[ROLLS]; double span; };

static void period_free(struct period *p)
{
    for (unsigned k = 0; k < ROLLS; k++)
        view_free(&p->of[k]);
}

static int period_make(const struct census *c, int64_t from_ms, int64_t to_ms, struct period *p)
{
    *p = (struct period){0};
    size_t first = 0, end = c->n_windows;
    while (first < end && c->window[first].number * c->window_ms < from_ms)
        first++;
    while (end > first && c->window[end - 1].number * c->window_ms >= to_ms)
        end--;
    if (first == end)
        return POSSE_OK;
    p->span = (double)(c->window[end - 1].number - c->window[first].number + 1);
    for (unsigned k = 0; k < ROLLS; k++)
        if (view_make(c, first, end, k, &p->of[k]) || live_of(&p->of[k], &p->live[k])) {
            period_free(p);
            return POSSE_ENOMEM;
        }
    return POSSE_OK;
}

/* Are the marks one machine's own? Marks that many machines share would be far fewer than addresses; marks that are new in each message
 * would never be seen twice where addresses are. */
static bool marks_are_good(const struct period *p, const char **doubt)
{
    const struct living *m = &p->live[ROLL_MACHINES], *k = &p->live[ROLL_MARKED];
    if (p->of[ROLL_MARKED].n < 20)
        return false;
    bool is_shared = m->mid < 0.5 * k->mid, is_fresh = k->seen_often > 1.2 && m->seen_often < 1 + 0.2 * (k->seen_often - 1);
    if (is_shared || is_fresh)
        *doubt = is_shared ? "marks of machines are shared by many: not used" : "marks of machines do not come again: not used";
    return !is_shared && !is_fresh;
}

static double messages_of(const struct view *v)
{
    double n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += entry_n(v->s[i].e);
    return n * v->scale;
}

/* Where only some machines leave a mark the others are taken to send as much as they. */
static struct estimate live_answer(const struct period *p, bool by_marks, double *behind)
{
    struct living a = p->live[ROLL_ADDRESSES], m = p->live[ROLL_MACHINES], k = p->live[ROLL_MARKED];
    *behind = 0;
    if (!by_marks)
        return (struct estimate){a.lo, a.mid, a.hi, a.n, "addresses"};
    *behind = m.mid / k.mid;
    if ((double)p->of[ROLL_MARKED].n * p->of[ROLL_MARKED].scale >= MARKED_MOST * (double)p->of[ROLL_ADDRESSES].n * p->of[ROLL_ADDRESSES].scale)
        return (struct estimate){m.lo, m.mid, m.hi, m.n, "marks"};
    double more = messages_of(&p->of[ROLL_ADDRESSES]) / messages_of(&p->of[ROLL_MARKED]), sm = spread_of(&m);
    double unlike = (1 + m.uneven) / fmax((double)m.n, 1), off = 1.96 * sqrt(sm * sm + 2 * unlike), mid = m.mid * more;
    return (struct estimate){mid * exp(-off), mid, mid * exp(off), m.n, "marks, by messages"};
}

/* All machines of the period over those living at a time, from addresses that are not dynamic: each is one machine's as long as it lives.
 * mid 0: there are too few. */
static int turnover(const struct view *v, struct estimate *out)
{
    *out = (struct estimate){0};
    struct view fixed = *v;
    fixed.s = malloc((v->n + 1) * sizeof *fixed.s);
    fixed.distinct = calloc(v->n_windows + 1, sizeof *fixed.distinct);
    if (!fixed.s || !fixed.distinct) {
        free(fixed.s);
        free(fixed.distinct);
        return POSSE_ENOMEM;
    }
    fixed.n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (!(v->s[i].e & ENTRY_DYNAMIC)) {
            fixed.s[fixed.n++] = v->s[i];
            fixed.distinct[v->s[i].window]++;
        }
    struct counts seen;
    struct living l;
    distinct(&fixed, &seen);
    int rc = live_of(&fixed, &l);
    free(fixed.s);
    free(fixed.distinct);
    if (rc || seen.n < PAIRS_LEAST || !(l.mid > 0))
        return rc;
    struct fitted f = counts_fit(&seen, 0);
    double mid = fmax(f.all * v->scale / l.mid, 1), off = spread_of(&l) * 1.96, up = isfinite(f.hi) ? log(f.hi / f.all) : 20;
    *out = (struct estimate){fmax(mid * f.lo / f.all * exp(-off), 1), mid, mid * exp(up + off), (uint64_t)seen.n, "turnover"};
    return POSSE_OK;
}

static int ever_answer(const struct period *p, bool by_marks, const struct estimate *live, struct estimate *out, const char **doubt)
{
    struct estimate t;
    if (by_marks) {
        struct fitted f = counts_fit(&p->seen[ROLL_MACHINES], 0);
        double scale = p->of[ROLL_MACHINES].scale, sampled = (1 - 1 / scale) / f.all, up = isfinite(f.hi) ? log(f.hi / f.all) : 20;
        double other = log(live->hi / live->mid), mid = f.all * scale * live->mid / p->live[ROLL_MACHINES].mid;
        other = sqrt(3.84 * sampled + (live->mid > 1.05 * p->live[ROLL_MACHINES].mid ? other * other : 0));
        *out = (struct estimate){mid * f.lo / f.all * exp(-other), mid, mid * exp(up + other), p->live[ROLL_MACHINES].n, "marks"};
        return POSSE_OK;
    }
    if (turnover(&p->of[ROLL_ADDRESSES], &t))
        return POSSE_ENOMEM;
    *out = (struct estimate){live->lo, live->mid, live->hi, live->n, "live and replaced"};
    if (t.mid > 0) {
        out->mid *= t.mid;
        out->lo = live->mid * t.lo;
        out->hi = live->mid * t.hi;
        return POSSE_OK;
    }
    *doubt = "no address stays: machines that were replaced cannot be told from addresses that changed";
    out->hi = fmax(out->hi, p->seen[ROLL_ADDRESSES].n * p->of[ROLL_ADDRESSES].scale);
    return POSSE_OK;
}

void census_ask(const struct census *c, int64_t from_ms, int64_t to_ms, struct census_answer *out)
{
    static const struct estimate none = {0, 0, 0, 0, "none"};
    *out = (struct census_answer){.addresses = none, .live = none, .ever = none, .late = c->late};
    struct period p;
    if (period_make(c, from_ms, to_ms, &p)) {
        out->doubt = "no memory to ask";
        return;
    }
    if (!p.of[ROLL_ADDRESSES].n) {
        period_free(&p);
        return;
    }
    out->addresses = distinct(&p.of[ROLL_ADDRESSES], &p.seen[ROLL_ADDRESSES]);
    distinct(&p.of[ROLL_MACHINES], &p.seen[ROLL_MACHINES]);
    bool by_marks = marks_are_good(&p, &out->doubt);
    out->live = live_answer(&p, by_marks, &out->machines_an_address);
    const struct living *basis = &p.live[by_marks ? ROLL_MACHINES : ROLL_ADDRESSES], *a = &p.live[ROLL_ADDRESSES];
    if (ever_answer(&p, by_marks, &out->live, &out->ever, &out->doubt))
        out->doubt = "no memory to ask";
    if (basis->seen_often < UNSURE)
        out->doubt = "nearly all were seen once: how uneven machines are cannot be told, nor how many were never seen";
    if (a->churn.deviation > 0 && a->churn.rate > 0)
        out->lease_ms = (double)c->window_ms / a->churn.rate;
    period_free(&p);
}

size_t census_windows(const struct census *c, int64_t from_ms, int64_t to_ms, struct estimate *out, int64_t *start_ms, size_t max)
{
    struct period p;
    if (period_make(c, from_ms, to_ms, &p) || !p.of[ROLL_ADDRESSES].n)
        return 0;
    const char *doubt = NULL;
    double behind, mean = 0;
    bool by_marks = marks_are_good(&p, &doubt);
    struct estimate live = live_answer(&p, by_marks, &behind);
    const struct view *v = &p.of[by_marks ? ROLL_MACHINES : ROLL_ADDRESSES];
    size_t n = 0;
    for (size_t i = 0; i < v->n_windows; i++)
        mean += v->distinct[i] / (double)v->n_windows;
    for (size_t i = 0; i < v->n_windows; i++, n++) {
        if (n >= max)
            continue;
        double part = mean > 0 ? v->distinct[i] / mean : 0, seen = v->distinct[i];
        double down = live.mid > 0 ? log(live.mid / fmax(live.lo, 1e-9)) : 0, up = live.mid > 0 ? log(live.hi / live.mid) : 0;
        double own = seen > 0 ? 1.96 * sqrt(fmax(1 - seen / fmax(live.mid * part / v->scale, seen), 0) / seen) : 0;
        out[n] = (struct estimate){live.mid * part * exp(-sqrt(down * down + own * own)), live.mid * part,
                                   live.mid * part * exp(sqrt(up * up + own * own)), (uint64_t)seen, live.method};
        start_ms[n] = v->number[i] * c->window_ms;
    }
    period_free(&p);
    return n;
}
