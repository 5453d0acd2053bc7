#include <openssl/evp.h>

#include "base/utf8.h"
#include "mail/words.h"

enum { WORD_BYTES = 45 }; /* 60 characters of base64 and =?UTF-8?B??= */

static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 0x7f || (s.p[i] < ' ' && s.p[i] != '\t'))
            return false;
    return span_find(s, SPAN_LIT("=?")) < 0; /* would be read as an encoded word */
}

/* As many whole characters as fit; a byte that belongs to none becomes U+FFFD. */
static size_t take_word(struct span s, uint8_t out[WORD_BYTES], size_t *used_out)
{
    size_t n = 0, i = 0;
    while (i < s.n) {
        uint32_t cp;
        unsigned len = utf8_decode(span_sub(s, i, s.n), &cp);
        bool bad = utf8_valid_prefix(span_sub(s, i, i + len)) != len;
        unsigned room = bad ? 3 : len;
        if (n + room > WORD_BYTES)
            break;
        memcpy(out + n, bad ? (const uint8_t *)"\xef\xbf\xbd" : s.p + i, room);
        if (!bad && len == 1 && out[n] < ' ')
            out[n] = ' '; /* no line of a field ends in a word */
        n += room;
        i += len;
    }
    *used_out = i;
    return n;
}

void words_encode(struct buf *out, struct span utf8)
{
    if (is_plain(utf8)) {
        buf_add_span(out, utf8);
        return;
    }
    for (size_t at = 0; at < utf8.n;) {
        uint8_t raw[WORD_BYTES], coded[WORD_BYTES / 3 * 4 + 1];
        size_t used, n = take_word(span_sub(utf8, at, utf8.n), raw, &used);
        int len = EVP_EncodeBlock(coded, raw, (int)n);
        buf_add_str(out, at ? " =?UTF-8?B?" : "=?UTF-8?B?");
        buf_add(out, coded, (size_t)len);
        buf_add_str(out, "?=");
        at += used;
    }
}
