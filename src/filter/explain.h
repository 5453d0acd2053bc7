/* explain: from the weight of every feature to at most eight reasons in words, which add up to the score.
 *
 * A feature that has a label of its own (shape, links, lists) is its label. One that is only bytes gives its bits to
 * the words, header fields or parts that those bytes stand in, in equal shares; neighbouring words that pull the
 * same way become one phrase. The strongest three or four are told by themselves, the others by group (words, form, header
 * fields, rules), and the last reason is everything else: prior odds and what calibration bends.
 * Ownership: texts live in arena `a`.  Threads: reentrant.  Cost: notes, weights and reasons together are half of what a
 * plain verdict costs (on lists: 0.52 against 0.35 million instructions untaught, 0.85 against 0.57 taught). */
#ifndef POSSE_FILTER_EXPLAIN_H
#define POSSE_FILTER_EXPLAIN_H

#include "filter/reason.h"
#include "filter/rules.h"
#include "filter/sink.h"
#include "filter/tokens.h"

enum { EXPLAIN_REASONS = 8 };

struct explained {
    enum reason_kind kind;
    double bits;
    const char *text;
    uint32_t part;
    struct span where;
};

struct explain_in {
    const struct message *m;
    const struct text *text;
    const struct note *note;   /* one a feature */
    const double *bits;        /* one a feature: what it adds to the score */
    size_t n;
    const struct rule_hit *hit;
    size_t n_hits;
    const struct explained *outside; /* evidence that is not of the message, in total_bits already, told as it stands; NULL: none */
    double total_bits, threshold_bits;
};

/* Returns how many reasons were written to out[EXPLAIN_REASONS]; 0 when the arena is full. *flip_out: see engine.h. */
size_t explain_reasons(struct arena *a, const struct explain_in *in, struct explained *out, const char **flip_out);

#endif
