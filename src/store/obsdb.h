/* obsdb: what the observatory knows, in HOME/observatory.db: its state, where each input was left off, kept originals, templates, and
 * what analysts entered. SQLite in WAL mode, synchronous=FULL; a save is one transaction, so that a crash leaves the save before it,
 * whole, and reading the inputs again goes on from there. What is deleted is overwritten (secure_delete).
 * One process writes: obsdb_open with is_writer takes the lock on HOME/observe.lock. Others read what the last save left, and may enter
 * something (obsdb_tell), which the writer takes up with its next save.
 * State is bytes to this floor: cut into pieces and compressed (zstd), each with a checksum by zstd.
 * Limits: a state of OBSDB_STATE_MAX bytes; originals of 16 MB; names of OBSDB_NAME_MAX bytes.
 * Ownership: spans given to callbacks live for the call.  Threads: one a handle.
 * Errors: EBUSY: another process observes this home; ENOENT: nothing was observed yet; those of store/db.h. */
#ifndef POSSE_STORE_OBSDB_H
#define POSSE_STORE_OBSDB_H

#include "base/buf.h"
#include "base/report.h"
#include "base/span.h"

enum { OBSDB_NAME_MAX = 4096, OBSDB_TEXT_MAX = 1000 };
#define OBSDB_STATE_MAX ((size_t)4 << 30)

struct obsdb;
int obsdb_open(const char *home, bool is_writer, struct obsdb **out, struct report *why);
void obsdb_close(struct obsdb **d);
/* All that is written stands between these; rc other than 0, or a failing commit, leaves things as they were. */
int obsdb_begin(struct obsdb *d, struct report *why);
int obsdb_end(struct obsdb *d, int rc, struct report *why);

/* One view of all, while another process saves: what is read between these belongs together. Not within a save. */
int obsdb_hold(struct obsdb *d, struct report *why);
void obsdb_release(struct obsdb *d);

/* ---- state and marks ---- */
int obsdb_put(struct obsdb *d, const char *name, struct span bytes, struct report *why);
/* The same piece by piece, for what is too big to stand in memory twice: b becomes a buffer that spills into the state of that name, and
 * obsdb_put_end writes the rest of it and frees it. *bytes_out may be NULL. One at a time; within a save. rc: of who filled it. */
int obsdb_put_begin(struct obsdb *d, const char *name, struct buf *b);
int obsdb_put_end(struct obsdb *d, struct buf *b, int rc, uint64_t *bytes_out, struct report *why);
/* Appends to out; ENOENT: there is none of that name. */
int obsdb_get(struct obsdb *d, const char *name, struct buf *out, struct report *why);
int obsdb_put_mark(struct obsdb *d, struct span input, struct span position, struct report *why);
int obsdb_each_mark(struct obsdb *d, int (*fn)(void *ctx, struct span input, struct span position), void *ctx, struct report *why);

/* ---- originals ---- */
struct original { uint64_t campaign; uint32_t version; int64_t time_ms; struct span raw, subject, text; };
int obsdb_keep(struct obsdb *d, const struct original *o, struct report *why);
/* Of one campaign, oldest first; version UINT32_MAX: of all. with_raw: else raw is empty, and cheaper. fn: 0 goes on. */
int obsdb_each_original(struct obsdb *d, uint64_t campaign, uint32_t version, bool with_raw, int (*fn)(void *ctx, const struct original *),
                        void *ctx, struct report *why);
/* The latest one's number, 0: none; and all later ones go: who writes originals before the state that knows of them drops after a crash
 * what the state does not know. */
int obsdb_last_original(struct obsdb *d, int64_t *n_out, struct report *why);
int obsdb_drop_later(struct obsdb *d, int64_t n, struct report *why);
/* All but the first `keep` of each version before `version`. */
int obsdb_thin(struct obsdb *d, uint64_t campaign, uint32_t version, uint32_t keep, struct report *why);
/* The oldest go until at most max_bytes (compressed) are left. */
int obsdb_cap(struct obsdb *d, uint64_t max_bytes, struct report *why);

/* Any process, any time, not within a save: deletes for good the originals of which is_it says so. Reads all of them, for no index holds
 * what a message is known by. What an observer has not saved yet is not reached. after: hears once that they are deleted, in the same
 * transaction; where it fails all stands. May be NULL. */
int obsdb_forget(struct obsdb *d, bool (*is_it)(void *ctx, const struct original *), int (*after)(void *ctx, struct report *why), void *ctx,
                 uint64_t *n_out, struct report *why);

/* ---- templates ---- */
struct kept_template {
    uint64_t campaign; uint32_t version;
    int64_t made_ms, first_ms;   /* inferred when; the version's first message */
    int64_t held_ms;             /* from when on what came matched; 0: it was not seen to */
    uint32_t texts, seen, matched; /* made of how many; later messages that it was held against, and matched */
    uint32_t proof;              /* enum proof of campaign/template.h */
    struct span refused;         /* why it may not be used; empty: it may */
    struct span bytes;
};
int obsdb_put_template(struct obsdb *d, const struct kept_template *t, struct report *why);
/* Of one campaign, or of all (campaign 0), by campaign and version. */
int obsdb_each_template(struct obsdb *d, uint64_t campaign, int (*fn)(void *ctx, const struct kept_template *), void *ctx, struct report *why);
/* Forgets originals and templates of a campaign. */
int obsdb_drop(struct obsdb *d, uint64_t campaign, struct report *why);

/* ---- entries ---- */
struct told { uint64_t n; int64_t at_ms, told_ms; uint32_t cause; bool is_taken; struct span botnet, note; };
/* Any process, any time: a transaction of its own. EBUSY after 10 s. */
int obsdb_tell(struct obsdb *d, const struct told *t, struct report *why);
int obsdb_each_told(struct obsdb *d, int (*fn)(void *ctx, const struct told *), void *ctx, struct report *why);
int obsdb_taken(struct obsdb *d, uint64_t n, struct report *why); /* within a save: the state has it */

struct obsdb_count { uint64_t originals, original_bytes, templates, marks, told, state_bytes, file_bytes; };
int obsdb_count(struct obsdb *d, struct obsdb_count *out, struct report *why);
int obsdb_check(struct obsdb *d, struct report *why); /* every page, every row; is all of it what it was written as? */

#endif
