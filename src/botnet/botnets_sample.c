/* A botnet's addresses, as many as fit: all those of networks whose hash ends in so many zeros. Two such samples can be compared network by
 * network, which is where chance has to be judged. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets_priv.h"

enum { SAMPLE_START = 64 };

uint64_t sample_ip(const struct ip *a)
{
    uint64_t h = hash64(span_of(a->b, sizeof a->b), 1);
    return h ? h : 1;
}

uint32_t sample_net(const struct ip *a)
{
    struct ip net = ip_network(a);
    return (uint32_t)hash64(span_of(net.b, sizeof net.b), 2);
}

void sample_free(struct sample *s)
{
    free(s->p);
    *s = (struct sample){0};
}

static struct sent *place_of(struct sent *p, uint32_t cap, uint64_t ip)
{
    uint32_t i = (uint32_t)ip & (cap - 1);
    while (p[i].ip && p[i].ip != ip)
        i = (i + 1) & (cap - 1);
    return &p[i];
}

/* Into a table of cap places, without what the shift leaves out. */
static int resize(struct sample *s, uint32_t cap)
{
    struct sent *p = calloc(cap, sizeof *p);
    if (!p)
        return POSSE_ENOMEM;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->cap; i++)
        if (s->p[i].ip && sample_has_net(s, s->p[i].net)) {
            *place_of(p, cap, s->p[i].ip) = s->p[i];
            n++;
        }
    free(s->p);
    s->p = p;
    s->cap = cap;
    s->n = n;
    return POSSE_OK;
}

static int make_room(struct sample *s)
{
    if (s->cap && s->n * 2 < s->cap)
        return POSSE_OK;
    if (s->n < SOURCES_SAMPLED)
        return resize(s, s->cap ? s->cap * 2 : SAMPLE_START);
    while (s->n >= SOURCES_SAMPLED && s->shift < 31) {
        s->shift++;
        int err = resize(s, s->cap);
        if (err) {
            s->shift--;
            return err;
        }
    }
    return POSSE_OK;
}

int sample_put(struct sample *s, const struct sent *x)
{
    if (!sample_has_net(s, x->net))
        return POSSE_OK;
    struct sent *e = s->cap ? place_of(s->p, s->cap, x->ip) : NULL;
    if (e && e->ip) {
        if (e->campaign != x->campaign)
            e->flags |= SENT_TWICE;
        e->flags &= (uint8_t)~(x->flags & SENT_FRESH ? 0 : SENT_FRESH);
        return POSSE_OK;
    }
    int err = make_room(s);
    if (err || !sample_has_net(s, x->net))
        return err;
    *place_of(s->p, s->cap, x->ip) = *x;
    s->n++;
    return POSSE_OK;
}

int sample_add(struct sample *s, const struct ip *a, uint64_t campaign)
{
    struct sent x = {.net = sample_net(a), .campaign = campaign & 0x3fffffff, .flags = SENT_FRESH};
    if (!sample_has_net(s, x.net))
        return POSSE_OK;
    x.ip = sample_ip(a);
    return sample_put(s, &x);
}

int sample_join(struct sample *to, const struct sample *from)
{
    if (from->shift > to->shift) {
        to->shift = from->shift;
        int err = to->cap ? resize(to, to->cap) : POSSE_OK;
        if (err)
            return err;
    }
    for (uint32_t i = 0; i < from->cap; i++) {
        int err = from->p[i].ip ? sample_put(to, &from->p[i]) : POSSE_OK;
        if (err)
            return err;
    }
    return POSSE_OK;
}

void sample_settle(struct sample *s, uint64_t campaign, bool keep)
{
    bool holes = false;
    for (uint32_t i = 0; i < s->cap; i++) {
        struct sent *e = &s->p[i];
        if (!e->ip || !(e->flags & SENT_FRESH) || e->campaign != (campaign & 0x3fffffff))
            continue;
        if (keep)
            e->flags &= (uint8_t)~SENT_FRESH;
        else
            e->ip = 0, holes = true;
    }
    if (holes) /* a table with holes does not find what stands behind them; without memory it finds less, which is no harm */
        resize(s, s->cap);
}
