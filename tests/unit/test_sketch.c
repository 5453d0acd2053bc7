/* sketch: what is folded away, what little text needs beside it, and that the slots estimate what they say. */
#include <math.h>
#include <stdio.h>

#include "base/hash.h"
#include "campaign/sketch.h"
#include "unit.h"

struct maker { struct mail_parser *p; struct arena *a; struct sketcher *k; };

static int make(void **state)
{
    struct maker *m = calloc(1, sizeof *m);
    *m = (struct maker){mail_parser_new(NULL), arena_new(16 << 20), sketcher_new()};
    *state = m;
    return 0;
}

static int unmake(void **state)
{
    struct maker *m = *state;
    mail_parser_free(&m->p);
    arena_free(&m->a);
    sketcher_free(&m->k);
    free(m);
    return 0;
}

static struct sketch sketch_of(struct maker *k, const char *mail, struct span *text, struct span *subject)
{
    struct sketch s;
    struct message *m;
    struct span in = exact_str(mail);
    assert_int_equal(message_parse(k->p, k->a, in, &m), 0);
    assert_int_equal(sketch_make(k->k, k->a, m, &s, text, subject), 0);
    const char *why;
    assert_true(sketch_validate(&s, &why));
    exact_free(in);
    return s;
}

#define PLAIN "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
#define HTML "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
#define LONG "the quick onion walks over every lazy garden while seven teapots sing of rivers that nobody has crossed since " \
             "autumn came and the lamps were lit along the old canal where boats lie still and wait for snow to cover them all "

static void words(void **state)
{
    struct maker *k = *state;
    static const struct { const char *mail, *text, *subject; } cases[] = {
        {"Subject: Re: Fwd: Hello WORLD 42!\n" PLAIN "One, two; THREE-four 5five", "one two three four 5five", "hello world 42"},
        {"Subject: \n" PLAIN "see http://a.example/x?y=1 or www.b.example, write joe@c.example now", "see URL or URL write ADDRESS now", ""},
        {PLAIN "z\xe2\x80\x8b" "ero w\xc3\xadth \xef\xbc\xb7ide", "zero with wide", ""},
        {PLAIN "own words are kept here as they stand\n> quoted line\n> another\nand more", "own words are kept here as they stand and more", ""},
        {PLAIN "> all of it\n> is quoted", "all of it is quoted", ""},
        {PLAIN "a note that has eight words or a few more\n-- \nJoe\nof somewhere", "a note that has eight words or a few more", ""},
        {PLAIN "short\n-- \nJoe of somewhere", "short joe of somewhere", ""},
        {PLAIN "\xe4\xbd\xa0\xe5\xa5\xbd ok", "\xe4\xbd\xa0 \xe5\xa5\xbd ok", ""},
        {PLAIN "\xd1\x80\xd0\xb0ypal", "paypal", ""},
        {HTML "<p>seen <b>words</b></p><p style='display:none'>unseen</p>", "seen words", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span text, subject;
        sketch_of(k, cases[i].mail, &text, &subject);
        assert_span_equal(text, cases[i].text);
        assert_span_equal(subject, cases[i].subject);
        arena_reset(k->a);
    }
}

static void kinds(void **state)
{
    struct maker *k = *state;
    static const struct { const char *mail; enum sketch_kind kind; } cases[] = {
        {"", SKETCH_EMPTY},
        {PLAIN "hi", SKETCH_EMPTY},
        {PLAIN "http://a.example/b", SKETCH_LINKS_ONLY},
        {"Subject: some words that are a subject\n" PLAIN, SKETCH_SHORT},
        {PLAIN "a short message of nine words and no link", SKETCH_SHORT},
        {PLAIN LONG, SKETCH_TEXT},
        {"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsee the file\n--b\n"
         "Content-Type: application/pdf\nContent-Disposition: attachment\n\n"
         "%PDF-1.4 0123456789012345678901234567890123456789012345678901234567890123456789\n--b--\n", SKETCH_FILES_ONLY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(sketch_of(k, cases[i].mail, NULL, NULL).kind, cases[i].kind);
}

#define FILE_MAIL(words, digit) \
    "Subject: invoice\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" words \
    "\n--b\nContent-Type: application/pdf\nContent-Disposition: attachment\n\n%PDF-1.4 " digit \
    "123456789012345678901234567890123456789012345678901234567890123456789\n--b--\n"

/* What little text there is must not join what has nothing else in common. */
static void alike(void **state)
{
    struct maker *k = *state;
    static const struct { const char *a, *b; bool same; } cases[] = {
        {"Subject: A\n" PLAIN LONG "order 1234 today", "Subject: B\n" PLAIN LONG "order 99 today", true},
        {PLAIN LONG, "Subject: another\n" HTML "<table><tr><td>" LONG "</table>", true},
        {PLAIN LONG, PLAIN "completely other words stand here about ships and the men who sail them from one harbour to the next with "
         "barrels of salt and letters for people that live upon islands far away in the northern sea", false},
        {PLAIN "see http://a.example/kjh/12.php?u=1", PLAIN "see http://b.example/abc/77.php?u=9", false},
        {"Subject: look at this\n" PLAIN "http://a.example/kjh/12.php?u=1", "Subject: look at this\n" PLAIN "http://a.example/abc/7.php?u=9", true},
        {PLAIN "http://videos.example/watch?v=abc", PLAIN "http://videos.example/watch?v=xyz", false},
        {PLAIN "ok thanks", PLAIN "ok thanks", false},
        {"Subject: lunch\n" PLAIN "shall we meet at noon in the usual place?", "Subject: Re: lunch\n" PLAIN "fine, see you there, I will be late", false},
        {FILE_MAIL("see attached", "0"), FILE_MAIL("see attached", "9"), false},
        {FILE_MAIL("see attached", "0"), FILE_MAIL("please find it below", "0"), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sketch a = sketch_of(k, cases[i].a, NULL, NULL), b = sketch_of(k, cases[i].b, NULL, NULL);
        double p = sketch_alike(&a, &b);
        if ((p * 100 >= SKETCH_ALIKE_PERCENT) != cases[i].same)
            fail_msg("case %zu: %.3f", i, p);
        assert_true(p == sketch_alike(&b, &a));
        arena_reset(k->a);
    }
}

static void equal_mail_is_equal_bytes(void **state)
{
    struct maker *k = *state;
    const char *mail = FILE_MAIL(LONG "http://a.example/b/c.html http://d.example", "0");
    struct sketch a = sketch_of(k, mail, NULL, NULL);
    sketch_of(k, PLAIN "something between", NULL, NULL); /* scratch of one message does not reach the next */
    struct sketch b = sketch_of(k, mail, NULL, NULL);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(sketch_alike(&a, &b) > 0.9);
    assert_int_equal(sizeof(struct sketch), 8 + 3 * SKETCH_SLOTS + 8 * (3 + 2 * SKETCH_LINKS + SKETCH_FILES));
}

/* Words in another order are the same words; what tells how to get no more of it is nobody's text. */
static void words_and_footers(void **state)
{
    struct maker *k = *state;
    struct sketch a = sketch_of(k, PLAIN LONG, NULL, NULL);
    struct sketch b = sketch_of(k, PLAIN "all them cover to snow for wait and still lie boats where canal old the along lit were lamps the and came autumn "
                                         "since crossed has nobody that rivers of sing teapots seven while garden lazy every over walks onion quick the",
                                NULL, NULL);
    assert_true(sketch_words(&a, &b) > 0.99);
    assert_true(sketch_jaccard(&a, &b) < 0.1);
#define FOOTER " to unsubscribe go here or write to a house of stone on the hill above the river that nobody has crossed since autumn"
    a = sketch_of(k, PLAIN LONG FOOTER, NULL, NULL);
    b = sketch_of(k, PLAIN "what grandmother put into the soup nobody would tell and when winter had come she took her spoon to bed" FOOTER, NULL, NULL);
    assert_true(sketch_words(&a, &b) < 0.25);
    assert_true(sketch_jaccard(&a, &b) < 0.1);
    struct span text;
    sketch_of(k, PLAIN LONG FOOTER, &text, NULL);
    assert_true(span_find(text, SPAN_LIT("unsubscribe")) > 0); /* templates see it */
    a = sketch_of(k, PLAIN "unsubscribe " LONG, NULL, NULL);   /* above the text it is no footer */
    b = sketch_of(k, PLAIN LONG, NULL, NULL);
    assert_true(sketch_jaccard(&a, &b) > 0.8);
}

/* Two texts of n words each with a known share of shingles in common: the estimate's mean and spread are as theory has them. */
static void slots_estimate_jaccard(void **state)
{
    struct maker *k = *state;
    enum { ROUNDS = 200, WORDS = 150 };
    for (unsigned same = 0; same <= WORDS; same += 50) {
        double sum = 0, squares = 0;
        double shingles = WORDS - 2, common = same >= 3 ? same - 2 : 0, truth = common / (2 * shingles - common);
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct sketch s[2];
            for (unsigned side = 0; side < 2; side++) {
                char mail[8192];
                int n = snprintf(mail, sizeof mail, PLAIN);
                for (unsigned i = 0; i < WORDS; i++) {
                    uint64_t h = mix64(round * 1000003ull + i * 7919ull + (i >= same) * (side + 1) * 0x9e3779b97f4a7c15ull);
                    n += snprintf(mail + n, sizeof mail - (size_t)n, "%c%c%c%c%c%c ", (int)('a' + h % 26), (int)('a' + (h >> 8) % 26),
                                  (int)('a' + (h >> 16) % 26), (int)('a' + (h >> 24) % 26), (int)('a' + (h >> 32) % 26), (int)('a' + (h >> 40) % 26));
                }
                s[side] = sketch_of(k, mail, NULL, NULL);
                arena_reset(k->a);
            }
            double j = sketch_jaccard(&s[0], &s[1]);
            sum += j;
            squares += (j - truth) * (j - truth);
        }
        double sd = sqrt(truth * (1 - truth) / SKETCH_SLOTS);
        assert_true(fabs(sum / ROUNDS - truth) < 4 * sd / sqrt(ROUNDS) + 0.005);
        assert_true(sqrt(squares / ROUNDS) < sd * 1.3 + 0.005);
    }
}

/* Every prefix of a message with everything in it: nothing is read past its end, and sketches keep their rules. */
static void prefixes(void **state)
{
    struct maker *k = *state;
    const char *mail = FILE_MAIL("Hello \xe4\xbd\xa0 www.a.example/b?c=d&e <http://x@y.example> \xff\xfe joe@a.example\n-- \n____________________\n", "0");
    for (size_t n = 0; n <= strlen(mail); n++) {
        struct span in = exact(mail, n), text;
        struct message *m;
        struct sketch s;
        const char *why;
        assert_int_equal(message_parse(k->p, k->a, in, &m), 0);
        assert_int_equal(sketch_make(k->k, k->a, m, &s, &text, NULL), 0);
        assert_true(sketch_validate(&s, &why));
        arena_reset(k->a);
        exact_free(in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words, make, unmake),
        cmocka_unit_test_setup_teardown(kinds, make, unmake),
        cmocka_unit_test_setup_teardown(alike, make, unmake),
        cmocka_unit_test_setup_teardown(equal_mail_is_equal_bytes, make, unmake),
        cmocka_unit_test_setup_teardown(words_and_footers, make, unmake),
        cmocka_unit_test_setup_teardown(slots_estimate_jaccard, make, unmake),
        cmocka_unit_test_setup_teardown(prefixes, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
