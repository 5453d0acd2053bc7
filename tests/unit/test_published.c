/* published: what was sent lately is found, by as many machines as were seen; bulk and few count for nothing; a stored one is the same,
 * and a damaged one is refused or harmless. */
#include "../../bench/campaigns/spinner.h"
#include "base/error.h"
#include "campaign/published.h"
#include "unit.h"

struct world { struct mail_parser *p; struct arena *a; struct sketcher *k; struct spin_out out; struct campaigns *c; };

static void begin(struct world *w)
{
    *w = (struct world){mail_parser_new(NULL), arena_new(16 << 20), sketcher_new(), {malloc(1 << 20), 0, 1 << 20}, NULL};
    assert_int_equal(campaigns_new(NULL, &w->c, NULL), 0);
}

static void end(struct world *w)
{
    mail_parser_free(&w->p);
    arena_free(&w->a);
    sketcher_free(&w->k);
    free(w->out.p);
    campaigns_free(&w->c);
}

static struct sketch sketch_of(struct world *w, const struct spin_template *t, struct spin *r)
{
    struct sketch s;
    struct message *m;
    spin_message(t, r, &w->out);
    arena_reset(w->a);
    assert_int_equal(message_parse(w->p, w->a, span_of(w->out.p, w->out.n), &m), 0);
    assert_int_equal(sketch_make(w->k, w->a, m, &s, NULL, NULL), 0);
    return s;
}

/* 40 messages of it, a minute apart, from so many networks. */
static void send(struct world *w, const struct spin_template *t, int64_t from_ms, unsigned networks, uint32_t flags)
{
    struct spin r = spin_seed(from_ms, 1);
    for (unsigned i = 0; i < 40; i++) {
        struct sighting s = {.time_ms = from_ms + i * 60000, .source = ip_of_v4(0x0a000001 + i % networks * 256), .n_rcpt = 1,
                             .flags = flags, .sketch = sketch_of(w, t, &r)};
        struct join j;
        assert_int_equal(campaigns_add(w->c, &s, &j, NULL), 0);
    }
}

static struct spin_template plain_template(uint64_t seed)
{
    struct spin_template t;
    for (spin_template(&t, seed, 0.1, false); t.kind != SPIN_TEXT; spin_template(&t, ++seed * 1000, 0.1, false))
        ;
    return t;
}

enum { HOUR = 3600000 };
static const uint32_t solicited = SIGHTING_LIST | SIGHTING_AUTHENTICATED;

/* Three campaigns: one lately from many, one long ago, one solicited. */
static struct published *publish(struct world *w, struct spin_template t[4])
{
    struct published *p;
    for (unsigned i = 0; i < 4; i++)
        t[i] = plain_template(60 + i);
    send(w, &t[1], 0, 30, SIGHTING_SPAM);
    send(w, &t[0], 100 * (int64_t)HOUR, 30, SIGHTING_SPAM);
    send(w, &t[2], 100 * (int64_t)HOUR, 1, solicited);
    assert_int_equal(campaigns_publish(w->c, 101 * (int64_t)HOUR, 2 * HOUR, &p), 0);
    return p;
}

static void check(struct world *w, const struct published *p, const struct spin_template t[4])
{
    struct published_hit h;
    struct spin r = spin_seed(99, 0);
    struct sketch s = sketch_of(w, &t[0], &r);
    assert_true(published_look(p, &s, &h));
    assert_int_equal(h.messages, 40);
    assert_int_equal(h.sources, 30);
    assert_int_equal(h.span_ms, 2 * HOUR);
    assert_true(published_bits(&h) > 2 && published_bits(&h) <= 6);
    uint64_t number;
    assert_true(campaigns_find(w->c, h.id, &number));
    s = sketch_of(w, &t[1], &r);
    assert_false(published_look(p, &s, &h)); /* that was days ago */
    s = sketch_of(w, &t[2], &r);
    assert_true(published_look(p, &s, &h));
    assert_true(h.is_bulk);
    assert_true(published_bits(&h) <= 0);
    s = sketch_of(w, &t[3], &r);
    assert_false(published_look(p, &s, &h)); /* never seen */
}

static void looked_up(void **state)
{
    (void)state;
    struct world w;
    struct spin_template t[4];
    begin(&w);
    struct published *p = publish(&w, t);
    check(&w, p, t);
    published_free(&p);
    end(&w);
}

static void stored(void **state)
{
    (void)state;
    struct world w;
    struct spin_template t[4];
    begin(&w);
    struct published *p = publish(&w, t), *q;
    struct buf b;
    buf_init(&b, 16 << 20);
    assert_int_equal(published_save(p, &b), 0);
    published_free(&p);
    struct span bytes = exact(b.p, b.n);
    assert_int_equal(published_load(bytes, &q, NULL), 0);
    check(&w, q, t);
    published_free(&q);
    exact_free(bytes);
    struct spin r = spin_seed(98, 0);
    struct sketch s = sketch_of(&w, &t[0], &r);
    for (size_t n = 0; n < b.n; n += n < 200 ? 1 : 97) {
        bytes = exact(b.p, n);
        assert_int_equal(published_load(bytes, &q, NULL), POSSE_ECORRUPT);
        exact_free(bytes);
    }
    for (size_t i = 8; i < b.n; i++) { /* whatever is taken can be asked */
        struct published_hit h;
        bytes = exact(b.p, b.n);
        ((uint8_t *)bytes.p)[i] ^= (uint8_t)(1 + i % 255);
        if (published_load(bytes, &q, NULL) == 0) {
            published_look(q, &s, &h);
            published_free(&q);
        }
        exact_free(bytes);
    }
    buf_deinit(&b);
    end(&w);
}

static void bits(void **state)
{
    (void)state;
    static const struct { uint64_t sources; bool is_bulk; double alike, least, most; } cases[] = {
        {2, false, 1, 0, 0}, {3, false, 1, 0.5, 0.6}, {4, false, 1, 1, 1}, {64, false, 1, 5, 5}, {64, false, 0.6, 3, 3},
        {1000000, false, 1, 6, 6}, {1000000, true, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct published_hit h = {.messages = cases[i].sources, .sources = cases[i].sources, .is_bulk = cases[i].is_bulk, .alike = cases[i].alike};
        assert_true(published_bits(&h) >= cases[i].least - 1e-9 && published_bits(&h) <= cases[i].most + 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(looked_up), cmocka_unit_test(stored), cmocka_unit_test(bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
