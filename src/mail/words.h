/* words: the text of a header field: unfolded, encoded words (RFC 2047) decoded, UTF-8.
 * Ownership: a view of `raw` where nothing had to change, else in the arena.
 * Errors: SPAN_NONE with arena_failed(); broken words stay as they stand and set BAD_2047,
 * words that touch other text SPLIT_2047.
 * Threads: reentrant but for the charset_set.  Cost: one pass.
 * Lenient where mailers are: words within words, blanks within Q words, RFC 2231 language
 * suffixes, characters split over adjacent words of one charset. */
#ifndef POSSE_MAIL_WORDS_H
#define POSSE_MAIL_WORDS_H

#include "base/arena.h"
#include "base/buf.h"
#include "mail/charset.h"

struct span words_decode(struct charset_set *cs, struct arena *a, struct span raw, uint64_t *anomalies);

/* Without line ends and outer blanks; a view when the value is on one line. */
struct span words_unfold(struct arena *a, struct span raw);

/* The other way: UTF-8 as the value of a header field, on one line. Plain ASCII as it is, but for control characters (blanks);
 * else encoded words of at most 75 bytes, cut between characters. */
void words_encode(struct buf *out, struct span utf8);

#endif
