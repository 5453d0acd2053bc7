#include "base/jsonout.h"

#include <math.h>

#include "base/utf8.h"

static void escape(struct buf *b, uint8_t c)
{
    switch (c) {
    case '"': buf_add_str(b, "\\\""); break;
    case '\\': buf_add_str(b, "\\\\"); break;
    case '\n': buf_add_str(b, "\\n"); break;
    case '\r': buf_add_str(b, "\\r"); break;
    case '\t': buf_add_str(b, "\\t"); break;
    default: buf_add_fmt(b, "\\u%04x", c); break;
    }
}

void json_string(struct buf *b, struct span s)
{
    buf_add_byte(b, '"');
    size_t valid = utf8_valid_prefix(s), from = 0;
    for (size_t i = 0; i < s.n;) {
        if (i == valid) { /* an ill-formed byte */
            buf_add(b, s.p + from, i - from);
            buf_add_str(b, "\xef\xbf\xbd");
            from = ++i;
            valid = i + utf8_valid_prefix(span_sub(s, i, s.n));
            continue;
        }
        uint8_t c = s.p[i];
        if (c < ' ' || c == '"' || c == '\\' || c == 127) {
            buf_add(b, s.p + from, i - from);
            escape(b, c);
            from = i + 1;
        }
        i++;
    }
    buf_add(b, s.p + from, s.n - from);
    buf_add_byte(b, '"');
}

void json_name(struct buf *b, const char *name, bool is_first)
{
    if (!is_first)
        buf_add_byte(b, ',');
    json_string(b, span_str(name));
    buf_add_byte(b, ':');
}

void json_number(struct buf *b, double x)
{
    if (isfinite(x))
        buf_add_fmt(b, "%.10g", x);
    else
        buf_add_str(b, "null");
}
