/* obsdb: what was saved comes back whole, in order, once; one writer; entries of others; caps; damage is found. */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/obsdb.h"

struct place { char home[64]; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->home, "/tmp/posse-obsdb-XXXXXX");
    *state = p;
    return mkdtemp(p->home) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", p->home);
    int rc = system(command);
    free(p);
    return rc;
}

static struct obsdb *opened(const char *home, bool is_writer)
{
    struct obsdb *d;
    struct report why = {0};
    if (obsdb_open(home, is_writer, &d, &why))
        fail_msg("%s", why.text);
    return d;
}

#define OK(call) \
    do { \
        struct report why = {0}; \
        int ok_ = (call); \
        if (ok_) \
            fail_msg("%s: %s", #call, why.text); \
    } while (0)

static void locks(void **state)
{
    struct place *p = *state;
    struct obsdb *a, *b;
    struct report why = {0};
    assert_int_equal(obsdb_open(p->home, false, &a, &why), POSSE_ENOENT);
    assert_non_null(strstr(why.text, "posse observe"));
    assert_null(a);
    a = opened(p->home, true);
    assert_int_equal(obsdb_open(p->home, true, &b, &why), POSSE_EBUSY);
    assert_non_null(strstr(why.text, "another process"));
    b = opened(p->home, false);
    obsdb_close(&b);
    obsdb_close(&a);
    assert_null(a);
    obsdb_close(&a);
    a = opened(p->home, true);
    obsdb_close(&a);
    (void)state;
}

static void check_state(struct obsdb *d, const char *name, const uint8_t *p, size_t n)
{
    struct buf b;
    buf_init(&b, 64 << 20);
    OK(obsdb_get(d, name, &b, &why));
    assert_int_equal(b.n, n);
    assert_true(n == 0 || memcmp(b.p, p, n) == 0);
    buf_deinit(&b);
}

static void keeps_state(void **state)
{
    struct place *p = *state;
    struct obsdb *d = opened(p->home, true), *r;
    size_t n = (9u << 20) + 7;
    uint8_t *big = malloc(n);
    struct buf none;
    for (size_t i = 0; i < n; i++)
        big[i] = (uint8_t)(i * i >> 7);
    buf_init(&none, 100);
    assert_int_equal(obsdb_get(d, "a", &none, NULL), POSSE_ENOENT);
    OK(obsdb_begin(d, &why));
    OK(obsdb_put(d, "a", span_of(big, n), &why));
    OK(obsdb_put(d, "b", SPAN_NONE, &why));
    OK(obsdb_end(d, 0, &why));
    r = opened(p->home, false);
    check_state(r, "a", big, n);
    check_state(r, "b", NULL, 0);
    OK(obsdb_hold(r, &why));
    check_state(r, "a", big, n);
    OK(obsdb_begin(d, &why));
    OK(obsdb_put(d, "a", span_of(big, 5), &why));
    OK(obsdb_end(d, 0, &why));
    check_state(r, "a", big, n); /* as it was when it was looked at */
    obsdb_release(r);
    check_state(r, "a", big, 5);
    OK(obsdb_begin(d, &why));
    OK(obsdb_put(d, "a", span_of(big, 6), &why));
    assert_int_equal(obsdb_end(d, POSSE_ELIMIT, NULL), POSSE_ELIMIT);
    check_state(d, "a", big, 5);
    OK(obsdb_check(d, &why));
    buf_deinit(&none);
    obsdb_close(&r);
    obsdb_close(&d);
    free(big);
}

struct seen { char text[4096]; };

static int see_mark(void *ctx, struct span input, struct span position)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%.*s=%.*s;", (int)input.n, (const char *)input.p, (int)position.n, (const char *)position.p);
    return 0;
}

static int see_original(void *ctx, const struct original *o)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%u %lld %.*s|%.*s|%.*s;", o->version, (long long)o->time_ms, (int)o->subject.n,
             (const char *)o->subject.p, (int)o->text.n, (const char *)o->text.p, (int)o->raw.n, (const char *)o->raw.p);
    return 0;
}

static int see_template(void *ctx, const struct kept_template *t)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%llu.%u %lld %lld %lld %u/%u/%u %u %.*s %.*s;", (unsigned long long)t->campaign, t->version,
             (long long)t->made_ms, (long long)t->first_ms, (long long)t->held_ms, t->texts, t->seen, t->matched, t->proof, (int)t->refused.n,
             (const char *)t->refused.p, (int)t->bytes.n, (const char *)t->bytes.p);
    return 0;
}

static int see_told(void *ctx, const struct told *t)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    snprintf(s->text + n, sizeof s->text - n, "%llu %.*s %lld %lld %u %.*s %d;", (unsigned long long)t->n, (int)t->botnet.n,
             (const char *)t->botnet.p, (long long)t->at_ms, (long long)t->told_ms, t->cause, (int)t->note.n, (const char *)t->note.p, t->is_taken);
    return 0;
}

static void keeps_rows(void **state)
{
    struct place *p = *state;
    struct obsdb *d = opened(p->home, true), *r = opened(p->home, false);
    struct seen s;
    struct original o[] = {
        {1, 0, 100, SPAN_LIT("raw one"), SPAN_LIT("sub"), SPAN_LIT("text one")}, {2, 0, 200, SPAN_LIT("other"), SPAN_NONE, SPAN_NONE},
        {1, 0, 300, SPAN_LIT("raw two"), SPAN_LIT(""), SPAN_LIT("text two")}, {1, 1, 400, SPAN_LIT("raw three"), SPAN_LIT("s"), SPAN_LIT("t")},
    };
    struct kept_template t = {7, 3, 10, 5, 12, 20, 9, 8, 2, SPAN_NONE, SPAN_LIT("BYTES")};
    OK(obsdb_begin(d, &why));
    for (size_t i = 0; i < 4; i++)
        OK(obsdb_keep(d, &o[i], &why));
    OK(obsdb_put_mark(d, SPAN_LIT("b"), SPAN_LIT("2"), &why));
    OK(obsdb_put_mark(d, SPAN_LIT("a"), SPAN_LIT("1"), &why));
    OK(obsdb_put_mark(d, SPAN_LIT("b"), SPAN_LIT("3"), &why));
    OK(obsdb_put_template(d, &t, &why));
    t.seen = 10;
    OK(obsdb_put_template(d, &t, &why));
    OK(obsdb_end(d, 0, &why));
#define SEE(call, want) \
    do { \
        s.text[0] = '\0'; \
        OK(call); \
        assert_string_equal(s.text, want); \
    } while (0)
    SEE(obsdb_each_mark(r, see_mark, &s, &why), "a=1;b=3;");
    SEE(obsdb_each_original(r, 1, UINT32_MAX, true, see_original, &s, &why), "0 100 sub|text one|raw one;0 300 |text two|raw two;1 400 s|t|raw three;");
    SEE(obsdb_each_original(r, 1, 0, false, see_original, &s, &why), "0 100 sub|text one|;0 300 |text two|;");
    SEE(obsdb_each_original(r, 2, UINT32_MAX, true, see_original, &s, &why), "0 200 ||other;");
    SEE(obsdb_each_template(r, 0, see_template, &s, &why), "7.3 10 5 12 20/10/8 2  BYTES;");
    SEE(obsdb_each_template(r, 6, see_template, &s, &why), "");
    OK(obsdb_tell(r, &(struct told){.botnet = SPAN_LIT("Alpha"), .at_ms = 5, .told_ms = 6, .cause = 1, .note = SPAN_LIT("why")}, &why));
    SEE(obsdb_each_told(d, see_told, &s, &why), "1 Alpha 5 6 1 why 0;");
    OK(obsdb_begin(d, &why));
    OK(obsdb_taken(d, 1, &why));
    OK(obsdb_thin(d, 1, 1, 1, &why));
    OK(obsdb_end(d, 0, &why));
    SEE(obsdb_each_told(r, see_told, &s, &why), "1 Alpha 5 6 1 why 1;");
    SEE(obsdb_each_original(r, 1, UINT32_MAX, true, see_original, &s, &why), "0 100 sub|text one|raw one;1 400 s|t|raw three;");
    struct obsdb_count n;
    OK(obsdb_count(r, &n, &why));
    assert_int_equal(n.originals, 3);
    assert_int_equal(n.templates, 1);
    OK(obsdb_begin(d, &why));
    OK(obsdb_cap(d, n.original_bytes, &why));
    SEE(obsdb_each_original(d, 1, UINT32_MAX, false, see_original, &s, &why), "0 100 sub|text one|;1 400 s|t|;");
    OK(obsdb_cap(d, n.original_bytes - 1, &why));
    SEE(obsdb_each_original(d, 1, UINT32_MAX, false, see_original, &s, &why), "1 400 s|t|;");
    OK(obsdb_drop(d, 7, &why));
    OK(obsdb_end(d, 0, &why));
    SEE(obsdb_each_template(r, 0, see_template, &s, &why), "");
    OK(obsdb_check(r, &why));
    obsdb_close(&r);
    obsdb_close(&d);
}

/* A flipped bit in any page of a small file: opening, reading or checking finds it, or nothing that was stored is changed by it. */
static void finds_damage(void **state)
{
    struct place *p = *state;
    char path[128];
    struct obsdb *d = opened(p->home, true);
    uint8_t bytes[3000];
    size_t found = 0, tried = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    OK(obsdb_begin(d, &why));
    OK(obsdb_put(d, "a", span_of(bytes, sizeof bytes), &why));
    OK(obsdb_keep(d, &(struct original){1, 0, 1, span_of(bytes, 2000), SPAN_LIT("s"), SPAN_LIT("text")}, &why));
    OK(obsdb_end(d, 0, &why));
    obsdb_close(&d);
    snprintf(path, sizeof path, "%s/observatory.db", p->home);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (long at = 0; at < st.st_size; at += 211) {
        FILE *f = fopen(path, "r+b");
        fseek(f, at, SEEK_SET);
        int was = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(was ^ 0x10, f);
        fclose(f);
        struct report why = {0};
        tried++;
        if (obsdb_open(p->home, true, &d, &why) || obsdb_check(d, &why))
            found++;
        else if (d) {
            struct buf b;
            buf_init(&b, 1 << 20);
            if (obsdb_get(d, "a", &b, &why) == 0 && b.n == sizeof bytes)
                assert_memory_equal(b.p, bytes, sizeof bytes);
            buf_deinit(&b);
        }
        obsdb_close(&d);
        f = fopen(path, "r+b");
        fseek(f, at, SEEK_SET);
        fputc(was, f);
        fclose(f);
    }
    assert_true(found > 5 && tried > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(locks, set_up, tear_down), cmocka_unit_test_setup_teardown(keeps_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_rows, set_up, tear_down), cmocka_unit_test_setup_teardown(finds_damage, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
