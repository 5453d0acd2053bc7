#include "case/entries.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "case/say.h"

enum { REASON_MOST = 400, DAY_MS = 86400000 };

static const char *const role_names[ENTRY_ROLES] = {"controller", "sender", "page"};
const char *entry_role_name(enum entry_role r) { return role_names[r]; }

static struct span lower(struct arena *a, struct span s)
{
    struct span copy = arena_copy(a, s);
    for (size_t i = 0; i < copy.n; i++)
        ((uint8_t *)copy.p)[i] = ascii_lower(copy.p[i]); /* arena_copy's bytes are ours */
    return copy;
}

static void of_controller(struct arena *a, const struct found_controller *c, struct entry *e)
{
    *e = (struct entry){.role = ENTRY_CONTROLLER, .is_name = c->is_by_name, .ip = c->ip, .network = &c->network, .port = c->port,
                        .first_ms = c->first_ms, .last_ms = c->last_ms, .probability = c->probability, .exhibit = c->exhibit};
    e->text = e->is_name ? lower(a, c->name) : case_address(a, &c->ip);
    e->reason = case_say(a, REASON_MOST, "probable controller (%.3f): %" PRIu64 " machines talk to it, %" PRIu64 " of them act", c->probability,
                    c->hosts_total, c->acting_total);
}

static void of_source(struct arena *a, const struct found_source *s, struct entry *e)
{
    *e = (struct entry){.role = ENTRY_SENDER, .ip = s->ip, .text = case_address(a, &s->ip), .network = &s->network, .campaign = s->campaign,
                        .botnet = s->botnet, .messages = s->messages, .first_ms = s->first_ms, .last_ms = s->last_ms, .probability = 1};
    int n = (int)(s->campaign.n < 100 ? s->campaign.n : 100);
    e->reason = s->messages ? case_say(a, REASON_MOST, "sent spam of campaign %.*s: %" PRIu64 "%s seen", n, (const char *)s->campaign.p, s->messages,
                                  s->is_sampled ? " or more" : "")
                            : case_say(a, REASON_MOST, "sent spam of campaign %.*s", n, (const char *)s->campaign.p);
}

static void of_link(struct arena *a, const struct found_campaign *c, const struct found_count *l, struct entry *e)
{
    *e = (struct entry){.role = ENTRY_PAGE, .is_name = true, .text = lower(a, l->text), .campaign = c->id, .botnet = c->botnet,
                        .messages = l->n, .first_ms = c->first_ms, .last_ms = c->last_ms, .probability = 1};
    e->reason = case_say(a, REASON_MOST, "spam links to it: campaign %.*s, messages: %s%" PRIu64, (int)(c->id.n < 100 ? c->id.n : 100), (const char *)c->id.p,
                    l->is_at_most ? "up to " : "", l->n);
}

static int by_bytes(struct span a, struct span b)
{
    int c = a.n && b.n ? memcmp(a.p, b.p, a.n < b.n ? a.n : b.n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_value(const void *p, const void *q)
{
    const struct entry *a = p, *b = q;
    if (a->role != b->role)
        return (a->role > b->role) - (a->role < b->role);
    if (a->is_name != b->is_name)
        return a->is_name - b->is_name;
    if (!a->is_name && ip_compare(&a->ip, &b->ip))
        return ip_compare(&a->ip, &b->ip);
    int c = by_bytes(a->text, b->text);
    if (c || a->messages == b->messages)
        return c ? c : by_bytes(a->campaign, b->campaign);
    return a->messages < b->messages ? 1 : -1; /* the same thing twice: who has more messages says why */
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    return a->role == b->role && a->is_name == b->is_name && (a->is_name ? span_eq(a->text, b->text) : ip_compare(&a->ip, &b->ip) == 0);
}

/* Two campaigns that link to one name, two ports of one controller: one entry. */
static size_t merge(struct entry *e, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!kept || !is_same(&e[kept - 1], &e[i])) {
            e[kept++] = e[i];
            continue;
        }
        struct entry *k = &e[kept - 1];
        k->messages += e[i].messages;
        k->first_ms = !k->first_ms || (e[i].first_ms && e[i].first_ms < k->first_ms) ? e[i].first_ms : k->first_ms;
        k->last_ms = e[i].last_ms > k->last_ms ? e[i].last_ms : k->last_ms;
        k->probability = e[i].probability > k->probability ? e[i].probability : k->probability;
    }
    return kept;
}

static const char *why_left_out(struct guard *g, const struct entries_options *o, const struct entry *e)
{
    const char *no = e->is_name ? guard_name(g, e->text) : guard_address(g, &e->ip);
    if (no)
        return no;
    if (e->role == ENTRY_CONTROLLER && !(e->probability >= (o->least_probability > 0 ? o->least_probability : 0.9)))
        return "not certain enough to be a controller";
    if (e->role == ENTRY_PAGE && e->messages < (o->least_messages ? o->least_messages : 3))
        return "seen in too few messages";
    return e->until_ms <= o->now_ms ? "too long ago" : NULL;
}

int entries_of(const struct findings *f, struct guard *g, const struct entries_options *o, struct arena *a, struct entries *out)
{
    size_t n = f->n_controllers + f->n_sources;
    for (size_t i = 0; i < f->n_campaigns; i++)
        n += f->campaign[i].n_links;
    struct entry *e = arena_alloc(a, n * sizeof *e);
    *out = (struct entries){.entry = e};
    if (!e)
        return POSSE_ENOMEM;
    n = 0;
    for (size_t i = 0; i < f->n_controllers; i++)
        if (!f->controller[i].is_inside)
            of_controller(a, &f->controller[i], &e[n++]);
    for (size_t i = 0; i < f->n_sources; i++)
        of_source(a, &f->source[i], &e[n++]);
    for (size_t i = 0; i < f->n_campaigns; i++)
        for (size_t k = 0; k < f->campaign[i].n_links; k++)
            of_link(a, &f->campaign[i], &f->campaign[i].link[k], &e[n++]);
    if (arena_failed(a))
        return POSSE_ENOMEM;
    qsort(e, n, sizeof *e, by_value);
    out->n = merge(e, n);
    for (size_t i = 0; i < out->n; i++) {
        int64_t last = e[i].last_ms ? e[i].last_ms : f->to_ms;
        e[i].last_ms = last;
        e[i].until_ms = last + (o->keep_days ? o->keep_days : 30) * DAY_MS;
        e[i].left_out = why_left_out(g, o, &e[i]);
        out->n_listed += !e[i].left_out;
    }
    return 0;
}
