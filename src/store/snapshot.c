#include "store/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"
#include "base/hash.h"
#include "base/reader.h"
#include "store/store_report.h"

enum { HEADER_BYTES = 64, SUMMED_BYTES = 32, ENTRY_BYTES = 40, NAME_BYTES = 16, ALIGN_BYTES = 64 };
enum { WAITS = 250, WAIT_NS = 20000000 }; /* for another writer: five seconds */

static const char magic[8] = {'P', 'O', 'S', 'S', 'E', 'S', 'N', 'P'};

static uint64_t align_up(uint64_t x) { return (x + ALIGN_BYTES - 1) & ~(uint64_t)(ALIGN_BYTES - 1); }

/* Header and table are summed as one: the table's sum seeds the header's. */
static uint64_t head_sum(struct span header, struct span table)
{
    return hash64(span_sub(header, 0, SUMMED_BYTES), hash64(table, 0));
}

/* ---- reading ---- */

struct check {
    struct span in;
    const char *name;
    struct report *why;
};

static int damaged(const struct check *c, uint64_t offset, const char *what)
{
    return report_set(c->why, POSSE_ECORRUPT, "%s: damaged at byte %" PRIu64 ": %s; restore it from a copy, or delete it "
                      "to have it made anew", c->name, offset, what);
}

static bool all_zero(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i])
            return false;
    return true;
}

static int check_header(const struct check *c, enum snapshot_kind kind, uint32_t *n_out)
{
    struct reader r = reader_of(c->in);
    struct span m = reader_bytes(&r, sizeof magic);
    if (!m.n || memcmp(m.p, magic, sizeof magic) != 0)
        return report_set(c->why, POSSE_ECORRUPT, "%s: not a Posse snapshot; name another file", c->name);
    uint32_t format = reader_u32(&r), is_kind = reader_u32(&r);
    uint64_t size = reader_u64(&r);
    uint32_t n = reader_u32(&r), zero = reader_u32(&r);
    uint64_t sum = reader_u64(&r);
    struct span rest = reader_bytes(&r, HEADER_BYTES - SUMMED_BYTES - 8);
    if (reader_error(&r))
        return damaged(c, c->in.n, "the file ends within its header");
    if (format != SNAPSHOT_FORMAT)
        return report_set(c->why, POSSE_EVERSION, "%s: format %" PRIu32 ", but this version of Posse reads format %d; "
                          "use the version that wrote it, or build it anew", c->name, format, SNAPSHOT_FORMAT);
    if (size != c->in.n)
        return damaged(c, 16, "the file is not as long as it says");
    if (zero || n > SNAPSHOT_SECTIONS_MAX || !all_zero(rest))
        return damaged(c, 24, "an impossible header");
    struct span table = reader_bytes(&r, (size_t)n * ENTRY_BYTES);
    if (reader_error(&r))
        return damaged(c, c->in.n, "the file ends within its table");
    if (sum != head_sum(c->in, table))
        return damaged(c, SUMMED_BYTES, "the header's checksum is wrong");
    /* After the checksum: a flipped bit is damage, not another kind. */
    if (is_kind != (uint32_t)kind)
        return report_set(c->why, POSSE_EVERSION, "%s: a snapshot of kind %" PRIu32 " where kind %d is needed; "
                          "name another file", c->name, is_kind, (int)kind);
    *n_out = n;
    return POSSE_OK;
}

static bool name_ok(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (name[i] < 33 || name[i] > 126)
            return false;
    return n >= 1 && n < NAME_BYTES;
}

static struct span entry_at(struct span file, size_t i)
{
    size_t at = HEADER_BYTES + i * ENTRY_BYTES;
    return span_sub(file, at, at + ENTRY_BYTES);
}

static bool name_is_new(struct span file, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (memcmp(entry_at(file, i).p, entry_at(file, j).p, NAME_BYTES) == 0)
            return false;
    return true;
}

static int check_section(const struct check *c, size_t i, uint64_t *end)
{
    struct span entry = entry_at(c->in, i);
    uint64_t at = HEADER_BYTES + (uint64_t)i * ENTRY_BYTES;
    struct reader r = reader_of(entry);
    struct span name = reader_bytes(&r, NAME_BYTES);
    uint64_t offset = reader_u64(&r), size = reader_u64(&r), sum = reader_u64(&r);
    size_t len = strnlen((const char *)name.p, NAME_BYTES);
    if (!name_ok((const char *)name.p, len) || !all_zero(span_sub(name, len, NAME_BYTES)) || !name_is_new(c->in, i))
        return damaged(c, at, "a bad section name");
    if (offset != align_up(*end) || offset > c->in.n || size > c->in.n - offset)
        return damaged(c, at, "a section out of place");
    if (!all_zero(span_sub(c->in, *end, offset)))
        return damaged(c, *end, "bytes between sections");
    if (hash64(span_of(c->in.p + offset, size), 0) != sum)
        return damaged(c, offset, "a section's checksum is wrong");
    *end = offset + size;
    return POSSE_OK;
}

int snapshot_validate(struct span file, enum snapshot_kind kind, const char *name, struct report *why)
{
    struct check c = {file, name, why};
    uint32_t n = 0;
    int rc = check_header(&c, kind, &n);
    uint64_t end = HEADER_BYTES + (uint64_t)n * ENTRY_BYTES;
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = check_section(&c, i, &end);
    if (!rc && end != file.n)
        rc = damaged(&c, end, "bytes after the last section");
    return rc;
}

bool snapshot_section_at(struct span file, size_t i, const char **name_out, struct span *data_out)
{
    struct reader r = reader_of(span_sub(file, 24, HEADER_BYTES));
    if (i >= reader_u32(&r))
        return false;
    struct span entry = entry_at(file, i);
    r = reader_of(span_sub(entry, NAME_BYTES, ENTRY_BYTES));
    uint64_t offset = reader_u64(&r), size = reader_u64(&r);
    *name_out = (const char *)entry.p;
    *data_out = span_of(file.p + offset, size);
    return true;
}

struct snapshot {
    void *map;
    size_t n;
};

static int map_file(int fd, const char *path, struct snapshot *s, struct report *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return store_errno(why, "read this file", path);
    if (!S_ISREG(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: not a regular file; name a snapshot", path);
    if (st.st_size < HEADER_BYTES)
        return report_set(why, POSSE_ECORRUPT, "%s: not a Posse snapshot, or cut short; restore it from a copy, or "
                          "delete it to have it made anew", path);
    s->n = (size_t)st.st_size;
    s->map = mmap(NULL, s->n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (s->map == MAP_FAILED)
        return store_errno(why, "map this file", path);
    return POSSE_OK;
}

int snapshot_open(const char *path, enum snapshot_kind kind, struct snapshot **out, struct report *why)
{
    *out = NULL;
    /* O_NONBLOCK: a FIFO by that name is refused, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return store_errno(why, "open this file", path);
    struct snapshot *s = calloc(1, sizeof *s);
    int rc = s ? POSSE_OK : report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    if (s) {
        s->map = MAP_FAILED;
        rc = map_file(fd, path, s, why);
    }
    close(fd);
    if (!rc)
        rc = snapshot_validate(span_of(s->map, s->n), kind, path, why);
    if (rc)
        snapshot_close(&s);
    *out = s;
    return rc;
}

void snapshot_close(struct snapshot **s)
{
    if (!s || !*s)
        return;
    if ((*s)->map != MAP_FAILED)
        munmap((*s)->map, (*s)->n);
    free(*s);
    *s = NULL;
}

struct span snapshot_get(const struct snapshot *s, const char *name)
{
    struct span file = span_of(s->map, s->n), data;
    const char *is;
    for (size_t i = 0; snapshot_section_at(file, i, &is, &data); i++)
        if (strcmp(is, name) == 0)
            return data;
    return SPAN_NONE;
}

/* ---- writing ---- */

static void put_le(uint8_t *p, uint64_t x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

/* Header and table in one heap block; *n_out its size. NULL: out of memory. */
static uint8_t *make_head(enum snapshot_kind kind, const struct snapshot_section *s, size_t n, size_t *n_out)
{
    size_t head = HEADER_BYTES + n * ENTRY_BYTES;
    uint8_t *h = calloc(1, head);
    if (!h)
        return NULL;
    uint64_t end = head;
    for (size_t i = 0; i < n; i++) {
        uint8_t *e = h + HEADER_BYTES + i * ENTRY_BYTES;
        memcpy(e, s[i].name, strlen(s[i].name));
        put_le(e + NAME_BYTES, align_up(end), 8);
        put_le(e + NAME_BYTES + 8, s[i].data.n, 8);
        put_le(e + NAME_BYTES + 16, hash64(s[i].data, 0), 8);
        end = align_up(end) + s[i].data.n;
    }
    memcpy(h, magic, sizeof magic);
    put_le(h + 8, SNAPSHOT_FORMAT, 4);
    put_le(h + 12, (uint64_t)kind, 4);
    put_le(h + 16, end, 8);
    put_le(h + 24, n, 4);
    put_le(h + SUMMED_BYTES, head_sum(span_of(h, HEADER_BYTES), span_of(h + HEADER_BYTES, n * ENTRY_BYTES)), 8);
    *n_out = head;
    return h;
}

static bool write_body(int fd, const uint8_t *head, size_t head_n, const struct snapshot_section *s, size_t n)
{
    static const uint8_t zeros[ALIGN_BYTES];
    uint64_t end = head_n;
    if (!fd_write(fd, span_of(head, head_n)))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!fd_write(fd, span_of(zeros, align_up(end) - end)) || !fd_write(fd, s[i].data))
            return false;
        end = align_up(end) + s[i].data.n;
    }
    return true;
}

/* Opens and locks the temporary file; a leftover of a crash is taken over. The loop: between our open and our
 * lock its holder may have renamed it to the real name, and that one must never be written. */
static int open_temp(const char *tmp, mode_t mode, int *fd_out, struct report *why)
{
    for (int tries = 0, waits = 0; tries < 16; tries++) {
        int fd = open(tmp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode);
        if (fd < 0)
            return store_errno(why, "write this file", tmp);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        bool is_ours = fcntl(fd, F_OFD_SETLK, &lock) == 0;
        while (!is_ours && (errno == EAGAIN || errno == EACCES) && waits++ < WAITS) {
            nanosleep(&(struct timespec){0, WAIT_NS}, NULL);
            is_ours = fcntl(fd, F_OFD_SETLK, &lock) == 0;
        }
        if (!is_ours) {
            int rc = errno == EAGAIN || errno == EACCES
                         ? report_set(why, POSSE_EBUSY, "%s: another process is writing it; wait for it to end", tmp)
                         : store_errno(why, "lock this file", tmp);
            close(fd);
            return rc;
        }
        struct stat ours, named;
        if (fstat(fd, &ours) == 0 && lstat(tmp, &named) == 0 && ours.st_ino == named.st_ino &&
            ours.st_dev == named.st_dev) {
            if (S_ISREG(ours.st_mode) && ours.st_nlink == 1 && ours.st_uid == geteuid()) {
                *fd_out = fd;
                return POSSE_OK;
            }
            close(fd);
            return report_set(why, POSSE_EACCES, "%s: is not ours to write; remove it and run this again", tmp);
        }
        close(fd);
    }
    return report_set(why, POSSE_EBUSY, "%s: other processes keep writing it; run this again", tmp);
}

static int sync_folder(const char *path, struct report *why)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!dir)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = POSSE_OK;
    if (fd < 0 || fsync(fd) != 0)
        rc = store_errno(why, "flush its folder", path);
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

struct job {
    const char *path;
    char *tmp;
    uint8_t *head;
    size_t head_n;
    mode_t mode;
};

static int write_temp(const struct job *j, const struct snapshot_section *s, size_t n, struct report *why)
{
    int fd = -1, rc = open_temp(j->tmp, j->mode, &fd, why);
    if (rc)
        return rc;
    /* fchmod: a leftover may carry another mode than this snapshot's. */
    if (ftruncate(fd, 0) != 0 || (j->mode == 0600 && fchmod(fd, 0600) != 0) ||
        !write_body(fd, j->head, j->head_n, s, n) || fsync(fd) != 0)
        rc = store_errno(why, "write this file", j->tmp);
    /* The lock is held over the rename: nobody else can take the name over in between. */
    else if (rename(j->tmp, j->path) != 0)
        rc = store_errno(why, "put the new file in its place", j->path);
    if (rc)
        unlink(j->tmp);
    close(fd);
    return rc ? rc : sync_folder(j->path, why);
}

static int check_arguments(const char *path, const struct snapshot_section *s, size_t n, struct report *why)
{
    if (n > SNAPSHOT_SECTIONS_MAX)
        return report_set(why, POSSE_EINVAL, "%s: too many sections", path);
    for (size_t i = 0; i < n; i++) {
        if (!name_ok(s[i].name, strlen(s[i].name)))
            return report_set(why, POSSE_EINVAL, "%s: bad section name \"%s\"", path, s[i].name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(s[i].name, s[j].name) == 0)
                return report_set(why, POSSE_EINVAL, "%s: two sections named \"%s\"", path, s[i].name);
    }
    /* Renaming over /dev/null, a socket or a folder would take it away from its owner. */
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: is there and is no regular file; name another", path);
    return POSSE_OK;
}

int snapshot_write(const char *path, enum snapshot_kind kind, const struct snapshot_section *s, size_t n,
                   struct report *why)
{
    int rc = check_arguments(path, s, n, why);
    if (rc)
        return rc;
    size_t len = strlen(path);
    struct job j = {.path = path, .tmp = malloc(len + sizeof ".tmp"), .mode = kind == SNAPSHOT_PRIOR || kind == SNAPSHOT_AS ? 0666 : 0600};
    j.head = make_head(kind, s, n, &j.head_n);
    if (j.tmp && j.head) {
        memcpy(j.tmp, path, len);
        memcpy(j.tmp + len, ".tmp", sizeof ".tmp");
        rc = write_temp(&j, s, n, why);
    } else {
        rc = report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    }
    free(j.tmp);
    free(j.head);
    return rc;
}
