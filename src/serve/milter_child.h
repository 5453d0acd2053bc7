/* milter_child: the process that speaks to Postfix and Sendmail with libmilter, which wants a process's signals and globals to itself.
 * The daemon starts it by exec of itself with these descriptors; it has a gate of its own on the same home (gate.h, is_reader) and
 * the daemon's counters.
 *
 * What a mail server is told: nothing until the end of the message, then
 *   none, tag, rewrite   the fields of mark.h and the subject; recipients that are to be kept from it are taken off
 *   defer                451 4.7.1
 *   quarantine, discard  accepted and kept (the gate has it on disk by then): nobody gets it
 *   reject               554 5.7.1
 * Forged fields are removed: ours, all of them, and Authentication-Results with our name (milter.authserv_id). Bits and reasons stand
 * in X-Posse-Detail only where the operator asked for it (milter.detail) and only when every recipient is delivered here.
 * Whose mail: a login says authenticated, a connection from this machine itself local, everything else is remote.
 * A message over limits.message_bytes passes unjudged, with a metric and a log line. All messages that are under way hold 16 times
 * limits.message_bytes at most; one that does not fit beside the others gets 451 4.3.2 at its end, but for small ones (64 KB), which
 * always have room. A recipient of more than MILTER_RCPT_BYTES gets 553 5.1.3.
 * Control: the daemon writes 'R' (read the configuration again) and 'S' (stop when the messages under way are done); when the
 * daemon is gone, it goes too. */
#ifndef POSSE_SERVE_MILTER_CHILD_H
#define POSSE_SERVE_MILTER_CHILD_H

#include "serve/serve.h"

enum { MILTER_FD_LISTEN = 3, MILTER_FD_COUNTERS = 4, MILTER_FD_CONTROL = 5 };
enum { MILTER_RELOAD = 'R', MILTER_STOP_NOW = 'S' };

#endif
