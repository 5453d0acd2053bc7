#include "cli/lane.h"

#include <stdlib.h>

#include "base/error.h"

size_t lanes_for(unsigned threads) { return threads == 1 ? 1 : 4 * (size_t)threads; }

struct lane *lanes_new(struct engine *e, size_t n)
{
    struct lane *lane = calloc(n, sizeof *lane);
    if (!lane)
        return NULL;
    bool is_full = true;
    for (size_t i = 0; i < n; i++) {
        ticket_init(&lane[i].ticket);
        lane[i].worker = is_full ? engine_worker_new(e) : NULL;
        is_full = lane[i].worker != NULL;
    }
    if (!is_full)
        lanes_free(&lane, n);
    return lane;
}

void lanes_free(struct lane **lanes, size_t n)
{
    struct lane *lane = *lanes;
    if (!lane)
        return;
    for (size_t i = 0; i < n; i++) {
        ticket_deinit(&lane[i].ticket);
        source_buf_deinit(&lane[i].bytes);
        engine_worker_free(&lane[i].worker);
        free(lane[i].name);
    }
    free(lane);
    *lanes = NULL;
}

void lane_read(struct lane *l)
{
    static const struct envelope no_envelope;
    struct span raw;
    l->reading = NULL;
    if (source_load(&l->ticket, &l->bytes, &raw, &l->why) != 0)
        return;
    int rc = engine_read(l->worker, raw, &no_envelope, &l->reading);
    if (rc == 0)
        return;
    l->reading = NULL;
    report_set(&l->why, rc, "%s: cannot be read as mail: %s", l->ticket.name, posse_strerror(rc));
}
