/* change: collapse, surge, pause and return of a rate, against its own daily, weekly and burst pattern.
 *
 * Fed with counts by the minute. What is expected is the series' own level by hour of day and day of week; a "dip" is a stretch well below
 * that (a cumulative sum of log-likelihood ratios says where it begins and ends). How long dips last is learnt: a sender in bursts has one
 * between any two bursts. A dip is called a collapse when it has lasted longer than the tail of its own earlier dips lets one expect
 * once in 100,000 years; where there were none, that is after ten minutes; where bursts come every other day, after some days, dated back
 * to where the dip began. A series younger than a week is not known: it must be silent until it would be a week old.
 * What counts as a fall: the rate under its pattern. That a burst ends is none; that the next does not come is one, also at Christmas:
 * a silence that is real is said, with its cause unknown, for a spam trap alone cannot tell a pause from a takedown, until something from
 * outside does (change_tell: an analyst, controllers down, a case's day of action).
 * A silence that is not called yet, for the series is too young or has been as silent before, is told by change_quiet, with what is missing.
 * A silence of the trap is no change of anybody's: minutes with is_watching false do not count. Where mail of several senders comes,
 * spam or not, a series of all of it tells when the trap is deaf (change_is_deaf): that is then the other series' is_watching.
 * Measured (bench/observatory/stat): a fall of 90% at one message a second is dated within 10 minutes, with nights and weekends in 198 of 200, and
 * in bursts every other day in 168 of 200, after twelve days; no collapse without a fall in 400 years of each of nine senders with nights,
 * weekends, bursts and Christmas; one in 400 of one whose rate wanders by half.
 * Ownership: opaque; one a series, 4 KB.  Units: ms, messages.  Threads: one writer.  Limits: keeps CHANGES_MAX changes, the latest.
 * Errors: ENOMEM at new and load only. Minutes come in order, each once when it is over; gaps are minutes of 0 while the trap was
 * watching; what comes for a minute that was there already is learnt from, but dates nothing.  Cost: 40 ns a minute. */
#ifndef POSSE_BOTNET_CHANGE_H
#define POSSE_BOTNET_CHANGE_H

#include "base/buf.h"
#include "base/estimate.h"
#include "base/reader.h"
#include "base/report.h"
#include "botnet/share.h"

enum { CHANGES_MAX = 256 };
enum change_kind { CHANGE_COLLAPSE, CHANGE_SURGE, CHANGE_PAUSE /* a silence like ones before */, CHANGE_RETURN };
enum change_cause { CAUSE_UNKNOWN, CAUSE_TAKEDOWN, CAUSE_TRAP /* the trap went silent */, CAUSE_OWN_PATTERN };
struct change {
    enum change_kind kind;
    enum change_cause cause;
    int64_t at_ms, at_lo_ms, at_hi_ms;  /* when it happened, with its 95% interval */
    int64_t told_ms;                    /* up to which minute one had to look to be sure */
    int64_t ended_ms;                   /* of a collapse or pause: when it came back; 0: it did not */
    struct estimate before, after;      /* messages a minute: what its pattern let expect, what came */
    double probability;                 /* that it is none of its own dips */
};
struct change_series;
int change_new(struct change_series **out, struct report *why);
void change_free(struct change_series **s);
/* The minute that begins at minute_ms; is_watching: the trap was up. true: something changed, or what is known of a change did. */
bool change_add(struct change_series *s, int64_t minute_ms, double messages, bool is_watching);
/* What came in these hours was another's (is_taken; `whole`: of so many then), or is this one's too: its level is put right, what was told
 * stays told. */
void change_correct(struct change_series *s, const struct share_moved *hour, size_t n, bool is_taken);
/* Something from outside says why; applies to the collapse or pause nearest to at_ms within slack_ms, and makes one of a quiet that was not
 * called where CAUSE_TAKEDOWN is told of it. CAUSE_TRAP takes a fall back: the series goes on as if it had not been. false: there was none. */
bool change_tell(struct change_series *s, int64_t at_ms, int64_t slack_ms, enum change_cause cause);
size_t change_list(const struct change_series *s, struct change *out, size_t max); /* the latest `max`, oldest first */
/* Since when it has been quiet after a fall that was called; 0: none was. */
int64_t change_quiet_since(const struct change_series *s);
/* Quiet beyond chance, called or not: since when, and why that is no collapse (yet). */
enum quiet_why {
    QUIET_CALLED,                       /* it is one */
    QUIET_YOUNG,                        /* it is known for less than a week: what silences are its own nobody knows */
    QUIET_RETURNED,                     /* it came back from one two days ago or less */
    QUIET_OWN,                          /* it has been silent for nearly so long before */
    QUIET_SLOPE                         /* it did not fall at once: its rate may wander */
};
struct change_quiet {
    int64_t since_ms, lo_ms, hi_ms;     /* as of a change */
    int64_t known_ms;                   /* for how long it had been known then */
    double expected, came;              /* messages since then, by its pattern, and counted */
    enum quiet_why why;
    int64_t sure_ms;                    /* if it stays as quiet until then it is a collapse; 0: it is one */
};
bool change_quiet(const struct change_series *s, struct change_quiet *out); /* false: it is not quiet */
/* A series of all mail that comes: nothing has come for five minutes or more, and it never was so silent: probably the trap is. */
bool change_is_deaf(const struct change_series *s);
int change_save(const struct change_series *s, struct buf *out);
int change_load(struct reader *r, struct change_series **out, struct report *why);

#endif
