/* The words of a message, as campaigns compare them: one pass that hashes as it goes.
 *
 * A word is a run of letters and digits after folding (base/fold); ideographs and other letters that are written without blanks are a word
 * each. Words with digits have one hash, whatever they are, since templates fill in numbers and random strings there. Of long texts
 * the head and the tail are read, so that padding in between changes nothing. */
#include "base/bytes16.h"
#include "base/fold.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "campaign/sketch_priv.h"

enum {
    TEXT_BUDGET = 6000, /* bytes of text that are read of one message */
    WORD_BYTES = 40,    /* of a word; what is longer is cut */
    FOOTER_MAX = 1000,  /* below a rule: a signature or a list's footer has no more */
    FEW_WORDS = 8,      /* with less above it, what stands below a rule counts too, unless a list sent it */
    RULE_LEAST = 10,
    FOOTER_WORDS = 80, ABOVE_WORDS = 6, /* of what tells how to get no more of it, and at least above that, */
    ONLY_WORDS = 20,    /* where there is more than this: so few may be nothing else */
};

static const uint64_t hash_digits = 0x6e756d6265720001ull, hash_url = 0x75726c0000000002ull, hash_address = 0x6164647200000003ull;

static void put_word(struct sketcher *s, uint64_t hash, const void *p, size_t n)
{
    if (s->n >= WORDS_MAX)
        return;
    s->word[s->n++] = (hash & ~(uint64_t)1) | (n >= SKETCH_WORD_LETTERS && *(const uint8_t *)p >= 'a' && hash != hash_digits);
    if (!s->out || s->out_cap - s->out_n < n + 1)
        return;
    if (s->out_n)
        s->out[s->out_n++] = ' ';
    memcpy(s->out + s->out_n, p, n);
    s->out_n += n;
}

__extension__ typedef unsigned __int128 wide;

static inline uint64_t hash16(bytes16 v)
{
    uint64_t w[2];
    memcpy(w, &v, sizeof w);
    wide p = (wide)(w[0] ^ 0x9e3779b97f4a7c15ull) * (w[1] ^ 0xe7037ed1a0b428dbull);
    return mix64((uint64_t)p ^ (uint64_t)(p >> 64) ^ w[0]);
}

/* A word of plain ASCII that ends within fifteen bytes, as nearly all do. 0: take the long way. */
static inline size_t short_word(struct sketcher *s, struct span t)
{
    static const uint8_t keep[32] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    bytes16 v = bytes16_head(t), digit = bytes16_is_digit(v);
    uint32_t word = bytes16_mask(bytes16_is_alpha(v) | digit);
    size_t n = (size_t)__builtin_ctz(~word);
    uint8_t next = n < t.n ? t.p[n] : ' ';
    if (n == 0 || n >= sizeof v || next >= 0x80 || next == 0)
        return 0;
    v = bytes16_lower(v) & bytes16_load(keep + 16 - n);
    bool has_digit = bytes16_mask(digit) & ((1u << n) - 1);
    uint8_t low[16];
    bytes16_store(low, v);
    put_word(s, has_digit ? hash_digits : hash16(v), low, n);
    return n;
}

struct letters { uint32_t cp[WORD_BYTES]; unsigned n; bool has_digit, has_latin, has_other; };

static void letters_add(struct letters *l, uint32_t cp, enum fold_class c)
{
    l->has_digit |= c == FOLD_DIGIT;
    l->has_latin |= cp - 'a' < 26;
    l->has_other |= cp >= 0x131 && cp < 0x590;
    if (l->n < WORD_BYTES)
        l->cp[l->n++] = cp;
}

static void letters_end(struct sketcher *s, struct letters *l)
{
    uint8_t text[WORD_BYTES * 4 + 16] = {0};
    size_t n = 0;
    for (unsigned i = 0; i < l->n; i++) {
        uint32_t latin = l->has_latin && l->has_other && l->cp[i] >= 0x80 ? fold_lookalike(l->cp[i]) : 0;
        n += utf8_encode(latin ? latin : l->cp[i], text + n);
    }
    if (n) /* the same hash as short_word's where both could read it */
        put_word(s, l->has_digit ? hash_digits : n < 16 ? hash16(bytes16_load(text)) : hash64(span_of(text, n), 0x776f7264), text, n);
}

/* A word of any letters; its length, 0 where none begins here. */
static size_t long_word(struct sketcher *s, struct span t)
{
    struct letters l = {.n = 0};
    size_t i = 0;
    while (i < t.n) {
        uint32_t cp;
        unsigned len = utf8_decode(span_of(t.p + i, t.n - i), &cp);
        cp = cp < 0x80 ? ascii_lower((uint8_t)cp) : fold_codepoint(cp);
        enum fold_class c = cp ? fold_class(cp) : FOLD_WORD;
        if (c == FOLD_IDEOGRAPH && l.n == 0) {
            letters_add(&l, cp, c);
            i += len;
            break;
        }
        if (c != FOLD_WORD && c != FOLD_DIGIT)
            break;
        if (cp)
            letters_add(&l, cp, c);
        i += len;
    }
    letters_end(s, &l);
    return i;
}

/* Up to the next blank or bracket; *kind_out is the hash of its kind where it is no words but an address or a URL. */
static size_t chunk(struct span t, uint64_t *kind_out)
{
    size_t n = 0;
    *kind_out = 0;
    for (; n < t.n && n < 2048; n++) {
        uint8_t c = t.p[n];
        if (c <= ' ' || c == '<' || c == '>' || c == '"' || c == '(' || c == ')')
            break;
        if (c == ':' && n && n + 2 < t.n && t.p[n + 1] == '/' && t.p[n + 2] == '/')
            *kind_out = hash_url;
        else if (c == '@' && n && n + 1 < t.n && ascii_is_alnum(t.p[n + 1]) && !*kind_out)
            *kind_out = hash_address;
    }
    if (!*kind_out && n > 6 && span_istarts(t, SPAN_LIT("www.")))
        *kind_out = hash_url;
    return n;
}

/* The length of a chunk that surely is words, seen in sixteen bytes; 0: look closer. */
static inline size_t plain_chunk(struct span t)
{
    if (t.n < sizeof(bytes16) || (t.p[0] | 0x20) == 'w')
        return 0;
    bytes16 v = bytes16_load(t.p);
    uint32_t stop = bytes16_mask((bytes16)(v <= ' '));
    uint32_t odd = bytes16_mask((bytes16)(v == '@') | (bytes16)(v == ':'));
    if (stop == 0 || odd & ((stop & -stop) - 1))
        return 0;
    return (size_t)__builtin_ctz(stop);
}

void words_of(struct sketcher *s, struct span t)
{
    size_t i = 0, known = 0; /* bytes before `known` are no address */
    while (i < t.n && s->n < WORDS_MAX) {
        if (t.p[i] <= ' ') {
            i++;
            continue;
        }
        struct span rest = span_of(t.p + i, t.n - i);
        if (i >= known) {
            uint64_t kind = 0;
            size_t n = plain_chunk(rest);
            if (n == 0)
                n = chunk(rest, &kind);
            known = i + n;
            if (kind) {
                put_word(s, kind, kind == hash_url ? "URL" : "ADDRESS", kind == hash_url ? 3 : 7);
                i = known;
                continue;
            }
        }
        size_t n = ascii_is_alnum(t.p[i]) ? short_word(s, rest) : 0;
        if (n == 0)
            n = long_word(s, rest);
        if (n == 0) {
            uint32_t cp;
            n = t.p[i] < 0x80 ? 1 : utf8_decode(rest, &cp);
        }
        i += n;
    }
}

static bool is_quoted(struct span line)
{
    return line.n && (line.p[0] == '>' || line.p[0] == '|' || (line.n > 1 && line.p[0] == ' ' && line.p[1] == '>'));
}

/* "-- " above a signature, a row of underscores or dashes above what a mailing list adds. */
static bool is_rule(struct span line)
{
    struct span l = span_trim(line);
    size_t n = 0;
    while (n < l.n && l.p[n] == l.p[0])
        n++;
    return (l.n == 2 && l.p[0] == '-' && n == 2) || (n >= RULE_LEAST && (l.p[0] == '-' || l.p[0] == '_' || l.p[0] == '='));
}

/* The own lines of a text up to a rule near its end. Returns where the rule stands; t.n: there is none. */
static size_t own_lines(struct sketcher *s, struct span t, size_t few)
{
    size_t i = 0, run = 0, had = s->n;
    while (i < t.n) {
        ptrdiff_t nl = span_chr(span_sub(t, i, t.n), '\n');
        size_t end = nl < 0 ? t.n : i + (size_t)nl;
        struct span line = span_sub(t, i, end);
        uint8_t c = line.n ? line.p[0] : 0;
        if (c == '>' || c == '|' || c == ' ' || c == '-' || c == '_' || c == '=') {
            bool rule = t.n - i <= FOOTER_MAX && is_rule(line);
            if (rule || is_quoted(line)) {
                words_of(s, span_sub(t, run, i));
                run = end;
            }
            if (rule && s->n - had >= few)
                return i;
        }
        i = end + 1;
    }
    words_of(s, span_sub(t, run, t.n));
    return t.n;
}

static void text_words(struct sketcher *s, struct span t, size_t budget, size_t few)
{
    size_t had = s->n, had_out = s->out_n;
    if (t.n <= budget) {
        own_lines(s, t, few);
    } else {
        own_lines(s, span_sub(t, 0, budget - budget / 4), few);
        own_lines(s, span_sub(t, t.n - budget / 4, t.n), few);
    }
    if (s->n - had < few) { /* all of it is quoted: then that is what it says */
        s->n = had;
        s->out_n = had_out;
        words_of(s, span_sub(t, 0, budget));
    }
}

/* Is it the plain form of what an HTML part beside it says? */
static bool has_html_beside(const struct message *m, const struct text_block *b)
{
    const struct part *p = &m->part[b->part], *up = &m->part[p->parent];
    if (b->is_html || !span_eq(up->type, SPAN_LIT("multipart/alternative")))
        return false;
    for (size_t i = 0; i < m->n_text; i++) {
        const struct text_block *o = &m->text[i];
        if (!o->is_html || o->visible.n == 0)
            continue;
        for (uint32_t at = o->part; at; at = m->part[at].parent)
            if (m->part[at].parent == p->parent)
                return true;
    }
    return false;
}

void words_of_message(struct sketcher *s, const struct message *m)
{
    bool is_list = message_field(m, FIELD_LIST_ID) || message_field(m, FIELD_LIST_POST) || message_field(m, FIELD_LIST_OTHER);
    size_t room = TEXT_BUDGET;
    for (size_t i = 0; i < m->n_text && room > 256; i++) {
        const struct text_block *b = &m->text[i];
        if (b->visible.n == 0 || has_html_beside(m, b))
            continue;
        text_words(s, b->visible, room, is_list ? 1 : FEW_WORDS);
        room -= b->visible.n < room ? b->visible.n : room;
    }
}

struct span subject_of(const struct message *m)
{
    struct span s = span_trim(m->subject);
    for (;;) {
        static const char *const prefix[] = {"re:", "fw:", "fwd:", "aw:", "wg:", "sv:", "tr:", "antw:"};
        bool cut = false;
        for (size_t i = 0; i < sizeof prefix / sizeof *prefix && !cut; i++)
            if ((cut = span_istarts(s, span_str(prefix[i]))))
                s = span_trim(span_sub(s, strlen(prefix[i]), s.n));
        if (!cut)
            return span_sub(s, 0, 400);
    }
}

/* ---- footers ---- */

void footers_learn(struct sketcher *s)
{
    static const char *const phrase[LEAVE_PHRASES] = {
        "unsubscribe", "unsubscribing", "unsubscribed", "optout", "opt out", "remove yourself", "remove me", "be removed", "removed from",
        "abmelden", "abbestellen", "austragen", "desabonner", "desinscrire", "desinscription", "desabonnement", "descadastrar", "descadastre",
        "desinscrever", "desuscribirse", "desuscribir", "afmelden", "uitschrijven", "disiscriviti", "disiscriverti",
    };
    for (size_t i = 0; i < LEAVE_PHRASES && phrase[i]; i++) {
        s->n = 0;
        words_of(s, span_str(phrase[i]));
        s->leave[s->n_leave][0] = s->word[0];
        s->leaves_first[s->word[0] >> 62] |= (uint64_t)1 << (s->word[0] >> 56 & 63);
        s->leave[s->n_leave++][1] = s->n > 1 ? s->word[1] : 0;
    }
    s->n = 0;
}

static bool leaves(const struct sketcher *s, size_t at)
{
    uint64_t w = s->word[at];
    if (!(s->leaves_first[w >> 62] >> (w >> 56 & 63) & 1))
        return false;
    for (size_t i = 0; i < s->n_leave; i++)
        if (w == s->leave[i][0] && (s->leave[i][1] == 0 || (at + 1 < s->n && s->word[at + 1] == s->leave[i][1])))
            return true;
    return false;
}

/* A sender has one for all that he sends, and it may be longer than what stands above it. */
size_t words_above_footer(const struct sketcher *s)
{
    for (size_t i = s->n > FOOTER_WORDS ? s->n - FOOTER_WORDS : 0; i < s->n; i++)
        if ((i >= ABOVE_WORDS || s->n <= ONLY_WORDS) && leaves(s, i))
            return i;
    return s->n;
}
