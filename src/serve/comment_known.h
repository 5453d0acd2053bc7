/* comment_known: what comments of several sites have in common.
 *
 * Sources: addresses, mail addresses and hosts of pages that were reported as spam. A key has one vote on each, spam or ham, whatever number
 * of reports it sends; a source is known for spam while at least KNOWN_LEAST more keys call it spam than ham: nobody poisons
 * another's verdicts alone. A vote counts for SOURCE_DAYS after the last one.
 * Repeats: texts (their letters, comment_text.h) that other sites got within REPEAT_HOURS. Sites of the asker's own key count
 * one by one, those of another key as one.
 * Limits: 32,768 sources in a file of 1.5 MB, 8,192 texts in memory; of those that share a place the one that was longest unheard
 * of goes first. Names are hashed with a key of the file's own (SipHash); none are kept.
 * Ownership: path NULL keeps sources in memory alone. A file that is damaged or of another version is begun anew: what it held
 * can be lost without harm. One process at a time writes it.
 * Threads: any.  Cost: a hash and eight looks each. */
#ifndef POSSE_SERVE_COMMENT_KNOWN_H
#define POSSE_SERVE_COMMENT_KNOWN_H

#include "base/report.h"
#include "base/span.h"

enum { KNOWN_LEAST = 2, KNOWN_VOTERS_MAX = 6, KNOWN_SITES_MAX = 8, SOURCE_DAYS = 30, REPEAT_HOURS = 6 };
enum known_source { KNOWN_ADDRESS, KNOWN_MAIL, KNOWN_HOST, KNOWN_SOURCES };

struct comment_known;
int comment_known_open(const char *path, struct comment_known **out, struct report *why);
void comment_known_close(struct comment_known **k);

void comment_known_teach(struct comment_known *k, enum known_source kind, struct span value, struct span key,
                         bool is_spam, int64_t now_ms);
/* How many keys more call it spam than ham; 0: it is not known. */
unsigned comment_known_spam(struct comment_known *k, enum known_source kind, struct span value, int64_t now_ms);
/* On how many other sites this text stood of late; notes that it stands on this one now. */
unsigned comment_known_repeats(struct comment_known *k, struct span letters, struct span key, struct span site,
                               int64_t now_ms);

#endif
