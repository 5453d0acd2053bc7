/* Every exhibit's bytes against the digest in its line, pack by pack in the order in which they lie there. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "case/verify_priv.h"

enum { CHUNK = 512 << 10, PROGRESS = 64 << 20 };

static int by_place(const void *x, const void *y)
{
    const struct vline *a = *(const struct vline *const *)x, *b = *(const struct vline *const *)y;
    if (a->pack != b->pack)
        return a->pack < b->pack ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

struct pack {
    int fd;
    uint32_t number;
    uint64_t size, end;
    bool is_open, is_there;
    uint8_t *chunk; /* `held` bytes of it, from `at` on */
    uint64_t at, held;
};

static void end_pack(struct verifying *v, struct pack *p)
{
    if (!p->is_open)
        return;
    if (p->is_there && p->size > p->end)
        verify_found(v, FINDING_ADDED, -1, "exhibits/pack-%04u has %" PRIu64 " bytes at its end that no line names: a crash leaves such, and the "
                     "next exhibit takes their place; or somebody added them", p->number, p->size - p->end);
    if (p->fd >= 0)
        close(p->fd);
    p->is_open = false;
}

static void begin_pack(struct verifying *v, struct pack *p, uint32_t number)
{
    char name[32];
    struct stat st;
    snprintf(name, sizeof name, "exhibits/pack-%04u", number);
    *p = (struct pack){.fd = openat(v->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), .number = number, .is_open = true, .chunk = p->chunk};
    if (p->fd >= 0 && fstat(p->fd, &st) == 0 && S_ISREG(st.st_mode)) {
        p->is_there = true;
        p->size = (uint64_t)st.st_size;
        posix_fadvise(p->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    } else {
        verify_found(v, FINDING_REMOVED, -1, "%s is not there any more, or is no file", name);
    }
}

/* What lies at `at`, up to `most` bytes and perhaps fewer; none: the pack ends there. Exhibits are mostly small, and lie in the order in
 * which they are asked for, so a read is of many. False: it cannot be read. */
static bool look(struct pack *p, uint64_t at, uint64_t most, struct span *out)
{
    if (at < p->at || at >= p->at + p->held) {
        ssize_t got;
        do
            got = pread(p->fd, p->chunk, CHUNK, (off_t)at);
        while (got < 0 && errno == EINTR);
        p->at = at;
        p->held = got > 0 ? (uint64_t)got : 0;
        if (got < 0)
            return false;
    }
    *out = span_sub(span_of(p->chunk, p->held), at - p->at, at - p->at + most);
    return true;
}

/* 0: as it was; 1: other bytes; 2: bytes are missing; < 0: cannot be read. */
static int check(struct pack *p, const struct vline *l)
{
    uint8_t digest[32];
    SHA256_CTX c;
    SHA256_Init(&c);
    for (uint64_t at = 0; at < l->size;) {
        struct span s;
        if (!look(p, l->offset + at, l->size - at, &s))
            return -1;
        if (!s.n)
            return 2;
        SHA256_Update(&c, s.p, s.n);
        at += s.n;
    }
    SHA256_Final(digest, &c);
    return memcmp(digest, l->sha256, sizeof digest) != 0;
}

static void check_one(struct verifying *v, struct pack *p, const struct vline *l)
{
    int is = p->is_there ? check(p, l) : 2;
    if (is == 1)
        verify_found(v, FINDING_CHANGED, l->n, "exhibit %" PRId64 ": its bytes are not those that were added", l->n);
    else if (is == 2)
        verify_found(v, FINDING_REMOVED, l->n, "exhibit %" PRId64 ": its bytes are not there any more", l->n);
    else if (is < 0)
        verify_found(v, FINDING_UNREADABLE, l->n, "exhibit %" PRId64 ": cannot be read: %s", l->n, strerror(errno));
    if (l->offset > p->end)
        verify_found(v, FINDING_ADDED, -1, "exhibits/pack-%04u: %" PRIu64 " bytes before exhibit %" PRId64 " that no line names", p->number,
                     l->offset - p->end, l->n);
    if (l->offset + l->size > p->end)
        p->end = l->offset + l->size;
}

/* In the order in which they were added they lie in the packs, unless somebody moved lines. */
static void put_in_order(const struct vline **all, size_t n)
{
    size_t i = 1;
    while (i < n && by_place(&all[i - 1], &all[i]) < 0)
        i++;
    if (i < n)
        qsort(all, n, sizeof *all, by_place);
}

static void check_all(struct verifying *v, struct pack *p, const struct vline **all, size_t n, uint64_t whole)
{
    uint64_t told = 0;
    for (size_t i = 0; i < n && !v->stopped; i++) {
        if (!p->is_open || p->number != all[i]->pack) {
            end_pack(v, p);
            begin_pack(v, p, all[i]->pack);
        }
        check_one(v, p, all[i]);
        v->out->exhibits++;
        v->out->bytes += all[i]->size;
        if (v->o->progress && v->out->bytes - told >= PROGRESS) {
            told = v->out->bytes;
            v->o->progress(v->o->ctx, told, whole);
        }
    }
    end_pack(v, p);
}

int verify_exhibits(struct verifying *v, struct report *why)
{
    size_t n = 0;
    uint64_t whole = 0;
    const struct vline **all = malloc((v->log.n + 1) * sizeof *all);
    struct pack p = {.fd = -1, .chunk = malloc(CHUNK)};
    uint8_t *chunk = p.chunk;
    int err = all && chunk ? POSSE_OK : report_set(why, POSSE_ENOMEM, "out of memory");
    for (size_t i = 0; i < v->log.n && !err; i++)
        if (v->log.line[i].is_exhibit && v->log.line[i].is_good) {
            all[n++] = &v->log.line[i];
            whole += v->log.line[i].size;
        }
    if (!err) {
        put_in_order(all, n);
        check_all(v, &p, all, n, whole);
    }
    free(all);
    free(chunk);
    return err;
}
