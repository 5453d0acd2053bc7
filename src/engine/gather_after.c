#include "engine/gather_after.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/gather_priv.h"

#define HOUR_MS 3600000LL
enum { ROWS = 64, HOURS_MOST = 24 * 400 };

struct looking {
    struct observatory *o;
    const struct findings *f;
    const struct after_want *w;
    struct arena *a;
    struct found_watch *out;
    struct report *why;
    uint32_t subject[ROWS]; size_t n_subjects; /* botnets */
    uint64_t *campaign; size_t n_campaigns;    /* where the case is about campaigns only */
    uint32_t row[ROWS]; size_t n_rows;         /* botnets that are counted by the hour */
    int64_t first; size_t n;                   /* hours */
    uint64_t *own, *whole, *of[ROWS];
    size_t before, after;                      /* hours [0, before) and [after, n) */
    struct effect effect;
    struct change_quiet quiet;                 /* where effect.is_quiet */
    struct ip *ip; size_t n_ips;
};

static bool is_subject(const struct looking *l, uint32_t botnet)
{
    for (size_t i = 0; i < l->n_subjects; i++)
        if (l->subject[i] == botnet)
            return true;
    return false;
}

static bool is_own_campaign(const struct looking *l, uint64_t number)
{
    struct membership m;
    for (size_t i = 0; i < l->n_campaigns; i++)
        if (l->campaign[i] == number)
            return true;
    return botnets_member(observatory_botnets(l->o), number, &m) && is_subject(l, m.botnet);
}

/* ---- who it is about ---- */

static void name_z(struct span s, char *out, size_t n)
{
    size_t k = s.n < n - 1 ? s.n : n - 1;
    if (k)
        memcpy(out, s.p, k);
    out[k] = '\0';
}

static int find_subjects(struct looking *l)
{
    char name[BOTNET_NAME + CAMPAIGN_ID];
    for (size_t i = 0; i < l->f->n_botnets && l->n_subjects < ROWS; i++) {
        name_z(l->f->botnet[i].name, name, sizeof name);
        if (l->f->botnet[i].is_subject && botnets_find(observatory_botnets(l->o), name, &l->subject[l->n_subjects]))
            l->n_subjects++;
    }
    if (l->n_subjects)
        return POSSE_OK;
    l->campaign = arena_zalloc(l->a, (l->f->n_campaigns + 1) * sizeof *l->campaign);
    for (size_t i = 0; l->campaign && i < l->f->n_campaigns; i++) {
        name_z(l->f->campaign[i].id, name, sizeof name);
        l->n_campaigns += campaigns_find(observatory_campaigns(l->o), name, &l->campaign[l->n_campaigns]);
    }
    return l->n_campaigns ? POSSE_OK : report_set(l->why, POSSE_ENOENT, "the observatory knows no botnet and no campaign that this case is about");
}

/* ---- counting ---- */

static size_t row_of(struct looking *l, uint32_t botnet)
{
    for (size_t i = 0; i < l->n_rows; i++)
        if (l->row[i] == botnet)
            return i;
    if (l->n_rows == ROWS || botnet == SHARE_OTHERS)
        return SIZE_MAX;
    l->of[l->n_rows] = arena_zalloc(l->a, l->n * sizeof **l->of);
    if (!l->of[l->n_rows])
        return SIZE_MAX;
    l->row[l->n_rows] = botnet;
    return l->n_rows++;
}

static int count_hours(struct looking *l)
{
    struct shares *s = botnets_shares(observatory_botnets(l->o));
    struct share *all = calloc(SHARES_ROWS + 2, sizeof *all), total;
    l->own = arena_zalloc(l->a, (l->n + 1) * sizeof *l->own);
    l->whole = arena_zalloc(l->a, (l->n + 1) * sizeof *l->whole);
    if (!all || !l->own || !l->whole) {
        free(all);
        return gather_no_memory(l->why);
    }
    for (size_t h = 0; h < l->n; h++) {
        int64_t from = l->first + (int64_t)h * HOUR_MS;
        size_t k = shares_ask(s, from, from + HOUR_MS, all, SHARES_ROWS + 2, &total);
        l->whole[h] = k ? total.messages : 0;
        for (size_t i = 0; i < k && i < SHARES_ROWS + 2; i++) {
            size_t row = row_of(l, all[i].botnet);
            if (row != SIZE_MAX)
                l->of[row][h] = all[i].messages;
            l->own[h] += is_subject(l, all[i].botnet) ? all[i].messages : 0;
        }
    }
    free(all);
    return POSSE_OK;
}

static int count_campaigns(struct looking *l)
{
    struct campaign *c = malloc(sizeof *c);
    for (size_t i = 0; c && i < l->n_campaigns; i++) {
        if (!campaigns_get(observatory_campaigns(l->o), l->campaign[i], c))
            continue;
        for (size_t k = 0; k < c->n_hours; k++) {
            int64_t h = (c->hour[k].hour * HOUR_MS - l->first) / HOUR_MS;
            if (h >= 0 && (size_t)h < l->n)
                l->own[h] += c->hour[k].messages;
        }
    }
    free(c);
    return c ? POSSE_OK : gather_no_memory(l->why);
}

static int set_hours(struct looking *l)
{
    struct shares *s = botnets_shares(observatory_botnets(l->o));
    int64_t first = 0, now = observatory_now_ms(l->o), to = l->w->to_ms && l->w->to_ms < now ? l->w->to_ms : now;
    if (!s || !shares_hours(s, &first, 1))
        return report_set(l->why, POSSE_EINVAL, "nothing was observed yet");
    l->first = l->w->from_ms > first ? l->w->from_ms / HOUR_MS * HOUR_MS : first;
    if (l->first >= l->w->action_ms)
        return report_set(l->why, POSSE_EINVAL, "no hour before the action is known (the observatory keeps 31 days): nothing to compare with");
    int64_t n = (to - l->first) / HOUR_MS; /* the last hour is not over */
    l->n = n < 0 ? 0 : n < HOURS_MOST ? (size_t)n : HOURS_MOST;
    l->effect.seen_ms = to;
    return POSSE_OK;
}

/* ---- when ---- */

/* The collapse or pause nearest to the action, of any of the botnets. */
static void find_change(struct looking *l)
{
    struct change all[CHANGES_MAX];
    int64_t nearest = INT64_MAX;
    for (size_t i = 0; i < l->n_subjects; i++) {
        struct change_series *s = botnets_change(observatory_botnets(l->o), l->subject[i]);
        size_t n = s ? change_list(s, all, CHANGES_MAX) : 0;
        for (size_t k = 0; k < n; k++) {
            int64_t away = all[k].at_ms < l->w->action_ms ? l->w->action_ms - all[k].at_ms : all[k].at_ms - l->w->action_ms;
            if (all[k].kind == CHANGE_RETURN && all[k].at_ms > l->w->action_ms)
                l->effect.is_back = true;
            if ((all[k].kind != CHANGE_COLLAPSE && all[k].kind != CHANGE_PAUSE) || away >= nearest ||
                (all[k].ended_ms && all[k].ended_ms <= l->w->action_ms))
                continue;
            nearest = away;
            l->effect.has_change = true;
            l->effect.is_own_pattern = all[k].kind == CHANGE_PAUSE || all[k].cause == CAUSE_OWN_PATTERN;
            l->effect.is_trap = all[k].cause == CAUSE_TRAP;
            l->effect.is_back |= all[k].ended_ms != 0;
            l->effect.at_lo_ms = all[k].at_lo_ms;
            l->effect.at_hi_ms = all[k].at_hi_ms;
            struct found_change c = gather_change(l->a, &all[k]);
            l->out->cause = c.cause;
            l->out->since_ms = c.at_ms;
            l->out->since_lo_ms = c.at_lo_ms;
            l->out->since_hi_ms = c.at_hi_ms;
        }
    }
}

/* Where no change was called: is one of them quiet since? */
static void find_quiet(struct looking *l)
{
    for (size_t i = 0; i < l->n_subjects && !l->effect.has_change; i++) {
        struct change_series *s = botnets_change(observatory_botnets(l->o), l->subject[i]);
        struct change_quiet q;
        if (!s || !change_quiet(s, &q) || q.hi_ms < l->w->action_ms - HOUR_MS || (l->effect.is_quiet && q.expected < l->quiet.expected))
            continue;
        l->effect.is_quiet = true;
        l->effect.at_lo_ms = q.lo_ms;
        l->effect.at_hi_ms = q.hi_ms;
        l->quiet = q;
        l->out->since_ms = q.since_ms;
        l->out->since_lo_ms = q.lo_ms;
        l->out->since_hi_ms = q.hi_ms;
    }
}

static int split_hours(struct looking *l)
{
    int64_t action = l->w->action_ms, fell = action;
    if ((l->effect.has_change || l->effect.is_quiet) && l->effect.at_hi_ms > action && l->effect.at_hi_ms < action + 24 * HOUR_MS)
        fell = l->effect.at_hi_ms;
    l->before = (size_t)((action - l->first) / HOUR_MS);
    l->after = (size_t)((fell - l->first + HOUR_MS - 1) / HOUR_MS);
    l->before = l->before < l->n ? l->before : l->n;
    l->after = l->after < l->n ? l->after : l->n;
    if (l->before == 0)
        return report_set(l->why, POSSE_EINVAL, "not one whole hour before the action is known: nothing to compare with");
    return POSSE_OK;
}

/* ---- what ---- */

static void fill_rates(struct looking *l)
{
    struct found_watch *w = l->out;
    uint64_t *rest = arena_zalloc(l->a, (l->n + 1) * sizeof *rest);
    for (size_t h = 0; rest && h < l->n; h++)
        rest[h] = l->whole[h] > l->own[h] ? l->whole[h] - l->own[h] : 0;
    w->before = effect_rate(l->own, l->before);
    w->after = effect_rate(l->own + l->after, l->n - l->after);
    w->whole_before = effect_rate(l->whole, l->before);
    w->whole_after = effect_rate(l->whole + l->after, l->n - l->after);
    w->fell = effect_fall(&w->before, &w->after);
    w->whole_fell = effect_fall(&w->whole_before, &w->whole_after);
    if (rest) {
        struct estimate b = effect_rate(rest, l->before), a = effect_rate(rest + l->after, l->n - l->after);
        l->effect.whole_fell = effect_fall(&b, &a);
    }
    l->effect.fell = w->fell;
}

static void add_period(struct looking *l, struct found_period *p, const struct share *s, int64_t from, int64_t to)
{
    if (!p->to_ms) {
        gather_period(s, from, to, p);
        return;
    }
    p->messages += s->messages; /* of several botnets there is no share together but each one's */
    p->envelopes += s->envelopes;
    p->bytes += s->bytes;
    p->addresses += s->addresses;
    p->share = (struct found_share){0};
    (void)l;
}

static int by_gain(const void *a, const void *b)
{
    const struct found_taker *x = a, *y = b;
    return (x->gained.mid < y->gained.mid) - (x->gained.mid > y->gained.mid);
}

static void copy_methods(struct looking *l, struct found_taker *t)
{
    struct estimate *e[] = {&t->before, &t->after};
    for (size_t i = 0; i < 2; i++)
        if (e[i]->method)
            *e[i] = gather_estimate(l->a, e[i]);
}

static const struct share *share_in(const struct share *all, size_t n, uint32_t botnet)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].botnet == botnet)
            return &all[i];
    return NULL;
}

/* A share of nothing seen: none of so many messages. */
static struct estimate share_of(const struct share *s, const struct share *total)
{
    if (s)
        return s->of[SHARE_MESSAGES];
    return (struct estimate){0, 0, total->messages ? fmin(1, 3.69 / (double)total->messages) : 1, total->messages, "none of so many"};
}

static struct span botnet_name(struct looking *l, uint32_t number)
{
    struct botnet b;
    if (number == SHARE_UNKNOWN)
        return SPAN_LIT("unknown");
    return botnets_get(observatory_botnets(l->o), number, &b) ? gather_text(l->a, b.name) : SPAN_LIT("others");
}

static int fill_takers(struct looking *l)
{
    struct shares *s = botnets_shares(observatory_botnets(l->o));
    int64_t from = l->first, action = l->first + (int64_t)l->before * HOUR_MS, since = l->first + (int64_t)l->after * HOUR_MS,
            to = l->first + (int64_t)l->n * HOUR_MS;
    struct share *was = calloc(SHARES_ROWS + 2, sizeof *was), *is = calloc(SHARES_ROWS + 2, sizeof *is), total_was = {0}, total_is = {0};
    struct found_taker *t = arena_zalloc(l->a, (ROWS + 1) * sizeof *t);
    size_t n_was = was && is ? shares_ask(s, from, action, was, SHARES_ROWS + 2, &total_was) : 0, k = 0, own = 0;
    size_t n_is = was && is && to > since ? shares_ask(s, since, to, is, SHARES_ROWS + 2, &total_is) : 0;
    for (size_t i = 0; t && i < l->n_rows; i++) {
        const struct share *b = share_in(was, n_was, l->row[i]), *a = share_in(is, n_is, l->row[i]);
        struct found_taker x = {.name = botnet_name(l, l->row[i]), .before = share_of(b, &total_was), .after = share_of(a, &total_is),
                                .messages_before = effect_rate(l->of[i], l->before),
                                .messages_after = effect_rate(l->of[i] + l->after, l->n - l->after)};
        bool mine = is_subject(l, l->row[i]);
        x.gained = effect_gain(&x.before, &x.after);
        if (mine && b)
            add_period(l, &l->out->was, b, from, action);
        if (mine && a)
            add_period(l, &l->out->is, a, since, to);
        if (!mine && !(x.gained.lo > 0))
            continue;
        copy_methods(l, &x);
        if (mine) { /* first */
            memmove(&t[own + 1], &t[own], (k - own) * sizeof *t);
            t[own++] = x;
        } else {
            t[k] = x;
        }
        k++;
    }
    bool is_bad = !was || !is || !t;
    free(was);
    free(is);
    if (is_bad)
        return gather_no_memory(l->why);
    qsort(t + own, k - own, sizeof *t, by_gain);
    l->out->taker = t;
    l->out->n_takers = k < own + AFTER_TAKERS ? k : own + AFTER_TAKERS;
    struct estimate *e[] = {&l->out->was.share.messages, &l->out->was.share.envelopes, &l->out->was.share.bytes, &l->out->was.share.addresses,
                            &l->out->is.share.messages, &l->out->is.share.envelopes, &l->out->is.share.bytes, &l->out->is.share.addresses};
    for (size_t i = 0; i < 8; i++)
        if (e[i]->method)
            *e[i] = gather_estimate(l->a, e[i]);
    return POSSE_OK;
}

/* ---- addresses that came back ---- */

static int order_ip(const void *a, const void *b) { return ip_compare(a, b); }

struct returning { struct looking *l; const struct campaign *c; struct span is; uint8_t *seen_before, *seen_since; bool is_later; };

static int meet(void *ctx, const struct ip *ip)
{
    struct returning *r = ctx;
    struct looking *l = r->l;
    const struct ip *hit = l->n_ips ? bsearch(ip, l->ip, l->n_ips, sizeof *l->ip, order_ip) : NULL;
    if (!hit)
        return 0;
    size_t i = (size_t)(hit - l->ip);
    if (!r->is_later) {
        r->seen_before[i] = 1;
        return 0;
    }
    if (!r->seen_since[i] && l->out->n_backs < AFTER_BACKS)
        l->out->back[l->out->n_backs++] = (struct found_return){*ip, SPAN_NONE, r->is, gather_text(l->a, r->c->id), r->c->first_ms};
    r->seen_since[i] = 1;
    return 0;
}

static int look_at_campaign(void *ctx, const struct campaign *c)
{
    struct returning *r = ctx;
    struct looking *l = r->l;
    struct membership m;
    if (c->is_bulk || c->messages < 2 || is_own_campaign(l, c->number))
        return 0;
    r->is_later = c->first_ms >= l->w->action_ms;
    if (!r->is_later && c->last_ms >= l->w->action_ms)
        return 0; /* it began before and goes on: which of its addresses came when is not known */
    bool is_known = botnets_member(observatory_botnets(l->o), c->number, &m);
    r->is = is_known ? botnet_name(l, m.botnet) : SPAN_LIT("unknown");
    r->c = c;
    return campaigns_sources(observatory_campaigns(l->o), c->number, meet, r);
}

static void note_was(struct looking *l)
{
    for (size_t i = 0; i < l->out->n_backs; i++) {
        struct found_return *b = &l->out->back[i];
        for (size_t k = 0; k < l->f->n_sources && !b->was.n; k++)
            if (ip_compare(&l->f->source[k].ip, &b->ip) == 0)
                b->was = l->f->source[k].botnet.n ? l->f->source[k].botnet : l->f->source[k].campaign;
    }
}

static int find_returns(struct looking *l)
{
    const struct findings *f = l->f;
    l->ip = arena_alloc(l->a, (f->n_sources + 1) * sizeof *l->ip);
    l->out->back = arena_zalloc(l->a, AFTER_BACKS * sizeof *l->out->back);
    struct returning r = {.l = l, .seen_before = calloc(f->n_sources + 1, 1), .seen_since = calloc(f->n_sources + 1, 1)};
    int err = l->ip && l->out->back && r.seen_before && r.seen_since ? POSSE_OK : gather_no_memory(l->why);
    for (size_t i = 0; i < f->n_sources && !err; i++)
        l->ip[l->n_ips++] = f->source[i].ip;
    if (l->n_ips)
        qsort(l->ip, l->n_ips, sizeof *l->ip, order_ip);
    if (!err)
        err = campaigns_each(observatory_campaigns(l->o), look_at_campaign, &r);
    for (size_t i = 0; i < l->n_ips && !err; i++) {
        l->out->backs_total += r.seen_since[i];
        l->out->backs_before += r.seen_before[i];
    }
    l->out->hosts_total = l->n_ips;
    if (!err)
        note_was(l);
    free(r.seen_before);
    free(r.seen_since);
    return err;
}

/* ---- hours ---- */

static struct found_hour *hours_of(struct looking *l, const uint64_t *messages)
{
    struct found_hour *h = arena_zalloc(l->a, (l->n + 1) * sizeof *h);
    for (size_t i = 0; h && i < l->n; i++)
        h[i] = (struct found_hour){.from_ms = l->first + (int64_t)i * HOUR_MS, .messages = messages[i]};
    return h;
}

static int keep_hours(struct looking *l)
{
    l->out->own = hours_of(l, l->own);
    l->out->whole = hours_of(l, l->whole);
    if (!l->out->own || !l->out->whole)
        return gather_no_memory(l->why);
    l->out->n_own = l->out->n_whole = l->n;
    return POSSE_OK;
}

/* ---- in words ---- */

static void say_when(int64_t ms, char out[CASE_TIME_TEXT])
{
    struct case_time t = {.unix_ms = ms};
    case_time_text(&t, out);
    out[10] = ' '; /* "2011-03-16 14:45" is enough for a sentence */
    memcpy(out + 16, " UTC", 5);
}

/* Why no success is claimed of what did fall; adds to text. */
static size_t say_why_not(const struct looking *l, char *text, size_t size)
{
    const struct effect *e = &l->effect;
    char sure[CASE_TIME_TEXT];
    int n = 0;
    if (effect_is_deaf(e) || e->is_trap)
        n = snprintf(text, size, " %s, so nothing shows that the action did it: no success is claimed.",
                     e->is_trap ? "It was the trap that fell silent" : "What all others send fell silent too, which is probably the trap");
    else if (!e->has_change && !e->is_quiet)
        n = snprintf(text, size, " When it fell cannot be told from its minutes, so nothing shows that the action did it: no success is claimed.");
    else if (!effect_agrees(e))
        n = snprintf(text, size, " That did not begin with the action as far as can be told, so nothing shows that the action did it: no success is "
                     "claimed.");
    else if (e->has_change)
        n = snprintf(text, size, " That agrees with the action in time, but it has paused so before, so nothing shows that the action did it: no success "
                     "is claimed.");
    else {
        say_when(l->quiet.sure_ms, sure);
        n = snprintf(text, size, " That agrees with the action in time, but %s: a pause of its own cannot be told from an end yet, and no success is "
                     "claimed. If it stays so until %s, it can.",
                     l->quiet.why == QUIET_YOUNG ? "it had been known for less than a week" :
                     l->quiet.why == QUIET_RETURNED ? "it had come back from another silence not long before" :
                     l->quiet.why == QUIET_OWN ? "it has been silent for nearly so long before" : "it fell by and by, as rates do that wander", sure);
    }
    return n > 0 ? (size_t)n : 0;
}

static int say(struct looking *l)
{
    struct found_watch *w = l->out;
    enum verdict_of v = effect_verdict(&l->effect);
    char text[1500], since[CASE_TIME_TEXT], lo[CASE_TIME_TEXT], hi[CASE_TIME_TEXT];
    int n = 0;
    if (v == EFFECT_EARLY)
        n = snprintf(text, sizeof text, "Too little time has passed, or too little was seen, to say anything.");
    else
        n = snprintf(text, sizeof text, "%s: %.0f messages a day before (%.0f to %.0f), %.0f after (%.0f to %.0f): %s by %.1f%% (%.1f%% to %.1f%%).",
                     effect_verdict_name(v), w->before.mid, w->before.lo, w->before.hi, w->after.mid, w->after.lo, w->after.hi,
                     w->fell.mid >= 0 ? "less" : "changed", 100 * w->fell.mid, 100 * fmax(w->fell.lo, -9.99), 100 * w->fell.hi);
    if (v != EFFECT_EARLY && w->since_ms) {
        say_when(w->since_ms, since);
        say_when(w->since_lo_ms, lo);
        say_when(w->since_hi_ms, hi);
        n += snprintf(text + n, sizeof text - (size_t)n, " It %s %s (%s to %s).", l->effect.is_quiet ? "is quiet since" : "fell at", since, lo, hi);
    }
    if (v == EFFECT_QUIET || v == EFFECT_FELL_UNKNOWN)
        n += (int)say_why_not(l, text + n, sizeof text - (size_t)n);
    if (v != EFFECT_EARLY && w->whole_fell.method)
        n += snprintf(text + n, sizeof text - (size_t)n, " All spam together changed by %+.1f%% (%+.1f%% to %+.1f%%).", -100 * w->whole_fell.mid,
                      -100 * w->whole_fell.hi, -100 * fmax(w->whole_fell.lo, -9.99));
    if (w->hosts_total)
        snprintf(text + n, sizeof text - (size_t)n, " Of %" PRIu64 " addresses that sent for it %" PRIu64 " send in new campaigns of others since; %"
                 PRIu64 " were in others' campaigns before, for addresses are shared and change hands.", w->hosts_total, w->backs_total,
                 w->backs_before);
    text[0] = (char)(text[0] >= 'a' && text[0] <= 'z' ? text[0] - 32 : text[0]);
    w->verdict = gather_text(l->a, effect_verdict_name(v));
    w->sentence = gather_text(l->a, text);
    if (v == EFFECT_GONE || v == EFFECT_FELL)
        w->cause = SPAN_LIT("takedown");
    else if (!w->cause.n)
        w->cause = SPAN_LIT("unknown");
    return w->verdict.n && w->sentence.n ? POSSE_OK : gather_no_memory(l->why);
}

int gather_after(struct observatory *o, const struct findings *f, const struct after_want *w, struct arena *a, struct found_watch **out,
                 struct after_hours *hours, struct report *why)
{
    struct looking *l = arena_zalloc(a, sizeof *l);
    *out = NULL;
    if (!l || !(l->out = arena_zalloc(a, sizeof *l->out)))
        return gather_no_memory(why);
    l->o = o;
    l->f = f;
    l->w = w;
    l->a = a;
    l->why = why;
    l->effect.action_ms = w->action_ms;
    int err = find_subjects(l);
    if (!err)
        err = set_hours(l);
    if (!err)
        err = count_hours(l);
    if (!err && l->n_campaigns)
        err = count_campaigns(l);
    if (err)
        return err;
    find_change(l);
    find_quiet(l);
    err = split_hours(l);
    if (err)
        return err;
    l->out->action_ms = w->action_ms;
    l->out->action = w->action;
    l->out->seen_ms = l->effect.seen_ms;
    fill_rates(l);
    err = fill_takers(l);
    if (!err)
        err = find_returns(l);
    if (!err)
        err = keep_hours(l);
    if (!err)
        err = say(l);
    if (err)
        return err;
    *hours = (struct after_hours){l->first, l->n, l->own, l->whole};
    *out = l->out;
    return POSSE_OK;
}
