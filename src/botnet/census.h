/* census: how many machines there are, when all that one sees is addresses, some of the time.
 *
 * Numbers that are never one: addresses (distinct, seen in the period); machines `live` (on at the same time, mean over the windows in which the
 * botnet sent); machines `within_window` (on at some moment of a window, an hour, mean over those windows: whoever says "machines that sent
 * within an hour" means these; where a machine sends for 4 h at a time they are a quarter more than those live, for each hour's leavers and comers
 * count); machines that ever were on in the period. To be on is to send to anybody, seen by the trap or not.
 * Addresses change hands (leases), are shared (NAT) and rest (machines sleep at night); a trap sees a sample of what a machine sends.
 *   live: in blocks of windows it is fitted how often each address was seen, when first and when last, by laws of uneven rates and of coming
 *     and going, weighed by how well they fit (census_law.c, census_fit.c); that gives those never seen, and takes off what came and went
 *     within the block. A block is as long as it takes to see most many times, but no longer than about a stay, and no longer than half of the
 *     time after which machines that slept come back: how fast addresses that were seen twice become rare with the time between, and whether
 *     they become frequent again, tells both, also where all sleep at the same hours.
 *   within a window: those live, and who came in it, by the same fit. Without marks a lease that ends looks like one who goes and one who
 *     comes: addresses that stay tell how many really do, else what is lost from day to day; the interval reaches from none to all.
 *   machines behind one address: from what is one machine's own (`machine`): machines over addresses among sightings that have such a mark.
 *   ever: with marks, machines by their marks, those never seen included (where most rest at any one time and many were never seen, between that,
 *     which is too many, and how rarely one is seen again a day later, which is too few); without, addresses that stay (not dynamic), or live machines and those
 *     that replaced them as far as such addresses tell; without any, only bounds: "between live and addresses"
 *     (Rajab et al., HotBots 2007; Stone-Gross et al., CCS 2009).
 * What each assumes, and cannot see:
 *   - a machine that is on sends at its own steady rate, as at random; bursts of all at once do no harm. One that is on but sends nothing for
 *     hours is not live meanwhile.
 *   - without marks an address is one machine at a time. Several behind one look like one that sends more, and nothing in the samples tells
 *     them apart: `live` is of addresses in use, and its method says "addresses". Where some send like ten machines or more, the upper end
 *     of the interval is what it would be if those were shared by machines like the others: "addresses, some perhaps shared", and a doubt.
 *   - those that leave a mark send like those that do not ("marks, by messages").
 *   - how uneven rates are can only be told from machines that were seen several times. Where nearly all were seen once it rests on what is
 *     thought beforehand (squared coefficient of variation exponential, mean 0.5); the interval is wide, and `doubt` says so.
 *   - a stay is long against a window. Shorter ones are counted as more machines.
 * No number is told that is above 2^32: past that the interval is open above, which is what it means.
 * Each with an interval meant for 95%; how often it holds, world by world, is in bench/observatory/stat. An address that floods counts
 * once a slot (a twelfth of a window), as any.
 * Ownership: opaque; one a botnet.  Units: ms.  Limits: options.max_bytes; past it addresses are sampled by hash, which the
 * estimators know; windows beyond keep_ms go, the oldest first.  Threads: one writer; asking reads only.
 * Errors: ENOMEM (nothing was counted; asking: everything 0 and a doubt).  Order: any within what is kept; older ones count as late.
 * Cost: some 60 ns to add; to ask, some 25 ms a fit, one to six of them. */
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
    struct estimate addresses, live, within_window, ever; /* see above */
    double lease_ms, machines_an_address; /* what it found on the way; 0: could not be told (machines: there are no marks) */
    uint64_t late;
    const char *doubt;     /* NULL: none; static */
};
/* Of [from, to). */
void census_ask(const struct census *c, int64_t from_ms, int64_t to_ms, struct census_answer *out);
/* live, window by window; returns how many. */
size_t census_windows(const struct census *c, int64_t from_ms, int64_t to_ms, struct estimate *out, int64_t *start_ms, size_t max);
int census_save(const struct census *c, struct buf *out);
int census_load(struct reader *r, const struct census_options *o, struct census **out, struct report *why);

#endif
