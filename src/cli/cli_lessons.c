/* posse lessons, unlearn, forget: the journal seen, taken back, and deleted. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "cli/cli_gate.h"
#include "base/jsonout.h"
#include "cli/lane.h"
#include "cli/verdict_out.h"
#include "engine/observe.h"
#include "store/events.h"

enum { OPT_CLASS = 400, OPT_LIMIT, OPT_DIGEST };

struct request {
    struct cli_engine engine;
    struct lesson_filter filter;
    const char *teacher, *since;
    const char *digest_hex;
    uint8_t digest[32];
    bool is_json;
    uint64_t n_rows; /* of history that were deleted */
    uint64_t n_originals, n_words; /* of the observatory */
    struct forgotten { uint8_t digest[32]; char *name; bool was_kept; } *message; /* what was named, for the observatory */
    size_t n_messages, cap_messages;
};

static const char *const state_names[] = {"live", "revoked", "superseded", "sealed"};

static const char *class_name(enum lesson_class c) { return c == LESSON_SPAM ? "spam" : "ham"; }

/* The options that choose lessons. 1: taken, 0: not one of these, negative: said already. */
static int filter_option(const struct cli_command *cmd, struct request *q, int key)
{
    switch (key) {
    case OPT_TEACHER:
        q->teacher = optarg;
        q->filter.teacher = span_str(optarg);
        return 1;
    case OPT_SINCE:
        q->since = optarg;
        if (cli_time(optarg, cli_now_ms(), &q->filter.since_ms))
            return 1;
        cli_usage(cmd, "'%s' is no time; write 2026-11-21 14:30, @UNIXTIME or 7d", optarg);
        return -1;
    case OPT_DIGEST:
        q->digest_hex = optarg;
        q->filter.digest = q->digest;
        if (hex_decode(span_str(optarg), q->digest, sizeof q->digest))
            return 1;
        cli_usage(cmd, "a digest has 64 hexadecimal digits");
        return -1;
    case OPT_CLASS:
        q->filter.klass = strcmp(optarg, "spam") == 0 ? LESSON_SPAM : LESSON_HAM;
        if (strcmp(optarg, "spam") == 0 || strcmp(optarg, "ham") == 0)
            return 1;
        cli_usage(cmd, "a class is spam or ham");
        return -1;
    case OPT_LIMIT:
        if (cli_number(optarg, 1, UINT64_MAX, &q->filter.limit))
            return 1;
        cli_usage(cmd, "--limit is a number above 0");
        return -1;
    case OPT_JSON: q->is_json = true; return 1;
    default: return cli_engine_option(&q->engine, key, optarg);
    }
}

/* False: *status_out is what to exit with. */
static bool parse(const struct cli_command *cmd, struct request *q, int argc, char **argv, int *first_out,
                  int *status_out)
{
    int key;
    q->filter.klass = -1;
    while ((key = cli_getopt(cmd, argc, argv, first_out)) != -1) {
        if (filter_option(cmd, q, key) > 0)
            continue;
        *status_out = key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        return false;
    }
    return true;
}

static void lesson_json(struct buf *b, const struct lesson *l, const char *time, const char *digest)
{
    buf_add_fmt(b, "{\"id\":%llu,\"time\":\"%s\",\"class\":\"%s\",\"state\":\"%s\",\"teacher\":",
                (unsigned long long)l->id, time, class_name(l->klass), state_names[l->state]);
    json_string(b, l->teacher);
    json_name(b, "door", false);
    json_string(b, l->door);
    buf_add_fmt(b, ",\"digest\":\"%s\",\"extractor\":%u}\n", digest, l->extractor);
}

static int print_lesson(void *ctx, const struct lesson *l)
{
    const struct request *q = ctx;
    char time[CLI_TIME_MAX], digest[65];
    struct buf b;
    cli_format_time(l->time_ms, time);
    hex_encode(span_of(l->digest, 32), digest);
    buf_init(&b, 1 << 16);
    if (q->is_json) {
        lesson_json(&b, l, time, digest);
    } else {
        buf_add_fmt(&b, "%8llu  %s  %-4s  %-10s  ", (unsigned long long)l->id, time, class_name(l->klass),
                    state_names[l->state]);
        text_write(&b, l->teacher);
        buf_add_str(&b, "  ");
        text_write(&b, l->door);
        buf_add_fmt(&b, "  %s\n", digest);
    }
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
    return ferror(stdout) ? POSSE_EIO : 0;
}

static int lessons_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct request q = {0};
    struct report why = {0};
    int first, status;
    if (!parse(cmd, &q, argc, argv, &first, &status))
        return status;
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    char home[4096], path[4200];
    if (!cli_home(q.engine.home, home, sizeof home))
        return cli_error("the path of the home is too long");
    snprintf(path, sizeof path, "%s/lessons.db", home);
    if (access(path, F_OK) != 0) {
        if (q.engine.home && !cli_is_dir(home))
            return cli_error("%s: no such home", home);
        return CLI_OK; /* nobody taught anything */
    }
    struct lessons *l;
    if (lessons_open(path, &l, &why) != 0)
        return cli_report(&why);
    q.filter.newest_first = q.filter.limit > 0;
    int rc = lessons_each(l, &q.filter, false, print_lesson, &q, &why);
    lessons_close(&l);
    return rc && !ferror(stdout) ? cli_report(&why) : CLI_OK;
}

/* Opens the engine over a home that must be there: there is nothing to take back in one that is not. */
static int open_taught(struct request *q)
{
    struct report why = {0};
    char home[4096];
    if (!cli_home(q->engine.home, home, sizeof home) || !cli_is_dir(home))
        return cli_error("%s: no such home, nothing was taught", home);
    q->engine.is_teaching = true;
    return cli_engine_open(&q->engine, &why) == 0 ? CLI_OK : cli_report(&why);
}

/* History holds hashed features too, for as long as a row can be taught from. */
static int forget_rows(struct request *q)
{
    struct report why = {0};
    struct events *e;
    char home[4096], path[4200];
    uint64_t n = 0;
    if (!cli_home(q->engine.home, home, sizeof home))
        return cli_error("the path of the home is too long");
    snprintf(path, sizeof path, "%s/events.db", home);
    if (access(path, F_OK) != 0)
        return CLI_OK;
    if (events_open(path, &e, &why))
        return cli_report(&why);
    int rc = events_forget(e, q->filter.digest, &n, &why);
    events_close(&e);
    q->n_rows += n;
    return rc ? cli_report(&why) : CLI_OK;
}

/* *n adds up what was taken back or deleted. */
static int undo(struct request *q, bool forget, uint64_t *n)
{
    struct report why = {0};
    uint64_t here = 0;
    int rc = engine_unlearn(q->engine.engine, &q->filter, forget, &here, &why);
    *n += here;
    if (rc)
        return cli_report(&why);
    return forget && q->filter.digest ? forget_rows(q) : CLI_OK;
}

static void say_undone(const char *verb, uint64_t n)
{
    printf("%s %llu lesson%s\n", verb, (unsigned long long)n, n == 1 ? "" : "s");
}

static int unlearn_ids(struct request *q, char **ids, int n_ids, uint64_t *n)
{
    int status = CLI_OK;
    for (int i = 0; i < n_ids; i++) {
        uint64_t before = *n;
        if (!cli_number(ids[i], 1, INT64_MAX, &q->filter.id)) {
            status = cli_error("'%s' is not a lesson's number", ids[i]);
            continue;
        }
        if (undo(q, false, n) != CLI_OK)
            status = CLI_TROUBLE;
        else if (*n == before)
            status = cli_error("lesson %s: there is none that could be taken back", ids[i]);
    }
    return status;
}

static int unlearn_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct request q = {0};
    int first, status;
    uint64_t n = 0;
    if (!parse(cmd, &q, argc, argv, &first, &status))
        return status;
    bool is_filtered = q.teacher || q.since;
    if (is_filtered == (first < argc))
        return cli_usage(cmd, "either lesson numbers, or --teacher and --since");
    q.filter.live_only = true;
    status = open_taught(&q);
    if (status == CLI_OK) {
        status = is_filtered ? undo(&q, false, &n) : unlearn_ids(&q, argv + first, argc - first, &n);
        say_undone("took back", n);
    }
    return cli_engine_close(&q.engine, status);
}

/* A message to be looked for among the originals, once all are known. name: NULL for a bare digest. */
static int note_message(struct request *q, const char *name, bool was_kept)
{
    if (q->n_messages == q->cap_messages) {
        size_t cap = q->cap_messages ? q->cap_messages * 2 : 16;
        struct forgotten *bigger = realloc(q->message, cap * sizeof *bigger);
        if (!bigger)
            return cli_error("out of memory");
        q->message = bigger;
        q->cap_messages = cap;
    }
    struct forgotten *f = &q->message[q->n_messages++];
    *f = (struct forgotten){.name = name ? strdup(name) : NULL, .was_kept = was_kept};
    memcpy(f->digest, q->digest, sizeof f->digest);
    return CLI_OK;
}

/* One pass over what the observatory kept, for all of them. Then it is known of which nothing was anywhere. */
static int forget_originals(struct request *q)
{
    struct report why = {0};
    char home[4096];
    uint8_t (*digest)[32] = calloc(q->n_messages + 1, sizeof *digest);
    uint64_t *each = calloc(q->n_messages + 1, sizeof *each);
    int status = digest && each && cli_home(q->engine.home, home, sizeof home) ? CLI_OK : cli_error("out of memory");
    for (size_t i = 0; i < q->n_messages && status == CLI_OK; i++)
        memcpy(digest[i], q->message[i].digest, sizeof *digest);
    if (status == CLI_OK && q->n_messages && observatory_forget(home, (const uint8_t (*)[32])digest, q->n_messages, each, &q->n_words, &why))
        status = cli_report(&why);
    for (size_t i = 0; i < q->n_messages; i++) {
        struct forgotten *f = &q->message[i];
        q->n_originals += each ? each[i] : 0;
        if (each && !each[i] && !f->was_kept)
            status = f->name ? cli_error("%s: was never taught", f->name) : cli_error("no lesson has this digest");
        free(f->name);
    }
    free(q->message);
    free(digest);
    free(each);
    return status;
}

static int forget_one(struct request *q, struct lane *l, uint64_t *n)
{
    uint64_t before = *n, rows = q->n_rows;
    lane_read(l);
    if (!l->reading)
        return cli_report(&l->why);
    memcpy(q->digest, reading_digest(l->reading), sizeof q->digest);
    q->filter.digest = q->digest;
    int status = undo(q, true, n);
    return status == CLI_OK ? note_message(q, l->ticket.name, *n != before || q->n_rows != rows) : status;
}

static int forget_paths(struct request *q, const char *const *paths, size_t n_paths, uint64_t *n)
{
    struct lane *lane = lanes_new(q->engine.engine, 1);
    struct source *source = source_new(paths, n_paths, (size_t)config_int(q->engine.settings, "limits.message_bytes"));
    int status = lane && source ? CLI_OK : cli_error("out of memory");
    while (lane && source && source_next(source, &lane->ticket))
        if (forget_one(q, lane, n) != CLI_OK)
            status = CLI_TROUBLE;
    lanes_free(&lane, 1);
    source_free(&source);
    return status;
}

static int forget_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct request q = {0};
    int first, status;
    uint64_t n = 0;
    if (!parse(cmd, &q, argc, argv, &first, &status))
        return status;
    bool is_filtered = q.teacher || q.digest_hex;
    if (is_filtered == (first < argc))
        return cli_usage(cmd, "either PATHs, or --digest or --teacher");
    status = open_taught(&q);
    if (status == CLI_OK) {
        status = is_filtered ? undo(&q, true, &n)
                             : forget_paths(&q, (const char *const *)argv + first, (size_t)(argc - first), &n);
        if (q.digest_hex && status == CLI_OK)
            status = note_message(&q, NULL, n != 0 || q.n_rows != 0);
        if (forget_originals(&q) != CLI_OK)
            status = CLI_TROUBLE;
        say_undone("deleted", n);
        if (q.n_rows)
            printf("deleted %llu row%s of history\n", (unsigned long long)q.n_rows, q.n_rows == 1 ? "" : "s");
        if (q.n_originals)
            printf("deleted %llu message%s that the observatory kept, and %llu word%s that templates had of %s alone; what was counted stays\n",
                   (unsigned long long)q.n_originals, q.n_originals == 1 ? "" : "s", (unsigned long long)q.n_words, q.n_words == 1 ? "" : "s",
                   q.n_originals == 1 ? "it" : "them");
    }
    return cli_engine_close(&q.engine, status);
}

static const struct cli_option lessons_options[] = {
    {OPT_TEACHER, "teacher", "NAME", "only lessons of this teacher"},
    {OPT_SINCE, "since", "TIME", "only lessons since then: 2026-11-21 14:30, @UNIXTIME, or 7d ago"},
    {OPT_CLASS, "class", "CLASS", "only spam or only ham"},
    {OPT_LIMIT, "limit", "N", "at most so many, the newest ones"},
    {OPT_JSON, "json", NULL, "one JSON object a line"},
    {OPT_HOME, "home", "DIR", "where the lessons are"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_lessons = {
    .name = "lessons",
    .summary = "list what was taught",
    .synopsis = "[OPTION]...",
    .about = "Lists lessons, a line each: number, time, class, state, teacher, door, digest of the message.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = lessons_options,
    .run = lessons_run,
};

static const struct cli_option unlearn_options[] = {
    {OPT_TEACHER, "teacher", "NAME", "all lessons of this teacher"},
    {OPT_SINCE, "since", "TIME", "all lessons since then: 2026-11-21 14:30, @UNIXTIME, or 7d ago"},
    {OPT_HOME, "home", "DIR", "where the lessons are"},
    {OPT_MODEL, "model", "FILE", "the shipped model that the lessons build upon"},
    {OPT_EMPTY, "empty", NULL, "they build upon a model that knows nothing"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_unlearn = {
    .name = "unlearn",
    .summary = "take lessons back",
    .synopsis = "[OPTION]... ID... | --teacher NAME | --since TIME",
    .about = "Takes lessons back; the model is then bit for bit as if they had never been. With both\n"
             "--teacher and --since, lessons for which both hold. The journal still shows that they\n"
             "were; 'posse forget' deletes. Exit status: 0 fine, 2 trouble or no such lesson.",
    .options = unlearn_options,
    .run = unlearn_run,
};

static const struct cli_option forget_options[] = {
    {OPT_DIGEST, "digest", "HEX", "the message with this digest, as 'posse lessons' shows it"},
    {OPT_TEACHER, "teacher", "NAME", "all that this teacher taught"},
    {OPT_HOME, "home", "DIR", "where the lessons are"},
    {OPT_MODEL, "model", "FILE", "the shipped model that the lessons build upon"},
    {OPT_EMPTY, "empty", NULL, "they build upon a model that knows nothing"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_forget = {
    .name = "forget",
    .summary = "delete what was kept of messages",
    .synopsis = "[OPTION]... PATH... | --digest HEX | --teacher NAME",
    .about = "Deletes for good what the journal holds of messages or of a teacher: digests and hashed\n"
             "features, of lessons that were taken back as well. The model is then as if they had never\n"
             "been. Rows of history and messages that the observatory kept go too. Exit status: 0 fine, 2 trouble or never taught.",
    .options = forget_options,
    .run = forget_run,
};
