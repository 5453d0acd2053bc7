/* Addresses in all the ways in which mail writes them. */
#include "unit.h"

#include <stdio.h>

#include "mail/url.h"

static struct suffixes *list;

static int setup(void **state)
{
    (void)state;
    list = suffixes_new();
    return list ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    suffixes_free(&list);
    return 0;
}

static void one_address_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *scheme, *host, *domain, *path, *query;
        uint32_t flags;
        uint16_t port;
    } cases[] = {
        {"http://www.example.com/a/b?c=d#e", "http", "www.example.com", "example.com", "/a/b", "c=d", 0, 0},
        {" HTTPS://WWW.Example.COM ", "https", "www.example.com", "example.com", "/", "", 0, 0},
        {"http://a.b.example.co.uk", "http", "a.b.example.co.uk", "example.co.uk", "/", "", 0, 0},
        {"http://u:p@www.paypal.com@evil.example/", "http", "evil.example", "evil.example", "/", "", URL_HAS_USERINFO, 0},
        {"http://a.com:8080/x", "http", "a.com", "a.com", "/x", "", URL_HAS_PORT, 8080},
        {"https://a.com:443/x", "https", "a.com", "a.com", "/x", "", 0, 0},
        {"http://a.com?q", "http", "a.com", "a.com", "/", "q", 0, 0},
        {"http://a.com.", "http", "a.com", "a.com", "/", "", 0, 0},
        {"http:\\\\a.com\\x", "http", "a.com", "a.com", "\\x", "", URL_IS_OBFUSCATED, 0},
        {"http:a.com", "http", "a.com", "a.com", "/", "", 0, 0},
        {"http:////a.com/", "http", "a.com", "a.com", "/", "", 0, 0},
        {"ht\ntp://a.\tcom/x", "http", "a.com", "a.com", "/x", "", 0, 0},
        {"http://127.0.0.1/", "http", "127.0.0.1", "", "/", "", URL_NUMERIC_HOST, 0},
        {"http://2130706433/", "http", "127.0.0.1", "", "/", "", URL_NUMERIC_HOST | URL_IS_OBFUSCATED, 0},
        {"http://0x7f.1/", "http", "127.0.0.1", "", "/", "", URL_NUMERIC_HOST | URL_IS_OBFUSCATED, 0},
        {"http://0177.0.0.01/", "http", "127.0.0.1", "", "/", "", URL_NUMERIC_HOST | URL_IS_OBFUSCATED, 0},
        {"http://[::FFFF:1.2.3.4]:80/", "http", "::ffff:1.2.3.4", "", "/", "", URL_NUMERIC_HOST, 0},
        {"http://256.1.1.1.1/", "http", "256.1.1.1.1", "", "/", "", 0, 0},
        {"hxxp://a[.]b[.]com/x", "http", "a.b.com", "b.com", "/x", "", URL_IS_OBFUSCATED, 0},
        {"hxxps://a(dot)com", "https", "a.com", "a.com", "/", "", URL_IS_OBFUSCATED, 0},
        {"http://ex%61mple%2Ecom/", "http", "example.com", "example.com", "/", "", URL_IS_OBFUSCATED, 0},
        {"http://m\xc3\xbcnchen.de/", "http", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de", "/", "", URL_IDN, 0},
        {"http://\xd0\xb0pple.com/", "http", "xn--pple-43d.com", "xn--pple-43d.com", "/", "", URL_IDN | URL_MIXED_SCRIPTS, 0},
        {"http://xn--pple-43d.com/", "http", "xn--pple-43d.com", "xn--pple-43d.com", "/", "", URL_IDN | URL_MIXED_SCRIPTS, 0},
        {"http://\xef\xbd\x85x\xe3\x80\x82" "com/", "http", "ex.com", "ex.com", "/", "", URL_IS_OBFUSCATED, 0},
        {"http://bit.ly/x", "http", "bit.ly", "bit.ly", "/x", "", URL_IS_SHORTENER, 0},
        {"http://www.tinyurl.com/x", "http", "www.tinyurl.com", "tinyurl.com", "/x", "", URL_IS_SHORTENER, 0},
        {"http://me.github.io/", "http", "me.github.io", "me.github.io", "/", "", URL_FREE_HOST, 0},
        {"http://github.io/", "http", "github.io", "github.io", "/", "", URL_FREE_HOST, 0},
        {"http://docs.google.com/x", "http", "docs.google.com", "google.com", "/x", "", URL_FREE_HOST, 0},
        {"//cdn.a.com/x", "http", "cdn.a.com", "a.com", "/x", "", URL_NO_SCHEME, 0},
        {"www.a.com", "http", "www.a.com", "a.com", "/", "", URL_NO_SCHEME, 0},
        {"a.com:81/x", "http", "a.com", "a.com", "/x", "", URL_NO_SCHEME | URL_HAS_PORT, 81},
        {"1.2.3.4/x", "http", "1.2.3.4", "", "/x", "", URL_NO_SCHEME | URL_NUMERIC_HOST, 0},
        {"mailto:a@b.com?subject=x", "mailto", "b.com", "b.com", "a@b.com", "subject=x", URL_IS_MAILTO, 0},
        {"data:text/html,x", "data", "", "", "text/html,x", "", URL_IS_DATA, 0},
        {"JavaScript:alert(1)", "javascript", "", "", "alert(1)", "", URL_IS_SCRIPT, 0},
        {"http://", "http", "", "", "/", "", 0, 0},
        {"http://a b/", "http", "", "", "/", "", 0, 0},
        {"http://.a.com/", "http", "", "", "/", "", 0, 0},
        {"http://localhost/", "http", "localhost", "", "/", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(1 << 20);
        struct span in = exact_str(cases[i].raw);
        struct url u;
        if (!url_parse(a, list, in, &u))
            fail_msg("%s: no URL", cases[i].raw);
        assert_span_equal(u.scheme, cases[i].scheme);
        assert_span_equal(u.host, cases[i].host);
        assert_span_equal(u.domain, cases[i].domain);
        assert_span_equal(u.path, cases[i].path);
        assert_span_equal(u.query, cases[i].query);
        if (u.flags != cases[i].flags || u.port != cases[i].port)
            fail_msg("%s: flags %x, port %u", cases[i].raw, u.flags, u.port);
        exact_free(in);
        arena_free(&a);
    }
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"", " ", "/x", "x.html", "../a", "?a", "#a", "12", "1.2", "word", "a b.com",
                                        "user@a.com", "foo.invalidtld", "C:\\x"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(1 << 20);
        struct span in = exact_str(cases[i]);
        struct url u;
        if (url_parse(a, list, in, &u))
            fail_msg("%s: taken for a URL with host \"%.*s\"", cases[i], (int)u.host.n, (const char *)u.host.p);
        exact_free(in);
        arena_free(&a);
    }
}

static void addresses_are_found_in_text(void **state)
{
    (void)state;
    static const struct { const char *text, *found; } cases[] = { /* raw ones, separated by a space */
        {"", ""},
        {"No address in here. Nor here: e.g. this, i.e. that... a.b c.d", ""},
        {"See http://a.com/x, then.", "http://a.com/x"},
        {"(http://a.com/x_(y)) and [http://b.com]", "http://a.com/x_(y) http://b.com"},
        {"<http://a.com/>\"http://b.com/\"'http://c.com/'", "http://a.com/ http://b.com/ http://c.com/"},
        {"[text](http://a.com/b) **http://b.com**", "http://a.com/b http://b.com"},
        {"www.a.com, WWW.B.COM/x. xwww.c.com", "www.a.com WWW.B.COM/x"},
        {"a.com/x b.co.uk:80/y foo.html/z c.com", "a.com/x b.co.uk:80/y"},
        {"me@a.com me@a.com/x me@www.a.com mail.me@a.com", ""},
        {"hxxp://a[.]com/x b[.]com c(dot)net/x d[.]html", "hxxp://a[.]com/x b[.]com c(dot)net/x"},
        {"visit spamsite dot com now, the dot com boom", "spamsite dot com"},
        {"\xe8\xaf\xb7http://a.com/x\xe8\xaf\xb7\xe3\x80\x82", "http://a.com/x"},
        {"\xe2\x80\x9chttp://a.com/x\xe2\x80\x9d", "http://a.com/x"},
        {"http://\xd0\xbf\xd1\x80.\xd1\x80\xd1\x84/\xd0\xbf ok", "http://\xd0\xbf\xd1\x80.\xd1\x80\xd1\x84/\xd0\xbf"},
        {"path/to.com/x x=a.com/y", ""},
        {"http://a.com:80/?! https://b.com/a-", "http://a.com:80/ https://b.com/a-"},
        {"https://a.com/long\nnext", "https://a.com/long"},
        {"http:///a http:// http://", "http:///a"},
        {"sixteen bytes of text before it and http://a.com/ more text that goes on", "http://a.com/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(1 << 20);
        struct span in = exact_str(cases[i].text);
        struct url u[20];
        uint64_t anomalies = 0;
        size_t n = url_find(a, list, in, u, 20, &anomalies);
        char got[512] = "";
        for (size_t k = 0; k < n; k++) {
            strncat(got, k ? " " : "", 2);
            strncat(got, (const char *)u[k].raw.p, u[k].raw.n);
        }
        if (strcmp(got, cases[i].found) != 0)
            fail_msg("in \"%s\" found \"%s\", expected \"%s\"", cases[i].text, got, cases[i].found);
        assert_int_equal(anomalies, 0);
        exact_free(in);
        arena_free(&a);
    }
}

static void too_many_are_told(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct url u[2];
    uint64_t anomalies = 0;
    assert_int_equal(url_find(a, list, span_str("http://a.com http://b.com http://c.com"), u, 2, &anomalies), 2);
    assert_true(anomalies & ANOMALY_BIT(ANOMALY_URLS_LIMIT));
    arena_free(&a);
}

static void registered_domains(void **state)
{
    (void)state;
    static const struct { const char *host, *domain; } cases[] = { /* from the list's own test file, and more */
        {"", ""}, {"com", ""}, {"example.com", "example.com"}, {"a.b.example.com", "example.com"},
        {"uk.com", "uk.com"}, {"example.uk.com", "example.uk.com"}, {"test.ac", "test.ac"}, {"jp", ""},
        {"ac.jp", ""}, {"a.b.test.ac.jp", "test.ac.jp"}, {"ide.kyoto.jp", ""}, {"a.b.ide.kyoto.jp", "b.ide.kyoto.jp"},
        {"c.kobe.jp", ""}, {"a.b.c.kobe.jp", "b.c.kobe.jp"}, {"city.kobe.jp", "city.kobe.jp"},
        {"www.city.kobe.jp", "city.kobe.jp"}, {"ck", ""}, {"test.ck", ""}, {"a.b.test.ck", "b.test.ck"},
        {"www.ck", "www.ck"}, {"www.www.ck", "www.ck"}, {"k12.ak.us", ""}, {"www.test.k12.ak.us", "test.k12.ak.us"},
        {"\xe5\x85\xac\xe5\x8f\xb8.cn", ""}, {"www.shishi.\xe5\x85\xac\xe5\x8f\xb8.cn", "shishi.\xe5\x85\xac\xe5\x8f\xb8.cn"},
        {"xn--55qx5d.cn", ""}, {"www.shishi.xn--55qx5d.cn", "shishi.xn--55qx5d.cn"}, {"shishi.xn--fiqs8s", "shishi.xn--fiqs8s"},
        {"host", ""}, {"host.invalidtld", "host.invalidtld"}, {"1.2.3.4", ""}, {"::1", ""}, {".com", ""}, {"a..com", ""},
        {"a.blogspot.com", "a.blogspot.com"}, {"x.s3.amazonaws.com", "x.s3.amazonaws.com"}, {"s3.amazonaws.com", "amazonaws.com"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].host);
        assert_span_equal(suffixes_domain(list, in), cases[i].domain);
        exact_free(in);
    }
    assert_true(suffixes_is_tld(list, span_str("com")));
    assert_true(suffixes_is_tld(list, span_str("xn--p1ai")));
    assert_false(suffixes_is_tld(list, span_str("html")));
    assert_false(suffixes_is_tld(list, span_str("co.uk")));
}

static void controls_are_stripped(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"http://a.com/", "http://a.com/"}, {" \x01\x1fjava\tscr\r\nipt:x \x02", "javascript:x"}, {"\n\t ", ""}, {"", ""},
    };
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        assert_span_equal(url_strip(a, in), cases[i].out);
        exact_free(in);
    }
    struct url u;
    assert_true(url_parse(a, list, SPAN_LIT("\x01 ht\ntp://a.com/\x02"), &u));
    assert_span_equal(u.host, "a.com");
    arena_free(&a);
}

/* RFC 3986 5.4, and what browsers do besides. */
static void references_are_joined(void **state)
{
    (void)state;
    static const struct { const char *base, *ref, *out; } cases[] = {
        {"http://a/b/c/d;p?q", "g", "http://a/b/c/g"}, {"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"}, {"http://a/b/c/d;p?q", "/g", "http://a/g"},
        {"http://a/b/c/d;p?q", "//g", "http://g"}, {"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
        {"http://a/b/c/d;p?q", "g?y/./x", "http://a/b/c/g?y/./x"}, {"http://a/b/c/d;p?q", "..", "http://a/b/"},
        {"http://a/b/c/d;p?q", "../..", "http://a/"}, {"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "./../g", "http://a/b/g"}, {"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
        {"http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"}, {"http://a/b/c/d;p?q", "..g", "http://a/b/c/..g"},
        {"https://a.example", "login.php", "https://a.example/login.php"}, {"http://a", "?y", "http://a/?y"},
        {"http://a/b", "www.bank.com", "http://a/www.bank.com"}, {"http://a/b", "\\g", "http://a\\g"},
        {"http://a/b", "https://c/d", "https://c/d"}, {"http://a/b", "mailto:x@y.z", "mailto:x@y.z"},
        {"http://a/b", "javascript:x", "javascript:x"}, {"http://a/b", "a:b", "http://a/a:b"},
        {"http://a/b", "#f", "#f"}, {"http://a/b", "", ""}, {"mailto:a@b", "g", "g"}, {"g/h", "x", "x"}, {"http://", "x", "x"},
    };
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span base = exact_str(cases[i].base), ref = exact_str(cases[i].ref);
        assert_span_equal(url_join(a, base, ref), cases[i].out);
        exact_free(base);
        exact_free(ref);
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_is_read), cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(addresses_are_found_in_text), cmocka_unit_test(too_many_are_told),
        cmocka_unit_test(registered_domains), cmocka_unit_test(controls_are_stripped),
        cmocka_unit_test(references_are_joined),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
