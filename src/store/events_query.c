/* events_query: reading history. Time, class and id are looked up by SQLite, texts are compared here: a pattern has no
 * index to follow anyhow. */
#include <stdio.h>

#include "base/error.h"
#include "store/events_priv.h"

enum { COL_TAUGHT = EVENTS_N_COLUMNS, COL_BYTES };

static bool unpack_reasons(struct span in, struct event *x)
{
    struct reader r = reader_of(in);
    while (reader_left(&r) && x->n_reasons < EVENT_REASONS_MAX) {
        struct event_reason *to = &x->reason[x->n_reasons++];
        uint64_t bits = reader_u64(&r);
        memcpy(&to->bits, &bits, sizeof bits);
        to->text = db_unpack(&r);
    }
    return !reader_error(&r) && !reader_left(&r);
}

static bool unpack_rcpt(struct span in, struct event *x, struct span rcpt[EVENT_RCPT_MAX])
{
    struct reader r = reader_of(in);
    size_t n = 0;
    while (reader_left(&r) && n < EVENT_RCPT_MAX)
        rcpt[n++] = db_unpack(&r);
    x->rcpt = rcpt;
    return !reader_error(&r) && !reader_left(&r) && n == (x->n_rcpt < EVENT_RCPT_MAX ? x->n_rcpt : EVENT_RCPT_MAX);
}

static bool read_row(sqlite3_stmt *s, struct event *x, struct span rcpt[EVENT_RCPT_MAX])
{
    *x = (struct event){
        .id = db_column(s, COL_ID), .time_ms = sqlite3_column_int64(s, COL_TIME), .door = db_column(s, COL_DOOR),
        .queue_id = db_column(s, COL_QUEUE), .message_id = db_column(s, COL_MESSAGE), .client_addr = db_column(s, COL_ADDR),
        .client_name = db_column(s, COL_NAME), .helo = db_column(s, COL_HELO), .from = db_column(s, COL_FROM),
        .header_from = db_column(s, COL_HEADER_FROM), .auth_user = db_column(s, COL_AUTH), .subject = db_column(s, COL_SUBJECT),
        .n_rcpt = (size_t)sqlite3_column_int64(s, COL_N_RCPT), .size_bytes = (uint64_t)sqlite3_column_int64(s, COL_SIZE),
        .is_spam = sqlite3_column_int(s, COL_KLASS) == 1, .bits = sqlite3_column_double(s, COL_BITS),
        .probability = sqlite3_column_double(s, COL_PROBABILITY), .threshold_bits = sqlite3_column_double(s, COL_THRESHOLD),
        .action = db_column(s, COL_ACTION), .would = db_column(s, COL_WOULD), .quarantine_id = db_column(s, COL_QUARANTINE),
        .campaign = db_column(s, COL_CAMPAIGN), .flip = db_column(s, COL_FLIP),
        .extractor = (uint32_t)sqlite3_column_int64(s, COL_EXTRACTOR), .features = db_column(s, COL_BYTES),
        .seconds = sqlite3_column_double(s, COL_SECONDS),
    };
    int taught = sqlite3_column_int(s, COL_TAUGHT);
    x->taught = taught < 0 ? SPAN_NONE : taught ? SPAN_LIT("spam") : SPAN_LIT("ham");
    struct span digest = db_column(s, COL_DIGEST);
    x->digest = digest.n ? digest.p : NULL;
    return (digest.n == 0 || digest.n == 32) && x->id.n && unpack_reasons(db_column(s, COL_REASONS), x) &&
           unpack_rcpt(db_column(s, COL_RCPT), x, rcpt);
}

static bool any_rcpt(const struct event_filter *f, const struct event *x)
{
    bool hit = !f->rcpt;
    for (size_t i = 0; i < x->n_rcpt && i < EVENT_RCPT_MAX && !hit; i++)
        hit = db_like(f->rcpt, x->rcpt[i]);
    return hit;
}

/* Its pattern may stand anywhere in the text: stars on both sides, but for those that are there. */
static bool any_reason(const struct event_filter *f, const struct event *x)
{
    if (!f->reason)
        return true;
    char pattern[256];
    int n = snprintf(pattern, sizeof pattern, "*%s*", f->reason);
    if (n < 0 || n >= (int)sizeof pattern)
        return false;
    bool hit = false;
    for (size_t i = 0; i < x->n_reasons && !hit; i++)
        hit = db_like(pattern, x->reason[i].text);
    return hit;
}

static bool matches(const struct event_filter *f, const struct event *x)
{
    return db_like(f->id, x->id) && (!f->from || db_like(f->from, x->from) || db_like(f->from, x->header_from)) &&
           db_like(f->action, x->action) && db_like(f->would, x->would) && db_like(f->campaign, x->campaign) &&
           db_like(f->door, x->door) && (!f->client || db_like(f->client, x->client_addr) || db_like(f->client, x->client_name)) &&
           any_rcpt(f, x) && any_reason(f, x);
}

static int prepare(struct events *e, const struct event_filter *f, sqlite3_stmt **out, struct report *why)
{
    /* An id without a star is looked up. */
    bool by_id = f->id && !strchr(f->id, '*');
    char sql[1024];
    snprintf(sql, sizeof sql, "SELECT " EVENTS_COLUMNS ", taught, f.bytes FROM events "
             "LEFT JOIN (SELECT event, bytes FROM features) AS f ON f.event = events.n WHERE 1%s%s%s%s ORDER BY events.time_ms%s, events.n%s",
             by_id ? " AND events.id = ?1" : "", f->since_ms ? " AND events.time_ms >= ?2" : "",
             f->until_ms ? " AND events.time_ms < ?3" : "", f->klass >= 0 ? " AND events.klass = ?4" : "",
             f->oldest_first ? "" : " DESC", f->oldest_first ? "" : " DESC");
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(e->db.h, sql, -1, &s, NULL))
        return db_fail(&e->db, why, "read history");
    int rc = by_id ? sqlite3_bind_text(s, 1, f->id, -1, SQLITE_STATIC) : SQLITE_OK;
    rc = rc || !f->since_ms ? rc : sqlite3_bind_int64(s, 2, f->since_ms);
    rc = rc || !f->until_ms ? rc : sqlite3_bind_int64(s, 3, f->until_ms);
    rc = rc || f->klass < 0 ? rc : sqlite3_bind_int(s, 4, f->klass);
    *out = s;
    return rc ? db_fail(&e->db, why, "read history") : POSSE_OK;
}

static int damaged(struct events *e, struct report *why)
{
    return report_set(why, POSSE_ECORRUPT, "%s: a damaged row; %s", e->db.path, e->db.kind->when_damaged);
}

int events_each(struct events *e, const struct event_filter *f, int (*fn)(void *ctx, const struct event *), void *ctx,
                struct report *why)
{
    sqlite3_stmt *s = NULL;
    uint64_t n = 0;
    int step = SQLITE_DONE, rc = prepare(e, f, &s, why);
    while (!rc && (!f->limit || n < f->limit) && (step = sqlite3_step(s)) == SQLITE_ROW) {
        struct event x;
        struct span rcpt[EVENT_RCPT_MAX];
        if (!read_row(s, &x, rcpt))
            rc = damaged(e, why);
        else if (matches(f, &x) && ++n)
            rc = fn(ctx, &x);
    }
    if (!rc && step != SQLITE_DONE && step != SQLITE_ROW)
        rc = db_fail(&e->db, why, "read history");
    sqlite3_finalize(s);
    return rc;
}

int events_count(struct events *e, struct events_count *out, struct report *why)
{
    *out = (struct events_count){.file_bytes = db_file_bytes(&e->db)};
    sqlite3_stmt *s = NULL;
    int step = SQLITE_ERROR;
    if (sqlite3_prepare_v2(e->db.h, "SELECT count(*), total(klass = 1), min(time_ms), max(time_ms) FROM events", -1, &s, NULL) ==
        SQLITE_OK)
        step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        out->rows = (uint64_t)sqlite3_column_int64(s, 0);
        out->spam = (uint64_t)sqlite3_column_int64(s, 1);
        out->ham = out->rows - out->spam;
        out->oldest_ms = sqlite3_column_int64(s, 2);
        out->newest_ms = sqlite3_column_int64(s, 3);
    }
    int rc = step == SQLITE_ROW ? POSSE_OK : db_fail(&e->db, why, "count history");
    sqlite3_finalize(s);
    return rc;
}

static int ignore(void *ctx, const struct event *x)
{
    (void)ctx;
    (void)x;
    return 0;
}

int events_check(struct events *e, struct report *why)
{
    int rc = db_check(&e->db, why);
    return rc ? rc : events_each(e, &EVENT_FILTER_ANY, ignore, NULL, why);
}
