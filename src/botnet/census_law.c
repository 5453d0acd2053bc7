/* census_law: how likely it is that machines are seen as they were, within a block of time that is 1 long.
 *
 * A machine is there (on, at this address) for one stretch of the block and sends then as a Poisson process. Its rate varies between machines
 * by a law of mean m and squared coefficient of variation c: gamma, or inverse Gaussian, whose slowest are not so slow. With the Laplace
 * transform M(x) = E exp(-rate x), k sightings at given moments within a stretch of length x have the density G_k(x) = (-1)^k M^(k)(x):
 *     gamma:             G_k+1 = G_k m (1 + ck) / (1 + cmx)
 *     inverse Gaussian:  G_k+1 = ((2k - 1) cm G_k + m^2 G_k-1) / (1 + 2cmx)      (Sichel 1971)
 * Of the stretches: a (`come`) machines come, and as many go, for each that is there at a time; those that came in the block go again at the
 * rate h (`hazard`). The whole block is then covered by F = 1 - a (1 - exp(-h)) / h of them, a stretch of length x that touches one
 * end of it has the density a exp(-hx), one that touches none a h exp(-hx). h = a is an exponential stay, h = 0 one that is longer
 * than the block and always of one length (a working day), h > a says that some come and go and the others stay.
 * Whoever was seen k times, first at u from the block's beginning and last at v from its end (r = 1 - u - v between), has
 *     F G_k(1) + a (I(1-v) + I(1-u)) + a h (J(r) - J(1-u) - J(1-v)),   I(x) = int_x^1 exp(-hy) G_k(y) dy,  J(x) = int_x^1 I(y) dy
 * so that when they were first and last seen tells stays from rates (Schwarz and Arnason, Biometrics 1996, for days of capture). Integrals are
 * sums over a grid of 128, from 1 downwards: for G_k is steep.
 * Sightings are counted once a slot (d long, as a part of the block). In a slot one is seen with the odds exp(rate d) - 1, which is
 * rate d exp(rate d / 2) but for a few per cent where that is 1: so that G_k(x) becomes G_k(x - kd/2), and the ways to be seen k times in x,
 * x^k / k!, become x (x-d) (x-2d)... / k!. u and v are from the block's ends to the
 * middles of slots. */
#include <math.h>
#include <string.h>

#include "botnet/census_priv.h"

/* Beginnings, in 1 / GRID, of the parts that first and last sightings are sorted into. */
static const uint8_t PART[PARTS] = {0,  1,  2,  3,  4,  5,  6,  8,  10, 12, 15, 18,
                                    22, 26, 31, 36, 42, 48, 56, 64, 73, 83, 94, 108};

static unsigned part_of(unsigned slots, unsigned of)
{
    unsigned at = slots * GRID / of, p = 0;
    for (unsigned step = 16; step; step /= 2)
        p += p + step < PARTS && PART[p + step] <= at ? step : 0;
    return p;
}

void counts_add(struct counts *c, unsigned times, unsigned first, unsigned last)
{
    unsigned k = times < COUNTS ? times : COUNTS - 1, end = c->slots - 1 - last, u = part_of(first, c->slots),
             v = k == 1 ? 0 : part_of(end, c->slots);
    c->of[k][u][v]++;
    c->apart[u] += first + 0.5;
    c->n_apart[u]++;
    if (k > 1) {
        c->apart[v] += end + 0.5;
        c->n_apart[v]++;
    }
    c->by_times[k]++;
    c->n++;
    c->sum += k;
}

static void count_ways(struct sample *s, double slot)
{
    for (unsigned x = 0; x <= GRID; x++) {
        double ways = 1, at = (double)x / GRID;
        for (unsigned k = 0; k <= s->cut; k++) {
            s->ways[k][x] = ways;
            ways *= fmax(at - k * slot, 0);
        }
    }
}

void sample_make(const struct counts *k, struct sample *s)
{
    double passed = 0, slot = 1.0 / k->slots;
    unsigned middle[PARTS];
    s->n = 0;
    s->n_cells = 0;
    s->cut = 1;
    while (s->cut < CUT_MOST && 2 * (passed += k->by_times[s->cut]) < k->n)
        s->cut++;
    s->cut = 3 * s->cut + 6 < CUT_MOST ? 3 * s->cut + 6 : CUT_MOST;
    s->cut = s->cut < k->slots ? s->cut : k->slots;
    count_ways(s, slot);
    for (unsigned p = 0; p < PARTS; p++)
        middle[p] = k->n_apart[p] > 0 ? (unsigned)lrint(k->apart[p] / k->n_apart[p] * slot * GRID) : 0;
    for (unsigned i = 0; i <= s->cut; i++) {
        s->filled[i] = (uint8_t)lrint(GRID * slot * i / 2);
        s->by_times[i] = k->by_times[i];
        s->n += k->by_times[i];
        for (unsigned p = 0; p < PARTS * PARTS && k->by_times[i] > 0; p++) {
            if (!(k->of[i][p / PARTS][p % PARTS] > 0))
                continue;
            unsigned least = i > 1 ? s->filled[i] : 0, u = middle[p / PARTS], v;
            u = u + least > GRID ? GRID - least : u;
            v = i == 1 ? GRID - u : middle[p % PARTS];
            v = u + v + least > GRID ? GRID - least - u : v;
            unsigned r = GRID - u - v;
            r = r > s->filled[i] ? r - s->filled[i] : 0;
            s->cell[s->n_cells++] = (struct cell){(uint8_t)i, (uint8_t)u, (uint8_t)v, (uint8_t)r,
                                                  (float)k->of[i][p / PARTS][p % PARTS]};
        }
    }
}

/* G_k(x) / k! at n places, for k up to `cut`. */
static void transform(const struct law *l, const double *x, unsigned n, unsigned cut, double (*g)[GRID + 1])
{
    double m = exp(l->log_m), c = exp(l->log_c), q[GRID + 1];
    for (unsigned i = 0; i < n; i++) {
        q[i] = 1 / (1 + (l->is_inverse ? 2 : 1) * c * m * x[i]);
        g[0][i] = l->is_inverse ? exp((1 - 1 / sqrt(q[i])) / c) : exp(log(q[i]) / c);
        if (cut)
            g[1][i] = g[0][i] * m * (l->is_inverse ? sqrt(q[i]) : q[i]);
    }
    for (unsigned k = 1; k < cut; k++) {
        double by = (l->is_inverse ? (2.0 * k - 1) * c : 1 + c * k) * m / (k + 1),
               by2 = l->is_inverse ? m * m / ((k + 1.0) * k) : 0;
        const double *at = g[k], *before = g[k - 1];
        double *next = g[k + 1];
        for (unsigned i = 0; i < n; i++)
            next[i] = (by * at[i] + by2 * before[i]) * q[i];
    }
}

static double bounded_log(double p) { return log(p > 1e-290 ? p : 1e-290); }

/* The sum of their logarithms; few are taken: small counts are multiplied first. */
struct product {
    double p, logs;
};

static void product_add(struct product *x, double p, double n)
{
    if (n > 2 || p < 1e-60 || p > 1e60) {
        x->logs += n * bounded_log(p);
        return;
    }
    x->p *= n > 1 ? p * p : p;
    if (x->p < 1e-120 || x->p > 1e120) {
        x->logs += log(x->p);
        x->p = 1;
    }
}

static double log_cells(const struct sample *s, const struct law *l, double full, const struct integrals *t)
{
    struct product sum = {1, 0};
    double a = l->come, ah = l->come * l->hazard;
    for (size_t i = 0; i < s->n_cells; i++) {
        const struct cell *c = &s->cell[i];
        unsigned end = GRID - s->filled[c->times], to_u = end > c->u ? end - c->u : 0,
                 to_v = end > c->v ? end - c->v : 0;
        const double *one = t->once[c->times], *two = t->twice[c->times];
        double p = full * t->g[c->times][end] + a * (one[to_u] + one[to_v]);
        p += ah * (two[c->between] - two[to_u] - two[to_v] + (c->times == 1 ? one[0] * s->filled[1] / GRID : 0));
        product_add(&sum, p, (double)c->n);
    }
    return sum.logs + log(sum.p);
}

/* Fills t; p_out[k]: seen k times, for each that is there at a time. The time that was filled by what was seen is left out: x there
 * is x + filled. */
static void integrate(const struct sample *s, const struct law *l, struct integrals *t, double *p_out)
{
    double full = fmax(law_full(l), 0), step = 1.0 / GRID, weight[GRID + 1], left[GRID + 1], at[GRID + 1];
    for (unsigned x = 0; x <= GRID; x++) {
        at[x] = x * step;
        left[x] = exp(-l->hazard * at[x]);
        weight[x] = l->come * (2 + l->hazard * (1 - at[x])) * (x % GRID ? step : step / 2) * left[x];
    }
    transform(l, at, GRID + 1, s->cut, t->g);
    for (unsigned k = 0; k <= s->cut; k++) {
        unsigned filled = s->filled[k], end = GRID - filled;
        const double *g = t->g[k], *w = weight + filled, *ways = s->ways[k] + filled, *stays = left + filled;
        double *once = t->once[k], *twice = t->twice[k], sum = g[end] * ways[end] * (full + w[end]), i1 = 0, i2 = 0,
               after = g[end] * stays[end];
        once[end] = twice[end] = 0;
        for (unsigned x = 0; x < end; x++)
            sum += g[x] * w[x] * ways[x];
        p_out[k] = sum;
        for (unsigned x = end; x-- > 0;) {
            double now = g[x] * stays[x], was = i1;
            i1 += (now + after) * (step / 2);
            i2 += (i1 + was) * (step / 2);
            once[x] = i1;
            twice[x] = i2;
            after = now;
        }
    }
}

double law_full(const struct law *l)
{
    return 1 - (l->hazard > 1e-9 ? l->come * -expm1(-l->hazard) / l->hazard : l->come);
}

double law_likelihood(const struct sample *s, const struct law *l, struct integrals *t, double *unseen_out)
{
    double p[COUNTS], seen = 0, sum = 0;
    bool moves = l->come > 0;
    if (moves)
        integrate(s, l, t, p);
    if (!moves) {
        double at[COUNTS];
        for (unsigned k = 0; k <= s->cut; k++)
            at[k] = 1 - (double)s->filled[k] / GRID;
        transform(l, at, s->cut + 1, s->cut, t->g);
        for (unsigned k = 0; k <= s->cut; k++)
            p[k] = t->g[k][k] * s->ways[k][GRID];
        for (unsigned k = 1; k <= s->cut; k++)
            sum += s->by_times[k] > 0 ? s->by_times[k] * bounded_log(t->g[k][k]) : 0;
    }
    for (unsigned k = 1; k <= s->cut; k++)
        seen += p[k];
    if (moves)
        sum = log_cells(s, l, fmax(law_full(l), 0), t);
    *unseen_out = 0;
    if (!(seen > 1e-9)) /* none of such would have been seen so: there is nothing to reckon with */
        return -INFINITY;
    *unseen_out = p[0] / seen;
    return sum - s->n * bounded_log(seen);
}
