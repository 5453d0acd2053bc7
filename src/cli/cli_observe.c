/* posse observe: a spam trap's mail, or event records, into the observatory. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli_gate.h"
#include "cli/cli_watch.h"
#include "cli/inputs.h"
#include "cli/pool.h"
#include "cli/progress.h"
#include "cli/records.h"
#include "engine/asfile.h"

enum { SLOTS_PER_THREAD = 4, PEEKS = 9, LOOK_EVERY = 256, SAVE_EVERY_MS = 60000, SAVE_SHARE = 20, STOPPED = 1, SURE_BITS = 10,
       HEAD_BYTES = 16384 };
enum { OPT_RECORDS = 400, OPT_JUDGE, OPT_HAM, OPT_WRITE_AS, OPT_FRESH };

struct watch_slot {
    struct ticket ticket;
    struct source_buf bytes;
    struct observe_worker *worker;
    struct engine_worker *judge; /* NULL: all is spam */
    struct verdict verdict;
    struct sighting *sighting;
    const struct mailer *mailer;
    struct report why; /* code 0: it was read */
};

struct observe {
    struct cli_watch watch;
    struct cli_engine engine;
    const char *records, *write_as;
    bool is_judged, is_ham, is_fresh, is_json;
    uint64_t threads;
    /* while it runs */
    struct source *source;
    struct inputs *inputs;
    struct watch_slot *slot;
    size_t n_slots;
    struct ticket peeked[PEEKS];
    size_t n_peeked, next_peeked;
    struct source_order order;
    struct observe_worker *timer; /* of the thread that asks for tickets */
    uint64_t n_timed;
    struct progress progress;
    uint64_t n, unread;
    int64_t saved_at_ms, save_ms;
    bool is_stopped;
    struct report trouble; /* of the writer: it ends there */
};

/* ---- stopping and saving ---- */

/* SIGINT and SIGTERM wait, blocked, until they are looked for. */
static void signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

static bool is_told_to_stop(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
}

static int save(struct observe *s)
{
    int64_t start = cli_now_ms();
    int rc = s->inputs ? inputs_save(s->inputs) : 0;
    if (rc)
        return report_set(&s->trouble, rc, "where the mail was left off cannot be kept: %s", posse_strerror(rc));
    rc = observatory_save(s->watch.observatory, &s->trouble);
    s->saved_at_ms = cli_now_ms();
    s->save_ms = s->saved_at_ms - start;
    return rc;
}

/* Now and then: is it time to stop, or to save? A save may take a twentieth of the time. */
static int look_up(struct observe *s)
{
    if (s->n % LOOK_EVERY)
        return 0;
    if (is_told_to_stop()) {
        s->is_stopped = true;
        return STOPPED;
    }
    int64_t since = cli_now_ms() - s->saved_at_ms;
    return since >= SAVE_EVERY_MS && since >= s->save_ms * SAVE_SHARE ? save(s) : 0;
}

/* ---- messages ---- */

static bool next(void *ctx, void *slot)
{
    struct observe *s = ctx;
    struct watch_slot *x = slot;
    if (s->is_stopped)
        return false;
    if (s->next_peeked == s->n_peeked)
        return source_next(s->source, &x->ticket);
    struct ticket was = x->ticket;
    x->ticket = s->peeked[s->next_peeked];
    s->peeked[s->next_peeked++] = was;
    return true;
}

static unsigned flags_of(const struct observe *s) { return (s->is_judged || s->is_ham ? 0 : OBSERVE_SPAM) | OBSERVE_KEEP; }

static int read_one(const struct observe *s, struct watch_slot *x)
{
    static const struct envelope no_envelope;
    struct observe_in in = {.flags = flags_of(s)};
    struct reading *reading;
    struct span raw;
    int rc = source_load(&x->ticket, &x->bytes, &raw, &x->why);
    if (rc)
        return rc;
    if (!x->judge) {
        rc = observe_bytes(x->worker, raw, &in, &x->sighting, &x->mailer);
    } else if (!(rc = engine_read(x->judge, raw, &no_envelope, &reading)) && !(rc = engine_decide(x->judge, reading, 0, &x->verdict))) {
        in.verdict = &x->verdict;
        rc = observe_read(x->worker, reading_message(reading), &in, &x->sighting, &x->mailer);
    }
    return rc ? report_set(&x->why, rc, "%s: cannot be read as mail: %s", x->ticket.name, posse_strerror(rc)) : 0;
}

static void work(void *ctx, unsigned worker, void *slot)
{
    struct watch_slot *x = slot;
    (void)worker;
    x->why.code = 0;
    read_one(ctx, x);
}

static int count(struct observe *s, struct watch_slot *x)
{
    if (s->is_ham)
        return observatory_add_ham(s->watch.observatory, x->sighting, &s->trouble);
    int rc = observatory_add(s->watch.observatory, x->sighting, x->mailer, NULL, NULL, &s->trouble);
    bool is_sure = x->judge && x->verdict.klass == VERDICT_HAM && x->verdict.bits < -SURE_BITS;
    return !rc && is_sure ? observatory_add_ham(s->watch.observatory, x->sighting, &s->trouble) : rc;
}

static int done(void *ctx, void *slot)
{
    struct observe *s = ctx;
    struct watch_slot *x = slot;
    int rc = 0;
    if (x->why.code) {
        progress_clear(&s->progress);
        cli_report(&x->why);
        s->unread++;
    } else {
        rc = count(s, x);
    }
    s->n++;
    if (!rc && s->inputs)
        inputs_done(s->inputs, &x->ticket);
    ticket_clear(&x->ticket);
    progress_step(&s->progress);
    return rc ? rc : look_up(s);
}

/* ---- the order of the stream ---- */

/* Of a file in a folder: names of files mostly say nothing of when they came. What does not say comes last, as of when it is read. */
static int64_t time_of(void *ctx, int fd)
{
    struct observe *s = ctx;
    uint8_t head[HEAD_BYTES];
    if (s->is_stopped || (++s->n_timed % LOOK_EVERY == 0 && (s->is_stopped = is_told_to_stop())))
        return 0;
    ssize_t n = pread(fd, head, sizeof head, 0);
    int64_t at = n > 0 ? observe_when(s->timer, span_of(head, (size_t)n)) : 0;
    return at ? at : INT64_MAX;
}

static int by_time(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The middle of the first messages' times: one of them may lie. Their tickets are handed out again. */
static void peek(struct observe *s)
{
    int64_t time[PEEKS];
    size_t n = 0;
    for (; s->n_peeked < PEEKS && source_next(s->source, &s->peeked[s->n_peeked]); s->n_peeked++) {
        struct ticket *t = &s->peeked[s->n_peeked];
        struct watch_slot *x = &s->slot[0];
        struct observe_in in = {0};
        struct report why;
        struct span raw;
        bool is_file = t->kind == TICKET_FD;
        if (source_load(t, &x->bytes, &raw, &why) == 0 && observe_bytes(x->worker, raw, &in, &x->sighting, &x->mailer) == 0 &&
            observatory_allows(s->watch.observatory, x->sighting->time_ms))
            time[n++] = x->sighting->time_ms;
        char *name = is_file ? strdup(t->name) : NULL; /* loading closed it */
        if (name)
            ticket_path(t, name, t->max_bytes);
        free(name);
    }
    if (n)
        qsort(time, n, sizeof *time, by_time);
    observatory_begin(s->watch.observatory, n ? time[n / 2] : cli_now_ms());
}

/* ---- the run ---- */

static bool init(struct observe *s, const char *const *paths, size_t n)
{
    unsigned threads = s->threads ? (unsigned)s->threads : cli_threads(s->watch.settings);
    s->threads = threads;
    s->n_slots = threads == 1 ? 1 : (size_t)threads * SLOTS_PER_THREAD;
    s->source = source_new(paths, n, (size_t)config_int(s->watch.settings, "limits.message_bytes"));
    s->slot = calloc(s->n_slots, sizeof *s->slot);
    for (size_t i = 0; s->slot && i < s->n_slots; i++)
        ticket_init(&s->slot[i].ticket);
    for (size_t i = 0; i < PEEKS; i++)
        ticket_init(&s->peeked[i]);
    if (!s->source || !s->slot)
        return false;
    for (size_t i = 0; i < s->n_slots; i++)
        if (!(s->slot[i].worker = observe_worker_new(s->watch.observatory)) ||
            (s->is_judged && !(s->slot[i].judge = engine_worker_new(s->engine.engine))))
            return false;
    s->order = (struct source_order){s, time_of};
    if (!s->is_ham && !(s->timer = observe_worker_new(s->watch.observatory)))
        return false;
    if (s->timer)
        source_order(s->source, &s->order);
    if (!s->is_ham && !s->is_fresh) {
        if (!(s->inputs = inputs_new(s->watch.observatory, paths, n)))
            return false;
        source_resume(s->source, inputs_resume(s->inputs));
    }
    progress_init(&s->progress, s->is_ham ? "learnt" : "observed");
    return true;
}

static void deinit(struct observe *s)
{
    for (size_t i = 0; s->slot && i < s->n_slots; i++) {
        ticket_deinit(&s->slot[i].ticket);
        source_buf_deinit(&s->slot[i].bytes);
        observe_worker_free(&s->slot[i].worker);
        engine_worker_free(&s->slot[i].judge);
    }
    for (size_t i = 0; i < PEEKS; i++)
        ticket_deinit(&s->peeked[i]);
    observe_worker_free(&s->timer);
    free(s->slot);
    inputs_free(&s->inputs);
    source_free(&s->source);
}

static int run_mail(struct observe *s, const char *const *paths, size_t n)
{
    static const struct pool_ops ops = {next, work, done};
    int rc = POSSE_ENOMEM;
    if (init(s, paths, n)) {
        if (!observatory_now_ms(s->watch.observatory) && !s->is_ham)
            peek(s);
        rc = pool_run(&ops, s, (unsigned)s->threads, s->slot, sizeof *s->slot, s->n_slots);
        if (rc == 0 && s->inputs && !s->is_stopped)
            inputs_all_done(s->inputs);
    }
    if (rc == POSSE_ENOMEM && !s->trouble.code)
        report_set(&s->trouble, rc, "out of memory");
    progress_clear(&s->progress);
    if (rc == 0 || rc == STOPPED)
        rc = save(s);
    deinit(s);
    return rc;
}

static int run_records(struct observe *s)
{
    struct sighting sighting = {.flags = 0};
    struct records *r;
    struct as_info as;
    char name[4200];
    bool is_file = strcmp(s->records, "-") != 0;
    int rc = records_open(s->records, &r, &s->trouble);
    if (rc)
        return rc;
    snprintf(name, sizeof name, "records %s", s->records);
    struct span mark = observatory_marked(s->watch.observatory, span_str(name));
    uint64_t at;
    if (is_file && !s->is_fresh && mark.n == sizeof at) {
        memcpy(&at, mark.p, sizeof at);
        rc = records_seek(r, at, &s->trouble);
    }
    progress_init(&s->progress, "observed");
    while (!rc && (rc = records_next(r, &sighting, &s->trouble)) == 1) {
        if (s->n == 0)
            observatory_begin(s->watch.observatory, sighting.time_ms);
        sighting.asn = astable_find(observatory_as(s->watch.observatory), &sighting.source, &as) ? as.asn : 0;
        rc = observatory_add(s->watch.observatory, &sighting, NULL, NULL, NULL, &s->trouble);
        s->n++;
        at = records_offset(r);
        if (!rc && is_file && s->n % LOOK_EVERY == 0)
            rc = observatory_mark(s->watch.observatory, span_str(name), span_of(&at, sizeof at));
        progress_step(&s->progress);
        if (!rc)
            rc = look_up(s);
    }
    if (rc >= 0 && is_file && s->n)
        observatory_mark(s->watch.observatory, span_str(name), span_of(&at, sizeof at));
    progress_clear(&s->progress);
    records_close(&r);
    return rc == 0 || rc == STOPPED ? save(s) : rc;
}

/* ---- telling ---- */

/* A template without a signature that may be used is nobody's fault but asks for something. */
static void say_proof(const struct observed *o)
{
    char n[WATCH_NUMBER], matched[WATCH_NUMBER];
    watch_number((double)o->templates, n);
    watch_number((double)o->matched, matched);
    if (!o->templates)
        return;
    if (o->ham_known < HAM_LEAST)
        printf("%s template%s, and no signature is used yet: it must be proven to match no wanted mail, of which %llu messages are known\n"
               "and %d are needed; name some with posse observe --ham PATH\n", n, o->templates == 1 ? "" : "s",
               (unsigned long long)o->ham_known, HAM_LEAST);
    else
        printf("%s template%s; proven signatures matched %s later messages\n", n, o->templates == 1 ? "" : "s", matched);
}

static void say(const struct observe *s)
{
    struct campaigns_size c;
    struct observed o;
    char n[WATCH_NUMBER], live[WATCH_NUMBER], from[CLI_TIME_MAX], to[CLI_TIME_MAX];
    watch_number((double)(s->n - s->unread), n);
    observatory_count(s->watch.observatory, &o);
    if (s->is_ham) {
        printf("learnt %s messages that no signature may match\n", n);
        say_proof(&o);
        return;
    }
    campaigns_size(observatory_campaigns(s->watch.observatory), &c);
    watch_number((double)c.live, live);
    printf("observed %s message%s%s; %s group%s live", n, s->n - s->unread == 1 ? "" : "s",
           s->is_stopped ? " (stopped: run it again to go on)" : "", live, c.live == 1 ? "" : "s");
    if (o.messages) {
        cli_format_time(o.first_ms, from);
        cli_format_time(o.now_ms, to);
        printf(", from %s to %s", from, to);
    }
    putchar('\n');
    if (o.odd_time) {
        watch_number((double)o.odd_time, n);
        printf("%s said an impossible time, or one days before others, and count as of when they were read\n", n);
    }
    say_proof(&o);
}

static int write_table(const struct observe *s)
{
    struct asfile *f = NULL;
    struct report why = {0};
    int rc = asfile_open(s->watch.as, &f, &why);
    if (!rc)
        rc = asfile_write(asfile_table(f), s->write_as, &why);
    asfile_close(&f);
    return rc ? cli_report(&why) : CLI_OK;
}

/* Absolute: the name by which an input is known in later runs. */
static const char **resolve(char **paths, size_t n)
{
    const char **out = calloc(n + 1, sizeof *out);
    for (size_t i = 0; out && i < n; i++) {
        char *real = strcmp(paths[i], "-") == 0 ? NULL : realpath(paths[i], NULL);
        out[i] = real ? real : strdup(paths[i]);
    }
    return out;
}

static int observe(struct observe *s, char **paths, size_t n)
{
    struct report why = {0};
    sigset_t set;
    int status = CLI_TROUBLE, rc = 0;
    if (s->is_judged && (rc = cli_engine_open(&s->engine, &why)))
        return cli_engine_close(&s->engine, cli_report(&why));
    s->watch.is_writer = true;
    s->watch.home = s->engine.home;
    rc = cli_watch_open(&s->watch, &why);
    if (rc) {
        cli_report(&why);
    } else {
        signals(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        s->saved_at_ms = cli_now_ms();
        const char **real = resolve(paths, n);
        rc = s->records ? run_records(s) : real ? run_mail(s, real, n) : POSSE_ENOMEM;
        for (size_t i = 0; real && i < n; i++)
            free((void *)(uintptr_t)real[i]);
        free(real);
        status = rc ? cli_report(&s->trouble) : s->unread ? CLI_TROUBLE : CLI_OK;
        if (!rc)
            say(s);
        observatory_drop(&s->watch.observatory); /* what is to be kept was saved */
    }
    status = cli_watch_close(&s->watch, status);
    return s->is_judged ? cli_engine_close(&s->engine, status) : status;
}

static int observe_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct observe s = {.engine = {.is_frozen = true, .is_long = true}};
    int key, first;
    bool is_bad;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_engine_option(&s.engine, key, optarg))
            continue;
        if (cli_watch_option(cmd, &s.watch, key, &is_bad)) {
            if (is_bad)
                return CLI_TROUBLE;
            continue;
        }
        switch (key) {
        case OPT_RECORDS: s.records = optarg; break;
        case OPT_JUDGE: s.is_judged = true; break;
        case OPT_HAM: s.is_ham = true; break;
        case OPT_FRESH: s.is_fresh = true; break;
        case OPT_WRITE_AS: s.write_as = optarg; break;
        case OPT_THREADS:
            if (!cli_number(optarg, 1, 1024, &s.threads))
                return cli_usage(cmd, "--threads is a number from 1 to 1024");
            break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (s.write_as && (!s.watch.as || first != argc))
        return cli_usage(cmd, "--write-as compiles the table of --as, and takes no PATH");
    if (s.write_as)
        return write_table(&s);
    if (s.records ? first != argc || s.is_ham || s.is_judged : first == argc)
        return cli_usage(cmd, s.records ? "--records takes no PATH, and neither --ham nor --judge" : "no PATH; - is standard input");
    if (!s.is_judged && (s.engine.n_rules || s.engine.model || s.engine.is_empty))
        return cli_usage(cmd, "--model, --empty and --rules go with --judge");
    return observe(&s, argv + first, (size_t)(argc - first));
}

static const struct cli_option observe_options[] = {
    {OPT_JUDGE, "judge", NULL, "the filter says what is spam; without, everything is, as in a trap"},
    {OPT_HAM, "ham", NULL, "the PATHs hold wanted mail: no signature may match it; it is counted nowhere"},
    {OPT_RECORDS, "records", "FILE", "event records in place of mail; - is standard input"},
    {OPT_OURS, "ours", "NET", "a network of our own hosts: what they hand on came from elsewhere; !NET: not ours (observe.ours)"},
    {OPT_AS, "as", "FILE", "table of autonomous systems, CSV or compiled (observe.as)"},
    {OPT_WRITE_AS, "write-as", "FILE", "write the table of --as compiled, and do nothing else"},
    {OPT_MAILERS, "mailers", "DIR", "known sending programs (observe.mailers)"},
    {OPT_KEEP, "keep", "K", "keep the first K messages of each campaign, for its template (observe.originals)"},
    {OPT_FRESH, "fresh", NULL, "read the PATHs from their beginning, whatever was read before"},
    {OPT_MODEL, "model", "FILE", "judge with this model and not with what the user taught"},
    {OPT_EMPTY, "empty", NULL, "judge with a model that knows nothing"},
    {OPT_RULES, "rules", "FILE", "obey these rules when judging; may be given several times"},
    {OPT_HOME, "home", "DIR", "where the observatory is"},
    {OPT_THREADS, "threads", "N", "how many threads read (scan.threads)"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_observe = {
    .name = "observe",
    .summary = "feed a spam trap's mail to the observatory",
    .synopsis = "[OPTION]... PATH...\n       posse observe --records FILE",
    .about = "Counts the mail behind the PATHs, in its own time: which campaigns there are, who sends them,\n"
             "from how many machines, what changes. A second run goes on where the first stopped, also in\n"
             "an mbox or a Maildir that grew. SIGINT saves and stops. One process observes a home at a time.\n"
             "What cannot be read is reported and passed over. See posse campaigns, posse botnets.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = observe_options,
    .run = observe_run,
};
