/* The queue before history: a stalled disk costs rows, which are counted, and never a verdict's time. */
#include "unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/history.h"

enum { QUEUED_MAX = 16384, MORE = 200 };

struct kit { char home[64], path[96]; struct counters *counters; struct history *h; };

static void kit_open(struct kit *k)
{
    struct report why;
    *k = (struct kit){.home = "/tmp/posse-history.XXXXXX"};
    assert_non_null(mkdtemp(k->home));
    snprintf(k->path, sizeof k->path, "%s/events.db", k->home);
    assert_int_equal(counters_open(-1, &k->counters, &why), 0);
    assert_int_equal(history_new(k->path, k->counters, NULL, &k->h, &why), 0);
}

static void kit_close(struct kit *k)
{
    char name[128];
    history_free(&k->h);
    assert_null(k->h);
    assert_int_equal(counters_get(k->counters, DOOR_SPAMD, METRIC_HISTORY_QUEUE), 0);
    counters_close(&k->counters);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", k->path, (const char *const[]){"", "-wal", "-shm"}[i]);
        remove(name);
    }
    rmdir(k->home);
}

static bool push(struct kit *k, unsigned i, bool has_digest)
{
    static const uint8_t digest[32];
    char id[24];
    struct span rcpt[EVENT_RCPT_MAX + 2];
    snprintf(id, sizeof id, "row%06u", i);
    for (size_t j = 0; j < sizeof rcpt / sizeof *rcpt; j++)
        rcpt[j] = SPAN_LIT("bob@example.org");
    struct event e = {.id = span_str(id), .time_ms = i, .door = SPAN_LIT("spamd"), .action = SPAN_LIT("tag"), .would = SPAN_LIT("tag"),
                      .digest = has_digest ? digest : NULL, .rcpt = rcpt, .n_rcpt = sizeof rcpt / sizeof *rcpt,
                      .n_reasons = 1, .reason = {{1.5, SPAN_LIT("because")}}};
    return history_push(k->h, DOOR_SPAMD, &e);
}

static uint64_t rows(struct kit *k)
{
    struct events *e;
    struct events_count c = {0};
    struct report why;
    assert_int_equal(events_open(k->path, &e, &why), 0);
    assert_int_equal(events_count(e, &c, &why), 0);
    events_close(&e);
    return c.rows;
}

static void test_stalled(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_true(push(&k, 0, true));
    history_flush(k.h);
    assert_int_equal(rows(&k), 1);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(k.path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK); /* the writer waits for this */
    assert_true(push(&k, 1, true));
    struct timespec from, to;
    sleep(1); /* the writer has taken that row, and stands */
    clock_gettime(CLOCK_MONOTONIC, &from);
    unsigned taken = 0;
    for (unsigned i = 0; i < QUEUED_MAX + MORE; i++)
        taken += push(&k, 2 + i, true);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_int_equal(taken, QUEUED_MAX);
    assert_int_equal(counters_get(k.counters, DOOR_SPAMD, METRIC_HISTORY_DROPPED), MORE);
    assert_int_equal(counters_get(k.counters, DOOR_SPAMD, METRIC_HISTORY_QUEUE), QUEUED_MAX + 1);
    assert_true(to.tv_sec - from.tv_sec < 9); /* nobody waited the ten seconds that the writer may */
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    history_flush(k.h);
    assert_int_equal(rows(&k), QUEUED_MAX + 2);
    kit_close(&k);
}

/* A row that is wrong costs itself alone. */
static void test_wrong_row(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    for (unsigned i = 0; i < 10; i++)
        assert_true(push(&k, i == 5 ? 4 : i, i % 2)); /* number 4 twice */
    history_flush(k.h);
    assert_int_equal(rows(&k), 9);
    assert_int_equal(counters_get(k.counters, DOOR_SPAMD, METRIC_HISTORY_DROPPED), 1);
    kit_close(&k);
}

/* Where the file cannot be opened rows are dropped; once it can, they are written. */
static void test_no_file(void **state)
{
    (void)state;
    struct kit k;
    kit_open(&k);
    assert_int_equal(mkdir(k.path, 0700), 0);
    assert_true(push(&k, 1, true));
    history_flush(k.h);
    assert_int_equal(counters_get(k.counters, DOOR_SPAMD, METRIC_HISTORY_DROPPED), 1);
    assert_int_equal(rmdir(k.path), 0);
    assert_true(push(&k, 2, true));
    history_flush(k.h);
    assert_int_equal(rows(&k), 1);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stalled),
        cmocka_unit_test(test_wrong_row),
        cmocka_unit_test(test_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
