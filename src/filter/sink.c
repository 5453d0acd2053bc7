#include "filter/sink.h"

#include <stdlib.h>

#include "base/error.h"

int sink_init(struct sink *s)
{
    *s = (struct sink){0};
    s->seen = calloc(FEATURE_SLOTS / 64, sizeof *s->seen);
    s->slot = malloc(FEATURES_MAX * sizeof *s->slot);
    if (s->seen && s->slot)
        return POSSE_OK;
    sink_deinit(s);
    return POSSE_ENOMEM;
}

void sink_deinit(struct sink *s)
{
    free(s->seen);
    free(s->slot);
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
    s->view = v;
    s->start[v] = s->n;
    s->view_cap = s->n + cap <= FEATURES_MAX ? s->n + cap : FEATURES_MAX;
}

void sink_end(struct sink *s)
{
    for (uint32_t i = s->start[s->view]; i < s->n; i++)
        s->seen[s->slot[i] >> 6] = 0;
    for (int v = (int)s->view + 1; v <= VIEW_N; v++)
        s->start[v] = s->n;
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
