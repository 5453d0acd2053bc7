/* rules_parse: the text of a rule file to rules. A hand-written reader, one function a production of the grammar in
 * rules.h; the cursor knows line and column at every byte, so that every error can name them. */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "filter/rules_priv.h"

int rules_error(const struct rules_cursor *c, size_t at, const char *fmt, ...)
{
    size_t column = 1;
    for (size_t i = c->line_start; i < at && i < c->in.n; i++)
        column += (c->in.p[i] & 0xc0) != 0x80;
    char text[384];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return report_set(c->why, POSSE_ESYNTAX, "%s:%u:%zu: %s", c->name, (unsigned)c->line, column, text);
}

static int no_memory(const struct rules_cursor *c)
{
    return report_set(c->why, POSSE_ENOMEM, "%s:%u: out of memory", c->name, (unsigned)c->line);
}

/* ---- bytes and words ---- */

static int peek(const struct rules_cursor *c) { return c->pos < c->in.n ? c->in.p[c->pos] : -1; }

static void next_line(struct rules_cursor *c)
{
    c->line++;
    c->line_start = c->pos;
}

/* A backslash at the line's end: true, and the cursor is on the next line. */
static bool take_continuation(struct rules_cursor *c)
{
    size_t i = c->pos + 1;
    if (i < c->in.n && c->in.p[i] == '\r')
        i++;
    if (peek(c) != '\\' || i >= c->in.n || c->in.p[i] != '\n')
        return false;
    c->pos = i + 1;
    next_line(c);
    return true;
}

static void skip_blank(struct rules_cursor *c)
{
    for (;;) {
        int b = peek(c);
        if (b == ' ' || b == '\t' || (b == '\r' && c->pos + 1 < c->in.n && c->in.p[c->pos + 1] == '\n'))
            c->pos++;
        else if (b != '\\' || !take_continuation(c))
            return;
    }
}

static bool at_end(const struct rules_cursor *c)
{
    int b = peek(c);
    return b < 0 || b == '\n' || b == '#';
}

static struct span take_word(struct rules_cursor *c)
{
    size_t from = c->pos;
    while (c->pos < c->in.n && !ascii_is_space(c->in.p[c->pos]))
        c->pos++;
    return span_of(c->in.p + from, c->pos - from);
}

/* "..." with \" and \\; into r->mem, NUL-terminated, *out without the NUL. */
static int take_string(struct rules_cursor *c, struct span *out)
{
    size_t from = c->pos++, n = 0;
    uint8_t *to = NULL;
    for (int pass = 0; pass < 2; pass++) {
        c->pos = from + 1;
        n = 0;
        for (;;) {
            int b = peek(c);
            if (b < 0 || b == '\n')
                return rules_error(c, from, "a string that is not closed: expected \" before the end of the line");
            c->pos++;
            if (b == '"')
                break;
            if (b == '\\' && (peek(c) == '"' || peek(c) == '\\'))
                b = c->in.p[c->pos++];
            if (to)
                to[n] = (uint8_t)b;
            n++;
        }
        if (!to && !(to = arena_alloc(c->r->mem, n + 1)))
            return no_memory(c);
    }
    to[n] = '\0';
    *out = span_of(to, n);
    if (!at_end(c) && !ascii_is_space((uint8_t)peek(c)) && peek(c) != '\\')
        return rules_error(c, c->pos, "expected white space after the string");
    return POSSE_OK;
}

static int take_reason(struct rules_cursor *c, const char **out)
{
    size_t at = c->pos;
    struct span s;
    int rc = take_string(c, &s);
    if (rc)
        return rc;
    if (!s.n || s.n > RULES_REASON_MAX)
        return rules_error(c, at, "a reason has 1 to %d bytes", RULES_REASON_MAX);
    *out = (const char *)s.p;
    return POSSE_OK;
}

static int unknown(const struct rules_cursor *c, size_t at, struct span word, const char *expected,
                   const char *const *names, size_t n)
{
    const char *near = nearest(word, names, n);
    int len = word.n < 60 ? (int)word.n : 60;
    if (near)
        return rules_error(c, at, "unknown \"%.*s\"; did you mean \"%s\"?", len, (const char *)word.p, near);
    return rules_error(c, at, "expected %s, not \"%.*s\"", expected, len, (const char *)word.p);
}

static struct rule *add_rule(struct rules_cursor *c, uint32_t *index)
{
    if (c->r->n_rules >= RULES_MAX)
        return NULL;
    *index = (uint32_t)c->r->n_rules;
    struct rule *rule = RULES_ADD(c->r, rule, n_rules, cap_rules);
    if (rule) {
        rule->line = c->line;
        rule->file = c->name;
    }
    return rule;
}

static int no_rule(const struct rules_cursor *c)
{
    if (c->r->n_rules >= RULES_MAX)
        return report_set(c->why, POSSE_ELIMIT, "%s:%u: more than %d rules", c->name, (unsigned)c->line, RULES_MAX);
    return no_memory(c);
}

/* Index of a header name that rules speak of. */
static int take_name(struct rules_cursor *c, size_t at, struct span name, uint16_t *out)
{
    if (!name.n || name.n > 128)
        return rules_error(c, at, "expected the name of a header after \"header:\"");
    uint8_t low[128];
    for (size_t i = 0; i < name.n; i++) {
        low[i] = ascii_lower(name.p[i]);
        if (low[i] <= 32 || low[i] >= 127 || low[i] == ':')
            return rules_error(c, at, "no header can have that name");
    }
    struct span want = span_of(low, name.n);
    for (size_t i = 0; i < c->r->n_names; i++)
        if (span_eq(c->r->name[i], want)) {
            *out = (uint16_t)i;
            return POSSE_OK;
        }
    if (c->r->n_names >= RULES_NAMES_MAX)
        return rules_error(c, at, "rules speak of more than %d headers", RULES_NAMES_MAX);
    *out = (uint16_t)c->r->n_names;
    struct span *slot = RULES_ADD(c->r, name, n_names, cap_names);
    struct span copy = slot ? arena_copy(c->r->mem, want) : SPAN_NONE;
    if (!copy.p)
        return no_memory(c);
    *slot = copy;
    return POSSE_OK;
}

static bool take_prefix(struct span *word, const char *prefix)
{
    struct span p = span_str(prefix);
    if (word->n < p.n || memcmp(word->p, p.p, p.n) != 0)
        return false;
    *word = span_sub(*word, p.n, word->n);
    return true;
}

/* ---- lists ---- */

static const char *const list_names[] = {"from", "envelope-from", "to", "domain", "network", "url-domain", "header:"};

static int take_list_target(struct rules_cursor *c, enum rules_list *list, uint16_t *name)
{
    skip_blank(c);
    size_t at = c->pos;
    struct span word = take_word(c);
    if (take_prefix(&word, "header:")) {
        *list = LIST_HEADER;
        return take_name(c, at + 7, word, name);
    }
    for (int i = 0; i < LIST_HEADER; i++)
        if (span_eq(word, span_str(list_names[i]))) {
            *list = (enum rules_list)i;
            return POSSE_OK;
        }
    return unknown(c, at, word, "what to look at (from, envelope-from, to, domain, network, url-domain or header:NAME)",
                   list_names, LIST_N);
}

/* A string that ends the line is the reason, once there is a value. */
static int take_values(struct rules_cursor *c, enum rules_list list, uint16_t name, uint32_t rule, struct span *first)
{
    size_t n = 0;
    for (skip_blank(c); !at_end(c); skip_blank(c), n++) {
        size_t at = c->pos, line_start = c->line_start;
        uint32_t line = c->line;
        bool quoted = peek(c) == '"';
        struct span value;
        int rc = POSSE_OK;
        if (quoted)
            rc = take_string(c, &value);
        else
            value = take_word(c);
        if (rc)
            return rc;
        skip_blank(c);
        if (quoted && n && at_end(c)) {
            struct rules_cursor there = *c;
            there.line = line;
            there.line_start = line_start;
            if (!value.n || value.n > RULES_REASON_MAX)
                return rules_error(&there, at, "a reason has 1 to %d bytes", RULES_REASON_MAX);
            c->r->rule[rule].reason = (const char *)value.p;
            return POSSE_OK;
        }
        struct rules_cursor there = *c;
        there.line = line;
        there.line_start = line_start;
        rc = rules_add_value(&there, at, list, name, rule, value);
        if (rc)
            return rc;
        if (!n)
            *first = value;
    }
    return n ? POSSE_OK : rules_error(c, c->pos, "expected a value to %s", c->r->rule[rule].is_allow ? "allow" : "deny");
}

static int parse_list(struct rules_cursor *c, bool allow)
{
    uint32_t index;
    struct rule *rule = add_rule(c, &index);
    if (!rule)
        return no_rule(c);
    double bits = c->o && c->o->list_bits > 0 ? c->o->list_bits : 30;
    rule->bits = allow ? -bits : bits;
    rule->is_list = true;
    rule->is_allow = allow;
    enum rules_list list = LIST_FROM;
    uint16_t name = 0;
    struct span first = SPAN_NONE;
    int rc = take_list_target(c, &list, &name);
    if (!rc)
        rc = take_values(c, list, name, index, &first);
    rule = &c->r->rule[index];
    if (rc || rule->reason)
        return rc;
    char text[RULES_REASON_MAX];
    struct span header = list == LIST_HEADER ? c->r->name[name] : SPAN_NONE;
    int n = snprintf(text, sizeof text, "%s by your list: %s%.*s %.*s", allow ? "allowed" : "denied", list_names[list],
                     (int)header.n, (const char *)header.p, first.n < 80 ? (int)first.n : 80, (const char *)first.p);
    /* A value cut within a letter loses the whole letter. */
    struct span said = span_of(text, utf8_valid_prefix(span_of(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1)));
    text[said.n] = '\0';
    rule->reason = (const char *)arena_copy(c->r->mem, span_of(text, said.n + 1)).p;
    return rule->reason ? POSSE_OK : no_memory(c);
}

/* ---- scores ---- */

/* strtod would read the decimal point of the locale. */
static int take_bits(struct rules_cursor *c, double *out)
{
    skip_blank(c);
    size_t at = c->pos, i = 0, digits = 0;
    struct span w = take_word(c);
    bool minus = w.n && w.p[0] == '-', point = false;
    if (w.n && (w.p[0] == '-' || w.p[0] == '+'))
        i++;
    double x = 0, scale = 1;
    for (; i < w.n && (ascii_is_digit(w.p[i]) || (w.p[i] == '.' && !point)); i++) {
        if (w.p[i] == '.') {
            point = true;
            continue;
        }
        x = x * 10 + (w.p[i] - '0');
        scale *= point ? 10 : 1;
        digits++;
    }
    if (!digits || i != w.n || digits > 9)
        return rules_error(c, at, "expected a number of bits such as +2.5 or -4");
    x /= scale;
    if (x > 100)
        return rules_error(c, at, "a score is at most 100 bits; 10 bits are odds of a thousand to one");
    *out = minus ? -x : x;
    return POSSE_OK;
}

static const char *const text_names[] = {"subject", "body", "header:", "raw-header", "url", "filename", "anomaly:"};

static int take_anomaly(struct rules_cursor *c, size_t at, struct span word, uint32_t rule)
{
    char name[64];
    int bit = -1;
    if (word.n < sizeof name) {
        memcpy(name, word.p, word.n);
        name[word.n] = '\0';
        bit = strlen(name) == word.n ? anomaly_from_name(name) : -1;
    }
    if (bit < 0) {
        const char *names[ANOMALY_N];
        for (int i = 0; i < ANOMALY_N; i++)
            names[i] = anomaly_name((enum mail_anomaly)i);
        return unknown(c, at, word, "the name of an anomaly", names, ANOMALY_N);
    }
    struct rules_anomaly *a = RULES_ADD(c->r, anomaly, n_anomalies, cap_anomalies);
    if (!a)
        return no_memory(c);
    *a = (struct rules_anomaly){rule, (uint8_t)bit};
    return POSSE_OK;
}

static int take_flags(struct rules_cursor *c, uint8_t *flags)
{
    static const char letters[] = "ismu";
    for (; !at_end(c) && !ascii_is_space((uint8_t)peek(c)); c->pos++) {
        const char *is = strchr(letters, peek(c));
        if (!is)
            return rules_error(c, c->pos, "unknown flag; flags are i, s, m and u");
        uint8_t bit = (uint8_t)(1 << (is - letters));
        if (*flags & bit)
            return rules_error(c, c->pos, "this flag stands twice");
        *flags |= bit;
    }
    return POSSE_OK;
}

/* `\/` is left as it is: it means '/' to the compiler too, and its errors then point into the line. */
static int take_expr(struct rules_cursor *c, uint32_t rule, enum rules_text target, uint16_t name)
{
    skip_blank(c);
    size_t from = c->pos + 1;
    if (peek(c) != '/')
        return rules_error(c, c->pos, "expected /EXPRESSION/");
    for (c->pos = from; peek(c) != '/'; c->pos++) {
        if (peek(c) == '\\')
            c->pos++;
        if (peek(c) < 0 || peek(c) == '\n')
            return rules_error(c, from - 1, "an expression that is not closed: expected / before the end of the line");
    }
    struct span text = span_of(c->in.p + from, c->pos++ - from);
    if (!text.n)
        return rules_error(c, from, "an empty expression");
    if (text.n > RULES_EXPR_MAX)
        return rules_error(c, from, "an expression has at most %d bytes", RULES_EXPR_MAX);
    uint8_t flags = 0;
    int rc = take_flags(c, &flags);
    if (rc)
        return rc;
    struct rules_expr *e = RULES_ADD(c->r, expr, n_exprs, cap_exprs);
    uint8_t *copy = e ? arena_zalloc(c->r->mem, text.n + 1) : NULL;
    if (!copy)
        return no_memory(c);
    memcpy(copy, text.p, text.n);
    *e = (struct rules_expr){.text = span_of(copy, text.n), .file = c->name, .line = c->line,
                             .column = (uint32_t)(from - c->line_start) + 1,
                             .rule = rule, .name = name, .target = (uint8_t)target, .flags = flags};
    return rules_check_expr(c, e);
}

static int take_text_target(struct rules_cursor *c, uint32_t rule)
{
    skip_blank(c);
    size_t at = c->pos;
    struct span word = take_word(c);
    uint16_t name = 0;
    if (take_prefix(&word, "anomaly:"))
        return take_anomaly(c, at + 8, word, rule);
    if (take_prefix(&word, "header:")) {
        int rc = take_name(c, at + 7, word, &name);
        return rc ? rc : take_expr(c, rule, TEXT_HEADER, name);
    }
    for (int i = 0; i < TEXT_N; i++)
        if (i != TEXT_HEADER && span_eq(word, span_str(text_names[i])))
            return take_expr(c, rule, (enum rules_text)i, 0);
    return unknown(c, at, word, "what to look at (subject, body, header:NAME, raw-header, url, filename or anomaly:NAME)",
                   text_names, sizeof text_names / sizeof *text_names);
}

static int parse_score(struct rules_cursor *c)
{
    uint32_t index;
    struct rule *rule = add_rule(c, &index);
    if (!rule)
        return no_rule(c);
    int rc = take_bits(c, &rule->bits);
    if (!rc)
        rc = take_text_target(c, index);
    if (rc)
        return rc;
    skip_blank(c);
    if (peek(c) != '"')
        return rules_error(c, c->pos, "expected a \"reason\" in quotes: it is what people are told");
    return take_reason(c, &c->r->rule[index].reason);
}

/* ---- the file ---- */

static int parse_include(struct rules_cursor *c)
{
    skip_blank(c);
    size_t at = c->pos;
    struct span path;
    int rc = POSSE_OK;
    if (peek(c) == '"')
        rc = take_string(c, &path);
    else
        path = take_word(c);
    if (rc)
        return rc;
    if (!path.n || path.p[0] == '#')
        return rules_error(c, at, "expected the path of a file");
    if (!c->n_files)
        return rules_error(c, at, "rules that are not in a file cannot include one");
    if (c->depth + 1 >= RULES_DEPTH_MAX)
        return rules_error(c, at, "files include each other more than %d deep; is there a circle?", RULES_DEPTH_MAX);
    const char *slash = strrchr(c->name, '/');
    size_t dir = path.p[0] != '/' && slash ? (size_t)(slash - c->name) + 1 : 0;
    char *full = arena_zalloc(c->r->mem, dir + path.n + 1);
    if (!full)
        return no_memory(c);
    memcpy(full, c->name, dir);
    memcpy(full + dir, path.p, path.n);
    struct rules_cursor in = {.r = c->r, .o = c->o, .why = c->why, .depth = c->depth + 1, .n_files = c->n_files};
    rc = rules_parse_file(&in, full);
    /* What cannot be read is the fault of this line; an error inside names its own place. */
    if (rc && rc != POSSE_ESYNTAX && rc != POSSE_ENOMEM && c->why) {
        char text[384];
        snprintf(text, sizeof text, "%.380s", c->why->text);
        return rules_error(c, at, "%s", text);
    }
    return rc;
}

static int parse_rule(struct rules_cursor *c)
{
    static const char *const keywords[] = {"allow", "deny", "score", "include"};
    size_t at = c->pos;
    struct span word = take_word(c);
    int rc;
    if (span_eq(word, SPAN_LIT("allow")) || span_eq(word, SPAN_LIT("deny")))
        rc = parse_list(c, word.p[0] == 'a');
    else if (span_eq(word, SPAN_LIT("score")))
        rc = parse_score(c);
    else if (span_eq(word, SPAN_LIT("include")))
        rc = parse_include(c);
    else
        return unknown(c, at, word, "allow, deny, score or include", keywords, 4);
    if (rc)
        return rc;
    skip_blank(c);
    return at_end(c) ? POSSE_OK : rules_error(c, c->pos, "expected the end of the line");
}

/* Letters only: an invisible control character is never meant. */
static int check_bytes(struct rules_cursor *c)
{
    size_t good = utf8_valid_prefix(c->in), bad = c->in.n;
    for (size_t i = 0; i < c->in.n && bad == c->in.n; i++) {
        uint8_t b = c->in.p[i];
        bool line_end = b == '\r' && i + 1 < c->in.n && c->in.p[i + 1] == '\n';
        if ((b < 32 && b != '\t' && b != '\n' && !line_end) || b == 127)
            bad = i;
    }
    if (good < bad)
        bad = good;
    if (bad == c->in.n)
        return POSSE_OK;
    for (c->pos = 0; c->pos < bad; c->pos++)
        if (c->in.p[c->pos] == '\n') {
            c->line++;
            c->line_start = c->pos + 1;
        }
    return rules_error(c, bad, bad == good ? "not UTF-8; save the file as UTF-8" : "a control character");
}

int rules_parse_text(struct rules_cursor *c)
{
    c->line = 1;
    c->line_start = c->pos = 0;
    if (c->in.n >= 3 && memcmp(c->in.p, "\xef\xbb\xbf", 3) == 0)
        c->in = span_sub(c->in, 3, c->in.n);
    int rc = check_bytes(c);
    while (!rc && c->pos < c->in.n) {
        skip_blank(c);
        if (!at_end(c))
            rc = parse_rule(c);
        if (rc)
            break;
        while (peek(c) >= 0 && peek(c) != '\n')
            c->pos++;
        if (peek(c) == '\n') {
            c->pos++;
            next_line(c);
        }
    }
    return rc;
}
