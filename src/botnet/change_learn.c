/* change_learn: what is usual for a series: its level, its day and week, how its messages clump, how long it is silent by itself.
 *
 * Level: decayed means over two weeks. Hour of day and day of week are factors, each learnt with a memory of some two weeks and six weeks;
 * a series in bursts gives noisy ones, of which only so much is believed as they differ by more than chance would (trust).
 * Dips: the longest of the last 400 days. Above `usual`, the length from which on half of all time in dips was spent (so that a thousand
 * flickers of a minute do not hide a weekly silence of a day), lengths are taken to fall off exponentially or faster (Pickands, Ann.
 * Statist. 1975: peaks over a threshold); with few dips the mean excess is not known, and taken larger. */
#include <math.h>

#include "base/fmath.h"
#include "botnet/change_priv.h"

static const double HOUR_DECAY = 1 - 1.0 / (14 * 24), DAY_DECAY = 1 - 1.0 / 14, WEEK_DECAY = 1 - 1.0 / 42;
enum { HOUR_MEMORY = 14, DAY_MEMORY = 6, LEAST_WATCHED = 30 };

void pattern_init(struct pattern *p)
{
    *p = (struct pattern){0};
    for (unsigned i = 0; i < 24; i++)
        p->hour_of_day[i] = 1;
    for (unsigned i = 0; i < 7; i++)
        p->day_of_week[i] = 1;
    p->hour_trust = p->day_trust = 1;
}

static unsigned wrap(int64_t x, unsigned n) { return (unsigned)((x % n + n) % n); }

double pattern_level(const struct pattern *p) { return p->weight > 0 ? p->messages / p->weight : 0; }

double pattern_active(const struct pattern *p)
{
    double level = pattern_level(p), active = p->messages > 0 ? p->active2 / p->messages : 0;
    return active > level ? active : level;
}

static double hour_factor(const struct pattern *p, unsigned hour) { return 1 + (p->hour_of_day[hour] - 1) * p->hour_trust; }
static double day_factor(const struct pattern *p, unsigned day) { return 1 + (p->day_of_week[day] - 1) * p->day_trust; }

/* Factors of a series in bursts differ by chance alone: what their values differ over what such values would (empirical Bayes; Efron and Morris,
 * JASA 1973). */
static double trust(const double *factor, const double *learnt, unsigned n, double memory, double off2, double off_n)
{
    double differ = 0, times = 0;
    for (unsigned i = 0; i < n; i++) {
        differ += (factor[i] - 1) * (factor[i] - 1) / n;
        times += (learnt[i] + 1) / n;
    }
    if (times > 2 * memory - 1)
        times = 2 * memory - 1;
    double chance = off_n > 0 ? off2 / off_n / times : 0;
    return chance <= 0 || differ <= 0 ? 1 : differ <= chance ? 0 : 1 - chance / differ;
}

/* Between the middles of two hours the factor goes in a straight line. */
double pattern_weight(const struct pattern *p, int64_t minute)
{
    unsigned at = wrap(minute - 30, DAY), hour = at / 60, day = wrap(minute / DAY, 7);
    double part = at % 60 / 60.0, a = p->hour_of_day[hour], b = p->hour_of_day[hour < 23 ? hour + 1 : 0];
    return (1 + (a + (b - a) * part - 1) * p->hour_trust) * day_factor(p, day);
}

int64_t pattern_after(const struct pattern *p, int64_t minute, double activity)
{
    int64_t at = minute;
    for (; activity > 0 && at - minute < MEMORY; at += 60)
        activity -= 60 * pattern_weight(p, at + 30);
    return at;
}

double pattern_dispersion(const struct pattern *p)
{
    double f = p->stepped > 0 ? p->steps2 / p->stepped : 1;
    return f < 1 ? 1 : f;
}

void pattern_learn(struct pattern *p, int64_t minute, double messages, double weight, double step)
{
    (void)minute;
    p->hour_messages += messages;
    p->hour_weight += weight;
    p->hour_minutes++;
    p->steps2 += step * step / 2;
    p->stepped += messages;
    p->learnt++;
}

/* Towards `seen`, as one of `n` and one more that is taken to have been 1. */
static void factor_learn(double *factor, double *n, double seen, double memory)
{
    double share = 1 / (*n + 2);
    if (share < 1 / memory)
        share = 1 / memory;
    seen = seen > 6 ? 6 : seen;
    *factor += share * (seen - *factor);
    if (*factor < 0.05)
        *factor = 0.05;
    ++*n;
}

static void note_off(double *off2, double *n, double off, double decay)
{
    off = off > 5 ? 5 : off;
    *off2 = *off2 * decay + off * off;
    *n = *n * decay + 1;
}

static void factors_level(double *factor, unsigned n)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += factor[i];
    for (unsigned i = 0; i < n; i++)
        factor[i] *= n / sum;
}

bool pattern_end_hour(struct pattern *p, int64_t minute)
{
    unsigned hour = wrap(minute, DAY) / 60, day = wrap(minute / DAY, 7);
    if (p->hour_weight > 0) {
        double sure = p->hour_messages - pattern_dispersion(p); /* two messages of one hour that are none of one clump */
        p->active2 = p->active2 * HOUR_DECAY + (sure > 0 ? p->hour_messages * sure / p->hour_weight : 0);
        p->messages = p->messages * HOUR_DECAY + p->hour_messages;
    }
    p->weight = p->weight * HOUR_DECAY + p->hour_weight;
    p->steps2 *= HOUR_DECAY;
    p->stepped *= HOUR_DECAY;
    p->day_messages += p->hour_messages;
    p->day_weight += p->hour_weight;
    p->day_flat += p->hour_weight / day_factor(p, day);
    double usual = pattern_level(p) * p->hour_weight / hour_factor(p, hour);
    bool is_enough = p->hour_minutes >= LEAST_WATCHED;
    if (is_enough && usual > 0) {
        note_off(&p->hours_off2, &p->hours_off_n, p->hour_messages / usual - p->hour_of_day[hour], HOUR_DECAY);
        factor_learn(&p->hour_of_day[hour], &p->hours_learnt[hour], p->hour_messages / usual, HOUR_MEMORY);
        factors_level(p->hour_of_day, 24);
        p->hour_trust = trust(p->hour_of_day, p->hours_learnt, 24, HOUR_MEMORY, p->hours_off2, p->hours_off_n);
    }
    p->hour_messages = p->hour_weight = p->hour_minutes = 0;
    return is_enough;
}

void pattern_end_day(struct pattern *p, int64_t minute)
{
    double level = pattern_level(p), usual = level * p->day_flat;
    if (usual > 0 && p->day_weight > 0) {
        double off = p->day_messages / (level * p->day_weight) - 1;
        p->off2 = p->off2 * DAY_DECAY + off * off;
        p->off_n = p->off_n * DAY_DECAY + 1;
        unsigned day = wrap(minute / DAY, 7);
        note_off(&p->days_off2, &p->days_off_n, p->day_messages / usual - p->day_of_week[day], WEEK_DECAY);
        factor_learn(&p->day_of_week[day], &p->days_learnt[day], p->day_messages / usual, DAY_MEMORY);
        factors_level(p->day_of_week, 7);
        p->day_trust = trust(p->day_of_week, p->days_learnt, 7, DAY_MEMORY, p->days_off2, p->days_off_n);
    }
    p->day_messages = p->day_weight = p->day_flat = 0;
}

double pattern_correct(struct pattern *p, double messages, int64_t hours_ago, bool is_today, double least)
{
    if (is_today)
        p->day_messages = fmax(0, p->day_messages + messages);
    if (hours_ago <= 0) {
        p->hour_messages = fmax(0, p->hour_messages + messages);
        return 1;
    }
    if (!(p->messages > 0))
        return 1;
    double change = 1 + messages * fmath_exp((double)(hours_ago - 1) * fmath_log(HOUR_DECAY)) / p->messages;
    change = change < least ? least : change;
    p->messages *= change;
    p->active2 *= change * change; /* its hours are as many, and each that much less */
    return change;
}

struct estimate pattern_rate(const struct pattern *p, double weight)
{
    double mid = pattern_level(p) * weight, vary = p->messages > 0 ? pattern_dispersion(p) / p->messages : 1;
    vary += p->off_n > 0 ? p->off2 / (p->off_n * p->off_n) : 1;
    vary += pattern_dispersion(p) / (pattern_level(p) * 60 * HOUR_MEMORY / 2 + 1); /* of the hour of day */
    double half = 1.96 * sqrt(vary) * mid;
    return (struct estimate){half < mid ? mid - half : 0, mid, mid + half, p->messages > 0 ? (uint64_t)p->messages : 0, "own pattern"};
}

/* ---- dips ---- */

static void dips_fit(struct dips *d, double years)
{
    double length[DIPS], all = 0, passed = 0, over = 0;
    for (size_t i = 0; i < d->n; i++) { /* sorted, shortest first */
        size_t j = i;
        for (; j && length[j - 1] > d->of[i].length; j--)
            length[j] = length[j - 1];
        length[j] = d->of[i].length;
        all += d->of[i].length;
    }
    size_t at = 0;
    while (at < d->n && 2 * (passed += length[at]) < all)
        at++;
    if (at >= d->n) {
        d->usual = d->excess = d->rate = d->longest = 0;
        return;
    }
    for (size_t i = at + 1; i < d->n; i++)
        over += length[i] - length[at];
    double n = (double)(d->n - at); /* those over it, and one more that is taken to be over by as much as it is long */
    d->usual = length[at];
    d->excess = (over + d->usual) / n * (1 + 3 / sqrt(n));
    if (d->excess < 0.08 * d->usual)
        d->excess = 0.08 * d->usual;
    d->rate = n / years;
    d->longest = length[d->n - 1];
}

static double years_of(int64_t now, int64_t first)
{
    int64_t minutes = now - first;
    return (double)(minutes < WEEK ? WEEK : minutes > MEMORY ? MEMORY : minutes) / (365.25 * DAY);
}

void dips_add(struct dips *d, struct dip new, int64_t first)
{
    size_t at = d->n;
    if (d->n < DIPS) {
        d->n++;
    } else {
        at = 0;
        for (size_t i = 1; i < DIPS; i++)
            if (d->of[i].length < d->of[at].length)
                at = i;
        if (d->of[at].length >= new.length)
            return;
    }
    d->of[at] = new;
    dips_fit(d, years_of(new.minute, first));
}

void dips_drop(struct dips *d, int64_t minute, int64_t now, int64_t first)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->of[i].minute == minute) {
            d->of[i] = d->of[--d->n];
            dips_fit(d, years_of(now, first));
            return;
        }
}

/* How much of mean activity a stretch would have had: a Saturday of one who never works on Saturdays is short. */
static double activity(const struct pattern *p, int64_t from, int64_t minutes)
{
    double sum = 0;
    for (int64_t m = 0; m < minutes; m += 60) {
        int64_t part = minutes - m < 60 ? minutes - m : 60;
        sum += (double)part * pattern_weight(p, from + m + part / 2);
    }
    return sum;
}

void dips_review(struct dips *d, const struct pattern *p, int64_t now, int64_t first)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (now - d->of[i].minute <= (d->of[i].minute - first < EARLY ? MEMORY_EARLY : MEMORY)) {
            d->of[n] = d->of[i];
            d->of[n].length = activity(p, d->of[n].minute, d->of[n].minutes);
            n++;
        }
    d->n = n;
    dips_fit(d, years_of(now, first));
}

double dips_limit(const struct dips *d, double a_year, double least)
{
    if (!d->n)
        return least;
    double limit = d->rate > a_year ? d->usual + d->excess * fmath_log(d->rate / a_year) : d->usual;
    if (limit < 1.5 * d->longest)
        limit = 1.5 * d->longest;
    return limit < least ? least : limit;
}

double dips_probability(const struct dips *d, double length)
{
    if (!d->n || !(d->excess > 0))
        return 0;
    double p = d->rate * fmath_exp((d->usual - length) / d->excess);
    return p < 1 ? p : 1;
}
