#include "truth.h"

#include <stdio.h>
#include <stdlib.h>

static void text(struct output *o, const char *s) { buf_text(&o->b, s); }
static void number(struct output *o, uint64_t v, char end)
{
    buf_u64(&o->b, v);
    buf_byte(&o->b, end);
}
static void word(struct output *o, const char *s)
{
    buf_text(&o->b, s);
    buf_byte(&o->b, '\t');
}

void truth_open(struct truth *t, const char *folder, const struct scenario *s, const struct world *w, bool has_messages)
{
    *t = (struct truth){.s = s, .w = w, .has_messages = has_messages, .folder = mem_text(folder, strlen(folder))};
    folder_make(folder);
    if (has_messages) {
        output_open(&t->messages, folder, "messages.tsv");
        text(&t->messages, "n\ttime_ms\tkind\tfamily\tcampaign\tversion\tmachine\tsource\n");
    }
    output_open(&t->hours, folder, "hours.tsv");
    text(&t->hours, "hour\tfamily\tsent\tmessages\tenvelopes\tbytes\taddresses\tlive_machines\tever_machines\tmean_machines\n");
    output_open(&t->campaigns, folder, "campaigns.tsv");
    text(&t->campaigns, "campaign\tfamily\tversion\tfirst_ms\tlast_ms\tmessages\n");
    output_open(&t->templates, folder, "templates.tsv");
    text(&t->templates, "template\tmailer\tcampaign\tfamily\tversion\tvariant\tmailer_name\n");
    t->tally = mem_new(s->family.n * sizeof *t->tally);
    for (size_t i = 0; i < s->family.n; i++) {
        t->tally[i].hour_places = mem_new((w->places / 64 + 1) * 8);
        t->tally[i].all_places = mem_new((w->places / 64 + 1) * 8);
    }
}

static void campaign_name(struct truth *t, const struct campaign *c, struct buf *out)
{
    buf_text(out, t->s->family.v[c->family].name);
    buf_byte(out, '-');
    buf_u64(out, c->k);
}

static void count_machine(struct tally *y, uint32_t machine)
{
    size_t word = machine / 64;
    if (word >= y->n_machines) {
        size_t n = word + word / 2 + 1024;
        y->machines = mem_grow(y->machines, n * 8);
        memset(y->machines + y->n_machines, 0, (n - y->n_machines) * 8);
        y->n_machines = n;
    }
    uint64_t bit = (uint64_t)1 << machine % 64;
    y->machines_seen += !(y->machines[word] & bit);
    y->machines[word] |= bit;
}

void truth_prefetch(const struct truth *t, const struct event *e)
{
    const struct tally *y = &t->tally[e->family];
    uint32_t place = world_place(t->w, e->machine);
    __builtin_prefetch(&y->hour_places[place / 64], 1);
    __builtin_prefetch(&y->all_places[place / 64], 1);
    if (e->machine / 64 < y->n_machines)
        __builtin_prefetch(&y->machines[e->machine / 64], 1);
}

void truth_message(struct truth *t, const struct event *e, uint64_t bytes)
{
    struct tally *y = &t->tally[e->family];
    struct campaign *c = e->campaign;
    uint32_t place = world_place(t->w, e->machine);
    uint64_t bit = (uint64_t)1 << place % 64;
    y->hour.messages++;
    y->hour.envelopes += e->recipients;
    y->hour.bytes += bytes;
    if (y->hour_places[place / 64] == 0)
        *PUSH(y->touched) = place / 64;
    y->hour.addresses += !(y->hour_places[place / 64] & bit);
    y->hour_places[place / 64] |= bit;
    y->all.addresses += !(y->all_places[place / 64] & bit);
    y->all_places[place / 64] |= bit;
    count_machine(y, e->machine);
    c->first_seen_ms = c->messages == 0 || e->time_ms < c->first_seen_ms ? e->time_ms : c->first_seen_ms;
    c->last_seen_ms = c->messages == 0 || e->time_ms > c->last_seen_ms ? e->time_ms : c->last_seen_ms;
    c->messages++;
    t->n++;
    if (!t->has_messages)
        return;
    struct address a = world_address(t->w, e->machine);
    struct output *o = &t->messages;
    number(o, t->n, '\t');
    number(o, (uint64_t)e->time_ms, '\t');
    word(o, t->s->family.v[e->family].kind == FAMILY_BULK ? "bulk" : "spam");
    word(o, t->s->family.v[e->family].name);
    campaign_name(t, c, &o->b);
    buf_byte(&o->b, '\t');
    number(o, c->version, '\t');
    buf_byte(&o->b, 'm');
    number(o, e->machine, '\t');
    address_text(&a, &o->b);
    buf_byte(&o->b, '\n');
    output_room(o);
}

void truth_hour(struct truth *t, int64_t hour)
{
    struct output *o = &t->hours;
    for (size_t i = 0; i < t->s->family.n; i++) {
        struct tally *y = &t->tally[i];
        const struct crowd *c = &t->w->crowd[i];
        if (t->s->family.v[i].kind == FAMILY_HAM)
            continue;
        number(o, (uint64_t)hour, '\t');
        word(o, t->s->family.v[i].name);
        number(o, (uint64_t)(y->hour.sent + 0.5), '\t');
        number(o, y->hour.messages, '\t');
        number(o, y->hour.envelopes, '\t');
        number(o, y->hour.bytes, '\t');
        number(o, y->hour.addresses, '\t');
        number(o, c->live_hour, '\t');
        number(o, c->ever, '\t');
        number(o, (c->on_minutes + 30) / 60, '\n');
        y->all.sent += y->hour.sent;
        y->all.messages += y->hour.messages;
        y->all.envelopes += y->hour.envelopes;
        y->all.bytes += y->hour.bytes;
        for (size_t k = 0; k < y->touched.n; k++)
            y->hour_places[y->touched.v[k]] = 0;
        y->touched.n = 0;
        y->hour = (struct count){0};
    }
    output_room(o);
}

/* ---- what happened ---- */

void truth_event(struct truth *t, int64_t ms, const char *family, const char *what, const char *detail)
{
    struct buf b = {0};
    buf_i64(&b, ms);
    const char *const words[] = {"\t", family, "\t", what, "\t", detail, "\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        buf_text(&b, words[i]);
    uint32_t order = (uint32_t)t->told.n;
    *PUSH(t->told) = (struct told){ms, order, mem_text(b.p, b.n)};
    buf_free(&b);
}

static void plan_stretches(struct truth *t, const char *name, const stretches *s, const char *begin, const char *end)
{
    for (size_t i = 0; i < s->n; i++) {
        truth_event(t, s->v[i].from_ms, name, begin, "-");
        truth_event(t, s->v[i].to_ms, name, end, "-");
    }
}

static void plan_family(struct truth *t, const struct family *f)
{
    char factor[64];
    plan_stretches(t, f->name, &f->pause, "pause", "return");
    plan_stretches(t, f->name, &f->flood, "flood_begins", "flood_ends");
    if (f->takedown_ms != INT64_MAX)
        truth_event(t, f->takedown_ms, f->name, "takedown", "-");
    if (f->start_ms != INT64_MIN)
        truth_event(t, f->start_ms, f->name, "start", "-");
    if (f->stop_ms != INT64_MAX)
        truth_event(t, f->stop_ms, f->name, "stop", "-");
    for (size_t i = 0; i < f->grow.n; i++) {
        const struct family *gap = &t->s->family.v[f->fills.v[i]];
        snprintf(factor, sizeof factor, "%u%%", (unsigned)(f->grow.v[i].value * 100 + 0.5));
        truth_event(t, f->grow.v[i].from_ms, f->name, gap == f ? "grow" : "fills", gap == f ? factor : gap->name);
    }
    for (size_t i = 0; i < f->tls.n; i++) {
        bool was = i > 0 && f->tls.v[i - 1].value > 0, is = f->tls.v[i].value > 0;
        if (was != is)
            truth_event(t, f->tls.v[i].from_ms, f->name, is ? "tls_on" : "tls_off", "-");
    }
}

void truth_plan(struct truth *t, int64_t from_ms, int64_t to_ms)
{
    for (size_t i = 0; i < t->s->family.n; i++)
        plan_family(t, &t->s->family.v[i]);
    for (size_t i = 0; i < t->s->trap.n; i++)
        plan_stretches(t, t->s->trap.v[i].name, &t->s->trap.v[i].silent, "trap_silent", "trap_back");
    size_t kept = 0;
    t->from_ms = from_ms;
    for (size_t i = 0; i < t->told.n; i++)
        if (t->told.v[i].ms < to_ms && t->told.v[i].ms >= from_ms)
            t->told.v[kept++] = t->told.v[i];
    t->told.n = kept;
}

void truth_campaign_ended(void *truth, const struct campaign *c)
{
    struct truth *t = truth;
    if (c->messages == 0)
        return;
    struct output *o = &t->campaigns;
    const char *family = t->s->family.v[c->family].name;
    campaign_name(t, c, &o->b);
    buf_byte(&o->b, '\t');
    word(o, family);
    number(o, c->version, '\t');
    number(o, (uint64_t)c->first_seen_ms, '\t');
    number(o, (uint64_t)c->last_seen_ms, '\t');
    number(o, c->messages, '\n');
    o = &t->templates;
    for (unsigned i = 0; i < c->n_variants; i++) {
        buf_hex(&o->b, c->variant[i].key, 16, false);
        buf_byte(&o->b, '\t');
        buf_hex(&o->b, mix(c->mailer, 41), 16, false);
        buf_byte(&o->b, '\t');
        campaign_name(t, c, &o->b);
        buf_byte(&o->b, '\t');
        word(o, family);
        number(o, c->version, '\t');
        number(o, i, '\t');
        text(o, t->s->mailer.v[c->mailer].name);
        text(o, "\n");
    }
    output_room(&t->campaigns);
    output_room(o);
}

void truth_campaign_updated(void *truth, const struct campaign *c, int64_t ms)
{
    struct truth *t = truth;
    struct buf b = {0};
    if (ms < t->from_ms)
        return;
    campaign_name(t, c, &b);
    buf_text(&b, " version ");
    buf_u64(&b, c->version);
    buf_byte(&b, 0);
    truth_event(t, ms, t->s->family.v[c->family].name, "update", b.p);
    buf_free(&b);
}

/* ---- at the end ---- */

static int told_order(const void *a, const void *b)
{
    const struct told *x = a, *y = b;
    return x->ms != y->ms ? (x->ms < y->ms ? -1 : 1) : x->order < y->order ? -1 : x->order > y->order;
}

static void totals_write(struct truth *t)
{
    struct output o;
    output_open(&o, t->folder, "totals.tsv");
    text(&o, "family\tkind\tsent\tmessages\tenvelopes\tbytes\taddresses\tmachines_seen\tmachines_ever\tmachines_now\n");
    for (size_t i = 0; i < t->s->family.n; i++) {
        const struct tally *y = &t->tally[i];
        static const char *const kinds[] = {"spam", "bulk", "ham"};
        if (t->s->family.v[i].kind == FAMILY_HAM)
            continue;
        word(&o, t->s->family.v[i].name);
        word(&o, kinds[t->s->family.v[i].kind]);
        number(&o, (uint64_t)(y->all.sent + 0.5), '\t');
        number(&o, y->all.messages, '\t');
        number(&o, y->all.envelopes, '\t');
        number(&o, y->all.bytes, '\t');
        number(&o, y->all.addresses, '\t');
        number(&o, y->machines_seen, '\t');
        number(&o, t->w->crowd[i].ever, '\t');
        number(&o, t->w->crowd[i].all.n, '\n');
    }
    output_close(&o);
}

void truth_close(struct truth *t)
{
    struct output o;
    qsort(t->told.v, t->told.n, sizeof *t->told.v, told_order);
    output_open(&o, t->folder, "events.tsv");
    text(&o, "time_ms\tfamily\twhat\tdetail\n");
    for (size_t i = 0; i < t->told.n; i++) {
        text(&o, t->told.v[i].line);
        output_room(&o);
    }
    output_close(&o);
    totals_write(t);
    output_close(&t->messages);
    output_close(&t->hours);
    output_close(&t->campaigns);
    output_close(&t->templates);
}

static void range_write(const struct world *w, const struct system *y, struct buf *out)
{
    struct address a = {{0}}, b = {{0}};
    bool is_v6 = w->s->network.v[y->network].is_v6;
    uint32_t last = y->base + (y->pool - 1);
    if (is_v6)
        memcpy(a.b, "\x20\x01\x0d\xb8", 4), memcpy(b.b, "\x20\x01\x0d\xb8", 4), memset(b.b + 8, 0xff, 8);
    for (int i = 0; i < 4; i++) {
        a.b[(is_v6 ? 4 : 12) + i] = (uint8_t)(y->base >> (24 - 8 * i));
        b.b[(is_v6 ? 4 : 12) + i] = (uint8_t)(last >> (24 - 8 * i));
    }
    address_text(&a, out);
    buf_byte(out, ',');
    address_text(&b, out);
}

void truth_systems(const struct world *w, const char *folder)
{
    struct output o;
    output_open(&o, folder, "as.csv");
    for (size_t i = 0; i < w->system.n; i++) {
        const struct system *y = &w->system.v[i];
        range_write(w, y, &o.b);
        buf_byte(&o.b, ',');
        buf_u64(&o.b, y->asn);
        buf_byte(&o.b, ',');
        text(&o, y->name);
        buf_byte(&o.b, ',');
        text(&o, w->s->country.v[y->country].code);
        text(&o, w->s->network.v[y->network].is_dynamic ? ",1\n" : ",0\n");
    }
    output_close(&o);
}

void truth_as_it_was(struct truth *t, const struct drawn *d)
{
    struct output o;
    char line[256];
    output_open(&o, t->folder, "as_it_was.tsv");
    snprintf(line, sizeof line, "what\tname\tvalue\nscenario\tname\t%.180s\n", t->s->name);
    text(&o, line);
    snprintf(line, sizeof line, "option\tseed\t%llu\noption\tscale\t%.17g\nworld\tsample\t%.17g\n", (unsigned long long)d->seed, d->scale,
             d->sample);
    text(&o, line);
    for (size_t i = 0; i < t->w->system.n; i++) {
        const struct system *y = &t->w->system.v[i];
        snprintf(line, sizeof line, "lease_ms\tAS%u\t%lld\naddresses\tAS%u\t%u\n", y->asn, (long long)y->lease_ms, y->asn, y->pool);
        text(&o, line);
    }
    for (size_t i = 0; i < t->s->family.n; i++) {
        const struct family *f = &t->s->family.v[i];
        snprintf(line, sizeof line, "machines\t%.100s\t%zu\n", f->name, t->w->crowd[i].all.n);
        text(&o, line);
    }
    output_close(&o);
}
