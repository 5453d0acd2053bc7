/* fault_keep: the n-th write, flush, rename or allocation fails, for every n, while mail is quarantined and history is
 * written; the disk fills up; the process is killed. Afterwards: what was acknowledged is there, whole; what was refused
 * left nothing behind; and the same handle goes on. */
#include "fault.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/error.h"
#include "store/events.h"
#include "store/quarantine.h"

static const uint8_t mail_digest[32] = {1};

static int put(struct quarantine *q, uint32_t i, size_t size, struct report *why)
{
    static uint8_t raw[65536];
    for (size_t k = 0; k < size; k++)
        raw[k] = (uint8_t)((k * 2654435761u + i * 40503u) >> 9);
    struct span rcpt = SPAN_LIT("bob@example.org");
    struct quarantine_item x = {.time_ms = i, .rcpt = &rcpt, .n_rcpt = 1, .mail_digest = mail_digest};
    uint64_t id;
    return quarantine_put(q, &x, span_of(raw, size), &id, why);
}

static struct quarantine *open_or_fail(const char *path)
{
    struct quarantine *q;
    struct report why = {0};
    if (quarantine_open(path, &q, &why))
        fail_msg("%s", why.text);
    return q;
}

static uint64_t count(struct quarantine *q)
{
    struct quarantine_count c;
    struct report why = {0};
    if (quarantine_count(q, &c, &why) || quarantine_check(q, &why))
        fail_msg("%s", why.text);
    return c.kept;
}

static int count_files(const char *folder)
{
    char command[256];
    int n = -1;
    snprintf(command, sizeof command, "find %s -type f ! -name 'index.db*' | wc -l", folder);
    FILE *f = popen(command, "r");
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

/* item 0 is there; items 1 and, with the same bytes as item 0, 0 again are put under the fault. */
static void a_message_is_kept_or_refused(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/quarantine", p->dir);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++)
        for (uint32_t what = 0; what < 2; what++) {
            long n = 0;
            do {
                empty(p);
                struct report why = {0};
                struct quarantine *q = open_or_fail(p->path);
                assert_int_equal(put(q, 0, 3000, &why), POSSE_OK);
                n++;
                arm(kind, n, n % 2);
                int rc = put(q, what, 3000, &why);
                disarm();
                assert_true(rc == POSSE_OK || (fault.tripped && rc == why.code && *why.text));
                uint64_t kept = count(q);
                /* A flush that failed may have happened all the same. */
                assert_true(rc == POSSE_OK ? kept == 2 : kept == 1 || kind == FAULT_SYNC);
                assert_int_equal(put(q, 2, 3000, &why), POSSE_OK);
                uint64_t gone;
                assert_int_equal(quarantine_expire(q, 0, 0, &gone, &why), POSSE_OK);
                assert_int_equal(gone, 0);
                assert_int_equal(count(q), kept + 1);
                assert_int_equal(count_files(p->path), 2 + (what == 1 && kept == 2));
                quarantine_close(&q);
            } while (fault.tripped);
            assert_in_range(n, kind == FAULT_RENAME && what == 0 ? 1 : 2, 2000);
        }
}

static void expiry_goes_on_after_a_fault(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/quarantine", p->dir);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        long n = 0;
        do {
            empty(p);
            struct report why = {0};
            struct quarantine *q = open_or_fail(p->path);
            for (uint32_t i = 0; i < 4; i++)
                assert_int_equal(put(q, i, 1000, &why), POSSE_OK);
            n++;
            uint64_t gone;
            arm(kind, n, n % 2);
            int rc = quarantine_expire(q, 2, 0, &gone, &why);
            disarm();
            assert_true(rc == POSSE_OK || fault.tripped);
            count(q); /* every row has its bytes */
            quarantine_close(&q);
            q = open_or_fail(p->path);
            assert_int_equal(quarantine_expire(q, 2, 0, &gone, &why), POSSE_OK);
            assert_int_equal(count(q), 2);
            assert_int_equal(count_files(p->path), 2);
            quarantine_close(&q);
        } while (fault.tripped);
        assert_in_range(n, 1, 2000);
    }
}

static void opening_survives_faults(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/quarantine", p->dir);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        long n = 0;
        do {
            empty(p);
            struct quarantine *q;
            struct report why = {0};
            n++;
            arm(kind, n, n % 2);
            int rc = quarantine_open(p->path, &q, &why);
            disarm();
            assert_true(rc == POSSE_OK ? q != NULL : q == NULL && fault.tripped && rc == why.code && *why.text);
            quarantine_close(&q);
            q = open_or_fail(p->path);
            assert_int_equal(put(q, 1, 100, &why), POSSE_OK);
            assert_int_equal(count(q), 1);
            quarantine_close(&q);
        } while (fault.tripped);
        assert_in_range(n, 1, 2000);
    }
}

/* ---- kill ---- */

static void put_and_tell(const char *path, uint32_t from, int fd)
{
    struct report why = {0};
    struct quarantine *q;
    if (quarantine_open(path, &q, &why))
        _exit(1);
    for (uint32_t i = from;; i++) {
        if (put(q, i, 2000, &why) || write(fd, &i, sizeof i) != sizeof i)
            _exit(2);
    }
}

static void a_kill_loses_nothing_acknowledged(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/quarantine", p->dir);
    uint32_t next = 0;
    for (int round = 0; round < 30; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            put_and_tell(p->path, next, fds[1]);
        close(fds[1]);
        uint32_t told = next, i;
        for (int k = 0; k <= round % 5 && read(fds[0], &i, sizeof i) == sizeof i; k++)
            told = i + 1;
        usleep((useconds_t)(round * 137 % 3000));
        kill(pid, SIGKILL);
        while (read(fds[0], &i, sizeof i) == sizeof i)
            told = i + 1;
        close(fds[0]);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        struct quarantine *q = open_or_fail(p->path);
        uint64_t kept = count(q), gone;
        struct report why = {0};
        assert_in_range(kept, told, told + 1);
        assert_int_equal(quarantine_expire(q, 0, 0, &gone, &why), POSSE_OK);
        assert_int_equal(count_files(p->path), kept);
        quarantine_close(&q);
        next = (uint32_t)kept;
    }
}

/* ---- full ---- */

static void a_full_disk_is_told(void **state)
{
    struct place *p = *state;
    if (mount("posse-test", p->dir, "tmpfs", 0, "size=1m,mode=0700") != 0)
        skip();
    snprintf(p->path, sizeof p->path, "%s/quarantine", p->dir);
    char command[128];
    snprintf(command, sizeof command, "head -c 100000 /dev/zero > %s/filler", p->dir);
    assert_int_equal(system(command), 0);
    struct quarantine *q = open_or_fail(p->path);
    struct report why = {0}, ignored;
    uint32_t n = 0;
    int rc;
    while ((rc = put(q, n, 20000, &why)) == POSSE_OK)
        n++;
    uint64_t gone, kept = count(q);
    int files = count_files(p->path), full = quarantine_expire(q, 5, 0, &gone, &ignored);
    uint64_t kept_still = count(q);
    snprintf(command, sizeof command, "rm %s/filler", p->dir);
    assert_int_equal(system(command), 0);
    int again = quarantine_expire(q, 5, 0, &gone, &ignored);
    int after = put(q, 9999, 20000, &ignored);
    uint64_t kept_then = count(q);
    quarantine_close(&q);
    assert_int_equal(umount(p->dir), 0);
    assert_int_equal(rc, POSSE_EFULL);
    assert_non_null(strstr(why.text, "free some space"));
    assert_true(kept == n && files == (int)n);
    assert_true(full == POSSE_OK || (full == POSSE_EFULL && kept_still == n)); /* its log needs room too */
    assert_int_equal(again, POSSE_OK);
    assert_int_equal(after, POSSE_OK); /* what expired makes room */
    assert_int_equal(kept_then, n - 5 + 1);
}

/* ---- history ---- */

static int append(struct events *e, int from, int to, struct report *why)
{
    int rc = events_begin(e, why);
    if (rc)
        return rc;
    for (int i = from; i < to; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        struct span rcpt = SPAN_LIT("bob@example.org");
        static uint8_t features[2000];
        struct event x = {.id = span_str(id), .time_ms = i, .rcpt = &rcpt, .n_rcpt = 1, .features = {features, sizeof features}};
        events_append(e, &x, why);
    }
    return events_commit(e, why);
}

static uint64_t rows(struct events *e)
{
    struct events_count c;
    struct report why = {0};
    if (events_count(e, &c, &why) || events_check(e, &why))
        fail_msg("%s", why.text);
    return c.rows;
}

static void a_batch_is_kept_or_not(void **state)
{
    struct place *p = *state;
    snprintf(p->path, sizeof p->path, "%s/home/events.db", p->dir);
    for (enum fault kind = FAULT_WRITE; kind < FAULT_N; kind++) {
        long n = 0;
        do {
            empty(p);
            struct events *e;
            struct report why = {0};
            assert_int_equal(events_open(p->path, &e, &why), POSSE_OK);
            assert_int_equal(append(e, 0, 5, &why), POSSE_OK);
            n++;
            arm(kind, n, n % 2);
            int rc = append(e, 5, 30, &why);
            disarm();
            assert_true(rc == POSSE_OK || (fault.tripped && rc == why.code && *why.text));
            uint64_t there = rows(e);
            assert_true(rc == POSSE_OK ? there == 30 : there == 5 || (there == 30 && kind == FAULT_SYNC));
            assert_int_equal(append(e, 30, 35, &why), POSSE_OK);
            bool more;
            arm(kind, n, n % 2);
            rc = events_prune(e, 3, 4, 1, &more, &why);
            disarm();
            do
                rc = events_prune(e, 3, 4, 0, &more, &why);
            while (!rc && more);
            assert_int_equal(rc, POSSE_OK);
            assert_in_range(rows(e), 1, there + 2);
            events_close(&e);
        } while (fault.tripped);
        assert_in_range(n, 1, 2000);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_is_kept_or_refused), TEST(expiry_goes_on_after_a_fault), TEST(opening_survives_faults),
        TEST(a_kill_loses_nothing_acknowledged), TEST(a_full_disk_is_told), TEST(a_batch_is_kept_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
