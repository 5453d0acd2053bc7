/* lessons: the journal that the model is a fold of. SQLite, WAL, synchronous=FULL.
 *
 * A lesson is on disk before lessons_append (outside lessons_begin) or lessons_commit returns; the model moves
 * afterwards. Ids grow by one writer's order and are never used again (AUTOINCREMENT).
 *
 * What counts. Every verdict that a teacher gave is kept, so that taking any of them back leaves what the others
 * would have made without it:
 *   L1  Of the verdicts on one digest that are not revoked, the last one's class holds; the live lesson is the
 *       oldest of the unbroken run of that class at the end. All others are superseded: overruled, or mere
 *       agreement of another teacher.
 *   L2  So revoking or forgetting an overruling verdict brings the overruled lesson back to life, and revoking the
 *       first of two who agree makes the second one's live. `*oldest_out` covers those that came back.
 *   L3  The model is the fold of the live lessons in id order over a base: a function of the set of verdicts that are
 *       not revoked, never of what else was there.
 * The horizon: lessons up to an id may be folded into the base for good (lessons_seal). Live ones become sealed: their
 * rows keep digest, class and teacher, not features, and can neither be taken back nor be overruled out of the base
 * (a later verdict of the other class is a lesson of its own). What was not live by then is settled and stays as it is.
 * Several processes: each must fold what others appended: an id that is not the last one known plus one says so.
 * Personal data: digests and hashed features are; lessons_forget deletes rows (secure_delete=ON, log truncated), and
 * retention applies. What a sealed lesson left in the base is the base's owner's to remove.
 * Ownership: a lesson given to a callback lives for the call.  Threads: one handle a thread; several processes
 * may hold handles (busy timeout 10 s, then POSSE_EBUSY).
 * Errors: EFULL, EBUSY, EACCES, ECORRUPT, EVERSION. On any error of append or commit nothing was taught and the whole
 * transaction is undone; only where the disk failed to flush (EIO) may the lesson be found after a crash. Teaching it
 * again is always right: the same verdict is never counted twice.
 * Cost: an append of its own waits for the disk once; 1,000 in one transaction cost little more. */
#ifndef POSSE_STORE_LESSONS_H
#define POSSE_STORE_LESSONS_H

#include <stdint.h>

#include "base/report.h"
#include "base/span.h"

enum lesson_class { LESSON_HAM = 0, LESSON_SPAM = 1 };
enum lesson_state { LESSON_LIVE, LESSON_REVOKED, LESSON_SUPERSEDED, LESSON_SEALED };

enum { LESSON_FEATURES_MAX = 64 * 1024 };

struct lesson {
    uint64_t id;            /* given by append; ignored on the way in, as is state */
    int64_t time_ms;        /* unix time when it was taught */
    struct span teacher;    /* who: a user name, 1 to 64 bytes of UTF-8 without control characters */
    struct span door;       /* through what: "cli", "milter" ...: as teacher */
    enum lesson_class klass;
    uint8_t digest[32];     /* SHA-256 of the message after its transport headers were left out (engine.h) */
    uint32_t extractor;     /* version that made `features` */
    struct span features;   /* feature_encode bytes, at most LESSON_FEATURES_MAX; empty once sealed */
    enum lesson_state state;
};

struct lessons;
/* Makes it (mode 0600) and its folder (home.h) when missing. */
int lessons_open(const char *path, struct lessons **out, struct report *why);
void lessons_close(struct lessons **l);

/* Several appends in one transaction: faster, and all or nothing. It holds the write lock: others wait, at most 10 s, so
 * commit at least once a second. After an error of append, commit gives that error again and nothing is kept.
 * Revoke, forget and seal have transactions of their own and may not stand within one. */
int lessons_begin(struct lessons *l, struct report *why);
int lessons_commit(struct lessons *l, struct report *why);
void lessons_rollback(struct lessons *l);

/* *superseded_out: id of the live lesson on the same digest that this one replaces, or 0 (a sealed one stays in the
 * base). Same digest and class as the live one: POSSE_EEXIST, *id_out is that one's, the model must not move; what
 * another teacher than before says is still journalled, for L2. */
int lessons_append(struct lessons *l, const struct lesson *in, uint64_t *id_out, uint64_t *superseded_out, struct report *why);

/* Which lessons: all conditions that are set must hold. */
struct lesson_filter {
    uint64_t id;             /* 0: any */
    uint64_t after_id;       /* only ids above */
    struct span teacher;     /* empty: any */
    int64_t since_ms, until_ms; /* [since, until); 0: open */
    const uint8_t *digest;   /* NULL: any */
    int klass;               /* -1: any */
    bool live_only;
    bool newest_first;
    uint64_t limit;          /* 0: none */
};
/* Begin with this: a filter of zeros means ham only. */
#define LESSON_FILTER_ANY ((struct lesson_filter){.klass = -1})
/* One consistent view; fn may not call lessons_* on this handle. Features are checked against their checksum: ECORRUPT.
 * fn returns 0 to go on; another value stops and is returned. with_features: false leaves features empty and is quicker. */
int lessons_each(struct lessons *l, const struct lesson_filter *f, bool with_features,
                 int (*fn)(void *ctx, const struct lesson *), void *ctx, struct report *why);
struct lessons_count {
    uint64_t live_ham, live_spam, revoked, superseded, sealed;
    uint64_t last_id;        /* highest id ever given, deleted ones included */
    uint64_t sealed_up_to;   /* 0: nothing is sealed */
    uint64_t oldest_changed; /* lowest id whose standing ever changed by revoke, supersede, forget; 0: none */
    uint64_t file_bytes;     /* database and its log */
};
int lessons_count(struct lessons *l, struct lessons_count *out, struct report *why);

/* Takes verdicts back, superseded ones too (or they would come back to life). *n_out: how many; *oldest_out: lowest id
 * that stopped or started to count (0: none). Sealed and settled ones are passed over; POSSE_EINVAL when one was asked
 * for by id; POSSE_ENOENT when there is no such id. */
int lessons_revoke(struct lessons *l, const struct lesson_filter *f, uint64_t *n_out, uint64_t *oldest_out, struct report *why);
/* Deletes rows for good, features and digests, revoked and sealed ones too. The model must be folded again by the caller
 * when *oldest_out is not 0. OK with text in `why`: the rows are gone, but another process keeps the old log alive. */
int lessons_forget(struct lessons *l, const struct lesson_filter *f, uint64_t *n_out, uint64_t *oldest_out, struct report *why);
/* Drops the features of all lessons up to id: the caller has folded the live ones into a base that is on disk. */
int lessons_seal(struct lessons *l, uint64_t up_to_id, struct report *why);
/* The same, refused with POSSE_EBUSY when the standing of one of them changed after `epoch`, that of the base. */
int lessons_seal_since(struct lessons *l, uint64_t up_to_id, uint64_t epoch, struct report *why);
int lessons_sealed_up_to(struct lessons *l, uint64_t *id_out, struct report *why);

/* A number that changes whenever rows that were there before change (revoke, supersede, forget, seal): a snapshot of the
 * model records it, and folds anew when it differs. Read it before folding and again after: another process may have
 * taught in between. */
int lessons_epoch(struct lessons *l, uint64_t *epoch_out, struct report *why);
/* *oldest_out: lowest id whose standing changed after `epoch` (0: none; seals do not count): a checkpoint of that epoch
 * is still good when it folds only lower ids. */
int lessons_changed_since(struct lessons *l, uint64_t epoch, uint64_t *oldest_out, struct report *why);
/* Reads every page and every row: POSSE_ECORRUPT names the first damage. */
int lessons_check(struct lessons *l, struct report *why);

#endif
