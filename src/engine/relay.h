/* relay: pieces of work filled by one thread and done by another, in order, at most so many ahead.
 *
 * The filler asks relay_next for a piece, fills it (the pieces are its own, known here by number), hands it on with
 * relay_hand, and so on; relay_end waits until all are done. The other thread starts with the first piece, so work that
 * fits into one need not start it: the filler may do the piece itself and hand over none. Where no thread can be
 * started, relay_hand does the piece.
 * Ownership: a value of the caller, who must call relay_end.  Limits: `pieces` at least 2.
 * Threads: one filler; what it filled is seen by `work`, and what `work` did is seen after relay_end.
 * Cost: a lock and perhaps a wake-up a piece, so let one be worth some 100 us. */
#ifndef POSSE_ENGINE_RELAY_H
#define POSSE_ENGINE_RELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct relay {
    unsigned pieces;
    void (*work)(void *ctx, unsigned piece);
    void *ctx;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    uint64_t handed, done; /* under mutex, as is_ended */
    bool is_ended;
};

void relay_init(struct relay *r, unsigned pieces, void (*work)(void *ctx, unsigned piece), void *ctx);
/* The number of a piece that nobody works on. Waits for one. */
unsigned relay_next(struct relay *r);
void relay_hand(struct relay *r);
void relay_end(struct relay *r);

#endif
