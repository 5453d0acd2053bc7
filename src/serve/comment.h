/* comment: judges comments as the gate judges mail: by an engine of their own (models/comments.posse), by what each site taught, and by
 * what several sites have in common (comment_known.h). One door asks, the Akismet one; more may.
 *
 *   C1  What one site teaches moves that site's verdicts and no other's (comment_site.h).
 *   C2  What several keys report, or several sites got, adds bits to everybody's verdicts, with its own reason; no key can do that alone.
 *   C3  A field that only machines fill in (honeypot) is spam, and certain.
 *   C4  Tests (is_test, Akismet's own samples) teach nothing and are counted nowhere.
 *   C5  Costs and mode come from the policy "comments" (policy.h); verdicts go to history, log and counters as mail's do.
 * State: HOME/comments (sites, sources, usage). Without it nothing is lost but what was taught.
 * Ownership: requests are the caller's for the call. Threads: any; calls block (teaching waits for the disk).
 * Errors: a failing environment is negative with `why`; comments_in_trouble then says what to answer. */
#ifndef POSSE_SERVE_COMMENT_H
#define POSSE_SERVE_COMMENT_H

#include "serve/akismet_proto.h"
#include "serve/comment_usage.h"
#include "serve/gate.h"

struct comments;
/* model: NULL: akismet.model, else models/comments.posse as it ships; "": none. */
int comments_open(struct gate *g, const char *model, struct comments **out, struct report *why);
void comments_close(struct comments **c);
/* Takes the gate's configuration as it is now; a bad one changes nothing. */
int comments_reload(struct comments *c, struct report *why);

enum comment_key { COMMENT_KEY_UNKNOWN, COMMENT_KEY_FINE, COMMENT_KEY_OTHER_SITE };
/* May this key ask, for this blog? blog empty: for any. */
enum comment_key comments_key(struct comments *c, struct span key, struct span blog, int64_t now_ms);
/* One call of a key's hour (akismet.per_hour). False: it has none left for wait_ms. */
bool comments_take(struct comments *c, struct span key, int64_t now_ms, int64_t *wait_ms_out);
uint64_t comments_per_hour(struct comments *c);

struct comment_asked {
    const struct akismet_request *r;
    struct span key;
    int64_t now_ms;
};
struct comment_verdict {
    bool is_spam, is_certain; /* what the site is told: by the policy, in observe mode never */
    enum action action, would;
    double bits, threshold_bits;
    char id[24];
};
int comments_judge(struct comments *c, const struct comment_asked *q, struct comment_verdict *out, struct report *why);
/* POSSE_EEXIST: it knew; POSSE_ELIMIT: teach.per_hour or akismet.sites; POSSE_EINVAL: nothing to learn from. */
int comments_teach(struct comments *c, const struct comment_asked *q, enum lesson_class klass, struct report *why);
enum policy_trouble comments_in_trouble(struct comments *c);
struct comment_usage *comments_usage(struct comments *c);

#endif
