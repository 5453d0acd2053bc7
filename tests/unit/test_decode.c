/* Transfer decoders: what they give, what junk they report, and that caps hold. */
#include "unit.h"

#include "mail/anomaly.h"
#include "mail/decode.h"

typedef size_t decode_fn(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies);

struct one {
    decode_fn *fn;
    const char *in, *out;
    uint64_t anomalies;
};

static const struct one cases[] = {
    {base64_decode, "QUJD", "ABC", 0},
    {base64_decode, "QUI=", "AB", 0},
    {base64_decode, "QQ==", "A", 0},
    {base64_decode, "QU\r\nJDREVG\r\n", "ABCDEF", 0},
    {base64_decode, "Q U\tJ D", "ABC", 0},
    {base64_decode, "QU!J#D", "ABC", ANOMALY_BIT(ANOMALY_BASE64_JUNK)},
    {base64_decode, "QUJDQ", "ABC", ANOMALY_BIT(ANOMALY_BASE64_JUNK)},
    {base64_decode, "QQ==\r\n-- footer", "A", ANOMALY_BIT(ANOMALY_BASE64_JUNK)},
    {base64_decode, "QQ==\r\n\r\n", "A", 0},
    {base64_decode, "=QUJD", "ABC", 0},
    {base64_decode, "", "", 0},
    {qp_decode, "a=3Db", "a=b", 0},
    {qp_decode, "a=3db=c3=A4", "a=b\xc3\xa4", 0},
    {qp_decode, "soft=\r\nbreak", "softbreak", 0},
    {qp_decode, "soft=\nbreak", "softbreak", 0},
    {qp_decode, "soft= \t\r\nbreak", "softbreak", 0},
    {qp_decode, "a=zz", "a=zz", ANOMALY_BIT(ANOMALY_QP_JUNK)},
    {qp_decode, "a=4", "a=4", ANOMALY_BIT(ANOMALY_QP_JUNK)},
    {qp_decode, "a===\nb", "a==b", ANOMALY_BIT(ANOMALY_QP_JUNK)},
    {qp_decode, "a==\nb", "a==\nb", ANOMALY_BIT(ANOMALY_QP_JUNK)},
    {qp_decode, "a==41", "a==41", ANOMALY_BIT(ANOMALY_QP_JUNK)},
    {qp_decode, "a==", "a==", ANOMALY_BIT(ANOMALY_QP_JUNK)},
    {qp_decode, "end=", "end", 0},
    {qp_decode, "\r\nline\r\n", "\r\nline\r\n", 0},
    {q_decode, "a_b=20c", "a b c", 0},
    {q_decode, "a=", "a=", ANOMALY_BIT(ANOMALY_BAD_2047)},
    {uu_decode, "begin 644 x\n#86)C\n`\nend\n", "abc", 0},
    {uu_decode, "begin 644 x\r\n#86)C\r\n \r\nend\r\n", "abc", 0},
    {uu_decode, "begin 644 x\n-8", "", ANOMALY_BIT(ANOMALY_UU_JUNK)},
};

static void decoders_give_the_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct one *c = &cases[i];
        struct span in = exact_str(c->in);
        uint8_t *out = malloc(in.n ? in.n : 1);
        uint64_t anomalies = 0;
        size_t n = c->fn(in, out, in.n, &anomalies);
        if (c->fn == uu_decode && c->anomalies) /* a cut line: only that it is bounded and reported */
            assert_true(n <= in.n);
        else
            assert_span_equal(span_of(out, n), c->out);
        if (anomalies != c->anomalies)
            fail_msg("case %zu: anomalies %llx", i, (unsigned long long)anomalies);
        for (size_t max = 0; max < n; max++) /* every cap cuts, none overruns */
            assert_true(c->fn(in, out, max, &anomalies) <= max);
        free(out);
        exact_free(in);
    }
}

static void base64_words_carry_over(void **state)
{
    (void)state;
    struct base64_state s = {0};
    uint8_t out[16];
    uint64_t anomalies = 0;
    size_t n = base64_feed(&s, SPAN_LIT("QU"), out, sizeof out, &anomalies);
    n += base64_feed(&s, SPAN_LIT("JDRA"), out + n, sizeof out - n, &anomalies);
    n += base64_finish(&s, out + n, sizeof out - n);
    assert_span_equal(span_of(out, n), "ABCD");
}

static void uu_files_are_found_in_text(void **state)
{
    (void)state;
    static const struct { const char *text; bool found; const char *name; size_t begin, end; } t[] = {
        {"a\nbegin 644 x y.txt\n#86)C\n`\nend\nb", true, "x y.txt", 2, 32},
        {"begin 0755 p\r\n#86)C\r\n`\r\nend\r\n", true, "p", 0, 29},
        {"begin 644 x\n#86)C\n", true, "x", 0, 18}, /* never ended */
        {"begin at the beginning\nand go on", false, "", 0, 0},
        {"begin 644 x", false, "", 0, 0},
        {"begin 64 x\n#86)C\n", false, "", 0, 0},
        {" begin 644 x\n#86)C\n", false, "", 0, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct span in = exact_str(t[i].text);
        struct uu_file f = {0};
        assert_int_equal(uu_find(in, 0, &f), t[i].found);
        if (t[i].found) {
            assert_span_equal(f.name, t[i].name);
            assert_int_equal(f.begin, t[i].begin);
            assert_int_equal(f.end, t[i].end);
        }
        exact_free(in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_give_the_expected),
        cmocka_unit_test(base64_words_carry_over),
        cmocka_unit_test(uu_files_are_found_in_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
