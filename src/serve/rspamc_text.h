/* rspamc_text: the head of a request in rspamd's older text protocol, which Exim speaks (spamd_address ... variant=rspamd):
 *     CHECK RSPAMC/1.3 CRLF  Content-length: n CRLF  From: <a@b> CRLF  Rcpt: ... CRLF  CRLF  body
 * Commands: CHECK SYMBOLS REPORT REPORT_IFSPAM PROCESS (all answered alike), PING, SKIP. The client does not close its side;
 * the server answers and closes. Without Content-length the body ends where the client closes.
 * Ownership: spans are views of `in`.  Threads: reentrant.
 * Limits: a head of 256 KB (a recipient a line), 8,192 lines. */
#ifndef POSSE_SERVE_RSPAMC_TEXT_H
#define POSSE_SERVE_RSPAMC_TEXT_H

#include "serve/rspamd_proto.h"

enum { RSPAMC_HEAD_MAX = 256 << 10, RSPAMC_LINES_MAX = 8192 };

/* Do these first bytes of a connection begin such a request, rather than HTTP? */
enum rspamc_guess { RSPAMC_NO, RSPAMC_YES, RSPAMC_MORE /* too few bytes to tell */ };
enum rspamc_guess rspamc_guess(struct span first);

enum rspamc_command { RSPAMC_CHECK, RSPAMC_PING, RSPAMC_SKIP };
struct rspamc_head {
    enum rspamc_command command;
    char version[8];      /* "1.3" */
    size_t bytes;         /* of the head, with the empty line */
    int64_t body_bytes;   /* -1: up to the end */
};
/* 1: the head is whole and read into out and r. 0: more is needed. POSSE_ESYNTAX, POSSE_ETOOBIG: `why` says it to the client. */
int rspamc_read(struct span in, struct rspamc_head *out, struct rspamd_request *r, struct report *why);

#endif
