/* Lessons through the doors, and what is to be done from time to time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/error.h"
#include "serve/gate_priv.h"

/* A snapshot costs 32 MB of writing and saves folding after a crash: a thousand lessons fold in a tenth of a second. */
enum { PRUNE_MS = 60000, SAVE_MS = 300000, SAVE_LESSONS = 1000, PRUNE_STEPS = 20, TEACHING_WAIT_S = 10,
       JUMP_MS = 300000, MEND_MS = 86400000 };

/* ---- caps ---- */

int gate_may_teach(struct gate *g, struct span who, enum metric_door door, int64_t now_ms, struct report *why)
{
    struct house *h = house_hold(g);
    uint64_t per_hour = h->per_hour;
    int64_t wait_ms = 0;
    house_drop(g, &h);
    if (caps_take(g->caps, who, per_hour, now_ms, &wait_ms))
        return POSSE_OK;
    counters_add(g->counters, door, METRIC_LEARN_REFUSED, 1);
    log_event(g->log, LOG_WARNING, "learn_refused", "door", door_name(door), "why", "teach.per_hour", NULL);
    return report_set(why, POSSE_ELIMIT, "the most lessons that one teacher may give in an hour (teach.per_hour = %llu) were given; "
                      "the next one is taken in %lld s", (unsigned long long)per_hour, (long long)(wait_ms + 999) / 1000);
}

void gate_taught(struct gate *g, enum metric_door door, enum lesson_class klass)
{
    counters_add(g->counters, door, klass == LESSON_SPAM ? METRIC_LEARNED_SPAM : METRIC_LEARNED_HAM, 1);
}

/* A verdict that overrules another one makes the model fold anew: it is the teacher who waits for that. */
static void follow(struct gate *g)
{
    struct report why = {0};
    if (engine_sync(g->engine, &why))
        log_event(g->log, LOG_ERROR, "sync_trouble", "why", why.text, NULL);
}

/* ---- from a message ---- */

static int read_it(struct gate *g, struct span raw, struct report *why)
{
    static const struct envelope nobody;
    if (raw.n == 0)
        return report_set(why, POSSE_EINVAL, "there is nothing to learn from: the message is empty");
    int err = engine_read(g->teacher.worker, raw, &nobody, &g->teacher.reading);
    if (err)
        return report_set(why, err, "the message could not be read: %s", posse_strerror(err));
    if (reading_features(g->teacher.reading)->start[VIEW_N] == 0)
        return report_set(why, POSSE_EINVAL, "there is nothing to learn from in this message");
    return POSSE_OK;
}

/* Whoever holds it may wait for the journal as long; all together must not. Asked for again and again and not waited for with
 * pthread_mutex_clocklock, which the thread sanitizer does not know: a lesson waits for the disk longer than for a step of this. */
static int lock_teaching(struct gate *g, struct report *why)
{
    enum { STEPS_A_SECOND = 500 };
    const struct timespec step = {.tv_nsec = 1000000000 / STEPS_A_SECOND};
    for (int i = 0; i < TEACHING_WAIT_S * STEPS_A_SECOND; i++) {
        if (pthread_mutex_trylock(&g->teaching) == 0)
            return POSSE_OK;
        nanosleep(&step, NULL);
    }
    return report_set(why, POSSE_EBUSY, "the lessons before this one take too long; come again");
}

int gate_teach(struct gate *g, const struct gate_teaching *t, uint64_t *id_out, struct report *why)
{
    struct span who = t->known.n ? t->known : t->teacher;
    int err = gate_may_teach(g, who, t->door, t->time_ms, why);
    if (err)
        return err;
    err = lock_teaching(g, why);
    if (err) {
        caps_give(g->caps, who);
        return err;
    }
    err = read_it(g, t->raw, why);
    if (!err) {
        struct teaching lesson = {t->klass, t->teacher, span_str(door_name(t->door)), t->time_ms};
        err = engine_teach(g->teacher.worker, g->teacher.reading, &lesson, id_out, why);
    }
    pthread_mutex_unlock(&g->teaching);
    if (err) {
        caps_give(g->caps, who);
        return err;
    }
    gate_taught(g, t->door, t->klass);
    follow(g);
    return POSSE_OK;
}

int gate_unteach(struct gate *g, struct span raw, struct span teacher, struct report *why)
{
    uint8_t digest[32];
    uint64_t n = 0;
    int err = lock_teaching(g, why);
    if (err)
        return err;
    err = read_it(g, raw, why);
    if (!err)
        memcpy(digest, reading_digest(g->teacher.reading), sizeof digest);
    pthread_mutex_unlock(&g->teaching);
    if (err)
        return err;
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.digest = digest;
    f.teacher = teacher;
    err = engine_unlearn(g->engine, &f, false, &n, why);
    return err || n ? err : report_set(why, POSSE_ENOENT, "this teacher gave no lesson on this message that still counts");
}

/* ---- from a row of history ---- */

struct kept { uint8_t digest[32]; uint32_t extractor; struct buf features; bool is_there; };

static int keep_row(void *ctx, const struct event *e)
{
    struct kept *k = ctx;
    k->is_there = e->digest != NULL;
    if (e->digest)
        memcpy(k->digest, e->digest, sizeof k->digest);
    k->extractor = e->extractor;
    buf_add_span(&k->features, e->features);
    return 0;
}

static int open_events(struct gate *g, struct report *why)
{
    return g->events ? POSSE_OK : events_open(g->history_path, &g->events, why);
}

static int find_row(struct gate *g, const char *id, struct kept *k, struct report *why)
{
    struct event_filter f = EVENT_FILTER_ANY;
    f.id = id;
    f.limit = 1;
    history_flush(g->history); /* the row may be a moment old */
    pthread_mutex_lock(&g->keeping);
    int err = open_events(g, why);
    if (!err)
        err = events_each(g->events, &f, keep_row, k, why);
    pthread_mutex_unlock(&g->keeping);
    if (err)
        return err;
    if (buf_error(&k->features))
        return report_set(why, buf_error(&k->features), "out of memory");
    if (!k->is_there)
        return report_set(why, POSSE_ENOENT, "history has no row %.24s", id);
    if (k->features.n == 0)
        return report_set(why, POSSE_ENOENT, "row %.24s: its features are kept no longer (history.teachable); teach the message "
                          "itself", id);
    return POSSE_OK;
}

int gate_teach_row(struct gate *g, const char *id, enum lesson_class klass, struct span teacher, int64_t now_ms, struct report *why)
{
    struct kept k = {.is_there = false};
    buf_init(&k.features, LESSON_FEATURES_MAX);
    struct teaching lesson = {klass, teacher, SPAN_LIT("history"), now_ms};
    int err = gate_may_teach(g, teacher, DOOR_PIPE, now_ms, why);
    if (err)
        return err;
    err = find_row(g, id, &k, why);
    if (!err)
        err = engine_teach_coded(g->engine, k.digest, k.extractor, buf_span(&k.features), &lesson, NULL, why);
    buf_deinit(&k.features);
    if (err) {
        caps_give(g->caps, teacher);
        return err;
    }
    gate_taught(g, DOOR_PIPE, klass);
    follow(g);
    pthread_mutex_lock(&g->keeping);
    struct report mark = {0}; /* the lesson counts, whether the row says so or not */
    if (open_events(g, &mark) || events_mark_taught(g->events, span_str(id), klass == LESSON_SPAM, &mark))
        log_event(g->log, LOG_WARNING, "history_trouble", "why", mark.text, NULL);
    pthread_mutex_unlock(&g->keeping);
    return POSSE_OK;
}

/* ---- from time to time ---- */

/* Is `now_ms` a time by which things may be called old? */
static bool clock_is_sure(struct gate *g, int64_t now_ms, int64_t steady_ms)
{
    struct clock_watch *c = &g->clock;
    int64_t ahead = now_ms - steady_ms, by = ahead - c->ahead_ms;
    char text[32];
    if (!c->is_known) {
        *c = (struct clock_watch){true, ahead, steady_ms};
        return false; /* there is nothing to compare with yet */
    }
    if (by < -JUMP_MS || by > JUMP_MS) {
        c->ahead_ms = ahead;
        c->mended_ms = steady_ms + MEND_MS;
        snprintf(text, sizeof text, "%+" PRId64, by / 1000);
        log_event(g->log, LOG_WARNING, "clock_jumped", "seconds", text, "now", "nothing is removed for its age for a day", NULL);
    }
    return steady_ms >= c->mended_ms;
}

/* What is older goes; what is to be kept for no time at all goes whatever the clock says. */
static int64_t cutoff(bool by_age, int64_t now_ms, int64_t keep_ms) { return by_age || keep_ms == 0 ? now_ms - keep_ms : 0; }

static void prune_history(struct gate *g, const struct house *h, bool by_age, int64_t now_ms, struct report *why)
{
    bool more = true;
    int err = open_events(g, why);
    for (int i = 0; i < PRUNE_STEPS && !err && more; i++)
        err = events_prune(g->events, cutoff(by_age, now_ms, h->history_ms), cutoff(by_age, now_ms, h->teachable_ms), h->history_bytes, &more, why);
    if (!err)
        return;
    log_event(g->log, LOG_ERROR, "history_trouble", "why", why->text, NULL);
    events_close(&g->events);
}

static void prune_quarantine(struct gate *g, const struct house *h, bool by_age, int64_t now_ms, struct report *why)
{
    struct stat st;
    uint64_t n;
    if (!g->quarantine && stat(g->quarantine_path, &st) != 0)
        return; /* nothing was ever kept */
    int err = gate_open_quarantine(g, &g->quarantine, why);
    if (!err)
        err = quarantine_expire(g->quarantine, cutoff(by_age, now_ms, h->quarantine_ms), h->quarantine_bytes, &n, why);
    if (!err)
        return;
    log_event(g->log, LOG_ERROR, "quarantine_trouble", "why", why->text, NULL);
    quarantine_close(&g->quarantine);
}

static void save_when_due(struct gate *g, int64_t now_ms)
{
    struct report why = {0};
    uint64_t generation = engine_generation(g->engine), moved = generation - g->saved_generation;
    if (moved == 0)
        return;
    if (g->moved_ms == 0 || g->moved_ms > now_ms)
        g->moved_ms = now_ms;
    if (moved < SAVE_LESSONS && now_ms - g->moved_ms < SAVE_MS)
        return;
    g->saved_generation = generation;
    g->moved_ms = 0;
    if (engine_flush(g->engine, &why))
        log_event(g->log, LOG_WARNING, "snapshot_trouble", "why", why.text, NULL);
}

void gate_tick(struct gate *g, int64_t now_ms, int64_t steady_ms)
{
    struct report why = {0};
    follow(g);
    watch_tick(g);
    if (g->is_reader || pthread_mutex_trylock(&g->keeping) != 0)
        return; /* the last tick is still at it */
    bool is_sure = clock_is_sure(g, now_ms, steady_ms);
    if (now_ms - g->pruned_ms >= PRUNE_MS || now_ms < g->pruned_ms) {
        struct house *h = house_hold(g);
        g->pruned_ms = now_ms;
        prune_history(g, h, is_sure, now_ms, &why);
        prune_quarantine(g, h, is_sure, now_ms, &why);
        house_drop(g, &h);
    }
    save_when_due(g, now_ms);
    pthread_mutex_unlock(&g->keeping);
}

void gate_stat(struct gate *g, struct gate_stat *out)
{
    uint64_t generation = engine_generation(g->engine);
    pthread_mutex_lock(&g->counting);
    if (!g->stat.started_ms || g->stat_generation != generation) {
        struct lessons_count c;
        struct stat st;
        char *model = NULL;
        if (engine_count(g->engine, &c, NULL) == 0) {
            g->stat = (struct gate_stat){g->started_ms, (int64_t)c.live_spam, (int64_t)c.live_ham,
                                         (int64_t)(c.live_spam + c.live_ham + c.sealed), 0};
            g->stat_generation = generation;
        }
        if (asprintf(&model, "%s/model.posse", g->home) >= 0 && stat(model, &st) == 0)
            g->stat.model_bytes = (uint64_t)st.st_size;
        free(model);
    }
    *out = g->stat;
    pthread_mutex_unlock(&g->counting);
}
