/* posse status: one page: what is kept, how much, since when. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/cli_gate.h"
#include "serve/keys.h"

struct status {
    char home[4096];
    bool has_lessons, has_history, has_quarantine;
    struct lessons_count lessons;
    struct events_count history;
    struct quarantine_count quarantine;
    size_t keys;
    uint64_t model_bytes;
};

static bool exists(const char *home, const char *name, char path[4200], struct stat *st)
{
    snprintf(path, 4200, "%s/%s", home, name);
    return stat(path, st) == 0;
}

static int gather(struct status *s, struct report *why)
{
    char path[4200];
    struct stat st;
    struct lessons *l;
    struct events *e;
    struct quarantine *q;
    struct keys *k;
    int rc = 0;
    if ((s->has_lessons = exists(s->home, "lessons.db", path, &st)) && !(rc = lessons_open(path, &l, why))) {
        rc = lessons_count(l, &s->lessons, why);
        lessons_close(&l);
    }
    if (!rc && (s->has_history = exists(s->home, "events.db", path, &st)) && !(rc = events_open(path, &e, why))) {
        rc = events_count(e, &s->history, why);
        events_close(&e);
    }
    if (!rc && (s->has_quarantine = exists(s->home, "quarantine", path, &st)) && !(rc = quarantine_open(path, &q, why))) {
        rc = quarantine_count(q, &s->quarantine, why);
        quarantine_close(&q);
    }
    if (!rc && exists(s->home, "keys/akismet", path, &st) && !(rc = keys_load(path, &k, why))) {
        s->keys = keys_count(k);
        keys_free(&k);
    }
    if (exists(s->home, "model.posse", path, &st))
        s->model_bytes = (uint64_t)st.st_size;
    return rc;
}

static const char *since(int64_t ms, char out[CLI_TIME_MAX])
{
    if (ms <= 0)
        return "";
    cli_format_time(ms, out);
    return out;
}

#define N(x) ((unsigned long long)(x))
static void print_page(const struct status *s)
{
    char from[CLI_TIME_MAX], to[CLI_TIME_MAX];
    printf("home        %s\n", s->home);
    printf("lessons     %llu ham, %llu spam live; %llu sealed, %llu revoked, %llu superseded; %.1f MB\n", N(s->lessons.live_ham),
           N(s->lessons.live_spam), N(s->lessons.sealed), N(s->lessons.revoked), N(s->lessons.superseded), (double)s->lessons.file_bytes / 1e6);
    printf("model       %s", s->model_bytes ? "" : "none of one's own yet: the one that ships\n");
    if (s->model_bytes)
        printf("%.1f MB\n", (double)s->model_bytes / 1e6);
    printf("history     %llu verdicts: %llu ham, %llu spam; %.1f MB\n", N(s->history.rows), N(s->history.ham), N(s->history.spam),
           (double)s->history.file_bytes / 1e6);
    if (s->history.rows)
        printf("            from %s to %s\n", since(s->history.oldest_ms, from), since(s->history.newest_ms, to));
    printf("quarantine  %llu kept, %llu being released, %llu released; %.1f MB\n", N(s->quarantine.kept), N(s->quarantine.releasing),
           N(s->quarantine.released), (double)s->quarantine.bytes / 1e6);
    if (s->quarantine.oldest_ms)
        printf("            from %s to %s\n", since(s->quarantine.oldest_ms, from), since(s->quarantine.newest_ms, to));
    printf("keys        %zu\n", s->keys);
}

static void json_since(struct buf *b, const char *name, int64_t ms)
{
    char time[CLI_TIME_MAX];
    json_name(b, name, false);
    if (ms > 0)
        json_string(b, span_str(since(ms, time)));
    else
        buf_add_str(b, "null");
}

static void print_json(const struct status *s)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_add_str(&b, "{\"home\":");
    json_string(&b, span_str(s->home));
    buf_add_fmt(&b, ",\"lessons\":{\"ham\":%llu,\"spam\":%llu,\"sealed\":%llu,\"revoked\":%llu,\"superseded\":%llu,\"bytes\":%llu}",
                N(s->lessons.live_ham), N(s->lessons.live_spam), N(s->lessons.sealed), N(s->lessons.revoked), N(s->lessons.superseded),
                N(s->lessons.file_bytes));
    buf_add_fmt(&b, ",\"model_bytes\":%llu,\"history\":{\"ham\":%llu,\"spam\":%llu,\"bytes\":%llu", N(s->model_bytes), N(s->history.ham),
                N(s->history.spam), N(s->history.file_bytes));
    json_since(&b, "oldest", s->history.oldest_ms);
    json_since(&b, "newest", s->history.newest_ms);
    buf_add_fmt(&b, "},\"quarantine\":{\"kept\":%llu,\"releasing\":%llu,\"released\":%llu,\"bytes\":%llu", N(s->quarantine.kept),
                N(s->quarantine.releasing), N(s->quarantine.released), N(s->quarantine.bytes));
    json_since(&b, "oldest", s->quarantine.oldest_ms);
    json_since(&b, "newest", s->quarantine.newest_ms);
    buf_add_fmt(&b, "},\"keys\":%zu}\n", s->keys);
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
}

static int status_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct status s = {.keys = 0};
    struct report why = {0};
    const char *given = NULL;
    bool is_json = false;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1)
        if (key == OPT_HOME)
            given = optarg;
        else if (key == OPT_JSON)
            is_json = true;
        else
            return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    if (!cli_home(given, s.home, sizeof s.home))
        return cli_error("the path of the home is too long");
    if (given && !cli_is_dir(s.home))
        return cli_error("%s: no such home", s.home);
    if (gather(&s, &why))
        return cli_report(&why);
    if (is_json)
        print_json(&s);
    else
        print_page(&s);
    return CLI_OK;
}

static const struct cli_option status_options[] = {
    {OPT_JSON, "json", NULL, "one JSON object"},
    {OPT_HOME, "home", "DIR", "the home to look at"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_status = {
    .name = "status",
    .summary = "what is kept, how much, since when",
    .synopsis = "[OPTION]...",
    .about = "One page: lessons, model, history, quarantine, keys. 'posse check' verifies them.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = status_options,
    .run = status_run,
};
