/* scn_family: the keywords of a family: how many machines, how they send, when, what, and what befalls them. */
#include <stdio.h>
#include <stdlib.h>

#include "scn_priv.h"

#define READER(name) static void family_##name(struct line *l, struct scenario *s, void *block)
#define IN struct family *f = block; (void)s

void family_defaults(struct family *f)
{
    f->duty = 1;
    f->session = (struct span_ms){4 * (int64_t)HOUR, 8 * (int64_t)HOUR};
    f->takedown_ms = INT64_MAX;
    f->burst_low = 1;
    f->uneven = 1;
    f->campaigns = f->variants = 1;
    f->hosts = 3;
    f->noise_period = 10 * MINUTE;
    f->paragraphs = (struct span_ms){2, 4};
    f->sentences = (struct span_ms){1, 3};
    f->start_ms = INT64_MIN;
    f->stop_ms = INT64_MAX;
}

READER(kind)
{
    IN;
    static const char *const names[] = {"spam", "bulk", "ham", NULL};
    f->kind = (enum family_kind)line_one_of(l, "a family's kind", names);
}

static void step_read(struct line *l, steps *list, int64_t at_ms, double value)
{
    if (list->n > 0 && at_ms <= list->v[list->n - 1].from_ms)
        die_at(l->at, "earlier than the line before of its kind");
    struct step *p = PUSH(*list);
    p->from_ms = at_ms;
    p->value = value;
}

READER(machines)
{
    IN;
    int64_t at = line_has_time(l) ? line_time(l) : INT64_MIN;
    double v = line_number(l, "machines");
    if (v > 50e6)
        die_at(l->at, "more than 50 million machines");
    step_read(l, &f->machines, at, v);
}

READER(rate)
{
    IN;
    int64_t at = line_has_time(l) ? line_time(l) : INT64_MIN;
    step_read(l, &f->rate, at, line_rate(l));
}

READER(tls)
{
    IN;
    int64_t at = line_has_time(l) ? line_time(l) : INT64_MIN;
    step_read(l, &f->tls, at, line_share(l, "the share of TLS"));
}

READER(turnover)
{
    IN;
    f->turnover = line_share(l, "the share of machines that is replaced in a day");
}

READER(duty)
{
    IN;
    f->duty = line_share(l, "the share of time in which a machine sends");
    if (!(f->duty > 0))
        die_at(l->at, "duty must be above 0");
    if (line_more(l))
        f->session = line_lengths(l);
    if (f->session.lo < 5 * MINUTE)
        die_at(l->at, "a session is five minutes or more");
}

static const struct curve *curve_read(struct line *l, struct scenario *s, size_t values)
{
    char *w = line_want(l, "a curve");
    uint32_t i = find_curve(s, w);
    if (i == UINT32_MAX)
        die_at(l->at, "no curve is named \"%s\" (what is named must stand above)", w);
    if (s->curve.v[i].at.n != values)
        die_at(l->at, "curve \"%s\" has %zu values, but %zu are needed here", w, s->curve.v[i].at.n, values);
    struct curve *copy = mem_new(sizeof *copy); /* the list may still move */
    *copy = s->curve.v[i];
    free(w);
    return copy;
}
READER(day) { IN; f->day = curve_read(l, s, 24); }
READER(sleep) { IN; f->sleep = curve_read(l, s, 24); }
READER(week) { IN; f->week = curve_read(l, s, 7); }

static void expect(struct line *l, const char *word)
{
    char *w = line_want(l, word);
    if (strcmp(w, word) != 0)
        die_at(l->at, "\"%s\" is expected here, not \"%s\"", word, w);
    free(w);
}

READER(burst)
{
    IN;
    expect(l, "every");
    f->burst_every = line_length(l);
    expect(l, "for");
    f->burst_for = line_length(l);
    expect(l, "else");
    f->burst_low = line_share(l, "what is sent between bursts");
    f->burst_from = s->from_ms;
    if (line_more(l)) {
        expect(l, "from");
        f->burst_from = line_time(l);
    }
    if (f->burst_every < HOUR || f->burst_for > f->burst_every)
        die_at(l->at, "bursts come every hour or less often, and last shorter than that");
}

static struct stretch *stretch_read(struct line *l, stretches *list)
{
    struct stretch *p = PUSH(*list);
    p->from_ms = line_time(l);
    p->to_ms = line_time(l);
    if (p->to_ms <= p->from_ms)
        die_at(l->at, "ends before it begins");
    return p;
}

READER(pause) { IN; stretch_read(l, &f->pause); }
READER(flood)
{
    IN;
    struct stretch *p = stretch_read(l, &f->flood);
    p->value = line_rate(l);
}

/* grow TIME by 2.5 over 48h [fills FAMILY] */
READER(grow)
{
    IN;
    struct stretch *p = PUSH(f->grow);
    p->from_ms = line_time(l);
    expect(l, "by");
    p->value = line_number(l, "a factor");
    expect(l, "over");
    p->to_ms = p->from_ms + line_length(l);
    uint32_t who = (uint32_t)(f - s->family.v);
    if (line_more(l)) {
        expect(l, "fills");
        char *w = line_want(l, "a family");
        if ((who = find_family(s, w)) == UINT32_MAX)
            die_at(l->at, "no family is named \"%s\" (what is named must stand above)", w);
        free(w);
    }
    *PUSH(f->fills) = who;
}

READER(start) { IN; f->start_ms = line_time(l); }
READER(stop) { IN; f->stop_ms = line_time(l); }

/* takedown TIME [within 45m] [leaves 0.1%] */
READER(takedown)
{
    IN;
    f->takedown_ms = line_time(l);
    static const char *const more[] = {"within", "leaves", NULL};
    while (line_more(l)) {
        if (line_one_of(l, "what follows a takedown", more) == 0)
            f->takedown_within = line_length(l);
        else
            f->takedown_leaves = line_share(l, "what is left");
    }
}

/* update every 5d..9d changes 40% | update at TIME changes 60% */
READER(update)
{
    IN;
    static const char *const how[] = {"every", "at", NULL};
    unsigned k = line_one_of(l, "when", how);
    struct span_ms every = {0, 0};
    int64_t at = 0;
    if (k == 0)
        every = line_lengths(l);
    else
        at = line_time(l);
    expect(l, "changes");
    double part = line_share(l, "the part that changes");
    if (k == 0) {
        f->update = every;
        f->update_changes = part;
    } else {
        step_read(l, &f->updates, at, part);
    }
}

READER(recipients)
{
    IN;
    line_weights(l, "recipients", NULL, s, &f->recipients);
    for (size_t i = 0; i < f->recipients.n; i++)
        if (f->recipients.v[i].id < 1 || f->recipients.v[i].id > 100)
            die_at(l->at, "recipients are 1 to 100");
}

READER(clump)
{
    IN;
    line_weights(l, "messages at once", NULL, s, &f->clump);
    for (size_t i = 0; i < f->clump.n; i++)
        if (f->clump.v[i].id < 1 || f->clump.v[i].id > 100)
            die_at(l->at, "a clump has 1 to 100 messages");
}

READER(nat)
{
    IN;
    line_weights(l, "machines behind an address", NULL, s, &f->nat);
    for (size_t i = 0; i < f->nat.n; i++)
        if (f->nat.v[i].id < 1 || f->nat.v[i].id > 10000)
            die_at(l->at, "behind an address are 1 to 10000 machines");
}

READER(networks) { IN; line_weights(l, "network", find_network, s, &f->networks); }
READER(mailer) { IN; line_weights(l, "mailer", find_mailer, s, &f->mailers); }
READER(forms) { IN; line_weights(l, "form", find_form, s, &f->forms); }
READER(texts) { IN; line_weights(l, "texts", find_texts, s, &f->texts); }

READER(noise)
{
    IN;
    f->noise = line_share(l, "the deviation");
    if (line_more(l))
        f->noise_period = line_length(l);
    if (f->noise > 0.3 || f->noise_period < MINUTE)
        die_at(l->at, "noise is at most 30%%, and changes every minute or more slowly");
}

READER(uneven)
{
    IN;
    f->uneven = line_number(l, "how many times the least is the most");
    if (f->uneven < 1 || f->uneven > 100)
        die_at(l->at, "uneven is 1 to 100");
}

/* campaigns N [lasting 3d..9d] [sizes 0.8] */
READER(campaigns)
{
    IN;
    f->campaigns = line_count(l, "campaigns", 1, 100000);
    static const char *const more[] = {"lasting", "sizes", NULL};
    while (line_more(l)) {
        if (line_one_of(l, "what follows campaigns", more) == 0)
            f->lasting = line_lengths(l);
        else
            f->size_zipf = line_number(l, "the fall of sizes");
    }
}

READER(variants) { IN; f->variants = line_count(l, "variants", 1, 100); }
READER(hosts)
{
    IN;
    f->hosts = line_count(l, "hosts", 1, 1000);
    if (line_more(l)) {
        expect(l, "each");
        f->host_life = line_lengths(l);
        if (f->host_life.lo < HOUR)
            die_at(l->at, "a host lives an hour or longer");
    }
}

#define TEXTS(field) \
    READER(field) \
    { \
        IN; \
        struct raw r = line_rest(l); \
        *PUSH(f->field) = r; \
    }
TEXTS(host)
TEXTS(link)
TEXTS(sender_name)
TEXTS(sender_addr)

READER(dates) { IN; odd_dates_read(l, &f->dates); }

READER(paragraphs)
{
    IN;
    f->paragraphs = line_counts(l);
    if (f->paragraphs.lo < 1 || f->paragraphs.hi > 9)
        die_at(l->at, "paragraphs are 1 to 9");
}
READER(sentences)
{
    IN;
    f->sentences = line_counts(l);
    if (f->sentences.lo < 1 || f->sentences.hi > 50)
        die_at(l->at, "sentences are 1 to 50");
}

/* chaff 3..9 TEXTS:weight ... */
READER(chaff)
{
    IN;
    f->chaff_sentences = line_counts(l);
    line_weights(l, "texts", find_texts, s, &f->chaff);
}

READER(authenticated) { IN; f->auth = line_share(l, "the share that passes SPF and DKIM"); }

const struct keyword family_keywords[] = {
    {"kind", family_kind}, {"machines", family_machines}, {"rate", family_rate}, {"tls", family_tls}, {"turnover", family_turnover},
    {"duty", family_duty}, {"day", family_day}, {"sleep", family_sleep}, {"week", family_week}, {"burst", family_burst},
    {"pause", family_pause}, {"flood", family_flood}, {"grow", family_grow}, {"start", family_start}, {"stop", family_stop},
    {"takedown", family_takedown}, {"update", family_update}, {"recipients", family_recipients}, {"clump", family_clump},
    {"nat", family_nat}, {"networks", family_networks}, {"mailer", family_mailer}, {"forms", family_forms}, {"texts", family_texts},
    {"noise", family_noise}, {"uneven", family_uneven}, {"campaigns", family_campaigns}, {"variants", family_variants},
    {"hosts", family_hosts}, {"host", family_host}, {"link", family_link}, {"sender-name", family_sender_name},
    {"sender-addr", family_sender_addr}, {"dates", family_dates}, {"paragraphs", family_paragraphs},
    {"sentences", family_sentences}, {"chaff", family_chaff}, {"authenticated", family_authenticated}, {NULL, NULL}};

void family_check(const struct scenario *s, const struct family *f)
{
    bool has_private = false;
    for (size_t i = 0; i < s->trap.n; i++)
        has_private |= s->trap.v[i].is_private;
    if (f->machines.n == 0 || f->rate.n == 0)
        die_at(f->at, "family %s needs machines and rate", f->name);
    if (f->networks.n == 0 || f->mailers.n == 0 || f->forms.n == 0 || f->texts.n == 0)
        die_at(f->at, "family %s needs networks, mailer, forms and texts", f->name);
    if (f->host.n == 0 || f->link.n == 0 || f->sender_name.n == 0 || f->sender_addr.n == 0)
        die_at(f->at, "family %s needs host, link, sender-name and sender-addr", f->name);
    if (f->kind == FAMILY_HAM && !has_private)
        die_at(f->at, "family %s is ham, but no trap is private", f->name);
    for (size_t i = 0; i < f->texts.n; i++)
        if (s->texts.v[f->texts.v[i].id].sentence.n == 0 || s->texts.v[f->texts.v[i].id].subject.n == 0)
            die_at(f->at, "family %s: texts %s have no @sentences or no @subjects", f->name, s->texts.v[f->texts.v[i].id].name);
    for (size_t i = 0; i < f->mailers.n; i++) {
        const struct mailer *m = &s->mailer.v[f->mailers.v[i].id];
        if (m->header.n == 0 || !m->helo.text || !m->plain.text || !m->html.text || !m->multi.text || !m->boundary.text ||
            !m->part_plain.text || !m->part_html.text)
            die_at(m->at, "mailer %s needs helo, header, plain, html, multi, boundary, part-plain and part-html", m->name);
    }
    for (size_t i = 0; i < f->networks.n; i++) {
        const struct network *n = &s->network.v[f->networks.v[i].id];
        if (n->count == 0 || n->bits == 0 || n->size_lo == 0 || n->asn == 0 || n->country.n == 0 || !n->ptr.text || !n->as_name.text)
            die_at(n->at, "network %s needs count, within, size, asn, as-name, countries and ptr", n->name);
        if (n->size_lo < n->bits || n->size_hi > (n->is_v6 ? 60 : 30))
            die_at(n->at, "network %s: sizes must lie within its prefix, and be /30 at most (/60 of IPv6)", n->name);
        if (n->is_v6 && n->size_lo < 44)
            die_at(n->at, "network %s: a system's IPv6 prefix is /44 or longer here (2^20 households)", n->name);
    }
}
