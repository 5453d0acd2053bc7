/* Before and after: intervals that hold what is true, and verdicts that claim no success without grounds. */
#include "unit.h"

#include <math.h>

#include "engine/effect.h"

#define HOUR 3600000LL
#define DAY (24 * HOUR)

static uint64_t random_state = 7;

static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

static uint64_t poisson(double mean)
{
    uint64_t n = 0;
    for (double p = uniform(), limit = exp(-mean); p > limit && n < 10000; n++)
        p *= uniform();
    return n;
}

/* Of 400 worlds whose days differ by chance and by a factor, at least nine in ten intervals hold the true fall. */
static void test_fall_holds(void **state)
{
    (void)state;
    unsigned held = 0;
    for (int world = 0; world < 400; world++) {
        uint64_t before[24 * 10], after[24 * 5];
        double left = 0.05 + 0.9 * uniform();
        for (size_t h = 0, day = 0; h < 240; h++, day = h % 24) {
            static double factor;
            factor = day == 0 ? 0.7 + 0.6 * uniform() : factor;
            before[h] = poisson(20 * factor);
        }
        for (size_t h = 0, day = 0; h < 120; h++, day = h % 24) {
            static double factor;
            factor = day == 0 ? 0.7 + 0.6 * uniform() : factor;
            after[h] = poisson(20 * factor * left);
        }
        struct estimate b = effect_rate(before, 240), a = effect_rate(after, 120), f = effect_fall(&b, &a);
        assert_true(f.lo <= f.mid && f.mid <= f.hi);
        held += f.lo <= 1 - left && 1 - left <= f.hi;
    }
    if (held < 360)
        fail_msg("%u of 400 intervals hold", held);
}

static void test_rates(void **state)
{
    (void)state;
    uint64_t none[48] = {0}, even[24 * 8];
    for (size_t i = 0; i < 24 * 8; i++)
        even[i] = 10;
    struct estimate e = effect_rate(none, 0);
    assert_null(e.method);
    e = effect_rate(none, 48);
    assert_true(e.mid == 0 && e.lo == 0 && e.hi > 1.5 && e.hi < 2.1); /* none in two days: 3.7 at most */
    e = effect_rate(even, 24 * 8);
    assert_true(e.mid == 240 && e.lo > 225 && e.hi < 255);
    struct estimate b = e, a = effect_rate(none, 48), f = effect_fall(&b, &a);
    assert_true(f.mid == 1 && f.hi == 1 && f.lo > 0.99);
    f = effect_fall(&a, &b); /* from nothing: no fall can be told */
    assert_null(f.method);
    f = effect_fall(&b, &b);
    assert_true(f.mid == 0 && f.lo < 0 && f.hi > 0);
    struct estimate x = {.1, .2, .3, 9, "x"}, y = {.4, .5, .6, 9, "x"}, g = effect_gain(&x, &y);
    assert_true(fabs(g.mid - .3) < 1e-12 && fabs(g.lo - (.3 - hypot(.1, .1))) < 1e-12);
}

static struct effect fallen(double lo)
{
    return (struct effect){.fell = {lo, (lo + 1) / 2, 1, 99, "x"}, .whole_fell = {-.1, 0, .1, 99, "x"}, .action_ms = 10 * DAY, .seen_ms = 14 * DAY,
                           .has_change = true, .at_lo_ms = 10 * DAY + HOUR / 4, .at_hi_ms = 10 * DAY + HOUR / 2};
}

static void test_verdicts(void **state)
{
    (void)state;
    struct effect e = fallen(.97);
    assert_int_equal(effect_verdict(&e), EFFECT_GONE);
    e.seen_ms = 10 * DAY + HOUR;
    assert_int_equal(effect_verdict(&e), EFFECT_EARLY);
    e = fallen(.5);
    assert_int_equal(effect_verdict(&e), EFFECT_FELL);
    e = fallen(-.1);
    assert_int_equal(effect_verdict(&e), EFFECT_NOT_GONE);
    e = fallen(.97); /* it was silent for two days before anybody did anything */
    e.at_lo_ms = 8 * DAY;
    e.at_hi_ms = 8 * DAY + HOUR;
    assert_int_equal(effect_verdict(&e), EFFECT_QUIET);
    e = fallen(.97); /* nothing was dated */
    e.has_change = false;
    assert_int_equal(effect_verdict(&e), EFFECT_QUIET);
    e = fallen(.97); /* it does that every week */
    e.is_own_pattern = true;
    assert_int_equal(effect_verdict(&e), EFFECT_QUIET);
    e = fallen(.97); /* so are all others: the trap is deaf */
    e.whole_fell.lo = .95;
    assert_int_equal(effect_verdict(&e), EFFECT_QUIET);
    e = fallen(.5);
    e.at_lo_ms = e.at_hi_ms = 12 * DAY; /* two days after */
    assert_int_equal(effect_verdict(&e), EFFECT_FELL_UNKNOWN);
    e = fallen(.4);
    e.is_back = true;
    assert_int_equal(effect_verdict(&e), EFFECT_BACK);
    for (int v = EFFECT_EARLY; v <= EFFECT_FELL_UNKNOWN; v++)
        assert_true(effect_verdict_name((enum verdict_of)v)[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fall_holds), cmocka_unit_test(test_rates), cmocka_unit_test(test_verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
