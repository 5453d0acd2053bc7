/* botnet_plot: shares and live machines in time, with their changes marked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/botnet_out.h"

#define HOUR_MS 3600000LL
enum { PIECES = 240, WINDOWS_MAX = 24 * 400, CHANGES = 16 };

void botnet_plot_deinit(struct botnet_plot *p)
{
    free(p->points);
    p->points = NULL;
}

static void add_marks(struct botnet_plot *p, const struct change_series *s, const char *name)
{
    struct change all[CHANGES];
    size_t n = s ? change_list(s, all, CHANGES) : 0;
    for (size_t i = 0; i < n && p->plot.n_marks < BOTNET_MARKS; i++) {
        char *text = p->texts[p->plot.n_marks];
        if (all[i].at_ms < p->plot.from_ms || all[i].at_ms >= p->plot.to_ms)
            continue;
        snprintf(text, sizeof p->texts[0], "%s%s%s, cause %s", name, *name ? ": " : "", watch_change_name(all[i].kind),
                 watch_cause_name(all[i].cause));
        p->mark[p->plot.n_marks++] = (struct plot_mark){all[i].at_ms, text};
    }
    p->plot.mark = p->mark;
}

static void name_series(struct botnet_plot *p, struct observatory *o, size_t i, uint32_t number)
{
    struct botnet x;
    if (number != SHARE_UNKNOWN && number != SHARE_OTHERS && botnets_get(observatory_botnets(o), number, &x))
        snprintf(p->names[i], BOTNET_NAME, "%s", x.name);
    else
        snprintf(p->names[i], BOTNET_NAME, "%s", number == SHARE_OTHERS ? "others" : "unknown");
    p->series[i].name = p->names[i];
}

/* Each piece of the time is asked by itself: a share of a day is not the mean of its hours'. */
static void fill_shares(struct botnet_plot *p, struct observatory *o, const struct share *top, size_t n, size_t pieces)
{
    struct shares *s = botnets_shares(observatory_botnets(o));
    size_t max = 0;
    struct share *all = NULL, total;
    for (size_t k = 0; k < pieces; k++) {
        int64_t from = p->plot.from_ms + (int64_t)k * p->plot.step_ms;
        size_t m = shares_ask(s, from, from + p->plot.step_ms, all, max, &total);
        if (m > max) {
            struct share *bigger = realloc(all, m * sizeof *all);
            if (!bigger)
                break;
            all = bigger;
            max = m;
            m = shares_ask(s, from, from + p->plot.step_ms, all, max, &total);
        }
        double none = m && total.messages ? 3.69 / (double)total.messages : 1; /* -ln 0.025: none of so many were its own */
        for (size_t i = 0; i < n && m; i++) {
            struct plot_point *x = (struct plot_point *)(uintptr_t)&p->series[i].point[p->series[i].n++];
            *x = (struct plot_point){from, 0, 0, none < 1 ? none : 1};
            for (size_t j = 0; j < m; j++)
                if (all[j].botnet == top[i].botnet)
                    *x = (struct plot_point){from, all[j].of[SHARE_MESSAGES].lo, all[j].of[SHARE_MESSAGES].mid, all[j].of[SHARE_MESSAGES].hi};
        }
    }
    free(all);
}

struct marking { struct botnet_plot *p; struct observatory *o; };

static int mark_one(void *ctx, const struct botnet *x)
{
    struct marking *m = ctx;
    for (size_t i = 0; i < m->p->plot.n_series; i++)
        if (strcmp(m->p->series[i].name, x->name) == 0)
            add_marks(m->p, botnets_change(observatory_botnets(m->o), x->number), x->name);
    return 0;
}

bool botnets_plot(struct botnet_plot *p, struct observatory *o, const struct botnet_view *v)
{
    struct shares *s = botnets_shares(observatory_botnets(o));
    struct share top[PLOT_SERIES_MAX];
    size_t n = s ? shares_ask(s, v->from_ms, v->to_ms, top, PLOT_SERIES_MAX, NULL) : 0;
    int64_t hours = (v->to_ms - v->from_ms) / HOUR_MS, wide = (hours + PIECES - 1) / PIECES;
    if (n == 0 || hours < 2)
        return false;
    if (n > PLOT_SERIES_MAX)
        n = PLOT_SERIES_MAX;
    size_t pieces = (size_t)((hours + wide - 1) / wide);
    p->points = calloc(n * pieces, sizeof *p->points);
    if (!p->points)
        return false;
    snprintf(p->title, sizeof p->title, "Shares of spam, by messages");
    p->plot = (struct plot){.title = p->title, .unit = "share", .is_share = true, .from_ms = v->from_ms, .to_ms = v->to_ms,
                            .step_ms = wide * HOUR_MS, .series = p->series, .n_series = n};
    for (size_t i = 0; i < n; i++) {
        p->series[i].point = p->points + i * pieces;
        name_series(p, o, i, top[i].botnet);
    }
    fill_shares(p, o, top, n, pieces);
    struct marking m = {p, o};
    botnets_each(observatory_botnets(o), mark_one, &m);
    return true;
}

bool botnet_plot(struct botnet_plot *p, struct observatory *o, uint32_t number, const struct botnet_view *v)
{
    struct census *c = botnets_census(observatory_botnets(o), number);
    struct estimate *e = calloc(WINDOWS_MAX, sizeof *e);
    int64_t *start = calloc(WINDOWS_MAX, sizeof *start);
    size_t n = c && e && start ? census_windows(c, v->from_ms, v->to_ms, e, start, WINDOWS_MAX) : 0;
    if (n > WINDOWS_MAX)
        n = WINDOWS_MAX;
    p->points = n > 1 ? calloc(n, sizeof *p->points) : NULL;
    for (size_t i = 0; p->points && i < n; i++)
        p->points[i] = (struct plot_point){start[i], e[i].lo, e[i].mid, e[i].hi};
    free(e);
    free(start);
    if (!p->points)
        return false;
    p->series[0] = (struct plot_series){"", p->points, n};
    name_series(p, o, 0, number);
    snprintf(p->title, sizeof p->title, "%s: live machines", p->names[0]);
    p->plot = (struct plot){.title = p->title, .unit = "machines", .from_ms = v->from_ms, .to_ms = v->to_ms, .step_ms = HOUR_MS,
                            .series = p->series, .n_series = 1};
    add_marks(p, botnets_change(observatory_botnets(o), number), "");
    return true;
}
