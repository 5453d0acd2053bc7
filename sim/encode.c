#include "encode.h"

const char *charset_name(enum charset c)
{
    static const char *const names[] = {"utf-8", "iso-8859-1", "windows-1251", "koi8-r"};
    return names[c];
}

const char *encoding_name(enum encoding e)
{
    static const char *const names[] = {"7bit", "8bit", "quoted-printable", "base64"};
    return names[e];
}

bool is_ascii(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] > 126)
            return false;
    return true;
}

static uint32_t utf8_next(const char *p, size_t n, size_t *at)
{
    unsigned char c = (unsigned char)p[(*at)++];
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    uint32_t v = more == 3 ? c & 7 : more == 2 ? c & 15 : more == 1 ? c & 31 : c;
    for (; more > 0 && *at < n; more--)
        v = v << 6 | ((unsigned char)p[(*at)++] & 63);
    return v;
}

static char cyrillic(uint32_t v, enum charset c)
{
    /* KOI8-R has the letters in the order of the Latin ones that sound like them; this is that order, from U+0430 on. */
    static const unsigned char koi[] = {0xc1, 0xc2, 0xd7, 0xc7, 0xc4, 0xc5, 0xd6, 0xda, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0,
                                        0xd2, 0xd3, 0xd4, 0xd5, 0xc6, 0xc8, 0xc3, 0xde, 0xdb, 0xdd, 0xdf, 0xd9, 0xd8, 0xdc, 0xc0, 0xd1};
    if (v == 0x451 || v == 0x401)
        return (char)(c == CHARSET_CP1251 ? (v == 0x451 ? 0xb8 : 0xa8) : (v == 0x451 ? 0xa3 : 0xb3));
    if (v < 0x410 || v > 0x44f)
        return '?';
    if (c == CHARSET_CP1251)
        return (char)(v - 0x410 + 0xc0);
    return (char)(v >= 0x430 ? koi[v - 0x430] : koi[v - 0x410] + 0x20);
}

void encode_charset(const char *p, size_t n, enum charset c, struct buf *out)
{
    if (c == CHARSET_UTF8 || is_ascii(p, n)) {
        buf_add(out, p, n);
        return;
    }
    for (size_t at = 0; at < n;) {
        uint32_t v = utf8_next(p, n, &at);
        buf_byte(out, v < 128 ? (char)v : c == CHARSET_LATIN1 ? (v < 256 ? (char)v : '?') : cyrillic(v, c));
    }
}

void encode_qp(const char *p, size_t n, struct buf *out)
{
    size_t column = 0;
    buf_room(out, n * 3 + n / 16 + 16);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '\n') {
            buf_byte(out, '\n');
            column = 0;
            continue;
        }
        bool is_last = i + 1 == n || p[i + 1] == '\n';
        bool is_plain = (c > 32 && c < 127 && c != '=') || ((c == ' ' || c == '\t') && !is_last);
        size_t width = is_plain ? 1 : 3;
        if (column + width > (is_last ? 76 : 75)) {
            buf_add(out, "=\n", 2);
            column = 0;
        }
        if (is_plain) {
            buf_byte(out, (char)c);
        } else {
            buf_byte(out, '=');
            buf_hex(out, c, 2, true);
        }
        column += width;
    }
}

void encode_base64(const char *p, size_t n, unsigned columns, struct buf *out)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned column = 0;
    buf_room(out, n / 3 * 4 + 8 + (columns ? n / 3 * 4 / columns + 2 : 0));
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)p[i] << 16 | (i + 1 < n ? (uint32_t)(unsigned char)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? (unsigned char)p[i + 2] : 0);
        char four[4] = {letters[v >> 18], letters[v >> 12 & 63], i + 1 < n ? letters[v >> 6 & 63] : '=', i + 2 < n ? letters[v & 63] : '='};
        buf_add(out, four, 4);
        column += 4;
        if (columns && column + 4 > columns && i + 3 < n) {
            buf_byte(out, '\n');
            column = 0;
        }
    }
    if (columns)
        buf_byte(out, '\n');
}

static void encoded_word(const char *p, size_t n, enum charset c, char how, struct buf *out)
{
    buf_text(out, "=?");
    buf_text(out, charset_name(c));
    buf_text(out, how == 'q' ? "?Q?" : "?B?");
    if (how != 'q') {
        encode_base64(p, n, 0, out);
    } else {
        for (size_t i = 0; i < n; i++) {
            unsigned char b = (unsigned char)p[i];
            if (b == ' ') {
                buf_byte(out, '_');
            } else if ((b | 32) >= 'a' && (b | 32) <= 'z') {
                buf_byte(out, (char)b);
            } else {
                buf_byte(out, '=');
                buf_hex(out, b, 2, true);
            }
        }
    }
    buf_text(out, "?=");
}

void encode_words(const char *p, size_t n, enum charset c, char how, struct buf *out)
{
    if (how == 'r' || is_ascii(p, n)) {
        buf_add(out, p, n);
        return;
    }
    size_t most = how == 'q' ? 15 : 39;
    for (size_t at = 0; at < n;) {
        size_t end = at + most < n ? at + most : n;
        while (c == CHARSET_UTF8 && end < n && ((unsigned char)p[end] & 0xc0) == 0x80)
            end--;
        if (at > 0)
            buf_text(out, "\n ");
        encoded_word(p + at, end - at, c, how, out);
        at = end;
    }
}

void encode_wrap(const char *p, size_t n, unsigned columns, struct buf *out)
{
    const char *end = p + n;
    while (columns > 0 && p < end) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        eol = eol ? eol : end;
        while (eol - p > (ptrdiff_t)columns) {
            const char *at = p + columns;
            while (at > p && *at != ' ')
                at--;
            if (at == p && !(at = memchr(p + columns, ' ', (size_t)(eol - p) - columns)))
                break;
            buf_add(out, p, (size_t)(at - p));
            buf_byte(out, '\n');
            p = at + 1;
        }
        buf_add(out, p, (size_t)(eol - p));
        if (eol < end)
            buf_byte(out, '\n');
        p = eol + 1;
    }
    if (columns == 0)
        buf_add(out, p, n);
}
