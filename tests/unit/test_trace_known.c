/* trace beside what else is known: services, the user's lists without reading logs again, what a trap saw, who hosts a controller, and
 * what names led where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "flow/known.h"
#include "flow/trace.h"
#include "unit.h"

static const int64_t base_us = 1700000000000000;

static struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d) { return ip_of_v4(a << 24 | b << 16 | c << 8 | d); }

static double lot(uint64_t *seed) { return (double)(mix64(*seed += 77) >> 11) / 9007199254740992.0; }

static void add(struct trace *t, struct flow f) { assert_int_equal(trace_add(t, &f), 0); }

static void conn(struct trace *t, double at_s, struct ip src, struct ip dst, uint16_t port, enum flow_state state)
{
    add(t, (struct flow){.kind = FLOW_CONN, .start_us = base_us + (int64_t)(at_s * 1e6), .duration_us = 100000, .src = src, .dst = dst,
                         .src_port = 40000, .dst_port = port, .proto = 6, .state = state, .src_bytes = 120, .dst_bytes = 300});
}

static void dns(struct trace *t, double at_s, struct ip src, const char *name, struct ip to)
{
    char text[IP_TEXT];
    struct flow f = {.kind = FLOW_DNS, .start_us = base_us + (int64_t)(at_s * 1e6), .src = src, .dst = v4(10, 0, 0, 1), .dst_port = 53, .proto = 17};
    ip_text(&to, text);
    f.dns.query = span_str(name), f.dns.type = SPAN_LIT("A"), f.dns.rcode = SPAN_LIT("NOERROR");
    f.dns.answer[0] = span_str(text), f.dns.ttl[0] = 600, f.dns.n_answers = 1;
    add(t, f);
}

static void tls(struct trace *t, double at_s, struct ip src, struct ip dst, const char *name)
{
    add(t, (struct flow){.kind = FLOW_TLS, .start_us = base_us + (int64_t)(at_s * 1e6), .src = src, .dst = dst, .dst_port = 443, .proto = 6,
                         .tls.sni = span_str(name)});
}

/* A list of one kind, from a file that is gone again when this returns. */
static struct known *list(const char *services, const char *allow, const char *deny)
{
    const char *text[3] = {services, allow, deny};
    char path[3][32];
    const char *names[3];
    struct known *k;
    struct report why = {0};
    for (int i = 0; i < 3; i++) {
        strcpy(path[i], "/tmp/test_trace.XXXXXX");
        int fd = mkstemp(path[i]);
        assert_true(fd >= 0 && write(fd, text[i], strlen(text[i])) == (ssize_t)strlen(text[i]));
        close(fd);
        names[i] = path[i];
    }
    struct known_options o = {.services = names[0], .allow = &names[1], .deny = &names[2], .n_allow = 1, .n_deny = 1};
    if (known_open(&o, &k, &why))
        fail_msg("%s", why.text);
    for (int i = 0; i < 3; i++)
        unlink(path[i]);
    return k;
}

/* Sixty hosts that browse; the first `bots` of them call 203.0.113.9:8080 every ten minutes and then spam. */
static void campus(struct trace *t, int bots)
{
    uint64_t seed = 2;
    for (int h = 1; h <= 60; h++)
        for (int i = 0; i < 100; i++)
            conn(t, 80000 * lot(&seed), v4(10, 0, 0, (unsigned)h), v4(198, 51, 100, (unsigned)(lot(&seed) * 60)), 443, FLOW_STATE_CLOSED);
    for (int h = 1; h <= bots; h++) {
        for (int i = 0; i < 130; i++)
            conn(t, 600 * i + 100 * lot(&seed) + h, v4(10, 0, 0, (unsigned)h), v4(203, 0, 113, 9), 8080, FLOW_STATE_CLOSED);
        for (int i = 0; i < 400; i++)
            conn(t, 30000 + 3 * i, v4(10, 0, 0, (unsigned)h), v4(192, 0, (unsigned)i % 200, (unsigned)h * 7), 25, i % 2 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED);
    }
}

static size_t incidents(struct trace *t, const struct known *k, const struct incident **x)
{
    trace_set_known(t, k);
    assert_int_equal(trace_judge(t, NULL), 0);
    return trace_incidents(t, x);
}

static const struct beacon *beacon(const struct trace *t, struct ip src, struct ip dst)
{
    const struct beacon *b;
    size_t n = trace_beacons(t, &b);
    for (size_t i = 0; i < n; i++)
        if (!b[i].is_by_name && ip_compare(&b[i].src, &src) == 0 && ip_compare(&b[i].dst, &dst) == 0)
            return &b[i];
    fail_msg("no such beacon");
    return NULL;
}

/* The same tables under one list after another: nothing is read again, and without lists all is as before. */
static void lists_act_at_once(void **state)
{
    (void)state;
    struct trace *t;
    assert_int_equal(trace_new(NULL, &t, NULL), 0);
    campus(t, 3);
    struct known *allow = list("", "203.0.113.9:8080\n10.0.0.1\n10.0.0.2\n10.0.0.3\n", ""), *deny = list("", "", "198.51.100.7\n"),
                 *host = list("", "", "10.0.0.50\n");
    const struct incident *x;
    const struct traced_host *h;
    assert_int_equal(incidents(t, NULL, &x), 1);
    double probability = x->probability;
    assert_int_equal(incidents(t, allow, &x), 0);
    assert_string_equal(beacon(t, v4(10, 0, 0, 1), v4(203, 0, 113, 9))->innocent, "allowed");
    size_t n = incidents(t, deny, &x);
    assert_true(n >= 2 && x[0].controller && x[0].controller->probability > .999);
    bool denied = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < x[i].n_controllers; k++)
            denied = denied || (ip_v4(&x[i].controller[k].ip) == 0xc6336407 && x[i].n_hosts >= 10);
    assert_true(denied);
    assert_int_equal(incidents(t, host, &x), 2); /* what a complaint names is an incident by itself */
    assert_true(trace_hosts(t, &h) >= 4 && ip_v4(&h[0].ip) == 0x0a000032 && h[0].is_told);
    assert_int_equal(incidents(t, NULL, &x), 1);
    assert_true(x->probability == probability);
    trace_free(&t);
    known_free(&allow);
    known_free(&deny);
    known_free(&host);
}

/* A name is believed where the logs' own answers lead to that address, or where there are none; not on an address that it never led to. */
static void names_are_claims(void **state)
{
    (void)state;
    struct trace *t;
    struct known *k = list("update.example\tupdates\thttps://update.example/\n", "", "");
    struct ip me = v4(10, 0, 0, 7), you = v4(10, 0, 0, 8), real = v4(198, 51, 100, 1), fake = v4(203, 0, 113, 5);
    uint64_t seed = 4;
    assert_int_equal(trace_new(&(struct trace_options){.known = k}, &t, NULL), 0);
    dns(t, 0, you, "update.example", real);
    for (int i = 0; i < 200; i++) {
        double at = 300 * i + 30 * lot(&seed);
        conn(t, at + 1, me, fake, 443, FLOW_STATE_CLOSED);
        tls(t, at + 1, me, fake, "update.example");
        conn(t, at + 2, you, real, 443, FLOW_STATE_CLOSED);
        tls(t, at + 2, you, real, "update.example");
    }
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct beacon *a = beacon(t, me, fake), *b = beacon(t, you, real);
    assert_null(a->innocent);
    assert_string_equal(b->innocent, "updates");
    assert_true(a->why.bits > b->why.bits + 5);
    trace_free(&t);
    known_free(&k);
}

/* Two silent hosts that a trap had mail from: they act, the crowd gains them, and the incident says whose they are. A mail server of
 * ours that the trap saw may have passed on what another wrote. */
static void the_trap_joins(void **state)
{
    (void)state;
    struct trace *t;
    const struct incident *x;
    const struct traced_host *h;
    uint64_t seed = 5;
    assert_int_equal(trace_new(NULL, &t, NULL), 0);
    campus(t, 0);
    for (int n = 1; n <= 3; n++)
        for (int i = 0; i < 130; i++)
            conn(t, 600 * i + 100 * lot(&seed) + n, v4(10, 0, 0, (unsigned)n), v4(203, 0, 113, 9), 8080, FLOW_STATE_CLOSED);
    for (int i = 0; i < 300; i++)
        conn(t, 200 * i, v4(198, 51, 100, (unsigned)i % 60), v4(10, 0, 0, 40), 25, FLOW_STATE_CLOSED);
    conn(t, 50, v4(10, 0, 0, 40), v4(198, 51, 100, 3), 443, FLOW_STATE_CLOSED);
    assert_int_equal(incidents(t, NULL, &x), 0);
    for (unsigned n = 1; n <= 3; n++) {
        struct ip a = v4(10, 0, 0, n);
        assert_int_equal(trace_seen_at_trap(t, &a, base_us / 1000 + 40000000, "gamma", .99), 0);
    }
    struct ip relay = v4(10, 0, 0, 40);
    assert_int_equal(trace_seen_at_trap(t, &relay, base_us / 1000, "gamma", .99), 0);
    assert_int_equal(incidents(t, NULL, &x), 1);
    assert_true(x->n_hosts == 3 && x->n_controllers == 1 && x->controller->port == 8080);
    assert_string_equal(x->botnet, "gamma");
    size_t n = trace_hosts(t, &h);
    for (size_t i = 0; i < n; i++)
        assert_true(ip_compare(&h[i].ip, &relay) != 0 || !h[i].is_told);
    trace_free(&t);
}

/* What the links of spam lead to: a weak reason for a destination and for a host of ours, and a list of landing hosts. */
struct landed { size_t n; struct landing last; };

static int land(void *ctx, const struct landing *x)
{
    struct landed *l = ctx;
    *l = (struct landed){l->n + 1, *x};
    return 0;
}

static void spam_leads_there(void **state)
{
    (void)state;
    struct trace *t;
    struct landed l = {0};
    const struct traced_host *h;
    const struct incident *x;
    struct ip me = v4(10, 0, 0, 7), ours = v4(10, 0, 0, 8), there = v4(203, 0, 113, 5);
    uint64_t seed = 4;
    assert_int_equal(trace_new(NULL, &t, NULL), 0);
    dns(t, 0, me, "www.linked.example", there);
    dns(t, 1, me, "notlinked.example", v4(203, 0, 113, 6));
    dns(t, 2, me, "example", v4(203, 0, 113, 7));
    for (int i = 0; i < 200; i++)
        conn(t, 300 * i + 30 * lot(&seed), me, there, 443, FLOW_STATE_CLOSED);
    conn(t, 10, ours, there, 443, FLOW_STATE_CLOSED);
    assert_int_equal(trace_landings(t, land, &l), 0);
    assert_int_equal(l.n, 0);
    assert_int_equal(trace_judge(t, NULL), 0);
    double before = beacon(t, me, there)->why.bits;
    assert_int_equal(trace_linked_at_trap(t, "Linked.Example.", ""), 0);
    assert_int_equal(trace_linked_at_trap(t, "linked.example", "gamma"), 0);
    assert_int_equal(trace_linked_at_trap(t, "example", "gamma"), 0); /* nobody's domain */
    assert_int_equal(trace_linked_at_trap(t, "192.0.2.1", "gamma"), 0);
    assert_int_equal(incidents(t, NULL, &x), 0);
    double after = beacon(t, me, there)->why.bits;
    assert_true(after > before + 2 && after < before + 4);
    assert_int_equal(trace_landings(t, land, &l), 0);
    assert_true(l.n == 1 && ip_compare(&l.last.ip, &there) == 0 && !l.last.is_inside);
    assert_string_equal(l.last.name, "www.linked.example");
    assert_string_equal(l.last.botnet, "gamma");
    dns(t, 3, me, "home.linked.example", ours); /* a machine of ours serves it: it is listed, and not told */
    assert_int_equal(incidents(t, NULL, &x), 0);
    assert_true(trace_hosts(t, &h) == 1 && ip_compare(&h->ip, &ours) == 0 && !h->is_told && h->why.n == 2);
    trace_free(&t);
}

struct named { size_t n; int64_t first_ms, last_ms; char name[TRACE_NAME]; };

static int note(void *ctx, const char *name, int64_t first_ms, int64_t last_ms)
{
    struct named *x = ctx;
    *x = (struct named){.n = x->n + 1, .first_ms = first_ms, .last_ms = last_ms};
    snprintf(x->name, sizeof x->name, "%s", name);
    return 0;
}

static void who_hosts_it(void **state)
{
    (void)state;
    static const char csv[] = "203.0.113.0,203.0.113.127,64500,Hosting Example,DE\n";
    struct astable *as;
    struct trace *t;
    struct named x = {0};
    assert_int_equal(astable_read(span_str(csv), "t.csv", &as, NULL), 0);
    assert_int_equal(trace_new(&(struct trace_options){.as = as}, &t, NULL), 0);
    struct ip it = v4(203, 0, 113, 9);
    dns(t, 10, v4(10, 0, 0, 1), "a.example", it);
    dns(t, 500, v4(10, 0, 0, 2), "A.example.", it);
    campus(t, 3);
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct incident *i;
    assert_int_equal(trace_incidents(t, &i), 1);
    assert_int_equal(i->controller->as.asn, 64500);
    assert_string_equal(i->controller->name, "a.example");
    assert_true(ip_v4(&i->controller->net_first) == 0xcb007100 && ip_v4(&i->controller->net_last) == 0xcb00717f);
    assert_int_equal(trace_named(t, &it, note, &x), 0);
    assert_int_equal(x.n, 1);
    assert_string_equal(x.name, "a.example");
    assert_true(x.first_ms == base_us / 1000 + 10000 && x.last_ms == base_us / 1000 + 500000);
    it = v4(203, 0, 113, 10);
    assert_int_equal(trace_named(t, &it, note, &x), 0);
    assert_int_equal(x.n, 1);
    trace_free(&t);
    astable_free(&as);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lists_act_at_once), cmocka_unit_test(names_are_claims), cmocka_unit_test(the_trap_joins),
                                       cmocka_unit_test(spam_leads_there), cmocka_unit_test(who_hosts_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
