/* resolved: where names led, as resolvers said in exhibits of the case: whose network a page that spam links to is in.
 *
 * Read are what dig prints (or lines of a zone: NAME TTL IN A ADDRESS), answers in JSON (DNS over HTTPS: "Answer"; passive DNS:
 * "rrname", "rrtype", "rdata"), and DNS logs (Zeek, EVE; flow/logs.h). A, AAAA and CNAME are taken, everything else is passed over.
 * Forgeable: whoever holds a name may let it lead to anybody's address; a case says which exhibit says so, and when.
 * Times: the record's own where it has them, else those of its exhibit.
 * Ownership: texts live in the arena that it was made with.  Threads: one a handle.  Errors: ENOMEM; odd input is none.
 * Limits: RESOLVED_BYTES of an exhibit, RESOLVED_MOST records (the rest is passed over, resolved_lost).
 * Cost: one pass over the bytes; a question a binary search. */
#ifndef POSSE_CASE_RESOLVED_H
#define POSSE_CASE_RESOLVED_H

#include "base/arena.h"
#include "net/ip.h"

enum { RESOLVED_BYTES = 64 << 20, RESOLVED_MOST = 500000, RESOLVED_HOPS = 8 };
struct resolved_address {
    struct ip ip;
    struct span name;          /* the name that led there: the one that was asked for, or one below it */
    int64_t first_ms, last_ms; /* as was seen */
    uint64_t exhibit;
};

struct resolved;
struct resolved *resolved_new(struct arena *a); /* NULL: out of memory */
void resolved_free(struct resolved **r);
/* Might this media type hold answers? So that one need not read all exhibits. */
bool resolved_takes(struct span media);
int resolved_add(struct resolved *r, struct span bytes, uint64_t exhibit, int64_t seen_ms);
size_t resolved_count(const struct resolved *r);
size_t resolved_lost(const struct resolved *r);
/* Addresses of the name and of names below it, each once, aliases followed; how many of `most`. Not where nobody is (0.0.0.0, 127.0.0.0/8). */
size_t resolved_find(struct resolved *r, struct span name, struct resolved_address *out, size_t most);

#endif
