/* Where names led: every form of an answer that is read gives the same addresses, and what is no answer gives none. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "case/resolved.h"

struct kit { struct arena *a; struct resolved *r; };

static void setup(struct kit *k)
{
    k->a = arena_new(64 << 20);
    k->r = resolved_new(k->a);
    assert_non_null(k->a);
    assert_non_null(k->r);
}

static void teardown(struct kit *k)
{
    resolved_free(&k->r);
    arena_free(&k->a);
}

static void add(struct kit *k, const char *text, uint64_t exhibit)
{
    struct span s = exact_str(text);
    assert_int_equal(resolved_add(k->r, s, exhibit, 1300286700000), 0);
    exact_free(s);
}

/* "10.0.0.1 10.0.0.2", in any order of finding. */
static void assert_found(struct kit *k, const char *name, const char *want)
{
    struct resolved_address x[16];
    char text[16 * IP_TEXT] = "", ip[IP_TEXT];
    size_t n = resolved_find(k->r, span_str(name), x, 16);
    for (size_t i = 0; i < n; i++) {
        ip_text(&x[i].ip, ip);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", ip);
    }
    assert_string_equal(text, want);
}

static const char dig[] = "\n; <<>> DiG 9.18 <<>> www.pills.example\n;; global options: +cmd\n;; ANSWER SECTION:\n"
                          "WWW.pills.example.\t300\tIN\tCNAME\tshop.host.example.\nshop.host.example. 60 IN A 192.0.2.7\nshop.host.example. 60 IN A 192.0.2.8\n"
                          "pills.example. 300 IN A 192.0.2.7\nxpills.example. 300 IN A 192.0.2.99\n;; WHEN: Sun\n";

static void test_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {
        dig,
        "{\"Status\":0,\"Answer\":[{\"name\":\"www.pills.example.\",\"type\":5,\"TTL\":300,\"data\":\"shop.host.example.\"},\n"
        "{\"name\":\"shop.host.example.\",\"type\":1,\"TTL\":1,\"data\":\"192.0.2.7\"},{\"name\":\"shop.host.example\",\"type\":1,\"data\":\"192.0.2.8\"},"
        "{\"name\":\"pills.example\",\"type\":16,\"data\":\"192.0.2.9\"}]}\n",
        "{\"rrname\":\"pills.example\",\"rrtype\":\"A\",\"rdata\":[\"192.0.2.7\",\"192.0.2.8\"],\"time_first\":1300000000,\"time_last\":1300286000}\n"
        "{\"rrname\":\"pills.example\",\"rrtype\":\"NS\",\"rdata\":\"192.0.2.9\"}\n",
        "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tanswers\tTTLs\n"
        "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tvector[string]\tvector[interval]\n"
        "1300286000.5\tC1\t10.0.0.1\t5353\t10.0.0.2\t53\tudp\tpills.example\tshop.host.example,192.0.2.7,192.0.2.8\t1.0,1.0,1.0\n",
        "{\"ts\":1300286000.5,\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":5353,\"id.resp_h\":\"10.0.0.2\",\"id.resp_p\":53,\"proto\":\"udp\","
        "\"query\":\"pills.example\",\"rtt\":0.1,\"answers\":[\"192.0.2.7\",\"192.0.2.8\"],\"TTLs\":[1.0,1.0]}\n",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct kit k;
        struct resolved_address x[4];
        setup(&k);
        add(&k, forms[i], 7);
        print_message("form %zu\n", i);
        assert_found(&k, "pills.example", "192.0.2.7 192.0.2.8");
        assert_found(&k, "ills.example", "");
        assert_found(&k, "other.example", "");
        assert_int_equal(resolved_find(k.r, SPAN_LIT("pills.example"), x, 1), 1);
        assert_int_equal(x[0].exhibit, 7);
        assert_true(x[0].last_ms >= 1300286000000 && x[0].last_ms <= 1300286700000);
        teardown(&k);
    }
}

static void test_odd(void **state)
{
    (void)state;
    static const char *const odd[] = {"", "{", "{\"Answer\":[{\"name\":3,\"type\":1,\"data\":\"192.0.2.1\"}]}", "pills.example. 300 IN A 127.0.0.1\n",
                                      "pills.example. 300 IN A 0.0.0.0\n", "pills.example A 192.0.2.1\n", "pills.example. 300 IN A 192.0.2.1.2\n",
                                      "p<b>.example. 300 IN A 192.0.2.1\n", "\tpills.example. IN A 192.0.2.1\n",
                                      "pills.example. IN CNAME pills.example.\n", "see pills.example, A 192.0.2.1"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct kit k;
        setup(&k);
        add(&k, odd[i], 1);
        print_message("odd %zu\n", i);
        assert_found(&k, "pills.example", "");
        teardown(&k);
    }
}

/* The later sight of an address tells its exhibit; a name that leads to many names, each of which leads to many, has an end. */
static void test_many(void **state)
{
    (void)state;
    struct kit k;
    struct buf b;
    struct resolved_address x[16];
    setup(&k);
    add(&k, "{\"rrname\":\"a.example\",\"rrtype\":\"A\",\"rdata\":\"192.0.2.1\",\"time_first\":1300000000,\"time_last\":1300000001}", 3);
    add(&k, "a.example. IN A 192.0.2.1\n", 9);
    assert_int_equal(resolved_find(k.r, SPAN_LIT("a.example"), x, 16), 1);
    assert_int_equal(x[0].first_ms, 1300000000000);
    assert_int_equal(x[0].last_ms, 1300286700000);
    assert_int_equal(x[0].exhibit, 9);
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 200; j++)
            buf_add_fmt(&b, "n%d.example. IN CNAME n%d.example.\n", i, i + 1);
    buf_add_byte(&b, 0);
    add(&k, (const char *)b.p, 10);
    assert_found(&k, "n0.example", "");
    buf_deinit(&b);
    teardown(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_odd), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
