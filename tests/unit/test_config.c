/* Configuration: types, bounds, errors with their line, and dumps that read back. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/nearest.h"

static const struct config_key table[] = {
    {"home", CONFIG_STRING, "", "/var/lib/posse", 0, 0, "The folder of all state."},
    {"filter.ham_loss", CONFIG_FLOAT, "share", "0.001", 0, 0.5, "Lose at most this share of ham."},
    {"filter.list_bits", CONFIG_INT, "bits", "30", 1, 100, "What a list is worth."},
    {"filter.rules", CONFIG_LIST, "", "", 0, 0, "Rule files."},
    {"serve.quiet", CONFIG_BOOL, "", "no", 0, 0, "Say nothing."},
    {"serve.max_bytes", CONFIG_BYTES, "bytes", "64M", 1024, 1099511627776.0, "Longest message."},
    {"serve.timeout", CONFIG_TIME, "s", "5m", 1, 86400, "Patience."},
    {"serve.offset", CONFIG_FLOAT, "", "-0.1", -10, 10, "May be negative."},
    {"policy[].tag", CONFIG_FLOAT, "", "0.01", 0, 1, "Cost of a tag."},
    {"policy[].subject", CONFIG_STRING, "", "[spam] ", 0, 0, "Before the subject."},
    {"policy[].hosts", CONFIG_LIST, "", "a, b", 0, 0, "Hosts."},
    {"policy[].keep", CONFIG_BOOL, "", "yes", 0, 0, "Keep it."},
    {"policy[].age", CONFIG_TIME, "s", "5m", 1, 86400, "How long."},
    {NULL, CONFIG_BOOL, NULL, NULL, 0, 0, NULL},
};

static char path[] = "/tmp/posse-config-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct config *fresh(void)
{
    struct config *c;
    struct report why = {0};
    if (config_new(table, &c, &why))
        fail_msg("%s", why.text);
    return c;
}

static void defaults_are_those_of_the_table(void **state)
{
    (void)state;
    struct config *c = fresh();
    const char *const *list;
    assert_string_equal(config_string(c, "home"), "/var/lib/posse");
    assert_true(config_float(c, "filter.ham_loss") == 0.001);
    assert_true(config_float(c, "serve.offset") == -0.1);
    assert_int_equal(config_int(c, "filter.list_bits"), 30);
    assert_int_equal(config_int(c, "serve.max_bytes"), 64 << 20);
    assert_int_equal(config_int(c, "serve.timeout"), 300);
    assert_false(config_bool(c, "serve.quiet"));
    assert_int_equal(config_list(c, "filter.rules", &list), 0);
    config_free(&c);
    assert_null(c);
}

static void a_file_sets_what_it_names(void **state)
{
    (void)state;
    struct config *c = fresh();
    struct report why = {0};
    const char *const *list;
    write_file("# a comment, don't mind the quote\n"
               "home = '/srv/my posse'\n"
               "filter {\n  ham_loss = 0.01 // more\n  rules = {a.rules, \"b \\\"x\\\".rules\"}\n}\n"
               "/* and \" this */\nserve { quiet = yes\n max_bytes = 2g timeout = 2h }\n");
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    assert_string_equal(config_string(c, "home"), "/srv/my posse");
    assert_true(config_float(c, "filter.ham_loss") == 0.01);
    assert_int_equal(config_int(c, "filter.list_bits"), 30);
    assert_int_equal(config_list(c, "filter.rules", &list), 2);
    assert_string_equal(list[0], "a.rules");
    assert_string_equal(list[1], "b \"x\".rules");
    assert_true(config_bool(c, "serve.quiet"));
    assert_int_equal(config_int(c, "serve.max_bytes"), INT64_C(2) << 30);
    assert_int_equal(config_int(c, "serve.timeout"), 7200);
    write_file("filter { rules = {} }");
    assert_int_equal(config_load(c, path, &why), POSSE_OK);
    assert_int_equal(config_list(c, "filter.rules", &list), 0);
    assert_true(config_float(c, "filter.ham_loss") == 0.01); /* an earlier file's stays */
    write_file("");
    assert_int_equal(config_load(c, path, &why), POSSE_OK);
    config_free(&c);
}

static void errors_name_line_and_bounds(void **state)
{
    (void)state;
    static const struct { const char *text, *report; } cases[] = {
        {"\nfilter {\n ham_los = 1\n}", ":3: unknown key \"filter.ham_los\"; did you mean \"filter.ham_loss\"?"},
        {"filter.ham_loss = 1", ":1: \"filter.ham_loss\" is key \"ham_loss\" of a section; write filter { ham_loss = ... }"},
        {"frobnicate = 1", ":1: unknown key \"frobnicate\"; `posse config --dump` lists all"},
        {"filter {\n ham_loss = 0.7\n}", ":2: filter.ham_loss must be 0 to 0.5 share, not 0.7"},
        {"filter {\n list_bits = 2.5\n}", ":2: filter.list_bits must be a whole number, not \"2.5\""},
        {"serve { max_bytes = 12 }", ":1: serve.max_bytes must be 1K to 1T, not 12"},
        {"serve { max_bytes = 12Q }", ":1: serve.max_bytes must be a size such as 64K, 8M or 1G, not \"12Q\""},
        {"serve { timeout = soon }", ":1: serve.timeout must be a time such as 30s, 5m, 2h or 7d, not \"soon\""},
        {"serve { quiet = perhaps }", ":1: serve.quiet must be yes or no, not \"perhaps\""},
        {"filter { rules = {a, \"\xff\"} }", ":1: filter.rules must be a text, not \"\xff\""},
        {"policy \"x.org\" {\n tag = 2\n}", ":2: policy[x.org].tag must be 0 to 1, not 2"},
        {"policy x.org {\n tga = 2\n}", ":2: unknown key \"policy[x.org].tga\"; did you mean \"policy[x.org].tag\"?"},
        {"policy x.org {}\npolicy y {}\npolicy x.org {\n}", ":3: two sections are titled \"x.org\"; put what they say into one"},
        {"\npolicy \"\" { }", ":2: the title of section policy must be a text of 1 to 255 bytes"},
        {"\npolicy {\n tag = 1\n}", ":2: missing title for section 'policy'"},
        {"\n\nhome = \"never closed\n", ":3: a string that is not closed"},
        {"\n/* never closed\n", ":2: a comment that is not closed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *c = fresh();
        struct report why = {0};
        char want[300];
        write_file(cases[i].text);
        snprintf(want, sizeof want, "%s%s", path, cases[i].report);
        if (config_load(c, path, &why) != POSSE_ESYNTAX)
            fail_msg("accepted: %s", cases[i].text);
        assert_string_equal(why.text, want);
        assert_true(config_float(c, "filter.ham_loss") == 0.001); /* nothing of a bad file counts */
        config_free(&c);
    }
    static const char *const odd[] = {"filter {", "filter", "filter = 3", "}", "home", "home =", "home = {", "\" \" = 5",
                                      "filter|ham_loss = 1", "filter { filter { } }", "filter += 2", "= = ="};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct config *c = fresh();
        struct report why = {0};
        write_file(odd[i]);
        if (config_load(c, path, &why) != POSSE_ESYNTAX)
            fail_msg("accepted: %s", odd[i]);
        assert_int_equal(strncmp(why.text, path, strlen(path)), 0);
        config_free(&c);
    }
}

static void files_that_are_none(void **state)
{
    (void)state;
    struct config *c = fresh();
    struct report why = {0};
    assert_int_equal(config_load(c, "/tmp", &why), POSSE_ENOTFILE);
    assert_int_equal(config_load(c, "/nowhere/posse.conf", &why), POSSE_ENOENT);
    FILE *f = fopen(path, "w");
    fwrite("home\0= x", 1, 8, f);
    fclose(f);
    assert_int_equal(config_load(c, path, &why), POSSE_ESYNTAX);
    f = fopen(path, "w");
    for (int i = 0; i < (1 << 20) / 8 + 8; i++)
        fputs("########", f);
    fclose(f);
    assert_int_equal(config_load(c, path, &why), POSSE_ETOOBIG);
    config_free(&c);
}

static void the_command_line_sets_keys(void **state)
{
    (void)state;
    struct config *c = fresh();
    struct report why = {0};
    const char *const *list;
    assert_int_equal(config_set(c, "filter.rules", "a.rules, b.rules ,", &why), POSSE_OK);
    assert_int_equal(config_list(c, "filter.rules", &list), 2);
    assert_string_equal(list[1], "b.rules");
    assert_int_equal(config_set(c, "serve.timeout", "1d", &why), POSSE_OK);
    assert_int_equal(config_int(c, "serve.timeout"), 86400);
    assert_int_equal(config_set(c, "serve.timeout", "2d", &why), POSSE_ESYNTAX);
    assert_string_equal(why.text, "serve.timeout must be 1s to 1d, not 2d");
    assert_int_equal(config_set(c, "serve.timeot", "2d", &why), POSSE_ESYNTAX);
    assert_string_equal(why.text, "unknown key \"serve.timeot\"; did you mean \"serve.timeout\"?");
    config_free(&c);
}

static void sections_with_titles(void **state)
{
    (void)state;
    struct config *c = fresh();
    struct report why = {0};
    const char *const *title, *const *host;
    assert_int_equal(config_titles(c, "policy", &title), 0);
    assert_true(config_float_of(c, "policy[].tag", "nobody") == 0.01);
    write_file("policy \"Org.example\" { tag = 0.5 hosts = {} }\nhome = /x\npolicy default { subject = '' keep = no }\n"
               "policy 'a]. \"b' { subject = \"c\" }\npolicy empty { }\npolicy aaa { tag = 0 age = 2m }\n");
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    static const char *const want[] = {"Org.example", "default", "a]. \"b", "empty", "aaa"};
    assert_int_equal(config_titles(c, "policy", &title), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(title[i], want[i]);
    assert_true(config_float_of(c, "policy[].tag", "Org.example") == 0.5);
    assert_true(config_float_of(c, "policy[].tag", "org.example") == 0.01); /* titles are what they are */
    assert_true(config_float_of(c, "policy[].tag", "aaa") == 0);
    assert_true(config_float_of(c, "policy[].tag", "default") == 0.01);
    assert_string_equal(config_string_of(c, "policy[].subject", "a]. \"b"), "c");
    assert_string_equal(config_string_of(c, "policy[].subject", "empty"), "");
    assert_false(config_bool_of(c, "policy[].keep", "aaa"));
    assert_int_equal(config_int_of(c, "policy[].age", "aaa"), 120);
    assert_int_equal(config_int_of(c, "policy[].age", "empty"), 300);
    assert_int_equal(config_list_of(c, "policy[].hosts", "Org.example", &host), 0);
    assert_int_equal(config_list_of(c, "policy[].hosts", "empty", &host), 2);
    assert_true(config_title_has(c, "policy[].tag", "aaa"));
    assert_false(config_title_has(c, "policy[].subject", "aaa"));
    assert_false(config_title_has(c, "policy[].tag", "nobody"));

    /* a second file adds and replaces; so does the command line */
    write_file("policy aaa { tag = 0.25 }\npolicy new { }\n");
    assert_int_equal(config_load(c, path, &why), POSSE_OK);
    assert_int_equal(config_set(c, "policy[a]. \"b].hosts", "h, i, j", &why), POSSE_OK);
    assert_int_equal(config_set(c, "policy[late].tag", "0.125", &why), POSSE_OK);
    assert_int_equal(config_set(c, "policy[].tag", "0.75", &why), POSSE_OK);
    assert_int_equal(config_titles(c, "policy", &title), 7);
    assert_string_equal(title[6], "late");
    assert_true(config_float_of(c, "policy[].tag", "aaa") == 0.25);
    assert_int_equal(config_int_of(c, "policy[].age", "aaa"), 120);
    assert_int_equal(config_list_of(c, "policy[].hosts", "a]. \"b", &host), 3);
    assert_true(config_float_of(c, "policy[].tag", "late") == 0.125);
    assert_true(config_float_of(c, "policy[].tag", "new") == 0.75);
    assert_int_equal(config_set(c, "policy[x].tag", "2", &why), POSSE_ESYNTAX);
    assert_string_equal(why.text, "policy[x].tag must be 0 to 1, not 2");
    assert_int_equal(config_set(c, "policy[x.y].kep", "2", &why), POSSE_ESYNTAX);
    assert_string_equal(why.text, "unknown key \"policy[x.y].kep\"; did you mean \"policy[x.y].keep\"?");
    config_free(&c);
}

/* As many as a provider has domains: found without walking through all of them. */
static void ten_thousand_titles(void **state)
{
    (void)state;
    struct config *c = fresh();
    struct report why = {0};
    const char *const *title;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 10000; i++)
        fprintf(f, "policy d%d.example { tag = 0.%04d }\n", i * 7919 % 10000, i + 1);
    fclose(f);
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    assert_int_equal(config_titles(c, "policy", &title), 10000);
    for (int i = 0; i < 10000; i++) {
        char name[40];
        snprintf(name, sizeof name, "d%d.example", i * 7919 % 10000);
        assert_string_equal(title[i], name);
        assert_true(config_title_has(c, "policy[].tag", name));
        assert_int_equal((int)(config_float_of(c, "policy[].tag", name) * 10000 + 0.5), i + 1 == 10000 ? 1000 : i + 1); /* "0.10000" */
    }
    config_free(&c);
}

static char *dump(const struct config *c)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    config_dump(c, f);
    fclose(f);
    return text;
}

static void a_dump_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int round = 0; round < 100; round++) {
        struct config *c = fresh(), *again = fresh();
        struct report why = {0};
        char text[24] = "", number[32];
        for (int i = 0; i < 20; i++) /* any ASCII: quotes, backslashes, braces, dollars, line ends */
            text[i] = (char)(1 + mix64(seed += 0x9e3779b97f4a7c15ull) % 127);
        assert_int_equal(config_set(c, "home", round ? text : "${HOME} \"\\n' /* # ${X:-y}", &why), POSSE_OK);
        assert_int_equal(config_set(c, "filter.rules", text, &why), POSSE_OK);
        if (text[0] && !strstr(text, "].")) {
            char name[64];
            snprintf(name, sizeof name, "policy[%s].subject", text);
            assert_int_equal(config_set(c, name, text, &why), POSSE_OK);
        }
        snprintf(number, sizeof number, "%.12f", (double)(mix64(seed) >> 40) / (double)(1 << 26));
        assert_int_equal(config_set(c, "filter.ham_loss", number, &why), POSSE_OK);
        char *first = dump(c);
        write_file(first);
        if (config_load(again, path, &why))
            fail_msg("%s\n%s", why.text, first);
        char *second = dump(again);
        assert_string_equal(first, second);
        assert_string_equal(config_string(c, "home"), config_string(again, "home"));
        assert_true(config_float(c, "filter.ham_loss") == config_float(again, "filter.ham_loss"));
        free(first);
        free(second);
        config_free(&c);
        config_free(&again);
    }
}

static void the_manual_names_every_key(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    config_mdoc(table, f);
    fclose(f);
    for (const struct config_key *k = table; k->name; k++)
        if (!strstr(k->name, "[]"))
            assert_non_null(strstr(text, k->name));
    assert_non_null(strstr(text, ".It Cm policy[ Ns Ar TITLE Ns Cm ].tag\nCost of a tag."));
    assert_non_null(strstr(text, ".It Cm filter.ham_loss\nLose at most this share of ham.\nIn share.\nFrom 0 to 0.5.\n"
                                 "Default:\n.Ql 0.001 .\n"));
    free(text);
}

static void nearest_names(void **state)
{
    (void)state;
    static const char *const names[] = {"allow", "deny", "score", "include"};
    assert_string_equal(nearest(SPAN_LIT("alow"), names, 4), "allow");
    assert_string_equal(nearest(SPAN_LIT("dney"), names, 4), "deny");
    assert_string_equal(nearest(SPAN_LIT("SCORES"), names, 4), "score");
    assert_null(nearest(SPAN_LIT("zebra"), names, 4));
    assert_null(nearest(SPAN_LIT(""), names, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table), cmocka_unit_test(a_file_sets_what_it_names),
        cmocka_unit_test(errors_name_line_and_bounds),     cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(the_command_line_sets_keys),      cmocka_unit_test(a_dump_reads_back),
        cmocka_unit_test(the_manual_names_every_key),      cmocka_unit_test(nearest_names),
        cmocka_unit_test(sections_with_titles),            cmocka_unit_test(ten_thousand_titles),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
