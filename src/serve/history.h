/* history: rows of events.h, written by a thread of its own so that no verdict waits for the disk (G2 of gate.h).
 * A row is copied whole into a bounded queue; what finds it full is dropped and counted. The writer takes all that is there every
 * fifth of a second, in one transaction. When the file cannot be opened or written to, rows are dropped and counted, the log says
 * so, and it is tried again.
 * Threads: push from any. */
#ifndef POSSE_SERVE_HISTORY_H
#define POSSE_SERVE_HISTORY_H

#include "serve/counters.h"
#include "serve/log.h"
#include "store/events.h"

struct history;

int history_new(const char *path, struct counters *counters, struct log *log, struct history **out, struct report *why);
/* Writes what is queued. */
void history_free(struct history **h);
/* Copies what e points to. False: dropped. */
bool history_push(struct history *h, enum metric_door door, const struct event *e);
/* Waits until all that was pushed before is written or dropped. */
void history_flush(struct history *h);

#endif
