#include "engine/effect.h"

#include <math.h>

enum { HOURS_MAX = 24 * 400, PIECES_LEAST = 4 };
#define HOUR_MS 3600000LL

/* Student's t, 97.5%. */
static double t_975(size_t freedom)
{
    static const double t[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131};
    size_t n = sizeof t / sizeof *t;
    return freedom < 1 ? t[0] : freedom <= n ? t[freedom - 1] : 1.96 + 2.5 / (double)freedom;
}

/* Exact to 1% (Byar; Rothman and Boice 1979). */
static double poisson_lo(double n) { return n > 0 ? n * pow(1 - 1 / (9 * n) - 1.96 / (3 * sqrt(n)), 3) : 0; }
static double poisson_hi(double n) { return (n + 1) * pow(1 - 1 / (9 * (n + 1)) + 1.96 / (3 * sqrt(n + 1)), 3); }

struct estimate effect_rate(const uint64_t *hour, size_t n)
{
    static const char *const methods[] = {"counted by days, Student and Poisson", "counted by six hours, Student and Poisson",
                                          "counted by hours, Student and Poisson"};
    static const size_t lengths[] = {24, 6, 1};
    struct estimate e = {0};
    double sum = 0, mean = 0, squares = 0;
    size_t how = 0;
    if (n == 0)
        return e;
    while (how < 2 && n / lengths[how] < PIECES_LEAST)
        how++;
    size_t length = lengths[how], pieces = n / length;
    for (size_t i = 0; i < n; i++)
        sum += (double)hour[i];
    for (size_t k = 0; k < pieces; k++) {
        double x = 0;
        for (size_t i = 0; i < length; i++)
            x += (double)hour[k * length + i];
        double d = x - mean;
        mean += d / (double)(k + 1);
        squares += d * (x - mean);
    }
    double a_day = 24.0 / (double)n, half = 0;
    if (pieces > 1)
        half = t_975(pieces - 1) * sqrt(squares / (double)(pieces - 1) / (double)pieces) * 24.0 / (double)length;
    e = (struct estimate){sum * a_day - half, sum * a_day, sum * a_day + half, (uint64_t)sum, methods[how]};
    e.lo = fmax(0, fmin(e.lo, poisson_lo(sum) * a_day));
    e.hi = fmax(e.hi, poisson_hi(sum) * a_day);
    return e;
}

/* after / before; the interval of a ratio of two positive numbers whose intervals are known. */
struct estimate effect_fall(const struct estimate *b, const struct estimate *a)
{
    struct estimate e = {0};
    if (!a->method || !b->method || b->mid <= 0)
        return e;
    double mid = a->mid / b->mid, lo = 0, hi = INFINITY;
    double ab = a->mid * b->mid, under = 2 * b->mid - b->hi;
    if (b->lo > 0) {
        double in = ab * ab - a->hi * b->lo * (2 * a->mid - a->hi) * (2 * b->mid - b->lo);
        hi = (ab + sqrt(fmax(0, in))) / (b->lo * (2 * b->mid - b->lo));
        hi = fmax(hi, mid);
    }
    if (under > 0) {
        double in = ab * ab - a->lo * b->hi * (2 * a->mid - a->lo) * under;
        lo = (ab - sqrt(fmax(0, in))) / (b->hi * under);
    } else {
        lo = a->lo / b->hi;
    }
    lo = fmin(fmax(0, lo), mid);
    if (!isfinite(hi)) /* before may have been next to nothing: then nothing can be said of a fall */
        hi = fmax(mid, 1e6);
    return (struct estimate){1 - hi, 1 - mid, 1 - lo, a->n + b->n, "ratio of the two, MOVER"};
}

struct estimate effect_gain(const struct estimate *b, const struct estimate *a)
{
    struct estimate e = {0};
    if (!a->method || !b->method)
        return e;
    double d = a->mid - b->mid;
    return (struct estimate){d - hypot(a->mid - a->lo, b->hi - b->mid), d, d + hypot(a->hi - a->mid, b->mid - b->lo), a->n + b->n,
                             "difference of the two, MOVER"};
}

bool effect_agrees(const struct effect *e)
{
    return (e->has_change || e->is_quiet) && e->at_hi_ms >= e->action_ms - HOUR_MS && e->at_lo_ms < e->action_ms + 24 * HOUR_MS;
}

bool effect_is_deaf(const struct effect *e) { return e->whole_fell.method && e->whole_fell.lo > 0.9; }

enum verdict_of effect_verdict(const struct effect *e)
{
    if (!e->fell.method || e->seen_ms - e->action_ms < 2 * HOUR_MS)
        return EFFECT_EARLY;
    bool is_its = e->has_change && !e->is_own_pattern && !e->is_trap && effect_agrees(e), is_deaf = effect_is_deaf(e);
    if (e->is_back && e->fell.lo < 0.9)
        return EFFECT_BACK;
    if (e->fell.lo >= 0.9)
        return is_its && !is_deaf ? EFFECT_GONE : EFFECT_QUIET;
    if (e->fell.lo >= 0.2)
        return is_its && !is_deaf ? EFFECT_FELL : EFFECT_FELL_UNKNOWN;
    return EFFECT_NOT_GONE;
}

const char *effect_verdict_name(enum verdict_of v)
{
    static const char *const names[] = {[EFFECT_EARLY] = "too early", [EFFECT_GONE] = "gone", [EFFECT_FELL] = "fell",
                                        [EFFECT_NOT_GONE] = "not gone", [EFFECT_BACK] = "came back",
                                        [EFFECT_QUIET] = "quiet, cause unknown", [EFFECT_FELL_UNKNOWN] = "fell, cause unknown"};
    return names[v];
}
