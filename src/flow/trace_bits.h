/* trace_bits: the constants of the evidence, in bits: the base-2 logarithm of a likelihood ratio, or a factor of one.
 *
 * Each was set by what it means (the order of magnitude of a share). How they go together was then fitted: reasons are not independent
 * and none was exact, so log-odds of "it is a controller" = BITS_SCALE * (their sum), the prior among them, was fitted by logistic regression
 * to 45,177 destinations, 39 of them controllers, of twelve generated campuses (tests/stat/campus.h, seeds 201 to 212, 300 to 3,000 hosts, none
 * to one in ten infected): factor 1.58, shift -0.84. Here 1.5, and the prior takes the shift. tests/stat/stat_trace.c holds it to other
 * seeds: what is told, what was found, and what was said against what came true. The limits of what may speak against a controller (sizes,
 * lasting, order) and of the crowd past 16 bits were then set on three small campuses of the closed world (sim/, seeds 11 to 13), whose bots
 * draw their sizes, change their servers within hours and act when it suits them: before, all of their hosts and 2 of 57 names were told,
 * then 33 of 57, and nothing else in either case. tests/sim/trace.sh holds that to another seed. A probability is therefore that of a
 * campus as ours are generated: real captures had no part in it, and the 95% there is not yet measured on any network. What each constant is
 * worth: bench/trace/ablation.tsv. */
#ifndef POSSE_FLOW_TRACE_BITS_H
#define POSSE_FLOW_TRACE_BITS_H

#define BITS_SCALE 1.5
#define BITS_CONTROLLER_PRIOR (-13.5) /* times the scale: one destination in a million */
#define BITS_CANDIDATE (-15.0)        /* below it a destination is not listed as a controller */
#define BITS_HOST_PRIOR (-7.0)        /* one host in 130 */
#define BITS_RHYTHM_MOST 5.0
#define BITS_RHYTHM_NONE (-2.0)
#define BITS_SIZES_MOST 1.5
#define BITS_SIZES_LEAST (-0.5)        /* whoever draws his sizes by lot is no better for it */
#define BITS_LASTING_MOST 1.5
#define BITS_LASTING_LEAST (-0.7)      /* controllers change their names and places */
#define BITS_SMALL_MOST 1.0
#define BITS_BULK (-4.0)
#define BITS_LONG 1.0
#define BITS_CROWD_SURE 16.0          /* past it half counts: what a crowd has in common may be another thing */
#define BITS_CROWD_MOST 22.0
#define BITS_CROWD_LEAST (-12.0)
#define GANG_LEAST 3                  /* hosts, all of one gang (trace_gang.c): two may meet anywhere */
#define BITS_ORDER_MOST 4.0
#define BITS_ORDER_LEAST (-0.5)        /* many act when it suits them, long after they were told */
#define BITS_ORDER_EACH 2.0
#define ORDER_IF_CONTROLLER 0.5
#define BITS_NAMELESS 1.0
#define BITS_NAME_GENERATED 2.0
#define BITS_NAME_FLUX 3.0
#define BITS_UNANSWERED_OUT (-1.0)     /* a controller that is gone and is still called in its rhythm */
#define BITS_SILENT (-10.0)           /* no rhythm, no answer: it was tried, not spoken to */
#define BITS_UNANSWERED_IN (-10.0)
#define BITS_INBOUND (-3.0)
#define BITS_LOGIN (-3.0)             /* an inbound rhythm at a door that passwords are tried at */
#define BITS_WITHIN (-8.0)
#define BITS_MULTICAST (-30.0)
#define BITS_TIMEKEEPER (-14.0)
#define BITS_ICMP (-6.0)
#define BITS_MAIL_PORT (-14.0)
#define BITS_KNOWN (-10.0)
#define BITS_CLAIMED (-3.0)           /* a known name, on an address that it never led to */
#define BITS_ALLOWED (-60.0)
#define BITS_DENIED 40.0
#define BITS_ACTS_LEAST (-6.0)
#define BITS_TRAP_MOST 20.0
#define BITS_LINKED 2.0                /* spam at the trap leads to its name: to innocent places, too; no fit, half of flux's worth */
#define BITS_TRAP_SERVES (-12.0)      /* it receives mail too: it may have passed on what another wrote */
#define MEMBER_IF_CONTROLLER 0.95
#define ACTS_IF_INFECTED 0.6           /* share of infected hosts that are seen to act */

#endif
