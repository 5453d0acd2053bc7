/* caps: how many lessons an hour each teacher may give. A bucket a teacher, refilled evenly, that holds an hour's worth.
 * Limits: 8192 teachers are known at a time; of those that share a place the one who has the most left is forgotten first, which
 * gives him back at most what he has not got. Names are hashed with a secret key.
 * Threads: any.  Cost: a hash and eight looks. */
#ifndef POSSE_SERVE_CAPS_H
#define POSSE_SERVE_CAPS_H

#include "base/span.h"

struct caps;

struct caps *caps_new(const uint8_t key[16]); /* NULL: out of memory */
void caps_free(struct caps **c);
/* Takes one from the bucket of `who`. per_hour 0: there is no cap. False: it is empty, and *wait_ms_out says for how long. */
bool caps_take(struct caps *c, struct span who, uint64_t per_hour, int64_t now_ms, int64_t *wait_ms_out);
/* Gives it back: nothing came of it. */
void caps_give(struct caps *c, struct span who);

#endif
