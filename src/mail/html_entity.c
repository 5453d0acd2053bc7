#include "base/utf8.h"
#include "mail/html_priv.h"

struct entity {
    uint16_t at;         /* of the name in entity_blob */
    uint8_t n;
    bool is_legacy;      /* good without its semicolon */
    uint32_t cp0, cp1;   /* cp1 is 0 for all but a few */
};

#include "mail/html_entities.inc"

/* What browsers make of &#128; to &#159;: windows-1252. */
static const uint16_t c1_cp[32] = {
    0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
    0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
    0x153, 0x9d, 0x17e, 0x178};

static const struct entity *find_name(const uint8_t *p, size_t n)
{
    if (n == 0 || !ascii_is_alpha(p[0]))
        return NULL;
    unsigned letter = p[0] >= 'a' ? 26u + p[0] - 'a' : (unsigned)(p[0] - 'A');
    size_t lo = entity_first[letter], hi = entity_first[letter + 1];
    while (lo < hi) {
        const struct entity *e = &entity_row[(lo + hi) / 2];
        int order = memcmp(p, entity_blob + e->at, n < e->n ? n : e->n);
        if (order == 0 && n == e->n)
            return e;
        if (order < 0 || (order == 0 && n < e->n))
            hi = (lo + hi) / 2;
        else
            lo = (lo + hi) / 2 + 1;
    }
    return NULL;
}

static size_t numeric(struct span s, uint32_t cp[2])
{
    size_t i = 2;
    bool hex = i < s.n && (s.p[i] | 0x20) == 'x';
    i += hex;
    size_t from = i;
    uint32_t v = 0;
    for (; i < s.n; i++) {
        uint8_t c = s.p[i];
        unsigned digit = ascii_is_digit(c) ? c - 48u : hex && ascii_is_alpha(c) ? (c | 0x20u) - 'a' + 10 : 99;
        if (digit >= (hex ? 16 : 10))
            break;
        v = v > 0x10ffff ? v : v * (hex ? 16 : 10) + digit;
    }
    if (i == from)
        return 0;
    if (i < s.n && s.p[i] == ';')
        i++;
    cp[0] = v == 0 || v > 0x10ffff ? 0xfffd : v >= 0x80 && v < 0xa0 ? c1_cp[v - 0x80] : v;
    cp[1] = 0;
    return i;
}

static size_t accept(const struct entity *e, size_t n, uint32_t cp[2])
{
    cp[0] = e->cp0;
    cp[1] = e->cp1;
    return n;
}

size_t html_entity(struct span s, bool in_attribute, uint32_t cp[2])
{
    if (s.n >= 6 && memcmp(s.p, "&nbsp;", 6) == 0) { /* more common than all others together */
        cp[0] = 0xa0;
        cp[1] = 0;
        return 6;
    }
    if (s.n >= 2 && s.p[1] == '#')
        return numeric(s, cp);
    size_t n = 0;
    while (n < ENTITY_NAME_MAX && 1 + n < s.n && ascii_is_alnum(s.p[1 + n]))
        n++;
    if (1 + n < s.n && s.p[1 + n] == ';') {
        const struct entity *e = find_name(s.p + 1, n);
        if (e)
            return accept(e, n + 2, cp);
    }
    for (size_t k = n < ENTITY_LEGACY_MAX ? n : ENTITY_LEGACY_MAX; k >= 2; k--) {
        const struct entity *e = find_name(s.p + 1, k);
        if (!e || !e->is_legacy)
            continue;
        /* In an address "&copy=1" and "&copyright" are parameters. */
        if (in_attribute && 1 + k < s.n && (s.p[1 + k] == '=' || ascii_is_alnum(s.p[1 + k])))
            return 0;
        return accept(e, k + 1, cp);
    }
    return 0;
}

struct span html_unescape(struct arena *a, struct span s)
{
    if (span_chr(s, '&') < 0)
        return s;
    /* The longest growth is &nGt; at 6 bytes for 5: see html_entities.inc. */
    size_t cap = s.n + s.n / 5 + 8;
    uint8_t *p = arena_alloc(a, cap);
    if (!p)
        return SPAN_NONE;
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        uint32_t cp[2];
        size_t used = s.p[i] == '&' ? html_entity(span_sub(s, i, s.n), true, cp) : 0;
        if (!used) {
            p[n++] = s.p[i++];
            continue;
        }
        n += utf8_encode(cp[0], p + n);
        if (cp[1])
            n += utf8_encode(cp[1], p + n);
        i += used;
    }
    arena_shrink(a, p, cap, n);
    return span_of(p, n);
}
