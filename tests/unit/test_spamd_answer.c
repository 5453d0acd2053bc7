/* A verdict as spamd's clients see it: the scale, the report that adds up, the marks on the header. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "serve/rspamd_proto.h"
#include "serve/spamd_answer.h"

static struct gate_answer spam_answer(void)
{
    struct gate_answer a = {.action = ACTION_TAG, .would = ACTION_TAG, .id = "abc", .subject_prefix = "[spam] "};
    a.verdict = (struct verdict){.klass = VERDICT_SPAM, .bits = 10.004, .threshold_bits = 6.68, .n_reasons = 3};
    a.verdict.reason[0] = (struct reason){.kind = REASON_WORDS, .bits = 9.004, .text = "words \"buy\x1bnow\" in the text"};
    a.verdict.reason[1] = (struct reason){.kind = REASON_WORDS_LEFT, .bits = 3.004, .text = "all other words"};
    a.verdict.reason[2] = (struct reason){.kind = REASON_REST, .bits = -2.004, .text = "everything else"};
    for (int i = 0; i < ACTIONS; i++)
        a.action_bits[i] = INFINITY;
    a.action_bits[ACTION_NONE] = -INFINITY;
    a.action_bits[ACTION_TAG] = 7;
    a.action_bits[ACTION_REJECT] = 12;
    return a;
}

static void answered(enum spamd_method m, const char *raw, const struct gate_answer *a, char *out, size_t size)
{
    struct spamd_request q = {.method = m, .version = 105};
    struct buf b;
    struct span in = exact_str(raw);
    buf_init(&b, 1 << 20);
    spamd_answer(&b, &q, in, a, 5);
    assert_int_equal(buf_error(&b), 0);
    assert_true(b.n < size);
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
    exact_free(in);
    buf_deinit(&b);
}

static void the_scale(void **state)
{
    (void)state;
    char out[4096];
    struct gate_answer a = spam_answer();
    answered(SPAMD_CHECK, "A: b\n\nc", &a, out, sizeof out);
    assert_non_null(strstr(out, "Spam: True ; 8.0 / 5.0\r\n"));
    a.action = ACTION_NONE; /* observed, or released */
    answered(SPAMD_CHECK, "A: b\n\nc", &a, out, sizeof out);
    assert_non_null(strstr(out, "Spam: False ; 8.0 / 5.0\r\n"));
    a.action_bits[ACTION_TAG] = a.action_bits[ACTION_REJECT] = INFINITY; /* a policy that never acts */
    answered(SPAMD_CHECK, "A: b\n\nc", &a, out, sizeof out);
    assert_non_null(strstr(out, "Spam: False ; 8.3 / 5.0\r\n"));
}

static void the_report_adds_up(void **state)
{
    (void)state;
    char out[4096];
    struct gate_answer a = spam_answer();
    answered(SPAMD_REPORT, "A: b\n\nc", &a, out, sizeof out);
    assert_non_null(strstr(out, "Posse takes this mail for spam: 8.0 points, 5.0 required; id abc\n"));
    assert_null(strchr(out, '\x1b'));
    double sum = 0, total = 0;
    for (char *line = strstr(out, "\r\n\r\n") + 4; line; line = strchr(line, '\n')) {
        double x;
        if (*line == '\n')
            line++;
        if (strncmp(line, " -------", 8) == 0) {
            assert_int_equal(sscanf(line + 9, "%lf points", &total), 1);
            break;
        }
        if (line[0] == ' ' && sscanf(line, "%lf", &x) == 1)
            sum += x;
    }
    assert_true(fabs(sum - total) < 1e-9 && fabs(total - 8.0) < 1e-9);
    answered(SPAMD_SYMBOLS, "A: b\n\nc", &a, out, sizeof out);
    assert_non_null(strstr(out, "\r\n\r\nPOSSE_WORDS_1,POSSE_OTHER_WORDS,POSSE_PRIOR"));
    struct rspamd_symbol same[REASONS_MAX]; /* one reason, one name, whoever asks */
    assert_int_equal(rspamd_symbols(&a.verdict, same), 3);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(out, same[i].name));
    a.action = ACTION_NONE;
    answered(SPAMD_REPORT_IFSPAM, "A: b\n\nc", &a, out, sizeof out);
    assert_non_null(strstr(out, "Content-length: 0\r\nSpam: No ; "));
}

#define MARKS(flag) "X-Spam-Checker-Version: Posse " POSSE_VERSION "\n" flag "X-Spam-Level: ********\n"
#define STATUS(yes) \
    "X-Spam-Status: " yes ", score=8.0 required=5.0 tests=POSSE_WORDS_1,POSSE_OTHER_WORDS,POSSE_PRIOR\n" \
    "\tautolearn=no autolearn_force=no version=Posse-" POSSE_VERSION "\n"
#define YES MARKS("X-Spam-Flag: YES\n") STATUS("Yes")

static const struct { enum action action; const char *in, *out; } marked[] = {
    {ACTION_TAG, "A: b\n\nc\n", YES "A: b\n\nc\n"},
    {ACTION_NONE, "A: b\n\nc\n", MARKS("") STATUS("No") "A: b\n\nc\n"},
    {ACTION_TAG, "X-Spam-Flag: NO\nA: b\nx-spam-status: No,\n\tscore=-9\n required=5\nC: d\n\nc\n", YES "A: b\nC: d\n\nc\n"},
    {ACTION_TAG, "From a@b Thu Jan  1 00:00:00 1970\nA: b\n\nX-Spam-Flag: NO\n", "From a@b Thu Jan  1 00:00:00 1970\n" YES "A: b\n\nX-Spam-Flag: NO\n"},
    {ACTION_TAG, "just text\n", YES "\njust text\n"},
    {ACTION_TAG, "\ntext\n", YES "\ntext\n"},
    {ACTION_TAG, "A: b", YES "A: b"},
    {ACTION_TAG, "", YES "\n"},
    {ACTION_REWRITE, "A: b\nSubject:  hi\n there\nSubject: two\n\nc", YES "A: b\nSubject: [spam] hi\n there\nSubject: [spam] two\n\nc"},
    {ACTION_REWRITE, "A: b\n\nc", YES "Subject: [spam]\nA: b\n\nc"},
};

static void marks(void **state)
{
    (void)state;
    char out[4096];
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        struct gate_answer a = spam_answer();
        a.action = marked[i].action;
        answered(SPAMD_PROCESS, marked[i].in, &a, out, sizeof out);
        const char *got = strstr(out, "\r\n\r\n") + 4;
        if (strcmp(got, marked[i].out) != 0)
            fail_msg("%zu: got \"%s\"", i, got);
        unsigned n = 0;
        assert_int_equal(sscanf(strstr(out, "Content-length: "), "Content-length: %u", &n), 1);
        assert_int_equal(n, strlen(marked[i].out));
    }
    struct gate_answer a = spam_answer();
    answered(SPAMD_PROCESS, "A: b\r\n\r\nc\r\n", &a, out, sizeof out);
    for (char *p = out; (p = strchr(p, '\n')); p++)
        assert_int_equal(p[-1], '\r');
    answered(SPAMD_HEADERS, "A: b\n\nc\n", &a, out, sizeof out);
    assert_string_equal(strstr(out, "\r\n\r\n") + 4, YES "A: b\n\n");
}

static void no_verdict(void **state)
{
    (void)state;
    struct spamd_request q = {.method = SPAMD_PROCESS, .version = 105};
    struct buf b;
    buf_init(&b, 4096);
    spamd_answer_none(&b, &q, SPAN_LIT("From x\nA: b\n\nc"), "why", 5);
    assert_span_equal(buf_span(&b), "SPAMD/1.1 0 EX_OK\r\nContent-length: 14\r\nSpam: False ; 0.0 / 5.0\r\n\r\nFrom x\nA: b\n\nc");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_scale), cmocka_unit_test(the_report_adds_up), cmocka_unit_test(marks),
                                       cmocka_unit_test(no_verdict)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
