/* log_argus: one line of Argus' columns (ra -c, what CTU calls binetflow: commas or tabs) or of nfdump's (-o csv of 1.6 and 1.7, -o line,
 * and the latter with labels behind it): a header says what the columns are.
 * Times without a zone are taken as UTC. Ports that are names are 0. What is not IP (ARP, LLC, Argus' own) is LOG_OTHER.
 * nfdump's records are of one direction; Argus tells both, and its arrow who began.
 * Ownership: texts point into the line.  Threads: one owner.  Errors: enum log_line.  Limits: COLUMNS_MAX columns are looked at.
 * Follows: ra(1), racluster(5), nfdump(1).  Cost: a pass over the line. */
#ifndef POSSE_FLOW_LOG_ARGUS_H
#define POSSE_FLOW_LOG_ARGUS_H

#include "flow/log_line.h"

enum { COLUMNS_MAX = 64 };
struct columns {
    uint8_t separator;  /* ',' or tab; ' ': words, as nfdump prints them */
    bool has_flags, is_ready;
    size_t n, last;
    uint8_t key[COLUMNS_MAX];
};

/* A header of one of them: sets *c. */
bool columns_header(struct columns *c, struct span line);
enum log_line columns_line(struct columns *c, struct span line, struct flow *out, struct log_why *why);
/* "FSPA_FSPA", "S_RA", "CON", "INT" and what else Argus says of a flow. */
uint8_t argus_state(struct span s, uint8_t proto);
/* TCP flags (FIN 1, SYN 2, RST 4, PSH 8, ACK 16) of one direction: as far as one can tell from one. */
uint8_t flags_state(unsigned flags);
/* Of both. */
uint8_t tcp_state(unsigned src_flags, unsigned dst_flags);

#endif
