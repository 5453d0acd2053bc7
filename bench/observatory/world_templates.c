/* world_templates: what signatures match, of later messages by kind and of what nobody may match; after how many messages a version is held. */
#include "base/reader.h"
#include "campaign/campaigns.h"
#include "world.h"

/* ---- wanted mail, and what templates there were ---- */

static struct span kept(struct span s)
{
    uint8_t *p = malloc(s.n + 1);
    if (!p)
        die("no memory", "texts");
    if (s.n)
        memcpy(p, s.p, s.n);
    return span_of(p, s.n);
}

void keep_text(struct bench *b, const struct sighting *s, enum kind kind)
{
    if (b->n_text == b->cap_text)
        b->text = realloc(b->text, (b->cap_text = b->cap_text ? b->cap_text * 2 : 4096) * sizeof *b->text);
    b->text[b->n_text++] = (struct kept_text){kept(s->subject), kept(s->text), (uint8_t)kind};
}

static int note_template(void *ctx, const struct seen_template *t)
{
    struct bench *b = ctx;
    struct had *h = NULL;
    struct buf bytes;
    for (size_t i = b->n_had; i-- > 0 && !h;)
        if (b->had[i].campaign == b->asking && b->had[i].version == t->version && b->had[i].texts == t->texts)
            h = &b->had[i];
    if (!h) {
        if (b->n_had == b->cap_had)
            b->had = realloc(b->had, (b->cap_had = b->cap_had ? b->cap_had * 2 : 256) * sizeof *b->had);
        h = &b->had[b->n_had++];
        *h = (struct had){.campaign = b->asking, .version = t->version, .texts = t->texts};
        buf_init(&bytes, 16 << 20);
        template_save(t->t, &bytes);
        struct reader r = reader_of(buf_span(&bytes));
        if (template_load(&r, &h->t, NULL))
            die("cannot be copied", "a template");
        buf_deinit(&bytes);
    }
    h->refused = t->refused ? strdup(t->refused) : NULL;
    return 0;
}

static int note_campaign(void *ctx, const struct campaign *c)
{
    struct bench *b = ctx;
    b->asking = c->number;
    return c->messages >= 32 ? observatory_templates(b->o, c->number, note_template, b, NULL) : 0;
}

void note_templates(struct bench *b) { campaigns_each(observatory_campaigns(b->o), note_campaign, b); }

/* ---- what is said ---- */

enum { FIRST = 200, IN_A_ROW = 10, HELD = 9, KINDS = SKETCH_KIND_N };
static const char *const kind_name[KINDS] = {"text", "short text", "links only", "files only", "nothing"};

struct order { uint32_t truth, version, at; };

static int by_order(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    if (x->version != y->version)
        return x->version < y->version ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* The messages of one version, in order of time: how many came before it was held; n: it never was. */
static size_t until_held(const struct bench *b, const struct order *o, size_t n)
{
    for (size_t i = 0; i + IN_A_ROW <= n; i++) {
        size_t held = 0;
        for (size_t k = i; k < i + IN_A_ROW; k++)
            held += b->e[o[k].at].is_matched;
        if (held >= HELD && b->e[o[i].at].is_matched)
            return i;
    }
    return n;
}

static int by_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

struct versions { uint64_t n, whole, later[KINDS + 1], matched[KINDS + 1], updates, same; size_t *until, held; };

static void say_version(struct bench *b, const struct order *o, size_t n, uint32_t group_before, struct versions *all)
{
    uint64_t later = n - FIRST, matched = 0;
    char what[120];
    for (size_t i = FIRST; i < n; i++) {
        const struct seen_one *e = &b->e[o[i].at];
        all->later[e->sketch]++;
        all->matched[e->sketch] += e->is_matched;
        matched += e->is_matched;
    }
    all->later[KINDS] += later;
    all->matched[KINDS] += matched;
    all->n++;
    all->whole += matched * 100 >= later * 99;
    size_t until = until_held(b, o, n);
    if (o->version > 1) {
        all->updates++;
        all->same += group_before && group_before == now_group(b, b->e[o[n / 2].at].group);
        if (until < n)
            all->until[all->held++] = until;
    }
    snprintf(what, sizeof what, "%s version %u of %zu, %s, group %u, held after %zu", b->campaign[o->truth].text, o->version, n,
             kind_name[b->e[o[n / 2].at].sketch], now_group(b, b->e[o[n / 2].at].group), until);
    if (b->detail)
        row(b, "template", what, later ? (double)matched / (double)later : 0);
}

static void say_updates(struct bench *b, struct versions *all)
{
    size_t in_100 = 0;
    qsort(all->until, all->held, sizeof *all->until, by_size);
    for (size_t i = 0; i < all->held; i++)
        in_100 += all->until[i] <= 100;
    row(b, "updates", "of more than 200 messages", (double)all->updates);
    row(b, "updates", "in the campaign of the version before", (double)all->same);
    row(b, "updates", "held", (double)all->held);
    row(b, "updates", "held within 100 messages", (double)in_100);
    if (!all->held)
        return;
    row(b, "updates", "messages until held, median", (double)all->until[all->held / 2]);
    row(b, "updates", "messages until held, worst", (double)all->until[all->held - 1]);
}

static void say_ham(struct bench *b)
{
    struct signature_in *in = calloc(b->n_had + 1, sizeof *in);
    struct signatures *s;
    struct report why = {0};
    uint64_t n[3] = {0}, hits[3] = {0}, refused = 0;
    size_t n_in = 0;
    for (size_t i = 0; i < b->n_had; i++) {
        refused += b->had[i].refused != NULL;
        in[n_in++] = (struct signature_in){b->had[i].campaign, b->had[i].version, b->had[i].t};
        if (b->detail)
            fprintf(stderr, "template: group %" PRIu64 " version %u of %u: %s\n", b->had[i].campaign, b->had[i].version, b->had[i].texts,
                    b->had[i].refused ? b->had[i].refused : "held");
    }
    if (signatures_build(in, n_in, b->ham, NULL, NULL, &s, &why))
        die(why.text, b->name);
    struct signature_scratch *x = signature_scratch_new(s);
    for (size_t i = 0; i < b->n_text; i++) {
        const struct kept_text *t = &b->text[i];
        struct signature_hit hit;
        bool is_hit = signatures_match(s, x, t->subject, t->text, &hit, 1) > 0;
        n[t->kind]++;
        hits[t->kind] += is_hit;
        if (is_hit && b->detail)
            fprintf(stderr, "matched: group %" PRIu64 " version %u: %.*s\n", hit.campaign, hit.version, (int)t->text.n, (const char *)t->text.p);
    }
    row(b, "templates", "made, those made anew included", (double)b->n_had);
    row(b, "templates", "refused", (double)refused);
    row(b, "templates", "signatures held against wanted mail", (double)signatures_count(s));
    row(b, "templates", "wanted mail that was taught", (double)b->ham_taught);
    row(b, "templates", "wanted mail that was not", (double)n[HAM]);
    row(b, "templates", "of it matched", (double)hits[HAM]);
    row(b, "templates", "newsletters, never taught", (double)n[BULK]);
    row(b, "templates", "of them matched", (double)hits[BULK]);
    signature_scratch_free(&x);
    signatures_free(&s);
    free(in);
}

void say_templates(struct bench *b)
{
    struct order *o = malloc((b->n + 1) * sizeof *o);
    struct versions all = {.until = malloc((b->n + 1) * sizeof *all.until)};
    size_t n = 0;
    uint32_t group_before = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->e[i].kind == SPAM)
            o[n++] = (struct order){b->e[i].truth, b->e[i].version, (uint32_t)i};
    qsort(o, n, sizeof *o, by_order);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && o[end].truth == o[i].truth && o[end].version == o[i].version; end++) {}
        bool is_same = i && o[i - 1].truth == o[i].truth;
        if (end - i > FIRST)
            say_version(b, o + i, end - i, is_same ? group_before : 0, &all);
        group_before = now_group(b, b->e[o[i + (end - i) / 2].at].group);
    }
    note_templates(b);
    say_ham(b);
    row(b, "templates", "versions of more than 200 messages", (double)all.n);
    row(b, "templates", "of whose later messages 99% were matched", (double)all.whole);
    row(b, "templates", "later messages", (double)all.later[KINDS]);
    row(b, "templates", "of them matched", all.later[KINDS] ? (double)all.matched[KINDS] / (double)all.later[KINDS] : 0);
    for (unsigned k = 0; k < KINDS; k++) {
        char what[64];
        snprintf(what, sizeof what, "of them matched, %s", kind_name[k]);
        if (all.later[k])
            row(b, "templates", what, (double)all.matched[k] / (double)all.later[k]);
    }
    say_updates(b, &all);
    free(o);
    free(all.until);
}
