/* param: the value of a structured MIME field, "head; name=value; ..." (RFC 2045 5.1, 2183, 2231).
 * Ownership: views of the value, or the arena where quotes, escapes or charsets had to go.
 * Limits: 64 sections of continued parameters in all; the rest is ignored, BAD_2231.
 * Errors: none; what cannot be read is skipped and sets BAD_2231.
 * Threads: reentrant but for the charset_set.  Cost: one pass over the value. */
#ifndef POSSE_MAIL_PARAM_H
#define POSSE_MAIL_PARAM_H

#include "base/arena.h"
#include "mail/charset.h"

struct param_want {
    struct span name;  /* lower case */
    bool text;         /* a text for people: 2231 charset, 2047 words and 8-bit become UTF-8 */
    struct span value; /* out; SPAN_NONE: absent */
};

enum { PARAM_WANTS = 8 };

/* Returns the head ("text/plain", "attachment"), trimmed, as it stands. */
struct span param_read(struct charset_set *cs, struct arena *a, struct span value,
                       struct param_want *want, size_t n_want, uint64_t *anomalies);

/* Lower case; s itself where it is already. */
struct span param_lower(struct arena *a, struct span s);

#endif
