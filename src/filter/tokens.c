/* Words from hostile text: one pass that folds code points into a buffer and cuts tokens as it goes.
 *
 * A token is a run of letters and digits (apostrophes within are dropped), a money sign, one or several '!'.
 * Digits become '0' and whole numbers keep at most six of them: amounts and dates are alike in form. Runs of scripts
 * that put no spaces between words are cut into overlapping pairs. A word that mixes Latin with look-alike
 * letters becomes Latin, and is counted. */
#include "filter/tokens.h"

#include "base/bytes16.h"
#include "base/error.h"
#include "base/utf8.h"
#include "base/fold.h"
#include "filter/language.h"

enum {
    BUDGET_BYTES = 6000,   /* of one zone, shared by the parts; bench/ablation.md, "caps": twice that gains nothing */
    QUOTED_BYTES = 1500,
    SUBJECT_BYTES = 400,
    WINDOWS = 3,           /* between head and tail */
    TOKEN_MAX = 20,        /* letters; longer ones are called long */
    BLOCKS_MAX = 4,
};

struct folder {
    uint8_t *buf;          /* folded bytes */
    size_t n, cap;
    struct token *tok;
    size_t n_tok, max_tok;
    size_t n_lookalike;
    uint32_t part;
    uint8_t zone;
};

static bool room(const struct folder *f) { return f->n_tok < f->max_tok && f->cap - f->n > 128; }

static void close_token(struct folder *f, size_t off, struct span from, bool glued)
{
    f->tok[f->n_tok++] = (struct token){(uint32_t)off, (uint16_t)(f->n - off), f->zone, glued, f->part, from};
    f->buf[f->n++] = ' ';
}

static void add_token(struct folder *f, const char *text, struct span from)
{
    size_t off = f->n, len = strlen(text);
    memcpy(f->buf + off, text, len);
    f->n += len;
    close_token(f, off, from, false);
}

/* A word under construction: folded code points, at most TOKEN_MAX of them kept. */
struct word {
    uint32_t cp[TOKEN_MAX];
    unsigned n, total, digits;
    bool has_latin, has_other;
};

static void word_add(struct word *w, uint32_t cp, enum fold_class c)
{
    if (c == FOLD_DIGIT || (cp >= 0x660 && cp < 0x66a)) {
        cp = '0';
        w->digits++;
    }
    if (cp - 'a' < 26)
        w->has_latin = true;
    else if (cp >= 0x131 && cp < 0x590)
        w->has_other = true;
    if (w->n < TOKEN_MAX)
        w->cp[w->n++] = cp;
    w->total++;
}

static void word_straighten(struct word *w, struct folder *f)
{
    bool changed = false;
    for (unsigned i = 0; i < w->n; i++) {
        uint32_t latin = w->cp[i] < 0x80 ? 0 : fold_lookalike(w->cp[i]);
        if (latin) {
            w->cp[i] = latin;
            changed = true;
        }
    }
    f->n_lookalike += changed;
}

static void word_close(struct word *w, struct folder *f, struct span from)
{
    if (w->total == 0 || !room(f))
        return;
    if (w->has_latin && w->has_other)
        word_straighten(w, f);
    unsigned n = w->n;
    if (w->digits == w->total && n > 6)
        n = 6;
    size_t off = f->n;
    if (w->total > TOKEN_MAX) {
        static const char *const names[] = {"LONG2", "LONG3", "LONG4", "LONG5"};
        unsigned k = w->total / 10 - 2;
        add_token(f, names[k < 3 ? k : 3], from);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        f->n += utf8_encode(w->cp[i], f->buf + f->n);
    close_token(f, off, from, false);
}

/* One code point of an unspaced script and its follower, if that is one too. */
static void add_pair(struct folder *f, uint32_t a, uint32_t b, struct span from, bool glued)
{
    if (!room(f))
        return;
    size_t off = f->n;
    f->n += utf8_encode(a, f->buf + f->n);
    if (b)
        f->n += utf8_encode(b, f->buf + f->n);
    close_token(f, off, from, glued);
}

static size_t fold_ideographs(struct folder *f, struct span s)
{
    uint32_t prev = 0;
    size_t i = 0, prev_at = 0, pairs = 0;
    while (i < s.n) {
        uint32_t cp;
        unsigned len = utf8_decode(span_sub(s, i, s.n), &cp);
        cp = fold_codepoint(cp);
        if (cp && fold_class(cp) != FOLD_IDEOGRAPH)
            break;
        if (cp) {
            if (prev)
                add_pair(f, prev, cp, span_sub(s, prev_at, i + len), pairs++ > 0);
            prev = cp;
            prev_at = i;
        }
        i += len;
    }
    if (prev && pairs == 0)
        add_pair(f, prev, 0, span_sub(s, prev_at, i), false);
    return i;
}

/* The length of a word at s and its folding; apostrophes are within words and vanish, with a final 's. */
static size_t fold_word(struct folder *f, struct span s)
{
    struct word w = {.n = 0};
    size_t i = 0;
    while (i < s.n) {
        uint32_t cp = s.p[i];
        unsigned len = 1;
        enum fold_class c;
        if (cp < 0x80) {
            cp = ascii_lower((uint8_t)cp);
            c = fold_class(cp);
        } else {
            len = utf8_decode(span_sub(s, i, s.n), &cp);
            cp = cp == 0x2019 ? '\'' : fold_codepoint(cp);
            c = cp ? fold_class(cp) : FOLD_OTHER;
        }
        if (cp == '\'' && w.total && i + len < s.n && (s.p[i + len] >= 0x80 || ascii_is_alnum(s.p[i + len]))) {
            bool possessive = ascii_lower(s.p[i + len]) == 's' &&
                              (i + len + 1 >= s.n || !(s.p[i + len + 1] >= 0x80 || ascii_is_alnum(s.p[i + len + 1])));
            i += len + possessive;
            continue;
        }
        if (cp != 0 && c != FOLD_WORD && c != FOLD_DIGIT)
            break;
        if (cp)
            word_add(&w, cp, c);
        i += len;
    }
    word_close(&w, f, span_sub(s, 0, i));
    return i;
}

/* A word of plain ASCII that ends within sixteen bytes, as nearly all do. 0: take the long way. */
static inline size_t fold_short_word(struct folder *f, struct span s)
{
    bytes16 v = bytes16_head(s), digit = bytes16_is_digit(v);
    uint32_t word = bytes16_mask(bytes16_is_alpha(v) | digit);
    size_t n = (size_t)__builtin_ctz(~word), kept = n;
    uint8_t next = n < s.n ? s.p[n] : ' ';
    if (n >= sizeof v || n == 0 || next >= 0x80 || next == '\'' || next == 0)
        return 0;
    uint32_t all = (1u << n) - 1;
    if (n > 6 && (bytes16_mask(digit) & all) == all)
        kept = 6;
    size_t off = f->n; /* room() leaves more than sixteen bytes */
    bytes16_store(f->buf + off, (bytes16_lower(v) & ~digit) | (digit & '0'));
    f->n += kept;
    close_token(f, off, span_sub(s, 0, n), false);
    return n;
}

/* Does a run without white space hold an address or a URL? Then it is no word. */
static bool is_addressy(struct span s)
{
    if (s.n > 4 && span_istarts(s, SPAN_LIT("www.")))
        return true;
    for (size_t i = 1; i + 2 < s.n; i++) {
        if (s.p[i] == '@' && (ascii_is_alnum(s.p[i + 1])))
            return true;
        if (s.p[i] == ':' && s.p[i + 1] == '/' && s.p[i + 2] == '/')
            return true;
    }
    return false;
}

/* "http : / / www . name . tld / x": spaced out to pass, or by an archive's tokenizer. Returns its length or 0. */
static size_t spaced_url(struct span s)
{
    size_t i = span_istarts(s, SPAN_LIT("http")) ? 4 : span_istarts(s, SPAN_LIT("www")) ? 3 : 0;
    if (i == 0)
        return 0;
    if (i == 4 && i < s.n && ascii_lower(s.p[i]) == 's')
        i++;
    size_t words = 0;
    bool joined = false;
    while (i < s.n && i < 300 && words < 24) {
        size_t j = i;
        while (j < s.n && s.p[j] == ' ')
            j++;
        if (j >= s.n || !strchr(":/.?=&-", s.p[j]) || s.p[j] == 0)
            break;
        while (j < s.n && (s.p[j] == ' ' || (s.p[j] && strchr(":/.?=&-", s.p[j]))))
            j++;
        while (j < s.n && ascii_is_alnum(s.p[j]))
            j++;
        i = j;
        words++;
        joined = true;
    }
    return joined && words >= 2 ? i : 0;
}

static size_t chunk_end(struct span s, size_t i)
{
    while (i < s.n && s.p[i] > ' ' && s.p[i] != '<' && s.p[i] != '>' && s.p[i] != '"')
        i++;
    return i;
}

/* How much of s to pass over as an address or a URL; 0: it begins with words, up to *chunk_out at least. */
static size_t no_words(struct span s, size_t *chunk_out)
{
    size_t n = chunk_end(s, 0);
    *chunk_out = n += n == 0;
    if (is_addressy(span_sub(s, 0, n)))
        return n;
    uint8_t first = s.p[0] | 0x20;
    size_t skip = first == 'h' || first == 'w' ? spaced_url(s) : 0;
    if (skip)
        *chunk_out = skip;
    return skip;
}

/* The length of a run that surely holds no address, seen in sixteen bytes; 0: look closer. */
static inline size_t plain_chunk(struct span s)
{
    uint8_t first = s.p[0] | 0x20;
    if (s.n < sizeof(bytes16) || first == 'w' || first == 'h')
        return 0;
    bytes16 v = bytes16_load(s.p);
    uint32_t stop = bytes16_mask((bytes16)(v <= ' ') | (bytes16)(v == '<') | (bytes16)(v == '>') | (bytes16)(v == '"'));
    uint32_t odd = bytes16_mask((bytes16)(v == '@') | (bytes16)(v == ':'));
    if (stop == 0 || odd & ((stop & -stop) - 1))
        return 0;
    size_t n = (size_t)__builtin_ctz(stop);
    return n ? n : 1;
}

/* What begins with an ASCII byte that is no space. Returns its length. */
static inline size_t fold_ascii(struct folder *f, struct span s)
{
    uint8_t c = s.p[0];
    if (ascii_is_alnum(c)) {
        size_t n = fold_short_word(f, s);
        return n ? n : fold_word(f, s);
    }
    if (c == '$') {
        add_token(f, "$", span_sub(s, 0, 1));
    } else if (c == '!') {
        size_t n = 1;
        while (n < s.n && s.p[n] == '!')
            n++;
        add_token(f, n > 1 ? "!!" : "!", span_sub(s, 0, n));
        return n;
    }
    return 1;
}

/* What begins with a byte above ASCII. Returns its length. */
static size_t fold_beyond(struct folder *f, struct span s)
{
    uint32_t cp;
    size_t n = 0, len = utf8_decode(s, &cp);
    cp = fold_codepoint(cp);
    switch (cp ? fold_class(cp) : FOLD_OTHER) {
    case FOLD_WORD:
    case FOLD_DIGIT: n = fold_word(f, s); break;
    case FOLD_IDEOGRAPH: n = fold_ideographs(f, s); break;
    case FOLD_MONEY: add_token(f, "$", span_sub(s, 0, len)); break;
    case FOLD_OTHER: break;
    }
    return n ? n : len;
}

static void fold_span(struct folder *f, struct span s)
{
    size_t i = 0, chunk = 0; /* bytes before `chunk` are known to be no address */
    while (i < s.n && room(f)) {
        uint8_t c = s.p[i];
        if (c <= ' ') {
            i++;
            continue;
        }
        struct span rest = span_of(s.p + i, s.n - i);
        size_t plain = i >= chunk ? plain_chunk(rest) : 0;
        if (plain) {
            chunk = i + plain;
        } else if (i >= chunk) {
            size_t skip = no_words(rest, &chunk);
            chunk += i;
            if (skip) {
                i += skip;
                continue;
            }
        }
        i += c < 0x80 ? fold_ascii(f, rest) : fold_beyond(f, rest);
    }
}

/* Reply prefixes and [tags], which lists and other filters put there. */
static struct span subject_bare(struct span s)
{
    static const char *const prefixes[] = {"re", "fw", "fwd", "aw", "sv", "antw", "wg", "tr", "vs", "odp", "rv"};
    for (;;) {
        s = span_trim(s);
        if (s.n && s.p[0] == '[') {
            ptrdiff_t end = span_chr(span_sub(s, 0, 42), ']');
            if (end < 0)
                return s;
            s = span_sub(s, (size_t)end + 1, s.n);
            continue;
        }
        bool cut = false;
        for (size_t k = 0; k < sizeof prefixes / sizeof *prefixes && !cut; k++) {
            struct span p = span_str(prefixes[k]);
            if (span_istarts(s, p)) {
                size_t i = p.n;
                while (i < s.n && s.p[i] == ' ')
                    i++;
                if (i < s.n && s.p[i] == ':') {
                    s = span_sub(s, i + 1, s.n);
                    cut = true;
                }
            }
        }
        if (!cut)
            return s;
    }
}

static bool line_is_quoted(struct span l)
{
    return (l.n && (l.p[0] == '>' || l.p[0] == '|')) || (l.n > 1 && l.p[0] == ' ' && l.p[1] == '>');
}

/* What mailing lists sign with what passes through them. */
static bool has_footer_mark(struct span s)
{
    static const char *const marks[] = {"/listinfo", "majordomo", "mailing list", "-request@", "unsubscribe from this list",
                                        "vger.kernel.org", "yahoogroups"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (span_ifind(s, span_str(marks[i])) >= 0)
            return true;
    return false;
}

static bool line_is_footer(struct span l) { return l.n >= 10 && l.n <= 200 && has_footer_mark(l); }

static bool line_is_rule(struct span l)
{
    size_t n = 0;
    while (n < l.n && (l.p[n] == '_'))
        n++;
    return n >= 20;
}

struct cursor {
    struct folder *f;
    size_t own_left, quoted_left;
    struct folder *quoted;
};

/* One window of a block, line by line. Only its last lines can be a list's footer. */
static void fold_window(struct cursor *c, struct span s, bool is_last)
{
    size_t footer_from = is_last && s.n > 800 ? s.n - 800 : is_last ? 0 : s.n;
    size_t i = 0, run = 0; /* run: start of a stretch of own lines */
    bool marked = has_footer_mark(span_sub(s, footer_from, s.n)); /* else no line need be asked */
    while (i <= s.n) {
        ptrdiff_t nl = i < s.n ? span_chr(span_sub(s, i, s.n), '\n') : -1;
        size_t end = nl < 0 ? s.n : i + (size_t)nl;
        struct span line = span_sub(s, i, end);
        bool quoted = line_is_quoted(line), rule = i >= footer_from && line_is_rule(line);
        bool footer = rule || (marked && i >= footer_from && line_is_footer(line));
        if (quoted || footer) {
            if (i > run)
                fold_span(c->f, span_sub(s, run, i));
            run = end + 1;
            if (quoted && !footer && c->quoted_left) {
                size_t n = line.n < c->quoted_left ? line.n : c->quoted_left;
                c->quoted_left -= n;
                fold_span(c->quoted, span_sub(line, 0, n));
            }
            if (rule)
                return;
        }
        if (nl < 0)
            break;
        i = end + 1;
    }
    if (run < s.n)
        fold_span(c->f, span_sub(s, run, s.n));
}

/* Head, evenly spaced windows and tail of a block, `budget` bytes in all. */
static void fold_block(struct cursor *c, struct span s, size_t budget)
{
    if (s.n <= budget) {
        fold_window(c, s, true);
        return;
    }
    size_t head = budget / 2, tail = budget / 4, win = (budget - head - tail) / WINDOWS;
    fold_window(c, span_sub(s, 0, head), false);
    size_t gap = (s.n - head - tail) / (WINDOWS + 1);
    for (size_t k = 1; k <= WINDOWS; k++) {
        size_t at = head + k * gap - win / 2;
        if (at < head)
            at = head;
        fold_window(c, span_sub(s, at, at + win < s.n - tail ? at + win : s.n - tail), false);
    }
    fold_window(c, span_sub(s, s.n - tail, s.n), true);
}

static int folder_init(struct folder *f, struct arena *a, size_t bytes, size_t tokens)
{
    /* Folding grows at most threefold (a byte can become U+FFFD or a two-byte letter), and each token adds a space. */
    f->cap = bytes * 3 + 256;
    f->buf = arena_alloc(a, f->cap);
    f->max_tok = tokens;
    f->tok = arena_alloc(a, tokens * sizeof *f->tok);
    return f->buf && f->tok ? POSSE_OK : POSSE_ELIMIT;
}

static void append_quoted(struct folder *f, const struct folder *q)
{
    for (size_t i = 0; i < q->n_tok && room(f); i++) {
        const struct token *t = &q->tok[i];
        size_t off = f->n;
        memcpy(f->buf + f->n, q->buf + t->off, t->len);
        f->n += t->len;
        f->part = t->part;
        close_token(f, off, t->from, t->glued);
    }
}

int text_fold(struct arena *a, const struct message *m, struct text *out)
{
    struct folder f = {0}, q = {.zone = ZONE_QUOTED};
    if (folder_init(&f, a, SUBJECT_BYTES + BUDGET_BYTES + QUOTED_BYTES, TEXT_TOKENS_MAX) ||
        folder_init(&q, a, QUOTED_BYTES, TEXT_TOKENS_MAX / 4))
        return POSSE_ELIMIT;
    f.zone = ZONE_SUBJECT;
    fold_span(&f, span_sub(subject_bare(m->subject), 0, SUBJECT_BYTES));
    out->zone_start[ZONE_SUBJECT] = 0;
    out->zone_start[ZONE_OWN] = f.n_tok;
    f.zone = ZONE_OWN;
    size_t n_blocks = 0;
    for (size_t i = 0; i < m->n_text; i++)
        n_blocks += m->text[i].visible.n > 0;
    size_t share = n_blocks ? BUDGET_BYTES / (n_blocks < BLOCKS_MAX ? n_blocks : BLOCKS_MAX) : 0;
    struct cursor c = {.f = &f, .quoted = &q, .quoted_left = QUOTED_BYTES};
    for (size_t i = 0, seen = 0; i < m->n_text; i++) {
        const struct text_block *b = &m->text[i];
        if (b->visible.n == 0)
            continue;
        /* the first three and the last one: many parts must not push one out of sight */
        if (seen++ < BLOCKS_MAX - 1 || seen == n_blocks) {
            f.part = q.part = b->part;
            fold_block(&c, b->visible, share);
        }
    }
    out->zone_start[ZONE_QUOTED] = f.n_tok;
    f.zone = ZONE_QUOTED;
    append_quoted(&f, &q);
    out->zone_start[ZONE_N] = f.n_tok;
    out->folded = span_of(f.buf, f.n);
    out->tok = f.tok;
    out->n = f.n_tok;
    out->is_english = language_is_english(out);
    out->n_lookalike = f.n_lookalike + q.n_lookalike;
    return POSSE_OK;
}
