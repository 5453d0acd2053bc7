/* hll: the error is what theory says, over many seeds; merging is union; the empty and the tiny are exact. */
#include <math.h>

#include "base/hash.h"
#include "base/hll.h"
#include "unit.h"

static void count_empty(void **state)
{
    (void)state;
    uint8_t reg[16] = {0};
    struct estimate e = hll_count(reg, 4);
    assert_true(e.mid == 0 && e.lo == 0 && e.hi == 0);
    assert_true(hll_add(reg, 4, 0)); /* no bit set after the register's number: the greatest rank */
    assert_int_equal(reg[0], hll_most(4));
    assert_false(hll_add(reg, 4, 0));
}

/* Mean and spread of the relative error over seeds, and how often the interval holds the truth. */
static void error_is_theorys(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 10, 100, 1000, 20000, 200000};
    enum { P = 10, SEEDS = 300 };
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        double sum = 0, squares = 0;
        unsigned held = 0, seeds = sizes[k] > 20000 ? SEEDS / 5 : SEEDS;
        for (unsigned s = 0; s < seeds; s++) {
            uint8_t reg[1 << P] = {0};
            for (uint32_t i = 0; i < sizes[k]; i++)
                hll_add(reg, P, mix64(mix64(s + 1) + (i + 1) * 0x9e3779b97f4a7c15ull));
            struct estimate e = hll_count(reg, P);
            double off = e.mid / sizes[k] - 1;
            sum += off;
            squares += off * off;
            held += e.lo <= sizes[k] && sizes[k] <= e.hi;
        }
        double theory = 1.04 / sqrt(1 << P), mean = sum / seeds, spread = sqrt(squares / seeds);
        assert_true(fabs(mean) < 4 * theory / sqrt(seeds) + 0.002);
        assert_true(spread < theory * (1 + 4 / sqrt(2.0 * seeds)));
        assert_true(held >= seeds * 0.95 - 4 * sqrt(seeds * 0.95 * 0.05));
    }
}

static void merge_is_union(void **state)
{
    (void)state;
    enum { P = 8 };
    uint8_t a[1 << P] = {0}, b[1 << P] = {0}, both[1 << P] = {0};
    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t h = mix64(i + 77);
        hll_add(i % 3 ? a : b, P, h);
        hll_add(both, P, h);
    }
    hll_merge(a, b, P);
    assert_memory_equal(a, both, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_empty),
        cmocka_unit_test(error_is_theorys),
        cmocka_unit_test(merge_is_union),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
