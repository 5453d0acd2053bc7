/* world_counts: shares, censuses and changes beside truth/hours.tsv. */
#include <math.h>
#include <time.h>

#include "world.h"

enum { HOUR_MS = 3600000, DAY_HOURS = 24, SHARE_MESSAGES_LEAST = 2000, ASKED_MOST = 256 };

/* ---- while the stream passes ---- */

static void *grown(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? *cap * 2 : 4096;
    p = realloc(p, *cap * size);
    if (!p)
        die("no memory", "hours");
    return p;
}

static void ask_shares(struct bench *b, int64_t hour, enum when when)
{
    struct share s[ASKED_MOST];
    size_t n = shares_ask(botnets_shares(observatory_botnets(b->o)), hour * HOUR_MS, (hour + 1) * HOUR_MS, s, ASKED_MOST, NULL);
    for (size_t i = 0; i < n && i < ASKED_MOST; i++) {
        b->hour = grown(b->hour, b->n_hours, &b->cap_hours, sizeof *b->hour);
        struct hour_said *h = &b->hour[b->n_hours++];
        *h = (struct hour_said){.hour = (uint32_t)hour, .botnet = s[i].botnet, .when = when};
        for (unsigned k = 0; k < SHARE_N; k++) {
            h->mid[k] = (float)s[i].of[k].mid;
            h->lo[k] = (float)s[i].of[k].lo;
            h->hi[k] = (float)s[i].of[k].hi;
        }
    }
}

static int ask_census(void *ctx, const struct botnet *x)
{
    struct bench *b = ctx;
    struct census_answer a;
    if (x->messages < 1000 || x->last_ms < (b->hour_now - DAY_HOURS) * HOUR_MS)
        return 0;
    census_ask(botnets_census(observatory_botnets(b->o), x->number), (b->hour_now - DAY_HOURS) * HOUR_MS, b->hour_now * HOUR_MS, &a);
    b->day = grown(b->day, b->n_days, &b->cap_days, sizeof *b->day);
    b->day[b->n_days++] = (struct day_said){(uint32_t)b->hour_now, x->number, a.live.mid, a.live.lo, a.live.hi, a.doubt != NULL};
    return 0;
}

static void hour_over(struct bench *b)
{
    ask_shares(b, b->hour_now, AT_ONCE);
    if (b->hour_now - DAY_HOURS >= b->first_hour)
        ask_shares(b, b->hour_now - DAY_HOURS, A_DAY_LATER);
    b->hour_now++;
    if (b->hour_now % DAY_HOURS == 0 && b->hour_now - DAY_HOURS >= b->day_asked) {
        botnets_each(observatory_botnets(b->o), ask_census, b);
        b->day_asked = b->hour_now + ((int64_t)b->days - 1) * DAY_HOURS;
    }
}

void pass_hours(struct bench *b, int64_t now_ms)
{
    bool is_end = now_ms == INT64_MAX;
    int64_t hour = now_ms / HOUR_MS;
    if (!b->hour_now)
        b->hour_now = b->first_hour = hour, b->day_asked = hour;
    if (is_end) {
        hour_over(b);
        for (int64_t h = b->hour_now - DAY_HOURS > b->first_hour ? b->hour_now - DAY_HOURS : b->first_hour; h < b->hour_now; h++)
            ask_shares(b, h, A_DAY_LATER);
        return;
    }
    while (b->hour_now < hour)
        hour_over(b);
}

/* ---- the truth's hours ---- */

struct truth_hour { uint32_t hour; double of[FAMILIES][SHARE_N], sent[FAMILIES], machines[FAMILIES], ever[FAMILIES]; };
struct truth_hours { struct truth_hour *h; size_t n, cap; };

static void read_hours(struct bench *b, struct truth_hours *t)
{
    FILE *f = open_truth(b, "hours.tsv");
    char name[NAME];
    unsigned hour;
    double sent, n[SHARE_N], live, ever, mean;
    *t = (struct truth_hours){.n = 0};
    if (fscanf(f, "%*[^\n]") < 0)
        die("is empty", "hours.tsv");
    while (fscanf(f, "%u %39s %lf %lf %lf %lf %lf %lf %lf %lf", &hour, name, &sent, &n[0], &n[1], &n[2], &n[3], &live, &ever, &mean) == 10) {
        unsigned k = 0;
        while (k < b->n_families && strcmp(b->family[k].text, name) != 0)
            k++;
        if (k == b->n_families || b->family_kind[k] != SPAM)
            continue;
        if (!t->n || t->h[t->n - 1].hour != hour) {
            t->h = grown(t->h, t->n, &t->cap, sizeof *t->h);
            memset(&t->h[t->n], 0, sizeof *t->h);
            t->h[t->n++].hour = hour;
        }
        struct truth_hour *h = &t->h[t->n - 1];
        memcpy(h->of[k], n, sizeof n);
        h->sent[k] = sent;
        h->machines[k] = mean;
        h->ever[k] = ever;
    }
    fclose(f);
}

static const struct truth_hour *hour_at(const struct truth_hours *t, int64_t hour)
{
    int64_t at = t->n ? hour - t->h[0].hour : -1;
    return at >= 0 && (size_t)at < t->n ? &t->h[at] : NULL;
}

static unsigned owner_of(const struct bench *b, uint32_t botnet)
{
    uint32_t g = botnet == SHARE_OTHERS ? 0 : gang_now(b, botnet);
    return g ? b->owner[g] : FAMILIES;
}

/* ---- shares ---- */

struct share_error { double n, sum[SHARE_N], most[SHARE_N], within[SHARE_N], unknown, covered, intervals; };

static void one_hour(const struct bench *b, const struct truth_hour *h, const struct hour_said *s, size_t n, struct share_error *e)
{
    double found[FAMILIES + 1][SHARE_N] = {{0}}, total[SHARE_N] = {0}, sent = 0;
    unsigned names[FAMILIES + 1] = {0};
    const struct hour_said *one[FAMILIES + 1] = {NULL};
    for (unsigned f = 0; f < b->n_families; f++) {
        sent += h->sent[f];
        for (unsigned k = 0; k < SHARE_N; k++)
            total[k] += h->of[f][k];
    }
    for (size_t i = 0; i < n; i++) {
        unsigned f = owner_of(b, s[i].botnet);
        names[f]++;
        one[f] = &s[i];
        for (unsigned k = 0; k < SHARE_N; k++)
            found[f][k] += (double)s[i].mid[k];
    }
    e->n++;
    e->unknown += found[FAMILIES][SHARE_MESSAGES];
    for (unsigned k = 0; k < SHARE_N; k++) {
        double worst = 0;
        for (unsigned f = 0; f < b->n_families; f++) {
            double wrong = b->family_kind[f] == SPAM && total[k] > 0 ? fabs(found[f][k] - h->of[f][k] / total[k]) * 100 : 0;
            worst = wrong > worst ? wrong : worst;
        }
        e->sum[k] += worst;
        e->within[k] += worst < 1;
        e->most[k] = worst > e->most[k] ? worst : e->most[k];
    }
    for (unsigned f = 0; f < b->n_families; f++) {
        double truth = sent > 0 ? h->sent[f] / sent : 0;
        if (b->family_kind[f] != SPAM || truth < 0.01 || names[f] != 1)
            continue;
        e->intervals++;
        e->covered += truth >= (double)one[f]->lo[SHARE_MESSAGES] && truth <= (double)one[f]->hi[SHARE_MESSAGES];
    }
}

static int by_when(const void *a, const void *b)
{
    const struct hour_said *x = a, *y = b;
    return x->when != y->when ? (x->when < y->when ? -1 : 1) : x->hour < y->hour ? -1 : x->hour > y->hour;
}

/* The worst family of each hour with so many messages: how many points it is off what came to the traps; and of all that was sent, how often
 * the interval has it. */
void say_shares(struct bench *b)
{
    static const char *const by[SHARE_N] = {"messages", "envelopes", "bytes", "addresses"}, *const when[WHENS] = {"at_once", "a_day_later"};
    struct truth_hours t;
    read_hours(b, &t);
    if (b->n_hours)
        qsort(b->hour, b->n_hours, sizeof *b->hour, by_when);
    for (unsigned w = 0; w < WHENS; w++) {
        struct share_error e = {0};
        char what[60];
        for (size_t i = 0, j; i < b->n_hours; i = j) {
            const struct truth_hour *h = hour_at(&t, b->hour[i].hour);
            double messages = 0;
            for (j = i; j < b->n_hours && b->hour[j].hour == b->hour[i].hour && b->hour[j].when == b->hour[i].when; j++)
                ;
            for (unsigned f = 0; h && f < b->n_families; f++)
                messages += h->of[f][SHARE_MESSAGES];
            if (b->hour[i].when == w && h && messages >= SHARE_MESSAGES_LEAST)
                one_hour(b, h, &b->hour[i], j - i, &e);
        }
        snprintf(what, sizeof what, "share_%s", when[w]);
        row(b, what, "hours with 2000 messages", e.n);
        for (unsigned k = 0; k < SHARE_N && e.n > 0; k++) {
            char whom[60];
            snprintf(whom, sizeof whom, "%s: points off, mean of the worst family", by[k]);
            row(b, what, whom, e.sum[k] / e.n);
            snprintf(whom, sizeof whom, "%s: points off, worst hour", by[k]);
            row(b, what, whom, e.most[k]);
            snprintf(whom, sizeof whom, "%s: hours under 1 point", by[k]);
            row(b, what, whom, e.within[k] / e.n);
        }
        if (e.n > 0)
            row(b, what, "unknown band", e.unknown / e.n);
        if (e.intervals > 0)
            row(b, what, "intervals that hold what was sent", e.covered / e.intervals);
    }
    free(t.h);
}

/* ---- census ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Mean machines of the hours in which the family sent. */
static double live_truth(const struct truth_hours *t, unsigned f, int64_t to)
{
    double sum = 0, n = 0;
    for (int64_t h = to - DAY_HOURS; h < to; h++) {
        const struct truth_hour *x = hour_at(t, h);
        if (!x || x->sent[f] <= 0)
            continue;
        sum += x->machines[f];
        n++;
    }
    return n > 0 ? sum / n : 0;
}

static void say_live(struct bench *b, const struct truth_hours *t, unsigned f)
{
    double *off = calloc(b->n_days + 1, sizeof *off), within = 0, covered = 0, doubted = 0, width = 0;
    size_t n = 0;
    for (size_t i = 0; i < b->n_days; i++) {
        const struct day_said *d = &b->day[i];
        double truth = owner_of(b, d->botnet) == f ? live_truth(t, f, d->hour) : 0;
        if (truth <= 0)
            continue;
        off[n++] = d->live / truth - 1;
        within += fabs(d->live / truth - 1) <= 0.1;
        covered += d->lo <= truth && truth <= d->hi;
        width += d->hi / truth - d->lo / truth;
        doubted += d->is_doubted;
    }
    if (n) {
        qsort(off, n, sizeof *off, by_value);
        row(b, "census_days", b->family[f].text, (double)n);
        row(b, "census_live_over_truth", b->family[f].text, 1 + off[n / 2]);
        row(b, "census_live_within_10%", b->family[f].text, within / (double)n);
        row(b, "census_live_interval_holds", b->family[f].text, covered / (double)n);
        row(b, "census_live_interval_width", b->family[f].text, width / (double)n);
        row(b, "census_live_doubted", b->family[f].text, doubted / (double)n);
    }
    free(off);
}

struct ever { struct bench *b; const struct truth_hours *t; };
static int say_ever(void *ctx, const struct botnet *x)
{
    const struct ever *v = ctx;
    struct bench *b = v->b;
    struct census_answer a;
    unsigned f = owner_of(b, x->number);
    if (f == FAMILIES || !v->t->n || x->messages < 1000)
        return 0;
    double truth = v->t->h[v->t->n - 1].ever[f];
    census_ask(botnets_census(observatory_botnets(b->o), x->number), b->first_hour * HOUR_MS, b->hour_now * HOUR_MS, &a);
    row(b, "census_ever_over_truth", b->family[f].text, truth > 0 ? a.ever.mid / truth : 0);
    row(b, "census_ever_interval_holds", b->family[f].text, a.ever.lo <= truth && truth <= a.ever.hi);
    row(b, "census_addresses_over_machines", b->family[f].text, truth > 0 ? a.addresses.mid / truth : 0);
    return 0;
}

void say_census(struct bench *b)
{
    struct truth_hours t;
    read_hours(b, &t);
    for (unsigned f = 0; f < b->n_families; f++)
        if (b->family_kind[f] == SPAM)
            say_live(b, &t, f);
    struct ever v = {b, &t};
    botnets_each(observatory_botnets(b->o), say_ever, &v);
    free(t.h);
}

/* ---- changes ---- */

static const char *clock_text(int64_t ms, char out[32])
{
    time_t t = (time_t)(ms / 1000);
    snprintf(out, 32, "-");
    if (ms)
        strftime(out, 32, "%Y-%m-%dT%H:%M", gmtime(&t));
    return out;
}

static bool is_fall(const struct change *c) { return c->kind == CHANGE_COLLAPSE || c->kind == CHANGE_PAUSE; }

static double mean_sent(const struct truth_hours *t, unsigned f, int64_t from, int64_t to)
{
    double sum = 0, n = 0;
    for (int64_t h = from; h < to; h++) {
        const struct truth_hour *x = hour_at(t, h);
        for (unsigned k = 0; x && k < FAMILIES; k++)
            sum += f == FAMILIES || k == f ? x->sent[k] : 0;
        n += x != NULL;
    }
    return n > 0 ? sum / n : -1;
}

/* Each change that was called. Of a fall: did what was really sent fall, from where it began to when it was told, to half of what it had been in
 * those hours of the week before (where the world has one)? */
static void say_called(struct bench *b, const char *whose, unsigned f, struct change_series *s, const struct truth_hours *t)
{
    static const char *const kind[] = {"collapse", "surge", "pause", "return"}, *const cause[] = {"unknown", "takedown", "trap", "own pattern"};
    struct change c[CHANGES_MAX];
    size_t n = s ? change_list(s, c, CHANGES_MAX) : 0;
    double falls = 0, wrong = 0;
    for (size_t i = 0; i < n; i++) {
        char what[200], at[32], told[32], ended[32];
        snprintf(what, sizeof what, "%s %s at %s told %s ended %s cause %s", whose, kind[c[i].kind], clock_text(c[i].at_ms, at),
                 clock_text(c[i].told_ms, told), clock_text(c[i].ended_ms, ended), cause[c[i].cause]);
        row(b, "change", what, c[i].before.mid > 0 ? c[i].after.mid / c[i].before.mid : 0);
        if (!is_fall(&c[i]))
            continue;
        int64_t from = c[i].at_ms / HOUR_MS + 1, to = c[i].told_ms / HOUR_MS + 1;
        double after = mean_sent(t, f, from, to > from ? to : from + 1), before = mean_sent(t, f, from - 168, to > from ? to - 168 : from - 167);
        before = before < 0 ? mean_sent(t, f, from - 25, from - 1) : before;
        falls++;
        wrong += after > before / 2;
    }
    row(b, "falls_called", whose, falls);
    row(b, "falls_called_that_were_none", whose, wrong);
}

/* What the world says that happened, beside the change that was called nearest to it, within three days. */
static void say_events(struct bench *b, unsigned f, const char *name, struct change_series *s)
{
    static const char *const falls[] = {"pause", "takedown", "stop"};
    struct change c[CHANGES_MAX];
    size_t n = s ? change_list(s, c, CHANGES_MAX) : 0;
    FILE *events = open_truth(b, "events.tsv");
    char family[NAME], what[24], line[260], at[32], told[32];
    int64_t ms;
    if (fscanf(events, "%*[^\n]") < 0)
        die("is empty", "events.tsv");
    while (fscanf(events, "%" SCNd64 " %39s %23s %*[^\n]", &ms, family, what) == 3) {
        bool fell = false, came_back = !strcmp(what, "return");
        const struct change *best = NULL;
        for (size_t i = 0; i < 3; i++)
            fell |= !strcmp(what, falls[i]);
        if (strcmp(family, b->family[f].text) != 0 || !(fell || came_back))
            continue;
        for (size_t i = 0; i < n; i++)
            if ((fell ? is_fall(&c[i]) : c[i].kind == CHANGE_RETURN) && llabs(c[i].at_ms - ms) < 3LL * DAY_HOURS * HOUR_MS &&
                (!best || llabs(c[i].at_ms - ms) < llabs(best->at_ms - ms)))
                best = &c[i];
        snprintf(line, sizeof line, "%s of %s at %s: %s%s", what, family, clock_text(ms, at), best ? name : "not called",
                 best ? ", minutes late, told " : "");
        size_t used = strlen(line);
        if (best)
            snprintf(line + used, sizeof line - used, "%s", clock_text(best->told_ms, told));
        row(b, "event", line, best ? (double)(best->at_ms - ms) / 60000 : 0);
    }
    fclose(events);
}

struct changing { struct bench *b; const struct truth_hours *t; };
static int each_botnet(void *ctx, const struct botnet *x)
{
    const struct changing *v = ctx;
    unsigned f = owner_of(v->b, x->number);
    if (x->messages < 1000 || f == FAMILIES)
        return 0;
    struct change_series *s = botnets_change(observatory_botnets(v->b->o), x->number);
    say_called(v->b, x->name, f, s, v->t);
    say_events(v->b, f, x->name, s);
    return 0;
}

void say_changes(struct bench *b)
{
    struct truth_hours t;
    read_hours(b, &t);
    say_called(b, "all spam", FAMILIES, botnets_change(observatory_botnets(b->o), 0), &t);
    struct changing v = {b, &t};
    botnets_each(observatory_botnets(b->o), each_botnet, &v);
    free(t.h);
}
