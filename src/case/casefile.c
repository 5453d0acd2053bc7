/* Adding to a case. What is written in which order, so that a crash at any moment leaves a case that is whole:
 *   1. bytes of exhibits at the end of the pack, flushed;   2. the lines that name them at the end of the log, flushed.
 * Bytes past the last exhibit and half a line past the last line end are not part of the case; the next writer cuts them off. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fdio.h"
#include "base/hash.h"
#include "base/jsonout.h"
#include "case/casefile_priv.h"

/* Fields that the case itself writes. */
static const char *const own_field[] = {"n", "prev", "kind", "at", "by", "tool", "pack", "offset", "size", "sha256", "redacts"};

static int fail(const struct casefile *c, const char *doing, struct report *why) { return report_errno(why, doing, c->folder); }

/* ---- opening ---- */

static int lock_case(struct casefile *c, struct report *why)
{
    c->lock = openat(c->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->lock < 0)
        return fail(c, "make the lock", why);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(c->lock, F_OFD_SETLK, &l) == 0)
        return POSSE_OK;
    if (errno == EAGAIN || errno == EACCES)
        return report_set(why, POSSE_EBUSY, "%s: another process is adding to this case; wait for it to end", c->folder);
    return fail(c, "lock the case", why);
}

static int open_pack(struct casefile *c, bool make, struct report *why)
{
    char name[32];
    casefile_pack_name(c->pack_number, name);
    if (c->pack >= 0)
        close(c->pack);
    c->pack = openat(c->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (make ? O_CREAT : 0), 0600);
    if (c->pack < 0)
        return fail(c, "open the exhibits", why);
    struct stat st;
    if (fstat(c->pack, &st) != 0 || !S_ISREG(st.st_mode))
        return report_set(why, POSSE_ECORRUPT, "%s/%s: is no file", c->folder, name);
    if ((uint64_t)st.st_size < c->pack_end)
        return report_set(why, POSSE_ECORRUPT, "%s/%s: is shorter than its exhibits; see 'posse case verify'", c->folder, name);
    if (((uint64_t)st.st_size > c->pack_end && ftruncate(c->pack, (off_t)c->pack_end) != 0) || lseek(c->pack, (off_t)c->pack_end, SEEK_SET) < 0)
        return fail(c, "cut off what was never added", why);
    return POSSE_OK;
}

/* A newest head over more lines than there are: the log was cut. Only the number is looked at here; case_verify looks at the rest. */
static int check_heads(struct casefile *c, struct report *why)
{
    struct buf b;
    int fd = openat(c->dir, "heads.jsonl", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = POSSE_OK;
    if (fd < 0)
        return errno == ENOENT ? POSSE_OK : fail(c, "read the heads", why);
    buf_init(&b, 64 << 20);
    for (;;) {
        uint8_t *p = buf_reserve(&b, 65536);
        ssize_t got = p ? read(fd, p, 65536) : -1;
        if (got <= 0) {
            err = got ? fail(c, "read the heads", why) : POSSE_OK;
            break;
        }
        b.n += (size_t)got;
    }
    close(fd);
    static const char start[] = "{\"n\":";
    for (size_t i = 0; !err && i < b.n;) {
        const uint8_t *end = memchr(b.p + i, '\n', b.n - i);
        size_t n = end ? (size_t)(end - (b.p + i)) : b.n - i;
        if (n >= sizeof start && memcmp(b.p + i, start, sizeof start - 1) == 0) {
            uint64_t lines = 0;
            for (size_t k = i + sizeof start - 1; k < i + n && b.p[k] >= '0' && b.p[k] <= '9' && lines < UINT64_MAX / 20; k++)
                lines = lines * 10 + (b.p[k] - '0');
            if (lines > c->n)
                err = report_set(why, POSSE_ECORRUPT, "%s: its newest head is over %" PRIu64 " lines and the log has %" PRIu64
                                 ": nothing is added to it any more; see 'posse case verify'", c->folder, lines, c->n);
        }
        i += n + 1;
    }
    buf_deinit(&b);
    return err;
}

static int make_ready(struct casefile *c, struct report *why)
{
    struct stat st;
    int err = check_heads(c, why);
    if (!err && fstat(c->log, &st) != 0)
        err = fail(c, "look at the log", why);
    if (!err && (uint64_t)st.st_size > c->log_end && ftruncate(c->log, (off_t)c->log_end) != 0)
        err = fail(c, "cut off half a line", why);
    if (!err && lseek(c->log, (off_t)c->log_end, SEEK_SET) < 0)
        err = fail(c, "write the log", why);
    return err ? err : open_pack(c, c->pack_end == 0, why);
}

static struct casefile *new_case(const char *folder, const struct case_writer *w)
{
    struct casefile *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->dir = c->log = c->pack = c->lock = -1;
    buf_init(&c->pending, CASE_BATCH_MAX);
    buf_init(&c->text, CASE_LINE_MAX + 2);
    if (w) {
        c->w = *w;
        c->is_writer = true;
    }
    if (!(c->folder = strdup(folder))) {
        free(c);
        return NULL;
    }
    return c;
}

static void free_case(struct casefile *c)
{
    int fd[] = {c->dir, c->log, c->pack, c->lock};
    for (size_t i = 0; i < sizeof fd / sizeof *fd; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    buf_deinit(&c->pending);
    buf_deinit(&c->text);
    casefile_forget(c);
    free(c->line_end);
    free(c->leaf);
    free(c->folder);
    free(c);
}

int casefile_open(const char *folder, const struct case_writer *w, struct casefile **out, struct report *why)
{
    *out = NULL;
    struct casefile *c = new_case(folder, w);
    if (!c)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int err = POSSE_OK;
    c->dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->dir < 0)
        err = fail(c, "open the case", why);
    if (!err && w)
        err = lock_case(c, why);
    if (!err) {
        c->log = openat(c->dir, "log.jsonl", (w ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        err = c->log < 0 ? fail(c, "open its log: is this the folder of a case?", why) : casefile_scan(c, why);
    }
    if (!err && w)
        err = make_ready(c, why);
    if (err)
        free_case(c);
    else
        *out = c;
    return err;
}

int casefile_create(const char *folder, const char *title, const char *subject, const struct case_writer *w, struct casefile **out,
                    struct report *why)
{
    *out = NULL;
    if (mkdir(folder, 0700) != 0)
        return report_errno(why, "make the folder of the case", folder);
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int log = dir < 0 ? -1 : openat(dir, "log.jsonl", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = log < 0 || mkdirat(dir, "exhibits", 0700) != 0 || mkdirat(dir, "tokens", 0700) != 0 || fsync(log) != 0 || fsync(dir) != 0
                  ? report_errno(why, "make the case", folder)
                  : POSSE_OK;
    if (log >= 0)
        close(log);
    if (dir >= 0)
        close(dir);
    if (!err)
        err = casefile_open(folder, w, out, why);
    struct case_field f[] = {{"title", span_str(title)}, {"subject", span_str(subject)}};
    if (!err)
        err = casefile_note(*out, "open", f, 2, NULL, why);
    if (err && *out)
        casefile_close(out, NULL);
    return err;
}

int casefile_close(struct casefile **cp, struct report *why)
{
    struct casefile *c = *cp;
    if (!c)
        return POSSE_OK;
    int err = c->in_batch ? casefile_commit(c, why) : POSSE_OK;
    free_case(c);
    *cp = NULL;
    return err;
}

/* ---- adding ---- */

static void remember(struct casefile *c)
{
    c->was.n = c->n;
    c->was.pack_end = c->pack_end;
    c->was.log_end = c->log_end;
    c->was.pack_number = c->pack_number;
    c->was.is_closed = c->is_closed;
    c->was.tree = c->tree;
    memcpy(c->was.prev, c->prev, sizeof c->prev);
}

/* Nothing of the batch remains; where even that fails nothing more is added by this handle. */
static void undo(struct casefile *c)
{
    char name[32];
    buf_clear(&c->pending);
    c->is_broken |= ftruncate(c->log, (off_t)c->was.log_end) != 0 || lseek(c->log, (off_t)c->was.log_end, SEEK_SET) < 0;
    for (uint32_t k = c->pack_number; k > c->was.pack_number; k--) {
        casefile_pack_name(k, name);
        unlinkat(c->dir, name, 0);
    }
    c->n = c->was.n;
    c->is_closed = c->was.is_closed;
    c->tree = c->was.tree;
    c->pack_number = c->was.pack_number;
    c->pack_end = c->was.pack_end;
    c->log_end = c->was.log_end;
    memcpy(c->prev, c->was.prev, sizeof c->prev);
    c->is_broken |= open_pack(c, c->pack_end == 0, NULL) != POSSE_OK;
}

static int may_write(struct casefile *c, struct report *why)
{
    if (!c->is_writer)
        return report_set(why, POSSE_EINVAL, "%s: was opened for reading", c->folder);
    if (c->is_broken)
        return report_set(why, POSSE_EIO, "%s: an earlier failure could not be undone; open the case again", c->folder);
    return POSSE_OK;
}

int casefile_begin(struct casefile *c, struct report *why)
{
    int err = may_write(c, why);
    if (err || c->in_batch)
        return err ? err : report_set(why, POSSE_EINVAL, "%s: a batch is open already", c->folder);
    remember(c);
    buf_clear(&c->pending);
    c->in_batch = true;
    return POSSE_OK;
}

int casefile_commit(struct casefile *c, struct report *why)
{
    if (!c->in_batch)
        return report_set(why, POSSE_EINVAL, "%s: no batch is open", c->folder);
    c->in_batch = false;
    bool has_bytes = c->pack_number != c->was.pack_number || c->pack_end != c->was.pack_end;
    const char *doing = "flush the exhibits";
    bool ok = !has_bytes || (fdatasync(c->pack) == 0 && (c->pack_number == c->was.pack_number || fsync(c->dir) == 0));
    if (ok) {
        doing = "write the log";
        ok = fd_write(c->log, buf_span(&c->pending)) && fdatasync(c->log) == 0;
    }
    if (ok) {
        c->log_end += c->pending.n;
        buf_clear(&c->pending);
        return POSSE_OK;
    }
    int err = fail(c, doing, why);
    undo(c);
    return err;
}

void casefile_abandon(struct casefile *c)
{
    if (!c->in_batch)
        return;
    c->in_batch = false;
    undo(c);
}

static int say_closed(const struct casefile *c, struct report *why)
{
    return report_set(why, POSSE_EACCES, "%s: was closed; 'posse case reopen' it, and say why", c->folder);
}

static bool field_ok(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!(name[i] >= 'a' && name[i] <= 'z') && name[i] != '_')
            return false;
    for (size_t i = 0; i < sizeof own_field / sizeof *own_field; i++)
        if (strcmp(name, own_field[i]) == 0)
            return false;
    return n && n <= 32;
}

static void put_text(struct buf *b, const char *name, struct span value)
{
    json_name(b, name, false);
    json_string(b, value);
}

static void put_head(struct casefile *c, struct buf *b, const char *kind)
{
    char hex[2 * MERKLE_HASH + 1], at[CASE_TIME_TEXT];
    struct case_time now = c->w.now(c->w.ctx);
    memset(hex, '0', 2 * MERKLE_HASH);
    hex[2 * MERKLE_HASH] = '\0';
    if (c->n)
        hex_encode(span_of(c->prev, sizeof c->prev), hex);
    case_time_text(&now, at);
    buf_add_fmt(b, "{\"n\":%" PRIu64 ",\"prev\":\"%s\"", c->n, hex);
    put_text(b, "kind", span_str(kind));
    put_text(b, "at", span_str(at));
    put_text(b, "by", span_str(c->w.by));
    put_text(b, "tool", span_str(c->w.tool));
}

/* The line that begins at pending[from] is whole: it becomes part of the batch, or nothing of it does. */
static int take_line(struct casefile *c, size_t from, uint64_t *n_out, struct report *why)
{
    int err = buf_error(&c->pending);
    if (!err && c->pending.n - from > CASE_LINE_MAX)
        err = POSSE_ELIMIT;
    if (!err && c->n >= UINT32_MAX)
        err = POSSE_ELIMIT;
    if (err) {
        c->pending.n = from;
        c->pending.err = 0;
        return report_set(why, err, "%s: the entry is too long, or the batch too big: at most %d and %d bytes", c->folder, CASE_LINE_MAX,
                          CASE_BATCH_MAX);
    }
    err = casefile_take(c, span_of(c->pending.p + from, c->pending.n - from - 1), why);
    if (err)
        c->pending.n = from;
    else if (n_out)
        *n_out = c->n - 1;
    return err;
}

static int end_own(struct casefile *c, bool is_own, int err, struct report *why)
{
    if (!is_own)
        return err;
    if (!err)
        return casefile_commit(c, why);
    c->in_batch = false;
    undo(c);
    return err;
}

int casefile_note(struct casefile *c, const char *kind, const struct case_field *f, size_t n, uint64_t *n_out, struct report *why)
{
    bool is_own = !c->in_batch;
    if (strcmp(kind, "exhibit") == 0 || strcmp(kind, "redaction") == 0 || n > CASE_FIELDS_MAX)
        return report_set(why, POSSE_EINVAL, "%s: no note of this kind", kind);
    if (c->is_closed && strcmp(kind, "custody") != 0 && strcmp(kind, "reopen") != 0)
        return say_closed(c, why);
    for (size_t i = 0; i < n; i++)
        if (!field_ok(f[i].name))
            return report_set(why, POSSE_EINVAL, "%s: is no name for a field of a case", f[i].name);
    int err = is_own ? casefile_begin(c, why) : may_write(c, why);
    if (err)
        return err;
    size_t from = c->pending.n;
    put_head(c, &c->pending, kind);
    for (size_t i = 0; i < n; i++)
        put_text(&c->pending, f[i].name, f[i].value);
    buf_add_str(&c->pending, "}\n");
    err = take_line(c, from, n_out, why);
    if (!err)
        casefile_turn(c, span_str(kind));
    return end_own(c, is_own, err, why);
}

/* Room for n bytes in a pack; a new pack where this one is full. */
static int turn_pack(struct casefile *c, uint64_t n, struct report *why)
{
    if (c->pack_end == 0 || c->pack_end + n <= PACK_BYTES)
        return POSSE_OK;
    if (fdatasync(c->pack) != 0)
        return fail(c, "flush the exhibits", why);
    c->pack_number++;
    c->pack_end = 0;
    return open_pack(c, true, why);
}

static void put_exhibit(struct casefile *c, const struct exhibit *e, struct span bytes)
{
    struct buf *b = &c->pending;
    uint8_t digest[32];
    char hex[65], seen[CASE_TIME_TEXT];
    sha256(bytes, digest);
    hex_encode(span_of(digest, sizeof digest), hex);
    put_head(c, b, e->redacts < 0 ? "exhibit" : "redaction");
    buf_add_fmt(b, ",\"pack\":%u,\"offset\":%" PRIu64 ",\"size\":%zu,\"sha256\":\"%s\"", c->pack_number, c->pack_end, bytes.n, hex);
    put_text(b, "name", e->name);
    put_text(b, "media", e->media);
    put_text(b, "source", e->source);
    if (e->has_seen) {
        case_time_text(&e->seen, seen);
        put_text(b, "seen", span_str(seen));
    }
    put_text(b, "command", e->command);
    if (e->redacts >= 0) {
        buf_add_fmt(b, ",\"redacts\":%" PRId64, e->redacts);
        put_text(b, "what", e->what);
    }
    buf_add_str(b, "}\n");
}

static int add_exhibit(struct casefile *c, const struct exhibit *e, struct span bytes, uint64_t *n_out, struct report *why)
{
    size_t from = c->pending.n;
    int err = turn_pack(c, bytes.n, why);
    if (err)
        return err;
    put_exhibit(c, e, bytes);
    if (!buf_error(&c->pending) && !fd_write(c->pack, bytes)) {
        err = fail(c, "write the exhibit", why);
        c->pending.n = from;
    }
    if (!err)
        err = take_line(c, from, n_out, why);
    if (!err)
        c->pack_end += bytes.n;
    else /* what was written is no part of anything */
        c->is_broken |= ftruncate(c->pack, (off_t)c->pack_end) != 0 || lseek(c->pack, (off_t)c->pack_end, SEEK_SET) < 0;
    return err;
}

int casefile_exhibit(struct casefile *c, const struct exhibit *e, struct span bytes, uint64_t *n_out, struct report *why)
{
    bool is_own = !c->in_batch;
    if (bytes.n > CASE_EXHIBIT_MAX)
        return report_set(why, POSSE_ETOOBIG, "an exhibit of %zu bytes: at most %d", bytes.n, CASE_EXHIBIT_MAX);
    if (c->is_closed)
        return say_closed(c, why);
    if (e->redacts >= 0 && (uint64_t)e->redacts >= c->n)
        return report_set(why, POSSE_EINVAL, "there is no exhibit %" PRId64 " to redact", e->redacts);
    int err = is_own ? casefile_begin(c, why) : may_write(c, why);
    if (err)
        return err;
    return end_own(c, is_own, add_exhibit(c, e, bytes, n_out, why), why);
}
