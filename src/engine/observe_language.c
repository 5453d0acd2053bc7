/* observe_language: which language a text is in, roughly: by its script, and where that is Latin by words that only one language has
 * often (the method of "stop words", Grefenstette 1995). Input is a sketch's text: folded words, single blanks. */
#include "engine/observe_priv.h"

enum { READ_BYTES = 1536, WORDS_LEAST = 3 };

/* What an accent leaves of a letter is the folding's. Ascending; each word with a bit for each language that has it often. */
static const char names[][3] = {"en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr"};
enum { LANGUAGES = sizeof names / sizeof *names, WORD_MOST = 7 };
static const struct { char word[WORD_MOST + 1]; uint16_t of; } words[] = {
    {"and", 0x1}, {"are", 0x1}, {"att", 0x100}, {"auf", 0x2}, {"av", 0x100}, {"avec", 0x4}, {"bir", 0x200}, {"bu", 0x200},
    {"che", 0x10}, {"cok", 0x200}, {"com", 0x20}, {"como", 0x28}, {"con", 0x18}, {"czy", 0x80}, {"da", 0x200}, {"daha", 0x200},
    {"dans", 0x4}, {"das", 0x22}, {"dat", 0x40}, {"del", 0x18}, {"della", 0x10}, {"der", 0x2}, {"des", 0x4}, {"det", 0x100},
    {"di", 0x10}, {"die", 0x2}, {"dla", 0x80}, {"dos", 0x20}, {"du", 0x100}, {"een", 0x40}, {"ein", 0x2}, {"en", 0x40},
    {"est", 0x4}, {"esta", 0x8}, {"ett", 0x100}, {"for", 0x1}, {"from", 0x1}, {"gli", 0x10}, {"har", 0x100}, {"have", 0x1},
    {"het", 0x40}, {"icin", 0x200}, {"ihre", 0x2}, {"il", 0x10}, {"ile", 0x200}, {"inte", 0x100}, {"ist", 0x2}, {"jak", 0x80},
    {"je", 0x40}, {"jest", 0x80}, {"las", 0x8}, {"les", 0x4}, {"los", 0x8}, {"mais", 0x20}, {"med", 0x100}, {"met", 0x40},
    {"mit", 0x2}, {"na", 0x80}, {"nao", 0x20}, {"nicht", 0x2}, {"nie", 0x80}, {"niet", 0x40}, {"non", 0x10}, {"not", 0x1},
    {"nous", 0x4}, {"och", 0x100}, {"od", 0x80}, {"olarak", 0x200}, {"op", 0x40}, {"oraz", 0x80}, {"os", 0x20}, {"para", 0x28},
    {"per", 0x10}, {"pero", 0x8}, {"por", 0x28}, {"pour", 0x4}, {"przez", 0x80}, {"que", 0xc}, {"questo", 0x10}, {"qui", 0x4},
    {"seu", 0x20}, {"sie", 0x2}, {"som", 0x100}, {"sono", 0x10}, {"su", 0x8}, {"sur", 0x4}, {"that", 0x1}, {"the", 0x1},
    {"this", 0x1}, {"uma", 0x20}, {"una", 0x18}, {"und", 0x2}, {"une", 0x4}, {"usted", 0x8}, {"uw", 0x40}, {"van", 0x40},
    {"ve", 0x200}, {"voce", 0x20}, {"von", 0x2}, {"voor", 0x40}, {"votre", 0x4}, {"vous", 0x4}, {"will", 0x1}, {"with", 0x1},
    {"you", 0x1}, {"your", 0x1}, {"ze", 0x80}, {"zijn", 0x40}, {"zu", 0x2},
};

struct scripts { size_t latin, cyrillic, greek, hebrew, arabic, han, kana, hangul, thai; };

static uint32_t rune(const uint8_t *p, size_t n, size_t *used)
{
    static const uint8_t most[4] = {0x7f, 0x1f, 0x0f, 0x07};
    size_t len = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : *p >= 0xc0 ? 2 : 0;
    *used = len && len <= n ? len : 1;
    if (!len || len > n)
        return 0;
    uint32_t x = *p & most[len - 1];
    for (size_t i = 1; i < len; i++)
        x = x << 6 | (p[i] & 0x3f);
    return x;
}

static void count_script(struct scripts *s, uint32_t x)
{
    if (x < 0x250)
        s->latin += x < 0x80 ? ascii_is_alpha((uint8_t)x) : x >= 0xc0;
    else if (x >= 0x370 && x < 0x400)
        s->greek++;
    else if (x >= 0x400 && x < 0x530)
        s->cyrillic++;
    else if (x >= 0x590 && x < 0x600)
        s->hebrew++;
    else if (x >= 0x600 && x < 0x780)
        s->arabic++;
    else if (x >= 0xe00 && x < 0xe80)
        s->thai++;
    else if (x >= 0x3040 && x < 0x3100)
        s->kana++;
    else if (x >= 0x4e00 && x < 0xa000)
        s->han++;
    else if (x >= 0xac00 && x < 0xd7b0)
        s->hangul++;
}

static const char *by_script(const struct scripts *s)
{
    const struct { size_t n; const char *name; } all[] = {
        {s->cyrillic, "ru"}, {s->greek, "el"}, {s->hebrew, "he"}, {s->arabic, "ar"}, {s->thai, "th"}, {s->hangul, "ko"},
        {s->kana + s->han, s->kana * 8 > s->han ? "ja" : "zh"},
    };
    size_t best = 0;
    for (size_t i = 1; i < sizeof all / sizeof *all; i++)
        if (all[i].n > all[best].n)
            best = i;
    return all[best].n * 3 > s->latin ? all[best].name : NULL; /* such mail is full of Latin names */
}

static unsigned languages_of(struct span w)
{
    char key[WORD_MOST + 1] = "";
    size_t lo = 0, hi = sizeof words / sizeof *words;
    if (w.n < 2 || w.n > WORD_MOST)
        return 0;
    memcpy(key, w.p, w.n);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int d = memcmp(words[mid].word, key, sizeof key);
        if (d == 0)
            return words[mid].of;
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return 0;
}

void language_guess(struct span text, char out[4])
{
    size_t found[LANGUAGES] = {0}, best = 0, n = 0;
    struct scripts s = {0};
    memset(out, 0, 4);
    text = span_sub(text, 0, READ_BYTES);
    for (size_t i = 0, used; i < text.n; i += used)
        count_script(&s, rune(text.p + i, text.n - i, &used));
    const char *script = by_script(&s);
    if (script) {
        memcpy(out, script, 2);
        return;
    }
    for (size_t i = 0, end; i < text.n; i = end + 1) {
        ptrdiff_t blank = span_chr(span_sub(text, i, text.n), ' ');
        end = blank < 0 ? text.n : i + (size_t)blank;
        struct span w = span_sub(text, i, end);
        n++;
        for (unsigned k = 0, of = languages_of(w); of; k++, of >>= 1)
            found[k] += of & 1;
    }
    for (size_t k = 1; k < LANGUAGES; k++)
        if (found[k] > found[best])
            best = k;
    if (found[best] >= WORDS_LEAST && found[best] * 20 >= n)
        memcpy(out, names[best], 2);
}
