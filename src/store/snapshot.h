/* snapshot: a file of named sections, checksummed, written whole and mapped on read.
 *
 * Layout (little-endian): 64-byte header {magic "POSSESNP", u32 format, u32 kind, u64 file size,
 * u32 sections, u32 0, u64 xxh3 of the section table}, section table {char name[16], u64 offset, u64 size,
 * u64 xxh3 of its bytes}, then sections, each 64-byte aligned. Equal sections give equal bytes.
 * Writing: temporary file in the same folder, fsync, rename, fsync of the folder: a crash leaves the old
 * file or the new one.  Reading: MAP_PRIVATE and writable, so that the holder may change its copy.
 * Errors: POSSE_EVERSION for another format or kind, POSSE_ECORRUPT for a bad size or checksum, and what
 * the system says (EFULL, EACCES ...); `why` names file, offset and what to do.
 * Threads: a snapshot may be read by all.  Cost: open reads the file once, at memory speed. */
#ifndef POSSE_STORE_SNAPSHOT_H
#define POSSE_STORE_SNAPSHOT_H

#include "base/report.h"
#include "base/span.h"

enum { SNAPSHOT_FORMAT = 1 };
enum snapshot_kind { SNAPSHOT_PRIOR = 1 /* a model that ships */, SNAPSHOT_MODEL = 2 /* a user's, a fold of lessons */ };

struct snapshot;
struct snapshot_section { const char *name; struct span data; }; /* name: 1 to 15 bytes */

int snapshot_write(const char *path, enum snapshot_kind kind, const struct snapshot_section *s, size_t n,
                   struct report *why);
int snapshot_open(const char *path, enum snapshot_kind kind, struct snapshot **out, struct report *why);
void snapshot_close(struct snapshot **s);
/* SPAN_NONE: there is none of that name. The bytes live until close and may be written to (private copy). */
struct span snapshot_get(const struct snapshot *s, const char *name);

#endif
