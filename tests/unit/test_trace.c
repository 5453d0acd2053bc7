/* trace: small worlds with one thing in each. */
#include <stdlib.h>
#include <string.h>

#include "trace_world.h"

static void sums_up(const struct trace_reasons *r)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum += r->of[i].bits;
    assert_true(sum - r->bits < 1e-9 && r->bits - sum < 1e-9);
}

static void nothing(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    const struct beacon *b;
    const struct incident *i;
    assert_int_equal(trace_beacons(t, &b), 0);
    assert_int_equal(trace_judge(t, NULL), 0);
    assert_int_equal(trace_beacons(t, &b), 0);
    assert_int_equal(trace_incidents(t, &i), 0);
    trace_free(&t);
    trace_free(&t);
    struct trace_options bad = {.probability = 1};
    struct report why;
    assert_int_not_equal(trace_new(&bad, &t, &why), 0);
    assert_non_null(strstr(why.text, "below 1"));
}

/* One host that browses, one that is told what to do every 300 s: first in the list, and alone below the threshold. */
static void a_beacon_alone_is_first_and_not_told(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    uint64_t seed = 1;
    for (int i = 0; i < 280; i++)
        add(t, conn(300 * i + 40 * lot(&seed), v4(10, 0, 0, 7), v4(203, 0, 113, 9), 8443, FLOW_STATE_CLOSED));
    for (int i = 0; i < 2000; i++)
        add(t, conn(84000 * lot(&seed), v4(10, 0, 0, 1 + i % 20), v4(198, 51, 100, i % 50), 443, FLOW_STATE_CLOSED));
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct beacon *b;
    const struct controller *c;
    const struct incident *x;
    size_t n = trace_beacons(t, &b);
    assert_true(n > 1 && n < 400);
    assert_true(b[0].port == 8443 && b[0].is_rhythm && b[0].period_s > 290 && b[0].period_s < 310 && b[0].connections == 280);
    assert_true(b[0].probability < .5 && b[0].rita_score > .8 && !b[0].is_told);
    for (size_t i = 0; i < n; i++)
        sums_up(&b[i].why);
    assert_true(trace_controllers(t, &c) > 0 && c[0].port == 8443 && c[0].n_hosts == 1);
    assert_int_equal(trace_incidents(t, &x), 0);
    trace_free(&t);
}

/* Three hosts that send mail to everybody and one server that they all have been told by: one incident. */
static void a_crowd_is_one_incident(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    uint64_t seed = 2;
    for (int h = 1; h <= 60; h++)
        for (int i = 0; i < 200; i++)
            add(t, conn(80000 * lot(&seed), v4(10, 0, 0, (unsigned)h), v4(198, 51, 100, (unsigned)(lot(&seed) * 60)), 443, FLOW_STATE_CLOSED));
    for (int h = 1; h <= 3; h++) {
        for (int i = 0; i < 130; i++)
            add(t, conn(600 * i + 100 * lot(&seed) + h, v4(10, 0, 0, (unsigned)h), v4(203, 0, 113, 9), 8080, FLOW_STATE_CLOSED));
        for (int i = 0; i < 400; i++)
            add(t, conn(30000 + 3 * i, v4(10, 0, 0, (unsigned)h), v4(192, 0, (unsigned)i % 200, (unsigned)h * 7), 25, i % 2 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED));
    }
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct incident *x;
    const struct traced_host *h;
    assert_int_equal(trace_incidents(t, &x), 1);
    assert_true(x->n_controllers == 1 && x->n_hosts == 3 && x->probability >= .95 && x->controller->port == 8080);
    assert_true(x->controller->n_hosts == 3 && x->controller->n_acting == 3 && strlen(x->id) == 16);
    size_t n = trace_hosts(t, &h);
    for (size_t i = 0; i < n; i++) {
        assert_true(h[i].is_told == (i < 3));
        sums_up(&h[i].why);
    }
    assert_true((h[0].acts & ACT_SPAM) && (h[0].acts & ACT_BEACON) && h[0].mail_servers > 150 && h[0].mail_failed == 200);
    char id[17];
    memcpy(id, x->id, 17);
    assert_int_equal(trace_judge(t, NULL), 0); /* again: the same */
    assert_int_equal(trace_incidents(t, &x), 1);
    assert_string_equal(x->id, id);
    trace_free(&t);
}

/* A line of open_conn, and the line when it is over: one connection. */
static void open_lines_are_replaced(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    for (int i = 0; i < 10; i++) {
        struct flow f = conn(5000, v4(10, 0, 0, 7), v4(203, 0, 113, 9), 443, FLOW_STATE_ESTABLISHED);
        f.is_open = i < 9;
        f.duration_us = i * 3600000000ll;
        add(t, f);
    }
    for (int i = 0; i < 6; i++)
        add(t, conn(6000 + 100 * i, v4(10, 0, 0, 7), v4(203, 0, 113, 9), 443, FLOW_STATE_CLOSED));
    const struct beacon *b;
    assert_int_equal(trace_judge(t, NULL), 0);
    assert_int_equal(trace_beacons(t, &b), 1);
    assert_int_equal(b->connections, 7);
    trace_free(&t);
}

static bool is_told(const struct incident *x, size_t n, struct ip a)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < x[i].n_controllers; k++)
            if (ip_compare(&x[i].controller[k].ip, &a) == 0)
                return x[i].n_hosts >= 8;
    return false;
}

/* Two gangs of eight in a thousand hosts. A place that three of one gang called once is theirs too, and in their incident; a place that
 * three called of whom one is of the other gang is nothing yet. */
static void a_gang_has_another_controller(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    uint64_t seed = 6;
    for (unsigned h = 0; h < 1000; h++)
        for (int i = 0; i < 20; i++)
            add(t, conn(80000 * lot(&seed), v4(10, 0, h / 200, h % 200 + 1), v4(198, 51, 100, (unsigned)(lot(&seed) * 60)), 443, FLOW_STATE_CLOSED));
    for (unsigned h = 1; h <= 16; h++) {
        for (int i = 0; i < 130; i++)
            add(t, conn(600 * i + 100 * lot(&seed) + h, v4(10, 0, 0, h), v4(203, 0, 113, h > 8 ? 9 : 8), 8080, FLOW_STATE_CLOSED));
        for (unsigned i = 0; i < 400; i++)
            add(t, conn(30000 + 3 * i, v4(10, 0, 0, h), v4(192, h, i % 200, h * 7), 25, i % 2 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED));
    }
    for (unsigned h = 6; h <= 8; h++) {
        add(t, conn(1000 + h, v4(10, 0, 0, h), v4(203, 0, 113, 77), 8080, FLOW_STATE_CLOSED));
        add(t, conn(2000 + h, v4(10, 0, 0, h + 1), v4(203, 0, 113, 78), 8080, FLOW_STATE_CLOSED));
    }
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct incident *x;
    size_t n = trace_incidents(t, &x);
    assert_int_equal(n, 2);
    assert_true(is_told(x, n, v4(203, 0, 113, 8)) && is_told(x, n, v4(203, 0, 113, 9)) && is_told(x, n, v4(203, 0, 113, 77)));
    assert_false(is_told(x, n, v4(203, 0, 113, 78)));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < x[i].n_controllers; k++)
            sums_up(&x[i].controller[k].why);
    trace_free(&t);
}

struct answers { size_t n; int64_t first, last; };
static int count_answer(void *ctx, const struct ip *a, int64_t first, int64_t last)
{
    struct answers *x = ctx;
    (void)a;
    x->n++;
    x->first = first, x->last = last;
    return 0;
}

/* A name that moves from address to address is one destination; its history can be asked for. */
static void a_name_is_a_destination(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    uint64_t seed = 9;
    for (int i = 0; i < 200; i++) {
        char text[IP_TEXT];
        struct ip a = v4(198, (unsigned)(i / 10), (unsigned)(i / 10) * 9, 5);
        ip_text(&a, text);
        struct flow f = {.kind = FLOW_DNS, .start_us = base_us + (int64_t)i * 400000000, .src = v4(10, 0, 0, 7), .dst = v4(10, 0, 0, 1), .dst_port = 53, .proto = 17};
        f.dns.query = SPAN_LIT("Moving.Example."), f.dns.type = SPAN_LIT("A"), f.dns.rcode = SPAN_LIT("NOERROR");
        f.dns.answer[0] = span_str(text), f.dns.ttl[0] = 60, f.dns.n_answers = 1;
        add(t, f);
        add(t, conn(400 * i + 1 + 60 * lot(&seed), v4(10, 0, 0, 7), a, 443, FLOW_STATE_CLOSED));
    }
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct beacon *b;
    assert_true(trace_beacons(t, &b) > 1);
    assert_true(b->is_by_name && b->connections >= 180 && b->period_s > 390 && b->period_s < 410);
    assert_string_equal(b->name, "moving.example");
    struct answers x = {0};
    assert_int_equal(trace_names(t, "MOVING.example", count_answer, &x), 0);
    assert_true(x.n == 16);
    assert_int_equal(trace_names(t, "other.example", count_answer, &x), 0);
    assert_true(x.n == 16);
    trace_free(&t);
}

static void a_trap_saw_it(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    struct ip bot = v4(10, 0, 0, 7), outside = v4(203, 0, 113, 1);
    add(t, conn(0, bot, outside, 443, FLOW_STATE_CLOSED));
    assert_int_equal(trace_seen_at_trap(t, &bot, base_us / 1000, "example", .99), 0);
    assert_int_equal(trace_seen_at_trap(t, &outside, base_us / 1000, "example", .99), 0);
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct traced_host *h;
    assert_int_equal(trace_hosts(t, &h), 1);
    assert_true(h->acts == ACT_TRAP && h->probability > .95 && h->is_told);
    trace_free(&t);
}

/* A service that half of the house asks every five minutes, among them few bots; the trap knows a thousand sources of ours that these
 * logs never saw. They are told, and say nothing of who talks to whom. */
static void who_only_a_trap_saw_is_no_crowd(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    uint64_t seed = 9;
    for (unsigned h = 1; h <= 120; h++)
        for (int i = 0; i < 200; i++)
            add(t, conn(80000 * lot(&seed), v4(10, 0, 0, h), v4(198, 51, 100, (unsigned)(lot(&seed) * 60)), 443, FLOW_STATE_CLOSED));
    for (unsigned h = 1; h <= 60; h++)
        for (int i = 0; i < 260; i++)
            add(t, conn(300 * i + h + lot(&seed), v4(10, 0, 0, h), v4(203, 0, 113, 9), 443, FLOW_STATE_CLOSED));
    for (unsigned h = 1; h <= 12; h += 3)
        for (int i = 0; i < 400; i++)
            add(t, conn(30000 + 3 * i, v4(10, 0, 0, h), v4(192, 0, (unsigned)i % 200, h * 7), 25, i % 2 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED));
    for (unsigned i = 0; i < 1000; i++) {
        struct ip source = v4(10, 9, i >> 8, i & 255);
        assert_int_equal(trace_seen_at_trap(t, &source, base_us / 1000, "example", .99), 0);
    }
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct controller *c;
    size_t n = trace_controllers(t, &c);
    for (size_t i = 0; i < n; i++)
        assert_false(c[i].is_told);
    const struct incident *x;
    assert_int_equal(trace_incidents(t, &x), 1004);
    trace_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing), cmocka_unit_test(a_beacon_alone_is_first_and_not_told), cmocka_unit_test(a_crowd_is_one_incident), cmocka_unit_test(a_gang_has_another_controller),
        cmocka_unit_test(open_lines_are_replaced), cmocka_unit_test(a_name_is_a_destination), cmocka_unit_test(a_trap_saw_it),
        cmocka_unit_test(who_only_a_trap_saw_is_no_crowd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
