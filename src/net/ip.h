/* ip: one address, IPv4 or IPv6, as 16 bytes; IPv4 is mapped (::ffff:a.b.c.d), so that all addresses sort and hash alike.
 * Owns nothing.  Threads: plain values, reentrant.  Errors: false for text that is no address.  Follows: RFC 4291, RFC 6890. */
#ifndef POSSE_NET_IP_H
#define POSSE_NET_IP_H

#include <string.h>

#include "base/span.h"

struct ip { uint8_t b[16]; };
enum { IP_TEXT = 48, IP_RANGE_TEXT = 2 * IP_TEXT + 4 };

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "IPv6:2001:db8::1"; without port, prefix or zone. */
bool ip_read(struct span text, struct ip *out);
void ip_text(const struct ip *a, char out[IP_TEXT]);
bool ip_is_v4(const struct ip *a);
uint32_t ip_v4(const struct ip *a);        /* host order; only where ip_is_v4 */
struct ip ip_of_v4(uint32_t host_order);
/* What no machine on the Internet has: private, loopback, link-local, unspecified, multicast, documentation, reserved (RFC 6890).
 * The closed world lives on such addresses: where they are counted is for the caller to say. */
bool ip_is_special(const struct ip *a);
/* The first `bits` of it (of 128; IPv4's begin at 96), the rest 0: 96 + 24 is a /24. */
struct ip ip_prefix(const struct ip *a, unsigned bits);
/* The last address of those that begin with the same bits. */
struct ip ip_prefix_last(const struct ip *a, unsigned bits);
/* "192.0.2.0/24", or "192.0.2.0 - 192.0.2.9" where it is no prefix. */
void ip_range_text(const struct ip *first, const struct ip *last, char out[IP_RANGE_TEXT]);
/* What is probably one network: /24 of IPv4, /48 of IPv6. */
struct ip ip_network(const struct ip *a);

static inline int ip_compare(const struct ip *a, const struct ip *b) { return memcmp(a->b, b->b, sizeof a->b); }
static inline bool ip_is_zero(const struct ip *a)
{
    static const struct ip zero;
    return memcmp(a->b, zero.b, sizeof zero.b) == 0; /* :: stands for "not known" */
}

#endif
