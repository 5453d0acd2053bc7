/* log_twins: what stands in two logs counts once, and what only looks alike twice. All addresses are reserved ones. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "flow/log_twins.h"
#include "flow/logs.h"

static const char head[] = "#separator \\x09\n#path\tconn\n"
                           "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes\tconn_state";
static const char *const row[] = {
    "1700000000.000001\tCaaa\t192.0.2.1\t4000\t198.51.100.1\t80\ttcp\t1.5\t10\t20\tSF",
    "1700000000.000001\tCbbb\t192.0.2.1\t4000\t198.51.100.1\t80\ttcp\t1.5\t10\t20\tSF", /* of another connection */
    "1700000060.000000\tCaaa\t192.0.2.1\t4000\t198.51.100.1\t80\ttcp\t1.5\t10\t20\tSF", /* a uid that came again */
    "1700000060.000000\t-\t192.0.2.1\t4000\t198.51.100.1\t80\ttcp\t1.5\t10\t20\tSF",
    "1700000060.000000\t-\t192.0.2.1\t4000\t198.51.100.1\t80\ttcp\t1.5\t10\t20\tSF",    /* nobody named it: it stays */
};

static void write_log(const char *dir, const char *name, const char *column, const char *value)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "%s%s\n", head, column);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        fprintf(f, "%s%s\n", row[i], value);
    assert_int_equal(fclose(f), 0);
}

static void a_log_and_its_copy_with_labels_are_read_as_one(void **state)
{
    char dir[] = "/tmp/test_log_twins.XXXXXX", cmd[96];
    const char *paths[] = {dir};
    struct report why = {0};
    struct logs_lost lost;
    struct logs *l;
    struct flow f;
    size_t n = 0;
    (void)state;
    assert_non_null(mkdtemp(dir));
    write_log(dir, "conn.log", "", "");
    write_log(dir, "labeled-conn.log", "\tlabel", "\tBackground");
    assert_int_equal(logs_open(paths, 1, NULL, &l, &why), 0);
    while (logs_next(l, &f, &why) > 0)
        n++;
    logs_lost(l, &lost);
    logs_close(&l);
    assert_int_equal(n, 3 + 4); /* those without a uid are two in each */
    assert_int_equal(lost.twins, 3);
    assert_int_equal(lost.lines, 0);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
}

static void many_that_began_at_once_are_told_apart(void **state)
{
    struct log_twins t = {0};
    char uid[16];
    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < LOG_TWINS; i++) {
            snprintf(uid, sizeof uid, "C%d", i);
            struct flow f = {.kind = FLOW_CONN, .start_us = 5, .uid = span_str(uid)};
            assert_int_equal(log_twins_seen(&t, &f), round == 1);
        }
}

static void requests_of_one_connection_are_no_twins(void **state)
{
    struct log_twins t = {0};
    struct flow f = {.kind = FLOW_HTTP, .start_us = 5, .uid = span_str("Caaa")};
    (void)state;
    assert_false(log_twins_seen(&t, &f));
    assert_false(log_twins_seen(&t, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_and_its_copy_with_labels_are_read_as_one),
        cmocka_unit_test(many_that_began_at_once_are_told_apart),
        cmocka_unit_test(requests_of_one_connection_are_no_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
