#include "unit.h"

#include <stdio.h>

#include "case/export.h"
#include "case/uuid.h"

static const struct { const char *name; bool is_fine; } names[] = {
    {"pills.example", true}, {"a.b.pills.example", true}, {"under_score.example", true}, {"xn--bcher-kva.example", true}, {"google.com", false},
    {"mail.google.com", false}, {"co.uk", false}, {"uk", false}, {"me.github.io", false}, {"github.io", false}, {"bit.ly", false}, {"", false},
    {".", false}, {"a..b.example", false}, {".example", false}, {"example.", false}, {"Pills.example", false}, {"-a.example", false},
    {"a-.example", false}, {"a.example-", false}, {"*.example", false}, {"a b.example", false}, {"a\n.example", false}, {"$TTL.example", false},
    {"10.1.2.3", false}, {"1.2.3.4.5", false}, {"b\xc3\xbc.example", false}, {"mine.example", false}, {"x.mine.example", false},
    {"deb.debian.org", false}};

static struct guard *open_guard(bool reserved)
{
    const char *root = getenv("POSSE_SOURCE_ROOT");
    char popular[4096], services[4096], allow[] = "/tmp/posse-allow.XXXXXX";
    snprintf(popular, sizeof popular, "%s/models/popular-domains.txt", root ? root : ".");
    snprintf(services, sizeof services, "%s/models/known-services.tsv", root ? root : ".");
    FILE *f = fdopen(mkstemp(allow), "w");
    fputs("mine.example\n*.mine.example\n198.51.100.0/24\n", f);
    fclose(f);
    struct guard *g = NULL;
    struct report why = {0};
    const char *list[] = {allow};
    if (guard_open(&(struct guard_options){popular, services, list, 1, reserved}, &g, &why))
        fail_msg("%s", why.text);
    remove(allow);
    return g;
}

static void test_guard_names(void **state)
{
    (void)state;
    struct guard *g = open_guard(false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct span s = exact_str(names[i].name);
        const char *no = guard_name(g, s);
        if (!no != names[i].is_fine)
            fail_msg("\"%s\": %s", names[i].name, no ? no : "was let through");
        exact_free(s);
    }
    char longest[300];
    memset(longest, 'a', sizeof longest);
    assert_non_null(guard_name(g, span_of(longest, sizeof longest)));
    guard_free(&g);
}

static void test_guard_addresses(void **state)
{
    (void)state;
    static const struct { const char *text; bool is_fine, is_fine_reserved; } table[] = {
        {"8.8.4.4", true, true}, {"2600::1", true, true}, {"10.1.2.3", false, true}, {"2001:db8::1", false, true}, {"127.0.0.1", false, true},
        {"198.51.100.7", false, false}, {"::", false, false}};
    for (int reserved = 0; reserved < 2; reserved++) {
        struct guard *g = open_guard(reserved);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            struct ip ip;
            assert_true(ip_read(span_str(table[i].text), &ip));
            bool is_fine = guard_address(g, &ip) == NULL;
            if (is_fine != (reserved ? table[i].is_fine_reserved : table[i].is_fine))
                fail_msg("%s", table[i].text);
        }
        guard_free(&g);
    }
}

static void test_guard_needs_its_list(void **state)
{
    (void)state;
    struct guard *g = NULL;
    struct report why = {0};
    assert_int_not_equal(guard_open(&(struct guard_options){.popular = "/nowhere/at/all"}, &g, &why), 0);
    assert_null(g);
    assert_int_not_equal(guard_open(&(struct guard_options){.popular = "/dev/null"}, &g, &why), 0);
    assert_null(g);
}

/* By Python's uuid module. */
static void test_uuid(void **state)
{
    (void)state;
    char text[UUID_TEXT];
    uuid5(uuid_of_posse, SPAN_LIT("x"), text);
    assert_string_equal(text, "fa2b1831-d97f-5beb-abcb-5f2b1a4a7a4a");
    uuid5(uuid_of_stix, SPAN_LIT("{\"value\":\"198.51.100.3\"}"), text);
    assert_string_equal(text, "28bb3599-77cd-5a82-a950-b5bc3caf07c4");
    uuid4_like(SPAN_LIT("x"), text);
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
}

static void test_texts(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    export_plain(&b, span_of("a$b;\"c\"\n\0\xff{}#'` 1.2,3:4-5/6(7)", 30), 100);
    assert_span_equal(buf_span(&b), "a_b__c_________ 1.2,3:4-5/6(7)");
    buf_clear(&b);
    export_plain(&b, SPAN_LIT("abcdef"), 3);
    assert_span_equal(buf_span(&b), "abc");
    static const char *const cell[][2] = {{"", "\"\""}, {"a", "\"a\""}, {"=1", "\"'=1\""}, {"+1", "\"'+1\""}, {"-1", "\"'-1\""}, {"@a", "\"'@a\""},
                                          {"\ta", "\"' a\""}, {"\r=1", "\"' =1\""}, {"a\"b", "\"a\"\"b\""}, {"a\r\nb", "\"a  b\""}, {"1=1", "\"1=1\""}};
    for (size_t i = 0; i < sizeof cell / sizeof *cell; i++) {
        buf_clear(&b);
        struct span s = exact_str(cell[i][0]);
        export_cell(&b, s);
        assert_span_equal(buf_span(&b), cell[i][1]);
        exact_free(s);
    }
    char z[EXPORT_Z];
    export_z(-1, z);
    assert_string_equal(z, "1969-12-31T23:59:59.999Z");
    buf_deinit(&b);
}

static void test_rpz_addresses(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"192.0.2.1", "\n32.1.2.0.192.rpz-ip CNAME .\n"}, {"2001:db8::1", "\n128.1.zz.db8.2001.rpz-ip CNAME .\n"},
        {"2001:db8::a:0:0:1", "\n128.1.0.0.a.zz.db8.2001.rpz-ip CNAME .\n"}, {"::1:0", "\n128.0.1.zz.rpz-ip CNAME .\n"},
        {"fe80::", "\n128.zz.fe80.rpz-ip CNAME .\n"}, {"1:0:3:4:5:6:7:8", "\n128.8.7.6.5.4.3.0.1.rpz-ip CNAME .\n"}};
    struct findings f = {0};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct entry e = {.role = ENTRY_CONTROLLER, .text = span_str(table[i][0])};
        assert_true(ip_read(e.text, &e.ip));
        struct export_case c = {.findings = &f, .entries = {&e, 1, 1}};
        struct buf b;
        buf_init(&b, 10000);
        assert_int_equal(export_rpz(&c, &b), 0);
        if (span_find(buf_span(&b), span_str(table[i][1])) < 0)
            fail_msg("%s: %.*s", table[i][0], (int)b.n, (char *)b.p);
        buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard_names), cmocka_unit_test(test_guard_addresses), cmocka_unit_test(test_guard_needs_its_list),
        cmocka_unit_test(test_uuid), cmocka_unit_test(test_texts), cmocka_unit_test(test_rpz_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
