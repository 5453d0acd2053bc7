/* What each format's lines become, and what is broken and how it is named. All addresses are reserved ones. */
#include "flow/log_argus.h"
#include "flow/log_eve.h"
#include "flow/log_json.h"
#include "flow/log_text.h"
#include "flow/log_zeek_priv.h"
#include "logs_files.h"

static void names_are_found(void **state)
{
    (void)state;
    for (uint8_t i = 1; i < ZEEK_KEYS_END; i++)
        assert_int_equal(zeek_key(zeek_key_name(i)), i);
    static const char *const none[] = {"", "t", "tS", "xx", "id.orig_x", "certificate.issuer", "a_name_that_is_much_too_long"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(zeek_key(span_str(none[i])), ZEEK_SKIP);
}

static void numbers_and_times(void **state)
{
    (void)state;
    static const struct { const char *in; bool ok; int64_t us; } seconds[] = {
        {"0", true, 0}, {"1517336042.090842", true, 1517336042090842}, {"11.5", true, 11500000}, {"-2.25", true, -2250000},
        {"1.5e3", true, 1500000000}, {"15E-1", true, 1500000}, {".5", true, 500000}, {"5.", true, 5000000},
        {"1.0000000000000000000000000000001", true, 1000000}, {"", false, 0}, {"-", false, 0}, {".", false, 0}, {"1.2.3", false, 0},
        {"1e", false, 0}, {"1e99", false, 0}, {"99999999999999999999999999", false, 0}, {"12x", false, 0}, {"0x10", false, 0},
    };
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        struct span s = exact_str(seconds[i].in);
        int64_t us = 42;
        if (log_seconds(s, &us) != seconds[i].ok || us != (seconds[i].ok ? seconds[i].us : 42))
            fail_msg("%s: %lld", seconds[i].in, (long long)us);
        exact_free(s);
    }
    static const struct { const char *in; bool ok; int64_t us; } dates[] = {
        {"1970-01-01T00:00:00", true, 0}, {"2021-06-06T15:59:46.457984+0200", true, 1622987986457984}, {"2021-06-06T13:59:46Z", true, 1622987986000000},
        {"2013-07-09 01:00:23.040", true, 1373331623040000}, {"2018/05/10 10:52:47.283479", true, 1525949567283479},
        {"2000-02-29T12:00:00-05:30", true, 951845400000000}, {"1969-12-31T23:59:59", true, -1000000},
        {"2021-13-01T00:00:00", false, 0}, {"2021-06-06", false, 0}, {"2021-06-06T25:00:00", false, 0}, {"2021-06-06T13:59:46+1", false, 0},
        {"2021-06-06T13:59:46 x", false, 0}, {"", false, 0},
    };
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        struct span s = exact_str(dates[i].in);
        int64_t us = 42;
        if (log_date(s, &us) != dates[i].ok || us != (dates[i].ok ? dates[i].us : 42))
            fail_msg("%s: %lld", dates[i].in, (long long)us);
        exact_free(s);
    }
    uint64_t x;
    assert_true(log_u64(SPAN_LIT("18446744073709551615"), &x) && x == UINT64_MAX);
    assert_false(log_u64(SPAN_LIT("18446744073709551616"), &x));
    assert_false(log_u64(SPAN_LIT("-1"), &x));
    uint16_t port;
    assert_true(log_port(SPAN_LIT("0x0303"), &port) && port == 0x303);
    assert_false(log_port(SPAN_LIT("65536"), &port));
    uint8_t proto;
    assert_true(log_proto(SPAN_LIT("UDP"), &proto) && proto == 17);
    assert_false(log_proto(SPAN_LIT("arp"), &proto));
}

static void addresses_as_ip_read(void **state)
{
    static const char *const some[] = {"192.0.2.1", "0.0.0.0", "255.255.255.255", "192.0.2.256", "192.0.2", "192.0.2.1.", "192.0.2.01", "1.2.3.4.5",
                                       "2001:db8::1", "::ffff:192.0.2.1", "192..2.1", "", "a", " 192.0.2.1", "192.0.2.1 ", "1922.0.2.1"};
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct ip a = {{0}}, b = {{0}};
        struct span s = exact_str(some[i]);
        bool x = log_ip(s, &a), y = ip_read(s, &b);
        exact_free(s);
        if (x != y || ip_compare(&a, &b) != 0)
            fail_msg("%s", some[i]);
    }
}

/* A reader that has seen these lines. */
static void zeek_of(struct zeek *z, const char *head)
{
    struct flow f;
    struct span rest = span_str(head), line;
    zeek_init(z, false);
    while (log_field(&rest, '\n', &line)) {
        struct span copy = exact(line.p, line.n);
        assert_int_equal(zeek_tsv(z, (uint8_t *)copy.p, copy.n, &f, NULL), LOG_NOTHING);
        exact_free(copy);
    }
}

static enum log_line tsv(struct zeek *z, const char *text, struct flow *f, struct log_why *why, struct span *keep)
{
    *keep = exact_str(text);
    return zeek_tsv(z, (uint8_t *)keep->p, keep->n, f, why);
}

static void zeek_connections(void **state)
{
    static const struct { const char *line; uint8_t state; uint64_t src, dst; int64_t us; } good[] = {
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\tssl\t1.5\t100\t200\tSF\t5\t6", FLOW_STATE_CLOSED, 100, 200, 1500000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t-\t-\t-\tS0\t1\t0", FLOW_STATE_TRIED, 0, 0, 0},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t0\t0\tREJ\t1\t1", FLOW_STATE_REFUSED, 0, 0, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t0\t0\tRSTO\t1\t1", FLOW_STATE_REFUSED, 0, 0, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t0\tRSTO\t1\t1", FLOW_STATE_RESET, 7, 0, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tRSTR\t1\t1", FLOW_STATE_RESET, 7, 9, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tS1\t1\t1", FLOW_STATE_ESTABLISHED, 7, 9, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tOTH\t1\t1", FLOW_STATE_ESTABLISHED, 7, 9, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tOTH\t1\t0", FLOW_STATE_UNKNOWN, 7, 9, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tNEW\t1\t0", FLOW_STATE_UNKNOWN, 7, 9, 100000},
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0\t", FLOW_STATE_CLOSED, 7, 9, 100000},
    };
    static const struct { const char *line, *why; } bad[] = {
        {"1700000000.000001\tC1\t10.0.0.1\t1024\t192.0.2.1", "5 columns in place of 14"},
        {"x\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0", "ts is no time: \"x\""},
        {"-\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0", "no time"},
        {"1\tC1\t10.0.0.1.9\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0", "id.orig_h is no address: \"10.0.0.1.9\""},
        {"1\tC1\t10.0.0.1\t1024\t-\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0", "an address is missing"},
        {"1\tC1\t10.0.0.1\t70000\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0", "id.orig_p is no port: \"70000\""},
        {"1\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t-7\t9\tSF\t1\t0", "orig_bytes is no number: \"-7\""},
        {"1\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t-0.1\t7\t9\tSF\t1\t0", "duration is no duration: \"-0.1\""},
        {"1\tC1\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t0.1\t7\t9\tSF\t1\t0\tx", "15 columns in place of 14"},
        {"\x01\x02\xff", "1 columns in place of 14"},
    };
    struct zeek z;
    struct flow f;
    struct span keep;
    struct log_why why;
    (void)state;
    zeek_of(&z, tsv_head);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tsv(&z, good[i].line, &f, &why, &keep), LOG_RECORD);
        assert_int_equal(f.kind, FLOW_CONN);
        assert_int_equal(f.start_us, 1700000000000001);
        assert_int_equal(f.duration_us, good[i].us);
        assert_int_equal(f.state, good[i].state);
        assert_int_equal(f.src_bytes, good[i].src);
        assert_int_equal(f.dst_bytes, good[i].dst);
        assert_int_equal(f.src_port, 1024);
        assert_int_equal(f.dst_port, 443);
        assert_int_equal(f.proto, 6);
        assert_int_equal(ip_v4(&f.src), 0x0a000001);
        assert_span_equal(f.uid, "C1");
        assert_false(f.is_open);
        exact_free(keep);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tsv(&z, bad[i].line, &f, &why, &keep), LOG_BROKEN);
        assert_string_equal(why.text, bad[i].why);
        exact_free(keep);
        assert_int_equal(tsv(&z, bad[i].line, &f, NULL, &keep), LOG_BROKEN);
        exact_free(keep);
    }
}

static void zeek_other_logs(void **state)
{
    struct zeek z;
    struct flow f;
    struct span keep;
    (void)state;
    zeek_of(&z, "#separator \\x09\n#set_separator\t,\n#path\tdns\n#fields\tid.resp_h\tts\tid.orig_h\tquery\tqtype_name\trcode_name\tanswers\tTTLs\trtt\tproto");
    assert_int_equal(tsv(&z, "192.0.2.53\t1.5\t10.0.0.1\ta\\x09b.example\tA\tNOERROR\t192.0.2.1,a\\x2cb\t60.0,7\t0.25\tudp", &f, NULL, &keep), LOG_RECORD);
    assert_int_equal(f.kind, FLOW_DNS);
    assert_int_equal(f.proto, 17);
    assert_span_equal(f.dns.query, "a\tb.example");
    assert_span_equal(f.dns.type, "A");
    assert_span_equal(f.dns.rcode, "NOERROR");
    assert_int_equal(f.dns.n_answers, 2);
    assert_span_equal(f.dns.answer[0], "192.0.2.1");
    assert_span_equal(f.dns.answer[1], "a,b");
    assert_int_equal(f.dns.ttl[0], 60);
    assert_int_equal(f.dns.ttl[1], 7);
    assert_int_equal(f.duration_us, 250000);
    exact_free(keep);

    zeek_of(&z, "#separator \\x09\n#path\topen_http\n#fields\tts\tid.orig_h\tid.resp_h\tmethod\thost\turi\tstatus_code\tproxied\tuser_agent\treferrer");
    assert_int_equal(tsv(&z, "1\t10.0.0.1\t192.0.2.1\tGET\twww.example\t/\\x5cx\t200\tVIA -> x\t(empty)\t-", &f, NULL, &keep), LOG_RECORD);
    assert_int_equal(f.kind, FLOW_HTTP);
    assert_true(f.is_open && f.http.is_proxied);
    assert_span_equal(f.http.uri, "/\\x");
    assert_int_equal(f.http.status, 200);
    assert_int_equal(f.http.user_agent.n, 0);
    assert_int_equal(f.proto, 6);
    exact_free(keep);

    zeek_of(&z, "#separator \\x09\n#path\tssl\n#fields\tts\tid.orig_h\tid.resp_h\tserver_name\tja3\tvalidation_status\testablished\tissuer");
    assert_int_equal(tsv(&z, "1\t2001:db8::1\t2001:db8::2\twww.example\tabc\tok\tT\tCN=x", &f, NULL, &keep), LOG_RECORD);
    assert_span_equal(f.tls.sni, "www.example");
    assert_true(f.tls.is_valid);
    assert_int_equal(f.state, FLOW_STATE_ESTABLISHED);
    assert_false(ip_is_v4(&f.src));
    exact_free(keep);

    zeek_of(&z, "#separator \\x09\n#path\tsmtp\n#fields\tts\tid.orig_h\tid.resp_h\thelo\tmailfrom\trcptto\tlast_reply\ttls");
    assert_int_equal(tsv(&z, "1\t10.0.0.1\t192.0.2.25\tbot.example\ta@a.example\tb@b.example,c@c.example\t550 no\tF", &f, NULL, &keep), LOG_RECORD);
    assert_span_equal(f.smtp.helo, "bot.example");
    assert_int_equal(f.smtp.n_rcpt, 2);
    assert_span_equal(f.smtp.last_reply, "550 no");
    assert_false(f.smtp.is_tls);
    exact_free(keep);

    zeek_of(&z, "#separator \\x09\n#path\tweird\n#fields\tts\tname");
    assert_int_equal(tsv(&z, "1\tx", &f, NULL, &keep), LOG_OTHER);
    exact_free(keep);
}

static void json_values(void **state)
{
    static const struct { const char *in, *out; } texts[] = {
        {"{\"a\":\"x\"}", "x"}, {"{\"a\":\"\"}", ""}, {"{\"a\":\"\\u0041\\n\\\"\\\\\\/\"}", "A\n\"\\/"}, {" { \"a\" : \"caf\\u00e9\" } ", "caf\xc3\xa9"},
        {"{\"a\":\"\\ud83d\\ude00\"}", "\xf0\x9f\x98\x80"}, {"{\"a\":\"\\ud83d\"}", "\xef\xbf\xbd"}, {"{\"a\":-1.5e3}", "-1.5e3"},
        {"{\"a\":true}", "true"}, {"{\"a\":[1,\"]\\\"\",{\"b\":2}]}", "[1,\"]\\\"\",{\"b\":2}]"}, {"{\"a\":{}}", "{}"},
        {"{\"a\":\"eight by eight by eight\\t\"}", "eight by eight by eight\t"},
    };
    static const char *const bad[] = {
        "", "x", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":\"x", "{\"a\":\"\\", "{\"a\":\"\\u12\"}", "{\"a\":\"\\q\"}",
        "{a:1}", "{\"a\":1}x", "{\"a\":tru}", "{\"a\":[1,2}", "{\"a\":1 \"b\":2}", "[1]",
    };
    struct span name;
    struct json_value v;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct span s = exact_str(texts[i].in);
        struct json j = json_open(s);
        assert_int_equal(json_next(&j, &name, &v), JSON_ITEM);
        assert_span_equal(name, "a");
        assert_span_equal(v.text, texts[i].out);
        assert_int_equal(json_next(&j, &name, &v), JSON_END);
        assert_int_equal(json_next(&j, &name, &v), JSON_END);
        exact_free(s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct span s = exact_str(bad[i]);
        struct json j = json_open(s);
        enum json_step step;
        while ((step = json_next(&j, &name, &v)) == JSON_ITEM)
            ;
        if (step != JSON_BAD)
            fail_msg("%s was read", bad[i]);
        assert_int_equal(json_next(&j, &name, &v), JSON_BAD);
        exact_free(s);
    }
    char deep[400];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    struct span s = exact(deep, 400);
    struct json j = json_open(s);
    assert_int_equal(json_item(&j, &v), JSON_BAD);
    exact_free(s);
}

static void zeek_json_lines(void **state)
{
    struct zeek z;
    struct flow f;
    struct log_why why;
    (void)state;
    zeek_init(&z, false);
    static const struct { const char *line; enum log_line is; enum flow_kind kind; } some[] = {
        {"{\"ts\":1700000000.5,\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":1,\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":2,\"proto\":\"tcp\",\"conn_state\":\"SF\","
         "\"orig_bytes\":5}", LOG_RECORD, FLOW_CONN},
        {"{\"ts\":\"2023-11-14T22:13:20.500000Z\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\",\"trans_id\":1,\"query\":\"a.example\",\"answers\":[\"192.0.2.7\"],"
         "\"TTLs\":[5.0]}", LOG_RECORD, FLOW_DNS},
        {"{\"ts\":1700000000500,\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\",\"request_body_len\":0,\"host\":\"a.example\",\"proxied\":[\"VIA\"]}", LOG_RECORD, FLOW_HTTP},
        {"{\"_path\":\"ssl\",\"ts\":1700000000.5,\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\",\"server_name\":\"a.example\"}", LOG_RECORD, FLOW_TLS},
        {"{\"ts\":1700000000.5,\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\",\"helo\":\"a.example\",\"rcptto\":[\"b@b.example\"]}", LOG_RECORD, FLOW_SMTP},
        {"{\"ts\":1700000000.5,\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\",\"method\":\"INVITE\",\"uri\":\"sip:x\",\"status_code\":200}", LOG_OTHER, FLOW_CONN},
        {"{\"_path\":\"weird\",\"ts\":1700000000.5,\"conn_state\":\"SF\"}", LOG_OTHER, FLOW_CONN},
        {"{\"id\":{\"orig_h\":\"10.0.0.1\",\"orig_p\":1,\"resp_h\":\"192.0.2.1\",\"resp_p\":2,\"x\":{\"y\":[1]}},\"ts\":1700000000.5,\"conn_state\":\"SF\"}", LOG_RECORD, FLOW_CONN},
        {"{\"id_orig_h\":\"10.0.0.1\",\"id_orig_p\":1,\"id_resp_h\":\"192.0.2.1\",\"id_resp_p\":2,\"id_x\":7,\"ts\":1700000000.5,\"conn_state\":\"SF\"}", LOG_RECORD, FLOW_CONN},
        {"{\"id\":\"abc\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\",\"id.orig_p\":1,\"id.resp_p\":2,\"ts\":1700000000.5,\"conn_state\":\"SF\"}", LOG_RECORD, FLOW_CONN},
        {"{\"id\":{\"orig_h\":\"10.0.0.1\",7},\"ts\":1,\"conn_state\":\"SF\"}", LOG_BROKEN, FLOW_CONN},
        {"{\"id\":{\"orig_h\":\"10.0.0.1\"},\"ts\":1,\"conn_state\":\"SF\"}", LOG_BROKEN, FLOW_CONN},
        {"{\"ts\":null,\"conn_state\":\"SF\"}", LOG_BROKEN, FLOW_CONN},
        {"{\"ts\":1,\"conn_state\":\"SF\"", LOG_BROKEN, FLOW_CONN},
    };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct span s = exact_str(some[i].line);
        assert_int_equal(zeek_json(&z, (uint8_t *)s.p, s.n, &f, &why), some[i].is);
        if (some[i].is == LOG_RECORD) {
            assert_int_equal(f.kind, some[i].kind);
            assert_int_equal(f.start_us, 1700000000500000);
            if (f.kind == FLOW_CONN)
                assert_true(ip_v4(&f.src) == 0x0a000001 && ip_v4(&f.dst) == 0xc0000201 && f.src_port == 1 && f.dst_port == 2);
            if (f.kind == FLOW_DNS)
                assert_true(f.dns.n_answers == 1 && f.dns.ttl[0] == 5);
            if (f.kind == FLOW_HTTP)
                assert_true(f.http.is_proxied);
            if (f.kind == FLOW_SMTP)
                assert_int_equal(f.smtp.n_rcpt, 1);
        }
        exact_free(s);
    }
}

static enum log_line column(struct columns *c, const char *text, struct flow *f, struct log_why *why, struct span *keep)
{
    *keep = exact_str(text);
    return columns_line(c, *keep, f, why);
}

static void argus_lines(void **state)
{
    static const struct { const char *line; enum log_line is; uint8_t state; const char *src; uint64_t src_bytes, dst_bytes; } some[] = {
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,FSPA_FSPA,10,1000,300,flow=Normal", LOG_RECORD, FLOW_STATE_CLOSED, "10.0.0.1", 300, 700},
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,S_,1,60,60,", LOG_RECORD, FLOW_STATE_TRIED, "10.0.0.1", 60, 0},
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,S_RA,2,120,60,", LOG_RECORD, FLOW_STATE_REFUSED, "10.0.0.1", 60, 60},
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,SRPA_SPA,2,120,60,", LOG_RECORD, FLOW_STATE_RESET, "10.0.0.1", 60, 60},
        {"2018/05/10 10:52:47.283479,1.5,udp,10.0.0.1,1024,  <->,192.0.2.1,53,CON,2,120,60,", LOG_RECORD, FLOW_STATE_ESTABLISHED, "10.0.0.1", 60, 60},
        {"2018/05/10 10:52:47.283479,1.5,udp,192.0.2.1,53,   <-,10.0.0.1,1024,INT,2,120,40,", LOG_RECORD, FLOW_STATE_TRIED, "10.0.0.1", 80, 40},
        {"2018/05/10 10:52:47.283479,1.5,icmp,10.0.0.1,0x0303,   ->,192.0.2.1,,ECO,2,120,40,", LOG_RECORD, FLOW_STATE_TRIED, "10.0.0.1", 40, 80},
        {"2018/05/10 10:52:47.283479,1.5,arp,10.0.0.1,,  who,192.0.2.1,,INT,1,60,60,", LOG_OTHER, 0, "", 0, 0},
        {"2018/05/10 10:52:47.283479,0.0,llc,00:00:00:00:00:00,0,   ->,00:00:00:00:00:00,0,INT,1,60,60,", LOG_OTHER, 0, "", 0, 0},
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,FSPA_FSPA,10,1000", LOG_BROKEN, 0, "", 0, 0},
        {"yesterday,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,FSPA_FSPA,10,1000,300,", LOG_BROKEN, 0, "", 0, 0},
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.x,1024,   ->,192.0.2.1,80,FSPA_FSPA,10,1000,300,", LOG_BROKEN, 0, "", 0, 0},
        {"2018/05/10 10:52:47.283479,1.5,tcp,10.0.0.1,1024,   ->,192.0.2.1,80,FSPA_FSPA,ten,1000,300,", LOG_BROKEN, 0, "", 0, 0},
        {"StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,Label", LOG_NOTHING, 0, "", 0, 0},
    };
    struct columns c = {0};
    struct flow f;
    struct span keep;
    struct log_why why;
    (void)state;
    assert_false(columns_header(&c, SPAN_LIT("a,b,c")));
    assert_true(columns_header(&c, SPAN_LIT("StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes,Label")));
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        char text[IP_TEXT];
        if (column(&c, some[i].line, &f, &why, &keep) != some[i].is)
            fail_msg("%s: %s", some[i].line, why.text);
        if (some[i].is == LOG_RECORD) {
            ip_text(&f.src, text);
            assert_string_equal(text, some[i].src);
            assert_int_equal(f.state, some[i].state);
            assert_int_equal(f.src_bytes, some[i].src_bytes);
            assert_int_equal(f.dst_bytes, some[i].dst_bytes);
            assert_int_equal(f.start_us, 1525949567283479);
            assert_int_equal(f.duration_us, 1500000);
            assert_false(f.is_half);
        }
        exact_free(keep);
    }
}

static void nfdump_lines(void **state)
{
    static const struct { const char *line; enum log_line is; const char *src, *dst; uint16_t port; uint64_t packets, bytes; } some[] = {
        {"2013-07-09 01:00:23.040     0.548 TCP         10.0.0.1:49161 ->       192.0.2.1:3128  .APRS.   0        5      333     1", LOG_RECORD, "10.0.0.1", "192.0.2.1", 3128, 5, 333},
        {"2013-07-09\t01:00:23.040\t0.548\tUDP\t10.0.0.1:53\t->\t192.0.2.1:77\t......\t0\t1\t126\t1", LOG_RECORD, "10.0.0.1", "192.0.2.1", 77, 1, 126},
        {"2013-07-09 01:00:23.040 0.548 TCP 2001:db8::1.5000 -> 2001:db8::2.25 ....S. 0 1.5 M 2.0 G 1", LOG_RECORD, "2001:db8::1", "2001:db8::2", 25, 1500000, 2000000000},
        {"2013-07-09 01:00:23.040 0.548 IGMP 10.0.0.1:0:0 -> 192.0.2.1:0:0 ...... 0 4 160 1 Background", LOG_RECORD, "10.0.0.1", "192.0.2.1", 0, 4, 160},
        {"2013-07-09 01:00:23.040 0.548 ICMP 10.0.0.1:0 -> 192.0.2.1:8.0 ...... 0 4 160 1", LOG_RECORD, "10.0.0.1", "192.0.2.1", 8, 4, 160},
        {"Summary: total flows: 5", LOG_NOTHING, "", "", 0, 0, 0}, {"", LOG_NOTHING, "", "", 0, 0, 0},
        {"2013-07-09 01:00:23.040 0.548 TCP 10.0.0.1:49161", LOG_BROKEN, "", "", 0, 0, 0},
        {"2013-07-09 01:00:23.040 0.548 TCP 10.0.0.1:49161 <- 192.0.2.1:1 ...... 0 1 1 1", LOG_BROKEN, "", "", 0, 0, 0},
        {"2013-07-09 01:00:23.040 0.548 TCP 10.0.0:49161 -> 192.0.2.1:1 ...... 0 1 1 1", LOG_BROKEN, "", "", 0, 0, 0},
    };
    struct columns c;
    struct flow f;
    struct span keep;
    (void)state;
    assert_true(columns_header(&c, SPAN_LIT("Date first seen          Duration Proto      Src IP Addr:Port          Dst IP Addr:Port   Flags Tos  Packets    Bytes Flows")));
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        char text[IP_TEXT];
        struct log_why why = {{0}};
        if (column(&c, some[i].line, &f, &why, &keep) != some[i].is)
            fail_msg("%s: %s", some[i].line, why.text);
        if (some[i].is == LOG_RECORD) {
            ip_text(&f.src, text);
            assert_string_equal(text, some[i].src);
            ip_text(&f.dst, text);
            assert_string_equal(text, some[i].dst);
            assert_int_equal(f.dst_port, some[i].port);
            assert_int_equal(f.src_packets, some[i].packets);
            assert_int_equal(f.src_bytes, some[i].bytes);
            assert_true(f.is_half);
        }
        exact_free(keep);
    }
    assert_true(columns_header(&c, SPAN_LIT("ts,te,td,sa,da,sp,dp,pr,flg,ipkt,ibyt")));
    assert_int_equal(column(&c, "2013-07-09 01:00:23,2013-07-09 01:00:25,2.5,10.0.0.1,192.0.2.1,5,25,TCP,....S.,3,180", &f, NULL, &keep), LOG_RECORD);
    assert_int_equal(f.dst_port, 25);
    assert_int_equal(f.state, FLOW_STATE_TRIED);
    assert_int_equal(f.src_bytes, 180);
    assert_true(f.is_half);
    exact_free(keep);
}

#define EVE "{\"timestamp\":\"2023-11-14T22:13:20.5+0000\",\"flow_id\":7,\"src_ip\":\"10.0.0.1\",\"src_port\":1024,\"dest_ip\":\"192.0.2.1\",\"dest_port\":443,\"proto\":\"TCP\","

static void eve_lines(void **state)
{
    static const struct { const char *line; enum log_line is; enum flow_kind kind; uint8_t state; } some[] = {
        {EVE "\"event_type\":\"flow\",\"app_proto\":\"tls\",\"flow\":{\"pkts_toserver\":5,\"pkts_toclient\":4,\"bytes_toserver\":100,\"bytes_toclient\":200,"
             "\"start\":\"2023-11-14T22:13:10.5+0000\",\"end\":\"2023-11-14T22:13:20.5+0000\",\"state\":\"closed\"},\"tcp\":{\"syn\":true,\"fin\":true}}",
         LOG_RECORD, FLOW_CONN, FLOW_STATE_CLOSED},
        {EVE "\"event_type\":\"flow\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":0,\"state\":\"new\"}}", LOG_RECORD, FLOW_CONN, FLOW_STATE_TRIED},
        {EVE "\"event_type\":\"flow\",\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1,\"state\":\"new\"},\"tcp\":{\"syn\":true,\"rst\":true}}", LOG_RECORD, FLOW_CONN, FLOW_STATE_REFUSED},
        {EVE "\"event_type\":\"flow\",\"flow\":{\"pkts_toserver\":9,\"pkts_toclient\":9,\"state\":\"established\"},\"tcp\":{\"rst\":true}}", LOG_RECORD, FLOW_CONN, FLOW_STATE_RESET},
        {EVE "\"event_type\":\"dns\",\"dns\":{\"type\":\"answer\",\"rrname\":\"a.example\",\"rrtype\":\"A\",\"rcode\":\"NOERROR\",\"answers\":[{\"rrname\":\"a.example\",\"ttl\":60,"
             "\"rdata\":\"192.0.2.9\"}]}}", LOG_RECORD, FLOW_DNS, 0},
        {EVE "\"event_type\":\"dns\",\"dns\":{\"version\":3,\"type\":\"response\",\"queries\":[{\"rrname\":\"a.example\",\"rrtype\":\"A\"}],\"rcode\":\"NXDOMAIN\"}}", LOG_RECORD, FLOW_DNS, 0},
        {EVE "\"event_type\":\"dns\",\"dns\":{\"type\":\"query\",\"rrname\":\"a.example\"}}", LOG_OTHER, FLOW_DNS, 0},
        {EVE "\"event_type\":\"http\",\"http\":{\"hostname\":\"a.example\",\"url\":\"/x\",\"status\":404,\"length\":9}}", LOG_RECORD, FLOW_HTTP, 0},
        {EVE "\"event_type\":\"tls\",\"tls\":{\"sni\":\"a.example\",\"ja3\":{\"hash\":\"abc\",\"string\":\"x\"}}}", LOG_RECORD, FLOW_TLS, 0},
        {EVE "\"event_type\":\"smtp\",\"smtp\":{\"helo\":\"a.example\",\"mail_from\":\"<a@a.example>\",\"rcpt_to\":[\"<b@b.example>\",\"<c@c.example>\"]}}", LOG_RECORD, FLOW_SMTP, 0},
        {EVE "\"event_type\":\"alert\",\"alert\":{}}", LOG_OTHER, FLOW_CONN, 0}, {EVE "\"event_type\":\"http\"}", LOG_OTHER, FLOW_CONN, 0},
        {"{\"event_type\":\"flow\"}", LOG_BROKEN, FLOW_CONN, 0}, {EVE "\"event_type\":\"flow\"", LOG_BROKEN, FLOW_CONN, 0},
        {EVE "\"event_type\":\"flow\",\"src_ip\":\"x\"}", LOG_BROKEN, FLOW_CONN, 0},
    };
    struct flow f;
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct span s = exact_str(some[i].line);
        struct log_why why = {{0}};
        if (eve_line((uint8_t *)s.p, s.n, &f, &why) != some[i].is)
            fail_msg("%s: %s", some[i].line, why.text);
        if (some[i].is == LOG_RECORD) {
            assert_int_equal(f.kind, some[i].kind);
            assert_int_equal(f.state, some[i].state);
            assert_span_equal(f.uid, "7");
            if (f.kind == FLOW_DNS)
                assert_span_equal(f.dns.query, "a.example");
            if (f.kind == FLOW_TLS)
                assert_span_equal(f.tls.ja3, "abc");
            if (f.kind == FLOW_SMTP)
                assert_int_equal(f.smtp.n_rcpt, 2);
        }
        exact_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found), cmocka_unit_test(numbers_and_times), cmocka_unit_test(addresses_as_ip_read),
        cmocka_unit_test(zeek_connections), cmocka_unit_test(zeek_other_logs), cmocka_unit_test(json_values),
        cmocka_unit_test(zeek_json_lines), cmocka_unit_test(argus_lines), cmocka_unit_test(nfdump_lines),
        cmocka_unit_test(eve_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
