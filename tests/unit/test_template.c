/* template: anchors and slots of small texts by hand; polymorphic ones by what comes out; bytes and back. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "campaign/template.h"
#include "polymorph.h"

enum { TEXTS = 200 };
struct made { struct template_text t[TEMPLATE_TEXTS_MAX]; size_t n; };

static void add(struct made *m, const char *subject, const char *text)
{
    m->t[m->n++] = (struct template_text){exact_str(subject), exact_str(text)};
}

static void clear(struct made *m)
{
    for (size_t i = 0; i < m->n; i++) {
        exact_free(m->t[i].subject);
        exact_free(m->t[i].text);
    }
    m->n = 0;
}

static void fill(struct made *m, const struct polymorph *p, size_t from, size_t n)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = from; i < from + n; i++) {
        polymorph_subject(p, i, &b);
        struct span subject = exact(b.p, b.n);
        polymorph_text(p, i, &b);
        m->t[m->n++] = (struct template_text){subject, exact(b.p, b.n)};
    }
    buf_deinit(&b);
}

static struct template *infer(struct made *m)
{
    struct template *t;
    struct report why = {0};
    if (template_infer(m->t, m->n, NULL, &t, &why))
        fail_msg("%s", why.text);
    return t;
}

/* A template in a line: anchors as they are, floating ones after a ~, slots as <type words>. */
static const char *line_of(const struct piece *p, size_t n, char *out, size_t room)
{
    static const char *const name[] = {"word", "random", "number", "address", "url", "free"};
    size_t at = 0;
    *out = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct slot *s = &p[i].slot;
        at += (size_t)snprintf(out + at, room - at, "%s", i ? " " : "");
        if (!p[i].is_slot)
            at += (size_t)snprintf(out + at, room - at, "%s%.*s", p[i].is_floating ? "~" : "", (int)p[i].anchor.n, p[i].anchor.p);
        else
            at += (size_t)snprintf(out + at, room - at, "<%s%s%s>", name[s->type], s->may_be_empty ? "?" : "", s->is_closed ? "!" : "");
        assert_true(at < room);
    }
    return out;
}

static void check(struct made *m, const char *expected)
{
    const struct piece *p;
    char got[4096];
    struct template *t = infer(m);
    const char *why;
    assert_true(template_validate(t, &why));
    size_t n = template_pieces(t, &p);
    assert_string_equal(line_of(p, n, got, sizeof got), expected);
    template_free(&t);
    clear(m);
}

static void slots_have_their_types(void **state)
{
    (void)state;
    static const char *const verb[] = {"buy", "order", "get"}, *const when[] = {"today", "this very week", "now"};
    struct made m = {0};
    char text[512];
    for (unsigned i = 0; i < 60; i++) {
        uint64_t r = mix64(i + 1);
        snprintf(text, sizeof text, "dear %c%c%c%c%c%c please %s our fine chairs %s for %u coins%s ask ADDRESS or see URL and mind the step",
                 (char)('a' + r % 26), (char)('a' + r / 26 % 26), (char)('a' + r / 676 % 26), (char)('a' + r / 17576 % 26),
                 (char)('a' + r / 456976 % 26), (char)('a' + r / 11881376 % 26), verb[r % 3], when[i % 3], i * 17 + 3, i % 2 ? " at once" : "");
        add(&m, "hello", text);
    }
    check(&m, "dear <random> please <word!> our fine chairs <word!> for <number> coins <word?!> ask <address!> or see <url!> and mind the step");
}

static void dictionaries_hold_what_was_seen(void **state)
{
    (void)state;
    struct made m = {0};
    static const char *const who[] = {"anna", "bo", "anna", "carl", "anna", "bo"};
    for (unsigned i = 0; i < 30; i++) {
        char text[128];
        snprintf(text, sizeof text, "good morning %s the river is high today", who[i % 6]);
        add(&m, "about the river", text);
    }
    struct template *t = infer(&m);
    const struct piece *p;
    assert_int_equal(template_pieces(t, &p), 3);
    assert_true(p[1].is_slot && p[1].slot.type == SLOT_WORD && p[1].slot.is_closed);
    assert_int_equal(p[1].slot.n_words, 3);
    assert_span_equal(p[1].slot.word[0], "anna");
    assert_span_equal(p[1].slot.word[2], "carl");
    assert_int_equal(p[1].slot.least, 2);
    assert_int_equal(p[1].slot.most, 4);
    assert_int_equal(template_subject(t, &p), 1);
    assert_span_equal(p[0].anchor, "about the river");
    assert_int_equal(template_used(t), 30);
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_int_equal(template_expression(t, &b), POSSE_OK);
    assert_span_equal(buf_span(&b), "(?:^| )good morning (?:anna|bo|carl) the river is high today(?: |$)");
    buf_deinit(&b);
    template_free(&t);
    clear(&m);
}

static void forgets_what_one_alone_had(void **state)
{
    (void)state;
    struct made m = {0};
    static const char *const who[] = {"anna", "bo", "anna", "carl", "anna", "bo"};
    for (unsigned i = 0; i < 30; i++) {
        char subject[64], text[128];
        snprintf(subject, sizeof subject, "a word about the river for %s", i ? who[i % 6] : "zoe");
        snprintf(text, sizeof text, "good morning %s the river is high today", i ? who[i % 6] : "zoe");
        add(&m, subject, text);
    }
    struct template *t = infer(&m);
    const struct piece *p;
    const char *why;
    size_t n = template_pieces(t, &p), before = p[1].slot.n_words;
    assert_int_equal(n, 3);
    assert_int_equal(template_forget(t, &m.t[1], m.t + 2, m.n - 2), 0); /* others have all of it */
    assert_int_equal(p[1].slot.n_words, before);
    assert_int_equal(template_forget(t, &m.t[0], m.t + 1, m.n - 1), 2);
    assert_int_equal(p[1].slot.n_words, before - 1);
    for (size_t i = 0; i < p[1].slot.n_words; i++)
        assert_false(span_eq(p[1].slot.word[i], SPAN_LIT("zoe")));
    assert_false(p[1].slot.is_closed);
    assert_true(template_validate(t, &why));
    struct template_text rest[2] = {m.t[1], m.t[3]}; /* all others are gone too: anna's are left of no one else */
    assert_int_equal(template_forget(t, &rest[0], NULL, 0), 2);
    assert_true(template_validate(t, &why));
    template_free(&t);
    clear(&m);
}

static void passages_in_any_order_float(void **state)
{
    (void)state;
    struct made m = {0};
    for (unsigned i = 0; i < 40; i++)
        add(&m, "", i % 2 ? "the boats come home at night and all the lamps along the harbour wall burn bright"
                          : "all the lamps along the harbour wall burn bright and the boats come home at night");
    struct template *t = infer(&m);
    const struct piece *p;
    size_t n = template_pieces(t, &p), floating = 0;
    for (size_t i = 0; i < n; i++)
        floating += p[i].is_floating;
    assert_true(floating >= 1);
    template_free(&t);
    clear(&m);
}

/* The version of most, and then the other one. */
static void versions_are_parted(void **state)
{
    (void)state;
    struct made m = {0};
    struct polymorph p = {.seed = 4, .sentences = 12, .spin = 200, .numbers = 50};
    fill(&m, &p, 0, 120);
    p.seed = 5;
    fill(&m, &p, 0, 60);
    struct template *t[4];
    size_t n;
    uint8_t version[TEMPLATE_TEXTS_MAX];
    assert_int_equal(template_infer_all(m.t, m.n, t, 4, &n, version, NULL), POSSE_OK);
    assert_int_equal(n, 2);
    assert_int_equal(template_used(t[0]), 120);
    assert_int_equal(template_used(t[1]), 60);
    for (size_t i = 0; i < m.n; i++)
        assert_int_equal(version[i], i >= 120);
    template_free(&t[0]);
    template_free(&t[1]);
    clear(&m);
}

static void strangers_have_no_template(void **state)
{
    (void)state;
    struct made m = {0};
    for (unsigned i = 0; i < 100; i++) {
        struct polymorph p = {.seed = 100 + i, .sentences = 30};
        fill(&m, &p, 0, 1);
    }
    struct template *t;
    struct report why = {0};
    assert_int_equal(template_infer(m.t, m.n, NULL, &t, &why), POSSE_ENOENT);
    assert_null(t);
    assert_true(*why.text);
    assert_int_equal(template_infer(m.t, 0, NULL, &t, &why), POSSE_EINVAL);
    assert_int_equal(template_infer(m.t, TEMPLATE_TEXTS_MAX + 1, NULL, &t, &why), POSSE_EINVAL);
    clear(&m);
}

static void odd_texts_are_no_error(void **state)
{
    (void)state;
    static const char nul[] = "a\0b\x01 c  d\xff\xfe \xc3\x28 \t e";
    struct made m = {0};
    struct template *t;
    for (int what = 0; what < 4; what++) {
        size_t size = what == 0 ? 0 : what == 1 ? sizeof nul - 1 : 70000;
        uint8_t *big = malloc(70000);
        memset(big, what == 2 ? 'a' : ' ', 70000);
        for (size_t i = 1; what == 3 && i < 70000; i += 2)
            big[i] = (uint8_t)("ab"[mix64(i) & 1]);
        for (int i = 0; i < 12; i++)
            m.t[m.n++] = (struct template_text){exact(what == 1 ? nul : "", size > 60 ? 0 : size),
                                                exact(what == 1 ? (const void *)nul : big, size)};
        int rc = template_infer(m.t, m.n, NULL, &t, NULL);
        assert_true(rc == POSSE_OK || rc == POSSE_ENOENT);
        const char *why;
        assert_true(rc || template_validate(t, &why));
        template_free(&t);
        free(big);
        clear(&m);
    }
}

static void saved_and_loaded_is_the_same(void **state)
{
    (void)state;
    struct made m = {0};
    struct polymorph p = {.seed = 9, .sentences = 20, .spin = 300, .numbers = 100, .optional = 300, .swap = 100};
    fill(&m, &p, 0, TEXTS);
    struct template *t = infer(&m), *u;
    struct buf a, b;
    struct report why = {0};
    buf_init(&a, 1 << 20);
    buf_init(&b, 1 << 20);
    assert_int_equal(template_save(t, &a), POSSE_OK);
    struct span copy = exact(a.p, a.n);
    struct reader r = reader_of(copy);
    if (template_load(&r, &u, &why))
        fail_msg("%s", why.text);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(template_save(u, &b), POSSE_OK);
    assert_true(span_eq(buf_span(&a), buf_span(&b)));
    template_free(&u);
    exact_free(copy);
    for (size_t cut = 0; cut < a.n; cut += 1 + cut / 16) {
        copy = exact(a.p, cut);
        r = reader_of(copy);
        assert_int_equal(template_load(&r, &u, &why), POSSE_ECORRUPT);
        exact_free(copy);
    }
    a.p[0] = 99;
    r = reader_of(buf_span(&a));
    assert_int_equal(template_load(&r, &u, &why), POSSE_EVERSION);
    buf_deinit(&a);
    buf_deinit(&b);
    template_free(&t);
    clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_have_their_types),     cmocka_unit_test(dictionaries_hold_what_was_seen),
        cmocka_unit_test(forgets_what_one_alone_had),
        cmocka_unit_test(passages_in_any_order_float), cmocka_unit_test(versions_are_parted),
        cmocka_unit_test(strangers_have_no_template), cmocka_unit_test(odd_texts_are_no_error),
        cmocka_unit_test(saved_and_loaded_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
