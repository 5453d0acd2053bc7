#include "serve/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonout.h"

enum {
    POOL_BYTES = 128 << 10,  /* header and read buffer of a connection; half of it is what one read takes */
    FIELDS_MAX = 100,        /* besides recipients, which a mail server sends a field each */
    KEEP_BYTES = 256 << 10,  /* of buffers that a connection keeps for its next request */
    SLOW_BYTES = 512 << 10,  /* a bigger body is slow whatever the route says */
    SLOW_THREADS = 3,        /* the first for what waits for the disk, the others for what is big */
    IDLE_S = 120,            /* the library's own limit, behind the listener's */
};

enum conn_state { CONN_IDLE, CONN_BODY, CONN_SLOW, CONN_READY };

struct http_conn {
    struct http_server *server;
    struct lane *lane;
    struct http_slot *slot;
    struct MHD_Connection *mhd;
    enum conn_state state;
    const struct http_route *route;
    const struct http_settings *settings;
    const char *method, *path;
    struct http_field *field;
    size_t n_fields, cap_fields, n_args, n_rcpt;
    bool too_big, crowded, lingers; /* lingers: answered before its body was read */
    uint64_t dropped;
    struct buf body, text, spare;
    struct rspamd_request rspamd;
    struct http_answer answer;
    struct http_conn *next; /* in a queue of slow ones */
};

/* A daemon of the library: one thread. Its epoll loop takes 128 events a call, and after a call that was full it waits for more
 * before it serves what it has: with 128 exactly they would wait for the next event of anybody's. The bell is that event. It is
 * edge-triggered and never read, and the library passes over an event without a pointer. */
struct lane { struct MHD_Daemon *mhd; struct http_server *server; atomic_int open; int bell; };

/* Who stands here rests until a thread of this queue's takes him. */
struct queue { struct http_server *server; pthread_cond_t wake; struct http_conn *head, **tail; };

struct http_server {
    struct http_server_options o;
    struct http_listener *listener;
    struct counters *counters;
    struct log *log;
    atomic_bool is_stopping;
    struct lane *lane;
    unsigned n_lanes;
    pthread_t slow[SLOW_THREADS];
    unsigned n_slow;
    pthread_mutex_t lock; /* of the queues */
    struct queue disk, big;
    bool is_closing;
};

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct span http_field(const struct http_request *q, const char *name)
{
    struct span n = span_str(name);
    for (size_t i = 0; i < q->n_fields; i++)
        if (span_ieq(q->field[i].name, n))
            return q->field[i].value;
    return SPAN_NONE;
}

void http_answer_header(struct http_answer *a, const char *name, const char *fmt, ...)
{
    if (a->n_extra == HTTP_EXTRA_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(a->extra[a->n_extra].value, sizeof a->extra[0].value, fmt, ap);
    va_end(ap);
    a->extra[a->n_extra++].name = name;
}

void http_answer_error(struct http_answer *a, unsigned status, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    a->status = status;
    a->type = "application/json";
    buf_clear(a->body);
    buf_add_byte(a->body, '{');
    json_name(a->body, "error", true);
    json_string(a->body, span_str(text));
    buf_add_byte(a->body, '}');
}

void http_answer_text(struct http_answer *a, const char *type, const char *text)
{
    a->type = type;
    buf_add_str(a->body, text);
}

static const struct http_route *find_route(const struct http_route *table, enum http_role role, const char *method,
                                           const char *path, bool *other_method)
{
    for (const struct http_route *r = table; r->path; r++) {
        if (!(r->roles & 1u << role) || strcmp(r->path, path) != 0)
            continue;
        bool head = r->method && strcmp(r->method, "GET") == 0 && strcmp(method, "HEAD") == 0;
        bool any = !r->method && (!strcmp(method, "GET") || !strcmp(method, "HEAD") || !strcmp(method, "POST"));
        if (any || head || (r->method && strcmp(r->method, method) == 0))
            return r;
        *other_method = true;
    }
    return NULL;
}

const struct http_route *http_route_of(enum http_role role, const char *method, const char *path, bool *other_method)
{
    *other_method = false;
    const struct http_route *r = find_route(rspamd_routes, role, method, path, other_method);
    if (!r)
        r = find_route(akismet_routes, role, method, path, other_method);
    return r ? r : find_route(plain_routes, role, method, path, other_method);
}

/* ---- one connection ---- */

static void conn_clear(struct http_conn *k)
{
    struct buf *all[] = {&k->body, &k->text, &k->spare};
    for (size_t i = 0; i < 3; i++) {
        size_t max = all[i]->max;
        if (all[i]->cap > KEEP_BYTES) {
            buf_deinit(all[i]);
            buf_init(all[i], max);
        }
        buf_clear(all[i]);
    }
    rspamd_request_clear(&k->rspamd);
    k->state = CONN_IDLE;
    k->route = NULL;
    k->n_fields = k->n_args = k->n_rcpt = 0;
    k->too_big = k->crowded = false;
    k->dropped = 0;
    http_slot_hold(k->slot, k->body.cap);
    if (k->settings)
        k->server->o.settings_done(k->server->o.ctx, k->settings);
    k->settings = NULL;
}

static void conn_free(struct http_conn *k)
{
    conn_clear(k);
    buf_deinit(&k->body);
    buf_deinit(&k->text);
    buf_deinit(&k->spare);
    rspamd_request_deinit(&k->rspamd);
    free(k->field);
    http_slot_release(&k->slot);
    free(k);
}

static void count(struct http_conn *k, enum metric which)
{
    counters_add(k->server->counters, http_role_door(k->slot->role), which, 1);
}

static void protocol_error(struct http_conn *k, enum metric which, const char *what)
{
    count(k, which);
    log_event(k->server->log, LOG_NOTICE, "protocol_error", "door", door_name(http_role_door(k->slot->role)), "client",
              k->slot->peer.text, "why", what, NULL);
}

static enum MHD_Result add_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n, const char *value,
                                 size_t value_n)
{
    struct http_conn *k = cls;
    (void)kind;
    if (k->n_fields == k->cap_fields) {
        size_t cap = k->cap_fields ? k->cap_fields * 2 : 32;
        struct http_field *more = realloc(k->field, cap * sizeof *more);
        if (!more)
            return MHD_NO;
        k->field = more;
        k->cap_fields = cap;
    }
    struct span n = span_of(name, name_n);
    k->n_rcpt += span_ieq(n, SPAN_LIT("Rcpt"));
    k->field[k->n_fields++] = (struct http_field){n, span_of(value ? value : "", value ? value_n : 0)};
    return MHD_YES;
}

static void answer_clear(struct http_conn *k)
{
    k->answer = (struct http_answer){.status = 200, .type = "application/json", .body = &k->text};
}

static enum MHD_Result send_answer(struct http_conn *k)
{
    struct http_answer *a = &k->answer;
    if (buf_error(a->body))
        http_answer_error(a, 500, "the answer does not fit into memory");
    struct span body = a->status == 204 ? SPAN_NONE : buf_span(a->body);
    struct MHD_Response *r = MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    if (a->status != 204)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    for (size_t i = 0; i < a->n_extra; i++)
        MHD_add_response_header(r, a->extra[i].name, a->extra[i].value);
    if (atomic_load(&k->server->is_stopping))
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    http_slot_stage(k->slot, HTTP_WRITING);
    enum MHD_Result ok = MHD_queue_response(k->mhd, a->status, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result send_error(struct http_conn *k, enum metric which, unsigned status, const char *what)
{
    protocol_error(k, which, what);
    http_answer_error(&k->answer, status, "%s", what);
    k->lingers |= k->state == CONN_IDLE;
    return send_answer(k);
}

static void call_handler(struct http_conn *k)
{
    struct http_request q = {.role = k->slot->role, .method = k->method, .path = k->path, .field = k->field,
                             .n_fields = k->n_fields, .arg = k->field + k->n_fields, .n_args = k->n_args, .body = buf_span(&k->body), .peer = &k->slot->peer, .now_ms = wall_ms()};
    struct http_context c = {.gate = k->server->o.gate, .settings = k->settings, .rspamd = &k->rspamd, .spare = &k->spare, .comments = k->server->o.comments,
                             .symbols_seen = k->server->o.symbols_seen};
    http_slot_stage(k->slot, HTTP_WORKING);
    k->route->handler(&c, &q, &k->answer);
}

/* What stands behind the question mark, after the header fields in the same table. */
static bool read_arguments(struct http_conn *k)
{
    size_t headers = k->n_fields, rcpt = k->n_rcpt;
    if (MHD_get_connection_values_n(k->mhd, MHD_GET_ARGUMENT_KIND, add_field, k) < 0)
        return false;
    k->n_args = k->n_fields - headers;
    k->n_fields = headers;
    k->n_rcpt = rcpt;
    return true;
}

/* The headers are there: is it a request that can be answered? */
static enum MHD_Result begin(struct http_conn *k, const char *url, const char *method)
{
    bool other_method;
    conn_clear(k);
    answer_clear(k);
    k->settings = k->server->o.settings(k->server->o.ctx);
    k->method = method;
    k->path = url;
    count(k, METRIC_REQUESTS);
    if (MHD_get_connection_values_n(k->mhd, MHD_HEADER_KIND, add_field, k) < 0)
        return MHD_NO;
    if (k->slot->role == HTTP_AKISMET && !read_arguments(k))
        return MHD_NO;
    k->route = http_route_of(k->slot->role, method, url, &other_method);
    if (!k->route && other_method)
        return send_error(k, METRIC_PROTOCOL_ERRORS, 405, "this path wants another method");
    if (!k->route)
        return send_error(k, METRIC_PROTOCOL_ERRORS, 404, "no such path on this port");
    if (k->n_fields - k->n_rcpt > FIELDS_MAX || k->n_rcpt > RSPAMD_RCPT_MAX)
        return send_error(k, METRIC_PROTOCOL_ERRORS, 431, "too many header fields");
    const char *length = MHD_lookup_connection_value(k->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    k->body.max = k->settings->message_bytes;
    if (length && strtoull(length, NULL, 10) > k->settings->message_bytes)
        return send_error(k, METRIC_TOO_BIG, 413, "the body is bigger than limits.message_bytes");
    k->state = CONN_BODY;
    return MHD_YES;
}

static enum MHD_Result more_body(struct http_conn *k, const char *data, size_t *n)
{
    k->too_big |= k->body.n + *n > k->body.max;
    if (!k->too_big && !k->crowded) {
        buf_add(&k->body, data, *n);
        k->crowded = !http_slot_hold(k->slot, k->body.cap);
        if (k->crowded) {
            buf_deinit(&k->body);
            http_slot_hold(k->slot, 0);
        }
    } else if ((k->dropped += *n) > k->body.max)
        return MHD_NO; /* it was too big long ago and does not end */
    *n = 0;
    return MHD_YES;
}

/* False: the slow threads have gone home. */
static bool push_slow(struct http_conn *k, struct queue *q)
{
    struct http_server *s = k->server;
    pthread_mutex_lock(&s->lock);
    bool ok = !s->is_closing;
    if (ok) {
        k->state = CONN_SLOW;
        k->next = NULL;
        http_slot_stage(k->slot, HTTP_WORKING);
        MHD_suspend_connection(k->mhd);
        *q->tail = k;
        q->tail = &k->next;
        pthread_cond_signal(&q->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return ok;
}

static void *slow_main(void *arg)
{
    struct queue *q = arg;
    struct http_server *s = q->server;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!q->head && !s->is_closing)
            pthread_cond_wait(&q->wake, &s->lock);
        struct http_conn *k = q->head;
        if (!k)
            break;
        q->head = k->next;
        if (!q->head)
            q->tail = &q->head;
        pthread_mutex_unlock(&s->lock);
        call_handler(k);
        k->state = CONN_READY;
        MHD_resume_connection(k->mhd);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static enum MHD_Result body_is_whole(struct http_conn *k)
{
    if (k->too_big)
        return send_error(k, METRIC_TOO_BIG, 413, "the body is bigger than limits.message_bytes");
    if (k->crowded)
        return send_error(k, METRIC_OVER_LIMIT, 503, "too many messages at a time, come again");
    if (buf_error(&k->body))
        return send_error(k, METRIC_TROUBLE, 503, "out of memory");
    struct http_server *s = k->server;
    struct queue *q = k->route->flags & HTTP_SLOW ? &s->disk : k->body.n > SLOW_BYTES ? &s->big : NULL;
    if (q && push_slow(k, q))
        return MHD_YES;
    call_handler(k);
    return send_answer(k);
}

static struct http_conn *conn_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i ? i->socket_context : NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *data, size_t *n, void **request)
{
    struct http_conn *k = conn_of(c);
    (void)cls;
    (void)version;
    (void)request;
    if (!k)
        return MHD_NO;
    switch (k->state) {
    case CONN_IDLE: return begin(k, url, method);
    case CONN_BODY: return *n ? more_body(k, data, n) : body_is_whole(k);
    case CONN_READY: return send_answer(k);
    case CONN_SLOW: break;
    }
    return MHD_NO;
}

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct http_conn *k = conn_of(c);
    (void)cls;
    (void)uri;
    if (k)
        http_slot_stage(k->slot, HTTP_READING);
    return NULL;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode how)
{
    struct http_conn *k = conn_of(c);
    (void)cls;
    (void)request;
    if (!k)
        return;
    if (k->state == CONN_BODY && (how == MHD_REQUEST_TERMINATED_CLIENT_ABORT || how == MHD_REQUEST_TERMINATED_READ_ERROR))
        http_slot_cut_short(k->slot);
    conn_clear(k);
    http_slot_stage(k->slot, HTTP_WAITING);
}

static void on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct lane *lane = cls;
    struct http_conn *k = *socket_context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (k && k->lingers)
            http_slot_linger(k->slot);
        if (k)
            conn_free(k);
        atomic_fetch_sub(&lane->open, 1);
        *socket_context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_slot *slot = i ? http_slot_of(lane->server->listener, i->connect_fd) : NULL;
    k = slot ? calloc(1, sizeof *k) : NULL;
    if (!k)
        return;
    *k = (struct http_conn){.server = lane->server, .lane = lane, .slot = slot, .mhd = c};
    buf_init(&k->body, 0);
    buf_init(&k->text, 16 << 20);
    buf_init(&k->spare, 16 << 20);
    *socket_context = k;
}

/* What the library finds wrong with a request it answers itself, and says here among other things (socket options that a
 * socket with a path does not have). */
static void on_library_says(void *cls, const char *fmt, va_list ap)
{
    struct http_server *s = cls;
    char text[300];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\r\n")] = '\0';
    if (strncmp(text, "Error processing request", 24) != 0) {
        log_event(s->log, LOG_DEBUG, "http", "said", text, NULL);
        return;
    }
    counters_add(s->counters, DOOR_HTTP, METRIC_PROTOCOL_ERRORS, 1);
    log_event(s->log, LOG_NOTICE, "protocol_error", "door", "http", "why", text, NULL);
}

/* ---- the server ---- */

static bool hang_bell(struct lane *lane)
{
    const union MHD_DaemonInfo *i = MHD_get_daemon_info(lane->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    struct epoll_event e = {.events = EPOLLIN | EPOLLET};
    lane->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return i && lane->bell >= 0 && epoll_ctl(i->epoll_fd, EPOLL_CTL_ADD, lane->bell, &e) == 0;
}

static bool start_lane(struct http_server *s, struct lane *lane)
{
    lane->server = s;
    lane->bell = -1;
    lane->mhd = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_library_says, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        lane, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES, MHD_OPTION_CONNECTION_LIMIT, 1000000u,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    return lane->mhd != NULL;
}

static void end_lane(struct lane *lane)
{
    MHD_stop_daemon(lane->mhd);
    if (lane->bell >= 0)
        close(lane->bell);
}

static void queue_init(struct queue *q, struct http_server *s)
{
    *q = (struct queue){.server = s, .tail = &q->head};
    pthread_cond_init(&q->wake, NULL);
}

int http_server_new(const struct http_server_options *o, struct http_server **out, struct report *why)
{
    struct http_server *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return report_set(why, POSSE_ENOMEM, "http: out of memory");
    s->o = *o;
    s->counters = gate_counters(o->gate);
    s->log = gate_log(o->gate);
    pthread_mutex_init(&s->lock, NULL);
    queue_init(&s->disk, s);
    queue_init(&s->big, s);
    s->lane = calloc(o->threads, sizeof *s->lane);
    bool ok = s->lane != NULL;
    for (unsigned i = 0; ok && i < o->threads; i++) {
        ok = start_lane(s, &s->lane[i]);
        s->n_lanes += ok;
        ok = ok && hang_bell(&s->lane[i]);
    }
    for (unsigned i = 0; ok && i < SLOW_THREADS; i++) {
        ok = pthread_create(&s->slow[i], NULL, slow_main, i == 0 ? &s->disk : &s->big) == 0;
        s->n_slow += ok;
    }
    if (!ok) {
        http_server_free(&s);
        return report_set(why, POSSE_ENOMEM, "http: cannot start its threads");
    }
    *out = s;
    return POSSE_OK;
}

void http_server_listener(struct http_server *s, struct http_listener *l) { s->listener = l; }

void http_server_add(struct http_server *s, struct http_slot *slot)
{
    struct lane *best = &s->lane[0];
    for (unsigned i = 1; i < s->n_lanes; i++)
        if (atomic_load(&s->lane[i].open) < atomic_load(&best->open))
            best = &s->lane[i];
    atomic_fetch_add(&best->open, 1);
    /* On failure the library has closed the socket: at once, or later on its thread, where it tells nobody (see http_slot_of). */
    if (MHD_add_connection(best->mhd, slot->fd, (const struct sockaddr *)&slot->peer.addr, slot->peer.len) == MHD_YES)
        return;
    atomic_fetch_sub(&best->open, 1);
    http_slot_release(&slot);
}

void http_server_ring(struct http_server *s)
{
    for (unsigned i = 0; i < s->n_lanes; i++)
        eventfd_write(s->lane[i].bell, 1);
}

void http_server_stop(struct http_server *s) { atomic_store(&s->is_stopping, true); }

void http_server_free(struct http_server **sp)
{
    struct http_server *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->is_closing = true; /* the slow threads empty the queues first: no connection may rest when the library stops */
    pthread_cond_broadcast(&s->disk.wake);
    pthread_cond_broadcast(&s->big.wake);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->n_slow; i++)
        pthread_join(s->slow[i], NULL);
    for (unsigned i = 0; i < s->n_lanes; i++)
        end_lane(&s->lane[i]);
    pthread_cond_destroy(&s->disk.wake);
    pthread_cond_destroy(&s->big.wake);
    pthread_mutex_destroy(&s->lock);
    free(s->lane);
    free(s);
}
