/* The tables of campaigns: accounted memory, a map, and the index from keys to groups. Both tables are open addressing with linear
 * probing and removal by shifting back, so that nothing is left behind by what comes and goes. */
#include <stdlib.h>

#include "base/hash.h"
#include "campaign/campaigns_priv.h"

enum { CHUNK = 16 }; /* what the heap adds to each allocation, about */

void *heap_grow(struct heap *h, void *old, size_t had, size_t n, size_t each)
{
    if (n == 0) {
        free(old);
        h->bytes -= had ? had * each + CHUNK : 0;
        return NULL;
    }
    void *p = realloc(old, n * each);
    if (!p) {
        h->failed = true;
        return NULL;
    }
    if (n > had)
        memset((uint8_t *)p + had * each, 0, (n - had) * each);
    h->bytes += n * each + CHUNK;
    h->bytes -= had ? had * each + CHUNK : 0;
    return p;
}

/* ---- map64 ---- */

static size_t home_of(const struct map64 *m, uint64_t key) { return mix64(key) & (m->cap - 1); }

static void map64_set(struct map64 *m, uint64_t key, uint32_t value)
{
    size_t i = home_of(m, key);
    while (m->key[i] && m->key[i] != key)
        i = (i + 1) & (m->cap - 1);
    m->n += m->key[i] == 0;
    m->key[i] = key;
    m->value[i] = value;
}

static bool map64_widen(struct heap *h, struct map64 *m)
{
    struct map64 wide = {.cap = m->cap ? m->cap * 2 : 16};
    wide.key = heap_grow(h, NULL, 0, wide.cap, sizeof *wide.key);
    wide.value = heap_grow(h, NULL, 0, wide.cap, sizeof *wide.value);
    if (!wide.key || !wide.value) {
        map64_deinit(h, &wide);
        return false;
    }
    for (size_t i = 0; i < m->cap; i++)
        if (m->key[i])
            map64_set(&wide, m->key[i], m->value[i]);
    map64_deinit(h, m);
    *m = wide;
    return true;
}

bool map64_put(struct heap *h, struct map64 *m, uint64_t key, uint32_t value)
{
    if (m->n * 4 >= m->cap * 3 && !map64_widen(h, m))
        return false;
    map64_set(m, key, value);
    return true;
}

bool map64_get(const struct map64 *m, uint64_t key, uint32_t *value)
{
    if (m->cap == 0 || key == 0)
        return false;
    for (size_t i = home_of(m, key); m->key[i]; i = (i + 1) & (m->cap - 1))
        if (m->key[i] == key) {
            *value = m->value[i];
            return true;
        }
    return false;
}

void map64_drop(struct map64 *m, uint64_t key)
{
    if (m->cap == 0)
        return;
    size_t i = home_of(m, key);
    while (m->key[i] != key) {
        if (m->key[i] == 0)
            return;
        i = (i + 1) & (m->cap - 1);
    }
    for (size_t j = i;;) {
        j = (j + 1) & (m->cap - 1);
        if (m->key[j] == 0)
            break;
        if (((j - home_of(m, m->key[j])) & (m->cap - 1)) >= ((j - i) & (m->cap - 1))) {
            m->key[i] = m->key[j];
            m->value[i] = m->value[j];
            i = j;
        }
    }
    m->key[i] = 0;
    m->n--;
}

void map64_deinit(struct heap *h, struct map64 *m)
{
    if (m->key)
        heap_free(h, m->key, m->cap, sizeof *m->key);
    if (m->value)
        heap_free(h, m->value, m->cap, sizeof *m->value);
    *m = (struct map64){.n = 0};
}

/* ---- index ---- */

/* Keys are hashes already: their high bits choose the place, so that the table fills evenly as it widens. */
static size_t place_of(const struct index *x, uint32_t key) { return (size_t)(((uint64_t)key * x->cap) >> 32); }

static bool index_widen(struct heap *h, struct index *x)
{
    struct index wide = {.n = x->n, .cap = x->cap ? x->cap * 2 : 1024};
    wide.e = heap_grow(h, NULL, 0, wide.cap, sizeof *wide.e);
    if (!wide.e)
        return false;
    for (size_t k = 0; k < x->cap; k++)
        if (x->e[k].at) {
            size_t i = place_of(&wide, x->e[k].key);
            while (wide.e[i].at)
                i = (i + 1) & (wide.cap - 1);
            wide.e[i] = x->e[k];
        }
    size_t n = x->n;
    index_deinit(h, x);
    *x = wide;
    x->n = n;
    return true;
}

bool index_put(struct heap *h, struct index *x, uint32_t key, uint32_t slot)
{
    if (x->n * 8 >= x->cap * 5 && !index_widen(h, x))
        return false;
    unsigned same = 0;
    size_t i = place_of(x, key);
    for (; x->e[i].at; i = (i + 1) & (x->cap - 1))
        if (x->e[i].key == key && ++same == INDEX_SAME_MAX)
            return false;
    x->e[i] = (struct entry){key, slot + 1};
    x->n++;
    return true;
}

void index_drop(struct index *x, uint32_t key, uint32_t slot)
{
    if (x->cap == 0)
        return;
    size_t mask = x->cap - 1, i = place_of(x, key);
    while (x->e[i].key != key || x->e[i].at != slot + 1) {
        if (x->e[i].at == 0)
            return;
        i = (i + 1) & mask;
    }
    for (size_t j = i;;) {
        j = (j + 1) & mask;
        if (x->e[j].at == 0)
            break;
        if (((j - place_of(x, x->e[j].key)) & mask) >= ((j - i) & mask)) {
            x->e[i] = x->e[j];
            i = j;
        }
    }
    x->e[i] = (struct entry){0, 0};
    x->n--;
}

size_t index_find(const struct index *x, uint32_t key, uint32_t out[INDEX_SAME_MAX])
{
    size_t n = 0;
    if (x->cap == 0)
        return 0;
    for (size_t i = place_of(x, key); x->e[i].at && n < INDEX_SAME_MAX; i = (i + 1) & (x->cap - 1))
        if (x->e[i].key == key)
            out[n++] = x->e[i].at - 1;
    return n;
}

void index_prefetch(const struct index *x, uint32_t key)
{
    if (x->cap)
        __builtin_prefetch(&x->e[place_of(x, key)]);
}

void index_deinit(struct heap *h, struct index *x)
{
    if (x->e)
        heap_free(h, x->e, x->cap, sizeof *x->e);
    *x = (struct index){.n = 0};
}

/* ---- keys of a sketch ---- */

static uint32_t key_of(uint64_t kind, uint64_t x) { return (uint32_t)(mix64(x * 0x9e3779b97f4a7c15ull + kind) >> 32); }

void band_key(unsigned band, uint16_t a, uint16_t b, uint32_t *out) 
{
    *out = key_of(band + 16, (uint64_t)(a / SKETCH_EIGHTHS) << 16 | b / SKETCH_EIGHTHS);
}

uint32_t host_key(uint64_t host) { return key_of(KEY_HOST, host); }

uint32_t sender_key(enum sender_sign kind, uint64_t hash)
{
    uint32_t k = key_of(KEY_SENDER + kind, hash);
    return hash ? k | !k : 0;
}

size_t sketch_keys(const struct sketch *s, struct look_key out[LOOK_KEYS])
{
    size_t n = 0;
    if (s->n_shingles && s->kind <= SKETCH_SHORT)
        for (unsigned i = 0; i < BANDS; i++) {
            out[n] = (struct look_key){0, KEY_BAND, (uint8_t)i};
            band_key(i, s->slot[2 * i], s->slot[2 * i + 1], &out[n++].key);
        }
    if (s->subject)
        out[n++] = (struct look_key){key_of(KEY_SUBJECT, s->subject), KEY_SUBJECT, 0};
    for (uint8_t i = 0; i < s->n_links; i++)
        out[n++] = (struct look_key){key_of(KEY_HOST, s->link_host[i]), KEY_HOST, i};
    for (uint8_t i = 0; i < s->n_files; i++)
        out[n++] = (struct look_key){key_of(KEY_FILE, s->file[i]), KEY_FILE, i};
    if (s->layout && (s->kind == SKETCH_LINKS_ONLY || s->kind == SKETCH_FILES_ONLY))
        out[n++] = (struct look_key){key_of(KEY_LAYOUT, s->layout), KEY_LAYOUT, 0};
    return n;
}
