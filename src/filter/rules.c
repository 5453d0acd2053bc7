/* rules: loading and freeing; the parts are named in rules_priv.h. */
#include "filter/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "filter/rules_priv.h"

void *rules_grow(struct rules *r, void **array, size_t *n, size_t *cap, size_t size)
{
    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 32;
        void *p = arena_grow(r->mem, *array, *cap * size, more * size);
        if (!p)
            return NULL;
        *array = p;
        *cap = more;
    }
    void *slot = (char *)*array + (*n)++ * size;
    return memset(slot, 0, size);
}

static struct rules *rules_new(void)
{
    struct rules *r = calloc(1, sizeof *r);
    if (r && !(r->mem = arena_new(RULES_MEMORY_MAX))) {
        free(r);
        r = NULL;
    }
    return r;
}

void rules_free(struct rules **r)
{
    if (!r || !*r)
        return;
    for (int t = 0; t < TEXT_N; t++)
        hs_free_database((*r)->db[t]);
    for (size_t i = 0; i < (*r)->n_exprs; i++)
        pcre2_code_free((*r)->expr[i].code);
    arena_free(&(*r)->mem);
    free(*r);
    *r = NULL;
}

size_t rules_n(const struct rules *r) { return r->n_rules; }

size_t rules_n_slow(const struct rules *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_exprs; i++)
        n += r->expr[i].is_slow;
    return n;
}

/* ---- files ---- */

static int read_open_file(int fd, struct rules *r, const char *path, struct span *out, struct report *why)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return report_set(why, posse_errno(errno), "%s: cannot read it: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return report_set(why, POSSE_ENOTFILE, "%s: not a regular file; name a file of rules", path);
    if (st.st_size > RULES_FILE_MAX)
        return report_set(why, POSSE_ETOOBIG, "%s: over %d MB; split it and include the parts", path, RULES_FILE_MAX >> 20);
    uint8_t *p = arena_alloc(r->mem, (size_t)st.st_size);
    if (!p)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", path);
    size_t n = 0;
    while (n < (size_t)st.st_size) {
        ssize_t got = read(fd, p + n, (size_t)st.st_size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report_set(why, posse_errno(errno), "%s: cannot read it: %s", path, strerror(errno));
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *out = span_of(p, n);
    return POSSE_OK;
}

static int read_file(struct rules *r, const char *path, struct span *out, struct report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return report_set(why, posse_errno(errno), "%s: cannot open it: %s", path, strerror(errno));
    int rc = read_open_file(fd, r, path, out, why);
    close(fd);
    return rc;
}

int rules_parse_file(struct rules_cursor *c, const char *path)
{
    if (++*c->n_files > RULES_FILES_MAX)
        return report_set(c->why, POSSE_ELIMIT, "%s: more than %d files of rules", path, RULES_FILES_MAX);
    int rc = read_file(c->r, path, &c->in, c->why);
    if (rc)
        return rc;
    c->name = (const char *)arena_copy(c->r->mem, span_of(path, strlen(path) + 1)).p;
    if (!c->name)
        return report_set(c->why, POSSE_ENOMEM, "%s: out of memory", path);
    return rules_parse_text(c);
}

static int finish(struct rules *r, const struct rules_options *o, struct rules **out, int rc, struct report *why)
{
    if (!rc && rules_build_table(r))
        rc = report_set(why, POSSE_ENOMEM, "rules: out of memory");
    if (!rc)
        rc = rules_compile(r, o ? o->cache_dir : NULL, why);
    if (rc)
        rules_free(&r);
    *out = r;
    return rc;
}

int rules_load(const char *const *paths, size_t n, const struct rules_options *o, struct rules **out, struct report *why)
{
    *out = NULL;
    struct rules *r = rules_new();
    if (!r)
        return report_set(why, POSSE_ENOMEM, "rules: out of memory");
    unsigned n_files = 0;
    int rc = POSSE_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        struct rules_cursor c = {.r = r, .o = o, .why = why, .n_files = &n_files};
        rc = rules_parse_file(&c, paths[i]);
    }
    return finish(r, o, out, rc, why);
}

int rules_parse(struct span text, const char *name, const struct rules_options *o, struct rules **out, struct report *why)
{
    *out = NULL;
    struct rules *r = rules_new();
    if (!r)
        return report_set(why, POSSE_ENOMEM, "rules: out of memory");
    struct rules_cursor c = {.r = r, .o = o, .why = why, .in = text};
    c.name = (const char *)arena_copy(r->mem, span_of(name, strlen(name) + 1)).p;
    int rc = c.name ? rules_parse_text(&c) : report_set(why, POSSE_ENOMEM, "rules: out of memory");
    return finish(r, o, out, rc, why);
}
