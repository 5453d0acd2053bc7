/* One line of a log, read. Lines of a case are nearly all of one plain form (flat, ASCII, no escapes), and there may be millions: those
 * are read here in one pass; anything else is jansson's. What is taken here means the same there: names are told apart, too. */
#include <jansson.h>
#include <string.h>

#include "base/hash.h"
#include "case/verify_priv.h"

enum { PAIRS = 24 };
struct pair { struct span name, text; uint64_t number; bool is_text; };

/* A string without escapes; s begins after its quote. */
static bool plain_text(struct span *s, struct span *out)
{
    size_t n = 0;
    while (n < s->n && s->p[n] >= ' ' && s->p[n] < 127 && s->p[n] != '"' && s->p[n] != '\\')
        n++;
    if (n == s->n || s->p[n] != '"')
        return false;
    *out = span_sub(*s, 0, n);
    *s = span_sub(*s, n + 1, s->n);
    return true;
}

static bool plain_number(struct span *s, uint64_t *out)
{
    size_t n = 0;
    for (*out = 0; n < s->n && ascii_is_digit(s->p[n]) && n < 18; n++)
        *out = *out * 10 + (s->p[n] - '0');
    bool ok = n > 0 && n < 18 && (n == 1 || s->p[0] != '0');
    *s = span_sub(*s, n, s->n);
    return ok;
}

static bool take(struct span *s, uint8_t c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = span_sub(*s, 1, s->n);
    return true;
}

/* How many pairs; 0: it is not of that form. */
static size_t plain_pairs(struct span s, struct pair *p)
{
    size_t n = 0;
    if (!take(&s, '{'))
        return 0;
    do {
        if (n == PAIRS || !take(&s, '"') || !plain_text(&s, &p[n].name) || !take(&s, ':'))
            return 0;
        p[n].is_text = take(&s, '"');
        if (p[n].is_text ? !plain_text(&s, &p[n].text) : !plain_number(&s, &p[n].number))
            return 0;
        for (size_t i = 0; i < n; i++)
            if (span_eq(p[i].name, p[n].name))
                return 0;
        n++;
    } while (take(&s, ','));
    return take(&s, '}') && s.n == 0 ? n : 0;
}

struct fields { struct span kind, prev, sha256; int64_t n, pack, offset, size; }; /* numbers: -1: not there */

static bool read_plain(struct span s, struct fields *f)
{
    struct pair p[PAIRS];
    size_t n = plain_pairs(s, p);
    const struct { const char *name; struct span *text; int64_t *number; } want[] = {
        {"n", NULL, &f->n}, {"prev", &f->prev, NULL}, {"kind", &f->kind, NULL}, {"pack", NULL, &f->pack}, {"offset", NULL, &f->offset},
        {"size", NULL, &f->size}, {"sha256", &f->sha256, NULL}};
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
            if (!span_eq(p[i].name, span_str(want[k].name)))
                continue;
            if (want[k].text && p[i].is_text)
                *want[k].text = p[i].text;
            else if (want[k].number && !p[i].is_text)
                *want[k].number = (int64_t)p[i].number;
        }
    return n > 0;
}

static int64_t number_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : -1;
}

static struct span text_of(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

static json_t *read_json(struct span s, struct fields *f)
{
    json_error_t e;
    json_t *o = json_loadb((const char *)s.p, s.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    *f = (struct fields){text_of(o, "kind"), text_of(o, "prev"), text_of(o, "sha256"), number_of(o, "n"), number_of(o, "pack"),
                         number_of(o, "offset"), number_of(o, "size")};
    return o;
}

void verify_read_line(struct span s, struct vline *l)
{
    struct fields f = {.n = -1, .pack = -1, .offset = -1, .size = -1};
    *l = (struct vline){.n = NOT_READ};
    sha256(s, l->hash);
    merkle_leaf(s, l->leaf);
    json_t *o = read_plain(s, &f) ? NULL : read_json(s, &f);
    if (f.kind.p && f.n >= 0 && f.n <= UINT32_MAX && hex_decode(f.prev, l->prev, 32)) {
        bool wants = span_eq(f.kind, SPAN_LIT("exhibit")) || span_eq(f.kind, SPAN_LIT("redaction"));
        l->is_exhibit = wants && f.pack >= 0 && f.pack <= 9999 && f.offset >= 0 && f.size >= 0 && f.size <= CASE_EXHIBIT_MAX &&
                        hex_decode(f.sha256, l->sha256, 32);
        if (l->is_exhibit) {
            l->pack = (uint32_t)f.pack;
            l->offset = (uint64_t)f.offset;
            l->size = (uint64_t)f.size;
        }
        l->n = wants && !l->is_exhibit ? NOT_READ : f.n;
    }
    json_decref(o);
}
