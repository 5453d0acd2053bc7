#include "base/span.h"

#include "base/bytes16.h"

bool span_ieq(struct span a, struct span b)
{
    return a.n == b.n && span_istarts(a, b);
}

bool span_istarts(struct span s, struct span prefix)
{
    if (s.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++)
        if (ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
            return false;
    return true;
}

/* Where both the first and the last byte fit, sixteen places a step; few of them need a closer look. memmem is no
 * faster than three cycles a byte for short needles. */
ptrdiff_t span_find(struct span s, struct span what)
{
    enum { STEP = sizeof(bytes16) };
    if (what.n == 0)
        return 0;
    if (s.n < what.n)
        return -1;
    uint8_t first = what.p[0], last = what.p[what.n - 1];
    size_t places = s.n - what.n + 1;
    for (size_t i = 0; i < places; i += STEP) {
        bytes16 a = bytes16_head(span_sub(s, i, s.n)), b = bytes16_head(span_sub(s, i + what.n - 1, s.n));
        uint32_t m = bytes16_mask((bytes16)(a == first) & (bytes16)(b == last));
        for (; m; m &= m - 1) {
            size_t at = i + (size_t)__builtin_ctz(m);
            if (at < places && memcmp(s.p + at, what.p, what.n) == 0)
                return (ptrdiff_t)at;
        }
    }
    return -1;
}

/* The same with ASCII case folded. */
ptrdiff_t span_ifind(struct span s, struct span what)
{
    enum { STEP = sizeof(bytes16) };
    if (what.n == 0)
        return 0;
    if (s.n < what.n)
        return -1;
    uint8_t first = ascii_lower(what.p[0]), last = ascii_lower(what.p[what.n - 1]);
    size_t places = s.n - what.n + 1;
    for (size_t i = 0; i < places; i += STEP) {
        bytes16 a = bytes16_head(span_sub(s, i, s.n)), b = bytes16_head(span_sub(s, i + what.n - 1, s.n));
        uint32_t m = bytes16_mask((bytes16)(bytes16_lower(a) == first) & (bytes16)(bytes16_lower(b) == last));
        for (; m; m &= m - 1) {
            size_t at = i + (size_t)__builtin_ctz(m);
            if (at < places && span_istarts(span_sub(s, at, s.n), what))
                return (ptrdiff_t)at;
        }
    }
    return -1;
}

ptrdiff_t span_chr(struct span s, uint8_t c)
{
    const uint8_t *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? hit - s.p : -1;
}

/* Only the last star passed ever needs to take more: what stood before it matched as early as it could. */
bool span_iglob(struct span s, struct span pattern)
{
    size_t i = 0, j = 0, star = SIZE_MAX, from = 0;
    while (i < s.n) {
        if (j < pattern.n && pattern.p[j] == '*') {
            star = j++;
            from = i;
        } else if (j < pattern.n && ascii_lower(pattern.p[j]) == ascii_lower(s.p[i])) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            i = ++from;
            j = star + 1;
        } else {
            return false;
        }
    }
    while (j < pattern.n && pattern.p[j] == '*')
        j++;
    return j == pattern.n;
}

struct span span_trim(struct span s)
{
    while (s.n && ascii_is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && ascii_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}
