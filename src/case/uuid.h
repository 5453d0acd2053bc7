/* uuid: names for things that others keep: the same thing has the same one whenever and wherever it is written, so that who reads a second
 * export or notice knows what he has already.
 * Follows RFC 9562: version 5 (SHA-1 of a namespace and a name); where a receiver insists on version 4, 122 bits of a SHA-256 in its form.
 * Threads: reentrant.  Errors: none. */
#ifndef POSSE_CASE_UUID_H
#define POSSE_CASE_UUID_H

#include "base/span.h"

enum { UUID_TEXT = 37 };
extern const uint8_t uuid_of_posse[16]; /* our namespace */
extern const uint8_t uuid_of_stix[16];  /* STIX 2.1, section 2.9: of observables */

void uuid5(const uint8_t space[16], struct span name, char out[UUID_TEXT]);
void uuid4_like(struct span name, char out[UUID_TEXT]);

#endif
