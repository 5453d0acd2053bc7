/* reserved: ends the program where a name or an address that is about to be written might be somebody's.
 * Reserved are .example, .test, .invalid (RFC 2606, 6761), 10.0.0.0/8 (RFC 1918), 2001:db8::/32 (RFC 3849), telephone numbers of the 555-01xx
 * form and 020 7946 0xxx (kept for fiction), AS numbers of RFC 6996. What looks like a name is taken for one: names of files may only stand in
 * paths or have an ending of a short list.  Cost: one pass, some 1-2 ns a byte.  Threads: reentrant. */
#ifndef SIM_RESERVED_H
#define SIM_RESERVED_H

#include "util.h"

/* what: where the text stands, for the message. */
void reserved_check(const char *p, size_t n, const char *what);
/* NULL: all of it is reserved; else what is not, as a text that the caller frees. */
char *reserved_breach(const char *p, size_t n);

#endif
