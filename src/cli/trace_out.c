/* What trace found, for people and for programs. */
#include "cli/trace_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonout.h"
#include "cli/cli_gate.h"

enum { HOSTS_SHOWN = 12, HISTORY_SHOWN = 24 };

static void add_time(struct buf *b, int64_t ms)
{
    char text[CLI_TIME_MAX];
    cli_format_time(ms, text);
    buf_add_str(b, text);
}

static void add_ip(struct buf *b, const struct ip *a)
{
    char text[IP_TEXT];
    ip_text(a, text);
    buf_add_str(b, text);
}

static const char *proto_name(uint8_t proto) { return proto == 6 ? "tcp" : proto == 17 ? "udp" : proto == 1 || proto == 58 ? "icmp" : "ip"; }

static void add_place(struct buf *b, const char *name, const struct ip *a, uint16_t port, uint8_t proto)
{
    if (name[0])
        buf_add_fmt(b, "%s (", name);
    add_ip(b, a);
    buf_add_fmt(b, "%s:%u/%s", name[0] ? ")" : "", port, proto_name(proto));
}

/* ---- JSON ---- */

static void json_text(struct buf *b, const char *name, const char *text, bool is_first)
{
    json_name(b, name, is_first);
    json_string(b, span_str(text));
}

static void json_ip(struct buf *b, const char *name, const struct ip *a, bool is_first)
{
    char text[IP_TEXT];
    ip_text(a, text);
    json_text(b, name, text, is_first);
}

static void json_num(struct buf *b, const char *name, double x)
{
    json_name(b, name, false);
    json_number(b, x);
}

static void json_bool(struct buf *b, const char *name, bool x)
{
    json_name(b, name, false);
    buf_add_str(b, x ? "true" : "false");
}

static void json_when(struct buf *b, int64_t first_ms, int64_t last_ms)
{
    char text[CLI_TIME_MAX];
    cli_format_time(first_ms, text);
    json_text(b, "first", text, false);
    cli_format_time(last_ms, text);
    json_text(b, "last", text, false);
}

static void json_why(struct buf *b, double probability, const struct trace_reasons *why)
{
    json_num(b, "probability", probability);
    json_num(b, "bits", why->bits);
    json_name(b, "reasons", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < why->n; i++) {
        buf_add_str(b, i ? ",{" : "{");
        json_text(b, "kind", trace_kind_name(why->of[i].kind), true);
        json_num(b, "bits", why->of[i].bits);
        json_text(b, "text", why->of[i].text, false);
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
}

static void json_acts(struct buf *b, unsigned acts)
{
    static const char *const name[] = {"spam", "scan", "dns", "trap", "beacon"};
    bool is_first = true;
    json_name(b, "acts", false);
    buf_add_byte(b, '[');
    for (unsigned i = 0; i < 5; i++)
        if (acts & 1u << i) {
            buf_add_fmt(b, "%s\"%s\"", is_first ? "" : ",", name[i]);
            is_first = false;
        }
    buf_add_byte(b, ']');
}

/* Which of the incident's controllers it talks to, by their places there. */
static void json_talks(struct buf *b, struct trace_style style, const struct traced_host *h, const struct incident *x)
{
    size_t n = 0;
    json_name(b, "talks_to", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < x->n_controllers; i++)
        if (trace_talks(style.trace, &h->ip, &x->controller[i]))
            buf_add_fmt(b, n++ ? ",%zu" : "%zu", i);
    buf_add_byte(b, ']');
}

static void json_host(struct buf *b, struct trace_style style, const struct traced_host *h, const struct incident *x)
{
    buf_add_byte(b, '{');
    json_ip(b, "ip", &h->ip, true);
    json_bool(b, "told", h->is_told);
    json_acts(b, h->acts);
    json_when(b, h->first_ms, h->last_ms);
    json_num(b, "flows", (double)h->flows);
    json_num(b, "mail_servers", (double)h->mail_servers);
    json_num(b, "mail_failed", (double)h->mail_failed);
    json_num(b, "scanned", (double)h->scanned);
    json_num(b, "nxdomain", (double)h->nxdomain);
    if (h->botnet[0])
        json_text(b, "botnet", h->botnet, false);
    if (x && style.trace)
        json_talks(b, style, h, x);
    json_why(b, h->probability, &h->why);
    buf_add_byte(b, '}');
}

struct history { struct buf *b; const char *name; const struct ip *ip; size_t n; bool is_json; };

static int history_add(struct history *h, const char *name, const struct ip *a, int64_t first_ms, int64_t last_ms)
{
    if (h->is_json) {
        buf_add_str(h->b, h->n ? ",{" : "{");
        json_text(h->b, "name", name, true);
        json_ip(h->b, "ip", a, false);
        json_when(h->b, first_ms, last_ms);
        buf_add_byte(h->b, '}');
    } else {
        buf_add_fmt(h->b, "%s%s was ", h->name ? "    " : "", name);
        add_ip(h->b, a);
        buf_add_str(h->b, " from ");
        add_time(h->b, first_ms);
        buf_add_str(h->b, " to ");
        add_time(h->b, last_ms);
        buf_add_byte(h->b, '\n');
    }
    return ++h->n >= HISTORY_SHOWN;
}

static int history_address(void *ctx, const struct ip *a, int64_t first_ms, int64_t last_ms)
{
    struct history *h = ctx;
    return history_add(h, h->name, a, first_ms, last_ms);
}

static int history_name(void *ctx, const char *name, int64_t first_ms, int64_t last_ms)
{
    struct history *h = ctx;
    return strcmp(name, h->name) == 0 ? 0 : history_add(h, name, h->ip, first_ms, last_ms);
}

/* What its name led to, and what else led to its address, as the logs' own answers tell. */
static void history_write(struct buf *b, struct trace_style style, const struct controller *c)
{
    struct history h = {.b = b, .name = c->name, .ip = &c->ip, .is_json = style.is_json};
    if (!style.trace)
        return;
    if (!c->name[0] || trace_names(style.trace, c->name, history_address, &h) == 0)
        trace_named(style.trace, &c->ip, history_name, &h);
}

/* Whose machine it is, by the table of autonomous systems. */
struct hosted { const struct ip *ip, *net_first, *net_last; const struct as_info *as; bool is_inside; };

static bool network_of(const struct hosted *h, char out[IP_RANGE_TEXT])
{
    bool is_known = !ip_is_zero(h->net_first) || !ip_is_zero(h->net_last);
    out[0] = '\0';
    if (is_known)
        ip_range_text(h->net_first, h->net_last, out);
    return is_known;
}

static struct hosted controller_hosted(const struct controller *c)
{
    return (struct hosted){&c->ip, &c->net_first, &c->net_last, &c->as, c->is_inside};
}

static struct hosted landing_hosted(const struct landing *x)
{
    return (struct hosted){&x->ip, &x->net_first, &x->net_last, &x->as, x->is_inside};
}

/* Apart from what the table of autonomous systems says: who said what must be seen. */
static void json_registry(struct buf *b, struct trace_style style, const struct ip *a)
{
    struct trace_place p;
    if (!style.place || !style.place(style.place_ctx, a, &p))
        return;
    const char *const of[][2] = {{"network", p.network}, {"country", p.country}, {"firm", p.firm}, {"contact", p.contact}};
    json_name(b, "registry", false);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        buf_add_str(b, i ? "" : "{");
        json_text(b, of[i][0], of[i][1], i == 0);
    }
    buf_add_byte(b, '}');
}

static void json_hosted(struct buf *b, struct trace_style style, const struct hosted *h)
{
    char network[IP_RANGE_TEXT];
    if (h->as->asn) {
        json_num(b, "asn", h->as->asn);
        json_text(b, "as_name", h->as->name, false);
        json_text(b, "country", h->as->country, false);
    }
    if (network_of(h, network)) {
        json_text(b, "network", network, false);
        json_ip(b, "net_first", h->net_first, false);
        json_ip(b, "net_last", h->net_last, false);
    }
    json_registry(b, style, h->ip);
}

static void json_controller(struct buf *b, struct trace_style style, const struct controller *c)
{
    struct hosted at = controller_hosted(c);
    buf_add_byte(b, '{');
    json_ip(b, "ip", &c->ip, true);
    json_text(b, "name", c->name, false);
    json_num(b, "port", c->port);
    json_text(b, "proto", proto_name(c->proto), false);
    json_bool(b, "by_name", c->is_by_name);
    json_bool(b, "inside", c->is_inside);
    json_num(b, "hosts", (double)c->n_hosts);
    json_num(b, "acting", (double)c->n_acting);
    json_when(b, c->first_ms, c->last_ms);
    json_hosted(b, style, &at);
    if (style.trace) {
        json_name(b, "history", false);
        buf_add_byte(b, '[');
        history_write(b, style, c);
        buf_add_byte(b, ']');
    }
    json_why(b, c->probability, &c->why);
    buf_add_byte(b, '}');
}

static void json_incident(struct buf *b, struct trace_style style, const struct incident *x)
{
    buf_add_byte(b, '{');
    json_text(b, "incident", x->id, true);
    json_num(b, "probability", x->probability);
    json_when(b, x->first_ms, x->last_ms);
    if (x->botnet[0])
        json_text(b, "botnet", x->botnet, false);
    json_name(b, "controllers", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < x->n_controllers; i++) {
        buf_add_str(b, i ? "," : "");
        json_controller(b, style, &x->controller[i]);
    }
    buf_add_byte(b, ']');
    json_name(b, "hosts", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < x->n_hosts; i++) {
        buf_add_str(b, i ? "," : "");
        json_host(b, style, x->host[i], x);
    }
    buf_add_str(b, "]}\n");
}

static void json_beacon(struct buf *b, const struct beacon *x)
{
    buf_add_byte(b, '{');
    json_ip(b, "src", &x->src, true);
    json_ip(b, "dst", &x->dst, false);
    json_text(b, "name", x->name, false);
    json_num(b, "port", x->port);
    json_text(b, "proto", proto_name(x->proto), false);
    json_bool(b, "by_name", x->is_by_name);
    json_bool(b, "inbound", x->is_inbound);
    json_bool(b, "rhythm", x->is_rhythm);
    json_bool(b, "told", x->is_told);
    json_num(b, "connections", (double)x->connections);
    json_when(b, x->first_ms, x->last_ms);
    json_num(b, "period", x->period_s);
    json_num(b, "jitter", x->jitter);
    json_num(b, "p_value", x->p_value);
    json_num(b, "rita_score", x->rita_score);
    if (x->innocent)
        json_text(b, "innocent", x->innocent, false);
    json_why(b, x->probability, &x->why);
    buf_add_str(b, "}\n");
}

/* ---- text ---- */

static void add_why(struct buf *b, const struct trace_reasons *why, const char *indent)
{
    for (size_t i = 0; i < why->n; i++)
        buf_add_fmt(b, "%s%+6.1f  %s\n", indent, why->of[i].bits, why->of[i].text);
}

/* As many digits as it takes to show how far it is from certainty; never 1. */
static void add_probability(struct buf *b, double p)
{
    double wrong = fmin(1, fmax(1 - p, 1e-9));
    int digits = (int)ceil(-log10(wrong)) + 1;
    buf_add_fmt(b, "%.*f", digits < 2 ? 2 : digits, 1 - wrong);
}

const char *trace_acts_text(unsigned acts, char out[TRACE_TEXT])
{
    static const char *const what[] = {"sends spam", "scans", "asks for names drawn by lot", "seen at a trap"};
    size_t n = 0;
    snprintf(out, TRACE_TEXT, "%s", acts & ACT_BEACON ? "silent" : "");
    for (size_t i = 0; i < sizeof what / sizeof *what; i++)
        if (acts & 1u << i)
            n += (size_t)snprintf(out + n, TRACE_TEXT - n, "%s%s", n ? ", " : "", what[i]);
    return out;
}

/* Whose machine it is, and whom to write to. */
static void text_place(struct buf *b, struct trace_style style, const struct hosted *h)
{
    char network[IP_RANGE_TEXT], address[IP_TEXT];
    struct trace_place p;
    bool has_network = network_of(h, network);
    if (h->as->asn)
        buf_add_fmt(b, "    hosted by AS%u %s %s%s%s\n", h->as->asn, h->as->name, h->as->country, has_network ? ", " : "", network);
    if (h->is_inside || !style.place)
        return;
    ip_text(h->ip, address);
    if (!style.place(style.place_ctx, h->ip, &p)) {
        if (!ip_is_special(h->ip))
            buf_add_fmt(b, "    whom to write to was not asked: posse rdap --online %s\n", address);
        return;
    }
    buf_add_fmt(b, "    registered: %s%s%s%s%s\n", p.network[0] ? p.network : address, p.firm[0] ? ", " : "", p.firm, p.country[0] ? ", " : "",
                p.country);
    buf_add_fmt(b, p.contact[0] ? "    write to %s\n" : "    the registry names nobody for abuse: posse rdap --json %s\n",
                p.contact[0] ? p.contact : address);
}

static int count_address(void *ctx, const struct ip *a, int64_t first_ms, int64_t last_ms)
{
    (void)a, (void)first_ms, (void)last_ms;
    ++*(size_t *)ctx;
    return 0;
}

/* The address that was printed is the one that was called last. */
static void text_addresses(struct buf *b, struct trace_style style, const struct controller *c)
{
    size_t n = 0;
    if (style.trace && trace_names(style.trace, c->name, count_address, &n) == 0 && n > 1)
        buf_add_fmt(b, "    one of %zu%s addresses that the name led to: posse trace --names %s\n", n, n == TRACE_ADDRESSES ? " or more" : "", c->name);
}

static void text_controller(struct buf *b, struct trace_style style, const struct controller *c)
{
    struct hosted at = controller_hosted(c);
    buf_add_str(b, "  controller ");
    add_place(b, c->name, &c->ip, c->port, c->proto);
    buf_add_fmt(b, "%s  ", c->is_inside ? "  (a server of ours)" : "");
    add_probability(b, c->probability);
    buf_add_fmt(b, "  %llu host%s, ", (unsigned long long)c->n_hosts, c->n_hosts == 1 ? "" : "s");
    add_time(b, c->first_ms);
    buf_add_str(b, " to ");
    add_time(b, c->last_ms);
    buf_add_byte(b, '\n');
    if (c->is_by_name && !style.is_explained)
        text_addresses(b, style, c);
    text_place(b, style, &at);
    if (style.is_explained) {
        history_write(b, style, c);
        add_why(b, &c->why, "    ");
    }
}

static void text_incident(struct buf *b, struct trace_style style, const struct incident *x)
{
    char acts[TRACE_TEXT];
    buf_add_fmt(b, "%s  ", x->id);
    add_probability(b, x->probability);
    buf_add_str(b, "  ");
    add_time(b, x->first_ms);
    buf_add_str(b, " to ");
    add_time(b, x->last_ms);
    buf_add_fmt(b, "  %zu host%s, %zu controller%s%s%s\n", x->n_hosts, x->n_hosts == 1 ? "" : "s", x->n_controllers,
                x->n_controllers == 1 ? "" : "s", x->botnet[0] ? ", botnet " : "", x->botnet);
    for (size_t i = 0; i < x->n_controllers; i++)
        text_controller(b, style, &x->controller[i]);
    for (size_t i = 0; i < x->n_hosts && i < HOSTS_SHOWN; i++) {
        buf_add_str(b, "  host ");
        add_ip(b, &x->host[i]->ip);
        buf_add_fmt(b, "  %s  ", trace_acts_text(x->host[i]->acts, acts));
        add_probability(b, x->host[i]->probability);
        buf_add_byte(b, '\n');
        if (style.is_explained)
            add_why(b, &x->host[i]->why, "    ");
    }
    if (x->n_hosts > HOSTS_SHOWN)
        buf_add_fmt(b, "  and %zu more hosts\n", x->n_hosts - HOSTS_SHOWN);
}

void trace_incident_write(struct buf *b, struct trace_style style, const struct incident *x)
{
    if (style.is_json)
        json_incident(b, style, x);
    else
        text_incident(b, style, x);
}

void trace_host_write(struct buf *b, struct trace_style style, const struct traced_host *h)
{
    char acts[TRACE_TEXT];
    if (style.is_json) {
        json_host(b, style, h, NULL);
        buf_add_byte(b, '\n');
        return;
    }
    add_ip(b, &h->ip);
    buf_add_str(b, "  ");
    add_probability(b, h->probability);
    buf_add_fmt(b, "%s  %s  %llu mail servers, %llu tried in vain, %llu names that do not exist\n", h->is_told ? " told" : "", trace_acts_text(h->acts, acts),
                (unsigned long long)h->mail_servers, (unsigned long long)h->scanned, (unsigned long long)h->nxdomain);
    if (style.is_explained)
        add_why(b, &h->why, "  ");
}

void trace_beacon_write(struct buf *b, struct trace_style style, const struct beacon *x)
{
    if (style.is_json) {
        json_beacon(b, x);
        return;
    }
    add_ip(b, &x->src);
    buf_add_str(b, " -> ");
    add_place(b, x->name, &x->dst, x->port, x->proto);
    buf_add_str(b, "  ");
    add_probability(b, x->probability);
    buf_add_fmt(b, " (%+.1f bits)%s  %llu times", x->why.bits, x->is_told ? " told" : "", (unsigned long long)x->connections);
    if (x->is_rhythm && x->period_s > 0)
        buf_add_fmt(b, ", every %.4g s (%.0f%%)", x->period_s, x->jitter * 100);
    buf_add_fmt(b, "%s%s\n", x->innocent ? "  innocent: " : "", x->innocent ? x->innocent : "");
    if (style.is_explained)
        add_why(b, &x->why, "  ");
}

void trace_moment_write(struct buf *b, struct trace_style style, const struct trace_moment *m)
{
    char text[CLI_TIME_MAX];
    cli_format_time(m->time_ms, text);
    if (!style.is_json) {
        buf_add_fmt(b, "%s  %s\n", text, m->text);
        return;
    }
    buf_add_byte(b, '{');
    json_text(b, "time", text, true);
    json_text(b, "text", m->text, false);
    if (!ip_is_zero(&m->peer))
        json_ip(b, "peer", &m->peer, false);
    buf_add_str(b, "}\n");
}

void trace_name_write(struct buf *b, struct trace_style style, const char *name, const struct ip *a, int64_t first_ms, int64_t last_ms)
{
    struct history h = {.b = b, .is_json = style.is_json};
    history_add(&h, name, a, first_ms, last_ms);
    if (style.is_json)
        buf_add_byte(b, '\n');
}

void trace_landing_write(struct buf *b, struct trace_style style, const struct landing *x)
{
    struct hosted at = landing_hosted(x);
    if (style.is_json) {
        buf_add_byte(b, '{');
        json_text(b, "name", x->name, true);
        json_ip(b, "ip", &x->ip, false);
        json_bool(b, "inside", x->is_inside);
        json_text(b, "botnet", x->botnet, false);
        json_when(b, x->first_ms, x->last_ms);
        json_hosted(b, style, &at);
        buf_add_str(b, "}\n");
        return;
    }
    buf_add_fmt(b, "%s was ", x->name);
    add_ip(b, &x->ip);
    buf_add_str(b, " from ");
    add_time(b, x->first_ms);
    buf_add_str(b, " to ");
    add_time(b, x->last_ms);
    buf_add_fmt(b, "%s%s%s\n", x->is_inside ? "  (a host of ours)" : "", x->botnet[0] ? "  spam of " : "", x->botnet);
    text_place(b, style, &at);
}
