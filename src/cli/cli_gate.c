#include "cli/cli_gate.h"

#include <pwd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

bool cli_gate_option(struct cli_gate *g, int key, const char *arg)
{
    switch (key) {
    case OPT_HOME: g->home = arg; return true;
    case OPT_MODEL: g->model = arg; return true;
    case OPT_EMPTY: g->is_empty = true; return true;
    default: return false;
    }
}

int cli_gate_open(struct cli_gate *g, struct report *why)
{
    struct config *c = NULL;
    if (!cli_home(g->home, g->home_path, sizeof g->home_path))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    int rc = cli_settings(NULL, g->home_path, &c, why);
    if (!rc)
        rc = config_set(c, "serve.threads", "1", why);
    if (!rc)
        rc = counters_open(-1, &g->counters, why);
    g->log = rc ? NULL : log_new(STDERR_FILENO, LOG_WARNING, false, 0);
    if (!rc && !g->log)
        rc = report_set(why, POSSE_ENOMEM, "out of memory");
    if (rc) {
        config_free(&c);
        return rc;
    }
    struct gate_options o = {.home = g->home_path, .model = g->is_empty ? "" : g->model, .config = c, .counters = g->counters,
                             .log = g->log, .is_reader = true};
    return gate_open(&o, &g->gate, why);
}

int cli_gate_close(struct cli_gate *g, int status)
{
    struct report why = {0};
    if (g->gate && gate_close(&g->gate, &why)) {
        cli_report(&why);
        status = CLI_TROUBLE;
    }
    log_free(&g->log);
    counters_close(&g->counters);
    return status;
}

const char *cli_own_name(void)
{
    const struct passwd *pw = getpwuid(geteuid());
    return pw && *pw->pw_name ? pw->pw_name : "unknown";
}

void cli_format_time(int64_t ms, char out[CLI_TIME_MAX])
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&s, &tm) || strftime(out, CLI_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(out, "?");
}
