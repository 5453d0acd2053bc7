/* Lines of a case are nearly all of one plain form (flat, ASCII, no escapes), and there may be millions: those are read here in one pass.
 * What is taken here means the same to jansson, which reads all others: names are told apart, too. */
#include "base/buf.h"
#include "case/casefile_priv.h"

/* Does one of eight bytes end a plain text: a control or DEL, a quote, a backslash, what is not ASCII? A false alarm costs a look at each. */
static bool has_end(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t quote = x ^ ones * '"', slash = x ^ ones * '\\', del = x ^ ones * 127;
    return ((x | (x - ones * ' ') | (quote - ones) | (slash - ones) | (del - ones)) & tops) != 0;
}

/* A string without escapes; s begins after its quote. */
static bool plain_text(struct span *s, struct span *out)
{
    size_t n = 0;
    uint64_t eight;
    for (; n + sizeof eight <= s->n; n += sizeof eight) {
        memcpy(&eight, s->p + n, sizeof eight);
        if (has_end(eight))
            break;
    }
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

static bool is_new_name(const struct plain_pair *p, size_t n, uint64_t *seen)
{
    struct span name = p[n].name;
    uint64_t bit = 1ULL << ((name.n ? name.p[0] * 7u + name.p[name.n - 1] + name.n * 16 : 0) & 63);
    bool may_be_there = *seen & bit;
    *seen |= bit;
    for (size_t i = 0; may_be_there && i < n; i++)
        if (span_eq(p[i].name, name))
            return false;
    return true;
}

size_t casefile_pairs(struct span s, struct plain_pair p[PLAIN_PAIRS])
{
    size_t n = 0;
    uint64_t seen = 0;
    if (!take(&s, '{'))
        return 0;
    do {
        if (n == PLAIN_PAIRS || !take(&s, '"') || !plain_text(&s, &p[n].name) || !take(&s, ':'))
            return 0;
        p[n].is_text = take(&s, '"');
        if (p[n].is_text ? !plain_text(&s, &p[n].text) : !plain_number(&s, &p[n].number))
            return 0;
        if (!is_new_name(p, n, &seen))
            return 0;
        n++;
    } while (take(&s, ','));
    return take(&s, '}') && s.n == 0 ? n : 0;
}

static void take_pair(const struct plain_pair *p, struct plain_line *f)
{
    const struct { const char *name; struct span *text; int64_t *number; } want[] = {
        {"n", NULL, &f->n}, {"prev", &f->prev, NULL}, {"kind", &f->kind, NULL}, {"pack", NULL, &f->pack}, {"offset", NULL, &f->offset},
        {"size", NULL, &f->size}, {"sha256", &f->sha256, NULL}};
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        if (p->name.n == 0 || p->name.p[0] != (uint8_t)want[k].name[0] || !span_eq(p->name, span_str(want[k].name)))
            continue;
        if (want[k].text && p->is_text)
            *want[k].text = p->text;
        else if (want[k].number && !p->is_text)
            *want[k].number = (int64_t)p->number;
    }
}

bool casefile_plain(struct span s, struct plain_line *f)
{
    struct plain_pair p[PLAIN_PAIRS];
    size_t n = casefile_pairs(s, p);
    for (size_t i = 0; i < n; i++)
        take_pair(&p[i], f);
    return n > 0;
}
