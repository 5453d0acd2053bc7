/* One table for names and networks alike. A name's key is its bytes, one that stands for all below it (`*.name`) has a mark; a network's
 * key is its first bits and how many they are. A look-up tries the name and each of its parents, and the address at each length of
 * prefix that the table has: what is denied beats what is allowed, that beats a service. */
#include "flow/known.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/error.h"

enum { NAME_MOST = 253, LINE_MOST = 4096, FILE_MOST = 64 << 20 };

struct entry {
    uint32_t at, n;       /* of text: the key */
    uint32_t what;        /* of text: a string; 0: none */
    uint16_t port;        /* 0: any */
    uint8_t kind, mark;   /* MARK_*, or bits of the prefix */
};
enum { MARK_NAME = 200, MARK_BELOW = 201 };

struct known {
    struct entry *entry; /* kind == KNOWN_NOT: free */
    size_t n, cap;
    struct buf text;
    uint8_t bits[129]; /* which lengths of prefix there are */
};

static uint64_t hash(const void *p, size_t n, uint8_t mark) { return XXH3_64bits_withSeed(p, n, mark); }

static int grow(struct known *k)
{
    size_t cap = k->cap ? k->cap * 2 : 1024;
    struct entry *wide = calloc(cap, sizeof *wide);
    if (!wide)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < k->cap; i++) {
        if (k->entry[i].kind == KNOWN_NOT)
            continue;
        size_t at = hash(k->text.p + k->entry[i].at, k->entry[i].n, k->entry[i].mark) & (cap - 1);
        while (wide[at].kind != KNOWN_NOT)
            at = (at + 1) & (cap - 1);
        wide[at] = k->entry[i];
    }
    free(k->entry);
    k->entry = wide;
    k->cap = cap;
    return 0;
}

static int add(struct known *k, const void *key, size_t n, struct entry e)
{
    if (k->n * 2 >= k->cap && grow(k) < 0)
        return POSSE_ENOMEM;
    e.at = (uint32_t)k->text.n;
    e.n = (uint32_t)n;
    buf_add(&k->text, key, n);
    size_t at = hash(key, n, e.mark) & (k->cap - 1);
    while (k->entry[at].kind != KNOWN_NOT)
        at = (at + 1) & (k->cap - 1);
    k->entry[at] = e;
    k->n++;
    return buf_error(&k->text);
}

/* The best of what has this key. */
static const struct entry *look(const struct known *k, const void *key, size_t n, uint8_t mark, uint16_t port, const struct entry *best)
{
    size_t at = hash(key, n, mark) & (k->cap - 1);
    for (; k->entry[at].kind != KNOWN_NOT; at = (at + 1) & (k->cap - 1)) {
        const struct entry *e = &k->entry[at];
        if (e->mark == mark && e->n == n && (e->port == 0 || e->port == port) && memcmp(k->text.p + e->at, key, n) == 0 &&
            (!best || e->kind > best->kind))
            best = e;
    }
    return best;
}

enum known_kind known_find(const struct known *k, struct span name, const struct ip *a, uint16_t port, const char **what)
{
    const struct entry *best = NULL;
    if (what)
        *what = NULL;
    if (!k || k->n == 0)
        return KNOWN_NOT;
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n && name.n <= NAME_MOST) {
        best = look(k, name.p, name.n, MARK_NAME, port, best);
        for (struct span up = name; up.n; ) {
            ptrdiff_t dot = span_chr(up, '.');
            if (dot < 0)
                break;
            up = span_sub(up, (size_t)dot + 1, up.n);
            best = look(k, up.p, up.n, MARK_BELOW, port, best);
        }
    }
    for (unsigned bits = 0; a && bits <= 128; bits++)
        if (k->bits[bits]) {
            struct ip net = ip_prefix(a, bits);
            best = look(k, net.b, sizeof net.b, (uint8_t)bits, port, best);
        }
    if (best && what && best->what)
        *what = (const char *)k->text.p + best->what;
    return best ? (enum known_kind)best->kind : KNOWN_NOT;
}

static bool digits(struct span s, unsigned most, unsigned *out)
{
    unsigned x = 0;
    if (s.n == 0 || s.n > 5)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i]))
            return false;
        x = x * 10 + s.p[i] - '0';
    }
    *out = x;
    return x <= most;
}

static int add_network(struct known *k, struct span s, struct entry e, bool *is_one)
{
    ptrdiff_t slash = span_chr(s, '/');
    struct ip ip;
    unsigned bits = 128;
    *is_one = ip_read(slash < 0 ? s : span_sub(s, 0, (size_t)slash), &ip);
    if (!*is_one)
        return 0;
    unsigned more = ip_is_v4(&ip) ? 96 : 0;
    if (slash >= 0) {
        if (!digits(span_sub(s, (size_t)slash + 1, s.n), 128 - more, &bits))
            return POSSE_ESYNTAX;
        bits += more;
    }
    ip = ip_prefix(&ip, bits);
    e.mark = (uint8_t)bits;
    k->bits[bits] = 1;
    return add(k, ip.b, sizeof ip.b, e);
}

static int add_name(struct known *k, struct span s, struct entry e)
{
    uint8_t low[NAME_MOST];
    e.mark = MARK_NAME;
    if (s.n > 2 && s.p[0] == '*' && s.p[1] == '.') {
        e.mark = MARK_BELOW;
        s = span_sub(s, 2, s.n);
    }
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0 || s.n > NAME_MOST)
        return POSSE_ESYNTAX;
    for (size_t i = 0; i < s.n; i++) {
        low[i] = ascii_lower(s.p[i]);
        if (!ascii_is_alnum(low[i]) && low[i] != '-' && low[i] != '_' && low[i] != '.')
            return POSSE_ESYNTAX;
    }
    return add(k, low, s.n, e);
}

/* "name", "*.name", "192.0.2.0/24", "2001:db8::/32"; ":port" behind a name or IPv4. */
static int add_pattern(struct known *k, struct span s, struct entry e)
{
    ptrdiff_t colon = span_chr(s, ':');
    bool is_one;
    if (colon >= 0 && span_chr(span_sub(s, (size_t)colon + 1, s.n), ':') < 0) {
        unsigned port;
        if (!digits(span_sub(s, (size_t)colon + 1, s.n), 65535, &port) || port == 0)
            return POSSE_ESYNTAX;
        e.port = (uint16_t)port;
        s = span_sub(s, 0, (size_t)colon);
    }
    int rc = add_network(k, s, e, &is_one);
    return rc < 0 || is_one ? rc : add_name(k, s, e);
}

/* A line: the pattern, and of a service what it is and where that is said, by tabs. */
static int add_line(struct known *k, struct span line, enum known_kind kind)
{
    struct entry e = {.kind = (uint8_t)kind};
    line = span_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return 0;
    ptrdiff_t tab = span_chr(line, '\t');
    if (kind == KNOWN_SERVICE) {
        struct span rest = tab < 0 ? SPAN_NONE : span_sub(line, (size_t)tab + 1, line.n);
        ptrdiff_t end = span_chr(rest, '\t');
        if (tab < 0 || end <= 0)
            return POSSE_ESYNTAX;
        e.what = (uint32_t)k->text.n;
        buf_add(&k->text, rest.p, (size_t)end);
        buf_add_byte(&k->text, 0);
    }
    return add_pattern(k, span_trim(tab < 0 ? line : span_sub(line, 0, (size_t)tab)), e);
}

static int add_file(struct known *k, const char *path, enum known_kind kind, struct report *why)
{
    char line[LINE_MOST];
    FILE *f = fopen(path, "re");
    unsigned number = 0;
    int rc = 0;
    if (!f)
        return report_errno(why, "read", path);
    while (rc == 0 && fgets(line, sizeof line, f)) {
        number++;
        size_t n = strlen(line);
        if (n + 1 == sizeof line && line[n - 1] != '\n')
            rc = POSSE_ESYNTAX;
        else
            rc = add_line(k, span_of(line, n), kind);
    }
    if (rc == 0 && ferror(f))
        rc = report_errno(why, "read", path);
    fclose(f);
    if (rc == POSSE_ESYNTAX)
        return report_set(why, rc, "%s:%u: not a name, *.name, address or network%s", path, number,
                          kind == KNOWN_SERVICE ? ", what it is and its source, by tabs" : " a line");
    return rc < 0 && rc != POSSE_EIO ? report_set(why, rc, "%s: no memory for so long a list", path) : rc;
}

int known_open(const struct known_options *o, struct known **out, struct report *why)
{
    struct known *k = calloc(1, sizeof *k);
    int rc = 0;
    *out = k;
    if (!k || grow(k) < 0) {
        known_free(out);
        return report_set(why, POSSE_ENOMEM, "no memory for lists of services");
    }
    buf_init(&k->text, FILE_MOST);
    buf_add_byte(&k->text, 0); /* place 0 is no string */
    if (o->services)
        rc = add_file(k, o->services, KNOWN_SERVICE, why);
    for (size_t i = 0; rc == 0 && i < o->n_allow; i++)
        rc = add_file(k, o->allow[i], KNOWN_ALLOWED, why);
    for (size_t i = 0; rc == 0 && i < o->n_deny; i++)
        rc = add_file(k, o->deny[i], KNOWN_DENIED, why);
    if (rc < 0)
        known_free(out);
    return rc;
}

void known_free(struct known **kp)
{
    struct known *k = *kp;
    *kp = NULL;
    if (!k)
        return;
    free(k->entry);
    buf_deinit(&k->text);
    free(k);
}
