/* Findings: what is written is read as the same, and what is not of the shape is refused with its place. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "case/findings.h"

static struct span load(const char *name, uint8_t *p, size_t max)
{
    char path[512];
    const char *root = getenv("POSSE_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/fuzz/seeds/findings/%s", root ? root : ".", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(p, 1, max, f);
    fclose(f);
    return exact(p, n);
}

/* A file with every field that there is: nothing is lost, nothing moves. */
static void test_same_again(void **state)
{
    (void)state;
    static uint8_t room[1 << 20];
    struct arena *a = arena_new(1 << 22);
    struct findings *f;
    struct report why = {0};
    struct buf b;
    struct span in = load("full", room, sizeof room);
    if (findings_read(a, in, &f, &why))
        fail_msg("%s", why.text);
    buf_init(&b, 1 << 20);
    assert_int_equal(findings_write(f, &b), 0);
    buf_add_byte(&b, 0);
    exact_free(in);
    in = load("full", room, sizeof room);
    room[in.n] = 0;
    assert_span_equal(in, (const char *)b.p);
    assert_int_equal(f->n_botnets, 1);
    assert_true(f->botnet[0].is_subject);
    assert_true(f->botnet[0].whole.share.bytes.mid == .391 && f->botnet[0].whole.share.bytes.n == 10);
    assert_string_equal(f->botnet[0].live.method, "counted");
    assert_int_equal(f->controller[0].port, 443);
    assert_span_equal(f->campaign[0].template[0].text[1].word[1], "b");
    assert_int_equal(f->watch->back[0].first_ms, 1300286700000);
    assert_null(f->controller[0].network.abuse.n == 18 ? NULL : "abuse");
    exact_free(in);
    buf_deinit(&b);
    arena_free(&a);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct { const char *json, *says; int code; } bad[] = {
        {"", "findings: line", POSSE_ESYNTAX},
        {"[]", "have no version", POSSE_ESYNTAX},
        {"{}", "have no version", POSSE_ESYNTAX},
        {"{\"version\":2}", "version 2", POSSE_EVERSION},
        {"{\"version\":1,\"version\":1}", "duplicate", POSSE_ESYNTAX},
        {"{\"version\":1,\"made\":5}", "findings: made: a time", POSSE_ESYNTAX},
        {"{\"version\":1,\"subject\":\"a\\u0000b\"}", "NUL", POSSE_ESYNTAX},
        {"{\"version\":1,\"sources\":[{\"ip\":\"a.b\"}]}", "findings: sources.ip: an address", POSSE_ESYNTAX},
        {"{\"version\":1,\"sources\":{}}", "findings: sources: a list", POSSE_ESYNTAX},
        {"{\"version\":1,\"sources_total\":-1}", "sources_total: a whole number", POSSE_ESYNTAX},
        {"{\"version\":1,\"watch\":{\"fell\":{\"lo\":\"x\"}}}", "watch.fell.lo: a number", POSSE_ESYNTAX},
        {"{\"version\":1,\"botnets\":[{\"whole\":[]}]}", "botnets.whole: an object", POSSE_ESYNTAX},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arena *a = arena_new(1 << 20);
        struct findings *f;
        struct report why = {0};
        struct span in = exact_str(bad[i].json);
        if (findings_read(a, in, &f, &why) != bad[i].code || !strstr(why.text, bad[i].says))
            fail_msg("%s: %d %s", bad[i].json, why.code, why.text);
        assert_null(f);
        exact_free(in);
        arena_free(&a);
    }
}

/* No allocation that fails is overlooked. */
static void test_memory(void **state)
{
    (void)state;
    static uint8_t room[1 << 20];
    struct span in = load("full", room, sizeof room);
    size_t i = 1;
    int err = POSSE_ENOMEM;
    for (; i < 10000 && err; i++) {
        struct arena *a = arena_new(1 << 22);
        struct findings *f;
        arena_fail_at(a, i);
        err = findings_read(a, in, &f, NULL);
        assert_true(err ? err == POSSE_ENOMEM && !f : !arena_failed(a));
        arena_free(&a);
    }
    assert_in_range(i, 100, 1000);
    exact_free(in);
}

static struct case_time now(void *ctx)
{
    (void)ctx;
    return (struct case_time){.unix_ms = 1300286700000};
}

static void add(struct casefile *c, const char *name, const char *text)
{
    struct exhibit e = {.name = span_str(name), .media = SPAN_LIT("application/json"), .redacts = -1};
    assert_int_equal(casefile_exhibit(c, &e, span_str(text), NULL, NULL), 0);
}

static void test_newest(void **state)
{
    (void)state;
    char folder[64], cmd[100];
    struct case_writer w = {"analyst", "posse", now, NULL};
    struct casefile *c;
    struct report why = {0};
    struct arena *a = arena_new(1 << 20);
    struct findings *f;
    uint64_t n = 0;
    snprintf(folder, sizeof folder, "/tmp/posse-findings.%d", getpid());
    assert_int_equal(casefile_create(folder, "t", "s", &w, &c, NULL), 0);
    assert_int_equal(findings_newest(c, UINT64_MAX, a, &f, &n, &why), POSSE_ENOENT);
    add(c, FINDINGS_NAME, "{\"version\":1,\"subject\":\"old\"}");
    add(c, "other.json", "{}");
    add(c, FINDINGS_NAME, "{\"version\":1,\"subject\":\"new\"}");
    assert_int_equal(findings_newest(c, UINT64_MAX, a, &f, &n, &why), 0);
    assert_span_equal(f->subject, "new");
    assert_int_equal(n, 3);
    assert_int_equal(findings_newest(c, 3, a, &f, &n, &why), 0); /* under a head of three lines */
    assert_span_equal(f->subject, "old");
    assert_int_equal(n, 1);
    casefile_close(&c, NULL);
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    assert_int_equal(system(cmd), 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_again), cmocka_unit_test(test_refused), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_newest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
