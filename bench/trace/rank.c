/* bench_rank ADDRESS:PORT DAY PATH...: (of a day, 20240419; 0: of all) at what place trace puts a planted controller, and at what place RITA's v5 formula does, among the same
 * pairs of the same logs, in one run. A row: pairs judged, trace's place (and whether it is told), RITA's best and worst place (equal scores),
 * its score, and how many pairs RITA scores higher. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "flow/known.h"
#include "flow/logs.h"
#include "flow/trace.h"

static bool is_it(const struct beacon *b, const struct ip *a, unsigned port)
{
    return b->port == port && (ip_compare(&b->dst, a) == 0 || ip_compare(&b->src, a) == 0);
}

static int rank(struct trace *t, const struct ip *a, unsigned port)
{
    const struct beacon *b;
    size_t n = trace_beacons(t, &b), mine = 0, above = 0, equal = 0;
    double score = -1;
    for (size_t i = 0; i < n; i++)
        if (is_it(&b[i], a, port)) {
            mine = mine ? mine : i + 1;
            score = b[i].rita_score > score ? b[i].rita_score : score;
        }
    for (size_t i = 0; i < n; i++) {
        above += b[i].rita_score > score;
        equal += b[i].rita_score == score;
    }
    const struct controller *c;
    const struct incident *x;
    size_t controllers = trace_controllers(t, &c), place = 0, incidents = trace_incidents(t, &x);
    for (size_t i = 0; i < controllers && !place; i++)
        if (c[i].port == port && ip_compare(&c[i].ip, a) == 0)
            place = i + 1;
    printf("%zu\t%zu\t%zu\t%zu\t%zu\t%zu\t%.3f\n", n, mine, place, incidents, above + 1, above + equal, score);
    return 0;
}

static bool is_of(const struct flow *f, int day)
{
    time_t at = (time_t)(f->start_us / 1000000);
    struct tm tm;
    gmtime_r(&at, &tm);
    return day == 0 || day == (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

int main(int argc, char **argv)
{
    struct report why = {0};
    struct ip a;
    const char *colon = argc > 1 ? strrchr(argv[1], ':') : NULL;
    if (argc < 4 || !colon || !ip_read(span_of(argv[1], (size_t)(colon - argv[1])), &a)) {
        fprintf(stderr, "usage: bench_rank ADDRESS:PORT DAY PATH...\n");
        return 2;
    }
    struct trace *t;
    struct logs *l;
    struct known *k;
    struct flow f;
    const char *services = getenv("POSSE_KNOWN");
    struct known_options ko = {.services = services};
    int rc = known_open(&ko, &k, &why);
    struct trace_options o = {.known = k, .max_listed = 1000000};
    rc = rc ? rc : trace_new(&o, &t, &why);
    rc = rc ? rc : logs_open((const char *const *)argv + 3, (size_t)argc - 3, NULL, &l, &why);
    while (rc == 0 && (rc = logs_next(l, &f, &why)) > 0)
        rc = is_of(&f, atoi(argv[2])) ? trace_add(t, &f) : 0;
    rc = rc ? rc : trace_judge(t, &why);
    if (rc) {
        fprintf(stderr, "%s\n", why.text);
        return 2;
    }
    rank(t, &a, (unsigned)atoi(colon + 1));
    logs_close(&l);
    trace_free(&t);
    known_free(&k);
    return 0;
}
