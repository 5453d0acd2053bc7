/* arf: abuse reports (RFC 5965): somebody's verdict on a message, with that message in it.
 * A multipart/report holds a message/feedback-report, whose Feedback-Type says what is reported, and the original as
 * message/rfc822. Both are looked for side by side, the outermost first, whatever else stands around them.
 * What a report says was written by whoever sent it: it may be forged as any mail.
 * Views point into the message's input or the arena.  Threads: reentrant. */
#ifndef POSSE_MAIL_ARF_H
#define POSSE_MAIL_ARF_H

#include "mail/message.h"

enum arf_class {
    ARF_NONE,     /* no report */
    ARF_SPAM,     /* abuse, fraud, virus: unwanted mail */
    ARF_HAM,      /* not-spam (RFC 6430) */
    ARF_OTHER,    /* another type: opt-out, auth-failure ... */
};
struct arf {
    enum arf_class klass;
    struct span type;     /* Feedback-Type as it stands; empty: none */
    struct span original; /* the message that is reported; empty: the report has no more than its header, or is odd */
};
void arf_read(struct arena *a, const struct message *m, struct arf *out);

#endif
