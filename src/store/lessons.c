/* lessons: opening the journal and adding to it. */
#include "store/lessons.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "store/lessons_priv.h"

/* Features stand in a table of their own, so that listing and counting never read them. The state is in no
 * index: taking back a teacher's million lessons then changes rows in order and no index at random (980,000: 7 s,
 * 22 s with it), for looking through the few verdicts that one digest has. */
static const char schema[] =
    "CREATE TABLE lessons("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time_ms INTEGER NOT NULL,"
    " teacher TEXT NOT NULL,"
    " door TEXT NOT NULL,"
    " klass INTEGER NOT NULL CHECK(klass IN (0, 1)),"
    " digest BLOB NOT NULL CHECK(length(digest) = 32),"
    " extractor INTEGER NOT NULL,"
    " state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 3)) STRICT;"
    "CREATE INDEX lessons_digest ON lessons(digest);"
    "CREATE INDEX lessons_teacher ON lessons(teacher);"
    "CREATE TABLE features("
    " lesson INTEGER PRIMARY KEY REFERENCES lessons(id) ON DELETE CASCADE,"
    " sum INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE meta("
    " only_row INTEGER PRIMARY KEY CHECK(only_row = 1),"
    " epoch INTEGER NOT NULL,"
    " sealed_up_to INTEGER NOT NULL) STRICT;"
    "CREATE TABLE changes(epoch INTEGER PRIMARY KEY, oldest INTEGER NOT NULL) STRICT;"
    "CREATE INDEX changes_oldest ON changes(oldest);"
    "INSERT INTO meta VALUES(1, 1, 0);";

/* ---- opening ---- */

/* page_size: lessons of 0.3 to 5.5 KB were read at 160-230 k/s from pages of 4 KB, 340-550 k/s from 16 KB, 310-380 k/s
 * from 32 and 64 KB, at 3.9-4.3 KB a lesson in all of them (50,000 random lessons, 4 runs each). */
static const struct db_kind kind = {
    .noun = "lessons",
    .app_id = LESSONS_APP_ID,
    .format = LESSONS_FORMAT,
    .first = "PRAGMA page_size = 16384; PRAGMA cache_size = -16384;",
    .then = "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;"
            "CREATE TEMP TABLE touched(digest BLOB PRIMARY KEY) WITHOUT ROWID;",
    .schema = schema,
    .when_damaged = "run `posse check`; restore it from a copy if it is damaged",
    .texts = lessons_texts,
    .n_texts = STMT_N,
};

int lessons_open(const char *path, struct lessons **out, struct report *why)
{
    *out = NULL;
    struct lessons *l = calloc(1, sizeof *l);
    int rc = l ? db_open(&l->db, path, &kind, why) : report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    if (rc) {
        free(l);
        return rc;
    }
    *out = l;
    return POSSE_OK;
}

void lessons_close(struct lessons **l)
{
    if (!l || !*l)
        return;
    assert(!(*l)->in_each);
    lessons_rollback(*l);
    db_close(&(*l)->db);
    free(*l);
    *l = NULL;
}

/* ---- batches ---- */

int lessons_begin(struct lessons *l, struct report *why)
{
    assert(!l->in_batch && !l->in_each);
    int rc = db_begin(&l->db, why, "learn");
    l->in_batch = rc == POSSE_OK;
    l->doomed = POSSE_OK;
    return rc;
}

int lessons_commit(struct lessons *l, struct report *why)
{
    assert(l->in_batch && !l->in_each);
    int rc = l->doomed;
    if (rc)
        report_set(why, rc, "%s: a lesson of this batch failed (%s), so none of it was kept", l->db.path, posse_strerror(rc));
    rc = db_end(&l->db, rc, why, "learn");
    l->in_batch = false;
    l->doomed = POSSE_OK;
    return rc;
}

void lessons_rollback(struct lessons *l)
{
    if (!l->in_batch)
        return;
    db_end(&l->db, POSSE_EINVAL, NULL, "");
    l->in_batch = false;
    l->doomed = POSSE_OK;
}

/* ---- adding ---- */

static bool is_name(struct span s)
{
    if (s.n < 1 || s.n > LESSONS_NAME_MAX || utf8_valid_prefix(s) != s.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 32 || s.p[i] == 127 || (s.p[i] == 0xc2 && s.p[i + 1] < 0xa0))
            return false;
    return true;
}

static int check_lesson(const struct lessons *l, const struct lesson *x, struct report *why)
{
    if (!is_name(x->teacher) || !is_name(x->door))
        return report_set(why, POSSE_EINVAL, "%s: a %s must be 1 to %d bytes of UTF-8 without control characters", l->db.path,
                          is_name(x->teacher) ? "door" : "teacher's name", LESSONS_NAME_MAX);
    if (x->klass != LESSON_HAM && x->klass != LESSON_SPAM)
        return report_set(why, POSSE_EINVAL, "%s: a lesson is ham or spam", l->db.path);
    if (x->features.n < 1 || x->features.n > LESSON_FEATURES_MAX)
        return report_set(why, POSSE_EINVAL, "%s: a lesson needs 1 to %d bytes of features", l->db.path, LESSON_FEATURES_MAX);
    return POSSE_OK;
}

struct holder {
    uint64_t id; /* 0: nobody taught this digest */
    int klass, state;
    bool agrees; /* the teacher himself stands behind it already */
};

static int find_holder(struct lessons *l, const struct lesson *x, struct holder *out, struct report *why)
{
    *out = (struct holder){0};
    sqlite3_stmt *s = db_stmt(&l->db, STMT_HOLDER);
    if (!s || sqlite3_bind_blob(s, 1, x->digest, sizeof x->digest, SQLITE_STATIC))
        return db_fail(&l->db, why, "learn");
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        out->id = (uint64_t)sqlite3_column_int64(s, 0);
        out->klass = sqlite3_column_int(s, 1);
        out->state = sqlite3_column_int(s, 2);
        const void *teacher = sqlite3_column_blob(s, 3);
        out->agrees = span_eq(x->teacher, span_of(teacher, (size_t)sqlite3_column_bytes(s, 3)));
    }
    sqlite3_reset(s);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? POSSE_OK : db_fail(&l->db, why, "learn");
    if (out->agrees || out->klass != (int)x->klass)
        return POSSE_OK;
    s = db_stmt(&l->db, STMT_AGREES);
    if (!s || sqlite3_bind_blob(s, 1, x->digest, sizeof x->digest, SQLITE_STATIC) ||
        sqlite3_bind_int64(s, 2, (sqlite3_int64)out->id) ||
        sqlite3_bind_text(s, 3, (const char *)x->teacher.p, (int)x->teacher.n, SQLITE_STATIC))
        return db_fail(&l->db, why, "learn");
    rc = sqlite3_step(s);
    out->agrees = rc == SQLITE_ROW;
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? POSSE_OK : db_fail(&l->db, why, "learn");
}

static int insert(struct lessons *l, const struct lesson *x, enum lesson_state state, uint64_t *id_out, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&l->db, STMT_INSERT);
    if (!s || sqlite3_bind_int64(s, 1, x->time_ms) ||
        sqlite3_bind_text(s, 2, (const char *)x->teacher.p, (int)x->teacher.n, SQLITE_STATIC) ||
        sqlite3_bind_text(s, 3, (const char *)x->door.p, (int)x->door.n, SQLITE_STATIC) ||
        sqlite3_bind_int(s, 4, (int)x->klass) ||
        sqlite3_bind_blob(s, 5, x->digest, sizeof x->digest, SQLITE_STATIC) ||
        sqlite3_bind_int64(s, 6, x->extractor) || sqlite3_bind_int(s, 7, (int)state) || db_run(s))
        return db_fail(&l->db, why, "learn");
    sqlite3_int64 id = sqlite3_last_insert_rowid(l->db.h);
    s = db_stmt(&l->db, STMT_FEATURES);
    if (!s || sqlite3_bind_int64(s, 1, id) || sqlite3_bind_int64(s, 2, (sqlite3_int64)lessons_sum(x)) ||
        sqlite3_bind_blob(s, 3, x->features.p, (int)x->features.n, SQLITE_STATIC) || db_run(s))
        return db_fail(&l->db, why, "learn");
    *id_out = (uint64_t)id;
    return POSSE_OK;
}

static int supersede(struct lessons *l, uint64_t id, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&l->db, STMT_SET_STATE);
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id) || sqlite3_bind_int(s, 2, LESSON_SUPERSEDED) || db_run(s))
        return db_fail(&l->db, why, "learn");
    return lessons_note_change(l, id, why);
}

struct added { uint64_t id, superseded; bool exists; };

static int append_in_txn(struct lessons *l, const struct lesson *x, struct added *out, struct report *why)
{
    struct holder h;
    int rc = find_holder(l, x, &h, why);
    if (rc)
        return rc;
    uint64_t id;
    if (h.id && h.klass == (int)x->klass) {
        *out = (struct added){.id = h.id, .exists = true};
        return h.agrees ? POSSE_OK : insert(l, x, LESSON_SUPERSEDED, &id, why);
    }
    rc = insert(l, x, LESSON_LIVE, &id, why);
    *out = (struct added){.id = id};
    if (!rc && h.id && h.state == LESSON_LIVE) {
        out->superseded = h.id;
        rc = supersede(l, h.id, why);
    }
    return rc;
}

int lessons_append(struct lessons *l, const struct lesson *in, uint64_t *id_out, uint64_t *superseded_out,
                   struct report *why)
{
    assert(!l->in_each);
    *id_out = 0;
    *superseded_out = 0;
    struct added got = {0};
    int rc = check_lesson(l, in, why);
    if (rc == POSSE_OK && l->doomed)
        rc = report_set(why, l->doomed, "%s: an earlier lesson of this batch failed (%s)", l->db.path,
                        posse_strerror(l->doomed));
    if (rc == POSSE_OK && !l->in_batch)
        rc = db_begin(&l->db, why, "learn");
    if (rc && !l->in_batch)
        return rc;
    if (rc == POSSE_OK)
        rc = append_in_txn(l, in, &got, why);
    if (!l->in_batch)
        rc = db_end(&l->db, rc, why, "learn");
    else if (rc)
        l->doomed = rc;
    if (rc)
        return rc;
    *id_out = got.id;
    *superseded_out = got.superseded;
    if (got.exists)
        return report_set(why, POSSE_EEXIST, "this very lesson is there already, as number %llu", (unsigned long long)got.id);
    return POSSE_OK;
}
