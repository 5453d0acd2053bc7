/* One host's story: whom it began to talk to, when it acted, what was said shortly before. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hll.h"
#include "flow/trace_priv.h"

enum { MOMENTS_MOST = 4096, BEFORE = 120 * TICKS_S };

struct story { const struct trace *t; struct trace_moment *of; size_t n; };

static void tell(struct story *s, uint32_t at, const struct ip *peer, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void tell(struct story *s, uint32_t at, const struct ip *peer, const char *fmt, ...)
{
    if (s->n == MOMENTS_MOST)
        return;
    struct trace_moment *m = &s->of[s->n++];
    *m = (struct trace_moment){.time_ms = trace_ms(s->t, at)};
    if (peer)
        m->peer = *peer;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(m->text, sizeof m->text, fmt, ap);
    va_end(ap);
}

static void tell_acts(struct story *s, const struct host *h)
{
    static const char *const what[KIND_ACTS] = {"begins to speak to mail servers", "begins to try what does not answer", "begins to ask for names that do not exist"};
    for (unsigned k = 0; k < KIND_ACTS; k++) {
        const struct act_stat *a = h->act[k];
        for (size_t i = 0; a && i < a->n_onsets; i++)
            tell(s, a->onset[i], NULL, "%s", what[k]);
        if (a && a->n_onsets)
            tell(s, a->last, NULL, "the last of these: %.0f different ones in all", hll_count(a->all, ACT_P).mid);
    }
    if (h->trap_probability > 0)
        tell(s, h->trap_at, NULL, "a spam trap has mail from it%s%s", h->trap[0] ? ", by " : "", h->trap);
}

/* What was said in the two minutes before a burst, for destinations that are few enough to matter. */
static void tell_before(struct story *s, const struct host *h, const struct pair *p, const char *called, const struct ip *peer)
{
    for (unsigned k = 0; k < KIND_ACTS; k++)
        for (size_t i = 0; h->act[k] && i < h->act[k]->n_onsets; i++)
            for (size_t e = p->n_events; e > 0; e--) {
                uint32_t at = p->event[e - 1].at, burst = h->act[k]->onset[i];
                if (at <= burst && at + BEFORE >= burst) {
                    tell(s, at, peer, "hears from %.100s, %u s before that", called, (burst - at) / TICKS_S);
                    break;
                }
            }
}

static const struct beacon *beacon_of(const struct trace *t, const struct pair *p)
{
    struct ip src = t->node[p->src].ip, dst = trace_address_of(t, p);
    for (size_t i = 0; t->lists && i < t->lists->n_beacons; i++) {
        const struct beacon *b = &t->lists->beacon[i];
        if (b->port == p->port && b->proto == p->proto && b->is_by_name == ((p->dst & NAME_BIT) != 0) && ip_compare(&b->src, &src) == 0 &&
            ip_compare(&b->dst, &dst) == 0)
            return b;
    }
    return NULL;
}

static void tell_pair(struct story *s, const struct host *h, const struct pair *p)
{
    const struct beacon *b = beacon_of(s->t, p);
    if (!b || b->innocent || (!b->is_rhythm && !b->is_told))
        return;
    char called[TRACE_NAME + 16], address[IP_TEXT];
    ip_text(&b->dst, address);
    snprintf(called, sizeof called, "%s:%u", b->name[0] ? b->name : address, b->port);
    if (b->period_s > 0)
        tell(s, p->first, &b->dst, "begins to call %.90s every %.4g s", called, b->period_s);
    else
        tell(s, p->first, &b->dst, "begins to call %.90s", called);
    tell(s, p->last, &b->dst, "calls %.90s for the last time: %u times in all", called, p->connections);
    if (b->is_told || b->probability > .5)
        tell_before(s, h, p, called, &b->dst);
}

static int by_time(const void *a, const void *b)
{
    const struct trace_moment *x = a, *y = b;
    return x->time_ms != y->time_ms ? (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms) : strcmp(x->text, y->text);
}

int trace_timeline(const struct trace *t, const struct ip *ip, int (*fn)(void *, const struct trace_moment *), void *ctx)
{
    uint32_t node = trace_node((struct trace *)t, ip, false), host = node ? t->node[node].host : 0;
    if (!host)
        return POSSE_ENOENT;
    struct story s = {.t = t, .of = malloc(MOMENTS_MOST * sizeof *s.of)};
    if (!s.of)
        return POSSE_ENOMEM;
    const struct host *h = &t->host[host];
    tell(&s, h->first, NULL, "is first seen");
    tell(&s, h->last, NULL, "is last seen: %llu connections, %u destinations remembered", (unsigned long long)h->flows, h->pairs);
    tell_acts(&s, h);
    for (size_t i = 1; i <= t->n_pairs; i++)
        if (t->pair[i].src == node)
            tell_pair(&s, h, &t->pair[i]);
    qsort(s.of, s.n, sizeof *s.of, by_time);
    int rc = 0;
    for (size_t i = 0; i < s.n && !rc; i++)
        rc = fn(ctx, &s.of[i]);
    free(s.of);
    return rc;
}
