/* fault_template: the n-th allocation fails, for every n, while a template is inferred, saved and loaded, ham is added, saved and loaded, and
 * signatures are built. Afterwards: it is POSSE_ENOMEM, nothing is handed out, and the same again without the fault is whole. */
#include "fault.h"

#include "../unit/polymorph.h"
#include "base/error.h"
#include "campaign/signature.h"

/* What is C++ in Vectorscan gets its memory always: there are places where it ends the process if it does not. */
STAND_IN void *_Znwm(size_t n);
STAND_IN void *_Znam(size_t n);
STAND_IN void *_Znwm(size_t n) { return __libc_malloc(n ? n : 1); }
STAND_IN void *_Znam(size_t n) { return __libc_malloc(n ? n : 1); }

enum { TEXTS = 24, HAM = 1020 };
static const uint8_t key[32] = {9};

struct world { struct template_text t[TEXTS]; struct buf b[2 * TEXTS]; };

static void make(struct world *w)
{
    struct polymorph p = {.seed = 3, .sentences = 6, .spin = 200, .numbers = 50};
    for (size_t i = 0; i < TEXTS; i++) {
        buf_init(&w->b[2 * i], 1 << 16);
        buf_init(&w->b[2 * i + 1], 1 << 16);
        polymorph_subject(&p, i, &w->b[2 * i]);
        polymorph_text(&p, i, &w->b[2 * i + 1]);
        w->t[i] = (struct template_text){buf_span(&w->b[2 * i]), buf_span(&w->b[2 * i + 1])};
    }
}

static void unmake(struct world *w)
{
    for (size_t i = 0; i < 2 * TEXTS; i++)
        buf_deinit(&w->b[i]);
}

static struct template *infer(const struct world *w)
{
    struct template *t;
    assert_int_equal(template_infer(w->t, TEXTS, NULL, &t, NULL), POSSE_OK);
    return t;
}

static void inference(void **state)
{
    (void)state;
    struct world w;
    make(&w);
    long n = 0;
    do {
        struct template *t[2] = {NULL, NULL};
        size_t made = 0;
        struct report why = {0};
        n++;
        arm(FAULT_MALLOC, n, n % 2);
        int rc = template_infer_all(w.t, TEXTS, t, 2, &made, NULL, &why);
        disarm();
        assert_true(rc == POSSE_OK ? made == 1 && t[0] : rc == POSSE_ENOMEM && why.code == rc && !made && !t[0]);
        assert_true(!rc != fault.tripped || (!rc && made)); /* what was tried after the first version may fail */
        template_free(&t[0]);
    } while (fault.tripped);
    assert_in_range(n, 3, 1000);
    unmake(&w);
}

static void template_bytes(void **state)
{
    (void)state;
    struct world w;
    make(&w);
    struct template *t = infer(&w), *u;
    struct buf whole, b;
    buf_init(&whole, 1 << 20);
    assert_int_equal(template_save(t, &whole), POSSE_OK);
    long n = 0;
    do {
        buf_init(&b, 1 << 20);
        n++;
        arm(FAULT_MALLOC, n, n % 2);
        int saved = template_save(t, &b);
        struct reader r = reader_of(buf_span(&whole));
        int loaded = template_load(&r, &u, NULL);
        disarm();
        assert_true(saved == POSSE_OK || saved == POSSE_ENOMEM);
        assert_true(loaded == POSSE_OK ? u != NULL : loaded == POSSE_ENOMEM && !u);
        assert_true(saved || span_eq(buf_span(&b), buf_span(&whole)));
        template_free(&u);
        buf_deinit(&b);
    } while (fault.tripped);
    buf_deinit(&whole);
    template_free(&t);
    unmake(&w);
}

static struct ham *ham(const struct ham_options *o)
{
    struct ham *h;
    struct buf b;
    buf_init(&b, 1 << 16);
    assert_int_equal(ham_new(o, &h, NULL), POSSE_OK);
    for (unsigned i = 0; i < HAM; i++) {
        polymorph_text(&(struct polymorph){.seed = 70 + i, .sentences = 5}, 0, &b);
        assert_int_equal(ham_add(h, buf_span(&b), i), POSSE_OK);
    }
    buf_deinit(&b);
    return h;
}

static void ham_bytes(void **state)
{
    (void)state;
    const struct ham_options o = {.sketch_bytes = 1 << 14, .sample = 8, .key = key};
    struct ham *h = ham(&o), *g;
    struct buf whole;
    buf_init(&whole, 1 << 20);
    assert_int_equal(ham_save(h, &whole), POSSE_OK);
    long n = 0;
    do {
        struct buf b;
        buf_init(&b, 1 << 20);
        n++;
        arm(FAULT_MALLOC, n, n % 2);
        int added = ham_add(h, SPAN_LIT("three more words"), (uint64_t)n % 8), saved = ham_save(h, &b);
        struct reader r = reader_of(buf_span(&whole));
        int loaded = ham_load(&r, &o, &g, NULL);
        disarm();
        assert_true(added == POSSE_OK || added == POSSE_ENOMEM);
        assert_true(saved == POSSE_OK || saved == POSSE_ENOMEM);
        /* OpenSSL that has no memory cannot say that the bytes are good. */
        assert_true(loaded == POSSE_OK ? ham_texts(g) == 8 : (loaded == POSSE_ENOMEM || loaded == POSSE_ECORRUPT) && !g);
        ham_free(&g);
        r = reader_of(buf_span(&b));
        assert_int_equal(saved ? POSSE_OK : ham_load(&r, &o, &g, NULL), POSSE_OK);
        ham_free(&g);
        buf_deinit(&b);
    } while (fault.tripped);
    assert_int_equal(ham_texts(h), 8);
    buf_deinit(&whole);
    ham_free(&h);
}

static void building(void **state)
{
    (void)state;
    struct world w;
    make(&w);
    struct template *t = infer(&w);
    struct ham *h = ham(&(struct ham_options){.sketch_bytes = 1 << 20, .sample = HAM, .key = key});
    const struct signature_in in = {1, 2, t};
    long n = 0;
    do {
        struct signatures *s;
        struct report why = {0};
        n++;
        arm(FAULT_MALLOC, n, n % 2);
        int rc = signatures_build(&in, 1, h, NULL, NULL, &s, &why);
        struct signature_scratch *x = rc ? NULL : signature_scratch_new(s);
        disarm();
        assert_true(rc == POSSE_OK ? s != NULL : rc == POSSE_ENOMEM && why.code == rc && !s);
        signature_scratch_free(&x);
        signatures_free(&s);
    } while (fault.tripped);
    struct signatures *s;
    assert_int_equal(signatures_build(&in, 1, h, NULL, NULL, &s, NULL), POSSE_OK);
    assert_int_equal(signatures_count(s), 1);
    signatures_free(&s);
    ham_free(&h);
    template_free(&t);
    unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inference),
        cmocka_unit_test(template_bytes),
        cmocka_unit_test(ham_bytes),
        cmocka_unit_test(building),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
