/* lessons: the journal that the model is a fold of. SQLite, WAL, synchronous=FULL.
 *
 * A lesson is on disk before lessons_append returns; the model moves afterwards. Ids grow by one writer's
 * order and are never used again (AUTOINCREMENT). A lesson is live unless revoked (unlearn) or superseded (a later
 * verdict on the same digest). The model is the fold of the live lessons in id order over a base.
 * The horizon: lessons older than it may be folded into the base for good (lessons_seal); their rows then
 * keep digest, class and teacher, not features, and cannot be taken back.
 * Personal data: digests and hashed features are; `lessons_forget` deletes rows (secure_delete=ON), and retention applies.
 * Ownership: a lesson given to a callback lives for the call.  Threads: one handle a thread; several processes
 * may hold handles (busy timeout 10 s, then POSSE_EBUSY).
 * Errors: EFULL, EBUSY, EACCES, ECORRUPT, EVERSION; on any error of append nothing was taught. */
#ifndef POSSE_STORE_LESSONS_H
#define POSSE_STORE_LESSONS_H

#include <stdint.h>

#include "base/report.h"
#include "base/span.h"

enum lesson_class { LESSON_HAM = 0, LESSON_SPAM = 1 };
enum lesson_state { LESSON_LIVE, LESSON_REVOKED, LESSON_SUPERSEDED, LESSON_SEALED };

struct lesson {
    uint64_t id;            /* given by append */
    int64_t time_ms;        /* unix time when it was taught */
    struct span teacher;    /* who: a user name, 1 to 64 bytes of UTF-8 */
    struct span door;       /* through what: "cli", "milter" ... */
    enum lesson_class klass;
    uint8_t digest[32];     /* SHA-256 of the message after its transport headers were left out (engine.h) */
    uint32_t extractor;     /* version that made `features` */
    struct span features;   /* feature_encode bytes; empty once sealed */
    enum lesson_state state;
};

struct lessons;
int lessons_open(const char *path, struct lessons **out, struct report *why); /* makes it, mode 0600 */
void lessons_close(struct lessons **l);

/* Several appends in one transaction: faster, and all or nothing. */
int lessons_begin(struct lessons *l, struct report *why);
int lessons_commit(struct lessons *l, struct report *why);
void lessons_rollback(struct lessons *l);

/* *superseded_out: id of the live lesson on the same digest that this one replaces, or 0. Same digest and class as
 * the live one: nothing is appended, POSSE_EEXIST, *id_out is the old one's. */
int lessons_append(struct lessons *l, const struct lesson *in, uint64_t *id_out, uint64_t *superseded_out, struct report *why);

/* Which lessons: all conditions that are set must hold. */
struct lesson_filter {
    uint64_t id;             /* 0: any */
    uint64_t after_id;       /* only ids above */
    struct span teacher;     /* empty: any */
    int64_t since_ms, until_ms; /* 0: open */
    const uint8_t *digest;   /* NULL: any */
    int klass;               /* -1: any */
    bool live_only;
    bool newest_first;
    uint64_t limit;          /* 0: none */
};
/* fn returns 0 to go on; another value stops and is returned. with_features: false leaves features empty and is quicker. */
int lessons_each(struct lessons *l, const struct lesson_filter *f, bool with_features,
                 int (*fn)(void *ctx, const struct lesson *), void *ctx, struct report *why);
struct lessons_count { uint64_t live_ham, live_spam, revoked, superseded, sealed, last_id, oldest_changed; uint64_t file_bytes; };
int lessons_count(struct lessons *l, struct lessons_count *out, struct report *why);

/* Takes back live lessons; a superseded lesson does not come back to life by that. *n_out: how many;
 * *oldest_out: lowest id touched (0: none). Sealed ones cannot be: POSSE_EINVAL when one was asked for by id. */
int lessons_revoke(struct lessons *l, const struct lesson_filter *f, uint64_t *n_out, uint64_t *oldest_out, struct report *why);
/* Deletes rows for good, features and digests (also of revoked ones). The model must be folded again by the caller. */
int lessons_forget(struct lessons *l, const struct lesson_filter *f, uint64_t *n_out, uint64_t *oldest_out, struct report *why);
/* Drops the features of live lessons up to id: the caller has folded them into a base that is on disk. */
int lessons_seal(struct lessons *l, uint64_t up_to_id, struct report *why);

/* A number that changes whenever rows that were there before change (revoke, supersede, forget, seal): a snapshot of the
 * model records it, and folds anew when it differs. */
int lessons_epoch(struct lessons *l, uint64_t *epoch_out, struct report *why);
/* Reads every page and every row: POSSE_ECORRUPT names the first damage. */
int lessons_check(struct lessons *l, struct report *why);

#endif
