/* sample: what is kept of a text that is longer than there is room for.
 *
 * Of a long text the first half of the room, the last quarter, and between them SAMPLE_SLICES slices at even
 * distances: padding in front, behind or around moves a passage to another place of the sample and out of it
 * only where it fits between two slices. Rooms of several texts are evened out, so that a long one takes none
 * from the short ones.
 * Ownership: nothing is allocated.  Threads: reentrant.  Cost: the bytes that are kept. */
#ifndef POSSE_MAIL_SAMPLE_H
#define POSSE_MAIL_SAMPLE_H

#include "base/span.h"

enum { SAMPLE_SLICES = 16 };

enum sample_kind {
    SAMPLE_TEXT, /* slices begin after a line end where one is near, and are set apart by LF */
    SAMPLE_HTML, /* slices begin at a '<' where one is near */
    SAMPLE_WIDE, /* UTF-16, UTF-32: slices begin at multiples of four bytes, nothing is set between them */
};

/* Writes at most `room` bytes of `in` to out, which may be in.p itself (as one edits in place) and must have
 * min(in.n, room) bytes. Returns how many. A character of UTF-8 is not cut. */
size_t sample_text(struct span in, size_t room, enum sample_kind kind, uint8_t *out);

/* The greatest size that each of n texts may have so that together they fit into `room`: those that are
 * smaller are kept whole. SIZE_MAX: all fit. */
size_t sample_level(const size_t *size, size_t n, size_t room);

#endif
