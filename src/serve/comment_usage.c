#include "serve/comment_usage.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"

enum { SLOTS = 2 * USAGE_ROWS_MAX, WRITE_MS = 60000 };
static const char others[] = "(other-sites)";

struct comment_usage {
    pthread_mutex_t lock;
    char *path;
    char month[8];
    struct usage_row row[USAGE_ROWS_MAX];
    size_t n;
    uint16_t slot[SLOTS]; /* open addressing; index + 1 */
    bool is_changed;
    int64_t written_ms;
};

void comment_usage_month(int64_t now_ms, char out[8])
{
    time_t t = (time_t)(now_ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 8, "%Y-%m", &tm);
}

static void key_of(struct span key, uint8_t out[16])
{
    uint8_t digest[32], low[64];
    key = span_sub(key, 0, sizeof low);
    for (size_t i = 0; i < key.n; i++)
        low[i] = ascii_lower(key.p[i]);
    sha256(span_of(low, key.n), digest);
    memcpy(out, digest, 16);
}

/* ---- the table ---- */

static struct usage_row *find(struct comment_usage *u, const uint8_t key[16], struct span asked, bool make)
{
    uint64_t seed;
    char clean[USAGE_SITE_MAX];
    memcpy(&seed, key, sizeof seed);
    asked = span_sub(asked, 0, sizeof clean);
    for (size_t i = 0; i < asked.n; i++)
        clean[i] = asked.p[i] > ' ' && asked.p[i] != 127 ? (char)asked.p[i] : '_';
    struct span site = span_of(clean, asked.n);
    size_t at = hash64(site, seed) % SLOTS;
    for (; u->slot[at]; at = (at + 1) % SLOTS) {
        struct usage_row *r = &u->row[u->slot[at] - 1];
        if (memcmp(r->key, key, 16) == 0 && span_eq(span_str(r->site), site))
            return r;
    }
    if (!make || u->n == USAGE_ROWS_MAX)
        return NULL;
    struct usage_row *r = &u->row[u->n++];
    u->slot[at] = (uint16_t)u->n;
    *r = (struct usage_row){.n = {0}};
    memcpy(r->key, key, 16);
    memcpy(r->site, clean, site.n);
    return r;
}

static void clear(struct comment_usage *u, const char month[8])
{
    u->n = 0;
    memset(u->slot, 0, sizeof u->slot);
    memcpy(u->month, month, sizeof u->month);
}

static void turn_month(struct comment_usage *u, int64_t now_ms)
{
    char month[8];
    comment_usage_month(now_ms, month);
    if (strcmp(month, u->month) > 0) /* a clock that went back changes nothing */
        clear(u, month);
}

/* ---- the file: the month, then a row a line ---- */

static void write_file(struct comment_usage *u)
{
    char beside[4200], hex[33];
    if (!u->path || !u->is_changed || snprintf(beside, sizeof beside, "%s.tmp", u->path) >= (int)sizeof beside)
        return;
    FILE *f = fopen(beside, "we");
    if (!f)
        return;
    fprintf(f, "%s\n", u->month);
    for (size_t i = 0; i < u->n; i++) {
        const struct usage_row *r = &u->row[i];
        hex_encode(span_of(r->key, 16), hex);
        fprintf(f, "%s", hex);
        for (int k = 0; k < USAGE_KINDS; k++)
            fprintf(f, " %" PRIu64, r->n[k]);
        fprintf(f, " %s\n", r->site);
    }
    bool ok = fflush(f) == 0;
    ok &= fclose(f) == 0;
    if (ok && rename(beside, u->path) == 0)
        u->is_changed = false;
    else
        unlink(beside);
}

static void read_line(struct comment_usage *u, char *line)
{
    uint8_t key[16];
    uint64_t n[USAGE_KINDS];
    int at = 0;
    line[strcspn(line, "\n")] = '\0';
    if (strlen(line) < 34 || !hex_decode(span_of(line, 32), key, 16))
        return;
    if (sscanf(line + 32, " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &n[0], &n[1], &n[2], &n[3],
               &n[4], &at) < 5 ||
        !at)
        return;
    struct usage_row *r = find(u, key, span_str(line + 32 + at), true);
    if (r)
        memcpy(r->n, n, sizeof n);
}

static void read_file(struct comment_usage *u)
{
    char line[512];
    FILE *f = fopen(u->path, "re");
    if (!f)
        return;
    if (fgets(line, sizeof line, f) && strlen(line) == 8) {
        line[7] = '\0';
        clear(u, line);
        while (fgets(line, sizeof line, f))
            read_line(u, line);
    }
    fclose(f);
}

int comment_usage_open(const char *path, struct comment_usage **out, struct report *why)
{
    struct comment_usage *u = calloc(1, sizeof *u);
    *out = u;
    if (!u || (path && !(u->path = strdup(path)))) {
        free(u);
        *out = NULL;
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    pthread_mutex_init(&u->lock, NULL);
    if (path)
        read_file(u);
    return POSSE_OK;
}

void comment_usage_close(struct comment_usage **up)
{
    if (!up || !*up)
        return;
    write_file(*up);
    pthread_mutex_destroy(&(*up)->lock);
    free((*up)->path);
    free(*up);
    *up = NULL;
}

/* ---- counting ---- */

void comment_usage_add(struct comment_usage *u, struct span key, struct span site, enum usage_what what, int64_t now_ms)
{
    uint8_t id[16];
    key_of(key, id);
    pthread_mutex_lock(&u->lock);
    turn_month(u, now_ms);
    struct usage_row *r = find(u, id, site, u->n < USAGE_ROWS_MAX / 2);
    if (!r)
        r = find(u, id, span_str(others), true);
    if (r)
        r->n[what]++;
    u->is_changed = true;
    if (now_ms - u->written_ms >= WRITE_MS || now_ms < u->written_ms) {
        u->written_ms = now_ms;
        write_file(u);
    }
    pthread_mutex_unlock(&u->lock);
}

void comment_usage_sum(struct comment_usage *u, struct span key, int64_t now_ms, uint64_t out[USAGE_KINDS],
                       size_t *n_sites)
{
    uint8_t id[16];
    key_of(key, id);
    memset(out, 0, USAGE_KINDS * sizeof *out);
    *n_sites = 0;
    pthread_mutex_lock(&u->lock);
    turn_month(u, now_ms);
    for (size_t i = 0; i < u->n; i++) {
        if (memcmp(u->row[i].key, id, 16) != 0)
            continue;
        for (int k = 0; k < USAGE_KINDS; k++)
            out[k] += u->row[i].n[k];
        ++*n_sites;
    }
    pthread_mutex_unlock(&u->lock);
}

static int compare(const void *va, const void *vb)
{
    const struct usage_row *a = va, *b = vb;
    if (a->n[USAGE_CALLS] != b->n[USAGE_CALLS])
        return a->n[USAGE_CALLS] > b->n[USAGE_CALLS] ? -1 : 1;
    return strcmp(a->site, b->site);
}

size_t comment_usage_rows(struct comment_usage *u, struct span key, int64_t now_ms, size_t offset,
                          struct usage_row *out, size_t n)
{
    uint8_t id[16];
    size_t found = 0;
    key_of(key, id);
    pthread_mutex_lock(&u->lock);
    turn_month(u, now_ms);
    struct usage_row *own = malloc((u->n + 1) * sizeof *own);
    for (size_t i = 0; own && i < u->n; i++)
        if (memcmp(u->row[i].key, id, 16) == 0)
            own[found++] = u->row[i];
    pthread_mutex_unlock(&u->lock);
    if (found)
        qsort(own, found, sizeof *own, compare);
    for (size_t i = 0; i < n && offset + i < found; i++)
        out[i] = own[offset + i];
    free(own);
    return found;
}
