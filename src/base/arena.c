#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MIN = 64 * 1024, KEEP_MAX = 1024 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t cap, used;
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct block *top;  /* the one we allocate from; older ones hang behind it */
    size_t used, max;
    size_t fail_in;     /* counts down to an injected failure; 0: off */
    bool failed;
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *a = calloc(1, sizeof *a);
    if (a)
        a->max = max_bytes;
    return a;
}

static void free_blocks(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

void arena_free(struct arena **a)
{
    if (!a || !*a)
        return;
    free_blocks((*a)->top);
    free(*a);
    *a = NULL;
}

void arena_reset(struct arena *a)
{
    /* Keep one block, the newest and so the largest, unless it is huge. */
    if (a->top) {
        free_blocks(a->top->next);
        a->top->next = NULL;
        a->top->used = 0;
        if (a->top->cap > KEEP_MAX) {
            free(a->top);
            a->top = NULL;
        }
    }
    a->used = 0;
    a->failed = false;
}

static bool add_block(struct arena *a, size_t n)
{
    size_t cap = a->top ? a->top->cap * 2 : BLOCK_MIN;
    if (cap > 16 * KEEP_MAX)
        cap = 16 * KEEP_MAX;
    if (cap < n)
        cap = n;
    struct block *b = malloc(sizeof *b + cap);
    if (!b)
        return false;
    b->next = a->top;
    b->cap = cap;
    b->used = 0;
    a->top = b;
    return true;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ALIGN)
        goto fail;
    n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (a->fail_in && --a->fail_in == 0)
        goto fail;
    if (n > a->max || a->used > a->max - n)
        goto fail;
    if (!a->top || a->top->cap - a->top->used < n)
        if (!add_block(a, n))
            goto fail;
    void *p = a->top->data + a->top->used;
    a->top->used += n;
    a->used += n;
    return p;
fail:
    a->failed = true;
    return NULL;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

static bool is_latest(const struct arena *a, const void *p, size_t rounded)
{
    const struct block *b = a->top;
    return b && b->used >= rounded && (const unsigned char *)p == b->data + b->used - rounded;
}

static size_t round_up(size_t n) { return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

void *arena_grow(struct arena *a, void *old, size_t old_n, size_t n)
{
    size_t have = round_up(old_n);
    if (old && have && n <= SIZE_MAX - ALIGN && is_latest(a, old, have)) {
        size_t extra = n > have ? round_up(n) - have : 0;
        bool injected = a->fail_in == 1;
        if (!injected && a->top->cap - a->top->used >= extra && extra <= a->max - a->used) {
            if (a->fail_in)
                a->fail_in--;
            a->top->used += extra;
            a->used += extra;
            return old;
        }
    }
    void *p = arena_alloc(a, n);
    if (p && old)
        memcpy(p, old, old_n < n ? old_n : n);
    return p;
}

void arena_shrink(struct arena *a, void *p, size_t n, size_t keep)
{
    size_t have = round_up(n), want = round_up(keep);
    if (p && have > want && is_latest(a, p, have)) {
        a->top->used -= have - want;
        a->used -= have - want;
    }
}

struct span arena_copy(struct arena *a, struct span s)
{
    uint8_t *p = arena_alloc(a, s.n);
    if (!p)
        return SPAN_NONE;
    if (s.n)
        memcpy(p, s.p, s.n);
    return span_of(p, s.n);
}

bool arena_failed(const struct arena *a) { return a->failed; }
size_t arena_used(const struct arena *a) { return a->used; }
void arena_fail_at(struct arena *a, size_t n) { a->fail_in = n; }
