/* engine_priv: what the files of engine/ share. */
#ifndef POSSE_ENGINE_ENGINE_PRIV_H
#define POSSE_ENGINE_ENGINE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "filter/extract.h"
#include "filter/model.h"
#include "filter/prior.h"
#include "filter/rules.h"
#include "store/snapshot.h"

struct engine {
    struct snapshot *prior_file;
    struct prior *prior;
    struct snapshot *model_file; /* outlives the model that lies in it */
    struct model *model;
    struct rules *rules;
    struct lessons *lessons;   /* NULL without a home */
    char *home;
    double ham_loss;
    bool is_frozen, is_read_only;
    bool is_stale;             /* lessons that were folded have gone: fold anew before the next use */
    bool is_moved;             /* taught since the snapshot on disk */
    bool in_batch;
    uint64_t last_id;          /* the model is the fold of live lessons up to here */
    uint64_t epoch;            /* of the journal when it was folded */
    struct model_threshold threshold;
    atomic_bool is_settled;    /* threshold known, nothing stale */
    pthread_rwlock_t lock;     /* model and threshold: read by deciders, written by the teacher */
};

struct reading {
    const struct message *m;
    struct feature_set set;
    struct text text;
    struct rule_hit *hit;      /* rules_n of them */
    size_t n_hits;
    const struct envelope *env;
    uint8_t digest[32];
    bool has_digest;
};

struct engine_worker {
    struct engine *e;
    struct mail_parser *parser;
    struct arena *arena;
    struct extractor *extractor;
    struct rules_scratch *scratch;
    struct buf code;           /* a lesson's features */
    struct reading reading;
};

/* engine_fold.c: the model as a fold of the journal. */
int engine_load(struct engine *e, struct report *why);     /* snapshot, then the lessons since */
int engine_refold(struct engine *e, struct report *why);   /* when is_stale; the caller holds the write lock */
int engine_catch_up(struct engine *e, uint64_t before_id, struct report *why);
int engine_save(struct engine *e, struct report *why);

#endif
