#include "store/obsdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "store/home.h"
#include "store/obsdb_priv.h"
#include "store/store_report.h"

enum { PIECE_BYTES = 4 << 20, STATE_LEVEL = 1, PACKED_MAX = 32 << 20 };

static const char schema[] =
    "CREATE TABLE state(name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(name, part)) STRICT;"
    "CREATE TABLE marks(input TEXT PRIMARY KEY, position BLOB NOT NULL) STRICT;"
    "CREATE TABLE originals("
    " n INTEGER PRIMARY KEY,"
    " campaign INTEGER NOT NULL, version INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
    " packed INTEGER NOT NULL," /* bytes of what follows */
    " text BLOB NOT NULL," /* subject, NUL, text */
    " raw BLOB NOT NULL) STRICT;"
    "CREATE INDEX originals_campaign ON originals(campaign, version, n, packed);"
    "CREATE TABLE templates("
    " campaign INTEGER NOT NULL, version INTEGER NOT NULL, made_ms INTEGER NOT NULL, first_ms INTEGER NOT NULL, held_ms INTEGER NOT NULL,"
    " texts INTEGER NOT NULL, seen INTEGER NOT NULL, matched INTEGER NOT NULL, proof INTEGER NOT NULL, refused TEXT NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY(campaign, version)) STRICT;"
    "CREATE TABLE told("
    " n INTEGER PRIMARY KEY, botnet TEXT NOT NULL, at_ms INTEGER NOT NULL, told_ms INTEGER NOT NULL, cause INTEGER NOT NULL,"
    " note TEXT NOT NULL, taken INTEGER NOT NULL DEFAULT 0) STRICT;";

#define ORIGINALS(raw) "SELECT version, time_ms, text, " raw " FROM originals WHERE campaign = ?1 AND (?2 < 0 OR version = ?2) ORDER BY n"
static const char *const texts[OBSDB_STMTS] = {
    [OBSDB_PUT] = "INSERT OR REPLACE INTO state(name, part, bytes) VALUES(?1, ?2, ?3)",
    [OBSDB_PUT_REST] = "DELETE FROM state WHERE name = ?1 AND part >= ?2",
    [OBSDB_GET] = "SELECT bytes FROM state WHERE name = ?1 ORDER BY part",
    [OBSDB_PUT_MARK] = "INSERT OR REPLACE INTO marks(input, position) VALUES(?1, ?2)",
    [OBSDB_MARKS] = "SELECT input, position FROM marks ORDER BY input",
    [OBSDB_KEEP] = "INSERT INTO originals(campaign, version, time_ms, packed, text, raw) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [OBSDB_ORIGINALS] = ORIGINALS("raw"),
    [OBSDB_TEXTS] = ORIGINALS("NULL"),
    [OBSDB_THIN] = "DELETE FROM originals WHERE n IN (SELECT n FROM (SELECT n, row_number() OVER (PARTITION BY version ORDER BY n) AS place"
                   " FROM originals WHERE campaign = ?1 AND version < ?2) WHERE place > ?3)",
    [OBSDB_OLDEST] = "SELECT n, packed FROM originals ORDER BY n",
    [OBSDB_RAWS] = "SELECT version, time_ms, text, raw, n, campaign FROM originals ORDER BY n",
    [OBSDB_FORGET] = "DELETE FROM originals WHERE n = ?1",
    [OBSDB_DROP_ORIGINAL] = "DELETE FROM originals WHERE n <= ?1",
    [OBSDB_DROP_LATER] = "DELETE FROM originals WHERE n > ?1",
    [OBSDB_PUT_TEMPLATE] = "INSERT OR REPLACE INTO templates VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [OBSDB_TEMPLATES] = "SELECT * FROM templates WHERE ?1 = 0 OR campaign = ?1 ORDER BY campaign, version",
    [OBSDB_DROP_ORIGINALS] = "DELETE FROM originals WHERE campaign = ?1",
    [OBSDB_DROP_TEMPLATES] = "DELETE FROM templates WHERE campaign = ?1",
    [OBSDB_TELL] = "INSERT INTO told(botnet, at_ms, told_ms, cause, note) VALUES(?1, ?2, ?3, ?4, ?5)",
    [OBSDB_TOLD] = "SELECT n, botnet, at_ms, told_ms, cause, note, taken FROM told ORDER BY n",
    [OBSDB_TAKEN] = "UPDATE told SET taken = 1 WHERE n = ?1",
};

static const struct db_kind kind = {
    .noun = "observatory",
    .app_id = 0x506f734f, /* "PosO" */
    .format = 1,
    .first = "PRAGMA page_size = 16384;",
    .then = "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 67108864;",
    .schema = schema,
    .when_damaged = "restore it from a copy, or move it away and observe the mail again",
    .texts = texts,
    .n_texts = OBSDB_STMTS,
};

/* ---- opening ---- */

static int open_file(struct obsdb *d, const char *home, bool is_writer, struct report *why)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/observatory.db", home);
    if (!is_writer && access(path, F_OK) != 0)
        return report_set(why, POSSE_ENOENT, "%s: nothing was observed yet; `posse observe PATH` reads a spam trap's mail", home);
    int rc = is_writer ? home_prepare(home, why) : POSSE_OK;
    if (!rc && is_writer)
        rc = home_lock(home, "observe.lock", "another process observes this home", &d->lock, why);
    return rc ? rc : db_open(&d->db, path, &kind, why);
}

int obsdb_open(const char *home, bool is_writer, struct obsdb **out, struct report *why)
{
    *out = NULL;
    struct obsdb *d = calloc(1, sizeof *d);
    if (!d)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", home);
    d->lock = -1;
    for (unsigned i = 0; i < 2; i++) {
        buf_init(&d->packed[i], PACKED_MAX);
        buf_init(&d->raw[i], PACKED_MAX);
    }
    d->pack = ZSTD_createCCtx();
    d->unpack = ZSTD_createDCtx();
    int rc = d->pack && d->unpack ? open_file(d, home, is_writer, why) : report_set(why, POSSE_ENOMEM, "%s: out of memory", home);
    if (rc)
        obsdb_close(&d);
    *out = d;
    return rc;
}

void obsdb_close(struct obsdb **dp)
{
    struct obsdb *d = dp ? *dp : NULL;
    if (!d)
        return;
    if (d->db.h)
        db_close(&d->db);
    for (unsigned i = 0; i < 2; i++) {
        buf_deinit(&d->packed[i]);
        buf_deinit(&d->raw[i]);
    }
    ZSTD_freeCCtx(d->pack);
    ZSTD_freeDCtx(d->unpack);
    if (d->lock >= 0)
        close(d->lock); /* the file stays: who waits for it may hold it open */
    free(d);
    *dp = NULL;
}

int obsdb_begin(struct obsdb *d, struct report *why) { return db_begin(&d->db, why, "save what was observed"); }
int obsdb_end(struct obsdb *d, int rc, struct report *why) { return db_end(&d->db, rc, why, "save what was observed"); }

int obsdb_hold(struct obsdb *d, struct report *why)
{
    return sqlite3_exec(d->db.h, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? POSSE_OK : db_fail(&d->db, why, "read what was observed");
}

void obsdb_release(struct obsdb *d) { sqlite3_exec(d->db.h, "COMMIT", NULL, NULL, NULL); }

/* ---- what the files of it share ---- */

int obsdb_run(struct obsdb *d, sqlite3_stmt *s, int bound, struct report *why)
{
    if (s && bound == SQLITE_OK && db_run(s) == SQLITE_OK)
        return POSSE_OK;
    return db_fail(&d->db, why, "save what was observed");
}

int obsdb_rows(struct obsdb *d, sqlite3_stmt *s, int (*fn)(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why), void *ctx,
               struct report *why)
{
    int rc = POSSE_OK, step = s ? SQLITE_ROW : SQLITE_NOMEM;
    while (!rc && s && (step = sqlite3_step(s)) == SQLITE_ROW)
        rc = fn(d, s, ctx, why);
    if (!rc && step != SQLITE_DONE)
        rc = db_fail(&d->db, why, "read what was observed");
    sqlite3_reset(s);
    return rc;
}

int obsdb_pack(struct obsdb *d, unsigned i, struct span in, int level, struct span *out, struct report *why)
{
    struct buf *b = &d->packed[i];
    size_t bound = ZSTD_compressBound(in.n);
    buf_clear(b);
    uint8_t *p = buf_reserve(b, bound);
    if (!p)
        return report_set(why, buf_error(b), "%s: %s", d->db.path, posse_strerror(buf_error(b)));
    ZSTD_CCtx_setParameter(d->pack, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(d->pack, ZSTD_c_compressionLevel, level);
    size_t n = ZSTD_compress2(d->pack, p, bound, in.p ? (const void *)in.p : "", in.n);
    if (ZSTD_isError(n))
        return report_set(why, POSSE_ENOMEM, "%s: cannot compress: %s", d->db.path, ZSTD_getErrorName(n));
    *out = span_of(p, n);
    return POSSE_OK;
}

int obsdb_unpack(struct obsdb *d, struct span in, size_t most, struct buf *out, struct report *why)
{
    unsigned long long n = ZSTD_getFrameContentSize(in.p, in.n);
    if (n == ZSTD_CONTENTSIZE_ERROR || n == ZSTD_CONTENTSIZE_UNKNOWN || n > most)
        return report_set(why, POSSE_ECORRUPT, "%s: damaged: %s", d->db.path, kind.when_damaged);
    if (n == 0)
        return POSSE_OK;
    uint8_t *p = buf_reserve(out, (size_t)n);
    if (!p)
        return report_set(why, buf_error(out), "%s: %s", d->db.path, posse_strerror(buf_error(out)));
    size_t got = ZSTD_decompressDCtx(d->unpack, p, (size_t)n, in.p, in.n);
    if (got == n) {
        out->n += got;
        return POSSE_OK;
    }
    if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", d->db.path);
    return report_set(why, POSSE_ECORRUPT, "%s: damaged: %s", d->db.path, kind.when_damaged);
}

/* ---- state ---- */

static int put_piece(struct obsdb *d, const char *name, int64_t part, struct span piece, struct report *why)
{
    struct span packed;
    int rc = obsdb_pack(d, 0, piece, STATE_LEVEL, &packed, why);
    if (rc)
        return rc;
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_PUT);
    int bound = s ? db_bind_text(s, 1, span_str(name)) | sqlite3_bind_int64(s, 2, part) | db_bind_blob(s, 3, packed) : SQLITE_NOMEM;
    return obsdb_run(d, s, bound, why);
}

/* What is cut into pieces here is one run of bytes to who reads it, wherever the cuts are. */
static int put_pieces(void *ctx, struct span bytes)
{
    struct obsdb *d = ctx;
    struct putting *p = &d->putting;
    int rc = POSSE_OK;
    if (p->bytes + bytes.n > OBSDB_STATE_MAX)
        return report_set(&p->why, POSSE_ELIMIT, "%s: the state \"%s\" is over %zu bytes", d->db.path, p->name, OBSDB_STATE_MAX);
    p->bytes += bytes.n;
    for (; bytes.n && !rc; bytes = span_sub(bytes, PIECE_BYTES, bytes.n))
        rc = put_piece(d, p->name, p->part++, span_sub(bytes, 0, PIECE_BYTES), &p->why);
    return rc;
}

/* The piece that a state has at least, and those of a longer one before it that are left. */
static int put_last(struct obsdb *d, struct report *why)
{
    struct putting *p = &d->putting;
    int rc = p->part ? POSSE_OK : put_piece(d, p->name, p->part++, SPAN_NONE, why);
    sqlite3_stmt *s = rc ? NULL : db_stmt(&d->db, OBSDB_PUT_REST);
    if (rc)
        return rc;
    return obsdb_run(d, s, s ? db_bind_text(s, 1, span_str(p->name)) | sqlite3_bind_int64(s, 2, p->part) : SQLITE_NOMEM, why);
}

int obsdb_put(struct obsdb *d, const char *name, struct span bytes, struct report *why)
{
    d->putting = (struct putting){.name = name};
    int rc = put_pieces(d, bytes);
    if (rc && why)
        *why = d->putting.why;
    return rc ? rc : put_last(d, why);
}

int obsdb_put_begin(struct obsdb *d, const char *name, struct buf *b)
{
    d->putting = (struct putting){.name = name};
    buf_init(b, OBSDB_STATE_MAX);
    b->spill = put_pieces;
    b->spill_ctx = d;
    b->spill_at = PIECE_BYTES;
    return POSSE_OK;
}

int obsdb_put_end(struct obsdb *d, struct buf *b, int rc, uint64_t *bytes_out, struct report *why)
{
    if (!rc)
        rc = buf_error(b);
    if (!rc)
        rc = put_pieces(d, buf_span(b));
    buf_deinit(b);
    if (bytes_out)
        *bytes_out = d->putting.bytes;
    if (!rc)
        return put_last(d, why);
    if (d->putting.why.code && why)
        *why = d->putting.why;
    else
        report_set(why, rc, "%s: \"%s\" cannot be saved: %s", d->db.path, d->putting.name, posse_strerror(rc));
    return rc;
}

struct getting { struct buf *out; bool is_there; };

static int get_piece(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct getting *g = ctx;
    g->is_there = true;
    return obsdb_unpack(d, db_column(s, 0), PIECE_BYTES, g->out, why);
}

int obsdb_get(struct obsdb *d, const char *name, struct buf *out, struct report *why)
{
    struct getting g = {out, false};
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_GET);
    if (s && db_bind_text(s, 1, span_str(name)) != SQLITE_OK)
        s = NULL;
    int rc = obsdb_rows(d, s, get_piece, &g, why);
    if (!rc && !g.is_there)
        rc = report_set(why, POSSE_ENOENT, "%s: it holds no \"%s\"", d->db.path, name);
    return rc;
}

int obsdb_put_mark(struct obsdb *d, struct span input, struct span position, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_PUT_MARK);
    int bound = s ? db_bind_text(s, 1, span_sub(input, 0, OBSDB_NAME_MAX)) | db_bind_blob(s, 2, position) : SQLITE_NOMEM;
    return obsdb_run(d, s, bound, why);
}

struct marks { int (*fn)(void *ctx, struct span input, struct span position); void *ctx; };

static int give_mark(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct marks *m = ctx;
    (void)d;
    (void)why;
    return m->fn(m->ctx, db_column(s, 0), db_column(s, 1));
}

int obsdb_each_mark(struct obsdb *d, int (*fn)(void *ctx, struct span input, struct span position), void *ctx, struct report *why)
{
    struct marks m = {fn, ctx};
    return obsdb_rows(d, db_stmt(&d->db, OBSDB_MARKS), give_mark, &m, why);
}
