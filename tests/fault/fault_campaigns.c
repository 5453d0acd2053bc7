/* Campaigns when the n-th allocation fails: an addition says so and what there was is still good; a load leaves nothing behind. */
#include "fault.h"

#include "../../bench/campaigns/spinner.h"
#include "base/error.h"
#include "campaign/published.h"

enum { MESSAGES = 24 };
struct stream { struct sighting s[MESSAGES]; };

static void make_stream(struct stream *t)
{
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(16 << 20);
    struct sketcher *k = sketcher_new();
    struct spin_out out = {malloc(1 << 20), 0, 1 << 20};
    struct spin r = spin_seed(5, 0);
    struct spin_template two[2];
    spin_template(&two[0], 70, 0.2, false);
    spin_template(&two[1], 71, 0.2, false);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message *m;
        spin_message(&two[i % 2], &r, &out);
        arena_reset(a);
        t->s[i] = (struct sighting){.time_ms = i * 1000000, .source = ip_of_v4(0x0a000001 + i * 300), .n_rcpt = 1, .flags = SIGHTING_SPAM,
                                    .asn = i + 1, .mailer = i + 1, .n_links = 1, .link_host = {SPAN_LIT("a.example")}};
        assert_int_equal(message_parse(p, a, span_of(out.p, out.n), &m), 0);
        assert_int_equal(sketch_make(k, a, m, &t->s[i].sketch, NULL, NULL), 0);
        if (i % 8 == 7)
            t->s[i] = (struct sighting){.time_ms = i, .source = ip_of_v4(i), .flags = SIGHTING_RECORD, .key = i, .n_rcpt = 1};
    }
    mail_parser_free(&p);
    arena_free(&a);
    sketcher_free(&k);
    free(out.p);
}

/* Everything that allocates; the first code that is not 0. */
static int use(const struct stream *t, const struct buf *stored)
{
    struct campaigns *c = NULL, *d = NULL;
    struct published *p = NULL;
    struct join j;
    int rc = campaigns_new(NULL, &c, NULL), one;
    for (unsigned i = 0; c && i < MESSAGES; i++)
        if ((one = campaigns_add(c, &t->s[i], &j, NULL)) && !rc)
            rc = one;
    if (c) {
        struct campaigns_size z;
        campaigns_size(c, &z);
        assert_true(z.live <= z.founded);
        if ((one = campaigns_publish(c, 0, 1, &p)) && !rc)
            rc = one;
        campaigns_age(c, INT64_MAX / 2);
        campaigns_size(c, &z);
        assert_int_equal(z.live, 0);
    }
    if (stored) {
        struct reader r = reader_of(buf_span(stored));
        if ((one = campaigns_load(&r, NULL, &d, NULL)) && !rc)
            rc = one;
        assert_true(one == 0 || !d);
    }
    published_free(&p);
    campaigns_free(&c);
    campaigns_free(&d);
    return rc;
}

static void memory_fails(void **state)
{
    (void)state;
    static struct stream t;
    make_stream(&t);
    struct campaigns *c;
    struct join j;
    struct buf b;
    buf_init(&b, 1 << 24);
    assert_int_equal(campaigns_new(NULL, &c, NULL), 0);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(campaigns_add(c, &t.s[i], &j, NULL), 0);
    assert_int_equal(campaigns_save(c, &b), 0);
    campaigns_free(&c);
    for (long n = 1;; n++) {
        arm(FAULT_MALLOC, n, false);
        int rc = use(&t, &b);
        bool tripped = fault.tripped;
        disarm();
        assert_int_equal(rc, tripped ? POSSE_ENOMEM : 0);
        if (!tripped)
            break;
        arm(FAULT_MALLOC, n, true);
        assert_int_equal(use(&t, &b), POSSE_ENOMEM);
        disarm();
    }
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_fails)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
