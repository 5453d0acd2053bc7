/* Evidence for and against one pair, and for its destination. See trace_bits.h for where the numbers come from. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/known.h"
#include "flow/trace_bits.h"
#include "flow/trace_priv.h"

enum { BEFORE_BURST = 120 * TICKS_S };

static double clamp(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

const char *trace_kind_name(enum trace_kind k)
{
    static const char *const name[TRACE_KINDS] = {"prior", "rhythm", "sizes", "lasting", "small", "long", "crowd", "order", "name",
                                                  "unanswered", "direction", "protocol", "list", "spam", "scan", "dns", "trap", "member"};
    return k < TRACE_KINDS ? name[k] : "other";
}

void trace_reason_add(struct trace_reasons *r, enum trace_kind kind, double bits, const char *fmt, ...)
{
    if (r->n == TRACE_REASONS_MAX || fabs(bits) < .005)
        return;
    struct trace_reason *x = &r->of[r->n++];
    x->kind = kind;
    x->bits = bits;
    r->bits += bits;
    if (r->is_bare)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->text, sizeof x->text, fmt, ap);
    va_end(ap);
}

/* ---- a pair ---- */

struct ip trace_address_of(const struct trace *t, const struct pair *p)
{
    uint32_t node = p->dst & NAME_BIT ? p->address : p->dst;
    return node ? t->node[node].ip : (struct ip){{0}};
}

static int by_code(const void *a, const void *b) { return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b; }

/* The share of connections whose bytes are the usual ones, to 5%. */
static void same_size(const struct pair *p, struct judged *j)
{
    uint16_t code[EVENTS_MOST];
    for (size_t i = 0; i < p->n_events; i++)
        code[i] = (uint16_t)p->event[i].out;
    qsort(code, p->n_events, sizeof *code, by_code);
    double mid = trace_bytes_of(code[p->n_events / 2]);
    size_t same = 0;
    for (size_t i = 0; i < p->n_events; i++)
        same += fabs(trace_bytes_of(code[i]) - mid) <= mid * .05;
    j->same = (float)((double)same / (double)p->n_events);
    j->size = (float)mid;
}

static void times_of(const struct pass *w, const struct pair *p)
{
    for (size_t i = 0; i < p->n_events; i++) {
        w->at_s[i] = (double)(p->event[i].at - w->t->first) / TICKS_S;
        w->bytes[i] = trace_bytes_of(p->event[i].out);
    }
}

/* For what is listed only. */
double trace_rita_of(const struct pass *w, size_t pair)
{
    const struct pair *p = &w->t->pair[pair];
    struct rita r;
    times_of(w, p);
    rita_of(w->at_s, w->bytes, p->n_events, 0, (double)(w->t->last - w->t->first) / TICKS_S, w->scratch, &r);
    return r.score;
}

static bool recall(const struct heard *h, const struct pair *p, struct judged *j)
{
    if (!h || h->connections != p->connections || h->n_events != p->n_events)
        return false;
    j->is_tested = h->is_tested;
    j->ln_p = h->ln_p, j->regularity = h->regularity, j->period_s = h->period_s, j->jitter = h->jitter, j->same = h->same, j->size = h->size;
    return true;
}

void trace_rhythm_judge(struct pass *w, size_t pair)
{
    const struct trace *t = w->t;
    const struct pair *p = &t->pair[pair];
    struct judged *j = &w->judged[pair];
    struct heard *h = pair < t->cap_heard ? &t->heard[pair] : NULL;
    size_t n = p->n_events;
    if (n < RHYTHM_LEAST)
        return;
    if (!recall(h, p, j)) {
        struct rhythm r;
        times_of(w, p);
        rhythm_of(w->at_s, n, w->scratch, &r);
        j->is_tested = true;
        j->ln_p = (float)r.ln_p, j->regularity = (float)r.regularity, j->period_s = (float)r.period_s, j->jitter = (float)r.jitter;
        same_size(p, j);
        if (h)
            *h = (struct heard){p->connections, p->n_events, j->ln_p, j->regularity, j->period_s, j->jitter, j->same, j->size, j->is_tested};
    }
    w->n_tested += j->is_tested;
}

/* What a rhythm weighs: its significance counts in the beginning, later only how regular it is. */
static double rhythm_bits(const struct judged *j, const struct pair *p)
{
    if (!j->is_tested)
        return -1;
    if (!j->is_rhythm || j->period_s <= 0)
        return BITS_RHYTHM_NONE * clamp((double)p->n_events / 20, .5, 1);
    double sure = clamp(log2(1 - (double)j->ln_p / 4) - 1, 0, BITS_RHYTHM_MOST), even = j->regularity > .1 ? (double)j->regularity : .1;
    return sure * clamp(even * 1.6, .3, 1);
}

static void pair_reasons(const struct pass *w, size_t pair, double rhythm, struct trace_reasons *out)
{
    const struct trace *t = w->t;
    const struct pair *p = &t->pair[pair];
    const struct judged *j = &w->judged[pair];
    if (j->is_rhythm && j->period_s > 0)
        trace_reason_add(out, TRACE_RHYTHM, rhythm, "every %.4g s, give or take %.0f%%, %u times; by chance in 10^%.0f", (double)j->period_s,
                         (double)j->jitter * 100, p->connections, (double)j->ln_p / M_LN10);
    else
        trace_reason_add(out, TRACE_RHYTHM, rhythm, "%u connections, no rhythm", p->connections);
    double mid = (double)j->size, share = (double)j->same, span = (double)(t->last - t->first) + 1;
    double lasting = (double)(p->last - p->first) / span, each = (p->out_bytes + p->in_bytes) / (p->connections + 1.0);
    if (p->n_events >= RHYTHM_LEAST && p->answered)
        trace_reason_add(out, TRACE_SIZES, fmax(BITS_SIZES_LEAST, BITS_SIZES_MOST * (share - .5) * 2), "%.0f%% of the connections send the same %.0f bytes", share * 100, mid);
    if (p->n_events >= RHYTHM_LEAST)
        trace_reason_add(out, TRACE_LASTING, fmax(BITS_LASTING_LEAST, BITS_LASTING_MOST * (clamp(lasting, 0, 1) - .5) * 2), "lasts %.0f%% of what was logged", lasting * 100);
    if (p->answered)
        trace_reason_add(out, TRACE_SMALL, clamp(BITS_SMALL_MOST - log2(1 + each / 20000), BITS_BULK, BITS_SMALL_MOST),
                         "%.0f bytes a connection, both ways", each);
    if (p->longest_s > 3600 && (double)p->longest_s * TICKS_S > span / 4)
        trace_reason_add(out, TRACE_LONG, BITS_LONG, "one connection lasts %.1f hours", (double)p->longest_s / 3600);
}

/* ---- what it is called, which way it goes, what it speaks ---- */

static void link_reason(const struct trace *t, const struct pair *p, uint32_t name, struct trace_reasons *out)
{
    uint32_t link = name ? trace_link_of(t, trace_name_text(t, name)) : 0;
    if (!link && !(p->dst & NAME_BIT))
        link = trace_link_of_address(t, p->dst);
    if (link)
        trace_reason_add(out, TRACE_TRAP, BITS_LINKED, "spam at a trap%s%s leads there", t->link[link].botnet[0] ? ", by " : "", t->link[link].botnet);
}

static void name_reasons(const struct pass *w, const struct pair *p, struct trace_reasons *out)
{
    const struct trace *t = w->t;
    uint32_t id = p->dst & NAME_BIT ? p->dst & ~NAME_BIT : p->name;
    link_reason(t, p, id, out);
    if (!id) {
        if (w->has_names)
            trace_reason_add(out, TRACE_NAMED, BITS_NAMELESS, "nobody asked for its name");
        return;
    }
    const struct name *n = &t->name[id];
    if (trace_is_flux(n))
        trace_reason_add(out, TRACE_NAMED, BITS_NAME_FLUX, "its name led to %u addresses in %u networks, good for %u s", n->addresses, n->networks,
                         n->ttl_least);
    double generated = 0;
    struct span text = trace_name_text(t, id);
    for (size_t i = 0, from = 0; i <= text.n; i++)
        if (i == text.n || text.p[i] == '.') {
            if (i < text.n)
                generated = trace_generated(span_sub(text, from, i)); /* the last one before the end stays */
            from = i + 1;
        }
    if (generated > .6)
        trace_reason_add(out, TRACE_NAMED, BITS_NAME_GENERATED, "its name looks drawn by lot");
}

static const char *timekeeper(const struct pair *p)
{
    static const struct { uint16_t port; uint8_t proto; const char *what; } of[] = {
        {123, 17, "time (NTP)"}, {53, 17, "name look-ups"}, {53, 6, "name look-ups"}, {67, 17, "DHCP"}, {547, 17, "DHCP"}, {5353, 17, "mDNS"},
        {5355, 17, "name look-ups in the house"}, {1900, 17, "SSDP"}, {137, 17, "NetBIOS"}, {138, 17, "NetBIOS"}, {161, 17, "SNMP"},
        {514, 17, "syslog"}, {3544, 17, "Teredo"}, {3702, 17, "WS-Discovery"}, {853, 6, "name look-ups over TLS"},
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        if (of[i].port == p->port && of[i].proto == p->proto)
            return of[i].what;
    return NULL;
}

static bool is_multicast(const struct ip *a)
{
    if (!ip_is_v4(a))
        return a->b[0] == 0xff;
    uint32_t v = ip_v4(a);
    return v >> 28 == 0xe || v == UINT32_MAX || (trace_is_private(a) && (v & 0xff) == 0xff);
}

/* ---- what it is known as ---- */

/* Whoever sends the bytes chooses what they call his server (SNI, Host); only an answer of the DNS puts a name to an address. A name
 * that leads elsewhere, as far as the logs tell, excuses nobody. */
static bool leads_elsewhere(const struct trace *t, const struct pair *p, uint32_t id)
{
    const struct name *n = &t->name[id];
    if (p->dst & NAME_BIT || t->node[p->dst].name == id || n->n_at == 0 || n->addresses > NAME_ADDRESSES)
        return false;
    for (size_t i = 0; i < n->n_at; i++)
        if (n->at[i].node == p->dst)
            return false;
    return true;
}

/* The lists' word on it; *innocent_out: why it is none after all. */
static void list_reasons(const struct pass *w, const struct pair *p, struct trace_reasons *out, const char **innocent_out)
{
    const struct trace *t = w->t;
    const char *what = NULL;
    if (!t->o.known)
        return;
    uint32_t id = p->dst & NAME_BIT ? p->dst & ~NAME_BIT : p->name;
    struct ip to = trace_address_of(t, p);
    struct span name = trace_name_text(t, id);
    switch (known_find(t->o.known, name, &to, p->port, &what)) {
    case KNOWN_DENIED: trace_reason_add(out, TRACE_LISTED, BITS_DENIED, "on your list of what is denied"); break;
    case KNOWN_ALLOWED:
        trace_reason_add(out, TRACE_LISTED, BITS_ALLOWED, "on your list of what is allowed");
        *innocent_out = "allowed";
        break;
    case KNOWN_SERVICE:
        if (id && leads_elsewhere(t, p, id) && known_find(t->o.known, SPAN_NONE, &to, p->port, NULL) == KNOWN_NOT) {
            trace_reason_add(out, TRACE_LISTED, BITS_CLAIMED, "is called %.80s, but that name leads elsewhere", what);
            break;
        }
        trace_reason_add(out, TRACE_LISTED, BITS_KNOWN, "a known service: %.100s", what);
        *innocent_out = what;
        break;
    default: break;
    }
}

static const char *protocol_reasons(const struct pass *w, const struct pair *p, struct trace_reasons *out)
{
    const char *keeper = timekeeper(p);
    struct ip to = trace_address_of(w->t, p);
    if (is_multicast(&to)) {
        trace_reason_add(out, TRACE_PROTOCOL, BITS_MULTICAST, "said to a group, to all who listen");
        return "group address";
    }
    if (keeper) {
        trace_reason_add(out, TRACE_PROTOCOL, BITS_TIMEKEEPER, "a protocol that keeps time by itself: %s", keeper);
        return keeper;
    }
    if (p->proto == 1 || p->proto == 58)
        trace_reason_add(out, TRACE_PROTOCOL, BITS_ICMP, "ICMP: errors and echoes");
    if (p->port == 25 && p->proto == 6)
        trace_reason_add(out, TRACE_PROTOCOL, BITS_MAIL_PORT, "a mail server");
    return NULL;
}

static void direction_reasons(const struct pass *w, const struct pair *p, const struct service *s, bool is_called, struct trace_reasons *out)
{
    uint32_t dst = p->dst & NAME_BIT ? p->address : p->dst;
    bool from = w->inside[p->src], to = w->inside[dst];
    double answered = p->connections ? (double)p->answered / p->connections : 1;
    if (answered < .2)
        trace_reason_add(out, TRACE_UNANSWERED, !from ? BITS_UNANSWERED_IN : is_called ? BITS_UNANSWERED_OUT : BITS_SILENT, "%.0f%% of the tries were answered", answered * 100);
    if (from && to)
        trace_reason_add(out, TRACE_DIRECTION, BITS_WITHIN, "both are inside");
    if (from)
        return;
    trace_reason_add(out, TRACE_DIRECTION, BITS_INBOUND - .25 * log2(1.0 + s->n_outside), "comes from outside to a server that %u outside use", s->n_outside);
    if (p->port == 22 || p->port == 23 || p->port == 3389 || p->port == 21 || p->port == 5900)
        trace_reason_add(out, TRACE_PROTOCOL, BITS_LOGIN, "a door that passwords are tried at");
}

/* ---- the crowd ---- */

/* Was d spoken to shortly before the host's bursts began, more than its own rhythm explains? */
static double order_of(const struct host *h, const struct pair *p)
{
    if (p->n_events == 0)
        return 0;
    double bits = 0, span = (double)(h->last - h->first) + BEFORE_BURST;
    double by_chance = clamp(p->n_events * (double)BEFORE_BURST / span, .01, .95);
    for (unsigned k = 0; k < KIND_ACTS; k++) {
        const struct act_stat *s = h->act[k];
        for (size_t i = 0; s && i < s->n_onsets; i++) {
            uint32_t at = s->onset[i];
            if (at < p->event[0].at)
                continue;
            bool before = false;
            for (size_t e = 0; e < p->n_events && p->event[e].at <= at && !before; e++)
                before = p->event[e].at + BEFORE_BURST >= at;
            double ratio = before ? ORDER_IF_CONTROLLER / by_chance : (1 - ORDER_IF_CONTROLLER) / (1 - by_chance);
            bits += clamp(log2(ratio), -BITS_ORDER_EACH, BITS_ORDER_EACH);
        }
    }
    return clamp(bits, BITS_ORDER_LEAST, BITS_ORDER_MOST);
}

/* Does it try this port on everybody? Where scanners meet is what they scan. */
static bool scans(const struct host *h, uint16_t port)
{
    const struct act_stat *s = h->act[1];
    for (size_t i = 0; s && i < PORTS_TOP; i++)
        if (s->port_n[i] && s->port[i] == port)
            return s->port_n[i] * 5.0 >= (double)s->n && s->most >= 30;
    return false;
}

/* Base-2 likelihood ratio of what one host is seen to do, "its controller is here" against "a host like any". */
double trace_crowd_of(const struct pass *w, uint32_t host, uint16_t port) { return trace_crowd_against(w, host, port, w->base); }

double trace_crowd_against(const struct pass *w, uint32_t host, uint16_t port, double base)
{
    if (scans(&w->t->host[host], port))
        return 0;
    double seen = w->host_bits[host] > 0 ? (double)w->host_bits[host] : BITS_ACTS_LEAST, l = exp2(clamp(seen, -20, 20));
    return log2((ACTS_IF_INFECTED * l + 1 - ACTS_IF_INFECTED) / (base * l + 1 - base));
}

double trace_crowd_limit(double bits)
{
    return clamp(bits > BITS_CROWD_SURE ? (bits + BITS_CROWD_SURE) / 2 : bits, BITS_CROWD_LEAST, BITS_CROWD_MOST);
}

void trace_service_judge(struct pass *w, struct service *s)
{
    const struct trace *t = w->t;
    double rhythm[2] = {0}, order = 0;
    uint32_t n[2] = {0}, n_order = 0;
    s->crowd = 0;
    for (uint32_t i = s->from; i < s->from + s->n; i++) {
        const struct pair *p = &t->pair[w->order[i]];
        uint32_t host = t->node[p->src].host;
        w->judged[w->order[i]].service = (uint32_t)(s - w->service);
        if (!w->inside[p->src]) {
            s->n_outside++;
            continue;
        }
        bool acts = host && w->host_odds[host] > 0;
        s->n_hosts++;
        s->n_acting += acts;
        s->crowd += host ? trace_crowd_of(w, host, p->port) : log2((1 - ACTS_IF_INFECTED) / (1 - w->base));
        rhythm[acts] += rhythm_bits(&w->judged[w->order[i]], p);
        n[acts]++;
        if (acts) {
            order += order_of(&t->host[host], p);
            n_order++;
        }
    }
    s->crowd_all = s->crowd;
    s->crowd = s->n_hosts ? trace_crowd_limit(s->crowd) : 0;
    s->order = n_order ? clamp(order / n_order * fmin(2, sqrt(n_order)), BITS_ORDER_LEAST, BITS_ORDER_MOST) : 0;
    s->rhythm = n[1] ? rhythm[1] / n[1] : n[0] ? rhythm[0] / n[0] : 0;
}

static void crowd_reasons(const struct pass *w, const struct pair *p, const struct service *s, struct trace_reasons *out)
{
    if (!w->inside[p->src])
        return;
    if (s->gang)
        trace_reason_add(out, TRACE_CROWD, s->crowd, "all %u hosts that talk to it talk to one controller that is told", s->n_hosts);
    else if (s->n_acting)
        trace_reason_add(out, TRACE_CROWD, s->crowd, "%u of the %u hosts that talk to it act (of all, %.2f%% do)", s->n_acting, s->n_hosts, w->base * 100);
    else
        trace_reason_add(out, TRACE_CROWD, s->crowd, "none of the %u hosts that talk to it acts", s->n_hosts);
    trace_reason_add(out, TRACE_ORDER, s->order, s->order > 0 ? "spoken to in the two minutes before bursts began" : "bursts began without it");
}

void trace_reasons_of(const struct pass *w, size_t pair, bool whole, struct trace_reasons *out, const char **innocent_out)
{
    const struct pair *p = &w->t->pair[pair];
    const struct service *s = &w->service[w->judged[pair].service];
    out->n = 0;
    out->bits = 0;
    trace_reason_add(out, TRACE_PRIOR, BITS_CONTROLLER_PRIOR, "a destination that nothing is known of");
    pair_reasons(w, pair, whole && s->n_hosts ? s->rhythm : rhythm_bits(&w->judged[pair], p), out);
    crowd_reasons(w, p, s, out);
    name_reasons(w, p, out);
    direction_reasons(w, p, s, w->judged[pair].is_rhythm, out);
    *innocent_out = protocol_reasons(w, p, out);
    list_reasons(w, p, out, innocent_out);
    out->bits = 0;
    for (size_t i = 0; i < out->n; i++)
        out->bits += out->of[i].bits *= BITS_SCALE;
}

double trace_bits_of(const struct pass *w, size_t pair, bool whole)
{
    struct trace_reasons r;
    const char *innocent;
    r.is_bare = true;
    trace_reasons_of(w, pair, whole, &r, &innocent);
    return r.bits;
}
