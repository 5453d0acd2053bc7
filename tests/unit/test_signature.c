/* signature: later messages of a template are matched, ham never is, whatever an adversary puts into the template. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "campaign/signature.h"
#include "polymorph.h"

enum { FIRST = 200, LATER = 500, HAM = 1100 };
static const uint8_t key[32] = {7};

struct world { struct ham *ham; struct span text[2 * HAM]; }; /* the first half is known */

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(ham_new(&(struct ham_options){.sketch_bytes = 1 << 22, .sample = HAM, .key = key}, &w->ham, NULL), POSSE_OK);
    for (unsigned i = 0; i < 2 * HAM; i++) {
        struct polymorph p = {.seed = 50000 + i, .sentences = 20, .numbers = 30};
        polymorph_text(&p, 0, &b);
        w->text[i] = exact(b.p, b.n);
        if (i < HAM)
            assert_int_equal(ham_add(w->ham, w->text[i], mix64(i)), POSSE_OK);
    }
    buf_deinit(&b);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 2 * HAM; i++)
        exact_free(w->text[i]);
    ham_free(&w->ham);
    free(w);
    return 0;
}

/* Some twenty words of known ham. */
static struct span ham_words(void *ctx, uint64_t random)
{
    const struct world *w = ctx;
    struct span t = w->text[random % HAM];
    size_t from = mix64(random) % (t.n / 2), to = from + 100;
    while (from && t.p[from - 1] != ' ')
        from--;
    while (to < t.n && t.p[to] != ' ')
        to++;
    return span_sub(t, from, to);
}

static struct template *infer(const struct polymorph *p, size_t n)
{
    static struct template_text t[TEMPLATE_TEXTS_MAX];
    struct template *out = NULL;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        polymorph_subject(p, i, &b);
        t[i].subject = exact(b.p, b.n);
        polymorph_text(p, i, &b);
        t[i].text = exact(b.p, b.n);
    }
    assert_int_equal(template_infer(t, n, NULL, &out, NULL), POSSE_OK);
    for (size_t i = 0; i < n; i++) {
        exact_free(t[i].subject);
        exact_free(t[i].text);
    }
    buf_deinit(&b);
    return out;
}

static void keep_reason(void *ctx, size_t i, const char *why)
{
    (void)i;
    *(const char **)ctx = why;
}

static struct signatures *build(const struct template *t, const struct ham *ham, const char **refused)
{
    struct signatures *s;
    struct report why = {0};
    *refused = NULL;
    if (signatures_build(&(struct signature_in){42, 3, t}, 1, ham, keep_reason, refused, &s, &why))
        fail_msg("%s", why.text);
    return s;
}

static unsigned matched(const struct signatures *s, const struct polymorph *p, size_t from, size_t n)
{
    struct signature_scratch *x = signature_scratch_new(s);
    struct signature_hit hit;
    struct buf b, subject;
    unsigned hits = 0;
    buf_init(&b, 1 << 20);
    buf_init(&subject, 1 << 20);
    for (size_t i = from; i < from + n; i++) {
        polymorph_subject(p, i, &subject);
        polymorph_text(p, i, &b);
        struct span text = exact(b.p, b.n);
        if (signatures_match(s, x, buf_span(&subject), text, &hit, 1)) {
            assert_true(hit.campaign == 42 && hit.version == 3 && hit.proof == signatures_get(s, 0).proof);
            hits++;
        }
        exact_free(text);
    }
    buf_deinit(&b);
    buf_deinit(&subject);
    signature_scratch_free(&x);
    return hits;
}

static unsigned matched_ham(const struct signatures *s, const struct world *w)
{
    struct signature_scratch *x = signature_scratch_new(s);
    unsigned hits = 0;
    for (unsigned i = 0; i < 2 * HAM; i++)
        hits += signatures_match(s, x, SPAN_LIT("hello"), w->text[i], NULL, 0) > 0;
    signature_scratch_free(&x);
    return hits;
}

static void later_messages_match_and_ham_does_not(void **state)
{
    struct world *w = *state;
    const struct polymorph kind[] = {
        {.sentences = 20},
        {.sentences = 20, .numbers = 100},
        {.sentences = 20, .numbers = 50, .spin = 300},
        {.sentences = 20, .numbers = 50, .spin = 500},
        {.sentences = 20, .numbers = 50, .spin = 100, .optional = 400},
        {.sentences = 20, .numbers = 50, .spin = 100, .swap = 200},
        {.sentences = 20, .numbers = 50, .spin = 100, .rare = 300},
        {.sentences = 8, .numbers = 50, .spin = 100, .shuffles = true},
        {.sentences = 20, .numbers = 50, .spin = 200, .poison = 4, .ham = ham_words, .ctx = w},
        {.sentences = 20, .numbers = 50, .spin = 200, .fixed_poison = 6, .ham = ham_words, .ctx = w},
    };
    for (unsigned k = 0; k < sizeof kind / sizeof *kind; k++)
        for (unsigned seed = 1; seed < 4; seed++) {
            struct polymorph p = kind[k];
            p.seed = seed;
            struct template *t = infer(&p, FIRST);
            const char *refused;
            struct signatures *s = build(t, w->ham, &refused);
            if (!signatures_count(s))
                fail_msg("kind %u seed %u: %s", k, seed, refused);
            unsigned hits = matched(s, &p, FIRST, LATER), ham = matched_ham(s, w);
            if (hits * 100 < LATER * 99 || ham)
                fail_msg("kind %u seed %u: %u of %d later ones, %u ham", k, seed, hits, LATER, ham);
            assert_int_equal(signatures_get(s, 0).proof, PROOF_SAMPLE);
            signatures_free(&s);
            template_free(&t);
        }
}

static void without_a_sample_the_proof_is_weaker(void **state)
{
    struct world *w = *state;
    struct ham *sketch;
    struct polymorph p = {.seed = 3, .sentences = 20, .spin = 100};
    struct template *t = infer(&p, FIRST);
    const char *refused;
    assert_int_equal(ham_new(&(struct ham_options){.sketch_bytes = 1 << 22}, &sketch, NULL), POSSE_OK);
    struct signatures *s = build(t, sketch, &refused);
    assert_int_equal(signatures_count(s), 0);
    assert_string_equal(refused, "too little wanted mail is known to prove anything; name some with posse observe --ham");
    signatures_free(&s);
    for (unsigned i = 0; i < HAM; i++)
        ham_add(sketch, w->text[i], 0);
    s = build(t, sketch, &refused);
    assert_int_equal(signatures_count(s), 1);
    assert_int_equal(signatures_get(s, 0).proof, PROOF_SKETCH);
    assert_int_equal(matched_ham(s, w), 0);
    signatures_free(&s);
    template_free(&t);
    ham_free(&sketch);
}

/* What is ham from its first to its last word has no signature. */
static void ham_itself_is_refused(void **state)
{
    struct world *w = *state;
    struct template_text same[20];
    for (unsigned i = 0; i < 20; i++)
        same[i] = (struct template_text){SPAN_LIT("hello"), w->text[7]};
    struct template *t;
    const char *refused;
    assert_int_equal(template_infer(same, 20, NULL, &t, NULL), POSSE_OK);
    struct signatures *s = build(t, w->ham, &refused);
    assert_int_equal(signatures_count(s), 0);
    assert_non_null(refused);
    signatures_free(&s);
    template_free(&t);
}

static void short_text_needs_its_subject(void **state)
{
    struct world *w = *state;
    struct template_text t[40];
    struct template *out;
    const char *refused;
    for (unsigned i = 0; i < 40; i++)
        t[i] = (struct template_text){SPAN_LIT("velvet harbour lanterns cheaply"), SPAN_LIT("obelisk marmalade quixotic URL")};
    assert_int_equal(template_infer(t, 40, NULL, &out, NULL), POSSE_OK);
    struct signatures *s = build(out, w->ham, &refused);
    assert_int_equal(signatures_count(s), 1);
    assert_true(signatures_get(s, 0).wants_subject);
    struct signature_scratch *x = signature_scratch_new(s);
    struct signature_hit hit[2];
    assert_int_equal(signatures_match(s, x, t[0].subject, t[0].text, hit, 2), 1);
    assert_int_equal(signatures_match(s, x, SPAN_LIT("another thing"), t[0].text, hit, 2), 0);
    assert_int_equal(signatures_match(s, x, t[0].subject, SPAN_LIT("obelisk marmalade URL"), hit, 2), 0);
    assert_int_equal(signatures_match(s, x, SPAN_NONE, SPAN_NONE, hit, 2), 0);
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_int_equal(signatures_text(s, 0, &b), POSSE_OK);
    assert_span_equal(buf_span(&b), " obelisk marmalade quixotic \n velvet harbour lanterns cheaply \n");
    buf_deinit(&b);
    signature_scratch_free(&x);
    signatures_free(&s);
    template_free(&out);
}

static void many_in_one_set(void **state)
{
    struct world *w = *state;
    enum { N = 40 };
    struct signature_in in[N];
    struct template *t[N];
    struct signatures *s;
    struct buf b;
    buf_init(&b, 1 << 20);
    for (unsigned i = 0; i < N; i++) {
        t[i] = infer(&(struct polymorph){.seed = 900 + i, .sentences = 10, .spin = 150, .numbers = 50}, 40);
        in[i] = (struct signature_in){i, 0, t[i]};
    }
    assert_int_equal(signatures_build(in, N, w->ham, NULL, NULL, &s, NULL), POSSE_OK);
    assert_int_equal(signatures_count(s), N);
    struct signature_scratch *x = signature_scratch_new(s);
    for (unsigned i = 0; i < N; i++) {
        struct signature_hit hit[4];
        polymorph_text(&(struct polymorph){.seed = 900 + i, .sentences = 10, .spin = 150, .numbers = 50}, 1000, &b);
        assert_int_equal(signatures_match(s, x, SPAN_NONE, buf_span(&b), hit, 4), 1);
        assert_true(hit[0].campaign == i && hit[0].passages >= signatures_get(s, i).least);
        template_free(&t[i]);
    }
    signature_scratch_free(&x);
    signatures_free(&s);
    buf_deinit(&b);
    assert_int_equal(signatures_build(NULL, 0, w->ham, NULL, NULL, &s, NULL), POSSE_OK);
    assert_int_equal(signatures_count(s), 0);
    x = signature_scratch_new(s);
    assert_int_equal(signatures_match(s, x, SPAN_NONE, w->text[0], NULL, 0), 0);
    signature_scratch_free(&x);
    signatures_free(&s);
}

static void signatures_age(void **state)
{
    (void)state;
    assert_false(signature_is_old(1000, 0, 1000 + SIGNATURE_QUIET_MS));
    assert_true(signature_is_old(1000, 0, 1001 + SIGNATURE_QUIET_MS));
    assert_false(signature_is_old(1000, 2000, 1001 + SIGNATURE_QUIET_MS));
    assert_false(signature_is_old(1000, 2000, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_messages_match_and_ham_does_not), cmocka_unit_test(without_a_sample_the_proof_is_weaker),
        cmocka_unit_test(ham_itself_is_refused),                 cmocka_unit_test(short_text_needs_its_subject),
        cmocka_unit_test(many_in_one_set),                       cmocka_unit_test(signatures_age),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
