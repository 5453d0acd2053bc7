/* log_netflow: packets of NetFlow v5, v9 and IPFIX to records.
 * What a template is is known for each exporter (address and domain) by itself; data that comes before its template is counted and lost.
 * NetFlow tells of one direction (is_half) unless the exporter writes both (RFC 5103, or initiator and responder counts).
 * Forgeable: all of it, where packets come over UDP: anybody can write an exporter's address. That is why memory is bounded by slots
 * that are overwritten and not by what comes in.
 * Ownership: opaque; a packet must live while its records are read.  Threads: one owner.
 * Limits: NETFLOW_TEMPLATES templates of NETFLOW_FIELDS fields, NETFLOW_EXPORTERS exporters; past them the older make room.
 * Errors: a damaged packet gives the records before the damage and is counted.  Cost: about 0.1 us a record.
 * Follows: RFC 3954 (v9), RFC 7011 and 7012 (IPFIX), RFC 5103 (biflows), RFC 5655 (files). */
#ifndef POSSE_FLOW_LOG_NETFLOW_H
#define POSSE_FLOW_LOG_NETFLOW_H

#include "flow/logs.h"

enum { NETFLOW_TEMPLATES = 2048, NETFLOW_FIELDS = 512, NETFLOW_EXPORTERS = 512, NETFLOW_PACKET_MAX = 65535 };
struct netflow;

struct netflow *netflow_new(void); /* NULL: out of memory */
void netflow_free(struct netflow **n);
/* Begins to read a packet; false: it is none, and was counted. `name` stands before what is wrong with it in netflow_lost. */
bool netflow_begin(struct netflow *n, const struct ip *from, struct span packet, const char *name, uint64_t number);
bool netflow_next(struct netflow *n, struct flow *out);
void netflow_lost(const struct netflow *n, struct logs_lost *out);
/* How long the packet is that these bytes begin with: 0: no packet; more than there is: cut short. NetFlow v9 does not say: it goes on
 * until what can only be another packet's first bytes, or to the end of `s`. */
size_t netflow_size(struct span s);
/* 5, 9, 10: so begins a packet that makes sense; 0: another thing. */
unsigned netflow_version(struct span s);

#endif
