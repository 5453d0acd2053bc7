/* trace_bits: the constants of the evidence. Each is the base-2 logarithm of a likelihood ratio, or a factor of one.
 *
 * Set by what each means (an order of magnitude of a share) and not yet fitted; what they come to is measured by bench/trace. */
#ifndef POSSE_FLOW_TRACE_BITS_H
#define POSSE_FLOW_TRACE_BITS_H

#define BITS_CONTROLLER_PRIOR (-13.0) /* one destination in 8,000 */
#define BITS_HOST_PRIOR (-7.0)        /* one host in 130 */
#define BITS_RHYTHM_MOST 5.0
#define BITS_RHYTHM_NONE (-2.0)
#define BITS_SIZES_MOST 1.5
#define BITS_LASTING_MOST 1.5
#define BITS_SMALL_MOST 1.0
#define BITS_BULK (-4.0)
#define BITS_LONG 1.0
#define BITS_CROWD_MOST 16.0
#define BITS_CROWD_LEAST (-12.0)
#define BITS_ORDER_MOST 4.0
#define BITS_ORDER_LEAST (-1.5)
#define ORDER_IF_CONTROLLER 0.5
#define BITS_NAMELESS 1.0
#define BITS_NAME_GENERATED 2.0
#define BITS_NAME_FLUX 3.0
#define BITS_UNANSWERED_OUT (-1.0)
#define BITS_UNANSWERED_IN (-10.0)
#define BITS_INBOUND (-3.0)
#define BITS_LOGIN (-3.0)             /* an inbound rhythm at a door that passwords are tried at */
#define BITS_WITHIN (-8.0)
#define BITS_MULTICAST (-30.0)
#define BITS_TIMEKEEPER (-14.0)
#define BITS_ICMP (-6.0)
#define BITS_MAIL_PORT (-14.0)
#define BITS_KNOWN (-10.0)
#define BITS_ALLOWED (-60.0)
#define BITS_DENIED 40.0
#define BITS_ACTS_LEAST (-6.0)
#define BITS_TRAP_MOST 20.0
#define MEMBER_IF_CONTROLLER 0.95
#define ACTS_IF_INFECTED 0.6           /* share of infected hosts that are seen to act */

#endif
