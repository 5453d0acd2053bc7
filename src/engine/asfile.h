/* asfile: a table of autonomous systems from a file, CSV or compiled (a snapshot of kind SNAPSHOT_AS); it looks which.
 * Ownership: the file owns what it mapped or read; the table lives as long.  Threads: read-only once open.
 * Errors: as net/astable.h and store/snapshot.h say.  Limits: a CSV of 1 GB. */
#ifndef POSSE_ENGINE_ASFILE_H
#define POSSE_ENGINE_ASFILE_H

#include "base/report.h"
#include "net/astable.h"

struct asfile;
int asfile_open(const char *path, struct asfile **out, struct report *why);
void asfile_close(struct asfile **f);
const struct astable *asfile_table(const struct asfile *f); /* NULL for NULL */
/* Writes the table compiled: opening it takes a twentieth of the time. */
int asfile_write(const struct astable *t, const char *path, struct report *why);

#endif
