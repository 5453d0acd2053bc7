/* span: a view of bytes, (pointer, length). Owns nothing, is never NUL-terminated,
 * may hold any byte. Whoever gave the span says how long it lives.
 * Threads: plain values.  Cost: two words. */
#ifndef POSSE_BASE_SPAN_H
#define POSSE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *p;
    size_t n;
};

#define SPAN_NONE ((struct span){NULL, 0})
#define SPAN_LIT(s) ((struct span){(const uint8_t *)(s), sizeof(s) - 1})

static inline struct span span_of(const void *p, size_t n)
{
    return (struct span){(const uint8_t *)p, n};
}

static inline struct span span_str(const char *s)
{
    return (struct span){(const uint8_t *)s, strlen(s)};
}

static inline uint8_t ascii_lower(uint8_t c)
{
    return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

static inline bool ascii_is_alpha(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }
static inline bool ascii_is_digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }
static inline bool ascii_is_alnum(uint8_t c) { return ascii_is_alpha(c) || ascii_is_digit(c); }
static inline bool ascii_is_space(uint8_t c) { return c == ' ' || (uint8_t)(c - 9) < 5; }

static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case is folded; other bytes compare as they are. */
bool span_ieq(struct span a, struct span b);
bool span_istarts(struct span s, struct span prefix);
/* Index of the first occurrence, or -1. `ifind` folds ASCII case. */
ptrdiff_t span_find(struct span s, struct span what);
ptrdiff_t span_ifind(struct span s, struct span what);
ptrdiff_t span_chr(struct span s, uint8_t c);

/* Is the whole of s what the pattern says? `*` stands for any bytes, also none; ASCII case is folded. Cost: s.n times the
 * pattern's bytes at worst, whatever the number of stars. */
bool span_iglob(struct span s, struct span pattern);

/* Without leading and trailing ASCII white space. */
struct span span_trim(struct span s);

/* s[from, to), clamped to what there is. */
static inline struct span span_sub(struct span s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (struct span){from ? s.p + from : s.p, to - from}; /* NULL + 0 is undefined in C */
}

#endif
