/* utf8: the few things the parsers need of UTF-8 (RFC 3629).
 * Threads: reentrant.  Errors: ill-formed input is data; see each function. */
#ifndef POSSE_BASE_UTF8_H
#define POSSE_BASE_UTF8_H

#include "base/span.h"

/* Length of the longest well-formed prefix: equal to s.n when all is well.
 * Cost: eight ASCII bytes a step. */
size_t utf8_valid_prefix(struct span s);

/* Decodes one code point at s.p (s.n > 0) into *cp and returns its length, 1 to 4.
 * An ill-formed byte yields U+FFFD and length 1. */
unsigned utf8_decode(struct span s, uint32_t *cp);

/* Writes cp (U+FFFD for surrogates and values past 10FFFF) to out[4]; returns its length. */
unsigned utf8_encode(uint32_t cp, uint8_t out[4]);

#endif
