/* metrics: known answers by hand and by brute force, and intervals that cover what they should. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/hash.h"
#include "filter/metrics.h"

static double uniform(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return ((double)(mix64(*state) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(uint64_t *state)
{
    double u = uniform(state), v = uniform(state);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.9f is not within %g of %.9f", got, tolerance, want);
}

static struct metrics_result compute(const double *ham, size_t n_ham, const double *spam, size_t n_spam)
{
    struct metrics *m = metrics_new();
    struct metrics_result r;
    for (size_t i = 0; i < n_ham; i++)
        assert_int_equal(metrics_add(m, false, ham[i] > 0, ham[i]), 0);
    for (size_t i = 0; i < n_spam; i++)
        assert_int_equal(metrics_add(m, true, spam[i] > 0, spam[i]), 0);
    assert_int_equal(metrics_compute(m, 1, &r), 0);
    metrics_free(&m);
    assert_null(m);
    return r;
}

static void test_needs_both(void **state)
{
    (void)state;
    struct metrics *m = metrics_new();
    struct metrics_result r;
    assert_int_equal(metrics_compute(m, 1, &r), POSSE_EINVAL);
    metrics_add(m, true, true, 1);
    assert_int_equal(metrics_compute(m, 1, &r), POSSE_EINVAL);
    metrics_add(m, false, true, NAN);
    assert_int_equal(metrics_compute(m, 1, &r), 0);
    metrics_free(&m);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* pairs: 2 x 3; inversions: (ham 1, spam -1), tie (ham 1, spam 1) half */
    const double ham[] = {-2, 1}, spam[] = {-1, 1, 3};
    struct metrics_result r = compute(ham, 2, spam, 3);
    assert_near(r.roca.mid, 100 * 1.5 / 6, 1e-9);
    assert_int_equal(r.ham_lost_n, 1);
    assert_int_equal(r.spam_missed_n, 1);
    assert_near(r.ham_lost.mid, 50, 1e-9);
    assert_near(r.spam_missed.mid, 100.0 / 3, 1e-9);
    /* no ham may be lost: the threshold is at 1, only the spam at 3 lies above */
    assert_near(r.missed_1e3.mid, 200.0 / 3, 1e-9);
    assert_true(r.few_1e3 && r.few_1e4);
    double loss = log2(1 + exp2(-2)) + log2(1 + exp2(1)) + log2(1 + exp2(1)) + log2(1 + exp2(-1)) + log2(1 + exp2(-3));
    assert_near(r.log_loss.mid, loss / 5, 1e-9);
}

static void test_wilson(void **state)
{
    (void)state;
    double ham[100], spam[1] = {5};
    for (int i = 0; i < 100; i++)
        ham[i] = i < 10 ? 1 : -1;
    struct metrics_result r = compute(ham, 100, spam, 1);
    assert_near(r.ham_lost.mid, 10, 1e-9); /* Wilson for 10 of 100, as tabulated */
    assert_near(r.ham_lost.lo, 5.5229, 1e-3);
    assert_near(r.ham_lost.hi, 17.4366, 1e-3);
    assert_near(r.spam_missed.mid, 0, 0);
    assert_near(r.spam_missed.lo, 0, 0);
}

static void test_perfect(void **state)
{
    (void)state;
    double ham[50], spam[50];
    for (int i = 0; i < 50; i++) {
        ham[i] = -5000 - i;
        spam[i] = 5000 + i;
    }
    struct metrics_result r = compute(ham, 50, spam, 50);
    assert_near(r.roca.mid, 0, 0);
    assert_near(r.roca.hi, 100 * (1 - pow(0.025, 1.0 / 50)), 1e-9);
    assert_near(r.log_loss.mid, 0, 1e-12);
    assert_near(r.missed_1e4.mid, 0, 1e-9);
    assert_near(r.calibration.mid, 0, 1e-9);
}

/* The same numbers by trying every pair, on scores with many ties. */
static void test_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 7;
    double ham[300], spam[200], inversions = 0;
    for (int i = 0; i < 300; i++)
        ham[i] = floor(normal(&seed) * 3 - 3);
    for (int i = 0; i < 200; i++)
        spam[i] = floor(normal(&seed) * 3 + 3);
    for (int i = 0; i < 300; i++)
        for (int j = 0; j < 200; j++)
            inversions += ham[i] > spam[j] ? 1 : ham[i] == spam[j] ? 0.5 : 0;
    struct metrics_result r = compute(ham, 300, spam, 200), again = compute(ham, 300, spam, 200);
    assert_near(r.roca.mid, 100 * inversions / (300 * 200), 1e-9);
    assert_memory_equal(&r.log_loss.lo, &again.log_loss.lo, sizeof r.log_loss.lo);
    assert_true(r.roca.lo < r.roca.mid && r.roca.mid < r.roca.hi);
    assert_true(r.lam.lo < r.lam.mid && r.lam.mid < r.lam.hi);
    assert_true(r.log_loss.lo < r.log_loss.mid && r.log_loss.mid < r.log_loss.hi);
}

/* Two normals, d apart: the true AUC is known, and 95% intervals hold it about 95 times in 100. */
static void test_coverage(void **state)
{
    (void)state;
    enum { RUNS = 100, N = 200 };
    uint64_t seed = 99;
    double ham[N], spam[N], d = 2.5, truth = 100 * 0.5 * erfc(d / 2);
    int held = 0;
    for (int run = 0; run < RUNS; run++) {
        for (int i = 0; i < N; i++) {
            ham[i] = normal(&seed);
            spam[i] = normal(&seed) + d;
        }
        struct metrics *m = metrics_new();
        struct metrics_result r;
        for (int i = 0; i < N; i++) {
            metrics_add(m, false, false, ham[i]);
            metrics_add(m, true, true, spam[i]);
        }
        assert_int_equal(metrics_compute(m, 1, &r), 0);
        metrics_free(&m);
        held += r.roca.lo <= truth && truth <= r.roca.hi;
    }
    /* 4 deviations of a binomial (100, 0.95) below: 86 */
    assert_true(held >= 86);
}

/* Scores that mean what they say: the calibration error is small, and doubled scores are found out. */
static void test_calibration(void **state)
{
    (void)state;
    enum { N = 20000 };
    uint64_t seed = 5;
    for (int factor = 1; factor <= 2; factor++) {
        struct metrics *m = metrics_new();
        struct metrics_result r;
        for (int i = 0; i < N; i++) {
            double bits = normal(&seed) * 4;
            metrics_add(m, uniform(&seed) < 1 / (1 + exp2(-bits)), bits > 0, bits * factor);
        }
        assert_int_equal(metrics_compute(m, 1, &r), 0);
        metrics_free(&m);
        assert_true(factor == 1 ? r.calibration.mid < 2 : r.calibration.mid > 3);
        assert_true(r.calibration.lo <= r.calibration.mid && r.calibration.mid <= r.calibration.hi);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needs_both),  cmocka_unit_test(test_by_hand),     cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_perfect),     cmocka_unit_test(test_brute_force), cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_calibration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
