/* quarantine: mail that was kept back. HOME/quarantine/ab/DIGEST.zst holds a message's bytes once, however often it came
 * (content-addressed by SHA-256 of the bytes, zstd); quarantine/index.db (SQLite, synchronous=FULL) holds one item each time: who
 * sent it to whom, when, why, until when.
 *   Q1  An item is durable before quarantine_put returns: bytes written to a temporary name, synced, renamed, folder synced,
 *       then the row is committed. A crash leaves at most bytes without a row, which quarantine_expire collects.
 *   Q2  Bytes are removed only when no item names them any more.
 *   Q3  An item is released once: quarantine_release_begin marks it, _end says how it went; a crash in between leaves
 *       "releasing", shown as such and released again only when asked.
 * Personal data: mail in full. Mode 0600 in folders 0700; retention applies.
 * Threads: one handle a thread; several processes.  Errors: as lessons.h; ECORRUPT when bytes fail their digest. */
#ifndef POSSE_STORE_QUARANTINE_H
#define POSSE_STORE_QUARANTINE_H

#include "base/buf.h"
#include "base/report.h"
#include "base/span.h"

enum quarantine_state { QUARANTINE_KEPT, QUARANTINE_RELEASING, QUARANTINE_RELEASED, QUARANTINE_STATES };
enum { QUARANTINE_ID_BYTES = 24 };

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
/* The message's bytes, checked against their digest, at most max bytes. */
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

int quarantine_release_begin(struct quarantine *q, uint64_t id, bool again, struct report *why); /* EEXIST: was released */
int quarantine_release_end(struct quarantine *q, uint64_t id, bool is_sent, int64_t now_ms, struct report *why);
/* Was this mail released (by its engine digest) and not expired since? */
int quarantine_was_released(struct quarantine *q, const uint8_t mail_digest[32], bool *out, struct report *why);

/* Removes items older than before_ms, then the oldest until under max_bytes (0: no cap); n_out items. */
int quarantine_expire(struct quarantine *q, int64_t before_ms, uint64_t max_bytes, uint64_t *n_out, struct report *why);
int quarantine_remove(struct quarantine *q, uint64_t id, struct report *why);
struct quarantine_count { uint64_t kept, released, bytes; };
int quarantine_count(struct quarantine *q, struct quarantine_count *out, struct report *why);
int quarantine_check(struct quarantine *q, struct report *why); /* every item's bytes against their digest */

#endif
