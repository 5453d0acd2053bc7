#include "case/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "case/say.h"
#include "case/uuid.h"

enum { WHAT_MOST = 500, NAMED = 100 };

static const char *const kind_names[NOTICE_KINDS] = {"controller", "page that spam links to", "sender of spam", "infected host"};
const char *notice_kind_name(enum notice_kind k) { return kind_names[k]; }

struct told { struct incident e; struct contact contact; struct span key; };

/* No more certain than can be said: "0.973", "over 0.999". */
enum { SURE_TEXT = 16 };
static const char *sure(double p, char out[SURE_TEXT])
{
    snprintf(out, SURE_TEXT, p > 0.999 ? "over 0.999" : "%.3f", p);
    return out;
}

static int cut(struct span s) { return (int)(s.n < NAMED ? s.n : NAMED); }

static struct incident of_controller(struct arena *a, const struct found_controller *c)
{
    char p[SURE_TEXT];
    struct incident e = {.kind = NOTICE_CONTROLLER, .ip = c->ip, .address = case_address(a, &c->ip), .name = c->name, .port = c->port,
                         .proto = c->proto, .network = &c->network, .first_ms = c->first_ms, .last_ms = c->last_ms, .at_ms = c->last_ms,
                         .probability = c->probability, .exhibit = c->exhibit, .reason = c->reason, .n_reasons = c->n_reasons};
    e.what = case_say(a, WHAT_MOST,
                      "probable command and control server (probability %s): %" PRIu64 " machines of a network that was watched talk to it, "
                      "%" PRIu64 " of them act as infected ones do", sure(c->probability, p), c->hosts_total, c->acting_total);
    return e;
}

static struct incident of_source(struct arena *a, const struct found_source *s)
{
    bool is_known = s->botnet.n && !span_eq(s->botnet, SPAN_LIT("unknown")) && !span_eq(s->botnet, SPAN_LIT("others"));
    struct incident e = {.kind = NOTICE_SENDER, .ip = s->ip, .address = case_address(a, &s->ip), .network = &s->network,
                         .campaign = s->campaign, .botnet = is_known ? s->botnet : SPAN_NONE, .first_ms = s->first_ms, .last_ms = s->last_ms, .at_ms = s->last_ms,
                         .probability = 1, .messages = s->messages};
    char count[64] = "";
    if (s->messages)
        snprintf(count, sizeof count, " (messages seen: %" PRIu64 "%s)", s->messages, s->is_sampled ? " or more" : "");
    e.what = case_say(a, WHAT_MOST, "sent spam to addresses that were watched%s, campaign %.*s%s%.*s", count, cut(s->campaign),
                      (const char *)s->campaign.p, is_known ? ", as the machines of botnet " : "", is_known ? cut(s->botnet) : 0,
                      (const char *)s->botnet.p);
    return e;
}

/* Of how many addresses no time was kept: between the campaign's first and last message is all that can be said. */
static void time_by_campaign(const struct findings *f, struct incident *e)
{
    size_t i = 0;
    if (e->last_ms)
        return;
    while (i < f->n_campaigns && !(e->campaign.n && span_eq(f->campaign[i].id, e->campaign)))
        i++;
    e->is_vague = true;
    e->first_ms = i < f->n_campaigns ? f->campaign[i].first_ms : f->from_ms;
    e->last_ms = e->at_ms = i < f->n_campaigns ? f->campaign[i].last_ms : f->to_ms;
}

static struct incident of_host(struct arena *a, const struct found_host *h)
{
    struct incident e = {.kind = NOTICE_HOST, .ip = h->ip, .address = case_address(a, &h->ip), .name = h->name, .network = &h->network,
                         .first_ms = h->first_ms, .last_ms = h->last_ms, .at_ms = h->last_ms, .probability = h->probability, .exhibit = h->exhibit,
                         .reason = h->reason, .n_reasons = h->n_reasons};
    char p[SURE_TEXT];
    struct buf acts;
    buf_init(&acts, NAMED * 2);
    for (size_t i = 0; i < h->n_acts && acts.n < NAMED; i++)
        buf_add_fmt(&acts, "%s%.*s", i ? ", " : "", h->act[i].n < 20 ? (int)h->act[i].n : 20, (const char *)h->act[i].p);
    e.what = case_say(a, WHAT_MOST, "probably infected (probability %s): %.*s", sure(h->probability, p), (int)acts.n, (const char *)acts.p);
    buf_deinit(&acts);
    return e;
}

static struct incident of_page(struct arena *a, const struct notice_page *p)
{
    struct incident e = {.kind = NOTICE_PAGE, .ip = p->ip, .address = case_address(a, &p->ip), .name = p->name, .network = &p->network,
                         .campaign = p->campaign, .botnet = p->botnet, .first_ms = p->first_ms, .last_ms = p->last_ms, .at_ms = p->last_ms,
                         .probability = 1, .messages = p->messages, .exhibit = p->exhibit};
    e.what = case_say(a, WHAT_MOST, "%.*s, to which the mails of campaign %.*s link (messages: %" PRIu64 "), led to this address",
                      cut(p->name), (const char *)p->name.p, cut(p->campaign), (const char *)p->campaign.p, p->messages);
    return e;
}

/* Who is told: an address in small letters; where nobody is known the network. */
static void key_of(struct arena *a, const struct contacts *c, struct told *t)
{
    t->contact = contacts_find(c, t->e.network, &t->e.ip);
    if (t->contact.to.n) {
        t->key = t->contact.to = arena_copy(a, t->contact.to);
        for (size_t i = 0; i < t->key.n; i++)
            ((uint8_t *)t->key.p)[i] = ascii_lower(t->key.p[i]); /* arena_copy's bytes are ours */
    } else if (t->e.network->asn) {
        t->key = case_say(a, WHAT_MOST, "AS%u", t->e.network->asn);
    } else {
        struct ip net = ip_network(&t->e.ip);
        t->key = case_address(a, &net);
    }
}

static int by_bytes(struct span a, struct span b)
{
    int c = a.n && b.n ? memcmp(a.p, b.p, a.n < b.n ? a.n : b.n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* Who has a contact first; one receiver's together; controllers first. */
static int by_receiver(const void *p, const void *q)
{
    const struct told *a = p, *b = q;
    if (!a->contact.to.n != !b->contact.to.n)
        return a->contact.to.n ? -1 : 1;
    int c = by_bytes(a->key, b->key);
    if (!c)
        c = (a->e.kind > b->e.kind) - (a->e.kind < b->e.kind);
    if (!c)
        c = ip_compare(&a->e.ip, &b->e.ip);
    if (!c)
        c = (a->e.port > b->e.port) - (a->e.port < b->e.port);
    if (!c)
        c = by_bytes(a->e.campaign, b->e.campaign);
    return c ? c : by_bytes(a->e.name, b->e.name);
}

/* Whose contact is not known for one address may have told it for another of the same network. */
static int share_contacts(struct arena *a, struct told *t, size_t n)
{
    const struct told **known = arena_alloc(a, n * sizeof *known);
    size_t k = 0;
    if (!known)
        return POSSE_ENOMEM;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            const struct found_network *net = t[i].e.network;
            size_t at = 0;
            bool has_none = !t[i].contact.to.n;
            if (has_none != (pass == 1) || !net->asn)
                continue;
            while (at < k && !(known[at]->e.network->asn == net->asn && span_eq(known[at]->e.network->name, net->name)))
                at++;
            if (!pass && at == k)
                known[k++] = &t[i];
            else if (pass && at < k)
                t[i].key = t[i].contact.to = known[at]->contact.to;
        }
    return 0;
}

static void notice_id(struct span case_id, uint64_t exhibit, struct span key, char out[NOTICE_ID])
{
    uint8_t d[32];
    char hex[65];
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_add_span(&b, case_id);
    buf_add_fmt(&b, "%c%" PRIu64 "%c", 0, exhibit, 0);
    buf_add_span(&b, key);
    sha256(buf_span(&b), d);
    buf_deinit(&b);
    hex_encode(span_of(d, 32), hex);
    snprintf(out, NOTICE_ID, "n-%.10s", hex);
}

void notice_uuid(const struct notice_case *c, const struct notice *n, const struct incident *e, char out[UUID_TEXT])
{
    struct buf b;
    buf_init(&b, 4096);
    buf_add_span(&b, c->id);
    buf_add_byte(&b, '\0');
    buf_add_str(&b, n->id);
    if (e)
        buf_add_fmt(&b, "%c%d%c%.*s%c%u%c%" PRId64, 0, (int)e->kind, 0, (int)e->address.n, (const char *)e->address.p, 0, e->port, 0,
                    e->at_ms);
    if (e)
        buf_add_span(&b, span_sub(e->campaign, 0, 1000));
    if (e && e->kind == NOTICE_PAGE)
        buf_add_span(&b, e->name);
    uuid4_like(buf_span(&b), out);
    buf_deinit(&b);
}

static void take(struct notice *n, const struct told *t, size_t count, struct span case_id, uint64_t exhibit, const struct contacts *c)
{
    *n = (struct notice){.to = t->contact.to, .firm = t->contact.firm, .asn = t->e.network->asn, .network = t->e.network->name, .n = count};
    contacts_form(c, n->to, n->asn, &n->form, &n->is_single);
    notice_id(case_id, exhibit, t->key, n->id);
    for (size_t i = 0; i < count; i++)
        n->of_kind[t[i].e.kind]++;
}

int notices_of(const struct findings *f, const struct notice_page *page, size_t n_pages, const struct contacts *c, struct span case_id,
               uint64_t exhibit, struct arena *a, struct notices *out)
{
    size_t most = f->n_controllers + f->n_sources + f->n_hosts + n_pages, n = 0;
    struct told *t = arena_alloc(a, most * sizeof *t);
    struct incident *all = arena_alloc(a, most * sizeof *all);
    *out = (struct notices){.notice = arena_alloc(a, most * sizeof *out->notice)};
    if (!t || !all || !out->notice)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < f->n_controllers; i++)
        if (!f->controller[i].is_inside && f->controller[i].probability >= 0.5)
            t[n++].e = of_controller(a, &f->controller[i]);
    for (size_t i = 0; i < f->n_sources; i++)
        t[n++].e = of_source(a, &f->source[i]);
    for (size_t i = 0; i < f->n_hosts; i++)
        t[n++].e = of_host(a, &f->host[i]);
    for (size_t i = 0; i < n_pages; i++)
        t[n++].e = of_page(a, &page[i]);
    for (size_t i = 0; i < n; i++) {
        time_by_campaign(f, &t[i].e);
        key_of(a, c, &t[i]);
    }
    if (share_contacts(a, t, n) || arena_failed(a))
        return POSSE_ENOMEM;
    qsort(t, n, sizeof *t, by_receiver);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i; end < n && !t[end].contact.to.n == !t[i].contact.to.n && span_eq(t[end].key, t[i].key); end++)
            all[end] = t[end].e;
        struct notice *x = &out->notice[out->n++];
        take(x, &t[i], end - i, case_id, exhibit, c);
        x->incident = &all[i];
        out->n_without += !x->to.n;
    }
    return 0;
}
