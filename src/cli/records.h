/* records: event records, for volumes at which mail itself is out of reach: who sent what kind of message when, without a message.
 * Little-endian, a head of 16 bytes ("POSSEREC", u32 version 1, u32 bytes a record) and records of 56 bytes in order of time:
 *   0 i64 time, ms since 1970     8 source address, 16 bytes (IPv4 mapped)    24 u64 template: equal for messages of one template
 *  32 u64 mailer                 40 u32 bytes   44 u16 recipients   46 u16 flags: 1 spam, 2 authenticated, 4 list   48 u64 machine, 0: none
 * Longer records of a later version are read as far as they are known.
 * Ownership: one reader, one file.  Errors: ECORRUPT names file and offset; a file that ends within a record, which may be one that is
 * being written, ends before it.  Threads: one.  Cost: a copy of 56 bytes. */
#ifndef POSSE_CLI_RECORDS_H
#define POSSE_CLI_RECORDS_H

#include "base/report.h"
#include "campaign/sighting.h"

struct records;
/* path "-": standard input. */
int records_open(const char *path, struct records **out, struct report *why);
void records_close(struct records **r);
/* Goes on at a record's offset in the file; only files. */
int records_seek(struct records *r, uint64_t offset, struct report *why);
uint64_t records_offset(const struct records *r); /* where the next one begins */
/* 1: one was read; 0: the end; negative: an error. Sets what a record says; what s holds else is the caller's (zero it once). */
int records_next(struct records *r, struct sighting *s, struct report *why);

#endif
