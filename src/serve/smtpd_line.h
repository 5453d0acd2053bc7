/* smtpd_line: a line of OpenSMTPD's protocol for filters (smtpd-filters(7)), taken apart. No file, no socket, no global.
 *     report|0.6|1576146008.006099|smtp-in|link-connect|SID|rdns|pass|192.0.2.1:33174|192.0.2.2:25
 *     filter|0.6|1576146008.006099|smtp-in|data-line|SID|TOKEN|a line of the message, which may hold | itself
 * Before version 0.5 token and session stand the other way round in what we answer (and only there). Before 0.6 the result of
 * tx-mail and tx-rcpt stands behind the address, before 0.7 that of link-auth behind the user.
 * Odd lines are SMTPD_OTHER.  Views point into the line.  Threads: reentrant. */
#ifndef POSSE_SERVE_SMTPD_LINE_H
#define POSSE_SERVE_SMTPD_LINE_H

#include "base/span.h"

enum smtpd_kind {
    SMTPD_OTHER, SMTPD_CONFIG, SMTPD_CONFIG_READY,
    SMTPD_CONNECT, SMTPD_DISCONNECT, SMTPD_IDENTIFY, SMTPD_AUTH, SMTPD_TX_RESET, SMTPD_TX_BEGIN, SMTPD_TX_MAIL, SMTPD_TX_RCPT,
    SMTPD_COMMAND /* as the client wrote it */,    SMTPD_DATA_LINE, SMTPD_COMMIT,
    SMTPD_FILTER_OTHER /* a question that we never asked for: to be let through */
};
enum { SMTPD_ID_MAX = 64 };

struct smtpd_line {
    enum smtpd_kind kind;
    unsigned version;        /* 0.6 is 6 */
    struct span sid, token;  /* 1 to SMTPD_ID_MAX bytes */
    struct span text;        /* the message's line; the address, user, name or command; the message's id */
    struct span addr;        /* SMTPD_CONNECT: without port and brackets; empty: none (a local socket) */
    bool is_good;            /* fcrdns is "pass"; the result is "ok" or "pass" */
    bool is_local;           /* SMTPD_CONNECT by a socket of this machine */
};
/* line: without its end. */
void smtpd_line_read(struct span line, struct smtpd_line *out);

#endif
