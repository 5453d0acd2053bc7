/* astable_csv: from lines to a table.
 *
 * Ranges may nest and overlap in any way. They are sorted by where they begin and swept once: a heap holds those that are open, the
 * narrowest on top, and at each place where one begins or the narrowest ends a new piece begins with who is on top then. Cost: n log n. */
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "net/astable_priv.h"

struct range { struct ip first, last, width; uint32_t who, line; };

struct build {
    const char *path;
    struct report *why;
    uint32_t line;
    struct range *range;
    size_t n, cap;
    struct as_system *system;
    size_t n_systems, cap_systems;
    uint32_t *slot; /* 1 + index of a system, by hash; open addressing */
    size_t n_slots;
    struct buf names;
};

static int bad(const struct build *b, const char *what)
{
    return report_set(b->why, POSSE_ESYNTAX, "%s:%u: %s; a line is first,last,asn,name[,country[,dynamic]]", b->path, b->line, what);
}

static int no_memory(const struct build *b) { return report_set(b->why, POSSE_ENOMEM, "%s: out of memory", b->path); }

/* Doubles *p when it is full. */
static bool room(void **p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 1024;
    void *bigger = realloc(*p, more * size);
    if (!bigger)
        return false;
    *p = bigger;
    *cap = more;
    return true;
}

/* ---- systems ---- */

static const char *name_of(const struct build *b, const struct as_system *s) { return (const char *)b->names.p + s->name; }

static uint64_t system_hash(const struct as_system *s, struct span name)
{
    return hash64(name, mix64(s->asn) ^ ((uint64_t)(uint8_t)s->country[0] << 16 | (uint64_t)(uint8_t)s->country[1] << 8 | s->is_dynamic));
}

static bool system_is(const struct build *b, const struct as_system *a, const struct as_system *s, struct span name)
{
    return a->asn == s->asn && memcmp(a->country, s->country, 2) == 0 && a->is_dynamic == s->is_dynamic &&
           span_eq(span_str(name_of(b, a)), name);
}

static bool grow_slots(struct build *b)
{
    size_t n = b->n_slots ? b->n_slots * 2 : 4096;
    uint32_t *slot = calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < b->n_systems; i++) {
        size_t at = system_hash(&b->system[i], span_str(name_of(b, &b->system[i]))) & (n - 1);
        while (slot[at])
            at = (at + 1) & (n - 1);
        slot[at] = (uint32_t)i + 1;
    }
    free(b->slot);
    b->slot = slot;
    b->n_slots = n;
    return true;
}

static int system_number(struct build *b, struct as_system *s, struct span name, uint32_t *out)
{
    if (b->n_systems * 2 >= b->n_slots && !grow_slots(b))
        return no_memory(b);
    size_t at = system_hash(s, name) & (b->n_slots - 1);
    for (; b->slot[at]; at = (at + 1) & (b->n_slots - 1))
        if (system_is(b, &b->system[b->slot[at] - 1], s, name)) {
            *out = b->slot[at] - 1;
            return 0;
        }
    if (b->n_systems == AS_SYSTEMS_MAX)
        return report_set(b->why, POSSE_ELIMIT, "%s:%u: more than %d autonomous systems", b->path, b->line, AS_SYSTEMS_MAX);
    s->name = name.n ? (uint32_t)b->names.n : 0;
    if (name.n) {
        buf_add_span(&b->names, name);
        buf_add_byte(&b->names, '\0');
    }
    if (buf_error(&b->names) || !room((void **)&b->system, b->n_systems, &b->cap_systems, sizeof *b->system))
        return no_memory(b);
    b->system[b->n_systems] = *s;
    *out = (uint32_t)b->n_systems;
    b->slot[at] = (uint32_t)++b->n_systems;
    return 0;
}

/* ---- lines ---- */

enum { COLUMNS = 6, FIELD_MAX = AS_NAME_MAX + 1 };

/* One field off the line, up to the comma; quoted ones in `scratch`. False: a quote without its end. */
static bool field(struct span *line, struct span *out, uint8_t *scratch)
{
    struct span s = *line;
    if (s.n == 0 || s.p[0] != '"') {
        ptrdiff_t comma = span_chr(s, ',');
        size_t end = comma < 0 ? s.n : (size_t)comma;
        *out = span_trim(span_sub(s, 0, end));
        *line = comma < 0 ? SPAN_NONE : span_sub(s, end + 1, s.n);
        return true;
    }
    size_t n = 0, i = 1;
    for (;; i++) {
        if (i == s.n)
            return false;
        if (s.p[i] == '"' && (i + 1 == s.n || s.p[i + 1] != '"'))
            break;
        i += s.p[i] == '"';
        if (n < FIELD_MAX)
            scratch[n++] = s.p[i];
    }
    if (i + 1 < s.n && s.p[i + 1] != ',')
        return false;
    *out = span_trim(span_of(scratch, n));
    *line = span_sub(s, i + 2, s.n);
    return true;
}

static bool number(struct span s, uint32_t *out)
{
    uint64_t x = 0;
    if (span_istarts(s, SPAN_LIT("AS")))
        s = span_sub(s, 2, s.n);
    if (s.n == 0 || s.n > 10)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]))
            return false;
        x = x * 10 + (s.p[i] - '0');
    }
    *out = (uint32_t)x;
    return x <= UINT32_MAX;
}

/* Names go to terminals and into JSON: no control characters, whole characters of UTF-8 as far as they are cut. */
static struct span clean_name(struct span s, uint8_t *out)
{
    size_t n = 0;
    if (s.n > AS_NAME_MAX) {
        s.n = AS_NAME_MAX;
        while (s.n && (s.p[s.n] & 0xc0) == 0x80)
            s.n--;
    }
    for (size_t i = 0; i < s.n; i++)
        out[n++] = s.p[i] < 0x20 || s.p[i] == 0x7f ? '?' : s.p[i];
    return span_of(out, n);
}

static struct ip width_of(const struct ip *first, const struct ip *last)
{
    struct ip w;
    int borrow = 0;
    for (int i = 15; i >= 0; i--) {
        int d = last->b[i] - first->b[i] - borrow;
        borrow = d < 0;
        w.b[i] = (uint8_t)d;
    }
    return w;
}

static int add_range(struct build *b, const struct span *c, struct range *r)
{
    struct as_system s = {0};
    uint8_t name[AS_NAME_MAX];
    if (!ip_read(c[0], &r->first) || !ip_read(c[1], &r->last))
        return bad(b, "no address");
    if (ip_is_v4(&r->first) != ip_is_v4(&r->last) || ip_compare(&r->first, &r->last) > 0)
        return bad(b, "the last address is before the first");
    if (!number(c[2], &s.asn))
        return bad(b, "no number of an autonomous system");
    if (c[4].n == 2 && ascii_is_alpha(c[4].p[0]) && ascii_is_alpha(c[4].p[1]))
        memcpy(s.country, c[4].p, 2);
    else if (c[4].n)
        return bad(b, "a country has two letters");
    s.is_dynamic = c[5].n == 1 && c[5].p[0] == '1';
    if (c[5].n && !(c[5].n == 1 && (c[5].p[0] | 1) == '1'))
        return bad(b, "dynamic is 0 or 1");
    r->width = width_of(&r->first, &r->last);
    r->line = b->line;
    r->who = AS_NOBODY;
    return s.asn ? system_number(b, &s, clean_name(c[3], name), &r->who) : 0;
}

static int add_line(struct build *b, struct span line)
{
    struct span c[COLUMNS] = {SPAN_NONE};
    uint8_t scratch[COLUMNS][FIELD_MAX];
    struct range r;
    size_t n = 0;
    for (; line.n && n < COLUMNS; n++)
        if (!field(&line, &c[n], scratch[n]))
            return bad(b, "a quote without its end");
    if (n < 3 || line.n)
        return bad(b, n < 3 ? "too few fields" : "too many fields");
    if (b->n == AS_RANGES_MAX)
        return report_set(b->why, POSSE_ELIMIT, "%s:%u: more than %d ranges", b->path, b->line, AS_RANGES_MAX);
    int rc = add_range(b, c, &r);
    if (rc)
        return rc;
    if (!room((void **)&b->range, b->n, &b->cap, sizeof *b->range))
        return no_memory(b);
    b->range[b->n++] = r;
    return 0;
}

static int add_lines(struct build *b, struct span csv)
{
    if (csv.n >= 3 && memcmp(csv.p, "\xef\xbb\xbf", 3) == 0)
        csv = span_sub(csv, 3, csv.n);
    while (csv.n) {
        ptrdiff_t nl = span_chr(csv, '\n');
        size_t end = nl < 0 ? csv.n : (size_t)nl;
        struct span line = span_trim(span_sub(csv, 0, end));
        csv = span_sub(csv, nl < 0 ? end : end + 1, csv.n);
        b->line++;
        int rc = line.n && line.p[0] != '#' ? add_line(b, line) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- the sweep ---- */

struct piece { struct ip start; uint32_t who; };
struct sweep { struct range **open; size_t n_open; struct piece *out; size_t n; };

/* IPv4 before the rest: the families are swept apart, so that no piece reaches from one into the other. */
static int by_first(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    bool x4 = ip_is_v4(&x->first), y4 = ip_is_v4(&y->first);
    return x4 != y4 ? y4 - x4 : ip_compare(&x->first, &y->first);
}

/* Is a to be asked before b? Of equally wide ones the later line. */
static bool is_narrower(const struct range *a, const struct range *b)
{
    int d = ip_compare(&a->width, &b->width);
    return d < 0 || (d == 0 && a->line > b->line);
}

static void heap_push(struct sweep *s, struct range *r)
{
    size_t i = s->n_open++;
    for (; i > 0 && is_narrower(r, s->open[(i - 1) / 2]); i = (i - 1) / 2)
        s->open[i] = s->open[(i - 1) / 2];
    s->open[i] = r;
}

static void heap_pop(struct sweep *s)
{
    struct range *r = s->open[--s->n_open];
    size_t i = 0;
    for (size_t c = 1; c < s->n_open; c = 2 * i + 1) {
        if (c + 1 < s->n_open && is_narrower(s->open[c + 1], s->open[c]))
            c++;
        if (!is_narrower(s->open[c], r))
            break;
        s->open[i] = s->open[c];
        i = c;
    }
    if (s->n_open)
        s->open[i] = r;
}

/* From `at` on it is `who`. */
static void piece_begin(struct sweep *s, const struct ip *at, uint32_t who)
{
    if (s->n && ip_compare(&s->out[s->n - 1].start, at) == 0)
        s->n--;
    if (s->n ? s->out[s->n - 1].who == who : who == AS_NOBODY)
        return;
    s->out[s->n++] = (struct piece){*at, who};
}

/* False: there is none after it. */
static bool ip_next(struct ip *a)
{
    for (int i = 15; i >= 0; i--)
        if (++a->b[i])
            return true;
    return false;
}

/* Closes what ends before `limit` (NULL: all), narrowest first. */
static void close_until(struct sweep *s, const struct ip *limit)
{
    while (s->n_open && (!limit || ip_compare(&s->open[0]->last, limit) < 0)) {
        struct ip end = s->open[0]->last;
        heap_pop(s);
        while (s->n_open && ip_compare(&s->open[0]->last, &end) <= 0)
            heap_pop(s); /* over as well, below the narrower one */
        if (ip_next(&end))
            piece_begin(s, &end, s->n_open ? s->open[0]->who : AS_NOBODY);
    }
}

static void sweep(struct sweep *s, struct range *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close_until(s, &r[i].first);
        heap_push(s, &r[i]);
        piece_begin(s, &r[i].first, s->open[0]->who);
    }
    close_until(s, NULL);
}

/* ---- the table ---- */

static size_t round8(size_t n) { return (n + 7) & ~(size_t)7; }

struct layout { uint32_t *start4, *who4, *who6; struct ip *start6; struct as_system *system; char *names; };

static bool lay_out(const struct build *b, size_t n4, size_t n6, struct astable *t, struct layout *l)
{
    size_t sys = b->n_systems * sizeof *b->system, at = 0;
    uint8_t *block = calloc(1, 8 + round8(n4 * 4) * 2 + n6 * 16 + round8(n6 * 4) + sys + b->names.n);
    if (!block)
        return false;
    l->start4 = (void *)block;
    l->who4 = (void *)(block + (at += round8(n4 * 4)));
    l->start6 = (void *)(block + (at += round8(n4 * 4)));
    l->who6 = (void *)(block + (at += n6 * 16));
    l->system = (void *)(block + (at += round8(n6 * 4)));
    l->names = (char *)block + at + sys;
    if (sys)
        memcpy(l->system, b->system, sys);
    memcpy(l->names, b->names.p, b->names.n);
    *t = (struct astable){.start4 = l->start4, .who4 = l->who4, .start6 = l->start6, .who6 = l->who6, .system = l->system,
                          .names = l->names, .n4 = (uint32_t)n4, .n6 = (uint32_t)n6, .n_systems = (uint32_t)b->n_systems,
                          .n_names = (uint32_t)b->names.n, .owned = block};
    return true;
}

/* All pieces: IPv4's, from n4 on the others'. */
static bool fill(const struct build *b, const struct piece *p, size_t n4, size_t n6, struct astable *t)
{
    struct layout l;
    if (!lay_out(b, n4, n6, t, &l))
        return false;
    for (size_t i = 0; i < n4; i++) {
        l.start4[i] = ip_v4(&p[i].start);
        l.who4[i] = p[i].who;
    }
    for (size_t i = 0; i < n6; i++) {
        l.start6[i] = p[n4 + i].start;
        l.who6[i] = p[n4 + i].who;
    }
    astable_index(t);
    return true;
}

static int finish(struct build *b, struct astable **out)
{
    struct piece *piece = malloc((2 * b->n + 1) * sizeof *piece);
    struct range **open = malloc((b->n + 1) * sizeof *open);
    struct astable *t = malloc(sizeof *t);
    bool ok = piece && open && t;
    if (ok) {
        size_t first6 = 0;
        if (b->n)
            qsort(b->range, b->n, sizeof *b->range, by_first);
        while (first6 < b->n && ip_is_v4(&b->range[first6].first))
            first6++;
        struct sweep four = {open, 0, piece, 0};
        sweep(&four, b->range, first6);
        if (four.n && !ip_is_v4(&piece[four.n - 1].start))
            four.n--; /* where 255.255.255.255 ends */
        struct sweep six = {open, 0, piece + four.n, 0};
        sweep(&six, b->range + first6, b->n - first6);
        ok = fill(b, piece, four.n, six.n, t);
    }
    free(open);
    free(piece);
    if (!ok) {
        free(t);
        return no_memory(b);
    }
    *out = t;
    return 0;
}

int astable_read(struct span csv, const char *path, struct astable **out, struct report *why)
{
    struct build b = {.path = path, .why = why};
    *out = NULL;
    buf_init(&b.names, UINT32_MAX);
    buf_add_byte(&b.names, '\0');
    int rc = buf_error(&b.names) ? no_memory(&b) : add_lines(&b, csv);
    if (!rc)
        rc = finish(&b, out);
    buf_deinit(&b.names);
    free(b.range);
    free(b.system);
    free(b.slot);
    return rc;
}
