/* census: how many machines there are, when all that one sees is addresses, some of the time.
 *
 * Three numbers, never one: addresses (distinct, seen in the period), live machines (sending within one window), ever-seen machines (of the
 * whole period). Addresses change hands (leases) and are shared (NAT); a trap sees a sample of what a machine sends.
 *   live: in blocks of windows, short against the time that a machine keeps its address (read from how fast addresses seen twice become
 *     rare with the time between), how often each was seen is fitted with a Poisson law whose rate varies between machines (gamma, so
 *     negative binomial, without the class of those never seen; all degrees of variation weighed by how well they fit); that gives those
 *     never seen; what came and went within the block is taken off. Uneven rates cannot be told from sightings that are nearly all single:
 *     the interval then says so, and `doubt`.
 *   machines behind one address: from what is one machine's own (`machine`): machines over addresses among sightings that have such a mark.
 *     Without marks an address counts as one machine, and nothing says where that is wrong.
 *   ever: with marks, machines by their marks, those never seen included; without, live machines and those that replaced them, as far as
 *     addresses that are not dynamic tell how fast machines are replaced (Rajab et al., HotBots 2007; Stone-Gross et al., CCS 2009).
 * Each with an interval meant for 95%; how often it holds, world by world, is in bench/observatory/stat: nearly always where machines stay on
 * (wider than it need be), too seldom where they sleep at night or, for `ever`, where nearly all were seen once. An address that floods counts once a slot (a twelfth of a window), as any.
 * Ownership: opaque; one a botnet.  Units: ms.  Limits: options.max_bytes; past it addresses are sampled by hash, which the
 * estimators know; windows beyond keep_ms go, the oldest first.  Threads: one writer; asking reads only.
 * Errors: ENOMEM (nothing was counted; asking: everything 0 and a doubt).  Order: any within what is kept; older ones count as late.
 * Cost: some 60 ns to add; to ask, some 25 ms a 100,000 addresses and windows. */
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
    size_t max_bytes;      /* 0: 4 MB; grows as needed */
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
    const char *doubt;     /* NULL: none; static */
};
/* Of [from, to); live is the mean over the windows in it in which the botnet sent at all. */
void census_ask(const struct census *c, int64_t from_ms, int64_t to_ms, struct census_answer *out);
/* live, window by window; returns how many. */
size_t census_windows(const struct census *c, int64_t from_ms, int64_t to_ms, struct estimate *out, int64_t *start_ms, size_t max);
int census_save(const struct census *c, struct buf *out);
int census_load(struct reader *r, const struct census_options *o, struct census **out, struct report *why);

#endif
