#include "engine/live.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "mail/address.h"

enum { PATH_BYTES = 4300, ANSWER_BYTES = 1 << 20 };
#define FILE_MAX ((off_t)4 << 30)
#define HOUR_MS 3600000

struct live {
    atomic_uint refs;
    void *map;
    size_t bytes;
    struct published *index;
};

static void path_of(const char *home, const char *ending, char out[PATH_BYTES])
{
    snprintf(out, PATH_BYTES, "%s/campaigns.live%s", home, ending);
}

/* ---- writing ---- */

static int write_all(int fd, struct span s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return POSSE_EIO;
        s = span_sub(s, (size_t)n, s.n);
    }
    return POSSE_OK;
}

int live_write(const char *home, const struct published *p, struct report *why)
{
    char path[PATH_BYTES], aside[PATH_BYTES];
    struct buf b;
    path_of(home, "", path);
    path_of(home, ".new", aside);
    buf_init(&b, (size_t)FILE_MAX);
    int rc = published_save(p, &b);
    if (rc) {
        buf_deinit(&b);
        return report_set(why, rc, "live campaigns cannot be published: %s", posse_strerror(rc));
    }
    unlink(aside); /* what is mapped is never written to */
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_all(fd, buf_span(&b)) == POSSE_OK && rename(aside, path) == 0;
    if (!ok) {
        rc = report_errno(why, "write", path);
        unlink(aside);
    }
    if (fd >= 0)
        close(fd);
    buf_deinit(&b);
    return rc;
}

/* ---- reading ---- */

static int map(struct live *l, int fd, const char *path, struct report *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX)
        return report_set(why, POSSE_ECORRUPT, "%s: not a file of live campaigns; delete it", path);
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return report_errno(why, "map", path);
    l->map = p;
    l->bytes = (size_t)st.st_size;
    return published_load(span_of(p, l->bytes), &l->index, why);
}

static int open_path(const char *path, struct live **out, struct stat *st, struct report *why)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? report_set(why, POSSE_ENOENT, "%s: no campaigns were published here; observe mail, or let the daemon run",
                                            path)
                               : report_errno(why, "read", path);
    struct live *l = calloc(1, sizeof *l);
    int rc = l ? POSSE_OK : report_set(why, POSSE_ENOMEM, "out of memory");
    if (l)
        atomic_init(&l->refs, 1);
    if (!rc && fstat(fd, st) != 0)
        rc = report_errno(why, "read", path);
    if (!rc)
        rc = map(l, fd, path, why);
    close(fd);
    if (rc)
        live_drop(&l);
    *out = l;
    return rc;
}

int live_open(const char *home, struct live **out, struct report *why)
{
    char path[PATH_BYTES];
    struct stat st;
    path_of(home, "", path);
    return open_path(path, out, &st, why);
}

struct live *live_hold(struct live *l)
{
    if (l)
        atomic_fetch_add(&l->refs, 1);
    return l;
}

void live_drop(struct live **lp)
{
    struct live *l = *lp;
    *lp = NULL;
    if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    published_free(&l->index);
    if (l->map)
        munmap(l->map, l->bytes);
    free(l);
}

bool live_look(const struct live *l, const struct sketch *s, struct published_hit *out) { return l && published_look(l->index, s, out); }

/* ---- following ---- */

struct live_file {
    char path[PATH_BYTES];
    pthread_mutex_t lock;
    struct live *now;
    ino_t ino; /* of the file that was looked at last, good or bad */
    struct timespec when;
};

struct live_file *live_file_new(const char *home)
{
    struct live_file *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    path_of(home, "", f->path);
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

void live_file_free(struct live_file **fp)
{
    struct live_file *f = *fp;
    *fp = NULL;
    if (!f)
        return;
    live_drop(&f->now);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

int live_file_look(struct live_file *f, struct report *why)
{
    struct stat st;
    struct live *l = NULL;
    if (stat(f->path, &st) != 0) {
        st.st_ino = 0;
        st.st_mtim = (struct timespec){0, 0};
    }
    pthread_mutex_lock(&f->lock);
    bool is_same = st.st_ino == f->ino && st.st_mtim.tv_sec == f->when.tv_sec && st.st_mtim.tv_nsec == f->when.tv_nsec;
    f->ino = st.st_ino;
    f->when = st.st_mtim;
    pthread_mutex_unlock(&f->lock);
    if (is_same)
        return POSSE_OK;
    int rc = open_path(f->path, &l, &st, why);
    if (rc && rc != POSSE_ENOENT)
        return rc;
    pthread_mutex_lock(&f->lock);
    struct live *old = f->now;
    f->now = l;
    pthread_mutex_unlock(&f->lock);
    live_drop(&old);
    return POSSE_OK;
}

struct live *live_file_hold(struct live_file *f)
{
    pthread_mutex_lock(&f->lock);
    struct live *l = live_hold(f->now);
    pthread_mutex_unlock(&f->lock);
    return l;
}

/* ---- in words, in bits ---- */

/* "1,234,567" */
static const char *grouped(uint64_t x, char out[32])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)x), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

void live_text(const struct published_hit *h, char out[LIVE_TEXT])
{
    static const char *const small[] = {"no", "one", "two", "three", "four", "five", "six"};
    char messages[32], machines[32], hours[32];
    int64_t n = (h->span_ms + HOUR_MS / 2) / HOUR_MS;
    grouped((uint64_t)(n > 0 ? n : 0), hours);
    snprintf(out, LIVE_TEXT, "one of %s alike from %s machine%s in %s hour%s", grouped(h->messages, messages), grouped(h->sources, machines),
             h->sources == 1 ? "" : "s", n >= 0 && n < 7 ? small[n] : hours, n == 1 ? "" : "s");
}

/* What programs write in answer to mail, by what they say of themselves (RFC 3834, RFC 3464) or by who signs it. */
static bool is_answer(struct arena *a, const struct message *m)
{
    const struct field *from = message_field(m, FIELD_FROM);
    struct mailbox box;
    if (m->n_parts && span_ieq(m->part[0].type, SPAN_LIT("multipart/report")))
        return true;
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct field *f = &m->field[i];
        if (f->part == 0 && span_ieq(f->name, SPAN_LIT("Auto-Submitted")) && !span_ieq(span_sub(span_trim(f->raw), 0, 2), SPAN_LIT("no")))
            return true;
    }
    return from && address_list(a, from->raw, &box, 1) && span_ieq(box.local, SPAN_LIT("MAILER-DAEMON"));
}

bool live_tell(const struct live *l, const struct sighting *s, struct reading *r, double most, char text[LIVE_TEXT],
               struct published_hit *hit)
{
    if (!live_look(l, &s->sketch, hit))
        return false;
    double bits = published_bits(hit);
    hit->bits = bits < most ? bits : most;
    struct arena *a = arena_new(ANSWER_BYTES);
    if (hit->bits > 0 && (!a || is_answer(a, reading_message(r))))
        hit->bits = 0;
    arena_free(&a);
    live_text(hit, text);
    if (hit->bits > 0)
        engine_evidence(r, REASON_CAMPAIGN, hit->bits, text);
    return true;
}
