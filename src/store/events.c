/* events: opening history and adding to it.
 *
 * Features stand in a table of their own: listing never reads them, and they go earlier than their row. Both tables have an
 * index by time, for a clock may jump and what is oldest is not what came first; the one of events holds the class too, so
 * that counting reads the index alone.
 *
 * Measured beside other work on two busy cores, 50,000 rows with eight reasons each, 500 a transaction: 860 bytes a row and
 * 97-116 k rows/s without features, 4.5 KB and 25 k/s with 3 KB of them. Pages of 8 KB: 53-65 k/s, 5.1 KB; of 32 KB: 74-96 k/s,
 * 4.1 KB, but twice as long a step of pruning (at most 215 ms, 140 ms here). */
#include "store/events.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/events_priv.h"
#include "store/lessons.h"

static const char schema[] =
    "CREATE TABLE events("
    " n INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL COLLATE NOCASE,"
    " time_ms INTEGER NOT NULL,"
    " door TEXT NOT NULL, queue_id TEXT NOT NULL, message_id TEXT NOT NULL,"
    " client_addr TEXT NOT NULL, client_name TEXT NOT NULL, helo TEXT NOT NULL,"
    " mail_from TEXT NOT NULL, header_from TEXT NOT NULL, auth_user TEXT NOT NULL, subject TEXT NOT NULL,"
    " rcpt BLOB NOT NULL, n_rcpt INTEGER NOT NULL,"
    " size INTEGER NOT NULL, digest BLOB,"
    " klass INTEGER NOT NULL, bits REAL NOT NULL, probability REAL NOT NULL, threshold REAL NOT NULL,"
    " action TEXT NOT NULL, would TEXT NOT NULL, quarantine_id TEXT NOT NULL, campaign TEXT NOT NULL,"
    " reasons BLOB NOT NULL, flip TEXT NOT NULL, extractor INTEGER NOT NULL, seconds REAL NOT NULL,"
    " taught INTEGER NOT NULL DEFAULT -1) STRICT;" /* -1 nothing, 0 ham, 1 spam */
    "CREATE UNIQUE INDEX events_id ON events(id);"
    "CREATE INDEX events_time ON events(time_ms, n, klass);"
    "CREATE TABLE features("
    " event INTEGER PRIMARY KEY REFERENCES events(n) ON DELETE CASCADE,"
    " time_ms INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;"
    "CREATE INDEX features_time ON features(time_ms);";

#define OLDEST(table, column) "SELECT " column " FROM " table " WHERE time_ms < ?1 ORDER BY time_ms LIMIT ?2"
const char *const events_texts[EVENTS_STMTS] = {
    [EVENTS_INSERT] = "INSERT INTO events(" EVENTS_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
                      "?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)",
    [EVENTS_FEATURES] = "INSERT INTO features(event, time_ms, bytes) VALUES(?1, ?2, ?3)",
    [EVENTS_TAUGHT] = "UPDATE events SET taught = ?2 WHERE id = ?1",
    [EVENTS_DROP_FEATURES] = "DELETE FROM features WHERE event IN (" OLDEST("features", "event") ")",
    [EVENTS_DROP_OLD] = "DELETE FROM events WHERE n IN (" OLDEST("events", "n") ")",
    [EVENTS_DROP_FIRST] = "DELETE FROM events WHERE n IN (SELECT n FROM events ORDER BY time_ms LIMIT ?1)",
    [EVENTS_FORGET] = "DELETE FROM events WHERE digest = ?1",
};

static const struct db_kind kind = {
    .noun = "history",
    .app_id = 0x506f7345, /* "PosE" */
    .format = 1,
    .first = "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL;",
    .then = "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;"
            "PRAGMA journal_size_limit = 8388608;",
    .schema = schema,
    .when_damaged = "move it away, and a new one is made; only history is lost",
    .texts = events_texts,
    .n_texts = EVENTS_STMTS,
};

int events_open(const char *path, struct events **out, struct report *why)
{
    *out = NULL;
    struct events *e = calloc(1, sizeof *e);
    int rc = e ? db_open(&e->db, path, &kind, why) : report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    if (rc) {
        free(e);
        return rc;
    }
    buf_init(&e->pack, 1 << 20);
    *out = e;
    return POSSE_OK;
}

void events_close(struct events **e)
{
    if (!e || !*e)
        return;
    if ((*e)->in_batch)
        db_end(&(*e)->db, POSSE_EINVAL, NULL, "");
    buf_deinit(&(*e)->pack);
    db_close(&(*e)->db);
    free(*e);
    *e = NULL;
}

/* ---- adding ---- */

int events_begin(struct events *e, struct report *why)
{
    assert(!e->in_batch);
    int rc = db_begin(&e->db, why, "write history");
    e->in_batch = rc == POSSE_OK;
    e->doomed = POSSE_OK;
    return rc;
}

int events_commit(struct events *e, struct report *why)
{
    assert(e->in_batch);
    int rc = e->doomed;
    if (rc)
        report_set(why, rc, "%s: a row of this batch failed (%s), so none of it was kept", e->db.path, posse_strerror(rc));
    rc = db_end(&e->db, rc, why, "write history");
    e->in_batch = false;
    e->doomed = POSSE_OK;
    return rc;
}

/* What is kept of a text that some client may have made as long as it liked. */
static struct span cut(struct span s) { return db_cut(s, EVENT_TEXT_MAX); }

/* Recipients, then reasons, each with its bits (IEEE 754, 8 bytes) before. */
static int pack(struct events *e, const struct event *x, size_t *n_rcpt_bytes)
{
    struct buf *b = &e->pack;
    buf_clear(b);
    for (size_t i = 0; i < x->n_rcpt && i < EVENT_RCPT_MAX; i++)
        db_pack(b, cut(x->rcpt[i]));
    *n_rcpt_bytes = b->n;
    for (size_t i = 0; i < x->n_reasons && i < EVENT_REASONS_MAX; i++) {
        buf_add_double(b, x->reason[i].bits);
        db_pack(b, cut(x->reason[i].text));
    }
    return buf_error(b);
}

/* SQLite makes NULL of what is no number. */
static int bind_real(sqlite3_stmt *s, int column, double x) { return sqlite3_bind_double(s, column + 1, x == x ? x : 0); }

static int bind(sqlite3_stmt *s, const struct event *x, struct span rcpt, struct span reasons)
{
    const struct { int column; struct span text; } texts[] = {
        {COL_ID, x->id}, {COL_DOOR, x->door}, {COL_QUEUE, x->queue_id}, {COL_MESSAGE, x->message_id}, {COL_ADDR, x->client_addr},
        {COL_NAME, x->client_name}, {COL_HELO, x->helo}, {COL_FROM, x->from}, {COL_HEADER_FROM, x->header_from},
        {COL_AUTH, x->auth_user}, {COL_SUBJECT, x->subject}, {COL_ACTION, x->action}, {COL_WOULD, x->would},
        {COL_QUARANTINE, x->quarantine_id}, {COL_CAMPAIGN, x->campaign}, {COL_FLIP, x->flip},
    };
    const struct { int column; int64_t number; } numbers[] = {
        {COL_TIME, x->time_ms}, {COL_N_RCPT, (int64_t)x->n_rcpt}, {COL_SIZE, (int64_t)x->size_bytes}, {COL_KLASS, x->is_spam},
        {COL_EXTRACTOR, x->extractor},
    };
    int rc = SQLITE_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !rc; i++)
        rc = db_bind_text(s, texts[i].column + 1, cut(texts[i].text));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !rc; i++)
        rc = sqlite3_bind_int64(s, numbers[i].column + 1, numbers[i].number);
    rc = rc ? rc : db_bind_blob(s, COL_RCPT + 1, rcpt);
    rc = rc ? rc : db_bind_blob(s, COL_REASONS + 1, reasons);
    rc = rc || !x->digest ? rc : db_bind_blob(s, COL_DIGEST + 1, span_of(x->digest, 32));
    rc = rc ? rc : bind_real(s, COL_BITS, x->bits);
    rc = rc ? rc : bind_real(s, COL_PROBABILITY, x->probability);
    rc = rc ? rc : bind_real(s, COL_THRESHOLD, x->threshold_bits);
    return rc ? rc : bind_real(s, COL_SECONDS, x->seconds);
}

static int insert(struct events *e, const struct event *x, struct report *why)
{
    size_t n_rcpt_bytes;
    if (pack(e, x, &n_rcpt_bytes))
        return report_set(why, buf_error(&e->pack), "%s: out of memory", e->db.path);
    struct span all = buf_span(&e->pack);
    sqlite3_stmt *s = db_stmt(&e->db, EVENTS_INSERT);
    if (!s || bind(s, x, span_sub(all, 0, n_rcpt_bytes), span_sub(all, n_rcpt_bytes, all.n)))
        return db_fail(&e->db, why, "write history");
    int rc = db_run(s);
    if (rc == SQLITE_CONSTRAINT_UNIQUE)
        return report_set(why, POSSE_EEXIST, "%s: a row of this id is there already", e->db.path);
    if (rc)
        return db_fail(&e->db, why, "write history");
    if (!x->features.n || x->features.n > LESSON_FEATURES_MAX)
        return POSSE_OK;
    sqlite3_int64 n = sqlite3_last_insert_rowid(e->db.h);
    s = db_stmt(&e->db, EVENTS_FEATURES);
    if (!s || sqlite3_bind_int64(s, 1, n) || sqlite3_bind_int64(s, 2, x->time_ms) || db_bind_blob(s, 3, x->features) || db_run(s))
        return db_fail(&e->db, why, "write history");
    return POSSE_OK;
}

int events_append(struct events *e, const struct event *in, struct report *why)
{
    assert(e->in_batch);
    if (e->doomed)
        return report_set(why, e->doomed, "%s: an earlier row of this batch failed (%s)", e->db.path, posse_strerror(e->doomed));
    if (!in->id.n || in->id.n > EVENT_TEXT_MAX || in->n_rcpt > UINT32_MAX)
        return report_set(why, POSSE_EINVAL, "%s: a row needs an id", e->db.path);
    int rc = insert(e, in, why);
    if (rc && rc != POSSE_EEXIST)
        e->doomed = rc;
    return rc;
}

int events_mark_taught(struct events *e, struct span id, bool is_spam, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&e->db, EVENTS_TAUGHT);
    if (!s || db_bind_text(s, 1, cut(id)) || sqlite3_bind_int(s, 2, is_spam) || db_run(s))
        return db_fail(&e->db, why, "write history");
    if (sqlite3_changes(e->db.h) == 0)
        return report_set(why, POSSE_ENOENT, "%s: no row %.*s", e->db.path, (int)cut(id).n, (const char *)id.p);
    return POSSE_OK;
}
