/* nets: a list of networks (CIDR), asked of a peer: may it speak for others?
 * "unix" in the list stands for sockets in the file system, whose permissions say who may connect.
 * Ownership: immutable after nets_new; shared by threads.
 * Errors: POSSE_ESYNTAX names the entry.  Cost: linear in the list. */
#ifndef POSSE_SERVE_NETS_H
#define POSSE_SERVE_NETS_H

#include <sys/socket.h>

#include "base/report.h"
#include "base/span.h"

struct nets;
/* what: the key that the list stands in, for the error. */
int nets_new(const char *const *list, size_t n, const char *what, struct nets **out, struct report *why);
void nets_free(struct nets **n);
/* An IPv4 address mapped into IPv6 is that IPv4 address. */
bool nets_has(const struct nets *n, const struct sockaddr *peer);

enum { PEER_TEXT = 48 };
/* The address without port; "unix" for a socket in the file system, "" for what is neither. */
void peer_text(const struct sockaddr *peer, char out[PEER_TEXT]);
/* Whom limits.per_address counts as one: the address; of IPv6 its /64, for who has one address of it has them all. */
void peer_group(const struct sockaddr *peer, char out[PEER_TEXT]);
/* Is it a textual IPv4 or IPv6 address, and that of this machine itself? `[::1]`, `IPv6:` before it and a zone are allowed. */
bool address_is_text(struct span s);
bool address_is_loopback(struct span s);

#endif
