/* log_eve: one line of Suricata's EVE: flow, netflow, dns answers, http, tls, smtp. Alerts, statistics and the rest are LOG_OTHER, as
 * are questions of DNS, since the answer repeats them.
 * Ownership: texts point into the line, which is changed.  Threads: reentrant.  Errors: enum log_line.
 * Follows: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html.  Cost: under 2 us a line. */
#ifndef POSSE_FLOW_LOG_EVE_H
#define POSSE_FLOW_LOG_EVE_H

#include "flow/log_line.h"

enum log_line eve_line(uint8_t *line, size_t n, struct flow *out, struct log_why *why);

#endif
