/* plot: round ticks and times, labels, and pictures that are well-formed whatever the names and numbers are. */
#include "unit.h"

#include <math.h>

#include "base/plot.h"

#define HOUR 3600000LL
#define DAY 86400000LL
#define T0 1300147200000LL /* 2011-03-15 */

static void ticks(void **state)
{
    static const struct { double most; size_t wanted; double step; size_t n; } t[] = {
        {100, 5, 20, 6}, {97, 5, 20, 6}, {1, 5, 0.2, 6}, {0.37, 4, 0.1, 5}, {12345, 5, 5000, 4}, {0, 5, 0.2, 6}, {7, 4, 2, 5}, {3, 0, 2, 3},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        double x[PLOT_TICKS_MAX];
        size_t n = plot_ticks(t[i].most, t[i].wanted, x);
        if (n != t[i].n || fabs(x[1] - t[i].step) > 1e-9)
            fail_msg("%g: %zu ticks of %g", t[i].most, n, x[1]);
        assert_true(x[0] == 0 && x[n - 1] >= t[i].most);
    }
    (void)state;
}

static void times(void **state)
{
    static const struct { int64_t from, to, step; size_t n; const char *first; } t[] = {
        {T0, T0 + HOUR, 10 * 60000, 7, "15 Mar"}, {T0 + 1, T0 + DAY, 3 * HOUR, 8, "03:00"}, {T0, T0 + 7 * DAY, DAY, 8, "15 Mar"},
        {T0, T0 + 60 * DAY, 7 * DAY, 8, "21 Mar"}, {T0, T0 + 400 * DAY, 60 * DAY, 6, "May 2011"}, {T0, T0 + 3000 * DAY, 360 * DAY, 8, "2012"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t x[PLOT_TICKS_MAX], step;
        char label[PLOT_LABEL];
        size_t n = plot_times(t[i].from, t[i].to, 10, x, &step);
        plot_time_label(x[0], step, label);
        if (n != t[i].n || step != t[i].step || strcmp(label, t[i].first))
            fail_msg("case %zu: %zu times, %lld min apart, first \"%s\"", i, n, (long long)step / 60000, label);
        for (size_t k = 0; k < n; k++)
            assert_true(x[k] >= t[i].from && x[k] <= t[i].to && (k == 0 || x[k] > x[k - 1]));
    }
    (void)state;
}

static void labels(void **state)
{
    static const struct { double x; bool is_share; const char *want; } t[] = {
        {0, false, "0"}, {0.25, false, "0.25"}, {1234, false, "1234"}, {12345, false, "12.3k"}, {2.5e6, false, "2.5M"}, {3e9, false, "3G"},
        {0.2, true, "20%"}, {1, true, "100%"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char label[PLOT_LABEL];
        plot_value_label(t[i].x, t[i].is_share, label);
        assert_string_equal(label, t[i].want);
    }
    (void)state;
}

/* Tags close in order, nothing is open at the end. */
static void check_xml(struct span s)
{
    char open[32][32];
    size_t depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '&')
            assert_true(memcmp(s.p + i, "&lt;", 4) == 0 || memcmp(s.p + i, "&amp;", 5) == 0 || memcmp(s.p + i, "&quot;", 6) == 0);
        if (s.p[i] != '<')
            continue;
        size_t end = i + 1, n = 0;
        while (end < s.n && s.p[end] != '>')
            end++;
        assert_true(end < s.n);
        if (s.p[i + 1] == '/') {
            assert_true(depth > 0);
            depth--;
            assert_memory_equal(open[depth], s.p + i + 2, strlen(open[depth]));
        } else if (s.p[end - 1] != '/') {
            assert_true(depth < 32);
            while (n < 31 && ascii_is_alpha(s.p[i + 1 + n]))
                n++;
            memcpy(open[depth], s.p + i + 1, n);
            open[depth++][n] = '\0';
        }
        i = end;
    }
    assert_int_equal(depth, 0);
    for (size_t i = 0; i < s.n; i++)
        assert_true(s.p[i] == '\n' || (s.p[i] >= 32 && s.p[i] < 127));
}

static void pictures(void **state)
{
    struct plot_point a[] = {{T0, 1, 2, 3}, {T0 + HOUR, 2, 4, 9}, {T0 + 5 * HOUR, 0, 0, NAN}, {T0 + 6 * HOUR, 1, INFINITY, 2}};
    struct plot_point b[] = {{T0 + 2 * HOUR, 5, 6, 7}};
    struct plot_series s[] = {{"<\"a\" & b>\033[31m\xff", a, 4}, {"alone", b, 1}, {"empty", NULL, 0}};
    struct plot_mark m[] = {{T0 + HOUR, "collapse <1>, cause unknown"}, {T0 + HOUR, "twice"}, {T0 - 1, "before"}, {T0 + 7 * HOUR, "at the end"}};
    struct plot p = {"A <title> & more", "messages an hour", false, T0, T0 + 8 * HOUR, HOUR, s, 3, m, 4, false};
    for (size_t n = 0; n <= 3; n++) {
        struct buf svg, text;
        buf_init(&svg, 1 << 20);
        buf_init(&text, 1 << 20);
        p.n_series = n;
        p.is_share = n == 2;
        plot_svg(&p, &svg);
        assert_int_equal(buf_error(&svg), 0);
        check_xml(buf_span(&svg));
        plot_terminal(&p, 80, 6, &text);
        plot_terminal(&p, 1, 0, &text);
        assert_int_equal(buf_error(&text), 0);
        buf_deinit(&svg);
        buf_deinit(&text);
    }
    p.to_ms = p.from_ms; /* nothing to show */
    struct buf none;
    buf_init(&none, 1 << 20);
    plot_svg(&p, &none);
    check_xml(buf_span(&none));
    buf_deinit(&none);
    (void)state;
}

static void blocks(void **state)
{
    struct plot_point a[] = {{T0, 10, 10, 10}, {T0 + HOUR, 5, 5, 5}, {T0 + 3 * HOUR, 2, 6, 10}};
    struct plot_series s[] = {{"x", a, 3}};
    struct plot p = {.title = "x", .unit = "messages an hour", .from_ms = T0, .to_ms = T0 + 4 * HOUR, .step_ms = HOUR, .series = s, .n_series = 1};
    struct buf b;
    buf_init(&b, 1 << 20);
    plot_terminal(&p, 35, 4, &b);
    buf_add_byte(&b, '\0');
    assert_string_equal((char *)b.p, "x, messages an hour; ░ is the 95% interval\n"
                                     "      10 ██████            ░░░░░░\n"
                                     "         ██████            ▓▓▓▓▓▓\n"
                                     "       5 ████████████      ▓▓▓▓▓▓\n"
                                     "         ████████████······▓▓▓▓▓▓\n"
                                     "         |15 Mar     |02:00      |04:00  UTC\n");
    buf_deinit(&b);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks), cmocka_unit_test(times), cmocka_unit_test(labels), cmocka_unit_test(pictures), cmocka_unit_test(blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
