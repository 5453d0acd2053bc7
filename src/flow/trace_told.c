/* Controllers and hosts, most probable first, and which of them are told. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hll.h"
#include "flow/trace_bits.h"
#include "flow/trace_priv.h"

static double limit(double x, double lo, double hi) { return x < lo ? lo : x > hi ? hi : x; }

/* ---- controllers ---- */

static int by_service_bits(const void *a, const void *b, void *ctx)
{
    const struct service *s = ctx;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return s[x].bits != s[y].bits ? (s[x].bits < s[y].bits) - (s[x].bits > s[y].bits) : (x > y) - (x < y);
}

static void controller_fill(const struct pass *w, const struct service *s, struct controller *c)
{
    const struct trace *t = w->t;
    const struct pair *p = &t->pair[s->best];
    const char *innocent;
    *c = (struct controller){.ip = trace_address_of(t, p), .is_by_name = (p->dst & NAME_BIT) != 0, .port = p->port, .proto = p->proto,
                             .n_hosts = s->n_hosts, .n_acting = s->n_acting, .is_told = s->is_told};
    trace_name_copy(t, p, c->name);
    uint32_t node = p->dst & NAME_BIT ? p->address : p->dst, first = p->first, last = p->last;
    c->is_inside = w->inside[node];
    for (uint32_t i = s->from; i < s->from + s->n; i++) {
        const struct pair *q = &t->pair[w->order[i]];
        first = q->first < first ? q->first : first;
        last = q->last > last ? q->last : last;
    }
    c->first_ms = trace_ms(t, first);
    c->last_ms = trace_ms(t, last);
    trace_reasons_of(w, s->best, true, &c->why, &innocent);
    c->probability = trace_odds(c->why.bits);
    if (astable_find(t->o.as, &c->ip, &c->as))
        astable_range(t->o.as, &c->ip, &c->net_first, &c->net_last);
}

/* What its hosts are worth, were it a controller: what each is seen to do by itself must not come back to it as evidence. */
static void members_note(struct pass *w, uint32_t service)
{
    const struct trace *t = w->t;
    const struct service *s = &w->service[service];
    for (uint32_t i = s->from; i < s->from + s->n; i++) {
        const struct pair *p = &t->pair[w->order[i]];
        uint32_t host = t->node[p->src].host;
        if (!host || !w->inside[p->src])
            continue;
        double without = trace_crowd_limit(s->crowd_all - trace_crowd_of(w, host, p->port));
        double probability = trace_odds(s->bits + BITS_SCALE * (without - s->crowd));
        if (probability > (double)w->member[host]) {
            w->member[host] = (float)probability;
            w->member_of[host] = service + 1;
        }
    }
}

/* One address of a name that is a destination itself says nothing that the name does not say better. */
static bool is_part_of_name(const struct pass *w, const struct service *s, const float *by_name)
{
    const struct pair *p = &w->t->pair[s->best];
    return !(p->dst & NAME_BIT) && p->name && by_name[p->name] > (float)s->bits - 4;
}

static size_t candidates(const struct pass *w, uint32_t *by)
{
    float *by_name = malloc((w->t->n_names + 1) * sizeof *by_name);
    size_t n = 0;
    if (!by_name)
        return SIZE_MAX;
    for (size_t i = 0; i <= w->t->n_names; i++)
        by_name[i] = -INFINITY;
    for (size_t i = 0; i < w->n_services; i++) {
        uint32_t dst = w->t->pair[w->service[i].best].dst;
        if (dst & NAME_BIT)
            by_name[dst & ~NAME_BIT] = fmaxf(by_name[dst & ~NAME_BIT], (float)w->service[i].bits);
    }
    for (size_t i = 0; i < w->n_services; i++)
        if (w->service[i].bits > BITS_CANDIDATE && !is_part_of_name(w, &w->service[i], by_name))
            by[n++] = (uint32_t)i;
    free(by_name);
    return n;
}

/* In order of their bits; is_told. */
static void tell(struct pass *w, uint32_t *by, size_t n)
{
    const struct trace *t = w->t;
    double wrong = 0;
    bool is_over = false;
    qsort_r(by, n, sizeof *by, by_service_bits, w->service);
    for (size_t i = 0; i < n; i++) {
        double p = trace_odds(w->service[by[i]].bits);
        is_over = is_over || p < t->o.probability || (wrong += 1 - p) > t->o.false_discovery * (double)(i + 1);
        w->service[by[i]].is_told = !is_over;
    }
}

int trace_controllers_make(struct pass *w, struct lists *l)
{
    const struct trace *t = w->t;
    uint32_t *by = malloc((w->n_services + 1) * sizeof *by);
    size_t n = by ? candidates(w, by) : SIZE_MAX;
    if (n == SIZE_MAX) {
        free(by);
        return POSSE_ENOMEM;
    }
    tell(w, by, n);
    if (trace_gangs_judge(w, by, n))
        tell(w, by, n);
    for (size_t i = 0; i < n && trace_odds(w->service[by[i]].bits) > .05; i++)
        members_note(w, by[i]);
    n = n < t->o.max_listed ? n : t->o.max_listed;
    l->controller = calloc(n + 1, sizeof *l->controller);
    for (size_t i = 0; l->controller && i < n; i++)
        controller_fill(w, &w->service[by[i]], &l->controller[l->n_controllers++]);
    l->controller_service = by;
    return l->controller ? 0 : POSSE_ENOMEM;
}

/* ---- hosts ---- */

static double odds_bits(double p) { return log2(limit(p, 1e-12, 1 - 1e-12) / (1 - limit(p, 1e-12, 1 - 1e-12))); }

static void act_reasons(const struct trace *t, const struct host *h, struct traced_host *out)
{
    static const enum trace_kind kind[KIND_ACTS] = {TRACE_SPAM, TRACE_SCAN, TRACE_DNS};
    for (unsigned k = 0; k < KIND_ACTS; k++) {
        char text[TRACE_TEXT];
        double bits = trace_act_bits(h, k, text);
        trace_reason_add(&out->why, kind[k], bits, "%s", text);
        if (bits > 3) {
            uint32_t first = h->act[k]->n_onsets ? h->act[k]->onset[0] : h->act[k]->first, last = h->act[k]->last;
            /* among many ports that it tries, mail's is one more */
            out->acts |= k == 0 && h->tried / 20 > h->mail_out ? (unsigned)ACT_SCAN : 1u << k;
            out->first_ms = !out->first_ms || trace_ms(t, first) < out->first_ms ? trace_ms(t, first) : out->first_ms;
            out->last_ms = trace_ms(t, last) > out->last_ms ? trace_ms(t, last) : out->last_ms;
        }
    }
}

static void trap_reason(const struct trace *t, const struct host *h, struct traced_host *out)
{
    uint32_t link = trace_link_of_address(t, h->node);
    if (link)
        trace_reason_add(&out->why, TRACE_TRAP, BITS_LINKED, "links of spam at a trap%s%s lead to it", t->link[link].botnet[0] ? ", by " : "", t->link[link].botnet);
    if (h->trap_probability <= 0)
        return;
    out->acts |= ACT_TRAP;
    memcpy(out->botnet, h->trap, sizeof out->botnet);
    trace_reason_add(&out->why, TRACE_TRAP, trace_trap_bits(h), "a spam trap had mail from it%s%s%s", h->trap[0] ? ", by " : "", h->trap,
                     trace_serves_mail(h) ? "; but it receives mail: it may have passed it on" : "");
    if (!out->first_ms || trace_ms(t, h->trap_at) < out->first_ms)
        out->first_ms = trace_ms(t, h->trap_at);
    if (trace_ms(t, h->trap_at) > out->last_ms)
        out->last_ms = trace_ms(t, h->trap_at);
}

/* Who talks to a controller is infected, save one in 20 (a scanner of the house, somebody who looked) and who is allowed to. */
static void member_reason(const struct pass *w, uint32_t host, struct traced_host *out)
{
    const struct trace *t = w->t;
    if (!w->member_of[host] || w->member[host] < .05 || trace_list_bits(t, &t->host[host]) < 0)
        return;
    const struct service *s = &w->service[w->member_of[host] - 1];
    const struct pair *p = &t->pair[s->best];
    struct ip to = trace_address_of(t, p);
    char name[TRACE_NAME], address[IP_TEXT];
    trace_name_copy(t, p, name);
    ip_text(&to, address);
    double alone = trace_odds(out->why.bits), both = 1 - (1 - alone) * (1 - MEMBER_IF_CONTROLLER * (double)w->member[host]);
    trace_reason_add(&out->why, TRACE_MEMBER, odds_bits(both) - out->why.bits, "talks to %.100s, a controller with a probability of %.2f",
                     name[0] ? name : address, (double)w->member[host]);
    if (w->member[host] > .5)
        out->acts |= ACT_BEACON;
}

static void host_fill(const struct pass *w, uint32_t i, struct traced_host *out)
{
    const struct trace *t = w->t;
    const struct host *h = &t->host[i];
    *out = (struct traced_host){.ip = t->node[h->node].ip, .flows = h->flows, .mail_failed = h->mail_failed, .nxdomain = h->nx};
    trace_reason_add(&out->why, TRACE_PRIOR, BITS_HOST_PRIOR, "one host in %.0f is infected", exp2(-BITS_HOST_PRIOR));
    act_reasons(t, h, out);
    trap_reason(t, h, out);
    double listed = trace_list_bits(t, h);
    trace_reason_add(&out->why, TRACE_LISTED, listed, "on your list of what is %s", listed > 0 ? "denied" : "allowed");
    member_reason(w, i, out);
    if (h->act[0])
        out->mail_servers = (uint64_t)(hll_count(h->act[0]->all, ACT_P).mid + .5);
    if (h->act[1])
        out->scanned = (uint64_t)(hll_count(h->act[1]->all, ACT_P).mid + .5);
    out->probability = trace_odds(out->why.bits);
    if (!out->first_ms && t->flows) {
        out->first_ms = trace_ms(t, h->first);
        out->last_ms = trace_ms(t, h->last);
    }
}

struct ranked { float bits; uint32_t host; };

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->bits != y->bits ? (x->bits < y->bits) - (x->bits > y->bits) : (x->host > y->host) - (x->host < y->host);
}

int trace_hosts_make(struct pass *w, struct lists *l)
{
    const struct trace *t = w->t;
    struct ranked *by = malloc((t->n_hosts + 1) * sizeof *by);
    struct traced_host h;
    if (!by)
        return POSSE_ENOMEM;
    size_t n = 0;
    for (uint32_t i = 1; i <= t->n_hosts; i++)
        if (w->inside[t->host[i].node] && (w->host_bits[i] > 0 || w->member[i] > .05f)) {
            host_fill(w, i, &h);
            by[n++] = (struct ranked){(float)h.why.bits, i};
        }
    qsort(by, n, sizeof *by, by_rank);
    n = n < t->o.max_listed ? n : t->o.max_listed;
    l->host = calloc(n + 1, sizeof *l->host);
    double wrong = 0;
    bool is_over = false;
    for (size_t i = 0; l->host && i < n; i++) {
        struct traced_host *x = &l->host[l->n_hosts++];
        host_fill(w, by[i].host, x);
        is_over = is_over || x->probability < t->o.probability || (wrong += 1 - x->probability) > t->o.false_discovery * (double)(i + 1);
        x->is_told = !is_over;
    }
    free(by);
    return l->host ? 0 : POSSE_ENOMEM;
}
