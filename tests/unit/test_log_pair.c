/* log_pair: halves find each other, who began it, what stays alone, order, many at once; and through logs_next from NetFlow v5. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "flow/log_pair.h"
#include "flow/logs.h"

static struct flow half(const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t proto, int64_t ms, uint8_t state)
{
    struct flow f;
    memset(&f, 0, sizeof f);
    assert_true(ip_read(span_str(src), &f.src) && ip_read(span_str(dst), &f.dst));
    f.src_port = sport, f.dst_port = dport, f.proto = proto, f.state = state;
    f.start_us = ms * 1000, f.duration_us = 500000;
    f.src_bytes = 100 + sport, f.src_packets = 3;
    f.is_half = true;
    f.service = SPAN_LIT("gone");
    return f;
}

static size_t all(struct log_pair *p, int64_t until, struct flow *out, size_t most)
{
    size_t n = 0;
    while (n < most && log_pair_take(p, until, &out[n]) > 0)
        n++;
    return n;
}

static void sides(void **state)
{
    enum { U = FLOW_STATE_UNKNOWN, T = FLOW_STATE_TRIED, R = FLOW_STATE_REFUSED, E = FLOW_STATE_ESTABLISHED, C = FLOW_STATE_CLOSED, X = FLOW_STATE_RESET };
    static const struct { uint16_t a, b; uint8_t proto; int late_ms; uint8_t sa, sb, is; bool is_turned; } cases[] = {
        {40000, 443, 6, 20, E, E, E, false}, {443, 40000, 6, 0, E, E, E, true}, {443, 40000, 6, 20, E, E, E, true}, /* the port says it */
        {40000, 8080, 6, 20, C, C, C, false}, {8080, 40000, 6, 20, E, E, E, false}, /* else who spoke first */
        {8080, 40000, 6, 0, E, E, E, true}, {40000, 8080, 6, 0, E, E, E, false},    /* else the higher port began */
        {40000, 25, 6, 1, T, R, R, false}, {40000, 25, 6, 1, E, R, X, false}, {40000, 25, 6, 1, X, C, X, false}, {40000, 25, 6, 1, C, E, E, false},
        {40000, 53, 17, 9999, U, U, E, false}, {53, 53, 17, 5, U, U, E, false}, {0, 2048, 1, 5, U, U, E, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_pair *p = log_pair_new();
        struct flow out[3], a = half("10.0.0.1", cases[i].a, "192.0.2.1", cases[i].b, cases[i].proto, 1000, cases[i].sa);
        struct flow b = half("192.0.2.1", cases[i].proto == 1 ? 0 : cases[i].b, "10.0.0.1", cases[i].proto == 1 ? 0 : cases[i].a, cases[i].proto,
                             1000 + cases[i].late_ms, cases[i].sb);
        assert_int_equal(log_pair_put(p, &a) | log_pair_put(p, &b), 0);
        assert_int_equal(log_pair_count(p), 1);
        if (all(p, INT64_MAX, out, 3) != 1 || out[0].is_half || out[0].state != cases[i].is || (ip_v4(&out[0].src) != 0x0a000001) != cases[i].is_turned)
            fail_msg("case %zu: half %d, state %d, from %08x", i, out[0].is_half, out[0].state, ip_v4(&out[0].src));
        assert_int_equal(out[0].start_us, 1000000);
        assert_int_equal(out[0].duration_us, 500000 + cases[i].late_ms * 1000);
        assert_int_equal(out[0].src_bytes + out[0].dst_bytes, a.src_bytes + b.src_bytes);
        assert_int_equal(out[0].src_bytes, cases[i].is_turned ? b.src_bytes : a.src_bytes);
        assert_int_equal(out[0].src_packets, 3);
        assert_int_equal(out[0].service.n, 0);
        log_pair_free(&p);
    }
    (void)state;
}

/* Too late, of another port, protocol or address, the same way twice: each stays alone. */
static void alone(void **state)
{
    struct log_pair *p = log_pair_new();
    struct flow out[8];
    struct flow in[] = {
        half("10.0.0.1", 40000, "192.0.2.1", 443, 6, 1000, FLOW_STATE_ESTABLISHED), half("10.0.0.1", 40000, "192.0.2.1", 443, 6, 1001, FLOW_STATE_ESTABLISHED),
        half("192.0.2.1", 443, "10.0.0.1", 40001, 6, 1002, FLOW_STATE_ESTABLISHED), half("192.0.2.1", 443, "10.0.0.1", 40000, 17, 1003, FLOW_STATE_UNKNOWN),
        half("192.0.2.2", 443, "10.0.0.1", 40000, 6, 1004, FLOW_STATE_TRIED),       half("192.0.2.1", 443, "10.0.0.1", 40000, 6, 13000, FLOW_STATE_ESTABLISHED),
    };
    size_t n = 0;
    for (size_t i = 0; i < 6; i++) {
        n += all(p, in[i].start_us, out + n, 8 - n);
        assert_int_equal(log_pair_put(p, &in[i]), 0);
    }
    assert_int_equal(n, 5);
    n += all(p, INT64_MAX, out + n, 8 - n);
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        bool is_turned = i == 2 || i == 3 || i == 5; /* of the answers, but for the lone SYN */
        assert_true(out[i].is_half);
        assert_int_equal(out[i].start_us, in[i].start_us);
        assert_int_equal(out[i].dst_port, is_turned ? in[i].src_port : in[i].dst_port);
        assert_int_equal(is_turned ? out[i].dst_bytes : out[i].src_bytes, in[i].src_bytes);
    }
    assert_int_equal(log_pair_count(p), 0);
    log_pair_free(&p);
    log_pair_free(&p);
    (void)state;
}

/* 30,000 connections cut in two, among whole ones, in order of start: all are whole again, and in order. */
static void many(void **state)
{
    enum { N = 30000 };
    struct event { int64_t us; struct flow f; } *e = calloc(3 * N, sizeof *e);
    size_t n = 0, whole = 0, halves = 0;
    for (uint32_t i = 0; i < N; i++) {
        uint64_t r = mix64(i + 1);
        struct flow f = half("10.0.0.1", (uint16_t)(1024 + r % 60000), "192.0.2.1", (uint16_t)(r >> 16 & 1 ? 443 : 25), 6, 0, FLOW_STATE_ESTABLISHED), b;
        f.src.b[14] = (uint8_t)(i >> 8), f.src.b[15] = (uint8_t)i, f.dst.b[13] = (uint8_t)(r >> 24);
        f.start_us = (int64_t)i * 1000 + (int64_t)(r >> 32 & 255);
        b = f;
        b.src = f.dst, b.dst = f.src, b.src_port = f.dst_port, b.dst_port = f.src_port, b.src_bytes = 7;
        b.start_us += 1 + (int64_t)(r >> 40 & 0x7fffff); /* up to 8.4 s later */
        e[n++] = (struct event){f.start_us, f};
        e[n++] = (struct event){b.start_us, b};
        f.is_half = false;
        f.src_port = 1;
        e[n++] = (struct event){f.start_us, f};
    }
    for (size_t gap = 1 << 16; gap; gap /= 2) /* in order: a sort by insertion over gaps */
        for (size_t i = gap; i < n; i++) {
            struct event x = e[i];
            size_t k = i;
            for (; k >= gap && e[k - gap].us > x.us; k -= gap)
                e[k] = e[k - gap];
            e[k] = x;
        }
    struct log_pair *p = log_pair_new();
    struct flow f;
    int64_t last = INT64_MIN;
    for (size_t i = 0; i <= n; i++) {
        int64_t ordered = i < n ? e[i].us : INT64_MAX;
        while (log_pair_take(p, ordered, &f) > 0) {
            assert_true(f.start_us >= last);
            last = f.start_us;
            whole += f.src_port == 1;
            halves += f.is_half;
            if (f.src_port != 1)
                assert_true(f.dst_bytes == 7 && f.src_bytes > 7 && f.dst_port < 1024);
        }
        if (i < n)
            assert_int_equal(log_pair_put(p, &e[i].f), 0);
    }
    assert_int_equal(whole, N);
    assert_int_equal(halves, 0);
    log_pair_free(&p);
    free(e);
    (void)state;
}

/* From a place to itself, twice: two. */
static void to_itself(void **state)
{
    struct log_pair *p = log_pair_new();
    struct flow out[3], f = half("10.0.0.1", 7, "10.0.0.1", 7, 17, 1000, FLOW_STATE_UNKNOWN);
    assert_int_equal(log_pair_put(p, &f) | log_pair_put(p, &f), 0);
    assert_int_equal(all(p, INT64_MAX, out, 3), 2);
    log_pair_free(&p);
    (void)state;
}

/* More than may wait: the earliest go, nothing is lost. */
static void flood(void **state)
{
    struct log_pair *p = log_pair_new();
    struct flow f = half("10.0.0.1", 40000, "192.0.2.1", 443, 6, 1000, FLOW_STATE_TRIED), out;
    size_t n = 0;
    for (uint32_t i = 0; i < PAIR_MOST + 1000; i++) {
        f.dst = ip_of_v4(i);
        assert_int_equal(log_pair_put(p, &f), 0);
    }
    while (log_pair_take(p, INT64_MAX, &out) > 0)
        n++;
    assert_int_equal(n, PAIR_MOST + 1000);
    log_pair_free(&p);
    (void)state;
}

/* Packets of NetFlow v5 with both directions of each connection, through a file. */
static void from_a_file(void **state)
{
    char path[] = "/tmp/posse-pair.XXXXXX";
    const char *paths[1] = {path};
    FILE *to = fdopen(mkstemp(path), "wb");
    for (uint32_t i = 0; i < 200; i++) {
        uint8_t p[24 + 2 * 48] = {0, 5, 0, 2};
        uint32_t up = 100000 + i * 1000, now = 1700000000 + i, seq = i * 2;
        for (int k = 0; k < 4; k++) {
            p[4 + k] = (uint8_t)(up >> (24 - 8 * k));
            p[8 + k] = (uint8_t)(now >> (24 - 8 * k));
            p[16 + k] = (uint8_t)(seq >> (24 - 8 * k));
        }
        for (int d = 0; d < 2; d++) {
            uint8_t *r = p + 24 + 48 * d, in[4] = {10, 0, 0, (uint8_t)i}, out[4] = {192, 0, 2, 1};
            memcpy(r, d ? in : out, 4);
            memcpy(r + 4, d ? out : in, 4);
            for (int k = 0; k < 4; k++)
                r[24 + k] = r[28 + k] = p[4 + k];
            r[19] = d ? 3 : 2, r[23] = d ? 30 : 20; /* packets, bytes */
            uint16_t a = 40000, b = 25;
            r[32] = (uint8_t)((d ? a : b) >> 8), r[33] = (uint8_t)(d ? a : b), r[34] = (uint8_t)((d ? b : a) >> 8), r[35] = (uint8_t)(d ? b : a);
            r[37] = 0x1b, r[38] = 6;
        }
        fwrite(p, 1, sizeof p, to);
    }
    fclose(to);
    struct logs *l;
    struct report why = {0};
    struct flow f;
    size_t n = 0;
    assert_int_equal(logs_open(paths, 1, NULL, &l, &why), 0);
    for (; logs_next(l, &f, &why) > 0; n++) {
        assert_false(f.is_half);
        assert_int_equal(f.dst_port, 25);
        assert_int_equal(f.src_bytes, 30);
        assert_int_equal(f.dst_bytes, 20);
        assert_int_equal(f.state, FLOW_STATE_CLOSED);
    }
    assert_int_equal(n, 200);
    logs_close(&l);
    unlink(path);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides), cmocka_unit_test(alone), cmocka_unit_test(many), cmocka_unit_test(to_itself), cmocka_unit_test(flood), cmocka_unit_test(from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
