/* posse case action, watch, close, reopen: what was done, what came of it, and the end. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/cli_case.h"
#include "cli/cli_gate.h"
#include "cli/cli_watch.h"
#include "cli/verdict_out.h"
#include "cli/watch_plot.h"
#include "engine/gather_after.h"

#define HOUR_MS 3600000LL
enum { DRAWN_MOST = 240, SHOWN_BACKS = 10 };

/* ---- action ---- */

int case_action_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct case_time at = {0};
    struct casefile *c;
    char text[CASE_TIME_TEXT];
    if (argc != 3)
        return cli_usage(q->cmd, "action wants a case, a time, and a text in quotes: what was done");
    if (!case_time_read(span_str(argv[1]), &at) && !cli_time(argv[1], cli_now_ms(), &at.unix_ms))
        return cli_error("%s: is no time such as 2011-03-16T14:45:00.000+00:00 or \"2011-03-16 14:45\"", argv[1]);
    case_time_text(&at, text);
    int status = case_open(q, argv[0], true, &c);
    if (status)
        return status;
    struct case_field f[] = {{"time", span_str(text)}, {"text", span_str(argv[2])}};
    if (casefile_note(c, "action", f, 2, NULL, &why))
        status = cli_report(&why);
    return case_done(&c, status);
}

struct entered { struct casefile *c; struct arena *a; int64_t at_ms; struct span text; bool is_there; };

/* The newest one counts. */
static int take_action(void *ctx, const struct case_line *l)
{
    struct entered *x = ctx;
    struct case_time t;
    if (!span_eq(l->kind, SPAN_LIT("action")) || !case_time_read(casefile_field(x->c, "time"), &t))
        return 0;
    x->at_ms = t.unix_ms;
    x->text = arena_copy(x->a, casefile_field(x->c, "text"));
    x->is_there = true;
    return 0;
}

/* ---- watch ---- */

static void put_takers(struct buf *b, const struct found_watch *w)
{
    char before[WATCH_ESTIMATE], after[WATCH_ESTIMATE], then[WATCH_NUMBER], now[WATCH_NUMBER];
    if (w->n_takers)
        buf_add_fmt(b, "\n%-24s  %-24s  %-24s  %s\n", "SHARE OF", "BEFORE", "AFTER", "MESSAGES A DAY");
    for (size_t i = 0; i < w->n_takers; i++) {
        const struct found_taker *t = &w->taker[i];
        watch_estimate(&t->before, true, before);
        watch_estimate(&t->after, true, after);
        watch_number(t->messages_before.mid, then);
        watch_number(t->messages_after.mid, now);
        buf_add_fmt(b, "%-24.*s  %-24s  %-24s  %s, then %s\n", (int)t->name.n, (const char *)t->name.p, before, after, then, now);
    }
}

static void put_watch(struct buf *b, const struct found_watch *w)
{
    char at[CLI_TIME_MAX], seen[CLI_TIME_MAX], ip[IP_TEXT];
    cli_format_time(w->action_ms, at);
    cli_format_time(w->seen_ms, seen);
    buf_add_fmt(b, "action        %s  ", at);
    text_write(b, w->action);
    buf_add_fmt(b, "\nlooked        up to %s\nverdict       %.*s; cause %.*s\n\n", seen, (int)w->verdict.n, (const char *)w->verdict.p,
                (int)w->cause.n, (const char *)w->cause.p);
    text_write(b, w->sentence);
    buf_add_byte(b, '\n');
    put_takers(b, w);
    if (w->n_backs)
        buf_add_fmt(b, "\nCAME BACK%s\n", w->n_backs > SHOWN_BACKS ? " (the first of them; all are in the findings)" : "");
    for (size_t i = 0; i < w->n_backs && i < SHOWN_BACKS; i++) {
        ip_text(&w->back[i].ip, ip);
        cli_format_time(w->back[i].first_ms, at);
        buf_add_fmt(b, "%-40s  as ", ip);
        text_write(b, w->back[i].is);
        buf_add_fmt(b, ", campaign %.*s since %s\n", (int)w->back[i].campaign.n, (const char *)w->back[i].campaign.p, at);
    }
}

static void fill_points(struct plot_point *p, const uint64_t *hour, size_t from, size_t n, size_t wide)
{
    double sum = 0;
    for (size_t i = from; i < from + wide && i < n; i++)
        sum += (double)hour[i];
    double half = 1.96 * sqrt(sum + 0.375), hours = (double)wide;
    *p = (struct plot_point){0, fmax(0, sum - half) / hours, sum / hours, (sum + half + 1) / hours};
}

static int draw(const struct case_request *q, const struct found_watch *w, const struct after_hours *h, struct buf *b, struct report *why)
{
    size_t wide = h->n / DRAWN_MOST + 1, n = h->n / wide;
    struct plot_point *p = calloc(2 * n + 1, sizeof *p);
    struct plot_series s[2] = {{"the case's own", p, n}, {"all spam", p ? p + n : NULL, n}};
    struct plot_mark mark[2] = {{w->action_ms, "action"}, {w->since_ms, "fell"}};
    struct plot plot = {.title = "Before and after", .unit = "messages an hour", .from_ms = h->from_ms,
                        .to_ms = h->from_ms + (int64_t)(n * wide) * HOUR_MS, .step_ms = (int64_t)wide * HOUR_MS, .series = s, .n_series = 2,
                        .mark = mark, .n_marks = w->since_ms ? 2 : 1};
    if (!p)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        fill_points(&p[i], h->own, i * wide, h->n, wide);
        fill_points(&p[n + i], h->whole, i * wide, h->n, wide);
        p[i].time_ms = p[n + i].time_ms = h->from_ms + (int64_t)(i * wide) * HOUR_MS;
    }
    int err = POSSE_OK;
    if (q->svg)
        err = watch_svg(&plot, q->svg, why);
    else if (!q->is_json && n > 1) {
        buf_add_byte(b, '\n');
        plot_terminal(&plot, watch_columns(), 12, b);
    }
    free(p);
    return err;
}

static void put_json(struct buf *b, const struct findings *f, uint64_t n)
{
    struct findings only = {.version = FINDINGS_VERSION, .watch = f->watch};
    struct buf j;
    buf_init(&j, FINDINGS_BYTES);
    if (findings_write(&only, &j) == 0 && j.n > 22) { /* {"version":1,"watch":{...}}: the part within */
        ptrdiff_t at = span_find(buf_span(&j), SPAN_LIT("\"watch\":"));
        buf_add_fmt(b, "{\"n\":%" PRIu64 ",", n);
        buf_add_span(b, span_sub(buf_span(&j), (size_t)at, j.n));
    }
    buf_deinit(&j);
}

static int keep(struct case_request *q, struct casefile *c, struct arena *a, struct findings *old, struct found_watch *w, uint64_t *n,
                struct report *why)
{
    struct findings *f = arena_zalloc(a, sizeof *f);
    if (!f)
        return report_set(why, POSSE_ENOMEM, "out of memory");
    f->watch = w;
    int err = casefile_begin(c, why);
    if (err)
        return err;
    err = case_add_findings(q, c, a, f, old, n, why);
    if (!err)
        return casefile_commit(c, why);
    casefile_abandon(c);
    return err;
}

static int look(struct case_request *q, struct casefile *c, struct cli_watch *w, struct arena *a)
{
    struct report why = {0};
    struct entered act = {.c = c, .a = a};
    struct findings *f;
    struct found_watch *seen;
    struct after_hours hours;
    uint64_t n = 0;
    struct buf b;
    int err = casefile_each(c, take_action, &act, &why);
    if (!err)
        err = findings_newest(c, UINT64_MAX, a, &f, NULL, &why);
    if (err)
        return cli_report(&why);
    if (!act.is_there)
        return cli_error("%s: no day of action was entered: posse case action CASE TIME TEXT", q->folder);
    struct after_want want = {act.at_ms, act.text, q->since_ms, q->until_ms};
    err = gather_after(w->observatory, f, &want, a, &seen, &hours, &why);
    if (!err)
        err = keep(q, c, a, f, seen, &n, &why);
    if (err)
        return cli_report(&why);
    buf_init(&b, 64 << 20);
    f->watch = seen;
    q->is_json ? put_json(&b, f, n) : put_watch(&b, seen);
    err = draw(q, seen, &hours, &b, &why);
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return err ? cli_report(&why) : CLI_OK;
}

int case_watch_run(struct case_request *q, int argc, char **argv)
{
    struct report why = {0};
    struct cli_watch w = {.home = q->home, .as = q->as};
    struct casefile *c;
    if (argc != 1)
        return cli_usage(q->cmd, "watch wants a case");
    int status = case_open(q, argv[0], true, &c);
    if (status)
        return status;
    struct arena *a = arena_new((size_t)2 * FINDINGS_ARENA);
    if (!a)
        status = cli_error("out of memory");
    else
        status = cli_watch_open(&w, &why) ? cli_report(&why) : look(q, c, &w, a);
    arena_free(&a);
    return case_done(&c, cli_watch_close(&w, status));
}

/* ---- close ---- */

static int turn(struct case_request *q, const char *kind, int argc, char **argv, bool is_sealed)
{
    struct report why = {0};
    struct casefile *c;
    if (argc != 2)
        return cli_usage(q->cmd, "%s wants a case and a text, in quotes: %s", kind, is_sealed ? "how it ended" : "why it goes on");
    int status = case_open(q, argv[0], true, &c);
    if (status)
        return status;
    if (casefile_is_closed(c) == is_sealed)
        status = cli_error("%s: is %s", argv[0], is_sealed ? "closed already" : "not closed");
    else if (casefile_note(c, kind, (struct case_field[]){{"text", span_str(argv[1])}}, 1, NULL, &why))
        status = cli_report(&why);
    status = case_done(&c, status);
    return status || !is_sealed ? status : case_seal_run(q, 1, argv);
}

int case_close_run(struct case_request *q, int argc, char **argv) { return turn(q, "close", argc, argv, true); }
int case_reopen_run(struct case_request *q, int argc, char **argv) { return turn(q, "reopen", argc, argv, false); }
