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

static const char traced[] =
    "{\"incident\":\"0123456789abcdef\",\"controllers\":[{\"ip\":\"192.0.2.1\",\"name\":\"c2.example\",\"port\":80,\"proto\":\"tcp\","
    "\"by_name\":true,\"hosts\":2,\"acting\":2,\"first\":\"2011-03-16T14:45:00Z\",\"asn\":64500,\"as_name\":\"Host\",\"country\":\"DE\","
    "\"contact\":\"abuse@host.example, of Host Ltd\",\"probability\":0.99,\"bits\":6.6,\"reasons\":[{\"bits\":6.6,\"text\":\"a crowd\"}]}],"
    "\"hosts\":[{\"ip\":\"10.0.0.1\",\"acts\":[\"spam\"],\"probability\":0.9},{\"ip\":\"10.0.0.2\",\"acts\":[\"beacon\"]}]}\n\n"
    "{\"incident\":\"fedcba9876543210\",\"controllers\":[],\"hosts\":[{\"ip\":\"10.0.0.3\",\"acts\":[\"scan\"]}]}\n";

static void test_trace(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct findings f = {0}, one = {0}, none = {0};
    struct report why = {0};
    struct span in = exact_str(traced);
    assert_int_equal(findings_add_trace(a, &f, in, "", 7, &why), 0);
    assert_true(f.n_controllers == 1 && f.n_hosts == 3 && f.hosts_total == 3);
    const struct found_controller *c = &f.controller[0];
    assert_span_equal(c->network.abuse, "abuse@host.example");
    assert_span_equal(c->network.firm, "Host Ltd");
    assert_true(c->exhibit == 7 && c->port == 80 && c->n_hosts == 2 && c->first_ms == 1300286700000 && c->network.asn == 64500);
    assert_span_equal(c->host[1], "10.0.0.2");
    assert_span_equal(f.host[2].incident, "fedcba9876543210");
    assert_int_equal(findings_add_trace(a, &one, in, "C2.example", 1, &why), 0); /* one incident only */
    assert_int_equal(one.n_hosts, 2);
    assert_int_equal(findings_add_trace(a, &none, in, "192.0.2.9", 1, &why), POSSE_ENOENT);
    assert_int_equal(findings_add_trace(a, &none, SPAN_LIT("{}\n{\n"), "", 1, &why), POSSE_ESYNTAX);
    assert_non_null(strstr(why.text, "line 2"));
    one.n_hosts = 1; /* the newer findings know less of hosts, and keep what the older ones knew */
    one.host[0].probability = 0.5;
    assert_int_equal(findings_merge(a, &one, &f, &why), 0);
    assert_true(one.n_hosts == 3 && one.n_controllers == 1 && one.host[0].probability == 0.5);
    exact_free(in);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_again), cmocka_unit_test(test_refused), cmocka_unit_test(test_memory),
                                       cmocka_unit_test(test_newest), cmocka_unit_test(test_trace)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
