/* rspamd_proto: rspamd's protocol without its sockets: request headers to what the gate asks for, an answer to JSON or to the
 * older RSPAMC text. Header names are matched without case. What no client may make us do is not there: File, Path and Shm
 * (read something on this machine) are never followed.
 * Who could forge it: a client says what it likes. IP, Hostname and User are believed only when the peer is trusted
 * (rspamd.trusted); Helo, From and Rcpt are the sender's words anyway.
 * Ownership: a request's spans are views of what it was read from, which must outlive it; rcpt and metadata are its own.
 * Limits: 4,096 recipients (what is over is ignored; no mail server sends more to one message); metadata of 1 MB.
 * Threads: reentrant. */
#ifndef POSSE_SERVE_RSPAMD_PROTO_H
#define POSSE_SERVE_RSPAMD_PROTO_H

#include "base/buf.h"
#include "serve/gate.h"
#include "serve/symbol.h"

enum { RSPAMD_RCPT_MAX = 4096, RSPAMD_METADATA_MAX = 1 << 20 };

struct rspamd_request {
    struct span ip, helo, hostname, from, user, deliver_to, queue_id, password;
    struct span *rcpt;
    size_t n_rcpt, cap_rcpt;
    bool is_zstd;      /* the body is compressed */
    bool other_coding; /* the body is in a coding that nobody here reads */
    bool wants_zstd;   /* it wants the answer so, in rspamd's own way (Compression), */
    bool accepts_zstd; /* or in HTTP's (Content-Encoding) */
    bool names_file;   /* File, Path or Shm */
    bool is_relayed;   /* a proxy or a browser passed it on: its peer is not who asks */
    void *metadata;    /* /checkv3: what the spans point into */
    int err;           /* POSSE_ENOMEM */
};
void rspamd_request_clear(struct rspamd_request *r); /* for the next request; keeps memory */
void rspamd_request_deinit(struct rspamd_request *r);
/* One header of the request. Unknown ones are ignored. */
void rspamd_header(struct rspamd_request *r, struct span name, struct span value);
/* The metadata part of /checkv3: a JSON object. POSSE_ESYNTAX, POSSE_ETOOBIG. */
int rspamd_metadata(struct rspamd_request *r, struct span json, struct report *why);

/* The two parts of /checkv3's multipart/form-data body. POSSE_ESYNTAX: no boundary, no such parts, more than these. */
struct rspamd_form { struct span metadata, message; bool metadata_zstd, message_zstd; };
int rspamd_form_read(struct span content_type, struct span body, struct rspamd_form *out, struct report *why);

/* Without `<>`, spaces and what stands around the brackets. */
struct span rspamd_address(struct span value);
/* Fills env and who; env points into the request. */
void rspamd_envelope(const struct rspamd_request *r, bool is_trusted, struct envelope *env, enum policy_who *who);

/* "no action", "add header", "rewrite subject", "soft reject", "quarantine", "reject", "discard". */
const char *rspamd_action_name(enum action a);
/* The score of the harshest action that is ever taken, as rspamd has it; the filter's own threshold when none is. */
double rspamd_required(const struct gate_answer *a);

/* Reasons as symbols (symbol.h); the scores add up to the message's in hundredths, whatever was rounded. */
struct rspamd_symbol { char name[SYMBOL_NAME]; double score; const char *text; };
size_t rspamd_symbols(const struct verdict *v, struct rspamd_symbol out[REASONS_MAX]);
double rspamd_score(double bits); /* in whole hundredths */

/* level: gate_level of the answer; who: as in the request. */
void rspamd_json(const struct gate_answer *a, unsigned level, enum policy_who who, struct buf *out);
/* `version`: "1.3", as the client wrote it. Such clients know one threshold: it is where the policy's mildest action begins, and
 * mail to which nothing is done stays below it. */
void rspamd_text(const struct gate_answer *a, const char *version, struct buf *out);

#endif
