/* engine: one message in, a verdict out; one lesson in, a moved model.
 *
 * Reading is apart from deciding: engine_read (parse, rules, features) does not look at the model and
 * runs on any worker; engine_decide and engine_teach look at it. So many threads read while one writer keeps the order.
 * Ownership: an engine owns model, journal, rules; a worker owns parser, arena and scratch and belongs to one thread.
 * A reading, and the verdict's texts, live in the worker's arena until its next engine_read.
 * Threads: engine_read and engine_decide run in parallel on several workers. Who teaches waits for the disk before the model is
 * touched; deciders are held up only while weights move, never while somebody waits for the disk.
 * A verdict is a function of message, envelope, rules, model and what engine_evidence said alone, never of the order of threads.
 * Errors: negative codes; `why` says what to do. An oddity of the message is never an error. */
#ifndef POSSE_ENGINE_ENGINE_H
#define POSSE_ENGINE_ENGINE_H

#include "base/report.h"
#include "mail/envelope.h"
#include "filter/feature.h"
#include "filter/reason.h"
#include "mail/message.h"
#include "store/lessons.h"

struct engine;
struct engine_worker;

struct engine_options {
    const char *home;        /* $POSSE_HOME; NULL: none, nothing of the user is read or written */
    const char *prior;       /* the shipped model's path; NULL: found by engine_prior_path; "" with is_empty */
    bool is_empty;           /* start without a prior */
    bool is_frozen;          /* engine_teach is refused */
    bool is_long;            /* thousands of messages are to come: what makes each cheaper may take 20 ms at the start */
    bool is_served;          /* engine_decide never waits for the journal: what other processes taught, and what was taken back,
                                comes with the next engine_sync */
    bool make_home;          /* make the home when it is not there; without, a missing home is none */
    const char *const *rules; /* rule files */
    size_t n_rules;
    const char *rules_cache; /* folder for compiled rules; NULL: none */
    double list_bits;        /* what an allow or deny is worth; 0: 30 */
    int64_t horizon_ms;      /* on closing, lessons older than this are folded in for good (store/lessons.h); 0: never */
    double ham_loss;         /* cost: lose at most this share of ham (default 0.001) */
    uint64_t save_lessons;   /* a model of fewer lessons is not written to model.posse (32 MB): it is folded again each time */
};
/* home == NULL: the model lives in memory only (eval, train). */
int engine_open(const struct engine_options *o, struct engine **out, struct report *why);
/* Writes the snapshot when lessons were taught. Errors are reported, and nothing is lost: lessons are journalled. */
int engine_close(struct engine **e, struct report *why);
/* models/default.posse beside the program's source, or in the data folder; $POSSE_MODEL wins. NULL: none found. */
const char *engine_prior_path(void);
/* Another model that ships, by its file's name. */
const char *engine_shipped_path(const char *file);

struct engine_worker *engine_worker_new(struct engine *e);
void engine_worker_free(struct engine_worker **w);
/* It works for another engine from its next engine_read on, with the rules that it has. */
void engine_worker_engine(struct engine_worker *w, struct engine *e);
/* The worker matches these from its next engine_read on, in place of the engine's; they must outlive it or the next such call.
 * NULL: none. ENOMEM: it has no rules now. */
struct rules;
int engine_worker_rules(struct engine_worker *w, const struct rules *rules);

struct reading;              /* parsed message, features, rule hits */
int engine_read(struct engine_worker *w, struct span raw, const struct envelope *env, struct reading **out);
const struct message *reading_message(const struct reading *r);
const struct feature_set *reading_features(const struct reading *r);
const uint8_t *reading_digest(struct reading *r);  /* SHA-256 of the message without trace fields: one mail has one digest
                                                      whichever host handed it over; computed on first use */

/* Evidence that is not of the message itself, for the engine_decide that follows: added to its score, told as a reason of that kind. text
 * lives as long as the reading. */
void engine_evidence(struct reading *r, enum reason_kind kind, double bits, const char *text);

enum verdict_class { VERDICT_HAM, VERDICT_SPAM };
enum { REASONS_MAX = 8 };
struct reason {
    enum reason_kind kind;
    double bits;             /* positive: towards spam */
    const char *text;        /* words, UTF-8, one line */
    uint32_t part;           /* where: index into message.part */
    struct span where;       /* the span of the message it speaks of; empty: the message as a whole */
};
struct verdict {
    enum verdict_class klass;
    double bits;             /* log2 of the calibrated odds, rules and evidence from outside included */
    double probability;
    double threshold_bits;   /* the score at which mail is called spam */
    double ham_loss_lo, ham_loss, ham_loss_hi; /* promised at that threshold, with its 95% interval */
    size_t n_reasons;        /* 0 unless explained; they add up to `bits` */
    struct reason reason[REASONS_MAX];
    const char *flip;        /* the smallest change that would turn the verdict; NULL unless explained */
};
enum { ENGINE_EXPLAIN = 1 };
int engine_decide(struct engine_worker *w, struct reading *r, unsigned flags, struct verdict *out);

struct teaching { enum lesson_class klass; struct span teacher, door; int64_t time_ms; };
/* Journals the lesson, then moves the model. POSSE_EEXIST: this very lesson is there already (nothing changes). */
int engine_teach(struct engine_worker *w, struct reading *r, const struct teaching *t, uint64_t *id_out, struct report *why);
/* What a lesson on this message would hold: its hashed features as bytes, in the worker until its next use. */
int engine_code(struct engine_worker *w, struct reading *r, struct span *out);
uint32_t engine_extractor(void); /* the version that engine_code speaks */
/* The same as engine_teach for a message that is gone: what engine_code and reading_digest said of it. POSSE_EVERSION: another
 * extractor made it. */
int engine_teach_coded(struct engine *e, const uint8_t digest[32], uint32_t extractor, struct span code, const struct teaching *t,
                       uint64_t *id_out, struct report *why);
/* Many lessons in one transaction. */
int engine_begin(struct engine *e, struct report *why);
int engine_commit(struct engine *e, struct report *why);

/* Takes lessons back (revoke) or deletes them (forget), and folds the model anew from the nearest checkpoint. */
int engine_unlearn(struct engine *e, const struct lesson_filter *f, bool forget, uint64_t *n_out, struct report *why);
/* Folds in what other processes taught or took back since. Cheap when there is nothing. */
int engine_sync(struct engine *e, struct report *why);
/* The cost that engine_decide's threshold follows from, from now on. */
void engine_ham_loss(struct engine *e, double ham_loss);
/* Writes the snapshot if the model moved since the last one; judging goes on meanwhile, teaching waits. */
int engine_flush(struct engine *e, struct report *why);
/* The score from which on at most `ham_loss` of ham is lost, as the model stands; and a number that grows whenever that may have
 * changed, so that a caller can keep the answer. */
struct model_threshold;
void engine_threshold(struct engine *e, double ham_loss, struct model_threshold *out);
uint64_t engine_generation(struct engine *e);
int engine_count(struct engine *e, struct lessons_count *out, struct report *why); /* all 0 without a home */
struct lessons *engine_lessons(struct engine *e); /* NULL without a home; not beside engine_teach */
/* SHA-256 of the model's state, for tests and `posse check`: equal folds give equal digests. */
int engine_model_digest(struct engine *e, uint8_t out[32], struct report *why);

#endif
