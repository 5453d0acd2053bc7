#include "activity.h"

#include "rng.h"

/* A curve is what it says in the middle of its hour or day, and a line between; its mean is 1. */
static double curve_at(const struct curve *c, int64_t ms, int64_t each)
{
    int64_t n = (int64_t)c->at.n, half = ms - each / 2, at = half / each;
    double part = (double)(half - at * each) / (double)each;
    double v = c->at.v[at % n] * (1 - part) + c->at.v[(at + 1) % n] * part;
    return v / c->mean;
}

static double noise_at(const struct family *f, uint64_t seed, int64_t ms)
{
    int64_t k = ms / f->noise_period;
    struct rng a = rng_of(seed, (uint64_t)k), b = rng_of(seed, (uint64_t)k + 1);
    double part = (double)(ms % f->noise_period) / (double)f->noise_period;
    double v = 1 + f->noise * (rng_bell(&a) * (1 - part) + rng_bell(&b) * part);
    return v < 0.05 ? 0.05 : v;
}

static double grown(const struct family *f, int64_t ms)
{
    double v = 1;
    for (size_t i = 0; i < f->grow.n; i++) {
        const struct stretch *g = &f->grow.v[i];
        if (ms < g->from_ms)
            continue;
        double part = ms >= g->to_ms ? 1 : (double)(ms - g->from_ms) / (double)(g->to_ms - g->from_ms);
        v *= 1 + (g->value - 1) * part;
    }
    return v;
}

static double after_takedown(const struct family *f, int64_t ms)
{
    int64_t since = ms - f->takedown_ms;
    if (ms < f->takedown_ms)
        return 1;
    if (since >= f->takedown_within)
        return f->takedown_leaves;
    return 1 + (f->takedown_leaves - 1) * ((double)since / (double)f->takedown_within);
}

double activity_rate(const struct family *f, uint64_t seed, int64_t ms)
{
    if (ms < f->start_ms || ms >= f->stop_ms || stretches_have(&f->pause, ms))
        return 0;
    double v = steps_at(&f->rate, ms) * grown(f, ms) * after_takedown(f, ms);
    if (f->day)
        v *= curve_at(f->day, ms, HOUR);
    if (f->week)
        v *= curve_at(f->week, ms + 3 * DAY, DAY); /* 1970-01-01 was a Thursday */
    if (f->burst_every > 0) {
        int64_t in = ((ms - f->burst_from) % f->burst_every + f->burst_every) % f->burst_every;
        v *= in < f->burst_for ? 1 : f->burst_low;
    }
    if (f->noise > 0)
        v *= noise_at(f, seed, ms);
    return v;
}

double activity_flood(const struct family *f, int64_t ms)
{
    double v = 0;
    for (size_t i = 0; i < f->flood.n; i++)
        if (ms >= f->flood.v[i].from_ms && ms < f->flood.v[i].to_ms)
            v += f->flood.v[i].value;
    return v;
}
