/* Folders of logs. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "flow/log_source.h"

enum { DEPTH = 8 };

static int visible(const struct dirent *d) { return d->d_name[0] != '.'; }

static int walk(const char *path, unsigned depth, int (*fn)(void *, const char *), void *ctx, struct report *why)
{
    struct dirent **name = NULL;
    int rc = 0, n = scandir(path, &name, visible, alphasort);
    if (n < 0)
        return depth ? 0 : report_errno(why, "read", path); /* a folder that went away while it was looked at */
    for (int i = 0; i < n; i++) {
        struct stat st;
        struct buf full;
        buf_init(&full, 1 << 16);
        buf_add_fmt(&full, "%s/%s", path, name[i]->d_name);
        buf_add_byte(&full, 0);
        const char *at = (const char *)full.p;
        if (rc == 0 && buf_error(&full))
            rc = report_set(why, buf_error(&full), "%s: no memory to look through it", path);
        if (rc == 0 && lstat(at, &st) == 0) {
            if (S_ISDIR(st.st_mode))
                rc = depth < DEPTH ? walk(at, depth + 1, fn, ctx, why) : 0;
            else if (S_ISREG(st.st_mode) || (S_ISLNK(st.st_mode) && stat(at, &st) == 0 && S_ISREG(st.st_mode)))
                rc = fn(ctx, at);
        }
        buf_deinit(&full);
        free(name[i]);
    }
    free(name);
    return rc;
}

int log_find(const char *path, int (*fn)(void *, const char *), void *ctx, struct report *why)
{
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) < 0)
        return report_errno(why, "read", path);
    if (strcmp(path, "-") != 0 && S_ISDIR(st.st_mode))
        return walk(path, 0, fn, ctx, why);
    return fn(ctx, path);
}
