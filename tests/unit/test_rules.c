/* Rules: the grammar and its errors, what each list and target looks at, the cache. */
#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "filter/rules.h"

/* ---- the grammar ---- */

static void good_rules_are_read(void **state)
{
    (void)state;
    static const struct { const char *text; size_t n, slow; } cases[] = {
        {"", 0, 0},
        {"# only a comment", 0, 0},
        {"\xef\xbb\xbf# a mark of byte order\r\n", 0, 0},
        {"allow from ann@a.example", 1, 0},
        {"deny from @b.example .c.example \\\n  d.example # more\n", 1, 0},
        {"deny network 192.0.2.0/24 2001:db8::/32 10.0.0.1 \"our own\"", 1, 0},
        {"deny header:X-Mailer \"Bulk Sender\" \"a bulk mailer\"\nallow to abuse@a.example\n", 2, 0},
        {"score +2.5 subject /free # money/i \"hash inside\"", 1, 0},
        {"score -4 raw-header /^x-loop:/im \"loop\"", 1, 0},
        {"score 0 anomaly:html-broken \"seen\"", 1, 0},
        {"score 1 body /(\\w+) \\1/ \"said twice\"", 1, 1},
        {"score 1 url /a\\/b/ \"slash\"\nscore 1 filename /\\.exe$/i \"program\"", 2, 0},
        {"score 1 body /gr\xc3\xbc\xc3\x9f/iu \"greeting\"", 1, 0},
        {"deny domain xn--bcher-kva.example b\xc3\xbc" "cher.example", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rules *r;
        struct report why = {0};
        struct span text = exact_str(cases[i].text);
        if (rules_parse(text, "t", NULL, &r, &why))
            fail_msg("case %zu: %s", i, why.text);
        assert_int_equal(rules_n(r), cases[i].n);
        assert_int_equal(rules_n_slow(r), cases[i].slow);
        exact_free(text); /* rules keep nothing of it */
        rules_free(&r);
        assert_null(r);
    }
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const struct { const char *text, *report; } cases[] = {
        {"alow from a@b.example", "t:1:1: unknown \"alow\"; did you mean \"allow\"?"},
        {"\n  frobnicate\n", "t:2:3: expected allow, deny, score or include, not \"frobnicate\""},
        {"deny fron x@y.example", "t:1:6: unknown \"fron\"; did you mean \"from\"?"},
        {"deny from", "t:1:10: expected a value to deny"},
        {"deny \\\n from *.example.org", "t:2:7: no wildcards: .example.org is a domain and all below it"},
        {"deny network 10.0.0.1/8", "t:1:14: the address has bits beyond its prefix length; is the length right?"},
        {"deny network 10.0.0.0/33", "t:1:14: expected a prefix length of 0 to 32 after '/'"},
        {"deny network ten", "t:1:14: expected a network such as 192.0.2.0/24 or 2001:db8::/32"},
        {"deny from a@", "t:1:11: expected an address such as ann@example.org"},
        {"deny from x.example \"never closed", "t:1:21: a string that is not closed: expected \" before the end of the line"},
        {"score two body /x/ \"r\"", "t:1:7: expected a number of bits such as +2.5 or -4"},
        {"score 1e9 body /x/ \"r\"", "t:1:7: expected a number of bits such as +2.5 or -4"},
        {"score 101 body /x/ \"r\"", "t:1:7: a score is at most 100 bits; 10 bits are odds of a thousand to one"},
        {"score 1 bodi /x/ \"r\"", "t:1:9: unknown \"bodi\"; did you mean \"body\"?"},
        {"score 1 body x", "t:1:14: expected /EXPRESSION/"},
        {"score 1 body /x", "t:1:14: an expression that is not closed: expected / before the end of the line"},
        {"score 1 body // \"r\"", "t:1:15: an empty expression"},
        {"score 1 body /x/q \"r\"", "t:1:17: unknown flag; flags are i, s, m and u"},
        {"score 1 body /x/ii \"r\"", "t:1:18: this flag stands twice"},
        {"score 1 body /x/", "t:1:17: expected a \"reason\" in quotes: it is what people are told"},
        {"score 1 body /x/ \"\"", "t:1:18: a reason has 1 to 200 bytes"},
        {"score 1 body /x/ \"r\" more", "t:1:22: expected the end of the line"},
        {"score 1 body /ab(c/ \"r\"", "t:1:19: bad expression: missing closing parenthesis"},
        {"score 1 body /x*/ \"r\"", "t:1:15: this expression can match nothing at all, and so would hit every message"},
        {"score 1 body /^/ \"r\"", "t:1:15: this expression can match nothing at all, and so would hit every message"},
        {"score 1 raw-header /x/u \"r\"", "t:1:21: flag u does not go with raw-header, which is bytes and not text"},
        {"score 1 anomaly:html-brokn \"r\"", "t:1:17: unknown \"html-brokn\"; did you mean \"html-broken\"?"},
        {"score 1 header: /x/ \"r\"", "t:1:16: expected the name of a header after \"header:\""},
        {"include other.rules", "t:1:9: rules that are not in a file cannot include one"},
        {"# \xc3\xbc\ndeny from \xff", "t:2:11: not UTF-8; save the file as UTF-8"},
        {"\xc3\xbc \x01", "t:1:3: a control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rules *r;
        struct report why = {0};
        struct span text = exact_str(cases[i].text);
        assert_int_equal(rules_parse(text, "t", NULL, &r, &why), POSSE_ESYNTAX);
        assert_string_equal(why.text, cases[i].report);
        assert_null(r);
        exact_free(text);
    }
}

static void long_expressions_are_refused(void **state)
{
    (void)state;
    char text[4200] = "score 1 body /";
    size_t n = strlen(text);
    memset(text + n, 'a', 4097);
    strcpy(text + n + 4097, "/ \"r\"");
    struct rules *r;
    struct report why = {0};
    assert_int_equal(rules_parse(span_str(text), "t", NULL, &r, &why), POSSE_ESYNTAX);
    assert_string_equal(why.text, "t:1:15: an expression has at most 4096 bytes");
    memmove(text + n + 4096, text + n + 4097, 6);
    assert_int_equal(rules_parse(span_str(text), "t", NULL, &r, &why), POSSE_OK);
    rules_free(&r);
}

/* ---- matching ---- */

static const char mail[] =
    "Received: from mx.relay.example ([192.0.2.7])\r\n"
    "From: Ann Sender <Ann@News.Example>\r\n"
    "To: bob@a.example, abuse@a.example\r\n"
    "Subject: =?utf-8?Q?Gro=C3=9Fe?= offer\r\n"
    "X-Mailer: Bulk   Sender 3\r\n"
    "Message-ID: <1@news.example>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n"
    "\r\n"
    "--b\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "Hello hello, win a prize at http://shop.deals.test/go?id=7 and\r\n"
    "https://www.friend.example/x today\r\n"
    "--b\r\n"
    "Content-Type: application/octet-stream; name=\"invoice 12.exe\"\r\n"
    "Content-Disposition: attachment; filename=\"invoice 12.exe\"\r\n"
    "\r\n"
    "MZ\r\n"
    "--b--\r\n";

struct bench { struct mail_parser *p; struct arena *a; };

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->p = mail_parser_new(NULL);
    b->a = arena_new(64 << 20);
    *state = b;
    return b->p && b->a ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    mail_parser_free(&b->p);
    arena_free(&b->a);
    free(b);
    return 0;
}

/* How many of the rules hit; the last one's match in *matched. */
static size_t hits(struct bench *b, const char *rules, const char *text, const struct envelope *env, struct rule_hit *last)
{
    struct rules *r;
    struct report why = {0};
    if (rules_parse(span_str(rules), "t", NULL, &r, &why))
        fail_msg("%s", why.text);
    struct rules_scratch *s = rules_scratch_new(r);
    struct message *m;
    arena_reset(b->a);
    assert_int_equal(message_parse(b->p, b->a, span_str(text), &m), POSSE_OK);
    struct rule_hit out[16];
    size_t n = rules_match(r, s, b->p, b->a, m, env, out, 16);
    assert_int_equal(rules_match(r, s, b->p, b->a, m, env, out, 16), n); /* nothing is left over from the last one */
    if (last && n) {
        *last = out[n - 1];
        last->reason = NULL; /* lives with the rules */
        last->file = NULL;
    }
    rules_scratch_free(&s);
    rules_free(&r);
    return n;
}

static void each_target_sees_its_text(void **state)
{
    static const struct { const char *rule; size_t hits; const char *matched; } cases[] = {
        {"score 1 subject /gro\xc3\x9f/i \"r\"", 1, "Gro\xc3\x9f"},
        {"score 1 subject /GRO\xc3\x9f" "E OFFER$/i \"r\"", 1, NULL},
        {"score 1 subject /prize/ \"r\"", 0, NULL},
        {"score 1 body /win a prize/ \"r\"", 1, NULL},
        {"score 1 body /PRIZE/ \"r\"", 0, NULL},
        {"score 1 body /offer/ \"r\"", 0, NULL},
        {"score 1 body /(hello) \\1/i \"r\"", 1, NULL},
        {"score 1 body /prize(?= at)/ \"r\"", 1, NULL},
        {"score 1 header:x-mailer /^bulk\\s+sender \\d$/i \"r\"", 1, "Bulk   Sender 3"},
        {"score 1 header:x-other /bulk/i \"r\"\nscore 1 header:From /nobody/ \"r\"", 0, NULL},
        {"score 1 raw-header /^X-Mailer: /m \"r\"", 1, NULL},
        {"score 1 raw-header /prize/ \"r\"", 0, NULL},
        {"score 1 url /^http:\\/\\/shop\\.deals\\.test\\/go\\?id=/ \"r\"", 1, "http://shop.deals.test/go?id=7"},
        {"score 1 filename /\\.exe$/ \"r\"", 1, "invoice 12.exe"},
        {"score 1 anomaly:executable \"r\"", 1, NULL},
        {"score 1 anomaly:no-from \"r\"", 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_hit hit = {0};
        size_t n = hits(*state, cases[i].rule, mail, NULL, &hit);
        if (n != cases[i].hits)
            fail_msg("%s: %zu hits", cases[i].rule, n);
        if (cases[i].matched)
            assert_span_equal(hit.matched, cases[i].matched);
    }
}

static void each_list_sees_its_field(void **state)
{
    const struct span rcpt[] = {SPAN_LIT("carol@a.example")};
    const struct envelope env = {.client_addr = SPAN_LIT("192.0.2.7"), .from = SPAN_LIT("bounce@Mailer.test"),
                                 .rcpt = rcpt, .n_rcpt = 1};
    static const struct { const char *rule; size_t without, with; } cases[] = {
        {"deny from ann@news.example", 1, 1},
        {"allow from ANN@NEWS.EXAMPLE", 1, 1},
        {"deny from ann@example", 0, 0},
        {"deny from .example", 1, 1},
        {"deny from @news.example", 1, 1},
        {"deny from example", 0, 0},
        {"deny domain .news.example", 1, 1},
        {"deny domain mailer.test", 0, 1},
        {"allow domain mailer.test", 0, 0},
        {"deny envelope-from bounce@mailer.test", 0, 1},
        {"allow envelope-from .test", 0, 1},
        {"deny to bob@a.example", 1, 1},
        {"allow to abuse@a.example", 1, 0}, /* the envelope's recipients are known, and he is none */
        {"allow to carol@a.example", 0, 1},
        {"deny network 192.0.2.0/24", 0, 1},
        {"deny network ::ffff:192.0.2.7", 0, 1},
        {"deny network 192.0.2.8 198.51.100.0/24 0.0.0.0/1", 0, 0},
        {"allow network 0.0.0.0/0", 0, 1},
        {"deny url-domain deals.test", 1, 1},
        {"deny url-domain shop.deals.test", 1, 1},
        {"deny url-domain .test", 1, 1},
        {"deny url-domain eals.test", 0, 0},
        {"allow url-domain deals.test", 0, 0}, /* one other link is there */
        {"allow url-domain deals.test friend.example", 1, 1},
        {"deny header:X-Mailer \"bulk   sender 3\"", 1, 1},
        {"deny header:X-Mailer bulk", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t without = hits(*state, cases[i].rule, mail, NULL, NULL), with = hits(*state, cases[i].rule, mail, &env, NULL);
        if (without != cases[i].without || with != cases[i].with)
            fail_msg("%s: %zu without an envelope, %zu with", cases[i].rule, without, with);
    }
}

static void allow_wants_one_sender(void **state)
{
    static const char two[] = "From: ann@news.example, eve@evil.test\r\n\r\nx\r\n";
    static const char again[] = "From: eve@evil.test\r\nFrom: ann@news.example\r\n\r\nx\r\n";
    assert_int_equal(hits(*state, "allow from ann@news.example", two, NULL, NULL), 0);
    assert_int_equal(hits(*state, "deny from eve@evil.test", two, NULL, NULL), 1);
    assert_int_equal(hits(*state, "allow domain news.example", again, NULL, NULL), 0);
    assert_int_equal(hits(*state, "deny domain news.example", again, NULL, NULL), 1);
}

static void hits_come_in_order_with_their_bits(void **state)
{
    struct bench *b = *state;
    static const char text[] = "score 1.5 filename /exe/ \"a program\"\n"
                               "allow from ann@news.example \"a friend\"\n"
                               "deny from ann@news.example\n"
                               "score -2 subject /offer/ \"an offer\"\n"
                               "score 1 body /absent/ \"never\"\n"
                               "score 0.25 body /win|prize|today/ \"once\"\n";
    struct rules *r;
    struct report why = {0};
    struct rules_options o = {.list_bits = 12};
    assert_int_equal(rules_parse(span_str(text), "my.rules", &o, &r, &why), POSSE_OK);
    struct rules_scratch *s = rules_scratch_new(r);
    struct message *m;
    assert_int_equal(message_parse(b->p, b->a, span_str(mail), &m), POSSE_OK);
    struct rule_hit out[8];
    assert_int_equal(rules_match(r, s, b->p, b->a, m, NULL, out, 8), 5);
    static const struct { double bits; const char *reason; unsigned line; bool list; } want[] = {
        {1.5, "a program", 1, false}, {-12, "a friend", 2, true},
        {12, "denied by your list: from ann@news.example", 3, true}, {-2, "an offer", 4, false}, {0.25, "once", 6, false}};
    for (int i = 0; i < 5; i++) {
        assert_true(out[i].bits == want[i].bits);
        assert_string_equal(out[i].reason, want[i].reason);
        assert_string_equal(out[i].file, "my.rules");
        assert_int_equal(out[i].line, want[i].line);
        assert_int_equal(out[i].is_list, want[i].list);
    }
    assert_int_equal(rules_match(r, s, b->p, b->a, m, NULL, out, 2), 2);
    rules_scratch_free(&s);
    rules_free(&r);
}

static void both_ends_of_a_long_text_are_seen(void **state)
{
    size_t n = 600 * 1024;
    char *text = malloc(n + 200);
    int head = sprintf(text, "From: a@b.example\r\nSubject: x\r\n\r\nfirst words\r\n");
    for (size_t i = (size_t)head; i < n; i += 64)
        memcpy(text + i, "padding padding padding padding padding padding padding paddi\r\n", 64);
    strcpy(text + n, "\r\nlast words\r\n");
    assert_int_equal(hits(*state, "score 1 body /first words/ \"r\"", text, NULL, NULL), 1);
    free(text);
}

static void a_stalling_expression_ends(void **state)
{
    char text[4096] = "From: a@b.example\r\n\r\n";
    size_t n = strlen(text);
    memset(text + n, 'a', 3000);
    text[n + 3000] = '\0';
    assert_int_equal(hits(*state, "score 1 body /^(a+)+\\1+b$/ \"r\"", text, NULL, NULL), 0);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static size_t caches(const char *dir)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        n += strstr(e->d_name, ".cache") != NULL;
    closedir(d);
    return n;
}

static void files_include_and_are_cached(void **state)
{
    (void)state;
    char dir[] = "/tmp/posse-rules-XXXXXX", path[64], other[64], text[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/main.rules", dir);
    snprintf(other, sizeof other, "%s/other.rules", dir);
    write_file(path, "include other.rules\nscore 1 body /one/ \"r\"\n");
    write_file(other, "score 1 body /(t)w\\1?o/ \"r\"\nscore 2 subject /three/ \"r\"\n");
    const char *paths[] = {path};
    struct rules_options o = {.cache_dir = dir};
    struct rules *r;
    struct report why = {0};
    for (int i = 0; i < 3; i++) {
        if (rules_load(paths, 1, &o, &r, &why))
            fail_msg("%s", why.text);
        assert_int_equal(rules_n(r), 3);
        assert_int_equal(rules_n_slow(r), 1);
        assert_int_equal(caches(dir), 1);
        rules_free(&r);
    }
    for (int i = 0; i < 7; i++) { /* edits leave few files behind */
        snprintf(text, sizeof text, "score 1 body /edit %d/ \"r\"\n", i);
        write_file(other, text);
        assert_int_equal(rules_load(paths, 1, &o, &r, &why), POSSE_OK);
        rules_free(&r);
    }
    assert_int_equal(caches(dir), 4);
    write_file(other, "score 1 body /bad(/ \"r\"\n");
    assert_int_equal(rules_load(paths, 1, &o, &r, &why), POSSE_ESYNTAX);
    snprintf(text, sizeof text, "%s:1:19: bad expression: missing closing parenthesis", other);
    assert_string_equal(why.text, text);
    write_file(other, "include main.rules\n");
    assert_int_equal(rules_load(paths, 1, &o, &r, &why), POSSE_ESYNTAX);
    assert_non_null(strstr(why.text, "is there a circle?"));
    unlink(other);
    assert_int_equal(rules_load(paths, 1, &o, &r, &why), POSSE_ESYNTAX);
    assert_non_null(strstr(why.text, "main.rules:1:9: "));
    assert_int_equal(rules_load((const char *[]){dir}, 1, &o, &r, &why), POSSE_ENOTFILE);
    assert_int_equal(rules_load((const char *[]){other}, 1, &o, &r, &why), POSSE_ENOENT);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* Every flipped byte of a cache: rules compile anew or are the same, never a crash. */
static void a_damaged_cache_is_as_good_as_none(void **state)
{
    struct bench *b = *state;
    char dir[] = "/tmp/posse-cache-XXXXXX", path[64], command[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.rules", dir);
    write_file(path, "score 1 body /prize/ \"r\"\n");
    const char *paths[] = {path};
    struct rules_options o = {.cache_dir = dir};
    struct report why = {0};
    struct message *m;
    assert_int_equal(message_parse(b->p, b->a, span_str(mail), &m), POSSE_OK);
    for (int i = 0; i < 40; i++) {
        struct rules *r;
        assert_int_equal(rules_load(paths, 1, &o, &r, &why), POSSE_OK);
        struct rules_scratch *s = rules_scratch_new(r);
        struct rule_hit hit;
        assert_int_equal(rules_match(r, s, b->p, b->a, m, NULL, &hit, 1), 1);
        rules_scratch_free(&s);
        rules_free(&r);
        snprintf(command, sizeof command, "printf x | dd of=$(echo %s/*.cache) bs=1 seek=%d conv=notrunc status=none", dir, i * 97);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void the_demo_rules_load(void **state)
{
    (void)state;
    const char *root = getenv("POSSE_SOURCE_ROOT");
    if (!root)
        skip();
    char path[4096];
    snprintf(path, sizeof path, "%s/samples/rules/demo.rules", root);
    const char *paths[] = {path};
    struct rules *r;
    struct report why = {0};
    if (rules_load(paths, 1, NULL, &r, &why))
        fail_msg("%s", why.text);
    assert_in_range(rules_n(r), 15, 40);
    rules_free(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_rules_are_read), TEST(errors_name_line_and_column), TEST(long_expressions_are_refused),
        TEST(each_target_sees_its_text), TEST(each_list_sees_its_field), TEST(allow_wants_one_sender),
        TEST(hits_come_in_order_with_their_bits), TEST(both_ends_of_a_long_text_are_seen), TEST(a_stalling_expression_ends),
        TEST(files_include_and_are_cached), TEST(a_damaged_cache_is_as_good_as_none), TEST(the_demo_rules_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
