/* rng: the simulator's chance: the same numbers on every machine.
 * xoshiro256** (Blackman & Vigna 2018), seeded by splitmix64 from a seed and the name of a stream, so that what one part draws never
 * moves another's. Doubles use + - * / only, which IEEE 754 rounds exactly everywhere; logarithms are our own.
 * Two draws never stand in one expression or argument list: their order would be the compiler's.  Threads: values. */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <float.h>
#include <stdint.h>

#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "doubles must be computed as doubles: use SSE2 in place of x87"
#endif

struct rng { uint64_t s[4]; };

/* Mixes two numbers into one; not for secrets. */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9e3779b97f4a7c15u * (b + 1);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline struct rng rng_of(uint64_t seed, uint64_t stream)
{
    struct rng r;
    uint64_t z = mix(seed, stream);
    for (int i = 0; i < 4; i++)
        r.s[i] = z = mix(z, (uint64_t)i);
    return r;
}

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s, x = s[1] * 5, out = (x << 7 | x >> 57) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return out;
}

/* 0 to n - 1; n up to 2^32. The bias, below 2^-32, is the same everywhere. */
static inline uint32_t rng_below(struct rng *r, uint64_t n) { return (uint32_t)(((rng_next(r) >> 32) * n) >> 32); }
static inline int64_t rng_between(struct rng *r, int64_t lo, int64_t hi)
{
    uint64_t width = (uint64_t)(hi - lo) + 1;
    return hi <= lo ? lo : lo + (int64_t)(width <= UINT32_MAX ? rng_below(r, width) : rng_next(r) % width);
}
static inline double rng_unit(struct rng *r) { return (double)(rng_next(r) >> 11) * 0x1p-53; } /* [0, 1) */
static inline int rng_chance(struct rng *r, double p) { return rng_unit(r) < p; }

double sim_log(double x);           /* of x > 0, normal */
double rng_exponential(struct rng *r); /* mean 1 */
double rng_bell(struct rng *r);     /* mean 0, deviation 1, within -3.5 and 3.5: a sum of uniforms */

#endif
