/* Judging: one pass over all pairs. Acts of hosts first, then rhythms, then destinations with their crowd, then hosts again with their
 * controllers, then incidents. Everything is made anew each time; what the stream left behind is only read. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "flow/known.h"
#include "flow/trace_bits.h"
#include "flow/trace_priv.h"

/* ---- hosts by their acts ---- */

double trace_trap_bits(const struct host *h)
{
    if (h->trap_probability <= 0)
        return 0;
    double p = (double)h->trap_probability, bits = fmin(BITS_TRAP_MOST, log2(p / (1.001 - p)) - BITS_HOST_PRIOR);
    return trace_serves_mail(h) ? fmax(0, bits + BITS_TRAP_SERVES) : bits;
}

/* A host of ours may stand on the lists too: the house's scanner is allowed, what a complaint names is denied. */
double trace_list_bits(const struct trace *t, const struct host *h)
{
    if (!t->o.known)
        return 0;
    enum known_kind k = known_find(t->o.known, SPAN_NONE, &t->node[h->node].ip, 0, NULL);
    return k == KNOWN_ALLOWED ? BITS_ALLOWED : k == KNOWN_DENIED ? BITS_DENIED : 0;
}

static float acts_of(const struct trace *t, const struct host *h)
{
    char text[TRACE_TEXT];
    double bits = trace_trap_bits(h) + trace_list_bits(t, h) + (trace_link_of_address(t, h->node) ? BITS_LINKED : 0);
    for (unsigned k = 0; k < KIND_ACTS; k++)
        bits += trace_act_bits(h, k, text);
    return (float)bits;
}

static void judge_acts(struct pass *w)
{
    const struct trace *t = w->t;
    double acting = 0;
    for (size_t i = 1; i <= t->n_hosts; i++) {
        const struct host *h = &t->host[i];
        if (!w->inside[h->node])
            continue;
        w->host_bits[i] = acts_of(t, h);
        w->host_odds[i] = w->host_bits[i] + (float)BITS_HOST_PRIOR;
        if (!h->flows && !h->queries) /* only a spam trap knows it: it talks to nobody here, so it is none of those who might */
            continue;
        w->n_inside++;
        acting += trace_odds((double)w->host_odds[i]);
    }
    w->base = (acting + .5) / ((double)w->n_inside + 50);
}

/* ---- rhythms and their false-discovery rate ---- */

int trace_float_order(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Benjamini and Hochberg: the largest k such that the k-th smallest p-value is at most k / n of the rate. */
static int judge_rhythms(struct pass *w)
{
    struct trace *t = w->t;
    if (t->o.is_running) {
        struct heard *all = trace_grow(t, t->heard, &t->cap_heard, t->n_pairs + 1, sizeof *all);
        t->heard = all ? all : t->heard; /* what finds no room is judged anew each time */
    }
    for (size_t i = 1; i <= t->n_pairs; i++)
        trace_rhythm_judge(w, i);
    float *p = malloc((w->n_tested + 1) * sizeof *p);
    if (!p)
        return POSSE_ENOMEM;
    size_t n = 0;
    for (size_t i = 1; i <= t->n_pairs; i++)
        if (w->judged[i].is_tested)
            p[n++] = w->judged[i].ln_p;
    qsort(p, n, sizeof *p, trace_float_order);
    float limit = -INFINITY;
    for (size_t k = n; k > 0; k--)
        if ((double)p[k - 1] <= log((double)k / (double)n * t->o.false_discovery)) {
            limit = p[k - 1];
            break;
        }
    free(p);
    for (size_t i = 1; i <= t->n_pairs; i++)
        w->judged[i].is_rhythm = w->judged[i].is_tested && w->judged[i].ln_p <= limit;
    return 0;
}

/* ---- destinations ---- */

static int by_destination(const void *a, const void *b, void *ctx)
{
    const struct pair *all = ((const struct trace *)ctx)->pair, *x = &all[*(const uint32_t *)a], *y = &all[*(const uint32_t *)b];
    if (x->dst != y->dst)
        return x->dst < y->dst ? -1 : 1;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    if (x->proto != y->proto)
        return x->proto < y->proto ? -1 : 1;
    return x->src < y->src ? -1 : x->src > y->src;
}

static int judge_services(struct pass *w)
{
    struct trace *t = w->t;
    for (size_t i = 0; i < t->n_pairs; i++)
        w->order[i] = (uint32_t)i + 1;
    qsort_r(w->order, t->n_pairs, sizeof *w->order, by_destination, t);
    size_t cap = 0;
    for (size_t i = 0; i < t->n_pairs; i++) {
        const struct pair *p = &t->pair[w->order[i]], *q = i ? &t->pair[w->order[i - 1]] : NULL;
        if (q && q->dst == p->dst && q->port == p->port && q->proto == p->proto) {
            w->service[w->n_services - 1].n++;
            continue;
        }
        if (w->n_services == cap) {
            cap = cap ? cap * 2 : 256;
            struct service *all = realloc(w->service, cap * sizeof *all);
            if (!all)
                return POSSE_ENOMEM;
            w->service = all;
        }
        w->service[w->n_services++] = (struct service){.from = (uint32_t)i, .n = 1};
    }
    for (size_t i = 0; i < w->n_services; i++)
        trace_service_judge(w, &w->service[i]);
    return 0;
}

static void judge_pairs(struct pass *w)
{
    for (size_t i = 0; i < w->n_services; i++) {
        struct service *s = &w->service[i];
        for (uint32_t k = s->from; k < s->from + s->n; k++) {
            float bits = (float)trace_bits_of(w, w->order[k], false);
            w->judged[w->order[k]].bits = bits;
            if (k == s->from || bits > w->judged[s->best].bits)
                s->best = w->order[k];
        }
        s->bits = trace_bits_of(w, s->best, true);
    }
}

/* ---- lists ---- */

void trace_name_copy(const struct trace *t, const struct pair *p, char out[TRACE_NAME])
{
    struct span s = trace_name_text(t, p->dst & NAME_BIT ? p->dst & ~NAME_BIT : p->name);
    snprintf(out, TRACE_NAME, "%.*s", (int)s.n, s.n ? (const char *)s.p : "");
}

static void beacon_fill(const struct pass *w, uint32_t pair, struct beacon *b)
{
    const struct trace *t = w->t;
    const struct pair *p = &t->pair[pair];
    const struct judged *j = &w->judged[pair];
    *b = (struct beacon){.src = t->node[p->src].ip, .dst = trace_address_of(t, p), .is_by_name = (p->dst & NAME_BIT) != 0,
                         .is_inbound = !w->inside[p->src], .is_rhythm = j->is_rhythm, .port = p->port, .proto = p->proto,
                         .connections = p->connections, .first_ms = trace_ms(t, p->first), .last_ms = trace_ms(t, p->last),
                         .period_s = (double)j->period_s, .jitter = (double)j->jitter, .p_value = exp((double)j->ln_p),
                         .rita_score = trace_rita_of(w, pair)};
    trace_name_copy(t, p, b->name);
    trace_reasons_of(w, pair, false, &b->why, &b->innocent);
    b->probability = trace_odds(b->why.bits);
    b->innocent = b->why.bits > 0 ? NULL : b->innocent;
    b->is_told = w->service[j->service].is_told && b->why.bits > 0;
}

static int by_bits(const void *a, const void *b, void *ctx)
{
    const struct judged *j = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    float p = j[x].bits, q = j[y].bits;
    return p != q ? (p < q) - (p > q) : (x > y) - (x < y);
}

/* Most probable first, innocent ones last. */
static int beacons_make(struct pass *w, struct lists *l)
{
    const struct trace *t = w->t;
    size_t n = 0;
    for (size_t i = 1; i <= t->n_pairs; i++)
        if (w->judged[i].is_tested)
            w->order[n++] = (uint32_t)i; /* services are done with it */
    qsort_r(w->order, n, sizeof *w->order, by_bits, w->judged);
    n = n < t->o.max_listed ? n : t->o.max_listed;
    l->beacon = calloc(n + 1, sizeof *l->beacon);
    if (!l->beacon)
        return POSSE_ENOMEM;
    for (int innocent = 0; innocent < 2; innocent++)
        for (size_t i = 0; i < n; i++) {
            struct beacon *b = &l->beacon[l->n_beacons];
            beacon_fill(w, w->order[i], b);
            l->n_beacons += (b->innocent != NULL) == (innocent != 0);
        }
    return 0;
}

/* ---- the pass ---- */

void trace_lists_free(struct trace *t)
{
    struct lists *l = t->lists;
    if (!l)
        return;
    free(l->beacon);
    free(l->controller);
    free(l->controller_service);
    free(l->host);
    free(l->incident);
    free(l->member);
    free(l->told);
    free(l);
    t->lists = NULL;
}

static void pass_free(struct pass *w)
{
    free(w->inside);
    free(w->host_bits);
    free(w->host_odds);
    free(w->member);
    free(w->member_of);
    free(w->order);
    free(w->judged);
    free(w->service);
    free(w->scratch);
    free(w->at_s);
    free(w->bytes);
}

static int pass_new(struct pass *w)
{
    struct trace *t = w->t;
    w->inside = calloc(t->n_nodes + 1, 1);
    w->host_bits = calloc(t->n_hosts + 1, sizeof *w->host_bits);
    w->host_odds = calloc(t->n_hosts + 1, sizeof *w->host_odds);
    w->member = calloc(t->n_hosts + 1, sizeof *w->member);
    w->member_of = calloc(t->n_hosts + 1, sizeof *w->member_of);
    w->order = malloc((t->n_pairs + 1) * sizeof *w->order);
    w->judged = calloc(t->n_pairs + 1, sizeof *w->judged);
    w->scratch = malloc(sizeof *w->scratch);
    w->at_s = malloc(EVENTS_MOST * sizeof *w->at_s);
    w->bytes = malloc(EVENTS_MOST * sizeof *w->bytes);
    if (!w->inside || !w->host_bits || !w->host_odds || !w->member || !w->member_of || !w->order || !w->judged || !w->scratch || !w->at_s || !w->bytes)
        return POSSE_ENOMEM;
    for (size_t i = 1; i <= t->n_nodes; i++)
        w->inside[i] = trace_is_inside(t, &t->node[i].ip);
    w->has_names = t->n_names > 0;
    return 0;
}

int trace_judge(struct trace *t, struct report *why)
{
    struct pass w = {.t = t};
    struct lists *l = calloc(1, sizeof *l);
    trace_lists_free(t);
    t->lists = l;
    int rc = l ? pass_new(&w) : POSSE_ENOMEM;
    if (!rc) {
        judge_acts(&w);
        rc = judge_rhythms(&w);
    }
    if (!rc)
        rc = judge_services(&w);
    if (!rc) {
        judge_pairs(&w);
        rc = trace_controllers_make(&w, l);
    }
    if (!rc)
        rc = trace_hosts_make(&w, l);
    if (!rc)
        rc = trace_incidents_make(&w, l);
    if (!rc)
        rc = beacons_make(&w, l);
    pass_free(&w);
    if (rc) {
        trace_lists_free(t);
        return report_set(why, rc, "no memory to judge %zu pairs", t->n_pairs);
    }
    return 0;
}

#define LIST(name, type, field)                                       \
    size_t name(const struct trace *t, const struct type **out)       \
    {                                                                 \
        *out = t->lists ? t->lists->field : NULL;                     \
        return t->lists ? t->lists->n_##field##s : 0;                 \
    }
LIST(trace_beacons, beacon, beacon)
LIST(trace_controllers, controller, controller)
LIST(trace_hosts, traced_host, host)
LIST(trace_incidents, incident, incident)
