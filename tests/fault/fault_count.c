/* fault_count: the n-th allocation fails, for every n, while shares, a census and a series are made, fed, joined, saved, loaded and asked.
 * Each call says so or does what it does without a fault; nothing is lost that was taken, nothing leaks or crashes. */
#include "fault.h"

#include "base/error.h"
#include "botnet/census.h"
#include "botnet/change.h"
#include "botnet/share.h"

static const int64_t T0 = 1300000000000;
enum { SIGHTS = 400 };

static struct share_sight share_sight(uint32_t i)
{
    struct share_sight s = {.time_ms = T0 + i * 60000ll, .botnet = i % 7, .probability = i % 3 ? 1 : 0.6, .campaign = i % 5, .n_rcpt = 1, .bytes = 10};
    s.source.b[0] = 1;
    s.source.b[15] = (uint8_t)i;
    return s;
}

/* What could not be added is added again once memory is there: the counts are then as if nothing had failed. */
static bool shares_once(long n)
{
    struct shares *s = NULL, *t = NULL;
    struct share out[8], all = {0};
    struct buf b;
    buf_init(&b, 1 << 22);
    arm(FAULT_MALLOC, n, false);
    int made = shares_new(0, &s, NULL);
    if (made) {
        disarm();
        assert_int_equal(shares_new(0, &s, NULL), POSSE_OK);
    }
    for (uint32_t i = 0; i < SIGHTS; i++) {
        struct share_sight in = share_sight(i);
        if (shares_add(s, &in))
            assert_int_equal(shares_add(s, &in), POSSE_OK);
    }
    if (shares_move(s, 1, 2))
        assert_int_equal(shares_move(s, 1, 2), POSSE_OK);
    int saved = shares_save(s, &b);
    struct reader r = reader_of(buf_span(&b));
    int loaded = saved ? saved : shares_load(&r, &t, NULL);
    size_t n_out = shares_ask(s, 0, INT64_MAX, out, 8, &all);
    bool tripped = fault.tripped;
    disarm();
    assert_true(!loaded == (t != NULL));
    assert_true(n_out == 6 || (n_out == 0 && tripped));
    assert_int_equal(shares_ask(s, 0, INT64_MAX, out, 8, &all), 6);
    assert_int_equal(all.messages, SIGHTS);
    buf_deinit(&b);
    shares_free(&t);
    shares_free(&s);
    return tripped;
}

static bool census_once(long n)
{
    struct census *c = NULL, *d = NULL;
    struct census_answer a;
    struct buf b;
    buf_init(&b, 1 << 22);
    arm(FAULT_MALLOC, n, false);
    if (census_new(NULL, &c, NULL)) {
        disarm();
        assert_int_equal(census_new(NULL, &c, NULL), POSSE_OK);
    }
    for (uint32_t i = 0; i < SIGHTS; i++) {
        struct share_sight s = share_sight(i);
        struct census_sight in = {.time_ms = s.time_ms, .source = s.source, .machine = i % 50, .n = 1};
        if (census_add(c, &in))
            assert_int_equal(census_add(c, &in), POSSE_OK);
    }
    int saved = census_save(c, &b);
    struct reader r = reader_of(buf_span(&b));
    int loaded = saved ? saved : census_load(&r, NULL, &d, NULL);
    census_ask(c, 0, INT64_MAX, &a);
    bool tripped = fault.tripped;
    disarm();
    assert_true(!loaded == (d != NULL));
    assert_true(a.addresses.mid > 0 || (tripped && a.doubt));
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(a.addresses.mid == 256);
    buf_deinit(&b);
    census_free(&d);
    census_free(&c);
    return tripped;
}

static bool change_once(long n)
{
    struct change_series *s = NULL, *t = NULL;
    struct change c[8];
    struct buf b;
    buf_init(&b, 1 << 22);
    arm(FAULT_MALLOC, n, false);
    if (change_new(&s, NULL)) {
        disarm();
        assert_int_equal(change_new(&s, NULL), POSSE_OK);
    }
    for (int64_t m = 0; m < 100 * 1440; m++)
        change_add(s, T0 + m * 60000, m / 1440 % 20 < 17 ? 50 + (double)(m % 5) : 0, true);
    int saved = change_save(s, &b);
    struct reader r = reader_of(buf_span(&b));
    int loaded = saved ? saved : change_load(&r, &t, NULL);
    bool tripped = fault.tripped;
    disarm();
    assert_true(!loaded == (t != NULL));
    assert_in_range(change_list(s, c, 8), 4, 8);
    buf_deinit(&b);
    change_free(&t);
    change_free(&s);
    return tripped;
}

static void every(bool (*once)(long))
{
    long n = 1;
    while (once(n))
        n++;
    assert_in_range(n, 4, 10000);
}

static void test_shares(void **state) { (void)state; every(shares_once); }
static void test_census(void **state) { (void)state; every(census_once); }
static void test_change(void **state) { (void)state; every(change_once); }

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares), cmocka_unit_test(test_census), cmocka_unit_test(test_change)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
