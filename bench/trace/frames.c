/* bench_frames NAME HOSTS HOURS INFECTED SEED GANGS: trace as a running sensor on a generated campus (tests/stat/campus.h), judged at the end
 * of each frame of 300 s by what came until then, and counted as García, Grill, Stiborek and Zunino count (An empirical comparison of botnet
 * detection methods, Computers & Security 2014): a machine that sent anything in a frame counts once in it; what is found or missed of the
 * bots weighs e^(-N/100) + 1 in the N-th frame, over the number of bots in it; what is wrong or right of the others, over their number.
 * Frames without a bot count for the others only. Beside it "everything is a bot", counted alike. */
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
    if (!w.active || trace_new(&(struct trace_options){.max_listed = 1000, .is_running = true}, &w.t, NULL) || campus_run(&c, &o, add, &w))
        return 2;
    count(&w);
    uint32_t bots = 0;
    for (uint32_t i = 0; i < o.hosts; i++)
        bots += c.host[i].family != 0;
    printf("%s\t%u\t%u\t%u\t%.3f\t%.5f\t%.3f\t%.3f\t%.3f\t%llu\t%llu\n", argv[1], o.hosts, bots, w.frame, w.ours.tp / (w.ours.tp + w.ours.fn),
           w.ours.fp / (w.ours.fp + w.ours.tn), w.ours.tp / (w.ours.tp + w.ours.fp), f1(&w.ours), f1(&w.all), (unsigned long long)w.false_frames,
           (unsigned long long)w.host_frames);
    trace_free(&w.t);
    campus_free(&c);
    free(w.active);
    return 0;
}
