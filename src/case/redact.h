/* redact: a copy of an exhibit without those to whom it was sent. The original stays as it is; the copy is another exhibit.
 *
 * Of a message: the mailboxes that its delivery and address fields name (To, Cc, Bcc, Delivered-To, X-Original-To, Envelope-To and kin,
 * "for" of Received), wherever they stand: in all fields, texts, links (also as %40, in hexadecimal and in base64), in bodies that are
 * encoded; and their names and the parts before the @ as whole words. Each becomes recipient-1@redacted.invalid, with one number for one
 * mailbox, so that one still sees who is the same. What was not touched is byte for byte as it was; a part that was is encoded anew.
 * Of other text (JSON, CSV, logs): every mail address. Addresses of senders, machines and hosts stay: they are the evidence.
 * A person may still be known by what a text says of him: `also` takes further texts, and a reader should look.
 * Archives and documents that are attached are not looked into.
 * Fails closed: what cannot be read whole (too deep, too many parts, UTF-16, uuencode) is refused, ELIMIT; what is no text, EINVAL.
 * A signature (DKIM) over a copy does not hold any more, which is said.
 * Owns nothing.  Threads: reentrant.  Errors: ENOMEM, ELIMIT, EINVAL, ETOOBIG (over REDACT_BYTES).
 * Cost: some passes over the bytes; memory of up to five times as much where a body is encoded. */
#ifndef POSSE_CASE_REDACT_H
#define POSSE_CASE_REDACT_H

#include "base/buf.h"
#include "base/report.h"
#include "base/span.h"

enum { REDACT_ALSO_MAX = 64, REDACT_TEXT = 400, REDACT_ADDRESSES_MAX = 4096, REDACT_BYTES = 256 << 20 };
struct redact_options { struct span also[REDACT_ALSO_MAX]; size_t n_also; };
struct redacted {
    size_t mailboxes;            /* how many different ones */
    size_t places;               /* where something was taken out */
    size_t of_sender;            /* words of them in From, Sender and Reply-To: a recipient's name, or the sender's that is the same */
    char text[REDACT_TEXT];      /* what was taken out, for the exhibit's `what` and for readers */
};
/* media: of the original, "message/rfc822". o may be NULL. */
int redact_bytes(struct span media, struct span raw, const struct redact_options *o, struct buf *out, struct redacted *what,
                 struct report *why);

#endif
