/* Traits of MIME: how parameters are written, boundaries, charsets, encodings, the tree. */
#include "botnet/mailer_priv.h"

/* The raw value of a part's field of that id; part 0 is the message. */
static struct span part_field(const struct message *m, uint32_t part, enum field_id id)
{
    const struct part *p = &m->part[part];
    for (uint32_t i = p->first_field; i < p->first_field + p->n_fields && i < m->n_fields; i++)
        if (m->field[i].id == id)
            return m->field[i].raw;
    return SPAN_NONE;
}

struct param { struct span before, value; bool is_quoted, is_tight; };

/* name=value of a parameter, with the white space that goes before it. */
static bool param_find(struct span raw, const char *name, struct param *out)
{
    size_t from = 0, n = strlen(name);
    for (;;) {
        ptrdiff_t at = span_ifind(span_sub(raw, from, raw.n), span_str(name));
        if (at < 0)
            return false;
        size_t i = from + (size_t)at, end = i + n, space = i;
        while (space && ascii_is_space(raw.p[space - 1]))
            space--;
        while (end < raw.n && ascii_is_space(raw.p[end]))
            end++;
        if (end < raw.n && raw.p[end] == '=' && space && raw.p[space - 1] == ';') {
            out->before = span_sub(raw, space, i);
            struct span v = span_sub(raw, end + 1, raw.n);
            out->is_tight = v.n && !ascii_is_space(v.p[0]) && end == i + n;
            v = span_trim(v);
            out->is_quoted = v.n && v.p[0] == '"';
            v = span_sub(v, out->is_quoted, v.n);
            size_t k = 0;
            while (k < v.n && (out->is_quoted ? v.p[k] != '"' : !ascii_is_space(v.p[k]) && v.p[k] != ';'))
                k++;
            out->value = span_sub(v, 0, k);
            return true;
        }
        from = i + n;
    }
}

/* How it goes on after the semicolon: on the same line or the next, with what. */
static void spacing(struct word *w, const struct param *p)
{
    bool folded = false, tab = false;
    size_t blanks = 0;
    for (size_t i = 0; i < p->before.n; i++) {
        folded |= p->before.p[i] == '\n';
        tab |= p->before.p[i] == '\t';
        blanks += p->before.p[i] == ' ';
    }
    word_byte(w, folded ? 'f' : 's');
    if (tab)
        word_byte(w, 't');
    else
        word_number(w, blanks > 9 ? 9 : blanks);
    word_byte(w, p->is_quoted ? 'q' : 'n');
    if (!p->is_tight)
        word_byte(w, '~');
}

static void charsets(const struct message *m, struct mailer *out)
{
    for (uint32_t i = 0; i < m->n_parts; i++) {
        struct param p;
        if (!param_find(part_field(m, i, FIELD_CONTENT_TYPE), "charset", &p))
            continue;
        struct word w = trait_begin(out, TRAIT_CTYPE), c = trait_begin(out, TRAIT_CHARSET);
        spacing(&w, &p);
        bool low = false, up = false;
        for (size_t k = 0; k < p.value.n; k++) {
            low |= p.value.p[k] >= 'a' && p.value.p[k] <= 'z';
            up |= p.value.p[k] >= 'A' && p.value.p[k] <= 'Z';
        }
        word_byte(&w, low && up ? 'm' : up ? 'u' : low ? 'l' : '-');
        word_clean(&c, p.value, 24);
        return;
    }
}

static void boundaries(const struct message *m, struct mailer *out)
{
    for (uint32_t i = 0; i < m->n_parts; i++) {
        struct param p;
        if (!m->part[i].is_multipart || !param_find(part_field(m, i, FIELD_CONTENT_TYPE), "boundary", &p))
            continue;
        struct word w = trait_begin(out, TRAIT_BOUNDARY), s = trait_begin(out, TRAIT_BOUNDARY_STYLE);
        form_of(&w, p.value, false);
        spacing(&s, &p);
        return;
    }
}

static void encodings(const struct message *m, struct mailer *out)
{
    for (uint32_t i = 0; i < m->n_parts; i++) {
        if (!m->part[i].is_text)
            continue;
        struct span raw = part_field(m, i, FIELD_CONTENT_TRANSFER_ENCODING);
        struct word w = trait_begin(out, TRAIT_ENCODING);
        if (raw.n)
            word_clean(&w, raw, 18);
        else
            word_byte(&w, '-');
        return;
    }
}

static char type_letter(const struct part *p)
{
    static const struct { const char *type; char c; } t[] = {
        {"text/plain", 'p'}, {"text/html", 'h'}, {"multipart/alternative", 'A'}, {"multipart/mixed", 'M'},
        {"multipart/related", 'R'}, {"multipart/signed", 'S'}, {"message/rfc822", 'E'}, {"application/pdf", 'd'},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        if (span_eq(p->type, span_str(t[i].type)))
            return t[i].c;
    return span_istarts(p->type, SPAN_LIT("image/")) ? 'i' : span_istarts(p->type, SPAN_LIT("multipart/")) ? 'O' : 'o';
}

static void structure(const struct message *m, struct mailer *out)
{
    struct word w = trait_begin(out, TRAIT_STRUCTURE);
    unsigned depth = 0;
    for (size_t i = 0; i < m->n_parts && i < 16; i++) {
        for (; depth > m->part[i].depth; depth--)
            word_byte(&w, ')');
        for (; depth < m->part[i].depth; depth++)
            word_byte(&w, '(');
        word_byte(&w, type_letter(&m->part[i]));
    }
    for (; depth; depth--)
        word_byte(&w, ')');
}

void trait_mime(const struct message *m, struct mailer *out)
{
    const struct field *f = message_field(m, FIELD_MIME_VERSION);
    if (f) {
        struct word w = trait_begin(out, TRAIT_MIME);
        struct span v = span_trim(f->raw);
        word_add(&w, span_eq(v, SPAN_LIT("1.0")) ? "1.0" : span_istarts(v, SPAN_LIT("1.0")) ? "1.0+" : "odd");
    }
    if (!m->n_parts)
        return;
    charsets(m, out);
    boundaries(m, out);
    encodings(m, out);
    structure(m, out);
}
