/* Received fields as mail servers write them, and which machine handed the message over. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "sender/received.h"

/* value -> helo|name|address|by|with|id|for|time */
static const struct { const char *in, *out; } forms[] = {
    /* Postfix */
    {"from pc.home (dsl-7.isp.example [192.0.2.7])\r\n\tby mx.trap.example (Postfix) with ESMTP id 4AB12\r\n"
     "\tfor <a@trap.example>; Wed, 16 Mar 2011 14:45:00 +0000 (UTC)",
     "pc.home|dsl-7.isp.example|192.0.2.7|mx.trap.example|ESMTP|4AB12|a@trap.example|1300286700"},
    {"from [10.0.0.3] (unknown [192.0.2.7]) (using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)) (No client "
     "certificate requested) by mx.example (Postfix) with ESMTPS id 1; Wed, 16 Mar 2011 14:45:00 +0000",
     "[10.0.0.3]||192.0.2.7|mx.example|ESMTPS|1||1300286700|tls"},
    {"from six (unknown [IPv6:2001:db8::25]) by mx.example (Postfix) with SMTP id 2", "six||2001:db8::25|mx.example|SMTP|2||"},
    {"by mx.example (Postfix, from userid 33) id 77; Wed, 16 Mar 2011 14:45:00 +0000", "|||mx.example||77||1300286700"},
    /* Sendmail */
    {"from PC-1 (dsl.isp.example [192.0.2.9] (may be forged)) by mx.example (8.12.11.20060308/8.12.11) with ESMTP id j8K for "
     "<b@trap.example>; Wed, 16 Mar 2011 14:45:00 GMT",
     "PC-1|dsl.isp.example|192.0.2.9|mx.example|ESMTP|j8K|b@trap.example|1300286700"},
    {"from relay.example (IDENT:root@relay.example [192.0.2.10]) by mx.example (8.9.3/8.9.3) with SMTP id A",
     "relay.example|relay.example|192.0.2.10|mx.example|SMTP|A||"},
    {"from x ([192.0.2.11]) by mx.example (8.11.6/8.11.6) with SMTP id B", "x||192.0.2.11|mx.example|SMTP|B||"},
    {"(from news@localhost) by host.example (8.11.0/8.11.0/Submit) id C; Wed, 16 Mar 2011 14:45:00 GMT",
     "|||host.example||C||1300286700"},
    /* Exim */
    {"from dsl.isp.example ([192.0.2.12] helo=friend) by mx.example with smtp (Exim 4.72) (envelope-from <c@d.example>) id 1Pz-1 for "
     "e@trap.example; Wed, 16 Mar 2011 14:45:00 +0000",
     "friend|dsl.isp.example|192.0.2.12|mx.example|smtp|1Pz-1|e@trap.example|1300286700"},
    {"from [192.0.2.13] (port=1234 helo=[203.0.113.1]) by mx.example with esmtpsa (TLSv1:AES256-SHA:256) (Exim 4.72) id 1",
     "[203.0.113.1]||192.0.2.13|mx.example|esmtpsa|1|||tls"},
    {"from mail.a.example ([192.0.2.14]:4711) by mx.example with esmtp (Exim 4.96) id 1", "mail.a.example|mail.a.example|192.0.2.14|mx.example|esmtp|1||"},
    {"from [192.0.2.15] by mx.example with smtp (Exim 3.35) id 1", "||192.0.2.15|mx.example|smtp|1||"},
    {"from mail by host.example with local (Exim 4.72) id 1Pz", "mail|||host.example|local|1Pz||"},
    /* qmail and qpsmtpd */
    {"from unknown (HELO bot) (192.0.2.16) by mx.example with SMTP; 16 Mar 2011 14:45:00 -0000",
     "bot||192.0.2.16|mx.example|SMTP|||1300286700"},
    {"from host.isp.example (HELO x.y.example) (user@192.0.2.17) by mx.example with SMTP", "x.y.example|host.isp.example|192.0.2.17|mx.example|SMTP|||"},
    {"from host.isp.example (192.0.2.18) by mx.example with SMTP", "host.isp.example||192.0.2.18|mx.example|SMTP|||"},
    {"(qmail 4711 invoked from network); 16 Mar 2011 14:45:00 -0000", "|||||||1300286700"},
    {"from unknown (HELO [203.0.113.9]) (192.0.2.19) by mx.example with SMTP", "[203.0.113.9]||192.0.2.19|mx.example|SMTP|||"},
    /* Exchange */
    {"from EX1.corp.example (192.0.2.20) by EX2.corp.example (192.0.2.21) with Microsoft SMTP Server (version=TLS1_2, cipher=X) id "
     "15.1.2; Wed, 16 Mar 2011 14:45:00 +0000",
     "EX1.corp.example||192.0.2.20|EX2.corp.example|Microsoft|15.1.2||1300286700|tls"},
    {"from A.corp.example ([fe80::1%5]) by A.corp.example ([fe80::1%5]) with mapi id 15", "A.corp.example||fe80::1|A.corp.example|mapi|15||"},
    {"from mail pickup service by web.example with Microsoft SMTPSVC; Wed, 16 Mar 2011 14:45:00 +0000",
     "mail|||web.example|Microsoft|||1300286700"},
    {"from x.example ([192.0.2.22]) by y.example with Microsoft SMTPSVC(6.0.3790.4675); Wed, 16 Mar 2011 14:45:00 +0000",
     "x.example||192.0.2.22|y.example|Microsoft|||1300286700"},
    /* CommuniGate */
    {"from [192.0.2.23] (HELO friend) by mx.example (CommuniGate Pro SMTP 4.1.8) with ESMTP id 99 for f@trap.example",
     "friend||192.0.2.23|mx.example|ESMTP|99|f@trap.example|"},
    {"from [192.0.2.24] (account g@h.example HELO pc) by mx.example (CommuniGate Pro SMTP 5) with ESMTPA id 1",
     "pc||192.0.2.24|mx.example|ESMTPA|1||"},
    {"from i.example ([192.0.2.25] verified) by mx.example (CommuniGate Pro SMTP 5) with ESMTP id 1",
     "i.example||192.0.2.25|mx.example|ESMTP|1||"},
    /* others */
    {"from bot [192.0.2.26] by mx.example with ESMTP (SMTPD32-7.07) id A1", "bot||192.0.2.26|mx.example|ESMTP|A1||"},
    {"from helo.example (helo.example [::ffff:192.0.2.27]) by mx.example with esmtp", "helo.example|helo.example|192.0.2.27|mx.example|esmtp|||"},
    {"from host.example ([192.0.2.28]:1071 \"EHLO pc\" smtp-auth: <none>) by vger.example with ESMTP id <S1>",
     "pc|host.example|192.0.2.28|vger.example|ESMTP|S1||"},
    {"from 192.0.2.29  (EHLO pc) (192.0.2.29) by mta.example with SMTP", "pc||192.0.2.29|mta.example|SMTP|||"},
    {"from [192.0.2.30] by web1.example via HTTP; Wed, 16 Mar 2011 14:45:00 GMT", "[192.0.2.30]||192.0.2.30|web1.example|HTTP|||1300286700"},
    {"from a.example (a.example. [192.0.2.31]) by mx.example with ESMTPS id x1 for <j@trap.example> (version=TLS1_3 cipher=Y)",
     "a.example|a.example|192.0.2.31|mx.example|ESMTPS|x1|j@trap.example||tls"},
    {"from by (unknown [192.0.2.32]) by mx.example with SMTP id 1", "by||192.0.2.32|mx.example|SMTP|1||"},
    {"from host ([unix socket]) by mx.example (Cyrus v2) with LMTP", "host|||mx.example|LMTP|||"},
    /* a client that wants to be taken for another */
    {"from [203.0.113.5] (dsl.isp.example [192.0.2.33]) by mx.example (Postfix) with SMTP id 1",
     "[203.0.113.5]|dsl.isp.example|192.0.2.33|mx.example|SMTP|1||"},
    {"from dsl.isp.example ([192.0.2.34] helo=[203.0.113.5]) by mx.example with smtp (Exim 4) id 1",
     "[203.0.113.5]|dsl.isp.example|192.0.2.34|mx.example|smtp|1||"},
    /* odd */
    {"", 0}, {"  \r\n ", 0}, {"nonsense", 0}, {"from", "|||||||"}, {"from (((", "|||||||"}, {"by", 0}, {"; ", 0},
    {"from x ([192.0.2.35", "x||192.0.2.35|||||"}, {"from \"x y\" (a\\)b [192.0.2.36])", "x y||192.0.2.36|||||"},
};

static void print(char *got, size_t n, const struct received *r)
{
    char ip[IP_TEXT] = "", time[24] = "";
    if (!ip_is_zero(&r->ip))
        ip_text(&r->ip, ip);
    if (r->has_time)
        snprintf(time, sizeof time, "%lld", (long long)r->unix_s);
#define T(s) (int)(s).n, (s).p ? (const char *)(s).p : ""
    snprintf(got, n, "%.*s|%.*s|%s|%.*s|%.*s|%.*s|%.*s|%s%s", T(r->helo), T(r->name), ip, T(r->by), T(r->with), T(r->id),
             T(r->for_addr), time, r->is_tls ? "|tls" : "");
#undef T
}

static void fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct span in = exact_str(forms[i].in);
        struct received r;
        char got[1024];
        bool ok = received_read(in, &r);
        print(got, sizeof got, &r);
        if (ok != (forms[i].out != NULL) || (ok && strcmp(got, forms[i].out)))
            fail_msg("%s\n  gave     %s %s\n  expected %s", forms[i].in, ok ? "" : "(false)", got, forms[i].out ? forms[i].out : "(false)");
        exact_free(in);
    }
}

/* No prefix of a field reads past it. */
static void prefixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        for (size_t n = 0; n <= strlen(forms[i].in); n++) {
            struct span in = exact(forms[i].in, n);
            struct received r;
            received_read(in, &r);
            exact_free(in);
        }
}

/* ---- the way down ---- */

#define FROM(name, ip) "Received: from " name " (" name " [" ip "])\n\tby next.example (Postfix) with ESMTP id 1;\n\tWed, 16 Mar 2011 14:45:00 +0000\n"
#define NOTE "Received: by mx.example (Postfix, from userid 33) id 77; Wed, 16 Mar 2011 14:45:00 +0000\n"
#define ODD "Received: from somewhere by somebody; Wed, 16 Mar 2011 14:45:00 +0000\n"
#define FETCHED "Received: from pop.example [203.0.113.9] by localhost with POP3 (fetchmail-6.2.5); Wed, 16 Mar 2011 14:45:00 +0000\n"

static const struct { const char *head, *client, *ours, *out; } ways[] = {
    {FROM("bot", "192.0.2.1"), NULL, NULL, "192.0.2.1 trap 0 bot"},
    {FROM("a", "127.0.0.1") FROM("bot", "192.0.2.1") FROM("forged", "203.0.113.1"), NULL, NULL, "192.0.2.1 trap 1 bot"},
    {FROM("relay", "198.51.100.4") FROM("bot", "192.0.2.1"), NULL, "198.51.100.0/24", "192.0.2.1 trap 1 bot"},
    {FROM("relay", "198.51.100.4") FROM("bot", "192.0.2.1"), NULL, NULL, "198.51.100.4 trap 0 relay"},
    {NOTE FROM("bot", "192.0.2.1"), NULL, NULL, "192.0.2.1 trap 1 bot"},
    {FETCHED FROM("bot", "192.0.2.1"), NULL, NULL, "192.0.2.1 trap 1 bot"},
    {ODD FROM("bot", "192.0.2.1"), NULL, NULL, "192.0.2.1 claimed 1 bot"},
    {FROM("a", "10.0.0.1") FROM("bot", "10.9.9.9"), NULL, NULL, "10.0.0.1 trap 0 a"},
    {FROM("a", "127.0.0.1") FROM("bot", "10.9.9.9"), NULL, NULL, "10.9.9.9 trap 1 bot"},
    {FROM("bot", "10.9.9.9"), NULL, "!10.0.0.0/8", "10.9.9.9 trap 0 bot"},
    {FROM("relay", "10.0.0.1") FROM("bot", "10.9.9.9"), NULL, "!10.0.0.0/8 10.0.0.0/24", "10.9.9.9 trap 1 bot"},
    {"Subject: x\n", NULL, NULL, "none 0 "},
    {NOTE, NULL, NULL, "none 1 "},
    {FROM("bot", "192.0.2.1"), "192.0.2.77", NULL, "192.0.2.77 socket 0 said"},
    {FROM("bot", "192.0.2.1"), "10.0.0.3", NULL, "192.0.2.1 trap 0 bot"},
    {"Subject: x\n", "10.0.0.3", NULL, "10.0.0.3 socket 0 said"},
};

static struct networks *networks_of(const char *text)
{
    const char *list[8];
    size_t n = 0;
    char copy[128];
    struct networks *out = NULL;
    if (!text)
        return NULL;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *save, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        list[n++] = w;
    struct report why;
    assert_int_equal(networks_new(list, n, &out, &why), POSSE_OK);
    return out;
}

static void way_down(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    static const char *const trust[] = {"none", "claimed", "trap", "socket"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char text[2048], got[256], ip[IP_TEXT] = "";
        snprintf(text, sizeof text, "Return-Path: <x@From.Example>\n%s\nbody\n", ways[i].head);
        struct span in = exact_str(text);
        struct message *m;
        assert_int_equal(message_parse(p, a, in, &m), POSSE_OK);
        struct networks *ours = networks_of(ways[i].ours);
        struct envelope env = {.client_addr = ways[i].client ? span_str(ways[i].client) : SPAN_NONE, .helo = SPAN_LIT("said")};
        struct source s;
        source_read(a, m, ways[i].client ? &env : NULL, ours, &s);
        if (!ip_is_zero(&s.ip))
            ip_text(&s.ip, ip);
        snprintf(got, sizeof got, "%s%s%s %u %.*s", ip, *ip ? " " : "", trust[s.trust], s.hops, (int)s.helo.n, s.helo.p ? (const char *)s.helo.p : "");
        if (strcmp(got, ways[i].out))
            fail_msg("case %zu: got \"%s\", expected \"%s\"", i, got, ways[i].out);
        assert_span_equal(s.from_domain, "from.example");
        networks_free(&ours);
        exact_free(in);
        arena_reset(a);
    }
    arena_free(&a);
    mail_parser_free(&p);
}

static void from_mbox_line(void **state)
{
    (void)state;
    struct mail_parser *p = mail_parser_new(NULL);
    struct arena *a = arena_new(1 << 22);
    struct message *m;
    struct source s;
    assert_int_equal(message_parse(p, a, SPAN_LIT("From k@L.example Wed Mar 16 14:45:00 2011\nSubject: x\n\n"), &m), POSSE_OK);
    source_read(a, m, NULL, NULL, &s);
    assert_span_equal(s.from_domain, "l.example");
    arena_free(&a);
    mail_parser_free(&p);
}

static void lists(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/1x", "192.0.2/24", "!"};
    struct networks *n;
    struct report why;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(networks_new(&bad[i], 1, &n, &why), POSSE_ESYNTAX);
        assert_null(n);
        assert_non_null(strstr(why.text, bad[i]));
    }
    static const char *const good[] = {"192.0.2.0/24", "!192.0.2.128/25", "192.0.2.200", "2001:db8::/32", "!10.1.0.0/16", "203.0.113.77/24"};
    static const struct { const char *ip; bool ours; } t[] = {
        {"192.0.2.1", true}, {"192.0.2.129", false}, {"192.0.2.200", true}, {"2001:db8:1::1", true}, {"2001:db9::1", false},
        {"10.2.0.1", true}, {"10.1.0.1", false}, {"127.0.0.1", true}, {"172.31.0.1", true}, {"172.32.0.1", false}, {"192.168.1.1", true},
        {"169.254.1.1", true}, {"fe80::1", true}, {"fd00::1", true}, {"::1", true}, {"8.8.8.8", false}, {"203.0.113.1", true},
        {"100.64.1.1", true},
    };
    assert_int_equal(networks_new(good, sizeof good / sizeof *good, &n, &why), POSSE_OK);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct ip ip;
        assert_true(ip_read(span_str(t[i].ip), &ip));
        if (networks_have(n, &ip) != t[i].ours)
            fail_msg("%s", t[i].ip);
    }
    networks_free(&n);
    networks_free(&n);
    networks_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields), cmocka_unit_test(prefixes), cmocka_unit_test(way_down),
        cmocka_unit_test(from_mbox_line), cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests_name("received", tests, NULL, NULL);
}
