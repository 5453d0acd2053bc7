/* source: messages, boxes, Maildirs, folders, and what is none of these. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "cli/source.h"

static char root[64];

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/posse-source-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static const char *at(const char *name)
{
    static _Thread_local char path[4][512];
    static _Thread_local int i;
    i = (i + 1) % 4;
    snprintf(path[i], sizeof path[i], "%s/%s", root, name);
    return path[i];
}

static void put_bytes(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(at(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void put(const char *name, const char *text) { put_bytes(name, text, strlen(text)); }

struct expected {
    const char *name, *bytes; /* bytes NULL: an error with `code` */
    int code;
};

static void check(const char *path, size_t max_bytes, const struct expected *want, size_t n)
{
    const char *paths[] = {path};
    struct source *s = source_new(paths, 1, max_bytes);
    struct source_buf b = {0};
    struct ticket t;
    size_t i = 0;
    ticket_init(&t);
    while (source_next(s, &t)) {
        struct span raw;
        struct report why = {0};
        assert_true(i < n);
        assert_string_equal(t.name + (t.name[0] == '/' ? strlen(root) + 1 : 0), want[i].name);
        int rc = source_load(&t, &b, &raw, &why);
        assert_int_equal(rc, want[i].code);
        if (rc == 0) {
            assert_int_equal(raw.n, strlen(want[i].bytes));
            assert_memory_equal(raw.p, want[i].bytes, raw.n);
        } else {
            assert_true(why.text[0] != '\0');
        }
        i++;
    }
    assert_int_equal(i, n);
    ticket_deinit(&t);
    source_buf_deinit(&b);
    source_free(&s);
}

#define CHECK(path, max, ...)                               \
    do {                                                    \
        const struct expected want[] = {__VA_ARGS__};       \
        check(path, max, want, sizeof want / sizeof *want); \
    } while (0)

#define FROM "From a@b.example Thu Jan  1 00:00:00 1970\n"

static void test_file(void **state)
{
    (void)state;
    put("m", "Subject: x\n\nFrom here\n");
    CHECK(at("m"), 1000, {"m", "Subject: x\n\nFrom here\n", 0});
    put("one", FROM "Subject: x\n\n>From now on\n\nFrom now on\nyes: no\n\n");
    CHECK(at("one"), 1000, {"one", FROM "Subject: x\n\n>From now on\n\nFrom now on\nyes: no\n\n", 0});
    put("from", "From here on\nno box\n");
    CHECK(at("from"), 1000, {"from", "From here on\nno box\n", 0});
}

static void test_bad(void **state)
{
    (void)state;
    put("empty", "");
    CHECK(at("empty"), 1000, {"empty", NULL, POSSE_EINVAL});
    CHECK(at("missing"), 1000, {"missing", NULL, POSSE_ENOENT});
    put("big", "0123456789");
    CHECK(at("big"), 9, {"big", NULL, POSSE_ETOOBIG});
    CHECK(at("big"), 10, {"big", "0123456789", 0});
    assert_int_equal(mkdir(at("emptydir"), 0700), 0);
    const char *none[] = {at("emptydir")};
    struct source *s = source_new(none, 1, 100);
    struct ticket t;
    ticket_init(&t);
    assert_false(source_next(s, &t));
    /* an index may name a folder, where a message is needed */
    struct source_buf b = {0};
    struct span raw;
    struct report why;
    assert_int_equal(ticket_path(&t, at("emptydir"), 100), 0);
    assert_int_equal(source_load(&t, &b, &raw, &why), POSSE_ENOTFILE);
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(ticket_path(&t, at("fifo"), 100), 0);
    assert_int_equal(source_load(&t, &b, &raw, &why), POSSE_ENOTFILE);
    ticket_deinit(&t);
    source_buf_deinit(&b);
    source_free(&s);
    unlink(at("fifo"));
}

static void test_mbox(void **state)
{
    (void)state;
    put("box", FROM "A: 1\n\nbody\nFrom x Thu Jan  1 00:00:00 1970\nB: no\n\n" FROM
                    "A: 2\n\n>From q\n>>From r\n> From s\n\n" FROM
                    "A: 3\n\nFrom x Thu Jan  1 00:00:00 1970\n\nnot a header\n");
    CHECK(at("box"), 1000, {"box#1", FROM "A: 1\n\nbody\nFrom x Thu Jan  1 00:00:00 1970\nB: no\n", 0},
          {"box#2", FROM "A: 2\n\nFrom q\n>From r\n> From s\n", 0},
          {"box#3", FROM "A: 3\n\nFrom x Thu Jan  1 00:00:00 1970\n\nnot a header\n", 0});
    put("crlf",
        "From a Thu Jan  1 00:00:00 1970\r\nA: 1\r\n\r\nx\r\n\r\nFrom a Thu Jan  1 00:00:00 1970\r\nA: 2\r\n\r\ny\r\n");
    CHECK(at("crlf"), 1000, {"crlf#1", "From a Thu Jan  1 00:00:00 1970\r\nA: 1\r\n\r\nx\r\n", 0},
          {"crlf#2", "From a Thu Jan  1 00:00:00 1970\r\nA: 2\r\n\r\ny\r\n", 0});
    put("fat", FROM "A: 1\n\n0123456789012345678901234567890123456789\n\n" FROM "A: 2\n\nx\n");
    CHECK(at("fat"), 60, {"fat#1", NULL, POSSE_ETOOBIG}, {"fat#2", FROM "A: 2\n\nx\n", 0});
}

/* Separators at every place relative to the window's end, from a file and from a pipe. */
static void test_window(void **state)
{
    (void)state;
    enum { WINDOW = 256 << 10, REACH = 2200, STEP = 13 };
    char *text = malloc(WINDOW * 2);
    for (int shift = -REACH; shift <= 64; shift += STEP) {
        size_t n = (size_t)sprintf(text, FROM "A: 1\n\n");
        size_t pad = (size_t)(WINDOW + shift) - n;
        memset(text + n, 'x', pad);
        for (size_t i = 70; i < pad; i += 71)
            text[n + i] = '\n';
        text[n + pad - 1] = 'x';
        n += pad;
        size_t first = n + 1;
        n += (size_t)sprintf(text + n, "\n\n" FROM "A: 2\n\nsecond\n");
        put_bytes("w", text, n);
        for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
            int saved = dup(0);
            if (is_pipe) {
                int fd = open(at("w"), O_RDONLY);
                dup2(fd, 0);
                close(fd);
            }
            const char *paths[] = {is_pipe ? "-" : at("w")};
            struct source *s = source_new(paths, 1, WINDOW * 2);
            struct source_buf b = {0};
            struct span raw;
            struct report why;
            struct ticket t;
            ticket_init(&t);
            assert_true(source_next(s, &t));
            assert_int_equal(source_load(&t, &b, &raw, &why), 0);
            assert_int_equal(raw.n, first);
            assert_memory_equal(raw.p, text, first);
            assert_true(source_next(s, &t));
            assert_int_equal(source_load(&t, &b, &raw, &why), 0);
            assert_int_equal(raw.n, n - first - 1);
            assert_memory_equal(raw.p, text + first + 1, raw.n);
            assert_false(source_next(s, &t));
            ticket_deinit(&t);
            source_buf_deinit(&b);
            source_free(&s);
            dup2(saved, 0);
            close(saved);
        }
    }
    free(text);
}

static void test_folders(void **state)
{
    (void)state;
    const char *dirs[] = {"d",        "d/b",      "d/.hidden",  "d/md",           "d/md/cur",
                          "d/md/new", "d/md/tmp", "d/md/.Sent", "d/md/.Sent/cur", "d/md/.Sent/new"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_int_equal(mkdir(at(dirs[i]), 0700), 0);
    const char *files[] = {
        "d/z",        "d/a",        "d/b/1",           "d/.dot", "d/.hidden/x", "d/md/dovecot.index", "d/md/cur/1:2,S",
        "d/md/new/2", "d/md/tmp/3", "d/md/.Sent/cur/4"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put(files[i], "x");
    assert_int_equal(symlink("..", at("d/loop")), 0);
    assert_int_equal(symlink("a", at("d/link")), 0);
    put("d/c", FROM "A: 1\n\nx\n\n" FROM "A: 2\n\ny\n");
    CHECK(at("d"), 1000, {"d/a", "x", 0}, {"d/b/1", "x", 0}, {"d/c#1", FROM "A: 1\n\nx\n", 0},
          {"d/c#2", FROM "A: 2\n\ny\n", 0}, {"d/link", "x", 0}, {"d/md/.Sent/cur/4", "x", 0},
          {"d/md/cur/1:2,S", "x", 0}, {"d/md/new/2", "x", 0}, {"d/z", "x", 0});
}

/* The file's number is its time. */
static int64_t number_in(void *ctx, int fd)
{
    char digits[32] = "";
    assert_true(pread(fd, digits, sizeof digits - 1, 0) > 0);
    ++*(unsigned *)ctx;
    return strtoll(digits, NULL, 10);
}

static bool not_read_before(void *ctx, const char *path)
{
    (void)ctx;
    return !strstr(path, "/old");
}

/* Files by time, equal ones by name, folders first; what is not wanted is not opened. */
static void test_order(void **state)
{
    (void)state;
    static const char *const want[] = {"o/sub/8", "o/c", "o/a", "o/b", "o/d"};
    unsigned asked = 0;
    struct source_order order = {&asked, number_in};
    struct source_resume resume = {.wants = not_read_before};
    char *o = strdup(at("o"));
    const char *paths[] = {o};
    size_t i = 0;
    struct ticket t;
    assert_int_equal(mkdir(o, 0700), 0);
    assert_int_equal(mkdir(at("o/sub"), 0700), 0);
    put("o/a", "20"), put("o/b", "20"), put("o/c", "-3"), put("o/d", "1700000000000"), put("o/old", "1"), put("o/sub/8", "99");
    struct source *s = source_new(paths, 1, 1000);
    source_order(s, &order);
    source_resume(s, &resume);
    ticket_init(&t);
    for (; source_next(s, &t); i++) {
        assert_true(i < sizeof want / sizeof *want);
        assert_string_equal(t.name + strlen(root) + 1, want[i]);
    }
    assert_int_equal(i, sizeof want / sizeof *want);
    assert_int_equal(asked, 4); /* one file alone has no order */
    ticket_deinit(&t);
    source_free(&s);
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),   cmocka_unit_test(test_bad),     cmocka_unit_test(test_mbox),
        cmocka_unit_test(test_window), cmocka_unit_test(test_folders), cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
