/* log_text: what the readers of text logs share: numbers, times, addresses, names of protocols, escapes.
 * A field is read whole or not at all: "12x" is no number.
 * Owns nothing.  Threads: reentrant.  Errors: false, and *out is as it was.  Cost: a pass over the field. */
#ifndef POSSE_FLOW_LOG_TEXT_H
#define POSSE_FLOW_LOG_TEXT_H

#include "base/span.h"
#include "net/ip.h"

/* SPAN_LIT for constant tables. */
#define LOG_NAME(s) {(const uint8_t *)(s), sizeof(s) - 1}

/* Digits, at most 20; what does not fit 64 bits is no number. */
bool log_u64(struct span s, uint64_t *out);
/* 0 to 65535, decimal or 0x... */
bool log_port(struct span s, uint16_t *out);
/* "1517336042.090842", "-3.5", "1.5e9": seconds as microseconds; within +-292,000 years. */
bool log_seconds(struct span s, int64_t *out_us);
/* "2021-06-06T15:59:46.457984+0200", "...Z", "2018/05/10 10:52:47.283479", "2013-07-09 01:00:23.040": UTC where no zone is told. */
bool log_date(struct span s, int64_t *out_us);
/* As ip_read; dotted IPv4 by a shorter way. */
bool log_ip(struct span s, struct ip *out);
/* "tcp", "UDP", "17", "ipv6-icmp"; false: no protocol over IP ("arp", "llc") or one without a name here. */
bool log_proto(struct span s, uint8_t *out);
/* Zeek's \xNN and doubled backslashes become the bytes that they stand for, where they stand. */
struct span log_unescape(uint8_t *p, size_t n);
/* The next field up to `sep` or the end; false after the last. *rest starts as the whole line. */
static inline bool log_field(struct span *rest, uint8_t sep, struct span *out)
{
    if (!rest->p)
        return false;
    const uint8_t *end = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    if (!end) {
        *out = *rest;
        *rest = SPAN_NONE;
        return true;
    }
    *out = span_of(rest->p, (size_t)(end - rest->p));
    *rest = span_of(end + 1, rest->n - out->n - 1);
    return true;
}
/* Days of the proleptic Gregorian calendar since 1970-01-01. */
int64_t log_days(int year, unsigned month, unsigned day);

#endif
