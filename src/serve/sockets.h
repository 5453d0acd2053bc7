/* sockets: the daemon's listening sockets, each with the key of the configuration that it came from (its role).
 * An address is "127.0.0.1:783", "[::1]:783" or "unix:/path"; port 0 takes a free one. Names are not looked up. An IPv6
 * address takes IPv6 only, so that "0.0.0.0:783" and "[::]:783" can stand side by side.
 * From systemd (LISTEN_FDS) a socket is known by its name, FileDescriptorName=spamd.listen, or else by its address, which must
 * then be one of the configuration's. Where a key got sockets that way, its own addresses are not bound.
 * A socket with a path is made with `mode`; one that a dead daemon left is taken away first, one that answers is not.
 * Ownership: a descriptor is the sockets' until sockets_take. Closing takes away the paths that were bound here.
 * Errors: say key, address and what to do. Threads: one owner; sockets_open changes the umask for a moment. */
#ifndef POSSE_SERVE_SOCKETS_H
#define POSSE_SERVE_SOCKETS_H

#include <sys/types.h>

#include "base/config.h"
#include "base/report.h"

struct listening {
    const char *role;     /* the caller's text */
    int fd;               /* -1: taken */
    bool is_inherited;
    char address[128];    /* as it is bound, the port no longer 0 */
};

/* What the service manager handed over: n descriptors from `first` on, their names parted by colons. */
struct sockets_inherited { int first, n; const char *names; };
/* From the environment, which is cleared of it, so that no child takes it for its own. */
void sockets_inherit(struct sockets_inherited *out, char *names, size_t size);

struct sockets_options {
    const struct config *config;
    const char *const *role; /* keys of lists of addresses, ended by NULL */
    struct sockets_inherited inherited;
    mode_t mode;             /* of sockets with a path, */
    uid_t uid;               /* and whose they are; (uid_t)-1, (gid_t)-1: as they come */
    gid_t gid;
};

struct sockets;
int sockets_open(const struct sockets_options *o, struct sockets **out, struct report *why);
void sockets_close(struct sockets **s);
size_t sockets_all(const struct sockets *s, const struct listening **out);
/* The descriptor, non-blocking and closed on exec; the caller's from here on. */
int sockets_take(struct sockets *s, size_t i);

/* Whether it can be read as one; where: the key, for the report. */
int sockets_check(const char *address, const char *where, struct report *why);

#endif
