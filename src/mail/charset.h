/* charset: text of any declared charset to UTF-8.
 * A charset_set caches converters: tables for single-byte charsets (built once by asking iconv
 * for each byte), iconv handles for the others, uchardet for what nobody declared.
 * Ownership: the set owns its handles; results are the input itself (when it is UTF-8 already)
 * or in the arena.
 * Limits: at most max_out bytes of output; at most 32 charsets cached, the oldest makes room;
 * guessing looks at 4 KiB.
 * Errors: SPAN_NONE with arena_failed() when the arena is full. Wrong bytes become U+FFFD and set
 * CHARSET_MISMATCH; a charset that nobody knows sets BAD_CHARSET.
 * Threads: a set belongs to one.  Cost: ASCII 0.1 ns, tables 1 ns, iconv 10 ns a byte.
 * Names follow the WHATWG Encoding standard's labels: iso-8859-1 is windows-1252, gb2312 is
 * gb18030, ks_c_5601-1987 is windows-949, as mail readers take them. */
#ifndef POSSE_MAIL_CHARSET_H
#define POSSE_MAIL_CHARSET_H

#include "base/arena.h"
#include "base/span.h"

struct charset_set;

struct charset_set *charset_set_new(void); /* NULL: out of memory */
void charset_set_free(struct charset_set **cs);

/* `name` as declared, any case; empty: undeclared, then valid UTF-8, else a guess, else windows-1252.
 * `*cut` is set when max_out cut the text. cut may be NULL. */
struct span charset_to_utf8(struct charset_set *cs, struct arena *a, struct span in,
                            struct span name, size_t max_out, bool *cut, uint64_t *anomalies);

/* Undeclared 8-bit in headers: UTF-8 where valid, else windows-1252; too short to guess on. */
struct span charset_header_8bit(struct charset_set *cs, struct arena *a, struct span in);

/* Is every byte ASCII? */
bool charset_is_ascii(struct span s);

#endif
