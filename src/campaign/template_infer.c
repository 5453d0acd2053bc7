/* template_infer: from texts to a template.
 *
 * 1. The backbone is the text whose pairs of words the others have most often. 2. Members are the texts that have most of the
 * backbone's frequent pairs, wherever they stand (so that reordered text stays in); where versions are mixed these shares fall into
 * two heaps, parted as Otsu (1979) does, and the upper one is the version of the backbone. 3. Each member is aligned with the backbone
 * (template_align.c), anchors and slots are made of what the alignments have in common (template_field.c). The same for the subjects of
 * the members. Frequencies for steps 1 and 2 are of a spread sample of SAMPLE texts, so that memory is bounded. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "campaign/template_priv.h"

enum { SAMPLE = 128, FREQUENT_LEAST = 12 /* fewer part by chance */ };
enum { SCRATCH_BYTES = 256 << 20, TEMPLATE_BYTES = 4 << 20 };

/* ---- pairs of words ---- */

struct pairs { struct pair_count { uint64_t pair; uint16_t texts, last; } *e; size_t mask, sampled; };

static struct pair_count *pair_slot(const struct pairs *p, uint64_t pair)
{
    size_t i = pair & p->mask;
    while (p->e[i].pair && p->e[i].pair != pair)
        i = (i + 1) & p->mask;
    return &p->e[i];
}

static bool is_sampled(const struct field *f, size_t t, size_t step, size_t *k) { return f->member[t] && (*k)++ % step == 0; }

static bool pairs_count(struct pairs *p, const struct field *f)
{
    size_t members = 0, total = 0, cap = 16, k = 0;
    for (size_t t = 0; t < f->n; t++)
        members += f->member[t];
    size_t step = members > SAMPLE ? (members + SAMPLE - 1) / SAMPLE : 1;
    for (size_t t = 0; t < f->n; t++)
        total += is_sampled(f, t, step, &k) ? f->t[t].n + 1 : 0;
    while (cap < 2 * total)
        cap *= 2;
    *p = (struct pairs){.e = arena_zalloc(f->a, cap * sizeof *p->e), .mask = cap - 1};
    k = 0;
    for (size_t t = 0; p->e && t < f->n; t++) {
        if (!is_sampled(f, t, step, &k))
            continue;
        p->sampled++;
        for (ptrdiff_t i = -1; i < (ptrdiff_t)f->t[t].n; i++) {
            struct pair_count *c = pair_slot(p, words_pair(&f->t[t], i));
            c->pair = words_pair(&f->t[t], i);
            c->texts += c->last != t + 1;
            c->last = (uint16_t)(t + 1);
        }
    }
    return p->e;
}

/* The square makes what all have weigh more than what some have; the rest is against long texts with much of their own. */
static double likeness(const struct pairs *p, const struct words *t, size_t mark)
{
    double sum = 0;
    for (ptrdiff_t i = -1; i < (ptrdiff_t)t->n; i++) {
        struct pair_count *c = pair_slot(p, words_pair(t, i));
        if (c->last == mark)
            continue;
        double share = (double)c->texts / (double)p->sampled;
        sum += share * share - 0.02;
        if (c->pair)
            c->last = (uint16_t)mark;
    }
    return sum;
}

static void backbone(struct field *f, const struct pairs *p)
{
    double best = -INFINITY;
    for (size_t t = 0; t < f->n; t++) {
        double x = f->member[t] && f->t[t].n ? likeness(p, &f->t[t], f->n + t + 1) : -INFINITY;
        if (x > best) {
            best = x;
            f->bone = &f->t[t];
        }
    }
}

/* ---- members ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where two heaps part best (Otsu); -1 if it is one heap: nearer than three of their deviations together, or with so much in common that
 * one template is better for both. */
static const double PARTED = 0.6;

static double parting(const double *sorted, size_t n)
{
    double total = 0, squares = 0, left = 0, left_squares = 0, best = 0, cut = -1;
    for (size_t i = 0; i < n; i++) {
        total += sorted[i];
        squares += sorted[i] * sorted[i];
    }
    for (size_t i = 1; i < n; i++) {
        double a = (double)i, b = (double)(n - i);
        left += sorted[i - 1];
        left_squares += sorted[i - 1] * sorted[i - 1];
        double low = left / a, high = (total - left) / b, between = a * b * (high - low) * (high - low);
        double var = left_squares / a - low * low, var_high = (squares - left_squares) / b - high * high;
        double spread = sqrt(var > 0 ? var : 0) + sqrt(var_high > 0 ? var_high : 0);
        if (between > best && low <= PARTED * high && i >= TEMPLATE_TEXTS_LEAST && n - i >= TEMPLATE_TEXTS_LEAST) {
            best = between;
            cut = high - low >= 3 * spread ? (sorted[i - 1] + sorted[i]) / 2 : -1;
        }
    }
    return cut;
}

/* Leaves only the texts of the backbone's version members. */
static bool select_members(struct field *f, const struct pairs *p)
{
    size_t nb = f->bone->n + 1, frequent = 0, k = 0;
    bool *is_frequent = arena_zalloc(f->a, nb);
    double *share = arena_alloc(f->a, f->n * sizeof *share), *sorted = arena_alloc(f->a, f->n * sizeof *sorted);
    if (!is_frequent || !share || !sorted)
        return false;
    size_t least = p->sampled / 5 > 2 ? p->sampled / 5 : 2;
    for (size_t i = 0; i < nb; i++) {
        is_frequent[i] = pair_slot(p, words_pair(f->bone, (ptrdiff_t)i - 1))->texts >= least;
        frequent += is_frequent[i];
    }
    if (frequent < FREQUENT_LEAST)
        return true;
    for (size_t t = 0; t < f->n; t++) {
        size_t hits = 0;
        for (size_t i = 0; i < nb; i++)
            hits += is_frequent[i] && f->found[t * nb + i] != NOWHERE;
        share[t] = (double)hits / (double)frequent;
        if (f->member[t] && &f->t[t] != f->bone) /* which is like itself */
            sorted[k++] = share[t];
    }
    qsort(sorted, k, sizeof *sorted, by_value);
    double cut = parting(sorted, k), middle = k ? sorted[k / 2] : 0;
    for (size_t t = 0; t < f->n; t++)
        f->member[t] = f->member[t] && (cut >= 0 ? share[t] > cut : share[t] >= middle / 3);
    return true;
}

/* ---- one field ---- */

static bool field_split(struct field *f, const struct template_text *t, bool is_subject)
{
    f->t = arena_alloc(f->a, f->n * sizeof *f->t);
    for (size_t i = 0; f->t && i < f->n; i++)
        if (!words_split(f->a, is_subject ? t[i].subject : t[i].text, &f->t[i]))
            return false;
    return f->t;
}

/* Backbone, members (unless they are given) and maps. POSSE_ENOENT: nothing to align. */
static int field_align(struct field *f, bool is_given)
{
    struct pairs p;
    if (!pairs_count(&p, f))
        return POSSE_ENOMEM;
    backbone(f, &p);
    if (!f->bone)
        return POSSE_ENOENT;
    size_t nb = f->bone->n;
    struct aligner *g = aligner_new(f->a, f->bone);
    f->found = arena_alloc(f->a, f->n * (nb + 1) * sizeof *f->found);
    f->at = arena_alloc(f->a, f->n * nb * sizeof *f->at);
    f->support = arena_zalloc(f->a, nb * sizeof *f->support);
    f->keep = arena_zalloc(f->a, nb);
    if (!g || !f->found || !f->at || !f->support || !f->keep)
        return POSSE_ENOMEM;
    for (size_t t = 0; t < f->n; t++)
        aligner_find(g, &f->t[t], f->found + t * (nb + 1));
    if (!is_given && !select_members(f, &p))
        return POSSE_ENOMEM;
    f->members = 0;
    for (size_t t = 0; t < f->n; t++) {
        f->members += f->member[t];
        if (f->member[t])
            aligner_map(g, &f->t[t], f->at + t * nb);
        for (size_t i = 0; i < nb; i++)
            f->support[i] += f->member[t] && f->at[t * nb + i] != NOWHERE;
    }
    return f->members >= TEMPLATE_TEXTS_LEAST ? POSSE_OK : POSSE_ENOENT;
}

static int make(struct arena *scratch, const struct template_text *t, size_t n, uint8_t *member, struct template *x)
{
    struct field f = {.a = scratch, .n = n, .member = member, .part_words = PART_WORDS, .part_letters = PART_LETTERS};
    struct field subject = {.a = scratch, .n = n, .member = member, .part_words = 1, .part_letters = 4};
    if (!field_split(&f, t, false))
        return POSSE_ENOMEM;
    int rc = field_align(&f, false);
    rc = rc ? rc : field_pieces(&f, x->a, &x->piece, &x->n);
    if (rc)
        return rc;
    x->used = f.members;
    if (!field_split(&subject, t, true))
        return POSSE_ENOMEM;
    rc = field_align(&subject, true);
    rc = rc ? rc : field_pieces(&subject, x->a, &x->subject, &x->n_subject);
    return rc == POSSE_ENOENT ? POSSE_OK : rc;
}

/* Of the messages whose flag in `member` is set; those that were not used lose it. */
static int infer(const struct template_text *t, size_t n, uint8_t *member, struct template **out, struct report *why)
{
    struct arena *scratch = arena_new(SCRATCH_BYTES);
    struct template *x = calloc(1, sizeof *x);
    int rc = POSSE_ENOMEM;
    if (x && (x->a = arena_new(TEMPLATE_BYTES)) && scratch)
        rc = make(scratch, t, n, member, x);
    if (rc)
        template_free(&x);
    *out = x;
    arena_free(&scratch);
    if (rc == POSSE_ENOENT)
        return report_set(why, rc, "template: these texts have too little in common");
    return rc ? report_set(why, rc, "template: out of memory") : POSSE_OK;
}

int template_infer(const struct template_text *t, size_t n, uint8_t *used_out, struct template **out, struct report *why)
{
    uint8_t member[TEMPLATE_TEXTS_MAX];
    *out = NULL;
    if (!n || n > TEMPLATE_TEXTS_MAX)
        return report_set(why, POSSE_EINVAL, "template: give 1 to %d texts", TEMPLATE_TEXTS_MAX);
    memset(member, 1, n);
    int rc = infer(t, n, member, out, why);
    if (used_out && !rc)
        memcpy(used_out, member, n);
    return rc;
}

int template_infer_all(const struct template_text *t, size_t n, struct template **out, size_t max, size_t *n_out, uint8_t *version_out,
                       struct report *why)
{
    uint8_t version[TEMPLATE_TEXTS_MAX], member[TEMPLATE_TEXTS_MAX];
    *n_out = 0;
    if (!n || n > TEMPLATE_TEXTS_MAX)
        return report_set(why, POSSE_EINVAL, "template: give 1 to %d texts", TEMPLATE_TEXTS_MAX);
    memset(version, UINT8_MAX, n);
    int rc = POSSE_OK;
    for (size_t k = 0; k < max && k < UINT8_MAX; k++) {
        for (size_t i = 0; i < n; i++)
            member[i] = version[i] == UINT8_MAX;
        rc = infer(t, n, member, &out[k], why);
        if (rc)
            break;
        *n_out = k + 1;
        for (size_t i = 0; i < n; i++)
            version[i] = member[i] ? (uint8_t)k : version[i];
    }
    if (rc == POSSE_ENOMEM) {
        for (size_t k = 0; k < *n_out; k++)
            template_free(&out[k]);
        *n_out = 0;
        return rc;
    }
    if (version_out)
        memcpy(version_out, version, n);
    return *n_out ? POSSE_OK : rc;
}

void template_free(struct template **t)
{
    if (*t)
        arena_free(&(*t)->a);
    free(*t);
    *t = NULL;
}

size_t template_pieces(const struct template *t, const struct piece **out)
{
    *out = t->piece;
    return t->n;
}

size_t template_subject(const struct template *t, const struct piece **out)
{
    *out = t->subject;
    return t->n_subject;
}

size_t template_used(const struct template *t) { return t->used; }
