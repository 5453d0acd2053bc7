/* quarantine_query: reading the quarantine's index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "store/quarantine_priv.h"

enum { RCPT_MAX = 1 << 20 };

/* Grows with the longest list seen; freed at the end of each. */
struct rcpts { struct span *p; size_t cap; };

static bool unpack_rcpt(struct span in, size_t n, struct rcpts *r)
{
    if (n > RCPT_MAX || n > in.n)
        return false;
    if (n > r->cap) {
        struct span *p = realloc(r->p, n * sizeof *p);
        if (!p)
            return false;
        r->p = p;
        r->cap = n;
    }
    struct reader from = reader_of(in);
    for (size_t i = 0; i < n; i++)
        r->p[i] = db_unpack(&from);
    return !reader_error(&from) && !reader_left(&from);
}

static bool read_row(sqlite3_stmt *s, struct quarantine_item *x, struct rcpts *r)
{
    *x = (struct quarantine_item){
        .id = (uint64_t)sqlite3_column_int64(s, 0), .time_ms = sqlite3_column_int64(s, 1), .door = db_column(s, 2),
        .queue_id = db_column(s, 3), .verdict_id = db_column(s, 4), .client_addr = db_column(s, 5), .helo = db_column(s, 6),
        .from = db_column(s, 7), .header_from = db_column(s, 8), .subject = db_column(s, 9), .auth_user = db_column(s, 10),
        .n_rcpt = (size_t)sqlite3_column_int64(s, 12), .action = db_column(s, 13), .bits = sqlite3_column_double(s, 14),
        .reasons = db_column(s, 15), .size_bytes = (uint64_t)sqlite3_column_int64(s, 18), .released_ms = sqlite3_column_int64(s, 20),
    };
    struct span digest = db_column(s, 16), mail_digest = db_column(s, 17);
    int state = sqlite3_column_int(s, 19);
    if (digest.n != 32 || mail_digest.n != 32 || state < 0 || state >= QUARANTINE_STATES || !unpack_rcpt(db_column(s, 11), x->n_rcpt, r))
        return false;
    memcpy(x->digest, digest.p, 32);
    x->mail_digest = mail_digest.p;
    x->rcpt = r->p;
    x->state = (enum quarantine_state)state;
    return true;
}

static bool matches(const struct quarantine_filter *f, const struct quarantine_item *x)
{
    bool hit = !f->rcpt;
    for (size_t i = 0; i < x->n_rcpt && !hit; i++)
        hit = db_like(f->rcpt, x->rcpt[i]);
    return hit && (!f->from || db_like(f->from, x->from) || db_like(f->from, x->header_from));
}

static int prepare(struct quarantine *q, const struct quarantine_filter *f, sqlite3_stmt **out, struct report *why)
{
    char sql[640];
    snprintf(sql, sizeof sql, "SELECT id, time_ms, door, queue_id, verdict_id, client_addr, helo, mail_from, header_from, "
             "subject, auth_user, rcpt, n_rcpt, action, bits, reasons, digest, mail_digest, size, state, released_ms "
             "FROM items WHERE 1%s%s%s%s ORDER BY id DESC",
             f->id ? " AND id = ?1" : "", f->since_ms ? " AND time_ms >= ?2" : "", f->until_ms ? " AND time_ms < ?3" : "",
             f->state >= 0 ? " AND state = ?4" : "");
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(q->db.h, sql, -1, &s, NULL))
        return db_fail(&q->db, why, "read the quarantine");
    int rc = f->id ? sqlite3_bind_int64(s, 1, (sqlite3_int64)f->id) : SQLITE_OK;
    rc = rc || !f->since_ms ? rc : sqlite3_bind_int64(s, 2, f->since_ms);
    rc = rc || !f->until_ms ? rc : sqlite3_bind_int64(s, 3, f->until_ms);
    rc = rc || f->state < 0 ? rc : sqlite3_bind_int(s, 4, f->state);
    *out = s;
    return rc ? db_fail(&q->db, why, "read the quarantine") : POSSE_OK;
}

int quarantine_each(struct quarantine *q, const struct quarantine_filter *f, int (*fn)(void *ctx, const struct quarantine_item *),
                    void *ctx, struct report *why)
{
    sqlite3_stmt *s = NULL;
    struct rcpts r = {0};
    uint64_t n = 0;
    int step = SQLITE_DONE, rc = prepare(q, f, &s, why);
    while (!rc && (!f->limit || n < f->limit) && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct quarantine_item x;
        if (!read_row(s, &x, &r))
            rc = report_set(why, POSSE_ECORRUPT, "%s: item %lld is damaged; remove it", q->db.path,
                            (long long)sqlite3_column_int64(s, 0));
        else if (matches(f, &x) && ++n)
            rc = fn(ctx, &x);
    }
    if (!rc && step != SQLITE_DONE && step != SQLITE_ROW)
        rc = db_fail(&q->db, why, "read the quarantine");
    sqlite3_finalize(s);
    free(r.p);
    return rc;
}

static bool names(const struct rcpts *r, size_t n, struct span who)
{
    for (size_t i = 0; i < n; i++)
        if (span_ieq(r->p[i], who))
            return true;
    return false;
}

/* who NULL: anybody. */
static int released_for(struct quarantine *q, sqlite3_stmt *s, const struct span *who, struct rcpts *r, bool *out, struct report *why)
{
    int step;
    *out = false;
    while (!*out && (step = sqlite3_step(s)) == SQLITE_ROW) {
        size_t n = (size_t)sqlite3_column_int64(s, 1);
        *out = !who || (unpack_rcpt(db_column(s, 0), n, r) && names(r, n, *who));
    }
    sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE ? POSSE_OK : db_fail(&q->db, why, "read the quarantine");
}

int quarantine_was_released(struct quarantine *q, const uint8_t mail_digest[32], const struct span *rcpt, size_t n_rcpt, bool *out,
                            struct report *why)
{
    struct rcpts r = {0};
    *out = false;
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_WAS_RELEASED);
    if (!s || db_bind_blob(s, 1, span_of(mail_digest, 32)))
        return db_fail(&q->db, why, "read the quarantine");
    int rc = released_for(q, s, n_rcpt ? &rcpt[0] : NULL, &r, out, why);
    for (size_t i = 1; i < n_rcpt && *out && !rc; i++)
        rc = released_for(q, s, &rcpt[i], &r, out, why);
    free(r.p);
    return rc;
}

int quarantine_count(struct quarantine *q, struct quarantine_count *out, struct report *why)
{
    *out = (struct quarantine_count){0};
    sqlite3_stmt *s = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(q->db.h, "SELECT total(state = 0), total(state = 1), total(state = 2), min(time_ms), max(time_ms), "
                                    "(SELECT total(stored) FROM (SELECT DISTINCT digest, stored FROM items)) FROM items",
                           -1, &s, NULL) == SQLITE_OK)
        step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        out->kept = (uint64_t)sqlite3_column_int64(s, 0);
        out->releasing = (uint64_t)sqlite3_column_int64(s, 1);
        out->released = (uint64_t)sqlite3_column_int64(s, 2);
        out->oldest_ms = sqlite3_column_int64(s, 3);
        out->newest_ms = sqlite3_column_int64(s, 4);
        out->bytes = (uint64_t)sqlite3_column_int64(s, 5);
    }
    int rc = step == SQLITE_ROW ? POSSE_OK : db_fail(&q->db, why, "count the quarantine");
    sqlite3_finalize(s);
    return rc;
}

struct check { struct quarantine *q; struct buf bytes; struct report *why; };

static int check_item(void *ctx, const struct quarantine_item *x)
{
    struct check *c = ctx;
    uint64_t stored;
    struct report said = {0};
    buf_clear(&c->bytes);
    int rc = quarantine_file_read(c->q, x->digest, x->size_bytes, &c->bytes, &stored, &said);
    return rc ? report_set(c->why, rc, "item %llu: %.400s", (unsigned long long)x->id, said.text) : POSSE_OK;
}

int quarantine_check(struct quarantine *q, struct report *why)
{
    struct check c = {.q = q, .why = why};
    int rc = db_check(&q->db, why);
    if (rc)
        return rc;
    buf_init(&c.bytes, (size_t)1 << 31);
    rc = quarantine_each(q, &QUARANTINE_FILTER_ANY, check_item, &c, why);
    buf_deinit(&c.bytes);
    return rc;
}
