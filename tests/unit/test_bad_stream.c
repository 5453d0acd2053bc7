/* What a stream of mail may do without any botnet having changed: the trap is deaf, one address floods, messages come late by days or from the
 * future. None of it is a collapse, and none of it is counted as more than it is. */
#include "unit.h"

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets.h"

enum { HOUR_MS = 3600000, DAYS = 1440 };
#define MINUTE_MS 60000
#define START (INT64_C(1300000000000) / HOUR_MS * HOUR_MS)

struct world { struct botnets *b; uint64_t seed; int64_t now; };

static void begin(struct world *w)
{
    struct botnets_options o = {0};
    *w = (struct world){.seed = 7, .now = START};
    assert_int_equal(botnets_new(&o, &w->b, NULL), POSSE_OK);
}

static struct ip machine(unsigned gang, unsigned m) { return ip_of_v4(0x0a000000u | (uint32_t)(mix64(m * 8u + gang + 1) % (1u << 22))); }

static void post(struct world *w, unsigned gang, int64_t at, struct ip source)
{
    struct sighting s = {.time_ms = at, .source = source, .n_rcpt = 2, .size_bytes = 3000, .flags = SIGHTING_SPAM | SIGHTING_RECORD, .key = 100 + gang,
                         .mailer = 0xa1 + gang};
    struct join j = {.how = JOINED_CAMPAIGN, .number = 1 + gang};
    struct membership m;
    assert_int_equal(botnets_add(w->b, &s, NULL, &j, &m), POSSE_OK);
}

/* Two gangs of 300 machines, each with so many messages a minute, more or less. */
static void minutes(struct world *w, int64_t n, unsigned a_minute)
{
    for (int64_t i = 0; i < n; i++, w->now += MINUTE_MS) {
        for (unsigned gang = 0; gang < 2; gang++)
            for (uint64_t k = mix64(w->seed++) % (2 * a_minute + 1); k > 0; k--) {
                uint64_t x = mix64(w->seed++);
                post(w, gang, w->now + (int64_t)(x % MINUTE_MS), machine(gang, (unsigned)(x >> 32) % 300));
            }
        assert_int_equal(botnets_tick(w->b, w->now + MINUTE_MS, true), POSSE_OK);
    }
}

static unsigned falls_of(struct change_series *s)
{
    static struct change c[CHANGES_MAX];
    unsigned falls = 0;
    assert_non_null(s);
    for (size_t i = change_list(s, c, CHANGES_MAX); i-- > 0;)
        falls += c[i].kind == CHANGE_COLLAPSE || c[i].kind == CHANGE_PAUSE;
    return falls;
}

static unsigned falls(struct world *w)
{
    return falls_of(botnets_change(w->b, 1)) + falls_of(botnets_change(w->b, 2)) + falls_of(botnets_change(w->b, 0));
}

static void a_deaf_trap_is_no_collapse(void **state)
{
    (void)state;
    struct world w;
    struct change_quiet q;
    begin(&w);
    minutes(&w, 9 * DAYS, 3);
    minutes(&w, DAYS / 2, 0); /* nobody is heard, and nobody said that the trap was off */
    for (uint32_t number = 1; number <= 2; number++)
        assert_false(change_quiet(botnets_change(w.b, number), &q));
    minutes(&w, DAYS, 3);
    assert_int_equal(falls(&w), 0);
    w.now += 5 * (int64_t)DAYS * MINUTE_MS; /* days of it */
    minutes(&w, DAYS, 3);
    assert_int_equal(falls(&w), 0);
    botnets_free(&w.b);
}

static void a_flood_of_one_address(void **state)
{
    (void)state;
    struct world w;
    struct census_answer before, after;
    struct share got[4], all;
    begin(&w);
    minutes(&w, 9 * DAYS, 3);
    int64_t from = w.now;
    census_ask(botnets_census(w.b, 1), from - 12 * HOUR_MS, from, &before);
    for (unsigned i = 0; i < 20000; i++)
        post(&w, 0, from + i, machine(0, 1000000));
    minutes(&w, 60, 3);
    assert_true(shares_ask(botnets_shares(w.b), from, from + HOUR_MS, got, 4, &all) >= 2);
    assert_int_equal(got[0].botnet, 1);
    assert_true(got[0].of[SHARE_MESSAGES].mid > 0.95); /* it was sent; its mailer alone is 98% sure */
    assert_true(got[0].addresses <= 301 && got[0].of[SHARE_ADDRESSES].mid < 0.6);
    census_ask(botnets_census(w.b, 1), from - 11 * HOUR_MS, from + HOUR_MS, &after);
    assert_true(after.addresses.mid <= before.addresses.mid + 1.5);
    assert_true(after.live.mid < 1.15 * before.live.mid + 1);
    minutes(&w, 2 * DAYS, 3); /* that a flood ends is no fall */
    assert_int_equal(falls(&w), 0);
    botnets_free(&w.b);
}

static void late_by_days_and_from_the_future(void **state)
{
    (void)state;
    struct world w;
    struct share got[4], all;
    begin(&w);
    minutes(&w, 9 * DAYS, 3);
    int64_t then = w.now - 3 * (int64_t)DAYS * MINUTE_MS;
    assert_true(shares_ask(botnets_shares(w.b), then, then + HOUR_MS, got, 4, &all) >= 2);
    uint64_t was = all.messages;
    for (unsigned i = 0; i < 5000; i++)
        post(&w, i % 2, then + (int64_t)(mix64(i) % HOUR_MS), machine(i % 2, i % 300));
    for (unsigned i = 0; i < 100; i++)
        post(&w, i % 2, w.now + (400 + (int64_t)i) * DAYS * MINUTE_MS, machine(i % 2, i % 300));
    assert_true(shares_ask(botnets_shares(w.b), then, then + HOUR_MS, got, 4, &all) >= 2);
    assert_in_range(all.messages, was + 4999, was + 5001); /* counted when they were sent */
    minutes(&w, 2 * DAYS, 3);
    assert_int_equal(falls(&w), 0);
    botnets_free(&w.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deaf_trap_is_no_collapse),
        cmocka_unit_test(a_flood_of_one_address),
        cmocka_unit_test(late_by_days_and_from_the_future),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
