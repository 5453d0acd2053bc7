/* cli_home: where the user's state and settings are, and the engine over them. */
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "store/home.h"

bool cli_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool cli_home(const char *given, char *buf, size_t n)
{
    const char *env = getenv("POSSE_HOME"), *state = getenv("XDG_STATE_HOME"), *user = getenv("HOME");
    int len;
    if (given)
        len = snprintf(buf, n, "%s", given);
    else if (env && *env)
        len = snprintf(buf, n, "%s", env);
    else if (geteuid() == 0)
        len = snprintf(buf, n, "/var/lib/posse");
    else if (state && state[0] == '/')
        len = snprintf(buf, n, "%s/posse", state);
    else
        len = snprintf(buf, n, "%s/.local/state/posse", user ? user : "");
    return len > 0 && (size_t)len < n;
}

static const char *settings_file(const char *file, const char *home, char *buf, size_t n)
{
    const char *env = getenv("POSSE_CONFIG");
    if (file)
        return file;
    if (env && *env)
        return env;
    if (home && snprintf(buf, n, "%s/posse.conf", home) < (int)n && access(buf, F_OK) == 0)
        return buf;
    return access("/etc/posse/posse.conf", F_OK) == 0 ? "/etc/posse/posse.conf" : NULL;
}

int cli_settings(const char *file, const char *home, struct config **out, struct report *why)
{
    char buf[4200];
    int rc = config_new(cli_keys, out, why);
    if (rc)
        return rc;
    const char *path = settings_file(file, home, buf, sizeof buf);
    if (path)
        rc = config_load(*out, path, why);
    if (rc)
        config_free(out);
    return rc;
}

unsigned cli_threads(const struct config *c)
{
    int64_t set = config_int(c, "scan.threads");
    if (set > 0)
        return (unsigned)set;
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        return 1;
    int n = CPU_COUNT(&cpus);
    return n > 0 ? (unsigned)n : 1;
}

bool cli_engine_option(struct cli_engine *e, int key, const char *arg)
{
    switch (key) {
    case OPT_HOME: e->home = arg; return true;
    case OPT_MODEL: e->model = arg; return true;
    case OPT_EMPTY: e->is_empty = true; return true;
    case OPT_RULES:
        if (e->n_rules < CLI_RULES_MAX)
            e->rules[e->n_rules++] = arg;
        return true;
    default: return false;
    }
}

/* The rule files of the settings come first, in their order. */
static int gather_rules(struct cli_engine *e, struct report *why)
{
    const char *const *set;
    size_t n = config_list(e->settings, "filter.rules", &set);
    if (n + e->n_rules > CLI_RULES_MAX)
        return report_set(why, POSSE_ELIMIT, "more than %d rule files; use include in one of them", CLI_RULES_MAX);
    memmove(e->rules + n, e->rules, e->n_rules * sizeof *e->rules);
    for (size_t i = 0; i < n; i++)
        e->rules[i] = set[i];
    e->n_rules += n;
    return 0;
}

/* Compiled rules are kept beside the model, or in the user's cache; where neither can be, compiling takes its second. */
static const char *rules_cache(struct cli_engine *e, bool has_home)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *user = getenv("HOME");
    size_t n = sizeof e->cache_path;
    int len = -1;
    if (e->n_rules == 0 || e->is_homeless)
        return NULL;
    if (has_home)
        len = snprintf(e->cache_path, n, "%s/rules", e->home_path);
    else if (cache && cache[0] == '/')
        len = snprintf(e->cache_path, n, "%s/posse", cache);
    else if (user && user[0] == '/')
        len = snprintf(e->cache_path, n, "%s/.cache/posse", user);
    if (len < 0 || (size_t)len >= n)
        return NULL;
    if (mkdir(e->cache_path, 0700) < 0 && errno != EEXIST)
        return NULL;
    return cli_is_dir(e->cache_path) ? e->cache_path : NULL;
}

int cli_engine_open(struct cli_engine *e, struct report *why)
{
    bool is_asked = e->home || e->is_teaching;
    if (!cli_home(e->home, e->home_path, sizeof e->home_path))
        return report_set(why, POSSE_EINVAL, "the path of the home is too long");
    bool has_home = !e->is_homeless && (is_asked || (!e->model && !e->is_empty && cli_is_dir(e->home_path)));
    int rc = 0;
    if (e->is_teaching)
        rc = home_prepare(e->home_path, why);
    else if (e->home && !cli_is_dir(e->home_path))
        rc = report_set(why, POSSE_ENOENT, "%s: no such home; 'posse learn' makes one", e->home_path);
    if (rc == 0)
        rc = cli_settings(NULL, has_home ? e->home_path : NULL, &e->settings, why);
    if (rc == 0)
        rc = gather_rules(e, why);
    if (rc)
        return rc;
    const char *prior = e->is_empty ? "" : e->model;
    if (!prior && !engine_prior_path())
        return report_set(why, POSSE_ENOENT, "no model was found: give --model FILE or --empty, or set $POSSE_MODEL");
    struct engine_options o = {
        .home = has_home ? e->home_path : NULL,
        .prior = prior,
        .is_empty = e->is_empty,
        .is_frozen = e->is_frozen,
        .is_long = e->is_long,
        .make_home = e->is_teaching,
        .rules = e->rules,
        .n_rules = e->n_rules,
        .rules_cache = rules_cache(e, has_home),
        .horizon_ms = config_int(e->settings, "store.horizon") * 1000,
        .list_bits = config_float(e->settings, "filter.list_bits"),
        .ham_loss = config_float(e->settings, "filter.ham_loss"),
    };
    return engine_open(&o, &e->engine, why);
}

int cli_engine_close(struct cli_engine *e, int status)
{
    struct report why = {0};
    if (e->engine && engine_close(&e->engine, &why) < 0) {
        cli_report(&why);
        status = CLI_TROUBLE;
    }
    config_free(&e->settings);
    return status;
}
