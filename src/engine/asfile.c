#include "engine/asfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/snapshot.h"
#include "store/store_report.h"

static const char magic[] = "POSSESNP";
enum { CSV_MAX = 1 << 30, ENCODED_MAX = 512 << 20 };

struct asfile { struct astable *table; struct snapshot *snapshot; };

static int read_csv(const char *path, int fd, size_t n, struct astable **out, struct report *why)
{
    void *map = n ? mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (map == MAP_FAILED)
        return store_errno(why, "read", path);
    int rc = astable_read(span_of(map, n), path, out, why);
    if (map)
        munmap(map, n);
    return rc;
}

static int open_it(const char *path, int fd, struct asfile *f, struct report *why)
{
    char head[8] = "";
    struct stat st;
    if (fstat(fd, &st) != 0)
        return store_errno(why, "read", path);
    if (!S_ISREG(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: not a regular file; name a table of autonomous systems", path);
    if (st.st_size > CSV_MAX)
        return report_set(why, POSSE_ETOOBIG, "%s: over %d bytes; a table of autonomous systems has some 40 MB", path, CSV_MAX);
    if (pread(fd, head, 8, 0) != 8 || memcmp(head, magic, 8) != 0)
        return read_csv(path, fd, (size_t)st.st_size, &f->table, why);
    int rc = snapshot_open(path, SNAPSHOT_AS, &f->snapshot, why);
    return rc ? rc : astable_view(snapshot_get(f->snapshot, "as"), path, &f->table, why);
}

int asfile_open(const char *path, struct asfile **out, struct report *why)
{
    *out = NULL;
    struct asfile *f = calloc(1, sizeof *f);
    int fd = f ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    int rc = !f ? report_set(why, POSSE_ENOMEM, "%s: out of memory", path) : fd < 0 ? store_errno(why, "open", path) : open_it(path, fd, f, why);
    if (fd >= 0)
        close(fd);
    if (rc)
        asfile_close(&f);
    *out = f;
    return rc;
}

void asfile_close(struct asfile **fp)
{
    struct asfile *f = *fp;
    if (!f)
        return;
    astable_free(&f->table);
    snapshot_close(&f->snapshot);
    free(f);
    *fp = NULL;
}

const struct astable *asfile_table(const struct asfile *f) { return f ? f->table : NULL; }

int asfile_write(const struct astable *t, const char *path, struct report *why)
{
    struct buf b;
    buf_init(&b, ENCODED_MAX);
    int rc = astable_encode(t, &b);
    if (rc)
        report_set(why, rc, "%s: %s", path, posse_strerror(rc));
    struct snapshot_section s = {"as", buf_span(&b)};
    if (!rc)
        rc = snapshot_write(path, SNAPSHOT_AS, &s, 1, why);
    buf_deinit(&b);
    return rc;
}
