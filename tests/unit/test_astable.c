/* astable: lines to a table, nested and crossing ranges against a slow search, bytes there and back, damage, every allocation's failure
 * is tests/fault's. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "net/astable.h"

static struct ip of(const char *text)
{
    struct ip a = {{0}};
    assert_true(ip_read(span_str(text), &a));
    return a;
}

static struct astable *table(const char *csv)
{
    struct astable *t;
    struct report why = {0};
    struct span s = exact_str(csv);
    if (astable_read(s, "t.csv", &t, &why))
        fail_msg("%s", why.text);
    exact_free(s);
    return t;
}

static void finds(void **state)
{
    struct astable *t = table("# a comment\n"
                              "\n"
                              "198.51.100.0,198.51.100.255,64500,\"Alpha, \"\"the first\"\"\",DE,1\r\n"
                              "10.0.0.0,10.255.255.255,64501,Beta\n"
                              "10.1.0.0,10.1.255.255,AS64502,Gamma,FR\n"
                              "10.1.2.0,10.1.2.255,0,\n"
                              "255.255.255.0,255.255.255.255,64501,Beta\n"
                              "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,64501,Beta\n"
                              "2001:db8:7::,2001:db8:7:ffff:ffff:ffff:ffff:ffff,64502,Gamma,FR,0");
    static const struct { const char *ip; uint32_t asn; const char *name, *country; bool is_dynamic; } want[] = {
        {"198.51.100.0", 64500, "Alpha, \"the first\"", "DE", true}, {"198.51.100.255", 64500, "Alpha, \"the first\"", "DE", true},
        {"198.51.99.255", 0, "", "", false}, {"198.51.101.0", 0, "", "", false}, {"10.0.0.0", 64501, "Beta", "", false},
        {"10.0.255.255", 64501, "Beta", "", false}, {"10.1.0.0", 64502, "Gamma", "FR", false}, {"10.1.2.0", 0, "", "", false},
        {"10.1.2.255", 0, "", "", false}, {"10.1.3.0", 64502, "Gamma", "FR", false}, {"10.2.0.0", 64501, "Beta", "", false},
        {"10.255.255.255", 64501, "Beta", "", false}, {"11.0.0.0", 0, "", "", false}, {"9.255.255.255", 0, "", "", false},
        {"0.0.0.0", 0, "", "", false}, {"255.255.255.255", 64501, "Beta", "", false}, {"255.255.254.255", 0, "", "", false},
        {"2001:db8::", 64501, "Beta", "", false}, {"2001:db8:6:ffff:ffff:ffff:ffff:ffff", 64501, "Beta", "", false},
        {"2001:db8:7::", 64502, "Gamma", "FR", false}, {"2001:db8:8::", 64501, "Beta", "", false}, {"2001:db9::", 0, "", "", false},
        {"::1", 0, "", "", false}, {"ffff::", 0, "", "", false}, {"::1:0:0:0", 0, "", "", false},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct ip a = of(want[i].ip);
        struct as_info got;
        bool found = astable_find(t, &a, &got);
        if (found != (want[i].asn != 0) || got.asn != want[i].asn || strcmp(got.name, want[i].name) || strcmp(got.country, want[i].country) ||
            got.is_dynamic != want[i].is_dynamic)
            fail_msg("%s: AS%u %s %s", want[i].ip, got.asn, got.name, got.country);
        assert_false(astable_find(NULL, &a, &got));
        assert_int_equal(got.asn, 0);
    }
    struct as_info got;
    assert_true(astable_system(t, 64502, &got));
    assert_true(got.asn == 64502 && strcmp(got.name, "Gamma") == 0 && strcmp(got.country, "FR") == 0);
    assert_false(astable_system(t, 4199999999u, &got));
    assert_false(astable_system(NULL, 64502, &got));
    static const struct { const char *ip, *first, *last; } range[] = {
        {"10.1.2.9", NULL, NULL}, {"10.1.3.0", "10.1.3.0", "10.1.255.255"}, {"10.0.0.1", "10.0.0.0", "10.0.255.255"},
        {"255.255.255.255", "255.255.255.0", "255.255.255.255"}, {"2001:db8:7:1::", "2001:db8:7::", "2001:db8:7:ffff:ffff:ffff:ffff:ffff"},
        {"2001:db8::5", "2001:db8::", "2001:db8:6:ffff:ffff:ffff:ffff:ffff"}, {"::1", NULL, NULL}, {"9.9.9.9", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        struct ip a = of(range[i].ip), first, last;
        bool found = astable_range(t, &a, &first, &last);
        assert_true(found == (range[i].first != NULL));
        if (found) {
            struct ip x = of(range[i].first), y = of(range[i].last);
            assert_true(ip_compare(&x, &first) == 0 && ip_compare(&y, &last) == 0);
        }
        assert_false(astable_range(NULL, &a, &first, &last));
    }
    struct astable_size n;
    astable_size(t, &n);
    assert_int_equal(n.systems, 3);
    astable_free(&t);
    assert_null(t);
    astable_free(&t);
    (void)state;
}

static void refuses(void **state)
{
    static const struct { const char *csv, *say; } t[] = {
        {"1.2.3.0,1.2.3.255\n", "t.csv:1: too few"}, {"\n\n1.2.3.0,1.2.3,5,x\n", "t.csv:3: no address"},
        {"1.2.3.255,1.2.3.0,5,x\n", "t.csv:1: the last"}, {"1.2.3.0,2001:db8::,5,x", "t.csv:1: the last"},
        {"1.2.3.0,1.2.3.255,5x,x", "t.csv:1: no number"}, {"1.2.3.0,1.2.3.255,4294967296,x", "t.csv:1: no number"},
        {"1.2.3.0,1.2.3.255,,x", "t.csv:1: no number"}, {"1.2.3.0,1.2.3.255,5,\"x", "t.csv:1: a quote"},
        {"1.2.3.0,1.2.3.255,5,\"x\"y", "t.csv:1: a quote"}, {"1.2.3.0,1.2.3.255,5,x,DEU", "t.csv:1: a country"},
        {"1.2.3.0,1.2.3.255,5,x,DE,2", "t.csv:1: dynamic"}, {"1.2.3.0,1.2.3.255,5,x,DE,1,7", "t.csv:1: too many"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct report why = {0};
        struct astable *got;
        struct span s = exact_str(t[i].csv);
        assert_int_equal(astable_read(s, "t.csv", &got, &why), POSSE_ESYNTAX);
        assert_null(got);
        if (!strstr(why.text, t[i].say))
            fail_msg("%s", why.text);
        exact_free(s);
    }
    struct astable *none = table("");
    struct ip a = of("192.0.2.1");
    struct as_info got;
    assert_false(astable_find(none, &a, &got));
    astable_free(&none);
    (void)state;
}

static uint64_t next(uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return *x >> 33;
}

/* Random ranges, asked at every edge; against going through all of them. */
static void agrees(void **state)
{
    enum { ROUNDS = 300, RANGES = 24 };
    uint64_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        struct { struct ip first, last; uint32_t width; uint32_t asn; } r[RANGES];
        char csv[RANGES * 128];
        size_t n = 0;
        bool is_v6 = round % 3 == 2;
        for (uint32_t i = 0; i < RANGES; i++) {
            uint32_t a = (uint32_t)(next(&seed) % 40), b = a + (uint32_t)(next(&seed) % (i % 2 ? 6 : 20));
            uint32_t base = round % 3 ? 0x0affffe8 : 0xffffffc4; /* to the last address there is */
            char first[IP_TEXT], last[IP_TEXT];
            r[i].first = ip_of_v4(base + a);
            r[i].last = ip_of_v4(base + b);
            if (is_v6)
                memset(r[i].first.b, 0xff, 12), memset(r[i].last.b, 0xff, 12);
            r[i].width = b - a;
            r[i].asn = (uint32_t)(next(&seed) % 5);
            ip_text(&r[i].first, first);
            ip_text(&r[i].last, last);
            n += (size_t)snprintf(csv + n, sizeof csv - n, "%s,%s,%u,n%u\n", first, last, r[i].asn, r[i].asn);
        }
        struct astable *t = table(csv);
        for (uint32_t x = 0; x < 64; x++) {
            struct ip a = ip_of_v4((round % 3 ? 0x0affffe8 : 0xffffffc4) + x - 2);
            uint32_t want = 0, width = UINT32_MAX;
            struct as_info got;
            if (is_v6)
                memset(a.b, 0xff, 12);
            for (size_t i = 0; i < RANGES; i++)
                if (ip_compare(&r[i].first, &a) <= 0 && ip_compare(&a, &r[i].last) <= 0 && r[i].width <= width) {
                    width = r[i].width;
                    want = r[i].asn;
                }
            astable_find(t, &a, &got);
            if (got.asn != want)
                fail_msg("round %d, address %u: AS%u, expected AS%u of\n%s", round, x, got.asn, want, csv);
        }
        astable_free(&t);
    }
    (void)state;
}

static void encodes(void **state)
{
    struct astable *t = table("10.0.0.0,10.0.0.255,1,One\n10.0.1.0,10.0.1.255,2,Two,SE,1\n2001:db8::,2001:db8::ffff,1,One\n"), *back, *odd;
    struct buf b, c;
    struct report why = {0};
    buf_init(&b, 1 << 20);
    buf_init(&c, 1 << 20);
    assert_int_equal(astable_encode(t, &b), 0);
    assert_int_equal(astable_view(buf_span(&b), "t", &back, &why), 0);
    struct ip a = of("10.0.1.9");
    struct as_info got;
    assert_true(astable_find(back, &a, &got));
    assert_string_equal(got.name, "Two");
    assert_string_equal(got.country, "SE");
    assert_true(got.is_dynamic);
    assert_int_equal(astable_encode(back, &c), 0);
    assert_true(span_eq(buf_span(&b), buf_span(&c)));
    for (size_t n = 0; n < b.n; n++) { /* cut short */
        struct span cut = exact(b.p, n);
        assert_true(astable_view(cut, "t", &odd, &why) < 0);
        exact_free(cut);
    }
    for (size_t i = 0; i < b.n * 8; i++) { /* any bit: refused, or a table that can be asked */
        struct span copy = exact(b.p, b.n);
        ((uint8_t *)(uintptr_t)copy.p)[i / 8] ^= (uint8_t)(1 << i % 8);
        if (astable_view(copy, "t", &odd, &why) == 0) {
            struct ip all[] = {of("10.0.0.0"), of("10.0.1.255"), of("255.255.255.255"), of("2001:db8::1"), of("::")};
            for (size_t k = 0; k < sizeof all / sizeof *all; k++)
                if (astable_find(odd, &all[k], &got))
                    assert_true(strlen(got.name) < 64);
            astable_free(&odd);
        }
        exact_free(copy);
    }
    astable_free(&back);
    astable_free(&t);
    buf_deinit(&b);
    buf_deinit(&c);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds), cmocka_unit_test(refuses), cmocka_unit_test(agrees), cmocka_unit_test(encodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
