/* activity: how much a family sends at a moment, beside its number of machines: its day, week and bursts, pauses and takedowns, whose gap
 * it fills, and the noise that is nobody's plan. A function of time alone, so that any stretch can be asked for.  Threads: reentrant. */
#ifndef SIM_ACTIVITY_H
#define SIM_ACTIVITY_H

#include "scenario.h"

/* Messages a minute of one machine that is on; 0: silent. */
double activity_rate(const struct family *f, uint64_t seed, int64_t ms);
/* Messages a minute from one address, beside all that. */
double activity_flood(const struct family *f, int64_t ms);

#endif
