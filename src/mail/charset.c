#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <uchardet.h>

#include "base/utf8.h"
#include "mail/anomaly.h"

enum { CACHED = 32, NAME_MAX_BYTES = 40, GUESS_BYTES = 4096 };

/* A guess on fewer 8-bit bytes is a throw of dice: one ordinal sign in a Spanish subject came out as
 * a Baltic letter. */
enum { GUESS_LEAST_HIGH = 8 };

enum kind { KIND_UNKNOWN, KIND_UTF8, KIND_GUESS, KIND_TABLE, KIND_ICONV };

struct converter {
    char name[NAME_MAX_BYTES + 1]; /* lower case, as declared */
    enum kind kind;
    bool ascii_is_ascii;   /* bytes below 0x80 mean themselves */
    iconv_t cd;
    uint64_t used_at;
    struct { uint8_t n, b[3]; } table[256];
};

struct charset_set {
    struct converter *slot[CACHED];
    uint64_t clock;
    uchardet_t guesser;
};

/* Labels that iconv reads otherwise than mail means them. */
static const struct { const char *label, *iconv; } aliases[] = {
    {"iso-8859-1", "WINDOWS-1252"}, {"iso8859-1", "WINDOWS-1252"}, {"iso_8859-1", "WINDOWS-1252"},
    {"latin1", "WINDOWS-1252"}, {"latin-1", "WINDOWS-1252"}, {"l1", "WINDOWS-1252"},
    {"cp1252", "WINDOWS-1252"}, {"x-cp1252", "WINDOWS-1252"}, {"windows1252", "WINDOWS-1252"},
    {"ansi", "WINDOWS-1252"}, {"iso-8859-9", "WINDOWS-1254"}, {"latin5", "WINDOWS-1254"},
    {"iso-8859-11", "WINDOWS-874"}, {"tis-620", "WINDOWS-874"}, {"iso-8859-8-i", "ISO-8859-8"},
    {"iso-8859-8-e", "ISO-8859-8"}, {"iso-8859-6-i", "ISO-8859-6"},
    {"gb2312", "GB18030"}, {"gbk", "GB18030"}, {"x-gbk", "GB18030"}, {"cp936", "GB18030"},
    {"gb_2312-80", "GB18030"}, {"euc-cn", "GB18030"}, {"chinesegb", "GB18030"}, {"gb2312-80", "GB18030"},
    {"hz-gb-2312", "HZ"}, {"big5", "BIG5-HKSCS"}, {"big-5", "BIG5-HKSCS"}, {"cn-big5", "BIG5-HKSCS"},
    {"x-x-big5", "BIG5-HKSCS"}, {"chinesebig5", "BIG5-HKSCS"},
    {"shift_jis", "CP932"}, {"shift-jis", "CP932"}, {"sjis", "CP932"}, {"x-sjis", "CP932"},
    {"windows-31j", "CP932"}, {"x-euc-jp", "EUC-JP"}, {"iso-2022-jp", "ISO-2022-JP-2"},
    {"ks_c_5601-1987", "CP949"}, {"ks_c_5601", "CP949"}, {"euc-kr", "CP949"}, {"ksc5601", "CP949"},
    {"windows-949", "CP949"}, {"korean", "CP949"}, {"x-windows-949", "CP949"},
    {"unicode-1-1-utf-7", "UTF-7"}, {"x-unicode-2-0-utf-7", "UTF-7"}, {"utf7", "UTF-7"},
    {"x-mac-roman", "MACINTOSH"}, {"x-mac-cyrillic", "MAC-CYRILLIC"}, {"x-koi8-r", "KOI8-R"},
    {"koi8", "KOI8-R"}, {"koi8r", "KOI8-R"}, {"cyrillic", "KOI8-R"}, {"utf-16", "UTF-16"},
    {"x-windows-1251", "WINDOWS-1251"}, {"win-1251", "WINDOWS-1251"}, {"windows-1251", "WINDOWS-1251"},
};

static const char *const utf8_labels[] = {"utf-8", "utf8", "unicode-1-1-utf-8", "utf-8-mac", "utf_8",
                                          "x-utf-8", "unicode", "utf-8;", "csutf8"};
static const char *const guess_labels[] = {
    "us-ascii", "ascii", "ansi_x3.4-1968", "iso-ir-6", "646", "us", "unknown-8bit", "x-unknown", "unknown",
    "default", "default_charset", "user-defined", "x-user-defined", "8bit", "7bit", "_charset_", "none",
    "x-mac-unknown", "utf-8-unknown", "x-roman8-unknown", "binary", "any", "charset", "auto"};
static const char *const single_byte[] = {"iso-8859", "iso8859", "iso_8859", "windows-", "cp125", "koi8",
                                          "cp8", "ibm8", "mac", "x-mac", "tis-620", "latin", "l1",
                                          "x-cp", "win-", "x-windows-", "ansi", "cyrillic", "x-koi8"};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool in_list(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

struct charset_set *charset_set_new(void)
{
    return calloc(1, sizeof(struct charset_set));
}

static void converter_free(struct converter *c)
{
    if (c && c->cd != (iconv_t)-1)
        iconv_close(c->cd);
    free(c);
}

void charset_set_free(struct charset_set **cs)
{
    if (!cs || !*cs)
        return;
    for (size_t i = 0; i < CACHED; i++)
        converter_free((*cs)->slot[i]);
    if ((*cs)->guesser)
        uchardet_delete((*cs)->guesser);
    free(*cs);
    *cs = NULL;
}

/* What one byte means on its own; false: iconv wants more bytes or knows none. */
static void table_fill(struct converter *c)
{
    for (unsigned i = 0; i < 256; i++) {
        char in = (char)i, out[16], *ip = &in, *op = out;
        size_t in_n = 1, out_n = sizeof out;
        iconv(c->cd, NULL, NULL, NULL, NULL);
        size_t r = iconv(c->cd, &ip, &in_n, &op, &out_n);
        size_t n = sizeof out - out_n;
        if (r == (size_t)-1 || n == 0 || n > 3) {
            c->table[i].n = 0;
            continue;
        }
        c->table[i].n = (uint8_t)n;
        memcpy(c->table[i].b, out, n);
    }
    c->ascii_is_ascii = true;
    for (unsigned i = 0; i < 128; i++)
        c->ascii_is_ascii &= c->table[i].n == 1 && c->table[i].b[0] == i;
}

/* windows-1252 leaves five bytes without meaning; the WHATWG standard maps them to the C1 controls. */
static void table_c1(struct converter *c)
{
    for (unsigned i = 0x80; i < 0xa0; i++)
        if (!c->table[i].n) {
            c->table[i].n = 2;
            c->table[i].b[0] = 0xc2;
            c->table[i].b[1] = (uint8_t)i;
        }
}

static bool name_is_safe(const char *s)
{
    for (; *s; s++)
        if (!ascii_is_alnum((uint8_t)*s) && !strchr("-_.:+", *s))
            return false;
    return true;
}

static void converter_open(struct converter *c)
{
    const char *target = c->name;
    c->cd = (iconv_t)-1;
    if (in_list(utf8_labels, COUNT(utf8_labels), c->name)) {
        c->kind = KIND_UTF8;
        return;
    }
    if (in_list(guess_labels, COUNT(guess_labels), c->name)) {
        c->kind = KIND_GUESS;
        return;
    }
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (strcmp(aliases[i].label, c->name) == 0)
            target = aliases[i].iconv;
    c->kind = KIND_UNKNOWN;
    if (!name_is_safe(target))
        return;
    c->cd = iconv_open("UTF-8", target);
    if (c->cd == (iconv_t)-1)
        return;
    c->kind = KIND_ICONV;
    for (size_t i = 0; i < COUNT(single_byte); i++)
        if (strncmp(c->name, single_byte[i], strlen(single_byte[i])) == 0)
            c->kind = KIND_TABLE;
    if (strcmp(target, "CP932") == 0 || strcmp(target, "CP949") == 0 || strcmp(target, "GB18030") == 0)
        c->kind = KIND_ICONV;
    if (c->kind == KIND_TABLE)
        table_fill(c);
    if (strcmp(target, "WINDOWS-1252") == 0)
        table_c1(c);
    if (c->kind == KIND_ICONV)
        c->ascii_is_ascii = !strncmp(target, "GB18030", 7) || !strncmp(target, "BIG5", 4) ||
                            !strncmp(target, "CP9", 3) || !strncmp(target, "EUC-", 4);
}

/* The converter for a declared name, from the cache or opened. NULL: out of memory. */
static struct converter *converter_get(struct charset_set *cs, struct span name)
{
    char key[NAME_MAX_BYTES + 1];
    size_t n = name.n < NAME_MAX_BYTES ? name.n : NAME_MAX_BYTES;
    for (size_t i = 0; i < n; i++)
        key[i] = name.p[i] ? (char)ascii_lower(name.p[i]) : '?';
    key[n] = '\0';
    struct converter **oldest = &cs->slot[0];
    for (size_t i = 0; i < CACHED; i++) {
        struct converter **s = &cs->slot[i];
        if (*s && strcmp((*s)->name, key) == 0) {
            (*s)->used_at = ++cs->clock;
            return *s;
        }
        if (*oldest && (!*s || (*s)->used_at < (*oldest)->used_at))
            oldest = s;
    }
    struct converter *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    memcpy(c->name, key, n + 1);
    converter_open(c);
    c->used_at = ++cs->clock;
    converter_free(*oldest);
    return *oldest = c;
}

bool charset_is_ascii(struct span s)
{
    uint64_t all = 0, w;
    size_t i = 0;
    for (; s.n - i >= 8; i += 8) {
        memcpy(&w, s.p + i, 8);
        all |= w;
    }
    for (; i < s.n; i++)
        all |= s.p[i];
    return (all & 0x8080808080808080ull) == 0;
}

/* Output that grows in the arena up to a cap. */
struct sink {
    struct arena *a;
    uint8_t *p;
    size_t n, cap, max;
    bool cut, failed;
};

static bool sink_room(struct sink *s, size_t want)
{
    if (s->cap - s->n >= want)
        return true;
    size_t cap = s->cap + s->cap / 2 + want;
    if (cap > s->max)
        cap = s->max;
    if (cap - s->n < want || cap < s->n) {
        s->cut = true;
        return false;
    }
    uint8_t *p = arena_grow(s->a, s->p, s->cap, cap);
    if (!p) {
        s->failed = true;
        return false;
    }
    s->p = p;
    s->cap = cap;
    return true;
}

static bool sink_add(struct sink *s, const void *p, size_t n)
{
    if (!sink_room(s, n))
        return false;
    memcpy(s->p + s->n, p, n);
    s->n += n;
    return true;
}

static struct sink sink_of(struct arena *a, size_t in_n, size_t max)
{
    struct sink s = {.a = a, .max = max};
    size_t first = in_n + in_n / 8 + 16;
    s.cap = first < max ? first : max;
    s.p = arena_alloc(a, s.cap);
    s.failed = !s.p;
    if (s.failed)
        s.cap = 0;
    return s;
}

static struct span sink_done(struct sink *s, bool *cut)
{
    if (s->failed)
        return SPAN_NONE;
    arena_shrink(s->a, s->p, s->cap, s->n);
    if (cut)
        *cut |= s->cut;
    return span_of(s->p, s->n);
}

static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};

/* Valid as it stands: no copy, only the cap, at a character's edge. */
static struct span capped(struct span s, size_t max, bool *cut)
{
    if (s.n <= max)
        return s;
    if (cut)
        *cut = true;
    while (max && (s.p[max] & 0xc0) == 0x80)
        max--;
    return span_sub(s, 0, max);
}

static struct span utf8_repair(struct arena *a, struct span in, size_t max, bool *cut)
{
    struct sink s = sink_of(a, in.n, max);
    while (in.n && !s.failed && !s.cut) {
        size_t ok = utf8_valid_prefix(in);
        if (ok && !sink_add(&s, in.p, ok)) {
            if (s.cut && s.max > s.n) { /* as much of the run as fits */
                s.cut = false;
                struct span some = capped(span_sub(in, 0, ok), s.max - s.n, &s.cut);
                sink_add(&s, some.p, some.n);
                s.cut = true;
            }
            break;
        }
        in = span_sub(in, ok, in.n);
        if (in.n) {
            sink_add(&s, replacement, 3);
            in = span_sub(in, 1, in.n);
        }
    }
    return sink_done(&s, cut);
}

static struct span by_table(const struct converter *c, struct arena *a, struct span in, size_t max,
                            bool *cut, uint64_t *anomalies)
{
    struct sink s = sink_of(a, in.n, max);
    bool bad = false;
    for (size_t i = 0; i < in.n && !s.failed; i++) {
        if (s.cap - s.n < 3 && !sink_room(&s, 3))
            break;
        uint8_t b = in.p[i];
        size_t n = c->table[b].n;
        const uint8_t *from = n ? c->table[b].b : replacement;
        bad |= !n;
        n = n ? n : 3;
        s.p[s.n] = from[0];
        if (n > 1) {
            s.p[s.n + 1] = from[1];
            s.p[s.n + 2] = from[2];
        }
        s.n += n;
    }
    if (bad)
        *anomalies |= ANOMALY_BIT(ANOMALY_CHARSET_MISMATCH);
    return sink_done(&s, cut);
}

static struct span by_iconv(const struct converter *c, struct arena *a, struct span in, size_t max,
                            bool *cut, uint64_t *anomalies)
{
    struct sink s = sink_of(a, in.n, max);
    char *ip = (char *)(uintptr_t)in.p;
    size_t left = in.n;
    bool bad = false;
    iconv(c->cd, NULL, NULL, NULL, NULL);
    while (left && !s.failed && !s.cut) {
        char *op = (char *)s.p + s.n;
        size_t room = s.cap - s.n;
        size_t r = iconv(c->cd, &ip, &left, &op, &room);
        s.n = s.cap - room;
        if (r != (size_t)-1)
            break;
        if (errno == E2BIG) {
            /* Always more than there was, or the loop would not end. */
            if (!sink_room(&s, room + 16 + left) && !s.failed && s.cap < s.max)
                s.cut = !sink_room(&s, s.max - s.n);
            continue;
        }
        bad = true;
        sink_add(&s, replacement, 3);
        if (errno == EINVAL)
            break; /* an incomplete character at the end */
        ip++;
        left--;
    }
    if (bad)
        *anomalies |= ANOMALY_BIT(ANOMALY_CHARSET_MISMATCH);
    return sink_done(&s, cut);
}

static struct span convert(const struct converter *c, struct arena *a, struct span in, size_t max,
                           bool *cut, uint64_t *anomalies)
{
    return c->kind == KIND_TABLE ? by_table(c, a, in, max, cut, anomalies)
                                 : by_iconv(c, a, in, max, cut, anomalies);
}

/* What uchardet thinks of the first 8-bit stretch. NULL: no idea. */
static struct converter *guess(struct charset_set *cs, struct span in)
{
    if (!cs->guesser && !(cs->guesser = uchardet_new()))
        return NULL;
    size_t at = 0;
    while (at < in.n && in.p[at] < 0x80)
        at++;
    at = at > 256 ? at - 256 : 0;
    struct span look = span_sub(in, at, at + GUESS_BYTES);
    size_t high = 0;
    for (size_t i = 0; i < look.n; i++)
        high += look.p[i] >> 7;
    if (high < GUESS_LEAST_HIGH)
        return NULL;
    uchardet_reset(cs->guesser);
    if (uchardet_handle_data(cs->guesser, (const char *)look.p, look.n) != 0)
        return NULL;
    uchardet_data_end(cs->guesser);
    const char *name = uchardet_get_charset(cs->guesser);
    if (!name || !*name)
        return NULL;
    struct converter *c = converter_get(cs, span_str(name));
    return c && (c->kind == KIND_TABLE || c->kind == KIND_ICONV) ? c : NULL;
}

static struct span by_guess(struct charset_set *cs, struct arena *a, struct span in, size_t max,
                            bool *cut, uint64_t *anomalies)
{
    struct converter *c = guess(cs, in);
    if (!c)
        c = converter_get(cs, SPAN_LIT("windows-1252"));
    uint64_t ignored = 0;
    (void)anomalies; /* nothing was declared, so nothing is mismatched */
    if (!c || c->kind == KIND_UNKNOWN)
        return utf8_repair(a, in, max, cut);
    return convert(c, a, in, max, cut, &ignored);
}

/* Declared UTF-8 that is not: mostly UTF-8 with wounds, or another charset altogether? */
static bool mostly_utf8(struct span in)
{
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < in.n && i < GUESS_BYTES * 16;) {
        if (in.p[i] < 0x80) {
            i++;
            continue;
        }
        uint32_t cp;
        unsigned n = utf8_decode(span_sub(in, i, in.n), &cp);
        if (n > 1)
            good++;
        else
            bad++;
        i += n;
    }
    return good > bad;
}

struct span charset_to_utf8(struct charset_set *cs, struct arena *a, struct span in,
                            struct span name, size_t max_out, bool *cut, uint64_t *anomalies)
{
    struct converter *c = name.n ? converter_get(cs, name) : NULL;
    enum kind kind = !name.n ? KIND_GUESS : c ? c->kind : KIND_UNKNOWN;
    if (kind == KIND_UNKNOWN)
        *anomalies |= ANOMALY_BIT(ANOMALY_BAD_CHARSET);
    if (kind == KIND_TABLE || kind == KIND_ICONV) {
        if (c->ascii_is_ascii && charset_is_ascii(in))
            return capped(in, max_out, cut);
        return convert(c, a, in, max_out, cut, anomalies);
    }
    if (utf8_valid_prefix(in) == in.n)
        return capped(in, max_out, cut);
    if (kind == KIND_UTF8)
        *anomalies |= ANOMALY_BIT(ANOMALY_CHARSET_MISMATCH);
    if (mostly_utf8(in))
        return utf8_repair(a, in, max_out, cut);
    return by_guess(cs, a, in, max_out, cut, anomalies);
}

struct span charset_header_8bit(struct charset_set *cs, struct arena *a, struct span in)
{
    if (utf8_valid_prefix(in) == in.n)
        return in;
    struct converter *c = converter_get(cs, SPAN_LIT("windows-1252"));
    uint64_t ignored = 0;
    if (!c || c->kind != KIND_TABLE || mostly_utf8(in))
        return utf8_repair(a, in, in.n * 3, NULL);
    return convert(c, a, in, in.n * 3, NULL, &ignored);
}
