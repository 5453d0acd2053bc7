/* The cache: HOME/rdap/FIRST-LAST, addresses in hex, each a line "posse-rdap 1\tWHEN\tWHAT\tURL" and the answer as it came; `turns` says when
 * each server may be asked again. Files are written aside and renamed, so that a reader sees a whole one or none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "net/rdap_priv.h"

enum { NAME_LEN = 65, PATH_LEN = 4400 };

static int path_of(const char *folder, const char *name, char out[PATH_LEN], struct report *why)
{
    int n = snprintf(out, PATH_LEN, "%s/%s", folder, name);
    return n > 0 && n < PATH_LEN ? POSSE_OK : report_set(why, POSSE_EINVAL, "%s: the path is too long", folder);
}

static int read_all(const char *path, struct buf *into, struct report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = POSSE_OK;
    ssize_t got = 0;
    if (fd < 0)
        return report_errno(why, "open", path);
    while (!buf_error(into)) {
        uint8_t *room = buf_reserve(into, 1 << 16);
        got = room ? read(fd, room, 1 << 16) : 0;
        if (got <= 0)
            break;
        into->n += (size_t)got;
    }
    if (buf_error(into))
        rc = report_set(why, buf_error(into), "%s: %s", path, posse_strerror(buf_error(into)));
    else if (got < 0)
        rc = report_errno(why, "read", path);
    close(fd);
    return rc;
}

static bool parse(struct buf *b, struct rdap_cached *out)
{
    struct span s = buf_span(b);
    ptrdiff_t nl = span_chr(s, '\n');
    char what[8];
    if (nl < 0 || nl > RDAP_URL + 64)
        return false;
    char line[RDAP_URL + 80];
    memcpy(line, s.p, (size_t)nl);
    line[nl] = '\0';
    int at = 0;
    if (sscanf(line, "posse-rdap 1\t%" SCNd64 "\t%7[a-z]\t%n", &out->asked_ms, what, &at) != 2 || !at || strlen(line + at) >= sizeof out->url)
        return false;
    out->is_none = strcmp(what, "none") == 0;
    strcpy(out->url, line + at);
    out->body = span_sub(s, (size_t)nl + 1, s.n);
    return out->is_none || strcmp(what, "answer") == 0;
}

int rdap_cache_load(const char *folder, const char *name, struct buf *into, struct rdap_cached *out, struct report *why)
{
    char path[PATH_LEN];
    int rc = path_of(folder, name, path, why);
    buf_clear(into);
    if (!rc)
        rc = read_all(path, into, why);
    return rc || parse(into, out) ? rc : report_set(why, POSSE_ENOENT, "%s: damaged", path);
}

static bool range_of(const char *name, struct ip *first, struct ip *last)
{
    return strlen(name) == NAME_LEN && name[32] == '-' && hex_decode(span_of(name, 32), first->b, 16) && hex_decode(span_of(name + 33, 32), last->b, 16);
}

int rdap_cache_find(const char *folder, const struct ip *a, struct buf *into, struct rdap_cached *out, struct report *why)
{
    char best[NAME_LEN + 1] = "";
    struct ip best_first = {{0}}, best_last = {{0}}, first, last;
    struct dirent *e;
    DIR *d = opendir(folder);
    if (!d && errno != ENOENT)
        return report_errno(why, "open", folder);
    while (d && (e = readdir(d))) {
        if (!range_of(e->d_name, &first, &last) || ip_compare(&first, a) > 0 || ip_compare(a, &last) > 0)
            continue;
        int later = best[0] ? ip_compare(&first, &best_first) : 1;
        if (later > 0 || (later == 0 && ip_compare(&last, &best_last) < 0)) {
            memcpy(best, e->d_name, NAME_LEN + 1);
            best_first = first;
            best_last = last;
        }
    }
    if (d)
        closedir(d);
    return best[0] ? rdap_cache_load(folder, best, into, out, why) : report_set(why, POSSE_ENOENT, "it is not in the cache");
}

static int write_all(int fd, struct span s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n < 0 && errno != EINTR)
            return -1;
        s = span_sub(s, n > 0 ? (size_t)n : 0, s.n);
    }
    return 0;
}

int rdap_cache_save(const char *folder, const char *name, const struct rdap_cached *c, struct report *why)
{
    char path[PATH_LEN], aside[PATH_LEN + 16], head[RDAP_URL + 80];
    int rc = path_of(folder, name, path, why);
    if (rc)
        return rc;
    snprintf(head, sizeof head, "posse-rdap 1\t%" PRId64 "\t%s\t%s\n", c->asked_ms, c->is_none ? "none" : "answer", c->url);
    snprintf(aside, sizeof aside, "%s.XXXXXX", path);
    int fd = mkostemp(aside, O_CLOEXEC);
    if (fd < 0)
        return report_errno(why, "write", aside);
    int bad = write_all(fd, span_str(head)) || write_all(fd, c->body);
    if (bad)
        rc = report_errno(why, "write", aside);
    close(fd);
    if (!rc && rename(aside, path) != 0)
        rc = report_errno(why, "rename to", path);
    if (rc)
        unlink(aside);
    return rc;
}

int rdap_cache_put(const char *folder, const struct ip *first, const struct ip *last, const struct rdap_cached *c, struct report *why)
{
    char name[NAME_LEN + 1];
    hex_encode(span_of(first->b, 16), name);
    hex_encode(span_of(last->b, 16), name + 33);
    name[32] = '-';
    return rdap_cache_save(folder, name, c, why);
}

/* ---- turns ---- */

int rdap_turns_begin(const char *folder, struct rdap_turns *t, struct report *why)
{
    char path[PATH_LEN], line[512];
    int rc = path_of(folder, "turns", path, why);
    if (rc)
        return rc;
    t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (t->fd < 0 || flock(t->fd, LOCK_EX) != 0) {
        rc = report_errno(why, "lock", path);
        if (t->fd >= 0)
            close(t->fd);
        t->fd = -1;
        return rc;
    }
    FILE *f = fdopen(dup(t->fd), "r");
    t->n = 0;
    while (f && t->n < sizeof t->host / sizeof *t->host && fgets(line, sizeof line, f))
        if (sscanf(line, "%255s %" SCNd64, t->host[t->n].host, &t->host[t->n].from_ms) == 2)
            t->n++;
    if (f)
        fclose(f);
    return POSSE_OK;
}

int64_t rdap_turns_from(const struct rdap_turns *t, const char *host)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->host[i].host, host) == 0)
            return t->host[i].from_ms;
    return 0;
}

/* Where there is no room the one goes whose turn came first. */
void rdap_turns_set(struct rdap_turns *t, const char *host, int64_t from_ms)
{
    size_t i = 0, most = sizeof t->host / sizeof *t->host;
    while (i < t->n && strcmp(t->host[i].host, host) != 0)
        i++;
    if (i == most)
        for (size_t k = i = 0; k < most; k++)
            if (t->host[k].from_ms < t->host[i].from_ms)
                i = k;
    if (i == t->n)
        t->n++;
    snprintf(t->host[i].host, sizeof t->host[i].host, "%s", host);
    t->host[i].from_ms = from_ms;
}

int rdap_turns_end(struct rdap_turns *t, struct report *why)
{
    struct buf b;
    int rc = POSSE_OK;
    if (t->fd < 0)
        return rc;
    buf_init(&b, 1 << 16);
    for (size_t i = 0; i < t->n; i++)
        buf_add_fmt(&b, "%s %" PRId64 "\n", t->host[i].host, t->host[i].from_ms);
    if (buf_error(&b) || lseek(t->fd, 0, SEEK_SET) != 0 || ftruncate(t->fd, 0) != 0 || write_all(t->fd, buf_span(&b)) != 0)
        rc = report_errno(why, "write", "turns, in the cache of RDAP answers");
    buf_deinit(&b);
    close(t->fd);
    t->fd = -1;
    return rc;
}
