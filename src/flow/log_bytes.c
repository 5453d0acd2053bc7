/* One buffer of a line and a block: what is left of the last line moves to the front, the next block is read behind it. Gzip is inflated
 * into the same buffer from a small one of its own; a log of several members (what `cat a.gz b.gz` makes, and Zeek after a restart)
 * is read through. */
#include "flow/log_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"

enum { BLOCK = 256 << 10, PACKED = 64 << 10 };
extern char **environ;

struct log_bytes {
    int fd;
    pid_t child;
    bool is_gzip, is_told, grows, passing; /* passing: within a line that is too long */
    bool done;                             /* gzip: nothing of worth comes any more */
    const char *trouble;
    uint64_t at, raw, of;
    z_stream z;
    uint8_t *packed;
    size_t from, to, cap; /* of buf: what is not taken yet */
    uint8_t *buf;
};

static int start(int fd, pid_t child, struct log_bytes **out, struct report *why)
{
    struct log_bytes *b = calloc(1, sizeof *b);
    struct stat st;
    *out = b;
    if (b) {
        b->fd = fd;
        b->child = child;
        b->cap = LOG_LINE_MAX + BLOCK;
        b->of = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        b->buf = malloc(b->cap);
        if (b->buf)
            return 0;
        b->fd = -1;
        log_bytes_close(out);
    }
    return report_set(why, POSSE_ENOMEM, "no memory to read a log");
}

int log_bytes_open(const char *path, struct log_bytes **out, struct report *why)
{
    struct stat st;
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    *out = NULL;
    if (fd < 0)
        return report_errno(why, "read", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return report_set(why, POSSE_ENOTFILE, "%s: a folder, where a log is needed", path);
    }
    int rc = start(fd, 0, out, why);
    if (rc < 0)
        close(fd);
    return rc;
}

int log_bytes_program(const char *const *argv, struct log_bytes **out, struct report *why)
{
    int pipes[2];
    pid_t child = 0;
    posix_spawn_file_actions_t act;
    *out = NULL;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return report_errno(why, "run", argv[0]);
    posix_spawn_file_actions_init(&act);
    posix_spawn_file_actions_adddup2(&act, pipes[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&act, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&act, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int err = posix_spawnp(&child, argv[0], &act, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&act);
    close(pipes[1]);
    if (err) {
        close(pipes[0]);
        return report_set(why, posse_errno(err), "%s: cannot be run: %s", argv[0], strerror(err));
    }
    int rc = start(pipes[0], child, out, why);
    if (rc < 0) {
        close(pipes[0]);
        waitpid(child, NULL, 0);
    }
    return rc;
}

/* The program is gone by itself when all was read; one that is left early dies of its closed pipe. */
static void reap(struct log_bytes *b)
{
    int status = 0;
    if (b->child > 0 && waitpid(b->child, &status, 0) == b->child && status != 0 && !b->trouble)
        b->trouble = "the program that reads it failed";
    b->child = 0;
}

void log_bytes_close(struct log_bytes **bp)
{
    struct log_bytes *b = *bp;
    *bp = NULL;
    if (!b)
        return;
    if (b->fd >= 0)
        close(b->fd);
    reap(b);
    if (b->packed)
        inflateEnd(&b->z);
    free(b->packed);
    free(b->buf);
    free(b);
}

void log_bytes_grows(struct log_bytes *b, bool grows) { b->grows = grows; }
uint64_t log_bytes_at(const struct log_bytes *b) { return b->at; }
const char *log_bytes_trouble(const struct log_bytes *b) { return b->trouble; }

uint64_t log_bytes_raw(const struct log_bytes *b, uint64_t *of_out)
{
    if (of_out)
        *of_out = b->of;
    return b->is_gzip ? b->raw - b->z.avail_in : b->raw - (b->to - b->from);
}

/* Bytes of the file, 0 at its end. */
static ssize_t raw_read(struct log_bytes *b, uint8_t *p, size_t n)
{
    ssize_t got;
    do
        got = read(b->fd, p, n);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        b->raw += (uint64_t)got;
    if (b->of && b->raw > b->of)
        b->of = b->raw; /* it grew */
    return got;
}

static int inflate_start(struct log_bytes *b, struct report *why)
{
    b->packed = malloc(PACKED);
    if (!b->packed || inflateInit2(&b->z, 15 + 16) != Z_OK) {
        free(b->packed);
        b->packed = NULL;
        return report_set(why, POSSE_ENOMEM, "no memory to unpack a log");
    }
    memcpy(b->packed, b->buf + b->from, b->to - b->from); /* the first bytes, by which it was told */
    b->z.next_in = b->packed;
    b->z.avail_in = (uInt)(b->to - b->from);
    b->from = b->to = 0;
    return 0;
}

/* After a member: another one, or bytes that are none (then the log is over; padding of zeros is usual on tapes). */
static void next_member(struct log_bytes *b)
{
    if (b->z.avail_in && b->z.next_in[0] != 0x1f) {
        b->trouble = b->z.next_in[0] ? "bytes behind the gzip that are none" : b->trouble;
        b->done = true;
    }
    inflateReset(&b->z);
}

static int fill_gzip(struct log_bytes *b, struct report *why)
{
    size_t before = b->to;
    while (b->to == before && !b->done) {
        if (b->z.avail_in == 0) {
            ssize_t got = raw_read(b, b->packed, PACKED);
            if (got < 0)
                return report_errno(why, "read", "a log");
            if (got == 0) {
                if (b->z.total_in && !b->grows)
                    b->trouble = "the gzip ends in the middle";
                return 0;
            }
            b->z.next_in = b->packed;
            b->z.avail_in = (uInt)got;
            if (b->z.total_in == 0)
                next_member(b);
            continue;
        }
        b->z.next_out = b->buf + b->to;
        b->z.avail_out = (uInt)(b->cap - b->to);
        int rc = inflate(&b->z, Z_NO_FLUSH);
        b->to = (size_t)(b->z.next_out - b->buf);
        if (rc == Z_STREAM_END) {
            next_member(b);
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            b->trouble = rc == Z_MEM_ERROR ? "no memory to unpack it" : "the gzip is damaged";
            b->done = true;
        }
    }
    return 0;
}

/* More bytes behind those that are there; 0 too at the end. */
static int fill(struct log_bytes *b, struct report *why)
{
    if (b->from && (b->from == b->to || b->cap - b->to < BLOCK / 2)) {
        memmove(b->buf, b->buf + b->from, b->to - b->from);
        b->to -= b->from;
        b->from = 0;
    }
    if (b->to == b->cap)
        return 0;
    if (b->is_gzip)
        return fill_gzip(b, why);
    size_t room = b->cap - b->to < BLOCK ? b->cap - b->to : BLOCK;
    if (!b->is_told && room > PACKED)
        room = PACKED; /* it may have to move to the other buffer */
    ssize_t got = raw_read(b, b->buf + b->to, room);
    if (got < 0)
        return report_errno(why, "read", "a log");
    b->to += (size_t)got;
    if (got == 0 && b->child > 0)
        reap(b);
    if (!b->is_told && b->to - b->from >= 2) {
        b->is_told = true;
        b->is_gzip = b->buf[b->from] == 0x1f && b->buf[b->from + 1] == 0x8b;
        if (b->is_gzip) {
            int rc = inflate_start(b, why);
            return rc < 0 ? rc : fill_gzip(b, why);
        }
    }
    return 0;
}

static void take_line(struct log_bytes *b, size_t n, struct span *out)
{
    size_t keep = n && b->buf[b->from + n - 1] == '\n' ? n - 1 : n;
    if (keep && keep < n && b->buf[b->from + keep - 1] == '\r')
        keep--;
    *out = span_of(b->buf + b->from, keep);
    log_bytes_take(b, n);
}

/* Drops what is held of a line that is too long; 1 when its end was found. */
static int pass_long(struct log_bytes *b, struct span *out)
{
    const uint8_t *nl = b->to > b->from ? memchr(b->buf + b->from, '\n', b->to - b->from) : NULL;
    *out = SPAN_NONE;
    log_bytes_take(b, nl ? (size_t)(nl - b->buf) + 1 - b->from : b->to - b->from);
    b->passing = !nl;
    return nl != NULL;
}

int log_bytes_line(struct log_bytes *b, struct span *out, struct report *why)
{
    size_t seen = 0;
    for (;;) {
        if (b->passing && pass_long(b, out))
            return LOG_LINE_LONG;
        const uint8_t *nl = b->to - b->from > seen ? memchr(b->buf + b->from + seen, '\n', b->to - b->from - seen) : NULL;
        size_t held = b->to - b->from;
        if (nl && (size_t)(nl - b->buf) - b->from <= LOG_LINE_MAX) {
            take_line(b, (size_t)(nl - b->buf) + 1 - b->from, out);
            return 1;
        }
        if (nl || held > LOG_LINE_MAX) {
            b->passing = true;
            continue;
        }
        seen = held;
        int rc = fill(b, why);
        if (rc < 0)
            return rc == LOG_LINE_LONG ? POSSE_EIO : rc;
        if (b->to - b->from > held)
            continue;
        *out = SPAN_NONE;
        if (b->grows || (held == 0 && !b->passing))
            return 0;
        if (b->passing) {
            b->passing = false;
            return LOG_LINE_LONG;
        }
        take_line(b, held, out);
        return 1;
    }
}

int log_bytes_peek(struct log_bytes *b, size_t n, struct span *out, struct report *why)
{
    for (size_t before = SIZE_MAX; b->to - b->from < n && before != b->to - b->from;) {
        before = b->to - b->from;
        int rc = fill(b, why);
        if (rc < 0)
            return rc;
    }
    size_t held = b->to - b->from;
    *out = span_of(b->buf + b->from, held < n ? held : n);
    return 0;
}

void log_bytes_take(struct log_bytes *b, size_t n)
{
    b->from += n;
    b->at += n;
}

int log_bytes_skip(struct log_bytes *b, uint64_t n, struct report *why)
{
    struct span s;
    int rc = log_bytes_peek(b, 1, &s, why);
    if (rc == 0 && !b->is_gzip && b->of && n > b->to - b->from) {
        uint64_t jump = n - (b->to - b->from);
        if (b->raw + jump > b->of || b->raw + jump < jump)
            jump = b->of - b->raw; /* to the end */
        if (lseek(b->fd, (off_t)jump, SEEK_CUR) >= 0) {
            b->at += jump + (b->to - b->from);
            b->raw += jump;
            b->from = b->to = 0;
            return 0;
        }
    }
    for (; rc == 0 && n; n -= s.n) {
        rc = log_bytes_peek(b, n < BLOCK ? (size_t)n : BLOCK, &s, why);
        if (rc < 0 || s.n == 0)
            break;
        log_bytes_take(b, s.n);
    }
    return rc;
}
