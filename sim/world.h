/* world: networks, the households in them, and the machines that somebody has taken over: where each is, when it is on, when it goes.
 *
 * A system (AS) has a pool of addresses. A site (a household, an office) holds one address of it for a lease, then another that is free:
 * no two sites hold one address at one time. Behind a site's address are one or more machines of one family (NAT). A machine is on
 * for a session, off until the next (its sleep by the local clock), and is cleaned or taken over as the family's numbers say.
 * Everything moves minute by minute (world_minute) by chance of its own, so that what is sent never changes where machines are.
 * Ownership: a world owns all.  Cost: some 30 bytes a machine, 12 a site; 50-100 ns each time that one goes on, off or moves. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "rng.h"
#include "scenario.h"

struct address { uint8_t b[16]; };     /* IPv4 mapped */
struct system {
    uint32_t asn, network, country;
    uint32_t base;                     /* IPv4: its first address; IPv6: bits 32 to 63 of it */
    unsigned bits;                     /* of its prefix */
    uint32_t first, pool;              /* places among all addresses of the world */
    uint32_t used;
    int64_t lease_ms;                  /* mean; 0: for good */
    char *name;                        /* "lanternnet" */
};
struct site { uint32_t place, system, machines, due, next; };
struct machine { uint32_t site, on_at, due, next, hour; uint16_t crowd; bool is_gone, was_seen; };

enum { NOWHERE = UINT32_MAX };
struct crowd {                         /* the machines of one family */
    const struct family *f;
    LIST(uint32_t) on, all;
    uint32_t open_site, open_left;
    bool is_sending;
    uint32_t live_hour;                /* that sent at some moment of this hour */
    uint64_t ever;
    uint64_t on_minutes;               /* of this hour */
    uint32_t flooder;                  /* NOWHERE: none yet */
    double thin;                       /* below 1: a part of one machine, for worlds scaled down very far */
};

struct world {
    const struct scenario *s;
    double scale;
    struct rng rng;
    LIST(struct system) system;
    LIST(struct site) site;
    LIST(struct machine) machine;
    struct crowd *crowd;
    uint32_t *network_first;           /* index of its first system; one more at the end */
    uint64_t *taken;                   /* a bit an address */
    uint32_t places;
    uint32_t *wheel;
    int64_t minute;
};

void world_build(struct world *w, const struct scenario *s, uint64_t seed, double scale);
/* What happens from one minute to the next; is_sending: a flag for each family. At a full hour the crowds' counts of the last one are gone. */
void world_minute(struct world *w, int64_t minute, const bool *is_sending);
struct address world_address(const struct world *w, uint32_t machine);
uint32_t world_place(const struct world *w, uint32_t machine); /* its address as a number below w->places */
static inline const struct system *world_system(const struct world *w, uint32_t machine)
{
    return &w->system.v[w->site.v[w->machine.v[machine].site].system];
}
uint32_t world_flooder(struct world *w, uint32_t crowd);
void address_text(const struct address *a, struct buf *out);
/* Its reverse name, by the network's pattern; empty: none. %1 to %4: octets; %h: the rest of an IPv6 address; %a: the system's name; %c: its country. */
void world_ptr(const struct world *w, uint32_t machine, struct buf *out);

#endif
