/* scn_read: a scenario from its file: blocks, what stands alone, and the files of filler text. */
#include <stdio.h>
#include <stdlib.h>

#include "scn_priv.h"

#define FINDER(kind) \
    uint32_t find_##kind(const struct scenario *s, const char *name) \
    { \
        for (size_t i = 0; i < s->kind.n; i++) \
            if (strcmp(s->kind.v[i].name, name) == 0) \
                return (uint32_t)i; \
        return UINT32_MAX; \
    }
FINDER(texts)
FINDER(curve)
FINDER(network)
FINDER(mailer)
FINDER(form)
FINDER(family)
FINDER(campus)
FINDER(service)
FINDER(gang)

uint32_t find_country(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->country.n; i++)
        if (strcmp(s->country.v[i].code, name) == 0)
            return (uint32_t)i;
    return UINT32_MAX;
}

unsigned line_one_of(struct line *l, const char *what, const char *const *names)
{
    char *w = line_want(l, what);
    for (unsigned i = 0; names[i]; i++)
        if (strcmp(names[i], w) == 0) {
            free(w);
            return i;
        }
    struct buf b = {0};
    for (unsigned i = 0; names[i]; i++) {
        buf_text(&b, i ? ", " : "");
        buf_text(&b, names[i]);
    }
    buf_byte(&b, 0);
    die_at(l->at, "%s is one of %s, not \"%s\"", what, b.p, w);
}

/* ---- filler texts ---- */

static char *slurp(const char *path, struct place at, size_t *n_out)
{
    FILE *f = fopen(path, "rb");
    struct buf b = {0};
    if (!f)
        die_at(at, "%s: cannot be read", path);
    for (size_t got = 1; got > 0;) {
        buf_room(&b, 65536);
        got = fread(b.p + b.n, 1, b.cap - b.n, f);
        b.n += got;
        if (b.n > 64 << 20)
            die_at(at, "%s: larger than 64 MB", path);
    }
    if (ferror(f))
        die_at(at, "%s: cannot be read", path);
    fclose(f);
    *n_out = b.n;
    return b.p;
}

void texts_read(struct texts *t, const char *path, struct place at)
{
    size_t n;
    char *all = slurp(path, at, &n);
    raws *into = NULL;
    struct place here = {mem_text(path, strlen(path)), 0};
    for (const char *p = all, *end = all + n, *eol; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        eol = eol ? eol : end;
        here.line++;
        struct line l = {here, p, eol, false};
        if (p < eol && *p == '@') {
            char *w = line_want(&l, "a list");
            if (strcmp(w, "@dict") == 0) {
                struct dict *d = PUSH(t->dict);
                d->name = line_want(&l, "the dictionary's name");
                into = &d->word;
            } else if (strcmp(w, "@sentences") == 0) {
                into = &t->sentence;
            } else if (strcmp(w, "@subjects") == 0) {
                into = &t->subject;
            } else {
                die_at(here, "a list is @dict NAME, @sentences or @subjects, not \"%s\"", w);
            }
            line_end(&l);
            continue;
        }
        if (!line_more(&l))
            continue;
        if (!into)
            die_at(here, "stands before any @dict, @sentences or @subjects");
        struct raw r = line_rest(&l);
        *PUSH(*into) = r;
    }
    free(all);
    for (size_t i = 0; i < t->dict.n; i++)
        if (t->dict.v[i].word.n == 0)
            die_at(at, "%s: dictionary \"%s\" is empty", path, t->dict.v[i].name);
}

/* ---- what stands alone ---- */

struct reading { struct scenario *s; const struct keyword *block_words; void *block; const char *block_kind; int depth; };

static char *beside(const char *scenario, const char *name)
{
    const char *slash = strrchr(scenario, '/');
    struct buf b = {0};
    if (slash && name[0] != '/')
        buf_add(&b, scenario, (size_t)(slash - scenario) + 1);
    buf_text(&b, name);
    char *path = mem_text(b.p, b.n);
    buf_free(&b);
    return path;
}

static void check_new(struct line *l, uint32_t found, const char *kind, const char *name)
{
    if (found != UINT32_MAX)
        die_at(l->at, "there is a %s named \"%s\" already", kind, name);
}

static void read_curve(struct line *l, struct scenario *s)
{
    char *name = line_want(l, "the curve's name");
    check_new(l, find_curve(s, name), "curve", name);
    struct curve *c = PUSH(s->curve);
    c->name = name;
    double sum = 0;
    while (line_more(l)) {
        double v = line_number(l, "a curve's value");
        *PUSH(c->at) = v;
        sum += v;
        c->most = v > c->most ? v : c->most;
    }
    if (c->at.n != 24 && c->at.n != 7)
        die_at(l->at, "a curve has 24 values (hours of a day) or 7 (Monday to Sunday), not %zu", c->at.n);
    if (!(sum > 0))
        die_at(l->at, "a curve of nothing but zeros");
    c->mean = sum / (double)c->at.n;
}

static void read_country(struct line *l, struct scenario *s)
{
    char *code = line_want(l, "the country's two letters");
    if (strlen(code) != 2)
        die_at(l->at, "a country has two letters, not \"%s\"", code);
    check_new(l, find_country(s, code), "country", code);
    struct country *c = PUSH(s->country);
    memcpy(c->code, code, 2);
    char *zone = line_want(l, "its zone in hours"), *end;
    double hours = strtod(zone, &end);
    if (*end || end == zone || hours < -12 || hours > 14)
        die_at(l->at, "a zone is -12 to 14 hours, not \"%s\"", zone);
    c->zone_min = (int)(hours * 60);
}

static void read_file(struct reading *r, const char *path, struct place from);

/* False: no such keyword. */
static bool read_alone(struct reading *r, struct line *l, const char *w)
{
    struct scenario *s = r->s;
    if (strcmp(w, "name") == 0) {
        s->name = line_rest(l).text;
    } else if (strcmp(w, "from") == 0) {
        s->from_ms = line_time(l);
    } else if (strcmp(w, "to") == 0) {
        s->to_ms = line_time(l);
    } else if (strcmp(w, "seed") == 0) {
        s->seed = line_count(l, "the seed", 0, UINT32_MAX);
    } else if (strcmp(w, "sample") == 0) {
        s->sample = 1 / line_number(l, "how many are sent for each that the traps see");
        if (!(s->sample > 0 && s->sample <= 1))
            die_at(l->at, "sample is how many are sent for each that the traps see: 1 or more");
    } else if (strcmp(w, "messages") == 0) {
        s->messages = line_number(l, "messages");
    } else if (strcmp(w, "curve") == 0) {
        read_curve(l, s);
    } else if (strcmp(w, "country") == 0) {
        read_country(l, s);
    } else if (strcmp(w, "include") == 0) {
        char *file = line_want(l, "a file");
        line_end(l);
        read_file(r, beside(l->at.file, file), l->at);
        r->block = NULL;
    } else if (strcmp(w, "texts") == 0) {
        char *name = line_want(l, "the name of the texts");
        check_new(l, find_texts(s, name), "texts", name);
        struct texts *t = PUSH(s->texts);
        t->name = name;
        while (line_more(l)) {
            char *file = line_want(l, "a file");
            texts_read(t, beside(l->at.file, file), l->at);
        }
        if (t->sentence.n == 0 && t->dict.n == 0)
            die_at(l->at, "texts NAME FILE...: the file is missing");
    } else {
        return false;
    }
    return true;
}

#define BLOCK(kind, words) \
    if (strcmp(w, #kind) == 0) { \
        char *name = line_want(l, "the " #kind "'s name"); \
        check_new(l, find_##kind##_or_none(s, name), #kind, name); \
        *r = (struct reading){s, words, NULL, #kind, r->depth}; \
        r->block = PUSH(s->kind); \
        s->kind.v[s->kind.n - 1].name = name; \
        s->kind.v[s->kind.n - 1].at = l->at; \
        return true; \
    }
#define find_network_or_none find_network
#define find_mailer_or_none find_mailer
#define find_form_or_none find_form
#define find_family_or_none find_family
#define find_campus_or_none find_campus
#define find_service_or_none find_service
#define find_gang_or_none find_gang
static uint32_t find_trap_or_none(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->trap.n; i++)
        if (strcmp(s->trap.v[i].name, name) == 0)
            return (uint32_t)i;
    return UINT32_MAX;
}

static bool open_block(struct reading *r, struct line *l, const char *w)
{
    struct scenario *s = r->s;
    BLOCK(network, network_keywords)
    BLOCK(trap, trap_keywords)
    BLOCK(mailer, mailer_keywords)
    BLOCK(form, form_keywords)
    BLOCK(family, family_keywords)
    BLOCK(campus, campus_keywords)
    BLOCK(service, service_keywords)
    BLOCK(gang, gang_keywords)
    return false;
}

static void read_in_block(struct reading *r, struct line *l, const char *w)
{
    if (!r->block)
        die_at(l->at, "\"%s\" is indented but belongs to no block", w);
    for (const struct keyword *k = r->block_words; k->name; k++)
        if (strcmp(k->name, w) == 0) {
            k->read(l, r->s, r->block);
            line_end(l);
            return;
        }
    struct buf b = {0};
    for (const struct keyword *k = r->block_words; k->name; k++) {
        buf_text(&b, b.n ? ", " : "");
        buf_text(&b, k->name);
    }
    buf_byte(&b, 0);
    die_at(l->at, "a %s has no \"%s\"; it has: %s", r->block_kind, w, b.p);
}

static void block_defaults(struct reading *r, size_t families)
{
    if (r->s->family.n > families)
        family_defaults(&r->s->family.v[families]);
    if (strcmp(r->block_kind, "trap") == 0)
        ((struct trap *)r->block)->weight = 1;
    if (strcmp(r->block_kind, "mailer") == 0) {
        ((struct mailer *)r->block)->wrap = 76;
        ((struct mailer *)r->block)->subject_encoding = 'b';
    }
}

static void read_line(struct reading *r, struct line *l)
{
    char *w = line_word(l);
    if (!w)
        return;
    size_t families = r->s->family.n;
    if (l->is_indented) {
        read_in_block(r, l, w);
    } else if (open_block(r, l, w)) {
        block_defaults(r, families);
        line_end(l);
    } else {
        r->block = NULL;
        if (!read_alone(r, l, w))
            die_at(l->at, "\"%s\" is not known here; known: name, from, to, seed, sample, messages, include, country, curve, texts, "
                   "network, trap, mailer, form, family, campus, service, gang", w);
        line_end(l);
    }
    free(w);
}

static void check_all(const struct scenario *s)
{
    struct place at = {s->file, 0};
    size_t open = 0;
    if (s->to_ms <= s->from_ms)
        die("%s: needs `from` and a later `to`", s->file);
    flows_check(s);
    if (s->family.n == 0 && s->campus.n > 0)
        return; /* flows alone */
    if ((s->sample > 0) == (s->messages > 0))
        die("%s: needs either `sample` or `messages`", s->file);
    for (size_t i = 0; i < s->trap.n; i++) {
        const struct trap *t = &s->trap.v[i];
        at = t->at;
        open += !t->is_private;
        if (t->domain.n == 0 || t->user.n == 0 || t->header.n == 0)
            die_at(at, "trap %s needs domain, user and header", t->name);
    }
    if (open == 0)
        die("%s: needs a trap", s->file);
    for (size_t i = 0; i < s->family.n; i++)
        family_check(s, &s->family.v[i]);
    if (s->family.n == 0)
        die("%s: needs a family", s->file);
}

static void read_file(struct reading *r, const char *path, struct place from)
{
    size_t n;
    if (++r->depth > 8)
        die_at(from, "files include each other more than 8 deep");
    char *all = slurp(path, from, &n);
    struct place at = {path, 0};
    for (const char *p = all, *end = all + n, *eol; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t)(end - p));
        eol = eol ? eol : end;
        at.line++;
        struct line l = {at, p, eol, *p == ' ' || *p == '\t'};
        read_line(r, &l);
    }
    r->depth--;
    free(all);
}

void scenario_read(const char *path, struct scenario *out)
{
    *out = (struct scenario){.file = path, .name = mem_text("", 0)};
    struct reading r = {.s = out};
    read_file(&r, path, (struct place){0});
    check_all(out);
}

/* ---- lists ---- */

double steps_at(const steps *s, int64_t ms)
{
    double v = 0;
    for (size_t i = 0; i < s->n && s->v[i].from_ms <= ms; i++)
        v = s->v[i].value;
    return v;
}

double weights_sum(const weights *w)
{
    double sum = 0;
    for (size_t i = 0; i < w->n; i++)
        sum += w->v[i].weight;
    return sum;
}

double weights_mean(const weights *w)
{
    double sum = 0;
    for (size_t i = 0; i < w->n; i++)
        sum += w->v[i].weight * w->v[i].id;
    return w->n ? sum / weights_sum(w) : 1;
}

bool stretches_have(const stretches *s, int64_t ms)
{
    for (size_t i = 0; i < s->n; i++)
        if (ms >= s->v[i].from_ms && ms < s->v[i].to_ms)
            return true;
    return false;
}
