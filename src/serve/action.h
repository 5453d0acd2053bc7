/* action: what is done with a message, from the mildest to the harshest. The order is the meaning: of several
 * recipients' actions the smallest is the mildest. */
#ifndef POSSE_SERVE_ACTION_H
#define POSSE_SERVE_ACTION_H

enum action { ACTION_NONE, ACTION_TAG, ACTION_REWRITE, ACTION_DEFER, ACTION_QUARANTINE, ACTION_REJECT, ACTION_DISCARD, ACTIONS };

/* "none", "tag", "rewrite", "defer", "quarantine", "reject", "discard". */
const char *action_name(enum action a);
/* POSSE_EINVAL: no such action. */
int action_of(const char *name, enum action *out);

#endif
