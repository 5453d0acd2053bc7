/* milter_mail: one message as a mail server tells it to a milter, bit by bit, put together again.
 *
 * What a milter is not told is the Received field that the server itself writes; it is made here from what is known of the
 * connection, as the mail will have it in the mailbox (where lessons are learnt from), TLS and login included.
 * Ownership: it owns what it was given; spans and names are good until milter_mail_reset.
 * Limits: a message of max_bytes; past it is_big is set and the rest is not kept. MILTER_RCPT_MAX recipients,
 * of MILTER_RCPT_BYTES each (four times what SMTP has; it must be told to the server again as it was).
 * Who could forge it: helo, from, rcpt and the message are the sender's words; address, name, login and TLS are the server's.
 * Errors: POSSE_ELIMIT, POSSE_ENOMEM; POSSE_ETOOBIG: an address.  Threads: one at a time. */
#ifndef POSSE_SERVE_MILTER_MAIL_H
#define POSSE_SERVE_MILTER_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "botnet/dialect.h"
#include "serve/mark.h"

enum { MILTER_RCPT_MAX = 10000, MILTER_RCPT_BYTES = 1021 };

/* A name of a field that is ours (mark.h) and came with the message: how many of them. */
struct milter_forged { const char *name; unsigned n; };

/* What the Received field says. Empty: not known. */
struct milter_trace { struct span helo, name, addr, by, software, queue_id, tls_version, tls_cipher, auth_user; int64_t time_ms; };

struct milter_mail {
    struct arena *arena;
    struct buf raw;
    size_t max_bytes;
    bool is_big, has_received, keeps_space; /* keeps_space: values come with the blank after the colon */
    struct span from;
    struct smtp_dialect dialect;
    struct span *rcpt;
    size_t n_rcpt, cap_rcpt;
    bool leaves;                      /* some recipient's mailer is not one of those that deliver here */
    struct milter_forged *forged;
    size_t n_forged, cap_forged;
    unsigned n_results;               /* Authentication-Results fields so far, */
    unsigned *forged_results;         /* and which of them bear our name, counted from 1 */
    size_t n_forged_results, cap_forged_results;
    struct span subject[MARK_SUBJECTS_MAX]; /* values as told */
    size_t n_subjects;
};
int milter_mail_init(struct milter_mail *m);
void milter_mail_deinit(struct milter_mail *m);
void milter_mail_reset(struct milter_mail *m, size_t max_bytes);

/* What of the dialogue a milter hears. argv: MAIL's address and parameters; protocol: the server's macro r, where it sends it. */
void milter_mail_dialect(struct milter_mail *m, const char *helo, struct span protocol, char *const *argv);
/* With or without <>. */
int milter_mail_from(struct milter_mail *m, const char *address);
int milter_mail_rcpt(struct milter_mail *m, const char *address);
void milter_mail_trace(struct milter_mail *m, const struct milter_trace *t);
/* authserv_id: ours, or "": no Authentication-Results is ours. */
int milter_mail_field(struct milter_mail *m, const char *name, const char *value, const char *authserv_id);
void milter_mail_end_head(struct milter_mail *m);
void milter_mail_body(struct milter_mail *m, struct span bytes);

/* Does an Authentication-Results value bear this authserv-id (RFC 8601 2.2: after comments, maybe quoted, without case)? */
bool milter_results_are(struct span value, struct span authserv_id);

#endif
