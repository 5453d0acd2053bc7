/* posse config: the settings as they are, from the one table of keys. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { OPT_DUMP = 400, OPT_GET, OPT_FILE, OPT_MDOC };

/* "policy[example.org].tag": the table's key, "policy[].tag", and the title into `title`; "" when there is none. */
static const struct config_key *find_key(const char *name, char *title, size_t n)
{
    const char *open = strchr(name, '['), *end = NULL;
    for (const char *p = open; p && (p = strstr(p, "].")); p++)
        end = p;
    *title = '\0';
    if (end && (size_t)snprintf(title, n, "%.*s", (int)(end - open - 1), open + 1) >= n)
        return NULL;
    for (const struct config_key *k = cli_keys; k->name; k++)
        if (end ? strncmp(k->name, name, (size_t)(open + 1 - name)) == 0 && strcmp(k->name + (open + 1 - name), end) == 0
                : strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

static void print_list(const char *const *item, size_t n)
{
    for (size_t i = 0; i < n; i++)
        puts(item[i]);
}

static int print_value(const struct config *c, const char *asked)
{
    char title[300];
    const struct config_key *k = find_key(asked, title, sizeof title);
    if (!k)
        return cli_error("'%s' is not a setting; 'posse config --dump' lists them", asked);
    const char *const *item, *name = k->name;
    bool is_titled = strstr(name, "[].") != NULL; /* without a title: of "default" */
    switch (k->type) {
    case CONFIG_BOOL: puts((is_titled ? config_bool_of(c, name, title) : config_bool(c, name)) ? "true" : "false"); break;
    case CONFIG_INT:
    case CONFIG_BYTES:
    case CONFIG_TIME: printf("%lld\n", (long long)(is_titled ? config_int_of(c, name, title) : config_int(c, name))); break;
    case CONFIG_FLOAT: printf("%.10g\n", is_titled ? config_float_of(c, name, title) : config_float(c, name)); break;
    case CONFIG_STRING: puts(is_titled ? config_string_of(c, name, title) : config_string(c, name)); break;
    case CONFIG_LIST: {
        size_t n = is_titled ? config_list_of(c, name, title, &item) : config_list(c, name, &item);
        print_list(item, n);
        break;
    }
    }
    return CLI_OK;
}

static int config_run(const struct cli_command *cmd, int argc, char **argv)
{
    const char *file = NULL, *get = NULL, *home_given = NULL;
    bool is_mdoc = false;
    int key, first;
    while ((key = cli_getopt(cmd, argc, argv, &first)) != -1) {
        switch (key) {
        case OPT_DUMP: break; /* what it does anyway */
        case OPT_GET: get = optarg; break;
        case OPT_FILE: file = optarg; break;
        case OPT_HOME: home_given = optarg; break;
        case OPT_MDOC: is_mdoc = true; break;
        default: return key == CLI_HELP ? CLI_OK : CLI_TROUBLE;
        }
    }
    if (first != argc)
        return cli_usage(cmd, "it takes options only");
    if (is_mdoc) {
        config_mdoc(cli_keys, stdout);
        return CLI_OK;
    }
    char home[4096];
    struct config *c;
    struct report why = {0};
    bool has_home = cli_home(home_given, home, sizeof home);
    if (cli_settings(file, has_home ? home : NULL, &c, &why) != 0)
        return cli_report(&why);
    int status = CLI_OK;
    if (get)
        status = print_value(c, get);
    else
        config_dump(c, stdout);
    config_free(&c);
    return status;
}

static const struct cli_option config_options[] = {
    {OPT_DUMP, "dump", NULL, "print all settings, with what they mean (the default)"},
    {OPT_GET, "get", "KEY", "print the value of one setting, policy[example.org].tag say; bytes and times as numbers"},
    {OPT_FILE, "file", "PATH", "read this file instead of the usual one"},
    {OPT_HOME, "home", "DIR", "look for posse.conf here"},
    {OPT_MDOC, "mdoc", NULL, "print the keys as source for the manual page"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cli_config = {
    .name = "config",
    .summary = "show the settings",
    .synopsis = "[--dump | --get KEY] [--file PATH]",
    .about = "Prints the settings in force, in a form that can be kept as the settings file. They are\n"
             "read from $POSSE_CONFIG, or posse.conf in the home, or /etc/posse/posse.conf: the first\n"
             "that there is. An error names file and line. Exit status: 0 fine, 2 trouble.",
    .options = config_options,
    .run = config_run,
};
