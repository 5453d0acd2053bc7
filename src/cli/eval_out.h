/* eval_out: the results of an evaluation as a table or as JSON, and its worst disagreements.
 * Threads: one owner. */
#ifndef POSSE_CLI_EVAL_OUT_H
#define POSSE_CLI_EVAL_OUT_H

#include <stdio.h>

#include "filter/metrics.h"

/* The n most confident errors of one direction, worst first. */
struct worst {
    struct worst_entry {
        double bits;
        char *name;
    } * entry;
    size_t n, max;
    bool is_high; /* ham with the highest scores; else spam with the lowest */
};

int worst_init(struct worst *w, size_t max, bool is_high);
void worst_deinit(struct worst *w);
int worst_add(struct worst *w, double bits, const char *name);

struct eval_live_count { uint64_t known, worth; double bits, most; }; /* known: of a campaign or bulk; worth: of them with bits */

struct eval_totals {
    struct metrics_result metrics;
    bool has_metrics; /* at least one ham and one spam */
    uint64_t n_failed;
    double promised_lo, promised, promised_hi; /* ham loss promised at the thresholds used, mean over the stream */
    double seconds;
    const struct worst *ham, *spam;
    const struct eval_live_count *live; /* of ham, of spam; NULL: not asked for */
};

void eval_write_table(FILE *to, const struct eval_totals *t);
void eval_write_json(FILE *to, const struct eval_totals *t);

#endif
