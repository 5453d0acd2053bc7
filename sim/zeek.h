/* zeek: one connection, and what was seen in it, as lines of Zeek's TSV logs (conn, dns, http, ssl), in order of time.
 * Ownership: the logs own their files.  Names and addresses are checked (reserved.h). */
#ifndef SIM_ZEEK_H
#define SIM_ZEEK_H

#include "output.h"
#include "rng.h"

enum flow_app { APP_NONE, APP_DNS, APP_HTTP, APP_SSL, APP_SMTP, APP_NTP };
struct flow {
    int64_t us, duration_us;
    uint64_t seq;                      /* as drawn: orders what is of one time */
    uint32_t src, dst;                 /* IPv4 */
    uint16_t src_port, dst_port;
    uint8_t app;                       /* enum flow_app */
    bool is_udp, is_inside_src;
    const char *state;                 /* "SF", "S0", "REJ" */
    uint32_t sent, received;
    const char *name;                  /* of DNS, HTTP, SSL; lives as long as the logs */
    uint32_t answer[4]; unsigned n_answers; /* of DNS; 0: NXDOMAIN */
    bool is_mx;
};
struct zeek_logs { struct output conn, dns, http, ssl; uint64_t lines; };
void zeek_open(struct zeek_logs *z, const char *folder, int64_t from_ms);
void zeek_write(struct zeek_logs *z, const struct flow *f, struct rng *r);
void zeek_close(struct zeek_logs *z, int64_t to_ms);

#endif
