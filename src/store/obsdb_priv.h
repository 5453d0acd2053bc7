/* obsdb_priv: what the files of obsdb share. Not for others. */
#ifndef POSSE_STORE_OBSDB_PRIV_H
#define POSSE_STORE_OBSDB_PRIV_H

#include <zstd.h>
#include <zstd_errors.h>

#include "store/db.h"
#include "store/obsdb.h"

enum obsdb_stmt {
    OBSDB_PUT, OBSDB_PUT_REST, OBSDB_GET, OBSDB_PUT_MARK, OBSDB_MARKS, OBSDB_KEEP, OBSDB_ORIGINALS, OBSDB_TEXTS, OBSDB_THIN,
    OBSDB_OLDEST, OBSDB_RAWS, OBSDB_FORGET, OBSDB_DROP_ORIGINAL, OBSDB_DROP_LATER, OBSDB_PUT_TEMPLATE, OBSDB_TEMPLATES, OBSDB_DROP_ORIGINALS, OBSDB_DROP_TEMPLATES, OBSDB_TELL,
    OBSDB_TOLD, OBSDB_TAKEN, OBSDB_STMTS
};

struct obsdb {
    struct db db;
    int lock;            /* -1: a reader */
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    struct buf packed[2], raw[2]; /* a row's blobs on their way */
    struct putting { const char *name; int64_t part; uint64_t bytes; struct report why; } putting; /* of obsdb_put_begin */
};

/* in, compressed into d->packed[i]; the span lives until the next one there. */
int obsdb_pack(struct obsdb *d, unsigned i, struct span in, int level, struct span *out, struct report *why);
/* Appends to out what `in` holds; at most `most` bytes. */
int obsdb_unpack(struct obsdb *d, struct span in, size_t most, struct buf *out, struct report *why);
/* Steps through what a statement gives; fn: 0 goes on. The statement is reset. */
int obsdb_rows(struct obsdb *d, sqlite3_stmt *s, int (*fn)(struct obsdb *d, sqlite3_stmt *s, void *ctx, struct report *why), void *ctx,
               struct report *why);
/* Runs it: a code, with its report. */
int obsdb_run(struct obsdb *d, sqlite3_stmt *s, int bound, struct report *why);

#endif
