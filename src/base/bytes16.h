/* bytes16: sixteen bytes at a time, for loops over text; a question about each is answered by a bit each.
 * Compares as `v == 'x'` or `v - 'a' < 26` work on all lanes (GCC's vectors, unsigned); bytes16_mask makes bits of them,
 * the first byte lowest. One instruction each with SSE2, which every x86-64 has; a loop for the mask elsewhere.
 * Reads exactly sixteen bytes, or those of a shorter span with zeros behind.  Threads: values. */
#ifndef POSSE_BASE_BYTES16_H
#define POSSE_BASE_BYTES16_H

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "bytes16_head: little-endian only"
#endif
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/span.h"

typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline bytes16 bytes16_load(const uint8_t *p)
{
    bytes16 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void bytes16_store(uint8_t *p, bytes16 v) { memcpy(p, &v, sizeof v); }

/* The first sixteen bytes of a span, or fewer and zeros: by two loads that overlap, not by a loop. */
static inline bytes16 bytes16_head(struct span s)
{
    if (s.n >= sizeof(bytes16))
        return bytes16_load(s.p);
    uint64_t low = 0, high = 0;
    uint32_t a, b;
    if (s.n >= 8) {
        memcpy(&low, s.p, 8);
        memcpy(&high, s.p + s.n - 8, 8);
        high = s.n > 8 ? high >> (8 * (16 - s.n)) : 0;
    } else if (s.n >= 4) {
        memcpy(&a, s.p, 4);
        memcpy(&b, s.p + s.n - 4, 4);
        low = a | (uint64_t)b << (8 * (s.n - 4));
    } else if (s.n) {
        low = s.p[0] | (uint64_t)s.p[s.n / 2] << (8 * (s.n / 2)) | (uint64_t)s.p[s.n - 1] << (8 * (s.n - 1));
    }
    uint64_t word[2] = {low, high};
    bytes16 v;
    memcpy(&v, word, sizeof v);
    return v;
}

/* Bit i: lane i of a comparison is true. */
static inline uint32_t bytes16_mask(bytes16 truth)
{
#if defined(__SSE2__)
    return (uint32_t)_mm_movemask_epi8((__m128i)truth);
#else
    uint32_t m = 0;
    for (unsigned i = 0; i < 16; i++)
        m |= (uint32_t)(truth[i] >> 7) << i;
    return m;
#endif
}

static inline bytes16 bytes16_is_upper(bytes16 v) { return (bytes16)(v - 'A' < 26); }
static inline bytes16 bytes16_is_alpha(bytes16 v) { return (bytes16)((v | 0x20) - 'a' < 26); }
static inline bytes16 bytes16_is_digit(bytes16 v) { return (bytes16)(v - '0' < 10); }
static inline bytes16 bytes16_lower(bytes16 v) { return v | (bytes16_is_upper(v) & 0x20); }

#endif
