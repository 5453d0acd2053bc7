/* brands: the table: reading it, and finding names, look-alikes of names, and domains in it. */
#include "case/brands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/brands_priv.h"

enum { COLUMNS = 5, ARENA = 256 << 20 };

int brands_new(struct brands **out)
{
    struct brands *b = calloc(1, sizeof *b);
    if (b && !(b->arena = arena_new(ARENA))) {
        free(b);
        b = NULL;
    }
    *out = b;
    return b ? 0 : POSSE_ENOMEM;
}

void brands_free(struct brands **b)
{
    if (!*b)
        return;
    arena_free(&(*b)->arena);
    free((*b)->brand);
    free((*b)->name);
    free((*b)->domain);
    free((*b)->logo);
    free((*b)->by_name);
    free((*b)->by_skeleton);
    free((*b)->by_domain);
    free(*b);
    *b = NULL;
}

uint64_t brand_key(struct span s) { return hash64(s, 0x6272616e64ull); }

/* Room for one more; the grown array or NULL. */
static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    size_t want = *cap ? 2 * *cap : 256;
    void *q = realloc(p, want * size);
    if (q)
        *cap = want;
    return q;
}

/* ---- the index ---- */

static void put(uint32_t *slot, size_t slots, uint64_t key, uint32_t value)
{
    size_t i = key & (slots - 1);
    while (slot[i])
        i = (i + 1) & (slots - 1);
    slot[i] = value;
}

static int build_index(struct brands *b)
{
    size_t most = b->n_names > b->n_domains ? b->n_names : b->n_domains, slots = 64;
    while (slots < 2 * most + 2)
        slots *= 2;
    uint32_t *by_name = calloc(slots, sizeof *by_name), *by_skeleton = calloc(slots, sizeof *by_name),
             *by_domain = calloc(slots, sizeof *by_name);
    if (!by_name || !by_skeleton || !by_domain) {
        free(by_name);
        free(by_skeleton);
        free(by_domain);
        return POSSE_ENOMEM;
    }
    free(b->by_name);
    free(b->by_skeleton);
    free(b->by_domain);
    b->by_name = by_name;
    b->by_skeleton = by_skeleton;
    b->by_domain = by_domain;
    b->slots = slots;
    for (size_t i = 0; i < b->n_names; i++) {
        if (b->brand[b->name[i].brand].is_replaced)
            continue;
        put(by_name, slots, brand_key(b->name[i].squashed), (uint32_t)i + 1);
        put(by_skeleton, slots, brand_key(b->name[i].skeleton), (uint32_t)i + 1);
    }
    for (size_t i = 0; i < b->n_domains; i++)
        if (!b->brand[b->domain[i].brand].is_replaced)
            put(by_domain, slots, brand_key(b->domain[i].domain), (uint32_t)i + 1);
    return 0;
}

/* *at: how many slots after the key's own have been looked at. */
static const struct brand_name *look_up(const struct brands *b, const uint32_t *slot, struct span key, bool is_skeleton,
                                        size_t *at)
{
    for (size_t mask = b->slots - 1, home = brand_key(key); b->slots && *at < b->slots; (*at)++) {
        uint32_t v = slot[(home + *at) & mask];
        if (!v)
            return NULL;
        const struct brand_name *n = &b->name[v - 1];
        if (span_eq(is_skeleton ? n->skeleton : n->squashed, key)) {
            (*at)++;
            return n;
        }
    }
    return NULL;
}

const struct brand_name *brand_by_name(const struct brands *b, struct span squashed, size_t *at)
{
    return look_up(b, b->by_name, squashed, false, at);
}

const struct brand_name *brand_by_skeleton(const struct brands *b, struct span skeleton, size_t *at)
{
    return look_up(b, b->by_skeleton, skeleton, true, at);
}

bool brand_owns(const struct brands *b, uint32_t brand, struct span domain)
{
    for (uint32_t i = 0; i < b->brand[brand].n_domains; i++)
        if (span_eq(b->domain[b->brand[brand].first_domain + i].domain, domain))
            return true;
    return false;
}

/* ---- one line ---- */

static struct span next_item(struct span *list)
{
    ptrdiff_t bar = span_chr(*list, '|');
    struct span item = span_sub(*list, 0, bar < 0 ? list->n : (size_t)bar);
    *list = bar < 0 ? SPAN_NONE : span_sub(*list, (size_t)bar + 1, list->n);
    return span_trim(item);
}

static int add_name(struct brands *b, uint32_t brand, struct span text)
{
    struct brand_word w[BRAND_NAME_WORDS + 1];
    uint8_t squashed[NAME_MAX_BYTES], skeleton[NAME_MAX_BYTES];
    struct brand_name n = {.brand = brand, .is_upper = true};
    size_t words = brand_words(text, w, BRAND_NAME_WORDS + 1), at = 0;
    if (!words || words > BRAND_NAME_WORDS)
        return 0; /* no name that could be found in a text */
    for (size_t i = 0; i < words; i++) {
        if (at + w[i].n > sizeof squashed)
            return 0;
        memcpy(squashed + at, w[i].folded, w[i].n);
        at += w[i].n;
        if (at < 32)
            n.edges |= 1u << at;
        n.is_upper = n.is_upper && w[i].is_upper;
    }
    if (at < 2)
        return 0;
    n.is_small = !w[0].is_capital;
    n.n_words = (uint8_t)words;
    n.squashed = arena_copy(b->arena, span_of(squashed, at));
    n.skeleton = arena_copy(b->arena, span_of(skeleton, brand_skeleton(n.squashed, skeleton, sizeof skeleton)));
    void *p = grow(b->name, b->n_names, &b->cap_names, sizeof *b->name);
    if (!p || arena_failed(b->arena))
        return POSSE_ENOMEM;
    b->name = p;
    b->name[b->n_names++] = n;
    return 0;
}

static int add_domain(struct brands *b, uint32_t brand, struct span domain)
{
    void *p = grow(b->domain, b->n_domains, &b->cap_domains, sizeof *b->domain);
    if (!p)
        return POSSE_ENOMEM;
    b->domain = p;
    b->domain[b->n_domains++] = (struct brand_domain){domain, brand};
    b->brand[brand].n_domains++;
    return 0;
}

static int add_logo(struct brands *b, uint32_t brand, struct span text)
{
    struct logo l;
    if (!logo_read(text, &l))
        return POSSE_ESYNTAX;
    void *p = grow(b->logo, b->n_logos, &b->cap_logos, sizeof *b->logo);
    if (!p)
        return POSSE_ENOMEM;
    b->logo = p;
    b->logo[b->n_logos++] = (struct brand_hash){l, brand};
    b->brand[brand].n_logos++;
    return 0;
}

static void replace(struct brands *b, struct span name)
{
    for (size_t i = 0; i < b->n; i++)
        if (span_eq(b->brand[i].name, name))
            b->brand[i].is_replaced = true;
}

static int add_line(struct brands *b, struct span line, bool may_replace)
{
    struct span column[COLUMNS] = {SPAN_NONE}, item;
    for (size_t i = 0; i < COLUMNS; i++) {
        ptrdiff_t tab = span_chr(line, '\t');
        column[i] = span_trim(span_sub(line, 0, tab < 0 ? line.n : (size_t)tab));
        line = tab < 0 ? SPAN_NONE : span_sub(line, (size_t)tab + 1, line.n);
    }
    if (!column[0].n || column[0].n > NAME_MAX_BYTES || line.n || b->n >= BRANDS_MAX)
        return b->n >= BRANDS_MAX ? POSSE_ELIMIT : POSSE_ESYNTAX;
    void *p = grow(b->brand, b->n, &b->cap, sizeof *b->brand);
    if (!p)
        return POSSE_ENOMEM;
    b->brand = p;
    if (may_replace)
        replace(b, column[0]);
    uint32_t id = (uint32_t)b->n;
    b->brand[b->n++] = (struct brand){.name = column[0],
                                      .first_domain = (uint32_t)b->n_domains,
                                      .first_logo = (uint32_t)b->n_logos,
                                      .is_common = span_chr(column[3], 'c') >= 0,
                                      .is_project = span_chr(column[3], 'p') >= 0};
    int err = add_name(b, id, column[0]);
    while (!err && column[1].n)
        if ((item = next_item(&column[1])).n)
            err = add_name(b, id, item);
    while (!err && column[2].n)
        if ((item = next_item(&column[2])).n)
            err = add_domain(b, id, item);
    while (!err && column[4].n)
        if ((item = next_item(&column[4])).n)
            err = add_logo(b, id, item);
    return err;
}

/* ---- files ---- */

int brands_add(struct brands *b, struct span table, const char *name, struct report *why)
{
    struct span rest = arena_copy(b->arena, table);
    bool may_replace = b->n > 0;
    if (table.n && !rest.p)
        return report_set(why, POSSE_ENOMEM, "%s: out of memory", name);
    for (unsigned number = 1; rest.n; number++) {
        ptrdiff_t nl = span_chr(rest, '\n');
        struct span line = span_sub(rest, 0, nl < 0 ? rest.n : (size_t)nl);
        rest = nl < 0 ? SPAN_NONE : span_sub(rest, (size_t)nl + 1, rest.n);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        int err = line.n && line.p[0] != '#' ? add_line(b, line, may_replace) : 0;
        if (err == POSSE_ESYNTAX)
            return report_set(why, err,
                              "%s:%u: wants name, other names, own domains, flags, logo hashes, parted by tabs", name,
                              number);
        if (err)
            return report_set(why, err, "%s:%u: %s", name, number, posse_strerror(err));
    }
    int err = build_index(b);
    return err ? report_set(why, err, "%s: %s", name, posse_strerror(err)) : 0;
}

int brands_load(struct brands *b, const char *path, struct report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
    ssize_t got = 1;
    struct buf bytes;
    if (fd < 0)
        return report_errno(why, "be read", path);
    buf_init(&bytes, BRAND_FILE_BYTES);
    while (got > 0) {
        uint8_t *p = buf_reserve(&bytes, 1 << 16);
        if (!p)
            break;
        got = read(fd, p, 1 << 16);
        bytes.n += got > 0 ? (size_t)got : 0;
    }
    if (buf_error(&bytes))
        err = report_set(why, buf_error(&bytes), "%s: is over %d bytes, or memory is out", path, BRAND_FILE_BYTES);
    else if (got < 0)
        err = report_errno(why, "be read", path);
    else
        err = brands_add(b, buf_span(&bytes), path, why);
    buf_deinit(&bytes);
    close(fd);
    return err;
}

size_t brands_count(const struct brands *b) { return b->n; }

void brands_info(const struct brands *b, uint32_t brand, struct brand_info *out)
{
    const struct brand *x = &b->brand[brand];
    *out = (struct brand_info){x->name, x->is_common, x->is_project, x->n_domains};
}

struct span brands_domain(const struct brands *b, uint32_t brand, size_t i)
{
    return b->domain[b->brand[brand].first_domain + i].domain;
}
