/* obsdb_rows: originals, templates, what analysts entered; counting and checking. */
#include <limits.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/reader.h"
#include "store/obsdb_priv.h"

enum { ORIGINAL_LEVEL = 3, ORIGINAL_MAX = 16 << 20, TEXT_MAX = 1 << 20 };

/* ---- originals ---- */

int obsdb_keep(struct obsdb *d, const struct original *o, struct report *why)
{
    struct span raw, text;
    if (o->raw.n > ORIGINAL_MAX)
        return POSSE_OK;
    buf_clear(&d->raw[0]);
    buf_add_span(&d->raw[0], span_sub(o->subject, 0, OBSDB_TEXT_MAX));
    buf_add_byte(&d->raw[0], '\0');
    buf_add_span(&d->raw[0], span_sub(o->text, 0, TEXT_MAX));
    if (buf_error(&d->raw[0]))
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", d->db.path);
    int rc = obsdb_pack(d, 0, buf_span(&d->raw[0]), ORIGINAL_LEVEL, &text, why);
    if (!rc)
        rc = obsdb_pack(d, 1, o->raw, ORIGINAL_LEVEL, &raw, why);
    if (rc)
        return rc;
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_KEEP);
    int bound = s ? sqlite3_bind_int64(s, 1, (int64_t)o->campaign) | sqlite3_bind_int64(s, 2, o->version) |
                        sqlite3_bind_int64(s, 3, o->time_ms) | sqlite3_bind_int64(s, 4, (int64_t)(raw.n + text.n)) |
                        db_bind_blob(s, 5, text) | db_bind_blob(s, 6, raw)
                  : SQLITE_NOMEM;
    return obsdb_run(d, s, bound, why);
}

struct originals { uint64_t campaign; bool with_raw; int (*fn)(void *ctx, const struct original *); void *ctx; };

/* Of a row: version, time, text, raw. */
static int read_original(struct obsdb *d, sqlite3_stmt *s, bool with_raw, struct original *o, struct report *why)
{
    *o = (struct original){.version = (uint32_t)sqlite3_column_int64(s, 0), .time_ms = sqlite3_column_int64(s, 1)};
    buf_clear(&d->raw[0]);
    buf_clear(&d->raw[1]);
    int rc = obsdb_unpack(d, db_column(s, 2), TEXT_MAX + OBSDB_TEXT_MAX + 1, &d->raw[0], why);
    if (!rc && with_raw)
        rc = obsdb_unpack(d, db_column(s, 3), ORIGINAL_MAX, &d->raw[1], why);
    if (rc)
        return rc;
    struct span both = buf_span(&d->raw[0]);
    ptrdiff_t end = span_chr(both, '\0');
    o->subject = span_sub(both, 0, end < 0 ? 0 : (size_t)end);
    o->text = span_sub(both, (size_t)(end + 1), both.n);
    o->raw = buf_span(&d->raw[1]);
    return rc;
}

static int give_original(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct originals *all = ctx;
    struct original o;
    int rc = read_original(d, s, all->with_raw, &o, why);
    o.campaign = all->campaign;
    return rc ? rc : all->fn(all->ctx, &o);
}

int obsdb_each_original(struct obsdb *d, uint64_t campaign, uint32_t version, bool with_raw, int (*fn)(void *ctx, const struct original *),
                        void *ctx, struct report *why)
{
    struct originals all = {campaign, with_raw, fn, ctx};
    sqlite3_stmt *s = db_stmt(&d->db, with_raw ? OBSDB_ORIGINALS : OBSDB_TEXTS);
    if (s && (sqlite3_bind_int64(s, 1, (int64_t)campaign) | sqlite3_bind_int64(s, 2, version == UINT32_MAX ? -1 : (int64_t)version)))
        s = NULL;
    return obsdb_rows(d, s, give_original, &all, why);
}

int obsdb_thin(struct obsdb *d, uint64_t campaign, uint32_t version, uint32_t keep, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_THIN);
    int bound = s ? sqlite3_bind_int64(s, 1, (int64_t)campaign) | sqlite3_bind_int64(s, 2, version) | sqlite3_bind_int64(s, 3, keep)
                  : SQLITE_NOMEM;
    return obsdb_run(d, s, bound, why);
}

int obsdb_last_original(struct obsdb *d, int64_t *n_out, struct report *why)
{
    return db_number(&d->db, "SELECT coalesce(max(n), 0) FROM originals", n_out, why);
}

int obsdb_drop_later(struct obsdb *d, int64_t n, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_DROP_LATER);
    return obsdb_run(d, s, s ? sqlite3_bind_int64(s, 1, n) : SQLITE_NOMEM, why);
}

struct oldest { int64_t over, last; };

static int pass_oldest(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct oldest *o = ctx;
    (void)d;
    (void)why;
    o->last = sqlite3_column_int64(s, 0);
    o->over -= sqlite3_column_int64(s, 1);
    return o->over <= 0;
}

int obsdb_cap(struct obsdb *d, uint64_t max_bytes, struct report *why)
{
    int64_t now;
    int rc = db_number(&d->db, "SELECT coalesce(sum(packed), 0) FROM originals", &now, why);
    if (rc || now < 0 || (uint64_t)now <= max_bytes)
        return rc;
    struct oldest o = {now - (int64_t)max_bytes, 0};
    rc = obsdb_rows(d, db_stmt(&d->db, OBSDB_OLDEST), pass_oldest, &o, why);
    if (rc < 0)
        return rc;
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_DROP_ORIGINAL);
    return obsdb_run(d, s, s ? sqlite3_bind_int64(s, 1, o.last) : SQLITE_NOMEM, why);
}

/* ---- forgetting ---- */

struct forgetting { bool (*is_it)(void *ctx, const struct original *); void *ctx; struct buf found; };

static int look_at(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct forgetting *f = ctx;
    struct original o;
    int rc = read_original(d, s, true, &o, why);
    o.campaign = (uint64_t)sqlite3_column_int64(s, 5);
    if (!rc && f->is_it(f->ctx, &o))
        buf_add_u64(&f->found, (uint64_t)sqlite3_column_int64(s, 4));
    return rc ? rc : buf_error(&f->found);
}

static int delete_found(struct obsdb *d, struct span found, struct report *why)
{
    struct reader r = reader_of(found);
    int rc = POSSE_OK;
    while (reader_left(&r) && !rc) {
        sqlite3_stmt *s = db_stmt(&d->db, OBSDB_FORGET);
        rc = obsdb_run(d, s, s ? sqlite3_bind_int64(s, 1, (int64_t)reader_u64(&r)) : SQLITE_NOMEM, why);
    }
    return rc;
}

/* Found and deleted in one transaction: another process may thin them out meanwhile, and numbers come back. */
int obsdb_forget(struct obsdb *d, bool (*is_it)(void *ctx, const struct original *), int (*after)(void *ctx, struct report *why), void *ctx,
                 uint64_t *n_out, struct report *why)
{
    struct forgetting f = {.is_it = is_it, .ctx = ctx};
    *n_out = 0;
    int rc = db_begin(&d->db, why, "forget this");
    if (rc)
        return rc;
    buf_init(&f.found, 64 << 20);
    rc = obsdb_rows(d, db_stmt(&d->db, OBSDB_RAWS), look_at, &f, why);
    if (!rc)
        rc = delete_found(d, buf_span(&f.found), why);
    if (!rc && after)
        rc = after(ctx, why);
    rc = db_end(&d->db, rc, why, "forget this");
    if (!rc)
        *n_out = f.found.n / 8;
    buf_deinit(&f.found);
    /* The log still holds what was there; when a reader keeps it alive, the next checkpoint empties it. */
    if (*n_out)
        sqlite3_wal_checkpoint_v2(d->db.h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return rc;
}

/* ---- templates ---- */

int obsdb_put_template(struct obsdb *d, const struct kept_template *t, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_PUT_TEMPLATE);
    int bound = SQLITE_NOMEM;
    if (s)
        bound = sqlite3_bind_int64(s, 1, (int64_t)t->campaign) | sqlite3_bind_int64(s, 2, t->version) | sqlite3_bind_int64(s, 3, t->made_ms) |
                sqlite3_bind_int64(s, 4, t->first_ms) | sqlite3_bind_int64(s, 5, t->held_ms) | sqlite3_bind_int64(s, 6, t->texts) |
                sqlite3_bind_int64(s, 7, t->seen) | sqlite3_bind_int64(s, 8, t->matched) | sqlite3_bind_int64(s, 9, t->proof) |
                db_bind_text(s, 10, db_cut(t->refused, OBSDB_TEXT_MAX)) | db_bind_blob(s, 11, t->bytes);
    return obsdb_run(d, s, bound, why);
}

struct templates { int (*fn)(void *ctx, const struct kept_template *); void *ctx; };

static int give_template(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct templates *all = ctx;
    struct kept_template t = {
        .campaign = (uint64_t)sqlite3_column_int64(s, 0), .version = (uint32_t)sqlite3_column_int64(s, 1),
        .made_ms = sqlite3_column_int64(s, 2), .first_ms = sqlite3_column_int64(s, 3), .held_ms = sqlite3_column_int64(s, 4),
        .texts = (uint32_t)sqlite3_column_int64(s, 5), .seen = (uint32_t)sqlite3_column_int64(s, 6),
        .matched = (uint32_t)sqlite3_column_int64(s, 7), .proof = (uint32_t)sqlite3_column_int64(s, 8),
        .refused = db_column(s, 9), .bytes = db_column(s, 10),
    };
    (void)d;
    (void)why;
    return all->fn(all->ctx, &t);
}

int obsdb_each_template(struct obsdb *d, uint64_t campaign, int (*fn)(void *ctx, const struct kept_template *), void *ctx, struct report *why)
{
    struct templates all = {fn, ctx};
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_TEMPLATES);
    if (s && sqlite3_bind_int64(s, 1, (int64_t)campaign))
        s = NULL;
    return obsdb_rows(d, s, give_template, &all, why);
}

int obsdb_drop(struct obsdb *d, uint64_t campaign, struct report *why)
{
    static const size_t what[] = {OBSDB_DROP_ORIGINALS, OBSDB_DROP_TEMPLATES};
    int rc = POSSE_OK;
    for (size_t i = 0; i < 2 && !rc; i++) {
        sqlite3_stmt *s = db_stmt(&d->db, what[i]);
        rc = obsdb_run(d, s, s ? sqlite3_bind_int64(s, 1, (int64_t)campaign) : SQLITE_NOMEM, why);
    }
    return rc;
}

/* ---- what analysts entered ---- */

int obsdb_tell(struct obsdb *d, const struct told *t, struct report *why)
{
    int rc = db_begin(&d->db, why, "enter this");
    if (rc)
        return rc;
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_TELL);
    int bound = s ? db_bind_text(s, 1, db_cut(t->botnet, OBSDB_TEXT_MAX)) | sqlite3_bind_int64(s, 2, t->at_ms) |
                        sqlite3_bind_int64(s, 3, t->told_ms) | sqlite3_bind_int64(s, 4, t->cause) |
                        db_bind_text(s, 5, db_cut(t->note, OBSDB_TEXT_MAX))
                  : SQLITE_NOMEM;
    return db_end(&d->db, obsdb_run(d, s, bound, why), why, "enter this");
}

struct tellings { int (*fn)(void *ctx, const struct told *); void *ctx; };

static int give_told(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    struct tellings *all = ctx;
    struct told t = {.n = (uint64_t)sqlite3_column_int64(s, 0), .botnet = db_column(s, 1), .at_ms = sqlite3_column_int64(s, 2),
                     .told_ms = sqlite3_column_int64(s, 3), .cause = (uint32_t)sqlite3_column_int64(s, 4), .note = db_column(s, 5),
                     .is_taken = sqlite3_column_int64(s, 6) != 0};
    (void)d;
    (void)why;
    return all->fn(all->ctx, &t);
}

int obsdb_each_told(struct obsdb *d, int (*fn)(void *ctx, const struct told *), void *ctx, struct report *why)
{
    struct tellings all = {fn, ctx};
    return obsdb_rows(d, db_stmt(&d->db, OBSDB_TOLD), give_told, &all, why);
}

int obsdb_taken(struct obsdb *d, uint64_t n, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&d->db, OBSDB_TAKEN);
    return obsdb_run(d, s, s ? sqlite3_bind_int64(s, 1, (int64_t)n) : SQLITE_NOMEM, why);
}

/* ---- counting and checking ---- */

int obsdb_count(struct obsdb *d, struct obsdb_count *out, struct report *why)
{
    struct { const char *sql; uint64_t *to; } all[] = {
        {"SELECT count(*) FROM originals", &out->originals}, {"SELECT coalesce(sum(packed), 0) FROM originals", &out->original_bytes},
        {"SELECT count(*) FROM templates", &out->templates}, {"SELECT count(*) FROM marks", &out->marks},
        {"SELECT count(*) FROM told", &out->told}, {"SELECT coalesce(sum(length(bytes)), 0) FROM state", &out->state_bytes},
    };
    int rc = POSSE_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && !rc; i++) {
        int64_t n = 0;
        rc = db_number(&d->db, all[i].sql, &n, why);
        *all[i].to = (uint64_t)n;
    }
    out->file_bytes = db_file_bytes(&d->db);
    return rc;
}

/* Both columns of every row are bytes that unpack, and nothing is left of them. */
static int check_blob(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why)
{
    (void)ctx;
    for (int i = 0; i < 2; i++) {
        buf_clear(&d->raw[0]);
        int rc = obsdb_unpack(d, db_column(s, i), ORIGINAL_MAX, &d->raw[0], why);
        if (rc)
            return rc;
    }
    return POSSE_OK;
}

static int check_blobs(struct obsdb *d, const char *sql, struct report *why)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(d->db.h, sql, -1, &s, NULL) != SQLITE_OK)
        return db_fail(&d->db, why, "check the observatory");
    int rc = obsdb_rows(d, s, check_blob, NULL, why);
    sqlite3_finalize(s);
    return rc;
}

int obsdb_check(struct obsdb *d, struct report *why)
{
    int rc = db_check(&d->db, why);
    if (!rc)
        rc = check_blobs(d, "SELECT bytes, bytes FROM state", why);
    return rc ? rc : check_blobs(d, "SELECT text, raw FROM originals", why);
}
