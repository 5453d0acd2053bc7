/* quarantine_priv: what the files of the quarantine share. Not for others. */
#ifndef POSSE_STORE_QUARANTINE_PRIV_H
#define POSSE_STORE_QUARANTINE_PRIV_H

#include "base/buf.h"
#include "store/db.h"
#include "store/quarantine.h"

enum quarantine_stmt {
    QUARANTINE_INSERT, QUARANTINE_STANDING, QUARANTINE_MARK, QUARANTINE_BYTES_OF, QUARANTINE_NAMES, QUARANTINE_WAS_RELEASED,
    QUARANTINE_DELETE, QUARANTINE_OLD, QUARANTINE_STMTS
};

struct quarantine {
    struct db db;
    char *folder;
    struct buf pack;     /* a row's recipients, or compressed bytes */
    bool was_swept;      /* see quarantine_expire */
    unsigned next_sweep; /* folder whose turn it is */
};

/* ---- files (quarantine_bytes.c) ---- */

enum { QUARANTINE_PATH_MAX = 4096 };
struct quarantine_temp { int fd; char path[QUARANTINE_PATH_MAX]; };

/* folder/ab/DIGEST.zst. */
int quarantine_path(const struct quarantine *q, const uint8_t digest[32], char out[QUARANTINE_PATH_MAX], struct report *why);
/* Writes raw compressed into a temporary file, synced. On success the file is quarantine_temp_drop's or _keep's to end. */
int quarantine_temp_write(struct quarantine *q, struct span raw, struct quarantine_temp *out, uint64_t *stored_out, struct report *why);
/* Gives it its name for good and syncs the folder. */
int quarantine_temp_keep(struct quarantine *q, struct quarantine_temp *t, const uint8_t digest[32], struct report *why);
void quarantine_temp_drop(struct quarantine_temp *t); /* after keep: only closes */
/* Appends what the file holds, which must be size bytes of that digest. */
int quarantine_file_read(struct quarantine *q, const uint8_t digest[32], uint64_t size, struct buf *out, uint64_t *stored_out,
                         struct report *why);
/* Syncs the folder of bytes that were there already. */
int quarantine_file_sync(struct quarantine *q, const uint8_t digest[32], struct report *why);
/* Under the lock: removes the bytes unless an item names them. */
int quarantine_collect(struct quarantine *q, const uint8_t digest[32], struct report *why);
/* Removes what a crash left: temporary files, bytes without an item, in one of 256 folders. */
int quarantine_sweep(struct quarantine *q, unsigned folder, struct report *why);

#endif
