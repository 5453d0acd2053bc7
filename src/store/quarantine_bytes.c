/* quarantine_bytes: the files of the quarantine.
 *
 * A temporary file is locked (flock) by its writer for as long as it lives, so that whoever can lock it may remove it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/error.h"
#include "base/fdio.h"
#include "base/hash.h"
#include "store/quarantine_priv.h"
#include "store/store_report.h"

enum { LEVEL = 3, HEX = 64 };

static int too_long(const struct quarantine *q, struct report *why)
{
    return report_set(why, POSSE_EINVAL, "%s: the path is too long", q->folder);
}

int quarantine_path(const struct quarantine *q, const uint8_t digest[32], char out[QUARANTINE_PATH_MAX], struct report *why)
{
    char hex[HEX + 1];
    hex_encode(span_of(digest, 32), hex);
    int n = snprintf(out, QUARANTINE_PATH_MAX, "%s/%.2s/%s.zst", q->folder, hex, hex);
    return n < QUARANTINE_PATH_MAX ? POSSE_OK : too_long(q, why);
}

static int make_folder(const char *path, bool *is_new, struct report *why)
{
    *is_new = mkdir(path, 0700) == 0;
    return *is_new || errno == EEXIST ? POSSE_OK : store_errno(why, "make this folder", path);
}

static int sync_folder(const char *path, struct report *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return store_errno(why, "open this folder", path);
    int rc = fsync(fd) == 0 ? POSSE_OK : store_errno(why, "sync this folder", path);
    close(fd);
    return rc;
}

/* ---- writing ---- */

static int write_all(int fd, const char *path, struct span s, struct report *why)
{
    if (!fd_write(fd, s))
        return store_errno(why, "write", path);
    return fsync(fd) == 0 ? POSSE_OK : store_errno(why, "sync", path);
}

/* A sweeper may have taken a file between its making and its locking: then it has no name any more, and another is made. */
static int open_temp(struct quarantine *q, struct quarantine_temp *t, struct report *why)
{
    bool is_new;
    int n = snprintf(t->path, sizeof t->path, "%s/tmp", q->folder);
    if (n + 16 >= (int)sizeof t->path)
        return too_long(q, why);
    int rc = make_folder(t->path, &is_new, why);
    for (int tries = 0; !rc && tries < 10; tries++) {
        strcpy(t->path + n, "/put-XXXXXX");
        t->fd = mkostemp(t->path, O_CLOEXEC); /* mode 0600 */
        if (t->fd < 0)
            return store_errno(why, "make a file like", t->path);
        struct stat st;
        if (flock(t->fd, LOCK_EX) == 0 && fstat(t->fd, &st) == 0 && st.st_nlink > 0)
            return POSSE_OK;
        close(t->fd);
    }
    return rc ? rc : report_set(why, POSSE_EIO, "%s: cannot lock a file of one's own; does its file system know locks?", t->path);
}

int quarantine_temp_write(struct quarantine *q, struct span raw, struct quarantine_temp *t, uint64_t *stored_out, struct report *why)
{
    t->fd = -1;
    buf_clear(&q->pack);
    uint8_t *to = buf_reserve(&q->pack, ZSTD_compressBound(raw.n));
    if (!to)
        return report_set(why, buf_error(&q->pack), "%s: out of memory", q->folder);
    size_t n = ZSTD_compress(to, ZSTD_compressBound(raw.n), raw.p, raw.n, LEVEL);
    if (ZSTD_isError(n))
        return report_set(why, POSSE_ENOMEM, "%s: cannot compress: %s", q->folder, ZSTD_getErrorName(n));
    int rc = open_temp(q, t, why);
    if (rc)
        return rc;
    rc = write_all(t->fd, t->path, span_of(to, n), why);
    *stored_out = n;
    if (rc)
        quarantine_temp_drop(t);
    return rc;
}

int quarantine_temp_keep(struct quarantine *q, struct quarantine_temp *t, const uint8_t digest[32], struct report *why)
{
    char path[QUARANTINE_PATH_MAX];
    bool is_new = false;
    int rc = quarantine_path(q, digest, path, why);
    if (rc)
        return rc;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    rc = make_folder(path, &is_new, why);
    if (!rc && is_new)
        rc = sync_folder(q->folder, why);
    *slash = '/';
    if (!rc && rename(t->path, path) != 0)
        rc = store_errno(why, "name a message", path);
    if (rc)
        return rc;
    t->path[0] = '\0';
    return quarantine_file_sync(q, digest, why);
}

void quarantine_temp_drop(struct quarantine_temp *t)
{
    if (t->fd < 0)
        return;
    if (t->path[0])
        unlink(t->path);
    close(t->fd);
    t->fd = -1;
}

int quarantine_file_sync(struct quarantine *q, const uint8_t digest[32], struct report *why)
{
    char path[QUARANTINE_PATH_MAX];
    int rc = quarantine_path(q, digest, path, why);
    if (rc)
        return rc;
    *strrchr(path, '/') = '\0';
    return sync_folder(path, why);
}

/* ---- reading ---- */

static int read_all(const char *path, struct buf *b, uint64_t size, struct report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return store_errno(why, "read", path);
    struct stat st;
    int rc = fstat(fd, &st) == 0 ? POSSE_OK : store_errno(why, "read", path);
    size_t want = rc ? 0 : (size_t)st.st_size, got = 0;
    if (!rc && (st.st_size < 0 || want > ZSTD_compressBound(size)))
        rc = report_set(why, POSSE_ECORRUPT, "%s: has more bytes than were written", path);
    buf_clear(b);
    uint8_t *to = rc ? NULL : buf_reserve(b, want + 1); /* an empty buffer has no place for nothing */
    if (!rc && !to)
        rc = report_set(why, buf_error(b), "%s: out of memory", path);
    while (!rc && got < want) {
        ssize_t n = read(fd, to + got, want - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            rc = n < 0 ? store_errno(why, "read", path) : report_set(why, POSSE_ECORRUPT, "%s: was cut short", path);
        else
            got += (size_t)n;
    }
    b->n = rc ? 0 : want;
    close(fd);
    return rc;
}

int quarantine_file_read(struct quarantine *q, const uint8_t digest[32], uint64_t size, struct buf *out, uint64_t *stored_out,
                         struct report *why)
{
    char path[QUARANTINE_PATH_MAX];
    int rc = quarantine_path(q, digest, path, why);
    if (!rc)
        rc = read_all(path, &q->pack, size, why);
    if (rc)
        return rc;
    *stored_out = q->pack.n;
    uint8_t *to = buf_reserve(out, size ? (size_t)size : 1), found[32];
    if (!to)
        return report_set(why, buf_error(out), "%s: out of memory", path);
    size_t n = ZSTD_decompress(to, (size_t)size, q->pack.p, q->pack.n);
    if (!ZSTD_isError(n) && n == size) {
        sha256(span_of(to, n), found);
        if (memcmp(found, digest, sizeof found) == 0) {
            out->n += n;
            return POSSE_OK;
        }
    }
    return report_set(why, POSSE_ECORRUPT, "%s: its bytes are not what they were; remove the item", path);
}

/* ---- what nobody names ---- */

static int is_named(struct quarantine *q, const uint8_t digest[32], bool *out, struct report *why)
{
    sqlite3_stmt *s = db_stmt(&q->db, QUARANTINE_NAMES);
    if (!s || db_bind_blob(s, 1, span_of(digest, 32)))
        return db_fail(&q->db, why, "read the quarantine");
    int step = sqlite3_step(s);
    sqlite3_reset(s);
    *out = step == SQLITE_ROW;
    return step == SQLITE_ROW || step == SQLITE_DONE ? POSSE_OK : db_fail(&q->db, why, "read the quarantine");
}

int quarantine_collect(struct quarantine *q, const uint8_t digest[32], struct report *why)
{
    char path[QUARANTINE_PATH_MAX];
    bool named = true;
    int rc = quarantine_path(q, digest, path, why);
    if (!rc)
        rc = is_named(q, digest, &named, why);
    if (!rc && !named && unlink(path) != 0 && errno != ENOENT)
        rc = store_errno(why, "remove", path);
    return rc;
}

static int sweep_bytes(struct quarantine *q, DIR *d, struct report *why)
{
    int rc = POSSE_OK;
    for (struct dirent *e; !rc && (e = readdir(d));) {
        uint8_t digest[32];
        if (strlen(e->d_name) == HEX + 4 && strcmp(e->d_name + HEX, ".zst") == 0 &&
            hex_decode(span_of(e->d_name, HEX), digest, sizeof digest))
            rc = quarantine_collect(q, digest, why);
    }
    return rc;
}

static void sweep_temps(DIR *d)
{
    for (struct dirent *e; (e = readdir(d));) {
        if (strncmp(e->d_name, "put-", 4) != 0)
            continue;
        int fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(d), e->d_name, 0);
        if (fd >= 0)
            close(fd);
    }
}

int quarantine_sweep(struct quarantine *q, unsigned folder, struct report *why)
{
    char path[QUARANTINE_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/tmp", q->folder);
    if (n >= (int)sizeof path)
        return too_long(q, why);
    DIR *d = opendir(path);
    if (d) {
        sweep_temps(d);
        closedir(d);
    }
    snprintf(path, sizeof path, "%s/%02x", q->folder, folder & 0xff);
    d = opendir(path);
    if (!d)
        return errno == ENOENT ? POSSE_OK : store_errno(why, "read this folder", path);
    int rc = db_begin(&q->db, why, "sweep the quarantine");
    if (!rc)
        rc = db_end(&q->db, sweep_bytes(q, d, why), why, "sweep the quarantine");
    closedir(d);
    return rc;
}
