#include "serve/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/home.h"
#include "store/store_report.h"

enum { FILE_MAX = 8 << 20 };

struct keys {
    char *path;
    struct stat stat; /* as it was read; zeros: there was none */
    struct key *key;
    size_t n;
};

/* ---- reading ---- */

static int read_file(const char *path, struct buf *b, struct stat *st, struct report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? POSSE_OK : store_errno(why, "read", path);
    int rc = fstat(fd, st) == 0 ? POSSE_OK : store_errno(why, "read", path);
    for (ssize_t got = 1; !rc && got > 0;) {
        uint8_t *to = buf_reserve(b, 65536);
        if (!to) {
            rc = report_set(why, buf_error(b), "%s: too big for a file of keys", path);
            break;
        }
        got = read(fd, to, 65536);
        if (got < 0)
            rc = store_errno(why, "read", path);
        b->n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    return rc;
}

static struct span next_field(struct span *line)
{
    ptrdiff_t tab = span_chr(*line, '\t');
    struct span f = span_sub(*line, 0, tab < 0 ? line->n : (size_t)tab);
    *line = span_sub(*line, tab < 0 ? line->n : (size_t)tab + 1, line->n);
    return f;
}

static bool is_key(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'z'))
            return false;
    return s.n == KEY_BYTES;
}

static bool copy(struct span s, char *to)
{
    if (s.n > KEY_TEXT_MAX)
        return false;
    if (s.n)
        memcpy(to, s.p, s.n);
    to[s.n] = '\0';
    return true;
}

static bool parse_line(struct span line, struct key *k)
{
    char number[KEY_TEXT_MAX + 1];
    struct span key = next_field(&line), site = next_field(&line), made = next_field(&line);
    if (!is_key(key) || !copy(key, k->key) || !copy(site, k->site) || !copy(made, number) || !copy(line, k->note))
        return false;
    char *end;
    k->made_s = strtoll(number, &end, 10);
    return *number && !*end;
}

static int parse(struct keys *k, struct span in, struct report *why)
{
    size_t cap = 0;
    for (size_t at = 1; in.n; at++) {
        ptrdiff_t nl = span_chr(in, '\n');
        struct span line = span_sub(in, 0, nl < 0 ? in.n : (size_t)nl);
        in = span_sub(in, nl < 0 ? in.n : (size_t)nl + 1, in.n);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (k->n == cap) {
            cap = cap ? cap * 2 : 16;
            struct key *p = cap <= 2 * KEYS_MAX ? realloc(k->key, cap * sizeof *p) : NULL;
            if (!p)
                return report_set(why, POSSE_ELIMIT, "%s: more than %d keys", k->path, KEYS_MAX);
            k->key = p;
        }
        if (!parse_line(line, &k->key[k->n]))
            return report_set(why, POSSE_ESYNTAX, "%s: line %zu is no key with its site, time and note; remove it", k->path, at);
        k->n++;
    }
    return POSSE_OK;
}

int keys_load(const char *path, struct keys **out, struct report *why)
{
    struct buf b;
    buf_init(&b, FILE_MAX);
    *out = NULL;
    struct keys *k = calloc(1, sizeof *k);
    int rc = k && (k->path = strdup(path)) ? read_file(path, &b, &k->stat, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (!rc && (k->stat.st_mode & 077))
        rc = report_set(why, POSSE_EACCES, "%s: others may read it (mode %03o), and keys are secret; run `chmod 600` on it", path,
                        (unsigned)k->stat.st_mode & 0777);
    if (!rc)
        rc = parse(k, buf_span(&b), why);
    buf_deinit(&b);
    if (rc)
        keys_free(&k);
    *out = k;
    return rc;
}

void keys_free(struct keys **k)
{
    if (!k || !*k)
        return;
    free((*k)->path);
    free((*k)->key);
    free(*k);
    *k = NULL;
}

bool keys_is_stale(const struct keys *k)
{
    struct stat st;
    if (stat(k->path, &st) != 0)
        return k->stat.st_ino != 0;
    return st.st_ino != k->stat.st_ino || st.st_size != k->stat.st_size || st.st_mtim.tv_sec != k->stat.st_mtim.tv_sec ||
           st.st_mtim.tv_nsec != k->stat.st_mtim.tv_nsec;
}

size_t keys_count(const struct keys *k) { return k->n; }
const struct key *keys_at(const struct keys *k, size_t i) { return &k->key[i]; }

const struct key *keys_find(const struct keys *k, struct span key)
{
    uint8_t asked[KEY_BYTES] = {0};
    for (size_t i = 0; i < key.n && i < KEY_BYTES; i++)
        asked[i] = ascii_lower(key.p[i]);
    size_t found = 0;
    for (size_t i = 0; i < k->n; i++) {
        unsigned differs = 0;
        for (size_t j = 0; j < KEY_BYTES; j++)
            differs |= (unsigned)(asked[j] ^ (uint8_t)k->key[i].key[j]);
        size_t mask = (size_t)((int)(differs - 1) >> 31); /* all ones where nothing differs, without a branch */
        found |= (i + 1) & mask;
    }
    return found && key.n == KEY_BYTES ? &k->key[found - 1] : NULL;
}

/* ---- writing ---- */

static bool is_text(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)s[i] < ' ' || s[i] == 127)
            return false;
    return n <= KEY_TEXT_MAX;
}

static bool make_key(const uint8_t random[KEY_RANDOM_BYTES], char out[KEY_BYTES + 1])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = 0;
    for (size_t i = 0; i < KEY_RANDOM_BYTES && n < KEY_BYTES; i++)
        if (random[i] < 252) /* seven times 36: no letter is likelier than another */
            out[n++] = letters[random[i] % 36];
    out[n] = '\0';
    return n == KEY_BYTES;
}

static int write_new(const char *path, const char *tmp, struct span text, struct report *why)
{
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return store_errno(why, "write", tmp);
    int rc = POSSE_OK;
    while (text.n && !rc) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno != EINTR)
            rc = store_errno(why, "write", tmp);
        text = span_sub(text, n > 0 ? (size_t)n : 0, text.n);
    }
    if (!rc && fsync(fd))
        rc = store_errno(why, "sync", tmp);
    close(fd);
    if (!rc && rename(tmp, path))
        rc = store_errno(why, "name", path);
    if (rc)
        unlink(tmp);
    return rc;
}

static int save(const struct keys *k, const struct key *without, const struct key *more, const char *tmp, struct report *why)
{
    struct buf b;
    buf_init(&b, FILE_MAX);
    for (size_t i = 0; i <= k->n; i++) {
        const struct key *x = i < k->n ? &k->key[i] : more;
        if (x && x != without)
            buf_add_fmt(&b, "%s\t%s\t%lld\t%s\n", x->key, x->site, (long long)x->made_s, x->note);
    }
    int rc = buf_error(&b) ? report_set(why, buf_error(&b), "%s: cannot be written", k->path) : write_new(k->path, tmp, buf_span(&b), why);
    buf_deinit(&b);
    return rc;
}

/* The folder is made and locked: whoever changes the file holds this. */
static int lock_folder(const char *path, int *fd, struct report *why)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    int rc = folder ? home_prepare(folder, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    *fd = rc ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!rc && (*fd < 0 || flock(*fd, LOCK_EX)))
        rc = store_errno(why, "lock", folder);
    free(folder);
    return rc;
}

/* Adds one, or removes one. */
static int change(const char *path, const struct key *more, const char *without, struct report *why)
{
    int fd;
    struct keys *k = NULL;
    char *tmp = NULL;
    const struct key *gone = NULL;
    int rc = lock_folder(path, &fd, why);
    if (!rc)
        rc = keys_load(path, &k, why);
    if (!rc && without && !(gone = keys_find(k, span_str(without))))
        rc = report_set(why, POSSE_ENOENT, "there is no such key");
    if (!rc && more && k->n >= KEYS_MAX)
        rc = report_set(why, POSSE_ELIMIT, "%s: holds %d keys, and that is the limit", path, KEYS_MAX);
    if (!rc && asprintf(&tmp, "%s.tmp", path) < 0)
        rc = report_set(why, POSSE_ENOMEM, "out of memory");
    if (!rc)
        rc = save(k, gone, more, tmp, why);
    if (!rc && fsync(fd))
        rc = store_errno(why, "sync the folder of", path);
    free(tmp);
    keys_free(&k);
    if (fd >= 0)
        close(fd);
    return rc;
}

int keys_add(const char *path, const char *site, const char *note, int64_t now_s, const uint8_t random[KEY_RANDOM_BYTES],
             char key_out[KEY_BYTES + 1], struct report *why)
{
    struct key k = {.made_s = now_s};
    if (!is_text(site) || !is_text(note))
        return report_set(why, POSSE_EINVAL, "a site and a note have at most %d bytes and no control characters", KEY_TEXT_MAX);
    if (!make_key(random, k.key))
        return report_set(why, POSSE_EINVAL, "these random bytes make no key; try again");
    strcpy(k.site, site);
    strcpy(k.note, note);
    int rc = change(path, &k, NULL, why);
    if (!rc)
        strcpy(key_out, k.key);
    return rc;
}

int keys_remove(const char *path, const char *key, struct report *why) { return change(path, NULL, key, why); }
