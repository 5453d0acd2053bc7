/* observe_add: the flow of sightings: the stream's time, campaigns, botnets, originals; what is looked at anew each minute and hour. */
#include "base/error.h"
#include "base/hash.h"
#include "engine/observe_priv.h"

#define MINUTE_MS 60000LL
#define HOUR_MS 3600000LL

bool observatory_allows(const struct observatory *o, int64_t time_ms) { return clock_allows(&o->clock, time_ms); }

void observatory_begin(struct observatory *o, int64_t time_ms)
{
    if (!o->clock.now_ms)
        o->clock.now_ms = time_ms;
}

static int no_memory(int rc, struct report *why)
{
    return rc ? report_set(why, rc, "what was observed cannot be counted: %s", posse_strerror(rc)) : 0;
}

/* The stream came to now_ms: minutes that ended are told, and each hour what is known of all campaigns is looked at anew. */
static int pass_time(struct observatory *o, int64_t now_ms, bool is_watching, struct report *why)
{
    int64_t minute = now_ms / MINUTE_MS, hour = now_ms / HOUR_MS;
    int rc = 0;
    if (minute <= o->ticked_minute)
        return 0;
    if (o->ticked_minute)
        rc = no_memory(botnets_tick(o->botnets, minute * MINUTE_MS, is_watching), why);
    o->ticked_minute = minute;
    if (rc || hour == o->settled_hour)
        return rc;
    if (o->settled_hour) {
        campaigns_age(o->campaigns, now_ms);
        rc = botnets_settle(o->botnets, o->campaigns, now_ms, why);
    }
    o->settled_hour = hour;
    return rc;
}

int observatory_tick(struct observatory *o, int64_t now_ms, bool is_watching, struct report *why)
{
    if (now_ms > o->clock.now_ms)
        o->clock.now_ms = now_ms;
    return pass_time(o, o->clock.now_ms, is_watching, why);
}

static void count(struct observatory *o, const struct sighting *s)
{
    o->seen.messages++;
    o->seen.spam += (s->flags & SIGHTING_SPAM) != 0;
    o->seen.ham += !(s->flags & SIGHTING_SPAM);
    o->seen.no_time += (s->flags & SIGHTING_NO_TIME) != 0;
    o->seen.odd_time += (s->flags & SIGHTING_ODD_TIME) != 0;
    o->seen.no_source += ip_is_zero(&s->source);
    if (!o->seen.first_ms)
        o->seen.first_ms = s->time_ms;
}

int observatory_add(struct observatory *o, struct sighting *s, const struct mailer *mailer, struct join *join_out,
                    struct membership *member_out, struct report *why)
{
    struct membership none;
    struct join join;
    struct as_info as;
    if (!s->asn && !ip_is_zero(&s->source) && astable_find(asfile_table(o->as), &s->source, &as))
        s->asn = as.asn;
    s->time_ms = clock_take(&o->clock, s->time_ms, &s->flags);
    int rc = pass_time(o, o->clock.now_ms, true, why); /* whether the trap was deaf in between botnets tell from all that came */
    if (rc)
        return rc;
    count(o, s);
    rc = campaigns_add(o->campaigns, s, &join, why);
    if (!rc)
        rc = no_memory(botnets_add(o->botnets, s, mailer, &join, member_out ? member_out : &none), why);
    bool is_spam = join.how != JOINED_NONE && (s->flags & (SIGHTING_SPAM | SIGHTING_RECORD)) == SIGHTING_SPAM;
    if (!rc && is_spam && campaigns_may_be_bulk(o->campaigns, join.number))
        follow_drop(o->follow, join.number); /* whatever comes to a trap: no signature is made of what people asked for */
    else if (!rc && is_spam)
        rc = follow_add(o->follow, o->ham, join.number, join.absorbed, s, why);
    if (!rc && join_out)
        *join_out = join;
    return rc;
}

int observatory_add_ham(struct observatory *o, const struct sighting *s, struct report *why)
{
    uint64_t n = ++o->random;
    uint8_t key[16];
    memcpy(key, o->key, sizeof key);
    return no_memory(ham_add(o->ham, s->text, siphash(span_of(&n, sizeof n), key)), why);
}
