#include "mail/param.h"

#include "mail/anomaly.h"
#include "mail/words.h"

enum { SECTIONS = 64 };

struct section {
    struct span v;
    uint16_t index;
    uint8_t want;
    bool encoded;
};

struct reader2231 {
    struct arena *a;
    struct span in;
    size_t at;
    struct section sec[SECTIONS];
    size_t n_sec;
    uint64_t anomalies;
};

struct span param_lower(struct arena *a, struct span s)
{
    size_t i = 0;
    while (i < s.n && s.p[i] == ascii_lower(s.p[i]))
        i++;
    if (i == s.n)
        return s;
    uint8_t *p = arena_alloc(a, s.n);
    if (!p)
        return SPAN_NONE;
    for (i = 0; i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    return span_of(p, s.n);
}

static bool is_ws(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Past a comment that opens at r->at; nested ones count. */
static void skip_comment(struct reader2231 *r)
{
    unsigned depth = 0;
    for (; r->at < r->in.n; r->at++) {
        uint8_t c = r->in.p[r->at];
        if (c == '\\') {
            r->at++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && --depth == 0) {
            r->at++;
            return;
        }
    }
    r->at = r->in.n;
}

static void skip_ws(struct reader2231 *r)
{
    while (r->at < r->in.n) {
        if (r->in.p[r->at] == '(')
            skip_comment(r);
        else if (is_ws(r->in.p[r->at]))
            r->at++;
        else
            return;
    }
}

static struct span read_quoted(struct reader2231 *r)
{
    size_t from = ++r->at;
    bool escapes = false;
    while (r->at < r->in.n && r->in.p[r->at] != '"') {
        uint8_t c = r->in.p[r->at];
        escapes |= c == '\\' || c == '\n' || c == '\r';
        r->at += c == '\\' && r->at + 1 < r->in.n ? 2 : 1;
    }
    struct span s = span_sub(r->in, from, r->at);
    if (r->at < r->in.n)
        r->at++;
    else
        r->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2231);
    if (!escapes)
        return s;
    uint8_t *out = arena_alloc(r->a, s.n);
    size_t n = 0;
    if (!out)
        return SPAN_NONE;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n')
            continue;
        if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\'))
            i++;
        out[n++] = s.p[i];
    }
    arena_shrink(r->a, out, s.n, n);
    return span_of(out, n);
}

/* Does "name=" follow? Then the blank before it was a forgotten semicolon. */
static bool param_follows(const struct reader2231 *r, size_t i)
{
    size_t from = i;
    while (i < r->in.n && (ascii_is_alnum(r->in.p[i]) || r->in.p[i] == '-' || r->in.p[i] == '*') && i - from < 32)
        i++;
    return i > from && i < r->in.n && r->in.p[i] == '=';
}

/* A value without quotes; blanks within are kept (file names), tspecials too. */
static struct span read_token(struct reader2231 *r)
{
    size_t from = r->at, end = r->at;
    while (r->at < r->in.n && r->in.p[r->at] != ';') {
        if (is_ws(r->in.p[r->at])) {
            size_t next = r->at;
            while (next < r->in.n && is_ws(r->in.p[next]))
                next++;
            r->at = next;
            if (next < r->in.n && (r->in.p[next] == '(' || param_follows(r, next)))
                break;
        } else {
            end = ++r->at;
        }
    }
    return span_sub(r->in, from, end);
}

/* "filename*0*": the name without its stars, the index and the mark of encoding. */
static struct span split_name(struct span name, uint16_t *index, bool *encoded, bool *sectioned)
{
    *index = 0;
    *encoded = *sectioned = false;
    ptrdiff_t star = span_chr(name, '*');
    if (star < 0)
        return name;
    *sectioned = true;
    unsigned n = 0;
    size_t i = (size_t)star + 1;
    for (; i < name.n && ascii_is_digit(name.p[i]) && n < 6000; i++)
        n = n * 10 + (unsigned)(name.p[i] - '0');
    *index = (uint16_t)n;
    *encoded = i == (size_t)star + 1 || (i < name.n && name.p[i] == '*');
    return span_sub(name, 0, (size_t)star);
}

static void read_one(struct reader2231 *r, struct param_want *want, size_t n_want)
{
    size_t from = r->at;
    while (r->at < r->in.n && r->in.p[r->at] != '=' && r->in.p[r->at] != ';' && !is_ws(r->in.p[r->at]))
        r->at++;
    struct span name = span_sub(r->in, from, r->at);
    skip_ws(r);
    if (r->at >= r->in.n || r->in.p[r->at] != '=') {
        r->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2231);
        return;
    }
    r->at++;
    skip_ws(r);
    bool quoted = r->at < r->in.n && r->in.p[r->at] == '"', encoded, sectioned;
    uint16_t index;
    struct span value = quoted ? read_quoted(r) : read_token(r);
    struct span base = split_name(name, &index, &encoded, &sectioned);
    for (size_t i = 0; i < n_want; i++) {
        if (!span_ieq(base, want[i].name))
            continue;
        if (!sectioned) {
            if (!want[i].value.p)
                want[i].value = value;
        } else if (r->n_sec < SECTIONS) {
            r->sec[r->n_sec++] = (struct section){value, index, (uint8_t)i, encoded};
        } else {
            r->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2231);
        }
        break;
    }
}

static int hex(uint8_t c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t percent_decode(struct span s, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int hi, lo;
        if (s.p[i] == '%' && s.n - i >= 3 && (hi = hex(s.p[i + 1])) >= 0 && (lo = hex(s.p[i + 2])) >= 0) {
            out[n++] = (uint8_t)(hi << 4 | lo);
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return n;
}

/* charset'language'text: the text; *charset is set. */
static struct span split_charset(struct span s, struct span *charset)
{
    ptrdiff_t a = span_chr(s, '\'');
    ptrdiff_t b = a < 0 ? -1 : span_chr(span_sub(s, (size_t)a + 1, s.n), '\'');
    if (b < 0)
        return s;
    *charset = span_sub(s, 0, (size_t)a);
    return span_sub(s, (size_t)a + 1 + (size_t)b + 1, s.n);
}

/* Puts the sections of one parameter together, in the order of their numbers up to the first gap. */
static struct span join(struct charset_set *cs, struct reader2231 *r, size_t want, bool text)
{
    size_t total = 0, n = 0;
    bool any = false;
    for (size_t i = 0; i < r->n_sec; i++) {
        if (r->sec[i].want == want) {
            total += r->sec[i].v.n;
            any = true;
        }
    }
    uint8_t *out = any ? arena_alloc(r->a, total) : NULL;
    struct span charset = SPAN_NONE;
    if (!out)
        return SPAN_NONE;
    for (uint16_t index = 0; index < SECTIONS; index++) {
        const struct section *s = NULL;
        for (size_t i = 0; i < r->n_sec && !s; i++)
            if (r->sec[i].want == want && r->sec[i].index == index)
                s = &r->sec[i];
        if (!s)
            break;
        struct span v = s->encoded && index == 0 ? split_charset(s->v, &charset) : s->v;
        if (s->encoded) {
            n += percent_decode(v, out + n);
        } else {
            memcpy(out + n, v.p, v.n);
            n += v.n;
        }
    }
    if (!text)
        return span_of(out, n);
    uint64_t bad = 0;
    struct span t = charset_to_utf8(cs, r->a, span_of(out, n), charset, n * 4 + 16, NULL, &bad);
    if (bad)
        r->anomalies |= ANOMALY_BIT(ANOMALY_BAD_2231);
    return t;
}

struct span param_read(struct charset_set *cs, struct arena *a, struct span value,
                       struct param_want *want, size_t n_want, uint64_t *anomalies)
{
    struct reader2231 r = {.a = a, .in = value, .at = 0};
    skip_ws(&r);
    size_t from = r.at, end;
    while (r.at < r.in.n && r.in.p[r.at] != ';' && r.in.p[r.at] != '(' &&
           !(is_ws(r.in.p[r.at]) && param_follows(&r, r.at + 1)))
        r.at++;
    end = r.at;
    while (r.at < r.in.n) {
        skip_ws(&r);
        if (r.at < r.in.n && r.in.p[r.at] == ';')
            r.at++;
        else if (r.at < r.in.n)
            read_one(&r, want, n_want);
    }
    for (size_t i = 0; i < n_want; i++) {
        struct span joined = r.n_sec ? join(cs, &r, i, want[i].text) : SPAN_NONE;
        if (joined.p)
            want[i].value = joined;
        else if (want[i].value.p && want[i].text)
            want[i].value = words_decode(cs, a, want[i].value, &r.anomalies);
    }
    *anomalies |= r.anomalies;
    return span_trim(span_sub(r.in, from, end));
}
