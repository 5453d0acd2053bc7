/* ham: the sketch and the sample. A shingle's three bits lie in one line of 64 bytes, so that a look-up is one miss of the cache. A number is
 * a shingle's word by its kind only, because slots for numbers stand for all of them. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "campaign/ham_priv.h"

enum { PROBES = 3 };

int ham_new(const struct ham_options *o, struct ham **out, struct report *why)
{
    *out = NULL;
    if (o->sample && !o->key)
        return report_set(why, POSSE_EINVAL, "ham: texts are kept only with a key to encrypt them: give one, or keep none");
    struct ham *h = calloc(1, sizeof *h);
    size_t want = o->sketch_bytes ? o->sketch_bytes : 16 << 20, half = HAM_BYTES_LEAST;
    while (half * 4 <= want && half < HAM_BYTES_MAX)
        half *= 2;
    if (h) {
        h->half_bytes = half;
        h->half[0] = calloc(1, half);
        h->half[1] = calloc(1, half);
        h->sample = o->sample < HAM_SAMPLE_MAX ? o->sample : HAM_SAMPLE_MAX;
        h->text = calloc(h->sample + 1, sizeof *h->text);
    }
    if (!h || !h->half[0] || !h->half[1] || !h->text) {
        ham_free(&h);
        return report_set(why, POSSE_ENOMEM, "ham: out of memory");
    }
    if (o->key)
        memcpy(h->key, o->key, HAM_KEY);
    h->has_key = o->key;
    *out = h;
    return POSSE_OK;
}

void ham_free(struct ham **h)
{
    struct ham *x = *h;
    *h = NULL;
    if (!x)
        return;
    for (size_t i = 0; i < x->n_text; i++)
        free((void *)x->text[i].p);
    free(x->text);
    free(x->half[0]);
    free(x->half[1]);
    explicit_bzero(x->key, sizeof x->key);
    free(x);
}

/* ---- shingles ---- */

struct walk { struct span text; size_t i, n; uint64_t word[HAM_SHINGLE]; };

/* The next shingle's hash. False: no more. */
static bool next(struct walk *w, uint64_t *hash)
{
    while (w->i < w->text.n) {
        size_t from;
        while (w->i < w->text.n && w->text.p[w->i] <= ' ')
            w->i++;
        bool is_number = true;
        for (from = w->i; w->i < w->text.n && w->text.p[w->i] > ' '; w->i++)
            is_number &= ascii_is_digit(w->text.p[w->i]);
        if (from == w->i)
            return false;
        uint64_t h = is_number ? 1 : hash64(span_sub(w->text, from, w->i), 0);
        w->word[0] = w->word[1];
        w->word[1] = w->word[2];
        w->word[2] = h;
        if (++w->n >= HAM_SHINGLE) {
            *hash = mix64(mix64(mix64(w->word[0]) + w->word[1]) + w->word[2]);
            return true;
        }
    }
    return false;
}

static uint8_t *line_of(const struct ham *h, int half, uint64_t hash)
{
    return h->half[half] + (hash & (h->half_bytes / HAM_LINE - 1)) * HAM_LINE;
}

/* Nine bits of the hash each: a bit of the line's 512. */
static unsigned bit_of(uint64_t hash, int probe) { return (unsigned)(hash >> (64 - 9 * (probe + 1))) & 511; }

static bool half_has(const struct ham *h, int half, uint64_t hash)
{
    const uint8_t *line = line_of(h, half, hash);
    bool has = true;
    for (int k = 0; k < PROBES; k++)
        has &= line[bit_of(hash, k) / 8] >> bit_of(hash, k) % 8 & 1;
    return has;
}

static bool has(const struct ham *h, uint64_t hash) { return half_has(h, 0, hash) || half_has(h, 1, hash); }

static void put(struct ham *h, uint64_t hash)
{
    uint8_t *line = line_of(h, 0, hash);
    for (int k = 0; k < PROBES; k++) {
        uint8_t bit = (uint8_t)(1u << bit_of(hash, k) % 8), *byte = &line[bit_of(hash, k) / 8];
        h->bits_set += !(*byte & bit);
        *byte |= bit;
    }
}

static void turn_over(struct ham *h)
{
    uint8_t *old = h->half[1];
    h->half[1] = h->half[0];
    h->half[0] = memset(old, 0, h->half_bytes);
    h->bits_set = 0;
}

/* ---- ham ---- */

static int sample(struct ham *h, struct span text, uint64_t random)
{
    size_t at = h->n_text < h->sample ? h->n_text : (size_t)(random % (h->seen + 1));
    if (at >= h->sample || !text.n)
        return POSSE_OK;
    uint8_t *copy = malloc(text.n);
    if (!copy)
        return POSSE_ENOMEM;
    memcpy(copy, text.p, text.n);
    if (at < h->n_text)
        free((void *)h->text[at].p);
    else
        h->n_text++;
    h->text[at] = span_of(copy, text.n);
    return POSSE_OK;
}

int ham_add(struct ham *h, struct span text, uint64_t random)
{
    text = span_sub(text, 0, HAM_TEXT_MAX);
    int rc = sample(h, text, random);
    if (rc)
        return rc;
    struct walk w = {.text = text};
    for (uint64_t hash; next(&w, &hash);)
        put(h, hash);
    h->seen++;
    if (h->bits_set > h->half_bytes * 8 / 2)
        turn_over(h);
    return POSSE_OK;
}

uint64_t ham_seen(const struct ham *h) { return h->seen; }

bool ham_has(const struct ham *h, struct span shingle)
{
    struct walk w = {.text = shingle};
    uint64_t hash;
    return next(&w, &hash) && has(h, hash);
}

double ham_share(const struct ham *h, struct span text)
{
    struct walk w = {.text = text};
    size_t n = 0, known = 0;
    for (uint64_t hash; next(&w, &hash); n++)
        known += has(h, hash);
    return n ? (double)known / (double)n : 0;
}

size_t ham_texts(const struct ham *h) { return h->n_text; }

int ham_each(const struct ham *h, int (*fn)(void *ctx, struct span text), void *ctx)
{
    int rc = 0;
    for (size_t i = 0; i < h->n_text && !rc; i++)
        rc = fn(ctx, h->text[i]);
    return rc;
}
