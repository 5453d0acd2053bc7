/* lessons_undo: taking verdicts back, deleting them, folding them in for good.
 *
 * All three work on the set of verdicts, and what is live is then judged anew by L1 (lessons.h) for the digests that
 * have other verdicts left; the others need no second look. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/lessons_priv.h"

static void keep_lowest(uint64_t *oldest, uint64_t id)
{
    if (id && (!*oldest || id < *oldest))
        *oldest = id;
}

/* Runs sql (whose %s is a subquery of the ids that f picks); *value_out: its first column, if it has one. */
static int run_picked(struct lessons *l, const char *before, const char *picked, const char *after,
                      const struct lesson_filter *f, uint64_t sealed, int64_t *value_out, struct report *why)
{
    char sql[3 * LESSONS_WHERE_MAX];
    snprintf(sql, sizeof sql, "%s(%s)%s", before, picked, after);
    sqlite3_stmt *s = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(l->db.h, sql, -1, &s, NULL) == SQLITE_OK && lessons_bind(s, f, sealed) == SQLITE_OK)
        step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        *value_out = sqlite3_column_int64(s, 0);
    int rc = step == SQLITE_ROW || step == SQLITE_DONE ? POSSE_OK : db_fail(&l->db, why, "change the lessons");
    sqlite3_finalize(s);
    return rc;
}

static int set_state(struct lessons *l, uint64_t id, enum lesson_state state, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&l->db, STMT_SET_STATE);
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id) || sqlite3_bind_int(s, 2, (int)state) || db_run(s))
        return db_fail(&l->db, why, "change the lessons");
    return POSSE_OK;
}

/* The verdicts on one digest as L1 sees them. */
struct standing {
    uint64_t run;      /* first of the unbroken run at the end */
    int run_klass, run_state;
    uint64_t was_live; /* at most one was */
};

static int read_standing(struct lessons *l, const void *digest, uint64_t sealed, struct standing *out, struct report *why)
{
    *out = (struct standing){.run_klass = -1};
    sqlite3_stmt *s = db_stmt(&l->db, STMT_VERDICTS);
    if (!s || sqlite3_bind_blob(s, 1, digest, 32, SQLITE_STATIC) || sqlite3_bind_int64(s, 2, (sqlite3_int64)sealed))
        return db_fail(&l->db, why, "change the lessons");
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        uint64_t id = (uint64_t)sqlite3_column_int64(s, 0);
        int klass = sqlite3_column_int(s, 1), state = sqlite3_column_int(s, 2);
        if (klass != out->run_klass)
            *out = (struct standing){id, klass, state, out->was_live};
        if (state == LESSON_LIVE)
            out->was_live = id;
    }
    sqlite3_reset(s);
    return step == SQLITE_DONE ? POSSE_OK : db_fail(&l->db, why, "change the lessons");
}

static int rejudge(struct lessons *l, const void *digest, uint64_t sealed, uint64_t *oldest, struct report *why)
{
    struct standing now;
    int rc = read_standing(l, digest, sealed, &now, why);
    if (rc)
        return rc;
    uint64_t live = now.run_state == LESSON_SEALED ? 0 : now.run;
    if (live == now.was_live)
        return POSSE_OK;
    if (now.was_live) {
        keep_lowest(oldest, now.was_live);
        rc = set_state(l, now.was_live, LESSON_SUPERSEDED, why);
    }
    if (!rc && live) {
        keep_lowest(oldest, live);
        rc = set_state(l, live, LESSON_LIVE, why);
    }
    return rc;
}

static int rejudge_touched(struct lessons *l, uint64_t sealed, uint64_t *oldest, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&l->db, STMT_TOUCHED);
    if (!s)
        return db_fail(&l->db, why, "change the lessons");
    int rc = POSSE_OK, step = SQLITE_DONE;
    while (!rc && (step = sqlite3_step(s)) == SQLITE_ROW)
        rc = rejudge(l, sqlite3_column_blob(s, 0), sealed, oldest, why);
    if (!rc && step != SQLITE_DONE)
        rc = db_fail(&l->db, why, "change the lessons");
    sqlite3_reset(s);
    return rc;
}

/* `change`: the statement up to its list of ids; `extra`: which rows can be changed at all. */
static int change_picked(struct lessons *l, const struct lesson_filter *f, const char *change, const char *extra,
                         uint64_t *n, uint64_t *oldest, struct report *why)
{
    char where[LESSONS_WHERE_MAX], picked[2 * LESSONS_WHERE_MAX];
    lessons_where(where, f, extra);
    snprintf(picked, sizeof picked, "SELECT id FROM lessons %s ORDER BY id%s LIMIT :limit", where,
             f->newest_first ? " DESC" : "");
    struct lessons_meta meta;
    int64_t lowest = 0, ignored = 0;
    int rc = lessons_meta(l, &meta, why);
    if (!rc && db_run(db_stmt(&l->db, STMT_CLEAR_TOUCHED)))
        rc = db_fail(&l->db, why, "change the lessons");
    if (!rc)
        rc = run_picked(l, "INSERT OR IGNORE INTO temp.touched SELECT digest FROM lessons m WHERE id IN ", picked,
                        " AND EXISTS (SELECT 1 FROM lessons o WHERE o.digest = m.digest AND o.id <> m.id)", f,
                        meta.sealed_up_to, &ignored, why);
    if (!rc)
        rc = run_picked(l, "SELECT min(id) FROM lessons WHERE state = 0 AND id IN ", picked, "", f, meta.sealed_up_to,
                        &lowest, why);
    if (!rc)
        rc = run_picked(l, change, picked, "", f, meta.sealed_up_to, &ignored, why);
    if (rc)
        return rc;
    *n = (uint64_t)sqlite3_changes64(l->db.h);
    *oldest = (uint64_t)lowest;
    rc = rejudge_touched(l, meta.sealed_up_to, oldest, why);
    return rc || !*n ? rc : lessons_note_change(l, *oldest, why);
}

/* One lesson asked for by its number deserves a clear answer. */
static int check_id(struct lessons *l, uint64_t id, bool must_be_open, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&l->db, STMT_BY_ID);
    struct lessons_meta meta;
    int rc = lessons_meta(l, &meta, why);
    if (rc)
        return rc;
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id))
        return db_fail(&l->db, why, "read the lessons");
    int step = sqlite3_step(s);
    sqlite3_reset(s);
    if (step == SQLITE_DONE)
        return report_set(why, POSSE_ENOENT, "%s: there is no lesson %llu; `posse lessons` lists them", l->db.path,
                          (unsigned long long)id);
    if (step != SQLITE_ROW)
        return db_fail(&l->db, why, "read the lessons");
    if (must_be_open && id <= meta.sealed_up_to)
        return report_set(why, POSSE_EINVAL, "%s: lesson %llu is older than the horizon and cannot be taken back; `posse "
                          "forget` deletes it", l->db.path, (unsigned long long)id);
    return POSSE_OK;
}

static int undo(struct lessons *l, const struct lesson_filter *f, bool forget, uint64_t *n_out, uint64_t *oldest_out,
                struct report *why)
{
    assert(!l->in_batch && !l->in_each);
    *n_out = *oldest_out = 0;
    uint64_t n = 0, oldest = 0;
    int rc = db_begin(&l->db, why, "change the lessons");
    if (rc)
        return rc;
    if (f->id)
        rc = check_id(l, f->id, !forget, why);
    if (!rc && forget)
        rc = change_picked(l, f, "DELETE FROM lessons WHERE id IN ", "", &n, &oldest, why);
    else if (!rc)
        rc = change_picked(l, f, "UPDATE lessons SET state = 1 WHERE id IN ",
                           " AND state IN (0, 2) AND lessons.id > :sealed", &n, &oldest, why);
    rc = db_end(&l->db, rc, why, "change the lessons");
    if (!rc) {
        *n_out = n;
        *oldest_out = oldest;
    }
    return rc;
}

/* The old pages stand in the log until it is cut. */
static void cut_log(struct lessons *l, struct report *why)
{
    if (sqlite3_wal_checkpoint_v2(l->db.h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
        report_set(why, POSSE_OK, "%s: the lessons are deleted, but traces stay in its log until the other processes that "
                   "have it open end", l->db.path);
}

int lessons_revoke(struct lessons *l, const struct lesson_filter *f, uint64_t *n_out, uint64_t *oldest_out,
                   struct report *why)
{
    return undo(l, f, false, n_out, oldest_out, why);
}

int lessons_forget(struct lessons *l, const struct lesson_filter *f, uint64_t *n_out, uint64_t *oldest_out,
                   struct report *why)
{
    int rc = undo(l, f, true, n_out, oldest_out, why);
    if (!rc)
        cut_log(l, why);
    return rc;
}

static int run_up_to(struct lessons *l, const char *sql, uint64_t id, struct report *why)
{
    sqlite3_stmt *s = NULL;
    int rc = POSSE_OK;
    if (sqlite3_prepare_v2(l->db.h, sql, -1, &s, NULL) || sqlite3_bind_int64(s, 1, (sqlite3_int64)id) || db_run(s))
        rc = db_fail(&l->db, why, "fold old lessons in");
    sqlite3_finalize(s);
    return rc;
}

/* Within the transaction: nobody can take one back any more. */
static int check_base(struct lessons *l, uint64_t up_to_id, uint64_t epoch, struct report *why)
{
    uint64_t oldest;
    int rc = lessons_changed_since(l, epoch, &oldest, why);
    if (!rc && oldest && oldest <= up_to_id)
        rc = report_set(why, POSSE_EBUSY, "%s: lesson %llu changed while old lessons were folded in; they stay as they are",
                        l->db.path, (unsigned long long)oldest);
    return rc;
}

int lessons_seal(struct lessons *l, uint64_t up_to_id, struct report *why)
{
    return lessons_seal_since(l, up_to_id, INT64_MAX, why);
}

int lessons_seal_since(struct lessons *l, uint64_t up_to_id, uint64_t epoch, struct report *why)
{
    assert(!l->in_batch && !l->in_each);
    static const char *const steps[] = {
        "DELETE FROM features WHERE lesson <= ?1",
        "UPDATE lessons SET state = 3 WHERE state = 0 AND id <= ?1",
        "UPDATE meta SET sealed_up_to = max(sealed_up_to, ?1)",
    };
    struct lessons_count c;
    int rc = lessons_count(l, &c, why);
    if (rc)
        return rc;
    if (up_to_id > c.last_id)
        return report_set(why, POSSE_EINVAL, "%s: there is no lesson %llu yet", l->db.path, (unsigned long long)up_to_id);
    rc = db_begin(&l->db, why, "fold old lessons in");
    if (rc)
        return rc;
    rc = check_base(l, up_to_id, epoch, why);
    for (size_t i = 0; !rc && i < sizeof steps / sizeof *steps; i++)
        rc = run_up_to(l, steps[i], up_to_id, why);
    if (!rc)
        rc = lessons_note_change(l, 0, why);
    rc = db_end(&l->db, rc, why, "fold old lessons in");
    if (!rc)
        cut_log(l, why);
    return rc;
}
