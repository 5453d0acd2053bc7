/* brand_logo: a picture's perceptual hash, to find a logo again that was scaled, recoloured or saved anew.
 *
 * What is not the background (the colour of most of the border) is cut out and drawn as a mask of 16 x 16 fields whatever its
 * colours: 256 bits. The
 * cut's aspect stands beside them, as a bar and a box have the same mask. Pictures without shape (one colour, a full box, a
 * photograph, a
 * hairline) have no hash.
 * PNG (libpng) and JPEG (libjpeg). Hostile bytes: both libraries' errors are caught; a picture past the limits is none.
 * Limits: LOGO_BYTES of file, LOGO_SIDE pixels a side, LOGO_PIXELS of them (16 MB of memory).
 * Ownership: nothing is kept.  Threads: reentrant.  Errors: false: no hash.  Cost: decoding; the rest is a millisecond a
 * megapixel. */
#ifndef POSSE_CASE_BRAND_LOGO_H
#define POSSE_CASE_BRAND_LOGO_H

#include "base/span.h"

enum { LOGO_BYTES = 4 << 20, LOGO_SIDE = 8192, LOGO_PIXELS = 4 << 20, LOGO_TEXT = 72, LOGO_NEAR = 16, LOGO_FAR = 256 };

struct logo {
    uint64_t bits[4];
    uint16_t aspect; /* of the cut: 100 * width / height, 1 to 10000 */
};
bool logo_hash(struct span file, struct logo *out);
/* Decoded pixels (RGBA, four bytes each, rows without gaps): what logo_hash does after decoding. */
bool logo_of_pixels(const uint8_t *rgba, uint32_t width, uint32_t height, struct logo *out);
/* How many bits differ; LOGO_FAR: too many for so small a mark, or the aspects differ. LOGO_NEAR and less is the same logo. */
unsigned logo_distance(const struct logo *a, const struct logo *b);
/* 64 hex digits, "/", the aspect. */
void logo_text(const struct logo *l, char out[LOGO_TEXT]);
bool logo_read(struct span text, struct logo *out);

#endif
