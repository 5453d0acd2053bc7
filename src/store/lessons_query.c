/* lessons_query: reading the journal. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "store/lessons_priv.h"

void lessons_where(char out[LESSONS_WHERE_MAX], const struct lesson_filter *f, const char *extra)
{
    snprintf(out, LESSONS_WHERE_MAX, "WHERE 1%s%s%s%s%s%s%s%s%s",
             f->id ? " AND lessons.id = :id" : "", f->after_id ? " AND lessons.id > :after" : "",
             f->teacher.n ? " AND teacher = :teacher" : "", f->since_ms ? " AND time_ms >= :since" : "",
             f->until_ms ? " AND time_ms < :until" : "", f->digest ? " AND digest = :digest" : "",
             f->klass >= 0 ? " AND klass = :klass" : "", f->live_only ? " AND state = 0" : "", extra);
}

static int bind_int(sqlite3_stmt *s, const char *name, int64_t value)
{
    int i = sqlite3_bind_parameter_index(s, name);
    return i ? sqlite3_bind_int64(s, i, value) : SQLITE_OK;
}

int lessons_bind(sqlite3_stmt *s, const struct lesson_filter *f, uint64_t sealed_up_to)
{
    int rc = bind_int(s, ":id", (int64_t)f->id);
    rc = rc ? rc : bind_int(s, ":after", (int64_t)f->after_id);
    rc = rc ? rc : bind_int(s, ":since", f->since_ms);
    rc = rc ? rc : bind_int(s, ":until", f->until_ms);
    rc = rc ? rc : bind_int(s, ":klass", f->klass);
    rc = rc ? rc : bind_int(s, ":limit", f->limit && f->limit < INT64_MAX ? (int64_t)f->limit : -1);
    rc = rc ? rc : bind_int(s, ":sealed", (int64_t)sealed_up_to);
    int i = sqlite3_bind_parameter_index(s, ":teacher");
    if (!rc && i)
        rc = sqlite3_bind_text(s, i, (const char *)f->teacher.p, (int)f->teacher.n, SQLITE_STATIC);
    i = sqlite3_bind_parameter_index(s, ":digest");
    if (!rc && i)
        rc = sqlite3_bind_blob(s, i, f->digest, 32, SQLITE_STATIC);
    return rc;
}

/* Columns: id, time_ms, teacher, door, klass, digest, extractor, state[, sum, bytes]. */
static bool read_row(sqlite3_stmt *s, struct lesson *x)
{
    *x = (struct lesson){.id = (uint64_t)sqlite3_column_int64(s, 0), .time_ms = sqlite3_column_int64(s, 1)};
    x->teacher.p = sqlite3_column_blob(s, 2);
    x->teacher.n = (size_t)sqlite3_column_bytes(s, 2);
    x->door.p = sqlite3_column_blob(s, 3);
    x->door.n = (size_t)sqlite3_column_bytes(s, 3);
    int klass = sqlite3_column_int(s, 4), state = sqlite3_column_int(s, 7);
    const void *digest = sqlite3_column_blob(s, 5);
    if (!digest || sqlite3_column_bytes(s, 5) != (int)sizeof x->digest || (klass != LESSON_HAM && klass != LESSON_SPAM) ||
        state < LESSON_LIVE || state > LESSON_SEALED)
        return false;
    x->klass = klass ? LESSON_SPAM : LESSON_HAM;
    x->state = (enum lesson_state)state;
    memcpy(x->digest, digest, sizeof x->digest);
    x->extractor = (uint32_t)sqlite3_column_int64(s, 6);
    return true;
}

static bool read_features(sqlite3_stmt *s, struct lesson *x)
{
    if (sqlite3_column_type(s, 9) == SQLITE_NULL)
        return x->state != LESSON_LIVE; /* sealed or settled */
    x->features.p = sqlite3_column_blob(s, 9);
    x->features.n = (size_t)sqlite3_column_bytes(s, 9);
    return x->features.n && (uint64_t)sqlite3_column_int64(s, 8) == lessons_sum(x);
}

static int damaged(struct lessons *l, uint64_t id, struct report *why)
{
    return report_set(why, POSSE_ECORRUPT, "%s: lesson %llu is damaged; restore the file from a copy, or forget that lesson",
                      l->db.path, (unsigned long long)id);
}

static int each_row(struct lessons *l, sqlite3_stmt *s, bool with_features, int (*fn)(void *, const struct lesson *),
                    void *ctx, struct report *why)
{
    for (;;) {
        int rc = sqlite3_step(s);
        if (rc == SQLITE_DONE)
            return POSSE_OK;
        if (rc != SQLITE_ROW)
            return db_fail(&l->db, why, "read the lessons");
        struct lesson x;
        if (!read_row(s, &x) || (with_features && !read_features(s, &x)))
            return damaged(l, (uint64_t)sqlite3_column_int64(s, 0), why);
        l->in_each = true;
        rc = fn(ctx, &x);
        l->in_each = false;
        if (rc)
            return rc;
    }
}

int lessons_each(struct lessons *l, const struct lesson_filter *f, bool with_features,
                 int (*fn)(void *ctx, const struct lesson *), void *ctx, struct report *why)
{
    assert(!l->in_each);
    char where[LESSONS_WHERE_MAX], sql[2 * LESSONS_WHERE_MAX];
    lessons_where(where, f, "");
    snprintf(sql, sizeof sql, "SELECT id, time_ms, teacher, door, klass, digest, extractor, state%s FROM lessons %s%s "
             "ORDER BY lessons.id%s LIMIT :limit", with_features ? ", sum, bytes" : "",
             with_features ? "LEFT JOIN features ON features.lesson = lessons.id " : "", where,
             f->newest_first ? " DESC" : "");
    sqlite3_stmt *s = NULL;
    int rc;
    if (sqlite3_prepare_v2(l->db.h, sql, -1, &s, NULL) || lessons_bind(s, f, 0))
        rc = db_fail(&l->db, why, "read the lessons");
    else
        rc = each_row(l, s, with_features, fn, ctx, why);
    sqlite3_finalize(s);
    return rc;
}

static void count_group(struct lessons_count *c, int state, int klass, uint64_t n)
{
    switch (state) {
    case LESSON_LIVE: *(klass == LESSON_SPAM ? &c->live_spam : &c->live_ham) += n; break;
    case LESSON_REVOKED: c->revoked += n; break;
    case LESSON_SUPERSEDED: c->superseded += n; break;
    case LESSON_SEALED: c->sealed += n; break;
    }
}

/* One number of a statement; 0 when it gives no row. */
static int one_number(struct lessons *l, enum lessons_stmt id, uint64_t arg, uint64_t *out, struct report *why)
{
    *out = 0;
    sqlite3_stmt *s = db_stmt(&l->db, id);
    if (!s || (sqlite3_bind_parameter_count(s) && sqlite3_bind_int64(s, 1, (sqlite3_int64)arg)))
        return db_fail(&l->db, why, "read the lessons");
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *out = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? POSSE_OK : db_fail(&l->db, why, "read the lessons");
}

int lessons_count(struct lessons *l, struct lessons_count *out, struct report *why)
{
    *out = (struct lessons_count){0};
    sqlite3_stmt *s = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(l->db.h, "SELECT state, klass, count(*) FROM lessons GROUP BY 1, 2", -1, &s, NULL) == SQLITE_OK)
        while ((step = sqlite3_step(s)) == SQLITE_ROW)
            count_group(out, sqlite3_column_int(s, 0), sqlite3_column_int(s, 1), (uint64_t)sqlite3_column_int64(s, 2));
    int rc = step == SQLITE_DONE ? POSSE_OK : db_fail(&l->db, why, "count the lessons");
    sqlite3_finalize(s);
    struct lessons_meta meta = {0};
    if (!rc)
        rc = lessons_meta(l, &meta, why);
    if (!rc)
        rc = one_number(l, STMT_LAST_ID, 0, &out->last_id, why);
    if (!rc)
        rc = lessons_changed_since(l, 0, &out->oldest_changed, why);
    out->sealed_up_to = meta.sealed_up_to;
    out->file_bytes = db_file_bytes(&l->db);
    return rc;
}

int lessons_epoch(struct lessons *l, uint64_t *epoch_out, struct report *why)
{
    struct lessons_meta meta = {0};
    int rc = lessons_meta(l, &meta, why);
    *epoch_out = meta.epoch;
    return rc;
}

int lessons_sealed_up_to(struct lessons *l, uint64_t *id_out, struct report *why)
{
    struct lessons_meta meta = {0};
    int rc = lessons_meta(l, &meta, why);
    *id_out = meta.sealed_up_to;
    return rc;
}

int lessons_changed_since(struct lessons *l, uint64_t epoch, uint64_t *oldest_out, struct report *why)
{
    return one_number(l, STMT_CHANGED_SINCE, epoch < INT64_MAX ? epoch : INT64_MAX, oldest_out, why);
}

/* ---- checking ---- */

/* A query that must give no row; the first column of one that it gives is a lesson's number. */
static int check_none(struct lessons *l, const char *sql, const char *what, struct report *why)
{
    sqlite3_stmt *s = NULL;
    int rc = POSSE_OK, step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(l->db.h, sql, -1, &s, NULL) == SQLITE_OK)
        step = sqlite3_step(s);
    if (step == SQLITE_ROW)
        rc = report_set(why, POSSE_ECORRUPT, "%s: lesson %lld: %s; restore the file from a copy", l->db.path,
                        (long long)sqlite3_column_int64(s, 0), what);
    else if (step != SQLITE_DONE)
        rc = db_fail(&l->db, why, "check the lessons");
    sqlite3_finalize(s);
    return rc;
}

static int ignore(void *ctx, const struct lesson *x)
{
    (void)ctx;
    (void)x;
    return 0;
}

int lessons_check(struct lessons *l, struct report *why)
{
    int rc = db_check(&l->db, why);
    if (!rc)
        rc = lessons_each(l, &LESSON_FILTER_ANY, true, ignore, NULL, why);
    if (!rc)
        rc = check_none(l, "SELECT lesson FROM features WHERE lesson NOT IN (SELECT id FROM lessons) LIMIT 1",
                        "features without a lesson", why);
    if (!rc)
        rc = check_none(l, "SELECT max(id) FROM lessons WHERE state = 0 GROUP BY digest HAVING count(*) > 1 LIMIT 1",
                        "two live lessons on one message", why);
    return rc;
}
