#include "cli/botnet_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/cli_gate.h"
#include "cli/verdict_out.h"

#define HOUR_MS 3600000LL
#define DAY_MS 86400000LL
enum { SHOWN_CHANGES = 16, WINDOWS_MAX = 24 * 400 };

void botnet_view_default(struct botnet_view *v, const struct observatory *o)
{
    int64_t now = observatory_now_ms(o);
    if (!v->to_ms)
        v->to_ms = now + 1;
    v->to_ms = (v->to_ms + HOUR_MS - 1) / HOUR_MS * HOUR_MS;
    if (!v->from_ms)
        v->from_ms = v->to_ms - DAY_MS;
    v->from_ms = v->from_ms / HOUR_MS * HOUR_MS;
}

bool botnet_find(struct observatory *o, const char *name, uint32_t *number_out)
{
    struct botnet b;
    uint64_t n;
    if (botnets_find(observatory_botnets(o), name, number_out))
        return true;
    *number_out = cli_number(name, 1, UINT32_MAX, &n) ? (uint32_t)n : 0;
    return *number_out && botnets_get(observatory_botnets(o), *number_out, &b);
}

static void name_of(struct observatory *o, uint32_t number, char out[BOTNET_NAME])
{
    struct botnet b;
    if (number == SHARE_UNKNOWN)
        snprintf(out, BOTNET_NAME, "unknown");
    else if (number == SHARE_OTHERS)
        snprintf(out, BOTNET_NAME, "others");
    else if (botnets_get(observatory_botnets(o), number, &b))
        snprintf(out, BOTNET_NAME, "%s", b.name);
    else
        snprintf(out, BOTNET_NAME, "%u", number);
}

/* All shares of the time; the caller frees. */
static struct share *ask(struct observatory *o, const struct botnet_view *v, size_t *n_out, struct share *total)
{
    struct shares *s = botnets_shares(observatory_botnets(o));
    *n_out = 0;
    size_t n = s ? shares_ask(s, v->from_ms, v->to_ms, NULL, 0, total) : 0;
    struct share *all = n ? calloc(n, sizeof *all) : NULL;
    if (all)
        *n_out = shares_ask(s, v->from_ms, v->to_ms, all, n, total);
    return all;
}

static struct census_answer machines(struct observatory *o, uint32_t number, const struct botnet_view *v)
{
    struct census_answer a = {.doubt = "not counted"};
    struct census *c = botnets_census(observatory_botnets(o), number);
    if (c)
        census_ask(c, v->from_ms, v->to_ms, &a);
    return a;
}

/* ---- changes ---- */

static void put_change(struct buf *b, const struct change *x)
{
    char at[CLI_TIME_MAX], lo[CLI_TIME_MAX], hi[CLI_TIME_MAX], told[WATCH_NUMBER], sure[WATCH_NUMBER], before[WATCH_ESTIMATE], after[WATCH_ESTIMATE];
    cli_format_time(x->at_ms, at);
    cli_format_time(x->at_lo_ms, lo);
    cli_format_time(x->at_hi_ms, hi);
    watch_span(x->told_ms - x->at_ms, told);
    watch_estimate(&x->before, false, before);
    watch_estimate(&x->after, false, after);
    watch_sure(x->probability, sure);
    buf_add_fmt(b, "%s %s (%s to %s), cause %s, %s sure, told after %s: from %s to %s messages a minute\n", watch_change_name(x->kind), at,
                lo, hi, watch_cause_name(x->cause), sure, told, before, after);
}

/* What is called is told as a change; what is not, with what speaks against it. */
static void put_quiet(struct buf *b, const struct change_quiet *q, enum change_cause cause, const char *indent)
{
    char since[CLI_TIME_MAX], lo[CLI_TIME_MAX], hi[CLI_TIME_MAX], sure[CLI_TIME_MAX], known[WATCH_NUMBER], expected[WATCH_NUMBER], came[WATCH_NUMBER];
    cli_format_time(q->since_ms, since);
    if (q->why == QUIET_CALLED) {
        buf_add_fmt(b, "%squiet since %s, cause %s\n", indent, since, watch_cause_name(cause));
        return;
    }
    cli_format_time(q->lo_ms, lo);
    cli_format_time(q->hi_ms, hi);
    cli_format_time(q->sure_ms, sure);
    watch_span(q->known_ms, known);
    watch_number(q->expected, expected);
    watch_number(q->came, came);
    buf_add_fmt(b, "%squiet since %s (%s to %s), cause unknown: %s came where its pattern has %s; ", indent, since, lo, hi, came, expected);
    if (q->why == QUIET_YOUNG)
        buf_add_fmt(b, "it was known for %s, so that this may be its own way; ", known);
    else
        buf_add_fmt(b, "%s; ", q->why == QUIET_RETURNED ? "it came back from another not long ago" :
                               q->why == QUIET_OWN ? "it was silent for nearly so long before" : "it fell by and by, and its rate may wander");
    buf_add_fmt(b, "a collapse if it stays so until %s\n", sure);
}

static void put_changes(struct buf *b, const struct change_series *s, const char *indent)
{
    struct change all[SHOWN_CHANGES];
    size_t n = s ? change_list(s, all, SHOWN_CHANGES) : 0;
    for (size_t i = 0; i < n; i++) {
        buf_add_str(b, indent);
        put_change(b, &all[i]);
    }
    struct change_quiet quiet;
    if (s && change_quiet(s, &quiet))
        put_quiet(b, &quiet, n ? all[n - 1].cause : CAUSE_UNKNOWN, indent);
}

static void json_changes(struct buf *b, const struct change_series *s)
{
    struct change *all = calloc(CHANGES_MAX, sizeof *all);
    size_t n = s && all ? change_list(s, all, CHANGES_MAX) : 0;
    buf_add_byte(b, '[');
    for (size_t i = 0; i < n; i++) {
        const struct change *x = &all[i];
        buf_add_fmt(b, "%s{\"kind\":\"%s\",\"cause\":\"%s\",\"at\":", i ? "," : "", watch_change_name(x->kind), watch_cause_name(x->cause));
        watch_time_json(b, x->at_ms);
        json_name(b, "at_lo", false);
        watch_time_json(b, x->at_lo_ms);
        json_name(b, "at_hi", false);
        watch_time_json(b, x->at_hi_ms);
        json_name(b, "told", false);
        watch_time_json(b, x->told_ms);
        json_name(b, "probability", false);
        json_number(b, x->probability);
        json_name(b, "before", false);
        watch_estimate_json(b, &x->before);
        json_name(b, "after", false);
        watch_estimate_json(b, &x->after);
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
    free(all);
}

/* ---- the table ---- */

/* Where what was counted begins, if hours before it were counted and are no longer kept; else 0. */
static int64_t kept_from(struct observatory *o)
{
    struct observed all;
    observatory_count(o, &all);
    int64_t first = shares_first_ms(botnets_shares(observatory_botnets(o)));
    return first - HOUR_MS > all.first_ms ? first : 0;
}

static void put_period(struct buf *b, struct observatory *o, const struct botnet_view *v)
{
    char from[CLI_TIME_MAX], to[CLI_TIME_MAX];
    cli_format_time(v->from_ms, from);
    cli_format_time(v->to_ms, to);
    buf_add_fmt(b, "from %s to %s; (a to b) is a 95%% interval\n", from, to);
    int64_t kept = kept_from(o);
    if (kept && kept > v->from_ms) {
        cli_format_time(kept, from);
        buf_add_fmt(b, "hours before %s are no longer kept: what follows is since then\n", from);
    }
}

/* Of the first column. */
static int name_width(struct observatory *o, const struct share *all, size_t n)
{
    char name[BOTNET_NAME];
    int width = 11;
    for (size_t i = 0; i < n; i++) {
        name_of(o, all[i].botnet, name);
        width = (int)strlen(name) > width ? (int)strlen(name) : width;
    }
    return width;
}

static void put_share(struct buf *b, struct observatory *o, const struct share *s, int width)
{
    char name[BOTNET_NAME], x[SHARE_N][WATCH_ESTIMATE];
    name_of(o, s->botnet, name);
    for (size_t i = 0; i < SHARE_N; i++)
        watch_estimate(&s->of[i], true, x[i]);
    buf_add_fmt(b, "%-*s  %-23s  %-23s  %-23s  %s\n", width, name, x[SHARE_MESSAGES], x[SHARE_ENVELOPES], x[SHARE_BYTES], x[SHARE_ADDRESSES]);
}

/* What makes counts of machines doubtful is told below the table, once each. */
enum { DOUBTS = 16 };
struct doubts { const char *text[DOUBTS]; size_t n; };

static size_t doubt_number(struct doubts *d, const char *text)
{
    size_t i = 0;
    while (i < d->n && strcmp(d->text[i], text) != 0)
        i++;
    if (i == d->n && d->n < DOUBTS)
        d->text[d->n++] = text;
    return i + 1;
}

static void put_machines(struct buf *b, struct observatory *o, uint32_t number, const struct botnet_view *v, int width, struct doubts *d)
{
    char name[BOTNET_NAME], mark[16] = "", x[3][WATCH_ESTIMATE];
    struct census_answer a = machines(o, number, v);
    if (!botnets_census(observatory_botnets(o), number))
        return;
    name_of(o, number, name);
    watch_estimate(&a.addresses, false, x[0]);
    watch_estimate(&a.live, false, x[1]);
    watch_estimate(&a.ever, false, x[2]);
    if (a.doubt)
        snprintf(mark, sizeof mark, " [%zu]", doubt_number(d, a.doubt));
    buf_add_fmt(b, "%-*s  %-9s  %-26s  %s%s\n", width, name, x[0], x[1], x[2], mark);
}

struct changing { struct buf *b; struct observatory *o; };

static int put_changes_of(void *ctx, const struct botnet *x)
{
    struct changing *c = ctx;
    struct change_series *s = botnets_change(observatory_botnets(c->o), x->number);
    struct change any[1];
    struct change_quiet quiet;
    if (s && (change_list(s, any, 1) || change_quiet(s, &quiet))) {
        buf_add_fmt(c->b, "%s\n", x->name);
        put_changes(c->b, s, "  ");
    }
    return 0;
}

int botnets_table(struct buf *b, struct observatory *o, const struct botnet_view *v)
{
    size_t n;
    struct share total, *all = ask(o, v, &n, &total);
    struct doubts doubts = {.n = 0};
    int width = name_width(o, all, n);
    put_period(b, o, v);
    if (n) {
        char messages[WATCH_NUMBER], envelopes[WATCH_NUMBER], bytes[WATCH_NUMBER], addresses[WATCH_NUMBER];
        watch_number((double)total.messages, messages);
        watch_number((double)total.envelopes, envelopes);
        watch_number((double)total.bytes, bytes);
        watch_number((double)total.addresses, addresses);
        buf_add_fmt(b, "counted: %s message%s to %s recipient%s, %s bytes, from %s address%s\n\n", messages, total.messages == 1 ? "" : "s", envelopes,
                    total.envelopes == 1 ? "" : "s", bytes, addresses, total.addresses == 1 ? "" : "es");
        buf_add_fmt(b, "%-*s  %-23s  %-23s  %-23s  %s\n", width, "SHARE OF", "MESSAGES", "RECIPIENTS", "BYTES", "ADDRESSES");
    } else {
        buf_add_str(b, "no spam was counted in that time\n");
    }
    for (size_t i = 0; i < n; i++)
        put_share(b, o, &all[i], width);
    if (n)
        buf_add_fmt(b, "\n%-*s  %-9s  %-26s  %s\n", width, "MACHINES OF", "ADDRESSES", "LIVE AT A TIME", "EVER");
    for (size_t i = 0; i < n; i++)
        put_machines(b, o, all[i].botnet, v, width, &doubts);
    for (size_t i = 0; i < doubts.n; i++)
        buf_add_fmt(b, "[%zu] doubtful: %s\n", i + 1, doubts.text[i]);
    free(all);
    struct changing c = {b, o};
    size_t before = b->n;
    buf_add_str(b, "\nCHANGES\n");
    size_t head = b->n;
    botnets_each(observatory_botnets(o), put_changes_of, &c);
    struct change_series *whole = botnets_change(observatory_botnets(o), 0);
    struct change any[1];
    if (whole && change_list(whole, any, 1)) {
        buf_add_str(b, "all spam\n");
        put_changes(b, whole, "  ");
    }
    if (b->n == head)
        b->n = before;
    return buf_error(b);
}

/* ---- JSON ---- */

static void json_share(struct buf *b, const struct share *s)
{
    static const char *const names[SHARE_N] = {"messages", "recipients", "bytes", "addresses"};
    buf_add_byte(b, '{');
    for (size_t i = 0; i < SHARE_N; i++) {
        json_name(b, names[i], i == 0);
        watch_estimate_json(b, &s->of[i]);
    }
    buf_add_fmt(b, "},\"counted\":{\"messages\":%llu,\"recipients\":%llu,\"bytes\":%llu,\"addresses\":%llu}", (unsigned long long)s->messages,
                (unsigned long long)s->envelopes, (unsigned long long)s->bytes, (unsigned long long)s->addresses);
}

static void json_machines(struct buf *b, struct observatory *o, uint32_t number, const struct botnet_view *v)
{
    struct census_answer a = machines(o, number, v);
    buf_add_str(b, "{\"addresses\":");
    watch_estimate_json(b, &a.addresses);
    json_name(b, "live", false);
    watch_estimate_json(b, &a.live);
    json_name(b, "within_hour", false);
    watch_estimate_json(b, &a.within_window);
    json_name(b, "ever", false);
    watch_estimate_json(b, &a.ever);
    json_name(b, "lease_ms", false);
    json_number(b, a.lease_ms);
    json_name(b, "machines_an_address", false);
    json_number(b, a.machines_an_address);
    json_name(b, "doubt", false);
    a.doubt ? json_string(b, span_str(a.doubt)) : buf_add_str(b, "null");
    buf_add_byte(b, '}');
}

static void json_period(struct buf *b, struct observatory *o, const struct botnet_view *v)
{
    buf_add_str(b, "{\"from\":");
    watch_time_json(b, v->from_ms);
    json_name(b, "to", false);
    watch_time_json(b, v->to_ms);
    json_name(b, "kept_from", false);
    watch_time_json(b, kept_from(o));
}

static void json_quiet(struct buf *b, const struct change_series *s)
{
    static const char *const why[] = {"collapse", "young", "came back", "own", "slope"};
    struct change_quiet q;
    bool is_quiet = s && change_quiet(s, &q);
    json_name(b, "quiet_since", false);
    watch_time_json(b, is_quiet ? q.since_ms : 0);
    if (is_quiet) {
        json_name(b, "quiet", false);
        buf_add_fmt(b, "{\"is\":\"%s\",\"lo\":", why[q.why]);
        watch_time_json(b, q.lo_ms);
        json_name(b, "hi", false);
        watch_time_json(b, q.hi_ms);
        json_name(b, "sure", false);
        watch_time_json(b, q.sure_ms);
        json_name(b, "expected", false);
        json_number(b, q.expected);
        json_name(b, "came", false);
        json_number(b, q.came);
        buf_add_byte(b, '}');
    }
    json_name(b, "changes", false);
    json_changes(b, s);
}

int botnets_json(struct buf *b, struct observatory *o, const struct botnet_view *v)
{
    size_t n;
    struct share total, *all = ask(o, v, &n, &total);
    json_period(b, o, v);
    json_name(b, "botnets", false);
    buf_add_byte(b, '[');
    for (size_t i = 0; i < n; i++) {
        char name[BOTNET_NAME];
        name_of(o, all[i].botnet, name);
        buf_add_fmt(b, "%s{\"number\":%u,\"name\":", i ? "," : "", all[i].botnet);
        json_string(b, span_str(name));
        json_name(b, "share", false);
        json_share(b, &all[i]);
        if (botnets_census(observatory_botnets(o), all[i].botnet)) {
            json_name(b, "machines", false);
            json_machines(b, o, all[i].botnet, v);
        }
        if (all[i].botnet != SHARE_UNKNOWN && all[i].botnet != SHARE_OTHERS)
            json_quiet(b, botnets_change(observatory_botnets(o), all[i].botnet));
        buf_add_byte(b, '}');
    }
    buf_add_byte(b, ']');
    json_name(b, "all", false);
    buf_add_byte(b, '{');
    if (n) {
        buf_add_fmt(b, "\"messages\":%llu,\"recipients\":%llu,\"bytes\":%llu,\"addresses\":%llu,", (unsigned long long)total.messages,
                    (unsigned long long)total.envelopes, (unsigned long long)total.bytes, (unsigned long long)total.addresses);
    }
    buf_add_str(b, "\"changes\":");
    json_changes(b, botnets_change(observatory_botnets(o), 0));
    buf_add_str(b, "}}\n");
    free(all);
    return buf_error(b);
}

/* ---- one in full ---- */

static bool share_of(struct observatory *o, uint32_t number, const struct botnet_view *v, struct share *out)
{
    size_t n;
    struct share total, *all = ask(o, v, &n, &total);
    bool is_there = false;
    for (size_t i = 0; i < n && !is_there; i++) {
        is_there = all[i].botnet == number;
        *out = all[i];
    }
    free(all);
    return is_there;
}

static void put_campaigns(struct buf *b, struct observatory *o, const struct botnet *x)
{
    enum { SHOWN = 20 };
    struct campaign *c = malloc(sizeof *c);
    if (x->n_campaigns)
        buf_add_fmt(b, "\ncampaigns     %zu%s\n", x->n_campaigns, x->n_campaigns > SHOWN ? "; the latest of them:" : "");
    for (size_t i = x->n_campaigns > SHOWN ? x->n_campaigns - SHOWN : 0; c && i < x->n_campaigns; i++) {
        struct membership m;
        char last[CLI_TIME_MAX], n[WATCH_NUMBER], sure[WATCH_NUMBER];
        if (!campaigns_get(observatory_campaigns(o), x->campaign[i], c) || !botnets_member(observatory_botnets(o), x->campaign[i], &m))
            continue;
        cli_format_time(c->last_ms, last);
        watch_number((double)c->messages, n);
        watch_sure(m.probability, sure);
        buf_add_fmt(b, "  %-13s  %10s messages, last %s, %s sure%s%s\n", c->id, n, last, sure, m.doubt ? "; but " : "",
                    m.doubt ? m.doubt : "");
        for (size_t k = 0; k < m.n_reasons; k++) {
            buf_add_fmt(b, "                 %+6.1f bits  ", m.reason[k].bits);
            text_write(b, span_str(m.reason[k].text));
            buf_add_byte(b, '\n');
        }
    }
    free(c);
}

int botnet_full(struct buf *b, struct observatory *o, uint32_t number, const struct botnet_view *v)
{
    struct botnet x;
    struct share s;
    char first[CLI_TIME_MAX], last[CLI_TIME_MAX], n[3][WATCH_NUMBER], text[WATCH_ESTIMATE];
    static const char *const by[SHARE_N] = {"messages", "recipients", "bytes", "addresses"};
    if (!botnets_get(observatory_botnets(o), number, &x))
        return POSSE_ENOENT;
    cli_format_time(x.first_ms, first);
    cli_format_time(x.last_ms, last);
    watch_number((double)x.messages, n[0]);
    watch_number((double)x.envelopes, n[1]);
    watch_number((double)x.bytes, n[2]);
    buf_add_fmt(b, "botnet        %s, number %u%s\n", x.name, x.number, x.is_described ? ", a known family" : "; nobody described it");
    buf_add_fmt(b, "seen          %s to %s\n", first, last);
    buf_add_fmt(b, "counted       %s messages to %s recipients, %s bytes\n", n[0], n[1], n[2]);
    for (size_t i = 0; i < x.n_mailers; i++) {
        char mailer[MAILER_NAME];
        mailer_name(x.mailer[i], mailer);
        buf_add_fmt(b, "%-14s%s\n", i ? "" : "mailers", mailer);
    }
    buf_add_byte(b, '\n');
    put_period(b, o, v);
    bool is_there = share_of(o, number, v, &s);
    for (size_t i = 0; i < SHARE_N && is_there; i++) {
        watch_estimate(&s.of[i], true, text);
        buf_add_fmt(b, "share         %s of %s\n", text, by[i]);
    }
    struct census_answer a = machines(o, number, v);
    watch_estimate(&a.addresses, false, text);
    buf_add_fmt(b, "addresses     %s\n", text);
    watch_estimate(&a.live, false, text);
    buf_add_fmt(b, "machines      %s live at a time\n", text);
    watch_estimate(&a.within_window, false, text);
    buf_add_fmt(b, "              %s within an hour, on average\n", text);
    watch_estimate(&a.ever, false, text);
    buf_add_fmt(b, "              %s ever\n", text);
    if (a.lease_ms > 0) {
        watch_span((int64_t)a.lease_ms, text);
        buf_add_fmt(b, "              an address is one machine's for about %s\n", text);
    }
    if (a.machines_an_address > 0)
        buf_add_fmt(b, "              about %.2f machines behind an address\n", a.machines_an_address);
    if (a.doubt)
        buf_add_fmt(b, "              doubt: %s\n", a.doubt);
    put_campaigns(b, o, &x);
    size_t before = b->n;
    buf_add_str(b, "\nchanges\n");
    size_t head = b->n;
    put_changes(b, botnets_change(observatory_botnets(o), number), "  ");
    if (b->n == head)
        b->n = before;
    return buf_error(b);
}

int botnet_json(struct buf *b, struct observatory *o, uint32_t number, const struct botnet_view *v)
{
    struct botnet x;
    struct share s;
    struct campaign *c = malloc(sizeof *c);
    if (!c || !botnets_get(observatory_botnets(o), number, &x)) {
        free(c);
        return c ? POSSE_ENOENT : POSSE_ENOMEM;
    }
    json_period(b, o, v);
    buf_add_fmt(b, ",\"number\":%u,\"name\":", x.number);
    json_string(b, span_str(x.name));
    buf_add_fmt(b, ",\"described\":%s,\"first\":", x.is_described ? "true" : "false");
    watch_time_json(b, x.first_ms);
    json_name(b, "last", false);
    watch_time_json(b, x.last_ms);
    buf_add_fmt(b, ",\"messages\":%llu,\"recipients\":%llu,\"bytes\":%llu,\"mailers\":[", (unsigned long long)x.messages,
                (unsigned long long)x.envelopes, (unsigned long long)x.bytes);
    for (size_t i = 0; i < x.n_mailers; i++) {
        char mailer[MAILER_NAME];
        mailer_name(x.mailer[i], mailer);
        buf_add_str(b, i ? "," : "");
        json_string(b, span_str(mailer));
    }
    buf_add_byte(b, ']');
    if (share_of(o, number, v, &s)) {
        json_name(b, "share", false);
        json_share(b, &s);
    }
    json_name(b, "machines", false);
    json_machines(b, o, number, v);
    json_name(b, "campaigns", false);
    buf_add_byte(b, '[');
    for (size_t i = 0, k = 0; i < x.n_campaigns; i++) {
        struct membership m;
        if (!campaigns_get(observatory_campaigns(o), x.campaign[i], c) || !botnets_member(observatory_botnets(o), x.campaign[i], &m))
            continue;
        buf_add_fmt(b, "%s{\"id\":\"%s\",\"probability\":", k++ ? "," : "", c->id);
        json_number(b, m.probability);
        json_name(b, "doubt", false);
        m.doubt ? json_string(b, span_str(m.doubt)) : buf_add_str(b, "null");
        json_name(b, "reasons", false);
        buf_add_byte(b, '[');
        for (size_t r = 0; r < m.n_reasons; r++) {
            buf_add_str(b, r ? ",{\"bits\":" : "{\"bits\":");
            json_number(b, m.reason[r].bits);
            json_name(b, "text", false);
            json_string(b, span_str(m.reason[r].text));
            buf_add_byte(b, '}');
        }
        buf_add_str(b, "]}");
    }
    buf_add_byte(b, ']');
    json_quiet(b, botnets_change(observatory_botnets(o), number));
    buf_add_str(b, "}\n");
    free(c);
    return buf_error(b);
}
