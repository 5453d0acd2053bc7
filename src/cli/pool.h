/* pool: many threads work, results come out in the order of the input.
 *
 * A ring of slots of the caller: `next` fills a slot (one thread at a time, in order), `work` does what may
 * run in parallel (any thread, one a slot), `done` takes the result (one thread at a time, in order). There is no
 * thread of its own for `done`: whoever finishes the oldest slot hands on all that are ready, so that
 * nobody has to be woken for a message.
 * Ownership: slots are the caller's; after pool_run those that were filled and not handed on still hold what
 * `next` gave them, and the caller clears all of them.
 * Limits: at most n_slots are under way, so memory is bounded whatever the input.
 * Errors: `done` gives non-zero to stop: nothing new is begun, pool_run gives that number. POSSE_ENOMEM.
 * Threads: the caller's own thread is worker 0. A slot passes from thread to thread under a lock.
 * Cost: two short locks a message. */
#ifndef POSSE_CLI_POOL_H
#define POSSE_CLI_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool_ops {
    bool (*next)(void *ctx, void *slot); /* false: no more */
    void (*work)(void *ctx, unsigned worker, void *slot);
    int (*done)(void *ctx, void *slot);
};

/* slots: n_slots of slot_size bytes each. threads >= 1; one thread makes none. */
int pool_run(const struct pool_ops *ops, void *ctx, unsigned threads, void *slots, size_t slot_size, size_t n_slots);

#endif
