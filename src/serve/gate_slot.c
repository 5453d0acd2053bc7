/* The pool: as many slots as messages may be in work. The one that was given back last is taken first: its memory is warm. */
#include <stdlib.h>

#include "base/error.h"
#include "serve/gate_priv.h"

enum { ANSWER_BYTES = 16 << 20, ROW_BYTES = SIGHTING_ROW_MAX };

int slot_init(struct gate *g, struct gate_slot *s)
{
    s->worker = engine_worker_new(g->engine);
    s->arena = arena_new(ANSWER_BYTES);
    buf_init(&s->row, ROW_BYTES);
    return s->worker && s->arena ? POSSE_OK : POSSE_ENOMEM;
}

void slot_deinit(struct gate *g, struct gate_slot *s)
{
    engine_worker_free(&s->worker);
    arena_free(&s->arena);
    quarantine_close(&s->quarantine);
    observe_worker_free(&s->watcher);
    buf_deinit(&s->row);
    free(s->known);
    s->known = NULL;
    house_drop(g, &s->house);
}

int slot_enter(struct gate *g, struct gate_slot *s, struct house *h)
{
    struct known_bits *known = calloc(policies_n(h->policies), sizeof *known);
    int err = known ? engine_worker_rules(s->worker, h->rules) : POSSE_ENOMEM;
    if (err) {
        free(known);
        engine_worker_rules(s->worker, NULL);
        house_drop(g, &s->house);
        house_drop(g, &h);
        return err;
    }
    free(s->known);
    s->known = known;
    house_drop(g, &s->house);
    s->house = h;
    return POSSE_OK;
}

int slot_take(struct gate *g, struct gate_slot **out, struct report *why)
{
    pthread_mutex_lock(&g->lock);
    while (!g->idle)
        pthread_cond_wait(&g->returned, &g->lock);
    struct gate_slot *s = g->idle;
    g->idle = s->next;
    g->n_out++;
    s->observer = g->observer;
    struct house *h = g->house == s->house ? NULL : g->house;
    if (h)
        h->refs++;
    pthread_mutex_unlock(&g->lock);
    if (h && slot_enter(g, s, h)) {
        slot_give(g, s);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    arena_reset(s->arena);
    s->answer = (struct gate_answer){0};
    *out = s;
    return POSSE_OK;
}

void slot_give(struct gate *g, struct gate_slot *s)
{
    pthread_mutex_lock(&g->lock);
    s->next = g->idle;
    g->idle = s;
    g->n_out--;
    pthread_cond_broadcast(&g->returned);
    pthread_mutex_unlock(&g->lock);
}

void slots_clear(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    struct gate_slot *idle = g->idle;
    g->idle = NULL;
    pthread_mutex_unlock(&g->lock);
    for (struct gate_slot *s = idle, *next; s; s = next) {
        next = s->next;
        engine_worker_rules(s->worker, NULL);
        house_drop(g, &s->house);
        pthread_mutex_lock(&g->lock);
        s->next = g->idle;
        g->idle = s;
        pthread_cond_broadcast(&g->returned);
        pthread_mutex_unlock(&g->lock);
    }
}
