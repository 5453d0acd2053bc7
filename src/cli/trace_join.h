/* trace_join: what is known beside the logs: services and the user's lists (flow/known.h), what a spam trap saw (engine/observe.h), and whom
 * the registries told to write to (net/rdap.h; from the cache alone: nothing is asked here, since a question tips off).
 * The lists act at once: trace_lists_refresh reads them again where a file has changed, and no log is read again for it.
 * Ownership: lists own what they read; the trace that uses them must be judged no more once they are closed.
 * Threads: one.  Errors: as known.h and observe.h say. */
#ifndef POSSE_CLI_TRACE_JOIN_H
#define POSSE_CLI_TRACE_JOIN_H

#include "base/report.h"
#include "flow/known.h"
#include "flow/trace.h"
#include "net/rdap.h"

enum { TRACE_LISTS_MAX = 64 };
struct trace_lists {
    const char *allow[TRACE_LISTS_MAX], *deny[TRACE_LISTS_MAX];
    size_t n_allow, n_deny;
    struct known *known;
    uint64_t stamp; /* of the files as they were read */
};
int trace_lists_open(struct trace_lists *l, struct report *why);
/* 1: a list was changed and t has the new ones; 0: nothing new; negative: said in why, and the old ones stay. */
int trace_lists_refresh(struct trace_lists *l, struct trace *t, struct report *why);
void trace_lists_close(struct trace_lists *l);

/* All sources of spam that the observatory of this home saw. home NULL: the usual one, and it is fine that there is none.
 * *stamp: 0 at first; while the observatory was not saved again since, nothing is done. */
int trace_join_trap(struct trace *t, const char *home, uint64_t *stamp, struct report *why);

struct trace_contacts { struct rdap *rdap; /* NULL: that home has no answers of registries */ char cache[4200]; };
int trace_contacts_open(struct trace_contacts *c, const char *home, struct report *why);
/* For trace_style: ctx is a struct rdap. */
bool trace_contact(void *ctx, const struct ip *a, char out[TRACE_TEXT]);

#endif
