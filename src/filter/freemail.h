/* freemail: is this a domain where anybody can have an address for the asking?
 * A class of domains, so that a feature can speak of it without naming any of them.
 * Limits: a table of the big ones; hosts below them count too ("mx.gmail.com").
 * Threads: reentrant.  Cost: a binary search for each of the last three labels. */
#ifndef POSSE_FILTER_FREEMAIL_H
#define POSSE_FILTER_FREEMAIL_H

#include "base/span.h"

/* host is lower case. */
bool freemail_is(struct span host);

/* The i-th domain of the table, NULL past its end; for the test that holds it to its order. */
const char *freemail_at(size_t i);

#endif
