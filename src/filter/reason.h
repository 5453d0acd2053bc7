/* reason: what kind of thing a reason of a verdict speaks of, for programs that key on it; its words are for people. */
#ifndef POSSE_FILTER_REASON_H
#define POSSE_FILTER_REASON_H

#include <stddef.h>

enum reason_kind {
    REASON_RULE,        /* one of the operator's rules */
    REASON_WORDS,       /* a word or phrase */
    REASON_FORM,        /* a sign in sender, form, parts or links */
    REASON_HEADER,      /* a header field or a part, byte for byte */
    REASON_RULES_LEFT,  /* what is too weak to be told by itself, a kind a reason */
    REASON_WORDS_LEFT,
    REASON_FORM_LEFT,
    REASON_HEADER_LEFT,
    REASON_REST,        /* prior odds and calibration */
    REASON_CAMPAIGN,    /* not of the message: others alike were seen lately */
    REASON_KINDS
};

enum { REASON_ROUND_MAX = 16 };
/* Hundredths of `bits` that add up to round(100 * total), wherever reasons are shown; the greatest remainders are rounded up.
 * n <= REASON_ROUND_MAX. */
void reason_round(const double *bits, size_t n, double total, long *hundredths_out);

#endif
