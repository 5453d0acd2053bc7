#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "activity.h"
#include "truth.h"

struct run {
    const struct scenario *s;
    const struct options *o;
    uint64_t seed;
    struct world world;
    struct campaigns campaigns;
    struct truth truth;
    struct mail_writer *mail;
    struct output box, private_box, records;
    char *maildir;
    double sample;
    double *rate, *flood;              /* of this minute: one machine's; one address's */
    bool *is_sending;
    double *seen;                      /* events a minute at the traps */
    double *rcpt_sum, *clump_sum, *clump_mean, *tls;
    bool *tells_machine;               /* by mailer */
    struct campaign **letter;          /* of ham */
    LIST(struct event) event;
    struct rng rng, text_rng;
    struct buf message, box_line;
    uint64_t n_written;
    time_t told;
};

/* ---- how much there is ---- */

static double sent_in_all(const struct scenario *s, uint64_t seed)
{
    double sum = 0;
    for (int64_t ms = s->from_ms; ms < s->to_ms; ms += MINUTE)
        for (size_t i = 0; i < s->family.n; i++) {
            const struct family *f = &s->family.v[i];
            if (f->kind == FAMILY_HAM)
                continue;
            double n = f->machines.v[0].value;
            for (size_t k = 1; k < f->machines.n && f->machines.v[k].from_ms <= ms; k++)
                n = f->machines.v[k].value;
            sum += n * f->duty * activity_rate(f, mix(seed, i), ms);
        }
    return sum;
}

/* ---- the events of a minute ---- */

static uint32_t draw_id(struct rng *r, const weights *w, double sum)
{
    double x = rng_unit(r) * sum;
    for (size_t i = 0; i + 1 < w->n; i++)
        if ((x -= w->v[i].weight) < 0)
            return w->v[i].id;
    return w->v[w->n - 1].id;
}

static uint32_t machine_pick(struct run *x, uint32_t family)
{
    const struct crowd *c = &x->world.crowd[family];
    double least = 1 / c->f->uneven;
    for (;;) {
        uint32_t m = c->on.v[rng_below(&x->rng, c->on.n)];
        if (c->f->uneven <= 1)
            return m;
        double own = least + (1 - least) * ((double)(mix(m, 51) >> 11) * 0x1p-53);
        if (rng_chance(&x->rng, own))
            return m;
    }
}

static uint32_t trap_pick(struct run *x, bool is_private)
{
    double sum = 0, at;
    for (size_t i = 0; i < x->s->trap.n; i++)
        sum += x->s->trap.v[i].is_private == is_private ? x->s->trap.v[i].weight : 0;
    at = rng_unit(&x->rng) * sum;
    uint32_t last = 0;
    for (uint32_t i = 0; i < x->s->trap.n; i++) {
        if (x->s->trap.v[i].is_private != is_private)
            continue;
        last = i;
        if ((at -= x->s->trap.v[i].weight) < 0)
            break;
    }
    return last;
}

static void event_add(struct run *x, int64_t ms, uint32_t family, uint32_t machine, struct campaign *campaign)
{
    const struct family *f = &x->s->family.v[family];
    struct event e = {.time_ms = ms, .family = family, .machine = machine, .campaign = campaign, .recipients = 1};
    e.trap = trap_pick(x, f->kind == FAMILY_HAM);
    if (f->recipients.n > 0)
        e.recipients = draw_id(&x->rng, &f->recipients, x->rcpt_sum[family]);
    e.is_tls = x->tls[family] > 0 && rng_chance(&x->rng, x->tls[family]);
    e.variant = campaign && campaign->n_variants > 1 ? rng_below(&x->rng, campaign->n_variants) : 0;
    e.seq = (uint32_t)x->event.n;
    if (!stretches_have(&x->s->trap.v[e.trap].silent, ms))
        *PUSH(x->event) = e;
}

static struct campaign *what_is_sent(struct run *x, uint32_t family)
{
    return x->s->family.v[family].kind == FAMILY_HAM ? x->letter[family] : campaigns_pick(&x->campaigns, family, &x->rng);
}

static void clump_add(struct run *x, int64_t ms, uint32_t family)
{
    const struct family *f = &x->s->family.v[family];
    uint32_t machine = machine_pick(x, family), n = 1;
    struct campaign *campaign = what_is_sent(x, family);
    event_add(x, ms, family, machine, campaign);
    if (f->clump.n > 0)
        n = draw_id(&x->rng, &f->clump, x->clump_sum[family]);
    int64_t left = MINUTE - 1 - ms % MINUTE;
    for (uint32_t i = 1; i < n; i++)
        event_add(x, ms + rng_between(&x->rng, 0, left < 20000 ? left : 20000), family, machine, campaign);
}

static int event_order(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    return x->time_ms != y->time_ms ? (x->time_ms < y->time_ms ? -1 : 1) : x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void floods_draw(struct run *x, int64_t from_ms)
{
    for (uint32_t i = 0; i < x->s->family.n; i++) {
        double rate = x->flood[i];
        if (!(rate > 0))
            continue;
        uint32_t machine = world_flooder(&x->world, i);
        for (double at = rng_exponential(&x->rng) / rate * MINUTE; at < MINUTE; at += rng_exponential(&x->rng) / rate * MINUTE)
            event_add(x, from_ms + (int64_t)at, i, machine, what_is_sent(x, i));
    }
}

/* One Poisson process of all families together, so that it comes in order of time. */
static void events_draw(struct run *x, int64_t minute)
{
    int64_t from_ms = minute * MINUTE;
    double sum = 0, each;
    size_t n = x->s->family.n;
    x->rng = rng_of(x->seed, mix(2, (uint64_t)minute));
    x->text_rng = rng_of(x->seed, mix(3, (uint64_t)minute));
    x->event.n = 0;
    for (size_t i = 0; i < n; i++)
        sum += x->seen[i];
    if (sum > 0) {
        each = MINUTE / sum;
        for (double at = rng_exponential(&x->rng) * each; at < MINUTE; at += rng_exponential(&x->rng) * each) {
            double which = rng_unit(&x->rng) * sum;
            uint32_t family = 0, last = 0;
            for (family = 0; family < n; family++) {
                if (!(x->seen[family] > 0))
                    continue;
                last = family;
                if ((which -= x->seen[family]) < 0)
                    break;
            }
            clump_add(x, from_ms + (int64_t)at, family < n ? family : last);
        }
    }
    floods_draw(x, from_ms);
    for (size_t i = 1; i < x->event.n; i++)
        if (x->event.v[i].time_ms < x->event.v[i - 1].time_ms) {
            qsort(x->event.v, x->event.n, sizeof *x->event.v, event_order);
            break;
        }
}

/* ---- writing them ---- */

static inline void put_le(char *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (char)(v >> 8 * i);
}

static void record_write(struct run *x, const struct event *e, uint32_t bytes)
{
    const struct campaign *c = e->campaign;
    enum family_kind kind = x->s->family.v[e->family].kind;
    struct address a = world_address(&x->world, e->machine);
    char r[56];
    put_le(r, (uint64_t)e->time_ms, 8);
    memcpy(r + 8, a.b, 16);
    put_le(r + 24, c->variant[e->variant].key, 8);
    put_le(r + 32, mix(c->mailer, 41), 8);
    put_le(r + 40, bytes, 4);
    put_le(r + 44, e->recipients, 2);
    put_le(r + 46, kind == FAMILY_BULK ? 2 | 4 : 1, 2);
    put_le(r + 48, x->tells_machine[c->mailer] ? mix(e->machine, 42) | 1 : 0, 8);
    buf_add(&x->records.b, r, sizeof r);
    output_room(&x->records);
}

static void maildir_write(struct run *x, const struct event *e)
{
    char name[96];
    struct output o;
    snprintf(name, sizeof name, "%lld.M%llu.%.40s", (long long)(e->time_ms / 1000), (unsigned long long)x->truth.n,
             x->s->trap.v[e->trap].name);
    output_open(&o, x->maildir, name);
    buf_join(&o.b, &x->message);
    output_close(&o);
}

static void box_write(struct run *x, struct output *o)
{
    buf_join(&o->b, &x->box_line);
    buf_join(&o->b, &x->message);
    buf_byte(&o->b, '\n');
    output_room(o);
}

static void ham_write(struct run *x, const struct event *e)
{
    if (!x->private_box.path)
        return;
    letter_draw(&x->campaigns, e->family, &x->text_rng, x->letter[e->family]);
    mail_write(x->mail, e, &x->text_rng, &x->message, &x->box_line);
    box_write(x, &x->private_box);
}

static void event_write(struct run *x, struct event *e)
{
    const struct trap *t = &x->s->trap.v[e->trap];
    if (x->s->family.v[e->family].kind == FAMILY_HAM) {
        ham_write(x, e);
        return;
    }
    if (t->late > 0 && rng_chance(&x->rng, t->late))
        e->time_ms -= rng_between(&x->rng, t->late_by.lo, t->late_by.hi);
    const struct version *v = &e->campaign->variant[e->variant];
    uint64_t bytes = v->size_mean - v->size_mean / 8 + rng_below(&x->rng, v->size_mean / 4 + 1);
    if (x->o->mail != MAIL_NONE) {
        mail_write(x->mail, e, &x->text_rng, &x->message, &x->box_line);
        bytes = x->message.n;
    }
    if (x->records.path)
        record_write(x, e, (uint32_t)bytes);
    truth_message(&x->truth, e, bytes);
    if (x->box.path)
        box_write(x, &x->box);
    else if (x->maildir)
        maildir_write(x, e);
    x->n_written++;
}

/* Where machines, sites and addresses lie in memory is chance, so they are asked for some events ahead: twice as fast. */
static void look_ahead(struct run *x, size_t i)
{
    const struct world *w = &x->world;
    if (i + 32 < x->event.n)
        __builtin_prefetch(&w->machine.v[x->event.v[i + 32].machine]);
    if (i + 20 < x->event.n)
        __builtin_prefetch(&w->site.v[w->machine.v[x->event.v[i + 20].machine].site]);
    if (i + 8 < x->event.n)
        truth_prefetch(&x->truth, &x->event.v[i + 8]);
}

/* ---- the whole ---- */

static void progress(struct run *x, int64_t minute, int64_t first, int64_t last, bool is_end)
{
    time_t now = time(NULL);
    if (x->o->is_quiet || (now == x->told && !is_end))
        return;
    x->told = now;
    struct civil c = civil_of(minute * 60);
    fprintf(stderr, "\r%3d%%  %04lld-%02u-%02u %02u:%02u  %llu messages ", (int)((minute - first) * 100 / (last - first)), (long long)c.year,
            c.month, c.day, c.hour, c.minute, (unsigned long long)x->n_written);
    if (is_end)
        fputc('\n', stderr);
}

static void minute_begin(struct run *x, int64_t minute)
{
    for (size_t i = 0; i < x->s->family.n; i++) {
        const struct family *f = &x->s->family.v[i];
        x->rate[i] = activity_rate(f, mix(x->seed, i), minute * MINUTE);
        x->flood[i] = activity_flood(f, minute * MINUTE);
        x->is_sending[i] = x->rate[i] > 0;
        x->tls[i] = steps_at(&f->tls, minute * MINUTE);
    }
    world_minute(&x->world, minute, x->is_sending);
    campaigns_until(&x->campaigns, minute * MINUTE);
    for (size_t i = 0; i < x->s->family.n; i++) {
        const struct family *f = &x->s->family.v[i];
        double sent = (double)x->world.crowd[i].on.n * x->world.crowd[i].thin * x->rate[i];
        x->truth.tally[i].hour.sent += sent + x->flood[i];
        x->seen[i] = sent / x->clump_mean[i] * (f->kind == FAMILY_HAM ? 1 : x->sample);
    }
}

static void outputs_open(struct run *x)
{
    const struct options *o = x->o;
    bool is_pipe = strcmp(o->out, "-") == 0;
    char *truth = o->truth ? mem_text(o->truth, strlen(o->truth)) : path_join(o->out, "truth");
    if (!is_pipe)
        folder_make(o->out);
    truth_open(&x->truth, truth, x->s, &x->world, !o->has_records || o->mail != MAIL_NONE);
    truth_systems(&x->world, is_pipe ? truth : o->out);
    if (o->has_records) {
        output_open(&x->records, is_pipe ? NULL : o->out, "records.rec");
        buf_add(&x->records.b, "POSSEREC\1\0\0\0\x38\0\0\0", 16);
    }
    if (o->mail == MAIL_BOX)
        output_open(&x->box, is_pipe ? NULL : o->out, "trap.mbox");
    if (o->mail != MAIL_NONE && !is_pipe)
        output_open(&x->private_box, o->out, "private.mbox");
    if (o->mail == MAIL_DIR) {
        char *dir = path_join(o->out, "trap");
        folder_make(dir);
        folder_make(path_join(dir, "cur"));
        folder_make(path_join(dir, "tmp"));
        x->maildir = path_join(dir, "new");
        folder_make(x->maildir);
    }
}

static void setup(struct run *x, const struct scenario *s, const struct options *o)
{
    size_t n = s->family.n;
    *x = (struct run){.s = s, .o = o, .seed = o->has_seed ? o->seed : s->seed};
    x->sample = (s->messages > 0 ? s->messages / sent_in_all(s, x->seed) : s->sample) * o->sample;
    if (!(x->sample > 0 && x->sample <= 1))
        die("%s: the traps would see more than is sent (%g messages for each): more machines, or fewer messages", s->file, x->sample);
    world_build(&x->world, s, x->seed, o->scale);
    x->rate = mem_new(n * sizeof *x->rate);
    x->flood = mem_new(n * sizeof *x->flood);
    x->seen = mem_new(n * sizeof *x->seen);
    x->is_sending = mem_new(n * sizeof *x->is_sending);
    x->letter = mem_new(n * sizeof *x->letter);
    x->rcpt_sum = mem_new(n * sizeof *x->rcpt_sum);
    x->clump_sum = mem_new(n * sizeof *x->clump_sum);
    x->clump_mean = mem_new(n * sizeof *x->clump_mean);
    x->tls = mem_new(n * sizeof *x->tls);
    for (uint32_t i = 0; i < n; i++) {
        x->rcpt_sum[i] = weights_sum(&s->family.v[i].recipients);
        x->clump_sum[i] = weights_sum(&s->family.v[i].clump);
        x->clump_mean[i] = weights_mean(&s->family.v[i].clump);
    }
    for (uint32_t i = 0; i < n; i++)
        x->letter[i] = s->family.v[i].kind == FAMILY_HAM ? letter_new(i) : NULL;
    x->tells_machine = mem_new(s->mailer.n + 1);
    for (uint32_t i = 0; i < s->mailer.n; i++)
        x->tells_machine[i] = s->mailer.v[i].helo.text && mailer_tells_machine(s, i);
    outputs_open(x);
    x->campaigns = (struct campaigns){.ended = truth_campaign_ended, .updated = truth_campaign_updated, .ctx = &x->truth};
    campaigns_begin(&x->campaigns, s, x->seed);
    x->mail = mail_writer_new(s, &x->world, x->seed);
}

void run(const struct scenario *s, const struct options *o)
{
    struct run x;
    setup(&x, s, o);
    int64_t first = s->from_ms / MINUTE, from = o->from_ms == INT64_MIN ? first : o->from_ms / MINUTE;
    int64_t last = (o->to_ms == INT64_MAX ? s->to_ms : o->to_ms) / MINUTE;
    truth_plan(&x.truth, from * MINUTE, last * MINUTE);
    for (int64_t minute = first; minute < last; minute++) {
        if (minute % 60 == 0 && minute > from)
            truth_hour(&x.truth, minute / 60 - 1);
        minute_begin(&x, minute);
        if (minute >= from) {
            events_draw(&x, minute);
            for (size_t i = 0; i < x.event.n; i++) {
                look_ahead(&x, i);
                event_write(&x, &x.event.v[i]);
            }
        } else if (minute + 1 == from) {
            for (size_t i = 0; i < s->family.n; i++)
                x.truth.tally[i].hour = (struct count){0};
        }
        progress(&x, minute, first, last, false);
    }
    truth_hour(&x.truth, (last - 1) / 60);
    campaigns_end(&x.campaigns);
    truth_as_it_was(&x.truth, &(struct drawn){x.seed, o->scale, x.sample});
    truth_close(&x.truth);
    output_close(&x.box);
    output_close(&x.private_box);
    output_close(&x.records);
    progress(&x, last, first, last, true);
}
