/* template_words: a normalised text as words. Bytes up to a blank part words, whatever they are, so that a text which was not normalised does
 * no harm. */
#include "base/hash.h"
#include "campaign/template_priv.h"

static size_t scan(struct span text, struct word *w)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < TEMPLATE_WORDS_MAX;) {
        if (text.p[i] <= ' ') {
            i++;
            continue;
        }
        size_t from = i;
        while (i < text.n && text.p[i] > ' ' && i - from < UINT16_MAX)
            i++;
        if (w)
            w[n] = (struct word){(uint32_t)hash64(span_sub(text, from, i), 0), (uint32_t)from, (uint16_t)(i - from)};
        n++;
    }
    return n;
}

bool words_split(struct arena *a, struct span text, struct words *out)
{
    text = span_sub(text, 0, BYTES_MAX);
    *out = (struct words){.text = text};
    size_t n = scan(text, NULL);
    out->w = arena_alloc(a, n * sizeof *out->w);
    if (!out->w)
        return false;
    out->n = scan(text, out->w);
    return true;
}

uint64_t words_pair(const struct words *t, ptrdiff_t i)
{
    uint64_t first = i < 0 ? 0x9e3779b9u : t->w[i].hash, second = (size_t)(i + 1) >= t->n ? 0x85ebca6bu : t->w[i + 1].hash;
    return mix64(first << 32 | second) | 1; /* 0 is no pair */
}

struct span words_copy(struct arena *a, const struct words *t, size_t from, size_t n)
{
    size_t bytes = 0;
    for (size_t i = from; i < from + n; i++)
        bytes += t->w[i].n + 1u;
    uint8_t *p = arena_alloc(a, bytes);
    if (!p || !n)
        return SPAN_NONE;
    size_t at = 0;
    for (size_t i = from; i < from + n; i++) {
        if (at)
            p[at++] = ' ';
        memcpy(p + at, t->text.p + t->w[i].at, t->w[i].n);
        at += t->w[i].n;
    }
    return span_of(p, at);
}

enum slot_type word_kind(struct span word)
{
    bool is_number = word.n > 0;
    for (size_t i = 0; i < word.n && is_number; i++)
        is_number = ascii_is_digit(word.p[i]);
    if (is_number)
        return SLOT_NUMBER;
    return span_eq(word, SPAN_LIT("URL")) ? SLOT_URL : span_eq(word, SPAN_LIT("ADDRESS")) ? SLOT_ADDRESS : SLOT_TYPES;
}
