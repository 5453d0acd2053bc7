#include "serve/history.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"

/* At 12,000 rows a second a fifth of a second brings 2,400; the rest is for a disk that stalls. */
enum { ROWS_MAX = 16384, BYTES_MAX = 64 << 20, GATHER_MS = 200, AT_ONCE = 4096, ROW_BYTES_MAX = 256 << 10, RCPT_BYTES_MAX = 512 };

struct row {
    struct row *next;
    size_t bytes;
    enum metric_door door;
    struct event event;
    struct span rcpt[EVENT_RCPT_MAX];
};

struct history {
    char *path;
    struct counters *counters;
    struct log *log;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more, written;
    struct row *first, **last;
    size_t n_rows, bytes;
    uint64_t pushed, done;  /* rows, ever */
    bool is_ending, is_urgent;
    struct events *events;  /* the writer's; NULL: could not be opened */
};

/* ---- copies ---- */

static struct span copy_span(uint8_t **at, struct span s)
{
    struct span c = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return c;
}

/* The texts of an event, each once. */
enum { TEXTS = 17 };
static void list_texts(struct event *e, struct span *text[TEXTS])
{
    struct span *const all[TEXTS] = {&e->id, &e->door, &e->queue_id, &e->message_id, &e->client_addr, &e->client_name, &e->helo,
                                     &e->from, &e->header_from, &e->auth_user, &e->subject, &e->action, &e->would,
                                     &e->quarantine_id, &e->campaign, &e->flip, &e->taught};
    memcpy(text, all, sizeof all);
}

static struct span cut(struct span s) { return span_sub(s, 0, RCPT_BYTES_MAX); }
static size_t named(size_t n_rcpt) { return n_rcpt < EVENT_RCPT_MAX ? n_rcpt : EVENT_RCPT_MAX; }

static size_t measure(struct event *e)
{
    struct span *text[TEXTS];
    size_t n = e->features.n + (e->digest ? 32 : 0);
    list_texts(e, text);
    for (size_t i = 0; i < TEXTS; i++)
        n += text[i]->n;
    for (size_t i = 0; i < named(e->n_rcpt); i++)
        n += cut(e->rcpt[i]).n;
    for (size_t i = 0; i < e->n_reasons; i++)
        n += e->reason[i].text.n;
    return n;
}

static struct row *copy_row(const struct event *in)
{
    struct event e = *in;
    struct span *text[TEXTS];
    size_t n = measure(&e);
    struct row *r = n <= ROW_BYTES_MAX ? malloc(sizeof *r + n) : NULL;
    if (!r)
        return NULL;
    uint8_t *at = (uint8_t *)(r + 1);
    list_texts(&e, text);
    for (size_t i = 0; i < TEXTS; i++)
        *text[i] = copy_span(&at, *text[i]);
    for (size_t i = 0; i < named(e.n_rcpt); i++)
        r->rcpt[i] = copy_span(&at, cut(in->rcpt[i]));
    for (size_t i = 0; i < e.n_reasons; i++)
        e.reason[i].text = copy_span(&at, e.reason[i].text);
    e.features = copy_span(&at, e.features);
    if (e.digest)
        e.digest = copy_span(&at, span_of(e.digest, 32)).p;
    e.rcpt = r->rcpt;
    r->event = e;
    r->bytes = sizeof *r + n;
    r->next = NULL;
    return r;
}

bool history_push(struct history *h, enum metric_door door, const struct event *e)
{
    struct row *r = copy_row(e);
    bool fits = false;
    if (r) {
        r->door = door;
        pthread_mutex_lock(&h->lock);
        fits = h->n_rows < ROWS_MAX && h->bytes + r->bytes <= BYTES_MAX;
        if (fits) {
            *h->last = r;
            h->last = &r->next;
            h->bytes += r->bytes;
            h->pushed++;
            h->n_rows++;
            if (h->n_rows == 1 || h->n_rows == AT_ONCE)
                pthread_cond_signal(&h->more);
            counters_add(h->counters, door, METRIC_HISTORY_QUEUE, 1);
        }
        pthread_mutex_unlock(&h->lock);
    }
    if (!fits) {
        free(r);
        counters_add(h->counters, door, METRIC_HISTORY_DROPPED, 1);
    }
    return fits;
}

/* ---- the writer ---- */

static void wait_for_rows(struct history *h)
{
    while (!h->first && !h->is_ending)
        pthread_cond_wait(&h->more, &h->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHER_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!h->is_ending && !h->is_urgent && h->n_rows < AT_ONCE)
        if (pthread_cond_timedwait(&h->more, &h->lock, &until) != 0)
            break;
}

/* All or none, but for a row that is wrong by itself: what one client sends must not cost the others theirs. */
static int write_rows(struct history *h, const struct row *first, struct report *why)
{
    int err = h->events ? POSSE_OK : events_open(h->path, &h->events, why);
    if (!err)
        err = events_begin(h->events, why);
    if (err)
        return err;
    for (const struct row *r = first; r && !err; r = r->next) {
        err = events_append(h->events, &r->event, why);
        if (err != POSSE_EEXIST && err != POSSE_EINVAL)
            continue;
        log_event(h->log, LOG_WARNING, "history_trouble", "why", why->text, NULL); /* the first row of an id stays */
        counters_add(h->counters, r->door, METRIC_HISTORY_DROPPED, 1);
        err = POSSE_OK;
    }
    int end = events_commit(h->events, err ? NULL : why);
    return err ? err : end;
}

static void write_batch(struct history *h, struct row *first)
{
    struct report why = {0};
    int err = write_rows(h, first, &why);
    if (err) {
        log_event(h->log, LOG_ERROR, "history_trouble", "why", why.text, NULL);
        events_close(&h->events); /* opened anew for the next batch: the file may have been moved away */
    }
    for (struct row *r = first, *next; r; r = next) {
        next = r->next;
        if (err)
            counters_add(h->counters, r->door, METRIC_HISTORY_DROPPED, 1);
        counters_add(h->counters, r->door, METRIC_HISTORY_QUEUE, -1);
        free(r);
    }
}

static void *write_all(void *ctx)
{
    struct history *h = ctx;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        wait_for_rows(h);
        struct row *first = h->first;
        size_t n = h->n_rows;
        if (!first && h->is_ending)
            break;
        h->first = NULL;
        h->last = &h->first;
        h->n_rows = h->bytes = 0;
        h->is_urgent = false;
        pthread_mutex_unlock(&h->lock);
        write_batch(h, first);
        pthread_mutex_lock(&h->lock);
        h->done += n;
        pthread_cond_broadcast(&h->written);
    }
    pthread_mutex_unlock(&h->lock);
    events_close(&h->events);
    return NULL;
}

void history_flush(struct history *h)
{
    pthread_mutex_lock(&h->lock);
    uint64_t want = h->pushed;
    while (h->done < want) {
        h->is_urgent = true;
        pthread_cond_signal(&h->more);
        pthread_cond_wait(&h->written, &h->lock);
    }
    pthread_mutex_unlock(&h->lock);
}

/* ---- life ---- */

/* Signals are the main thread's. */
static int start(struct history *h)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&h->thread, NULL, write_all, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int history_new(const char *path, struct counters *counters, struct log *log, struct history **out, struct report *why)
{
    struct history *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h || !(h->path = strdup(path))) {
        free(h);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    h->counters = counters;
    h->log = log;
    h->last = &h->first;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->more, &attr);
    pthread_condattr_destroy(&attr);
    pthread_cond_init(&h->written, NULL);
    if (start(h) == 0) {
        *out = h;
        return POSSE_OK;
    }
    free(h->path);
    free(h);
    return report_set(why, POSSE_ENOMEM, "no thread could be started for history");
}

void history_free(struct history **hp)
{
    if (!hp || !*hp)
        return;
    struct history *h = *hp;
    pthread_mutex_lock(&h->lock);
    h->is_ending = true;
    pthread_cond_signal(&h->more);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->more);
    pthread_cond_destroy(&h->written);
    pthread_mutex_destroy(&h->lock);
    free(h->path);
    free(h);
    *hp = NULL;
}
