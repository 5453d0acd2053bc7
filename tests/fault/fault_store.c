/* fault_store: the n-th write, flush or allocation fails, for every n, while a snapshot is written and lessons are
 * appended; the disk fills up; the process is killed. Afterwards: the old snapshot or the new one, whole; every lesson
 * that was acknowledged, once; and teaching a refused one again counts it once.
 */
#include "fault.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/error.h"
#include "store/lessons.h"
#include "store/snapshot.h"

/* ---- snapshots ---- */

static void check_snapshot(const char *path, bool must_be_new, const uint8_t *big)
{
    struct snapshot *s;
    struct report why = {0};
    if (snapshot_open(path, SNAPSHOT_MODEL, &s, &why))
        fail_msg("%s", why.text);
    struct span data = snapshot_get(s, "data");
    bool is_new = data.n == 100000 && memcmp(data.p, big, data.n) == 0;
    if (must_be_new ? !is_new : !is_new && !span_eq(data, SPAN_LIT("old")))
        fail_msg("neither the old snapshot nor the new one");
    snapshot_close(&s);
}

static void a_snapshot_is_old_or_new(void **state)
{
    struct place *p = *state;
    char tmp[128];
    snprintf(p->path, sizeof p->path, "%s/model.posse", p->dir);
    snprintf(tmp, sizeof tmp, "%s.tmp", p->path);
    static uint8_t big[100000];
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7);
    const struct snapshot_section old[] = {{"data", SPAN_LIT("old")}}, new[] = {{"data", {big, sizeof big}}, {"more", SPAN_LIT("x")}};
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        long n = 0;
        do {
            struct report why = {0};
            assert_int_equal(snapshot_write(p->path, SNAPSHOT_MODEL, old, 1, &why), POSSE_OK);
            n++;
            arm(kind, n, n % 2);
            int rc = snapshot_write(p->path, SNAPSHOT_MODEL, new, 2, &why);
            disarm();
            assert_true(rc == POSSE_OK || (rc == why.code && strstr(why.text, p->dir)));
            assert_true(!rc != fault.tripped); /* no fault is passed over in silence */
            assert_int_equal(access(tmp, F_OK), -1);
            check_snapshot(p->path, rc == POSSE_OK, big);
        } while (fault.tripped);
        assert_in_range(n, 2, 100);
    }
}

/* ---- lessons ---- */

static struct lesson lesson(uint32_t i)
{
    static uint8_t features[3000];
    struct lesson x = {.time_ms = i, .teacher = SPAN_LIT("ann"), .door = SPAN_LIT("test"), .klass = LESSON_SPAM,
                       .extractor = 1, .features = {features, sizeof features}};
    memcpy(x.digest, &i, sizeof i);
    return x;
}

static int append(struct lessons *l, uint32_t i, struct report *why)
{
    uint64_t id, old;
    struct lesson x = lesson(i);
    return lessons_append(l, &x, &id, &old, why);
}

struct seen { uint32_t n; uint8_t times[4096]; };

static int see(void *ctx, const struct lesson *x)
{
    struct seen *s = ctx;
    uint32_t i;
    memcpy(&i, x->digest, sizeof i);
    assert_in_range(i, 0, 4095);
    s->times[i]++;
    s->n++;
    return 0;
}

static struct seen look(struct lessons *l)
{
    struct seen s = {0};
    struct report why = {0};
    struct lesson_filter f = LESSON_FILTER_ANY;
    f.live_only = true;
    if (lessons_each(l, &f, true, see, &s, &why) || lessons_check(l, &why))
        fail_msg("%s", why.text);
    return s;
}

static struct lessons *open_or_fail(const char *path)
{
    struct lessons *l;
    struct report why = {0};
    if (lessons_open(path, &l, &why))
        fail_msg("%s", why.text);
    return l;
}

/* Teaches lessons [10, 10 + n) under a fault; returns the error of it. */
static int teach_under_fault(struct lessons *l, uint32_t n, struct report *why)
{
    int rc = n > 1 ? lessons_begin(l, why) : POSSE_OK;
    if (rc)
        return rc;
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = append(l, 10 + i, why);
    if (n > 1 && !rc)
        rc = lessons_commit(l, why);
    else if (n > 1)
        lessons_rollback(l);
    return rc;
}

static void check_after_fault(const char *path, uint32_t n, int rc, enum fault kind)
{
    struct lessons *l = open_or_fail(path);
    struct seen s = look(l);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(s.times[i], 1);
    /* All or none; a flush that failed may have happened all the same. */
    assert_true(s.n == 3 + n || (rc && s.n == 3));
    if (rc && kind != FAULT_SYNC)
        assert_int_equal(s.n, 3);
    for (uint32_t i = 0; i < n; i++) {
        struct report why = {0};
        int again = append(l, 10 + i, &why);
        assert_int_equal(again, s.n == 3 ? POSSE_OK : POSSE_EEXIST);
    }
    s = look(l);
    assert_int_equal(s.n, 3 + n);
    lessons_close(&l);
}

static void no_lesson_is_lost_or_doubled(void **state)
{
    struct place *p = *state;
    static const uint32_t sizes[] = {1, 20};
    snprintf(p->path, sizeof p->path, "%s/home/lessons.db", p->dir);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++)
        for (size_t k = 0; k < 2; k++) {
            if (kind == FAULT_RENAME)
                continue;
            long n = 0;
            do {
                empty(p);
                struct lessons *l = open_or_fail(p->path);
                struct report why = {0};
                for (uint32_t i = 0; i < 3; i++)
                    assert_int_equal(append(l, i, &why), POSSE_OK);
                n++;
                arm(kind, n, n % 2);
                int rc = teach_under_fault(l, sizes[k], &why);
                disarm();
                assert_true(rc == POSSE_OK || fault.tripped);
                if (rc == POSSE_OK)
                    assert_int_equal(look(l).n, 3 + sizes[k]);
                else if (n % 4 < 2) /* and the same handle goes on */
                    assert_int_equal(append(l, 10, &why), POSSE_OK), rc = sizes[k] == 1 ? POSSE_OK : rc;
                bool went_on = rc == POSSE_OK || n % 4 >= 2;
                lessons_close(&l);
                if (went_on)
                    check_after_fault(p->path, sizes[k], rc, kind);
            } while (fault.tripped);
            assert_in_range(n, 2, 2000);
        }
}

static void opening_survives_faults(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/home/lessons.db", p->dir);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        if (kind == FAULT_RENAME)
            continue;
        long n = 0;
        do {
            empty(p);
            struct lessons *l;
            struct report why = {0};
            n++;
            arm(kind, n, n % 2);
            int rc = lessons_open(p->path, &l, &why);
            disarm();
            assert_true(rc == POSSE_OK ? l != NULL : l == NULL && fault.tripped && rc == why.code && *why.text);
            lessons_close(&l);
            l = open_or_fail(p->path);
            assert_int_equal(append(l, 1, &why), POSSE_OK);
            assert_int_equal(look(l).n, 1);
            lessons_close(&l);
        } while (fault.tripped);
        assert_in_range(n, 2, 2000);
    }
}

/* ---- kill ---- */

static void append_and_tell(const char *path, uint32_t from, int fd)
{
    struct report why = {0};
    struct lessons *l;
    if (lessons_open(path, &l, &why))
        _exit(1);
    for (uint32_t i = from;; i++) {
        if (append(l, i, &why) || write(fd, &i, sizeof i) != sizeof i)
            _exit(2);
    }
}

static void a_kill_loses_nothing_acknowledged(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/home/lessons.db", p->dir);
    uint32_t next = 0;
    for (int round = 0; round < 40 && next < 3500; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            append_and_tell(p->path, next, fds[1]);
        close(fds[1]);
        uint32_t told = UINT32_MAX, i;
        /* Lets a few through, then kills in the midst of one. */
        for (int k = 0; k <= round % 5 && read(fds[0], &i, sizeof i) == sizeof i; k++)
            told = i;
        usleep((useconds_t)(round * 137 % 3000));
        kill(pid, SIGKILL);
        while (read(fds[0], &i, sizeof i) == sizeof i)
            told = i;
        close(fds[0]);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        struct lessons *l = open_or_fail(p->path);
        struct seen s = look(l);
        lessons_close(&l);
        uint32_t acknowledged = told == UINT32_MAX ? next : told + 1;
        assert_in_range(s.n, acknowledged, acknowledged + 1);
        for (i = 0; i < s.n; i++)
            assert_int_equal(s.times[i], 1);
        next = s.n;
    }
    assert_in_range(next, 40, 4095);
}

/* ---- full ---- */

static int fill(struct lessons *l, uint32_t *n, struct report *why)
{
    int rc;
    while ((rc = append(l, *n, why)) == POSSE_OK)
        ++*n;
    return rc;
}

static void a_file_size_limit_is_told(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/home/lessons.db", p->dir);
    struct lessons *l = open_or_fail(p->path);
    struct rlimit was, small;
    getrlimit(RLIMIT_FSIZE, &was);
    small = was;
    small.rlim_cur = 400000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct report why = {0};
    uint32_t n = 0;
    int rc = fill(l, &n, &why);
    setrlimit(RLIMIT_FSIZE, &was);
    /* SQLite may lose the errno of it on the way, so the advice for EIO names the limit too. */
    if ((rc != POSSE_ETOOBIG && rc != POSSE_EIO) || !strstr(why.text, "ulimit -f"))
        fail_msg("%d: %s", rc, why.text);
    assert_int_equal(look(l).n, n);
    assert_int_equal(append(l, n++, &why), POSSE_OK);
    lessons_close(&l);
    l = open_or_fail(p->path);
    assert_int_equal(look(l).n, n);
    lessons_close(&l);
}

static void a_full_disk_is_told(void **state)
{
    struct place *p = *state;
    if (mount("posse-test", p->dir, "tmpfs", 0, "size=1m,mode=0700") != 0)
        skip();
    snprintf(p->path, sizeof p->path, "%s/home/lessons.db", p->dir);
    struct lessons *l = open_or_fail(p->path);
    struct report why = {0};
    uint32_t n = 0;
    int rc = fill(l, &n, &why);
    uint32_t seen = look(l).n;
    lessons_close(&l);
    char model[128];
    snprintf(model, sizeof model, "%s/model.posse", p->dir);
    static uint8_t big[2 << 20];
    const struct snapshot_section s[] = {{"data", {big, sizeof big}}};
    struct report full = {0};
    int snap = snapshot_write(model, SNAPSHOT_MODEL, s, 1, &full);
    bool nothing_left = access(model, F_OK) != 0;
    l = open_or_fail(p->path);
    uint32_t after = look(l).n;
    lessons_close(&l);
    assert_int_equal(umount(p->dir), 0);
    assert_int_equal(rc, POSSE_EFULL);
    assert_non_null(strstr(why.text, "free some space"));
    assert_int_equal(seen, n);
    assert_int_equal(after, n);
    assert_int_equal(snap, POSSE_EFULL);
    assert_non_null(strstr(full.text, "free some space"));
    assert_true(nothing_left);
}

static void a_busy_journal_is_told(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/home/lessons.db", p->dir);
    struct lessons *l = open_or_fail(p->path), *other = open_or_fail(p->path);
    struct report why = {0};
    assert_int_equal(lessons_begin(other, &why), POSSE_OK);
    assert_int_equal(append(l, 1, &why), POSSE_EBUSY);
    assert_non_null(strstr(why.text, "wait for the other process"));
    lessons_rollback(other);
    assert_int_equal(append(l, 1, &why), POSSE_OK);
    lessons_close(&other);
    lessons_close(&l);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_is_old_or_new), TEST(no_lesson_is_lost_or_doubled), TEST(opening_survives_faults),
        TEST(a_kill_loses_nothing_acknowledged), TEST(a_file_size_limit_is_told), TEST(a_full_disk_is_told),
        TEST(a_busy_journal_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
