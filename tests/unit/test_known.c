/* known: names, what is below a name, networks and ports; which list wins; lines that are none; and that what ships can be read, each line
 * with what it is and an address of a page. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "flow/known.h"

static char path[64];

static const char *put(const char *text)
{
    strcpy(path, "/tmp/test_known.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static enum known_kind find(const struct known *k, const char *name, const char *ip, uint16_t port, const char **what)
{
    struct ip a;
    struct span s = exact_str(name);
    bool has_ip = ip_read(span_str(ip), &a);
    enum known_kind kind = known_find(k, s, has_ip ? &a : NULL, port, what);
    exact_free(s);
    return kind;
}

static void patterns(void **state)
{
    static const char services[] = "# a comment\n\ntime.example\ttime service\thttps://a.example/\n*.push.example\tpush\thttps://b.example/\n"
                                   "192.0.2.0/24\tmirrors\thttps://c.example/\n2001:db8::/32:443\tbad\thttps://d.example/\n";
    static const struct { const char *name, *ip; uint16_t port; enum known_kind is; const char *what; } some[] = {
        {"time.example", "", 123, KNOWN_SERVICE, "time service"}, {"time.example.", "", 0, KNOWN_SERVICE, "time service"},
        {"a.time.example", "", 0, KNOWN_NOT, NULL}, {"example", "", 0, KNOWN_NOT, NULL}, {"", "", 0, KNOWN_NOT, NULL}, {".", "", 0, KNOWN_NOT, NULL},
        {"push.example", "", 0, KNOWN_NOT, NULL}, {"a.push.example", "", 0, KNOWN_SERVICE, "push"}, {"a.b.push.example", "", 0, KNOWN_SERVICE, "push"},
        {"apush.example", "", 0, KNOWN_NOT, NULL}, {"..push.example", "", 0, KNOWN_SERVICE, "push"},
        {"", "192.0.2.77", 0, KNOWN_SERVICE, "mirrors"}, {"", "192.0.3.1", 0, KNOWN_NOT, NULL}, {"other.example", "192.0.2.1", 80, KNOWN_SERVICE, "mirrors"},
        {"", "2001:db8::5", 443, KNOWN_NOT, NULL},
    };
    struct known *k;
    struct report why = {0};
    char mine[128], theirs[128];
    (void)state;
    struct known_options o = {.services = put(services)};
    assert_int_equal(known_open(&o, &k, &why), POSSE_ESYNTAX); /* a port behind IPv6 */
    assert_null(k);
    assert_non_null(strstr(why.text, ":6: "));
    unlink(path);
    struct span all = span_str(services);
    char cut[sizeof services];
    snprintf(cut, sizeof cut, "%.*s", (int)span_find(all, SPAN_LIT("2001:")), services);
    o.services = put(cut);
    assert_int_equal(known_open(&o, &k, &why), 0);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        const char *what = "x";
        if (find(k, some[i].name, some[i].ip, some[i].port, &what) != some[i].is)
            fail_msg("%s %s", some[i].name, some[i].ip);
        assert_true(some[i].what ? what && strcmp(what, some[i].what) == 0 : what == NULL);
    }
    known_free(&k);

    char services_at[64];
    strcpy(services_at, path);
    strcpy(mine, put("Time.Example:124\n*.bad.push.example\n10.0.0.0/8:25\n2001:db8::/32\n"));
    strcpy(theirs, put("*.very.bad.push.example\n192.0.2.7\n"));
    const char *allow[] = {mine}, *deny[] = {theirs};
    o = (struct known_options){services_at, allow, deny, 1, 1};
    assert_int_equal(known_open(&o, &k, &why), 0);
    assert_int_equal(find(k, "time.example", "", 123, NULL), KNOWN_SERVICE);
    assert_int_equal(find(k, "time.example", "", 124, NULL), KNOWN_ALLOWED);
    assert_int_equal(find(k, "a.bad.push.example", "", 1, NULL), KNOWN_ALLOWED);
    assert_int_equal(find(k, "a.very.bad.push.example", "", 1, NULL), KNOWN_DENIED);
    assert_int_equal(find(k, "time.example", "192.0.2.7", 124, NULL), KNOWN_DENIED);
    assert_int_equal(find(k, "", "10.1.2.3", 25, NULL), KNOWN_ALLOWED);
    assert_int_equal(find(k, "", "10.1.2.3", 26, NULL), KNOWN_NOT);
    assert_int_equal(find(k, "", "2001:db8:1::", 26, NULL), KNOWN_ALLOWED);
    known_free(&k);
    unlink(services_at);
    unlink(mine);
    unlink(theirs);
}

static void bad_lines(void **state)
{
    static const char *const bad[] = {"a b\n", "*\n", "*.\n", "a*.example\n", "a.example:0\n", "a.example:99999\n", "192.0.2.0/33\n", "192.0.2.0/x\n", "\xff\n"};
    struct known *k;
    struct report why;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *allow[] = {put(bad[i])};
        struct known_options o = {.allow = allow, .n_allow = 1};
        if (known_open(&o, &k, &why) != POSSE_ESYNTAX)
            fail_msg("%s was read", bad[i]);
        assert_non_null(strstr(why.text, ":1: "));
        unlink(path);
    }
    struct known_options none = {.services = "/does/not/exist"};
    assert_int_equal(known_open(&none, &k, &why), POSSE_ENOENT);
    assert_int_equal(known_find(NULL, SPAN_LIT("a.example"), NULL, 0, NULL), KNOWN_NOT);
    struct known_options empty = {0};
    assert_int_equal(known_open(&empty, &k, &why), 0);
    assert_int_equal(known_find(k, SPAN_LIT("a.example"), NULL, 0, NULL), KNOWN_NOT);
    known_free(&k);
}

static void what_ships(void **state)
{
    char at[4096], line[4096];
    struct known *k;
    struct report why = {0};
    size_t n = 0;
    (void)state;
    snprintf(at, sizeof at, "%s/models/known-services.tsv", getenv("POSSE_SOURCE_ROOT") ? getenv("POSSE_SOURCE_ROOT") : ".");
    struct known_options o = {.services = at};
    if (known_open(&o, &k, &why) < 0)
        fail_msg("%s", why.text);
    assert_int_equal(find(k, "v10.events.data.microsoft.com", "", 443, NULL), KNOWN_SERVICE);
    assert_int_equal(find(k, "2.debian.pool.ntp.org", "", 123, NULL), KNOWN_SERVICE);
    assert_int_equal(find(k, "www.example", "192.0.2.1", 443, NULL), KNOWN_NOT);
    known_free(&k);
    FILE *f = fopen(at, "r");
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#')
            continue;
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        tab = strchr(tab + 1, '\t');
        assert_non_null(tab);
        assert_int_equal(strncmp(tab + 1, "https://", 8), 0);
        n++;
    }
    fclose(f);
    assert_true(n > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns), cmocka_unit_test(bad_lines), cmocka_unit_test(what_ships)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
