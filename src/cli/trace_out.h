/* trace_out: what trace found, as text, as JSON (one object a line), as a drawing.
 * Threads: reentrant. */
#ifndef POSSE_CLI_TRACE_OUT_H
#define POSSE_CLI_TRACE_OUT_H

#include "base/buf.h"
#include "flow/trace.h"

/* What a registry said of the network of an address; "" what it did not say. */
struct trace_place { char network[IP_RANGE_TEXT], country[3], firm[TRACE_TEXT], contact[TRACE_TEXT]; };

/* trace: for what the names in it led to; NULL: no history. place: NULL, or false: nothing is known of that address. */
struct trace_style {
    bool is_json, is_explained;
    const struct trace *trace;
    bool (*place)(void *ctx, const struct ip *, struct trace_place *out);
    void *place_ctx;
};

void trace_incident_write(struct buf *b, struct trace_style style, const struct incident *x);
void trace_host_write(struct buf *b, struct trace_style style, const struct traced_host *h);
void trace_beacon_write(struct buf *b, struct trace_style style, const struct beacon *x);
void trace_moment_write(struct buf *b, struct trace_style style, const struct trace_moment *m);
/* A name and an address that it led to. */
void trace_name_write(struct buf *b, struct trace_style style, const char *name, const struct ip *a, int64_t first_ms, int64_t last_ms);
/* A landing host, with whose machine it is. */
void trace_landing_write(struct buf *b, struct trace_style style, const struct landing *x);
/* "sends spam, seen at a trap" */
const char *trace_acts_text(unsigned acts, char out[TRACE_TEXT]);
/* Hosts on the left, controllers on the right, a line for who talks to whom (t NULL: who belongs to whom): SVG. trace_svg.c */
void trace_svg_write(struct buf *b, const struct trace *t, const struct incident *x, size_t n);

#endif
