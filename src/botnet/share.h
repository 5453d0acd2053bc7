/* share: which part of the spam is whose, by messages, envelopes (recipients), bytes and addresses: always all four, for they rank
 * botnets differently (Zink, Microsoft, 2010), each with a 95% interval, by hour and day, with a band called unknown.
 *
 * What is seen is a sample of what is sent, and it comes in bursts: intervals rest on the variance between small pieces of time and
 * between sources (batch means and a cluster bootstrap), not on a binomial of messages. Membership is a probability: it widens the interval.
 * Ownership: opaque.  Threads: one writer.  Errors: ENOMEM.  Limits: BOTNETS_MAX groups; the rest is "others". */
#ifndef POSSE_BOTNET_SHARE_H
#define POSSE_BOTNET_SHARE_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/reader.h"
#include "base/report.h"
#include "net/ip.h"

enum share_by { SHARE_MESSAGES, SHARE_ENVELOPES, SHARE_BYTES, SHARE_ADDRESSES, SHARE_N };
enum { SHARE_UNKNOWN = 0 };    /* the number of the band that belongs to nobody */

struct share_sight { int64_t time_ms; uint32_t botnet; double probability; struct ip source; uint32_t n_rcpt, n; uint64_t bytes; };
struct shares;
int shares_new(int64_t keep_ms, struct shares **out, struct report *why);
void shares_free(struct shares **s);
int shares_add(struct shares *s, const struct share_sight *in);
/* What was counted for `from` belongs to `to` from now on (botnets were joined). */
void shares_move(struct shares *s, uint32_t from, uint32_t to);

struct share { uint32_t botnet; struct estimate of[SHARE_N]; /* 0 to 1 */ uint64_t messages, envelopes, bytes, addresses; };
/* Of [from, to), whole hours; most messages first, `unknown` last; returns how many. total_out may be NULL. */
size_t shares_ask(const struct shares *s, int64_t from_ms, int64_t to_ms, struct share *out, size_t max, struct share *total_out);
int shares_save(const struct shares *s, struct buf *out);
int shares_load(struct reader *r, struct shares **out, struct report *why);

#endif
