#include "base/span.h"

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

ptrdiff_t span_find(struct span s, struct span what)
{
    if (what.n == 0)
        return 0;
    if (s.n < what.n)
        return -1;
    const uint8_t *hit = memmem(s.p, s.n, what.p, what.n);
    return hit ? hit - s.p : -1;
}

ptrdiff_t span_ifind(struct span s, struct span what)
{
    if (what.n == 0)
        return 0;
    for (size_t i = 0; i + what.n <= s.n; i++)
        if (ascii_lower(s.p[i]) == ascii_lower(what.p[0]) &&
            span_istarts(span_sub(s, i, s.n), what))
            return (ptrdiff_t)i;
    return -1;
}

ptrdiff_t span_chr(struct span s, uint8_t c)
{
    const uint8_t *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? hit - s.p : -1;
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
