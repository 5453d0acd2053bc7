/* Which groups a sketch may belong to: those that share a band of it, a subject, a host or a file, best first.
 *
 * A key that many groups have tells nothing of which one: a footer that all mail has, a link to a site that everybody links to. Such keys
 * bring no candidates, and such hosts are no sign. */
#include "campaign/campaigns_priv.h"

enum { CANDIDATES = 24, TOO_MANY = 16, HOST_TOO_MANY = 8, SENDER_TOO_MANY = 8, MET = 1024 };

struct candidate { uint32_t slot; uint16_t hits; uint8_t senders /* by bit: enum sender_sign */; };
struct candidates { struct candidate e[CANDIDATES]; unsigned n; };

/* Keeps those with most hits; of equals the first that was met, which no order of the table decides: slots break ties. */
static void offer(struct candidates *l, uint32_t slot, uint16_t hits, uint8_t senders)
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
    l->e[i] = (struct candidate){slot, hits, senders};
}

/* How often each slot was met: open addressing on the stack, wide enough for all that the keys can bring. */
struct met { uint32_t slot[MET]; uint16_t hits[MET]; uint8_t senders[MET]; };

_Static_assert(MET > (LOOK_KEYS + SENDER_N) * (TOO_MANY - 1) + (SKETCH_LINKS + SENDER_N) * (INDEX_SAME_MAX - TOO_MANY), "there must be a free place");

static size_t meet(struct met *m, uint32_t slot, uint8_t sender)
{
    size_t mask = sizeof m->hits / sizeof *m->hits - 1, i = (slot * 0x9e3779b1u >> 16) & mask;
    while (m->slot[i] && m->slot[i] != slot + 1)
        i = (i + 1) & mask;
    m->hits[i] = m->slot[i] ? (uint16_t)(m->hits[i] + 1) : 1;
    m->senders[i] = m->slot[i] ? m->senders[i] | sender : sender;
    m->slot[i] = slot + 1;
    return i;
}

/* How many groups have a key. */
struct common { uint8_t band[BANDS], sender[SENDER_N]; };

static void gather(const struct index *x, const struct look_key *key, size_t n, struct candidates *l, struct sketch *known,
                   struct common *common)
{
    uint32_t slots[INDEX_SAME_MAX];
    struct met met;
    memset(met.slot, 0, sizeof met.slot);
    for (size_t i = 0; i < n; i++) {
        size_t same = index_find(x, key[i].key, slots);
        if (key[i].kind == KEY_BAND)
            common->band[key[i].which] = (uint8_t)same;
        if (key[i].kind == KEY_SENDER)
            common->sender[key[i].which] = (uint8_t)same;
        if (key[i].kind == KEY_HOST && same >= HOST_TOO_MANY)
            known->link_host[key[i].which] = 0; /* marked: no sign */
        bool is_sender = key[i].kind == KEY_SENDER;
        if (same >= (key[i].kind == KEY_HOST ? INDEX_SAME_MAX : is_sender ? SENDER_TOO_MANY : TOO_MANY))
            continue; /* hosts of too many groups are no sign, but their groups may be parts of one campaign that was split */
        for (size_t k = 0; k < same; k++) {
            size_t at = meet(&met, slots[k], is_sender ? (uint8_t)(1 << key[i].which) : 0);
            offer(l, slots[k], met.hits[at], met.senders[at]);
        }
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
        if (!f->links && !f->near.signs.file) {
            if (f->near.signs.subject && (!out->named.is || f->order < out->named.order))
                out->named = *f;
            return;
        }
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

static size_t senders_keys(const struct senders *from, struct look_key *out)
{
    size_t n = 0;
    for (unsigned i = 0; from && i < SENDER_N; i++)
        if (from->key[i])
            out[n++] = (struct look_key){from->key[i], KEY_SENDER, (uint8_t)i};
    return n;
}

void index_search(const struct index *x, slot_memory *memory, const void *ctx, const struct sketch *s, const struct senders *from,
                  struct found *out)
{
    struct look_key key[LOOK_KEYS + SENDER_N];
    struct candidates l = {.n = 0};
    struct sketch known = *s;
    struct common common = {{0}, {0}};
    memset(out, 0, sizeof *out);
    out->best.near.proto = -1;
    size_t n = sketch_keys(s, key);
    n += senders_keys(from, key + n);
    for (size_t i = 0; i < n; i++)
        index_prefetch(x, key[i].key);
    gather(x, key, n, &l, &known, &common);
    drop_marked(&known);
    for (unsigned i = 0; i < l.n; i++) {
        struct memory m;
        struct find f = {.slot = l.e[i].slot, .is = true};
        f.order = memory(ctx, f.slot, &m);
        double sender = l.e[i].senders ? senders_weight(l.e[i].senders, common.sender) : 0;
        memory_near(&m, &known, common.band, from ? &sender : NULL, &f.near);
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

void campaigns_search(const struct campaigns *c, const struct sketch *s, const struct senders *from, struct found *out)
{
    index_search(&c->index, memory_of_slot, c, s, from, out);
}
