/* zbody: zstd bodies of requests and answers, capped: a small body must not become a huge one in memory.
 * Threads: reentrant.  Cost: a context of its own a call. */
#ifndef POSSE_SERVE_ZBODY_H
#define POSSE_SERVE_ZBODY_H

#include "base/buf.h"

/* Appends to out, whose maximum is the cap. POSSE_ETOOBIG: more than that, or a window over 8 MB; POSSE_ECORRUPT: not zstd, or
 * cut short; POSSE_ENOMEM. */
int zbody_decode(struct span in, struct buf *out);
int zbody_encode(struct span in, struct buf *out);

#endif
