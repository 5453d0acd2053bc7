/* census_world: machines with addresses that change hands and are shared, that sleep, come and go, of which a trap sees a little; the truth is
 * known, census.h is asked. Each seed draws its own botnet: rates, leases, stays and unevenness from what the world says, twice to either side.
 * Time is continuous: nothing changes on the hour. */
#ifndef POSSE_TESTS_CENSUS_WORLD_H
#define POSSE_TESTS_CENSUS_WORLD_H

#include "botnet/census.h"
#include "stat.h"

enum sleepers { NOBODY_SLEEPS, ANYWHERE /* in all time zones */, ONE_ZONE };
struct census_world {
    const char *name;
    unsigned machines, days;
    double rate;               /* messages of a machine that the trap sees in an hour in which it is on, mean */
    double uneven;             /* squared coefficient of variation of the rate: at most so much (negative: of a lognormal) */
    double lease_hours;        /* mean; 0: static */
    double behind_nat;         /* part of the machines that are behind an address with 1 to 49 others */
    double marked;             /* part of the machines whose mail names the machine */
    double life_days;          /* mean; 0: for ever */
    enum sleepers sleeps;      /* nine of ten are off for six to fourteen hours a day */
    size_t max_bytes;
};

static const struct census_world census_worlds[] = {
    {"static", 2000, 3, 0.3, 1, 0, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"leases of 3 hours", 2000, 3, 1, 1, 3, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"leases of a day", 2000, 7, 0.3, 1, 24, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"leases of a week", 2000, 14, 0.1, 1, 168, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"uneven, lognormal", 2000, 7, 0.3, -1, 72, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"seen once, even", 20000, 3, 0.005, 0, 0, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"seen once, leases of a day", 20000, 3, 0.01, 1, 24, 0, 0, 0, NOBODY_SLEEPS, 0},
    {"NAT, marked", 2000, 3, 0.3, 1, 24, 0.3, 1, 0, NOBODY_SLEEPS, 0},
    {"NAT, half marked", 2000, 3, 0.3, 1, 24, 0.3, 0.5, 0, NOBODY_SLEEPS, 0},
    {"NAT, nights, marked", 2000, 4, 1, 1, 24, 0.3, 1, 0, ANYWHERE, 0},
    {"NAT, no marks", 2000, 3, 0.3, 1, 24, 0.3, 0, 0, NOBODY_SLEEPS, 0},
    {"nights", 2000, 4, 1, 1, 0, 0, 0, 0, ANYWHERE, 0},
    {"nights, one time zone", 2000, 4, 1, 1, 0, 0, 0, 0, ONE_ZONE, 0},
    {"nights, leases of a day", 2000, 4, 1, 1, 24, 0, 0, 0, ANYWHERE, 0},
    {"nights, few sightings", 4000, 10, 0.15, 1, 0, 0, 0, 0, ANYWHERE, 0},
    {"machines are replaced", 2000, 10, 0.3, 1, 0, 0, 0, 5, NOBODY_SLEEPS, 0},
    {"sampled", 20000, 3, 0.3, 1, 72, 0, 0, 0, NOBODY_SLEEPS, 200000},
};
enum { CENSUS_WORLDS = sizeof census_worlds / sizeof *census_worlds };

struct bot { double rate, from, until, wakes, awake, lease_hours; uint32_t nat; uint64_t id; int is_marked, sleeps; };
struct census_truth { double live, window, ever, addresses, lease; };
struct sent { double at; struct bot *by; uint32_t address; };
struct census_making {
    struct rng r;
    const struct census_world *w;
    double hours, rate, uneven;
    struct sent *sent;
    size_t n, cap;
    struct census_truth truth;
};

static inline double twice(struct rng *r, double x) { return x * exp2(rng_between(r, -1, 1)); }

static inline struct bot bot_new(struct census_making *u, double from, double lease_hours, double life_hours)
{
    struct rng *r = &u->r;
    const struct census_world *w = u->w;
    double rate = u->uneven > 0 ? rng_gamma(r, 1 / u->uneven) : u->uneven < 0 ? rng_lognormal(r, sqrt(log(1 - u->uneven))) : 1;
    struct bot b = {.rate = u->rate * rate, .from = from, .until = u->hours, .lease_hours = lease_hours, .id = rng_u64(r) | 1};
    if (life_hours > 0)
        b.until = from + life_hours * rng_exp(r);
    b.wakes = w->sleeps == ONE_ZONE ? 8 + 1.5 * rng_normal(r) : 24 * rng_unit(r);
    b.awake = rng_between(r, 10, 18);
    b.sleeps = w->sleeps && rng_unit(r) < 0.9;
    b.is_marked = rng_unit(r) < w->marked;
    return b;
}

/* Sends from `from` to `to`, one address to each lease; what it was up adds to the truth. */
static inline void bot_stays(struct census_making *u, struct bot *b, double from, double to, double *lease_end, uint32_t *address)
{
    from = from > 0 ? from : 0;
    to = to < u->hours ? to : u->hours;
    if (from >= to)
        return;
    u->truth.live += (to - from) / u->hours;
    u->truth.window += (ceil(to) - floor(from)) / u->hours;
    for (double at = from; (at += rng_exp(&u->r) / b->rate) < to;) {
        while (b->lease_hours > 0 && !b->nat && *lease_end < at) {
            *address = (uint32_t)rng_u64(&u->r);
            *lease_end += b->lease_hours * rng_exp(&u->r);
        }
        if (u->n == u->cap)
            u->sent = realloc(u->sent, (u->cap = 2 * u->cap + 1024) * sizeof *u->sent);
        u->sent[u->n++] = (struct sent){at, b, *address};
    }
}

static inline void bot_lives(struct census_making *u, struct bot *b)
{
    double lease_end = b->from + b->lease_hours * rng_exp(&u->r), until = b->until < u->hours ? b->until : u->hours;
    uint32_t address = b->nat ? b->nat : (uint32_t)rng_u64(&u->r);
    u->truth.ever++;
    if (!b->sleeps) {
        bot_stays(u, b, b->from, until, &lease_end, &address);
        return;
    }
    for (double day = b->wakes - 48; day < until; day += 24) { /* an hour earlier or later, each day */
        double wakes = day + rng_normal(&u->r), sleeps = day + b->awake + rng_normal(&u->r);
        bot_stays(u, b, wakes > b->from ? wakes : b->from, sleeps < until ? sleeps : until, &lease_end, &address);
    }
}

static inline int by_time(const void *a, const void *b)
{
    double x = ((const struct sent *)a)->at, y = ((const struct sent *)b)->at;
    return (x > y) - (x < y);
}

static inline void run_lives(struct census_making *u, struct bot *bot, size_t most)
{
    const struct census_world *w = u->w;
    double lease = w->lease_hours > 0 ? twice(&u->r, w->lease_hours) : 0, life = w->life_days > 0 ? 24 * twice(&u->r, w->life_days) : 0;
    unsigned left = 0;
    uint32_t nat = 0;
    size_t n = 0;
    u->truth.lease = lease;
    for (unsigned i = 0; i < w->machines; i++) {
        if (i >= w->behind_nat * w->machines)
            nat = 0;
        else if (!left--) /* behind one address stand 2 to 50 */
            nat = (uint32_t)rng_u64(&u->r) | 1, left = (unsigned)rng_between(&u->r, 2, 51) - 1;
        for (double from = 0; from < u->hours && n < most; n++) { /* and whoever comes in its place */
            bot[n] = bot_new(u, from, lease, life);
            bot[n].nat = nat;
            bot_lives(u, &bot[n]);
            from = bot[n].until;
        }
    }
}

static inline struct census *census_of_world(uint64_t seed, const struct census_world *w, struct census_truth *truth)
{
    const int64_t t0 = 1300000000000ll / 3600000 * 3600000;
    struct census_making u = {.r = {seed * 424242 + 11}, .w = w, .hours = 24.0 * w->days, .rate = 0};
    size_t most = (size_t)w->machines * (w->life_days > 0 ? 30 : 1);
    struct bot *bot = calloc(most, sizeof *bot);
    struct census *c;
    if (!bot || census_new(&(struct census_options){.max_bytes = w->max_bytes}, &c, NULL))
        abort();
    u.rate = twice(&u.r, w->rate);
    u.uneven = w->uneven * rng_unit(&u.r);
    run_lives(&u, bot, most);
    qsort(u.sent, u.n, sizeof *u.sent, by_time);
    for (size_t i = 0; i < u.n; i++) {
        const struct bot *b = u.sent[i].by;
        struct census_sight s = {.time_ms = t0 + (int64_t)(u.sent[i].at * 3600000), .is_dynamic = w->lease_hours > 0 && !b->nat,
                                 .machine = b->is_marked ? b->id : 0, .n = 1};
        memcpy(s.source.b + 10, "\xff\xff", 2);
        memcpy(s.source.b + 12, &u.sent[i].address, 4);
        if (census_add(c, &s))
            abort();
    }
    *truth = u.truth;
    free(u.sent);
    free(bot);
    return c;
}

struct census_result {
    unsigned n, live_held, live_within10, window_held, window_within10, ever_held, ever_within10, doubts;
    double live_bias, live_error2, window_bias, ever_bias, width, lease, behind, addresses;
};

static inline void census_run(uint64_t seed, const struct census_world *w, struct census_result *res)
{
    struct census_truth truth;
    struct census *c = census_of_world(seed, w, &truth);
    struct census_answer a;
    census_ask(c, 0, INT64_MAX, &a);
    double off = a.live.mid / truth.live - 1, ever_off = a.ever.mid / truth.ever - 1, window_off = a.within_window.mid / truth.window - 1;
    int held = a.live.lo <= truth.live && truth.live <= a.live.hi;
    if (getenv("STAT_VERBOSE"))
        fprintf(stderr, "%s %llu: live %.0f: %.1f %.1f %.1f %s; window %.0f: %.1f %.1f %.1f; ever %.0f: %.1f %.1f %.1f %s\n", w->name,
                (unsigned long long)seed, truth.live, a.live.lo, a.live.mid, a.live.hi, held ? "" : "MISSED", truth.window, a.within_window.lo,
                a.within_window.mid, a.within_window.hi, truth.ever, a.ever.lo, a.ever.mid, a.ever.hi, a.live.method);
    res->n++;
    res->live_held += held;
    res->live_within10 += fabs(off) <= 0.1;
    res->live_bias += off;
    res->live_error2 += off * off;
    res->width += fmin((a.live.hi - a.live.lo) / truth.live, 99);
    res->window_held += a.within_window.lo <= truth.window && truth.window <= a.within_window.hi;
    res->window_within10 += fabs(window_off) <= 0.1;
    res->window_bias += window_off;
    res->ever_held += a.ever.lo <= truth.ever && truth.ever <= a.ever.hi;
    res->ever_within10 += fabs(ever_off) <= 0.1;
    res->ever_bias += ever_off;
    res->doubts += a.doubt != NULL;
    res->lease += truth.lease > 0 ? a.lease_ms / 3.6e6 / truth.lease : 0;
    res->behind += a.machines_an_address;
    res->addresses += a.addresses.mid;
    census_free(&c);
}

#endif
