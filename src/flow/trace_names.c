/* Names: what was asked for and what answered, when. A name's latest NAME_ADDRESSES addresses are kept, the number of all by HyperLogLog. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/hll.h"
#include "flow/trace_priv.h"

enum { SEEN_P = 4, FLUX_NETWORKS = 10, FLUX_TTL_S = 900 };

/* What no name holds becomes a question mark. */
size_t trace_name_tidy(struct span s, char out[TRACE_NAME])
{
    size_t n = 0;
    if (s.n && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0 || s.n >= TRACE_NAME)
        return 0;
    for (size_t i = 0; i < s.n; i++)
        out[n++] = s.p[i] < 0x21 || s.p[i] > 0x7e ? '?' : (char)ascii_lower(s.p[i]);
    return n;
}

static int name_add(struct trace *t, uint64_t hash, struct span text, uint32_t at)
{
    if (trace_pressure(t) >= 2)
        return 0; /* as if it had never been asked for */
    struct name *all = trace_grow(t, t->name, &t->cap_names, t->n_names + 2, sizeof *all);
    if (!all)
        return POSSE_ENOMEM;
    t->name = all;
    char *room = trace_grow(t, t->name_text, &t->cap_text, t->n_text + text.n, 1);
    if (!room)
        return POSSE_ENOMEM;
    t->name_text = room;
    if (t->n_text + text.n > UINT32_MAX || table_put(t, &t->names_at, hash, (uint32_t)t->n_names + 1))
        return POSSE_ENOMEM;
    memcpy(t->name_text + t->n_text, text.p, text.n);
    t->name[++t->n_names] = (struct name){.hash = hash, .text = (uint32_t)t->n_text, .len = (uint32_t)text.n, .first = at, .last = at,
                                          .ttl_least = UINT32_MAX};
    t->n_text += text.n;
    return (int)0;
}

uint32_t trace_name_of(struct trace *t, struct span text, uint32_t at)
{
    char tidied[TRACE_NAME];
    struct ip a;
    size_t n = trace_name_tidy(text, tidied);
    if (n == 0 || ip_read(span_of(tidied, n), &a)) /* a Host field may hold an address: that is no name */
        return 0;
    uint64_t hash = hash64(span_of(tidied, n), t->o.seed ^ 0x6e616d65);
    uint32_t id = table_find(&t->names_at, hash);
    if (!id) {
        name_add(t, hash, span_of(tidied, n), at);
        id = table_find(&t->names_at, hash);
    }
    if (id && at > t->name[id].last)
        t->name[id].last = at;
    return id;
}

struct span trace_name_text(const struct trace *t, uint32_t name)
{
    return name ? span_of(t->name_text + t->name[name].text, t->name[name].len) : SPAN_NONE;
}

bool trace_is_flux(const struct name *n) { return n->networks >= FLUX_NETWORKS && n->ttl_least <= FLUX_TTL_S; }

static int answer_note(struct trace *t, uint32_t name, const struct ip *a, uint32_t ttl, uint32_t at)
{
    uint32_t node = trace_node(t, a, trace_pressure(t) < 2);
    if (!node)
        return 0;
    struct name *n = &t->name[name];
    struct ip net = ip_prefix(a, ip_is_v4(a) ? 96 + 16 : 32);
    t->node[node].name = name;
    if (hll_add(n->seen, SEEN_P, mix64(hash64(span_of(a->b, 16), 1))))
        n->addresses = (uint32_t)(hll_count(n->seen, SEEN_P).mid + .5);
    if (hll_add(n->nets, SEEN_P, mix64(hash64(span_of(net.b, 16), 2))))
        n->networks = (uint32_t)(hll_count(n->nets, SEEN_P).mid + .5);
    n->ttl_least = ttl < n->ttl_least ? ttl : n->ttl_least;
    if (!n->at) {
        n->at = calloc(NAME_ADDRESSES, sizeof *n->at);
        if (!n->at)
            return POSSE_ENOMEM;
        t->bytes += NAME_ADDRESSES * sizeof *n->at;
    }
    size_t oldest = 0;
    for (size_t i = 0; i < n->n_at; i++) {
        if (n->at[i].node == node) {
            n->at[i].last = at > n->at[i].last ? at : n->at[i].last;
            return 0;
        }
        if (n->at[i].last < n->at[oldest].last)
            oldest = i;
    }
    n->at[n->n_at < NAME_ADDRESSES ? n->n_at++ : oldest] = (struct name_address){node, at, at};
    return 0;
}

/* The label that somebody chose: in a.b.example.co.uk `example`. Two-letter ends with a short label before them count as one. */
static struct span chosen_label(struct span name)
{
    struct span label[3] = {{0}};
    size_t n = 0;
    for (size_t end = name.n; n < 3 && end > 0;) {
        size_t i = end;
        while (i > 0 && name.p[i - 1] != '.')
            i--;
        label[n++] = span_sub(name, i, end);
        end = i > 0 ? i - 1 : 0;
    }
    if (n < 2)
        return SPAN_NONE; /* one label alone: a browser's probe, or a machine's name */
    return n == 3 && label[0].n == 2 && label[1].n <= 3 ? label[2] : label[1];
}

/* Whether the reversed address of a list that is asked by mail servers, or of a pointer. */
static bool is_reversed(struct span name)
{
    size_t digits = 0;
    for (size_t i = 0, labels = 0; i < name.n && labels < 4; i++) {
        if (name.p[i] == '.')
            labels++;
        else if (!ascii_is_digit(name.p[i]))
            return false;
        else
            digits++;
    }
    return digits >= 4;
}

/* How a label looks: rare letters, digits among letters, long runs of consonants, few vowels for its length. Meant to be
 * low for words and names that people choose and high for letters drawn by lot; not measured on either by itself. */
double trace_generated(struct span s)
{
    if (s.n < 6)
        return 0;
    double rare = 0, vowels = 0, digits = 0, changes = 0, longest = 0, run = 0, letters = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool vowel = memchr("aeiouy", c, 6) != NULL;
        letters += ascii_is_alpha(c);
        vowels += vowel;
        digits += ascii_is_digit(c);
        rare += memchr("qxzjkwv", c, 7) != NULL;
        changes += i > 0 && ascii_is_digit(c) != ascii_is_digit(s.p[i - 1]);
        run = ascii_is_alpha(c) && !vowel ? run + 1 : 0;
        longest = fmax(longest, run);
    }
    double n = (double)s.n, share = letters > 0 ? vowels / letters : 0;
    double x = -2.4 + 9 * rare / n + 1.1 * fmax(0, longest - 3) + 6 * fmax(0, .34 - share) + .8 * changes + .1 * (n - 8);
    if (digits == n)
        x -= 2;
    return 1 / (1 + exp(-x));
}

static void refused_note(struct trace *t, struct host *h, struct span name, uint32_t at)
{
    char tidied[TRACE_NAME];
    name = span_of(tidied, trace_name_tidy(name, tidied));
    struct span label = chosen_label(name);
    if (label.n == 0 || is_reversed(name))
        return;
    h->nx++;
    struct act_stat *s = trace_act(t, h, 2, hash64(label, 3), at);
    if (s)
        s->generated += trace_generated(label);
}

int trace_name_dns(struct trace *t, const struct flow *f, uint32_t at)
{
    struct host *h = trace_host(t, &f->src, false);
    if (h) {
        h->queries++;
        h->mx += span_ieq(f->dns.type, SPAN_LIT("MX"));
        if (span_ieq(f->dns.rcode, SPAN_LIT("NXDOMAIN")))
            refused_note(t, h, f->dns.query, at);
    }
    uint32_t name = f->dns.n_answers ? trace_name_of(t, f->dns.query, at) : 0;
    if (!name)
        return 0;
    t->name[name].queries++;
    for (size_t i = 0; i < f->dns.n_answers && i < FLOW_ANSWERS_MAX; i++) {
        struct ip a;
        if (!ip_read(f->dns.answer[i], &a))
            continue; /* a CNAME: the address follows */
        int rc = answer_note(t, name, &a, f->dns.ttl[i], at);
        if (rc)
            return rc;
    }
    return 0;
}

int trace_named(const struct trace *t, const struct ip *a, int (*fn)(void *, const char *, int64_t, int64_t), void *ctx)
{
    uint32_t node = trace_node((struct trace *)t, a, false);
    int rc = 0;
    for (size_t i = 1; node && i <= t->n_names && !rc; i++)
        for (size_t k = 0; k < t->name[i].n_at; k++) {
            const struct name_address *x = &t->name[i].at[k];
            if (x->node != node)
                continue;
            struct span s = trace_name_text(t, (uint32_t)i);
            char text[TRACE_NAME];
            snprintf(text, sizeof text, "%.*s", (int)s.n, (const char *)s.p);
            rc = fn(ctx, text, trace_ms(t, x->first), trace_ms(t, x->last));
            break;
        }
    return rc;
}

uint32_t trace_name_find(const struct trace *t, const char *name)
{
    char tidied[TRACE_NAME];
    size_t n = trace_name_tidy(span_str(name), tidied);
    return n ? table_find(&t->names_at, hash64(span_of(tidied, n), t->o.seed ^ 0x6e616d65)) : 0;
}

int trace_names(const struct trace *t, const char *name, int (*fn)(void *, const struct ip *, int64_t, int64_t), void *ctx)
{
    uint32_t id = trace_name_find(t, name);
    int rc = 0;
    for (size_t i = 0; id && i < t->name[id].n_at && !rc; i++) {
        const struct name_address *a = &t->name[id].at[i];
        rc = fn(ctx, &t->node[a->node].ip, trace_ms(t, a->first), trace_ms(t, a->last));
    }
    return rc;
}
