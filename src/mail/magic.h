/* magic: what a file is by its first bytes and by its name, against what its label says.
 * Owns nothing.  Threads: reentrant.  Errors: none.  Cost: looks at MAGIC_BYTES bytes. */
#ifndef POSSE_MAIL_MAGIC_H
#define POSSE_MAIL_MAGIC_H

#include "mail/message.h"

enum { MAGIC_BYTES = 512 };

enum part_magic magic_of(struct span first_bytes);
/* Is the content of another kind than the declared type? Only where a program or a page hides
 * behind a harmless label, or a label names a format that is not there. */
bool magic_mismatch(enum part_magic magic, struct span type);
/* EXECUTABLE, DOUBLE_EXTENSION, BIDI_FILENAME. */
uint64_t magic_filename(struct span filename);

#endif
