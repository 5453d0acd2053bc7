/* lessons_priv: what the files of the journal share: the handle and its statements.
 * Not for others.  Threads: as lessons.h. */
#ifndef POSSE_STORE_LESSONS_PRIV_H
#define POSSE_STORE_LESSONS_PRIV_H

#include "store/db.h"
#include "store/lessons.h"

enum { LESSONS_APP_ID = 0x506f7373 /* "Poss" */, LESSONS_FORMAT = 1, LESSONS_NAME_MAX = 64 };

/* Texts in lessons_sql.c. */
enum lessons_stmt {
    STMT_HOLDER, STMT_AGREES, STMT_INSERT, STMT_FEATURES, STMT_SET_STATE,
    STMT_META, STMT_BUMP, STMT_PRUNE_CHANGES, STMT_CHANGE, STMT_CHANGED_SINCE,
    STMT_BY_ID, STMT_VERDICTS, STMT_TOUCHED, STMT_CLEAR_TOUCHED, STMT_LAST_ID, STMT_N
};
extern const char *const lessons_texts[STMT_N];

struct lessons {
    struct db db;
    bool in_batch;              /* between lessons_begin and its end */
    bool in_each;               /* a callback is running */
    int doomed;                 /* code of the append that failed within the batch */
};

struct lessons_meta { uint64_t epoch, sealed_up_to; };
int lessons_meta(struct lessons *l, struct lessons_meta *out, struct report *why);
/* A new epoch in which ids from `oldest` on changed (0: none did, as in a seal). Within a transaction. */
int lessons_note_change(struct lessons *l, uint64_t oldest, struct report *why);

/* The checksum that stands beside the features: of them and of all that never changes in a lesson. */
uint64_t lessons_sum(const struct lesson *x);

/* WHERE clause of a filter and its parameters (names, see lessons_query.c). `extra`: "" or " AND ...". */
enum { LESSONS_WHERE_MAX = 512 };
void lessons_where(char out[LESSONS_WHERE_MAX], const struct lesson_filter *f, const char *extra);
int lessons_bind(sqlite3_stmt *s, const struct lesson_filter *f, uint64_t sealed_up_to);

#endif
