/* posse check: reads everything that is stored and says what is sound; changes nothing. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "store/events.h"
#include "store/obsdb.h"
#include "store/quarantine.h"
#include "store/snapshot.h"

static int fine(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int fine(const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("ok   %-10s ", what);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    return CLI_OK;
}

static int bad(const char *what, const struct report *why)
{
    printf("bad  %-10s %s\n", what, why->text[0] ? why->text : posse_strerror(why->code));
    return CLI_TROUBLE;
}

static int worse(int a, int b) { return a > b ? a : b; }

static int check_settings(const char *home)
{
    struct config *c;
    struct report why = {0};
    if (cli_settings(NULL, home, &c, &why) != 0)
        return bad("settings", &why);
    config_free(&c);
    return fine("settings", "read");
}

static int check_prior(const char *given)
{
    struct report why = {0};
    const char *path = given ? given : engine_prior_path();
    struct snapshot *s;
    if (!path) {
        report_set(&why, POSSE_ENOENT, "the model that ships was not found: name it with --model FILE or $POSSE_MODEL");
        return bad("shipped", &why);
    }
    if (snapshot_open(path, SNAPSHOT_PRIOR, &s, &why) != 0)
        return bad("shipped", &why);
    snapshot_close(&s);
    return fine("shipped", "%s", path);
}

static int check_mode(const char *home)
{
    struct stat st;
    struct report why = {0};
    if (stat(home, &st) < 0) {
        report_errno(&why, "read", home);
        return bad("home", &why);
    }
    if (st.st_mode & 077) {
        report_set(&why, POSSE_EACCES, "%s: others may enter it (mode %04o), and lessons are personal data: chmod 700",
                   home, (unsigned)st.st_mode & 07777);
        return bad("home", &why);
    }
    return fine("home", "%s", home);
}

static int check_journal(const char *home)
{
    char path[4200];
    struct report why = {0};
    struct lessons *l;
    struct lessons_count n;
    snprintf(path, sizeof path, "%s/lessons.db", home);
    if (access(path, F_OK) != 0)
        return fine("lessons", "none yet");
    if (lessons_open(path, &l, &why) != 0)
        return bad("lessons", &why);
    int rc = lessons_check(l, &why);
    if (rc == 0)
        rc = lessons_count(l, &n, &why);
    lessons_close(&l);
    if (rc)
        return bad("lessons", &why);
    return fine("lessons", "%llu ham, %llu spam live; %llu revoked, %llu superseded, %llu sealed; %llu bytes",
                (unsigned long long)n.live_ham, (unsigned long long)n.live_spam, (unsigned long long)n.revoked,
                (unsigned long long)n.superseded, (unsigned long long)n.sealed, (unsigned long long)n.file_bytes);
}

static int check_snapshot(const char *home)
{
    char path[4200];
    struct report why = {0};
    struct snapshot *s;
    snprintf(path, sizeof path, "%s/model.posse", home);
    if (access(path, F_OK) != 0)
        return fine("snapshot", "none; the model is folded from the lessons when it is needed");
    if (snapshot_open(path, SNAPSHOT_MODEL, &s, &why) != 0)
        return bad("snapshot", &why);
    snapshot_close(&s);
    return fine("snapshot", "%s", path);
}

static int check_history(const char *home)
{
    char path[4200];
    struct report why = {0};
    struct events *e;
    struct events_count n;
    snprintf(path, sizeof path, "%s/events.db", home);
    if (access(path, F_OK) != 0)
        return fine("history", "none yet");
    if (events_open(path, &e, &why) != 0)
        return bad("history", &why);
    int rc = events_check(e, &why);
    if (rc == 0)
        rc = events_count(e, &n, &why);
    events_close(&e);
    return rc ? bad("history", &why) : fine("history", "%llu ham, %llu spam; %llu bytes", (unsigned long long)n.ham,
                                            (unsigned long long)n.spam, (unsigned long long)n.file_bytes);
}

static int check_quarantine(const char *home)
{
    char path[4200];
    struct report why = {0};
    struct quarantine *q;
    struct quarantine_count n;
    snprintf(path, sizeof path, "%s/quarantine", home);
    if (access(path, F_OK) != 0)
        return fine("quarantine", "none yet");
    if (quarantine_open(path, &q, &why) != 0)
        return bad("quarantine", &why);
    int rc = quarantine_check(q, &why);
    if (rc == 0)
        rc = quarantine_count(q, &n, &why);
    quarantine_close(&q);
    return rc ? bad("quarantine", &why) : fine("quarantine", "%llu kept, %llu being released, %llu released; %llu bytes",
                                               (unsigned long long)n.kept, (unsigned long long)n.releasing,
                                               (unsigned long long)n.released, (unsigned long long)n.bytes);
}

static int check_observatory(const char *home)
{
    char path[4200];
    struct report why = {0};
    struct obsdb *d;
    struct obsdb_count n;
    snprintf(path, sizeof path, "%s/observatory.db", home);
    if (access(path, F_OK) != 0)
        return fine("observed", "nothing yet");
    if (obsdb_open(home, false, &d, &why) != 0)
        return bad("observed", &why);
    int rc = obsdb_check(d, &why);
    if (rc == 0)
        rc = obsdb_count(d, &n, &why);
    obsdb_close(&d);
    return rc ? bad("observed", &why) : fine("observed", "%llu messages kept, %llu templates; %llu bytes", (unsigned long long)n.originals,
                                             (unsigned long long)n.templates, (unsigned long long)n.file_bytes);
}

/* The model as it stands once all lessons are folded in. */
static int check_model(struct cli_engine *e)
{
    struct report why = {0};
    uint8_t digest[32];
    char hex[65];
    e->is_frozen = true;
    int rc = cli_engine_open(e, &why);
    if (rc == 0)
        rc = engine_model_digest(e->engine, digest, &why);
    if (rc)
        return cli_engine_close(e, bad("model", &why));
    hex_encode(span_of(digest, 32), hex);
    return cli_engine_close(e, fine("model", "sha256 %s", hex));
}

static int check_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct cli_engine e = {0};
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1)
        if (!cli_engine_option(&e, key, optarg))
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    char home[4096];
    if (!cli_home(e.home, home, sizeof home))
        return cli_error("the path of the home is too long");
    bool has_home = e.home || cli_is_dir(home);
    e.is_homeless = !has_home;
    if (has_home)
        e.home = home;
    int status = check_settings(has_home ? home : NULL);
    if (!e.is_empty)
        status = worse(status, check_prior(e.model));
    if (has_home) {
        status = worse(status, check_mode(home));
        status = worse(status, check_journal(home));
        status = worse(status, check_snapshot(home));
        status = worse(status, check_history(home));
        status = worse(status, check_quarantine(home));
        status = worse(status, check_observatory(home));
    } else {
        fine("home", "none yet: %s", home);
    }
    return status == CLI_OK ? check_model(&e) : status;
}

static const struct cli_option check_options[] = {
    {OPT_HOME, "home", "DIR", "the home to check"},
    {OPT_MODEL, "model", "FILE", "the shipped model that it builds upon"},
    {OPT_EMPTY, "empty", NULL, "it builds upon a model that knows nothing"},
    {OPT_RULES, "rules", "FILE", "check these rules too; may be given several times"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_check = {
    .name = "check",
    .summary = "verify what is stored",
    .synopsis = "[OPTION]...",
    .about = "Reads settings, rules, the shipped model, the journal of lessons, the user's model,\n"
             "history, quarantine and observatory in full, and says of each whether it is sound. Exit status: 0 all is, 2 something is not.",
    .options = check_options,
    .run = check_run,
};
