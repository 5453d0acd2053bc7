/* Links of spam: registered domains that mail at a trap leads to, and what the logs' own DNS answers tell of the names below them. A
 * link is a weak sign, for spam links to innocent places too: it raises a destination that is suspected anyway, and accuses none. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "flow/trace_priv.h"

enum { LINKS_MOST = 1 << 20 };

static uint64_t link_hash(const struct trace *t, struct span domain) { return hash64(domain, t->o.seed ^ 0x6c696e6b); }

int trace_linked_at_trap(struct trace *t, const char *domain, const char *botnet)
{
    char tidied[TRACE_NAME];
    size_t n = trace_name_tidy(span_str(domain), tidied);
    struct ip a;
    if (n == 0 || !memchr(tidied, '.', n) || ip_read(span_of(tidied, n), &a))
        return 0;
    uint64_t hash = link_hash(t, span_of(tidied, n));
    uint32_t id = table_find(&t->links_at, hash);
    if (!id) {
        if (t->n_links >= LINKS_MOST || trace_pressure(t) >= 3)
            return 0;
        struct link *all = trace_grow(t, t->link, &t->cap_links, t->n_links + 2, sizeof *all);
        if (!all)
            return POSSE_ENOMEM;
        t->link = all;
        if (table_put(t, &t->links_at, hash, (uint32_t)t->n_links + 1))
            return POSSE_ENOMEM;
        id = (uint32_t)++t->n_links;
    }
    if (botnet && *botnet)
        snprintf(t->link[id].botnet, sizeof t->link[id].botnet, "%s", botnet);
    return 0;
}

uint32_t trace_link_of(const struct trace *t, struct span name)
{
    uint32_t id = 0;
    for (size_t from = 0; t->n_links && from < name.n && !id; from++) {
        id = table_find(&t->links_at, link_hash(t, span_sub(name, from, name.n)));
        while (from < name.n && name.p[from] != '.')
            from++;
    }
    return id;
}

uint32_t trace_link_of_address(const struct trace *t, uint32_t node)
{
    return t->n_links && t->node[node].name ? trace_link_of(t, trace_name_text(t, t->node[node].name)) : 0;
}

int trace_landings(const struct trace *t, int (*fn)(void *, const struct landing *), void *ctx)
{
    int rc = 0;
    for (size_t i = 1; t->n_links && i <= t->n_names && !rc; i++) {
        struct span s = trace_name_text(t, (uint32_t)i);
        uint32_t link = t->name[i].n_at ? trace_link_of(t, s) : 0;
        for (size_t k = 0; link && k < t->name[i].n_at && !rc; k++) {
            const struct name_address *x = &t->name[i].at[k];
            struct landing l = {.ip = t->node[x->node].ip, .is_inside = trace_is_inside(t, &t->node[x->node].ip),
                                .first_ms = trace_ms(t, x->first), .last_ms = trace_ms(t, x->last)};
            snprintf(l.name, sizeof l.name, "%.*s", (int)s.n, (const char *)s.p);
            memcpy(l.botnet, t->link[link].botnet, sizeof l.botnet);
            if (astable_find(t->o.as, &l.ip, &l.as))
                astable_range(t->o.as, &l.ip, &l.net_first, &l.net_last);
            rc = fn(ctx, &l);
        }
    }
    return rc;
}
