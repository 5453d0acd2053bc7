/* logs: what each format's lines become, what is broken and how it is named; files plain, packed, cut, mixed; many as one, in order,
 * resumed and followed. All addresses are reserved ones. */
#include "unit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "flow/log_argus.h"
#include "flow/log_eve.h"
#include "flow/log_json.h"
#include "flow/log_netflow.h"
#include "flow/log_text.h"
#include "flow/log_zeek_priv.h"
#include "flow/logs.h"

/* ---- a folder for files ---- */

static char dir[64];

static int begin(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/test_logs.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
    char cmd[96];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static const char *path_of(const char *name)
{
    static char at[4][128];
    static unsigned n;
    char *p = at[n++ % 4];
    snprintf(p, sizeof at[0], "%s/%s", dir, name);
    return p;
}

static const char *put(const char *name, const char *mode, const void *p, size_t n)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
    return path;
}

static const char *put_text(const char *name, const char *text) { return put(name, "w", text, strlen(text)); }

static const char *put_gz(const char *name, const char *text, const char *mode)
{
    const char *path = path_of(name);
    gzFile f = gzopen(path, mode);
    gzwrite(f, text, (unsigned)strlen(text));
    gzclose(f);
    return path;
}

/* ---- lines ---- */

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

static const char tsv_head[] = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2024-01-01-00-00-00\n"
                               "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state"
                               "\torig_pkts\tresp_pkts\n";

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

/* ---- packets ---- */

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

/* ---- files ---- */

static size_t read_all(const char *path, struct logs_lost *lost, struct flow *last)
{
    struct logs_file *f;
    struct report why = {0};
    struct flow flow;
    size_t n = 0;
    int rc = logs_file_open(path, &f, &why);
    if (rc < 0)
        fail_msg("%s", why.text);
    while ((rc = logs_file_next(f, &flow, &why)) > 0) {
        *last = flow;
        n++;
    }
    assert_int_equal(rc, 0);
    logs_file_lost(f, lost);
    logs_file_close(&f);
    return n;
}

/* n connections, a second apart from `from` on, of this uid. */
static char *connections(unsigned n, unsigned from, const char *uid, const char *head)
{
    char *text = malloc(4096 + n * 128UL), *p = text;
    p += sprintf(p, "%s", head);
    for (unsigned i = 0; i < n; i++)
        p += sprintf(p, "%u.25\t%s%u\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n", from + i, uid, i);
    return text;
}

static void bad_files(void **state)
{
    struct logs_lost lost;
    struct logs_file *f;
    struct report why;
    struct flow last;
    (void)state;
    char *good = connections(100, 1700000000, "C", tsv_head);
    size_t n = strlen(good);

    assert_int_equal(read_all(put_text("plain.log", good), &lost, &last), 100);
    assert_int_equal(lost.lines + lost.files + lost.others, 0);
    assert_int_equal(read_all(put_gz("packed.log", good, "w"), &lost, &last), 100);
    put_gz("two.log", good, "w");
    assert_int_equal(read_all(put_gz("two.log", good, "a"), &lost, &last), 200); /* members, and a header in the middle */

    struct stat st;
    const char *path = put_gz("cut.log.gz", good, "w");
    stat(path, &st);
    assert_int_equal(truncate(path, st.st_size - 200), 0);
    size_t some = read_all(path, &lost, &last);
    assert_in_range(some, 1, 99);
    assert_int_equal(lost.files, 1);
    assert_non_null(strstr(lost.first, "cut.log.gz: the gzip ends in the middle"));

    assert_int_equal(read_all(put("half.log", "w", good, n - 20), &lost, &last), 99);
    assert_int_equal(lost.lines, 1);
    assert_non_null(strstr(lost.first, "half.log:107: "));
    assert_non_null(strstr(lost.first, "columns in place of 14"));

    char *long_line = malloc(3 << 20); /* one line is too long, one as long as may be */
    size_t m = (size_t)sprintf(long_line, "%s", good);
    memset(long_line + m, 'x', (1 << 20) + 1);
    m += (1 << 20) + 1;
    m += (size_t)sprintf(long_line + m, "\n1700000200.0\t");
    memset(long_line + m, 'y', 1 << 19);
    m += 1 << 19;
    m += (size_t)sprintf(long_line + m, "\t10.0.0.9\t1024\t192.0.2.1\t443\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n");
    assert_int_equal(read_all(put("long.log", "w", long_line, m), &lost, &last), 101);
    assert_int_equal(lost.lines, 1);
    assert_non_null(strstr(lost.first, "a line of more than 1 MB"));
    free(long_line);

    char nul[sizeof tsv_head + 200];
    memcpy(nul, tsv_head, sizeof tsv_head - 1);
    static const char rows[] = "17000\0\0.5\tC1\t10.0.0.1\n\0\0\0\n1700000000.5\tC\0\x31\t10.0.0.1\t1\t192.0.2.1\t2\ttcp\t-\t-\t-\t-\tS0\t1\t0\r\n";
    memcpy(nul + sizeof tsv_head - 1, rows, sizeof rows - 1);
    assert_int_equal(read_all(put("nul.log", "w", nul, sizeof tsv_head + sizeof rows - 2), &lost, &last), 1);
    assert_int_equal(lost.lines, 2);
    assert_int_equal(last.uid.n, 3);

    char *mixed = malloc(n + 4096); /* the columns change in the middle, and it goes on as JSON */
    sprintf(mixed, "%s#close\t2024\n#separator \\x09\n#path\tconn\n#fields\tuid\tid.resp_h\tid.orig_h\tts\nC9\t192.0.2.7\t10.0.0.7\t5.5\nC9\tx\n"
                   "{\"ts\":6,\"id.orig_h\":\"10.0.0.8\",\"id.resp_h\":\"192.0.2.8\",\"conn_state\":\"SF\"}\n", good);
    assert_int_equal(read_all(put_text("mixed.log", mixed), &lost, &last), 102);
    assert_int_equal(lost.lines, 1);
    assert_int_equal(last.start_us, 6000000);
    free(mixed);

    static const char *const none[] = {"Lorem ipsum\n", "{}", "{\n", "PK\x03\x04", "1700000042.090842\tCi8\t10.0.0.1\n", "\x7f" "ELF", "\n\n\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        path = put_text("none.log", none[i]);
        assert_int_equal(logs_file_open(path, &f, &why), POSSE_ESYNTAX);
        assert_null(f);
        assert_non_null(strstr(why.text, "none.log: not a flow log"));
    }
    assert_int_equal(logs_file_open(path_of("is-not-there"), &f, &why), POSSE_ENOENT);
    assert_int_equal(logs_file_open(dir, &f, &why), POSSE_ENOTFILE);

    path = put_text("grows.log", ""); /* empty as yet */
    assert_int_equal(logs_file_open(path, &f, &why), 0);
    assert_int_equal(logs_file_next(f, &last, &why), 0);
    put("grows.log", "a", good, n);
    assert_int_equal(logs_file_next(f, &last, &why), 1);
    assert_int_equal(logs_file_format(f), LOGS_ZEEK_TSV);
    logs_file_close(&f);
    free(good);
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

/* ---- many ---- */

static struct logs *open_logs(const char *path, const struct logs_options *o)
{
    struct logs *l;
    struct report why = {0};
    if (logs_open(&path, 1, o, &l, &why) < 0)
        fail_msg("%s", why.text);
    return l;
}

static size_t drain(struct logs *l, size_t most, uint64_t *sum, int64_t *last)
{
    struct flow f;
    size_t n = 0;
    while (n < most && logs_next(l, &f, NULL) > 0) {
        assert_true(f.start_us >= *last);
        *last = f.start_us;
        for (size_t i = 0; i < f.uid.n; i++)
            *sum += f.uid.p[i] * (uint64_t)(f.start_us / 1000000 % 1000003) * (i + 1);
        n++;
    }
    return n;
}

static void in_order(void **state)
{
    (void)state;
    mkdir(path_of("many"), 0700);
    char *a = connections(3000, 1700000000, "A", tsv_head), *b = connections(3000, 1700003000, "B", tsv_head), *c = connections(6000, 1700000000, "C", tsv_head);
    put_text("many/conn.1.log", a);
    put_gz("many/conn.0.log.gz", b, "w");
    put_text("many/other.log", c);
    put_text("many/README", "no log\n");
    put_text("many/weird.log", "#separator \\x09\n#path\tweird\n#fields\tts\n5\n");
    struct logs *l = open_logs(path_of("many"), NULL);
    uint64_t sum = 0, part = 0;
    int64_t last = 0;
    struct logs_lost lost;
    assert_int_equal(drain(l, SIZE_MAX, &sum, &last), 12000);
    logs_lost(l, &lost);
    assert_int_equal(lost.files, 1);
    assert_int_equal(lost.others, 1);
    assert_int_equal(lost.late, 0);
    assert_non_null(strstr(lost.first, "README: not a flow log"));
    logs_close(&l);

    /* Stopped anywhere and taken up again: each record once. One of the logs is packed in between. */
    static const size_t stops[] = {0, 1, 2, 777, 5000, 11999, 12000};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct buf at;
        buf_init(&at, 1 << 20);
        l = open_logs(path_of("many"), NULL);
        part = 0;
        last = 0;
        assert_int_equal(drain(l, stops[i], &part, &last), stops[i]);
        assert_int_equal(logs_position(l, &at), 0);
        logs_close(&l);
        if (i == 3) {
            unlink(path_of("many/other.log"));
            put_gz("many/other.packed", c, "w");
        }
        l = open_logs(path_of("many"), NULL);
        assert_int_equal(logs_resume(l, buf_span(&at), NULL), 0);
        assert_int_equal(drain(l, SIZE_MAX, &part, &last), 12000 - stops[i]);
        assert_int_equal(part, sum);
        logs_close(&l);
        buf_deinit(&at);
    }
    l = open_logs(path_of("many"), NULL);
    assert_int_equal(logs_resume(l, SPAN_LIT("something else"), NULL), POSSE_ESYNTAX);
    logs_close(&l);

    /* Little room: told early, and all of it. */
    l = open_logs(path_of("many"), &(struct logs_options){.max_ahead = 100});
    struct flow f;
    size_t n = 0;
    while (logs_next(l, &f, NULL) > 0)
        n++;
    assert_int_equal(n, 12000);
    logs_close(&l);
    free(a), free(b), free(c);
}

static void jumping_clock(void **state)
{
    (void)state;
    char *a = connections(2000, 1700000000, "A", tsv_head), *b = connections(2000, 1700000000, "B", tsv_head);
    mkdir(path_of("jump"), 0700);
    put_text("jump/a.log", a);
    char *with = malloc(strlen(b) + 400);
    char *nl = strstr(b, "B500\t") - 14;
    sprintf(with, "%.*s\n4102444800.0\tX\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n%s", (int)(nl - b), b, nl);
    put_text("jump/b.log", with);
    struct logs *l = open_logs(path_of("jump"), &(struct logs_options){.slack_ms = 10000});
    uint64_t sum = 0;
    int64_t last = 0;
    struct logs_lost lost;
    assert_int_equal(drain(l, SIZE_MAX, &sum, &last), 4001); /* the wild one last, all others in order */
    assert_int_equal(last, 4102444800000000);
    logs_lost(l, &lost);
    assert_int_equal(lost.late + lost.lines, 0);
    logs_close(&l);
    free(a), free(b), free(with);
}

static void follows(void **state)
{
    (void)state;
    mkdir(path_of("live"), 0700);
    char *a = connections(10, 1700000000, "A", tsv_head), *rest = connections(10, 1700000010, "B", ""), *next = connections(10, 1700000020, "C", tsv_head);
    put_text("live/conn.log", a);
    struct logs *l = open_logs(path_of("live"), &(struct logs_options){.slack_ms = 1000, .follow = true});
    uint64_t sum = 0;
    int64_t last = 0;
    assert_int_equal(drain(l, 100, &sum, &last), 8); /* the last second waits */
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    put("live/conn.log", "a", rest, 40); /* half a line */
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    put("live/conn.log", "a", rest + 40, strlen(rest) - 40);
    assert_int_equal(drain(l, 100, &sum, &last), 10);
    rename(path_of("live/conn.log"), path_of("live/conn.1"));
    put_text("live/conn.log", next);
    size_t n = drain(l, 100, &sum, &last);
    n += drain(l, 100, &sum, &last);
    assert_int_equal(n, 10);
    /* What was rotated is packed: it is the same log. */
    char *both = malloc(strlen(a) + strlen(rest) + 1);
    sprintf(both, "%s%s", a, rest);
    put_gz("live/conn.1.gz", both, "w");
    unlink(path_of("live/conn.1"));
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    logs_flush(l);
    assert_int_equal(drain(l, 100, &sum, &last), 2);
    struct logs_lost lost;
    logs_lost(l, &lost);
    assert_int_equal(lost.lines + lost.files + lost.late, 0);
    logs_close(&l);
    free(a), free(rest), free(next), free(both);
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
        cmocka_unit_test(names_are_found), cmocka_unit_test(numbers_and_times), cmocka_unit_test(addresses_as_ip_read),
        cmocka_unit_test(zeek_connections), cmocka_unit_test(zeek_other_logs), cmocka_unit_test(json_values), cmocka_unit_test(zeek_json_lines),
        cmocka_unit_test(argus_lines), cmocka_unit_test(nfdump_lines), cmocka_unit_test(eve_lines), cmocka_unit_test(netflow_packets),
        cmocka_unit_test(ipfix_packets), cmocka_unit_test(bad_files), cmocka_unit_test(packet_files), cmocka_unit_test(in_order),
        cmocka_unit_test(jumping_clock), cmocka_unit_test(follows), cmocka_unit_test(listens),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
