/* A second look at what was not told: places that hosts of one gang speak to and nobody else. Of all hosts inside few are behind one
 * controller that is told, so three of these alone at one place say more than three that merely act: controllers that stood up for an
 * hour, or that most of the gang never came to. Found with sim/'s campuses, seeds 11 to 13; what it is worth: bench/trace/ablation.tsv. */
#include <math.h>

#include "flow/trace_bits.h"
#include "flow/trace_priv.h"

enum { GANG_MOST = 64, GANGS_MOST = 256 };

/* Pairs of one destination stand in the order of their sources. */
static bool all_of(const struct pass *w, const struct service *s, const struct service *gang)
{
    uint32_t k = gang->from;
    for (uint32_t i = s->from; i < s->from + s->n; i++) {
        uint32_t src = w->t->pair[w->order[i]].src;
        while (k < gang->from + gang->n && w->t->pair[w->order[k]].src < src)
            k++;
        if (k == gang->from + gang->n || w->t->pair[w->order[k]].src != src)
            return false;
    }
    return true;
}

static double crowd_of_gang(const struct pass *w, const struct service *s, const struct service *gang)
{
    double bits = 0, base = ((double)gang->n_hosts + .5) / ((double)w->n_inside + 50);
    for (uint32_t i = s->from; i < s->from + s->n; i++) {
        const struct pair *p = &w->t->pair[w->order[i]];
        bits += trace_crowd_against(w, w->t->node[p->src].host, p->port, base);
    }
    return trace_crowd_limit(bits);
}

size_t trace_gangs_judge(struct pass *w, const uint32_t *by, size_t n)
{
    size_t n_told = 0, changed = 0;
    while (n_told < n && n_told < GANGS_MOST && w->service[by[n_told]].is_told)
        n_told++;
    for (size_t i = n_told; i < n; i++) {
        struct service *s = &w->service[by[i]];
        if (s->is_told || s->n_hosts < GANG_LEAST || s->n_hosts > GANG_MOST || s->n_acting < s->n_hosts || s->n_outside)
            continue;
        for (size_t k = 0; k < n_told; k++) {
            const struct service *gang = &w->service[by[k]];
            double crowd = all_of(w, s, gang) ? crowd_of_gang(w, s, gang) : s->crowd;
            if (crowd > s->crowd) {
                s->crowd = crowd;
                s->gang = by[k] + 1;
            }
        }
        if (s->gang) {
            s->bits = trace_bits_of(w, s->best, true);
            changed++;
        }
    }
    return changed;
}
