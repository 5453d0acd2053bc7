/* posse botnets, posse botnet: who sends it, how many machines, how much, what changed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/botnet_out.h"
#include "cli/cli_gate.h"
#include "cli/watch_plot.h"

enum { OUT_MAX = 64 << 20, OPT_TELL = 400, OPT_NOTE, OPT_MAILER };

static int time_option(const struct cli_command *cmd, struct botnet_view *v, int key)
{
    int64_t *time = key == OPT_SINCE ? &v->from_ms : &v->to_ms;
    if (cli_time(optarg, cli_now_ms(), time))
        return 1;
    cli_usage(cmd, "'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", optarg);
    return -1;
}

static int print(struct buf *b, int rc, const struct report *why)
{
    if (!rc && buf_error(b))
        rc = cli_error("%s", posse_strerror(buf_error(b)));
    else if (rc)
        rc = cli_report(why);
    fwrite(b->p, 1, b->n, stdout);
    buf_deinit(b);
    return rc ? CLI_TROUBLE : CLI_OK;
}

/* ---- botnets ---- */

static int list(struct cli_watch *w, struct botnet_view *v, const char *svg, bool is_json)
{
    struct report why = {0};
    struct buf b;
    botnet_view_default(v, w->observatory);
    buf_init(&b, OUT_MAX);
    int rc = is_json ? botnets_json(&b, w->observatory, v) : botnets_table(&b, w->observatory, v);
    if (rc)
        report_set(&why, rc, "%s", posse_strerror(rc));
    struct botnet_plot p = {.points = NULL};
    if (!rc && botnets_plot(&p, w->observatory, v)) {
        if (svg)
            rc = watch_svg(&p.plot, svg, &why);
        else if (!is_json) {
            buf_add_byte(&b, '\n');
            plot_terminal(&p.plot, watch_columns(), 12, &b);
        }
    }
    botnet_plot_deinit(&p);
    return print(&b, rc, &why);
}

static int tell(struct cli_watch *w, const char *name, const char *time, const char *what, const char *note)
{
    static const struct { const char *name; enum change_cause cause; } causes[] = {
        {"takedown", CAUSE_TAKEDOWN}, {"trap", CAUSE_TRAP}, {"pattern", CAUSE_OWN_PATTERN}, {"unknown", CAUSE_UNKNOWN}};
    struct report why = {0};
    int64_t at;
    bool is_applied;
    size_t i = 0;
    while (i < 4 && strcmp(causes[i].name, what) != 0)
        i++;
    if (i == 4)
        return cli_error("'%s' is no cause; write takedown, trap, pattern or unknown", what);
    if (!cli_time(time, cli_now_ms(), &at))
        return cli_error("'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", time);
    if (observatory_tell(w->observatory, name, at, cli_now_ms(), causes[i].cause, note, &is_applied, &why))
        return cli_report(&why);
    puts(is_applied ? "entered; it explains a silence that was found" : "entered; no silence within a day of it was found yet");
    return CLI_OK;
}

static int botnets_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct cli_watch w = {.home = NULL};
    struct botnet_view v = {.from_ms = 0};
    struct report why = {0};
    const char *svg = NULL, *note = "";
    bool is_json = false, is_telling = false, is_bad;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_watch_option(cmd, &w, key, &is_bad) && !is_bad)
            continue;
        if (is_bad)
            return CLI_TROUBLE;
        switch (key) {
        case OPT_SINCE: case OPT_UNTIL:
            if (time_option(cmd, &v, key) < 0)
                return CLI_TROUBLE;
            break;
        case OPT_SVG: svg = optarg; break;
        case OPT_JSON: is_json = true; break;
        case OPT_TELL: is_telling = true; break;
        case OPT_NOTE: note = optarg; break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (argc - first != (is_telling ? 3 : 0))
        return cli_usage(cmd, is_telling ? "--tell takes NAME, TIME and takedown, trap, pattern or unknown"
                                         : "it takes options only; posse botnet NAME tells of one");
    int rc = cli_watch_open(&w, &why), status = CLI_TROUBLE;
    if (rc == POSSE_ENOENT && !w.home && !is_telling)
        status = CLI_OK; /* nothing was observed: none */
    else if (rc)
        cli_report(&why);
    else
        status = is_telling ? tell(&w, argv[first], argv[first + 1], argv[first + 2], note) : list(&w, &v, svg, is_json);
    return cli_watch_close(&w, status);
}

static const struct cli_option botnets_options[] = {
    {OPT_SINCE, "since", "TIME", "from then on: 2026-11-21 14:30, @UNIXTIME, or 7d ago (the stream's last day)"},
    {OPT_UNTIL, "until", "TIME", "up to then (the stream's end)"},
    {OPT_SVG, "svg", "FILE", "write the history of shares as SVG"},
    {OPT_JSON, "json", NULL, "one JSON object"},
    {OPT_TELL, "tell", NULL, "enter why a botnet fell silent: NAME TIME takedown|trap|pattern|unknown"},
    {OPT_NOTE, "note", "TEXT", "what is known of that, and from where"},
    {OPT_HOME, "home", "DIR", "where the observatory is"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_botnets = {
    .name = "botnets",
    .summary = "list who sends it, and how much",
    .synopsis = "[OPTION]...\n       posse botnets --tell NAME TIME takedown|trap|pattern|unknown [--note TEXT]",
    .about = "Lists the botnets that the observatory tells apart: their share of the spam by messages, by\n"
             "recipients, by bytes and by addresses, how many machines they have, and what changed. Every\n"
             "estimate stands with its 95% interval. A spam trap cannot tell a pause from a takedown: the cause\n"
             "of a silence is unknown until somebody enters it with --tell. Exit status: 0 fine, 2 trouble.",
    .options = botnets_options,
    .run = botnets_run,
};

/* ---- botnet ---- */

static int print_one(struct cli_watch *w, struct botnet_view *v, const char *name, const char *svg, bool is_json)
{
    struct observatory *o = w->observatory;
    struct report why = {0};
    uint32_t number;
    struct buf b;
    if (!botnet_find(o, name, &number))
        return cli_error("%s: no such botnet; 'posse botnets' lists them", name);
    botnet_view_default(v, o);
    buf_init(&b, OUT_MAX);
    int rc = is_json ? botnet_json(&b, o, number, v) : botnet_full(&b, o, number, v);
    if (rc)
        report_set(&why, rc, "%s", posse_strerror(rc));
    struct botnet_plot p = {.points = NULL};
    if (!rc && botnet_plot(&p, o, number, v)) {
        if (svg)
            rc = watch_svg(&p.plot, svg, &why);
        else if (!is_json) {
            buf_add_byte(&b, '\n');
            plot_terminal(&p.plot, watch_columns(), 12, &b);
        }
    }
    botnet_plot_deinit(&p);
    return print(&b, rc, &why);
}

static int print_mailer(struct cli_watch *w, const char *name, bool is_json)
{
    struct report why = {0};
    struct botnet x;
    uint32_t number;
    struct buf b;
    if (!botnet_find(w->observatory, name, &number) || !botnets_get(observatory_botnets(w->observatory), number, &x))
        return cli_error("%s: no such botnet; 'posse botnets' lists them", name);
    buf_init(&b, OUT_MAX);
    return print(&b, botnet_mailer(&b, w->observatory, x.name, is_json, &why), &why);
}

static int botnet_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct cli_watch w = {.home = NULL};
    struct botnet_view v = {.from_ms = 0};
    struct report why = {0};
    const char *svg = NULL;
    bool is_json = false, is_mailer = false, is_bad;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_watch_option(cmd, &w, key, &is_bad) && !is_bad)
            continue;
        if (is_bad)
            return CLI_TROUBLE;
        switch (key) {
        case OPT_SINCE: case OPT_UNTIL:
            if (time_option(cmd, &v, key) < 0)
                return CLI_TROUBLE;
            break;
        case OPT_SVG: svg = optarg; break;
        case OPT_JSON: is_json = true; break;
        case OPT_MAILER: is_mailer = true; break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (argc - first != 1)
        return cli_usage(cmd, "it takes one botnet's name or number");
    int status = cli_watch_open(&w, &why) ? cli_report(&why) : is_mailer ? print_mailer(&w, argv[first], is_json)
                                                                         : print_one(&w, &v, argv[first], svg, is_json);
    return cli_watch_close(&w, status);
}

static const struct cli_option botnet_options[] = {
    {OPT_SINCE, "since", "TIME", "from then on: 2026-11-21 14:30, @UNIXTIME, or 7d ago (the stream's last day)"},
    {OPT_UNTIL, "until", "TIME", "up to then (the stream's end)"},
    {OPT_SVG, "svg", "FILE", "write the history of its live machines as SVG"},
    {OPT_MAILER, "mailer", NULL, "how its programs write, read from the messages that were kept"},
    {OPT_JSON, "json", NULL, "one JSON object"},
    {OPT_HOME, "home", "DIR", "where the observatory is"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_botnet = {
    .name = "botnet",
    .summary = "tell all about one botnet",
    .synopsis = "[OPTION]... NAME",
    .about = "Tells what is known of a botnet: its campaigns and why they are its own, how its programs write,\n"
             "its share, its addresses and machines (three numbers that are never one), and its changes.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = botnet_options,
    .run = botnet_run,
};
