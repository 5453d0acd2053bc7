/* Counters: shared by processes, exact under threads, and text that a collector reads. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/counters.h"

static struct counters *open_new(void)
{
    struct counters *c;
    struct report why;
    assert_int_equal(counters_open(-1, &c, &why), POSSE_OK);
    return c;
}

static void *count(void *ctx)
{
    for (int i = 0; i < 10000; i++) {
        counters_add(ctx, DOOR_SPAMD, METRIC_MESSAGES, 1);
        counters_time(ctx, DOOR_SPAMD, 0.001);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct counters *c = open_new();
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, count, c);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(counters_get(c, DOOR_SPAMD, METRIC_MESSAGES), 40000);
    assert_int_equal(counters_get_timed(c, DOOR_SPAMD), 40000);
    assert_int_equal(counters_get(c, DOOR_MILTER, METRIC_MESSAGES), 0);
    counters_close(&c);
}

static void test_child(void **state)
{
    (void)state;
    struct counters *c = open_new(), *again;
    struct report why;
    pid_t pid = fork();
    if (pid == 0) {
        if (counters_open(counters_fd(c), &again, NULL))
            _exit(1);
        counters_action(again, DOOR_MILTER, ACTION_REJECT);
        counters_add(again, DOOR_MILTER, METRIC_IN_WORK, 3);
        counters_close(&again);
        counters_add(c, DOOR_MILTER, METRIC_IN_WORK, -1); /* the other's block went, the descriptor did not */
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(counters_get_action(c, DOOR_MILTER, ACTION_REJECT), 1);
    assert_int_equal(counters_get(c, DOOR_MILTER, METRIC_IN_WORK), 2);
    counters_close(&c);

    int fd[2];
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(counters_open(fd[0], &c, &why), POSSE_EVERSION);
    assert_null(c);
    close(fd[0]);
    close(fd[1]);
}

static bool has_line(const struct buf *b, const char *line)
{
    char *want = NULL;
    assert_true(asprintf(&want, "\n%s\n", line) > 0);
    bool has = span_find(buf_span(b), span_str(want)) >= 0;
    free(want);
    return has;
}

static void test_text(void **state)
{
    (void)state;
    struct counters *c = open_new();
    struct buf b;
    buf_init(&b, 1 << 20);
    counters_add(c, DOOR_RSPAMD, METRIC_BYTES, 4096);
    counters_add(c, DOOR_HTTP, METRIC_OPEN_CONNECTIONS, 2);
    counters_action(c, DOOR_PIPE, ACTION_TAG);
    counters_time(c, DOOR_MILTER, 0.0003);
    counters_time(c, DOOR_MILTER, 60);
    counters_write(c, &b);
    assert_int_equal(buf_error(&b), 0);
    assert_true(has_line(&b, "posse_message_bytes_total{door=\"rspamd\"} 4096"));
    assert_true(has_line(&b, "posse_open_connections{door=\"http\"} 2"));
    assert_true(has_line(&b, "posse_actions_total{door=\"pipe\",action=\"tag\"} 1"));
    assert_true(has_line(&b, "posse_verdict_seconds_bucket{door=\"milter\",le=\"0.0002\"} 0"));
    assert_true(has_line(&b, "posse_verdict_seconds_bucket{door=\"milter\",le=\"0.0005\"} 1"));
    assert_true(has_line(&b, "posse_verdict_seconds_bucket{door=\"milter\",le=\"10\"} 1"));
    assert_true(has_line(&b, "posse_verdict_seconds_bucket{door=\"milter\",le=\"+Inf\"} 2"));
    assert_true(has_line(&b, "posse_verdict_seconds_count{door=\"milter\"} 2"));
    assert_true(has_line(&b, "posse_verdict_seconds_sum{door=\"milter\"} 60.0003"));
    assert_true(b.n > 6 && memcmp(b.p + b.n - 6, "# EOF\n", 6) == 0);
    /* each family stands once, with its help */
    for (size_t at = 0; at < b.n;) {
        struct span rest = span_sub(buf_span(&b), at, b.n);
        ptrdiff_t type = span_find(rest, SPAN_LIT("# TYPE "));
        if (type < 0)
            break;
        struct span line = span_sub(rest, (size_t)type, rest.n);
        line.n = (size_t)span_chr(span_sub(line, 7, line.n), ' ') + 8;
        struct span after = span_sub(rest, (size_t)type + line.n, rest.n);
        assert_true(span_find(after, line) < 0);
        at += (size_t)type + line.n;
    }
    buf_deinit(&b);
    counters_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
