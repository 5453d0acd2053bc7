#include "mail/address.h"

#include "mail/param.h"

struct cursor {
    struct arena *a;
    struct span s;
    size_t at;
};

static bool is_blank(uint8_t c) { return ascii_is_space(c) || c == 0; }

/* Past a comment; its inside is *text (a display name of old: "a@b (Name)"). */
static void skip_comment(struct cursor *c, struct span *text)
{
    unsigned depth = 0;
    size_t from = c->at + 1;
    for (; c->at < c->s.n; c->at++) {
        uint8_t b = c->s.p[c->at];
        if (b == '\\') {
            c->at++;
        } else if (b == '(') {
            depth++;
        } else if (b == ')' && --depth == 0) {
            *text = span_sub(c->s, from, c->at++);
            return;
        }
    }
    c->at = c->s.n;
    *text = span_sub(c->s, from, c->at);
}

static void skip_quoted(struct cursor *c)
{
    for (c->at++; c->at < c->s.n; c->at++) {
        if (c->s.p[c->at] == '\\')
            c->at++;
        else if (c->s.p[c->at] == '"')
            break;
    }
    c->at = c->at < c->s.n ? c->at + 1 : c->s.n;
}

/* A phrase without quotes, backslashes, line ends and runs of blanks. */
static struct span clean_name(struct arena *a, struct span s)
{
    s = span_trim(s);
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"' && !memchr(s.p + 1, '"', s.n - 2))
        s = span_sub(s, 1, s.n - 1);
    size_t i = 0;
    while (i < s.n && s.p[i] != '"' && s.p[i] != '\\' && s.p[i] != '\r' && s.p[i] != '\n')
        i++;
    if (i == s.n)
        return span_trim(s);
    uint8_t *out = arena_alloc(a, s.n);
    size_t n = 0;
    if (!out)
        return SPAN_NONE;
    for (i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '"' || c == '\r' || c == '\n')
            continue;
        if (c == '\\' && i + 1 < s.n)
            c = s.p[++i];
        out[n++] = c;
    }
    arena_shrink(a, out, s.n, n);
    return span_trim(span_of(out, n));
}

static struct span lower_domain(struct arena *a, struct span s)
{
    s = span_trim(s);
    while (s.n && (s.p[s.n - 1] == '.' || s.p[s.n - 1] == '>'))
        s.n--;
    return param_lower(a, s);
}

/* "local@domain", blanks around allowed, a source route "@a,@b:" dropped. */
static void split_addr(struct arena *a, struct span s, struct mailbox *m)
{
    s = span_trim(s);
    if (s.n && s.p[0] == '@') {
        ptrdiff_t colon = span_chr(s, ':');
        if (colon >= 0)
            s = span_sub(s, (size_t)colon + 1, s.n);
    }
    if (span_istarts(s, SPAN_LIT("mailto:")))
        s = span_sub(s, 7, s.n);
    size_t i = s.n;
    while (i && s.p[i - 1] != '@')
        i--;
    m->local = span_trim(i ? span_sub(s, 0, i - 1) : s);
    m->domain = i ? lower_domain(a, span_sub(s, i, s.n)) : SPAN_NONE;
}

/* One mailbox, up to ',' or ';' or the end. False: nothing there. */
static bool read_mailbox(struct cursor *c, struct mailbox *m)
{
    size_t from = c->at;
    struct span comment = SPAN_NONE, angle = SPAN_NONE;
    size_t name_end = 0, bare_end = from;
    bool has_angle = false, seen_at = false;
    *m = (struct mailbox){0};
    while (c->at < c->s.n) {
        uint8_t b = c->s.p[c->at];
        if (b == ',' || b == ';')
            break;
        if (b == ':' && !has_angle && !seen_at) {
            from = bare_end = ++c->at; /* a group's name */
        } else if (b == '"') {
            skip_quoted(c);
            bare_end = c->at;
        } else if (b == '(') {
            skip_comment(c, &comment);
        } else if (b == '<' && !has_angle) {
            const uint8_t *gt = memchr(c->s.p + c->at, '>', c->s.n - c->at);
            size_t end = gt ? (size_t)(gt - c->s.p) : c->s.n;
            has_angle = true;
            name_end = c->at;
            angle = span_sub(c->s, c->at + 1, end);
            c->at = end < c->s.n ? end + 1 : end;
        } else {
            seen_at |= b == '@';
            if (!is_blank(b))
                bare_end = c->at + 1;
            c->at++;
        }
    }
    if (has_angle) {
        m->name = clean_name(c->a, span_sub(c->s, from, name_end));
        split_addr(c->a, angle, m);
    } else {
        split_addr(c->a, span_sub(c->s, from, bare_end), m);
    }
    if (!m->name.n && comment.n)
        m->name = clean_name(c->a, comment);
    return m->name.n || m->local.n || m->domain.n;
}

size_t address_list(struct arena *a, struct span value, struct mailbox *out, size_t max)
{
    struct cursor c = {a, value, 0};
    size_t n = 0;
    while (c.at < value.n && n < max) {
        while (c.at < value.n && (is_blank(value.p[c.at]) || value.p[c.at] == ',' || value.p[c.at] == ';'))
            c.at++;
        if (c.at < value.n && read_mailbox(&c, &out[n]))
            n++;
    }
    return n;
}

struct mailbox address_angle(struct arena *a, struct span value)
{
    struct mailbox m = {0};
    ptrdiff_t lt = span_chr(value, '<');
    struct span s = lt < 0 ? value : span_sub(value, (size_t)lt + 1, value.n);
    ptrdiff_t gt = span_chr(s, '>');
    if (gt >= 0)
        s = span_sub(s, 0, (size_t)gt);
    s = span_trim(s);
    if (lt < 0) { /* the first word, without a comment */
        size_t i = 0;
        while (i < s.n && !is_blank(s.p[i]) && s.p[i] != '(')
            i++;
        s = span_sub(s, 0, i);
    }
    split_addr(a, s, &m);
    return m;
}
