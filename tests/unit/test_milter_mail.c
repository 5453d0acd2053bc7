/* A message that a mail server tells bit by bit, put together; what is forged in it; what is too big. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "serve/milter_mail.h"

static void a_message(void **state)
{
    (void)state;
    struct milter_mail m;
    struct milter_trace t = {.helo = SPAN_LIT("mail (x)\n"), .name = SPAN_LIT("mail.test"), .addr = SPAN_LIT("192.0.2.7"),
                             .by = SPAN_LIT("mx.test"), .software = SPAN_LIT("Postfix"), .queue_id = SPAN_LIT("ABC"),
                             .tls_version = SPAN_LIT("TLSv1.3"), .tls_cipher = SPAN_LIT("AES"), .auth_user = SPAN_LIT("ann"),
                             .time_ms = 1763719200000};
    assert_int_equal(milter_mail_init(&m), 0);
    for (int round = 0; round < 2; round++) {
        milter_mail_reset(&m, 10000);
        m.keeps_space = round;
        assert_int_equal(milter_mail_from(&m, "<a@b.test>"), 0);
        assert_int_equal(milter_mail_rcpt(&m, "<c@d.test>"), 0);
        assert_int_equal(milter_mail_rcpt(&m, "e@f.test"), 0);
        milter_mail_trace(&m, &t);
        assert_int_equal(milter_mail_field(&m, "From", round ? " a@b.test" : "a@b.test", ""), 0);
        assert_int_equal(milter_mail_field(&m, "Subject", round ? " one\n two\r\n three" : "one\n two\r\n three", ""), 0);
        milter_mail_end_head(&m);
        milter_mail_body(&m, SPAN_LIT("text\r\n"));
        milter_mail_body(&m, SPAN_LIT("more\r\n"));
        assert_span_equal(m.from, "a@b.test");
        assert_int_equal(m.n_rcpt, 2);
        assert_span_equal(m.rcpt[0], "c@d.test");
        assert_span_equal(m.rcpt[1], "e@f.test");
        assert_span_equal(buf_span(&m.raw),
                          "Received: from mail??x?? (mail.test [192.0.2.7])\r\n\t(using TLSv1.3 with cipher AES)\r\n"
                          "\tby mx.test (Postfix) with ESMTPSA id ABC;\r\n\tFri, 21 Nov 2025 10:00:00 +0000\r\n"
                          "From: a@b.test\r\nSubject: one\r\n two\r\n three\r\n\r\ntext\r\nmore\r\n");
        assert_int_equal(m.n_subjects, 1);
        assert_false(m.is_big);
    }
    milter_mail_deinit(&m);
}

static void what_is_heard_of_the_dialogue(void **state)
{
    (void)state;
    struct milter_mail m;
    char *long_ones[] = {(char *)"<a@b.test>", (char *)"SIZE=12", (char *)"BODY=8BITMIME", NULL}, *bare[] = {(char *)"a@b.test", NULL}, *none[] = {NULL};
    assert_int_equal(milter_mail_init(&m), 0);
    milter_mail_dialect(&m, "pc", SPAN_LIT("ESMTPS"), long_ones);
    assert_int_equal(m.dialect.greeting, 'E');
    assert_int_equal(m.dialect.address, 'a');
    assert_string_equal(m.dialect.args, ".SIZE.BODY=8BITMIME");
    milter_mail_dialect(&m, "pc", SPAN_NONE, bare); /* a server that does not send the macro */
    assert_int_equal(m.dialect.greeting, 0);
    assert_int_equal(m.dialect.address, 'b');
    assert_string_equal(m.dialect.args, "");
    milter_mail_dialect(&m, "pc", SPAN_LIT("SMTP"), none);
    assert_int_equal(m.dialect.greeting, 'H');
    milter_mail_dialect(&m, "", SPAN_NONE, bare);
    assert_int_equal(m.dialect.greeting, '-');
    milter_mail_deinit(&m);
}

static void forged_fields_are_counted(void **state)
{
    (void)state;
    struct milter_mail m;
    assert_int_equal(milter_mail_init(&m), 0);
    milter_mail_reset(&m, 1 << 20);
    for (int i = 0; i < 300; i++) {
        milter_mail_field(&m, i & 1 ? "X-Spam" : "x-spam", "No", "");
        milter_mail_field(&m, "X-Posse-Other", "y", "");
        milter_mail_field(&m, "X-Spammer", "y", "");
        milter_mail_field(&m, "Authentication-Results", i % 3 ? "other.test; spf=pass" : " MX.test; spf=pass", "mx.test");
    }
    assert_int_equal(m.n_forged, 2);
    assert_int_equal(m.forged[0].n, 300);
    assert_int_equal(m.forged[1].n, 300);
    assert_int_equal(m.n_forged_results, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(m.forged_results[i], 3 * i + 1);
    milter_mail_deinit(&m);
}

static void names_in_results(void **state)
{
    (void)state;
    static const struct { const char *value; bool is_ours; } t[] = {
        {"mx.test; spf=pass", true},        {" MX.TEST ; spf=pass", true},      {"(a (b) \\) c) mx.test 1; none", true},
        {"\"mx.test\"; dkim=pass", true},   {"mx.test", true},                  {"mx.test.evil; x", false},
        {"evil.mx.test; x", false},         {"", false},                        {"(mx.test", false},
        {"\r\n\tmx.test;\r\n\tspf=pass", true}, {"(((((", false},               {"\"mx.test", true},
        {"mx.test(c); spf=pass", true},     {"other; mx.test", false},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct span v = exact_str(t[i].value);
        if (milter_results_are(v, SPAN_LIT("mx.test")) != t[i].is_ours)
            fail_msg("\"%s\"", t[i].value);
        assert_false(milter_results_are(v, SPAN_NONE));
        exact_free(v);
    }
}

static void limits(void **state)
{
    (void)state;
    struct milter_mail m;
    char address[64];
    assert_int_equal(milter_mail_init(&m), 0);
    milter_mail_reset(&m, 1000);
    for (int i = 0; i < MILTER_RCPT_MAX; i++) {
        snprintf(address, sizeof address, "<user%d@example.test>", i);
        assert_int_equal(milter_mail_rcpt(&m, address), 0);
    }
    assert_int_equal(milter_mail_rcpt(&m, "<one@more.test>"), POSSE_ELIMIT);
    assert_span_equal(m.rcpt[9999], "user9999@example.test");
    uint8_t body[999] = {0};
    milter_mail_body(&m, span_of(body, 999));
    assert_false(m.is_big);
    milter_mail_body(&m, span_of(body, 2));
    assert_true(m.is_big);
    milter_mail_body(&m, span_of(body, 1)); /* what comes after is not kept either: no message with a hole */
    assert_int_equal(m.raw.n, 999);
    milter_mail_reset(&m, 1000);
    assert_false(m.is_big);
    assert_int_equal(m.n_rcpt, 0);
    milter_mail_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_message), cmocka_unit_test(what_is_heard_of_the_dialogue), cmocka_unit_test(forged_fields_are_counted),
                                       cmocka_unit_test(names_in_results), cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
