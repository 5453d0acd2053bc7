/* posse-sim: the closed world (sim/README.md). Writes files; sends nothing. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "flow.h"
#include "scn_line.h"

static const char help[] =
    "posse-sim SCENARIO.scn --out DIR [OPTION]...: what a world of botnets, bulk senders and people leaves behind, and the truth\n"
    "posse-sim --check SCENARIO.scn: reads it, and says what is wrong\n"
    "\n"
    "  --out DIR          where to write; - is standard output (records, or the traps' mbox), then --truth is needed\n"
    "  --truth DIR        the truth's own folder, in place of DIR/truth\n"
    "  --seed N           another chance than the scenario's\n"
    "  --mail KIND        mbox (the default, unless --records), maildir, none\n"
    "  --records          event records of 56 bytes (sim/README.md)\n"
    "  --flows            Zeek logs of the scenario's campus\n"
    "  --scale F          so many times the machines, and what they send\n"
    "  --sample F         so many times what the traps see of it\n"
    "  --from T, --to T   only this stretch of time: 2011-03-16 or 2011-03-16T14:45, UTC\n"
    "  --quiet            no progress on the terminal\n"
    "\n"
    "Every name and address is reserved (.example, .test, .invalid, 10.0.0.0/8, 2001:db8::/32). It sends nothing.\n"
    "Exit status: 0, or 2 with a line that says why.\n";

enum { OPT_OUT = 256, OPT_TRUTH, OPT_SEED, OPT_MAIL, OPT_RECORDS, OPT_FLOWS, OPT_SCALE, OPT_SAMPLE, OPT_FROM, OPT_TO, OPT_CHECK,
       OPT_QUIET, OPT_HELP };
static const struct option options_known[] = {
    {"out", required_argument, NULL, OPT_OUT}, {"truth", required_argument, NULL, OPT_TRUTH},
    {"seed", required_argument, NULL, OPT_SEED}, {"mail", required_argument, NULL, OPT_MAIL},
    {"records", no_argument, NULL, OPT_RECORDS}, {"flows", no_argument, NULL, OPT_FLOWS},
    {"scale", required_argument, NULL, OPT_SCALE},
    {"sample", required_argument, NULL, OPT_SAMPLE}, {"from", required_argument, NULL, OPT_FROM},
    {"to", required_argument, NULL, OPT_TO}, {"check", no_argument, NULL, OPT_CHECK}, {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP}, {NULL, 0, NULL, 0}};

static double factor_of(const char *text, const char *name)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v > 0 && v <= 1e6))
        die("%s: a number above 0, not \"%s\"", name, text);
    return v;
}

static enum mail_kind mail_of(const char *text)
{
    static const char *const names[] = {"none", "mbox", "maildir"};
    for (int i = 0; i < 3; i++)
        if (strcmp(names[i], text) == 0)
            return (enum mail_kind)i;
    die("--mail: mbox, maildir or none, not \"%s\"", text);
}

static void take(struct options *o, int what, const char *value, int *mail)
{
    char *end;
    switch (what) {
    case OPT_OUT: o->out = value; break;
    case OPT_TRUTH: o->truth = value; break;
    case OPT_MAIL: *mail = (int)mail_of(value); break;
    case OPT_RECORDS: o->has_records = true; break;
    case OPT_FLOWS: o->has_flows = true; break;
    case OPT_SCALE: o->scale = factor_of(value, "--scale"); break;
    case OPT_SAMPLE: o->sample = factor_of(value, "--sample"); break;
    case OPT_CHECK: o->is_check = true; break;
    case OPT_QUIET: o->is_quiet = true; break;
    case OPT_SEED:
        o->seed = strtoull(value, &end, 10);
        o->has_seed = true;
        if (end == value || *end)
            die("--seed: a whole number, not \"%s\"", value);
        break;
    case OPT_FROM:
    case OPT_TO:
        if (!time_parse(value, what == OPT_FROM ? &o->from_ms : &o->to_ms))
            die("--%s: 2011-03-16 or 2011-03-16T14:45 (UTC), not \"%s\"", what == OPT_FROM ? "from" : "to", value);
        break;
    case OPT_HELP:
        fputs(help, stdout);
        exit(0);
    default:
        fputs("posse-sim --help says what there is\n", stderr);
        exit(2);
    }
}

static void check(const struct options *o, const struct scenario *s)
{
    if (!o->out)
        die("--out DIR is missing; posse-sim --help says what there is");
    if (strcmp(o->out, "-") == 0 && !o->truth)
        die("--out - needs --truth DIR: the truth goes to files");
    if (strcmp(o->out, "-") == 0 && (o->has_records ? o->mail != MAIL_NONE : o->mail != MAIL_BOX))
        die("--out - is for one stream: --records, or --mail mbox");
    if (o->mail == MAIL_NONE && !o->has_records && !o->has_flows)
        die("nothing to write: --mail mbox, --records or --flows");
    if (s->family.n == 0 && (o->mail != MAIL_NONE || o->has_records))
        die("%s has no families, so only --flows can be written", s->file);
    if (o->has_flows && (strcmp(o->out, "-") == 0 || o->from_ms != INT64_MIN || o->to_ms != INT64_MAX))
        die("--flows goes to a folder, and is of the scenario's whole time");
    int64_t from = o->from_ms == INT64_MIN ? s->from_ms : o->from_ms, to = o->to_ms == INT64_MAX ? s->to_ms : o->to_ms;
    if (from < s->from_ms || to > s->to_ms || from >= to)
        die("--from and --to must lie within the scenario's own, and in order");
}

int main(int argc, char **argv)
{
    struct options o = {.scale = 1, .sample = 1, .from_ms = INT64_MIN, .to_ms = INT64_MAX, .is_quiet = !isatty(STDERR_FILENO)};
    struct scenario s;
    int what, mail = -1;
    while ((what = getopt_long(argc, argv, "", options_known, NULL)) != -1)
        take(&o, what, optarg, &mail);
    if (optind + 1 != argc)
        die("name one scenario; posse-sim --help says what there is");
    o.scenario = argv[optind];
    o.mail = mail >= 0 ? (enum mail_kind)mail : o.has_records || o.has_flows ? MAIL_NONE : MAIL_BOX;
    scenario_read(o.scenario, &s);
    if (o.is_check) {
        printf("%s: %zu families, %zu mailers, %zu networks, %zu traps\n", o.scenario, s.family.n, s.mailer.n, s.network.n, s.trap.n);
        return 0;
    }
    check(&o, &s);
    if (o.mail != MAIL_NONE || o.has_records)
        run(&s, &o);
    if (o.has_flows)
        flows_run(&s, &o);
    return 0;
}
