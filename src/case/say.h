/* say: words and addresses into the arena that what is told of a case lives in.
 * Threads: reentrant.  Cut at most - 1 bytes, at SAY_MOST - 1 at the latest. */
#ifndef POSSE_CASE_SAY_H
#define POSSE_CASE_SAY_H

#include "base/arena.h"
#include "net/ip.h"

enum { SAY_MOST = 500 };
struct span case_say(struct arena *a, size_t most, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct span case_address(struct arena *a, const struct ip *ip);

#endif
