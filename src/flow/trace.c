/* trace: one record in, its traces left with host, pair and name. Judging is trace_judge.c. */
#include "flow/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "flow/trace_priv.h"

enum { BEFORE_DAYS = 30 };
static const int64_t day_ms = 86400000;

int trace_new(const struct trace_options *o, struct trace **out, struct report *why)
{
    *out = NULL;
    struct trace *t = calloc(1, sizeof *t);
    if (!t)
        return report_set(why, POSSE_ENOMEM, "no memory for the tables of trace");
    if (o)
        t->o = *o;
    if (t->o.probability <= 0)
        t->o.probability = .95;
    if (t->o.false_discovery <= 0)
        t->o.false_discovery = .05;
    if (!t->o.max_bytes)
        t->o.max_bytes = (size_t)2 << 30;
    if (!t->o.max_listed)
        t->o.max_listed = 10000;
    t->events_most = EVENTS_MOST;
    if (t->o.probability >= 1 || t->o.false_discovery >= 1 || t->o.max_bytes < (size_t)16 << 20) {
        free(t);
        return report_set(why, POSSE_EINVAL, "probability and false discovery lie below 1, memory is at least 16 MB");
    }
    *out = t;
    return 0;
}

void trace_free(struct trace **tt)
{
    struct trace *t = *tt;
    if (!t)
        return;
    trace_lists_free(t);
    for (size_t i = 1; i <= t->n_pairs; i++)
        free(t->pair[i].event);
    for (size_t i = 1; i <= t->n_hosts; i++)
        for (unsigned k = 0; k < KIND_ACTS; k++)
            free(t->host[i].act[k]);
    for (size_t i = 1; i <= t->n_names; i++)
        free(t->name[i].at);
    struct table *tables[] = {&t->nodes_at, &t->pairs_at, &t->names_at, &t->links_at};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        free(tables[i]->hash);
        free(tables[i]->id);
    }
    free(t->node);
    free(t->pair);
    free(t->heard);
    free(t->host);
    free(t->name);
    free(t->link);
    free(t->name_text);
    free(t->door);
    free(t);
    *tt = NULL;
}

void trace_set_known(struct trace *t, const struct known *k) { t->o.known = k; }

/* The record's time; jumps are counted, not believed any less: nobody here knows which clock was right. */
static uint32_t time_of(struct trace *t, const struct flow *f)
{
    if (!t->epoch_ms)
        t->epoch_ms = f->start_us / 1000 - BEFORE_DAYS * day_ms;
    int64_t ms = f->start_us / 1000 - t->epoch_ms;
    uint32_t at = trace_tick(t, f->start_us);
    uint32_t day = (uint32_t)(day_ms / TICK_MS);
    bool is_outside = ms < 0 || ms / TICK_MS > UINT32_MAX - 1;
    if (is_outside || (t->flows && (at + day < t->last || (at > t->last && at - t->last > 7 * day))))
        t->jumps++;
    if (!t->flows || at < t->first)
        t->first = at;
    if (at > t->last)
        t->last = at;
    return at;
}

static int add_conn(struct trace *t, const struct flow *f, uint32_t at)
{
    bool inside = trace_is_inside(t, &f->src);
    trace_home_note(t, f);
    /* While inside is a guess any sender may turn out to be: hosts of those that are not cost memory, so only while there is enough. */
    struct host *h = trace_host(t, &f->src, inside || (trace_is_guessing(t) && trace_pressure(t) == 0));
    if (h)
        trace_host_conn(t, h, f, at);
    else if (inside)
        return POSSE_ENOMEM;
    if ((f->dst_port == 25 || f->dst_port == 53) && is_answered(f->state)) {
        struct host *to = trace_host(t, &f->dst, false);
        if (to) {
            to->mail_in += f->dst_port == 25;
            to->dns_in += f->dst_port == 53;
        }
    }
    int rc = trace_pair_conn(t, f, at);
    if (!rc && (t->flows & 0xffff) == 0)
        trace_thin(t);
    return rc;
}

/* What a request or a handshake calls the destination; behind a proxy the name is all that there is. */
static int add_named(struct trace *t, const struct flow *f, struct span text, bool is_proxied, uint32_t at)
{
    uint32_t name = trace_name_of(t, text, at);
    struct contact c = {.at = at, .out = f->src_bytes, .in = f->dst_bytes, .state = FLOW_STATE_ESTABLISHED, .is_request = true};
    struct pair *p = is_proxied ? (name ? trace_pair_by_name(t, &f->src, name, 80, true, at) : NULL) : trace_pair_of(t, f);
    int rc = p && f->kind == FLOW_HTTP ? trace_pair_note(t, p, &c) : 0;
    if (p && name)
        p->name = name;
    return rc || !name || is_proxied ? rc : trace_pair_called(t, f, p, name, &c);
}

int trace_add(struct trace *t, const struct flow *f)
{
    uint32_t at = time_of(t, f);
    t->flows++;
    switch (f->kind) {
    case FLOW_CONN: return add_conn(t, f, at);
    case FLOW_DNS: return trace_name_dns(t, f, at);
    case FLOW_HTTP: return add_named(t, f, f->http.host, f->http.is_proxied, at);
    case FLOW_TLS: return add_named(t, f, f->tls.sni, false, at);
    default: return 0;
    }
}

int trace_seen_at_trap(struct trace *t, const struct ip *source, int64_t time_ms, const char *botnet, double probability)
{
    if (!t->epoch_ms)
        t->epoch_ms = time_ms - BEFORE_DAYS * day_ms;
    if (!trace_is_inside(t, source))
        return 0;
    struct host *h = trace_host(t, source, true);
    if (!h)
        return POSSE_ENOMEM;
    if (probability >= h->trap_probability) {
        h->trap_probability = (float)probability;
        h->trap_at = trace_tick(t, time_ms * 1000);
        snprintf(h->trap, sizeof h->trap, "%s", botnet ? botnet : "");
    }
    return 0;
}

void trace_size(const struct trace *t, struct trace_size *out)
{
    *out = (struct trace_size){.flows = t->flows, .hosts = t->n_hosts, .pairs = t->n_pairs, .names = t->n_names, .pairs_lost = t->pairs_lost,
                               .thinned = t->thinned, .clock_jumps = t->jumps, .bytes = t->bytes,
                               .is_all_private = t->within_flows > t->conns - t->conns / 10};
    if (t->flows) {
        out->first_ms = trace_ms(t, t->first);
        out->last_ms = trace_ms(t, t->last);
    }
}
