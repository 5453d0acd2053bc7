/* rspamd's protocol, both ways. */
#include "unit.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "serve/http_listen.h"
#include "serve/rspamc_text.h"
#include "serve/zbody.h"

static void header(struct rspamd_request *r, const char *name, const char *value)
{
    rspamd_header(r, span_str(name), span_str(value));
}

static void headers_become_an_envelope(void **state)
{
    (void)state;
    struct rspamd_request r = {.err = 0};
    struct envelope env;
    enum policy_who who;
    header(&r, "ip", "192.0.2.7");
    header(&r, "Helo", "mail.example");
    header(&r, "HOSTNAME", "unknown");
    header(&r, "From", " Some One <a@b.example> ");
    header(&r, "Rcpt", "<c@d.example>");
    header(&r, "Rcpt", "e@f.example, \"x,y\"@g.example,<h@i.example>,");
    header(&r, "Pass", "all");
    header(&r, "Queue-ID", "4XyZ");
    rspamd_envelope(&r, true, &env, &who);
    assert_span_equal(env.client_addr, "192.0.2.7");
    assert_span_equal(env.client_name, "");
    assert_span_equal(env.helo, "mail.example");
    assert_span_equal(env.from, "a@b.example");
    assert_int_equal(env.n_rcpt, 4);
    assert_span_equal(env.rcpt[0], "c@d.example");
    assert_span_equal(env.rcpt[2], "\"x,y\"@g.example");
    assert_span_equal(env.rcpt[3], "h@i.example");
    assert_span_equal(r.queue_id, "4XyZ");
    assert_int_equal(who, POLICY_REMOTE);
    rspamd_request_deinit(&r);
}

static void only_a_trusted_peer_is_believed(void **state)
{
    (void)state;
    static const struct { const char *name, *value; enum policy_who who; } cases[] = {
        {"User", "alice", POLICY_AUTHENTICATED}, {"IP", "127.0.0.1", POLICY_LOCAL}, {"IP", "::1", POLICY_LOCAL},
        {"IP", "[IPv6:::1]", POLICY_LOCAL},      {"IP", "10.0.0.1", POLICY_REMOTE}, {"IP", "127.0.0.1.evil.example", POLICY_REMOTE},
        {"IP", "", POLICY_REMOTE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rspamd_request r = {.err = 0};
        struct envelope env;
        enum policy_who who;
        header(&r, cases[i].name, cases[i].value);
        rspamd_envelope(&r, true, &env, &who);
        assert_int_equal(who, cases[i].who);
        rspamd_envelope(&r, false, &env, &who);
        assert_int_equal(who, POLICY_REMOTE);
        assert_true(env.client_addr.n == 0 && env.auth_user.n == 0 && env.client_name.n == 0);
        rspamd_request_deinit(&r);
    }
}

static void addresses_lose_their_brackets(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"a@b", "a@b"}, {"<a@b>", "a@b"}, {"<>", ""}, {" < a@b > ", "a@b"}, {"X <a@b> y", "a@b"}, {"<a@b", "a@b"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span in = exact_str(cases[i].in);
        assert_span_equal(rspamd_address(in), cases[i].out);
        exact_free(in);
    }
}

static void what_names_a_file_is_only_noted(void **state)
{
    (void)state;
    static const char *const names[] = {"File", "path", "SHM"};
    for (size_t i = 0; i < 3; i++) {
        struct rspamd_request r = {.err = 0};
        header(&r, names[i], "/etc/passwd");
        assert_true(r.names_file);
        rspamd_request_deinit(&r);
    }
}

static void codings_are_known_or_refused(void **state)
{
    (void)state;
    struct rspamd_request r = {.err = 0};
    header(&r, "Compression", "ZSTD");
    assert_true(r.is_zstd && r.wants_zstd && !r.other_coding);
    rspamd_request_clear(&r);
    header(&r, "Content-Encoding", "gzip");
    assert_true(r.other_coding && !r.is_zstd);
    rspamd_request_clear(&r);
    header(&r, "Accept-Encoding", "gzip, zstd");
    assert_true(r.accepts_zstd && !r.is_zstd && !r.wants_zstd);
    rspamd_request_deinit(&r);
}

#define FORM "multipart/form-data; boundary=\"xYz\""
static void the_form_has_two_parts(void **state)
{
    (void)state;
    static const struct { const char *type, *body; int err; const char *metadata, *message; bool zstd; } cases[] = {
        {FORM, "--xYz\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--xYz\r\n"
               "content-disposition: form-data; name=message\r\nContent-Encoding: zstd\r\n\r\nA: b\r\n--xYzz\r\n\r\n--xYz--\r\n",
         0, "{}", "A: b\r\n--xYzz\r\n", true},
        {FORM, "--xYz\nContent-Disposition: form-data; filename=\"name=metadata\"; name=message\n\nq\n--xYz\n"
               "Content-Disposition: form-data; name=metadata\n\n\n--xYz--",
         0, "", "q", false},
        {FORM, "--xYz\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--xYz--", POSSE_ESYNTAX, "", "", false},
        {FORM, "--xYz\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n", POSSE_ESYNTAX, "", "", false},
        {FORM, "", POSSE_ESYNTAX, "", "", false},
        {"multipart/form-data", "--xYz", POSSE_ESYNTAX, "", "", false},
        {"text/plain; boundary=xYz", "--xYz", POSSE_ESYNTAX, "", "", false},
        {"multipart/form-data; xboundary=xYz; boundary=", "--xYz", POSSE_ESYNTAX, "", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span type = exact_str(cases[i].type), body = exact_str(cases[i].body);
        struct rspamd_form f;
        struct report why;
        assert_int_equal(rspamd_form_read(type, body, &f, &why), cases[i].err);
        if (!cases[i].err) {
            assert_span_equal(f.metadata, cases[i].metadata);
            assert_span_equal(f.message, cases[i].message);
            assert_true(f.message_zstd == cases[i].zstd);
        }
        exact_free(type);
        exact_free(body);
    }
}

static void metadata_says_what_headers_say(void **state)
{
    (void)state;
    struct rspamd_request r = {.err = 0};
    struct report why;
    struct span good = exact_str("{\"from\":\"<a@b>\",\"rcpt\":[\"c@d\",7,\"<e@f>\"],\"ip\":\"192.0.2.1\",\"user\":\"u\","
                                 "\"file\":\"/etc/passwd\",\"flags\":[\"x\"],\"mta\":{\"tag\":\"t\"}}");
    assert_int_equal(rspamd_metadata(&r, good, &why), 0);
    assert_span_equal(r.from, "a@b");
    assert_int_equal(r.n_rcpt, 2);
    assert_span_equal(r.rcpt[1], "e@f");
    assert_span_equal(r.ip, "192.0.2.1");
    assert_span_equal(r.user, "u");
    assert_true(r.names_file);
    exact_free(good);
    static const char *const bad[] = {"", "[]", "{", "{\"a\":1,\"a\":2}", "\"x\"", "{} {}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rspamd_metadata(&r, span_str(bad[i]), &why), POSSE_ESYNTAX);
    assert_int_equal(rspamd_metadata(&r, span_of(bad, RSPAMD_METADATA_MAX + 1), &why), POSSE_ETOOBIG);
    rspamd_request_deinit(&r);
}

static void an_answer(struct gate_answer *a)
{
    *a = (struct gate_answer){.action = ACTION_TAG, .would = ACTION_TAG, .id = "0abc", .seconds = 0.00025};
    for (int i = 0; i < ACTIONS; i++)
        a->action_bits[i] = INFINITY;
    a->action_bits[ACTION_NONE] = -INFINITY;
    a->action_bits[ACTION_TAG] = 4.126;
    a->action_bits[ACTION_REJECT] = 12;
    a->verdict = (struct verdict){.klass = VERDICT_SPAM, .bits = 7.004, .threshold_bits = 4.126, .n_reasons = 4};
    a->verdict.reason[0] = (struct reason){REASON_WORDS, 3.336, "words \"a \\ b\" in the text", 0, SPAN_NONE};
    a->verdict.reason[1] = (struct reason){REASON_WORDS, 3.336, "word \"c\"", 0, SPAN_NONE};
    a->verdict.reason[2] = (struct reason){REASON_HEADER_LEFT, -1.004, "all other header fields", 0, SPAN_NONE};
    a->verdict.reason[3] = (struct reason){REASON_REST, 1.336, "everything else", 0, SPAN_NONE};
}

static json_t *json_of(const struct gate_answer *a)
{
    struct buf b;
    json_error_t error;
    buf_init(&b, 1 << 20);
    rspamd_json(a, 7, POLICY_REMOTE, &b);
    assert_int_equal(buf_error(&b), 0);
    json_t *top = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, &error);
    if (!top)
        fail_msg("%s: %.*s", error.text, (int)b.n, (const char *)b.p);
    buf_deinit(&b);
    return top;
}

static double number(json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        fail_msg("%s is no number", key);
    return json_number_value(v);
}

static void symbols_add_up_to_the_score(void **state)
{
    (void)state;
    struct gate_answer a;
    an_answer(&a);
    json_t *top = json_of(&a), *symbols = json_object_get(top, "symbols"), *one;
    const char *name;
    double sum = 0;
    json_object_foreach(symbols, name, one)
    {
        assert_string_equal(json_string_value(json_object_get(one, "name")), name);
        assert_non_null(json_string_value(json_object_get(one, "description")));
        assert_true(number(one, "score") == number(one, "metric_score"));
        sum += number(one, "score");
    }
    assert_int_equal(json_object_size(symbols), 4);
    assert_true(fabs(sum - number(top, "score")) < 1e-9);
    assert_true(fabs(number(top, "score") - 7.0) < 1e-9);
    assert_non_null(json_object_get(symbols, "POSSE_WORDS_1"));
    assert_non_null(json_object_get(symbols, "POSSE_WORDS_2"));
    assert_non_null(json_object_get(symbols, "POSSE_OTHER_HEADERS"));
    assert_non_null(json_object_get(symbols, "POSSE_PRIOR"));
    json_decref(top);
}

static void numbers_are_written_as_they_are(void **state)
{
    (void)state;
    static const double bits[] = {0, -0.001, 0.004999, 0.005001, -0.01, 1, -1, 9.999, 99.994999, -123456.789, 1e300, -1e300};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        struct gate_answer a;
        char want[64];
        an_answer(&a);
        a.verdict.n_reasons = 0;
        a.verdict.bits = bits[i];
        json_t *top = json_of(&a);
        snprintf(want, sizeof want, "%.2f", rspamd_score(bits[i]));
        assert_true(fabs(number(top, "score") - atof(want)) < 1e-9);
        assert_true(fabs(number(top, "time_real") - 0.00025) < 1e-12);
        json_decref(top);
    }
}

static void the_answer_is_one_that_clients_decode(void **state)
{
    (void)state;
    static const struct { enum action action; const char *name; bool has_message, has_subject; } cases[] = {
        {ACTION_NONE, "no action", false, false}, {ACTION_TAG, "add header", false, false},
        {ACTION_REWRITE, "rewrite subject", false, true}, {ACTION_DEFER, "soft reject", true, false},
        {ACTION_QUARANTINE, "quarantine", true, false}, {ACTION_REJECT, "reject", true, false}, {ACTION_DISCARD, "discard", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate_answer a;
        an_answer(&a);
        a.action = cases[i].action;
        a.subject_prefix = "[SPAM] ";
        struct field f = {SPAN_LIT("Subject"), SPAN_LIT(" =?UTF-8?Q?caf=C3=A9?=\r\n au lait"), FIELD_SUBJECT, 0};
        struct message m = {.field = &f, .n_fields = 1};
        m.first_of[FIELD_SUBJECT] = 1;
        a.message = &m;
        json_t *top = json_of(&a), *milter = json_object_get(top, "milter"), *v;
        const char *key;
        assert_string_equal(json_string_value(json_object_get(top, "action")), cases[i].name);
        assert_true(json_is_false(json_object_get(top, "is_skipped")));
        assert_true((json_object_get(json_object_get(top, "messages"), "smtp_message") != NULL) == cases[i].has_message);
        assert_true((json_object_get(top, "subject") != NULL) == cases[i].has_subject);
        if (cases[i].has_subject)
            assert_string_equal(json_string_value(json_object_get(top, "subject")), "[SPAM] =?UTF-8?Q?caf=C3=A9?=   au lait");
        assert_true(fabs(number(top, "required_score") - 12) < 1e-9);
        assert_int_equal(json_object_size(json_object_get(top, "thresholds")), 2);
        json_object_foreach(json_object_get(milter, "add_headers"), key, v)
            assert_true(json_is_string(json_object_get(v, "value")) && json_is_integer(json_object_get(v, "order")));
        json_object_foreach(json_object_get(milter, "remove_headers"), key, v)
            assert_true(json_is_integer(v) && json_integer_value(v) >= -128 && json_integer_value(v) <= 127);
        assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(milter, "add_headers"), "X-Spam"), "value")),
                            cases[i].action != ACTION_NONE ? "Yes" : "No");
        assert_string_equal(json_string_value(json_object_get(top, "message-id")), "undef");
        json_decref(top);
    }
}

static void who_is_taken_off_is_named(void **state)
{
    (void)state;
    static const struct span off[] = {{(const uint8_t *)"c@d.example", 11}, {(const uint8_t *)"\"x y\"@d.example", 15}};
    struct gate_answer a;
    an_answer(&a);
    json_t *top = json_of(&a);
    assert_null(json_object_get(json_object_get(top, "milter"), "del_rcpt"));
    json_decref(top);
    a.remove = off;
    a.n_remove = 2;
    top = json_of(&a);
    json_t *list = json_object_get(json_object_get(top, "milter"), "del_rcpt");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_array_get(list, 1)), "\"x y\"@d.example");
    json_decref(top);
}

static void without_any_action_the_threshold_is_required(void **state)
{
    (void)state;
    struct gate_answer a;
    an_answer(&a);
    a.action_bits[ACTION_TAG] = a.action_bits[ACTION_REJECT] = INFINITY;
    assert_true(fabs(rspamd_required(&a) - 4.13) < 1e-9);
}

static void the_text_answer_is_what_exim_scans(void **state)
{
    (void)state;
    static const struct { enum action action; double bits; const char *metric; } cases[] = {
        {ACTION_TAG, 7.004, "RSPAMD/1.3 0 EX_OK\r\nMetric: default; True; 7.00 / 4.13 / 0.0\r\nAction: add header\r\n"},
        {ACTION_NONE, 4.1259, "RSPAMD/1.3 0 EX_OK\r\nMetric: default; False; 4.12 / 4.13 / 0.0\r\nAction: no action\r\n"},
        {ACTION_NONE, 20, "RSPAMD/1.3 0 EX_OK\r\nMetric: default; False; 4.12 / 4.13 / 0.0\r\nAction: no action\r\n"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct gate_answer a;
        struct buf b;
        an_answer(&a);
        a.action = cases[i].action;
        a.verdict.bits = cases[i].bits;
        buf_init(&b, 1 << 16);
        rspamd_text(&a, "1.3", &b);
        assert_true(b.n > strlen(cases[i].metric));
        assert_memory_equal(b.p, cases[i].metric, strlen(cases[i].metric));
        buf_deinit(&b);
    }
}

static void first_bytes_tell_the_protocol(void **state)
{
    (void)state;
    static const struct { const char *in; enum rspamc_guess guess; } cases[] = {
        {"", RSPAMC_MORE}, {"C", RSPAMC_MORE}, {"CHECK", RSPAMC_MORE}, {"CHECK RSPAMC/1.3", RSPAMC_YES}, {"PING RS", RSPAMC_YES},
        {"P", RSPAMC_MORE}, {"PO", RSPAMC_NO}, {"POST /checkv2", RSPAMC_NO}, {"GET / HTTP", RSPAMC_NO}, {"REPORT_IF", RSPAMC_MORE},
        {"CHECKS ", RSPAMC_NO}, {"\x16\x03\x01", RSPAMC_NO}, {" ", RSPAMC_NO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(rspamc_guess(span_str(cases[i].in)), cases[i].guess);
}

static void a_text_head_is_read_when_it_is_whole(void **state)
{
    (void)state;
    static const char whole[] = "CHECK RSPAMC/1.3\r\nContent-length: 5\r\nQueue-Id: 1a\r\nFrom: <a@b>\r\nRecipient-Number: 2\r\n"
                                "Rcpt: <c@d>\r\nRcpt: <e@f>\r\nIP: 192.0.2.9\r\n\r\n";
    struct rspamc_head h;
    struct report why;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct rspamd_request r = {.err = 0};
        struct span in = exact(whole, n);
        assert_int_equal(rspamc_read(in, &h, &r, &why), 0);
        exact_free(in);
        rspamd_request_deinit(&r);
    }
    struct rspamd_request r = {.err = 0};
    struct span in = exact_str(whole);
    assert_int_equal(rspamc_read(in, &h, &r, &why), 1);
    assert_int_equal(h.bytes, sizeof whole - 1);
    assert_int_equal(h.body_bytes, 5);
    assert_string_equal(h.version, "1.3");
    assert_int_equal(r.n_rcpt, 2);
    assert_span_equal(r.from, "a@b");
    exact_free(in);
    rspamd_request_deinit(&r);
}

static void a_bad_text_head_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n", "CHECK\r\n\r\n", "CHECK SPAMC/1.3\r\n\r\n", "CHECK RSPAMC/1.3x\r\n\r\n", "CHECK RSPAMC/\r\n\r\n", "EAT RSPAMC/1.3\r\n\r\n",
        "CHECK RSPAMC/1.3\r\nContent-length: -1\r\n\r\n", "CHECK RSPAMC/1.3\r\nContent-length: \r\n\r\n",
        "CHECK RSPAMC/1.3\r\nContent-length: 1\r\nContent-length: 2\r\n\r\n", "CHECK RSPAMC/1.3\r\nContent-length: 99999999999999999999\r\n\r\n",
        "CHECK RSPAMC/1.3\r\nno colon\r\n\r\n", "CHECK RSPAMC/1.3\r\n: x\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rspamd_request r = {.err = 0};
        struct rspamc_head h;
        struct report why;
        assert_int_equal(rspamc_read(span_str(bad[i]), &h, &r, &why), POSSE_ESYNTAX);
        rspamd_request_deinit(&r);
    }
}

static void a_small_body_does_not_become_a_huge_one(void **state)
{
    (void)state;
    struct buf plain, packed, out;
    buf_init(&plain, 4 << 20);
    buf_init(&packed, 4 << 20);
    buf_init(&out, 1 << 20);
    memset(buf_reserve(&plain, 2 << 20), 'a', 2 << 20);
    plain.n = 1 << 20;
    assert_int_equal(zbody_encode(buf_span(&plain), &packed), 0);
    assert_int_equal(zbody_decode(buf_span(&packed), &out), 0); /* just fits */
    assert_true(span_eq(buf_span(&plain), buf_span(&out)));
    for (size_t n = 0; n < packed.n; n++) {
        buf_clear(&out);
        struct span cut = exact(packed.p, n);
        assert_int_equal(zbody_decode(cut, &out), POSSE_ECORRUPT);
        exact_free(cut);
    }
    buf_clear(&packed);
    plain.n = 2 << 20;
    assert_int_equal(zbody_encode(buf_span(&plain), &packed), 0);
    buf_clear(&out);
    assert_int_equal(zbody_decode(buf_span(&packed), &out), POSSE_ETOOBIG);
    buf_clear(&out);
    assert_int_equal(zbody_decode(SPAN_LIT("no zstd at all"), &out), POSSE_ECORRUPT);
    buf_deinit(&plain);
    buf_deinit(&packed);
    buf_deinit(&out);
}

static void neighbours_of_ipv6_are_one(void **state)
{
    (void)state;
    static const struct { const char *addr, *group; } cases[] = {
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"}, {"2001:db8:1:2::1", "2001:db8:1:2::"}, {"2001:db8:1:3::1", "2001:db8:1:3::"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_in6 a = {.sin6_family = AF_INET6};
        char group[PEER_TEXT];
        assert_int_equal(inet_pton(AF_INET6, cases[i].addr, &a.sin6_addr), 1);
        peer_group((struct sockaddr *)&a, group);
        assert_string_equal(group, cases[i].group);
    }
}

static void networks_have_their_peers(void **state)
{
    (void)state;
    static const char *const list[] = {"127.0.0.0/8", "2001:db8::/33", "192.0.2.1", "unix"};
    static const struct { const char *addr; bool in; } cases[] = {
        {"127.3.4.5", true}, {"128.0.0.1", false}, {"192.0.2.1", true}, {"192.0.2.2", false}, {"2001:db8::1", true},
        {"2001:db8:8000::1", false}, {"::ffff:127.0.0.1", true}, {"::1", false},
    };
    struct nets *n;
    struct report why;
    assert_int_equal(nets_new(list, 4, "key", &n, &why), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_storage a = {.ss_family = strchr(cases[i].addr, ':') ? AF_INET6 : AF_INET};
        void *at = a.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&a)->sin_addr : (void *)&((struct sockaddr_in6 *)&a)->sin6_addr;
        assert_int_equal(inet_pton(a.ss_family, cases[i].addr, at), 1);
        assert_true(nets_has(n, (struct sockaddr *)&a) == cases[i].in);
    }
    struct sockaddr unix_peer = {.sa_family = AF_UNIX};
    assert_true(nets_has(n, &unix_peer));
    nets_free(&n);
    static const char *const bad[] = {"", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/x", "localhost"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(nets_new(&bad[i], 1, "key", &n, &why), POSSE_ESYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_become_an_envelope),
        cmocka_unit_test(only_a_trusted_peer_is_believed),
        cmocka_unit_test(addresses_lose_their_brackets),
        cmocka_unit_test(what_names_a_file_is_only_noted),
        cmocka_unit_test(codings_are_known_or_refused),
        cmocka_unit_test(the_form_has_two_parts),
        cmocka_unit_test(metadata_says_what_headers_say),
        cmocka_unit_test(symbols_add_up_to_the_score),
        cmocka_unit_test(numbers_are_written_as_they_are),
        cmocka_unit_test(the_answer_is_one_that_clients_decode),
        cmocka_unit_test(who_is_taken_off_is_named),
        cmocka_unit_test(without_any_action_the_threshold_is_required),
        cmocka_unit_test(the_text_answer_is_what_exim_scans),
        cmocka_unit_test(first_bytes_tell_the_protocol),
        cmocka_unit_test(a_text_head_is_read_when_it_is_whole),
        cmocka_unit_test(a_bad_text_head_is_refused),
        cmocka_unit_test(a_small_body_does_not_become_a_huge_one),
        cmocka_unit_test(neighbours_of_ipv6_are_one),
        cmocka_unit_test(networks_have_their_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
