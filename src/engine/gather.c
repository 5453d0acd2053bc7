/* What is to be gathered, in which order; and the parts that are not a campaign's or a botnet's. */
#include "engine/gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/gather_priv.h"

#define HOUR_MS 3600000LL

int gather_no_memory(struct report *why) { return report_set(why, POSSE_ENOMEM, "out of memory while the findings are gathered"); }
struct span gather_text(struct arena *a, const char *s) { return s && *s ? arena_copy(a, span_str(s)) : SPAN_NONE; }

struct estimate gather_estimate(struct arena *a, const struct estimate *e)
{
    struct estimate out = *e;
    const char *method = e->method ? e->method : "";
    char *copy = arena_alloc(a, strlen(method) + 1);
    if (copy)
        memcpy(copy, method, strlen(method) + 1);
    out.method = copy;
    return out;
}

size_t gather_botnet_at(const struct gathering *g, uint32_t number)
{
    for (size_t i = 0; i < g->f->n_botnets; i++)
        if (g->number[i] == number)
            return i;
    return SIZE_MAX;
}

void gather_network(const struct observatory *o, struct arena *a, const struct ip *ip, struct found_network *out)
{
    struct as_info as;
    if (!astable_find(observatory_as(o), ip, &as))
        return;
    out->asn = as.asn;
    out->name = gather_text(a, as.name);
    out->country = gather_text(a, as.country);
}

/* ---- which ones ---- */

struct wanted { uint64_t *campaign; size_t n, cap; struct gathering *g; bool is_bad; };

static void want(struct wanted *w, uint64_t number)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->campaign[i] == number)
            return;
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 64;
        uint64_t *bigger = realloc(w->campaign, cap * sizeof *bigger);
        if (!bigger) {
            w->is_bad = true;
            return;
        }
        w->campaign = bigger;
        w->cap = cap;
    }
    w->campaign[w->n++] = number;
}

static int add_botnet(struct gathering *g, uint32_t number, bool is_subject, bool is_full)
{
    size_t i = gather_botnet_at(g, number);
    if (i != SIZE_MAX) {
        g->f->botnet[i].is_subject |= is_subject;
        g->is_full[i] |= is_full;
        return POSSE_OK;
    }
    if (g->f->n_botnets == BOTNETS_MAX)
        return report_set(g->why, POSSE_ELIMIT, "more than %d botnets", BOTNETS_MAX);
    i = g->f->n_botnets++;
    g->number[i] = number;
    g->is_full[i] = is_full;
    g->f->botnet[i].is_subject = is_subject;
    return POSSE_OK;
}

static int want_botnet(struct wanted *w, const char *name)
{
    struct gathering *g = w->g;
    struct botnets *all = observatory_botnets(g->o);
    struct botnet b;
    uint32_t number;
    if (!botnets_find(all, name, &number) || !botnets_get(all, number, &b))
        return report_set(g->why, POSSE_ENOENT, "%s: no such botnet; 'posse botnets' lists them", name);
    for (size_t i = 0; i < b.n_campaigns; i++)
        want(w, b.campaign[i]);
    return add_botnet(g, number, true, true);
}

static int want_campaign(struct wanted *w, const char *id)
{
    struct gathering *g = w->g;
    struct membership m;
    uint64_t number;
    if (!campaigns_find(observatory_campaigns(g->o), id, &number))
        return report_set(g->why, POSSE_ENOENT, "%s: no such campaign; 'posse campaigns' lists them", id);
    want(w, number);
    return botnets_member(observatory_botnets(g->o), number, &m) && m.botnet ? add_botnet(g, m.botnet, false, true) : POSSE_OK;
}

/* Those that stand beside it: all that sent in that time. */
static int add_others(struct gathering *g)
{
    struct shares *s = botnets_shares(observatory_botnets(g->o));
    size_t n = s ? shares_ask(s, g->f->from_ms, g->f->to_ms, NULL, 0, NULL) : 0;
    struct share *all = n ? calloc(n, sizeof *all) : NULL;
    int err = n && !all ? gather_no_memory(g->why) : POSSE_OK;
    n = all ? shares_ask(s, g->f->from_ms, g->f->to_ms, all, n, NULL) : 0;
    for (size_t i = 0; i < n && !err; i++)
        err = add_botnet(g, all[i].botnet, false, false);
    free(all);
    return err;
}

static int subject_text(struct gathering *g, const struct gather_want *w)
{
    char text[400] = "";
    size_t at = 0;
    for (size_t i = 0; i < w->n_botnets + w->n_campaigns && at < sizeof text; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", i ? ", " : "", i < w->n_botnets ? "botnet" : "campaign",
                               i < w->n_botnets ? w->botnet[i] : w->campaign[i - w->n_botnets]);
    g->f->subject = gather_text(g->a, text);
    return g->f->subject.n || !at ? POSSE_OK : gather_no_memory(g->why);
}

/* Whole hours of what is kept. */
static void set_period(struct gathering *g, const struct gather_want *w)
{
    int64_t first = 0;
    struct shares *s = botnets_shares(observatory_botnets(g->o));
    if (s)
        shares_hours(s, &first, 1);
    g->f->to_ms = ((w->to_ms ? w->to_ms : observatory_now_ms(g->o) + 1) + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
    g->f->from_ms = w->from_ms > first ? w->from_ms / HOUR_MS * HOUR_MS : first;
}

/* ---- money, doubts ---- */

static const char *const kinds[] = {"phone", "wallet", "maildrop", "shop", "affiliate"};

static int gather_money(struct gathering *g)
{
    struct findings *f = g->f;
    size_t n = 0;
    for (size_t i = 0; i < f->n_campaigns; i++)
        n += f->campaign[i].n_marks;
    f->money = arena_zalloc(g->a, (n + 1) * sizeof *f->money);
    if (!f->money)
        return gather_no_memory(g->why);
    for (size_t i = 0; i < f->n_campaigns; i++)
        for (size_t k = 0; k < f->campaign[i].n_marks && f->n_moneys < 10000; k++) {
            const struct found_count *m = &f->campaign[i].mark[k];
            ptrdiff_t colon = span_chr(m->text, ' ');
            struct found_money *to = &f->money[f->n_moneys++];
            *to = (struct found_money){.text = m->text, .n = m->n, .campaign = f->campaign[i].id};
            for (size_t x = 0; colon > 0 && x < sizeof kinds / sizeof *kinds; x++)
                if (span_eq(span_sub(m->text, 0, (size_t)colon), span_str(kinds[x]))) {
                    to->kind = span_str(kinds[x]);
                    to->text = span_sub(m->text, (size_t)colon + 1, m->text.n);
                }
        }
    return POSSE_OK;
}

static void add_doubt(struct findings *f, size_t max, struct span about, struct span text)
{
    if (text.n && f->n_doubts < max)
        f->doubt[f->n_doubts++] = (struct found_doubt){about, text};
}

static int gather_doubts(struct gathering *g, const struct gather_want *w)
{
    struct findings *f = g->f;
    size_t max = 2 * f->n_campaigns + f->n_botnets + 8;
    max = max < 10000 ? max : 10000;
    f->doubt = arena_zalloc(g->a, max * sizeof *f->doubt);
    if (!f->doubt)
        return gather_no_memory(g->why);
    add_doubt(f, max, SPAN_LIT("figures"),
              SPAN_LIT("They are of what these traps and feeds saw; shares of all that was sent are inferred from that sample."));
    if (!w->from_ms)
        add_doubt(f, max, SPAN_LIT("figures"), SPAN_LIT("Shares and sizes go back as far as the observatory keeps hours; what was sent before is in the campaigns' own counts only."));
    for (size_t i = 0; i < f->n_botnets; i++)
        if (g->is_full[i])
            add_doubt(f, max, f->botnet[i].name, f->botnet[i].doubt);
    for (size_t i = 0; i < f->n_campaigns; i++) {
        add_doubt(f, max, f->campaign[i].id, f->campaign[i].doubt);
        add_doubt(f, max, f->campaign[i].id, f->campaign[i].botnet_doubt);
    }
    if (f->n_campaigns < f->campaigns_total)
        add_doubt(f, max, SPAN_LIT("campaigns"), SPAN_LIT("Only the biggest campaigns are told of one by one."));
    if (f->n_sources < f->sources_total)
        add_doubt(f, max, SPAN_LIT("sources"), SPAN_LIT("Only a part of the addresses is listed; their number is in sources_total."));
    return POSSE_OK;
}

/* ---- all of it ---- */

static int begin(struct gathering *g)
{
    struct findings *f = g->f = arena_zalloc(g->a, sizeof *g->f);
    if (!f)
        return gather_no_memory(g->why);
    f->version = FINDINGS_VERSION;
    f->botnet = arena_zalloc(g->a, BOTNETS_MAX * sizeof *f->botnet);
    g->number = calloc(BOTNETS_MAX, sizeof *g->number);
    g->is_full = calloc(BOTNETS_MAX, sizeof *g->is_full);
    g->read = calloc(BOTNETS_MAX, sizeof *g->read);
    g->n_family = calloc(BOTNETS_MAX, sizeof *g->n_family);
    g->family = calloc(BOTNETS_MAX, sizeof *g->family);
    g->trait = calloc(GATHER_TRAITS, sizeof *g->trait);
    return f->botnet && g->number && g->is_full && g->read && g->n_family && g->family && g->trait ? POSSE_OK : gather_no_memory(g->why);
}

static void end(struct gathering *g)
{
    free(g->number);
    free(g->is_full);
    free(g->read);
    free(g->n_family);
    free(g->family);
    free(g->trait);
    free(g->campaign);
    free(g->source);
}

int gather_findings(struct observatory *o, const struct gather_want *w, struct arena *a, struct findings **out, struct report *why)
{
    struct gathering g = {.o = o, .a = a, .why = why};
    struct wanted all = {.g = &g};
    *out = NULL;
    int err = begin(&g);
    if (!err)
        set_period(&g, w);
    for (size_t i = 0; i < w->n_botnets && !err; i++)
        err = want_botnet(&all, w->botnet[i]);
    for (size_t i = 0; i < w->n_campaigns && !err; i++)
        err = want_campaign(&all, w->campaign[i]);
    if (!err)
        err = all.is_bad ? gather_no_memory(why) : subject_text(&g, w);
    if (!err)
        err = add_others(&g);
    if (!err)
        err = gather_campaigns(&g, all.campaign, all.n);
    if (!err)
        err = gather_botnets(&g);
    if (!err)
        err = gather_kept(&g);
    if (!err)
        err = gather_sources(&g);
    if (!err)
        err = gather_money(&g);
    if (!err)
        err = gather_doubts(&g, w);
    if (!err && arena_failed(a))
        err = gather_no_memory(why);
    if (!err)
        *out = g.f;
    free(all.campaign);
    end(&g);
    return err;
}

int gather_samples(struct observatory *o, const struct found_campaign *c, int (*fn)(void *ctx, int64_t time_ms, struct span raw), void *ctx,
                   struct report *why)
{
    char id[CAMPAIGN_ID] = "";
    uint64_t number;
    if (c->id.n < sizeof id)
        memcpy(id, c->id.p, c->id.n);
    if (!campaigns_find(observatory_campaigns(o), id, &number))
        return report_set(why, POSSE_ENOENT, "%s: no such campaign", id);
    return observatory_originals(o, number, fn, ctx, why);
}
