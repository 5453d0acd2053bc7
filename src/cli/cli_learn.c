/* posse learn: teaches messages, in the order of the input, in batches that are on disk or not there at all. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/cli_gate.h"
#include "cli/keywords.h"
#include "cli/lane.h"
#include "cli/pool.h"
#include "cli/progress.h"
#include "mail/arf.h"

/* A commit waits for the disk; a batch of this size costs little beside reading it, and that much is
 * read again after a crash. */
enum { BATCH = 256, ARENA_BYTES = 256 << 20, OPT_SPAM = 400, OPT_HAM, OPT_ARF, OPT_KEYWORDS };
/* Where a message's class comes from. */
enum class_source { CLASS_GIVEN, CLASS_ARF, CLASS_KEYWORDS };

struct learn {
    struct cli_engine engine;
    struct source *source;
    struct teaching teaching;
    enum class_source source_of_class;
    struct arena *arena;           /* for reports */
    uint64_t n_spam, n_ham, n_skipped; /* where the messages say it */
    struct progress progress;
    uint64_t n_new, n_known;       /* on disk */
    uint64_t new_here, known_here; /* of the batch that is open */
    bool in_batch;
    int status;
};

static bool learn_next(void *ctx, void *slot)
{
    struct learn *r = ctx;
    struct lane *l = slot;
    l->why.code = 0;
    return source_next(r->source, &l->ticket);
}

static void learn_work(void *ctx, unsigned worker, void *slot)
{
    (void)ctx;
    (void)worker;
    lane_read(slot);
}

/* The message in a report takes the report's place. */
static int open_report(struct learn *r, struct lane *l)
{
    static const struct envelope no_envelope;
    struct arf arf;
    arena_reset(r->arena);
    arf_read(r->arena, reading_message(l->reading), &arf);
    const char *name = l->ticket.name;
    if (arf.klass == ARF_NONE)
        return report_set(&l->why, POSSE_EINVAL, "%s: no abuse report (multipart/report with message/feedback-report)", name);
    if (arf.klass == ARF_OTHER)
        return report_set(&l->why, POSSE_EINVAL, "%s: a report of type '%.*s' says neither spam nor ham", name,
                          arf.type.n < 40 ? (int)arf.type.n : 40, arf.type.n ? (const char *)arf.type.p : "");
    if (!arf.original.n)
        return report_set(&l->why, POSSE_EINVAL, "%s: the report does not hold the message, so there is nothing to learn from", name);
    l->is_spam = arf.klass == ARF_SPAM;
    int rc = engine_read(l->worker, arf.original, &no_envelope, &l->reading);
    return rc ? report_set(&l->why, rc, "%s: cannot be read as mail: %s", name, posse_strerror(rc)) : 0;
}

/* Sets the lane's class. 1: nobody said anything of it. */
static int find_class(struct learn *r, struct lane *l)
{
    enum keyword_class k;
    switch (r->source_of_class) {
    case CLASS_ARF: return open_report(r, l);
    case CLASS_KEYWORDS:
        k = keywords_of(l->ticket.name);
        l->is_spam = k == KEYWORD_SPAM;
        return k == KEYWORD_SPAM || k == KEYWORD_HAM ? 0 : 1;
    case CLASS_GIVEN: break;
    }
    l->is_spam = r->teaching.klass == LESSON_SPAM;
    return 0;
}

static int commit(struct learn *r, struct report *why)
{
    if (!r->in_batch)
        return 0;
    r->in_batch = false;
    int rc = engine_commit(r->engine.engine, why);
    if (rc == 0) {
        r->n_new += r->new_here;
        r->n_known += r->known_here;
    }
    r->new_here = r->known_here = 0;
    return rc;
}

static int teach(struct learn *r, struct lane *l)
{
    int rc = 0;
    if (!r->in_batch) {
        rc = engine_begin(r->engine.engine, &l->why);
        r->in_batch = rc == 0;
    }
    uint64_t id;
    r->teaching.time_ms = cli_now_ms();
    if (rc == 0)
        rc = engine_teach(l->worker, l->reading, &r->teaching, &id, &l->why);
    if (rc == POSSE_EEXIST) {
        r->known_here++;
        rc = 0;
    } else if (rc == 0) {
        r->new_here++;
    }
    if (rc == 0 && r->new_here + r->known_here >= BATCH)
        rc = commit(r, &l->why);
    return rc;
}

static int learn_done(void *ctx, void *slot)
{
    struct learn *r = ctx;
    struct lane *l = slot;
    if (!l->reading) { /* this one cannot be read; the others can */
        progress_clear(&r->progress);
        r->status = cli_report(&l->why);
        ticket_clear(&l->ticket);
        return 0;
    }
    l->why.code = 0;
    int rc = find_class(r, l);
    if (rc) {
        r->n_skipped++;
        if (rc < 0) {
            progress_clear(&r->progress);
            r->status = cli_report(&l->why);
        }
        ticket_clear(&l->ticket);
        return 0;
    }
    r->teaching.klass = l->is_spam ? LESSON_SPAM : LESSON_HAM;
    *(l->is_spam ? &r->n_spam : &r->n_ham) += 1;
    rc = teach(r, l);
    if (rc) {
        progress_clear(&r->progress);
        r->status = cli_report(&l->why);
    }
    ticket_clear(&l->ticket);
    progress_step(&r->progress);
    return rc;
}

static void say(const struct learn *r)
{
    unsigned long long n = r->n_new + r->n_known, n_new = r->n_new, known = r->n_known;
    if (r->source_of_class == CLASS_GIVEN)
        printf("taught %llu as %s: %llu new, %llu known already\n", n, r->teaching.klass == LESSON_SPAM ? "spam" : "ham", n_new, known);
    else
        printf("taught %llu (%llu spam, %llu ham): %llu new, %llu known already; %llu passed over\n", n, (unsigned long long)r->n_spam,
               (unsigned long long)r->n_ham, n_new, known, (unsigned long long)r->n_skipped);
}

static int learn_all(struct learn *r, const char *const *paths, size_t n_paths)
{
    static const struct pool_ops ops = {learn_next, learn_work, learn_done};
    unsigned threads = cli_threads(r->engine.settings);
    size_t n = lanes_for(threads);
    struct lane *lane = lanes_new(r->engine.engine, n);
    r->source = source_new(paths, n_paths, (size_t)config_int(r->engine.settings, "limits.message_bytes"));
    int rc = POSSE_ENOMEM;
    struct report why = {0};
    progress_init(&r->progress, "taught");
    if (lane && r->source) {
        rc = pool_run(&ops, r, threads, lane, sizeof *lane, n);
        if (rc == 0 && (rc = commit(r, &why)) != 0)
            r->status = cli_report(&why);
    } else {
        r->status = cli_error("out of memory");
    }
    progress_clear(&r->progress);
    lanes_free(&lane, n);
    source_free(&r->source);
    say(r);
    if (rc)
        cli_error("stopped; what was taught is on disk, and the same command can be given again");
    return r->status;
}

static int learn_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct learn r = {.engine = {.is_teaching = true}};
    struct report why = {0};
    const char *teacher = NULL;
    int key, first, n_classes = 0;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        if (cli_engine_option(&r.engine, key, optarg))
            continue;
        if (key == OPT_ARF || key == OPT_KEYWORDS) {
            n_classes++;
            r.source_of_class = key == OPT_ARF ? CLASS_ARF : CLASS_KEYWORDS;
        } else if (key == OPT_SPAM || key == OPT_HAM) {
            n_classes++;
            r.teaching.klass = key == OPT_SPAM ? LESSON_SPAM : LESSON_HAM;
        } else if (key == OPT_TEACHER) {
            teacher = optarg;
        } else {
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (n_classes != 1)
        return cli_usage(cmd, "one of --spam, --ham, --arf and --keywords is needed");
    if (first == argc)
        return cli_usage(cmd, "no PATH; - is standard input");
    teacher = teacher ? teacher : cli_own_name();
    if (strlen(teacher) < 1 || strlen(teacher) > 64)
        return cli_usage(cmd, "a teacher's name has 1 to 64 bytes");
    r.teaching.teacher = span_str(teacher);
    r.teaching.door = SPAN_LIT("cli");
    if (cli_engine_open(&r.engine, &why) != 0)
        return cli_engine_close(&r.engine, cli_report(&why));
    r.arena = arena_new(ARENA_BYTES);
    int status = r.arena ? learn_all(&r, (const char *const *)argv + first, (size_t)(argc - first)) : cli_error("out of memory");
    arena_free(&r.arena);
    return cli_engine_close(&r.engine, status);
}

static const struct cli_option learn_options[] = {
    {OPT_SPAM, "spam", NULL, "the messages are spam"},
    {OPT_HAM, "ham", NULL, "the messages are wanted"},
    {OPT_ARF, "arf", NULL, "they are abuse reports (ARF): what is in them is taught, as the report says"},
    {OPT_KEYWORDS, "keywords", NULL, "their Maildir's keywords say it: $Junk or $NotJunk"},
    {OPT_TEACHER, "teacher", "NAME", "who teaches (the user's name)"},
    {OPT_HOME, "home", "DIR", "where the user's model is; made when it is not there"},
    {OPT_MODEL, "model", "FILE", "the shipped model to build upon"},
    {OPT_EMPTY, "empty", NULL, "build upon a model that knows nothing"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_learn = {
    .name = "learn",
    .summary = "teach messages as spam or ham",
    .synopsis = "--spam|--ham|--arf|--keywords [OPTION]... PATH...",
    .about = "Teaches every message behind the PATHs. A lesson is on disk before the model moves, so a\n"
             "crash loses none that was reported; a message that was taught already is not taught\n"
             "twice, and a second verdict on it replaces the first. What cannot be read is\n"
             "reported and skipped. Exit status: 0 fine, 2 trouble.",
    .options = learn_options,
    .run = learn_run,
};
