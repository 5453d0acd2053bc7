/* record: one line of a flow log, whichever tool wrote it: a connection, a DNS answer, an HTTP request, a TLS handshake, an SMTP session.
 *
 * Ownership: texts are views, good until the reader's next record.  Units in the names; times are the log's own.
 * Threads: a plain value.  What a source does not tell is 0, empty or FLOW_STATE_UNKNOWN, never a guess. */
#ifndef POSSE_FLOW_RECORD_H
#define POSSE_FLOW_RECORD_H

#include "net/ip.h"

enum flow_kind { FLOW_CONN, FLOW_DNS, FLOW_HTTP, FLOW_TLS, FLOW_SMTP, FLOW_KINDS };
enum flow_state { /* how far a connection came */
    FLOW_STATE_UNKNOWN,
    FLOW_STATE_TRIED,       /* no answer (Zeek S0, Argus INT/REQ, a lone SYN) */
    FLOW_STATE_REFUSED,     /* REJ, RSTO before data */
    FLOW_STATE_ESTABLISHED, /* answered */
    FLOW_STATE_CLOSED,      /* answered and ended in order */
    FLOW_STATE_RESET,       /* answered and broken off */
};
enum { FLOW_ANSWERS_MAX = 16 };

struct flow {
    enum flow_kind kind;
    int64_t start_us, duration_us;  /* since 1970; of it */
    struct ip src, dst;             /* who began it */
    uint16_t src_port, dst_port;
    uint8_t proto;                  /* 6, 17, 1 ... */
    uint8_t state;                  /* enum flow_state */
    uint8_t is_half;                /* NetFlow and its kin tell of one direction, and the other was not found: who began it is a guess, what the other sent is not known */
    uint8_t is_open;                /* a line of open_conn: not over yet; a later line of the same uid replaces it */
    uint64_t src_bytes, dst_bytes, src_packets, dst_packets; /* payload where both are told */
    struct span uid, service;       /* the log's own id of the connection; "dns", "http", "ssl", "smtp" */
    struct span label;              /* of labelled data sets; for evaluation alone, never for detection */
    union {
        struct { struct span query, type, rcode; struct span answer[FLOW_ANSWERS_MAX]; uint32_t ttl[FLOW_ANSWERS_MAX]; size_t n_answers; } dns;
        struct { struct span host, uri, method, user_agent, referrer; uint16_t status; bool is_proxied /* it says that a proxy passed it on */; } http;
        struct { struct span sni, ja3, ja3s, subject, issuer; bool is_valid; } tls;
        struct { struct span helo, from, last_reply; uint32_t n_rcpt; bool is_tls; } smtp;
    };
};

#endif
