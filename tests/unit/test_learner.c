/* learner: learns what separates, forgets nothing and nobody, explains exactly, and folds to the same bytes. */
#include "unit.h"

#include <math.h>

#include "base/error.h"
#include "base/hash.h"
#include "filter/learner.h"

enum { BITS = 14, PER_VIEW = 40 };

struct sample {
    struct feature_set f;
    uint32_t slot[VIEW_N * PER_VIEW];
};

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Most features are anybody's; a fifth of them come from a class's own store. */
static void sample_make(struct sample *s, uint64_t seed, bool is_spam, unsigned views)
{
    uint32_t n = 0;
    for (unsigned v = 0; v < VIEW_N; v++) {
        s->f.start[v] = n;
        for (unsigned i = 0; v < views && i < PER_VIEW; i++) {
            uint64_t r = mix64(seed * 1000 + v * 100 + i);
            uint64_t word = i % 5 ? r % 5000 : 10000 + is_spam * 200 + r % 200;
            s->slot[n++] = (uint32_t)(mix64(word * 64 + v) >> (64 - FEATURE_BITS));
        }
        qsort(s->slot + s->f.start[v], n - s->f.start[v], sizeof *s->slot, by_value);
    }
    s->f.start[VIEW_N] = n;
    s->f.slot = s->slot;
}

static void teach_many(struct learner *l, unsigned from, unsigned to)
{
    struct sample s;
    struct learner_odds o;
    for (unsigned i = from; i < to; i++) {
        sample_make(&s, i, i % 3 == 0, VIEW_N);
        learner_judge(l, &s.f, &o);
        learner_teach(l, &s.f, &o, i % 3 == 0);
    }
}

static struct learner *fresh(void)
{
    struct learner *l;
    assert_int_equal(learner_new(BITS, &l), 0);
    return l;
}

static void test_every_learner_learns(void **state)
{
    (void)state;
    struct learner *l = fresh();
    struct learner_odds o;
    struct sample s;
    sample_make(&s, 7, true, VIEW_N);
    learner_judge(l, &s.f, &o);
    for (unsigned v = 0; v < LANE_N; v++) {
        assert_true(o.novelty[v] == 1);
        for (unsigned k = 0; k < LEARNER_KINDS; k++)
            assert_true(o.odds[v][k] == 0);
    }
    teach_many(l, 0, 600);
    unsigned right[LEARNER_KINDS] = {0};
    for (unsigned i = 1000; i < 1200; i++) {
        sample_make(&s, i, i & 1, VIEW_N);
        learner_judge(l, &s.f, &o);
        for (unsigned k = 0; k < LEARNER_KINDS; k++) {
            double sum = 0;
            for (unsigned v = 0; v < LANE_N; v++)
                sum += o.odds[v][k];
            right[k] += (sum > 0) == (i & 1);
        }
        assert_true(o.novelty[0] < 1);
    }
    for (unsigned k = 0; k < LEARNER_KINDS; k++)
        if (right[k] < 190)
            fail_msg("learner %u: %u of 200 right", k, right[k]);
    assert_int_equal(learner_lessons(l, true), 200);
    assert_int_equal(learner_lessons(l, false), 400);
    learner_free(&l);
    assert_null(l);
    learner_free(&l);
}

static void test_one_lesson_moves_towards_it(void **state)
{
    (void)state;
    for (int spam = 0; spam < 2; spam++) {
        struct learner *l = fresh();
        struct sample s;
        struct learner_odds o, after;
        sample_make(&s, 3, spam, VIEW_N);
        learner_judge(l, &s.f, &o);
        learner_teach(l, &s.f, &o, spam);
        learner_judge(l, &s.f, &after);
        for (unsigned v = 0; v < LANE_N; v++)
            for (unsigned k = 0; k < LEARNER_KINDS; k++)
                assert_true(spam ? after.odds[v][k] > 0 : after.odds[v][k] < 0);
        learner_free(&l);
    }
}

static void test_same_lessons_same_bytes(void **state)
{
    (void)state;
    struct learner *a = fresh(), *b = fresh();
    teach_many(a, 0, 300);
    teach_many(b, 500, 600);
    learner_clear(b);
    teach_many(b, 0, 150);
    size_t n;
    const void *block = learner_block(b, &n);
    assert_int_equal(n, learner_block_bytes(BITS));
    void *copy = malloc(n);
    memcpy(copy, block, n);
    learner_free(&b);
    assert_int_equal(learner_over(copy, n, &b), 0);
    teach_many(b, 150, 200);
    assert_int_equal(learner_own(b), 0); /* the block may go, and nothing is lost */
    assert_ptr_not_equal(learner_block(b, &n), copy);
    memset(copy, 0xa5, n);
    free(copy);
    assert_int_equal(learner_own(b), 0);
    teach_many(b, 200, 300);
    assert_memory_equal(learner_block(a, &n), learner_block(b, &n), n);
    learner_free(&a);
    learner_free(&b);
}

static void test_shares_add_up(void **state)
{
    (void)state;
    struct learner *l = fresh();
    teach_many(l, 0, 200);
    struct sample s;
    struct learner_odds o;
    double gain[LANE_N][LEARNER_KINDS], share[VIEW_N * PER_VIEW];
    for (unsigned i = 300; i < 320; i++) {
        sample_make(&s, i, i & 1, 1 + i % VIEW_N);
        learner_judge(l, &s.f, &o);
        for (unsigned v = 0; v < LANE_N; v++)
            for (unsigned k = 0; k < LEARNER_KINDS; k++)
                gain[v][k] = 0.1 + 0.01 * k - 0.02 * v;
        learner_explain(l, &s.f, &o, gain, share);
        for (unsigned v = 0; v < LANE_N; v++) {
            double want = 0, got = 0;
            for (unsigned k = 0; k < LEARNER_KINDS; k++)
                want += gain[v][k] * o.odds[v][k];
            for (uint32_t j = s.f.start[lane_first[v]]; j < s.f.start[lane_end[v]]; j++)
                got += share[j];
            assert_true(fabs(got - want) < 1e-9);
        }
    }
    learner_free(&l);
}

static void test_empty_message(void **state)
{
    (void)state;
    struct learner *l = fresh();
    struct feature_set none = {0};
    struct learner_odds o;
    learner_judge(l, &none, &o);
    learner_teach(l, &none, &o, true);
    for (unsigned v = 0; v < LANE_N; v++)
        assert_true(o.odds[v][LEARNER_PLAIN] == 0);
    assert_int_equal(learner_lessons(l, true), 1);
    learner_free(&l);
}

/* The same lesson for ever: nothing overflows, nothing becomes NaN. */
static void test_stays_bounded(void **state)
{
    (void)state;
    struct learner *l = fresh();
    struct sample s;
    struct learner_odds o;
    const char *reason;
    for (unsigned i = 0; i < 70000; i++) {
        sample_make(&s, 1, true, 1);
        learner_judge(l, &s.f, &o);
        learner_teach(l, &s.f, &o, i & 1);
    }
    size_t n;
    const void *block = learner_block(l, &n);
    assert_int_equal(learner_validate(block, n, &reason), 0);
    learner_free(&l);
}

static void test_bad_blocks(void **state)
{
    (void)state;
    struct learner *l = fresh(), *m;
    teach_many(l, 0, 20);
    size_t n;
    const void *block = learner_block(l, &n);
    uint8_t *copy = malloc(n);
    const char *reason;
    memcpy(copy, block, n);
    assert_int_equal(learner_validate(copy, n - 1, &reason), POSSE_ECORRUPT);
    assert_int_equal(learner_validate(copy, 10, &reason), POSSE_ECORRUPT);
    assert_non_null(reason);
    copy[8]++;
    assert_int_equal(learner_over(copy, n, &m), POSSE_EVERSION);
    assert_null(m);
    memcpy(copy, block, n);
    copy[0] ^= 1;
    assert_int_equal(learner_over(copy, n, &m), POSSE_ECORRUPT);
    memcpy(copy, block, n);
    memset(copy + n - 32, 0xff, 4); /* a NaN in the last cell */
    assert_int_equal(learner_over(copy, n, &m), POSSE_ECORRUPT);
    assert_int_equal(learner_new(LEARNER_BITS_MIN - 1, &m), POSSE_EINVAL);
    assert_int_equal(learner_new(FEATURE_BITS + 1, &m), POSSE_EINVAL);
    free(copy);
    learner_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_learner_learns), cmocka_unit_test(test_one_lesson_moves_towards_it),
        cmocka_unit_test(test_same_lessons_same_bytes), cmocka_unit_test(test_shares_add_up),
        cmocka_unit_test(test_empty_message), cmocka_unit_test(test_stays_bounded),
        cmocka_unit_test(test_bad_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
