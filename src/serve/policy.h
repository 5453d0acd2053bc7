/* policy: which action a score leads to, for whom. A policy says for each action the cost at which it is taken:
 * `reject = 0.0001` means "reject from the score on where at most 1 wanted mail in 10,000 is lost". The bits follow
 * from the engine's own calibration (engine_threshold) and move with it.
 *
 * Sections of posse.conf: policy "NAME" { tag, rewrite, defer, quarantine, reject, discard: costs, 0 = never; subject:
 * what is put before a rewritten one; mode: enforce|observe; on_trouble: accept|defer }. NAME, best match first:
 *   "user@example.org"  that recipient        "example.org"  recipients of that domain
 *   ".example.org"      subdomains of it      "default"      everybody else
 *   "authenticated"     mail whose sender logged in, whoever receives it
 *   "local"             mail from this machine itself (loopback, pipes)
 *   "comments"          comments at the Akismet door: tag and harsher is spam, discard certain spam
 * What a section leaves out is as in "default". Without sections of their own, "authenticated" and "local" mail is judged and
 * recorded, and nothing is done to it; comments are spam at a cost of 0.01, and none is certain
 * (no corpus here has ham enough to promise less).
 * Between two actions whose scores coincide the harsher one is taken. Observe: the action is computed, logged as what would
 * have been done, and ACTION_NONE is what the door gets.
 * Ownership: immutable after policy_new; shared by threads. Copies what it needs of the config. */
#ifndef POSSE_SERVE_POLICY_H
#define POSSE_SERVE_POLICY_H

#include "base/config.h"
#include "engine/engine.h"
#include "serve/action.h"

struct policy;
struct policies;

enum policy_mode { POLICY_ENFORCE, POLICY_OBSERVE };
enum policy_trouble { TROUBLE_ACCEPT, TROUBLE_DEFER };
enum policy_who { POLICY_REMOTE, POLICY_AUTHENTICATED, POLICY_LOCAL, POLICY_COMMENTS };

/* POSSE_ESYNTAX: a section that says two things at once, a mode that is none; `why` names it. */
int policies_new(const struct config *c, struct policies **out, struct report *why);
void policies_free(struct policies **p);

/* How many there are, and the place of one among them: for who keeps something for each. */
size_t policies_n(const struct policies *p);
unsigned policy_index(const struct policy *p);

/* Never NULL. rcpt without <>; empty: the default. Case does not matter. */
const struct policy *policies_find(const struct policies *p, enum policy_who who, struct span rcpt);

const char *policy_name(const struct policy *p);
enum policy_mode policy_mode(const struct policy *p);
enum policy_trouble policy_trouble(const struct policy *p);
const char *policy_subject(const struct policy *p); /* prefix of a rewritten subject */

/* Bits of each action as the model stands: compute once a model change, look up per message. */
struct policy_bits { double from[ACTIONS]; /* the score from which on; +INFINITY: never; [ACTION_NONE] is -INFINITY */ };
void policy_bits(const struct policy *p, struct engine *e, struct policy_bits *out);
enum action policy_action(const struct policy_bits *b, double bits);

#endif
