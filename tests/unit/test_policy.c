/* Policies: whose is found for whom, and which action a score leads to. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "serve/policy.h"

static struct config *config_of(const char *text)
{
    struct config *c;
    struct report why = {0};
    char path[] = "/tmp/posse-policy.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    assert_int_equal(config_new(cli_keys, &c, &why), 0);
    if (config_load(c, path, &why))
        fail_msg("%s", why.text);
    unlink(path);
    return c;
}

static int policies_of(const char *text, struct policies **p, struct report *why)
{
    struct config *c = config_of(text);
    int err = policies_new(c, p, why);
    config_free(&c);
    return err;
}

static struct policies *good(const char *text)
{
    struct policies *p;
    struct report why = {0};
    if (policies_of(text, &p, &why))
        fail_msg("%s", why.text);
    return p;
}

static void bad(const char *text, const char *says)
{
    struct policies *p;
    struct report why = {0};
    assert_int_equal(policies_of(text, &p, &why), POSSE_ESYNTAX);
    assert_null(p);
    if (!strstr(why.text, says))
        fail_msg("\"%s\" does not say \"%s\"", why.text, says);
}

static const char *found(const struct policies *p, enum policy_who who, const char *rcpt)
{
    struct span s = exact_str(rcpt);
    const char *name = policy_name(policies_find(p, who, s));
    exact_free(s);
    return name;
}

static void test_find(void **state)
{
    (void)state;
    struct policies *p = good("policy default { reject = 0.01 }\n"
                              "policy \"Ann@Example.org\" { tag = 0.1 }\n"
                              "policy \"example.org\" { tag = 0.2 }\n"
                              "policy \".example.org\" { tag = 0.3 }\n"
                              "policy \".deep.example.org\" { tag = 0.4 }\n"
                              "policy \"example.net\" { mode = observe }\n");
    static const struct { const char *rcpt, *name; } cases[] = {
        {"ann@example.org", "ann@example.org"}, {"ANN@EXAMPLE.ORG", "ann@example.org"}, {"ann@example.org.", "ann@example.org"},
        {"bob@example.org", "example.org"}, {"bob@a.example.org", ".example.org"}, {"bob@x.a.example.org", ".example.org"},
        {"bob@a.deep.example.org", ".deep.example.org"}, {"bob@deep.example.org", ".example.org"},
        {"bob@notexample.org", "default"}, {"bob@example.org.evil.test", "default"}, {"", "default"}, {"ann", "default"},
        {"\"a@b\"@example.net", "example.net"}, {"default", "default"}, {"local", "default"}, {"x@", "default"},
        {"a@example.org@example.net", "example.net"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(found(p, POLICY_REMOTE, cases[i].rcpt), cases[i].name);
    assert_string_equal(found(p, POLICY_AUTHENTICATED, "ann@example.org"), "authenticated");
    assert_string_equal(found(p, POLICY_LOCAL, "ann@example.org"), "local");
    struct span nul = exact("ann@example.org\0x", 17);
    assert_string_equal(policy_name(policies_find(p, POLICY_REMOTE, nul)), "default");
    exact_free(nul);
    char *lengthy = malloc(5001);
    memset(lengthy, 'a', 5000);
    lengthy[4000] = '@';
    lengthy[5000] = '\0';
    assert_string_equal(found(p, POLICY_REMOTE, lengthy), "default");
    free(lengthy);
    for (unsigned i = 0; i < policies_n(p); i++)
        assert_true(policy_index(policies_find(p, POLICY_REMOTE, SPAN_LIT("x"))) < policies_n(p));
    policies_free(&p);
}

static void test_inherits(void **state)
{
    (void)state;
    struct policies *p = good("policy default { subject = \"***\" mode = observe on_trouble = defer }\n"
                              "policy \"example.org\" { mode = enforce }\n");
    const struct policy *x = policies_find(p, POLICY_REMOTE, SPAN_LIT("a@example.org"));
    assert_int_equal(policy_mode(x), POLICY_ENFORCE);
    assert_int_equal(policy_trouble(x), TROUBLE_DEFER);
    assert_string_equal(policy_subject(x), "***");
    assert_int_equal(policy_mode(policies_find(p, POLICY_REMOTE, SPAN_LIT("b@example.net"))), POLICY_OBSERVE);
    policies_free(&p);
}

static void test_bad(void **state)
{
    (void)state;
    bad("policy \"x.test\" { mode = watch }", "policy \"x.test\": mode is \"watch\", but may be enforce or observe");
    bad("policy \"x.test\" { on_trouble = drop }", "may be accept or defer");
    bad("policy \"x.test\" { }\npolicy \"X.test\" { }", "two sections");
    bad("policy \"<a@x.test>\" { }", "expected an address");
    bad("policy \"a@\" { }", "expected an address");
    bad("policy \"x.test\" { subject = \"a\nBcc: b@x.test\" }", "subject");
}

static struct engine *untaught(void)
{
    struct engine *e;
    struct report why = {0};
    if (engine_open(&(struct engine_options){.is_empty = true}, &e, &why))
        fail_msg("%s", why.text);
    return e;
}

static void test_actions(void **state)
{
    (void)state;
    struct engine *e = untaught();
    struct policies *p = good("policy default { tag = 0.01 quarantine = 0.001 reject = 0.0001 }\n"
                              "policy \"same.test\" { tag = 0.01 rewrite = 0.01 reject = 0 }\n"
                              "policy \"odd.test\" { tag = 0.0001 reject = 0.01 }\n"
                              "policy \"never.test\" { tag = 0 quarantine = 0 reject = 0 }\n");
    struct policy_bits b, same, odd, never, authenticated;
    policy_bits(policies_find(p, POLICY_REMOTE, SPAN_NONE), e, &b);
    assert_true(b.from[ACTION_TAG] < b.from[ACTION_QUARANTINE] && b.from[ACTION_QUARANTINE] < b.from[ACTION_REJECT]);
    assert_true(isinf(b.from[ACTION_DISCARD]) && isinf(b.from[ACTION_NONE]) && b.from[ACTION_NONE] < 0);
    assert_int_equal(policy_action(&b, -1e9), ACTION_NONE);
    assert_int_equal(policy_action(&b, nextafter(b.from[ACTION_TAG], -INFINITY)), ACTION_NONE);
    assert_int_equal(policy_action(&b, b.from[ACTION_TAG]), ACTION_TAG);
    assert_int_equal(policy_action(&b, b.from[ACTION_QUARANTINE]), ACTION_QUARANTINE);
    assert_int_equal(policy_action(&b, b.from[ACTION_REJECT]), ACTION_REJECT);
    assert_int_equal(policy_action(&b, 1e9), ACTION_REJECT);
    assert_int_equal(policy_action(&b, NAN), ACTION_NONE);
    policy_bits(policies_find(p, POLICY_REMOTE, SPAN_LIT("a@same.test")), e, &same);
    assert_int_equal(policy_action(&same, same.from[ACTION_TAG]), ACTION_REWRITE); /* of two that coincide the harsher one */
    policy_bits(policies_find(p, POLICY_REMOTE, SPAN_LIT("a@odd.test")), e, &odd);
    assert_int_equal(policy_action(&odd, odd.from[ACTION_REJECT]), ACTION_REJECT);
    policy_bits(policies_find(p, POLICY_REMOTE, SPAN_LIT("a@never.test")), e, &never);
    assert_int_equal(policy_action(&never, 1e9), ACTION_NONE);
    policy_bits(policies_find(p, POLICY_AUTHENTICATED, SPAN_NONE), e, &authenticated);
    assert_int_equal(policy_action(&authenticated, 1e9), ACTION_NONE); /* no section of its own */
    policies_free(&p);
    p = good("policy authenticated { reject = 0.01 }");
    policy_bits(policies_find(p, POLICY_AUTHENTICATED, SPAN_NONE), e, &authenticated);
    assert_int_equal(policy_action(&authenticated, 1e9), ACTION_REJECT);
    policies_free(&p);
    assert_int_equal(engine_close(&e, NULL), 0);
}

static void test_names(void **state)
{
    (void)state;
    for (int a = 0; a < ACTIONS; a++) {
        enum action back;
        assert_int_equal(action_of(action_name((enum action)a), &back), 0);
        assert_int_equal(back, a);
    }
    enum action back;
    assert_int_equal(action_of("drop", &back), POSSE_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find), cmocka_unit_test(test_inherits), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_actions), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
