/* logs: files plain, packed, cut, mixed; many as one, in order, resumed and followed. All addresses are reserved ones. */
#include "unit.h"

#include "base/error.h"
#include "logs_files.h"

/* ---- files ---- */

static void packed_and_in_members(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char *good = connections(100, 1700000000, "C", tsv_head);
    assert_int_equal(read_all(put_text("plain.log", good), &lost, &last), 100);
    assert_int_equal(lost.lines + lost.files + lost.others, 0);
    assert_int_equal(read_all(put_gz("packed.log", good, "w"), &lost, &last), 100);
    put_gz("two.log", good, "w");
    assert_int_equal(read_all(put_gz("two.log", good, "a"), &lost, &last), 200); /* members, and a header in the middle */
    free(good);
}

static void a_gzip_that_ends_in_the_middle(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char *good = connections(100, 1700000000, "C", tsv_head);
    struct stat st;
    const char *path = put_gz("cut.log.gz", good, "w");
    stat(path, &st);
    assert_int_equal(truncate(path, st.st_size - 200), 0);
    size_t some = read_all(path, &lost, &last);
    assert_in_range(some, 1, 99);
    assert_int_equal(lost.files, 1);
    assert_non_null(strstr(lost.first, "cut.log.gz: the gzip ends in the middle"));
    free(good);
}

static void a_file_that_ends_in_the_middle(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char *good = connections(100, 1700000000, "C", tsv_head);
    size_t n = strlen(good);
    assert_int_equal(read_all(put("half.log", "w", good, n - 20), &lost, &last), 99);
    assert_int_equal(lost.lines, 1);
    assert_non_null(strstr(lost.first, "half.log:107: "));
    assert_non_null(strstr(lost.first, "columns in place of 14"));
    free(good);
}

static void lines_without_an_end(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char *good = connections(100, 1700000000, "C", tsv_head);
    char *long_line = malloc(3 << 20); /* one line is too long, one as long as may be */
    size_t m = (size_t)sprintf(long_line, "%s", good);
    memset(long_line + m, 'x', (1 << 20) + 1);
    m += (1 << 20) + 1;
    m += (size_t)sprintf(long_line + m, "\n1700000200.0\t");
    memset(long_line + m, 'y', 1 << 19);
    m += 1 << 19;
    m += (size_t)sprintf(long_line + m, "\t10.0.0.9\t1024\t192.0.2.1\t443\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n");
    assert_int_equal(read_all(put("long.log", "w", long_line, m), &lost, &last), 101);
    assert_int_equal(lost.lines, 1);
    assert_non_null(strstr(lost.first, "a line of more than 1 MB"));
    free(long_line);
    free(good);
}

static void zero_bytes(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char nul[sizeof tsv_head + 200];
    memcpy(nul, tsv_head, sizeof tsv_head - 1);
    static const char rows[] = "17000\0\0.5\tC1\t10.0.0.1\n\0\0\0\n1700000000.5\tC\0\x31\t10.0.0.1\t1\t192.0.2.1\t2\ttcp\t-\t-\t-\t-\tS0\t1\t0\r\n";
    memcpy(nul + sizeof tsv_head - 1, rows, sizeof rows - 1);
    assert_int_equal(read_all(put("nul.log", "w", nul, sizeof tsv_head + sizeof rows - 2), &lost, &last), 1);
    assert_int_equal(lost.lines, 2);
    assert_int_equal(last.uid.n, 3);
}

/* The columns change in the middle, some are missing, and it goes on as JSON. */
static void mixed_versions_in_one_file(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char *good = connections(100, 1700000000, "C", tsv_head);
    size_t n = strlen(good);
    char *mixed = malloc(n + 4096);
    sprintf(mixed, "%s#close\t2024\n#separator \\x09\n#path\tconn\n#fields\tuid\tid.resp_h\tid.orig_h\tts\nC9\t192.0.2.7\t10.0.0.7\t5.5\nC9\tx\n"
                   "{\"ts\":6,\"id.orig_h\":\"10.0.0.8\",\"id.resp_h\":\"192.0.2.8\",\"conn_state\":\"SF\"}\n", good);
    assert_int_equal(read_all(put_text("mixed.log", mixed), &lost, &last), 102);
    assert_int_equal(lost.lines, 1);
    assert_int_equal(last.start_us, 6000000);
    free(mixed);
    free(good);
}

/* Without what a record cannot do without, the lines are named; without anything else, they are read. */
static void columns_that_are_missing(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    static const struct { const char *fields, *row; size_t n; } t[] = {
        {"ts\tid.orig_h\tid.resp_h", "5.5\t10.0.0.7\t192.0.2.7", 1}, {"ts\tid.orig_h\tid.resp_h\tid.resp_p\tproto", "5.5\t10.0.0.7\t192.0.2.7\t443\ttcp", 1},
        {"ts\tid.resp_h", "5.5\t192.0.2.7", 0}, {"ts\tid.orig_h", "5.5\t10.0.0.7", 0}, {"id.orig_h\tid.resp_h", "10.0.0.7\t192.0.2.7", 0},
        {"ts\tid.orig_h\tid.resp_h\tnew_in_version_9", "5.5\t10.0.0.7\t192.0.2.7\tx", 1},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char text[512];
        snprintf(text, sizeof text, "#separator \\x09\n#path\tconn\n#fields\t%s\n%s\n%s\n", t[i].fields, t[i].row, t[i].row);
        assert_int_equal(read_all(put_text("columns.log", text), &lost, &last), 2 * t[i].n);
        assert_int_equal(lost.lines, t[i].n ? 0 : 2);
        assert_true(t[i].n || strstr(lost.first, "columns.log:4: "));
    }
}

static void connections_over_ipv6(void **state)
{
    (void)state;
    struct logs_lost lost;
    struct flow last;
    char text[1024];
    snprintf(text, sizeof text, "%s1700000000.5\tC1\t2001:db8::7\t1024\t2001:db8:1::25\t25\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n"
                                "1700000001.5\tC2\tfe80::1\t1024\tff02::fb\t5353\tudp\t-\t-\t-\t-\tS0\t1\t0\n1700000002.5\tC3\t2001:db8:::7\t1\t::1\t2\ttcp\t-\t-\t-\t-\tS0\t1\t0\n",
             tsv_head);
    assert_int_equal(read_all(put_text("six.log", text), &lost, &last), 2);
    assert_int_equal(lost.lines, 1);
    struct ip group;
    assert_true(ip_read(SPAN_LIT("ff02::fb"), &group) && ip_compare(&last.dst, &group) == 0 && last.dst_port == 5353);
}

static void no_logs_at_all(void **state)
{
    (void)state;
    struct logs_file *f;
    struct report why;
    const char *path;
    static const char *const none[] = {"Lorem ipsum\n", "{}", "{\n", "PK\x03\x04", "1700000042.090842\tCi8\t10.0.0.1\n", "\x7f" "ELF", "\n\n\n"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        path = put_text("none.log", none[i]);
        assert_int_equal(logs_file_open(path, &f, &why), POSSE_ESYNTAX);
        assert_null(f);
        assert_non_null(strstr(why.text, "none.log: not a flow log"));
    }
    assert_int_equal(logs_file_open(path_of("is-not-there"), &f, &why), POSSE_ENOENT);
    assert_int_equal(logs_file_open(dir, &f, &why), POSSE_ENOTFILE);
}

static void a_file_that_grows(void **state)
{
    (void)state;
    struct logs_file *f;
    struct report why;
    struct flow last;
    char *good = connections(100, 1700000000, "C", tsv_head);
    const char *path;
    path = put_text("grows.log", ""); /* empty as yet */
    assert_int_equal(logs_file_open(path, &f, &why), 0);
    assert_int_equal(logs_file_next(f, &last, &why), 0);
    put("grows.log", "a", good, strlen(good));
    assert_int_equal(logs_file_next(f, &last, &why), 1);
    assert_int_equal(logs_file_format(f), LOGS_ZEEK_TSV);
    logs_file_close(&f);
    free(good);
}

/* ---- many ---- */

static struct logs *open_logs(const char *path, const struct logs_options *o)
{
    struct logs *l;
    struct report why = {0};
    if (logs_open(&path, 1, o, &l, &why) < 0)
        fail_msg("%s", why.text);
    return l;
}

static size_t drain(struct logs *l, size_t most, uint64_t *sum, int64_t *last)
{
    struct flow f;
    size_t n = 0;
    while (n < most && logs_next(l, &f, NULL) > 0) {
        assert_true(f.start_us >= *last);
        *last = f.start_us;
        for (size_t i = 0; i < f.uid.n; i++)
            *sum += f.uid.p[i] * (uint64_t)(f.start_us / 1000000 % 1000003) * (i + 1);
        n++;
    }
    return n;
}

static void in_order(void **state)
{
    (void)state;
    mkdir(path_of("many"), 0700);
    char *a = connections(3000, 1700000000, "A", tsv_head), *b = connections(3000, 1700003000, "B", tsv_head), *c = connections(6000, 1700000000, "C", tsv_head);
    put_text("many/conn.1.log", a);
    put_gz("many/conn.0.log.gz", b, "w");
    put_text("many/other.log", c);
    put_text("many/README", "no log\n");
    put_text("many/weird.log", "#separator \\x09\n#path\tweird\n#fields\tts\n5\n");
    struct logs *l = open_logs(path_of("many"), NULL);
    uint64_t sum = 0, part = 0;
    int64_t last = 0;
    struct logs_lost lost;
    assert_int_equal(drain(l, SIZE_MAX, &sum, &last), 12000);
    logs_lost(l, &lost);
    assert_int_equal(lost.files, 1);
    assert_int_equal(lost.others, 1);
    assert_int_equal(lost.late, 0);
    assert_non_null(strstr(lost.first, "README: not a flow log"));
    logs_close(&l);

    /* Stopped anywhere and taken up again: each record once. One of the logs is packed in between. */
    static const size_t stops[] = {0, 1, 2, 777, 5000, 11999, 12000};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct buf at;
        buf_init(&at, 1 << 20);
        l = open_logs(path_of("many"), NULL);
        part = 0;
        last = 0;
        assert_int_equal(drain(l, stops[i], &part, &last), stops[i]);
        assert_int_equal(logs_position(l, &at), 0);
        logs_close(&l);
        if (i == 3) {
            unlink(path_of("many/other.log"));
            put_gz("many/other.packed", c, "w");
        }
        l = open_logs(path_of("many"), NULL);
        assert_int_equal(logs_resume(l, buf_span(&at), NULL), 0);
        assert_int_equal(drain(l, SIZE_MAX, &part, &last), 12000 - stops[i]);
        assert_int_equal(part, sum);
        logs_close(&l);
        buf_deinit(&at);
    }
    l = open_logs(path_of("many"), NULL);
    assert_int_equal(logs_resume(l, SPAN_LIT("something else"), NULL), POSSE_ESYNTAX);
    logs_close(&l);

    /* Little room: told early, and all of it. */
    l = open_logs(path_of("many"), &(struct logs_options){.max_ahead = 100});
    struct flow f;
    size_t n = 0;
    while (logs_next(l, &f, NULL) > 0)
        n++;
    assert_int_equal(n, 12000);
    logs_close(&l);
    free(a), free(b), free(c);
}

static void jumping_clock(void **state)
{
    (void)state;
    char *a = connections(2000, 1700000000, "A", tsv_head), *b = connections(2000, 1700000000, "B", tsv_head);
    mkdir(path_of("jump"), 0700);
    put_text("jump/a.log", a);
    char *with = malloc(strlen(b) + 400);
    char *nl = strstr(b, "B500\t") - 14;
    sprintf(with, "%.*s\n4102444800.0\tX\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n%s", (int)(nl - b), b, nl);
    put_text("jump/b.log", with);
    struct logs *l = open_logs(path_of("jump"), &(struct logs_options){.slack_ms = 10000});
    uint64_t sum = 0;
    int64_t last = 0;
    struct logs_lost lost;
    assert_int_equal(drain(l, SIZE_MAX, &sum, &last), 4001); /* the wild one last, all others in order */
    assert_int_equal(last, 4102444800000000);
    logs_lost(l, &lost);
    assert_int_equal(lost.late + lost.lines, 0);
    logs_close(&l);
    free(a), free(b), free(with);
}

static void follows(void **state)
{
    (void)state;
    mkdir(path_of("live"), 0700);
    char *a = connections(10, 1700000000, "A", tsv_head), *rest = connections(10, 1700000010, "B", ""), *next = connections(10, 1700000020, "C", tsv_head);
    put_text("live/conn.log", a);
    struct logs *l = open_logs(path_of("live"), &(struct logs_options){.slack_ms = 1000, .follow = true});
    uint64_t sum = 0;
    int64_t last = 0;
    assert_int_equal(drain(l, 100, &sum, &last), 8); /* the last second waits */
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    put("live/conn.log", "a", rest, 40); /* half a line */
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    put("live/conn.log", "a", rest + 40, strlen(rest) - 40);
    assert_int_equal(drain(l, 100, &sum, &last), 10);
    rename(path_of("live/conn.log"), path_of("live/conn.1"));
    put_text("live/conn.log", next);
    size_t n = drain(l, 100, &sum, &last);
    n += drain(l, 100, &sum, &last);
    assert_int_equal(n, 10);
    /* What was rotated is packed: it is the same log. */
    char *both = malloc(strlen(a) + strlen(rest) + 1);
    sprintf(both, "%s%s", a, rest);
    put_gz("live/conn.1.gz", both, "w");
    unlink(path_of("live/conn.1"));
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    assert_int_equal(drain(l, 100, &sum, &last), 0);
    logs_flush(l);
    assert_int_equal(drain(l, 100, &sum, &last), 2);
    struct logs_lost lost;
    logs_lost(l, &lost);
    assert_int_equal(lost.lines + lost.files + lost.late, 0);
    logs_close(&l);
    free(a), free(rest), free(next), free(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_and_in_members), cmocka_unit_test(a_gzip_that_ends_in_the_middle),
        cmocka_unit_test(a_file_that_ends_in_the_middle), cmocka_unit_test(lines_without_an_end),
        cmocka_unit_test(zero_bytes), cmocka_unit_test(mixed_versions_in_one_file),
        cmocka_unit_test(columns_that_are_missing), cmocka_unit_test(connections_over_ipv6),
        cmocka_unit_test(no_logs_at_all), cmocka_unit_test(a_file_that_grows), cmocka_unit_test(in_order),
        cmocka_unit_test(jumping_clock), cmocka_unit_test(follows),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
