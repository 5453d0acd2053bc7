/* change_save: a series as bytes: equal states give equal bytes. Version, then the fields of struct change_series in order; doubles by their
 * bits; the recent minutes from the oldest. What is not finite, or not what such a series can hold, is corrupt. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/change_priv.h"

enum { VERSION = 2, NO_TRUST = 1 /* read, too: without what is off its factors, and the dip before */, NEW_IN_PATTERN = 6 };
_Static_assert(sizeof(struct pattern) % sizeof(double) == 0, "a pattern is doubles only");
#define MINUTE_MOST ((int64_t)1 << 45)

static double load_amount(struct reader *r)
{
    double x = reader_double(r);
    if (x < 0)
        reader_fail(r, POSSE_ECORRUPT);
    return x;
}

static void save_minute(struct buf *out, int64_t minute) { buf_add_u64(out, (uint64_t)minute); }

static int64_t load_minute(struct reader *r)
{
    int64_t m = (int64_t)reader_u64(r);
    if (m > MINUTE_MOST || m < -MINUTE_MOST)
        reader_fail(r, POSSE_ECORRUPT);
    return reader_error(r) ? 0 : m;
}

static bool load_bool(struct reader *r)
{
    uint8_t x = reader_u8(r);
    if (x > 1)
        reader_fail(r, POSSE_ECORRUPT);
    return x;
}

static size_t load_count(struct reader *r, size_t most)
{
    uint64_t n = reader_varint(r);
    if (n > most)
        reader_fail(r, POSSE_ECORRUPT);
    return reader_error(r) ? 0 : (size_t)n;
}

/* ---- changes ---- */

/* Methods are static strings: by number. */
static const char *const methods[] = {NULL, "own pattern", "counted"};

static void save_estimate(struct buf *out, const struct estimate *e)
{
    uint8_t method = 0;
    for (uint8_t i = 1; i < sizeof methods / sizeof *methods; i++)
        if (e->method && !strcmp(e->method, methods[i]))
            method = i;
    buf_add_double(out, e->lo);
    buf_add_double(out, e->mid);
    buf_add_double(out, e->hi);
    buf_add_varint(out, e->n);
    buf_add_byte(out, method);
}

static struct estimate load_estimate(struct reader *r)
{
    struct estimate e = {0};
    e.lo = reader_double(r);
    e.mid = reader_double(r);
    e.hi = reader_double(r);
    e.n = reader_varint(r);
    uint8_t method = reader_u8(r);
    if (method >= sizeof methods / sizeof *methods)
        reader_fail(r, POSSE_ECORRUPT);
    else
        e.method = methods[method];
    return e;
}

static void save_change(struct buf *out, const struct change *c)
{
    buf_add_byte(out, (uint8_t)c->kind);
    buf_add_byte(out, (uint8_t)c->cause);
    const int64_t time[] = {c->at_ms, c->at_lo_ms, c->at_hi_ms, c->told_ms, c->ended_ms};
    for (unsigned i = 0; i < 5; i++)
        buf_add_u64(out, (uint64_t)time[i]);
    save_estimate(out, &c->before);
    save_estimate(out, &c->after);
    buf_add_double(out, c->probability);
}

static void load_change(struct reader *r, struct change *c)
{
    uint8_t kind = reader_u8(r), cause = reader_u8(r);
    if (kind > CHANGE_RETURN || cause > CAUSE_OWN_PATTERN)
        reader_fail(r, POSSE_ECORRUPT);
    int64_t *time[] = {&c->at_ms, &c->at_lo_ms, &c->at_hi_ms, &c->told_ms, &c->ended_ms};
    for (unsigned i = 0; i < 5; i++) {
        *time[i] = (int64_t)reader_u64(r);
        if (*time[i] / MINUTE_MS > MINUTE_MOST || *time[i] / MINUTE_MS < -MINUTE_MOST)
            reader_fail(r, POSSE_ECORRUPT);
    }
    c->kind = (enum change_kind)kind;
    c->cause = (enum change_cause)cause;
    c->before = load_estimate(r);
    c->after = load_estimate(r);
    c->probability = load_amount(r);
}

/* ---- series ---- */

static void save_dips(struct buf *out, const struct dips *d)
{
    buf_add_varint(out, d->n);
    for (size_t i = 0; i < d->n; i++) {
        save_minute(out, d->of[i].minute);
        save_minute(out, d->of[i].minutes);
        buf_add_double(out, d->of[i].length);
        buf_add_byte(out, d->of[i].is_silent);
    }
    const double fit[] = {d->usual, d->excess, d->rate, d->longest};
    for (unsigned i = 0; i < 4; i++)
        buf_add_double(out, fit[i]);
}

static void load_dips(struct reader *r, struct dips *d)
{
    d->n = load_count(r, DIPS);
    for (size_t i = 0; i < d->n; i++) {
        d->of[i].minute = load_minute(r);
        d->of[i].minutes = load_minute(r);
        if (d->of[i].minutes < 0 || d->of[i].minutes > 2 * MEMORY)
            reader_fail(r, POSSE_ECORRUPT);
        d->of[i].length = load_amount(r);
        d->of[i].is_silent = load_bool(r);
    }
    double *fit[] = {&d->usual, &d->excess, &d->rate, &d->longest};
    for (unsigned i = 0; i < 4; i++)
        *fit[i] = load_amount(r);
}

static void save_recent(struct buf *out, const struct change_series *s)
{
    buf_add_varint(out, s->n_recent);
    for (int64_t m = s->minute - (int64_t)s->n_recent + 1; m <= s->minute; m++) {
        uint32_t bits;
        memcpy(&bits, &s->recent[(m % RECENT + RECENT) % RECENT], sizeof bits);
        buf_add_u32(out, bits);
    }
}

static void load_recent(struct reader *r, struct change_series *s)
{
    s->n_recent = load_count(r, RECENT);
    for (int64_t m = s->minute - (int64_t)s->n_recent + 1; m <= s->minute; m++) {
        uint32_t bits = reader_u32(r);
        float x;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x) || x < 0)
            reader_fail(r, POSSE_ECORRUPT);
        s->recent[(m % RECENT + RECENT) % RECENT] = isfinite(x) ? x : 0;
    }
}

static void save_dip_and_fall(struct buf *out, const struct change_series *s)
{
    const int64_t minute[] = {s->zero, s->at, s->lo, s->hi, s->back_zero, s->returned};
    const double amount[] = {s->score, s->length, s->expected, s->observed, s->peak_left, s->was_messages, s->was_weight, s->back_score,
                             s->left, s->pause_limit, s->today_peak, s->last_hours[0], s->last_hours[1], s->last_hours[2]};
    for (unsigned i = 0; i < sizeof minute / sizeof *minute; i++)
        save_minute(out, minute[i]);
    for (unsigned i = 0; i < sizeof amount / sizeof *amount; i++)
        buf_add_double(out, amount[i]);
    buf_add_byte(out, s->is_dip);
    buf_add_byte(out, s->is_step);
    buf_add_byte(out, s->is_fallen);
    const struct earlier *e = &s->earlier;
    const int64_t before[] = {e->at, e->lo, e->hi, e->end};
    const double of[] = {e->length, e->expected, e->observed, e->peak_left, e->was_messages, e->was_weight, e->gap_length, e->gap_expected,
                         e->gap_observed};
    bool is_there = e->end != MINUTE_NONE;
    buf_add_byte(out, (uint8_t)(is_there | s->is_joined << 1 | e->is_step << 2 | e->is_joined << 3));
    for (unsigned i = 0; is_there && i < sizeof before / sizeof *before; i++)
        save_minute(out, before[i]);
    for (unsigned i = 0; is_there && i < sizeof of / sizeof *of; i++)
        buf_add_double(out, of[i]);
}

static void load_earlier(struct reader *r, struct change_series *s)
{
    struct earlier *e = &s->earlier;
    int64_t *before[] = {&e->at, &e->lo, &e->hi, &e->end};
    double *of[] = {&e->length, &e->expected, &e->observed, &e->peak_left, &e->was_messages, &e->was_weight, &e->gap_length, &e->gap_expected,
                    &e->gap_observed};
    uint8_t flags = reader_u8(r);
    if (flags > 15)
        reader_fail(r, POSSE_ECORRUPT);
    s->is_joined = flags >> 1 & 1;
    e->is_step = flags >> 2 & 1;
    e->is_joined = flags >> 3 & 1;
    for (unsigned i = 0; flags & 1 && i < sizeof before / sizeof *before; i++) {
        *before[i] = load_minute(r);
        if (*before[i] > s->minute + DAY + 1)
            reader_fail(r, POSSE_ECORRUPT);
    }
    for (unsigned i = 0; flags & 1 && i < sizeof of / sizeof *of; i++)
        *of[i] = load_amount(r);
}

static void load_dip_and_fall(struct reader *r, struct change_series *s, uint8_t version)
{
    int64_t *minute[] = {&s->zero, &s->at, &s->lo, &s->hi, &s->back_zero, &s->returned};
    double *amount[] = {&s->score, &s->length, &s->expected, &s->observed, &s->peak_left, &s->was_messages, &s->was_weight, &s->back_score,
                        &s->left, &s->pause_limit, &s->today_peak, &s->last_hours[0], &s->last_hours[1], &s->last_hours[2]};
    for (unsigned i = 0; i < sizeof minute / sizeof *minute; i++) {
        *minute[i] = load_minute(r);
        if (*minute[i] > s->minute + DAY + 1)
            reader_fail(r, POSSE_ECORRUPT);
    }
    for (unsigned i = 0; i < sizeof amount / sizeof *amount; i++)
        *amount[i] = load_amount(r);
    s->is_dip = load_bool(r);
    s->is_step = load_bool(r);
    s->is_fallen = load_bool(r);
    if (version != NO_TRUST)
        load_earlier(r, s);
}

int change_save(const struct change_series *s, struct buf *out)
{
    buf_add_byte(out, VERSION);
    bool is_begun = s->minute != MINUTE_NONE;
    buf_add_byte(out, is_begun);
    if (!is_begun)
        return buf_error(out);
    save_minute(out, s->first);
    save_minute(out, s->minute);
    double pattern[sizeof s->pattern / sizeof(double)];
    memcpy(pattern, &s->pattern, sizeof pattern);
    for (size_t i = 0; i < sizeof pattern / sizeof *pattern; i++)
        buf_add_double(out, pattern[i]);
    save_dips(out, &s->dips);
    save_recent(out, s);
    save_dip_and_fall(out, s);
    buf_add_varint(out, s->n_peaks);
    for (size_t i = 0; i < s->n_peaks; i++)
        buf_add_double(out, s->peak[i]);
    buf_add_varint(out, s->n_changes);
    for (size_t i = 0; i < s->n_changes; i++)
        save_change(out, &s->change[i]);
    return buf_error(out);
}

static void load_pattern(struct reader *r, struct pattern *p, uint8_t version)
{
    double x[sizeof *p / sizeof(double)];
    memcpy(x, p, sizeof x);
    for (size_t i = 0; i < sizeof x / sizeof *x - (version == NO_TRUST ? NEW_IN_PATTERN : 0); i++)
        x[i] = load_amount(r);
    memcpy(p, x, sizeof x);
    if (p->hour_trust > 1 || p->day_trust > 1)
        reader_fail(r, POSSE_ECORRUPT);
    for (unsigned i = 0; i < 24; i++)
        if (!(p->hour_of_day[i] > 1e-3 && p->hour_of_day[i] < 100))
            reader_fail(r, POSSE_ECORRUPT);
    for (unsigned i = 0; i < 7; i++)
        if (!(p->day_of_week[i] > 1e-3 && p->day_of_week[i] < 100))
            reader_fail(r, POSSE_ECORRUPT);
}

static int load_series(struct reader *r, struct change_series *s, uint8_t version)
{
    s->first = load_minute(r);
    s->minute = load_minute(r);
    if (s->minute < s->first - 1)
        reader_fail(r, POSSE_ECORRUPT);
    load_pattern(r, &s->pattern, version);
    load_dips(r, &s->dips);
    load_recent(r, s);
    load_dip_and_fall(r, s, version);
    s->n_peaks = load_count(r, PEAKS);
    for (size_t i = 0; i < s->n_peaks; i++)
        s->peak[i] = load_amount(r);
    size_t n = load_count(r, CHANGES_MAX);
    if (reader_error(r))
        return POSSE_ECORRUPT;
    while (s->cap_changes < n)
        s->cap_changes *= 2;
    struct change *change = realloc(s->change, s->cap_changes * sizeof *change);
    if (!change)
        return POSSE_ENOMEM;
    s->change = change;
    memset(change, 0, s->cap_changes * sizeof *change);
    s->n_changes = n;
    for (size_t i = 0; i < n; i++)
        load_change(r, &change[i]);
    return reader_error(r) ? POSSE_ECORRUPT : POSSE_OK;
}

int change_load(struct reader *r, struct change_series **out, struct report *why)
{
    uint8_t version = reader_u8(r);
    bool is_begun = load_bool(r);
    if (!reader_error(r) && version != VERSION && version != NO_TRUST)
        return report_set(why, POSSE_EVERSION, "change: saved by another version (%u); observe its input anew", version);
    int rc = reader_error(r) ? POSSE_ECORRUPT : change_new(out, why);
    if (rc == POSSE_ENOMEM)
        return rc;
    if (!rc && is_begun && (rc = load_series(r, *out, version)))
        change_free(out);
    if (rc == POSSE_ENOMEM)
        return report_set(why, rc, "change: no memory");
    return rc ? report_set(why, rc, "change: the saved state is damaged; observe its input anew") : POSSE_OK;
}
