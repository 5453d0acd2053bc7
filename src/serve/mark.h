/* mark: the header fields that a judged message gets on its way, whichever door it came through. They say the class and a
 * coarse level and nothing else: bits and reasons on mail that leaves would teach the spammer.
 *     X-Spam: Yes                  when the action is to tag or worse
 *     X-Posse: spam; level=7       always; level 0 to 9
 * Fields of these names that were there before are forged and to be removed.
 * Threads: reentrant. */
#ifndef POSSE_SERVE_MARK_H
#define POSSE_SERVE_MARK_H

#include "serve/gate.h"

enum { MARK_FIELDS = 2 };
struct mark { const char *name; char value[40]; };

/* Returns how many. level: gate_level. */
size_t mark_fields(const struct gate_answer *a, unsigned level, struct mark out[MARK_FIELDS]);
bool mark_is_ours(struct span field_name);

#endif
