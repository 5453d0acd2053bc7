/* fault_observe: the n-th write, flush or allocation fails, for every n, while the observatory's database is made, saved and read, and
 * while a table of autonomous systems is read. Afterwards: the save before or the new one, whole; and no fault is passed over in silence. */
#include "fault.h"

#include "base/error.h"
#include "engine/asfile.h"
#include "store/obsdb.h"

static int save(struct obsdb *d, const uint8_t *big, size_t n, struct report *why)
{
    struct original o = {1, 0, 7, span_of(big, 500), SPAN_LIT("subject"), SPAN_LIT("text")};
    struct kept_template t = {.campaign = 1, .bytes = span_of(big, 100), .refused = SPAN_LIT("why")};
    int rc = obsdb_begin(d, why);
    if (rc)
        return rc;
    rc = obsdb_put(d, "a", span_of(big, n), why);
    if (!rc)
        rc = obsdb_put(d, "b", span_of(big, n / 2), why);
    if (!rc)
        rc = obsdb_keep(d, &o, why);
    if (!rc)
        rc = obsdb_put_template(d, &t, why);
    if (!rc)
        rc = obsdb_put_mark(d, SPAN_LIT("in"), span_of(&n, sizeof n), why);
    return obsdb_end(d, rc, why);
}

struct saved { size_t a, b, mark; };

static int see_mark(void *ctx, struct span input, struct span position)
{
    (void)input;
    memcpy(ctx, position.p, sizeof(size_t));
    return 0;
}

static int look(struct obsdb *d, struct saved *out, struct report *why)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    int rc = obsdb_get(d, "a", &b, why);
    out->a = b.n;
    buf_clear(&b);
    if (!rc)
        rc = obsdb_get(d, "b", &b, why);
    out->b = b.n;
    buf_deinit(&b);
    return rc ? rc : obsdb_each_mark(d, see_mark, &out->mark, why);
}

static int open_save_look(const char *home, const uint8_t *big, size_t n, struct saved *s, struct report *why)
{
    struct obsdb *d;
    int rc = obsdb_open(home, true, &d, why);
    if (!rc)
        rc = save(d, big, n, why);
    if (!rc)
        rc = look(d, s, why);
    obsdb_close(&d);
    return rc;
}

static void a_save_is_whole(void **state)
{
    struct place *p = *state;
    static uint8_t big[60000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * i >> 5);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        size_t last = 1000;
        struct saved s;
        struct report why = {0};
        empty(p);
        if (open_save_look(p->dir, big, last, &s, &why))
            fail_msg("%s", why.text);
        long n = 0;
        do {
            size_t next = 1000 + (size_t)(n % 50) * 1000;
            why = (struct report){0};
            n++;
            arm(kind, n, n % 2);
            int rc = open_save_look(p->dir, big, next, &s, &why);
            disarm();
            if (rc && (rc != why.code || !why.text[0]))
                fail_msg("kind %d, n %ld: %d, but %d \"%s\"", kind, n, rc, why.code, why.text);
            struct obsdb *d;
            if (obsdb_open(p->dir, false, &d, &why) || look(d, &s, &why) || obsdb_check(d, &why))
                fail_msg("kind %d, n %ld: %s", kind, n, why.text);
            obsdb_close(&d);
            assert_int_equal(s.a, s.mark); /* one save, whole */
            assert_int_equal(s.b, s.mark / 2);
            assert_true(s.mark == next || (s.mark == last && rc));
            last = s.mark;
        } while (fault.tripped);
        assert_in_range(n, 1, 3000);
    }
}

static void a_table_is_read_or_not(void **state)
{
    struct place *p = *state;
    char csv[128], bin[128];
    snprintf(csv, sizeof csv, "%s/as.csv", p->dir);
    snprintf(bin, sizeof bin, "%s/as.posse", p->dir);
    FILE *f = fopen(csv, "w");
    for (unsigned i = 0; i < 3000; i++)
        fprintf(f, "10.%u.%u.0,10.%u.%u.255,%u,Name %u\n", i >> 8, i & 255, i >> 8, i & 255, i + 1, i);
    fclose(f);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        long n = 0;
        do {
            struct asfile *a = NULL, *b = NULL;
            struct report why = {0};
            n++;
            arm(kind, n, n % 2);
            int rc = asfile_open(csv, &a, &why);
            if (!rc)
                rc = asfile_write(asfile_table(a), bin, &why);
            if (!rc)
                rc = asfile_open(bin, &b, &why);
            disarm();
            assert_true(!rc || (rc == why.code && why.text[0]));
            assert_true(!rc || fault.tripped); /* qsort does without memory of its own */
            asfile_close(&a);
            asfile_close(&b);
        } while (fault.tripped);
        assert_in_range(n, 1, 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_save_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_is_read_or_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
