/* Which addresses a group was sent from.
 *
 * All of them while they can be held: IPv4 in a table of open addressing (five to eleven bytes an address), IPv6 in order. Past
 * that a HyperLogLog counts them and a sample is kept by hash, the same sample in every group (those whose hash begins with `level`
 * zeros), so that what two groups have in common can still be estimated.
 * Compressed bitmaps would need 55 to 86 bytes an address for groups of 100 to 10,000 addresses, which lie alone in their /16, and less
 * than this only from about 300,000 on; and the library that Debian 12 has of them (0.2.66) does not survive a failed allocation. */
#include <stdlib.h>

#include "base/hash.h"
#include "campaign/campaigns_priv.h"

/* ---- distinct ---- */

void distinct_deinit(struct heap *h, struct distinct *d)
{
    if (d->h)
        heap_free(h, d->h, d->cap, sizeof *d->h);
    if (d->reg)
        heap_free(h, d->reg, hll_bytes(DISTINCT_P), 1);
    *d = (struct distinct){.n = 0};
}

/* The lower half of a hash is enough to tell 64 things apart; HyperLogLog gets it mixed to the full width. */
static bool distinct_put(struct heap *h, struct distinct *d, uint32_t x)
{
    if (d->reg)
        return hll_add(d->reg, DISTINCT_P, mix64(x));
    for (unsigned i = 0; i < d->n; i++)
        if (d->h[i] == x)
            return false;
    if (d->n == d->cap && d->cap < DISTINCT_EXACT) {
        uint16_t cap = d->cap ? (uint16_t)(d->cap * 2) : 4;
        uint32_t *wide = heap_grow(h, d->h, d->cap, cap, sizeof *wide);
        if (!wide)
            return false;
        d->h = wide;
        d->cap = cap;
    }
    if (d->n < d->cap) {
        d->h[d->n++] = x;
        return true;
    }
    uint8_t *reg = heap_grow(h, NULL, 0, hll_bytes(DISTINCT_P), 1);
    if (!reg)
        return false;
    for (unsigned i = 0; i < d->n; i++)
        hll_add(reg, DISTINCT_P, mix64(d->h[i]));
    hll_add(reg, DISTINCT_P, mix64(x));
    distinct_deinit(h, d);
    d->reg = reg;
    return true;
}

bool distinct_add(struct heap *h, struct distinct *d, uint64_t hash) { return distinct_put(h, d, (uint32_t)hash); }

uint64_t distinct_count(const struct distinct *d) { return d->reg ? (uint64_t)(hll_count(d->reg, DISTINCT_P).mid + 0.5) : d->n; }

void distinct_merge(struct heap *h, struct distinct *to, const struct distinct *from)
{
    if (from->reg && !to->reg) {
        uint8_t *reg = heap_grow(h, NULL, 0, hll_bytes(DISTINCT_P), 1);
        if (!reg)
            return;
        for (unsigned i = 0; i < to->n; i++)
            hll_add(reg, DISTINCT_P, mix64(to->h[i]));
        distinct_deinit(h, to);
        to->reg = reg;
    }
    if (from->reg)
        hll_merge(to->reg, from->reg, DISTINCT_P);
    for (unsigned i = 0; i < from->n; i++)
        distinct_put(h, to, from->h[i]);
}

/* ---- sources ---- */

static uint64_t ip_hash(const struct ip *ip)
{
    uint64_t w[2];
    memcpy(w, ip->b, sizeof w);
    return mix64(mix64(w[0] ^ 0x736f7572636573ull) + w[1]);
}

static uint64_t v4_hash(uint32_t v4)
{
    struct ip ip = ip_of_v4(v4);
    return ip_hash(&ip);
}

static bool is_held(uint64_t hash, unsigned level) { return level == 0 || hash >> (64 - level) == 0; }

/* True: it was not there. */
static bool v4_put(struct heap *h, struct sources *s, uint32_t v4)
{
    if (v4 == 0)
        return false;
    if (s->n4 * 4 >= s->cap4 * 3) {
        struct sources wide = {.cap4 = s->cap4 ? s->cap4 * 2 : 4};
        if (!(wide.v4 = heap_grow(h, NULL, 0, wide.cap4, sizeof *wide.v4)))
            return false;
        for (uint32_t i = 0; i < s->cap4; i++)
            if (s->v4[i])
                v4_put(h, &wide, s->v4[i]);
        if (s->v4)
            heap_free(h, s->v4, s->cap4, sizeof *s->v4);
        s->v4 = wide.v4;
        s->cap4 = wide.cap4;
    }
    uint32_t i = (uint32_t)mix64(v4) & (s->cap4 - 1);
    for (; s->v4[i]; i = (i + 1) & (s->cap4 - 1))
        if (s->v4[i] == v4)
            return false;
    s->v4[i] = v4;
    s->n4++;
    return true;
}

static bool v4_has(const struct sources *s, uint32_t v4)
{
    if (s->cap4 == 0)
        return false;
    for (uint32_t i = (uint32_t)mix64(v4) & (s->cap4 - 1); s->v4[i]; i = (i + 1) & (s->cap4 - 1))
        if (s->v4[i] == v4)
            return true;
    return false;
}

static bool v6_at(const struct sources *s, const struct ip *ip, uint32_t *at)
{
    uint32_t lo = 0, hi = s->n6;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = ip_compare(&s->v6[mid], ip);
        if (c == 0) {
            *at = mid;
            return true;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *at = lo;
    return false;
}

static bool v6_put(struct heap *h, struct sources *s, const struct ip *ip)
{
    uint32_t at;
    if (v6_at(s, ip, &at))
        return false;
    if (s->n6 == s->cap6) {
        uint32_t cap = s->cap6 ? s->cap6 * 2 : 2;
        struct ip *wide = heap_grow(h, s->v6, s->cap6, cap, sizeof *wide);
        if (!wide)
            return false;
        s->v6 = wide;
        s->cap6 = cap;
    }
    memmove(s->v6 + at + 1, s->v6 + at, (s->n6 - at) * sizeof *s->v6);
    s->v6[at] = *ip;
    s->n6++;
    return true;
}

/* Keeps of what is held those whose hash begins with so many zeros. */
static void sources_keep(struct heap *h, struct sources *s, uint8_t level)
{
    struct sources kept = {.n4 = 0};
    s->level = level;
    for (uint32_t i = 0; i < s->cap4; i++)
        if (s->v4[i] && is_held(v4_hash(s->v4[i]), level))
            v4_put(h, &kept, s->v4[i]);
    if (s->v4)
        heap_free(h, s->v4, s->cap4, sizeof *s->v4);
    s->v4 = kept.v4;
    s->n4 = kept.n4;
    s->cap4 = kept.cap4;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n6; i++)
        if (is_held(ip_hash(&s->v6[i]), level))
            s->v6[n++] = s->v6[i];
    s->n6 = n;
}

static void sources_estimate(struct heap *h, struct sources *s)
{
    uint8_t *reg = s->reg ? NULL : heap_grow(h, NULL, 0, hll_bytes(SOURCES_P), 1);
    if (!reg)
        return;
    for (uint32_t i = 0; i < s->cap4; i++)
        if (s->v4[i])
            hll_add(reg, SOURCES_P, v4_hash(s->v4[i]));
    for (uint32_t i = 0; i < s->n6; i++)
        hll_add(reg, SOURCES_P, ip_hash(&s->v6[i]));
    s->reg = reg;
}

static void sources_check(struct heap *h, struct sources *s, const struct source_limits *l)
{
    enum { V6_EXACT = 4096 }; /* an insertion moves half of them */
    if (!s->reg && (s->n4 + s->n6 > l->exact || s->n6 > V6_EXACT))
        sources_estimate(h, s);
    if (s->reg)
        while (s->level < 60 && (s->n4 + s->n6 > l->sample || s->n6 > V6_EXACT))
            sources_keep(h, s, s->level + 1);
}

bool sources_put(struct heap *h, struct sources *s, const struct ip *ip)
{
    if (s->reg && !is_held(ip_hash(ip), s->level))
        return false;
    return ip_is_v4(ip) ? v4_put(h, s, ip_v4(ip)) : v6_put(h, s, ip);
}

bool sources_add(struct heap *h, struct sources *s, const struct ip *ip, const struct source_limits *l)
{
    uint64_t hash = ip_hash(ip);
    bool is_new = s->reg && hll_add(s->reg, SOURCES_P, hash);
    if (s->reg && !is_held(hash, s->level)) {
        if (is_new) /* most networks that are new come with an address that is */
            goto network;
        return false;
    }
    is_new = ip_is_v4(ip) ? v4_put(h, s, ip_v4(ip)) : v6_put(h, s, ip);
    if (!is_new)
        return false;
    sources_check(h, s, l);
network:;
    struct ip net = ip_network(ip);
    distinct_add(h, &s->nets, ip_hash(&net));
    return true;
}

void sources_merge(struct heap *h, struct sources *to, const struct sources *from, const struct source_limits *l)
{
    if (from->reg) {
        sources_estimate(h, to);
        if (to->reg)
            hll_merge(to->reg, from->reg, SOURCES_P);
    }
    if (from->level > to->level)
        sources_keep(h, to, from->level);
    unsigned level = to->level;
    for (uint32_t i = 0; i < from->cap4; i++) {
        uint64_t hash = v4_hash(from->v4[i]);
        if (from->v4[i] && to->reg)
            hll_add(to->reg, SOURCES_P, hash);
        if (from->v4[i] && is_held(hash, level))
            v4_put(h, to, from->v4[i]);
    }
    for (uint32_t i = 0; i < from->n6; i++) {
        uint64_t hash = ip_hash(&from->v6[i]);
        if (to->reg)
            hll_add(to->reg, SOURCES_P, hash);
        if (is_held(hash, level))
            v6_put(h, to, &from->v6[i]);
    }
    sources_check(h, to, l);
    distinct_merge(h, &to->nets, &from->nets);
}

struct estimate sources_count(const struct sources *s)
{
    if (s->reg)
        return hll_count(s->reg, SOURCES_P);
    double n = (double)sources_held(s);
    return (struct estimate){n, n, n, (uint64_t)n, "counted"};
}

size_t sources_held(const struct sources *s) { return (size_t)s->n4 + s->n6; }

static int by_ip(const void *a, const void *b) { return ip_compare(a, b); }

void sources_list(const struct sources *s, struct ip *out)
{
    size_t n = 0;
    for (uint32_t i = 0; i < s->cap4; i++)
        if (s->v4[i])
            out[n++] = ip_of_v4(s->v4[i]);
    for (uint32_t i = 0; i < s->n6; i++)
        out[n++] = s->v6[i];
    if (n)
        qsort(out, n, sizeof *out, by_ip);
}

int sources_each(const struct sources *s, int (*fn)(void *ctx, const struct ip *), void *ctx)
{
    int rc = 0;
    for (uint32_t i = 0; i < s->cap4 && rc == 0; i++) {
        struct ip ip = ip_of_v4(s->v4[i]);
        rc = s->v4[i] ? fn(ctx, &ip) : 0;
    }
    for (uint32_t i = 0; i < s->n6 && rc == 0; i++)
        rc = fn(ctx, &s->v6[i]);
    return rc;
}

uint64_t sources_common(const struct sources *a, const struct sources *b)
{
    enum { COMMON_MOST = 8192 };
    unsigned level = a->level > b->level ? a->level : b->level;
    uint64_t both = 0;
    uint32_t at;
    if (sources_held(a) > sources_held(b)) {
        const struct sources *swap = a;
        a = b;
        b = swap;
    }
    while (level < 60 && sources_held(a) >> (level - a->level) > COMMON_MOST) /* a sample of a sample does */
        level++;
    for (uint32_t i = 0; i < a->cap4; i++)
        both += a->v4[i] && is_held(v4_hash(a->v4[i]), level) && v4_has(b, a->v4[i]);
    for (uint32_t i = 0; i < a->n6; i++)
        both += is_held(ip_hash(&a->v6[i]), level) && v6_at(b, &a->v6[i], &at);
    return both << level;
}

void sources_deinit(struct heap *h, struct sources *s)
{
    if (s->v4)
        heap_free(h, s->v4, s->cap4, sizeof *s->v4);
    if (s->v6)
        heap_free(h, s->v6, s->cap6, sizeof *s->v6);
    if (s->reg)
        heap_free(h, s->reg, hll_bytes(SOURCES_P), 1);
    distinct_deinit(h, &s->nets);
    *s = (struct sources){.n4 = 0};
}
