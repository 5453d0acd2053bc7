#include "mail/words.h"

#include "base/utf8.h"
#include "mail/anomaly.h"
#include "mail/decode.h"

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static struct span trim_blank(struct span s)
{
    while (s.n && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct span words_unfold(struct arena *a, struct span raw)
{
    raw = trim_blank(raw);
    if (!raw.n || !memchr(raw.p, '\n', raw.n))
        return raw;
    uint8_t *out = arena_alloc(a, raw.n);
    if (!out)
        return SPAN_NONE;
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        uint8_t c = raw.p[i];
        if (c == '\n' || (c == '\r' && i + 1 < raw.n && raw.p[i + 1] == '\n'))
            continue;
        out[n++] = c;
    }
    arena_shrink(a, out, raw.n, n);
    return span_of(out, n);
}

/* One encoded word, cut into its pieces. */
struct word {
    struct span charset, text;
    char enc; /* 'B' or 'Q' */
    size_t end;
};

/* Reads "=?charset?e?text?=" at s.p[at]. *no_end: no "?=" follows at all, so that nobody need look
 * for one again (else a long run of openings would cost its square). */
static bool word_at(struct span s, size_t at, struct word *w, bool *no_end)
{
    size_t i = at + 2, start = i;
    while (i < s.n && s.p[i] > ' ' && s.p[i] != '?' && i - start < 64)
        i++;
    if (i + 3 >= s.n || s.p[i] != '?' || s.p[i + 2] != '?')
        return false;
    w->charset = span_sub(s, start, i);
    if (!w->charset.n)
        return false;
    ptrdiff_t star = span_chr(w->charset, '*');
    if (star >= 0)
        w->charset.n = (size_t)star;
    w->enc = (char)(s.p[i + 1] & 0xdf);
    if (w->enc != 'B' && w->enc != 'Q')
        return false;
    start = i += 3;
    /* A lone '?' may stand in the Q text of a careless mailer, "?=" may not. */
    for (const uint8_t *q = s.p + i; (q = memchr(q, '?', (size_t)(s.p + s.n - q))) != NULL; q++) {
        if (q + 1 == s.p + s.n)
            break;
        if (q[1] != '=')
            continue;
        w->text = span_sub(s, start, (size_t)(q - s.p));
        w->end = (size_t)(q - s.p) + 2;
        return true;
    }
    *no_end = true;
    return false;
}

struct decoder {
    struct charset_set *cs;
    struct arena *a;
    struct span in;
    uint8_t *out; /* UTF-8 so far */
    size_t n, cap;
    uint8_t *run; /* bytes of adjacent words of one charset, not yet converted */
    size_t run_n;
    struct span run_charset;
    struct base64_state b64;
    uint64_t anomalies;
    bool failed;
};

static void put(struct decoder *d, struct span s)
{
    if (d->failed || !s.n)
        return;
    if (d->cap - d->n < s.n) {
        size_t cap = d->cap * 2 + s.n;
        uint8_t *p = arena_grow(d->a, d->out, d->cap, cap);
        if (!p) {
            d->failed = true;
            return;
        }
        d->out = p;
        d->cap = cap;
    }
    memcpy(d->out + d->n, s.p, s.n);
    d->n += s.n;
}

/* Raw text between words: line ends go, 8-bit bytes become UTF-8. */
static void put_raw(struct decoder *d, struct span s)
{
    if (!charset_is_ascii(s)) {
        struct span t = charset_header_8bit(d->cs, d->a, s);
        d->failed |= t.n == 0;
        s = t;
    }
    while (s.n) {
        const uint8_t *nl = memchr(s.p, '\n', s.n);
        size_t n = nl ? (size_t)(nl - s.p) : s.n;
        put(d, span_sub(s, 0, n && nl && s.p[n - 1] == '\r' ? n - 1 : n));
        s = span_sub(s, n + (nl != NULL), s.n);
    }
}

static void run_flush(struct decoder *d)
{
    d->run_n += base64_finish(&d->b64, d->run + d->run_n, 2);
    if (!d->run_n)
        return;
    uint64_t bad = 0;
    struct span t = charset_to_utf8(d->cs, d->a, span_of(d->run, d->run_n), d->run_charset,
                                    d->run_n * 4 + 16, NULL, &bad);
    if (bad)
        d->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2047);
    if (!t.p)
        d->failed = true;
    put(d, t);
    d->run_n = 0;
}

static void run_add(struct decoder *d, const struct word *w)
{
    size_t room = d->in.n + 2 - d->run_n;
    uint64_t bad = 0;
    if (w->enc == 'Q') {
        d->run_n += base64_finish(&d->b64, d->run + d->run_n, room);
        d->run_n += q_decode(w->text, d->run + d->run_n, d->in.n + 2 - d->run_n, &bad);
    } else {
        d->run_n += base64_feed(&d->b64, w->text, d->run + d->run_n, room, &bad);
    }
    if (bad)
        d->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2047);
}

static bool all_blank(struct span s) { return trim_blank(s).n == 0; }

static void decode_words(struct decoder *d)
{
    size_t raw_from = 0, at = 0;
    bool in_run = false, no_end = false;
    while (at + 1 < d->in.n) {
        const uint8_t *eq = memchr(d->in.p + at, '=', d->in.n - at - 1);
        if (!eq)
            break;
        at = (size_t)(eq - d->in.p);
        struct word w;
        if (eq[1] != '?' || no_end || !word_at(d->in, at, &w, &no_end)) {
            if (eq[1] == '?')
                d->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2047);
            at++;
            continue;
        }
        struct span between = span_sub(d->in, raw_from, at);
        if (!in_run || !all_blank(between)) {
            run_flush(d);
            put_raw(d, between);
            in_run = false;
        }
        bool touches = (at && !is_blank(d->in.p[at - 1]) && !strchr("\"(<,:", d->in.p[at - 1]) && between.n) ||
                       (w.end < d->in.n && !is_blank(d->in.p[w.end]) && !strchr("\")>,;=", d->in.p[w.end]));
        if (touches)
            d->anomalies |= ANOMALY_BIT(ANOMALY_SPLIT_2047);
        if (in_run && !span_ieq(w.charset, d->run_charset))
            run_flush(d);
        d->run_charset = w.charset;
        run_add(d, &w);
        in_run = true;
        at = raw_from = w.end;
    }
    run_flush(d);
    put_raw(d, span_sub(d->in, raw_from, d->in.n));
}

struct span words_decode(struct charset_set *cs, struct arena *a, struct span raw, uint64_t *anomalies)
{
    raw = trim_blank(raw);
    if (!raw.n)
        return raw;
    bool coded = false;
    for (const uint8_t *p = raw.p, *end = raw.p + raw.n; p < end - 1;) {
        p = memchr(p, '=', (size_t)(end - p));
        if (!p || p + 1 >= end)
            break;
        if (*++p == '?') {
            coded = true;
            break;
        }
    }
    if (!coded) {
        struct span s = words_unfold(a, raw);
        return charset_is_ascii(s) ? s : charset_header_8bit(cs, a, s);
    }
    struct decoder d = {.cs = cs, .a = a, .in = raw, .cap = raw.n + raw.n / 2 + 16};
    d.run = arena_alloc(a, raw.n + 4);
    d.out = arena_alloc(a, d.cap);
    if (!d.run || !d.out)
        return SPAN_NONE;
    decode_words(&d);
    *anomalies |= d.anomalies;
    if (d.failed)
        return SPAN_NONE;
    arena_shrink(a, d.out, d.cap, d.n);
    return trim_blank(span_of(d.out, d.n));
}
