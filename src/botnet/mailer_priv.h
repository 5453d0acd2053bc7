/* mailer_priv: what the files of botnet/mailer share. */
#ifndef POSSE_BOTNET_MAILER_PRIV_H
#define POSSE_BOTNET_MAILER_PRIV_H

#include "botnet/mailer.h"

/* Appends, cut at the end of a value. */
struct word { char *p; size_t n, cap; };
void word_add(struct word *w, const char *text);
void word_byte(struct word *w, char c);
void word_number(struct word *w, unsigned long n);
/* Letters, digits and a few marks; anything else becomes '_': a trait's value is one word. */
void word_clean(struct word *w, struct span text, size_t most);

/* The form of what a program made up (Message-ID, boundary): separators as they stand, runs by alphabet and size class, words that
 * programs put there themselves; has_lengths: exact lengths too. */
void form_of(struct word *w, struct span text, bool has_lengths);
/* Byte by byte, runs counted: d4A1d3.d6 */
void form_shape(struct word *w, struct span text);
/* How a name is written: C capitalised, U upper, l lower, m mixed, d no letters, one for each part between hyphens. */
void form_case(struct word *w, struct span name);

enum trait_kind {
    TRAIT_ORDER, TRAIT_CASE, TRAIT_COLON, TRAIT_MID, TRAIT_DATE, TRAIT_CTYPE, TRAIT_MIME,
    TRAIT_FULL_ORDER, TRAIT_MID_HOST, TRAIT_MID_LENGTH, TRAIT_MID_SHAPE, TRAIT_MID_HEAD, TRAIT_ZONE, TRAIT_BOUNDARY, TRAIT_BOUNDARY_STYLE, TRAIT_CHARSET, TRAIT_ENCODING,
    TRAIT_STRUCTURE, TRAIT_FROM, TRAIT_TO, TRAIT_SUBJECT, TRAIT_CLAIM, TRAIT_HELO, TRAIT_HELO_WORD, TRAIT_FORGED, TRAIT_DIALECT, TRAIT_MAIL_ARGS,
    TRAIT_KINDS
};
struct trait_info {
    const char *name;
    bool in_key;
    double weight;  /* bits that agreement says, of those that mailer_alike counts */
};
extern const struct trait_info trait_info[TRAIT_KINDS];

/* All but the key and the machine. */
void traits_read(const struct message *m, const struct source *s, const struct smtp_dialect *d, struct mailer *out);
void trait_head(const struct message *m, struct mailer *out);
void trait_mime(const struct message *m, struct mailer *out);
struct word trait_begin(struct mailer *out, enum trait_kind k); /* a value with no room left when there are too many */
const char *trait_of(const struct mailer *m, unsigned kind); /* NULL: it has none */

#endif
