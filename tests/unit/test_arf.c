/* Abuse reports: what they say, and the message in them. */
#include "unit.h"

#include "base/error.h"
#include "mail/arf.h"

#define HEAD "From: abuse@isp.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
#define NOTE "--b\nContent-Type: text/plain\n\nA report.\n"
#define SAYS(type) "--b\nContent-Type: message/feedback-report\n\nUser-Agent: X/1\nVersion: 1\nFeedback-Type: " type "\n\n"
#define ORIGINAL "--b\nContent-Type: message/rfc822\n\nFrom: ann@spam.test\nSubject: buy\n\npills\n"

static const struct { const char *in; enum arf_class klass; const char *type, *original; } cases[] = {
    {HEAD NOTE SAYS("abuse") ORIGINAL "--b--\n", ARF_SPAM, "abuse", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE SAYS("Not-Spam") ORIGINAL "--b--\n", ARF_HAM, "Not-Spam", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE SAYS("fraud ") ORIGINAL "--b--\n", ARF_SPAM, "fraud", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE SAYS("opt-out") ORIGINAL "--b--\n", ARF_OTHER, "opt-out", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE SAYS("abuse") "--b\nContent-Type: text/rfc822-headers\n\nFrom: x\n--b--\n", ARF_SPAM, "abuse", ""},
    {HEAD ORIGINAL SAYS("abuse") "--b--\n", ARF_SPAM, "abuse", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE "--b\nContent-Type: message/feedback-report\nContent-Transfer-Encoding: base64\n\nRmVlZGJhY2stVHlwZTogYWJ1c2UK\n" ORIGINAL "--b--\n",
     ARF_SPAM, "abuse", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE "--b\nContent-Type: message/feedback-report\n\nVersion: 1\n" ORIGINAL "--b--\n", ARF_OTHER, "", "From: ann@spam.test\nSubject: buy\n\npills"},
    {HEAD NOTE SAYS("abuse") "--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nRnJvbTogeA==\n--b--\n", ARF_SPAM, "abuse", ""},
    {"From: ann@spam.test\nSubject: no report\n\nFeedback-Type: abuse\n", ARF_NONE, "", ""},
    {"", ARF_NONE, "", ""},
    /* a report that is reported: the outer one speaks */
    {HEAD SAYS("abuse") "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/report; boundary=c\n\n--c\n"
     "Content-Type: message/feedback-report\n\nFeedback-Type: not-spam\n--c\nContent-Type: message/rfc822\n\nFrom: x\n\ny\n--c--\n--b--\n",
     ARF_SPAM, "abuse", "Content-Type: multipart/report; boundary=c\n\n--c\n"
     "Content-Type: message/feedback-report\n\nFeedback-Type: not-spam\n--c\nContent-Type: message/rfc822\n\nFrom: x\n\ny\n--c--"},
};

static void reports_are_read(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 24);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        struct message *m;
        struct arf r;
        arena_reset(a);
        assert_int_equal(message_parse(p, a, in, &m), POSSE_OK);
        arf_read(a, m, &r);
        if (r.klass != cases[i].klass)
            fail_msg("case %zu: class %d", i, r.klass);
        assert_span_equal(r.type, cases[i].type);
        assert_span_equal(r.original, cases[i].original);
        exact_free(in);
    }
    arena_free(&a);
    mail_parser_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reports_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
