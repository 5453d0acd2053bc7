/* The model is a fold of the journal: this file is the only place that moves it.
 *
 * model.posse holds the fold up to some lesson, with the journal's epoch and the prior's digest. On opening, the
 * lessons since are folded on top. When lessons that were folded have gone (unlearn, forget, a second verdict), the
 * epoch differs and the fold begins anew. A snapshot is written on closing; if that fails, nothing is lost but time. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "engine/engine_priv.h"

enum { FOLD_ARENA_BYTES = 4 << 20, FOLD_STOP = 1 };

static void model_path(const struct engine *e, char *out, size_t cap)
{
    snprintf(out, cap, "%s/model.posse", e->home);
}

/* What the snapshot was folded over: the extractor and the prior. */
static void base_digest(const struct engine *e, uint8_t out[32])
{
    struct buf b;
    buf_init(&b, 4096);
    buf_add_u32(&b, EXTRACTOR_VERSION);
    if (e->prior)
        buf_add(&b, prior_digest(e->prior), 32);
    sha256(buf_span(&b), out);
    buf_deinit(&b);
}

struct fold {
    struct engine *e;
    uint64_t before_id;   /* 0: to the end */
    struct arena *arena;
    struct report *why;
};

static int fold_one(void *ctx, const struct lesson *l)
{
    struct fold *f = ctx;
    if (f->before_id && l->id >= f->before_id)
        return FOLD_STOP;
    f->e->last_id = l->id;
    if (l->extractor != EXTRACTOR_VERSION || l->features.n == 0)
        return POSSE_OK; /* made by another version: kept in the journal, no longer part of the model */
    arena_reset(f->arena);
    struct reader in = reader_of(l->features);
    struct feature_set set;
    int err = feature_decode(f->arena, &in, &set);
    if (err)
        return report_set(f->why, err, "%s/lessons.db: lesson %llu is damaged: `posse unlearn %llu` takes it out", f->e->home,
                          (unsigned long long)l->id, (unsigned long long)l->id);
    model_teach(f->e->model, &set, l->klass == LESSON_SPAM);
    f->e->is_moved = true;
    return POSSE_OK;
}

static int fold_from(struct engine *e, uint64_t before_id, struct report *why)
{
    struct fold f = {.e = e, .before_id = before_id, .arena = arena_new(FOLD_ARENA_BYTES), .why = why};
    if (!f.arena)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    struct lesson_filter filter = {.after_id = e->last_id, .klass = -1, .live_only = true};
    int err = lessons_each(e->lessons, &filter, true, fold_one, &f, why);
    if (err == FOLD_STOP)
        err = POSSE_OK;
    arena_free(&f.arena);
    e->is_settled = false;
    return err;
}

int engine_catch_up(struct engine *e, uint64_t before_id, struct report *why)
{
    return fold_from(e, before_id, why);
}

int engine_refold(struct engine *e, struct report *why)
{
    int err = lessons_epoch(e->lessons, &e->epoch, why);
    if (err)
        return err;
    model_clear(e->model);
    e->last_id = 0;
    e->is_moved = true;
    err = fold_from(e, 0, why);
    if (!err)
        e->is_stale = false;
    return err;
}

/* 0: loaded. Anything else: there is none that fits, and the fold begins at nothing. */
static int load_snapshot(struct engine *e, uint64_t epoch)
{
    char path[4200];
    model_path(e, path, sizeof path);
    struct snapshot *s;
    int err = snapshot_open(path, SNAPSHOT_MODEL, &s, NULL);
    if (err)
        return err;
    struct reader head = reader_of(snapshot_get(s, "fold"));
    uint8_t digest[32];
    base_digest(e, digest);
    struct span base = reader_bytes(&head, 32);
    uint64_t last = reader_u64(&head), at_epoch = reader_u64(&head);
    if (reader_error(&head) || !span_eq(base, span_of(digest, 32)) || at_epoch != epoch)
        err = POSSE_EVERSION;
    if (!err)
        err = model_load(e->model, snapshot_get(s, "learner"), snapshot_get(s, "fuse"), snapshot_get(s, "calib"), NULL);
    if (err) {
        snapshot_close(&s);
        return err;
    }
    e->model_file = s; /* the learner's table is this private mapping from now on */
    e->last_id = last;
    return POSSE_OK;
}

int engine_load(struct engine *e, struct report *why)
{
    int err = lessons_epoch(e->lessons, &e->epoch, why);
    if (err)
        return err;
    if (load_snapshot(e, e->epoch)) {
        model_clear(e->model);
        e->last_id = 0;
    }
    err = fold_from(e, 0, why);
    return err;
}

int engine_save(struct engine *e, struct report *why)
{
    struct buf head;
    buf_init(&head, 4096);
    uint8_t digest[32];
    base_digest(e, digest);
    buf_add(&head, digest, 32);
    buf_add_u64(&head, e->last_id);
    buf_add_u64(&head, e->epoch);
    struct model_section part[MODEL_SECTIONS_MAX];
    size_t n = model_sections(e->model, part);
    struct snapshot_section s[MODEL_SECTIONS_MAX + 1] = {{"fold", buf_span(&head)}};
    for (size_t i = 0; i < n; i++)
        s[i + 1] = (struct snapshot_section){part[i].name, part[i].data};
    char path[4200];
    model_path(e, path, sizeof path);
    int err = snapshot_write(path, SNAPSHOT_MODEL, s, n + 1, why);
    buf_deinit(&head);
    if (!err)
        e->is_moved = false;
    return err;
}

int engine_begin(struct engine *e, struct report *why)
{
    if (!e->lessons)
        return POSSE_OK;
    int err = lessons_begin(e->lessons, why);
    e->in_batch = !err;
    return err;
}

int engine_commit(struct engine *e, struct report *why)
{
    if (!e->lessons || !e->in_batch)
        return POSSE_OK;
    e->in_batch = false;
    return lessons_commit(e->lessons, why);
}

/* The journal first, then the model. */
static int teach_journalled(struct engine_worker *w, struct reading *r, const struct teaching *t,
                            const struct feature_set *set, uint64_t *id_out, struct report *why)
{
    struct engine *e = w->e;
    struct lesson l = {.time_ms = t->time_ms, .teacher = t->teacher, .door = t->door, .klass = t->klass,
                       .extractor = EXTRACTOR_VERSION, .features = buf_span(&w->code)};
    memcpy(l.digest, reading_digest(r), 32);
    uint64_t superseded = 0, epoch;
    int err = lessons_append(e->lessons, &l, id_out, &superseded, why);
    if (err)
        return err;
    err = lessons_epoch(e->lessons, &epoch, why);
    if (err || epoch != e->epoch || e->is_stale) {
        e->is_settled = false;
        e->is_stale = true; /* something that was folded has gone: fold anew, once, when the model is next needed */
        return POSSE_OK;
    }
    err = engine_catch_up(e, *id_out, why); /* what other processes taught meanwhile comes first */
    if (err)
        return err;
    model_teach(e->model, set, t->klass == LESSON_SPAM);
    e->last_id = *id_out;
    return POSSE_OK;
}

int engine_teach(struct engine_worker *w, struct reading *r, const struct teaching *t, uint64_t *id_out, struct report *why)
{
    struct engine *e = w->e;
    uint64_t id = 0;
    if (e->is_frozen)
        return report_set(why, POSSE_EINVAL, "this model is frozen: it is not taught");
    buf_clear(&w->code);
    int err = feature_encode(w->arena, &r->set, &w->code);
    struct reader in = reader_of(buf_span(&w->code));
    struct feature_set sorted;
    if (!err)
        err = feature_decode(w->arena, &in, &sorted);
    if (err)
        return report_set(why, err, "the message's features do not fit into a lesson");
    pthread_rwlock_wrlock(&e->lock);
    if (e->lessons)
        err = teach_journalled(w, r, t, &sorted, &id, why);
    else
        model_teach(e->model, &sorted, t->klass == LESSON_SPAM);
    if (!err) {
        e->is_moved = true;
        e->is_settled = false;
    }
    pthread_rwlock_unlock(&e->lock);
    if (id_out)
        *id_out = id;
    return err;
}

int engine_unlearn(struct engine *e, const struct lesson_filter *f, bool forget, uint64_t *n_out, struct report *why)
{
    uint64_t oldest = 0;
    *n_out = 0;
    if (!e->lessons)
        return report_set(why, POSSE_ENOENT, "there is no journal: nothing was taught here yet");
    pthread_rwlock_wrlock(&e->lock);
    int err = forget ? lessons_forget(e->lessons, f, n_out, &oldest, why) : lessons_revoke(e->lessons, f, n_out, &oldest, why);
    if (!err && *n_out)
        err = engine_refold(e, why);
    pthread_rwlock_unlock(&e->lock);
    return err ? err : *n_out ? engine_save(e, why) : POSSE_OK;
}

int engine_model_digest(struct engine *e, uint8_t out[32], struct report *why)
{
    if (e->is_stale) {
        int err = engine_refold(e, why);
        if (err)
            return err;
    }
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
    return POSSE_OK;
}
