/* History: what goes in comes out, filters, teaching marks, pruning in small steps, two handles, damage. */
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/events.h"
#include "store/lessons.h"

struct place { char dir[64], path[96]; struct events *e; struct report why; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/posse-events-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/events.db", p->dir);
    *state = p;
    return events_open(p->path, &p->e, &p->why);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    events_close(&p->e);
    snprintf(command, sizeof command, "rm -rf %s", p->dir);
    int rc = system(command);
    free(p);
    return rc;
}

#define OK(call) \
    do { \
        if ((call) != POSSE_OK) \
            fail_msg("%s", p->why.text); \
    } while (0)

static struct event event(const char *id, int64_t time_ms)
{
    return (struct event){.id = span_str(id), .time_ms = time_ms, .door = SPAN_LIT("milter"), .action = SPAN_LIT("none"),
                          .would = SPAN_LIT("none")};
}

static void add(struct place *p, const struct event *x)
{
    OK(events_begin(p->e, &p->why));
    OK(events_append(p->e, x, &p->why));
    OK(events_commit(p->e, &p->why));
}

/* Ids of what a filter gives, with blanks between. */
struct list { char text[512]; };

static int note(void *ctx, const struct event *x)
{
    struct list *l = ctx;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%.*s", n ? " " : "", (int)x->id.n, (const char *)x->id.p);
    return 0;
}

static void assert_found(struct place *p, struct event_filter f, const char *expected)
{
    struct list l = {""};
    OK(events_each(p->e, &f, note, &l, &p->why));
    assert_string_equal(l.text, expected);
}

#define FOUND(expected, ...) assert_found(p, (struct event_filter){.klass = -1, __VA_ARGS__}, expected)

/* ---- in and out ---- */

static int compare(void *ctx, const struct event *x)
{
    const struct event *y = ctx;
    const struct { struct span a, b; } texts[] = {
        {x->id, y->id}, {x->door, y->door}, {x->queue_id, y->queue_id}, {x->message_id, y->message_id},
        {x->client_addr, y->client_addr}, {x->client_name, y->client_name}, {x->helo, y->helo}, {x->from, y->from},
        {x->header_from, y->header_from}, {x->auth_user, y->auth_user}, {x->subject, y->subject}, {x->action, y->action},
        {x->would, y->would}, {x->quarantine_id, y->quarantine_id}, {x->campaign, y->campaign}, {x->flip, y->flip},
        {x->features, y->features}, {x->taught, y->taught},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!span_eq(texts[i].a, texts[i].b))
            fail_msg("text %zu: \"%.*s\"", i, (int)texts[i].a.n, (const char *)texts[i].a.p);
    assert_int_equal(x->n_rcpt, y->n_rcpt);
    for (size_t i = 0; i < y->n_rcpt && i < EVENT_RCPT_MAX; i++)
        assert_true(span_eq(x->rcpt[i], y->rcpt[i]));
    assert_int_equal(x->n_reasons, y->n_reasons);
    for (size_t i = 0; i < y->n_reasons; i++)
        assert_true(span_eq(x->reason[i].text, y->reason[i].text) && x->reason[i].bits == y->reason[i].bits);
    assert_true(!x->digest == !y->digest && (!x->digest || memcmp(x->digest, y->digest, 32) == 0));
    assert_true(x->time_ms == y->time_ms && x->size_bytes == y->size_bytes && x->is_spam == y->is_spam && x->bits == y->bits &&
                x->probability == y->probability && x->threshold_bits == y->threshold_bits && x->extractor == y->extractor &&
                x->seconds == y->seconds);
    return 7;
}

static void a_row_comes_out_as_it_went_in(void **state)
{
    struct place *p = *state;
    uint8_t digest[32] = {1, 2, 3};
    struct span rcpt[100];
    for (int i = 0; i < 100; i++)
        rcpt[i] = i % 2 ? SPAN_LIT("bob@example.org") : SPAN_LIT("a\0\n\xff@example.org");
    struct event full = {
        .id = SPAN_LIT("0abc"), .time_ms = 1700000000123, .door = SPAN_LIT("spamd"), .queue_id = SPAN_LIT("4Xy"),
        .message_id = SPAN_LIT("<1@x.example>"), .client_addr = SPAN_LIT("192.0.2.1"), .client_name = SPAN_LIT("mx.example"),
        .helo = SPAN_LIT("\xff\0 odd"), .from = SPAN_LIT("ann@example.com"), .header_from = SPAN_LIT("Ann <ann@example.com>"),
        .auth_user = SPAN_LIT("ann"), .subject = SPAN_LIT("hello"), .rcpt = rcpt, .n_rcpt = 100, .size_bytes = 4321,
        .digest = digest, .is_spam = true, .bits = 12.375, .probability = 0.99981, .threshold_bits = 9.5,
        .action = SPAN_LIT("none"), .would = SPAN_LIT("reject"), .quarantine_id = SPAN_LIT("17"), .campaign = SPAN_LIT("c1"),
        .reason = {{3.5, SPAN_LIT("word \"money\"")}, {-0.25, SPAN_LIT("")}}, .n_reasons = 2, .flip = SPAN_LIT("without it"),
        .extractor = 5, .features = SPAN_LIT("\0\1\2"), .seconds = 0.00125,
    };
    add(p, &full);
    assert_int_equal(events_each(p->e, &EVENT_FILTER_ANY, compare, &full, &p->why), 7);
    OK(events_check(p->e, &p->why));
    struct stat st;
    assert_int_equal(stat(p->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void an_empty_row_is_a_row(void **state)
{
    struct place *p = *state;
    struct event x = {.id = SPAN_LIT("1"), .bits = NAN};
    add(p, &x);
    x.bits = 0;
    assert_int_equal(events_each(p->e, &EVENT_FILTER_ANY, compare, &x, &p->why), 7);
}

static int lengths(void *ctx, const struct event *x)
{
    (void)ctx;
    assert_int_equal(x->subject.n, EVENT_TEXT_MAX - 1); /* the last character has two bytes and did not fit */
    assert_int_equal(x->rcpt[0].n, EVENT_TEXT_MAX);
    assert_int_equal(x->reason[0].text.n, EVENT_TEXT_MAX);
    assert_int_equal(x->features.n, 0);
    return 0;
}

static void long_texts_are_cut(void **state)
{
    struct place *p = *state;
    char *big = malloc(100000), *umlauts = malloc(2001);
    memset(big, 'x', 100000);
    umlauts[0] = 'x';
    for (int i = 0; i < 1000; i++)
        memcpy(umlauts + 1 + 2 * i, "\xc3\xa4", 2);
    struct span rcpt = span_of(big, 5000);
    struct event x = event("1", 1);
    x.subject = span_of(umlauts, 2001);
    x.rcpt = &rcpt;
    x.n_rcpt = 1;
    x.reason[0].text = span_of(big, 2000);
    x.n_reasons = 1;
    x.features = span_of(big, LESSON_FEATURES_MAX + 1);
    add(p, &x);
    OK(events_each(p->e, &EVENT_FILTER_ANY, lengths, NULL, &p->why));
    free(big);
    free(umlauts);
}

static void an_id_stands_once(void **state)
{
    struct place *p = *state;
    struct event a = event("a", 1), b = event("b", 2), empty = event("", 3);
    OK(events_begin(p->e, &p->why));
    OK(events_append(p->e, &a, &p->why));
    assert_int_equal(events_append(p->e, &a, &p->why), POSSE_EEXIST);
    OK(events_append(p->e, &b, &p->why)); /* the batch goes on */
    OK(events_commit(p->e, &p->why));
    FOUND("b a");
    OK(events_begin(p->e, &p->why));
    struct event c = event("c", 3);
    OK(events_append(p->e, &c, &p->why));
    assert_int_equal(events_append(p->e, &empty, &p->why), POSSE_EINVAL);
    OK(events_commit(p->e, &p->why)); /* refused before anything was written: no harm to the batch */
    FOUND("c b a");
}

/* ---- filters ---- */

static void filters_choose(void **state)
{
    struct place *p = *state;
    struct span rcpts[] = {SPAN_LIT("bob@example.org"), SPAN_LIT("Eve@Example.NET")};
    struct event x = event("one", 1000), y = event("two", 2000), z = event("three", 3000);
    x.from = SPAN_LIT("Ann@example.com");
    x.rcpt = rcpts;
    x.n_rcpt = 2;
    x.reason[0] = (struct event_reason){1, SPAN_LIT("word \"Viagra\" in the subject")};
    x.reason[1] = (struct event_reason){2, SPAN_LIT("everything else")};
    x.n_reasons = 2;
    x.is_spam = true;
    y.header_from = SPAN_LIT("Ann <ann@example.com>");
    y.action = SPAN_LIT("reject");
    y.would = SPAN_LIT("reject");
    y.campaign = SPAN_LIT("c7");
    y.client_name = SPAN_LIT("mx.example.net");
    z.door = SPAN_LIT("spamd");
    z.would = SPAN_LIT("reject");
    z.client_addr = SPAN_LIT("192.0.2.7");
    add(p, &x);
    add(p, &y);
    add(p, &z);
    FOUND("three two one");
    FOUND("one two three", .oldest_first = true);
    FOUND("three two", .limit = 2);
    FOUND("one", .limit = 1, .oldest_first = true);
    FOUND("two", .id = "TWO");
    FOUND("three two", .id = "t*");
    FOUND("", .id = "t");
    FOUND("one", .from = "ann@example.com");
    FOUND("two one", .from = "*ANN@example.com*");
    FOUND("one", .rcpt = "eve@example.net");
    FOUND("one", .rcpt = "*@example.org");
    FOUND("", .rcpt = "bob");
    FOUND("two", .action = "reject");
    FOUND("three two", .would = "reject");
    FOUND("one", .reason = "viagra");
    FOUND("one", .reason = "every*else");
    FOUND("", .reason = "mortgage");
    FOUND("two", .campaign = "c7");
    FOUND("three", .door = "spamd");
    FOUND("three", .client = "192.0.2.*");
    FOUND("two", .client = "*.example.net");
    FOUND("three two", .since_ms = 2000);
    FOUND("one", .until_ms = 2000);
    FOUND("two", .since_ms = 2000, .until_ms = 3000);
    assert_found(p, (struct event_filter){.klass = 1}, "one");
    assert_found(p, (struct event_filter){.klass = 0}, "three two");
    FOUND("", .from = "*", .rcpt = "*@example.com");
    struct events_count n;
    OK(events_count(p->e, &n, &p->why));
    assert_true(n.rows == 3 && n.spam == 1 && n.ham == 2 && n.oldest_ms == 1000 && n.newest_ms == 3000 && n.file_bytes > 4096);
}

static void a_lesson_is_marked(void **state)
{
    struct place *p = *state;
    struct event x = event("one", 1000);
    add(p, &x);
    OK(events_mark_taught(p->e, SPAN_LIT("ONE"), true, &p->why));
    x.taught = SPAN_LIT("spam");
    assert_int_equal(events_each(p->e, &EVENT_FILTER_ANY, compare, &x, &p->why), 7);
    OK(events_mark_taught(p->e, SPAN_LIT("one"), false, &p->why));
    x.taught = SPAN_LIT("ham");
    assert_int_equal(events_each(p->e, &EVENT_FILTER_ANY, compare, &x, &p->why), 7);
    assert_int_equal(events_mark_taught(p->e, SPAN_LIT("two"), false, &p->why), POSSE_ENOENT);
}

/* ---- pruning ---- */

static void fill(struct place *p, int from, int to, size_t features)
{
    uint8_t *bytes = malloc(features + 1);
    for (size_t i = 0; i < features; i++)
        bytes[i] = (uint8_t)(mix64(i + (size_t)from) >> 7);
    OK(events_begin(p->e, &p->why));
    for (int i = from; i < to; i++) {
        char id[16];
        snprintf(id, sizeof id, "%06d", i);
        struct event x = event(id, i);
        x.features = span_of(bytes, features);
        OK(events_append(p->e, &x, &p->why));
    }
    OK(events_commit(p->e, &p->why));
    free(bytes);
}

struct tally { uint64_t rows, with_features; int64_t oldest_ms, oldest_features_ms; };

static int tally(void *ctx, const struct event *x)
{
    struct tally *t = ctx;
    t->rows++;
    t->with_features += x->features.n > 0;
    t->oldest_ms = x->time_ms;
    if (x->features.n)
        t->oldest_features_ms = x->time_ms;
    return 0;
}

static unsigned prune(struct place *p, int64_t before, int64_t features_before, uint64_t max, struct tally *t)
{
    unsigned steps = 0;
    bool more;
    do {
        OK(events_prune(p->e, before, features_before, max, &more, &p->why));
        assert_in_range(++steps, 1, 1000);
    } while (more);
    *t = (struct tally){0};
    OK(events_each(p->e, &EVENT_FILTER_ANY, tally, t, &p->why));
    return steps;
}

static void age_prunes_in_small_steps(void **state)
{
    struct place *p = *state;
    struct tally t;
    fill(p, 0, 3000, 200);
    assert_in_range(prune(p, 0, 1000, 0, &t), 3, 4);
    assert_true(t.rows == 3000 && t.with_features == 2000 && t.oldest_features_ms == 1000);
    assert_in_range(prune(p, 2000, 2500, 0, &t), 4, 6);
    assert_true(t.rows == 1000 && t.with_features == 500 && t.oldest_ms == 2000 && t.oldest_features_ms == 2500);
    assert_int_equal(prune(p, 2000, 2500, 0, &t), 1); /* nothing left to do */
    assert_int_equal(t.rows, 1000);
    OK(events_check(p->e, &p->why));
}

static uint64_t main_bytes(struct place *p)
{
    /* The log is folded in when the last handle closes. */
    struct stat st;
    events_close(&p->e);
    assert_int_equal(stat(p->path, &st), 0);
    OK(events_open(p->path, &p->e, &p->why));
    return (uint64_t)st.st_size;
}

static void size_prunes_the_oldest(void **state)
{
    struct place *p = *state;
    struct tally t;
    fill(p, 0, 4000, 500);
    uint64_t before = main_bytes(p);
    assert_true(before > 2000000);
    prune(p, 0, 0, 1000000, &t);
    assert_in_range(main_bytes(p), 700000, 1000000);
    assert_in_range(t.rows, 1000, 2500);
    assert_int_equal(t.oldest_ms, 4000 - (int64_t)t.rows); /* the oldest went, no other */
    assert_int_equal(prune(p, 0, 0, 1000000, &t), 1);
    prune(p, 0, 0, 1, &t); /* a cap that nothing fits into: no endless loop */
    assert_int_equal(t.rows, 0);
    OK(events_check(p->e, &p->why));
}

static void pruned_bytes_are_overwritten(void **state)
{
    struct place *p = *state;
    struct tally t;
    struct event x = event("x", 5);
    x.subject = SPAN_LIT("a-secret-that-stands-nowhere-else");
    add(p, &x);
    fill(p, 100, 200, 100);
    prune(p, 100, 0, 0, &t);
    events_close(&p->e);
    char command[160];
    snprintf(command, sizeof command, "! grep -aq a-secret-that-stands %s", p->path);
    assert_int_equal(system(command), 0);
}

static void a_message_is_forgotten(void **state)
{
    struct place *p = *state;
    uint8_t a[32] = {1}, b[32] = {2};
    uint64_t n;
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        struct event x = event(id, i);
        x.digest = i % 2 ? a : b;
        x.subject = i % 2 ? SPAN_LIT("a-secret-that-is-forgotten") : SPAN_NONE;
        x.features = SPAN_LIT("features");
        add(p, &x);
    }
    OK(events_forget(p->e, a, &n, &p->why));
    assert_int_equal(n, 2);
    FOUND("r4 r2 r0");
    OK(events_forget(p->e, a, &n, &p->why));
    assert_int_equal(n, 0);
    char command[320];
    snprintf(command, sizeof command, "! grep -aq a-secret-that-is %s %s-wal", p->path, p->path);
    assert_int_equal(system(command), 0); /* while the handle is open */
    OK(events_check(p->e, &p->why));
}

/* ---- several processes, damage ---- */

static void two_processes_append(void **state)
{
    struct place *p = *state;
    pid_t pid[2];
    for (int k = 0; k < 2; k++)
        if ((pid[k] = fork()) == 0) {
            struct events *e;
            struct report why = {0};
            if (events_open(p->path, &e, &why))
                _exit(1);
            for (int i = 0; i < 50; i++) {
                char id[16];
                snprintf(id, sizeof id, "%d-%d", k, i);
                struct event x = event(id, i);
                if (events_begin(e, &why) || events_append(e, &x, &why) || events_commit(e, &why))
                    _exit(2);
            }
            _exit(0);
        }
    for (int k = 0; k < 2; k++) {
        int status;
        waitpid(pid[k], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct events_count n;
    OK(events_count(p->e, &n, &p->why));
    assert_int_equal(n.rows, 100);
}

static void a_reader_keeps_nobody_from_writing(void **state)
{
    struct place *p = *state;
    struct events *other;
    fill(p, 0, 10, 10);
    OK(events_open(p->path, &other, &p->why));
    OK(events_begin(p->e, &p->why));
    struct event x = event("late", 99);
    OK(events_append(p->e, &x, &p->why));
    struct list l = {""};
    OK(events_each(other, &(struct event_filter){.klass = -1, .id = "late"}, note, &l, &p->why));
    assert_string_equal(l.text, "");
    OK(events_commit(p->e, &p->why));
    OK(events_each(other, &(struct event_filter){.klass = -1, .id = "late"}, note, &l, &p->why));
    assert_string_equal(l.text, "late");
    events_close(&other);
}

static void change(struct place *p, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void damage_is_told(void **state)
{
    struct place *p = *state;
    static const char *const sql[] = {
        "UPDATE events SET rcpt = x'ff'", "UPDATE events SET n_rcpt = 3", "UPDATE events SET reasons = x'0102'",
        "UPDATE events SET digest = x'01'", "UPDATE events SET id = ''",
    };
    struct event x = event("x", 5);
    struct span rcpt = SPAN_LIT("bob@example.org");
    x.rcpt = &rcpt;
    x.n_rcpt = 1;
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        add(p, &x);
        change(p, sql[i]);
        p->why.text[0] = '\0';
        assert_int_equal(events_check(p->e, &p->why), POSSE_ECORRUPT);
        assert_non_null(strstr(p->why.text, "move it away"));
        change(p, "DELETE FROM events");
    }
    events_close(&p->e);
    int fd = open(p->path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, "this is no database, but long enough to look like one .........", 64), 64);
    close(fd);
    assert_int_equal(events_open(p->path, &p->e, &p->why), POSSE_ECORRUPT);
    assert_non_null(strstr(p->why.text, "move it away"));
}

static void somebody_elses_file_is_left_alone(void **state)
{
    struct place *p = *state;
    struct lessons *l;
    assert_int_equal(lessons_open(p->path, &l, &p->why), POSSE_EVERSION);
    assert_non_null(strstr(p->why.text, "not of Posse's lessons"));
    events_close(&p->e);
    change(p, "PRAGMA user_version = 9");
    assert_int_equal(events_open(p->path, &p->e, &p->why), POSSE_EVERSION);
    assert_non_null(strstr(p->why.text, "format 9"));
}

/* ---- stars ---- */

static void stars_match(void **state)
{
    (void)state;
    static const struct { const char *pattern, *text; bool hit; } cases[] = {
        {"", "", true}, {"*", "", true}, {"**", "x", true}, {"", "x", false}, {"a", "A", true}, {"a*", "abc", true},
        {"*c", "abc", true}, {"*b*", "abc", true}, {"a*c", "abc", true}, {"a*c", "abcd", false}, {"*ab", "aab", true},
        {"*aab*", "aaaab", true}, {"a*b*c", "axxbxxc", true}, {"a*b*c", "axxbxx", false}, {"*x", "abc", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span s = exact_str(cases[i].text), pattern = exact_str(cases[i].pattern);
        if (span_iglob(s, pattern) != cases[i].hit)
            fail_msg("%s ~ %s", cases[i].text, cases[i].pattern);
        exact_free(s);
        exact_free(pattern);
    }
    /* Many stars cost no more than one. */
    char many[2001], as[20001];
    for (int i = 0; i < 1000; i++)
        memcpy(many + 2 * i, "*a", 2);
    memset(as, 'a', sizeof as);
    many[2000] = 'b';
    assert_false(span_iglob(span_of(as, sizeof as), span_of(many, sizeof many)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_comes_out_as_it_went_in), TEST(an_empty_row_is_a_row), TEST(long_texts_are_cut), TEST(an_id_stands_once),
        TEST(filters_choose), TEST(a_lesson_is_marked), TEST(age_prunes_in_small_steps), TEST(size_prunes_the_oldest),
        TEST(pruned_bytes_are_overwritten), TEST(a_message_is_forgotten), TEST(two_processes_append), TEST(a_reader_keeps_nobody_from_writing),
        TEST(damage_is_told), TEST(somebody_elses_file_is_left_alone), cmocka_unit_test(stars_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
