/* pool: see pool.h. Invariants, all under `state` save where said:
 *   P1  head <= tail <= head + n_slots; slots [head, tail) are under way.
 *   P2  tail moves only under `input` as well, so slots are filled in order.
 *   P3  head moves only in the thread that set is_draining, so `done` is called in order and by one at a time.
 *   P4  when is_draining is false, the slot at head is not ready: nothing ready is left behind. */
#include "cli/pool.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"

struct pool {
    const struct pool_ops *ops;
    void *ctx;
    unsigned char *slots;
    size_t slot_size, n_slots;
    pthread_mutex_t input; /* next */
    bool is_ended;         /* by `input` */
    pthread_mutex_t state;
    pthread_cond_t room;
    uint64_t head, tail;
    bool *ready;
    bool is_draining, is_waiting;
    int stop;
};

struct worker {
    struct pool *pool;
    unsigned id;
    pthread_t thread;
};

static void *slot_at(struct pool *p, uint64_t seq) { return p->slots + (size_t)(seq % p->n_slots) * p->slot_size; }

/* Fills the next slot; false: there is no more to do. */
static bool take(struct pool *p, uint64_t *seq_out)
{
    pthread_mutex_lock(&p->input);
    pthread_mutex_lock(&p->state);
    while (p->tail - p->head == p->n_slots && !p->stop) {
        p->is_waiting = true;
        pthread_cond_wait(&p->room, &p->state);
    }
    p->is_waiting = false;
    uint64_t seq = p->tail;
    if (p->stop)
        p->is_ended = true;
    pthread_mutex_unlock(&p->state);
    if (!p->is_ended && !p->ops->next(p->ctx, slot_at(p, seq)))
        p->is_ended = true;
    bool is_taken = !p->is_ended;
    if (is_taken) {
        pthread_mutex_lock(&p->state);
        p->tail++;
        assert(p->tail - p->head <= p->n_slots); /* P1 */
        pthread_mutex_unlock(&p->state);
    }
    pthread_mutex_unlock(&p->input);
    *seq_out = seq;
    return is_taken;
}

/* Marks a slot as worked, and hands on what is ready from the head unless somebody does already. */
static void finish(struct pool *p, uint64_t seq)
{
    pthread_mutex_lock(&p->state);
    p->ready[seq % p->n_slots] = true;
    if (!p->is_draining) {
        p->is_draining = true;
        while (p->head < p->tail && p->ready[p->head % p->n_slots]) {
            uint64_t head = p->head;
            bool is_stopped = p->stop != 0;
            pthread_mutex_unlock(&p->state);
            int rc = is_stopped ? 0 : p->ops->done(p->ctx, slot_at(p, head));
            pthread_mutex_lock(&p->state);
            if (rc && !p->stop)
                p->stop = rc;
            p->ready[head % p->n_slots] = false;
            p->head++;
            if (p->is_waiting)
                pthread_cond_signal(&p->room);
        }
        p->is_draining = false; /* P4 */
    }
    pthread_mutex_unlock(&p->state);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pool *p = w->pool;
    uint64_t seq;
    while (take(p, &seq)) {
        p->ops->work(p->ctx, w->id, slot_at(p, seq));
        finish(p, seq);
    }
    return NULL;
}

static int run_serial(struct pool *p)
{
    int rc = 0;
    while (rc == 0 && p->ops->next(p->ctx, p->slots)) {
        p->ops->work(p->ctx, 0, p->slots);
        rc = p->ops->done(p->ctx, p->slots);
    }
    return rc;
}

static int run_threads(struct pool *p, unsigned threads)
{
    struct worker *w = calloc(threads, sizeof *w);
    p->ready = calloc(p->n_slots, sizeof *p->ready);
    if (!w || !p->ready) {
        free(w);
        free(p->ready);
        return POSSE_ENOMEM;
    }
    pthread_mutex_init(&p->input, NULL);
    pthread_mutex_init(&p->state, NULL);
    pthread_cond_init(&p->room, NULL);
    unsigned started = 1;
    for (unsigned i = 0; i < threads; i++) {
        w[i].pool = p;
        w[i].id = i;
        /* a thread that cannot be had is one worker less, not a failure */
        if (i > 0 && pthread_create(&w[i].thread, NULL, worker_main, &w[i]) == 0)
            started++;
        else if (i > 0)
            break;
    }
    worker_main(&w[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(w[i].thread, NULL);
    pthread_cond_destroy(&p->room);
    pthread_mutex_destroy(&p->state);
    pthread_mutex_destroy(&p->input);
    free(p->ready);
    free(w);
    return p->stop;
}

int pool_run(const struct pool_ops *ops, void *ctx, unsigned threads, void *slots, size_t slot_size, size_t n_slots)
{
    struct pool p = {.ops = ops, .ctx = ctx, .slots = slots, .slot_size = slot_size, .n_slots = n_slots};
    assert(n_slots > 0 && threads > 0);
    return threads == 1 ? run_serial(&p) : run_threads(&p, threads);
}
