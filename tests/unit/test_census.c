/* census: addresses, live and ever-seen machines are three numbers; what is late, sampled or saved is not lost (small runs of
 * tests/stat/stat_census; the full ones are under bench/observatory/stat). */
#include "unit.h"

#include "../stat/census_world.h"
#include "base/error.h"

static const int64_t T0 = 1300000000000ll / 3600000 * 3600000;

static struct census *some(size_t max_bytes)
{
    struct census *c;
    assert_int_equal(census_new(&(struct census_options){.max_bytes = max_bytes}, &c, NULL), POSSE_OK);
    return c;
}

static void add(struct census *c, int64_t at, uint32_t address, uint64_t machine)
{
    struct census_sight s = {.time_ms = T0 + at, .machine = machine, .n = 1};
    memcpy(s.source.b + 10, "\xff\xff", 2);
    memcpy(s.source.b + 12, &address, 4);
    assert_int_equal(census_add(c, &s), POSSE_OK);
}

static void test_all_seen(void **state)
{
    (void)state;
    struct census *c = some(0);
    struct census_answer a;
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(a.live.mid == 0 && !a.doubt);
    for (uint32_t i = 0; i < 100 * 48 * 12; i++) /* a hundred addresses, each in every slot of two days */
        add(c, (int64_t)(i / 100) * 300000 + i % 100, i % 100 + 1, 0);
    census_add(c, &(struct census_sight){.time_ms = T0}); /* no address */
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(fabs(a.addresses.mid - 100) < 1e-9);
    assert_true(a.live.lo <= 100 && 100 <= a.live.hi && fabs(a.live.mid - 100) < 1);
    assert_true(fabs(a.ever.mid - 100) < 1);
    struct estimate live[50];
    int64_t start[50];
    assert_int_equal(census_windows(c, 0, INT64_MAX, live, start, 50), 48);
    assert_true(start[1] == T0 + 3600000);
    assert_true(fabs(live[7].mid - 100) < 1);
    assert_int_equal(census_windows(c, T0, T0 + 7200000, live, start, 1), 2);
    census_free(&c);
    census_free(&c);
}

/* Forty machines behind each of fifty addresses. */
static void test_marks(void **state)
{
    (void)state;
    struct rng r = {3};
    struct census *c = some(0);
    struct census_answer a;
    for (uint32_t i = 0; i < 40000; i++) {
        uint32_t machine = (uint32_t)(rng_u64(&r) % 2000);
        add(c, (int64_t)(rng_unit(&r) * 172800000), machine % 50 + 1, machine + 1);
    }
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(fabs(a.addresses.mid - 50) < 1e-9);
    assert_true(fabs(a.live.mid - 2000) < 100 && a.live.lo <= 2000 && 2000 <= a.live.hi);
    assert_true(fabs(a.machines_an_address - 40) < 3);
    for (uint32_t i = 0; i < 4000; i++) /* marks that are new in each message say nothing */
        add(c, 200 * 3600000 + i * 1000, i % 10 + 1, rng_u64(&r) | 1);
    census_ask(c, T0 + 200 * 3600000ll, INT64_MAX, &a);
    assert_non_null(a.doubt);
    assert_true(a.live.mid < 20);
    for (uint32_t i = 0; i < 1500; i++) /* nor do they where addresses hardly come again either */
        add(c, 400 * 3600000ll + i * 57600, (uint32_t)(rng_u64(&r) % 12000) + 1, rng_u64(&r) | 1);
    census_ask(c, T0 + 400 * 3600000ll, INT64_MAX, &a);
    assert_memory_equal(a.live.method, "addresses", 9);
    assert_true(a.live.mid < 60000);
    census_free(&c);
}

/* Seen far more often than a law counts: all there are were seen, and no more are told. */
static void test_seen_often(void **state)
{
    (void)state;
    struct rng r = {17};
    struct census *c = some(0);
    struct census_answer a;
    for (uint32_t i = 0; i < 300 * 130; i++)
        add(c, (int64_t)(rng_unit(&r) * 240 * 3600000), i % 300 + 1, 0);
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(fabs(a.live.mid - 300) < 6 && fabs(a.ever.mid - 300) < 6 && a.ever.lo <= 300 && a.ever.hi < 330);
    census_free(&c);
}

/* Each is on for four hours in twenty, at hours of its own: a fifth at a time, a quarter within an hour, all ever. */
static void test_within_a_window(void **state)
{
    (void)state;
    struct rng r = {23};
    struct census *c = some(0);
    struct census_answer a;
    for (uint32_t i = 1; i <= 4000; i++) {
        double phase = 20 * rng_unit(&r);
        for (double at = 0; (at += rng_exp(&r)) < 120;)
            if (fmod(at + phase, 20) < 4)
                add(c, (int64_t)(at * 3600000), i, i);
    }
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(fabs(a.live.mid / 800 - 1) < 0.1 && a.live.lo <= 800 && 800 <= a.live.hi);
    assert_true(fabs(a.within_window.mid / 1000 - 1) < 0.1 && a.within_window.lo <= 1000 && 1000 <= a.within_window.hi);
    assert_true(a.ever.lo < 4000.5 && a.ever.hi > 3999.5);
    census_free(&c);
}

static void test_late_and_limits(void **state)
{
    (void)state;
    struct census *c;
    struct census_answer a;
    assert_int_equal(census_new(&(struct census_options){.keep_ms = 10 * 3600000}, &c, NULL), POSSE_OK);
    for (uint32_t h = 0; h < 20; h++)
        for (uint32_t i = 0; i < 100; i++)
            add(c, (int64_t)(h * 3600000 + i), i, 0);
    add(c, 0, 1, 0);
    add(c, 15 * 3600000 + 700000, 1, 0); /* into a closed window */
    add(c, 15 * 3600000 + 700000, 7777, 0);
    census_ask(c, 0, INT64_MAX, &a);
    assert_int_equal(a.late, 1);
    assert_true(fabs(a.addresses.mid - 101) < 1e-9);
    census_free(&c);
    c = some(100000);
    for (uint32_t i = 0; i < 100000; i++)
        add(c, (int64_t)(i % 10) * 3600000 + i % 3600000, i, 0);
    census_ask(c, 0, INT64_MAX, &a);
    assert_true(a.addresses.lo <= 100000 && 100000 <= a.addresses.hi && a.addresses.hi - a.addresses.lo < 20000);
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(census_save(c, &b), POSSE_OK);
    assert_true(b.n < 100000);
    buf_deinit(&b);
    census_free(&c);
}

static void test_saved(void **state)
{
    (void)state;
    struct rng r = {9};
    struct census *c = some(100000), *d = some(100000);
    struct buf a, b;
    for (uint32_t i = 0; i < 60000; i++) {
        int64_t at = (int64_t)i * 2000 + (int64_t)(rng_unit(&r) * 2e7);
        uint32_t who = (uint32_t)(rng_u64(&r) % 5000);
        add(c, at, who, who % 3);
        add(d, at, who, who % 3);
        if (i % 9973)
            continue;
        buf_init(&a, 1 << 22);
        buf_init(&b, 1 << 22);
        assert_int_equal(census_save(d, &a), POSSE_OK);
        census_free(&d);
        struct span whole = exact(a.p, a.n);
        struct reader in = reader_of(whole);
        assert_int_equal(census_load(&in, NULL, &d, NULL), POSSE_OK);
        assert_int_equal(reader_left(&in), 0);
        assert_int_equal(census_save(c, &b), POSSE_OK);
        assert_true(span_eq(whole, buf_span(&b)));
        for (size_t cut = 0; cut < whole.n; cut += 1 + whole.n / 53) {
            struct census *none = NULL;
            in = reader_of(span_sub(whole, 0, cut));
            assert_true(census_load(&in, NULL, &none, NULL) < 0);
            assert_null(none);
        }
        exact_free(whole);
        buf_deinit(&a);
        buf_deinit(&b);
    }
    struct census_answer x, y;
    census_ask(c, 0, INT64_MAX, &x);
    census_ask(d, 0, INT64_MAX, &y);
    assert_true(x.live.mid == y.live.mid && x.ever.hi == y.ever.hi);
    census_free(&c);
    census_free(&d);
}

/* Two seeds of each world: within 10%, and half of that on average, where most are seen twice and marks tell who shares an address. Where
 * none does, each address is one machine: the interval reaches to what is behind them, and the answer says that it is in doubt. */
static void test_worlds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CENSUS_WORLDS; i++) {
        const struct census_world *w = &census_worlds[i];
        if (w->machines > 4000)
            continue;
        struct census_result res = {0};
        for (uint64_t seed = 1; seed <= 2; seed++)
            census_run(seed, w, &res);
        if (w->behind_nat > 0 && !(w->marked > 0))
            assert_true(res.live_bias < -0.2 * res.n && res.live_held == res.n && res.doubts == res.n);
        else if (res.live_within10 < 2 || fabs(res.live_bias / res.n) > 0.05)
            fail_msg("%s: %u of 2 within 10%%, on average %.1f%% off", w->name, res.live_within10, 100 * res.live_bias / res.n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_seen), cmocka_unit_test(test_marks),  cmocka_unit_test(test_late_and_limits),
        cmocka_unit_test(test_saved),    cmocka_unit_test(test_worlds), cmocka_unit_test(test_seen_often), cmocka_unit_test(test_within_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
