/* serve: the daemon. Reads the configuration, binds all sockets (or takes those of systemd), drops root, opens the gate, starts
 * the doors, and runs until it is told to stop.
 * Signals: HUP reloads (configuration, rules; connections go on), TERM and INT stop gracefully (limits.grace), a second one at
 * once. USR1 logs a line of statistics.
 * systemd: LISTEN_FDS with names ("spamd.listen"), NOTIFY_SOCKET (READY, RELOADING, STOPPING, WATCHDOG).
 * Errors: an address that cannot be bound, a bad configuration: -1 with `why`, before anything was started. */
#ifndef POSSE_SERVE_SERVE_H
#define POSSE_SERVE_SERVE_H

#include "base/config.h"
#include "base/report.h"

struct serve_options {
    const char *home, *model;
    const char *config_path;  /* NULL: as for every command */
    int (*settings)(const char *file, const char *home, struct config **out, struct report *why); /* reads it, again on HUP */
    bool is_foreground_test;  /* print "ready" with the addresses on stdout once all doors listen (port 0 is allowed) */
};
int serve_run(const struct serve_options *o, struct report *why);
/* The milter's process: `posse serve` starts itself with fds; not for people. */
int serve_milter_child(int argc, char **argv);

#endif
