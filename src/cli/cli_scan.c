/* posse scan: judges messages on all cores and prints a line each, in the order of the input. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/deliver.h"
#include "cli/pool.h"
#include "cli/progress.h"
#include "cli/source.h"
#include "cli/verdict_out.h"
#include "engine/live.h"
#include "engine/observe.h"

enum { SLOTS_PER_THREAD = 32, SLOTS_MAX = 256, LINE_MAX_BYTES = 1 << 20, STDOUT_BYTES = 1 << 18, MANY_PATHS = 1000 };
enum { OPT_EXPLAIN = 400, OPT_DELIVER, OPT_FROM, OPT_RCPT, OPT_CLIENT, OPT_HELO, OPT_AUTH, OPT_QUARANTINE, OPT_EXIT_CODE, OPT_CAMPAIGNS };

/* One message on its way through the pool. */
struct scan_slot {
    struct ticket ticket;
    struct buf text; /* what goes to stdout */
    bool is_spam;
    struct report why; /* code 0: fine */
};

struct scan_worker {
    struct engine_worker *engine;
    struct observe_worker *watcher; /* NULL: live campaigns are left out */
    struct source_buf bytes;
    char text[LIVE_TEXT];
};

struct scan {
    struct source *source;
    struct scan_worker *worker;
    struct scan_slot *slot;
    unsigned n_workers;
    size_t n_slots;
    struct verdict_style style;
    struct progress progress;
    bool has_live;
    struct live *live;
    double live_bits;
    int status;
};

static bool scan_next(void *ctx, void *slot)
{
    struct scan *s = ctx;
    struct scan_slot *m = slot;
    return source_next(s->source, &m->ticket);
}

/* What cannot be sketched is of no campaign. */
static void ask_live(struct scan *s, struct scan_worker *w, struct reading *r)
{
    static const struct observe_in in = {.flags = 0};
    struct sighting *sighting;
    const struct mailer *mailer;
    struct published_hit hit;
    if (observe_read(w->watcher, reading_message(r), &in, &sighting, &mailer) == 0)
        live_tell(s->live, sighting, r, s->live_bits, w->text, &hit);
}

static int judge(struct scan *s, struct scan_worker *w, struct scan_slot *m)
{
    static const struct envelope no_envelope;
    struct span raw;
    struct reading *reading;
    struct verdict v = {0};
    int rc = source_load(&m->ticket, &w->bytes, &raw, &m->why);
    if (rc)
        return rc;
    rc = engine_read(w->engine, raw, &no_envelope, &reading);
    if (rc == 0 && w->watcher)
        ask_live(s, w, reading);
    if (rc == 0)
        rc = engine_decide(w->engine, reading, s->style.is_explained ? ENGINE_EXPLAIN : 0, &v);
    if (rc)
        return report_set(&m->why, rc, "%s: cannot be judged: %s", m->ticket.name, posse_strerror(rc));
    m->is_spam = v.klass == VERDICT_SPAM;
    verdict_write(&m->text, s->style, m->ticket.name, &v);
    return 0;
}

static void scan_work(void *ctx, unsigned worker, void *slot)
{
    struct scan *s = ctx;
    struct scan_slot *m = slot;
    buf_clear(&m->text);
    m->why.code = 0;
    m->is_spam = false;
    if (judge(s, &s->worker[worker], m) != 0 && s->style.is_json)
        verdict_write_error(&m->text, m->ticket.name, m->why.text);
}

static int scan_done(void *ctx, void *slot)
{
    struct scan *s = ctx;
    struct scan_slot *m = slot;
    if (m->why.code) {
        progress_clear(&s->progress);
        s->status = cli_report(&m->why);
    } else if (m->is_spam && s->status == CLI_OK) {
        s->status = CLI_SPAM;
    }
    struct span text = buf_span(&m->text);
    if (text.n)
        fwrite(text.p, 1, text.n, stdout);
    ticket_clear(&m->ticket);
    progress_step(&s->progress);
    return ferror(stdout) ? POSSE_EIO : 0;
}

static bool scan_init(struct scan *s, struct cli_engine *e, const char *const *paths, size_t n)
{
    s->n_slots = (size_t)s->n_workers * SLOTS_PER_THREAD;
    if (s->n_slots > SLOTS_MAX)
        s->n_slots = s->n_workers > SLOTS_MAX ? s->n_workers : SLOTS_MAX;
    s->source = source_new(paths, n, (size_t)config_int(e->settings, "limits.message_bytes"));
    s->worker = calloc(s->n_workers, sizeof *s->worker);
    s->slot = calloc(s->n_slots, sizeof *s->slot);
    for (size_t i = 0; s->slot && i < s->n_slots; i++) {
        ticket_init(&s->slot[i].ticket);
        buf_init(&s->slot[i].text, LINE_MAX_BYTES);
    }
    if (!s->source || !s->worker || !s->slot)
        return false;
    for (unsigned i = 0; i < s->n_workers; i++)
        if (!(s->worker[i].engine = engine_worker_new(e->engine)) ||
            (s->live && !(s->worker[i].watcher = observe_worker_bare(NULL))))
            return false;
    progress_init(&s->progress, "judged");
    if (cli_color_stdout())
        s->progress.is_on = false; /* the lines themselves are the progress */
    return true;
}

static void scan_deinit(struct scan *s)
{
    for (unsigned i = 0; s->worker && i < s->n_workers; i++) {
        engine_worker_free(&s->worker[i].engine);
        observe_worker_free(&s->worker[i].watcher);
        source_buf_deinit(&s->worker[i].bytes);
    }
    for (size_t i = 0; s->slot && i < s->n_slots; i++) {
        ticket_deinit(&s->slot[i].ticket);
        buf_deinit(&s->slot[i].text);
    }
    free(s->worker);
    free(s->slot);
    source_free(&s->source);
}

static int scan_all(struct scan *s, struct cli_engine *e, const char *const *paths, size_t n)
{
    static const struct pool_ops ops = {scan_next, scan_work, scan_done};
    int status = CLI_TROUBLE;
    if (scan_init(s, e, paths, n)) {
        int rc = pool_run(&ops, s, s->n_workers, s->slot, sizeof *s->slot, s->n_slots);
        status = rc == 0 ? s->status : CLI_TROUBLE; /* a failed write is told by cli_finish */
        if (rc == POSSE_ENOMEM)
            cli_error("out of memory");
    } else {
        cli_error("out of memory");
    }
    progress_clear(&s->progress);
    scan_deinit(s);
    return status;
}

/* True: taken. */
static bool deliver_option(struct deliver *d, int key)
{
    switch (key) {
    case OPT_DELIVER: d->is_asked = true; return true;
    case OPT_FROM: d->env.from = span_str(optarg); break;
    case OPT_RCPT:
        if (d->env.n_rcpt < DELIVER_RCPT_MAX)
            d->rcpt[d->env.n_rcpt++] = span_str(optarg);
        break;
    case OPT_CLIENT: d->env.client_addr = span_str(optarg); break;
    case OPT_HELO: d->env.helo = span_str(optarg); break;
    case OPT_AUTH: d->env.auth_user = span_str(optarg); break;
    case OPT_QUARANTINE: d->keeps = true; break;
    case OPT_EXIT_CODE: d->has_exit_code = true; break;
    default: return false;
    }
    d->has_options = true;
    return true;
}

static int deliver_one(const struct cli_command *cmd, struct deliver *d, const struct cli_engine *e, int n_paths)
{
    if (n_paths || e->n_rules)
        return cli_usage(cmd, "--deliver takes the message from standard input, and its rules from the settings");
    d->gate.home = e->home;
    d->gate.model = e->model;
    d->gate.is_empty = e->is_empty;
    return deliver(d);
}

static int open_live(struct scan *s, const struct cli_engine *e, struct report *why)
{
    char home[4096];
    if (!s->has_live)
        return 0;
    if (!cli_home(e->home, home, sizeof home))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    s->live_bits = config_float(e->settings, "observe.bits");
    return live_open(home, &s->live, why);
}

static int scan_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct cli_engine e = {.is_frozen = true};
    struct deliver d = {.is_asked = false};
    struct scan s = {.style = {.is_colored = cli_color_stdout()}};
    struct report why = {0};
    uint64_t threads = 0;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_engine_option(&e, key, optarg) || deliver_option(&d, key))
            continue;
        if (key == OPT_JSON)
            s.style.is_json = true;
        else if (key == OPT_EXPLAIN)
            s.style.is_explained = true;
        else if (key == OPT_CAMPAIGNS)
            s.has_live = true;
        else if (key == OPT_THREADS && !cli_number(optarg, 1, 1024, &threads))
            return cli_usage(cmd, "--threads is a number from 1 to 1024");
        else if (key == '?' || key == CLI_HELP)
            return key == '?' ? CLI_TROUBLE : CLI_OK;
    }
    if (d.is_asked)
        return deliver_one(cmd, &d, &e, argc - first);
    if (d.has_options)
        return cli_usage(cmd, "--from, --rcpt, --client, --helo, --auth, --quarantine and --exit-code go with --deliver");
    if (first == argc)
        return cli_usage(cmd, "no PATH; - is standard input");
    e.is_long = argc - first > MANY_PATHS;
    for (int i = first; i < argc && !e.is_long; i++)
        e.is_long = cli_is_dir(argv[i]);
    s.style.is_colored = s.style.is_colored && !s.style.is_json;
    setvbuf(stdout, NULL, cli_color_stdout() ? _IOLBF : _IOFBF, STDOUT_BYTES);
    int status = CLI_TROUBLE;
    if (cli_engine_open(&e, &why) != 0 || open_live(&s, &e, &why) != 0) {
        cli_report(&why);
    } else {
        s.n_workers = threads ? (unsigned)threads : cli_threads(e.settings);
        status = scan_all(&s, &e, (const char *const *)argv + first, (size_t)(argc - first));
    }
    live_drop(&s.live);
    return cli_engine_close(&e, status);
}

static const struct cli_option scan_options[] = {
    {OPT_EXPLAIN, "explain", NULL, "say why: reasons in bits that add up to the score, and what would flip it"},
    {OPT_CAMPAIGNS, "campaigns", NULL, "let the home's live campaigns, as last published, count as evidence"},
    {OPT_JSON, "json", NULL, "one JSON object a line"},
    {OPT_MODEL, "model", "FILE", "judge with this model and not with what the user taught"},
    {OPT_EMPTY, "empty", NULL, "judge with a model that knows nothing"},
    {OPT_RULES, "rules", "FILE", "obey these rules too; may be given several times"},
    {OPT_HOME, "home", "DIR", "where the user's model is"},
    {OPT_THREADS, "threads", "N", "how many threads read and judge (scan.threads)"},
    {OPT_DELIVER, "deliver", NULL, "read one message, write it marked, on its way into a mailbox"},
    {OPT_FROM, "from", "ADDRESS", "its envelope sender"},
    {OPT_RCPT, "rcpt", "ADDRESS", "whom it is delivered to; may be given several times"},
    {OPT_CLIENT, "client", "IP", "the host that sent it"},
    {OPT_HELO, "helo", "NAME", "what that host called itself"},
    {OPT_AUTH, "auth", "USER", "its sender logged in as this user"},
    {OPT_QUARANTINE, "quarantine", NULL, "keep what the policy keeps back, write nothing, exit 3"},
    {OPT_EXIT_CODE, "exit-code", NULL, "exit 1 if it is spam"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_scan = {
    .name = "scan",
    .summary = "judge messages",
    .synopsis = "[OPTION]... PATH...\n       posse scan --deliver [OPTION]... <MESSAGE",
    .about = "Judges every message behind the PATHs and prints a line each: class, score in bits,\n"
             "probability of spam, path. A score is the base-2 logarithm of the odds: 0 is a\n"
             "toss-up, +10 a thousand to one for spam. What cannot be read is reported and skipped.\n"
             "Exit status: 0 all ham, 1 some spam, 2 trouble with at least one PATH.\n"
             "\n"
             "With --deliver it is a step in a mailbox's delivery (maildrop, procmail, Sieve): policies and\n"
             "history are those of the daemon. Exit status: 0, also when it could not be judged and is\n"
             "written as it came; 75 in place of that where the policy says on_trouble = defer.",
    .options = scan_options,
    .run = scan_run,
};
