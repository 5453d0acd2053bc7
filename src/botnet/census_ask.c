/* census_ask: from windows to numbers of machines. See census.h for what is done, census_fit.c for those never seen.
 *
 * Blocks of windows: as long as it takes to see machines many times, but not much longer than they stay, and no longer than the time after
 * which those that slept come back. Both are read from how many were seen in two windows, d apart: over how many pairs there could have been,
 * that falls as exp(-d / time that a machine keeps its address), rates and their unevenness do not enter (leases: the slope); as they are,
 * it falls while machines fall asleep, also when all do at the same hour, and rises again when they wake.
 * Sizes of blocks have few divisors in common with a day, so that they begin at all hours. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/census_priv.h"

enum { LAG_MOST = 168, RISE_MOST = 36, ENTRIES_MOST = 1 << 19, SEEN_ENOUGH = 12, SLOTS_MOST = 192, PAIRS_LEAST = 20, WINDOWS_A_DAY = 24 };
static const double MARKED_MOST = 0.95, UNSURE = 1.5, COME_MOST = 1, RISE = 1.1, RISE_SURE = 4, ASLEEP = 0.55, LAW_UNSURE = 0.015, LAW_ASLEEP = 0.022;
static const double UNSEEN_UNSURE = 0.15, UNSEEN_ASLEEP = 0.5;
static const double BUSY = 10, BUSY_PART = 0.05, BUSY_UNSURE = 1.2;
static const int BLOCK[] = {1, 2, 3, 5, 7, 10, 14, 19, 26, 37, 53, 74, 101, 131, 167};

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

struct churn { double rate, deviation; }; /* per window: which part of machines has another address in the next */

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

static void count_blocks(const struct view *v, const int *block, const int64_t *begins, int size, struct counts *c)
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
                see(&s, entry_slots(v->s[j].e), v->number[v->s[j].window] - begins[at], join);
        if (at >= 0)
            counts_add(c, s.times, s.first, s.last);
        i = j;
    }
}

/* Machines living at a time, and all that were there within a block. */
struct living {
    double mid, lo, hi, block, block_lo, block_hi, uneven, come, seen_often;
    struct churn churn;
    int size, blocks;
    bool sleeps;
    uint64_t n;
};

static void living_of(const struct view *v, const struct fitted *f, struct living *l)
{
    double each = f->live / l->blocks, sample = sqrt(1 - 1 / v->scale) / sqrt(fmax(each, 1)); /* which ones are in the sample */
    double law = (l->sleeps ? LAW_ASLEEP : LAW_UNSURE) * -expm1(-3 * f->come); /* stays are not quite like any of those laws */
    double off = 1.96 * hypot(sample, law);
    double down = log(f->live / fmax(f->live_lo, 1e-9)), up = isfinite(f->live_hi) ? log(f->live_hi / f->live) : 20;
    l->mid = each * v->scale;
    l->lo = l->mid * exp(-sqrt(down * down + off * off));
    l->hi = l->mid * exp(sqrt(up * up + off * off));
    l->uneven = f->uneven;
    l->come = f->come;
    law = (l->sleeps ? UNSEEN_ASLEEP : UNSEEN_UNSURE) * (f->all - (double)l->n) / fmax(f->all, 1); /* who rests is seen less often */
    law = hypot(law, LAW_UNSURE * -expm1(-3 * f->come) * f->come / (1 + f->come));
    off = 1.96 * hypot(law, sample / sqrt(fmax(f->all / fmax(f->live, 1e-9), 1)));
    down = log(f->all / f->all_lo);
    up = isfinite(f->all_hi) ? log(f->all_hi / f->all) : 20;
    l->block = f->all / l->blocks * v->scale;
    l->block_lo = l->block * exp(-sqrt(down * down + off * off));
    l->block_hi = l->block * exp(sqrt(up * up + off * off));
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
        count_blocks(v, block, begins, size, c);
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

/* Those living at a time; is_whole: the period is one block, `block` is then all that ever were there. */
static int living_ask(const struct view *v, bool is_whole, struct living *out)
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
        count_blocks(v, block, begins, out->size, c);
        out->seen_often = c->sum / fmax(c->n, 1);
        part = part_left_over(v, block);
        out->n = (uint64_t)c->n;
        rc = counts_fit(c, &f);
        f.live *= part;
        f.live_lo *= part;
        f.live_hi *= part;
        if (!rc)
            living_of(v, &f, out);
    }
    free(block);
    free(begins);
    free(lags);
    free(c);
    return rc;
}

/* ---- answers ---- */

/* All distinct in the period that were seen, as far as the sample tells. */
static struct estimate distinct(const struct view *v)
{
    double n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += i == 0 || v->s[i].key != v->s[i - 1].key;
    double mid = n * v->scale, half = 1.96 * v->scale * sqrt(n * (1 - 1 / v->scale));
    return (struct estimate){fmax(mid - half, n), mid, mid + half, (uint64_t)n, v->scale > 1 ? "sampled by hash" : "counted"};
}

static double spread_of(const struct living *l) { return l->mid > 0 && l->lo > 0 && isfinite(l->hi) ? log(l->hi / l->lo) / 3.92 : 5; }

/* Views of one period, and what they say. */
struct period { struct view of[ROLLS]; struct living live[ROLLS]; double span; };

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
        if (view_make(c, first, end, k, &p->of[k]) || living_ask(&p->of[k], false, &p->live[k])) {
            period_free(p);
            return POSSE_ENOMEM;
        }
    return POSSE_OK;
}

/* Are the marks one machine's own? Marks that many machines share would be far fewer than addresses; marks that are new in each message
 * would never be seen in two windows where addresses are. */
static bool marks_are_good(const struct period *p, const char **doubt)
{
    const struct view *m = &p->of[ROLL_MACHINES], *k = &p->of[ROLL_MARKED];
    if (k->n < PAIRS_LEAST)
        return false;
    double again = (double)m->n / (double)distinct(m).n, again_address = (double)k->n / (double)distinct(k).n; /* in how many windows */
    bool is_shared = 2 * m->n < k->n, is_fresh = again_address > 1.2 && again < 1 + 0.2 * (again_address - 1);
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

/* Machines that may stand behind addresses that send like BUSY or more of the others, beyond one each; 0: such send next to nothing. A machine
 * of its own that is so busy looks the same. */
static double behind_busy(const struct view *v, double live)
{
    double all = messages_of(v), each = all / fmax(live, 1), more = 0;
    for (int pass = 0; pass < 2; pass++) {
        double busy = 0, n = 0;
        for (size_t i = 0, j; i < v->n; i = j) {
            double messages = 0;
            for (j = i; j < v->n && v->s[j].key == v->s[i].key; j++)
                messages += entry_n(v->s[j].e);
            if (messages > BUSY * each) {
                busy += messages * v->scale;
                n += v->scale;
            }
        }
        if (!(busy > BUSY_PART * all) || !(busy < all) || !(live > n))
            return 0;
        each = (all - busy) / (live - n);
        more = busy / each - n;
    }
    return more;
}

/* Where only some machines leave a mark the others are taken to send as much as they. */
static struct estimate live_answer(const struct period *p, bool by_marks, double *behind)
{
    struct living a = p->live[ROLL_ADDRESSES], m = p->live[ROLL_MACHINES], k = p->live[ROLL_MARKED];
    *behind = 0;
    if (!by_marks) {
        double more = behind_busy(&p->of[ROLL_ADDRESSES], a.mid);
        return (struct estimate){a.lo, a.mid, a.hi + BUSY_UNSURE * more, a.n, more > 0 ? "addresses, some perhaps shared" : "addresses"};
    }
    *behind = m.mid / k.mid;
    if ((double)p->of[ROLL_MARKED].n * p->of[ROLL_MARKED].scale >= MARKED_MOST * (double)p->of[ROLL_ADDRESSES].n * p->of[ROLL_ADDRESSES].scale)
        return (struct estimate){m.lo, m.mid, m.hi, m.n, "marks"};
    double all = messages_of(&p->of[ROLL_ADDRESSES]), marked = messages_of(&p->of[ROLL_MARKED]), more = all / marked, sm = spread_of(&m);
    double other = m.mid * (more - 1), each = marked / fmax(m.mid, 1); /* messages of one */
    double unlike = (m.uneven + 1 / fmax(each, 1e-9)) * (1 / fmax(other, 1) + 1 / fmax(m.mid, 1)) * p->of[ROLL_MARKED].scale;
    double off = 1.96 * sqrt(sm * sm + (1 - 1 / more) * (1 - 1 / more) * unlike), mid = m.mid * more;
    return (struct estimate){mid * exp(-off), mid, mid * exp(off), m.n, "marks, by messages"};
}

/* Only addresses that are not dynamic: each is one machine's as long as that lives. n 0: there are too few. */
static int view_fixed(const struct view *v, struct view *out)
{
    *out = *v;
    out->s = malloc((v->n + 1) * sizeof *out->s);
    out->distinct = calloc(v->n_windows + 1, sizeof *out->distinct);
    out->n = 0;
    if (!out->s || !out->distinct)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < v->n; i++)
        if (!(v->s[i].e & ENTRY_DYNAMIC)) {
            out->s[out->n++] = v->s[i];
            out->distinct[v->s[i].window]++;
        }
    if (distinct(out).n < PAIRS_LEAST)
        out->n = 0;
    return POSSE_OK;
}

static bool is_whole(const struct view *v, const struct living *l) { return l->size == v->number[v->n_windows - 1] - v->number[0] + 1; }

/* All machines of the period, from those living at a time and how fast addresses that stay are replaced. */
static int ever_of_fixed(const struct view *v, const struct living *of_all, const struct estimate *live, struct estimate *out, bool *is_told)
{
    struct view fixed;
    struct living now, all = *of_all;
    int rc = view_fixed(v, &fixed);
    if (!rc && fixed.n && (fixed.n < v->n || !is_whole(v, of_all)))
        rc = living_ask(&fixed, true, &all);
    *is_told = !rc && fixed.n;
    if (*is_told && fixed.n == v->n)
        *out = (struct estimate){all.block_lo, all.block, all.block_hi, all.n, "addresses that stay"};
    else if (*is_told && !(rc = living_ask(&fixed, false, &now))) {
        double times = fmax(all.block / fmax(now.mid, 1e-9), 1), up = log(live->hi / live->mid), down = log(live->mid / fmax(live->lo, 1e-9));
        double off = 1.96 * hypot(spread_of(&now), log(all.block_hi / all.block_lo) / 3.92), mid = live->mid * times;
        *out = (struct estimate){mid * exp(-hypot(off, down)), mid, mid * exp(hypot(off, up)), all.n, "live and replaced"};
    }
    free(fixed.s);
    free(fixed.distinct);
    return rc;
}

static int ever_answer(const struct period *p, bool by_marks, const struct estimate *live, struct estimate *out, const char **doubt)
{
    bool is_told;
    if (by_marks) {
        const struct living *now = &p->live[ROLL_MACHINES];
        struct living all = *now;
        if (!is_whole(&p->of[ROLL_MACHINES], now) && living_ask(&p->of[ROLL_MACHINES], true, &all))
            return POSSE_ENOMEM;
        double more = live->mid / now->mid, other = more > 1.02 ? log(live->hi / live->mid) : 0; /* that holds what is unsure of `more` */
        double down = log(all.block / all.block_lo), up = log(all.block_hi / all.block), mid = all.block * more;
        *out = (struct estimate){mid * exp(-hypot(down, other)), mid, mid * exp(hypot(up, other)), all.n, live->method};
        return POSSE_OK;
    }
    if (ever_of_fixed(&p->of[ROLL_ADDRESSES], &p->live[ROLL_ADDRESSES], live, out, &is_told))
        return POSSE_ENOMEM;
    if (is_told)
        return POSSE_OK;
    *doubt = "no address stays: machines that were replaced cannot be told from addresses that changed";
    *out = (struct estimate){live->lo, live->mid, fmax(live->hi, distinct(&p->of[ROLL_ADDRESSES]).mid), live->n, "between live and addresses"};
    return POSSE_OK;
}

/* Where nearly all were seen once, those never seen are bounded by nothing; more than there are addresses of IPv4 is no answer. */
static struct estimate within_reason(struct estimate e)
{
    const double most = 4294967296.0;
    e.lo = fmin(e.lo, most), e.mid = fmin(e.mid, most), e.hi = fmin(e.hi, most);
    return e;
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
    out->addresses = distinct(&p.of[ROLL_ADDRESSES]);
    bool by_marks = marks_are_good(&p, &out->doubt);
    out->live = live_answer(&p, by_marks, &out->machines_an_address);
    const struct living *basis = &p.live[by_marks ? ROLL_MACHINES : ROLL_ADDRESSES], *a = &p.live[ROLL_ADDRESSES];
    if (ever_answer(&p, by_marks, &out->live, &out->ever, &out->doubt))
        out->doubt = "no memory to ask";
    out->live = within_reason(out->live);
    out->ever = within_reason(out->ever);
    if (out->machines_an_address > 0) /* fewer machines than addresses: some changed theirs meanwhile */
        out->machines_an_address = fmax(out->machines_an_address, 1);
    if (!by_marks && behind_busy(&p.of[ROLL_ADDRESSES], out->live.mid) > 0)
        out->doubt = "some addresses send like many machines: without marks nobody can tell whether they are shared; each counts as one";
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
        out[n] = within_reason(out[n]);
        start_ms[n] = v->number[i] * c->window_ms;
    }
    period_free(&p);
    return n;
}
