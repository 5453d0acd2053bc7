/* What the observatory knows of a message before it is decided upon, and what it is told afterwards.
 *
 * The sketch is looked up in the campaigns that were published last. What that adds to the score is evidence of its own kind, and is taken
 * off again before the observatory hears whether this was spam: else a campaign would vouch for itself. */
#include <math.h>

#include "base/error.h"
#include "serve/gate_priv.h"

/* As `posse observe --judge`: what is wanted beyond doubt is what no signature may match. */
enum { SURE_BITS = 10 };

int watch_open(struct gate *g, struct report *why)
{
    if (!(g->live = live_file_new(g->home)))
        return report_set(why, POSSE_ENOMEM, "out of memory");
    if (g->is_reader)
        return (g->feed = observer_feed_new(g->home, g->counters)) ? POSSE_OK : report_set(why, POSSE_ENOMEM, "out of memory");
    return g->house->observes ? observer_new(g->home, g->house->config, g->counters, g->log, &g->observer, why) : POSSE_OK;
}

void watch_reload(struct gate *g)
{
    struct report why = {0};
    struct observer *o = NULL;
    struct house *h = house_hold(g);
    bool is_wanted = h->observes && !g->is_reader && !g->observer; /* only a reload changes it, and they come one by one */
    if (is_wanted && observer_new(g->home, h->config, g->counters, g->log, &o, &why))
        log_event(g->log, LOG_ERROR, "observe_trouble", "what", "start", "why", why.text, NULL);
    house_drop(g, &h);
    pthread_mutex_lock(&g->lock);
    if (o)
        g->observer = o;
    pthread_mutex_unlock(&g->lock);
}

void watch_close(struct gate *g)
{
    observer_free(&g->observer);
    observer_feed_free(&g->feed);
    live_file_free(&g->live);
}

void watch_tick(struct gate *g)
{
    struct report why = {0};
    if (live_file_look(g->live, &why))
        log_event(g->log, LOG_WARNING, "observe_trouble", "what", "live campaigns", "why", why.text, NULL);
}

static bool has_watcher(struct gate_slot *s)
{
    if (!s->watcher)
        s->watcher = observe_worker_bare(NULL);
    if (s->watcher)
        observe_worker_ours(s->watcher, s->house->ours);
    return s->watcher;
}

void gate_watch(struct gate *g, struct gate_slot *s, const struct gate_request *r)
{
    struct gate_answer *a = &s->answer;
    struct observe_in in = {.env = &r->env, .dialect = r->dialect, .flags = s->house->keeps_originals ? OBSERVE_KEEP : 0};
    struct published_hit hit;
    s->sighting = NULL;
    s->campaign_bits = 0;
    if (!s->house->observes)
        return;
    if (!has_watcher(s) || observe_read(s->watcher, reading_message(s->reading), &in, &s->sighting, &s->mailer)) {
        s->sighting = NULL;
        counters_add(g->counters, r->door, METRIC_OBSERVE_DROPPED, 1);
        return;
    }
    struct live *l = live_file_hold(g->live);
    char *text = l ? arena_alloc(s->arena, LIVE_TEXT) : NULL;
    if (text && live_tell(l, s->sighting, s->reading, s->house->campaign_bits, text, &hit)) {
        s->campaign_bits = hit.bits;
        memcpy(a->campaign, hit.id, sizeof a->campaign);
        if (!hit.is_bulk)
            counters_add(g->counters, r->door, METRIC_IN_CAMPAIGN, 1);
    }
    live_drop(&l);
}

static bool push(struct gate *g, struct gate_slot *s, enum metric_door door, bool with_texts)
{
    buf_clear(&s->row);
    if (sighting_row_write(&s->row, s->sighting, s->mailer, with_texts))
        return false;
    if (s->observer)
        return observer_push(s->observer, door, buf_span(&s->row));
    return !g->feed || observer_feed_push(g->feed, door, buf_span(&s->row));
}

void gate_tell(struct gate *g, struct gate_slot *s, const struct gate_request *r)
{
    const struct verdict *v = &s->answer.verdict;
    double bits = v->bits - s->campaign_bits;
    bool is_spam = bits >= v->threshold_bits, is_sure = is_spam || bits < -SURE_BITS;
    if (!s->sighting || r->no_history)
        return;
    s->sighting->time_ms = observer_clock_ms();
    s->sighting->flags |= is_spam ? SIGHTING_SPAM : 0;
    if (!is_spam)
        s->sighting->raw = SPAN_NONE;
    bool with_texts = s->house->keeps_originals && is_sure;
    if (g->is_reader && s->sighting->raw.n > OBSERVER_PACKET_MAX / 2)
        with_texts = false; /* a packet holds no more */
    push(g, s, r->door, with_texts);
}
