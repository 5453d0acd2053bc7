/* Another text of the same senders, with the same links: one campaign whose template was changed.
 *
 * A template is often replaced by one that has not a sentence in common with it. What stays is where its links lead to (for a while: hosts
 * are replaced too, one by one) and the program that writes it. A group remembers the hosts that its messages named lately. When most
 * messages of a younger group name hosts of an elder one, both are spam, and nearly all of both was written by one and the same program,
 * the younger is a part of the elder: a version, dated from its first message. A part's texts are compared with one another only.
 * A message that has nothing but a link belongs to whom it leads to at once, where the program is the same too: its subject may be random.
 * Where a flood of such messages leads to several hosts at once, its groups of a host each have subjects in common: when messages of a
 * younger one begin to have the subject that an elder one began with, both have nothing but links of one form, and one program writes both,
 * they are one. What people write to one another is no spam, and is never joined so.
 * Hosts that many groups have (campaigns_look.c) are no sign; nor is a host, where nothing is known of who writes. */
#include "campaign/campaigns_priv.h"

enum {
    KIN_LEAST = 10, KIN_PERCENT = 50, /* messages of the younger that name the elder's hosts */
    WRITTEN_PERCENT = 80,             /* of each, by one program */
    LATELY_PERCENT = 20,              /* of the elder's links lately that lead to hosts which the younger has */
    NAMED_PERCENT = 10,               /* messages of the younger that have the elder's first subject: a template may have several */
};

/* The latest first; one that comes again for the second time is looked up by. */
void group_link(struct campaigns *c, struct group *g, const struct sketch *s)
{
    for (unsigned k = 0; k < s->n_links; k++) {
        struct linked now = {s->link_host[k], 0};
        unsigned i = 0;
        while (i < g->n_linked && g->linked[i].host != now.host)
            i++;
        if (i < g->n_linked)
            now = g->linked[i];
        else if (g->n_linked < LINKED)
            g->n_linked++;
        else
            i--;
        memmove(g->linked + 1, g->linked, i * sizeof *g->linked);
        now.n += now.n < UINT32_MAX;
        g->linked[0] = now;
        if (now.n == LINKED_TWICE)
            group_put_host(c, g, now.host);
    }
}

static const struct linked *linked_find(const struct group *g, uint64_t host)
{
    for (unsigned i = 0; i < g->n_linked; i++)
        if (g->linked[i].host == host && g->linked[i].n >= LINKED_TWICE)
            return &g->linked[i];
    return NULL;
}

bool memory_links(const struct memory *m, const struct sketch *s)
{
    for (unsigned i = 0; m->n && i < m->first->n_links; i++) /* its founder's, of which none may have come twice yet */
        for (unsigned k = 0; k < s->n_links; k++)
            if (m->first->link_host[i] == s->link_host[k])
                return true;
    for (unsigned i = 0; i < m->n_linked; i++)
        for (unsigned k = 0; k < s->n_links; k++)
            if (m->linked[i].host == s->link_host[k] && m->linked[i].n >= LINKED_TWICE)
                return true;
    return false;
}

/* Nearly all of it, by one program: which; 0: not so. */
static uint64_t written_by(const struct group *g)
{
    const struct tally *y = &g->tally[TALLY_MAILER];
    for (unsigned i = 0; i < y->n; i++)
        if (y->e[i].n * (uint64_t)100 >= g->messages * WRITTEN_PERCENT)
            return y->e[i].key;
    return 0;
}

static bool lead_there(const struct group *elder, const struct group *younger)
{
    uint64_t all = 0, both = 0;
    for (unsigned i = 0; i < elder->n_linked; i++) {
        all += elder->linked[i].n;
        both += linked_find(younger, elder->linked[i].host) ? elder->linked[i].n : 0;
    }
    return both * 100 >= all * LATELY_PERCENT && both > 0;
}

/* Spam, and no list's: what a list sends has its own links in common. */
static bool is_campaign(const struct group *g) { return group_is_spam(g) && g->lists * 2 < g->messages; }

bool kin_takes(const struct group *g, const struct sighting *s)
{
    return s->sketch.kind == SKETCH_LINKS_ONLY && s->flags & SIGHTING_SPAM && s->mailer && written_by(g) == s->mailer && is_campaign(g);
}

static bool are_links(const struct group *g)
{
    for (unsigned i = 0; i < g->n_proto; i++)
        if (g->proto[i].s.kind != SKETCH_LINKS_ONLY)
            return false;
    return g->n_proto > 0;
}

static bool have_one_form(const struct group *a, const struct group *b)
{
    const struct sketch *s = &a->proto[0].s, *t = &b->proto[0].s;
    return s->n_shapes == t->n_shapes && memcmp(s->link_shape, t->link_shape, sizeof s->link_shape) == 0 && s->layout == t->layout &&
           s->structure == t->structure;
}

struct group *campaigns_kin(struct campaigns *c, struct group *g, struct group *with, bool by_subject, uint64_t *absorbed)
{
    if (with->number >= g->number || (by_subject && !(are_links(g) && are_links(with))))
        return g;
    uint64_t since = g->messages - g->kin_from;
    if (campaigns_group(c, g->kin) != with) {
        if (g->kin && (uint64_t)g->kinned * 2 >= since)
            return g;
        g->kin = with->number;
        g->kin_from = g->messages - 1;
        g->kinned = 0;
        since = 1;
    }
    g->kinned++;
    uint64_t writer = written_by(g);
    unsigned percent = by_subject ? NAMED_PERCENT : KIN_PERCENT;
    if (g->kinned < KIN_LEAST || (uint64_t)g->kinned * 100 < since * percent || !writer || written_by(with) != writer)
        return g;
    if (!is_campaign(g) || !is_campaign(with))
        return g;
    if (by_subject ? !have_one_form(g, with) : !lead_there(with, g))
        return g;
    *absorbed = g->number;
    group_absorb(c, with, g, true);
    return with;
}
