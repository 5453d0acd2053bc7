/* quarantine: mail that was kept back. HOME/quarantine/ab/DIGEST.zst holds a message's bytes once, however often it came
 * (content-addressed by SHA-256 of the bytes, zstd); quarantine/index.db (SQLite, synchronous=FULL) holds one item each time: who
 * sent it to whom, when, why, until when.
 *   Q1  An item is durable before quarantine_put returns: bytes written to a temporary name (in quarantine/tmp), synced,
 *       renamed, folder synced, then the row is committed. A crash leaves at most bytes without a row, which quarantine_expire
 *       collects. Bytes that are there already are read and checked before a second item relies on them.
 *   Q2  Bytes are removed only when no item names them any more. The index's write lock is what keeps putting and removing
 *       apart: bytes get their name and their row under it, and are looked up and removed under it.
 *   Q3  An item is released once: quarantine_release_begin marks it, _end says how it went; a crash in between leaves
 *       "releasing", shown as such and released again only when asked.
 * A full disk: nothing more is kept, and what is there stays; removing needs some KB of room for the index's log.
 * Personal data: mail in full. Mode 0600 in folders 0700; retention applies.
 * Limits: texts over QUARANTINE_TEXT_MAX bytes are cut (but for addresses, which a release needs); all recipients together
 * 4 MB, or POSSE_ELIMIT.
 * Threads: one handle a thread; several processes.  Errors: as lessons.h; ECORRUPT when bytes fail their digest. */
#ifndef POSSE_STORE_QUARANTINE_H
#define POSSE_STORE_QUARANTINE_H

#include "base/buf.h"
#include "base/report.h"
#include "base/span.h"

enum quarantine_state { QUARANTINE_KEPT, QUARANTINE_RELEASING, QUARANTINE_RELEASED, QUARANTINE_STATES };
enum { QUARANTINE_TEXT_MAX = 4000 };

struct quarantine_item {
    uint64_t id;               /* given by put */
    int64_t time_ms;
    struct span door, queue_id, verdict_id, client_addr, helo, from, header_from, subject, auth_user;
    const struct span *rcpt;   /* for whom it was kept */
    size_t n_rcpt;
    struct span action;        /* "quarantine", "reject", "discard": what its recipients' policy said */
    double bits;
    struct span reasons;       /* lines of "+3.10 text" */
    uint8_t digest[32];        /* of the bytes; given by put */
    const uint8_t *mail_digest; /* engine's digest (transport headers left out), for G7 of the gate; 32 bytes */
    uint64_t size_bytes;
    enum quarantine_state state;
    int64_t released_ms;
};

struct quarantine;
int quarantine_open(const char *folder, struct quarantine **out, struct report *why);
void quarantine_close(struct quarantine **q);

int quarantine_put(struct quarantine *q, const struct quarantine_item *in, struct span raw, uint64_t *id_out, struct report *why);
/* The message's bytes, checked against their digest. POSSE_ETOOBIG: more than max. They are appended to out. */
int quarantine_bytes(struct quarantine *q, uint64_t id, size_t max, struct buf *out, struct report *why);

struct quarantine_filter {
    uint64_t id;
    const char *from, *rcpt;   /* without case, `*` stands for anything */
    int64_t since_ms, until_ms;
    int state;                 /* -1: any */
    uint64_t limit;
};
#define QUARANTINE_FILTER_ANY ((struct quarantine_filter){.state = -1})
/* Newest first. Texts live for the call. */
int quarantine_each(struct quarantine *q, const struct quarantine_filter *f, int (*fn)(void *ctx, const struct quarantine_item *),
                    void *ctx, struct report *why);

/* POSSE_EEXIST: was released before; POSSE_EBUSY: somebody began and never ended; both only unless `again`. */
int quarantine_release_begin(struct quarantine *q, uint64_t id, bool again, struct report *why);
/* Not sent: it is as it was before. */
int quarantine_release_end(struct quarantine *q, uint64_t id, bool is_sent, int64_t now_ms, struct report *why);
/* Was this mail released (by its engine digest) for all of these (without case; none: for anybody) and not expired since? One that
 * is being released counts: the mail server asks about it before it takes it. */
int quarantine_was_released(struct quarantine *q, const uint8_t mail_digest[32], const struct span *rcpt, size_t n_rcpt, bool *out,
                            struct report *why);

/* Removes items older than before_ms, then the oldest until under max_bytes on disk (0: no cap), and what a crash left behind:
 * all of it at a handle's first call, a 256th part of the folders at each later one. n_out items. */
int quarantine_expire(struct quarantine *q, int64_t before_ms, uint64_t max_bytes, uint64_t *n_out, struct report *why);
int quarantine_remove(struct quarantine *q, uint64_t id, struct report *why); /* POSSE_ENOENT */
struct quarantine_count { uint64_t kept, releasing, released, bytes /* on disk */; int64_t oldest_ms, newest_ms; };
int quarantine_count(struct quarantine *q, struct quarantine_count *out, struct report *why);
/* Every page, row, and item's bytes against their digest; the first damage is reported. */
int quarantine_check(struct quarantine *q, struct report *why);

#endif
