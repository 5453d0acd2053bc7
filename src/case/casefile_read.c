#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/casefile_priv.h"

enum { SCAN_BYTES = 1 << 20 };

void casefile_pack_name(uint32_t number, char out[32]) { snprintf(out, 32, "exhibits/pack-%04u", number); }

int casefile_take(struct casefile *c, struct span line, struct report *why)
{
    if (c->n == c->cap) {
        uint64_t cap = c->cap ? c->cap * 2 : 64;
        uint64_t *end = realloc(c->line_end, cap * sizeof *end);
        if (end)
            c->line_end = end;
        uint8_t *leaf = end ? realloc(c->leaf, cap * MERKLE_HASH) : NULL;
        if (!leaf)
            return report_set(why, POSSE_ENOMEM, "%s: out of memory for %llu lines", c->folder, (unsigned long long)cap);
        c->leaf = leaf;
        c->cap = cap;
    }
    merkle_leaf(line, c->leaf + c->n * MERKLE_HASH);
    merkle_add(&c->tree, c->leaf + c->n * MERKLE_HASH);
    sha256(line, c->prev);
    c->line_end[c->n] = (c->n ? c->line_end[c->n - 1] : 0) + line.n + 1;
    c->n++;
    return POSSE_OK;
}

/* ---- a line's fields ---- */

static const struct plain_pair *pair_of(const struct casefile *c, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < c->n_pairs; i++)
        if (c->pair[i].name.n == n && memcmp(c->pair[i].name.p, name, n) == 0)
            return &c->pair[i];
    return NULL;
}

static struct span text_of(const struct casefile *c, const char *name)
{
    const struct plain_pair *p = pair_of(c, name);
    if (c->n_pairs)
        return p && p->is_text ? p->text : SPAN_NONE;
    const json_t *v = json_object_get(c->object, name);
    return json_is_string(v) ? span_of(json_string_value(v), json_string_length(v)) : SPAN_NONE;
}

static bool number_of(const struct casefile *c, const char *name, uint64_t most, uint64_t *out)
{
    const struct plain_pair *p = pair_of(c, name);
    const json_t *v = c->n_pairs ? NULL : json_object_get(c->object, name);
    if (c->n_pairs ? !p || p->is_text : !json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = c->n_pairs ? p->number : (uint64_t)json_integer_value(v);
    return *out <= most;
}

static bool exhibit_of(const struct casefile *c, struct case_line *l)
{
    uint64_t pack, redacts;
    l->redacts = number_of(c, "redacts", UINT32_MAX, &redacts) ? (int64_t)redacts : -1;
    if (!number_of(c, "pack", 9999, &pack) || !number_of(c, "offset", INT64_MAX, &l->offset) || !number_of(c, "size", CASE_EXHIBIT_MAX, &l->size))
        return false;
    l->pack = (uint32_t)pack;
    return hex_decode(text_of(c, "sha256"), l->sha256, sizeof l->sha256);
}

void casefile_forget(struct casefile *c)
{
    json_decref(c->object);
    c->object = NULL;
    c->n_pairs = 0;
}

bool casefile_parse(struct casefile *c, struct span line, struct case_line *l)
{
    json_error_t e;
    *l = (struct case_line){.line = line, .redacts = -1};
    casefile_forget(c);
    c->n_pairs = casefile_pairs(line, c->pair);
    if (!c->n_pairs)
        c->object = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &e);
    if (!number_of(c, "n", UINT32_MAX, &l->n))
        return false;
    l->kind = text_of(c, "kind");
    l->at = text_of(c, "at");
    l->by = text_of(c, "by");
    l->tool = text_of(c, "tool");
    l->name = text_of(c, "name");
    l->media = text_of(c, "media");
    l->source = text_of(c, "source");
    l->seen = text_of(c, "seen");
    l->command = text_of(c, "command");
    l->what = text_of(c, "what");
    l->is_exhibit = span_eq(l->kind, SPAN_LIT("exhibit")) || span_eq(l->kind, SPAN_LIT("redaction"));
    return l->kind.n && (!l->is_exhibit || exhibit_of(c, l));
}

struct span casefile_field(const struct casefile *c, const char *name) { return text_of(c, name); }

/* ---- the log from its start ---- */

void casefile_turn(struct casefile *c, struct span kind)
{
    if (span_eq(kind, SPAN_LIT("close")))
        c->is_closed = true;
    else if (span_eq(kind, SPAN_LIT("reopen")))
        c->is_closed = false;
}

bool casefile_is_closed(const struct casefile *c) { return c->is_closed; }

/* Does it say that it is line n after that one? */
static bool follows(const struct casefile *c, const struct case_line *l, struct span prev)
{
    char hex[2 * MERKLE_HASH + 1] = "";
    if (c->n)
        hex_encode(span_of(c->prev, sizeof c->prev), hex);
    else
        memset(hex, '0', 2 * MERKLE_HASH);
    return l->n == c->n && span_eq(prev, span_str(hex));
}

/* The plain form, and as it ought to be; false: who reads slowly says what is wrong. */
static bool scan_plain(const struct casefile *c, struct span line, struct case_line *l)
{
    struct plain_line f = {.n = -1, .pack = -1, .offset = -1, .size = -1};
    if (!casefile_plain(line, &f) || !f.kind.n || f.n < 0)
        return false;
    *l = (struct case_line){.line = line, .n = (uint64_t)f.n, .kind = f.kind, .redacts = -1};
    l->is_exhibit = span_eq(f.kind, SPAN_LIT("exhibit")) || span_eq(f.kind, SPAN_LIT("redaction"));
    if (l->is_exhibit) {
        if (f.pack < 0 || f.pack > 9999 || f.offset < 0 || f.size < 0 || f.size > CASE_EXHIBIT_MAX || !hex_decode(f.sha256, l->sha256, 32))
            return false;
        l->pack = (uint32_t)f.pack;
        l->offset = (uint64_t)f.offset;
        l->size = (uint64_t)f.size;
    }
    return follows(c, l, f.prev);
}

static int scan_lines(struct casefile *c, struct buf *b, struct report *why)
{
    size_t from = 0;
    for (;;) {
        const uint8_t *end = b->n > from ? memchr(b->p + from, '\n', b->n - from) : NULL;
        if (!end)
            break;
        struct case_line l;
        struct span line = span_of(b->p + from, (size_t)(end - (b->p + from)));
        if (!scan_plain(c, line, &l) && (!casefile_parse(c, line, &l) || !follows(c, &l, casefile_field(c, "prev"))))
            return report_set(why, POSSE_ECORRUPT, "%s/log.jsonl:%llu: does not follow the line before it; see 'posse case verify'",
                              c->folder, (unsigned long long)c->n + 1);
        int err = casefile_take(c, line, why);
        if (err)
            return err;
        casefile_turn(c, l.kind);
        if (l.is_exhibit) {
            c->pack_number = l.pack;
            c->pack_end = l.offset + l.size;
        }
        from += line.n + 1;
    }
    memmove(b->p, b->p + from, b->n - from);
    b->n -= from;
    return POSSE_OK;
}

int casefile_scan(struct casefile *c, struct report *why)
{
    struct buf b;
    off_t at = 0;
    int err = POSSE_OK;
    buf_init(&b, SCAN_BYTES + CASE_LINE_MAX);
    while (!err) {
        uint8_t *room = buf_reserve(&b, SCAN_BYTES);
        if (!room) {
            err = b.err == POSSE_ELIMIT ? report_set(why, POSSE_ECORRUPT, "%s/log.jsonl:%llu: is over %d bytes", c->folder,
                                                     (unsigned long long)c->n + 1, CASE_LINE_MAX)
                                        : report_set(why, POSSE_ENOMEM, "out of memory");
            break;
        }
        ssize_t got = pread(c->log, room, SCAN_BYTES, at);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got < 0)
            err = report_errno(why, "read the log of the case", c->folder);
        else if (got == 0)
            break;
        if (!err) {
            at += got;
            b.n += (size_t)got;
            err = scan_lines(c, &b, why);
        }
    }
    c->log_end = c->n ? c->line_end[c->n - 1] : 0;
    buf_deinit(&b);
    return err;
}

/* ---- reading ---- */

uint64_t casefile_count(const struct casefile *c) { return c->n; }
const char *casefile_folder(const struct casefile *c) { return c->folder; }

static int read_at(int fd, uint8_t *p, uint64_t n, uint64_t at)
{
    while (n) {
        ssize_t got = pread(fd, p, n < (1u << 30) ? n : 1u << 30, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? POSSE_EIO : POSSE_ECORRUPT;
        p += got;
        at += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return POSSE_OK;
}

static uint64_t line_from(const struct casefile *c, uint64_t n) { return n ? c->line_end[n - 1] : 0; }

static int unread(const struct casefile *c, uint64_t n, int err, struct report *why)
{
    return report_set(why, err, "%s/log.jsonl:%llu: cannot be read any more", c->folder, (unsigned long long)n + 1);
}

int casefile_line(struct casefile *c, uint64_t n, struct case_line *out, struct report *why)
{
    if (n >= c->n)
        return report_set(why, POSSE_ENOENT, "%s: has no line %llu", c->folder, (unsigned long long)n);
    uint64_t from = line_from(c, n), size = c->line_end[n] - from - 1;
    buf_clear(&c->text);
    uint8_t *p = buf_reserve(&c->text, size + 1);
    if (!p)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int err = read_at(c->log, p, size, from);
    if (!err && !casefile_parse(c, span_of(p, size), out))
        err = POSSE_ECORRUPT;
    return err ? unread(c, n, err, why) : POSSE_OK;
}

/* Lines i and after it, as many as a read takes; *i becomes the first that is not. */
static int each_of_block(struct casefile *c, uint64_t *i, struct buf *b, int (*fn)(void *ctx, const struct case_line *), void *ctx,
                         struct report *why)
{
    uint64_t from = line_from(c, *i), end = *i + 1;
    while (end < c->n && c->line_end[end] - from <= SCAN_BYTES)
        end++;
    buf_clear(b);
    uint8_t *p = buf_reserve(b, c->line_end[end - 1] - from);
    if (!p)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    int err = read_at(c->log, p, c->line_end[end - 1] - from, from);
    if (err)
        return unread(c, *i, err, why);
    for (; *i < end && !err; ++*i) {
        struct case_line l;
        uint64_t at = line_from(c, *i);
        if (!casefile_parse(c, span_of(p + (at - from), c->line_end[*i] - at - 1), &l))
            return unread(c, *i, POSSE_ECORRUPT, why);
        err = fn(ctx, &l);
    }
    return err;
}

int casefile_each(struct casefile *c, int (*fn)(void *ctx, const struct case_line *), void *ctx, struct report *why)
{
    struct buf b;
    int err = POSSE_OK;
    buf_init(&b, SCAN_BYTES + CASE_LINE_MAX + 1);
    for (uint64_t i = 0; i < c->n && !err;)
        err = each_of_block(c, &i, &b, fn, ctx, why);
    casefile_forget(c); /* its fields were the block's */
    buf_deinit(&b);
    return err;
}

int casefile_bytes(struct casefile *c, const struct case_line *l, struct buf *out, struct report *why)
{
    char name[32];
    uint8_t digest[32];
    if (!l->is_exhibit)
        return report_set(why, POSSE_EINVAL, "%s: line %llu is no exhibit", c->folder, (unsigned long long)l->n);
    casefile_pack_name(l->pack, name);
    uint8_t *p = buf_reserve(out, l->size ? l->size : 1);
    if (!p)
        return report_set(why, out->err, "exhibit %llu: no memory for %llu bytes", (unsigned long long)l->n, (unsigned long long)l->size);
    int fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int err = fd < 0 ? report_errno(why, "open the exhibits", c->folder) : read_at(fd, p, l->size, l->offset);
    if (fd >= 0)
        close(fd);
    if (err == POSSE_OK) {
        sha256(span_of(p, l->size), digest);
        err = memcmp(digest, l->sha256, sizeof digest) == 0 ? POSSE_OK : POSSE_ECORRUPT;
    }
    if (!err)
        out->n += l->size;
    else if (fd >= 0)
        report_set(why, err, "%s: exhibit %llu is not what was added; see 'posse case verify'", c->folder, (unsigned long long)l->n);
    return err;
}

int casefile_root(struct casefile *c, uint64_t n, uint8_t out[MERKLE_HASH], struct report *why)
{
    if (n > c->n)
        return report_set(why, POSSE_EINVAL, "%s: has no %llu lines", c->folder, (unsigned long long)n);
    if (n == c->n) {
        merkle_root(&c->tree, out);
        return POSSE_OK;
    }
    struct merkle m;
    merkle_init(&m);
    for (uint64_t i = 0; i < n; i++)
        merkle_add(&m, c->leaf + i * MERKLE_HASH);
    merkle_root(&m, out);
    return POSSE_OK;
}
