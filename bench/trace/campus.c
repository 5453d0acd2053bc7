/* bench_trace HOSTS HOURS INFECTED SEED: trace on a generated campus (tests/stat/campus.h): a header and a row, tab separated.
 * The generator's own time is measured in a run without trace and taken off. */
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "../../tests/stat/campus.h"

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int none(void *ctx, const struct flow *f)
{
    (void)ctx, (void)f;
    return 0;
}

static int add(void *ctx, const struct flow *f) { return trace_add(ctx, f); }

struct row { unsigned infected, acted, acted_told, told, clean, controllers, found, others, false_told; };

static void judge_hosts(const struct campus *c, const struct trace *t, struct row *r)
{
    const struct traced_host *h;
    size_t n = trace_hosts(t, &h);
    for (uint32_t i = 0; i < c->o.hosts; i++) {
        r->infected += c->host[i].family != 0;
        r->acted += c->host[i].family && c->host[i].acted;
    }
    for (size_t i = 0; i < n && h[i].is_told; i++) {
        uint32_t id = ip_v4(&h[i].ip) - 0x0a000000u - 256;
        bool is_bot = id < c->o.hosts && c->host[id].family;
        r->told += is_bot;
        r->acted_told += is_bot && c->host[id].acted;
        r->clean += !is_bot;
    }
}

static int by_size(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

static bool leads_to(const struct campus_controller *k, const struct beacon *b)
{
    return k->family == 3 ? strcmp(k->name, b->name) == 0 : ip_compare(&k->ip, &b->dst) == 0 && k->port == b->port;
}

/* Where all pairs are listed: the places of the controllers among them, by trace and by RITA's v5 formula (the median over the controllers;
 * equal scores: the best). */
static void places(const struct campus *c, const struct trace *t, double *ours_out, double *rita_out, size_t *pairs_out)
{
    const struct beacon *b;
    double ours[CAMPUS_CONTROLLERS], rita[CAMPUS_CONTROLLERS];
    size_t n = trace_beacons(t, &b), k = 0;
    for (size_t i = 0; i < c->n_controllers; i++) {
        double score = -1, above = 0;
        size_t first = 0;
        for (size_t j = 0; j < n; j++)
            if (leads_to(&c->controller[i], &b[j])) {
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

static void judge(const struct campus *c, const struct trace *t, struct row *r)
{
    const struct controller *x;
    size_t n = trace_controllers(t, &x);
    judge_hosts(c, t, r);
    for (size_t i = 0; i < c->n_controllers; i++)
        r->controllers += c->controller[i].contacts > 0;
    for (size_t i = 0; i < n && x[i].is_told; i++) {
        r->found += campus_which(c, &x[i]) >= 0;
        r->false_told += campus_which(c, &x[i]) < 0;
    }
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: bench_trace HOSTS HOURS INFECTED SEED\n");
        return 2;
    }
    struct campus_options o = {(uint32_t)atoi(argv[1]), atof(argv[2]), atof(argv[3]), (uint64_t)atoll(argv[4]), 0};
    struct campus c;
    struct trace *t;
    struct trace_size z;
    struct rusage use;
    struct row r = {0};
    double start = cpu_s();
    campus_run(&c, &o, none, NULL);
    campus_free(&c);
    double alone = cpu_s() - start;
    enum { LISTED_HOSTS = 3000 };
    if (trace_new(&(struct trace_options){.max_listed = o.hosts <= LISTED_HOSTS ? 1000000 : 0}, &t, NULL))
        return 2;
    start = cpu_s();
    int rc = campus_run(&c, &o, add, t);
    double added = cpu_s() - start - alone;
    start = cpu_s();
    rc = rc ? rc : trace_judge(t, NULL);
    double judged = cpu_s() - start;
    if (rc)
        return 2;
    double ours = 0, rita = 0;
    size_t pairs = 0;
    judge(&c, t, &r);
    if (o.hosts <= LISTED_HOSTS)
        places(&c, t, &ours, &rita, &pairs);
    trace_size(t, &z);
    getrusage(RUSAGE_SELF, &use);
    double precision = (double)r.told / (r.told + r.clean + 1e-9), recall = (double)r.told / (r.infected + 1e-9);
    printf("hosts\thours\tinfected\tacted\tacted_told\tclean_told\tcontrollers\tfound\tfalse\tf1_hosts\tflows\tpairs\tadd_s\tjudge_s\tflows_per_s\tresident_mb\tlisted\tplace\trita_place\n");
    printf("%u\t%.0f\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%.3f\t%llu\t%llu\t%.1f\t%.1f\t%.0f\t%ld\t%zu\t%.0f\t%.0f\n", o.hosts, o.hours, r.infected, r.acted, r.acted_told, r.clean,
           r.controllers, r.found, r.false_told, 2 * precision * recall / (precision + recall + 1e-9), (unsigned long long)z.flows,
           (unsigned long long)z.pairs, added, judged, (double)z.flows / (added + judged), use.ru_maxrss / 1024, pairs, ours, rita);
    trace_free(&t);
    campus_free(&c);
    return 0;
}
