/* Function words tell a language from a few lines of it, whatever the topic (the method of "stop word" identification,
 * Grefenstette 1995). Left out are words that other languages write alike: a, in, no, do, or, an, so, me, on, as, at. */
#include "filter/language.h"

enum { TOKENS_READ = 400, SHORT = 8 };
/* Of the words of a text: running English has 25-40%, lists of names and code 5-10%, German or French mail under 3%. */
static const double SHARE_LEAST = 0.06;

static bool is_function_word(const uint8_t *p, size_t n)
{
    static const char *const two[] = {"of", "to", "is", "it", "be", "we", "my", "by", "if", "he", "up"};
    static const char *const three[] = {"the", "and", "you", "for", "are", "can", "our", "has", "not", "was", "but",
                                        "all", "get", "any", "how", "who", "out", "its", "new", "see", "now"};
    static const char *const four[] = {"that", "this", "with", "your", "have", "from", "will", "they", "what", "been",
                                       "were", "when", "some", "here", "more", "just", "like", "only", "them", "then",
                                       "dont", "than", "help"};
    static const char *const five[] = {"there", "which", "would", "about", "their", "could", "should", "these", "where",
                                       "thanks", "please", "other", "click", "because"};
    const char *const *w = n == 2 ? two : n == 3 ? three : n == 4 ? four : five;
    size_t count = n == 2 ? sizeof two / sizeof *two : n == 3 ? sizeof three / sizeof *three
                   : n == 4 ? sizeof four / sizeof *four : n >= 5 && n <= 7 ? sizeof five / sizeof *five : 0;
    for (size_t i = 0; i < count; i++)
        if ((uint8_t)w[i][0] == p[0] && strlen(w[i]) == n && memcmp(w[i], p, n) == 0)
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
