/* observe_time: what time it is in a stream of mail, when any of it may lie.
 *
 * A trap's mail comes nearly in order. So a message is believed when it is at most AHEAD later than the latest one, or at most BEHIND
 * earlier. Anything else is counted as of now. A trap that was off for a week is known by several in a row that agree on the new
 * time; they must come one right after the other, so that lies among true ones never gather. */
#include "engine/observe_priv.h"

#define MINUTE_MS 60000LL
#define AHEAD_MS (36 * 60 * MINUTE_MS)
#define BEHIND_MS (24 * 60 * MINUTE_MS)
#define FIRST_MS 378691200000LL /* 1982: RFC 821; earlier is no time of a mail */

static bool is_near(int64_t a, int64_t b) { return a - b <= AHEAD_MS && b - a <= AHEAD_MS; }

/* Does it tell of another time, and have enough in a row done so? */
static bool agrees(struct stream_clock *c, int64_t said_ms)
{
    if (c->n_ahead && is_near(said_ms, c->ahead_ms))
        c->n_ahead++;
    else
        c->n_ahead = 1;
    c->ahead_ms = said_ms;
    return c->n_ahead >= AGREE;
}

bool clock_allows(const struct stream_clock *c, int64_t said_ms) { return said_ms >= FIRST_MS && (!c->latest_ms || said_ms <= c->latest_ms); }

int64_t clock_take(struct stream_clock *c, int64_t said_ms, uint32_t *flags)
{
    if (said_ms == 0) {
        *flags |= SIGHTING_NO_TIME;
        return c->now_ms;
    }
    bool is_possible = clock_allows(c, said_ms);
    bool is_later = is_possible && (c->now_ms == 0 || said_ms > c->now_ms);
    if (is_later && (c->now_ms == 0 || said_ms - c->now_ms <= AHEAD_MS || agrees(c, said_ms))) {
        c->now_ms = said_ms;
        c->n_ahead = 0;
        return said_ms;
    }
    if (is_possible && !is_later && c->now_ms - said_ms <= BEHIND_MS) {
        c->n_ahead = 0;
        return said_ms;
    }
    *flags |= SIGHTING_ODD_TIME;
    return c->now_ms;
}
