/* Are two messages of one template? Each sign adds evidence (natural log-odds), the more of it the less text there is to compare.
 * The weights were chosen on generated templates and on real spam that is not reported on: bench/campaigns/ablation.tsv. */
#include "base/fmath.h"
#include "campaign/sketch.h"

double sketch_jaccard(const struct sketch *a, const struct sketch *b)
{
    unsigned equal = 0;
    if (a->n_shingles == 0 || b->n_shingles == 0)
        return 0;
    for (unsigned i = 0; i < SKETCH_SLOTS; i++)
        equal += a->slot[i] == b->slot[i];
    return (double)equal / SKETCH_SLOTS;
}

static bool have_common(const uint64_t *a, size_t n, const uint64_t *b, size_t m)
{
    for (size_t i = 0, j = 0; i < n && j < m;) {
        if (a[i] == b[j])
            return true;
        if (a[i] < b[j])
            i++;
        else
            j++;
    }
    return false;
}

void sketch_signs(const struct sketch *a, const struct sketch *b, struct sketch_signs *out)
{
    *out = (struct sketch_signs){
        .text = sketch_jaccard(a, b),
        .subject = a->subject && a->subject == b->subject,
        .host = have_common(a->link_host, a->n_links, b->link_host, b->n_links),
        .shape = have_common(a->link_shape, a->n_shapes, b->link_shape, b->n_shapes),
        .file = have_common(a->file, a->n_files, b->file, b->n_files),
        .layout = a->layout && a->layout == b->layout,
        .structure = a->structure == b->structure,
    };
}

/* What a sign is worth, by the kind of the message that has less text. */
struct weights { double start, text, subject, host, shape, file, layout, structure; };
static const struct weights weights[SKETCH_EMPTY] = {
    [SKETCH_TEXT] = {-5.6, 20, 1.0, 1.0, 0.5, 1.0, 1.0, 0.5},
    [SKETCH_SHORT] = {-7.5, 8, 2.0, 2.0, 1.0, 3.0, 1.0, 0.5},
    [SKETCH_LINKS_ONLY] = {-5.0, 2, 2.0, 2.5, 1.0, 3.0, 1.0, 0.5},
    [SKETCH_FILES_ONLY] = {-4.5, 3, 1.5, 1.0, 0.5, 4.5, 0.5, 0.5},
};

double sketch_judge(const struct sketch *a, const struct sketch *b, const struct sketch_signs *s)
{
    unsigned kind = a->kind > b->kind ? a->kind : b->kind;
    if (kind >= SKETCH_EMPTY)
        return 0;
    const struct weights *w = &weights[kind];
    return fmath_sigmoid(w->start + w->text * s->text + w->subject * s->subject + w->host * s->host + w->shape * s->shape +
                         w->file * s->file + w->layout * s->layout + w->structure * s->structure);
}

double sketch_alike(const struct sketch *a, const struct sketch *b)
{
    struct sketch_signs s;
    sketch_signs(a, b, &s);
    return sketch_judge(a, b, &s);
}

static bool ascends(const uint64_t *v, size_t n, size_t max)
{
    for (size_t i = 1; i < n && i < max; i++)
        if (v[i - 1] >= v[i])
            return false;
    for (size_t i = n; i < max; i++)
        if (v[i])
            return false;
    return n <= max;
}

bool sketch_validate(const struct sketch *s, const char **why)
{
    *why = s->kind >= SKETCH_KIND_N                             ? "no such kind of sketch"
           : s->flags                                           ? "unknown flags of a sketch"
           : !ascends(s->link_host, s->n_links, SKETCH_LINKS)   ? "a sketch's hosts are not in order"
           : !ascends(s->link_shape, s->n_shapes, SKETCH_LINKS) ? "a sketch's shapes are not in order"
           : !ascends(s->file, s->n_files, SKETCH_FILES)        ? "a sketch's files are not in order"
                                                                : NULL;
    return *why == NULL;
}
