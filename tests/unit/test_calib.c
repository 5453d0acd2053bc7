/* calib: odds that come true on scores with a known truth, an order that is never changed, promises that are kept. */
#include "unit.h"

#include <math.h>

#include "base/hash.h"
#include "filter/calib.h"

static double uniform(uint64_t *s) { return ((double)(mix64((*s)++) >> 11) + 0.5) / 9007199254740992.0; }
static double logistic(uint64_t *s)
{
    double u = uniform(s);
    return log(u / (1 - u));
}

static void test_fresh_is_identity(void **state)
{
    (void)state;
    struct calib c;
    calib_init(&c);
    for (double z = -30; z < 30; z += 0.37)
        assert_true(fabs(calib_bits(&c, z) * M_LN2 - z) < 1e-6);
}

/* The scores overstate the truth by half: the map must take it back. */
static void test_corrects(void **state)
{
    (void)state;
    struct calib c;
    uint64_t s = 1;
    calib_init(&c);
    for (int i = 0; i < 300000; i++) {
        double truth = 2 * logistic(&s);
        calib_teach(&c, truth * 1.5 + 0.7, uniform(&s) < 1 / (1 + exp(-truth)));
    }
    for (double truth = -4; truth <= 4; truth += 0.5) {
        double p = 1 / (1 + exp(-truth)), q = 1 / (1 + exp2(-calib_bits(&c, truth * 1.5 + 0.7)));
        if (fabs(p - q) > 0.05)
            fail_msg("odds %g: %.4f, truth %.4f", truth, q, p);
    }
    const char *why;
    assert_true(calib_validate(&c, &why));
}

static void test_never_reorders(void **state)
{
    (void)state;
    struct calib c;
    uint64_t s = 9;
    calib_init(&c);
    for (int i = 0; i < 3000; i++) {
        calib_teach(&c, 20 * (uniform(&s) - 0.5), uniform(&s) < 0.3);
        if (i % 100)
            continue;
        double last = -1e9;
        for (double z = -25; z < 25; z += 0.01) {
            double b = calib_bits(&c, z);
            assert_true(b > last);
            last = b;
        }
    }
}

static void promise(double loss, int hams, double least, double most)
{
    struct calib c;
    uint64_t s = 77;
    struct calib_threshold t;
    calib_init(&c);
    for (int i = 0; i < hams; i++) {
        calib_teach(&c, -6 + 1.2 * logistic(&s), false);
        calib_teach(&c, 6 + 1.2 * logistic(&s), true);
    }
    calib_threshold(&c, loss, &t);
    int lost = 0, n = 2000000;
    for (int i = 0; i < n; i++)
        lost += calib_bits(&c, -6 + 1.2 * logistic(&s)) >= t.bits;
    double share = (double)lost / n;
    if (share < loss * least || share > loss * most)
        fail_msg("promised %g, lost %g", loss, share);
    if (share < t.ham_loss_lo || share > t.ham_loss_hi)
        fail_msg("promised %g, lost %g, interval %g to %g", loss, share, t.ham_loss_lo, t.ham_loss_hi);
    assert_true(t.is_extrapolated == (loss * hams < 10));
}

static void test_promises(void **state)
{
    (void)state;
    /* It may lose less than it promises (the map is humble), hardly more. */
    promise(0.01, 5000, 0.1, 1.3);
    promise(0.001, 20000, 0.1, 1.3);
    promise(0.001, 2000, 0.01, 1.3);
    promise(0.0001, 5000, 0.01, 1.3);
}

static void test_little_ham(void **state)
{
    (void)state;
    struct calib c;
    struct calib_threshold t;
    calib_init(&c);
    calib_threshold(&c, 0.001, &t);
    assert_true(t.bits > 1); /* knowing nothing, it still asks for more than a toss-up */
    assert_true(t.is_extrapolated && t.ham_loss_hi == 1);
    for (int i = 0; i < 25; i++)
        calib_teach(&c, -5, false);
    calib_threshold(&c, 0.001, &t);
    assert_true(t.bits > calib_bits(&c, -5));
}

static void test_odd_numbers(void **state)
{
    (void)state;
    struct calib c;
    const char *why;
    calib_init(&c);
    double odd[] = {1e300, -1e300, INFINITY, -INFINITY, 0.0};
    for (size_t i = 0; i < 1000; i++)
        calib_teach(&c, odd[i % 5], i % 3 == 0);
    assert_true(calib_validate(&c, &why));
    c.at[3] = NAN;
    assert_false(calib_validate(&c, &why));
    calib_init(&c);
    c.seen[0] = -1;
    assert_false(calib_validate(&c, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh_is_identity), cmocka_unit_test(test_corrects), cmocka_unit_test(test_never_reorders),
        cmocka_unit_test(test_promises), cmocka_unit_test(test_little_ham), cmocka_unit_test(test_odd_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
