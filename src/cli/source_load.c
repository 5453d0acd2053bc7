/* source_load: tickets, and the bytes behind them. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/source_priv.h"

/* A buffer that one big message made is not kept for the small ones after it. */
enum { BUF_KEPT_BYTES = 1 << 20, BUF_FIRST_BYTES = 64 << 10 };

void ticket_init(struct ticket *t)
{
    memset(t, 0, sizeof *t);
    t->fd = -1;
}

void ticket_clear(struct ticket *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    box_file_release(&t->box);
    free(t->bytes);
    t->bytes = NULL;
    if (t->charged)
        source_discharge(t->charged, t->n);
    t->charged = NULL;
    t->kind = TICKET_NONE;
    t->n = 0;
    t->is_boxed = false;
}

void ticket_deinit(struct ticket *t)
{
    ticket_clear(t);
    free(t->name);
    t->name = NULL;
    t->name_cap = 0;
}

bool ticket_set_name(struct ticket *t, const char *dir, const char *name)
{
    size_t a = dir ? strlen(dir) : 0, b = strlen(name);
    size_t need = a + 1 + b + 1;
    if (need > t->name_cap) {
        char *bigger = realloc(t->name, need * 2);
        if (!bigger) {
            ticket_bad(t, POSSE_ENOMEM, "%s: out of memory", name);
            return false;
        }
        t->name = bigger;
        t->name_cap = need * 2;
    }
    if (dir) {
        memcpy(t->name, dir, a);
        if (a > 0 && dir[a - 1] != '/')
            t->name[a++] = '/';
    }
    memcpy(t->name + a, name, b + 1);
    return true;
}

void ticket_bad(struct ticket *t, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->bad.text, sizeof t->bad.text, fmt, ap);
    va_end(ap);
    t->bad.code = code;
    t->kind = TICKET_BAD;
}

int ticket_path(struct ticket *t, const char *path, size_t max_bytes)
{
    ticket_clear(t);
    t->max_bytes = max_bytes;
    if (!ticket_set_name(t, NULL, path))
        return POSSE_ENOMEM;
    t->kind = TICKET_PATH;
    return 0;
}

void source_buf_deinit(struct source_buf *b)
{
    free(b->p);
    b->p = NULL;
    b->cap = 0;
}

static int buf_room(struct source_buf *b, size_t n, const char *name, struct report *why)
{
    if (b->cap > BUF_KEPT_BYTES && n < BUF_KEPT_BYTES)
        source_buf_deinit(b);
    if (b->cap >= n)
        return 0;
    size_t cap = n < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : n;
    source_buf_deinit(b);
    b->p = malloc(cap);
    if (!b->p)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory for %zu bytes", name, n);
    b->cap = cap;
    return 0;
}

static int refuse_size(const struct ticket *t, struct report *why)
{
    return report_set(why, POSSE_ETOOBIG, "%s: bigger than %zu bytes, the limit for a message (limits.message_bytes)",
                      t->name, t->max_bytes);
}

static int load_fd(struct ticket *t, int fd, struct source_buf *b, struct span *raw_out, struct report *why)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return report_errno(why, "read", t->name);
    if (S_ISDIR(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: a directory, not a message", t->name);
    if (!S_ISREG(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: not a regular file", t->name);
    if (st.st_size > 0 && (uint64_t)st.st_size > t->max_bytes)
        return refuse_size(t, why);
    size_t n = (size_t)st.st_size, have = 0;
    int rc = buf_room(b, n + 1, t->name, why);
    if (rc)
        return rc;
    while (have < n) {
        ssize_t got = read(fd, b->p + have, n - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report_errno(why, "read", t->name);
        if (got == 0)
            break; /* it shrank meanwhile */
        have += (size_t)got;
    }
    *raw_out = span_of(b->p, have);
    return 0;
}

static int load_path(struct ticket *t, struct source_buf *b, struct span *raw_out, struct report *why)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a writer */
    int fd = open(t->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return report_errno(why, "open", t->name);
    int rc = load_fd(t, fd, b, raw_out, why);
    close(fd);
    return rc;
}

static int load_slice(struct ticket *t, struct source_buf *b, struct span *raw_out, struct report *why)
{
    int rc = buf_room(b, t->n + 1, t->name, why);
    if (rc)
        return rc;
    size_t have = 0;
    while (have < t->n) {
        ssize_t got = pread(t->box->fd, b->p + have, t->n - have, t->offset + (off_t)have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report_errno(why, "read", t->name);
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *raw_out = span_of(b->p, have);
    return 0;
}

/* Takes one '>' off each line that matches ^>+From , in place. */
static size_t unquote(uint8_t *p, size_t n)
{
    size_t to = 0, from = 0;
    while (from < n) {
        uint8_t *hit = memmem(p + from, n - from, "\n>", 2);
        size_t stop = hit ? (size_t)(hit - p) + 1 : n;
        memmove(p + to, p + from, stop - from);
        to += stop - from;
        from = stop;
        size_t i = from;
        while (i < n && p[i] == '>')
            i++;
        if (i > from && n - i >= 5 && memcmp(p + i, "From ", 5) == 0)
            from++;
    }
    return to;
}

int source_load(struct ticket *t, struct source_buf *b, struct span *raw_out, struct report *why)
{
    int rc = 0;
    *raw_out = SPAN_NONE;
    switch (t->kind) {
    case TICKET_NONE: rc = report_set(why, POSSE_EINVAL, "nothing to read"); break;
    case TICKET_BAD: rc = report_set(why, t->bad.code, "%s", t->bad.text); break;
    case TICKET_PATH: rc = load_path(t, b, raw_out, why); break;
    case TICKET_FD:
        rc = load_fd(t, t->fd, b, raw_out, why);
        close(t->fd);
        t->fd = -1;
        t->kind = TICKET_NONE;
        break;
    case TICKET_SLICE: rc = load_slice(t, b, raw_out, why); break;
    case TICKET_BYTES: *raw_out = span_of(t->bytes, t->n); break;
    }
    if (rc)
        return rc;
    if (raw_out->n == 0)
        return report_set(why, POSSE_EINVAL, "%s: empty, not a message", t->name);
    if (t->is_boxed)
        raw_out->n = unquote((uint8_t *)(uintptr_t)raw_out->p, raw_out->n);
    return 0;
}
