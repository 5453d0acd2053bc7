/* fuse: an average at first, then whoever is right; a shipped model speaks alone while the learners are silent. */
#include "unit.h"

#include <math.h>

#include "base/error.h"
#include "base/hash.h"
#include "filter/fuse.h"

static double noise(uint64_t *s) { return (double)(mix64((*s)++) >> 11) / 4503599627370496.0 - 1; }

static void test_starts_as_average(void **state)
{
    (void)state;
    struct fuse f;
    assert_int_equal(fuse_init(&f, 4, 0), 0);
    double x[4] = {1, 2, 3, 6};
    assert_true(fabs(fuse_judge(&f, x) - 0.7 * 3) < 1e-12);
}

static void test_prior_alone(void **state)
{
    (void)state;
    struct fuse f;
    assert_int_equal(fuse_init(&f, 2, 1), 0);
    double x[3] = {0, 0, -4.5};
    assert_true(fabs(fuse_judge(&f, x) + 4.5) < 1e-12);
}

static void test_learns_whom_to_trust(void **state)
{
    (void)state;
    struct fuse f;
    assert_int_equal(fuse_init(&f, 3, 1), 0);
    uint64_t s = 5;
    for (int i = 0; i < 3000; i++) {
        bool spam = noise(&s) > 0;
        double sign = spam ? 1 : -1, x[4] = {sign * 3 + noise(&s), 4 * noise(&s), -sign, sign};
        fuse_teach(&f, x, spam);
    }
    assert_true(f.weight[0] > 0.5 && f.weight[0] > f.weight[1] && f.weight[2] < 0.2);
    assert_int_equal(f.lessons, 3000);
    const char *why;
    assert_true(fuse_validate(&f, &why));
}

static void test_gain_is_exact(void **state)
{
    (void)state;
    struct fuse f;
    fuse_init(&f, 3, 0);
    double x[3] = {40, -0.5, -90}, gain[3];
    fuse_gain(&f, x, gain);
    double sum = f.bias + gain[0] * x[0] + gain[1] * x[1] + gain[2] * x[2];
    assert_true(fabs(sum - fuse_judge(&f, x)) < 1e-12);
    double huge[3] = {1e300, -1e300, 0};
    for (int i = 0; i < 100000; i++)
        fuse_teach(&f, huge, i % 2);
    const char *why;
    assert_true(fuse_validate(&f, &why));
}

static void test_bad(void **state)
{
    (void)state;
    struct fuse f;
    const char *why;
    assert_int_equal(fuse_init(&f, 0, 0), POSSE_EINVAL);
    assert_int_equal(fuse_init(&f, FUSE_INPUTS_MAX, 1), POSSE_EINVAL);
    fuse_init(&f, 3, 0);
    f.weight[1] = NAN;
    assert_false(fuse_validate(&f, &why));
    assert_non_null(why);
    fuse_init(&f, 3, 0);
    f.n_learned = 1000;
    assert_false(fuse_validate(&f, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_as_average), cmocka_unit_test(test_prior_alone),
        cmocka_unit_test(test_learns_whom_to_trust), cmocka_unit_test(test_gain_is_exact), cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
