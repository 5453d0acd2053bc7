/* Addresses in running text. Most text has none, so the text is searched sixteen bytes at a time for
 * the few pairs of bytes that every address contains ("://", a dot before a letter, "[." or "(d"), and
 * only their surroundings are looked at. What has been looked at is never looked at again: each
 * candidate moves `done` past itself. */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/utf8.h"
#include "mail/url_priv.h"

struct finder {
    struct arena *a;
    const struct suffixes *s;
    struct span text;
    struct url *out;
    size_t n, max;
    size_t done;  /* everything before it belongs to something found or refused */
    bool is_full;
};

static bool is_host_byte(uint8_t c) { return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.'; }

static bool is_candidate(uint8_t c, uint8_t next)
{
    return (c == '.' && next > ' ' && next != '.') || (c == ':' && (next == '/' || next == '\\')) ||
           ((c == '[' || c == '(' || c == '{') && (next == '.' || (next | 0x20) == 'd'));
}

static size_t next_candidate(struct span t, size_t i)
{
#ifdef __SSE2__
    const __m128i dot = _mm_set1_epi8('.'), colon = _mm_set1_epi8(':'), space = _mm_set1_epi8(' ');
    const __m128i fold = _mm_set1_epi8(0x20), slash = _mm_set1_epi8('/'), back = _mm_set1_epi8('\\');
    for (; t.n - i > 16; i += 16) {
        __m128i v = _mm_loadu_si128((const void *)(t.p + i)), w = _mm_loadu_si128((const void *)(t.p + i + 1));
        __m128i is_dot = _mm_andnot_si128(_mm_cmpeq_epi8(w, dot), _mm_cmpeq_epi8(v, dot));
        /* above ' ' as unsigned: ASCII letters and all of UTF-8 */
        is_dot = _mm_andnot_si128(_mm_cmpeq_epi8(_mm_min_epu8(w, space), w), is_dot);
        __m128i is_colon = _mm_and_si128(_mm_cmpeq_epi8(v, colon),
                                         _mm_or_si128(_mm_cmpeq_epi8(w, slash), _mm_cmpeq_epi8(w, back)));
        /* '[' | 0x20 is '{' */
        __m128i open = _mm_or_si128(_mm_cmpeq_epi8(_mm_or_si128(v, fold), _mm_set1_epi8('{')),
                                    _mm_cmpeq_epi8(v, _mm_set1_epi8('(')));
        open = _mm_and_si128(open, _mm_or_si128(_mm_cmpeq_epi8(w, dot),
                                                _mm_cmpeq_epi8(_mm_or_si128(w, fold), _mm_set1_epi8('d'))));
        unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_dot, is_colon), open));
        if (hit)
            return i + (unsigned)__builtin_ctz(hit);
    }
#endif
    for (; i + 1 < t.n; i++)
        if (is_candidate(t.p[i], t.p[i + 1]))
            return i;
    return t.n;
}

/* Does a non-ASCII character go on an address? Quotes, dashes, spaces, brackets and CJK marks do not. */
static bool continues(uint32_t cp, bool in_host)
{
    if (cp < 0xc0 || cp == 0xfffd || (cp >= 0x2000 && cp < 0x2070) || (cp >= 0x3001 && cp < 0x3040) || cp == 0xfeff)
        return in_host && cp == 0x3002; /* the ideographic dot that browsers take for a dot */
    if (cp >= 0xff00 && cp < 0xfff0)
        return in_host; /* full-width letters */
    return in_host || cp < 0x2e80; /* text in Han or kana follows an address without a space */
}

/* Where the address that starts at `from` ends: white space, quotes, a bracket that it did not open. */
static size_t address_end(struct span t, size_t from)
{
    unsigned round = 0, square = 0;
    bool in_host = true;
    size_t i = from, stop = from + URL_BYTES_MAX < t.n ? from + URL_BYTES_MAX : t.n;
    while (i < stop) {
        uint8_t c = t.p[i];
        if (c >= 0x80) {
            uint32_t cp;
            unsigned len = utf8_decode(span_sub(t, i, t.n), &cp);
            if (!continues(cp, in_host))
                break;
            i += len;
            continue;
        }
        if (c <= ' ' || c == 0x7f || strchr("<>\"`|^", c))
            break;
        if ((c == ')' && !round) || (c == ']' && !square))
            break;
        if ((c == '{' || c == '}') && !(in_host && url_fake_dot(span_sub(t, i, t.n))) && c == '{')
            break;
        round += c == '(';
        round -= c == ')';
        square += c == '[';
        square -= c == ']';
        in_host = in_host && c != '/' && c != '?' && c != '#';
        i++;
    }
    return i < t.n ? i : t.n;
}

/* "Look at http://a.example/x, or ..." : the comma is the sentence's. */
static size_t trim_end(struct span t, size_t from, size_t end)
{
    while (end > from && strchr(".,;:!?'*_~([{}&-", t.p[end - 1]) && t.p[end - 1]) {
        if ((t.p[end - 1] == '-' || t.p[end - 1] == '_') && end - from > 1 && ascii_is_alnum(t.p[end - 2]))
            break;
        end--;
    }
    return end;
}

static bool add(struct finder *f, struct span raw, struct span as, uint32_t flags)
{
    if (f->n == f->max) {
        f->is_full = true;
        return false;
    }
    struct url *u = &f->out[f->n];
    if (!url_parse(f->a, f->s, as, u) || u->host.n == 0) {
        memset(u, 0, sizeof *u);
        return false;
    }
    u->raw = raw;
    u->origin = URL_FROM_TEXT;
    u->flags |= flags;
    f->n++;
    return true;
}

static bool add_range(struct finder *f, size_t from, size_t end)
{
    struct span raw = span_sub(f->text, from, trim_end(f->text, from, end));
    return add(f, raw, raw, 0);
}

/* The scheme that ends before the colon at i; returns its start or i for none. */
static size_t scheme_start(const struct finder *f, size_t i)
{
    static const char *const known[] = {"https", "http", "ftp", "hxxps", "hxxp", "htxps", "htxp", "hxtp"};
    struct span t = f->text;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        size_t n = strlen(known[k]);
        if (i - f->done >= n && span_ieq(span_of(t.p + i - n, n), span_of(known[k], n)))
            return i - n;
    }
    return i;
}

static void at_colon(struct finder *f, size_t i)
{
    size_t from = scheme_start(f, i);
    f->done = i + 1;
    if (from == i)
        return;
    size_t end = address_end(f->text, from);
    add_range(f, from, end);
    f->done = end > i ? end : i + 1; /* found or not: a bad one must not be read again and again */
}

/* Start of the run of host bytes that ends before i. */
static size_t host_start(const struct finder *f, size_t i)
{
    size_t least = i - f->done > 255 ? i - 255 : f->done;
    while (i > least && is_host_byte(f->text.p[i - 1]))
        i--;
    return i;
}

/* A name in an e-mail address, a path, a query or a parameter is not an address by itself. */
static bool may_start_at(const struct finder *f, size_t i)
{
    uint8_t before = i ? f->text.p[i - 1] : ' ';
    return before < 0x80 && !(before && strchr("@/\\=%#&~$:+", before));
}

/* `label` holds any case. */
static bool is_tld(const struct finder *f, struct span label)
{
    uint8_t low[32];
    if (label.n < 2 || label.n > sizeof low)
        return false;
    for (size_t i = 0; i < label.n; i++)
        low[i] = ascii_lower(label.p[i]);
    return suffixes_is_tld(f->s, span_of(low, label.n));
}

static struct span last_label(struct span host)
{
    size_t i = host.n;
    while (i && host.p[i - 1] != '.')
        i--;
    return span_sub(host, i, host.n);
}

/* host.tld/… or www.…; the dot at i is the first of its run. */
static void at_dot(struct finder *f, size_t i)
{
    struct span t = f->text;
    size_t from = host_start(f, i), end = i;
    while (end < t.n && end - from < URL_BYTES_MAX && is_host_byte(t.p[end]))
        end++;
    f->done = end;
    if (from == i || !may_start_at(f, from) || (end < t.n && t.p[end] == '@'))
        return;
    if (i - from == 3 && span_istarts(span_sub(t, from, end), SPAN_LIT("www"))) {
        f->done = address_end(t, from);
        add_range(f, from, f->done);
        return;
    }
    size_t slash = end;
    if (slash + 1 < t.n && t.p[slash] == ':' && ascii_is_digit(t.p[slash + 1]))
        for (slash++; slash < t.n && ascii_is_digit(t.p[slash]) && slash - end < 7; slash++)
            ;
    if (slash >= t.n || t.p[slash] != '/' || !is_tld(f, last_label(span_sub(t, from, end))))
        return;
    f->done = address_end(t, from);
    add_range(f, from, f->done);
}

/* name[.]tld, name(dot)tld; the bracket is at i. A scheme would have been met before. */
static void at_fake_dot(struct finder *f, size_t i)
{
    struct span t = f->text;
    size_t len = url_fake_dot(span_sub(t, i, t.n));
    size_t from = host_start(f, i), end = i + len;
    f->done = i + 1;
    if (!len || from == i || !may_start_at(f, from))
        return;
    while (end - from < URL_BYTES_MAX) {
        size_t more = end < t.n ? url_fake_dot(span_sub(t, end, t.n)) : 0;
        if (!more && !(end < t.n && is_host_byte(t.p[end])))
            break;
        end += more ? more : 1;
    }
    size_t label = end;
    while (label > i + len && ascii_is_alnum(t.p[label - 1]))
        label--;
    f->done = end;
    if (!is_tld(f, span_sub(t, label, end)))
        return;
    if (end < t.n && t.p[end] == '/')
        f->done = address_end(t, from);
    add_range(f, from, f->done);
}

/* "name dot com": only before the commonest suffixes, for the rest is prose. */
static void at_spelled_dot(struct finder *f, size_t i)
{
    static const char *const tld[] = {"com", "net", "org", "info", "biz", "ru"};
    struct span t = f->text, after = span_sub(t, i + 5, t.n);
    size_t from = host_start(f, i), n = 0;
    while (n < after.n && ascii_is_alpha(after.p[n]))
        n++;
    f->done = i + 1;
    bool known = false;
    for (size_t k = 0; k < sizeof tld / sizeof *tld; k++)
        known = known || span_ieq(span_sub(after, 0, n), span_str(tld[k]));
    if (!known || i - from < 4 || !may_start_at(f, from))
        return;
    size_t end = i + 5 + n;
    if (end < t.n && t.p[end] == '/')
        end = trim_end(t, from, address_end(t, end));
    uint8_t *p = arena_alloc(f->a, end - from);
    if (!p)
        return;
    memcpy(p, t.p + from, i - from);
    p[i - from] = '.';
    memcpy(p + (i - from) + 1, t.p + i + 5, end - i - 5);
    add(f, span_sub(t, from, end), span_of(p, end - from - 4), URL_IS_OBFUSCATED);
    f->done = end;
}

/* Blanks are everywhere, so the word between them is looked for. */
static void find_spelled(struct finder *f, const char *dot)
{
    f->done = 0;
    for (size_t i = 0; i < f->text.n && !f->is_full;) {
        ptrdiff_t hit = span_find(span_sub(f->text, i, f->text.n), span_of(dot + 1, 3));
        if (hit < 0)
            return;
        i += (size_t)hit;
        if (i && f->text.p[i - 1] == ' ' && i + 3 < f->text.n && f->text.p[i + 3] == ' ' && i - 1 >= f->done)
            at_spelled_dot(f, i - 1);
        i++;
    }
}

size_t url_find(struct arena *a, const struct suffixes *s, struct span text,
                struct url *out, size_t max, uint64_t *anomalies)
{
    struct finder f = {.a = a, .s = s, .text = text, .out = out, .max = max};
    for (size_t i = 0; !f.is_full && (i = next_candidate(text, i)) < text.n;) {
        uint8_t c = text.p[i];
        if (i >= f.done) {
            if (c == ':')
                at_colon(&f, i);
            else if (c == '.')
                at_dot(&f, i);
            else
                at_fake_dot(&f, i);
        }
        i = f.done > i ? f.done : i + 1;
    }
    if (!f.is_full)
        find_spelled(&f, " dot ");
    if (!f.is_full)
        find_spelled(&f, " DOT ");
    if (f.is_full)
        *anomalies |= ANOMALY_BIT(ANOMALY_URLS_LIMIT);
    return f.n;
}
