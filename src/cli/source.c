/* source: from PATHs to tickets; folders are walked depth first, names in byte order. */
#include "cli/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/source_priv.h"

enum { DEPTH_MAX = 64, NAMES_MAX_BYTES = 1 << 30, INFLIGHT_BYTES = 64 << 20 };

/* One folder on the way down. Its names lie in one block, each with its d_type before it. */
struct folder {
    char *path;
    int fd;
    struct buf names;
    uint32_t *at; /* offsets of the names, sorted */
    size_t n, i;
    bool is_maildir; /* only cur, new and subfolders count */
};

struct source {
    const char *const *path;
    size_t n, i;
    size_t max_bytes;
    const struct source_resume *resume; /* NULL: everything is read */
    const struct source_order *order;   /* NULL: by name */
    struct folder stack[DEPTH_MAX];
    size_t depth;
    struct mbox *mbox;
    pthread_mutex_t lock; /* inflight */
    pthread_cond_t freed;
    size_t inflight;
};

struct source *source_new(const char *const *paths, size_t n, size_t max_bytes)
{
    struct source *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->path = paths;
    s->n = n;
    s->max_bytes = max_bytes;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->freed, NULL);
    return s;
}

void source_resume(struct source *s, const struct source_resume *r) { s->resume = r; }

void source_order(struct source *s, const struct source_order *o) { s->order = o; }

const char *ticket_box(const struct ticket *t) { return t->box ? t->box->name : NULL; }

static bool is_wanted(const struct source *s, const char *path) { return !s->resume || s->resume->wants(s->resume->ctx, path); }

static void folder_pop(struct source *s)
{
    struct folder *f = &s->stack[--s->depth];
    free(f->path);
    free(f->at);
    buf_deinit(&f->names);
    if (f->fd >= 0)
        close(f->fd);
    memset(f, 0, sizeof *f);
}

void source_free(struct source **sp)
{
    struct source *s = *sp;
    if (!s)
        return;
    while (s->depth)
        folder_pop(s);
    mbox_free(&s->mbox);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->freed);
    free(s);
    *sp = NULL;
}

void source_charge(struct source *s, size_t n)
{
    pthread_mutex_lock(&s->lock);
    while (s->inflight > 0 && s->inflight + n > INFLIGHT_BYTES)
        pthread_cond_wait(&s->freed, &s->lock);
    s->inflight += n;
    pthread_mutex_unlock(&s->lock);
}

void source_discharge(struct source *s, size_t n)
{
    pthread_mutex_lock(&s->lock);
    s->inflight -= n;
    pthread_cond_signal(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

static int by_name(const void *a, const void *b, void *names)
{
    const uint32_t *x = a, *y = b;
    const char *base = names;
    return strcmp(base + *x + 1, base + *y + 1);
}

static bool is_dir_at(int fd, const char *name)
{
    struct stat st;
    return fstatat(fd, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Reads the names of the folder; false: errno says why. */
static bool folder_read(struct folder *f, DIR *d)
{
    struct dirent *e;
    size_t cap = 0;
    errno = 0;
    for (; (e = readdir(d)) != NULL; errno = 0) {
        const char *name = e->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (f->is_maildir ? strcmp(name, "cur") && strcmp(name, "new") && name[0] != '.' : name[0] == '.')
            continue;
        if (f->n == cap) {
            cap = cap ? cap * 2 : 64;
            uint32_t *bigger = realloc(f->at, cap * sizeof *bigger);
            if (!bigger)
                return false;
            f->at = bigger;
        }
        f->at[f->n++] = (uint32_t)f->names.n;
        buf_add_byte(&f->names, e->d_type);
        buf_add(&f->names, name, strlen(name) + 1);
        if (buf_error(&f->names)) {
            errno = ENOMEM;
            return false;
        }
    }
    if (errno)
        return false;
    if (f->n)
        qsort_r(f->at, f->n, sizeof *f->at, by_name, f->names.p);
    return true;
}

struct timed { int64_t time_ms; uint32_t at; };

static int by_time(const void *a, const void *b, void *names)
{
    const struct timed *x = a, *y = b;
    return x->time_ms != y->time_ms ? (x->time_ms < y->time_ms ? -1 : 1) : by_name(&x->at, &y->at, names);
}

/* When what lies there came; what is no file, or was read before, comes first. */
static int64_t time_of(struct source *s, const struct folder *f, const uint8_t *entry, struct ticket *t)
{
    const char *name = (const char *)entry + 1;
    if (entry[0] == DT_DIR || !ticket_set_name(t, f->path, name) || !is_wanted(s, t->name))
        return INT64_MIN;
    int fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int64_t time_ms = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? s->order->time_ms(s->order->ctx, fd) : INT64_MIN;
    if (fd >= 0)
        close(fd);
    return time_ms;
}

/* Without memory the order is by name. */
static void folder_order(struct source *s, struct folder *f, struct ticket *t)
{
    struct timed *x = s->order && !f->is_maildir && f->n > 1 ? malloc(f->n * sizeof *x) : NULL;
    if (!x)
        return;
    for (size_t i = 0; i < f->n; i++)
        x[i] = (struct timed){time_of(s, f, f->names.p + f->at[i], t), f->at[i]};
    qsort_r(x, f->n, sizeof *x, by_time, f->names.p);
    for (size_t i = 0; i < f->n; i++)
        f->at[i] = x[i].at;
    free(x);
}

/* Steps into a folder. at: its parent's descriptor or AT_FDCWD. False: the ticket says why not. */
static bool folder_push(struct source *s, int at, const char *name, const char *path, struct ticket *t)
{
    if (s->depth == DEPTH_MAX) {
        ticket_bad(t, POSSE_ELIMIT, "%s: folders nested deeper than %d are not read", path, DEPTH_MAX);
        return false;
    }
    struct folder *f = &s->stack[s->depth];
    memset(f, 0, sizeof *f);
    buf_init(&f->names, NAMES_MAX_BYTES);
    f->fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int copy = f->fd < 0 ? -1 : fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    f->path = strdup(path);
    s->depth++;
    bool is_read = false;
    if (d && f->path) {
        f->is_maildir = is_dir_at(f->fd, "cur") && is_dir_at(f->fd, "new");
        is_read = folder_read(f, d);
    }
    int saved = errno;
    if (d)
        closedir(d);
    else if (copy >= 0)
        close(copy);
    if (is_read) {
        folder_order(s, f, t);
        return true;
    }
    folder_pop(s);
    struct report why;
    errno = saved;
    report_errno(&why, "read the folder", path);
    ticket_bad(t, why.code, "%s", why.text);
    return false;
}

/* An open file: one message, or an mbox. Takes fd over. True: the ticket is filled. */
static bool take_file(struct source *s, int fd, struct ticket *t)
{
    char head[5];
    if (pread(fd, head, 5, 0) != 5 || memcmp(head, "From ", 5) != 0) {
        if (!is_wanted(s, t->name)) {
            close(fd);
            return false;
        }
        t->kind = TICKET_FD;
        t->fd = fd;
        return true;
    }
    uint64_t index = 0;
    off_t at = s->resume ? s->resume->begins(s->resume->ctx, t->name, fd, &index) : 0;
    s->mbox = mbox_new(t->name, fd, false, s->max_bytes);
    if (s->mbox && at > 0)
        mbox_resume(s->mbox, at, index);
    if (s->mbox)
        return false;
    ticket_bad(t, POSSE_ENOMEM, "%s: out of memory", t->name);
    return true;
}

static bool open_failed(struct ticket *t)
{
    struct report why;
    report_errno(&why, "open", t->name);
    ticket_bad(t, why.code, "%s", why.text);
    return true;
}

/* The next entry of the innermost folder. True: the ticket is filled. */
static bool step_folder(struct source *s, struct ticket *t)
{
    struct folder *f = &s->stack[s->depth - 1];
    if (f->i == f->n) {
        folder_pop(s);
        return false;
    }
    const uint8_t *entry = f->names.p + f->at[f->i++];
    const char *name = (const char *)entry + 1;
    if (!ticket_set_name(t, f->path, name))
        return true;
    unsigned type = entry[0];
    if (type == DT_LNK || type == DT_UNKNOWN) {
        struct stat st;
        int flags = type == DT_UNKNOWN ? AT_SYMLINK_NOFOLLOW : 0;
        if (fstatat(f->fd, name, &st, flags) < 0)
            return open_failed(t);
        if (S_ISDIR(st.st_mode) && type == DT_LNK)
            return false; /* links to folders may form circles */
        type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) || S_ISLNK(st.st_mode) ? DT_REG : DT_FIFO;
    }
    if (type == DT_DIR)
        return !folder_push(s, f->fd, name, t->name, t);
    if (f->is_maildir)
        return false; /* a file beside cur/ and new/ is the mail server's own */
    if (type != DT_REG) {
        ticket_bad(t, POSSE_ENOTFILE, "%s: not a regular file", t->name);
        return true;
    }
    int fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? open_failed(t) : take_file(s, fd, t);
}

/* A PATH of the command line. True: the ticket is filled. */
static bool step_path(struct source *s, struct ticket *t)
{
    const char *path = s->path[s->i++];
    if (!ticket_set_name(t, NULL, path))
        return true;
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat st;
    if (!is_stdin && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return !folder_push(s, AT_FDCWD, path, path, t);
    int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return open_failed(t);
    if (!is_stdin && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return take_file(s, fd, t);
    s->mbox = mbox_new(path, fd, true, s->max_bytes);
    if (s->mbox)
        return false;
    ticket_bad(t, POSSE_ENOMEM, "%s: out of memory", path);
    return true;
}

bool source_next(struct source *s, struct ticket *t)
{
    ticket_clear(t);
    t->max_bytes = s->max_bytes;
    for (;;) {
        if (s->mbox) {
            if (mbox_next(s->mbox, t))
                break;
            mbox_free(&s->mbox);
        } else if (s->depth) {
            if (step_folder(s, t))
                break;
        } else if (s->i == s->n) {
            return false;
        } else if (step_path(s, t)) {
            break;
        }
    }
    if (t->kind == TICKET_BYTES) {
        source_charge(s, t->n);
        t->charged = s;
    }
    return true;
}
