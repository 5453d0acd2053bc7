/* spamd_work: what a worker thread does with one whole request of spamd's protocol: inflate, judge or teach, write the answer.
 * Who teaches: `known` is what the system says of the peer (its address, or "uid:N" over a socket with a path), and the cap counts by
 * it; `User:` is a claim that goes into the teacher's name, "alice@uid:1000", and nowhere else. It also picks the policy, as the
 * recipient: whoever reaches the socket may ask any policy's opinion.
 * TELL takes what spamd takes of it: Set and Remove of `local`; reports to others (`remote`) are not made, and not claimed to be.
 * Ownership: the caller's buffers, for the call.  Threads: any number.  Errors: are answers; log events say more. */
#ifndef POSSE_SERVE_SPAMD_WORK_H
#define POSSE_SERVE_SPAMD_WORK_H

#include "serve/gate.h"
#include "serve/spamd_proto.h"

struct spamd_work {
    struct gate *gate;
    const struct spamd_request *request;
    struct span body;       /* as it came, compressed or not */
    const char *known;
    size_t max_bytes;
    double required;
    int64_t now_ms;
};
void spamd_work(const struct spamd_work *w, struct buf *out);

#endif
