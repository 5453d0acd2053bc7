/* fmath: exp and log by reduction to a small interval and a short series.
 *   exp(x) = 2^k exp(r), k the integer nearest x / ln 2, |r| <= ln 2 / 2; ln 2 in two parts, so that r is exact
 *   log(x) = k ln 2 + 2 atanh(s), x = 2^k m, sqrt(1/2) <= m < sqrt 2, s = (m - 1) / (m + 1), |s| < 0.172
 * (Cody & Waite 1980.) Taylor's terms reach below 2^-53 on these intervals; minimax ones would save three of
 * them and cost the reader the proof. */
#include "base/fmath.h"

#include <stdint.h>
#include <string.h>

static const double LN2_HI = 0x1.62e42fee00000p-1, LN2_LO = 0x1.a39ef35793c76p-33;

static double from_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static uint64_t to_bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* 2^k for a k of a normal number. */
static double pow2(int k) { return from_bits((uint64_t)(k + 1023) << 52); }

double fmath_exp(double x)
{
    if (x != x)
        return x;
    if (x > 709.78)
        return from_bits(UINT64_C(0x7ff) << 52);
    if (x < -745)
        return 0;
    double q = x * 1.44269504088896340736;
    int k = (int)(q < 0 ? q - 0.5 : q + 0.5);
    double r = (x - k * LN2_HI) - k * LN2_LO;
    static const double inverse_factorial[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
        1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1,
    };
    double e = 0;
    for (unsigned i = 0; i < sizeof inverse_factorial / sizeof *inverse_factorial; i++)
        e = e * r + inverse_factorial[i];
    /* In two steps, so that results below 2^-1022 and near 2^1024 come out too. */
    int half = k / 2;
    return e * pow2(half) * pow2(k - half);
}

double fmath_log(double x)
{
    uint64_t infinity = UINT64_C(0x7ff) << 52;
    if (x != x || to_bits(x) == infinity)
        return x;
    if (x == 0)
        return -from_bits(infinity);
    if (x < 0)
        return from_bits(infinity | UINT64_C(1) << 51);
    int k = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        k = -54;
    }
    uint64_t u = to_bits(x);
    k += (int)(u >> 52) - 1023;
    double m = from_bits((u & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1023) << 52);
    if (m > 1.41421356237309504880) {
        m *= 0.5;
        k++;
    }
    double s = (m - 1) / (m + 1), s2 = s * s, series = 0;
    for (int i = 21; i >= 3; i -= 2)
        series = series * s2 + 2.0 / i;
    return k * LN2_HI + (2 * s + (s * s2 * series + k * LN2_LO));
}

double fmath_sigmoid(double x)
{
    if (x >= 0)
        return 1 / (1 + fmath_exp(-x));
    double e = fmath_exp(x);
    return e / (1 + e);
}

double fmath_logit(double p) { return fmath_log(p / (1 - p)); }
