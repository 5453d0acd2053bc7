/* mend: takes one known trouble at a time out of what the oracle reads, so that the rest of the message
 * can still be compared.
 *
 * GMime is right about most mail and wrong, or merely of another opinion, about some. Each kind below
 * changes one matter in the oracle's input (or asks the oracle anew about one field or body) and says by
 * what rule. Our parser always reads the message as it came, and nothing here looks at what it found: the
 * mends have a line reader of their own and GLib's own base64 and UTF-8.
 * MEND_*: a standard decides for us, or the oracle loses bytes. A message that agrees then, agrees.
 * PROBE_*: no standard decides, or it decides for the oracle. The message counts as different; that the
 * probe makes the rest agree proves the cause.
 * Ownership: results are the caller's, to be freed with g_free or g_byte_array_unref. */
#ifndef TESTS_DIFF_MEND_H
#define TESTS_DIFF_MEND_H

#include <gmime/gmime.h>
#include <stdbool.h>
#include <stdint.h>

enum mend {
    MEND_PADDED_WORD,     /* RFC 2047 2, 6.2: a word is decoded on its own; GMime joins base64 across padding */
    MEND_BAD_TYPE,        /* RFC 2045 5.2: a Content-Type that cannot be read is text/plain */
    MEND_REPLACEMENT,     /* RFC 6532 3.2, Unicode 3.9: raw 8-bit is UTF-8, an ill-formed part becomes U+FFFD */
    MEND_SOFT_BREAK,      /* RFC 2045 6.7 (3): blanks at a line's end go before "=" is looked at */
    MEND_QP_JUNK,         /* RFC 2045 6.7, note 2: a stray "=" and the one character after it stand; GMime takes two */
    MEND_BOUNDARY_BLANKS, /* RFC 2046 5.1.1: blanks neither end a boundary nor hide a boundary line */
    MEND_LINE_END,        /* RFC 2046 5.1.1: the line end that is there belongs to the boundary, not a byte more */
    MEND_HEADER_END,      /* RFC 2046 5.1.1: an announced boundary delimits, also where the blank line was lost */
    MEND_LONG_BOUNDARY,   /* RFC 2046 5.1.1: writers end at 70 characters; a match "in its entirety" has no end */
    MEND_UNCLOSED_QUOTE,  /* RFC 2046 5.1.1 wants a boundary: the only one announced counts, its quote left open; */
    MEND_SEMICOLON,       /* or with no ';' before it. GMime loses all parts */
    MEND_NO_HEADER,       /* RFC 5322 2.2: a part's first line that is no field is text; GMime loses it */
    MEND_JUNK_LINE,       /* the same of a later line, after unknown fields alone */
    PROBE_FIRST,
    PROBE_REPEATED_TYPE = PROBE_FIRST, /* RFC 5322 3.6: one Content-Type; which of two, nobody says */
    PROBE_LATIN1,         /* ISO 8859-1 has controls at 80-9F (GMime); WHATWG Encoding reads windows-1252 (here) */
    PROBE_WRONG_CHARSET,  /* RFC 2047 3: a word said to be UTF-8 that is not is damage (GMime); windows-1252 here */
    MEND_N
};
#define MEND_BIT(m) (1u << (m))
enum { MEND_ALL = MEND_BIT(PROBE_FIRST) - 1 };

const char *mend_name(enum mend m);

/* Names that mend_message gives to Content-Type fields, which are then compared and not read: a repeated one
 * (PROBE_REPEATED_TYPE), and the original of one that stands mended before it. */
#define MEND_REPEATED "Content-Typf"
#define MEND_ORIGINAL "Content-Typg"

/* The message with those of the mends that work on its bytes. */
GByteArray *mend_message(const uint8_t *p, size_t n, unsigned mends);
/* A field's raw value, decoded by GMime after mending. */
char *mend_value(GMimeParserOptions *options, const char *raw, unsigned mends);
/* Did GMime say application/octet-stream because it could not read this Content-Type? */
bool mend_is_bad_type(GMimeObject *o);
/* A quoted-printable body, decoded by GMime after mending; NULL: not quoted-printable. */
GByteArray *mend_body(GMimeDataWrapper *w, unsigned mends);

#endif
