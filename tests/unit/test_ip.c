/* ip: what is an address and what is none, which are special, prefixes; and that IPv4 sorts and hashes like the rest. */
#include "unit.h"

#include "net/ip.h"

static struct ip of(const char *text)
{
    struct ip a;
    struct span s = exact_str(text);
    bool ok = ip_read(s, &a);
    exact_free(s);
    if (!ok)
        fail_msg("%s is not read", text);
    return a;
}

static void reads(void **state)
{
    static const struct { const char *in, *out; } good[] = {
        {"192.0.2.1", "192.0.2.1"}, {"[192.0.2.1]", "192.0.2.1"}, {" 192.0.2.255 ", "192.0.2.255"}, {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"}, {"2001:DB8:0:0::1", "2001:db8::1"}, {"[2001:db8::1]", "2001:db8::1"},
        {"IPv6:2001:db8::1", "2001:db8::1"}, {"[IPv6:2001:db8::1]", "2001:db8::1"}, {"[ipv6:::1]", "::1"}, {"::", "::"},
        {"::ffff:192.0.2.7", "192.0.2.7"}, {"[IPv6:::ffff:192.0.2.7]", "192.0.2.7"}, {"::ffff:c000:207", "192.0.2.7"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"},
    };
    static const char *const bad[] = {
        "", "[]", "[", "1", "192.0.2", "192.0.2.256", "192.0.2.1.1", "192.0.2.1:25", "192.0.2.0/24", "192.0.2.01", "0x7f.1.1.1", "2130706433",
        "fe80::1%eth0", "2001:db8::1::2", "2001:db8::12345", "[192.0.2.1", "192.0.2.1]", "localhost", "IPv6:", "a.b.c.d", "-1.2.3.4",
        "1 92.0.2.1", "2001:db8::192.0.2.256", "[[192.0.2.1]]", "2001:db8:1:2:3:4:5:6:7", "192.0.2.1.............................................",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char text[IP_TEXT];
        struct ip a = of(good[i].in);
        ip_text(&a, text);
        assert_string_equal(text, good[i].out);
        struct ip again = of(text);
        assert_int_equal(ip_compare(&a, &again), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ip a = of("192.0.2.9"), before = a;
        struct span s = exact_str(bad[i]);
        if (ip_read(s, &a))
            fail_msg("%s was read", bad[i]);
        assert_int_equal(ip_compare(&a, &before), 0);
        exact_free(s);
    }
    struct span nul = exact("1.2.3.4\0", 8);
    struct ip a;
    assert_false(ip_read(nul, &a));
    exact_free(nul);
    assert_false(ip_read(SPAN_NONE, &a));
    (void)state;
}

static void maps(void **state)
{
    struct ip a = of("10.1.2.3"), b = ip_of_v4(0x0a010203), c = of("2001:db8::a01:203");
    assert_int_equal(ip_compare(&a, &b), 0);
    assert_true(ip_is_v4(&a));
    assert_false(ip_is_v4(&c));
    assert_int_equal(ip_v4(&a), 0x0a010203);
    struct ip low = of("9.255.255.255");
    assert_true(ip_compare(&low, &a) < 0);
    assert_true(ip_compare(&a, &c) < 0); /* all of IPv4 before what is announced of IPv6 */
    struct ip none = of("::"), any = of("0.0.0.0");
    assert_true(ip_is_zero(&none));
    assert_false(ip_is_zero(&any));
    (void)state;
}

static void special(void **state)
{
    static const char *const yes[] = {
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.0.0", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.2.0", "192.168.0.0", "192.168.255.255", "198.18.0.0",
        "198.19.255.255", "198.51.100.7", "203.0.113.255", "224.0.0.1", "239.255.255.255", "240.0.0.0", "255.255.255.255", "::", "::1",
        "::10.0.0.1", "::ffff:10.0.0.1", "100::", "100::ffff:ffff:ffff:ffff", "2001:2::1", "2001:10::", "2001:2f:ffff::", "2001:db8::",
        "2001:db8:ffff::1", "3fff::1", "3fff:fff::", "64:ff9b:1::", "fc00::", "fdff::1", "fe80::1", "febf::", "fec0::", "ff02::1",
    };
    static const char *const no[] = {
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0",
        "198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
        "::ffff:8.8.8.8", "2001::1", "2001:1::1", "2001:3::", "2001:30::", "2001:db7:ffff::", "2001:db9::", "2002:808:808::1", "2600::",
        "3fff:1000::", "64:ff9b::808:808", "64:ff9b:2::", "101::", "100:0:0:1::", "2000::", "fbff::1", "0:1::1",
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        struct ip a = of(yes[i]);
        if (!ip_is_special(&a))
            fail_msg("%s is special", yes[i]);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        struct ip a = of(no[i]);
        if (ip_is_special(&a))
            fail_msg("%s is not special", no[i]);
    }
    (void)state;
}

static void prefixes(void **state)
{
    static const struct { const char *in; unsigned bits; const char *out; } t[] = {
        {"192.0.2.77", 96 + 24, "192.0.2.0"}, {"192.0.2.255", 96 + 25, "192.0.2.128"}, {"192.0.2.77", 128, "192.0.2.77"},
        {"192.0.2.77", 200, "192.0.2.77"}, {"192.0.2.77", 96, "0.0.0.0"}, {"2001:db8:1:2:3:4:5:6", 48, "2001:db8:1::"},
        {"2001:db8:ffff::", 36, "2001:db8:f000::"}, {"ffff::", 1, "8000::"}, {"ffff::1", 0, "::"}, {"2001:db8::ff", 127, "2001:db8::fe"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct ip a = of(t[i].in), want = of(t[i].out), got = ip_prefix(&a, t[i].bits);
        if (ip_compare(&got, &want))
            fail_msg("%s/%u", t[i].in, t[i].bits);
    }
    struct ip v4 = of("198.51.100.9"), v6 = of("2001:db8:1:2::9"), net4 = of("198.51.100.0"), net6 = of("2001:db8:1::");
    struct ip got4 = ip_network(&v4), got6 = ip_network(&v6);
    assert_int_equal(ip_compare(&got4, &net4), 0);
    assert_int_equal(ip_compare(&got6, &net6), 0);
    (void)state;
}

static void ranges(void **state)
{
    static const struct { const char *first, *last, *text; } t[] = {
        {"192.0.2.0", "192.0.2.255", "192.0.2.0/24"}, {"192.0.2.0", "192.0.2.254", "192.0.2.0 - 192.0.2.254"}, {"192.0.2.7", "192.0.2.7", "192.0.2.7/32"},
        {"0.0.0.0", "255.255.255.255", "0.0.0.0/0"}, {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32"}, {"::1", "::2", "::1 - ::2"},
        {"192.0.2.128", "192.0.3.127", "192.0.2.128 - 192.0.3.127"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct ip first = of(t[i].first), last = of(t[i].last);
        char text[IP_RANGE_TEXT];
        ip_range_text(&first, &last, text);
        assert_string_equal(text, t[i].text);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads), cmocka_unit_test(maps), cmocka_unit_test(special), cmocka_unit_test(prefixes),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
