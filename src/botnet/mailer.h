/* mailer: which program wrote this message, by how it writes.
 *
 * Traits: order, case and folding of header fields, forms of Message-ID, boundary, Date, Received and HELO, encodings, charsets, what is
 * there and what is not; the SMTP dialect where a door saw the dialogue (B@bel, Stringhini et al., USENIX Security 2012). A trait's
 * value is a small word ("mid=<hex12@helo>"), never text of the message. The key of a message is the hash of its traits that do not change
 * from one message of a program to the next; values that vary (names, numbers) are described by their form only.
 * Known families are data files in models/mailers/ (posse-mailer(5)): traits with weights, each with its published source. Unknown programs
 * get a stable name of their own from their key: the same on every machine, in every run.
 * Anybody can copy a mailer: a match is evidence with a probability, never proof; attribution says where sources disagree.
 * Machine: a greeting of one word that is not common is the name that somebody gave a computer; a botnet that makes one up for each
 * message spoils it, which who counts machines must notice (more of them than addresses).
 * Ownership: values; the book owns the families.  Threads: reentrant; a book is read-only once read.  Errors: ESYNTAX names file, line.
 * Limits: MAILER_TRAITS; 256 families, 64 traits each, 64 KB a file.  Cost: some microseconds a message. */
#ifndef POSSE_BOTNET_MAILER_H
#define POSSE_BOTNET_MAILER_H

#include "base/report.h"
#include "botnet/dialect.h"
#include "mail/message.h"
#include "sender/received.h"

enum { MAILER_TRAITS = 32, MAILER_TRAIT_TEXT = 48, MAILER_NAME = 32 };

struct mailer_trait { uint8_t kind; char value[MAILER_TRAIT_TEXT]; };
struct mailer {
    uint64_t key;              /* 0: nothing to go by */
    uint64_t machine;          /* hash of a trait that is one machine's own; 0: none */
    struct mailer_trait trait[MAILER_TRAITS];
    size_t n;
};
/* s and d (nobody heard the dialogue) may be NULL; the key does not depend on them. Never fails: needs no memory. */
void mailer_read(const struct message *m, const struct source *s, const struct smtp_dialect *d, struct mailer *out);
const char *mailer_trait_name(unsigned kind); /* "mid", "boundary", ... */

struct mailer_book;
/* All *.mailer files of a folder, in order of their names (the form: posse-mailer(5)); NULL or a folder that is not there: an empty
 * book. POSSE_ESYNTAX: "FILE:LINE: what is wrong". */
int mailer_book_open(const char *folder, struct mailer_book **out, struct report *why);
/* One file's text; adds a family. name is for errors. */
int mailer_book_read(struct mailer_book *b, struct span text, const char *name, struct report *why);
int mailer_book_new(struct mailer_book **out);
void mailer_book_free(struct mailer_book **b);
size_t mailer_book_size(const struct mailer_book *b);
const char *mailer_book_family(const struct mailer_book *b, size_t i);

enum { MAILER_REASONS = 8 };
struct mailer_match {
    const char *family;           /* the book's */
    double probability, bits;
    struct { const char *trait, *source; double bits; } reason[MAILER_REASONS]; size_t n_reasons; /* the book's; heaviest first */
};
/* The families that it may be, most likely first; 0: none is likelier than not. */
size_t mailer_match(const struct mailer_book *b, const struct mailer *m, struct mailer_match *out, size_t max);
/* The stable name of what nobody described: "mailer-" and a proquint of the key. */
void mailer_name(uint64_t key, char out[MAILER_NAME]);
/* How alike two mailers are, 0 to 1: for a program that changed a little. */
double mailer_alike(const struct mailer *a, const struct mailer *b);

#endif
