/* What shared sources say.
 *
 * Two campaigns from one pool of machines have addresses in common; so, by chance, have two from different pools, where both live in the
 * same networks. Chance is judged network by network (a /24): of a and b addresses there out of `room`, a*b/room coincide (the mean of the
 * hypergeometric distribution). In a range that is handed out for a time, machines wander over the addresses and fewer than all are in
 * use: its room is less. A floor for machines that two botnets both infected and for many machines behind one address is added.
 * The other hypothesis, one pool, lets expect as many as the botnet's own campaigns share (same_k of same_n).
 * Bits: the log-likelihood ratio of the two Poisson distributions, halved, because machines are chosen in lots and not one by one; capped,
 * because no pool is ever known so well. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/botnets_priv.h"

static const double ROOM_FIXED = 256, ROOM_DYNAMIC = 64, ROOM_V6 = 65536;
static const double BOTH_INFECTED = 0.005; /* of a botnet's machines, for any other */
static const double CAP_FOR = 20, CAP_AGAINST = 6;
static const double RATE_UNKNOWN = 0.2; /* until a botnet's own campaigns have told */
enum { RATE_FROM = 50 };

double network_room(const struct botnets *b, const struct ip *a)
{
    struct as_info as = {0};
    if (!ip_is_v4(a))
        return ROOM_V6;
    astable_find(b->o.as, a, &as);
    return as.is_dynamic ? ROOM_DYNAMIC : ROOM_FIXED;
}

double gang_rate(const struct gang *g)
{
    double rate = g->same_n >= RATE_FROM ? g->same_k / g->same_n : RATE_UNKNOWN;
    return rate < 0.02 ? 0.02 : rate > 0.95 ? 0.95 : rate;
}

double evidence_bits(double k, double n, double chance, double rate)
{
    double by_chance = chance + BOTH_INFECTED * n + 0.05, one_pool = rate * n + 0.05;
    if (one_pool < by_chance) /* in such networks they cannot be told apart */
        return 0;
    double bits = (k * log2(one_pool / by_chance) - (one_pool - by_chance) / log(2)) / 2;
    return bits > CAP_FOR ? CAP_FOR : bits < -CAP_AGAINST ? -CAP_AGAINST : bits;
}

/* ---- all addresses ---- */

static int by_ip(const void *x, const void *y)
{
    const struct holder *a = x, *b = y;
    return a->ip != b->ip ? (a->ip < b->ip ? -1 : 1) : a->slot < b->slot ? -1 : a->slot > b->slot;
}

static int by_net(const void *x, const void *y)
{
    const struct crowd *a = x, *b = y;
    return a->net != b->net ? (a->net < b->net ? -1 : 1) : a->slot < b->slot ? -1 : a->slot > b->slot;
}

void evidence_free(struct evidence *e)
{
    free(e->holder);
    free(e->crowd);
    free(e->tally);
    free(e->held);
    free(e->touched);
    *e = (struct evidence){0};
}

/* A botnet of which nothing is settled yet is judged by what there is. */
static bool only_settled(const struct sample *s)
{
    uint32_t settled = 0;
    for (uint32_t i = 0; i < s->cap && settled < RATE_FROM; i++)
        settled += s->p[i].ip && !(s->p[i].flags & SENT_FRESH);
    return settled >= RATE_FROM;
}

static void take_sample(struct evidence *e, const struct sample *s, uint32_t slot)
{
    bool settled = only_settled(s);
    for (uint32_t i = 0; i < s->cap; i++) {
        const struct sent *x = &s->p[i];
        if (!x->ip || (settled && x->flags & SENT_FRESH))
            continue;
        e->held[slot]++;
        e->holder[e->n_holders++] = (struct holder){.ip = x->ip, .slot = slot, .net = x->net, .campaign = x->campaign, .flags = x->flags};
        e->crowd[e->n_crowds++] = (struct crowd){.net = x->net, .slot = slot, .n = 1};
    }
}

static void merge_crowds(struct evidence *e)
{
    size_t n = 0;
    qsort(e->crowd, e->n_crowds, sizeof *e->crowd, by_net);
    for (size_t i = 0; i < e->n_crowds; i++)
        if (n && e->crowd[n - 1].net == e->crowd[i].net && e->crowd[n - 1].slot == e->crowd[i].slot)
            e->crowd[n - 1].n++;
        else
            e->crowd[n++] = e->crowd[i];
    e->n_crowds = n;
}

int evidence_new(const struct botnets *b, struct evidence *e)
{
    size_t n = 1;
    for (size_t i = 0; i < b->n_gangs; i++)
        n += b->gang[i]->sample.n;
    *e = (struct evidence){.b = b, .holder = malloc(n * sizeof *e->holder), .crowd = malloc(n * sizeof *e->crowd),
                           .tally = calloc(b->n_gangs + 1, sizeof *e->tally), .held = calloc(b->n_gangs + 1, sizeof *e->held),
                           .touched = malloc((b->n_gangs + 1) * sizeof *e->touched)};
    if (!e->holder || !e->crowd || !e->tally || !e->held || !e->touched) {
        evidence_free(e);
        return POSSE_ENOMEM;
    }
    for (size_t i = 0; i < b->n_gangs; i++)
        take_sample(e, &b->gang[i]->sample, (uint32_t)i);
    qsort(e->holder, e->n_holders, sizeof *e->holder, by_ip);
    merge_crowds(e);
    return POSSE_OK;
}

/* ---- one campaign ---- */

static struct tally *touch(struct evidence *e, uint32_t slot)
{
    struct tally *t = &e->tally[slot];
    if (!t->is_touched) {
        *t = (struct tally){.is_touched = true};
        e->touched[e->n_touched++] = slot;
    }
    return t;
}

/* by_zeros[z]: its sources in networks whose hash ends in z zeros. */
struct source_walk { struct evidence *e; uint64_t campaign; uint32_t least, by_zeros[33]; };

static void with_ip(struct source_walk *w, uint64_t ip)
{
    struct evidence *e = w->e;
    size_t from = 0, to = e->n_holders;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (e->holder[mid].ip < ip)
            from = mid + 1;
        else
            to = mid;
    }
    for (; from < e->n_holders && e->holder[from].ip == ip; from++) {
        const struct holder *h = &e->holder[from];
        if (h->flags & SENT_TWICE || h->campaign != (w->campaign & 0x3fffffff))
            touch(e, h->slot)->k++;
        else
            touch(e, h->slot)->others--; /* known from this very campaign */
    }
}

static void with_net(struct source_walk *w, uint32_t net, double room)
{
    struct evidence *e = w->e;
    size_t from = 0, to = e->n_crowds;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (e->crowd[mid].net < net)
            from = mid + 1;
        else
            to = mid;
    }
    for (; from < e->n_crowds && e->crowd[from].net == net; from++)
        touch(e, e->crowd[from].slot)->chance += e->crowd[from].n / room;
}

/* In no order: what is added up are whole numbers over powers of two, so that the sums are exact. */
static int walk_source(void *ctx, const struct ip *a)
{
    struct source_walk *w = ctx;
    uint32_t net = sample_net(a), zeros = net ? (uint32_t)__builtin_ctz(net) : 32;
    if (zeros < w->least) /* no botnet's sample has such networks */
        return 0;
    w->by_zeros[zeros]++;
    with_ip(w, sample_ip(a));
    with_net(w, net, network_room(w->e->b, a));
    return 0;
}

/* How many of the campaign's sources each botnet's sample could have held; and no more than it has from other campaigns. */
void evidence_sources(struct evidence *e, const struct campaigns *c, uint64_t campaign)
{
    struct source_walk w = {.e = e, .campaign = campaign, .least = 32};
    for (size_t i = 0; i < e->n_touched; i++)
        e->tally[e->touched[i]].is_touched = false;
    e->n_touched = 0;
    for (uint32_t g = 0; g < e->b->n_gangs; g++)
        w.least = e->b->gang[g]->sample.shift < w.least ? e->b->gang[g]->sample.shift : w.least;
    campaigns_each_source(c, campaign, walk_source, &w);
    for (size_t i = 32; i > 0; i--)
        w.by_zeros[i - 1] += w.by_zeros[i]; /* at least so many zeros */
    for (uint32_t g = 0; g < e->b->n_gangs; g++) {
        struct tally *t = touch(e, g);
        t->n = w.by_zeros[e->b->gang[g]->sample.shift];
        t->others += e->held[g];
        t->n = t->others < t->n ? t->others : t->n;
    }
}
