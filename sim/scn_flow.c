/* scn_flow: the keywords of an edge network: campus, service, gang. */
#include <stdio.h>
#include <stdlib.h>

#include "scn_priv.h"

#define IN(type) type *b = block; (void)s
#define TEXTS(type, field) \
    static void type##_##field(struct line *l, struct scenario *s, void *block) \
    { \
        IN(struct type); \
        struct raw r = line_rest(l); \
        *PUSH(b->field) = r; \
    }

static void word_is(struct line *l, const char *word)
{
    char *w = line_want(l, word);
    if (strcmp(w, word) != 0)
        die_at(l->at, "\"%s\" is expected here, not \"%s\"", word, w);
    free(w);
}

/* ---- campus ---- */

static void campus_hosts(struct line *l, struct scenario *s, void *block)
{
    IN(struct campus);
    b->hosts = line_count(l, "hosts", 1, 60000);
}

static void campus_mail_servers(struct line *l, struct scenario *s, void *block)
{
    IN(struct campus);
    b->mail_servers = line_count(l, "mail servers", 0, 100);
}

static void campus_scanners(struct line *l, struct scenario *s, void *block)
{
    IN(struct campus);
    b->scanners = line_count(l, "scanners from outside", 0, 1000);
    b->scan_rate = line_rate(l);
}

static void campus_mail_rate(struct line *l, struct scenario *s, void *block)
{
    IN(struct campus);
    b->mail_rate = line_rate(l);
}

static void campus_servers(struct line *l, struct scenario *s, void *block)
{
    IN(struct campus);
    line_weights(l, "network", find_network, s, &b->networks);
}

const struct keyword campus_keywords[] = {{"hosts", campus_hosts}, {"mail-servers", campus_mail_servers}, {"mail-rate", campus_mail_rate},
                                          {"scanners", campus_scanners}, {"servers-in", campus_servers}, {NULL, NULL}};

/* ---- service and gang: both talk to servers now and then ---- */

static void traffic_over(struct line *l, struct traffic *t)
{
    static const char *const names[] = {"http", "ssl", "irc", "ntp", NULL};
    t->over = (enum traffic_over)line_one_of(l, "what it runs over", names);
}

static void traffic_every(struct line *l, struct traffic *t)
{
    t->every_ms = line_length(l);
    if (t->every_ms < 1000)
        die_at(l->at, "every second at most");
    if (line_more(l)) {
        word_is(l, "jitter");
        t->jitter = line_share(l, "jitter");
    }
}

#define TRAFFIC(type) \
    static void type##_over(struct line *l, struct scenario *s, void *block) { IN(struct type); traffic_over(l, &b->traffic); } \
    static void type##_every(struct line *l, struct scenario *s, void *block) { IN(struct type); traffic_every(l, &b->traffic); } \
    static void type##_sent(struct line *l, struct scenario *s, void *block) { IN(struct type); b->traffic.sent = line_counts(l); } \
    static void type##_received(struct line *l, struct scenario *s, void *block) \
    { \
        IN(struct type); \
        b->traffic.received = line_counts(l); \
    } \
    static void type##_addresses(struct line *l, struct scenario *s, void *block) \
    { \
        IN(struct type); \
        b->traffic.addresses = line_count(l, "addresses", 1, 10000); \
    }
TRAFFIC(service)
TRAFFIC(gang)
TEXTS(service, host)
TEXTS(gang, host)

static void service_visits(struct line *l, struct scenario *s, void *block)
{
    IN(struct service);
    b->visits = line_rate(l);
    if (line_more(l)) {
        char *w = line_want(l, "a curve");
        uint32_t i = find_curve(s, w);
        if (i == UINT32_MAX || s->curve.v[i].at.n != 24)
            die_at(l->at, "no curve of 24 values is named \"%s\"", w);
        b->day = i + 1;
        free(w);
    }
}

static void service_share(struct line *l, struct scenario *s, void *block)
{
    IN(struct service);
    b->share = line_share(l, "the share of hosts that use it");
}

const struct keyword service_keywords[] = {{"over", service_over}, {"every", service_every}, {"sent", service_sent},
    {"received", service_received}, {"addresses", service_addresses}, {"host", service_host}, {"visits", service_visits},
    {"share", service_share}, {NULL, NULL}};

static void gang_infected(struct line *l, struct scenario *s, void *block)
{
    IN(struct gang);
    b->infected = line_share(l, "the infected share");
    if (line_more(l)) {
        word_is(l, "within");
        b->spread_ms = line_length(l);
    }
}

static void gang_servers(struct line *l, struct scenario *s, void *block)
{
    IN(struct gang);
    b->servers = line_count(l, "servers", 1, 100);
    if (line_more(l)) {
        word_is(l, "each");
        b->server_life = line_lengths(l);
        if (b->server_life.lo < 10 * MINUTE)
            die_at(l->at, "a server lives ten minutes or longer");
    }
}

static void gang_nxdomain(struct line *l, struct scenario *s, void *block)
{
    IN(struct gang);
    b->nx_rate = line_rate(l);
    b->nx_name = line_rest(l);
}

static void gang_acts(struct line *l, struct scenario *s, void *block)
{
    IN(struct gang);
    static const char *const names[] = {"nothing", "spam", "scan", NULL};
    b->acts = (enum gang_acts)line_one_of(l, "what it does", names);
    if (b->acts == ACTS_NOTHING)
        return;
    b->act_rate = line_rate(l);
    if (b->acts == ACTS_SCAN)
        b->scan_port = line_count(l, "a port", 1, 65535);
    word_is(l, "for");
    b->act_for = line_lengths(l);
    word_is(l, "every");
    b->act_every = line_lengths(l);
}

const struct keyword gang_keywords[] = {{"over", gang_over}, {"every", gang_every}, {"sent", gang_sent}, {"received", gang_received},
    {"addresses", gang_addresses}, {"host", gang_host}, {"infected", gang_infected}, {"servers", gang_servers},
    {"nxdomain", gang_nxdomain}, {"acts", gang_acts}, {NULL, NULL}};

void flows_check(const struct scenario *s)
{
    for (size_t i = 0; i < s->campus.n; i++)
        if (s->campus.v[i].hosts == 0 || s->campus.v[i].networks.n == 0)
            die_at(s->campus.v[i].at, "campus %s needs hosts and servers-in", s->campus.v[i].name);
    for (size_t i = 0; i < s->service.n; i++) {
        const struct service *v = &s->service.v[i];
        if (v->host.n == 0 || (v->visits > 0) == (v->traffic.every_ms > 0))
            die_at(v->at, "service %s needs host, and either every or visits", v->name);
    }
    for (size_t i = 0; i < s->gang.n; i++) {
        const struct gang *g = &s->gang.v[i];
        if (g->host.n == 0 || g->servers == 0 || g->traffic.every_ms == 0)
            die_at(g->at, "gang %s needs host, servers and every", g->name);
    }
}
