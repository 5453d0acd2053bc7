/* What messages say cannot act in the dossier: no markup, no direction, no address that leads somewhere; and its figures. */
#include "unit.h"

#include "base/plot.h"
#include "case/dossier_priv.h"

static const struct { const char *in, *text, *defanged; } cases[] = {
    {"plain", "plain", "plain"},
    {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"},
    {"\"' onload=x &amp;", "&quot;&#39; onload=x &amp;amp;", "&quot;&#39; onload=x &amp;amp;"},
    {"a\xe2\x80\xaetxt", "a<i class=\"d-x\">U+202E</i>txt", "a<i class=\"d-x\">U+202E</i>txt"},
    {"a\xe2\x81\xa6\xe2\x80\x8b", "a<i class=\"d-x\">U+2066</i><i class=\"d-x\">U+200B</i>", NULL},
    {"a\x1b[2Jb\x7f\x01", "a<i class=\"d-x\">U+001B</i>[2Jb<i class=\"d-x\">U+007F</i><i class=\"d-x\">U+0001</i>", NULL},
    {"\xff\xc3(", "<i class=\"d-x\">FF</i><i class=\"d-x\">C3</i>(", NULL},
    {"\xf3\xa0\x81\x81", "<i class=\"d-x\">U+E0041</i>", NULL},
    {"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "e\xcc\x81\xcc\x81", NULL},
    {"http://a.example/x.y", NULL, "hxxp://a[.]example/x[.]y"},
    {"HTTPS://a.example", NULL, "hxxpS://a[.]example"},
    {"ftp://a.example", NULL, "ftp[:]//a[.]example"},
    {"jane@a.example", NULL, "jane[@]a[.]example"},
    {"End. Next", NULL, "End. Next"},
    {"192.0.2.1", NULL, "192[.]0[.]2[.]1"},
    {"every 601.9 s, 7.91% (0.5).", NULL, "every 601.9 s, 7.91% (0.5)."},
    {"10.1.2 a1.2 1.2b 1.2-3 http://10.1 1.2.", NULL, "10[.]1[.]2 a1[.]2 1[.]2b 1[.]2-3 hxxp://10[.]1 1.2."},
    {"\xd0\xb0.\xd1\x80\xd1\x84 p.\xd1\x80\xd1\x84", NULL, "\xd0\xb0[.]\xd1\x80\xd1\x84 p[.]\xd1\x80\xd1\x84"},
};

static void hostile_texts(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        if (cases[i].text) {
            buf_clear(&b);
            dossier_text(&b, in, 1000);
            assert_span_equal(buf_span(&b), cases[i].text);
        }
        if (cases[i].defanged) {
            buf_clear(&b);
            dossier_defanged(&b, in, 1000);
            assert_span_equal(buf_span(&b), cases[i].defanged);
        }
        exact_free(in);
    }
    buf_deinit(&b);
}

static void long_texts(void **state)
{
    struct buf b;
    uint8_t many[5000];
    (void)state;
    memset(many, 'x', sizeof many);
    buf_init(&b, 1 << 20);
    dossier_text(&b, span_of(many, sizeof many), 10);
    assert_span_equal(buf_span(&b), "xxxxxxxxxx <i class=\"d-x\">and 4990 bytes more</i>");
    buf_deinit(&b);
}

/* No byte sequence gives an angle bracket or a quote but ours, or a character that is not seen. */
static void every_character(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    for (unsigned first = 0; first < 256; first++)
        for (unsigned second = 0; second < 256; second++) {
            uint8_t two[2] = {(uint8_t)first, (uint8_t)second};
            buf_clear(&b);
            dossier_defanged(&b, span_of(two, 2), 100);
            size_t open = 0, ours = 0;
            for (size_t i = 0; i < b.n; i++) {
                open += b.p[i] == '<';
                ours += b.p[i] == '<' && (span_istarts(span_sub(buf_span(&b), i, b.n), SPAN_LIT("<i class=\"d-x\">")) || span_istarts(span_sub(buf_span(&b), i, b.n), SPAN_LIT("</i>")));
                assert_true(b.p[i] >= 32 || b.p[i] == '\n' || b.p[i] == '\t');
            }
            assert_int_equal(open, ours);
        }
    buf_deinit(&b);
}

static void figures(void **state)
{
    struct buf b;
    struct dossier d = {.b = &b};
    struct estimate none = {0}, counted = {7, 7, 7, 7, "counted"}, wide = {1, 15, 7e9, 5, "x"}, plain = {1234567, 2345678, 3456789, 9, "x"};
    (void)state;
    buf_init(&b, 1 << 20);
    d_estimate(&d, &none);
    d_str(&d, "|");
    d_estimate(&d, &counted);
    d_str(&d, "|");
    d_estimate(&d, &wide);
    d_str(&d, "|");
    d_estimate(&d, &plain);
    d_str(&d, "|");
    d_time(&d, 0);
    d_str(&d, "|");
    d_time(&d, 1300286700000);
    assert_span_equal(buf_span(&b), "not estimated|7|15 <span class=\"d-ci\">(1 to 7,000,000,000; too few were seen to say)</span>|2,345,678 "
                                    "<span class=\"d-ci\">(1,234,567 to 3,456,789)</span>|not known|2011-03-16&nbsp;14:45&nbsp;UTC");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_texts), cmocka_unit_test(long_texts), cmocka_unit_test(every_character),
                                       cmocka_unit_test(figures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
