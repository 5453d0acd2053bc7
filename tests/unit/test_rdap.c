/* rdap: answers as the five registries lay them out, contacts in their order, hostile texts, ranges; the bootstrap registry. */
#include "unit.h"

#include <stdio.h>

#include "base/error.h"
#include "net/rdap.h"

static struct ip of(const char *text)
{
    struct ip a = {{0}};
    assert_true(ip_read(span_str(text), &a));
    return a;
}

static int read(const char *json, struct rdap_network *out)
{
    struct report why = {0};
    struct span s = exact_str(json);
    int rc = rdap_read(s, out, &why);
    exact_free(s);
    assert_int_equal(rc, why.code);
    return rc;
}

#define CARD(...) "\"vcardArray\":[\"vcard\",[[\"version\",{},\"text\",\"4.0\"]," __VA_ARGS__ "]]"
#define NET(...) "{\"objectClassName\":\"ip network\",\"startAddress\":\"192.0.2.0\",\"endAddress\":\"192.0.2.255\"," __VA_ARGS__ "}"

static const char beside[] = NET(
    "\"handle\":\"192.0.2.0 - 192.0.2.255\",\"name\":\"EXAMPLE-NET\",\"country\":\"de\",\"type\":\"ASSIGNED PA\",\"entities\":["
    "{\"handle\":\"ADM1\",\"roles\":[\"administrative\",\"technical\"]," CARD("[\"fn\",{},\"text\",\"Ann Admin\"],[\"email\",{},\"text\",\"tech@host.example\"]") "},"
    "{\"handle\":\"ORG1\",\"roles\":[\"registrant\"]," CARD("[\"fn\",{},\"text\",\"Example Hosting\"],[\"org\",{},\"text\",[\"Example Hosting GmbH\",\"Berlin\"]],"
    "[\"adr\",{\"cc\":\"AT\"},\"text\",[\"\",\"\",\"\",\"\",\"\",\"\",\"\"]]") "},"
    "{\"handle\":\"ABU1\",\"roles\":[\"abuse\"]," CARD("[\"fn\",{},\"text\",\"Abuse desk\"],[\"email\",{},\"text\",\"abuse@host.example\"],"
    "[\"tel\",{\"type\":\"voice\"},\"uri\",\"tel:+49-30-000\"]") "}]");

static void beside_the_network(void **state)
{
    struct rdap_network n;
    char range[IP_RANGE_TEXT];
    assert_int_equal(read(beside, &n), POSSE_OK);
    assert_string_equal(n.name, "EXAMPLE-NET");
    assert_string_equal(n.country, "DE"); /* the network's own, not its holder's */
    assert_string_equal(n.holder, "Example Hosting GmbH");
    assert_string_equal(n.type, "ASSIGNED PA");
    assert_int_equal(n.n_contacts, 2);
    const struct rdap_contact *c = rdap_abuse(&n);
    assert_non_null(c);
    assert_string_equal(c->email, "abuse@host.example");
    assert_string_equal(c->name, "Abuse desk");
    assert_string_equal(c->handle, "ABU1");
    assert_string_equal(c->phone, "+49-30-000");
    assert_string_equal(n.contact[1].role, "technical");
    assert_false(n.contact[1].is_abuse);
    rdap_range_text(&n, range);
    assert_string_equal(range, "192.0.2.0/24");
    struct ip in = of("192.0.2.77"), out = of("192.0.3.0"), six = of("2001:db8::1");
    assert_true(rdap_covers(&n, &in));
    assert_false(rdap_covers(&n, &out));
    assert_false(rdap_covers(&n, &six));
    (void)state;
}

/* Below the registrant, and two levels down; the nearer comes first. No country but the holder's. */
static void nested(void **state)
{
    struct rdap_network n;
    assert_int_equal(read(NET("\"entities\":[{\"roles\":[\"registrant\"]," CARD("[\"fn\",{},\"text\",\"Deep Hosting\"],[\"adr\",{},\"text\",[\"\",\"\",\"\",\"\",\"\",\"\",\"fr\"]]")
        ",\"entities\":[{\"roles\":[\"technical\"],\"entities\":[{\"roles\":[\"abuse\"]," CARD("[\"email\",{},\"text\",\"far@host.example\"]") "}]},"
        "{\"roles\":[\"Abuse\"]," CARD("[\"email\",{\"pref\":\"1\"},\"text\",\"near@host.example\"]") "}]}]"), &n), POSSE_OK);
    assert_string_equal(n.holder, "Deep Hosting");
    assert_string_equal(n.country, "FR");
    assert_int_equal(n.n_contacts, 2);
    assert_string_equal(n.contact[0].email, "near@host.example");
    assert_string_equal(n.contact[1].email, "far@host.example");
    assert_true(n.contact[1].is_abuse);
    (void)state;
}

static void of_another_role(void **state)
{
    struct rdap_network n;
    assert_int_equal(read(NET("\"entities\":[{\"roles\":[\"registrant\"]," CARD("[\"fn\",{},\"text\",\"A\"],[\"email\",{},\"text\",\"office@a.example\"],"
        "[\"email\",{\"type\":[\"work\",\"abuse\"]},\"text\",\"mailto:complaints@a.example\"]") "}]"), &n), POSSE_OK);
    assert_int_equal(n.n_contacts, 2);
    assert_string_equal(rdap_abuse(&n)->email, "complaints@a.example");
    assert_string_equal(n.contact[1].role, "registrant");

    assert_int_equal(read(NET("\"entities\":[{\"roles\":[\"technical\"]," CARD("[\"email\",{},\"text\",\"noc@b.example\"]") "}]"), &n), POSSE_OK);
    assert_null(rdap_abuse(&n));
    assert_int_equal(n.n_contacts, 1);
    assert_int_equal(read(NET("\"name\":\"EMPTY\""), &n), POSSE_OK);
    assert_int_equal(n.n_contacts, 0);
    (void)state;
}

/* One address in three roles and three spellings stands once, where it ranks best. */
static void once(void **state)
{
    struct rdap_network n;
    assert_int_equal(read(NET("\"entities\":[{\"roles\":[\"technical\"]," CARD("[\"email\",{},\"text\",\"One@a.example\"],[\"email\",{},\"text\",\"two@a.example\"]")
        "},{\"roles\":[\"abuse\"]," CARD("[\"email\",{},\"text\",\"one@A.example, three@a.example\"]") "},{\"roles\":\"noc\","
        CARD("[\"email\",{},\"text\",\"ONE@a.example\"]") "}]"), &n), POSSE_OK);
    assert_int_equal(n.n_contacts, 3);
    assert_string_equal(n.contact[0].email, "one@A.example");
    assert_string_equal(n.contact[1].email, "three@a.example");
    assert_string_equal(n.contact[2].email, "two@a.example");
    (void)state;
}

/* More contacts than there is room: those for abuse stay. */
static void many(void **state)
{
    char json[16384];
    struct rdap_network n;
    size_t at = (size_t)sprintf(json, "{\"objectClassName\":\"ip network\",\"entities\":[");
    for (int i = 0; i < 40; i++)
        at += (size_t)sprintf(json + at, "{\"roles\":[\"%s\"],\"vcardArray\":[\"vcard\",[[\"email\",{},\"text\",\"c%d@a.example\"]]]},", i % 10 == 9 ? "abuse" : "technical", i);
    strcpy(json + at - 1, "]}");
    assert_int_equal(read(json, &n), POSSE_OK);
    assert_int_equal(n.n_contacts, RDAP_CONTACTS);
    static const char *const want[] = {"c9@a.example", "c19@a.example", "c29@a.example", "c39@a.example", "c0@a.example"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_string_equal(n.contact[i].email, want[i]);
    assert_false(n.has_range);
    (void)state;
}

static void hostile(void **state)
{
    static const char *const no_email[] = {
        "", "@", "a@", "@b.example", "a@b", "-oX@b.example", "a@b.example\\r\\nBcc: c@d.example", "a\\u0000@b.example", "\\\"a b\\\"@b.example",
        "<a@b.example>", "a@[192.0.2.1]", "a@b@c.example", "a@.example", "a@b.example.", "`id`@b.example", "$(id)@b.example", "a%c@b.example",
        "\\u00e4@b.example", "a@b.ex\\u202eample",
    };
    char json[1024];
    struct rdap_network n;
    for (size_t i = 0; i < sizeof no_email / sizeof *no_email; i++) {
        snprintf(json, sizeof json, NET("\"entities\":[{\"roles\":[\"abuse\"]," CARD("[\"email\",{},\"text\",\"%s\"]") "}]"), no_email[i]);
        assert_int_equal(read(json, &n), POSSE_OK);
        if (n.n_contacts)
            fail_msg("\"%s\" is %s", no_email[i], n.contact[0].email);
        assert_true(i == 0 || n.n_odd);
    }
    assert_int_equal(read(NET("\"name\":\"A\\r\\nB\\u0000\\u001b[31m\\u202eC\",\"handle\":7,\"country\":\"D\\u0000\",\"entities\":{\"roles\":[\"abuse\"]}"), &n), POSSE_OK);
    assert_string_equal(n.name, "A B [31m C");
    assert_string_equal(n.country, "");
    static const char *const odd[] = {
        NET("\"entities\":[1,null,[],{},{\"roles\":7},{\"roles\":[[\"abuse\"]],\"vcardArray\":7},{\"vcardArray\":[\"vcard\"]}]"),
        NET("\"entities\":[{\"roles\":[\"abuse\"],\"vcardArray\":[\"vcard\",[[],[1,2,3,4],[\"email\"],[\"email\",[],7,7],[\"email\",{},\"text\",[\"x@a.example\"]]]]}]"),
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_int_equal(read(odd[i], &n), POSSE_OK);
        assert_int_equal(n.n_contacts, 0);
    }
    static const struct { const char *json; int rc; } bad[] = {
        {"", POSSE_ECORRUPT}, {"[]", POSSE_ECORRUPT}, {"{}", POSSE_ECORRUPT}, {"{\"objectClassName\":\"domain\"}", POSSE_ECORRUPT}, {"<html>", POSSE_ECORRUPT},
        {"{\"errorCode\":404,\"title\":\"Not\\u0007 Found\"}", POSSE_ENOENT}, {"{\"errorCode\":\"404\"}", POSSE_ECORRUPT}, {"{\"errorCode\":429}", POSSE_ECORRUPT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read(bad[i].json, &n), bad[i].rc);
    (void)state;
}

/* Deep below each other: read to its limit, and no further. */
static void deep(void **state)
{
    char json[16384];
    struct rdap_network n;
    size_t at = (size_t)sprintf(json, "{\"objectClassName\":\"ip network\"");
    for (int i = 0; i < 20; i++)
        at += (size_t)sprintf(json + at, ",\"entities\":[{\"roles\":[\"noc\"],\"vcardArray\":[\"vcard\",[[\"email\",{},\"text\",\"l%d@a.example\"]]]", i);
    for (int i = 0; i < 20; i++)
        at += (size_t)sprintf(json + at, "}]");
    strcpy(json + at, "}");
    assert_int_equal(read(json, &n), POSSE_OK);
    assert_int_equal(n.n_contacts, RDAP_DEPTH);
    assert_string_equal(n.contact[7].email, "l7@a.example");
    char *nest = malloc(RDAP_ANSWER_MAX + 2);
    memset(nest, '[', RDAP_ANSWER_MAX + 1);
    nest[RDAP_ANSWER_MAX + 1] = '\0';
    assert_int_equal(read(nest, &n), POSSE_ETOOBIG);
    nest[RDAP_ANSWER_MAX] = '\0';
    assert_int_equal(read(nest, &n), POSSE_ECORRUPT);
    free(nest);
    (void)state;
}

static void ranges(void **state)
{
#define RANGE(a, b) "{\"objectClassName\":\"ip network\",\"startAddress\":\"" a "\",\"endAddress\":\"" b "\"}"
    static const struct { const char *json, *text; } cases[] = {
        {RANGE("192.0.2.0", "192.0.2.255"), "192.0.2.0/24"}, {RANGE("192.0.2.7", "192.0.2.7"), "192.0.2.7/32"},
        {RANGE("192.0.2.0", "192.0.2.9"), "192.0.2.0 - 192.0.2.9"}, {RANGE("192.0.2.1", "192.0.2.2"), "192.0.2.1 - 192.0.2.2"},
        {RANGE("0.0.0.0", "255.255.255.255"), "0.0.0.0/0"}, {RANGE("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), "2001:db8::/32"},
        {RANGE("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "::/0"}, {RANGE("192.0.2.0/24", "192.0.2.255/24"), "192.0.2.0/24"},
        {RANGE("192.0.2.9", "192.0.2.0"), ""}, {RANGE("192.0.2.0", "2001:db8::"), ""}, {RANGE("x", "y"), ""},
        {"{\"objectClassName\":\"ip network\",\"cidr0_cidrs\":[{\"v4prefix\":\"198.51.100.0\",\"length\":25}]}", "198.51.100.0/25"},
        {"{\"objectClassName\":\"ip network\",\"cidr0_cidrs\":[{\"v6prefix\":\"2001:db8::\",\"length\":48}]}", "2001:db8::/48"},
        {"{\"objectClassName\":\"ip network\",\"cidr0_cidrs\":[{\"v4prefix\":\"198.51.100.0\",\"length\":33}]}", ""},
        {"{\"objectClassName\":\"ip network\",\"cidr0_cidrs\":[{\"v6prefix\":\"2001:db8::\",\"length\":-1}]}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rdap_network n;
        char text[IP_RANGE_TEXT];
        assert_int_equal(read(cases[i].json, &n), POSSE_OK);
        rdap_range_text(&n, text);
        assert_string_equal(text, cases[i].text);
    }
    (void)state;
}

static void bootstrap(void **state)
{
    struct rdap_bootstrap *b = NULL;
    struct report why = {0};
    struct span v4 = exact_str("{\"version\":\"1.0\",\"services\":["
        "[[\"192.0.0.0/8\",\"203.0.0.0/8\"],[\"http://wide.example/\",\"https://wide.example/registry\"]],"
        "[[\"203.1.0.0/16\",\"203.1.0.0/17\"],[\"http://narrow.example/rdap/\"]],"
        "[[\"203.1.128.0/17\"],[\"ftp://no.example/\",\"https://a b.example/\",\"https://u@no.example/\"]],"
        "[[\"198.51.100.0/24\"],[\"https://doc.example/\"]],"
        "[[\"x\",\"10.0.0.0\",\"10.0.0.0/\",\"10.0.0.0/33\",\"10.0.0.0/0008\",7],[\"https://odd.example/\"]],[],7,[[],[]]]}");
    struct span v6 = exact_str("{\"services\":[[[\"2a00::/12\"],[\"https://six.example/\"]]]}");
    assert_int_equal(rdap_bootstrap_add(&b, v4, &why), POSSE_OK);
    assert_int_equal(rdap_bootstrap_add(&b, v6, &why), POSSE_OK);
    exact_free(v4);
    exact_free(v6);
    static const struct { const char *ip, *url; } want[] = {
        {"203.9.9.9", "https://wide.example/registry/"}, {"203.1.1.1", "http://narrow.example/rdap/"}, {"203.1.129.1", "http://narrow.example/rdap/"},
        {"192.168.1.1", NULL}, {"192.0.2.1", NULL}, {"198.51.100.9", "https://doc.example/"}, {"10.0.0.1", NULL}, {"8.8.8.8", NULL},
        {"2a01::1", "https://six.example/"}, {"2b01::1", NULL}, {"::ffff:203.9.9.9", "https://wide.example/registry/"},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct ip a = of(want[i].ip);
        const char *url = rdap_bootstrap_find(b, &a);
        if (!url != !want[i].url || (url && strcmp(url, want[i].url)))
            fail_msg("%s: %s", want[i].ip, url ? url : "nobody");
    }
    static const char *const bad[] = {"", "[]", "{}", "{\"services\":7}", "{\"services\":[", "no"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct span s = exact_str(bad[i]);
        assert_int_equal(rdap_bootstrap_add(&b, s, &why), POSSE_ECORRUPT);
        exact_free(s);
    }
    rdap_bootstrap_free(&b);
    rdap_bootstrap_free(&b);
    struct ip a = of("203.9.9.9");
    assert_null(rdap_bootstrap_find(NULL, &a));
    (void)state;
}

/* Answers as registries gave them, where the corpora are. */
static void recorded(void **state)
{
    static const struct { const char *path; int rc; } files[] = {
        {"icann/validator/src/test/resources/validators/ipNetwork/valid.json", POSSE_OK},
        {"icann/validator/src/test/resources/validators/domain/valid.json", POSSE_ECORRUPT},
        {"icann/validator/src/test/resources/validators/autnum/valid.json", POSSE_ECORRUPT},
        {"test/testdata/misc/malformed.json", POSSE_ECORRUPT},
    };
    const char *corpora = getenv("POSSE_CORPORA");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[4096];
        static char bytes[1 << 17];
        struct rdap_network n;
        struct report why = {0};
        snprintf(path, sizeof path, "%s/schemas/rdap/%s", corpora ? corpora : "", files[i].path);
        FILE *f = corpora ? fopen(path, "rb") : NULL;
        if (!f)
            skip();
        struct span s = exact(bytes, fread(bytes, 1, sizeof bytes, f));
        fclose(f);
        assert_int_equal(rdap_read(s, &n, &why), files[i].rc);
        exact_free(s);
        if (files[i].rc == POSSE_OK) {
            assert_true(n.has_range && n.name[0] && n.country[0]);
            assert_non_null(rdap_abuse(&n));
        }
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beside_the_network), cmocka_unit_test(nested), cmocka_unit_test(of_another_role), cmocka_unit_test(once),
        cmocka_unit_test(many), cmocka_unit_test(hostile), cmocka_unit_test(deep), cmocka_unit_test(ranges), cmocka_unit_test(bootstrap),
        cmocka_unit_test(recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
