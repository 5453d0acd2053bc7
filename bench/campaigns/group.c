/* bench_campaigns: what campaign/ finds of what the spinner made, and what it costs.
 *
 *   bench_campaigns truth [key=value]...   one stream of templates and private mail; prints a row, tab-separated
 *   bench_campaigns speed [key=value]...   sketch, look-up and update apart from parsing, processor time
 *   bench_campaigns memory [key=value]...  millions of sightings, campaigns that come and go; prints memory as it goes
 *   bench_campaigns files LIST [key=value] groups the messages that LIST names (a path a line); prints "path group alike" a line
 *
 * keys: templates, messages, private (share of private mail, percent), slots (greatest share of varying words, percent), noise (0, 1),
 * bots, seed. */
#include <malloc.h>
#include <math.h>
#include <time.h>

#include "base/hash.h"
#include "campaign/campaigns.h"
#include "spinner.h"

struct options { unsigned templates, messages, private, slots, noise, bots, seed, live, mbytes; };
static const struct { const char *name; size_t at; } keys[] = {
    {"templates", offsetof(struct options, templates)}, {"messages", offsetof(struct options, messages)},
    {"private", offsetof(struct options, private)}, {"slots", offsetof(struct options, slots)},
    {"noise", offsetof(struct options, noise)}, {"bots", offsetof(struct options, bots)}, {"seed", offsetof(struct options, seed)},
    {"live", offsetof(struct options, live)}, {"mbytes", offsetof(struct options, mbytes)},
};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_options(struct options *o, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *eq = strchr(argv[i], '=');
        size_t k = 0;
        while (eq && k < sizeof keys / sizeof *keys && (strlen(keys[k].name) != (size_t)(eq - argv[i]) || strncmp(keys[k].name, argv[i], (size_t)(eq - argv[i]))))
            k++;
        if (!eq || k == sizeof keys / sizeof *keys) {
            fprintf(stderr, "%s: not a key=value\n", argv[i]);
            exit(2);
        }
        *(unsigned *)((char *)o + keys[k].at) = (unsigned)strtoul(eq + 1, NULL, 10);
    }
}

struct reader_of_mail { struct mail_parser *p; struct arena *a; struct sketcher *k; };

static struct reader_of_mail mail_reader(void)
{
    struct reader_of_mail m = {mail_parser_new(NULL), arena_new(64 << 20), sketcher_new()};
    if (!m.p || !m.a || !m.k)
        abort();
    return m;
}

static void read_mail(struct reader_of_mail *r, struct span raw, struct sighting *s)
{
    struct message *m;
    arena_reset(r->a);
    memset(s, 0, sizeof *s);
    if (message_parse(r->p, r->a, raw, &m) || sketch_make(r->k, r->a, m, &s->sketch, NULL, NULL))
        abort();
    s->size_bytes = raw.n;
    s->n_rcpt = 1;
}

/* ---- truth ---- */

/* Campaigns differ in size as they do outside: the k-th has 1 / (k + 3) of the volume. */
static unsigned pick(struct spin *r, const double *upto, unsigned n)
{
    double u = (double)(spin_u64(r) >> 11) * 0x1p-53 * upto[n - 1];
    unsigned k = 0;
    while (upto[k] < u)
        k++;
    return k;
}

struct labels { uint32_t *truth, *found; size_t n; uint32_t *absorbed; size_t cap; };

static void label(struct labels *l, uint32_t truth, const struct join *j)
{
    l->truth[l->n] = truth;
    l->found[l->n++] = (uint32_t)j->number;
    if (j->absorbed)
        l->absorbed[j->absorbed] = (uint32_t)j->number;
}

/* What absorbed groups are called in the end. */
static void settle(struct labels *l)
{
    for (size_t i = 0; i < l->n; i++)
        while (l->absorbed[l->found[i]])
            l->found[i] = l->absorbed[l->found[i]];
}

/* Private messages in a group with spam, and in one with other private mail. */
static void count_private(const struct labels *l, uint32_t last, uint32_t no_campaign, unsigned *with_spam, unsigned *with_private)
{
    uint32_t *spam = calloc(last + 1, sizeof *spam), *ham = calloc(last + 1, sizeof *ham);
    *with_spam = *with_private = 0;
    for (size_t i = 0; i < l->n; i++)
        (l->truth[i] >= no_campaign ? ham : spam)[l->found[i]]++;
    for (size_t i = 0; i < l->n; i++)
        if (l->truth[i] >= no_campaign && l->found[i]) {
            *with_spam += spam[l->found[i]] > 0;
            *with_private += ham[l->found[i]] > 1;
        }
    free(spam);
    free(ham);
}

static void truth(const struct options *o)
{
    struct spin_template *t = malloc(o->templates * sizeof *t);
    double *upto = malloc(o->templates * sizeof *upto), sum = 0;
    for (unsigned i = 0; i < o->templates; i++) {
        spin_template(&t[i], o->seed * 100000 + i, o->slots / 100.0, o->noise);
        upto[i] = sum += 1.0 / (i + 3);
    }
    struct labels l = {calloc(o->messages, 4), calloc(o->messages, 4), 0, calloc(o->messages + 2, 4), o->messages + 2};
    struct spin_out out = {malloc(1 << 20), 0, 1 << 20};
    struct reader_of_mail mail = mail_reader();
    struct campaigns_options co = {.max_live = o->live ? o->live : 1000000, .max_bytes = (size_t)o->mbytes << 20};
    struct campaigns *c;
    if (campaigns_new(&co, &c, NULL))
        abort();
    struct spin r = spin_seed(o->seed, 0);
    uint32_t last = 0;
    for (unsigned i = 0; i < o->messages; i++) {
        struct sighting s;
        struct join j;
        bool is_private = spin_to(&r, 100) < o->private;
        unsigned k = is_private ? 0 : pick(&r, upto, o->templates);
        if (is_private)
            spin_private(&r, &out);
        else
            spin_message(&t[k], &r, &out);
        read_mail(&mail, span_of(out.p, out.n), &s);
        s.time_ms = (int64_t)i * 1000;
        s.source = ip_of_v4(0x0a000000u + spin_to(&r, o->bots) * 2654435761u % 0x1000000u);
        s.flags = is_private ? 0 : SIGHTING_SPAM;
        if (campaigns_add(c, &s, &j, NULL))
            abort();
        label(&l, is_private ? o->templates + i : k, &j);
        last = j.number > last ? (uint32_t)j.number : last;
    }
    settle(&l);
    unsigned with_spam, with_private;
    count_private(&l, last, o->templates, &with_spam, &with_private);
    struct campaigns_size size;
    campaigns_size(c, &size);
    /* The index is of what came from templates; private mail is counted apart. */
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++)
        if (l.truth[i] < o->templates) {
            l.truth[n] = l.truth[i];
            l.found[n++] = l.found[i];
        }
    printf("%u\t%u\t%u\t%u\t%u\t%u\t%.4f\t%llu\t%u\t%u\t%llu\n", o->templates, o->messages, o->private, o->slots, o->noise, o->seed,
           spin_rand_index(l.truth, l.found, n), (unsigned long long)size.absorbed, with_spam, with_private,
           (unsigned long long)size.ungrouped);
}

int main(int argc, char **argv)
{
    struct options o = {.templates = 200, .messages = 20000, .private = 20, .slots = 30, .noise = 1, .bots = 5000, .seed = 1};
    if (argc < 2)
        return 2;
    read_options(&o, argc - 2, argv + 2);
    if (!strcmp(argv[1], "truth"))
        truth(&o);
    return 0;
}
