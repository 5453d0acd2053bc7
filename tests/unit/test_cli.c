/* cli: the tables are complete, and the small parts do what their headers say. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "cli/cli.h"
#include "base/jsonout.h"
#include "cli/verdict_out.h"

static void test_errors_have_text(void **state)
{
    (void)state;
    for (int code = 0; code >= POSSE_ERR_LAST; code--) {
        assert_non_null(posse_strerror(code));
        assert_true(strlen(posse_strerror(code)) > 3);
        for (int other = 0; other > code; other--)
            assert_string_not_equal(posse_strerror(code), posse_strerror(other));
    }
}

static void test_keys(void **state)
{
    (void)state;
    for (const struct config_key *k = cli_keys; k->name; k++) {
        size_t n = k->help ? strlen(k->help) : 0;
        assert_true(n > 20 && k->help[n - 1] == '.');
        assert_non_null(strchr(k->name, '.'));
        assert_true(k->unit && k->preset && k->least <= k->most);
        assert_true(k == cli_keys || strcmp(k[-1].name, k->name) < 0);
    }
    struct config *c;
    struct report why;
    assert_int_equal(config_new(cli_keys, &c, &why), 0);
    assert_int_equal(config_int(c, "limits.message_bytes"), 64 << 20);
    assert_int_equal(config_int(c, "store.horizon"), 365 * 86400);
    assert_true(fabs(config_float(c, "filter.ham_loss") - 0.001) < 1e-12);
    assert_true(cli_threads(c) >= 1);
    config_free(&c);
}

/* Gives the options that no help tells of. */
static size_t check_command(const struct cli_command *c)
{
    size_t n = 0, hidden = 0;
    assert_true(c->summary && c->synopsis && c->about && c->run);
    for (const struct cli_option *o = c->options; o && o->name; o++, n++) {
        assert_true(!o->help || *o->help);
        hidden += !o->help;
        for (const struct cli_option *p = c->options; p < o; p++)
            assert_true(p->key != o->key && strcmp(p->name, o->name) != 0);
    }
    assert_true(n < 24);
    return hidden;
}

static void test_commands(void **state)
{
    (void)state;
    size_t hidden = 0;
    for (size_t i = 0; cli_commands[i]; i++) {
        const struct cli_command *c = cli_commands[i];
        assert_ptr_equal(cli_find(c->name), c);
        hidden += check_command(c);
        for (size_t j = 0; c->verbs && c->verbs[j]; j++) {
            const char *verb = strrchr(c->verbs[j]->name, ' ') + 1;
            assert_int_equal(strncmp(c->verbs[j]->name, c->name, strlen(c->name)), 0);
            assert_ptr_equal(cli_find_verb(c, verb), c->verbs[j]);
            hidden += check_command(c->verbs[j]);
        }
    }
    assert_true(hidden == 1); /* serve's --milter-child */
    assert_null(cli_find("nonsense"));
}

static void test_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: no time */
    } cases[] = {
        {"@0", 0},
        {"@1700000000", INT64_C(1700000000000)},
        {"2026-11-21T14:30:05Z", INT64_C(1795271405000)},
        {"2026-11-21Z", INT64_C(1795219200000)},
        {"7d", INT64_C(1000000000000) - 7 * INT64_C(86400000)},
        {"90m", INT64_C(1000000000000) - 90 * 60000},
        {"", -1},
        {"yesterday", -1},
        {"7", -1},
        {"d", -1},
        {"7x", -1},
        {"@", -1},
        {"@-5", -1},
        {"2026-13-01", -1},
        {"2026-11-21 14:30:05x", -1},
        {"99999999999d", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        bool is_time = cli_time(cases[i].text, INT64_C(1000000000000), &ms);
        if (is_time != (cases[i].ms >= 0) || (is_time && ms != cases[i].ms))
            fail_msg("'%s': %d, %lld", cases[i].text, is_time, (long long)ms);
    }
}

static void test_number(void **state)
{
    (void)state;
    uint64_t n;
    assert_true(cli_number("1", 1, 9, &n) && n == 1);
    assert_true(cli_number("18446744073709551615", 0, UINT64_MAX, &n) && n == UINT64_MAX);
    const char *bad[] = {"", "0", "10", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(cli_number(bad[i], 1, 9, &n));
}

/* What is shown adds up to what is shown, and no part moves by a hundredth or more. */
static void test_bits_round(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int run = 0; run < 2000; run++) {
        double bits[REASONS_MAX], total = 0;
        long shown[REASONS_MAX], sum = 0;
        size_t n = 1 + (size_t)run % REASONS_MAX;
        for (size_t i = 0; i < n; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            bits[i] = ((double)(seed >> 40) / (1 << 24) - 0.5) * 30;
            total += bits[i];
        }
        reason_round(bits, n, total, shown);
        for (size_t i = 0; i < n; i++) {
            sum += shown[i];
            assert_true(fabs((double)shown[i] / 100 - bits[i]) < 0.0101);
        }
        assert_int_equal(sum, lround(total * 100));
    }
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } cases[] = {
        {"", 0, "\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\t\0\x1f\x7f", 5, "\"\\n\\t\\u0000\\u001f\\u007f\""},
        {"\xc3\xa9", 2, "\"\xc3\xa9\""},
        {"\xc3", 1, "\"\xef\xbf\xbd\""},
        {"a\xff\xfe"
         "b",
         4,
         "\"a\xef\xbf\xbd\xef\xbf\xbd"
         "b\""},
        {"\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        buf_init(&b, 1000);
        json_string(&b, span_of(cases[i].in, cases[i].n));
        buf_add_byte(&b, 0);
        assert_string_equal((char *)b.p, cases[i].out);
        buf_clear(&b);
        json_number(&b, i ? -0.5 : NAN);
        buf_add_byte(&b, 0);
        assert_string_equal((char *)b.p, i ? "-0.5" : "null");
        buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_have_text),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_bits_round),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
