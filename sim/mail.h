/* mail: one event as a message: the fields of the trap's host on top, below them what the sending program wrote.
 * Every message is checked before it is encoded: a name or an address that is not reserved ends the program (reserved.h).
 * Ownership: the writer owns its buffers; what it gives is good until the next.  Cost: 5-15 us a message. */
#ifndef SIM_MAIL_H
#define SIM_MAIL_H

#include "campaign.h"
#include "world.h"

struct event {
    int64_t time_ms;
    uint32_t family, machine, trap, recipients, seq;
    struct campaign *campaign;
    uint32_t variant;
    bool is_tls;
};

struct mail_writer;
struct mail_writer *mail_writer_new(const struct scenario *s, const struct world *w, uint64_t seed);
/* The message with LF, without a separator; box_line: "From ..." for an mbox. */
void mail_write(struct mail_writer *m, const struct event *e, struct rng *r, struct buf *out, struct buf *box_line);
/* Whether the mailer names itself by its machine: then records have it. */
bool mailer_tells_machine(const struct scenario *s, uint32_t mailer);

#endif
