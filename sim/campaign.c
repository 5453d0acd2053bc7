#include "campaign.h"

#include <stdlib.h>

static const struct family *family_of(const struct campaigns *c, uint32_t f) { return &c->s->family.v[f]; }

static uint32_t draw_weighted(struct rng *r, const weights *w)
{
    double x = rng_unit(r) * weights_sum(w);
    for (size_t i = 0; i + 1 < w->n; i++)
        if ((x -= w->v[i].weight) < 0)
            return w->v[i].id;
    return w->v[w->n - 1].id;
}

static struct raw one_of(struct rng *r, raws list) { return list.v[rng_below(r, list.n)]; }

/* ---- a version ---- */

static void redraw(const struct drawing *d, struct raw raw, struct program *out)
{
    struct buf b = {0};
    macro_draw(d, raw, &b);
    buf_byte(&b, 0);
    program_reset(out);
    macro_compile(d->s, d->texts, (struct raw){b.p, raw.at}, out);
    buf_free(&b);
}

static void paragraph_draw(const struct drawing *d, const struct family *f, char **out)
{
    struct buf b = {0};
    macro_sentences(d, d->texts, (unsigned)rng_between(d->rng, f->sentences.lo, f->sentences.hi), &b);
    free(*out);
    *out = mem_text(b.p, b.n);
    buf_free(&b);
}

/* Sentences of somebody else's, other ones in each message: {first|second|...}. */
static void chaff_draw(const struct drawing *d, const struct family *f, struct buf *out)
{
    if (f->chaff.n == 0)
        return;
    const struct texts *t = &d->s->texts.v[draw_weighted(d->rng, &f->chaff)];
    struct drawing inner = *d;
    inner.texts = t;
    struct buf choice = {0};
    for (size_t i = 0; i < t->sentence.n; i++) {
        buf_byte(&choice, i ? '|' : '{');
        macro_draw(&inner, t->sentence.v[i], &choice);
    }
    buf_byte(&choice, '}');
    for (int64_t n = rng_between(d->rng, f->chaff_sentences.lo, f->chaff_sentences.hi); n > 0; n--) {
        buf_join(out, &choice);
        buf_text(out, n > 1 ? " " : "");
    }
    buf_free(&choice);
}

static void body_compile(struct drawing *d, const struct family *f, struct version *v, const raws *lines, const char *between,
                         struct program *out)
{
    struct buf all = {0}, drawn = {0};
    for (unsigned i = 1; i <= v->n_paragraphs; i++) {
        d->paragraph[i] = v->paragraph[i];
        buf_text(&all, i > 1 ? between : "");
        buf_text(&all, v->paragraph[i]);
    }
    if (f->chaff.n > 0) {
        buf_text(&all, between);
        chaff_draw(d, f, &all);
    }
    buf_byte(&all, 0);
    d->paragraph[0] = all.p;
    struct place at = lines->n > 0 ? lines->v[0].at : f->at;
    for (size_t i = 0; i < lines->n; i++) {
        macro_draw(d, lines->v[i], &drawn);
        buf_byte(&drawn, '\n');
    }
    buf_byte(&drawn, 0);
    program_reset(out);
    macro_compile(d->s, d->texts, (struct raw){drawn.p, at}, out);
    d->paragraph[0] = NULL;
    buf_free(&all);
    buf_free(&drawn);
}

static void image_draw(struct rng *r, const struct form *form, struct buf *out)
{
    out->n = 0;
    buf_add(out, "GIF89a\x40\x01\xc8\x00\xf7\x00\x00", 13);
    for (int64_t n = rng_between(r, form->image_bytes.lo, form->image_bytes.hi) - 14; n > 0; n -= 8) {
        uint64_t v = rng_next(r);
        for (int i = 0; i < 8 && i < n; i++)
            buf_byte(out, (char)(v >> 8 * i));
    }
    buf_byte(out, ';');
}

/* changes: the part that is drawn anew; 1: all of it. */
static void version_draw(const struct campaigns *c, const struct campaign *cm, struct version *v, struct rng *r, double changes)
{
    const struct family *f = family_of(c, cm->family);
    const struct form *form = &c->s->form.v[cm->form];
    struct drawing d = {.s = c->s, .texts = v->texts, .rng = r};
    bool is_all = changes >= 1;
    if (is_all) {
        v->n_paragraphs = (unsigned)rng_between(r, f->paragraphs.lo, f->paragraphs.hi);
        v->n_subjects = 1 + rng_below(r, SUBJECTS_MAX);
    }
    unsigned certain = v->n_paragraphs ? 1 + rng_below(r, v->n_paragraphs) : 0; /* an update changes something */
    for (unsigned i = 1; i <= v->n_paragraphs; i++)
        if (is_all || i == certain || rng_chance(r, changes))
            paragraph_draw(&d, f, &v->paragraph[i]);
    for (unsigned i = 0; i < v->n_subjects; i++)
        if (is_all || rng_chance(r, changes))
            redraw(&d, one_of(r, v->texts->subject), &v->subject[i]);
    if (is_all || rng_chance(r, changes / 2))
        redraw(&d, one_of(r, f->link), &v->link);
    if (is_all) {
        redraw(&d, one_of(r, f->sender_name), &v->sender_name);
        redraw(&d, one_of(r, f->sender_addr), &v->sender_addr);
    }
    body_compile(&d, f, v, &form->text, "\n\n", &v->text);
    body_compile(&d, f, v, &form->html, "</p>\n<p>", &v->html);
    if (form->kind == FORM_IMAGE && (is_all || rng_chance(r, changes))) {
        image_draw(r, form, &v->image);
        redraw(&d, form->file_name, &v->file_name);
    }
    if (is_all)
        v->size_mean = 1500 + rng_below(r, 4000);
    v->key = rng_next(r) | 1;
}

static void version_free(struct version *v)
{
    for (int i = 0; i < 10; i++)
        free(v->paragraph[i]);
    for (int i = 0; i < SUBJECTS_MAX; i++)
        program_free(&v->subject[i]);
    program_free(&v->text);
    program_free(&v->html);
    program_free(&v->link);
    program_free(&v->sender_name);
    program_free(&v->sender_addr);
    program_free(&v->file_name);
    buf_free(&v->image);
}

/* ---- a campaign ---- */

static uint64_t stream_of(const struct campaign *cm, unsigned what) { return mix(mix(21 + what, cm->family), cm->k); }

static void host_draw(const struct campaigns *c, struct campaign *cm, unsigned at)
{
    const struct family *f = family_of(c, cm->family);
    struct rng r = rng_of(c->seed, mix(stream_of(cm, 1), cm->hosts_drawn++));
    struct drawing d = {.s = c->s, .texts = cm->variant[0].texts, .rng = &r};
    struct buf b = {0};
    macro_draw(&d, one_of(&r, f->host), &b);
    free(cm->host[at]);
    cm->host[at] = mem_text(b.p, b.n);
    buf_free(&b);
    if (f->host_life.hi > 0)
        cm->host_ms += rng_between(&r, f->host_life.lo, f->host_life.hi) / cm->n_hosts;
}

static int64_t update_due(const struct campaigns *c, struct campaign *cm, struct rng *r)
{
    const struct family *f = family_of(c, cm->family);
    int64_t due = f->update.hi > 0 ? cm->update_ms + rng_between(r, f->update.lo, f->update.hi) : INT64_MAX;
    while (cm->next_update < f->updates.n && f->updates.v[cm->next_update].from_ms <= cm->update_ms)
        cm->next_update++;
    if (cm->next_update < f->updates.n && f->updates.v[cm->next_update].from_ms < due)
        due = f->updates.v[cm->next_update].from_ms;
    return due;
}

static void campaign_choose(const struct campaigns *c, struct campaign *cm, struct rng *r)
{
    const struct family *f = family_of(c, cm->family);
    cm->mailer = draw_weighted(r, &f->mailers);
    cm->form = draw_weighted(r, &f->forms);
    const struct texts *t = &c->s->texts.v[draw_weighted(r, &f->texts)];
    for (unsigned i = 0; i < cm->n_variants; i++)
        cm->variant[i].texts = t;
}

static void campaign_found(struct campaigns *c, uint32_t family, int64_t ms, bool is_first)
{
    const struct family *f = family_of(c, family);
    struct campaign *cm = mem_new(sizeof *cm);
    *cm = (struct campaign){.family = family, .k = c->founded[family]++, .number = c->n_founded++, .version = 1, .from_ms = ms,
                            .n_variants = f->variants, .n_hosts = f->hosts, .host_ms = ms, .first_seen_ms = -1};
    struct rng r = rng_of(c->seed, stream_of(cm, 0));
    cm->variant = mem_new(cm->n_variants * sizeof *cm->variant);
    cm->host = mem_new(cm->n_hosts * sizeof *cm->host);
    campaign_choose(c, cm, &r);
    for (unsigned i = 0; i < cm->n_variants; i++)
        version_draw(c, cm, &cm->variant[i], &r, 1);
    for (unsigned i = 0; i < cm->n_hosts; i++)
        host_draw(c, cm, i);
    if (f->host_life.hi == 0)
        cm->host_ms = INT64_MAX;
    int64_t lasts = f->lasting.hi > 0 ? rng_between(&r, f->lasting.lo, f->lasting.hi) : 0;
    if (lasts > 0 && is_first) /* those of the first day are in the midst of it */
        lasts = 1 + (int64_t)((double)lasts * rng_unit(&r));
    cm->to_ms = lasts > 0 ? ms + lasts : INT64_MAX;
    cm->weight = 1;
    if (f->size_zipf > 0)
        cm->weight = 1 / (1 + f->size_zipf * (double)(cm->k % f->campaigns));
    cm->update_ms = ms;
    cm->update_ms = update_due(c, cm, &r);
    *PUSH(c->live) = cm;
}

static void campaign_update(struct campaigns *c, struct campaign *cm)
{
    const struct family *f = family_of(c, cm->family);
    int64_t ms = cm->update_ms;
    double changes = f->update_changes;
    if (cm->next_update < f->updates.n && f->updates.v[cm->next_update].from_ms == ms)
        changes = f->updates.v[cm->next_update++].value;
    c->ended(c->ctx, cm);
    cm->version++;
    cm->messages = 0;
    cm->first_seen_ms = -1;
    struct rng r = rng_of(c->seed, mix(stream_of(cm, 2), cm->version));
    for (unsigned i = 0; i < cm->n_variants; i++)
        version_draw(c, cm, &cm->variant[i], &r, changes);
    cm->update_ms = update_due(c, cm, &r);
    c->updated(c->ctx, cm, ms);
}

static void campaign_free(struct campaigns *c, struct campaign *cm)
{
    c->ended(c->ctx, cm);
    for (unsigned i = 0; i < cm->n_variants; i++)
        version_free(&cm->variant[i]);
    for (unsigned i = 0; i < cm->n_hosts; i++)
        free(cm->host[i]);
    free(cm->variant);
    free(cm->host);
    free(cm);
}

static void reckon(struct campaigns *c)
{
    c->next_ms = INT64_MAX;
    for (size_t i = 0; i < c->s->family.n; i++) {
        c->of[i].n = 0;
        c->weight[i] = 0;
    }
    for (uint32_t i = 0; i < c->live.n; i++) {
        const struct campaign *cm = c->live.v[i];
        int64_t next = cm->to_ms < cm->update_ms ? cm->to_ms : cm->update_ms;
        next = next < cm->host_ms ? next : cm->host_ms;
        c->next_ms = next < c->next_ms ? next : c->next_ms;
        *PUSH(c->of[cm->family]) = i;
        c->weight[cm->family] += cm->weight;
    }
}

void campaigns_begin(struct campaigns *c, const struct scenario *s, uint64_t seed)
{
    c->s = s;
    c->seed = seed;
    c->of = mem_new(s->family.n * sizeof *c->of);
    c->weight = mem_new(s->family.n * sizeof *c->weight);
    c->founded = mem_new(s->family.n * sizeof *c->founded);
    for (uint32_t i = 0; i < s->family.n; i++)
        for (unsigned k = 0; k < s->family.v[i].campaigns && s->family.v[i].kind != FAMILY_HAM; k++)
            campaign_found(c, i, s->from_ms, true);
    reckon(c);
}

void campaigns_until(struct campaigns *c, int64_t ms)
{
    while (c->next_ms <= ms) {
        for (size_t i = 0; i < c->live.n; i++) {
            struct campaign *cm = c->live.v[i];
            if (cm->to_ms <= c->next_ms) {
                uint32_t family = cm->family;
                int64_t at = cm->to_ms;
                campaign_free(c, cm);
                memmove(&c->live.v[i], &c->live.v[i + 1], (c->live.n - i - 1) * sizeof *c->live.v);
                c->live.n--;
                i--;
                campaign_found(c, family, at, false);
                continue;
            }
            if (cm->update_ms <= c->next_ms)
                campaign_update(c, cm);
            if (cm->host_ms <= c->next_ms)
                host_draw(c, cm, cm->hosts_drawn % cm->n_hosts);
        }
        reckon(c);
    }
}

void campaigns_end(struct campaigns *c)
{
    for (size_t i = 0; i < c->live.n; i++)
        campaign_free(c, c->live.v[i]);
    c->live.n = 0;
}

struct campaign *campaigns_pick(const struct campaigns *c, uint32_t family, struct rng *r)
{
    double x = rng_unit(r) * c->weight[family];
    size_t n = c->of[family].n;
    for (size_t i = 0; i + 1 < n; i++) {
        struct campaign *cm = c->live.v[c->of[family].v[i]];
        if ((x -= cm->weight) < 0)
            return cm;
    }
    return c->live.v[c->of[family].v[n - 1]];
}

struct campaign *letter_new(uint32_t family)
{
    struct campaign *cm = mem_new(sizeof *cm);
    cm->family = family;
    cm->n_variants = 1;
    cm->variant = mem_new(sizeof *cm->variant);
    return cm;
}

void letter_draw(const struct campaigns *c, uint32_t family, struct rng *r, struct campaign *letter)
{
    const struct family *f = family_of(c, family);
    struct drawing d = {.s = c->s, .rng = r};
    struct buf b = {0};
    letter->family = family;
    campaign_choose(c, letter, r);
    version_draw(c, letter, &letter->variant[0], r, 1);
    if (!letter->host) {
        letter->host = mem_new(sizeof *letter->host);
        letter->n_hosts = 1;
    }
    d.texts = letter->variant[0].texts;
    macro_draw(&d, one_of(r, f->host), &b);
    free(letter->host[0]);
    letter->host[0] = mem_text(b.p, b.n);
    buf_free(&b);
}
