/* world_said: groups, botnets' names and templates beside the truth. */
#include "world.h"

#include "../campaigns/spinner.h"
#include "base/hash.h"
#include "campaign/campaigns.h"

/* ---- campaigns ---- */

/* Spam in one group with spam, twice: the messages' index, and wanted mail and newsletters that stand among spam. */
void say_campaigns(const struct bench *b)
{
    uint32_t *truth = malloc((b->n + 1) * sizeof *truth), *found = malloc((b->n + 1) * sizeof *found);
    uint32_t *spam = calloc(b->cap_into + 1, sizeof *spam), *ham = calloc(b->cap_into + 1, sizeof *ham);
    uint64_t n = 0, n_of[3] = {0}, with[3] = {0}, among_ham = 0, alone = 0;
    for (size_t i = 0; i < b->n; i++)
        (b->e[i].kind == SPAM ? spam : ham)[now_group(b, b->e[i].group)]++;
    for (size_t i = 0; i < b->n; i++) {
        const struct seen_one *e = &b->e[i];
        uint32_t g = now_group(b, e->group);
        n_of[e->kind]++;
        with[e->kind] += e->kind != SPAM && g && spam[g] > 0;
        among_ham += e->kind == HAM && g && ham[g] > 1;
        alone += e->kind == SPAM && g == 0;
        if (e->kind == SPAM) {
            truth[n] = e->truth;
            found[n++] = g ? g : (uint32_t)(b->cap_into + i);
        }
    }
    row(b, "messages", "spam", (double)n_of[SPAM]);
    row(b, "messages", "bulk", (double)n_of[BULK]);
    row(b, "messages", "private", (double)n_of[HAM]);
    row(b, "rand_index", "-", spin_rand_index(truth, found, n));
    row(b, "campaigns", "truth", b->n_campaigns);
    uint64_t groups = 0, large = 0;
    for (size_t i = 1; i < b->cap_into; i++) {
        groups += spam[i] > 0;
        large += spam[i] >= 20;
    }
    row(b, "campaigns", "groups", (double)groups);
    row(b, "campaigns", "groups_of_20", (double)large);
    row(b, "ungrouped", "spam", (double)alone);
    row(b, "private_in_a_campaign", "-", (double)with[HAM]);
    row(b, "private_with_private", "-", (double)among_ham);
    row(b, "bulk_in_a_campaign", "-", (double)with[BULK]);
    free(truth); free(found); free(spam); free(ham);
}

struct cell { uint32_t truth, version, kind, group, n; };

static int by_cell(const void *a, const void *b) { return memcmp(a, b, offsetof(struct cell, n)); }

void say_detail(const struct bench *b)
{
    struct cell *c = calloc(b->n + 1, sizeof *c);
    size_t n = 0, out = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->e[i].kind == SPAM)
            c[n++] = (struct cell){b->e[i].truth, b->e[i].version, b->e[i].sketch, now_group(b, b->e[i].group), 1};
    qsort(c, n, sizeof *c, by_cell);
    for (size_t i = 0; i < n; i++)
        if (out && by_cell(&c[out - 1], &c[i]) == 0)
            c[out - 1].n++;
        else
            c[out++] = c[i];
    for (size_t i = 0; i < out; i++) {
        char what[120];
        snprintf(what, sizeof what, "%s version %u kind %u group %u", b->campaign[c[i].truth].text, c[i].version, c[i].kind, c[i].group);
        if (c[i].n >= b->detail)
            row(b, "part", what, c[i].n);
    }
    free(c);
}

/* ---- attribution ---- */

struct matrix { uint64_t n[GANGS][FAMILIES]; };

/* Of a family's volume the part that its own botnet has, of all spam, and of each. */
static void say_matrix(struct bench *b, const struct matrix *m, const char *when)
{
    uint64_t right = 0, nobody = 0, all = 0;
    char what[40];
    for (unsigned f = 0; f < b->n_families; f++) {
        uint64_t best = 0, of_family = 0;
        unsigned gang = 0, names = 0, owner = 0;
        if (b->family_kind[f] != SPAM)
            continue;
        for (unsigned g = 0; g < GANGS; g++) {
            of_family += m->n[g][f];
            if (g && m->n[g][f] > best)
                best = m->n[gang = g][f];
        }
        for (unsigned k = 0; k < b->n_families; k++)
            owner = m->n[gang][k] > m->n[gang][owner] ? k : owner;
        for (unsigned g = 1; g < GANGS; g++)
            names += m->n[g][f] * 100 > of_family;
        all += of_family;
        nobody += m->n[0][f];
        right += owner == f ? best : 0;
        snprintf(what, sizeof what, "right_%s", when);
        row(b, what, b->family[f].text, of_family ? (owner == f ? (double)best / (double)of_family : 0) : 0);
        snprintf(what, sizeof what, "names_%s", when);
        row(b, what, b->family[f].text, names);
    }
    snprintf(what, sizeof what, "right_%s", when);
    row(b, what, "-", all ? (double)right / (double)all : 0);
    snprintf(what, sizeof what, "nobodys_%s", when);
    row(b, what, "-", all ? (double)nobody / (double)all : 0);
}

static void say_names(struct bench *b, const struct matrix *m)
{
    for (unsigned f = 0; f < b->n_families; f++) {
        unsigned gang = 0;
        struct botnet x;
        char what[96];
        for (unsigned g = 1; g < GANGS; g++)
            gang = m->n[g][f] > m->n[gang][f] || gang == 0 ? g : gang;
        if (b->family_kind[f] != SPAM || !botnets_get(observatory_botnets(b->o), gang, &x))
            continue;
        snprintf(what, sizeof what, "%s = %s%s", b->family[f].text, x.name, x.is_described ? " (described)" : "");
        row(b, "botnet", what, (double)m->n[gang][f]);
    }
}

/* Volume of each family whose campaign is told with a doubt, and the mean probability. */
static void say_doubts(struct bench *b)
{
    for (unsigned f = 0; f < b->n_families; f++) {
        double n = 0, doubted = 0, p = 0;
        for (size_t i = 0; i < b->n; i++) {
            struct membership x;
            if (b->e[i].family != f || b->e[i].kind != SPAM || !botnets_member(observatory_botnets(b->o), now_group(b, b->e[i].group), &x))
                continue;
            n++;
            doubted += x.doubt != NULL;
            p += x.probability;
        }
        if (b->family_kind[f] != SPAM || n == 0)
            continue;
        row(b, "doubted", b->family[f].text, doubted / n);
        row(b, "probability", b->family[f].text, p / n);
    }
}

static void first_days(const struct bench *b, int64_t until[FAMILIES])
{
    for (unsigned f = 0; f < FAMILIES; f++)
        until[f] = INT64_MIN;
    for (size_t i = 0; i < b->n; i++)
        if (until[b->e[i].family] == INT64_MIN)
            until[b->e[i].family] = b->e[i].time_ms + 86400000;
}

static void note_owners(struct bench *b, const struct matrix *m)
{
    for (unsigned g = 0; g < GANGS; g++) {
        b->owner[g] = FAMILIES;
        for (unsigned f = 0; f < b->n_families && g; f++)
            if (m->n[g][f] && (b->owner[g] == FAMILIES || m->n[g][f] > m->n[g][b->owner[g]]))
                b->owner[g] = (uint8_t)f;
    }
}

void say_attribution(struct bench *b)
{
    struct matrix *once = calloc(1, sizeof *once), *late = calloc(1, sizeof *late), *settled = calloc(1, sizeof *settled);
    int64_t until[FAMILIES];
    first_days(b, until);
    for (size_t i = 0; i < b->n; i++) {
        const struct seen_one *e = &b->e[i];
        struct membership x;
        uint32_t at_once = gang_now(b, e->gang), g = now_group(b, e->group);
        if (e->kind != SPAM)
            continue;
        once->n[at_once][e->family]++;
        late->n[at_once][e->family] += e->time_ms >= until[e->family];
        bool is_known = g && botnets_member(observatory_botnets(b->o), g, &x) && x.probability >= 0.5;
        settled->n[is_known ? gang_now(b, x.botnet) : at_once][e->family]++;
    }
    say_matrix(b, once, "at_once");
    say_matrix(b, late, "late_at_once");
    say_matrix(b, settled, "settled");
    say_names(b, settled);
    say_doubts(b);
    note_owners(b, settled);
    free(once); free(late); free(settled);
}

/* ---- BotMagnifier ---- */

enum { SEEDED = 8, FOUND_MOST = 1 << 18 };
struct whose { uint64_t source, families; };
static int by_source(const void *a, const void *b)
{
    const struct whose *x = a, *y = b;
    return x->source < y->source ? -1 : x->source > y->source;
}

/* Each source, and of which families' machines it sent. */
static struct whose *sources_of(const struct bench *b, size_t *n_out)
{
    struct whose *w = calloc(b->n + 1, sizeof *w);
    size_t n = 0, out = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->e[i].kind == SPAM && b->e[i].source)
            w[n++] = (struct whose){b->e[i].source, UINT64_C(1) << b->e[i].family};
    qsort(w, n, sizeof *w, by_source);
    for (size_t i = 0; i < n; i++)
        if (out && w[out - 1].source == w[i].source)
            w[out - 1].families |= w[i].families;
        else
            w[out++] = w[i];
    *n_out = out;
    return w;
}

struct seeding { const struct whose *w; size_t n; uint64_t family, seeds, theirs; };
static bool is_of(const struct seeding *s, const struct ip *a)
{
    const struct whose key = {hash64(span_of(a->b, sizeof a->b), 1), 0}, *hit = bsearch(&key, s->w, s->n, sizeof key, by_source);
    return hit && (hit->families & s->family);
}

static int count_seed(void *ctx, const struct ip *a)
{
    struct seeding *s = ctx;
    s->seeds++;
    s->theirs += is_of(s, a);
    return 0;
}

/* From the sources of some of a botnet's campaigns (evenly over their numbers) to its others: of all campaigns the mean. */
static void magnify_one(const struct bench *b, const struct botnet *x, unsigned f, const struct whose *w, size_t n, struct magnified *out)
{
    double tried = 0, seeds = 0, found = 0, precision = 0, recall = 0;
    struct botnets *all = observatory_botnets(b->o);
    uint64_t theirs = 0;
    struct report why = {0};
    for (size_t i = 0; i < n; i++)
        theirs += w[i].families >> f & 1;
    for (size_t i = 0; i < SEEDED && i < x->n_campaigns; i++) {
        struct seeding s = {.w = w, .n = n, .family = UINT64_C(1) << f};
        uint64_t campaign = x->campaign[i * x->n_campaigns / (x->n_campaigns < SEEDED ? x->n_campaigns : SEEDED)], right = 0;
        size_t n_found;
        campaigns_sources(observatory_campaigns(b->o), campaign, count_seed, &s);
        if (s.seeds < 10 || botnets_magnify(all, observatory_campaigns(b->o), campaign, out, FOUND_MOST, &n_found, &why))
            continue;
        for (size_t k = 0; k < n_found; k++)
            right += is_of(&s, &out[k].source);
        tried++;
        seeds += (double)s.seeds;
        found += (double)n_found;
        precision += n_found ? (double)right / (double)n_found : 1;
        recall += theirs > s.theirs ? (double)right / (double)(theirs - s.theirs) : 1;
    }
    if (tried == 0)
        return;
    row(b, "magnify_seeds", b->family[f].text, seeds / tried);
    row(b, "magnify_found", b->family[f].text, found / tried);
    row(b, "magnify_precision", b->family[f].text, precision / tried);
    row(b, "magnify_recall", b->family[f].text, recall / tried);
}

struct magnifying { const struct bench *b; struct whose *w; size_t n; struct magnified *out; uint64_t most[FAMILIES]; uint32_t of[FAMILIES]; };
static int note_largest(void *ctx, const struct botnet *x)
{
    struct magnifying *m = ctx;
    unsigned f = x->number < GANGS ? m->b->owner[x->number] : FAMILIES;
    if (f < FAMILIES && x->messages > m->most[f]) {
        m->most[f] = x->messages;
        m->of[f] = x->number;
    }
    return 0;
}

void say_magnified(const struct bench *b)
{
    struct magnifying m = {.b = b, .out = calloc(FOUND_MOST, sizeof *m.out)};
    struct botnet x;
    m.w = sources_of(b, &m.n);
    botnets_each(observatory_botnets(b->o), note_largest, &m);
    for (unsigned f = 0; f < b->n_families; f++)
        if (b->family_kind[f] == SPAM && m.of[f] && botnets_get(observatory_botnets(b->o), m.of[f], &x))
            magnify_one(b, &x, f, m.w, m.n, m.out);
    free(m.w); free(m.out);
}
