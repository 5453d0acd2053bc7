/* A whole message: fields, texts, links, oddities, limits, an arena that fails at every allocation. */
#include "unit.h"

#include "base/error.h"
#include "mail/message.h"
#include "mail/url.h"

static const struct { const char *in; enum mail_anomaly bit; } oddities[] = {
    {"", ANOMALY_EMPTY},
    {"\nbody", ANOMALY_NO_HEADER},
    {"A: b\n\n", ANOMALY_NO_FROM},
    {"From: a\nFrom: b\n\n", ANOMALY_FIELD_REPEATED},
    {"Date: yesterday\n\n", ANOMALY_DATE_BAD},
    {"From: a\rSubject: b\r\rbody\r", ANOMALY_HEADER_BARE_CR},
    {"From: a\r\nTo: b\n\n", ANOMALY_MIXED_EOL},
    {"From: a\n\n<html><body>x</body></html>", ANOMALY_HTML_IN_PLAIN},
    {"Content-Type: text/plain\n\na\n\xe4", ANOMALY_BODY_8BIT_7BIT},
    {"Content-Type: text/plain; charset=nobody\n\na", ANOMALY_BAD_CHARSET},
    {"Content-Transfer-Encoding: wrong\n\na", ANOMALY_UNKNOWN_CTE},
    {"Content-Type: text/plain; charset=utf-8\n\npay\xe2\x80\x8bpal", ANOMALY_ZERO_WIDTH},
    {"From: a\n\nbegin 644 x.exe\n#86)C\n`\nend\n", ANOMALY_UUENCODED},
    {"From: a\n\nbegin 644 x.exe\n#86)C\n`\nend\n", ANOMALY_EXECUTABLE},
    {"Content-Type: application/pdf; name=a.pdf.exe\n\nx", ANOMALY_DOUBLE_EXTENSION},
    {"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nUEsDBAAA", ANOMALY_TYPE_MISMATCH},
    {"Content-Disposition: attachment; filename*=utf-8''a%E2%80%AEfdp.exe\n\nx", ANOMALY_BIDI_FILENAME},
    {"Content-Type: text/html\n\n<a href=\"http://evil.com/\">http://bank.org/</a>", ANOMALY_LINK_MISMATCH},
};

static struct message *parse(struct mail_parser *p, struct arena *a, struct span in)
{
    struct message *m;
    arena_reset(a);
    assert_int_equal(message_parse(p, a, in, &m), POSSE_OK);
    return m;
}

static void oddities_have_their_bit(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    for (size_t i = 0; i < sizeof oddities / sizeof *oddities; i++) {
        struct span in = exact_str(oddities[i].in);
        struct message *m = parse(p, a, in);
        if (!(m->anomalies & ANOMALY_BIT(oddities[i].bit)))
            fail_msg("case %zu lacks %s", i, anomaly_name(oddities[i].bit));
        exact_free(in);
    }
    struct span nul = exact("A: b\n\nx\0y", 9);
    assert_true(parse(p, a, nul)->anomalies & ANOMALY_BIT(ANOMALY_BODY_NUL));
    exact_free(nul);
    mail_parser_free(&p);
    mail_parser_free(&p);
    arena_free(&a);
}

#define HEAD "From a@b.example Mon Jan 1 2024\nFrom: =?utf-8?q?R=C3=A9?= <r@a.example>\nTo: x@y.example\nSubject: =?iso-8859-1?q?caf=E9?=\n" \
             "Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@a.example>\nMIME-Version: 1.0\n"

static const char good[] = HEAD
    "Content-Type: multipart/mixed; boundary=b\n\n"
    "--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n"
    "caf=E9 http://www.kernel.org/x\n"
    "--b\nContent-Type: text/html\n\n<p>see <a href=\"https://www.debian.org/\">this</a></p>\n"
    "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=secret.txt\n\nnot read\n"
    "--b\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--b--\n";

static void a_good_message(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    struct span in = exact(good, sizeof good - 1);
    struct message *m = parse(p, a, in);
    uint64_t anomalies = 0;
    assert_int_equal(m->anomalies, 0);
    assert_span_equal(m->mbox_from, "From a@b.example Mon Jan 1 2024\n");
    assert_span_equal(m->subject, "café");
    assert_span_equal(message_value(p, a, m, FIELD_FROM), "Ré <r@a.example>");
    assert_null(message_field(m, FIELD_CC));
    assert_int_equal(m->n_parts, 5);
    assert_int_equal(m->n_text, 2);
    assert_span_equal(m->text[0].visible, "café http://www.kernel.org/x");
    assert_true(m->text[1].is_html);
    assert_true(span_find(m->text[1].visible, SPAN_LIT("see this")) >= 0);
    assert_int_equal(m->n_urls, 2);
    assert_span_equal(m->url[0].domain, "kernel.org");
    assert_span_equal(m->url[1].domain, "debian.org");
    assert_span_equal(m->url[1].shown, "this");
    assert_true(m->part[3].is_attachment);
    assert_span_equal(m->part[3].filename, "secret.txt");
    assert_int_equal(m->part[4].magic, MAGIC_PNG);
    assert_int_equal(part_content(a, &m->part[4], &anomalies).n, 8);
    mail_parser_free(&p);
    arena_free(&a);
    exact_free(in);
}

/* Where a <base> names a host, what the page calls "www.bank.example" is there and nowhere else. */
static void links_are_relative_to_the_base(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    struct span in = exact_str("Content-Type: text/html\n\n<base href=\" http://evil.com/x/ \"><a href=login.php>in</a>"
                               "<a href=www.kernel.org>k</a><a href=http://debian.org/>d</a><img src=a.png>");
    struct message *m = parse(p, a, in);
    assert_int_equal(m->n_urls, 4);
    assert_span_equal(m->url[0].domain, "evil.com");
    assert_span_equal(m->url[0].path, "/x/login.php");
    assert_span_equal(m->url[0].raw, "login.php");
    assert_span_equal(m->url[1].domain, "evil.com");
    assert_span_equal(m->url[2].domain, "debian.org");
    assert_span_equal(m->url[3].domain, "evil.com");
    assert_int_equal(m->html.n_remote_images, 1);
    mail_parser_free(&p);
    arena_free(&a);
    exact_free(in);
}

static void limits_hold(void **state)
{
    (void)state;
    struct mail_limits lim = {.max_bytes = 4000, .max_header_bytes = 100, .max_fields = 8, .max_parts = 2,
                              .max_depth = 4, .max_text_bytes = 10, .max_urls = 1};
    struct mail_parser *p = mail_parser_new(&lim);
    struct arena *a = arena_new(64 << 20);
    struct span in = exact(good, sizeof good - 1);
    struct message *m = parse(p, a, in);
    assert_int_equal(m->n_parts, 2);
    assert_true(m->n_fields <= 8);
    assert_true(m->part[0].is_multipart);
    assert_true(m->n_text == 1 && m->text[0].visible.n <= 10);
    assert_true(m->anomalies & ANOMALY_BIT(ANOMALY_HEADER_TRUNCATED));
    mail_parser_free(&p);
    arena_free(&a);
    exact_free(in);
}

static void every_failing_allocation_is_an_error(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    struct span in = exact(good, sizeof good - 1);
    struct message *m = NULL;
    int failures = 0;
    for (size_t n = 1; n < 500 && !m; n++) {
        arena_reset(a);
        arena_fail_at(a, n);
        int err = message_parse(p, a, in, &m);
        assert_true(err == POSSE_OK ? m != NULL : m == NULL && (err == POSSE_ELIMIT || err == POSSE_ENOMEM));
        failures += err != POSSE_OK;
    }
    assert_non_null(m);
    assert_true(failures > 5);
    arena_fail_at(a, 0);
    mail_parser_free(&p);
    arena_free(&a);
    exact_free(in);
}

static void every_prefix_parses(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(64 << 20);
    for (size_t n = 0; n < sizeof good; n++) {
        struct span in = exact(good, n);
        parse(p, a, in);
        exact_free(in);
    }
    mail_parser_free(&p);
    arena_free(&a);
}

static void anomaly_names_are_unique(void **state)
{
    (void)state;
    for (int i = 0; i < ANOMALY_N; i++) {
        assert_int_equal(anomaly_from_name(anomaly_name((enum mail_anomaly)i)), i);
        assert_true(strlen(anomaly_text((enum mail_anomaly)i)) > 3);
    }
    assert_int_equal(anomaly_from_name("nothing"), -1);
    for (int i = 0; i < MAGIC_N; i++)
        assert_non_null(part_magic_name((enum part_magic)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oddities_have_their_bit), cmocka_unit_test(a_good_message),
        cmocka_unit_test(links_are_relative_to_the_base), cmocka_unit_test(limits_hold), cmocka_unit_test(every_failing_allocation_is_an_error),
        cmocka_unit_test(every_prefix_parses), cmocka_unit_test(anomaly_names_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
