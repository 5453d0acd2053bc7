/* rules_cache: compiled databases as a snapshot, `rules-DIGEST.cache`.
 *
 * The digest is of all that compiling depends on: expressions, flags and targets in order, Vectorscan's version, the
 * processor's features. Weights and reasons are not in it: changing them compiles nothing. A database is code in all
 * but name, so the folder must be ours and closed to others; a cache that is damaged, foreign or old is as good as none. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "filter/rules_priv.h"
#include "store/snapshot.h"

enum { CACHE_FORMAT = 1, KEEP_FILES = 4, KEY_MAX = 1 << 28 };

static bool is_private(const char *dir)
{
    struct stat st;
    return dir && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

/* NULL: no cache can be used. */
static char *cache_path(const struct rules *r, const char *dir)
{
    hs_platform_info_t cpu = {0};
    if (!is_private(dir) || hs_populate_platform(&cpu) != HS_SUCCESS)
        return NULL;
    struct buf b;
    buf_init(&b, KEY_MAX);
    buf_add_u32(&b, CACHE_FORMAT);
    buf_add_str(&b, hs_version());
    buf_add_u32(&b, cpu.tune);
    buf_add_u64(&b, cpu.cpu_features);
    for (size_t i = 0; i < r->n_exprs; i++) {
        buf_add_byte(&b, r->expr[i].target);
        buf_add_byte(&b, r->expr[i].flags);
        buf_add_u32(&b, (uint32_t)r->expr[i].text.n);
        buf_add_span(&b, r->expr[i].text);
    }
    uint8_t digest[32];
    sha256(buf_span(&b), digest);
    char hex[65], *path = NULL;
    hex_encode(span_of(digest, 16), hex);
    if (buf_error(&b) || asprintf(&path, "%s/rules-%s.cache", dir, hex) < 0)
        path = NULL;
    buf_deinit(&b);
    return path;
}

static const char *const section_name[TEXT_N] = {"subject", "body", "header", "raw-header", "url", "filename"};

static bool take_database(struct rules *r, const struct snapshot *s, int target)
{
    bool needed = false;
    for (size_t i = 0; i < r->n_exprs; i++)
        needed = needed || (r->expr[i].target == target && !r->expr[i].is_slow);
    if (!needed)
        return true;
    struct span data = snapshot_get(s, section_name[target]);
    return data.n && hs_deserialize_database((const char *)data.p, data.n, &r->db[target]) == HS_SUCCESS;
}

bool rules_cache_read(struct rules *r, const char *dir)
{
    char *path = cache_path(r, dir);
    struct snapshot *s = NULL;
    bool ok = path && snapshot_open(path, SNAPSHOT_RULES, &s, NULL) == 0;
    struct span slow = ok ? snapshot_get(s, "slow") : SPAN_NONE;
    ok = ok && slow.n == r->n_exprs;
    for (size_t i = 0; ok && i < r->n_exprs; i++)
        r->expr[i].is_slow = slow.p[i] != 0;
    for (int t = 0; ok && t < TEXT_N; t++)
        ok = take_database(r, s, t);
    for (int t = 0; !ok && t < TEXT_N; t++) {
        hs_free_database(r->db[t]);
        r->db[t] = NULL;
    }
    snapshot_close(&s);
    free(path);
    return ok;
}

/* Every edit of the rules makes a new file; the oldest go. */
static void prune(const char *dir)
{
    for (;;) {
        DIR *d = opendir(dir);
        if (!d)
            return;
        char oldest[64] = "";
        struct timespec when = {0};
        unsigned n = 0;
        for (struct dirent *e; (e = readdir(d));) {
            size_t len = strlen(e->d_name);
            struct stat st;
            if (len != 6 + 32 + 6 || strncmp(e->d_name, "rules-", 6) != 0 || strcmp(e->d_name + len - 6, ".cache") != 0 ||
                fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
                continue;
            bool older = st.st_mtim.tv_sec < when.tv_sec ||
                         (st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec < when.tv_nsec);
            if (!n++ || older) {
                memcpy(oldest, e->d_name, len + 1);
                when = st.st_mtim;
            }
        }
        bool gone = n > KEEP_FILES && unlinkat(dirfd(d), oldest, 0) == 0;
        closedir(d);
        if (!gone)
            return;
    }
}

void rules_cache_write(const struct rules *r, const char *dir)
{
    char *path = cache_path(r, dir), *bytes[TEXT_N] = {0};
    uint8_t *slow = malloc(r->n_exprs);
    struct snapshot_section s[TEXT_N + 1] = {{"slow", span_of(slow, r->n_exprs)}};
    size_t n = 1;
    bool ok = path && slow;
    for (size_t i = 0; ok && i < r->n_exprs; i++)
        slow[i] = r->expr[i].is_slow;
    for (int t = 0; ok && t < TEXT_N; t++) {
        size_t len;
        if (!r->db[t])
            continue;
        ok = hs_serialize_database(r->db[t], &bytes[t], &len) == HS_SUCCESS;
        s[n++] = (struct snapshot_section){section_name[t], span_of(bytes[t], ok ? len : 0)};
    }
    if (ok && snapshot_write(path, SNAPSHOT_RULES, s, n, NULL) == 0)
        prune(dir);
    for (int t = 0; t < TEXT_N; t++)
        free(bytes[t]);
    free(slow);
    free(path);
}
