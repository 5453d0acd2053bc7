/* bench_live: what being one of a live campaign says of real mail, in the worst case for wanted mail.
 *
 *   bench_live HOME ROOT INDEX...   judges each message of the indices ("label<TAB>path") with the model that ships, teaching nothing,
 *                                   and observes it by that verdict, as if all of them had come within two hours: more wanted mail that
 *                                   is alike, from more machines, than any host ever gets at a time. HOME must not be there yet.
 * Prints a line a message: label, bits of content, threshold, machines, messages, alike, bulk, answer, evidence (uncapped bits). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/live.h"
#include "engine/observe.h"

enum { MINUTES = 120, PATH = 4096 };
#define T0 1700000000000LL

struct bench {
    struct engine *engine;
    struct engine_worker *judge;
    struct observe_worker *watcher;
    struct observatory *observatory;
    struct live_file *live;
    size_t n, total;
    int64_t minute;
};

static struct span read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) != 0)
        exit(fprintf(stderr, "%s: cannot be read\n", path) ? 2 : 2);
    uint8_t *p = malloc((size_t)st.st_size + 1);
    size_t n = fread(p, 1, (size_t)st.st_size, f);
    fclose(f);
    return span_of(p, n);
}

static void one(struct bench *b, const char *label, const char *path)
{
    static const struct envelope nobody;
    struct report why = {0};
    struct observe_in in = {.time_ms = T0 + (int64_t)((double)b->n++ * 7200000 / (double)b->total)};
    struct reading *r;
    struct verdict v;
    struct sighting *s;
    const struct mailer *m;
    struct published_hit hit = {.messages = 0};
    char text[LIVE_TEXT];
    struct span raw = read_file(path);
    if (engine_read(b->judge, raw, &nobody, &r) || observe_read(b->watcher, reading_message(r), &in, &s, &m) ||
        engine_decide(b->judge, r, 0, &v)) /* before the evidence: content alone */
        exit(2);
    struct live *l = live_file_hold(b->live);
    bool is_hit = l && live_tell(l, s, r, 1000, text, &hit);
    double formula = is_hit && !hit.is_bulk && hit.sources > 2 ? log2((double)hit.sources / 2) * hit.alike : 0;
    printf("%s\t%.3f\t%.3f\t%llu\t%llu\t%.3f\t%d\t%d\t%.3f\n", label, v.bits, v.threshold_bits, (unsigned long long)hit.sources,
           (unsigned long long)hit.messages, hit.alike, is_hit && hit.is_bulk, formula > 0 && hit.bits <= 0, hit.bits > 0 ? formula : 0);
    live_drop(&l);
    s->flags |= v.klass == VERDICT_SPAM ? SIGHTING_SPAM : 0;
    if (observatory_add(b->observatory, s, m, NULL, NULL, &why))
        exit(2);
    int64_t minute = (int64_t)b->n * MINUTES / (int64_t)b->total;
    if (minute != b->minute && (observatory_show(b->observatory, &why) || live_file_look(b->live, &why)))
        exit(fprintf(stderr, "%s\n", why.text) ? 2 : 2);
    b->minute = minute;
    free((void *)(uintptr_t)raw.p);
}

/* with b NULL: counts. */
static size_t each(struct bench *b, const char *root, const char *index)
{
    char line[PATH], path[2 * PATH];
    size_t n = 0;
    FILE *f = fopen(index, "r");
    for (; f && fgets(line, sizeof line, f); n++) {
        char *tab = strchr(line, '\t');
        if (!tab || !b)
            continue;
        *tab = '\0';
        tab[1 + strcspn(tab + 1, "\t\n")] = '\0';
        snprintf(path, sizeof path, "%s/%s", root, tab + 1);
        one(b, line, path);
    }
    if (f)
        fclose(f);
    return n;
}

int main(int argc, char **argv)
{
    struct bench b = {.n = 0};
    struct report why = {0};
    if (argc < 4)
        return fprintf(stderr, "bench_live HOME ROOT INDEX...\n"), 2;
    struct engine_options e = {.is_frozen = true, .is_long = true};
    struct observe_options o = {.home = argv[1]};
    for (int i = 3; i < argc; i++)
        b.total += each(NULL, argv[2], argv[i]);
    if (engine_open(&e, &b.engine, &why) || observatory_open(&o, &b.observatory, &why))
        return fprintf(stderr, "%s\n", why.text), 2;
    b.judge = engine_worker_new(b.engine);
    b.watcher = observe_worker_bare(NULL);
    b.live = live_file_new(argv[1]);
    for (int i = 3; i < argc; i++)
        each(&b, argv[2], argv[i]);
    observe_worker_free(&b.watcher);
    engine_worker_free(&b.judge);
    live_file_free(&b.live);
    observatory_drop(&b.observatory);
    return engine_close(&b.engine, &why) != 0;
}
