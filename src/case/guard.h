/* guard: what no list of ours may name, whoever asks: what is not a name, public suffixes, shared hosting, popular sites, services that
 * machines visit by themselves, what the user allows, and addresses that the Internet does not have.
 * A wrong entry in a blocklist cuts off many who did nothing: in doubt the answer is no, with the reason in words.
 * Ownership: opaque; free it.  Threads: guard_name needs its own arena (inside), so one a handle.  Errors: of opening only: ENOENT, ESYNTAX.
 * Cost: opening some ms; a question some hashes and a binary search. */
#ifndef POSSE_CASE_GUARD_H
#define POSSE_CASE_GUARD_H

#include "base/report.h"
#include "net/ip.h"

struct guard_options {
    const char *popular;        /* a registered domain a line (models/popular-domains.txt); needed */
    const char *services;       /* models/known-services.tsv; needed */
    const char *const *allow;   /* files as for posse trace --allow: names, *.names, addresses, networks */
    size_t n_allow;
    bool lists_reserved;        /* private and documentation addresses too: for rehearsals in a closed world */
};
struct guard;
int guard_open(const struct guard_options *o, struct guard **out, struct report *why);
void guard_free(struct guard **g);
/* NULL: it may be listed; else why not, a static string. name: as it came, any bytes. */
const char *guard_name(struct guard *g, struct span name);
const char *guard_address(struct guard *g, const struct ip *a);

#endif
