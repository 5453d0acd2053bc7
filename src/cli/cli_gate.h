/* cli_gate: the gate (serve/gate.h) for one command instead of a daemon: settings, counters, a log on stderr.
 * Threads: one owner. */
#ifndef POSSE_CLI_CLI_GATE_H
#define POSSE_CLI_CLI_GATE_H

#include "cli/cli.h"
#include "serve/gate.h"

struct cli_gate {
    const char *home, *model; /* as given; NULL: the usual ones */
    bool is_empty;
    char home_path[4096];
    struct counters *counters;
    struct log *log;
    struct gate *gate;
};
/* Takes OPT_HOME, OPT_MODEL, OPT_EMPTY: true. */
bool cli_gate_option(struct cli_gate *g, int key, const char *arg);
/* The home is made when it is not there. */
int cli_gate_open(struct cli_gate *g, struct report *why);
/* An error of the gate's closing is printed and gives CLI_TROUBLE. */
int cli_gate_close(struct cli_gate *g, int status);

/* The user's name, for lessons. */
const char *cli_own_name(void);
/* "2026-11-21T14:30:05Z". */
enum { CLI_TIME_MAX = 32 };
void cli_format_time(int64_t ms, char out[CLI_TIME_MAX]);

#endif
