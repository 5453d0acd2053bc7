/* The reader's side: what is told of a group, and how sure that is. */
#include <stdlib.h>

#include "base/error.h"
#include "campaign/campaigns_priv.h"

struct group *campaigns_group(const struct campaigns *c, uint64_t number)
{
    uint32_t at;
    return map64_get(&c->numbers, number, &at) ? c->slot[at] : NULL;
}

/* Is nearly all of it from one network or one domain? */
static bool is_one_sender(const struct group *g)
{
    enum { NEARLY_PERCENT = 95 };
    return distinct_count(&g->src.nets) <= 1 || tally_top(&g->tally[TALLY_SENDER]) * (uint64_t)100 >= g->messages * NEARLY_PERCENT;
}

static bool looks_bulk(const struct group *g, unsigned known_percent)
{
    enum { MOST_PERCENT = 90 };
    bool solicited = g->lists * 100 >= g->messages * MOST_PERCENT && g->authenticated * 100 >= g->messages * known_percent;
    return g->messages >= 2 && (solicited || g->spam == 0) && is_one_sender(g); /* the dearest question last */
}

/* Many hosts do not write down what they found of authentication. */
enum { KNOWN_PERCENT = 50, KNOWN_IN_PART_PERCENT = 10 };

bool group_is_bulk(const struct group *g) { return looks_bulk(g, KNOWN_PERCENT); }

bool campaigns_may_be_bulk(const struct campaigns *c, uint64_t number)
{
    const struct group *g = campaigns_group(c, number);
    return g && looks_bulk(g, KNOWN_IN_PART_PERCENT);
}

struct doubt { const char *text; double factor; };

/* What speaks against it, the gravest. */
static struct doubt doubt_of(const struct group *g)
{
    enum { FLOOD_LEAST = 20, ODD_PERCENT = 10, LOOSE_PERCENT = 75, UNSETTLED_VERSIONS = 3 };
    unsigned unsettled = 0;
    for (unsigned i = 0; i < g->n_proto; i++)
        unsettled += g->proto[i].version == 0;
    if (g->messages < SETTLED)
        return (struct doubt){"it was seen once or twice only", 0.5};
    if (g->is_record)
        return (struct doubt){NULL, 1};
    if (g->sourced >= FLOOD_LEAST && distinct_count(&g->src.nets) > 1 && tally_top(&g->tally[TALLY_SOURCE]) * (uint64_t)2 > g->sourced)
        return (struct doubt){"one address sent more than half of it", 0.7};
    if (g->odd_times * 100 > g->messages * ODD_PERCENT)
        return (struct doubt){"times are missing or out of order in more than a tenth of it", 0.8};
    if (unsettled >= UNSETTLED_VERSIONS)
        return (struct doubt){"its texts differ from message to message", 0.7};
    if (g->alike * 100 < (double)(g->messages - 1) * LOOSE_PERCENT)
        return (struct doubt){"its messages have little in common", 0.9};
    if (g->kin)
        return (struct doubt){"another campaign has the same links, files or subject: it may be one that was split", 0.8};
    return (struct doubt){NULL, 1};
}

static const enum tally_kind shown[] = {TALLY_RCPT, TALLY_LINK, TALLY_FILE, TALLY_LANGUAGE, TALLY_MAILER, TALLY_ASN, TALLY_MARK};

void group_view(const struct campaigns *c, struct group *g, struct campaign *out)
{
    group_hours(g);
    struct counted *to[] = {out->rcpt_domain, out->link, out->file, out->language, out->mailer, out->asn, out->mark};
    *out = (struct campaign){.number = g->number, .is_bulk = group_is_bulk(g), .first_ms = g->first_ms, .last_ms = g->last_ms,
                             .is_record = g->is_record, .messages = g->messages, .envelopes = g->envelopes, .bytes = g->bytes,
                             .spam = g->spam, .hour = g->hour, .n_hours = g->n_hours, .n_versions = g->n_versions};
    group_id(g, out->id);
    out->sources = sources_count(&g->src);
    out->sources_exact = g->src.reg ? 0 : sources_held(&g->src);
    out->networks = distinct_count(&g->src.nets);
    if ((double)out->networks > out->sources.hi)
        out->networks = (uint64_t)out->sources.hi; /* both are estimates, and no network is without an address */
    for (unsigned i = 0; i < g->n_versions; i++)
        out->version[i] = (struct campaign_version){g->version[i].first_ms, g->version[i].last_ms, g->version[i].messages};
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++)
        tally_list(&c->texts, &g->tally[shown[i]], shown[i], to[i]);
    struct doubt d = doubt_of(g);
    out->doubt = d.text;
    out->confidence = (g->messages > 1 ? g->alike / (double)(g->messages - 1) : 1) * d.factor;
    if (out->confidence > 1)
        out->confidence = 1;
}

bool campaigns_get(struct campaigns *c, uint64_t number, struct campaign *out)
{
    struct group *g = campaigns_group(c, number);
    if (g)
        group_view(c, g, out);
    return g != NULL;
}

static bool letter_value(char c, unsigned *out)
{
    static const char letter[] = "0123456789abcdefghjkmnpqrstvwxyz";
    const char *p = c ? strchr(letter, c) : NULL;
    *out = p ? (unsigned)(p - letter) : 0;
    return p != NULL;
}

bool campaigns_find(struct campaigns *c, const char *id, uint64_t *number_out)
{
    uint64_t v = 0;
    uint32_t at;
    if (strlen(id) != 13 || id[0] != 'c')
        return false;
    for (unsigned i = 1; i <= 12; i++) {
        unsigned x;
        if (!letter_value(id[i], &x))
            return false;
        v = v << 5 | x;
    }
    if (!map64_get(&c->ids, v, &at))
        return false;
    *number_out = c->slot[at]->number;
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = (*(struct group *const *)a)->number, y = (*(struct group *const *)b)->number;
    return x < y ? -1 : x > y;
}

struct group **groups_in_order(const struct campaigns *c)
{
    struct group **g = malloc((c->live + 1) * sizeof *g);
    size_t n = 0;
    for (size_t i = 0; g && i < c->n_slots; i++)
        if (c->slot[i])
            g[n++] = c->slot[i];
    if (g && n)
        qsort(g, n, sizeof *g, by_number);
    return g;
}

int campaigns_each(struct campaigns *c, int (*fn)(void *ctx, const struct campaign *), void *ctx)
{
    struct group **g = groups_in_order(c);
    int rc = g ? POSSE_OK : POSSE_ENOMEM;
    for (size_t i = 0; i < c->live && rc == 0; i++) {
        struct campaign view;
        group_view(c, g[i], &view);
        rc = fn(ctx, &view);
    }
    free(g);
    return rc;
}

int campaigns_sources(struct campaigns *c, uint64_t number, int (*fn)(void *ctx, const struct ip *), void *ctx)
{
    struct group *g = campaigns_group(c, number);
    if (!g)
        return POSSE_ENOENT;
    size_t n = sources_held(&g->src);
    struct ip *ip = malloc((n + 1) * sizeof *ip);
    int rc = ip ? POSSE_OK : POSSE_ENOMEM;
    if (ip)
        sources_list(&g->src, ip);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = fn(ctx, &ip[i]);
    free(ip);
    return rc;
}

int campaigns_each_source(const struct campaigns *c, uint64_t number, int (*fn)(void *ctx, const struct ip *), void *ctx)
{
    const struct group *g = campaigns_group(c, number);
    return g ? sources_each(&g->src, fn, ctx) : POSSE_ENOENT;
}

bool campaigns_common(struct campaigns *c, uint64_t a, uint64_t b, uint64_t *both, uint64_t *n_a, uint64_t *n_b)
{
    const struct group *x = campaigns_group(c, a), *y = campaigns_group(c, b);
    if (!x || !y)
        return false;
    *n_a = (uint64_t)(sources_count(&x->src).mid + 0.5);
    *n_b = (uint64_t)(sources_count(&y->src).mid + 0.5);
    *both = x == y ? *n_a : sources_common(&x->src, &y->src);
    uint64_t least = *n_a < *n_b ? *n_a : *n_b;
    *both = *both < least ? *both : least; /* an estimate may pass it */
    return true;
}

bool campaigns_look(const struct campaigns *c, const struct sketch *s, uint64_t *number_out, double *alike_out)
{
    struct found f;
    campaigns_search(c, s, NULL, &f);
    if (!f.best.is)
        return false;
    *number_out = f.best.order;
    *alike_out = f.best.near.alike;
    return true;
}

void campaigns_size(const struct campaigns *c, struct campaigns_size *out)
{
    *out = (struct campaigns_size){.live = c->live, .bytes = c->heap.bytes, .founded = c->last_number, .sightings = c->turn,
                                   .ungrouped = c->ungrouped, .absorbed = c->absorbed, .pushed_out = c->pushed_out};
}
