/* Incidents: what there is to do. Controllers that share half of their hosts, are of one gang, or are one name and its addresses, are one; a told host
 * without a told controller is one by itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "flow/trace_priv.h"

enum { COMPARED_MOST = 512 };
static const float member_least = .5f; /* a told host belongs to a controller from this probability on */

struct group { uint32_t of; uint32_t service; }; /* of: the first of its group */

static uint32_t root(const struct group *g, uint32_t i)
{
    while (g[i].of != i)
        i = g[i].of;
    return i;
}

static void join(struct group *g, uint32_t a, uint32_t b)
{
    a = root(g, a), b = root(g, b);
    if (a < b)
        g[b].of = a;
    else
        g[a].of = b;
}

/* Pairs of one destination stand in the order of their sources. */
static bool share_hosts(const struct pass *w, const struct service *a, const struct service *b)
{
    uint32_t i = a->from, j = b->from, both = 0, less = a->n < b->n ? a->n : b->n;
    while (i < a->from + a->n && j < b->from + b->n) {
        uint32_t x = w->t->pair[w->order[i]].src, y = w->t->pair[w->order[j]].src;
        both += x == y;
        i += x <= y;
        j += y <= x;
    }
    uint32_t more = a->n > b->n ? a->n : b->n;
    return both * 2 >= less && both * 8 >= more; /* what everybody talks to is not of one gang with each of them */
}

static bool same_place(const struct pass *w, const struct service *a, const struct service *b)
{
    const struct pair *p = &w->t->pair[a->best], *q = &w->t->pair[b->best];
    struct ip x = trace_address_of(w->t, p), y = trace_address_of(w->t, q);
    uint32_t n = p->dst & NAME_BIT ? p->dst & ~NAME_BIT : p->name, m = q->dst & NAME_BIT ? q->dst & ~NAME_BIT : q->name;
    return ip_compare(&x, &y) == 0 || (n && n == m);
}

static void group_all(const struct pass *w, struct group *g, size_t n)
{
    for (uint32_t i = 0; i < n && i < COMPARED_MOST; i++)
        for (uint32_t j = 0; j < i; j++) {
            const struct service *a = &w->service[g[i].service], *b = &w->service[g[j].service];
            if (same_place(w, a, b) || share_hosts(w, a, b) || a->gang == g[j].service + 1 || b->gang == g[i].service + 1)
                join(g, i, j);
        }
}

static void id_of(const void *p, size_t n, uint64_t salt, char out[17])
{
    snprintf(out, 17, "%016llx", (unsigned long long)hash64(span_of(p, n), salt));
}

static void controller_id(const struct controller *c, char out[17])
{
    if (c->is_by_name)
        id_of(c->name, strlen(c->name), c->port, out);
    else
        id_of(c->ip.b, 16, (uint64_t)c->proto << 16 | c->port, out);
}

static void widen(struct incident *x, int64_t first_ms, int64_t last_ms)
{
    x->first_ms = !x->first_ms || first_ms < x->first_ms ? first_ms : x->first_ms;
    x->last_ms = last_ms > x->last_ms ? last_ms : x->last_ms;
}

/* The told hosts of the group, or with group UINT32_MAX one host alone. */
static void add_members(const struct pass *w, struct lists *l, const uint32_t *group_of, uint32_t group, struct incident *x)
{
    x->host = &l->member[l->n_members];
    for (size_t i = 0; i < l->n_hosts && l->host[i].is_told; i++) {
        uint32_t node = trace_node(w->t, &l->host[i].ip, false), host = node ? w->t->node[node].host : 0, of = w->member_of[host];
        if (!of || w->member[host] < member_least || !w->service[of - 1].is_told || group_of[of - 1] != group)
            continue;
        l->member[l->n_members++] = &l->host[i];
        x->n_hosts++;
        widen(x, l->host[i].first_ms, l->host[i].last_ms);
    }
}

/* l->controller is in order and the told ones come first, as in g: controller i is service g[i]. */
static void from_controllers(const struct pass *w, struct lists *l, const struct group *g, size_t n, const uint32_t *group_of)
{
    size_t n_told = 0;
    for (uint32_t first = 0; first < n; first++) {
        if (root(g, first) != first)
            continue;
        struct incident *x = &l->incident[l->n_incidents++];
        x->controller = &l->told[n_told];
        for (uint32_t i = first; i < n; i++) {
            if (root(g, i) != first)
                continue;
            l->told[n_told++] = l->controller[i];
            x->n_controllers++;
            widen(x, l->controller[i].first_ms, l->controller[i].last_ms);
        }
        x->probability = x->controller->probability;
        controller_id(x->controller, x->id);
        add_members(w, l, group_of, first, x);
    }
}

static void from_hosts(const struct pass *w, struct lists *l)
{
    for (size_t i = 0; i < l->n_hosts && l->host[i].is_told; i++) {
        uint32_t node = trace_node(w->t, &l->host[i].ip, false), host = node ? w->t->node[node].host : 0, of = w->member_of[host];
        if (of && w->member[host] >= member_least && w->service[of - 1].is_told)
            continue;
        struct incident *x = &l->incident[l->n_incidents++];
        *x = (struct incident){.probability = l->host[i].probability, .host = &l->member[l->n_members], .n_hosts = 1};
        l->member[l->n_members++] = &l->host[i];
        id_of(l->host[i].ip.b, 16, 0, x->id);
        widen(x, l->host[i].first_ms, l->host[i].last_ms);
    }
}

/* The botnet of most of its hosts that a trap saw. */
static void botnet_of(struct incident *x)
{
    size_t most = 0;
    for (size_t i = 0; i < x->n_hosts; i++) {
        size_t n = 0;
        for (size_t k = 0; k < x->n_hosts && k < COMPARED_MOST && x->host[i]->botnet[0]; k++)
            n += strcmp(x->host[i]->botnet, x->host[k]->botnet) == 0;
        if (n > most) {
            most = n;
            memcpy(x->botnet, x->host[i]->botnet, sizeof x->botnet);
        }
    }
}

static int by_probability(const void *a, const void *b)
{
    const struct incident *x = a, *y = b;
    if (x->probability != y->probability)
        return x->probability < y->probability ? 1 : -1;
    return x->n_hosts != y->n_hosts ? (x->n_hosts < y->n_hosts ? 1 : -1) : strcmp(x->id, y->id);
}

int trace_incidents_make(const struct pass *w, struct lists *l)
{
    size_t n = 0, n_hosts = 0;
    while (n < l->n_controllers && l->controller[n].is_told)
        n++;
    while (n_hosts < l->n_hosts && l->host[n_hosts].is_told)
        n_hosts++;
    struct group *g = calloc(n + 1, sizeof *g);
    uint32_t *group_of = calloc(w->n_services + 1, sizeof *group_of);
    l->incident = calloc(n + n_hosts + 1, sizeof *l->incident);
    l->member = calloc(n_hosts + 1, sizeof(void *));
    l->told = calloc(n + 1, sizeof *l->told);
    int rc = g && group_of && l->incident && l->member && l->told ? 0 : POSSE_ENOMEM;
    if (!rc) {
        for (uint32_t i = 0; i < n; i++)
            g[i] = (struct group){i, l->controller_service[i]};
        group_all(w, g, n);
        for (uint32_t i = 0; i < n; i++)
            group_of[g[i].service] = root(g, i);
        from_controllers(w, l, g, n, group_of);
        from_hosts(w, l);
        for (size_t i = 0; i < l->n_incidents; i++)
            botnet_of(&l->incident[i]);
        qsort(l->incident, l->n_incidents, sizeof *l->incident, by_probability);
    }
    free(g);
    free(group_of);
    return rc;
}
