/* The gate: opening and closing, and the way of a message through it. */
#include "serve/gate.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/gate_priv.h"
#include "store/home.h"

enum { COUNT_BITS = 10 /* verdicts of one millisecond */ };
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* ascending, and none that is read as another */

int64_t gate_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

int64_t gate_steady_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t); /* sleep counts: mail grows older meanwhile, and nothing has jumped */
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- opening ---- */

static unsigned threads_of(const struct config *c)
{
    int64_t set = config_int(c, "serve.threads");
    cpu_set_t cpus;
    if (set > 0)
        return (unsigned)set;
    int n = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    return n > 0 ? (unsigned)n : 1;
}

static char *join(const char *home, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", home, name) < 0 ? NULL : path;
}

static int open_paths(struct gate *g, const struct gate_options *o, struct report *why)
{
    if (!o->home)
        return report_set(why, POSSE_EINVAL, "the gate needs a home");
    g->home = strdup(o->home);
    g->history_path = join(o->home, "events.db");
    g->quarantine_path = join(o->home, "quarantine");
    g->rules_path = join(o->home, "rules");
    if (!g->home || !g->history_path || !g->quarantine_path || !g->rules_path)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    return home_prepare(o->home, why);
}

static int open_engine(struct gate *g, const struct gate_options *o, const struct config *c, struct report *why)
{
    bool is_empty = o->model && !o->model[0];
    struct engine_options e = {.home = g->home, .prior = o->model, .is_empty = is_empty, .is_served = true, .make_home = true,
                               .horizon_ms = o->is_reader ? 0 : config_int(c, "store.horizon") * 1000,
                               .ham_loss = config_float(c, "filter.ham_loss")};
    if (is_empty)
        e.prior = NULL;
    return engine_open(&e, &g->engine, why);
}

static int open_slots(struct gate *g, unsigned n, struct report *why)
{
    g->slot = calloc(n, sizeof *g->slot);
    int err = g->slot ? slot_init(g, &g->teacher) : POSSE_ENOMEM;
    for (; !err && g->n_slots < n; g->n_slots++) {
        struct gate_slot *s = &g->slot[g->n_slots];
        err = slot_init(g, s);
        s->next = g->idle;
        g->idle = s;
    }
    return err ? report_set(why, err, "out of memory for %u workers; set serve.threads lower", n) : POSSE_OK;
}

static int open_all(struct gate *g, const struct gate_options *o, struct config **config, struct report *why)
{
    uint8_t secret[22];
    if (getrandom(secret, sizeof secret, 0) != sizeof secret)
        return report_errno(why, "draw random numbers", "getrandom");
    for (size_t i = 0; i + 1 < sizeof g->salt; i++)
        g->salt[i] = digits[secret[16 + i] & 31];
    unsigned n = threads_of(*config);
    struct house *h = NULL;
    int err = open_paths(g, o, why);
    if (!err && !(g->caps = caps_new(secret)))
        err = report_set(why, POSSE_ENOMEM, "out of memory");
    if (!err)
        err = open_engine(g, o, *config, why);
    if (!err) {
        err = house_new(g, *config, &h, why);
        *config = NULL;
    }
    if (!err)
        house_enter(g, h);
    if (!err)
        err = open_slots(g, n, why);
    if (!err)
        err = history_new(g->history_path, g->counters, g->log, &g->history, why);
    if (!err)
        err = watch_open(g, why);
    return err;
}

int gate_open(const struct gate_options *o, struct gate **out, struct report *why)
{
    struct config *config = (struct config *)o->config;
    struct gate *g = calloc(1, sizeof *g);
    *out = NULL;
    if (!g) {
        config_free(&config);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    g->counters = o->counters;
    g->log = o->log;
    g->is_reader = o->is_reader;
    g->started_ms = gate_now_ms();
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->teaching, NULL);
    pthread_mutex_init(&g->keeping, NULL);
    pthread_mutex_init(&g->counting, NULL);
    pthread_cond_init(&g->returned, NULL);
    int err = open_all(g, o, &config, why);
    config_free(&config);
    if (err)
        gate_close(&g, NULL);
    else
        g->saved_generation = engine_generation(g->engine);
    *out = g;
    return err;
}

int gate_close(struct gate **gp, struct report *why)
{
    if (!gp || !*gp)
        return POSSE_OK;
    struct gate *g = *gp;
    pthread_mutex_lock(&g->lock);
    while (g->n_out)
        pthread_cond_wait(&g->returned, &g->lock);
    pthread_mutex_unlock(&g->lock);
    history_free(&g->history);
    watch_close(g);
    for (unsigned i = 0; g->slot && i < g->n_slots; i++)
        slot_deinit(g, &g->slot[i]);
    slot_deinit(g, &g->teacher);
    free(g->slot);
    int err = engine_close(&g->engine, why);
    houses_free(g);
    caps_free(&g->caps);
    events_close(&g->events);
    quarantine_close(&g->quarantine);
    pthread_cond_destroy(&g->returned);
    pthread_mutex_destroy(&g->counting);
    pthread_mutex_destroy(&g->keeping);
    pthread_mutex_destroy(&g->teaching);
    pthread_mutex_destroy(&g->lock);
    free(g->home);
    free(g->history_path);
    free(g->quarantine_path);
    free(g->rules_path);
    free(g);
    *gp = NULL;
    return err;
}

int gate_reload(struct gate *g, struct config *config, struct report *why)
{
    struct house *h;
    int err = house_new(g, config, &h, why);
    if (err)
        return err;
    house_enter(g, h);
    slots_clear(g);
    watch_reload(g);
    return POSSE_OK;
}

struct counters *gate_counters(struct gate *g) { return g->counters; }
struct log *gate_log(struct gate *g) { return g->log; }
const char *gate_home(const struct gate *g) { return g->home; }

/* ---- judging ---- */

/* Milliseconds and a count, never the same twice and never going back, then the process's salt. */
void gate_new_id(struct gate *g, char out[24])
{
    uint64_t last = atomic_load(&g->last_id), next, now = (uint64_t)gate_now_ms() << COUNT_BITS;
    do
        next = now > last ? now : last + 1;
    while (!atomic_compare_exchange_weak(&g->last_id, &last, next));
    for (int i = 0; i < 11; i++)
        out[i] = digits[next >> (5 * (10 - i)) & 31];
    memcpy(out + 11, g->salt, sizeof g->salt);
}

static int judge(struct gate *g, struct gate_slot *s, const struct gate_request *r, struct report *why)
{
    struct gate_answer *a = &s->answer;
    double from = seconds_now();
    int err = engine_read(s->worker, r->raw, &r->env, &s->reading);
    if (!err)
        gate_watch(g, s, r);
    if (!err)
        err = engine_decide(s->worker, s->reading, ENGINE_EXPLAIN, &a->verdict);
    if (err)
        return report_set(why, err, "the message could not be judged: %s", posse_strerror(err));
    a->reading = s->reading;
    a->message = reading_message(s->reading);
    gate_new_id(g, a->id);
    err = gate_act(g, s, r, why);
    if (err)
        return err;
    bool is_hit = a->would != ACTION_NONE || a->n_remove;
    if (is_hit && gate_was_released(g, s, r)) {
        a->action = a->would = ACTION_NONE;
        a->n_remove = 0;
        for (size_t i = 0; i < a->n_recipients; i++)
            ((struct gate_recipient *)a->recipient)[i].action = ACTION_NONE;
    }
    gate_keep(g, s, r);
    gate_tell(g, s, r);
    a->seconds = seconds_now() - from;
    counters_time(g->counters, r->door, a->seconds);
    return POSSE_OK;
}

int gate_judge(struct gate *g, const struct gate_request *r, struct gate_answer **out, struct report *why)
{
    struct gate_slot *s;
    *out = NULL;
    int err = slot_take(g, &s, why);
    if (!err) {
        s->door = r->door;
        counters_add(g->counters, r->door, METRIC_IN_WORK, 1);
        err = judge(g, s, r, why);
        if (!err) {
            gate_record(g, s, r);
            *out = &s->answer;
            return POSSE_OK;
        }
        counters_add(g->counters, r->door, METRIC_IN_WORK, -1);
        slot_give(g, s);
    }
    counters_add(g->counters, r->door, METRIC_TROUBLE, 1);
    log_event(g->log, LOG_ERROR, "trouble", "door", door_name(r->door), "why", why ? why->text : posse_strerror(err), NULL);
    return err;
}

void gate_done(struct gate *g, struct gate_answer **a)
{
    if (!a || !*a)
        return;
    struct gate_slot *s = (struct gate_slot *)*a;
    *a = NULL;
    counters_add(g->counters, s->door, METRIC_IN_WORK, -1);
    slot_give(g, s);
}

enum policy_trouble gate_trouble(struct gate *g, const struct gate_request *r)
{
    struct house *h = house_hold(g);
    enum policy_trouble t = policy_trouble(policies_find(h->policies, r->who, r->env.n_rcpt ? r->env.rcpt[0] : SPAN_NONE));
    for (size_t i = 1; i < r->env.n_rcpt && t == TROUBLE_ACCEPT; i++)
        t = policy_trouble(policies_find(h->policies, r->who, r->env.rcpt[i]));
    house_drop(g, &h);
    return t;
}

/* Ham has none: how near it came to spam is nobody's business. */
unsigned gate_level(const struct gate_answer *a)
{
    const struct verdict *v = &a->verdict;
    if (v->klass == VERDICT_HAM)
        return 0;
    double beyond = (v->bits - v->threshold_bits) / 6;
    return beyond < 4 ? 5 + (unsigned)(beyond > 0 ? beyond : 0) : 9;
}
