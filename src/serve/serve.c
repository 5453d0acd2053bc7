/* serve: the daemon's life. What happens before there is anything hostile is in serve_setup.c.
 *
 * The loop (libuv) is this thread's: signals, timers, doors that want it. Judging, the gate's tick and reloading are work for
 * its pool. Stopping: doors are told to stop, the loop runs on until all are idle or limits.grace is over, then they are freed,
 * the loop runs until their handles are closed, and only then the gate is closed. */
#include "serve/serve.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/notify.h"
#include "serve/serve_setup.h"
#include "serve/sockets.h"
#include "store/home.h"

enum { DOORS_MAX = 16, SIGNALS = 4, TICK_MS = 1000, DRAIN_MS = 10 };

struct running { const struct door_ops *ops; struct door *door; };

struct serve {
    const struct serve_options *o;
    struct config *config;        /* until the gate has it */
    struct config *first;         /* as it was at the start: what a reload cannot change is told from it */
    struct privilege who;
    struct notify notify;
    struct sockets *sockets;
    struct counters *counters;
    struct log *log;
    struct gate *gate;
    struct running door[DOORS_MAX];
    size_t n_doors;
    unsigned threads;
    unsigned long descriptors;    /* how many this process may have */
    int lock;
    char status[400];             /* for systemd and the log: where it listens */

    uv_loop_t loop;
    bool has_loop;
    uv_signal_t signal[SIGNALS];
    uv_timer_t tick, drain, watchdog;
    uv_work_t tick_work, reload_work, count_work;
    bool is_ticking, is_counting, is_reloading, reload_again, is_stopping;
    uint64_t deadline_ms;         /* of the grace, by uv_now */
    struct report reload_why;
    int reload_rc;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- each second ---- */

static void tick_do(uv_work_t *w)
{
    struct serve *s = w->data;
    gate_tick(s->gate, now_ms(), gate_steady_ms());
}

static void tick_done(uv_work_t *w, int status)
{
    (void)status;
    ((struct serve *)w->data)->is_ticking = false;
}

static void on_tick(uv_timer_t *t)
{
    struct serve *s = t->data;
    if (s->is_ticking) /* pruning a big home may take longer */
        return;
    s->tick_work.data = s;
    s->is_ticking = uv_queue_work(&s->loop, &s->tick_work, tick_do, tick_done) == 0;
}

static void on_watchdog(uv_timer_t *t) { notify_watchdog(&((struct serve *)t->data)->notify); }

/* ---- USR1, on a worker: counting lessons may wait for one that is being taught ---- */

static int64_t sum(const struct serve *s, enum metric m)
{
    int64_t n = 0;
    for (int d = 0; d < DOORS; d++)
        n += counters_get(s->counters, (enum metric_door)d, m);
    return n;
}

static void statistics_do(uv_work_t *w)
{
    struct serve *s = w->data;
    enum { N = 10 };
    char text[N][24];
    struct gate_stat g;
    gate_stat(s->gate, &g);
    const int64_t value[N] = {
        (now_ms() - g.started_ms) / 1000, sum(s, METRIC_CONNECTIONS), sum(s, METRIC_OPEN_CONNECTIONS), sum(s, METRIC_MESSAGES),
        sum(s, METRIC_SPAM), sum(s, METRIC_HAM), sum(s, METRIC_TROUBLE), sum(s, METRIC_PROTOCOL_ERRORS),
        sum(s, METRIC_QUARANTINED), g.lessons};
    for (int i = 0; i < N; i++)
        snprintf(text[i], sizeof text[i], "%" PRId64, value[i]);
    log_event(s->log, LOG_NOTICE, "statistics", "seconds", text[0], "connections", text[1], "open", text[2], "messages", text[3],
              "spam", text[4], "ham", text[5], "trouble", text[6], "protocol_errors", text[7], "quarantined", text[8], "lessons",
              text[9], NULL);
}

static void statistics_done(uv_work_t *w, int status)
{
    (void)status;
    ((struct serve *)w->data)->is_counting = false;
}

static void log_statistics(struct serve *s)
{
    s->count_work.data = s;
    if (!s->is_counting)
        s->is_counting = uv_queue_work(&s->loop, &s->count_work, statistics_do, statistics_done) == 0;
}

/* ---- HUP ---- */

static bool lists_differ(const struct config *a, const struct config *b, const char *key)
{
    const char *const *x, *const *y;
    size_t n = config_list(a, key, &x);
    if (config_list(b, key, &y) != n)
        return true;
    for (size_t i = 0; i < n; i++)
        if (strcmp(x[i], y[i]) != 0)
            return true;
    return false;
}

/* What a reload cannot change is said, so that nobody wonders. */
static void log_unchanged(struct serve *s, const struct config *old, const struct config *new)
{
    static const char *const texts[] = {"serve.user", "serve.socket_mode", "serve.socket_group", "log.level", "log.format"};
    static const char *const numbers[] = {"serve.threads", "limits.log_lines"};
    const char *role[SERVE_ROLES_MAX + 1];
    serve_roles(role);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(config_string(old, texts[i]), config_string(new, texts[i])) != 0)
            log_event(s->log, LOG_WARNING, "needs_restart", "key", texts[i], NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (config_int(old, numbers[i]) != config_int(new, numbers[i]))
            log_event(s->log, LOG_WARNING, "needs_restart", "key", numbers[i], NULL);
    for (size_t i = 0; role[i]; i++)
        if (lists_differ(old, new, role[i]))
            log_event(s->log, LOG_WARNING, "needs_restart", "key", role[i], NULL);
}

/* On a worker: rules may take seconds to compile. */
static void reload_do(uv_work_t *w)
{
    struct serve *s = w->data;
    struct config *c = NULL;
    s->reload_why = (struct report){0};
    s->reload_rc = serve_settings(s->o, &c, &s->reload_why);
    if (s->reload_rc)
        return;
    s->reload_rc = gate_reload(s->gate, c, &s->reload_why);
    if (s->reload_rc)
        return;
    const struct config *now = gate_config(s->gate);
    log_unchanged(s, s->first, now);
    gate_config_done(s->gate, now);
}

static void reload(struct serve *s);

static void reload_done(uv_work_t *w, int status)
{
    (void)status;
    struct serve *s = w->data;
    s->is_reloading = false;
    if (s->reload_rc) {
        log_event(s->log, LOG_ERROR, "reload_failed", "why", s->reload_why.text, "now", "as before", NULL);
    } else {
        for (size_t i = 0; i < s->n_doors && !s->is_stopping; i++)
            if (s->door[i].ops->reload)
                s->door[i].ops->reload(s->door[i].door);
        log_event(s->log, LOG_NOTICE, "reloaded", NULL);
    }
    if (s->reload_again) {
        s->reload_again = false;
        reload(s);
    } else if (!s->is_stopping) {
        notify_ready(&s->notify, s->status);
    }
}

static void reload(struct serve *s)
{
    if (s->is_stopping)
        return;
    if (s->is_reloading) {
        s->reload_again = true;
        return;
    }
    notify_reloading(&s->notify);
    s->reload_work.data = s;
    s->is_reloading = uv_queue_work(&s->loop, &s->reload_work, reload_do, reload_done) == 0;
}

/* ---- TERM and INT ---- */

static bool all_idle(const struct serve *s)
{
    for (size_t i = 0; i < s->n_doors; i++)
        if (!s->door[i].ops->is_idle(s->door[i].door))
            return false;
    return true;
}

static void on_drain(uv_timer_t *t)
{
    struct serve *s = t->data;
    bool idle = all_idle(s);
    if (!idle && uv_now(&s->loop) < s->deadline_ms)
        return;
    if (!idle)
        log_event(s->log, LOG_WARNING, "grace_over", "unfinished", "closed", NULL);
    uv_stop(&s->loop);
}

static void stop(struct serve *s, const char *signal)
{
    if (s->is_stopping) {
        s->deadline_ms = 0;
        return;
    }
    const struct config *c = gate_config(s->gate);
    uint64_t grace = (uint64_t)config_int(c, "limits.grace") * 1000;
    gate_config_done(s->gate, c);
    s->is_stopping = true;
    notify_stopping(&s->notify);
    log_event(s->log, LOG_NOTICE, "stopping", "signal", signal, NULL);
    for (size_t i = 0; i < s->n_doors; i++)
        s->door[i].ops->stop(s->door[i].door);
    s->deadline_ms = uv_now(&s->loop) + grace;
    uv_timer_start(&s->drain, on_drain, 0, DRAIN_MS);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct serve *s = handle->data;
    switch (number) {
    case SIGHUP: reload(s); break;
    case SIGUSR1: log_statistics(s); break;
    default: stop(s, number == SIGINT ? "INT" : "TERM");
    }
}

/* ---- starting ---- */

static int open_sockets(struct serve *s, struct report *why)
{
    char names[4096];
    const char *role[SERVE_ROLES_MAX + 1], *group = config_string(s->config, "serve.socket_group");
    const struct listening *l;
    bool changes = s->who.is_root && s->who.uid != 0;
    struct sockets_options o = {.config = s->config, .role = role, .mode = serve_socket_mode(s->config),
                                .uid = changes ? s->who.uid : (uid_t)-1, .gid = changes ? s->who.gid : (gid_t)-1};
    serve_roles(role);
    sockets_inherit(&o.inherited, names, sizeof names);
    int rc = *group ? privilege_group(group, &o.gid, why) : POSSE_OK;
    if (!rc)
        rc = sockets_open(&o, &s->sockets, why);
    if (!rc && sockets_all(s->sockets, &l) == 0)
        rc = report_set(why, POSSE_EINVAL, "no door is open: name addresses in posse.conf, spamd { listen = {\"127.0.0.1:783\"} } say "
                        "(`posse config --dump` shows all doors)");
    return rc;
}

/* Everything that needs root, then no root any more. The file of settings is read again: by the one who will reload it. */
static int become_servant(struct serve *s, struct report *why)
{
    int rc = privilege_find(config_string(s->config, "serve.user"), &s->who, why);
    if (!rc)
        rc = open_sockets(s, why);
    if (!rc)
        rc = serve_make_home(s->o->home, &s->who, why);
    if (!rc)
        rc = privilege_drop(&s->who, why);
    if (!rc)
        rc = serve_settings(s->o, &s->first, why);
    if (!rc)
        rc = home_prepare(s->o->home, why);
    if (!rc)
        rc = serve_lock(s->o->home, &s->lock, why);
    return rc;
}

static int open_gate(struct serve *s, struct report *why)
{
    const struct config *c = s->config;
    s->log = log_new(STDERR_FILENO, serve_log_level(c), strcmp(config_string(c, "log.format"), "json") == 0,
                     (unsigned)config_int(c, "limits.log_lines"));
    if (!s->log)
        return report_set(why, POSSE_ENOMEM, "log: out of memory");
    int rc = counters_open(-1, &s->counters, why);
    if (rc)
        return rc;
    struct gate_options o = {.home = s->o->home, .model = s->o->model, .config = s->config, .counters = s->counters, .log = s->log};
    s->config = NULL;
    return gate_open(&o, &s->gate, why);
}

/* One door with the sockets of its keys; one without any is closed. */
static int start_door(struct serve *s, const struct door_ops *ops, struct report *why)
{
    const struct listening *l;
    size_t n = sockets_all(s->sockets, &l), mine = 0;
    int *fd = calloc(n + 1, sizeof *fd);
    const char **role = calloc(n + 1, sizeof *role);
    int rc = fd && role ? POSSE_OK : report_set(why, POSSE_ENOMEM, "%s: out of memory", ops->name);
    for (size_t i = 0; i < n && !rc; i++)
        for (const char *const *key = ops->listen; *key; key++)
            if (strcmp(*key, l[i].role) == 0) {
                role[mine] = l[i].role;
                fd[mine++] = sockets_take(s->sockets, i);
            }
    struct door_context c = {.loop = &s->loop, .gate = s->gate, .fd = fd, .n_fd = mine, .role = role, .threads = s->threads,
                             .options = s->o};
    struct running *r = &s->door[s->n_doors];
    if (!rc && mine && !(rc = ops->start(&c, &r->door, why))) {
        r->ops = ops;
        s->n_doors++;
    }
    free(fd);
    free(role);
    return rc;
}

static int start_doors(struct serve *s, struct report *why)
{
    int rc = POSSE_OK;
    for (const struct door_ops *const *d = serve_doors; *d && !rc && s->n_doors < DOORS_MAX; d++)
        rc = start_door(s, *d, why);
    return rc;
}

static int start_loop(struct serve *s, struct report *why)
{
    char size[16];
    int64_t set = config_int(s->config, "serve.threads");
    s->threads = set > 0 ? (unsigned)set : uv_available_parallelism();
    snprintf(size, sizeof size, "%u", s->threads + 4); /* for ticks, reloads, statistics, and the lesson of the spamd door */
    setenv("UV_THREADPOOL_SIZE", size, 1);
    int rc = uv_loop_init(&s->loop);
    if (rc)
        return report_set(why, POSSE_EIO, "event loop: %s", uv_strerror(rc));
    s->has_loop = true;
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&s->loop, &s->signal[i]);
        s->signal[i].data = s;
    }
    uv_timer_init(&s->loop, &s->tick);
    uv_timer_init(&s->loop, &s->drain);
    uv_timer_init(&s->loop, &s->watchdog);
    s->tick.data = s->drain.data = s->watchdog.data = s;
    return POSSE_OK;
}

/* Once the gate is open: folding a home's lessons may take a minute, and TERM shall end that at once. */
static int start_signals(struct serve *s, struct report *why)
{
    static const int numbers[SIGNALS] = {SIGHUP, SIGTERM, SIGINT, SIGUSR1};
    int rc = 0;
    for (int i = 0; i < SIGNALS && !rc; i++)
        rc = uv_signal_start(&s->signal[i], on_signal, numbers[i]);
    return rc ? report_set(why, POSSE_EIO, "event loop: %s", uv_strerror(rc)) : POSSE_OK;
}

/* Each door may have that many connections; files and the rest need some more. */
static void check_descriptors(struct serve *s)
{
    enum { OTHERS = 128 };
    char have[24], want[24];
    unsigned long need = (unsigned long)config_int(s->first, "limits.connections") * s->n_doors + OTHERS;
    if (need <= s->descriptors)
        return;
    snprintf(have, sizeof have, "%lu", s->descriptors);
    snprintf(want, sizeof want, "%lu", need);
    log_event(s->log, LOG_WARNING, "few_descriptors", "have", have, "want", want, "why", "limits.connections of each door; raise LimitNOFILE",
              NULL);
}

/* "spamd.listen 127.0.0.1:783, ..." for systemd's status; a log line each; on stdout when asked. */
static void announce(struct serve *s)
{
    const struct listening *l;
    size_t n = sockets_all(s->sockets, &l), at = 0;
    char pid[16];
    for (size_t i = 0; i < n; i++) {
        int add = snprintf(s->status + at, sizeof s->status - at, "%s%s %s", i ? ", " : "", l[i].role, l[i].address);
        at = add < 0 || at + (size_t)add >= sizeof s->status ? at : at + (size_t)add;
        s->status[at] = '\0';
        log_event(s->log, LOG_NOTICE, "listening", "key", l[i].role, "address", l[i].address, "from",
                  l[i].is_inherited ? "systemd" : NULL, NULL);
        if (s->o->announce)
            printf("%s %s\n", l[i].role, l[i].address);
    }
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    log_event(s->log, LOG_NOTICE, "started", "version", POSSE_VERSION, "pid", pid, "home", s->o->home, NULL);
    if (s->o->announce) {
        puts("ready");
        fflush(stdout);
    }
    notify_ready(&s->notify, s->status);
}

/* ---- ending ---- */

/* Doors first, for their handles have callbacks; then what is ours. Work that is under way is waited for. */
static void end_loop(struct serve *s)
{
    s->is_stopping = true;
    if (s->has_loop) { /* a door may run the loop while it closes */
        uv_timer_stop(&s->tick);
        uv_timer_stop(&s->drain);
    }
    for (size_t i = 0; i < s->n_doors; i++)
        s->door[i].ops->free(&s->door[i].door);
    s->n_doors = 0;
    if (!s->has_loop)
        return;
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&s->signal[i], NULL);
    uv_close((uv_handle_t *)&s->tick, NULL);
    uv_close((uv_handle_t *)&s->drain, NULL);
    uv_close((uv_handle_t *)&s->watchdog, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

static int end(struct serve *s, int rc, struct report *why)
{
    end_loop(s);
    if (s->gate) {
        struct report closing = {0};
        int bad = gate_close(&s->gate, &closing);
        if (bad && !rc) {
            rc = bad;
            *why = closing;
        }
    }
    if (s->log && !rc)
        log_event(s->log, LOG_NOTICE, "stopped", NULL);
    counters_close(&s->counters);
    log_free(&s->log);
    sockets_close(&s->sockets);
    config_free(&s->config);
    config_free(&s->first);
    if (s->lock >= 0)
        close(s->lock);
    return rc;
}

int serve_run(const struct serve_options *o, struct report *why)
{
    struct serve s = {.o = o, .lock = -1};
    umask(077);
    signal(SIGHUP, SIG_IGN); /* until they mean something; they would end it */
    signal(SIGUSR1, SIG_IGN);
    notify_init(&s.notify);
    s.descriptors = serve_raise_limits();
    int rc = serve_settings(o, &s.config, why);
    if (!rc)
        rc = become_servant(&s, why);
    if (!rc)
        rc = start_loop(&s, why);
    if (!rc)
        rc = open_gate(&s, why);
    if (!rc)
        rc = start_signals(&s, why);
    if (!rc)
        rc = start_doors(&s, why);
    if (!rc) {
        check_descriptors(&s);
        announce(&s);
        uv_timer_start(&s.tick, on_tick, TICK_MS, TICK_MS);
        if (s.notify.watchdog_ms)
            uv_timer_start(&s.watchdog, on_watchdog, 0, s.notify.watchdog_ms / 2 ? s.notify.watchdog_ms / 2 : 1);
        uv_run(&s.loop, UV_RUN_DEFAULT);
    }
    return end(&s, rc, why);
}
