/* Function words tell a language from a few lines of it, whatever the topic (the method of "stop word" identification,
 * Grefenstette 1995). Left out are words that other languages write alike: a, in, no, do, or, an, so, me, on, as, at. */
#include "filter/language.h"

enum { TOKENS_READ = 400, SHORT = 8 };
/* Of the words of a text: running English has 25-40%, lists of names and code 5-10%, German or French mail under 3%. */
static const double SHARE_LEAST = 0.06;

enum { WORD_MOST = 7 };

/* By first letter, each after its length: this is asked of every word. */
static bool is_function_word(const uint8_t *p, size_t n)
{
    static const char *const word[26] = {
        "3and3are3all3any5about", "2be2by3but4been7because", "3can5could5click", "4dont", "", "3for4from", "3get",
        "2he3has3how4have4here4help", "2is2it2if3its", "4just", "", "4like", "2my4more", "3not3new3now",
        "2of3our3out4only5other", "6please", "", "", "3see4some6should",
        "2to3the4that4this4they4them4then4than5there5their5these6thanks", "2up", "",
        "2we3was3who4with4will4what4were4when5which5would5where", "", "3you4your", "",
    };
    if (n > WORD_MOST || p[0] < 'a' || p[0] > 'z')
        return false;
    for (const char *w = word[p[0] - 'a']; *w; w += 1 + (*w - '0'))
        if (n == (size_t)(*w - '0') && memcmp(w + 1, p, n) == 0)
            return true;
    return false;
}

bool language_is_english(const struct text *t)
{
    size_t words = 0, found = 0, foreign = 0;
    for (size_t i = 0; i < t->n && i < TOKENS_READ; i++) {
        const struct token *k = &t->tok[i];
        const uint8_t *p = t->folded.p + k->off;
        if (k->len < 2 || ascii_is_digit(p[0]) || p[0] == '!')
            continue;
        words++;
        foreign += p[0] >= 0x80 || p[k->len - 1] >= 0x80;
        found += is_function_word(p, k->len);
    }
    if (foreign * 3 > words)
        return false;
    if (words < SHORT) /* a line or a link: nothing says that it is another language */
        return foreign == 0;
    return (double)found >= SHARE_LEAST * (double)words;
}
