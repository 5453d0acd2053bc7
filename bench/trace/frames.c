/* bench_frames NAME HOSTS HOURS INFECTED SEED GANGS: trace as a running sensor on a generated campus (tests/stat/campus.h), judged at the end
 * of each frame of 300 s by what came until then, and counted as García, Grill, Stiborek and Zunino count (An empirical comparison of botnet
 * detection methods, Computers & Security 2014): a machine that sent anything in a frame counts once in it; what is found or missed of the
 * bots weighs e^(-N/100) + 1 in the N-th frame, over the number of bots in it; what is wrong or right of the others, over their number.
 * Frames without a bot count for the others only. Beside it "everything is a bot", counted alike, and at the end of the day the places of
 * the controllers among all pairs, by trace and by RITA's v5 formula (the median over the controllers that have bots; equal scores: the best). */
#include <stdio.h>
#include <time.h>

#include "../../tests/stat/campus.h"

enum { FRAME_S = 300 };
struct sums { double tp, fn, fp, tn; };
struct watch {
    struct campus *c;
    struct trace *t;
    int64_t ends_us;
    unsigned frame;
    uint8_t *active;
    struct sums ours, all;
    uint64_t host_frames, false_frames;
};

static void count(struct watch *w)
{
    const struct traced_host *h;
    struct campus *c = w->c;
    if (trace_judge(w->t, NULL))
        exit(2);
    size_t n = trace_hosts(w->t, &h);
    for (size_t i = 0; i < n && h[i].is_told; i++) {
        uint32_t id = ip_v4(&h[i].ip) - 0x0a000000u - 256;
        if (id < c->o.hosts && w->active[id])
            w->active[id] = 2;
    }
    double bots = 0, found = 0, others = 0, wrong = 0;
    for (uint32_t i = 0; i < c->o.hosts; i++) {
        bots += w->active[i] && c->host[i].family;
        found += w->active[i] == 2 && c->host[i].family;
        others += w->active[i] && !c->host[i].family;
        wrong += w->active[i] == 2 && !c->host[i].family;
    }
    double weight = exp(-.01 * ++w->frame) + 1;
    if (bots > 0) {
        w->ours.tp += weight * found / bots;
        w->ours.fn += weight * (bots - found) / bots;
        w->all.tp += weight;
    }
    if (others > 0) {
        w->ours.fp += wrong / others;
        w->ours.tn += (others - wrong) / others;
        w->all.fp += 1;
    }
    w->host_frames += (uint64_t)others;
    w->false_frames += (uint64_t)wrong;
    memset(w->active, 0, c->o.hosts);
}

static int add(void *ctx, const struct flow *f)
{
    struct watch *w = ctx;
    while (f->start_us >= w->ends_us) {
        count(w);
        w->ends_us += FRAME_S * 1000000ll;
    }
    uint32_t id = ip_is_v4(&f->src) ? ip_v4(&f->src) - 0x0a000000u - 256 : UINT32_MAX;
    if (id < w->c->o.hosts)
        w->active[id] = 1;
    return trace_add(w->t, f);
}

static int by_size(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

static bool leads_to(const struct campus_controller *k, const struct beacon *b)
{
    return k->family == 3 ? strcmp(k->name, b->name) == 0 : ip_compare(&k->ip, &b->dst) == 0 && k->port == b->port;
}

static void places(const struct watch *w, double *ours_out, double *rita_out, size_t *pairs_out)
{
    const struct beacon *b;
    double ours[CAMPUS_CONTROLLERS], rita[CAMPUS_CONTROLLERS];
    size_t n = trace_beacons(w->t, &b), k = 0;
    for (size_t i = 0; i < w->c->n_controllers; i++) {
        double score = -1, above = 0;
        size_t first = 0;
        for (size_t j = 0; j < n; j++)
            if (leads_to(&w->c->controller[i], &b[j])) {
                first = first ? first : j + 1;
                score = fmax(score, b[j].rita_score);
            }
        for (size_t j = 0; j < n; j++)
            above += b[j].rita_score > score;
        if (first)
            ours[k] = (double)first, rita[k++] = above + 1;
    }
    qsort(ours, k, sizeof *ours, by_size);
    qsort(rita, k, sizeof *rita, by_size);
    *ours_out = k ? ours[k / 2] : 0;
    *rita_out = k ? rita[k / 2] : 0;
    *pairs_out = n;
}

static double f1(const struct sums *s)
{
    double tpr = s->tp / (s->tp + s->fn), precision = s->tp / (s->tp + s->fp);
    return s->tp > 0 ? 2 * tpr * precision / (tpr + precision) : 0;
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: bench_frames NAME HOSTS HOURS INFECTED SEED GANGS\n");
        return 2;
    }
    struct campus_options o = {(uint32_t)atoi(argv[2]), atof(argv[3]), atof(argv[4]), (uint64_t)atoll(argv[5]), (unsigned)atoi(argv[6])};
    struct campus c;
    struct watch w = {.c = &c, .ends_us = 1700006400000000 + FRAME_S * 1000000ll, .active = calloc(o.hosts, 1)};
    if (!w.active || trace_new(&(struct trace_options){.max_listed = 100000}, &w.t, NULL) || campus_run(&c, &o, add, &w))
        return 2;
    count(&w);
    double ours, rita;
    size_t pairs;
    places(&w, &ours, &rita, &pairs);
    uint32_t bots = 0;
    for (uint32_t i = 0; i < o.hosts; i++)
        bots += c.host[i].family != 0;
    printf("%s\t%u\t%u\t%u\t%.3f\t%.5f\t%.3f\t%.3f\t%.3f\t%llu\t%llu\t%zu\t%.0f\t%.0f\n", argv[1], o.hosts, bots, w.frame, w.ours.tp / (w.ours.tp + w.ours.fn),
           w.ours.fp / (w.ours.fp + w.ours.tn), w.ours.tp / (w.ours.tp + w.ours.fp), f1(&w.ours), f1(&w.all), (unsigned long long)w.false_frames,
           (unsigned long long)w.host_frames, pairs, ours, rita);
    trace_free(&w.t);
    campus_free(&c);
    free(w.active);
    return 0;
}
