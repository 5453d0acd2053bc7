/* Lines of a case are nearly all of one plain form (flat, ASCII, no escapes), and there may be millions: those are read here in one pass.
 * What is taken here means the same to jansson, which reads all others: names are told apart, too. */
#include "base/buf.h"
#include "case/casefile_priv.h"

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

bool casefile_plain(struct span s, struct plain_line *f)
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
