#include "serve/caps.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"

enum { SETS = 1024, WAYS = 8, HOUR_MS = 3600000 };

/* `used` of the hour's worth is gone as of at_ms; it comes back evenly within an hour. */
struct bucket { uint64_t who; double used; uint64_t per_hour; int64_t at_ms; };

struct caps {
    uint8_t key[16];
    pthread_mutex_t lock;
    struct bucket bucket[SETS][WAYS];
};

struct caps *caps_new(const uint8_t key[16])
{
    struct caps *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    memcpy(c->key, key, sizeof c->key);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void caps_free(struct caps **c)
{
    if (!c || !*c)
        return;
    pthread_mutex_destroy(&(*c)->lock);
    free(*c);
    *c = NULL;
}

static void refill(struct bucket *b, uint64_t per_hour, int64_t now_ms)
{
    if (now_ms > b->at_ms)
        b->used -= (double)(now_ms - b->at_ms) * (double)b->per_hour / HOUR_MS;
    if (b->used < 0)
        b->used = 0;
    b->at_ms = now_ms; /* a clock that was set back refills nothing */
    b->per_hour = per_hour;
}

/* NULL: not known. */
static struct bucket *find(struct caps *c, uint64_t who)
{
    struct bucket *set = c->bucket[who % SETS];
    for (int i = 0; i < WAYS; i++)
        if (set[i].who == who)
            return &set[i];
    return NULL;
}

static struct bucket *make(struct caps *c, uint64_t who, int64_t now_ms)
{
    struct bucket *set = c->bucket[who % SETS], *best = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who)
            refill(&set[i], set[i].per_hour, now_ms);
        if (set[i].used < best->used)
            best = &set[i];
    }
    *best = (struct bucket){.who = who, .at_ms = now_ms};
    return best;
}

bool caps_take(struct caps *c, struct span name, uint64_t per_hour, int64_t now_ms, int64_t *wait_ms_out)
{
    *wait_ms_out = 0;
    if (per_hour == 0)
        return true;
    uint64_t who = siphash(name, c->key) | 1; /* 0: an empty place */
    pthread_mutex_lock(&c->lock);
    struct bucket *b = find(c, who);
    if (!b)
        b = make(c, who, now_ms);
    refill(b, per_hour, now_ms);
    bool may = b->used + 1 <= (double)per_hour + 1e-9;
    if (may)
        b->used += 1;
    else
        *wait_ms_out = (int64_t)((b->used + 1 - (double)per_hour) * HOUR_MS / (double)per_hour) + 1;
    pthread_mutex_unlock(&c->lock);
    return may;
}

void caps_give(struct caps *c, struct span name)
{
    pthread_mutex_lock(&c->lock);
    struct bucket *b = find(c, siphash(name, c->key) | 1);
    if (b)
        b->used = b->used > 1 ? b->used - 1 : 0;
    pthread_mutex_unlock(&c->lock);
}
