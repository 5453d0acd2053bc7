#include "case/guard.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "flow/known.h"
#include "mail/url.h"

/* A name in a zone has the zone's own behind it: 253 bytes in all. */
enum { NAME_MOST = 200, LABEL_MOST = 63, POPULAR_BYTES = 16 << 20, ARENA_BYTES = 1 << 20 };

struct guard {
    struct buf text; /* of the popular list */
    struct span *popular;
    size_t n_popular;
    struct known *known;
    struct suffixes *suffixes;
    struct arena *arena;
    bool lists_reserved;
};

static int by_bytes(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int c = n ? memcmp(x->p, y->p, n) : 0;
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static int read_popular(struct guard *g, const char *path, struct report *why)
{
    FILE *f = path ? fopen(path, "re") : NULL;
    if (!f)
        return report_errno(why, "the list of popular names cannot be read", path ? path : "popular-domains.txt");
    for (size_t got = 1; got;) {
        uint8_t *p = buf_reserve(&g->text, 65536);
        got = p ? fread(p, 1, 65536, f) : 0;
        g->text.n += got;
    }
    bool bad = ferror(f) || buf_error(&g->text);
    fclose(f);
    size_t lines = 1;
    for (size_t i = 0; i < g->text.n; i++)
        lines += g->text.p[i] == '\n';
    g->popular = calloc(lines, sizeof *g->popular);
    if (bad || !g->popular)
        return report_set(why, bad ? POSSE_EIO : POSSE_ENOMEM, "%s: cannot be read whole", path);
    for (size_t from = 0; from < g->text.n;) {
        struct span rest = span_sub(buf_span(&g->text), from, g->text.n);
        ptrdiff_t end = span_chr(rest, '\n');
        struct span line = span_trim(span_sub(rest, 0, end < 0 ? rest.n : (size_t)end));
        if (line.n && line.p[0] != '#')
            g->popular[g->n_popular++] = line;
        from += end < 0 ? rest.n : (size_t)end + 1;
    }
    qsort(g->popular, g->n_popular, sizeof *g->popular, by_bytes);
    /* A list that was lost would let everything through. */
    return g->n_popular ? 0 : report_set(why, POSSE_ESYNTAX, "%s: names nothing: it must have a registered domain a line", path);
}

int guard_open(const struct guard_options *o, struct guard **out, struct report *why)
{
    struct guard *g = calloc(1, sizeof *g);
    if (!g)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    buf_init(&g->text, POPULAR_BYTES);
    g->lists_reserved = o->lists_reserved;
    g->suffixes = suffixes_new();
    g->arena = arena_new(ARENA_BYTES);
    int rc = read_popular(g, o->popular, why);
    if (!rc)
        rc = known_open(&(struct known_options){.services = o->services, .allow = o->allow, .n_allow = o->n_allow}, &g->known, why);
    if (!rc && (!g->arena || !g->suffixes))
        rc = report_set(why, POSSE_ENOENT, "the list of public suffixes cannot be had: install publicsuffix");
    if (rc)
        guard_free(&g);
    *out = g;
    return rc;
}

void guard_free(struct guard **g)
{
    if (!g || !*g)
        return;
    known_free(&(*g)->known);
    suffixes_free(&(*g)->suffixes);
    arena_free(&(*g)->arena);
    buf_deinit(&(*g)->text);
    free((*g)->popular);
    free(*g);
    *g = NULL;
}

/* Letters, digits, hyphens and underscores in two or more labels of which the last is no number: nothing that a zone file, a map or a
 * shell could read as more than a name. */
static bool is_name(struct span s)
{
    size_t label = 0, labels = 1;
    bool has_letter = false;
    if (!s.n || s.n > NAME_MOST)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '.') {
            if (!label || s.p[i - 1] == '-')
                return false;
            label = 0;
            labels++;
            has_letter = false;
            continue;
        }
        if (!(ascii_is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || (c == '-' && label)) || ++label > LABEL_MOST)
            return false;
        has_letter = has_letter || !ascii_is_digit(c);
    }
    return labels > 1 && label && has_letter && s.p[s.n - 1] != '-';
}

static bool is_popular(const struct guard *g, struct span domain)
{
    return g->n_popular && bsearch(&domain, g->popular, g->n_popular, sizeof *g->popular, by_bytes);
}

static const char *of_known(enum known_kind k)
{
    return k == KNOWN_ALLOWED ? "your list allows it" : k == KNOWN_SERVICE ? "a service that machines visit by themselves" : NULL;
}

const char *guard_name(struct guard *g, struct span name)
{
    static const struct ip none;
    const char *what;
    if (!is_name(name))
        return "not a host name in lower case";
    const char *no = of_known(known_find(g->known, name, &none, 0, &what));
    if (no)
        return no;
    arena_reset(g->arena);
    struct url u;
    char text[NAME_MOST + 16];
    int n = snprintf(text, sizeof text, "http://%.*s/", (int)name.n, (const char *)name.p);
    if (!url_parse(g->arena, g->suffixes, span_of(text, (size_t)n), &u) || !span_eq(u.host, name))
        return "not a host name";
    if (!u.domain.n)
        return "a public suffix, below which many register";
    if (is_popular(g, u.domain))
        return "popular, or below a popular name";
    if (u.flags & (URL_FREE_HOST | URL_IS_SHORTENER))
        return "shared hosting, or a shortener: many use it";
    /* What many rent below may be known by its upper name only: pages.some-host.example. */
    for (ptrdiff_t dot = span_chr(name, '.'); dot >= 0; dot = span_chr(name, '.')) {
        if (is_popular(g, name))
            return "popular, or below a popular name";
        name = span_sub(name, (size_t)dot + 1, name.n);
    }
    return NULL;
}

const char *guard_address(struct guard *g, const struct ip *a)
{
    const char *what;
    if (ip_is_zero(a))
        return "not an address";
    const char *no = of_known(known_find(g->known, SPAN_NONE, a, 0, &what));
    if (no)
        return no;
    return ip_is_special(a) && !g->lists_reserved ? "private, reserved or for documentation: no machine on the Internet has it" : NULL;
}
