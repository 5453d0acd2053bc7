/* events: history: one row a verdict. SQLite in WAL mode, synchronous=NORMAL (a crash of the machine, not of the process,
 * may lose the last rows), pruned by age and size. It can be lost without harm: nothing else is made from it.
 * A row holds who, when, what was decided and why; never text of the message (the subject only when configured). Hashed
 * features are kept for a shorter time, so that a row can be taught from; they are personal data, and retention applies.
 * What is deleted is overwritten (secure_delete).
 * Limits: a text over EVENT_TEXT_MAX bytes is cut, features over LESSON_FEATURES_MAX are not kept.
 * Several processes may append and read. Threads: one handle a thread.
 * Errors: EBUSY after 10 s, EFULL, EACCES, ECORRUPT (move the file away; a new one is made), EVERSION.
 * Cost: see the figures in events.c. */
#ifndef POSSE_STORE_EVENTS_H
#define POSSE_STORE_EVENTS_H

#include "base/report.h"
#include "base/span.h"

enum { EVENT_REASONS_MAX = 8, EVENT_RCPT_MAX = 64 /* more are counted, not named */, EVENT_TEXT_MAX = 1000 };

struct event_reason { double bits; struct span text; };

struct event {
    struct span id;            /* gate's verdict id: unique, ascending in time */
    int64_t time_ms;
    struct span door, queue_id, message_id, client_addr, client_name, helo, from, header_from, auth_user, subject;
    const struct span *rcpt;   /* the first EVENT_RCPT_MAX of them */
    size_t n_rcpt;             /* all of them: a reader looks at the lesser of both */
    uint64_t size_bytes;
    const uint8_t *digest;     /* 32 bytes; NULL: none */
    bool is_spam;
    double bits, probability, threshold_bits;
    struct span action, would; /* equal unless a policy observes */
    struct span quarantine_id, campaign; /* may be empty */
    struct event_reason reason[EVENT_REASONS_MAX];
    size_t n_reasons;
    struct span flip;
    uint32_t extractor;
    struct span features;      /* as in a lesson; empty when no longer kept */
    double seconds;
    struct span taught;        /* "", "spam", "ham": what was taught of it since; ignored on the way in */
};

struct events;
int events_open(const char *path, struct events **out, struct report *why);
void events_close(struct events **e);

/* Rows are appended between begin and commit only: begin takes the write lock, so commit within a second. POSSE_EEXIST: a
 * row of that id is there; the batch goes on. After any other error nothing of the batch is kept, and commit, which must still
 * be called, gives that error again. */
int events_begin(struct events *e, struct report *why);
int events_append(struct events *e, const struct event *in, struct report *why);
int events_commit(struct events *e, struct report *why);

/* Conditions that are set must all hold. Texts match without case, `*` stands for anything. */
struct event_filter {
    const char *id, *from /* either sender */, *rcpt, *action, *would, *reason /* part of a reason's text */, *campaign, *door,
        *client /* address or name */;
    int64_t since_ms, until_ms; /* [since, until); 0: open */
    int klass;                  /* -1 any, 0 ham, 1 spam */
    bool oldest_first;
    uint64_t limit;             /* 0: none */
};
#define EVENT_FILTER_ANY ((struct event_filter){.klass = -1})
/* Newest first unless asked otherwise. One consistent view; it keeps nobody from appending. Texts live for the call; fn: 0 goes
 * on, else stops and is returned; it may not call events_* on this handle. */
int events_each(struct events *e, const struct event_filter *f, int (*fn)(void *ctx, const struct event *), void *ctx, struct report *why);
/* POSSE_ENOENT: no such row (any more). */
int events_mark_taught(struct events *e, struct span id, bool is_spam, struct report *why);
/* Deletes the rows of a message for good; reads all rows, for no index holds digests. */
int events_forget(struct events *e, const uint8_t digest[32], uint64_t *n_out, struct report *why);

/* Drops rows older than before_ms, features older than features_before_ms, and the oldest until the file is under max_bytes
 * (0: no cap, the log beside it is not counted); a little at a time, so that writers never wait long: *more_out says that there
 * is more to do. */
int events_prune(struct events *e, int64_t before_ms, int64_t features_before_ms, uint64_t max_bytes, bool *more_out, struct report *why);
struct events_count { uint64_t rows, spam, ham, file_bytes; int64_t oldest_ms, newest_ms; };
int events_count(struct events *e, struct events_count *out, struct report *why);
int events_check(struct events *e, struct report *why); /* every page, every row */

#endif
