#include "world.h"

#include <stdlib.h>

#include "macro.h"

enum { WHEEL = 8192 /* minutes */ };

/* ---- systems ---- */

static const char *country_code(const struct world *w, const struct system *y) { return w->s->country.v[y->country].code; }

static uint32_t draw_weighted(struct rng *r, const weights *w)
{
    double x = rng_unit(r) * weights_sum(w);
    for (size_t i = 0; i + 1 < w->n; i++)
        if ((x -= w->v[i].weight) < 0)
            return w->v[i].id;
    return w->v[w->n - 1].id;
}

static void system_draw(struct world *w, uint32_t network, uint32_t k, uint64_t *cursor, struct rng *r)
{
    const struct network *n = &w->s->network.v[network];
    struct system *y = PUSH(w->system);
    y->network = network;
    y->asn = n->asn + k;
    y->country = draw_weighted(r, &n->country);
    y->bits = n->size_lo + k % (n->size_hi - n->size_lo + 1); /* not drawn: they fit, or not, with every seed */
    uint64_t span = n->is_v6 ? (uint64_t)1 << (64 - y->bits) : (uint64_t)1 << (32 - y->bits);
    *cursor = (*cursor + span - 1) / span * span;
    uint64_t end = n->base + ((uint64_t)1 << ((n->is_v6 ? 64 : 32) - n->bits));
    if (*cursor + span > end)
        die_at(n->at, "network %s: %u systems do not fit into its prefix (the %uth does not)", n->name, n->count, k + 1);
    y->base = (uint32_t)*cursor;
    *cursor += span;
    y->first = w->places;
    y->pool = (uint32_t)span;
    w->places += y->pool;
    y->lease_ms = n->lease.hi > 0 ? rng_between(r, n->lease.lo, n->lease.hi) : 0;
    struct drawing d = {.s = w->s, .rng = r};
    struct buf name = {0};
    macro_draw(&d, n->as_name, &name);
    buf_u64(&name, k + 1);
    y->name = mem_text(name.p, name.n);
    buf_free(&name);
}

static void systems_build(struct world *w, uint64_t seed)
{
    const struct scenario *s = w->s;
    w->network_first = mem_new((s->network.n + 1) * sizeof *w->network_first);
    for (uint32_t i = 0; i < s->network.n; i++) {
        const struct network *n = &s->network.v[i];
        struct rng r = rng_of(seed, mix(11, i));
        uint64_t cursor = n->base;
        if (n->count == 0 || n->bits == 0 || n->size_lo == 0 || !n->as_name.text || n->country.n == 0)
            die_at(n->at, "network %s needs count, within, size, asn, as-name, countries and ptr", n->name);
        w->network_first[i] = (uint32_t)w->system.n;
        for (uint32_t k = 0; k < n->count; k++)
            system_draw(w, i, k, &cursor, &r);
        w->network_first[i + 1] = (uint32_t)w->system.n;
    }
    w->taken = mem_new((w->places / 64 + 1) * sizeof *w->taken);
}

/* One of a network's systems, larger ones more often, and each family where it is at home. */
static uint32_t system_pick(struct world *w, const struct crowd *c, uint32_t network)
{
    uint32_t lo = w->network_first[network], end = w->network_first[network + 1];
    uint32_t first = w->system.v[lo].first, last = w->system.v[end - 1].first + w->system.v[end - 1].pool;
    for (int tries = 0; tries < 4000; tries++) {
        uint32_t at = first + rng_below(&w->rng, last - first), a = lo, b = end;
        while (b - a > 1) {
            uint32_t m = a + (b - a) / 2;
            if (w->system.v[m].first <= at)
                a = m;
            else
                b = m;
        }
        const struct system *y = &w->system.v[a];
        double home = (double)(mix(y->asn, (uint64_t)(c - w->crowd)) >> 11) * 0x1p-53;
        if (y->used < y->pool / 2 && rng_chance(&w->rng, 0.05 + 0.95 * home * home))
            return a;
    }
    die_at(c->f->at, "family %s: no address is left in network %s: make it larger, or the machines fewer (--scale)", c->f->name,
           w->s->network.v[network].name);
}

static uint32_t place_take(struct world *w, struct system *y)
{
    for (;;) {
        uint32_t at = y->first + rng_below(&w->rng, y->pool);
        unsigned octet = (y->base + (at - y->first)) & 255;
        if ((w->taken[at / 64] >> (at % 64) & 1) || (y->pool > 512 && (octet == 0 || octet == 255)))
            continue;
        w->taken[at / 64] |= (uint64_t)1 << at % 64;
        y->used++;
        return at;
    }
}

static void place_leave(struct world *w, struct system *y, uint32_t at)
{
    w->taken[at / 64] &= ~((uint64_t)1 << at % 64);
    y->used--;
}

/* ---- the wheel: what happens in which minute; even items are machines, odd ones sites ---- */

static void wheel_put(struct world *w, uint32_t item, uint32_t due)
{
    uint32_t *due_of = item & 1 ? &w->site.v[item / 2].due : &w->machine.v[item / 2].due;
    uint32_t *next = item & 1 ? &w->site.v[item / 2].next : &w->machine.v[item / 2].next;
    *due_of = due;
    *next = w->wheel[due % WHEEL];
    w->wheel[due % WHEEL] = item;
}

static uint32_t in_ms(const struct world *w, int64_t ms)
{
    int64_t minutes = ms / MINUTE;
    return (uint32_t)(w->minute + (minutes < 1 ? 1 : minutes));
}

static int64_t lease_draw(struct world *w, const struct system *y) { return rng_between(&w->rng, y->lease_ms / 2, y->lease_ms * 3 / 2); }

static void site_moves(struct world *w, uint32_t i)
{
    struct site *t = &w->site.v[i];
    struct system *y = &w->system.v[t->system];
    if (t->machines == 0)
        return;
    uint32_t to = place_take(w, y);
    place_leave(w, y, t->place);
    t->place = to;
    wheel_put(w, 2 * i + 1, in_ms(w, lease_draw(w, y)));
}

/* ---- machines ---- */

static void count_sender(struct crowd *c, struct machine *m, uint32_t hour)
{
    if (m->hour == hour)
        return;
    m->hour = hour;
    c->live_hour++;
    c->ever += !m->was_seen;
    m->was_seen = true;
}

static uint32_t hour_of(const struct world *w) { return (uint32_t)(w->minute / 60); }

static int64_t off_draw(struct world *w, const struct crowd *c, const struct system *y)
{
    const struct family *f = c->f;
    double mean = (double)(f->session.lo + f->session.hi) / 2 * (1 - f->duty) / f->duty;
    if (!f->sleep)
        return (int64_t)(mean * rng_exponential(&w->rng));
    mean -= (double)HOUR * (f->sleep->most / f->sleep->mean - 1); /* what waiting for a waking hour adds */
    int64_t ms = (int64_t)((mean < 10 * MINUTE ? 10 * MINUTE : mean) * rng_exponential(&w->rng));
    for (int tries = 0; tries < 200; tries++) {
        int64_t local_min = w->minute + ms / MINUTE + w->s->country.v[y->country].zone_min;
        if (rng_unit(&w->rng) * f->sleep->most < f->sleep->at.v[(local_min / 60 % 24 + 24) % 24])
            break;
        ms += HOUR;
    }
    return ms;
}

static void machine_on(struct world *w, uint32_t i)
{
    struct machine *m = &w->machine.v[i];
    struct crowd *c = &w->crowd[m->crowd];
    m->on_at = (uint32_t)c->on.n;
    *PUSH(c->on) = i;
    if (c->is_sending)
        count_sender(c, m, hour_of(w));
    if (c->f->duty < 1)
        wheel_put(w, 2 * i, in_ms(w, rng_between(&w->rng, c->f->session.lo, c->f->session.hi)));
}

static void machine_off(struct world *w, uint32_t i)
{
    struct machine *m = &w->machine.v[i];
    struct crowd *c = &w->crowd[m->crowd];
    uint32_t last = c->on.v[--c->on.n];
    c->on.v[m->on_at] = last;
    w->machine.v[last].on_at = m->on_at;
    m->on_at = NOWHERE;
}

static void machine_turns(struct world *w, uint32_t i)
{
    struct machine *m = &w->machine.v[i];
    if (m->is_gone)
        return;
    if (m->on_at == NOWHERE) {
        machine_on(w, i);
    } else {
        machine_off(w, i);
        wheel_put(w, 2 * i, in_ms(w, off_draw(w, &w->crowd[m->crowd], world_system(w, i))));
    }
}

static void site_open(struct world *w, struct crowd *c)
{
    const struct family *f = c->f;
    uint32_t network = draw_weighted(&w->rng, &f->networks), system = system_pick(w, c, network), i = (uint32_t)w->site.n;
    struct system *y = &w->system.v[system];
    struct site *t = PUSH(w->site);
    t->system = system;
    t->place = place_take(w, y);
    c->open_site = i;
    c->open_left = f->nat.n && !w->s->network.v[network].is_v6 ? draw_weighted(&w->rng, &f->nat) : 1;
    if (y->lease_ms > 0) {
        double lease = (double)lease_draw(w, y); /* in the midst of it */
        wheel_put(w, 2 * i + 1, in_ms(w, (int64_t)(lease * rng_unit(&w->rng))));
    }
}

/* is_old: the world began long ago for it, in the middle of a session or between two. */
static void machine_add(struct world *w, struct crowd *c, bool is_old)
{
    if (c->open_left == 0)
        site_open(w, c);
    uint32_t i = (uint32_t)w->machine.n;
    if (i >= UINT32_MAX / 2 - 1)
        die("more than two thousand million machines");
    struct machine *m = PUSH(w->machine);
    *m = (struct machine){.site = c->open_site, .on_at = NOWHERE, .hour = NOWHERE, .crowd = (uint16_t)(c - w->crowd)};
    w->site.v[c->open_site].machines++;
    c->open_left--;
    *PUSH(c->all) = i;
    if (c->f->duty >= 1) {
        machine_on(w, i);
    } else if (is_old && rng_chance(&w->rng, c->f->duty)) {
        m->on_at = (uint32_t)c->on.n;
        *PUSH(c->on) = i;
        int64_t left = rng_between(&w->rng, c->f->session.lo, c->f->session.hi);
        wheel_put(w, 2 * i, in_ms(w, (int64_t)((double)left * rng_unit(&w->rng))));
    } else {
        wheel_put(w, 2 * i, in_ms(w, off_draw(w, c, world_system(w, i))));
    }
}

static void machine_remove(struct world *w, struct crowd *c)
{
    uint32_t at = rng_below(&w->rng, c->all.n), i = c->all.v[at];
    struct machine *m = &w->machine.v[i];
    struct site *t = &w->site.v[m->site];
    c->all.v[at] = c->all.v[--c->all.n];
    if (m->on_at != NOWHERE)
        machine_off(w, i);
    m->is_gone = true;
    if (--t->machines == 0) {
        place_leave(w, &w->system.v[t->system], t->place);
        if (c->open_site == m->site)
            c->open_left = 0;
    }
    if (c->flooder == i)
        c->flooder = NOWHERE;
}

/* How many there are to be: lines between the numbers given. */
static double machines_at(const steps *s, int64_t ms)
{
    size_t i = 0;
    while (i + 1 < s->n && s->v[i + 1].from_ms <= ms)
        i++;
    if (i + 1 == s->n || s->v[i].from_ms == INT64_MIN)
        return s->v[i].value;
    double part = (double)(ms - s->v[i].from_ms) / (double)(s->v[i + 1].from_ms - s->v[i].from_ms);
    return s->v[i].value + (part > 0 ? part : 0) * (s->v[i + 1].value - s->v[i].value);
}

static uint32_t target(const struct world *w, struct crowd *c)
{
    double v = machines_at(&c->f->machines, w->minute * MINUTE) * w->scale;
    c->thin = v < 1 ? v : 1;
    return v < 1 ? 1 : (uint32_t)(v + 0.5);
}

static void crowd_hour(struct world *w, struct crowd *c)
{
    double leave = c->f->turnover / 24 * (double)c->all.n;
    uint32_t n = (uint32_t)leave, want = target(w, c);
    n += rng_chance(&w->rng, leave - n);
    while (c->all.n > 1 && (n > 0 || c->all.n > want)) {
        machine_remove(w, c);
        n -= n > 0;
    }
    while (c->all.n < want)
        machine_add(w, c, false);
}

uint32_t world_flooder(struct world *w, uint32_t crowd)
{
    struct crowd *c = &w->crowd[crowd];
    if (c->flooder == NOWHERE)
        c->flooder = c->all.v[mix(w->minute, crowd) % c->all.n];
    return c->flooder;
}

/* ---- the whole ---- */

void world_build(struct world *w, const struct scenario *s, uint64_t seed, double scale)
{
    *w = (struct world){.s = s, .scale = scale, .rng = rng_of(seed, 1), .minute = s->from_ms / MINUTE};
    systems_build(w, seed);
    w->wheel = mem_new(WHEEL * sizeof *w->wheel);
    memset(w->wheel, 0xff, WHEEL * sizeof *w->wheel);
    w->crowd = mem_new(s->family.n * sizeof *w->crowd);
    for (size_t i = 0; i < s->family.n; i++) {
        struct crowd *c = &w->crowd[i];
        c->f = &s->family.v[i];
        c->flooder = NOWHERE;
        for (uint32_t n = target(w, c); n > 0; n--)
            machine_add(w, c, true);
    }
}

void world_minute(struct world *w, int64_t minute, const bool *is_sending)
{
    w->minute = minute;
    for (size_t i = 0; minute % 60 == 0 && i < w->s->family.n; i++)
        w->crowd[i].live_hour = 0;
    uint32_t item = w->wheel[minute % WHEEL], next;
    w->wheel[minute % WHEEL] = NOWHERE;
    for (; item != NOWHERE; item = next) {
        bool is_site = item & 1;
        next = is_site ? w->site.v[item / 2].next : w->machine.v[item / 2].next;
        uint32_t due = is_site ? w->site.v[item / 2].due : w->machine.v[item / 2].due;
        if (due > minute)
            wheel_put(w, item, due);
        else if (is_site)
            site_moves(w, item / 2);
        else
            machine_turns(w, item / 2);
    }
    for (size_t i = 0; i < w->s->family.n; i++) {
        struct crowd *c = &w->crowd[i];
        bool is_hour = minute % 60 == 0, begins = is_sending[i] && !c->is_sending;
        c->is_sending = is_sending[i];
        if (is_hour) {
            c->on_minutes = 0;
            crowd_hour(w, c);
        }
        for (size_t k = 0; c->is_sending && (begins || is_hour) && k < c->on.n; k++)
            count_sender(c, &w->machine.v[c->on.v[k]], hour_of(w));
        c->on_minutes += c->is_sending ? c->on.n : 0;
    }
}

uint32_t world_place(const struct world *w, uint32_t machine) { return w->site.v[w->machine.v[machine].site].place; }

struct address world_address(const struct world *w, uint32_t machine)
{
    const struct system *y = world_system(w, machine);
    uint32_t at = y->base + (world_place(w, machine) - y->first);
    struct address a = {{0}};
    if (w->s->network.v[y->network].is_v6) {
        uint64_t own = mix(machine, 0x6970);
        memcpy(a.b, "\x20\x01\x0d\xb8", 4);
        for (int i = 0; i < 4; i++)
            a.b[4 + i] = (uint8_t)(at >> (24 - 8 * i));
        for (int i = 0; i < 8; i++)
            a.b[8 + i] = (uint8_t)(own >> (56 - 8 * i));
    } else {
        a.b[10] = a.b[11] = 0xff;
        for (int i = 0; i < 4; i++)
            a.b[12 + i] = (uint8_t)(at >> (24 - 8 * i));
    }
    return a;
}

void address_text(const struct address *a, struct buf *out)
{
    if (a->b[0] == 0) {
        for (int i = 12; i < 16; i++) {
            buf_u64(out, a->b[i]);
            buf_text(out, i < 15 ? "." : "");
        }
        return;
    }
    for (int i = 0; i < 16; i += 2) {
        unsigned v = (unsigned)a->b[i] << 8 | a->b[i + 1];
        buf_hex(out, v, v > 0xfff ? 4 : v > 0xff ? 3 : v > 0xf ? 2 : 1, false);
        buf_text(out, i < 14 ? ":" : "");
    }
}

void world_ptr(const struct world *w, uint32_t machine, struct buf *out)
{
    const struct system *y = world_system(w, machine);
    struct address a = world_address(w, machine);
    const char *p = w->s->network.v[y->network].ptr.text;
    if (strcmp(p, "-") == 0)
        return;
    for (; *p; p++) {
        if (*p != '%') {
            buf_byte(out, *p);
        } else if (p[1] >= '1' && p[1] <= '4') {
            buf_u64(out, a.b[11 + *++p - '0']);
        } else if (p[1] == 'a') {
            buf_text(out, y->name);
            p++;
        } else if (p[1] == 'c') {
            const char *code = country_code(w, y);
            buf_byte(out, (char)(code[0] | 32));
            buf_byte(out, (char)(code[1] | 32));
            p++;
        } else if (p[1] == 'h') {
            for (int i = 4; i < 16; i++)
                buf_hex(out, a.b[i], 2, false);
            p++;
        }
    }
}
