/* nospace: a full disk, without one. Preloaded, it lets the program write NOSPACE_BYTES to files below NOSPACE_DIR;
 * what goes beyond fails with ENOSPC, as a file system does: a write that begins before the end is cut short. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_llong left = -1;

static int is_watched(int fd)
{
    char link[64], path[4096];
    const char *dir = getenv("NOSPACE_DIR");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (!dir || n <= 0)
        return 0;
    path[n] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0;
}

/* How much of n may be written; -1: nothing. */
static ssize_t allow(int fd, size_t n)
{
    if (n == 0 || !is_watched(fd))
        return (ssize_t)n;
    long long none = -1;
    const char *bytes = getenv("NOSPACE_BYTES");
    atomic_compare_exchange_strong(&left, &none, bytes ? atoll(bytes) : 0);
    long long have = atomic_load(&left);
    if (have <= 0) {
        errno = ENOSPC;
        return -1;
    }
    size_t take = n < (size_t)have ? n : (size_t)have;
    atomic_fetch_sub(&left, (long long)take);
    return (ssize_t)take;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *p, size_t n)
{
    ssize_t may = allow(fd, n);
    return may < 0 ? -1 : NEXT(write)(fd, p, (size_t)may);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t may = allow(fd, n);
    return may < 0 ? -1 : NEXT(pwrite)(fd, p, (size_t)may, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    ssize_t may = allow(fd, n);
    return may < 0 ? -1 : NEXT(pwrite64)(fd, p, (size_t)may, at);
}
