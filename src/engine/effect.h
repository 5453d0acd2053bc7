/* effect: before and after, each with its interval, and what one may say of the two.
 *
 * Counts by the hour are taken together to pieces (days where there are four or more of them, else six hours, else hours); a rate's
 * interval is that of Student over its pieces, and never narrower than Poisson's over the sum: senders in bursts differ from piece to
 * piece by more than chance. Ratio and difference of two such numbers by MOVER (Donner and Zou, Statistical Methods in Medical Research
 * 2012), which needs nothing but the two intervals.
 * Threads: reentrant.  Ownership: values; methods are static strings.  Errors: none. */
#ifndef POSSE_ENGINE_EFFECT_H
#define POSSE_ENGINE_EFFECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/estimate.h"

/* Messages a day, from n hours in a row. n 0: method NULL. */
struct estimate effect_rate(const uint64_t *hour, size_t n);
/* 1 - after / before: 1 is gone, 0 is no change, below 0 it grew. before 0: method NULL. */
struct estimate effect_fall(const struct estimate *before, const struct estimate *after);
/* after - before. */
struct estimate effect_gain(const struct estimate *before, const struct estimate *after);

/* What is known when somebody asks. */
struct effect {
    struct estimate fell, whole_fell;  /* whole: of all that others send */
    int64_t action_ms, seen_ms;        /* seen: up to when */
    bool has_change;                   /* a collapse was dated */
    bool is_own_pattern, is_trap;      /* said of that change */
    bool is_back;                      /* it ended, or a return was told */
    bool is_quiet;                     /* no change was called, but it is quiet beyond chance since then */
    int64_t at_lo_ms, at_hi_ms;        /* when it fell, 95% */
};
enum verdict_of { EFFECT_EARLY, EFFECT_GONE, EFFECT_FELL, EFFECT_NOT_GONE, EFFECT_BACK, EFFECT_QUIET, EFFECT_FELL_UNKNOWN };
/* A fall is the action's when the two agree in time: it cannot have begun more than an hour before, nor a day or more after. */
enum verdict_of effect_verdict(const struct effect *e);
/* Whether the change, or the quiet that was not called, agrees with the action in time; false where neither is known. */
bool effect_agrees(const struct effect *e);
/* All others are as silent: then it is probably the trap. */
bool effect_is_deaf(const struct effect *e);
const char *effect_verdict_name(enum verdict_of v);

#endif
