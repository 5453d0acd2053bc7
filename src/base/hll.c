/* A hash's first p bits name a register; the register keeps the greatest number of leading zeros, plus one, of the rest.
 * The estimator works on the histogram of registers: sigma stands for those that are still empty, tau for those that are full. */
#include "base/hll.h"

#include <math.h>
#include <string.h>

bool hll_add(uint8_t *reg, unsigned p, uint64_t hash)
{
    uint64_t rest = hash << p;
    uint8_t rank = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : hll_most(p);
    uint8_t *r = &reg[hash >> (64 - p)];
    if (rank <= *r)
        return false;
    *r = rank;
    return true;
}

void hll_merge(uint8_t *to, const uint8_t *from, unsigned p)
{
    for (size_t i = 0; i < hll_bytes(p); i++)
        if (from[i] > to[i])
            to[i] = from[i];
}

/* x + sum of x^(2^k) 2^(k-1): infinite for x = 1, which is an empty sketch. */
static double sigma(double x)
{
    double y = 1, z = x, last;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        last = z;
        z += x * y;
        y += y;
    } while (z != last);
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, last;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        last = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != last);
    return z / 3;
}

struct estimate hll_count(const uint8_t *reg, unsigned p)
{
    double m = (double)hll_bytes(p);
    uint32_t have[66] = {0};
    for (size_t i = 0; i < hll_bytes(p); i++)
        have[reg[i] < 65 ? reg[i] : 65]++;
    unsigned q = 64 - p;
    double z = m * tau(1 - (double)have[q + 1] / m);
    for (unsigned k = q; k >= 1; k--)
        z = 0.5 * (z + have[k]);
    z += m * sigma((double)have[0] / m);
    double mid = m * m / (2 * M_LN2 * z), off = 1.96 * 1.04 / sqrt(m);
    if (have[0] == m)
        return (struct estimate){0, 0, 0, (uint64_t)m, "HyperLogLog"};
    return (struct estimate){mid / (1 + off), mid, mid / (1 - off), (uint64_t)m, "HyperLogLog"};
}
