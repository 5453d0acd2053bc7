/* deliver: one message from standard input to standard output, judged and marked (serve/mark.h), on its way into a mailbox:
 * posse scan --deliver.
 * No byte is lost: what cannot be judged is written as it came, and what cannot be read or written to its end makes the exit
 * status 75, upon which mail servers and delivery agents keep their copy and try again.
 * Mail comes from outside unless said otherwise, so the policies of its recipients hold. A pipe can neither refuse nor withhold:
 * actions beyond rewriting are marked as spam and written, unless `keeps`. */
#ifndef POSSE_CLI_DELIVER_H
#define POSSE_CLI_DELIVER_H

#include "cli/cli_gate.h"

enum { DELIVER_RCPT_MAX = 64, DELIVER_KEPT = 3, DELIVER_AGAIN = 75 /* EX_TEMPFAIL */ };

struct deliver {
    struct cli_gate gate;
    struct envelope env;  /* env.rcpt is set by deliver */
    struct span rcpt[DELIVER_RCPT_MAX];
    bool is_asked, has_options;
    bool keeps;           /* quarantine and discard are obeyed: the message is kept, nothing is written */
    bool has_exit_code;
};
/* Gives the exit status. */
int deliver(struct deliver *d);

#endif
