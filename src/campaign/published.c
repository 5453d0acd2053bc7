/* One block of memory, so that it can be written, mapped and checked as a whole:
 *
 *   head | campaign[n] | sketch[n_sketches] | entry[cap]     each a multiple of 8 bytes
 *
 * Sketches of a campaign stand together. The entries are the index of campaigns.c over them, 5/8 full at most. */
#include "campaign/published.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/fmath.h"
#include "campaign/campaigns_priv.h"

enum { FORMAT = 1, HOUR_MS = 3600000 };

struct head { char magic[8]; uint32_t format, sketches_version; uint32_t n, n_sketches; uint64_t cap; int64_t span_ms; };
struct known {
    char id[CAMPAIGN_ID];
    uint64_t messages, sources;
    uint32_t first; /* sketch */
    uint8_t n, is_bulk, n_core, zero;
    uint16_t core[SKETCH_SLOTS];
};

struct published {
    void *own;             /* NULL: the block is another's */
    size_t bytes;
    const struct head *head;
    const struct known *known;
    const struct sketch *sketch;
    struct index index;    /* its entries are the block's */
};

static size_t block_bytes(const struct head *h)
{
    return sizeof *h + h->n * sizeof(struct known) + h->n_sketches * sizeof(struct sketch) + h->cap * sizeof(struct entry);
}

static void point(struct published *p, const void *block)
{
    p->head = block;
    p->known = (const void *)(p->head + 1);
    p->sketch = (const void *)(p->known + p->head->n);
    p->index = (struct index){.e = (struct entry *)(p->sketch + p->head->n_sketches), .cap = p->head->cap};
    p->bytes = block_bytes(p->head);
}

/* ---- making ---- */

/* What of a group came in the hours since `from`. Machines: of the busiest hour, or all where all of it is as young: at least so many. */
static void lately(const struct group *g, int64_t from_ms, uint64_t *messages, uint64_t *sources)
{
    *messages = *sources = 0;
    for (uint32_t i = g->n_hours; i-- > 0 && (g->hour[i].hour + 1) * HOUR_MS > from_ms;) {
        *messages += g->hour[i].messages;
        if (*sources < g->hour[i].sources)
            *sources = g->hour[i].sources;
    }
    if (g->first_ms >= from_ms)
        *sources = (uint64_t)(sources_count(&g->src).lo + 0.5);
}

static bool is_live(const struct group *g, int64_t from_ms)
{
    uint64_t messages, sources;
    if (!g->n_proto || g->last_ms < from_ms)
        return false;
    lately(g, from_ms, &messages, &sources);
    return messages >= 2;
}

static void measure(const struct campaigns *c, struct group *const *g, int64_t from_ms, struct head *h)
{
    size_t keys = 0;
    for (size_t i = 0; i < c->live; i++)
        if (is_live(g[i], from_ms)) {
            h->n++;
            h->n_sketches += g[i]->n_proto;
            keys += g[i]->n_keys;
        }
    for (h->cap = 16; h->cap * 5 < keys * 8;)
        h->cap *= 2;
}

static void fill(struct published *p, const struct campaigns *c, struct group *const *g, int64_t from_ms)
{
    struct known *k = (struct known *)p->known;
    struct sketch *s = (struct sketch *)p->sketch;
    struct heap none = {0}; /* there is room: nothing is allocated */
    uint32_t at = 0, first = 0;
    for (size_t i = 0; i < c->live; i++) {
        struct campaign view;
        if (!is_live(g[i], from_ms))
            continue;
        group_view(c, g[i], &view);
        k[at] = (struct known){.first = first, .n = g[i]->n_proto, .is_bulk = view.is_bulk, .n_core = g[i]->n_core};
        memcpy(k[at].id, view.id, sizeof view.id);
        memcpy(k[at].core, g[i]->core, sizeof k[at].core);
        lately(g[i], from_ms, &k[at].messages, &k[at].sources);
        for (unsigned j = 0; j < g[i]->n_proto; j++)
            s[first++] = g[i]->proto[j].s;
        for (unsigned j = 0; j < g[i]->n_keys; j++)
            index_put(&none, &p->index, g[i]->key_list[j], at);
        at++;
    }
}

int campaigns_publish(struct campaigns *c, int64_t now_ms, int64_t span_ms, struct published **out)
{
    struct head h = {"POSSEPUB", FORMAT, SKETCH_VERSION, 0, 0, 0, span_ms};
    struct group **g = groups_in_order(c);
    struct published *p = calloc(1, sizeof *p);
    *out = NULL;
    if (g)
        measure(c, g, now_ms - span_ms, &h);
    if (!g || !p || !(p->own = calloc(1, block_bytes(&h)))) {
        free(g);
        free(p);
        return POSSE_ENOMEM;
    }
    memcpy(p->own, &h, sizeof h);
    point(p, p->own);
    fill(p, c, g, now_ms - span_ms);
    free(g);
    *out = p;
    return POSSE_OK;
}

void published_free(struct published **p)
{
    if (*p)
        free((*p)->own);
    free(*p);
    *p = NULL;
}

/* ---- asking ---- */

static uint64_t memory_of_known(const void *ctx, uint32_t slot, struct memory *out)
{
    const struct published *p = ctx;
    const struct known *k = &p->known[slot];
    *out = (struct memory){&p->sketch[k->first], k->n, sizeof(struct sketch), k->core, k->n_core, NULL, 0, false};
    return slot;
}

bool published_look(const struct published *p, const struct sketch *s, struct published_hit *out)
{
    struct found f;
    if (s->kind >= SKETCH_EMPTY)
        return false;
    index_search(&p->index, memory_of_known, p, s, NULL, &f);
    if (!f.best.is)
        return false;
    const struct known *k = &p->known[f.best.slot];
    *out = (struct published_hit){.messages = k->messages, .sources = k->sources, .span_ms = p->head->span_ms, .is_bulk = k->is_bulk,
                                  .alike = f.best.near.alike};
    memcpy(out->id, k->id, sizeof out->id);
    return true;
}

/* Wanted mail that one machine sends to many is bulk, and wanted mail that many machines send alike is rare: a joke that goes around, a
 * disclaimer that is longer than what it stands under. How rare depends on how many machines there were. Each doubling of the machines past
 * two is worth a bit, and so that one index never outweighs what a message itself says, six bits are the most. A weak likeness counts
 * for less. Measured (bench/live): where real ham is looked up as if years of it had come within two hours, none of 39,081 gets three bits
 * and 351 of 10,785 spam do, and at every step the formula promises less than the corpora show; six are what they can vouch for. */
double published_bits(const struct published_hit *h)
{
    enum { FEW = 3, MOST_BITS = 6 };
    if (h->is_bulk || h->sources < FEW)
        return 0;
    double bits = fmath_log((double)h->sources / 2) / FMATH_LN2;
    return (bits > MOST_BITS ? MOST_BITS : bits) * h->alike;
}

/* ---- stored ---- */

int published_save(const struct published *p, struct buf *out)
{
    buf_add(out, p->head, p->bytes);
    return buf_error(out);
}

static const char *fault_of_known(const struct published *p)
{
    uint64_t first = 0;
    for (uint32_t i = 0; i < p->head->n; i++) {
        const struct known *k = &p->known[i];
        if (k->first != first || k->n == 0 || k->n > PROTOTYPES || k->is_bulk > 1 || k->n_core > SKETCH_SLOTS || k->zero)
            return "a campaign's sketches are not where they belong";
        if (k->id[0] != 'c' || strnlen(k->id, sizeof k->id) != 13)
            return "a campaign has no id";
        first += k->n;
    }
    return first == p->head->n_sketches ? NULL : "sketches of no campaign";
}

static const char *fault_of(const struct published *p)
{
    const char *why = fault_of_known(p);
    size_t used = 0;
    for (uint32_t i = 0; i < p->head->n_sketches && !why; i++)
        sketch_validate(&p->sketch[i], &why);
    for (uint64_t i = 0; i < p->head->cap && !why; i++) {
        used += p->index.e[i].at != 0;
        if (p->index.e[i].at > p->head->n)
            why = "the index names a campaign that is not there";
    }
    return why ? why : used * 8 > p->head->cap * 5 ? "the index is too full" : NULL;
}

int published_load(struct span bytes, struct published **out, struct report *why)
{
    const struct head *h = (const void *)bytes.p;
    *out = NULL;
    if (bytes.n < sizeof *h || (uintptr_t)bytes.p % 8 || memcmp(h->magic, "POSSEPUB", sizeof h->magic) != 0)
        return report_set(why, POSSE_ECORRUPT, "published campaigns: not such a file");
    if (h->format != FORMAT || h->sketches_version != SKETCH_VERSION)
        return report_set(why, POSSE_EVERSION, "published campaigns: format %u with sketches %u; this program reads %u with %u", h->format,
                          h->sketches_version, (unsigned)FORMAT, (unsigned)SKETCH_VERSION);
    if (h->cap < 16 || h->cap > bytes.n || (h->cap & (h->cap - 1)) || block_bytes(h) != bytes.n)
        return report_set(why, POSSE_ECORRUPT, "published campaigns: its parts do not add up to %zu bytes", bytes.n);
    struct published *p = calloc(1, sizeof *p);
    if (!p)
        return report_set(why, POSSE_ENOMEM, "no memory for published campaigns");
    point(p, bytes.p);
    const char *fault = fault_of(p);
    if (fault) {
        published_free(&p);
        return report_set(why, POSSE_ECORRUPT, "published campaigns: %s", fault);
    }
    *out = p;
    return POSSE_OK;
}
