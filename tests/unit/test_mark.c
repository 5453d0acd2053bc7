/* What is put into a header, what is taken out, and that nothing else moves. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "serve/mark.h"

static struct mark of(enum action action, enum verdict_class klass, enum policy_who who)
{
    struct gate_answer a = {.action = action, .id = "0abc", .subject_prefix = "[spam] "};
    a.verdict.klass = klass;
    a.verdict.bits = 20;
    a.verdict.threshold_bits = 8;
    struct mark m;
    mark_of(&a, gate_level(&a), who, &m);
    if (m.prefix)
        m.prefix = "[spam] ";
    return m;
}

static void assert_marked(const struct mark *m, const char *raw, size_t n_raw, const char *expected, size_t n)
{
    struct span in = exact(raw, n_raw), rest;
    struct buf b;
    buf_init(&b, 1 << 22);
    mark_message(in, m, &b, &rest);
    buf_add_span(&b, rest);
    assert_int_equal(buf_error(&b), POSSE_OK);
    if (b.n != n || memcmp(b.p, expected, n) != 0)
        fail_msg("got \"%.*s\", expected \"%s\"", (int)b.n, (const char *)b.p, expected);
    assert_true(b.n <= n_raw + MARK_GROWTH_MAX);
    buf_deinit(&b);
    exact_free(in);
}

#define YES "X-Spam: Yes\nX-Posse: class=spam; level=7 (*******); id=0abc\n"
#define NO "X-Spam: No\nX-Posse: class=ham; level=0; id=0abc\n"
#define MARKED(m, raw, expected) assert_marked(m, raw, sizeof raw - 1, expected, sizeof expected - 1)

static void fields_are_put_first(void **state)
{
    (void)state;
    struct mark yes = of(ACTION_TAG, VERDICT_SPAM, POLICY_REMOTE), no = of(ACTION_NONE, VERDICT_HAM, POLICY_REMOTE);
    MARKED(&yes, "From: a@b.example\n\nbody\n", YES "From: a@b.example\n\nbody\n");
    MARKED(&no, "From: a@b.example\n\nbody\n", NO "From: a@b.example\n\nbody\n");
    MARKED(&no, "From: a@b.example\r\n\r\nbody\r\n",
           "X-Spam: No\r\nX-Posse: class=ham; level=0; id=0abc\r\nFrom: a@b.example\r\n\r\nbody\r\n");
    MARKED(&no, "From a@b.example Thu Jan  1 00:00:00 2026\nTo: c\n\nx", "From a@b.example Thu Jan  1 00:00:00 2026\n" NO "To: c\n\nx");
    struct mark leaves = of(ACTION_NONE, VERDICT_SPAM, POLICY_AUTHENTICATED);
    MARKED(&leaves, "X-Spam: Yes\nTo: c\n\nx", "To: c\n\nx");
    struct mark stopped = of(ACTION_TAG, VERDICT_SPAM, POLICY_LOCAL);
    MARKED(&stopped, "To: c\n\nx", YES "To: c\n\nx");
}

static void odd_messages_lose_nothing(void **state)
{
    (void)state;
    struct mark no = of(ACTION_NONE, VERDICT_HAM, POLICY_REMOTE);
    MARKED(&no, "", NO);
    MARKED(&no, "\n", NO "\n");
    MARKED(&no, "\nbody", NO "\nbody");
    MARKED(&no, "\r\nbody", "X-Spam: No\r\nX-Posse: class=ham; level=0; id=0abc\r\n\r\nbody");
    MARKED(&no, "just a text\nof two lines", NO "\njust a text\nof two lines");
    MARKED(&no, "x", NO "\nx");
    MARKED(&no, "Subject: no end", NO "Subject: no end");
    MARKED(&no, "Subject: no body\n", NO "Subject: no body\n");
    MARKED(&no, "A: \0\0\nB: \xff\xfe\n\n\0\1\2\n.\n..\n", NO "A: \0\0\nB: \xff\xfe\n\n\0\1\2\n.\n..\n");
    MARKED(&no, "garbage first\nTo: c\n more\nrubbish\nCc: d\n\nx", NO "garbage first\nTo: c\n more\nrubbish\nCc: d\n\nx");
    MARKED(&no, " folded first\nTo: c\n\nx", NO " folded first\nTo: c\n\nx");
    MARKED(&no, "A: b\r\nC: d\n\r\nx\n\n", "X-Spam: No\r\nX-Posse: class=ham; level=0; id=0abc\r\nA: b\r\nC: d\n\r\nx\n\n");
    MARKED(&no, "From a@b", "From a@b\n" NO);
    MARKED(&no, "A: b\rC: d\r\rx", NO "A: b\rC: d\r\rx");
    MARKED(&no, "\n\nX-Spam: Yes\n", NO "\n\nX-Spam: Yes\n");
}

static void forged_fields_are_taken_out(void **state)
{
    (void)state;
    struct mark no = of(ACTION_NONE, VERDICT_HAM, POLICY_REMOTE);
    MARKED(&no, "X-Spam: No\nTo: c\nx-SPAM : No\nX-Posse: class=ham\n folded\n\ttwice\nX-Posse-Level: 0\nX-Spam-Status: No\n"
                "X-Spammer: n\nX-Posses: n\nCc: d\n\nX-Spam: No\n",
           NO "To: c\nX-Spam-Status: No\nX-Spammer: n\nX-Posses: n\nCc: d\n\nX-Spam: No\n");
    MARKED(&no, "To: c\nrubbish\nX-Spam: No\n\nx", NO "To: c\nrubbish\n\nx");
    MARKED(&no, "X-Spam: No", NO);
    MARKED(&no, "X-Spam: No\n\n", NO "\n");
    MARKED(&no, "From x\nX-Spam: No\r\n\r\nx", "From x\n" NO "\r\nx");
}

static void subjects_are_rewritten(void **state)
{
    (void)state;
    struct mark m = of(ACTION_REWRITE, VERDICT_SPAM, POLICY_REMOTE);
    assert_string_equal(m.prefix, "[spam] ");
    MARKED(&m, "Subject: hello\n\nx", YES "Subject: [spam] hello\n\nx");
    MARKED(&m, "SUBJECT:hello\nTo: c\nSubject: again\n\nx", YES "SUBJECT: [spam] hello\nTo: c\nSubject: [spam] again\n\nx");
    MARKED(&m, "Subject: a\n  folded\n\tone\n\nx", YES "Subject: [spam] a\n  folded\n\tone\n\nx");
    MARKED(&m, "Subject:\n =?utf-8?q?sch=C3=B6n?=\n\nx", YES "Subject: [spam] =?utf-8?q?sch=C3=B6n?=\n\nx");
    MARKED(&m, "Subject: [spam] hello\n\nx", YES "Subject: [spam] hello\n\nx");
    MARKED(&m, "Subject: [SPAM] hello\n\nx", YES "Subject: [SPAM] hello\n\nx");
    MARKED(&m, "Subject:\n\nx", YES "Subject: [spam]\n\nx");
    MARKED(&m, "To: c\n\nx", YES "Subject: [spam]\nTo: c\n\nx");
    MARKED(&m, "text\n", YES "Subject: [spam]\n\ntext\n");
    MARKED(&m, "", YES "Subject: [spam]\n");
    MARKED(&m, "Subject: hello", YES "Subject: [spam] hello");
    MARKED(&m, "To: c\r\nSubject: h\r\n\r\nx", "X-Spam: Yes\r\nX-Posse: class=spam; level=7 (*******); id=0abc\r\n"
           "To: c\r\nSubject: [spam] h\r\n\r\nx");
    m.prefix = "";
    MARKED(&m, "Subject: hello\n\nx", YES "Subject: hello\n\nx");
}

static void assert_subject(const char *old, const char *prefix, const char *expected)
{
    struct buf b;
    struct span in = exact_str(old);
    buf_init(&b, 100000);
    bool changed = mark_subject(in, prefix, "\r\n", &b);
    if (!expected)
        assert_false(changed);
    else
        assert_span_equal(buf_span(&b), expected);
    assert_int_equal(changed, expected != NULL);
    buf_deinit(&b);
    exact_free(in);
}

static void prefixes_are_encoded(void **state)
{
    (void)state;
    assert_subject(" hello", "*** ", "*** hello");
    assert_subject(" hello", "Werbung? ", "Werbung? hello");
    assert_subject(" hello", "[\xc3\xbc] ", "=?UTF-8?B?W8O8XQ==?= hello");
    assert_subject("", "[\xc3\xbc] ", "=?UTF-8?B?W8O8XQ==?=");
    assert_subject(" =?UTF-8?B?W8O8XQ==?= hello", "[\xc3\xbc] ", NULL);
    assert_subject("hello", "a\r\nBcc: x ", "a  Bcc: x hello");
    assert_subject("hello", "  ", NULL);
    char long_prefix[1001], umlauts[601], old[1001];
    memset(long_prefix, 'x', 1000);
    long_prefix[1000] = '\0';
    for (int i = 0; i < 300; i++)
        memcpy(umlauts + 2 * i, "\xc3\xa4", 2);
    umlauts[600] = '\0';
    memset(old, 'o', 1000);
    old[1000] = '\0';
    struct buf b;
    buf_init(&b, 100000);
    assert_true(mark_subject(span_str("hello"), long_prefix, "\n", &b));
    assert_int_equal(b.n, MARK_PREFIX_MAX + 5);
    buf_clear(&b);
    assert_true(mark_subject(span_str("hello"), umlauts, "\n", &b)); /* whole characters, words of at most 75 bytes */
    size_t word = 0;
    for (size_t i = 0; i < b.n; i++) {
        word = b.p[i] == ' ' ? 0 : word + 1;
        assert_in_range(word, 0, 75);
    }
    assert_int_equal(span_find(buf_span(&b), SPAN_LIT("?= hello")) > 0, 1);
    buf_clear(&b);
    assert_true(mark_subject(span_str(old), "[spam] ", "\r\n", &b)); /* no line grows over what RFC 5322 allows by our doing */
    assert_true(span_find(buf_span(&b), SPAN_LIT("[spam] \r\n oooo")) == 0);
    buf_deinit(&b);
}

static void big_messages_keep_their_size(void **state)
{
    (void)state;
    struct mark no = of(ACTION_NONE, VERDICT_HAM, POLICY_REMOTE);
    size_t n = 1 << 20, m = n + sizeof NO - 1;
    char *raw = malloc(n), *expected = malloc(m);
    memset(raw, 'x', n); /* one line, no header, no end */
    memcpy(raw, "A: b", 4);
    memcpy(expected, NO, sizeof NO - 1);
    memcpy(expected + sizeof NO - 1, raw, n);
    assert_marked(&no, raw, n, expected, m);
    free(raw);
    free(expected);
    struct mark m8 = of(ACTION_REWRITE, VERDICT_SPAM, POLICY_REMOTE);
    struct buf b, out;
    struct span rest;
    buf_init(&b, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_add_str(&b, "Subject:\n");
    mark_message(buf_span(&b), &m8, &out, &rest);
    assert_int_equal(buf_error(&out), POSSE_OK);
    assert_int_equal(out.n, b.n + sizeof YES - 1 + MARK_SUBJECTS_MAX * strlen(" [spam]"));
    buf_deinit(&b);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_put_first), cmocka_unit_test(odd_messages_lose_nothing),
        cmocka_unit_test(forged_fields_are_taken_out), cmocka_unit_test(subjects_are_rewritten),
        cmocka_unit_test(prefixes_are_encoded), cmocka_unit_test(big_messages_keep_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
