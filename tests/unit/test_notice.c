#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "case/notice.h"
#include "mail/arf.h"

static void test_addresses(void **state)
{
    (void)state;
    static const struct { const char *text; bool is_fine; } table[] = {
        {"abuse@host.example", true}, {"a.b+c_d-e@x-y.host.example", true}, {"a@10.example", true}, {"", false}, {"@", false}, {"a@", false},
        {"@host.example", false}, {"a@b", false}, {"a@@b.example", false}, {"a@b@c.example", false}, {"a b@c.example", false},
        {"a@b.example\nBcc: c@d.example", false}, {"a@b.example,c@d.example", false}, {"<a@b.example>", false}, {"a;b@c.example", false},
        {".a@b.example", false}, {"a.@b.example", false}, {"a..b@c.example", false}, {"a@.b.example", false}, {"a@b..example", false},
        {"a@b.example.", false}, {"a@-b.example", false}, {"a@b-.example", false}, {"a@b.example-", false}, {"\"a\"@b.example", false},
        {"a@b_c.example", false}, {"\xc3\xa4@b.example", false}, {"a@[10.1.2.3]", false}, {"-f@b.example", false}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct span s = exact_str(table[i].text);
        if (mail_address_ok(s) != table[i].is_fine)
            fail_msg("\"%s\"", table[i].text);
        exact_free(s);
    }
}

static void write_file(char *path, const char *text)
{
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(text, f);
    fclose(f);
}

static void test_contacts(void **state)
{
    (void)state;
    char contacts[] = "/tmp/posse-contacts.XXXXXX", receivers[] = "/tmp/posse-receivers.XXXXXX";
    write_file(contacts, "# who\nAS64500 as@a.example All of it\r\n10.1.0.0/16 wide@a.example\n\n10.1.2.0/24 narrow@a.example Firm # odd\n"
                         "2001:db8::/32 six@a.example");
    write_file(receivers, "* text grouped\nAS64500 xarf single\n@A.example arf single\nnarrow@a.example all grouped\n");
    struct contacts *c = NULL;
    struct report why = {0};
    if (contacts_open(contacts, receivers, &c, &why))
        fail_msg("%s", why.text);
    static const struct { const char *ip; uint32_t asn; const char *abuse, *to, *firm; } table[] = {
        {"10.1.2.3", 64500, "own@b.example", "narrow@a.example", "Firm"}, {"10.1.3.3", 64500, "", "wide@a.example", "NAME"},
        {"10.2.3.3", 64500, "own@b.example", "as@a.example", "All of it"}, {"10.2.3.3", 64501, "own@b.example", "own@b.example", "NAME"},
        {"10.2.3.3", 64501, "none of\nyours", "", "NAME"}, {"2001:db8::1", 0, "", "six@a.example", "NAME"}, {"2001:db9::1", 0, "", "", "NAME"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ip ip;
        assert_true(ip_read(span_str(table[i].ip), &ip));
        struct found_network n = {.asn = table[i].asn, .name = SPAN_LIT("NAME"), .abuse = span_str(table[i].abuse)};
        struct contact found = contacts_find(c, &n, &ip);
        assert_span_equal(found.to, table[i].to);
        assert_span_equal(found.firm, table[i].firm);
    }
    /* a registry beats the findings, a line of the table a registry; the narrowest of registries' networks decides */
    static const char *const answer[] = {
        "{\"objectClassName\":\"ip network\",\"startAddress\":\"10.2.0.0\",\"endAddress\":\"10.2.255.255\",\"name\":\"WIDE\",\"entities\":["
        "{\"objectClassName\":\"entity\",\"roles\":[\"abuse\"],\"vcardArray\":[\"vcard\",[[\"email\",{},\"text\",\"rdap@wide.example\"]]]}]}",
        "{\"objectClassName\":\"ip network\",\"startAddress\":\"10.2.3.0\",\"endAddress\":\"10.2.3.255\",\"name\":\"NARROW\",\"entities\":["
        "{\"objectClassName\":\"entity\",\"roles\":[\"abuse\"],\"vcardArray\":[\"vcard\",[[\"email\",{},\"text\",\"rdap@narrow.example\"]]]}]}"};
    assert_true(contacts_add_rdap(c, span_str(answer[1])));
    assert_true(contacts_add_rdap(c, span_str(answer[0])));
    assert_false(contacts_add_rdap(c, SPAN_LIT("{}")));
    static const struct { const char *ip; uint32_t asn; const char *to, *firm; } told[] = {
        {"10.2.3.3", 64501, "rdap@narrow.example", "NARROW"}, {"10.2.4.3", 64501, "rdap@wide.example", "WIDE"},
        {"10.2.3.3", 64500, "as@a.example", "All of it"}, {"10.3.0.1", 64501, "own@b.example", "NAME"}};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct ip ip;
        assert_true(ip_read(span_str(told[i].ip), &ip));
        struct found_network n = {.asn = told[i].asn, .name = SPAN_LIT("NAME"), .abuse = SPAN_LIT("own@b.example")};
        struct contact found = contacts_find(c, &n, &ip);
        assert_span_equal(found.to, told[i].to);
        assert_span_equal(found.firm, told[i].firm);
    }
    static const struct { const char *to; uint32_t asn; enum notice_form form; bool is_single; } form[] = {
        {"narrow@a.example", 64500, NOTICE_ALL, false}, {"x@a.example", 64500, NOTICE_ARF, true}, {"x@b.example", 64500, NOTICE_XARF, true},
        {"x@b.example", 1, NOTICE_TEXT, false}};
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        enum notice_form f;
        bool is_single;
        contacts_form(c, span_str(form[i].to), form[i].asn, &f, &is_single);
        assert_int_equal(f, form[i].form);
        assert_int_equal(is_single, form[i].is_single);
    }
    contacts_free(&c);
    static const char *const wrong[] = {"host abuse@a.example", "AS abuse@a.example", "AS99999999999 abuse@a.example", "10.0.0.0/33 a@b.example",
                                        "AS1", "AS1 a@b.example,c@d.example"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FILE *f = fopen(contacts, "w");
        fputs(wrong[i], f);
        fclose(f);
        assert_int_equal(contacts_open(contacts, NULL, &c, &why), POSSE_ESYNTAX);
        assert_null(c);
        assert_int_equal(contacts_open(NULL, contacts, &c, &why), POSSE_ESYNTAX);
        assert_null(c);
    }
    remove(contacts);
    remove(receivers);
}

/* One address's report, read back by our own reader, whatever the message has in it. */
static void test_report(void **state)
{
    (void)state;
    static const char *const original[] = {
        "Subject: a\n\nb\n", "Subject: a\r\n\r\nb\r\n", "Subject: a\n\n--=_posse_00000000000000000000000000000000--\n\nFrom x\n.\n", "Subject: \xe9\n\n\xff\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x", "no header at all", "\n\n\n", "Subject: a"};
    for (size_t i = 0; i < sizeof original / sizeof *original; i++) {
        struct found_network net = {.asn = 64500};
        struct incident e = {.kind = NOTICE_SENDER, .address = SPAN_LIT("192.0.2.1"), .what = SPAN_LIT("sent\r\nBcc: x"), .network = &net,
                             .last_ms = 1300286700000, .at_ms = 1300286700000, .probability = 1, .message = exact_str(original[i])};
        struct notice n = {.id = "n-0123456789", .to = SPAN_LIT("abuse@host.example"), .form = NOTICE_ARF, .is_single = true, .incident = &e, .n = 1,
                           .of_kind = {[NOTICE_SENDER] = 1}, .firm = SPAN_LIT("x\nBcc: y@z.example")};
        struct notice_case c = {.id = SPAN_LIT("t1"), .org = SPAN_LIT("A \"desk\"\nBcc: y@z.example"), .contact = SPAN_LIT("desk@a.example"),
                                .now = {1300286700000, -210}};
        struct buf b;
        buf_init(&b, 1 << 20);
        assert_true(notice_is_arf(&n, &e));
        assert_int_equal(notice_mail(&c, &n, &e, &b), 0);
        struct mail_parser *p = mail_parser_new(NULL);
        struct arena *a = arena_new(16 << 20);
        struct message *m;
        struct arf arf;
        assert_int_equal(message_parse(p, a, buf_span(&b), &m), 0);
        arf_read(a, m, &arf);
        assert_int_equal(arf.klass, ARF_SPAM);
        assert_span_equal(arf.type, "abuse");
        assert_null(message_field(m, FIELD_BCC));
        assert_true(span_find(buf_span(&b), SPAN_LIT("\nDate: Wed, 16 Mar 2011 11:15:00 -0330\n")) > 0);
        assert_int_equal(m->part[0].is_multipart, true);
        arena_free(&a);
        mail_parser_free(&p);
        buf_deinit(&b);
        exact_free(e.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_addresses), cmocka_unit_test(test_contacts), cmocka_unit_test(test_report)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
