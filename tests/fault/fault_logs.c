/* fault_logs: the n-th allocation fails, for every n, while a folder of logs is read in order of time: an error that says so or all
 * records, never a crash, never fewer records in silence. */
#include "fault.h"

#include <zlib.h>

#include "base/error.h"
#include "flow/logs.h"

enum { LINES = 2500, FILES = 3 };

static void write_logs(const struct place *p)
{
    char path[128];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/conn.%d.log.gz", p->dir, i);
        gzFile f = gzopen(path, i ? "wT" : "w");
        gzprintf(f, "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.resp_h\n");
        for (int line = 0; line < LINES; line++)
            gzprintf(f, "%d.%d\tC%d\t10.0.0.1\t192.0.2.1\n", 1700000000 + line, i, line);
        gzclose(f);
    }
    snprintf(path, sizeof path, "%s/v5.bin", p->dir);
    FILE *f = fopen(path, "w");
    static const uint8_t head[24] = {0, 5, 0, 2, 0, 0, 0, 1, 0x65, 0x53, 0xf1, 0};
    static const uint8_t records[96];
    fwrite(head, 1, sizeof head, f);
    fwrite(records, 1, sizeof records, f);
    fclose(f);
}

/* All of it; < 0: the error. Files that could not be read are counted by the reader. */
static long read_logs(const struct place *p, struct logs_lost *lost)
{
    const char *path = p->dir;
    struct logs *l;
    struct flow f;
    struct report why = {0};
    long n = 0;
    int rc = logs_open(&path, 1, NULL, &l, &why);
    memset(lost, 0, sizeof *lost);
    while (rc == 0 && (rc = logs_next(l, &f, &why)) > 0) {
        n++;
        rc = 0;
    }
    if (rc < 0)
        if (why.code != rc || !why.text[0])
            fail_msg("error %d, told as %d: %s", rc, why.code, why.text);
    if (l)
        logs_lost(l, lost);
    logs_close(&l);
    return rc < 0 ? rc : n;
}

static void memory_fails_anywhere(void **state)
{
    struct place *p = *state;
    struct logs_lost lost;
    write_logs(p);
    assert_int_equal(read_logs(p, &lost), FILES * LINES + 2);
    for (int for_good = 0; for_good <= 1; for_good++) {
        long n = 0;
        do {
            arm(FAULT_MALLOC, ++n, for_good);
            long got = read_logs(p, &lost);
            disarm();
            if (fault.tripped && got >= 0 && got < FILES * LINES + 2)
                if (lost.files + lost.lines == 0)
                    fail_msg("allocation %ld: %ld records in silence", n, got);
            assert_true(fault.tripped || got == FILES * LINES + 2);
        } while (fault.tripped && n < 20000);
        assert_in_range(n, 30, 19999);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(memory_fails_anywhere, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
