/* template_text: a template as an expression, and as bytes.
 *
 * In a normalised text every word has a blank behind it but the last, so a slot that may be empty takes its blank with it. Anything but
 * letters and digits is written as \xHH: no word of a message can be an operator.
 * Bytes: version, used, then for the text and the subject each: how many pieces; of each its flags, permille and anchor or slot; numbers
 * are varints. */
#include <stdlib.h>

#include "base/error.h"
#include "campaign/template_priv.h"

enum { VERSION = 1, EXPRESSION_MAX = 256 << 10, ALTERNATIVES_BYTES = 240 };

void literal_expression(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (ascii_is_alnum(c) || c == ' ')
            buf_add_byte(out, c);
        else
            buf_add_fmt(out, "\\x%02x", c);
    }
}

bool slot_is_listed(const struct slot *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < s->n_words; i++)
        bytes += s->word[i].n;
    return s->is_closed && s->n_words && bytes <= ALTERNATIVES_BYTES;
}

static void alphabet_expression(struct span a, struct buf *out)
{
    buf_add_byte(out, '[');
    for (size_t i = 0; i < a.n; i++)
        if (i + 2 < a.n && a.p[i + 1] == '-' && ascii_is_alnum(a.p[i]) && ascii_is_alnum(a.p[i + 2]) && a.p[i] < a.p[i + 2]) {
            buf_add_fmt(out, "%c-%c", a.p[i], a.p[i + 2]);
            i += 2;
        } else {
            literal_expression(span_of(a.p + i, 1), out);
        }
    buf_add_byte(out, ']');
}

void slot_expression(const struct slot *s, struct buf *out)
{
    if (slot_is_listed(s)) {
        buf_add_str(out, "(?:");
        for (size_t i = 0; i < s->n_words; i++) {
            if (i)
                buf_add_byte(out, '|');
            literal_expression(s->word[i], out);
        }
        buf_add_byte(out, ')');
        return;
    }
    if (s->most_words > 1) {
        unsigned most = s->most_words > NARROW_WORDS ? s->most_words : NARROW_WORDS;
        buf_add_fmt(out, "[^ ]+(?: [^ ]+){%u,%u}", s->least_words - (s->least_words > 0), most - 1);
    } else if (s->type == SLOT_NUMBER) {
        buf_add_str(out, "[0-9]+");
    } else if (s->type == SLOT_RANDOM) {
        alphabet_expression(s->alphabet, out);
        buf_add_fmt(out, "{%u,%u}", s->least - s->least / 4 > 1 ? s->least - s->least / 4 : 1, s->most + s->most / 4 + 1);
    } else {
        buf_add_str(out, "[^ ]+");
    }
}

bool slot_is_wide(const struct slot *s) { return s->most_words > NARROW_WORDS && !slot_is_listed(s); }

/* From the first anchor to the last. */
static void pieces_expression(const struct piece *p, size_t n, struct buf *out)
{
    size_t first = 0;
    while (first < n && (p[first].is_slot || p[first].is_floating))
        first++;
    while (n > first && (p[n - 1].is_slot || p[n - 1].is_floating))
        n--;
    for (size_t i = first; i < n; i++) {
        const struct slot *s = &p[i].slot;
        if (i == first)
            buf_add_str(out, "(?:^| )");
        if (!p[i].is_slot && !p[i].is_floating) {
            literal_expression(p[i].anchor, out);
            buf_add_str(out, i + 1 < n ? " " : "(?: |$)");
        } else if (p[i].is_slot && slot_is_wide(s)) {
            buf_add_str(out, "(?:.* )?");
        } else if (p[i].is_slot) {
            buf_add_str(out, s->may_be_empty ? "(?:" : "");
            slot_expression(s, out);
            buf_add_str(out, s->may_be_empty ? " )?" : " ");
        }
    }
}

int template_expression(const struct template *t, struct buf *out)
{
    pieces_expression(t->piece, t->n, out);
    return buf_error(out);
}

/* ---- bytes ---- */

static void put_span(struct buf *out, struct span s)
{
    buf_add_varint(out, s.n);
    buf_add_span(out, s);
}

static void put_slot(struct buf *out, const struct slot *s)
{
    buf_add_byte(out, (uint8_t)(s->type | (s->may_be_empty ? 16 : 0) | (s->is_closed ? 32 : 0)));
    buf_add_varint(out, s->least_words);
    buf_add_varint(out, s->most_words);
    buf_add_varint(out, s->least);
    buf_add_varint(out, s->most);
    put_span(out, s->alphabet);
    buf_add_varint(out, s->n_words);
    for (size_t i = 0; i < s->n_words; i++)
        put_span(out, s->word[i]);
}

static void put_pieces(struct buf *out, const struct piece *p, size_t n)
{
    buf_add_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        buf_add_byte(out, (uint8_t)(p[i].is_slot | p[i].is_floating << 1));
        buf_add_varint(out, p[i].permille);
        if (p[i].is_slot)
            put_slot(out, &p[i].slot);
        else
            put_span(out, p[i].anchor);
    }
}

int template_save(const struct template *t, struct buf *out)
{
    buf_add_byte(out, VERSION);
    buf_add_varint(out, t->used);
    put_pieces(out, t->piece, t->n);
    put_pieces(out, t->subject, t->n_subject);
    return buf_error(out);
}

/* A number up to most; more fails the reader. */
static uint32_t get(struct reader *r, uint64_t most)
{
    uint64_t x = reader_varint(r);
    if (x > most)
        reader_fail(r, POSSE_ECORRUPT);
    return x > most ? 0 : (uint32_t)x;
}

/* SPAN_NONE with nothing failed: it is empty. */
static struct span get_span(struct reader *r, struct arena *a, size_t most)
{
    struct span s = reader_bytes(r, get(r, most));
    return s.n ? arena_copy(a, s) : SPAN_NONE;
}

static void get_slot(struct reader *r, struct arena *a, struct slot *s)
{
    uint8_t flags = reader_u8(r);
    s->type = (enum slot_type)(flags & 15);
    s->may_be_empty = flags & 16;
    s->is_closed = flags & 32;
    s->least_words = (uint16_t)get(r, TEMPLATE_WORDS_MAX);
    s->most_words = (uint16_t)get(r, TEMPLATE_WORDS_MAX);
    s->least = get(r, BYTES_MAX);
    s->most = get(r, BYTES_MAX);
    s->alphabet = get_span(r, a, 64);
    s->n_words = get(r, SLOT_WORDS_MAX);
    struct span *w = arena_zalloc(a, s->n_words * sizeof *w);
    for (size_t i = 0; w && i < s->n_words; i++)
        w[i] = get_span(r, a, SLOT_WORD_BYTES);
    s->word = w;
}

static void get_pieces(struct reader *r, struct arena *a, struct piece **out, size_t *n_out)
{
    size_t n = get(r, TEMPLATE_PIECES_MAX);
    struct piece *p = arena_zalloc(a, n * sizeof *p);
    for (size_t i = 0; p && i < n && !reader_error(r); i++) {
        uint8_t flags = reader_u8(r);
        p[i].is_slot = flags & 1;
        p[i].is_floating = flags & 2;
        p[i].permille = (uint16_t)get(r, 1000);
        if (p[i].is_slot)
            get_slot(r, a, &p[i].slot);
        else
            p[i].anchor = get_span(r, a, BYTES_MAX);
    }
    *out = p;
    *n_out = p ? n : 0;
}

int template_load(struct reader *r, struct template **out, struct report *why)
{
    struct template *t = calloc(1, sizeof *t);
    const char *what = "cut short or damaged";
    uint8_t version = reader_u8(r);
    *out = NULL;
    if (!t || !(t->a = arena_new(8 << 20))) {
        template_free(&t);
        return report_set(why, POSSE_ENOMEM, "template: out of memory");
    }
    if (!reader_error(r) && version != VERSION) {
        template_free(&t);
        return report_set(why, POSSE_EVERSION, "template: format %u, and this program reads %d", version, VERSION);
    }
    t->used = get(r, TEMPLATE_TEXTS_MAX);
    get_pieces(r, t->a, &t->piece, &t->n);
    get_pieces(r, t->a, &t->subject, &t->n_subject);
    bool is_full = arena_failed(t->a);
    if (is_full || reader_error(r) || !template_validate(t, &what)) {
        template_free(&t);
        return is_full ? report_set(why, POSSE_ENOMEM, "template: out of memory")
                       : report_set(why, POSSE_ECORRUPT, "template: byte %zu: %s", reader_pos(r), what);
    }
    *out = t;
    return POSSE_OK;
}

/* ---- validity ---- */

/* Words of bytes past the blank, parted by single blanks; how many, 0: it is not. */
static size_t words_valid(struct span s)
{
    size_t n = 1;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || (s.p[i] == ' ' && (i == 0 || i + 1 == s.n || s.p[i - 1] == ' ')))
            return 0;
        n += s.p[i] == ' ';
    }
    return s.n ? n : 0;
}

static const char *slot_trouble(const struct slot *s)
{
    if (s->type < 0 || s->type >= SLOT_TYPES)
        return "a slot of no type";
    if (s->least > s->most || s->least_words > s->most_words || !s->most_words || !s->least_words)
        return "a slot with its least above its most, or with nothing in it";
    if (s->n_words > SLOT_WORDS_MAX || (s->type == SLOT_RANDOM) != (s->alphabet.n > 0))
        return "a slot with too many words, or an alphabet where none belongs";
    for (size_t i = 0; i < s->n_words; i++)
        if (!words_valid(s->word[i]) || s->word[i].n > SLOT_WORD_BYTES)
            return "a dictionary with what is no word";
    return NULL;
}

static const char *pieces_trouble(const struct piece *p, size_t n)
{
    size_t anchors = 0;
    for (size_t i = 0; i < n; i++) {
        const char *bad = p[i].is_slot ? slot_trouble(&p[i].slot) : words_valid(p[i].anchor) ? NULL : "an anchor that is no words";
        if (bad)
            return bad;
        anchors += !p[i].is_slot;
    }
    return n > TEMPLATE_PIECES_MAX ? "too many pieces" : n && !anchors ? "no anchor" : NULL;
}

bool template_validate(const struct template *t, const char **why)
{
    *why = t->n ? pieces_trouble(t->piece, t->n) : "no pieces";
    if (!*why)
        *why = pieces_trouble(t->subject, t->n_subject);
    return !*why;
}
