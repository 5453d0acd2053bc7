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
    if (trace_new(NULL, &t, NULL))
        return 2;
    start = cpu_s();
    int rc = campus_run(&c, &o, add, t);
    double added = cpu_s() - start - alone;
    start = cpu_s();
    rc = rc ? rc : trace_judge(t, NULL);
    double judged = cpu_s() - start;
    if (rc)
        return 2;
    judge(&c, t, &r);
    trace_size(t, &z);
    getrusage(RUSAGE_SELF, &use);
    double precision = (double)r.told / (r.told + r.clean + 1e-9), recall = (double)r.told / (r.infected + 1e-9);
    printf("hosts\thours\tinfected\tacted\tacted_told\tclean_told\tcontrollers\tfound\tfalse\tf1_hosts\tflows\tpairs\tadd_s\tjudge_s\tflows_per_s\tresident_mb\n");
    printf("%u\t%.0f\t%u\t%u\t%u\t%u\t%u\t%u\t%u\t%.3f\t%llu\t%llu\t%.1f\t%.1f\t%.0f\t%ld\n", o.hosts, o.hours, r.infected, r.acted, r.acted_told, r.clean,
           r.controllers, r.found, r.false_told, 2 * precision * recall / (precision + recall + 1e-9), (unsigned long long)z.flows,
           (unsigned long long)z.pairs, added, judged, (double)z.flows / (added + judged), use.ru_maxrss / 1024);
    trace_free(&t);
    campus_free(&c);
    return 0;
}
