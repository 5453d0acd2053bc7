/* bench_world: what the observatory makes of a closed world, beside what that world says of itself.
 *
 *   bench_world mail FOLDER [key=value]...      FOLDER/trap.mbox (spam, and whatever else comes to a trap), FOLDER/private.mbox
 *                                               (wanted mail, where there is one; in order of time among the other)
 *   bench_world records FOLDER [key=value]...   FOLDER/records.rec
 *
 * FOLDER/as.csv, and FOLDER/truth/ as posse-sim leaves it. Keys: home=DIR (a new one), name=WHAT (first column), keep=K originals a
 * campaign (200), ham=N: the first N of the private mail are taught before all as what no signature may match (0), detail=N: of which groups
 * each version of each campaign is, where they have N messages or more, and how its template did (0: not told), days=DAYS (1),
 * truth=DIR (FOLDER/truth).
 * Prints rows, tab-separated: name, what, of whom, value. Which botnet is which family: the one that most of its messages are of. "Right"
 * is what stands with the botnet that has most of a family, where that botnet is that family's: a second name for half of a family is wrong.
 * at_once: as it was said when the message came; late_at_once: the same without each family's first day. settled: as is said at the end of the
 * campaign that it is in. Shares are asked for as each hour ends, and again a day later; censuses each DAYS days, of the day that ended.
 * templates: later messages are those past the first 200 of a campaign's version; matched ones, those that a proven signature matched when
 * they came. A version is held from the first of ten messages in a row of which nine were matched. Wanted mail and newsletters that were
 * not taught are held against every proven signature that the observatory ever had (looked at every 5,000 messages), at the end. */
#include <sys/stat.h>

#include "base/hash.h"
#include "campaign/campaigns.h"
#include "cli/records.h"
#include "engine/asfile.h"
#include "world.h"

void die(const char *what, const char *which)
{
    fprintf(stderr, "bench_world: %s: %s\n", which, what);
    exit(2);
}

void row(const struct bench *b, const char *what, const char *whom, double value)
{
    printf("%s\t%s\t%s\t%.6g\n", b->name, what, whom, value);
    fflush(stdout);
}

unsigned name_at(struct truth_name *list, unsigned *n, unsigned max, const char *name)
{
    for (unsigned i = *n; i-- > 0;)
        if (!strcmp(list[i].text, name))
            return i;
    if (*n == max)
        die("too many names", name);
    snprintf(list[*n].text, NAME, "%s", name);
    return (*n)++;
}

static FILE *open_at(const char *folder, const char *file, bool is_needed)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "rb");
    if (!f && is_needed)
        die("cannot be read", path);
    return f;
}

FILE *open_truth(const struct bench *b, const char *file) { return open_at(b->truth, file, true); }

static struct seen_one *next_seen(struct bench *b)
{
    if (b->n == b->cap)
        b->e = realloc(b->e, (b->cap = b->cap ? b->cap * 2 : 65536) * sizeof *b->e);
    if (!b->e)
        die("no memory", b->name);
    return memset(&b->e[b->n++], 0, sizeof *b->e);
}

static void note_join(struct bench *b, const struct join *j, struct seen_one *e)
{
    uint64_t most = j->number > j->absorbed ? j->number : j->absorbed;
    if (most >= b->cap_into) {
        size_t cap = b->cap_into ? b->cap_into : 1024;
        while (cap <= most)
            cap *= 2;
        b->into = realloc(b->into, cap * sizeof *b->into);
        memset(b->into + b->cap_into, 0, (cap - b->cap_into) * sizeof *b->into);
        b->cap_into = cap;
    }
    e->group = j->how == JOINED_NONE ? 0 : (uint32_t)j->number;
    if (j->absorbed)
        b->into[j->absorbed] = (uint32_t)j->number;
}

uint32_t now_group(const struct bench *b, uint32_t g)
{
    while (b->into[g])
        g = b->into[g];
    return g;
}

uint32_t gang_now(const struct bench *b, uint32_t number)
{
    struct botnet x;
    return number && botnets_get(observatory_botnets(b->o), number, &x) && x.number < GANGS ? x.number : 0;
}

/* ---- mail ---- */

struct mbox { FILE *f; char *buf, *line; size_t n, cap, line_cap; bool has_line; struct observe_worker *w; struct sighting *s; const struct mailer *m; };

/* The next message, without its separator line; false: no more. */
static bool mbox_next(struct mbox *x)
{
    ssize_t got;
    bool was_empty = true;
    x->n = 0;
    if (!x->f || (!x->has_line && getline(&x->line, &x->line_cap, x->f) < 0))
        return false;
    x->has_line = false;
    while ((got = getline(&x->line, &x->line_cap, x->f)) >= 0) {
        if (was_empty && !strncmp(x->line, "From ", 5)) {
            x->has_line = true;
            break;
        }
        was_empty = got == 1;
        if (x->n + (size_t)got > x->cap)
            x->buf = realloc(x->buf, x->cap = (x->n + (size_t)got) * 2);
        memcpy(x->buf + x->n, x->line, (size_t)got);
        x->n += (size_t)got;
    }
    return x->n > 0;
}

static bool mbox_read(struct mbox *x, unsigned flags)
{
    struct observe_in in = {.flags = flags | OBSERVE_KEEP};
    return mbox_next(x) && (observe_bytes(x->w, span_of(x->buf, x->n), &in, &x->s, &x->m) == 0 || (die("a message cannot be read", "mbox"), true));
}

static void mbox_open(struct bench *b, struct mbox *x, const char *file, bool is_needed)
{
    *x = (struct mbox){.f = open_at(b->folder, file, is_needed), .w = observe_worker_new(b->o)};
}

static void truth_of(struct bench *b, FILE *truth, struct seen_one *e)
{
    char kind[8], family[NAME], campaign[NAME];
    unsigned version;
    if (fscanf(truth, "%*u %*d %7s %39s %39s %u %*s %*s", kind, family, campaign, &version) != 4)
        die("ends before the mail does", "truth/messages.tsv");
    e->kind = kind[0] == 's' ? SPAM : BULK;
    e->version = (uint16_t)version;
    e->family = (uint8_t)name_at(b->family, &b->n_families, FAMILIES, family);
    b->family_kind[e->family] = e->kind;
    if (b->n_campaigns == b->cap_campaigns)
        b->campaign = realloc(b->campaign, (b->cap_campaigns = b->cap_campaigns ? b->cap_campaigns * 2 : 256) * sizeof *b->campaign);
    e->truth = name_at(b->campaign, &b->n_campaigns, b->cap_campaigns, campaign);
}

static void add(struct bench *b, struct sighting *s, const struct mailer *m, struct seen_one *e)
{
    struct join j;
    struct membership member = {0};
    struct report why = {0};
    if (observatory_now_ms(b->o))
        pass_hours(b, observatory_now_ms(b->o));
    struct observed was, now;
    observatory_count(b->o, &was);
    if (observatory_add(b->o, s, m, &j, &member, &why))
        die(why.text, b->name);
    observatory_count(b->o, &now);
    e->is_matched = now.matched > was.matched;
    note_join(b, &j, e);
    e->gang = member.probability >= 0.5 ? member.botnet : 0;
    e->time_ms = s->time_ms;
    e->source = ip_is_zero(&s->source) ? 0 : hash64(span_of(s->source.b, sizeof s->source.b), 1);
    e->sketch = s->sketch.kind;
}

static void teach(struct bench *b)
{
    struct ham_options o = {.sketch_bytes = 0};
    struct report why = {0};
    struct mbox private;
    if (ham_new(&o, &b->ham, &why))
        die(why.text, b->name);
    mbox_open(b, &private, "private.mbox", true);
    while (b->ham_taught < b->teach && mbox_read(&private, 0)) {
        if (observatory_add_ham(b->o, private.s, &why) || ham_add(b->ham, private.s->text, 0))
            die("cannot be taught", "private.mbox");
        b->ham_taught++;
    }
    fclose(private.f);
}

static void read_mail(struct bench *b)
{
    struct mbox trap, private;
    FILE *truth = open_truth(b, "messages.tsv");
    uint64_t n_private = 0;
    if (b->teach)
        teach(b);
    mbox_open(b, &trap, "trap.mbox", true);
    mbox_open(b, &private, "private.mbox", false);
    if (fscanf(truth, "%*[^\n]") < 0)
        die("is empty", "truth/messages.tsv");
    bool has_trap = mbox_read(&trap, OBSERVE_SPAM), has_private = mbox_read(&private, 0);
    observatory_begin(b->o, has_trap ? trap.s->time_ms : 0);
    while (has_trap || has_private) {
        struct seen_one *e = next_seen(b);
        enum { LOOK = 5000 };
        if (b->teach && b->n % LOOK == 0)
            note_templates(b);
        if (has_trap && (!has_private || trap.s->time_ms <= private.s->time_ms || private.s->time_ms == 0)) {
            truth_of(b, truth, e);
            if (b->teach && e->kind == BULK)
                keep_text(b, trap.s, BULK);
            add(b, trap.s, trap.m, e);
            has_trap = mbox_read(&trap, OBSERVE_SPAM);
            continue;
        }
        e->kind = HAM;
        if (b->teach && n_private++ >= b->ham_taught)
            keep_text(b, private.s, HAM);
        add(b, private.s, private.m, e);
        has_private = mbox_read(&private, 0);
    }
}

/* ---- records ---- */

struct key_family { uint64_t key; uint32_t campaign; uint8_t family; };

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct key_family *)a)->key, y = ((const struct key_family *)b)->key;
    return x < y ? -1 : x > y;
}

/* Campaigns of records are told apart by version and variant too: a record says no more. */
static struct key_family *read_templates(struct bench *b, size_t *n_out)
{
    FILE *f = open_truth(b, "templates.tsv");
    struct key_family *k = NULL;
    size_t n = 0, cap = 0;
    uint64_t key;
    char family[NAME], line[512];
    if (!fgets(line, sizeof line, f))
        die("is empty", "truth/templates.tsv");
    while (fscanf(f, "%" SCNx64 " %*s %*s %39s %*[^\n]", &key, family) == 2) {
        if (n == cap)
            k = realloc(k, (cap = cap ? cap * 2 : 1024) * sizeof *k);
        k[n] = (struct key_family){key, (uint32_t)n, (uint8_t)name_at(b->family, &b->n_families, FAMILIES, family)};
        n++;
    }
    fclose(f);
    qsort(k, n, sizeof *k, by_key);
    *n_out = n;
    return k;
}

static void read_records(struct bench *b)
{
    char path[4200];
    struct records *r;
    struct report why = {0};
    struct sighting s = {0};
    struct as_info as;
    size_t n_keys;
    struct key_family *k = read_templates(b, &n_keys);
    snprintf(path, sizeof path, "%s/records.rec", b->folder);
    if (records_open(path, &r, &why))
        die(why.text, path);
    while (records_next(r, &s, &why) == 1) {
        const struct key_family want = {.key = s.key}, *hit = bsearch(&want, k, n_keys, sizeof *k, by_key);
        struct seen_one *e = next_seen(b);
        if (!hit)
            die("has no such template", "truth/templates.tsv");
        e->kind = s.flags & SIGHTING_SPAM ? SPAM : BULK;
        e->family = hit->family;
        e->truth = hit->campaign;
        b->family_kind[e->family] = e->kind;
        s.asn = astable_find(observatory_as(b->o), &s.source, &as) ? as.asn : 0;
        add(b, &s, NULL, e);
    }
    records_close(&r);
    free(k);
}

/* ---- the whole ---- */

static void open_observatory(struct bench *b, char *home)
{
    static const char *const ours[] = {"!10.0.0.0/8", "!2001:db8::/32"};
    char as[4200];
    struct report why = {0};
    snprintf(as, sizeof as, "%s/as.csv", b->folder);
    struct observe_options opt = {.home = home, .ours = ours, .n_ours = 2, .originals = b->keep, .as_table = as};
    if (observatory_open(&opt, &b->o, &why))
        die(why.text, home);
}

int main(int argc, char **argv)
{
    struct bench b = {.keep = 200, .days = 1};
    char truth[4200];
    char home[] = "/tmp/posse-bench-XXXXXX", *at = home;
    if (argc < 3)
        die("mail|records FOLDER [key=value]...", argv[0]);
    b.folder = argv[2];
    snprintf(truth, sizeof truth, "%s/truth", argv[2]);
    b.truth = truth;
    b.name = argv[2];
    for (int i = 3; i < argc; i++) {
        if (!strncmp(argv[i], "home=", 5))
            at = argv[i] + 5;
        else if (!strncmp(argv[i], "name=", 5))
            b.name = argv[i] + 5;
        else if (!strncmp(argv[i], "keep=", 5))
            b.keep = (unsigned)atoi(argv[i] + 5);
        else if (!strncmp(argv[i], "detail=", 7))
            b.detail = (unsigned)atoi(argv[i] + 7);
        else if (!strncmp(argv[i], "days=", 5))
            b.days = (unsigned)atoi(argv[i] + 5);
        else if (!strncmp(argv[i], "truth=", 6))
            b.truth = argv[i] + 6;
        else if (!strncmp(argv[i], "ham=", 4))
            b.teach = (unsigned)atoi(argv[i] + 4);
        else
            die("not a key=value", argv[i]);
    }
    if (at == home && !mkdtemp(home))
        die("cannot be made", home);
    mkdir(at, 0700);
    open_observatory(&b, at);
    if (!strcmp(argv[1], "mail"))
        read_mail(&b);
    else
        read_records(&b);
    struct report why = {0};
    botnets_settle(observatory_botnets(b.o), observatory_campaigns(b.o), observatory_now_ms(b.o), &why);
    say_campaigns(&b);
    if (b.detail)
        say_detail(&b);
    say_attribution(&b);
    if (b.teach)
        say_templates(&b);
    pass_hours(&b, INT64_MAX);
    say_shares(&b);
    say_census(&b);
    say_changes(&b);
    say_magnified(&b);
    observatory_drop(&b.o);
    if (at == home) {
        char command[64];
        snprintf(command, sizeof command, "rm -rf %s", home);
        return system(command) != 0;
    }
    return 0;
}
