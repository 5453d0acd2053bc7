/* <style> blocks. Only rules that can hide text or tell its colours are kept, and only what their
 * last compound selector says: `.a .b` is taken as "`.b`, perhaps". A perhaps may make a colour
 * unknown, it never hides anything: a wrong "hidden" costs more than a missed one. */
#include "base/hash.h"
#include "mail/html_priv.h"

enum { RULES_MAX = 512, BUCKETS = 256, SHEET_BYTES_MAX = 64 * 1024, CLASSES_MAX = 16, COMPOUND_MAX = 8, CHAIN_MAX = 16 };

enum kind { KIND_ANY, KIND_CLASS, KIND_ID };

struct rule {
    uint64_t key;  /* of tag and class or id; the tag is 0 in `.class`, the name 0 in `tag` */
    struct css css;
    uint16_t next; /* 1 + index of the next one in the bucket */
};

struct sheet {
    size_t n, bytes;
    uint16_t bucket[BUCKETS];
    struct rule rule[RULES_MAX];
};

struct sheet *sheet_new(struct arena *a)
{
    struct sheet *sh = arena_alloc(a, sizeof *sh);
    if (sh)
        memset(sh, 0, offsetof(struct sheet, rule));
    return sh;
}

bool sheet_is_empty(const struct sheet *sh) { return !sh || sh->n == 0; }

/* Names are folded: quirks mode, in which much mail is shown, takes any case. */
static uint64_t name_key(struct span name, enum kind kind)
{
    uint8_t low[64];
    size_t n = name.n < sizeof low ? name.n : sizeof low;
    for (size_t i = 0; i < n; i++)
        low[i] = ascii_lower(name.p[i]);
    return hash64(span_of(low, n), kind) | 1;
}

static uint16_t tag_of_name(struct span name)
{
    uint8_t buf[24] = {'<'};
    if (name.n == 0 || name.n > sizeof buf - 2 || !ascii_is_alpha(name.p[0]))
        return TAG_UNKNOWN;
    memcpy(buf + 1, name.p, name.n);
    buf[1 + name.n] = '>';
    struct html_tag t;
    html_tag_read(span_of(buf, name.n + 2), 0, &t);
    return t.id;
}

/* A rule for `p.x` is kept under another key than one for `.x`, so that no chain grows with use. */
static uint64_t rule_key(uint16_t tag, uint64_t name) { return mix64(name + tag); }

static struct rule *find_rule(const struct sheet *sh, uint64_t key, uint16_t **tail_out)
{
    uint16_t *at = (uint16_t *)&sh->bucket[key & (BUCKETS - 1)];
    for (size_t steps = 0; *at && steps < CHAIN_MAX; steps++) {
        struct rule *r = (struct rule *)&sh->rule[*at - 1];
        if (r->key == key)
            return r;
        at = &r->next;
    }
    if (tail_out)
        *tail_out = *at ? NULL : at;
    return NULL;
}

static void add_rule(struct sheet *sh, uint64_t key, const struct css *css)
{
    uint16_t *tail;
    struct rule *r = find_rule(sh, key, &tail);
    if (r)
        css_merge(&r->css, css);
    else if (tail && sh->n < RULES_MAX) {
        sh->rule[sh->n++] = (struct rule){.key = key, .css = *css};
        *tail = (uint16_t)sh->n;
    }
}

static bool is_name_byte(uint8_t c) { return ascii_is_alnum(c) || c == '-' || c == '_' || c >= 0x80; }

static struct css as_perhaps(const struct css *css)
{
    struct css p = {0};
    p.has = (uint16_t)((css->has & (CSS_FG | CSS_FG_CLEAR | CSS_FG_UNKNOWN) ? CSS_FG_UNKNOWN : 0) |
                       (css->has & (CSS_BG | CSS_BG_UNKNOWN) ? CSS_BG_UNKNOWN : 0));
    return p;
}

/* The last compound of one selector. */
static void add_selector(struct sheet *sh, struct span sel, const struct css *css)
{
    sel = span_trim(sel);
    size_t from = sel.n;
    while (from && !ascii_is_space(sel.p[from - 1]) && !strchr(">+~", sel.p[from - 1]))
        from--;
    struct span s = span_sub(sel, from, sel.n);
    bool perhaps = from > 0;
    size_t i = 0, parts = 0;
    while (i < s.n && is_name_byte(s.p[i]))
        i++;
    struct span tag_name = span_sub(s, 0, i);
    if (i == 0 && i < s.n && s.p[i] == '*')
        i++;
    uint16_t tag = tag_of_name(tag_name);
    enum kind kind = KIND_ANY;
    uint64_t key = 0;
    for (; i < s.n; parts++) {
        uint8_t c = s.p[i++];
        size_t at = i;
        while (i < s.n && is_name_byte(s.p[i]))
            i++;
        if ((c != '.' && c != '#') || i == at || parts == COMPOUND_MAX)
            return; /* :hover, [attr], junk */
        perhaps |= parts > 0;
        kind = c == '.' ? KIND_CLASS : KIND_ID;
        key = name_key(span_sub(s, at, i), kind);
    }
    if ((tag_name.n && !tag) || (kind == KIND_ANY && !tag))
        return; /* an unknown element, or `*` */
    struct css p = perhaps ? as_perhaps(css) : *css;
    if (p.has || p.display)
        add_rule(sh, rule_key(tag, key), &p);
}

static void add_selectors(struct sheet *sh, struct span list, const struct css *css)
{
    for (size_t i = 0; i <= list.n && sh->n < RULES_MAX;) {
        ptrdiff_t comma = span_chr(span_sub(list, i, list.n), ',');
        size_t end = comma < 0 ? list.n : i + (size_t)comma;
        add_selector(sh, span_sub(list, i, end), css);
        i = end + 1;
    }
}

/* Past the block that opens at s.p[i] == '{'. */
static size_t skip_block(struct span s, size_t i)
{
    size_t depth = 0;
    for (; i < s.n; i++) {
        depth += s.p[i] == '{';
        if (s.p[i] == '}' && --depth == 0)
            return i + 1;
    }
    return s.n;
}

/* @media screen and @media all are entered, other at-rules are skipped: they hold for some readers. */
static size_t at_rule(struct span s, size_t i)
{
    size_t end = i;
    while (end < s.n && s.p[end] != '{' && s.p[end] != ';')
        end++;
    if (end >= s.n || s.p[end] == ';')
        return end + 1;
    struct span head = span_trim(span_sub(s, i, end));
    struct span of = span_istarts(head, SPAN_LIT("@media")) ? span_trim(span_sub(head, 6, head.n)) : SPAN_NONE;
    if (span_ieq(of, SPAN_LIT("screen")) || span_ieq(of, SPAN_LIT("all")))
        return end + 1;
    return skip_block(s, end);
}

void sheet_read(struct arena *a, struct sheet *sh, struct span css)
{
    css = css_clean(a, span_sub(css, 0, SHEET_BYTES_MAX - sh->bytes));
    sh->bytes += css.n;
    for (size_t i = 0; i < css.n;) {
        uint8_t c = css.p[i];
        struct span rest = span_sub(css, i, css.n);
        if (ascii_is_space(c) || c == '}' || c == ';')
            i++;
        else if (span_istarts(rest, SPAN_LIT("<!--")))
            i += 4;
        else if (span_istarts(rest, SPAN_LIT("-->")))
            i += 3;
        else if (c == '@')
            i = at_rule(css, i);
        else {
            ptrdiff_t open = span_chr(rest, '{');
            if (open < 0)
                return;
            size_t body = i + (size_t)open + 1;
            ptrdiff_t close = span_chr(span_sub(css, body, css.n), '}');
            size_t end = close < 0 ? css.n : body + (size_t)close;
            struct css own = {0};
            css_parse(span_sub(css, body, end), &own);
            if (own.has || own.display)
                add_selectors(sh, span_sub(css, i, body - 1), &own);
            i = end + 1;
        }
    }
}

static void match_name(const struct sheet *sh, uint16_t tag, uint64_t name, struct css *c)
{
    const struct rule *any = name ? find_rule(sh, rule_key(TAG_UNKNOWN, name), NULL) : NULL;
    const struct rule *own = tag ? find_rule(sh, rule_key(tag, name), NULL) : NULL;
    if (any)
        css_merge(c, &any->css);
    if (own)
        css_merge(c, &own->css);
}

void sheet_match(const struct sheet *sh, const struct html_tag *t, struct css *c)
{
    match_name(sh, t->id, 0, c);
    struct span s = html_tag_value(t, ATTR_CLASS);
    for (size_t i = 0, k = 0; i < s.n && k < CLASSES_MAX; k++) {
        while (i < s.n && ascii_is_space(s.p[i]))
            i++;
        size_t from = i;
        while (i < s.n && !ascii_is_space(s.p[i]))
            i++;
        if (i > from)
            match_name(sh, t->id, name_key(span_sub(s, from, i), KIND_CLASS), c);
    }
    struct span id = span_trim(html_tag_value(t, ATTR_ID));
    if (id.n)
        match_name(sh, t->id, name_key(id, KIND_ID), c);
}
