/* posse key: who may ask the Akismet door. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "base/jsonout.h"
#include "cli/cli_gate.h"
#include "cli/verdict_out.h"
#include "serve/keys.h"
#include "store/home.h"

enum { OPT_SITE = 400, OPT_NOTE };

struct key_request { const char *home, *site, *note; bool is_json; char path[4200]; };

static int add(const struct key_request *q)
{
    struct report why = {0};
    uint8_t random[KEY_RANDOM_BYTES];
    char key[KEY_BYTES + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return cli_error("the system gives no random bytes");
    if (home_prepare(q->home, &why) || keys_add(q->path, q->site, q->note, cli_now_ms() / 1000, random, key, &why))
        return cli_report(&why);
    puts(key);
    return CLI_OK;
}

static void print_key(const struct key *k, bool is_json)
{
    char time[CLI_TIME_MAX];
    struct buf b;
    buf_init(&b, 1 << 16);
    cli_format_time(k->made_s * 1000, time);
    if (is_json) {
        buf_add_fmt(&b, "{\"key\":\"%s\",\"made\":\"%s\",\"site\":", k->key, time);
        json_string(&b, span_str(k->site));
        json_name(&b, "note", false);
        json_string(&b, span_str(k->note));
        buf_add_str(&b, "}\n");
    } else {
        buf_add_fmt(&b, "%s  %s  ", k->key, time);
        text_write(&b, span_str(*k->site ? k->site : "-"));
        buf_add_str(&b, *k->note ? "  " : "");
        text_write(&b, span_str(k->note));
        buf_add_byte(&b, '\n');
    }
    fwrite(b.p, 1, b.n, stdout);
    buf_deinit(&b);
}

static int list(const struct key_request *q)
{
    struct report why = {0};
    struct keys *k;
    if (keys_load(q->path, &k, &why))
        return cli_report(&why);
    for (size_t i = 0; i < keys_count(k); i++)
        print_key(keys_at(k, i), q->is_json);
    keys_free(&k);
    return CLI_OK;
}

static int remove_keys(const struct key_request *q, char **key, int n)
{
    struct report why = {0};
    int status = CLI_OK;
    for (int i = 0; i < n; i++)
        if (keys_remove(q->path, key[i], &why))
            status = cli_error("%s: %s", key[i], why.text);
    return status;
}

static int key_run(const struct cli_command *cmd, int argc, char **argv)
{
    struct key_request q = {.site = "", .note = ""};
    int key, first;
    char home[4096];
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1)
        switch (key) {
        case OPT_HOME: q.home = optarg; break;
        case OPT_SITE: q.site = optarg; break;
        case OPT_NOTE: q.note = optarg; break;
        case OPT_JSON: q.is_json = true; break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    if (!cli_home(q.home, home, sizeof home))
        return cli_error("the path of the home is too long");
    q.home = home;
    snprintf(q.path, sizeof q.path, "%s/keys/akismet", home);
    const char *verb = first < argc ? argv[first++] : "list";
    int n = argc - first;
    if (strcmp(verb, "remove") == 0 && n > 0)
        return remove_keys(&q, argv + first, n);
    if (n == 0 && strcmp(verb, "add") == 0)
        return add(&q);
    if (n == 0 && strcmp(verb, "list") == 0)
        return list(&q);
    return cli_usage(cmd, "add, list, or remove with the keys to remove");
}

static const struct cli_option key_options[] = {
    {OPT_SITE, "site", "URL", "add: the site that it is for; without, any site"},
    {OPT_NOTE, "note", "TEXT", "add: something to remember it by"},
    {OPT_JSON, "json", NULL, "list: one JSON object a line"},
    {OPT_HOME, "home", "DIR", "where the keys are"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_key = {
    .name = "key",
    .summary = "let blogs and forums ask",
    .synopsis = "[list] [OPTION]...\n       posse key add [--site URL] [--note TEXT]\n       posse key remove KEY...",
    .about = "Keys for the door that speaks as Akismet does. add makes a random one and prints it.\n"
             "Exit status: 0 fine, 2 trouble.",
    .options = key_options,
    .run = key_run,
};
