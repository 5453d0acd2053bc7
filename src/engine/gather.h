/* gather: from what the observatory knows now to findings, which stay as they are.
 *
 * Of the campaigns and botnets that are asked for everything is taken, and of all other botnets of that time how much they sent, for the
 * whole to be seen beside the part. Traits of mailers, and how often an address sent, are read from the kept messages. The messages
 * themselves are not in it: gather_samples gives them, to become exhibits whose numbers then stand in found_campaign.sample.
 * Ownership: everything lives in the arena.  Threads: one, the observatory's.  Units: ms in the stream's own time.
 * Limits: GATHER_CAMPAIGNS campaigns, the biggest; GATHER_SOURCES addresses, those that kept messages came from first; the hours that
 * the observatory keeps (31 days).  Errors: POSSE_ENOENT: no such campaign or botnet; ENOMEM; those of the observatory. */
#ifndef POSSE_ENGINE_GATHER_H
#define POSSE_ENGINE_GATHER_H

#include "case/findings.h"
#include "engine/observe.h"

enum { GATHER_CAMPAIGNS = 2000, GATHER_SOURCES = 50000 };
struct gather_want {
    const char *const *campaign; size_t n_campaigns; /* ids */
    const char *const *botnet; size_t n_botnets;     /* names */
    int64_t from_ms, to_ms;                          /* 0: all that is kept */
};
/* Fills what an observatory can say; tool, command and times of making are the caller's. */
int gather_findings(struct observatory *o, const struct gather_want *w, struct arena *a, struct findings **out, struct report *why);
/* The kept messages of one of its campaigns, oldest first; fn: 0 goes on. */
int gather_samples(struct observatory *o, const struct found_campaign *c, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                   struct report *why);
/* Shared with who looks again later (cli). */
void gather_period(const struct share *s, int64_t from_ms, int64_t to_ms, struct found_period *out);
struct found_change gather_change(struct arena *a, const struct change *x);
/* The autonomous system of an address, as far as the observatory's table knows it. */
void gather_network(const struct observatory *o, struct arena *a, const struct ip *ip, struct found_network *out);

#endif
