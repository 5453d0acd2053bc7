/* The part tree: nesting, boundaries in and out of place, limits, and time that grows with length only. */
#include "unit.h"

#include <stdio.h>
#include <time.h>

#include "mail/mime.h"

struct one {
    const char *in;
    const char *tree; /* "depth type[body]" a part, in order */
    uint64_t anomalies;
};

#define BIT ANOMALY_BIT
#define MP(b) "Content-Type: multipart/mixed; boundary=" b "\n\n"

static const struct one cases[] = {
    {"A: b\n\nhi", "0 text/plain[hi];", 0},
    {MP("b") "pre\n--b\n\none\n--b\n\ntwo\n--b--\npost", "0 multipart/mixed[*];1 text/plain[one];1 text/plain[two];", 0},
    {MP("\"b c\"") "--b c\r\n\r\none\r\n--b c--", "0 multipart/mixed[*];1 text/plain[one];", BIT(ANOMALY_MIXED_EOL)},
    {MP("b") "--b  \t\n\none\n--b-- \n", "0 multipart/mixed[*];1 text/plain[one];", 0},
    {MP("b") "--bb\n--b\n\n--bx\n--b--\n", "0 multipart/mixed[*];1 text/plain[--bx];", 0},
    {MP("b") "--b\n\none", "0 multipart/mixed[*];1 text/plain[one];", BIT(ANOMALY_UNCLOSED)},
    {MP("b") "nothing", "0 multipart/mixed[*];", BIT(ANOMALY_BOUNDARY_MISSING)},
    {MP("b") "--b\n--b\n\none\n--b\n--b--\n", "0 multipart/mixed[*];1 text/plain[one];", 0},
    {MP("b") "--b\nContent-Type: text/html\n--b\n\none\n--b--", "0 multipart/mixed[*];1 text/html[];1 text/plain[one];", 0},
    {"Content-Type: multipart/mixed\n\nhi", "0 multipart/mixed[*];", BIT(ANOMALY_NO_BOUNDARY)},
    {MP("a") "--a\n" MP("b") "--b\n\nx\n--a\n\ny\n--a--", "0 multipart/mixed[*];1 multipart/mixed[*];2 text/plain[x];1 text/plain[y];", BIT(ANOMALY_UNCLOSED)},
    {MP("a") "--a\n" MP("a") "--a\n\nx\n--a--\n--a--", "0 multipart/mixed[*];1 multipart/mixed[*];2 text/plain[x];", BIT(ANOMALY_BOUNDARY_REPEATED)},
    {"Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\nx\n--b--", "0 multipart/digest[*];1 message/rfc822[*];2 text/plain[x];", 0},
    {"Content-Type: message/rfc822\n\nFrom x\nA: b\nContent-Type: text/html\n\nx", "0 message/rfc822[*];1 text/html[x];", 0},
    {"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgoKeA==", "0 message/rfc822[*];1 text/plain[x];", BIT(ANOMALY_MULTIPART_CTE)},
    {"Content-Type: multipart/mixed; boundary=zz\n--zz\n\nx\n--zz--\n", "0 multipart/mixed[*];1 text/plain[x];", 0},
    {"Content-Type: nonsense\n\nx", "0 text/plain[x];", BIT(ANOMALY_BAD_TYPE)},
    {"Content-Type: TEXT/HTML\n\nx", "0 text/html[x];", 0},
    {"Content-Type: text / html\n\nx", "0 text/html[x];", 0},
    {"", "0 text/plain[];", 0},
    {"\n", "0 text/plain[];", 0},
};

struct kit {
    struct mime_tree tree;
    struct charset_set *cs;
    struct arena *a;
};

static void kit_init(struct kit *k)
{
    memset(k, 0, sizeof *k);
    k->cs = charset_set_new();
    k->a = arena_new((size_t)256 << 20);
}

static void kit_deinit(struct kit *k)
{
    mime_tree_deinit(&k->tree);
    charset_set_free(&k->cs);
    arena_free(&k->a);
}

static void draw(const struct mime_tree *t, char *out, size_t room)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < t->n_parts && n < room; i++) {
        const struct part *p = &t->part[i];
        bool inner = p->is_multipart || p->is_message;
        n += (size_t)snprintf(out + n, room - n, "%d %.*s[%.*s];", p->depth, (int)p->type.n, (const char *)p->type.p,
                              inner ? 1 : (int)p->body.n, inner ? "*" : p->body.n ? (const char *)p->body.p : "");
    }
}

static void trees(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        char got[1024];
        uint64_t anomalies = 0;
        assert_int_equal(mime_read(&k.tree, k.cs, k.a, in, &mail_limits_default, &anomalies), 0);
        draw(&k.tree, got, sizeof got);
        assert_string_equal(got, cases[i].tree);
        if (anomalies != cases[i].anomalies)
            fail_msg("case %zu: anomalies %llx, not %llx", i, (unsigned long long)anomalies, (unsigned long long)cases[i].anomalies);
        exact_free(in);
    }
    kit_deinit(&k);
}

static char *append(char *to, const char *s)
{
    size_t n = strlen(s);
    memcpy(to, s, n);
    return to + n;
}

static void ten_thousand_parts(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k);
    char *text = malloc(1 << 20), *p = append(text, MP("b"));
    for (int i = 0; i < 10000; i++)
        p = append(p, "--b\n\nx\n");
    p = append(p, "--b--\n");
    struct mail_limits lim = mail_limits_default;
    uint64_t anomalies = 0;
    assert_int_equal(mime_read(&k.tree, k.cs, k.a, span_of(text, (size_t)(p - text)), &lim, &anomalies), 0);
    assert_int_equal(k.tree.n_parts, lim.max_parts);
    assert_true(anomalies & BIT(ANOMALY_PARTS_LIMIT));
    lim.max_parts = 20000;
    lim.max_fields = 100000;
    anomalies = 0;
    assert_int_equal(mime_read(&k.tree, k.cs, k.a, span_of(text, (size_t)(p - text)), &lim, &anomalies), 0);
    assert_int_equal(k.tree.n_parts, 10001);
    assert_int_equal(anomalies, 0);
    free(text);
    kit_deinit(&k);
}

static void thousand_nestings(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k);
    char *text = malloc(1 << 20), *p = text;
    for (int i = 0; i < 1000; i++)
        p += sprintf(p, "Content-Type: multipart/mixed; boundary=b%04d\n\n--b%04d\n", i, i);
    p = append(p, "\nleaf\n");
    struct mail_limits lim = mail_limits_default;
    uint64_t anomalies = 0;
    assert_int_equal(mime_read(&k.tree, k.cs, k.a, span_of(text, (size_t)(p - text)), &lim, &anomalies), 0);
    assert_int_equal(k.tree.n_parts, lim.max_depth);
    assert_true(anomalies & BIT(ANOMALY_DEPTH_LIMIT));
    lim.max_depth = 1500;
    anomalies = 0;
    assert_int_equal(mime_read(&k.tree, k.cs, k.a, span_of(text, (size_t)(p - text)), &lim, &anomalies), 0);
    assert_int_equal(k.tree.n_parts, 1001);
    assert_int_equal(k.tree.part[1000].depth, 1000);
    free(text);
    kit_deinit(&k);
}

/* Lines that nearly are boundaries of many open multiparts. */
static void near_boundaries_are_linear(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k);
    enum { BYTES = 8 << 20, OPEN = 500 };
    char *text = malloc(BYTES + 4096), *p = text;
    struct mail_limits lim = mail_limits_default;
    lim.max_depth = 1000;
    for (int i = 0; i < OPEN; i++)
        p += sprintf(p, "Content-Type: multipart/mixed; boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%04d\n\n"
                        "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%04d\n", i, i);
    *p++ = '\n';
    while (p < text + BYTES)
        p = append(p, "--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa9999\n");
    uint64_t anomalies = 0;
    clock_t start = clock();
    assert_int_equal(mime_read(&k.tree, k.cs, k.a, span_of(text, (size_t)(p - text)), &lim, &anomalies), 0);
    assert_true(clock() - start < 4 * CLOCKS_PER_SEC);
    assert_int_equal(k.tree.n_parts, OPEN + 1);
    free(text);
    kit_deinit(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees), cmocka_unit_test(ten_thousand_parts),
        cmocka_unit_test(thousand_nestings), cmocka_unit_test(near_boundaries_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
