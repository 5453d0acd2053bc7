/* What is kept of long texts: sizes, order, whole characters, and that padding pushes nothing out of sight. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "base/utf8.h"
#include "mail/message.h"
#include "mail/sample.h"

static void a_sample_fits_and_keeps_order(void **state)
{
    (void)state;
    static uint8_t in[200000], out[200000];
    for (size_t i = 0; i < sizeof in / 8; i++) {
        char line[16];
        snprintf(line, sizeof line, "%07zu\n", i);
        memcpy(in + 8 * i, line, 8);
    }
    for (size_t room = 0; room < sizeof in; room = room * 5 / 4 + 1)
        for (int kind = SAMPLE_TEXT; kind <= SAMPLE_WIDE; kind++) {
            size_t n = sample_text(span_of(in, sizeof in), room, (enum sample_kind)kind, out);
            assert_true(n <= room && (room < 64 || n >= room / 2));
            uint8_t *same = malloc(sizeof in);
            memcpy(same, in, sizeof in);
            assert_int_equal(sample_text(span_of(same, sizeof in), room, (enum sample_kind)kind, same), n);
            assert_memory_equal(same, out, n);
            free(same);
        }
    /* Whole lines, each after the one before it, from the first to the last. */
    size_t n = sample_text(span_of(in, sizeof in), 65536, SAMPLE_TEXT, out);
    unsigned long last = 0, lines = 0;
    for (size_t i = 0; i + 8 <= n; i++) {
        if (!ascii_is_digit(out[i]) || (i && out[i - 1] != '\n') || span_chr(span_of(out + i, 8), '\n') != 7)
            continue;
        unsigned long now = strtoul((const char *)out + i, NULL, 10);
        assert_true(!lines++ || now > last);
        last = now;
    }
    assert_true(lines > 8000);
    assert_int_equal(last, sizeof in / 8 - 1);
    assert_int_equal(sample_text(span_of(in, 100), 100, SAMPLE_TEXT, out), 100);
}

static void no_character_is_cut(void **state)
{
    (void)state;
    static uint8_t in[99999], out[99999];
    for (size_t i = 0; i < sizeof in; i += 3)
        memcpy(in + i, "\xe2\x82\xac", 3);
    for (size_t room = 10; room < 20000; room = room * 3 / 2) {
        size_t n = sample_text(span_of(in, sizeof in), room, SAMPLE_TEXT, out);
        assert_int_equal(utf8_valid_prefix(span_of(out, n)), n);
    }
    size_t n = sample_text(span_of(in, 99996), 8192, SAMPLE_WIDE, out);
    assert_int_equal(n % 4, 0);
}

static void short_texts_are_kept_whole(void **state)
{
    (void)state;
    const size_t size[] = {10, 1000000, 20, 500};
    assert_int_equal(sample_level(size, 4, 2000000), SIZE_MAX);
    size_t level = sample_level(size, 4, 1000);
    assert_int_equal(level, 485); /* 10 + 485 + 20 + 485 */
    assert_int_equal(sample_level(size, 0, 0), SIZE_MAX);
    const size_t huge[] = {SIZE_MAX, SIZE_MAX, 5};
    assert_int_equal(sample_level(huge, 3, 105), 50);
}

/* `head`, then `pad` lines of padding, the payload, `after` lines of padding, `tail`. */
static struct span padded(const char *head, const char *line, size_t pad, size_t after, const char *tail)
{
    size_t each = strlen(line), n = strlen(head);
    uint8_t *p = malloc(n + each * (pad + after) + 64 + strlen(tail));
    memcpy(p, head, n);
    for (size_t i = 0; i < pad; i++, n += each)
        memcpy(p + n, line, each);
    memcpy(p + n, "\nhttp://payload.example.org/x here\n", 35);
    n += 35;
    for (size_t i = 0; i < after; i++, n += each)
        memcpy(p + n, line, each);
    memcpy(p + n, tail, strlen(tail));
    struct span s = exact(p, n + strlen(tail));
    free(p);
    return s;
}

static void padding_hides_nothing(void **state)
{
    (void)state;
    static const struct { const char *head, *line, *tail; size_t pad, after; } cases[] = {
        {"From: a\n\n", "words of no weight, many of them\n", "", 60000, 0},
        {"From: a\n\n", "words of no weight, many of them\n", "", 60000, 1000},
        {"From: a\n\n", "words of no weight, many of them\n", "", 1000, 60000},
        {"Content-Type: text/html\n\n", "<p>words of no weight, many of them\n", "", 60000, 0},
        {"Content-Type: text/html\n\n", "<!-- nothing that is ever shown -->\n", "", 90000, 0},
        {"Content-Type: text/html\n\n", "words of no weight, many of them\n", "", 10000, 0},
        {"Content-Transfer-Encoding: quoted-printable\n\n", "words of no weight, many of =\nthem\n", "", 60000, 0},
        {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\n\n", "words of no weight, many of them\n", "\n--b--\n",
         9000, 0},
    };
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(96 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = padded(cases[i].head, cases[i].line, cases[i].pad, cases[i].after, cases[i].tail);
        struct message *m;
        arena_reset(a);
        assert_int_equal(message_parse(p, a, in, &m), POSSE_OK);
        bool found = false;
        size_t kept = 0;
        for (size_t k = 0; k < m->n_text; k++) {
            found |= span_find(m->text[k].visible, SPAN_LIT("payload.example.org")) >= 0;
            kept += m->text[k].visible.n;
        }
        if (!found || !m->n_urls)
            fail_msg("case %zu: the payload is out of sight", i);
        assert_true(kept <= mail_limits_default.max_text_bytes);
        exact_free(in);
    }
    mail_parser_free(&p);
    arena_free(&a);
}

/* A long first part leaves room for the second, however long that is. */
static void a_part_does_not_starve_another(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(96 << 20);
    struct span in = padded("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n", "words of no weight, many of them\n",
                            60000, 0,
                            "\n--b\nContent-Type: text/html\n\n<a href=\"http://other.example.net/\">last</a>\n--b--\n");
    struct message *m;
    assert_int_equal(message_parse(p, a, in, &m), POSSE_OK);
    assert_int_equal(m->n_text, 2);
    assert_span_equal(m->text[1].visible, "last");
    assert_true(m->anomalies & ANOMALY_BIT(ANOMALY_TEXT_TRUNCATED));
    mail_parser_free(&p);
    arena_free(&a);
    exact_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_fits_and_keeps_order), cmocka_unit_test(no_character_is_cut),
        cmocka_unit_test(short_texts_are_kept_whole), cmocka_unit_test(padding_hides_nothing),
        cmocka_unit_test(a_part_does_not_starve_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
