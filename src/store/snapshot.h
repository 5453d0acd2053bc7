/* snapshot: a file of named sections, checksummed, written whole and mapped on read.
 *
 * Layout (little-endian): 64-byte header {magic "POSSESNP", u32 format, u32 kind, u64 file size,
 * u32 sections, u32 0, u64 xxh3 of the 32 bytes before and of the section table, 24 bytes 0}, section table
 * {char name[16], u64 offset, u64 size, u64 xxh3 of its bytes}, then sections in the table's order, each at the
 * next multiple of 64, zeros between. There is one file for one list of sections: equal sections give equal
 * bytes, and any other bytes are refused, so that no flipped bit goes unseen.
 * Writing: `PATH.tmp` in the same folder under a lock, fsync, rename, fsync of the folder: a crash leaves the old
 * file or the new one, and at most one temporary file, which the next writer takes over. A snapshot of a user's mail
 * is mode 0600; one that ships follows the umask. Only a regular file is ever replaced.
 * Reading: MAP_PRIVATE and writable, so that the holder may change its copy. Nobody may change a snapshot in
 * place or cut it short while it is mapped; snapshot_write never does.
 * Errors: POSSE_EVERSION for another format or kind, POSSE_ECORRUPT for a bad size or checksum, EBUSY when another
 * process keeps writing it for five seconds, and what the system says (EFULL, EACCES ...); `why` names file, offset and
 * what to do.
 * Limits: 64 sections.  The checksum finds damage, not forgery: whoever may write the file is trusted.
 * Threads: a snapshot may be read by all.  Cost: open reads the file once, at memory speed. */
#ifndef POSSE_STORE_SNAPSHOT_H
#define POSSE_STORE_SNAPSHOT_H

#include "base/report.h"
#include "base/span.h"

enum { SNAPSHOT_FORMAT = 1, SNAPSHOT_SECTIONS_MAX = 64 };
enum snapshot_kind {
    SNAPSHOT_PRIOR = 1, /* a model that ships */
    SNAPSHOT_MODEL = 2, /* a user's, a fold of lessons */
    SNAPSHOT_RULES = 3, /* compiled expressions (filter/rules.h) */
    SNAPSHOT_AS = 4,    /* a table of autonomous systems (engine/asfile.h) */
};

struct snapshot;
struct snapshot_section { const char *name; struct span data; }; /* name: 1 to 15 printable ASCII bytes, each once */

int snapshot_write(const char *path, enum snapshot_kind kind, const struct snapshot_section *s, size_t n,
                   struct report *why);
int snapshot_open(const char *path, enum snapshot_kind kind, struct snapshot **out, struct report *why);
void snapshot_close(struct snapshot **s);
/* SPAN_NONE: there is none of that name. The bytes live until close and may be written to (private copy). */
struct span snapshot_get(const struct snapshot *s, const char *name);

/* Is `file` a whole snapshot of that kind? name stands for the path in `why`. */
int snapshot_validate(struct span file, enum snapshot_kind kind, const char *name, struct report *why);
/* Section i of a file that snapshot_validate passed; false past the last. *name_out points into it (NUL-terminated). */
bool snapshot_section_at(struct span file, size_t i, const char **name_out, struct span *data_out);

#endif
