/* census_fit: from how often each was seen, and when, to how many there are.
 *
 * Those never seen are missing (Chao, Scand. J. Statist. 1984, bounds them from below; how uneven rates are says by how much more). Those seen
 * far more often than the middle one (many machines behind one address, a flood) say nothing of those never seen and would bend the law:
 * the fit is to the rest, as in ACE (Chao and Lee, JASA 1992). No law is chosen: two laws of rates and four of stays (census_law.c) are
 * weighed by how well they fit, each over all degrees of unevenness, and the interval is that of the mixture (Madigan and York, Biometrika
 * 1997). Within each, the mean rate and the coming and going are the likeliest, with a normal law around them (Laplace).
 * Thought of before seeing anything: unevenness c exponential, mean 0.5; who comes in a block, a, about 0.3 within a factor of five;
 * nobody comes or goes as probable as all else. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/census_priv.h"

static const double SAME = 0.4, USUALLY = 0.5, COME_USUALLY = 0.3, COME_SPREAD = 1.5, STEP_M = 0.01, STEP_A = 0.04;
static const double LOG_C_LEAST = -5.3, LOG_C_MOST = 1.6, LOG_A_MOST = 2.2, LOG_M_MOST = 5.5, WALL = 50, HOPELESS = 4, APART = 1.1, BESIDE = 0.12;
enum stays { STAY_ALL, STAY_DAYS, STAY_EXPONENTIAL, STAY_SOME, STAYS };
enum { POINTS = 5, PARTS_OF_MIXTURE = 2 * STAYS * POINTS };
enum what { UNSEEN, LIVE, WINDOW, WHATS };

/* Where one law is looked at: at this unevenness, the mean rate and coming that are likeliest. */
struct at {
    double log_c, log_m, log_a;
};
/* A law's weight and what it says: from[] and a lognormal of so much more. */
struct part {
    double weight, mid[WHATS], spread[WHATS], from[WHATS], c, come;
};
struct fit {
    const struct sample *s;
    struct integrals *t;
    bool is_inverse;
    enum stays stays;
    double n; /* all, also those not fitted */
    double window; /* its part of a block */
    double worth;  /* of what one was seen to do in a block, beside what it did in the others */
};

static struct law law_at(const struct fit *f, const struct at *x)
{
    static const double hazard[STAYS] = {0, 0, 1, 4};
    double a = f->stays ? exp(x->log_a) : 0;
    return (struct law){x->log_m, x->log_c, a, hazard[f->stays] * a, f->is_inverse};
}

static double posterior(const struct fit *f, const struct at *x, double *unseen)
{
    struct law l = law_at(f, x);
    double before = x->log_c - exp(x->log_c) / USUALLY, apart = f->stays ? (x->log_a - log(COME_USUALLY)) / COME_SPREAD : 0;
    double most = f->stays == STAY_DAYS ? 0 : LOG_A_MOST, over = f->stays && x->log_a > most ? x->log_a - most : 0;
    double fast = fmax(x->log_m - LOG_M_MOST, 0); /* who fills all slots says nothing of how much faster it is */
    return f->worth * law_likelihood(f->s, &l, f->t, unseen) + before - apart * apart / 2 - WALL * over * over -
           WALL * fast * fast;
}

/* Value, slope and bend in the logarithms of mean rate and coming, by differences. */
struct shape {
    double f, fm, fa, mm, aa, ma, unseen, unseen_m, unseen_a;
};

static struct shape shape_at(const struct fit *f, const struct at *x)
{
    struct shape s = {0};
    struct at y = *x;
    double u[5], v[5] = {0};
    s.f = posterior(f, x, &s.unseen);
    for (int i = 0; i < 2; i++) {
        y.log_m = x->log_m + (i ? -STEP_M : STEP_M);
        v[i] = posterior(f, &y, &u[i]);
    }
    s.fm = (v[0] - v[1]) / (2 * STEP_M);
    s.mm = (v[0] + v[1] - 2 * s.f) / (STEP_M * STEP_M);
    s.unseen_m = (u[0] - u[1]) / (2 * STEP_M);
    if (!f->stays)
        return s;
    y.log_m = x->log_m;
    for (int i = 2; i < 4; i++) {
        y.log_a = x->log_a + (i == 3 ? -STEP_A : STEP_A);
        v[i] = posterior(f, &y, &u[i]);
    }
    y = (struct at){x->log_c, x->log_m + STEP_M, x->log_a + STEP_A};
    v[4] = posterior(f, &y, &u[4]);
    s.fa = (v[2] - v[3]) / (2 * STEP_A);
    s.aa = (v[2] + v[3] - 2 * s.f) / (STEP_A * STEP_A);
    s.ma = (v[4] - v[0] - v[2] + s.f) / (STEP_M * STEP_A);
    s.unseen_a = (u[2] - u[3]) / (2 * STEP_A);
    return s;
}

/* Newton's step, or uphill where it is not concave; false: nowhere to go. */
static bool step_of(const struct fit *f, const struct shape *s, double *dm, double *da)
{
    double d = s->mm * s->aa - s->ma * s->ma;
    if (!f->stays) {
        *dm = s->mm < 0 ? -s->fm / s->mm : copysign(0.5, s->fm);
        *da = 0;
    } else if (s->mm < 0 && d > 0) {
        *dm = -(s->aa * s->fm - s->ma * s->fa) / d;
        *da = -(s->mm * s->fa - s->ma * s->fm) / d;
    } else {
        *dm = s->mm < 0 ? -s->fm / s->mm : copysign(0.3, s->fm);
        *da = s->aa < 0 ? -s->fa / s->aa : copysign(0.3, s->fa);
    }
    double most = fmax(fabs(*dm), fabs(*da));
    if (most > 1) {
        *dm /= most;
        *da /= most;
    }
    return isfinite(most) && most > 1e-5;
}

/* The likeliest at this log_c, from *x on. */
static struct shape climb(const struct fit *f, struct at *x)
{
    struct shape s = shape_at(f, x);
    for (unsigned i = 0; i < 12; i++) {
        double dm, da, u, gain = -1;
        if (!step_of(f, &s, &dm, &da))
            break;
        for (unsigned half = 0; half < 6 && !(gain > -1e-9); half++, dm /= 2, da /= 2) {
            struct at y = {x->log_c, x->log_m + dm, x->log_a + da};
            gain = posterior(f, &y, &u) - s.f;
            if (gain > -1e-9)
                *x = y;
        }
        if (!(gain > -1e-9))
            break;
        s = shape_at(f, x);
        if (gain < 0.01)
            break;
    }
    return s;
}

/* The logarithm of how probable this log_c is, mean rate and coming being anything. */
static double evidence(const struct fit *f, const struct shape *s)
{
    double d = f->stays ? s->mm * s->aa - s->ma * s->ma : -s->mm;
    double prior = f->stays ? -log(COME_SPREAD * (STAYS - 1)) : 0;
    return s->f + prior - 0.5 * log(fmax(d, 1e-3));
}

/* Of those there at a time, or in a window, from all: what the mean rate and coming say of it, how unsure both are, and chance. */
static double spread_of(double um, double ua, double vm, double va, double vma, double chance)
{
    return sqrt(fmax(um * um * vm + ua * ua * va + 2 * um * ua * vma + chance, 0));
}

static struct part part_at(const struct fit *f, const struct at *x, const struct shape *s, double weight)
{
    double a = f->stays ? exp(x->log_a) : 0, m = exp(x->log_m), n0 = f->s->n * s->unseen, all = f->n + n0;
    double d = fmax(f->stays ? s->mm * s->aa - s->ma * s->ma : -s->mm, 1e-3), um = f->s->n * s->unseen_m, ua = f->s->n * s->unseen_a;
    double vm = (f->stays ? -s->aa : 1) / d, va = f->stays ? -s->mm / d : 0, vma = f->stays ? s->ma / d : 0;
    double chance = n0 * (1 + s->unseen), aw = a * f->window;
    double edges = all * 2 * a / (1 + a) / (12 + m * m); /* who was there for how long is not seen either */
    double unseen = spread_of(um, ua, vm, va, vma, chance), out = -a / (1 + a), in = aw / (1 + aw);
    struct part p = {.weight = weight, .c = exp(x->log_c), .come = a};
    p.mid[UNSEEN] = n0;
    p.spread[UNSEEN] = sqrt(log1p(unseen * unseen / (n0 * n0 + 1e-9)));
    for (enum what w = LIVE; w < WHATS; w++) {
        p.from[w] = f->stays ? 0 : f->n;
        p.mid[w] = f->stays ? all / (1 + a) * (w == WINDOW ? 1 + aw : 1) : n0;
        p.spread[w] = p.spread[UNSEEN];
        if (f->stays)
            p.spread[w] = spread_of(um / all, ua / all + out + (w == WINDOW ? in : 0), vm, va, vma, (chance + edges) / (all * all));
    }
    return p;
}

static double climb_at(const struct fit *f, struct at *x, double log_c, struct shape *s)
{
    x->log_c = log_c;
    *s = climb(f, x);
    return evidence(f, s);
}

/* The likeliest unevenness within [lo, hi], by so many steps of the golden section; *x: where to begin, then it. */
static double likeliest(const struct fit *f, double lo, double hi, unsigned steps, struct at *best)
{
    const double gold = 0.6180339887498949;
    struct at x = *best, y;
    struct shape s;
    double fx = climb_at(f, &x, hi - gold * (hi - lo), &s), fy;
    y = x;
    fy = climb_at(f, &y, lo + gold * (hi - lo), &s);
    for (unsigned i = 0; i < steps; i++)
        if (fx > fy) {
            hi = y.log_c;
            y = x;
            fy = fx;
            fx = climb_at(f, &x, hi - gold * (hi - lo), &s);
        } else {
            lo = x.log_c;
            x = y;
            fx = fy;
            fy = climb_at(f, &y, lo + gold * (hi - lo), &s);
        }
    *best = fx > fy ? x : y;
    return fmax(fx, fy);
}

/* Some degrees of unevenness to both sides of the likeliest one, which is at *x or near. Returns how many parts. */
static unsigned spread_over(const struct fit *f, struct at *x, struct part *out)
{
    struct shape s;
    struct at z = *x;
    double at = climb_at(f, &z, x->log_c, &s), less = climb_at(f, &z, x->log_c - BESIDE, &s);
    z = *x;
    double more = climb_at(f, &z, x->log_c + BESIDE, &s);
    double bend = fmax((2 * at - less - more) / (BESIDE * BESIDE), 1), spread = 1 / sqrt(bend),
           middle = x->log_c + (more - less) / (2 * BESIDE) / bend;
    unsigned n = 0;
    for (int i = 0; i < POINTS; i++) {
        double log_c = middle + (i - POINTS / 2) * APART * spread;
        z = *x;
        if (log_c < LOG_C_LEAST - 2 || log_c > LOG_C_MOST)
            continue;
        double weight = climb_at(f, &z, log_c, &s) + log(spread);
        out[n] = part_at(f, &z, &s, weight);
        n += isfinite(weight + out[n].mid[UNSEEN] + out[n].spread[UNSEEN] + out[n].mid[LIVE] + out[n].spread[LIVE] + out[n].spread[WINDOW]);
    }
    return n;
}

/* ---- the mixture ---- */

static double below(const struct part *p, unsigned n, enum what what, double x)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++) {
        if (x > p[i].from[what])
            sum += p[i].weight * 0.5 *
                   erfc(-(log(x - p[i].from[what]) - log(p[i].mid[what] + 1e-9)) / (p[i].spread[what] + 1e-9) * M_SQRT1_2);
    }
    return sum;
}

static double quantile(const struct part *p, unsigned n, enum what what, double part)
{
    double lo = -20, hi = 40;
    for (unsigned i = 0; i < 60; i++) {
        double x = (lo + hi) / 2;
        if (below(p, n, what, exp(x)) < part)
            lo = x;
        else
            hi = x;
    }
    return exp((lo + hi) / 2);
}

static struct range range_of(const struct part *p, unsigned n, enum what what, double seen, bool is_whole)
{
    struct range r = {seen + quantile(p, n, what, 0.5), seen + quantile(p, n, what, 0.025), seen + quantile(p, n, what, 0.975)};
    if (is_whole) { /* who stays is a whole machine */
        r.lo = floor(r.lo);
        r.hi = ceil(r.hi);
    }
    return r;
}

static struct fitted mixture(struct part *p, unsigned n, double seen)
{
    struct fitted f = {.uneven = 0};
    double best = -INFINITY, sum = 0, still = 0;
    for (unsigned i = 0; i < n; i++)
        best = fmax(best, p[i].weight);
    for (unsigned i = 0; i < n; i++)
        sum += p[i].weight = exp(p[i].weight - best);
    for (unsigned i = 0; i < n; i++) {
        p[i].weight /= sum;
        f.uneven += p[i].weight * p[i].c;
        f.come += p[i].weight * p[i].come;
        still += p[i].weight * (p[i].from[LIVE] > 0);
    }
    f.all = range_of(p, n, UNSEEN, seen, true);
    f.live = range_of(p, n, LIVE, 0, still > 0.5);
    f.window = range_of(p, n, WINDOW, 0, still > 0.5);
    return f;
}

/* The likeliest of each law is looked for near that of the one before: of those whose stay ends not far from that of one that stays. */
static unsigned fit_all(const struct counts *k, const struct sample *s, double window, double worth, struct integrals *t, struct part *p)
{
    unsigned n = 0;
    double best = -INFINITY, often = k->sum / k->n, m = often < 1.2 ? fmax(2 * (often - 1), 1e-3) : often;
    for (int inverse = 0; inverse < 2; inverse++) {
        struct at x = {-1, log(m), log(COME_USUALLY)};
        for (int stays = 0; stays < STAYS; stays++) {
            struct fit f = {s, t, inverse, (enum stays)stays, k->n, window, worth};
            double lo = LOG_C_LEAST, hi = LOG_C_MOST, e;
            if (stays) {
                lo = fmax(x.log_c - (stays == 1 ? 2 : 0.4), LOG_C_LEAST);
                hi = fmin(x.log_c + (stays == 1 ? 0.6 : 0.4), LOG_C_MOST);
            }
            e = likeliest(&f, lo, hi, stays ? stays == 1 ? 4 : 1 : 9, &x);
            best = fmax(best, e);
            if (e > best - HOPELESS)
                n += spread_over(&f, &x, p + n);
        }
    }
    return n;
}

/* Blocks are of the same machines: that one is slow is learnt from the first, if it was seen often enough, and again from no other. */
static double worth_of(const struct counts *k, unsigned blocks)
{
    double mean = k->sum / k->n, var = 0;
    for (unsigned i = 1; i < COUNTS; i++)
        var += k->by_times[i] * (i - mean) * (i - mean) / k->n;
    double rates = var > mean ? 1 - mean / var : 0; /* the part of it that is the machine's own */
    return 1 / (1 + SAME * rates * (blocks - 1));
}

/* No law is anywhere near: Chao's bound from below, and as far again. */
static struct fitted fitted_by_none(const struct counts *k)
{
    double unseen = k->by_times[1] * k->by_times[1] / (2 * k->by_times[2] + 2);
    const struct range any = {k->n + unseen, k->n, ceil(k->n + 3 * unseen) + 1};
    return (struct fitted){any, any, any, 0, 0};
}

int counts_fit(const struct counts *k, unsigned blocks, double window, struct fitted *out)
{
    *out = (struct fitted){.uneven = 0};
    if (!(k->n > 0))
        return POSSE_OK;
    if (k->sum <= k->n + 0.5) { /* none was seen twice: at least so many; three pairs might have been missed */
        double n = k->n, lo = n * n / 6 > n ? n * n / 6 : n;
        const struct range any = {n * (n + 1) / 2, lo, INFINITY};
        *out = (struct fitted){any, any, any, 0, 0};
        return POSSE_OK;
    }
    struct sample *s = malloc(sizeof *s);
    struct integrals *t = malloc(sizeof *t);
    struct part p[PARTS_OF_MIXTURE];
    if (s && t) {
        sample_make(k, s);
        unsigned n = fit_all(k, s, window, worth_of(k, blocks), t, p);
        *out = n ? mixture(p, n, k->n) : fitted_by_none(k);
    }
    free(s);
    free(t);
    return s && t ? POSSE_OK : POSSE_ENOMEM;
}
