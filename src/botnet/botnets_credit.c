/* Late credit: a campaign that turns out to be another botnet's takes with it what was counted of it before.
 *
 * Shares move by the hour (share.h, shares_credit: the latest 48 hours), and with them the botnets' totals. Changes: the level of the one is put
 * right, so that it does not seem to fall when what was never its own leaves it; the other's series begins when the campaign did, with each
 * hour's messages spread evenly over its minutes. What was told of the one's minutes stays told. Machines are not moved: a census does
 * not know campaigns, and is the new botnet's from the parting on. */
#include <string.h>

#include "base/error.h"
#include "botnet/botnets_priv.h"

enum { HOUR_MINUTES = 60 };

static void add_moved(struct credited *sum, const struct share_moved *m)
{
    size_t at = 0;
    while (at < sum->n && sum->of[at].hour_ms < m->hour_ms)
        at++;
    if (at < sum->n && sum->of[at].hour_ms == m->hour_ms) {
        sum->of[at].messages += m->messages;
        sum->of[at].envelopes += m->envelopes;
        sum->of[at].bytes += m->bytes;
        return;
    }
    if (sum->n == SHARES_CREDIT_HOURS)
        return;
    memmove(sum->of + at + 1, sum->of + at, (sum->n++ - at) * sizeof *sum->of);
    sum->of[at] = *m;
}

int credit_campaign(struct botnets *b, uint64_t campaign, uint32_t from, const struct gang *to, double probability, struct credited *sum)
{
    struct share_moved moved[SHARES_CREDIT_HOURS];
    size_t n;
    int err = shares_credit(b->shares, campaign, from, to->number, probability, moved, &n);
    for (size_t i = 0; i < n; i++)
        add_moved(sum, &moved[i]);
    return err;
}

static uint64_t less(uint64_t n, double by) { return (double)n > by ? n - (uint64_t)by : 0; }

/* Of a series that begins late: what is known of it by the hour. */
static int begin_series(const struct botnets *b, struct gang *g, const struct credited *sum)
{
    int err = change_new(&g->series, NULL);
    for (size_t i = 0; !err && i < sum->n; i++) {
        int64_t minute = sum->of[i].hour_ms / MINUTE_MS, end = minute + HOUR_MINUTES < b->minute ? minute + HOUR_MINUTES : b->minute;
        double each = end > minute ? sum->of[i].messages / (double)(end - minute) : 0;
        for (; minute < end; minute++)
            change_add(g->series, minute * MINUTE_MS, each, true);
    }
    return err;
}

int credit_done(struct botnets *b, struct gang *from, struct gang *to, const struct credited *sum)
{
    double messages = 0, envelopes = 0, bytes = 0;
    for (size_t i = 0; i < sum->n; i++) {
        messages += sum->of[i].messages;
        envelopes += sum->of[i].envelopes;
        bytes += sum->of[i].bytes;
    }
    if (!sum->n)
        return POSSE_OK;
    int64_t first = sum->of[0].hour_ms;
    if (from) {
        from->messages = less(from->messages, messages);
        from->envelopes = less(from->envelopes, envelopes);
        from->bytes = less(from->bytes, bytes);
        first = from->first_ms > first ? from->first_ms : first;
        if (from->series)
            change_correct(from->series, sum->of, sum->n, true);
    }
    to->messages += (uint64_t)messages;
    to->envelopes += (uint64_t)envelopes;
    to->bytes += (uint64_t)bytes;
    to->first_ms = first < to->first_ms ? first : to->first_ms;
    if (to->series)
        change_correct(to->series, sum->of, sum->n, false);
    else if (to->messages >= SERIES_FROM)
        return begin_series(b, to, sum);
    return POSSE_OK;
}
