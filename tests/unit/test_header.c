/* Header blocks, encoded words, parameters, dates. */
#include "unit.h"

#include <time.h>

#include "mail/date.h"
#include "mail/header.h"
#include "mail/param.h"
#include "mail/words.h"

static const struct block {
    const char *in;
    size_t body;         /* offset */
    const char *fields;  /* "name=raw|..." */
    uint64_t anomalies;
} blocks[] = {
    {"A: b\r\n\r\nbody", 8, "A= b|", 0},
    {"A: b\n\nbody", 6, "A= b|", 0},
    {"A:b\n c\n\td\nE : f\n\n", 17, "A=b\n c\n\td|E= f|", 0},
    {"A: b", 4, "A= b|", 0},
    {"A: b\n", 5, "A= b|", 0},
    {"\nbody", 1, "", 0},
    {"\r\nbody", 2, "", 0},
    {"no colon at all\nA: b\n\n", 0, "", ANOMALY_BIT(ANOMALY_HEADER_SYNTAX)},
    {"To: b\njunk line\n more junk\nC: d\n\n", 33, "To= b|C= d|", ANOMALY_BIT(ANOMALY_HEADER_SYNTAX)},
    {"Note: this\nis a text\n\n", 11, "Note= this|", ANOMALY_BIT(ANOMALY_HEADER_SYNTAX)},
    {"A: \xe4\n\n", 6, "A= \xe4|", ANOMALY_BIT(ANOMALY_HEADER_8BIT)},
    {"A: b\rc\n\n", 8, "A= b\rc|", ANOMALY_BIT(ANOMALY_HEADER_BARE_CR)},
    {"", 0, "", 0},
};

static void blocks_split_into_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        struct field_list l = {.max = 100};
        struct header_block h;
        uint64_t anomalies = 0;
        struct span in = exact_str(blocks[i].in);
        char got[256];
        size_t n = 0;
        assert_int_equal(header_split(&l, in, 7, 1000, NULL, NULL, &h, &anomalies), 0);
        for (size_t k = 0; k < l.n; k++) {
            memcpy(got + n, l.p[k].name.p, l.p[k].name.n);
            n += l.p[k].name.n;
            got[n++] = '=';
            memcpy(got + n, l.p[k].raw.p, l.p[k].raw.n);
            n += l.p[k].raw.n;
            got[n++] = '|';
            assert_int_equal(l.p[k].part, 7);
        }
        assert_span_equal(span_of(got, n), blocks[i].fields);
        assert_int_equal(h.body, blocks[i].body);
        if (anomalies != blocks[i].anomalies)
            fail_msg("block %zu: anomalies %llx", i, (unsigned long long)anomalies);
        field_list_deinit(&l);
        exact_free(in);
    }
}

static void names_have_ids(void **state)
{
    (void)state;
    static const struct { const char *name; enum field_id id; } t[] = {
        {"From", FIELD_FROM}, {"FROM", FIELD_FROM}, {"to", FIELD_TO}, {"Received", FIELD_RECEIVED},
        {"Reply-To", FIELD_REPLY_TO}, {"Content-Type", FIELD_CONTENT_TYPE}, {"Content-Typo", FIELD_OTHER},
        {"DKIM-Signature", FIELD_DKIM_SIGNATURE}, {"List-Id", FIELD_LIST_ID}, {"List-Help", FIELD_LIST_OTHER},
        {"ARC-Seal", FIELD_ARC}, {"X-Spam-Status", FIELD_X_SPAM}, {"X-Foo-Spamscore", FIELD_X_SPAM},
        {"X-Bogosity", FIELD_X_SPAM}, {"X-Mailer", FIELD_X_MAILER}, {"X-Other", FIELD_OTHER}, {"X", FIELD_OTHER},
        {"", FIELD_OTHER}, {"Content-Transfer-Encoding", FIELD_CONTENT_TRANSFER_ENCODING},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct span s = exact_str(t[i].name);
        if (field_id_of(s) != t[i].id)
            fail_msg("%s is %d", t[i].name, (int)field_id_of(s));
        exact_free(s);
    }
}

static const struct { const char *in, *out; uint64_t anomalies; } words[] = {
    {" plain ", "plain", 0},
    {"a\r\n b", "a b", 0},
    {"=?utf-8?q?a=C3=A4_b?=", "aä b", 0},
    {"=?utf-8?B?w6Q=?= =?utf-8?B?w7Y=?=", "äö", 0},
    {"=?utf-8?B?w6Q=?=\r\n\t=?iso-8859-1?Q?=F6?= x", "äö x", 0},
    {"=?utf-8?B?w6Q=?= x =?utf-8?B?w7Y=?=", "ä x ö", 0},
    {"=?utf-8?B?ww==?= =?utf-8?B?pA==?=", "ä", 0}, /* a character over two words */
    {"=?utf-8?B?w?= =?utf-8?B?6Q?=", "ä", 0},      /* a group over two words */
    {"=?iso-2022-jp?B?GyRCRnwbKEI=?= =?iso-2022-jp?b?GyRCS1wbKEI=?=", "日本", 0},
    {"=?utf-8*de?q?=C3=A4?=", "ä", 0},
    {"=?utf-8?q?a b?=", "a b", 0},
    {"x=?utf-8?q?a?=y", "xay", ANOMALY_BIT(ANOMALY_SPLIT_2047)},
    {"=?utf-8?x?a?=", "=?utf-8?x?a?=", ANOMALY_BIT(ANOMALY_BAD_2047)},
    {"=?utf-8?q?a", "=?utf-8?q?a", ANOMALY_BIT(ANOMALY_BAD_2047)},
    {"=??q?a?=", "=??q?a?=", ANOMALY_BIT(ANOMALY_BAD_2047)},
    {"=?nobody?q?a=E4?=", "aä", ANOMALY_BIT(ANOMALY_BAD_2047)},
    {"caf\xe9", "café", 0},
    {"caf\xc3\xa9", "café", 0},
    {"caf\xe9 =?utf-8?q?=C3=A4?=", "café ä", 0},
    {"=", "=", 0},
    {"=?", "=?", ANOMALY_BIT(ANOMALY_BAD_2047)},
    {"", "", 0},
};

static void encoded_words(void **state)
{
    (void)state;
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct span in = exact_str(words[i].in);
        uint64_t anomalies = 0;
        assert_span_equal(words_decode(cs, a, in, &anomalies), words[i].out);
        if (anomalies != words[i].anomalies)
            fail_msg("word %zu: anomalies %llx", i, (unsigned long long)anomalies);
        exact_free(in);
    }
    charset_set_free(&cs);
    arena_free(&a);
}

static const struct { const char *in, *head, *filename; } params[] = {
    {" attachment; filename=a.txt", "attachment", "a.txt"},
    {"attachment; filename=\"a \\\"b\\\".txt\"", "attachment", "a \"b\".txt"},
    {"attachment; FileName = a b.txt ; x=y", "attachment", "a b.txt"},
    {"attachment filename=a.txt", "attachment", "a.txt"},
    {"attachment; filename=a.txt size=12", "attachment", "a.txt"},
    {"attachment; filename*=utf-8''%c3%a4.txt", "attachment", "ä.txt"},
    {"attachment; filename*0*=utf-8'de'%c3; filename*1*=%a4; filename*2=.txt", "attachment", "ä.txt"},
    {"attachment; filename*1=b; filename*0=a", "attachment", "ab"},
    {"attachment; filename=old; filename*=utf-8''new", "attachment", "new"},
    {"attachment; filename=\"=?utf-8?q?=C3=A4?=.txt\"", "attachment", "ä.txt"},
    {"attachment; filename=caf\xe9", "attachment", "café"},
    {"attachment; filename=\"open", "attachment", "open"},
    {"attachment (a comment; filename=no); filename=yes", "attachment", "yes"},
    {"attachment;;; filename=a", "attachment", "a"},
    {"attachment; filename=a; filename=b", "attachment", "a"},
    {"attachment; filename*=broken", "attachment", "broken"},
    {"attachment; filename", "attachment", ""},
    {"", "", ""},
};

static void parameters(void **state)
{
    (void)state;
    struct charset_set *cs = charset_set_new();
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
        struct span in = exact_str(params[i].in);
        struct param_want want[] = {{SPAN_LIT("filename"), true, SPAN_NONE}};
        uint64_t anomalies = 0;
        assert_span_equal(param_read(cs, a, in, want, 1, &anomalies), params[i].head);
        assert_span_equal(want[0].value, params[i].filename);
        exact_free(in);
    }
    charset_set_free(&cs);
    arena_free(&a);
}

static void dates(void **state)
{
    (void)state;
    static const struct { const char *in; bool ok; int64_t unix_s; bool strict; } t[] = {
        {"Thu, 01 Jan 1970 00:00:00 +0000", true, 0, true},
        {"1 Jan 1970 01:00 +0100", true, 0, true},
        {"Fri, 21 Nov 1997 09:55:06 -0600", true, 880127706, true},
        {"Thu, 13 Feb 69 23:32 -0330", true, -27723480, false},
        {"Thu Jan  1 00:00:10 1970", true, 10, false},
        {"01 Jan 2000 00:00:00 EST (comment)", true, 946702800, true},
        {"Fri, 31 Feb 2020", false, 0, false},
        {"yesterday", false, 0, false},
        {"", false, 0, false},
        {"32 Jan 2000 00:00:00 GMT", false, 0, false},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct span in = exact_str(t[i].in);
        struct mail_date d;
        if (date_read(in, &d) != t[i].ok || (t[i].ok && (d.unix_s != t[i].unix_s || d.strict != t[i].strict)))
            fail_msg("%s: %lld", t[i].in, (long long)d.unix_s);
        exact_free(in);
    }
}

/* Ten megabytes of the worst kinds must take time that grows with their length only. */
static void long_headers_are_linear(void **state)
{
    (void)state;
    static const char *const piece[] = {"=?a?q?", "=?utf-8?q?x?= ", " \n", "x=y;", "a*0=b;", "(", "\"\\", "::::", "<", "%", "-", ",@"};
    enum { BYTES = 4 << 20 };
    struct charset_set *cs = charset_set_new();
    uint8_t *p = malloc(BYTES);
    for (size_t k = 0; k < sizeof piece / sizeof *piece; k++) {
        struct arena *a = arena_new((size_t)1 << 30);
        struct param_want want[] = {{SPAN_LIT("a"), true, SPAN_NONE}};
        uint64_t anomalies = 0;
        struct mail_date d;
        size_t len = strlen(piece[k]);
        for (size_t i = 0; i < BYTES; i++)
            p[i] = (uint8_t)piece[k][i % len];
        clock_t start = clock();
        words_decode(cs, a, span_of(p, BYTES), &anomalies);
        param_read(cs, a, span_of(p, BYTES), want, 1, &anomalies);
        date_read(span_of(p, BYTES), &d);
        double s = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (s > 5) /* a quadratic reader would need hours; a sanitizer's is slow */
            fail_msg("\"%s\" takes %.1f s", piece[k], s);
        arena_free(&a);
    }
    free(p);
    charset_set_free(&cs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_split_into_fields), cmocka_unit_test(names_have_ids),
        cmocka_unit_test(encoded_words), cmocka_unit_test(parameters),
        cmocka_unit_test(dates), cmocka_unit_test(long_headers_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
