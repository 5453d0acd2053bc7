/* One forward pass. Elements go on a bounded stack with what they look like; text goes to the
 * visible or the hidden side by the look of the top. End tags follow the WHATWG tree builder where
 * it matters to the eye: an end tag without its start does nothing, one of an inline element does
 * not reach out of a block, <p>, <li>, <tr>, <td> and <a> close their predecessors, and a
 * formatting element that ends out of turn is taken out of the middle.
 * A <style> block that comes after text that it may concern makes the pass run once more with the
 * whole sheet known. */
#include "mail/html_priv.h"

#include "base/error.h"
#include "base/hash.h"

const struct html_caps html_caps_default = {.max_text_bytes = 4u << 20, .max_links = 2000, .max_stack = 400};

void html_break(struct html_doc *d, uint8_t c)
{
    const struct look *l = html_look(d);
    if (!(l->flags & LOOK_GONE))
        html_text_break(d->a, &d->visible, c);
    if (l->flags & LOOK_HIDDEN)
        html_text_break(d->a, &d->hidden, c);
    else
        d->was_hidden = false;
}

size_t html_doc_text(struct html_doc *d, struct span in, size_t i)
{
    const struct look *l = html_look(d);
    bool hidden = l->flags & LOOK_HIDDEN;
    if (hidden && !d->was_hidden)
        html_text_break(d->a, &d->hidden, ' ');
    d->was_hidden = hidden;
    return html_text_run(d->a, hidden ? &d->hidden : &d->visible, in, i, l->flags & LOOK_PRE);
}

/* ---- the stack ---- */

static void break_after(struct html_doc *d, const struct open *e)
{
    if (e->breaks)
        html_break(d, '\n');
    else if (html_tag_flags[e->tag] & (TAG_IS_CELL | TAG_IS_SPACE))
        html_break(d, ' ');
}

static void pop_to(struct html_doc *d, size_t at)
{
    struct stack *s = &d->stack;
    while (s->n > at) {
        const struct open e = *stack_top(s);
        if (e.is_link)
            html_end_link(d);
        s->n_of[e.tag]--;
        s->n--;
        break_after(d, &e);
    }
}

/* Ends the block at `at`; formatting that is still open goes on after it, as browsers "reconstruct
 * the active formatting elements". */
static void end_block(struct html_doc *d, size_t at)
{
    struct stack *s = &d->stack;
    bool has_format = false;
    for (size_t i = at + 1; i < s->n && !has_format; i++)
        has_format = html_tag_flags[s->tag[i]] & TAG_IS_FORMAT;
    if (!has_format) {
        pop_to(d, at);
        return;
    }
    const struct open ended = s->e[at];
    size_t kept = at;
    for (size_t i = at; i < s->n; i++) {
        if (!(html_tag_flags[s->tag[i]] & TAG_IS_FORMAT)) {
            s->n_of[s->tag[i]]--;
            continue;
        }
        s->tag[kept] = s->tag[i];
        s->e[kept++] = s->e[i];
    }
    s->n = kept;
    stack_look_again(s, at);
    break_after(d, &ended);
}

/* A start tag that ends elements without their end tags. */
static void close_implied(struct html_doc *d, uint16_t id)
{
    static const uint16_t rows[] = {TAG_TD, TAG_TH, TAG_TR, TAG_TBODY, TAG_THEAD, TAG_TFOOT};
    struct stack *s = &d->stack;
    uint16_t wall = TAG_IS_SCOPE;
    const uint16_t *same = &id;
    size_t n = 1, at = 0;
    switch (id) {
    case TAG_TD: case TAG_TH: same = rows; n = 2; wall = 0; break;
    case TAG_TR: same = rows; n = 3; wall = 0; break;
    case TAG_TBODY: case TAG_THEAD: case TAG_TFOOT: same = rows; n = 6; wall = 0; break;
    case TAG_LI: case TAG_DD: case TAG_DT: case TAG_A: case TAG_OPTION: break;
    default: n = 0; break;
    }
    size_t table = wall ? 0 : stack_find(s, TAG_TABLE, 0);
    for (size_t k = 0; k < n; k++) {
        size_t hit = stack_find(s, same[k], wall);
        if (hit > table && (!at || hit < at))
            at = hit;
    }
    if (id == TAG_LI && at && (stack_find(s, TAG_UL, 0) > at || stack_find(s, TAG_OL, 0) > at))
        at = 0; /* a list within a list item */
    if (at && wall && id != TAG_A)
        end_block(d, at);
    else if (at)
        pop_to(d, at);
    else if ((html_tag_flags[id] & TAG_IS_CLOSES_P) && (at = stack_find(s, TAG_P, TAG_IS_SCOPE)))
        end_block(d, at);
}

static uint32_t name_hash(struct span name)
{
    uint32_t h = 2166136261u; /* FNV-1a: short names, no adversary worth a key */
    for (size_t i = 0; i < name.n && i < 64; i++)
        h = (h ^ ascii_lower(name.p[i])) * 16777619u;
    return h;
}

static void read_end(struct html_doc *d, const struct html_tag *t)
{
    struct stack *s = &d->stack;
    uint16_t flags = html_tag_flags[t->id];
    if (t->id == TAG_BR) { /* </br> is <br> to browsers */
        html_break(d, '\n');
        return;
    }
    if (t->id == TAG_UNKNOWN) {
        size_t hit = stack_find_unknown(s, name_hash(t->name));
        if (hit)
            pop_to(d, hit);
        return;
    }
    if (t->id == TAG_BODY || t->id == TAG_HTML)
        return; /* what comes after </body> is shown as if within */
    bool table_part = t->id == TAG_TABLE || t->id == TAG_TR || t->id == TAG_TD || t->id == TAG_TH;
    uint16_t wall = flags & (TAG_IS_SPECIAL | TAG_IS_BLOCK) ? TAG_IS_SCOPE
                    : flags & TAG_IS_FORMAT ? TAG_IS_SCOPE : TAG_IS_SPECIAL;
    size_t at = stack_find(s, t->id, table_part || (flags & TAG_IS_SCOPE) ? 0 : wall);
    if (!at) {
        if (t->id == TAG_P)
            html_break(d, '\n');
        return;
    }
    if (t->id != TAG_TABLE && table_part && stack_find(s, TAG_TABLE, 0) > at)
        return;
    if (!(flags & TAG_IS_FORMAT)) {
        if (table_part || (flags & (TAG_IS_SCOPE | TAG_IS_CELL)) || !(flags & TAG_IS_SPECIAL))
            pop_to(d, at);
        else
            end_block(d, at);
        return;
    }
    /* Out of turn, as in <font><p></font>: blocks above stay open. */
    size_t first = at + 1;
    while (first < s->n && !(html_tag_flags[s->tag[first]] & TAG_IS_SPECIAL))
        first++;
    if (first == s->n) {
        pop_to(d, at);
        return;
    }
    if (s->e[at].is_link)
        html_end_link(d);
    stack_remove(s, at);
}

static void count_tag(struct html_doc *d, const struct html_tag *t)
{
    struct html_facts *f = d->facts;
    f->n_tags++;
    if (t->id == TAG_UNKNOWN && span_chr(t->name, ':') < 0 && span_chr(t->name, '-') < 0)
        f->n_unknown_tags++;
    if (html_tag_has(t, ATTR_STYLE))
        f->n_style_attrs++;
    if (html_tag_flags[t->id] & TAG_IS_LAYOUT)
        f->layout_hash = mix64(f->layout_hash * 31 + t->id);
}

static void open_element(struct html_doc *d, const struct html_tag *t)
{
    uint16_t flags = html_tag_flags[t->id];
    struct css own = {0};
    css_of_tag(d->a, d->sheet, t, d->link_color, &own);
    bool breaks = (flags & TAG_IS_BLOCK) && own.display != DISPLAY_INLINE;
    if (breaks && own.display != DISPLAY_NONE)
        html_break(d, '\n');
    if (!stack_push(&d->stack, t->id, &own))
        d->out->anomalies |= ANOMALY_BIT(ANOMALY_HTML_BROKEN);
    if (t->id == TAG_UNKNOWN)
        stack_top(&d->stack)->name = name_hash(t->name);
    stack_top(&d->stack)->breaks = breaks && own.display != DISPLAY_NONE;
}

/* <html> and <body> look like the page; a second one only adds its attributes. */
static void read_page(struct html_doc *d, const struct html_tag *t)
{
    struct stack *s = &d->stack;
    size_t head = stack_find(s, TAG_HEAD, 0);
    if (head)
        pop_to(d, head);
    if (html_tag_has(t, ATTR_LINK))
        html_legacy_color(t->value[ATTR_LINK], &d->link_color);
    if (html_tag_has(t, ATTR_BACKGROUND))
        html_add_image(d, t->value[ATTR_BACKGROUND]);
    if (s->n > 1)
        return;
    struct css own = {0};
    css_of_tag(d->a, d->sheet, t, d->link_color, &own);
    stack_push(s, t->id, &own);
    s->e[0].look = s->e[1].look;
    s->n_of[t->id]--;
    s->n--;
}

/* Void and unknown elements need a look of their own only where something could give them one. */
static bool needs_look(const struct html_tag *t)
{
    if (!(html_tag_flags[t->id] & TAG_IS_VOID) && t->id != TAG_UNKNOWN)
        return true;
    const uint64_t dress = 1ull << ATTR_STYLE | 1ull << ATTR_HIDDEN | 1ull << ATTR_CLASS;
    return (t->has & dress) && !(html_tag_flags[t->id] & TAG_IS_BREAK);
}

static size_t read_start(struct html_doc *d, const struct html_tag *t, size_t i)
{
    uint16_t flags = html_tag_flags[t->id];
    count_tag(d, t);
    if (t->id == TAG_BODY || t->id == TAG_HTML) {
        read_page(d, t);
        return i;
    }
    close_implied(d, t->id);
    if (flags & TAG_IS_BREAK)
        html_break(d, '\n');
    if (flags & (TAG_IS_CELL | TAG_IS_SPACE))
        html_break(d, ' ');
    bool is_pushed = needs_look(t);
    if (is_pushed)
        open_element(d, t);
    html_meaning(d, t);
    if (flags & (TAG_IS_RAW | TAG_IS_RCDATA))
        i = html_raw(d, t, i);
    if (is_pushed && (flags & TAG_IS_VOID))
        pop_to(d, d->stack.n - 1);
    return i;
}

/* ---- comments and the like ---- */

/* in.p[i] is "<!" or "<?" or "</" with no letter; returns the offset after it. */
static size_t skip_declaration(struct html_doc *d, size_t i)
{
    struct span rest = span_sub(d->in, i, d->in.n);
    if (rest.n < 4 || memcmp(rest.p, "<!--", 4) != 0) {
        ptrdiff_t end = span_chr(rest, '>');
        d->facts->n_comments += rest.n > 2 && rest.p[1] == '!' && !ascii_is_alpha(rest.p[2]);
        return end < 0 ? d->in.n : i + (size_t)end + 1;
    }
    d->facts->n_comments++;
    if (rest.n > 4 && rest.p[4] == '>')
        return i + 5; /* <!--> and <!---> are whole comments */
    if (rest.n > 5 && rest.p[4] == '-' && rest.p[5] == '>')
        return i + 6;
    for (size_t k = i + 6; k < d->in.n; k++) {
        const uint8_t *gt = memchr(d->in.p + k, '>', d->in.n - k);
        if (!gt)
            break;
        k = (size_t)(gt - d->in.p);
        if ((gt[-1] == '-' && gt[-2] == '-') || (k >= i + 7 && gt[-1] == '!' && gt[-2] == '-' && gt[-3] == '-'))
            return k + 1;
    }
    d->out->anomalies |= ANOMALY_BIT(ANOMALY_HTML_BROKEN);
    return d->in.n;
}

static size_t read_markup(struct html_doc *d, size_t i)
{
    struct span in = d->in;
    uint8_t c = i + 1 < in.n ? in.p[i + 1] : 0;
    bool is_end = c == '/' && i + 2 < in.n;
    if (ascii_is_alpha(is_end ? in.p[i + 2] : c)) {
        struct html_tag t;
        i = html_tag_read(in, i, &t);
        if (t.is_cut || t.is_broken)
            d->out->anomalies |= ANOMALY_BIT(ANOMALY_HTML_BROKEN);
        if (t.is_cut)
            return i;
        if (t.is_end) {
            read_end(d, &t);
            return i;
        }
        return read_start(d, &t, i);
    }
    if (is_end || c == '!' || c == '?')
        return skip_declaration(d, i);
    /* A '<' that is only a letter: "1 < 2". */
    html_doc_text(d, SPAN_LIT("&lt;"), 0);
    return i + 1;
}

/* ---- the whole ---- */

static void run(struct html_doc *d)
{
    size_t i = 0;
    while (i < d->in.n) {
        i = d->in.p[i] == '<' ? read_markup(d, i) : html_doc_text(d, d->in, i);
        if (d->visible.is_full || d->hidden.is_full || d->visible.n + d->hidden.n > d->caps->max_text_bytes) {
            d->out->anomalies |= ANOMALY_BIT(ANOMALY_TEXT_TRUNCATED);
            break;
        }
        if (d->visible.failed || d->hidden.failed || arena_failed(d->a))
            break;
    }
    pop_to(d, 1);
    html_end_link(d);
}

static struct span finish_text(struct html_doc *d, struct html_text *t)
{
    size_t n = t->n;
    while (n && (t->p[n - 1] == ' ' || t->p[n - 1] == '\n'))
        n--;
    d->out->anomalies |= t->anomalies;
    return n ? span_of(t->p, n) : SPAN_NONE;
}

static int finish(struct html_doc *d)
{
    struct html_result *out = d->out;
    out->visible = finish_text(d, &d->visible);
    out->hidden = finish_text(d, &d->hidden);
    out->facts.visible_bytes = (uint32_t)out->visible.n;
    out->facts.hidden_bytes = (uint32_t)out->hidden.n;
    if (out->hidden.n)
        out->anomalies |= ANOMALY_BIT(ANOMALY_HIDDEN_TEXT);
    if (out->facts.has_smuggling)
        out->anomalies |= ANOMALY_BIT(ANOMALY_HTML_SMUGGLING);
    struct html_link *link = arena_alloc(d->a, d->n_links * sizeof *link);
    if (!link || arena_failed(d->a))
        return POSSE_ELIMIT;
    for (size_t i = 0; i < d->n_links; i++) {
        link[i] = d->link[i].out;
        if (d->link[i].to > d->link[i].from)
            link[i].shown = span_trim(span_sub(out->visible, d->link[i].from, d->link[i].to));
    }
    out->link = link;
    out->n_links = d->n_links;
    return POSSE_OK;
}

/* Forgets the first pass but for its sheet and its memory. */
static void rewind_doc(struct html_doc *d)
{
    d->visible.n = d->hidden.n = d->n_links = d->open_link = 0;
    d->visible.anomalies = d->hidden.anomalies = 0;
    d->visible.is_full = d->hidden.is_full = d->was_hidden = false;
    d->visible.after_zero_width = d->hidden.after_zero_width = false;
    d->link_color = 0x0000ee;
    stack_reset(&d->stack);
    memset(d->out, 0, sizeof *d->out);
}

int html_read(struct arena *a, struct span in, const struct html_caps *caps, struct html_result *out)
{
    struct html_doc d = {.a = a, .in = in, .caps = caps ? caps : &html_caps_default, .out = out, .facts = &out->facts};
    d.visible.max = d.hidden.max = d.caps->max_text_bytes;
    /* Tags make most of a page, so half of it is room enough for its text, as a rule. */
    size_t room = in.n / 2 + 256, most = d.visible.max + HTML_TEXT_SLACK;
    d.visible.cap = room < most ? room : most;
    d.visible.p = arena_alloc(a, d.visible.cap);
    if (!d.visible.p || !stack_init(a, &d.stack, d.caps->max_stack)) {
        memset(out, 0, sizeof *out);
        return POSSE_ELIMIT;
    }
    rewind_doc(&d);
    run(&d);
    if (d.sheet_is_late) {
        rewind_doc(&d);
        d.is_second_pass = true;
        run(&d);
    }
    return finish(&d);
}
