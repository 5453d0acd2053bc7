/* share: which hour a sighting belongs to, and what it adds there. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/share_priv.h"

#define KEEP_DEFAULT_MS (31 * 24 * HOUR_MS)

int shares_new(int64_t keep_ms, struct shares **out, struct report *why)
{
    struct shares *s = calloc(1, sizeof *s);
    if (!s)
        return report_set(why, POSSE_ENOMEM, "shares: no memory");
    int64_t hours = (keep_ms > 0 ? keep_ms : KEEP_DEFAULT_MS) / HOUR_MS;
    s->max_hours = hours < SHARES_HOURS_LEAST ? SHARES_HOURS_LEAST : hours > SHARES_HOURS_MOST ? SHARES_HOURS_MOST : (size_t)hours;
    *out = s;
    return POSSE_OK;
}

void shares_free(struct shares **s)
{
    if (!*s)
        return;
    for (size_t i = 0; i < (*s)->n_hours; i++)
        hour_free(&(*s)->hour[i]);
    free((*s)->hour);
    free(*s);
    *s = NULL;
}

/* Where hour `number` is, or would be put. */
static size_t hour_at(const struct shares *s, int64_t number)
{
    size_t at = s->n_hours;
    while (at && s->hour[at - 1].number >= number)
        at--;
    return at;
}

static int make_room(struct shares *s)
{
    if (s->n_hours < s->cap_hours)
        return POSSE_OK;
    size_t cap = s->cap_hours ? 2 * s->cap_hours : 8;
    struct hour *hour = realloc(s->hour, cap * sizeof *hour);
    if (!hour)
        return POSSE_ENOMEM;
    s->hour = hour;
    s->cap_hours = cap;
    return POSSE_OK;
}

/* NULL with *err 0: older than what is kept. */
static struct hour *hour_of(struct shares *s, int64_t number, int *err)
{
    *err = 0;
    if (s->last < s->n_hours && s->hour[s->last].number == number)
        return &s->hour[s->last];
    size_t at = hour_at(s, number);
    if (at < s->n_hours && s->hour[at].number == number) {
        s->last = at;
        return &s->hour[at];
    }
    if (at == 0 && s->n_hours == s->max_hours)
        return NULL;
    struct hour new;
    if ((*err = make_room(s)) || (*err = hour_open(&new, number)))
        return NULL;
    memmove(s->hour + at + 1, s->hour + at, (s->n_hours - at) * sizeof *s->hour);
    s->hour[at] = new;
    s->n_hours++;
    for (size_t i = 0; i + HOURS_OPEN < s->n_hours; i++) /* a new one among the old is closed at once: only its sums are exact */
        if (s->hour[i].is_open)
            hour_close(&s->hour[i]);
    for (size_t i = 0; i + SHARES_CREDIT_HOURS < s->n_hours; i++)
        credits_free(&s->hour[i].ledger);
    if (s->n_hours > s->max_hours) {
        hour_free(&s->hour[0]);
        memmove(s->hour, s->hour + 1, --s->n_hours * sizeof *s->hour);
        at--;
    }
    s->last = at;
    return &s->hour[at];
}

static uint64_t ip_hash(const struct ip *a)
{
    uint64_t high, low;
    memcpy(&high, a->b, 8);
    memcpy(&low, a->b + 8, 8);
    return mix64(low ^ mix64(high + 0x9e3779b97f4a7c15ull));
}

static void add_weights(struct row *r, const double weight[WEIGHTS], double p, double n, unsigned group, unsigned piece)
{
    for (unsigned k = 0; k < WEIGHTS; k++) {
        double w = p * weight[k], before = r->square[k];
        r->sum[k] += w;
        r->square[k] += w * w / n;
        if (r->cells)
            r->cells->of[k][group][piece] += w;
        else
            r->variance[k] += before > 0 ? w * w / n * r->variance[k] / before : w * w / n;
    }
}

static void add_doubt(struct row *r, const struct share_sight *in, double p, double n)
{
    double unsure = p * (1 - p);
    if (!in->campaign) {
        r->doubt_alone += unsure * n;
        return;
    }
    uint64_t h = mix64(in->campaign);
    r->doubt[h % SIGNS] += (h >> 63 ? sqrt(unsure) : -sqrt(unsure)) * n;
}

/* The rows of a botnet and of the unknown, where they are needed; making one may move the other. */
static int rows_of(struct hour *h, uint32_t botnet, double p, struct row **own, struct row **unknown)
{
    if (p < 1 && !hour_row(h, SHARE_UNKNOWN))
        return POSSE_ENOMEM;
    if (!(*own = hour_row(h, botnet)))
        return POSSE_ENOMEM;
    *unknown = p < 1 ? hour_find(h, SHARE_UNKNOWN) : NULL;
    return POSSE_OK;
}

int shares_add(struct shares *s, const struct share_sight *in)
{
    int64_t number = in->time_ms / HOUR_MS - (in->time_ms % HOUR_MS < 0);
    int err;
    struct hour *h = hour_of(s, number, &err);
    if (!h) {
        s->late += !err;
        return err;
    }
    double p = in->botnet == SHARE_UNKNOWN || in->probability >= 1 ? 1 : in->probability > 0 ? in->probability : 0;
    double n = in->n ? in->n : 1;
    struct row *own, *unknown;
    if (rows_of(h, in->botnet, p, &own, &unknown))
        return POSSE_ENOMEM;
    uint64_t hash = ip_hash(&in->source);
    unsigned piece = (unsigned)((in->time_ms - number * HOUR_MS) / (HOUR_MS / PIECES)), group = (unsigned)(hash % GROUPS);
    struct seen seen = {hash, own->botnet, (uint16_t)(1u << piece), (uint8_t)(p * 255 + 0.5), 0, {credit_tag(in->campaign)}};
    if (!ip_is_zero(&in->source) && hour_see(h, &seen))
        return POSSE_ENOMEM;
    const double weight[WEIGHTS] = {n, n * (in->n_rcpt ? in->n_rcpt : 1), n * (double)in->bytes};
    if (in->campaign && (size_t)(h - s->hour) + SHARES_CREDIT_HOURS >= s->n_hours &&
        credit_add(&h->ledger, in->campaign, own->botnet, weight, p, n))
        return POSSE_ENOMEM;
    add_weights(own, weight, p, n, group, piece);
    if (unknown) {
        add_weights(unknown, weight, 1 - p, n, group, piece);
        add_doubt(own, in, p, n);
        add_doubt(unknown, in, p, n);
    }
    return POSSE_OK;
}

int shares_move(struct shares *s, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < s->n_hours; i++)
        if (hour_move(&s->hour[i], from, to))
            return POSSE_ENOMEM;
    return POSSE_OK;
}

size_t shares_hours(const struct shares *s, int64_t *start_ms, size_t max)
{
    for (size_t i = 0; i < s->n_hours && i < max; i++)
        start_ms[i] = s->hour[i].number * HOUR_MS;
    return s->n_hours;
}

uint64_t shares_late(const struct shares *s) { return s->late; }
