/* cli: what every subcommand shares: its table entry, options, messages, home and settings.
 * One command is one `struct cli_command`; usage, `posse help` and getopt all come from it.
 * Exit status: enum cli_status. Only this floor prints and exits.
 * Threads: main thread only, save where said. */
#ifndef POSSE_CLI_CLI_H
#define POSSE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/report.h"
#include "engine/engine.h"

enum cli_status { CLI_OK = 0, CLI_SPAM = 1, CLI_TROUBLE = 2 };

/* An option; `key` is its short letter, or a number above 255 for a long name only. */
struct cli_option {
    int key;
    const char *name;
    const char *arg; /* NULL: takes none */
    const char *help;
};

struct cli_command {
    const char *name;
    const char *summary;              /* one line, for `posse help` */
    const char *synopsis;             /* after "posse NAME " */
    const char *about;                /* paragraphs for `posse help NAME` */
    const struct cli_option *options; /* ends with a NULL name; may be NULL */
    const struct cli_command *const *verbs; /* named "NAME VERB", ends with NULL; NULL: none */
    int (*run)(const struct cli_command *cmd, int argc, char **argv);
};

extern const struct cli_command cli_scan, cli_learn, cli_unlearn, cli_lessons, cli_forget, cli_eval, cli_train, cli_trace,
    cli_observe, cli_campaigns, cli_campaign, cli_botnets, cli_botnet, cli_case, cli_rdap, cli_serve, cli_smtpd, cli_history, cli_quarantine,
    cli_key, cli_status, cli_config, cli_check, cli_version, cli_help;
/* All of them, in the order of `posse help`; ends with NULL. */
extern const struct cli_command *const cli_commands[];

/* The next option's key, -1 at the end (*first_out: index of the first operand), or '?' after a message.
 * `--help` prints the command's help and gives CLI_HELP: return CLI_OK then. */
enum { CLI_HELP = 1000 };
int cli_getopt(const struct cli_command *cmd, int argc, char **argv, int *first_out);
const struct cli_command *cli_find(const char *name); /* NULL: none */
const struct cli_command *cli_find_verb(const struct cli_command *cmd, const char *verb); /* NULL: none */
void cli_print_help(const struct cli_command *cmd);
/* "posse NAME: text; see 'posse help NAME'"; gives CLI_TROUBLE. */
int cli_usage(const struct cli_command *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "posse: text" to stderr; gives CLI_TROUBLE. */
int cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int cli_report(const struct report *why);

/* Writes out stdout; a failure (a full disk, say) turns any status into CLI_TROUBLE. */
int cli_finish(int status);
bool cli_color_stdout(void); /* a terminal, and NO_COLOR is not set */

/* An unsigned decimal number in [least, most]. */
bool cli_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);
/* "2026-11-21", "2026-11-21 14:30[:05]", with T for the blank and Z for UTC; "@1700000000"; "7d" (ago). */
bool cli_time(const char *text, int64_t now_ms, int64_t *ms_out);
int64_t cli_now_ms(void);

/* The keys of this program (cli_keys.c). */
extern const struct config_key cli_keys[];
/* From `file`; or $POSSE_CONFIG, HOME/posse.conf, /etc/posse/posse.conf: the first that there is. */
int cli_settings(const char *file, const char *home, struct config **out, struct report *why);

/* --home, or $POSSE_HOME, or /var/lib/posse for root, or the user's state folder. Into buf; false: too long. */
bool cli_home(const char *given, char *buf, size_t n);
bool cli_is_dir(const char *path);
/* scan.threads; 0 there means as many as this process may run on. */
unsigned cli_threads(const struct config *c);

/* Options that several commands have; parse with cli_engine_option, then cli_engine_open. */
enum { OPT_HOME = 300, OPT_MODEL, OPT_RULES, OPT_EMPTY, OPT_JSON, OPT_TEACHER, OPT_SINCE, OPT_THREADS };
enum { CLI_RULES_MAX = 64 };
struct cli_engine {
    const char *home, *model;
    const char *rules[CLI_RULES_MAX];
    size_t n_rules;
    bool is_empty, is_frozen;
    bool is_long; /* thousands of messages may come (engine.h) */
    bool is_teaching; /* the home is needed, and made when it is not there */
    bool is_homeless; /* the home is never looked at */
    /* filled by cli_engine_open */
    char home_path[4096], cache_path[4200];
    struct config *settings;
    struct engine *engine;
};
/* True when `key` was one of OPT_HOME, OPT_MODEL, OPT_RULES, OPT_EMPTY and has been taken. */
bool cli_engine_option(struct cli_engine *e, int key, const char *arg);
/* Settings, home, engine. With --model or --empty and no --home, the user's home is left alone. */
int cli_engine_open(struct cli_engine *e, struct report *why);
/* Closes all; an error of the engine's closing is printed and gives CLI_TROUBLE. */
int cli_engine_close(struct cli_engine *e, int status);

#endif
