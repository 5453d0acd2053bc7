/* change_world: counts by the minute of senders with days, weeks, bursts, noise and a Christmas pause; the truth is known, change.h is asked.
 * A year here has 365 days and begins on 1 January; 24 December is its day 357, 9 January its day 8. */
#ifndef POSSE_TESTS_CHANGE_WORLD_H
#define POSSE_TESTS_CHANGE_WORLD_H

#include "botnet/change.h"
#include "stat.h"

enum bursts { NO_BURSTS, REGULAR /* every other day, more or less */, RANDOM /* on and off without memory */ };
struct change_world {
    const char *name;
    double rate;               /* messages a minute, mean */
    double night, weekend;     /* the factor of the quietest hour, of Saturday and Sunday */
    enum bursts bursts;
    double noise, noise_hours; /* deviation of the log of a factor that wanders, and how fast it forgets */
    double clump;              /* messages that come at once, mean */
    int has_pause;
};

static const struct change_world change_worlds[] = {
    {"steady", 60, 1, 1, NO_BURSTS, 0, 1, 1, 1},
    {"nights and weekends", 60, 0.3, 0.4, NO_BURSTS, 0.1, 2, 1, 1},
    {"silent weekends", 20, 0.2, 0, NO_BURSTS, 0.1, 2, 1, 1},
    {"bursts every other day", 60, 1, 1, REGULAR, 0.2, 1, 1, 1},
    {"bursts, nights, weekends", 60, 0.3, 0.4, REGULAR, 0.3, 1, 2, 1},
    {"bursts at random", 60, 1, 1, RANDOM, 0.2, 1, 1, 1},
    {"wandering", 60, 0.5, 0.7, NO_BURSTS, 0.5, 6, 1, 1},
    {"wandering fast", 10, 0.5, 0.7, NO_BURSTS, 0.7, 0.5, 1, 1},
    {"few, clumped", 0.05, 0.5, 0.7, NO_BURSTS, 0.2, 6, 5, 1},
    {"few, bursts", 0.2, 0.5, 0.7, REGULAR, 0.2, 6, 2, 1},
};
enum { CHANGE_WORLDS = sizeof change_worlds / sizeof *change_worlds };

struct change_state { double noise; double until, burst_rate; int is_on; };

/* The true rate of a minute: all of it is the sender's own pattern. */
static inline double change_rate(struct rng *r, const struct change_world *w, struct change_state *s, int64_t minute)
{
    double hour = (double)(minute % 1440) / 60, rate = w->rate;
    int64_t day = minute / 1440 % 365;
    rate *= 1 + (w->night - 1) * (0.5 + 0.5 * cos(6.283185307179586 * (hour - 3) / 24));
    rate *= minute / 1440 % 7 >= 5 ? w->weekend : 1;
    if (w->noise > 0) {
        double keep = 1 - 1 / (60 * w->noise_hours);
        s->noise = s->noise * keep + sqrt(1 - keep * keep) * rng_normal(r);
        rate *= exp(w->noise * s->noise - w->noise * w->noise / 2);
    }
    if (w->bursts && (double)minute >= s->until) {
        s->is_on = !s->is_on;
        double mean = s->is_on ? 12 * 60 : 36 * 60, length = w->bursts == RANDOM ? mean * rng_exp(r) : mean * rng_lognormal(r, 0.2);
        s->until = (s->until > 0 ? s->until : (double)minute) + length + 1;
        s->burst_rate = 4 * rng_lognormal(r, 0.3);
    }
    rate *= w->bursts ? s->is_on ? s->burst_rate : 0 : 1;
    return w->has_pause && (day >= 357 || day < 8) && minute >= 365 * 1440 / 2 ? 0 : rate;
}

static inline double change_count(struct rng *r, const struct change_world *w, double rate)
{
    if (w->clump <= 1)
        return (double)rng_poisson(r, rate);
    double n = 0;
    for (uint64_t k = rng_poisson(r, rate / w->clump); k > 0; k--)
        n += (double)rng_geometric(r, w->clump);
    return n;
}

/* ---- years without a fall but Christmas ---- */

struct change_years { double years; unsigned fell, pauses, found, returns_found, surges, falls, nights; double days_to_tell; };

/* A fall that is told is none, unless it is told at Christmas, or it was Christmas for half of the time that it is said to have lasted. */
static inline int is_christmas(int64_t from_ms, int64_t to_ms)
{
    int64_t n = 0, silent = 0, last = to_ms / 60000 - 1;
    if (last >= 365 * 1440 / 2 && (last / 1440 % 365 >= 357 || last / 1440 % 365 < 8))
        return 1;
    for (int64_t m = from_ms / 60000; m < to_ms / 60000; m++, n++)
        silent += m >= 365 * 1440 / 2 && (m / 1440 % 365 >= 357 || m / 1440 % 365 < 8);
    return 2 * silent >= n;
}

static inline void change_run_years(uint64_t seed, const struct change_world *w, unsigned years, struct change_years *res)
{
    struct rng r = {seed * 7777777 + 5};
    struct change_state state = {0};
    struct change_series *s;
    if (change_new(&s, NULL))
        abort();
    unsigned found_year = 0, returned_year = 0;
    for (int64_t m = 0; m < (int64_t)years * 365 * 1440; m++) {
        unsigned year = (unsigned)(m / 1440 + 8) / 365; /* a pause belongs to the year that it ends in */
        if (m / 1440 % 365 == 357 && m % 1440 == 0)
            res->pauses += w->has_pause;
        if (!change_add(s, m * 60000, change_count(&r, w, change_rate(&r, w, &state, m)), true))
            continue;
        struct change c;
        change_list(s, &c, 1);
        if (c.kind == CHANGE_SURGE) {
            res->surges++;
        } else if (c.kind == CHANGE_RETURN) {
            if (returned_year != year && m / 1440 % 365 >= 8 && m / 1440 % 365 < 20)
                res->returns_found++;
            returned_year = year;
        } else if (w->has_pause && is_christmas(c.at_ms, c.told_ms)) {
            if (found_year != year) {
                res->found++;
                res->days_to_tell += (double)((c.told_ms / 86400000 + 8) % 365);
            }
            found_year = year;
        } else {
            res->fell++;
            if (getenv("STAT_VERBOSE"))
                fprintf(stderr, "  %s seed %llu: called day %.2f, at %.2f, kind %d, after %.2f of %.2f\n", w->name, (unsigned long long)seed,
                        (double)c.told_ms / 86400000, (double)c.at_ms / 86400000, c.kind, c.after.mid, c.before.mid);
        }
    }
    res->years += years;
    change_free(&s);
}

/* ---- a fall to `left` of the rate, some weeks in ---- */

/* sending: it was, by its own pattern, when it fell. */
struct change_fall { unsigned n, called, within10, held, false_before, sending, sending_within10; double error_minutes, told_minutes, worst, told_worst; };

static inline void change_run_fall(uint64_t seed, const struct change_world *w, double left, struct change_fall *res)
{
    struct rng r = {seed * 31337 + 77};
    struct change_state state = {0};
    struct change_series *s;
    if (change_new(&s, NULL))
        abort();
    int64_t at = 30 * 1440 + (int64_t)(rng_unit(&r) * 20 * 1440), end = at + 40 * 1440;
    double before = 0;
    res->n++;
    for (int64_t m = 0; m < end; m++) {
        double rate = change_rate(&r, w, &state, m);
        if (m == at && w->bursts && rate < w->rate / 2) { /* such a fall is seen only while it sends */
            at += 60;
            end += 60;
        }
        before = m == at ? rate : before;
        if (!change_add(s, m * 60000, change_count(&r, w, m < at ? rate : rate * left), true))
            continue;
        struct change c;
        change_list(s, &c, 1);
        if (c.kind == CHANGE_SURGE || c.kind == CHANGE_RETURN)
            continue;
        if (m < at) {
            res->false_before++;
            if (getenv("STAT_VERBOSE"))
                fprintf(stderr, "  %s seed %llu: called day %.3f, at %.3f, after %.2f of %.2f\n", w->name, (unsigned long long)seed,
                        (double)c.told_ms / 86400000, (double)c.at_ms / 86400000, c.after.mid, c.before.mid);
            continue;
        }
        double error = fabs((double)c.at_ms / 60000 - (double)at), told = (double)c.told_ms / 60000 - (double)at;
        res->called++;
        res->within10 += error <= 10;
        res->sending_within10 += before > 0 && error <= 10;
        res->held += c.at_lo_ms / 60000 <= at && at <= c.at_hi_ms / 60000;
        res->error_minutes += error;
        res->told_minutes += told;
        res->worst = error > res->worst ? error : res->worst;
        res->told_worst = told > res->told_worst ? told : res->told_worst;
        if (c.cause != CAUSE_UNKNOWN)
            abort();
        break;
    }
    res->sending += before > 0;
    change_free(&s);
}

#endif
