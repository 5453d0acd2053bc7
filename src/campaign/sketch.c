/* One pass over the words makes shingles; each shingle's hash names one of SKETCH_SLOTS slots, which keeps the least that it saw.
 * Slots that saw nothing borrow from others by a fixed sequence of hashes (optimal densification), so that two messages with the same
 * shingles borrow alike. Shingles of the subject go in too, told apart from the body's: short mail says most of what it says there. */
#include "campaign/sketch.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "campaign/sketch_priv.h"
#include "mail/url.h"

enum {
    TEXT_SHINGLES = 24, /* from here on text carries */
    SOME_SHINGLES = 6,  /* below, text says nothing */
    FILE_HEAD = 16384, FILE_LEAST = 64,
    ICON_MOST = 22000, /* encoded bytes */
    OUT_BYTES = 20000,
    SUBJECT_WORDS = 2,
};

struct sketcher *sketcher_new(void)
{
    struct sketcher *s = calloc(1, sizeof *s);
    if (s)
        footers_learn(s);
    return s;
}

void sketcher_free(struct sketcher **s)
{
    free(*s);
    *s = NULL;
}

/* ---- text ---- */

struct shingles { uint64_t least[SKETCH_SLOTS]; uint8_t eighth[SKETCH_SLOTS]; size_t distinct; };

static bool is_first(struct sketcher *s, uint64_t h)
{
    uint32_t tag = (uint32_t)h;
    for (size_t i = (h >> 32) % SEEN_SLOTS;; i = (i + 1) % SEEN_SLOTS) {
        if (s->epoch[i] != s->now) {
            s->epoch[i] = s->now;
            s->seen[i] = tag;
            return true;
        }
        if (s->seen[i] == tag)
            return false;
    }
}

static void shingle_add(struct sketcher *s, struct shingles *sh, uint64_t h, size_t at)
{
    size_t i = h / (UINT64_MAX / SKETCH_SLOTS + 1);
    if (!is_first(s, h))
        return;
    sh->distinct++;
    if (h < sh->least[i]) {
        sh->least[i] = h;
        sh->eighth[i] = (uint8_t)(at * SKETCH_EIGHTHS / s->n);
    }
}

static void shingles_of(struct sketcher *s, struct shingles *sh, size_t k, uint64_t seed)
{
    const uint64_t *w = s->word;
    for (size_t i = 0; i + k <= s->n; i++) {
        uint64_t h = seed;
        for (size_t j = 0; j < k; j++)
            h = (h ^ w[i + j]) * 0x9fb21c651e98df25ull, h ^= h >> 29;
        shingle_add(s, sh, mix64(h), i);
    }
}

/* A slot's least hash in 13 bits, 0 kept for "none". */
static uint16_t slot_value(uint64_t least, uint8_t eighth)
{
    uint16_t v = (uint16_t)(mix64(least) >> 16) / SKETCH_EIGHTHS;
    return (uint16_t)((v ? v : 1) * SKETCH_EIGHTHS + eighth);
}

/* The slot itself where something fell into it, else the first of a fixed sequence where something did. */
static unsigned borrowed(const uint64_t least[SKETCH_SLOTS], unsigned i)
{
    unsigned from = i;
    for (uint64_t try = 1; least[from] == UINT64_MAX; try++)
        from = (unsigned)(mix64(try << 16 | i) % SKETCH_SLOTS);
    return from;
}

static void slots_fill(const struct shingles *sh, uint16_t slot[SKETCH_SLOTS])
{
    for (unsigned i = 0; i < SKETCH_SLOTS; i++) {
        unsigned from = borrowed(sh->least, i);
        slot[i] = slot_value(sh->least[from], sh->eighth[from]);
    }
}

/* Which words there are: one slot each, by hashes that are mixed already. */
static void words_fill(const struct sketcher *s, struct sketch *out)
{
    uint64_t least[SKETCH_SLOTS];
    memset(least, 0xff, sizeof least);
    for (size_t i = 0; i < s->n; i++) {
        uint64_t h = s->word[i], *l = &least[h >> 58], v = h | ((h & 1) - 1); /* others are as great as can be */
        *l = v < *l ? v : *l;
    }
    for (unsigned i = 0; i < SKETCH_SLOTS; i++)
        out->n_words = (uint8_t)(out->n_words + (least[i] != UINT64_MAX));
    for (unsigned i = 0; out->n_words && i < SKETCH_SLOTS; i++)
        out->word[i] = (uint8_t)(mix64(least[borrowed(least, i)]) >> 16);
}

static void next_message(struct sketcher *s)
{
    if (++s->now == 0) {
        memset(s->epoch, 0, sizeof s->epoch);
        s->now = 1;
    }
}

static struct span words_out(const struct sketcher *s, struct arena *a, size_t cap)
{
    arena_shrink(a, s->out, cap, s->out_n);
    return span_of(s->out, s->out_n);
}

static int words_begin(struct sketcher *s, struct arena *a, bool wanted, size_t cap)
{
    s->n = s->out_n = 0;
    s->out_cap = cap;
    s->out = wanted ? arena_alloc(a, cap) : NULL;
    return wanted && !s->out ? POSSE_ELIMIT : POSSE_OK;
}

/* Order and all; words with digits are left out, they are what differs. */
static uint64_t subject_hash(const struct sketcher *s)
{
    uint64_t h = 0;
    for (size_t i = 0; i < s->n; i++)
        h = mix64(h * 31 + s->word[i]);
    return s->n ? h | 1 : 0;
}

static int sketch_text(struct sketcher *s, struct arena *a, const struct message *m, struct sketch *out, struct span *text_out,
                       struct span *subject_out)
{
    struct shingles sh = {.distinct = 0};
    memset(sh.least, 0xff, sizeof sh.least);
    next_message(s);
    struct span subject = subject_of(m);
    if (words_begin(s, a, subject_out != NULL, 3 * subject.n + 16))
        return POSSE_ELIMIT;
    words_of(s, subject);
    out->subject = subject_hash(s);
    shingles_of(s, &sh, SUBJECT_WORDS, 0x7375626a656374ull);
    if (subject_out)
        *subject_out = words_out(s, a, s->out_cap);
    if (words_begin(s, a, text_out != NULL, OUT_BYTES))
        return POSSE_ELIMIT;
    words_of_message(s, m);
    s->n = words_above_footer(s);
    size_t of_subject = sh.distinct;
    shingles_of(s, &sh, SKETCH_WORDS, 0x626f6479ull);
    words_fill(s, out);
    if (text_out)
        *text_out = words_out(s, a, s->out_cap);
    out->n_shingles = (uint16_t)sh.distinct;
    if (sh.distinct)
        slots_fill(&sh, out->slot);
    return sh.distinct - of_subject >= SOME_SHINGLES ? sh.distinct >= TEXT_SHINGLES ? 2 : 1 : 0;
}

/* ---- signs beside it ---- */

/* Into an ascending list of the `max` least, without doubles. */
static void least_add(uint64_t *list, uint8_t *n, size_t max, uint64_t h)
{
    size_t i = 0;
    while (i < *n && list[i] < h)
        i++;
    if (i >= max || (i < *n && list[i] == h))
        return;
    size_t end = *n < max ? *n : max - 1;
    memmove(list + i + 1, list + i, (end - i) * sizeof *list);
    list[i] = h;
    *n = (uint8_t)(end + 1);
}

static uint64_t step_kind(struct span s)
{
    bool letter = false, digit = false, other = false;
    for (size_t i = 0; i < s.n; i++) {
        letter |= ascii_is_alpha(s.p[i]) || s.p[i] >= 0x80;
        digit |= ascii_is_digit(s.p[i]);
        other |= s.p[i] == '-' || s.p[i] == '_';
    }
    return 1 + letter + 2 * digit + 4 * other;
}

static struct span next_step(struct span *path, uint8_t sep)
{
    ptrdiff_t at = span_chr(*path, sep);
    struct span step = at < 0 ? *path : span_sub(*path, 0, (size_t)at);
    *path = at < 0 ? SPAN_NONE : span_sub(*path, (size_t)at + 1, path->n);
    return step;
}

/* "/kjhs/a81/index.php?id=77": letters, mixed, ".php", id. Random names in a path are alike by their kind only. */
static uint64_t link_shape(const struct url *u)
{
    uint64_t h = 0;
    struct span path = span_sub(u->path, 1, u->path.n), query = u->query, last = SPAN_NONE;
    while (path.n) {
        last = next_step(&path, '/');
        h = mix64(h * 31 + step_kind(last));
    }
    for (size_t i = last.n; i-- > 0;)
        if (last.p[i] == '.' && last.n - i <= 6) {
            h = mix64(h ^ hash64(span_sub(last, i, last.n), 1));
            break;
        }
    for (unsigned i = 0; query.n && i < 16; i++) {
        struct span value = next_step(&query, '&'), name = next_step(&value, '=');
        h = mix64(h * 31 + (value.n ? hash64(span_sub(name, 0, 40), 2) + step_kind(value) : step_kind(name)));
    }
    return h;
}

/* Where many have pages under one name, the name and the first step of the path say whose it is. */
static uint64_t link_host(const struct url *u)
{
    if (!(u->flags & (URL_IS_SHORTENER | URL_FREE_HOST)))
        return hash64(u->domain.n ? u->domain : u->host, 3);
    struct span path = span_sub(u->path, 1, u->path.n);
    return hash64(next_step(&path, '/'), hash64(u->host, 4));
}

static void sketch_links(const struct message *m, struct sketch *out)
{
    for (size_t i = 0; i < m->n_urls; i++) {
        const struct url *u = &m->url[i];
        if (u->host.n == 0 || u->origin == URL_FROM_IMG || u->origin == URL_FROM_OTHER ||
            u->flags & (URL_IS_MAILTO | URL_IS_DATA | URL_IS_SCRIPT | URL_HIDDEN))
            continue;
        least_add(out->link_host, &out->n_links, SKETCH_LINKS, link_host(u));
        uint64_t shape = link_shape(u);
        if (shape)
            least_add(out->link_shape, &out->n_shapes, SKETCH_LINKS, shape);
    }
}

static bool is_file(const struct part *p)
{
    return !p->is_multipart && !p->is_message && (p->is_attachment || !p->is_text) && p->body.n >= FILE_LEAST &&
           !span_eq(p->type, SPAN_LIT("application/pgp-signature")) && span_find(p->type, SPAN_LIT("pkcs7-signature")) < 0;
}

static bool is_picture(const struct part *p) { return p->content_id.n && span_istarts(p->type, SPAN_LIT("image/")); }

static unsigned pictures_of(const struct message *m)
{
    unsigned n = 0;
    for (size_t i = 0; i < m->n_parts; i++)
        n += is_picture(&m->part[i]);
    return n;
}

/* Of the head only, as much as FILE_HEAD decoded bytes need, so that a large attachment costs no more than a small one. */
static void sketch_files(struct arena *a, const struct message *m, struct sketch *out)
{
    bool has_icons = pictures_of(m) > 1;
    for (size_t i = 0; i < m->n_parts; i++) {
        if (!is_file(&m->part[i]) || (has_icons && is_picture(&m->part[i]) && m->part[i].body.n < ICON_MOST))
            continue;
        struct part head = m->part[i];
        uint64_t anomalies = 0;
        head.body = span_sub(head.body, 0, FILE_HEAD + FILE_HEAD / 2);
        struct span bytes = span_sub(part_content(a, &head, &anomalies), 0, FILE_HEAD);
        if (bytes.n >= FILE_LEAST)
            least_add(out->file, &out->n_files, SKETCH_FILES, hash64(bytes, 5));
    }
}

static uint64_t structure_of(const struct message *m)
{
    uint64_t h = m->n_parts;
    for (size_t i = 0; i < m->n_parts && i < 32; i++) {
        const struct part *p = &m->part[i];
        h = mix64(h * 31 + hash64(p->type, (uint64_t)p->depth << 8 | (uint64_t)p->encoding << 1 | p->is_attachment));
    }
    return h | 1;
}

int sketch_make(struct sketcher *s, struct arena *a, const struct message *m, struct sketch *out, struct span *text_out,
                struct span *subject_out)
{
    memset(out, 0, sizeof *out);
    int text = sketch_text(s, a, m, out, text_out, subject_out);
    if (text < 0)
        return text;
    sketch_links(m, out);
    sketch_files(a, m, out);
    out->layout = m->html.layout_hash;
    out->structure = structure_of(m);
    out->kind = (uint8_t)(text == 2              ? SKETCH_TEXT
                          : out->n_files         ? SKETCH_FILES_ONLY
                          : text == 1            ? SKETCH_SHORT
                          : out->n_links         ? SKETCH_LINKS_ONLY
                          : out->n_shingles >= 2 ? SKETCH_SHORT
                                                 : SKETCH_EMPTY);
    return POSSE_OK;
}
