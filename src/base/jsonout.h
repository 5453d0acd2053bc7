/* jsonout: JSON written straight into a buf; for lines that are made by the thousand.
 * The caller writes braces and commas; these write names and values.
 * Ill-formed UTF-8 becomes U+FFFD, a number that JSON cannot hold becomes null.
 * Threads: reentrant.  Errors: the buf's own, which stick. */
#ifndef POSSE_BASE_JSONOUT_H
#define POSSE_BASE_JSONOUT_H

#include "base/buf.h"

void json_string(struct buf *b, struct span s);
/* `"name":`, with a comma before it unless is_first. */
void json_name(struct buf *b, const char *name, bool is_first);
void json_number(struct buf *b, double x);

#endif
