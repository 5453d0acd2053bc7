/* Pairs: who talks to what, when, how much. A pair is 96 bytes and 8 for each connection whose time is kept: all of them while there
 * is room, later the newest 2048, 1024 ... 32 (trace_thin). What is met once and never again is what fills tables (a scanner, the noise
 * from outside), so once a host has met thousands, or memory runs short, a pair must come past the door first: a table of fingerprints
 * in which the newest stands over the oldest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/hll.h"
#include "flow/trace_priv.h"

enum { EXACT = 1024, PER_BIT = 100, CODE_MOST = 4095, FAN_WIDE = 4096, SAME_REQUEST = 1 * TICKS_S };

static unsigned code_of(uint64_t bytes)
{
    if (bytes < EXACT)
        return (unsigned)bytes;
    double c = EXACT + (log2((double)bytes) - 10) * PER_BIT + .5;
    return c > CODE_MOST ? CODE_MOST : (unsigned)c;
}

double trace_bytes_of(unsigned code)
{
    return code < EXACT ? code : round(exp2((double)(code - EXACT) / PER_BIT + 10));
}

uint64_t trace_pair_hash(const struct trace *t, const struct ip *src, const void *dst, size_t n_dst, uint16_t port, uint8_t proto)
{
    uint8_t key[16 + 16 + 3];
    memcpy(key, src->b, 16);
    memset(key + 16, 0, 16);
    memcpy(key + 16, dst, n_dst);
    key[32] = (uint8_t)(port >> 8), key[33] = (uint8_t)port;
    key[34] = proto ^ (uint8_t)(n_dst << 3); /* a name's number is no address */
    return hash64(span_of(key, sizeof key), t->o.seed);
}

/* Has it been met often enough to be remembered? Gives the time of the first meeting. */
static bool past_door(struct trace *t, uint64_t hash, unsigned least, uint32_t *first)
{
    if (least <= 1)
        return true;
    if (!t->door) {
        for (t->n_door = DOOR_MOST; t->n_door * sizeof *t->door > t->o.max_bytes / DOOR_SHARE;)
            t->n_door /= 2;
        t->door = calloc(t->n_door, sizeof *t->door);
        if (!t->door)
            return false;
        t->bytes += t->n_door * sizeof *t->door;
    }
    struct door *d = &t->door[hash & (t->n_door - 1)];
    uint32_t print = (uint32_t)(hash >> 35) << 3, times = d->print & 7;
    if ((d->print & ~7u) != print || times == 0) {
        *d = (struct door){print | 1, *first};
        return false;
    }
    if (times + 1 < least) {
        d->print = print | (times + 1);
        return false;
    }
    *first = d->at;
    return true;
}

static struct pair *pair_new(struct trace *t, uint64_t hash, uint32_t src, uint32_t dst, uint16_t port, uint8_t proto, uint32_t first)
{
    if (!src || !dst)
        return NULL;
    struct pair *all = trace_grow(t, t->pair, &t->cap_pairs, t->n_pairs + 2, sizeof *all);
    if (!all)
        return NULL;
    t->pair = all;
    if (table_put(t, &t->pairs_at, hash, (uint32_t)t->n_pairs + 1))
        return NULL;
    struct pair *p = &t->pair[++t->n_pairs];
    *p = (struct pair){.hash = hash, .src = src, .dst = dst, .port = port, .proto = proto, .first = first, .last = first};
    uint32_t host = t->node[src].host;
    if (host)
        t->host[host].pairs++;
    return p;
}

/* Somebody asked for its name: it was meant, not tried. Mail servers are asked for by whoever sends to everybody. */
static bool is_meant(struct trace *t, const struct flow *f)
{
    uint32_t dst = f->dst_port == 25 ? 0 : trace_node(t, &f->dst, false);
    return dst && t->node[dst].name;
}

/* How often a pair must be met before it is remembered. */
static unsigned door_least(struct trace *t, const struct host *h, const struct flow *f)
{
    bool answered = is_answered(f->state) && f->duration_us < 600 * 1000000ll;
    int pressure = trace_pressure(t);
    if (pressure >= 3)
        return 0;
    unsigned least = 1 + (unsigned)pressure;
    if (!h)
        return least + 1; /* from outside */
    if (h->pairs > FAN_WIDE && !is_meant(t, f))
        least += answered ? 1 : 3;
    return least;
}

static void event_put(struct pair *p, const struct event *e)
{
    size_t i = p->n_events++;
    for (; i > 0 && p->event[i - 1].at > e->at; i--)
        p->event[i] = p->event[i - 1];
    p->event[i] = *e;
}

/* The line of a connection that was told of before it ended, or a request within a connection that is known. */
static bool is_known(struct pair *p, const struct contact *c, const struct event *e)
{
    for (size_t i = p->n_events; i > 0 && p->n_events - i < 16; i--) {
        struct event *x = &p->event[i - 1];
        uint32_t apart = x->at > c->at ? x->at - c->at : c->at - x->at;
        if (c->is_request && apart <= SAME_REQUEST)
            return true;
        if (x->is_open && apart == 0) {
            *x = *e;
            return true;
        }
    }
    return false;
}

static int event_add(struct trace *t, struct pair *p, const struct contact *c)
{
    double took = c->took_s >= 1 ? fmin(15, log2(c->took_s) + 1) : 0;
    struct event e = {.at = c->at, .out = code_of(c->out), .in = code_of(c->in), .state = c->state & 7, .is_open = c->is_open,
                      .took = (unsigned)took};
    if (is_known(p, c, &e))
        return 0;
    if (p->n_events == p->cap_events && p->cap_events < t->events_most) {
        uint32_t to = p->cap_events ? p->cap_events * 2 : 2;
        if (to > t->events_most)
            to = t->events_most;
        struct event *all = realloc(p->event, to * sizeof *all);
        if (!all)
            return POSSE_ENOMEM;
        t->bytes += (to - p->cap_events) * sizeof *all + (p->event ? 0 : 16);
        p->event = all;
        p->cap_events = to;
    }
    if (p->n_events >= p->cap_events) { /* full: the older half of a quarter goes at once, not one at a time */
        uint32_t drop = p->n_events / 8 + 1;
        memmove(p->event, p->event + drop, (p->n_events - drop) * sizeof *p->event);
        p->n_events -= drop;
        t->thinned += drop;
    }
    event_put(p, &e);
    return 1;
}

int trace_pair_note(struct trace *t, struct pair *p, const struct contact *c)
{
    int rc = event_add(t, p, c);
    if (rc < 0)
        return rc;
    if (rc) {
        p->connections += p->connections < UINT32_MAX;
        p->answered += is_answered(c->state) && p->answered < UINT32_MAX;
    }
    p->out_bytes += (double)c->out;
    p->in_bytes += (double)c->in;
    p->longest_s = fmaxf(p->longest_s, (float)c->took_s);
    if (c->at < p->first)
        p->first = c->at;
    if (c->at > p->last)
        p->last = c->at;
    return 0;
}

struct pair *trace_pair_by_name(struct trace *t, const struct ip *src, uint32_t name, uint16_t port, bool make, uint32_t at)
{
    uint32_t dst = name | NAME_BIT;
    uint64_t hash = trace_pair_hash(t, src, &dst, sizeof dst, port, 6);
    uint32_t id = table_find(&t->pairs_at, hash);
    if (id)
        return &t->pair[id];
    if (!make || trace_pressure(t) >= 2)
        return NULL;
    return pair_new(t, hash, trace_node(t, src, true), dst, port, 6, at);
}

struct pair *trace_pair_of(struct trace *t, const struct flow *f)
{
    uint32_t id = table_find(&t->pairs_at, trace_pair_hash(t, &f->src, f->dst.b, 16, f->dst_port, f->proto ? f->proto : 6));
    return id ? &t->pair[id] : NULL;
}

static struct contact contact_of(const struct flow *f, uint32_t at)
{
    return (struct contact){.at = at, .out = f->src_bytes, .in = f->dst_bytes, .took_s = (double)f->duration_us / 1e6, .state = f->state,
                            .is_open = f->is_open};
}

/* Where the name that led here has several addresses, the name is a destination too. */
static int note_by_name(struct trace *t, const struct flow *f, uint32_t dst, uint32_t name, const struct contact *c)
{
    if (!name || t->name[name].addresses < 2)
        return 0;
    struct pair *p = trace_pair_by_name(t, &f->src, name, f->dst_port, true, c->at);
    if (!p)
        return 0;
    p->address = dst;
    p->name = name;
    return trace_pair_note(t, p, c);
}

/* What a connection took that began in the minute before. */
static void taken_from(const struct pair *p, struct contact *c)
{
    const struct event *e = p->n_events ? &p->event[p->n_events - 1] : NULL;
    if (!e || e->at > c->at || c->at - e->at > 60 * TICKS_S || c->out || c->in)
        return;
    c->out = (uint64_t)trace_bytes_of(e->out);
    c->in = (uint64_t)trace_bytes_of(e->in);
}

int trace_pair_called(struct trace *t, const struct flow *f, const struct pair *p, uint32_t name, const struct contact *c)
{
    struct name *n = &t->name[name];
    uint32_t dst = trace_node(t, &f->dst, trace_pressure(t) < 2);
    struct contact with = *c;
    if (!dst)
        return 0;
    n->is_wide = n->is_wide || (n->claimed && n->claimed != dst);
    n->claimed = dst;
    if (t->node[dst].name == name || !(n->is_wide || n->addresses > 1))
        return 0; /* where the DNS called it so, the connection was counted already */
    if (p)
        taken_from(p, &with);
    struct pair *by_name = trace_pair_by_name(t, &f->src, name, f->dst_port, true, c->at); /* p is not good any more */
    if (!by_name)
        return 0;
    by_name->address = dst;
    by_name->name = name;
    return trace_pair_note(t, by_name, &with);
}

int trace_pair_conn(struct trace *t, const struct flow *f, uint32_t at)
{
    uint64_t hash = trace_pair_hash(t, &f->src, f->dst.b, 16, f->dst_port, f->proto);
    uint32_t id = table_find(&t->pairs_at, hash);
    struct contact c = contact_of(f, at);
    if (!id) {
        struct host *h = trace_host(t, &f->src, false);
        unsigned least = door_least(t, h, f);
        uint32_t first = at;
        if (least == 0 || !past_door(t, hash, f->duration_us > 600 * 1000000ll ? 1 : least, &first)) {
            t->pairs_lost++;
            return 0;
        }
        uint32_t src = trace_node(t, &f->src, true), dst = trace_node(t, &f->dst, true);
        struct pair *p = pair_new(t, hash, src, dst, f->dst_port, f->proto, first);
        if (!p)
            return POSSE_ENOMEM;
        p->name = t->node[dst].name;
        id = (uint32_t)(p - t->pair);
    }
    uint32_t dst = t->pair[id].dst;
    if (!t->pair[id].name)
        t->pair[id].name = t->node[dst].name;
    int rc = trace_pair_note(t, &t->pair[id], &c);
    return rc ? rc : note_by_name(t, f, dst, t->node[dst].name, &c);
}

bool trace_talks(const struct trace *t, const struct ip *host, const struct controller *c)
{
    uint32_t dst = c->is_by_name ? trace_name_find(t, c->name) | NAME_BIT : 0;
    uint64_t hash = dst ? trace_pair_hash(t, host, &dst, sizeof dst, c->port, 6) : trace_pair_hash(t, host, c->ip.b, 16, c->port, c->proto);
    return table_find(&t->pairs_at, hash) != 0;
}

/* Half the connections of those that have most: room for more pairs. */
void trace_thin(struct trace *t)
{
    while (t->events_most > EVENTS_LEAST && trace_pressure(t) >= 2) {
        t->events_most /= 2;
        for (size_t i = 1; i <= t->n_pairs; i++) {
            struct pair *p = &t->pair[i];
            if (p->cap_events <= t->events_most)
                continue;
            uint32_t keep = p->n_events < t->events_most ? p->n_events : t->events_most;
            memmove(p->event, p->event + (p->n_events - keep), keep * sizeof *p->event);
            t->thinned += p->n_events - keep;
            struct event *less = realloc(p->event, t->events_most * sizeof *less);
            if (less)
                p->event = less;
            t->bytes -= (p->cap_events - t->events_most) * sizeof *less;
            p->cap_events = t->events_most;
            p->n_events = keep;
        }
    }
}
