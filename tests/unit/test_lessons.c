/* The journal: what counts, exact undo, horizon, forgetting, several handles, damage. */
#include "unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/home.h"
#include "store/lessons.h"

struct place { char dir[64], path[96]; struct lessons *l; struct report why; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->dir, "/tmp/posse-lessons-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->path, sizeof p->path, "%s/lessons.db", p->dir);
    *state = p;
    return lessons_open(p->path, &p->l, &p->why);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    lessons_close(&p->l);
    snprintf(command, sizeof command, "rm -rf %s", p->dir);
    int rc = system(command);
    free(p);
    return rc;
}

static struct lesson lesson(unsigned message, const char *teacher, enum lesson_class klass)
{
    struct lesson x = {.time_ms = 1000 + message, .teacher = span_str(teacher), .door = SPAN_LIT("cli"), .klass = klass,
                       .extractor = 1, .features = SPAN_LIT("some features")};
    memcpy(x.digest, &message, sizeof message);
    return x;
}

static uint64_t teach(struct place *p, unsigned message, const char *teacher, enum lesson_class klass)
{
    uint64_t id, old;
    struct lesson x = lesson(message, teacher, klass);
    int rc = lessons_append(p->l, &x, &id, &old, &p->why);
    if (rc != POSSE_OK && rc != POSSE_EEXIST)
        fail_msg("%s", p->why.text);
    return rc == POSSE_EEXIST ? 0 : id;
}

/* "3s 7h": the live lessons in order, class beside the number. */
struct list { char text[512]; };

static int note(void *ctx, const struct lesson *x)
{
    struct list *l = ctx;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%llu%c", n ? " " : "", (unsigned long long)x->id,
             x->klass == LESSON_SPAM ? 's' : 'h');
    assert_int_equal(x->state, LESSON_LIVE);
    assert_span_equal(x->features, "some features");
    return 0;
}

static void assert_live(struct place *p, const char *expected)
{
    struct list l = {""};
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.live_only = true;
    assert_int_equal(lessons_each(p->l, &f, true, note, &l, &p->why), POSSE_OK);
    assert_string_equal(l.text, expected);
}

static void undo(struct place *p, bool forget, struct lesson_filter f, uint64_t n, uint64_t oldest)
{
    uint64_t got_n, got_oldest;
    int rc = (forget ? lessons_forget : lessons_revoke)(p->l, &f, &got_n, &got_oldest, &p->why);
    if (rc)
        fail_msg("%s", p->why.text);
    assert_int_equal(got_n, n);
    assert_int_equal(got_oldest, oldest);
    assert_int_equal(lessons_check(p->l, &p->why), POSSE_OK);
}

static struct lesson_filter of_teacher(const char *name)
{
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.teacher = span_str(name);
    return f;
}

static struct lesson_filter of_id(uint64_t id)
{
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.id = id;
    return f;
}

static void the_files_are_private(void **state)
{
    struct place *p = *state;
    teach(p, 1, "ann", LESSON_HAM);
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", p->path, tails[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static void a_lesson_comes_back_whole(void **state)
{
    struct place *p = *state;
    assert_int_equal(teach(p, 1, "ann", LESSON_SPAM), 1);
    assert_int_equal(teach(p, 2, "bob", LESSON_HAM), 2);
    assert_live(p, "1s 2h");
    lessons_close(&p->l);
    assert_int_equal(lessons_open(p->path, &p->l, &p->why), POSSE_OK);
    assert_live(p, "1s 2h");
    struct lessons_count c;
    assert_int_equal(lessons_count(p->l, &c, &p->why), POSSE_OK);
    assert_int_equal(c.live_ham, 1);
    assert_int_equal(c.live_spam, 1);
    assert_int_equal(c.last_id, 2);
    assert_int_equal(c.oldest_changed, 0);
    assert_in_range(c.file_bytes, 4096, 1 << 20);
}

static void a_second_verdict_replaces_the_first(void **state)
{
    struct place *p = *state;
    uint64_t epoch, later, id, old;
    teach(p, 1, "ann", LESSON_SPAM);
    teach(p, 2, "ann", LESSON_SPAM);
    lessons_epoch(p->l, &epoch, &p->why);
    assert_int_equal(teach(p, 1, "ann", LESSON_SPAM), 0); /* the same again */
    struct lesson x = lesson(1, "ann", LESSON_HAM);
    assert_int_equal(lessons_append(p->l, &x, &id, &old, &p->why), POSSE_OK);
    assert_int_equal(id, 3);
    assert_int_equal(old, 1);
    lessons_epoch(p->l, &later, &p->why);
    assert_int_not_equal(later, epoch);
    assert_live(p, "2s 3h");
    x.klass = LESSON_HAM;
    assert_int_equal(lessons_append(p->l, &x, &id, &old, &p->why), POSSE_EEXIST);
    assert_int_equal(id, 3);
    assert_int_equal(old, 0);
}

static void undo_leaves_what_would_have_been(void **state)
{
    struct place *p = *state;
    teach(p, 1, "ann", LESSON_SPAM);              /* 1 */
    assert_int_equal(teach(p, 1, "bob", LESSON_SPAM), 0); /* 2: agrees */
    teach(p, 2, "ann", LESSON_HAM);               /* 3 */
    teach(p, 2, "eve", LESSON_SPAM);              /* 4: overrules */
    assert_live(p, "1s 4s");
    undo(p, false, of_teacher("eve"), 1, 3);      /* as if eve had never been */
    assert_live(p, "1s 3h");
    undo(p, false, of_teacher("ann"), 2, 1);      /* bob's agreement stands in for ann's lesson */
    assert_live(p, "2s");
    undo(p, false, of_teacher("bob"), 1, 2);
    assert_live(p, "");
    struct lessons_count c;
    assert_int_equal(lessons_count(p->l, &c, &p->why), POSSE_OK);
    assert_int_equal(c.revoked, 4);
    assert_int_equal(c.oldest_changed, 1);
    assert_int_equal(teach(p, 1, "ann", LESSON_SPAM), 5); /* ids are never used again */
}

/* The rule itself, written anew and slowly. */
struct verdict { unsigned message; int teacher; int klass; bool gone; uint64_t id; };

static void expected_live(const struct verdict *v, size_t n, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        bool live = !v[i].gone;
        for (size_t j = i + 1; j < n; j++)
            if (!v[j].gone && v[j].message == v[i].message && v[j].klass != v[i].klass)
                live = false;
        for (size_t j = i; live && j-- > 0;)
            if (!v[j].gone && v[j].message == v[i].message) {
                live = v[j].klass != v[i].klass;
                break;
            }
        size_t len = strlen(out);
        if (live)
            snprintf(out + len, size - len, "%s%llu%c", len ? " " : "", (unsigned long long)v[i].id, v[i].klass ? 's' : 'h');
    }
}

static void random_histories_agree_with_the_rule(void **state)
{
    struct place *p = *state;
    static const char *const names[] = {"ann", "bob", "eve"};
    struct verdict v[64];
    size_t n = 0;
    uint64_t seed = 11, last = 0;
    for (int step = 0; step < 300 && n < 60; step++) {
        uint64_t r = mix64(seed += 0x9e3779b97f4a7c15ull);
        if (r % 4 < 3) {
            unsigned message = (unsigned)(r >> 8) % 4;
            int teacher = (int)((r >> 16) % 3), klass = (int)((r >> 24) & 1);
            teach(p, message, names[teacher], klass ? LESSON_SPAM : LESSON_HAM);
            struct lessons_count c;
            assert_int_equal(lessons_count(p->l, &c, &p->why), POSSE_OK);
            if (c.last_id > last) /* recorded */
                v[n++] = (struct verdict){message, teacher, klass, false, last = c.last_id};
        } else if (r % 16 == 3) {
            uint64_t k, oldest;
            struct lesson_filter f = of_teacher(names[(r >> 16) % 3]);
            assert_int_equal(lessons_revoke(p->l, &f, &k, &oldest, &p->why), POSSE_OK);
            for (size_t i = 0; i < n; i++)
                v[i].gone = v[i].gone || v[i].teacher == (int)((r >> 16) % 3);
        } else if (n) {
            uint64_t k, oldest, id = v[(r >> 16) % n].id;
            struct lesson_filter f = of_id(id);
            bool forget = r >> 40 & 1;
            int rc = (forget ? lessons_forget : lessons_revoke)(p->l, &f, &k, &oldest, &p->why);
            assert_true(rc == POSSE_OK || rc == POSSE_ENOENT);
            v[(r >> 16) % n].gone = true;
        }
        char want[512];
        expected_live(v, n, want, sizeof want);
        assert_live(p, want);
    }
    assert_int_equal(lessons_check(p->l, &p->why), POSSE_OK);
    assert_in_range(n, 30, 60);
}

static void changes_are_known_by_epoch(void **state)
{
    struct place *p = *state;
    uint64_t e0, e1, oldest;
    for (unsigned i = 1; i <= 9; i++)
        teach(p, i, "ann", LESSON_SPAM);
    lessons_epoch(p->l, &e0, &p->why);
    undo(p, false, of_id(7), 1, 7);
    lessons_epoch(p->l, &e1, &p->why);
    undo(p, false, of_id(8), 1, 8);
    assert_int_equal(lessons_changed_since(p->l, e0, &oldest, &p->why), POSSE_OK);
    assert_int_equal(oldest, 7);
    lessons_changed_since(p->l, e1, &oldest, &p->why);
    assert_int_equal(oldest, 8);
    undo(p, false, of_id(2), 1, 2);
    lessons_changed_since(p->l, e1, &oldest, &p->why);
    assert_int_equal(oldest, 2);
    lessons_epoch(p->l, &e1, &p->why);
    lessons_changed_since(p->l, e1, &oldest, &p->why);
    assert_int_equal(oldest, 0);
    undo(p, false, of_id(2), 0, 0); /* nothing left to take back: nothing changes */
    lessons_epoch(p->l, &e0, &p->why);
    assert_int_equal(e0, e1);
}

static void past_the_horizon_nothing_is_taken_back(void **state)
{
    struct place *p = *state;
    uint64_t n, oldest;
    teach(p, 1, "ann", LESSON_SPAM); /* 1 */
    teach(p, 2, "ann", LESSON_SPAM); /* 2 */
    teach(p, 2, "bob", LESSON_HAM);  /* 3 */
    teach(p, 3, "ann", LESSON_SPAM); /* 4 */
    assert_int_equal(lessons_seal(p->l, 9, &p->why), POSSE_EINVAL);
    assert_int_equal(lessons_seal(p->l, 2, &p->why), POSSE_OK);
    assert_live(p, "3h 4s");
    struct lessons_count c;
    assert_int_equal(lessons_count(p->l, &c, &p->why), POSSE_OK);
    assert_int_equal(c.sealed, 1);
    assert_int_equal(c.sealed_up_to, 2);
    struct lesson_filter f = of_id(1);
    assert_int_equal(lessons_revoke(p->l, &f, &n, &oldest, &p->why), POSSE_EINVAL);
    undo(p, false, of_teacher("bob"), 1, 3); /* 2 was settled by then and does not come back */
    assert_live(p, "4s");
    assert_int_equal(teach(p, 1, "ann", LESSON_SPAM), 0); /* in the base already */
    assert_int_equal(teach(p, 1, "bob", LESSON_HAM), 5);
    assert_live(p, "4s 5h");
    undo(p, true, of_teacher("ann"), 3, 4); /* forgetting reaches them */
    assert_live(p, "5h");
}

static bool file_holds(const char *path, const char *what)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    static char b[1 << 20];
    size_t n = fread(b, 1, sizeof b, f);
    fclose(f);
    return memmem(b, n, what, strlen(what)) != NULL;
}

static void what_is_forgotten_is_gone_from_disk(void **state)
{
    struct place *p = *state;
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", p->path);
    struct lesson x = lesson(1, "a very private teacher", LESSON_SPAM);
    x.features = SPAN_LIT("telltale features");
    uint64_t id, old;
    assert_int_equal(lessons_append(p->l, &x, &id, &old, &p->why), POSSE_OK);
    teach(p, 2, "bob", LESSON_HAM);
    assert_true(file_holds(p->path, "telltale") || file_holds(wal, "telltale"));
    undo(p, true, of_teacher("a very private teacher"), 1, 1);
    assert_false(file_holds(p->path, "telltale") || file_holds(wal, "telltale"));
    assert_false(file_holds(p->path, "very private") || file_holds(wal, "very private"));
    assert_live(p, "2h");
}

static void a_batch_is_all_or_nothing(void **state)
{
    struct place *p = *state;
    uint64_t id, old;
    assert_int_equal(lessons_begin(p->l, &p->why), POSSE_OK);
    teach(p, 1, "ann", LESSON_SPAM);
    struct lesson bad = lesson(2, "control\n", LESSON_SPAM);
    assert_int_equal(lessons_append(p->l, &bad, &id, &old, &p->why), POSSE_EINVAL);
    assert_int_equal(id, 0);
    assert_int_equal(lessons_commit(p->l, &p->why), POSSE_EINVAL);
    assert_live(p, "");
    assert_int_equal(lessons_begin(p->l, &p->why), POSSE_OK);
    teach(p, 1, "ann", LESSON_SPAM);
    lessons_rollback(p->l);
    assert_live(p, "");
    assert_int_equal(lessons_begin(p->l, &p->why), POSSE_OK);
    teach(p, 1, "ann", LESSON_SPAM);
    assert_int_equal(teach(p, 1, "ann", LESSON_SPAM), 0); /* EEXIST is no failure */
    teach(p, 2, "ann", LESSON_HAM);
    assert_int_equal(lessons_commit(p->l, &p->why), POSSE_OK);
    assert_live(p, "1s 2h");
}

static void two_handles_see_one_journal(void **state)
{
    struct place *p = *state;
    struct lessons *other;
    assert_int_equal(lessons_open(p->path, &other, &p->why), POSSE_OK);
    teach(p, 1, "ann", LESSON_SPAM);
    struct lessons *mine = p->l;
    p->l = other;
    assert_live(p, "1s");
    assert_int_equal(teach(p, 2, "bob", LESSON_HAM), 2);
    p->l = mine;
    assert_live(p, "1s 2h");
    lessons_close(&other);
}

static void odd_files_are_refused(void **state)
{
    struct place *p = *state;
    char path[128];
    struct lessons *l;
    snprintf(path, sizeof path, "%s/other.db", p->dir);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE somebody(s); PRAGMA user_version = 1;", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(lessons_open(path, &l, &p->why), POSSE_EVERSION);
    assert_null(l);
    char wal[160];
    snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(access(wal, F_OK), -1); /* and not switched to WAL */
    lessons_close(&p->l);
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99;", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(lessons_open(p->path, &l, &p->why), POSSE_EVERSION);
    assert_non_null(strstr(p->why.text, "format 99"));
    FILE *f = fopen(path, "wb");
    for (int i = 0; i < 4096; i++)
        fputs("no database ", f);
    fclose(f);
    assert_int_equal(lessons_open(path, &l, &p->why), POSSE_ECORRUPT);
    snprintf(path, sizeof path, "%s/folder", p->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(lessons_open(path, &l, &p->why), POSSE_ENOTFILE);
    assert_int_equal(lessons_open("/proc/posse/lessons.db", &l, &p->why), POSSE_ENOENT);
}

static void a_flipped_bit_in_a_lesson_is_seen(void **state)
{
    struct place *p = *state;
    teach(p, 1, "ann", LESSON_SPAM);
    assert_int_equal(lessons_check(p->l, &p->why), POSSE_OK);
    lessons_close(&p->l);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    sqlite3_exec(db, "UPDATE lessons SET klass = 1 - klass;", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(lessons_open(p->path, &p->l, &p->why), POSSE_OK);
    assert_int_equal(lessons_check(p->l, &p->why), POSSE_ECORRUPT);
    assert_non_null(strstr(p->why.text, "lesson 1 is damaged"));
}

static int stop_at_second(void *ctx, const struct lesson *x)
{
    (void)x;
    return ++*(int *)ctx == 2 ? 42 : 0;
}

static void filters_pick(void **state)
{
    struct place *p = *state;
    for (unsigned i = 1; i <= 6; i++)
        teach(p, i, i % 2 ? "ann" : "bob", i > 3 ? LESSON_SPAM : LESSON_HAM);
    struct { struct lesson_filter f; const char *want; } cases[] = {
        {{.klass = -1, .after_id = 4}, "5s 6s"},
        {{.klass = -1, .teacher = SPAN_LIT("bob")}, "2h 4s 6s"},
        {{.klass = LESSON_HAM}, "1h 2h 3h"},
        {{.klass = -1, .since_ms = 1002, .until_ms = 1005}, "2h 3h 4s"},
        {{.klass = -1, .newest_first = true, .limit = 2}, "6s 5s"},
        {{.klass = -1, .id = 3}, "3h"},
        {{.klass = LESSON_SPAM, .teacher = SPAN_LIT("ann")}, "5s"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct list l = {""};
        assert_int_equal(lessons_each(p->l, &cases[i].f, true, note, &l, &p->why), POSSE_OK);
        assert_string_equal(l.text, cases[i].want);
    }
    int n = 0;
    assert_int_equal(lessons_each(p->l, &LESSON_FILTER_ANY, false, stop_at_second, &n, &p->why), 42);
    struct lesson x = lesson(5, "ann", LESSON_SPAM);
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.digest = x.digest;
    undo(p, true, f, 1, 5);
    struct lesson_filter last = {.klass = -1, .newest_first = true, .limit = 2};
    undo(p, false, last, 2, 4);
    assert_live(p, "1h 2h 3h");
    f = of_id(77);
    uint64_t k, oldest;
    assert_int_equal(lessons_revoke(p->l, &f, &k, &oldest, &p->why), POSSE_ENOENT);
}

static void bad_lessons_are_refused(void **state)
{
    struct place *p = *state;
    uint64_t id, old;
    static const char *const names[] = {"", "\xff", "a\x1b[2J", "\xc2\x85",
                                        "12345678901234567890123456789012345678901234567890123456789012345"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct lesson x = lesson(1, names[i], LESSON_SPAM);
        assert_int_equal(lessons_append(p->l, &x, &id, &old, &p->why), POSSE_EINVAL);
    }
    struct lesson x = lesson(1, "ann", LESSON_SPAM);
    x.features = SPAN_NONE;
    assert_int_equal(lessons_append(p->l, &x, &id, &old, &p->why), POSSE_EINVAL);
    assert_live(p, "");
}

/* Root is let in everywhere, so the child becomes nobody first. */
static void a_folder_of_others_is_refused_with_advice(void **state)
{
    struct place *p = *state;
    char home[128], path[160], inner[192];
    snprintf(home, sizeof home, "%s/home", p->dir);
    assert_int_equal(home_prepare(home, &p->why), POSSE_OK);
    struct stat st;
    assert_int_equal(stat(home, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(chmod(home, 0755), 0);
    assert_int_equal(home_prepare(home, &p->why), POSSE_OK); /* empty and ours: closed */
    assert_int_equal(stat(home, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/file", home);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(chmod(home, 0755), 0);
    assert_int_equal(home_prepare(home, &p->why), POSSE_EACCES);
    assert_non_null(strstr(p->why.text, "chmod 700"));
    assert_int_equal(home_prepare(path, &p->why), POSSE_ENOTFILE);
    assert_int_equal(home_prepare("", &p->why), POSSE_EINVAL);
    snprintf(inner, sizeof inner, "%s/a/b", home);
    assert_int_equal(home_prepare(inner, &p->why), POSSE_OK);
    if (geteuid() != 0)
        return;
    assert_int_equal(chmod(p->dir, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct lessons *l = NULL;
        struct report why = {0};
        int rc = setgid(65534) == 0 && setuid(65534) == 0 ? 0 : 2;
        snprintf(path, sizeof path, "%s/new/lessons.db", p->dir);
        _exit(rc ? rc : lessons_open(path, &l, &why) == POSSE_EACCES && strstr(why.text, "check owner and mode") ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_files_are_private), TEST(a_lesson_comes_back_whole), TEST(a_second_verdict_replaces_the_first),
        TEST(undo_leaves_what_would_have_been), TEST(random_histories_agree_with_the_rule),
        TEST(changes_are_known_by_epoch), TEST(past_the_horizon_nothing_is_taken_back),
        TEST(what_is_forgotten_is_gone_from_disk), TEST(a_batch_is_all_or_nothing), TEST(two_handles_see_one_journal),
        TEST(odd_files_are_refused), TEST(a_flipped_bit_in_a_lesson_is_seen), TEST(filters_pick),
        TEST(bad_lessons_are_refused), TEST(a_folder_of_others_is_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
