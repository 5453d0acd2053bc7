#include "serve/http_listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "serve/rspamc_text.h"

enum { ACCEPTS_A_TURN = 64, BUCKETS = 1 << 14, SWEEP_MS = 500, REST_MS = 100, KEEP_ALIVE_S = 60, GUESS_BYTES = 16,
       HELD_MESSAGES = 16, SMALL_BYTES = 64 << 10, LINGERERS = 64, LINGER_MS = 3000 };

/* uv handles outlive their owner by a turn of the loop: each is memory of its own. */
struct ear { uv_poll_t poll; struct http_listener *l; int fd; enum http_role role; };
struct http_sniff { uv_poll_t poll; struct http_slot *slot; ssize_t seen; };
struct sweeper { uv_timer_t timer; struct http_listener *l; };
struct lingerer { int fd; int64_t until_ms; size_t room; };

struct http_listener {
    struct http_listen_options o;
    struct ear **ear;
    struct sweeper *sweeper;
    struct counters *counters;
    struct log *log;
    uint8_t key[16];
    bool is_resting; /* no descriptors were left: accepting pauses */
    bool is_stopping;
    pthread_mutex_t lock; /* of what follows */
    const struct http_settings *settings;
    struct http_slot **slot; /* by descriptor */
    size_t n_slot;
    unsigned open[DOORS];
    uint16_t of_bucket[BUCKETS];
    struct lingerer lingerer[LINGERERS];
    size_t n_lingerers;
    _Atomic int64_t now_ms, time_ms;
    atomic_size_t held, most_held;
};

enum metric_door http_role_door(enum http_role role)
{
    static const enum metric_door door[HTTP_ROLES] = {
        [HTTP_RSPAMD] = DOOR_RSPAMD, [HTTP_CONTROLLER] = DOOR_RSPAMD, [HTTP_AKISMET] = DOOR_AKISMET, [HTTP_PLAIN] = DOOR_HTTP};
    return door[role];
}

static void close_freeing(uv_handle_t *h) { free(h); }

static void take_limits(struct http_listener *l, const struct http_settings *settings)
{
    l->settings = settings;
    atomic_store(&l->time_ms, (int64_t)settings->time_s * 1000);
    atomic_store(&l->most_held, HELD_MESSAGES * settings->message_bytes);
}

void http_slot_stage(struct http_slot *s, enum http_stage stage)
{
    struct http_listener *l = s->listener;
    int64_t time_ms = atomic_load(&l->time_ms), idle_ms = KEEP_ALIVE_S * 1000;
    int64_t now = atomic_load(&l->now_ms), until = INT64_MAX;
    if (stage == HTTP_WAITING)
        until = now + (idle_ms < time_ms ? idle_ms : time_ms);
    else if (stage != HTTP_WORKING)
        until = now + time_ms;
    atomic_store(&s->until_ms, until);
    atomic_store(&s->stage, stage);
}

bool http_slot_hold(struct http_slot *s, size_t bytes)
{
    struct http_listener *l = s->listener;
    size_t before = s->held, held = atomic_fetch_add(&l->held, bytes - before) + bytes - before;
    s->held = bytes;
    return bytes <= SMALL_BYTES || bytes <= before || held <= atomic_load(&l->most_held);
}

struct http_slot *http_slot_of(struct http_listener *l, int fd)
{
    pthread_mutex_lock(&l->lock);
    struct http_slot *s = fd >= 0 && (size_t)fd < l->n_slot ? l->slot[fd] : NULL;
    if (s)
        s->is_claimed = true;
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* With the lock. */
static void forget(struct http_listener *l, struct http_slot *s)
{
    enum metric_door door = http_role_door(s->role);
    if (l->slot[s->fd] == s)
        l->slot[s->fd] = NULL;
    l->open[door]--;
    atomic_fetch_sub(&l->held, s->held);
    if (!s->is_trusted)
        l->of_bucket[s->bucket]--;
    counters_add(l->counters, door, METRIC_OPEN_CONNECTIONS, -1);
}

void http_slot_release(struct http_slot **sp)
{
    struct http_slot *s = *sp;
    *sp = NULL;
    if (!s)
        return;
    struct http_listener *l = s->listener;
    pthread_mutex_lock(&l->lock);
    forget(l, s);
    pthread_mutex_unlock(&l->lock);
    free(s);
}

void http_slot_linger(struct http_slot *s)
{
    struct http_listener *l = s->listener;
    pthread_mutex_lock(&l->lock);
    int fd = l->n_lingerers < LINGERERS ? fcntl(s->fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (fd >= 0) {
        shutdown(fd, SHUT_WR);
        l->lingerer[l->n_lingerers++] = (struct lingerer){fd, atomic_load(&l->now_ms) + LINGER_MS, l->settings->message_bytes};
    }
    pthread_mutex_unlock(&l->lock);
}

void http_slot_cut_short(struct http_slot *s)
{
    struct http_listener *l = s->listener;
    if (atomic_exchange(&s->is_ended, true))
        return;
    counters_add(l->counters, http_role_door(s->role), METRIC_PROTOCOL_ERRORS, 1);
    log_event(l->log, LOG_NOTICE, "cut_short", "door", door_name(http_role_door(s->role)), "client", s->peer.text, NULL);
}

/* A place in the table for the descriptor; one that is there still belongs to a connection that its owner never took up. */
static bool make_room(struct http_listener *l, int fd)
{
    if ((size_t)fd >= l->n_slot) {
        size_t n = l->n_slot ? l->n_slot : 64;
        while (n <= (size_t)fd)
            n *= 2;
        struct http_slot **more = realloc(l->slot, n * sizeof *more);
        if (!more)
            return false;
        memset(more + l->n_slot, 0, (n - l->n_slot) * sizeof *more);
        l->slot = more;
        l->n_slot = n;
    }
    struct http_slot *stale = l->slot[fd];
    if (stale) {
        forget(l, stale);
        free(stale);
    }
    return true;
}

/* Takes a place for the connection if the limits allow it. */
static bool admit(struct http_listener *l, struct http_slot *s)
{
    enum metric_door door = http_role_door(s->role);
    pthread_mutex_lock(&l->lock);
    bool ok = make_room(l, s->fd);
    s->is_trusted = nets_has(l->settings->trusted, (const struct sockaddr *)&s->peer.addr);
    ok = ok && l->open[door] < l->settings->connections &&
         (s->is_trusted || l->of_bucket[s->bucket] < l->settings->per_address);
    if (ok) {
        l->slot[s->fd] = s;
        l->open[door]++;
        if (!s->is_trusted)
            l->of_bucket[s->bucket]++;
    }
    pthread_mutex_unlock(&l->lock);
    counters_add(l->counters, door, ok ? METRIC_CONNECTIONS : METRIC_OVER_LIMIT, 1);
    if (ok)
        counters_add(l->counters, door, METRIC_OPEN_CONNECTIONS, 1);
    return ok;
}

static void refuse(struct http_listener *l, struct http_slot *s)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ssize_t sent = send(s->fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a courtesy */
    log_event(l->log, LOG_WARNING, "over_limit", "door", door_name(http_role_door(s->role)), "client", s->peer.text, NULL);
    close(s->fd);
    free(s);
}

/* Do its first bytes say what is spoken? *seen: how many there were last time. */
static bool can_tell(struct http_slot *s, ssize_t *seen)
{
    uint8_t first[GUESS_BYTES];
    if (s->role != HTTP_RSPAMD && s->role != HTTP_CONTROLLER)
        return true;
    ssize_t n = recv(s->fd, first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return false;
    /* no more than before: it was closed */
    enum rspamc_guess guess = n > *seen ? rspamc_guess(span_of(first, (size_t)n)) : RSPAMC_NO;
    int want = guess == RSPAMC_MORE ? (int)n + 1 : 1; /* or the poll would report the same bytes again and again */
    setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &want, sizeof want);
    *seen = n;
    s->is_text = guess == RSPAMC_YES;
    if (guess != RSPAMC_MORE)
        http_slot_stage(s, HTTP_READING);
    return guess != RSPAMC_MORE;
}

static void end_sniff(struct http_slot *s)
{
    uv_poll_stop(&s->sniff->poll);
    uv_close((uv_handle_t *)&s->sniff->poll, close_freeing);
    s->sniff = NULL;
}

static void on_first_bytes(uv_poll_t *poll, int status, int events)
{
    struct http_sniff *f = poll->data;
    struct http_slot *s = f->slot;
    struct http_listener *l = s->listener;
    (void)status; /* the owner sees the same error */
    (void)events;
    if (!can_tell(s, &f->seen))
        return;
    end_sniff(s); /* before: the descriptor is the owner's from the call on, who may close it at once */
    l->o.hand(l->o.ctx, s);
}

static void watch(struct http_listener *l, struct http_slot *s, ssize_t seen)
{
    struct http_sniff *f = calloc(1, sizeof *f);
    if (f && uv_poll_init(l->o.loop, &f->poll, s->fd) == 0) {
        f->poll.data = f;
        f->slot = s;
        f->seen = seen;
        s->sniff = f;
        uv_poll_start(&f->poll, UV_READABLE, on_first_bytes);
        return;
    }
    free(f);
    int fd = s->fd;
    http_slot_release(&s);
    close(fd);
}

static ino_t socket_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

static void welcome(struct http_listener *l, enum http_role role, int fd, const struct sockaddr_storage *from, socklen_t len)
{
    int one = 1;
    struct http_slot *s = calloc(1, sizeof *s);
    if (!s) {
        close(fd);
        return;
    }
    *s = (struct http_slot){.listener = l, .fd = fd, .role = role, .peer = {.addr = *from, .len = len},
                            .socket = socket_of(fd)};
    peer_text((const struct sockaddr *)from, s->peer.text);
    char group[PEER_TEXT];
    peer_group((const struct sockaddr *)from, group);
    s->bucket = (uint32_t)(siphash(span_str(group), l->key) % BUCKETS);
    if (!admit(l, s)) {
        refuse(l, s);
        return;
    }
    if (from->ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    http_slot_stage(s, HTTP_WAITING);
    ssize_t seen = 0;
    if (can_tell(s, &seen))
        l->o.hand(l->o.ctx, s);
    else
        watch(l, s, seen);
}

static void listen_again(struct http_listener *l, bool on);

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct ear *e = poll->data;
    struct http_listener *l = e->l;
    (void)events;
    if (status < 0)
        return;
    atomic_store(&l->now_ms, (int64_t)uv_now(l->o.loop));
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        socklen_t len = sizeof from;
        int fd = accept4(e->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(l, e->role, fd, &from, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_event(l->log, LOG_WARNING, "accept_paused", "door", door_name(http_role_door(e->role)), "why",
                      "no descriptors or memory left", NULL);
            listen_again(l, false);
            l->is_resting = true;
            return;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

static void listen_again(struct http_listener *l, bool on)
{
    for (size_t i = 0; i < l->o.n_fd; i++)
        if (l->ear[i] && on)
            uv_poll_start(&l->ear[i]->poll, UV_READABLE, on_connection);
        else if (l->ear[i])
            uv_poll_stop(&l->ear[i]->poll);
}

/* Its owner sees the end of the connection, and closes it. An answer can be said only while HTTP's owner says none. */
static void cut(struct http_slot *s, const char *answer)
{
    int stage = atomic_load(&s->stage);
    if (stage == HTTP_READING && !s->is_text) {
        ssize_t sent = send(s->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    shutdown(s->fd, SHUT_RDWR);
    atomic_store(&s->until_ms, INT64_MAX);
}

static void cut_late(struct http_listener *l, struct http_slot *s)
{
    static const char late[] = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    bool was_asked = atomic_load(&s->stage) != HTTP_WAITING && !atomic_exchange(&s->is_ended, true);
    cut(s, late);
    if (!was_asked)
        return;
    counters_add(l->counters, http_role_door(s->role), METRIC_TIMEOUTS, 1);
    log_event(l->log, LOG_NOTICE, "timeout", "door", door_name(http_role_door(s->role)), "client", s->peer.text, NULL);
}

static void cut_at_its_end(struct http_slot *s)
{
    static const char cut_short[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (atomic_load(&s->stage) != HTTP_WAITING) /* else nothing was asked */
        http_slot_cut_short(s);
    cut(s, cut_short);
}

/* Has the peer closed its half while we wait for more? Seen twice, so that bytes which are being looked at right now are no end. */
static bool is_cut_short(struct http_slot *s)
{
    int stage = atomic_load(&s->stage);
    uint8_t one;
    bool end = !s->is_text && !s->sniff && (stage == HTTP_WAITING || stage == HTTP_READING) &&
               atomic_load(&s->until_ms) != INT64_MAX && recv(s->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    bool twice = end && s->saw_end;
    s->saw_end = end;
    return twice;
}

/* Is nothing of a request there, not even bytes that its owner has not read yet? */
static bool is_quiet(const struct http_slot *s)
{
    uint8_t one;
    return atomic_load(&s->stage) == HTTP_WAITING && recv(s->fd, &one, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void look_after(struct http_listener *l, struct http_slot *s, int64_t now)
{
    if (atomic_load(&s->until_ms) <= now)
        cut_late(l, s);
    else if (is_cut_short(s))
        cut_at_its_end(s);
    else if (l->is_stopping && is_quiet(s))
        shutdown(s->fd, SHUT_RDWR);
}

/* What it sent is read; true: it is done, or nobody waits for it any longer. */
static bool has_lingered(struct lingerer *g, int64_t now)
{
    uint8_t away[4096];
    for (;;) {
        ssize_t n = recv(g->fd, away, sizeof away, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK) || g->until_ms <= now;
        if ((size_t)n > g->room)
            return true;
        g->room -= (size_t)n;
    }
}

static void let_linger(struct http_listener *l, int64_t now)
{
    for (size_t i = l->n_lingerers; i-- > 0;)
        if (has_lingered(&l->lingerer[i], now)) {
            close(l->lingerer[i].fd);
            l->lingerer[i] = l->lingerer[--l->n_lingerers];
        }
}

/* Was it handed over, and closed by an owner who never took it up? Its number may be another file's by now. */
static bool is_stale(const struct http_slot *s) { return !s->is_claimed && socket_of(s->fd) != s->socket; }

static void sweep(uv_timer_t *timer)
{
    struct http_listener *l = ((struct sweeper *)timer->data)->l;
    int64_t now = (int64_t)uv_now(l->o.loop);
    atomic_store(&l->now_ms, now);
    if (l->is_resting && !l->is_stopping) {
        l->is_resting = false;
        listen_again(l, true);
    }
    bool any = false;
    pthread_mutex_lock(&l->lock); /* a slot's socket is open while it stands in the table */
    let_linger(l, now);
    for (size_t i = 0; i < l->n_slot; i++) {
        struct http_slot *s = l->slot[i];
        any |= s != NULL;
        if (s && is_stale(s)) {
            forget(l, s);
            free(s);
        } else if (s) {
            look_after(l, s, now);
        }
    }
    pthread_mutex_unlock(&l->lock);
    if (any && l->o.tick)
        l->o.tick(l->o.ctx);
}

static int start_ear(struct http_listener *l, size_t i)
{
    struct ear *e = calloc(1, sizeof *e);
    if (!e || uv_poll_init(l->o.loop, &e->poll, l->o.fd[i]) != 0) {
        free(e);
        return POSSE_ENOMEM;
    }
    e->poll.data = e;
    e->l = l;
    e->fd = l->o.fd[i];
    e->role = l->o.role[i];
    l->ear[i] = e;
    return uv_poll_start(&e->poll, UV_READABLE, on_connection) ? POSSE_ENOMEM : POSSE_OK;
}

int http_listener_new(const struct http_listen_options *o, const struct http_settings *settings, struct http_listener **out,
                      struct report *why)
{
    struct http_listener *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return report_set(why, POSSE_ENOMEM, "http: out of memory");
    l->o = *o;
    l->counters = gate_counters(o->gate);
    l->log = gate_log(o->gate);
    atomic_store(&l->now_ms, (int64_t)uv_now(o->loop));
    take_limits(l, settings);
    pthread_mutex_init(&l->lock, NULL);
    l->ear = calloc(o->n_fd + 1, sizeof(struct ear *));
    l->sweeper = calloc(1, sizeof *l->sweeper);
    bool ok = l->ear && l->sweeper && getrandom(l->key, sizeof l->key, 0) == (ssize_t)sizeof l->key;
    if (ok) {
        uv_timer_init(o->loop, &l->sweeper->timer);
        l->sweeper->timer.data = l->sweeper;
        l->sweeper->l = l;
        uv_timer_start(&l->sweeper->timer, sweep, SWEEP_MS, SWEEP_MS);
    }
    for (size_t i = 0; ok && i < o->n_fd; i++)
        ok = start_ear(l, i) == POSSE_OK;
    if (!ok) {
        http_listener_free(&l);
        return report_set(why, POSSE_ENOMEM, "http: out of memory or descriptors");
    }
    *out = l;
    return POSSE_OK;
}

void http_listener_settings(struct http_listener *l, const struct http_settings *settings)
{
    pthread_mutex_lock(&l->lock);
    take_limits(l, settings);
    pthread_mutex_unlock(&l->lock);
}

static void close_ears(struct http_listener *l)
{
    for (size_t i = 0; l->ear && i < l->o.n_fd; i++) {
        if (!l->ear[i])
            continue;
        uv_poll_stop(&l->ear[i]->poll);
        close(l->ear[i]->fd);
        uv_close((uv_handle_t *)&l->ear[i]->poll, close_freeing);
        l->ear[i] = NULL;
    }
}

void http_listener_stop(struct http_listener *l)
{
    l->is_stopping = true;
    close_ears(l);
    sweep(&l->sweeper->timer);
}

bool http_listener_is_idle(struct http_listener *l)
{
    bool idle = true;
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->n_slot && idle; i++)
        idle = !l->slot[i] || is_quiet(l->slot[i]);
    pthread_mutex_unlock(&l->lock);
    return idle;
}

void http_listener_free(struct http_listener **lp)
{
    struct http_listener *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    close_ears(l);
    if (l->sweeper && l->sweeper->l) {
        uv_timer_stop(&l->sweeper->timer);
        uv_close((uv_handle_t *)&l->sweeper->timer, close_freeing);
    } else {
        free(l->sweeper);
    }
    for (size_t i = 0; i < l->n_slot; i++) {
        if (l->slot[i] && l->slot[i]->sniff) {
            end_sniff(l->slot[i]);
            close(l->slot[i]->fd);
        }
        free(l->slot[i]);
    }
    for (size_t i = 0; i < l->n_lingerers; i++)
        close(l->lingerer[i].fd);
    pthread_mutex_destroy(&l->lock);
    free(l->slot);
    free(l->ear);
    free(l);
}
