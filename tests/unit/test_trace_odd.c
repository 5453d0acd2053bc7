/* trace and what networks really look like: scanners, clocks that jump, IPv6, an office behind one address, logs without an end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace_world.h"

static struct ip v6(unsigned net, unsigned host)
{
    struct ip a = {{0x20, 0x01, 0x0d, 0xb8, (uint8_t)(net >> 8), (uint8_t)net}};
    a.b[12] = (uint8_t)(host >> 24), a.b[13] = (uint8_t)(host >> 16), a.b[14] = (uint8_t)(host >> 8), a.b[15] = (uint8_t)host;
    return a;
}

#ifdef __SANITIZE_ADDRESS__
enum { DESTINATIONS = 2000000 }; /* five times as slow */
#else
enum { DESTINATIONS = 10000000 };
#endif

/* Ten million destinations cost what a few thousand cost, and are counted. */
static void a_scanner_with_ten_million_destinations(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    struct trace_size size;
    for (uint32_t i = 0; i < DESTINATIONS; i++)
        add(t, conn(i * .004, v4(10, 0, 0, 66), ip_of_v4(0x20000000 + i * 13), 23, FLOW_STATE_TRIED));
    trace_size(t, &size);
    assert_true(size.flows == DESTINATIONS && size.pairs < 10000 && size.bytes < 24 << 20);
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct traced_host *h;
    assert_true(trace_hosts(t, &h) >= 1 && (h->acts & ACT_SCAN) && h->scanned > DESTINATIONS / 10 * 8 && h->scanned < DESTINATIONS / 10 * 12);
    trace_free(&t);
}

/* With 16 MB, what does not fit is counted, not kept: three million connections, each to a place of its own, take what one million take. */
static void a_log_without_an_end(void **state)
{
    (void)state;
    struct trace *t = world(&(struct trace_options){.max_bytes = 16 << 20});
    struct trace_size size[3];
    for (uint32_t i = 0; i < 3000000; i++) {
        add(t, conn(i * .02, ip_of_v4(0x0a000000 + i % 5000), ip_of_v4(0x20000000 + i / 2), 443, FLOW_STATE_CLOSED));
        if ((i + 1) % 1000000 == 0)
            trace_size(t, &size[i / 1000000]);
    }
    assert_true(size[2].flows == 3000000 && size[2].pairs_lost > 1000000);
    assert_true(size[0].bytes < 17 << 20 && size[2].bytes < size[0].bytes + (64 << 10));
    assert_int_equal(trace_judge(t, NULL), 0);
    trace_free(&t);
}

/* The same where every pair comes again and again. */
static void more_pairs_than_memory(void **state)
{
    (void)state;
    struct trace *t = world(&(struct trace_options){.max_bytes = 16 << 20});
    struct trace_size size;
    for (uint32_t round = 0; round < 4; round++)
        for (uint32_t i = 0; i < 400000; i++)
            add(t, conn(round * 4000 + i * .01, ip_of_v4(0x0a000000 + i % 5000), ip_of_v4(0x20000000 + i), 443, FLOW_STATE_CLOSED));
    trace_size(t, &size);
    assert_true(size.bytes < 17 << 20 && size.pairs_lost > 0);
    assert_int_equal(trace_judge(t, NULL), 0);
    trace_free(&t);
}

static void clocks_jump(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    static const double when[] = {0, 10, -1e6, 3e6, -1e9, 1e10, 5, -1e15 / 1e6};
    for (int round = 0; round < 10; round++)
        for (size_t i = 0; i < sizeof when / sizeof *when; i++)
            add(t, conn(when[i] + round, v4(10, 0, 0, 7), v4(203, 0, 113, 9), 443, FLOW_STATE_CLOSED));
    struct trace_size size;
    trace_size(t, &size);
    assert_true(size.clock_jumps > 20);
    assert_int_equal(trace_judge(t, NULL), 0);
    trace_free(&t);
}

/* Three hosts of a campus that has nothing but IPv6, told by one server, send mail to everybody: as with IPv4. Its inside is found. */
static void a_campus_of_ipv6(void **state)
{
    (void)state;
    struct trace *t = world(NULL);
    uint64_t seed = 2;
    for (unsigned h = 1; h <= 60; h++)
        for (int i = 0; i < 200; i++)
            add(t, conn(80000 * lot(&seed), v6(1, h), v6(100 + (unsigned)(lot(&seed) * 60), 1), 443, FLOW_STATE_CLOSED));
    for (unsigned h = 1; h <= 3; h++) {
        for (int i = 0; i < 130; i++)
            add(t, conn(600 * i + 100 * lot(&seed) + h, v6(1, h), v6(900, 9), 8080, FLOW_STATE_CLOSED));
        for (unsigned i = 0; i < 400; i++)
            add(t, conn(30000 + 3 * i, v6(1, h), v6(2000 + i % 200, h * 7), 25, i % 2 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED));
    }
    assert_int_equal(trace_judge(t, NULL), 0);
    const struct incident *x;
    struct ip it = v6(900, 9);
    assert_int_equal(trace_incidents(t, &x), 1);
    assert_true(x->n_controllers == 1 && x->n_hosts == 3 && ip_compare(&x->controller->ip, &it) == 0 && !x->controller->is_inside);
    trace_free(&t);
}

/* Who logs private addresses on both sides is told that all of them were taken for inside, unless the user said what is. */
static void private_addresses_on_both_sides_are_told(void **state)
{
    const struct trace_net net = {ip_prefix(&(struct ip){{[10] = 0xff, [11] = 0xff, [12] = 10}}, 112), 112};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct trace_options o = {.inside = &net, .n_inside = i == 1};
        struct trace_size size;
        struct trace *t = world(&o);
        for (unsigned h = 1; h < 100; h++)
            add(t, conn(h, v4(10, 0, 0, h), i == 2 && h % 5 == 0 ? v4(198, 51, 100, h) : v4(10, 9, 0, h), 443, FLOW_STATE_CLOSED));
        trace_size(t, &size);
        assert_int_equal(size.is_all_private, i == 0);
        trace_free(&t);
    }
}

/* Sixty people, their telemetry and their mail server behind one address. */
static void office(struct trace *t, uint64_t *seed)
{
    struct ip door = v4(10, 0, 0, 1);
    for (int h = 0; h < 60; h++) {
        for (int i = 0; i < 150; i++)
            add(t, conn(80000 * lot(seed), door, v4(198, 51, 100, (unsigned)(lot(seed) * 200)), 443, lot(seed) < .02 ? FLOW_STATE_TRIED : FLOW_STATE_CLOSED));
        for (int i = 0; i < 90; i++)
            add(t, conn(900 * i + 14 * h, door, v4(203, 0, 113, 200), 443, FLOW_STATE_CLOSED));
    }
    for (int i = 0; i < 300; i++) {
        add(t, conn(250 * i, v4(198, 51, 100, (unsigned)i % 90), door, 25, FLOW_STATE_CLOSED));
        add(t, conn(250 * i + 60, door, v4(192, 0, (unsigned)i % 40, 25), 25, i % 25 ? FLOW_STATE_CLOSED : FLOW_STATE_TRIED));
    }
    for (int h = 2; h <= 40; h++)
        for (int i = 0; i < 100; i++)
            add(t, conn(80000 * lot(seed), v4(10, 0, 0, (unsigned)h), v4(198, 51, 100, (unsigned)(lot(seed) * 200)), 443, FLOW_STATE_CLOSED));
}

/* An office behind one address is one host. While nobody in it acts nothing is told; one bot in it makes that address tell. */
static void an_office_behind_one_address(void **state)
{
    (void)state;
    const struct incident *x;
    const struct traced_host *h;
    struct ip door = v4(10, 0, 0, 1);
    uint64_t seed = 3;
    struct trace *t = world(NULL);
    office(t, &seed);
    assert_int_equal(trace_judge(t, NULL), 0);
    assert_int_equal(trace_incidents(t, &x), 0);
    for (unsigned i = 0; i < 3000; i++)
        add(t, conn(30000 + .2 * i, door, v4(192, 1, i % 250, i / 250), 445, FLOW_STATE_TRIED));
    assert_int_equal(trace_judge(t, NULL), 0);
    assert_int_equal(trace_incidents(t, &x), 1);
    assert_true(trace_hosts(t, &h) >= 1 && ip_compare(&h[0].ip, &door) == 0 && h[0].is_told && (h[0].acts & ACT_SCAN) && x->n_hosts == 1);
    trace_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scanner_with_ten_million_destinations), cmocka_unit_test(a_log_without_an_end), cmocka_unit_test(more_pairs_than_memory),
        cmocka_unit_test(clocks_jump), cmocka_unit_test(a_campus_of_ipv6), cmocka_unit_test(private_addresses_on_both_sides_are_told),
        cmocka_unit_test(an_office_behind_one_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
