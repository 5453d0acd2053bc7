/* census_world: machines with addresses that change hands and are shared, of which a trap sees a little; the truth is known, census.h is
 * asked. All are infected for the whole period but where `life_days` says else (then others come in their place). */
#ifndef POSSE_TESTS_CENSUS_WORLD_H
#define POSSE_TESTS_CENSUS_WORLD_H

#include "botnet/census.h"
#include "stat.h"

struct census_world {
    const char *name;
    unsigned machines, days;
    double rate;               /* messages of a machine that the trap sees in an hour, mean */
    double uneven;             /* squared coefficient of variation of the rate; negative: of a lognormal */
    double lease_hours;        /* mean; 0: static */
    double behind_nat;         /* part of the machines that are behind an address with 2 to 50 others */
    double marked;             /* part of the machines whose mail names the machine */
    double life_days;          /* mean; 0: for ever */
    int sleeps;                /* most are off at night */
    size_t max_bytes;
};

static const struct census_world census_worlds[] = {
    {"static", 2000, 3, 0.3, 0.3, 0, 0, 0, 0, 0, 0},
    {"leases of 3 hours", 2000, 3, 0.5, 0, 3, 0, 0, 0, 0, 0},
    {"leases of a day", 2000, 7, 0.3, 0.3, 24, 0, 0, 0, 0, 0},
    {"leases of a week", 2000, 14, 0.1, 0.3, 168, 0, 0, 0, 0, 0},
    {"seen once, even", 20000, 3, 0.005, 0, 0, 0, 0, 0, 0, 0},
    {"seen once, leases of a day", 20000, 3, 0.01, 0, 24, 0, 0, 0, 0, 0},
    {"uneven", 2000, 7, 0.2, 1, 72, 0, 0, 0, 0, 0},
    {"uneven, lognormal", 2000, 7, 0.3, -1, 72, 0, 0, 0, 0, 0},
    {"NAT, marked", 2000, 3, 0.3, 0.3, 24, 0.3, 1, 0, 0, 0},
    {"NAT, half marked", 2000, 3, 0.3, 0.3, 24, 0.3, 0.5, 0, 0, 0},
    {"nights", 2000, 4, 1, 0.3, 0, 0, 0, 0, 1, 0},
    {"nights, leases of a day", 2000, 4, 1, 0.3, 24, 0, 0, 0, 1, 0},
    {"machines are replaced", 2000, 10, 0.3, 0.3, 0, 0, 0, 5, 0, 0},
    {"sampled", 20000, 3, 0.3, 0.3, 72, 0, 0, 0, 0, 200000},
};
enum { CENSUS_WORLDS = sizeof census_worlds / sizeof *census_worlds };

struct bot { double rate, lease_end, life_end, wakes; uint32_t address, nat; uint64_t id; int is_marked, is_fixed; };

static inline void bot_new(struct rng *r, const struct census_world *w, struct bot *b, double now)
{
    b->id = rng_u64(r) | 1;
    b->rate = w->uneven > 0 ? rng_gamma(r, 1 / w->uneven) : w->uneven < 0 ? rng_lognormal(r, sqrt(log(1 - w->uneven))) : 1;
    b->life_end = w->life_days > 0 ? now + 24 * w->life_days * rng_exp(r) : 1e12;
    b->lease_end = w->lease_hours > 0 && !b->nat ? now + w->lease_hours * rng_exp(r) : 1e12;
    b->address = b->nat ? b->nat : (uint32_t)rng_u64(r);
    b->wakes = 24 * rng_unit(r);
    b->is_marked = rng_unit(r) < w->marked;
}

/* Behind one address stand 2 to 50. */
static inline void bots_new(struct rng *r, const struct census_world *w, struct bot *bot)
{
    unsigned left = 0;
    uint32_t nat = 0;
    for (unsigned i = 0; i < w->machines; i++) {
        if (i >= w->behind_nat * w->machines)
            nat = 0;
        else if (!left--)
            nat = (uint32_t)rng_u64(r) | 1, left = (unsigned)rng_between(r, 2, 51) - 1;
        bot[i] = (struct bot){.nat = nat};
        bot_new(r, w, &bot[i], 0);
    }
}

struct census_truth { double live, ever, addresses; };

static inline int bot_is_up(const struct census_world *w, const struct bot *b, double hour)
{
    double at = fmod(hour - b->wakes + 48, 24);
    (void)w;
    return at < 14; /* its day, of fourteen hours, begins when it wakes */
}

static inline void bot_send(struct rng *r, const struct census_world *w, struct census *c, struct bot *b, double hour)
{
    const int64_t t0 = 1300000000000ll / 3600000 * 3600000;
    double part = w->sleeps ? 1.0 * bot_is_up(w, b, hour) : 1;
    for (uint64_t n = rng_poisson(r, w->rate * b->rate * part); n > 0; n--) {
        double at = hour + rng_unit(r);
        uint32_t address = b->address;
        if (at > b->lease_end) { /* the change lies within the hour: later ones have the new address, which is drawn then */
            address = (uint32_t)(b->id >> 20) ^ (uint32_t)(b->lease_end * 977);
        }
        struct census_sight s = {.time_ms = t0 + (int64_t)(at * 3600000), .is_dynamic = w->lease_hours > 0 && !b->nat,
                                 .machine = b->is_marked ? b->id : 0, .n = 1};
        memcpy(s.source.b + 10, "\xff\xff", 2);
        memcpy(s.source.b + 12, &address, 4);
        if (census_add(c, &s))
            abort();
    }
    while (b->lease_end <= hour + 1) {
        b->address = (uint32_t)(b->id >> 20) ^ (uint32_t)(b->lease_end * 977);
        b->lease_end += w->lease_hours * rng_exp(r);
    }
}

static inline struct census *census_of_world(uint64_t seed, const struct census_world *w, struct census_truth *truth)
{
    struct rng r = {seed * 424242 + 11};
    struct bot *bot = calloc(w->machines, sizeof *bot);
    struct census *c;
    if (census_new(&(struct census_options){.max_bytes = w->max_bytes}, &c, NULL))
        abort();
    bots_new(&r, w, bot);
    *truth = (struct census_truth){.ever = w->machines};
    for (unsigned hour = 0; hour < w->days * 24; hour++)
        for (unsigned i = 0; i < w->machines; i++) {
            struct bot *b = &bot[i];
            while (b->life_end <= hour) {
                bot_new(&r, w, b, b->life_end);
                truth->ever++;
            }
            truth->live += (!w->sleeps || bot_is_up(w, b, hour)) / (w->days * 24.0);
            bot_send(&r, w, c, b, hour);
        }
    free(bot);
    return c;
}

struct census_result { unsigned n, live_held, live_within10, ever_held; double live_bias, live_error2, ever_bias, width, lease, behind, addresses; };

static inline void census_run(uint64_t seed, const struct census_world *w, struct census_result *res)
{
    struct census_truth truth;
    struct census *c = census_of_world(seed, w, &truth);
    struct census_answer a;
    census_ask(c, 0, INT64_MAX, &a);
    double off = a.live.mid / truth.live - 1;
    res->n++;
    res->live_held += a.live.lo <= truth.live && truth.live <= a.live.hi;
    res->live_within10 += fabs(off) <= 0.1;
    res->live_bias += off;
    res->live_error2 += off * off;
    res->width += fmin((a.live.hi - a.live.lo) / truth.live, 99);
    res->ever_held += a.ever.lo <= truth.ever && truth.ever <= a.ever.hi;
    res->ever_bias += a.ever.mid / truth.ever - 1;
    res->lease += a.lease_ms / 3.6e6;
    res->behind += a.machines_an_address;
    res->addresses += a.addresses.mid;
    census_free(&c);
}

#endif
