/* lessons_sql: the statements of the journal. */
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/lessons_priv.h"

/* States are written as numbers: 0 live, 1 revoked, 2 superseded, 3 sealed (enum lesson_state). */
const char *const lessons_texts[STMT_N] = {
    /* The lesson whose class holds for a digest: the live one, else the last sealed one (see L1). */
    [STMT_HOLDER] = "SELECT id, klass, state, teacher FROM lessons WHERE digest = ?1 AND state IN (0, 3) "
                    "ORDER BY state, id DESC LIMIT 1",
    [STMT_AGREES] = "SELECT 1 FROM lessons WHERE digest = ?1 AND state = 2 AND id > ?2 AND teacher = ?3",
    [STMT_INSERT] = "INSERT INTO lessons(time_ms, teacher, door, klass, digest, extractor, state) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [STMT_FEATURES] = "INSERT INTO features(lesson, sum, bytes) VALUES(?1, ?2, ?3)",
    [STMT_SET_STATE] = "UPDATE lessons SET state = ?2 WHERE id = ?1",
    [STMT_META] = "SELECT epoch, sealed_up_to FROM meta",
    [STMT_BUMP] = "UPDATE meta SET epoch = epoch + 1",
    [STMT_PRUNE_CHANGES] = "DELETE FROM changes WHERE oldest >= ?1",
    [STMT_CHANGE] = "INSERT INTO changes(epoch, oldest) SELECT epoch, ?1 FROM meta",
    [STMT_CHANGED_SINCE] = "SELECT oldest FROM changes WHERE epoch > ?1 ORDER BY epoch LIMIT 1",
    [STMT_BY_ID] = "SELECT state FROM lessons WHERE id = ?1",
    [STMT_VERDICTS] = "SELECT id, klass, state FROM lessons WHERE digest = ?1 AND "
                      "(state = 3 OR (state IN (0, 2) AND id > ?2)) ORDER BY id",
    [STMT_TOUCHED] = "SELECT digest FROM temp.touched ORDER BY digest",
    [STMT_CLEAR_TOUCHED] = "DELETE FROM temp.touched",
    [STMT_LAST_ID] = "SELECT seq FROM sqlite_sequence WHERE name = 'lessons'",
};

int lessons_meta(struct lessons *l, struct lessons_meta *out, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&l->db, STMT_META);
    int rc = s ? sqlite3_step(s) : SQLITE_NOMEM;
    if (rc == SQLITE_ROW) {
        out->epoch = (uint64_t)sqlite3_column_int64(s, 0);
        out->sealed_up_to = (uint64_t)sqlite3_column_int64(s, 1);
    }
    if (s)
        sqlite3_reset(s);
    if (rc == SQLITE_DONE)
        return report_set(why, POSSE_ECORRUPT, "%s: its row of state is missing; restore it from a copy", l->db.path);
    return rc == SQLITE_ROW ? POSSE_OK : db_fail(&l->db, why, "read its state");
}

/* Of the changes only those are kept that are lower than all later ones: the answer to "lowest since epoch E" is
 * then the first row past E, and the first row of all is the lowest ever. */
int lessons_note_change(struct lessons *l, uint64_t oldest, struct report *why)
{
    if (db_run(db_stmt(&l->db, STMT_BUMP)))
        return db_fail(&l->db, why, "note a change");
    if (!oldest)
        return POSSE_OK;
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *s = db_stmt(&l->db, i ? STMT_CHANGE : STMT_PRUNE_CHANGES);
        if (!s || sqlite3_bind_int64(s, 1, (sqlite3_int64)oldest) || db_run(s))
            return db_fail(&l->db, why, "note a change");
    }
    return POSSE_OK;
}

static size_t put(uint8_t *to, uint64_t x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (uint8_t)(x >> (8 * i));
    return n;
}

uint64_t lessons_sum(const struct lesson *x)
{
    uint8_t b[8 + 4 + 1 + 32 + 2 * (1 + LESSONS_NAME_MAX)];
    size_t n = put(b, (uint64_t)x->time_ms, 8);
    n += put(b + n, x->extractor, 4);
    n += put(b + n, (uint64_t)x->klass, 1);
    memcpy(b + n, x->digest, sizeof x->digest);
    n += sizeof x->digest;
    const struct span names[2] = {x->teacher, x->door};
    for (int i = 0; i < 2; i++) {
        size_t len = names[i].n <= LESSONS_NAME_MAX ? names[i].n : LESSONS_NAME_MAX;
        n += put(b + n, len, 1);
        if (len)
            memcpy(b + n, names[i].p, len);
        n += len;
    }
    return hash64(x->features, hash64(span_of(b, n), 0));
}
