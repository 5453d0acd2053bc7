#include "serve/serve_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/sockets.h"
#include "store/home.h"
#include "store/store_report.h"

const struct door_ops *const serve_doors[] = {
    &door_http,
    &door_milter,
    &door_spamd,
    NULL,
};

void serve_roles(const char *out[SERVE_ROLES_MAX + 1])
{
    size_t n = 0;
    for (const struct door_ops *const *d = serve_doors; *d; d++)
        for (const char *const *key = (*d)->listen; *key && n < SERVE_ROLES_MAX; key++)
            out[n++] = *key;
    out[n] = NULL;
}

/* ---- settings ---- */

static const char *const levels[] = {"error", "warning", "notice", "info", "debug"};

static int level_of(const char *name)
{
    for (int i = 0; i < 5; i++)
        if (strcmp(name, levels[i]) == 0)
            return LOG_ERROR + i;
    return -1;
}

enum log_level serve_log_level(const struct config *c) { return (enum log_level)level_of(config_string(c, "log.level")); }
mode_t serve_socket_mode(const struct config *c) { return (mode_t)strtoul(config_string(c, "serve.socket_mode"), NULL, 8); }

static int check_addresses(const struct config *c, struct report *why)
{
    const char *role[SERVE_ROLES_MAX + 1], *const *item;
    size_t n = 0;
    serve_roles(role);
    for (size_t r = 0; role[r]; r++) {
        size_t here = config_list(c, role[r], &item);
        for (size_t i = 0; i < here; i++) {
            int rc = sockets_check(item[i], role[r], why);
            if (rc)
                return rc;
        }
        n += here;
    }
    return n <= 4096 ? POSSE_OK : report_set(why, POSSE_ELIMIT, "more than 4096 addresses to listen on");
}

static int check_policies(const struct config *c, struct report *why)
{
    struct policies *p;
    int rc = policies_new(c, &p, why);
    if (!rc)
        policies_free(&p);
    return rc;
}

static int check(const struct config *c, struct report *why)
{
    const char *format = config_string(c, "log.format"), *mode = config_string(c, "serve.socket_mode");
    if (level_of(config_string(c, "log.level")) < 0)
        return report_set(why, POSSE_ESYNTAX, "log.level must be error, warning, notice, info or debug, not \"%.40s\"",
                          config_string(c, "log.level"));
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return report_set(why, POSSE_ESYNTAX, "log.format must be text or json, not \"%.40s\"", format);
    if (!*mode || strlen(mode) > 4 || strspn(mode, "01234567") != strlen(mode) || strtoul(mode, NULL, 8) > 0777)
        return report_set(why, POSSE_ESYNTAX, "serve.socket_mode must be an octal mode such as 0660, not \"%.40s\"", mode);
    int rc = check_addresses(c, why);
    return rc ? rc : check_policies(c, why);
}

static int set_one(struct config *c, const char *text, struct report *why)
{
    const char *end = strstr(text, "].") ? strrchr(text, ']') : text; /* a title may hold a sign of equality */
    const char *equals = strchr(end, '=');
    char name[512];
    if (!equals || snprintf(name, sizeof name, "%.*s", (int)(equals - text), text) >= (int)sizeof name)
        return report_set(why, POSSE_EINVAL, "\"%.80s\" sets nothing; write KEY=VALUE", text);
    return config_set(c, name, equals + 1, why);
}

int serve_settings(const struct serve_options *o, struct config **out, struct report *why)
{
    int rc = o->settings(o->config_path, o->home, out, why);
    if (rc)
        return rc;
    for (size_t i = 0; i < o->n_set && !rc; i++)
        rc = set_one(*out, o->set[i], why);
    if (!rc)
        rc = check(*out, why);
    if (rc)
        config_free(out);
    return rc;
}

int serve_check(const struct serve_options *o, struct report *why)
{
    struct config *c = NULL;
    struct privilege p;
    gid_t group;
    int rc = serve_settings(o, &c, why);
    if (rc)
        return rc;
    const char *user = config_string(c, "serve.user"), *name = config_string(c, "serve.socket_group");
    if (*user)
        rc = privilege_find(user, &p, why);
    if (!rc && *name)
        rc = privilege_group(name, &group, why);
    config_free(&c);
    return rc;
}

/* ---- the process ---- */

unsigned long serve_raise_limits(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 0;
    rlim_t before = r.rlim_cur;
    r.rlim_cur = r.rlim_max;
    if (before != r.rlim_max && setrlimit(RLIMIT_NOFILE, &r) != 0)
        r.rlim_cur = before;
    return (unsigned long)r.rlim_cur;
}

int serve_make_home(const char *home, const struct privilege *p, struct report *why)
{
    struct stat st;
    if (!p->is_root || p->uid == 0 || lstat(home, &st) == 0)
        return POSSE_OK;
    int rc = home_prepare(home, why);
    if (!rc && chown(home, p->uid, p->gid) != 0)
        rc = store_errno(why, "give this folder to serve.user", home);
    return rc;
}

int serve_lock(const char *home, int *fd_out, struct report *why)
{
    return home_lock(home, "serve.lock", "another daemon serves this home already", fd_out, why);
}
