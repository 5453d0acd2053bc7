/* reader: bytes of a stored format, read with bounds checked.
 * The first error sticks, later reads give zeros, and the caller tests once at the
 * end; reader_pos is then the offset of the first bad read.
 * Owns nothing.  Threads: a plain value.  Errors: POSSE_ECORRUPT. */
#ifndef POSSE_BASE_READER_H
#define POSSE_BASE_READER_H

#include "base/span.h"

struct reader {
    struct span in;
    size_t pos;
    int err;
};

struct reader reader_of(struct span in);
uint8_t reader_u8(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* What is not finite, or over 1e60 either way, is corrupt: nothing that is stored here can be. */
double reader_double(struct reader *r);
uint64_t reader_varint(struct reader *r);
struct span reader_bytes(struct reader *r, size_t n);
size_t reader_left(const struct reader *r);
void reader_fail(struct reader *r, int err); /* marks the data bad at the current offset */
int reader_error(const struct reader *r);
size_t reader_pos(const struct reader *r);

#endif
