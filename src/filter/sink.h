/* sink: where an extractor puts features; private to filter/.
 *
 * Keeps each slot once a view by a bitmap of all slots (512 KiB, in the second-level cache), which is wiped by
 * walking what was emitted. With notes on, it remembers the first place that gave each slot, for the reasons.
 * Owned by one worker; reused for every message.  Cost: about 2 ns a feature. */
#ifndef POSSE_FILTER_SINK_H
#define POSSE_FILTER_SINK_H

#include "base/arena.h"
#include "base/hash.h"
#include "filter/feature.h"

/* Where a feature came from. `label` (static or arena text) says it in words when the bytes alone do not. */
struct note {
    const char *label;
    struct span where;
    uint32_t part;
};

struct sink {
    uint64_t *seen;        /* FEATURE_SLOTS bits */
    uint32_t *slot;        /* FEATURES_MAX */
    uint32_t start[VIEW_N + 1];
    uint32_t n, view_cap;  /* end of what the current view may emit */
    enum view view;
    struct note *note;     /* FEATURES_MAX, or NULL: notes are off */
    uint32_t part;         /* for notes */
};

int sink_init(struct sink *s);
void sink_deinit(struct sink *s);
void sink_reset(struct sink *s);
/* Views are emitted in ascending order; each once. */
void sink_begin(struct sink *s, enum view v, uint32_t cap);
void sink_end(struct sink *s);
/* Copies the set into the arena. */
int sink_take(struct sink *s, struct arena *a, struct feature_set *out);

static inline bool sink_full(const struct sink *s) { return s->n >= s->view_cap; }

static inline void sink_put_at(struct sink *s, uint64_t hash, const char *label, const uint8_t *p, size_t n)
{
    uint32_t slot = (uint32_t)(hash >> (64 - FEATURE_BITS));
    uint64_t bit = UINT64_C(1) << (slot & 63);
    uint64_t *word = &s->seen[slot >> 6];
    if ((*word & bit) || s->n >= s->view_cap)
        return;
    *word |= bit;
    if (s->note)
        s->note[s->n] = (struct note){label, span_of(p, n), s->part};
    s->slot[s->n++] = slot;
}

/* A feature of bytes: `kind` keeps kinds of one view apart. */
static inline void sink_put(struct sink *s, uint64_t kind, struct span bytes, const char *label)
{
    sink_put_at(s, hash64(bytes, kind) * 0x9E3779B97F4A7C15ull, label, bytes.p, bytes.n);
}

/* A feature of a small number: a flag, a bucket, a count. */
static inline void sink_put_num(struct sink *s, uint64_t kind, uint64_t value, const char *label, struct span where)
{
    sink_put_at(s, mix64(kind * 0x9E3779B97F4A7C15ull + value), label, where.p, where.n);
}

#endif
