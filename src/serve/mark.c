#include "serve/mark.h"

#include <stdio.h>

#include "mail/header.h"
#include "mail/words.h"

enum { LINE_MAX_BYTES = 900 /* RFC 5322 allows 998 */ };

void mark_of(const struct gate_answer *a, unsigned level, enum policy_who who, struct mark *out)
{
    static const char stars[] = "*********";
    *out = (struct mark){0};
    if (who != POLICY_REMOTE && a->action == ACTION_NONE)
        return;
    out->n = 2;
    out->field[0].name = "X-Spam";
    snprintf(out->field[0].value, MARK_VALUE_MAX, "%s", a->action >= ACTION_TAG ? "Yes" : "No");
    out->field[1].name = "X-Posse";
    int n = snprintf(out->field[1].value, MARK_VALUE_MAX, "class=%s; level=%u", a->verdict.klass == VERDICT_SPAM ? "spam" : "ham", level);
    if (level)
        n += snprintf(out->field[1].value + n, MARK_VALUE_MAX - (size_t)n, " (%.*s)", (int)level, stars);
    snprintf(out->field[1].value + n, MARK_VALUE_MAX - (size_t)n, "; id=%s", a->id);
    if (a->action == ACTION_REWRITE && a->subject_prefix && *a->subject_prefix)
        out->prefix = a->subject_prefix;
}

bool mark_is_ours(struct span name)
{
    return span_ieq(name, SPAN_LIT("X-Spam")) || span_ieq(name, SPAN_LIT("X-Posse")) || span_istarts(name, SPAN_LIT("X-Posse-"));
}

/* ---- subjects ---- */

/* The prefix as it may be written: no control characters, of bounded length. */
static struct span clean(const char *prefix, uint8_t out[MARK_PREFIX_MAX])
{
    size_t n = strlen(prefix), k = 0;
    while (n > MARK_PREFIX_MAX || (n < strlen(prefix) && n && ((uint8_t)prefix[n] & 0xc0) == 0x80))
        n--;
    for (size_t i = 0; i < n; i++)
        out[k++] = (uint8_t)prefix[i] < ' ' || prefix[i] == 127 ? ' ' : (uint8_t)prefix[i];
    return span_of(out, k);
}

static size_t first_line(struct span s)
{
    ptrdiff_t nl = span_chr(s, '\n');
    return nl < 0 ? s.n : (size_t)nl;
}

bool mark_subject(struct span old, const char *prefix, const char *eol, struct buf *out)
{
    uint8_t space[MARK_PREFIX_MAX];
    struct span is = clean(prefix, space), trimmed = span_trim(is);
    struct buf b;
    old = span_trim(old);
    if (trimmed.n == 0)
        return false;
    buf_init(&b, 4096);
    words_encode(&b, trimmed);
    bool has = buf_error(&b) || span_istarts(old, buf_span(&b));
    if (!has) {
        buf_add(out, b.p, b.n);
        /* An encoded word ends at a blank, so it gets one where the prefix has none. */
        if (old.n && (trimmed.p + trimmed.n < is.p + is.n || !span_eq(buf_span(&b), trimmed)))
            buf_add_byte(out, ' ');
        if (b.n + first_line(old) > LINE_MAX_BYTES)
            buf_add_fmt(out, "%s ", eol);
        buf_add_span(out, old);
    }
    buf_deinit(&b);
    return !has;
}

/* ---- messages ---- */

/* A line with its end. */
static struct span line_at(struct span s, size_t at)
{
    const uint8_t *nl = memchr(s.p + at, '\n', s.n - at);
    return span_of(s.p + at, nl ? (size_t)(nl + 1 - s.p) - at : s.n - at);
}

static bool is_blank(struct span line) { return span_eq(line, SPAN_LIT("\n")) || span_eq(line, SPAN_LIT("\r\n")); }

/* The name of the field that begins here; empty: none does. As read by mail/header: white space before the colon is no help. */
static struct span name_of(struct span line)
{
    ptrdiff_t colon = span_chr(line, ':');
    size_t n = colon > 0 ? (size_t)colon : 0;
    while (n && (line.p[n - 1] == ' ' || line.p[n - 1] == '\t'))
        n--;
    for (size_t i = 0; i < n; i++)
        if (line.p[i] <= ' ' || line.p[i] == 127)
            return SPAN_NONE;
    return span_sub(line, 0, n);
}

/* A field with the lines that continue it. */
static struct span field_at(struct span s, size_t at)
{
    size_t n = line_at(s, at).n;
    while (at + n < s.n && (s.p[at + n] == ' ' || s.p[at + n] == '\t'))
        n += line_at(s, at + n).n;
    return span_of(s.p + at, n);
}

struct head { size_t from, end; bool has_fields; }; /* after an mbox line; the blank line, or where the input ends */

static struct head find_head(struct span raw)
{
    struct head h = {.from = raw.n ? header_mbox_line(raw) : 0};
    for (h.end = h.from; h.end < raw.n;) {
        struct span line = line_at(raw, h.end);
        if (is_blank(line))
            return h;
        h.has_fields |= name_of(line).n > 0;
        h.end += line.n;
    }
    return h;
}

static const char *eol_of(struct span raw)
{
    struct span line = raw.n ? line_at(raw, 0) : SPAN_NONE;
    return line.n > 1 && line.p[line.n - 2] == '\r' && line.p[line.n - 1] == '\n' ? "\r\n" : "\n";
}

/* The line end of a field, which a message may end without. */
static struct span end_of(struct span field)
{
    size_t n = field.n && field.p[field.n - 1] == '\n';
    n += n && field.n > 1 && field.p[field.n - 2] == '\r';
    return span_sub(field, field.n - n, field.n);
}

static void write_subject(struct buf *out, struct span field, const struct mark *m, const char *eol)
{
    size_t colon = (size_t)span_chr(field, ':') + 1, before = out->n;
    buf_add(out, field.p, colon);
    buf_add_byte(out, ' ');
    if (mark_subject(span_sub(field, colon, field.n), m->prefix, eol, out)) {
        buf_add_span(out, end_of(field));
        return;
    }
    out->n = before < out->n ? before : out->n;
    buf_add_span(out, field);
}

void mark_message(struct span raw, const struct mark *m, struct buf *out, struct span *rest_out)
{
    const char *eol = eol_of(raw);
    struct head h = find_head(raw);
    unsigned subjects = 0;
    struct buf kept; /* so that a Subject that is missing can be added before */
    buf_init(&kept, raw.n + MARK_GROWTH_MAX);
    for (size_t at = h.from; h.has_fields && at < h.end;) {
        struct span field = field_at(span_sub(raw, 0, h.end), at), name = name_of(line_at(raw, at));
        at += field.n;
        bool is_subject = span_ieq(name, SPAN_LIT("Subject"));
        subjects += is_subject;
        if (is_subject && m->prefix && subjects <= MARK_SUBJECTS_MAX)
            write_subject(&kept, field, m, eol);
        else if (!name.n || !mark_is_ours(name))
            buf_add_span(&kept, field);
    }
    buf_add_span(out, span_sub(raw, 0, h.from));
    if (h.from && raw.p[h.from - 1] != '\n')
        buf_add_str(out, eol);
    for (size_t i = 0; i < m->n; i++)
        buf_add_fmt(out, "%s: %s%s", m->field[i].name, m->field[i].value, eol);
    if (m->prefix && !subjects) {
        size_t before = out->n;
        buf_add_str(out, "Subject: ");
        if (mark_subject(SPAN_NONE, m->prefix, eol, out))
            buf_add_str(out, eol);
        else
            out->n = before;
    }
    if (!h.has_fields && (m->n || m->prefix) && h.end > h.from)
        buf_add_str(out, eol); /* what begins with text has no header: the text may not become one */
    buf_add_span(out, buf_span(&kept));
    if (buf_error(&kept) && !buf_error(out))
        out->err = buf_error(&kept);
    buf_deinit(&kept);
    *rest_out = span_sub(raw, h.has_fields ? h.end : h.from, raw.n);
}
