/* log_pair: two half flows become the connection that they are the halves of.
 * NetFlow and its kin write a record for each direction. Records come in here in order of start; a half waits PAIR_WAIT_US for the one
 * that goes the other way between the same two ports (ICMP: addresses), the one that waits longest first. Who began it: whose port is a
 * common one (below 1024, the other's is not) did not; else who spoke first; else who has the higher port. A half that stays one is turned
 * around by the first of these rules, unless it is a lone SYN, and is_half still says that it is a guess.
 * Everything else waits along, so that the order stays.
 * Ownership: opaque; a record taken out is good until the next call. Halves lose their texts (uid, service, label).  Threads: one owner.
 * Limits: PAIR_MOST halves wait; past that the earliest go early.  Errors: ENOMEM.
 * Cost: bench/flows/run, "NetFlow v5, both directions". */
#ifndef POSSE_FLOW_LOG_PAIR_H
#define POSSE_FLOW_LOG_PAIR_H

#include "flow/record.h"

enum { PAIR_WAIT_US = 10000000, PAIR_MOST = 1 << 19 };
struct log_pair;
struct log_pair *log_pair_new(void); /* NULL: out of memory */
void log_pair_free(struct log_pair **p);
int log_pair_put(struct log_pair *p, const struct flow *f);
/* All that began before ordered_us was put. 1: the earliest that no other half can come to any more; 0: none; < 0: an error. */
int log_pair_take(struct log_pair *p, int64_t ordered_us, struct flow *out);
size_t log_pair_count(const struct log_pair *p);

#endif
