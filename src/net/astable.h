/* astable: which autonomous system an address belongs to, its name and country, and whether its addresses are handed out for a time.
 *
 * Read from CSV lines `first,last,asn,name[,country[,dynamic]]` (addresses textual, `dynamic` 1: leased to households), the form in
 * which npm `@ip-location-db/asn` comes (CC BY 4.0, credited where it is used), or from the compiled form of it (store/snapshot).
 * Ownership: a table owns all; what it answers lives as long. Immutable: shared by threads.
 * Errors: POSSE_ESYNTAX names the line; ranges that overlap: the narrower wins.
 * Limits: 4 million ranges, 1 million systems.  Cost: a look-up is a binary search, below 0.2 us; 20 bytes a range of IPv4. */
#ifndef POSSE_NET_ASTABLE_H
#define POSSE_NET_ASTABLE_H

#include "base/report.h"
#include "net/ip.h"

struct astable;
struct as_info { uint32_t asn; const char *name; char country[3]; bool is_dynamic; };

int astable_open(const char *path, struct astable **out, struct report *why); /* CSV or compiled: it looks */
int astable_write(const struct astable *t, const char *path, struct report *why); /* compiled */
void astable_free(struct astable **t);
/* False, and asn 0: nobody announces it, or t is NULL. */
bool astable_find(const struct astable *t, const struct ip *a, struct as_info *out);

#endif
