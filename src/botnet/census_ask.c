/* census_ask: from those there at a time, by addresses and by marks, to the answer. See census.h for what is done, census_live.c for how. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/census_priv.h"

static const double RESTS = 1.5, UNSEEN_MANY = 0.15, MARKED_MOST = 0.95, UNSURE = 1.5;
static const double BUSY = 10, BUSY_PART = 0.05, BUSY_UNSURE = 1.2;

/* All distinct in the period that were seen, as far as the sample tells. */
static struct estimate distinct(const struct view *v)
{
    double n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += i == 0 || v->s[i].key != v->s[i - 1].key;
    double mid = n * v->scale, half = 1.96 * v->scale * sqrt(n * (1 - 1 / v->scale));
    return (struct estimate){fmax(mid - half, n), mid, mid + half, (uint64_t)n, v->scale > 1 ? "sampled by hash" : "counted"};
}

static double spread_of(const struct range *r) { return r->mid > 0 && r->lo > 0 && isfinite(r->hi) ? log(r->hi / r->lo) / 3.92 : 5; }

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
    for (unsigned k = 0; k < ROLLS; k++) {
        int rc = view_make(c, first, end, k, &p->of[k]);
        if (!rc && k == ROLL_MARKED && p->of[k].n == p->of[ROLL_ADDRESSES].n && c->limit[k] == c->limit[ROLL_ADDRESSES])
            p->live[k] = p->live[ROLL_ADDRESSES]; /* all have marks */
        else if (rc || living_ask(&p->of[k], false, &p->live[k])) {
            period_free(p);
            return POSSE_ENOMEM;
        }
    }
    return POSSE_OK;
}

/* Are the marks one machine's own? Marks that many machines share would be far fewer than addresses; marks that are new in each message
 * would never be seen in two windows where addresses are: hardly one in fifty of these. Marks that came again less than AGAIN_LEAST times
 * tell nothing either way. */
enum { AGAIN_LEAST = 10 };
static bool marks_are_good(const struct period *p, const char **doubt)
{
    const struct view *m = &p->of[ROLL_MACHINES], *k = &p->of[ROLL_MARKED];
    if (k->n < PAIRS_LEAST)
        return false;
    double again = (double)m->n / (double)distinct(m).n, again_address = (double)k->n / (double)distinct(k).n; /* in how many windows */
    double back = (double)(m->n - distinct(m).n), back_address = (double)(k->n - distinct(k).n);
    bool is_shared = 2 * m->n < k->n, is_fresh = again_address > 1.2 && again < 1 + 0.2 * (again_address - 1);
    is_fresh |= back < AGAIN_LEAST || back < 0.02 * back_address;
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

/* Where only some machines leave a mark the others are taken to send as much as they. is_window: within a window, not at a time. */
static struct estimate live_answer(const struct period *p, bool by_marks, bool is_window, double *behind)
{
    const struct living *la = &p->live[ROLL_ADDRESSES], *lm = &p->live[ROLL_MACHINES];
    const struct range a = is_window ? la->window : la->live, m = is_window ? lm->window : lm->live;
    *behind = 0;
    if (!by_marks) {
        double more = behind_busy(&p->of[ROLL_ADDRESSES], a.mid);
        return (struct estimate){a.lo, a.mid, a.hi + BUSY_UNSURE * more, la->n, more > 0 ? "addresses, some perhaps shared" : "addresses"};
    }
    *behind = lm->live.mid / p->live[ROLL_MARKED].live.mid;
    if ((double)p->of[ROLL_MARKED].n * p->of[ROLL_MARKED].scale >= MARKED_MOST * (double)p->of[ROLL_ADDRESSES].n * p->of[ROLL_ADDRESSES].scale)
        return (struct estimate){m.lo, m.mid, m.hi, lm->n, "marks"};
    double all = messages_of(&p->of[ROLL_ADDRESSES]), marked = messages_of(&p->of[ROLL_MARKED]), more = all / marked, sm = spread_of(&m);
    double other = m.mid * (more - 1), each = marked / fmax(m.mid, 1); /* messages of one */
    double unlike = (lm->uneven + 1 / fmax(each, 1e-9)) * (1 / fmax(other, 1) + 1 / fmax(m.mid, 1)) * p->of[ROLL_MARKED].scale;
    double off = 1.96 * sqrt(sm * sm + (1 - 1 / more) * (1 - 1 / more) * unlike), mid = m.mid * more;
    return (struct estimate){mid * exp(-off), mid, mid * exp(off), lm->n, "marks, by messages"};
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

/* All machines of the period, from those living at a time and how fast addresses that stay are replaced. *fixed_now: of those addresses; n 0:
 * there are too few. */
static int ever_of_fixed(const struct view *v, const struct living *of_all, const struct estimate *live, struct estimate *out,
                         struct living *fixed_now)
{
    struct view fixed;
    struct living all = *of_all;
    int rc = view_fixed(v, &fixed);
    if (!rc && fixed.n && (fixed.n < v->n || !is_whole(v, of_all)))
        rc = living_ask(&fixed, true, &all);
    *fixed_now = (struct living){.n = 0};
    if (!rc && fixed.n && fixed.n == v->n) {
        *fixed_now = *of_all;
        *out = (struct estimate){all.block.lo, all.block.mid, all.block.hi, all.n, "addresses that stay"};
    } else if (!rc && fixed.n && !(rc = living_ask(&fixed, false, fixed_now))) {
        double times = fmax(all.block.mid / fmax(fixed_now->live.mid, 1e-9), 1), up = log(live->hi / live->mid), down = log(live->mid / fmax(live->lo, 1e-9));
        double off = 1.96 * hypot(spread_of(&fixed_now->live), log(all.block.hi / all.block.lo) / 3.92), mid = live->mid * times;
        *out = (struct estimate){mid * exp(-hypot(off, down)), mid, mid * exp(hypot(off, up)), all.n, "live and replaced"};
    }
    free(fixed.s);
    free(fixed.distinct);
    return rc;
}

/* Within a window, where an address is all that is known of a machine: that many addresses come into use in a window says that machines wake
 * or that leases end. Addresses that stay tell which; else, where machines sleep, how many are lost from one day to the next does. */
static void window_of_addresses(const struct living *a, const struct living *fixed, const struct estimate *live, struct estimate *out)
{
    double come = a->come / a->size;
    if (fixed->n)
        come = fmin(fixed->come / fixed->size, come);
    else
        come = a->sleeps && a->churn.rate >= 0 ? fmax(come - a->churn.rate, 0) : 0;
    out->mid = fmin(live->mid * (1 + come), out->mid);
    out->lo = fmin(live->lo, out->lo);
}

static int ever_answer(const struct period *p, bool by_marks, struct census_answer *a)
{
    const struct estimate *live = &a->live;
    struct estimate *out = &a->ever;
    struct living fixed;
    if (by_marks) {
        const struct living *now = &p->live[ROLL_MACHINES];
        struct living all = *now;
        if (!is_whole(&p->of[ROLL_MACHINES], now) && living_ask(&p->of[ROLL_MACHINES], true, &all))
            return POSSE_ENOMEM;
        double seen = (double)distinct(&p->of[ROLL_MACHINES]).mid;
        if (now->roster.mid > RESTS * now->live.mid && all.block.mid * (1 - UNSEEN_MANY) > seen) {
            /* They come and go all the time: a law of one stay each makes too many of them, how soon they are seen again too few. */
            all.block.lo = fmax(fmin(all.block.lo, now->roster.lo), seen);
            all.block.mid = fmax(sqrt(all.block.mid * now->roster.mid), seen);
            all.block.hi = fmax(all.block.hi, now->roster.hi);
        }
        double more = live->mid / now->live.mid, other = more > 1.02 ? log(live->hi / live->mid) : 0; /* that holds what is unsure of `more` */
        double down = log(all.block.mid / all.block.lo), up = log(all.block.hi / all.block.mid), mid = all.block.mid * more;
        *out = (struct estimate){mid * exp(-hypot(down, other)), mid, mid * exp(hypot(up, other)), all.n, live->method};
        return POSSE_OK;
    }
    if (ever_of_fixed(&p->of[ROLL_ADDRESSES], &p->live[ROLL_ADDRESSES], live, out, &fixed))
        return POSSE_ENOMEM;
    if (fixed.n != p->live[ROLL_ADDRESSES].n)
        window_of_addresses(&p->live[ROLL_ADDRESSES], &fixed, live, &a->within_window);
    if (fixed.n)
        return POSSE_OK;
    a->doubt = "no address stays: machines that were replaced cannot be told from addresses that changed";
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
    *out = (struct census_answer){.addresses = none, .live = none, .within_window = none, .ever = none, .late = c->late};
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
    out->live = live_answer(&p, by_marks, false, &out->machines_an_address);
    out->within_window = live_answer(&p, by_marks, true, &out->machines_an_address);
    const struct living *basis = &p.live[by_marks ? ROLL_MACHINES : ROLL_ADDRESSES], *a = &p.live[ROLL_ADDRESSES];
    if (ever_answer(&p, by_marks, out))
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
    struct estimate live = live_answer(&p, by_marks, false, &behind);
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
