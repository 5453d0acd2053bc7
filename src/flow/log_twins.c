#include "flow/log_twins.h"

#include "base/hash.h"

bool log_twins_seen(struct log_twins *t, const struct flow *f)
{
    if (f->kind != FLOW_CONN || !f->uid.n)
        return false;
    if (f->start_us != t->start_us)
        t->n = 0;
    t->start_us = f->start_us;
    struct { struct ip src, dst; int64_t duration_us; uint64_t src_bytes, dst_bytes, src_packets, dst_packets; uint32_t ports; } rest;
    memset(&rest, 0, sizeof rest); /* its padding too: it is hashed */
    rest.src = f->src, rest.dst = f->dst, rest.duration_us = f->duration_us;
    rest.src_bytes = f->src_bytes, rest.dst_bytes = f->dst_bytes, rest.src_packets = f->src_packets, rest.dst_packets = f->dst_packets;
    rest.ports = (uint32_t)f->src_port << 16 | f->dst_port;
    uint64_t key = hash64(f->uid, hash64(span_of(&rest, sizeof rest), f->proto));
    for (uint64_t i = 0; i < t->n && i < LOG_TWINS; i++)
        if (t->seen[i] == key)
            return true;
    t->seen[t->n++ % LOG_TWINS] = key;
    return false;
}
