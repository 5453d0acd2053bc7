/* dialect: how a program speaks SMTP (B@bel, Stringhini et al., USENIX Security 2012), as far as a door hears it.
 *
 * A filter of OpenSMTPD is told each command as the client wrote it. A milter is told who greets and what stands behind MAIL FROM: whether the
 * address has its angle brackets, and which parameters came in which order; and EHLO or HELO where the server was told to send the macro r.
 * The other doors hear nothing, and so do files. No door hears how the dialogue ends (QUIT, or a connection that is dropped) before it must
 * answer, whether commands came without waiting for replies (servers take them one by one), or what an error would have been answered with.
 * What was not heard is 0, and speaks for and against nobody.
 * Ownership: a plain value.  Threads: reentrant.  Limits: parameters beyond DIALECT_ARGS bytes are cut. Never fails. */
#ifndef POSSE_BOTNET_DIALECT_H
#define POSSE_BOTNET_DIALECT_H

#include "base/span.h"

enum { DIALECT_ARGS = 40 };
struct smtp_dialect {
    char greeting;             /* 'E' EHLO, 'H' HELO, '-' none */
    char letters;              /* of its commands: 'U' capital, 'l' small, 'm' both; 0: not heard */
    bool has_blank;            /* "MAIL FROM: <" */
    bool resets;               /* RSET before the session's first MAIL */
    char address;              /* 'a' in angle brackets, 'b' bare; 0: not heard */
    char args[DIALECT_ARGS];   /* MAIL's parameters, as ".SIZE.BODY=8BITMIME": names, and what BODY says */
    bool has_mailed;
};
/* A command as the client wrote it, without its line end; "" and what is none say nothing. A greeting begins anew. */
void dialect_command(struct smtp_dialect *d, struct span line);
/* What stands behind MAIL FROM: */
void dialect_mail(struct smtp_dialect *d, struct span address);
void dialect_argument(struct smtp_dialect *d, struct span arg);

#endif
