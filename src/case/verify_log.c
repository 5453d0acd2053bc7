/* Which line of a log was touched. Each line says its place and the hash of the line before it, so a line is vouched for by the one that
 * follows. A number that nobody claims was removed, or belongs to the line that now cannot be read there; of several that claim one
 * number the vouched one is it and the others were added; a line that is vouched for and stands at another place was moved; one
 * that is not vouched for was changed, unless what follows it is itself not vouched for: then that one's own "prev" may be what was
 * changed, and the line after decides. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/verify_priv.h"

enum { READ_BYTES = 1 << 20 };

static int take(struct verifying *v, struct span s)
{
    if (v->log.n == v->log.cap) {
        size_t cap = v->log.cap ? v->log.cap * 2 : 64;
        struct vline *l = realloc(v->log.line, cap * sizeof *l);
        if (!l)
            return POSSE_ENOMEM;
        v->log.line = l;
        v->log.cap = cap;
    }
    verify_read_line(s, &v->log.line[v->log.n++]);
    return POSSE_OK;
}

static int split(struct verifying *v, struct buf *b, bool is_end)
{
    size_t from = 0;
    int err = POSSE_OK;
    struct span last = SPAN_NONE;
    while (!err && from < b->n) {
        const uint8_t *end = memchr(b->p + from, '\n', b->n - from);
        size_t n = end ? (size_t)(end - (b->p + from)) : b->n - from;
        if (!end && !is_end && n <= CASE_LINE_MAX)
            break;
        last = span_of(b->p + from, n);
        err = take(v, last); /* half a line at the end is one that cannot be read */
        from += n + (end != NULL);
    }
    if (last.p) {
        buf_clear(&v->log.last);
        buf_add_span(&v->log.last, last);
    }
    memmove(b->p, b->p + from, b->n - from);
    b->n -= from;
    return err;
}

int verify_read_log(struct verifying *v, struct report *why)
{
    int fd = openat(v->dir, "log.jsonl", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = POSSE_OK;
    if (fd < 0)
        return report_errno(why, "open log.jsonl: is this the folder of a case?", v->folder);
    struct buf b;
    buf_init(&b, CASE_LINE_MAX + 2 * READ_BYTES);
    buf_init(&v->log.last, CASE_LINE_MAX + READ_BYTES);
    for (ssize_t got = 1; got && !err;) {
        uint8_t *p = buf_reserve(&b, READ_BYTES);
        got = p ? read(fd, p, READ_BYTES) : -1;
        if (got < 0)
            err = p ? report_errno(why, "read the log", v->folder) : report_set(why, POSSE_ENOMEM, "out of memory");
        b.n += got > 0 ? (size_t)got : 0;
        if (!err && split(v, &b, got == 0))
            err = report_set(why, POSSE_ENOMEM, "out of memory for %zu lines", v->log.n);
    }
    buf_deinit(&b);
    close(fd);
    return err;
}

/* ---- who is who ---- */

struct places {
    size_t n;           /* numbers that are looked for: 0 to n - 1 */
    int64_t *first;     /* physical place of the first line that claims a number, -1 none */
    int64_t *next;      /* of the next claimant, by physical place */
    int64_t *is;        /* which line is it; -1: none */
};

static bool vouched(const struct verifying *v, const struct places *p, size_t at)
{
    const struct vline *l = &v->log.line[at];
    if (l->n + 1 >= (int64_t)p->n)
        return false;
    for (int64_t k = p->first[l->n + 1]; k >= 0; k = p->next[k])
        if (memcmp(v->log.line[k].prev, l->hash, 32) == 0)
            return true;
    return false;
}

static int find_places(struct verifying *v, size_t n, struct places *p)
{
    size_t lines = v->log.n;
    *p = (struct places){.n = n, .first = malloc((n + 1) * sizeof *p->first), .is = malloc((n + 1) * sizeof *p->is),
                         .next = malloc((lines + 1) * sizeof *p->next)};
    if (!p->first || !p->is || !p->next)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < n; i++)
        p->first[i] = p->is[i] = -1;
    for (size_t i = lines; i-- > 0;) {
        int64_t m = v->log.line[i].n;
        p->next[i] = -1;
        if (m < 0 || m >= (int64_t)n)
            continue;
        p->next[i] = p->first[m];
        p->first[m] = (int64_t)i;
    }
    return POSSE_OK;
}

static void choose(struct verifying *v, struct places *p)
{
    for (size_t n = 0; n < p->n; n++) {
        int64_t best = -1;
        for (int64_t k = p->first[n]; k >= 0; k = p->next[k])
            if (best < 0 || (vouched(v, p, (size_t)k) && !vouched(v, p, (size_t)best)) ||
                (k == (int64_t)n && !vouched(v, p, (size_t)best)))
                best = k;
        p->is[n] = best;
    }
}

/* A line at place i that is not the line it claims to be, if any, and for which a number is missing just there: the number was changed,
 * or it cannot be read any more. */
static int64_t stands_for(const struct verifying *v, const struct places *p, size_t n)
{
    int64_t before = n ? p->is[n - 1] : -1;
    int64_t at = n && before < 0 ? -1 : before + 1;
    if (at < 0)
        at = (int64_t)n;
    if (at >= (int64_t)v->log.n)
        return -1;
    int64_t m = v->log.line[at].n;
    return m < 0 || m >= (int64_t)p->n || p->is[m] != at ? at : -1;
}

/* The last line has no follower that tells whether its own "prev" was changed or the line before it. But the head knows: with "prev" as it
 * ought to be, is the root that of the head? */
static bool last_prev_was_changed(struct verifying *v, const struct places *p, const struct head *h)
{
    static const char name[] = "\"prev\":\"";
    size_t last = p->n - 1;
    ptrdiff_t at = span_find(buf_span(&v->log.last), span_str(name));
    char hex[65];
    struct merkle m;
    uint8_t leaf[32], root[32];
    if (!h || h->n != p->n || v->log.n != p->n || at < 0 || (size_t)at + sizeof name - 1 + 64 > v->log.last.n)
        return false;
    hex_encode(span_of(v->log.line[last - 1].hash, 32), hex);
    memcpy(v->log.last.p + at + sizeof name - 1, hex, 64);
    merkle_leaf(buf_span(&v->log.last), leaf);
    merkle_init(&m);
    for (size_t i = 0; i < last; i++)
        merkle_add(&m, v->log.line[i].leaf);
    merkle_add(&m, leaf);
    merkle_root(&m, root);
    return memcmp(root, h->root, sizeof root) == 0;
}

/* Is line n's content what its follower saw? Where not: was it line n, or the follower's own "prev"? */
static bool is_changed(struct verifying *v, const struct places *p, size_t n)
{
    if (n + 1 >= p->n || p->is[n] < 0 || p->is[n + 1] < 0)
        return false;
    const struct vline *l = &v->log.line[p->is[n]], *after = &v->log.line[p->is[n + 1]];
    if (memcmp(after->prev, l->hash, 32) == 0)
        return false;
    if (n + 2 < p->n && p->is[n + 2] >= 0)
        return memcmp(v->log.line[p->is[n + 2]].prev, after->hash, 32) == 0; /* the follower is as it was: so n is not */
    return true; /* one of both; the caller asks the head which */
}

static bool first_is_wrong(const struct verifying *v, const struct places *p)
{
    static const uint8_t zeros[32];
    return p->n && p->is[0] >= 0 && memcmp(v->log.line[p->is[0]].prev, zeros, 32) != 0;
}

static void tell_missing(struct verifying *v, struct places *p, bool *used)
{
    size_t n = 0;
    while (n < p->n) {
        if (p->is[n] >= 0) {
            n++;
            continue;
        }
        int64_t at = stands_for(v, p, n);
        if (at >= 0 && !used[at]) {
            used[at] = true;
            p->is[n] = at;
            verify_found(v, FINDING_CHANGED, (int64_t)n, "line %zu of the log was changed: it cannot be read as that line any more", n);
            n++;
            continue;
        }
        size_t from = n;
        while (n < p->n && p->is[n] < 0 && (stands_for(v, p, n) < 0 || n == from))
            n++;
        for (size_t i = from; i < n; i++)
            verify_found(v, FINDING_REMOVED, (int64_t)i, "line %zu of the log is not there any more", i);
    }
}

/* ---- order ---- */

static bool is_itself(const struct verifying *v, const struct places *p, size_t at)
{
    int64_t m = v->log.line[at].n;
    return m >= 0 && m < (int64_t)p->n && p->is[m] == (int64_t)at;
}

/* The fewest lines that one must take out for the others to be in order, those at their own place last: they were moved. A rising
 * sequence of most weight, by a tree of prefix maxima over the numbers of lines. NULL: out of memory. */
struct best { uint64_t weight; int64_t at; }; /* of the sequences that end with a number up to here: the last one's place */

static bool *find_kept(const struct verifying *v, const struct places *p)
{
    struct best *tree = calloc(p->n + 2, sizeof *tree);
    int64_t *before = malloc((v->log.n + 1) * sizeof *before);
    bool *kept = calloc(v->log.n + 1, sizeof *kept);
    if (!tree || !before || !kept) {
        free(tree);
        free(before);
        free(kept);
        return NULL;
    }
    struct best all = {0, -1};
    for (size_t i = 0; i < v->log.n; i++) {
        if (!is_itself(v, p, i))
            continue;
        size_t m = (size_t)v->log.line[i].n;
        struct best x = {0, -1};
        for (size_t k = m; k > 0; k &= k - 1) /* of the numbers before m */
            x = tree[k].weight > x.weight ? tree[k] : x;
        before[i] = x.at;
        x = (struct best){x.weight + (m == i ? 2 : 1), (int64_t)i};
        for (size_t k = m + 1; k <= p->n; k += k & (~k + 1))
            tree[k] = x.weight > tree[k].weight ? x : tree[k];
        all = x.weight > all.weight ? x : all;
    }
    for (int64_t i = all.at; i >= 0; i = before[i])
        kept[i] = true;
    free(tree);
    free(before);
    return kept;
}

static bool is_in_order(const struct verifying *v, const struct places *p)
{
    for (size_t i = 0; i < v->log.n; i++)
        if (v->log.line[i].n != (int64_t)i || !is_itself(v, p, i))
            return false;
    return true;
}

static int tell_order(struct verifying *v, const struct places *p, const bool *used)
{
    if (is_in_order(v, p))
        return POSSE_OK;
    bool *kept = find_kept(v, p);
    if (!kept)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < v->log.n; i++) {
        int64_t m = v->log.line[i].n;
        if (used[i])
            continue;
        if (!is_itself(v, p, i))
            verify_found(v, FINDING_ADDED, m, "line %zu of log.jsonl was added%s", i + 1,
                         m < 0 ? ", or changed: it is no line of this case" : ": another one is the line that it claims to be");
        else if (!kept[i])
            verify_found(v, FINDING_MOVED, m, "line %" PRId64 " was moved: it stands in line %zu of log.jsonl", m, i + 1);
    }
    free(kept);
    return POSSE_OK;
}

int verify_lines(struct verifying *v, const struct head *newest, struct report *why)
{
    uint64_t newest_head = newest ? newest->n : 0;
    size_t n = v->log.n > newest_head ? v->log.n : (size_t)newest_head;
    /* lines that were removed leave higher numbers behind; a number far past the end is a changed digit */
    for (size_t i = 0; i < v->log.n; i++)
        if (v->log.line[i].n >= (int64_t)n && v->log.line[i].n < (int64_t)(n + n / 2 + 16) && i + 1 == v->log.n)
            n = (size_t)v->log.line[i].n + 1;
    struct places p = {0};
    bool *used = calloc(v->log.n + 1, sizeof *used);
    int err = !used || find_places(v, n, &p) ? report_set(why, POSSE_ENOMEM, "out of memory") : POSSE_OK;
    if (!err) {
        choose(v, &p);
        while (p.n > newest_head && p.is[p.n - 1] < 0) /* nothing promises lines past the last one that is there */
            p.n--;
        tell_missing(v, &p, used);
        if (tell_order(v, &p, used))
            err = report_set(why, POSSE_ENOMEM, "out of memory");
        if (first_is_wrong(v, &p))
            verify_found(v, FINDING_CHANGED, 0, "line 0 of the log was changed: nothing comes before it");
        for (size_t i = 0; i < p.n; i++) {
            bool is_used = p.is[i] >= 0 && used[p.is[i]];
            if (!is_used && is_changed(v, &p, i) && i + 2 == p.n && last_prev_was_changed(v, &p, newest))
                verify_found(v, FINDING_CHANGED, (int64_t)i + 1, "line %zu of the log was changed: what it says of the line before it", i + 1);
            else if (!is_used && is_changed(v, &p, i))
                verify_found(v, FINDING_CHANGED, (int64_t)i, "line %zu of the log was changed: the next one was written after another", i);
            if (p.is[i] >= 0 && !is_used)
                v->log.line[p.is[i]].is_good = true;
        }
    }
    free(p.first);
    free(p.next);
    free(p.is);
    free(used);
    return err;
}
