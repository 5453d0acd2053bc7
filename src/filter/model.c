#include "filter/model.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/fmath.h"
#include "filter/calib.h"
#include "filter/fuse.h"
#include "filter/learner.h"
#include "filter/prior.h"

enum { LEARNED = LANE_N * LEARNER_KINDS };
_Static_assert(LEARNED + 1 <= FUSE_INPUTS_MAX, "the fusion takes all learners and the prior");

struct model {
    const struct prior *prior;
    struct learner *learner;
    struct fuse fuse;
    struct calib calib;
};

struct answers {
    struct learner_odds odds;
    double x[FUSE_INPUTS_MAX];
    double raw;
};

static void start(struct model *m)
{
    /* cannot fail: the numbers are constants that fit */
    (void)fuse_init(&m->fuse, LEARNED, m->prior ? 1 : 0);
    if (m->prior)
        m->calib = *prior_calib(m->prior);
    else
        calib_init(&m->calib);
}

struct model *model_new(const struct prior *prior)
{
    struct model *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->prior = prior;
    if (learner_new(LEARNER_BITS_DEFAULT, &m->learner)) {
        free(m);
        return NULL;
    }
    start(m);
    return m;
}

void model_free(struct model **m)
{
    if (!m || !*m)
        return;
    learner_free(&(*m)->learner);
    free(*m);
    *m = NULL;
}

void model_clear(struct model *m)
{
    learner_clear(m->learner);
    start(m);
}

uint64_t model_lessons(const struct model *m)
{
    return learner_lessons(m->learner, false) + learner_lessons(m->learner, true);
}

double model_prior_odds(const struct model *m, const struct feature_set *f) { return m->prior ? prior_odds(m->prior, f) : 0; }

static void ask_with(const struct model *m, const struct feature_set *f, double prior, struct answers *a)
{
    if (model_lessons(m) == 0)
        memset(&a->odds, 0, sizeof a->odds); /* untaught: the table is not even touched */
    else
        learner_judge(m->learner, f, &a->odds);
    memcpy(a->x, a->odds.odds, LEARNED * sizeof *a->x);
    if (m->prior)
        a->x[LEARNED] = prior;
    a->raw = fuse_judge(&m->fuse, a->x);
}

static void ask(const struct model *m, const struct feature_set *f, struct answers *a)
{
    ask_with(m, f, model_prior_odds(m, f), a);
}

void model_score(const struct model *m, const struct feature_set *f, struct model_score *out)
{
    struct answers a;
    ask(m, f, &a);
    out->raw = a.raw;
    out->bits = calib_bits(&m->calib, a.raw);
}

void model_teach(struct model *m, const struct feature_set *f, bool is_spam)
{
    model_teach_with(m, f, model_prior_odds(m, f), is_spam);
}

void model_teach_with(struct model *m, const struct feature_set *f, double prior, bool is_spam)
{
    struct answers a;
    ask_with(m, f, prior, &a);
    if (model_lessons(m) == 0)
        learner_judge(m->learner, f, &a.odds); /* its novelty is needed for the step */
    calib_teach(&m->calib, a.raw, is_spam);
    fuse_teach(&m->fuse, a.x, is_spam);
    learner_teach(m->learner, f, &a.odds, is_spam);
}

void model_explain(const struct model *m, const struct feature_set *f, struct model_score *out, double *bits_out)
{
    struct answers a;
    double gain[FUSE_INPUTS_MAX], table[LANE_N][LEARNER_KINDS];
    uint32_t n = f->start[VIEW_N];
    ask(m, f, &a);
    *out = (struct model_score){a.raw, calib_bits(&m->calib, a.raw)};
    fuse_gain(&m->fuse, a.x, gain);
    /* Calibration bends the score; every feature is bent alike, and what cannot be shared stays in the rest. */
    double bend = out->raw != 0 && out->bits / out->raw > 0 ? out->bits / out->raw : 1 / FMATH_LN2;
    if (bend > 2 / FMATH_LN2)
        bend = 2 / FMATH_LN2;
    for (unsigned i = 0; i < LEARNED; i++)
        gain[i] *= bend;
    memcpy(table, gain, sizeof table);
    memset(bits_out, 0, n * sizeof *bits_out); /* not every view has a lane */
    if (model_lessons(m))
        learner_explain(m->learner, f, &a.odds, table, bits_out);
    if (m->prior)
        prior_explain(m->prior, f, gain[LEARNED] * bend, bits_out);
}

void model_threshold(const struct model *m, double ham_loss, struct model_threshold *out)
{
    struct calib_threshold t;
    calib_threshold(&m->calib, ham_loss, &t);
    *out = (struct model_threshold){t.bits, t.ham_loss_lo, t.ham_loss, t.ham_loss_hi};
}

size_t model_sections(const struct model *m, struct model_section out[MODEL_SECTIONS_MAX])
{
    size_t n;
    const void *block = learner_block(m->learner, &n);
    out[0] = (struct model_section){"learner", span_of(block, n)};
    out[1] = (struct model_section){"fuse", span_of(&m->fuse, sizeof m->fuse)};
    out[2] = (struct model_section){"calib", span_of(&m->calib, sizeof m->calib)};
    return 3;
}

int model_own(struct model *m) { return learner_own(m->learner); }

int model_load(struct model *m, struct span learner, struct span fuse, struct span calib, struct report *why)
{
    struct learner *l;
    const char *reason = "a section has a wrong size";
    int err = learner_over((void *)learner.p, learner.n, &l);
    if (err)
        return report_set(why, err, "the model's table cannot be used");
    struct fuse f;
    struct calib c;
    bool sound = fuse.n == sizeof f && calib.n == sizeof c;
    if (sound) {
        memcpy(&f, fuse.p, sizeof f);
        memcpy(&c, calib.p, sizeof c);
        sound = fuse_validate(&f, &reason) && f.n_learned == LEARNED && f.n_prior == (m->prior ? 1u : 0u) &&
                calib_validate(&c, &reason);
    }
    if (!sound) {
        learner_free(&l);
        return report_set(why, POSSE_ECORRUPT, "%s", reason);
    }
    learner_free(&m->learner);
    m->learner = l;
    m->fuse = f;
    m->calib = c;
    return POSSE_OK;
}
