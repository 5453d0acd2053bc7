/* bench_census: what the census makes of a closed world, beside what that world says of its machines.
 *
 *   bench_census FOLDER [name=WHAT] [marks=0] [days=N]
 *
 * FOLDER/records.rec, FOLDER/as.csv and FOLDER/truth/ as posse-sim leaves them. Each family is counted by itself (whose a message is, is
 * another table's question). marks=0: as if no machine had named itself. days: the period is asked for in pieces of so many days (0: whole).
 * Prints a row a family and piece: truth, then low end, middle and high end, of machines sending at a time, machines that sent within an
 * hour (both means over the hours in which the family's messages came), and machines that ever sent. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "botnet/census.h"
#include "cli/records.h"
#include "engine/asfile.h"

#define HOUR_MS 3600000ll
enum { FAMILIES = 64, NAME = 40, HOURS = 24 * 400 };

struct hour { double messages, live, ever, mean; };
struct family { char name[NAME]; struct census *census; uint64_t n, marked; struct hour hour[HOURS]; };
struct bench {
    const char *name, *folder;
    bool has_marks;
    int64_t days, first_hour, n_hours;
    struct family *family[FAMILIES];
    unsigned n_families;
};
struct key_family { uint64_t key; unsigned family; };

static void die(const char *what, const char *which)
{
    fprintf(stderr, "bench_census: %s: %s\n", which, what);
    exit(2);
}

static FILE *open_truth(const struct bench *b, const char *file)
{
    char path[4200], head[600];
    snprintf(path, sizeof path, "%s/truth/%s", b->folder, file);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(head, sizeof head, f))
        die("cannot be read", path);
    return f;
}

static unsigned family_at(struct bench *b, const char *name)
{
    for (unsigned i = 0; i < b->n_families; i++)
        if (!strcmp(b->family[i]->name, name))
            return i;
    struct family *f = b->n_families < FAMILIES ? calloc(1, sizeof *f) : NULL;
    if (!f || census_new(NULL, &f->census, NULL))
        die("no memory, or too many families", name);
    snprintf(f->name, sizeof f->name, "%s", name);
    b->family[b->n_families] = f;
    return b->n_families++;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct key_family *)a)->key, y = ((const struct key_family *)b)->key;
    return (x > y) - (x < y);
}

static struct key_family *read_templates(struct bench *b, size_t *n_out)
{
    FILE *f = open_truth(b, "templates.tsv");
    struct key_family *k = NULL;
    size_t n = 0, cap = 0;
    uint64_t key;
    char family[NAME];
    while (fscanf(f, "%" SCNx64 " %*s %*s %39s %*[^\n]", &key, family) == 2) {
        if (n == cap)
            k = realloc(k, (cap = cap ? cap * 2 : 1024) * sizeof *k);
        if (!k)
            die("no memory", "templates.tsv");
        k[n++] = (struct key_family){key, family_at(b, family)};
    }
    fclose(f);
    if (n)
        qsort(k, n, sizeof *k, by_key);
    *n_out = n;
    return k;
}

static void read_hours(struct bench *b)
{
    FILE *f = open_truth(b, "hours.tsv");
    char family[NAME];
    int64_t hour;
    struct hour h;
    b->first_hour = -1;
    while (fscanf(f, "%" SCNd64 " %39s %*s %lf %*s %*s %*s %lf %lf %lf", &hour, family, &h.messages, &h.live, &h.ever, &h.mean) == 6) {
        b->first_hour = b->first_hour < 0 ? hour : b->first_hour;
        if (hour < b->first_hour || hour >= b->first_hour + HOURS)
            die("is too long", "hours.tsv");
        b->family[family_at(b, family)]->hour[hour - b->first_hour] = h;
        b->n_hours = hour - b->first_hour + 1;
    }
    fclose(f);
}

static void read_records(struct bench *b)
{
    char path[4200], as_path[4200];
    struct asfile *as;
    struct records *r;
    struct report why = {0};
    struct sighting s = {0};
    size_t n_keys;
    struct key_family *k = read_templates(b, &n_keys);
    snprintf(path, sizeof path, "%s/records.rec", b->folder);
    snprintf(as_path, sizeof as_path, "%s/as.csv", b->folder);
    if (asfile_open(as_path, &as, &why) || records_open(path, &r, &why))
        die(why.text, b->folder);
    while (records_next(r, &s, &why) == 1) {
        const struct key_family want = {.key = s.key}, *hit = n_keys ? bsearch(&want, k, n_keys, sizeof *k, by_key) : NULL;
        struct as_info info = {0};
        if (!hit)
            die("has no such template", "templates.tsv");
        struct family *f = b->family[hit->family];
        astable_find(asfile_table(as), &s.source, &info);
        struct census_sight x = {.time_ms = s.time_ms, .source = s.source, .asn = info.asn, .is_dynamic = info.is_dynamic,
                                 .machine = b->has_marks ? s.machine : 0, .n = 1};
        if (census_add(f->census, &x))
            die("no memory", b->folder);
        f->n++;
        f->marked += x.machine != 0;
    }
    records_close(&r);
    asfile_close(&as);
    free(k);
}

static void say(const struct estimate *e, double truth)
{
    printf("\t%.0f\t%.0f\t%.0f\t%.0f\t%s", truth, e->lo, e->mid, e->hi, e->lo <= truth && truth <= e->hi ? "held" : "missed");
}

static void say_piece(const struct bench *b, const struct family *f, int64_t from, int64_t to)
{
    double mean = 0, live = 0, ever = 0, n = 0, messages = 0;
    struct census_answer a;
    for (int64_t i = from; i < to; i++) {
        const struct hour *h = &f->hour[i];
        if (!(h->messages > 0))
            continue;
        n++;
        messages += h->messages;
        mean += h->mean;
        live += h->live;
        ever = h->ever;
    }
    census_ask(f->census, (b->first_hour + from) * HOUR_MS, (b->first_hour + to) * HOUR_MS, &a);
    if (!(a.addresses.mid > 20))
        return;
    printf("%s\t%s\t%d\t%.0f\t%.0f", b->name, f->name, b->days > 0 ? (int)(from / 24) : -1, messages, a.addresses.mid);
    say(&a.live, mean / n);
    say(&a.within_window, live / n);
    say(&a.ever, from ? 0 : ever); /* who ever sent within a piece is not in the truth, but for the first */
    printf("\t%.1f\t%.2f\t%s\t%s\n", a.lease_ms / HOUR_MS, a.machines_an_address, a.live.method, a.doubt ? a.doubt : "-");
}

int main(int argc, char **argv)
{
    struct bench b = {.has_marks = true};
    if (argc < 2)
        die("FOLDER [key=value]...", argv[0]);
    b.name = b.folder = argv[1];
    for (int i = 2; i < argc; i++) {
        if (!strncmp(argv[i], "name=", 5))
            b.name = argv[i] + 5;
        else if (!strncmp(argv[i], "marks=", 6))
            b.has_marks = atoi(argv[i] + 6) != 0;
        else if (!strncmp(argv[i], "days=", 5))
            b.days = atoi(argv[i] + 5);
        else
            die("not a key=value", argv[i]);
    }
    read_records(&b);
    read_hours(&b);
    for (unsigned i = 0; i < b.n_families; i++) {
        int64_t step = b.days > 0 ? 24 * b.days : b.n_hours;
        for (int64_t at = 0; at < b.n_hours && step > 0; at += step)
            say_piece(&b, b.family[i], at, at + step < b.n_hours ? at + step : b.n_hours);
        census_free(&b.family[i]->census);
        free(b.family[i]);
    }
    return 0;
}
