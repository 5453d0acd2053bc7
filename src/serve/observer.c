#include "serve/observer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "engine/observe.h"
#include "engine/sighting_row.h"
#include "serve/observer_priv.h"

/* A row without texts is about 1.5 KB: the queue holds seconds of all that two cores can judge, while a save goes on. */
enum { QUEUE_ROWS = 32768, QUEUE_BYTES = 64 << 20, PUBLISH_MS = 5000, SAVE_MS = 300000, AGAIN_MS = 60000, SHARE = 20, OURS_MAX = 256 };
enum { JUMP_MS = 300000, MEND_MS = 86400000 };
#define MINUTE_MS 60000LL
#define AHEAD_MS (36 * 3600000LL) /* as in engine/observe_time.c */

struct row {
    struct row *next;
    size_t n;
    enum metric_door door;
    uint8_t bytes[];
};

struct observer {
    char *home, *mailers, *as_table;
    struct observe_options options;
    struct counters *counters;
    struct log *log;
    pthread_t thread;
    struct receiver *receiver;
    pthread_mutex_t lock;
    pthread_cond_t more, counted;
    struct row *first, **last;
    size_t n_rows, bytes;
    uint64_t pushed, done;
    bool is_ending, is_urgent;
    /* the thread's */
    struct observatory *observatory; /* NULL: not open now */
    struct observer_clock clock;
    bool is_unshown, is_unsaved, is_in_trouble;
    int64_t open_at_ms, show_at_ms, save_at_ms; /* steady: not before */
};

/* ---- time ---- */

int64_t observer_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static bool is_near(int64_t a, int64_t b) { return a - b <= JUMP_MS && b - a <= JUMP_MS; }

int64_t observer_clock_now(struct observer_clock *c, int64_t wall, int64_t steady)
{
    int64_t ahead = wall - steady;
    if (!c->is_known || is_near(ahead, c->ahead_ms)) {
        *c = (struct observer_clock){.is_known = true, .ahead_ms = ahead, .other_since_ms = -1};
    } else if (c->other_since_ms < 0 || !is_near(ahead, c->other_ms)) {
        c->other_ms = ahead;
        c->other_since_ms = steady;
    } else if (steady - c->other_since_ms >= MEND_MS) {
        *c = (struct observer_clock){.is_known = true, .ahead_ms = ahead, .other_since_ms = -1};
    }
    return steady + c->ahead_ms;
}

/* ---- the queue ---- */

bool observer_push(struct observer *o, enum metric_door door, struct span bytes)
{
    struct row *r = bytes.n <= SIGHTING_ROW_MAX ? malloc(sizeof *r + bytes.n) : NULL;
    bool fits = false;
    if (r) {
        *r = (struct row){.n = bytes.n, .door = door};
        memcpy(r->bytes, bytes.p, bytes.n);
        pthread_mutex_lock(&o->lock);
        fits = o->n_rows < QUEUE_ROWS && o->bytes + r->n <= QUEUE_BYTES && !o->is_ending;
        if (fits) {
            *o->last = r;
            o->last = &r->next;
            o->bytes += r->n;
            o->pushed++;
            if (o->n_rows++ == 0)
                pthread_cond_signal(&o->more);
            counters_add(o->counters, door, METRIC_OBSERVE_QUEUE, 1);
        }
        pthread_mutex_unlock(&o->lock);
    }
    if (!fits) {
        free(r);
        counters_add(o->counters, door, METRIC_OBSERVE_DROPPED, 1);
    }
    return fits;
}

void observer_flush(struct observer *o)
{
    pthread_mutex_lock(&o->lock);
    uint64_t want = o->pushed;
    o->is_urgent = true;
    pthread_cond_signal(&o->more);
    while (o->done < want || o->is_urgent)
        pthread_cond_wait(&o->counted, &o->lock);
    pthread_mutex_unlock(&o->lock);
}

/* ---- the observatory ---- */

/* One line when trouble begins, and one a minute where that is how often it is tried. */
static void trouble(struct observer *o, const char *what, const struct report *why)
{
    log_event(o->log, LOG_ERROR, "observe_trouble", "what", what, "why", why->text, NULL);
    o->is_in_trouble = true;
}

static void open_it(struct observer *o, int64_t steady)
{
    struct report why = {0};
    o->open_at_ms = steady + AGAIN_MS;
    int rc = observatory_open(&o->options, &o->observatory, &why);
    if (rc) {
        trouble(o, "open", &why);
        return;
    }
    o->save_at_ms = steady + SAVE_MS;
    o->is_unshown = true;
    if (o->is_in_trouble)
        log_event(o->log, LOG_NOTICE, "observe_well", "what", "the observatory is open", NULL);
    o->is_in_trouble = false;
}

/* Nothing more can be counted: what the last save holds is whole, and what came since is lost. */
static void give_up(struct observer *o, const struct report *why, int64_t steady)
{
    trouble(o, "count", why);
    observatory_drop(&o->observatory);
    o->open_at_ms = steady + AGAIN_MS;
}

static void add_row(struct observer *o, const struct row *r, int64_t steady)
{
    struct report why = {0};
    struct sighting s;
    struct mailer m;
    int rc = o->observatory ? sighting_row_read(span_of(r->bytes, r->n), &s, &m) : POSSE_EBUSY;
    if (!rc) {
        int64_t age = steady - s.time_ms; /* in the queue, by the steady clock */
        s.time_ms = observer_clock_now(&o->clock, wall_ms(), steady) - (age > 0 && age < AGAIN_MS ? age : 0);
        rc = observatory_add(o->observatory, &s, &m, NULL, NULL, &why);
        if (!rc && s.text.n && !(s.flags & SIGHTING_SPAM))
            rc = observatory_add_ham(o->observatory, &s, &why);
        if (rc)
            give_up(o, &why, steady);
        o->is_unshown = o->is_unsaved = true;
    }
    counters_add(o->counters, r->door, rc ? METRIC_OBSERVE_DROPPED : METRIC_OBSERVED, 1);
}

/* Ages and minutes go on while nothing comes. A stream that is far behind what the clock says is moved by its messages only. */
static void tick(struct observer *o, int64_t steady)
{
    struct report why = {0};
    int64_t now = observer_clock_now(&o->clock, wall_ms(), steady), was = o->observatory ? observatory_now_ms(o->observatory) : 0;
    if (was && now / MINUTE_MS != was / MINUTE_MS)
        o->is_unshown = true; /* what was live may be no more */
    if (was && now > was && now - was <= AHEAD_MS && observatory_tick(o->observatory, now, true, &why))
        give_up(o, &why, steady);
}

/* What took long is not done again soon: a SHAREth of the time at most. */
static int64_t due_after(int64_t least_ms, int64_t from, int64_t to) { return to + (least_ms > (to - from) * SHARE ? least_ms : (to - from) * SHARE); }

static void show(struct observer *o, int64_t steady)
{
    struct report why = {0};
    if (observatory_show(o->observatory, &why))
        trouble(o, "publish", &why);
    o->is_unshown = false;
    o->show_at_ms = due_after(PUBLISH_MS, steady, observer_clock_ms());
}

static void save(struct observer *o, int64_t steady)
{
    struct report why = {0};
    int rc = observatory_save(o->observatory, &why);
    if (rc)
        trouble(o, "save", &why);
    o->is_unsaved = rc != 0;
    o->is_unshown = o->is_unshown && rc;
    o->save_at_ms = due_after(SAVE_MS, steady, observer_clock_ms());
}

static void keep_up(struct observer *o, bool is_urgent)
{
    int64_t steady = observer_clock_ms();
    if (!o->observatory && steady >= o->open_at_ms)
        open_it(o, steady);
    if (o->observatory)
        tick(o, steady);
    if (o->observatory && o->is_unsaved && steady >= o->save_at_ms)
        save(o, steady);
    if (o->observatory && o->is_unshown && (is_urgent || steady >= o->show_at_ms))
        show(o, steady);
}

/* ---- the thread ---- */

static void wait_for_rows(struct observer *o)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 1;
    while (!o->first && !o->is_ending && !o->is_urgent)
        if (pthread_cond_timedwait(&o->more, &o->lock, &until) != 0)
            break;
}

static void add_rows(struct observer *o, struct row *first)
{
    for (struct row *r = first, *next; r; r = next) {
        next = r->next;
        add_row(o, r, observer_clock_ms());
        counters_add(o->counters, r->door, METRIC_OBSERVE_QUEUE, -1);
        free(r);
    }
}

static void end(struct observer *o)
{
    struct report why = {0};
    int rc = o->observatory && o->is_unsaved ? observatory_save(o->observatory, &why) : 0;
    if (rc)
        trouble(o, "save", &why);
    observatory_drop(&o->observatory);
}

static void *run(void *ctx)
{
    struct observer *o = ctx;
    keep_up(o, false);
    pthread_mutex_lock(&o->lock);
    for (;;) {
        wait_for_rows(o);
        struct row *first = o->first;
        size_t n = o->n_rows;
        bool is_urgent = o->is_urgent;
        if (!first && o->is_ending)
            break;
        o->first = NULL;
        o->last = &o->first;
        o->n_rows = o->bytes = 0;
        pthread_mutex_unlock(&o->lock);
        add_rows(o, first);
        keep_up(o, is_urgent);
        pthread_mutex_lock(&o->lock);
        o->done += n;
        if (is_urgent && !o->first)
            o->is_urgent = false;
        pthread_cond_broadcast(&o->counted);
    }
    pthread_mutex_unlock(&o->lock);
    end(o);
    return NULL;
}

/* ---- life ---- */

int observer_start(pthread_t *thread, void *(*fn)(void *), void *ctx)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, NULL, fn, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static char *copy_of(const char *s) { return s && *s ? strdup(s) : NULL; }

static void forget(struct observer *o)
{
    pthread_cond_destroy(&o->more);
    pthread_cond_destroy(&o->counted);
    pthread_mutex_destroy(&o->lock);
    free(o->home);
    free(o->mailers);
    free(o->as_table);
    free(o);
}

static void take_options(struct observer *o, const struct config *c)
{
    o->mailers = copy_of(config_string(c, "observe.mailers"));
    o->as_table = copy_of(config_string(c, "observe.as"));
    o->options = (struct observe_options){
        .home = o->home, .mailers = o->mailers, .as_table = o->as_table, .originals = (uint32_t)config_int(c, "observe.originals"),
        .originals_bytes = (uint64_t)config_int(c, "observe.originals_bytes"), .ham_sample = (size_t)config_int(c, "observe.ham_texts"),
        .campaigns.max_bytes = (size_t)config_int(c, "observe.memory"),
        .campaigns.quiet_ms = config_int(c, "observe.quiet") * 1000};
}

int observer_new(const char *home, const struct config *config, struct counters *counters, struct log *log, struct observer **out,
                 struct report *why)
{
    struct observer *o = calloc(1, sizeof *o);
    pthread_condattr_t attr;
    *out = NULL;
    if (!o)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    o->counters = counters;
    o->log = log;
    o->last = &o->first;
    o->clock.other_since_ms = -1;
    pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&o->more, &attr);
    pthread_condattr_destroy(&attr);
    pthread_cond_init(&o->counted, NULL);
    o->home = strdup(home);
    take_options(o, config);
    if (!o->home || observer_start(&o->thread, run, o)) {
        forget(o);
        return report_set(why, POSSE_ENOMEM, "no thread could be started for the observatory");
    }
    struct report feed = {0}; /* without, only what this process judges is observed */
    if (receiver_new(o, home, &o->receiver, &feed))
        log_event(log, LOG_ERROR, "observe_trouble", "what", "listen", "why", feed.text, NULL);
    *out = o;
    return POSSE_OK;
}

void observer_free(struct observer **op)
{
    struct observer *o = op ? *op : NULL;
    if (!o)
        return;
    receiver_free(&o->receiver);
    pthread_mutex_lock(&o->lock);
    o->is_ending = true;
    pthread_cond_signal(&o->more);
    pthread_mutex_unlock(&o->lock);
    pthread_join(o->thread, NULL);
    forget(o);
    *op = NULL;
}
