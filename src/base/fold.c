#include "base/fold.h"

#include <stddef.h>

#include "base/fold_table.h"

uint32_t fold_codepoint(uint32_t cp)
{
    uint32_t page = cp >> 8;
    if (page < FOLD_PAGES && fold_page_of[page] == page) /* Latin to Hebrew */
        return fold_page[page][cp & 255];
    size_t lo = 0, hi = FOLD_PAGES;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (fold_page_of[mid] < page)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < FOLD_PAGES && fold_page_of[lo] == page ? fold_page[lo][cp & 255] : cp;
}

struct range { uint32_t from, to; };

static bool in_ranges(const struct range *r, size_t n, uint32_t cp)
{
    for (size_t i = 0; i < n; i++)
        if (cp >= r[i].from && cp <= r[i].to)
            return true;
    return false;
}

/* Scripts whose words are not parted by spaces: kana, Han, Hangul (agglutinative), Thai, Lao, Khmer. */
static const struct range unspaced[] = {
    {0x3040, 0x30ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff}, {0xac00, 0xd7af}, {0xe00, 0xeff},
    {0x1780, 0x17ff}, {0x20000, 0x2fa1f},
};

/* Punctuation, symbols and emoji above ASCII. */
static const struct range symbols[] = {
    {0x80, 0xa9}, {0xab, 0xb4}, {0xb6, 0xb9}, {0xbb, 0xbf}, {0xd7, 0xd7}, {0xf7, 0xf7}, {0x2000, 0x209f},
    {0x20d0, 0x2bff}, {0x3000, 0x303f}, {0xe000, 0xf8ff}, {0xfe10, 0xfe6f}, {0xfff0, 0xffff},
    {0x1f000, 0x1ffff}, {0xe0000, 0x10ffff},
};

enum fold_class fold_class(uint32_t cp)
{
    if (cp < 0x80) {
        if ((cp | 0x20) - 'a' < 26)
            return FOLD_WORD;
        if (cp - '0' < 10)
            return FOLD_DIGIT;
        return cp == '$' ? FOLD_MONEY : FOLD_OTHER;
    }
    if (cp == 0xa3 || cp == 0xa5 || (cp >= 0x20a0 && cp <= 0x20cf))
        return FOLD_MONEY;
    if (cp >= 0xc0 && cp < 0x600 && cp != 0xd7 && cp != 0xf7)
        return FOLD_WORD;
    if (in_ranges(unspaced, sizeof unspaced / sizeof *unspaced, cp))
        return FOLD_IDEOGRAPH;
    return in_ranges(symbols, sizeof symbols / sizeof *symbols, cp) ? FOLD_OTHER : FOLD_WORD;
}

uint32_t fold_lookalike(uint32_t cp)
{
    static const struct { uint16_t from; char to; } pairs[] = {
        {0x430, 'a'}, {0x435, 'e'}, {0x43e, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x443, 'y'}, {0x445, 'x'},
        {0x456, 'i'}, {0x455, 's'}, {0x458, 'j'}, {0x501, 'd'}, {0x4bb, 'h'}, {0x578, 'n'}, {0x131, 'i'},
        {0x269, 'i'}, {0x3b1, 'a'}, {0x3bf, 'o'}, {0x3bd, 'v'}, {0x3c1, 'p'}, {0x3b5, 'e'}, {0x3b9, 'i'},
        {0x3ba, 'k'}, {0x3c4, 't'}, {0x3c5, 'u'}, {0x432, 'b'}, {0x43a, 'k'}, {0x43c, 'm'}, {0x43d, 'h'},
        {0x442, 't'},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].from == cp)
            return (uint32_t)pairs[i].to;
    return 0;
}
