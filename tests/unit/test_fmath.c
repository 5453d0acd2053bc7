/* fmath: against libm in units in the last place, the edges, and known bits, which no machine may change. */
#include "unit.h"

#include <math.h>

#include "base/fmath.h"
#include "base/hash.h"

static double ulps(double got, double want)
{
    if (got == want)
        return 0;
    int e;
    frexp(want, &e);
    return fabs(got - want) / ldexp(1, e < -1021 ? -1074 : e - 53);
}

static void test_close_to_libm(void **state)
{
    (void)state;
    uint64_t s = 1;
    for (int i = 0; i < 300000; i++) {
        double u = (double)(mix64(s++) >> 11) / 9007199254740992.0;
        double x = (u - 0.5) * 1400;
        assert_true(ulps(fmath_exp(x), exp(x)) < 4);
        x = (u - 0.5) * 4;
        assert_true(ulps(fmath_exp(x), exp(x)) < 4);
        x = exp((u - 0.5) * 1400);
        assert_true(ulps(fmath_log(x), log(x)) < 4);
        x = 0.5 + u;
        assert_true(fabs(fmath_log(x) - log(x)) < 4e-16);
        x = (u - 0.5) * 80;
        assert_true(ulps(fmath_sigmoid(x), x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))) < 6);
    }
}

static void test_edges(void **state)
{
    (void)state;
    assert_true(fmath_exp(0) == 1);
    assert_true(fmath_log(1) == 0);
    assert_true(fmath_exp(-1000) == 0);
    assert_true(isinf(fmath_exp(1000)));
    assert_true(fmath_exp(-745) > 0 && fmath_exp(709.7) < INFINITY);
    assert_true(isinf(fmath_log(0)) && fmath_log(0) < 0);
    assert_true(isnan(fmath_log(-1)) && isnan(fmath_exp(NAN)) && isnan(fmath_log(NAN)));
    assert_true(isinf(fmath_log(INFINITY)));
    assert_true(ulps(fmath_log(4.9e-324), log(4.9e-324)) < 4);
    assert_true(fmath_sigmoid(0) == 0.5 && fmath_sigmoid(1000) == 1 && fmath_sigmoid(-1000) == 0);
    assert_true(fabs(fmath_logit(fmath_sigmoid(3)) - 3) < 1e-14);
}

/* A hash over many results: a build that contracts to FMA or reorders gives another. */
static void test_same_bits_everywhere(void **state)
{
    (void)state;
    uint64_t h = 0;
    for (int i = 0; i < 20000; i++) {
        double x = (i - 10000) * 0.00713, r[3] = {fmath_exp(x), fmath_log(1.0 + i * 0.37), fmath_sigmoid(x)};
        for (int j = 0; j < 3; j++) {
            uint64_t u;
            memcpy(&u, &r[j], 8);
            h = (h ^ u) * UINT64_C(0x9E3779B97F4A7C15);
            h ^= h >> 29;
        }
    }
    assert_int_equal(h, UINT64_C(0x4946ec44162c9380));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_to_libm),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_same_bits_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
