/* Numbers found by hash: open addressing, grown at 3/4, nothing is ever taken out. And the count of bytes that all of it takes. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "flow/trace_priv.h"

void *trace_grow(struct trace *t, void *p, size_t *cap, size_t want, size_t size)
{
    if (want <= *cap)
        return p;
    size_t to = *cap ? *cap + *cap / 2 : 64;
    if (to < want)
        to = want;
    void *q = realloc(p, to * size);
    if (!q)
        return NULL;
    memset((char *)q + *cap * size, 0, (to - *cap) * size);
    t->bytes += (to - *cap) * size;
    *cap = to;
    return q;
}

uint32_t table_find(const struct table *t, uint64_t hash)
{
    if (!t->cap)
        return 0;
    for (size_t i = hash & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
        if (!t->id[i])
            return 0;
        if (t->hash[i] == hash)
            return t->id[i];
    }
}

static void put(struct table *t, uint64_t hash, uint32_t id)
{
    size_t i = hash & (t->cap - 1);
    while (t->id[i])
        i = (i + 1) & (t->cap - 1);
    t->hash[i] = hash;
    t->id[i] = id;
}

int table_put(struct trace *t, struct table *at, uint64_t hash, uint32_t id)
{
    if ((at->n + 1) * 4 > at->cap * 3) {
        struct table to = {.cap = at->cap ? at->cap * 2 : 1024, .n = at->n};
        to.hash = malloc(to.cap * sizeof *to.hash);
        to.id = calloc(to.cap, sizeof *to.id);
        if (!to.hash || !to.id) {
            free(to.hash);
            free(to.id);
            return POSSE_ENOMEM;
        }
        for (size_t i = 0; i < at->cap; i++)
            if (at->id[i])
                put(&to, at->hash[i], at->id[i]);
        t->bytes += (to.cap - at->cap) * (sizeof *to.hash + sizeof *to.id);
        free(at->hash);
        free(at->id);
        *at = to;
    }
    put(at, hash, id);
    at->n++;
    return 0;
}

/* Growing takes half as much again for a moment, so that the last stage begins well below the limit. */
int trace_pressure(const struct trace *t)
{
    size_t most = t->o.max_bytes;
    return t->bytes < most / 10 * 3 ? 0 : t->bytes < most / 2 ? 1 : t->bytes < most / 10 * 7 ? 2 : 3;
}

uint32_t trace_tick(const struct trace *t, int64_t us)
{
    int64_t tick = (us / 1000 - t->epoch_ms) / TICK_MS;
    return tick < 1 ? 1 : tick > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)tick;
}
