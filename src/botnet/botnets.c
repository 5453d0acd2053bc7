/* Counting: each sighting to its botnet, its census, its shares and its minutes. */
#include "botnet/botnets.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/botnets_priv.h"

const char *const doubt_text[DOUBT_N] = {
    [DOUBT_NONE] = NULL,
    [DOUBT_MACHINES] = "it is written as this botnet writes, but the machines that send it hardly send for it otherwise",
    [DOUBT_MAILER] = "it comes from this botnet's machines, but is written as another's mailer writes",
    [DOUBT_TIE] = "another botnet is nearly as likely",
};

/* ---- botnets ---- */

uint32_t gang_alias(const struct botnets *b, uint32_t number)
{
    for (size_t i = 0; i < b->n_joined; i++) /* in order of joining, so that chains are followed */
        if (b->joined[i].from == number)
            number = b->joined[i].to;
    return number;
}

struct gang *gang_of(const struct botnets *b, uint32_t number)
{
    size_t from = 0, to = b->n_gangs;
    number = number && b->n_joined ? gang_alias(b, number) : number;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (b->gang[mid]->number < number)
            from = mid + 1;
        else
            to = mid;
    }
    return number && from < b->n_gangs && b->gang[from]->number == number ? b->gang[from] : NULL;
}

void gang_free(struct gang **g)
{
    if (!*g)
        return;
    census_free(&(*g)->census);
    change_free(&(*g)->series);
    sample_free(&(*g)->sample);
    free((*g)->sign);
    free(*g);
    *g = NULL;
}

int gang_found(struct botnets *b, const char *name, bool is_described, int64_t now_ms, struct gang **out)
{
    if (b->n_gangs == BOTNETS_MAX)
        return POSSE_ELIMIT;
    if (b->n_gangs == b->cap_gangs) {
        size_t cap = b->cap_gangs ? b->cap_gangs * 2 : 16;
        struct gang **more = realloc(b->gang, cap * sizeof *more);
        if (!more)
            return POSSE_ENOMEM;
        b->gang = more;
        b->cap_gangs = cap;
    }
    struct gang *g = calloc(1, sizeof *g);
    if (!g)
        return POSSE_ENOMEM;
    int err = census_new(&b->o.census, &g->census, NULL);
    if (err) {
        gang_free(&g);
        return err;
    }
    g->number = b->next_number++;
    g->is_described = is_described;
    g->first_ms = g->last_ms = now_ms;
    snprintf(g->name, sizeof g->name, "%s", name);
    b->gang[b->n_gangs++] = *out = g;
    return POSSE_OK;
}

int gang_add_key(struct botnets *b, struct gang *g, uint64_t key, double probability)
{
    int err = key_put(b, key, g->number, probability);
    if (err)
        return err;
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->key[i].key == key)
            return POSSE_OK;
    if (g->n_keys < GANG_KEYS)
        g->key[g->n_keys++] = (struct gang_key){.key = key};
    return POSSE_OK;
}

/* ---- new, free ---- */

int botnets_new(const struct botnets_options *o, struct botnets **out, struct report *why)
{
    struct botnets *b = *out = calloc(1, sizeof *b);
    int err = b ? POSSE_OK : POSSE_ENOMEM;
    if (!err) {
        b->o = *o;
        b->o.keep_ms = o->keep_ms ? o->keep_ms : 31 * DAY_MS;
        b->next_number = 1;
        b->ticked_ms = b->settled_ms = b->minute = INT64_MIN;
        b->waiting = calloc(WAITING, sizeof *b->waiting);
        err = b->waiting ? shares_new(b->o.keep_ms, &b->shares, NULL) : POSSE_ENOMEM;
    }
    err = err ? err : change_new(&b->all, NULL);
    err = err ? err : change_new(&b->spam, NULL);
    if (err) {
        botnets_free(out);
        return report_set(why, err, "out of memory for botnets");
    }
    return POSSE_OK;
}

void botnets_free(struct botnets **b)
{
    if (!b || !*b)
        return;
    for (size_t i = 0; i < (*b)->n_gangs; i++)
        gang_free(&(*b)->gang[i]);
    free((*b)->gang);
    free((*b)->joined);
    free((*b)->keys);
    free((*b)->waiting);
    free((*b)->camps);
    free((*b)->seen);
    shares_free(&(*b)->shares);
    change_free(&(*b)->all);
    change_free(&(*b)->spam);
    free(*b);
    *b = NULL;
}

/* ---- one sighting ---- */

/* What was settled of the campaign counts for those of its messages that are written as most of it are. */
static int whose(struct botnets *b, const struct sighting *s, const struct mailer *m, uint64_t campaign, struct gang **out,
                 double *probability, enum doubt *doubt)
{
    struct camp *c = camp_of(b, campaign);
    *doubt = DOUBT_NONE;
    if (c && (c->key == s->mailer || !s->mailer)) {
        *out = c->gang ? gang_of(b, c->gang) : NULL;
        *probability = *out ? (double)c->probability : 0;
        *doubt = (enum doubt)c->doubt;
        if (*out || c->doubt)
            return POSSE_OK;
    }
    return whose_mailer(b, s, m, out, probability);
}

static void count_key(struct gang *g, uint64_t key)
{
    for (size_t i = 0; i < g->n_keys; i++)
        if (g->key[i].key == key) {
            g->key[i].messages++;
            for (; i > 0 && g->key[i].messages > g->key[i - 1].messages; i--) {
                struct gang_key x = g->key[i];
                g->key[i] = g->key[i - 1];
                g->key[i - 1] = x;
            }
            return;
        }
}

static int count_gang(struct botnets *b, struct gang *g, const struct sighting *s, uint64_t campaign, bool is_learnt)
{
    struct as_info as = {0};
    g->messages++;
    g->envelopes += s->n_rcpt ? s->n_rcpt : 1;
    g->bytes += s->size_bytes;
    g->last_ms = s->time_ms > g->last_ms ? s->time_ms : g->last_ms;
    g->first_ms = s->time_ms < g->first_ms ? s->time_ms : g->first_ms;
    count_key(g, s->mailer);
    g->in_minute++; /* of the minute that is open, until botnets_tick ends it */
    if (ip_is_zero(&s->source))
        return POSSE_OK;
    astable_find(b->o.as, &s->source, &as);
    struct census_sight c = {.time_ms = s->time_ms, .source = s->source, .asn = s->asn ? s->asn : as.asn,
                             .is_dynamic = as.is_dynamic, .machine = s->machine, .n = 1};
    int err = census_add(g->census, &c);
    return err || !is_learnt ? err : sample_add(&g->sample, &s->source, campaign);
}

static int count_share(struct botnets *b, const struct sighting *s, const struct gang *g, double probability, uint64_t campaign)
{
    struct share_sight x = {.time_ms = s->time_ms, .botnet = g ? g->number : SHARE_UNKNOWN, .probability = g ? probability : 1,
                            .campaign = campaign, .source = s->source, .n_rcpt = s->n_rcpt ? s->n_rcpt : 1, .n = 1,
                            .bytes = s->size_bytes};
    return shares_add(b->shares, &x);
}

/* What became a part of another campaign is no campaign of its botnet beside it. */
static void forget_absorbed(struct botnets *b, uint64_t campaign)
{
    const struct camp *c = camp_of(b, campaign);
    struct gang *g = c ? gang_of(b, c->gang) : NULL;
    if (g)
        gang_forget(g, campaign);
}

int botnets_add(struct botnets *b, const struct sighting *s, const struct mailer *mailer, const struct join *j,
                struct membership *out)
{
    uint64_t campaign = j && j->how != JOINED_NONE ? j->number : 0;
    struct gang *g = NULL;
    double probability = 0;
    enum doubt doubt = DOUBT_NONE;
    if (out)
        *out = (struct membership){0};
    b->all_in_minute++;
    if (j && j->absorbed)
        forget_absorbed(b, j->absorbed);
    bool is_bulk = ((s->flags & SIGHTING_AUTHENTICATED) && (s->flags & SIGHTING_LIST)) || (campaign && j->is_bulk);
    if (!(s->flags & SIGHTING_SPAM) || is_bulk)
        return POSSE_OK;
    b->spam_in_minute++;
    int err = whose(b, s, mailer, campaign, &g, &probability, &doubt);
    err = err ? err : count_share(b, s, g, probability, campaign);
    err = err ? err : seen_add(b, s);
    if (!err && g && probability >= 0.5)
        err = count_gang(b, g, s, campaign, doubt == DOUBT_NONE);
    if (out && g) {
        out->botnet = g->number;
        out->probability = probability;
        out->doubt = doubt_text[doubt];
    }
    return err;
}

/* ---- time ---- */

static int gang_tick(struct gang *g, int64_t minute, bool is_watching)
{
    if (!g->series && g->messages < SERIES_FROM)
        return POSSE_OK;
    if (!g->series) {
        int err = change_new(&g->series, NULL);
        if (err)
            return err;
    }
    change_add(g->series, minute * MINUTE_MS, g->in_minute, is_watching);
    g->in_minute = 0;
    return POSSE_OK;
}

/* One minute is over. */
static int minute_over(struct botnets *b, int64_t minute, bool is_watching)
{
    int err = POSSE_OK;
    change_add(b->all, minute * MINUTE_MS, b->all_in_minute, is_watching);
    b->all_in_minute = 0;
    is_watching = is_watching && !change_is_deaf(b->all);
    change_add(b->spam, minute * MINUTE_MS, b->spam_in_minute, is_watching);
    b->spam_in_minute = 0;
    for (size_t i = 0; i < b->n_gangs && !err; i++)
        err = gang_tick(b->gang[i], minute, is_watching);
    return err;
}

enum { MINUTES_AT_ONCE = 60 * 24 * 400 }; /* a longer gap is no silence but a clock that was set */

int botnets_tick(struct botnets *b, int64_t now_ms, bool is_watching)
{
    int64_t minute = now_ms / MINUTE_MS - (now_ms % MINUTE_MS < 0);
    int err = POSSE_OK;
    if (b->ticked_ms == INT64_MIN || minute - b->minute > MINUTES_AT_ONCE)
        b->minute = minute - (b->ticked_ms != INT64_MIN);
    if (b->ticked_ms == INT64_MIN || now_ms > b->ticked_ms)
        b->ticked_ms = now_ms;
    for (; b->minute < minute && !err; b->minute++)
        err = minute_over(b, b->minute, is_watching);
    return err;
}

/* ---- looking ---- */

static void show(const struct gang *g, struct botnet *out)
{
    *out = (struct botnet){.number = g->number, .is_described = g->is_described, .first_ms = g->first_ms, .last_ms = g->last_ms,
                           .messages = g->messages, .envelopes = g->envelopes, .bytes = g->bytes,
                           .campaign = g->campaign, .n_campaigns = g->n_campaigns};
    memcpy(out->name, g->name, sizeof out->name);
    for (size_t i = 0; i < g->n_keys && out->n_mailers < 8; i++)
        out->mailer[out->n_mailers++] = g->key[i].key;
}

bool botnets_get(const struct botnets *b, uint32_t number, struct botnet *out)
{
    struct gang *g = gang_of(b, number);
    if (g)
        show(g, out);
    return g != NULL;
}

bool botnets_find(const struct botnets *b, const char *name, uint32_t *number_out)
{
    for (size_t i = 0; i < b->n_gangs; i++)
        if (strcmp(b->gang[i]->name, name) == 0) {
            *number_out = b->gang[i]->number;
            return true;
        }
    return false;
}

int botnets_each(const struct botnets *b, int (*fn)(void *ctx, const struct botnet *), void *ctx)
{
    for (size_t i = 0; i < b->n_gangs; i++) {
        struct botnet x;
        show(b->gang[i], &x);
        int rc = fn(ctx, &x);
        if (rc)
            return rc;
    }
    return 0;
}

static void tell(const struct why *w, struct member_reason *out)
{
    char *t = out->text, expected[16] = "less than one", were[24];
    const char *s = w->a == 1 ? "" : "s", *sends = w->a == 1 ? " that sends" : "s that send";
    size_t n = sizeof out->text;
    if (w->b)
        snprintf(expected, sizeof expected, "%u", w->b);
    snprintf(were, sizeof were, "%s %s", expected, w->b ? "were" : "was");
    switch ((enum why_kind)w->kind) {
    case WHY_MAILER: snprintf(t, n, "%u%% of its messages are written as this botnet's mailer writes", w->a); break;
    case WHY_SOURCES: snprintf(t, n, "%u machine%s for it otherwise; by chance there would be %s", w->a, sends, expected); break;
    case WHY_FEW_SOURCES: snprintf(t, n, "%u machine%s for it otherwise; %s to be expected", w->a, sends, w->b == 1 ? "1 was" : were); break;
    case WHY_LINKS: snprintf(t, n, "%u link%s that its other campaigns have", w->a, s); break;
    case WHY_FILES: snprintf(t, n, "%u attachment%s that its other campaigns have", w->a, s); break;
    case WHY_MARKS: snprintf(t, n, "%u money mark%s (phone numbers, wallets, shops) that its other campaigns have", w->a, s); break;
    case WHY_PRIOR: snprintf(t, n, "before anything is known: it may be any of %u botnet%s, or none", w->a, s); break;
    case WHY_OTHERS: snprintf(t, n, "what speaks for other botnets"); break;
    }
    out->bits = (double)w->bits;
}

bool botnets_member(const struct botnets *b, uint64_t campaign, struct membership *out)
{
    const struct camp *c = camp_of(b, campaign);
    if (!c)
        return false;
    *out = (struct membership){.botnet = gang_alias(b, c->gang), .probability = (double)c->probability, .doubt = doubt_text[c->doubt]};
    for (size_t i = 0; i < c->n_why; i++)
        tell(&c->why[i], &out->reason[out->n_reasons++]);
    return true;
}

struct shares *botnets_shares(struct botnets *b) { return b->shares; }

struct census *botnets_census(struct botnets *b, uint32_t number)
{
    struct gang *g = gang_of(b, number);
    return g ? g->census : NULL;
}

struct change_series *botnets_change(struct botnets *b, uint32_t number)
{
    struct gang *g = number ? gang_of(b, number) : NULL;
    return number ? (g ? g->series : NULL) : b->spam;
}
