#include "base/utf8.h"
#include "mail/html_priv.h"

/* Further out than this, in thousandths of a pixel, nobody looks. */
enum { AWAY_MILLI_PX = 400 * 1000 };

size_t css_number(struct span s, int64_t *milli_out)
{
    size_t i = 0;
    bool negative = i < s.n && s.p[i] == '-';
    i += i < s.n && (s.p[i] == '-' || s.p[i] == '+');
    int64_t v = 0, scale = 1000;
    size_t digits = 0;
    for (; i < s.n && ascii_is_digit(s.p[i]); i++, digits++)
        v = v > 1000000 ? v : v * 10 + (s.p[i] - '0');
    v *= 1000;
    if (i + 1 < s.n && s.p[i] == '.' && ascii_is_digit(s.p[i + 1]))
        for (i++; i < s.n && ascii_is_digit(s.p[i]); i++, digits++) {
            scale /= 10;
            v += (s.p[i] - '0') * scale;
        }
    *milli_out = negative ? -v : v;
    return digits ? i : 0;
}

/* A length in thousandths of pixels or of the font size; bare numbers are pixels, as in quirks mode. */
static bool length_of(struct span s, int64_t *v, uint8_t *unit)
{
    size_t n = css_number(s, v);
    if (!n)
        return false;
    struct span u = span_trim(span_sub(s, n, s.n));
    *unit = UNIT_MILLI_PX;
    if (u.n >= 2 && (u.p[0] | 0x20) == 'p' && (u.p[1] | 0x20) == 't')
        *v = *v * 4 / 3;
    else if (u.n >= 2 && (u.p[0] | 0x20) == 'p' && (u.p[1] | 0x20) == 'c')
        *v *= 16;
    else if (u.n >= 3 && span_istarts(u, SPAN_LIT("rem")))
        *v *= 16;
    else if (u.n >= 2 && (span_istarts(u, SPAN_LIT("em")) || span_istarts(u, SPAN_LIT("ex"))))
        *unit = UNIT_MILLI_EM;
    else if (u.n >= 2 && span_istarts(u, SPAN_LIT("in")))
        *v *= 96;
    else if (u.n >= 2 && span_istarts(u, SPAN_LIT("cm")))
        *v *= 38;
    else if (u.n >= 2 && span_istarts(u, SPAN_LIT("mm")))
        *v = *v * 38 / 10;
    else if (u.n >= 1 && u.p[0] == '%') {
        *v /= 100;
        *unit = UNIT_MILLI_EM;
    } else if (u.n >= 2 && (u.p[0] | 0x20) == 'v')
        *v *= 8; /* vw, vh: a hundredth of a window of 800 */
    return true;
}

static bool value_is(struct span v, struct span word) { return span_istarts(v, word); }

static void font_size(struct span v, struct css *c)
{
    static const struct { char name[9]; uint8_t unit; uint16_t size; } word[] = {
        {"xx-small", UNIT_MILLI_PX, 9000}, {"x-small", UNIT_MILLI_PX, 10000}, {"small", UNIT_MILLI_PX, 13000},
        {"medium", UNIT_MILLI_PX, 16000}, {"large", UNIT_MILLI_PX, 18000}, {"x-large", UNIT_MILLI_PX, 24000},
        {"xx-large", UNIT_MILLI_PX, 32000}, {"smaller", UNIT_MILLI_EM, 830}, {"larger", UNIT_MILLI_EM, 1200},
        {"initial", UNIT_MILLI_PX, 16000},
    };
    int64_t x;
    uint8_t unit;
    if (length_of(v, &x, &unit)) {
        if (x < 0)
            return; /* not valid, so not obeyed */
        c->size = x > 1000000 ? 1000000 : (int32_t)x;
        c->size_unit = unit;
        c->has |= CSS_SIZE;
        return;
    }
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (value_is(v, span_str(word[i].name))) {
            c->size = word[i].size;
            c->size_unit = word[i].unit;
            c->has |= CSS_SIZE;
            return;
        }
}

/* `font: bold 12px/1.5 Arial`: the first length is the size. */
static void font(struct span v, struct css *c)
{
    for (size_t i = 0; i < v.n; i++) {
        bool starts = i == 0 || v.p[i - 1] == ' ';
        if (!starts || !(ascii_is_digit(v.p[i]) || v.p[i] == '.'))
            continue;
        int64_t x;
        size_t n = css_number(span_sub(v, i, v.n), &x);
        if (n && (x == 0 || (i + n < v.n && (ascii_is_alpha(v.p[i + n]) || v.p[i + n] == '%')))) {
            font_size(span_sub(v, i, v.n), c);
            return;
        }
    }
}

static void foreground(struct span v, struct css *c)
{
    uint32_t rgb;
    enum css_color_kind k = css_color(v, &rgb);
    if (k == COLOR_BAD)
        return;
    c->has &= (uint16_t)~(CSS_FG | CSS_FG_CLEAR | CSS_FG_UNKNOWN);
    if (k == COLOR_CLEAR)
        c->has |= CSS_FG_CLEAR;
    if (k != COLOR_RGB)
        return;
    c->fg = rgb;
    c->has |= CSS_FG;
}

/* background-color, and the shorthand in which a colour may stand among other words. */
static void background(struct span v, struct css *c)
{
    bool unknown = span_ifind(v, SPAN_LIT("url(")) >= 0 || span_ifind(v, SPAN_LIT("gradient(")) >= 0;
    uint32_t rgb;
    enum css_color_kind k = COLOR_BAD;
    for (size_t i = 0; i < v.n && k == COLOR_BAD;) {
        size_t from = i, depth = 0;
        while (i < v.n && (depth || v.p[i] != ' ')) {
            depth += v.p[i] == '(';
            depth -= depth && v.p[i] == ')';
            i++;
        }
        k = css_color(span_sub(v, from, i), &rgb);
        i++;
    }
    if (unknown)
        c->has = (uint16_t)((c->has & ~CSS_BG) | CSS_BG_UNKNOWN);
    else if (k == COLOR_RGB) {
        c->bg = rgb;
        c->has = (uint16_t)((c->has & ~CSS_BG_UNKNOWN) | CSS_BG);
    }
}

static void display(struct span v, struct css *c)
{
    c->display = value_is(v, SPAN_LIT("none")) ? DISPLAY_NONE
                 : span_ieq(v, SPAN_LIT("inline")) || value_is(v, SPAN_LIT("contents")) ? DISPLAY_INLINE
                                                                                        : DISPLAY_OTHER;
}

static void visibility(struct span v, struct css *c)
{
    c->has &= (uint16_t)~(CSS_VISIBLE | CSS_INVISIBLE);
    c->has |= value_is(v, SPAN_LIT("hidden")) || value_is(v, SPAN_LIT("collapse")) ? CSS_INVISIBLE
              : value_is(v, SPAN_LIT("visible")) ? CSS_VISIBLE : 0;
}

static void set_flag(struct css *c, unsigned flag, bool on)
{
    c->has = (uint16_t)(on ? c->has | flag : c->has & ~flag);
}

static bool is_zero(struct span v, int64_t at_most)
{
    int64_t x;
    return css_number(v, &x) && x >= 0 && x <= at_most;
}

/* left, top, text-indent, margins: far to the left or far above; far to either side by `both`. */
static void offset(struct span v, struct css *c, bool both)
{
    int64_t x;
    uint8_t unit;
    if (!length_of(v, &x, &unit))
        return;
    if (unit == UNIT_MILLI_EM)
        x *= 16;
    if (x <= -AWAY_MILLI_PX || (both && x >= 5 * (int64_t)AWAY_MILLI_PX))
        c->has |= CSS_AWAY;
}

static void clip(struct span v, struct css *c)
{
    if (span_ifind(v, SPAN_LIT("inset(50%")) >= 0 || span_ifind(v, SPAN_LIT("inset(100%")) >= 0) {
        c->has |= CSS_AWAY;
        return;
    }
    if (!value_is(v, SPAN_LIT("rect(")))
        return;
    for (size_t i = 5; i < v.n; i++) { /* rect(0,0,0,0) and rect(1px 1px 1px 1px) show nothing */
        bool starts = !ascii_is_alnum(v.p[i - 1]) && v.p[i - 1] != '.';
        int64_t x;
        if (starts && css_number(span_sub(v, i, v.n), &x) && (x < 0 || x > 1000))
            return;
        if (starts && ascii_is_alpha(v.p[i]))
            return;
    }
    c->has |= CSS_AWAY;
}

static void transform(struct span v, struct css *c)
{
    ptrdiff_t at = span_ifind(v, SPAN_LIT("scale"));
    if (at < 0)
        return;
    struct span rest = span_sub(v, (size_t)at, v.n);
    ptrdiff_t open = span_chr(rest, '(');
    if (open > 0 && is_zero(span_trim(span_sub(rest, (size_t)open + 1, rest.n)), 20))
        c->has |= CSS_AWAY;
}

/* Only names that can hide something get past the length and first letter. */
static void declaration(struct span name, struct span v, struct css *c)
{
#define IS(s) span_ieq(name, SPAN_LIT(s))
    switch (name.n << 8 | (name.p[0] | 0x20)) {
    case 3 << 8 | 't': if (IS("top")) offset(v, c, true); break;
    case 4 << 8 | 'l': if (IS("left")) offset(v, c, true); break;
    case 4 << 8 | 'f': if (IS("font")) font(v, c); break;
    case 4 << 8 | 'c': if (IS("clip")) clip(v, c); break;
    case 5 << 8 | 'r': if (IS("right")) offset(v, c, false); break;
    case 5 << 8 | 'c': if (IS("color")) foreground(v, c); break;
    case 5 << 8 | 'w': if (IS("width")) set_flag(c, CSS_ZERO_WIDTH, is_zero(v, 1000)); break;
    case 6 << 8 | 'h': if (IS("height")) set_flag(c, CSS_ZERO_HEIGHT, is_zero(v, 1000)); break;
    case 7 << 8 | 'd': if (IS("display")) display(v, c); break;
    case 7 << 8 | 'o': if (IS("opacity")) set_flag(c, CSS_OPACITY_0, is_zero(v, 50)); break;
    case 8 << 8 | 'm': if (IS("mso-hide")) set_flag(c, CSS_MSO_HIDE, value_is(v, SPAN_LIT("all"))); break;
    case 8 << 8 | 'o':
        if (IS("overflow"))
            set_flag(c, CSS_CLIPPED, value_is(v, SPAN_LIT("hidden")) || value_is(v, SPAN_LIT("clip")));
        break;
    case 9 << 8 | 'f': if (IS("font-size")) font_size(v, c); break;
    case 9 << 8 | 'm': if (IS("max-width") && is_zero(v, 1000)) c->has |= CSS_ZERO_WIDTH; break;
    case 9 << 8 | 't': if (IS("transform")) transform(v, c); break;
    case 9 << 8 | 'c': if (IS("clip-path")) clip(v, c); break;
    case 10 << 8 | 'b': if (IS("background")) background(v, c); break;
    case 10 << 8 | 'v': if (IS("visibility")) visibility(v, c); break;
    case 10 << 8 | 'm':
        if (IS("max-height") && is_zero(v, 1000)) c->has |= CSS_ZERO_HEIGHT;
        else if (IS("margin-top")) offset(v, c, false);
        break;
    case 11 << 8 | 't': if (IS("text-indent")) offset(v, c, true); break;
    case 11 << 8 | 'm': if (IS("margin-left")) offset(v, c, false); break;
    case 12 << 8 | 'm': if (IS("margin-right")) offset(v, c, false); break;
    case 16 << 8 | 'b':
        if (IS("background-color")) background(v, c);
        else if (IS("background-image") && span_ifind(v, SPAN_LIT("(")) >= 0) c->has |= CSS_BG_UNKNOWN;
        break;
    default: break;
    }
#undef IS
}

/* The end of a declaration: ';' outside quotes and parentheses. Quotes that never close count as
 * letters, so that the search stays linear: `no_quote` remembers that there is none ahead. */
static size_t declaration_end(struct span s, size_t i, bool no_quote[2])
{
    bool paren = false;
    for (; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c > ';')
            continue;
        if (c == ';' && !paren)
            break;
        paren = c == '(' ? true : c == ')' ? false : paren;
        if ((c == '"' || c == '\'') && !no_quote[c == '"']) {
            const uint8_t *end = memchr(s.p + i + 1, c, s.n - i - 1);
            if (end)
                i = (size_t)(end - s.p);
            else
                no_quote[c == '"'] = true;
        }
    }
    return i;
}

void css_parse(struct span s, struct css *c)
{
    bool no_quote[2] = {false, false};
    for (size_t i = 0; i < s.n; i++) {
        size_t end = declaration_end(s, i, no_quote);
        size_t colon = i;
        while (colon < end && s.p[colon] != ':')
            colon++;
        struct span name = span_trim(span_sub(s, i, colon));
        if (colon < end && name.n >= 3 && name.n <= 16)
            declaration(name, span_trim(span_sub(s, colon + 1, end)), c);
        i = end;
    }
}

void css_merge(struct css *c, const struct css *more)
{
    unsigned has = c->has;
    if (more->has & (CSS_FG | CSS_FG_UNKNOWN | CSS_FG_CLEAR)) {
        has &= ~(unsigned)(CSS_FG | CSS_FG_UNKNOWN | CSS_FG_CLEAR);
        c->fg = more->fg;
    }
    if (more->has & (CSS_BG | CSS_BG_UNKNOWN)) {
        has &= ~(unsigned)(CSS_BG | CSS_BG_UNKNOWN);
        c->bg = more->bg;
    }
    if (more->has & CSS_SIZE) {
        c->size = more->size;
        c->size_unit = more->size_unit;
    }
    if (more->has & (CSS_VISIBLE | CSS_INVISIBLE))
        has &= ~(unsigned)(CSS_VISIBLE | CSS_INVISIBLE);
    if (more->display != DISPLAY_UNSET)
        c->display = more->display;
    c->has = (uint16_t)(has | more->has);
}

/* One escape at p[0] == '\\': up to six hex digits and a space, or any one byte. */
static size_t unescape_one(struct span s, uint8_t *out, size_t *n)
{
    size_t i = 1;
    uint32_t v = 0;
    for (; i < s.n && i <= 6; i++) {
        uint8_t c = s.p[i], l = c | 0x20;
        if (!ascii_is_digit(c) && !(l >= 'a' && l <= 'f'))
            break;
        v = v << 4 | (uint32_t)(ascii_is_digit(c) ? c - '0' : l - 'a' + 10);
    }
    if (i > 1) {
        /* A digit and the backslash are two bytes: what is longer than ASCII is of no use here. */
        out[(*n)++] = v > 0 && v < 0x80 ? (uint8_t)v : '?';
        return i + (i < s.n && ascii_is_space(s.p[i]));
    }
    if (i < s.n)
        out[(*n)++] = s.p[i];
    return i < s.n ? 2 : 1;
}

struct span css_clean(struct arena *a, struct span s)
{
    if (span_chr(s, '*') < 0 && span_chr(s, '\\') < 0)
        return s;
    uint8_t *p = arena_alloc(a, s.n);
    if (!p)
        return s;
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        if (s.p[i] == '/' && i + 1 < s.n && s.p[i + 1] == '*') {
            ptrdiff_t end = span_find(span_sub(s, i + 2, s.n), SPAN_LIT("*/"));
            i = end < 0 ? s.n : i + 2 + (size_t)end + 2;
        } else if (s.p[i] == '\\')
            i += unescape_one(span_sub(s, i, s.n), p, &n);
        else
            p[n++] = s.p[i++];
    }
    arena_shrink(a, p, s.n, n);
    return span_of(p, n);
}
