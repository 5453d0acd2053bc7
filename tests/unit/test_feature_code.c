/* Feature sets as bytes: round trips, one encoding a set, strict decoding. */
#include "unit.h"

#include "base/error.h"
#include "base/hash.h"
#include "filter/feature.h"

static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull;
    return mix64(*state);
}

static int by_slot(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* n distinct slots of a view, in any order. */
static void fill_view(struct feature_set *f, uint32_t *slot, unsigned v, uint32_t n, uint64_t *seed)
{
    uint32_t from = f->start[v];
    for (uint32_t i = 0; i < n;) {
        uint32_t s = (uint32_t)(next_random(seed) >> 42);
        bool there = false;
        for (uint32_t j = 0; j < i && n < 3000; j++)
            there = there || slot[from + j] == s;
        if (n >= 3000) /* distinct by construction, searching would be slow */
            s = (i * 509 + (s & 255)) % FEATURE_SLOTS;
        if (!there)
            slot[from + i++] = s;
    }
    f->start[v + 1] = from + n;
}

static void check_round_trip(const struct feature_set *f)
{
    struct arena *a = arena_new(8 << 20);
    struct buf b, again;
    buf_init(&b, 1 << 20);
    buf_init(&again, 1 << 20);
    assert_int_equal(feature_encode(a, f, &b), POSSE_OK);
    struct span in = exact(b.p, b.n);
    struct reader r = reader_of(in);
    struct feature_set out;
    assert_int_equal(feature_decode(a, &r, &out), POSSE_OK);
    assert_int_equal(reader_left(&r), 0);
    assert_memory_equal(out.start, f->start, sizeof out.start);
    for (unsigned v = 0; v < VIEW_N; v++) {
        uint32_t n = f->start[v + 1] - f->start[v], *want = malloc((n + 1) * sizeof *want);
        memcpy(want, f->slot + f->start[v], n * sizeof *want);
        qsort(want, n, sizeof *want, by_slot);
        assert_memory_equal(out.slot + out.start[v], want, n * sizeof *want);
        free(want);
    }
    assert_int_equal(feature_encode(a, &out, &again), POSSE_OK);
    assert_int_equal(again.n, b.n);
    assert_memory_equal(again.p, b.p, b.n);
    exact_free(in);
    buf_deinit(&b);
    buf_deinit(&again);
    arena_free(&a);
}

static void sets_of_all_sizes_come_back(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 2, 3, 7, 63, 64, 65, 500, 1800};
    uint64_t seed = 7;
    uint32_t *slot = malloc(FEATURES_MAX * sizeof *slot);
    for (unsigned round = 0; round < 60; round++) {
        struct feature_set f = {.slot = slot};
        for (unsigned v = 0; v < VIEW_N; v++) {
            uint32_t n = sizes[next_random(&seed) % (round < 30 ? 9 : 10)];
            fill_view(&f, slot, v, n < FEATURES_MAX - f.start[v] ? n : 0, &seed);
        }
        check_round_trip(&f);
    }
    struct feature_set full = {.slot = slot};
    fill_view(&full, slot, 0, FEATURES_MAX, &seed);
    for (unsigned v = 1; v <= VIEW_N; v++)
        full.start[v] = FEATURES_MAX;
    check_round_trip(&full);
    free(slot);
}

static void edges_come_back(void **state)
{
    (void)state;
    static const uint32_t slot[] = {0, FEATURE_SLOTS - 1, FEATURE_SLOTS - 1, 0, 1, 2, FEATURE_SLOTS - 2};
    struct feature_set f = {.slot = slot};
    static const uint32_t start[] = {0, 2, 3, 4, 7};
    for (unsigned v = 0; v <= VIEW_N; v++)
        f.start[v] = start[v < 5 ? v : 4];
    check_round_trip(&f);
    /* A long row of neighbours with one far away: the longest unary runs there are. */
    static uint32_t row[4000];
    for (uint32_t i = 0; i < 3999; i++)
        row[i] = i;
    row[3999] = FEATURE_SLOTS - 1;
    struct feature_set g = {.slot = row};
    for (unsigned v = 1; v <= VIEW_N; v++)
        g.start[v] = 4000;
    check_round_trip(&g);
}

static void bad_sets_are_refused(void **state)
{
    (void)state;
    static const uint32_t twice[] = {5, 9, 5}, far[] = {FEATURE_SLOTS};
    struct arena *a = arena_new(1 << 20);
    struct buf b;
    buf_init(&b, 1 << 20);
    struct feature_set f = {.slot = twice}, g = {.slot = far};
    for (unsigned v = 1; v <= VIEW_N; v++) {
        f.start[v] = 3;
        g.start[v] = 1;
    }
    assert_int_equal(feature_encode(a, &f, &b), POSSE_EINVAL);
    buf_clear(&b);
    assert_int_equal(feature_encode(a, &g, &b), POSSE_EINVAL);
    buf_clear(&b);
    f.start[VIEW_N] = FEATURES_MAX + 1;
    assert_int_equal(feature_encode(a, &f, &b), POSSE_EINVAL);
    buf_deinit(&b);
    arena_free(&a);
}

/* Whatever decodes encodes to the same bytes: there is one encoding a set. */
static void only_canonical_bytes_decode(void **state)
{
    (void)state;
    uint64_t seed = 3;
    uint32_t slot[400];
    struct feature_set f = {.slot = slot};
    for (unsigned v = 0; v < VIEW_N; v++)
        fill_view(&f, slot, v, 20 + v, &seed);
    struct arena *a = arena_new(1 << 20);
    struct buf b, again;
    buf_init(&b, 1 << 20);
    buf_init(&again, 1 << 20);
    assert_int_equal(feature_encode(a, &f, &b), POSSE_OK);
    unsigned good = 0;
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        arena_reset(a);
        struct span in = exact(b.p, b.n);
        ((uint8_t *)in.p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct reader r = reader_of(in);
        struct feature_set out;
        if (feature_decode(a, &r, &out) == POSSE_OK) {
            buf_clear(&again);
            assert_int_equal(feature_encode(a, &out, &again), POSSE_OK);
            assert_int_equal(again.n, reader_pos(&r));
            assert_memory_equal(again.p, in.p, again.n);
            good++;
        } else {
            assert_int_equal(reader_error(&r), POSSE_ECORRUPT);
        }
        exact_free(in);
    }
    assert_in_range(good, 1, 8 * b.n);
    for (size_t n = 0; n < b.n; n++) {
        arena_reset(a);
        struct span in = exact(b.p, n);
        struct reader r = reader_of(in);
        struct feature_set out;
        assert_int_equal(feature_decode(a, &r, &out), POSSE_ECORRUPT);
        exact_free(in);
    }
    buf_deinit(&b);
    buf_deinit(&again);
    arena_free(&a);
}

static void overlong_counts_are_refused(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct span in = exact("\x80\x00\x00\x00\x00\x00\x00\x00", 8);
    struct reader r = reader_of(in);
    struct feature_set out;
    assert_int_equal(feature_decode(a, &r, &out), POSSE_ECORRUPT);
    exact_free(in);
    in = exact("\xff\xff\x7f\x00\x00\x00", 6);
    r = reader_of(in);
    assert_int_equal(feature_decode(a, &r, &out), POSSE_ECORRUPT);
    exact_free(in);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_of_all_sizes_come_back), cmocka_unit_test(edges_come_back),
        cmocka_unit_test(bad_sets_are_refused),        cmocka_unit_test(only_canonical_bytes_decode),
        cmocka_unit_test(overlong_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
