/* posse campaigns, posse campaign: what is being sent. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/campaign_out.h"
#include "cli/cli_gate.h"
#include "cli/watch_plot.h"

enum { OPT_BOTNET = 400, OPT_LEAST, OPT_BULK, OPT_ORIGINALS, OPT_MAGNIFY, OUT_MAX = 64 << 20, MAGNIFIED_MAX = 1 << 18 };

/* ---- campaigns ---- */

struct list {
    struct cli_watch watch;
    const char *botnet;
    int64_t since_ms, until_ms;
    uint64_t limit, least;
    bool is_json, with_bulk;
    uint32_t number; /* of the botnet */
    struct found { uint64_t number, messages; } *found;
    size_t n, cap;
};

static bool is_wanted(struct list *l, const struct campaign *c)
{
    struct membership m;
    if ((c->is_bulk && !l->with_bulk) || c->messages < l->least)
        return false;
    if ((l->since_ms && c->last_ms < l->since_ms) || (l->until_ms && c->first_ms >= l->until_ms))
        return false;
    return !l->botnet || (botnets_member(observatory_botnets(l->watch.observatory), c->number, &m) && m.botnet == l->number && m.probability >= 0.5);
}

static int gather(void *ctx, const struct campaign *c)
{
    struct list *l = ctx;
    if (!is_wanted(l, c))
        return 0;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        struct found *bigger = realloc(l->found, cap * sizeof *bigger);
        if (!bigger)
            return POSSE_ENOMEM;
        l->found = bigger;
        l->cap = cap;
    }
    l->found[l->n++] = (struct found){c->number, c->messages};
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->messages != y->messages)
        return x->messages < y->messages ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Of the column BOTNET. */
static int owner_width(const struct list *l, struct campaign *c)
{
    int width = (int)strlen("BOTNET");
    for (size_t i = 0; i < l->n && !l->is_json; i++)
        if (campaigns_get(observatory_campaigns(l->watch.observatory), l->found[i].number, c)) {
            int w = campaign_owner_width(l->watch.observatory, c);
            width = w > width ? w : width;
        }
    return width;
}

static int print_list(struct list *l)
{
    struct campaigns *all = observatory_campaigns(l->watch.observatory);
    struct buf b;
    int rc = campaigns_each(all, gather, l);
    if (rc)
        return cli_error("%s", posse_strerror(rc));
    if (l->n)
        qsort(l->found, l->n, sizeof *l->found, by_size);
    if (l->limit && l->n > l->limit)
        l->n = (size_t)l->limit;
    struct campaign *c = malloc(sizeof *c);
    if (!c)
        return cli_error("out of memory");
    buf_init(&b, OUT_MAX);
    int width = owner_width(l, c);
    if (!l->is_json && l->n)
        campaign_head(&b, width);
    for (size_t i = 0; i < l->n; i++) {
        if (!campaigns_get(all, l->found[i].number, c))
            continue;
        if (l->is_json)
            campaign_json_line(&b, l->watch.observatory, c);
        else
            campaign_line(&b, l->watch.observatory, c, width);
        fwrite(b.p, 1, b.n, stdout);
        buf_clear(&b);
    }
    free(c);
    buf_deinit(&b);
    return CLI_OK;
}

/* 1: taken, 0: not one of these, negative: said already. */
static int list_option(const struct cli_command *cmd, struct list *l, int key)
{
    int64_t *time = key == OPT_SINCE ? &l->since_ms : key == OPT_UNTIL ? &l->until_ms : NULL;
    if (time) {
        if (cli_time(optarg, cli_now_ms(), time))
            return 1;
        cli_usage(cmd, "'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", optarg);
        return -1;
    }
    uint64_t *number = key == OPT_LIMIT ? &l->limit : key == OPT_LEAST ? &l->least : NULL;
    if (number) {
        if (cli_number(optarg, 1, UINT64_MAX, number))
            return 1;
        cli_usage(cmd, "--%s is a number above 0", key == OPT_LIMIT ? "limit" : "least");
        return -1;
    }
    switch (key) {
    case OPT_BOTNET: l->botnet = optarg; return 1;
    case OPT_BULK: l->with_bulk = true; return 1;
    case OPT_JSON: l->is_json = true; return 1;
    default: return 0;
    }
}

static int campaigns_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct list l = {.least = 2};
    struct report why = {0};
    int key, first;
    bool is_bad;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_watch_option(cmd, &l.watch, key, &is_bad) && !is_bad)
            continue;
        if (is_bad || list_option(cmd, &l, key) <= 0)
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    }
    if (first != argc)
        return cli_usage(cmd, "it takes options only; posse campaign ID tells of one");
    int rc = cli_watch_open(&l.watch, &why), status = CLI_TROUBLE;
    if (rc == POSSE_ENOENT && !l.watch.home)
        status = CLI_OK; /* nothing was observed: none */
    else if (rc)
        cli_report(&why);
    else if (l.botnet && !botnets_find(observatory_botnets(l.watch.observatory), l.botnet, &l.number))
        cli_error("%s: no such botnet; 'posse botnets' lists them", l.botnet);
    else
        status = print_list(&l);
    free(l.found);
    return cli_watch_close(&l.watch, status);
}

static const struct cli_option campaigns_options[] = {
    {OPT_SINCE, "since", "TIME", "only campaigns that sent since then: 2026-11-21 14:30, @UNIXTIME, or 7d ago"},
    {OPT_UNTIL, "until", "TIME", "only campaigns that began before then"},
    {OPT_BOTNET, "botnet", "NAME", "only campaigns of this botnet"},
    {OPT_LEAST, "least", "N", "only campaigns of at least so many messages (2)"},
    {OPT_BULK, "bulk", NULL, "solicited bulk mail too"},
    {OPT_LIMIT, "limit", "N", "at most so many, the biggest"},
    {OPT_JSON, "json", NULL, "one JSON object a line"},
    {OPT_HOME, "home", "DIR", "where the observatory is"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_campaigns = {
    .name = "campaigns",
    .summary = "list what is being sent",
    .synopsis = "[OPTION]...",
    .about = "Lists the campaigns (messages made from one template) that the observatory knows, the biggest\n"
             "first: id, first and last time, messages, addresses that sent them, whose they are, most frequent\n"
             "link. Estimates stand with their 95% interval. Exit status: 0 fine, 2 trouble.",
    .options = campaigns_options,
    .run = campaigns_run,
};

/* ---- campaign ---- */

struct one { struct cli_watch watch; const char *svg, *originals; bool is_json, magnifies; uint64_t limit; };

static int write_original(void *ctx, int64_t time_ms, struct span raw)
{
    char time[CLI_TIME_MAX];
    (void)ctx;
    cli_format_time(time_ms, time);
    watch_mbox(stdout, time_ms, raw);
    return ferror(stdout) ? POSSE_EIO : 0;
}

static void magnified_line(struct buf *b, const struct magnified *m, const char *id, const char *botnet, bool is_json)
{
    char source[IP_TEXT];
    ip_text(&m->source, source);
    if (!is_json) {
        buf_add_fmt(b, "%-39s  %.4f\n", source, m->probability);
        return;
    }
    buf_add_byte(b, '{');
    json_name(b, "address", true);
    json_string(b, span_str(source));
    json_name(b, "probability", false);
    json_number(b, m->probability);
    json_name(b, "campaign", false);
    json_string(b, span_str(id));
    json_name(b, "botnet", false);
    botnet[0] ? json_string(b, span_str(botnet)) : buf_add_str(b, "null");
    buf_add_str(b, "}\n");
}

/* Further machines of who sends this campaign, one a line. */
static int print_magnified(struct one *x, const struct campaign *c)
{
    struct botnets *all = observatory_botnets(x->watch.observatory);
    size_t max = x->limit && x->limit < MAGNIFIED_MAX ? (size_t)x->limit : MAGNIFIED_MAX, n = 0;
    struct magnified *found = malloc(max * sizeof *found);
    struct report why = {0};
    struct membership m;
    struct botnet whose = {.name = ""};
    struct buf b;
    int rc = found ? botnets_magnify(all, observatory_campaigns(x->watch.observatory), c->number, found, max, &n, &why)
                   : report_set(&why, POSSE_ENOMEM, "out of memory");
    if (botnets_member(all, c->number, &m) && m.probability >= 0.5)
        (void)botnets_get(all, m.botnet, &whose);
    buf_init(&b, OUT_MAX);
    for (size_t i = 0; i < n; i++)
        magnified_line(&b, &found[i], c->id, whose.name, x->is_json);
    if (!rc && buf_error(&b))
        rc = report_set(&why, buf_error(&b), "%s", posse_strerror(buf_error(&b)));
    if (!rc && b.n)
        fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    free(found);
    return rc ? cli_report(&why) : CLI_OK;
}

static int print_one(struct one *x, const char *id)
{
    struct observatory *o = x->watch.observatory;
    struct report why = {0};
    struct campaign *c = malloc(sizeof *c);
    uint64_t number;
    struct buf b;
    if (!c)
        return cli_error("out of memory");
    if (!campaigns_find(observatory_campaigns(o), id, &number) || !campaigns_get(observatory_campaigns(o), number, c)) {
        free(c);
        return cli_error("%s: no such campaign; 'posse campaigns' lists them", id);
    }
    if (x->magnifies) {
        int status = print_magnified(x, c);
        free(c);
        return status;
    }
    buf_init(&b, OUT_MAX);
    int rc = x->originals ? observatory_originals(o, number, write_original, NULL, &why)
             : x->is_json ? campaign_full_json(&b, o, c, &why) : campaign_full(&b, o, c, &why);
    struct plot_point *points = NULL;
    struct plot_series series;
    struct plot plot;
    if (!rc && !x->originals && campaign_plot(c, &points, &series, &plot)) {
        if (x->svg)
            rc = watch_svg(&plot, x->svg, &why);
        else if (!x->is_json) {
            buf_add_byte(&b, '\n');
            plot_terminal(&plot, watch_columns(), 12, &b);
        }
    }
    if (b.n) /* a buffer that held nothing has no address */
        fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    free(points);
    free(c);
    return rc && !ferror(stdout) ? cli_report(&why) : CLI_OK;
}

static int campaign_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct one x = {.svg = NULL};
    struct report why = {0};
    int key, first;
    bool is_bad;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_watch_option(cmd, &x.watch, key, &is_bad) && !is_bad)
            continue;
        if (!is_bad && key == OPT_JSON)
            x.is_json = true;
        else if (!is_bad && key == OPT_SVG)
            x.svg = optarg;
        else if (!is_bad && key == OPT_ORIGINALS)
            x.originals = "-";
        else if (!is_bad && key == OPT_MAGNIFY)
            x.magnifies = true;
        else if (!is_bad && key == OPT_LIMIT && !cli_number(optarg, 1, UINT64_MAX, &x.limit))
            return cli_usage(cmd, "--limit is a number above 0");
        else if (is_bad || key != OPT_LIMIT)
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    }
    if (x.limit && !x.magnifies)
        return cli_usage(cmd, "--limit goes with --magnify");
    if (argc - first != 1)
        return cli_usage(cmd, "it takes one campaign's ID");
    int status = cli_watch_open(&x.watch, &why) ? cli_report(&why) : print_one(&x, argv[first]);
    return cli_watch_close(&x.watch, status);
}

static const struct cli_option campaign_options[] = {
    {OPT_SVG, "svg", "FILE", "write its history as SVG"},
    {OPT_ORIGINALS, "originals", NULL, "write its kept messages as an mbox, and nothing else"},
    {OPT_MAGNIFY, "magnify", NULL, "list further addresses that send as its senders do, likeliest first"},
    {OPT_LIMIT, "limit", "N", "with --magnify: at most so many"},
    {OPT_AS, "as", "FILE", "table of autonomous systems, for their names (observe.as)"},
    {OPT_JSON, "json", NULL, "one JSON object"},
    {OPT_HOME, "home", "DIR", "where the observatory is"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_campaign = {
    .name = "campaign",
    .summary = "tell all about one campaign",
    .synopsis = "[OPTION]... ID",
    .about = "Tells what is known of a campaign: how big it is, who sends it and why that is believed, its\n"
             "texts, links, files, marks and recipients, its templates with their slots, and its history.\n"
             "--magnify goes from its senders to more of their botnet: addresses that write with their program\n"
             "to their targets, each with a probability.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = campaign_options,
    .run = campaign_run,
};
