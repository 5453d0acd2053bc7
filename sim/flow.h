/* flow: what a campus' edge sees in its days: Zeek logs of clean hosts with their telemetry and visits, of mail servers, scanners, and of
 * the hosts that gangs have taken over, with the truth of which these are and what commands them.
 * Cost: some 2 us a line.  Ownership: runs to its end by itself. */
#ifndef SIM_FLOW_H
#define SIM_FLOW_H

#include "run.h"

void flows_run(const struct scenario *s, const struct options *o);

#endif
