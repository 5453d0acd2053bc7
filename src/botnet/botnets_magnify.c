/* BotMagnifier: which other machines send as the seeds do (Stringhini, Holz, Stone-Gross, Kruegel & Vigna, USENIX Security 2011).
 *
 * The paper's rules: a machine is one of theirs when it writes to targets of the seeds, to at least one that is characteristic of them, and to
 * none other. Rules need thresholds that depend on the size of the log; here the same signs make a mixture of two kinds of sources, "theirs" and
 * "others", each with its own frequencies of target domains and mailers (naive Bayes). The seeds are known to be theirs; the rest is found by
 * expectation maximisation, so that bots that are no seeds do not count as the background that the seeds are compared with.
 * A source that only wrote to whom no seed wrote is not looked at. What was seen of each is kept by botnets_add (struct seen). */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "botnet/botnets_priv.h"

enum { ROUNDS = 12 };
struct target { uint32_t domain; double theirs, others; }; /* weights of sources that write to it */
struct pool {
    const struct botnets *b;
    struct ip *seed; size_t n_seeds, cap_seeds;
    size_t n_known;              /* seeds of which something was seen */
    struct target *target; size_t n_targets;
    struct target outside;       /* all domains that no seed writes to, as one */
    struct { uint64_t key; double theirs, others; } mailer[GANG_KEYS + 1]; size_t n_mailers; /* the last: any other */
    double theirs, others;       /* sources */
    double theirs_domains, others_domains;
    float *weight;               /* by place in seen: that it is theirs; below 0: not looked at */
    int err;
};

static int take_seed(void *ctx, const struct ip *a)
{
    struct pool *p = ctx;
    if (p->n_seeds == p->cap_seeds) {
        size_t cap = p->cap_seeds ? p->cap_seeds * 2 : 256;
        struct ip *more = realloc(p->seed, cap * sizeof *more);
        if (!more)
            return p->err = POSSE_ENOMEM;
        p->seed = more;
        p->cap_seeds = cap;
    }
    p->seed[p->n_seeds++] = *a;
    return 0;
}

static bool is_seed(const struct pool *p, const struct ip *a) /* they are in ascending order */
{
    size_t from = 0, to = p->n_seeds;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int c = ip_compare(&p->seed[mid], a);
        if (c == 0)
            return true;
        if (c < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return false;
}

static int by_domain(const void *x, const void *y)
{
    const struct target *a = x, *b = y;
    return a->domain < b->domain ? -1 : a->domain > b->domain;
}

static struct target *target_of(const struct pool *p, uint32_t domain)
{
    const struct target key = {.domain = domain};
    return p->n_targets ? bsearch(&key, p->target, p->n_targets, sizeof key, by_domain) : NULL;
}

static size_t mailer_place(const struct pool *p, uint64_t key)
{
    size_t i = 0;
    while (i < p->n_mailers && p->mailer[i].key != key)
        i++;
    return i;
}

/* What the seeds write to and with. */
static int learn_seeds(struct pool *p)
{
    const struct seen *t = p->b->seen;
    size_t n = 0;
    for (size_t i = 0; i < SEEN_SOURCES; i++)
        p->n_known += t[i].messages && t[i].n_domains && is_seed(p, &t[i].ip);
    p->target = calloc(p->n_known * SEEN_DOMAINS + 1, sizeof *p->target);
    p->weight = calloc(SEEN_SOURCES, sizeof *p->weight);
    if (!p->target || !p->weight)
        return POSSE_ENOMEM;
    for (size_t i = 0; i < SEEN_SOURCES; i++) {
        p->weight[i] = -1;
        if (!t[i].messages || !t[i].n_domains || !is_seed(p, &t[i].ip))
            continue;
        p->weight[i] = 1;
        if (mailer_place(p, t[i].mailer) == p->n_mailers && p->n_mailers < GANG_KEYS)
            p->mailer[p->n_mailers++].key = t[i].mailer;
        for (size_t d = 0; d < t[i].n_domains; d++)
            p->target[n++].domain = t[i].domain[d];
    }
    if (n)
        qsort(p->target, n, sizeof *p->target, by_domain);
    for (size_t i = 0; i < n; i++)
        if (!p->n_targets || p->target[p->n_targets - 1].domain != p->target[i].domain)
            p->target[p->n_targets++].domain = p->target[i].domain;
    return POSSE_OK;
}

static struct target *slot_of(struct pool *p, uint32_t domain)
{
    struct target *t = target_of(p, domain);
    return t ? t : &p->outside;
}

static void count(struct pool *p, const struct seen *e, double w)
{
    size_t m = mailer_place(p, e->mailer);
    p->theirs += w;
    p->others += 1 - w;
    p->mailer[m].theirs += w;
    p->mailer[m].others += 1 - w;
    for (size_t d = 0; d < e->n_domains; d++) {
        struct target *t = slot_of(p, e->domain[d]);
        t->theirs += w;
        t->others += 1 - w;
        p->theirs_domains += w;
        p->others_domains += 1 - w;
    }
}

/* Frequencies from the weights as they are. */
static void maximise(struct pool *p)
{
    for (size_t i = 0; i < p->n_targets; i++)
        p->target[i].theirs = p->target[i].others = 0;
    for (size_t i = 0; i <= p->n_mailers; i++)
        p->mailer[i].theirs = p->mailer[i].others = 0;
    p->outside.theirs = p->outside.others = p->theirs = p->others = p->theirs_domains = p->others_domains = 0;
    for (size_t i = 0; i < SEEN_SOURCES; i++)
        if (p->b->seen[i].messages && p->b->seen[i].n_domains)
            count(p, &p->b->seen[i], p->weight[i] < 0 ? 0 : (double)p->weight[i]);
}

/* log2 of how much likelier a sign is of theirs; half a source is added to each side. */
static double says(double theirs, double others, double n_theirs, double n_others)
{
    return log2((theirs + 0.5) / (n_theirs + 1)) - log2((others + 0.5) / (n_others + 1));
}

static double weigh(struct pool *p, const struct seen *e, double prior_bits)
{
    size_t m = mailer_place(p, e->mailer);
    double bits = prior_bits + says(p->mailer[m].theirs, p->mailer[m].others, p->theirs, p->others);
    for (size_t d = 0; d < e->n_domains; d++) {
        const struct target *t = slot_of(p, e->domain[d]);
        bits += says(t->theirs, t->others, p->theirs_domains, p->others_domains);
    }
    return e->other * 4 > e->messages ? bits - 2 : bits; /* it sends with another mailer too: shared, or none of theirs */
}

static bool has_target(const struct pool *p, const struct seen *e)
{
    for (size_t d = 0; d < e->n_domains; d++)
        if (target_of(p, e->domain[d]))
            return true;
    return false;
}

static void expect(struct pool *p, bool is_first)
{
    double prior = is_first ? 0 : log2((p->theirs + 0.5) / (p->others + 0.5));
    for (size_t i = 0; i < SEEN_SOURCES; i++) {
        const struct seen *e = &p->b->seen[i];
        if (!e->messages || !e->n_domains || is_seed(p, &e->ip) || !has_target(p, e))
            continue;
        p->weight[i] = (float)(1 / (1 + exp2(-weigh(p, e, prior))));
    }
}

static int by_probability(const void *x, const void *y)
{
    const struct magnified *a = x, *b = y;
    return a->probability != b->probability ? (a->probability > b->probability ? -1 : 1) : ip_compare(&a->source, &b->source);
}

/* The likeliest `max`, kept by replacing the least likely: max is small beside the sources. */
static void keep(struct magnified *out, size_t max, size_t *n, const struct ip *a, double probability)
{
    size_t least = 0;
    if (*n < max) {
        out[(*n)++] = (struct magnified){*a, probability};
        return;
    }
    for (size_t i = 1; i < *n; i++)
        if (out[i].probability < out[least].probability)
            least = i;
    if (*n && out[least].probability < probability)
        out[least] = (struct magnified){*a, probability};
}

int botnets_magnify(struct botnets *b, struct campaigns *c, uint64_t campaign, struct magnified *out, size_t max, size_t *n_out,
                    struct report *why)
{
    struct pool p = {.b = b};
    struct campaign x;
    *n_out = 0;
    if (!campaigns_get(c, campaign, &x) || !b->seen)
        return report_set(why, POSSE_ENOENT, "campaign %llu is not known", (unsigned long long)campaign);
    campaigns_sources(c, campaign, take_seed, &p);
    int err = p.err ? p.err : learn_seeds(&p);
    if (!err && !p.n_known)
        err = report_set(why, POSSE_ENOENT, "of the campaign's %zu sources none was seen with a recipient", p.n_seeds);
    else if (err)
        report_set(why, err, "out of memory for %zu sources", p.n_seeds);
    for (int round = 0; round < ROUNDS && !err; round++) {
        maximise(&p);
        expect(&p, round == 0);
    }
    for (size_t i = 0; i < SEEN_SOURCES && !err; i++)
        if (p.weight[i] >= 0.5f && !is_seed(&p, &b->seen[i].ip))
            keep(out, max, n_out, &b->seen[i].ip, (double)p.weight[i]);
    if (*n_out)
        qsort(out, *n_out, sizeof *out, by_probability);
    free(p.seed);
    free(p.target);
    free(p.weight);
    return err;
}
