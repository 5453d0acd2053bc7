/* pool: order, bounds and stopping, with work of uneven length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hash.h"
#include "cli/pool.h"

struct slot {
    uint64_t seq, result;
};

struct ctx {
    uint64_t n, given, taken, stop_at;
    uint64_t *seen; /* by worker */
};

static bool next(void *ctx, void *slot)
{
    struct ctx *c = ctx;
    if (c->given == c->n)
        return false;
    ((struct slot *)slot)->seq = c->given++;
    return true;
}

static uint64_t toil(uint64_t seq)
{
    uint64_t x = seq;
    for (uint64_t i = 0; i < 1 + mix64(seq) % 2000; i++)
        x = mix64(x + 1);
    return x;
}

static void work(void *ctx, unsigned worker, void *slot)
{
    struct ctx *c = ctx;
    struct slot *s = slot;
    c->seen[worker]++;
    s->result = toil(s->seq);
}

static int done(void *ctx, void *slot)
{
    struct ctx *c = ctx;
    struct slot *s = slot;
    assert_int_equal(s->seq, c->taken);
    assert_true(s->result == toil(s->seq));
    c->taken++;
    return c->stop_at && c->taken == c->stop_at ? 77 : 0;
}

static const struct pool_ops ops = {next, work, done};

static void run(unsigned threads, size_t n_slots, uint64_t n)
{
    uint64_t seen[16] = {0}, total = 0;
    struct slot slots[64];
    struct ctx c = {.n = n, .seen = seen};
    assert_int_equal(pool_run(&ops, &c, threads, slots, sizeof *slots, n_slots), 0);
    assert_int_equal(c.taken, n);
    for (unsigned i = 0; i < 16; i++)
        total += seen[i];
    assert_int_equal(total, n);
}

static void test_order(void **state)
{
    (void)state;
    static const struct {
        unsigned threads;
        size_t slots;
    } cases[] = {{1, 1}, {1, 8}, {2, 1}, {2, 2}, {2, 8}, {3, 64}, {8, 5}, {16, 16}, {16, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].threads, cases[i].slots, 0);
        run(cases[i].threads, cases[i].slots, 1);
        run(cases[i].threads, cases[i].slots, 2000);
    }
}

static void test_stop(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 8; threads++) {
        uint64_t seen[16] = {0};
        struct slot slots[16];
        struct ctx c = {.n = 100000, .seen = seen, .stop_at = 50};
        assert_int_equal(pool_run(&ops, &c, threads, slots, sizeof *slots, 16), 77);
        assert_int_equal(c.taken, 50);
        assert_true(c.given <= 50 + 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order), cmocka_unit_test(test_stop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
