/* trace_join: what is known beside the logs: services and the user's lists (flow/known.h), what a spam trap saw (engine/observe.h), and whom
 * the registries told to write to (net/rdap.h; from the cache alone: nothing is asked here, since a question tips off).
 * The lists act at once: trace_lists_refresh reads them again where a file has changed, and no log is read again for it.
 * Ownership: lists own what they read; the trace that uses them must be judged no more once they are closed.
 * Threads: one.  Errors: as known.h and observe.h say. */
#ifndef POSSE_CLI_TRACE_JOIN_H
#define POSSE_CLI_TRACE_JOIN_H

#include "base/report.h"
#include "cli/trace_out.h"
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

/* All sources of spam that the observatory of this home saw (NULL: the usual one); where it has none, nothing is done.
 * *stamp: 0 at first; while the observatory was not saved again since, nothing is done. */
int trace_join_trap(struct trace *t, const char *home, uint64_t *stamp, struct report *why);
bool trace_join_has_news(const char *home, uint64_t stamp); /* trace_join_trap would do something */

/* Before anything is read: a home that was named must be one, and hold an observatory that opens, or at least answers of registries.
 * ENOENT and what opening an observatory says. home NULL: always fine. */
int trace_join_check(const char *home, struct report *why);

struct trace_contacts { struct rdap *rdap; /* NULL: that home is not there yet */ char cache[4200]; };
int trace_contacts_open(struct trace_contacts *c, const char *home, struct report *why);
/* For trace_style: ctx is a struct rdap, or NULL. */
bool trace_place(void *ctx, const struct ip *a, struct trace_place *out);

#endif
