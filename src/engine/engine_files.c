/* The fold on disk: model.posse where it stood last, checkpoints on the way to it, and a base.
 *
 * Every file is a snapshot with the model's sections and "fold": {u32 extractor, 32 bytes digest of the prior, u64 id,
 * u64 epoch}: the fold of the live lessons up to `id`, as they stood at the journal's `epoch`. It still holds when no lesson
 * up to `id` changed since (lessons_changed_since), and none beyond it was sealed.
 *   model.posse           written on closing, and when lessons were taken back
 *   checkpoints/ID.posse  on the way to it, one each CHECKPOINT_EVERY lessons, thinned out by checkpoints.h, so that taking back
 *                         a lesson costs little more than folding what came after it; those that hold no longer are
 *                         removed, for they hold what somebody took back.
 *   base/ID.posse         the fold of all that was sealed: of these alone nobody can make another. It is on disk under
 *                         its own name before the lessons are sealed; one of another id than the journal's is a leftover.
 * Only a base must be there: without the others the fold takes longer. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/engine_priv.h"

enum { PATH_BYTES = 4300, CHECKPOINTS_MAX = 256 };

static bool path_of(const struct engine *e, char out[PATH_BYTES], const char *folder, uint64_t id)
{
    int n = folder ? snprintf(out, PATH_BYTES, "%s/%s/%020llu.posse", e->home, folder, (unsigned long long)id)
                   : snprintf(out, PATH_BYTES, "%s/model.posse", e->home);
    return n > 0 && n < PATH_BYTES;
}

struct fold_head { uint32_t extractor; struct span prior; uint64_t id, epoch; };

static bool read_head(const struct snapshot *s, struct fold_head *out)
{
    struct reader r = reader_of(snapshot_get(s, "fold"));
    out->extractor = reader_u32(&r);
    out->prior = reader_bytes(&r, 32);
    out->id = reader_u64(&r);
    out->epoch = reader_u64(&r);
    return !reader_error(&r) && reader_left(&r) == 0;
}

static struct span own_prior(const struct engine *e)
{
    static const uint8_t none[32];
    return span_of(e->prior ? prior_digest(e->prior) : none, 32);
}

/* ---- reading ---- */

static int adopt(struct engine *e, struct snapshot *s, const struct fold_head *h, struct report *why)
{
    engine_hide_begin(e);
    int err = model_load(e->model, snapshot_get(s, "learner"), snapshot_get(s, "fuse"), snapshot_get(s, "calib"), why);
    engine_hide_end(e);
    if (err)
        return err;
    snapshot_close(&e->model_file); /* the table lay in it until now */
    e->model_file = s;
    e->last_id = h->id;
    e->epoch = h->epoch;
    if (e->is_long)
        engine_own(e);
    return POSSE_OK;
}

void engine_own(struct engine *e)
{
    if (!e->model_file)
        return;
    engine_hide_begin(e);
    int err = model_own(e->model);
    engine_hide_end(e);
    if (!err)
        snapshot_close(&e->model_file);
}

/* Does the fold of this head still hold? */
static bool is_good(struct engine *e, const struct fold_head *h, uint64_t sealed_up_to)
{
    uint64_t oldest;
    return h->extractor == EXTRACTOR_VERSION && span_eq(h->prior, own_prior(e)) && h->id >= sealed_up_to &&
           lessons_changed_since(e->lessons, h->epoch, &oldest, NULL) == 0 && (oldest == 0 || oldest > h->id);
}

static bool try_file(struct engine *e, const char *path, uint64_t sealed_up_to, uint64_t up_to)
{
    struct snapshot *s;
    struct fold_head h;
    if (snapshot_open(path, SNAPSHOT_MODEL, &s, NULL))
        return false;
    if (read_head(s, &h) && h.id <= up_to && is_good(e, &h, sealed_up_to) && adopt(e, s, &h, NULL) == 0)
        return true;
    snapshot_close(&s);
    return false;
}

/* Ids of a folder's files, ascending. */
static size_t list_ids(const struct engine *e, const char *folder, uint64_t id[CHECKPOINTS_MAX])
{
    char path[PATH_BYTES];
    struct dirent **entry;
    size_t n = 0;
    if (snprintf(path, sizeof path, "%s/%s", e->home, folder) >= (int)sizeof path)
        return 0;
    int found = scandir(path, &entry, NULL, alphasort); /* names have leading zeros */
    for (int i = 0; i < found; i++) {
        char *end;
        unsigned long long x = strtoull(entry[i]->d_name, &end, 10);
        if (end > entry[i]->d_name && strcmp(end, ".posse") == 0 && n < CHECKPOINTS_MAX)
            id[n++] = x;
        free(entry[i]);
    }
    if (found >= 0)
        free(entry);
    return n;
}

/* Sealed lessons are in the base and nowhere else. A base of another extractor speaks of slots that mean something else now:
 * it is left where it is and not used. */
static int load_base(struct engine *e, uint64_t sealed_up_to, struct report *why)
{
    char path[PATH_BYTES];
    struct snapshot *s;
    struct fold_head h;
    if (!path_of(e, path, "base", sealed_up_to))
        return report_set(why, POSSE_EINVAL, "%s: the path is too long", e->home);
    int err = snapshot_open(path, SNAPSHOT_MODEL, &s, why);
    if (err)
        return err;
    if (!read_head(s, &h) || h.id != sealed_up_to)
        err = report_set(why, POSSE_ECORRUPT, "%s: not the base that the lessons were folded into; restore it from a copy", path);
    bool is_other = !err && h.extractor != EXTRACTOR_VERSION;
    uint64_t epoch = e->epoch;
    if (!err && !is_other)
        err = adopt(e, s, &h, why);
    if (err || is_other)
        snapshot_close(&s);
    e->epoch = epoch; /* what is sealed cannot change */
    e->last_id = err ? 0 : sealed_up_to;
    return err;
}

int engine_restart(struct engine *e, uint64_t up_to, struct report *why)
{
    char path[PATH_BYTES];
    uint64_t id[CHECKPOINTS_MAX], sealed, epoch;
    int err = lessons_sealed_up_to(e->lessons, &sealed, why);
    if (!err)
        err = lessons_epoch(e->lessons, &epoch, why);
    if (err)
        return err;
    size_t n = list_ids(e, "checkpoints", id);
    e->checkpoint_id = n ? id[n - 1] : 0;
    if (path_of(e, path, NULL, 0) && try_file(e, path, sealed, up_to))
        return POSSE_OK;
    e->is_moved = n || sealed; /* model.posse is not what it could be */
    while (n-- > 0)
        if (id[n] <= up_to && path_of(e, path, "checkpoints", id[n]) && try_file(e, path, sealed, up_to)) {
            if (up_to == UINT64_MAX)
                e->checkpoint_id = id[n]; /* newer ones are good no more */
            return POSSE_OK;
        }
    e->checkpoint_id = up_to == UINT64_MAX ? 0 : e->checkpoint_id;
    engine_hide_begin(e);
    model_clear(e->model);
    engine_hide_end(e);
    e->last_id = 0;
    e->epoch = epoch;
    return sealed ? load_base(e, sealed, why) : POSSE_OK;
}

/* ---- writing ---- */

static int write_fold(struct engine *e, const char *path, struct report *why)
{
    struct buf head;
    buf_init(&head, 4096);
    buf_add_u32(&head, EXTRACTOR_VERSION);
    buf_add_span(&head, own_prior(e));
    buf_add_u64(&head, e->last_id);
    buf_add_u64(&head, e->epoch);
    struct model_section part[MODEL_SECTIONS_MAX];
    size_t n = model_sections(e->model, part);
    struct snapshot_section s[MODEL_SECTIONS_MAX + 1] = {{"fold", buf_span(&head)}};
    for (size_t i = 0; i < n; i++)
        s[i + 1] = (struct snapshot_section){part[i].name, part[i].data};
    int err = buf_error(&head) ? report_set(why, POSSE_ENOMEM, "out of memory") : snapshot_write(path, SNAPSHOT_MODEL, s, n + 1, why);
    buf_deinit(&head);
    return err;
}

static int write_in(struct engine *e, const char *folder, struct report *why)
{
    char path[PATH_BYTES];
    if (!path_of(e, path, folder, e->last_id))
        return report_set(why, POSSE_EINVAL, "%s: the path is too long", e->home);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return report_errno(why, "make this folder", path);
    *slash = '/';
    return write_fold(e, path, why);
}

int engine_save(struct engine *e, struct report *why)
{
    char path[PATH_BYTES];
    if (!path_of(e, path, NULL, 0))
        return report_set(why, POSSE_EINVAL, "%s: the path is too long", e->home);
    bool is_small = model_lessons(e->model) < e->save_lessons;
    int err = is_small ? POSSE_OK : write_fold(e, path, why);
    if (is_small)
        unlink(path); /* one of more lessons, of which some were taken back */
    if (!err)
        e->is_moved = false;
    return err;
}

/* ---- checkpoints ---- */

static bool head_of(const char *path, struct fold_head *h)
{
    struct snapshot *s;
    if (snapshot_open(path, SNAPSHOT_MODEL, &s, NULL))
        return false;
    bool ok = read_head(s, h);
    h->prior = SPAN_NONE;
    snapshot_close(&s);
    return ok;
}

static void thin_out(struct engine *e)
{
    char path[PATH_BYTES];
    uint64_t id[CHECKPOINTS_MAX];
    size_t n = list_ids(e, "checkpoints", id);
    for (size_t i = checkpoints_thin(id, n); i < n; i++)
        if (path_of(e, path, "checkpoints", id[i]))
            unlink(path);
}

void engine_checkpoint(struct engine *e, uint64_t target)
{
    if (e->is_frozen || !checkpoint_is_due(e->checkpoint_id, e->last_id, target))
        return;
    e->checkpoint_id = e->last_id; /* failed or not: the next try is CHECKPOINT_EVERY lessons away */
    if (write_in(e, "checkpoints", NULL) == 0)
        thin_out(e);
}

void engine_drop_checkpoints(struct engine *e)
{
    char path[PATH_BYTES];
    uint64_t id[CHECKPOINTS_MAX], sealed = 0, oldest;
    e->checkpoint_id = 0;
    if (lessons_sealed_up_to(e->lessons, &sealed, NULL))
        return;
    size_t n = list_ids(e, "checkpoints", id);
    for (size_t i = 0; i < n; i++) {
        struct fold_head h;
        if (!path_of(e, path, "checkpoints", id[i]))
            continue;
        bool good = head_of(path, &h) && h.extractor == EXTRACTOR_VERSION && h.id >= sealed &&
                    lessons_changed_since(e->lessons, h.epoch, &oldest, NULL) == 0 && (oldest == 0 || oldest > h.id);
        if (good)
            e->checkpoint_id = id[i];
        else if (!e->is_frozen)
            unlink(path);
    }
}

/* ---- the horizon ---- */

static int first_id(void *ctx, const struct lesson *l)
{
    *(uint64_t *)ctx = l->id;
    return 1;
}

/* The last lesson before the first one that is younger than the horizon; 0: not enough of them to be worth a new base. */
static int find_horizon(struct engine *e, int64_t cutoff_ms, uint64_t *out, struct report *why)
{
    struct lessons_count c = {0};
    uint64_t first = 0, sealed = 0;
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.since_ms = cutoff_ms;
    f.limit = 1;
    *out = 0;
    int err = lessons_sealed_up_to(e->lessons, &sealed, why);
    f.after_id = sealed;
    if (!err)
        err = lessons_each(e->lessons, &f, false, first_id, &first, why);
    if (err >= 0 && !first)
        err = lessons_count(e->lessons, &c, why);
    if (err < 0)
        return err;
    uint64_t up_to = first ? first - 1 : c.last_id;
    if (up_to >= sealed + HORIZON_LEAST)
        *out = up_to;
    return POSSE_OK;
}

int engine_seal(struct engine *e, int64_t cutoff_ms, struct report *why)
{
    uint64_t up_to, sealed, id[CHECKPOINTS_MAX];
    char path[PATH_BYTES];
    if (!e->lessons || e->in_batch || e->is_frozen || cutoff_ms <= 0)
        return POSSE_OK;
    int err = find_horizon(e, cutoff_ms, &up_to, why);
    if (err || !up_to)
        return err;
    err = engine_fold_up_to(e, up_to, why);
    if (!err)
        err = write_in(e, "base", why);
    if (!err)
        err = lessons_seal_since(e->lessons, up_to, e->epoch, why);
    if (err == POSSE_EBUSY)
        err = POSSE_OK; /* somebody took one back meanwhile: another time */
    e->is_stale = true; /* it stands at the horizon now */
    if (!err)
        err = lessons_sealed_up_to(e->lessons, &sealed, why);
    if (err)
        return err;
    size_t n = list_ids(e, "base", id);
    for (size_t i = 0; i < n; i++)
        if (id[i] != sealed && path_of(e, path, "base", id[i]))
            unlink(path);
    return POSSE_OK;
}
