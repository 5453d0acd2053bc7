/* eval_live: the observatory for one run of `posse eval --campaigns`: it sees each message when it is judged, by its verdict and never
 * by its label, in the mail's own time, and publishes the live campaigns as the daemon does, a minute of that time apart.
 * It has a home of its own, made in the folder for temporary files and removed at the end.
 * Threads: one owner, in the order of the index. */
#ifndef POSSE_CLI_EVAL_LIVE_H
#define POSSE_CLI_EVAL_LIVE_H

#include "base/config.h"
#include "cli/eval_out.h"
#include "engine/engine.h"

struct eval_live;
int eval_live_new(const struct config *settings, struct eval_live **out, struct report *why);
void eval_live_free(struct eval_live **l);
/* Before and after engine_decide. The label is for the counts alone. */
void eval_live_ask(struct eval_live *l, struct reading *r);
int eval_live_tell(struct eval_live *l, const struct verdict *v, bool is_spam, struct report *why);

void eval_live_counts(const struct eval_live *l, struct eval_live_count out[2]); /* of ham, of spam */

#endif
