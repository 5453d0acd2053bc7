/* logs_files: for tests of readers: a folder for files, files in it, how a whole one is read, and Zeek's connections as text. */
#ifndef POSSE_TESTS_LOGS_FILES_H
#define POSSE_TESTS_LOGS_FILES_H

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "flow/logs.h"
#include "unit.h"

static char dir[64];

static inline int begin(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/test_logs.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static inline int end(void **state)
{
    char cmd[96];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static inline const char *path_of(const char *name)
{
    static char at[4][128];
    static unsigned n;
    char *p = at[n++ % 4];
    snprintf(p, sizeof at[0], "%s/%s", dir, name);
    return p;
}

static inline const char *put(const char *name, const char *mode, const void *p, size_t n)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
    return path;
}

static inline const char *put_text(const char *name, const char *text) { return put(name, "w", text, strlen(text)); }

static inline const char *put_gz(const char *name, const char *text, const char *mode)
{
    const char *path = path_of(name);
    gzFile f = gzopen(path, mode);
    gzwrite(f, text, (unsigned)strlen(text));
    gzclose(f);
    return path;
}

static const char tsv_head[] = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#open\t2024-01-01-00-00-00\n"
                               "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state"
                               "\torig_pkts\tresp_pkts\n";

static inline size_t read_all(const char *path, struct logs_lost *lost, struct flow *last)
{
    struct logs_file *f;
    struct report why = {0};
    struct flow flow;
    size_t n = 0;
    int rc = logs_file_open(path, &f, &why);
    if (rc < 0)
        fail_msg("%s", why.text);
    while ((rc = logs_file_next(f, &flow, &why)) > 0) {
        *last = flow;
        n++;
    }
    assert_int_equal(rc, 0);
    logs_file_lost(f, lost);
    logs_file_close(&f);
    return n;
}

/* n connections, a second apart from `from` on, of this uid. */
static inline char *connections(unsigned n, unsigned from, const char *uid, const char *head)
{
    char *text = malloc(4096 + n * 128UL), *p = text;
    p += sprintf(p, "%s", head);
    for (unsigned i = 0; i < n; i++)
        p += sprintf(p, "%u.25\t%s%u\t10.0.0.1\t1024\t192.0.2.1\t443\ttcp\t-\t1.0\t1\t2\tSF\t3\t4\n", from + i, uid, i);
    return text;
}

#endif
