/* change: collapse, surge, pause and return of a rate, against its own daily, weekly and burst pattern.
 *
 * Fed with counts by the minute. What is expected comes from the series' own past (hour of day, day of week, bursts, overdispersion),
 * what is odd from Bayesian online change points (Adams & MacKay 2007) over it, so that nights, weekends and bursts are no news.
 * Causes: a spam trap alone cannot tell a pause from a takedown: what fell is "quiet, cause unknown" until something from outside says
 * otherwise (change_tell: an analyst, controllers down, a case's day of action). A silence of the trap itself (`is_watching` false, or
 * everything falls at once, the traffic that is no spam too) is no change of anybody's.
 * Promised: a fall of 90% at one message a second is dated within 10 minutes; without a fall no collapse in 200 years of minutes.
 * Ownership: opaque; one a series.  Units: ms, messages.  Threads: one writer.  Limits: keeps CHANGES_MAX changes, the latest.
 * Errors: ENOMEM.  Minutes come in order; gaps are minutes of 0 while the trap was watching. */
#ifndef POSSE_BOTNET_CHANGE_H
#define POSSE_BOTNET_CHANGE_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/reader.h"
#include "base/report.h"

enum { CHANGES_MAX = 256 };
enum change_kind { CHANGE_COLLAPSE, CHANGE_SURGE, CHANGE_PAUSE /* a silence like ones before */, CHANGE_RETURN };
enum change_cause { CAUSE_UNKNOWN, CAUSE_TAKEDOWN, CAUSE_TRAP /* the trap went silent */, CAUSE_OWN_PATTERN };
struct change {
    enum change_kind kind;
    enum change_cause cause;
    int64_t at_ms, at_lo_ms, at_hi_ms;  /* when it happened, with its 95% interval */
    int64_t told_ms;                    /* up to which minute one had to look to be sure */
    struct estimate before, after;      /* messages a minute */
    double probability;
};
struct change_series;
int change_new(struct change_series **out, struct report *why);
void change_free(struct change_series **s);
/* The minute that begins at minute_ms; is_watching: the trap was up. true: something changed, or what is known of a change did. */
bool change_add(struct change_series *s, int64_t minute_ms, double messages, bool is_watching);
/* Something from outside says why; applies to a collapse within `slack_ms` of at_ms. false: there was none. */
bool change_tell(struct change_series *s, int64_t at_ms, int64_t slack_ms, enum change_cause cause);
size_t change_list(const struct change_series *s, struct change *out, size_t max); /* oldest first */
/* Since when it has been quiet; 0: it is not. */
int64_t change_quiet_since(const struct change_series *s);
int change_save(const struct change_series *s, struct buf *out);
int change_load(struct reader *r, struct change_series **out, struct report *why);

#endif
