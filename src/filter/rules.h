/* rules: lists and expressions that the operator writes; declarative, no code.
 *
 * A rule file is UTF-8 lines; '#' before a word starts a comment; a line ending in '\' goes on:
 *     allow|deny from|envelope-from|to|domain|network|url-domain|header:NAME  VALUE...  ["reason"]
 *     score  ±BITS  subject|body|header:NAME|raw-header|url|filename  /EXPRESSION/flags  "reason"
 *     score  ±BITS  anomaly:NAME  "reason"
 *     include  PATH
 * VALUE: an address, `@domain` or `domain` (and its subdomains when written `.domain`), CIDR networks; a header's whole
 * value, any case. flags: i s m u (caseless, dot matches newline, ^ and $ match at lines, \w and \d of all scripts).
 * PATH is relative to the file that includes it. A string in quotes may hold \" and \\.
 * allow and deny are worth config filter.list_bits (default 30); a score is exactly its bits. Each hit is one reason.
 *
 * Who could forge a hit: only `network` comes from the socket. From, To and links are the sender's to choose, so an
 * `allow` is strict where a `deny` is broad: allow from|domain wants exactly one mailbox in exactly one From; allow to
 * believes the envelope's recipients if there are any; allow url-domain wants every web link to be on the list.
 * `domain` is that of From; for deny also that of the envelope's sender.
 *
 * All expressions compile to one Vectorscan database a target; compiled databases are cached beside the
 * model, keyed by a digest of the rules and the library's version, because compiling takes a second.
 * An expression that Vectorscan cannot take (back-references, look-around) runs under PCRE2 with match limits.
 * body is the visible text, block by block; url is `scheme://host/path?query` as a browser would read it.
 * Limits: expressions of 4 KB that cannot match nothing; files of 16 MB, 8 deep, 100,000 rules; of each text the first
 * and the last 64 KB are scanned, so that padding cannot push what matters out of sight from one side.
 * Errors: POSSE_ESYNTAX: file, line and column, and what was expected; unknown names suggest the nearest.
 * Ownership: struct rules is immutable after loading and shared by threads; rules_scratch is one a thread.
 * Cost: one scan of each target text, 200-300 MB/s with 1,000 expressions. */
#ifndef POSSE_FILTER_RULES_H
#define POSSE_FILTER_RULES_H

#include "base/arena.h"
#include "base/report.h"
#include "mail/message.h"
#include "mail/envelope.h"

enum { RULE_MATCHED_MAX = 48 };

struct rules;
struct rules_scratch;

struct rule_hit {
    double bits;
    const char *reason;   /* lives with the rules */
    uint32_t line;        /* of the rule */
    const char *file;
    bool is_list;         /* allow or deny */
    struct span matched;  /* the tail end of what matched, at most RULE_MATCHED_MAX bytes, UTF-8 unless of raw-header; in the
                             message or the arena; may be empty */
};

/* list_bits 0: 30. cache_dir: of the user's own, closed to others (home.h), or it is not used; NULL: no cache. */
struct rules_options { double list_bits; const char *cache_dir; };
int rules_load(const char *const *paths, size_t n, const struct rules_options *o, struct rules **out, struct report *why);
/* The same from memory: tests and fuzzers; `name` stands for the path. `include` is refused. */
int rules_parse(struct span text, const char *name, const struct rules_options *o, struct rules **out, struct report *why);
void rules_free(struct rules **r);
size_t rules_n(const struct rules *r);
size_t rules_n_slow(const struct rules *r); /* expressions that run under PCRE2, one by one */

/* NULL: out of memory. */
struct rules_scratch *rules_scratch_new(const struct rules *r);
void rules_scratch_free(struct rules_scratch **s);

/* Appends hits to out[0..max), each rule at most once; returns how many. Order: as in the files.
 * Past max, hits are left out and their bits lost: give room for rules_n. env may be NULL. */
size_t rules_match(const struct rules *r, struct rules_scratch *s, struct mail_parser *p, struct arena *a, const struct message *m,
                   const struct envelope *env, struct rule_hit *out, size_t max);

#endif
