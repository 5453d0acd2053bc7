/* fuzz_template: the first byte says what the rest is: a saved template; the payload of saved ham, under a checksum that fits; or texts, one a
 * line, a subject and a tab before each. What comes out is valid, survives being saved, and no signature of it matches ham that was added. */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "campaign/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HAM_TEXTS = 1000, HAM_WORDS = 12, KINDS = 3 };
static const uint8_t key[32] = {5};

static struct span ham_text(unsigned i, char out[256])
{
    static const char *const word[] = {"a", "b", "the", "river", "boat", "come", "home", "12", "URL", "ADDRESS", "at", "night"};
    size_t at = 0;
    for (unsigned w = 0; w < HAM_WORDS; w++) {
        const char *s = word[mix64(i * 100 + w) % (sizeof word / sizeof *word)];
        if (w)
            out[at++] = ' ';
        memcpy(out + at, s, strlen(s));
        at += strlen(s);
    }
    return span_of(out, at);
}

/* Made once: it is only read from then on. */
static const struct ham *ham_of(size_t sample)
{
    static struct ham *made[2];
    struct ham *h = made[sample > 0];
    char text[256];
    if (h)
        return h;
    if (ham_new(&(struct ham_options){.sketch_bytes = 1 << 16, .sample = sample, .key = key}, &h, NULL))
        abort();
    for (unsigned i = 0; i < HAM_TEXTS; i++)
        ham_add(h, ham_text(i, text), i);
    made[sample > 0] = h;
    return h;
}

static void check_signature(const struct template *t, struct span subject, struct span text)
{
    for (size_t sample = 0; sample <= HAM_TEXTS; sample += HAM_TEXTS) {
        const struct ham *h = ham_of(sample);
        struct signatures *s;
        struct report why = {0};
        if (signatures_build(&(struct signature_in){1, 2, t}, 1, h, NULL, NULL, &s, &why))
            abort();
        struct signature_scratch *x = signature_scratch_new(s);
        struct signature_hit hit;
        char ham[256];
        for (unsigned i = 0; i < HAM_TEXTS; i++)
            if (signatures_match(s, x, subject, ham_text(i, ham), &hit, 1))
                abort();
        signatures_match(s, x, subject, text, &hit, 1);
        struct buf b;
        buf_init(&b, 1 << 24);
        for (size_t i = 0; i < signatures_count(s); i++)
            if (signatures_text(s, i, &b))
                abort();
        buf_deinit(&b);
        signature_scratch_free(&x);
        signatures_free(&s);
    }
}

static void check_template(const struct template *t, struct span subject, struct span text)
{
    struct buf a, b;
    struct template *u;
    const char *why;
    buf_init(&a, 1 << 24);
    buf_init(&b, 1 << 24);
    if (!template_validate(t, &why) || template_save(t, &a))
        abort();
    struct reader r = reader_of(buf_span(&a));
    if (template_load(&r, &u, NULL) || template_save(u, &b) || !span_eq(buf_span(&a), buf_span(&b)))
        abort();
    if (template_expression(t, &b) && b.err != POSSE_ELIMIT)
        abort();
    check_signature(u, subject, text);
    template_free(&u);
    buf_deinit(&a);
    buf_deinit(&b);
}

static void load_template(struct span in)
{
    struct reader r = reader_of(in);
    struct template *t;
    struct report why = {0};
    int rc = template_load(&r, &t, &why);
    if (!rc)
        check_template(t, SPAN_LIT("hello"), in);
    else if (rc != why.code || !why.text[0])
        abort();
    template_free(&t);
}

static void load_ham(struct span in)
{
    struct buf b;
    struct ham *h;
    struct report why = {0};
    uint8_t digest[32];
    buf_init(&b, 1 << 24);
    buf_add(&b, "PHAM\1\0", 6);
    sha256(in, digest);
    buf_add(&b, digest, sizeof digest);
    buf_add_u64(&b, in.n);
    buf_add_span(&b, in);
    struct reader r = reader_of(buf_span(&b));
    if (!ham_load(&r, &(struct ham_options){.sample = 4, .key = key}, &h, &why)) {
        if (ham_texts(h) > 4 || ham_share(h, in) > 1 || ham_add(h, in, 1) || ham_has(h, in) != (ham_share(h, in) > 0 && ham_has(h, in)))
            abort();
    } else if (!why.text[0]) {
        abort();
    }
    ham_free(&h);
    r = reader_of(in); /* and without a head */
    if (!ham_load(&r, &(struct ham_options){.key = key}, &h, &why))
        ham_free(&h);
    buf_deinit(&b);
}

static void infer(struct span in)
{
    struct template_text t[64];
    size_t n = 0;
    for (size_t i = 0; i < in.n && n < 64; n++) {
        ptrdiff_t end = span_chr(span_sub(in, i, in.n), '\n');
        struct span line = span_sub(in, i, end < 0 ? in.n : i + (size_t)end);
        ptrdiff_t tab = span_chr(line, '\t');
        t[n] = (struct template_text){tab < 0 ? SPAN_NONE : span_sub(line, 0, (size_t)tab), span_sub(line, (size_t)(tab + 1), line.n)};
        i += line.n + 1;
    }
    for (size_t k = n; n && k < 8; k++) /* few are many, for what needs many */
        t[k] = t[k % n];
    struct template *x[4];
    size_t made;
    uint8_t version[64];
    if (!n || template_infer_all(t, n < 8 ? 8 : n, x, 4, &made, version, NULL))
        return;
    for (size_t k = 0; k < made; k++) {
        check_template(x[k], t[0].subject, t[0].text);
        template_free(&x[k]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 1 << 16)
        return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    struct span in = span_of(copy, size - 1);
    switch (data[0] % KINDS) {
    case 0: infer(in); break;
    case 1: load_template(in); break;
    default: load_ham(in); break;
    }
    free(copy);
    return 0;
}
