/* train: a model to ship from labelled mail: reads indexes, extracts general features, trains the prior, writes it.
 *
 * An argument is one source: an index, or several joined by '+' that speak of the same people, lists or years
 * ("lists/index.tsv+lists2/index.tsv"); what only one source says is not believed (filter/prior_train.h).
 * Errors: an index that does not parse or a message that cannot be read ends it with file and line; nothing is written.
 * Threads: none.  Memory: about 3 KB a message. */
#ifndef POSSE_ENGINE_TRAIN_H
#define POSSE_ENGINE_TRAIN_H

#include <stddef.h>

#include "base/report.h"

struct train_options {
    const char *const *index;   /* sources */
    size_t n_index;
    const char *root;           /* NULL: each index's own folder */
    const char *out;            /* the model */
    const char *without;        /* a file of words that may not be evidence, one a line; NULL: none */
    const char *features;       /* a file for the strongest features in words; NULL: none */
    unsigned bits;              /* log2 of the model's slots; 0: PRIOR_BITS */
    unsigned threads;           /* not used yet */
    size_t max_bytes;           /* of one message */
    void (*step)(void *ctx);    /* after each message and pass */
    void *ctx;
};

int train_run(const struct train_options *o, struct report *why);

#endif
