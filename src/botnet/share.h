/* share: which part of the spam is whose, by messages, envelopes (recipients), bytes and addresses: always all four, for they rank
 * botnets differently (Zink, Microsoft, 2010), each with a 95% interval, by hour and day, with a band called unknown.
 *
 * What is counted is exact; what is estimated is the share in all that was sent, of which a trap sees a sample. Messages come in
 * bursts, from few or many machines, with few or many recipients: so the interval is no binomial. A botnet's sources fall into groups,
 * an hour into pieces; what varies in that table beyond "this group's size times this piece's" is chance, and is measured
 * (share_hour.c). That a whole botnet sends in bursts, or that its machines are uneven, is no error: it was sent like that.
 * What no trap can see from within: a list on which its own addresses stand together and which all bots of a botnet are given at once.
 * Addresses: those seen; the interval is for what another, equal trap would have seen in those hours (machines: census.h).
 * A membership is a probability: the rest of a sighting's weight goes to the unknown band, and the doubt, the same for a whole campaign,
 * widens the interval of both.
 * Ownership: opaque.  Units: ms.  Threads: one writer; asking reads only.  Errors: ENOMEM (nothing was counted).
 * Limits: an hour knows SHARES_ROWS botnets, further ones count as SHARE_OTHERS; keep_ms of hours, the oldest go first; 96 KB of
 * addresses an hour at most, sampled by hash beyond that; 640 KB an hour of what its campaigns had, for the latest 48.
 * Order: any. The latest two hours are open; what comes to an older one counts as fully, its interval is scaled. */
#ifndef POSSE_BOTNET_SHARE_H
#define POSSE_BOTNET_SHARE_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/reader.h"
#include "base/report.h"
#include "net/ip.h"

enum share_by { SHARE_MESSAGES, SHARE_ENVELOPES, SHARE_BYTES, SHARE_ADDRESSES, SHARE_N };
enum { SHARES_ROWS = 1024 };
#define SHARE_UNKNOWN 0u           /* the number of the band that belongs to nobody */
#define SHARE_OTHERS UINT32_MAX    /* and of those for which there was no room */

struct share_sight {
    int64_t time_ms;
    uint32_t botnet;
    double probability;            /* that it is the botnet's */
    uint64_t campaign;             /* what may be attributed wrongly is so as one; 0: each message by itself */
    struct ip source;
    uint32_t n_rcpt, n;            /* n: messages that are alike in all this; 0 is 1 */
    uint64_t bytes;                /* of one */
};
struct shares;
/* The first hour that is kept; 0: there is none. */
int64_t shares_first_ms(const struct shares *s);
int shares_new(int64_t keep_ms /* 0: 31 days */, struct shares **out, struct report *why);
void shares_free(struct shares **s);
int shares_add(struct shares *s, const struct share_sight *in);
/* What was counted for `from` belongs to `to` from now on (botnets were joined). ENOMEM: nothing was moved. */
int shares_move(struct shares *s, uint32_t from, uint32_t to);
/* What a campaign had of `from` (SHARE_UNKNOWN: of nobody) in the latest SHARES_CREDIT_HOURS is of `to`, with this probability: messages,
 * envelopes and bytes exactly; addresses that sent for nothing else of `from` too, as far as they are in the hour's sample (of an address
 * that sent for more than four campaigns in an hour it is not known, and it stays); variance in proportion. What stays where it was counted:
 * older hours; campaigns that were among the smaller half of more than 4,096 in an hour. out: hours with what moved, as it came;
 * whole: messages that `from` had in that hour before.
 * ENOMEM: some hours were moved. */
enum { SHARES_CREDIT_HOURS = 48 };
struct share_moved { int64_t hour_ms; double messages, envelopes, bytes, whole; };
int shares_credit(struct shares *s, uint64_t campaign, uint32_t from, uint32_t to, double probability,
                  struct share_moved out[SHARES_CREDIT_HOURS], size_t *n_out);

struct share {
    uint32_t botnet;
    struct estimate of[SHARE_N];   /* 0 to 1 */
    uint64_t messages, envelopes, bytes, addresses; /* as counted, by probability */
};
/* Of [from, to), whole hours; most messages first, `unknown` last; returns how many there are (`out` gets at most max).
 * total_out may be NULL. 0: nothing was counted there, or no memory. */
size_t shares_ask(const struct shares *s, int64_t from_ms, int64_t to_ms, struct share *out, size_t max, struct share *total_out);
/* The hours that are kept, oldest first, as their beginnings; returns how many. */
size_t shares_hours(const struct shares *s, int64_t *start_ms, size_t max);
uint64_t shares_late(const struct shares *s); /* sightings older than all that is kept: not counted */
int shares_save(const struct shares *s, struct buf *out);
int shares_load(struct reader *r, struct shares **out, struct report *why);

#endif
