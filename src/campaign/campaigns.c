/* The writer's side: sightings in, groups out.
 *
 * Groups stand in slots; maps lead to them by number, id and (records) key, the index by what their sketches hold. Two queues keep them in
 * the order in which they were touched: the young, which came less than SETTLED times, and the settled. */
#include "campaign/campaigns.h"

#include <stdlib.h>

#include "base/error.h"
#include "campaign/campaigns_priv.h"

enum { NOWHERE = UINT32_MAX };
/* Messages of the smaller of two groups that were alike to both, and which part of it, before they become one. */
enum { BRIDGED_LEAST = 3, BRIDGED_PERCENT = 20, SURE_PERCENT = 90 /* one message that is so much alike to both counts for so many */ };

/* ---- queues ---- */

static struct queue *queue_of(struct campaigns *c, const struct group *g) { return g->messages < SETTLED ? &c->young : &c->settled; }

void campaigns_unqueue(struct campaigns *c, struct group *g)
{
    struct queue *q = queue_of(c, g);
    *(g->prev == NOWHERE ? &q->head : &c->slot[g->prev]->next) = g->next;
    *(g->next == NOWHERE ? &q->tail : &c->slot[g->next]->prev) = g->prev;
    q->n--;
}

void campaigns_queue(struct campaigns *c, struct group *g)
{
    struct queue *q = queue_of(c, g);
    g->prev = q->tail;
    g->next = NOWHERE;
    *(q->tail == NOWHERE ? &q->head : &c->slot[q->tail]->next) = g->at;
    q->tail = g->at;
    q->n++;
}

/* ---- places ---- */

bool campaigns_slots(struct campaigns *c)
{
    struct heap *h = &c->heap;
    size_t cap = c->cap_slots ? c->cap_slots * 2 : 64;
    if (c->n_slots < c->cap_slots)
        return true;
    /* each on its own: where the second cannot be had, the first is only wider than it need be */
    void *spare = heap_grow(h, c->spare, c->cap_spare, cap, sizeof *c->spare);
    if (!spare)
        return false;
    c->spare = spare;
    c->cap_spare = cap;
    struct group **slot = heap_grow(h, c->slot, c->cap_slots, cap, sizeof *slot);
    if (!slot)
        return false;
    c->slot = slot;
    c->cap_slots = cap;
    return true;
}

int campaigns_place(struct campaigns *c, struct group *g)
{
    if (c->n_spare == 0 && !campaigns_slots(c))
        return POSSE_ENOMEM;
    uint32_t at = c->n_spare ? c->spare[c->n_spare - 1] : (uint32_t)c->n_slots;
    if (!map64_put(&c->heap, &c->numbers, g->number, at))
        return POSSE_ENOMEM;
    bool has_id = map64_get(&c->ids, g->id, &(uint32_t){0}); /* who had it first keeps it */
    if ((!has_id && !map64_put(&c->heap, &c->ids, g->id, at)) || (g->is_record && !map64_put(&c->heap, &c->keys, g->key, at))) {
        map64_drop(&c->numbers, g->number);
        if (!has_id)
            map64_drop(&c->ids, g->id);
        return POSSE_ENOMEM;
    }
    if (c->n_spare)
        c->n_spare--;
    else
        c->n_slots++;
    g->at = at;
    c->slot[at] = g;
    c->live++;
    campaigns_queue(c, g);
    return POSSE_OK;
}

static void drop_id(struct campaigns *c, uint64_t id, uint32_t at)
{
    uint32_t have;
    if (map64_get(&c->ids, id, &have) && have == at)
        map64_drop(&c->ids, id);
}

void campaigns_displace(struct campaigns *c, struct group *g)
{
    group_unindex(c, g);
    campaigns_unqueue(c, g);
    map64_drop(&c->numbers, g->number);
    drop_id(c, g->id, g->at);
    if (g->is_record)
        map64_drop(&c->keys, g->key);
    for (unsigned i = 0; i < g->n_aliases; i++) {
        map64_drop(&c->numbers, g->alias[i].number);
        drop_id(c, g->alias[i].id, g->at);
    }
    c->slot[g->at] = NULL;
    c->spare[c->n_spare++] = g->at; /* there is room for as many as there are slots */
    c->live--;
}

static void let_go(struct campaigns *c, struct group *g)
{
    if (c->o.gone) {
        struct campaign view;
        group_view(c, g, &view);
        c->o.gone(c->o.gone_ctx, &view);
    }
    campaigns_displace(c, g);
    group_free(&c->heap, &c->texts, &g);
}

/* The one that was quiet for longest; a young one while they are more than half. */
static struct group *quietest(const struct campaigns *c)
{
    struct group *young = c->young.n ? c->slot[c->young.head] : NULL, *settled = c->settled.n ? c->slot[c->settled.head] : NULL;
    if (!young || !settled)
        return young ? young : settled;
    return c->young.n * 2 > c->live || young->turn < settled->turn ? young : settled;
}

void campaigns_make_room(struct campaigns *c, const struct group *keep)
{
    while (c->live > 1 && (c->live > c->o.max_live || c->heap.bytes > c->o.max_bytes)) {
        struct group *g = quietest(c);
        if (g == keep)
            return;
        let_go(c, g);
        c->pushed_out++;
    }
}

/* ---- new, free ---- */

int campaigns_new(const struct campaigns_options *o, struct campaigns **out, struct report *why)
{
    struct campaigns *c = calloc(1, sizeof *c);
    *out = c;
    if (!c)
        return report_set(why, POSSE_ENOMEM, "no memory for campaigns");
    if (o)
        c->o = *o;
    c->o.max_live = c->o.max_live ? c->o.max_live : 100000;
    c->o.quiet_ms = c->o.quiet_ms ? c->o.quiet_ms : (int64_t)14 * 24 * 3600000;
    c->o.max_bytes = c->o.max_bytes ? c->o.max_bytes : (size_t)768 << 20;
    /* A table of addresses may take a sixty-fourth of it all, and no more than what hundreds of campaigns of a million machines each can
     * have at once: beyond that an estimate (1.6%) is as good. What is sampled is enough for half a percent. */
    enum { EXACT_MOST = 1 << 17 };
    size_t exact = c->o.max_bytes / 64 / sizeof(uint32_t) / 2;
    c->limits.exact = exact < 64 ? 64 : exact > EXACT_MOST ? EXACT_MOST : (uint32_t)exact;
    c->limits.sample = c->limits.exact < 65536 ? c->limits.exact : 65536;
    c->young = c->settled = (struct queue){NOWHERE, NOWHERE, 0};
    return POSSE_OK;
}

void campaigns_free(struct campaigns **cp)
{
    struct campaigns *c = *cp;
    *cp = NULL;
    if (!c)
        return;
    for (size_t i = 0; i < c->n_slots; i++)
        group_free(&c->heap, &c->texts, &c->slot[i]);
    texts_deinit(&c->heap, &c->texts);
    map64_deinit(&c->heap, &c->numbers);
    map64_deinit(&c->heap, &c->ids);
    map64_deinit(&c->heap, &c->keys);
    index_deinit(&c->heap, &c->index);
    free(c->slot);
    free(c->spare);
    free(c);
}

/* ---- adding ---- */

static struct group *found_group(struct campaigns *c, const struct sighting *s, struct join *out)
{
    struct group *g = group_new(c, s, c->last_number + 1);
    if (!g || campaigns_place(c, g)) {
        group_free(&c->heap, &c->texts, &g);
        return NULL;
    }
    c->last_number++;
    *out = (struct join){.how = JOINED_NEW, .alike = 1};
    return g;
}

static void count(struct campaigns *c, struct group *g, const struct sighting *s)
{
    campaigns_unqueue(c, g);
    group_count(c, g, s);
    g->turn = c->turn;
    campaigns_queue(c, g);
}

/* Messages that are alike to two groups say that these are one, when there are enough of them. */
static void bridge(struct campaigns *c, struct group *a, struct group *b, double alike, struct join *out)
{
    struct group *elder = a->number < b->number ? a : b, *younger = elder == a ? b : a;
    struct group *small = a->messages < b->messages ? a : b;
    if (younger->bridge != elder->number) {
        younger->bridge = elder->number;
        younger->bridged = 0;
    }
    younger->bridged += alike * 100 >= SURE_PERCENT ? BRIDGED_LEAST : 1;
    uint64_t since = small->messages < 64 ? small->messages : 64;
    if (younger->bridged < BRIDGED_LEAST || (uint64_t)younger->bridged * 100 < since * BRIDGED_PERCENT)
        return;
    struct memory m, n;
    group_memory(elder, &m);
    group_memory(younger, &n);
    younger->bridged = 0;
    if (!memory_one(&m, &n))
        return;
    out->absorbed = younger->number;
    group_absorb(c, elder, younger, false);
    out->number = elder->number;
    out->messages = elder->messages;
}

static int add_message(struct campaigns *c, const struct sighting *s, struct join *out)
{
    struct found f;
    struct senders from;
    bool has_senders = senders_of(s, &from);
    campaigns_search(c, &s->sketch, has_senders ? &from : NULL, &f);
    struct group *g = f.best.is ? c->slot[f.best.slot] : NULL;
    if (!g && f.kin.is && f.kin.links && kin_takes(c->slot[f.kin.slot], s)) {
        g = c->slot[f.kin.slot];
        f.best.near.alike = SKETCH_ALIKE_PERCENT / 100.0;
    }
    if (!g) {
        if (!(g = found_group(c, s, out)))
            return POSSE_ENOMEM;
        if (f.kin.is)
            g->kin = f.kin.order;
    } else {
        *out = (struct join){.how = JOINED_CAMPAIGN, .alike = f.best.near.alike};
        g->alike += f.best.near.alike;
    }
    count(c, g, s);
    if (group_learn(c, g, s, &f.best.near))
        out->how = JOINED_NEW_VERSION;
    group_link(c, g, &s->sketch);
    if (has_senders)
        group_senders(c, g, &from);
    if (!f.second.is && f.kin.is && f.kin.links)
        g = campaigns_kin(c, g, c->slot[f.kin.slot], false, &out->absorbed);
    if (!f.second.is && !out->absorbed && f.near_kin.is && f.near_kin.slot != f.kin.slot && f.near_kin.links)
        g = campaigns_kin(c, g, c->slot[f.near_kin.slot], false, &out->absorbed);
    if (!f.second.is && !out->absorbed && f.named.is && s->sketch.kind == SKETCH_LINKS_ONLY)
        g = campaigns_kin(c, g, c->slot[f.named.slot], true, &out->absorbed);
    out->number = g->number;
    out->messages = g->messages;
    if (f.second.is)
        bridge(c, g, c->slot[f.second.slot], f.second.near.alike, out);
    return POSSE_OK;
}

static int add_record(struct campaigns *c, const struct sighting *s, struct join *out)
{
    uint32_t at;
    struct group *g;
    struct nearness near = {.proto = -1};
    if (map64_get(&c->keys, s->key, &at)) {
        g = c->slot[at];
        *out = (struct join){.how = JOINED_CAMPAIGN, .alike = 1};
        g->alike += 1;
    } else if (!(g = found_group(c, s, out))) {
        return POSSE_ENOMEM;
    }
    count(c, g, s);
    group_learn(c, g, s, &near);
    out->number = g->number;
    out->messages = g->messages;
    return POSSE_OK;
}

int campaigns_add(struct campaigns *c, const struct sighting *s, struct join *out, struct report *why)
{
    *out = (struct join){.how = JOINED_NONE};
    if (c->o.is_reader)
        return report_set(why, POSSE_EINVAL, "these campaigns are only asked: nothing can be added");
    bool is_record = s->flags & SIGHTING_RECORD;
    c->turn++;
    c->heap.failed = false;
    if (is_record ? s->key == 0 : s->sketch.kind >= SKETCH_EMPTY) {
        c->ungrouped++;
        return POSSE_OK;
    }
    int rc = is_record ? add_record(c, s, out) : add_message(c, s, out);
    if (rc || c->heap.failed)
        return report_set(why, POSSE_ENOMEM, "no memory for one more message among %zu campaigns", c->live);
    const struct group *g = campaigns_group(c, out->number);
    out->is_bulk = group_is_bulk(g);
    campaigns_make_room(c, g);
    return POSSE_OK;
}

size_t campaigns_age(struct campaigns *c, int64_t now_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_slots; i++)
        if (c->slot[i] && c->slot[i]->last_ms < now_ms - c->o.quiet_ms) {
            let_go(c, c->slot[i]);
            n++;
        }
    return n;
}
