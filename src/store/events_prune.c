/* events_prune: what is too old or too much goes, a little at a time: a call holds the write lock for some milliseconds. */
#include "base/error.h"
#include "store/events_priv.h"

enum { ROWS_A_CALL = 500, PAGES_A_CALL = 256 };

static int drop(struct events *e, enum events_stmt which, int64_t before_ms, int64_t limit, int64_t *n, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&e->db, which);
    bool by_time = which != EVENTS_DROP_FIRST;
    if (!s || (by_time && sqlite3_bind_int64(s, 1, before_ms)) || sqlite3_bind_int64(s, by_time ? 2 : 1, limit) || db_run(s))
        return db_fail(&e->db, why, "prune history");
    *n = sqlite3_changes64(e->db.h);
    return POSSE_OK;
}

struct pages { int64_t size, all, unused; };

static int count_pages(struct events *e, struct pages *out, struct report *why)
{
    int rc = db_number(&e->db, "PRAGMA page_size", &out->size, why);
    rc = rc ? rc : db_number(&e->db, "PRAGMA page_count", &out->all, why);
    return rc ? rc : db_number(&e->db, "PRAGMA freelist_count", &out->unused, why);
}

/* As many of the oldest rows as make up what is too much, going by the mean row, but not all in one call. */
static int drop_surplus(struct events *e, uint64_t max_bytes, bool *more, struct report *why)
{
    struct pages p;
    int64_t rows;
    int rc = count_pages(e, &p, why);
    int64_t used = (p.all - p.unused) * p.size;
    if (rc || used <= (int64_t)max_bytes)
        return rc;
    rc = db_number(&e->db, "SELECT (SELECT max(n) FROM events) - (SELECT min(n) FROM events) + 1", &rows, why); /* about */
    if (rc || rows == 0)
        return rc;
    int64_t want = (used - (int64_t)max_bytes) / (used / rows + 1) + 1, n = 0;
    rc = drop(e, EVENTS_DROP_FIRST, 0, want < ROWS_A_CALL ? want : ROWS_A_CALL, &n, why);
    *more |= n > 0;
    return rc;
}

/* Pages that hold nothing go back to the system when the file is too big, or a quarter of it is empty; otherwise the next rows
 * will fill them. */
static int give_back(struct events *e, uint64_t max_bytes, bool *more, struct report *why)
{
    struct pages p;
    int rc = count_pages(e, &p, why);
    bool is_big = max_bytes && p.all * p.size > (int64_t)max_bytes;
    if (rc || p.unused == 0 || (!is_big && (p.unused < PAGES_A_CALL || p.unused * 4 < p.all)))
        return rc;
    char sql[64];
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA incremental_vacuum(%d)", PAGES_A_CALL);
    if (sqlite3_exec(e->db.h, sql, NULL, NULL, NULL) != SQLITE_OK)
        return db_fail(&e->db, why, "prune history");
    *more |= p.unused > PAGES_A_CALL;
    return POSSE_OK;
}

int events_prune(struct events *e, int64_t before_ms, int64_t features_before_ms, uint64_t max_bytes, bool *more_out,
                 struct report *why)
{
    *more_out = false;
    int64_t rows = 0, features = 0;
    int rc = db_begin(&e->db, why, "prune history");
    if (rc)
        return rc;
    rc = drop(e, EVENTS_DROP_OLD, before_ms, ROWS_A_CALL, &rows, why);
    rc = rc ? rc : drop(e, EVENTS_DROP_FEATURES, features_before_ms, ROWS_A_CALL, &features, why);
    if (!rc && max_bytes && rows + features == 0)
        rc = drop_surplus(e, max_bytes, more_out, why);
    rc = db_end(&e->db, rc, why, "prune history");
    if (!rc && rows + features == 0)
        rc = give_back(e, max_bytes, more_out, why);
    *more_out |= rows == ROWS_A_CALL || features == ROWS_A_CALL || (rows + features > 0 && max_bytes);
    return rc;
}

int events_forget(struct events *e, const uint8_t digest[32], uint64_t *n_out, struct report *why)
{
    *n_out = 0;
    sqlite3_stmt *s = db_stmt(&e->db, EVENTS_FORGET);
    if (!s || db_bind_blob(s, 1, span_of(digest, 32)) || db_run(s))
        return db_fail(&e->db, why, "forget");
    *n_out = (uint64_t)sqlite3_changes64(e->db.h);
    /* The log still holds what was there; when a reader keeps it alive, the next checkpoint empties it. */
    sqlite3_wal_checkpoint_v2(e->db.h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return POSSE_OK;
}
