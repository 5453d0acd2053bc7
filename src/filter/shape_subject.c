/* The subject as a line of type: length, case, punctuation, what kind of thing it looks like. Reply prefixes and
 * tags in brackets are taken off first: tags are lists' and other filters', not the author's. */
#include "base/utf8.h"
#include "filter/shape_priv.h"

enum { SUBJECT_BYTES = 400, TAG_BYTES = 40 };

struct subject_count {
    uint32_t upper, lower, high, words, title, bang, question, money, percent, digits_at_end;
    bool emoji, dots, path;
};

/* Length of a reply prefix with its colon ("Re:", "AW[2]:", a full-width colon), or 0. */
static size_t reply_prefix(struct span s, bool *is_forward)
{
    static const char *const word[] = {
        "re",  "aw", "sv", "antw", "\xE5\x9B\x9E\xE5\xA4\x8D", "\xE7\xAD\x94\xE5\xA4\x8D",
        "fwd", "fw", "wg", "tr",   "\xE8\xBD\xAC\xE5\x8F\x91"};
    enum { REPLIES = 6 };
    if (s.n < 3 || !strchr("rRaAsSfFwWtT\xE5\xE7\xE8", s.p[0] ? s.p[0] : '!'))
        return 0;
    for (size_t w = 0; w < sizeof word / sizeof *word; w++) {
        struct span prefix = span_str(word[w]);
        if (!span_istarts(s, prefix))
            continue;
        size_t i = prefix.n;
        if (i < s.n && (s.p[i] == '[' || s.p[i] == '('))
            while (i < s.n && i < prefix.n + 5 && s.p[i++] != ']')
                ;
        while (i < s.n && s.p[i] == ' ')
            i++;
        struct span rest = span_sub(s, i, s.n);
        size_t colon = rest.n && rest.p[0] == ':' ? 1 : span_istarts(rest, SPAN_LIT("\xEF\xBC\x9A")) ? 3 : 0;
        if (colon) {
            *is_forward = w >= REPLIES;
            return i + colon;
        }
    }
    return 0;
}

/* Length of a tag at s: "[list]", "{Spam?}", "***SPAM***", or 0. */
static size_t tag(struct span s)
{
    if (s.n == 0)
        return 0;
    uint8_t close = s.p[0] == '[' ? ']' : s.p[0] == '{' ? '}' : 0;
    if (close) {
        ptrdiff_t end = span_chr(span_sub(s, 0, TAG_BYTES), close);
        return end < 0 ? 0 : (size_t)end + 1;
    }
    if (span_istarts(s, SPAN_LIT("***"))) {
        ptrdiff_t end = span_find(span_sub(s, 3, TAG_BYTES), SPAN_LIT("***"));
        return end < 0 ? 0 : (size_t)end + 6;
    }
    return 0;
}

static struct span strip(struct span s, bool *reply, bool *forward)
{
    for (unsigned turns = 0; turns < 16; turns++) {
        bool fwd = false;
        s = span_trim(s);
        size_t t = tag(s), r = t ? 0 : reply_prefix(s, &fwd);
        if (t + r == 0)
            break;
        *reply |= r && !fwd;
        *forward |= r && fwd;
        s = span_sub(s, t + r, s.n);
    }
    return s;
}

static bool is_emoji(struct span s) /* U+2600..27BF, U+1F300..1FAFF */
{
    return (s.n >= 3 && s.p[0] == 0xE2 && s.p[1] >= 0x98 && s.p[1] <= 0x9E) ||
           (s.n >= 4 && s.p[0] == 0xF0 && s.p[1] == 0x9F && s.p[2] >= 0x8C && s.p[2] <= 0xAB);
}

/* A sign between two word bytes, as in src/main.c, foo_bar or ns::name: people who write code write these. */
static bool is_path_at(struct span s, size_t i)
{
    if (i == 0 || i + 1 >= s.n || !ascii_is_alnum(s.p[i - 1]))
        return false;
    uint8_t c = s.p[i], next = s.p[i + 1];
    if (c == '/' || c == '_' || c == '.')
        return ascii_is_alnum(next);
    return (c == '(' && next == ')') || (c == ':' && next == ':');
}

static struct subject_count count(struct span s)
{
    struct subject_count c = {0};
    bool inside = false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t b = s.p[i];
        bool up = (uint8_t)(b - 'A') < 26;
        c.upper += up;
        c.lower += (uint8_t)(b - 'a') < 26;
        c.words += !inside && b != ' ';
        c.title += !inside && up;
        inside = b != ' ';
        if (ascii_is_alpha(b)) {
            c.digits_at_end = 0;
            continue;
        }
        c.bang += b == '!';
        c.question += b == '?';
        c.money += b == '$' || (b == 0xC2 && i + 1 < s.n && s.p[i + 1] == 0xA3) ||
                   (b == 0xE2 && i + 2 < s.n && s.p[i + 1] == 0x82 && s.p[i + 2] == 0xAC);
        c.percent += b == '%';
        c.digits_at_end = ascii_is_digit(b) ? c.digits_at_end + 1 : 0;
        c.dots |= b == '.' && i >= 2 && s.p[i - 1] == '.' && s.p[i - 2] == '.';
        c.path |= is_path_at(s, i);
        if (b >= 0x80) {
            c.high++;
            c.emoji |= is_emoji(span_sub(s, i, s.n));
        }
    }
    return c;
}

static unsigned letter_case(const struct subject_count *c)
{
    uint32_t letters = c->upper + c->lower;
    if (letters < 4)
        return 0;
    if (c->lower == 0)
        return 1;
    if (c->upper * 2 > letters)
        return 2;
    if (c->title >= 2 && c->title * 10 >= c->words * 7)
        return 3;
    return c->upper ? 4 : 5;
}

/* "net: fix it", "Fwd meeting: today": a topic, a colon, a text. */
static bool has_topic(struct span s)
{
    size_t i = 0;
    while (i < s.n && i < 31 && (ascii_is_alnum(s.p[i]) || strchr("./ -_", s.p[i] ? s.p[i] : '!')))
        i++;
    return i >= 2 && i + 1 < s.n && s.p[i] == ':' && s.p[i + 1] == ' ';
}

/* A code after a gap, or a long number: what senders append to make copies differ. */
static bool has_tail_code(struct span s, const struct subject_count *c)
{
    size_t i = s.n;
    while (i > 0 && s.p[i - 1] != ' ')
        i--;
    return c->digits_at_end >= 4 || (i >= 3 && i < s.n && s.p[i - 2] == ' ' && s.p[i - 3] == ' ');
}

void shape_subject(struct shape *x)
{
    bool forward = false;
    struct span whole = span_sub(x->m->subject, 0, SUBJECT_BYTES), s = strip(whole, &x->is_reply, &forward);
    struct subject_count c = count(s);
    static const char *const letters[] = {
        "subject with hardly any Latin letters", "subject in capitals",   "subject mostly in capitals",
        "subject with Every Word capitalised",   "subject in mixed case", "subject without capitals"};
    unsigned lc = letter_case(&c);
    shape_count(x, SHAPE_KIND(SHAPE_SUBJECT, 0), s.n, "length of the subject", whole);
    shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 1), lc, letters[lc], whole);
    shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 2), c.bang < 3 ? c.bang : 3,
              c.bang ? "exclamation marks in the subject" : "no exclamation mark in the subject", whole);
    shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 3), c.question < 2 ? c.question : 2,
              c.question ? "a question mark in the subject" : "no question mark in the subject", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 4), c.money, "money in the subject", "no money sign in the subject", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 5), c.percent, "a percentage in the subject",
               "no percentage in the subject", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 6), has_tail_code(s, &c), "a code at the end of the subject",
               "no code at the end of the subject", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 7), c.dots, "dots in the subject", "no row of dots in the subject", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 8), c.path, "a file, function or version in the subject",
               "nothing like code in the subject", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 9), has_topic(s), "the subject begins with a topic and a colon",
               "the subject does not begin with a topic", whole);
    shape_flag(x, SHAPE_KIND(SHAPE_SUBJECT, 10), c.emoji, "an emoji in the subject", "no emoji in the subject", whole);
    if (forward)
        shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 11), 1, "the subject says it was forwarded", whole);
    if (span_find(span_sub(whole, 0, 80), SPAN_LIT("PATCH")) >= 0 && memchr(whole.p, '[', whole.n < 80 ? whole.n : 80))
        shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 12), 1, "the subject announces a patch", whole);
    if (c.words)
        shape_count(x, SHAPE_KIND(SHAPE_SUBJECT, 13), c.words, "words in the subject", whole);
}

void shape_thread(struct shape *x)
{
    x->has_thread = shape_field(x, FIELD_IN_REPLY_TO) || shape_field(x, FIELD_REFERENCES);
    struct span at = x->m->subject;
    static const char *const re[] = {"neither a reply nor in a thread", "in a thread, though not called a reply",
                                     "it calls itself a reply but answers no message", "a reply in a thread"};
    static const char *const quote[] = {"no reply, no thread, no quotation",
                                        "a quotation without a reply",
                                        "in a thread, without a quotation",
                                        "in a thread, with a quotation",
                                        "it calls itself a reply but answers and quotes nothing",
                                        "it calls itself a reply and quotes, but answers no message",
                                        "a reply without a quotation",
                                        "a reply with a quotation"};
    unsigned r = x->is_reply * 2u + x->has_thread, q = r * 2u + x->has_quote;
    shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 16), r, re[r], at);
    shape_put(x, SHAPE_KIND(SHAPE_SUBJECT, 17), q, quote[q], at);
}
