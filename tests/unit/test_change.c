/* change: falls are dated, patterns are no news, a deaf trap is nobody's fall, what is saved goes on (small runs of
 * tests/stat/stat_change; the full ones are under bench/observatory/stat). */
#include "unit.h"

#include "../stat/change_world.h"
#include "base/error.h"

static struct change_series *some(void)
{
    struct change_series *s;
    assert_int_equal(change_new(&s, NULL), POSSE_OK);
    return s;
}

/* Minutes [from, to) of so many a minute; how many calls said that something changed. */
static unsigned feed(struct change_series *s, struct rng *r, int64_t from, int64_t to, double rate)
{
    unsigned told = 0;
    for (int64_t m = from; m < to; m++)
        told += change_add(s, m * 60000, (double)rng_poisson(r, rate), true);
    return told;
}

static const int64_t DAYS = 1440;

static void test_fall_and_return(void **state)
{
    (void)state;
    struct change_series *s = some();
    struct rng r = {1};
    struct change c[4];
    assert_int_equal(change_list(s, c, 4), 0);
    assert_int_equal(feed(s, &r, 0, 20 * DAYS, 60), 0);
    assert_int_equal(change_quiet_since(s), 0);
    assert_int_equal(feed(s, &r, 20 * DAYS, 20 * DAYS + 30, 6), 1); /* told once, within half an hour */
    assert_int_equal(change_list(s, c, 4), 1);
    assert_int_equal(c[0].kind, CHANGE_COLLAPSE);
    assert_int_equal(c[0].cause, CAUSE_UNKNOWN);
    assert_true(llabs(c[0].at_ms - 20 * DAYS * 60000) <= 10 * 60000);
    assert_true(c[0].at_lo_ms <= 20 * DAYS * 60000 && 20 * DAYS * 60000 <= c[0].at_hi_ms);
    assert_true(c[0].before.lo < 60 && 60 < c[0].before.hi);
    assert_true(c[0].after.lo < 6 && 6 < c[0].after.hi);
    assert_true(c[0].probability > 0.99 && c[0].ended_ms == 0);
    assert_true(change_quiet_since(s) == c[0].at_ms);
    assert_false(change_tell(s, 10 * DAYS * 60000, 3600000, CAUSE_TAKEDOWN));
    assert_true(change_tell(s, 20 * DAYS * 60000, 3600000, CAUSE_TAKEDOWN));
    assert_int_equal(feed(s, &r, 20 * DAYS + 30, 40 * DAYS, 6), 0);
    assert_int_equal(feed(s, &r, 40 * DAYS, 40 * DAYS + 120, 20), 1); /* back at a third */
    assert_int_equal(change_list(s, c, 4), 2);
    assert_int_equal(c[0].cause, CAUSE_TAKEDOWN);
    assert_int_equal(c[1].kind, CHANGE_RETURN);
    assert_true(llabs(c[1].at_ms - 40 * DAYS * 60000) <= 10 * 60000);
    assert_true(c[0].ended_ms == c[1].at_ms);
    assert_int_equal(change_quiet_since(s), 0);
    assert_int_equal(change_list(s, c, 1), 1); /* the latest */
    assert_int_equal(c[0].kind, CHANGE_RETURN);
    change_free(&s);
    change_free(&s);
}

/* Two days old, and then nothing: no collapse, for it may send in bursts, but it is told since when, and until when it would be one. */
static void test_quiet_but_young(void **state)
{
    (void)state;
    struct change_series *s = some();
    struct rng r = {9};
    struct change c;
    struct change_quiet q;
    const int64_t fell = 2 * DAYS + 77;
    assert_false(change_quiet(s, &q));
    assert_int_equal(feed(s, &r, 0, fell, 0.6), 0);
    assert_false(change_quiet(s, &q));
    assert_int_equal(feed(s, &r, fell, fell + 9 * 60, 0), 0);
    assert_true(change_quiet(s, &q));
    assert_int_equal(q.why, QUIET_YOUNG);
    assert_int_equal(change_quiet_since(s), 0);
    assert_true(q.lo_ms <= fell * 60000 && fell * 60000 <= q.hi_ms && q.hi_ms - q.lo_ms < 60 * 60000);
    assert_true(q.expected > 200 && q.expected < 450 && q.came <= 2);
    assert_int_equal(change_list(s, &c, 1), 0);
    struct buf saved; /* an entry from outside makes it one, and changes nothing else */
    buf_init(&saved, 1 << 20);
    assert_int_equal(change_save(s, &saved), POSSE_OK);
    struct reader in = reader_of(buf_span(&saved));
    struct change_series *told;
    assert_int_equal(change_load(&in, &told, NULL), POSSE_OK);
    assert_false(change_tell(told, (fell - 5000) * 60000, 3600000, CAUSE_TAKEDOWN));
    assert_true(change_tell(told, fell * 60000, 3600000, CAUSE_TAKEDOWN));
    assert_int_equal(change_list(told, &c, 1), 1);
    assert_int_equal(c.kind, CHANGE_COLLAPSE);
    assert_int_equal(c.cause, CAUSE_TAKEDOWN);
    assert_true(change_quiet(told, &q) && q.why == QUIET_CALLED && change_quiet_since(told) == c.at_ms);
    change_free(&told);
    buf_deinit(&saved);
    assert_true(change_quiet(s, &q));
    assert_int_equal(feed(s, &r, fell + 9 * 60, q.sure_ms / 60000 + 60, 0), 1); /* as was said */
    assert_int_equal(change_list(s, &c, 1), 1);
    assert_true(c.told_ms >= q.sure_ms && c.told_ms <= q.sure_ms + 3600000 && c.at_lo_ms <= fell * 60000 && fell * 60000 <= c.at_hi_ms);
    change_free(&s);
}

/* A fall that takes half an hour: the interval holds its beginning and its end. */
static void test_slow_fall(void **state)
{
    (void)state;
    unsigned begins = 0, ends = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct change_series *s = some();
        struct rng r = {seed};
        struct change_quiet q;
        feed(s, &r, 0, 3 * DAYS, 5);
        for (int64_t m = 3 * DAYS; m < 3 * DAYS + 30; m++)
            change_add(s, m * 60000, (double)rng_poisson(&r, 5 * (1 - ((double)(m - 3 * DAYS) + 0.5) / 30)), true);
        feed(s, &r, 3 * DAYS + 30, 3 * DAYS + 200, 0);
        assert_true(change_quiet(s, &q));
        assert_true(q.lo_ms < q.since_ms && q.since_ms < q.hi_ms);
        begins += q.lo_ms / 60000 <= 3 * DAYS;
        ends += q.hi_ms / 60000 >= 3 * DAYS + 25; /* of the last minutes' messages there are hardly any */
        change_free(&s);
    }
    assert_in_range(begins, 17, 20);
    assert_in_range(ends, 17, 20);
}

static void test_surge(void **state)
{
    (void)state;
    struct change_series *s = some();
    struct rng r = {2};
    struct change c;
    assert_int_equal(feed(s, &r, 0, 20 * DAYS, 10), 0);
    assert_int_equal(feed(s, &r, 20 * DAYS, 20 * DAYS + 400, 60), 1);
    assert_int_equal(change_list(s, &c, 1), 1);
    assert_int_equal(c.kind, CHANGE_SURGE);
    assert_true(llabs(c.at_ms - 20 * DAYS * 60000) <= 10 * 60000);
    change_free(&s);
}

/* The same season a year later: a pause, until it lasts longer than such a pause did. */
static void test_a_pause_like_one_before(void **state)
{
    (void)state;
    struct change_series *s = some();
    struct rng r = {3};
    struct change c[4];
    feed(s, &r, 0, 100 * DAYS, 60);
    feed(s, &r, 100 * DAYS, 110 * DAYS, 0);
    feed(s, &r, 110 * DAYS, 466 * DAYS, 60);
    assert_int_equal(feed(s, &r, 466 * DAYS, 467 * DAYS, 0), 1);
    assert_int_equal(change_list(s, c, 4), 3);
    assert_int_equal(c[0].kind, CHANGE_COLLAPSE);
    assert_int_equal(c[2].kind, CHANGE_PAUSE);
    assert_int_equal(c[2].cause, CAUSE_UNKNOWN);
    assert_int_equal(feed(s, &r, 467 * DAYS, 480 * DAYS, 0), 0);
    assert_int_equal(feed(s, &r, 480 * DAYS, 482 * DAYS, 0), 1);
    assert_int_equal(change_list(s, c, 4), 3);
    assert_int_equal(c[2].kind, CHANGE_COLLAPSE);
    change_free(&s);
}

static void test_a_deaf_trap(void **state)
{
    (void)state;
    struct change_series *one = some(), *all = some();
    struct rng r = {4};
    unsigned told = 0, deaf = 0;
    for (int64_t m = 0; m < 40 * DAYS; m++) {
        bool is_up = m < 20 * DAYS || m >= 21 * DAYS;
        double mine = is_up ? (double)rng_poisson(&r, 60) : 0, others = is_up ? (double)rng_poisson(&r, 100) : 0;
        change_add(all, m * 60000, mine + others, true);
        deaf += change_is_deaf(all);
        told += change_add(one, m * 60000, mine, !change_is_deaf(all));
    }
    assert_int_equal(told, 0);
    assert_in_range(deaf, DAYS - 10, DAYS + 10);
    assert_int_equal(feed(one, &r, 40 * DAYS, 40 * DAYS + 30, 0), 1);
    assert_true(change_tell(one, 40 * DAYS * 60000, 3600000, CAUSE_TRAP)); /* found later: the fall is taken back */
    assert_int_equal(change_quiet_since(one), 0);
    change_free(&one);
    change_free(&all);
    one = some(); /* told by its watcher: no minute counts */
    feed(one, &r, 0, 20 * DAYS, 60);
    for (int64_t m = 20 * DAYS; m < 25 * DAYS; m++)
        assert_false(change_add(one, m * 60000, 0, m < 20 * DAYS + 5));
    assert_int_equal(feed(one, &r, 25 * DAYS, 30 * DAYS, 60), 0);
    change_free(&one);
}

static void test_odd_input(void **state)
{
    (void)state;
    struct change_series *s = some();
    assert_false(change_add(s, -86400000, 5, true));
    assert_false(change_add(s, -86460000, 5, true));  /* late */
    assert_false(change_add(s, -86400000, NAN, true));
    change_add(s, 4000000000000ll, INFINITY, true);   /* a gap of a century: the latest 400 days of it */
    change_add(s, 4000000060000ll, -5, false);
    struct change c;
    assert_in_range(change_list(s, &c, 1), 0, 1);
    assert_false(change_is_deaf(s));
    change_free(&s);
}

/* Nothing was learnt before the dip that began in its first hour: the fall that is called has no level to go back to. */
static void test_a_fall_in_the_first_hour(void **state)
{
    (void)state;
    for (int64_t first = 10; first <= 120; first += 10) {
        struct change_series *s = some(), *t;
        struct rng r = {6};
        struct buf b;
        buf_init(&b, 1 << 20);
        feed(s, &r, 0, first, 20);
        feed(s, &r, first, 90 * DAYS, 0);
        assert_int_equal(change_save(s, &b), POSSE_OK);
        struct reader in = reader_of(buf_span(&b));
        assert_int_equal(change_load(&in, &t, NULL), POSSE_OK);
        change_free(&t);
        change_free(&s);
        buf_deinit(&b);
    }
}

static void test_many_changes(void **state)
{
    (void)state;
    struct change_series *s = some();
    struct rng r = {6};
    static struct change c[2 * CHANGES_MAX];
    for (int64_t k = 0; k < 200; k++) {
        feed(s, &r, k * 10 * DAYS, k * 10 * DAYS + 8 * DAYS, 60);
        feed(s, &r, k * 10 * DAYS + 8 * DAYS, (k + 1) * 10 * DAYS, 0);
    }
    size_t n = change_list(s, c, 2 * CHANGES_MAX);
    assert_true(n <= CHANGES_MAX);
    for (size_t i = 1; i < n; i++)
        assert_true(c[i - 1].told_ms <= c[i].told_ms || c[i - 1].kind == CHANGE_COLLAPSE);
    change_free(&s);
}

static void bytes_of(const struct change_series *s, struct buf *out)
{
    buf_init(out, 1 << 20);
    assert_int_equal(change_save(s, out), POSSE_OK);
}

static void test_saved(void **state)
{
    (void)state;
    struct rng r = {7}, chance = {8};
    struct change_state world = {0};
    struct change_series *s = some(), *t = some();
    struct buf a, b;
    for (int64_t m = 0; m < 500 * DAYS; m++) {
        double n = change_count(&r, &change_worlds[4], change_rate(&r, &change_worlds[4], &world, m));
        assert_int_equal(change_add(s, m * 60000, n, true), change_add(t, m * 60000, n, true));
        if (rng_u64(&chance) % 20000)
            continue;
        bytes_of(t, &a);
        struct span whole = exact(a.p, a.n);
        change_free(&t);
        struct reader in = reader_of(whole);
        assert_int_equal(change_load(&in, &t, NULL), POSSE_OK);
        assert_int_equal(reader_left(&in), 0);
        bytes_of(s, &b);
        assert_true(span_eq(whole, buf_span(&b)));
        for (size_t cut = 0; cut < whole.n; cut += 41) {
            struct change_series *none = NULL;
            in = reader_of(span_sub(whole, 0, cut));
            assert_true(change_load(&in, &none, NULL) < 0);
            assert_null(none);
        }
        exact_free(whole);
        buf_deinit(&a);
        buf_deinit(&b);
    }
    change_free(&s);
    change_free(&t);
}

/* Four years of each sender, none of which falls but at Christmas, and ten falls of the steady one. */
static void test_own_patterns_are_no_news(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHANGE_WORLDS; i++) {
        struct change_years res = {0};
        change_run_years(100 + i, &change_worlds[i], 2, &res);
        change_run_years(200 + i, &change_worlds[i], 2, &res);
        if (res.fell)
            fail_msg("%s: %u falls that were none", change_worlds[i].name, res.fell);
    }
    struct change_years res = {0};
    change_run_years(16, &change_worlds[3], 8, &res); /* a pause that was dated an hour early, and its return not seen */
    assert_int_equal(res.fell, 0);
    assert_int_equal(res.returns_found, 7);
    struct change_fall bursts = {0}; /* in the middle of a burst, a tenth is left */
    for (uint64_t seed = 5001; seed <= 5008; seed++)
        change_run_fall(seed, &change_worlds[3], 0.1, &bursts);
    assert_in_range(bursts.called, 6, 8);
    assert_int_equal(bursts.within10, bursts.called);
    assert_int_equal(bursts.held, bursts.called);
    for (unsigned i = 0; i < 2; i++) {
        struct change_fall fall = {0};
        for (uint64_t seed = 1; seed <= 10; seed++)
            change_run_fall(seed, &change_worlds[i], 0.1, &fall);
        assert_int_equal(fall.called, 10);
        assert_int_equal(fall.within10, 10);
        assert_int_equal(fall.false_before, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fall_and_return),
        cmocka_unit_test(test_quiet_but_young),
        cmocka_unit_test(test_slow_fall),
        cmocka_unit_test(test_surge),
        cmocka_unit_test(test_a_pause_like_one_before),
        cmocka_unit_test(test_a_deaf_trap),
        cmocka_unit_test(test_odd_input),
        cmocka_unit_test(test_many_changes),
        cmocka_unit_test(test_a_fall_in_the_first_hour),
        cmocka_unit_test(test_saved),
        cmocka_unit_test(test_own_patterns_are_no_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
