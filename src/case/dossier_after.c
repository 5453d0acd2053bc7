/* dossier_after: what became of it since the day of action. */
#include "base/plot.h"
#include "case/dossier_priv.h"

enum { HOUR = 3600000, DAY = 24 * HOUR, BACKS = 50 };

static struct plot_point *points_of(struct dossier *d, const struct found_hour *hour, size_t n, int64_t step, size_t *n_out)
{
    struct plot_point *p = arena_alloc(d->arena, (n + 1) * sizeof *p);
    *n_out = 0;
    for (size_t i = 0; p && i < n; i++)
        dossier_point(p, n_out, step, hour[i].from_ms, hour[i].messages);
    return p;
}

static void put_chart(struct dossier *d, const struct found_watch *w)
{
    if (!w->n_whole || w->n_own != w->n_whole)
        return;
    size_t n_own, n_all;
    int64_t from = w->whole[0].from_ms, to = w->whole[w->n_whole - 1].from_ms + HOUR, step = to - from > 20LL * DAY ? DAY : HOUR;
    struct plot_point *own = points_of(d, w->own, w->n_own, step, &n_own), *all = points_of(d, w->whole, w->n_whole, step, &n_all);
    struct plot_series s[2] = {{"all spam seen", all, n_all}, {"this case", own, n_own}};
    struct plot_mark mark[2] = {{w->action_ms, "day of action"}, {w->since_ms, "fell"}};
    struct plot p = {.title = step == DAY ? "Before and after: messages a day, as counted" : "Before and after: messages an hour, as counted",
                     .unit = step == DAY ? "messages a day" : "messages an hour", .step_ms = step, .series = s, .n_series = 2, .mark = mark,
                     .n_marks = w->since_ms ? 2 : 1, .is_page = true, .from_ms = from / step * step, .to_ms = to};
    if (to > from && n_own && n_all) {
        d_str(d, "<figure>");
        plot_svg(&p, d->b);
        d_str(d, "</figure>\n");
    }
}

static void put_rate(struct dossier *d, const char *what, const struct estimate *before, const struct estimate *after,
                     const struct estimate *fell)
{
    d_fmt(d, "<tr><td>%s</td><td>", what);
    d_estimate(d, before);
    d_str(d, "</td><td>");
    d_estimate(d, after);
    d_str(d, "</td><td>");
    if (fell->method) { /* told as a change, with its sign: below zero is less */
        struct estimate change = {-fell->hi, -fell->mid, -fell->lo, fell->n, fell->method};
        d_share(d, &change);
    } else {
        d_str(d, "not estimated");
    }
    d_str(d, "</td></tr>\n");
}

static void put_takers(struct dossier *d, const struct found_watch *w)
{
    if (!w->n_takers)
        return;
    d_str(d, "<h3>Who has its share now</h3>\n<p>Shares of all spam that was seen, by messages. A share also grows when another's mail ends: so the "
             "messages a day stand beside it.</p>\n<table><thead><tr><th>Botnet</th><th>Share before</th><th>Share after</th>"
             "<th>Messages a day before</th><th>after</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < w->n_takers && i < DOSSIER_ROWS; i++) {
        const struct found_taker *t = &w->taker[i];
        d_str(d, "<tr>");
        d_cell(d, t->name);
        d_str(d, "<td>");
        d_share(d, &t->before);
        d_str(d, "</td><td>");
        d_share(d, &t->after);
        d_str(d, "</td><td>");
        d_estimate(d, &t->messages_before);
        d_str(d, "</td><td>");
        d_estimate(d, &t->messages_after);
        d_str(d, "</td></tr>\n");
    }
    d_str(d, "</tbody></table>\n");
}

static void put_backs(struct dossier *d, const struct found_watch *w)
{
    d_fmt(d, "<h3>Machines that came back</h3>\n<p>Of %llu addresses that sent for it, %llu send in campaigns of others that began since; %llu were in "
             "others' campaigns before, too.", (unsigned long long)w->hosts_total, (unsigned long long)w->backs_total,
          (unsigned long long)w->backs_before);
    if (!w->n_backs || !d->o->shows_recipients) {
        d_str(d, w->n_backs ? " Their addresses are left out here.</p>\n" : "</p>\n");
        return;
    }
    d_str(d, "</p>\n<table><thead><tr><th>Address</th><th>Sends for</th><th>Campaign</th><th>Since</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < w->n_backs && i < BACKS; i++) {
        char ip[IP_TEXT];
        ip_text(&w->back[i].ip, ip);
        d_str(d, "<tr>");
        d_cell(d, span_str(ip));
        d_cell(d, w->back[i].is);
        d_cell(d, w->back[i].campaign);
        d_str(d, "<td>");
        d_time(d, w->back[i].first_ms);
        d_str(d, "</td></tr>\n");
    }
    d_str(d, "</tbody></table>\n");
    if (w->n_backs > BACKS)
        d_fmt(d, "<p>And %zu more, in the findings.</p>\n", w->n_backs - BACKS);
}

void dossier_after(struct dossier *d)
{
    const struct found_watch *w = d->f->watch;
    if (!w)
        return;
    d_section(d, "after", "After the action");
    d_str(d, "<p>");
    d_time(d, w->action_ms);
    d_str(d, ": ");
    dossier_text(d->b, w->action, 1000);
    d_str(d, " Looked at up to ");
    d_time(d, w->seen_ms);
    d_str(d, ".</p>\n<p><b>");
    dossier_text(d->b, w->sentence, 1500);
    d_str(d, "</b></p>\n");
    put_chart(d, w);
    d_str(d, "<table><thead><tr><th>Messages a day</th><th>Before</th><th>After</th><th>Change</th></tr></thead><tbody>\n");
    put_rate(d, "of this case", &w->before, &w->after, &w->fell);
    put_rate(d, "all spam seen", &w->whole_before, &w->whole_after, &w->whole_fell);
    d_str(d, "</tbody></table>\n");
    put_takers(d, w);
    put_backs(d, w);
}
