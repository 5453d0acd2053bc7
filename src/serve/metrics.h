/* metrics: counters, gauges and histograms in one block of memory that processes may share (the milter runs in a child).
 * A metric is a line in the table of metrics.c: name, type, labels, help. Written as OpenMetrics text, ended by `# EOF`.
 * Threads: all calls from any thread or process; increments are relaxed atomics, no locks.
 * Cost: an increment is one atomic add. */
#ifndef POSSE_SERVE_METRICS_H
#define POSSE_SERVE_METRICS_H

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
    METRIC_HISTORY_DROPPED, METRIC_QUARANTINED,
    METRICS_COUNTED,
    METRIC_OPEN_CONNECTIONS = METRICS_COUNTED, METRIC_IN_WORK, METRIC_HISTORY_QUEUE, /* gauges */
    METRICS
};

struct metrics;
/* fd -1: a new block in a memfd (inherited by children, see metrics_fd); else the block behind fd. */
int metrics_open(int fd, struct metrics **out, struct report *why);
int metrics_fd(const struct metrics *m);
void metrics_close(struct metrics **m);

void metrics_add(struct metrics *m, enum metric_door d, enum metric which, int64_t by);
void metrics_action(struct metrics *m, enum metric_door d, enum action a);
void metrics_time(struct metrics *m, enum metric_door d, double seconds); /* of a verdict, from whole message to answer */
int64_t metrics_get(const struct metrics *m, enum metric_door d, enum metric which);
int64_t metrics_get_action(const struct metrics *m, enum metric_door d, enum action a);
void metrics_write(const struct metrics *m, struct buf *out); /* OpenMetrics 1.0 */

#endif
