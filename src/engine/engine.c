#include "engine/engine_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/digest.h"
#include "filter/explain.h"

enum { ARENA_BYTES = 96 * 1024 * 1024 };

#ifndef POSSE_DATADIR
#define POSSE_DATADIR "/usr/share/posse"
#endif

const char *engine_shipped_path(const char *file)
{
    static const char *const places[] = {POSSE_DATADIR, "/usr/share/posse", "/usr/local/share/posse"};
    static _Thread_local char path[4096 + 128];
    /* beside the program, when it runs from its build folder */
    ssize_t n = readlink("/proc/self/exe", path, 4096);
    for (int up = 0; n > 0 && up < 3; up++) {
        while (n > 0 && path[n - 1] != '/')
            n--;
        snprintf(path + n, 128, "models/%s", file);
        if (access(path, R_OK) == 0)
            return path;
        n--;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s/models/%s", places[i], file);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

const char *engine_prior_path(void)
{
    const char *env = getenv("POSSE_MODEL");
    return env && *env ? env : engine_shipped_path("default.posse");
}

static int open_prior(struct engine *e, const struct engine_options *o, struct report *why)
{
    if (o->is_empty)
        return POSSE_OK;
    const char *path = o->prior ? o->prior : engine_prior_path();
    if (!path)
        return report_set(why, POSSE_ENOENT, "the model that ships was not found: name it with --model FILE or $POSSE_MODEL, "
                                             "or start without one with --empty");
    int err = snapshot_open(path, SNAPSHOT_PRIOR, &e->prior_file, why);
    if (err)
        return err;
    return prior_open(snapshot_get(e->prior_file, "prior.head"), snapshot_get(e->prior_file, "prior.weights"),
                      snapshot_get(e->prior_file, "prior.calib"), path, &e->prior, why);
}

static int make_home(const char *home, struct report *why)
{
    struct stat st;
    if (stat(home, &st) == 0) {
        if (!S_ISDIR(st.st_mode))
            return report_set(why, POSSE_EINVAL, "%s: is not a folder: choose another --home", home);
        return POSSE_OK;
    }
    if (mkdir(home, 0700) == 0)
        return POSSE_OK;
    return report_errno(why, "make the state folder", home);
}

static int open_home(struct engine *e, const struct engine_options *o, struct report *why)
{
    if (!o->home)
        return POSSE_OK;
    if (!o->make_home && access(o->home, F_OK) != 0)
        return POSSE_OK;
    int err = make_home(o->home, why);
    if (err)
        return err;
    e->home = strdup(o->home);
    if (!e->home)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    struct buf path;
    buf_init(&path, 8192);
    buf_add_fmt(&path, "%s/lessons.db", e->home);
    buf_add_byte(&path, 0);
    bool there = access((const char *)path.p, F_OK) == 0;
    if (there || o->make_home)
        err = lessons_open((const char *)path.p, &e->lessons, why);
    buf_deinit(&path);
    e->is_stale = e->lessons; /* nothing is folded yet */
    return err ? err : e->lessons ? engine_follow(e, why) : POSSE_OK;
}

static int open_rules(struct engine *e, const struct engine_options *o, struct report *why)
{
    if (o->n_rules == 0)
        return POSSE_OK;
    struct rules_options r = {.list_bits = o->list_bits > 0 ? o->list_bits : 30, .cache_dir = o->rules_cache};
    return rules_load(o->rules, o->n_rules, &r, &e->rules, why);
}

/* Many deciders may always overlap: a teacher must not wait for a moment without any. */
static void init_locks(struct engine *e)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&e->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    pthread_mutex_init(&e->order, NULL);
}

int engine_open(const struct engine_options *o, struct engine **out, struct report *why)
{
    *out = NULL;
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    init_locks(e);
    e->is_frozen = o->is_frozen;
    e->is_served = o->is_served;
    e->is_long = o->is_long || o->is_served;
    e->horizon_ms = o->horizon_ms;
    e->save_lessons = o->save_lessons;
    e->ham_loss = o->ham_loss > 0 ? o->ham_loss : 0.001;
    int err = open_prior(e, o, why);
    if (!err && !(e->model = model_new(e->prior)))
        err = report_set(why, POSSE_ENOMEM, "out of memory for the model's tables");
    e->shown = e->model;
    if (!err)
        err = open_home(e, o, why);
    if (!err)
        err = open_rules(e, o, why);
    if (!err)
        e->is_silent = e->is_frozen && model_lessons(e->model) == 0;
    if (err)
        engine_close(&e, NULL);
    *out = e;
    return err;
}

/* Only what was taught here is worth an error: who merely judged with another's home need not be able to write there. */
static int close_lessons(struct engine *e, struct report *why)
{
    int err = POSSE_OK;
    if (e->taught_ms && e->horizon_ms)
        err = engine_seal(e, e->taught_ms - e->horizon_ms, why);
    if (!err && e->is_stale && (e->taught_ms || e->is_moved))
        err = engine_follow(e, why);
    if (!err && e->is_moved)
        err = engine_save(e, e->taught_ms ? why : NULL);
    return e->taught_ms ? err : POSSE_OK;
}

int engine_close(struct engine **ep, struct report *why)
{
    if (!ep || !*ep)
        return POSSE_OK;
    struct engine *e = *ep;
    int err = POSSE_OK;
    if (e->in_batch)
        lessons_rollback(e->lessons);
    else if (e->lessons && !e->is_frozen)
        err = close_lessons(e, why);
    rules_free(&e->rules);
    lessons_close(&e->lessons);
    if (e->shown != e->model)
        model_free(&e->shown);
    model_free(&e->model);
    snapshot_close(&e->shown_file);
    snapshot_close(&e->model_file);
    prior_free(&e->prior);
    snapshot_close(&e->prior_file);
    pthread_rwlock_destroy(&e->lock);
    pthread_mutex_destroy(&e->order);
    free(e->home);
    free(e);
    *ep = NULL;
    return err;
}

struct engine_worker *engine_worker_new(struct engine *e)
{
    struct engine_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->e = e;
    w->parser = mail_parser_new(NULL);
    w->arena = arena_new(ARENA_BYTES);
    w->extractor = extractor_new();
    buf_init(&w->code, 1 << 20);
    if (engine_worker_rules(w, e->rules) || !w->parser || !w->arena || !w->extractor)
        engine_worker_free(&w);
    return w;
}

int engine_worker_rules(struct engine_worker *w, const struct rules *rules)
{
    rules_scratch_free(&w->scratch);
    w->rules = NULL;
    if (rules && !(w->scratch = rules_scratch_new(rules)))
        return POSSE_ENOMEM;
    w->rules = rules;
    return POSSE_OK;
}

void engine_worker_free(struct engine_worker **wp)
{
    if (!wp || !*wp)
        return;
    struct engine_worker *w = *wp;
    rules_scratch_free(&w->scratch);
    extractor_free(&w->extractor);
    arena_free(&w->arena);
    mail_parser_free(&w->parser);
    buf_deinit(&w->code);
    free(w);
    *wp = NULL;
}

void engine_worker_engine(struct engine_worker *w, struct engine *e) { w->e = e; }

static int extract_it(struct engine_worker *w, const struct reading *r, struct extracted *out)
{
    struct extract_what what = {.with_notes = w->with_notes, .general_only = w->e->is_silent};
    return extract(w->extractor, w->parser, w->arena, r->m, r->env, what, out);
}

int engine_read(struct engine_worker *w, struct span raw, const struct envelope *env, struct reading **out)
{
    struct reading *r = &w->reading;
    arena_reset(w->arena);
    *r = (struct reading){.env = env};
    struct message *m;
    int err = message_parse(w->parser, w->arena, raw, &m);
    if (err)
        return err;
    r->m = m;
    struct extracted x;
    err = extract_it(w, r, &x);
    if (err)
        return err;
    r->set = x.set;
    r->text = x.text;
    r->note = x.note;
    if (w->rules) {
        size_t most = rules_n(w->rules);
        r->hit = arena_alloc(w->arena, most * sizeof *r->hit);
        if (!r->hit)
            return POSSE_ELIMIT;
        r->n_hits = rules_match(w->rules, w->scratch, w->parser, w->arena, m, env, r->hit, most);
    }
    *out = r;
    return POSSE_OK;
}

void engine_evidence(struct reading *r, enum reason_kind kind, double bits, const char *text)
{
    r->outside.kind = kind;
    r->outside.bits = bits;
    r->outside.text = text;
}

const struct message *reading_message(const struct reading *r) { return r->m; }
const struct feature_set *reading_features(const struct reading *r) { return &r->set; }

const uint8_t *reading_digest(struct reading *r)
{
    if (!r->has_digest)
        digest_message(r->m, r->digest);
    r->has_digest = true;
    return r->digest;
}

/* 1 / (1 + 2^-bits) without libm's last bit. */
static double probability(double bits)
{
    double x = bits < 0 ? -bits : bits;
    if (x > 1000)
        x = 1000;
    double p = 1;
    int whole = (int)x;
    double part = x - whole;
    /* 2^part by its series: e^(part ln 2), 16 terms are beyond double precision here */
    double term = 1, sum = 1;
    for (int k = 1; k < 18; k++) {
        term = term * (part * 0.6931471805599453) / k;
        sum += term;
    }
    for (int k = 0; k < whole; k++)
        sum *= 2;
    p = 1 / (1 + sum);
    return bits < 0 ? p : 1 - p;
}

/* Reads the features again where nobody foresaw that reasons would be asked for. */
static bool take_notes(struct engine_worker *w, struct reading *r)
{
    struct extracted x;
    if (r->note)
        return true;
    w->with_notes = true;
    if (extract_it(w, r, &x))
        return false;
    r->set = x.set;
    r->text = x.text;
    r->note = x.note;
    return true;
}

static void explain(struct engine_worker *w, struct reading *r, const double *bits, struct verdict *out)
{
    struct explain_in in = {.m = r->m, .text = &r->text, .note = r->note, .bits = bits, .n = r->set.start[VIEW_N], .hit = r->hit,
                            .n_hits = r->n_hits, .total_bits = out->bits, .threshold_bits = out->threshold_bits};
    struct explained why[EXPLAIN_REASONS], outside = {r->outside.kind, r->outside.bits, r->outside.text, 0, SPAN_NONE};
    if (r->outside.text)
        in.outside = &outside;
    out->n_reasons = explain_reasons(w->arena, &in, why, &out->flip);
    for (size_t i = 0; i < out->n_reasons; i++)
        out->reason[i] = (struct reason){why[i].kind, why[i].bits, why[i].text, why[i].part, why[i].where};
}

/* Makes ready what deciding needs after the model moved: a fold that lost lessons, the threshold. */
static int settle(struct engine *e)
{
    if (atomic_load(&e->is_stale) && !e->is_served) {
        pthread_mutex_lock(&e->order);
        int err = e->lessons && atomic_load(&e->is_stale) ? engine_follow(e, NULL) : POSSE_OK;
        pthread_mutex_unlock(&e->order);
        if (err)
            return err;
    }
    pthread_rwlock_wrlock(&e->lock);
    if (!atomic_load(&e->is_settled))
        model_threshold(e->shown, e->ham_loss, &e->threshold);
    atomic_store(&e->is_settled, true);
    pthread_rwlock_unlock(&e->lock);
    return POSSE_OK;
}

int engine_decide(struct engine_worker *w, struct reading *r, unsigned flags, struct verdict *out)
{
    struct engine *e = w->e;
    double *share = NULL; /* of each feature in the score */
    if (flags & ENGINE_EXPLAIN && take_notes(w, r))
        share = arena_alloc(w->arena, r->set.start[VIEW_N] * sizeof *share + 1);
    for (;;) {
        pthread_rwlock_rdlock(&e->lock);
        if (atomic_load(&e->is_settled) && (e->is_served || !atomic_load(&e->is_stale)))
            break;
        pthread_rwlock_unlock(&e->lock);
        int err = settle(e);
        if (err)
            return err;
    }
    struct model_score s;
    if (share)
        model_explain(e->shown, &r->set, &s, share);
    else
        model_score(e->shown, &r->set, &s);
    double bits = s.bits + r->outside.bits;
    for (size_t i = 0; i < r->n_hits; i++)
        bits += r->hit[i].bits;
    *out = (struct verdict){
        .bits = bits, .probability = probability(bits), .threshold_bits = e->threshold.bits,
        .klass = bits >= e->threshold.bits ? VERDICT_SPAM : VERDICT_HAM, .ham_loss_lo = e->threshold.ham_loss_lo,
        .ham_loss = e->threshold.ham_loss, .ham_loss_hi = e->threshold.ham_loss_hi};
    pthread_rwlock_unlock(&e->lock);
    if (share)
        explain(w, r, share, out);
    return POSSE_OK;
}

void engine_threshold(struct engine *e, double ham_loss, struct model_threshold *out)
{
    pthread_rwlock_rdlock(&e->lock);
    model_threshold(e->shown, ham_loss, out);
    pthread_rwlock_unlock(&e->lock);
}

void engine_ham_loss(struct engine *e, double ham_loss)
{
    pthread_rwlock_wrlock(&e->lock);
    e->ham_loss = ham_loss;
    atomic_store(&e->is_settled, false);
    pthread_rwlock_unlock(&e->lock);
}

uint64_t engine_generation(struct engine *e) { return atomic_load(&e->generation); }

struct lessons *engine_lessons(struct engine *e) { return e->lessons; }
