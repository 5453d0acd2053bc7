/* template_field: anchors and slots from the alignments of one field.
 *
 * A word of the backbone is an anchor when ANCHOR_PERMILLE of the members have it in order. Anchors whose gaps are narrow are tied: a part.
 * A part of a word or two is there by chance (every text has a "the" somewhere between two other things) and is dissolved. What all have
 * but not in order is found by its pairs of words, and floats. */
#include "base/error.h"
#include "campaign/template_priv.h"

struct maker { struct field *f; struct arena *a; struct piece *out; size_t n; struct gap *g; };

static uint16_t at(const struct field *f, size_t t, size_t i) { return f->at[t * f->bone->n + i]; }
static bool enough(const struct field *f, size_t n) { return n * 1000 >= f->members * ANCHOR_PERMILLE; }

/* What stands between the anchors i and j, in members that have both; -1 and bone->n are the ends of the text. */
static size_t gaps(const struct maker *m, ptrdiff_t i, size_t j)
{
    const struct field *f = m->f;
    size_t n = 0;
    for (size_t t = 0; t < f->n; t++) {
        if (!f->member[t] || (i >= 0 && at(f, t, (size_t)i) == NOWHERE) || (j < f->bone->n && at(f, t, j) == NOWHERE))
            continue;
        uint16_t from = i < 0 ? 0 : (uint16_t)(at(f, t, (size_t)i) + 1), to = j < f->bone->n ? at(f, t, j) : (uint16_t)f->t[t].n;
        m->g[n++] = (struct gap){&f->t[t], from, (uint16_t)(to - from)};
    }
    return n;
}

static size_t count_to(const struct gap *g, size_t n, size_t most_words)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        k += g[i].n <= most_words;
    return k;
}

static bool is_narrow(const struct maker *m, ptrdiff_t i, size_t j, size_t words)
{
    size_t n = gaps(m, i, j);
    return n && count_to(m->g, n, words) >= field_most(n);
}

static size_t next_kept(const struct field *f, size_t i)
{
    while (i < f->bone->n && !f->keep[i])
        i++;
    return i;
}

/* ---- anchors ---- */

static void dissolve_weak(struct maker *m)
{
    struct field *f = m->f;
    for (size_t i = next_kept(f, 0), end; i < f->bone->n; i = end) {
        size_t words = 0, letters = 0, last = i;
        for (size_t k = i;; k = end) {
            bool is_word = word_kind(word_span(f->bone, k)) == SLOT_TYPES;
            words += is_word;
            letters += is_word ? f->bone->w[k].n : 0;
            last = k;
            end = next_kept(f, k + 1);
            if (end == f->bone->n || !is_narrow(m, (ptrdiff_t)k, end, NARROW_WORDS))
                break;
        }
        if (words < f->part_words || letters < f->part_letters)
            for (size_t k = i; k <= last; k++)
                f->keep[k] = false;
    }
}

static uint16_t permille(const struct field *f, size_t n) { return (uint16_t)(n * 1000 / f->members); }

static struct piece *add_piece(struct maker *m, struct piece p)
{
    if (m->n == TEMPLATE_PIECES_MAX)
        return NULL;
    m->out[m->n] = p;
    return &m->out[m->n++];
}

static size_t having_all(const struct field *f, size_t i, size_t last)
{
    size_t n = 0;
    for (size_t t = 0; t < f->n; t++) {
        bool has = f->member[t];
        for (size_t k = i; has && k <= last; k++)
            has = !f->keep[k] || at(f, t, k) != NOWHERE;
        n += has;
    }
    return n;
}

/* The anchor of the kept words i..last, cut at what stands for numbers, addresses and URLs. */
static bool add_anchor(struct maker *m, size_t i, size_t last)
{
    const struct field *f = m->f;
    struct piece p = {.permille = permille(f, having_all(f, i, last))};
    struct buf text;
    bool is_ok = true;
    buf_init(&text, SIZE_MAX);
    for (size_t k = i; k <= last + 1 && is_ok; k++) {
        if (k <= last && !f->keep[k])
            continue;
        struct span w = k <= last ? word_span(f->bone, k) : SPAN_NONE;
        enum slot_type kind = k <= last ? word_kind(w) : SLOT_FREE;
        if (kind == SLOT_TYPES) {
            if (text.n)
                buf_add_byte(&text, ' ');
            buf_add_span(&text, w);
            continue;
        }
        if (text.n) {
            p.anchor = arena_copy(m->a, buf_span(&text));
            is_ok = p.anchor.p;
            add_piece(m, p);
            buf_clear(&text);
        }
        struct piece *s = k <= last ? add_piece(m, (struct piece){.is_slot = true, .permille = p.permille}) : NULL;
        is_ok = is_ok && (!s || slot_of_kind(m->a, kind, w, &s->slot));
    }
    is_ok = is_ok && !buf_error(&text);
    buf_deinit(&text);
    return is_ok;
}

/* ---- what floats ---- */

static uint16_t found(const struct field *f, size_t t, size_t i) { return f->found[t * (f->bone->n + 1) + i + 1]; }

/* Drops the texts that do not have the word `last` right behind the one before it; returns how many are left. */
static size_t still_together(const struct field *f, uint8_t *is_in, size_t i, size_t last)
{
    size_t n = 0;
    for (size_t t = 0; t < f->n; t++) {
        if (last == i + 1)
            is_in[t] = f->member[t] && found(f, t, i) != NOWHERE;
        else
            is_in[t] = is_in[t] && found(f, t, last - 1) == found(f, t, last - 2) + 1;
        n += is_in[t];
    }
    return n;
}

/* Between two anchors, or the ends. */
static bool add_floating(struct maker *m, size_t from, size_t to)
{
    const struct field *f = m->f;
    uint8_t is_in[TEMPLATE_TEXTS_MAX];
    for (size_t i = from, last; i + 1 < to; i = last) {
        size_t letters = f->bone->w[i].n, n = 0, k;
        for (last = i + 1; last < to && enough(f, k = still_together(f, is_in, i, last)); last++) {
            letters += f->bone->w[last].n;
            n = k;
        }
        if (last - i < FLOAT_WORDS || letters < FLOAT_LETTERS)
            continue;
        struct span text = words_copy(m->a, f->bone, i, last - i);
        if (!text.p)
            return false;
        add_piece(m, (struct piece){.is_floating = true, .permille = permille(f, n), .anchor = text});
    }
    return true;
}

/* ---- all of it ---- */

/* The slot or slots between the anchors i and j. */
static bool add_gap(struct maker *m, ptrdiff_t i, size_t j)
{
    size_t n = gaps(m, i, j), having = n;
    if (!n)
        return true;
    size_t k = slots_make(m->a, m->f->a, m->g, n, m->out + m->n, TEMPLATE_PIECES_MAX - m->n);
    if (k == SIZE_MAX)
        return false;
    for (size_t s = 0; s < k; s++)
        m->out[m->n++].permille = permille(m->f, having);
    return add_floating(m, (size_t)(i + 1), j);
}

static bool add_all(struct maker *m)
{
    const struct field *f = m->f;
    size_t nb = f->bone->n;
    ptrdiff_t before = -1;
    for (size_t i = next_kept(f, 0), last; i < nb; before = (ptrdiff_t)last, i = next_kept(f, last + 1)) {
        if (!add_gap(m, before, i))
            return false;
        last = i;
        for (size_t k = next_kept(f, i + 1); k < nb && is_narrow(m, (ptrdiff_t)last, k, 0); k = next_kept(f, k + 1))
            last = k;
        if (!add_anchor(m, i, last))
            return false;
    }
    return add_gap(m, before, nb);
}

int field_pieces(struct field *f, struct arena *a, struct piece **out, size_t *n_out)
{
    struct maker m = {.f = f, .a = a};
    bool has_anchor = false;
    m.g = arena_alloc(f->a, f->n * sizeof *m.g);
    m.out = arena_alloc(a, TEMPLATE_PIECES_MAX * sizeof *m.out);
    if (!m.g || !m.out)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < f->bone->n; i++)
        f->keep[i] = enough(f, f->support[i]);
    dissolve_weak(&m);
    if (!add_all(&m))
        return POSSE_ENOMEM;
    for (size_t i = 0; i < m.n; i++)
        has_anchor |= !m.out[i].is_slot;
    *out = m.out;
    *n_out = has_anchor ? m.n : 0;
    return has_anchor ? POSSE_OK : POSSE_ENOENT;
}
