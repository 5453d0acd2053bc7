/* Mailboxes as RFC 5322 has them and as mailers write them. */
#include "unit.h"

#include <stdio.h>
#include <time.h>

#include "mail/address.h"

static const struct { const char *in, *out; } cases[] = {
    {"a@b.example", "|a|b.example;"},
    {"<a@B.Example.>", "|a|b.example;"},
    {"Ann <a@b.example>", "Ann|a|b.example;"},
    {"\"Ann, B\" <a@b.example>, c@d.example", "Ann, B|a|b.example;|c|d.example;"},
    {"\"A \\\"q\\\" B\" <a@b.example>", "A \"q\" B|a|b.example;"},
    {"a@b.example (Ann (the) B)", "Ann (the) B|a|b.example;"},
    {"group: a@b.example, c@d.example;", "|a|b.example;|c|d.example;"},
    {"undisclosed-recipients:;", ""},
    {"<@relay.example,@x.example:a@b.example>", "|a|b.example;"},
    {"\"a@b\"@c.example", "|\"a@b\"|c.example;"},
    {"Ann\r\n <a@b.example>", "Ann|a|b.example;"},
    {"service@bank.example <evil@x.example>", "service@bank.example|evil|x.example;"},
    {"Ann <a@b.example", "Ann|a|b.example;"},
    {"just a name", "|just a name|;"},
    {",,;, a@b.example ,,", "|a|b.example;"},
    {"\"open <a@b.example>", "|\"open <a|b.example;"},
    {"<>", ""},
    {"", ""},
};

static void lists(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        struct mailbox m[8];
        char got[512];
        int n = 0;
        size_t found = address_list(a, in, m, 8);
        for (size_t k = 0; k < found; k++)
            n += snprintf(got + n, sizeof got - (size_t)n, "%.*s|%.*s|%.*s;", (int)m[k].name.n, m[k].name.p ? (const char *)m[k].name.p : "",
                          (int)m[k].local.n, m[k].local.p ? (const char *)m[k].local.p : "", (int)m[k].domain.n,
                          m[k].domain.p ? (const char *)m[k].domain.p : "");
        assert_span_equal(span_of(got, (size_t)n), cases[i].out);
        exact_free(in);
    }
    arena_free(&a);
}

static void angles(void **state)
{
    (void)state;
    static const struct { const char *in, *local, *domain; } t[] = {
        {"<a@B.example>", "a", "b.example"}, {" a@b.example (c)", "a", "b.example"},
        {"junk <1.2@x.example> junk", "1.2", "x.example"}, {"<>", "", ""}, {"", "", ""},
    };
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct span in = exact_str(t[i].in);
        struct mailbox m = address_angle(a, in);
        assert_span_equal(m.local, t[i].local);
        assert_span_equal(m.domain, t[i].domain);
        exact_free(in);
    }
    arena_free(&a);
}

static void long_lists_are_linear_and_capped(void **state)
{
    (void)state;
    static const char *const piece[] = {":", "(", "\"", "<", "a@:", ",", "a@b.example,", "\\"};
    enum { BYTES = 1 << 20 };
    uint8_t *p = malloc(BYTES);
    for (size_t k = 0; k < sizeof piece / sizeof *piece; k++) {
        struct arena *a = arena_new((size_t)64 << 20);
        struct mailbox m[4];
        size_t len = strlen(piece[k]);
        for (size_t i = 0; i < BYTES; i++)
            p[i] = (uint8_t)piece[k][i % len];
        clock_t start = clock();
        assert_true(address_list(a, span_of(p, BYTES), m, 4) <= 4);
        assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
        arena_free(&a);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists), cmocka_unit_test(angles), cmocka_unit_test(long_lists_are_linear_and_capped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
