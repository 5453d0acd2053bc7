/* census: how many machines there are, when all that one sees is addresses, some of the time.
 *
 * Three numbers, never one: addresses (distinct, of the period), live machines (sending at one time), ever-seen machines (of the whole
 * period). Addresses change hands (leases) and are shared (NAT); a trap sees a sample of what a machine sends. So:
 *   live: distinct addresses of short windows, completed for those that were not seen (Chao 1987 on how often each was seen; Chapman
 *     between windows), times the machines behind one address, estimated from what is one machine's own (`machine`) and from rates
 *     (an address with k machines sends k times as much);
 *   ever: addresses of the period over how many a machine had, from how fast addresses come and go within networks (Rajab et al., HotBots
 *     2007; Stone-Gross et al., CCS 2009; CARDCount, NDSS 2023).
 * Each with a 95% interval; where assumptions do not hold (one address floods, too few seen twice) the interval says so, and `doubt`.
 * Ownership: opaque; one a botnet.  Units: ms.  Limits: options.max_bytes; past it addresses are sampled by hash, which the
 * estimators know.  Threads: one writer.  Errors: ENOMEM.  Order: times may go back by `slack`; older ones are counted as late. */
#ifndef POSSE_BOTNET_CENSUS_H
#define POSSE_BOTNET_CENSUS_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/reader.h"
#include "base/report.h"
#include "net/ip.h"

struct census_options {
    int64_t window_ms;     /* 0: an hour */
    int64_t keep_ms;       /* windows kept one by one; 0: 31 days */
    size_t max_bytes;      /* 0: 16 MB */
};
struct census_sight { int64_t time_ms; struct ip source; uint32_t asn; bool is_dynamic; uint64_t machine /* 0: none */; uint32_t n /* messages */; };

struct census;
int census_new(const struct census_options *o, struct census **out, struct report *why);
void census_free(struct census **c);
int census_add(struct census *c, const struct census_sight *s);

struct census_answer {
    struct estimate addresses, live, ever;
    double lease_ms, machines_an_address; /* what it found on the way; 0: could not be told */
    uint64_t late;
    const char *doubt;     /* NULL: none */
};
/* Of [from, to); live is the mean over the windows in it in which the botnet sent at all. */
void census_ask(const struct census *c, int64_t from_ms, int64_t to_ms, struct census_answer *out);
/* live, window by window; returns how many. */
size_t census_windows(const struct census *c, int64_t from_ms, int64_t to_ms, struct estimate *out, int64_t *start_ms, size_t max);
int census_save(const struct census *c, struct buf *out);
int census_load(struct reader *r, const struct census_options *o, struct census **out, struct report *why);

#endif
