/* spamd_answer: a verdict as SpamAssassin's clients know it.
 *
 * The scale: clients have the number 5 in their own rules (five stars in procmail, `$spam_score_int > 50` in Exim), so the score is
 * moved until mail that this filter acts upon begins at `required` (spamd.required, 5):
 *     score = required + bits - (the bits at which the policy's mildest action begins)
 * The unit stays what it is, one bit: a point more is twice the odds of spam, and 15 points are a thousand times the odds of 5.
 * "Spam: True" says that the policy acts; a policy that observes, and mail released from quarantine, says False whatever the score.
 * The report's lines add up to the score as it is shown, the move to the scale among them.
 *
 * PROCESS and HEADERS put X-Spam-Checker-Version, -Flag (spam only), -Level (a star a point, 50 at most) and -Status before the
 * header and take out whatever fields of these names the message brought, X-Spam- of any kind and those of mark.h. The message is never wrapped in a
 * report. Reasons are told by REPORT only: mail may go on to where they would teach a spammer; SYMBOLS and tests= have their names
 * alone, which are those of every door (symbol.h).
 * Ownership: none.  Threads: reentrant.  Errors: stick in `out`.  Cost: one pass over the header. */
#ifndef POSSE_SERVE_SPAMD_ANSWER_H
#define POSSE_SERVE_SPAMD_ANSWER_H

#include "serve/gate.h"
#include "serve/spamd_proto.h"

/* The whole answer to a request that asks for a verdict. */
void spamd_answer(struct buf *out, const struct spamd_request *q, struct span raw, const struct gate_answer *a, double required);
/* When there is no verdict and mail is to be let through: no spam, 0 points, the message as it came. */
void spamd_answer_none(struct buf *out, const struct spamd_request *q, struct span raw, const char *why, double required);
/* The bits at which this answer's policy begins to act. */
double spamd_acts_from(const struct gate_answer *a);

#endif
