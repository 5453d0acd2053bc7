#include "store/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "store/store_report.h"

static bool is_empty(const char *path)
{
    DIR *d = opendir(path);
    if (!d)
        return false;
    bool empty = true;
    for (struct dirent *e; empty && (e = readdir(d));)
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return empty;
}

/* Parents get the usual mode (the umask's): only the home itself is private. */
static int make_parents(const char *path, struct report *why)
{
    char *copy = strdup(path);
    if (!copy)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    int rc = POSSE_OK;
    for (char *slash = strchr(copy + 1, '/'); slash && !rc; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = store_errno(why, "make this folder", copy);
        *slash = '/';
    }
    free(copy);
    return rc;
}

static int check_mode(const char *path, struct report *why)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return store_errno(why, "look at this folder", path);
    if (!S_ISDIR(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: not a folder; name a folder for Posse's own files", path);
    if (!(st.st_mode & 077))
        return POSSE_OK;
    if (st.st_uid == geteuid() && is_empty(path) && chmod(path, 0700) == 0)
        return POSSE_OK;
    return report_set(why, POSSE_EACCES,
                      "%s: others may enter this folder (mode %03o) and it would hold personal data; "
                      "run `chmod 700` on it, or name another", path, (unsigned)(st.st_mode & 0777));
}

int home_prepare(const char *path, struct report *why)
{
    if (!path || !*path)
        return report_set(why, POSSE_EINVAL, "no home folder is named");
    if (mkdir(path, 0700) == 0)
        return POSSE_OK;
    if (errno == ENOENT) {
        int rc = make_parents(path, why);
        if (rc)
            return rc;
        if (mkdir(path, 0700) == 0)
            return POSSE_OK;
    }
    if (errno != EEXIST)
        return store_errno(why, "make this folder", path);
    return check_mode(path, why);
}

static int is_locked(int fd, const char *home, const char *what, struct report *why)
{
    char pid[16] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
    return report_set(why, POSSE_EBUSY, "%s: %s%s%s; stop it, or name another home with --home", home, what, *pid ? ", process " : "", pid);
}

int home_lock(const char *home, const char *file, const char *what, int *fd_out, struct report *why)
{
    char path[4200], pid[16];
    snprintf(path, sizeof path, "%s/%s", home, file);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return store_errno(why, "open it for writing", path);
    int rc = POSSE_OK;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        rc = errno == EWOULDBLOCK ? is_locked(fd, home, what, why) : store_errno(why, "lock", path);
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (!rc && (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n))
        rc = store_errno(why, "write", path);
    if (rc)
        close(fd);
    else
        *fd_out = fd;
    return rc;
}
