/* serve_setup: what the daemon does before it serves: settings and whether they make sense, limits of the process, the lock on
 * its home. Errors say what to do. Threads: before there are any, but serve_settings (any). */
#ifndef POSSE_SERVE_SERVE_SETUP_H
#define POSSE_SERVE_SERVE_SETUP_H

#include "serve/door.h"
#include "serve/log.h"
#include "serve/privilege.h"
#include "serve/serve.h"

/* File, then o->set over it, then checked: log.*, addresses, mode, policies. */
int serve_settings(const struct serve_options *o, struct config **out, struct report *why);
enum log_level serve_log_level(const struct config *c);
/* serve.socket_mode as a number. */
mode_t serve_socket_mode(const struct config *c);

/* Descriptors up to the hard limit, one for each connection; how many that is. */
unsigned long serve_raise_limits(void);

/* As root: makes the home and gives it to the user that the daemon becomes. */
int serve_make_home(const char *home, const struct privilege *p, struct report *why);
/* Locks HOME/serve.lock, which holds the process's number; *fd_out keeps it. POSSE_EBUSY: another daemon has it. */
int serve_lock(const char *home, int *fd_out, struct report *why);

/* The doors that are built in, ended by NULL; and all their keys of addresses. */
extern const struct door_ops *const serve_doors[];
enum { SERVE_ROLES_MAX = 32 };
void serve_roles(const char *out[SERVE_ROLES_MAX + 1]);

#endif
