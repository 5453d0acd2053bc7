/* observe_forget: what a person asked to be removed, where the observatory kept the message itself; and the words that it alone gave to a
 * template's dictionaries. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/digest.h"
#include "engine/observe_priv.h"

enum { ARENA_MAX = 256 << 20, TEMPLATE_BYTES = 16 << 20 };

/* One that was deleted; its texts are in `texts`. */
struct gone { struct gone *next; uint64_t campaign; uint32_t version; struct template_text t; };

struct sought {
    struct mail_parser *parser;
    struct arena *arena, *texts;
    struct obsdb *d;
    const uint8_t (*digest)[32];
    size_t n;
    uint64_t *each, words;
    struct gone *gone;
};

static void note(struct sought *q, const struct original *o)
{
    struct gone *g = arena_alloc(q->texts, sizeof *g);
    if (!g)
        return; /* arena_failed tells */
    *g = (struct gone){q->gone, o->campaign, o->version, {arena_copy(q->texts, o->subject), arena_copy(q->texts, o->text)}};
    q->gone = g;
}

static bool is_sought(void *ctx, const struct original *o)
{
    struct sought *q = ctx;
    struct message *m;
    uint8_t digest[32];
    bool is = false;
    arena_reset(q->arena);
    if (message_parse(q->parser, q->arena, o->raw, &m))
        return false;
    digest_message(m, digest);
    for (size_t i = 0; i < q->n; i++)
        if (memcmp(digest, q->digest[i], sizeof digest) == 0) {
            q->each[i]++;
            is = true;
        }
    if (is)
        note(q, o);
    return is;
}

/* ---- templates ---- */

struct left { struct arena *a; struct template_text t[TEMPLATE_TEXTS_MAX]; size_t n; };

static int see_left(void *ctx, const struct original *o)
{
    struct left *l = ctx;
    if (l->n < TEMPLATE_TEXTS_MAX)
        l->t[l->n++] = (struct template_text){arena_copy(l->a, o->subject), arena_copy(l->a, o->text)};
    return arena_failed(l->a) ? POSSE_ENOMEM : 0;
}

struct change_of { struct sought *q; const struct gone *g; struct left *left; struct kept_template k; struct buf bytes, refused; bool is_new; };

static int forget_in(void *ctx, const struct kept_template *k)
{
    struct change_of *c = ctx;
    struct template *t;
    struct reader r = reader_of(k->bytes);
    if (k->version != c->g->version)
        return 0;
    int rc = template_load(&r, &t, NULL);
    if (rc)
        return rc;
    size_t words = template_forget(t, &c->g->t, c->left->t, c->left->n);
    if (words) {
        c->q->words += words;
        c->is_new = true;
        buf_add_span(&c->refused, k->refused);
        rc = template_save(t, &c->bytes);
        c->k = *k;
        c->k.refused = buf_span(&c->refused);
        c->k.bytes = buf_span(&c->bytes);
    }
    template_free(&t);
    return rc ? rc : buf_error(&c->refused);
}

/* The originals are deleted; those of its version that are left say which words are others' too. */
static int forget_words(struct sought *q, const struct gone *g, struct report *why)
{
    struct change_of c = {.q = q, .g = g, .left = calloc(1, sizeof *c.left)};
    arena_reset(q->arena);
    if (!c.left)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    c.left->a = q->arena;
    buf_init(&c.bytes, TEMPLATE_BYTES);
    buf_init(&c.refused, TEMPLATE_BYTES);
    int rc = obsdb_each_original(q->d, g->campaign, g->version, false, see_left, c.left, why);
    if (!rc)
        rc = obsdb_each_template(q->d, g->campaign, forget_in, &c, why);
    if (!rc && c.is_new)
        rc = obsdb_put_template(q->d, &c.k, why);
    buf_deinit(&c.bytes);
    buf_deinit(&c.refused);
    free(c.left);
    return rc;
}

static int forget_all_words(void *ctx, struct report *why)
{
    struct sought *q = ctx;
    int rc = arena_failed(q->texts) ? report_set(why, POSSE_ENOMEM, "out of memory") : 0;
    for (const struct gone *g = q->gone; g && !rc; g = g->next)
        rc = forget_words(q, g, why);
    return rc;
}

int observatory_forget(const char *home, const uint8_t (*digest)[32], size_t n, uint64_t *each, uint64_t *words_out, struct report *why)
{
    struct sought q = {.parser = mail_parser_new(NULL), .arena = arena_new(ARENA_MAX), .texts = arena_new(ARENA_MAX), .digest = digest,
                       .n = n, .each = each};
    uint64_t gone;
    memset(each, 0, n * sizeof *each);
    int rc = q.parser && q.arena && q.texts ? obsdb_open(home, false, &q.d, why) : report_set(why, POSSE_ENOMEM, "out of memory");
    if (!rc)
        rc = obsdb_forget(q.d, is_sought, forget_all_words, &q, &gone, why);
    if (rc && rc != POSSE_ENOENT)
        memset(each, 0, n * sizeof *each); /* found, but all of it stands */
    *words_out = rc ? 0 : q.words;
    obsdb_close(&q.d);
    arena_free(&q.arena);
    arena_free(&q.texts);
    mail_parser_free(&q.parser);
    return rc == POSSE_ENOENT ? POSSE_OK : rc;
}
