#include "case/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "case/verify_priv.h"

enum { HEADS_MAX = 64 << 20, SMALL_MAX = 1 << 20, HEADS_KEPT = 100000 };

const char *finding_kind_name(enum finding_kind k)
{
    static const char *const name[FINDING_KINDS] = {"changed", "removed", "added", "moved", "unreadable", "bad head", "rolled back", "other key",
                                                    "bad timestamp"};
    return k >= 0 && k < FINDING_KINDS ? name[k] : "unknown";
}

void verify_found(struct verifying *v, enum finding_kind kind, int64_t n, const char *fmt, ...)
{
    struct finding f = {.kind = kind, .n = n};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f.text, sizeof f.text, fmt, ap);
    va_end(ap);
    v->out->n_findings++;
    if (v->fn && !v->stopped)
        v->stopped = v->fn(v->ctx, &f);
}

int verify_file(struct verifying *v, const char *name, size_t most, struct buf *out)
{
    int fd = openat(v->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = 1;
    struct stat st;
    if (fd < 0)
        return posse_errno(errno);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        got = -1; /* a pipe is no file that was sealed, and an empty one at that */
    while (got > 0 && out->n <= most) {
        uint8_t *p = buf_reserve(out, 65536);
        got = p ? read(fd, p, 65536) : -1;
        out->n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return got < 0 ? POSSE_EIO : out->n > most ? POSSE_ETOOBIG : POSSE_OK;
}

/* ---- heads ---- */

struct heads { struct head *h; size_t n, newest; /* index of the one over most lines */ };

static bool is_signed(struct verifying *v, const struct head *h)
{
    char name[SEAL_PRINT + 16], print[SEAL_PRINT];
    struct buf pem;
    buf_init(&pem, SMALL_MAX + 65536);
    snprintf(name, sizeof name, "keys/%s.pem", h->key);
    bool ok = verify_file(v, name, SMALL_MAX, &pem) == POSSE_OK && head_is_signed(span_str(h->line), buf_span(&pem), print);
    buf_deinit(&pem);
    return ok;
}

/* Those that are signed by the key that they name; the others are findings. */
static int read_heads(struct verifying *v, struct heads *out, struct report *why)
{
    struct buf b;
    buf_init(&b, HEADS_MAX + 65536);
    int err = verify_file(v, "heads.jsonl", HEADS_MAX, &b);
    if (err == POSSE_ENOENT) {
        buf_deinit(&b);
        return POSSE_OK;
    }
    if (err)
        verify_found(v, FINDING_UNREADABLE, -1, "heads.jsonl cannot be read: %s", posse_strerror(err));
    err = POSSE_OK;
    size_t at_line = 0;
    for (size_t i = 0; i < b.n && !err; at_line++) {
        const uint8_t *end = memchr(b.p + i, '\n', b.n - i);
        struct span line = span_of(b.p + i, end ? (size_t)(end - (b.p + i)) : b.n - i);
        struct head h;
        i += line.n + 1;
        if (!end || head_read(line, &h, NULL) || !is_signed(v, &h)) {
            verify_found(v, FINDING_HEAD, -1, "line %zu of heads.jsonl is no head signed by the key that it names", at_line + 1);
            continue;
        }
        if (out->n && h.n < out->h[out->n - 1].n)
            verify_found(v, FINDING_HEAD, -1, "line %zu of heads.jsonl is over fewer lines than the head before it", at_line + 1);
        struct head *more = out->n < HEADS_KEPT ? realloc(out->h, (out->n + 1) * sizeof *more) : NULL;
        if (!more) {
            err = report_set(why, POSSE_ENOMEM, "out of memory for %zu heads", out->n);
            break;
        }
        out->h = more;
        out->h[out->n++] = h;
        out->newest = h.n >= out->h[out->newest].n ? out->n - 1 : out->newest;
    }
    buf_deinit(&b);
    return err;
}

/* Is the tree of the first h->n lines, as they stand in the file, that of the head? */
static bool has_root(const struct verifying *v, const struct head *h)
{
    struct merkle m;
    uint8_t root[MERKLE_HASH];
    merkle_init(&m);
    if (h->n > v->log.n)
        return false;
    for (size_t i = 0; i < h->n; i++)
        merkle_add(&m, v->log.line[i].leaf);
    merkle_root(&m, root);
    return memcmp(root, h->root, sizeof root) == 0;
}

/* One pass for heads in ascending order; what is out of order is looked at alone. */
static void check_heads(struct verifying *v, const struct heads *heads, size_t found_before)
{
    struct merkle m;
    uint8_t root[MERKLE_HASH];
    uint64_t good = 0;
    merkle_init(&m);
    for (size_t i = 0; i < heads->n; i++) {
        const struct head *h = &heads->h[i];
        bool ok;
        if (h->n >= m.n && h->n <= v->log.n) {
            while (m.n < h->n)
                merkle_add(&m, v->log.line[m.n].leaf);
            merkle_root(&m, root);
            ok = memcmp(root, h->root, sizeof root) == 0;
        } else {
            ok = has_root(v, h);
        }
        if (ok) {
            good = h->n;
            v->out->sealed = h->n;
            v->out->sealed_at = h->time;
            memcpy(v->out->key, h->key, SEAL_PRINT);
        } else if (h->n <= v->log.n && v->out->n_findings == found_before) {
            /* every line fits its neighbours: the last one was changed, which nobody vouches for, or all from some line on */
            verify_found(v, FINDING_CHANGED, (int64_t)h->n - 1, "line %" PRIu64 " of the log was changed, or all from line %" PRIu64
                         " on were made anew: the head over %" PRIu64 " lines says otherwise", h->n - 1, good, h->n);
        }
        v->out->heads += ok;
    }
}

/* ---- timestamps ---- */

static void check_stamps(struct verifying *v, const struct heads *heads)
{
    char name[64];
    for (size_t i = 0; i < heads->n; i++) {
        struct buf b;
        struct stamp s;
        struct report why;
        buf_init(&b, SMALL_MAX + 65536);
        snprintf(name, sizeof name, "tokens/%" PRIu64 ".tsr", heads->h[i].n);
        int err = i + 1 < heads->n && heads->h[i + 1].n == heads->h[i].n ? POSSE_ENOENT : verify_file(v, name, SMALL_MAX, &b);
        if (err == POSSE_OK && stamp_check(buf_span(&b), &heads->h[i], v->o->ca_pem, &s, &why) == POSSE_OK)
            v->out->stamps++;
        else if (err != POSSE_ENOENT)
            verify_found(v, FINDING_STAMP, -1, "%s: %s", name, err ? posse_strerror(err) : why.text);
        buf_deinit(&b);
    }
}

/* ---- what was held elsewhere ---- */

static void check_held(struct verifying *v, const struct heads *heads)
{
    const struct verify_options *o = v->o;
    struct head h;
    if (o->key) {
        v->out->proves_key = strcmp(v->out->key, o->key) == 0;
        for (size_t i = 0; i < heads->n; i++)
            v->out->proves_key &= strcmp(heads->h[i].key, o->key) == 0;
        if (!v->out->proves_key)
            verify_found(v, FINDING_OTHER_KEY, -1, "not all heads are signed by the key %.16s... that you named%s%.16s", o->key,
                         v->out->key[0] ? "; the newest one is by " : "", v->out->key);
    }
    if (o->head.n) {
        struct span line = span_trim(o->head);
        int err = head_read(line, &h, NULL);
        v->out->proves_head = !err && has_root(v, &h);
        if (err)
            verify_found(v, FINDING_HEAD, -1, "what you gave with --head is no head of a case");
        else if (h.n > v->log.n)
            verify_found(v, FINDING_ROLLED_BACK, (int64_t)v->log.n, "the head that you hold is over %" PRIu64 " lines, and the log has %zu: all from line %zu on "
                         "was taken away", h.n, v->log.n, v->log.n);
        else if (!v->out->proves_head)
            verify_found(v, FINDING_ROLLED_BACK, -1, "the log does not continue the head that you hold: it was changed and sealed anew");
    }
    if (o->token.n) {
        struct stamp s;
        for (size_t i = 0; i < heads->n && !v->out->proves_time; i++)
            v->out->proves_time = stamp_check(o->token, &heads->h[i], o->ca_pem, &s, NULL) == POSSE_OK && has_root(v, &heads->h[i]);
        if (!v->out->proves_time)
            verify_found(v, FINDING_ROLLED_BACK, -1, "the timestamp that you hold is of no head of this case");
    }
}

/* ---- files that do not belong here ---- */

static void check_folder(struct verifying *v)
{
    static const char *const ours[] = {".", "..", "log.jsonl", "heads.jsonl", "exhibits", "tokens", "keys", "lock", "out"};
    int fd = dup(v->dir);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    for (struct dirent *e; d && (e = readdir(d));) {
        bool is_ours = false;
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
            is_ours |= strcmp(e->d_name, ours[i]) == 0;
        if (!is_ours)
            verify_found(v, FINDING_ADDED, -1, "%.100s: does not belong in a case", e->d_name);
    }
    if (d)
        closedir(d);
}

int case_verify(const char *folder, const struct verify_options *o, int (*fn)(void *ctx, const struct finding *), void *ctx,
                struct verified *out, struct report *why)
{
    *out = (struct verified){0};
    struct verifying v = {.folder = folder, .o = o, .fn = fn, .ctx = ctx, .out = out};
    struct heads heads = {0};
    v.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v.dir < 0)
        return report_errno(why, "open the case", folder);
    int err = verify_read_log(&v, why);
    if (!err)
        err = read_heads(&v, &heads, why);
    if (!err) {
        size_t before = out->n_findings;
        out->lines = v.log.n;
        err = verify_lines(&v, heads.n ? &heads.h[heads.newest] : NULL, why);
        if (!err) {
            check_heads(&v, &heads, before);
            err = verify_exhibits(&v, why);
        }
    }
    if (!err) {
        check_stamps(&v, &heads);
        check_held(&v, &heads);
        check_folder(&v);
        out->is_sound = out->n_findings == 0;
    }
    free(heads.h);
    free(v.log.line);
    buf_deinit(&v.log.last);
    close(v.dir);
    return err ? err : v.stopped;
}
