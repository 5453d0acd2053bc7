/* gather_after: what became of the case's botnets or campaigns since the day of action, from what the observatory knows now.
 *
 * Before is what came in the hours before the action (as far back as hours are kept, or from from_ms), after what came since it fell, or
 * since the action where no fall was dated; the hour in which it happened belongs to neither. Who took over: whose share of the rest grew,
 * with its own messages a day beside it, for shares also grow when another's mail ends. Which addresses came back: those of the case's
 * sources in campaigns of others that began after the action; how many of them did so before is told beside it.
 * Ownership: the arena's.  Threads: one, the observatory's.  Errors: POSSE_ENOENT: the case is about no botnet and no campaign that is
 * known; EINVAL: nothing was observed before, or nothing after the action; ENOMEM. */
#ifndef POSSE_ENGINE_GATHER_AFTER_H
#define POSSE_ENGINE_GATHER_AFTER_H

#include "engine/effect.h"
#include "engine/gather.h"

enum { AFTER_TAKERS = 20, AFTER_BACKS = 1000 };
struct after_want { int64_t action_ms; struct span action; int64_t from_ms, to_ms; /* 0: all that is kept */ };
/* Messages by the hour, for a plot: the case's own, and all. */
struct after_hours { int64_t from_ms; size_t n; const uint64_t *own, *whole; };
int gather_after(struct observatory *o, const struct findings *f, const struct after_want *w, struct arena *a, struct found_watch **out,
                 struct after_hours *hours_out, struct report *why);

#endif
