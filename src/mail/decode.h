/* decode: content transfer encodings (RFC 2045 6, uuencode as of POSIX), leniently.
 * Ownership: output goes to the caller's buffer; no decoder writes more than it reads, so a
 * buffer of in.n bytes always does.
 * Limits: out_max; past it decoding stops.
 * Errors: none; junk sets an anomaly and is skipped (base64, uu) or kept as it stands (QP).
 * Threads: reentrant.  Cost: base64 1 ns, QP 0.3 ns a byte. */
#ifndef POSSE_MAIL_DECODE_H
#define POSSE_MAIL_DECODE_H

#include "base/span.h"

/* Bits that wait for the rest of their four characters; encoded words carry it from one to the next. */
struct base64_state {
    uint32_t bits;
    unsigned n; /* characters held, 0..3 */
};

/* Feeds `in`; padding ends a group and decoding goes on after it. */
size_t base64_feed(struct base64_state *s, struct span in, uint8_t *out, size_t out_max,
                   uint64_t *anomalies);
/* What an unpadded end still holds: at most 2 bytes into out. */
size_t base64_finish(struct base64_state *s, uint8_t *out, size_t out_max);

/* A whole body: ends at the first padding. */
size_t base64_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies);
size_t qp_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies);
/* The Q of encoded words: '_' is a space, no soft breaks. */
size_t q_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies);

/* A uuencoded file within text. */
struct uu_file {
    struct span name;  /* view of the input */
    size_t begin, end; /* of the whole, "begin" line through "end" line */
    size_t data;       /* offset of the first data line */
};

/* The first one in `in` at or after `from`; false: none. */
bool uu_find(struct span in, size_t from, struct uu_file *out);
/* Decodes data lines (a leading "begin" line is skipped) until "end". */
size_t uu_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies);

#endif
