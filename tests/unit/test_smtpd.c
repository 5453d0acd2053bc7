/* OpenSMTPD's filter protocol: lines taken apart, versions, interleaved sessions, dots, what is too big, what is odd. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "serve/smtpd_filter.h"

static struct smtpd_line line(const char *text)
{
    struct smtpd_line l;
    smtpd_line_read(span_str(text), &l);
    return l;
}

#define REPORT(v, what) "report|" v "|1576146008.006099|smtp-in|" what
#define FILTER(v, what) "filter|" v "|1576146008.006099|smtp-in|" what

static void lines_are_read(void **state)
{
    (void)state;
    struct smtpd_line l = line(REPORT("0.6", "link-connect|7641df9771b4ed00|mx.example|pass|192.0.2.1:33174|192.0.2.2:25"));
    assert_int_equal(l.kind, SMTPD_CONNECT);
    assert_int_equal(l.version, 6);
    assert_span_equal(l.sid, "7641df9771b4ed00");
    assert_span_equal(l.text, "mx.example");
    assert_span_equal(l.addr, "192.0.2.1");
    assert_true(l.is_good && !l.is_local);
    l = line(REPORT("0.7", "link-connect|1|<unknown>|fail|[2001:db8::1]:25|[2001:db8::2]:25"));
    assert_span_equal(l.addr, "2001:db8::1");
    assert_false(l.is_good);
    l = line(REPORT("0.7", "link-connect|1|x|fail|[IPv6:2001:db8::1]:25|y"));
    assert_span_equal(l.addr, "2001:db8::1");
    l = line(REPORT("0.6", "link-connect|1|localhost|pass|unix:/run/smtpd.sock|unix:/run/smtpd.sock"));
    assert_true(l.is_local && l.addr.n == 0);
    l = line(REPORT("0.6", "link-identify|1|EHLO|mx.example"));
    assert_span_equal(l.text, "mx.example");
    l = line(REPORT("0.4", "link-identify|1|mx.example"));
    assert_span_equal(l.text, "mx.example");
    static const struct { const char *line, *text; bool good; enum smtpd_kind kind; } results[] = {
        {REPORT("0.5", "tx-mail|1|ab12|a|b@c.example|ok"), "a|b@c.example", true, SMTPD_TX_MAIL},
        {REPORT("0.6", "tx-mail|1|ab12|ok|a|b@c.example"), "a|b@c.example", true, SMTPD_TX_MAIL},
        {REPORT("0.6", "tx-mail|1|ab12|ok|"), "", true, SMTPD_TX_MAIL},
        {REPORT("0.6", "tx-rcpt|1|ab12|permfail|b@c.example"), "b@c.example", false, SMTPD_TX_RCPT},
        {REPORT("0.5", "tx-rcpt|1|ab12|b@c.example|tempfail"), "b@c.example", false, SMTPD_TX_RCPT},
        {REPORT("0.6", "link-auth|1|ann|pass"), "ann", true, SMTPD_AUTH},
        {REPORT("0.7", "link-auth|1|pass|an|n"), "an|n", true, SMTPD_AUTH},
        {REPORT("0.7", "link-auth|1|fail|ann"), "ann", false, SMTPD_AUTH},
        {REPORT("0.10", "tx-mail|1|ab12|ok|a@b.example"), "a@b.example", true, SMTPD_TX_MAIL},
        {REPORT("1.0", "tx-mail|1|ab12|ok|a@b.example"), "a@b.example", true, SMTPD_TX_MAIL},
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        l = line(results[i].line);
        assert_int_equal(l.kind, results[i].kind);
        assert_span_equal(l.text, results[i].text);
        assert_int_equal(l.is_good, results[i].good);
    }
    l = line(FILTER("0.6", "data-line|1|tok|a line| with bars||"));
    assert_int_equal(l.kind, SMTPD_DATA_LINE);
    assert_span_equal(l.token, "tok");
    assert_span_equal(l.text, "a line| with bars||");
    l = line(REPORT("0.6", "protocol-client|1|MAIL FROM:<a|b@c.example>"));
    assert_int_equal(l.kind, SMTPD_COMMAND);
    assert_span_equal(l.text, "MAIL FROM:<a|b@c.example>");
    assert_int_equal(line(FILTER("0.6", "commit|1|tok|")).kind, SMTPD_COMMIT);
    assert_int_equal(line(FILTER("0.6", "helo|1|tok|x")).kind, SMTPD_FILTER_OTHER);
    assert_int_equal(line("config|ready").kind, SMTPD_CONFIG_READY);
    assert_int_equal(line("config|smtpd-version|6.8.0").kind, SMTPD_CONFIG);
    static const char *const odd[] = {"", "|", "report", "report|0.6|1|smtp-in", "report|0.6|1|smtp-out|tx-begin|1|2", "filter|0.6|1|smtp-in|commit|1",
                                      "filter|0.6|1|smtp-in|commit||tok|", "nonsense|x", "report|0.6|1|smtp-in|link-connect"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(line(odd[i]).kind, SMTPD_OTHER);
}

/* ---- the machine ---- */

struct seen { struct gate_request last; struct smtp_dialect dialect; char from[64], rcpts[128], raw[512], user[32], addr[32]; unsigned n; };

static void copy(char *to, size_t n, struct span s) { snprintf(to, n, "%.*s", (int)s.n, s.n ? (const char *)s.p : ""); }

static enum smtpd_decision judge(void *ctx, const struct gate_request *r, struct buf *head, struct span *rest)
{
    struct seen *s = ctx;
    s->n++;
    s->last = *r;
    s->dialect = *r->dialect;
    copy(s->from, sizeof s->from, r->env.from);
    copy(s->user, sizeof s->user, r->env.auth_user);
    copy(s->addr, sizeof s->addr, r->env.client_addr);
    copy(s->raw, sizeof s->raw, r->raw);
    s->rcpts[0] = '\0';
    for (size_t i = 0; i < r->env.n_rcpt; i++) {
        copy(s->rcpts + strlen(s->rcpts), sizeof s->rcpts - strlen(s->rcpts), r->env.rcpt[i]);
        strcat(s->rcpts, " ");
    }
    *rest = r->raw;
    if (span_find(r->raw, SPAN_LIT("refuse")) >= 0)
        return SMTPD_REFUSE;
    if (span_find(r->raw, SPAN_LIT("later")) >= 0)
        return SMTPD_PUT_OFF;
    buf_add_str(head, "X-Spam: No\n");
    return SMTPD_PROCEED;
}

struct machine { struct smtpd_filter *f; struct buf out; struct seen seen; };

static int set_up(void **state)
{
    struct machine *m = calloc(1, sizeof *m);
    buf_init(&m->out, 1 << 20);
    m->f = smtpd_filter_new(200, judge, NULL, &m->seen);
    *state = m;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *m = *state;
    smtpd_filter_free(&m->f);
    buf_deinit(&m->out);
    free(m);
    return 0;
}

/* What is answered to these lines, each ended by \n. */
static void assert_answer(struct machine *m, const char *lines, const char *expected)
{
    struct span left = exact_str(lines), all = left;
    buf_clear(&m->out);
    for (ptrdiff_t nl; (nl = span_chr(left, '\n')) >= 0; left = span_sub(left, (size_t)nl + 1, left.n))
        smtpd_filter_take(m->f, span_sub(left, 0, (size_t)nl), &m->out);
    assert_span_equal(buf_span(&m->out), expected);
    exact_free(all);
}

static const char session_1[] =
    REPORT("0.6", "link-connect|1|mx.example|pass|192.0.2.1:33174|192.0.2.2:25\n") REPORT("0.6", "link-identify|1|EHLO|mx.example\n")
    REPORT("0.6", "tx-begin|1|ab12\n") REPORT("0.6", "tx-mail|1|ab12|ok|ann@example.com\n") REPORT("0.6", "tx-rcpt|1|ab12|ok|bob@example.org\n")
    REPORT("0.6", "tx-rcpt|1|ab12|permfail|no@example.org\n") REPORT("0.6", "tx-rcpt|1|ab12|ok|eve@example.org\n");

static void a_message_is_judged(void **state)
{
    struct machine *m = *state;
    assert_answer(m, session_1, "");
    assert_answer(m, FILTER("0.6", "data-line|1|t1|Subject: x|y\n") FILTER("0.6", "data-line|1|t2|\n") FILTER("0.6", "data-line|1|t3|..dot\n")
                  FILTER("0.6", "data-line|1|t4|....\n"), "");
    assert_answer(m, FILTER("0.6", "data-line|1|t5|.\n"),
                  "filter-dataline|1|t5|X-Spam: No\nfilter-dataline|1|t5|Subject: x|y\nfilter-dataline|1|t5|\n"
                  "filter-dataline|1|t5|..dot\nfilter-dataline|1|t5|....\nfilter-dataline|1|t5|.\n");
    assert_string_equal(m->seen.raw, "Subject: x|y\n\n.dot\n...\n");
    assert_string_equal(m->seen.from, "ann@example.com");
    assert_string_equal(m->seen.rcpts, "bob@example.org eve@example.org ");
    assert_string_equal(m->seen.addr, "192.0.2.1");
    assert_int_equal(m->seen.last.who, POLICY_REMOTE);
    assert_true(m->seen.last.no_store);
    assert_answer(m, FILTER("0.6", "commit|1|t6|\n"), "filter-result|1|t6|proceed\n");
    /* the next message of the session knows nothing of this one */
    assert_answer(m, REPORT("0.6", "tx-reset|1|ab12\n") REPORT("0.6", "tx-begin|1|ab13\n") REPORT("0.6", "tx-mail|1|ab13|ok|\n")
                  FILTER("0.6", "data-line|1|t7|refuse\n") FILTER("0.6", "data-line|1|t7|.\n"),
                  "filter-dataline|1|t7|refuse\nfilter-dataline|1|t7|.\n");
    assert_string_equal(m->seen.rcpts, "");
    assert_string_equal(m->seen.raw, "refuse\n");
    assert_answer(m, FILTER("0.6", "commit|1|t8|\n"), "filter-result|1|t8|reject|554 5.7.1 Message refused as spam\n");
    assert_answer(m, REPORT("0.6", "tx-begin|1|ab14\n") FILTER("0.6", "data-line|1|t|later\n") FILTER("0.6", "data-line|1|t|.\n")
                  FILTER("0.6", "commit|1|t|\n"),
                  "filter-dataline|1|t|later\nfilter-dataline|1|t|.\nfilter-result|1|t|reject|451 4.7.1 Try again later\n");
    assert_answer(m, REPORT("0.6", "link-disconnect|1\n"), "");
    assert_int_equal(smtpd_filter_sessions(m->f), 0);
}

static void the_dialogue_is_heard(void **state)
{
    struct machine *m = *state;
    assert_answer(m, REPORT("0.6", "link-connect|1|x|pass|192.0.2.1:1|y\n") REPORT("0.6", "protocol-client|1|EHLO pc\n")
                  REPORT("0.6", "protocol-client|1|mail from: <a@b.example> SIZE=1\n") REPORT("0.6", "tx-begin|1|ab\n")
                  REPORT("0.6", "tx-mail|1|ab|ok|a@b.example\n") FILTER("0.6", "data-line|1|t|x\n"), "");
    assert_answer(m, FILTER("0.6", "data-line|1|t|.\n"), "filter-dataline|1|t|X-Spam: No\nfilter-dataline|1|t|x\nfilter-dataline|1|t|.\n");
    assert_int_equal(m->seen.dialect.greeting, 'E');
    assert_int_equal(m->seen.dialect.letters, 'm');
    assert_true(m->seen.dialect.has_blank);
    assert_string_equal(m->seen.dialect.args, ".SIZE");
    assert_answer(m, REPORT("0.6", "link-connect|1|x|pass|192.0.2.1:1|y\n") FILTER("0.6", "data-line|1|t|.\n"),
                  "filter-dataline|1|t|X-Spam: No\nfilter-dataline|1|t|.\n");
    assert_int_equal(m->seen.dialect.greeting, 0); /* another connection's is not known */
}

static void old_versions_swap(void **state)
{
    struct machine *m = *state;
    assert_answer(m, session_1, "");
    assert_answer(m, FILTER("0.4", "data-line|1|tok|x\n") FILTER("0.4", "data-line|1|tok|.\n") FILTER("0.4", "commit|1|tok\n"),
                  "filter-dataline|tok|1|X-Spam: No\nfilter-dataline|tok|1|x\nfilter-dataline|tok|1|.\nfilter-result|tok|1|proceed\n");
}

static void sessions_interleave(void **state)
{
    struct machine *m = *state;
    char text[512], expected[512];
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, REPORT("0.6", "link-connect|s%d|x|fail|192.0.2.%d:1|y\n") REPORT("0.6", "tx-mail|s%d|m|ok|u%d@example.com\n")
                 FILTER("0.6", "data-line|s%d|t|line of %d\n"), i, i, i, i, i, i);
        assert_answer(m, text, "");
    }
    assert_int_equal(smtpd_filter_sessions(m->f), 100);
    for (int i = 99; i >= 0; i--) {
        snprintf(text, sizeof text, FILTER("0.6", "data-line|s%d|t|.\n"), i);
        snprintf(expected, sizeof expected, "filter-dataline|s%d|t|X-Spam: No\nfilter-dataline|s%d|t|line of %d\nfilter-dataline|s%d|t|.\n", i, i, i, i);
        assert_answer(m, text, expected);
        snprintf(expected, sizeof expected, "u%d@example.com", i);
        assert_string_equal(m->seen.from, expected);
        snprintf(text, sizeof text, REPORT("0.6", "link-disconnect|s%d\n"), i);
        assert_answer(m, text, "");
    }
    assert_int_equal(smtpd_filter_sessions(m->f), 0);
}

static void who_sends_is_known(void **state)
{
    struct machine *m = *state;
    static const struct { const char *lines; enum policy_who who; } cases[] = {
        {REPORT("0.6", "link-connect|1|x|fail|unix:/x|unix:/x\n"), POLICY_LOCAL},
        {REPORT("0.6", "link-connect|1|x|fail|127.0.0.1:99|y\n"), POLICY_LOCAL},
        {REPORT("0.6", "link-connect|1|x|fail|[::1]:99|y\n"), POLICY_LOCAL},
        {REPORT("0.6", "link-connect|1|x|fail|192.0.2.1:99|y\n") REPORT("0.6", "link-auth|1|ann|fail\n"), POLICY_REMOTE},
        {REPORT("0.6", "link-connect|1|x|fail|192.0.2.1:99|y\n") REPORT("0.6", "link-auth|1|ann|pass\n"), POLICY_AUTHENTICATED},
        {REPORT("0.6", "link-connect|1|x|fail|192.0.2.1:99|y\n"), POLICY_REMOTE}, /* a number used again: nobody is logged in */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_answer(m, cases[i].lines, "");
        assert_answer(m, FILTER("0.6", "data-line|1|t|.\n"), "filter-dataline|1|t|X-Spam: No\nfilter-dataline|1|t|.\n");
        assert_int_equal(m->seen.last.who, cases[i].who);
    }
    assert_int_equal(smtpd_filter_sessions(m->f), 1);
}

static void what_is_too_big_passes(void **state)
{
    struct machine *m = *state;
    char fifty[51];
    memset(fifty, 'x', 50);
    fifty[50] = '\0';
    char one[128], answer[1024] = "";
    snprintf(one, sizeof one, FILTER("0.6", "data-line|1|t|%s\n"), fifty);
    assert_answer(m, session_1, "");
    for (int i = 0; i < 3; i++)
        assert_answer(m, one, "");
    for (int i = 0; i < 4; i++)
        snprintf(answer + strlen(answer), sizeof answer - strlen(answer), "filter-dataline|1|t|%s\n", fifty);
    assert_answer(m, one, answer); /* all that was held back, in order */
    assert_answer(m, FILTER("0.6", "data-line|1|t|..\n") FILTER("0.6", "data-line|1|t|.\n") FILTER("0.6", "commit|1|t|\n"),
                  "filter-dataline|1|t|..\nfilter-dataline|1|t|.\nfilter-result|1|t|proceed\n");
    assert_int_equal(m->seen.n, 0);
}

static void every_question_is_answered(void **state)
{
    struct machine *m = *state;
    assert_answer(m, FILTER("0.6", "data-line|99|t|..unknown\n") FILTER("0.6", "data-line|99|t|.\n") FILTER("0.6", "commit|99|t|\n")
                  FILTER("0.6", "helo|99|t|x\n"),
                  "filter-dataline|99|t|..unknown\nfilter-dataline|99|t|.\nfilter-result|99|t|proceed\nfilter-result|99|t|proceed\n");
    assert_answer(m, REPORT("0.6", "tx-mail|99|m|ok|x\n") REPORT("0.6", "link-disconnect|99\n") "nonsense\n\n", "");
    buf_clear(&m->out);
    smtpd_filter_take(m->f, SPAN_LIT("config|ready"), &m->out);
    assert_true(span_find(buf_span(&m->out), SPAN_LIT("register|filter|smtp-in|data-line\n")) >= 0);
    assert_true(span_find(buf_span(&m->out), SPAN_LIT("\nregister|ready\n")) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read), TEST(a_message_is_judged), TEST(the_dialogue_is_heard), TEST(old_versions_swap), TEST(sessions_interleave),
        TEST(who_sends_is_known), TEST(what_is_too_big_passes), TEST(every_question_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
