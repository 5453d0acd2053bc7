/* door_milter: keeps a process for each milter address (milter_child.h): starts it, starts it again when it dies, tells it of new
 * settings, stops it.
 *
 * The listening sockets stay open here, so that a mail server that connects while a child is being started waits in the queue instead
 * of being refused. A child is in a session of its own: Ctrl-C and the service manager's HUP are this process's to pass on. One
 * that dies is started again after BACKOFF_MS, doubled each time up to BACKOFF_MAX_MS, until one has lived LIVED_MS. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/door.h"
#include "serve/milter_child.h"

enum { BACKOFF_MS = 250, BACKOFF_MAX_MS = 5000, LIVED_MS = 60000, PATH_BYTES = 4096, ARGS_FIXED = 12 };

/* One life of a child; freed when both handles are closed. */
struct life { struct child *child; uv_process_t process; uv_pipe_t control; int n_handles; };

struct child {
    struct door *door;
    struct life *life; /* NULL: not running */
    int fd;
    uv_timer_t again;
    uint64_t started_ms, backoff_ms;
};

struct door {
    uv_loop_t *loop;
    struct gate *gate;
    const struct serve_options *options;
    struct child *child;
    size_t n, n_handles;
    bool is_stopping, is_freed;
    char program[PATH_BYTES];
};

static void on_again(uv_timer_t *t);

/* The last handle takes the door with it, once that is to go. */
static void handle_closed(struct door *d)
{
    if (--d->n_handles || !d->is_freed)
        return;
    free(d->child);
    free(d);
}

static void on_timer_closed(uv_handle_t *h) { handle_closed(((struct child *)h->data)->door); }

static void on_life_closed(uv_handle_t *h)
{
    struct life *l = h->data;
    struct door *d = l->child->door;
    if (--l->n_handles == 0)
        free(l);
    handle_closed(d);
}

static void close_life(struct life *l)
{
    l->child->life = NULL;
    uv_close((uv_handle_t *)&l->process, on_life_closed);
    uv_close((uv_handle_t *)&l->control, on_life_closed);
}

static void start_later(struct child *c)
{
    struct door *d = c->door;
    if (uv_now(d->loop) - c->started_ms > LIVED_MS)
        c->backoff_ms = BACKOFF_MS;
    if (d->is_stopping)
        return;
    uv_timer_start(&c->again, on_again, c->backoff_ms, 0);
    c->backoff_ms = c->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff_ms * 2;
}

/* What a process that died counted as being there is not there any more. */
static void clear_gauges(struct door *d)
{
    struct counters *c = gate_counters(d->gate);
    for (size_t i = 0; i < d->n; i++)
        if (d->child[i].life)
            return; /* with several addresses the gauges are all their processes' */
    for (int g = METRICS_COUNTED; g < METRICS; g++)
        if (g != METRIC_OBSERVE_QUEUE) /* what it sent waits here */
        counters_add(c, DOOR_MILTER, (enum metric)g, -counters_get(c, DOOR_MILTER, (enum metric)g));
}

static void on_exit_of(uv_process_t *p, int64_t status, int by_signal)
{
    struct life *l = p->data;
    struct child *c = l->child;
    char text[64], wait[32];
    snprintf(text, sizeof text, by_signal ? "signal %d" : "status %d", by_signal ? by_signal : (int)status);
    snprintf(wait, sizeof wait, "%" PRIu64 " ms", c->backoff_ms);
    if (!c->door->is_stopping)
        log_event(gate_log(c->door->gate), LOG_ERROR, "milter_died", "how", text, "again_in", wait, NULL);
    close_life(l);
    clear_gauges(c->door);
    start_later(c);
}

/* posse serve --milter-child, as we were started ourselves. */
static const char **arguments(const struct door *d)
{
    const struct serve_options *o = d->options;
    const char **arg = calloc(ARGS_FIXED + 2 * o->n_set, sizeof *arg);
    size_t n = 0;
    if (!arg)
        return NULL;
    arg[n++] = "posse";
    arg[n++] = "serve";
    arg[n++] = "--milter-child";
    arg[n++] = "--home";
    arg[n++] = o->home;
    if (o->model) {
        arg[n++] = "--model";
        arg[n++] = o->model;
    }
    if (o->config_path) {
        arg[n++] = "--config";
        arg[n++] = o->config_path;
    }
    for (size_t i = 0; i < o->n_set; i++) {
        arg[n++] = "--set";
        arg[n++] = o->set[i];
    }
    return arg;
}

static int spawn(struct child *c, struct life *l)
{
    struct door *d = c->door;
    const char **arg = arguments(d);
    uv_stdio_container_t io[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = c->fd},
        {.flags = UV_INHERIT_FD, .data.fd = counters_fd(gate_counters(d->gate))},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&l->control},
    };
    uv_process_options_t o = {.file = d->program, .args = (char **)arg, .exit_cb = on_exit_of, .flags = UV_PROCESS_DETACHED,
                              .stdio = io, .stdio_count = sizeof io / sizeof *io};
    l->process.data = l->control.data = l;
    uv_pipe_init(d->loop, &l->control, 0);
    int err = arg ? uv_spawn(d->loop, &l->process, &o) : UV_ENOMEM;
    l->n_handles = 2; /* also when it failed, the handles are to be closed */
    d->n_handles += 2;
    free(arg);
    return err;
}

static void start_child(struct child *c)
{
    struct life *l = calloc(1, sizeof *l);
    c->started_ms = uv_now(c->door->loop);
    if (!l) {
        start_later(c);
        return;
    }
    l->child = c;
    c->life = l;
    int err = spawn(c, l);
    if (!err)
        return;
    log_event(gate_log(c->door->gate), LOG_ERROR, "milter_not_started", "error", uv_strerror(err), NULL);
    close_life(l);
    start_later(c);
}

static void on_again(uv_timer_t *t) { start_child(t->data); }

static void tell(struct child *c, char what)
{
    uv_buf_t b = uv_buf_init(&what, 1);
    if (c->life) /* one that does not listen is dead, which is heard of elsewhere */
        uv_try_write((uv_stream_t *)&c->life->control, &b, 1);
}

static void reload(struct door *d)
{
    for (size_t i = 0; i < d->n; i++)
        tell(&d->child[i], MILTER_RELOAD);
}

static void stop(struct door *d)
{
    if (d->is_stopping)
        return;
    d->is_stopping = true;
    for (size_t i = 0; i < d->n; i++) {
        uv_timer_stop(&d->child[i].again);
        tell(&d->child[i], MILTER_STOP_NOW);
        close(d->child[i].fd);
    }
}

static bool is_idle(struct door *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->child[i].life)
            return false;
    return true;
}

static void door_free(struct door **door)
{
    struct door *d = *door;
    if (!d)
        return;
    stop(d);
    d->is_freed = true;
    for (size_t i = 0; i < d->n; i++) {
        struct child *c = &d->child[i];
        if (c->life) {
            uv_process_kill(&c->life->process, SIGKILL);
            close_life(c->life);
        }
        uv_close((uv_handle_t *)&c->again, on_timer_closed);
    }
    *door = NULL;
}

static int start(const struct door_context *ctx, struct door **out, struct report *why)
{
    struct door *d = calloc(1, sizeof *d);
    size_t size = PATH_BYTES;
    struct child *children = calloc(ctx->n_fd ? ctx->n_fd : 1, sizeof *children);
    int err = d && children ? uv_exepath(d->program, &size) : UV_ENOMEM;
    if (err) {
        for (size_t i = 0; i < ctx->n_fd; i++)
            close(ctx->fd[i]);
        free(children);
        free(d);
        return report_set(why, POSSE_EIO, "milter: %s", uv_strerror(err));
    }
    if (access(d->program, X_OK) < 0) /* it lies where who we became may not go (a build under /root): this needs no path */
        snprintf(d->program, sizeof d->program, "/proc/self/exe");
    d->loop = ctx->loop;
    d->gate = ctx->gate;
    d->options = ctx->options;
    d->child = children;
    d->n = ctx->n_fd;
    for (size_t i = 0; i < d->n; i++) {
        struct child *c = &children[i];
        *c = (struct child){.door = d, .fd = ctx->fd[i], .backoff_ms = BACKOFF_MS};
        uv_timer_init(d->loop, &c->again);
        c->again.data = c;
        d->n_handles++;
        start_child(c);
    }
    *out = d;
    return POSSE_OK;
}

static const char *const listen_keys[] = {"milter.listen", NULL};
const struct door_ops door_milter = {"milter", listen_keys, start, reload, stop, is_idle, door_free};
