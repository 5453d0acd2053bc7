/* trace_out: what trace found, as text, as JSON (one object a line), as a drawing.
 * Threads: reentrant. */
#ifndef POSSE_CLI_TRACE_OUT_H
#define POSSE_CLI_TRACE_OUT_H

#include "base/buf.h"
#include "flow/trace.h"

/* trace: for what the names in it led to; NULL: no history. contact: whom to write to about an address; NULL, or false: not known. */
struct trace_style {
    bool is_json, is_explained;
    const struct trace *trace;
    bool (*contact)(void *ctx, const struct ip *, char out[TRACE_TEXT]);
    void *contact_ctx;
};

void trace_incident_write(struct buf *b, struct trace_style style, const struct incident *x);
void trace_host_write(struct buf *b, struct trace_style style, const struct traced_host *h);
void trace_beacon_write(struct buf *b, struct trace_style style, const struct beacon *x);
void trace_moment_write(struct buf *b, struct trace_style style, const struct trace_moment *m);
/* A name and an address that it led to. */
void trace_name_write(struct buf *b, struct trace_style style, const char *name, const struct ip *a, int64_t first_ms, int64_t last_ms);
/* Hosts on the left, controllers on the right, a line for who belongs to whom: SVG. */
void trace_svg_write(struct buf *b, const struct incident *x, size_t n);

#endif
