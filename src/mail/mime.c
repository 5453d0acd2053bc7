/* The tree is read by recursive descent, as the grammar of RFC 2046 5.1.1 is written, with one
 * stack of the boundaries that are open. A boundary line of an outer multipart ends all inner ones:
 * each level returns where and why it stopped, and the level that owns the line goes on from it. */
#include "mail/mime.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "mail/decode.h"
#include "mail/mime_priv.h"

enum { DECODED_DEPTH = 3 }; /* encoded messages within encoded messages: each level is a copy */

struct reader {
    struct mime_tree *t;
    struct charset_set *cs;
    struct arena *a;
    const struct mail_limits *lim;
    struct span in;
    size_t floor;      /* boundaries below this level belong to another input */
    unsigned decoded;  /* levels of decoded messages around us */
    uint64_t anomalies;
    struct scan_facts all;
    int err;
    size_t block;      /* first field of the header block that is being read */
    unsigned guesses;  /* how often own_boundary may still look */
};

/* Why reading stopped. */
struct stop {
    size_t at;    /* the boundary line, or the end of input */
    size_t next;  /* after that line */
    size_t level; /* of the boundary in t->open; SIZE_MAX: end of input */
    bool final;   /* it was the closing one */
};

void mime_tree_deinit(struct mime_tree *t)
{
    field_list_deinit(&t->fields);
    free(t->part);
    free(t->facts);
    free(t->open);
    *t = (struct mime_tree){0};
}

static bool part_add(struct reader *r, uint32_t *index)
{
    struct mime_tree *t = r->t;
    if (t->n_parts >= r->lim->max_parts && t->n_parts) {
        r->anomalies |= ANOMALY_BIT(ANOMALY_PARTS_LIMIT);
        return false;
    }
    if (t->n_parts == t->cap_parts) {
        size_t cap = t->cap_parts ? t->cap_parts * 2 : 32;
        struct part *p = realloc(t->part, cap * sizeof *p);
        if (p)
            t->part = p;
        struct scan_facts *f = realloc(t->facts, cap * sizeof *f);
        if (f)
            t->facts = f;
        if (!p || !f) {
            r->err = POSSE_ENOMEM;
            return false;
        }
        t->cap_parts = cap;
    }
    *index = (uint32_t)t->n_parts;
    t->part[t->n_parts] = (struct part){0};
    t->facts[t->n_parts++] = (struct scan_facts){0};
    return true;
}

static bool boundary_push(struct reader *r, struct span key)
{
    struct mime_tree *t = r->t;
    if (t->n_open == t->cap_open) {
        size_t cap = t->cap_open ? t->cap_open * 2 : 16;
        struct open_boundary *p = realloc(t->open, cap * sizeof *p);
        if (!p) {
            r->err = POSSE_ENOMEM;
            return false;
        }
        t->open = p;
        t->cap_open = cap;
    }
    uint64_t hash = hash64(key, 0);
    for (size_t i = r->floor; i < t->n_open; i++)
        if (t->open[i].hash == hash)
            r->anomalies |= ANOMALY_BIT(ANOMALY_BOUNDARY_REPEATED);
    t->open[t->n_open++] = (struct open_boundary){key, hash};
    return true;
}

/* Which open boundary is this line ("--" stripped, blanks at its end too)? Innermost first. */
static bool find_open(const struct reader *r, struct span line, size_t *level)
{
    const struct mime_tree *t = r->t;
    uint64_t hash = 0;
    bool hashed = false;
    for (size_t i = t->n_open; i > r->floor; i--) {
        const struct open_boundary *b = &t->open[i - 1];
        if (b->key.n != line.n)
            continue;
        if (!hashed)
            hash = hash64(line, 0);
        hashed = true;
        if (b->hash == hash && span_eq(b->key, line)) {
            *level = i - 1;
            return true;
        }
    }
    return false;
}

/* Is the line at `at`, which begins with "--", a boundary? */
static bool is_boundary(const struct reader *r, size_t at, struct stop *s)
{
    const uint8_t *p = r->in.p + at, *nl = memchr(p, '\n', r->in.n - at);
    size_t n = nl ? (size_t)(nl - p) : r->in.n - at;
    s->at = at;
    s->next = at + n + (nl != NULL);
    while (n > 2 && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
        n--;
    struct span line = span_of(p + 2, n - 2);
    s->final = false;
    if (find_open(r, line, &s->level))
        return true;
    s->final = true;
    return line.n > 2 && line.p[line.n - 1] == '-' && line.p[line.n - 2] == '-' &&
           find_open(r, span_sub(line, 0, line.n - 2), &s->level);
}

/* To the next boundary line at or after `at`, which starts a line. */
static struct stop scan(struct reader *r, size_t at, struct scan_facts *facts)
{
    struct stop s;
    const uint8_t *end = r->in.p + r->in.n, *p = r->in.p + at;
    if (r->t->n_open > r->floor) {
        while ((p = scan_dashes(p, end, facts)) < end) {
            if (is_boundary(r, (size_t)(p - r->in.p), &s))
                return s;
            /* Past the dashes, or the same line would be found again. */
            const uint8_t *nl = memchr(p, '\n', (size_t)(end - p));
            scan_bytes(span_of(p, (size_t)((nl ? nl : end) - p)), facts, &(bool){false});
            facts->long_line |= (nl ? nl : end) - p > SCAN_LINE_MAX + 1;
            p = nl ? nl + 1 : end;
        }
    } else {
        scan_lines(p, end, facts); /* nothing is open: only the kinds of bytes matter */
    }
    return (struct stop){.at = r->in.n, .next = r->in.n, .level = SIZE_MAX};
}

static struct stop read_entity(struct reader *r, size_t at, uint32_t parent, unsigned depth, bool digest);

/* A multipart whose blank line after the header was lost: does this line name the boundary that
 * the block's own Content-Type announces? Only a few lines are tried, each on a bounded value. */
static bool own_boundary(struct reader *r, struct span line)
{
    const struct field_list *l = &r->t->fields;
    if (!r->guesses || line.n < 3)
        return false;
    r->guesses--;
    for (size_t i = r->block; i < l->n; i++) {
        struct span v = span_sub(l->p[i].raw, 0, 1024);
        if (l->p[i].id != FIELD_CONTENT_TYPE)
            continue;
        ptrdiff_t at = span_ifind(v, SPAN_LIT("boundary"));
        return at >= 0 && span_find(span_sub(v, (size_t)at, v.n), span_sub(line, 2, line.n)) >= 0;
    }
    return false;
}

static bool stops_header(void *ctx, struct span rest)
{
    struct reader *r = ctx;
    struct stop s;
    if (rest.n < 2 || rest.p[1] != '-')
        return false;
    if (is_boundary(r, (size_t)(rest.p - r->in.p), &s))
        return true;
    return own_boundary(r, span_trim(span_sub(r->in, s.at, s.next)));
}

/* [from, to) without the line end before `to`, which belongs to the boundary. */
static struct span body_of(const struct reader *r, size_t from, const struct stop *s)
{
    size_t to = s->at;
    if (s->level != SIZE_MAX && to > from && r->in.p[to - 1] == '\n') {
        to--;
        if (to > from && r->in.p[to - 1] == '\r')
            to--;
    }
    return span_sub(r->in, from, to < from ? from : to);
}

static struct span boundary_key(struct span b)
{
    while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
        b.n--;
    return b;
}

static struct stop read_multipart(struct reader *r, uint32_t index, size_t at, unsigned depth)
{
    struct scan_facts facts = {0};
    struct part *p = &r->t->part[index];
    struct span key = boundary_key(p->boundary);
    bool digest = span_eq(p->type, SPAN_LIT("multipart/digest"));
    if (!key.n || !boundary_push(r, key)) {
        r->anomalies |= ANOMALY_BIT(ANOMALY_NO_BOUNDARY);
        return scan(r, at, &r->t->facts[index]);
    }
    size_t mine = r->t->n_open - 1, before = r->t->n_parts;
    struct stop s = scan(r, at, &r->t->facts[index]);
    while (r->err == POSSE_OK && s.level == mine && !s.final)
        s = read_entity(r, s.next, index, depth + 1, digest);
    r->t->n_open = mine;
    if (s.level == mine && s.final)
        s = scan(r, s.next, &facts);
    else
        r->anomalies |= ANOMALY_BIT(r->t->n_parts == before ? ANOMALY_BOUNDARY_MISSING : ANOMALY_UNCLOSED);
    r->all.crlf |= facts.crlf;
    r->all.lf |= facts.lf;
    return s;
}

static void read_decoded_message(struct reader *r, uint32_t index, unsigned depth);

/* The content of part `index` from its first byte `at`. */
static struct stop read_content(struct reader *r, uint32_t index, size_t at, unsigned depth)
{
    struct part *p = &r->t->part[index];
    bool plain = p->encoding != PART_BASE64 && p->encoding != PART_QP && p->encoding != PART_UUENCODE;
    bool deep = depth + 1 >= r->lim->max_depth;
    if (deep && (p->is_multipart || p->is_message)) {
        r->anomalies |= ANOMALY_BIT(ANOMALY_DEPTH_LIMIT);
    } else if (p->is_multipart) {
        if (!plain)
            r->anomalies |= ANOMALY_BIT(ANOMALY_MULTIPART_CTE);
        return read_multipart(r, index, at, depth);
    } else if (p->is_message && plain) {
        return read_entity(r, at, index, depth + 1, false);
    }
    struct stop s = scan(r, at, &r->t->facts[index]);
    p->body = body_of(r, at, &s);
    if (p->is_message && !deep && r->decoded < DECODED_DEPTH)
        read_decoded_message(r, index, depth);
    return s;
}

static struct stop read_entity(struct reader *r, size_t at, uint32_t parent, unsigned depth, bool digest)
{
    uint32_t index;
    struct header_block h;
    struct stop none;
    /* Two boundaries in a row, or one at the very end, hold no part between or after them. */
    if (depth && r->t->n_open > r->floor && r->t->part[parent].is_multipart) {
        if (at >= r->in.n)
            return scan(r, at, &r->all);
        if (r->in.n - at > 2 && r->in.p[at] == '-' && r->in.p[at + 1] == '-' && is_boundary(r, at, &none))
            return none;
    }
    if (!part_add(r, &index))
        return scan(r, at, &r->all);
    struct mime_tree *t = r->t;
    struct part *p = &t->part[index];
    p->parent = parent;
    p->depth = (uint16_t)depth;
    p->first_field = (uint32_t)t->fields.n;
    if (index && t->part[parent].is_message)
        at += header_mbox_line(span_sub(r->in, at, r->in.n));
    r->block = t->fields.n;
    r->guesses = 8;
    r->err = header_split(&t->fields, span_sub(r->in, at, r->in.n), index, r->lim->max_header_bytes,
                          stops_header, r, &h, &r->anomalies);
    if (r->err != POSSE_OK)
        return (struct stop){.at = r->in.n, .next = r->in.n, .level = SIZE_MAX};
    r->all.crlf |= h.crlf;
    r->all.lf |= h.lf;
    p->n_fields = (uint32_t)t->fields.n - p->first_field;
    mime_part_fields(t, index, r->cs, r->a, digest, &r->anomalies);

    size_t body = at + h.body;
    struct stop s = read_content(r, index, body, depth);
    p = &t->part[index]; /* children may have moved the array */
    p->body = body_of(r, body, &s);
    const struct scan_facts *f = &t->facts[index];
    r->all.crlf |= f->crlf;
    r->all.lf |= f->lf;
    r->all.long_line |= f->long_line;
    return s;
}

/* A message/rfc822 in base64: RFC 2046 5.2.1 forbids it, mail readers show it all the same. */
static void read_decoded_message(struct reader *r, uint32_t index, unsigned depth)
{
    uint64_t ignored = 0;
    struct span content = part_content(r->a, &r->t->part[index], &ignored);
    if (!content.n || r->t->n_parts >= r->lim->max_parts)
        return;
    struct reader inner = *r;
    inner.in = content;
    inner.floor = r->t->n_open;
    inner.decoded = r->decoded + 1;
    read_entity(&inner, 0, index, depth + 1, false);
    r->t->n_open = inner.floor;
    r->anomalies |= inner.anomalies | ANOMALY_BIT(ANOMALY_MULTIPART_CTE);
    r->err = inner.err;
}

int mime_read(struct mime_tree *t, struct charset_set *cs, struct arena *a, struct span in,
              const struct mail_limits *limits, uint64_t *anomalies)
{
    struct reader r = {.t = t, .cs = cs, .a = a, .lim = limits, .in = in};
    t->fields.n = t->n_parts = t->n_open = 0;
    t->fields.max = limits->max_fields;
    read_entity(&r, 0, 0, 0, false);
    if (r.all.crlf && r.all.lf)
        r.anomalies |= ANOMALY_BIT(ANOMALY_MIXED_EOL);
    if (r.all.long_line)
        r.anomalies |= ANOMALY_BIT(ANOMALY_LONG_LINE);
    *anomalies |= r.anomalies;
    return r.err;
}
