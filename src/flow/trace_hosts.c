/* Hosts: what a machine does. Three ways of acting are counted alike (struct act_stat): mail servers spoken to, tries that nobody
 * answered, names that do not exist; each by how many distinct ones there were in the worst ten minutes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/hll.h"
#include "flow/trace_bits.h"
#include "flow/trace_priv.h"

/* ---- inside and outside ---- */

bool trace_is_private(const struct ip *a)
{
    if (!ip_is_v4(a))
        return (a->b[0] & 0xfe) == 0xfc || (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80);
    uint32_t v = ip_v4(a);
    return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 || v >> 22 == 0x191 || v >> 16 == 0xa9fe;
}

static struct ip home_net(const struct ip *a) { return ip_prefix(a, ip_is_v4(a) ? 96 + 24 : 64); }

/* Frequent networks of both ends (Misra and Gries): what takes part in a third of all flows cannot be missed. */
static void home_count(struct trace *t, const struct ip *a)
{
    struct ip net = home_net(a);
    size_t empty = HOME_NETS;
    for (size_t i = 0; i < HOME_NETS; i++) {
        if (t->home[i].n && ip_compare(&t->home[i].net, &net) == 0) {
            t->home[i].n++;
            return;
        }
        if (!t->home[i].n && empty == HOME_NETS)
            empty = i;
    }
    if (empty < HOME_NETS) {
        t->home[empty].net = net;
        t->home[empty].n = 1;
        return;
    }
    for (size_t i = 0; i < HOME_NETS; i++)
        t->home[i].n--;
}

bool trace_is_guessing(const struct trace *t) { return !t->o.n_inside && t->private_flows * 2 < t->conns; }

void trace_home_note(struct trace *t, const struct flow *f)
{
    if (t->o.n_inside)
        return;
    t->conns++;
    bool is_private[] = {trace_is_private(&f->src), trace_is_private(&f->dst)};
    t->private_flows += is_private[0] || is_private[1];
    t->within_flows += is_private[0] && is_private[1];
    if (!trace_is_guessing(t))
        return;
    t->home_flows++;
    home_count(t, &f->src);
    if (ip_compare(&f->src, &f->dst) != 0)
        home_count(t, &f->dst);
}

bool trace_is_inside(const struct trace *t, const struct ip *a)
{
    if (t->o.n_inside) {
        for (size_t i = 0; i < t->o.n_inside; i++) {
            struct ip net = ip_prefix(a, t->o.inside[i].bits);
            if (ip_compare(&net, &t->o.inside[i].first) == 0)
                return true;
        }
        return false;
    }
    if (trace_is_private(a))
        return true;
    if (!trace_is_guessing(t))
        return false;
    struct ip net = home_net(a);
    for (size_t i = 0; i < HOME_NETS; i++)
        if (t->home[i].n * 3 > t->home_flows && ip_compare(&t->home[i].net, &net) == 0)
            return true;
    return false;
}

/* ---- nodes and hosts ---- */

static uint64_t node_hash(const struct trace *t, const struct ip *a) { return hash64(span_of(a->b, 16), t->o.seed ^ 0x6e6f6465); }

uint32_t trace_node(struct trace *t, const struct ip *a, bool make)
{
    uint64_t hash = node_hash(t, a);
    uint32_t id = table_find(&t->nodes_at, hash);
    if (id || !make)
        return id;
    struct node *all = trace_grow(t, t->node, &t->cap_nodes, t->n_nodes + 2, sizeof *all);
    if (!all)
        return 0;
    t->node = all;
    if (table_put(t, &t->nodes_at, hash, (uint32_t)t->n_nodes + 1))
        return 0;
    t->node[++t->n_nodes] = (struct node){.ip = *a};
    return (uint32_t)t->n_nodes;
}

struct host *trace_host(struct trace *t, const struct ip *a, bool make)
{
    uint32_t node = trace_node(t, a, make);
    if (!node)
        return NULL;
    if (t->node[node].host || !make)
        return t->node[node].host ? &t->host[t->node[node].host] : NULL;
    struct host *all = trace_grow(t, t->host, &t->cap_hosts, t->n_hosts + 2, sizeof *all);
    if (!all)
        return NULL;
    t->host = all;
    t->host[++t->n_hosts] = (struct host){.node = node};
    t->node[node].host = (uint32_t)t->n_hosts;
    return &t->host[t->n_hosts];
}

/* ---- acts ---- */

static const uint32_t burst_least[KIND_ACTS] = {8, 30, 10}; /* mail servers, tries, names in ten minutes */

static void onset(struct act_stat *s)
{
    s->is_bursting = true;
    if (s->n_onsets < ONSETS)
        s->onset[s->n_onsets++] = s->window_first;
}

struct act_stat *trace_act(struct trace *t, struct host *h, unsigned kind, uint64_t thing, uint32_t at)
{
    struct act_stat *s = h->act[kind];
    if (!s) {
        if (trace_pressure(t) >= 3 || !(s = calloc(1, sizeof *s)))
            return NULL;
        t->bytes += sizeof *s;
        s->first = at;
        h->act[kind] = s;
    }
    uint32_t window = at / WINDOW_TICKS;
    if (window > s->window) {
        uint32_t before = (uint32_t)hll_count(s->now, NOW_P).mid;
        s->is_bursting = s->is_bursting && window == s->window + 1 && before >= burst_least[kind];
        memset(s->now, 0, sizeof s->now);
        s->window = window;
        s->window_first = at;
    }
    uint64_t hash = mix64(thing ^ t->o.seed);
    hll_add(s->all, ACT_P, hash);
    if (hll_add(s->now, NOW_P, hash)) {
        uint32_t now = (uint32_t)(hll_count(s->now, NOW_P).mid + .5);
        if (now > s->most)
            s->most = now;
        if (now >= burst_least[kind] && !s->is_bursting)
            onset(s);
    }
    s->n++;
    s->last = at > s->last ? at : s->last;
    s->first = at < s->first ? at : s->first;
    return s;
}

static void port_note(struct act_stat *s, uint16_t port)
{
    size_t least = 0;
    for (size_t i = 0; i < PORTS_TOP; i++) {
        if (s->port_n[i] && s->port[i] == port) {
            s->port_n[i]++;
            return;
        }
        if (s->port_n[i] < s->port_n[least])
            least = i;
    }
    if (s->port_n[least] == 0) {
        s->port[least] = port;
        s->port_n[least] = 1;
        return;
    }
    for (size_t i = 0; i < PORTS_TOP; i++)
        s->port_n[i]--;
}

static uint64_t thing_of(const struct ip *a, uint16_t port) { return hash64(span_of(a->b, 16), port); }

void trace_host_conn(struct trace *t, struct host *h, const struct flow *f, uint32_t at)
{
    bool answered = is_answered(f->state);
    h->flows++;
    h->first = h->first && h->first < at ? h->first : at;
    h->last = h->last > at ? h->last : at;
    if (f->proto == 1 || f->proto == 58)
        return; /* a try that fails is an echo of its answer as often as not */
    uint64_t thing = thing_of(&f->dst, 0);
    hll_add(h->fan, NOW_P, mix64(thing ^ t->o.seed));
    if (f->dst_port == 25 && f->proto == 6) {
        h->mail_out++;
        h->mail_failed += !answered || (f->state == FLOW_STATE_RESET);
        trace_act(t, h, 0, thing, at);
        return;
    }
    if (answered || f->state == FLOW_STATE_UNKNOWN || f->is_open)
        return;
    if (h->tried++ < 3)
        return; /* everybody fails now and then: the first ones are not worth their memory */
    struct act_stat *s = trace_act(t, h, 1, thing_of(&f->dst, f->dst_port), at);
    if (s)
        port_note(s, f->dst_port);
}

static double clamp(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

bool trace_serves_mail(const struct host *h) { return h->mail_in > 10 && (double)h->mail_in * 20 > h->mail_out; }

static double spam_bits(const struct host *h, const struct act_stat *s, char *text)
{
    double failed = (double)h->mail_failed / (double)(h->mail_out + 1), most = s->most;
    double bits = clamp(3 * log2((most + 1) / 4), -4, 14) + clamp(30 * (failed - .25), -8, 6);
    bool serves = trace_serves_mail(h);
    if (serves)
        bits -= 14;
    snprintf(text, TRACE_TEXT, "spoke to %.0f mail servers in ten minutes, %.0f%% of %u sessions unfinished or refused%s", most, failed * 100,
             h->mail_out, serves ? "; but it receives mail: a mail server" : "");
    return bits;
}

static double scan_bits(const struct act_stat *s, char *text)
{
    uint32_t top = 0;
    uint16_t port = 0;
    for (size_t i = 0; i < PORTS_TOP; i++)
        if (s->port_n[i] > top)
            top = s->port_n[i], port = s->port[i];
    double share = (double)top / (double)s->n, most = s->most, bits = clamp(2.5 * log2((most + 1) / 24), -4, 12);
    if (share < .2 && bits > 0) /* many ports, one a machine: sharing files looks like that, and scanning one machine's ports */
        bits /= 4;
    if (share < .2)
        snprintf(text, TRACE_TEXT, "%.0f tries in ten minutes that nobody answered, on many ports", most);
    else
        snprintf(text, TRACE_TEXT, "%.0f tries in ten minutes that nobody answered, %.0f%% of all on port %u", most, share * 100, port);
    return bits;
}

static double dns_bits(const struct host *h, const struct act_stat *s, char *text)
{
    double generated = s->generated / (double)s->n, most = s->most;
    double bits = clamp(2.5 * log2((most + 1) / 6), -4, 10) + clamp(12 * (generated - .5), -6, 5);
    bool serves = h->dns_in > 20;
    if (serves)
        bits -= 16;
    snprintf(text, TRACE_TEXT, "asked for %.0f domains in ten minutes that do not exist, %.0f%% look drawn by lot%s", most, generated * 100,
             serves ? "; but it answers for others: a resolver" : "");
    return bits;
}

static double bits_of(const struct host *h, unsigned kind, char text[TRACE_TEXT])
{
    const struct act_stat *s = h->act[kind];
    text[0] = '\0';
    if (!s || !s->n)
        return -INFINITY;
    return kind == 0 ? spam_bits(h, s, text) : kind == 1 ? scan_bits(s, text) : dns_bits(h, s, text);
}

/* Bits of one way of acting against not acting so; 0 and no text when it was never seen. Not acting in one way does not excuse another:
 * what speaks for innocence counts only where nothing speaks against it, and then the least of it. */
double trace_act_bits(const struct host *h, unsigned kind, char text[TRACE_TEXT])
{
    char unused[TRACE_TEXT];
    double own = bits_of(h, kind, text);
    for (unsigned k = 0; k < KIND_ACTS && own < 0; k++) {
        double other = k == kind ? -INFINITY : bits_of(h, k, unused);
        if (other > own || (other == own && k < kind))
            own = -INFINITY;
    }
    if (own > -INFINITY)
        return fmax(own, BITS_ACTS_LEAST);
    text[0] = '\0';
    return 0;
}
