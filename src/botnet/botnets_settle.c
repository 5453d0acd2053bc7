/* Campaigns looked at anew: which botnet each is of, which botnets are one.
 *
 * Bits for a botnet: PRIOR (it may be any of them), MAILER for the part of the campaign that is written as it writes, sources
 * (botnets_evidence.c), and links, attachments and money marks that other campaigns of it have and few other botnets. The odds
 * of all botnets and of none are made probabilities. Order: all campaigns are judged by what was known before, then learnt from, so
 * that the order in which they stand does not matter. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "botnet/botnets_priv.h"

/* MAILER and PRIOR leave 5.6 bits, which is KEY_PROBABILITY. */
static const double PRIOR = -2.4, MAILER = 8, LINK = 2.5, ATTACHMENT = 4, MARK = 5, SIGNS_CAP = 10, TIE = 2, ODD_SOURCES = -2;
static const double JOIN_BITS = 8, JOIN_SHARE = 0.25, FORGET = 0.98;
#define PARTED_MS DAY_MS

/* ---- signs ---- */

static struct sign *sign_of(const struct gang *g, uint64_t key)
{
    for (size_t i = 0, at = key & (GANG_SIGNS - 1); g->sign && i < 8; i++, at = (at + 1) & (GANG_SIGNS - 1))
        if (g->sign[at].key == key)
            return &g->sign[at];
    return NULL;
}

bool gang_has_sign(const struct gang *g, uint64_t key, uint64_t but)
{
    const struct sign *s = key ? sign_of(g, key) : NULL;
    return s && (s->twice || s->campaign != but);
}

/* Of eight places one is found or taken; the first goes where all are used by others (they are many then, and common). */
void gang_add_sign(struct gang *g, uint64_t key, uint64_t campaign)
{
    if (!key || (!g->sign && !(g->sign = calloc(GANG_SIGNS, sizeof *g->sign))))
        return; /* without memory there is less to go by, no harm */
    struct sign *s = sign_of(g, key);
    if (s) {
        s->twice |= s->campaign != campaign;
        return;
    }
    size_t at = key & (GANG_SIGNS - 1), i = 0;
    while (i < 8 && g->sign[(at + i) & (GANG_SIGNS - 1)].key)
        i++;
    if (i == 8)
        i = campaign & 7;
    else
        g->n_signs++;
    g->sign[(at + i) & (GANG_SIGNS - 1)] = (struct sign){.key = key, .campaign = campaign};
}

static unsigned gangs_with(const struct botnets *b, uint64_t key, uint64_t but)
{
    unsigned n = 0;
    for (size_t i = 0; i < b->n_gangs; i++)
        n += gang_has_sign(b->gang[i], key, but);
    return n;
}

/* A sign that several botnets have says less: one bit for each doubling. */
static unsigned signs(const struct botnets *b, const struct gang *g, const struct campaign *c, const struct counted *list, double each,
                      double *bits)
{
    unsigned n = 0;
    for (size_t i = 0; i < CAMPAIGN_TOP && list[i].key; i++) {
        if (list[i].n * 10 < c->messages || !gang_has_sign(g, list[i].key, c->number))
            continue; /* what one message in ten has not is not the campaign's */
        double says = each - log2((double)gangs_with(b, list[i].key, c->number));
        *bits += says > 0 ? says : 0;
        n++;
    }
    return n;
}

/* ---- one campaign and one botnet ---- */

struct judged { double bits, sources, mailer; struct why why[MEMBER_REASONS]; uint8_t n_why; };

static void say(struct judged *j, enum why_kind kind, double bits, double a, double b)
{
    j->bits += bits;
    if (j->n_why < MEMBER_REASONS && (bits != 0 || kind == WHY_PRIOR))
        j->why[j->n_why++] = (struct why){.kind = (uint8_t)kind, .bits = (float)bits, .a = (uint32_t)(a + 0.5), .b = (uint32_t)(b + 0.5)};
}

static void judge(const struct botnets *b, const struct evidence *e, uint32_t slot, const struct campaign *c, struct judged *j)
{
    static const enum why_kind kind[] = {WHY_LINKS, WHY_FILES, WHY_MARKS};
    const struct gang *g = b->gang[slot];
    const struct tally *t = &e->tally[slot];
    const double each[] = {LINK, ATTACHMENT, MARK};
    const struct counted *list[] = {c->link, c->file, c->mark};
    double messages = 0, left = SIGNS_CAP;
    *j = (struct judged){0};
    say(j, WHY_PRIOR, PRIOR, (double)b->n_gangs, 0);
    for (size_t i = 0; i < CAMPAIGN_TOP && c->mailer[i].key; i++) {
        const struct key_entry *k = key_of(b, c->mailer[i].key);
        messages += (k && gang_alias(b, k->number) == g->number) || c->mailer[i].key == g->copies ? c->mailer[i].n : 0;
    }
    j->mailer = messages > (double)c->messages ? 1 : messages / (double)c->messages;
    say(j, WHY_MAILER, MAILER * j->mailer, 100 * j->mailer, 0);
    if (t->is_touched && t->n > 0) {
        double rate = gang_rate(g);
        j->sources = evidence_bits(t->k, t->n, t->chance, rate);
        /* That a campaign shares no machines with a botnet that it has nothing else of is no news. */
        if (j->sources > 0 || j->mailer > 0)
            say(j, j->sources > 0 ? WHY_SOURCES : WHY_FEW_SOURCES, j->sources, t->k, j->sources > 0 ? t->chance : rate * t->n);
    }
    for (size_t i = 0; i < 3; i++) {
        double bits = 0;
        unsigned n = signs(b, g, c, list[i], each[i], &bits);
        bits = bits > left ? left : bits;
        left -= bits;
        say(j, kind[i], bits, n, 0);
    }
}

static enum doubt doubt_of(const struct judged *won, double second, const struct campaign *c)
{
    if (won->mailer < 0.5 && c->mailer[0].key && won->sources > 0)
        return DOUBT_MAILER;
    if (won->mailer >= 0.5 && won->sources <= ODD_SOURCES)
        return DOUBT_MACHINES;
    return won->bits - second < TIE ? DOUBT_TIE : DOUBT_NONE;
}

static bool mailer_is_foreign(const struct botnets *b, const struct campaign *c, const struct gang *g)
{
    const struct key_entry *k = key_of(b, c->mailer[0].key);
    return k && gang_alias(b, k->number) != g->number;
}

static void judge_campaign(const struct botnets *b, const struct evidence *e, const struct campaign *c, struct camp *out)
{
    struct judged best = {.bits = -INFINITY};
    uint32_t won = 0;
    double second = -INFINITY, sum = 1;
    *out = (struct camp){.number = c->number, .key = c->mailer[0].key, .last_ms = c->last_ms};
    for (uint32_t i = 0; i < b->n_gangs; i++) {
        struct judged j;
        judge(b, e, i, c, &j);
        if (j.bits <= PRIOR)
            continue; /* nothing speaks for it: it stays within "none" */
        sum += exp2(j.bits);
        if (j.bits > best.bits) {
            second = best.bits;
            out->rival = best.n_why ? b->gang[won]->number : 0;
            best = j;
            won = i;
        } else if (j.bits > second) {
            second = j.bits;
            out->rival = b->gang[i]->number;
        }
    }
    if (!best.n_why)
        return;
    out->gang = b->gang[won]->number;
    out->probability = (float)(exp2(best.bits) / sum);
    double others = -log2(sum - exp2(best.bits));
    if (others < -0.05)
        say(&best, WHY_OTHERS, others, 0, 0);
    out->doubt = (uint8_t)doubt_of(&best, second, c);
    if (out->doubt == DOUBT_MAILER && !mailer_is_foreign(b, c, b->gang[won]))
        out->doubt = DOUBT_NONE; /* a new mailer of a known botnet */
    memcpy(out->why, best.why, sizeof out->why);
    out->n_why = best.n_why;
}

/* ---- learning ---- */

static void remember_campaign(struct gang *g, uint64_t campaign)
{
    for (size_t i = 0; i < g->n_campaigns; i++)
        if (g->campaign[i] == campaign)
            return;
    g->campaign[g->next_campaign] = campaign; /* the oldest goes */
    g->next_campaign = (g->next_campaign + 1) % GANG_CAMPAIGNS;
    g->n_campaigns += g->n_campaigns < GANG_CAMPAIGNS;
}

void gang_forget(struct gang *g, uint64_t campaign)
{
    for (size_t i = 0; i < g->n_campaigns; i++)
        if (g->campaign[i] == campaign) {
            g->campaign[i] = g->campaign[--g->n_campaigns];
            g->next_campaign = g->n_campaigns;
            return;
        }
}

static void learn_signs(struct gang *g, const struct campaign *c)
{
    const struct counted *list[] = {c->link, c->file, c->mark};
    for (size_t l = 0; l < 3; l++)
        for (size_t i = 0; i < CAMPAIGN_TOP && list[l][i].key; i++)
            if (list[l][i].n * 10 >= c->messages)
                gang_add_sign(g, list[l][i].key, c->number);
}

/* What was counted of it before: as its mailer's, or as nobody's, or as what was settled last. */
static int credit_learnt(struct botnets *b, uint64_t campaign, struct gang *was, struct gang *now, double probability)
{
    struct credited sum = {.n = 0}, first = {.n = 0};
    int err = was && was != now ? credit_campaign(b, campaign, was->number, now, probability, &sum) : POSSE_OK;
    err = err ? err : credit_done(b, was, now, &sum);
    err = err ? err : credit_campaign(b, campaign, SHARE_UNKNOWN, now, probability, &first);
    return err ? err : credit_done(b, NULL, now, &first);
}

static int learn(struct botnets *b, const struct campaign *c, const struct camp *x)
{
    struct camp *old = camp_of(b, c->number);
    struct gang *g = x->probability >= 0.5f ? gang_of(b, x->gang) : NULL, *was = old ? gang_of(b, old->gang) : NULL;
    if (was && was != g)
        gang_forget(was, c->number);
    /* Its sources stand in the sample of the botnet whose mailer it has, since they came. */
    const struct key_entry *k = key_of(b, c->mailer[0].key);
    struct gang *writes = k ? gang_of(b, k->number) : NULL;
    if (writes)
        sample_settle(&writes->sample, c->number, writes == g && x->doubt == DOUBT_NONE);
    int err = g && (!was || was != g) ? credit_learnt(b, c->number, was ? was : writes, g, (double)x->probability) : POSSE_OK;
    if (err)
        return err;
    if (g && g != writes && x->doubt == DOUBT_NONE)
        sample_settle(&g->sample, c->number, true);
    if (g) {
        remember_campaign(g, c->number);
        if (x->doubt == DOUBT_NONE && x->probability >= 0.9f)
            learn_signs(g, c);
        /* A mailer of nobody in a campaign that is surely this botnet's is another of its mailers. */
        if (!k && c->mailer[0].key && x->probability >= 0.99f && c->mailer[0].n * 2 > c->messages &&
            gang_add_key(b, g, c->mailer[0].key, KEY_PROBABILITY) == POSSE_ENOMEM)
            return POSSE_ENOMEM;
    }
    return camp_put(b, x);
}

/* ---- botnets that are one ---- */

struct pair { uint32_t x, y; double k, chance; };

static int by_pair(const void *p, const void *q)
{
    const struct pair *a = p, *b = q;
    return a->x != b->x ? (a->x < b->x ? -1 : 1) : a->y < b->y ? -1 : a->y > b->y;
}

/* How many addresses of each pair's samples are the same; only pairs that share some. */
static int pairs_of(const struct evidence *e, struct pair **out, size_t *n_out)
{
    struct pair *p = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < e->n_holders; i++)
        for (size_t k = i + 1; k < e->n_holders && e->holder[k].ip == e->holder[i].ip; k++) {
            if (n == cap) {
                cap = cap ? cap * 2 : 256;
                struct pair *more = realloc(p, cap * sizeof *p);
                if (!more) {
                    free(p);
                    return POSSE_ENOMEM;
                }
                p = more;
            }
            p[n++] = (struct pair){.x = e->holder[i].slot, .y = e->holder[k].slot, .k = 1};
        }
    if (n)
        qsort(p, n, sizeof *p, by_pair);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (kept && p[kept - 1].x == p[i].x && p[kept - 1].y == p[i].y)
            p[kept - 1].k++;
        else
            p[kept++] = p[i];
    *out = p;
    *n_out = kept;
    return POSSE_OK;
}

/* Chance, and how many of the smaller could have been in the other. Rooms of networks are not known by their hashes: the narrower. */
static void pair_chance(const struct evidence *e, const struct botnets *b, struct pair *p, double *n_out)
{
    double n_x = 0, n_y = 0;
    for (size_t i = 0; i < e->n_crowds; i++) {
        const struct crowd *a = &e->crowd[i];
        bool both = sample_has_net(&b->gang[p->x]->sample, a->net) && sample_has_net(&b->gang[p->y]->sample, a->net);
        n_x += both && a->slot == p->x ? a->n : 0;
        n_y += both && a->slot == p->y ? a->n : 0;
        for (size_t k = i + 1; a->slot == p->x && k < e->n_crowds && e->crowd[k].net == a->net; k++)
            p->chance += e->crowd[k].slot == p->y ? (double)a->n * e->crowd[k].n / 64 : 0;
    }
    *n_out = n_x < n_y ? n_x : n_y;
}

/* What was parted of late is not joined: until each campaign was judged anew, samples of both have machines of either. */
static bool was_parted(const struct botnets *b, const struct gang *x, const struct gang *y, int64_t now_ms)
{
    bool y_left = y->parted_from && gang_alias(b, y->parted_from) == x->number && now_ms - y->parted_ms < PARTED_MS;
    return y_left || (x->parted_from && gang_alias(b, x->parted_from) == y->number && now_ms - x->parted_ms < PARTED_MS);
}

static bool are_one(const struct evidence *e, const struct botnets *b, struct pair *p, int64_t now_ms)
{
    const struct gang *x = b->gang[p->x], *y = b->gang[p->y];
    double n, rate_x = gang_rate(x), rate_y = gang_rate(y), rate = rate_x < rate_y ? rate_x : rate_y;
    if ((x->is_described && y->is_described) || p->k < 8 || was_parted(b, x, y, now_ms))
        return false;
    pair_chance(e, b, p, &n);
    /* Chance may fill small networks: then nothing follows. And one pool means a good part in common, not just more than chance. */
    return evidence_bits(p->k, n, p->chance, rate > JOIN_SHARE ? rate : JOIN_SHARE) >= JOIN_BITS && p->k - p->chance >= JOIN_SHARE * n / 2;
}

int gangs_join(struct botnets *b, struct gang *x, struct gang *y)
{
    if (y->number < x->number || (y->is_described && !x->is_described)) {
        struct gang *z = x;
        x = y;
        y = z;
    }
    void *more = realloc(b->joined, (b->n_joined + 1) * sizeof *b->joined);
    if (!more)
        return POSSE_ENOMEM;
    b->joined = more;
    int err = shares_move(b->shares, y->number, x->number);
    err = err ? err : sample_join(&x->sample, &y->sample);
    if (err)
        return err;
    for (size_t i = 0; i < y->n_keys; i++) {
        struct key_entry *k = key_of(b, y->key[i].key);
        if (k)
            k->number = x->number;
        if (x->n_keys < GANG_KEYS)
            x->key[x->n_keys++] = y->key[i];
    }
    for (size_t i = 0; y->sign && i < GANG_SIGNS; i++)
        gang_add_sign(x, y->sign[i].key, y->sign[i].campaign);
    for (size_t i = 0; i < y->n_campaigns; i++)
        remember_campaign(x, y->campaign[i]);
    if (y->messages > x->messages) { /* machines and minutes of the larger part go on; they cannot be added */
        struct census *c = x->census;
        struct change_series *s = x->series;
        x->census = y->census, y->census = c;
        x->series = y->series, y->series = s;
    }
    x->messages += y->messages;
    x->envelopes += y->envelopes;
    x->bytes += y->bytes;
    x->in_minute += y->in_minute;
    x->first_ms = y->first_ms < x->first_ms ? y->first_ms : x->first_ms;
    x->last_ms = y->last_ms > x->last_ms ? y->last_ms : x->last_ms;
    b->joined[b->n_joined].from = y->number;
    b->joined[b->n_joined++].to = x->number;
    for (size_t i = 0; i < b->n_gangs; i++)
        if (b->gang[i] == y) {
            gang_free(&b->gang[i]);
            memmove(&b->gang[i], &b->gang[i + 1], (--b->n_gangs - i) * sizeof *b->gang);
            break;
        }
    return POSSE_OK;
}

static int join_pairs(struct botnets *b, const struct evidence *e, int64_t now_ms)
{
    struct pair *p;
    size_t n, m = 0;
    int err = pairs_of(e, &p, &n);
    if (err)
        return err;
    for (size_t i = 0; i < n; i++)
        if (are_one(e, b, &p[i], now_ms)) /* slots change as botnets are joined: by number from here on */
            p[m++] = (struct pair){.x = b->gang[p[i].x]->number, .y = b->gang[p[i].y]->number};
    for (size_t i = 0; i < m && !err; i++) {
        struct gang *x = gang_of(b, p[i].x), *y = gang_of(b, p[i].y);
        if (x && y && x != y && !(x->is_described && y->is_described))
            err = gangs_join(b, x, y);
    }
    free(p);
    return err;
}

/* ---- all of it ---- */

struct verdict_of { struct camp camp; double k, n; }; /* k of n sources are known to the botnet that it is */
struct settle {
    struct botnets *b;
    struct campaigns *c;
    struct evidence e;
    struct verdict_of *judged; size_t n;
    uint64_t *number; size_t n_numbers, cap_numbers;
    int err;
};

static int list_campaign(void *ctx, const struct campaign *c)
{
    struct settle *s = ctx;
    if (c->is_bulk || !c->spam || c->last_ms < s->b->settled_ms || c->messages < 3)
        return 0;
    if (s->n_numbers == s->cap_numbers) {
        size_t cap = s->cap_numbers ? s->cap_numbers * 2 : 256;
        uint64_t *more = realloc(s->number, cap * sizeof *more);
        if (!more)
            return s->err = POSSE_ENOMEM;
        s->number = more;
        s->cap_numbers = cap;
    }
    s->number[s->n_numbers++] = c->number;
    return 0;
}

static int judge_all(struct settle *s)
{
    s->judged = malloc((s->n_numbers + 1) * sizeof *s->judged);
    if (!s->judged)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < s->n_numbers; i++) {
        struct campaign c;
        if (!campaigns_get(s->c, s->number[i], &c))
            continue;
        evidence_sources(&s->e, s->c, c.number);
        struct verdict_of *v = &s->judged[s->n++];
        *v = (struct verdict_of){0};
        judge_campaign(s->b, &s->e, &c, &v->camp);
        for (uint32_t g = 0; g < s->b->n_gangs; g++)
            if (s->b->gang[g]->number == v->camp.gang) {
                v->k = s->e.tally[g].k;
                v->n = s->e.tally[g].n;
            }
    }
    return POSSE_OK;
}

static int learn_all(struct settle *s)
{
    for (size_t i = 0; i < s->n && !s->err; i++) {
        struct campaign c;
        const struct verdict_of *v = &s->judged[i];
        struct gang *g = gang_of(s->b, v->camp.gang);
        if (g && v->camp.doubt == DOUBT_NONE && v->camp.probability >= 0.5f) {
            g->same_k = g->same_k * FORGET + v->k;
            g->same_n = g->same_n * FORGET + v->n;
        }
        if (campaigns_get(s->c, v->camp.number, &c))
            s->err = learn(s->b, &c, &v->camp);
        s->err = s->err == POSSE_ELIMIT ? POSSE_OK : s->err; /* no room: it is judged anew next time */
    }
    return s->err;
}

static void drop_silent(struct botnets *b, int64_t now_ms)
{
    for (size_t i = 0; b->n_gangs > BOTNETS_MAX / 2 && i < b->n_gangs;) {
        struct gang *g = b->gang[i];
        if (g->last_ms > now_ms - b->o.keep_ms) {
            i++;
            continue;
        }
        for (size_t k = 0; k < g->n_keys; k++) {
            struct key_entry *e = key_of(b, g->key[k].key);
            if (e)
                e->number = 0; /* waits again */
        }
        gang_free(&b->gang[i]);
        memmove(&b->gang[i], &b->gang[i + 1], (--b->n_gangs - i) * sizeof *b->gang);
    }
}

static int split_all(struct settle *s, int64_t now_ms)
{
    struct camp *judged = malloc((s->n + 1) * sizeof *judged);
    uint32_t *number = malloc((s->b->n_gangs + 1) * sizeof *number);
    size_t n = s->b->n_gangs;
    int err = judged && number ? POSSE_OK : POSSE_ENOMEM;
    for (size_t i = 0; !err && i < s->n; i++)
        judged[i] = s->judged[i].camp;
    for (size_t i = 0; !err && i < n; i++)
        number[i] = s->b->gang[i]->number;
    for (size_t i = 0; !err && i < n; i++)
        err = gang_split(s->b, s->c, number[i], judged, s->n, now_ms);
    free(judged);
    free(number);
    return err;
}

int botnets_settle(struct botnets *b, struct campaigns *c, int64_t now_ms, struct report *why)
{
    struct settle s = {.b = b, .c = c};
    int err = campaigns_each(c, list_campaign, &s);
    err = err ? err : evidence_new(b, &s.e);
    err = err ? err : judge_all(&s);
    err = err ? err : learn_all(&s);
    err = err ? err : join_pairs(b, &s.e, now_ms);
    err = err ? err : split_all(&s, now_ms);
    evidence_free(&s.e);
    free(s.judged);
    free(s.number);
    if (err)
        return report_set(why, err, "botnets could not be settled: %s", posse_strerror(err));
    drop_silent(b, now_ms);
    b->settled_ms = now_ms;
    return POSSE_OK;
}
