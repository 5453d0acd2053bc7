/* release: hands a message to the mail server of this machine.
 *     smtp://127.0.0.1:25            by SMTP (libcurl; smtps:// too)
 *     sendmail:/usr/sbin/sendmail    by a program that takes the message on standard input, as sendmail -i -f SENDER -- RCPT...
 * All recipients or none: when the server refuses one of them, the message is sent to nobody.
 * Line ends become those that the way asks for; the bytes are otherwise what they were.
 * Limits: 30 s to connect, 300 s in all (SMTP).
 * Errors: POSSE_EINVAL for a way or an address that cannot be used (control characters, blanks, angle brackets), POSSE_EIO for what
 * the server said, which `why` holds.
 * Threads: reentrant; blocks. */
#ifndef POSSE_SERVE_RELEASE_H
#define POSSE_SERVE_RELEASE_H

#include "base/report.h"
#include "base/span.h"

struct release {
    struct span from;        /* empty: the null sender */
    const struct span *rcpt;
    size_t n_rcpt;
    struct span raw;
};
int release_send(const char *way, const struct release *r, struct report *why);

#endif
