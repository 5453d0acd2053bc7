#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_join(const char *folder, const char *name)
{
    struct buf b = {0};
    buf_text(&b, folder);
    buf_byte(&b, '/');
    buf_text(&b, name);
    char *path = mem_text(b.p, b.n);
    buf_free(&b);
    return path;
}

void folder_make(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        die("%s: cannot be made: %s", path, strerror(errno));
}

void output_open(struct output *o, const char *folder, const char *name)
{
    *o = (struct output){.fd = STDOUT_FILENO};
    o->path = folder ? path_join(folder, name) : mem_text("standard output", 15);
    if (folder && (o->fd = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
        die("%s: cannot be written: %s", o->path, strerror(errno));
}

void output_flush(struct output *o)
{
    for (size_t at = 0; at < o->b.n;) {
        ssize_t n = write(o->fd, o->b.p + at, o->b.n - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("%s: cannot be written: %s", o->path, strerror(errno));
        at += (size_t)n;
    }
    o->bytes += o->b.n;
    o->b.n = 0;
}

void output_close(struct output *o)
{
    if (!o->path)
        return;
    output_flush(o);
    if (close(o->fd) != 0)
        die("%s: cannot be written: %s", o->path, strerror(errno));
    free(o->path);
    buf_free(&o->b);
    o->path = NULL;
}
