/* dossier_figures: what was found in plain words, how big it is, and how it went in time. */
#include <stdio.h>

#include "base/plot.h"
#include "case/dossier_priv.h"

enum { POINTS = 5000, HOUR = 3600000, DAY = 24 * HOUR, MARKS_NAMED = 6, OTHERS = 8 };

static const struct found_botnet *subject(const struct findings *f)
{
    for (size_t i = 0; i < f->n_botnets; i++)
        if (f->botnet[i].is_subject)
            return &f->botnet[i];
    return NULL;
}

/* ---- in plain words ---- */

static void size_in_words(struct dossier *d, const struct found_botnet *b)
{
    d_str(d, "<li>The spam of <b>");
    d_text(d, b->name);
    d_str(d, "</b>: ");
    d_number(d, (double)b->whole.messages);
    d_str(d, " messages came in the time looked at, from ");
    d_number(d, (double)b->whole.addresses);
    d_str(d, " addresses. ");
    if (b->whole.share.messages.method) {
        d_str(d, "That is ");
        d_share(d, &b->whole.share.messages);
        d_str(d, " of all spam seen there.");
    }
    d_str(d, "</li>\n");
    if (!b->ever.method && !b->live.method)
        return;
    d_str(d, "<li>How many machines: ");
    if (b->live.method) {
        d_estimate(d, &b->live);
        d_str(d, " were sending at a time, on average");
    }
    if (b->ever.method) {
        d_str(d, b->live.method ? "; " : "");
        d_estimate(d, &b->ever);
        d_str(d, " ever");
    }
    d_str(d, ". These are estimates: machines change their addresses, and several share one.");
    if (b->doubt.n) {
        d_str(d, " Reservation: ");
        d_text(d, b->doubt);
        d_str(d, ".");
    }
    d_str(d, "</li>\n");
}

static void change_in_words(struct dossier *d, const struct found_change *c)
{
    d_str(d, "<li>A ");
    d_text(d, c->kind);
    d_str(d, " at ");
    d_time(d, c->at_ms);
    d_str(d, ": from ");
    d_estimate(d, &c->before);
    d_str(d, " to ");
    d_estimate(d, &c->after);
    d_str(d, " messages a minute; cause: ");
    d_text(d, c->cause.n ? c->cause : SPAN_LIT("unknown"));
    d_str(d, ".</li>\n");
}

static void campaign_in_words(struct dossier *d, const struct found_campaign *c, bool is_one_of_many)
{
    d_str(d, is_one_of_many ? "The largest: " : "It has ");
    d_number(d, (double)c->messages);
    d_str(d, " messages from ");
    d_estimate(d, &c->sources);
    d_str(d, " addresses, from ");
    d_time(d, c->first_ms);
    d_str(d, " to ");
    d_time(d, c->last_ms);
    for (size_t i = 0; i < c->n_links && i < 3; i++) {
        d_str(d, i ? ", " : "; its links lead to ");
        d_fang(d, c->link[i].text);
    }
    d_str(d, c->n_links > 3 ? " and others." : ".");
}

static void marks_in_words(struct dossier *d)
{
    struct span name[MARKS_NAMED];
    size_t n = dossier_marks_claimed(d, name, MARKS_NAMED);
    if (!n)
        return;
    d_str(d, "<li>Its messages pass themselves off as sent by the owner of ");
    for (size_t i = 0; i < n && i < MARKS_NAMED; i++) {
        d_str(d, i == 0 ? "<b>" : i + 1 == n ? " and <b>" : ", <b>");
        d_text(d, name[i]);
        d_str(d, "</b>");
    }
    if (n > MARKS_NAMED)
        d_fmt(d, " and %zu more", n - MARKS_NAMED);
    d_str(d, " (<a href=\"#marks\">schedule of marks</a>).</li>\n");
}

void dossier_summary(struct dossier *d)
{
    const struct findings *f = d->f;
    const struct found_botnet *b = subject(f);
    d_section(d, "summary", "In plain words");
    d_str(d, "<ul class=\"d-sum\">\n");
    if (f->watch) {
        d_str(d, "<li><b><a href=\"#after\">After the action</a> of ");
        d_time(d, f->watch->action_ms);
        d_str(d, ":</b> ");
        dossier_text(d->b, f->watch->sentence, 1500);
        d_str(d, "</li>\n");
    }
    if (b)
        size_in_words(d, b);
    uint64_t messages = 0;
    for (size_t i = 0; i < f->n_campaigns; i++)
        messages += f->campaign[i].messages;
    if (f->n_campaigns) {
        uint64_t all = f->campaigns_total > f->n_campaigns ? f->campaigns_total : f->n_campaigns;
        if (all == 1)
            d_str(d, "<li>It sends one campaign, of ");
        else
            d_fmt(d, "<li>It sends %llu campaigns", (unsigned long long)all);
        if (all > f->n_campaigns)
            d_fmt(d, "; the %zu largest are told of here, with ", f->n_campaigns);
        else if (all > 1)
            d_str(d, " with ");
        d_number(d, (double)messages);
        d_fmt(d, " messages. A campaign is what was made from one template (<a href=\"#campaigns\">described "
                 "below</a>). ");
        campaign_in_words(d, &f->campaign[0], f->n_campaigns > 1);
        d_str(d, "</li>\n");
    }
    marks_in_words(d);
    if (f->n_controllers)
        dossier_commanders(d);
    else
        d_str(d, "<li>Which machines command it is not known: no network's traffic is among the exhibits, or none of "
                 "it shows one.</li>\n");
    for (size_t i = 0; b && i < b->n_changes && i < 5; i++)
        change_in_words(d, &b->change[i]);
    d_fmt(d,
          "<li>What is uncertain stands in <a href=\"#doubt\">its own part</a>; every figure comes from exhibit "
          "%llu.</li>\n</ul>\n",
          (unsigned long long)d->findings_exhibit);
}

/* ---- size and share ---- */

static void share_row(struct dossier *d, const struct found_botnet *b)
{
    const struct found_share *s = &b->whole.share;
    const struct estimate *e[] = {&s->messages, &s->envelopes, &s->bytes, &s->addresses};
    d_str(d, b->is_subject ? "<tr><td><b>" : "<tr><td>");
    d_text(d, b->name);
    d_str(d, b->is_subject ? "</b></td>" : "</td>");
    d_cell_number(d, b->whole.messages);
    for (size_t i = 0; i < 4; i++) {
        d_str(d, "<td>");
        d_share(d, e[i]);
        d_str(d, "</td>");
    }
    d_str(d, "</tr>\n");
}

static void census_row(struct dossier *d, const struct found_botnet *b, const char *what, const struct estimate *e)
{
    if (!e->method)
        return;
    d_str(d, "<tr><td>");
    d_text(d, b->name);
    d_fmt(d, "</td><td>%s</td><td>", what);
    d_estimate(d, e);
    d_str(d, "</td>");
    d_cell_number(d, e->n);
    d_str(d, "<td>");
    d_text(d, span_str(e->method));
    d_str(d, "</td></tr>\n");
}

void dossier_size(struct dossier *d)
{
    const struct findings *f = d->f;
    d_section(d, "size", "Size and share");
    d_str(d, "<p>All spam that was seen in this time: ");
    d_number(d, (double)f->total.messages);
    d_str(d, " messages from ");
    d_number(d, (double)f->total.addresses);
    d_str(d, " addresses. Shares differ by what is counted, so all four stand here.</p>\n");
    if (!f->n_botnets) {
        d_str(d, "<p>No botnet was attributed; see the campaigns.</p>\n");
        return;
    }
    if (!subject(f))
        d_str(d, "<p>The case names no botnet. These were told apart in the same mail:</p>\n");
    d_str(d, "<table><thead><tr><th>Botnet</th><th>Messages</th><th>Share by messages</th><th>by envelopes</th><th>by "
             "bytes</th><th>by addresses</th></tr></thead><tbody>\n");
    size_t rows = 0;
    for (size_t i = 0; i < f->n_botnets; i++)
        if (f->botnet[i].is_subject || rows < OTHERS) {
            share_row(d, &f->botnet[i]);
            rows++;
        }
    d_str(d, "</tbody></table>\n");
    if (rows < f->n_botnets)
        d_fmt(d, "<p>%zu smaller ones are in the findings.</p>\n", f->n_botnets - rows);
    if (!subject(f))
        return;
    d_str(d, "<p>Numbers of machines, which are never one:</p>\n<table><thead><tr><th>Botnet</th><th>Number</th>"
             "<th>Estimate</th><th>Rests on</th><th>Method</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < f->n_botnets && i < DOSSIER_ROWS; i++) {
        if (!f->botnet[i].is_subject)
            continue;
        census_row(d, &f->botnet[i], "addresses seen", &f->botnet[i].addresses);
        census_row(d, &f->botnet[i], "machines sending at a time, mean", &f->botnet[i].live);
        census_row(d, &f->botnet[i], "machines that sent within an hour, mean", &f->botnet[i].within_hour);
        census_row(d, &f->botnet[i], "machines ever", &f->botnet[i].ever);
    }
    d_str(d, "</tbody></table>\n<p>Counted is what was seen. The others are inferred from how often each was seen again: &ldquo;marks&rdquo;, where "
             "a machine is known by a mark of its own in what it sends; &ldquo;addresses&rdquo;, where it is known by its address, which several may "
             "share or give back.</p>\n");
}

/* ---- timeline ---- */

static void put_plot(struct dossier *d, const char *title, const char *unit, bool is_share, int64_t step,
                     const struct plot_series *s, size_t n, const struct plot_mark *mark, size_t n_marks)
{
    struct plot p = {.title = title,
                     .unit = unit,
                     .is_share = is_share,
                     .step_ms = step,
                     .series = s,
                     .n_series = n,
                     .mark = mark,
                     .n_marks = n_marks,
                     .is_page = true,
                     .from_ms = INT64_MAX,
                     .to_ms = INT64_MIN};
    for (size_t i = 0; i < n; i++)
        if (s[i].n) {
            p.from_ms = s[i].point[0].time_ms < p.from_ms ? s[i].point[0].time_ms : p.from_ms;
            p.to_ms = s[i].point[s[i].n - 1].time_ms + step > p.to_ms ? s[i].point[s[i].n - 1].time_ms + step : p.to_ms;
        }
    if (p.to_ms > p.from_ms) {
        d_str(d, "<figure>");
        plot_svg(&p, d->b);
        d_str(d, "</figure>\n");
    }
}

static struct plot_point *room(struct dossier *d, size_t n)
{
    return arena_alloc(d->arena, (n + 1) * sizeof(struct plot_point));
}

void dossier_point(struct plot_point *p, size_t *n, int64_t step, int64_t from_ms, uint64_t messages)
{
    int64_t at = from_ms / step * step;
    double x = (double)messages;
    if (*n && p[*n - 1].time_ms == at)
        x += p[--*n].mid;
    p[(*n)++] = (struct plot_point){at, x, x, x};
}

static void plot_messages(struct dossier *d, const struct found_botnet *b, const struct plot_mark *mark, size_t n_marks)
{
    const struct findings *f = d->f;
    const struct found_campaign *c = !b && f->n_campaigns == 1 ? &f->campaign[0] : NULL; /* a case of one campaign */
    size_t n = f->n_hours, m = b ? b->n_hours : c ? c->n_hours : 0, n_all = 0, n_own = 0;
    struct plot_point *all = room(d, n), *own = room(d, m);
    if (!all || !own)
        return;
    int64_t step = n && f->hour[n - 1].from_ms - f->hour[0].from_ms > 20 * (int64_t)DAY ? DAY : HOUR;
    for (size_t i = 0; i < n; i++)
        dossier_point(all, &n_all, step, f->hour[i].from_ms, f->hour[i].messages);
    for (size_t i = 0; i < m; i++)
        dossier_point(own, &n_own, step, b ? b->hour[i].from_ms : c->hour[i].from_ms, b ? b->hour[i].messages : c->hour[i].messages);
    struct plot_series s[2] = {{"all spam seen", all, n_all}, {"this case", own, n_own}};
    put_plot(d, step == DAY ? "Messages a day, as counted" : "Messages an hour, as counted",
             step == DAY ? "messages a day" : "messages an hour", false, step, s, n_own ? 2 : 1, mark, n_marks);
}

static void plot_shares(struct dossier *d, const struct found_botnet *b, const struct plot_mark *mark, size_t n_marks)
{
    size_t n = 0;
    struct plot_point *p = room(d, b->n_hours < POINTS ? b->n_hours : POINTS),
                      *live = room(d, b->n_windows < POINTS ? b->n_windows : POINTS);
    if (!p || !live)
        return;
    for (size_t i = 0; i < b->n_hours && n < POINTS; i++) {
        const struct estimate *e = &b->hour[i].share.messages;
        if (e->method)
            p[n++] = (struct plot_point){b->hour[i].from_ms, e->lo, e->mid, e->hi};
    }
    struct plot_series s = {"share", p, n};
    put_plot(d, "Its share of all spam, by messages", "", true, HOUR, &s, 1, mark, n_marks);
    n = 0;
    for (size_t i = 0; i < b->n_windows && n < POINTS; i++)
        if (b->window[i].live.method)
            live[n++] = (struct plot_point){b->window[i].from_ms, b->window[i].live.lo, b->window[i].live.mid,
                                            b->window[i].live.hi};
    s = (struct plot_series){"machines", live, n};
    put_plot(d, "Machines that were sending at a time, estimated", "machines", false, HOUR, &s, 1, mark, n_marks);
}

static void change_row(struct dossier *d, struct span who, const struct found_change *c)
{
    d_str(d, "<tr>");
    d_cell(d, who);
    d_cell(d, c->kind);
    d_str(d, "<td>");
    d_time(d, c->at_ms);
    d_str(d, " <span class=\"d-ci\">(");
    d_time(d, c->at_lo_ms);
    d_str(d, " to ");
    d_time(d, c->at_hi_ms);
    d_str(d, ")</span></td><td>");
    d_estimate(d, &c->before);
    d_str(d, "</td><td>");
    d_estimate(d, &c->after);
    d_str(d, "</td>");
    d_cell(d, c->cause.n ? c->cause : SPAN_LIT("unknown"));
    d_str(d, "</tr>\n");
}

void dossier_timeline(struct dossier *d)
{
    const struct findings *f = d->f;
    const struct found_botnet *b = subject(f);
    struct plot_mark mark[8];
    char text[8][40];
    size_t n = 0, changes = f->n_changes;
    d_section(d, "timeline", "Timeline");
    for (size_t i = 0; b && i < b->n_changes && n < 7; i++, n++) {
        snprintf(text[n], sizeof text[n], "%.*s", (int)(b->change[i].kind.n < 30 ? b->change[i].kind.n : 30),
                 (const char *)b->change[i].kind.p);
        mark[n] = (struct plot_mark){b->change[i].at_ms, text[n]};
    }
    if (f->watch)
        mark[n++] = (struct plot_mark){f->watch->action_ms, "day of action"};
    plot_messages(d, b, mark, n);
    if (b)
        plot_shares(d, b, mark, n);
    for (size_t i = 0; i < f->n_botnets; i++)
        changes += f->botnet[i].n_changes;
    if (!changes) {
        d_str(d, "<p>No sudden change was found up to ");
        d_time(d, f->to_ms);
        d_str(d, f->watch ? "; what came after the action stands <a href=\"#after\">below</a>.</p>\n" : ".</p>\n");
        return;
    }
    d_str(d, "<table><thead><tr><th>Of</th><th>Change</th><th>When</th><th>Messages a minute "
             "expected</th><th>came</th><th>Cause</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < f->n_changes && i < DOSSIER_ROWS; i++)
        change_row(d, SPAN_LIT("all spam"), &f->change[i]);
    for (size_t i = 0; i < f->n_botnets; i++)
        for (size_t k = 0; k < f->botnet[i].n_changes && k < DOSSIER_ROWS; k++)
            change_row(d, f->botnet[i].name, &f->botnet[i].change[k]);
    d_str(d, "</tbody></table>\n");
}

/* ---- how it writes ---- */

void dossier_traits(struct dossier *d)
{
    const struct findings *f = d->f;
    d_section(d, "mailers", "The sending programs and how they are known");
    bool any = false;
    for (size_t i = 0; i < f->n_botnets; i++) {
        const struct found_botnet *b = &f->botnet[i];
        if ((!b->is_subject && f->n_botnets > 1) || (!b->n_traits && !b->n_reasons))
            continue;
        any = true;
        d_str(d, "<h3>");
        d_text(d, b->name);
        d_str(d, "</h3>\n");
        if (b->family.n) {
            d_str(d, "<p>It writes as the described family ");
            d_text(d, b->family);
            d_fmt(d, " does (probability %.2f).</p>\n", b->family_probability);
        }
        if (b->n_reasons) {
            d_str(d, "<p>What speaks for that; a bit doubles the odds, ten make them a thousand to one.</p>\n<table><thead><tr><th>Grounds</th>"
                     "<th>Bits</th><th>Published in</th></tr></thead><tbody>\n");
            for (size_t k = 0; k < b->n_reasons && k < DOSSIER_ROWS; k++) {
                d_str(d, "<tr>");
                d_cell(d, b->reason[k].text);
                d_fmt(d, "<td class=\"d-n\">%.1f</td>", b->reason[k].bits);
                d_str(d, "<td>");
                d_text(d, b->reason[k].source);
                d_str(d, "</td>");
                d_str(d, "</tr>\n");
            }
            d_str(d, "</tbody></table>\n");
        }
        if (b->n_traits) {
            d_str(d,
                  "<table><thead><tr><th>Trait</th><th>Value</th><th>Messages that have it</th></tr></thead><tbody>\n");
            for (size_t k = 0; k < b->n_traits && k < DOSSIER_ROWS; k++) {
                d_str(d, "<tr>");
                d_cell(d, b->trait[k].name);
                d_cell(d, b->trait[k].value);
                d_fmt(d, "<td class=\"d-n\">%llu of %llu</td></tr>\n", (unsigned long long)b->trait[k].n,
                      (unsigned long long)b->trait[k].of);
            }
            d_str(d, "</tbody></table>\n");
        }
    }
    if (!any)
        d_str(d, "<p>No sending program was described.</p>\n");
}
