/* The model is a fold of the journal: this file is the only place that moves it.
 *
 * What stands in memory is the fold of the live lessons up to last_id, as they stood at `epoch`. It is good as long as
 * lessons_changed_since(epoch) names none up to last_id; otherwise it starts anew from the nearest fold on disk that is
 * good (engine_files.c). Other processes teach too: the epoch is read before folding, and again after. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/engine_priv.h"
#include "engine/relay.h"

/* A fold that is made aside is nobody's business until it is whole. */
void engine_hide_begin(struct engine *e)
{
    if (e->model == e->shown)
        pthread_rwlock_wrlock(&e->lock);
}

void engine_hide_end(struct engine *e)
{
    if (e->model != e->shown)
        return;
    atomic_store(&e->is_settled, false);
    atomic_fetch_add(&e->generation, 1);
    pthread_rwlock_unlock(&e->lock);
}

/* From here on the fold is made aside; deciders go on with what there is. Another one of 32 MB until show(). */
static int set_aside(struct engine *e, struct report *why)
{
    if (e->model != e->shown || model_lessons(e->model) == 0)
        return POSSE_OK; /* is aside already; or there is nothing to keep */
    struct model *m = model_new(e->prior);
    if (!m)
        return report_set(why, POSSE_ENOMEM, "out of memory for the model's tables");
    e->model = m;
    e->shown_file = e->model_file;
    e->model_file = NULL;
    return POSSE_OK;
}

static void show(struct engine *e)
{
    struct model *old = e->shown;
    if (old == e->model)
        return;
    pthread_rwlock_wrlock(&e->lock);
    e->shown = e->model;
    atomic_store(&e->is_settled, false);
    atomic_fetch_add(&e->generation, 1);
    pthread_rwlock_unlock(&e->lock);
    model_free(&old);
    snapshot_close(&e->shown_file);
}

/* Folding is two jobs of about the same length, so two threads do them: this one reads the journal, checks and decodes
 * the lessons and asks the prior, which no lesson moves; the other one moves the model by them, in their order. */
enum { FOLD_ARENA_BYTES = 4 << 20, FOLD_STOP = 1, FOLLOW_TRIES = 20, BATCH_LESSONS = 32, BATCHES = 4, MANY_LESSONS = 2500 };

struct batch {
    struct arena *arena;
    unsigned n;
    struct decoded {
        uint64_t id;
        bool is_spam, is_other; /* other: made by another version: kept in the journal, no longer part of the model */
        double prior_odds;
        struct feature_set set;
    } lesson[BATCH_LESSONS];
};

struct fold {
    struct engine *e;
    uint64_t up_to;       /* last id that may be folded */
    uint64_t target;      /* last id that will be; 0: no checkpoints on the way */
    struct batch *batch;  /* BATCHES of them */
    struct batch *now;    /* the one that is filled */
    struct relay relay;
    struct report *why;
};

static void fold_batch(void *ctx, unsigned piece)
{
    struct fold *f = ctx;
    struct batch *b = &f->batch[piece];
    for (unsigned i = 0; i < b->n; i++) {
        const struct decoded *d = &b->lesson[i];
        f->e->last_id = d->id;
        if (d->is_other)
            continue;
        engine_hide_begin(f->e);
        model_teach_with(f->e->model, &d->set, d->prior_odds, d->is_spam);
        engine_hide_end(f->e);
        f->e->is_moved = true;
        if (f->target)
            engine_checkpoint(f->e, f->target);
    }
}

static void next_batch(struct fold *f)
{
    f->now = &f->batch[relay_next(&f->relay)];
    f->now->n = 0;
    arena_reset(f->now->arena);
}

static int fold_one(void *ctx, const struct lesson *l)
{
    struct fold *f = ctx;
    if (l->id > f->up_to)
        return FOLD_STOP;
    if (f->now->n == BATCH_LESSONS) {
        relay_hand(&f->relay);
        next_batch(f);
    }
    struct decoded *d = &f->now->lesson[f->now->n];
    *d = (struct decoded){.id = l->id, .is_spam = l->klass == LESSON_SPAM};
    d->is_other = l->extractor != EXTRACTOR_VERSION || l->features.n == 0;
    struct reader in = reader_of(l->features);
    int err = d->is_other ? POSSE_OK : feature_decode(f->now->arena, &in, &d->set);
    if (err)
        return report_set(f->why, err, "%s/lessons.db: lesson %llu is damaged: `posse unlearn %llu` takes it out", f->e->home,
                          (unsigned long long)l->id, (unsigned long long)l->id);
    if (!d->is_other)
        d->prior_odds = model_prior_odds(f->e->model, &d->set);
    f->now->n++;
    return POSSE_OK;
}

static int fold_begin(struct fold *f)
{
    f->batch = calloc(BATCHES, sizeof *f->batch);
    for (unsigned i = 0; f->batch && i < BATCHES; i++)
        if (!(f->batch[i].arena = arena_new(FOLD_ARENA_BYTES)))
            return POSSE_ENOMEM;
    if (!f->batch)
        return POSSE_ENOMEM;
    relay_init(&f->relay, BATCHES, fold_batch, f);
    next_batch(f);
    return POSSE_OK;
}

static void fold_free(struct fold *f)
{
    for (unsigned i = 0; f->batch && i < BATCHES; i++)
        arena_free(&f->batch[i].arena);
    free(f->batch);
}

/* What is left; a fold of few lessons is done here and starts no thread. */
static void fold_end(struct fold *f)
{
    if (f->relay.has_thread)
        relay_hand(&f->relay);
    else
        fold_batch(f, (unsigned)(f->now - f->batch));
    relay_end(&f->relay);
}

static int last_one(void *ctx, const struct lesson *l)
{
    *(uint64_t *)ctx = l->id;
    return 1;
}

static uint64_t target_of(struct engine *e, uint64_t up_to)
{
    uint64_t last = 0;
    struct lesson_filter newest = LESSON_FILTER_ANY;
    newest.newest_first = newest.live_only = true;
    newest.limit = 1;
    if (lessons_each(e->lessons, &newest, false, last_one, &last, NULL) < 0)
        return 0;
    return last < up_to ? last : up_to;
}

/* Folds what comes after last_id, up to `up_to`. */
static int fold_on(struct engine *e, uint64_t up_to, struct report *why)
{
    struct fold f = {.e = e, .up_to = up_to, .target = e->in_batch ? 0 : target_of(e, up_to), .why = why};
    int err = fold_begin(&f);
    if (err) {
        fold_free(&f);
        return report_set(why, err, "out of memory");
    }
    if (f.target > e->last_id + MANY_LESSONS)
        engine_own(e);
    struct lesson_filter filter = LESSON_FILTER_ANY;
    filter.after_id = e->last_id;
    filter.live_only = true;
    err = lessons_each(e->lessons, &filter, true, fold_one, &f, why);
    fold_end(&f);
    fold_free(&f);
    return err == FOLD_STOP ? POSSE_OK : err;
}

/* Did one of the lessons up to id, the last that was folded, change; or has one beyond it been sealed? */
static int changed_up_to(struct engine *e, uint64_t id, bool *out, struct report *why)
{
    uint64_t oldest = 0, sealed = 0;
    int err = lessons_changed_since(e->lessons, e->epoch, &oldest, why);
    if (!err)
        err = lessons_sealed_up_to(e->lessons, &sealed, why);
    *out = !err && ((oldest && oldest <= id) || sealed > id);
    return err;
}

static int start_anew(struct engine *e, uint64_t up_to, struct report *why)
{
    if (e->last_id && !e->in_batch)
        engine_drop_checkpoints(e);
    int err = set_aside(e, why);
    return err ? err : engine_restart(e, up_to, why);
}

/* Brings the model to where the journal is, up to `up_to`. */
static int follow(struct engine *e, uint64_t up_to, struct report *why)
{
    for (int tries = 0; tries < FOLLOW_TRIES; tries++) {
        uint64_t before, after = 0;
        bool changed = false;
        int err = lessons_epoch(e->lessons, &before, why);
        if (!err && !e->is_stale)
            err = changed_up_to(e, e->last_id, &changed, why);
        if (!err && (e->is_stale || changed || e->last_id > up_to))
            err = start_anew(e, up_to, why);
        if (!err) {
            e->epoch = before;
            err = fold_on(e, up_to, why);
        }
        if (!err)
            err = lessons_epoch(e->lessons, &after, why);
        e->is_stale = err != 0;
        if (!err && before == after)
            show(e);
        if (err || before == after)
            return err;
    }
    e->is_stale = true;
    return report_set(why, POSSE_EBUSY, "%s/lessons.db: others change it all the time; try again", e->home);
}

int engine_follow(struct engine *e, struct report *why) { return follow(e, UINT64_MAX, why); }

int engine_fold_up_to(struct engine *e, uint64_t id, struct report *why)
{
    int err = follow(e, id, why);
    e->last_id = err ? e->last_id : id;
    return err;
}

/* ---- teaching ---- */

int engine_begin(struct engine *e, struct report *why)
{
    if (!e->lessons)
        return POSSE_OK;
    pthread_mutex_lock(&e->order);
    int err = lessons_begin(e->lessons, why);
    e->in_batch = !err;
    pthread_mutex_unlock(&e->order);
    return err;
}

int engine_commit(struct engine *e, struct report *why)
{
    if (!e->lessons)
        return POSSE_OK;
    pthread_mutex_lock(&e->order);
    int err = e->in_batch ? lessons_commit(e->lessons, why) : POSSE_OK;
    bool was_batch = e->in_batch;
    e->in_batch = false;
    if (err) /* none of it is kept, and its numbers will be given again: nothing that knows of it may stay */
        e->is_stale = true;
    else if (was_batch && !e->is_stale)
        engine_checkpoint(e, e->last_id);
    pthread_mutex_unlock(&e->order);
    return err;
}

/* The lesson `id` is journalled. Moves the model by it, or marks the model stale where the order is another. */
static int move(struct engine *e, uint64_t id, const struct feature_set *set, bool is_spam, struct report *why)
{
    uint64_t epoch;
    bool changed;
    int err = lessons_epoch(e->lessons, &epoch, why);
    if (!err && epoch != e->epoch) {
        err = changed_up_to(e, id, &changed, why);
        if (changed)
            e->is_stale = true;
        else if (!err)
            e->epoch = epoch;
    }
    if (!err && !e->is_stale && id != e->last_id + 1)
        err = fold_on(e, id - 1, why); /* what other processes taught meanwhile comes first */
    if (err)
        e->is_stale = true; /* the lesson is on disk: what could not be read is read again when the model is needed */
    if (e->is_stale)
        return POSSE_OK;
    engine_hide_begin(e);
    model_teach(e->model, set, is_spam);
    engine_hide_end(e);
    e->last_id = id;
    if (!e->in_batch)
        engine_checkpoint(e, e->last_id);
    return POSSE_OK;
}

/* The journal first, then the model. */
static int teach_journalled(struct engine *e, const struct lesson *l, const struct feature_set *set, uint64_t *id_out,
                            struct report *why)
{
    uint64_t superseded = 0;
    int err = lessons_append(e->lessons, l, id_out, &superseded, why);
    if (err)
        return err;
    if (superseded && superseded <= e->last_id)
        e->is_stale = true; /* fold anew, once, when the model is next needed */
    return move(e, *id_out, set, l->klass == LESSON_SPAM, why);
}

/* l holds digest, extractor and features, all of `sorted`; the rest is t's. */
static int teach(struct engine *e, struct lesson *l, const struct feature_set *sorted, const struct teaching *t, uint64_t *id_out,
                 struct report *why)
{
    uint64_t id = 0;
    int err = POSSE_OK;
    l->klass = t->klass;
    l->teacher = t->teacher;
    l->door = t->door;
    l->time_ms = t->time_ms;
    pthread_mutex_lock(&e->order);
    if (e->lessons) {
        err = teach_journalled(e, l, sorted, &id, why);
    } else {
        engine_hide_begin(e);
        model_teach(e->model, sorted, t->klass == LESSON_SPAM);
        engine_hide_end(e);
    }
    if (!err) {
        e->is_moved = true;
        e->taught_ms = t->time_ms;
    }
    pthread_mutex_unlock(&e->order);
    if (id_out)
        *id_out = id;
    return err;
}

int engine_code(struct engine_worker *w, struct reading *r, struct span *out)
{
    buf_clear(&w->code);
    int err = feature_encode(w->arena, &r->set, &w->code);
    *out = buf_span(&w->code);
    return err;
}

uint32_t engine_extractor(void) { return EXTRACTOR_VERSION; }

int engine_teach(struct engine_worker *w, struct reading *r, const struct teaching *t, uint64_t *id_out, struct report *why)
{
    struct lesson l = {.extractor = EXTRACTOR_VERSION};
    if (w->e->is_frozen)
        return report_set(why, POSSE_EINVAL, "this model is frozen: it is not taught");
    buf_clear(&w->code);
    struct feature_set sorted;
    int err = feature_sort(w->arena, &r->set, &sorted);
    if (!err && w->e->lessons) {
        feature_put(&sorted, &w->code);
        err = buf_error(&w->code);
    }
    if (err)
        return report_set(why, err, "the message's features do not fit into a lesson");
    l.features = buf_span(&w->code);
    if (w->e->lessons)
        memcpy(l.digest, reading_digest(r), 32);
    return teach(w->e, &l, &sorted, t, id_out, why);
}

int engine_teach_coded(struct engine *e, const uint8_t digest[32], uint32_t extractor, struct span code, const struct teaching *t,
                       uint64_t *id_out, struct report *why)
{
    struct lesson l = {.extractor = extractor, .features = code};
    if (e->is_frozen)
        return report_set(why, POSSE_EINVAL, "this model is frozen: it is not taught");
    if (extractor != EXTRACTOR_VERSION)
        return report_set(why, POSSE_EVERSION, "what was kept of the message was made by another version, which read other features; "
                          "teach the message itself");
    memcpy(l.digest, digest, 32);
    struct arena *a = arena_new(FOLD_ARENA_BYTES);
    if (!a)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    struct reader in = reader_of(code);
    struct feature_set sorted;
    int err = feature_decode(a, &in, &sorted);
    if (err)
        report_set(why, err, "what was kept of the message is damaged; teach the message itself");
    else
        err = teach(e, &l, &sorted, t, id_out, why);
    arena_free(&a);
    return err;
}

/* ---- while others judge ---- */

int engine_sync(struct engine *e, struct report *why)
{
    if (!e->lessons)
        return POSSE_OK;
    pthread_mutex_lock(&e->order);
    int err = e->in_batch ? POSSE_OK : engine_follow(e, why);
    pthread_mutex_unlock(&e->order);
    return err;
}

int engine_flush(struct engine *e, struct report *why)
{
    if (!e->lessons || e->is_frozen)
        return POSSE_OK;
    pthread_mutex_lock(&e->order);
    int err = e->is_moved && !e->in_batch && e->is_stale ? engine_follow(e, why) : POSSE_OK;
    if (!err && e->is_moved && !e->in_batch)
        err = engine_save(e, why);
    pthread_mutex_unlock(&e->order);
    return err;
}

int engine_count(struct engine *e, struct lessons_count *out, struct report *why)
{
    *out = (struct lessons_count){0};
    if (!e->lessons)
        return POSSE_OK;
    pthread_mutex_lock(&e->order);
    int err = lessons_count(e->lessons, out, why);
    pthread_mutex_unlock(&e->order);
    return err;
}

/* ---- taking back ---- */

int engine_unlearn(struct engine *e, const struct lesson_filter *f, bool forget, uint64_t *n_out, struct report *why)
{
    uint64_t oldest = 0;
    *n_out = 0;
    if (!e->lessons)
        return report_set(why, POSSE_ENOENT, "there is no journal: nothing was taught here yet");
    if (e->is_frozen)
        return report_set(why, POSSE_EINVAL, "this model is frozen: nothing is taken back");
    pthread_mutex_lock(&e->order);
    int err = forget ? lessons_forget(e->lessons, f, n_out, &oldest, why) : lessons_revoke(e->lessons, f, n_out, &oldest, why);
    if (!err && *n_out) {
        err = engine_follow(e, why);
        if (!err && !e->is_served) /* who serves flushes when it is time */
            err = engine_save(e, why);
    }
    pthread_mutex_unlock(&e->order);
    return err;
}

int engine_model_digest(struct engine *e, uint8_t out[32], struct report *why)
{
    pthread_mutex_lock(&e->order);
    int err = e->lessons ? engine_follow(e, why) : POSSE_OK;
    struct buf all;
    buf_init(&all, 64 * MODEL_SECTIONS_MAX);
    struct model_section part[MODEL_SECTIONS_MAX];
    size_t n = model_sections(e->model, part);
    for (size_t i = 0; i < n; i++) {
        uint8_t d[32];
        sha256(part[i].data, d);
        buf_add(&all, d, 32);
    }
    sha256(buf_span(&all), out);
    buf_deinit(&all);
    pthread_mutex_unlock(&e->order);
    return err;
}
