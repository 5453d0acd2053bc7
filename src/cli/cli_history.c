/* posse history: what the doors decided, why, and teaching from it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli_gate.h"
#include "cli/history_out.h"

enum { OPT_UNTIL = 400, OPT_FROM, OPT_RCPT, OPT_ACTION, OPT_WOULD, OPT_REASON, OPT_CAMPAIGN, OPT_DOOR, OPT_CLIENT, OPT_CLASS,
       OPT_ID, OPT_LIMIT, OPT_EXPLAIN, OPT_TEACH };

struct history_request {
    struct cli_gate gate;
    struct event_filter filter;
    struct history_style style;
    const char *teach, *teacher;
    uint64_t n;
};

/* The options with a text. True: taken. */
static bool text_option(struct event_filter *f, int key)
{
    switch (key) {
    case OPT_FROM: f->from = optarg; return true;
    case OPT_RCPT: f->rcpt = optarg; return true;
    case OPT_ACTION: f->action = optarg; return true;
    case OPT_WOULD: f->would = optarg; return true;
    case OPT_REASON: f->reason = optarg; return true;
    case OPT_CAMPAIGN: f->campaign = optarg; return true;
    case OPT_DOOR: f->door = optarg; return true;
    case OPT_CLIENT: f->client = optarg; return true;
    case OPT_ID: f->id = optarg; return true;
    default: return false;
    }
}

static bool is_class(const char *s) { return strcmp(s, "spam") == 0 || strcmp(s, "ham") == 0; }

/* 1: taken, 0: not one of these, negative: said already. */
static int value_option(const struct cli_command *cmd, struct history_request *q, int key)
{
    int64_t *time = key == OPT_SINCE ? &q->filter.since_ms : key == OPT_UNTIL ? &q->filter.until_ms : NULL;
    if (time) {
        if (cli_time(optarg, cli_now_ms(), time))
            return 1;
        cli_usage(cmd, "'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", optarg);
        return -1;
    }
    switch (key) {
    case OPT_CLASS:
        q->filter.klass = strcmp(optarg, "spam") == 0;
        if (is_class(optarg))
            return 1;
        cli_usage(cmd, "a class is spam or ham");
        return -1;
    case OPT_TEACH:
        q->teach = optarg;
        if (is_class(optarg))
            return 1;
        cli_usage(cmd, "--teach takes spam or ham");
        return -1;
    case OPT_LIMIT:
        if (cli_number(optarg, 1, UINT64_MAX, &q->filter.limit))
            return 1;
        cli_usage(cmd, "--limit is a number above 0");
        return -1;
    case OPT_TEACHER: q->teacher = optarg; return 1;
    case OPT_JSON: q->style.is_json = true; return 1;
    case OPT_EXPLAIN: q->style.is_explained = true; return 1;
    default: return 0;
    }
}

static int print_row(void *ctx, const struct event *e)
{
    struct history_request *q = ctx;
    struct buf b;
    buf_init(&b, 1 << 20);
    history_write(&b, q->style, e);
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    q->n++;
    return ferror(stdout) ? POSSE_EIO : 0;
}

static int list(struct history_request *q)
{
    char home[4096], path[4200];
    struct report why = {0};
    struct events *e;
    if (!cli_home(q->gate.home, home, sizeof home))
        return cli_error("the path of the home is too long");
    snprintf(path, sizeof path, "%s/events.db", home);
    if (access(path, F_OK) != 0)
        return q->gate.home && !cli_is_dir(home) ? cli_error("%s: no such home", home) : CLI_OK; /* nothing was judged */
    if (events_open(path, &e, &why))
        return cli_report(&why);
    int rc = events_each(e, &q->filter, print_row, q, &why);
    events_close(&e);
    return rc && !ferror(stdout) ? cli_report(&why) : CLI_OK;
}

static int teach(struct history_request *q, char **ids, int n_ids)
{
    struct report why = {0};
    enum lesson_class klass = strcmp(q->teach, "spam") == 0 ? LESSON_SPAM : LESSON_HAM;
    struct span teacher = span_str(q->teacher ? q->teacher : cli_own_name());
    if (cli_gate_open(&q->gate, &why))
        return cli_gate_close(&q->gate, cli_report(&why));
    int status = CLI_OK, n = 0, known = 0;
    for (int i = 0; i < n_ids; i++) {
        int rc = gate_teach_row(q->gate.gate, ids[i], klass, teacher, cli_now_ms(), &why);
        n += rc == 0;
        known += rc == POSSE_EEXIST;
        if (rc && rc != POSSE_EEXIST)
            status = cli_report(&why);
    }
    printf("taught %d as %s: %d new, %d known already\n", n + known, q->teach, n, known);
    return cli_gate_close(&q->gate, status);
}

static int history_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct history_request q = {.filter = EVENT_FILTER_ANY};
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_gate_option(&q.gate, key, optarg) || text_option(&q.filter, key))
            continue;
        if (value_option(cmd, &q, key) <= 0)
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    }
    if (q.teach)
        return first < argc ? teach(&q, argv + first, argc - first) : cli_usage(cmd, "--teach needs the rows' IDs");
    return first == argc ? list(&q) : cli_usage(cmd, "it takes options only, but for --teach");
}

static const struct cli_option history_options[] = {
    {OPT_SINCE, "since", "TIME", "only rows since then: 2026-11-21 14:30, @UNIXTIME, or 7d ago"},
    {OPT_UNTIL, "until", "TIME", "only rows before then"},
    {OPT_FROM, "from", "PATTERN", "only these senders, of the envelope or of From"},
    {OPT_RCPT, "rcpt", "PATTERN", "only with such a recipient"},
    {OPT_ACTION, "action", "PATTERN", "only rows with this action"},
    {OPT_WOULD, "would", "PATTERN", "only rows where this would have been done, were no policy observing"},
    {OPT_REASON, "reason", "PATTERN", "only rows with this in a reason"},
    {OPT_CAMPAIGN, "campaign", "PATTERN", "only rows of this campaign"},
    {OPT_DOOR, "door", "NAME", "only rows of this door: milter, spamd, rspamd, akismet, smtpd, pipe"},
    {OPT_CLIENT, "client", "PATTERN", "only rows of this client, by address or name"},
    {OPT_CLASS, "class", "spam|ham", "only rows of this class"},
    {OPT_ID, "id", "PATTERN", "only this row"},
    {OPT_LIMIT, "limit", "N", "at most so many, the newest"},
    {OPT_EXPLAIN, "explain", NULL, "say why: reasons, what would have flipped it, thresholds"},
    {OPT_JSON, "json", NULL, "one JSON object a line"},
    {OPT_TEACH, "teach", "spam|ham", "teach from the rows whose IDs follow"},
    {OPT_TEACHER, "teacher", "NAME", "who teaches (the user's name)"},
    {OPT_HOME, "home", "DIR", "where history is"},
    {OPT_MODEL, "model", "FILE", "the shipped model that teaching builds upon"},
    {OPT_EMPTY, "empty", NULL, "teaching builds upon a model that knows nothing"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_history = {
    .name = "history",
    .summary = "list what was decided, and why",
    .synopsis = "[OPTION]...\n       posse history --teach spam|ham ID...",
    .about = "Lists the verdicts that the doors gave, the newest first: time, ID, class, score in bits,\n"
             "action, door, sender, recipients. In a PATTERN * stands for anything; case does not matter.\n"
             "Rows can be taught from for as long as their features are kept (history.teachable).\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = history_options,
    .run = history_run,
};
