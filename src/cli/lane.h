/* lane: what a message needs to be read on any thread and decided later, in order: its ticket, its bytes and an
 * engine worker of its own, because a reading lives in its worker until that worker's next one.
 * So a pool over L lanes reads L messages ahead, and whoever takes a lane has all of it to himself.
 * Ownership: a lane owns what is in it.  Threads: one at a time; the pool hands lanes on under its lock. */
#ifndef POSSE_CLI_LANE_H
#define POSSE_CLI_LANE_H

#include "cli/source.h"
#include "engine/engine.h"

struct lane {
    struct ticket ticket;
    struct source_buf bytes;
    struct engine_worker *worker;
    struct reading *reading; /* NULL: `why` says why */
    struct report why;
    bool is_spam;           /* eval: the label */
    char *name;             /* eval: the path as the index has it; else NULL */
    struct verdict verdict; /* eval --frozen: decided on the reading thread */
};

/* How many lanes serve so many threads: some ahead, so that a slow message does not stop the others. */
size_t lanes_for(unsigned threads);
/* NULL: out of memory. */
struct lane *lanes_new(struct engine *e, size_t n);
void lanes_free(struct lane **lanes, size_t n);
/* Loads and reads the ticket's message: sets reading, or why. */
void lane_read(struct lane *l);

#endif
