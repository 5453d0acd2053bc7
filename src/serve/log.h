/* log: events with named fields, one line each, to stderr: `name=value` pairs, or JSON with log.format = json. Under
 * systemd (JOURNAL_STREAM) a line begins with its priority as <N>, and without a time of its own.
 *     log_event(l, LOG_INFO, "verdict", "door", "milter", "id", id, "action", "tag", NULL);
 * Values are escaped: a log line is one line whatever a client sent; values over 256 bytes are cut.
 * At most a set number of lines a second for each event, and for each door where `door` is its first field (limits.log_lines; 0:
 * all), then one that says how many were left out: a flood of errors must not fill the disk, nor one door's hide another's.
 * Threads: any. One write(2) a line. */
#ifndef POSSE_SERVE_LOG_H
#define POSSE_SERVE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

struct log;
struct log *log_new(int fd, enum log_level most, bool is_json, unsigned lines_a_second);
void log_free(struct log **l);
bool log_wants(const struct log *l, enum log_level level); /* would a line of this level be written at all? */
/* Pairs of `const char *` name and value, ended by NULL. A NULL value is left out. l may be NULL. */
void log_event(struct log *l, enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
