#include "mail/scan.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static uint32_t load32(const uint8_t *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* Looks at the line that ends at nl and at the first bytes of the next one.
 * True: the next line starts with "--". */
static inline bool line_end(const uint8_t *line, const uint8_t *nl, const uint8_t *end,
                            struct scan_facts *f)
{
    bool cr = nl > line && nl[-1] == '\r';
    f->crlf |= cr;
    f->lf |= !cr;
    f->long_line |= nl - line - cr > SCAN_LINE_MAX;
    if (end - nl <= 4)
        return end - nl > 2 && nl[1] == '-' && nl[2] == '-';
    uint32_t begi, next = load32(nl + 1);
    memcpy(&begi, "begi", 4);
    f->uu_begin |= next == begi;
    return nl[1] == '-' && nl[2] == '-';
}

static void tail_facts(const uint8_t *p, const uint8_t *end, struct scan_facts *f)
{
    for (; p < end; p++) {
        f->high |= *p >= 0x80;
        f->nul |= *p == 0;
    }
}

#if defined(__SSE2__)

static inline const uint8_t *scan(const uint8_t *p, const uint8_t *end, struct scan_facts *facts, bool stop)
{
    const uint8_t *line = p;
    const __m128i nl = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    __m128i high = zero, nul = zero;
    const uint8_t *found = NULL;

    if (stop && end - p >= 2 && p[0] == '-' && p[1] == '-')
        return p;
    if (end - p >= 4 && memcmp(p, "begi", 4) == 0)
        facts->uu_begin = true;
    for (; !found && end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned m = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, nl));
        high = _mm_or_si128(high, v);
        nul = _mm_or_si128(nul, _mm_cmpeq_epi8(v, zero));
        for (; m; m &= m - 1) {
            const uint8_t *at = p + __builtin_ctz(m);
            bool dashes = line_end(line, at, end, facts);
            line = at + 1;
            if (dashes && stop) {
                found = line;
                break;
            }
        }
    }
    facts->high |= _mm_movemask_epi8(high) != 0;
    facts->nul |= _mm_movemask_epi8(nul) != 0;
    if (found)
        return found;
    tail_facts(p, end, facts);
    for (; p < end; p++) {
        if (*p != '\n')
            continue;
        bool dashes = line_end(line, p, end, facts);
        line = p + 1;
        if (dashes && stop)
            return line;
    }
    facts->long_line |= end - line > SCAN_LINE_MAX;
    return end;
}

void scan_bytes(struct span s, struct scan_facts *facts, bool *bare_cr)
{
    const uint8_t *p = s.p, *end = s.p + s.n;
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
    __m128i high = zero, bad = zero, nul = zero;
    /* Each CR is compared with the byte after it, hence 17 bytes a step. */
    for (; end - p >= 17; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i w = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
        high = _mm_or_si128(high, v);
        nul = _mm_or_si128(nul, _mm_cmpeq_epi8(v, zero));
        bad = _mm_or_si128(bad, _mm_andnot_si128(_mm_cmpeq_epi8(w, lf), _mm_cmpeq_epi8(v, cr)));
    }
    facts->high |= _mm_movemask_epi8(high) != 0;
    facts->nul |= _mm_movemask_epi8(nul) != 0;
    *bare_cr |= _mm_movemask_epi8(bad) != 0;
    tail_facts(p, end, facts);
    for (; p < end; p++)
        *bare_cr |= *p == '\r' && (p + 1 == end || p[1] != '\n');
}

#else

static const uint8_t *scan(const uint8_t *p, const uint8_t *end, struct scan_facts *facts, bool stop)
{
    if (stop && end - p >= 2 && p[0] == '-' && p[1] == '-')
        return p;
    if (end - p >= 4 && memcmp(p, "begi", 4) == 0)
        facts->uu_begin = true;
    while (p < end) {
        const uint8_t *nl = memchr(p, '\n', (size_t)(end - p));
        tail_facts(p, nl ? nl : end, facts);
        if (!nl) {
            facts->long_line |= end - p > SCAN_LINE_MAX;
            return end;
        }
        if (line_end(p, nl, end, facts) && stop)
            return nl + 1;
        p = nl + 1;
    }
    return end;
}

void scan_bytes(struct span s, struct scan_facts *facts, bool *bare_cr)
{
    tail_facts(s.p, s.p + s.n, facts);
    for (size_t i = 0; i < s.n; i++)
        *bare_cr |= s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n');
}

#endif

const uint8_t *scan_dashes(const uint8_t *p, const uint8_t *end, struct scan_facts *facts)
{
    return scan(p, end, facts, true);
}

void scan_lines(const uint8_t *p, const uint8_t *end, struct scan_facts *facts)
{
    scan(p, end, facts, false);
}
