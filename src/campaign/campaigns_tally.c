/* The most frequent names of a group by space saving (Metwally, Agrawal & El Abbadi, ICDT 2005): CAMPAIGN_TOP counters; a newcomer takes
 * the place and the count of the least frequent one. Texts are kept once for all groups. */
#include <stdio.h>
#include <stdlib.h>

#include "campaign/campaigns_priv.h"

/* ---- texts ---- */

bool texts_hold(struct heap *h, struct texts *t, uint64_t key, struct span text)
{
    uint32_t i;
    if (map64_get(&t->at, key, &i)) {
        t->e[i].refs++;
        return true;
    }
    if (t->free == 0 && t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct text_entry *wide = heap_grow(h, t->e, t->cap, cap, sizeof *wide);
        if (!wide)
            return false;
        t->e = wide;
        t->cap = cap;
    }
    i = t->free ? t->free - 1 : (uint32_t)t->n;
    if (!map64_put(h, &t->at, key, i))
        return false;
    struct text_entry *e = &t->e[i];
    if (t->free)
        t->free = e->refs; /* of a free entry: the next free one */
    else
        t->n++;
    *e = (struct text_entry){.key = key, .refs = 1};
    size_t n = text.n < sizeof e->text - 1 ? text.n : sizeof e->text - 1;
    while (n && n < text.n && (text.p[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    if (n)
        memcpy(e->text, text.p, n);
    return true;
}

static void texts_release(struct texts *t, uint64_t key)
{
    uint32_t i;
    if (!map64_get(&t->at, key, &i) || --t->e[i].refs)
        return;
    map64_drop(&t->at, key);
    t->e[i] = (struct text_entry){.refs = t->free};
    t->free = i + 1;
}

const char *texts_of(const struct texts *t, uint64_t key)
{
    uint32_t i;
    return map64_get(&t->at, key, &i) ? t->e[i].text : "";
}

void texts_deinit(struct heap *h, struct texts *t)
{
    map64_deinit(h, &t->at);
    if (t->e)
        heap_free(h, t->e, t->cap, sizeof *t->e);
    *t = (struct texts){.n = 0};
}

/* ---- tallies ---- */

static struct tallied *tally_room(struct heap *h, struct tally *y)
{
    if (y->n < y->cap)
        return &y->e[y->n];
    if (y->cap == CAMPAIGN_TOP)
        return NULL;
    uint8_t cap = y->cap ? (uint8_t)(y->cap * 2) : 1;
    struct tallied *wide = heap_grow(h, y->e, y->cap, cap, sizeof *wide);
    if (!wide)
        return NULL;
    y->e = wide;
    y->cap = cap;
    return &y->e[y->n];
}

static uint32_t sum(uint32_t a, uint32_t b) { return a > UINT32_MAX - b ? UINT32_MAX : a + b; }

void tally_add(struct heap *h, struct texts *t, struct tally *y, uint64_t key, uint32_t n, struct span text)
{
    if (key == 0)
        return;
    unsigned least = 0;
    for (unsigned i = 0; i < y->n; i++) {
        if (y->e[i].key == key) {
            y->e[i].n = sum(y->e[i].n, n);
            return;
        }
        if (y->e[i].n < y->e[least].n)
            least = i;
    }
    struct tallied *e = tally_room(h, y);
    if (h->failed || (text.n && !texts_hold(h, t, key, text)))
        return;
    if (e) {
        y->n++;
        *e = (struct tallied){key, n};
        return;
    }
    texts_release(t, y->e[least].key);
    y->e[least] = (struct tallied){key, sum(y->e[least].n, n)};
}

void tally_merge(struct heap *h, struct texts *t, struct tally *to, const struct tally *from)
{
    for (unsigned i = 0; i < from->n; i++)
        tally_add(h, t, to, from->e[i].key, from->e[i].n, span_str(texts_of(t, from->e[i].key)));
}

void tally_deinit(struct heap *h, struct texts *t, struct tally *y)
{
    for (unsigned i = 0; i < y->n; i++)
        texts_release(t, y->e[i].key);
    if (y->e)
        heap_free(h, y->e, y->cap, sizeof *y->e);
    *y = (struct tally){.n = 0};
}

static int by_count(const void *a, const void *b)
{
    const struct tallied *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : x->key != y->key ? (x->key < y->key ? -1 : 1) : 0;
}

void tally_list(const struct texts *t, const struct tally *y, enum tally_kind kind, struct counted out[CAMPAIGN_TOP])
{
    struct tallied e[CAMPAIGN_TOP];
    memset(out, 0, CAMPAIGN_TOP * sizeof *out);
    if (y->n == 0)
        return;
    memcpy(e, y->e, y->n * sizeof *e);
    qsort(e, y->n, sizeof *e, by_count);
    for (unsigned i = 0; i < y->n; i++) {
        out[i].key = e[i].key;
        out[i].n = e[i].n;
        if (kind == TALLY_ASN)
            snprintf(out[i].text, sizeof out[i].text, "AS%u", (unsigned)e[i].key);
        else
            strcpy(out[i].text, texts_of(t, e[i].key));
    }
}

uint32_t tally_top(const struct tally *y)
{
    uint32_t most = 0;
    for (unsigned i = 0; i < y->n; i++)
        most = y->e[i].n > most ? y->e[i].n : most;
    return most;
}
