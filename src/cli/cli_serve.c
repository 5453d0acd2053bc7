/* posse serve: the daemon. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "serve/serve.h"

enum { OPT_CONFIG = 400, OPT_CHECK, OPT_SET, OPT_ANNOUNCE, OPT_CHILD, SETS_MAX = 256 };

static int serve_command(const struct cli_command *cmd, int argc, char **argv)
{
    const char *set[SETS_MAX], *home_given = NULL;
    struct serve_options o = {.settings = cli_settings, .set = set};
    bool is_check = false, is_child = false;
    char home[4096];
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        switch (key) {
        case OPT_HOME: home_given = optarg; break;
        case OPT_MODEL: o.model = optarg; break;
        case OPT_CONFIG: o.config_path = optarg; break;
        case OPT_CHECK: is_check = true; break;
        case OPT_ANNOUNCE: o.announce = true; break;
        case OPT_CHILD: is_child = true; break;
        case OPT_SET:
            if (o.n_set == SETS_MAX)
                return cli_usage(cmd, "more than %d settings; write a file", SETS_MAX);
            set[o.n_set++] = optarg;
            break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    if (!cli_home(home_given, home, sizeof home))
        return cli_error("the path of the home is too long");
    o.home = home;
    struct report why = {0};
    int rc = is_check ? serve_check(&o, &why) : is_child ? serve_milter_child(&o, &why) : serve_run(&o, &why);
    return rc ? cli_report(&why) : CLI_OK;
}

static const struct cli_option serve_options[] = {
    {OPT_HOME, "home", "DIR", "the folder of its state"},
    {OPT_CONFIG, "config", "FILE", "read the settings from this file instead of the usual one"},
    {OPT_SET, "set", "KEY=VALUE", "a setting over what the file says; may be given several times"},
    {OPT_MODEL, "model", "FILE", "the shipped model to build upon"},
    {OPT_CHECK, "check", NULL, "read the settings, say what is wrong with them, and end"},
    {OPT_ANNOUNCE, "announce", NULL, "print each address, and 'ready', on standard output once all listen"},
    {OPT_CHILD, "milter-child", NULL, NULL},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_serve = {
    .name = "serve",
    .summary = "filter for mail servers and blogs",
    .synopsis = "[OPTION]...",
    .about = "Answers mail servers, spam clients and blogs at the addresses that the settings name\n"
             "(spamd.listen and the like; 'posse config --dump' shows all). SIGHUP reads settings and\n"
             "rules again, SIGTERM lets what has begun finish. Started by root it becomes serve.user.\n"
             "Exit status: 0 stopped as told, 2 trouble.",
    .options = serve_options,
    .run = serve_command,
};
