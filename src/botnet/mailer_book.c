/* Known families, from text files: posse-mailer(5) has the form.
 *
 * Each trait line says how many bits its presence speaks for the family and how many its absence speaks against it: the base-2 logarithms of how
 * much likelier it is in the family's mail than in other mail, each with the publication that says so. A family begins at PRIOR_BITS; the
 * odds of all families and of "none of them" are made probabilities together. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/mailer_priv.h"

enum { FAMILIES_MOST = 256, LINES_MOST = 64, SOURCES_MOST = 32, FILE_MOST = 64 * 1024, WORD_MOST = 48, SOURCE_TEXT = 320 };
static const double PRIOR_BITS = -5; /* any one of some thirty families, before anything is looked at */

struct trait_line {
    uint8_t kind, source;
    char glob[WORD_MOST], text[WORD_MOST + 16];
    double with_bits, without_bits;
};
struct source_line { char id[WORD_MOST], text[SOURCE_TEXT]; };
struct family {
    char name[MAILER_NAME];
    struct trait_line line[LINES_MOST];
    struct source_line source[SOURCES_MOST];
    size_t n_lines, n_sources;
};
struct mailer_book {
    struct family **family;
    size_t n;
};

int mailer_book_new(struct mailer_book **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? POSSE_OK : POSSE_ENOMEM;
}

void mailer_book_free(struct mailer_book **b)
{
    if (!b || !*b)
        return;
    for (size_t i = 0; i < (*b)->n; i++)
        free((*b)->family[i]);
    free((*b)->family);
    free(*b);
    *b = NULL;
}

size_t mailer_book_size(const struct mailer_book *b) { return b ? b->n : 0; }
const char *mailer_book_family(const struct mailer_book *b, size_t i) { return b->family[i]->name; }

/* ---- one file ---- */

struct file_cursor {
    const char *name;
    unsigned line;
    struct family *f;
    struct report *why;
};

static int wrong(const struct file_cursor *c, const char *what, struct span at)
{
    return report_set(c->why, POSSE_ESYNTAX, "%s:%u: %s: \"%.*s\"", c->name, c->line, what, (int)(at.n > 60 ? 60 : at.n),
                      at.p ? (const char *)at.p : "");
}

static struct span next_word(struct span *line)
{
    size_t i = 0, from;
    while (i < line->n && ascii_is_space(line->p[i]))
        i++;
    from = i;
    while (i < line->n && !ascii_is_space(line->p[i]))
        i++;
    struct span w = span_sub(*line, from, i);
    *line = span_sub(*line, i, line->n);
    return w;
}

static bool copy_word(char *to, size_t cap, struct span w)
{
    if (w.n == 0 || w.n >= cap || memchr(w.p, '\0', w.n))
        return false;
    memcpy(to, w.p, w.n);
    to[w.n] = '\0';
    return true;
}

static bool is_family_name(struct span w)
{
    for (size_t i = 0; i < w.n; i++)
        if (!ascii_is_alnum(w.p[i]) && !strchr("-_.", w.p[i]))
            return false;
    return true;
}

static int family_line(struct file_cursor *c, struct span rest)
{
    struct span w = next_word(&rest);
    if (c->f->name[0])
        return wrong(c, "a file describes one family, and this is a second", w);
    if (!is_family_name(w) || !copy_word(c->f->name, sizeof c->f->name, w))
        return wrong(c, "a family's name is one word of at most 31 letters, digits, '-', '_' and '.'", w);
    return next_word(&rest).n ? wrong(c, "nothing may follow the family's name", rest) : POSSE_OK;
}

static int source_line(struct file_cursor *c, struct span rest)
{
    struct source_line *s = &c->f->source[c->f->n_sources];
    if (c->f->n_sources == SOURCES_MOST)
        return wrong(c, "more than 32 sources", rest);
    struct span id = next_word(&rest), text = span_trim(rest);
    if (!copy_word(s->id, sizeof s->id, id))
        return wrong(c, "a source begins with a word by which traits name it", id);
    if (!copy_word(s->text, sizeof s->text, text))
        return wrong(c, "after its word a source tells where it was published, in at most 319 bytes", text);
    for (size_t i = 0; i < c->f->n_sources; i++)
        if (strcmp(c->f->source[i].id, s->id) == 0)
            return wrong(c, "there is a source of that name already", id);
    c->f->n_sources++;
    return POSSE_OK;
}

/* "for 4.5": 0 to 20 bits. */
static bool bits_of(struct span *rest, const char *word, double *out)
{
    char text[16], *end;
    struct span key = next_word(rest), n = next_word(rest);
    if (!span_eq(key, span_str(word)) || !copy_word(text, sizeof text, n))
        return false;
    for (size_t i = 0; i < n.n; i++)
        if (!ascii_is_digit(n.p[i]) && n.p[i] != '.')
            return false;
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0 && *out <= 20;
}

static int trait_kind_of(struct span w)
{
    for (int k = 0; k < TRAIT_KINDS; k++)
        if (span_eq(w, span_str(trait_info[k].name)))
            return k;
    return -1;
}

static int trait_line(struct file_cursor *c, struct span rest)
{
    struct trait_line *t = &c->f->line[c->f->n_lines];
    if (c->f->n_lines == LINES_MOST)
        return wrong(c, "more than 64 traits", rest);
    struct span name = next_word(&rest), glob = next_word(&rest), id;
    int kind = trait_kind_of(name);
    if (kind < 0)
        return wrong(c, "no such trait; posse-mailer(5) lists them", name);
    if (!copy_word(t->glob, sizeof t->glob, glob))
        return wrong(c, "after the trait's name goes its value, in which * stands for anything", glob);
    struct span numbers = rest;
    if (!bits_of(&rest, "for", &t->with_bits) || !bits_of(&rest, "against", &t->without_bits))
        return wrong(c, "after the value go \"for BITS against BITS\", each 0 to 20", span_trim(numbers));
    id = next_word(&rest);
    size_t s = 0;
    while (s < c->f->n_sources && !span_eq(id, span_str(c->f->source[s].id)))
        s++;
    if (s == c->f->n_sources)
        return wrong(c, "every trait ends in the name of its source, which stands above it", id);
    if (next_word(&rest).n)
        return wrong(c, "nothing may follow the source", id);
    t->kind = (uint8_t)kind;
    t->source = (uint8_t)s;
    struct word text = {.p = t->text, .cap = sizeof t->text};
    word_add(&text, trait_info[kind].name);
    word_byte(&text, '=');
    word_add(&text, t->glob);
    c->f->n_lines++;
    return POSSE_OK;
}

static int file_line(struct file_cursor *c, struct span line)
{
    struct span rest = line, key = next_word(&rest);
    if (key.n == 0 || key.p[0] == '#')
        return POSSE_OK;
    if (span_eq(key, SPAN_LIT("family")))
        return family_line(c, rest);
    if (!c->f->name[0])
        return wrong(c, "a file begins with \"family NAME\"", key);
    if (span_eq(key, SPAN_LIT("source")))
        return source_line(c, rest);
    if (span_eq(key, SPAN_LIT("trait")))
        return trait_line(c, rest);
    return wrong(c, "a line is \"family\", \"source\", \"trait\" or a comment with '#'", key);
}

static int read_lines(struct file_cursor *c, struct span text)
{
    for (size_t i = 0; i < text.n;) {
        ptrdiff_t end = span_chr(span_sub(text, i, text.n), '\n');
        size_t to = end < 0 ? text.n : i + (size_t)end;
        c->line++;
        int err = file_line(c, span_sub(text, i, to));
        if (err)
            return err;
        i = to + 1;
    }
    if (!c->f->name[0] || !c->f->n_lines)
        return wrong(c, "a file needs a family and a trait", SPAN_NONE);
    return POSSE_OK;
}

int mailer_book_read(struct mailer_book *b, struct span text, const char *name, struct report *why)
{
    if (text.n > FILE_MOST)
        return report_set(why, POSSE_ETOOBIG, "%s: larger than 64 KB", name);
    if (b->n == FAMILIES_MOST)
        return report_set(why, POSSE_ELIMIT, "%s: more than %d families", name, FAMILIES_MOST);
    struct family **more = realloc(b->family, (b->n + 1) * sizeof *more);
    if (!more)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", name);
    b->family = more;
    struct file_cursor c = {.name = name, .f = calloc(1, sizeof(struct family)), .why = why};
    if (!c.f)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", name);
    int err = read_lines(&c, text);
    for (size_t i = 0; !err && i < b->n; i++)
        if (strcmp(b->family[i]->name, c.f->name) == 0)
            err = report_set(why, POSSE_ESYNTAX, "%s:1: another file describes \"%s\" already", name, c.f->name);
    if (err)
        free(c.f);
    else
        b->family[b->n++] = c.f;
    return err;
}

/* ---- a folder ---- */

static int read_path(struct mailer_book *b, const char *path, struct report *why)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return report_errno(why, "cannot open", path);
    char *text = malloc(FILE_MOST + 1);
    size_t n = text ? fread(text, 1, FILE_MOST + 1, f) : 0;
    int err = !text ? report_set(why, POSSE_ENOMEM, "%s: out of memory", path)
              : ferror(f) ? report_errno(why, "cannot read", path)
                          : mailer_book_read(b, span_of(text, n), path, why);
    free(text);
    fclose(f);
    return err;
}

static int is_mailer_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 7 && e->d_name[0] != '.' && strcmp(e->d_name + n - 7, ".mailer") == 0;
}

static int read_folder(struct mailer_book *b, const char *folder, struct report *why)
{
    struct dirent **entry;
    int n = scandir(folder, &entry, is_mailer_file, alphasort), err = POSSE_OK;
    if (n < 0)
        return errno == ENOENT ? POSSE_OK : report_errno(why, "cannot read the folder", folder);
    for (int i = 0; i < n; i++) {
        char path[4096];
        if (!err && (size_t)snprintf(path, sizeof path, "%s/%s", folder, entry[i]->d_name) < sizeof path)
            err = read_path(b, path, why);
        free(entry[i]);
    }
    free(entry);
    return err;
}

int mailer_book_open(const char *folder, struct mailer_book **out, struct report *why)
{
    int err = mailer_book_new(out);
    if (err)
        return report_set(why, err, "out of memory for the book of mailers");
    if (folder)
        err = read_folder(*out, folder, why);
    if (err)
        mailer_book_free(out);
    return err;
}

/* ---- matching ---- */

static void add_reason(struct mailer_match *o, const struct family *f, const struct trait_line *t, double bits)
{
    size_t at = o->n_reasons < MAILER_REASONS ? o->n_reasons++ : MAILER_REASONS;
    while (at > 0 && fabs(o->reason[at - 1].bits) < fabs(bits)) {
        if (at < MAILER_REASONS)
            o->reason[at] = o->reason[at - 1];
        at--;
    }
    if (at < MAILER_REASONS) {
        o->reason[at].trait = t->text;
        o->reason[at].source = f->source[t->source].text;
        o->reason[at].bits = bits;
    }
}

static void weigh(const struct family *f, const struct mailer *m, struct mailer_match *o)
{
    *o = (struct mailer_match){.family = f->name, .bits = PRIOR_BITS};
    for (size_t i = 0; i < f->n_lines; i++) {
        const struct trait_line *t = &f->line[i];
        const char *value = trait_of(m, t->kind);
        bool needs_greeting = t->kind == TRAIT_HELO || t->kind == TRAIT_HELO_WORD || t->kind == TRAIT_FORGED;
        if (!value && (t->kind == TRAIT_DIALECT || t->kind == TRAIT_MAIL_ARGS || (needs_greeting && !trait_of(m, TRAIT_HELO))))
            continue; /* nobody heard it: that speaks neither way */
        bool has = value && span_iglob(span_str(value), span_str(t->glob));
        double bits = has ? t->with_bits : -t->without_bits;
        o->bits += bits;
        if (bits != 0)
            add_reason(o, f, t, bits);
    }
}

size_t mailer_match(const struct mailer_book *b, const struct mailer *m, struct mailer_match *out, size_t max)
{
    double sum = 1; /* the odds of none of them */
    size_t n = 0;
    for (size_t i = 0; b && m->key && i < b->n; i++) {
        struct mailer_match x;
        weigh(b->family[i], m, &x);
        sum += exp2(x.bits);
        if (x.bits <= 0)
            continue;
        size_t at = n < max ? n++ : max;
        while (at > 0 && out[at - 1].bits < x.bits) {
            if (at < max)
                out[at] = out[at - 1];
            at--;
        }
        if (at < max)
            out[at] = x;
    }
    for (size_t i = 0; i < n; i++)
        out[i].probability = exp2(out[i].bits) / sum;
    return n;
}
