/* change_priv: a series, as the files of change see it. Minutes are numbered since 1970. */
#ifndef POSSE_BOTNET_CHANGE_PRIV_H
#define POSSE_BOTNET_CHANGE_PRIV_H

#include "botnet/change.h"

#define MINUTE_MS ((int64_t)60000)
#define MINUTE_NONE INT64_MIN
enum {
    DAY = 1440, WEEK = 7 * DAY,    /* minutes */
    RECENT = 180,                  /* minutes kept one by one, to date a change */
    DIPS = 64,                     /* the longest dips of the memory */
    MEMORY = 400 * DAY, MEMORY_EARLY = 60 * DAY, EARLY = 14 * DAY,
    PEAKS = 60                     /* days whose highest hours are known */
};

/* What a series is like. Only doubles: saved as they lie. */
struct pattern {
    double messages, weight;       /* decayed sums: level = messages / weight */
    double hour_of_day[24], hours_learnt[24], day_of_week[7], days_learnt[7]; /* factors around 1 */
    double steps2, stepped;        /* squared steps from minute to minute, messages: their ratio is the index of dispersion */
    double active2;                /* decayed sum of an hour's rate times its messages: over `messages`, the rate at which it sends if it does */
    double off2, off_n;            /* squared deviation of whole days from what was expected */
    double hour_messages, hour_weight, hour_minutes;            /* of the hour that runs */
    double day_messages, day_weight, day_flat;                  /* of the day; flat: without the day of week */
    double learnt;                 /* minutes */
    double hours_off2, hours_off_n, days_off2, days_off_n; /* how far hours and days are off their factors, squared; decayed */
    double hour_trust, day_trust;  /* how much of what the factors differ is more than that chance: 0 to 1 */
};

struct dip {
    int64_t minute, minutes;       /* when it began, how long it was */
    double length;                 /* in minutes of mean activity, as the pattern is now */
    bool is_silent;                /* nothing at all came */
};

/* Dips that are this series' own, and what follows for the next one. */
struct dips {
    struct dip of[DIPS];
    size_t n;
    double usual, excess, rate;    /* half of the time in dips is in ones longer than `usual`; by how much, on average; how many a year */
    double longest;
};

struct change_series {
    int64_t first, minute;         /* the first, the last that was added */
    struct pattern pattern;
    struct dips dips;
    float recent[RECENT];          /* by minute % RECENT */
    size_t n_recent;               /* how many in a row */
    /* the dip that may be one */
    double score;
    int64_t zero;                  /* the last minute in which score was 0 */
    bool is_dip, is_step;
    int64_t at, lo, hi;            /* when it began */
    double length, expected, observed; /* since: minutes of mean activity, messages (expected: if it sent) */
    double peak_left;                  /* highest part of what was expected that an hour of it had */
    double was_messages, was_weight;   /* the pattern's level then */
    struct earlier {                   /* the dip before it, and what came since it ended: no return may have been between them */
        int64_t at, lo, hi, end;       /* end MINUTE_NONE: there is none */
        double length, expected, observed, peak_left, was_messages, was_weight;
        double gap_length, gap_expected, gap_observed;
        bool is_step, is_joined;       /* joined: of several */
    } earlier;
    bool is_joined;
    /* the fall that was called */
    bool is_fallen;
    double back_score, left;       /* for its return; what was left of the rate */
    int64_t back_zero, returned;
    double pause_limit;            /* minutes: a pause that lasts longer is a collapse after all; 0: it is one */
    /* surges */
    double peak[PEAKS], today_peak, last_hours[3];
    size_t n_peaks;
    struct change *change;
    size_t n_changes, cap_changes;
};

/* ---- change_learn.c ---- */
void pattern_init(struct pattern *p);
double pattern_level(const struct pattern *p);
double pattern_active(const struct pattern *p);                 /* messages a minute while it sends: a burst's rate, not its mean */
double pattern_weight(const struct pattern *p, int64_t minute); /* how active it usually is at that time: 1 is the mean */
int64_t pattern_after(const struct pattern *p, int64_t minute, double activity); /* when so much of mean activity has passed */
double pattern_dispersion(const struct pattern *p);             /* 1: single messages at random */
void pattern_learn(struct pattern *p, int64_t minute, double messages, double weight, double step);
bool pattern_end_hour(struct pattern *p, int64_t minute);       /* that began at `minute`; false: too little of it was watched */
void pattern_end_day(struct pattern *p, int64_t minute);
/* So many messages less, or more, in an hour so many hours ago (0: the one that runs; today: of the day that runs); never below `least` of what it
 * was. Returns by how much the level changed. */
double pattern_correct(struct pattern *p, double messages, int64_t hours_ago, bool is_today, double least);
struct estimate pattern_rate(const struct pattern *p, double weight);

void dips_add(struct dips *d, struct dip new, int64_t first);
void dips_drop(struct dips *d, int64_t minute, int64_t now, int64_t first); /* it is not over */
/* Once a day: what is too old goes, what is left is measured by the pattern as it is now. */
void dips_review(struct dips *d, const struct pattern *p, int64_t now, int64_t first);
/* How long a dip must last (in minutes of mean activity) before it happens less than `a_year` times a year by itself. */
double dips_limit(const struct dips *d, double a_year, double least);
double dips_probability(const struct dips *d, double length);

/* ---- change_date.c ---- */
/* Where among the recent minutes since `since`, within [from, to], the rate fell, or rose, most likely; false: they are not all there, or it did not. */
bool date_step(const struct change_series *s, bool is_fall, int64_t since, int64_t from, int64_t to, int64_t *at, int64_t *lo, int64_t *hi);
/* A fall may take its time: widens [lo, hi] to hold its beginning and its end, each with 95%. */
void date_slope(const struct change_series *s, int64_t from, int64_t to, int64_t *lo, int64_t *hi);

#endif
