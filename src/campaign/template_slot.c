/* template_slot: what stands in a gap, message for message, becomes a slot with a type.
 *
 * A dictionary is taken for complete when each of its words came CLOSED_LEAST times: by Good and Turing's rule the weight of what was
 * not seen is near the share of what was seen once. Random strings are told from words of a large dictionary by the index of coincidence
 * (Friedman 1922): how much oftener two letters are alike than if all letters of the alphabet were equally frequent. */
#include <stdlib.h>

#include "base/hash.h"
#include "campaign/template_priv.h"

enum { CLOSED_LEAST = 3, CLOSED_TEXTS = 20, COLUMNS_MAX = 12, RANDOM_TEXTS = 8, RANDOM_LETTERS = 4 };

struct value { uint64_t hash; uint32_t count; struct gap g; };

static uint64_t gap_hash(const struct gap *g)
{
    uint64_t h = g->n;
    for (size_t i = 0; i < g->n; i++)
        h = mix64(h ^ (uint64_t)g->t->w[g->from + i].hash << 16 ^ g->t->w[g->from + i].n) + 1;
    return h;
}

static uint32_t gap_bytes(const struct gap *g)
{
    uint32_t n = g->n ? g->n - 1u : 0;
    for (size_t i = 0; i < g->n; i++)
        n += g->t->w[g->from + i].n;
    return n;
}

static int by_hash(const void *a, const void *b)
{
    const struct value *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static int by_count(const void *a, const void *b)
{
    const struct value *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : by_hash(a, b);
}

/* The distinct ones of what is not empty, most frequent first. */
static struct value *distinct(struct arena *scratch, const struct gap *g, size_t n, size_t *n_out)
{
    struct value *v = arena_alloc(scratch, n * sizeof *v);
    size_t k = 0, m = 0;
    if (!v)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (g[i].n)
            v[k++] = (struct value){gap_hash(&g[i]), 1, g[i]};
    qsort(v, k, sizeof *v, by_hash);
    for (size_t i = 0; i < k; i++)
        if (m && v[m - 1].hash == v[i].hash)
            v[m - 1].count++;
        else
            v[m++] = v[i];
    qsort(v, m, sizeof *v, by_count);
    *n_out = m;
    return v;
}

static bool is_closed(const struct value *v, size_t n, size_t texts)
{
    if (!n || n > SLOT_WORDS_MAX || texts < CLOSED_TEXTS || v[n - 1].count < CLOSED_LEAST)
        return false;
    for (size_t i = 0; i < n; i++)
        if (gap_bytes(&v[i].g) > SLOT_WORD_BYTES)
            return false;
    return true;
}

/* The words of a dictionary, or what came more than once of free text. */
static bool keep_words(struct arena *a, struct slot *s, const struct value *v, size_t n)
{
    struct span *w = arena_alloc(a, (n < SLOT_WORDS_MAX ? n : SLOT_WORDS_MAX) * sizeof *w);
    if (!w)
        return false;
    for (size_t i = 0; i < n && s->n_words < SLOT_WORDS_MAX; i++) {
        if (gap_bytes(&v[i].g) > SLOT_WORD_BYTES || (s->type == SLOT_FREE && v[i].count < 2))
            continue;
        w[s->n_words] = words_copy(a, v[i].g.t, v[i].g.from, v[i].g.n);
        if (!w[s->n_words++].p)
            return false;
    }
    s->word = w;
    return true;
}

bool slot_of_kind(struct arena *a, enum slot_type kind, struct span word, struct slot *out)
{
    struct span *w = arena_alloc(a, sizeof *w);
    if (!w || !(*w = arena_copy(a, word)).p)
        return false;
    *out = (struct slot){.type = kind, .is_closed = kind != SLOT_NUMBER, .least_words = 1, .most_words = 1, .least = (uint32_t)word.n,
                         .most = (uint32_t)word.n, .word = w, .n_words = 1};
    return true;
}

/* "a-z0-9" and what else there is. False: it has more than ASCII. */
static bool alphabet_of(const uint32_t seen[256], char out[64])
{
    size_t n = 0;
    bool has_letter = false, has_digit = false;
    for (int c = 0; c < 256; c++) {
        if (seen[c] && c >= 0x80)
            return false;
        has_letter |= seen[c] && c >= 'a' && c <= 'z';
        has_digit |= seen[c] && c >= '0' && c <= '9';
    }
    if (has_letter)
        n += (size_t)(stpcpy(out + n, "a-z") - (out + n));
    if (has_digit)
        n += (size_t)(stpcpy(out + n, "0-9") - (out + n));
    for (int c = '!'; c < 0x7f; c++)
        if (seen[c] && !ascii_is_digit((uint8_t)c) && !(c >= 'a' && c <= 'z') && n < 60)
            out[n++] = (char)c;
    out[n] = '\0';
    return true;
}

/* Are these the letters of no language? */
static bool is_random(const struct value *v, size_t n, char alphabet[64])
{
    uint32_t seen[256] = {0};
    double all = 0, pairs = 0, letters = 0;
    for (size_t i = 0; i < n; i++) {
        struct span w = word_span(v[i].g.t, v[i].g.from);
        for (size_t k = 0; k < w.n; k++)
            seen[w.p[k]]++;
        all += (double)w.n;
    }
    for (int c = 0; c < 256; c++) {
        pairs += seen[c] ? (double)seen[c] * (seen[c] - 1) : 0;
        letters += seen[c] > 0;
    }
    return all >= RANDOM_LETTERS * (double)n && pairs / (all * (all - 1)) * letters < 1.35 && alphabet_of(seen, alphabet);
}

static bool type_words(struct arena *a, struct slot *s, const struct value *v, size_t n, size_t texts)
{
    char alphabet[64];
    size_t kinds[SLOT_TYPES + 1] = {0};
    for (size_t i = 0; i < n; i++)
        kinds[word_kind(word_span(v[i].g.t, v[i].g.from))] += v[i].count;
    for (int k = SLOT_NUMBER; k <= SLOT_URL; k++)
        if (kinds[k] >= field_most(texts)) {
            s->type = (enum slot_type)k;
            s->is_closed = k != SLOT_NUMBER;
            return keep_words(a, s, v, n);
        }
    if (texts >= RANDOM_TEXTS && n * 2 >= texts && is_random(v, n, alphabet)) {
        s->type = SLOT_RANDOM;
        s->alphabet = arena_copy(a, span_str(alphabet));
        return s->alphabet.p;
    }
    s->type = SLOT_WORD;
    return keep_words(a, s, v, n);
}

static void measure(struct slot *s, const struct gap *g, size_t n)
{
    s->least = UINT32_MAX;
    s->least_words = UINT16_MAX;
    for (size_t i = 0; i < n; i++) {
        if (!g[i].n)
            continue;
        uint32_t bytes = gap_bytes(&g[i]);
        s->least = bytes < s->least ? bytes : s->least;
        s->most = bytes > s->most ? bytes : s->most;
        s->least_words = g[i].n < s->least_words ? g[i].n : s->least_words;
        s->most_words = g[i].n > s->most_words ? g[i].n : s->most_words;
    }
}

static int by_width(const void *a, const void *b)
{
    const struct gap *x = a, *y = b;
    return (x->n > y->n) - (x->n < y->n);
}

/* One in a hundred may differ by misadventure of the alignment: those that are widest go. */
static size_t drop_odd(struct gap *g, size_t n)
{
    qsort(g, n, sizeof *g, by_width);
    return field_most(n);
}

static bool one_slot(struct arena *a, struct arena *scratch, const struct gap *g, size_t n, size_t filled, struct piece *out)
{
    size_t d;
    struct slot *s = &out->slot;
    struct value *v = distinct(scratch, g, n, &d);
    *out = (struct piece){.is_slot = true};
    if (!v)
        return false;
    measure(s, g, n);
    s->may_be_empty = filled < field_most(n);
    s->is_closed = is_closed(v, d, n);
    if (s->most_words == 1)
        return type_words(a, s, v, d, filled);
    s->type = s->is_closed ? SLOT_WORD : SLOT_FREE;
    return keep_words(a, s, v, d);
}

/* The width of all, if they are alike; else 0. */
static size_t columns(const struct gap *g, size_t n, size_t max)
{
    size_t w = g[n - 1].n, alike = 0;
    for (size_t i = 0; i < n; i++)
        alike += g[i].n == w;
    return alike == n && w > 1 && w <= COLUMNS_MAX && w <= max ? w : 0;
}

size_t slots_make(struct arena *a, struct arena *scratch, struct gap *g, size_t n, struct piece *out, size_t max)
{
    size_t filled = 0, d = 0;
    n = drop_odd(g, n);
    for (size_t i = 0; i < n; i++)
        filled += g[i].n > 0;
    if (!filled || !max)
        return 0;
    size_t w = columns(g, n, max);
    struct value *v = w ? distinct(scratch, g, n, &d) : NULL;
    if (!w || !v || is_closed(v, d, n))
        return (w && !v) || !one_slot(a, scratch, g, n, filled, out) ? SIZE_MAX : 1;
    for (size_t c = 0; c < w; c++) {
        struct gap *column = arena_alloc(scratch, n * sizeof *column);
        for (size_t i = 0; column && i < n; i++)
            column[i] = (struct gap){g[i].t, (uint16_t)(g[i].from + c), 1};
        if (!column || !one_slot(a, scratch, column, n, n, &out[c]))
            return SIZE_MAX;
    }
    return w;
}
