/* flow: the edge of a campus, minute by minute. A stream is one host's habit (a service that it uses, a gang's control, its own acts); each waits
 * in a wheel of minutes for its next time. All that happens in a minute is drawn, put in order and written. */
#include "flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "macro.h"
#include "world.h"
#include "zeek.h"

enum { WHEEL = 4096, NAMES_MAX = 4, ADDRESSES_MAX = 32 };
#define INSIDE 0x0af00000u /* 10.240.0.0/16 */

struct server { char *name; uint32_t address[ADDRESSES_MAX]; unsigned n; int64_t from_ms, to_ms; };
struct stream { uint32_t host, next; uint16_t what; uint8_t kind; int64_t due_ms, until_ms, looked_ms; };
enum stream_kind { STREAM_SERVICE, STREAM_CONTROL, STREAM_NX, STREAM_ACT, STREAM_MAIL, STREAM_SCANNER };
struct victim { uint32_t host, gang; int64_t since_ms, acted_ms; };

struct edge {
    const struct scenario *s;
    const struct campus *campus;
    struct world world;                /* its systems; nobody in it */
    struct rng rng;
    struct server *service;            /* NAMES_MAX of each service */
    LIST(struct server) *control;      /* of each gang, all that ever were */
    LIST(struct victim) victim;
    LIST(struct stream) stream;
    LIST(struct flow) flow;
    uint32_t wheel[WHEEL];
    char **mail_domain; uint32_t n_mail_domains;
    struct program *nx;
    struct zeek_logs logs;
    int64_t minute;
    uint64_t n_flows;
    LIST(char *) kept;                 /* names that live until the minute is written */
};

/* ---- names and addresses ---- */

static uint32_t inside(uint32_t host) { return INSIDE + (host / 250 + 1) * 256 + host % 250 + 2; }
#define RESOLVER (INSIDE + 53)

static uint32_t outside(struct edge *e)
{
    uint32_t network = e->campus->networks.v[rng_below(&e->rng, e->campus->networks.n)].id;
    uint32_t k = e->world.network_first[network];
    k += rng_below(&e->rng, e->world.network_first[network + 1] - k);
    const struct system *y = &e->world.system.v[k];
    return y->base + 1 + rng_below(&e->rng, y->pool - 2);
}

static char *name_draw(struct edge *e, raws list)
{
    struct drawing d = {.s = e->s, .rng = &e->rng};
    struct buf b = {0};
    macro_draw(&d, list.v[rng_below(&e->rng, list.n)], &b);
    char *name = mem_text(b.p, b.n);
    buf_free(&b);
    return name;
}

static struct server server_draw(struct edge *e, raws names, unsigned addresses)
{
    struct server v = {.name = name_draw(e, names), .n = addresses < 1 ? 1 : addresses > ADDRESSES_MAX ? ADDRESSES_MAX : addresses};
    for (unsigned i = 0; i < v.n; i++)
        v.address[i] = outside(e);
    return v;
}

/* A gang's servers are used side by side; each is followed by another when its life is over. */
static void controls_draw(struct edge *e, uint32_t g, int64_t from_ms, int64_t to_ms)
{
    const struct gang *gang = &e->s->gang.v[g];
    for (unsigned i = 0; i < gang->servers; i++)
        for (int64_t at = from_ms; at < to_ms;) {
            struct server v = server_draw(e, gang->host, gang->traffic.addresses);
            int64_t life = gang->server_life.hi > 0 ? rng_between(&e->rng, gang->server_life.lo, gang->server_life.hi) : to_ms - from_ms;
            v.from_ms = at;
            at += at == from_ms && gang->server_life.hi > 0 ? (int64_t)((double)life * rng_unit(&e->rng)) + 1 : life;
            v.to_ms = at < to_ms ? at : to_ms;
            *PUSH(e->control[g]) = v;
        }
}

static const struct server *control_now(struct edge *e, uint32_t g, int64_t ms)
{
    const struct server *found[100];
    uint32_t n = 0;
    for (size_t i = 0; i < e->control[g].n && n < 100; i++)
        if (ms >= e->control[g].v[i].from_ms && ms < e->control[g].v[i].to_ms)
            found[n++] = &e->control[g].v[i];
    return n > 0 ? found[rng_below(&e->rng, n)] : NULL;
}

/* ---- flows ---- */

static struct flow *flow_add(struct edge *e, int64_t us, uint32_t src, uint32_t dst, uint16_t port, enum flow_app app)
{
    struct flow *f = PUSH(e->flow);
    f->seq = e->n_flows++;
    f->us = us;
    f->duration_us = 20000 + (int64_t)(rng_exponential(&e->rng) * 300000);
    f->src = src;
    f->dst = dst;
    f->src_port = (uint16_t)(1024 + rng_below(&e->rng, 60000));
    f->dst_port = port;
    f->app = (uint8_t)app;
    f->is_inside_src = src >> 16 == INSIDE >> 16;
    f->state = "SF";
    f->sent = 200;
    f->received = 400;
    return f;
}

static void lookup_add(struct edge *e, int64_t us, uint32_t host, const char *name, const struct server *v, bool is_mx)
{
    struct flow *f = flow_add(e, us, host, RESOLVER, 53, APP_DNS);
    f->is_udp = true;
    f->duration_us = 500 + rng_below(&e->rng, 40000);
    f->name = name;
    f->sent = 30 + (uint32_t)strlen(name);
    f->received = f->sent + 32;
    f->is_mx = is_mx;
    for (unsigned i = 0; v && i < v->n && i < 4; i++)
        f->answer[f->n_answers++] = v->address[rng_below(&e->rng, v->n)];
}

static void talk_add(struct edge *e, struct stream *t, int64_t us, const struct traffic *tr, const struct server *v)
{
    static const uint16_t ports[] = {80, 443, 6667, 123};
    static const enum flow_app apps[] = {APP_HTTP, APP_SSL, APP_NONE, APP_NTP};
    uint32_t host = inside(t->host), dst = v->address[rng_below(&e->rng, v->n)];
    if (us / 1000 - t->looked_ms > 30 * MINUTE) {
        lookup_add(e, us, host, v->name, v, false);
        t->looked_ms = us / 1000;
        us += 45000;
    }
    struct flow *f = flow_add(e, us, host, dst, ports[tr->over], apps[tr->over]);
    f->is_udp = tr->over == OVER_NTP;
    f->name = v->name;
    if (tr->sent.hi > 0)
        f->sent = (uint32_t)rng_between(&e->rng, tr->sent.lo, tr->sent.hi);
    if (tr->received.hi > 0)
        f->received = (uint32_t)rng_between(&e->rng, tr->received.lo, tr->received.hi);
}

static char *keep(struct edge *e, const char *p, size_t n)
{
    char *name = mem_text(p, n);
    *PUSH(e->kept) = name;
    return name;
}

/* A bot that spams goes to the mail servers of its victims itself; many refuse it. */
static void delivery_add(struct edge *e, int64_t us, uint32_t host, bool is_server)
{
    const char *domain = e->mail_domain[rng_below(&e->rng, e->n_mail_domains)];
    struct server v = {.n = 1, .address = {outside(e)}};
    if (rng_chance(&e->rng, is_server ? 0.4 : 0.7))
        lookup_add(e, us, host, domain, &v, true);
    struct flow *f = flow_add(e, us + 60000, host, v.address[0], 25, APP_SMTP);
    f->sent = (uint32_t)rng_between(&e->rng, 900, 9000);
    f->received = 500;
    double x = rng_unit(&e->rng);
    f->state = is_server ? (x < 0.02 ? "S0" : "SF") : x < 0.25 ? "S0" : x < 0.45 ? "REJ" : "SF";
}

static void act_add(struct edge *e, struct stream *t, int64_t us)
{
    const struct gang *g = &e->s->gang.v[t->what];
    if (g->acts == ACTS_SPAM) {
        delivery_add(e, us, inside(t->host), false);
        return;
    }
    struct flow *f = flow_add(e, us, inside(t->host), outside(e), (uint16_t)g->scan_port, APP_NONE);
    f->state = rng_chance(&e->rng, 0.9) ? "S0" : "REJ";
}

static struct victim *victim_of(struct edge *e, uint32_t host)
{
    for (size_t i = 0; i < e->victim.n; i++)
        if (e->victim.v[i].host == host)
            return &e->victim.v[i];
    die("a host that acts is no victim");
}

/* ---- streams: what each does at its time, and when again ---- */

static void wheel_put(struct edge *e, uint32_t i)
{
    int64_t minute = e->stream.v[i].due_ms / MINUTE;
    if (minute <= e->minute)
        minute = e->minute + 1, e->stream.v[i].due_ms = minute * MINUTE;
    e->stream.v[i].next = e->wheel[minute % WHEEL];
    e->wheel[minute % WHEEL] = i;
}

static void stream_add(struct edge *e, enum stream_kind kind, uint32_t host, uint32_t what, int64_t due_ms)
{
    *PUSH(e->stream) = (struct stream){.host = host, .what = (uint16_t)what, .kind = (uint8_t)kind, .due_ms = due_ms, .looked_ms = INT64_MIN / 4};
    wheel_put(e, (uint32_t)e->stream.n - 1);
}

static int64_t again(struct edge *e, const struct traffic *t, int64_t ms)
{
    double jitter = t->jitter * (2 * rng_unit(&e->rng) - 1);
    return ms + (int64_t)((double)t->every_ms * (1 + jitter));
}

static int64_t visit_again(struct edge *e, const struct service *v, int64_t ms)
{
    const struct curve *day = v->day ? &e->s->curve.v[v->day - 1] : NULL;
    for (;;) {
        ms += (int64_t)(rng_exponential(&e->rng) / (v->visits * (day ? day->most / day->mean : 1)) * MINUTE) + 1;
        if (!day || rng_unit(&e->rng) * day->most < day->at.v[ms / HOUR % 24])
            return ms;
    }
}

static void service_turn(struct edge *e, struct stream *t)
{
    const struct service *v = &e->s->service.v[t->what];
    const struct server *server = &e->service[t->what * NAMES_MAX + rng_below(&e->rng, NAMES_MAX)];
    int64_t us = t->due_ms * 1000 + rng_below(&e->rng, 1000);
    if (v->traffic.every_ms > 0) {
        talk_add(e, t, us, &v->traffic, &e->service[t->what * NAMES_MAX]);
        t->due_ms = again(e, &v->traffic, t->due_ms);
        return;
    }
    for (uint32_t n = 1 + rng_below(&e->rng, 6); n > 0; n--, us += 200000 + rng_below(&e->rng, 3000000))
        talk_add(e, t, us, &v->traffic, server);
    t->due_ms = visit_again(e, v, t->due_ms);
}

static void act_turn(struct edge *e, struct stream *t)
{
    const struct gang *g = &e->s->gang.v[t->what];
    struct victim *victim = victim_of(e, t->host);
    if (t->due_ms >= t->until_ms) { /* a new burst begins */
        t->until_ms = t->due_ms + rng_between(&e->rng, g->act_for.lo, g->act_for.hi);
        victim->acted_ms = victim->acted_ms ? victim->acted_ms : t->due_ms;
    }
    act_add(e, t, t->due_ms * 1000 + rng_below(&e->rng, 1000));
    t->due_ms += (int64_t)(rng_exponential(&e->rng) / g->act_rate * MINUTE) + 1;
    if (t->due_ms >= t->until_ms)
        t->due_ms += rng_between(&e->rng, g->act_every.lo, g->act_every.hi);
}

static void nx_turn(struct edge *e, struct stream *t)
{
    const struct gang *g = &e->s->gang.v[t->what];
    struct fill fill = {.rng = &e->rng};
    struct buf b = {0};
    program_run(&e->nx[t->what], &fill, &b);
    lookup_add(e, t->due_ms * 1000, inside(t->host), keep(e, b.p, b.n), NULL, false);
    buf_free(&b);
    t->due_ms += (int64_t)(rng_exponential(&e->rng) / g->nx_rate * MINUTE) + 1;
}

static void stream_turn(struct edge *e, uint32_t i)
{
    struct stream *t = &e->stream.v[i];
    int64_t end = (e->minute + 1) * MINUTE;
    while (t->due_ms < end) {
        const struct server *control;
        struct flow *f;
        uint32_t target;
        switch ((enum stream_kind)t->kind) {
        case STREAM_SERVICE:
            service_turn(e, t);
            break;
        case STREAM_CONTROL:
            if ((control = control_now(e, t->what, t->due_ms)) != NULL)
                talk_add(e, t, t->due_ms * 1000 + rng_below(&e->rng, 1000), &e->s->gang.v[t->what].traffic, control);
            t->due_ms = again(e, &e->s->gang.v[t->what].traffic, t->due_ms);
            break;
        case STREAM_NX:
            nx_turn(e, t);
            break;
        case STREAM_ACT:
            act_turn(e, t);
            break;
        case STREAM_MAIL:
            delivery_add(e, t->due_ms * 1000, inside(t->host), true);
            t->due_ms += (int64_t)(rng_exponential(&e->rng) / e->campus->mail_rate * MINUTE) + 1;
            break;
        case STREAM_SCANNER:
            target = inside(rng_below(&e->rng, e->campus->hosts));
            f = flow_add(e, t->due_ms * 1000, t->host, target, rng_below(&e->rng, 2) ? 445 : 22, APP_NONE);
            f->state = rng_chance(&e->rng, 0.8) ? "S0" : "REJ";
            t->due_ms += (int64_t)(rng_exponential(&e->rng) / e->campus->scan_rate * MINUTE) + 1;
            break;
        }
    }
    wheel_put(e, i);
}

/* ---- who is there ---- */

static int64_t soon(struct edge *e, int64_t from_ms, int64_t within_ms)
{
    return from_ms + (int64_t)((double)within_ms * rng_unit(&e->rng));
}

static void clean_build(struct edge *e, int64_t from_ms)
{
    for (uint32_t i = 0; i < e->s->service.n; i++) {
        const struct service *v = &e->s->service.v[i];
        for (unsigned k = 0; k < NAMES_MAX; k++)
            e->service[i * NAMES_MAX + k] = server_draw(e, v->host, v->traffic.addresses);
        for (uint32_t h = 0; h < e->campus->hosts; h++)
            if (rng_chance(&e->rng, v->share))
                stream_add(e, STREAM_SERVICE, h, i, v->traffic.every_ms > 0 ? soon(e, from_ms, v->traffic.every_ms) : visit_again(e, v, from_ms));
    }
    for (uint32_t h = 0; h < e->campus->mail_servers && e->campus->mail_rate > 0; h++)
        stream_add(e, STREAM_MAIL, h, 0, soon(e, from_ms, MINUTE));
    for (uint32_t k = 0; k < e->campus->scanners && e->campus->scan_rate > 0; k++) {
        uint32_t from = outside(e); /* first, for the order in which arguments are reckoned is the compiler's */
        stream_add(e, STREAM_SCANNER, from, 0, soon(e, from_ms, HOUR));
    }
}

static void gang_build(struct edge *e, uint32_t g, int64_t from_ms, int64_t to_ms)
{
    const struct gang *gang = &e->s->gang.v[g];
    uint32_t n = (uint32_t)(gang->infected * e->campus->hosts + 0.5), first = e->campus->mail_servers;
    controls_draw(e, g, from_ms, to_ms);
    if (gang->nx_name.text)
        macro_compile(e->s, NULL, gang->nx_name, &e->nx[g]);
    for (uint32_t tries = 0; n > 0 && tries < 100000; tries++) {
        uint32_t h = first + rng_below(&e->rng, e->campus->hosts - first);
        bool is_taken = false;
        for (size_t k = 0; k < e->victim.n; k++)
            is_taken |= e->victim.v[k].host == h;
        if (is_taken)
            continue;
        n--;
        int64_t since = soon(e, from_ms, gang->spread_ms);
        *PUSH(e->victim) = (struct victim){h, g, since, 0};
        stream_add(e, STREAM_CONTROL, h, g, soon(e, since, gang->traffic.every_ms));
        if (gang->nx_rate > 0)
            stream_add(e, STREAM_NX, h, g, soon(e, since, HOUR));
        if (gang->acts != ACTS_NOTHING)
            stream_add(e, STREAM_ACT, h, g, since + rng_between(&e->rng, 10 * MINUTE, gang->act_every.hi));
    }
}

/* ---- truth ---- */

static void address_write(struct buf *b, uint32_t a)
{
    for (int i = 24; i >= 0; i -= 8) {
        buf_u64(b, a >> i & 255);
        buf_text(b, i ? "." : "");
    }
}

static void truth_write(struct edge *e, const char *folder)
{
    struct output o;
    output_open(&o, folder, "hosts.tsv");
    buf_text(&o.b, "address\trole\tgang\tsince_ms\tacted_ms\n"); /* acted 0: never, in this time */
    for (size_t i = 0; i < e->victim.n; i++) {
        const struct victim *v = &e->victim.v[i];
        address_write(&o.b, inside(v->host));
        buf_text(&o.b, "\tinfected\t");
        buf_text(&o.b, e->s->gang.v[v->gang].name);
        buf_byte(&o.b, '\t');
        buf_i64(&o.b, v->since_ms);
        buf_byte(&o.b, '\t');
        buf_i64(&o.b, v->acted_ms);
        buf_byte(&o.b, '\n');
    }
    for (uint32_t h = 0; h < e->campus->mail_servers; h++) {
        address_write(&o.b, inside(h));
        buf_text(&o.b, "\tmail_server\t-\t0\t0\n");
    }
    output_close(&o);
    output_open(&o, folder, "controllers.tsv");
    buf_text(&o.b, "gang\tname\taddress\tfirst_ms\tlast_ms\n");
    for (uint32_t g = 0; g < e->s->gang.n; g++)
        for (size_t i = 0; i < e->control[g].n; i++)
            for (unsigned k = 0; k < e->control[g].v[i].n; k++) {
                const struct server *v = &e->control[g].v[i];
                buf_text(&o.b, e->s->gang.v[g].name);
                buf_byte(&o.b, '\t');
                buf_text(&o.b, v->name);
                buf_byte(&o.b, '\t');
                address_write(&o.b, v->address[k]);
                buf_byte(&o.b, '\t');
                buf_i64(&o.b, v->from_ms);
                buf_byte(&o.b, '\t');
                buf_i64(&o.b, v->to_ms);
                buf_byte(&o.b, '\n');
            }
    output_close(&o);
}

/* ---- the whole ---- */

static int flow_order(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;
    if (x->us != y->us)
        return x->us < y->us ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void minute_run(struct edge *e, int64_t minute)
{
    e->minute = minute;
    uint32_t i = e->wheel[minute % WHEEL], next;
    e->wheel[minute % WHEEL] = NOWHERE;
    for (; i != NOWHERE; i = next) {
        next = e->stream.v[i].next;
        if (e->stream.v[i].due_ms / MINUTE > minute)
            wheel_put(e, i);
        else
            stream_turn(e, i);
    }
    qsort(e->flow.v, e->flow.n, sizeof *e->flow.v, flow_order);
    /* What was begun in this minute may reach into the next ones: it waits, so that the logs are in order. */
    size_t n = 0, left = 0;
    while (n < e->flow.n && e->flow.v[n].us < (minute + 1) * MINUTE * 1000)
        n++;
    for (size_t k = 0; k < n; k++)
        zeek_write(&e->logs, &e->flow.v[k], &e->rng);
    for (size_t k = n; k < e->flow.n; k++)
        e->flow.v[left++] = e->flow.v[k];
    e->flow.n = left;
}

static void setup(struct edge *e, const struct scenario *s, const struct options *o)
{
    size_t services = s->service.n * NAMES_MAX;
    *e = (struct edge){.s = s, .campus = &s->campus.v[0]};
    e->rng = rng_of(o->has_seed ? o->seed : s->seed, 61);
    struct scenario *empty = mem_new(sizeof *empty);
    *empty = *s;
    empty->family.n = 0;
    world_build(&e->world, empty, o->has_seed ? o->seed : s->seed, 1);
    memset(e->wheel, 0xff, sizeof e->wheel);
    e->service = mem_new((services + 1) * sizeof *e->service);
    e->control = mem_new((s->gang.n + 1) * sizeof *e->control);
    e->nx = mem_new((s->gang.n + 1) * sizeof *e->nx);
    e->n_mail_domains = 2000;
    e->mail_domain = mem_new(e->n_mail_domains * sizeof *e->mail_domain);
    for (uint32_t i = 0; i < e->n_mail_domains; i++) {
        char name[32];
        snprintf(name, sizeof name, "people%u.example", i);
        e->mail_domain[i] = mem_text(name, strlen(name));
    }
    e->minute = s->from_ms / MINUTE - 1;
    clean_build(e, s->from_ms);
    for (uint32_t g = 0; g < s->gang.n; g++)
        gang_build(e, g, s->from_ms, s->to_ms);
}

void flows_run(const struct scenario *s, const struct options *o)
{
    struct edge *e = mem_new(sizeof *e);
    if (s->campus.n == 0)
        die("%s: --flows needs a campus", s->file);
    setup(e, s, o);
    char *truth = o->truth ? mem_text(o->truth, strlen(o->truth)) : path_join(o->out, "truth");
    folder_make(o->out);
    folder_make(truth);
    zeek_open(&e->logs, o->out, s->from_ms);
    int64_t first = s->from_ms / MINUTE, last = s->to_ms / MINUTE;
    for (int64_t minute = first; minute < last; minute++) {
        minute_run(e, minute);
        if (!o->is_quiet && minute % 20 == 0)
            fprintf(stderr, "\r%3d%%  %llu connections ", (int)((minute - first) * 100 / (last - first)), (unsigned long long)e->logs.lines);
    }
    if (!o->is_quiet)
        fputc('\n', stderr);
    zeek_close(&e->logs, s->to_ms);
    truth_write(e, truth);
}
