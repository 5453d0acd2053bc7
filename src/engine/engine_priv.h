/* engine_priv: what the files of engine/ share. */
#ifndef POSSE_ENGINE_ENGINE_PRIV_H
#define POSSE_ENGINE_ENGINE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/checkpoints.h"
#include "engine/engine.h"
#include "filter/extract.h"
#include "filter/model.h"
#include "filter/prior.h"
#include "filter/rules.h"
#include "store/snapshot.h"

/* Two locks. `order` is held by who uses the journal or moves the model, across waits for the disk; `lock` guards what
 * deciders look at, and is written only while weights move. Whoever takes both takes `order` first.
 * `model` is the one that is folded, `shown` the one that deciders see. They are the same but while a fold starts anew: that one
 * is made aside and shown when it is whole. */
struct engine {
    struct snapshot *prior_file;
    struct prior *prior;
    struct rules *rules;
    char *home;
    int64_t horizon_ms;        /* 0: none */
    uint64_t save_lessons;
    bool is_frozen, is_served, is_long;
    bool is_silent;            /* never taught and never will be: the local views need not be read */
    /* under order */
    struct snapshot *model_file; /* outlives the model that lies in it */
    struct model *model;
    struct snapshot *shown_file; /* of shown, while it is another than model */
    struct lessons *lessons;   /* NULL without a home */
    int64_t taught_ms;         /* time of the last lesson taught here; 0: none was */
    bool is_moved;             /* since the snapshot on disk */
    bool in_batch;
    uint64_t last_id;          /* the model is the fold of live lessons up to here */
    uint64_t epoch;            /* of the journal when it was folded */
    uint64_t checkpoint_id;    /* of the newest checkpoint */
    atomic_bool is_stale;      /* lessons that were folded have gone: fold anew before the next use; set under order */
    pthread_mutex_t order;
    /* under lock */
    struct model *shown;
    double ham_loss;
    struct model_threshold threshold;
    atomic_bool is_settled;    /* threshold known */
    atomic_uint_fast64_t generation;
    pthread_rwlock_t lock;
};

struct reading {
    const struct message *m;
    struct feature_set set;
    struct text text;
    const struct note *note;   /* where each feature came from; NULL: not noted */
    struct rule_hit *hit;      /* rules_n of them */
    size_t n_hits;
    const struct envelope *env;
    struct { enum reason_kind kind; double bits; const char *text; } outside; /* text NULL: none */
    uint8_t digest[32];
    bool has_digest;
};

struct engine_worker {
    struct engine *e;
    struct mail_parser *parser;
    struct arena *arena;
    struct extractor *extractor;
    const struct rules *rules; /* the engine's, or those that engine_worker_rules gave */
    struct rules_scratch *scratch;
    struct buf code;           /* a lesson's features */
    bool with_notes;           /* reasons were asked for: they will be again, so reading takes notes */
    struct reading reading;
};

/* A base is made when it takes in so many. */
enum { HORIZON_LEAST = 1000 };

/* engine_fold.c: the model as a fold of the journal. The caller holds `order` and not `lock`, or is alone. */
int engine_follow(struct engine *e, struct report *why); /* to where the journal is */
void engine_hide_begin(struct engine *e); /* around every change of the model's weights */
void engine_hide_end(struct engine *e);   /* deciders see what changed */
int engine_fold_up_to(struct engine *e, uint64_t id, struct report *why);

/* engine_files.c: the folds on disk. */
/* Starts from the best of those that are good and do not go beyond up_to; without any, from nothing. */
int engine_restart(struct engine *e, uint64_t up_to, struct report *why);
/* Takes the model out of the file that it was mapped from: worth it when thousands of messages or lessons are to come. */
void engine_own(struct engine *e);
int engine_save(struct engine *e, struct report *why);
/* When one is due, on the way to lesson `target` (checkpoints.h); failing does no harm. */
void engine_checkpoint(struct engine *e, uint64_t target);
void engine_drop_checkpoints(struct engine *e); /* those that hold no longer */
/* Folds what is older than cutoff_ms into a base, for good, when it is enough to be worth it. Leaves the model stale. */
int engine_seal(struct engine *e, int64_t cutoff_ms, struct report *why);

#endif
