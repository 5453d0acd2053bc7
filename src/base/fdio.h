/* fdio: whole spans through descriptors that take less at a time.
 * Threads: reentrant.  Owns nothing. */
#ifndef POSSE_BASE_FDIO_H
#define POSSE_BASE_FDIO_H

#include "base/span.h"

/* False: not all of it could be written; errno says why (0: the descriptor takes nothing). */
bool fd_write(int fd, struct span s);

#endif
