/* Which groups a sketch may belong to: those that share a band of it, a subject, a host or a file, best first.
 *
 * A key that many groups have tells nothing of which one: a footer that all mail has, a link to a site that everybody links to. Such keys
 * bring no candidates, and such hosts are no sign. */
#include "campaign/campaigns_priv.h"

enum { CANDIDATES = 24, TOO_MANY = 16, HOST_TOO_MANY = 8, MET = 1024 };

struct candidate { uint32_t slot; uint16_t hits; };
struct candidates { struct candidate e[CANDIDATES]; unsigned n; };

/* Keeps those with most hits; of equals the first that was met, which no order of the table decides: slots break ties. */
static void offer(struct candidates *l, uint32_t slot, uint16_t hits)
{
    unsigned i = 0;
    while (i < l->n && l->e[i].slot != slot)
        i++;
    if (i == l->n) {
        if (l->n < CANDIDATES)
            l->n++;
        else if (l->e[--i].hits > hits || (l->e[i].hits == hits && l->e[i].slot < slot))
            return;
    }
    for (; i && (l->e[i - 1].hits < hits || (l->e[i - 1].hits == hits && l->e[i - 1].slot > slot)); i--)
        l->e[i] = l->e[i - 1];
    l->e[i] = (struct candidate){slot, hits};
}

/* How often each slot was met: open addressing on the stack, wide enough for all that the keys can bring. */
struct met { uint32_t slot[MET]; uint16_t hits[MET]; };

_Static_assert(MET > LOOK_KEYS * (TOO_MANY - 1) + SKETCH_LINKS * (INDEX_SAME_MAX - TOO_MANY), "there must be a free place");

static uint16_t meet(struct met *m, uint32_t slot)
{
    size_t mask = sizeof m->hits / sizeof *m->hits - 1, i = (slot * 0x9e3779b1u >> 16) & mask;
    while (m->slot[i] && m->slot[i] != slot + 1)
        i = (i + 1) & mask;
    m->hits[i] = m->slot[i] ? (uint16_t)(m->hits[i] + 1) : 1;
    m->slot[i] = slot + 1;
    return m->hits[i];
}

static void gather(const struct index *x, const struct look_key *key, size_t n, struct candidates *l, struct sketch *known,
                   uint8_t band[BANDS])
{
    uint32_t slots[INDEX_SAME_MAX];
    struct met met;
    memset(met.slot, 0, sizeof met.slot);
    for (size_t i = 0; i < n; i++) {
        size_t same = index_find(x, key[i].key, slots);
        if (key[i].kind == KEY_BAND)
            band[key[i].which] = (uint8_t)same;
        if (key[i].kind == KEY_HOST && same >= HOST_TOO_MANY)
            known->link_host[key[i].which] = 0; /* marked: no sign */
        if (same >= (key[i].kind == KEY_HOST ? INDEX_SAME_MAX : TOO_MANY))
            continue; /* hosts of too many groups are no sign, but their groups may be parts of one campaign that was split */
        for (size_t k = 0; k < same; k++)
            offer(l, slots[k], meet(&met, slots[k]));
    }
}

/* Takes the hosts out that were marked; what is left still ascends. */
static void drop_marked(struct sketch *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_links; i++)
        if (s->link_host[i])
            s->link_host[n++] = s->link_host[i];
    for (unsigned i = n; i < s->n_links; i++)
        s->link_host[i] = 0;
    s->n_links = (uint8_t)n;
}

static bool is_better(const struct find *f, const struct find *than)
{
    return !than->is || f->near.alike > than->near.alike || (f->near.alike >= than->near.alike && f->order < than->order);
}

static void weigh(const struct find *f, struct found *out)
{
    if (f->near.alike * 100 < SKETCH_ALIKE_PERCENT) {
        if (!f->links && !f->near.signs.file)
            return;
        if (!out->kin.is || f->order < out->kin.order)
            out->kin = *f;
        if (is_better(f, &out->near_kin))
            out->near_kin = *f;
    } else if (is_better(f, &out->best)) {
        out->second = out->best;
        out->best = *f;
    } else if (is_better(f, &out->second)) {
        out->second = *f;
    }
}

void index_search(const struct index *x, slot_memory *memory, const void *ctx, const struct sketch *s, struct found *out)
{
    struct look_key key[LOOK_KEYS];
    struct candidates l = {.n = 0};
    struct sketch known = *s;
    uint8_t band[BANDS] = {0};
    memset(out, 0, sizeof *out);
    out->best.near.proto = -1;
    size_t n = sketch_keys(s, key);
    for (size_t i = 0; i < n; i++)
        index_prefetch(x, key[i].key);
    gather(x, key, n, &l, &known, band);
    drop_marked(&known);
    for (unsigned i = 0; i < l.n; i++) {
        struct memory m;
        struct find f = {.slot = l.e[i].slot, .is = true};
        f.order = memory(ctx, f.slot, &m);
        memory_near(&m, &known, band, &f.near);
        f.links = memory_links(&m, s);
        weigh(&f, out);
    }
}

static uint64_t memory_of_slot(const void *ctx, uint32_t slot, struct memory *out)
{
    const struct campaigns *c = ctx;
    group_memory(c->slot[slot], out);
    return c->slot[slot]->number;
}

void campaigns_search(const struct campaigns *c, const struct sketch *s, struct found *out)
{
    index_search(&c->index, memory_of_slot, c, s, out);
}
