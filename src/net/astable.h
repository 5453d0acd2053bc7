/* astable: which autonomous system an address belongs to, its name and country, and whether its addresses are handed out for a time.
 *
 * Read from CSV lines `first,last,asn,name[,country[,dynamic]]` (addresses textual, `dynamic` 1: leased to households; fields may stand in
 * double quotes; lines that begin with `#` and empty ones are passed over), the form in which npm `@ip-location-db/asn` comes (CC BY 4.0,
 * credited where it is used), or from the bytes that astable_encode made of it. Files are the engine's (engine/asfile.h): no file here.
 * Ownership: a table owns all, save the bytes given to astable_view, which must outlive it and be aligned to 8; what it answers lives as
 * long as the table. Immutable: shared by threads.
 * Errors: POSSE_ESYNTAX names the line; POSSE_ECORRUPT for encoded bytes that are not a table; ENOMEM; ELIMIT.
 * Ranges that overlap: the narrower wins, of equal ones the later line. AS 0: nobody's, also within somebody's.
 * Limits: 4 million ranges, 1 million systems (one with several countries counts as several), names cut at 255 bytes.
 * Cost: a look-up is a binary search in what begins with the same 16 bits; 8 bytes a range of IPv4, 20 of IPv6, where they do not nest. */
#ifndef POSSE_NET_ASTABLE_H
#define POSSE_NET_ASTABLE_H

#include "base/buf.h"
#include "base/report.h"
#include "net/ip.h"

struct astable;
struct as_info { uint32_t asn; const char *name; char country[3]; bool is_dynamic; };

/* path: for the error. */
int astable_read(struct span csv, const char *path, struct astable **out, struct report *why);
int astable_view(struct span encoded, const char *path, struct astable **out, struct report *why);
/* Equal tables give equal bytes. */
int astable_encode(const struct astable *t, struct buf *out);
void astable_free(struct astable **t);
/* False, and asn 0: nobody announces it, or t is NULL. */
bool astable_find(const struct astable *t, const struct ip *a, struct as_info *out);
/* What the table says of a system, of its first entry; false: nothing. Cost: looks at all systems. */
bool astable_system(const struct astable *t, uint32_t asn, struct as_info *out);
/* The stretch of addresses around a that the same entry holds: first and last. */
bool astable_range(const struct astable *t, const struct ip *a, struct ip *first, struct ip *last);

struct astable_size { size_t v4, v6, systems; };
void astable_size(const struct astable *t, struct astable_size *out);

#endif
