/* What only kept messages say: how their program writes, and how often an address sent. And all addresses that sent. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/gather_priv.h"

/* ---- addresses ---- */

static int add_source(struct gathering *g, const struct gathered_source *s)
{
    if (g->n_sources == g->cap_sources) {
        size_t cap = g->cap_sources ? 2 * g->cap_sources : 4096;
        struct gathered_source *bigger = realloc(g->source, cap * sizeof *bigger);
        if (!bigger)
            return gather_no_memory(g->why);
        g->source = bigger;
        g->cap_sources = cap;
    }
    g->source[g->n_sources++] = *s;
    return POSSE_OK;
}

struct adding { struct gathering *g; uint32_t campaign; };

static int take_source(void *ctx, const struct ip *ip)
{
    struct adding *x = ctx;
    return add_source(x->g, &(struct gathered_source){.ip = *ip, .campaign = x->campaign});
}

/* Of one address the kept ones first. */
static int by_address(const void *a, const void *b)
{
    const struct gathered_source *x = a, *y = b;
    int c = ip_compare(&x->ip, &y->ip);
    if (c)
        return c;
    if (!x->messages != !y->messages)
        return x->messages ? -1 : 1;
    return (x->campaign > y->campaign) - (x->campaign < y->campaign);
}

static int kept_first(const void *a, const void *b)
{
    const struct gathered_source *x = a, *y = b;
    return x->messages != y->messages ? (x->messages < y->messages ? 1 : -1) : ip_compare(&x->ip, &y->ip);
}

static size_t join_equal(struct gathered_source *s, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        struct gathered_source *last = k ? &s[k - 1] : NULL;
        if (!last || ip_compare(&last->ip, &s[i].ip)) {
            s[k++] = s[i];
            continue;
        }
        if (!s[i].messages)
            continue;
        last->first_ms = last->first_ms && last->first_ms < s[i].first_ms ? last->first_ms : s[i].first_ms;
        last->last_ms = last->last_ms > s[i].last_ms ? last->last_ms : s[i].last_ms;
        last->messages += s[i].messages;
    }
    return k;
}

int gather_sources(struct gathering *g)
{
    struct findings *f = g->f;
    int err = POSSE_OK;
    for (size_t i = 0; i < f->n_campaigns && !err; i++) {
        struct adding x = {g, (uint32_t)i};
        err = campaigns_sources(observatory_campaigns(g->o), g->campaign[i], take_source, &x);
    }
    if (err)
        return err;
    if (g->n_sources)
        qsort(g->source, g->n_sources, sizeof *g->source, by_address);
    size_t n = join_equal(g->source, g->n_sources);
    f->sources_total = n;
    if (n > GATHER_SOURCES) {
        qsort(g->source, n, sizeof *g->source, kept_first);
        n = GATHER_SOURCES;
        qsort(g->source, n, sizeof *g->source, by_address);
    }
    f->source = arena_zalloc(g->a, (n + 1) * sizeof *f->source);
    if (!f->source)
        return gather_no_memory(g->why);
    for (size_t i = 0; i < n; i++) {
        const struct gathered_source *s = &g->source[i];
        struct found_source *to = &f->source[f->n_sources++];
        *to = (struct found_source){.ip = s->ip, .campaign = f->campaign[s->campaign].id, .botnet = f->campaign[s->campaign].botnet,
                                    .messages = s->messages, .is_sampled = s->messages > 0, .first_ms = s->first_ms, .last_ms = s->last_ms};
        gather_network(g->o, g->a, &s->ip, &to->network);
    }
    return POSSE_OK;
}

/* ---- how they write ---- */

struct reading {
    struct gathering *g;
    struct observe_worker *w;
    uint32_t campaign;
    size_t botnet; /* SIZE_MAX: nobody's */
    unsigned n;
};

static void count_trait(struct gathering *g, size_t botnet, const struct mailer_trait *t)
{
    for (size_t i = 0; i < g->n_traits; i++) {
        struct gathered_trait *x = &g->trait[i];
        if (x->botnet == botnet && x->kind == t->kind && strcmp(x->value, t->value) == 0) {
            x->n++;
            return;
        }
    }
    if (g->n_traits == GATHER_TRAITS)
        return;
    struct gathered_trait *x = &g->trait[g->n_traits++];
    *x = (struct gathered_trait){.botnet = (uint32_t)botnet, .kind = t->kind, .n = 1};
    memcpy(x->value, t->value, sizeof x->value);
}

static int read_kept(void *ctx, int64_t time_ms, struct span raw)
{
    struct reading *r = ctx;
    struct gathering *g = r->g;
    const struct mailer *m;
    struct sighting *s;
    struct observe_in in = {.time_ms = time_ms, .flags = OBSERVE_SPAM};
    if (r->n++ >= GATHER_READ || observe_bytes(r->w, raw, &in, &s, &m))
        return 0; /* one that is too big to be read again has nothing to say here */
    if (r->botnet != SIZE_MAX && m) {
        struct mailer_match hit;
        g->read[r->botnet]++;
        for (size_t i = 0; i < m->n; i++)
            count_trait(g, r->botnet, &m->trait[i]);
        if (mailer_match(observatory_book(g->o), m, &hit, 1)) {
            g->family[r->botnet] = hit;
            g->n_family[r->botnet]++;
        }
    }
    if (ip_is_zero(&s->source))
        return 0;
    return add_source(g, &(struct gathered_source){s->source, r->campaign, 1, time_ms, time_ms});
}

static int by_count(const void *a, const void *b)
{
    const struct gathered_trait *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->value, y->value);
}

/* Traits that at least one in ten has; why that family. */
static int tell_traits(struct gathering *g, size_t botnet)
{
    struct found_botnet *to = &g->f->botnet[botnet];
    const struct mailer_match *hit = &g->family[botnet];
    to->trait = arena_zalloc(g->a, 256 * sizeof *to->trait);
    to->reason = arena_zalloc(g->a, MAILER_REASONS * sizeof *to->reason);
    if (!to->trait || !to->reason)
        return gather_no_memory(g->why);
    for (size_t i = 0; i < g->n_traits && to->n_traits < 256; i++)
        if (g->trait[i].botnet == botnet && g->trait[i].n * 10 >= g->read[botnet])
            to->trait[to->n_traits++] = (struct found_trait){gather_text(g->a, mailer_trait_name(g->trait[i].kind)),
                                                             gather_text(g->a, g->trait[i].value), g->trait[i].n, g->read[botnet]};
    if (g->n_family[botnet] * 2 <= g->read[botnet])
        return POSSE_OK;
    to->family = gather_text(g->a, hit->family);
    to->family_probability = hit->probability;
    for (size_t i = 0; i < hit->n_reasons; i++)
        to->reason[to->n_reasons++] = (struct found_reason){hit->reason[i].bits, gather_text(g->a, hit->reason[i].trait),
                                                            gather_text(g->a, hit->reason[i].source)};
    return POSSE_OK;
}

int gather_kept(struct gathering *g)
{
    struct findings *f = g->f;
    struct reading r = {.g = g, .w = observe_worker_new(g->o)};
    int err = r.w ? POSSE_OK : gather_no_memory(g->why);
    for (size_t i = 0; i < f->n_campaigns && !err; i++) {
        r.campaign = (uint32_t)i;
        r.n = 0;
        r.botnet = SIZE_MAX;
        for (size_t k = 0; k < f->n_botnets && r.botnet == SIZE_MAX; k++)
            if (g->is_full[k] && f->campaign[i].botnet.n && span_eq(f->botnet[k].name, f->campaign[i].botnet))
                r.botnet = k;
        err = observatory_originals(g->o, g->campaign[i], read_kept, &r, g->why);
    }
    observe_worker_free(&r.w);
    qsort(g->trait, g->n_traits, sizeof *g->trait, by_count);
    for (size_t k = 0; k < f->n_botnets && !err; k++)
        if (g->read[k])
            err = tell_traits(g, k);
    return err;
}
