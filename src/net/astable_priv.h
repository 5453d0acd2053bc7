/* astable_priv: what astable.c (look-up, bytes) and astable_csv.c (lines to a table) share.
 *
 * A table is the line of addresses cut into pieces that do not overlap: piece i reaches from start[i] to start[i + 1] and belongs to
 * system who[i], or to NOBODY. IPv4 (as 32 bits) and the rest apart.
 * Encoded, little-endian: "POSSEAST", u32 format, u32 pieces of v4, u32 pieces of v6, u32 systems, u32 bytes of names, u32 0; then, each
 * padded with zeros to 8 bytes: v4 starts (u32), v4 systems (u32), v6 starts (16 bytes), v6 systems (u32), systems (struct as_system),
 * names (each with its NUL; the first is empty). */
#ifndef POSSE_NET_ASTABLE_PRIV_H
#define POSSE_NET_ASTABLE_PRIV_H

#include "net/astable.h"

#define AS_NOBODY UINT32_MAX
enum { AS_FORMAT = 1, AS_RANGES_MAX = 4000000, AS_SYSTEMS_MAX = 1000000, AS_NAME_MAX = 255, AS_PIECES_MAX = 2 * AS_RANGES_MAX + 1 };

struct as_system { uint32_t asn, name; char country[2]; uint8_t is_dynamic, zero[5]; };

struct astable {
    const uint32_t *start4, *who4;
    const struct ip *start6;
    const uint32_t *who6;
    const struct as_system *system;
    const char *names;
    uint32_t n4, n6, n_systems, n_names;
    uint32_t jump4[65537]; /* how many v4 pieces begin before the 16 bits i */
    void *owned; /* what the arrays lie in, where they were made here */
};

/* All but the jumps is there. */
void astable_index(struct astable *t);

#endif
