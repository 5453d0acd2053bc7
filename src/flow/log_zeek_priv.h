/* log_zeek_priv: the fields of Zeek's logs by one number each, shared by its TSV and its JSON. */
#ifndef POSSE_FLOW_LOG_ZEEK_PRIV_H
#define POSSE_FLOW_LOG_ZEEK_PRIV_H

#include "flow/log_zeek.h"

/* In order of length: zeek_key looks among the names of one length alone. */
#define ZEEK_KEYS(X) \
    X(TS, "ts") X(UID, "uid") X(RTT, "rtt") X(URI, "uri") X(JA3, "ja3") X(TLS, "tls") X(TTLS, "TTLs") X(HOST, "host") \
    X(JA3S, "ja3s") X(HELO, "helo") X(PROTO, "proto") X(LABEL, "label") X(PATH, "_path") X(QUERY, "query") X(QTYPE, "qtype") \
    X(RCODE, "rcode") X(METHOD, "method") X(ISSUER, "issuer") X(CIPHER, "cipher") X(RCPTTO, "rcptto") X(SERVICE, "service") \
    X(ANSWERS, "answers") X(PROXIED, "proxied") X(SUBJECT, "subject") X(RESUMED, "resumed") X(DURATION, "duration") \
    X(REJECTED, "rejected") X(TRANS_ID, "trans_id") X(REFERRER, "referrer") X(MAILFROM, "mailfrom") X(SRC, "id.orig_h") \
    X(SRC_PORT, "id.orig_p") X(DST, "id.resp_h") X(DST_PORT, "id.resp_p") X(SRC_PACKETS, "orig_pkts") \
    X(DST_PACKETS, "resp_pkts") X(SRC_BYTES, "orig_bytes") X(DST_BYTES, "resp_bytes") X(STATE, "conn_state") \
    X(QTYPE_NAME, "qtype_name") X(RCODE_NAME, "rcode_name") X(USER_AGENT, "user_agent") X(LAST_REPLY, "last_reply") \
    X(STATUS, "status_code") X(SNI, "server_name") X(ESTABLISHED, "established") X(SRC_IP_BYTES, "orig_ip_bytes") \
    X(DST_IP_BYTES, "resp_ip_bytes") X(REQUEST_LEN, "request_body_len") X(RESPONSE_LEN, "response_body_len") \
    X(VALIDATION, "validation_status")

enum zeek_key {
    ZEEK_SKIP,
#define X(id, name) ZEEK_##id,
    ZEEK_KEYS(X)
#undef X
    ZEEK_KEYS_END,
};
_Static_assert(ZEEK_KEYS_END <= 64, "a set of keys is one word");

uint8_t zeek_key(struct span name); /* ZEEK_SKIP: of no use here */
struct span zeek_key_name(uint8_t key);
/* "conn", "open_ssl"; false for logs that are not read here. */
bool zeek_path(struct span path, enum flow_kind *kind_out, bool *is_open_out);

/* The values of one line by their key, those bits of `has` that had one. A list is what stands between its brackets or commas. */
struct zeek_values { uint64_t has; struct span v[ZEEK_KEYS_END]; };
static inline bool zeek_has(const struct zeek_values *l, unsigned key) { return l->has >> key & 1; }
static inline void zeek_put(struct zeek_values *l, unsigned key, struct span v)
{
    l->v[key] = v;
    l->has |= UINT64_C(1) << key;
}
/* All of *out but lists and `service` of what is no connection. */
enum log_line zeek_record(const struct zeek_values *l, enum flow_kind kind, bool is_open, struct flow *out, struct log_why *why);

#endif
