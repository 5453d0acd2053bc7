/* log_hold: records that wait until none that began before them can come any more: a calendar of seconds, each a run of packed records
 * that is put in order when its second is over.
 * Ownership: opaque; holds copies of the texts; a record taken out is good until the next call.  Threads: one owner.
 * Errors: ENOMEM.  Cost: two copies of a record and its share of a sort of one second's records. */
#ifndef POSSE_FLOW_LOG_HOLD_H
#define POSSE_FLOW_LOG_HOLD_H

#include "flow/record.h"

struct log_hold;
struct log_hold *log_hold_new(void); /* NULL: out of memory */
void log_hold_free(struct log_hold **h);
int log_hold_put(struct log_hold *h, const struct flow *f);
/* 1: the earliest record, if its second ended by until_us; 0: none did; < 0: an error. Records come in order of start, equals by their
 * bytes, so that a second reading comes to the same order. Once a second was begun it is told to its end. */
int log_hold_take(struct log_hold *h, int64_t until_us, struct flow *out);
bool log_hold_is_past(const struct log_hold *h, int64_t start_us); /* its second was told already */
size_t log_hold_count(const struct log_hold *h);
size_t log_hold_bytes(const struct log_hold *h);
int64_t log_hold_first(const struct log_hold *h); /* start of the earliest second; INT64_MAX: empty */

#endif
