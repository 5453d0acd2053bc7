/* door_spamd: SpamAssassin's clients, on libuv: one request a connection, as the protocol has it.
 *
 * The life of a connection: READING until the reader has a whole request (the peer may have closed its half by then, as Exim does),
 * WORKING on a thread of libuv's pool (lessons one after another) while what else arrives is still read (it may show that
 * Content-length lied), WRITING, LINGERING until the peer closes too: whoever closes with bytes unread sends a reset, and that takes the answer with it.
 *
 * Limits: limits.connections (one more gets 75), limits.per_address of them a peer (peer_group) elsewhere (likewise; counted by a keyed
 * hash: two peers of one bucket share it), limits.message_bytes, HELD_MESSAGES messages of that size in all, answers that nobody
 * takes included (what is small always passes: SMALL_BYTES), limits.time for the whole request, HEADER_MS for line and headers
 * (spamd's --timeout-tcp), LINGER_MS. Times are looked at once a second.
 * Threads: all of this on the loop, work() excepted. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "serve/door.h"
#include "serve/nets.h"
#include "serve/spamd_proto.h"
#include "serve/spamd_work.h"

enum { HEADER_MS = 30000, LINGER_MS = 5000, TICK_MS = 1000, READ_BYTES = 65536, HELD_MESSAGES = 16, KNOWN_BYTES = 56, BACKLOG = 1024,
       SMALL_BYTES = 65536, BUCKETS = 1 << 14 };

enum phase { READING, WORKING, WRITING, LINGERING, CLOSING };
enum tell { TELL_OFF, TELL_LOCAL, TELL_ALL };

union stream { uv_handle_t handle; uv_stream_t stream; uv_tcp_t tcp; uv_pipe_t pipe; };

struct conn {
    union stream s; /* first: a handle's address is its connection's */
    struct door *door;
    struct conn *prev, *next;
    enum phase phase;
    uint32_t bucket;
    bool peer_ended, is_broken, is_local, is_working, waits; /* waits: for the lesson before its own */
    uint64_t began_ms, phase_ms; /* on the loop's clock */
    size_t held;                 /* bytes of body or answer that count against the door's sum */
    size_t max_bytes;
    double required;
    char known[KNOWN_BYTES];
    struct spamd_reader reader;
    struct buf out;
    size_t written;
    uv_work_t work;
    uv_write_t write;
    uv_shutdown_t shutdown;
};

struct listener { union stream s; struct door *door; bool is_unix; };

struct door {
    uv_loop_t *loop;
    struct gate *gate;
    struct listener *listener;
    size_t n_listeners, n_handles, n_conns, held;
    struct conn *first;
    uv_timer_t timer;
    bool is_stopping, is_freed, is_teaching;
    enum tell tell;
    size_t max_conns, max_bytes, per_address;
    uint8_t key[16];
    uint16_t of_bucket[BUCKETS];
    uint64_t time_ms;
    double required;
    char read[READ_BYTES]; /* one loop reads one piece at a time */
};

static void count(struct door *d, enum metric which, int64_t by) { counters_add(gate_counters(d->gate), DOOR_SPAMD, which, by); }

/* ---- the end of a connection ---- */

/* The last handle takes the door with it, once that is to go. */
static void handle_closed(struct door *d)
{
    if (--d->n_handles || !d->is_freed)
        return;
    free(d->listener);
    free(d);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = (struct conn *)h;
    struct door *d = c->door;
    d->held -= c->held;
    spamd_reader_deinit(&c->reader);
    buf_deinit(&c->out);
    free(c);
    handle_closed(d);
}

/* A connection whose work is on a thread is closed when that comes back. */
static void conn_close(struct conn *c)
{
    struct door *d = c->door;
    if (c->is_working) {
        c->is_broken = true;
        uv_read_stop(&c->s.stream);
        return;
    }
    if (c->phase == CLOSING)
        return;
    c->phase = CLOSING;
    c->waits = false;
    *(c->prev ? &c->prev->next : &d->first) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    d->n_conns--;
    if (!c->is_local)
        d->of_bucket[c->bucket]--;
    count(d, METRIC_OPEN_CONNECTIONS, -1);
    uv_close(&c->s.handle, on_closed);
}

static void enter(struct conn *c, enum phase p)
{
    c->phase = p;
    c->phase_ms = uv_now(c->door->loop);
}

/* ---- the answer ---- */

static void on_shutdown(uv_shutdown_t *r, int status)
{
    struct conn *c = r->data;
    if (status < 0 || c->peer_ended)
        conn_close(c);
}

static void wrote(struct conn *c)
{
    if (c->phase == CLOSING)
        return;
    if (c->peer_ended) { /* nothing is unread, so close() sends a FIN and no reset */
        conn_close(c);
        return;
    }
    enter(c, LINGERING);
    c->shutdown.data = c;
    if (uv_shutdown(&c->shutdown, &c->s.stream, on_shutdown) < 0)
        conn_close(c);
}

static void on_written(uv_write_t *r, int status)
{
    struct conn *c = r->data;
    if (status < 0)
        conn_close(c);
    else
        wrote(c);
}

static void answer(struct conn *c)
{
    if (buf_error(&c->out)) {
        conn_close(c);
        return;
    }
    enter(c, WRITING);
    uv_buf_t b = uv_buf_init((char *)c->out.p, (unsigned)c->out.n);
    int n = c->out.n ? uv_try_write(&c->s.stream, &b, 1) : 0;
    if (n < 0 && n != UV_EAGAIN) {
        conn_close(c);
        return;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    if (done == c->out.n) {
        wrote(c);
        return;
    }
    b = uv_buf_init((char *)c->out.p + done, (unsigned)(c->out.n - done));
    c->write.data = c;
    if (uv_write(&c->write, &c->s.stream, &b, 1, on_written) < 0)
        conn_close(c);
}

static void answer_error(struct conn *c, enum metric which, int code, const char *text)
{
    count(c->door, which, 1);
    log_event(gate_log(c->door->gate), LOG_NOTICE, "protocol_error", "door", "spamd", "peer", c->known, "error", text, NULL);
    buf_clear(&c->out);
    spamd_write_error(&c->out, code, text);
    answer(c);
}

static void answer_failed(struct conn *c)
{
    enum metric which = c->reader.code == SPAMD_EX_DATAERR ? METRIC_TOO_BIG : METRIC_PROTOCOL_ERRORS;
    answer_error(c, which, c->reader.code, c->reader.error);
}

/* ---- the work ---- */

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void work(uv_work_t *r)
{
    struct conn *c = r->data;
    struct spamd_work w = {.gate = c->door->gate, .request = &c->reader.request, .known = c->known, .max_bytes = c->max_bytes,
                           .required = c->required, .now_ms = wall_ms()};
    w.body = buf_span(&c->reader.body);
    spamd_work(&w, &c->out);
}

static void hold(struct conn *c, const struct buf *b)
{
    c->door->held += b->cap - c->held;
    c->held = b->cap;
}

static bool is_over(const struct conn *c) { return c->held > SMALL_BYTES && c->door->held > HELD_MESSAGES * c->door->max_bytes; }

static void refuse_crowd(struct conn *c)
{
    buf_deinit(&c->reader.body);
    buf_deinit(&c->out);
    hold(c, &c->out);
    answer_error(c, METRIC_OVER_LIMIT, SPAMD_EX_TEMPFAIL, "too many messages at a time, come again");
}

/* The answer is what is held from now on: of a small zlib body it may be a big message, and its client may take its time. */
static void give_answer(struct conn *c)
{
    buf_deinit(&c->reader.body);
    hold(c, &c->out);
    if (is_over(c))
        refuse_crowd(c);
    else
        answer(c);
}

static void on_worked(uv_work_t *r, int status);

static void start_work(struct conn *c)
{
    c->is_working = true;
    c->work.data = c;
    uv_queue_work(c->door->loop, &c->work, work, on_worked);
}

/* A lesson may wait seconds for the disk or for another process: one at a time, so that verdicts always find a thread. */
static void teach_next(struct door *d)
{
    struct conn *oldest = NULL;
    for (struct conn *c = d->first; c && !d->is_teaching; c = c->next)
        if (c->waits)
            oldest = c; /* the newest stand in front */
    if (!oldest)
        return;
    oldest->waits = false;
    d->is_teaching = true;
    start_work(oldest);
}

static void on_worked(uv_work_t *r, int status)
{
    struct conn *c = r->data;
    c->is_working = false;
    if (c->reader.request.method == SPAMD_TELL) {
        c->door->is_teaching = false;
        teach_next(c->door);
    }
    if (c->is_broken || status < 0)
        conn_close(c);
    else if (c->reader.state == SPAMD_FAILED) /* more came than was announced: what was judged was cut short */
        answer_failed(c);
    else
        give_answer(c);
}

static bool may_tell(const struct conn *c)
{
    return c->door->tell == TELL_ALL || (c->door->tell == TELL_LOCAL && c->is_local);
}

static void refuse_tell(struct conn *c)
{
    answer_error(c, METRIC_LEARN_REFUSED, SPAMD_EX_UNAVAILABLE,
                 c->door->tell == TELL_OFF ? "TELL commands are not enabled (spamd.tell = local or all)"
                                           : "TELL commands are taken from this machine only (spamd.tell = all)");
}

static void begin_work(struct conn *c)
{
    struct door *d = c->door;
    enum spamd_method m = c->reader.request.method;
    count(d, METRIC_REQUESTS, 1);
    if (m == SPAMD_SKIP) {
        wrote(c);
    } else if (m == SPAMD_PING) {
        spamd_write_pong(&c->out);
        answer(c);
    } else if (m == SPAMD_TELL && !may_tell(c)) {
        refuse_tell(c);
    } else {
        c->max_bytes = d->max_bytes;
        c->required = d->required;
        enter(c, WORKING);
        c->waits = m == SPAMD_TELL;
        if (c->waits)
            teach_next(d);
        else
            start_work(c);
    }
}

/* ---- reading ---- */

static void advance(struct conn *c)
{
    hold(c, &c->reader.body);
    if (c->reader.state == SPAMD_FAILED)
        answer_failed(c);
    else if (c->reader.state == SPAMD_DONE)
        begin_work(c);
    else if (c->reader.state == SPAMD_IN_BODY && c->reader.request.method == SPAMD_TELL && !may_tell(c))
        refuse_tell(c); /* before a body is held for nothing */
    else if (is_over(c))
        refuse_crowd(c);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    (void)suggested;
    *b = uv_buf_init(((struct conn *)h)->door->read, READ_BYTES);
}

static void on_end(struct conn *c)
{
    c->peer_ended = true;
    uv_read_stop(&c->s.stream);
    if (c->phase == READING) {
        if (c->reader.state == SPAMD_IN_LINE && c->reader.line.n == 0 && c->reader.request.version == 0) {
            conn_close(c); /* came and said nothing: a port check */
            return;
        }
        spamd_read_end(&c->reader);
        advance(c);
    } else if (c->phase == LINGERING) {
        conn_close(c);
    }
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = (struct conn *)s;
    if (n == UV_EOF) {
        on_end(c);
    } else if (n < 0) {
        conn_close(c);
    } else if (n > 0 && (c->phase == READING || c->phase == WORKING)) {
        bool was_done = c->phase == WORKING;
        spamd_read(&c->reader, span_of(b->base, (size_t)n));
        if (!was_done) {
            advance(c);
        } else if (c->waits && c->reader.state == SPAMD_FAILED) { /* a lesson cut short is none */
            c->waits = false;
            answer_failed(c);
        }
    } /* while writing and lingering: thrown away */
}

/* ---- coming in ---- */

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)a)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

/* Who is there, by the system's word: the address, or the user behind a socket with a path. */
static void know_peer(struct conn *c, bool is_unix)
{
    snprintf(c->known, sizeof c->known, "unknown");
    if (is_unix) {
        struct ucred u;
        socklen_t n = sizeof u;
        uv_os_fd_t fd;
        c->is_local = true;
        if (uv_fileno(&c->s.handle, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0)
            snprintf(c->known, sizeof c->known, "uid:%u", (unsigned)u.uid);
        return;
    }
    struct sockaddr_storage a;
    int n = sizeof a;
    if (uv_tcp_getpeername(&c->s.tcp, (struct sockaddr *)&a, &n) != 0)
        return;
    char group[PEER_TEXT];
    c->is_local = is_loopback(&a);
    peer_group((const struct sockaddr *)&a, group);
    c->bucket = (uint32_t)(siphash(span_str(group), c->door->key) % BUCKETS);
    uv_ip_name((const struct sockaddr *)&a, c->known, sizeof c->known);
}

static struct conn *conn_new(struct listener *l)
{
    struct door *d = l->door;
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->door = d;
    spamd_reader_init(&c->reader, d->max_bytes);
    buf_init(&c->out, d->max_bytes * 2 + 131072);
    if (l->is_unix)
        uv_pipe_init(d->loop, &c->s.pipe, 0);
    else
        uv_tcp_init(d->loop, &c->s.tcp);
    d->n_handles++;
    return c;
}

static void turn_away(struct conn *c, const char *limit)
{
    char text[100];
    int n = snprintf(text, sizeof text, "SPAMD/1.0 75 Temporary failure: too many connections (%s)\r\n", limit);
    uv_buf_t b = uv_buf_init(text, (unsigned)n);
    uv_try_write(&c->s.stream, &b, 1);
    count(c->door, METRIC_OVER_LIMIT, 1);
    log_event(gate_log(c->door->gate), LOG_WARNING, "over_limit", "door", "spamd", "peer", c->known, "limit", limit, NULL);
    uv_close(&c->s.handle, on_closed);
}

static void on_connection(uv_stream_t *s, int status)
{
    struct listener *l = (struct listener *)s;
    struct door *d = l->door;
    struct conn *c = status < 0 || d->is_stopping ? NULL : conn_new(l);
    if (!c)
        return;
    if (uv_accept(s, &c->s.stream) < 0) {
        uv_close(&c->s.handle, on_closed);
        return;
    }
    count(d, METRIC_CONNECTIONS, 1);
    know_peer(c, l->is_unix);
    if (d->n_conns >= d->max_conns) {
        turn_away(c, "limits.connections");
        return;
    }
    if (!c->is_local && d->of_bucket[c->bucket] >= d->per_address) {
        turn_away(c, "limits.per_address");
        return;
    }
    d->n_conns++;
    if (!c->is_local)
        d->of_bucket[c->bucket]++;
    count(d, METRIC_OPEN_CONNECTIONS, 1);
    c->next = d->first;
    if (d->first)
        d->first->prev = c;
    d->first = c;
    enter(c, READING);
    c->began_ms = c->phase_ms;
    if (uv_read_start(&c->s.stream, on_alloc, on_read) < 0)
        conn_close(c);
}

static void on_tick(uv_timer_t *t)
{
    struct door *d = t->data;
    uint64_t now = uv_now(d->loop);
    for (struct conn *c = d->first, *next; c; c = next) {
        next = c->next;
        bool in_head = c->phase == READING && c->reader.state < SPAMD_IN_BODY;
        uint64_t head_ms = d->time_ms < HEADER_MS ? d->time_ms : HEADER_MS;
        if (c->phase == READING && now - c->began_ms > (in_head ? head_ms : d->time_ms)) {
            answer_error(c, METRIC_TIMEOUTS, SPAMD_EX_TIMEOUT, "the request took too long to arrive (limits.time)");
        } else if (c->waits && now - c->phase_ms > d->time_ms) {
            c->waits = false;
            answer_error(c, METRIC_TIMEOUTS, SPAMD_EX_TEMPFAIL, "too many lessons wait for their turn, come again");
        } else if ((c->phase == LINGERING && now - c->phase_ms > LINGER_MS) || (c->phase == WRITING && now - c->phase_ms > d->time_ms)) {
            conn_close(c);
        }
    }
}

/* ---- the door ---- */

static void reload(struct door *d)
{
    const struct config *c = gate_config(d->gate);
    const char *tell = config_string(c, "spamd.tell");
    d->tell = strcmp(tell, "all") == 0 ? TELL_ALL : strcmp(tell, "local") == 0 ? TELL_LOCAL : TELL_OFF;
    d->max_conns = (size_t)config_int(c, "limits.connections");
    d->max_bytes = (size_t)config_int(c, "limits.message_bytes");
    d->per_address = (size_t)config_int(c, "limits.per_address");
    d->per_address = d->per_address < UINT16_MAX ? d->per_address : UINT16_MAX;
    d->time_ms = (uint64_t)config_int(c, "limits.time") * 1000;
    d->required = config_float(c, "spamd.required");
    gate_config_done(d->gate, c);
}

static int listen_on(struct door *d, struct listener *l, int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    l->door = d;
    l->is_unix = getsockname(fd, (struct sockaddr *)&a, &n) == 0 && a.ss_family == AF_UNIX;
    if (l->is_unix)
        uv_pipe_init(d->loop, &l->s.pipe, 0);
    else
        uv_tcp_init(d->loop, &l->s.tcp);
    d->n_handles++;
    int err = l->is_unix ? uv_pipe_open(&l->s.pipe, fd) : uv_tcp_open(&l->s.tcp, fd);
    return err ? err : uv_listen(&l->s.stream, BACKLOG, on_connection);
}

static void on_listener_closed(uv_handle_t *h) { handle_closed(((struct listener *)h)->door); }
static void on_timer_closed(uv_handle_t *h) { handle_closed(h->data); }

static void stop(struct door *d)
{
    d->is_stopping = true;
    for (size_t i = 0; i < d->n_listeners; i++)
        if (!uv_is_closing(&d->listener[i].s.handle))
            uv_close(&d->listener[i].s.handle, on_listener_closed);
    for (struct conn *c = d->first, *next; c; c = next) {
        next = c->next;
        if (c->phase == LINGERING || (c->phase == READING && c->reader.state == SPAMD_IN_LINE && c->reader.line.n == 0))
            conn_close(c);
    }
}

static bool is_idle(struct door *d) { return d->n_conns == 0; }

static void door_free(struct door **door)
{
    struct door *d = *door;
    if (!d)
        return;
    stop(d);
    for (struct conn *c = d->first, *next; c; c = next) {
        next = c->next;
        conn_close(c);
    }
    d->is_freed = true;
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
    *door = NULL;
}

static int check_tell(const struct door_context *ctx, struct report *why)
{
    const struct config *c = gate_config(ctx->gate);
    const char *tell = config_string(c, "spamd.tell");
    bool is_known = strcmp(tell, "off") == 0 || strcmp(tell, "local") == 0 || strcmp(tell, "all") == 0;
    int rc = is_known ? POSSE_OK : report_set(why, POSSE_ESYNTAX, "spamd.tell = %s: it is off, local or all", tell);
    gate_config_done(ctx->gate, c);
    return rc;
}

static int begin(struct door *d, const struct door_context *ctx, struct report *why)
{
    uv_timer_init(d->loop, &d->timer);
    d->timer.data = d;
    d->n_handles++;
    uv_timer_start(&d->timer, on_tick, TICK_MS, TICK_MS);
    for (; d->n_listeners < ctx->n_fd; d->n_listeners++) {
        int err = listen_on(d, &d->listener[d->n_listeners], ctx->fd[d->n_listeners]);
        if (!err)
            continue;
        for (size_t i = ++d->n_listeners; i < ctx->n_fd; i++)
            close(ctx->fd[i]);
        return report_set(why, POSSE_EIO, "spamd.listen: %s", uv_strerror(err));
    }
    return POSSE_OK;
}

static int start(const struct door_context *ctx, struct door **out, struct report *why)
{
    struct door *d = calloc(1, sizeof *d);
    struct listener *l = calloc(ctx->n_fd ? ctx->n_fd : 1, sizeof *l);
    int rc = d && l ? check_tell(ctx, why) : report_set(why, POSSE_ENOMEM, "spamd: out of memory");
    if (rc) {
        for (size_t i = 0; i < ctx->n_fd; i++)
            close(ctx->fd[i]);
        free(d);
        free(l);
        return rc;
    }
    *d = (struct door){.loop = ctx->loop, .gate = ctx->gate, .listener = l};
    reload(d);
    (void)!getrandom(d->key, sizeof d->key, 0); /* without, it is a hash all the same */
    rc = begin(d, ctx, why);
    if (rc)
        door_free(&d);
    *out = d;
    return rc;
}

static const char *const listen_keys[] = {"spamd.listen", NULL};
const struct door_ops door_spamd = {"spamd", listen_keys, start, reload, stop, is_idle, door_free};
