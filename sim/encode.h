/* encode: text in UTF-8 as mail carries it: charsets, quoted-printable, base64, encoded words. Adds to `out`. Threads: reentrant. */
#ifndef SIM_ENCODE_H
#define SIM_ENCODE_H

#include "scenario.h"

const char *charset_name(enum charset c);
const char *encoding_name(enum encoding e);
void encode_charset(const char *p, size_t n, enum charset c, struct buf *out); /* what it has not is a ? */
void encode_qp(const char *p, size_t n, struct buf *out);
void encode_base64(const char *p, size_t n, unsigned columns, struct buf *out); /* columns 0: one line, without its end */
/* ASCII as it is; else RFC 2047, by 'b' or 'q' ('r': raw bytes). p is in charset c already. */
void encode_words(const char *p, size_t n, enum charset c, char how, struct buf *out);
/* Breaks lines at blanks; 0: never. */
void encode_wrap(const char *p, size_t n, unsigned columns, struct buf *out);
bool is_ascii(const char *p, size_t n);

#endif
