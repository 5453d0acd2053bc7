/* log_line: what a reader of one line says of it, and the words for what is wrong with one.
 * Threads: plain values.  Cost: a reason is written only where somebody wants it (text not NULL). */
#ifndef POSSE_FLOW_LOG_LINE_H
#define POSSE_FLOW_LOG_LINE_H

#include "flow/record.h"

enum log_line {
    LOG_BROKEN = -1, /* counted, and the first ones named */
    LOG_NOTHING = 0, /* a header, a comment, an empty line */
    LOG_RECORD = 1,
    LOG_OTHER = 2,   /* well-formed and of no use here: another log's line, a protocol that is not IP */
};
enum { LOG_WHY = 160 };
struct log_why { char text[LOG_WHY]; };

/* Writes the reason (why may be NULL) and returns LOG_BROKEN. Bytes of a log come in as spans, cut short and made printable. */
enum log_line log_broken(struct log_why *why, const char *what, struct span field, struct span value);

/* All but the texts of its kind's union, which the reader fills. */
static inline void log_clear(struct flow *f)
{
    memset(f, 0, offsetof(struct flow, dns));
    f->dns.n_answers = 0;
}
static inline void log_clear_kind(struct flow *f)
{
    switch (f->kind) {
    case FLOW_DNS: memset(&f->dns, 0, offsetof(struct flow, dns.answer) - offsetof(struct flow, dns)); f->dns.n_answers = 0; break;
    case FLOW_HTTP: memset(&f->http, 0, sizeof f->http); break;
    case FLOW_TLS: memset(&f->tls, 0, sizeof f->tls); break;
    case FLOW_SMTP: memset(&f->smtp, 0, sizeof f->smtp); break;
    default: break;
    }
}

#endif
