/* Charsets to UTF-8: labels, wrong labels, none, broken bytes, caps. */
#include "unit.h"

#include <stdio.h>

#include "base/utf8.h"
#include "mail/anomaly.h"
#include "mail/charset.h"

#define MISMATCH ANOMALY_BIT(ANOMALY_CHARSET_MISMATCH)
#define UNKNOWN ANOMALY_BIT(ANOMALY_BAD_CHARSET)

static const struct one {
    const char *charset, *in;
    size_t n;
    const char *out;
    uint64_t anomalies;
} cases[] = {
    {"us-ascii", "abc", 3, "abc", 0},
    {"UTF-8", "\xc3\xa4", 2, "ä", 0},
    {"utf8", "a\xffz\xc3\xa4\xc3\xa4", 7, "a\xef\xbf\xbdzää", MISMATCH},
    {"iso-8859-1", "\xe4\x80", 2, "ä€", 0},
    {"ISO-8859-1", "\x81", 1, "\xc2\x81", 0},
    {"iso-8859-2", "\xb1", 1, "ą", 0},
    {"windows-1251", "\xef\xf0\xe8", 3, "при", 0},
    {"koi8-r", "\xd0\xd2\xc9", 3, "при", 0},
    {"gb2312", "\xc4\xe3\xba\xc3", 4, "你好", 0},
    {"ks_c_5601-1987", "\xb0\xa1", 2, "가", 0},
    {"big5", "\xa7\x41\xa6\x6e", 4, "你好", 0},
    {"shift_jis", "\x93\xfa\x96\x7b", 4, "日本", 0},
    {"iso-2022-jp", "\x1b$BF|K\\\x1b(B", 10, "日本", 0},
    {"unicode-1-1-utf-7", "+ZeVnLIqe-", 10, "日本語", 0},
    {"utf-16", "\xff\xfe" "a\0b\0", 6, "ab", 0},
    {"gb2312", "\xc4", 1, "\xef\xbf\xbd", MISMATCH},
    {"x-nobody-knows", "\xe4 abc", 5, "ä abc", UNKNOWN},
    {"x-nobody-knows", "plain", 5, "plain", UNKNOWN},
    {"../../etc/passwd//x", "plain", 5, "plain", UNKNOWN},
    {"", "\xc3\xa4", 2, "ä", 0},
    {"us-ascii", "\xc3\xa4", 2, "ä", 0},
    {"us-ascii", "Pendiente - N\xba (1)", 18, "Pendiente - Nº (1)", 0}, /* too little to guess on */
    {"iso-8859-15", "", 0, "", 0},
};

static void labels_and_bytes(void **state)
{
    (void)state;
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    for (int round = 0; round < 2; round++) { /* opened, then from the cache */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct span in = exact(cases[i].in, cases[i].n), name = exact_str(cases[i].charset);
            uint64_t anomalies = 0;
            struct span out = charset_to_utf8(cs, a, in, name, 1000, NULL, &anomalies);
            assert_span_equal(out, cases[i].out);
            if (anomalies != cases[i].anomalies)
                fail_msg("case %zu: anomalies %llx", i, (unsigned long long)anomalies);
            exact_free(in);
            exact_free(name);
        }
    }
    charset_set_free(&cs);
    charset_set_free(&cs);
    arena_free(&a);
}

static void undeclared_text_is_guessed(void **state)
{
    (void)state;
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    uint64_t anomalies = 0;
    /* "Прекрасная погода стояла ..." in windows-1251 */
    static const char text[] =
        "\xcf\xf0\xe5\xea\xf0\xe0\xf1\xed\xe0\xff \xef\xee\xe3\xee\xe4\xe0 \xf1\xf2\xee\xff\xeb\xe0 "
        "\xe2 \xfd\xf2\xee\xec \xe3\xee\xe4\xf3, \xe8 \xec\xfb \xf7\xe0\xf1\xf2\xee \xe3\xf3\xeb\xff\xeb\xe8";
    struct span out = charset_to_utf8(cs, a, span_str(text), SPAN_NONE, 1000, NULL, &anomalies);
    assert_true(span_find(out, SPAN_LIT("погода")) >= 0);
    assert_int_equal(anomalies, 0);
    charset_set_free(&cs);
    arena_free(&a);
}

static void caps_cut_between_characters(void **state)
{
    (void)state;
    static const char *const names[] = {"utf-8", "iso-8859-1", "gb2312", "iso-2022-jp", "x-unknown"};
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        for (size_t max = 0; max < 40; max++) {
            struct span in = exact_str("aäöü日本語\xff\xfe\xc4\xe3 b ääää");
            uint64_t anomalies = 0;
            bool cut = false;
            struct span out = charset_to_utf8(cs, a, in, span_str(names[k]), max, &cut, &anomalies);
            assert_true(out.n <= max);
            assert_int_equal(utf8_valid_prefix(out), out.n);
            exact_free(in);
        }
    }
    charset_set_free(&cs);
    arena_free(&a);
}

static void more_charsets_than_slots(void **state)
{
    (void)state;
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    for (int i = 0; i < 100; i++) {
        char name[32];
        uint64_t anomalies = 0;
        int n = snprintf(name, sizeof name, "windows-%d", 1250 + i % 60);
        charset_to_utf8(cs, a, SPAN_LIT("\xe4"), span_of(name, (size_t)n), 100, NULL, &anomalies);
    }
    uint64_t anomalies = 0;
    assert_span_equal(charset_to_utf8(cs, a, SPAN_LIT("\xe4"), SPAN_LIT("latin1"), 100, NULL, &anomalies), "ä");
    charset_set_free(&cs);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_and_bytes),
        cmocka_unit_test(undeclared_text_is_guessed),
        cmocka_unit_test(caps_cut_between_characters),
        cmocka_unit_test(more_charsets_than_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
