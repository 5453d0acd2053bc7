/* received: which machine really handed a message over, and who could have forged that.
 *
 * A door knows its peer from the socket. Mail in a file has only Received fields, of which the top ones were written by our own
 * hosts and all below by whoever sent it. From the top: a field whose client is one of our networks is stepped over (that host is ours,
 * so what it wrote below is believed), and so are a host's notes to itself and what was fetched from a mailbox by POP or IMAP; the
 * first client that is not ours is the source. What stands below it is never looked at.
 * Private, loopback and link-local addresses are ours unless the list says otherwise.
 * Ownership: texts are views of the message; from_domain may be in the arena.  Errors: none; a message without usable Received
 * has SOURCE_NONE.  Threads: reentrant.  Limits: 64 Received fields, 8 KB of each.  Cost: one pass over each field that is read.
 * Follows: RFC 5321 4.4 and what Postfix, Exim, Sendmail, qmail, Exchange, CommuniGate, Courier, IMail and others write instead. */
#ifndef POSSE_SENDER_RECEIVED_H
#define POSSE_SENDER_RECEIVED_H

#include "base/report.h"
#include "mail/envelope.h"
#include "mail/message.h"
#include "net/ip.h"

enum source_trust {
    SOURCE_NONE,    /* not known */
    SOURCE_CLAIMED, /* from a field that the sender may have written: who stands above it could not be made out */
    SOURCE_TRAP,    /* from a field that our own host wrote */
    SOURCE_SOCKET,  /* a door saw it */
};
struct source {
    struct ip ip;
    enum source_trust trust;
    struct span helo, name; /* what it called itself; its reverse name as the receiving host saw it. May be empty */
    struct span from_domain; /* of the envelope sender (MAIL FROM, Return-Path or the mbox line), lower case */
    unsigned hops;          /* Received fields of ours above it */
    bool is_esmtps;         /* handed over with TLS, as far as that was written down */
};

struct networks; /* a list of CIDR; NULL: none but private ones */
/* Each "192.0.2.0/24", "2001:db8::/32" or an address; "!10.0.0.0/8" is not ours although it is private. The narrowest that holds
 * an address decides. POSSE_ESYNTAX names the entry. */
int networks_new(const char *const *list, size_t n, struct networks **out, struct report *why);
void networks_free(struct networks **n);
bool networks_have(const struct networks *n, const struct ip *a);

/* env may be NULL; where it has a client address that is not ours, that is the source. Where all that handed it on are ours, it is the
 * one nearest to us that is not the receiving machine itself (an infected machine of one's own network). */
void source_read(struct arena *a, const struct message *m, const struct envelope *env, const struct networks *ours,
                 struct source *out);

/* One Received field's clauses, for others who read them; views of value. False: it says nothing that can be used. */
struct received {
    struct span helo, name, by, with, id, for_addr;
    struct ip ip;   /* of the client, as the receiving host saw it; zero: not written */
    int64_t unix_s;
    bool has_time, has_from, is_tls;
};
bool received_read(struct span value, struct received *out);

#endif
