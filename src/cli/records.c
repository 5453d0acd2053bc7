#include "cli/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/reader.h"

enum { HEAD = 16, RECORD = 56, RECORD_MAX = 4096, WINDOW = 1 << 20, VERSION = 1 };
enum { FLAG_SPAM = 1, FLAG_AUTHENTICATED = 2, FLAG_LIST = 4 };

struct records {
    char *path;
    int fd;
    uint32_t size;       /* of a record in this file */
    uint64_t offset;     /* of window[pos] */
    size_t pos, n;
    uint8_t window[WINDOW];
};

/* At least `want` bytes in the window, unless the file ends; 0 or a code. */
static int fill(struct records *r, size_t want, struct report *why)
{
    if (r->n - r->pos >= want)
        return 0;
    memmove(r->window, r->window + r->pos, r->n - r->pos);
    r->n -= r->pos;
    r->pos = 0;
    while (r->n < want) {
        ssize_t got = read(r->fd, r->window + r->n, WINDOW - r->n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report_errno(why, "read", r->path);
        if (got == 0)
            break;
        r->n += (size_t)got;
    }
    return 0;
}

static int read_head(struct records *r, struct report *why)
{
    int rc = fill(r, HEAD, why);
    if (rc)
        return rc;
    struct reader in = reader_of(span_of(r->window, r->n < HEAD ? r->n : HEAD));
    struct span magic = reader_bytes(&in, 8);
    uint32_t version = reader_u32(&in);
    r->size = reader_u32(&in);
    if (reader_error(&in) || memcmp(magic.p, "POSSEREC", 8) != 0)
        return report_set(why, POSSE_ECORRUPT, "%s: not a file of event records", r->path);
    if (version < VERSION || r->size < RECORD || r->size > RECORD_MAX)
        return report_set(why, POSSE_EVERSION, "%s: event records of version %u with %u bytes each cannot be read", r->path, version, r->size);
    r->pos = r->offset = HEAD;
    return 0;
}

int records_open(const char *path, struct records **out, struct report *why)
{
    struct records *r = malloc(sizeof *r);
    *out = NULL;
    if (!r || !(r->path = strdup(path))) {
        free(r);
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    }
    r->pos = r->n = 0;
    r->fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    int rc = r->fd < 0 ? report_errno(why, "open", path) : read_head(r, why);
    if (rc)
        records_close(&r);
    *out = r;
    return rc;
}

void records_close(struct records **rp)
{
    struct records *r = rp ? *rp : NULL;
    if (!r)
        return;
    if (r->fd >= 0)
        close(r->fd);
    free(r->path);
    free(r);
    *rp = NULL;
}

int records_seek(struct records *r, uint64_t offset, struct report *why)
{
    if (lseek(r->fd, (off_t)offset, SEEK_SET) < 0)
        return report_errno(why, "go on in", r->path);
    r->offset = offset;
    r->pos = r->n = 0;
    return 0;
}

uint64_t records_offset(const struct records *r) { return r->offset; }

static uint64_t get(const uint8_t *p, size_t n)
{
    uint64_t x = 0;
    while (n-- > 0)
        x = x << 8 | p[n];
    return x;
}

int records_next(struct records *r, struct sighting *s, struct report *why)
{
    int rc = r->n - r->pos < r->size ? fill(r, r->size, why) : 0;
    if (rc || r->n - r->pos < r->size)
        return rc;
    const uint8_t *p = r->window + r->pos;
    uint32_t flags = (uint32_t)get(p + 46, 2), rcpt = (uint32_t)get(p + 44, 2);
    s->time_ms = (int64_t)get(p, 8);
    memcpy(s->source.b, p + 8, 16);
    s->key = get(p + 24, 8);
    s->mailer = get(p + 32, 8);
    s->size_bytes = get(p + 40, 4);
    s->n_rcpt = rcpt ? rcpt : 1;
    s->machine = get(p + 48, 8);
    s->flags = SIGHTING_RECORD | SIGHTING_TRUSTED_SOURCE | (flags & FLAG_SPAM ? SIGHTING_SPAM : 0) |
               (flags & FLAG_AUTHENTICATED ? SIGHTING_AUTHENTICATED : 0) | (flags & FLAG_LIST ? SIGHTING_LIST : 0);
    r->pos += r->size;
    r->offset += r->size;
    return 1;
}
