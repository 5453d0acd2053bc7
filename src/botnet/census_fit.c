/* census_fit: from how often each was seen to how many there are.
 *
 * K times, K Poisson with a rate that varies between machines as a gamma law does (mean m, squared coefficient of variation c): negative
 * binomial; c = 0 is Poisson. Not all are there for the whole block: with stays of exponential length, g of them to a block on average, a
 * share exp(-g) is there all of it, of the others the time x that they were there has the density
 *     2 g exp(-gx) + g^2 (1-x) exp(-gx)     (came or went; came and went), in all 1 + g for each that lives at a time.
 * Those never seen are missing (Chao, Scand. J. Statist. 1984, bounds them from below; here c says by how much more). Those seen far more
 * often than the middle one (many machines behind one address, a flood) say nothing of those never seen and would bend the law: the fit
 * is to the rest, as in ACE (Chao and Lee, JASA 1992). For each c the likeliest m is looked for; no c is chosen: each has its likelihood,
 * times what was thought before of how uneven machines are, and the interval is that of the mixture (Madigan and York, Biometrika 1997). */
#include <math.h>

#include "botnet/census_priv.h"

static const double UNEVEN[] = {0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.65, 0.9, 1.2, 1.6, 2.2, 3};
enum { LAWS = sizeof UNEVEN / sizeof *UNEVEN };
static const double USUALLY = 0.25; /* mean of what is thought of c before, exponentially */

void counts_add(struct counts *c, unsigned times)
{
    c->of[times < COUNTS ? times : COUNTS - 1]++;
    c->n++;
    c->sum += times < COUNTS ? times : COUNTS - 1;
}

/* Parts of a block that machines are there for, and how many are, one living at a time. */
enum { STAYS = 9 };
struct stays { double part[STAYS], weight[STAYS]; unsigned n; };

static struct stays stays_of(double g)
{
    struct stays s = {.part = {1}, .weight = {exp(-g)}, .n = 1};
    for (unsigned i = 0; g > 0 && i < STAYS - 1; i++) {
        double from = i / (STAYS - 1.0), to = (i + 1) / (STAYS - 1.0), x = (from + to) / 2;
        s.part[s.n] = x;
        s.weight[s.n++] = (to - from) * exp(-g * x) * (2 * g + g * g * (1 - x));
    }
    return s;
}

/* What is fitted: those seen 1 to `cut` times. */
struct sample { const struct counts *k; unsigned cut; double n; struct stays stays; };

/* p[0..cut] up to a factor. */
static void law_fill(const struct sample *s, double m, double c, double p[COUNTS])
{
    memset(p, 0, COUNTS * sizeof *p);
    for (unsigned j = 0; j < s->stays.n; j++) {
        double mean = m * s->stays.part[j], q = mean / (1 + c * mean);
        double at = s->stays.weight[j] * (c > 0 ? exp(-log1p(c * mean) / c) : exp(-mean));
        for (unsigned i = 0; i <= s->cut; i++) {
            p[i] += at;
            at *= q * (1 + c * i) / (i + 1);
        }
    }
}

static double log_likelihood(const struct sample *s, double m, double c, double *unseen_out)
{
    double p[COUNTS], seen = 0, sum = 0;
    law_fill(s, m, c, p);
    for (unsigned i = 1; i <= s->cut; i++)
        seen += p[i];
    for (unsigned i = 1; i <= s->cut; i++)
        if (s->k->of[i] > 0)
            sum += s->k->of[i] * log(fmax(p[i], 1e-300) / fmax(seen, 1e-300));
    *unseen_out = p[0] / fmax(seen, 1e-300);
    return sum;
}

/* By golden section, in the logarithm. */
static double likeliest(const struct sample *s, double c)
{
    const double gold = 0.6180339887498949;
    double lo = log(1e-4), hi = log(2.0 * COUNTS), unseen, a = hi - gold * (hi - lo), b = lo + gold * (hi - lo);
    double fa = log_likelihood(s, exp(a), c, &unseen), fb = log_likelihood(s, exp(b), c, &unseen);
    for (unsigned i = 0; i < 32; i++)
        if (fa > fb) {
            hi = b;
            b = a;
            fb = fa;
            a = hi - gold * (hi - lo);
            fa = log_likelihood(s, exp(a), c, &unseen);
        } else {
            lo = a;
            a = b;
            fa = fb;
            b = lo + gold * (hi - lo);
            fb = log_likelihood(s, exp(b), c, &unseen);
        }
    return exp((lo + hi) / 2);
}

struct law { double unseen, spread /* of its logarithm */, weight; };

static struct law law_of(const struct sample *s, double c)
{
    double m = likeliest(s, c), step = 1.02, u, up, down;
    double at = log_likelihood(s, m, c, &u), above = log_likelihood(s, m * step, c, &up), under = log_likelihood(s, m / step, c, &down);
    double width = log(step), bend = (2 * at - above - under) / (width * width), turn = (up - down) / (2 * width);
    double unseen = s->n * u, total = s->n * u * (1 + u) + s->n * s->n * turn * turn / fmax(bend, 1);
    return (struct law){unseen, sqrt(log1p(total / (unseen * unseen + 1e-9))), at - c / USUALLY};
}

static double below(const struct law *l, double unseen)
{
    double sum = 0;
    for (unsigned i = 0; i < LAWS; i++) {
        double apart = (log(unseen) - log(l[i].unseen + 1e-9)) / (l[i].spread + 1e-9);
        sum += l[i].weight * 0.5 * erfc(-apart * M_SQRT1_2);
    }
    return sum;
}

static double quantile(const struct law *l, double p)
{
    double lo = -20, hi = 40;
    for (unsigned i = 0; i < 60; i++) {
        double x = (lo + hi) / 2;
        if (below(l, exp(x)) < p)
            lo = x;
        else
            hi = x;
    }
    return exp((lo + hi) / 2);
}

/* Up to three times the middle one's, and some. */
static struct sample sample_of(const struct counts *k, double churn)
{
    struct sample s = {.k = k, .cut = 1, .stays = stays_of(churn)};
    double passed = 0;
    while (s.cut < COUNTS - 1 && 2 * (passed += k->of[s.cut]) < k->n)
        s.cut++;
    s.cut = 3 * s.cut + 6;
    if (s.cut > COUNTS - 2)
        s.cut = COUNTS - 2;
    for (unsigned i = 1; i <= s.cut; i++)
        s.n += k->of[i];
    return s;
}

struct fitted counts_fit(const struct counts *k, double churn)
{
    struct fitted f = {0};
    if (!(k->n > 0))
        return f;
    if (k->sum <= k->n + 0.5) { /* none was seen twice: at least so many; three pairs might have been missed */
        double n = k->n;
        return (struct fitted){n * (n + 1) / 2, n * n / 6 > n ? n * n / 6 : n, INFINITY, 0};
    }
    struct sample s = sample_of(k, churn);
    struct law l[LAWS];
    double best = -INFINITY, sum = 0;
    for (unsigned i = 0; i < LAWS; i++) {
        double width = i + 1 < LAWS ? UNEVEN[i + 1] - UNEVEN[i] : 0.8;
        l[i] = law_of(&s, UNEVEN[i]);
        l[i].weight += log(i ? width : 0.1);
        best = fmax(best, l[i].weight);
    }
    for (unsigned i = 0; i < LAWS; i++)
        sum += l[i].weight = exp(l[i].weight - best);
    for (unsigned i = 0; i < LAWS; i++) {
        l[i].weight /= sum;
        f.uneven += l[i].weight * UNEVEN[i];
    }
    f.all = k->n + quantile(l, 0.5);
    f.lo = k->n + quantile(l, 0.025);
    f.hi = k->n + quantile(l, 0.975);
    return f;
}
