/* dossier: a sealed case as one page for its receiver: a court, a hosting firm's lawyer, an abuse desk. Self-contained HTML that prints
 * well; no scripts, nothing is fetched (and a policy in the page forbids it).
 *
 * Everything in it is of the lines under one signed head: findings.json (case/findings.h), the messages that it names as samples, the log.
 * The same head, options and version give the same bytes: no clock, no random number; of files only the table of marks, whose digest is
 * told, and the networks that the settings call ours, which are told.
 * Hostile text (all that messages, hosts and registries said) is neutralised by dossier_text: ill-formed UTF-8, control and bidirectional
 * characters are shown as their numbers, HTML is escaped, length is capped; addresses of things are defanged, so that nobody is led there
 * by a click.
 * Redaction: those to whom messages were sent (case/redact.h), infected machines (their network only) and recipients' domains are left
 * out, unless shows_recipients; what was left out is said. A message that cannot be redacted is not shown (fails closed).
 * Ownership: all is the caller's.  Limits: DOSSIER_*; what is past them is counted.  Threads: one a casefile.
 * Errors: ECORRUPT with the exhibit; ELIMIT, ENOMEM. */
#ifndef POSSE_CASE_DOSSIER_H
#define POSSE_CASE_DOSSIER_H

#include "case/brands.h"
#include "case/findings.h"
#include "case/seal.h"

enum { DOSSIER_BYTES = 256 << 20, DOSSIER_CAMPAIGNS = 50, DOSSIER_SAMPLES = 2, DOSSIER_MARK_MESSAGES = 5000, DOSSIER_ROWS = 200, DOSSIER_EXHIBITS = 5000,
       DOSSIER_TEXT = 300, DOSSIER_BODY = 1800 };

struct networks;
struct dossier_options {
    struct span id, title;
    const struct brands *brands;  /* NULL: no schedule of marks */
    char brands_digest[65];
    const struct networks *ours;  /* sender/received.h */
    struct span ours_said;        /* the same as text; empty: private addresses alone */
    bool shows_recipients;
};
/* h: the head; f: the newest findings under it, which are exhibit `number`. */
int dossier_write(struct casefile *c, const struct head *h, const struct findings *f, uint64_t number, const struct dossier_options *o,
                  struct buf *out, struct report *why);

/* ---- for tests ---- */

/* At most `most` bytes of a text as HTML text or attribute value. */
void dossier_text(struct buf *b, struct span s, size_t most);
/* The same, with addresses of things made unusable: hxxp://name[.]example, jane[@]name[.]example. */
void dossier_defanged(struct buf *b, struct span s, size_t most);

#endif
