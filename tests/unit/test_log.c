/* The log: one event is one line, whatever stands in its values, and a flood is cut. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/log.h"

struct written { char text[1 << 16]; size_t n, lines; };

/* What `fn` logs. as_journal: stderr is the journal's stream. */
static void capture(struct written *w, bool is_json, unsigned lines_a_second, bool as_journal, void (*fn)(struct log *l))
{
    FILE *f = tmpfile();
    assert_non_null(f);
    struct stat st;
    char stream[64];
    assert_int_equal(fstat(fileno(f), &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    if (as_journal)
        setenv("JOURNAL_STREAM", stream, 1);
    else
        setenv("JOURNAL_STREAM", "1:1", 1); /* somebody else's */
    struct log *l = log_new(fileno(f), LOG_INFO, is_json, lines_a_second);
    assert_non_null(l);
    fn(l);
    log_free(&l);
    assert_null(l);
    rewind(f);
    w->n = fread(w->text, 1, sizeof w->text - 1, f);
    w->text[w->n] = '\0';
    w->lines = 0;
    for (size_t i = 0; i < w->n; i++)
        w->lines += w->text[i] == '\n';
    fclose(f);
}

static void log_odd(struct log *l)
{
    char *absent = NULL;
    log_event(l, LOG_WARNING, "verdict", "from", "<a@example.org>", "rcpt", "b c", "left", absent, "empty", "",
              "helo", "x\n<3>event=forged\r\x1b[2J\xff\xc2\x9b \"q\"\\", NULL);
    log_event(l, LOG_DEBUG, "unseen", NULL);
}

static void test_text(void **state)
{
    (void)state;
    struct written w;
    capture(&w, false, 0, false, log_odd);
    assert_int_equal(w.lines, 1);
    char *rest = strstr(w.text, " level=");
    assert_non_null(rest);
    assert_int_equal(strncmp(w.text, "time=2", 6), 0);
    assert_string_equal(rest, " level=warning event=verdict from=<a@example.org> rcpt=\"b c\" empty=\"\" "
                              "helo=\"x\\x0a<3>event=forged\\x0d\\x1b[2J\\xff\\xc2\\x9b \\\"q\\\"\\\\\"\n");
}

static void test_journal(void **state)
{
    (void)state;
    struct written w;
    capture(&w, false, 0, true, log_odd);
    assert_int_equal(w.lines, 1);
    assert_int_equal(strncmp(w.text, "<4>event=verdict from=<a@example.org> rcpt=", 43), 0);
}

static void test_json(void **state)
{
    (void)state;
    struct written w;
    capture(&w, true, 0, false, log_odd);
    assert_int_equal(w.lines, 1);
    assert_int_equal(strncmp(w.text, "{\"time\":\"2", 10), 0);
    assert_non_null(strstr(w.text, "\"event\":\"verdict\",\"from\":\"<a@example.org>\",\"rcpt\":\"b c\",\"empty\":\"\",\"helo\":\"x\\n<3>"));
    assert_string_equal(w.text + w.n - 2, "}\n");
    capture(&w, true, 0, true, log_odd);
    assert_int_equal(strncmp(w.text, "<4>{\"event\":", 12), 0);
}

static void log_long(struct log *l)
{
    char value[600];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    memcpy(value + 255, "\xc3\xa9", 2); /* a character over the edge */
    log_event(l, LOG_INFO, "long", "value", value, "after", "1", NULL);
}

static void test_cut(void **state)
{
    (void)state;
    struct written w;
    capture(&w, false, 0, true, log_long);
    assert_int_equal(w.n, strlen("<6>event=long value= after=1\n") + 255);
}

static void log_flood(struct log *l)
{
    for (int i = 0; i < 1000; i++)
        log_event(l, LOG_INFO, "flood", NULL);
    log_event(l, LOG_INFO, "other", NULL);
}

static void test_flood(void **state)
{
    (void)state;
    struct written w;
    capture(&w, false, 5, true, log_flood);
    /* a second may have turned in between */
    assert_true(w.lines >= 7 && w.lines <= 14);
    assert_non_null(strstr(w.text, "event=other"));
    assert_non_null(strstr(w.text, "<4>event=log_left_out of=flood lines="));
}

static void *flood_thread(void *ctx)
{
    for (int i = 0; i < 200; i++)
        log_event(ctx, LOG_INFO, "thread", "text", "of one piece", NULL);
    return NULL;
}

static void log_threads(struct log *l)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, flood_thread, l);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static void log_two_doors(struct log *l)
{
    for (int i = 0; i < 100; i++)
        log_event(l, LOG_INFO, "over_limit", "door", "spamd", NULL);
    log_event(l, LOG_INFO, "over_limit", "door", "rspamd", NULL);
}

static void test_flood_of_one_door(void **state)
{
    (void)state;
    static struct written w;
    capture(&w, false, 3, false, log_two_doors);
    assert_non_null(strstr(w.text, "event=over_limit door=rspamd"));
    assert_non_null(strstr(w.text, "over_limit at spamd"));
}

static void test_threads(void **state)
{
    (void)state;
    struct written w;
    capture(&w, false, 0, true, log_threads);
    assert_int_equal(w.lines, 800);
    for (char *line = w.text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        assert_string_equal(line, "<6>event=thread text=\"of one piece\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_journal),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_flood_of_one_door), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
