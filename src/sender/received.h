/* received: which machine really handed a message over, and who could have forged that.
 *
 * A door knows its peer from the socket. Mail in a file has only Received fields, of which the top ones were written by the trap's
 * own hosts and all below by whoever sent it. From the top: fields `by` our own hosts, or whose client is one of our networks (`trusted`;
 * private and loopback addresses always count as ours), are stepped over; the first client that is not ours is the source.
 * Ownership: texts are views of the message or in its arena.  Errors: none; a message without usable Received has SOURCE_NONE.
 * Threads: reentrant.  Limits: 64 Received fields.  Follows: RFC 5321 4.4 and what Postfix, Exim, Sendmail, qmail, Exchange and
 * Communigate write instead. */
#ifndef POSSE_SENDER_RECEIVED_H
#define POSSE_SENDER_RECEIVED_H

#include "base/report.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "net/ip.h"

enum source_trust {
    SOURCE_NONE,    /* not known */
    SOURCE_CLAIMED, /* from a field that the sender may have written: no host of ours is named above it */
    SOURCE_TRAP,    /* from a field that our own host wrote */
    SOURCE_SOCKET,  /* a door saw it */
};
struct source {
    struct ip ip;
    enum source_trust trust;
    struct span helo, name; /* what it called itself; its reverse name as the receiving host saw it. May be empty */
    struct span from_domain; /* of the envelope sender (Return-Path or MAIL FROM) */
    unsigned hops;          /* Received fields of ours above it */
    bool is_esmtps;         /* handed over with TLS */
};

struct networks; /* a list of CIDR; NULL: none but private ones */
/* Each "192.0.2.0/24", "2001:db8::/32" or an address. POSSE_ESYNTAX names the entry. */
int networks_new(const char *const *list, size_t n, struct networks **out, struct report *why);
void networks_free(struct networks **n);
bool networks_have(const struct networks *n, const struct ip *a);

/* env may be NULL; where it has a client address that is not ours, that is the source. */
void source_read(struct mail_parser *p, struct arena *a, const struct message *m, const struct envelope *env,
                 const struct networks *ours, struct source *out);

/* One Received field's clauses, for others who read them. */
struct received { struct span helo, name, by, with, id, for_addr; struct ip ip; int64_t unix_s; bool has_time; };
bool received_read(struct arena *a, struct span value, struct received *out);

#endif
