/* header: splits one header block into fields.
 * Ownership: a field_list owns its array (heap, kept from message to message); the spans
 * in it point into the input.
 * Limits: list->max fields and max_bytes of one block; past them HEADER_TRUNCATED is set and
 * the rest of the block is skipped, not mistaken for the body; the fields that say how to read the
 * body (Content-Type and kin) are still taken, a quarter of the room is theirs.
 * Errors: POSSE_ENOMEM; odd input is an anomaly.
 * Threads: reentrant, a list belongs to one.  Cost: one pass, memchr a line.
 * Follows: RFC 5322 2.2 and 3.6.8; white space before the colon is allowed as in 4.5. */
#ifndef POSSE_MAIL_HEADER_H
#define POSSE_MAIL_HEADER_H

#include "mail/message.h"

struct field_list {
    struct field *p;
    size_t n, cap, max;
};

void field_list_deinit(struct field_list *l);

/* Asked of each line that begins with '-'; `rest` is the input from there on. True: a boundary,
 * which ends the block. */
typedef bool header_stop_fn(void *ctx, struct span rest);

struct header_block {
    size_t body;    /* offset of the first byte after the blank line (or of the stopping line) */
    bool no_blank;  /* the block ended without a blank line */
    bool crlf, lf;  /* kinds of line ends seen */
};

/* Reads the block at in.p; its fields are appended with the given part index.
 * stop may be NULL. */
int header_split(struct field_list *l, struct span in, uint32_t part, size_t max_bytes,
                 header_stop_fn *stop, void *ctx, struct header_block *out,
                 uint64_t *anomalies);

/* Case-insensitive. */
enum field_id field_id_of(struct span name);

/* An mbox separator "From x@y date" at s.p (or the escaped ">From "): its length with the line
 * end, else 0. */
size_t header_mbox_line(struct span s);

#endif
