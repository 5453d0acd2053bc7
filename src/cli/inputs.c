#include "cli/inputs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/reader.h"
#include "cli/cli.h"

enum { HEAD_BYTES = 4096, BOX_FORMAT = 1, NAMES_MAX_BYTES = 512 << 20 };

/* Names of files that were read, as sorted hashes, and those of this run. */
struct names {
    const char *root;     /* NULL: files that were named themselves */
    struct span old;      /* u64, ascending */
    uint8_t *is_there;    /* of each old one: it was met in this run */
    uint64_t *now;
    size_t n, cap;
    bool is_new;
};

struct box { char *path; off_t end; uint64_t index; bool is_new; };

struct inputs {
    struct observatory *o;
    struct source_resume resume;
    struct names *names; /* [0]: no folder's */
    size_t n_names;
    struct box *box;
    size_t n_boxes, cap_boxes;
    bool is_complete;
};

/* ---- names ---- */

static uint64_t old_at(const struct names *x, size_t i)
{
    uint64_t v;
    memcpy(&v, x->old.p + i * 8, 8);
    return v;
}

static size_t old_count(const struct names *x) { return x->old.n / 8; }

static bool old_find(const struct names *x, uint64_t key, size_t *at_out)
{
    size_t lo = 0, hi = old_count(x);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (old_at(x, mid) < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    *at_out = lo;
    return lo < old_count(x) && old_at(x, lo) == key;
}

/* The folder that path was found in: the longest that is named. */
static struct names *names_of(const struct inputs *in, const char *path)
{
    size_t best = 0, best_n = 0;
    for (size_t i = 1; i < in->n_names; i++) {
        size_t n = strlen(in->names[i].root);
        if (n > best_n && strncmp(path, in->names[i].root, n) == 0 && (path[n] == '/' || path[n - 1] == '/')) {
            best = i;
            best_n = n;
        }
    }
    return &in->names[best];
}

/* "DIR/new/NAME" and "DIR/cur/NAME:2,S" are one. */
static uint64_t file_key(const char *path)
{
    struct span all = span_str(path);
    const char *slash = strrchr(path, '/'), *colon = slash ? strchr(slash, ':') : NULL;
    if (!slash || slash - path < 4 || (memcmp(slash - 4, "/new", 4) != 0 && memcmp(slash - 4, "/cur", 4) != 0))
        return hash64(all, 0);
    size_t at = (size_t)(slash - path), end = colon ? (size_t)(colon - path) : all.n;
    return hash64(span_sub(all, at + 1, end), hash64(span_sub(all, 0, at - 3), 1));
}

static bool wants(void *ctx, const char *path)
{
    const struct inputs *in = ctx;
    struct names *x = names_of(in, path);
    size_t at;
    if (!old_find(x, file_key(path), &at))
        return true;
    x->is_there[at] = 1;
    return false;
}

static void add_name(struct names *x, uint64_t key)
{
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 256;
        uint64_t *bigger = realloc(x->now, cap * sizeof *bigger);
        if (!bigger)
            return;
        x->now = bigger;
        x->cap = cap;
    }
    x->now[x->n++] = key;
    x->is_new = true;
}

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Old and new ones in one ascending row. */
static int save_names(struct inputs *in, struct names *x)
{
    struct buf b;
    size_t i = 0, k = 0;
    bool forgets = in->is_complete && x->root;
    if (!x->is_new && !forgets)
        return 0;
    if (x->n)
        qsort(x->now, x->n, sizeof *x->now, by_key);
    buf_init(&b, NAMES_MAX_BYTES);
    while (i < old_count(x) || k < x->n) {
        bool is_old = k == x->n || (i < old_count(x) && old_at(x, i) <= x->now[k]);
        uint64_t key = is_old ? old_at(x, i) : x->now[k];
        bool stays = !is_old || !forgets || x->is_there[i];
        is_old ? i++ : k++;
        if (stays && (b.n < 8 || memcmp(b.p + b.n - 8, &key, 8) != 0))
            buf_add(&b, &key, 8);
    }
    char name[4200];
    snprintf(name, sizeof name, x->root ? "folder %s" : "files", x->root);
    int rc = buf_error(&b) ? buf_error(&b) : observatory_mark(in->o, span_str(name), buf_span(&b));
    buf_deinit(&b);
    return rc;
}

/* A copy, for marks move when they are set. */
static bool load_names(struct inputs *in, struct names *x)
{
    char name[4200];
    snprintf(name, sizeof name, x->root ? "folder %s" : "files", x->root);
    struct span s = observatory_marked(in->o, span_str(name));
    size_t n = s.n / 8 * 8;
    uint8_t *copy = malloc(n ? n : 1);
    x->is_there = calloc(n / 8 + 1, 1);
    if (copy && n)
        memcpy(copy, s.p, n);
    x->old = span_of(copy, n);
    return copy && x->is_there;
}

/* ---- boxes ---- */

static uint64_t head_sum(int fd, off_t n)
{
    uint8_t head[HEAD_BYTES];
    size_t want = n < HEAD_BYTES ? (size_t)n : HEAD_BYTES;
    ssize_t got = pread(fd, head, want, 0);
    return hash64(span_of(head, got > 0 ? (size_t)got : 0), want);
}

static void box_name(const char *path, char *out, size_t n) { snprintf(out, n, "mbox %s", path); }

static off_t begins(void *ctx, const char *path, int fd, uint64_t *index_out)
{
    const struct inputs *in = ctx;
    char name[4200];
    box_name(path, name, sizeof name);
    struct reader r = reader_of(observatory_marked(in->o, span_str(name)));
    uint32_t format = reader_u32(&r);
    uint64_t end = reader_u64(&r), index = reader_u64(&r), sum = reader_u64(&r);
    off_t size = lseek(fd, 0, SEEK_END);
    if (reader_error(&r) || format != BOX_FORMAT || (uint64_t)size < end || head_sum(fd, (off_t)end) != sum)
        return 0;
    *index_out = index;
    return (off_t)end;
}

static struct box *box_find(struct inputs *in, const char *path)
{
    for (size_t i = in->n_boxes; i-- > 0;) /* the latest is the likeliest */
        if (strcmp(in->box[i].path, path) == 0)
            return &in->box[i];
    if (in->n_boxes == in->cap_boxes) {
        size_t cap = in->cap_boxes ? in->cap_boxes * 2 : 16;
        struct box *bigger = realloc(in->box, cap * sizeof *bigger);
        if (!bigger)
            return NULL;
        in->box = bigger;
        in->cap_boxes = cap;
    }
    char *copy = strdup(path);
    if (!copy)
        return NULL;
    in->box[in->n_boxes] = (struct box){.path = copy};
    return &in->box[in->n_boxes++];
}

static int save_box(struct inputs *in, struct box *x)
{
    struct buf b;
    char name[4200];
    int fd = x->is_new ? open(x->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0)
        return 0;
    buf_init(&b, 64);
    buf_add_u32(&b, BOX_FORMAT);
    buf_add_u64(&b, (uint64_t)x->end);
    buf_add_u64(&b, x->index);
    buf_add_u64(&b, head_sum(fd, x->end));
    close(fd);
    box_name(x->path, name, sizeof name);
    int rc = buf_error(&b) ? buf_error(&b) : observatory_mark(in->o, span_str(name), buf_span(&b));
    buf_deinit(&b);
    x->is_new = rc != 0;
    return rc;
}

/* ---- all of it ---- */

struct inputs *inputs_new(struct observatory *o, const char *const *paths, size_t n)
{
    struct inputs *in = calloc(1, sizeof *in);
    if (!in || !(in->names = calloc(n + 1, sizeof *in->names))) {
        free(in);
        return NULL;
    }
    in->o = o;
    in->resume = (struct source_resume){in, wants, begins};
    in->n_names = 1;
    bool ok = load_names(in, &in->names[0]);
    for (size_t i = 0; i < n && ok; i++)
        if (cli_is_dir(paths[i])) {
            in->names[in->n_names].root = paths[i];
            ok = load_names(in, &in->names[in->n_names++]);
        }
    if (!ok)
        inputs_free(&in);
    return in;
}

void inputs_free(struct inputs **ip)
{
    struct inputs *in = ip ? *ip : NULL;
    if (!in)
        return;
    for (size_t i = 0; i < in->n_names; i++) {
        free((void *)(uintptr_t)in->names[i].old.p);
        free(in->names[i].is_there);
        free(in->names[i].now);
    }
    for (size_t i = 0; i < in->n_boxes; i++)
        free(in->box[i].path);
    free(in->names);
    free(in->box);
    free(in);
    *ip = NULL;
}

const struct source_resume *inputs_resume(const struct inputs *in) { return &in->resume; }

void inputs_done(struct inputs *in, const struct ticket *t)
{
    const char *path = ticket_box(t);
    struct box *x = path ? box_find(in, path) : NULL;
    if (x) {
        x->end = t->end;
        x->index = t->index;
        x->is_new = true;
    } else if (!path && t->kind != TICKET_BYTES && t->kind != TICKET_BAD) {
        add_name(names_of(in, t->name), file_key(t->name));
    }
}

void inputs_all_done(struct inputs *in) { in->is_complete = true; }

int inputs_save(struct inputs *in)
{
    int rc = 0;
    for (size_t i = 0; i < in->n_names && !rc; i++)
        rc = save_names(in, &in->names[i]);
    for (size_t i = 0; i < in->n_boxes && !rc; i++)
        rc = save_box(in, &in->box[i]);
    return rc;
}
