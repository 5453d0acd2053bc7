/* sink: where an extractor puts features; private to filter/.
 *
 * Keeps each slot once a view by a small open table (16 KiB, in the first-level cache) whose entries carry the
 * view's turn, so that nothing needs wiping; a bitmap of all slots was five times slower. With notes on, it remembers the first place that gave each slot, for the reasons.
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

enum { SINK_TABLE_BITS = 12, SINK_TABLE = 1 << SINK_TABLE_BITS, SINK_VIEW_MAX = SINK_TABLE / 2 };

struct sink {
    uint32_t *seen;        /* SINK_TABLE entries: turn << FEATURE_BITS | slot */
    uint32_t turn;         /* of the current view: 1 .. 2^(32 - FEATURE_BITS) - 1 */
    uint32_t *slot;        /* FEATURES_MAX */
    uint32_t start[VIEW_N + 1];
    uint32_t n, view_cap;  /* end of what the current view may emit */
    enum view view;
    uint8_t *tag;          /* FEATURES_MAX: the view that sink_sort moves each feature to */
    uint8_t tag_now;
    struct note *note;     /* FEATURES_MAX, or NULL: notes are off */
    uint32_t part;         /* for notes */
};

int sink_init(struct sink *s);
void sink_deinit(struct sink *s);
void sink_reset(struct sink *s);
/* Views are emitted in ascending order, each once; cap at most SINK_VIEW_MAX. */
void sink_begin(struct sink *s, enum view v, uint32_t cap);
void sink_end(struct sink *s);
/* Deals what stands since sink_begin(first) out to views first .. last by their tags, order kept; then ends them. */
void sink_sort(struct sink *s, enum view first, enum view last);
/* Copies the set into the arena. */
int sink_take(struct sink *s, struct arena *a, struct feature_set *out);

static inline bool sink_full(const struct sink *s) { return s->n >= s->view_cap; }

static inline void sink_put_at(struct sink *s, uint64_t hash, const char *label, const uint8_t *p, size_t n)
{
    uint32_t slot = (uint32_t)(hash >> (64 - FEATURE_BITS));
    uint32_t key = s->turn << FEATURE_BITS | slot;
    uint32_t i = slot >> (FEATURE_BITS - SINK_TABLE_BITS);
    while (s->seen[i] >> FEATURE_BITS == s->turn) {
        if (s->seen[i] == key)
            return;
        i = (i + 1) & (SINK_TABLE - 1);
    }
    if (s->n >= s->view_cap)
        return;
    s->seen[i] = key;
    if (s->note)
        s->note[s->n] = (struct note){label, span_of(p, n), s->part};
    s->tag[s->n] = s->tag_now;
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
