/* The newest findings hold everything: what earlier ones said of other campaigns, botnets, controllers and hosts is taken over. */
#include <stdlib.h>

#include "base/error.h"
#include "case/findings.h"

/* A list of one kind: how its elements are told apart. */
struct kind { size_t bytes, most; int (*order)(const void *, const void *); };

static int order_text(struct span a, struct span b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int order_botnet(const void *a, const void *b)
{
    return order_text(((const struct found_botnet *)a)->name, ((const struct found_botnet *)b)->name);
}

static int order_campaign(const void *a, const void *b)
{
    return order_text(((const struct found_campaign *)a)->id, ((const struct found_campaign *)b)->id);
}

static int order_source(const void *a, const void *b)
{
    return ip_compare(&((const struct found_source *)a)->ip, &((const struct found_source *)b)->ip);
}

static int order_controller(const void *a, const void *b)
{
    const struct found_controller *x = a, *y = b;
    int c = ip_compare(&x->ip, &y->ip);
    if (!c)
        c = order_text(x->name, y->name);
    return c ? c : (x->port > y->port) - (x->port < y->port);
}

static int order_host(const void *a, const void *b)
{
    return ip_compare(&((const struct found_host *)a)->ip, &((const struct found_host *)b)->ip);
}

static int order_money(const void *a, const void *b)
{
    const struct found_money *x = a, *y = b;
    int c = order_text(x->text, y->text);
    if (!c)
        c = order_text(x->kind, y->kind);
    return c ? c : order_text(x->campaign, y->campaign);
}

static int order_doubt(const void *a, const void *b)
{
    const struct found_doubt *x = a, *y = b;
    int c = order_text(x->about, y->about);
    return c ? c : order_text(x->text, y->text);
}

/* Appends what only `old` has; each is looked up in a sorted copy. */
static int join(struct arena *a, const struct kind *k, void **list, size_t *n, const void *old, size_t n_old, struct report *why)
{
    if (!n_old)
        return POSSE_OK;
    uint8_t *sorted = malloc((*n + 1) * k->bytes), *all = arena_zalloc(a, (*n + n_old) * k->bytes);
    if (!sorted || !all) {
        free(sorted);
        return report_set(why, POSSE_ENOMEM, "out of memory");
    }
    size_t had = *n;
    if (had) {
        memcpy(sorted, *list, had * k->bytes);
        memcpy(all, *list, had * k->bytes);
        qsort(sorted, had, k->bytes, k->order);
    }
    for (size_t i = 0; i < n_old && *n < k->most; i++) {
        const uint8_t *x = (const uint8_t *)old + i * k->bytes;
        if (!had || !bsearch(x, sorted, had, k->bytes, k->order))
            memcpy(all + (*n)++ * k->bytes, x, k->bytes);
    }
    *list = all;
    free(sorted);
    return POSSE_OK;
}

#define JOIN(member, count, shape, cap) \
    do { \
        const struct kind kind_ = {sizeof *f->member, cap, order_##shape}; \
        void *list_ = f->member; \
        int err_ = join(a, &kind_, &list_, &f->count, old->member, old->count, why); \
        if (err_) \
            return err_; \
        f->member = list_; \
    } while (0)

int findings_merge(struct arena *a, struct findings *f, const struct findings *old, struct report *why)
{
    bool has_figures = f->to_ms != 0;
    size_t own = f->n_campaigns, sources = f->n_sources;
    for (size_t i = 0; i < old->n_botnets; i++) /* whom the case was about it still is about */
        for (size_t k = 0; k < f->n_botnets; k++)
            if (old->botnet[i].is_subject && order_botnet(&old->botnet[i], &f->botnet[k]) == 0) {
                if (!f->botnet[k].n_hours && old->botnet[i].n_hours)
                    f->botnet[k] = old->botnet[i];
                f->botnet[k].is_subject = true;
            }
    JOIN(botnet, n_botnets, botnet, 5000);
    JOIN(campaign, n_campaigns, campaign, 10000);
    JOIN(source, n_sources, source, 100000);
    JOIN(controller, n_controllers, controller, 10000);
    JOIN(host, n_hosts, host, 100000);
    JOIN(money, n_moneys, money, 10000);
    JOIN(doubt, n_doubts, doubt, 10000);
    f->campaigns_total += f->n_campaigns - own + (own ? 0 : old->campaigns_total - old->n_campaigns);
    f->sources_total += f->n_sources - sources + (sources ? 0 : old->sources_total - old->n_sources);
    f->hosts_total = f->n_hosts;
    if (!has_figures) {
        f->from_ms = old->from_ms;
        f->to_ms = old->to_ms;
        f->total = old->total;
        f->change = old->change;
        f->n_changes = old->n_changes;
        f->hour = old->hour;
        f->n_hours = old->n_hours;
    }
    if (!f->subject.n)
        f->subject = old->subject;
    if (!f->watch)
        f->watch = old->watch;
    return POSSE_OK;
}
