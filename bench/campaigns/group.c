/* bench_campaigns: what campaign/ finds of what the spinner made, and what it costs.
 *
 *   bench_campaigns truth [key=value]...   one stream of templates and private mail; prints a row, tab-separated
 *   bench_campaigns speed [key=value]...   processor time of sketch, and of look-up and update, parsing not counted; prints
 *                                          templates, messages, bytes a message, us a sketch, us an addition, messages/s
 *   bench_campaigns memory [key=value]...  millions of sightings, campaigns that come and go; prints messages, live, MB accounted,
 *                                          MB resident, pushed out, us a message (making the sighting included) as it goes
 *   bench_campaigns files ROOT INDEX       groups the messages of an index ("label<TAB>path"), in its order; prints a line a message:
 *                                          label, path, group, kind, groups' spam and messages, bulk
 *   bench_campaigns pairs ROOT INDEX [seed=N] 200 pairs called same and the 200 nearest pairs called different (of different pairs of
 *                                          groups), with what a reader needs to judge them
 *
 * keys: templates, messages, private (share of private mail, percent), slots (greatest share of varying words, percent), noise (0, 1),
 * bots, seed. */
#include <malloc.h>
#include <math.h>
#include <time.h>

#include "base/hash.h"
#include "campaign/campaigns.h"
#include "engine/observe.h"
#include "mail/url.h"
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

/* ---- speed ---- */

struct parsed { struct arena *a; struct message *m; };

/* Messages are parsed before the clock runs; then sketches are made, looked up and counted, as one writer would. */
static void speed(const struct options *o)
{
    enum { DISTINCT_MESSAGES = 20000 };
    struct spin_template *t = malloc(o->templates * sizeof *t);
    for (unsigned i = 0; i < o->templates; i++)
        spin_template(&t[i], o->seed * 100000 + i, o->slots / 100.0, o->noise);
    struct parsed *p = malloc(DISTINCT_MESSAGES * sizeof *p);
    struct mail_parser *parser = mail_parser_new(NULL);
    struct spin r = spin_seed(o->seed, 0);
    size_t bytes = 0;
    for (unsigned i = 0; i < DISTINCT_MESSAGES; i++) {
        struct spin_out out = {malloc(1 << 18), 0, 1 << 18};
        if (spin_to(&r, 100) < o->private)
            spin_private(&r, &out);
        else
            spin_message(&t[spin_to(&r, o->templates)], &r, &out);
        out.p = realloc(out.p, out.n + 1);
        bytes += out.n;
        p[i].a = arena_new(4 << 20);
        if (message_parse(parser, p[i].a, span_of(out.p, out.n), &p[i].m))
            abort();
    }
    struct sketcher *k = sketcher_new();
    struct arena *scratch = arena_new(16 << 20);
    struct campaigns *c;
    if (campaigns_new(NULL, &c, NULL))
        abort();
    double sketching = 0, adding = 0;
    for (unsigned done = 0; done < o->messages; done += DISTINCT_MESSAGES) {
        static struct sketch sketch[DISTINCT_MESSAGES];
        double from = cpu_s();
        for (unsigned i = 0; i < DISTINCT_MESSAGES; i++) {
            arena_reset(scratch);
            sketch_make(k, scratch, p[i].m, &sketch[i], NULL, NULL);
        }
        double between = cpu_s();
        for (unsigned i = 0; i < DISTINCT_MESSAGES; i++) {
            struct join j;
            struct sighting s = {.time_ms = (int64_t)(done + i) * 100, .source = ip_of_v4(0x0a000000u + spin_to(&r, o->bots) * 2654435761u % 0x1000000u),
                                 .n_rcpt = 1, .size_bytes = 3000, .flags = SIGHTING_SPAM, .sketch = sketch[i]};
            campaigns_add(c, &s, &j, NULL);
        }
        sketching += between - from;
        adding += cpu_s() - between;
    }
    printf("speed\t%u\t%u\t%.0f\t%.2f\t%.2f\t%.0f\n", o->templates, o->messages, (double)bytes / DISTINCT_MESSAGES, sketching / o->messages * 1e6,
           adding / o->messages * 1e6, o->messages / (sketching + adding));
}

/* ---- memory ---- */

static size_t resident_mb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;
    if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident >> 8;
}

/* A sketch of template k, a fifth of whose slots vary: what sketch_make would give, without making the mail. */
static void made_sketch(unsigned k, struct spin *r, struct sketch *s)
{
    struct spin own = spin_seed(k, 77);
    memset(s, 0, sizeof *s);
    s->kind = SKETCH_TEXT;
    s->n_shingles = 120;
    for (unsigned i = 0; i < SKETCH_SLOTS; i++) {
        uint64_t same = spin_u64(&own);
        s->slot[i] = (uint16_t)(spin_to(r, 5) ? same | 8 : spin_u64(r) | 8);
    }
    s->structure = 1 | spin_u64(&own);
    s->n_links = 1;
    s->link_host[0] = 1 + spin_to(&own, 1 << 30) + spin_to(r, 3);
}

/* Campaigns come and go: of `templates` in all a window of live ones moves on, and one message in ten is alone. */
static void memory(const struct options *o)
{
    struct campaigns *c;
    struct campaigns_options co = {.max_live = o->live, .max_bytes = (size_t)o->mbytes << 20};
    if (campaigns_new(&co, &c, NULL))
        abort();
    struct spin r = spin_seed(o->seed, 0);
    double from = cpu_s();
    for (unsigned i = 0; i < o->messages; i++) {
        struct join j;
        struct sighting s = {.time_ms = (int64_t)i * 50, .n_rcpt = 1, .size_bytes = 3000, .flags = SIGHTING_SPAM};
        unsigned first = (unsigned)((uint64_t)i * (o->templates / 2) / o->messages);
        unsigned k = spin_to(&r, 10) ? first + spin_to(&r, o->templates / 2) : 1000000000 + i;
        made_sketch(k, &r, &s.sketch);
        s.source = ip_of_v4(0x01000000u + (uint32_t)mix64(spin_to(&r, o->bots)));
        s.asn = 1 + spin_to(&r, 3000);
        char rcpt[24], host[32];
        s.rcpt_domain[0] = span_of(rcpt, (size_t)snprintf(rcpt, sizeof rcpt, "r%u.test", spin_to(&r, 500)));
        s.link_host[0] = span_of(host, (size_t)snprintf(host, sizeof host, "h%u.example", k % 100000 * 3 + spin_to(&r, 3)));
        s.n_rcpt_domains = s.n_links = 1;
        s.mailer = 1 + k % 50;
        if (campaigns_add(c, &s, &j, NULL))
            abort();
        if ((i + 1) % (o->messages / 20) == 0) {
            struct campaigns_size z;
            campaigns_size(c, &z);
            printf("memory\t%u\t%zu\t%zu\t%zu\t%llu\t%.2f\n", i + 1, z.live, z.bytes >> 20, resident_mb(), (unsigned long long)z.pushed_out,
                   (cpu_s() - from) / (i + 1) * 1e6);
            fflush(stdout);
        }
    }
}

/* ---- real mail ---- */

struct mail { char label, *path, *text, *subject, hosts[160], from[160]; struct sketch sketch; uint32_t group; uint64_t digest; };
struct mails { struct mail *e; size_t n, cap; };

static struct span read_file(const char *root, const char *path, char *buf, size_t cap)
{
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *f = fopen(full, "rb");
    size_t n = f ? fread(buf, 1, cap, f) : 0;
    if (f)
        fclose(f);
    return span_of(buf, n);
}

static void note_hosts(const struct message *m, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_urls && n + 50 < cap; i++) {
        const struct url *u = &m->url[i];
        if (u->host.n && u->origin != URL_FROM_IMG && !memmem(out, n, u->host.p, u->host.n))
            n += (size_t)snprintf(out + n, cap - n, "%.*s ", (int)(u->host.n < 40 ? u->host.n : 40), (const char *)u->host.p);
    }
}

/* As the engine makes it of a message alone. */
static void real_sighting(struct reader_of_mail *r, struct observe_worker *w, struct span raw, struct mail *e, struct sighting *out)
{
    const struct observe_in in = {.flags = e->label == 's' ? OBSERVE_SPAM : 0};
    const struct mailer *mailer;
    struct message *m;
    struct sighting *s;
    arena_reset(r->a);
    if (message_parse(r->p, r->a, raw, &m) || observe_read(w, m, &in, &s, &mailer))
        abort();
    struct span sender = message_value(r->p, r->a, m, FIELD_FROM);
    char ip[IP_TEXT];
    ip_text(&s->source, ip);
    snprintf(e->from, sizeof e->from, "%.*s (%s, mailer %04x)", (int)(sender.n < 80 ? sender.n : 80), (const char *)sender.p, ip,
             (unsigned)(s->mailer & 0xffff));
    e->digest = hash64(raw, 0);
    e->sketch = s->sketch;
    e->text = strndup((const char *)s->text.p, s->text.n);
    e->subject = strndup((const char *)s->subject.p, s->subject.n);
    note_hosts(m, e->hosts, sizeof e->hosts);
    *out = *s;
}

static struct campaigns *group_files(const char *root, const char *index, struct mails *out)
{
    struct campaigns *c;
    struct reader_of_mail r = mail_reader();
    struct observe_worker *w = observe_worker_bare(NULL);
    size_t cap = 32 << 20;
    char *buf = malloc(cap), line[4096];
    uint32_t *into = calloc(4000000, sizeof *into);
    FILE *f = fopen(index, "r");
    if (!f || !w || campaigns_new(NULL, &c, NULL))
        exit(2);
    while (fgets(line, sizeof line, f)) {
        char *tab = strchr(line, '\t'), *end = strpbrk(line, "\r\n");
        struct mail e = {.label = line[0]};
        struct sighting s;
        struct join j;
        if (!tab || !end)
            continue;
        *end = 0;
        char *more = strchr(tab + 1, '\t');
        if (more)
            *more = 0;
        e.path = strdup(tab + 1);
        real_sighting(&r, w, read_file(root, e.path, buf, cap), &e, &s);
        s.time_ms = (int64_t)out->n * 1000;
        if (campaigns_add(c, &s, &j, NULL))
            abort();
        e.group = (uint32_t)j.number;
        if (j.absorbed)
            into[j.absorbed] = (uint32_t)j.number;
        if (out->n == out->cap)
            out->e = realloc(out->e, (out->cap = out->cap ? out->cap * 2 : 1024) * sizeof *out->e);
        out->e[out->n++] = e;
    }
    for (size_t i = 0; i < out->n; i++)
        while (into[out->e[i].group])
            out->e[i].group = into[out->e[i].group];
    return c;
}

static void files(const char *root, const char *index)
{
    static const char *const kind[] = {"text", "short", "links", "files", "empty"};
    struct mails m = {0};
    struct campaigns *c = group_files(root, index, &m);
    for (size_t i = 0; i < m.n; i++) {
        struct campaign v = {0};
        campaigns_get(c, m.e[i].group, &v);
        printf("%c\t%s\t%u\t%s\t%llu\t%llu\t%d\n", m.e[i].label, m.e[i].path, m.e[i].group, kind[m.e[i].sketch.kind],
               (unsigned long long)v.spam, (unsigned long long)v.messages, v.is_bulk);
    }
}

/* Enough of it to judge by. */
static void show(const struct mail *e)
{
    enum { HEAD = 420, TAIL = 120 };
    size_t n = strlen(e->text), tail = n > HEAD + TAIL ? n - TAIL : n > HEAD ? HEAD : n;
    printf("  [%s] %s {%s}\n    %.*s%s%s\n", e->subject, e->from, e->hosts, HEAD, e->text, n > HEAD + TAIL ? " ... " : "", e->text + tail);
}

/* Begins with a digest of the two, whichever comes first. */
static void show_pair(const char *called, const struct mail *a, const struct mail *b)
{
    struct sketch_signs g;
    sketch_signs(&a->sketch, &b->sketch, &g);
    printf("%016llx\t%s\t%s\t%s\talike %.2f text %.2f%s%s%s%s%s kinds %u %u\n", (unsigned long long)mix64(a->digest + b->digest), called, a->path,
           b->path, sketch_alike(&a->sketch, &b->sketch), g.text, g.subject ? " subject" : "", g.host ? " host" : "", g.shape ? " shape" : "",
           g.file ? " file" : "", g.layout ? " layout" : "", a->sketch.kind, b->sketch.kind);
    show(a);
    show(b);
}

struct near_pair { double alike; uint32_t a, b; };
static int by_alike(const void *a, const void *b)
{
    double x = ((const struct near_pair *)a)->alike, y = ((const struct near_pair *)b)->alike;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* A message that is in a group with others, drawn evenly, and one of the others. */
static void same_pairs(const struct mails *m, struct spin *r, unsigned want)
{
    for (unsigned k = 0; k < want;) {
        uint32_t a = spin_to(r, (unsigned)m->n), others = 0, b = 0;
        for (uint32_t i = 0; i < m->n && m->e[a].group; i++)
            if (i != a && m->e[i].group == m->e[a].group && spin_to(r, ++others) == 0)
                b = i;
        if (others) {
            show_pair("same", &m->e[a], &m->e[b]);
            k++;
        }
    }
}

/* Of each two groups the two messages that are most alike; the nearest of those. */
static void different_pairs(const struct mails *m, unsigned want)
{
    struct near_pair *p = NULL;
    size_t n = 0, cap = 0;
    for (uint32_t a = 0; a < m->n; a++)
        for (uint32_t b = a + 1; b < m->n; b++) {
            double alike = m->e[a].group == m->e[b].group ? 0 : sketch_alike(&m->e[a].sketch, &m->e[b].sketch);
            if (alike < 0.005 || !m->e[a].group || !m->e[b].group)
                continue;
            if (n == cap)
                p = realloc(p, (cap = cap ? cap * 2 : 4096) * sizeof *p);
            p[n++] = (struct near_pair){alike, a, b};
        }
    qsort(p, n, sizeof *p, by_alike);
    unsigned k = 0;
    for (size_t i = 0; i < n && k < want; i++) {
        bool had = false;
        for (size_t j = 0; j < i && !had; j++) {
            uint32_t x = m->e[p[i].a].group, y = m->e[p[i].b].group, u = m->e[p[j].a].group, v = m->e[p[j].b].group;
            had = (x == u && y == v) || (x == v && y == u);
        }
        if (!had) {
            show_pair("different", &m->e[p[i].a], &m->e[p[i].b]);
            k++;
        }
    }
    free(p);
}

static void pairs(const char *root, const char *index, unsigned seed)
{
    struct mails m = {0};
    group_files(root, index, &m);
    struct spin r = spin_seed(seed, 9);
    same_pairs(&m, &r, 200);
    different_pairs(&m, 200);
}

int main(int argc, char **argv)
{
    struct options o = {.templates = 200, .messages = 20000, .private = 20, .slots = 30, .noise = 1, .bots = 5000, .seed = 1};
    if (argc < 2)
        return 2;
    bool is_real = argc >= 4 && (!strcmp(argv[1], "files") || !strcmp(argv[1], "pairs"));
    read_options(&o, argc - (is_real ? 4 : 2), argv + (is_real ? 4 : 2));
    if (!strcmp(argv[1], "truth"))
        truth(&o);
    else if (!strcmp(argv[1], "speed"))
        speed(&o);
    else if (!strcmp(argv[1], "memory"))
        memory(&o);
    else if (is_real && !strcmp(argv[1], "files"))
        files(argv[2], argv[3]);
    else if (is_real)
        pairs(argv[2], argv[3], o.seed);
    else
        return 2;
    return 0;
}
