/* counters: what the daemon counts, in one block of memory that processes may share (the milter runs in a child).
 * A metric is a line in the table of counters.c: name, type, labels, help. Written as OpenMetrics text, ended by `# EOF`.
 * (filter/metrics.h is something else: how good a filter was.)
 * Threads: all calls from any thread or process; increments are relaxed atomics, no locks.
 * Cost: an increment is one atomic add. */
#ifndef POSSE_SERVE_COUNTERS_H
#define POSSE_SERVE_COUNTERS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/report.h"
#include "serve/action.h"

enum metric_door { DOOR_MILTER, DOOR_SPAMD, DOOR_RSPAMD, DOOR_AKISMET, DOOR_SMTPD, DOOR_PIPE, DOOR_HTTP, DOORS };
const char *door_name(enum metric_door d);

/* Counters with a door label unless said. */
enum metric {
    METRIC_CONNECTIONS, METRIC_REQUESTS, METRIC_MESSAGES, METRIC_BYTES, METRIC_SPAM, METRIC_HAM,
    METRIC_LEARNED_SPAM, METRIC_LEARNED_HAM, METRIC_LEARN_REFUSED, /* cap, rights */
    METRIC_PROTOCOL_ERRORS, METRIC_TOO_BIG, METRIC_TIMEOUTS, METRIC_OVER_LIMIT, /* refused connections */ METRIC_AUTH_FAILED,
    METRIC_TROUBLE,                 /* verdicts that could not be given */
    METRIC_HISTORY_DROPPED, METRIC_QUARANTINED, METRIC_OBSERVED, METRIC_OBSERVE_DROPPED, METRIC_IN_CAMPAIGN,
    METRICS_COUNTED,
    METRIC_OPEN_CONNECTIONS = METRICS_COUNTED, METRIC_IN_WORK, METRIC_HISTORY_QUEUE, METRIC_OBSERVE_QUEUE, /* gauges */
    METRICS
};

struct counters;
/* fd -1: a new block in a memfd (inherited by children, see counters_fd); else the block behind fd, which stays the caller's.
 * POSSE_EVERSION: not a block of this version. */
int counters_open(int fd, struct counters **out, struct report *why);
int counters_fd(const struct counters *c);
void counters_close(struct counters **c);

void counters_add(struct counters *c, enum metric_door d, enum metric which, int64_t by);
void counters_action(struct counters *c, enum metric_door d, enum action a);
void counters_time(struct counters *c, enum metric_door d, double seconds); /* of a verdict, from whole message to answer */
int64_t counters_get(const struct counters *c, enum metric_door d, enum metric which);
int64_t counters_get_action(const struct counters *c, enum metric_door d, enum action a);
/* How many verdicts were timed. */
int64_t counters_get_timed(const struct counters *c, enum metric_door d);
void counters_write(const struct counters *c, struct buf *out); /* OpenMetrics 1.0 */

#endif
