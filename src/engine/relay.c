#include "engine/relay.h"

void relay_init(struct relay *r, unsigned pieces, void (*work)(void *ctx, unsigned piece), void *ctx)
{
    *r = (struct relay){.pieces = pieces, .work = work, .ctx = ctx};
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->moved, NULL);
}

static void *relay_run(void *arg)
{
    struct relay *r = arg;
    pthread_mutex_lock(&r->mutex);
    for (;;) {
        while (r->done == r->handed && !r->is_ended)
            pthread_cond_wait(&r->moved, &r->mutex);
        if (r->done == r->handed)
            break;
        pthread_mutex_unlock(&r->mutex);
        r->work(r->ctx, (unsigned)(r->done % r->pieces)); /* only this thread changes `done` */
        pthread_mutex_lock(&r->mutex);
        r->done++;
        pthread_cond_signal(&r->moved);
    }
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}

unsigned relay_next(struct relay *r)
{
    pthread_mutex_lock(&r->mutex);
    while (r->handed - r->done >= r->pieces)
        pthread_cond_wait(&r->moved, &r->mutex);
    unsigned piece = (unsigned)(r->handed % r->pieces);
    pthread_mutex_unlock(&r->mutex);
    return piece;
}

void relay_hand(struct relay *r)
{
    if (!r->has_thread)
        r->has_thread = pthread_create(&r->thread, NULL, relay_run, r) == 0;
    if (!r->has_thread)
        r->work(r->ctx, (unsigned)(r->handed % r->pieces));
    pthread_mutex_lock(&r->mutex);
    r->handed++;
    if (!r->has_thread) /* else `done` is the thread's, who reads it without the lock */
        r->done++;
    pthread_cond_signal(&r->moved);
    pthread_mutex_unlock(&r->mutex);
}

void relay_end(struct relay *r)
{
    pthread_mutex_lock(&r->mutex);
    r->is_ended = true;
    pthread_cond_signal(&r->moved);
    pthread_mutex_unlock(&r->mutex);
    if (r->has_thread)
        pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->mutex);
}
