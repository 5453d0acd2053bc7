/* model: prior, learners, fusion and calibration as one thing that scores and is taught.
 *
 * The prior is what ships: weights over the general views, read-only. The rest starts at nothing and is a fold of
 * lessons: the same lessons in the same order over the same prior give the same bytes, on every machine.
 * Ownership: the model owns its tables; the prior snapshot stays the caller's and must outlive it.
 * Threads: model_score and model_explain may run in parallel; model_teach alone.
 * Cost: score about 5 ns a feature, teach about 10. */
#ifndef POSSE_FILTER_MODEL_H
#define POSSE_FILTER_MODEL_H

#include "base/report.h"
#include "filter/feature.h"

struct model;
struct prior; /* prior.h */

struct model_score {
    double raw;           /* fused log-odds (natural), before calibration */
    double bits;          /* calibrated log2 odds */
};

/* NULL prior: starts empty. NULL return: out of memory. */
struct model *model_new(const struct prior *prior);
void model_free(struct model **m);
void model_clear(struct model *m); /* back to the state of model_new */

void model_score(const struct model *m, const struct feature_set *f, struct model_score *out);
/* f as decoded from a lesson: ascending within each view. */
void model_teach(struct model *m, const struct feature_set *f, bool is_spam);
/* The same in two steps: what the prior says of f, which no lesson moves (any thread, any time), and the rest. */
double model_prior_odds(const struct model *m, const struct feature_set *f);
void model_teach_with(struct model *m, const struct feature_set *f, double prior_odds, bool is_spam);
uint64_t model_lessons(const struct model *m); /* how many it was taught */

/* model_score, and what each feature adds to it, in bits, one a slot of f; what they leave is prior odds and calibration. */
void model_explain(const struct model *m, const struct feature_set *f, struct model_score *out, double *bits_out);

/* The score in bits from which on mail is called spam when at most `ham_loss` of ham may be lost, with the share of ham that
 * is expected beyond it, and its 95% interval. */
struct model_threshold { double bits, ham_loss_lo, ham_loss, ham_loss_hi; };
void model_threshold(const struct model *m, double ham_loss, struct model_threshold *out);

/* State as bytes, equal for equal folds; views into the model, good until the next teach. */
struct model_section { const char *name; struct span data; };
enum { MODEL_SECTIONS_MAX = 3 };
size_t model_sections(const struct model *m, struct model_section out[MODEL_SECTIONS_MAX]);
/* The sections "learner" (writable, 8-byte aligned, outlives the model), "fuse", "calib", over the same prior.
 * POSSE_EVERSION, POSSE_ECORRUPT: the model is as it was. */
int model_load(struct model *m, struct span learner, struct span fuse, struct span calib, struct report *why);
/* From here on the sections may go (learner_own in learner.h: worth it where thousands of messages are to come). */
int model_own(struct model *m);

#endif
