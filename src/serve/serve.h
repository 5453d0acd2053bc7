/* serve: the daemon. Reads the configuration, binds all sockets (or takes those of systemd), drops root, locks the home, opens
 * the gate, starts the doors, and runs until it is told to stop.
 * Signals: HUP reloads (configuration, rules; connections go on), TERM and INT stop gracefully (limits.grace), a second one at
 * once. USR1 logs a line of statistics.
 * systemd: LISTEN_FDS with names ("spamd.listen"), NOTIFY_SOCKET (READY, RELOADING, STOPPING, WATCHDOG).
 * One daemon a home: the lock is HOME/serve.lock. Commands may use the home meanwhile.
 * A new configuration that is bad changes nothing. Addresses, threads, user, log and limits.log_lines are what they were at the
 * start; a reload that would change them says so in the log.
 * Errors: an address that cannot be bound, a bad configuration: -1 with `why`, before anything was started. */
#ifndef POSSE_SERVE_SERVE_H
#define POSSE_SERVE_SERVE_H

#include "base/config.h"
#include "base/report.h"

struct serve_options {
    const char *home, *model;
    const char *config_path;  /* NULL: as for every command */
    int (*settings)(const char *file, const char *home, struct config **out, struct report *why); /* reads it, again on HUP */
    const char *const *set;   /* "key=value", over what the file says */
    size_t n_set;
    bool announce;            /* once all doors listen: "key address" of each and "ready" on stdout; tells what port 0 became */
};
int serve_run(const struct serve_options *o, struct report *why);
/* Whether it would start as far as the configuration goes: values, addresses, users, policies. Binds and writes nothing. */
int serve_check(const struct serve_options *o, struct report *why);
/* The milter's process, `posse serve --milter-child` with the same options: the daemon starts itself with fds 3 to 5 (milter_child.h);
 * not for people. */
int serve_milter_child(const struct serve_options *o, struct report *why);

#endif
