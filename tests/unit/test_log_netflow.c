/* NetFlow and IPFIX: packets one by one, in files, and over the loopback. All addresses are reserved ones. */
#include "unit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"
#include "flow/log_netflow.h"
#include "logs_files.h"

struct packet { uint8_t b[2048]; size_t n; };
static void u8(struct packet *p, unsigned x) { p->b[p->n++] = (uint8_t)x; }
static void u16(struct packet *p, unsigned x) { u8(p, x >> 8), u8(p, x); }
static void u32(struct packet *p, uint32_t x) { u16(p, x >> 16), u16(p, x & 0xffff); }
static void u64(struct packet *p, uint64_t x) { u32(p, (uint32_t)(x >> 32)), u32(p, (uint32_t)x); }

static struct packet v5(unsigned n, uint32_t seq)
{
    struct packet p = {.n = 0};
    u16(&p, 5), u16(&p, n), u32(&p, 1000), u32(&p, 1700000000), u32(&p, 500000000), u32(&p, seq), u16(&p, 0), u16(&p, 0);
    for (unsigned i = 0; i < n; i++) {
        u32(&p, 0x0a000001 + i), u32(&p, 0xc0000201), u32(&p, 0), u32(&p, 0), u32(&p, 3), u32(&p, 180);
        u32(&p, UINT32_MAX - 999), u32(&p, 500); /* it began two seconds before, on the other side of the counter's wrap */
        u16(&p, 1024), u16(&p, 25), u8(&p, 0), u8(&p, 2), u8(&p, 6), u8(&p, 0), u32(&p, 0), u32(&p, 0);
    }
    return p;
}

static void head9(struct packet *p, uint32_t seq) { u16(p, 9), u16(p, 1), u32(p, 10000), u32(p, 1700000000), u32(p, seq), u32(p, 7); }

static void template9(struct packet *p)
{
    static const uint16_t fields[][2] = {{8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {6, 1}, {22, 4}, {21, 4}, {1, 8}, {2, 4}};
    u16(p, 0), u16(p, 4 + 4 + 40), u16(p, 256), u16(p, 10);
    for (size_t i = 0; i < 10; i++)
        u16(p, fields[i][0]), u16(p, fields[i][1]);
}

static void data9(struct packet *p)
{
    u16(p, 256), u16(p, 4 + 34 + 2);
    u32(p, 0x0a000001), u32(p, 0xc0000201), u16(p, 1024), u16(p, 443), u8(p, 6), u8(p, 0x1b), u32(p, 8000), u32(p, 9500), u64(p, 1234), u32(p, 9);
    u16(p, 0);
}

static int one(void *ctx, const struct flow *f)
{
    struct flow *last = ctx;
    uint64_t n = last->src_packets;
    *last = *f;
    last->src_packets = n + 1; /* how many came */
    return 0;
}

static size_t collect(struct collector *c, const struct packet *p, struct flow *last)
{
    struct ip from = ip_of_v4(0xc6336401);
    struct span s = exact(p->b, p->n);
    memset(last, 0, sizeof *last);
    assert_int_equal(collector_packet(c, &from, s, one, last), 0);
    exact_free(s);
    return last->src_packets;
}

static void netflow_packets(void **state)
{
    struct collector *c;
    struct report why;
    struct flow f;
    struct logs_lost lost;
    (void)state;
    assert_int_equal(collector_new(&c, &why), 0);
    struct packet p = v5(3, 0);
    assert_int_equal(collect(c, &p, &f), 3);
    assert_int_equal(f.start_us, 1699999998500000);
    assert_int_equal(f.duration_us, 1500000);
    assert_int_equal(ip_v4(&f.src), 0x0a000003);
    assert_int_equal(f.state, FLOW_STATE_TRIED);
    assert_true(f.is_half);
    p = v5(3, 10); /* seven were not heard */
    assert_int_equal(collect(c, &p, &f), 3);
    collector_lost(c, &lost);
    assert_int_equal(lost.records, 7);
    p.n -= 30;
    assert_int_equal(collect(c, &p, &f), 2);
    collector_lost(c, &lost);
    assert_int_equal(lost.lines, 1);
    assert_non_null(strstr(lost.first, "198.51.100.1:3: a packet that is cut short"));

    p.n = 0;
    head9(&p, 1), data9(&p);
    assert_int_equal(collect(c, &p, &f), 0); /* no template yet */
    p.n = 0;
    head9(&p, 2), template9(&p), data9(&p), data9(&p);
    assert_int_equal(collect(c, &p, &f), 2);
    assert_int_equal(f.start_us, 1699999998000000);
    assert_int_equal(f.duration_us, 1500000);
    assert_int_equal(f.src_bytes, 1234);
    assert_int_equal(f.dst_port, 443);
    assert_int_equal(f.state, FLOW_STATE_CLOSED);
    p.n = 0;
    head9(&p, 3), data9(&p);
    assert_int_equal(collect(c, &p, &f), 1);
    struct ip other = ip_of_v4(0xc6336402); /* another exporter's templates are its own */
    memset(&f, 0, sizeof f);
    assert_int_equal(collector_packet(c, &other, span_of(p.b, p.n), one, &f), 0);
    assert_int_equal(f.src_packets, 0);
    for (size_t n = 0; n < p.n; n++) { /* cut anywhere */
        struct packet cut = p;
        cut.n = n;
        assert_true(collect(c, &cut, &f) <= 1);
    }
    collector_free(&c);
}

static struct packet ipfix(uint32_t seq, bool with_template)
{
    static const uint16_t fields[][2] = {{27, 16}, {28, 16}, {7, 2}, {11, 2}, {4, 1}, {152, 8}, {153, 8}, {1, 8}, {2, 8}};
    struct packet p = {.n = 0};
    u16(&p, 10), u16(&p, 0), u32(&p, 1700000000), u32(&p, seq), u32(&p, 1);
    if (with_template) {
        u16(&p, 2), u16(&p, 4 + 4 + 36 + 16 + 4), u16(&p, 300), u16(&p, 12);
        for (size_t i = 0; i < 9; i++)
            u16(&p, fields[i][0]), u16(&p, fields[i][1]);
        u16(&p, 0x8001), u16(&p, 8), u32(&p, 29305), u16(&p, 0x8002), u16(&p, 8), u32(&p, 29305), u16(&p, 82), u16(&p, 65535);
    }
    for (int i = 0; i < 2; i++) {
        u16(&p, 300), u16(&p, 4 + 16 + 16 + 5 + 48 + 1 + 4);
        u32(&p, 0x20010db8), u32(&p, 0), u32(&p, 0), u32(&p, 1), u32(&p, 0x20010db8), u32(&p, 0), u32(&p, 0), u32(&p, 2);
        u16(&p, 1024), u16(&p, 53), u8(&p, 17), u64(&p, 1700000000250), u64(&p, 1700000000500), u64(&p, 60), u64(&p, 1), u64(&p, 120), u64(&p, 1);
        u8(&p, 4), u32(&p, 0x65746830);
    }
    p.b[2] = (uint8_t)(p.n >> 8);
    p.b[3] = (uint8_t)p.n;
    return p;
}

static void ipfix_packets(void **state)
{
    struct collector *c;
    struct flow f;
    struct logs_lost lost;
    (void)state;
    assert_int_equal(collector_new(&c, NULL), 0);
    struct packet p = ipfix(0, true);
    assert_int_equal(collect(c, &p, &f), 2);
    assert_int_equal(f.start_us, 1700000000250000);
    assert_int_equal(f.duration_us, 250000);
    assert_int_equal(f.dst_bytes, 120);
    assert_false(f.is_half);
    assert_int_equal(f.state, FLOW_STATE_ESTABLISHED);
    p = ipfix(2, false);
    assert_int_equal(collect(c, &p, &f), 2);
    collector_lost(c, &lost);
    assert_int_equal(lost.records, 0);
    p = ipfix(9, false);
    assert_int_equal(collect(c, &p, &f), 2);
    collector_lost(c, &lost);
    assert_int_equal(lost.records, 5);
    collector_free(&c);
}

static void packet_files(void **state)
{
    struct packet p;
    struct logs_lost lost;
    struct flow last;
    (void)state;
    p = v5(3, 0);
    put("v5.bin", "w", p.b, p.n);
    p = v5(30, 3);
    const char *path = put("v5.bin", "a", p.b, p.n);
    assert_int_equal(read_all(path, &lost, &last), 33);
    assert_int_equal(lost.lines + lost.records, 0);
    p.n = 0;
    head9(&p, 1), template9(&p), data9(&p);
    put("v9.bin", "w", p.b, p.n);
    p.n = 0;
    head9(&p, 2), data9(&p), data9(&p);
    assert_int_equal(read_all(put("v9.bin", "a", p.b, p.n), &lost, &last), 3);
    p = ipfix(0, true);
    put("ipfix.bin", "w", p.b, p.n);
    p = ipfix(2, false);
    assert_int_equal(read_all(put("ipfix.bin", "a", p.b, p.n), &lost, &last), 4);
    assert_int_equal(read_all(put("ipfix.bin", "a", p.b, 30), &lost, &last), 4);
    assert_int_equal(lost.lines, 1);
    assert_int_equal(read_all(put("v5.bin", "a", "rubbish rubbish rubbish rubbish", 31), &lost, &last), 33);
    assert_int_equal(lost.lines, 1);
}

static void send_to(int fd, unsigned port, const struct packet *p)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(sendto(fd, p->b, p->n, 0, (struct sockaddr *)&to, sizeof to), p->n);
}

/* Packets over the loopback, alone and beside a log that grows; rubbish is counted; a gap is seen. */
static void listens(void **state)
{
    struct report why = {0};
    struct logs_lost lost;
    struct flow f;
    struct logs *l;
    unsigned port;
    size_t n = 0, whole = 0;
    (void)state;
    assert_int_equal(logs_open(NULL, 0, &(struct logs_options){.slack_ms = 1000, .follow = true}, &l, &why), 0);
    static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "localhost:1", "::1:1", ":2055"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(logs_listen(l, bad[i], &why), POSSE_EINVAL);
    assert_int_equal(logs_socket(l, &port), -1);
    assert_int_equal(logs_listen(l, "127.0.0.1:0", &why), 0);
    assert_true(logs_socket(l, &port) >= 0 && port > 0);
    assert_int_equal(logs_next(l, &f, &why), 0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct packet p = v5(3, 0);
    send_to(fd, port, &p);
    p = v5(2, 13); /* ten are missing */
    send_to(fd, port, &p);
    p = (struct packet){"rubbish rubbish rubbish", 20};
    send_to(fd, port, &p);
    p.n = 0;
    send_to(fd, port, &p);
    assert_int_equal(logs_collect(l, &why), 0);
    assert_int_equal(logs_next(l, &f, &why), 0); /* younger than the slack, and halves wait for the others */
    p.n = 0;
    head9(&p, 1), template9(&p), data9(&p);
    for (int i = 0; i < 4; i++)
        p.b[8 + i] = (uint8_t)((1700000100u) >> (24 - 8 * i)); /* 100 s later */
    send_to(fd, port, &p);
    while (logs_next(l, &f, &why) > 0)
        n++;
    assert_int_equal(n, 5);
    logs_flush(l);
    while (logs_next(l, &f, &why) > 0)
        n++, whole += !f.is_half;
    assert_int_equal(n, 6);
    assert_int_equal(whole, 0);
    logs_lost(l, &lost);
    assert_int_equal(lost.lines, 2);
    assert_int_equal(lost.records, 10);
    assert_int_equal(lost.late, 0);
    assert_non_null(strstr(lost.first, "127.0.0.1:3: "));
    p = v5(1, 15); /* from before what was told */
    send_to(fd, port, &p);
    assert_int_equal(logs_collect(l, &why), 0);
    logs_flush(l);
    assert_int_equal(logs_next(l, &f, &why), 1);
    logs_lost(l, &lost);
    assert_int_equal(lost.late, 1);
    close(fd);
    logs_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(netflow_packets), cmocka_unit_test(ipfix_packets), cmocka_unit_test(packet_files),
        cmocka_unit_test(listens),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
