/* mark: what a verdict leaves in a message's header, the same through every door that hands mail on.
 *     X-Spam: Yes                                              No below the policy's tag
 *     X-Posse: class=spam; level=7 (*******); id=0j8k2m4...     gate_level and the verdict's id; a Sieve script finds level 5
 *                                                              and above by ":contains" "(*****"
 * They stand before all other fields. Fields of these names that the message brought along are forged and taken out, as is
 * anything X-Posse-*. No bits, no reasons: they would teach the spammer. Mail that leaves (of authenticated and local senders) is not
 * marked unless its policy acts.
 * ACTION_REWRITE puts the policy's prefix before every Subject (the first MARK_SUBJECTS_MAX), once; one is added where there is none.
 * What else the message holds stays as it is, to the byte: odd lines, NULs, a missing last newline. A line of an mbox ("From ") stays
 * first. Line ends are those of the message's first line.
 * Limits: output grows over input by at most MARK_GROWTH_MAX bytes.
 * Threads: reentrant. */
#ifndef POSSE_SERVE_MARK_H
#define POSSE_SERVE_MARK_H

#include "base/buf.h"
#include "serve/gate.h"

enum { MARK_FIELDS_MAX = 2, MARK_VALUE_MAX = 128, MARK_PREFIX_MAX = 200 /* bytes of a prefix that are used */, MARK_SUBJECTS_MAX = 8,
       MARK_GROWTH_MAX = 8192 };

struct mark {
    struct { const char *name; char value[MARK_VALUE_MAX]; } field[MARK_FIELDS_MAX];
    size_t n;
    const char *prefix;      /* of the Subject; NULL: it stays. The answer's */
};

/* level: gate_level. */
void mark_of(const struct gate_answer *a, unsigned level, enum policy_who who, struct mark *out);
/* Is a field of this name ours, and so forged when a message brings it? */
bool mark_is_ours(struct span name);
/* What a Subject becomes, without name, colon, and the line end after it. old: what stood after the colon, folded and encoded as it
 * was; nothing: it had none. False: it stays as it is (it has the prefix). eol: for folding, "\n" or "\r\n". */
bool mark_subject(struct span old, const char *prefix, const char *eol, struct buf *out);
/* A message as a whole: its new header into head, what follows unchanged in *rest_out (a view of raw). */
void mark_message(struct span raw, const struct mark *m, struct buf *head, struct span *rest_out);

#endif
