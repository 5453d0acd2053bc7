/* casefile: one case on disk: exhibits as they were, and a log of everything that was done with them, to which one can only add.
 *
 * cases/ID/ (mode 0700) holds
 *   log.jsonl           one JSON object a line, UTF-8, keys in the order written below, no blanks between; each has
 *                       "n" its place from 0, "prev" the hex SHA-256 of the line before (without its line end; 64 zeros for the first), "kind",
 *                       "at" when it was added, with UTC offset, "by" who added it, "tool" the version that did
 *   exhibits/pack-NNNN  the exhibits' bytes, one after the other, never changed; an exhibit's line says pack, offset, size and SHA-256
 *   heads.jsonl         signed heads (case/seal.h); keys/FINGERPRINT.pem: the public keys that signed them
 *   tokens/N.tsr        RFC 3161 timestamps of the head over the first N lines
 * The Merkle tree (case/merkle.h) is over the lines of the log, each without its line end. "prev" is not needed for that: it lets a verifier
 * say which line was changed, and not only that one was.
 * Writing: bytes of exhibits are on disk before the line that names them, the line before the call returns (case_begin and case_commit:
 * once for many). A crash leaves at most bytes that no line names and half a line: the next writer cuts both off, and both were never
 * part of the case. Where the log is shorter than the newest head, or a line does not follow its predecessor, nothing is written any more
 * (POSSE_ECORRUPT): evidence fails closed.
 * One writer: HOME/cases/ID/lock (POSSE_EBUSY); readers need no lock: what they see is a prefix.
 * Links and pipes in a folder that was handed over are not followed and not waited for.
 * Limits: an exhibit of CASE_EXHIBIT_MAX bytes, a line of CASE_LINE_MAX, 2^32 lines; a pack is closed at 1 GB.
 * Errors: POSSE_EFULL (nothing of the call remains), EACCES, ECORRUPT with what and where, ELIMIT.  Threads: one a handle.
 * Cost: see bench/case: adding at the speed of the disk. */
#ifndef POSSE_CASE_CASEFILE_H
#define POSSE_CASE_CASEFILE_H

#include "base/buf.h"
#include "base/report.h"
#include "base/span.h"
#include "case/merkle.h"

enum { CASE_ID_MAX = 64, CASE_EXHIBIT_MAX = 1 << 30, CASE_LINE_MAX = 256 << 10, CASE_FIELDS_MAX = 32,
       CASE_BATCH_MAX = 64 << 20 };

/* A time as a person and a court read it: when, and which clock said so. */
struct case_time { int64_t unix_ms; int offset_minutes; };
/* "2011-03-16T14:45:00.000+00:00" */
enum { CASE_TIME_TEXT = 64 };
void case_time_text(const struct case_time *t, char out[CASE_TIME_TEXT]);
bool case_time_read(struct span text, struct case_time *out);

struct casefile;
struct case_writer { const char *by, *tool; struct case_time (*now)(void *ctx); void *ctx; }; /* the clock is the caller's */

/* folder: the case's own; made here. title and subject (what it was opened on, "botnet rustock") go into the first line. POSSE_EEXIST. */
int casefile_create(const char *folder, const char *title, const char *subject, const struct case_writer *w, struct casefile **out,
                    struct report *why);
/* w NULL: to read. */
int casefile_open(const char *folder, const struct case_writer *w, struct casefile **out, struct report *why);
int casefile_close(struct casefile **c, struct report *why);

/* One thing that was done; name and value pairs become the line's own fields, in this order, after "kind". Values are texts. */
struct case_field { const char *name; struct span value; };
int casefile_note(struct casefile *c, const char *kind, const struct case_field *f, size_t n, uint64_t *n_out, struct report *why);

struct exhibit {
    struct span name;        /* short, for people: "message 17 of campaign c..." */
    struct span media;       /* "message/rfc822", "application/json" */
    struct span source;      /* where it came from: trap, file, resolver */
    struct case_time seen;   /* when the source saw it; has_seen false: not known */
    bool has_seen;
    struct span command;     /* what made it */
    int64_t redacts;         /* the exhibit whose redacted copy this is; -1: an original */
    struct span what;        /* of a redacted copy: what was taken out */
};
int casefile_exhibit(struct casefile *c, const struct exhibit *e, struct span bytes, uint64_t *n_out, struct report *why);
/* Many at once: one flush of the disk at commit. When commit fails nothing of the batch is part of the case; a crash within it keeps some
 * first ones or none. A batch has at most CASE_BATCH_MAX bytes of lines (ELIMIT: commit, and begin again). */
int casefile_begin(struct casefile *c, struct report *why);
int casefile_commit(struct casefile *c, struct report *why);
void casefile_abandon(struct casefile *c); /* nothing of the batch remains */
/* After a note of kind "close" nothing but notes of kind "custody" and "reopen" is taken (POSSE_EACCES), until one "reopen" is. */
bool casefile_is_closed(const struct casefile *c);

/* ---- reading ---- */

struct case_line {
    uint64_t n;
    struct span line;        /* the whole, without its line end */
    struct span kind;        /* unescaped, as are the others; "" where there is none */
    struct span at, by, tool;
    bool is_exhibit;
    uint32_t pack; uint64_t offset, size; uint8_t sha256[32];
    struct span name, media, source, seen, command, what;
    int64_t redacts;
};
uint64_t casefile_count(const struct casefile *c);
/* Any field of the line that was read last, by name; SPAN_NONE: there is none. */
struct span casefile_field(const struct casefile *c, const char *name);
int casefile_each(struct casefile *c, int (*fn)(void *ctx, const struct case_line *), void *ctx, struct report *why);
int casefile_line(struct casefile *c, uint64_t n, struct case_line *out, struct report *why); /* texts live until the next call */
/* The bytes of an exhibit, checked against its digest; the caller's buffer. POSSE_ECORRUPT names the exhibit. */
int casefile_bytes(struct casefile *c, const struct case_line *l, struct buf *out, struct report *why);
const char *casefile_folder(const struct casefile *c);
/* Root over the first n lines (n <= count). */
int casefile_root(struct casefile *c, uint64_t n, uint8_t out[MERKLE_HASH], struct report *why);

#endif
