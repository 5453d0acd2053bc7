#include "filter/prior.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"

struct prior {
    struct prior_head head;
    const int16_t *weight;
    unsigned shift; /* from a feature's slot to a weight's */
    struct calib calib;
};

/* log2 of how many weights there are; 0: not so many as there may be. */
static unsigned bits_of(size_t bytes)
{
    unsigned bits = PRIOR_BITS;
    while (bits >= PRIOR_BITS_LEAST && bytes != sizeof(int16_t) << bits)
        bits--;
    return bits >= PRIOR_BITS_LEAST ? bits : 0;
}

int prior_open(struct span head, struct span weights, struct span calib, const char *path, struct prior **out,
               struct report *why)
{
    *out = NULL;
    unsigned bits = bits_of(weights.n);
    if (head.n != sizeof(struct prior_head) || !bits || calib.n != sizeof(struct calib))
        return report_set(why, POSSE_ECORRUPT, "%s: a section of the model is missing or has a wrong size: rebuild it", path);
    struct prior *p = calloc(1, sizeof *p);
    if (!p)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    memcpy(&p->head, head.p, sizeof p->head);
    memcpy(&p->calib, calib.p, sizeof p->calib);
    p->weight = (const int16_t *)(const void *)weights.p;
    p->shift = FEATURE_BITS - bits;
    const struct prior_head *h = &p->head;
    const char *reason = NULL;
    int err = POSSE_OK;
    if (h->format != PRIOR_FORMAT || h->extractor != EXTRACTOR_VERSION || h->views != VIEW_GENERAL_N)
        err = report_set(why, POSSE_EVERSION, "%s: made for another version of posse: rebuild it with `posse train`", path);
    else if (!(h->slope > 0 && h->slope < 100 && fabs(h->offset) < 1000 && h->step > 0 && h->step < 1) ||
             !calib_validate(&p->calib, &reason))
        err = report_set(why, POSSE_ECORRUPT, "%s: %s: rebuild it", path, reason ? reason : "its scale is not a sound number");
    if (err)
        prior_free(&p);
    *out = p;
    return err;
}

void prior_free(struct prior **p)
{
    if (!p)
        return;
    free(*p);
    *p = NULL;
}

const uint8_t *prior_digest(const struct prior *p) { return p->head.digest; }
const struct calib *prior_calib(const struct prior *p) { return &p->calib; }

double prior_odds(const struct prior *p, const struct feature_set *f)
{
    double total = 0;
    unsigned shift = p->shift;
    for (unsigned v = 0; v < VIEW_GENERAL_N; v++) {
        uint32_t from = f->start[v], to = f->start[v + 1];
        int64_t sum = 0; /* whole numbers: exact in any order */
        for (uint32_t i = from; i < to; i++) {
            uint32_t ahead = i + 16 < to ? i + 16 : to - 1;
            __builtin_prefetch(&p->weight[f->slot[ahead] >> shift]);
            sum += p->weight[f->slot[i] >> shift];
        }
        if (to > from)
            total += (double)sum / sqrt((double)(to - from));
    }
    return p->head.offset + p->head.slope * p->head.step * total;
}

void prior_explain(const struct prior *p, const struct feature_set *f, double gain, double *bits)
{
    for (unsigned v = 0; v < VIEW_GENERAL_N; v++) {
        uint32_t from = f->start[v], to = f->start[v + 1];
        double x = to > from ? gain * p->head.slope * p->head.step / sqrt((double)(to - from)) : 0;
        for (uint32_t i = from; i < to; i++)
            bits[i] += x * p->weight[f->slot[i] >> p->shift];
    }
}
