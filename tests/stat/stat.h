/* stat: chance for the statistical tests: a stream of numbers from a seed (splitmix64), and the distributions that their worlds need.
 * Nothing here is shared with src/ but the mixer is as good as any; nothing is shared with the closed world. */
#ifndef POSSE_TESTS_STAT_H
#define POSSE_TESTS_STAT_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rng { uint64_t s; };

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t x = r->s += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static inline double rng_unit(struct rng *r) { return ((double)(rng_u64(r) >> 11) + 0.5) / 9007199254740992.0; }
static inline double rng_between(struct rng *r, double a, double b) { return a + (b - a) * rng_unit(r); }
static inline double rng_exp(struct rng *r) { return -log(rng_unit(r)); }

static inline double rng_normal(struct rng *r)
{
    double a = sqrt(-2 * log(rng_unit(r)));
    return a * cos(6.283185307179586 * rng_unit(r));
}

/* Mean 1, deviation of the logarithm sigma. */
static inline double rng_lognormal(struct rng *r, double sigma) { return exp(sigma * rng_normal(r) - sigma * sigma / 2); }

/* Mean 1, shape k (Marsaglia and Tsang 2000). */
static inline double rng_gamma(struct rng *r, double k)
{
    if (k < 1)
        return rng_gamma(r, k + 1) * pow(rng_unit(r), 1 / k) * (k + 1) / k;
    double d = k - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = rng_normal(r), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(rng_unit(r)) < x * x / 2 + d - d * v + d * log(v))
            return d * v / k;
    }
}

/* By inversion below 30, by rejection above (Hoermann 1993, PTRS). */
static inline uint64_t rng_poisson(struct rng *r, double mean)
{
    if (mean < 30) {
        double p = exp(-mean), u = rng_unit(r);
        uint64_t n = 0;
        while (u > p && n < 1000) {
            u -= p;
            p *= mean / (double)++n;
        }
        return n;
    }
    double b = 0.931 + 2.53 * sqrt(mean), a = -0.059 + 0.02483 * b, inv = 1.1239 + 1.1328 / (b - 3.4), vr = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
        double u = rng_unit(r) - 0.5, v = rng_unit(r), us = 0.5 - fabs(u), k = floor((2 * a / us + b) * u + mean + 0.43);
        if (us >= 0.07 && v <= vr)
            return (uint64_t)k;
        if (k < 0 || (us < 0.013 && v > us))
            continue;
        if (log(v * inv / (a / (us * us) + b)) <= k * log(mean) - mean - lgamma(k + 1))
            return (uint64_t)k;
    }
}

/* 1, 2, ... up to `most`, the tail falling with `alpha`. */
static inline unsigned rng_tail(struct rng *r, double alpha, unsigned most)
{
    double x = pow(rng_unit(r), -1 / alpha);
    return x >= most ? most : (unsigned)x;
}

static inline double tail_mean(double alpha, unsigned most)
{
    double m = 0;
    for (unsigned k = 1; k <= most; k++)
        m += pow(k, -alpha); /* P(X >= k) */
    return m;
}

static inline uint64_t rng_geometric(struct rng *r, double mean) /* from 1 */
{
    return mean <= 1 ? 1 : 1 + (uint64_t)(log(rng_unit(r)) / log(1 - 1 / mean));
}

#endif
