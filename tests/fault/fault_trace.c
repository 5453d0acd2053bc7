/* fault_trace: the n-th allocation fails, for every n, while lists are read, flows are added, a trap's sources join, and all is judged,
 * listed and told. Each call says so, or does what it does without a fault; what is judged again once memory is there is told as if nothing
 * had failed, and nothing leaks or crashes. */
#include "fault.h"

#include "base/error.h"
#include "base/hash.h"
#include "flow/known.h"
#include "flow/trace.h"

enum { HOSTS = 40 };

static struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d) { return ip_of_v4(a << 24 | b << 16 | c << 8 | d); }

/* What memory refuses is offered again. */
static void add(struct trace *t, const struct flow *f)
{
    int rc = trace_add(t, f);
    if (rc) {
        assert_int_equal(rc, POSSE_ENOMEM);
        assert_true(fault.tripped);
        disarm();
        assert_int_equal(trace_add(t, f), POSSE_OK);
    }
}

static void conn(struct trace *t, int at_s, struct ip src, struct ip dst, uint16_t port, enum flow_state state)
{
    struct flow f = {.kind = FLOW_CONN, .start_us = (1700000000ll + at_s) * 1000000, .duration_us = 100000, .src = src, .dst = dst, .src_port = 4000,
                     .dst_port = port, .proto = 6, .state = (uint8_t)state, .src_bytes = 120, .dst_bytes = 300};
    add(t, &f);
}

static void dns(struct trace *t, int at_s, const char *name, const char *answer)
{
    struct flow f = {.kind = FLOW_DNS, .start_us = (1700000000ll + at_s) * 1000000, .src = v4(10, 0, 0, 1), .dst = v4(10, 0, 0, 200), .dst_port = 53, .proto = 17};
    f.dns.query = span_str(name), f.dns.type = SPAN_LIT("A"), f.dns.rcode = answer ? SPAN_LIT("NOERROR") : SPAN_LIT("NXDOMAIN");
    if (answer)
        f.dns.answer[0] = span_str(answer), f.dns.ttl[0] = 60, f.dns.n_answers = 1;
    add(t, &f);
}

/* Forty hosts of which three are called together and send mail to everybody. */
static void feed(struct trace *t)
{
    for (int i = 0; i < 12; i++)
        for (unsigned h = 1; h <= HOSTS; h++)
            conn(t, 3000 * i + (int)h * 37, v4(10, 0, 0, h), v4(198, 51, 100, (h * 7 + (unsigned)i * 3) % 20), 443, FLOW_STATE_CLOSED);
    for (int i = 0; i < 40; i++) {
        dns(t, 900 * i, i % 2 ? "moves.example" : "stands.example", i % 4 == 1 ? "203.0.113.20" : i % 2 ? "203.0.113.21" : "203.0.113.9");
        for (unsigned h = 1; h <= 3; h++)
            conn(t, 900 * i + (int)(mix64((uint64_t)i * h) % 90), v4(10, 0, 0, h), v4(203, 0, 113, 9), 8080, FLOW_STATE_CLOSED);
    }
    for (int i = 0; i < 150; i++)
        for (unsigned h = 1; h <= 3; h++)
            conn(t, 15000 + 3 * i, v4(10, 0, 0, h), v4(192, 0, (unsigned)i, h), 25, i % 2 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED);
}

static int ignore_name(void *ctx, const char *name, int64_t first_ms, int64_t last_ms)
{
    (void)name, (void)first_ms, (void)last_ms;
    ++*(int *)ctx;
    return 0;
}

static int ignore_moment(void *ctx, const struct trace_moment *m)
{
    (void)m;
    ++*(int *)ctx;
    return 0;
}

static void ask(struct trace *t)
{
    struct ip bot = v4(10, 0, 0, 1), it = v4(203, 0, 113, 9);
    int n = 0;
    int rc = trace_timeline(t, &bot, ignore_moment, &n);
    assert_true(rc == 0 || (rc == POSSE_ENOMEM && fault.tripped));
    assert_int_equal(trace_named(t, &it, ignore_name, &n), 0);
}

static bool once(long n, const char *list, size_t *incidents_out, double *probability_out)
{
    struct known *k = NULL;
    struct trace *t = NULL;
    struct report why = {0};
    struct known_options ko = {.allow = &list, .n_allow = 1};
    struct ip trapped = v4(10, 0, 0, 2);
    const struct incident *x;
    arm(FAULT_MALLOC, n, false);
    int rc = known_open(&ko, &k, &why);
    assert_true(rc == 0 ? k != NULL : k == NULL && why.text[0] && fault.tripped);
    struct trace_options o = {.known = k, .is_running = true};
    rc = trace_new(&o, &t, &why);
    if (rc) {
        assert_true(rc == POSSE_ENOMEM && !t && why.text[0]);
        disarm();
        assert_int_equal(trace_new(&o, &t, &why), 0);
    }
    feed(t);
    if (trace_seen_at_trap(t, &trapped, 1700020000000, "gamma", .99))
        assert_int_equal(trace_seen_at_trap(t, &trapped, 1700020000000, "gamma", .99), 0);
    rc = trace_judge(t, &why);
    if (rc) {
        assert_true(rc == POSSE_ENOMEM && why.text[0] && fault.tripped);
        assert_int_equal(trace_incidents(t, &x), 0);
        disarm();
        assert_int_equal(trace_judge(t, &why), 0);
    }
    *incidents_out = trace_incidents(t, &x);
    *probability_out = *incidents_out ? x->probability : 0;
    ask(t);
    bool tripped = fault.tripped;
    disarm();
    ask(t);
    trace_free(&t);
    known_free(&k);
    return tripped;
}

static void memory_fails_anywhere(void **state)
{
    struct place *p = *state;
    char list[160];
    size_t incidents, want;
    double probability, sure;
    snprintf(list, sizeof list, "%s/allow", p->dir);
    FILE *f = fopen(list, "w");
    fputs("fine.example\n198.51.100.0/28\n", f);
    fclose(f);
    once(1000000000, list, &want, &sure);
    assert_int_equal(want, 1);
    long n = 0, other = 0;
    while (once(++n, list, &incidents, &probability) && n < 20000)
        other += incidents != want || probability < sure - .001 || probability > sure + .001;
    assert_in_range(n, 100, 19999);
    /* A name, an answer or a way of acting that found no memory is as if it had not been: that may move what is said, but seldom. */
    if (other * 10 > n)
        fail_msg("%ld of %ld faults changed what was told", other, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(memory_fails_anywhere, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
