/* log_bytes: the bytes of one log, plain or gzip (told by their first bytes), from a file, standard input or what a program prints;
 * whole lines of it, or as many bytes as a reader of packets asks for.
 * Ownership: opaque; views are good until the next call.  Limits: LOG_LINE_MAX a line; the buffer never grows past a line and a block.
 * A file that grows: the end is "so far", and the next call looks again.  Threads: one owner.
 * Errors: EIO, ENOMEM; a damaged or cut gzip gives what it holds, and log_bytes_trouble says so.
 * Cost: read(2) or inflate, and one memchr over the bytes. */
#ifndef POSSE_FLOW_LOG_BYTES_H
#define POSSE_FLOW_LOG_BYTES_H

#include "base/report.h"
#include "base/span.h"

enum { LOG_LINE_MAX = 1 << 20 };
struct log_bytes;

int log_bytes_open(const char *path, struct log_bytes **out, struct report *why); /* "-": standard input */
/* What argv prints (NULL at the end, found by PATH); ENOENT where it cannot be run. Its exit status is trouble if not 0. */
int log_bytes_program(const char *const *argv, struct log_bytes **out, struct report *why);
void log_bytes_close(struct log_bytes **b);
/* A last line without its newline: is it still being written (the file grows), or all there is? The second is so from the start. */
void log_bytes_grows(struct log_bytes *b, bool grows);
/* 1: the next line without "\n" or "\r\n", writable; 0: the end, so far; -1 with *line_out empty: one of over LOG_LINE_MAX was passed
 * over; < -1: an error (POSSE_EIO). */
enum { LOG_LINE_LONG = -1 };
int log_bytes_line(struct log_bytes *b, struct span *line_out, struct report *why);
/* The next n bytes without taking them; fewer at the end. n up to LOG_LINE_MAX. */
int log_bytes_peek(struct log_bytes *b, size_t n, struct span *out, struct report *why);
void log_bytes_take(struct log_bytes *b, size_t n); /* of those that were peeked at */
/* Passes over n bytes, by a seek where that can be. */
int log_bytes_skip(struct log_bytes *b, uint64_t n, struct report *why);
uint64_t log_bytes_at(const struct log_bytes *b);      /* taken so far, of the log's own bytes */
uint64_t log_bytes_raw(const struct log_bytes *b, uint64_t *of_out); /* read of the file, of how many (0: not known) */
const char *log_bytes_trouble(const struct log_bytes *b); /* "gzip ends in the middle"; NULL: none */

#endif
