/* ham: what was added is always known; what was not hardly ever; the sample is bounded and at rest unreadable without its key. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "base/hash.h"
#include "campaign/ham.h"

static const uint8_t key[32] = {1, 2, 3}, other_key[32] = {3, 2, 1};

static struct ham *make(size_t sketch_bytes, size_t sample, const uint8_t *k)
{
    struct ham *h;
    struct report why = {0};
    if (ham_new(&(struct ham_options){sketch_bytes, sample, k}, &h, &why))
        fail_msg("%s", why.text);
    return h;
}

static struct span text(char *out, size_t room, unsigned i)
{
    return span_of(out, (size_t)snprintf(out, room, "one%u two%u three%u four%u five%u", i, i, i, i, i));
}

static void what_was_added_is_known(void **state)
{
    (void)state;
    struct ham *h = make(1 << 20, 0, NULL);
    char line[128], shingle[64];
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(ham_add(h, text(line, sizeof line, i), 0), POSSE_OK);
    assert_int_equal(ham_seen(h), 5000);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(shingle, sizeof shingle, " two%u  three%u four%u", i, i, i);
        assert_true(ham_has(h, span_str(shingle)));
        assert_true(ham_share(h, text(line, sizeof line, i)) == 1);
        snprintf(shingle, sizeof shingle, "three%u two%u four%u", i, i, i);
        wrong += ham_has(h, span_str(shingle));
    }
    assert_true(wrong < 50);
    assert_true(ham_share(h, SPAN_LIT("two words")) == 0);
    assert_false(ham_has(h, SPAN_NONE));
    ham_free(&h);
    assert_null(h);
}

static void numbers_are_alike(void **state)
{
    (void)state;
    struct ham *h = make(1 << 16, 0, NULL);
    ham_add(h, SPAN_LIT("room 12 is free"), 0);
    assert_true(ham_has(h, SPAN_LIT("room 7001 is")));
    assert_false(ham_has(h, SPAN_LIT("room 12b is")));
    ham_free(&h);
}

/* Old ham is forgotten before everything looks like ham. */
static void the_sketch_never_fills_up(void **state)
{
    (void)state;
    struct ham *h = make(1 << 14, 0, NULL);
    char line[128], shingle[64];
    for (unsigned i = 0; i < 200000; i++)
        ham_add(h, text(line, sizeof line, i), 0);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(shingle, sizeof shingle, "three%u two%u four%u", i, i, i);
        wrong += ham_has(h, span_str(shingle));
    }
    assert_true(wrong < 4000);
    assert_true(ham_share(h, text(line, sizeof line, 199999)) == 1);
    ham_free(&h);
}

struct tally { size_t n, early; };

static int count(void *ctx, struct span t)
{
    struct tally *x = ctx;
    x->n++;
    x->early += span_find(t, SPAN_LIT("one1 ")) == 0;
    return 0;
}

static void a_sample_is_bounded_and_even(void **state)
{
    (void)state;
    struct ham *h;
    struct report why = {0};
    struct tally all = {0};
    assert_int_equal(ham_new(&(struct ham_options){.sample = 10}, &h, &why), POSSE_EINVAL);
    for (unsigned round = 0; round < 200; round++) {
        h = make(1 << 14, 10, key);
        char line[128];
        for (unsigned i = 0; i < 100; i++)
            ham_add(h, text(line, sizeof line, i < 50), mix64(round * 1000 + i));
        assert_int_equal(ham_texts(h), 10);
        assert_int_equal(ham_each(h, count, &all), 0);
        ham_free(&h);
    }
    assert_int_equal(all.n, 2000);
    assert_in_range(all.early, 900, 1100); /* 1000, and 4.7 deviations of the draw */
}

static void at_rest(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        struct ham *h = make(1 << 13, sealed ? 20 : 0, sealed ? key : NULL), *g;
        struct ham_options o = {.sample = sealed ? 20 : 0, .key = sealed ? key : NULL}, wrong = {.key = other_key};
        struct report why = {0};
        struct buf b;
        char line[128];
        buf_init(&b, 1 << 20);
        buf_add_str(&b, "before");
        for (unsigned i = 0; i < 100; i++)
            ham_add(h, text(line, sizeof line, i), i);
        assert_int_equal(ham_save(h, &b), POSSE_OK);
        struct span kept = exact(b.p + 6, b.n - 6);
        if (sealed)
            assert_true(span_find(kept, SPAN_LIT("three")) < 0);
        struct reader r = reader_of(kept);
        if (ham_load(&r, &o, &g, &why))
            fail_msg("%s", why.text);
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(ham_seen(g), 100);
        assert_int_equal(ham_texts(g), sealed ? 20 : 0);
        assert_true(ham_share(g, text(line, sizeof line, 42)) == 1);
        ham_free(&g);
        r = reader_of(kept);
        assert_int_equal(ham_load(&r, sealed ? &wrong : &o, &g, &why), sealed ? POSSE_ECORRUPT : POSSE_OK);
        ham_free(&g);
        r = reader_of(kept);
        assert_int_equal(ham_load(&r, &(struct ham_options){0}, &g, &why), sealed ? POSSE_EINVAL : POSSE_OK);
        ham_free(&g);
        for (size_t i = 0; i < kept.n; i += 1 + i / 8) { /* any bit that is another */
            uint8_t *p = (uint8_t *)kept.p;
            p[i] ^= 1;
            r = reader_of(kept);
            assert_int_not_equal(ham_load(&r, &o, &g, &why), POSSE_OK);
            assert_null(g);
            p[i] ^= 1;
            struct span cut = exact(kept.p, i);
            r = reader_of(cut);
            assert_int_equal(ham_load(&r, &o, &g, &why), POSSE_ECORRUPT);
            exact_free(cut);
        }
        exact_free(kept);
        buf_deinit(&b);
        ham_free(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_known),      cmocka_unit_test(numbers_are_alike),
        cmocka_unit_test(the_sketch_never_fills_up),    cmocka_unit_test(a_sample_is_bounded_and_even),
        cmocka_unit_test(at_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
