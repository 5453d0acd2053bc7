/* bench_flows [--merge] PATH...: reads flow logs as `posse trace` does and does nothing with them; what came of them, by kind, and how fast.
 * One file after the other through logs_file_next, or all together in order of time through logs_next. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "flow/logs.h"

struct sum { uint64_t n[FLOW_KINDS], open, labels, bytes, packets, answers, backwards, xor_us; int64_t last; };

static void add(struct sum *s, const struct flow *f)
{
    s->n[f->kind]++;
    s->open += f->is_open;
    s->labels += f->label.n > 0;
    s->bytes += f->src_bytes + f->dst_bytes;
    s->packets += f->src_packets + f->dst_packets;
    s->answers += f->kind == FLOW_DNS ? f->dns.n_answers : 0;
    s->backwards += f->start_us < s->last;
    s->last = f->start_us;
    s->xor_us ^= (uint64_t)f->start_us;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Most memory at once, in MB, of this program alone: getrusage would count what started it too. */
static long most_mb(void)
{
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb / 1024;
}

static void show(const char *path, const struct sum *s, const struct logs_lost *l, double cpu)
{
    uint64_t all = 0;
    for (int i = 0; i < FLOW_KINDS; i++)
        all += s->n[i];
    printf("%s\tconn=%llu dns=%llu http=%llu tls=%llu smtp=%llu open=%llu labels=%llu bytes=%llu packets=%llu answers=%llu backwards=%llu "
           "xor=%llx broken=%llu lost=%llu others=%llu files=%llu cpu_s=%.3f per_s=%.0f rss_mb=%ld\t%s\n",
           path, (unsigned long long)s->n[FLOW_CONN], (unsigned long long)s->n[FLOW_DNS], (unsigned long long)s->n[FLOW_HTTP],
           (unsigned long long)s->n[FLOW_TLS], (unsigned long long)s->n[FLOW_SMTP], (unsigned long long)s->open,
           (unsigned long long)s->labels, (unsigned long long)s->bytes, (unsigned long long)s->packets, (unsigned long long)s->answers,
           (unsigned long long)s->backwards, (unsigned long long)s->xor_us, (unsigned long long)l->lines, (unsigned long long)l->records,
           (unsigned long long)l->others, (unsigned long long)l->files, cpu, cpu > 0 ? (double)all / cpu : 0, most_mb(), l->first);
}

static int one(const char *path)
{
    struct logs_file *f;
    struct logs_lost lost;
    struct report why = {0};
    struct sum s = {0};
    struct flow flow;
    double from = seconds();
    int rc = logs_file_open(path, &f, &why);
    while (rc == 0 && (rc = logs_file_next(f, &flow, &why)) > 0) {
        add(&s, &flow);
        rc = 0;
    }
    if (rc < 0) {
        printf("%s\terror %d: %s\n", path, rc, why.text);
        return 1;
    }
    logs_file_lost(f, &lost);
    show(path, &s, &lost, seconds() - from);
    logs_file_close(&f);
    return 0;
}

static int together(int n, char **path)
{
    struct logs *l;
    struct logs_lost lost;
    struct report why = {0};
    struct sum s = {0};
    struct flow flow;
    double from = seconds();
    int rc = logs_open((const char *const *)path, (size_t)n, NULL, &l, &why);
    while (rc == 0 && (rc = logs_next(l, &flow, &why)) > 0) {
        add(&s, &flow);
        rc = 0;
    }
    if (rc < 0) {
        printf("error %d: %s\n", rc, why.text);
        return 1;
    }
    logs_lost(l, &lost);
    printf("late=%llu ", (unsigned long long)lost.late);
    show("merged", &s, &lost, seconds() - from);
    logs_close(&l);
    return 0;
}

int main(int argc, char **argv)
{
    int bad = 0;
    if (argc > 2 && strcmp(argv[1], "--merge") == 0)
        return together(argc - 2, argv + 2);
    for (int i = 1; i < argc; i++)
        bad |= one(argv[i]);
    return bad;
}
