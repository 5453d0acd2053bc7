/* Which groups a sketch may belong to: those that share a band of it, a subject, a host or a file, best first.
 *
 * A key that many groups have tells nothing of which one: a footer that all mail has, a link to a site that everybody links to. Such keys
 * bring no candidates, and such hosts are no sign. */
#include "campaign/campaigns_priv.h"

enum { CANDIDATES = 24, TOO_MANY = 16, HOST_TOO_MANY = 8 };

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

void campaigns_mark(struct campaigns *c)
{
    if (++c->now == 0) { /* once in four thousand million look-ups */
        memset(c->seen, 0, c->cap_seen * sizeof *c->seen);
        c->now = 1;
    }
}

static void gather(struct campaigns *c, const struct look_key *key, size_t n, struct candidates *l, struct sketch *known)
{
    uint32_t slots[INDEX_SAME_MAX];
    campaigns_mark(c);
    for (size_t i = 0; i < n; i++) {
        size_t same = index_find(&c->index, key[i].key, slots);
        if (key[i].kind == KEY_HOST && same >= HOST_TOO_MANY)
            known->link_host[key[i].which] = 0; /* marked: no sign */
        if (same >= (key[i].kind == KEY_HOST ? HOST_TOO_MANY : TOO_MANY))
            continue;
        for (size_t k = 0; k < same; k++) {
            uint32_t slot = slots[k];
            if (c->seen[slot].mark != c->now)
                c->seen[slot] = (struct seen){c->now, 0};
            offer(l, slot, (uint16_t)++c->seen[slot].hits);
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

static bool is_better(const struct group *g, const struct nearness *near, const struct group *than, const struct nearness *near_than)
{
    return !than || near->alike > near_than->alike || (near->alike >= near_than->alike && g->number < than->number);
}

void campaigns_search(struct campaigns *c, const struct sketch *s, struct found *out)
{
    struct look_key key[LOOK_KEYS];
    struct candidates l = {.n = 0};
    struct sketch known = *s;
    *out = (struct found){.best = NULL};
    size_t n = sketch_keys(s, key);
    for (size_t i = 0; i < n; i++)
        index_prefetch(&c->index, key[i].key);
    gather(c, key, n, &l, &known);
    drop_marked(&known);
    for (unsigned i = 0; i < l.n; i++) {
        struct group *g = c->slot[l.e[i].slot];
        struct nearness near;
        group_near(g, &known, &near);
        if (near.alike * 100 < SKETCH_ALIKE_PERCENT) {
            if ((near.signs.host || near.signs.file) && !out->kin)
                out->kin = g;
        } else if (is_better(g, &near, out->best, &out->near)) {
            out->second = out->best;
            out->near_second = out->near;
            out->best = g;
            out->near = near;
        } else if (is_better(g, &near, out->second, &out->near_second)) {
            out->second = g;
            out->near_second = near;
        }
    }
}
