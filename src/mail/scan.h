/* scan: line by line over a body, sixteen bytes a step: where could a boundary stand,
 * and what kind of bytes are there? The hottest loop of the parser.
 * Owns nothing.  Threads: reentrant.  Errors: none.
 * Cost: about 0.1 ns a byte and 2 ns a line with SSE2 (every x86-64 has it); elsewhere memchr. */
#ifndef POSSE_MAIL_SCAN_H
#define POSSE_MAIL_SCAN_H

#include "base/span.h"

/* What was seen on the way. Only ever set, never cleared. */
struct scan_facts {
    bool high;      /* a byte of 0x80 or more */
    bool nul;
    bool crlf, lf;  /* kinds of line ends */
    bool long_line; /* over 998 bytes, the most that RFC 5322 2.1.1 allows */
    bool uu_begin;  /* a line starts with "begi" */
};

enum { SCAN_LINE_MAX = 998 };

/* From p, which starts a line: the next line start that reads "--", or end.
 * The line at p itself is looked at too. */
const uint8_t *scan_dashes(const uint8_t *p, const uint8_t *end, struct scan_facts *facts);

/* The same without a stop: all of [p, end). */
void scan_lines(const uint8_t *p, const uint8_t *end, struct scan_facts *facts);

/* Only the facts of the bytes: high, nul; *bare_cr: a CR without LF. */
void scan_bytes(struct span s, struct scan_facts *facts, bool *bare_cr);

#endif
