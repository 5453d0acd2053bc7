#include "flow/log_json.h"

static void blanks(struct json *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
        j->p++;
}

static enum json_step bad(struct json *j)
{
    j->is_bad = true;
    return JSON_BAD;
}

struct json json_open(struct span text)
{
    static const uint8_t nothing[1];
    if (!text.p)
        text.p = nothing;
    struct json j = {(uint8_t *)text.p, (uint8_t *)text.p + text.n, false, false, false, false};
    blanks(&j);
    j.is_bad = j.p == j.end || (*j.p != '{' && *j.p != '[');
    j.is_list = !j.is_bad && *j.p == '[';
    j.p += !j.is_bad;
    return j;
}

static int hex4(const uint8_t *p, const uint8_t *end)
{
    int x = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        uint8_t c = ascii_lower(p[i]);
        if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
            return -1;
        x = x << 4 | (ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return x;
}

static uint8_t *utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
    } else if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
        *to++ = (uint8_t)(0x80 | (c & 63));
    } else {
        if (c < 0x10000) {
            *to++ = (uint8_t)(0xe0 | c >> 12);
        } else {
            *to++ = (uint8_t)(0xf0 | c >> 18);
            *to++ = (uint8_t)(0x80 | (c >> 12 & 63));
        }
        *to++ = (uint8_t)(0x80 | (c >> 6 & 63));
        *to++ = (uint8_t)(0x80 | (c & 63));
    }
    return to;
}

/* \uXXXX at p (behind the u), perhaps the second half too. Six bytes of text become at most three, twelve four. */
static uint8_t *escape_u(const uint8_t *p, const uint8_t *end, uint8_t **to)
{
    int c = hex4(p, end);
    if (c < 0)
        return NULL;
    p += 4;
    if (c >= 0xd800 && c < 0xe000) {
        int low = c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
            *to = utf8(*to, 0x10000 + ((uint32_t)(c - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
            return (uint8_t *)p + 6;
        }
        c = 0xfffd;
    }
    *to = utf8(*to, (uint32_t)c);
    return (uint8_t *)p;
}

/* The rest of a string that has an escape, from the first on. */
static bool unescape(struct json *j, uint8_t *from, struct span *out)
{
    static const char what[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
    uint8_t *to = j->p, *p = j->p;
    while (p < j->end && *p != '"') {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        if (++p == j->end)
            return false;
        const char *at = *p ? strchr(what, *p) : NULL;
        if (at) {
            *to++ = (uint8_t)is[at - what];
            p++;
        } else if (*p != 'u' || !(p = escape_u(p + 1, j->end, &to))) {
            return false;
        }
    }
    if (p >= j->end)
        return false;
    j->p = p + 1;
    *out = span_of(from, (size_t)(to - from));
    return true;
}

/* Eight bytes at a time: is one of them a quote or a backslash? The lowest mark is exact, those above it need not be. */
static inline uint64_t quote_in(uint64_t w)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t q = w ^ (ones * '"'), b = w ^ (ones * '\\');
    return (((q - ones) & ~q) | ((b - ones) & ~b)) & tops;
}

/* j->p is at the opening quote. */
static bool string(struct json *j, struct span *out)
{
    uint8_t *from = ++j->p, *p = from;
    for (uint64_t w, at; j->end - p >= 8; p += 8) {
        memcpy(&w, p, 8);
        at = quote_in(w);
        if (at) {
            p += __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_ctzll(at) / 8 : 0;
            break;
        }
    }
    while (p < j->end && *p != '"' && *p != '\\')
        p++;
    if (p == j->end)
        return false;
    if (*p == '\\') {
        j->p = p;
        return unescape(j, from, out);
    }
    *out = span_of(from, (size_t)(p - from));
    j->p = p + 1;
    return true;
}

/* Over an object or a list to its end, strings left as they are. */
static bool pass(struct json *j, struct span *out)
{
    uint8_t *from = j->p;
    unsigned depth = 0;
    for (; j->p < j->end; j->p++) {
        uint8_t c = *j->p;
        if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH)
                return false;
        } else if (c == '}' || c == ']') {
            if (--depth == 0) {
                j->p++;
                *out = span_of(from, (size_t)(j->p - from));
                return true;
            }
        } else if (c == '"') {
            for (j->p++; j->p < j->end && *j->p != '"'; j->p++)
                j->p += *j->p == '\\' && j->end - j->p > 1;
        }
    }
    return false;
}

static bool word(struct json *j, const char *text, enum json_type type, struct json_value *v)
{
    size_t n = strlen(text);
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, text, n) != 0)
        return false;
    *v = (struct json_value){type, span_of(j->p, n)};
    j->p += n;
    return true;
}

static bool number(struct json *j, struct json_value *v)
{
    uint8_t *from = j->p;
    while (j->p < j->end && (ascii_is_digit(*j->p) || *j->p == '.' || *j->p == '-' || *j->p == '+' || (*j->p | 0x20) == 'e'))
        j->p++;
    *v = (struct json_value){JSON_NUMBER, span_of(from, (size_t)(j->p - from))};
    return j->p > from;
}

static bool value(struct json *j, struct json_value *v)
{
    if (j->p == j->end)
        return false;
    switch (*j->p) {
    case '"': v->type = JSON_STRING; return string(j, &v->text);
    case '{': v->type = JSON_OBJECT; return pass(j, &v->text);
    case '[': v->type = JSON_LIST; return pass(j, &v->text);
    case 't': return word(j, "true", JSON_TRUE, v);
    case 'f': return word(j, "false", JSON_FALSE, v);
    case 'n': return word(j, "null", JSON_NULL, v);
    default: return number(j, v);
    }
}

/* To the next member: over a comma, or over the closing bracket and what is behind it. */
static enum json_step member(struct json *j)
{
    if (j->is_bad || j->is_over)
        return j->is_bad ? JSON_BAD : JSON_END;
    blanks(j);
    if (j->p == j->end)
        return bad(j);
    if (*j->p == (j->is_list ? ']' : '}')) {
        j->p++;
        blanks(j);
        j->is_over = true;
        return j->p == j->end ? JSON_END : bad(j);
    }
    if (j->has_begun) {
        if (*j->p != ',')
            return bad(j);
        j->p++;
        blanks(j);
    }
    j->has_begun = true;
    return JSON_ITEM;
}

enum json_step json_next(struct json *j, struct span *name, struct json_value *v)
{
    enum json_step rc = j->is_list ? bad(j) : member(j);
    if (rc != JSON_ITEM)
        return rc;
    if (j->p == j->end || *j->p != '"' || !string(j, name))
        return bad(j);
    blanks(j);
    if (j->p == j->end || *j->p != ':')
        return bad(j);
    j->p++;
    blanks(j);
    return value(j, v) ? JSON_ITEM : bad(j);
}

enum json_step json_item(struct json *j, struct json_value *v)
{
    enum json_step rc = j->is_list ? member(j) : bad(j);
    return rc != JSON_ITEM ? rc : value(j, v) ? JSON_ITEM : bad(j);
}
