/* The quarantine: bytes kept once, released once, removed when nobody names them; wrong digests, what a crash leaves. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/quarantine.h"

struct place { char dir[64], folder[96]; struct quarantine *q; struct report why; };

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    /* In memory where there is such a folder: thousands of flushes would wait for a disk, and prove no more. */
    strcpy(p->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/posse-quar-XXXXXX" : "/tmp/posse-quar-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->folder, sizeof p->folder, "%s/quarantine", p->dir);
    *state = p;
    return quarantine_open(p->folder, &p->q, &p->why);
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char command[128];
    quarantine_close(&p->q);
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

static const uint8_t mail_digest[32] = {9, 8, 7};

static struct quarantine_item item(int64_t time_ms)
{
    static struct span rcpt[2];
    rcpt[0] = SPAN_LIT("bob@example.org");
    rcpt[1] = SPAN_LIT("eve@example.net");
    return (struct quarantine_item){.time_ms = time_ms, .door = SPAN_LIT("milter"), .from = SPAN_LIT("Ann@example.com"),
                                    .rcpt = rcpt, .n_rcpt = 2, .action = SPAN_LIT("quarantine"), .bits = 11.5,
                                    .reasons = SPAN_LIT("+11.50 text"), .mail_digest = mail_digest};
}

static uint64_t put(struct place *p, int64_t time_ms, const char *raw)
{
    uint64_t id;
    struct quarantine_item x = item(time_ms);
    OK(quarantine_put(p->q, &x, span_str(raw), &id, &p->why));
    assert_true(id > 0);
    return id;
}

static void assert_bytes(struct place *p, uint64_t id, const char *raw)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    OK(quarantine_bytes(p->q, id, 1 << 20, &b, &p->why));
    assert_span_equal(buf_span(&b), raw);
    buf_deinit(&b);
}

/* Files with messages in them, and temporary ones. */
static int count_files(const struct place *p, const char *pattern)
{
    char command[256];
    int n = -1;
    snprintf(command, sizeof command, "find %s -type f -name '%s' | wc -l", p->folder, pattern);
    FILE *f = popen(command, "r");
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

struct list { char text[256]; };

static int note(void *ctx, const struct quarantine_item *x)
{
    struct list *l = ctx;
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%llu%c", n ? " " : "", (unsigned long long)x->id, "kRr"[x->state]);
    return 0;
}

static void assert_found(struct place *p, struct quarantine_filter f, const char *expected)
{
    struct list l = {""};
    OK(quarantine_each(p->q, &f, note, &l, &p->why));
    assert_string_equal(l.text, expected);
}

#define FOUND(expected, ...) assert_found(p, (struct quarantine_filter){.state = -1, __VA_ARGS__}, expected)

/* ---- in ---- */

static int compare(void *ctx, const struct quarantine_item *x)
{
    const struct quarantine_item *y = ctx;
    const struct { struct span a, b; } texts[] = {
        {x->door, y->door}, {x->queue_id, y->queue_id}, {x->verdict_id, y->verdict_id}, {x->client_addr, y->client_addr},
        {x->helo, y->helo}, {x->from, y->from}, {x->header_from, y->header_from}, {x->subject, y->subject},
        {x->auth_user, y->auth_user}, {x->action, y->action}, {x->reasons, y->reasons},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!span_eq(texts[i].a, texts[i].b))
            fail_msg("text %zu: \"%.*s\"", i, (int)texts[i].a.n, (const char *)texts[i].a.p);
    assert_int_equal(x->n_rcpt, y->n_rcpt);
    for (size_t i = 0; i < y->n_rcpt; i++)
        assert_true(span_eq(x->rcpt[i], y->rcpt[i]));
    assert_true(x->id == y->id && x->time_ms == y->time_ms && x->bits == y->bits && x->size_bytes == y->size_bytes &&
                x->state == y->state && x->released_ms == y->released_ms);
    assert_memory_equal(x->digest, y->digest, 32);
    assert_memory_equal(x->mail_digest, y->mail_digest, 32);
    return 7;
}

static void an_item_comes_out_as_it_went_in(void **state)
{
    struct place *p = *state;
    struct span *rcpt = malloc(3000 * sizeof *rcpt);
    for (int i = 0; i < 3000; i++)
        rcpt[i] = i % 2 ? SPAN_LIT("bob@example.org") : SPAN_LIT("\"a\n b\"@example.org");
    struct quarantine_item x = {
        .time_ms = 1700000000123, .door = SPAN_LIT("milter"), .queue_id = SPAN_LIT("4Xy"), .verdict_id = SPAN_LIT("0ab"),
        .client_addr = SPAN_LIT("192.0.2.1"), .helo = SPAN_LIT("h"), .from = SPAN_LIT(""), .header_from = SPAN_LIT("f"),
        .subject = SPAN_LIT("s"), .auth_user = SPAN_LIT("u"), .rcpt = rcpt, .n_rcpt = 3000, .action = SPAN_LIT("discard"),
        .bits = -3.25, .reasons = SPAN_LIT("+1.00 a\n-2.00 b\n"), .mail_digest = mail_digest,
    };
    OK(quarantine_put(p->q, &x, SPAN_LIT("raw\0bytes"), &x.id, &p->why));
    sha256(SPAN_LIT("raw\0bytes"), x.digest);
    x.size_bytes = 9;
    assert_int_equal(quarantine_each(p->q, &QUARANTINE_FILTER_ANY, compare, &x, &p->why), 7);
    OK(quarantine_check(p->q, &p->why));
    free(rcpt);
}

static void bytes_are_kept_once(void **state)
{
    struct place *p = *state;
    uint64_t a = put(p, 1, "same"), b = put(p, 2, "same"), c = put(p, 3, "other"), none = put(p, 4, "");
    assert_true(a < b && b < c && c < none);
    assert_int_equal(count_files(p, "*.zst"), 3);
    assert_int_equal(count_files(p, "put-*"), 0);
    assert_bytes(p, a, "same");
    assert_bytes(p, b, "same");
    assert_bytes(p, none, "");
    OK(quarantine_remove(p->q, a, &p->why));
    assert_bytes(p, b, "same");
    OK(quarantine_remove(p->q, b, &p->why));
    assert_int_equal(count_files(p, "*.zst"), 2);
    assert_int_equal(quarantine_remove(p->q, b, &p->why), POSSE_ENOENT);
    FOUND("4k 3k");
    OK(quarantine_check(p->q, &p->why));
}

static void others_may_not_read(void **state)
{
    struct place *p = *state;
    put(p, 1, "x");
    char command[256];
    snprintf(command, sizeof command, "! find %s -perm /077 | grep -q .", p->folder);
    assert_int_equal(system(command), 0);
}

static void limits_are_told(void **state)
{
    struct place *p = *state;
    struct buf b;
    uint64_t id = put(p, 1, "0123456789");
    buf_init(&b, 100);
    assert_int_equal(quarantine_bytes(p->q, id, 9, &b, &p->why), POSSE_ETOOBIG);
    assert_int_equal(quarantine_bytes(p->q, 99, 9, &b, &p->why), POSSE_ENOENT);
    assert_int_equal(b.n, 0);
    buf_deinit(&b);
    char *big = malloc(5 << 20);
    memset(big, 'x', 5 << 20);
    struct span rcpt = span_of(big, 5 << 20);
    struct quarantine_item x = item(1);
    x.rcpt = &rcpt;
    x.n_rcpt = 1;
    assert_int_equal(quarantine_put(p->q, &x, SPAN_LIT("unkept"), &id, &p->why), POSSE_ELIMIT);
    assert_int_equal(count_files(p, "*.zst"), 1); /* and no bytes without an item */
    free(big);
}

static void filters_choose(void **state)
{
    struct place *p = *state;
    put(p, 1000, "a");
    put(p, 2000, "b");
    OK(quarantine_release_begin(p->q, 2, false, &p->why));
    FOUND("2R 1k");
    FOUND("2R", .limit = 1);
    FOUND("1k", .id = 1);
    FOUND("2R 1k", .from = "ann@*");
    FOUND("", .from = "bob@*");
    FOUND("2R 1k", .rcpt = "EVE@example.net");
    FOUND("", .rcpt = "ann@example.com");
    FOUND("2R", .since_ms = 1500);
    FOUND("1k", .until_ms = 2000);
    assert_found(p, (struct quarantine_filter){.state = QUARANTINE_KEPT}, "1k");
    struct quarantine_count n;
    OK(quarantine_count(p->q, &n, &p->why));
    assert_true(n.kept == 1 && n.releasing == 1 && n.released == 0 && n.bytes > 2 && n.oldest_ms == 1000 && n.newest_ms == 2000);
}

/* ---- out ---- */

static bool was_released(struct place *p)
{
    bool out;
    OK(quarantine_was_released(p->q, mail_digest, NULL, 0, &out, &p->why));
    return out;
}

static void an_item_is_released_once(void **state)
{
    struct place *p = *state;
    uint64_t id = put(p, 1, "x");
    assert_false(was_released(p));
    OK(quarantine_release_begin(p->q, id, false, &p->why));
    assert_true(was_released(p)); /* the mail server asks while it takes it */
    assert_int_equal(quarantine_release_begin(p->q, id, false, &p->why), POSSE_EBUSY);
    OK(quarantine_release_end(p->q, id, false, 50, &p->why));
    FOUND("1k");
    assert_false(was_released(p));
    OK(quarantine_release_begin(p->q, id, false, &p->why));
    OK(quarantine_release_begin(p->q, id, true, &p->why)); /* that was broken off */
    OK(quarantine_release_end(p->q, id, true, 60, &p->why));
    FOUND("1r");
    assert_true(was_released(p));
    assert_int_equal(quarantine_release_begin(p->q, id, false, &p->why), POSSE_EEXIST);
    OK(quarantine_release_begin(p->q, id, true, &p->why));
    OK(quarantine_release_end(p->q, id, false, 70, &p->why));
    FOUND("1r"); /* it was released once, whatever became of the second time */
    assert_int_equal(quarantine_release_begin(p->q, 77, false, &p->why), POSSE_ENOENT);
    assert_int_equal(quarantine_release_end(p->q, 77, true, 1, &p->why), POSSE_ENOENT);
    uint64_t n;
    OK(quarantine_expire(p->q, 100, 0, &n, &p->why));
    assert_false(was_released(p));
}

static void old_items_expire(void **state)
{
    struct place *p = *state;
    char raw[32];
    uint64_t n;
    for (int i = 0; i < 450; i++) {
        snprintf(raw, sizeof raw, "message %d", i / 2);
        put(p, i, raw);
    }
    OK(quarantine_expire(p->q, 401, 0, &n, &p->why));
    assert_int_equal(n, 401);
    assert_int_equal(count_files(p, "*.zst"), 25); /* 400 went and 401 stays: theirs is kept */
    OK(quarantine_check(p->q, &p->why));
}

static void size_expires_the_oldest(void **state)
{
    struct place *p = *state;
    uint8_t noise[10000];
    struct quarantine_count c;
    uint64_t n, id;
    for (int i = 0; i < 20; i++) {
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)mix64((size_t)i * sizeof noise + k);
        struct quarantine_item x = item(i);
        OK(quarantine_put(p->q, &x, span_of(noise, sizeof noise), &id, &p->why));
    }
    OK(quarantine_expire(p->q, 0, 55000, &n, &p->why));
    assert_int_equal(n, 15);
    OK(quarantine_count(p->q, &c, &p->why));
    assert_true(c.kept == 5 && c.bytes <= 55000 && c.oldest_ms == 15);
    assert_int_equal(count_files(p, "*.zst"), 5);
}

/* ---- crashes and damage ---- */

static void write_file(const struct place *p, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void what_a_crash_left_is_swept(void **state)
{
    struct place *p = *state;
    char orphan[128], folder[128];
    uint8_t digest[32];
    uint64_t n;
    put(p, 1, "kept");
    sha256(SPAN_LIT("orphan"), digest);
    hex_encode(span_of(digest, 32), orphan + 3);
    memcpy(orphan, orphan + 3, 2);
    orphan[2] = '/';
    strcat(orphan, ".zst");
    snprintf(folder, sizeof folder, "%s/%.2s", p->folder, orphan);
    mkdir(folder, 0700);
    write_file(p, orphan, "bytes that no item names");
    write_file(p, "tmp/put-dead", "half a mess");
    write_file(p, "tmp/put-live", "being written");
    snprintf(folder, sizeof folder, "%s/tmp/put-live", p->folder);
    int fd = open(folder, O_RDONLY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    OK(quarantine_expire(p->q, 0, 0, &n, &p->why));
    assert_int_equal(n, 0);
    assert_int_equal(count_files(p, "*.zst"), 1);
    assert_int_equal(count_files(p, "put-live"), 1);
    assert_int_equal(count_files(p, "put-dead"), 0);
    close(fd);
    OK(quarantine_expire(p->q, 0, 0, &n, &p->why));
    assert_int_equal(count_files(p, "put-*"), 0);
    OK(quarantine_check(p->q, &p->why));
}

static void path_of(const struct place *p, const char *raw, char *out, size_t n)
{
    uint8_t digest[32];
    char hex[65];
    sha256(span_str(raw), digest);
    hex_encode(span_of(digest, 32), hex);
    snprintf(out, n, "%s/%.2s/%s.zst", p->folder, hex, hex);
}

static void wrong_bytes_are_told_and_never_relied_on(void **state)
{
    struct place *p = *state;
    char other[256], path[256], command[1024];
    uint64_t id = put(p, 1, "first");
    put(p, 2, "other");
    path_of(p, "first", path, sizeof path);
    path_of(p, "other", other, sizeof other);
    const char *const damage[] = {"cp %s %s", "cat %s /dev/zero | head -c 500000 >> %s", ": %s; : > %s", ": %s; rm %s",
                                  ": %s; printf '\\377' | dd of=%s conv=notrunc bs=1 seek=10 2>/dev/null"};
    for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
        snprintf(command, sizeof command, damage[i], other, path);
        assert_int_equal(system(command), 0);
        struct buf b;
        buf_init(&b, 1000);
        int rc = quarantine_bytes(p->q, id, 1000, &b, &p->why);
        assert_int_equal(rc, i == 3 ? POSSE_ENOENT : POSSE_ECORRUPT);
        assert_int_equal(b.n, 0);
        buf_deinit(&b);
        assert_int_equal(quarantine_check(p->q, &p->why), rc);
        assert_non_null(strstr(p->why.text, "item "));
        put(p, 3, "first"); /* the same mail again: its bytes are written anew */
        assert_bytes(p, id, "first");
        OK(quarantine_check(p->q, &p->why));
    }
}

static void two_processes_put_and_remove(void **state)
{
    struct place *p = *state;
    pid_t pid[3];
    for (int k = 0; k < 3; k++)
        if ((pid[k] = fork()) == 0) {
            struct quarantine *q;
            struct report why = {0};
            uint64_t id, n;
            if (quarantine_open(p->folder, &q, &why))
                _exit(1);
            for (int i = 0; i < 60; i++) {
                char raw[32];
                struct quarantine_item x = item(i);
                snprintf(raw, sizeof raw, "message %d", i % 4);
                if (k == 2 ? quarantine_expire(q, i, 0, &n, &why) : quarantine_put(q, &x, span_str(raw), &id, &why))
                    _exit(2);
                if (k == 0 && i % 3 == 0 && quarantine_remove(q, id, &why) != POSSE_OK && why.code != POSSE_ENOENT)
                    _exit(3);
            }
            _exit(0);
        }
    for (int k = 0; k < 3; k++) {
        int status;
        waitpid(pid[k], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    OK(quarantine_check(p->q, &p->why)); /* every row that is left has its bytes */
    uint64_t n;
    OK(quarantine_expire(p->q, INT64_MAX, 0, &n, &p->why));
    assert_int_equal(count_files(p, "*.zst"), 0);
    assert_int_equal(count_files(p, "put-*"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_item_comes_out_as_it_went_in), TEST(bytes_are_kept_once), TEST(others_may_not_read), TEST(limits_are_told),
        TEST(filters_choose), TEST(an_item_is_released_once), TEST(old_items_expire), TEST(size_expires_the_oldest),
        TEST(what_a_crash_left_is_swept), TEST(wrong_bytes_are_told_and_never_relied_on), TEST(two_processes_put_and_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
