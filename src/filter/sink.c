#include "filter/sink.h"

#include <stdlib.h>

#include "base/error.h"

int sink_init(struct sink *s)
{
    *s = (struct sink){0};
    s->seen = calloc(SINK_TABLE, sizeof *s->seen);
    s->slot = malloc(FEATURES_MAX * sizeof *s->slot);
    s->tag = malloc(FEATURES_MAX);
    if (s->seen && s->slot && s->tag)
        return POSSE_OK;
    sink_deinit(s);
    return POSSE_ENOMEM;
}

void sink_deinit(struct sink *s)
{
    free(s->seen);
    free(s->slot);
    free(s->tag);
    *s = (struct sink){0};
}

void sink_reset(struct sink *s)
{
    s->n = 0;
    s->view_cap = 0;
    memset(s->start, 0, sizeof s->start);
}

void sink_begin(struct sink *s, enum view v, uint32_t cap)
{
    if (++s->turn >> (32 - FEATURE_BITS)) {
        memset(s->seen, 0, SINK_TABLE * sizeof *s->seen);
        s->turn = 1;
    }
    s->view = v;
    s->start[v] = s->n;
    if (cap > SINK_VIEW_MAX)
        cap = SINK_VIEW_MAX;
    s->view_cap = s->n + cap <= FEATURES_MAX ? s->n + cap : FEATURES_MAX;
}

void sink_end(struct sink *s)
{
    for (int v = (int)s->view + 1; v <= VIEW_N; v++)
        s->start[v] = s->n;
}

void sink_sort(struct sink *s, enum view first, enum view last)
{
    uint32_t from = s->start[first], n = s->n - from, count[VIEW_N] = {0}, at[VIEW_N];
    uint32_t slot[SINK_VIEW_MAX];
    for (uint32_t i = from; i < s->n; i++)
        count[s->tag[i]]++;
    uint32_t pos = from;
    for (int v = (int)first; v <= (int)last; v++) {
        s->start[v] = at[v] = pos;
        pos += count[v];
    }
    memcpy(slot, s->slot + from, n * sizeof *slot);
    if (!s->note) {
        for (uint32_t i = 0; i < n; i++)
            s->slot[at[s->tag[from + i]]++] = slot[i];
    } else {
        struct note note[SINK_VIEW_MAX];
        memcpy(note, s->note + from, n * sizeof *note);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t to = at[s->tag[from + i]]++;
            s->slot[to] = slot[i];
            s->note[to] = note[i];
        }
    }
    s->view = last;
    sink_end(s);
}

int sink_take(struct sink *s, struct arena *a, struct feature_set *out)
{
    uint32_t *slot = arena_alloc(a, s->n * sizeof *slot + 1);
    if (!slot)
        return POSSE_ELIMIT;
    memcpy(slot, s->slot, s->n * sizeof *slot);
    out->slot = slot;
    memcpy(out->start, s->start, sizeof out->start);
    return POSSE_OK;
}
