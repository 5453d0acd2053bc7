/* dossier_text: anybody's text as harmless HTML; numbers, times and estimates as people read them. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/utf8.h"
#include "case/dossier_priv.h"

enum { TOO_WIDE = 20 };

/* What a reader would not see, or what changes what he sees: controls, bidirectional marks, zero-width characters, tags. */
static bool is_unseen(uint32_t cp)
{
    return (cp < 32 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0) || cp == 0xad || cp == 0x34f ||
           cp == 0x61c || cp == 0x115f || cp == 0x1160 || cp == 0x180e || (cp >= 0x200b && cp <= 0x200f) ||
           (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x206f) || cp == 0x3164 || cp == 0xfeff ||
           cp == 0xffa0 || (cp >= 0xfff0 && cp <= 0xfffb) || (cp >= 0xfdd0 && cp <= 0xfdef) ||
           (cp & 0xfffe) == 0xfffe || cp >= 0xe0000;
}

static void put(struct buf *b, const uint8_t *p, size_t n, uint32_t cp, bool is_bad)
{
    if (is_bad)
        buf_add_fmt(b, "<i class=\"d-x\">%02X</i>", *p);
    else if (is_unseen(cp))
        buf_add_fmt(b, "<i class=\"d-x\">U+%04X</i>", (unsigned)cp);
    else if (cp == '<')
        buf_add_str(b, "&lt;");
    else if (cp == '>')
        buf_add_str(b, "&gt;");
    else if (cp == '&')
        buf_add_str(b, "&amp;");
    else if (cp == '"')
        buf_add_str(b, "&quot;");
    else if (cp == '\'')
        buf_add_str(b, "&#39;");
    else
        buf_add(b, p, n);
}

/* A letter that sixty marks stand upon covers the lines around it. */
static bool is_mark(uint32_t cp)
{
    return (cp >= 0x300 && cp < 0x370) || (cp >= 0x1ab0 && cp < 0x1b00) || (cp >= 0x1dc0 && cp < 0x1e00) ||
           (cp >= 0x20d0 && cp < 0x2100);
}

static bool is_of_name(struct span s, size_t i)
{
    return i < s.n && (ascii_is_alnum(s.p[i]) || s.p[i] >= 0x80 || (s.p[i] && strchr("-_@:/", s.p[i])));
}

/* "7.91" and "0.5" are numbers; what has another dot, or anything else of a name or link about it, may be an address. */
static bool is_in_number(struct span s, size_t dot)
{
    size_t from = dot, to = dot + 1;
    while (from > 0 && ascii_is_digit(s.p[from - 1]))
        from--;
    while (to < s.n && ascii_is_digit(s.p[to]))
        to++;
    bool ends = !is_of_name(s, to) && !(to < s.n && s.p[to] == '.' && is_of_name(s, to + 1));
    return from < dot && to > dot + 1 && ends && !(from > 0 && (is_of_name(s, from - 1) || s.p[from - 1] == '.'));
}

static void write(struct buf *b, struct span s, size_t most, bool defang)
{
    unsigned marks = 0, step;
    size_t at = 0;
    for (; at < s.n && at < most; at += step) {
        uint32_t cp;
        step = utf8_decode(span_sub(s, at, s.n), &cp);
        bool is_bad = cp == 0xfffd && !(step == 3);
        marks = is_mark(cp) ? marks + 1 : 0;
        if (marks > 2)
            continue;
        uint8_t next = at + 1 < s.n ? s.p[at + 1] : 0;
        if (defang && cp == '.' && at && (ascii_is_alnum(s.p[at - 1]) || s.p[at - 1] >= 0x80) &&
            (ascii_is_alnum(next) || next >= 0x80) && !is_in_number(s, at))
            buf_add_str(b, "[.]");
        else if (defang && cp == '@')
            buf_add_str(b, "[@]");
        else if (defang && (cp | 32) == 'h' && span_istarts(span_sub(s, at, s.n), SPAN_LIT("http"))) {
            buf_add_str(b, "hxxp");
            step = 4;
        } else if (defang && cp == ':' && span_istarts(span_sub(s, at, s.n), SPAN_LIT("://")) &&
                   !(at >= 4 && (span_istarts(span_sub(s, at - 4, at), SPAN_LIT("http")) ||
                                 span_istarts(span_sub(s, at - 4, at), SPAN_LIT("ttps")))))
            buf_add_str(b, "[:]");
        else
            put(b, s.p + at, step, cp, is_bad);
    }
    if (at < s.n)
        buf_add_fmt(b, " <i class=\"d-x\">and %zu bytes more</i>", s.n - at);
}

/* Texts are cut to whole characters: at `most` bytes, or up to three after it. */
void dossier_text(struct buf *b, struct span s, size_t most) { write(b, s, most, false); }
void dossier_defanged(struct buf *b, struct span s, size_t most) { write(b, s, most, true); }

void d_str(struct dossier *d, const char *html) { buf_add_str(d->b, html); }

void d_fmt(struct dossier *d, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_add_str(d->b, text);
}

void d_text(struct dossier *d, struct span s) { dossier_text(d->b, s, DOSSIER_TEXT); }
void d_fang(struct dossier *d, struct span s) { dossier_defanged(d->b, s, DOSSIER_TEXT); }

void d_number(struct dossier *d, double x)
{
    char digits[64];
    if (!isfinite(x) || fabs(x) >= 1e15) {
        d_fmt(d, "%.3g", x);
        return;
    }
    if (fabs(x) < 10 && x != floor(x)) {
        d_fmt(d, "%.2g", x);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", fabs(x));
    if (x < 0)
        d_str(d, "&minus;");
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            buf_add_byte(d->b, ',');
        buf_add_byte(d->b, (uint8_t)digits[i]);
    }
}

void d_estimate(struct dossier *d, const struct estimate *e)
{
    if (!e->method) {
        d_str(d, "not estimated");
        return;
    }
    d_number(d, e->mid);
    if (e->lo == e->hi) /* counted */
        return;
    d_str(d, " <span class=\"d-ci\">(");
    d_number(d, e->lo);
    d_str(d, " to ");
    d_number(d, e->hi);
    d_str(d, e->mid > 0 && e->hi > TOO_WIDE * e->mid ? "; too few were seen to say)</span>" : ")</span>");
}

/* 99.8% is not all; and where an interval is narrower than two in a hundred its digits are told. */
static void percent(struct dossier *d, double x, bool is_narrow)
{
    bool is_near = fabs(x) >= 0.99 && fabs(x) < 1;
    d_fmt(d, is_near || (is_narrow && fabs(x) >= 0.1) ? "%.1f%%" : fabs(x) >= 0.1 || x == 0 ? "%.0f%%" : "%.2g%%", 100 * x);
}

void d_share(struct dossier *d, const struct estimate *e)
{
    bool is_narrow = e->hi - e->lo < 0.02;
    if (!e->method) {
        d_str(d, "not estimated");
        return;
    }
    percent(d, e->mid, is_narrow);
    d_str(d, " <span class=\"d-ci\">(");
    percent(d, e->lo, is_narrow);
    d_str(d, " to ");
    percent(d, e->hi, is_narrow);
    d_str(d, ")</span>");
}

void d_time(struct dossier *d, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    if (!ms || !gmtime_r(&s, &t))
        d_str(d, "not known");
    else
        d_fmt(d, "%04d-%02d-%02d&nbsp;%02d:%02d&nbsp;UTC", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
              t.tm_min);
}

void d_section(struct dossier *d, const char *id, const char *title)
{
    d_fmt(d, "</section>\n<section id=\"%s\"><h2>%s</h2>\n", id, title);
}

void d_cell(struct dossier *d, struct span s)
{
    d_str(d, "<td>");
    d_fang(d, s);
    d_str(d, "</td>");
}

void d_cell_number(struct dossier *d, uint64_t n)
{
    d_str(d, "<td class=\"d-n\">");
    d_number(d, (double)n);
    d_str(d, "</td>");
}
