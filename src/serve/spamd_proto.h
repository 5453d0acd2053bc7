/* spamd_proto: SpamAssassin's spamc/spamd protocol, 1.0 to 1.5, as bytes: a reader that is fed what arrives, in pieces of any
 * size, and writers of every answer. What is said here is what spamd 4.0.1 does and spamc 4.0.1, Exim and others rely on.
 *
 *     spamd_reader_init(&r, limits.message_bytes);
 *     while (r.state < SPAMD_DONE) read more and spamd_read(&r, bytes), or spamd_read_end(&r) when the peer closed its half;
 *     SPAMD_FAILED: answer spamd_write_error(out, r.code, r.error). SPAMD_DONE: r.request, buf_span(&r.body).
 *
 * Feed it what arrives after SPAMD_DONE too, until the answer goes out: bytes past Content-length mean that the length was a lie and
 * the message was cut, and a cut message that PROCESS gave back would be a lost one (line ends are let pass).
 * Ownership: the reader owns its buffers until deinit; request.user points into it.
 * Limits: a line of SPAMD_LINE_MAX bytes, SPAMD_HEADERS_MAX headers, a body of max_body bytes (compressed or not: spamd_inflate has
 * its own). Memory grows with what arrived, never with what was announced.
 * Everything in a request could be forged by whoever reaches the socket: `User:` proves nothing.
 * Errors: state SPAMD_FAILED with one of spamd's codes; sticky. Out of memory is SPAMD_FAILED with 71.
 * Threads: a plain value.  Cost: one pass, one copy. */
#ifndef POSSE_SERVE_SPAMD_PROTO_H
#define POSSE_SERVE_SPAMD_PROTO_H

#include "base/buf.h"

enum spamd_method {
    SPAMD_CHECK, SPAMD_SYMBOLS, SPAMD_REPORT, SPAMD_REPORT_IFSPAM, SPAMD_PROCESS, SPAMD_HEADERS, SPAMD_TELL, SPAMD_PING,
    SPAMD_SKIP, SPAMD_METHODS
};
enum spamd_code {
    SPAMD_EX_OK = 0, SPAMD_EX_USAGE = 64, SPAMD_EX_DATAERR = 65, SPAMD_EX_UNAVAILABLE = 69, SPAMD_EX_SOFTWARE = 70,
    SPAMD_EX_OSERR = 71, SPAMD_EX_IOERR = 74, SPAMD_EX_TEMPFAIL = 75, SPAMD_EX_PROTOCOL = 76, SPAMD_EX_NOPERM = 77,
    SPAMD_EX_TIMEOUT = 79
};
enum { SPAMD_LINE_MAX = 8192, SPAMD_HEADERS_MAX = 255 };

struct spamd_request {
    enum spamd_method method;
    unsigned version;            /* 102: SPAMC/1.2 */
    bool has_length, is_zlib;
    uint64_t length;             /* of the body as sent */
    struct span user;            /* a claim; bytes 0x20 to 0xff */
    bool is_spam, is_ham;        /* Message-class */
    bool set_local, set_remote, remove_local, remove_remote;
};

enum spamd_state { SPAMD_IN_LINE, SPAMD_IN_HEADERS, SPAMD_IN_BODY, SPAMD_DONE, SPAMD_FAILED };
struct spamd_reader {
    enum spamd_state state;
    struct spamd_request request;
    struct buf line, body, user;
    size_t max_body;
    unsigned n_headers;
    int code;
    char error[160];
};
void spamd_reader_init(struct spamd_reader *r, size_t max_body);
void spamd_reader_deinit(struct spamd_reader *r);
enum spamd_state spamd_read(struct spamd_reader *r, struct span in);
enum spamd_state spamd_read_end(struct spamd_reader *r);

/* The body of a request with Compress: zlib. POSSE_ESYNTAX: not a whole zlib stream; POSSE_ELIMIT: more than out may hold. */
int spamd_inflate(struct span in, struct buf *out);

const char *spamd_method_name(enum spamd_method m);

struct spamd_result {
    bool is_spam;
    double score, required;      /* is_spam and score >= required need not agree: a policy may do nothing */
    struct span symbols;         /* "A,B" */
    struct span report;
    struct span head, body;      /* for PROCESS, HEADERS: the marked header block with its blank line, and the rest */
};
/* What is shown of a score, one decimal. One that is no spam never looks like the required one, as in spamd. */
void spamd_score_text(const struct spamd_result *r, char score_out[24], char required_out[24]);
void spamd_write_result(struct buf *out, const struct spamd_request *q, const struct spamd_result *r);
void spamd_write_told(struct buf *out, bool did_set, bool did_remove);
void spamd_write_pong(struct buf *out);
void spamd_write_error(struct buf *out, int code, const char *text);

#endif
