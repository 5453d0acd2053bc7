/* smtpd_filter: OpenSMTPD's protocol for filters as a machine: lines in, lines out, and a call when a message is whole. Any number
 * of sessions, interleaved as they come.
 *
 * A message's lines are kept until its last one, then written back: marked, or as they came. What the verdict asks of the server
 * is said at `commit`. The server can mark, refuse and put off; it can neither keep a message back nor take one recipient off, so
 * those actions are marks (X-Spam: Yes, by which `maildir junk` sorts).
 * Every question is answered, of unknown sessions too: the server waits for it. What is odd passes.
 * Limits: SMTPD_SESSIONS_MAX sessions, later ones pass unjudged; messages over max_bytes pass as they came, line by line.
 * Ownership: the machine owns its sessions.  Threads: one owner. */
#ifndef POSSE_SERVE_SMTPD_FILTER_H
#define POSSE_SERVE_SMTPD_FILTER_H

#include "base/buf.h"
#include "serve/gate.h"
#include "serve/smtpd_line.h"

enum { SMTPD_SESSIONS_MAX = 65536, SMTPD_RCPT_MAX = 10000 };

enum smtpd_decision { SMTPD_PROCEED, SMTPD_REFUSE, SMTPD_PUT_OFF };
/* Judges a whole message. head_out and *rest_out: what it becomes (mark.h). */
typedef enum smtpd_decision smtpd_judge_fn(void *ctx, const struct gate_request *r, struct buf *head_out, struct span *rest_out);

/* Writes what is in out and clears it: a message of short lines grows fiftyfold, and is never held whole. */
typedef void smtpd_flush_fn(void *ctx, struct buf *out);

struct smtpd_filter;
/* NULL: out of memory. flush may be NULL. */
struct smtpd_filter *smtpd_filter_new(size_t max_bytes, smtpd_judge_fn *judge, smtpd_flush_fn *flush, void *ctx);
void smtpd_filter_free(struct smtpd_filter **f);
/* Takes a line without its end; answers are appended to out. */
void smtpd_filter_take(struct smtpd_filter *f, struct span line, struct buf *out);
size_t smtpd_filter_sessions(const struct smtpd_filter *f);

#endif
