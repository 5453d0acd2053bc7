#include "serve/comment_site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"

enum { NAME = 16 /* bytes of a digest that a folder's name has */, PATH_MAX_BYTES = 4200, SYNC_MS = 2000 };

struct comment_site {
    char key[2 * NAME + 1], name[2 * NAME + 1];
    pthread_mutex_t opening; /* held by who opens the engine */
    struct engine *engine;   /* NULL: not open yet */
    unsigned held;           /* under the sites' lock, as are the next two */
    int64_t used_ms;
    struct comment_site *next;
    atomic_int_fast64_t synced_ms;
};

struct comment_sites {
    char *folder, *model;
    pthread_mutex_t lock;
    size_t in_memory, sites_per_key, n;
    struct comment_site *site; /* those with an engine of their own */
    struct comment_site shared;
};

static void name_of(struct span text, char out[2 * NAME + 1])
{
    uint8_t digest[32];
    sha256(text, digest);
    hex_encode(span_of(digest, NAME), out);
}

/* ---- folders ---- */

static int folder_of(const struct comment_sites *s, const struct comment_site *site, const char *file,
                     char out[PATH_MAX_BYTES], struct report *why)
{
    int n = snprintf(out, PATH_MAX_BYTES, "%s/%s/%s%s", s->folder, site->key, site->name, file);
    return n > 0 && n < PATH_MAX_BYTES ? POSSE_OK
                                       : report_set(why, POSSE_EINVAL, "%s: the path is too long", s->folder);
}

static int make_folder(const char *path, struct report *why)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? POSSE_OK : report_errno(why, "make the folder", path);
}

static size_t count_folders(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* What the folder's name does not tell; failing to write it harms nothing. */
static void write_blog(const char *path, struct span blog)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    ssize_t n = write(fd, blog.p, blog.n);
    n += write(fd, "\n", 1);
    (void)n;
    close(fd);
}

static int make_site(struct comment_sites *s, const struct comment_site *site, struct span blog, struct report *why)
{
    char path[PATH_MAX_BYTES], file[PATH_MAX_BYTES];
    int err = folder_of(s, site, "", path, why);
    if (err || access(path, F_OK) == 0)
        return err;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    err = make_folder(s->folder, why);
    if (!err)
        err = make_folder(path, why);
    pthread_mutex_lock(&s->lock);
    size_t most = s->sites_per_key;
    pthread_mutex_unlock(&s->lock);
    if (!err && most && count_folders(path) >= most)
        err = report_set(why, POSSE_ELIMIT, "this key has taught for %zu sites, and may for no more (akismet.sites)",
                         most);
    *slash = '/';
    if (!err)
        err = make_folder(path, why);
    if (!err && folder_of(s, site, "/blog", file, why) == POSSE_OK)
        write_blog(file, blog);
    return err;
}

static bool is_taught(const struct comment_sites *s, const struct comment_site *site)
{
    char path[PATH_MAX_BYTES];
    return folder_of(s, site, "/lessons.db", path, NULL) == POSSE_OK && access(path, F_OK) == 0;
}

/* ---- opening ---- */

static int open_shared(struct comment_sites *s, struct report *why)
{
    struct engine_options o = {.prior = s->model, .is_frozen = true, .is_served = true};
    if (!s->model[0]) {
        o.prior = NULL;
        o.is_empty = true;
    }
    return engine_open(&o, &s->shared.engine, why);
}

static int open_engine(struct comment_sites *s, struct comment_site *site, struct report *why)
{
    char path[PATH_MAX_BYTES];
    int err = folder_of(s, site, "", path, why);
    if (err)
        return err;
    struct engine_options o = {
        .home = path, .prior = s->model, .is_served = true, .make_home = true, .save_lessons = COMMENT_SAVE_LESSONS};
    if (!s->model[0]) {
        o.prior = NULL;
        o.is_empty = true;
    }
    return engine_open(&o, &site->engine, why);
}

int comment_sites_open(const struct comment_sites_options *o, struct comment_sites **out, struct report *why)
{
    struct comment_sites *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    comment_sites_limits(s, o->in_memory, o->sites_per_key);
    s->folder = strdup(o->folder);
    s->model = strdup(o->model);
    int err = s->folder && s->model ? open_shared(s, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (err)
        comment_sites_close(&s);
    *out = s;
    return err;
}

void comment_sites_limits(struct comment_sites *s, size_t in_memory, size_t sites_per_key)
{
    pthread_mutex_lock(&s->lock);
    s->in_memory = in_memory ? in_memory : 1;
    s->sites_per_key = sites_per_key;
    pthread_mutex_unlock(&s->lock);
}

static void site_free(struct comment_site *site)
{
    engine_close(&site->engine, NULL); /* all lessons are on disk */
    pthread_mutex_destroy(&site->opening);
    free(site);
}

void comment_sites_close(struct comment_sites **sp)
{
    if (!sp || !*sp)
        return;
    struct comment_sites *s = *sp;
    while (s->site) {
        struct comment_site *next = s->site->next;
        site_free(s->site);
        s->site = next;
    }
    engine_close(&s->shared.engine, NULL);
    pthread_mutex_destroy(&s->lock);
    free(s->folder);
    free(s->model);
    free(s);
    *sp = NULL;
}

/* ---- holding ---- */

/* Takes the one that nobody holds and that was longest unused off the list; under lock. */
static struct comment_site *take_oldest(struct comment_sites *s)
{
    struct comment_site **oldest = NULL;
    for (struct comment_site **at = &s->site; *at; at = &(*at)->next)
        if ((*at)->held == 0 && (!oldest || (*at)->used_ms < (*oldest)->used_ms))
            oldest = at;
    if (!oldest)
        return NULL;
    struct comment_site *out = *oldest;
    *oldest = out->next;
    s->n--;
    return out;
}

static struct comment_site *find(struct comment_sites *s, const struct comment_site *like)
{
    struct comment_site *site = s->site;
    while (site && (memcmp(site->name, like->name, sizeof like->name) != 0 ||
                    memcmp(site->key, like->key, sizeof like->key) != 0))
        site = site->next;
    return site;
}

/* Finds it in memory or makes room for it. *closed: to be closed by the caller, who holds no lock then. */
static struct comment_site *enter(struct comment_sites *s, const struct comment_site *like, int64_t now_ms,
                                  struct comment_site **closed)
{
    *closed = NULL;
    pthread_mutex_lock(&s->lock);
    struct comment_site *site = find(s, like);
    if (!site && (site = calloc(1, sizeof *site))) {
        *site = *like;
        pthread_mutex_init(&site->opening, NULL);
        if (s->n >= s->in_memory)
            *closed = take_oldest(s);
        site->next = s->site;
        s->site = site;
        s->n++;
    }
    if (site) {
        site->held++;
        site->used_ms = now_ms;
    }
    pthread_mutex_unlock(&s->lock);
    return site;
}

/* What other processes taught (posse learn, unlearn), now and then. */
static void follow(struct comment_site *site, int64_t now_ms)
{
    int64_t last = atomic_load(&site->synced_ms);
    if (now_ms - last < SYNC_MS && now_ms >= last)
        return;
    if (atomic_compare_exchange_strong(&site->synced_ms, &last, now_ms))
        engine_sync(site->engine, NULL);
}

int comment_site_hold(struct comment_sites *s, struct span key, struct span blog, bool to_teach, int64_t now_ms,
                      struct comment_site **out, struct report *why)
{
    struct comment_site like = {.held = 0}, *closed;
    name_of(key, like.key);
    name_of(blog, like.name);
    *out = NULL;
    int err = to_teach ? make_site(s, &like, blog, why) : POSSE_OK;
    if (err)
        return err;
    if (!to_teach && !is_taught(s, &like)) {
        *out = &s->shared;
        return POSSE_OK;
    }
    struct comment_site *site = enter(s, &like, now_ms, &closed);
    if (closed)
        site_free(closed);
    if (!site)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    pthread_mutex_lock(&site->opening);
    bool is_new = !site->engine;
    err = is_new ? open_engine(s, site, why) : POSSE_OK;
    pthread_mutex_unlock(&site->opening);
    if (err) {
        comment_site_drop(s, &site);
        return err;
    }
    if (is_new)
        atomic_store(&site->synced_ms, now_ms);
    else
        follow(site, now_ms);
    *out = site;
    return POSSE_OK;
}

void comment_site_drop(struct comment_sites *s, struct comment_site **sp)
{
    struct comment_site *site = *sp;
    *sp = NULL;
    if (!site || site == &s->shared)
        return;
    pthread_mutex_lock(&s->lock);
    site->held--;
    pthread_mutex_unlock(&s->lock);
}

struct engine *comment_site_engine(struct comment_site *site) { return site->engine; }
bool comment_site_is_shared(const struct comment_site *site) { return site->key[0] == '\0'; }

size_t comment_sites_open_n(struct comment_sites *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->n;
    pthread_mutex_unlock(&s->lock);
    return n;
}
