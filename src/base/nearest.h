/* nearest: the word that somebody meant: "did you mean" for names that do not exist.
 * Distance is that of Damerau (1964): letters added, left out, changed, or swapped with their neighbour.
 * Owns nothing.  Threads: reentrant.  Cost: word times name bytes, for messages only. */
#ifndef POSSE_BASE_NEAREST_H
#define POSSE_BASE_NEAREST_H

#include "base/span.h"

/* The nearest of n names, if at most a third of its letters are wrong; else NULL. Words over 48 bytes have none. */
const char *nearest(struct span word, const char *const *names, size_t n);

#endif
