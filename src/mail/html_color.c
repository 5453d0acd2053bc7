#include <stdlib.h>

#include "mail/html_priv.h"

struct named { char name[21]; uint32_t rgb; };

/* CSS Color 4, sorted for bsearch. */
static const struct named named_color[] = {
    {"aliceblue", 0xf0f8ff}, {"antiquewhite", 0xfaebd7}, {"aqua", 0x00ffff}, {"aquamarine", 0x7fffd4},
    {"azure", 0xf0ffff}, {"beige", 0xf5f5dc}, {"bisque", 0xffe4c4}, {"black", 0x000000},
    {"blanchedalmond", 0xffebcd}, {"blue", 0x0000ff}, {"blueviolet", 0x8a2be2}, {"brown", 0xa52a2a},
    {"burlywood", 0xdeb887}, {"cadetblue", 0x5f9ea0}, {"chartreuse", 0x7fff00}, {"chocolate", 0xd2691e},
    {"coral", 0xff7f50}, {"cornflowerblue", 0x6495ed}, {"cornsilk", 0xfff8dc}, {"crimson", 0xdc143c},
    {"cyan", 0x00ffff}, {"darkblue", 0x00008b}, {"darkcyan", 0x008b8b}, {"darkgoldenrod", 0xb8860b},
    {"darkgray", 0xa9a9a9}, {"darkgreen", 0x006400}, {"darkgrey", 0xa9a9a9}, {"darkkhaki", 0xbdb76b},
    {"darkmagenta", 0x8b008b}, {"darkolivegreen", 0x556b2f}, {"darkorange", 0xff8c00}, {"darkorchid", 0x9932cc},
    {"darkred", 0x8b0000}, {"darksalmon", 0xe9967a}, {"darkseagreen", 0x8fbc8f}, {"darkslateblue", 0x483d8b},
    {"darkslategray", 0x2f4f4f}, {"darkslategrey", 0x2f4f4f}, {"darkturquoise", 0x00ced1}, {"darkviolet", 0x9400d3},
    {"deeppink", 0xff1493}, {"deepskyblue", 0x00bfff}, {"dimgray", 0x696969}, {"dimgrey", 0x696969},
    {"dodgerblue", 0x1e90ff}, {"firebrick", 0xb22222}, {"floralwhite", 0xfffaf0}, {"forestgreen", 0x228b22},
    {"fuchsia", 0xff00ff}, {"gainsboro", 0xdcdcdc}, {"ghostwhite", 0xf8f8ff}, {"gold", 0xffd700},
    {"goldenrod", 0xdaa520}, {"gray", 0x808080}, {"green", 0x008000}, {"greenyellow", 0xadff2f},
    {"grey", 0x808080}, {"honeydew", 0xf0fff0}, {"hotpink", 0xff69b4}, {"indianred", 0xcd5c5c},
    {"indigo", 0x4b0082}, {"ivory", 0xfffff0}, {"khaki", 0xf0e68c}, {"lavender", 0xe6e6fa},
    {"lavenderblush", 0xfff0f5}, {"lawngreen", 0x7cfc00}, {"lemonchiffon", 0xfffacd}, {"lightblue", 0xadd8e6},
    {"lightcoral", 0xf08080}, {"lightcyan", 0xe0ffff}, {"lightgoldenrodyellow", 0xfafad2}, {"lightgray", 0xd3d3d3},
    {"lightgreen", 0x90ee90}, {"lightgrey", 0xd3d3d3}, {"lightpink", 0xffb6c1}, {"lightsalmon", 0xffa07a},
    {"lightseagreen", 0x20b2aa}, {"lightskyblue", 0x87cefa}, {"lightslategray", 0x778899},
    {"lightslategrey", 0x778899}, {"lightsteelblue", 0xb0c4de}, {"lightyellow", 0xffffe0}, {"lime", 0x00ff00},
    {"limegreen", 0x32cd32}, {"linen", 0xfaf0e6}, {"magenta", 0xff00ff}, {"maroon", 0x800000},
    {"mediumaquamarine", 0x66cdaa}, {"mediumblue", 0x0000cd}, {"mediumorchid", 0xba55d3},
    {"mediumpurple", 0x9370db}, {"mediumseagreen", 0x3cb371}, {"mediumslateblue", 0x7b68ee},
    {"mediumspringgreen", 0x00fa9a}, {"mediumturquoise", 0x48d1cc}, {"mediumvioletred", 0xc71585},
    {"midnightblue", 0x191970}, {"mintcream", 0xf5fffa}, {"mistyrose", 0xffe4e1}, {"moccasin", 0xffe4b5},
    {"navajowhite", 0xffdead}, {"navy", 0x000080}, {"oldlace", 0xfdf5e6}, {"olive", 0x808000},
    {"olivedrab", 0x6b8e23}, {"orange", 0xffa500}, {"orangered", 0xff4500}, {"orchid", 0xda70d6},
    {"palegoldenrod", 0xeee8aa}, {"palegreen", 0x98fb98}, {"paleturquoise", 0xafeeee},
    {"palevioletred", 0xdb7093}, {"papayawhip", 0xffefd5}, {"peachpuff", 0xffdab9}, {"peru", 0xcd853f},
    {"pink", 0xffc0cb}, {"plum", 0xdda0dd}, {"powderblue", 0xb0e0e6}, {"purple", 0x800080},
    {"rebeccapurple", 0x663399}, {"red", 0xff0000}, {"rosybrown", 0xbc8f8f}, {"royalblue", 0x4169e1},
    {"saddlebrown", 0x8b4513}, {"salmon", 0xfa8072}, {"sandybrown", 0xf4a460}, {"seagreen", 0x2e8b57},
    {"seashell", 0xfff5ee}, {"sienna", 0xa0522d}, {"silver", 0xc0c0c0}, {"skyblue", 0x87ceeb},
    {"slateblue", 0x6a5acd}, {"slategray", 0x708090}, {"slategrey", 0x708090}, {"snow", 0xfffafa},
    {"springgreen", 0x00ff7f}, {"steelblue", 0x4682b4}, {"tan", 0xd2b48c}, {"teal", 0x008080},
    {"thistle", 0xd8bfd8}, {"tomato", 0xff6347}, {"turquoise", 0x40e0d0}, {"violet", 0xee82ee},
    {"wheat", 0xf5deb3}, {"white", 0xffffff}, {"whitesmoke", 0xf5f5f5}, {"yellow", 0xffff00},
    {"yellowgreen", 0x9acd32},
};

static int by_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct named *)row)->name);
}

static bool find_named(struct span s, uint32_t *rgb)
{
    char key[21];
    if (s.n == 0 || s.n >= sizeof key)
        return false;
    for (size_t i = 0; i < s.n; i++)
        key[i] = (char)ascii_lower(s.p[i]);
    key[s.n] = 0;
    const struct named *hit = bsearch(key, named_color, sizeof named_color / sizeof *named_color,
                                      sizeof *named_color, by_name);
    if (hit)
        *rgb = hit->rgb;
    return hit != NULL;
}

static int hex_digit(uint8_t c)
{
    uint8_t l = c | 0x20;
    return ascii_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* #rgb, #rgba, #rrggbb, #rrggbbaa without the '#'. */
static enum css_color_kind hex_color(struct span s, uint32_t *rgb)
{
    if (s.n != 3 && s.n != 4 && s.n != 6 && s.n != 8)
        return COLOR_BAD;
    uint32_t v = 0;
    for (size_t i = 0; i < s.n; i++) {
        int d = hex_digit(s.p[i]);
        if (d < 0)
            return COLOR_BAD;
        v = v << 4 | (uint32_t)d;
        if (s.n <= 4)
            v = v << 4 | (uint32_t)d;
    }
    bool has_alpha = s.n == 4 || s.n == 8;
    *rgb = has_alpha ? v >> 8 : v;
    return has_alpha && (v & 0xff) < 0x10 ? COLOR_CLEAR : COLOR_RGB;
}

static uint32_t clamp_byte(int64_t x) { return x < 0 ? 0 : x > 255 ? 255 : (uint32_t)x; }

/* The numbers of "rgb(1, 2, 3 / 50%)", percentages flagged; returns how many, at most 4. */
static size_t read_args(struct span s, int64_t v[4], bool percent[4])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < 4 && s.p[i] != ')';) {
        size_t used = css_number(span_sub(s, i, s.n), &v[n]);
        if (!used) {
            i++;
            continue;
        }
        i += used;
        percent[n++] = i < s.n && s.p[i] == '%';
    }
    return n;
}

static uint32_t hsl_channel(int64_t h, int64_t sat, int64_t light, int n)
{
    /* CSS Color 4, 7.1, in thousandths; h in degrees. */
    int64_t k = (n * 1000 + h * 1000 / 30) % 12000;
    int64_t a = sat * (light < 1000 - light ? light : 1000 - light) / 1000;
    int64_t m = k - 3000 < 9000 - k ? k - 3000 : 9000 - k;
    m = m > 1000 ? 1000 : m < -1000 ? -1000 : m;
    return clamp_byte((light - a * m / 1000) * 255 / 1000);
}

static enum css_color_kind function_color(struct span s, uint32_t *rgb)
{
    bool is_hsl = (s.p[0] | 0x20) == 'h';
    ptrdiff_t open = span_chr(s, '(');
    int64_t v[4] = {0};
    bool percent[4] = {false};
    if (open < 0)
        return COLOR_BAD;
    size_t n = read_args(span_sub(s, (size_t)open + 1, s.n), v, percent);
    if (n < 3)
        return COLOR_BAD;
    if (n == 4 && v[3] <= (percent[3] ? 5000 : 50))
        return COLOR_CLEAR;
    if (is_hsl) {
        int64_t h = (v[0] / 1000 % 360 + 360) % 360, sat = v[1] / 100, light = v[2] / 100;
        sat = sat < 0 ? 0 : sat > 1000 ? 1000 : sat;
        light = light < 0 ? 0 : light > 1000 ? 1000 : light;
        *rgb = hsl_channel(h, sat, light, 0) << 16 | hsl_channel(h, sat, light, 8) << 8 | hsl_channel(h, sat, light, 4);
        return COLOR_RGB;
    }
    uint32_t c[3];
    for (int i = 0; i < 3; i++)
        c[i] = clamp_byte(percent[i] ? v[i] * 255 / 100000 : v[i] / 1000);
    *rgb = c[0] << 16 | c[1] << 8 | c[2];
    return COLOR_RGB;
}

enum css_color_kind css_color(struct span s, uint32_t *rgb)
{
    s = span_trim(s);
    if (s.n == 0)
        return COLOR_BAD;
    if (s.p[0] == '#')
        return hex_color(span_sub(s, 1, s.n), rgb);
    if (span_istarts(s, SPAN_LIT("rgb")) || span_istarts(s, SPAN_LIT("hsl")))
        return function_color(s, rgb);
    if (span_ieq(s, SPAN_LIT("transparent")))
        return COLOR_CLEAR;
    if (span_ieq(s, SPAN_LIT("inherit")) || span_ieq(s, SPAN_LIT("currentcolor")))
        return COLOR_INHERIT;
    if (find_named(s, rgb))
        return COLOR_RGB;
    if (span_ieq(s, SPAN_LIT("windowtext")))
        *rgb = 0x000000;
    else if (span_ieq(s, SPAN_LIT("window")))
        *rgb = 0xffffff;
    else
        return hex_color(s, rgb); /* quirks mode forgives the missing '#' */
    return COLOR_RGB;
}

bool html_legacy_color(struct span s, uint32_t *rgb)
{
    s = span_trim(s);
    if (s.n == 0 || span_ieq(s, SPAN_LIT("transparent")))
        return false;
    if (find_named(s, rgb))
        return true;
    if (s.n == 4 && s.p[0] == '#' && hex_color(span_sub(s, 1, 4), rgb) == COLOR_RGB)
        return true;
    uint8_t digit[128];
    size_t n = 0;
    for (size_t i = s.p[0] == '#'; i < s.n && n < sizeof digit - 3; i++) {
        int d = hex_digit(s.p[i]);
        digit[n++] = (uint8_t)(d < 0 ? 0 : d);
    }
    while (n == 0 || n % 3)
        digit[n++] = 0;
    size_t each = n / 3, from = each > 8 ? each - 8 : 0;
    while (each - from > 2 && !digit[from] && !digit[each + from] && !digit[2 * each + from])
        from++;
    uint32_t v = 0;
    for (size_t k = 0; k < 3; k++) {
        const uint8_t *p = digit + k * each + from;
        v = v << 8 | (each - from == 1 ? p[0] : (uint32_t)(p[0] << 4 | p[1]));
    }
    *rgb = v;
    return true;
}
