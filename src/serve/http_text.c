#include "serve/http_text.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/door_rspamd.h"
#include "serve/rspamc_text.h"

enum { READ_STEP = 64 << 10 };

/* One connection. It lives until both its handle is closed and its work is done. */
struct text_conn {
    uv_poll_t poll;
    uv_work_t work;
    struct http_texts *t;
    struct http_slot *slot;
    const struct http_settings *settings;
    struct text_conn *prev, *next;
    struct buf in, out;
    size_t sent;
    struct rspamc_head head;
    struct rspamd_request request;
    bool has_head, at_end, is_working, is_closing, is_closed;
};

struct http_texts {
    struct http_server_options o;
    uv_loop_t *loop;
    struct text_conn *first;
    pthread_mutex_t lock; /* of how many work */
    pthread_cond_t done;
    unsigned working;
};

static void conn_free(struct text_conn *k)
{
    if (!k->is_closed || k->is_working)
        return;
    buf_deinit(&k->in);
    buf_deinit(&k->out);
    rspamd_request_deinit(&k->request);
    free(k);
}

static void on_closed(uv_handle_t *h)
{
    struct text_conn *k = h->data;
    k->is_closed = true;
    conn_free(k);
}

/* Lets go of everything that is not its own memory. */
static void conn_close(struct text_conn *k)
{
    struct http_texts *t = k->t;
    if (k->is_closing)
        return;
    k->is_closing = true;
    uv_poll_stop(&k->poll);
    int fd = k->slot->fd;
    http_slot_release(&k->slot);
    close(fd);
    if (k->prev)
        k->prev->next = k->next;
    else
        t->first = k->next;
    if (k->next)
        k->next->prev = k->prev;
    t->o.settings_done(t->o.ctx, k->settings);
    uv_close((uv_handle_t *)&k->poll, on_closed);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    struct text_conn *k = poll->data;
    (void)events;
    while (status == 0 && k->sent < k->out.n) {
        ssize_t n = send(k->slot->fd, k->out.p + k->sent, k->out.n - k->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n < 0 && errno != EINTR)
            break;
        k->sent += n > 0 ? (size_t)n : 0;
    }
    shutdown(k->slot->fd, SHUT_WR);
    conn_close(k);
}

static void answer(struct text_conn *k)
{
    http_slot_stage(k->slot, HTTP_WRITING);
    if (buf_error(&k->out) || uv_poll_start(&k->poll, UV_WRITABLE, on_writable))
        conn_close(k);
    else
        on_writable(&k->poll, 0, UV_WRITABLE);
}

static void answer_error(struct text_conn *k, enum metric which, const char *what)
{
    struct gate *g = k->t->o.gate;
    counters_add(gate_counters(g), DOOR_RSPAMD, which, 1);
    log_event(gate_log(g), LOG_NOTICE, "protocol_error", "door", "rspamd", "client", k->slot->peer.text, "why", what, NULL);
    buf_add_fmt(&k->out, "RSPAMD/1.3 76 EX_PROTOCOL\r\nError: %s\r\n\r\n", what);
    answer(k);
}

static void write_trouble(struct text_conn *k, const struct report *why)
{
    enum action act = rspamd_in_trouble(k->t->o.gate, &k->request, k->slot->is_trusted, why);
    buf_add_fmt(&k->out, "RSPAMD/%s 0 EX_OK\r\nMetric: default; False; 0.00 / 1.00 / 0.0\r\nAction: %s\r\n\r\n", k->head.version,
                rspamd_action_name(act));
}

/* On a worker thread. */
static void judge(uv_work_t *work)
{
    struct text_conn *k = work->data;
    struct http_texts *t = k->t;
    struct report why = {.code = 0};
    struct gate_answer *a;
    struct span raw = span_sub(buf_span(&k->in), k->head.bytes, k->in.n);
    if (k->head.body_bytes >= 0)
        raw = span_sub(raw, 0, (size_t)k->head.body_bytes);
    if (rspamd_judge(t->o.gate, &k->request, k->slot->is_trusted, raw, t->o.symbols_seen, &a, &why) == POSSE_OK) {
        rspamd_text(a, k->head.version, &k->out);
        gate_done(t->o.gate, &a);
    } else {
        write_trouble(k, &why);
    }
    pthread_mutex_lock(&t->lock);
    t->working--;
    pthread_cond_broadcast(&t->done);
    pthread_mutex_unlock(&t->lock);
}

static void on_judged(uv_work_t *work, int status)
{
    struct text_conn *k = work->data;
    (void)status;
    k->is_working = false;
    if (k->is_closing)
        conn_free(k);
    else
        answer(k);
}

/* The request is whole. The body that came after the head may have moved it: its views are taken anew. */
static void serve(struct text_conn *k)
{
    struct http_texts *t = k->t;
    struct report why;
    uv_poll_stop(&k->poll);
    rspamd_request_clear(&k->request);
    if (rspamc_read(buf_span(&k->in), &k->head, &k->request, &why) <= 0) {
        answer_error(k, METRIC_PROTOCOL_ERRORS, why.text);
        return;
    }
    counters_add(gate_counters(t->o.gate), DOOR_RSPAMD, METRIC_REQUESTS, 1);
    if (k->head.command == RSPAMC_SKIP) {
        conn_close(k);
        return;
    }
    if (k->head.command == RSPAMC_PING) {
        buf_add_fmt(&k->out, "RSPAMD/%s 0 PONG\r\n\r\n", k->head.version);
        answer(k);
        return;
    }
    http_slot_stage(k->slot, HTTP_WORKING);
    pthread_mutex_lock(&t->lock);
    t->working++;
    pthread_mutex_unlock(&t->lock);
    k->is_working = true;
    k->work.data = k;
    uv_queue_work(t->loop, &k->work, judge, on_judged);
}

/* What has come so far: enough? */
static void look(struct text_conn *k)
{
    struct report why;
    if (!k->has_head) {
        int got = rspamc_read(buf_span(&k->in), &k->head, &k->request, &why);
        if (got < 0) {
            answer_error(k, got == POSSE_ETOOBIG ? METRIC_TOO_BIG : METRIC_PROTOCOL_ERRORS, why.text);
            return;
        }
        k->has_head = got > 0;
        if (k->has_head && k->head.body_bytes > (int64_t)k->settings->message_bytes) {
            answer_error(k, METRIC_TOO_BIG, "the message is bigger than limits.message_bytes");
            return;
        }
        if (k->has_head)
            k->in.max = k->head.bytes + k->settings->message_bytes;
    }
    bool whole = k->has_head && (k->head.command != RSPAMC_CHECK || k->at_end ||
                                 (k->head.body_bytes >= 0 && k->in.n >= k->head.bytes + (size_t)k->head.body_bytes));
    if (whole && k->head.body_bytes > 0 && k->in.n < k->head.bytes + (size_t)k->head.body_bytes && k->head.command == RSPAMC_CHECK)
        answer_error(k, METRIC_PROTOCOL_ERRORS, "the message ends before its Content-length");
    else if (whole)
        serve(k);
    else if (k->at_end)
        answer_error(k, METRIC_PROTOCOL_ERRORS, "the connection was closed within the head");
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct text_conn *k = poll->data;
    (void)events;
    size_t room = k->in.max - k->in.n < READ_STEP ? k->in.max - k->in.n : READ_STEP;
    uint8_t *p = status == 0 && room ? buf_reserve(&k->in, room) : NULL;
    if (!p) {
        uv_poll_stop(poll);
        if (status)
            conn_close(k);
        else
            answer_error(k, METRIC_TOO_BIG, "the message is bigger than limits.message_bytes");
        return;
    }
    ssize_t n = recv(k->slot->fd, p, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0) {
        conn_close(k);
        return;
    }
    if (n == 0 && atomic_load(&k->slot->until_ms) == INT64_MAX) { /* the listener cut it: that is not where the message ends */
        conn_close(k);
        return;
    }
    k->in.n += (size_t)n;
    k->at_end = n == 0;
    if (http_slot_hold(k->slot, k->in.cap)) {
        look(k);
        return;
    }
    uv_poll_stop(poll);
    answer_error(k, METRIC_OVER_LIMIT, "too many messages at a time, come again");
}

void http_texts_add(struct http_texts *t, struct http_slot *slot)
{
    struct text_conn *k = calloc(1, sizeof *k);
    if (!k || uv_poll_init(t->loop, &k->poll, slot->fd) != 0) {
        int fd = slot->fd;
        http_slot_release(&slot);
        close(fd);
        free(k);
        return;
    }
    k->poll.data = k;
    k->t = t;
    k->slot = slot;
    k->settings = t->o.settings(t->o.ctx);
    buf_init(&k->in, RSPAMC_HEAD_MAX + 1);
    buf_init(&k->out, 1 << 20);
    k->next = t->first;
    if (t->first)
        t->first->prev = k;
    t->first = k;
    uv_poll_start(&k->poll, UV_READABLE, on_readable);
}

int http_texts_new(const struct http_server_options *o, uv_loop_t *loop, struct http_texts **out, struct report *why)
{
    struct http_texts *t = calloc(1, sizeof *t);
    *out = t;
    if (!t)
        return report_set(why, POSSE_ENOMEM, "http: out of memory");
    t->o = *o;
    t->loop = loop;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->done, NULL);
    return POSSE_OK;
}

void http_texts_free(struct http_texts **tp)
{
    struct http_texts *t = *tp;
    *tp = NULL;
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    while (t->working) /* milliseconds: nothing in a verdict waits */
        pthread_cond_wait(&t->done, &t->lock);
    pthread_mutex_unlock(&t->lock);
    while (t->first)
        conn_close(t->first);
    pthread_cond_destroy(&t->done);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
