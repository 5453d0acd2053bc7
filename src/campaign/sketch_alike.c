/* Are two messages of one template? Each sign adds evidence (natural log-odds), the more of it the less text there is to compare.
 * The weights were chosen on generated templates and on real spam that is not reported on: bench/campaigns/README.md. */
#include "base/fmath.h"
#include "campaign/sketch.h"

double sketch_jaccard(const struct sketch *a, const struct sketch *b)
{
    unsigned equal = 0;
    if (a->n_shingles == 0 || b->n_shingles == 0)
        return 0;
    for (unsigned i = 0; i < SKETCH_SLOTS; i++)
        equal += slot_same(a->slot[i], b->slot[i]);
    return (double)equal / SKETCH_SLOTS;
}

double sketch_words(const struct sketch *a, const struct sketch *b)
{
    enum { VALUES = 256 };
    unsigned equal = 0;
    for (unsigned i = 0; i < SKETCH_SLOTS; i++)
        equal += a->word[i] == b->word[i];
    double share = ((double)equal / SKETCH_SLOTS - 1.0 / VALUES) / (1 - 1.0 / VALUES); /* without those that are equal by chance */
    return a->n_words && b->n_words && share > 0 ? share : 0;
}

struct eighths { uint8_t n[SKETCH_EIGHTHS], equal[SKETCH_EIGHTHS]; };

/* Of the eighths in which slots stand those in which an equal one does, beside how many there would be if `all` equal ones fell anywhere.
 * An eighth in which one slot stands says little: one in which two do and none is equal speaks against. */
static double covered(const struct eighths *e, unsigned all)
{
    unsigned had = 0, some = 0;
    double missed = 1;
    for (unsigned i = 0; i < SKETCH_EIGHTHS; i++) {
        had += e->n[i] > 1 || e->equal[i];
        some += e->equal[i] > 0;
    }
    if (had == 0 || all == 0)
        return 0;
    for (unsigned i = 0; i < all; i++)
        missed *= 1 - 1.0 / had;
    double share = some / (had * (1 - missed));
    return share < 1 ? share : 1;
}

double sketch_spread(const uint16_t a[SKETCH_SLOTS], const uint16_t b[SKETCH_SLOTS])
{
    struct eighths x = {{0}, {0}}, y = {{0}, {0}};
    unsigned all = 0;
    for (unsigned i = 0; i < SKETCH_SLOTS; i++) {
        unsigned p = a[i] % SKETCH_EIGHTHS, q = b[i] % SKETCH_EIGHTHS, same = slot_same(a[i], b[i]);
        all += same;
        x.n[p]++;
        y.n[q]++;
        x.equal[p] = (uint8_t)(x.equal[p] + same);
        y.equal[q] = (uint8_t)(y.equal[q] + same);
    }
    double s = covered(&x, all), t = covered(&y, all);
    return s < t ? s : t;
}

static unsigned in_common(const uint64_t *a, size_t n, const uint64_t *b, size_t m)
{
    unsigned both = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        uint64_t x = a[i], y = b[j];
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    return both;
}

void sketch_signs(const struct sketch *a, const struct sketch *b, struct sketch_signs *out)
{
    double text = sketch_jaccard(a, b);
    *out = (struct sketch_signs){
        .words = -1,
        .text = text,
        .spread = text > 0 && a->kind == SKETCH_TEXT && b->kind == SKETCH_TEXT ? sketch_spread(a->slot, b->slot) : 0, /* nothing else asks */
        .subject = a->subject && a->subject == b->subject,
        .host = in_common(a->link_host, a->n_links, b->link_host, b->n_links) > 0,
        .shape = in_common(a->link_shape, a->n_shapes, b->link_shape, b->n_shapes) > 0,
        .file = in_common(a->file, a->n_files, b->file, b->n_files) > 0,
        .layout = a->layout && a->layout == b->layout,
        .structure = a->structure == b->structure,
    };
}

/* What a sign is worth, by the kind of the message that has less text. */
struct weights { double start, thin, text, spread, subject, host, shape, file, layout, structure, sender, words; };
static const struct weights weights[SKETCH_EMPTY] = {
    [SKETCH_TEXT] = {-15.0, -4, 20, 11, 1.0, 0.4, 0.1, 1.0, 0.6, 0.2, 0.5, 35},
    [SKETCH_SHORT] = {-7.5, 0, 8, 0, 2.0, 2.0, 1.0, 3.0, 1.0, 0.5, 0.5, 10},
    [SKETCH_LINKS_ONLY] = {-5.0, 0, 3, 0, 2.0, 2.5, 1.0, 3.0, 1.0, 0.5, 0, 0},
    [SKETCH_FILES_ONLY] = {-4.5, 0, 3, 0, 1.5, 1.0, 0.5, 4.5, 0.5, 0.5, 0.3, 0},
};

/* A text of few shingles is easily outweighed by a footer that it stands above, and its slots are few that were drawn twice. */
static double thinness(const struct sketch *a, const struct sketch *b)
{
    unsigned n = a->n_shingles < b->n_shingles ? a->n_shingles : b->n_shingles;
    return n < SKETCH_SLOTS ? 1 - (double)n / SKETCH_SLOTS : 0;
}

/* Of two texts in one language some words are equal anyway, and of two offers in one frame as many as the frame has: the shorter the
 * texts are, the more that speaks against them. */
static double words_beyond(const struct sketch *a, const struct sketch *b, double words)
{
    const double against = 0.34;
    unsigned n = a->n_words < b->n_words ? a->n_words : b->n_words;
    double beyond = words - SKETCH_FRAME_PERCENT / 100.0;
    return beyond >= 0 ? beyond : beyond * against * (1 - (double)n / SKETCH_SLOTS);
}

double sketch_judge(const struct sketch *a, const struct sketch *b, const struct sketch_signs *s)
{
    unsigned kind = a->kind > b->kind ? a->kind : b->kind;
    if (kind >= SKETCH_EMPTY)
        return 0;
    const struct weights *w = &weights[kind];
    return fmath_sigmoid(w->start + w->thin * thinness(a, b) + w->text * s->text + w->spread * s->spread + w->subject * s->subject +
                         w->host * s->host + w->shape * s->shape + w->file * s->file + w->layout * s->layout +
                         w->structure * s->structure + w->sender * s->sender + (s->words >= 0 ? w->words * words_beyond(a, b, s->words) : 0));
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
           : s->flags >= 8                                      ? "unknown flags of a sketch"
           : !ascends(s->link_host, s->n_links, SKETCH_LINKS)   ? "a sketch's hosts are not in order"
           : !ascends(s->link_shape, s->n_shapes, SKETCH_LINKS) ? "a sketch's shapes are not in order"
           : !ascends(s->file, s->n_files, SKETCH_FILES)        ? "a sketch's files are not in order"
                                                                : NULL;
    return *why == NULL;
}
