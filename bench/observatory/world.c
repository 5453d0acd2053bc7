/* bench_world: what the observatory makes of a closed world, beside what that world says of itself.
 *
 *   bench_world mail FOLDER [key=value]...      FOLDER/trap.mbox (spam, and whatever else comes to a trap), FOLDER/private.mbox
 *                                               (wanted mail, where there is one; in order of time among the other)
 *   bench_world records FOLDER [key=value]...   FOLDER/records.rec; - for standard input: then the truth's folder is named with truth=
 *
 * FOLDER/as.csv, and FOLDER/truth/ as posse-sim leaves it. Keys: home=DIR (a new one), name=WHAT (first column), keep=K originals a
 * campaign (200), ham=N of the private mail are taught as what no signature may match (0), detail=N: of which groups each version of each
 * campaign is, where they have N messages or more (0: not told).
 * Prints rows, tab-separated: name, what, of whom, value. Which botnet is which family: the one that most of its messages are of. "Right"
 * is what stands with the botnet that has most of a family, where that botnet is that family's: a second name for half of a family is wrong.
 * at_once: as it was said when the message came. settled: as is said at the end of the campaign that it is in. counted: as the shares have it. */
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "../campaigns/spinner.h"
#include "base/hash.h"
#include "campaign/campaigns.h"
#include "cli/records.h"
#include "engine/asfile.h"
#include "engine/observe.h"

enum { FAMILIES = 64, NAME = 40, GANGS = 4096 };
enum kind { SPAM, BULK, HAM };

struct seen_one { uint32_t group, truth, gang, hour; int64_t time_ms; uint8_t family, kind, sketch; uint16_t version; };
struct truth_name { char text[NAME]; };
struct bench {
    const char *name, *folder;
    struct observatory *o;
    struct truth_name family[FAMILIES]; unsigned n_families;
    uint8_t family_kind[FAMILIES];
    struct truth_name *campaign; unsigned n_campaigns, cap_campaigns;
    struct seen_one *e; size_t n, cap;
    uint32_t *into; size_t cap_into;     /* absorbed groups */
    uint64_t ham_taught;
    unsigned keep, teach, detail;
};

static void die(const char *what, const char *which)
{
    fprintf(stderr, "bench_world: %s: %s\n", which, what);
    exit(2);
}

static void row(const struct bench *b, const char *what, const char *whom, double value)
{
    printf("%s\t%s\t%s\t%.6g\n", b->name, what, whom, value);
    fflush(stdout);
}

static unsigned name_at(struct truth_name *list, unsigned *n, unsigned max, const char *name)
{
    for (unsigned i = *n; i-- > 0;)
        if (!strcmp(list[i].text, name))
            return i;
    if (*n == max)
        die("too many names", name);
    snprintf(list[*n].text, NAME, "%s", name);
    return (*n)++;
}

static FILE *open_in(const struct bench *b, const char *file, bool is_needed)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", b->folder, file);
    FILE *f = fopen(path, "rb");
    if (!f && is_needed)
        die("cannot be read", path);
    return f;
}

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
    *x = (struct mbox){.f = open_in(b, file, is_needed), .w = observe_worker_new(b->o)};
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
    if (observatory_add(b->o, s, m, &j, &member, &why))
        die(why.text, b->name);
    note_join(b, &j, e);
    e->gang = member.probability >= 0.5 ? member.botnet : 0;
    e->hour = (uint32_t)(s->time_ms / 3600000);
    e->time_ms = s->time_ms;
    e->sketch = s->sketch.kind;
}

static void read_mail(struct bench *b)
{
    struct mbox trap, private;
    FILE *truth = open_in(b, "truth/messages.tsv", true);
    mbox_open(b, &trap, "trap.mbox", true);
    mbox_open(b, &private, "private.mbox", false);
    if (fscanf(truth, "%*[^\n]") < 0)
        die("is empty", "truth/messages.tsv");
    bool has_trap = mbox_read(&trap, OBSERVE_SPAM), has_private = mbox_read(&private, 0);
    observatory_begin(b->o, has_trap ? trap.s->time_ms : 0);
    while (has_trap || has_private) {
        struct seen_one *e = next_seen(b);
        struct report why = {0};
        if (has_trap && (!has_private || trap.s->time_ms <= private.s->time_ms || private.s->time_ms == 0)) {
            truth_of(b, truth, e);
            add(b, trap.s, trap.m, e);
            has_trap = mbox_read(&trap, OBSERVE_SPAM);
            continue;
        }
        e->kind = HAM;
        if (b->ham_taught < b->teach && observatory_add_ham(b->o, private.s, &why) == 0)
            b->ham_taught++;
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
    FILE *f = open_in(b, "truth/templates.tsv", true);
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

/* ---- campaigns ---- */

static uint32_t now_group(const struct bench *b, uint32_t g)
{
    while (b->into[g])
        g = b->into[g];
    return g;
}

/* Spam in one group with spam, twice: the messages' index, and wanted mail and newsletters that stand among spam. */
static void say_campaigns(const struct bench *b)
{
    uint32_t *truth = malloc((b->n + 1) * sizeof *truth), *found = malloc((b->n + 1) * sizeof *found);
    uint32_t *spam = calloc(b->cap_into + 1, sizeof *spam), *ham = calloc(b->cap_into + 1, sizeof *ham);
    uint64_t n = 0, n_of[3] = {0}, with[3] = {0}, among_ham = 0, alone = 0;
    for (size_t i = 0; i < b->n; i++)
        (b->e[i].kind == SPAM ? spam : ham)[now_group(b, b->e[i].group)]++;
    for (size_t i = 0; i < b->n; i++) {
        const struct seen_one *e = &b->e[i];
        uint32_t g = now_group(b, e->group);
        n_of[e->kind]++;
        with[e->kind] += e->kind != SPAM && g && spam[g] > 0;
        among_ham += e->kind == HAM && g && ham[g] > 1;
        alone += e->kind == SPAM && g == 0;
        if (e->kind == SPAM) {
            truth[n] = e->truth;
            found[n++] = g ? g : (uint32_t)(b->cap_into + i);
        }
    }
    row(b, "messages", "spam", (double)n_of[SPAM]);
    row(b, "messages", "bulk", (double)n_of[BULK]);
    row(b, "messages", "private", (double)n_of[HAM]);
    row(b, "rand_index", "-", spin_rand_index(truth, found, n));
    row(b, "campaigns", "truth", b->n_campaigns);
    uint64_t groups = 0, large = 0;
    for (size_t i = 1; i < b->cap_into; i++) {
        groups += spam[i] > 0;
        large += spam[i] >= 20;
    }
    row(b, "campaigns", "groups", (double)groups);
    row(b, "campaigns", "groups_of_20", (double)large);
    row(b, "ungrouped", "spam", (double)alone);
    row(b, "private_in_a_campaign", "-", (double)with[HAM]);
    row(b, "private_with_private", "-", (double)among_ham);
    row(b, "bulk_in_a_campaign", "-", (double)with[BULK]);
    free(truth); free(found); free(spam); free(ham);
}

struct cell { uint32_t truth, version, kind, group, n; };

static int by_cell(const void *a, const void *b) { return memcmp(a, b, offsetof(struct cell, n)); }

static void say_detail(const struct bench *b)
{
    struct cell *c = calloc(b->n + 1, sizeof *c);
    size_t n = 0, out = 0;
    for (size_t i = 0; i < b->n; i++)
        if (b->e[i].kind == SPAM)
            c[n++] = (struct cell){b->e[i].truth, b->e[i].version, b->e[i].sketch, now_group(b, b->e[i].group), 1};
    qsort(c, n, sizeof *c, by_cell);
    for (size_t i = 0; i < n; i++)
        if (out && by_cell(&c[out - 1], &c[i]) == 0)
            c[out - 1].n++;
        else
            c[out++] = c[i];
    for (size_t i = 0; i < out; i++) {
        char what[120];
        snprintf(what, sizeof what, "%s version %u kind %u group %u", b->campaign[c[i].truth].text, c[i].version, c[i].kind, c[i].group);
        if (c[i].n >= b->detail)
            row(b, "part", what, c[i].n);
    }
    free(c);
}

/* ---- attribution ---- */

struct matrix { uint64_t n[GANGS][FAMILIES]; };

static uint32_t gang_now(struct bench *b, uint32_t number)
{
    struct botnet x;
    return number && botnets_get(observatory_botnets(b->o), number, &x) && x.number < GANGS ? x.number : 0;
}

/* Of a family's volume the part that its own botnet has, of all spam, and of each. */
static void say_matrix(struct bench *b, const struct matrix *m, const char *when)
{
    uint64_t right = 0, nobody = 0, all = 0;
    char what[40];
    for (unsigned f = 0; f < b->n_families; f++) {
        uint64_t best = 0, of_family = 0;
        unsigned gang = 0, names = 0, owner = 0;
        if (b->family_kind[f] != SPAM)
            continue;
        for (unsigned g = 0; g < GANGS; g++) {
            of_family += m->n[g][f];
            if (g && m->n[g][f] > best)
                best = m->n[gang = g][f];
        }
        for (unsigned k = 0; k < b->n_families; k++)
            owner = m->n[gang][k] > m->n[gang][owner] ? k : owner;
        for (unsigned g = 1; g < GANGS; g++)
            names += m->n[g][f] * 100 > of_family;
        all += of_family;
        nobody += m->n[0][f];
        right += owner == f ? best : 0;
        snprintf(what, sizeof what, "right_%s", when);
        row(b, what, b->family[f].text, of_family ? (owner == f ? (double)best / (double)of_family : 0) : 0);
        snprintf(what, sizeof what, "names_%s", when);
        row(b, what, b->family[f].text, names);
    }
    snprintf(what, sizeof what, "right_%s", when);
    row(b, what, "-", all ? (double)right / (double)all : 0);
    snprintf(what, sizeof what, "nobodys_%s", when);
    row(b, what, "-", all ? (double)nobody / (double)all : 0);
}

static void say_names(struct bench *b, const struct matrix *m)
{
    for (unsigned f = 0; f < b->n_families; f++) {
        unsigned gang = 0;
        struct botnet x;
        char what[96];
        for (unsigned g = 1; g < GANGS; g++)
            gang = m->n[g][f] > m->n[gang][f] || gang == 0 ? g : gang;
        if (b->family_kind[f] != SPAM || !botnets_get(observatory_botnets(b->o), gang, &x))
            continue;
        snprintf(what, sizeof what, "%s = %s%s", b->family[f].text, x.name, x.is_described ? " (described)" : "");
        row(b, "botnet", what, (double)m->n[gang][f]);
    }
}

/* Volume of each family whose campaign is told with a doubt, and the mean probability. */
static void say_doubts(struct bench *b)
{
    for (unsigned f = 0; f < b->n_families; f++) {
        double n = 0, doubted = 0, p = 0;
        for (size_t i = 0; i < b->n; i++) {
            struct membership x;
            if (b->e[i].family != f || b->e[i].kind != SPAM || !botnets_member(observatory_botnets(b->o), now_group(b, b->e[i].group), &x))
                continue;
            n++;
            doubted += x.doubt != NULL;
            p += x.probability;
        }
        if (b->family_kind[f] != SPAM || n == 0)
            continue;
        row(b, "doubted", b->family[f].text, doubted / n);
        row(b, "probability", b->family[f].text, p / n);
    }
}

static void say_attribution(struct bench *b)
{
    struct matrix *once = calloc(1, sizeof *once), *settled = calloc(1, sizeof *settled);
    for (size_t i = 0; i < b->n; i++) {
        const struct seen_one *e = &b->e[i];
        struct membership x;
        uint32_t at_once = gang_now(b, e->gang), g = now_group(b, e->group);
        if (e->kind != SPAM)
            continue;
        once->n[at_once][e->family]++;
        bool is_known = g && botnets_member(observatory_botnets(b->o), g, &x) && x.probability >= 0.5;
        settled->n[is_known ? gang_now(b, x.botnet) : at_once][e->family]++;
    }
    say_matrix(b, once, "at_once");
    say_matrix(b, settled, "settled");
    say_names(b, settled);
    say_doubts(b);
    free(once); free(settled);
}

/* ---- templates ---- */

struct held { int64_t first_ms, held_ms; uint32_t seen, matched; };
struct holds { struct held e[64]; size_t n; uint64_t later, matched, unusable; };
static int hold(void *ctx, const struct seen_template *t)
{
    struct holds *h = ctx;
    h->later += t->refused ? 0 : t->seen;
    h->matched += t->refused ? 0 : t->matched;
    h->unusable += t->refused != NULL;
    if (h->n < 64)
        h->e[h->n++] = (struct held){t->first_ms, t->held_ms, t->seen, t->matched};
    return 0;
}

/* How many messages of each updated template came, in its own campaign, before a signature of it held. */
static void say_templates(struct bench *b)
{
    struct { int64_t first_ms; uint32_t group; size_t n; } *v = calloc((size_t)b->n_campaigns * 64, sizeof *v);
    uint64_t updates = 0, caught = 0, in_100 = 0, same = 0, later = 0, matched = 0, refused = 0, had = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct seen_one *e = &b->e[i];
        if (e->kind != SPAM || e->version >= 64)
            continue;
        size_t at = (size_t)e->truth * 64 + e->version;
        if (v[at].n++ == 0) {
            v[at].first_ms = e->time_ms;
            v[at].group = now_group(b, e->group);
        }
    }
    uint8_t *asked = calloc(b->cap_into + 1, 1);
    for (size_t at = 0; at < (size_t)b->n_campaigns * 64; at++) {
        struct holds h = {.n = 0};
        if (v[at].n < 200 || !v[at].group)
            continue;
        observatory_templates(b->o, v[at].group, hold, &h, NULL);
        if (!asked[v[at].group]++) {
            later += h.later;
            matched += h.matched;
            refused += h.unusable;
            had += h.n;
        }
        if (at % 64 < 2)
            continue;
        updates++;
        same += v[at - 1].group == v[at].group;
        int64_t held = 0;
        for (size_t i = 0; i < h.n; i++)
            if (h.e[i].held_ms >= v[at].first_ms && h.e[i].first_ms >= v[at].first_ms && (!held || h.e[i].held_ms < held))
                held = h.e[i].held_ms;
        size_t until = 0;
        for (size_t i = 0; i < b->n && held; i++)
            until += (size_t)b->e[i].truth * 64 + b->e[i].version == at && b->e[i].kind == SPAM && b->e[i].time_ms <= held;
        caught += held != 0;
        in_100 += held && until <= 100;
    }
    row(b, "templates", "made", (double)had);
    row(b, "templates", "refused", (double)refused);
    row(b, "templates", "later messages matched", later ? (double)matched / (double)later : 0);
    row(b, "updates", "of 200 messages or more", (double)updates);
    row(b, "updates", "in the campaign of the version before", (double)same);
    row(b, "updates", "with a template of their own that held", (double)caught);
    row(b, "updates", "that within 100 messages", (double)in_100);
    free(v); free(asked);
}

/* ---- change ---- */

static void say_changes(struct bench *b, const char *whose, struct change_series *s)
{
    static const char *const kind[] = {"collapse", "surge", "pause", "return"}, *const cause[] = {"unknown", "takedown", "trap", "own pattern"};
    struct change c[CHANGES_MAX];
    size_t n = s ? change_list(s, c, CHANGES_MAX) : 0;
    for (size_t i = 0; i < n; i++) {
        char what[160], at[32], told[32], ended[32] = "-";
        time_t t = (time_t)(c[i].at_ms / 1000), u = (time_t)(c[i].told_ms / 1000), v = (time_t)(c[i].ended_ms / 1000);
        strftime(at, sizeof at, "%Y-%m-%dT%H:%M", gmtime(&t));
        strftime(told, sizeof told, "%Y-%m-%dT%H:%M", gmtime(&u));
        if (v)
            strftime(ended, sizeof ended, "%Y-%m-%dT%H:%M", gmtime(&v));
        snprintf(what, sizeof what, "%s %s at %s told %s ended %s cause %s", whose, kind[c[i].kind], at, told, ended, cause[c[i].cause]);
        row(b, "change", what, c[i].before.mid > 0 ? c[i].after.mid / c[i].before.mid : 0);
    }
}

static int each_botnet(void *ctx, const struct botnet *x)
{
    struct bench *b = ctx;
    if (x->messages >= 1000)
        say_changes(b, x->name, botnets_change(observatory_botnets(b->o), x->number));
    return 0;
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
    struct bench b = {.keep = 200};
    char home[] = "/tmp/posse-bench-XXXXXX", *at = home;
    if (argc < 3)
        die("mail|records FOLDER [key=value]...", argv[0]);
    b.folder = argv[2];
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
    if (!strcmp(argv[1], "mail"))
        say_templates(&b);
    say_changes(&b, "all spam", botnets_change(observatory_botnets(b.o), 0));
    botnets_each(observatory_botnets(b.o), each_botnet, &b);
    observatory_drop(&b.o);
    if (at == home) {
        char command[64];
        snprintf(command, sizeof command, "rm -rf %s", home);
        return system(command) != 0;
    }
    return 0;
}
