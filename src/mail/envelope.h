/* envelope: what the SMTP dialogue said. Every field may be empty: files have no envelope.
 * client_* come from the socket and cannot be forged by the sender; helo and from can. */
#ifndef POSSE_MAIL_ENVELOPE_H
#define POSSE_MAIL_ENVELOPE_H

#include "base/span.h"

struct envelope {
    struct span client_addr; /* textual IPv4 or IPv6 */
    struct span client_name; /* verified reverse name, or empty */
    struct span helo;
    struct span from;        /* without <> */
    const struct span *rcpt;
    size_t n_rcpt;
    struct span auth_user;   /* SASL login, empty: none */
};

#endif
