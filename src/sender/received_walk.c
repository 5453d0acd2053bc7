/* Down the Received fields to the first machine that is not ours (received.h says how). */
#include "mail/address.h"
#include "sender/received.h"

enum { FIELDS_MOST = 64 };

/* A program that fetches from a mailbox: its client is the mailbox's host, which received the message for us. */
static bool is_fetched(struct span with)
{
    static const char *const name[] = {"pop3", "pop3s", "imap", "imaps", "pop", "apop", "fetchmail"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (span_ieq(with, span_str(name[i])))
            return true;
    return false;
}

static bool is_loopback(const struct ip *a)
{
    static const struct ip six = {{[15] = 1}};
    return (ip_is_v4(a) && ip_v4(a) >> 24 == 127) || ip_compare(a, &six) == 0;
}

/* A host's word on a machine of its own: no client, or one that it calls itself. */
static bool is_own_note(const struct received *r)
{
    static const char *const own[] = {"local", "bsmtp", "lmtp", "lmtpa", "mapi", "pipe"};
    if (!r->has_from || span_istarts(r->helo, SPAN_LIT("localhost")))
        return true;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (span_ieq(r->with, span_str(own[i])))
            return true;
    return r->helo.n && span_ieq(r->helo, r->by);
}

static void take(struct source *out, const struct received *r, enum source_trust trust)
{
    out->ip = r->ip;
    out->trust = trust;
    out->helo = r->helo;
    out->name = r->name;
    out->is_esmtps = r->is_tls;
}

static void walk(const struct message *m, const struct networks *ours, struct source *out)
{
    struct received inner = {0};
    enum source_trust trust = SOURCE_TRAP;
    unsigned fields = 0, inner_hops = 0;
    for (size_t i = 0; i < m->n_fields && fields < FIELDS_MOST; i++) {
        struct received r;
        if (m->field[i].id != FIELD_RECEIVED || m->field[i].part != 0)
            continue;
        fields++;
        bool usable = received_read(m->field[i].raw, &r);
        if (usable && !ip_is_zero(&r.ip) && !is_fetched(r.with)) {
            if (!networks_have(ours, &r.ip)) {
                take(out, &r, trust);
                out->hops = fields - 1;
                return;
            }
            if (ip_is_zero(&inner.ip) && trust == SOURCE_TRAP && !is_loopback(&r.ip)) {
                inner = r;
                inner_hops = fields - 1;
            }
        } else if (!usable || !(is_fetched(r.with) || is_own_note(&r))) {
            trust = SOURCE_CLAIMED;
        }
    }
    out->hops = fields;
    if (!ip_is_zero(&inner.ip)) {
        take(out, &inner, SOURCE_TRAP);
        out->hops = inner_hops;
    }
}

static struct span domain_in(struct arena *a, struct span text) { return text.n ? address_angle(a, text).domain : SPAN_NONE; }

static struct span sender_domain(struct arena *a, const struct message *m, const struct envelope *env)
{
    const struct field *f = message_field(m, FIELD_RETURN_PATH);
    if (env && env->from.n)
        return domain_in(a, env->from);
    if (f)
        return domain_in(a, f->raw);
    ptrdiff_t from = span_chr(m->mbox_from, ' ');
    if (from < 0)
        return SPAN_NONE;
    struct span rest = span_trim(span_sub(m->mbox_from, (size_t)from, m->mbox_from.n));
    ptrdiff_t end = span_chr(rest, ' ');
    rest = end < 0 ? rest : span_sub(rest, 0, (size_t)end);
    return span_chr(rest, '@') < 0 ? SPAN_NONE : domain_in(a, rest);
}

void source_read(struct arena *a, const struct message *m, const struct envelope *env, const struct networks *ours,
                 struct source *out)
{
    struct ip client = {{0}};
    *out = (struct source){.from_domain = sender_domain(a, m, env)};
    bool has_client = env && env->client_addr.n && ip_read(env->client_addr, &client);
    if (!has_client || networks_have(ours, &client))
        walk(m, ours, out);
    if (has_client && (out->trust == SOURCE_NONE || !networks_have(ours, &client))) {
        out->ip = client;
        out->trust = SOURCE_SOCKET;
        out->helo = env->helo;
        out->name = env->client_name;
    }
}
