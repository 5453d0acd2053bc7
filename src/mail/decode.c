#include "mail/decode.h"

#include "mail/anomaly.h"

enum { B64_SPACE = 64, B64_PAD = 65, B64_JUNK = 66 };

#define J B64_JUNK
#define S B64_SPACE
static const uint8_t b64[256] = {
    J, J, J, J, J, J, J, J, J, S, S, S, S, S, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
    S, J, J, J, J, J, J, J, J, J, J, 62, J, J, J, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, J, J,
    J, B64_PAD, J, J, J, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    21, 22, 23, 24, 25, J, J, J, J, J, J, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
    J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
    J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
    J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J, J,
    J, J, J, J, J, J, J, J, J, J, J, J, J,
};
#undef J
#undef S

/* Whole groups of four, as long as they are clean. */
static size_t base64_fast(const uint8_t **pp, const uint8_t *end, uint8_t *out, size_t out_max)
{
    const uint8_t *p = *pp;
    size_t o = 0;
    while (end - p >= 4 && out_max - o >= 3) {
        uint32_t a = b64[p[0]], b = b64[p[1]], c = b64[p[2]], d = b64[p[3]];
        if ((a | b | c | d) & 0xc0)
            break;
        uint32_t v = a << 18 | b << 12 | c << 6 | d;
        out[o] = (uint8_t)(v >> 16);
        out[o + 1] = (uint8_t)(v >> 8);
        out[o + 2] = (uint8_t)v;
        o += 3;
        p += 4;
    }
    *pp = p;
    return o;
}

size_t base64_finish(struct base64_state *s, uint8_t *out, size_t out_max)
{
    size_t o = 0;
    if (s->n >= 2 && o < out_max)
        out[o++] = (uint8_t)(s->n == 2 ? s->bits >> 4 : s->bits >> 10);
    if (s->n == 3 && o < out_max)
        out[o++] = (uint8_t)(s->bits >> 2);
    *s = (struct base64_state){0};
    return o;
}

/* Feeds until the input ends or, with stop_at_pad, padding does; *pp is left after what was read. */
static size_t feed(struct base64_state *s, const uint8_t **pp, const uint8_t *end, uint8_t *out,
                   size_t out_max, bool stop_at_pad, bool *junk)
{
    const uint8_t *p = *pp;
    size_t o = 0;
    while (p < end && o < out_max) {
        if (s->n == 0) {
            o += base64_fast(&p, end, out + o, out_max - o);
            if (p == end || o == out_max)
                break;
        }
        uint8_t v = b64[*p++];
        if (v < 64) {
            s->bits = s->bits << 6 | v;
            if (++s->n == 4) {
                for (int shift = 16; shift >= 0 && o < out_max; shift -= 8)
                    out[o++] = (uint8_t)(s->bits >> shift);
                *s = (struct base64_state){0};
            }
        } else if (v == B64_PAD) {
            bool ends = s->n >= 2;
            o += base64_finish(s, out + o, out_max - o);
            if (stop_at_pad && ends)
                break;
        } else {
            *junk |= v == B64_JUNK;
        }
    }
    *pp = p;
    return o;
}

size_t base64_feed(struct base64_state *s, struct span in, uint8_t *out, size_t out_max,
                   uint64_t *anomalies)
{
    const uint8_t *p = in.p;
    bool junk = false;
    size_t o = feed(s, &p, in.p + in.n, out, out_max, false, &junk);
    if (junk)
        *anomalies |= ANOMALY_BIT(ANOMALY_BASE64_JUNK);
    return o;
}

/* RFC 2045 6.8: '=' is evidence that the end of the data has been reached. What follows is a list's
 * footer, mostly, and would decode to noise. An incomplete group at the end is dropped. */
size_t base64_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies)
{
    struct base64_state s = {0};
    const uint8_t *p = in.p, *end = in.p + in.n;
    bool junk = false;
    size_t n = feed(&s, &p, end, out, out_max, true, &junk);
    if (n < out_max)
        for (; p < end && !junk; p++)
            junk = b64[*p] != B64_SPACE && b64[*p] != B64_PAD;
    if (junk || s.n)
        *anomalies |= ANOMALY_BIT(ANOMALY_BASE64_JUNK);
    return n;
}

static int hex(uint8_t c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The length of a soft break after '=' ("=", blanks, line end), or 0. Blanks come from gateways. */
static size_t soft_break(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *q = p;
    while (q < end && (*q == ' ' || *q == '\t'))
        q++;
    if (q < end && *q == '\r')
        q++;
    if (q < end && *q == '\n')
        return (size_t)(q + 1 - p);
    return q == end ? (size_t)(q - p) : 0;
}

size_t qp_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies)
{
    const uint8_t *p = in.p, *end = in.p + in.n;
    size_t o = 0;
    while (p < end && o < out_max) {
        const uint8_t *eq = *p == '=' ? p : memchr(p, '=', (size_t)(end - p));
        size_t run = (size_t)((eq ? eq : end) - p);
        if (run > out_max - o)
            run = out_max - o;
        memcpy(out + o, p, run);
        o += run;
        p += run;
        if (!eq || o == out_max)
            break;
        int hi, lo;
        if (end - p >= 3 && (hi = hex(p[1])) >= 0 && (lo = hex(p[2])) >= 0) {
            out[o++] = (uint8_t)(hi << 4 | lo);
            p += 3;
            continue;
        }
        size_t skip = soft_break(p + 1, end);
        if (skip || p + 1 == end) {
            p += 1 + skip;
        } else { /* RFC 2045 6.7: the '=' and what follows it, untransformed; so "==" hides no soft break */
            out[o++] = *p++;
            if (*p == '=' && o < out_max)
                out[o++] = *p++;
            *anomalies |= ANOMALY_BIT(ANOMALY_QP_JUNK);
        }
    }
    return o;
}

size_t q_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies)
{
    size_t o = 0;
    for (size_t i = 0; i < in.n && o < out_max; i++) {
        uint8_t c = in.p[i];
        int hi, lo;
        if (c == '_') {
            out[o++] = ' ';
        } else if (c != '=') {
            out[o++] = c;
        } else if (in.n - i >= 3 && (hi = hex(in.p[i + 1])) >= 0 && (lo = hex(in.p[i + 2])) >= 0) {
            out[o++] = (uint8_t)(hi << 4 | lo);
            i += 2;
        } else {
            out[o++] = c;
            *anomalies |= ANOMALY_BIT(ANOMALY_BAD_2047);
        }
    }
    return o;
}

/* The line at `at` without its line end; *next is the offset of the line after it. */
static struct span line_of(struct span in, size_t at, size_t *next)
{
    const uint8_t *p = in.p + at;
    const uint8_t *nl = memchr(p, '\n', in.n - at);
    size_t n = nl ? (size_t)(nl - p) : in.n - at;
    *next = at + n + (nl != NULL);
    if (n && p[n - 1] == '\r')
        n--;
    return span_of(p, n);
}

/* "begin 644 name": the name, or empty. */
static struct span begin_line(struct span l)
{
    size_t i = 6;
    if (l.n < 11 || memcmp(l.p, "begin ", 6) != 0)
        return SPAN_NONE;
    while (i < l.n && l.p[i] >= '0' && l.p[i] <= '7')
        i++;
    if (i < 9 || i > 10 || i >= l.n || l.p[i] != ' ')
        return SPAN_NONE;
    return span_trim(span_sub(l, i, l.n));
}

/* Has the data line the length that its first character promises? Trailing blanks may be lost or
 * added on the way. */
static bool data_line(struct span l)
{
    if (!l.n || l.p[0] < ' ' || l.p[0] > '`')
        return false;
    size_t bytes = (l.p[0] - ' ') & 63, need = (bytes + 2) / 3 * 4;
    return l.n - 1 <= need + 2 && l.n + 3 >= need;
}

bool uu_find(struct span in, size_t from, struct uu_file *out)
{
    for (size_t at = from, next; at < in.n; at = next) {
        struct span l = line_of(in, at, &next);
        struct span name = l.n && l.p[0] == 'b' ? begin_line(l) : SPAN_NONE;
        if (!name.n || next >= in.n)
            continue;
        size_t q = next, after;
        struct span d = line_of(in, q, &after);
        if (!data_line(d))
            continue;
        while (q < in.n && (d = line_of(in, q, &after), data_line(d)))
            q = after;
        d = q < in.n ? line_of(in, q, &after) : SPAN_NONE;
        if (d.n == 3 && memcmp(d.p, "end", 3) == 0)
            q = after;
        *out = (struct uu_file){.name = name, .begin = at, .end = q, .data = next};
        return true;
    }
    return false;
}

static size_t uu_line(struct span l, uint8_t *out, size_t out_max, uint64_t *anomalies)
{
    size_t want = (l.p[0] - ' ') & 63, o = 0;
    for (size_t i = 1; o < want && o < out_max; i += 4) {
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            uint8_t c = i + k < l.n ? l.p[i + k] : ' ';
            if (c < ' ' || c > '`')
                *anomalies |= ANOMALY_BIT(ANOMALY_UU_JUNK);
            v = v << 6 | ((c - ' ') & 63);
        }
        if (i >= l.n) {
            *anomalies |= ANOMALY_BIT(ANOMALY_UU_JUNK);
            break;
        }
        for (int shift = 16; shift >= 0 && o < want && o < out_max; shift -= 8)
            out[o++] = (uint8_t)(v >> shift);
    }
    return o;
}

size_t uu_decode(struct span in, uint8_t *out, size_t out_max, uint64_t *anomalies)
{
    size_t o = 0;
    bool begun = false;
    for (size_t at = 0, next; at < in.n && o < out_max; at = next) {
        struct span l = line_of(in, at, &next);
        if (!begun) {
            begun = l.n && l.p[0] == 'b' && begin_line(l).n;
            continue;
        }
        if (l.n == 3 && memcmp(l.p, "end", 3) == 0)
            break;
        if (l.n)
            o += uu_line(l, out + o, out_max - o, anomalies);
    }
    return o;
}
