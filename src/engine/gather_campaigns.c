/* Campaigns as findings, with their templates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "botnet/money.h"
#include "engine/gather_priv.h"

#define HOUR_MS 3600000LL
enum { SIGNATURE_MOST = 64 << 10, TEMPLATES_MOST = 64 };

static const char *const slot_names[SLOT_TYPES] = {"word", "random", "number", "address", "url", "free"};

static int copy_slot(struct gathering *g, const struct slot *s, struct found_piece *to)
{
    to->slot = gather_text(g->a, (unsigned)s->type < SLOT_TYPES ? slot_names[s->type] : "free");
    to->may_be_empty = s->may_be_empty;
    to->is_closed = s->is_closed;
    to->least = s->least;
    to->most = s->most;
    to->alphabet = arena_copy(g->a, s->alphabet);
    to->word = arena_zalloc(g->a, (s->n_words + 1) * sizeof *to->word);
    for (size_t i = 0; to->word && i < s->n_words; i++)
        to->word[to->n_words++] = arena_copy(g->a, s->word[i]);
    return to->word ? POSSE_OK : gather_no_memory(g->why);
}

static int copy_pieces(struct gathering *g, const struct piece *p, size_t n, struct found_piece **out, size_t *n_out)
{
    struct found_piece *to = *out = arena_zalloc(g->a, (n + 1) * sizeof *to);
    int err = to ? POSSE_OK : gather_no_memory(g->why);
    for (size_t i = 0; i < n && !err; i++) {
        to[i].permille = p[i].permille;
        to[i].is_floating = p[i].is_floating;
        if (p[i].is_slot)
            err = copy_slot(g, &p[i].slot, &to[i]);
        else
            to[i].anchor = arena_copy(g->a, p[i].anchor);
        ++*n_out;
    }
    return err;
}

struct templates { struct gathering *g; struct found_campaign *c; };

static int add_template(void *ctx, const struct seen_template *t)
{
    static const char *const proofs[] = {"none", "sketch", "sample"};
    struct templates *x = ctx;
    struct gathering *g = x->g;
    struct buf b;
    const struct piece *piece;
    if (x->c->n_templates == TEMPLATES_MOST)
        return 0;
    struct found_template *to = &x->c->template[x->c->n_templates++];
    *to = (struct found_template){.version = t->version, .texts = t->texts, .first_ms = t->first_ms, .made_ms = t->made_ms,
                                  .held_ms = t->held_ms, .seen = t->seen, .matched = t->matched,
                                  .proof = gather_text(g->a, proofs[t->proof]), .refused = gather_text(g->a, t->refused)};
    size_t n = template_subject(t->t, &piece);
    int err = copy_pieces(g, piece, n, &to->subject, &to->n_subjects);
    n = template_pieces(t->t, &piece);
    if (!err)
        err = copy_pieces(g, piece, n, &to->text, &to->n_texts);
    buf_init(&b, SIGNATURE_MOST);
    if (!err && template_expression(t->t, &b) == 0) /* a longer one is of no use to anybody */
        to->signature = arena_copy(g->a, buf_span(&b));
    buf_deinit(&b);
    return err;
}

enum text_of { TEXT_PLAIN, TEXT_MAILER, TEXT_FILE, TEXT_MARK };

static void copy_counted(struct gathering *g, const struct counted *x, uint64_t messages, enum text_of how, struct found_count **out,
                         size_t *n_out)
{
    char text[MAILER_NAME + 128];
    *out = arena_zalloc(g->a, CAMPAIGN_TOP * sizeof **out);
    for (size_t i = 0; *out && i < CAMPAIGN_TOP && x[i].key; i++) {
        snprintf(text, sizeof text, "%s", x[i].text);
        if (how == TEXT_MAILER)
            mailer_name(x[i].key, text);
        else if (how == TEXT_FILE)
            snprintf(text, sizeof text, "%016llx", (unsigned long long)x[i].key);
        else if (how == TEXT_MARK)
            snprintf(text, sizeof text, "%s %s", mark_kind_name((enum mark_kind)(x[i].key & 7)), x[i].text);
        (*out)[(*n_out)++] = (struct found_count){gather_text(g->a, text), x[i].n < messages ? x[i].n : messages, true};
    }
}

static int copy_hours(struct gathering *g, const struct campaign *c, struct found_campaign *to)
{
    to->hour = arena_zalloc(g->a, (c->n_hours + 1) * sizeof *to->hour);
    for (size_t i = 0; to->hour && i < c->n_hours; i++)
        to->hour[to->n_hours++] = (struct found_hour){c->hour[i].hour * HOUR_MS, c->hour[i].messages, c->hour[i].envelopes, c->hour[i].sources,
                                                      c->hour[i].bytes};
    return to->hour ? POSSE_OK : gather_no_memory(g->why);
}

static int copy_owner(struct gathering *g, const struct campaign *c, struct found_campaign *to)
{
    struct membership m;
    struct botnet b;
    if (!botnets_member(observatory_botnets(g->o), c->number, &m) || !botnets_get(observatory_botnets(g->o), m.botnet, &b))
        return POSSE_OK;
    to->botnet = gather_text(g->a, b.name);
    to->botnet_probability = m.probability;
    to->botnet_doubt = gather_text(g->a, m.doubt);
    to->reason = arena_zalloc(g->a, (m.n_reasons + 1) * sizeof *to->reason);
    for (size_t i = 0; to->reason && i < m.n_reasons; i++)
        to->reason[to->n_reasons++] = (struct found_reason){m.reason[i].bits, gather_text(g->a, m.reason[i].text), SPAN_NONE};
    return to->reason ? POSSE_OK : gather_no_memory(g->why);
}

static int copy_campaign(struct gathering *g, const struct campaign *c, struct found_campaign *to)
{
    *to = (struct found_campaign){.id = gather_text(g->a, c->id), .first_ms = c->first_ms, .last_ms = c->last_ms, .messages = c->messages,
                                  .envelopes = c->envelopes, .bytes = c->bytes, .spam = c->spam, .networks = c->networks,
                                  .sources = gather_estimate(g->a, &c->sources), .confidence = c->confidence, .doubt = gather_text(g->a, c->doubt)};
    copy_counted(g, c->language, c->messages, TEXT_PLAIN, &to->language, &to->n_languages);
    copy_counted(g, c->link, c->messages, TEXT_PLAIN, &to->link, &to->n_links);
    copy_counted(g, c->file, c->messages, TEXT_FILE, &to->file, &to->n_files);
    copy_counted(g, c->mark, c->messages, TEXT_MARK, &to->mark, &to->n_marks);
    copy_counted(g, c->rcpt_domain, c->messages, TEXT_PLAIN, &to->to, &to->n_tos);
    copy_counted(g, c->mailer, c->messages, TEXT_MAILER, &to->mailer, &to->n_mailers);
    copy_counted(g, c->asn, c->messages, TEXT_PLAIN, &to->system, &to->n_systems);
    struct templates t = {g, to};
    to->template = arena_zalloc(g->a, TEMPLATES_MOST * sizeof *to->template);
    int err = to->template ? copy_owner(g, c, to) : gather_no_memory(g->why);
    if (!err)
        err = copy_hours(g, c, to);
    return err ? err : observatory_templates(g->o, c->number, add_template, &t, g->why);
}

struct sized { uint64_t number, messages; };

static int by_size(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;
    return x->messages != y->messages ? (x->messages < y->messages ? 1 : -1) : (x->number > y->number) - (x->number < y->number);
}

int gather_campaigns(struct gathering *g, const uint64_t *number, size_t n)
{
    struct findings *f = g->f;
    struct sized *all = calloc(n + 1, sizeof *all);
    struct campaign *c = malloc(sizeof *c);
    size_t k = 0;
    for (size_t i = 0; all && c && i < n; i++) /* what came once is no campaign, unless it is all that is asked for */
        if (campaigns_get(observatory_campaigns(g->o), number[i], c) && (c->messages > 1 || n == 1) && !(c->is_bulk && n > 1))
            all[k++] = (struct sized){c->number, c->messages};
    if (k)
        qsort(all, k, sizeof *all, by_size);
    size_t found = k;
    k = 0;
    for (size_t i = 0; i < found; i++) /* two numbers may mean one: what was absorbed */
        if (i == 0 || all[i].number != all[k - 1].number)
            all[k++] = all[i];
    f->campaigns_total = k;
    k = k < GATHER_CAMPAIGNS ? k : GATHER_CAMPAIGNS;
    f->campaign = arena_zalloc(g->a, (k + 1) * sizeof *f->campaign);
    g->campaign = calloc(k + 1, sizeof *g->campaign);
    int err = all && c && f->campaign && g->campaign ? POSSE_OK : gather_no_memory(g->why);
    for (size_t i = 0; i < k && !err; i++)
        if (campaigns_get(observatory_campaigns(g->o), all[i].number, c)) {
            g->campaign[f->n_campaigns] = all[i].number;
            err = copy_campaign(g, c, &f->campaign[f->n_campaigns++]);
        }
    free(all);
    free(c);
    return err;
}
