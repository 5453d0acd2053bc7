/* How hostile text becomes words. */
#include "unit.h"

#include <stdio.h>

#include "base/fold.h"
#include "filter/tokens.h"

static struct text fold(struct arena *a, const char *subject, const char *body)
{
    struct text_block *b = arena_zalloc(a, sizeof *b);
    b->visible = span_str(body);
    struct message *m = arena_zalloc(a, sizeof *m);
    m->subject = span_str(subject);
    m->text = b;
    m->n_text = 1;
    struct text t;
    assert_int_equal(text_fold(a, m, &t), 0);
    return t;
}

static void words_come_out_folded(void **state)
{
    (void)state;
    static const struct { const char *subject, *body, *words; } cases[] = {
        {"", "Hello, World!", "hello world ! "},
        {"", "Don't PANIC -- it's Bob's", "dont panic it bob "},
        {"", "12345678 items for $99.99", "000000 items for $ 00 00 "},
        {"", "caf\xc3\xa9 \xc3\x84rger", "cafe arger "},
        {"", "\xef\xbc\xb6\xef\xbc\xa9\xef\xbc\xa1 full width", "via full width "},
        {"", "v\xd1\x96\xd0\xb0gra", "viagra "},
        {"", "fr\xe2\x80\x8b" "ee zero width", "free zero width "},
        {"", "mail a@b.example or https://x.example/a?b www.c.example now", "mail or now "},
        {"", "http : / / www . spaced . example / x now", "now "},
        {"Re: [list] Fwd: Offer", "x", "offer x "},
        {"[SPAM] cheap", "", "cheap "},
        {"", "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", "\xe4\xbd\xa0\xe5\xa5\xbd \xe5\xa5\xbd\xe4\xb8\x96 \xe4\xb8\x96\xe7\x95\x8c "},
        {"", "own\n> quoted words\nmore", "own more quoted words "},
        {"", "text\n_______________________\nsome mailing list\nhttp://x.example/listinfo/y", "text "},
        {"", "averyveryveryverylongwordindeed", "LONG3 "},
        {"", "wow!!! ok", "wow !! ok "},
        {"", "bad \xff\xfe bytes", "bad bytes "},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new(1 << 22);
        assert_span_equal(fold(a, cases[i].subject, cases[i].body).folded, cases[i].words);
        arena_free(&a);
    }
}

static void lookalikes_are_counted(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 22);
    assert_int_equal(fold(a, "", "p\xd0\xb0ypal and \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82").n_lookalike, 1);
    arena_free(&a);
}

static bool has_word(const struct text *t, const char *w)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->tok[i].len == strlen(w) && memcmp(t->folded.p + t->tok[i].off, w, t->tok[i].len) == 0)
            return true;
    return false;
}

static void padding_hides_neither_middle_nor_end(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 24);
    enum { N = 200000 };
    char *body = malloc(N + 1);
    for (int i = 0; i < N; i++)
        body[i] = i % 5 == 4 ? ' ' : 'p';
    body[N] = '\0';
    memcpy(body + N - 30, " finalword ", 11);
    struct text t = fold(a, "", body);
    assert_true(has_word(&t, "finalword"));
    assert_true(t.n <= TEXT_TOKENS_MAX);
    free(body);
    arena_free(&a);
}

static void every_token_says_where_it_came_from(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 22);
    const char *body = "One TWO\n> three";
    struct text t = fold(a, "", body);
    assert_int_equal(t.n, 3);
    assert_span_equal(t.tok[1].from, "TWO");
    assert_int_equal(t.tok[2].zone, ZONE_QUOTED);
    assert_int_equal(t.zone_start[ZONE_QUOTED], 2);
    assert_int_equal(t.zone_start[ZONE_N], 3);
    arena_free(&a);
}

static void folding_covers_all_code_points(void **state)
{
    (void)state;
    for (uint32_t c = 0; c < 0x110000; c++)
        assert_true(fold_codepoint(c) < 0x110000);
    assert_int_equal(fold_codepoint('A'), 'a');
    assert_int_equal(fold_codepoint(0x1d400), 'a'); /* mathematical bold A */
    assert_int_equal(fold_codepoint(0x200b), 0);
    assert_int_equal(fold_codepoint(0x416), 0x436);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_out_folded), cmocka_unit_test(lookalikes_are_counted),
        cmocka_unit_test(padding_hides_neither_middle_nor_end), cmocka_unit_test(every_token_says_where_it_came_from),
        cmocka_unit_test(folding_covers_all_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
