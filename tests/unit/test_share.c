/* share: counts are exact, shares add up, what is late or moved or saved is not lost, and intervals hold the truth (small runs of
 * tests/stat/stat_share; the full ones are under bench/observatory/stat). */
#include "unit.h"

#include "../stat/share_world.h"
#include "base/error.h"

static const int64_t T0 = 1300000000000ll / 3600000 * 3600000;

static struct share_sight sight(int64_t at, uint32_t botnet, uint32_t address)
{
    struct share_sight s = {.time_ms = T0 + at, .botnet = botnet, .probability = 1, .n_rcpt = 2, .bytes = 1000};
    memcpy(s.source.b + 10, "\xff\xff\x0a", 3);
    memcpy(s.source.b + 13, &address, 3);
    return s;
}

static void add(struct shares *s, struct share_sight in) { assert_int_equal(shares_add(s, &in), POSSE_OK); }

static struct shares *some(void)
{
    struct shares *s;
    assert_int_equal(shares_new(0, &s, NULL), POSSE_OK);
    return s;
}

static void test_counts(void **state)
{
    (void)state;
    struct shares *s = some();
    for (uint32_t i = 0; i < 1000; i++)
        add(s, sight(i * 3600, 1 + (i % 10 < 3), i % 500)); /* 700 of botnet 1, 300 of botnet 2 */
    struct share_sight in = sight(5, SHARE_UNKNOWN, 9999);
    in.n = 1000;
    add(s, in);
    struct share got[4], all;
    assert_int_equal(shares_ask(s, T0, T0 + 3600000, got, 4, &all), 3);
    assert_int_equal(all.messages, 2000);
    assert_int_equal(all.envelopes, 4000);
    assert_int_equal(all.bytes, 2000000);
    assert_int_equal(all.addresses, 501);
    assert_int_equal(got[0].botnet, 1);
    assert_int_equal(got[0].messages, 700);
    assert_int_equal(got[0].addresses, 350);
    assert_true(fabs(got[0].of[SHARE_MESSAGES].mid - 0.35) < 1e-12);
    assert_int_equal(got[2].botnet, SHARE_UNKNOWN); /* last, though most */
    for (unsigned k = 0; k < SHARE_N; k++) {
        double sum = 0;
        for (unsigned i = 0; i < 3; i++) {
            const struct estimate *e = &got[i].of[k];
            sum += e->mid;
            assert_true(0 <= e->lo && e->lo <= e->mid && e->mid <= e->hi && e->hi <= 1);
        }
        assert_true(fabs(sum - 1) < 1e-9);
    }
    assert_int_equal(shares_ask(s, T0 + 3600000, T0 + 7200000, got, 4, &all), 0);
    assert_int_equal(shares_ask(s, T0, T0 + 3600000, got, 1, NULL), 3);
    shares_free(&s);
    shares_free(&s);
}

static void test_doubt_goes_to_the_unknown(void **state)
{
    (void)state;
    struct shares *s = some();
    for (uint32_t i = 0; i < 1000; i++) {
        struct share_sight in = sight(i * 3600, 1, i);
        in.probability = 0.9;
        in.campaign = 7;
        add(s, in);
    }
    struct share got[2];
    assert_int_equal(shares_ask(s, T0, T0 + 3600000, got, 2, NULL), 2);
    assert_int_equal(got[0].messages, 900);
    assert_int_equal(got[1].messages, 100);
    assert_true(fabs(got[0].of[SHARE_ADDRESSES].mid - 0.9) < 0.01);
    assert_true(got[0].of[SHARE_MESSAGES].lo < 0.5); /* all of it may be another's */
    shares_free(&s);
}

static void test_any_order(void **state)
{
    (void)state;
    struct shares *a = some(), *b = some(), *c;
    assert_int_equal(shares_new(3 * 3600000, &c, NULL), POSSE_OK);
    struct share got_a[3], got_b[3];
    for (uint32_t i = 0; i < 5000; i++)
        add(a, sight(i * 7000, i % 3, i * 31 % 700));
    for (uint32_t i = 5000; i-- > 0;)
        add(b, sight(i * 7000, i % 3, i * 31 % 700));
    assert_int_equal(shares_ask(a, T0, T0 + 36000000, got_a, 3, NULL), 3);
    assert_int_equal(shares_ask(b, T0, T0 + 36000000, got_b, 3, NULL), 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(got_a[i].messages, got_b[i].messages);
        assert_int_equal(got_a[i].addresses, got_b[i].addresses);
        assert_true(fabs(got_a[i].of[0].hi - got_b[i].of[0].hi) < 0.01);
    }
    for (uint32_t i = 0; i < 10; i++)
        add(c, sight(i * 3600000, 1, i));
    add(c, sight(0, 1, 1));
    assert_int_equal(shares_late(c), 1);
    int64_t hours[8];
    assert_int_equal(shares_hours(c, hours, 8), 3);
    assert_true(hours[0] == T0 + 7 * 3600000);
    add(c, sight(400ll * 24 * 3600000, 1, 1)); /* from the future: costs one hour, not all */
    assert_int_equal(shares_hours(c, hours, 8), 3);
    assert_true(hours[1] == T0 + 9 * 3600000);
    add(c, (struct share_sight){.time_ms = -1, .botnet = 1});
    shares_free(&a);
    shares_free(&b);
    shares_free(&c);
}

static void test_move(void **state)
{
    (void)state;
    struct shares *s = some();
    for (uint32_t i = 0; i < 20000; i++)
        add(s, sight(i * 600, 1 + i % 4, i / 4 % 100)); /* every address in each botnet */
    assert_int_equal(shares_move(s, 1, 2), POSSE_OK);
    assert_int_equal(shares_move(s, 77, 2), POSSE_OK);
    assert_int_equal(shares_move(s, 3, 99), POSSE_OK);
    struct share got[5], all;
    for (int64_t h = 0; h < 4; h++) {
        assert_int_equal(shares_ask(s, T0 + (h < 3 ? h : 0) * 3600000, T0 + (h < 3 ? h + 1 : 4) * 3600000, got, 5, &all), 3);
        assert_int_equal(got[0].botnet, 2);
        assert_int_equal(got[0].messages, all.messages / 2);
        assert_int_equal(got[0].addresses, 100);
        assert_int_equal(all.addresses, 300);
    }
    shares_free(&s);
}

/* What a campaign had goes where it belongs: as if it had been counted there at once. */
static void credit_into(struct shares *s, bool is_wrong, uint32_t hours)
{
    for (uint32_t i = 0; i < 6000 * hours; i++) {
        uint32_t k = i % 6; /* campaigns 1 to 3 of botnet 1, 4 and 5 of a copyist, 6 of one more; each of its own thousand addresses */
        struct share_sight in = sight((int64_t)i * 600, k < 3 || (is_wrong && k < 5) ? 1 : k < 5 ? 2 : 3, (k < 3 ? 0 : k < 5 ? 2000 : 4000) + i / 6 % 1000);
        in.campaign = k + 1;
        in.bytes = 1000 + k;
        in.n_rcpt = 1 + k;
        add(s, in);
    }
}

static void same_shares(const struct shares *a, const struct shares *b, int64_t from, int64_t to)
{
    struct share x[5], y[5];
    size_t n = shares_ask(a, from, to, x, 5, NULL);
    assert_int_equal(shares_ask(b, from, to, y, 5, NULL), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(x[i].botnet, y[i].botnet);
        assert_int_equal(x[i].messages, y[i].messages);
        assert_int_equal(x[i].envelopes, y[i].envelopes);
        assert_int_equal(x[i].bytes, y[i].bytes);
        assert_int_equal(x[i].addresses, y[i].addresses);
        for (unsigned k = 0; k < SHARE_N; k++) {
            assert_true(fabs(x[i].of[k].mid - y[i].of[k].mid) < 1e-9);
            assert_true(fabs(x[i].of[k].hi - y[i].of[k].hi) < 0.15 * (y[i].of[k].hi - y[i].of[k].lo)); /* variance: in proportion */
        }
    }
}

static void test_late_credit(void **state)
{
    (void)state;
    struct shares *wrong = some(), *right = some();
    struct share_moved moved[SHARES_CREDIT_HOURS];
    size_t n;
    credit_into(wrong, true, 4);
    credit_into(right, false, 4);
    assert_int_equal(shares_credit(wrong, 77, 1, 2, 1, moved, &n), POSSE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(shares_credit(wrong, 4, 1, 2, 1, moved, &n), POSSE_OK);
    assert_int_equal(n, 4);
    assert_true(moved[0].hour_ms == T0 && moved[0].messages == 1000 && moved[0].envelopes == 4000 && moved[0].bytes == 1003000);
    assert_int_equal(shares_credit(wrong, 5, 1, 2, 1, moved, &n), POSSE_OK);
    for (int64_t h = 0; h < 4; h++)
        same_shares(wrong, right, T0 + h * 3600000, T0 + (h + 1) * 3600000);
    same_shares(wrong, right, T0, T0 + 4 * 3600000);
    assert_int_equal(shares_credit(wrong, 4, 1, 2, 1, moved, &n), POSSE_OK); /* nothing is left */
    assert_int_equal(n, 0);
    assert_int_equal(shares_credit(wrong, 4, 2, 1, 1, moved, &n), POSSE_OK); /* there and back */
    assert_int_equal(shares_credit(wrong, 4, 1, 2, 1, moved, &n), POSSE_OK);
    same_shares(wrong, right, T0, T0 + 4 * 3600000);
    assert_int_equal(shares_move(wrong, 2, 9), POSSE_OK); /* joined ones take their campaigns with them */
    assert_int_equal(shares_credit(wrong, 4, 9, 2, 1, moved, &n), POSSE_OK);
    assert_int_equal(shares_credit(wrong, 5, 9, 2, 1, moved, &n), POSSE_OK);
    assert_int_equal(n, 4);
    same_shares(wrong, right, T0, T0 + 4 * 3600000);
    shares_free(&wrong);
    shares_free(&right);
}

/* Doubt is taken along and made anew; what was nobody's is somebody's; old hours stay. */
static void test_late_credit_of_doubt(void **state)
{
    (void)state;
    struct shares *s = some();
    struct share_moved moved[SHARES_CREDIT_HOURS];
    size_t n;
    for (uint32_t i = 0; i < 60000; i++) {
        struct share_sight in = sight((int64_t)i * 3600, i % 2 ? 1 : SHARE_UNKNOWN, i % 500);
        in.probability = 0.8;
        in.campaign = 1 + i % 2;
        add(s, in);
    }
    struct share got[4], all;
    assert_int_equal(shares_credit(s, 2, 1, 3, 0.5, moved, &n), POSSE_OK);
    assert_int_equal(n, SHARES_CREDIT_HOURS);
    assert_int_equal(shares_ask(s, T0 + 59 * 3600000, T0 + 60 * 3600000, got, 4, &all), 2); /* botnet 1 had nothing else */
    assert_int_equal(all.messages, 1000);
    assert_int_equal(got[0].botnet, 3);
    assert_int_equal(got[0].messages, 250);
    assert_int_equal(got[1].messages, 750);
    assert_int_equal(shares_credit(s, 1, SHARE_UNKNOWN, 4, 1, moved, &n), POSSE_OK);
    assert_int_equal(n, SHARES_CREDIT_HOURS);
    assert_int_equal(shares_credit(s, 2, 3, 1, 0.8, moved, &n), POSSE_OK);
    assert_true(shares_ask(s, T0 + 59 * 3600000, T0 + 60 * 3600000, got, 4, &all) >= 3);
    assert_int_equal(got[0].botnet, 4);
    assert_int_equal(got[0].messages, 500);
    assert_int_equal(got[1].botnet, 1);
    assert_int_equal(got[1].messages, 400);
    assert_true(got[1].of[SHARE_MESSAGES].lo < 0.25); /* doubted as before: all of it may be another's */
    assert_int_equal(shares_ask(s, T0, T0 + 3600000, got, 4, &all), 2);
    assert_int_equal(got[0].messages, 400);
    assert_int_equal(all.messages, 1000);
    shares_free(&s);
}

static void test_more_campaigns_than_are_noted(void **state)
{
    (void)state;
    struct shares *s = some();
    struct share_moved moved[SHARES_CREDIT_HOURS];
    size_t n;
    for (uint32_t i = 0; i < 30000; i++) {
        struct share_sight in = sight(i * 100, 1, i % 700);
        in.campaign = i % 3 ? 10 + i : 1;
        add(s, in);
    }
    assert_int_equal(shares_credit(s, 1, 1, 2, 1, moved, &n), POSSE_OK);
    assert_true(n == 1 && moved[0].messages == 10000); /* the largest is kept, whatever came between */
    struct share got[3], all;
    assert_int_equal(shares_ask(s, T0, T0 + 3600000, got, 3, &all), 2);
    assert_int_equal(all.messages, 30000);
    assert_int_equal(got[0].messages, 20000);
    assert_int_equal(got[0].addresses, 700); /* each sent for many more than are noted: they stay */
    shares_free(&s);
}

static void test_too_many(void **state)
{
    (void)state;
    struct shares *s = some();
    for (uint32_t i = 0; i < 100000; i++)
        add(s, sight(i * 30, 1 + i % 5000, i));
    static struct share got[SHARES_ROWS + 2];
    struct share all;
    assert_int_equal(shares_ask(s, T0, T0 + 3600000, got, SHARES_ROWS + 2, &all), SHARES_ROWS + 1);
    assert_int_equal(all.messages, 100000);
    assert_true(all.addresses > 98500 && all.addresses < 101500); /* sampled: 32,768 at most */
    assert_int_equal(got[0].botnet, SHARE_OTHERS);
    shares_free(&s);
}

static void bytes_of(const struct shares *s, struct buf *out)
{
    buf_init(out, 1 << 28);
    assert_int_equal(shares_save(s, out), POSSE_OK);
}

static void test_saved(void **state)
{
    (void)state;
    struct shares *s = some(), *t;
    struct rng r = {5};
    struct buf a, b;
    for (uint32_t i = 0; i < 60000; i++) {
        struct share_sight in = sight((int64_t)(i * 400 + rng_unit(&r) * 1e6), (uint32_t)(rng_u64(&r) % 9), (uint32_t)rng_u64(&r) % 50000);
        in.probability = rng_u64(&r) % 4 ? 1 : rng_unit(&r);
        in.campaign = rng_u64(&r) % 50;
        add(s, in);
        if (i > 30000)
            add(t, in);
        if (i % 5000 == 4999) { /* what was moved is saved like what was not */
            struct share_moved moved[SHARES_CREDIT_HOURS];
            size_t n;
            assert_int_equal(shares_credit(s, i / 5000, (uint32_t)(i % 7), 1 + i % 5, 0.9, moved, &n), POSSE_OK);
            if (i > 30000)
                assert_int_equal(shares_credit(t, i / 5000, (uint32_t)(i % 7), 1 + i % 5, 0.9, moved, &n), POSSE_OK);
        }
        if (i == 30000) {
            bytes_of(s, &a);
            struct span whole = exact(a.p, a.n);
            struct reader in_a = reader_of(whole);
            assert_int_equal(shares_load(&in_a, &t, NULL), POSSE_OK);
            assert_int_equal(reader_left(&in_a), 0);
            bytes_of(t, &b);
            assert_true(span_eq(buf_span(&a), buf_span(&b)));
            for (size_t cut = 0; cut < a.n; cut += 1 + a.n / 97) {
                struct shares *none = NULL;
                struct reader part = reader_of(span_sub(whole, 0, cut));
                assert_true(shares_load(&part, &none, NULL) < 0);
                assert_null(none);
            }
            exact_free(whole);
            buf_deinit(&a);
            buf_deinit(&b);
        }
    }
    bytes_of(s, &a);
    bytes_of(t, &b);
    assert_true(span_eq(buf_span(&a), buf_span(&b)));
    buf_deinit(&a);
    buf_deinit(&b);
    shares_free(&s);
    shares_free(&t);
}

/* 40 seeds of six botnets: 240 intervals, at 95% a deviation of 1.4 points: between 90 and 99.5% is what chance allows. */
static void test_intervals_hold(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SHARE_WORLDS; i++) {
        if (share_worlds[i].messages > 10000 || share_worlds[i].hours > 1)
            continue; /* slow */
        struct share_result res = {0};
        for (uint64_t seed = 1; seed <= 40; seed++)
            share_run(seed, &share_worlds[i], &res);
        for (unsigned k = 0; k < SHARE_N; k++) {
            double held = (double)res.held[k] / (double)res.asked[k];
            if (held < 0.90 || held > 0.995)
                fail_msg("%s, %u: %.1f%% of intervals hold the truth", share_worlds[i].name, k, 100 * held);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_doubt_goes_to_the_unknown),
        cmocka_unit_test(test_any_order), cmocka_unit_test(test_move),
        cmocka_unit_test(test_too_many),  cmocka_unit_test(test_saved),
        cmocka_unit_test(test_late_credit), cmocka_unit_test(test_late_credit_of_doubt),
        cmocka_unit_test(test_more_campaigns_than_are_noted),
        cmocka_unit_test(test_intervals_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
