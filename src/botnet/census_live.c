/* census_live: how many machines are there at a time, from the windows in which they were seen. See census.h for what is done,
 * census_fit.c for those never seen.
 *
 * Blocks of windows: as long as it takes to see machines many times, but not much longer than they stay, and no longer than the time after
 * which those that slept come back. Both are read from how many were seen in two windows, d apart: over how many pairs there could have been,
 * that falls as exp(-d / time that a machine keeps its address), rates and their unevenness do not enter (leases: the slope); as they are,
 * it falls while machines fall asleep, also when all do at the same hour, and rises again when they wake.
 * Sizes of blocks have few divisors in common with a day, so that they begin at all hours. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/census_priv.h"

enum { LAG_MOST = 168, RISE_MOST = 36, ENTRIES_MOST = 1 << 19, SEEN_ENOUGH = 12, OFTEN_MOST = 40, SLOTS_MOST = 192, WINDOWS_A_DAY = 24 };
static const double OFTEN = 30, COME_MOST = 1, RISE = 1.1, RISE_SURE = 4, ASLEEP = 0.55, LAW_UNSURE = 0.007, LAW_ASLEEP = 0.005, SHORT_UNSURE = 0.08;
static const double GRID_UNSURE = 0.0005, LAW_EVER = 0.015, UNSEEN_UNSURE = 0.15, UNSEEN_ASLEEP = 0.5;
static const int BLOCK[] = {1, 2, 3, 5, 7, 10, 14, 19, 26, 37, 53, 74, 101, 131, 167};

void view_free(struct view *v)
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

int view_make(const struct census *c, size_t first, size_t end, unsigned roll, struct view *v)
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

struct lags { double seen[LAG_MOST + 1], could[LAG_MOST + 1], windows[LAG_MOST + 1]; };

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
    int64_t span = v->n_windows ? v->number[v->n_windows - 1] - v->number[0] + 1 : 0;
    for (int d = 1; d <= most; d++)
        l->windows[d] = span > d ? (double)(span - d) : 0;
}

/* The time apart at which fewest are seen again, if clearly more are later: whoever slept comes back. 0: there is none. */
static int back_after(const struct lags *l)
{
    int least = 0;
    double fewest = INFINITY, unsure = 0;
    for (int d = 1; d <= RISE_MOST && l->windows[d] > 0; d++) {
        double at = l->seen[d] / l->windows[d], own = sqrt(l->seen[d] + 1) / l->windows[d];
        if (least && at > RISE * fewest + RISE_SURE * sqrt(own * own + unsure * unsure))
            return least;
        if (at < fewest) {
            fewest = at;
            unsure = own;
            least = d;
        }
    }
    return 0;
}

/* Least squares of log(seen / could) on lag, each weighed by how many were seen. every: only lags that it divides. */
static struct churn churn_of(const struct lags *l, int most, int every)
{
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int d = every; d <= most; d += every) {
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

/* All that are on now and then: who is on now is on again half a day to a day and a half later as often as any other, whatever the hours at
 * which it sleeps, so that those seen in both of two windows are as few as they are many (Lincoln and Petersen), less who was replaced
 * meanwhile; uneven ones are seen again the more often. */
static struct range roster_of(const struct view *v, const struct lags *l, double uneven)
{
    double seen = 0, could = 0;
    for (int d = WINDOWS_A_DAY / 2 + 1; d <= 3 * WINDOWS_A_DAY / 2; d++) {
        seen += l->seen[d];
        could += l->could[d];
    }
    struct churn gone = churn_of(l, LAG_MOST, WINDOWS_A_DAY);
    if (seen < PAIRS_LEAST || gone.deviation < 0)
        return (struct range){0, 0, 0};
    double span = (double)(v->number[v->n_windows - 1] - v->number[0] + 1), now = could / seen * v->scale;
    double times = (1 + gone.rate * span) * exp(-gone.rate * WINDOWS_A_DAY), mid = now * (1 + uneven) * times;
    double off = 1.96 * hypot(1 / sqrt(seen), gone.deviation * span / (1 + gone.rate * span));
    return (struct range){mid * exp(-hypot(off, log1p(uneven))), mid, mid * exp(hypot(off, log1p(uneven)))};
}

/* ---- blocks ---- */

/* Blocks of `size` windows in a row, each in which something was seen; block[i]: of window i, or -1; begins[block]. Returns how many. */
static int cut_blocks(const struct view *v, int size, int *block, int64_t *begins)
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
            begins[n++] = v->number[i];
        }
        i += run;
    }
    return n;
}

/* One that was seen in some windows of a block, in how many slots, the first and last of them. Slots of long blocks are joined. */
struct seen { unsigned times, first, last; };

static void see(struct seen *s, unsigned slots, int64_t window, unsigned join)
{
    for (; slots; slots &= slots - 1) {
        unsigned at = (unsigned)(window * SLOTS + __builtin_ctz(slots)) / join;
        if (s->times && at == s->last)
            continue;
        s->first = s->times ? s->first : at;
        s->last = at;
        s->times++;
    }
}

/* Of the slots in which one was seen in a window those that are kept, a part: drawn, but the same each time. */
static unsigned some_slots(const struct sighted *s, double part)
{
    unsigned slots = entry_slots(s->e);
    for (unsigned i = 0; part < 1 && i < SLOTS; i++)
        if ((double)(mix64(s->key * SLOTS + i + ((uint64_t)s->window << 48)) >> 11) * 0x1p-53 >= part)
            slots &= ~(1u << i);
    return slots;
}

/* part: of what was seen, that is looked at. */
static void count_blocks(const struct view *v, const int *block, const int64_t *begins, int size, double part, struct counts *c)
{
    unsigned join = (unsigned)(size * SLOTS + SLOTS_MOST - 1) / SLOTS_MOST;
    memset(c, 0, sizeof *c);
    c->slots = (unsigned)(size * SLOTS + (int)join - 1) / join;
    for (size_t i = 0; i < v->n;) {
        int at = block[v->s[i].window];
        struct seen s = {0, 0, 0};
        size_t j = i;
        for (; j < v->n && v->s[j].key == v->s[i].key && block[v->s[j].window] == at; j++)
            if (at >= 0)
                see(&s, some_slots(&v->s[j], part), v->number[v->s[j].window] - begins[at], join);
        if (s.times)
            counts_add(c, s.times, s.first, s.last);
        i = j;
    }
}

/* What is fitted, of one block and of all machines, each end further off by `off`. */
static struct range of_all(const struct range *fitted, double times, double off)
{
    double down = log(fitted->mid / fmax(fitted->lo, 1e-9)), up = isfinite(fitted->hi) ? log(fitted->hi / fitted->mid) : 20;
    double mid = fitted->mid * times;
    return (struct range){mid, mid * exp(-hypot(down, off)), mid * exp(hypot(up, off))};
}

static void living_of(const struct view *v, const struct fitted *f, double part, struct living *l)
{
    double times = v->scale / l->blocks, sample = sqrt(1 - 1 / v->scale) / sqrt(fmax(f->live.mid * part / l->blocks, 1)); /* which are in it */
    double law = (l->sleeps ? LAW_ASLEEP : LAW_UNSURE) * -expm1(-3 * f->come); /* stays are not quite like any of those laws */
    law = hypot(hypot(law, SHORT_UNSURE * f->come / l->size), GRID_UNSURE); /* nor long against a window; integrals are sums */
    l->live = of_all(&f->live, times * part, 1.96 * hypot(sample, law));
    l->window = of_all(&f->window, times * part, 1.96 * hypot(sample, law));
    l->uneven = f->uneven;
    l->come = f->come;
    law = (l->sleeps ? UNSEEN_ASLEEP : UNSEEN_UNSURE) * (f->all.mid - (double)l->n) / fmax(f->all.mid, 1); /* who rests is seen less often */
    law = hypot(law, LAW_EVER * -expm1(-3 * f->come) * f->come / (1 + f->come));
    l->block = of_all(&f->all, times, 1.96 * hypot(law, sample / sqrt(fmax(f->all.mid / fmax(f->live.mid * part, 1e-9), 1))));
}

/* Blocks longer than a day fill the period, so that little of it is left over. */
static int block_fit(const struct view *v, int size)
{
    int64_t span = v->n_windows ? v->number[v->n_windows - 1] - v->number[0] + 1 : 1, n = (2 * span + size) / (2 * (int64_t)size);
    return size <= WINDOWS_A_DAY ? size : (int)(span / (n > 1 ? n : 1));
}

/* The size of blocks: see above. */
static int block_size(const struct view *v, const struct lags *lags, int *block, int64_t *begins, struct counts *c, struct living *l)
{
    int back = back_after(lags), most = back ? (int)(ASLEEP * back) : LAG_MOST;
    for (unsigned i = 0; i < sizeof BLOCK / sizeof *BLOCK; i++) {
        int size = block_fit(v, BLOCK[i]), n = cut_blocks(v, size, block, begins);
        struct churn churn = churn_of(lags, size < 3 ? 3 : size, 1);
        if (i && (!n || size > most || churn.rate * size > COME_MOST))
            break;
        count_blocks(v, block, begins, size, 1, c);
        l->seen_often = c->sum / fmax(c->n, 1);
        l->size = size;
        l->blocks = n;
        l->churn = churn;
        if (l->seen_often >= SEEN_ENOUGH)
            break;
    }
    if (back)
        l->churn = churn_of(lags, LAG_MOST, WINDOWS_A_DAY);
    return l->size;
}

/* Windows that are in no block: how many are seen in a window of the period, over how many in one of the blocks. */
static double part_left_over(const struct view *v, const int *block)
{
    double all = 0, in = 0, n = 0;
    for (size_t i = 0; i < v->n_windows; i++) {
        all += v->distinct[i];
        in += block[i] >= 0 ? v->distinct[i] : 0;
        n += block[i] >= 0;
    }
    return in > 0 ? all / in * n / (double)v->n_windows : 1;
}

int living_ask(const struct view *v, bool is_whole, struct living *out)
{
    *out = (struct living){0};
    int *block = malloc((v->n_windows + 1) * sizeof *block);
    int64_t *begins = malloc((v->n_windows + 1) * sizeof *begins);
    struct lags *lags = malloc(sizeof *lags);
    struct counts *c = malloc(sizeof *c);
    struct fitted f;
    double part = 1;
    int rc = block && begins && lags && c ? POSSE_OK : POSSE_ENOMEM;
    if (!rc && v->n) {
        count_lags(v, LAG_MOST, lags);
        out->sleeps = back_after(lags) > 0;
        if (is_whole) {
            memset(block, 0, v->n_windows * sizeof *block);
            begins[0] = v->number[0];
            out->size = (int)(v->number[v->n_windows - 1] - v->number[0] + 1);
            out->blocks = 1;
        } else {
            cut_blocks(v, block_size(v, lags, block, begins, c, out), block, begins);
        }
        count_blocks(v, block, begins, out->size, 1, c);
        out->seen_often = c->sum / fmax(c->n, 1);
        out->n = (uint64_t)c->n;
        if (out->seen_often > OFTEN_MOST) /* a law cannot be fitted to counts that end at COUNTS; a part of what was seen says as much */
            count_blocks(v, block, begins, out->size, OFTEN / out->seen_often, c);
        part = part_left_over(v, block);
        rc = counts_fit(c, (unsigned)out->blocks, 1.0 / out->size, &f);
        if (!rc)
            living_of(v, &f, part, out);
        if (!rc && !is_whole)
            out->roster = roster_of(v, lags, out->uneven);
        out->block.lo = fmax(out->block.lo, (double)out->n / out->blocks);
        out->block.mid = fmax(out->block.mid, out->block.lo);
        out->block.hi = fmax(out->block.hi, out->block.mid);
    }
    free(block);
    free(begins);
    free(lags);
    free(c);
    return rc;
}
