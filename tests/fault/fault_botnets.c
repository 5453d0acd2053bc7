/* fault_botnets: the n-th allocation fails, for every n, while a book of mailers is read, and while sightings are attributed, settled, saved
 * and read back. Whoever fails says so, what was there can be freed, and nothing is lost but what was being made. */
#include "fault.h"

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets.h"

static void a_book(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/a.mailer", p->dir);
    FILE *f = fopen(p->path, "w");
    fputs("family A\nsource s S. 2010\ntrait order F* for 3 against 2 s\n", f);
    fclose(f);
    long n = 0;
    do {
        struct mailer_book *b;
        struct report why = {0};
        n++;
        arm(FAULT_MALLOC, n, n % 2);
        int err = mailer_book_open(p->dir, &b, &why);
        disarm();
        assert_true(err ? b == NULL && why.code == err && why.text[0] : mailer_book_size(b) == 1);
        assert_true(!err || fault.tripped); /* stdio does without its buffer */
        mailer_book_free(&b);
    } while (fault.tripped);
    assert_in_range(n, 4, 200);
}

static int run(struct botnets *b, struct campaigns *c, struct buf *out)
{
    struct report why;
    int err = POSSE_OK;
    for (unsigned i = 0; i < 90 && !err; i++) {
        struct join j;
        struct sighting s = {.time_ms = 1300000000000 + i * 1000, .source = ip_of_v4(0x0a000000u | (uint32_t)(mix64(i % 40) % (1u << 20))),
                             .n_rcpt = 1, .flags = SIGHTING_SPAM | SIGHTING_RECORD, .key = 1 + i % 2, .mailer = 7 + i % 2};
        err = campaigns_add(c, &s, &j, &why);
        err = err ? err : botnets_add(b, &s, NULL, &j, NULL);
    }
    err = err ? err : botnets_tick(b, 1300000180000, true);
    err = err ? err : botnets_tick(b, 1300000360000, true);
    err = err ? err : botnets_settle(b, c, 1300000360000, &why);
    return err ? err : botnets_save(b, out);
}

static void botnets(void **state)
{
    (void)state;
    const struct botnets_options o = {0};
    const struct campaigns_options co = {0};
    long n = 0;
    do {
        struct botnets *b = NULL, *copy = NULL;
        struct campaigns *c = NULL;
        struct report why = {0};
        struct buf out;
        buf_init(&out, 1 << 26);
        n++;
        arm(FAULT_MALLOC, n, n % 2);
        int err = botnets_new(&o, &b, &why);
        err = err ? err : campaigns_new(&co, &c, &why);
        err = err ? err : run(b, c, &out);
        if (!err) {
            struct reader r = reader_of(buf_span(&out));
            err = botnets_load(&r, &o, &copy, &why);
        }
        disarm();
        assert_true(!err || err == POSSE_ENOMEM);
        assert_true(err || fault.tripped || copy); /* what only costs a sign may pass over a failure */
        botnets_free(&copy);
        botnets_free(&b);
        if (c)
            campaigns_free(&c);
        buf_deinit(&out);
    } while (fault.tripped);
    assert_in_range(n, 30, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(a_book, set_up, tear_down), cmocka_unit_test(botnets)};
    return cmocka_run_group_tests_name("fault_botnets", tests, NULL, NULL);
}
