#include "mend.h"

#include <string.h>

enum { BOUNDARY_MOST = 70, BOUNDS_MAX = 256 };

static const char *const names[MEND_N] = {
    [MEND_PADDED_WORD] = "padded-words", [MEND_BAD_TYPE] = "bad-type", [MEND_REPLACEMENT] = "replacement",
    [MEND_SOFT_BREAK] = "soft-breaks", [MEND_QP_JUNK] = "qp-junk", [MEND_BOUNDARY_BLANKS] = "boundary-blanks",
    [MEND_LINE_END] = "line-end", [MEND_HEADER_END] = "header-end", [MEND_LONG_BOUNDARY] = "long-boundary",
    [MEND_UNCLOSED_QUOTE] = "unclosed-quote", [MEND_SEMICOLON] = "no-semicolon", [MEND_NO_HEADER] = "no-header",
    [MEND_JUNK_LINE] = "junk-line", [PROBE_REPEATED_TYPE] = "repeated-type", [PROBE_LATIN1] = "latin1",
    [PROBE_WRONG_CHARSET] = "wrong-charset",
};

const char *mend_name(enum mend m) { return names[m]; }

/* ---- the message's bytes ---- */

struct bound {
    char *key;  /* as announced, without blanks at its end */
    char *used; /* what the oracle reads instead */
};

struct mender {
    GByteArray *out;
    unsigned mends;
    struct bound bound[BOUNDS_MAX];
    size_t n_bounds;
    bool in_header, is_first, holds_message; /* of the header block that is being read */
    unsigned n_types;
};

static bool has(const struct mender *m, enum mend k) { return m->mends >> k & 1; }
static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }
static void put(struct mender *m, const void *p, size_t n) { g_byte_array_append(m->out, p, (guint)n); }

static void block_begin(struct mender *m)
{
    m->in_header = m->is_first = true;
    m->holds_message = false;
    m->n_types = 0;
}

/* The boundary that a line without its line end and blanks is: 0 none, 1 a delimiter, 2 the closing one. */
static int find_bound(const struct mender *m, const uint8_t *p, size_t n, const struct bound **b)
{
    for (size_t i = m->n_bounds; n > 2 && p[0] == '-' && p[1] == '-' && i > 0; i--) {
        size_t k = strlen(m->bound[i - 1].key);
        *b = &m->bound[i - 1];
        if (n >= k + 2 && memcmp(p + 2, (*b)->key, k) == 0 && (n == k + 2 || (n == k + 4 && memcmp(p + k + 2, "--", 2) == 0)))
            return n == k + 2 ? 1 : 2;
    }
    return 0;
}

/* "--x" at p, n bytes with its line end; text: without line end and blanks. */
static void put_bound(struct mender *m, const struct bound *b, const uint8_t *p, size_t n, size_t text, int kind)
{
    bool crlf = n > 1 && p[n - 1] == '\n' && p[n - 2] == '\r';
    if (m->in_header && !m->is_first && has(m, MEND_HEADER_END))
        put(m, "\r\n" + !crlf, 1u + crlf);
    guint o = m->out->len;
    if (has(m, MEND_LINE_END) && crlf && o && m->out->data[o - 1] == '\n' && (o < 2 || m->out->data[o - 2] != '\r')) {
        g_byte_array_set_size(m->out, o - 1);
        put(m, "\r\n", 2);
    }
    size_t line = n - (n && p[n - 1] == '\n') - crlf;
    put(m, "--", 2);
    put(m, b->used, strlen(b->used));
    put(m, "--", kind == 2 ? 2 : 0);
    if (!has(m, MEND_BOUNDARY_BLANKS))
        put(m, p + text, line - text);
    put(m, p + line, n - line);
    block_begin(m);
    m->in_header = kind == 1;
}

/* Offsets of the boundary parameter's value in v: true if there is one. */
static bool find_value(const GString *v, size_t *from, size_t *to)
{
    char *low = g_ascii_strdown(v->str, (gssize)v->len), *at = strstr(low, "boundary");
    size_t i = at ? (size_t)(at - low) + 8 : 0;
    g_free(low);
    if (!at)
        return false;
    i += strspn(v->str + i, " \t\r\n");
    if (v->str[i] != '=')
        return false;
    i++;
    i += strspn(v->str + i, " \t\r\n");
    bool quoted = v->str[i] == '"';
    *from = i + quoted;
    *to = *from + strcspn(v->str + *from, quoted ? "\"" : "; \t\r\n");
    return *to > *from;
}

static void add_bound(struct mender *m, GString *v)
{
    size_t from, to;
    if (m->n_bounds == BOUNDS_MAX || !find_value(v, &from, &to))
        return;
    GString *key = g_string_new(NULL);
    for (size_t i = from; i < to; i++)
        if (v->str[i] != '\r' && v->str[i] != '\n')
            g_string_append_c(key, v->str[i]);
    while (key->len && is_blank((uint8_t)key->str[key->len - 1]))
        g_string_truncate(key, key->len - 1);
    bool is_long = has(m, MEND_LONG_BOUNDARY) && key->len > BOUNDARY_MOST;
    char *used = is_long ? g_strdup_printf("=_long_%zu", m->n_bounds) : g_strdup(key->str);
    if (is_long || (has(m, MEND_BOUNDARY_BLANKS) && is_blank((uint8_t)v->str[to - 1]))) {
        g_string_erase(v, (gssize)from, (gssize)(to - from));
        g_string_insert(v, (gssize)from, used);
    }
    m->bound[m->n_bounds++] = (struct bound){g_string_free(key, FALSE), used};
}

static void close_quote(GString *v)
{
    size_t quotes = 0, end = v->len;
    for (size_t i = 0; i < v->len; i++)
        quotes += v->str[i] == '"';
    while (end && strchr(" \t\r\n", v->str[end - 1]))
        end--;
    if (quotes % 2)
        g_string_insert_c(v, (gssize)end, '"');
}

static void add_semicolon(GString *v)
{
    size_t from, to;
    if (!find_value(v, &from, &to))
        return;
    char *low = g_ascii_strdown(v->str, (gssize)v->len);
    size_t i = (size_t)(strstr(low, "boundary") - low);
    g_free(low);
    while (i && strchr(" \t\r\n", v->str[i - 1]))
        i--;
    if (i && v->str[i - 1] != ';')
        g_string_insert_c(v, (gssize)i, ';');
}

/* A Content-Type field, n bytes with all its lines; colon: where its value begins, less one. What the oracle is to
 * compare by name and text goes in under a name that nobody reads: *f for a repeated field, *g for one that is
 * mended in front of it. */
static void put_type(struct mender *m, const uint8_t *p, size_t n, size_t colon)
{
    bool again = ++m->n_types > 1;
    if (again && has(m, PROBE_REPEATED_TYPE)) {
        put(m, MEND_REPEATED, 12);
        put(m, p + 12, n - 12);
        return;
    }
    GString *v = g_string_new_len((const char *)p + colon + 1, (gssize)(n - colon - 1));
    if (has(m, MEND_UNCLOSED_QUOTE))
        close_quote(v);
    if (has(m, MEND_SEMICOLON))
        add_semicolon(v);
    add_bound(m, v);
    if (!again) {
        char *low = g_ascii_strdown(v->str, (gssize)v->len);
        m->holds_message = strstr(low, "message/rfc822") != NULL;
        g_free(low);
    }
    bool is_mended = v->len != n - colon - 1 || memcmp(v->str, p + colon + 1, v->len) != 0;
    if (is_mended) {
        put(m, p, colon + 1);
        put(m, v->str, v->len);
        put(m, MEND_ORIGINAL, 12);
        put(m, p + 12, n - 12);
    } else {
        put(m, p, n);
    }
    g_string_free(v, TRUE);
}

/* The colon after a field's name at p, or 0. */
static size_t field_colon(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] != ':' && p[i] > ' ' && p[i] != 0x7f)
        i++;
    size_t name = i;
    while (i < n && is_blank(p[i]))
        i++;
    return name && i < n && p[i] == ':' ? i : 0;
}

static size_t line_length(const uint8_t *p, size_t n)
{
    const uint8_t *nl = memchr(p, '\n', n);
    return nl ? (size_t)(nl + 1 - p) : n;
}

/* A line of a header block, its folds with it; returns how many bytes were read. */
static size_t header_line(struct mender *m, const uint8_t *p, size_t n)
{
    size_t line = line_length(p, n), colon = field_colon(p, line);
    bool first = m->is_first, is_from = line >= 5 && (memcmp(p, "From ", 5) == 0 || memcmp(p, ">From", 5) == 0);
    m->is_first = false;
    if (p[0] == '\n' || (line == 2 && p[0] == '\r')) {
        m->in_header = false;
        if (m->holds_message)
            block_begin(m);
        put(m, p, line);
        return line;
    }
    if (!colon && !is_blank(p[0]) && !is_from &&
        ((first && has(m, MEND_NO_HEADER)) || (!first && has(m, MEND_JUNK_LINE)))) {
        put(m, "\n", 1);
        m->in_header = false;
        put(m, p, line);
        return line;
    }
    while (colon && line < n && is_blank(p[line]))
        line += line_length(p + line, n - line);
    if (colon >= 12 && g_ascii_strncasecmp((const char *)p, "content-type", 12) == 0 && (colon == 12 || is_blank(p[12])))
        put_type(m, p, line, colon);
    else
        put(m, p, line);
    return line;
}

GByteArray *mend_message(const uint8_t *p, size_t n, unsigned mends)
{
    struct mender m = {.out = g_byte_array_new(), .mends = mends};
    const struct bound *b;
    block_begin(&m);
    for (size_t at = 0; at < n;) {
        size_t line = line_length(p + at, n - at), text = line;
        while (text && strchr(" \t\r\n", p[at + text - 1]) && p[at + text - 1])
            text--;
        int kind = find_bound(&m, p + at, text, &b);
        if (kind)
            put_bound(&m, b, p + at, line, text, kind);
        else if (m.in_header)
            line = header_line(&m, p + at, n - at);
        else
            put(&m, p + at, line);
        at += line;
    }
    while (m.n_bounds) {
        g_free(m.bound[--m.n_bounds].key);
        g_free(m.bound[m.n_bounds].used);
    }
    return m.out;
}

/* ---- one field ---- */

/* Is the raw text UTF-8 with damage, and not another charset? More whole characters than stray bytes. */
static bool is_damaged_utf8(const char *s)
{
    size_t whole = 0, stray = 0;
    while (*s) {
        gunichar c = g_utf8_get_char_validated(s, -1);
        bool bad = c == (gunichar)-1 || c == (gunichar)-2;
        stray += bad;
        whole += !bad && c >= 0x80;
        s = bad ? s + 1 : g_utf8_next_char(s);
    }
    return stray && whole > stray;
}

/* The bytes of an encoded word's text; q: '_' and =XX. */
static guchar *word_bytes(const char *text, size_t n, bool q, gsize *n_out)
{
    char *coded = g_strndup(text, n);
    guchar *bytes = q ? g_malloc(n + 1) : g_base64_decode(coded, n_out);
    if (q) {
        GMimeEncoding d;
        g_mime_encoding_init_decode(&d, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
        for (size_t i = 0; i < n; i++)
            coded[i] = coded[i] == '_' ? ' ' : coded[i];
        *n_out = g_mime_encoding_flush(&d, coded, n, (char *)bytes);
    }
    g_free(coded);
    return bytes;
}

/* Another name for the charset, where a probe says so; NULL: none. */
static const char *other_charset(const char *cs, size_t n, const guchar *bytes, gsize n_bytes, unsigned mends)
{
    if (mends & MEND_BIT(PROBE_LATIN1) && n == 10 && g_ascii_strncasecmp(cs, "iso-8859-1", 10) == 0)
        return "windows-1252";
    if (mends & MEND_BIT(PROBE_WRONG_CHARSET) && n == 5 && g_ascii_strncasecmp(cs, "utf-8", 5) == 0 &&
        !g_utf8_validate((const char *)bytes, (gssize)n_bytes, NULL))
        return "windows-1252";
    return NULL;
}

/* Each base64 word as a Q word of the same bytes, which GMime may join as it likes; other charsets for probes. */
static char *rewrite_words(const char *s, unsigned mends)
{
    GString *out = g_string_new(NULL);
    while (*s) {
        const char *cs = strncmp(s, "=?", 2) == 0 ? s + 2 : NULL, *enc = cs ? strchr(cs, '?') : NULL;
        const char *text = enc && enc[1] && enc[2] == '?' ? enc + 3 : NULL, *end = text ? strstr(text, "?=") : NULL;
        if (!end) {
            g_string_append_c(out, *s++);
            continue;
        }
        gsize n = 0;
        bool b64 = enc[1] == 'B' || enc[1] == 'b';
        guchar *bytes = word_bytes(text, (size_t)(end - text), !b64, &n);
        const char *other = other_charset(cs, (size_t)(enc - cs), bytes, n, mends);
        g_string_append_len(out, "=?", 2);
        g_string_append_len(out, other ? other : cs, other ? (gssize)strlen(other) : enc - cs);
        if (b64 && mends & MEND_BIT(MEND_PADDED_WORD)) {
            g_string_append(out, "?Q?");
            for (gsize i = 0; i < n; i++)
                g_string_append_printf(out, "=%02X", bytes[i]);
        } else {
            g_string_append_len(out, enc, end - enc);
        }
        g_free(bytes);
        g_string_append(out, "?=");
        s = end + 2;
    }
    return g_string_free(out, FALSE);
}

char *mend_value(GMimeParserOptions *options, const char *raw, unsigned mends)
{
    char *s = g_mime_utils_header_unfold(raw);
    if (mends & MEND_BIT(MEND_REPLACEMENT) && is_damaged_utf8(s)) {
        char *valid = g_utf8_make_valid(s, -1);
        g_free(s);
        s = valid;
    }
    char *words = rewrite_words(s, mends), *text = g_mime_utils_header_decode_text(options, words);
    g_free(words);
    g_free(s);
    return text;
}

/* ---- one part ---- */

bool mend_is_bad_type(GMimeObject *o)
{
    GMimeContentType *t = g_mime_object_get_content_type(o);
    const char *value = g_mime_object_get_header(o, "Content-Type");
    if (!value || !g_mime_content_type_is_type(t, "application", "octet-stream"))
        return false;
    return g_ascii_strncasecmp(value + strspn(value, " \t\r\n"), "application/octet-stream", 24) != 0;
}

GByteArray *mend_body(GMimeDataWrapper *w, unsigned mends)
{
    if (g_mime_data_wrapper_get_encoding(w) != GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE)
        return NULL;
    GMimeStream *coded = g_mime_stream_mem_new(), *mended = g_mime_stream_mem_new(), *from = g_mime_data_wrapper_get_stream(w);
    g_mime_stream_reset(from);
    g_mime_stream_write_to_stream(from, coded);
    GByteArray *in = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(coded)), *out = g_byte_array_new();
    for (guint i = 0; i < in->len;) {
        guint j = i + 1;
        bool escape = in->data[i] == '=';
        while (escape && mends & MEND_BIT(MEND_SOFT_BREAK) && j < in->len && is_blank(in->data[j]))
            j++;
        bool ends = j == in->len || in->data[j] == '\n' || (in->data[j] == '\r' && j + 1 < in->len && in->data[j + 1] == '\n');
        bool hex = in->len - i > 2 && g_ascii_isxdigit(in->data[i + 1]) && g_ascii_isxdigit(in->data[i + 2]);
        if (escape && !ends && !hex && mends & MEND_BIT(MEND_QP_JUNK)) {
            g_mime_stream_write(mended, "=3D", 3);
            if (i + 1 < in->len && in->data[i + 1] == '=')
                g_mime_stream_write(mended, "=3D", 3);
            i += 1 + (i + 1 < in->len && in->data[i + 1] == '=');
            continue;
        }
        g_mime_stream_write(mended, (const char *)in->data + i, 1);
        i = escape && ends ? j : i + 1;
    }
    g_mime_stream_reset(mended);
    GMimeDataWrapper *again = g_mime_data_wrapper_new_with_stream(mended, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    GMimeStream *to = g_mime_stream_mem_new_with_byte_array(out);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(to), FALSE);
    g_mime_data_wrapper_write_to_stream(again, to);
    g_object_unref(to);
    g_object_unref(again);
    g_object_unref(mended);
    g_object_unref(coded);
    return out;
}
