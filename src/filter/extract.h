/* extract: a message becomes its features, view by view (see feature.h for what a view is).
 *
 * Long inputs are sampled by hash, not cut: past a view's cap only n-grams whose hash falls under a bar are
 * kept, the bar set by the input's length. Every part of a message has the same chance to be seen, and alike
 * messages keep alike samples, so padding in front moves nothing out of sight.
 * Marks of other filters (X-Spam-*, "[SPAM]" in a subject) are never looked at.
 * Ownership: the set lives in the arena; an extractor belongs to one worker.
 * Threads: one extractor a thread.  Cost: see bench/speed; the local views are about half of it. */
#ifndef POSSE_FILTER_EXTRACT_H
#define POSSE_FILTER_EXTRACT_H

#include "mail/envelope.h"
#include "filter/sink.h"
#include "filter/tokens.h"

struct extractor;
struct extractor *extractor_new(void);
void extractor_free(struct extractor **x);

/* Words that make no feature of the text views: sorted, folded, NUL-terminated; they stay the caller's. For training. */
void extractor_without(struct extractor *x, const char *const *words, size_t n);

struct extracted {
    struct feature_set set;
    struct text text;
    const struct note *note; /* one a feature; NULL unless asked for; lives until the next call */
};

/* general_only leaves the local views empty: for a model that was never taught, which cannot read them. */
struct extract_what { bool with_notes, general_only; };

int extract(struct extractor *x, struct mail_parser *p, struct arena *a, const struct message *m,
            const struct envelope *env, struct extract_what what, struct extracted *out);

#endif
