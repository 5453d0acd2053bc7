/* change: minute by minute: dips begin and end, one that lasts too long is a fall, a fall may end in a return; hour by hour: surges. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/fmath.h"
#include "botnet/change_priv.h"

/* A dip is told from no dip as 15% of what is sent if it sends from 50%: the sum of log-likelihood ratios turns at 29%. */
static const double DIP_LEFT = 0.15, DIP_USUAL = 0.50, DIP_LOG = 1.2039728043259361 /* log(0.50 / 0.15) */;
static const double DIP_SCORE = 12, CALL_SCORE = 20, BACK_SCORE = 15, SURGE = 2.5, FALL_LEFT = 0.3, LEFT_MOST = 0.2, GAP_LEFT = 0.4;
static const double A_YEAR = 1e-4;                   /* falls that are none, called */
enum { LEAST = 10, LEAST_SLOPE = 12 * 60, STEP_BEFORE = 30, SLOPE_KNOWN = 60 * DAY, LEAST_DEAF = 5, YOUNG = WEEK, BACK_MINUTES = 30, AFTER_RETURN = 2 * DAY, AT_ONCE = 60, GAP_DIP = 2 * DAY, GAP_KNOWN = 28 * DAY, GAP_MOST = 400 * DAY };

int change_new(struct change_series **out, struct report *why)
{
    struct change_series *s = calloc(1, sizeof *s);
    struct change *change = calloc(4, sizeof *change);
    if (!s || !change) {
        free(s);
        free(change);
        return report_set(why, POSSE_ENOMEM, "change: no memory");
    }
    s->first = s->minute = s->earlier.end = MINUTE_NONE;
    s->change = change;
    s->cap_changes = 4;
    pattern_init(&s->pattern);
    *out = s;
    return POSSE_OK;
}

void change_free(struct change_series **s)
{
    if (!*s)
        return;
    free((*s)->change);
    free(*s);
    *s = NULL;
}

/* Room for one more; the oldest goes where there is none. */
static struct change *add_change(struct change_series *s)
{
    if (s->n_changes == s->cap_changes && s->cap_changes < CHANGES_MAX) {
        struct change *more = realloc(s->change, 2 * s->cap_changes * sizeof *more);
        if (more) {
            s->change = more;
            s->cap_changes *= 2;
        }
    }
    if (s->n_changes == s->cap_changes)
        memmove(s->change, s->change + 1, --s->n_changes * sizeof *s->change);
    s->change[s->n_changes] = (struct change){0};
    return &s->change[s->n_changes++];
}

static struct change *last_fall(const struct change_series *s)
{
    for (size_t i = s->n_changes; i-- > 0;)
        if (s->change[i].kind == CHANGE_COLLAPSE || s->change[i].kind == CHANGE_PAUSE)
            return &s->change[i];
    return NULL;
}

static struct estimate counted(double messages, double minutes, double dispersion)
{
    double mid = minutes > 0 ? messages / minutes : 0, half = minutes > 0 ? 1.96 * sqrt(dispersion * (messages + 1)) / minutes : 0;
    return (struct estimate){half < mid ? mid - half : 0, mid, mid + half, (uint64_t)messages, "counted"};
}

/* ---- falls ---- */

static double dip_evidence(const struct change_series *s)
{
    return ((DIP_USUAL - DIP_LEFT) * s->expected - DIP_LOG * s->observed) / pattern_dispersion(&s->pattern);
}

/* Earlier silences of the same days of the year, or three of any: how long the longest was, 0: there were none. */
static double earlier_pause(const struct change_series *s, int64_t at_ms)
{
    const double year = 365.25 * DAY;
    double season = 0, any = 0;
    unsigned n = 0;
    for (size_t i = 0; i < s->n_changes; i++) {
        const struct change *c = &s->change[i];
        if (!c->ended_ms || c->cause == CAUSE_TRAP || c->cause == CAUSE_TAKEDOWN)
            continue;
        double length = (double)((c->ended_ms - c->at_ms) / MINUTE_MS), apart = fmod((double)((at_ms - c->at_ms) / MINUTE_MS), year);
        any = length > any ? length : any;
        n++;
        if ((apart < 10 * DAY || apart > year - 10 * DAY) && at_ms - c->at_ms > 300 * DAY * MINUTE_MS)
            season = length > season ? length : season;
    }
    return season > 0 ? season : n >= 3 ? any : 0;
}

static void call_fall(struct change_series *s, double limit)
{
    struct pattern *p = &s->pattern;
    double minutes = (double)(s->minute + 1 - s->at), dispersion = pattern_dispersion(p);
    double level = pattern_level(p), was = level > 0 && s->was_weight > 0 ? s->was_messages / s->was_weight / level : 1;
    p->messages *= was; /* what was learnt of the silence is taken back */
    p->active2 *= was;
    p->hour_messages = p->hour_weight = p->hour_minutes = p->day_messages = p->day_weight = p->day_flat = 0;
    double pause = earlier_pause(s, s->at * MINUTE_MS);
    struct change *c = add_change(s);
    if (limit > LEAST) { /* one of its own dips may have begun it */
        int64_t usual = pattern_after(p, s->at, s->dips.usual);
        s->hi = usual > s->hi ? usual : s->hi;
    }
    s->hi = s->hi > s->minute + 1 ? s->minute + 1 : s->hi;
    *c = (struct change){.kind = pause > 0 ? CHANGE_PAUSE : CHANGE_COLLAPSE, .cause = CAUSE_UNKNOWN,
                         .at_ms = s->at * MINUTE_MS, .at_lo_ms = s->lo * MINUTE_MS, .at_hi_ms = s->hi * MINUTE_MS,
                         .told_ms = (s->minute + 1) * MINUTE_MS, .before = pattern_rate(p, s->length / minutes),
                         .after = counted(s->observed, minutes, dispersion),
                         .probability = 1 - dips_probability(&s->dips, s->length)};
    s->pause_limit = pause > 0 ? 1.5 * pause : 0;
    s->is_fallen = true;
    s->is_dip = false;
    s->earlier.end = MINUTE_NONE;
    s->left = fmin(fmax(s->peak_left, s->observed / s->expected), LEFT_MOST);
    s->back_score = 0;
    s->back_zero = s->minute;
}

/* How many minutes a dip of a series that is hardly known must last. */
static int64_t patience(const struct change_series *s)
{
    int64_t known = s->at - s->first, since = s->at - s->returned;
    if (known < YOUNG)
        return 2 * (YOUNG - known);
    return s->returned && since < AFTER_RETURN ? AFTER_RETURN - since : 0;
}

/* A rate that wanders gets low by and by; one that was cut falls from where it was. */
static bool is_step(const struct change_series *s)
{
    int64_t minutes = s->minute + 1 - s->at;
    double before = 0;
    if ((int64_t)s->n_recent < minutes + STEP_BEFORE)
        return false;
    for (int64_t m = s->at - STEP_BEFORE; m < s->at; m++)
        before += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    return s->observed / (double)minutes <= 0.3 * before / STEP_BEFORE;
}

/* How low a rate wanders is seen only in the course of months. */
static double slope_patience(const struct change_series *s)
{
    int64_t known = s->at - s->first;
    return LEAST_SLOPE * (known < SLOPE_KNOWN ? 1 + 6 * (1 - (double)known / SLOPE_KNOWN) : 1);
}

/* Nothing, or next to nothing, where chance alone would give some. */
static bool is_quiet(const struct change_series *s)
{
    return s->is_dip && s->length >= LEAST && dip_evidence(s) >= CALL_SCORE && s->observed <= FALL_LEFT * pattern_level(&s->pattern) * s->length;
}

/* Since when it sends, if it was silent before; else MINUTE_NONE. */
static int64_t burst_began(const struct change_series *s)
{
    const struct earlier *e = &s->earlier;
    return e->end != MINUTE_NONE && e->end - e->at >= AT_ONCE && s->zero > e->end ? e->end : MINUTE_NONE;
}

static bool try_fall(struct change_series *s)
{
    int64_t minutes = s->minute + 1 - s->at, since = s->minute - s->zero, began = s->zero + 1;
    if ((since == 10 || since == 30 || since == 60) && s->at >= began - AT_ONCE) { /* not one that goes on */
        date_step(s, true, burst_began(s), began - AT_ONCE, began + AT_ONCE, &s->at, &s->lo, &s->hi);
        if (since != 30)
            date_slope(s, began - AT_ONCE, began + AT_ONCE, &s->lo, &s->hi);
        s->is_step = is_step(s);
        minutes = s->minute + 1 - s->at;
    }
    if (minutes < patience(s) || !is_quiet(s))
        return false;
    double limit = dips_limit(&s->dips, A_YEAR, LEAST);
    if (s->length <= limit || (!s->is_step && s->length < slope_patience(s)))
        return false;
    call_fall(s, limit);
    return true;
}

/* What ended a dip was no return where less than GAP_LEFT of what is usual came until the next: a burst of what is left of it. Of a series
 * that is older than four weeks, for until then a low day is not known as such. */
static bool go_on(struct change_series *s, double unsure)
{
    struct earlier *e = &s->earlier;
    bool is_known = e->end != MINUTE_NONE && e->at - s->first >= GAP_KNOWN && s->zero - e->end <= GAP_DIP;
    if (!is_known || e->gap_observed > GAP_LEFT * e->gap_expected)
        return false;
    dips_drop(&s->dips, e->at, s->minute, s->first);
    int64_t here = s->zero + 2 + (int64_t)fmin(unsure, DAY); /* it may be here that it fell, in a weak burst */
    s->at = e->at;
    s->lo = e->lo;
    s->hi = e->is_joined || e->hi > here ? e->hi : here;
    s->is_joined = true;
    s->is_step = e->is_step;
    s->length += e->length + e->gap_length;
    s->expected += e->expected + e->gap_expected;
    s->observed += e->observed + e->gap_observed;
    s->peak_left = fmax(e->peak_left, e->gap_expected > 0 ? e->gap_observed / e->gap_expected : 0);
    s->was_messages = e->was_messages;
    s->was_weight = e->was_weight;
    e->end = MINUTE_NONE;
    return true;
}

static void begin_dip(struct change_series *s, double expected)
{
    double unsure = 3 * pattern_dispersion(&s->pattern) / expected; /* no message in so long: 5% */
    if (go_on(s, unsure)) {
        s->is_dip = true;
        return;
    }
    s->is_dip = true;
    s->at = s->lo = s->zero + 1;
    s->hi = s->at + 1 + (int64_t)(unsure < DAY ? unsure : DAY);
    date_step(s, true, burst_began(s), s->at - AT_ONCE, s->at + AT_ONCE, &s->at, &s->lo, &s->hi);
}

static void no_dip(struct change_series *s)
{
    s->is_dip = s->is_step = s->is_joined = false;
    s->score = s->length = s->expected = s->observed = s->peak_left = 0;
    s->zero = s->minute;
    s->was_messages = s->pattern.messages;
    s->was_weight = s->pattern.weight;
}

static bool is_silent(const struct change_series *s) { return s->observed <= 0.02 * s->expected; }

/* What came since the last dip. */
static void widen_gap(struct change_series *s)
{
    s->earlier.gap_length += s->length;
    s->earlier.gap_expected += s->expected;
    s->earlier.gap_observed += s->observed;
}

static void end_dip(struct change_series *s)
{
    dips_add(&s->dips, (struct dip){s->at, s->minute - s->at, s->length, is_silent(s)}, s->first);
    s->earlier = (struct earlier){s->at, s->lo, s->hi, s->minute, s->length, s->expected, s->observed, s->peak_left, s->was_messages,
                                  s->was_weight, 0, 0, 0, s->is_step, s->is_joined};
}

static bool watch_dip(struct change_series *s, double messages, double expected, double weight)
{
    s->score += ((DIP_USUAL - DIP_LEFT) * expected - DIP_LOG * messages) / pattern_dispersion(&s->pattern);
    bool is_over = !(s->score > 0);
    if (is_over && s->is_dip) {
        end_dip(s);
        no_dip(s);
    }
    s->score = s->score > DIP_SCORE ? DIP_SCORE : s->score;
    s->length += weight;
    s->expected += expected;
    s->observed += messages;
    if (is_over) {
        widen_gap(s);
        no_dip(s);
        return false;
    }
    if (!s->is_dip && s->score >= DIP_SCORE)
        begin_dip(s, expected);
    return s->is_dip && try_fall(s);
}

/* ---- returns ---- */

static void call_return(struct change_series *s)
{
    struct pattern *p = &s->pattern;
    struct change *fall = last_fall(s);
    int64_t at = s->back_zero + 1, lo = at, hi = at + 1;
    double messages = 0, n = s->minute - s->back_zero < RECENT ? (double)(s->minute - s->back_zero) : RECENT;
    for (int64_t m = s->minute; m > s->minute - (int64_t)n; m--)
        messages += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    date_step(s, false, MINUTE_NONE, at - BACK_MINUTES, at + BACK_MINUTES, &at, &lo, &hi);
    struct estimate before = fall ? fall->after : counted(0, 1, 1);
    if (fall)
        fall->ended_ms = at * MINUTE_MS;
    struct change *c = add_change(s);
    *c = (struct change){.kind = CHANGE_RETURN, .cause = CAUSE_UNKNOWN, .at_ms = at * MINUTE_MS, .at_lo_ms = lo * MINUTE_MS,
                         .at_hi_ms = hi * MINUTE_MS, .told_ms = (s->minute + 1) * MINUTE_MS, .before = before,
                         .after = counted(messages, n, pattern_dispersion(p)), .probability = 1 - fmath_exp(-s->back_score)};
    s->is_fallen = false;
    s->returned = s->minute;
    s->earlier.end = MINUTE_NONE;
    p->messages *= 0.2; /* it may come back as another: what it was soon weighs little */
    p->weight *= 0.2;
    p->active2 *= 0.2;
    no_dip(s);
}

static bool watch_return(struct change_series *s, double messages, double expected)
{
    double low = fmax(1.3 * s->left, 0.03), high = fmax(fmax(3 * s->left, 0.12), 2 * low);
    s->back_score += (messages * fmath_log(high / low) - (high - low) * expected) / pattern_dispersion(&s->pattern);
    if (!(s->back_score > 0)) {
        s->back_score = 0;
        s->back_zero = s->minute;
    }
    s->back_score = s->back_score > 2 * BACK_SCORE ? 2 * BACK_SCORE : s->back_score;
    if (s->back_score >= BACK_SCORE && s->minute - s->back_zero >= BACK_MINUTES) {
        call_return(s);
        return true;
    }
    struct change *fall = last_fall(s);
    if (!fall || !(s->pause_limit > 0) || (double)(s->minute - fall->at_ms / MINUTE_MS) < s->pause_limit)
        return false;
    s->pause_limit = 0;
    fall->kind = CHANGE_COLLAPSE; /* longer than any pause that was one */
    fall->told_ms = (s->minute + 1) * MINUTE_MS;
    return true;
}

/* ---- surges ---- */

static bool call_surge(struct change_series *s, double hour_messages, double minutes)
{
    struct pattern *p = &s->pattern;
    int64_t at = s->minute - 3 * 60 + 1, lo = at, hi = s->minute + 1;
    struct estimate before = pattern_rate(p, pattern_weight(p, s->minute));
    date_step(s, false, MINUTE_NONE, s->minute - RECENT + 10, s->minute - 1, &at, &lo, &hi);
    struct change *c = add_change(s);
    *c = (struct change){.kind = CHANGE_SURGE, .cause = CAUSE_UNKNOWN, .at_ms = at * MINUTE_MS, .at_lo_ms = lo * MINUTE_MS,
                         .at_hi_ms = hi * MINUTE_MS, .told_ms = (s->minute + 1) * MINUTE_MS, .before = before,
                         .after = counted(hour_messages, minutes, pattern_dispersion(p)), .probability = 0.99};
    p->messages *= 0.1;
    p->weight *= 0.1;
    p->active2 *= 0.1;
    s->n_peaks = 0;
    s->today_peak = 0;
    s->returned = s->minute;
    return true;
}

/* Three hours together above two and a half times the highest three of the days before. */
static bool watch_surge(struct change_series *s, double messages, double expected, double minutes)
{
    s->last_hours[0] = s->last_hours[1];
    s->last_hours[1] = s->last_hours[2];
    s->last_hours[2] = expected > 0 ? messages / expected : 0;
    double now = (s->last_hours[0] + s->last_hours[1] + s->last_hours[2]) / 3, top = 1;
    for (size_t i = 0; i < s->n_peaks; i++)
        top = s->peak[i] > top ? s->peak[i] : top;
    bool is_many = messages > 25 * pattern_dispersion(&s->pattern) && s->last_hours[2] > top;
    if (s->n_peaks >= 7 && now > SURGE * top && is_many)
        return call_surge(s, messages, minutes);
    s->today_peak = now > s->today_peak ? now : s->today_peak;
    return false;
}

static void end_day(struct change_series *s)
{
    pattern_end_day(&s->pattern, s->minute);
    dips_review(&s->dips, &s->pattern, s->minute, s->first);
    if (s->n_peaks == PEAKS)
        memmove(s->peak, s->peak + 1, --s->n_peaks * sizeof *s->peak);
    s->peak[s->n_peaks++] = s->today_peak;
    s->today_peak = 0;
}

/* ---- minutes ---- */

static void deaf_minute(struct change_series *s)
{
    s->n_recent = 0;
    s->earlier.end = MINUTE_NONE;
    if (!s->is_fallen && s->minute - s->zero <= AT_ONCE)
        no_dip(s); /* what was about to begin was the trap's silence */
}

static bool pass_minute(struct change_series *s, double messages, bool is_watching)
{
    struct pattern *p = &s->pattern;
    if (!is_watching) {
        deaf_minute(s);
        return false;
    }
    double weight = pattern_weight(p, s->minute), expected = pattern_active(p) * weight;
    int64_t last = ((s->minute - 1) % RECENT + RECENT) % RECENT;
    double step = s->n_recent ? messages - (double)s->recent[last] : 0;
    s->recent[(s->minute % RECENT + RECENT) % RECENT] = (float)messages;
    s->n_recent += s->n_recent < RECENT;
    if (s->is_fallen)
        return watch_return(s, messages, expected);
    bool is_told = expected > 0 && watch_dip(s, messages, expected, weight);
    if (s->is_fallen)
        return is_told;
    pattern_learn(p, s->minute, messages, weight, step);
    if (((s->minute % 60) + 60) % 60 != 59)
        return is_told;
    if (s->is_dip && s->minute - s->zero > 60 && s->minute - s->at >= 60) /* an hour that is all of the dip */
        s->peak_left = fmax(s->peak_left, p->hour_messages / (pattern_active(p) * p->hour_weight));
    double got = p->hour_messages, usual = pattern_level(p) * p->hour_weight, minutes = p->hour_minutes;
    if (pattern_end_hour(p, s->minute))
        is_told |= watch_surge(s, got, usual, minutes);
    if ((s->minute % DAY + DAY) % DAY == DAY - 1)
        end_day(s);
    return is_told;
}

bool change_add(struct change_series *s, int64_t minute_ms, double messages, bool is_watching)
{
    int64_t minute = minute_ms / MINUTE_MS - (minute_ms % MINUTE_MS < 0);
    if (!(messages >= 0) || messages > 1e12)
        messages = 0;
    if (s->minute == MINUTE_NONE) {
        s->first = minute;
        s->minute = minute - 1;
        no_dip(s);
    }
    if (minute <= s->minute) { /* late: it was sent, but when it was looked for it was not there */
        s->pattern.hour_messages += messages;
        return false;
    }
    bool is_told = false;
    if (minute - s->minute > GAP_MOST)
        s->minute = minute - GAP_MOST;
    while (++s->minute < minute)
        is_told |= pass_minute(s, 0, true);
    return pass_minute(s, messages, is_watching) || is_told;
}

/* ---- what was another's ---- */

void change_correct(struct change_series *s, const struct share_moved *hour, size_t n, bool is_taken)
{
    double moved = 0, whole = 0, least = 0, sign = is_taken ? -1 : 1;
    if (s->minute == MINUTE_NONE)
        return;
    for (size_t i = 0; i < n; i++) {
        moved += hour[i].messages;
        whole += fmax(hour[i].whole, hour[i].messages);
    }
    if (is_taken && whole > 0) /* in its own hours it had so much of the whole: the level cannot have had more of it */
        least = fmax(1 - moved / whole, 0.01);
    int64_t now = s->minute / 60;
    double all = 1;
    for (size_t i = 0; i < n; i++) {
        int64_t number = hour[i].hour_ms / MINUTE_MS / 60;
        bool is_today = number / 24 == now / 24;
        all *= pattern_correct(&s->pattern, sign * hour[i].messages, now - number, is_today, fmin(1, least / all));
        double left = is_taken && hour[i].whole > 0 ? fmax(0, 1 - hour[i].messages / hour[i].whole) : 1;
        for (int64_t m = s->minute - (int64_t)s->n_recent + 1; m <= s->minute; m++)
            if (m / 60 == number)
                s->recent[(m % RECENT + RECENT) % RECENT] *= (float)left;
    }
    s->was_messages *= all;
}

/* ---- answers ---- */

static void take_back(struct change_series *s)
{
    s->is_fallen = false;
    s->pause_limit = 0;
    no_dip(s);
}

bool change_tell(struct change_series *s, int64_t at_ms, int64_t slack_ms, enum change_cause cause)
{
    struct change *best = NULL, *last = last_fall(s);
    int64_t nearest = 0;
    for (size_t i = 0; i < s->n_changes; i++) {
        struct change *c = &s->change[i];
        int64_t apart = c->at_ms > at_ms ? c->at_ms - at_ms : at_ms - c->at_ms;
        if ((c->kind != CHANGE_COLLAPSE && c->kind != CHANGE_PAUSE) || apart > slack_ms || (best && apart >= nearest))
            continue;
        best = c;
        nearest = apart;
    }
    int64_t apart = s->is_dip ? s->at * MINUTE_MS - at_ms : 0;
    if (!best && cause == CAUSE_TAKEDOWN && !s->is_fallen && is_quiet(s) && apart <= slack_ms && -apart <= slack_ms) {
        call_fall(s, dips_limit(&s->dips, A_YEAR, LEAST));
        best = last = last_fall(s);
    }
    if (!best)
        return false;
    best->cause = cause;
    best->kind = cause == CAUSE_TAKEDOWN ? CHANGE_COLLAPSE : cause == CAUSE_OWN_PATTERN ? CHANGE_PAUSE : best->kind;
    if (best == last && s->is_fallen && cause == CAUSE_TRAP)
        take_back(s);
    else if (best == last)
        s->pause_limit = 0;
    return true;
}

size_t change_list(const struct change_series *s, struct change *out, size_t max)
{
    size_t n = s->n_changes < max ? s->n_changes : max;
    memcpy(out, s->change + (s->n_changes - n), n * sizeof *out);
    return n;
}

int64_t change_quiet_since(const struct change_series *s)
{
    const struct change *fall = s->is_fallen ? last_fall(s) : NULL;
    return fall ? fall->at_ms : 0;
}

/* When it will have been quiet for long enough, if nothing else changes. */
static int64_t sure_at(const struct change_series *s, enum quiet_why why)
{
    double length = dips_limit(&s->dips, A_YEAR, LEAST);
    if (why == QUIET_SLOPE)
        length = fmax(length, slope_patience(s));
    int64_t by_length = pattern_after(&s->pattern, s->at, length), by_age = s->at + patience(s);
    return by_length > by_age ? by_length : by_age;
}

bool change_quiet(const struct change_series *s, struct change_quiet *out)
{
    const struct change *fall = s->is_fallen ? last_fall(s) : NULL;
    *out = (struct change_quiet){0};
    if (fall) { /* counted until it was called */
        double minutes = (double)((fall->told_ms - fall->at_ms) / MINUTE_MS);
        *out = (struct change_quiet){fall->at_ms, fall->at_lo_ms, fall->at_hi_ms, fall->at_ms - s->first * MINUTE_MS,
                                     fall->before.mid * minutes, fall->after.mid * minutes, QUIET_CALLED, 0};
        return true;
    }
    if (s->minute == MINUTE_NONE || !is_quiet(s))
        return false;
    enum quiet_why why = s->at - s->first < YOUNG ? QUIET_YOUNG : s->minute + 1 - s->at < patience(s) ? QUIET_RETURNED : QUIET_OWN;
    if (why == QUIET_OWN && s->length > dips_limit(&s->dips, A_YEAR, LEAST))
        why = QUIET_SLOPE;
    *out = (struct change_quiet){s->at * MINUTE_MS, s->lo * MINUTE_MS, s->hi * MINUTE_MS, (s->at - s->first) * MINUTE_MS,
                                 pattern_level(&s->pattern) * s->length, s->observed, why, sure_at(s, why) * MINUTE_MS};
    return true;
}

bool change_is_deaf(const struct change_series *s)
{
    if (s->minute == MINUTE_NONE || s->n_recent < 3 || !(s->is_dip || s->is_fallen))
        return false;
    double came = 0;
    for (int64_t m = s->minute - 2; m <= s->minute; m++)
        came += (double)s->recent[(m % RECENT + RECENT) % RECENT];
    if (came > 0.05 * 3 * pattern_level(&s->pattern))
        return false;
    if (s->is_fallen)
        return s->left <= 0.02;
    size_t silent = 0;
    for (size_t i = 0; i < s->dips.n; i++)
        silent += s->dips.of[i].is_silent;
    int64_t known = s->at - s->first;
    bool is_odd = known >= YOUNG && (int64_t)silent * WEEK <= (known < MEMORY ? known : MEMORY); /* not one a week */
    return is_odd && is_silent(s) && s->length >= LEAST_DEAF && dip_evidence(s) >= CALL_SCORE;
}
