/* entries: what of the findings may leave the case as names and addresses, for those who block or look out: one entry each, with what it
 * did, since when, until when it is worth anything, and why it is listed; and what is left out, with the reason.
 * Listed are controllers, addresses that sent, and registered domains that the mails link to. Infected hosts of a network that was traced
 * are not: they are its owner's to clean, not everybody's to block.
 * Left out is what the guard refuses (case/guard.h), what is too uncertain, what was seen in too few messages and what is too long ago.
 * Ownership: the arena, and views of the findings.  Threads: reentrant.  Errors: ENOMEM.
 * Order: by role, kind and value: two runs over the same findings at the same time are the same. */
#ifndef POSSE_CASE_ENTRIES_H
#define POSSE_CASE_ENTRIES_H

#include "case/findings.h"
#include "case/guard.h"

enum entry_role { ENTRY_CONTROLLER, ENTRY_SENDER, ENTRY_PAGE, ENTRY_ROLES };
struct entry {
    enum entry_role role;
    bool is_name;
    struct ip ip;         /* of an address */
    struct span text;     /* the address as text, or the name */
    struct span reason;   /* one sentence; anybody's bytes may be in it */
    struct span campaign, botnet; /* empty: none */
    const struct found_network *network; /* NULL: not known */
    uint32_t port;        /* of a controller; 0: not known */
    uint64_t messages;    /* 0: not counted */
    int64_t first_ms, last_ms, until_ms; /* first_ms 0: not known */
    double probability;
    uint64_t exhibit;     /* 0: none but the findings */
    const char *left_out; /* NULL: it is listed */
};
struct entries { struct entry *entry; size_t n, n_listed; };

struct entries_options {
    int64_t now_ms;
    int64_t keep_days;        /* after it was seen last; 0: 30 */
    double least_probability; /* of a controller; 0: 0.9 */
    uint64_t least_messages;  /* of a name in links; 0: 3 */
};
int entries_of(const struct findings *f, struct guard *g, const struct entries_options *o, struct arena *a, struct entries *out);
const char *entry_role_name(enum entry_role r);

#endif
