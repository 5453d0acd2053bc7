/* What the tests of trace build their worlds of: addresses, connections, chance. */
#ifndef POSSE_TESTS_TRACE_WORLD_H
#define POSSE_TESTS_TRACE_WORLD_H

#include "base/hash.h"
#include "flow/trace.h"
#include "unit.h"

static const int64_t base_us = 1700000000000000;

static inline struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d) { return ip_of_v4(a << 24 | b << 16 | c << 8 | d); }

static inline struct flow conn(double at_s, struct ip src, struct ip dst, uint16_t port, enum flow_state state)
{
    return (struct flow){.kind = FLOW_CONN, .start_us = base_us + (int64_t)(at_s * 1e6), .duration_us = 100000, .src = src, .dst = dst,
                         .src_port = 40000, .dst_port = port, .proto = 6, .state = state, .src_bytes = 120, .dst_bytes = 300};
}

static inline struct trace *world(const struct trace_options *o)
{
    struct trace *t;
    struct report why;
    assert_int_equal(trace_new(o, &t, &why), 0);
    return t;
}

static inline void add(struct trace *t, struct flow f) { assert_int_equal(trace_add(t, &f), 0); }

static inline double lot(uint64_t *seed) { return (double)(mix64(*seed += 77) >> 11) / 9007199254740992.0; }

#endif
