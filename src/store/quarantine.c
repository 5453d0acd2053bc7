/* quarantine: putting mail in, letting it out, letting it go. */
#include "store/quarantine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/quarantine_priv.h"

enum { RCPT_BYTES_MAX = 4 << 20, PACK_MAX = 1 << 30, ROWS_A_TIME = 200 };

static const char schema[] =
    "CREATE TABLE items("
    " id INTEGER PRIMARY KEY AUTOINCREMENT," /* never used again: a number that somebody noted stays that item's */
    " time_ms INTEGER NOT NULL,"
    " door TEXT NOT NULL, queue_id TEXT NOT NULL, verdict_id TEXT NOT NULL, client_addr TEXT NOT NULL, helo TEXT NOT NULL,"
    " mail_from TEXT NOT NULL, header_from TEXT NOT NULL, subject TEXT NOT NULL, auth_user TEXT NOT NULL,"
    " rcpt BLOB NOT NULL, n_rcpt INTEGER NOT NULL, action TEXT NOT NULL, bits REAL NOT NULL, reasons TEXT NOT NULL,"
    " digest BLOB NOT NULL CHECK(length(digest) = 32),"
    " mail_digest BLOB NOT NULL CHECK(length(mail_digest) = 32),"
    " size INTEGER NOT NULL, stored INTEGER NOT NULL,"
    " state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 2),"
    " released_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX items_digest ON items(digest, stored);"
    "CREATE INDEX items_released ON items(mail_digest) WHERE state != 0;"
    "CREATE INDEX items_time ON items(time_ms);";

/* States are written as numbers: 0 kept, 1 releasing, 2 released (enum quarantine_state). */
static const char *const texts[QUARANTINE_STMTS] = {
    [QUARANTINE_INSERT] = "INSERT INTO items(time_ms, door, queue_id, verdict_id, client_addr, helo, mail_from, header_from, "
                          "subject, auth_user, rcpt, n_rcpt, action, bits, reasons, digest, mail_digest, size, stored, state, "
                          "released_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
                          "?18, ?19, 0, 0)",
    [QUARANTINE_STANDING] = "SELECT state, released_ms FROM items WHERE id = ?1",
    [QUARANTINE_MARK] = "UPDATE items SET state = ?2, released_ms = ?3 WHERE id = ?1",
    [QUARANTINE_BYTES_OF] = "SELECT digest, size FROM items WHERE id = ?1",
    [QUARANTINE_NAMES] = "SELECT 1 FROM items WHERE digest = ?1 LIMIT 1",
    [QUARANTINE_WAS_RELEASED] = "SELECT rcpt, n_rcpt FROM items WHERE mail_digest = ?1 AND state != 0",
    [QUARANTINE_DELETE] = "DELETE FROM items WHERE id = ?1",
    [QUARANTINE_OLD] = "SELECT id, digest FROM items WHERE time_ms < ?1 ORDER BY time_ms LIMIT ?2",
};

static const struct db_kind kind = {
    .noun = "quarantine",
    .app_id = 0x506f7351, /* "PosQ" */
    .format = 1,
    .first = "PRAGMA page_size = 4096;",
    .then = "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 8388608;",
    .schema = schema,
    .when_damaged = "restore it from a copy; the messages are in the folders beside it",
    .texts = texts,
    .n_texts = QUARANTINE_STMTS,
};

int quarantine_open(const char *folder, struct quarantine **out, struct report *why)
{
    *out = NULL;
    char path[QUARANTINE_PATH_MAX];
    if (snprintf(path, sizeof path, "%s/index.db", folder) >= (int)sizeof path)
        return report_set(why, POSSE_EINVAL, "%s: the path is too long", folder);
    struct quarantine *q = calloc(1, sizeof *q);
    if (!q || !(q->folder = strdup(folder))) {
        free(q);
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", folder);
    }
    buf_init(&q->pack, PACK_MAX);
    int rc = db_open(&q->db, path, &kind, why);
    if (rc)
        quarantine_close(&q);
    *out = q;
    return rc;
}

void quarantine_close(struct quarantine **q)
{
    if (!q || !*q)
        return;
    db_close(&(*q)->db);
    buf_deinit(&(*q)->pack);
    free((*q)->folder);
    free(*q);
    *q = NULL;
}

/* ---- in ---- */

static int bind_item(struct quarantine *q, sqlite3_stmt *s, const struct quarantine_item *x, const uint8_t digest[32], uint64_t size,
                     uint64_t stored)
{
    const struct span texts_of[] = {x->door, x->queue_id, x->verdict_id, x->client_addr, x->helo, x->from, x->header_from,
                                    x->subject, x->auth_user};
    int rc = sqlite3_bind_int64(s, 1, x->time_ms);
    for (int i = 0; i < 9 && !rc; i++)
        rc = db_bind_text(s, 2 + i, i == 5 ? texts_of[i] : db_cut(texts_of[i], QUARANTINE_TEXT_MAX));
    rc = rc ? rc : db_bind_blob(s, 11, buf_span(&q->pack));
    rc = rc ? rc : sqlite3_bind_int64(s, 12, (sqlite3_int64)x->n_rcpt);
    rc = rc ? rc : db_bind_text(s, 13, db_cut(x->action, QUARANTINE_TEXT_MAX));
    rc = rc ? rc : sqlite3_bind_double(s, 14, x->bits == x->bits ? x->bits : 0);
    rc = rc ? rc : db_bind_text(s, 15, db_cut(x->reasons, QUARANTINE_TEXT_MAX));
    rc = rc ? rc : db_bind_blob(s, 16, span_of(digest, 32));
    rc = rc ? rc : db_bind_blob(s, 17, span_of(x->mail_digest, 32));
    rc = rc ? rc : sqlite3_bind_int64(s, 18, (sqlite3_int64)size);
    return rc ? rc : sqlite3_bind_int64(s, 19, (sqlite3_int64)stored);
}

static int insert(struct quarantine *q, const struct quarantine_item *x, const uint8_t digest[32], uint64_t size, uint64_t stored,
                  uint64_t *id_out, struct report *why)
{
    buf_clear(&q->pack);
    for (size_t i = 0; i < x->n_rcpt; i++)
        db_pack(&q->pack, x->rcpt[i]);
    if (buf_error(&q->pack) == POSSE_ENOMEM)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", q->folder);
    if (buf_error(&q->pack) || q->pack.n > RCPT_BYTES_MAX || x->from.n > RCPT_BYTES_MAX)
        return report_set(why, POSSE_ELIMIT, "%s: too many recipients to keep (%zu)", q->folder, x->n_rcpt);
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_INSERT);
    if (!s || bind_item(q, s, x, digest, size, stored) || db_run(s))
        return db_fail(&q->db, why, "keep a message");
    *id_out = (uint64_t)sqlite3_last_insert_rowid(q->db.h);
    return POSSE_OK;
}

/* Are these very bytes there, whole? */
static bool is_there(struct quarantine *q, const uint8_t digest[32], uint64_t size, uint64_t *stored_out)
{
    struct buf b;
    char path[QUARANTINE_PATH_MAX];
    if (quarantine_path(q, digest, path, NULL) || access(path, F_OK) != 0)
        return false;
    buf_init(&b, (size_t)size + 1);
    bool good = quarantine_file_read(q, digest, size, &b, stored_out, NULL) == POSSE_OK;
    buf_deinit(&b);
    return good;
}

/* Under the lock: name and row. *is_gone: the bytes that were to be relied on were removed meanwhile. */
static int put_locked(struct quarantine *q, const struct quarantine_item *x, struct quarantine_temp *t, const uint8_t digest[32],
                      uint64_t size, uint64_t stored, uint64_t *id_out, bool *is_gone, struct report *why)
{
    char path[QUARANTINE_PATH_MAX];
    int rc = quarantine_path(q, digest, path, why);
    *is_gone = !rc && t->fd < 0 && access(path, F_OK) != 0;
    if (rc || *is_gone)
        return rc ? rc : POSSE_ENOENT;
    rc = t->fd < 0 ? quarantine_file_sync(q, digest, why) : quarantine_temp_keep(q, t, digest, why);
    return rc ? rc : insert(q, x, digest, size, stored, id_out, why);
}

int quarantine_put(struct quarantine *q, const struct quarantine_item *in, struct span raw, uint64_t *id_out, struct report *why)
{
    uint8_t digest[32];
    struct quarantine_temp t = {.fd = -1};
    uint64_t stored = 0;
    *id_out = 0;
    sha256(raw, digest);
    bool is_gone = !is_there(q, digest, raw.n, &stored);
    int rc = POSSE_OK;
    do {
        if (is_gone)
            rc = quarantine_temp_write(q, raw, &t, &stored, why);
        if (!rc)
            rc = db_begin(&q->db, why, "keep a message");
        if (rc)
            break;
        rc = put_locked(q, in, &t, digest, raw.n, stored, id_out, &is_gone, why);
        rc = db_end(&q->db, rc, why, "keep a message");
        if (is_gone && t.fd < 0)
            rc = POSSE_OK;
    } while (is_gone && t.fd < 0);
    /* A name without a row: removed at once where that is possible, or it would wait for a sweep on a disk that may be full. */
    if (rc && t.fd >= 0 && !t.path[0] && db_begin(&q->db, NULL, "") == POSSE_OK)
        db_end(&q->db, quarantine_collect(q, digest, NULL), NULL, "");
    quarantine_temp_drop(&t);
    if (rc)
        *id_out = 0;
    return rc;
}

int quarantine_bytes(struct quarantine *q, uint64_t id, size_t max, struct buf *out, struct report *why)
{
    uint8_t digest[32];
    uint64_t size = 0, stored;
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_BYTES_OF);
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id))
        return db_fail(&q->db, why, "read the quarantine");
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        struct span d = db_column(s, 0);
        memset(digest, 0, sizeof digest);
        memcpy(digest, d.p, d.n < 32 ? d.n : 32);
        size = (uint64_t)sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    if (step != SQLITE_ROW)
        return step == SQLITE_DONE ? report_set(why, POSSE_ENOENT, "the quarantine holds no item %llu", (unsigned long long)id)
                                   : db_fail(&q->db, why, "read the quarantine");
    if (size > max)
        return report_set(why, POSSE_ETOOBIG, "item %llu has %llu bytes, over the limit of %zu", (unsigned long long)id,
                          (unsigned long long)size, max);
    return quarantine_file_read(q, digest, size, out, &stored, why);
}

/* ---- out ---- */

static int standing(struct quarantine *q, uint64_t id, int *state, int64_t *released_ms, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_STANDING);
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id))
        return db_fail(&q->db, why, "release");
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        *state = sqlite3_column_int(s, 0);
        *released_ms = sqlite3_column_int64(s, 1);
    }
    sqlite3_reset(s);
    if (step == SQLITE_DONE)
        return report_set(why, POSSE_ENOENT, "the quarantine holds no item %llu", (unsigned long long)id);
    return step == SQLITE_ROW ? POSSE_OK : db_fail(&q->db, why, "release");
}

static int mark(struct quarantine *q, uint64_t id, enum quarantine_state state, int64_t released_ms, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_MARK);
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id) || sqlite3_bind_int(s, 2, (int)state) ||
        sqlite3_bind_int64(s, 3, released_ms) || db_run(s))
        return db_fail(&q->db, why, "release");
    return POSSE_OK;
}

int quarantine_release_begin(struct quarantine *q, uint64_t id, bool again, struct report *why)
{
    int state = 0, rc = db_begin(&q->db, why, "release");
    int64_t released_ms = 0;
    if (rc)
        return rc;
    rc = standing(q, id, &state, &released_ms, why);
    if (!rc && !again && state == QUARANTINE_RELEASED)
        rc = report_set(why, POSSE_EEXIST, "item %llu was released before", (unsigned long long)id);
    if (!rc && !again && state == QUARANTINE_RELEASING)
        rc = report_set(why, POSSE_EBUSY, "item %llu is being released, or that was broken off", (unsigned long long)id);
    if (!rc)
        rc = mark(q, id, QUARANTINE_RELEASING, released_ms, why);
    return db_end(&q->db, rc, why, "release");
}

int quarantine_release_end(struct quarantine *q, uint64_t id, bool is_sent, int64_t now_ms, struct report *why)
{
    int state = 0, rc = db_begin(&q->db, why, "release");
    int64_t released_ms = 0;
    if (rc)
        return rc;
    rc = standing(q, id, &state, &released_ms, why);
    if (!rc && is_sent)
        rc = mark(q, id, QUARANTINE_RELEASED, now_ms, why);
    else if (!rc)
        rc = mark(q, id, released_ms ? QUARANTINE_RELEASED : QUARANTINE_KEPT, released_ms, why);
    return db_end(&q->db, rc, why, "release");
}

/* ---- gone ---- */

struct doomed { uint64_t id[ROWS_A_TIME]; uint8_t digest[ROWS_A_TIME][32]; size_t n; };

static int delete_row(struct quarantine *q, uint64_t id, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_DELETE);
    if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)id) || db_run(s))
        return db_fail(&q->db, why, "remove");
    return POSSE_OK;
}

/* Rows first: should it end here, there are bytes without a row, never a row without bytes. */
static int remove_items(struct quarantine *q, const struct doomed *d, struct report *why)
{
    int rc = db_begin(&q->db, why, "remove");
    if (rc)
        return rc;
    for (size_t i = 0; i < d->n && !rc; i++)
        rc = delete_row(q, d->id[i], why);
    rc = db_end(&q->db, rc, why, "remove");
    if (!rc)
        rc = db_begin(&q->db, why, "remove");
    if (rc)
        return rc;
    for (size_t i = 0; i < d->n && !rc; i++)
        rc = quarantine_collect(q, d->digest[i], why);
    return db_end(&q->db, rc, why, "remove");
}

static int find_doomed(struct quarantine *q, int64_t before_ms, int limit, struct doomed *d, struct report *why)
{
    d->n = 0;
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_OLD);
    if (!s || sqlite3_bind_int64(s, 1, before_ms) || sqlite3_bind_int(s, 2, limit))
        return db_fail(&q->db, why, "expire");
    int step;
    while ((step = sqlite3_step(s)) == SQLITE_ROW && d->n < ROWS_A_TIME) {
        struct span digest = db_column(s, 1);
        d->id[d->n] = (uint64_t)sqlite3_column_int64(s, 0);
        memset(d->digest[d->n], 0, 32);
        memcpy(d->digest[d->n++], digest.p, digest.n < 32 ? digest.n : 32);
    }
    sqlite3_reset(s);
    return step == SQLITE_DONE || step == SQLITE_ROW ? POSSE_OK : db_fail(&q->db, why, "expire");
}

static int expire_old(struct quarantine *q, int64_t before_ms, struct doomed *d, uint64_t *n_out, struct report *why)
{
    int rc;
    do {
        rc = find_doomed(q, before_ms, ROWS_A_TIME, d, why);
        if (!rc && d->n)
            rc = remove_items(q, d, why);
        *n_out += rc ? 0 : d->n;
    } while (!rc && d->n == ROWS_A_TIME);
    return rc;
}

#define STORED "SELECT total(stored) FROM (SELECT DISTINCT digest, stored FROM items)"

static int expire_surplus(struct quarantine *q, uint64_t max_bytes, struct doomed *d, uint64_t *n_out, struct report *why)
{
    for (;;) {
        int64_t bytes, rows;
        int rc = db_number(&q->db, STORED, &bytes, why);
        rc = rc ? rc : db_number(&q->db, "SELECT count(*) FROM items", &rows, why);
        if (rc || bytes <= (int64_t)max_bytes || rows == 0)
            return rc;
        int64_t want = (bytes - (int64_t)max_bytes) / (bytes / rows + 1);
        rc = find_doomed(q, INT64_MAX, want < 1 ? 1 : want < ROWS_A_TIME ? (int)want : ROWS_A_TIME, d, why);
        if (!rc)
            rc = remove_items(q, d, why);
        if (rc)
            return rc;
        *n_out += d->n;
    }
}

int quarantine_expire(struct quarantine *q, int64_t before_ms, uint64_t max_bytes, uint64_t *n_out, struct report *why)
{
    *n_out = 0;
    struct doomed *d = malloc(sizeof *d);
    if (!d)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", q->folder);
    int rc = expire_old(q, before_ms, d, n_out, why);
    if (!rc && max_bytes)
        rc = expire_surplus(q, max_bytes, d, n_out, why);
    free(d);
    unsigned n = q->was_swept ? 1 : 256;
    for (; n && !rc; n--)
        rc = quarantine_sweep(q, q->next_sweep++ & 0xff, why);
    q->was_swept |= !rc;
    return rc;
}

int quarantine_remove(struct quarantine *q, uint64_t id, struct report *why)
{
    struct doomed *d = malloc(sizeof *d);
    if (!d)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", q->folder);
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_BYTES_OF);
    int step = s && sqlite3_bind_int64(s, 1, (sqlite3_int64)id) == SQLITE_OK ? sqlite3_step(s) : SQLITE_ERROR;
    d->n = 0;
    if (step == SQLITE_ROW) {
        struct span digest = db_column(s, 0);
        d->id[0] = id;
        memset(d->digest[0], 0, 32);
        memcpy(d->digest[d->n++], digest.p, digest.n < 32 ? digest.n : 32);
    }
    if (s)
        sqlite3_reset(s);
    int rc = step == SQLITE_ROW    ? remove_items(q, d, why)
             : step == SQLITE_DONE ? report_set(why, POSSE_ENOENT, "the quarantine holds no item %llu", (unsigned long long)id)
                                   : db_fail(&q->db, why, "remove");
    free(d);
    return rc;
}
