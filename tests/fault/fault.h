/* fault: the n-th write, flush, rename or allocation fails. The functions below stand in for libc's, for the program that
 * includes this (in one file) and the libraries that it is linked to, SQLite among them. Plain builds only: a sanitizer has a
 * malloc of its own. */
#ifndef POSSE_TESTS_FAULT_H
#define POSSE_TESTS_FAULT_H

#undef _FILE_OFFSET_BITS /* it would make pwrite and pwrite64, which both stand below, one symbol */
#include "../unit/unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- faults ---- */

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_SYNC, FAULT_RENAME, FAULT_MALLOC, FAULT_N };
static struct { enum fault kind; long left; bool for_good, tripped; } fault;

static void arm(enum fault kind, long n, bool for_good)
{
    fault.left = n;
    fault.for_good = for_good;
    fault.tripped = false;
    fault.kind = kind;
}

static void disarm(void) { fault.kind = FAULT_NONE; }

static bool fails(enum fault kind)
{
    if (fault.kind != kind || (fault.left <= 0 && !fault.for_good) || --fault.left > 0)
        return false;
    fault.tripped = true;
    errno = kind == FAULT_WRITE ? ENOSPC : kind == FAULT_MALLOC ? ENOMEM : EIO;
    return true;
}

#define STAND_IN __attribute__((visibility("default")))
/* POSIX wants dlsym's result to convert; ISO C has no word for it. */
#define REAL(name, type) (__extension__(type)dlsym(RTLD_NEXT, name))

STAND_IN ssize_t write(int fd, const void *p, size_t n)
{
    return fails(FAULT_WRITE) ? -1 : REAL("write", ssize_t (*)(int, const void *, size_t))(fd, p, n);
}
STAND_IN ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return fails(FAULT_WRITE) ? -1 : REAL("pwrite", ssize_t (*)(int, const void *, size_t, off_t))(fd, p, n, at);
}
STAND_IN ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return fails(FAULT_WRITE) ? -1 : REAL("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t))(fd, p, n, at);
}
STAND_IN int ftruncate(int fd, off_t n)
{
    return fails(FAULT_WRITE) ? -1 : REAL("ftruncate", int (*)(int, off_t))(fd, n);
}
STAND_IN int ftruncate64(int fd, off64_t n)
{
    return fails(FAULT_WRITE) ? -1 : REAL("ftruncate64", int (*)(int, off64_t))(fd, n);
}
STAND_IN int fsync(int fd) { return fails(FAULT_SYNC) ? -1 : REAL("fsync", int (*)(int))(fd); }
STAND_IN int fdatasync(int fd) { return fails(FAULT_SYNC) ? -1 : REAL("fdatasync", int (*)(int))(fd); }
STAND_IN int rename(const char *a, const char *b)
{
    return fails(FAULT_RENAME) ? -1 : REAL("rename", int (*)(const char *, const char *))(a, b);
}

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
STAND_IN void *malloc(size_t n) { return fails(FAULT_MALLOC) ? NULL : __libc_malloc(n); }
STAND_IN void *calloc(size_t n, size_t size) { return fails(FAULT_MALLOC) ? NULL : __libc_calloc(n, size); }
STAND_IN void *realloc(void *p, size_t n) { return fails(FAULT_MALLOC) ? NULL : __libc_realloc(p, n); }

/* ---- places ---- */

struct place { char dir[64], path[96]; };

__attribute__((unused)) static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    /* In memory where there is such a folder: thousands of flushes would wait for a disk, and prove no more. */
    strcpy(p->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/posse-fault-XXXXXX" : "/tmp/posse-fault-XXXXXX");
    *state = p;
    return mkdtemp(p->dir) ? 0 : -1;
}

static void empty(const struct place *p)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s/*", p->dir);
    assert_int_equal(system(command), 0);
}

__attribute__((unused)) static int tear_down(void **state)
{
    struct place *p = *state;
    disarm();
    empty(p);
    int rc = rmdir(p->dir);
    free(p);
    return rc;
}

#endif
