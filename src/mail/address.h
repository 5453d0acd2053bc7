/* address: mailboxes in From, To, Reply-To and kin (RFC 5322 3.4, 6531), read leniently.
 * Ownership: views into the (decoded) value given, or the arena.
 * Limits: max mailboxes by the caller's array.  Errors: none; what cannot be read is skipped.
 * Threads: reentrant.  Cost: one pass. */
#ifndef POSSE_MAIL_ADDRESS_H
#define POSSE_MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/span.h"

struct mailbox {
    struct span name;   /* display name, quotes and comments removed; empty: none */
    struct span local;  /* before the last '@' */
    struct span domain; /* lower case, without trailing dot; empty: none */
};

/* Reads up to max mailboxes of a field's value (raw, folding allowed; display names are NOT 2047-decoded
 * here: pass a decoded value where names matter). Returns how many were found. */
size_t address_list(struct arena *a, struct span value, struct mailbox *out, size_t max);

/* The one in <...> or the bare address: for Return-Path, Message-ID. domain is lower case. */
struct mailbox address_angle(struct arena *a, struct span value);

#endif
