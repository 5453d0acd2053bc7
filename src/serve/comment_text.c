#include "serve/comment_text.h"

enum { VALUE_MAX = 512 };

/* On one line, without what would end it. */
static void put_value(struct buf *b, const char *before, struct span value)
{
    if (value.n)
        buf_add_str(b, before);
    for (size_t i = 0; i < value.n && i < VALUE_MAX; i++)
        buf_add_byte(b, value.p[i] < ' ' || value.p[i] == 127 ? ' ' : value.p[i]);
}

static struct span charset_of(const struct akismet_request *r)
{
    struct span s = r->charset;
    if (s.n == 0 || s.n > 40)
        return SPAN_LIT("utf-8");
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.' && s.p[i] != ':')
            return SPAN_LIT("utf-8");
    return s;
}

/* Byte order marks say how a text was kept, not what it is. */
static struct span without_marks_around(struct span s)
{
    static const struct span mark = {(const uint8_t *)"\xef\xbb\xbf", 3};
    for (size_t before = s.n + 1; s.n < before;) {
        before = s.n;
        s = span_trim(s);
        if (s.n >= mark.n && span_eq(span_sub(s, 0, mark.n), mark))
            s = span_sub(s, mark.n, s.n);
        if (s.n >= mark.n && span_eq(span_sub(s, s.n - mark.n, s.n), mark))
            s.n -= mark.n;
    }
    return s;
}

static void put_content(struct buf *b, struct span s)
{
    s = without_marks_around(span_sub(s, 0, COMMENT_CONTENT_MAX));
    for (ptrdiff_t at; (at = span_find(s, SPAN_LIT("\xef\xbb\xbf"))) >= 0; s = span_sub(s, (size_t)at + 3, s.n))
        buf_add_span(b, span_sub(s, 0, (size_t)at));
    buf_add_span(b, s);
    buf_add_byte(b, '\n');
}

void comment_message(const struct akismet_request *r, struct buf *out)
{
    buf_add_str(out, "X-Comment:");
    put_value(out, " type=", r->type);
    put_value(out, " author=", r->author);
    put_value(out, " mail=", r->email);
    put_value(out, " page=", r->url);
    buf_add_byte(out, '\n');
    buf_add_str(out, "Content-Type: text/html; charset=");
    buf_add_span(out, charset_of(r));
    buf_add_str(out, "\n\n");
    put_content(out, r->content);
}

/* ---- letters ---- */

/* Where a tag that begins at `at` ends; `at` itself where that is no tag. */
static size_t after_tag(struct span s, size_t at)
{
    size_t next = at + 1;
    if (next >= s.n || !(ascii_is_alpha(s.p[next]) || s.p[next] == '/' || s.p[next] == '!'))
        return at;
    ptrdiff_t end = span_chr(span_sub(s, at, at + 2000), '>');
    return end < 0 ? at : at + (size_t)end + 1;
}

static bool begins_link(struct span s)
{
    return span_istarts(s, SPAN_LIT("http://")) || span_istarts(s, SPAN_LIT("https://"));
}

size_t comment_letters(struct span s, uint8_t out[COMMENT_LETTERS_MAX])
{
    size_t n = 0;
    s = span_sub(s, 0, COMMENT_CONTENT_MAX);
    for (size_t i = 0; i < s.n && n < COMMENT_LETTERS_MAX;) {
        uint8_t c = s.p[i];
        size_t end = c == '<' ? after_tag(s, i) : i;
        if (end > i) {
            i = end;
        } else if ((c == 'h' || c == 'H') && begins_link(span_sub(s, i, s.n))) {
            while (i < s.n && s.p[i] > ' ' && s.p[i] != '<' && s.p[i] != '"')
                i++;
        } else {
            if (ascii_is_alpha(c) || c >= 0x80)
                out[n++] = ascii_lower(c);
            i++;
        }
    }
    return n;
}
