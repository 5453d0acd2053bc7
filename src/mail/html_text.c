/* Runs of text. Most of a message's bytes are ASCII words with single spaces between them:
 * they are copied sixteen at a time, white space turned into ' ' on the way, until a byte that
 * needs thought (markup, '&', a control, a byte over 127, a second space). Without SSE2 the same
 * loop runs byte by byte. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"
#include "mail/html_priv.h"

enum { STEP = 16, SLACK = HTML_TEXT_SLACK };

static bool reserve(struct arena *a, struct html_text *t)
{
    if (t->cap - t->n >= SLACK)
        return true;
    if (t->n >= t->max) {
        t->is_full = true;
        return false;
    }
    size_t cap = t->cap ? t->cap * 2 : 1024;
    if (cap > t->max + SLACK)
        cap = t->max + SLACK;
    uint8_t *p = arena_grow(a, t->p, t->cap, cap);
    if (!p) {
        t->failed = true;
        return false;
    }
    t->p = p;
    t->cap = cap;
    return true;
}

static inline bool after_space(const struct html_text *t)
{
    return t->n == 0 || t->p[t->n - 1] == ' ' || t->p[t->n - 1] == '\n';
}

void html_text_break(struct arena *a, struct html_text *t, uint8_t c)
{
    if (t->n == 0 || t->p[t->n - 1] == '\n' || (c == ' ' && t->p[t->n - 1] == ' '))
        return;
    if (t->p[t->n - 1] == ' ')
        t->p[t->n - 1] = c;
    else if (reserve(a, t))
        t->p[t->n++] = c;
}

enum kind { KIND_PLAIN, KIND_SPACE, KIND_ZERO, KIND_BIDI };

/* What the eye makes of a code point. */
static inline enum kind kind_of(uint32_t cp)
{
    if (cp < 0x2000)
        return cp <= ' ' || cp == 0xa0 || cp == 0x1680 ? (cp == 0xa0 || cp == 0x1680 || cp == ' ' || (cp >= 9 && cp <= 13) ? KIND_SPACE : KIND_ZERO)
               : cp == 0x7f || cp == 0xad || cp == 0x34f || cp == 0x61c || cp == 0x115f || cp == 0x1160 ||
                         cp == 0x17b4 || cp == 0x17b5 || (cp >= 0x180b && cp <= 0x180e)
                   ? KIND_ZERO
                   : KIND_PLAIN;
    if (cp <= 0x206f)
        return cp <= 0x200a || cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f ? KIND_SPACE
               : cp <= 0x200f || cp >= 0x2060 ? (cp >= 0x2066 && cp <= 0x2069 ? KIND_BIDI : KIND_ZERO)
               : cp >= 0x202a && cp <= 0x202e ? KIND_BIDI
                                              : KIND_PLAIN;
    if (cp == 0x3000)
        return KIND_SPACE;
    return cp == 0x3164 || cp == 0xfeff || cp == 0xffa0 || (cp >= 0xe0000 && cp <= 0xe0fff) ? KIND_ZERO : KIND_PLAIN;
}

/* An invisible character is only remarkable within a word: mailers pad previews with them. */
static void saw_zero_width(struct html_text *t)
{
    if (t->n && ascii_is_alpha(t->p[t->n - 1]))
        t->after_zero_width = true;
}

static inline void settle_zero_width(struct html_text *t, uint32_t next)
{
    if (next < 0x80 && ascii_is_alpha((uint8_t)next))
        t->anomalies |= ANOMALY_BIT(ANOMALY_ZERO_WIDTH);
    t->after_zero_width = false;
}

static void put(struct arena *a, struct html_text *t, uint32_t cp, bool keep_space)
{
    enum kind k = kind_of(cp);
    if (k == KIND_SPACE && !keep_space) {
        t->after_zero_width = false;
        if (!after_space(t) && reserve(a, t))
            t->p[t->n++] = ' ';
        return;
    }
    if (k == KIND_ZERO || k == KIND_BIDI) {
        if (k == KIND_BIDI)
            t->anomalies |= ANOMALY_BIT(ANOMALY_ZERO_WIDTH);
        saw_zero_width(t);
        return;
    }
    if (t->after_zero_width)
        settle_zero_width(t, cp);
    if (reserve(a, t))
        t->n += utf8_encode(cp, t->p + t->n);
}

/* Copies plain bytes from in.p[i]; returns where it stopped, which may be i. Room is reserved. */
static inline size_t copy_plain(struct html_text *t, struct span in, size_t i)
{
#ifdef __SSE2__
    const __m128i space = _mm_set1_epi8(' '), lt = _mm_set1_epi8('<'), amp = _mm_set1_epi8('&');
    while (in.n - i >= STEP && t->cap - t->n >= SLACK) {
        __m128i v = _mm_loadu_si128((const void *)(in.p + i));
        /* signed compare: bytes over 127 are below every control */
        __m128i low = _mm_cmplt_epi8(v, space);
        __m128i ws5 = _mm_cmplt_epi8(_mm_sub_epi8(_mm_sub_epi8(v, _mm_set1_epi8(9)), _mm_set1_epi8(-128)),
                                     _mm_set1_epi8(-128 + 5));
        __m128i stop = _mm_or_si128(_mm_andnot_si128(ws5, low),
                                    _mm_or_si128(_mm_cmpeq_epi8(v, lt), _mm_cmpeq_epi8(v, amp)));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
        unsigned ws = (unsigned)_mm_movemask_epi8(_mm_or_si128(ws5, _mm_cmpeq_epi8(v, space)));
        unsigned end = (unsigned)_mm_movemask_epi8(stop);
        end |= ws & (ws << 1 | (unsigned)after_space(t));
        v = _mm_or_si128(_mm_andnot_si128(ws5, v), _mm_and_si128(ws5, space));
        _mm_storeu_si128((void *)(t->p + t->n), v);
        if (end) {
            unsigned k = (unsigned)__builtin_ctz(end);
            t->n += k;
            return i + k;
        }
        t->n += STEP;
        i += STEP;
    }
#endif
    while (i < in.n && t->cap - t->n >= SLACK) {
        uint8_t c = in.p[i];
        if (c > ' ' && c < 0x7f && c != '<' && c != '&')
            t->p[t->n++] = c;
        else if (ascii_is_space(c) && !after_space(t))
            t->p[t->n++] = ' ';
        else
            break;
        i++;
    }
    return i;
}

/* One thing that needs thought at in.p[i], which is not markup. */
static size_t put_odd(struct arena *a, struct html_text *t, struct span in, size_t i, bool keep_space)
{
    uint8_t c = in.p[i];
    if (c == '&') {
        uint32_t cp[2];
        size_t used = html_entity(span_sub(in, i, in.n), false, cp);
        if (!used) {
            put(a, t, '&', keep_space);
            return i + 1;
        }
        put(a, t, cp[0], keep_space);
        if (cp[1])
            put(a, t, cp[1], keep_space);
        return i + used;
    }
    if (c < 0x80) {
        if (c == 0)
            t->anomalies |= ANOMALY_BIT(ANOMALY_BODY_NUL);
        put(a, t, c, keep_space);
        return i + 1;
    }
    uint32_t cp;
    unsigned len = utf8_decode(span_sub(in, i, in.n), &cp);
    put(a, t, cp, keep_space);
    return i + len;
}

size_t html_text_run(struct arena *a, struct html_text *t, struct span in, size_t i, bool keep_space)
{
    while (i < in.n && in.p[i] != '<' && reserve(a, t)) {
        if (!keep_space) {
            if (t->after_zero_width && in.p[i] < 0x80 && in.p[i] > ' ' && in.p[i] != '&')
                settle_zero_width(t, in.p[i]);
            size_t from = i;
            i = copy_plain(t, in, i);
            if (i >= in.n || in.p[i] == '<' || t->cap - t->n < SLACK)
                continue;
            if (i > from)
                t->after_zero_width = false;
            while (i < in.n && ascii_is_space(in.p[i]) && after_space(t))
                i++;
            if (i >= in.n || in.p[i] == '<' || (in.p[i] > ' ' && in.p[i] < 0x7f && in.p[i] != '&'))
                continue;
        }
        i = put_odd(a, t, in, i, keep_space);
    }
    return i;
}
