#include "rng.h"

#include <string.h>

/* log(m 2^e) = e log 2 + 2 atanh((m - 1) / (m + 1)), m within sqrt(1/2) and sqrt(2): nine terms give all digits but the last ones. */
double sim_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52 & 0x7ff) - 1023;
    bits = (bits & 0x000fffffffffffffu) | (uint64_t)1023 << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        e++;
    }
    double s = (m - 1) / (m + 1), q = s * s, sum = 1.0 / 17;
    for (int i = 15; i >= 1; i -= 2)
        sum = sum * q + 1.0 / i;
    return (double)e * 0.6931471805599453 + 2 * s * sum;
}

double rng_exponential(struct rng *r) { return -sim_log(1 - rng_unit(r)); }

double rng_bell(struct rng *r)
{
    double sum = -2;
    for (int i = 0; i < 4; i++)
        sum += rng_unit(r);
    return sum * 1.7320508075688772;
}
