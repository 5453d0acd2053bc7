#include "mail/html_priv.h"

enum {
    PAGE_FG = 0x000000, PAGE_BG = 0xffffff, PAGE_SIZE = 16000,
    TINY_SIZE = 2000,  /* up to two pixels is a grey line */
    LOOKS_MAX = 200000,/* a page that takes elements out of the middle that often only spends our time */
    NEAR_COLOR = 60    /* sum of the channels' differences: #ebebeb on white, below any footer's grey */
};

static int channel_distance(uint32_t a, uint32_t b, int shift)
{
    int d = (int)(a >> shift & 0xff) - (int)(b >> shift & 0xff);
    return d < 0 ? -d : d;
}

static bool is_near(uint32_t a, uint32_t b)
{
    return a == b || channel_distance(a, b, 16) + channel_distance(a, b, 8) + channel_distance(a, b, 0) <= NEAR_COLOR;
}

static int32_t size_of(int32_t parent, const struct css *c)
{
    int64_t v = c->size_unit == UNIT_MILLI_EM ? (int64_t)parent * c->size / 1000 : c->size;
    return v > 1000000 ? 1000000 : (int32_t)v;
}

static struct look look_within(const struct look *outer, uint16_t tag, const struct css *c)
{
    struct look l = *outer;
    unsigned f = l.flags & ~(unsigned)LOOK_HIDDEN;
    if (tag == TAG_PRE || tag == TAG_LISTING || tag == TAG_XMP || tag == TAG_PLAINTEXT)
        f |= LOOK_PRE;
    if ((html_tag_flags[tag] & TAG_IS_GONE) || c->display == DISPLAY_NONE)
        f |= LOOK_GONE;
    if (c->has) {
        if (c->has & (CSS_FG | CSS_FG_UNKNOWN | CSS_FG_CLEAR)) {
            f &= ~(unsigned)(LOOK_FG_UNKNOWN | LOOK_FG_CLEAR);
            f |= c->has & CSS_FG_UNKNOWN ? LOOK_FG_UNKNOWN : c->has & CSS_FG_CLEAR ? LOOK_FG_CLEAR : 0;
            l.fg = c->fg;
        }
        if (c->has & (CSS_BG | CSS_BG_UNKNOWN)) {
            f &= ~(unsigned)LOOK_BG_UNKNOWN;
            f |= c->has & CSS_BG_UNKNOWN ? LOOK_BG_UNKNOWN : 0;
            l.bg = c->bg;
        }
        if (c->has & CSS_SIZE)
            l.size = size_of(outer->size, c);
        if (c->has & CSS_VISIBLE)
            f &= ~(unsigned)LOOK_INVISIBLE;
        if (c->has & CSS_INVISIBLE)
            f |= LOOK_INVISIBLE;
        bool no_box = (c->has & CSS_CLIPPED) && (c->has & (CSS_ZERO_WIDTH | CSS_ZERO_HEIGHT));
        if (no_box || (c->has & (CSS_OPACITY_0 | CSS_AWAY | CSS_MSO_HIDE)))
            f |= LOOK_UNSEEN;
    }
    bool same = !(f & (LOOK_BG_UNKNOWN | LOOK_FG_UNKNOWN)) && is_near(l.fg, l.bg);
    if ((f & (LOOK_GONE | LOOK_INVISIBLE | LOOK_UNSEEN | LOOK_FG_CLEAR)) || l.size <= TINY_SIZE || same)
        f |= LOOK_HIDDEN;
    l.flags = (uint8_t)f;
    return l;
}

bool stack_init(struct arena *a, struct stack *s, size_t max)
{
    s->max = max < 2 ? 2 : max;
    s->e = arena_alloc(a, s->max * sizeof *s->e);
    s->tag = arena_alloc(a, s->max);
    if (!s->e || !s->tag)
        return false;
    stack_reset(s);
    return true;
}

void stack_reset(struct stack *s)
{
    memset(s->n_of, 0, sizeof s->n_of);
    s->n = 1;
    s->looks_left = LOOKS_MAX;
    s->tag[0] = TAG_UNKNOWN;
    s->e[0] = (struct open){.look = {.fg = PAGE_FG, .bg = PAGE_BG, .size = PAGE_SIZE}};
}

bool stack_push(struct stack *s, uint16_t tag, const struct css *own)
{
    bool fits = s->n < s->max;
    if (!fits)
        stack_remove(s, s->n - 1);
    struct open *e = &s->e[s->n];
    *e = (struct open){.look = look_within(&e[-1].look, tag, own), .own = *own, .tag = tag};
    s->tag[s->n++] = (uint8_t)tag;
    s->n_of[tag]++;
    return fits;
}

size_t stack_find(const struct stack *s, uint16_t tag, uint16_t wall)
{
    if (s->n_of[tag] == 0)
        return 0;
    for (size_t i = s->n - 1; i > 0; i--) {
        if (s->tag[i] == tag)
            return i;
        if (html_tag_flags[s->tag[i]] & wall)
            return 0;
    }
    return 0;
}

void stack_look_again(struct stack *s, size_t from)
{
    for (size_t i = from; i < s->n && s->looks_left; i++, s->looks_left--)
        s->e[i].look = look_within(&s->e[i - 1].look, s->e[i].tag, &s->e[i].own);
}

size_t stack_find_unknown(const struct stack *s, uint32_t name)
{
    size_t n = s->n_of[TAG_UNKNOWN];
    for (size_t i = s->n - 1; n && i > 0 && !(html_tag_flags[s->tag[i]] & TAG_IS_SPECIAL); i--)
        if (s->tag[i] == TAG_UNKNOWN && s->e[i].name == name)
            return i;
    return 0;
}

void stack_remove(struct stack *s, size_t at)
{
    s->n_of[s->tag[at]]--;
    s->n--;
    memmove(s->e + at, s->e + at + 1, (s->n - at) * sizeof *s->e);
    memmove(s->tag + at, s->tag + at + 1, s->n - at);
    stack_look_again(s, at);
}

static void color_attr(const struct html_tag *t, unsigned attr, struct css *c, unsigned flag, uint32_t *rgb)
{
    if (html_tag_has(t, attr) && html_legacy_color(t->value[attr], rgb))
        c->has |= (uint16_t)flag;
}

/* <font size=1..7>, +n and -n from 3. */
static void font_size_attr(struct span v, struct css *c)
{
    static const uint16_t px[8] = {10, 10, 13, 16, 18, 24, 32, 48};
    int64_t x;
    v = span_trim(v);
    if (!css_number(v, &x))
        return;
    x /= 1000;
    if (v.p[0] == '+' || v.p[0] == '-')
        x += 3;
    c->size = px[x < 1 ? 1 : x > 7 ? 7 : x] * 1000;
    c->size_unit = UNIT_MILLI_PX;
    c->has |= CSS_SIZE;
}

void css_of_tag(struct arena *a, const struct sheet *sh, const struct html_tag *t, uint32_t link_color, struct css *c)
{
    const uint64_t of_interest = 1ull << ATTR_BGCOLOR | 1ull << ATTR_COLOR | 1ull << ATTR_TEXT | 1ull << ATTR_HIDDEN |
                                 1ull << ATTR_BACKGROUND | 1ull << ATTR_SIZE;
    if (t->id == TAG_A && html_tag_has(t, ATTR_HREF)) {
        c->fg = link_color;
        c->has |= CSS_FG;
    }
    if (t->has & of_interest) {
        color_attr(t, ATTR_BGCOLOR, c, CSS_BG, &c->bg);
        if (t->id == TAG_FONT || t->id == TAG_BASEFONT)
            color_attr(t, ATTR_COLOR, c, CSS_FG, &c->fg);
        if (t->id == TAG_BODY)
            color_attr(t, ATTR_TEXT, c, CSS_FG, &c->fg);
        if (html_tag_has(t, ATTR_BACKGROUND) && span_trim(t->value[ATTR_BACKGROUND]).n)
            c->has = (uint16_t)((c->has & ~CSS_BG) | CSS_BG_UNKNOWN);
        if (t->id == TAG_FONT && html_tag_has(t, ATTR_SIZE))
            font_size_attr(t->value[ATTR_SIZE], c);
        if (html_tag_has(t, ATTR_HIDDEN))
            c->display = DISPLAY_NONE;
    }
    if (!sheet_is_empty(sh)) {
        struct css rules = {0};
        sheet_match(sh, t, &rules);
        css_merge(c, &rules);
    }
    if (html_tag_has(t, ATTR_STYLE) && t->value[ATTR_STYLE].n) {
        struct css own = {0};
        css_parse(css_clean(a, html_unescape(a, t->value[ATTR_STYLE])), &own);
        css_merge(c, &own);
    }
}
