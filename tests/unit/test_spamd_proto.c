/* spamd's protocol: what is read of each request, whole and byte by byte, and every answer to the byte. */
#include "unit.h"

#include <math.h>
#include <zlib.h>

#include "base/error.h"
#include "serve/spamd_proto.h"

static const struct asked {
    const char *in;
    bool end;          /* the peer closes its half then */
    enum spamd_state state;
    int code;          /* of SPAMD_FAILED */
    enum spamd_method method;
    unsigned version;
    const char *user, *body;
} asked[] = {
    {"CHECK SPAMC/1.2\r\n\r\nA: b\n\nhi", true, SPAMD_DONE, 0, SPAMD_CHECK, 102, "", "A: b\n\nhi"},
    {"CHECK SPAMC/1.2\r\n\r\nA: b\n\nhi", false, SPAMD_IN_BODY, 0, SPAMD_CHECK, 102, "", "A: b\n\nhi"},
    {"REPORT SPAMC/1.2\r\nUser: nobody\r\nContent-length: 3\r\n\r\nabc", true, SPAMD_DONE, 0, SPAMD_REPORT, 102, "nobody", "abc"},
    {"PROCESS SPAMC/1.5\r\nUser: al ice\xe4\r\nContent-length: 3\r\n\r\nabc", false, SPAMD_DONE, 0, SPAMD_PROCESS, 105,
     "al ice\xe4", "abc"},
    {"SYMBOLS SPAMC/1.3\nContent-length: 0\n\n", false, SPAMD_DONE, 0, SPAMD_SYMBOLS, 103, "", ""},
    {"REPORT_IFSPAM SPAMC/1.10\r\nContent-length:2\r\nX-Unknown: y\r\n\r\nab\r\n\r\n", false, SPAMD_DONE, 0, SPAMD_REPORT_IFSPAM,
     110, "", "ab"},
    {"HEADERS SPAMC/1.0\r\nContent-length: 1\r\n\r\n", true, SPAMD_DONE, 0, SPAMD_HEADERS, 100, "", "Content-length: 1\r\n\r\n"},
    {"PING SPAMC/1.2\r\n", false, SPAMD_DONE, 0, SPAMD_PING, 102, "", ""},
    {"PING SPAMC/1.5\r\n", false, SPAMD_IN_HEADERS, 0, SPAMD_PING, 105, "", ""},
    {"PING SPAMC/1.5\r\n\r\n", false, SPAMD_DONE, 0, SPAMD_PING, 105, "", ""},
    {"SKIP SPAMC/1.5\r\n\r\n", true, SPAMD_DONE, 0, SPAMD_SKIP, 105, "", ""},
    {"CHECK SPAMC/1.5\r\ncontent-length: x\r\n\r\n", true, SPAMD_DONE, 0, SPAMD_CHECK, 105, "", ""}, /* names have their case */
    {"TELL SPAMC/1.4\r\nMessage-class: spam\r\nSet: local\r\nContent-length: 1\r\n\r\na", false, SPAMD_DONE, 0, SPAMD_TELL, 104, "", "a"},
    /* what is wrong */
    {"", true, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"GET / HTTP/1.1\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"CHECK\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"check SPAMC/1.2\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"CHECK SPAMC/\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"CHECK SPAMC/1.x\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"CHECK SPAMC/0.9\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 0, "", ""},
    {"CHECK SPAMC/1.5\r\nUser: a", true, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nno colon\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nUser: a\tb\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nContent-length: 5x\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nContent-length: -1\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nContent-length: \r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nContent-length: 1\r\nContent-length: 2\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nContent-length: 4\r\n\r\nabc", true, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", "abc"},
    {"CHECK SPAMC/1.5\r\nContent-length: 2\r\n\r\nabc", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", "ab"},
    {"CHECK SPAMC/1.5\r\nContent-length: 99\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_DATAERR, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nContent-length: 99999999999999999999999999\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_DATAERR, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nCompress: zlib\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_UNAVAILABLE, SPAMD_CHECK, 105, "", ""},
    {"CHECK SPAMC/1.5\r\nCompress: lzma\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_CHECK, 105, "", ""},
    {"TELL SPAMC/1.5\r\nMessage-class: eggs\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_TELL, 105, "", ""},
    {"TELL SPAMC/1.5\r\nMessage-class: spam\r\nMessage-class: ham\r\nSet: local\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_TELL, 105, "", ""},
    {"TELL SPAMC/1.5\r\nMessage-class: spam\r\nSet: local\r\nRemove: local\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_TELL, 105, "", ""},
    {"TELL SPAMC/1.5\r\nSet: local\r\n\r\n", false, SPAMD_FAILED, SPAMD_EX_PROTOCOL, SPAMD_TELL, 105, "", ""},
};

static void check_asked(const struct asked *t, size_t step)
{
    struct spamd_reader r;
    struct span in = exact_str(t->in);
    spamd_reader_init(&r, 64);
    for (size_t at = 0; at < in.n; at += step)
        spamd_read(&r, span_sub(in, at, at + step));
    if (t->end)
        spamd_read_end(&r);
    if (r.state != t->state || r.code != t->code)
        fail_msg("\"%s\": state %d, code %d (%s)", t->in, (int)r.state, r.code, r.error);
    assert_int_equal(r.request.method, t->method);
    assert_int_equal(r.request.version, t->version);
    assert_span_equal(r.request.user, t->user);
    assert_span_equal(buf_span(&r.body), t->body);
    spamd_reader_deinit(&r);
    exact_free(in);
}

static void requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        for (size_t step = 1; step < 6; step++)
            check_asked(&asked[i], step == 5 ? 1000 : step);
}

static void headers_are_capped(void **state)
{
    (void)state;
    for (unsigned n = 254; n < 301; n += 1 + (n == 256) * 42) {
        struct spamd_reader r;
        spamd_reader_init(&r, 64);
        spamd_read(&r, SPAN_LIT("CHECK SPAMC/1.5\r\n"));
        for (unsigned i = 0; i < n; i++)
            spamd_read(&r, SPAN_LIT("X: y\r\n"));
        spamd_read(&r, SPAN_LIT("\r\n"));
        assert_int_equal(r.state, n <= 255 ? SPAMD_IN_BODY : SPAMD_FAILED);
        spamd_reader_deinit(&r);
    }
    struct spamd_reader r;
    spamd_reader_init(&r, 64);
    for (int i = 0; i < 100000 && r.state != SPAMD_FAILED; i++)
        spamd_read(&r, SPAN_LIT("CHECK"));
    assert_int_equal(r.code, SPAMD_EX_PROTOCOL);
    assert_true(r.line.cap <= 2 * SPAMD_LINE_MAX);
    spamd_reader_deinit(&r);
}

static void a_body_without_length_is_capped(void **state)
{
    (void)state;
    struct spamd_reader r;
    spamd_reader_init(&r, 64);
    spamd_read(&r, SPAN_LIT("CHECK SPAMC/1.2\r\n\r\n"));
    for (int i = 0; i < 7; i++)
        spamd_read(&r, SPAN_LIT("0123456789"));
    assert_int_equal(r.code, SPAMD_EX_DATAERR);
    spamd_reader_deinit(&r);
}

static void zlib_bodies(void **state)
{
    (void)state;
    static const char zeros[100000];
    uint8_t packed[2000];
    uLongf n = sizeof packed;
    struct buf out;
    assert_int_equal(compress(packed, &n, (const Bytef *)zeros, sizeof zeros), Z_OK);
    struct span in = exact(packed, n);
    buf_init(&out, 100000);
    assert_int_equal(spamd_inflate(in, &out), POSSE_OK);
    assert_int_equal(out.n, sizeof zeros);
    buf_deinit(&out);
    buf_init(&out, 99999);
    assert_int_equal(spamd_inflate(in, &out), POSSE_ELIMIT);
    buf_deinit(&out);
    for (size_t cut = 0; cut < in.n; cut++) {
        struct span part = exact(in.p, cut);
        buf_init(&out, 100000);
        assert_int_equal(spamd_inflate(part, &out), POSSE_ESYNTAX);
        buf_deinit(&out);
        exact_free(part);
    }
    exact_free(in);
}

static const struct {
    enum spamd_method method;
    unsigned version;
    bool is_spam;
    const char *out;
} answers[] = {
    {SPAMD_CHECK, 102, true, "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 15.0 / 5.0\r\n\r\n"},
    {SPAMD_CHECK, 105, false, "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 15.0 / 5.0\r\n\r\n"},
    {SPAMD_SYMBOLS, 105, true, "SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: True ; 15.0 / 5.0\r\n\r\nA,B"},
    {SPAMD_SYMBOLS, 102, true, "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 15.0 / 5.0\r\n\r\nA,B\r\n"},
    {SPAMD_REPORT, 102, false, "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 15.0 / 5.0\r\n\r\nwhy"},
    {SPAMD_REPORT, 103, false, "SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: False ; 15.0 / 5.0\r\n\r\nwhy"},
    {SPAMD_REPORT_IFSPAM, 105, true, "SPAMD/1.1 0 EX_OK\r\nContent-length: 3\r\nSpam: Yes ; 15.0 / 5.0\r\n\r\nwhy"},
    {SPAMD_REPORT_IFSPAM, 105, false, "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: No ; 15.0 / 5.0\r\n\r\n"},
    {SPAMD_PROCESS, 105, true, "SPAMD/1.1 0 EX_OK\r\nContent-length: 12\r\nSpam: True ; 15.0 / 5.0\r\n\r\nX: y\r\n\r\nbody"},
    {SPAMD_PROCESS, 102, true, "SPAMD/1.1 0 EX_OK\r\nContent-length: 12\r\n\r\nX: y\r\n\r\nbody"},
    {SPAMD_PROCESS, 101, true, "SPAMD/1.0 0 EX_OK\r\nX: y\r\n\r\nbody"},
    {SPAMD_HEADERS, 105, true, "SPAMD/1.1 0 EX_OK\r\nContent-length: 8\r\nSpam: True ; 15.0 / 5.0\r\n\r\nX: y\r\n\r\n"},
};

static void results(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct spamd_request q = {.method = answers[i].method, .version = answers[i].version};
        struct spamd_result r = {answers[i].is_spam, 15, 5, SPAN_LIT("A,B"), SPAN_LIT("why"), SPAN_LIT("X: y\r\n\r\n"), SPAN_LIT("body")};
        struct buf out;
        buf_init(&out, 4096);
        spamd_write_result(&out, &q, &r);
        if (!span_eq(buf_span(&out), span_str(answers[i].out)))
            fail_msg("%zu: got \"%.*s\"", i, (int)out.n, (const char *)out.p);
        buf_deinit(&out);
    }
}

static void scores(void **state)
{
    (void)state;
    static const struct { bool is_spam; double score, required; const char *score_text, *required_text; } t[] = {
        {false, 4.96, 5, "4.9", "5.0"}, {true, 5.01, 5, "5.0", "5.0"},       {false, -0.01, 5, "0.0", "5.0"},
        {false, 7.2, 5, "7.2", "5.0"},  {true, INFINITY, 5, "99999.0", "5.0"}, {false, -INFINITY, 5, "-99999.0", "5.0"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char score[24], required[24];
        struct spamd_result r = {.is_spam = t[i].is_spam, .score = t[i].score, .required = t[i].required};
        spamd_score_text(&r, score, required);
        assert_string_equal(score, t[i].score_text);
        assert_string_equal(required, t[i].required_text);
    }
}

static void small_answers(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    spamd_write_told(&out, true, false);
    assert_span_equal(buf_span(&out), "SPAMD/1.1 0 EX_OK\r\nDidSet: local\r\n\r\n\r\n");
    buf_clear(&out);
    spamd_write_told(&out, false, true);
    assert_span_equal(buf_span(&out), "SPAMD/1.1 0 EX_OK\r\nDidRemove: local\r\n\r\n\r\n");
    buf_clear(&out);
    spamd_write_told(&out, false, false);
    assert_span_equal(buf_span(&out), "SPAMD/1.1 0 EX_OK\r\n\r\n\r\n");
    buf_clear(&out);
    spamd_write_pong(&out);
    assert_span_equal(buf_span(&out), "SPAMD/1.5 0 PONG\r\n");
    buf_clear(&out);
    spamd_write_error(&out, SPAMD_EX_PROTOCOL, "(x)");
    spamd_write_error(&out, SPAMD_EX_UNAVAILABLE, "no");
    spamd_write_error(&out, SPAMD_EX_TIMEOUT, "5 s");
    assert_span_equal(buf_span(&out), "SPAMD/1.0 76 Bad header line: (x)\r\nSPAMD/1.0 69 Service Unavailable: no\r\nSPAMD/1.0 79 Timeout: 5 s\r\n");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),      cmocka_unit_test(headers_are_capped), cmocka_unit_test(a_body_without_length_is_capped),
        cmocka_unit_test(zlib_bodies),   cmocka_unit_test(results),            cmocka_unit_test(scores),
        cmocka_unit_test(small_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
