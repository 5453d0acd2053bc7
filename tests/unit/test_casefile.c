/* What is added to a case stays as it was, whatever happens to the process or to the disk meanwhile. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/casefile.h"

struct kit { char folder[64]; int64_t clock; struct casefile *c; struct report why; };

static struct case_time now(void *ctx)
{
    struct kit *k = ctx;
    return (struct case_time){.unix_ms = k->clock += 1000, .offset_minutes = 60};
}

static struct case_writer writer(struct kit *k) { return (struct case_writer){"analyst", "posse 0.1.0", now, k}; }

static void setup(struct kit *k)
{
    static int number;
    struct case_writer w = writer(k);
    *k = (struct kit){.clock = 1300286700000};
    snprintf(k->folder, sizeof k->folder, "/tmp/posse-case.%d.%d", getpid(), number++);
    if (casefile_create(k->folder, "A \"test\"", "botnet example", &w, &k->c, &k->why))
        fail_msg("%s", k->why.text);
}

static void teardown(struct kit *k)
{
    char cmd[100];
    casefile_close(&k->c, NULL);
    snprintf(cmd, sizeof cmd, "rm -rf %s", k->folder);
    assert_int_equal(system(cmd), 0);
}

static void reopen(struct kit *k, bool to_write)
{
    struct case_writer w = writer(k);
    casefile_close(&k->c, NULL);
    if (casefile_open(k->folder, to_write ? &w : NULL, &k->c, &k->why))
        fail_msg("%s", k->why.text);
}

static int add(struct kit *k, const char *name, struct span bytes, uint64_t *n)
{
    struct exhibit e = {.name = span_str(name), .media = SPAN_LIT("message/rfc822"), .source = SPAN_LIT("trap"), .has_seen = true,
                        .seen = {.unix_ms = 1300286700000}, .command = SPAN_LIT("posse case add"), .redacts = -1};
    return casefile_exhibit(k->c, &e, bytes, n, &k->why);
}

static void assert_bytes(struct kit *k, uint64_t n, const char *text)
{
    struct case_line l;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(casefile_line(k->c, n, &l, &k->why), POSSE_OK);
    assert_int_equal(casefile_bytes(k->c, &l, &b, &k->why), POSSE_OK);
    assert_span_equal(buf_span(&b), text);
    buf_deinit(&b);
}

static char *path_of(struct kit *k, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", k->folder, name);
    return path;
}

static void append(struct kit *k, const char *name, const char *text)
{
    FILE *f = fopen(path_of(k, name), "a");
    fputs(text, f);
    fclose(f);
}

static void test_adds(void **state)
{
    (void)state;
    struct kit k;
    uint64_t n;
    struct case_line l;
    uint8_t root[32], again[32];
    setup(&k);
    assert_int_equal(add(&k, "one", SPAN_LIT("From: a\n\nfirst"), &n), POSSE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(add(&k, "nothing", SPAN_NONE, &n), POSSE_OK);
    assert_int_equal(casefile_note(k.c, "custody", (struct case_field[]){{"who", SPAN_LIT("desk")}}, 1, &n, &k.why), POSSE_OK);
    assert_int_equal(casefile_begin(k.c, &k.why), POSSE_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(add(&k, "many", SPAN_LIT("0123456789"), &n), POSSE_OK);
    assert_int_equal(casefile_commit(k.c, &k.why), POSSE_OK);
    assert_int_equal(casefile_root(k.c, 104, root, &k.why), POSSE_OK);
    reopen(&k, false);
    assert_int_equal(casefile_count(k.c), 104);
    assert_int_equal(casefile_root(k.c, 104, again, &k.why), POSSE_OK);
    assert_memory_equal(root, again, 32);
    assert_bytes(&k, 1, "From: a\n\nfirst");
    assert_bytes(&k, 2, "");
    assert_bytes(&k, 103, "0123456789");
    assert_int_equal(casefile_line(k.c, 0, &l, &k.why), POSSE_OK);
    assert_span_equal(l.kind, "open");
    assert_span_equal(casefile_field(k.c, "title"), "A \"test\"");
    assert_span_equal(l.at, "2011-03-16T15:45:01.000+01:00");
    assert_int_equal(add(&k, "x", SPAN_LIT("x"), &n), POSSE_EINVAL); /* opened to read */
    teardown(&k);
}

static void test_redaction_names_its_original(void **state)
{
    (void)state;
    struct kit k;
    uint64_t n;
    struct case_line l;
    setup(&k);
    assert_int_equal(add(&k, "one", SPAN_LIT("to: somebody"), &n), POSSE_OK);
    struct exhibit e = {.name = SPAN_LIT("one, redacted"), .redacts = (int64_t)n, .what = SPAN_LIT("recipients")};
    assert_int_equal(casefile_exhibit(k.c, &e, SPAN_LIT("to: [redacted]"), &n, &k.why), POSSE_OK);
    assert_int_equal(casefile_line(k.c, n, &l, &k.why), POSSE_OK);
    assert_true(l.is_exhibit);
    assert_int_equal(l.redacts, 1);
    e.redacts = 99;
    assert_int_equal(casefile_exhibit(k.c, &e, SPAN_LIT("x"), &n, &k.why), POSSE_EINVAL);
    teardown(&k);
}

static void test_a_crash_leaves_a_whole_case(void **state)
{
    (void)state;
    struct kit k;
    uint64_t n;
    setup(&k);
    assert_int_equal(add(&k, "one", SPAN_LIT("first"), &n), POSSE_OK);
    casefile_close(&k.c, NULL);
    append(&k, "exhibits/pack-0000", "bytes that no line names");
    append(&k, "log.jsonl", "{\"n\":2,\"prev\":\"half a li");
    reopen(&k, false); /* a reader sees what is whole */
    assert_int_equal(casefile_count(k.c), 2);
    reopen(&k, true);
    assert_int_equal(add(&k, "two", SPAN_LIT("second"), &n), POSSE_OK);
    reopen(&k, false);
    assert_bytes(&k, 1, "first");
    assert_bytes(&k, 2, "second");
    teardown(&k);
}

static void test_a_full_disk_takes_nothing_half(void **state)
{
    (void)state;
    struct kit k;
    uint64_t n;
    struct rlimit was, small;
    setup(&k);
    assert_int_equal(add(&k, "one", SPAN_LIT("first"), &n), POSSE_OK);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was);
    for (rlim_t most = 0; most < 3000; most += 97) {
        small = was;
        small.rlim_cur = most;
        uint64_t before = casefile_count(k.c);
        setrlimit(RLIMIT_FSIZE, &small);
        assert_int_equal(casefile_begin(k.c, &k.why), POSSE_OK);
        int err = add(&k, "two", SPAN_LIT("0123456789012345678901234567890123456789012345678901234567890123456789"), &n);
        int err2 = add(&k, "three", SPAN_LIT("0123456789"), &n);
        int err3 = casefile_commit(k.c, &k.why);
        setrlimit(RLIMIT_FSIZE, &was);
        if (err3) /* a write into the log failed: nothing of the batch is there */
            assert_int_equal(casefile_count(k.c), before);
        else
            assert_int_equal(casefile_count(k.c), before + !err + !err2);
        reopen(&k, true);
        assert_bytes(&k, 1, "first");
    }
    assert_int_equal(add(&k, "last", SPAN_LIT("last"), &n), POSSE_OK);
    assert_bytes(&k, n, "last");
    teardown(&k);
}

static void test_a_second_writer_waits_outside(void **state)
{
    (void)state;
    struct kit k;
    struct casefile *other;
    setup(&k);
    struct case_writer w = writer(&k);
    assert_int_equal(casefile_open(k.folder, &w, &other, &k.why), POSSE_EBUSY);
    assert_int_equal(casefile_open(k.folder, NULL, &other, &k.why), POSSE_OK);
    casefile_close(&other, NULL);
    assert_int_equal(casefile_create(k.folder, "again", "x", &w, &other, &k.why), POSSE_EEXIST);
    teardown(&k);
}

static void test_nothing_is_added_to_what_was_changed(void **state)
{
    (void)state;
    struct kit k;
    uint64_t n;
    struct casefile *c;
    setup(&k);
    struct case_writer w = writer(&k);
    assert_int_equal(add(&k, "one", SPAN_LIT("first"), &n), POSSE_OK);
    assert_int_equal(add(&k, "two", SPAN_LIT("second"), &n), POSSE_OK);
    casefile_close(&k.c, NULL);
    int fd = open(path_of(&k, "log.jsonl"), O_RDWR);
    assert_int_equal(pwrite(fd, "X", 1, 150), 1);
    close(fd);
    assert_int_equal(casefile_open(k.folder, &w, &c, &k.why), POSSE_ECORRUPT);
    teardown(&k);
    setup(&k); /* cut behind a head's back */
    append(&k, "heads.jsonl", "{\"n\":7,\"root\":\"\"}\n");
    casefile_close(&k.c, NULL);
    assert_int_equal(casefile_open(k.folder, &w, &c, &k.why), POSSE_ECORRUPT);
    teardown(&k);
}

static void test_changed_bytes_are_refused(void **state)
{
    (void)state;
    struct kit k;
    uint64_t n;
    struct case_line l;
    struct buf b;
    setup(&k);
    assert_int_equal(add(&k, "one", SPAN_LIT("first"), &n), POSSE_OK);
    int fd = open(path_of(&k, "exhibits/pack-0000"), O_RDWR);
    assert_int_equal(pwrite(fd, "F", 1, 0), 1);
    close(fd);
    buf_init(&b, 1 << 20);
    assert_int_equal(casefile_line(k.c, n, &l, &k.why), POSSE_OK);
    assert_int_equal(casefile_bytes(k.c, &l, &b, &k.why), POSSE_ECORRUPT);
    assert_int_equal(b.n, 0);
    assert_non_null(strstr(k.why.text, "exhibit 1"));
    buf_deinit(&b);
    teardown(&k);
}

static void test_names_of_fields(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "n", "sha256", "prev", "A", "a b", "a\"", "redacts"};
    struct kit k;
    setup(&k);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(casefile_note(k.c, "note", (struct case_field[]){{bad[i], SPAN_LIT("x")}}, 1, NULL, &k.why), POSSE_EINVAL);
    assert_int_equal(casefile_note(k.c, "exhibit", NULL, 0, NULL, &k.why), POSSE_EINVAL);
    assert_int_equal(casefile_count(k.c), 1);
    teardown(&k);
}

static void test_times(void **state)
{
    (void)state;
    static const struct { struct case_time t; const char *text; } some[] = {
        {{0, 0}, "1970-01-01T00:00:00.000+00:00"},
        {{1300286700123, 0}, "2011-03-16T14:45:00.123+00:00"},
        {{1300286700123, -330}, "2011-03-16T09:15:00.123-05:30"},
        {{951782400000, 60}, "2000-02-29T01:00:00.000+01:00"},
        {{-1, 0}, "1969-12-31T23:59:59.999+00:00"},
    };
    struct case_time t;
    char text[CASE_TIME_TEXT];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        case_time_text(&some[i].t, text);
        assert_string_equal(text, some[i].text);
        assert_true(case_time_read(span_str(text), &t));
        assert_int_equal(t.unix_ms, some[i].t.unix_ms);
        assert_int_equal(t.offset_minutes, some[i].t.offset_minutes);
    }
    assert_false(case_time_read(SPAN_LIT("2011-13-16T14:45:00.123+00:00"), &t));
    assert_false(case_time_read(SPAN_LIT("2011-03-16 14:45:00.123+00:00"), &t));
    assert_false(case_time_read(SPAN_LIT(""), &t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds), cmocka_unit_test(test_redaction_names_its_original), cmocka_unit_test(test_a_crash_leaves_a_whole_case),
        cmocka_unit_test(test_a_full_disk_takes_nothing_half), cmocka_unit_test(test_a_second_writer_waits_outside),
        cmocka_unit_test(test_nothing_is_added_to_what_was_changed), cmocka_unit_test(test_changed_bytes_are_refused),
        cmocka_unit_test(test_names_of_fields), cmocka_unit_test(test_times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
