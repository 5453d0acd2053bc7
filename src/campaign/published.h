/* published: what the filter may know of live campaigns: a read-only look-up that only observers make.
 *
 * A verdict asks with the message's sketch and hears how many alike came from how many machines in which time. It never changes while it
 * is held, so verdicts do not depend on the order of threads. Solicited bulk is in it, and says so; event records are not, they have
 * no sketch, nor is what came only once in the time.
 * Ownership: made by campaigns_publish, shared read-only, freed by its maker when nobody holds it.
 * Stored: as it stands in memory, little-endian, to be mapped; what is stored was written by this program's own observer, yet every
 * offset is checked when it is loaded.
 * Threads: any number of readers.  Errors: ENOMEM; loading: ECORRUPT, EVERSION.  Cost: a look-up some microseconds (bench/campaigns). */
#ifndef POSSE_CAMPAIGN_PUBLISHED_H
#define POSSE_CAMPAIGN_PUBLISHED_H

#include "campaign/campaigns.h"

struct published;
struct published_hit {
    char id[CAMPAIGN_ID];
    uint64_t messages;           /* in the hours that end in the last `span_ms` before it was published */
    uint64_t sources;            /* machines in them: at least so many */
    int64_t span_ms;
    bool is_bulk;
    double alike;
    double bits;                 /* what it adds to a verdict: for who decides that; published_look gives 0 */
};
int campaigns_publish(struct campaigns *c, int64_t now_ms, int64_t span_ms, struct published **out);
void published_free(struct published **p);
/* False: it is like nothing that was sent lately. */
bool published_look(const struct published *p, const struct sketch *s, struct published_hit *out);
/* What that is worth as evidence of spam, in bits; 0 for bulk and for what few machines sent. The formula and where it comes from: published.c */
double published_bits(const struct published_hit *h);
int published_save(const struct published *p, struct buf *out); /* for other processes to map */
/* bytes outlive it and begin at a multiple of 8, as what is mapped does. */
int published_load(struct span bytes, struct published **out, struct report *why);

#endif
