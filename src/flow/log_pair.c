/* Halves stand in a ring in order of start, and those that are alone in chains by their two ends, the one that waits longest first. What
 * leaves the ring, and what is no half, goes through a log_hold, which puts it in order again. */
#include "flow/log_pair.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/error.h"
#include "flow/log_hold.h"

enum { RING_FIRST = 1024, STEPS_MAX = 16, COMMON_PORTS = 1024 };
#define NOBODY UINT32_MAX

/* What of struct flow a half has: its texts' places would be most of it. */
struct side { struct ip src, dst; int64_t start_us, duration_us; uint64_t src_bytes, dst_bytes, src_packets, dst_packets;
              uint16_t src_port, dst_port; uint8_t proto, state; bool is_half; };
struct half { struct side f; uint32_t before, after, bucket; bool is_alone; }; /* before, after: in its chain */
struct bucket { uint32_t first, last; };
struct log_pair {
    struct half *ring;
    struct bucket *bucket; /* as many as the ring has places */
    size_t cap, from, n;   /* ring[from], n of them */
    struct log_hold *hold;
};

struct log_pair *log_pair_new(void)
{
    struct log_pair *p = calloc(1, sizeof *p);
    if (p && !(p->hold = log_hold_new()))
        log_pair_free(&p);
    return p;
}

void log_pair_free(struct log_pair **pp)
{
    struct log_pair *p = *pp;
    *pp = NULL;
    if (!p)
        return;
    log_hold_free(&p->hold);
    free(p->ring);
    free(p->bucket);
    free(p);
}

size_t log_pair_count(const struct log_pair *p) { return p->n + log_hold_count(p->hold); }

static struct side side_of(const struct flow *f)
{
    return (struct side){f->src, f->dst, f->start_us, f->duration_us, f->src_bytes, f->dst_bytes, f->src_packets, f->dst_packets,
                         f->src_port, f->dst_port, f->proto, f->state, true};
}

static int tell(struct log_pair *p, const struct side *s)
{
    struct flow f;
    memset(&f, 0, sizeof f);
    f.kind = FLOW_CONN;
    f.src = s->src, f.dst = s->dst;
    f.start_us = s->start_us, f.duration_us = s->duration_us;
    f.src_bytes = s->src_bytes, f.dst_bytes = s->dst_bytes;
    f.src_packets = s->src_packets, f.dst_packets = s->dst_packets;
    f.src_port = s->src_port, f.dst_port = s->dst_port;
    f.proto = s->proto, f.state = s->state, f.is_half = s->is_half;
    return log_hold_put(p->hold, &f);
}

static bool has_ports(const struct side *f) { return f->proto != 1 && f->proto != 58; }

/* The same for both directions. */
static uint64_t ends(const struct side *f)
{
    struct { struct ip a, b; uint16_t pa, pb, proto, zero; } key;
    int order = ip_compare(&f->src, &f->dst);
    bool turn = order > 0 || (order == 0 && f->src_port > f->dst_port), has = has_ports(f);
    memset(&key, 0, sizeof key);
    key.a = turn ? f->dst : f->src;
    key.b = turn ? f->src : f->dst;
    key.pa = has ? turn ? f->dst_port : f->src_port : 0;
    key.pb = has ? turn ? f->src_port : f->dst_port : 0;
    key.proto = f->proto;
    return XXH3_64bits(&key, sizeof key);
}

/* What goes from a place to itself has no other way. */
static bool is_other_way(const struct side *a, const struct side *b)
{
    return a->proto == b->proto && (ip_compare(&a->src, &a->dst) != 0 || a->src_port != a->dst_port) && ip_compare(&a->src, &b->dst) == 0 && ip_compare(&a->dst, &b->src) == 0 &&
           (!has_ports(a) || (a->src_port == b->dst_port && a->dst_port == b->src_port));
}

/* ---- chains ---- */

static void chain(struct log_pair *p, uint32_t at)
{
    struct half *h = &p->ring[at];
    struct bucket *b = &p->bucket[h->bucket = (uint32_t)(ends(&h->f) & (p->cap - 1))];
    h->before = b->last;
    h->after = NOBODY;
    if (b->last == NOBODY)
        b->first = at;
    else
        p->ring[b->last].after = at;
    b->last = at;
    h->is_alone = true;
}

static void unchain(struct log_pair *p, uint32_t at)
{
    struct half *h = &p->ring[at];
    struct bucket *b = &p->bucket[h->bucket];
    if (h->before == NOBODY)
        b->first = h->after;
    else
        p->ring[h->before].after = h->after;
    if (h->after == NOBODY)
        b->last = h->before;
    else
        p->ring[h->after].before = h->before;
    h->is_alone = false;
}

/* Twice the places, in order from the first. */
static int grow(struct log_pair *p)
{
    size_t cap = p->cap ? p->cap * 2 : RING_FIRST;
    struct half *ring = malloc(cap * sizeof *ring);
    struct bucket *bucket = malloc(cap * sizeof *bucket);
    if (!ring || !bucket) {
        free(ring);
        free(bucket);
        return POSSE_ENOMEM;
    }
    for (size_t i = 0; i < p->n; i++)
        ring[i] = p->ring[(p->from + i) & (p->cap - 1)];
    memset(bucket, 0xff, cap * sizeof *bucket);
    free(p->ring);
    free(p->bucket);
    p->ring = ring;
    p->bucket = bucket;
    p->cap = cap;
    p->from = 0;
    for (uint32_t i = 0; i < p->n; i++)
        if (ring[i].is_alone)
            chain(p, i);
    return POSSE_OK;
}

/* ---- pairs ---- */

static bool is_common(const struct side *f, uint16_t port, uint16_t other) { return has_ports(f) && port < COMMON_PORTS && other >= COMMON_PORTS; }

/* Of two states that flags of one direction give (flags_state): a began it. */
static uint8_t state_of(const struct side *a, const struct side *b)
{
    if (a->proto != 6)
        return FLOW_STATE_ESTABLISHED;
    if (b->state == FLOW_STATE_REFUSED && a->state == FLOW_STATE_TRIED)
        return FLOW_STATE_REFUSED;
    if (a->state == FLOW_STATE_CLOSED && b->state == FLOW_STATE_CLOSED)
        return FLOW_STATE_CLOSED;
    for (const struct side *f = a;; f = b) {
        if (f->state == FLOW_STATE_RESET || f->state == FLOW_STATE_REFUSED)
            return FLOW_STATE_RESET;
        if (f == b)
            return FLOW_STATE_ESTABLISHED;
    }
}

static int64_t end_of(const struct side *f)
{
    int64_t x;
    return __builtin_add_overflow(f->start_us, f->duration_us, &x) ? f->start_us : x;
}

/* first came first; what both are is put in its place. */
static void join(struct side *first, const struct side *second)
{
    bool is_turned = is_common(first, first->src_port, first->dst_port) ||
                     (!is_common(first, first->dst_port, first->src_port) && first->start_us == second->start_us &&
                      first->src_port < first->dst_port);
    const struct side a = is_turned ? *second : *first, b = is_turned ? *first : *second;
    int64_t start = first->start_us, end = end_of(&a) > end_of(&b) ? end_of(&a) : end_of(&b);
    *first = a;
    first->start_us = start;
    first->duration_us = end > start ? end - start : 0;
    first->dst_bytes = b.src_bytes;
    first->dst_packets = b.src_packets;
    first->state = state_of(&a, &b);
    first->is_half = false;
}

/* One that stays alone. */
static void turn(struct side *f)
{
    if (!is_common(f, f->src_port, f->dst_port) || (f->proto == 6 && f->state == FLOW_STATE_TRIED))
        return;
    const struct side was = *f;
    f->src = was.dst, f->dst = was.src;
    f->src_port = was.dst_port, f->dst_port = was.src_port;
    f->src_bytes = 0, f->dst_bytes = was.src_bytes;
    f->src_packets = 0, f->dst_packets = was.src_packets;
}

static int release(struct log_pair *p)
{
    struct half *h = &p->ring[p->from];
    if (h->is_alone) {
        unchain(p, (uint32_t)p->from);
        turn(&h->f);
    }
    p->from = (p->from + 1) & (p->cap - 1);
    p->n--;
    return tell(p, &h->f);
}

static bool find_other(struct log_pair *p, const struct side *f)
{
    uint32_t at = p->cap ? p->bucket[ends(f) & (p->cap - 1)].first : NOBODY;
    for (unsigned i = 0; i < STEPS_MAX && at != NOBODY; i++, at = p->ring[at].after)
        if (is_other_way(&p->ring[at].f, f)) {
            unchain(p, at);
            join(&p->ring[at].f, f);
            return true;
        }
    return false;
}

int log_pair_put(struct log_pair *p, const struct flow *f)
{
    if (!f->is_half || f->kind != FLOW_CONN)
        return log_hold_put(p->hold, f);
    const struct side s = side_of(f);
    if (find_other(p, &s))
        return POSSE_OK;
    int rc = p->n == PAIR_MOST ? release(p) : p->n == p->cap ? grow(p) : POSSE_OK;
    if (rc)
        return rc;
    uint32_t at = (uint32_t)((p->from + p->n++) & (p->cap - 1));
    p->ring[at].f = s;
    chain(p, at);
    return POSSE_OK;
}

int log_pair_take(struct log_pair *p, int64_t ordered_us, struct flow *out)
{
    int64_t until = ordered_us == INT64_MAX ? INT64_MAX : ordered_us < INT64_MIN + PAIR_WAIT_US ? INT64_MIN : ordered_us - PAIR_WAIT_US;
    while (p->n && (until == INT64_MAX || p->ring[p->from].f.start_us < until)) {
        int rc = release(p);
        if (rc)
            return rc;
    }
    return log_hold_take(p->hold, until, out);
}
