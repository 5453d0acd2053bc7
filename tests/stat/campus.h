/* campus: a day of a campus's flows with truth, for tests and benches of trace. A closed world: inside 10/8, outside 240/4 and 198.18/15,
 * names below .example and .test; nothing of any corpus.
 *
 * Clean hosts browse by day, hold to perfect periods (telemetry of forty vendors, of a thousand niche makers, some without a name; NTP;
 * push connections; mail clients), share files, mistype. There are mail servers, a newsletter, a resolver for the servers, an office
 * behind one address, a crawler, a scanner of the house and noise from outside. Three families of bots: one spams in bursts after it was told
 * (two controllers, by address or name), one scans, one looks for its controller by names drawn by lot and finds it at a name whose
 * addresses move. All beacon with jitter, only while their host is on.
 * Events come from a heap of processes, so that a world of any size streams. Threads: one world a thread. */
#ifndef POSSE_TESTS_CAMPUS_H
#define POSSE_TESTS_CAMPUS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "flow/trace.h"

enum { CAMPUS_CONTROLLERS = 8, CAMPUS_FAMILIES = 3 };
struct campus_options { uint32_t hosts; double hours; double infected; /* share, over all families */ uint64_t seed; unsigned gangs; /* bits: which of the four controllers have bots; 0: all */ };
struct campus_controller { struct ip ip; char name[64]; uint16_t port; uint32_t bots, contacts; unsigned family; };
struct campus_host { uint8_t family /* 0: clean */, controller; bool acted, is_server; int64_t on_us, off_us; };

enum campus_kind { K_BROWSE, K_TELEMETRY, K_NICHE, K_NTP, K_PUSH, K_MAILER, K_PEERS, K_TYPO, K_MAIL_IN, K_MAIL_OUT, K_NEWS, K_CRAWL, K_HOUSE_SCAN,
                   K_NOISE, K_BEACON, K_SPAM, K_SCAN, K_DGA };
struct campus_process { int64_t at; uint32_t host, arg; uint32_t left; uint8_t kind; float period, jitter; };
struct campus {
    struct campus_options o;
    uint64_t rng, flows;
    int64_t begin, end;
    struct campus_host *host;
    struct campus_controller controller[CAMPUS_CONTROLLERS];
    size_t n_controllers;
    struct campus_process *heap;
    size_t n, cap;
    int (*fn)(void *, const struct flow *);
    void *ctx;
    int rc;
};

static double campus_lot(struct campus *c)
{
    c->rng += 0x9e3779b97f4a7c15ull;
    return ((double)(mix64(c->rng) >> 11) + .5) / 9007199254740992.0;
}
static uint32_t campus_pick(struct campus *c, uint32_t n) { return (uint32_t)(campus_lot(c) * n); }
static double campus_wait(struct campus *c, double mean) { return -log(campus_lot(c)) * mean; }
/* Zipf-like: small numbers often. */
static uint32_t campus_popular(struct campus *c, uint32_t n) { return (uint32_t)(exp(campus_lot(c) * log(n + 1.0)) - 1) % n; }
static struct ip campus_outside(uint64_t what) { return ip_of_v4(0xf0000000u | (uint32_t)(mix64(what * 77 + 5) & 0x0fffffff)); }
static struct ip campus_inside(uint32_t host) { return ip_of_v4(0x0a000000u + 256 + host); }

static void campus_push(struct campus *c, struct campus_process p)
{
    if (c->n == c->cap)
        c->heap = realloc(c->heap, (c->cap = c->cap ? c->cap * 2 : 1024) * sizeof *c->heap);
    size_t i = c->n++;
    for (; i > 0 && c->heap[(i - 1) / 2].at > p.at; i = (i - 1) / 2)
        c->heap[i] = c->heap[(i - 1) / 2];
    c->heap[i] = p;
}

static struct campus_process campus_pop(struct campus *c)
{
    struct campus_process top = c->heap[0], last = c->heap[--c->n];
    size_t i = 0;
    for (size_t k; (k = 2 * i + 1) < c->n; i = k) {
        if (k + 1 < c->n && c->heap[k + 1].at < c->heap[k].at)
            k++;
        if (last.at <= c->heap[k].at)
            break;
        c->heap[i] = c->heap[k];
    }
    c->heap[i] = last;
    return top;
}

/* ---- records ---- */

static void campus_emit(struct campus *c, struct flow *f)
{
    if (f->start_us >= c->end || c->rc)
        return;
    c->flows++;
    c->rc = c->fn(c->ctx, f);
}

static void campus_conn(struct campus *c, int64_t at, struct ip src, struct ip dst, uint16_t port, uint8_t proto, double took_s, double out, double in,
                        enum flow_state state)
{
    struct flow f = {.kind = FLOW_CONN, .start_us = at, .duration_us = (int64_t)(took_s * 1e6), .src = src, .dst = dst, .proto = proto,
                     .src_port = (uint16_t)(32768 + campus_pick(c, 28000)), .dst_port = port, .state = (uint8_t)state,
                     .src_bytes = (uint64_t)out, .dst_bytes = (uint64_t)in, .src_packets = 5, .dst_packets = 5};
    campus_emit(c, &f);
}

static void campus_dns(struct campus *c, int64_t at, struct ip src, const char *name, const char *type, const struct ip *answer, uint32_t ttl)
{
    char text[IP_TEXT];
    struct flow f = {.kind = FLOW_DNS, .start_us = at - 30000, .src = src, .dst = campus_inside(0), .dst_port = 53, .proto = 17};
    f.dns.query = span_str(name), f.dns.type = span_str(type);
    f.dns.rcode = answer ? SPAN_LIT("NOERROR") : SPAN_LIT("NXDOMAIN");
    if (answer) {
        ip_text(answer, text);
        f.dns.answer[0] = span_str(text), f.dns.ttl[0] = ttl, f.dns.n_answers = 1;
    }
    campus_emit(c, &f);
}

/* ---- what clean hosts do ---- */

static bool campus_is_on(const struct campus *c, uint32_t host, int64_t at)
{
    int64_t of_day = (at - c->begin) % 86400000000ll;
    return of_day >= c->host[host].on_us && of_day < c->host[host].off_us;
}

static void campus_browse(struct campus *c, struct campus_process *p)
{
    uint32_t site = campus_popular(c, 20000), n = 1 + campus_pick(c, 5);
    struct ip me = campus_inside(p->host);
    char name[64];
    snprintf(name, sizeof name, "www.site%u.example", site);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t what = i ? 100000 + campus_popular(c, 500) : 200000 + site * 4ull + campus_pick(c, 2); /* parts of pages come from few networks */
        struct ip a = campus_outside(what);
        if (i == 0)
            campus_dns(c, p->at, me, name, "A", &a, 300);
        campus_conn(c, p->at + (int64_t)(campus_lot(c) * 2e6), me, a, campus_lot(c) < .9 ? 443 : 80, 6, campus_wait(c, 20), 600 + campus_wait(c, 1500),
                    campus_wait(c, 60000), campus_lot(c) < .97 ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED);
    }
    /* pages in sessions */
    p->at += (int64_t)(1e6 * (campus_lot(c) < .9 ? campus_wait(c, 40) : campus_wait(c, 2400)));
}

/* A service: its name, its address, its period, what it sends; all of them functions of its number. */
static void campus_service(struct campus *c, struct campus_process *p, bool niche)
{
    static const float periods[] = {60, 120, 300, 300, 600, 900, 900, 1800, 3600, 3600};
    uint64_t s = (niche ? 1000000 : 2000000) + p->arg, h = mix64(s + c->o.seed);
    if (p->period <= 0) {
        p->period = periods[h % 10];
        p->jitter = (h >> 8) % 3 == 0 ? (float)((h >> 12) % 20) / 100 : 0.001f;
    }
    struct ip me = campus_inside(p->host), a = campus_outside(s * 8 + ((h >> 20) % 4 == 0 ? campus_pick(c, 4) : 0));
    char name[64];
    snprintf(name, sizeof name, niche ? "api.maker%u.test" : "telemetry%u.vendor.example", p->arg);
    if (!niche || (h >> 24) % 8) /* one niche maker in eight has an address built in */
        if (campus_lot(c) < .3)
            campus_dns(c, p->at, me, name, "A", &a, 600);
    double out = 80 + (double)((h >> 28) % 1500), in = 100 + (double)((h >> 40) % 4000);
    if ((h >> 50) % 3 == 0)
        out += campus_wait(c, 300);
    enum flow_state ends = campus_lot(c) < .98 ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED;
    uint16_t port = niche && (h >> 52) % 4 == 0 ? (uint16_t)(1024 + (h >> 32) % 9000) : 443;
    campus_conn(c, p->at, me, a, port, 6, .2 + campus_wait(c, .2), out, in, ends);
    p->at += (int64_t)(1e6 * (double)p->period * (1 + (double)p->jitter * (2 * campus_lot(c) - 1)) + 1e4 * campus_lot(c));
}

static void campus_small_things(struct campus *c, struct campus_process *p)
{
    struct ip me = campus_inside(p->host);
    switch (p->kind) {
    case K_NTP:
        campus_conn(c, p->at, me, campus_outside(3000000 + p->arg % 8), 123, 17, .01, 48, 48, FLOW_STATE_CLOSED);
        p->at += (int64_t)(1e6 * (double)p->period);
        return;
    case K_PUSH:
        campus_conn(c, p->at, me, campus_outside(3100000 + p->arg % 30), p->arg % 2 ? 5223 : 443, 6, 1700, 900, 1200, FLOW_STATE_CLOSED);
        p->at += (int64_t)(1e6 * (1710 + campus_lot(c) * 20));
        return;
    case K_MAILER:
        campus_conn(c, p->at, me, campus_inside(1), 993, 6, 1, 700, 2000 + campus_wait(c, 3000), FLOW_STATE_CLOSED);
        if (campus_lot(c) < .02)
            campus_conn(c, p->at, me, campus_inside(1), 587, 6, 2, 20000, 900, FLOW_STATE_CLOSED);
        p->at += (int64_t)(1e6 * (double)p->period);
        return;
    case K_PEERS:
        campus_conn(c, p->at, me, campus_outside(5000000 + campus_pick(c, 200000)), (uint16_t)(10000 + campus_pick(c, 50000)), 6, 5, 400, 3000,
                    campus_lot(c) < .4 ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED);
        p->at += (int64_t)(1e6 * campus_wait(c, 8));
        return;
    default: { /* mistyped names, a browser's probes, a machine that looks for its old domain */
        char name[64];
        uint32_t n = campus_pick(c, 3);
        if (n == 0)
            snprintf(name, sizeof name, "www.ste%u.example", campus_pick(c, 500));
        else if (n == 1)
            snprintf(name, sizeof name, "wpad.office.test");
        else
            for (size_t i = 0; i < 11; i++)
                name[i] = i == 10 ? '\0' : (char)('a' + campus_pick(c, 26));
        campus_dns(c, p->at, me, name, "A", NULL, 0);
        p->at += (int64_t)(1e6 * campus_wait(c, 5000));
    }
    }
}

static void campus_servers(struct campus *c, struct campus_process *p)
{
    struct ip me = campus_inside(p->host), to;
    char name[64];
    switch (p->kind) {
    case K_MAIL_IN:
        campus_conn(c, p->at, campus_outside(6000000 + campus_pick(c, 3000)), me, 25, 6, 3, 9000, 500, FLOW_STATE_CLOSED);
        snprintf(name, sizeof name, "%u.%u.0.240.list.test", campus_pick(c, 255), campus_pick(c, 255));
        campus_dns(c, p->at, me, name, "A", NULL, 0);
        p->at += (int64_t)(1e6 * campus_wait(c, 8));
        return;
    case K_MAIL_OUT:
    case K_NEWS:
        to = campus_outside(6000000 + campus_pick(c, 3000));
        if (campus_lot(c) < .3)
            campus_dns(c, p->at, me, "mx.test", "MX", &to, 3600);
        campus_conn(c, p->at, me, to, 25, 6, 2, 12000, 400, campus_lot(c) < .93 ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED);
        p->at += (int64_t)(1e6 * campus_wait(c, p->kind == K_NEWS ? (campus_lot(c) < .999 ? 1 : 9000) : 20));
        return;
    case K_CRAWL:
        campus_conn(c, p->at, me, campus_outside(7000000 + campus_pick(c, 2000000)), 443, 6, 1, 500, 20000,
                    campus_lot(c) < .95 ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED);
        p->at += (int64_t)(1e6 * campus_wait(c, 1));
        return;
    case K_HOUSE_SCAN:
        campus_conn(c, p->at, me, campus_inside(campus_pick(c, c->o.hosts)), (uint16_t)(1 + campus_pick(c, 1000)), 6, 0, 0, 0, FLOW_STATE_REFUSED);
        p->at += (int64_t)(1e6 * campus_wait(c, 2));
        return;
    default: /* noise from outside */
        campus_conn(c, p->at, campus_outside(8000000 + campus_popular(c, 40000)), campus_inside(campus_pick(c, c->o.hosts)),
                    campus_pick(c, 2) ? 23 : (uint16_t)campus_pick(c, 65535), 6, 0, 0, 0, FLOW_STATE_TRIED);
        p->at += (int64_t)(1e6 * campus_wait(c, 86400.0 / 20 / c->o.hosts * 10));
    }
}

/* ---- bots ---- */

static void campus_lot_name(uint64_t seed, char out[32])
{
    size_t n = 9 + mix64(seed) % 8;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('a' + mix64(seed * 31 + i) % 26);
    snprintf(out + n, 32 - n, ".test");
}

static void campus_burst(struct campus *c, uint32_t host, int64_t at, enum campus_kind kind, uint32_t n, float period, uint32_t arg)
{
    campus_push(c, (struct campus_process){.at = at, .host = host, .arg = arg, .left = n, .kind = (uint8_t)kind, .period = period});
}

static void campus_beacon(struct campus *c, struct campus_process *p)
{
    struct campus_host *h = &c->host[p->host];
    struct campus_controller *k = &c->controller[h->controller];
    struct ip me = campus_inside(p->host), to = k->ip;
    if (h->family == 3) { /* an address of the moment */
        to = campus_outside(9000000 + (uint64_t)(p->at / 300000000) * 3 + campus_pick(c, 3));
        campus_dns(c, p->at, me, k->name, "A", &to, 300);
    } else if (k->name[0] && campus_lot(c) < .3)
        campus_dns(c, p->at, me, k->name, "A", &to, 3600);
    double dead = .05;
    campus_conn(c, p->at, me, to, k->port, 6, .3, 150 + (campus_lot(c) < .3 ? campus_wait(c, 40) : 0), 200 + (campus_lot(c) < .1 ? campus_wait(c, 3000) : 0),
                campus_lot(c) < dead ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED);
    k->contacts++;
    double told = h->family == 1 ? 1.0 / 20 : h->family == 2 ? 1.0 / 120 : 1.0 / 60, lag = 5 + campus_wait(c, 20);
    if (campus_lot(c) < told) {
        int64_t at = p->at + (int64_t)(lag * 1e6);
        if (h->family == 2)
            campus_burst(c, p->host, at, K_SCAN, 300 + campus_pick(c, 2000), .3f, campus_pick(c, 2) ? 23 : 445);
        else
            campus_burst(c, p->host, at, K_SPAM, 60 + campus_pick(c, 300), 2.5f, 0);
    }
    p->at += (int64_t)(1e6 * (double)p->period * (1 + (double)p->jitter * (2 * campus_lot(c) - 1)));
}

static void campus_act(struct campus *c, struct campus_process *p)
{
    struct ip me = campus_inside(p->host);
    char name[32];
    switch (p->kind) {
    case K_SPAM:
        campus_conn(c, p->at, me, campus_outside(6000000 + campus_pick(c, 3000)), 25, 6, 2, 4000, 300,
                    campus_lot(c) < .4 ? (campus_lot(c) < .5 ? FLOW_STATE_REFUSED : FLOW_STATE_TRIED) : FLOW_STATE_CLOSED);
        break;
    case K_SCAN:
        campus_conn(c, p->at, me, ip_of_v4(0xf0000000u | campus_pick(c, 0x0fffffff)), (uint16_t)p->arg, 6, 0, 0, 0,
                    campus_lot(c) < .96 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED);
        break;
    default:
        campus_lot_name(c->o.seed * 1000 + p->left, name);
        campus_dns(c, p->at, me, name, "A", NULL, 0);
    }
    p->at += (int64_t)(1e6 * campus_wait(c, (double)p->period));
    p->left--;
}

/* ---- the world ---- */

static void campus_add(struct campus *c, uint32_t host, enum campus_kind kind, uint32_t arg, double period, double jitter)
{
    double first = campus_lot(c) * (period > 0 ? period : 600);
    campus_push(c, (struct campus_process){.at = c->begin + (int64_t)(first * 1e6), .host = host, .arg = arg, .kind = (uint8_t)kind,
                                           .period = (float)period, .jitter = (float)jitter, .left = 1});
}

static void campus_settle(struct campus *c, uint32_t i)
{
    struct campus_host *h = &c->host[i];
    bool always = campus_lot(c) < .3;
    h->on_us = always ? 0 : (int64_t)((6 + 4 * campus_lot(c)) * 3.6e9);
    h->off_us = always ? 86400000000ll : h->on_us + (int64_t)((5 + 8 * campus_lot(c)) * 3.6e9);
    campus_add(c, i, K_BROWSE, 0, 0, 0);
    for (uint32_t n = 2 + campus_pick(c, 4); n > 0; n--)
        campus_add(c, i, K_TELEMETRY, campus_popular(c, 40), 0, 0);
    if (campus_lot(c) < .25)
        campus_add(c, i, K_NICHE, campus_popular(c, 1000 + c->o.hosts / 4), 0, 0);
    campus_add(c, i, K_NTP, campus_pick(c, 8), 64 << campus_pick(c, 5), 0);
    if (campus_lot(c) < .5)
        campus_add(c, i, K_PUSH, campus_pick(c, 30), 0, 0);
    if (campus_lot(c) < .5)
        campus_add(c, i, K_MAILER, 0, 300, 0);
    if (campus_lot(c) < .01)
        campus_add(c, i, K_PEERS, 0, 0, 0);
    campus_add(c, i, K_TYPO, 0, 0, 0);
}

static void campus_servers_settle(struct campus *c)
{
    static const enum campus_kind kinds[] = {K_TYPO /* the resolver */, K_MAIL_IN, K_NEWS, K_CRAWL, K_HOUSE_SCAN, K_BROWSE};
    for (uint32_t i = 0; i < 6; i++) {
        c->host[i].is_server = true;
        c->host[i].off_us = 86400000000ll;
        campus_add(c, i, kinds[i], 0, 0, 0);
        campus_add(c, i, K_NTP, i, 1024, 0);
    }
    campus_add(c, 1, K_MAIL_OUT, 0, 0, 0);
    for (int i = 0; i < 80; i++) { /* an office behind one address */
        campus_add(c, 5, K_BROWSE, 0, 0, 0);
        campus_add(c, 5, K_TELEMETRY, campus_popular(c, 40), 0, 0);
        if (i % 4 == 0)
            campus_add(c, 5, K_NICHE, campus_popular(c, 1000), 0, 0);
    }
    campus_add(c, 0, K_NOISE, 0, 0, 0);
}

static void campus_infect(struct campus *c)
{
    static const struct { unsigned family; bool named; uint16_t port; } k[] = {{1, false, 8080}, {1, true, 443}, {2, false, 6667}, {3, true, 443}};
    for (size_t i = 0; i < 4; i++) {
        struct campus_controller *x = &c->controller[c->n_controllers++];
        *x = (struct campus_controller){.family = k[i].family, .port = k[i].port, .ip = campus_outside(9900000 + c->o.seed * 16 + i)};
        if (k[i].family == 3)
            campus_lot_name(c->o.seed * 1000 + 77777, x->name);
        else if (k[i].named)
            snprintf(x->name, sizeof x->name, "cdn%u.update.example", campus_pick(c, 1000));
    }
    uint32_t n = (uint32_t)(c->o.infected * c->o.hosts + .5), gang[4], n_gangs = 0;
    for (uint32_t i = 0; i < 4; i++)
        if (!c->o.gangs || c->o.gangs & 1u << i)
            gang[n_gangs++] = i;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t victim = 6 + campus_pick(c, c->o.hosts - 6), k_of = gang[i % n_gangs];
        struct campus_host *h = &c->host[victim];
        if (h->family)
            continue;
        h->family = (uint8_t)c->controller[k_of].family;
        h->controller = (uint8_t)k_of;
        c->controller[k_of].bots++;
        double period = h->family == 1 ? 300 + 900 * mix64(c->o.seed) / 18446744073709551616.0 : h->family == 2 ? 90 : 600;
        campus_add(c, victim, K_BEACON, 0, period, h->family == 1 ? .2 : h->family == 2 ? .45 : .15);
        if (h->family == 3)
            campus_burst(c, victim, c->begin + h->on_us + (int64_t)(campus_lot(c) * 3.6e9), K_DGA, 50 + campus_pick(c, 150), 1, 0);
    }
}

static void campus_step(struct campus *c)
{
    struct campus_process p = campus_pop(c);
    struct campus_host *h = &c->host[p.host];
    bool on = p.kind == K_NOISE || campus_is_on(c, p.host, p.at);
    if (p.kind >= K_SPAM) {
        if (!on || p.left == 0)
            return;
        campus_act(c, &p);
        h->acted = h->acted || p.at - c->begin > 0;
    } else if (!on) {
        p.at += (int64_t)(1e6 * (p.period > 0 ? (double)p.period : 600) * (.9 + .2 * campus_lot(c)));
    } else
        switch (p.kind) {
        case K_BROWSE: campus_browse(c, &p); break;
        case K_TELEMETRY: campus_service(c, &p, false); break;
        case K_NICHE: campus_service(c, &p, true); break;
        case K_BEACON: campus_beacon(c, &p); break;
        case K_NTP:
        case K_PUSH:
        case K_MAILER:
        case K_PEERS:
        case K_TYPO: campus_small_things(c, &p); break;
        default: campus_servers(c, &p);
        }
    if (p.at < c->end)
        campus_push(c, p);
}

/* Runs a world; its truth is in *c until campus_free. */
static int campus_run(struct campus *c, const struct campus_options *o, int (*fn)(void *, const struct flow *), void *ctx)
{
    *c = (struct campus){.o = *o, .rng = mix64(o->seed + 1), .fn = fn, .ctx = ctx, .begin = 1700006400000000};
    c->end = c->begin + (int64_t)(o->hours * 3.6e9);
    c->host = calloc(o->hosts, sizeof *c->host);
    campus_servers_settle(c);
    for (uint32_t i = 6; i < o->hosts; i++)
        campus_settle(c, i);
    campus_infect(c);
    while (c->n && !c->rc)
        campus_step(c);
    return c->rc;
}

static void campus_free(struct campus *c)
{
    free(c->host);
    free(c->heap);
}

/* Which of the truth's controllers is this? -1: none. */
static inline int campus_which(const struct campus *c, const struct controller *x)
{
    for (size_t i = 0; i < c->n_controllers; i++) {
        const struct campus_controller *k = &c->controller[i];
        if (k->family == 3 ? strcmp(k->name, x->name) == 0 : ip_compare(&k->ip, &x->ip) == 0 && k->port == x->port)
            return (int)i;
    }
    return -1;
}

#endif
