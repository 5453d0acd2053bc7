/* Nobody to whom it was sent is in the copy, however the message names him; and nothing else is another than it was. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "case/redact.h"

static void run(const char *media, const char *in, const char *also, struct buf *out, struct redacted *what, int want)
{
    struct redact_options o = {.n_also = 0};
    struct report why = {0};
    struct span raw = exact_str(in);
    if (also)
        o.also[o.n_also++] = span_str(also);
    buf_init(out, 1 << 22);
    int err = redact_bytes(span_str(media), raw, &o, out, what, &why);
    if (err != want)
        fail_msg("%d: %s", err, why.text);
    buf_add_byte(out, 0);
    out->n--;
    exact_free(raw);
}

static const char start[] = "Received: from a.example (a.example [192.0.2.7])\n\tby mx.trap.example with ESMTP id 7 for <Wilma.Rubble@Quarry.example>;\n"
                            "\tWed, 16 Mar 2011 14:45:00 +0000\n"
                            "Delivered-To: wilma.rubble@quarry.example\n"
                            "From: \"Shop\" <offer@shop.example>\n"
                            "To: =?utf-8?B?V2lsbWEgUnViYmxl?= <wilma.rubble@quarry.example>,\n other.person@town.example\n";

/* Whatever the rest says, in whatever way. */
static void test_named(void **state)
{
    (void)state;
    static const char *const rest[] = {
        "Subject: wilma.rubble, buy\n\nDear Wilma Rubble, http://shop.example/u?m=WILMA.rubble%40quarry.example&x=1\n",
        "Subject: =?utf-8?Q?for_wilma=2Erubble?=\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<p>Dear Wil=\nma Rubble=\n, "
        "wilma=2Erubble=40quarry.example</p>\n",
        "Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nRGVhciBXaWxtYSBSdWJibGUsIHdpbG1hLnJ1YmJsZUBxdWFycnkuZXhhbXBsZQo=\n",
        "Subject: x\n\nhttp://shop.example/?77696c6d612e727562626c65407175617272792e6578616d706c65&d2lsbWEucnViYmxlQHF1YXJyeS5leGFtcGxl\n",
    };
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        char in[4096];
        struct buf out;
        struct redacted what;
        snprintf(in, sizeof in, "%s%s", start, rest[i]);
        run("message/rfc822", in, NULL, &out, &what, 0);
        struct span s = buf_span(&out);
        static const char *const gone[] = {"wilma", "rubble", "quarry", "other.person", "town.example", "V2lsbWEg", "77696c6d61", "d2lsbWEucnV", "RGVhciBXaWxtYS"};
        for (size_t k = 0; k < sizeof gone / sizeof *gone; k++)
            if (span_ifind(s, span_str(gone[k])) >= 0)
                fail_msg("%zu: %s is left in\n%s", i, gone[k], (const char *)out.p);
        assert_true(span_find(s, SPAN_LIT("From: \"Shop\" <offer@shop.example>\n")) > 0);
        assert_true(span_find(s, SPAN_LIT("Received: from a.example (a.example [192.0.2.7])\n\tby mx.trap.example")) == 0);
        assert_true(span_find(s, SPAN_LIT("To: recipient-1@redacted.invalid,\n recipient-2@redacted.invalid\n")) > 0);
        assert_int_equal(what.mailboxes, 2);
        buf_deinit(&out);
    }
}

static void test_untouched(void **state)
{
    (void)state;
    static const char in[] = "From: a@b.example\nTo: info@c.example\nSubject: info\n\ninformation for info, more info: a@b.example \xff\n";
    struct buf out;
    struct redacted what;
    run("message/rfc822", in, NULL, &out, &what, 0);
    assert_span_equal(buf_span(&out), "From: a@b.example\nTo: recipient-1@redacted.invalid\nSubject: info\n\ninformation for info, more info: "
                                      "a@b.example \xff\n");
    assert_int_equal(what.places, 1);
    buf_deinit(&out);
    run("message/rfc822", "Subject: x\n\nThe trap at host7 saw this\n", "host7", &out, &what, 0);
    assert_span_equal(buf_span(&out), "Subject: x\n\nThe trap at [redacted] saw this\n");
    buf_deinit(&out);
    run("message/rfc822", "", NULL, &out, &what, 0);
    assert_int_equal(out.n, 0);
    buf_deinit(&out);
}

/* A sender who is called as a recipient is: the word goes, and it is said where. */
static void test_senders_namesake(void **state)
{
    (void)state;
    struct buf out;
    struct redacted what;
    run("message/rfc822", "From: \"John Seller\" <offer@shop.example>\nReply-To: john <j@shop.example>\nTo: John Smith <john@c.example>\n\nDear John\n", NULL,
        &out, &what, 0);
    assert_span_equal(buf_span(&out), "From: \"recipient-1 Seller\" <offer@shop.example>\nReply-To: recipient-1 <j@shop.example>\n"
                                      "To: recipient-1@redacted.invalid\n\nDear recipient-1\n");
    assert_int_equal(what.of_sender, 2);
    assert_non_null(strstr(what.text, "in 2 of them in the sender's own From, Sender or Reply-To"));
    buf_deinit(&out);
    run("message/rfc822", "From: Shop <offer@shop.example>\nTo: John Smith <john@c.example>\n\nDear John\n", NULL, &out, &what, 0);
    assert_int_equal(what.of_sender, 0);
    assert_non_null(strstr(what.text, "senders, machines and hosts stand as they were"));
    buf_deinit(&out);
}

/* Thousands of recipients whose names begin alike, and a text that begins so at each of its bytes: an end is put to it. */
static void test_costly(void **state)
{
    (void)state;
    struct buf in, out;
    struct redacted what;
    struct report why = {0};
    buf_init(&in, 32 << 20);
    buf_init(&out, 256 << 20);
    for (int i = 0; i < 4000; i++)
        buf_add_fmt(&in, "%s aaaaaaaaaa%d@a.example%s", i % 200 ? "" : "To:", i, i % 200 == 199 ? "\n" : ",");
    buf_add_str(&in, "\n");
    for (int i = 0; i < 1 << 20; i++)
        buf_add_byte(&in, 'a');
    assert_int_equal(redact_bytes(SPAN_LIT("message/rfc822"), buf_span(&in), NULL, &out, &what, &why), POSSE_ELIMIT);
    assert_non_null(strstr(why.text, "by hand"));
    buf_deinit(&in);
    buf_deinit(&out);
}

static void test_text(void **state)
{
    (void)state;
    struct buf out;
    struct redacted what;
    run("application/json", "{\"to\":\"jo@a.example\",\"x\":\"joker jo@a.example. me+you@b.example @ @x y@\"}", NULL, &out, &what, 0);
    assert_span_equal(buf_span(&out), "{\"to\":\"recipient-1@redacted.invalid\",\"x\":\"joker recipient-1@redacted.invalid. "
                                      "recipient-2@redacted.invalid @ @x y@\"}");
    assert_int_equal(what.mailboxes, 2);
    buf_deinit(&out);
}

static void test_refused(void **state)
{
    (void)state;
    struct buf out;
    struct redacted what;
    run("image/png", "x", NULL, &out, &what, POSSE_EINVAL);
    buf_deinit(&out);
    run("message/rfc822", "To: a@b.example\nContent-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\nAGEAYg==\n", NULL, &out, &what,
        POSSE_ELIMIT);
    buf_deinit(&out);
    struct buf deep;
    buf_init(&deep, 1 << 20);
    buf_add_str(&deep, "To: a@b.example\n");
    for (int i = 0; i < 60; i++)
        buf_add_fmt(&deep, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    buf_add_str(&deep, "\nx\n");
    buf_add_byte(&deep, 0);
    run("message/rfc822", (const char *)deep.p, NULL, &out, &what, POSSE_ELIMIT);
    buf_deinit(&out);
    buf_deinit(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_named), cmocka_unit_test(test_untouched), cmocka_unit_test(test_senders_namesake),
                                       cmocka_unit_test(test_costly), cmocka_unit_test(test_text),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
