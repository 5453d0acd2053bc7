/* log_twins: one connection that stands in two logs (a copy with labels, two sensors that share a tap, a folder and its archive) is one.
 *
 * Twins are connections with the same begin, uid, ends, length and bytes; without a uid nothing is one, since equal flows are common.
 * Ownership: a plain value; zero is a new one.  Threads: none of its own.
 * Limits: the last 256 that began in the same microsecond are remembered; records must come in order of time. */
#ifndef POSSE_FLOW_LOG_TWINS_H
#define POSSE_FLOW_LOG_TWINS_H

#include "flow/record.h"

enum { LOG_TWINS = 256 };
struct log_twins { int64_t start_us; uint64_t seen[LOG_TWINS], n; };

/* True: it was here before. What is no connection never was: a uid has many requests. */
bool log_twins_seen(struct log_twins *t, const struct flow *f);

#endif
