/* published: what the filter may know of live campaigns: a read-only look-up that only observers make.
 *
 * A verdict asks with the message's sketch and hears how many alike came from how many machines in which time. It never changes while it
 * is held, so verdicts do not depend on the order of threads. Solicited bulk is in it, and says so.
 * Ownership: made by campaigns_publish, shared read-only, freed by its maker when nobody holds it.
 * Threads: any number of readers.  Cost: a look-up some microseconds (bench/campaigns). */
#ifndef POSSE_CAMPAIGN_PUBLISHED_H
#define POSSE_CAMPAIGN_PUBLISHED_H

#include "campaign/campaigns.h"

struct published;
struct published_hit {
    char id[CAMPAIGN_ID];
    uint64_t messages, sources;  /* in the last `span_ms` before it was published */
    int64_t span_ms;
    bool is_bulk;
    double alike;
};
int campaigns_publish(struct campaigns *c, int64_t now_ms, int64_t span_ms, struct published **out);
void published_free(struct published **p);
bool published_look(const struct published *p, const struct sketch *s, struct published_hit *out);
/* What that is worth as evidence of spam, in bits; 0 for bulk and for what few machines sent. The formula and where it comes from: published.c */
double published_bits(const struct published_hit *h);
int published_save(const struct published *p, struct buf *out); /* for other processes to map */
int published_load(struct span bytes, struct published **out, struct report *why); /* bytes outlive it */

#endif
