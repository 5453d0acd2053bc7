#include "serve/comment_known.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"

enum { SETS = 4096, TEXT_SETS = 1024, WAYS = 8 };
static const int64_t SOURCE_MS = SOURCE_DAYS * INT64_C(86400000), REPEAT_MS = REPEAT_HOURS * INT64_C(3600000);
static const char magic[16] = "POSSE SOURCES 1";

/* Bit i of spam: what voter i said. */
struct source {
    uint64_t what;
    int64_t last_ms;
    uint32_t voter[KNOWN_VOTERS_MAX];
    uint8_t n, next, spam, unused[5];
};
struct file {
    char magic[sizeof magic];
    uint8_t key[16];
    uint64_t size;
    struct source source[SETS][WAYS];
};

struct stand {
    uint32_t key, site;
};
struct repeat {
    uint64_t what;
    int64_t last_ms;
    struct stand at[KNOWN_SITES_MAX];
    uint8_t n, next;
};

struct comment_known {
    pthread_mutex_t lock;
    struct file *file;
    struct repeat repeat[TEXT_SETS][WAYS];
};

/* ---- the file ---- */

static bool is_sound(const struct file *f)
{
    if (memcmp(f->magic, magic, sizeof magic) != 0 || f->size != sizeof *f)
        return false;
    for (size_t i = 0; i < SETS; i++)
        for (size_t j = 0; j < WAYS; j++)
            if (f->source[i][j].n > KNOWN_VOTERS_MAX || f->source[i][j].next >= KNOWN_VOTERS_MAX)
                return false;
    return true;
}

static int begin_anew(struct file *f, struct report *why)
{
    memset(f, 0, sizeof *f);
    if (getrandom(f->key, sizeof f->key, 0) != sizeof f->key)
        return report_errno(why, "draw random numbers", "getrandom");
    f->size = sizeof *f;
    memcpy(f->magic, magic, sizeof magic);
    return POSSE_OK;
}

/* Space is set aside now: a full disk must be an error here, not a signal later. */
static int map_file(const char *path, struct file **out, struct report *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), rc;
    if (fd < 0)
        return report_errno(why, "open", path);
    struct stat st;
    if (fstat(fd, &st) == 0 && st.st_size != sizeof(struct file) && ftruncate(fd, 0) != 0)
        rc = errno;
    else
        rc = posix_fallocate(fd, 0, sizeof(struct file));
    if (rc == 0) {
        *out = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        rc = *out == MAP_FAILED ? errno : 0;
    }
    close(fd);
    errno = rc;
    return rc ? report_errno(why, "make room for", path) : POSSE_OK;
}

int comment_known_open(const char *path, struct comment_known **out, struct report *why)
{
    struct comment_known *k = calloc(1, sizeof *k);
    int err = POSSE_OK;
    *out = NULL;
    if (!k)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    pthread_mutex_init(&k->lock, NULL);
    if (path) {
        err = map_file(path, &k->file, why);
        if (err)
            k->file = NULL;
    } else {
        k->file = mmap(NULL, sizeof *k->file, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (k->file == MAP_FAILED) {
            k->file = NULL;
            err = report_set(why, POSSE_ENOMEM, "out of memory");
        }
    }
    if (!err && !is_sound(k->file))
        err = begin_anew(k->file, why);
    if (err)
        comment_known_close(&k);
    *out = k;
    return err;
}

void comment_known_close(struct comment_known **kp)
{
    if (!kp || !*kp)
        return;
    struct comment_known *k = *kp;
    if (k->file)
        munmap(k->file, sizeof *k->file);
    pthread_mutex_destroy(&k->lock);
    free(k);
    *kp = NULL;
}

/* ---- sources ---- */

static uint64_t hash_of(const struct comment_known *k, unsigned kind, struct span value)
{
    uint8_t low[512];
    value = span_sub(value, 0, sizeof low - 1);
    low[0] = (uint8_t)kind;
    for (size_t i = 0; i < value.n; i++)
        low[i + 1] = ascii_lower(value.p[i]);
    uint64_t h = siphash(span_of(low, value.n + 1), k->file->key);
    return h ? h : 1;
}

enum { KIND_KEY = 100, KIND_SITE };

static struct source *find_source(struct source *set, uint64_t what, int64_t now_ms)
{
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].what == what && now_ms - set[i].last_ms < SOURCE_MS)
            return &set[i];
    return NULL;
}

static struct source *oldest_source(struct source *set)
{
    struct source *s = &set[0];
    for (size_t i = 1; i < WAYS; i++)
        if (set[i].last_ms < s->last_ms)
            s = &set[i];
    return s;
}

static void vote(struct source *s, uint32_t voter, bool is_spam)
{
    unsigned i = 0;
    while (i < s->n && s->voter[i] != voter)
        i++;
    if (i == s->n) {
        i = s->next;
        s->next = (uint8_t)((s->next + 1) % KNOWN_VOTERS_MAX);
        if (s->n < KNOWN_VOTERS_MAX)
            s->n++;
        s->voter[i] = voter;
    }
    s->spam = (uint8_t)((s->spam & ~(1u << i)) | (unsigned)is_spam << i);
}

void comment_known_teach(struct comment_known *k, enum known_source kind, struct span value, struct span key,
                         bool is_spam, int64_t now_ms)
{
    if (value.n == 0)
        return;
    uint64_t what = hash_of(k, kind, value);
    uint32_t voter = (uint32_t)hash_of(k, KIND_KEY, key);
    struct source *set = k->file->source[what % SETS];
    pthread_mutex_lock(&k->lock);
    struct source *s = find_source(set, what, now_ms);
    if (!s) {
        /* a source that one calls ham and nobody spam need not be kept; a place is begun anew before it gets its name */
        s = is_spam ? oldest_source(set) : NULL;
        if (s)
            *s = (struct source){.what = what};
    }
    if (s) {
        s->last_ms = now_ms;
        vote(s, voter, is_spam);
    }
    pthread_mutex_unlock(&k->lock);
}

unsigned comment_known_spam(struct comment_known *k, enum known_source kind, struct span value, int64_t now_ms)
{
    if (value.n == 0)
        return 0;
    uint64_t what = hash_of(k, kind, value);
    pthread_mutex_lock(&k->lock);
    const struct source *s = find_source(k->file->source[what % SETS], what, now_ms);
    int spam = s ? __builtin_popcount(s->spam) : 0, more = s ? 2 * spam - s->n : 0;
    pthread_mutex_unlock(&k->lock);
    return more >= KNOWN_LEAST ? (unsigned)more : 0;
}

/* ---- repeats ---- */

/* Other sites of the asker's key one by one, other keys once each. */
static unsigned count_others(const struct repeat *r, uint32_t key, uint32_t site)
{
    unsigned n = 0;
    for (unsigned i = 0; i < r->n; i++) {
        bool is_first = true;
        for (unsigned j = 0; j < i; j++)
            is_first &= r->at[j].key != r->at[i].key;
        n += r->at[i].key == key ? r->at[i].site != site : is_first;
    }
    return n;
}

/* A key takes at most half of the places, so that it cannot push the others out by inventing sites. */
static void note_stand(struct repeat *r, uint32_t key, uint32_t site)
{
    unsigned own = 0, last = 0;
    for (unsigned i = 0; i < r->n; i++) {
        if (r->at[i].key == key && r->at[i].site == site)
            return;
        if (r->at[i].key == key) {
            own++;
            last = i;
        }
    }
    if (own >= KNOWN_SITES_MAX / 2) {
        r->at[last].site = site;
        return;
    }
    r->at[r->next] = (struct stand){key, site};
    r->next = (uint8_t)((r->next + 1) % KNOWN_SITES_MAX);
    if (r->n < KNOWN_SITES_MAX)
        r->n++;
}

unsigned comment_known_repeats(struct comment_known *k, struct span letters, struct span key, struct span site,
                               int64_t now_ms)
{
    uint64_t what = siphash(letters, k->file->key);
    uint32_t key_id = (uint32_t)hash_of(k, KIND_KEY, key), site_id = (uint32_t)hash_of(k, KIND_SITE, site);
    struct repeat *set = k->repeat[what % TEXT_SETS], *r = NULL, *oldest = &set[0];
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].what == what && set[i].n && now_ms - set[i].last_ms < REPEAT_MS)
            r = &set[i];
        if (set[i].last_ms < oldest->last_ms)
            oldest = &set[i];
    }
    if (!r) {
        r = oldest;
        *r = (struct repeat){.what = what};
    }
    r->last_ms = now_ms;
    unsigned others = count_others(r, key_id, site_id);
    note_stand(r, key_id, site_id);
    pthread_mutex_unlock(&k->lock);
    return others;
}
