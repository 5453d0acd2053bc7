/* share_credit: what each campaign had in the latest hours, so that it can be moved when it turns out to be another botnet's.
 *
 * An hour's ledger is a table by campaign and botnet: sums as they came, by probability, their squares, the doubt. When CREDITS_MOST are
 * there the smaller half is forgotten, and stays where it was counted. Sums move exactly. What is known of their variance moves in proportion: a
 * row's cells (while the hour is open) by its part of the sum, its variance (when closed) by its part of the squares. Of an address it is
 * noted for which campaigns it sent, by tags of 16 bits, up to four: it goes with the last of them, and is in both botnets until then. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/share_priv.h"

enum { LEDGER_LEAST = 16 };

uint16_t credit_tag(uint64_t campaign) { return campaign ? (uint16_t)(1 + mix64(campaign ^ 0x7461675fu) % 65534) : UINT16_MAX; }

/* Ascending, and the least of them where there are more: in whatever order they came. */
void tags_add(struct seen *s, uint16_t tag)
{
    unsigned at = 0;
    while (at < TAGS && s->tag[at] && s->tag[at] < tag)
        at++;
    if (at < TAGS && s->tag[at] == tag)
        return;
    if (at == TAGS || s->tag[TAGS - 1])
        s->flags |= SEEN_MORE;
    if (at == TAGS)
        return;
    memmove(s->tag + at + 1, s->tag + at, (TAGS - 1 - at) * sizeof *s->tag);
    s->tag[at] = tag;
}

void tags_join(struct seen *to, const struct seen *from)
{
    for (unsigned i = 0; i < TAGS && from->tag[i]; i++)
        tags_add(to, from->tag[i]);
    to->flags |= from->flags;
}

/* False: it was not there. */
static bool tags_take(struct seen *s, uint16_t tag)
{
    for (unsigned i = 0; i < TAGS && s->tag[i]; i++)
        if (s->tag[i] == tag) {
            memmove(s->tag + i, s->tag + i + 1, (TAGS - 1 - i) * sizeof *s->tag);
            s->tag[TAGS - 1] = 0;
            return true;
        }
    return false;
}

/* ---- the ledger ---- */

static struct credit *credit_at(struct credit *table, size_t cap, uint64_t campaign, uint32_t botnet)
{
    size_t i = mix64(campaign * 0x9e3779b97f4a7c15u + botnet) & (cap - 1);
    while (table[i].campaign && (table[i].campaign != campaign || table[i].botnet != botnet))
        i = (i + 1) & (cap - 1);
    return &table[i];
}

void credits_free(struct ledger *l)
{
    free(l->of);
    *l = (struct ledger){0};
}

/* Into a table of `cap` places. */
static int remake(struct ledger *l, size_t cap, const struct credit *of, size_t n)
{
    struct credit *table = calloc(cap, sizeof *table);
    if (!table)
        return POSSE_ENOMEM;
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (of[i].campaign) {
            *credit_at(table, cap, of[i].campaign, of[i].botnet) = of[i];
            used++;
        }
    free(l->of);
    *l = (struct ledger){table, used, cap};
    return POSSE_OK;
}

int credit_compare(const void *a, const void *b)
{
    const struct credit *x = a, *y = b;
    return x->campaign != y->campaign ? (x->campaign < y->campaign ? -1 : 1) : (x->botnet > y->botnet) - (x->botnet < y->botnet);
}

static int most_first(const void *a, const void *b)
{
    const struct credit *x = a, *y = b;
    double d = y->raw[0] - x->raw[0];
    return d > 0 ? 1 : d < 0 ? -1 : credit_compare(a, b);
}

struct credit *credits_sorted(const struct ledger *l, size_t *n_out)
{
    struct credit *out = malloc((l->n + 1) * sizeof *out);
    *n_out = 0;
    for (size_t i = 0; out && i < l->cap; i++)
        if (l->of[i].campaign)
            out[(*n_out)++] = l->of[i];
    if (out && *n_out)
        qsort(out, *n_out, sizeof *out, credit_compare);
    return out;
}

static int forget_half(struct ledger *l)
{
    size_t n;
    struct credit *all = credits_sorted(l, &n);
    if (!all)
        return POSSE_ENOMEM;
    qsort(all, n, sizeof *all, most_first);
    int err = remake(l, l->cap, all, n / 2);
    free(all);
    return err;
}

struct credit *credit_put(struct ledger *l, uint64_t campaign, uint32_t botnet)
{
    struct credit *c = l->cap ? credit_at(l->of, l->cap, campaign, botnet) : NULL;
    if (c && c->campaign)
        return c;
    if (l->n == CREDITS_MOST && forget_half(l))
        return NULL;
    if (2 * (l->n + 1) > l->cap && remake(l, l->cap ? 2 * l->cap : LEDGER_LEAST, l->of, l->cap))
        return NULL;
    c = credit_at(l->of, l->cap, campaign, botnet);
    *c = (struct credit){.campaign = campaign, .botnet = botnet};
    l->n++;
    return c;
}

int credit_add(struct ledger *l, uint64_t campaign, uint32_t botnet, const double weight[WEIGHTS], double p, double n)
{
    struct credit *c = credit_put(l, campaign, botnet);
    if (!c)
        return POSSE_ENOMEM;
    for (unsigned k = 0; k < WEIGHTS; k++) {
        c->raw[k] += weight[k];
        c->sum[k] += p * weight[k];
        c->square[k] += (float)(weight[k] * weight[k] / n);
    }
    c->doubt += (float)(sqrt(p * (1 - p)) * n);
    return POSSE_OK;
}

static void credit_join(struct credit *to, const struct credit *from)
{
    for (unsigned k = 0; k < WEIGHTS; k++) {
        to->raw[k] += from->raw[k];
        to->sum[k] += from->sum[k];
        to->square[k] += from->square[k];
    }
    to->doubt += from->doubt;
}

int credits_rename(struct ledger *l, uint32_t from, uint32_t to)
{
    size_t n;
    struct credit *all = credits_sorted(l, &n);
    struct ledger new = {0};
    int err = all ? POSSE_OK : POSSE_ENOMEM;
    for (size_t i = 0; i < n && !err; i++) {
        struct credit *c = credit_put(&new, all[i].campaign, all[i].botnet == from ? to : all[i].botnet);
        if (c)
            credit_join(c, &all[i]);
        else
            err = POSSE_ENOMEM;
    }
    free(all);
    if (err) {
        credits_free(&new);
        return err;
    }
    free(l->of);
    *l = new;
    return POSSE_OK;
}

/* ---- sums ---- */

/* Part of a row, as it is given to another: so much, with its square, its cells and its variance. */
struct piece { double sum[WEIGHTS], square[WEIGHTS], variance[WEIGHTS], spread[WEIGHTS]; struct cells *cells; };

static double part_of(double x, double all) { return all > 0 ? fmin(1, fmax(0, x / all)) : 0; }

static void take(struct row *r, const double sum[WEIGHTS], const double square[WEIGHTS], struct piece *out)
{
    for (unsigned k = 0; k < WEIGHTS; k++) {
        double f = part_of(sum[k], r->sum[k]), q = part_of(square[k], r->square[k]);
        out->sum[k] = f * r->sum[k];
        out->square[k] = q * r->square[k];
        out->variance[k] = q * r->variance[k];
        out->spread[k] = q * q * r->spread[k];
        r->sum[k] -= out->sum[k];
        r->square[k] -= out->square[k];
        r->variance[k] -= out->variance[k];
        r->spread[k] *= (1 - q) * (1 - q);
        for (unsigned i = 0; r->cells && out->cells && i < GROUPS * PIECES; i++) {
            double *cell = &r->cells->of[k][i / PIECES][i % PIECES];
            out->cells->of[k][i / PIECES][i % PIECES] = f * *cell;
            *cell -= f * *cell;
        }
    }
}

/* So many times the piece. */
static void give(struct row *r, const struct piece *p, double times)
{
    for (unsigned k = 0; k < WEIGHTS; k++) {
        r->sum[k] += times * p->sum[k];
        r->square[k] += times * times * p->square[k];
        r->variance[k] += times * times * p->variance[k];
        r->spread[k] += times * times * times * times * p->spread[k];
        for (unsigned i = 0; r->cells && p->cells && i < GROUPS * PIECES; i++)
            r->cells->of[k][i / PIECES][i % PIECES] += times * p->cells->of[k][i / PIECES][i % PIECES];
    }
}

static void add_doubt(struct row *r, uint64_t campaign, double amount)
{
    uint64_t h = mix64(campaign);
    r->doubt[h % SIGNS] += h >> 63 ? amount : -amount;
}

struct rows { struct row *from, *to, *unknown; };

static void move_sums(const struct rows *r, const struct credit *c, double p, struct cells *scratch)
{
    double was = part_of(c->sum[0], c->raw[0]), square[WEIGHTS], rest[WEIGHTS], rest_square[WEIGHTS];
    struct piece own = {.cells = r->from->cells ? scratch : NULL}, doubted = {0};
    for (unsigned k = 0; k < WEIGHTS; k++) {
        square[k] = was * was * (double)c->square[k];
        rest[k] = c->raw[k] - c->sum[k];
        rest_square[k] = (1 - was) * (1 - was) * (double)c->square[k];
    }
    take(r->from, c->sum, square, &own);
    if (r->unknown && was < 1) { /* its cells go back in proportion, too */
        struct cells gone;
        doubted.cells = r->unknown->cells ? &gone : NULL;
        take(r->unknown, rest, rest_square, &doubted);
    }
    give(r->to, &own, was > 0 ? p / was : 0);
    if (r->unknown && p < 1)
        give(r->unknown, &own, was > 0 ? (1 - p) / was : 0);
    if (c->doubt > 0 && r->unknown) {
        add_doubt(r->from, c->campaign, -(double)c->doubt);
        add_doubt(r->unknown, c->campaign, -(double)c->doubt);
    }
    double doubt = sqrt(p * (1 - p)) * c->raw[0];
    if (doubt > 0 && r->unknown) {
        add_doubt(r->to, c->campaign, doubt);
        add_doubt(r->unknown, c->campaign, doubt);
    }
}

/* ---- addresses ---- */

struct gone { struct seen *of; size_t n; double from, left, moved; }; /* in the sample: of `from` before, after; new ones of `to` */

/* Those of the campaign go into a list; those that sent for nothing else of `from` are marked. */
static int take_seen(struct hour *h, uint32_t from, uint16_t tag, struct gone *g)
{
    size_t n = h->is_open ? h->cap_seen : h->n_seen;
    g->of = malloc((h->n_seen + 1) * sizeof *g->of);
    if (!g->of)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct seen *s = &h->seen[i];
        if (!s->pieces || s->botnet != from)
            continue;
        g->from++;
        g->left++;
        if (!tags_take(s, tag))
            continue;
        g->of[g->n++] = *s;
        if (s->tag[0] || s->flags & SEEN_MORE)
            continue;
        s->flags |= SEEN_GONE;
        g->left--;
    }
    return POSSE_OK;
}

/* Those marked leave; the others stay in order, or in the table. */
static int sweep_seen(struct hour *h)
{
    size_t n = 0;
    for (size_t i = 0; h->is_open && i < h->cap_seen; i++)
        if (h->seen[i].flags & SEEN_GONE)
            h->seen[i] = (struct seen){0};
    if (h->is_open)
        return hour_remake(h);
    for (size_t i = 0; i < h->n_seen; i++)
        if (!(h->seen[i].flags & SEEN_GONE))
            h->seen[n++] = h->seen[i];
    h->n_seen = n;
    return POSSE_OK;
}

static int move_seen(struct hour *h, uint32_t from, uint32_t to, uint16_t tag, double p, struct gone *g)
{
    int err = take_seen(h, from, tag, g);
    if (!err && g->left < g->from)
        err = sweep_seen(h);
    for (size_t i = 0; i < g->n && !err; i++) {
        size_t before = h->n_seen;
        struct seen s = {g->of[i].hash, to, g->of[i].pieces, (uint8_t)(p * 255 + 0.5), 0, {tag}};
        err = hour_put(h, &s);
        g->moved += h->n_seen > before;
    }
    free(g->of);
    g->of = NULL;
    return err;
}

/* A closed hour's addresses were counted before it was thinned: each in the sample stands for as many as it did then. */
static void move_addresses(const struct rows *r, const struct gone *g, double was, double p)
{
    double each = r->from->addresses / g->from, gone = g->from - g->left, part = gone / g->from, unsure = r->from->addresses_variance * part;
    r->from->addresses -= gone * each;
    r->from->addresses_variance -= unsure;
    r->to->addresses += p * g->moved * each;
    r->to->addresses_variance += unsure;
    if (r->unknown)
        r->unknown->addresses = fmax(0, r->unknown->addresses + ((1 - p) * g->moved - (1 - was) * gone) * each);
}

/* ---- one hour ---- */

/* Making one may move the others. */
static int rows_for(struct hour *h, uint32_t from, uint32_t to, bool is_doubted, struct rows *r)
{
    if (!hour_row(h, to) || (is_doubted && !hour_row(h, SHARE_UNKNOWN)))
        return POSSE_ENOMEM;
    r->from = hour_find(h, from);
    r->to = hour_row(h, to); /* the others', where there is no room */
    r->unknown = is_doubted ? hour_find(h, SHARE_UNKNOWN) : NULL;
    return POSSE_OK;
}

static void credit_move(struct credit *to, const struct credit *c, double p)
{
    for (unsigned k = 0; k < WEIGHTS; k++) {
        to->raw[k] += c->raw[k];
        to->sum[k] += p * c->raw[k];
        to->square[k] += c->square[k];
    }
    to->doubt += (float)(sqrt(p * (1 - p)) * c->raw[0]);
}

static int hour_credit(struct hour *h, uint64_t campaign, uint32_t from, uint32_t to, double p, struct share_moved *out)
{
    struct credit *c = h->ledger.cap ? credit_at(h->ledger.of, h->ledger.cap, campaign, from) : NULL, *into = NULL;
    if (!c || !(c->raw[0] > 0) || !hour_find(h, from))
        return POSSE_OK;
    struct credit was = *c;
    struct rows r = {0};
    struct gone g = {0};
    struct cells *scratch = h->is_open ? malloc(sizeof *scratch) : NULL;
    int err = h->is_open && !scratch ? POSSE_ENOMEM : rows_for(h, from, to, p < 1 || was.sum[0] < was.raw[0], &r);
    if (!err && (r.to == r.from || !(into = credit_put(&h->ledger, campaign, r.to->botnet))))
        err = r.to == r.from ? POSSE_OK : POSSE_ENOMEM;
    if (!err && into) {
        *out = (struct share_moved){h->number * HOUR_MS, was.raw[0], was.raw[1], was.raw[2], r.from->sum[0]};
        move_sums(&r, &was, p, scratch);
        credit_move(into, &was, p);
        if ((c = credit_put(&h->ledger, campaign, from))) /* the table may be another by now */
            *c = (struct credit){.campaign = campaign, .botnet = from};
        err = move_seen(h, from, r.to->botnet, credit_tag(campaign), p, &g);
        if (!h->is_open && g.from > 0)
            move_addresses(&r, &g, part_of(was.sum[0], was.raw[0]), p);
    }
    free(scratch);
    return err;
}

int shares_credit(struct shares *s, uint64_t campaign, uint32_t from, uint32_t to, double probability,
                  struct share_moved out[SHARES_CREDIT_HOURS], size_t *n_out)
{
    double p = probability >= 1 ? 1 : probability > 0 ? probability : 0;
    *n_out = 0;
    for (size_t i = 0; i < s->n_hours && from != to && to != SHARE_UNKNOWN; i++) {
        struct share_moved m = {0};
        int err = hour_credit(&s->hour[i], campaign, from, to, p, &m);
        if (m.messages > 0 && *n_out < SHARES_CREDIT_HOURS)
            out[(*n_out)++] = m;
        if (err)
            return err;
    }
    return POSSE_OK;
}
