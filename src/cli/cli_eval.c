/* posse eval: judges labelled mail in index order, and teaches each label after its verdict.
 * The user's own model is never looked at: the engine has no home, the model lives in memory. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/eval_index.h"
#include "cli/eval_live.h"
#include "cli/eval_out.h"
#include "cli/lane.h"
#include "cli/pool.h"
#include "cli/progress.h"

enum { OPT_ROOT = 400, OPT_FROZEN, OPT_OUT, OPT_WORST, OPT_CAMPAIGNS };
enum { BOOTSTRAP_SEED = 1, WORST_MOST = 100000 };

struct eval {
    struct cli_engine engine;
    struct eval_index *index;
    size_t max_bytes;
    FILE *out; /* NULL: none */
    struct metrics *metrics;
    bool has_live;
    struct eval_live *live;    /* NULL: live campaigns are left out */
    struct eval_live_count live_counts[2];
    struct worst ham, spam;
    struct eval_totals totals;
    uint64_t n, n_worst;
    struct progress progress;
    int fatal; /* a code that stopped the run */
};

static bool eval_next(void *ctx, void *slot)
{
    struct eval *v = ctx;
    struct lane *l = slot;
    const char *name, *path;
    l->why.code = 0;
    ticket_clear(&l->ticket);
    int rc = eval_index_next(v->index, &l->is_spam, &name, &path, &l->why);
    if (rc == 0)
        return false;
    if (rc < 0)
        return true; /* the bad line goes through in its place */
    free(l->name);
    l->name = strdup(name);
    if (!l->name || ticket_path(&l->ticket, path, v->max_bytes) != 0)
        report_set(&l->why, POSSE_ENOMEM, "out of memory");
    return true;
}

static void eval_work(void *ctx, unsigned worker, void *slot)
{
    struct eval *v = ctx;
    struct lane *l = slot;
    (void)worker;
    l->reading = NULL;
    if (l->why.code)
        return;
    lane_read(l);
    if (!l->reading || !v->engine.is_frozen || v->live)
        return;
    int rc = engine_decide(l->worker, l->reading, 0, &l->verdict);
    if (rc)
        report_set(&l->why, rc, "%s: cannot be judged: %s", l->ticket.name, posse_strerror(rc));
}

static int decide_and_teach(struct eval *v, struct lane *l)
{
    if (v->engine.is_frozen && !v->live)
        return l->why.code;
    if (v->live)
        eval_live_ask(v->live, l->reading);
    int rc = engine_decide(l->worker, l->reading, 0, &l->verdict);
    if (rc)
        return report_set(&l->why, rc, "%s: cannot be judged: %s", l->ticket.name, posse_strerror(rc));
    if (v->live && (rc = eval_live_tell(v->live, &l->verdict, l->is_spam, &l->why)))
        return rc;
    if (v->engine.is_frozen)
        return 0;
    /* the time is the place in the stream: a run depends on nothing but its input */
    struct teaching t = {l->is_spam ? LESSON_SPAM : LESSON_HAM, SPAN_LIT("eval"), SPAN_LIT("cli"), (int64_t)v->n};
    uint64_t id;
    rc = engine_teach(l->worker, l->reading, &t, &id, &l->why);
    return rc == POSSE_EEXIST ? (l->why.code = 0) : rc;
}

static int record(struct eval *v, struct lane *l)
{
    const struct verdict *d = &l->verdict;
    bool called = d->klass == VERDICT_SPAM;
    v->n++;
    v->totals.promised_lo += d->ham_loss_lo;
    v->totals.promised += d->ham_loss;
    v->totals.promised_hi += d->ham_loss_hi;
    if (v->out)
        fprintf(v->out, "%s judge=%s class=%s score=%.6f\n", l->name, l->is_spam ? "spam" : "ham",
                called ? "spam" : "ham", d->bits);
    int rc = metrics_add(v->metrics, l->is_spam, called, d->bits);
    if (rc == 0 && v->n_worst)
        rc = worst_add(l->is_spam ? &v->spam : &v->ham, d->bits, l->name);
    return rc;
}

static int eval_done(void *ctx, void *slot)
{
    struct eval *v = ctx;
    struct lane *l = slot;
    int rc = l->why.code;
    if (rc == 0)
        rc = decide_and_teach(v, l);
    if (rc) {
        progress_clear(&v->progress);
        cli_report(&l->why);
        v->totals.n_failed++;
        return 0;
    }
    progress_step(&v->progress);
    v->fatal = record(v, l);
    return v->fatal;
}

static int eval_stream(struct eval *v, unsigned threads)
{
    static const struct pool_ops ops = {eval_next, eval_work, eval_done};
    size_t n = lanes_for(threads);
    struct lane *lane = lanes_new(v->engine.engine, n);
    if (!lane)
        return POSSE_ENOMEM;
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    progress_init(&v->progress, "judged");
    int rc = pool_run(&ops, v, threads, lane, sizeof *lane, n);
    progress_clear(&v->progress);
    clock_gettime(CLOCK_MONOTONIC, &to);
    v->totals.seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    lanes_free(&lane, n);
    return rc;
}

static int summarise(struct eval *v, bool is_json)
{
    struct eval_totals *t = &v->totals;
    int rc = metrics_compute(v->metrics, BOOTSTRAP_SEED, &t->metrics);
    if (rc == POSSE_ENOMEM)
        return cli_error("out of memory");
    t->has_metrics = rc == 0;
    if (v->n) {
        t->promised_lo /= (double)v->n;
        t->promised /= (double)v->n;
        t->promised_hi /= (double)v->n;
    }
    if (v->live) {
        eval_live_counts(v->live, v->live_counts);
        t->live = v->live_counts;
    }
    t->ham = &v->ham;
    t->spam = &v->spam;
    (is_json ? eval_write_json : eval_write_table)(stdout, t);
    if (v->n == 0)
        return cli_error("the index has no message that could be judged");
    return t->n_failed ? CLI_TROUBLE : CLI_OK;
}

static int eval_open(struct eval *v, const char *index, const char *root, const char *out, struct report *why)
{
    int rc = eval_index_open(index, root, &v->index, why);
    if (rc == 0)
        rc = cli_engine_open(&v->engine, why);
    if (rc)
        return rc;
    v->max_bytes = (size_t)config_int(v->engine.settings, "limits.message_bytes");
    v->metrics = metrics_new();
    if (!v->metrics || worst_init(&v->ham, v->n_worst, true) || worst_init(&v->spam, v->n_worst, false))
        return report_set(why, POSSE_ENOMEM, "out of memory");
    if (out && !(v->out = fopen(out, "we")))
        return report_errno(why, "write", out);
    return v->has_live ? eval_live_new(v->engine.settings, &v->live, why) : 0;
}

static int eval_close(struct eval *v, const char *out, int status)
{
    if (v->out) {
        bool is_bad = ferror(v->out);
        if (fclose(v->out) != 0 || is_bad)
            status = cli_error("%s: cannot write: %s", out, strerror(errno));
    }
    eval_index_close(&v->index);
    metrics_free(&v->metrics);
    eval_live_free(&v->live);
    worst_deinit(&v->ham);
    worst_deinit(&v->spam);
    return cli_engine_close(&v->engine, status);
}

static int eval_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct eval v = {.engine = {.is_homeless = true}};
    struct report why = {0};
    const char *root = NULL, *out = NULL;
    bool is_json = false;
    uint64_t threads = 0;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_engine_option(&v.engine, key, optarg))
            continue;
        switch (key) {
        case OPT_ROOT: root = optarg; break;
        case OPT_FROZEN: v.engine.is_frozen = true; break;
        case OPT_OUT: out = optarg; break;
        case OPT_JSON: is_json = true; break;
        case OPT_CAMPAIGNS: v.has_live = true; break;
        case OPT_WORST:
            if (!cli_number(optarg, 0, WORST_MOST, &v.n_worst))
                return cli_usage(cmd, "--worst is a number up to %d", WORST_MOST);
            break;
        case OPT_THREADS:
            if (!cli_number(optarg, 1, 1024, &threads))
                return cli_usage(cmd, "--threads is a number from 1 to 1024");
            break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (argc - first != 1)
        return cli_usage(cmd, "one INDEX is expected");
    int status = CLI_TROUBLE;
    if (eval_open(&v, argv[first], root, out, &why) != 0)
        cli_report(&why);
    else if (eval_stream(&v, threads ? (unsigned)threads : cli_threads(v.engine.settings)) != 0)
        cli_error("out of memory");
    else
        status = summarise(&v, is_json);
    return eval_close(&v, out, status);
}

static const struct cli_option eval_options[] = {
    {OPT_ROOT, "root", "DIR", "what the paths of the index are relative to (the index's folder)"},
    {OPT_MODEL, "model", "FILE", "start from this model instead of the one that ships"},
    {OPT_EMPTY, "empty", NULL, "start from a model that knows nothing"},
    {OPT_FROZEN, "frozen", NULL, "judge only, teach nothing"},
    {OPT_RULES, "rules", "FILE", "obey these rules too; may be given several times"},
    {OPT_CAMPAIGNS, "campaigns", NULL, "let live campaigns, seen as the index goes on, count as evidence"},
    {OPT_OUT, "out", "FILE", "write a line a message: PATH judge=LABEL class=VERDICT score=BITS"},
    {OPT_WORST, "worst", "N", "list the N worst disagreements of either kind, to look for wrong labels"},
    {OPT_JSON, "json", NULL, "one JSON object instead of the table"},
    {OPT_THREADS, "threads", "N", "how many threads read mail (scan.threads)"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_eval = {
    .name = "eval",
    .summary = "measure accuracy on labelled mail",
    .synopsis = "[OPTION]... INDEX",
    .about = "Judges every message of INDEX in its order, teaches each label after the verdict, and\n"
             "prints accuracy with 95% intervals. A line of INDEX is label, tab, path; the label is\n"
             "spam or ham; further columns are ignored. In --out, judge is the label of the index and\n"
             "class what the filter decided. The user's own model is neither read nor written.\n"
             "Exit status: 0 fine, 2 when a line or a message could not be read.",
    .options = eval_options,
    .run = eval_run,
};
