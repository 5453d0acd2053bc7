/* The body as a page: how long, how loud, how it is laid out, which scripts, how it begins and ends.
 *
 * One walk over the lines of what the author wrote: quotations are measured apart, list footers are left out. The
 * bytes of a line are counted by a table of packed counters, eight classes of eight bits in one word, so that a
 * byte costs one load and one addition. Head and tail of long texts are read, so that neither can be padded away. */
#include "base/utf8.h"
#include "filter/shape_priv.h"

enum {
    HEAD_BYTES = 4500,
    TAIL_BYTES = 1500,
    BLOCKS_READ = 4,
    TAIL_LINES = 10,
    FOOTER_LINES = 5,
    FOOTER_RULE = 20,
    PLAIN_ENOUGH = 20
};

enum { AT_UPPER, AT_LOWER, AT_DIGIT, AT_BANG, AT_MONEY, AT_QUESTION, AT_CODE, AT_HIGH, AT_N };

#define C_(i) (UINT64_C(1) << (8 * (i)))
#define U C_(AT_UPPER)
#define L C_(AT_LOWER)
#define D C_(AT_DIGIT)
#define B C_(AT_BANG)
#define M C_(AT_MONEY)
#define Q C_(AT_QUESTION)
#define K C_(AT_CODE)
#define H C_(AT_HIGH)
#define H16 H, H, H, H, H, H, H, H, H, H, H, H, H, H, H, H
/* clang-format off */
static const uint64_t byte_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, B, 0, 0, M, 0, 0, 0, K, K, 0, 0, 0, 0, 0, 0, /*   ! " # $ % & ' ( ) * + , - . / */
    D, D, D, D, D, D, D, D, D, D, 0, K, K, K, K, Q, /* 0-9 : ; < = > ? */
    0, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, /* @ A-O */
    U, U, U, U, U, U, U, U, U, U, U, K, K, K, 0, K, /* P-Z [ \ ] ^ _ */
    0, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* ` a-o */
    L, L, L, L, L, L, L, L, L, L, L, K, K, K, 0, 0, /* p-z { | } ~ DEL */
    H16, H16, H16, H16, H16, H16, H16, H16,
};
/* clang-format on */
#undef U
#undef L
#undef D
#undef B
#undef M
#undef Q
#undef K
#undef H
#undef H16
#undef C_

enum script {
    SCRIPT_GREEK,
    SCRIPT_CYRILLIC,
    SCRIPT_HEBREW,
    SCRIPT_ARABIC,
    SCRIPT_THAI,
    SCRIPT_KANA,
    SCRIPT_HAN,
    SCRIPT_HANGUL,
    SCRIPT_N
};

struct body {
    uint32_t at[AT_N];
    uint32_t bytes, quoted, lines, line_bytes, longest, blank_runs, money;
    uint32_t script[SCRIPT_N], decoded;
    bool attribution, patch, signature, phone, emoji, zero_width, html;
    bool was_blank;
    unsigned footer;              /* lines of a list footer still to skip */
    struct span first;            /* first line of the author's own */
    struct span tail[TAIL_LINES]; /* ring of the last ones */
};

static void count_bytes(struct body *b, struct span s, uint32_t *digits, uint32_t *high)
{
    uint32_t before_digit = b->at[AT_DIGIT], before_high = b->at[AT_HIGH];
    for (size_t i = 0; i < s.n;) {
        uint64_t even = 0, odd = 0;
        size_t end = s.n - i > 240 ? i + 240 : s.n; /* no counter of eight bits overflows */
        for (; i + 1 < end; i += 2) {
            even += byte_class[s.p[i]];
            odd += byte_class[s.p[i + 1]];
        }
        if (i < end)
            even += byte_class[s.p[i++]];
        even += odd;
        for (unsigned k = 0; k < AT_N; k++)
            b->at[k] += (uint8_t)(even >> (8 * k));
    }
    *digits = b->at[AT_DIGIT] - before_digit;
    *high = b->at[AT_HIGH] - before_high;
}

static int script_of(uint32_t cp)
{
    if (cp < 0x370)
        return -1;
    if (cp < 0x400)
        return SCRIPT_GREEK;
    if (cp < 0x530)
        return SCRIPT_CYRILLIC;
    if (cp >= 0x590 && cp < 0x600)
        return SCRIPT_HEBREW;
    if (cp >= 0x600 && cp < 0x780)
        return SCRIPT_ARABIC;
    if (cp >= 0xE00 && cp < 0xE80)
        return SCRIPT_THAI;
    if (cp >= 0x3040 && cp < 0x3100)
        return SCRIPT_KANA;
    if (cp >= 0x3400 && cp < 0xA000)
        return SCRIPT_HAN;
    return cp >= 0xAC00 && cp < 0xD7B0 ? SCRIPT_HANGUL : -1;
}

static void count_scripts(struct body *b, struct span s)
{
    enum { ENOUGH = 1000 };
    for (size_t i = 0; i < s.n && b->decoded < ENOUGH;) {
        if (s.p[i] < 0x80) {
            i++;
            continue;
        }
        uint32_t cp;
        i += utf8_decode(span_sub(s, i, s.n), &cp);
        b->decoded++;
        int sc = script_of(cp);
        if (sc >= 0)
            b->script[sc]++;
        b->emoji |= (cp >= 0x2600 && cp < 0x27C0) || (cp >= 0x1F300 && cp < 0x1FB00);
        b->zero_width |= cp == 0xAD || (cp >= 0x200B && cp <= 0x200D) || cp == 0x2060;
    }
}

/* ---- numbers: telephones and sums ---- */

static bool currency_before(struct span s, size_t i)
{
    if (i && s.p[i - 1] == ' ')
        i--;
    struct span head = span_sub(s, 0, i);
    return (i >= 1 && head.p[i - 1] == '$') || (i >= 2 && memcmp(head.p + i - 2, "\xC2\xA3", 2) == 0) ||
           (i >= 3 && memcmp(head.p + i - 3, "\xE2\x82\xAC", 3) == 0);
}

static bool currency_after(struct span s, size_t i)
{
    static const char *const word[] = {"usd", "eur", "dollar", "gbp", "\xE2\x82\xAC"};
    i += i < s.n && s.p[i] == ' ';
    struct span rest = span_sub(s, i, s.n);
    if (rest.n == 0 || !strchr("uUeEdDgG\xE2", rest.p[0] ? rest.p[0] : '!'))
        return false;
    for (size_t w = 0; w < sizeof word / sizeof *word; w++)
        if (span_istarts(rest, span_str(word[w])))
            return true;
    return false;
}

/* Groups of digits with one to three of " .()-" between: 3-3-4, or ten digits after a '+'. */
static void scan_numbers(struct body *b, struct span s)
{
    size_t group[3] = {0}, total = 0, gap = 0;
    bool plus = false, chained = false;
    for (size_t i = 0; i < s.n;) {
        uint8_t c = s.p[i];
        if (!ascii_is_digit(c)) {
            gap++;
            chained = chained && gap <= 3 && (c == ' ' || c == '.' || c == '(' || c == ')' || c == '-');
            i++;
            continue;
        }
        size_t from = i;
        while (i < s.n && ascii_is_digit(s.p[i]))
            i++;
        if (!chained) {
            group[1] = group[2] = total = 0;
            plus = from && s.p[from - 1] == '+';
        }
        group[0] = group[1];
        group[1] = group[2];
        group[2] = i - from;
        total += i - from;
        b->phone |= (group[0] == 3 && group[1] == 3 && group[2] == 4) || (plus && total >= 10 && total <= 15);
        b->money += currency_before(s, from) || currency_after(s, i);
        chained = true;
        gap = 0;
    }
}

/* ---- lines ---- */

static bool is_quotation(struct span l)
{
    return l.p[0] == '>' || l.p[0] == '|' || (l.n > 1 && l.p[0] == ' ' && l.p[1] == '>');
}

/* Footers that list software adds: a rule of underscores and what stands below it, and a few set phrases. */
static bool is_footer(struct body *b, struct span l)
{
    static const char *const phrase[] = {"To unsubscribe from this list", "To UNSUBSCRIBE, email to",
                                         "More majordomo info", "Unsubscribe: "};
    if (b->footer) {
        b->footer--;
        return true;
    }
    if (l.p[0] == '_' && l.n >= FOOTER_RULE) {
        size_t i = 0;
        while (i < l.n && l.p[i] == '_')
            i++;
        b->footer = i >= FOOTER_RULE ? FOOTER_LINES : 0;
        return i >= FOOTER_RULE;
    }
    if (l.p[0] != 'T' && l.p[0] != 'M' && l.p[0] != 'U')
        return l.p[0] == 'h' && span_find(l, SPAN_LIT("/listinfo/")) >= 0;
    for (size_t i = 0; i < sizeof phrase / sizeof *phrase; i++)
        if (span_istarts(l, span_str(phrase[i])))
            return true;
    return false;
}

static bool is_patch_line(struct span l)
{
    static const char *const head[] = {"diff --git ", "+++ ", "--- a/", "@@ -", "Signed-off-by:", "Index: "};
    if (!strchr("d+-@SI", l.p[0] ? l.p[0] : '!'))
        return false;
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        if (span_istarts(l, span_str(head[i])))
            return true;
    return false;
}

/* "On ... Ann wrote:" in the languages of the mailers seen. */
static bool is_attribution(struct span l)
{
    static const char *const verb[] = {"wrote",   "writes",        "schrieb",         "crit",
                                       "crivait", "said",          "escribi\xC3\xB3", "\xE5\x86\x99\xE9\x81\x93",
                                       "scrisse", "ha scritto",    "escreveu",        "schreef",
                                       "skrev",   "napisa\xC5\x82"};
    if (l.n < 6 || l.p[l.n - 1] != ':')
        return false;
    struct span head = span_trim(span_sub(l, 0, l.n - 1));
    for (size_t i = 0; i < sizeof verb / sizeof *verb; i++) {
        struct span v = span_str(verb[i]);
        if (head.n >= v.n && span_ieq(span_sub(head, head.n - v.n, head.n), v))
            return true;
    }
    return false;
}

static void own_line(struct body *b, struct span l)
{
    uint32_t digits, high;
    if (b->first.n == 0)
        b->first = l;
    b->tail[b->lines % TAIL_LINES] = l;
    b->lines++;
    b->line_bytes += (uint32_t)l.n;
    b->longest = l.n > b->longest ? (uint32_t)l.n : b->longest;
    count_bytes(b, l, &digits, &high);
    if (digits)
        scan_numbers(b, l);
    if (high)
        count_scripts(b, l);
    b->patch |= is_patch_line(l);
    b->signature |= l.n == 2 && l.p[0] == '-' && l.p[1] == '-';
    b->attribution |= is_attribution(l);
}

static void take_line(struct body *b, struct span l)
{
    size_t whole = l.n + 1;
    while (l.n && ascii_is_space(l.p[l.n - 1]))
        l.n--;
    if (l.n == 0) {
        b->blank_runs += !b->was_blank;
        b->was_blank = true;
        b->bytes++;
        b->footer = 0;
        return;
    }
    b->was_blank = false;
    if (!b->html && is_quotation(l)) {
        b->quoted += (uint32_t)whole;
        return;
    }
    if (is_footer(b, l))
        return;
    b->bytes += (uint32_t)whole;
    own_line(b, l);
}

static void take_lines(struct body *b, struct span s)
{
    while (s.n) {
        const uint8_t *lf = memchr(s.p, '\n', s.n);
        size_t n = lf ? (size_t)(lf - s.p) : s.n;
        take_line(b, span_of(s.p, n));
        n += lf != NULL;
        s = span_sub(s, n, s.n);
    }
}

static void take_block(struct body *b, struct span s)
{
    if (s.n <= HEAD_BYTES + TAIL_BYTES) {
        take_lines(b, s);
        return;
    }
    take_lines(b, span_sub(s, 0, HEAD_BYTES));
    take_lines(b, span_sub(s, s.n - TAIL_BYTES, s.n));
    b->bytes += (uint32_t)(s.n - HEAD_BYTES - TAIL_BYTES);
}

/* ---- what is said of it ---- */

static unsigned percent(uint32_t part, uint32_t whole)
{
    return (unsigned)((uint64_t)part * 100 / (whole ? whole : 1));
}

static void emit_marks(struct shape *x, const struct body *b, struct span at)
{
    SCALE(share, "%", 0, 1, 2, 4, 6, 10, 15, 25, 40, 60);
    SCALE(doubling, "", 0, 1, 2, 4, 8, 16);
    SCALE(per_thousand, " in a thousand", 0, 1, 2, 4, 8, 16);
    SCALE(density, "%", 0, 1, 2, 4, 8, 16, 32);
    uint32_t seen = b->line_bytes + 1, letters = b->at[AT_UPPER] + b->at[AT_LOWER];
    if (letters >= 20)
        shape_scale(x, SHAPE_KIND(SHAPE_BODY, 0), percent(b->at[AT_UPPER], letters), &share, "capitals in the text",
                    at);
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 1), b->at[AT_BANG], &doubling, "exclamation marks in the text", at);
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 2), b->at[AT_BANG] * UINT64_C(1000) / seen, &per_thousand,
                "exclamation marks in the text", at);
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 3), b->at[AT_MONEY], &doubling, "dollar signs in the text", at);
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 4), percent(b->at[AT_DIGIT], seen), &density, "digits in the text", at);
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 5), b->at[AT_QUESTION], &doubling, "question marks in the text", at);
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 6), percent(b->at[AT_CODE], seen), &density,
                "brackets and signs of code in the text", at);
    shape_put(x, SHAPE_KIND(SHAPE_BODY, 7), b->money < 3 ? b->money : 3,
              b->money ? "sums of money in the text" : "no sum of money in the text", at);
    shape_flag(x, SHAPE_KIND(SHAPE_BODY, 8), b->phone, "a telephone number in the text",
               "no telephone number in the text", at);
}

static void emit_layout(struct shape *x, const struct body *b, struct span at)
{
    SCALE(width, " bytes", 40, 60, 72, 76, 80, 100, 200, 500, 1000);
    SCALE(mean, " bytes", 10, 20, 30, 40, 50, 60, 70, 80, 150);
    SCALE(blank, "", 0, 1, 3, 6, 12, 24);
    SCALE(tenths, "%", 20, 50, 80);
    unsigned html = b->html ? 16 : 0; /* lines of HTML break elsewhere: other features */
    shape_count(x, SHAPE_KIND(SHAPE_BODY, 9), b->bytes, "length of the text in bytes", at);
    if (b->quoted)
        shape_scale(x, SHAPE_KIND(SHAPE_BODY, 10), percent(b->quoted, b->quoted + b->bytes), &tenths,
                    "quotation in the text", at);
    else
        shape_put(x, SHAPE_KIND(SHAPE_BODY, 11), 0, "the text quotes nothing", at);
    shape_flag(x, SHAPE_KIND(SHAPE_BODY, 12), b->attribution, "the text says whom it quotes",
               "the text does not say whom it quotes", at);
    shape_flag(x, SHAPE_KIND(SHAPE_BODY, 13), b->patch, "a patch in the text", "no patch in the text", at);
    shape_flag(x, SHAPE_KIND(SHAPE_BODY, 14), b->signature, "a signature below two dashes",
               "no signature below two dashes", at);
    if (b->lines) {
        shape_scale(x, SHAPE_KIND(SHAPE_BODY, 32 + html), b->longest, &width, "longest line of the text", at);
        shape_scale(x, SHAPE_KIND(SHAPE_BODY, 33 + html), b->line_bytes / b->lines, &mean, "mean line of the text", at);
    }
    shape_scale(x, SHAPE_KIND(SHAPE_BODY, 34 + html), b->blank_runs, &blank, "paragraphs in the text", at);
}

static void emit_scripts(struct shape *x, const struct body *b, struct span at)
{
    static const char *const label[] = {"Greek text",
                                        "Cyrillic text",
                                        "Hebrew text",
                                        "Arabic text",
                                        "Thai text",
                                        "Japanese text",
                                        "text in Chinese characters",
                                        "Korean text"};
    bool any = false;
    for (unsigned i = 0; i < SCRIPT_N; i++)
        if (b->script[i] > 10) {
            any = true;
            shape_put(x, SHAPE_KIND(SHAPE_SCRIPT, 0), i, label[i], at);
        }
    if (!any && b->lines)
        shape_put(x, SHAPE_KIND(SHAPE_SCRIPT, 1), 0, "text in Latin letters", at);
    if (b->emoji)
        shape_put(x, SHAPE_KIND(SHAPE_BODY, 16), 1, "an emoji in the text", at);
    if (b->zero_width)
        shape_put(x, SHAPE_KIND(SHAPE_BODY, 17), 1, "invisible characters in the text", at);
}

static void emit_greeting(struct shape *x, const struct body *b)
{
    static const char *const word[] = {
        "dear", "attn",      "attention", "sehr",         "cher",           "estimado", "gentile", "hi",      "hello",
        "hey",  "greetings", "good day",  "good morning", "good afternoon", "hallo",    "hola",    "bonjour", "ciao"};
    enum { FORMAL = 7 };
    struct span l = span_trim(b->first);
    unsigned kind = 0;
    for (size_t i = 0; i < sizeof word / sizeof *word && !kind; i++) {
        struct span w = span_str(word[i]);
        if (span_istarts(l, w) && (l.n == w.n || !ascii_is_alnum(l.p[w.n])))
            kind = i < FORMAL ? 1 : 2;
    }
    static const char *const label[] = {"the text begins without a greeting", "the text begins with a formal greeting",
                                        "the text begins with a greeting"};
    shape_put(x, SHAPE_KIND(SHAPE_BODY, 18), kind, label[kind], l);
}

/* Do the last lines carry the sender's name? People sign. */
static void emit_signed(struct shape *x, const struct body *b, struct span at)
{
    struct span name = span_sub(x->from.name, 0, 100);
    struct word_set w;
    shape_words_init(&w);
    for (size_t i = 0; i < name.n;) {
        size_t from = i;
        while (i < name.n && (ascii_is_alnum(name.p[i]) || name.p[i] >= 0x80))
            i++;
        if (i - from > 2)
            shape_words_add(&w, span_sub(name, from, i));
        i += i == from;
    }
    bool found = false;
    for (unsigned i = 0; w.n && i < TAIL_LINES && i < b->lines && !found; i++)
        found = shape_has_word(span_sub(b->tail[i], 0, 80), &w);
    static const char *const label[] = {"the text does not end with the sender's name",
                                        "the text ends with the sender's name", "no name that the text could end with"};
    unsigned v = w.n == 0 ? 2 : found;
    shape_put(x, SHAPE_KIND(SHAPE_BODY, 19), v, label[v], at);
}

/* The plain text where there is enough of it, else the words of the HTML: alternatives say one thing twice. */
static bool pick_html(struct shape *x)
{
    for (size_t i = 0; i < x->m->n_text; i++) {
        uint32_t *to = x->m->text[i].is_html ? &x->html_bytes : &x->text_bytes;
        *to += (uint32_t)x->m->text[i].visible.n;
    }
    return x->text_bytes < PLAIN_ENOUGH && x->html_bytes > x->text_bytes;
}

void shape_body(struct shape *x)
{
    struct body b = {0};
    struct span at = SPAN_NONE;
    unsigned blocks = 0;
    b.html = pick_html(x);
    for (size_t i = 0; i < x->m->n_text && blocks < BLOCKS_READ; i++) {
        const struct text_block *t = &x->m->text[i];
        if (t->is_html != b.html)
            continue;
        if (blocks++ == 0) {
            at = span_sub(t->visible, 0, HEAD_BYTES);
            x->s->part = t->part;
        }
        take_block(&b, t->visible);
    }
    x->has_quote = b.quoted > 0;
    emit_marks(x, &b, at);
    emit_layout(x, &b, at);
    emit_scripts(x, &b, at);
    emit_greeting(x, &b);
    if (x->from_where.n)
        emit_signed(x, &b, at);
    x->s->part = 0;
}
