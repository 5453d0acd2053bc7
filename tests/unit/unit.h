/* unit: what every unit test includes: cmocka, and inputs copied to their exact size, so that a sanitizer
 * sees the first byte read past the end. */
#ifndef POSSE_TESTS_UNIT_H
#define POSSE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/span.h"

static inline struct span exact(const void *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (n)
        memcpy(copy, p, n);
    return span_of(copy, n);
}

static inline struct span exact_str(const char *s) { return exact(s, strlen(s)); }
static inline void exact_free(struct span s) { free((void *)s.p); }

#define assert_span_equal(s, text) \
    do { \
        struct span assert_s_ = (s); \
        if (assert_s_.n != strlen(text) || (assert_s_.n && memcmp(assert_s_.p, text, assert_s_.n) != 0)) \
            fail_msg("got \"%.*s\" (%zu bytes), expected \"%s\"", (int)assert_s_.n, (const char *)assert_s_.p, assert_s_.n, text); \
    } while (0)

#endif
