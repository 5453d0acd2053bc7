/* inputs, source_resume, records: what was read is not read twice: boxes that grow, are replaced, or were cut within a message; Maildirs
 * whose files move; event records. */
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/inputs.h"
#include "cli/records.h"

static char root[64];
static struct observatory *o;

static int set_up(void **state)
{
    char home[128];
    struct report why = {0};
    (void)state;
    strcpy(root, "/tmp/posse-inputs-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(home, sizeof home, "%s/home", root);
    struct observe_options opt = {.home = home};
    return observatory_open(&opt, &o, &why);
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    observatory_drop(&o);
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void put(const char *name, const char *how, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, how);
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void shell(const char *command)
{
    char all[512];
    snprintf(all, sizeof all, "cd %s && %s", root, command);
    assert_int_equal(system(all), 0);
}

/* What a run reads, as the messages' last lines. complete: it was not broken off after `most`. */
static void run(const char *name, size_t most, const char *want)
{
    char path[256], got[1000] = "";
    const char *paths[] = {path};
    struct source_buf b = {NULL, 0};
    struct ticket t;
    struct report why;
    struct span raw;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", root, name);
    struct inputs *in = inputs_new(o, paths, 1);
    struct source *s = source_new(paths, 1, 1 << 20);
    source_resume(s, inputs_resume(in));
    ticket_init(&t);
    while (n < most && source_next(s, &t)) {
        if (source_load(&t, &b, &raw, &why) == 0) {
            size_t end = raw.n;
            while (end && raw.p[end - 1] == '\n')
                end--;
            size_t from = end;
            while (from && raw.p[from - 1] != '\n')
                from--;
            strcat(strncat(got, (const char *)raw.p + from, end - from), " ");
        }
        inputs_done(in, &t);
        ticket_clear(&t);
        n++;
    }
    if (n < most)
        inputs_all_done(in);
    assert_int_equal(inputs_save(in), 0);
    ticket_deinit(&t);
    source_buf_deinit(&b);
    source_free(&s);
    inputs_free(&in);
    if (strcmp(got, want))
        fail_msg("%s: read \"%s\", expected \"%s\"", name, got, want);
}

#define FROM(n) "From a@b.example Tue Mar 15 00:03:51 2011\nSubject: s\n\n" n "\n\n"

static void boxes(void **state)
{
    put("box", "w", FROM("one") FROM("two") FROM("three"));
    run("box", 2, "one two ");
    run("box", 9, "three ");
    run("box", 9, "");
    put("box", "a", FROM("four"));
    run("box", 9, "four ");
    put("box", "a", "From a@b.example Tue Mar 15 00:03:51 2011\nSubject: s\n\nfi"); /* is being written */
    run("box", 9, "fi ");
    put("box", "a", "ve\nmore of five\n\n" FROM("six"));
    run("box", 9, "six ");
    put("box", "w", FROM("new one") FROM("new two")); /* replaced */
    run("box", 9, "new one new two ");
    put("box", "w", FROM("new one")); /* cut short */
    run("box", 9, "new one ");
    put("box", "w", "");
    run("box", 9, "");
    (void)state;
}

static void folders(void **state)
{
    shell("mkdir -p Maildir/cur Maildir/new Maildir/tmp Maildir/.Sub/cur Maildir/.Sub/new");
    put("Maildir/new/1.a", "w", "Subject: s\n\none\n");
    put("Maildir/new/2.a", "w", "Subject: s\n\ntwo\n");
    put("Maildir/.Sub/new/1.a", "w", "Subject: s\n\nsub one\n");
    run("Maildir", 2, "sub one one ");
    run("Maildir", 9, "two ");
    run("Maildir", 9, "");
    shell("mv Maildir/new/1.a Maildir/cur/1.a:2,S"); /* somebody read it */
    run("Maildir", 9, "");
    put("Maildir/new/3.a", "w", "Subject: s\n\nthree\n");
    run("Maildir", 9, "three ");
    shell("rm Maildir/cur/1.a:2,S");
    run("Maildir", 9, "");
    put("Maildir/new/1.a", "w", "Subject: s\n\nagain\n"); /* a name that was gone is forgotten */
    run("Maildir", 9, "again ");
    put("single", "w", "Subject: s\n\nlone\n");
    run("single", 9, "lone ");
    run("single", 9, "");
    (void)state;
}

static void put_record(FILE *f, int64_t time, uint8_t last, uint16_t rcpt, uint16_t flags)
{
    uint8_t r[56] = {0};
    memcpy(r, &time, 8);
    r[18] = r[19] = 0xff;
    r[20] = 10;
    r[23] = last;
    r[24] = 7;
    r[32] = 9;
    r[40] = 200;
    memcpy(r + 44, &rcpt, 2);
    memcpy(r + 46, &flags, 2);
    r[48] = 3;
    assert_int_equal(fwrite(r, 1, 56, f), 56);
}

static void records(void **state)
{
    char path[256];
    struct sighting s = {.flags = 0};
    struct records *r;
    struct report why = {0};
    struct ip ip;
    uint32_t head[2] = {1, 56};
    snprintf(path, sizeof path, "%s/r", root);
    put("r", "w", "POSSEREC");
    FILE *f = fopen(path, "ab");
    fwrite(head, 4, 2, f);
    put_record(f, 1300147200000, 5, 3, 1);
    put_record(f, 1300147201000, 6, 0, 6);
    fwrite("cut", 1, 3, f);
    fclose(f);
    assert_int_equal(records_open(path, &r, &why), 0);
    assert_int_equal(records_next(r, &s, &why), 1);
    assert_true(ip_read(SPAN_LIT("10.0.0.5"), &ip) && ip_compare(&ip, &s.source) == 0);
    assert_true(s.time_ms == 1300147200000 && s.key == 7 && s.mailer == 9 && s.size_bytes == 200 && s.n_rcpt == 3 && s.machine == 3);
    assert_int_equal(s.flags, SIGHTING_RECORD | SIGHTING_TRUSTED_SOURCE | SIGHTING_SPAM);
    uint64_t at = records_offset(r);
    assert_int_equal(records_next(r, &s, &why), 1);
    assert_int_equal(s.flags, SIGHTING_RECORD | SIGHTING_TRUSTED_SOURCE | SIGHTING_AUTHENTICATED | SIGHTING_LIST);
    assert_int_equal(s.n_rcpt, 1);
    assert_int_equal(records_next(r, &s, &why), 0);
    assert_int_equal(records_seek(r, at, &why), 0);
    assert_int_equal(records_next(r, &s, &why), 1);
    assert_int_equal(s.time_ms, 1300147201000);
    records_close(&r);
    put("bad", "w", "POSSERECxxxx");
    snprintf(path, sizeof path, "%s/bad", root);
    assert_int_equal(records_open(path, &r, &why), POSSE_ECORRUPT);
    assert_null(r);
    put("bad", "w", "POSSEREC\x01");
    f = fopen(path, "ab");
    fwrite("\0\0\0\7\0\0\0", 1, 7, f);
    fclose(f);
    assert_int_equal(records_open(path, &r, &why), POSSE_EVERSION);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(boxes, set_up, tear_down), cmocka_unit_test_setup_teardown(folders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
