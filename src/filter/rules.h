/* rules: lists and expressions that the operator writes; declarative, no code.
 *
 * A rule file is lines; '#' starts a comment; a line ending in '\' goes on:
 *     allow|deny from|envelope-from|to|domain|network|url-domain|header:NAME  VALUE...  ["reason"]
 *     score  ±BITS  subject|body|header:NAME|raw-header|url|filename|anomaly:NAME  /EXPRESSION/flags  "reason"
 *     include  PATH
 * VALUE: an address, `@domain` or `domain` (and its subdomains when written `.domain`), CIDR networks. flags: i s m u.
 * allow and deny are worth config filter.list_bits (default 30); a score is exactly its bits. Each hit is one reason.
 * All expressions compile to one Vectorscan database a target; compiled databases are cached beside the
 * model, keyed by a digest of the rules and the library's version, because compiling takes a second.
 * An expression that Vectorscan cannot take (back-references, look-around) runs under PCRE2 with match limits.
 * Errors: POSSE_ESYNTAX: file, line and column, and what was expected; unknown names suggest the nearest.
 * Ownership: struct rules is immutable after loading and shared by threads; rules_scratch is one a thread.
 * Cost: one scan of each target text, 200-300 MB/s with 1,000 expressions. */
#ifndef POSSE_FILTER_RULES_H
#define POSSE_FILTER_RULES_H

#include "base/arena.h"
#include "base/report.h"
#include "mail/message.h"
#include "filter/envelope.h"

struct rules;
struct rules_scratch;

struct rule_hit {
    double bits;
    const char *reason;   /* lives with the rules */
    uint32_t line;        /* of the rule */
    const char *file;
    bool is_list;         /* allow or deny */
    struct span matched;  /* what matched, in the message, capped; may be empty */
};

struct rules_options { double list_bits; const char *cache_dir; /* NULL: no cache */ };
int rules_load(const char *const *paths, size_t n, const struct rules_options *o, struct rules **out, struct report *why);
/* The same from memory: tests and fuzzers; `name` stands for the path. */
int rules_parse(struct span text, const char *name, const struct rules_options *o, struct rules **out, struct report *why);
void rules_free(struct rules **r);
size_t rules_n(const struct rules *r);

struct rules_scratch *rules_scratch_new(const struct rules *r);
void rules_scratch_free(struct rules_scratch **s);

/* Appends hits to out[0..max), each rule at most once; returns how many. Order: as in the files. */
size_t rules_match(const struct rules *r, struct rules_scratch *s, struct mail_parser *p, struct arena *a, const struct message *m,
                   const struct envelope *env, struct rule_hit *out, size_t max);

#endif
