/* Botnets as findings: shares by the hour and by the day, machines, changes. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/gather_priv.h"

#define HOUR_MS 3600000LL
#define DAY_MS 86400000LL
enum { WINDOWS_MOST = 20000 };

void gather_period(const struct share *s, int64_t from_ms, int64_t to_ms, struct found_period *out)
{
    *out = (struct found_period){from_ms, to_ms, s->messages, s->envelopes, s->bytes, s->addresses,
                                 {s->of[SHARE_MESSAGES], s->of[SHARE_ENVELOPES], s->of[SHARE_BYTES], s->of[SHARE_ADDRESSES]}};
}

static void own_period(struct gathering *g, struct found_period *p)
{
    struct estimate *e[] = {&p->share.messages, &p->share.envelopes, &p->share.bytes, &p->share.addresses};
    for (size_t i = 0; i < 4; i++)
        if (e[i]->method)
            *e[i] = gather_estimate(g->a, e[i]);
}

struct found_change gather_change(struct arena *a, const struct change *x)
{
    static const char *const kind[] = {"collapse", "surge", "pause", "return"}, *const cause[] = {"unknown", "takedown", "trap", "own pattern"};
    return (struct found_change){gather_text(a, kind[x->kind]), gather_text(a, cause[x->cause]), x->at_ms, x->at_lo_ms, x->at_hi_ms, x->told_ms,
                                 x->ended_ms, gather_estimate(a, &x->before), gather_estimate(a, &x->after), x->probability};
}

static int copy_changes(struct gathering *g, uint32_t number, struct found_change **out, size_t *n_out, int64_t *quiet_out)
{
    struct change_series *s = botnets_change(observatory_botnets(g->o), number);
    struct change *all = calloc(CHANGES_MAX, sizeof *all);
    size_t n = s && all ? change_list(s, all, CHANGES_MAX) : 0;
    *out = arena_zalloc(g->a, (n + 1) * sizeof **out);
    for (size_t i = 0; *out && i < n; i++)
        (*out)[(*n_out)++] = gather_change(g->a, &all[i]);
    struct change_quiet quiet;
    *quiet_out = s && change_quiet(s, &quiet) ? quiet.since_ms : 0;
    bool is_bad = !all || !*out;
    free(all);
    return is_bad ? gather_no_memory(g->why) : POSSE_OK;
}

/* All pieces of one length; only those in which it sent are kept, and all of the whole's. */
struct pieces { int64_t step_ms; bool is_hours; struct share *all; size_t max; };

static int grow(struct found_period **p, size_t n, struct gathering *g)
{
    if (n & (n - 1)) /* room is doubled at powers of two */
        return POSSE_OK;
    size_t bytes = n * sizeof **p;
    struct found_period *bigger = arena_grow(g->a, *p, bytes, n ? 2 * bytes : sizeof **p);
    if (!bigger)
        return gather_no_memory(g->why);
    *p = bigger;
    return POSSE_OK;
}

static int add_piece(struct gathering *g, struct pieces *x, const struct share *s, int64_t from, int64_t to)
{
    size_t i = gather_botnet_at(g, s->botnet);
    if (i == SIZE_MAX || (x->is_hours && !g->is_full[i]))
        return POSSE_OK;
    struct found_botnet *b = &g->f->botnet[i];
    struct found_period **list = x->is_hours ? &b->hour : &b->day;
    size_t *n = x->is_hours ? &b->n_hours : &b->n_days;
    int err = grow(list, *n, g);
    if (err)
        return err;
    gather_period(s, from, to, &(*list)[*n]);
    own_period(g, &(*list)[(*n)++]);
    return POSSE_OK;
}

static int ask_piece(struct gathering *g, struct pieces *x, int64_t from, int64_t to, struct share *total, size_t *n_out)
{
    struct shares *s = botnets_shares(observatory_botnets(g->o));
    size_t n = shares_ask(s, from, to, x->all, x->max, total);
    if (n > x->max) {
        struct share *bigger = realloc(x->all, n * sizeof *bigger);
        if (!bigger)
            return gather_no_memory(g->why);
        x->all = bigger;
        x->max = n;
        n = shares_ask(s, from, to, x->all, n, total);
    }
    *n_out = n;
    return POSSE_OK;
}

static int add_pieces(struct gathering *g, struct pieces *x)
{
    struct findings *f = g->f;
    struct share total;
    size_t n, most = (size_t)((f->to_ms - f->from_ms) / x->step_ms) + 2;
    int err = POSSE_OK;
    if (x->is_hours && !(f->hour = arena_zalloc(g->a, most * sizeof *f->hour)))
        return gather_no_memory(g->why);
    for (int64_t at = f->from_ms / x->step_ms * x->step_ms; at < f->to_ms && !err; at += x->step_ms) {
        int64_t from = at > f->from_ms ? at : f->from_ms, to = at + x->step_ms < f->to_ms ? at + x->step_ms : f->to_ms;
        err = ask_piece(g, x, from, to, &total, &n);
        if (!err && n && x->is_hours)
            f->hour[f->n_hours++] = (struct found_hour){from, total.messages, total.envelopes, total.addresses, total.bytes};
        for (size_t i = 0; i < n && !err; i++)
            err = add_piece(g, x, &x->all[i], from, to);
    }
    return err;
}

/* ---- one ---- */

static int copy_machines(struct gathering *g, uint32_t number, struct found_botnet *to)
{
    struct census *c = botnets_census(observatory_botnets(g->o), number);
    struct census_answer a;
    if (!c)
        return POSSE_OK;
    census_ask(c, g->f->from_ms, g->f->to_ms, &a);
    to->addresses = gather_estimate(g->a, &a.addresses);
    to->live = gather_estimate(g->a, &a.live);
    to->within_hour = gather_estimate(g->a, &a.within_window);
    to->ever = gather_estimate(g->a, &a.ever);
    to->lease_ms = a.lease_ms;
    to->machines_an_address = a.machines_an_address;
    to->doubt = gather_text(g->a, a.doubt);
    struct estimate *e = calloc(WINDOWS_MOST, sizeof *e);
    int64_t *start = calloc(WINDOWS_MOST, sizeof *start);
    size_t n = e && start ? census_windows(c, g->f->from_ms, g->f->to_ms, e, start, WINDOWS_MOST) : 0;
    n = n < WINDOWS_MOST ? n : WINDOWS_MOST;
    to->window = arena_zalloc(g->a, (n + 1) * sizeof *to->window);
    for (size_t i = 0; to->window && i < n; i++)
        to->window[to->n_windows++] = (struct found_live){start[i], gather_estimate(g->a, &e[i])};
    bool is_bad = !e || !start || !to->window;
    free(e);
    free(start);
    return is_bad ? gather_no_memory(g->why) : POSSE_OK;
}

static int copy_botnet(struct gathering *g, size_t i)
{
    struct found_botnet *to = &g->f->botnet[i];
    struct botnet b;
    uint32_t number = g->number[i];
    to->name = gather_text(g->a, number == SHARE_UNKNOWN ? "unknown" : number == SHARE_OTHERS ? "others" : "");
    if (to->name.n || !botnets_get(observatory_botnets(g->o), number, &b))
        return POSSE_OK;
    to->name = gather_text(g->a, b.name);
    to->is_described = b.is_described;
    to->first_ms = b.first_ms;
    to->last_ms = b.last_ms;
    to->messages = b.messages;
    to->envelopes = b.envelopes;
    to->bytes = b.bytes;
    to->mailer = arena_zalloc(g->a, (b.n_mailers + 1) * sizeof *to->mailer);
    for (size_t k = 0; to->mailer && k < b.n_mailers; k++) {
        char name[MAILER_NAME];
        mailer_name(b.mailer[k], name);
        to->mailer[to->n_mailers++] = gather_text(g->a, name);
    }
    int err = copy_changes(g, number, &to->change, &to->n_changes, &to->quiet_since_ms);
    return err || !g->is_full[i] ? err : copy_machines(g, number, to);
}

static int add_whole(struct gathering *g, struct pieces *x)
{
    struct findings *f = g->f;
    struct share total = {0};
    size_t n;
    int err = ask_piece(g, x, f->from_ms, f->to_ms, &total, &n);
    if (err)
        return err;
    f->total = (struct found_period){.from_ms = f->from_ms, .to_ms = f->to_ms, .messages = total.messages, .envelopes = total.envelopes,
                                     .bytes = total.bytes, .addresses = total.addresses};
    for (size_t i = 0; i < n; i++) {
        size_t at = gather_botnet_at(g, x->all[i].botnet);
        if (at != SIZE_MAX) {
            gather_period(&x->all[i], f->from_ms, f->to_ms, &f->botnet[at].whole);
            own_period(g, &f->botnet[at].whole);
        }
    }
    return POSSE_OK;
}

int gather_botnets(struct gathering *g)
{
    struct pieces hours = {.step_ms = HOUR_MS, .is_hours = true}, days = {.step_ms = DAY_MS};
    int64_t quiet;
    int err = POSSE_OK;
    for (size_t i = 0; i < g->f->n_botnets && !err; i++)
        err = copy_botnet(g, i);
    if (!err)
        err = copy_changes(g, 0, &g->f->change, &g->f->n_changes, &quiet);
    if (!err && botnets_shares(observatory_botnets(g->o))) {
        err = add_whole(g, &days);
        if (!err)
            err = add_pieces(g, &hours);
        if (!err)
            err = add_pieces(g, &days);
    }
    free(hours.all);
    free(days.all);
    return err;
}
